/* flow/flow.h - the objects of flows, and who may touch what.  Layer: flow.
 *
 *   buffer.c   payloads            graph.c    stages and edges added, and checked
 *   edge.c     bounded rings       lanes.c    which stages run together, in what order
 *   workers.c  turns, timers       step.c     one stage's share of a turn
 *   outbox.c   what a call emits   flow.c     a flow's life
 *   slot_stage.c  a hook of the plugin in a slot as a stage; guest.h: one that keeps a contract
 *   content_type.c  what payloads say they are
 *   poller.c   descriptors waited for   stage_wait.c  those of stages
 *
 * `fixed` fields are written before the flow runs.  `lane` fields belong to whoever runs the lane, one
 * worker at a time; the lock of the flows object orders the turns (0014-flows.md, claim 1).
 */
#ifndef BERTHI_FLOW_FLOW_H
#define BERTHI_FLOW_FLOW_H

#include <berth/flow.h>
#include <berth/layout.h>

#include "flow/edge.h"
#include "flow/poller.h"
#include "os/clock.h"
#include "sync/record.h" /* BERTHI_WINDOW */

enum {
    BERTHI_FLOW_BATCH =
        64, /* records a stage takes at once; and a lane's turn times its weight */
    BERTHI_FLOW_PORTS_MAX = 64,       /* of one stage */
    BERTHI_FLOW_TURN_NS = 100 * 1000, /* after which a lane lets others go on */
    BERTHI_FLOW_PRIORITIES = 3,
    BERTHI_FLOW_PASSED_MAX =
        16, /* turns in a row for other priorities; one more when two are due at once */
    BERTHI_FLOW_ASK_AGAIN_NS = 1000 * 1000,
    BERTHI_FLOW_CONTENT_TYPES_MAX = 256, /* that payloads of one flow may have */
    BERTHI_FLOW_CONTENT_TYPE_SIZE_MAX = 255
};

#define BERTHI_FLOW_DEAD_PORT "dead"
#define BERTHI_FLOW_NONE      UINT32_MAX

typedef struct berthi_lane berthi_lane;
typedef struct berthi_worker berthi_worker;

typedef struct berthi_timer { /* in the heap of a flows object; guarded by its lock */
    uint64_t due_ns;
    uint32_t place;    /* in the heap, from 1; 0: it is not */
    berthi_lane *lane; /* to notify; NULL: the flow's time is up */
    berth_flow *flow;
} berthi_timer;

typedef struct berthi_port {
    const char *name; /* lent from its first edge */
    uint32_t *edges;
    uint32_t edges_count;
} berthi_port;

typedef enum berthi_phase {
    BERTHI_PHASE_RUNS,
    BERTHI_PHASE_ENDS, /* only its outbox is left */
    BERTHI_PHASE_DONE
} berthi_phase;

/* What a call that failed has found out, besides. */
typedef enum berthi_verdict {
    BERTHI_VERDICT_NONE,
    BERTHI_VERDICT_USELESS, /* another try of the record is none the better */
    BERTHI_VERDICT_FATAL    /* the stage takes nothing any more: the flow fails */
} berthi_verdict;

/* What became of records that were given together. */
typedef struct berthi_batch_done {
    uint32_t count;       /* so many were dealt with, from the first one on */
    uint64_t dead;        /* bit i: the i-th of them leaves as a dead letter */
    berth_status failure; /* of the one behind them; BERTH_OK: it was not tried */
} berthi_batch_done;

/* What stages of the library's own have besides berth_stage_ops. */
typedef struct berthi_stage_more {
    /* Something is to be done before the next call; and it is done in a call of its own, which may emit.  When that
     * fails it is as if the next call did. */
    bool (*is_due)(const void *self);
    berth_status (*prepare)(void *self, berth_stage *stage, berth_diag *diag);
    /* Now it takes many records in one call, and not one; BERTHI_FLOW_BATCH at most. */
    bool (*takes_batches)(const void *self);
    berth_status (*process_batch)(void *self, berth_stage *stage, const berth_record *records,
                                  uint32_t count, berthi_batch_done *done_out,
                                  berth_diag *diag);
} berthi_stage_more;

