/* flow/edge.h - a bounded ring of records between two stages, and the account of it.  Layer: flow.
 *
 * All numbers change under the edge's lock, so that in = out + queued + dropped + dead letters whenever
 * somebody reads them under it.  Taken records are queued until they are settled.
 */
#ifndef BERTHI_FLOW_EDGE_H
#define BERTHI_FLOW_EDGE_H

#include <berth/flow.h>

#include "flow/buffer.h"

/* What became of records that a consumer had taken. */
typedef struct berthi_settled {
    uint64_t count, bytes; /* of all of them */
    uint64_t dead_letters;
    uint64_t dropped[BERTH_DROPPED_REASONS]; /* the others went on */
} berthi_settled;

typedef struct berthi_edge {
    berthi_lock lock;
    /* fixed once the flow runs */
    uint32_t from, to; /* stages */
    uint32_t port;     /* of from */
    uint32_t records_max, records_low, weight, full;
    uint64_t bytes_max, bytes_low;
    uint64_t interval_ns, burst_ns; /* between two records; 0: no rate */
    bool is_queue;                  /* somebody asked for a queue */
    bool is_crossing;               /* its ends are in different lanes */
    char *port_name;
    berth_record *ring;     /* records_max of them; `reserved` is when they were put */
    berth_histogram *waits; /* of what was taken; NULL: not measured */
    bool is_each_measured;  /* not only the first of a batch */
    /* all below guarded by lock */
    uint32_t head, waiting; /* in the ring: not taken */
    uint32_t taken;
    uint64_t bytes;       /* of waiting and taken ones */
    uint64_t bytes_taken; /* of taken ones alone */
    uint64_t next_ns;     /* rate: when the next one may leave, if it left none ahead of time */
    bool has_ended;       /* nothing more will be put */
    bool is_closed;       /* nothing more will be taken: what is put is dropped */
    bool is_pressed;      /* it was full, and has not fallen to the low mark */
    bool consumer_waits, producer_waits;
    uint64_t pressed_ns;     /* since when, while is_pressed */
    berth_edge_stats counts; /* but queued and bytes_queued */
} berthi_edge;

/* Options that were checked; its ring.  Fails: BERTH_E_NOMEM, BERTH_E_OS. */
berth_status berthi_edge_init(berthi_edge *edge, const berth_allocator *a, berth_diag *diag);
void berthi_edge_fini(berthi_edge *edge, const berth_allocator *a);

typedef struct berthi_put {
    uint32_t placed;     /* of the records: they are the edge's now, or were dropped */
    bool is_overflow;    /* the edge was full, which is an error; the record was dropped */
    bool wakes_consumer; /* notify its lane */
} berthi_put;

/* Puts records, in order, as far as the edge takes them; where it blocks, the producer is told when it takes
 * more.  What it drops is released through `cache`. */
berthi_put berthi_edge_put(berthi_edge *edge, const berth_record *records, uint32_t count,
                           uint64_t now_ns, berthi_buffer_cache *cache);
/* Nothing more will come.  True: notify the consumer's lane. */
bool berthi_edge_end(berthi_edge *edge);

typedef struct berthi_taken {
    uint32_t count;
    bool has_ended;      /* none is left, and none will come */
    uint64_t due_ns;     /* its rate allows no record before then; 0: it does */
    bool wakes_producer; /* notify its lane */
} berthi_taken;

/* Moves up to `max` records to the consumer, at most half of what the edge holds so that its producer can go on
 * meanwhile.  When there are none, the consumer is told when there are. */
berthi_taken berthi_edge_take(berthi_edge *edge, berth_record *to, uint32_t max,
                              uint64_t now_ns);
/* The consumer is done with records it took.  True: notify the producer's lane. */
bool berthi_edge_settle(berthi_edge *edge, const berthi_settled *settled, uint64_t now_ns);

/* The stage behind was cancelled: drops what is in the ring and whatever is put from now on.  The consumer has settled
 * what it took, and takes no more.  True: notify the producer's lane. */
bool berthi_edge_close(berthi_edge *edge, uint64_t now_ns, berthi_buffer_cache *cache);

/* The flow has ended: drops what is in the ring.  The consumer has settled what it took. */
void berthi_edge_discard(berthi_edge *edge, uint64_t now_ns, berthi_buffer_cache *cache);

void berthi_edge_count(berthi_edge *edge, uint64_t now_ns, berth_edge_stats *stats_out);

#endif
