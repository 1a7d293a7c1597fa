/* buffer.c - see buffer.h.  Layer: flow. */
#include "flow/buffer.h"

#include "base/diag.h"

static const uint32_t capacities[BERTHI_BUFFER_CLASSES] = { 256, 4096, 65536, 1 << 20 };
/* How many make a chain: few of what is large, since a worker may keep two chains of each. */
static const uint32_t chain_lengths[BERTHI_BUFFER_CLASSES] = { 32, 16, 4, 1 };

#define KEPT_DEFAULT (UINT64_C(16) << 20)

_Static_assert(sizeof(berth_buffer) <= BERTHI_BUFFER_HEADER, "the header of a buffer");
_Static_assert(BERTHI_BUFFER_HEADER % 16 == 0, "contents are aligned for any object");

/* ---------------------------------------------------------------- budgets */

uint64_t berthi_budget_used(const berthi_budget *budget)
{
    return atomic_load_explicit(&budget->used, memory_order_relaxed);
}

static void note_peak(berthi_budget *budget, uint64_t used)
{
    uint64_t peak = atomic_load_explicit(&budget->peak, memory_order_relaxed);

    while (used > peak &&
           !atomic_compare_exchange_weak_explicit(&budget->peak, &peak, used,
                                                  memory_order_relaxed, memory_order_relaxed))
        continue;
}