typedef struct berthi_stage_fd {
    berthi_watch watch;
    struct berthi_stage_fd *next;
} berthi_stage_fd;

/* Exact, for readers on other threads; only the lane writes them. */
typedef struct berthi_stage_counts {
    _Atomic(uint64_t) calls, failures, emitted, retries, circuit_opened, pauses, copies,
        copied_bytes, copies_in, copied_in_bytes, copies_out, copied_out_bytes, discarded,
        swaps, swaps_refused;
    _Atomic(uint32_t) is_done;
} berthi_stage_counts;

/* What is measured of a stage; of its lane, but for what readers are given. */
typedef struct berthi_meter {
    berth_histogram *calls, *ages; /* ages: of a sink */
    berth_span *spans;
    uint32_t room, traces;
    _Atomic(uint32_t) count; /* of spans */
    bool is_all;
    uint32_t left; /* calls until the next that is measured */
    /* the call that is running */
    bool has_record, is_traced;
    uint32_t batch;    /* records of the inbox that it was given together; 0: it is no batch */
    uint64_t begun_ns; /* 0: it is not measured */
    uint64_t sequence, time_ns, copies;
} berthi_meter;

struct berth_stage {
    /* fixed */
    berthi_meter *meter; /* NULL: nothing is measured */
    berth_flow *flow;
    berthi_lane *lane;
    uint32_t index;
    berth_stage_options options;
    char *texts[3];                                   /* of the options */
    void (*release)(const berth_allocator *, void *); /* frees options.self; NULL: it is lent */
    const berthi_stage_more *more;                    /* NULL: nothing */
    berthi_port *ports;
    uint32_t ports_count, dead_port;
    uint32_t *inputs; /* edges */
    uint32_t inputs_count;
    bool is_initialised;
    bool holds; /* a sink with flush(): its records are settled when that has succeeded */
    berthi_budget budget;
    /* lane: what it works on */
    uint32_t input_at, input_left; /* whose turn it is, and for how many records more */
    uint32_t inputs_ended;
    berth_record *inbox;
    uint32_t inbox_at, inbox_count, inbox_edge;
    uint32_t
        held_from; /* of one that holds: from here to inbox_at its records wait for flush() */
    berthi_settled settled; /* of the inbox, and not told to its edge yet */
    /* lane: what it made; the entries of a call that fails are taken back */
    berth_record *outbox;
    uint16_t *outbox_ports;
    uint32_t outbox_room, outbox_at, outbox_count;
    uint32_t outbox_edge; /* of the port of the first: those before it have their record */
    bool is_shared;       /* the first has a reference for each edge from there on */
    /* lane: how it stands */
    berthi_phase phase;
    uint64_t held_until_ns;   /* a further try, or its circuit; 0: now */
    uint64_t paused_until_ns; /* of its own will: berth_stage_ready() ends it; 0: now */
    berthi_stage_fd *fds;     /* that it waits for */
    bool is_told_to_pause;    /* a source that heard BERTH_SIGNAL_PAUSE last */
    bool is_trial;            /* the next call decides whether the circuit stays open */
    bool flushes_again;       /* before anything else */
    bool is_flush_failing; /* the last one failed: a process() that succeeds says nothing yet */
    uint32_t tries;        /* that the record in hand has failed */
    uint32_t failures_in_row;
    /* lane: the call that is running */
    berthi_worker *worker; /* NULL: none is running */
    uint32_t call_from;    /* the outbox before it */
    berth_status call_status;
    berthi_verdict verdict;
    uint32_t call_records; /* that it was given */
    uint32_t alone; /* so many records are given one by one: a call for all of them failed */
    bool may_emit, has_ended, has_paused;
    uint64_t pause_ns;
    berth_record stamp; /* what it emits is numbered and dated like this */
    berth_buffer *reserved;
    /* any thread */
    _Atomic(bool) is_woken;
    _Atomic(bool) is_cut; /* it was cancelled; its lane ends it */
    berthi_stage_counts counts;
};

