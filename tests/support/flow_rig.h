/* flow_rig.h - flows of stages that do as they are told and write down what they met. */
#ifndef BERTHT_FLOW_RIG_H
#define BERTHT_FLOW_RIG_H

#include <stdatomic.h>
#include <stdbool.h>

#include <berth/flow.h>

#include "memory.h"

enum { FLOW_RIG_STAGES = 16, FLOW_RIG_EDGES = 32 };

typedef struct flow_part {
    /* orders */
    uint32_t count;    /* a source: records it makes; then it ends, unless it is endless */
    bool is_cut;       /* somebody cancels it: it need not complete */
    bool is_endless;   /* ends only when it is drained */
    uint32_t per_pull; /* 0: 1 */
    uint32_t silent;   /* its first pulls do nothing and say nothing */
    uint32_t size;     /* of its payloads; 0: 8, which hold the number of the record */
    uint32_t fan;      /* a processor emits so many for each; 0: 1 */
    uint32_t
        modulus; /* a filter passes numbers that it divides; a router takes port number % ports */
    uint32_t fail_every;  /* calls about numbers that it divides fail ... */
    uint32_t fail_times;  /* so often, then no more; 0: always */
    uint32_t pause_every; /* asks to be left alone after numbers that it divides */
    uint64_t pause_ns;
    uint32_t group; /* an aggregator emits the last of so many, and what is left at the end */
    berth_status init_fails, complete_fails;
    uint32_t flush_fails;  /* so many flushes of something fail */
    uint32_t flush_pauses; /* so many pause instead, for pause_ns */
    berth_status (*hook)(struct flow_part *, berth_stage *,
                         const berth_record *); /* first in each call */
    void *hook_ctx;
    void (*on_init)(struct flow_part *, berth_stage *);
    void (*on_teardown)(struct flow_part *, berth_stage *);
    /* what happened; of one thread at a time */
    uint32_t made, inits, completes, teardowns, flushes, signals, rolled_back;
    uint32_t calls, failed_in_row, wrong; /* wrong: things that must not happen */
    bool is_paused;
    _Atomic(bool) is_resting;
    uint64_t last_failed;
    uint64_t *seen, seen_count, seen_room; /* numbers of records that were accepted, in order */
    uint64_t seen_flushed;                 /* of them: they stay */
    uint64_t last_sequence, flushed_sequence;
    uint32_t out_of_order;
    berth_stage *stage;
    _Atomic(uint32_t) seen_now; /* the same as seen_count */
    berth_record kept;
} flow_part;

typedef struct flow_rig {
    bertht_memory memory;
    berth_allocator allocator;
    berth_flows *flows;
    berth_flow *flow;
    flow_part parts[FLOW_RIG_STAGES];
    uint32_t roles[FLOW_RIG_STAGES];
    uint32_t parts_count, edges_count;
    berth_diag diag;
} flow_rig;

void flow_rig_init(flow_rig *r, uint32_t workers);
void flow_rig_fini(flow_rig *r); /* closes the flow, and nothing is left */
void flow_rig_open(flow_rig *r, const berth_flow_options *options); /* NULL: the defaults */
void flow_rig_close(flow_rig *r);

/* A stage "s<number>" of a role; options from BERTH_STAGE_OPTIONS_INIT or NULL. */
flow_part *flow_rig_add(flow_rig *r, uint32_t role, const berth_stage_options *options);
uint32_t flow_rig_number(const flow_rig *r, const flow_part *part);
/* An edge; port NULL: "out".  `options` may be NULL. */
uint32_t flow_rig_edge(flow_rig *r, const flow_part *from, const char *port,
                       const flow_part *to, const berth_edge_options *options);
void flow_rig_start(flow_rig *r);
/* Waits for as long as it takes.  Every account is right afterwards, and every stage was torn down once. */
berth_status flow_rig_wait(flow_rig *r);
/* in = out + queued + dropped + dead letters for each edge, now. */
void flow_rig_check_accounts(flow_rig *r);
/* The functions of a part of that role; `self` is a flow_part. */
const berth_stage_ops *flow_rig_ops(uint32_t role);

/* Waits until so many records were accepted there. */
void flow_rig_await(const flow_part *part, uint32_t count);
berth_edge_stats flow_rig_edge_stats(flow_rig *r, uint32_t edge);
berth_stage_stats flow_rig_stage_stats(flow_rig *r, const flow_part *part);

#endif
