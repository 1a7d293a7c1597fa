/* code_cache.c - compiled code, shared by runtimes that were given the same cache.  Layer: registry.
 *
 * What is kept is what an engine writes of a module, under the digest of the artifact and the engine's
 * identity: all that decides whether code made by one engine may run in another.  Each engine makes a
 * module of its own of it, so that no runtime depends on another's engine, pool or clock.
 *
 * I12: the bytes lie on pages that nobody can write, together with nothing else, and carry their
 * digest from the moment in which the engine gave them.  It is computed again of these very pages
 * each time before an engine is handed them.  They never leave the process.
 *
 * An entry that is being made stands for the work: others who want the same wait for it.  If it fails
 * it goes, and each who waited finds out for itself, for only its own engine's words are its own. */
#include "registry/code_cache.h"

#include <string.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "base/digest.h"
#include "os/sealed.h"
#include "sync/lock.h"

enum { BUCKETS = 64, ENTRIES_DEFAULT = 256 };
#define BYTES_DEFAULT (UINT64_C(256) << 20)

typedef struct code_key {
    uint8_t artifact[BERTHI_SHA256_SIZE], engine[BERTHI_SHA256_SIZE];
} code_key;

typedef struct code_entry { /* all but the key guarded by the cache's lock */
    struct code_entry *next;
    code_key key;
    bool is_ready; /* else somebody compiles */
    bool is_gone;  /* in no list any more */
    uint32_t refs; /* threads that make or load it; who waits looks it up anew */
    uint64_t used_last;
    void *sealed; /* written once, before it is ready; then these three stay */
    size_t size;
    uint8_t digest[BERTHI_SHA256_SIZE];
} code_entry;

struct berth_code_cache {
    berth_allocator allocator;
    uint32_t entries_max;
    uint64_t bytes_max;
    berthi_lock lock;
    berthi_cond settled; /* an entry is ready, or gone */
    /* guarded by lock */
    uint32_t refs;
    code_entry *buckets[BUCKETS];
    uint64_t clock;
    berth_code_cache_stats stats;
};

/* ---- the list, under the lock ---- */

static code_entry **bucket_of(berth_code_cache *c, const code_key *key)
{
    return &c->buckets[key->artifact[0] % BUCKETS];
}

static code_entry *find(berth_code_cache *c, const code_key *key)
{
    code_entry *e = *bucket_of(c, key);

    while (e != NULL && memcmp(&e->key, key, sizeof *key) != 0)
        e = e->next;
    return e;
}

static void free_entry(berth_code_cache *c, code_entry *e)
{
    if (e->sealed != NULL)
        berthi_os_unseal(e->sealed, e->size);
    berthi_free(&c->allocator, e, sizeof *e);
}

/* Out of the list; freed once nobody uses it. */
static void remove_entry(berth_code_cache *c, code_entry *e)
{
    code_entry **at = bucket_of(c, &e->key);

    assert(!e->is_gone);
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    e->is_gone = true;
    if (e->is_ready) {
        c->stats.entries--;
        c->stats.bytes -= e->size;
    }
    if (e->refs == 0)
        free_entry(c, e);
}

static void drop_entry(berth_code_cache *c, code_entry *e)
{
    assert(e->refs > 0);
    if (--e->refs == 0 && e->is_gone)
        free_entry(c, e);
}

/* What is being loaded may go as well: who loads it holds it. */
static void trim(berth_code_cache *c)
{
    while (c->stats.entries > c->entries_max || c->stats.bytes > c->bytes_max) {
        code_entry *oldest = NULL;

        for (size_t i = 0; i < BUCKETS; i++)
            for (code_entry *e = c->buckets[i]; e != NULL; e = e->next)
                if (e->is_ready && (oldest == NULL || e->used_last < oldest->used_last))
                    oldest = e;
        assert(oldest != NULL);
        remove_entry(c, oldest);
        c->stats.evictions++;
    }
}

/* ---- making and loading ---- */

/* A ready entry; or one that is the caller's to make, which is_mine says.  Both are the caller's to
 * drop.  NULL: out of memory. */
static code_entry *take(berth_code_cache *c, const code_key *key, bool *is_mine)
{
    code_entry *made = berthi_zalloc(&c->allocator, sizeof *made), *e;

    if (made == NULL)
        return NULL;
    made->key = *key;
    made->refs = 1;
    berthi_lock_take(&c->lock);
    while ((e = find(c, key)) != NULL && !e->is_ready)
        berthi_cond_wait(&c->settled, &c->lock.mutex); /* then it is looked up anew */
    *is_mine = e == NULL;
    if (e == NULL) {
        e = made;
        e->next = *bucket_of(c, key);
        *bucket_of(c, key) = e;
    } else {
        e->refs++;
        e->used_last = ++c->clock;
    }
    berthi_lock_drop(&c->lock);
    if (e != made)
        berthi_free(&c->allocator, made, sizeof *made);
    return e;
}

/* Receives what the engine writes. */
static void keep(void *entry, const uint8_t *bytes, size_t size)
{
    code_entry *e = entry;
    void *sealed;

    if (size == 0 || !berthi_sha256(bytes, size, e->digest) ||
        berthi_os_seal(bytes, size, &sealed) != 0)
        return;
    e->sealed = sealed;
    e->size = size;
}

