/* component_cache.c - components that are loaded, shared by all slots of a runtime.  Layer: registry.
 *
 * A loaded component (its bytes, types, plans and links) is the same for everybody, so contents of
 * one digest share it; what a host offers is only ever added to, so links stay right.  As with
 * compiled artifacts (cache.c), the first thread that asks loads it, without the lock; others wait,
 * and a failure is told to them and forgotten.
 *
 * What calls other slots' plugins is shared by nobody whose calls go elsewhere (links.c).
 *
 * It lives while a content uses it: what takes long is compiling, and its core modules are artifacts
 * like others.  They are warm while it lives, and cold ones are kept within the bounds of the cache;
 * two components around one module share its code, and loading again compiles nothing. */
#include "registry/registry.h"

#include <string.h>

#include "base/diag.h"
#include "base/digest.h"
#include "component/run/host_call.h"
#include "registry/links.h"
#include "service/wasi/wasi_link.h"

typedef struct loading {
    berth_runtime *rt;
    berthi_component *component;
    berthi_links *links; /* NULL: there are none */
} loading;

static berth_status compile(void *ctx, const uint8_t *bytes, size_t size,
                            berthi_wasm_module **module_out, berth_diag *diag)
{
    const loading *l = ctx;
    berthi_component *c = l->component;
    uint8_t digest[BERTH_DIGEST_SIZE];
    berth_status status;

    if (!berthi_sha256(bytes, size, digest))
        return berthi_fail(diag, BERTH_E_NOMEM, "a digest");
    status =
        berthi_cache_use(l->rt, &c->arena, &c->compiled, bytes, size, digest, module_out, diag);
    if (status == BERTH_OK)
        l->rt->ops->module_ref(*module_out);
    return status;
}

/* What an instance makes, so that its store allows for exactly that. */
static void count_parts(berthi_component *c)
{
    const berthi_cm_steps *steps = berthi_cm_loaded_steps(c->loaded);

    for (uint32_t i = 0; i < steps->steps_count; i++) {
        const berthi_wasm_info *info;

        if (steps->steps[i].kind != BERTHI_CM_STEP_INSTANTIATE)
            continue;
        info = steps->modules[steps->steps[i].module].info;
        assert(info != NULL); /* the host gives no modules */
        c->memories += info->memories_count - info->imported_memories;
        c->tables += info->tables_count - info->imported_tables;
    }
}

static void free_component(berth_runtime *rt, berthi_component *c)
{
    berthi_cm_loaded_unref(c->loaded); /* before the code that it runs */
    berthi_cache_drop_all(rt, c->compiled);
    berthi_arena_fini(&c->arena);
    berthi_free(&rt->allocator, c, sizeof *c);
}

/* What other slots give is asked of them, the rest of the host. */
static berth_status resolve(void *ctx, const berthi_cm_steps *steps, const berthi_cm_need *need,
                            berthi_cm_binding *binding_out, berth_diag *diag)
{
    const loading *l = ctx;

    if (berthi_links_give(l->links, need))
        return berthi_links_resolve(l->links, steps, need, binding_out, diag);
    if (l->rt->options.host != NULL)
        return berthi_host_resolve(l->rt->options.host, steps, need, binding_out, diag);
    return need->is_again ? BERTH_E_ABSENT
                          : berthi_fail(diag, BERTH_E_REJECTED, "import `%.*s` was not found",
                                        (int)need->path[0].size, need->path[0].text);
}

static bool asks_services(const berthi_cm_loaded *loaded, const berthi_links *links)
{
    const berthi_cm_steps *steps = berthi_cm_loaded_steps(loaded);

    for (uint32_t i = 0; i < steps->needs_count; i++)
        if (!berthi_links_give(links, &steps->needs[i]) &&
            berthi_is_wasi(steps->needs[i].path[0].text, steps->needs[i].path[0].size))
            return true;
    return false;
}

