/* flow/buffer.h - payloads: memory of the host in classes, counted, budgeted, found in O(1).
 *
 * What this directory is: records streaming through stages over bounded edges.  Read
 * docs/design/0014-flows.md first, then this file, edge.h, flow.h.  Layer: flow.
 *
 * A buffer is one allocation with its header in front.  Free ones lie in chains: one or two per class
 * in each worker's cache, the others in the depot, which hands out and takes whole chains under one
 * lock.  What is free is all zeros.
 */
#ifndef BERTHI_FLOW_BUFFER_H
#define BERTHI_FLOW_BUFFER_H

#include <assert.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "sync/lock.h"

enum {
    BERTHI_BUFFER_CLASSES = 4,          /* 256 B, 4 KiB, 64 KiB, 1 MiB */
    BERTHI_BUFFER_SINGLE = 4,           /* larger: never kept */
    BERTHI_BUFFER_BYTES_MAX = 16 << 20, /* of one */
    BERTHI_BUFFERS_MAX = 1 << 20,       /* that exist at once */
    BERTHI_BUFFER_CHUNK = 512,          /* entries of the table that are made together */
    BERTHI_BUFFER_HEADER = 64,
    BERTHI_BUFFER_CREDITS = 4 /* budgets a worker keeps bytes of */
};

/* Bytes of capacity that somebody may hold.  Zeroed but for `max`. */
typedef struct berthi_budget {
    uint64_t max; /* 0: no bound */
    _Atomic(uint64_t) used, peak, refused;
} berthi_budget;

typedef struct berth_buffer berth_buffer;
struct berth_buffer {
    _Atomic(uint32_t) refs;
    uint32_t index;    /* in the table; fixed */
    uint32_t capacity; /* fixed */
    uint32_t size;     /* of the content */
    uint32_t opened;   /* bytes from the start that may be other than zero */
    union {
        uint32_t chain;        /* of the first in a chain: how many there are */
        uint32_t content_type; /* of the payload, by its flow's list (label.c); 0: none */
    };
    uint32_t kind;               /* its class; fixed */
    berthi_budget *stage, *flow; /* what is charged; NULL: nothing */
    berth_buffer *next;          /* in a chain */
    union {
        berth_buffer *next_chain; /* of the first in a chain, in the depot */
        struct {
            uint32_t label_size; /* bytes behind the content: its key and its headers */
            uint32_t key_size;   /* the first of them */
        };
    };
};

typedef struct berthi_buffer_entry {
    _Atomic(berth_buffer *) buffer; /* NULL: the index is free */
    _Atomic(uint32_t) generation;   /* changes when the buffer is given back; never 0 */
    uint32_t next_free;             /* guarded by the pool's lock; index + 1, 0: none */
} berthi_buffer_entry;

typedef struct berthi_buffer_counts {
    uint64_t made, freed;           /* from and to the allocator */
    uint64_t chains_in, chains_out; /* that the depot took and gave */
    uint64_t live, live_bytes;      /* that exist, also free ones */
    uint64_t kept_bytes;            /* of free ones in the depot */
} berthi_buffer_counts;

typedef struct berthi_buffers {       /* what the flows of one object share */
    const berth_allocator *allocator; /* lent */
    berthi_lock lock;
    uint64_t kept_bytes_max; /* of free ones in the depot */
    /* all below guarded by lock, but that chunks are read without it */
    berth_buffer *chains[BERTHI_BUFFER_CLASSES];
    _Atomic(berthi_buffer_entry *) chunks[BERTHI_BUFFERS_MAX / BERTHI_BUFFER_CHUNK];
    uint32_t entries_made, entries_free; /* entries_free: index + 1, 0: none */
    berthi_buffer_counts counts;
} berthi_buffers;

typedef struct berthi_buffer_chain {
    berth_buffer *first;
    uint32_t count;
} berthi_buffer_chain;

