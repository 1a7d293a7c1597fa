/* cache.c - compiled artifacts, shared by all slots of a runtime.  Layer: registry.
 *
 * Keyed by the digest of the bytes; the engine is the runtime's only one, so nothing else
 * decides what compilation gives.  The first thread that asks for a content compiles it, without
 * the lock; others that ask for the same wait for it, and others that ask for another compile
 * beside it.  A failure is told to everybody who waited and then forgotten.
 *
 * Entries that a version uses are warm and stay.  Cold ones are kept, least recently used first
 * to go, up to cache_entries_max entries and cache_bytes_max bytes of code.
 */
#include "registry/registry.h"

#include <string.h>

#include "base/diag.h"
#include "registry/code_cache.h"

berth_status berthi_cache_init(berth_runtime *rt, berth_diag *diag)
{
    int code = berthi_lock_init(&rt->cache.lock, BERTHI_RANK_CACHE);

    if (code != 0)
        return berthi_fail_os(diag, code, "the lock of the compiled artifacts");
    code = berthi_cond_init(&rt->cache.built);
    if (code != 0) {
        berthi_lock_fini(&rt->cache.lock);
        return berthi_fail_os(diag, code, "the condition of the compiled artifacts");
    }
    return BERTH_OK;
}

static berthi_cache_entry **bucket_of(berthi_cache *cache, const uint8_t *digest)
{
    return &cache->buckets[digest[0] % BERTHI_CACHE_BUCKETS];
}

static berthi_cache_entry *find(berthi_cache *cache, const uint8_t *digest)
{
    berthi_cache_entry *e = *bucket_of(cache, digest);

    while (e != NULL && (e->state == BERTHI_CACHE_FAILED ||
                         memcmp(e->digest, digest, sizeof e->digest) != 0))
        e = e->next;
    return e;
}

static void unlink_entry(berthi_cache *cache, berthi_cache_entry *entry)
{
    berthi_cache_entry **at = bucket_of(cache, entry->digest);

    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    cache->entries--;
}

static void free_entry(berth_runtime *rt, berthi_cache_entry *entry)
{
    if (entry->module != NULL)
        rt->ops->module_unref(entry->module);
    berthi_free(&rt->allocator, entry, sizeof *entry);
}

/* The cold entry that was used longest ago, taken out, when there are too many; else NULL. */
static berthi_cache_entry *take_surplus(berth_runtime *rt)
{
    berthi_cache *cache = &rt->cache;
    berthi_cache_entry *oldest = NULL;

    if (cache->cold_entries <= rt->options.cache_entries_max &&
        cache->cold_bytes <= rt->options.cache_bytes_max)
        return NULL;
    for (size_t i = 0; i < BERTHI_CACHE_BUCKETS; i++)
        for (berthi_cache_entry *e = cache->buckets[i]; e != NULL; e = e->next)
            if (e->refs == 0 && (oldest == NULL || e->used_last < oldest->used_last))
                oldest = e;
    assert(oldest != NULL);
    unlink_entry(cache, oldest);
    cache->cold_entries--;
    cache->cold_bytes -= oldest->bytes;
    cache->bytes -= oldest->bytes;
    cache->evictions++;
    return oldest;
}

static void trim(berth_runtime *rt)
{
    berthi_cache_entry *surplus;

    do {
        berthi_lock_take(&rt->cache.lock);
        surplus = take_surplus(rt);
        berthi_lock_drop(&rt->cache.lock);
        if (surplus != NULL)
            free_entry(rt, surplus);
    } while (surplus != NULL);
}

void berthi_cache_drop(berth_runtime *rt, berthi_cache_entry *entry)
{
    berthi_cache *cache = &rt->cache;

    berthi_lock_take(&cache->lock);
    assert(entry->refs > 0);
    if (--entry->refs == 0) {
        entry->used_last = ++cache->clock;
        cache->cold_entries++;
        cache->cold_bytes += entry->bytes;
    }
    berthi_lock_drop(&cache->lock);
    trim(rt);
}

void berthi_cache_fini(berth_runtime *rt)
{
    berthi_cache_entry *next;

    for (size_t i = 0; i < BERTHI_CACHE_BUCKETS; i++)
        for (berthi_cache_entry *e = rt->cache.buckets[i]; e != NULL; e = next) {
            next = e->next;
            assert(e->refs == 0);
            free_entry(rt, e);
        }
    berthi_cond_fini(&rt->cache.built);
    berthi_lock_fini(&rt->cache.lock);
}