typedef enum berthi_lane_state {
    BERTHI_LANE_MADE, /* its flow is starting: notified or not, it does not run yet */
    BERTHI_LANE_IDLE,
    BERTHI_LANE_READY,
    BERTHI_LANE_RUNNING,
    BERTHI_LANE_NOTIFIED, /* running, and something came meanwhile */
    BERTHI_LANE_ENDED
} berthi_lane_state;

struct berthi_lane {
    /* fixed */
    berth_flow *flow;
    berth_stage **stages; /* in the direction of the edges */
    uint32_t stages_count;
    /* lane */
    uint32_t stages_done;
    uint64_t now_ns;  /* when the walk began */
    uint64_t due_ns;  /* something is to be done then; UINT64_MAX: not before it is notified */
    uint64_t entered; /* records that came in, in this turn */
    /* guarded by the flows' lock */
    berthi_lane_state state;
    berthi_lane *next_ready;
    berthi_timer timer;
};

enum { BERTHI_STOP_NONE, BERTHI_STOP_CANCELLED, BERTHI_STOP_TIMED_OUT, BERTHI_STOP_FAILED };

struct berth_flow {
    /* fixed */
    berth_flows *flows;
    berth_flow_options options;
    char *name;
    berth_stage **stages; /* BERTH_FLOW_STAGES_MAX of them */
    berthi_edge **edges;
    berthi_lane *lanes;
    uint32_t stages_count, edges_count, lanes_count;
    berthi_budget budget;
    /* any thread */
    _Atomic(uint64_t) sequence; /* the next record's */
    _Atomic(int) stop;          /* a BERTHI_STOP; changes once, under the flows' lock */
    _Atomic(bool) is_draining;
    _Atomic(bool) is_laid;    /* lanes and rings are there, and stay */
    _Atomic(uint64_t) due_ns; /* of `timer`; 0: none.  Changes under the flows' lock */
    _Atomic(uint64_t) turns, wakes;
    _Atomic(uint64_t) began_ns, ended_ns;                       /* 0: not yet */
    berth_string *content_types[BERTHI_FLOW_CONTENT_TYPES_MAX]; /* never change once counted */
    _Atomic(uint32_t) content_types_count; /* grows under the flows' lock */
    /* guarded by the flows' lock */
    berth_flow_state state;
    uint32_t lanes_living;
    bool has_ended;  /* torn down; whoever waits may go */
    bool has_timers; /* room for them is reserved */
    berthi_lane *ready_first, *ready_last;
    bool is_queued;
    berth_flow *next_queued;
    berthi_timer timer; /* of its deadline, or of draining */
    berth_diag failure;
    berthi_cond ended;
};

/* Flows of one priority, the first to be run first. */
typedef struct berthi_flow_queue {
    berth_flow *first, *last;
    uint32_t passed; /* turns of others since the last of this one, while it waited */
} berthi_flow_queue;

struct berthi_worker {
    berth_flows *flows;
    berthi_thread thread;
    berthi_buffer_cache cache;
    berth_diag diag; /* of the emission that failed in the call that is running */
    /* guarded by the flows' lock */
    berthi_cond wake;
    bool is_idle;
    uint64_t idle_from_ns; /* while it is */
    berthi_worker *next_idle;
};