/* One worker's.  Used by one thread at a time. */
typedef struct berthi_buffer_cache {
    berthi_buffers *pool;
    struct {
        berthi_buffer_chain now, spare;
    } free[BERTHI_BUFFER_CLASSES];
    struct {
        berthi_budget *budget;
        uint64_t bytes; /* charged to it and in no buffer: released, and not given back yet */
    } credit[BERTHI_BUFFER_CREDITS];
    uint32_t credit_next; /* the one to go when there are too many */
    _Atomic(uint64_t) taken[BERTHI_BUFFER_CLASSES + 1]; /* exact; any thread reads */
} berthi_buffer_cache;

/* 0, or an errno value.  `kept_bytes_max` 0: 16 MiB. */
int berthi_buffers_init(berthi_buffers *pool, const berth_allocator *a,
                        uint64_t kept_bytes_max);
/* Every cache was emptied.  Buffers that nobody released are freed. */
void berthi_buffers_fini(berthi_buffers *pool);
void berthi_buffers_count(berthi_buffers *pool, berthi_buffer_counts *counts_out);

void berthi_buffer_cache_init(berthi_buffer_cache *cache, berthi_buffers *pool);
void berthi_buffer_cache_settle(berthi_buffer_cache *cache); /* gives back what was released */
void berthi_buffer_cache_empty(berthi_buffer_cache *cache);  /* and all free buffers */

/* A buffer of one reference for at least `capacity` bytes, all zeros, its size 0.  Both budgets (NULL:
 * none) are charged with its capacity until its last reference goes.
 * Fails: BERTH_E_LIMIT (a budget; 16 MiB; how many exist), BERTH_E_NOMEM; then nothing is charged. */
berth_status berthi_buffer_take(berthi_buffer_cache *cache, uint64_t capacity,
                                berthi_budget *stage, berthi_budget *flow,
                                berth_buffer **buffer_out, berth_diag *diag)
    __attribute__((warn_unused_result));

/* The budget holds a buffer for so many bytes when nothing else is charged to it. */
bool berthi_buffer_may_fit(uint64_t capacity, const berthi_budget *budget);

/* The whole capacity may be written to from now on; it is cleared as far as `size`. */
static inline void *berthi_buffer_open(berth_buffer *buffer, uint32_t size)
{
    assert(size <= buffer->capacity);
    if (buffer->opened < size)
        buffer->opened = size;
    return (char *)buffer + BERTHI_BUFFER_HEADER;
}

static inline const void *berthi_buffer_data(const berth_buffer *buffer)
{
    return (const char *)buffer + BERTHI_BUFFER_HEADER;
}

static inline void berthi_buffer_ref(berth_buffer *buffer, uint32_t count)
{
    /* relaxed: who adds has a reference, which keeps the buffer. */
    atomic_fetch_add_explicit(&buffer->refs, count, memory_order_relaxed);
}

void berthi_buffer_free(berthi_buffer_cache *cache, berth_buffer *buffer); /* no references */

static inline void berthi_buffer_unref(berthi_buffer_cache *cache, berth_buffer *buffer)
{
    /* acquire, here and below: what the other holders did happened before it is cleared.  Only who
     * has a reference may add one, so a count of one is ours and stays. */
    if (atomic_load_explicit(&buffer->refs, memory_order_acquire) == 1 ||
        atomic_fetch_sub_explicit(&buffer->refs, 1, memory_order_acq_rel) == 1)
        berthi_buffer_free(cache, buffer);
}

/* A name that can be kept when the buffer may go: 0 is nobody's. */
uint64_t berthi_buffer_handle(const berthi_buffers *pool, const berth_buffer *buffer);
/* The buffer of that name; NULL when there is none, or no longer.  It stays only as long as somebody
 * has a reference. */
berth_buffer *berthi_buffer_find(const berthi_buffers *pool, uint64_t handle);

/* What the budget counts, less what this cache will give back. */
uint64_t berthi_budget_used(const berthi_budget *budget);

#endif