/* Compiles into `entry`, or loads what another runtime compiled; others may already wait for. */
static void build(berth_runtime *rt, berthi_cache_entry *entry, const uint8_t *bytes,
                  size_t size)
{
    berthi_cache *cache = &rt->cache;
    berthi_wasm_module *module = NULL;
    berth_diag diag = { 0 };
    bool is_loaded = false;
    berth_status status =
        rt->options.code_cache == NULL
            ? rt->ops->module_compile(rt->engine, bytes, size, &module, &diag)
            : berthi_code_cache_module(rt->options.code_cache, rt->engine, bytes, size,
                                       entry->digest, &module, &is_loaded, &diag);

    berthi_lock_take(&cache->lock);
    if (status == BERTH_OK) {
        entry->module = module;
        entry->bytes = rt->ops->module_code_bytes(module);
        entry->state = BERTHI_CACHE_READY;
        cache->bytes += entry->bytes;
        *(is_loaded ? &cache->code_loads : &cache->compiles) += 1;
    } else {
        entry->failure = diag;
        entry->failure.status = (int32_t)status;
        entry->state = BERTHI_CACHE_FAILED; /* find() passes it over from now on */
        cache->failures++;
    }
    berthi_cond_wake_all(&cache->built);
    berthi_lock_drop(&cache->lock);
}

/* Under the lock.  The last one to hear of a failure frees its entry. */
static berth_status conclude(berth_runtime *rt, berthi_cache_entry *entry,
                             berthi_cache_entry **entry_out, berth_diag *diag)
{
    berth_status status;

    while (entry->state == BERTHI_CACHE_BUILDING)
        berthi_cond_wait(&rt->cache.built, &rt->cache.lock.mutex);
    if (entry->state == BERTHI_CACHE_READY) {
        *entry_out = entry;
        return BERTH_OK;
    }
    status = (berth_status)entry->failure.status;
    if (diag != NULL)
        *diag = entry->failure;
    if (--entry->refs == 0) {
        unlink_entry(&rt->cache, entry);
        free_entry(rt, entry);
    }
    return status;
}

berth_status berthi_cache_take(berth_runtime *rt, const uint8_t *bytes, size_t size,
                               const uint8_t digest[BERTH_DIGEST_SIZE],
                               berthi_cache_entry **entry_out, berth_diag *diag)
{
    berthi_cache *cache = &rt->cache;
    berthi_cache_entry *entry, *made = berthi_zalloc(&rt->allocator, sizeof *made);
    berth_status status;
    bool is_mine;

    if (made == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "an entry of the compiled artifacts");
    berthi_lock_take(&cache->lock);
    entry = find(cache, digest);
    is_mine = entry == NULL;
    if (is_mine) {
        entry = made;
        memcpy(entry->digest, digest, sizeof entry->digest);
        entry->next = *bucket_of(cache, digest);
        *bucket_of(cache, digest) = entry;
        cache->entries++;
    } else {
        cache->hits++;
        if (entry->refs == 0) {
            cache->cold_entries--;
            cache->cold_bytes -= entry->bytes;
        }
    }
    entry->refs++;
    if (is_mine) {
        berthi_lock_drop(&cache->lock);
        build(rt, entry, bytes, size);
        berthi_lock_take(&cache->lock);
    }
    status = conclude(rt, entry, entry_out, diag);
    berthi_lock_drop(&cache->lock);
    if (!is_mine)
        berthi_free(&rt->allocator, made, sizeof *made);
    return status;
}

berth_status berthi_cache_use(berth_runtime *rt, berthi_arena *arena, berthi_compiled **list,
                              const uint8_t *bytes, size_t size, const uint8_t *digest,
                              berthi_wasm_module **module_out, berth_diag *diag)
{
    berthi_compiled *compiled = berthi_arena_alloc(arena, sizeof *compiled);
    berth_status status;

    if (compiled == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "a compiled module");
    status = berthi_cache_take(rt, bytes, size, digest, &compiled->entry, diag);
    if (status != BERTH_OK)
        return status;
    compiled->next = *list;
    *list = compiled;
    *module_out = compiled->entry->module;
    return BERTH_OK;
}

void berthi_cache_drop_all(berth_runtime *rt, berthi_compiled *list)
{
    for (berthi_compiled *c = list; c != NULL; c = c->next)
        berthi_cache_drop(rt, c->entry);
}