/* Loads into `c`, for which others may wait by now. */
static berth_status load(berth_runtime *rt, berthi_component *c, berthi_links *links,
                         const uint8_t *bytes, size_t size, berth_diag *diag)
{
    loading l = { rt, c, links };
    const berthi_cm_load_options options = { .allocator = &rt->allocator,
                                             .engine = rt->engine,
                                             .resolve = resolve,
                                             .resolve_ctx = &l,
                                             .compile = compile,
                                             .compile_ctx = &l };
    berth_status status = berthi_cm_load(bytes, size, &options, &c->loaded, diag);

    if (status == BERTH_OK) {
        count_parts(c);
        c->asks_services =
            berthi_host_attached_of(rt->options.host, BERTHI_HOST_WASI) != NULL &&
            asks_services(c->loaded, links);
    }
    return status;
}

static void build(berth_runtime *rt, berthi_component *c, berthi_links *links,
                  const uint8_t *bytes, size_t size)
{
    berthi_cache *cache = &rt->cache;
    berth_diag diag = { 0 };
    berth_status status = load(rt, c, links, bytes, size, &diag);

    berthi_lock_take(&cache->lock);
    c->state = status == BERTH_OK ? BERTHI_CACHE_READY : BERTHI_CACHE_FAILED;
    c->failure = diag;
    cache->component_loads += status == BERTH_OK;
    c->failure.status = (int32_t)status;
    berthi_cond_wake_all(&cache->built);
    berthi_lock_drop(&cache->lock);
}

/* Under the cache's lock.  A failure is for those who waited, not for who comes after. */
static berthi_component *find_locked(berthi_cache *cache, const uint8_t *digest,
                                     const void *links)
{
    berthi_component *c = cache->components;

    while (c != NULL && (c->state == BERTHI_CACHE_FAILED || c->links != links ||
                         memcmp(c->digest, digest, sizeof c->digest) != 0))
        c = c->next;
    return c;
}

berth_status berthi_component_take(berth_runtime *rt, const uint8_t *bytes, size_t size,
                                   const uint8_t digest[BERTH_DIGEST_SIZE], berthi_links *links,
                                   berthi_component **component_out, berth_diag *diag)
{
    berthi_cache *cache = &rt->cache;
    berthi_component *c, *made = berthi_zalloc(&rt->allocator, sizeof *made);
    berth_status status;

    if (made == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "a component");
    berthi_arena_init(&made->arena, &rt->allocator, SIZE_MAX);
    memcpy(made->digest, digest, sizeof made->digest);
    made->links = berthi_links_key(links);
    berthi_lock_take(&cache->lock);
    c = find_locked(cache, digest, made->links);
    if (c == NULL) {
        c = made;
        c->next = cache->components;
        cache->components = c;
        cache->components_count++;
    } else {
        cache->hits++;
    }
    c->refs++;
    berthi_lock_drop(&cache->lock);
    if (c == made)
        build(rt, c, links, bytes, size);
    else
        free_component(rt, made);
    berthi_lock_take(&cache->lock);
    while (c->state == BERTHI_CACHE_BUILDING)
        berthi_cond_wait(&cache->built, &cache->lock.mutex);
    status = (berth_status)c->failure.status;
    if (status != BERTH_OK && diag != NULL)
        *diag = c->failure;
    berthi_lock_drop(&cache->lock);
    if (status != BERTH_OK)
        berthi_component_drop(rt, c);
    else
        *component_out = c;
    return status;
}

void berthi_component_drop(berth_runtime *rt, berthi_component *component)
{
    berthi_component **at = &rt->cache.components;
    bool is_last;

    berthi_lock_take(&rt->cache.lock);
    assert(component->refs > 0);
    is_last = --component->refs == 0;
    if (is_last) {
        while (*at != component)
            at = &(*at)->next;
        *at = component->next;
        rt->cache.components_count--;
    }
    berthi_lock_drop(&rt->cache.lock);
    if (is_last)
        free_component(rt, component);
}