struct berth_flows {
    berth_allocator allocator;
    berthi_poller poller;
    berthi_buffers buffers;
    berthi_worker *workers;
    uint32_t workers_count, workers_started;
    _Atomic(uint32_t) ready_lanes; /* in the queue; changes under the lock */
    berthi_lock lock;
    /* guarded by lock */
    bool is_stopping;
    uint32_t flows_open;
    berthi_flow_queue queues[BERTHI_FLOW_PRIORITIES]; /* flows with lanes that are ready */
    uint64_t wakes, idle_ns;                          /* of workers, so far */
    berthi_worker *idle;
    berthi_worker *timekeeper; /* idle until the first timer; NULL: none is */
    berthi_timer **heap;       /* the first is due first */
    uint32_t heap_count, heap_room, heap_wanted;
};

/* ---------------------------------------------------------------- lanes.c */

/* Ports, inboxes, rings and lanes of a graph that was checked.  What it made goes with the flow. */
berth_status berthi_flow_lay(berth_flow *flow, berth_diag *diag);
/* An order in which every edge leads forward; false: there is a cycle, and `order` holds what is before it. */
bool berthi_flow_order(const berth_flow *flow, uint32_t *order, uint32_t *count_out);

/* ---------------------------------------------------------------- measure.c */

berth_status berthi_measures_check(const berth_flow_options *o, berth_diag *diag);
/* What is measured of each stage.  Goes with the flow. */
berth_status berthi_measures_make(berth_flow *flow, berth_diag *diag);
void berthi_meter_free(berth_flow *flow, berthi_meter *meter); /* NULL is left alone */
/* Around a call, when the stage has a meter. */
void berthi_meter_begin(berth_stage *stage, const berth_record *record);
void berthi_meter_end(berth_stage *stage, bool has_failed);

/* ---------------------------------------------------------------- graph.c */

/* Frees stages and edges. */
void berthi_graph_free(berth_flow *flow);

/* ---------------------------------------------------------------- step.c */

/* Lets the stage do what it can; true: it did something.  Else lane->due_ns says when it wants to. */
bool berthi_stage_step(berth_stage *stage, berthi_worker *worker);
/* The flow has ended: settles and releases all that the stage holds. */
void berthi_stage_discard(berth_stage *stage, berthi_worker *worker);

/* ---------------------------------------------------------------- outbox.c */

/* Before and after a call of the stage's code.  The second gives what the call has come to. */
void berthi_call_begin(berth_stage *stage, berthi_worker *worker, const berth_record *record);
berth_status berthi_call_end(berth_stage *stage, berth_status answered, berth_diag *diag);
/* Gives the outbox to the edges, as far as they take it; true: it is empty. */
bool berthi_outbox_deliver(berth_stage *stage, berthi_worker *worker);
/* The record leaves through the port "dead", as it came.  Takes the reference. */
berth_status berthi_outbox_dead(berth_stage *stage, const berth_record *record);
void berthi_outbox_discard(berth_stage *stage, berthi_worker *worker);

/* A payload of so many bytes, with its key and headers, has room when no other has any. */
bool berthi_stage_may_fit(const berth_stage *stage, uint64_t capacity);
/* As berth_stage_emit() and its like, of a source that can wait: when a budget is used up now, and not by
 * this payload alone, BERTH_E_BUSY, and the call has not failed. */
berth_status berthi_stage_emit_or_wait(berth_stage *stage, uint32_t port, const void *data,
                                       uint64_t size);
berth_status berthi_stage_emit_labelled_or_wait(berth_stage *stage, uint32_t port,
                                                const void *data, uint64_t size,
                                                const berth_label *label);
berth_status berthi_stage_reserve_or_wait(berth_stage *stage, uint64_t size, void **data_out);

/* Emits a payload that the caller has a reference of, and takes that, whether it succeeds or not. */
berth_status berthi_stage_emit_buffer(berth_stage *stage, uint32_t port, berth_buffer *buffer,
                                      berth_diag *diag);

/* As berth_stage_emit_labelled(), with what the call says about itself in `diag`. */
berth_status berthi_stage_emit_labelled(berth_stage *stage, uint32_t port, const void *data,
                                        uint64_t size, const berth_label *label,
                                        berth_diag *diag);
