/* native_world.c - the worlds of native plugins, each read once while anybody has it.  Layer: registry.
 *
 * To read a world is a fifth of what it takes to load a small plugin, and a plugin that replaces another
 * mostly carries the same.  Equal means equal bytes: what a note says of them is not believed here, nor is
 * a digest.  A world goes with the last plugin that has it, so nothing is kept that is not in use. */
#include "registry/registry.h"

#include "base/diag.h"

struct berthi_native_world {
    struct berthi_native_world *next; /* guarded by the cache's lock, as is `refs` */
    uint32_t refs;
    uint64_t hash;
    const uint8_t *wit; /* NULL: nobody else finds it */
    size_t wit_size;
    berthi_arena arena; /* holds all but this */
    berthi_native_plugin plugin;
};

static uint64_t hash_of(const uint8_t *bytes, size_t size)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
    return hash;
}

static berthi_native_world **bucket_of(berth_runtime *rt, uint64_t hash)
{
    return &rt->cache.worlds[hash % BERTHI_WORLD_BUCKETS];
}

berthi_native_world *berthi_native_world_make(berth_runtime *rt)
{
    berthi_native_world *world = berthi_zalloc(&rt->allocator, sizeof *world);

    if (world == NULL)
        return NULL;
    world->refs = 1;
    berthi_arena_init(&world->arena, &rt->allocator, SIZE_MAX);
    return world;
}

berthi_arena *berthi_native_world_arena(berthi_native_world *world)
{
    return &world->arena;
}

const berthi_native_plugin *berthi_native_world_plugin(const berthi_native_world *world)
{
    return &world->plugin;
}

berthi_native_world *berthi_native_world_find(berth_runtime *rt, const uint8_t *wit,
                                              size_t size)
{
    uint64_t hash = hash_of(wit, size);
    berthi_native_world *world;

    berthi_lock_take(&rt->cache.lock);
    world = *bucket_of(rt, hash);
    while (world != NULL && (world->hash != hash || world->wit_size != size ||
                             memcmp(world->wit, wit, size) != 0))
        world = world->next;
    if (world != NULL)
        world->refs++;
    berthi_lock_drop(&rt->cache.lock);
    return world;
}

void berthi_native_world_share(berth_runtime *rt, berthi_native_world *world,
                               const berthi_native_plugin *plugin)
{
    const berthi_native_info *info = &plugin->info;
    uint8_t *wit;

    if (world->wit != NULL) /* it was found */
        return;
    wit = berthi_arena_alloc(&world->arena, info->wit_size);
    if (wit == NULL)
        return; /* the next one reads it again */
    memcpy(wit, info->wit, info->wit_size);
    world->plugin = (berthi_native_plugin){ .exports_count = plugin->exports_count,
                                            .exports = plugin->exports,
                                            .model = plugin->model,
                                            .world = plugin->world };
    world->hash = hash_of(wit, info->wit_size);
    world->wit_size = info->wit_size;
    world->wit = wit;
    berthi_lock_take(&rt->cache.lock);
    world->next = *bucket_of(rt, world->hash);
    *bucket_of(rt, world->hash) = world;
    berthi_lock_drop(&rt->cache.lock);
}

void berthi_native_world_unref(berth_runtime *rt, berthi_native_world *world)
{
    berthi_native_world **at;
    bool is_last;

    berthi_lock_take(&rt->cache.lock);
    is_last = --world->refs == 0;
    if (is_last && world->wit != NULL) {
        for (at = bucket_of(rt, world->hash); *at != world;)
            at = &(*at)->next;
        *at = world->next;
    }
    berthi_lock_drop(&rt->cache.lock);
    if (!is_last)
        return;
    berthi_arena_fini(&world->arena);
    berthi_free(&rt->allocator, world, sizeof *world);
}