static bool charge_budget(berthi_budget *budget, uint64_t bytes)
{
    uint64_t used = atomic_load_explicit(&budget->used, memory_order_relaxed);

    do {
        if (budget->max != 0 && (used > budget->max || bytes > budget->max - used)) {
            atomic_fetch_add_explicit(&budget->refused, 1, memory_order_relaxed);
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(
        &budget->used, &used, used + bytes, memory_order_relaxed, memory_order_relaxed));
    note_peak(budget, used + bytes);
    return true;
}

static void refund_budget(berthi_budget *budget, uint64_t bytes)
{
    uint64_t before = atomic_fetch_sub_explicit(&budget->used, bytes, memory_order_relaxed);

    assert(before >= bytes);
    (void)before;
}

/* Charges from what the worker has left of that budget first. */
static bool charge(berthi_buffer_cache *cache, berthi_budget *budget, uint64_t bytes)
{
    uint64_t mine;

    if (budget == NULL)
        return true;
    for (uint32_t i = 0; i < BERTHI_BUFFER_CREDITS; i++)
        if (cache->credit[i].budget == budget) {
            mine = cache->credit[i].bytes < bytes ? cache->credit[i].bytes : bytes;
            if (mine < bytes && !charge_budget(budget, bytes - mine))
                return false;
            cache->credit[i].bytes -= mine;
            return true;
        }
    return charge_budget(budget, bytes);
}

static void refund(berthi_buffer_cache *cache, berthi_budget *budget, uint64_t bytes)
{
    uint32_t at = 0;

    if (budget == NULL)
        return;
    while (at < BERTHI_BUFFER_CREDITS && cache->credit[at].budget != budget)
        at++;
    if (at == BERTHI_BUFFER_CREDITS) {
        at = cache->credit_next++ % BERTHI_BUFFER_CREDITS;
        if (cache->credit[at].bytes != 0)
            refund_budget(cache->credit[at].budget, cache->credit[at].bytes);
        cache->credit[at].budget = budget;
        cache->credit[at].bytes = 0;
    }
    cache->credit[at].bytes += bytes;
}

void berthi_buffer_cache_settle(berthi_buffer_cache *cache)
{
    for (uint32_t i = 0; i < BERTHI_BUFFER_CREDITS; i++) {
        if (cache->credit[i].bytes != 0)
            refund_budget(cache->credit[i].budget, cache->credit[i].bytes);
        cache->credit[i].budget = NULL;
        cache->credit[i].bytes = 0;
    }
}

/* ---------------------------------------------------------------- the table */

static berthi_buffer_entry *entry_at(const berthi_buffers *pool, uint32_t index)
{
    /* acquire: pairs with the release in add_entries(). */
    berthi_buffer_entry *chunk =
        atomic_load_explicit(&pool->chunks[index / BERTHI_BUFFER_CHUNK], memory_order_acquire);

    return chunk == NULL ? NULL : &chunk[index % BERTHI_BUFFER_CHUNK];
}

static berth_status add_entries(berthi_buffers *pool, berth_diag *diag)
{
    uint32_t first = pool->entries_made;
    berthi_buffer_entry *chunk;

    if (first == BERTHI_BUFFERS_MAX)
        return berthi_fail(diag, BERTH_E_LIMIT, "%d buffers exist", BERTHI_BUFFERS_MAX);
    chunk = berthi_zalloc_array(pool->allocator, BERTHI_BUFFER_CHUNK, sizeof *chunk);
    if (chunk == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "the table of buffers");
    for (uint32_t i = 0; i < BERTHI_BUFFER_CHUNK; i++) {
        atomic_init(&chunk[i].generation, 1);
        chunk[i].next_free = i + 1 < BERTHI_BUFFER_CHUNK ? first + i + 2 : 0;
    }
    /* release: who finds the chunk finds its entries. */
    atomic_store_explicit(&pool->chunks[first / BERTHI_BUFFER_CHUNK], chunk,
                          memory_order_release);
    pool->entries_made += BERTHI_BUFFER_CHUNK;
    pool->entries_free = first + 1;
    return BERTH_OK;
}

/* An index for a buffer that is about to be made. */
static berth_status claim_index(berthi_buffers *pool, uint32_t capacity, uint32_t *index_out,
                                berth_diag *diag)
{
    berth_status status = BERTH_OK;

    berthi_lock_take(&pool->lock);
    if (pool->entries_free == 0)
        status = add_entries(pool, diag);
    if (status == BERTH_OK) {
        *index_out = pool->entries_free - 1;
        pool->entries_free = entry_at(pool, *index_out)->next_free;
        pool->counts.made++;
        pool->counts.live++;
        pool->counts.live_bytes += capacity;
    }
    berthi_lock_drop(&pool->lock);
    return status;
}

static void drop_index(berthi_buffers *pool, uint32_t index, uint32_t capacity)
{
    berthi_buffer_entry *entry = entry_at(pool, index);

    entry->next_free = pool->entries_free;
    pool->entries_free = index + 1;
    pool->counts.freed++;
    pool->counts.live--;
    pool->counts.live_bytes -= capacity;
}

uint64_t berthi_buffer_handle(const berthi_buffers *pool, const berth_buffer *buffer)
{
    berthi_buffer_entry *entry = entry_at(pool, buffer->index);

    return (uint64_t)atomic_load_explicit(&entry->generation, memory_order_relaxed) << 32 |
           buffer->index;
}

berth_buffer *berthi_buffer_find(const berthi_buffers *pool, uint64_t handle)
{
    uint32_t index = (uint32_t)handle;
    berthi_buffer_entry *entry = index < BERTHI_BUFFERS_MAX ? entry_at(pool, index) : NULL;

    /* acquire: pairs with the release in retire_name(). */
    if (entry == NULL ||
        atomic_load_explicit(&entry->generation, memory_order_acquire) != handle >> 32)
        return NULL;
    return atomic_load_explicit(&entry->buffer, memory_order_acquire);
}

/* The buffer goes back to a list: what named it names nothing from now on. */
static void retire_name(const berthi_buffers *pool, const berth_buffer *buffer)
{
    berthi_buffer_entry *entry = entry_at(pool, buffer->index);
    uint32_t next = atomic_load_explicit(&entry->generation, memory_order_relaxed) + 1;

    atomic_store_explicit(&entry->generation, next == 0 ? 1 : next, memory_order_release);
}

/* ---------------------------------------------------------------- the depot */

static size_t bytes_of(const berth_buffer *buffer)
{
    return (size_t)BERTHI_BUFFER_HEADER + buffer->capacity;
}

/* To the allocator.  The pool's lock is not held. */
static void free_buffers(berthi_buffers *pool, berth_buffer *first)
{
    berth_buffer *buffer, *next;

    berthi_lock_take(&pool->lock);
    for (buffer = first; buffer != NULL; buffer = buffer->next) {
        atomic_store_explicit(&entry_at(pool, buffer->index)->buffer, NULL,
                              memory_order_release);
        drop_index(pool, buffer->index, buffer->capacity);
    }
    berthi_lock_drop(&pool->lock);
    for (buffer = first; buffer != NULL; buffer = next) {
        next = buffer->next;
        berthi_free(pool->allocator, buffer, bytes_of(buffer));
    }
}

static void give_chain(berthi_buffers *pool, uint32_t kind, berthi_buffer_chain *chain)
{
    uint64_t bytes = (uint64_t)chain->count * capacities[kind];
    berth_buffer *first = chain->first;
    bool is_kept;

    if (first == NULL)
        return;
    chain->first = NULL;
    berthi_lock_take(&pool->lock);
    is_kept = pool->counts.kept_bytes + bytes <= pool->kept_bytes_max;
    if (is_kept) {
        first->chain = chain->count;
        first->next_chain = pool->chains[kind];
        pool->chains[kind] = first;
        pool->counts.kept_bytes += bytes;
        pool->counts.chains_in++;
    }
    berthi_lock_drop(&pool->lock);
    chain->count = 0;
    if (!is_kept)
        free_buffers(pool, first);
}

static bool get_chain(berthi_buffers *pool, uint32_t kind, berthi_buffer_chain *chain)
{
    berth_buffer *first;

    berthi_lock_take(&pool->lock);
    first = pool->chains[kind];
    if (first != NULL) {
        pool->chains[kind] = first->next_chain;
        pool->counts.kept_bytes -= (uint64_t)first->chain * capacities[kind];
        pool->counts.chains_out++;
    }
    berthi_lock_drop(&pool->lock);
    if (first == NULL)
        return false;
    chain->first = first;
    chain->count = first->chain;
    return true;
}

/* ---------------------------------------------------------------- buffers */

static berth_status make_buffer(berthi_buffers *pool, uint32_t kind, uint32_t capacity,
                                berth_buffer **buffer_out, berth_diag *diag)
{
    berth_buffer *buffer;
    uint32_t index = 0;
    berth_status status = claim_index(pool, capacity, &index, diag);

    if (status != BERTH_OK)
        return status;
    buffer = berthi_zalloc(pool->allocator, (size_t)BERTHI_BUFFER_HEADER + capacity);
    if (buffer == NULL) {
        berthi_lock_take(&pool->lock);
        drop_index(pool, index, capacity);
        berthi_lock_drop(&pool->lock);
        return berthi_fail(diag, BERTH_E_NOMEM, "a buffer of %u bytes", capacity);
    }
    buffer->index = index;
    buffer->kind = kind;
    buffer->capacity = capacity;
    atomic_store_explicit(&entry_at(pool, index)->buffer, buffer, memory_order_release);
    *buffer_out = buffer;
    return BERTH_OK;
}

static uint32_t kind_of(uint64_t capacity)
{
    uint32_t kind = 0;

    while (kind < BERTHI_BUFFER_CLASSES && capacities[kind] < capacity)
        kind++;
    return kind;
}

static berth_buffer *pop_free(berthi_buffer_cache *cache, uint32_t kind)
{
    berthi_buffer_chain *now = &cache->free[kind].now, *spare = &cache->free[kind].spare;
    berth_buffer *buffer;

    if (now->first == NULL) {
        if (spare->first != NULL) {
            *now = *spare;
            *spare = (berthi_buffer_chain){ NULL, 0 };
        } else if (!get_chain(cache->pool, kind, now)) {
            return NULL;
        }
    }
    buffer = now->first;
    now->first = buffer->next;
    now->count--;
    return buffer;
}

static void push_free(berthi_buffer_cache *cache, berth_buffer *buffer)
{
    berthi_buffer_chain *now = &cache->free[buffer->kind].now;
    berthi_buffer_chain *spare = &cache->free[buffer->kind].spare;

    if (now->count == chain_lengths[buffer->kind]) {
        give_chain(cache->pool, buffer->kind, spare);
        *spare = *now;
        *now = (berthi_buffer_chain){ NULL, 0 };
    }
    buffer->next = now->first;
    now->first = buffer;
    now->count++;
}

static berth_status charge_both(berthi_buffer_cache *cache, berthi_budget *stage,
                                berthi_budget *flow, uint64_t capacity, berth_diag *diag)
{
    const char *whose = "stage";

    if (charge(cache, stage, capacity)) {
        if (charge(cache, flow, capacity))
            return BERTH_OK;
        refund(cache, stage, capacity);
        whose = "flow";
    }
    return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_MEMORY,
                               "the %s's budget of buffers is used up (%llu bytes asked for)",
                               whose, (unsigned long long)capacity);
}