/* Emits the record's payload with number, time and deadline of the stage's stamp. */
berth_status berthi_stage_pass_stamped(berth_stage *stage, uint32_t port,
                                       const berth_record *record, berth_diag *diag);

/* ---------------------------------------------------------------- batch_call.c */

/* They are made as berth_label says. */
bool berthi_headers_are_sound(const void *headers, uint64_t size);

/* ---------------------------------------------------------------- content_type.c */

/* The number of a text, by which the flow's payloads name it; 0 for "".  Fails: BERTH_E_LIMIT, BERTH_E_NOMEM. */
berth_status berthi_content_type_number(berth_flow *flow, const char *text, size_t size,
                                        uint32_t *number_out, berth_diag *diag);
berth_string berthi_content_type_text(const berth_flow *flow, uint32_t number);
void berthi_content_types_free(berth_flow *flow);

/* ---------------------------------------------------------------- guest.c */

berth_status berthi_guest_add(berth_flow *flow, const berth_stage_options *options,
                              berth_slot *slot, uint32_t *stage_out, berth_diag *diag);

/* ---------------------------------------------------------------- stage_wait.c */

/* It was torn down: it waits for nothing any more. */
void berthi_stage_forget_fds(berth_stage *stage);

/* ---------------------------------------------------------------- workers.c */

berth_status berthi_workers_start(berth_flows *flows, berth_diag *diag);
void berthi_workers_stop(berth_flows *flows);
/* Something changed that the lane may wait for. */
void berthi_lane_notify(berthi_lane *lane);
/* The same under the flows' lock. */
void berthi_lane_notify_locked(berthi_lane *lane);
/* Under the flows' lock.  Room was made by berthi_timers_reserve(). */
void berthi_timer_set(berth_flows *flows, berthi_timer *timer, uint64_t due_ns);
/* The same by who is no worker about to look at the timers. */
void berthi_timer_set_from_outside(berth_flows *flows, berthi_timer *timer, uint64_t due_ns);
void berthi_timer_clear(berth_flows *flows, berthi_timer *timer);
bool berthi_timers_reserve(berth_flows *flows, uint32_t count);

/* ---------------------------------------------------------------- flow.c */

/* The flow shall end; the first who says so is heard.  Takes the flows' lock. */
void berthi_flow_stop(berth_flow *flow, int stop, const berth_diag *why);
void berthi_flow_stop_locked(berth_flow *flow, int stop, const berth_diag *why);
/* Its time is up: that of draining, or its deadline.  Under the flows' lock. */
void berthi_flow_time_up_locked(berth_flow *flow);
/* Calls its teardown(), unless that was done or its init() did not succeed.  Without a lock. */
void berthi_stage_tear_down(berth_stage *stage, berthi_worker *worker);
/* The last lane has ended: empties and tears down everything.  Without a lock. */
void berthi_flow_finish(berth_flow *flow, berthi_worker *worker);

static inline void berthi_count(_Atomic(uint64_t) *counter, uint64_t more)
{
    /* One writer; readers see some moment of it. */
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + more,
                          memory_order_relaxed);
}

/* Somebody has to look at the timers: it shall end. */
static inline bool berthi_flow_is_due(berth_flow *flow)
{
    uint64_t due_ns = atomic_load_explicit(&flow->due_ns, memory_order_relaxed);

    return due_ns != 0 && due_ns <= berthi_clock_ns();
}

/* What a flow failed with, for who waits: BERTH_E_BUSY would say that it runs. */
static inline berth_status berthi_told_status(berth_status status)
{
    return status == BERTH_E_BUSY ? BERTH_E_LIMIT : status;
}

static inline bool berthi_flow_is_stopping(berth_flow *flow)
{
    return atomic_load_explicit(&flow->stop, memory_order_relaxed) != BERTHI_STOP_NONE;
}

#endif