/* The entry is made: kept when its bytes are there, else it goes and whoever waits tries itself. */
static void settle(berth_code_cache *c, code_entry *e)
{
    berthi_lock_take(&c->lock);
    if (e->sealed == NULL || e->size > c->bytes_max) {
        remove_entry(c, e);
    } else {
        e->is_ready = true;
        e->used_last = ++c->clock;
        c->stats.entries++;
        c->stats.bytes += e->size;
        c->stats.stored++;
        trim(c);
    }
    drop_entry(c, e);
    berthi_cond_wake_all(&c->settled);
    berthi_lock_drop(&c->lock);
}

/* False: these are not the bytes that an engine gave (I12), or this engine takes them no more. */
static bool load(berthi_wasm_engine *engine, const code_entry *e,
                 berthi_wasm_module **module_out)
{
    uint8_t digest[BERTHI_SHA256_SIZE];

    return berthi_sha256(e->sealed, e->size, digest) &&
           memcmp(digest, e->digest, sizeof digest) == 0 &&
           engine->ops->module_load(engine, e->sealed, e->size, module_out, NULL) == BERTH_OK;
}

static bool load_or_discard(berth_code_cache *c, berthi_wasm_engine *engine, code_entry *e,
                            berthi_wasm_module **module_out)
{
    bool is_loaded = load(engine, e, module_out);

    berthi_lock_take(&c->lock);
    c->stats.loads += is_loaded;
    c->stats.refused += !is_loaded;
    if (!is_loaded && !e->is_gone)
        remove_entry(c, e);
    drop_entry(c, e);
    berthi_lock_drop(&c->lock);
    return is_loaded;
}

berth_status berthi_code_cache_module(berth_code_cache *c, berthi_wasm_engine *engine,
                                      const uint8_t *bytes, size_t size, const uint8_t *digest,
                                      berthi_wasm_module **module_out, bool *is_loaded_out,
                                      berth_diag *diag)
{
    const berthi_wasm_ops *ops = engine->ops;
    const char *identity = ops->engine_identity(engine);
    code_entry *e = NULL;
    bool is_mine = false;
    berth_status status;
    code_key key;

    BERTHI_ASSERT_UNLOCKED();
    *is_loaded_out = false;
    memcpy(key.artifact, digest, sizeof key.artifact);
    if (ops->module_save != NULL && berthi_sha256(identity, strlen(identity), key.engine))
        e = take(c, &key, &is_mine);
    if (e != NULL && !is_mine && load_or_discard(c, engine, e, module_out)) {
        *is_loaded_out = true;
        return BERTH_OK;
    }
    status = ops->module_compile(engine, bytes, size, module_out, diag);
    if (!is_mine)
        return status;
    if (status == BERTH_OK)
        ops->module_save(*module_out, keep, e);
    settle(c, e);
    return status;
}

/* ---- the object ---- */

berth_status berth_code_cache_create(const berth_code_cache_options *options,
                                     berth_code_cache **cache_out, berth_diag *diag)
{
    berth_code_cache_options opt = BERTH_CODE_CACHE_OPTIONS_INIT;
    berth_status status = BERTH_OK;
    berth_code_cache *c;
    int code;

    BERTHI_REQUIRE(cache_out != NULL, diag);
    if (options != NULL)
        status =
            berthi_options_copy(&opt, sizeof opt, options, "berth_code_cache_options", diag);
    if (status != BERTH_OK)
        return status;
    if (opt.allocator == NULL)
        opt.allocator = &berthi_allocator_libc;
    BERTHI_REQUIRE(opt.allocator->alloc != NULL && opt.allocator->free != NULL, diag);
    c = berthi_zalloc(opt.allocator, sizeof *c);
    if (c == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "a code cache");
    c->allocator = *opt.allocator;
    c->entries_max = opt.entries_max == 0 ? ENTRIES_DEFAULT : opt.entries_max;
    c->bytes_max = opt.bytes_max == 0 ? BYTES_DEFAULT : opt.bytes_max;
    c->refs = 1;
    code = berthi_lock_init(&c->lock, BERTHI_RANK_CODE);
    if (code != 0)
        goto fail_lock;
    code = berthi_cond_init(&c->settled);
    if (code != 0)
        goto fail_cond;
    *cache_out = c;
    return BERTH_OK;

fail_cond:
    berthi_lock_fini(&c->lock);
fail_lock:
    berthi_free(opt.allocator, c, sizeof *c);
    return berthi_fail_os(diag, code, "the lock of a code cache");
}

void berthi_code_cache_ref(berth_code_cache *c)
{
    berthi_lock_take(&c->lock);
    c->refs++;
    berthi_lock_drop(&c->lock);
}

void berthi_code_cache_unref(berth_code_cache *c)
{
    berth_allocator a = c->allocator;
    bool is_last;

    berthi_lock_take(&c->lock);
    is_last = --c->refs == 0;
    berthi_lock_drop(&c->lock);
    if (!is_last)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        while (c->buckets[i] != NULL)
            remove_entry(c, c->buckets[i]);
    berthi_cond_fini(&c->settled);
    berthi_lock_fini(&c->lock);
    berthi_free(&a, c, sizeof *c);
}

void berth_code_cache_destroy(berth_code_cache *cache)
{
    if (cache != NULL)
        berthi_code_cache_unref(cache);
}

berth_status berth_code_cache_stats_read(berth_code_cache *c, berth_code_cache_stats *stats,
                                         berth_diag *diag)
{
    berth_code_cache_stats s;

    BERTHI_REQUIRE(c != NULL && stats != NULL, diag);
    berthi_lock_take(&c->lock);
    s = c->stats;
    berthi_lock_drop(&c->lock);
    return berthi_stats_give(stats, &s, (uint32_t)sizeof s, "berth_code_cache_stats", diag);
}