/* Of what it is, and how large that is. */
static uint32_t class_of(uint64_t capacity, uint32_t *bytes_out)
{
    uint32_t kind = kind_of(capacity);

    *bytes_out = kind == BERTHI_BUFFER_SINGLE ? (uint32_t)capacity : capacities[kind];
    return kind;
}

bool berthi_buffer_may_fit(uint64_t capacity, const berthi_budget *budget)
{
    uint32_t bytes;

    if (capacity > BERTHI_BUFFER_BYTES_MAX)
        return false;
    (void)class_of(capacity, &bytes);
    return budget->max == 0 || bytes <= budget->max;
}

berth_status berthi_buffer_take(berthi_buffer_cache *cache, uint64_t capacity,
                                berthi_budget *stage, berthi_budget *flow,
                                berth_buffer **buffer_out, berth_diag *diag)
{
    berth_buffer *buffer = NULL;
    berth_status status;
    uint32_t kind, bytes;

    if (capacity > BERTHI_BUFFER_BYTES_MAX)
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_OUTPUT,
                                   "a payload has at most 16 MiB, not %llu bytes",
                                   (unsigned long long)capacity);
    kind = class_of(capacity, &bytes);
    status = charge_both(cache, stage, flow, bytes, diag);
    if (status != BERTH_OK)
        return status;
    if (kind != BERTHI_BUFFER_SINGLE)
        buffer = pop_free(cache, kind);
    if (buffer == NULL) {
        status = make_buffer(cache->pool, kind, bytes, &buffer, diag);
        if (status != BERTH_OK) {
            refund(cache, stage, bytes);
            refund(cache, flow, bytes);
            return status;
        }
    }
    assert(buffer->size == 0 && buffer->opened == 0);
    atomic_store_explicit(&cache->taken[kind],
                          atomic_load_explicit(&cache->taken[kind], memory_order_relaxed) + 1,
                          memory_order_relaxed);
    atomic_store_explicit(&buffer->refs, 1, memory_order_relaxed);
    buffer->stage = stage;
    buffer->flow = flow;
    buffer->content_type = buffer->label_size = buffer->key_size = 0;
    *buffer_out = buffer;
    return BERTH_OK;
}

void berthi_buffer_free(berthi_buffer_cache *cache, berth_buffer *buffer)
{
    retire_name(cache->pool, buffer);
    refund(cache, buffer->stage, buffer->capacity);
    refund(cache, buffer->flow, buffer->capacity);
    if (buffer->kind == BERTHI_BUFFER_SINGLE) {
        buffer->next = NULL;
        free_buffers(cache->pool, buffer);
        return;
    }
    memset((char *)buffer + BERTHI_BUFFER_HEADER, 0, buffer->opened);
    buffer->size = buffer->opened = 0;
    push_free(cache, buffer);
}

/* ---------------------------------------------------------------- pool and caches */

int berthi_buffers_init(berthi_buffers *pool, const berth_allocator *a, uint64_t kept_bytes_max)
{
    memset(pool, 0, sizeof *pool);
    pool->allocator = a;
    pool->kept_bytes_max = kept_bytes_max != 0 ? kept_bytes_max : KEPT_DEFAULT;
    return berthi_lock_init(&pool->lock, BERTHI_RANK_BUFFERS);
}

/* A stage that was torn down without dropping what it kept: nobody can name it any more. */
static void free_lost(berthi_buffers *pool)
{
    for (uint32_t i = 0; i < pool->entries_made; i++) {
        berth_buffer *buffer =
            atomic_load_explicit(&entry_at(pool, i)->buffer, memory_order_acquire);

        if (buffer != NULL) {
            buffer->next = NULL;
            free_buffers(pool, buffer);
        }
    }
}

void berthi_buffers_fini(berthi_buffers *pool)
{
    berthi_buffer_chain chain;

    for (uint32_t kind = 0; kind < BERTHI_BUFFER_CLASSES; kind++)
        while (get_chain(pool, kind, &chain))
            free_buffers(pool, chain.first);
    free_lost(pool);
    assert(pool->counts.live == 0);
    for (uint32_t at = 0; at < pool->entries_made; at += BERTHI_BUFFER_CHUNK)
        berthi_free_array(pool->allocator, entry_at(pool, at), BERTHI_BUFFER_CHUNK,
                          sizeof(berthi_buffer_entry));
    berthi_lock_fini(&pool->lock);
}

void berthi_buffers_count(berthi_buffers *pool, berthi_buffer_counts *counts_out)
{
    berthi_lock_take(&pool->lock);
    *counts_out = pool->counts;
    berthi_lock_drop(&pool->lock);
}

void berthi_buffer_cache_init(berthi_buffer_cache *cache, berthi_buffers *pool)
{
    memset(cache, 0, sizeof *cache);
    cache->pool = pool;
}

void berthi_buffer_cache_empty(berthi_buffer_cache *cache)
{
    berthi_buffer_cache_settle(cache);
    for (uint32_t kind = 0; kind < BERTHI_BUFFER_CLASSES; kind++) {
        give_chain(cache->pool, kind, &cache->free[kind].now);
        give_chain(cache->pool, kind, &cache->free[kind].spare);
    }
}
