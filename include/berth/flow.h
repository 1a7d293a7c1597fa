/* berth/flow.h - flows: records through stages, with bounds that hold and counts that are exact.
 *
 * A flow is made of stages and edges, checked as a whole, started once, and runs on the workers of a
 * `berth_flows` until its sources have ended, or it is drained, cancelled, or fails.
 * Words: <berth/base.h>.  What stages are: <berth/stage.h>.  How flows behave: docs/flows.md.
 * Stability: draft until 1.0.
 */
#ifndef BERTH_FLOW_H
#define BERTH_FLOW_H

#include <berth/base.h>
#include <berth/histogram.h>
#include <berth/host.h>
#include <berth/slot.h>
#include <berth/stage.h>

BERTH_BEGIN

typedef struct berth_flows berth_flows; /* workers, buffers and a clock that flows share */
typedef struct berth_flow berth_flow;

/* Grows at the end only.  0 or NULL in a field means its default. */
typedef struct berth_flows_options {
    uint32_t size;                    /* sizeof(berth_flows_options), set by the _INIT */
    uint32_t workers;                 /* threads; default 2, at most 64 */
    const berth_allocator *allocator; /* copied; default: the C library's heap */
    uint64_t
        kept_bytes_max; /* of free buffers; default 16 MiB; each worker keeps up to 3 MiB besides */
} berth_flows_options;
#define BERTH_FLOWS_OPTIONS_INIT BERTH_INIT((uint32_t)sizeof(berth_flows_options), 0, NULL, 0)

/* Starts workers.  `options` may be NULL.  Gives *flows_out; end it with berth_flows_destroy().
 * Thread: any.  Blocks: briefly.  Fails: BERTH_E_INVALID, BERTH_E_VERSION, BERTH_E_NOMEM, BERTH_E_OS. */
BERTH_API BERTH_CHECKED berth_status berth_flows_create(const berth_flows_options *options,
                                                        berth_flows **flows_out,
                                                        berth_diag *diag);

/* Ends it.  Every flow was closed.  NULL is left alone.
 * Thread: one.  Blocks: until the workers have ended. */
BERTH_API void berth_flows_destroy(berth_flows *flows);

typedef enum berth_role {
    BERTH_ROLE_SOURCE = 1,
    BERTH_ROLE_PROCESSOR = 2,  /* any number of records for one */
    BERTH_ROLE_FILTER = 3,     /* passes the record on, or does not */
    BERTH_ROLE_ROUTER = 4,     /* has ports of any names */
    BERTH_ROLE_AGGREGATOR = 5, /* a processor that emits at the end too */
    BERTH_ROLE_SINK = 6
} berth_role;

/* What a full edge does with a record more. */
typedef enum berth_full {
    BERTH_FULL_BLOCK = 0, /* holds back the stage in front */
    BERTH_FULL_DROP_OLDEST = 1,
    BERTH_FULL_DROP_NEWEST = 2,
    BERTH_FULL_ERROR = 3 /* the flow fails */
} berth_full;

/* What a failed call means for its record. */
typedef enum berth_on_error {
    BERTH_ON_ERROR_FAIL = 0,       /* the flow fails */
    BERTH_ON_ERROR_SKIP = 1,       /* the record is dropped, and counted */
    BERTH_ON_ERROR_DEAD_LETTER = 2 /* it leaves through the port "dead", as it came */
} berth_on_error;

/* How long calls take, and how old records are when a sink is done with them. */
enum {
    BERTH_FLOW_MEASURE_SOME = 1, /* of one call in 32; costs about a nanosecond a call */
    BERTH_FLOW_MEASURE_ALL = 2   /* of each; costs two readings of the clock */
};

/* Which flows with something to do are run first.  A priority with such flows is passed over 16 times in a row at most,
 * or 17 when two are due at once; within one, `weight` is what counts. */
typedef enum berth_priority {
    BERTH_PRIORITY_NORMAL = 0,
    BERTH_PRIORITY_HIGH = 1,
    BERTH_PRIORITY_LOW = 2
} berth_priority;

/* Grows at the end only. */
typedef struct berth_flow_options {
    uint32_t size;             /* sizeof(berth_flow_options), set by the _INIT */
    uint32_t weight;           /* of its share of the workers; default 1, at most 64 */
    const char *name;          /* 1..64 printable bytes */
    uint64_t buffer_bytes_max; /* of all its payloads; default 64 MiB */
    uint64_t deadline_ns;      /* from its start; then it is cancelled, as timed out; 0: none */
    uint32_t measures;         /* BERTH_FLOW_MEASURE_...; default none */
    uint32_t traces;           /* so many records are traced, from the first; at most 65 536 */
    uint32_t priority;         /* a berth_priority */
    uint32_t reserved;         /* 0 */
} berth_flow_options;
#define BERTH_FLOW_OPTIONS_INIT                                                                \
    BERTH_INIT((uint32_t)sizeof(berth_flow_options), 0, NULL, 0, 0, 0, 0, 0, 0)

/* Makes a flow without stages.  Gives *flow_out; end it with berth_flow_close().
 * Thread: any.  Blocks: briefly.  Fails: BERTH_E_INVALID, BERTH_E_VERSION, BERTH_E_NOMEM, BERTH_E_OS. */
BERTH_API BERTH_CHECKED berth_status berth_flow_open(berth_flows *flows,
                                                     const berth_flow_options *options,
                                                     berth_flow **flow_out, berth_diag *diag);

/* Grows at the end only.  0 or NULL in a field means its default. */
typedef struct berth_stage_options {
    uint32_t size;              /* sizeof(berth_stage_options), set by the _INIT */
    uint32_t role;              /* a berth_role */
    const char *name;           /* 1..64 printable bytes, once in a flow */
    const berth_stage_ops *ops; /* lent until the flow is closed */
    void *self;                 /* handed to them */
    const char *takes, *gives;  /* types of its records; default: any */
    uint32_t on_error;          /* a berth_on_error, after the last try */
    uint32_t retries;           /* further tries of a failed record; default 0 */
    uint64_t
        retry_ns; /* before the first; each further one waits twice as long; default 10 ms */
    uint64_t retry_ns_max; /* at most; default 1 s */
    uint32_t
        circuit_failures; /* calls that fail one after the other and open it; default: none do */
    uint32_t emits_max;   /* records of one call; default 1024 */
    uint64_t circuit_ns;  /* for how long it stays open; default 1 s */
    uint64_t
        buffer_bytes_max; /* of payloads it made and that are somewhere; default: the flow's */
    uint64_t lifetime_ns; /* of a source: how long its records are wanted; default: for ever */
    const char *config;   /* what a plugin's init() is told; copied; default "" */
} berth_stage_options;
#define BERTH_STAGE_OPTIONS_INIT                                                               \
    BERTH_INIT((uint32_t)sizeof(berth_stage_options), 0, NULL, NULL, NULL, NULL, NULL, 0, 0,   \
               0, 0, 0, 0, 0, 0, 0, NULL)

#define BERTH_FLOW_STAGES_MAX 256u
#define BERTH_FLOW_EDGES_MAX  1024u

/* Adds a stage, numbered from 0 in the order in which they are added.  Copies the texts.
 * Gives *stage_out unless NULL.  Thread: one.  Blocks: never.
 * Fails: BERTH_E_INVALID, BERTH_E_VERSION, BERTH_E_LIMIT (256 stages), BERTH_E_NOMEM,
 *        BERTH_E_STATE (it was started). */
BERTH_API BERTH_CHECKED berth_status berth_flow_add(berth_flow *flow,
                                                    const berth_stage_options *options,
                                                    uint32_t *stage_out, berth_diag *diag);

/* Adds a stage that is the plugin in a slot.
 *
 * Without a hook (NULL) it is called by the contract that it keeps in its role (docs/flows.md), in an instance of its own:
 * before each call the slot's current version is looked at, and when there is another one, that takes over, with the state
 * when they have berth:plugin/state.  One that cannot take over is left, and the slot is rolled back.  The host of the
 * slot's runtime was given berth_flow_offer().  Whether the plugin fits is found out when the flow is started.
 *
 * With a hook each record is the input of one call, in the version that is current when the call begins.  What the
 * reply means: a processor's is the record that follows, none when it is "drop"; a filter's passes the record
 * on unless it is "drop"; a router's is the names of ports, with blanks or newlines between them; a sink's is not
 * looked at.
 *
 * So a swap falls between two records, and none is lost or doubled by it.  The slot's deadline bounds each call.  When the
 * stage's circuit opens, the slot is rolled back.
 * `options` are without `ops` and `self`.  The slot handle is lent until the flow is closed.
 * Gives *stage_out unless NULL.  Thread: one.  Blocks: briefly.
 * Fails: as berth_flow_add() and berth_slot_hook(); BERTH_E_INVALID also for sources and aggregators with a hook, which
 *        has no words for them. */
BERTH_API BERTH_CHECKED berth_status berth_flow_add_slot(berth_flow *flow,
                                                         const berth_stage_options *options,
                                                         berth_slot *slot, const char *hook,
                                                         uint32_t *stage_out, berth_diag *diag);

/* Grows at the end only.  An edge of which only the ends are said joins two stages that run together;
 * with any of the fields from `records_max` to `burst` it is a queue, and what is behind it may run beside
 * what is in front. */
typedef struct berth_edge_options {
    uint32_t size;        /* sizeof(berth_edge_options), set by the _INIT */
    uint32_t from, to;    /* stages */
    uint32_t records_max; /* default 256, at most 65 536 */
    const char *port;     /* of `from`; default "out" */
    uint64_t bytes_max;   /* of payloads; default 4 MiB */
    uint32_t
        low_percent; /* a full edge that blocks opens again when it is this full; default 50 */
    uint32_t full;   /* a berth_full */
    uint32_t
        rate; /* records that may leave it in a second; default: no bound; at most 1 000 000 */
    uint32_t burst;    /* that may leave at once with a rate; default 1 */
    uint32_t weight;   /* of its share of `to`; default 1, at most 64 */
    uint32_t reserved; /* 0 */
} berth_edge_options;
#define BERTH_EDGE_OPTIONS_INIT                                                                \
    BERTH_INIT((uint32_t)sizeof(berth_edge_options), 0, 0, 0, NULL, 0, 0, 0, 0, 0, 0, 0)

/* Adds an edge, numbered from 0.  Whether it fits is looked at by berth_flow_check().
 * Gives *edge_out unless NULL.  Thread: one.  Blocks: never.  Fails: as berth_flow_add(). */
BERTH_API BERTH_CHECKED berth_status berth_flow_connect(berth_flow *flow,
                                                        const berth_edge_options *options,
                                                        uint32_t *edge_out, berth_diag *diag);

#define BERTH_FINDING_NONE UINT32_MAX

/* Something that keeps a flow from being started. */
typedef struct berth_finding {
    uint32_t stage, edge; /* what it is about; BERTH_FINDING_NONE: not one alone */
    const char *text;     /* lent until the callback returns */
} berth_finding;

typedef void (*berth_finding_fn)(void *ctx, const berth_finding *finding);

/* Looks at the whole graph and tells all that is wrong with it; `found` may be NULL.
 * Thread: one.  Blocks: never.  Fails: BERTH_E_REJECTED (the first in `diag`, and how many), BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_flow_check(berth_flow *flow, berth_finding_fn found,
                                                      void *ctx, berth_diag *diag);

/* Checks it, initialises its stages in their order, and lets it run.  When the check fails nothing has happened; when
 * something else does it was torn down, and can only be closed.  Others may drain, cancel and wait for it from the
 * first init() on.
 * Thread: one.  Blocks: until the stages' init() have answered.
 * Fails: as berth_flow_check(); what an init() answered; BERTH_E_STATE (a second time), BERTH_E_OS. */
BERTH_API BERTH_CHECKED berth_status berth_flow_start(berth_flow *flow, berth_diag *diag);

/* Pulls no source any more and lets the rest pass; what has not after `within_ns` (UINT64_MAX: for ever) is
 * discarded, and counted as that.  Said again it may leave less time, but not more.  A flow that does not run is left
 * alone.
 * Thread: any.  Blocks: briefly. */
BERTH_API void berth_flow_drain(berth_flow *flow, uint64_t within_ns);

/* Stops it at the next record of each stage.  What is in it is discarded, and counted as that.
 * Thread: any.  Blocks: briefly. */
BERTH_API void berth_flow_cancel(berth_flow *flow);

/* Ends one stage at its next record, and leaves the others: what waits for it is dropped and counted as stopped, as is
 * what is given to it from then on; what it had emitted and no edge had taken is discarded; it is torn down at once,
 * without complete().  What is behind it sees that input end, and so completes when it has no other.  In front of it
 * everything goes on.  Said again it changes nothing.
 * Thread: any.  Blocks: briefly.  Fails: BERTH_E_STATE (the flow does not run), BERTH_E_ABSENT (no such stage). */
BERTH_API BERTH_CHECKED berth_status berth_flow_cancel_branch(berth_flow *flow, uint32_t stage,
                                                              berth_diag *diag);

typedef enum berth_flow_state {
    BERTH_FLOW_MADE = 1,
    BERTH_FLOW_RUNNING = 2,
    BERTH_FLOW_DRAINING = 3,
    BERTH_FLOW_STOPPING = 4,
    BERTH_FLOW_COMPLETED = 5, /* every record that came in went its way */
    BERTH_FLOW_CANCELLED = 6, /* somebody asked for it, or time ran out */
    BERTH_FLOW_FAILED = 7
} berth_flow_state;

/* Waits until the flow has ended and its stages are torn down.  `diag` says why it failed or was cancelled.
 * Thread: any, but no stage's function.  Blocks: until then, or for `timeout_ns` (UINT64_MAX: for ever).
 * Fails: BERTH_E_BUSY (it runs), BERTH_E_STATE (it was never started), BERTH_E_CLOSED (it was cancelled),
 *        BERTH_E_DEADLINE (it ran out of time), and what it failed with; BERTH_E_LIMIT where that was BERTH_E_BUSY. */
BERTH_API BERTH_CHECKED berth_status berth_flow_wait(berth_flow *flow, uint64_t timeout_ns,
                                                     berth_diag *diag);

/* Cancels it, waits, and frees it.  NULL is left alone.
 * Thread: one, and no stage's function.  Blocks: until it has ended. */
BERTH_API void berth_flow_close(berth_flow *flow);

/* Why records were dropped. */
enum {
    BERTH_DROPPED_OLDEST = 0,  /* the edge was full, and dropped its oldest */
    BERTH_DROPPED_NEWEST = 1,  /* the edge was full */
    BERTH_DROPPED_FULL = 2,    /* the edge was full, which was an error */
    BERTH_DROPPED_EXPIRED = 3, /* past its deadline */
    BERTH_DROPPED_FAILED = 4,  /* the stage behind failed, and skips, or ended the flow */
    BERTH_DROPPED_STOPPED = 5, /* the flow was stopped, or the stage behind was cancelled */
    BERTH_DROPPED_REASONS = 6
};

/* One moment of an edge: in = out + queued + all of dropped + dead_letters, always (I11).  Grows at the end
 * only; set `size`. */
typedef struct berth_edge_stats {
    uint32_t size;
    uint32_t lane_crossing; /* 1: its ends run beside each other */
    uint64_t in, out, queued, dead_letters;
    uint64_t dropped[BERTH_DROPPED_REASONS];
    uint64_t bytes_queued;
    uint64_t peak, bytes_peak; /* of queued */
    uint64_t pressures;        /* how often it was full */
    uint64_t pressure_ns;      /* and for how long in all */
} berth_edge_stats;

/* Gives *stats.  Thread: any.  Blocks: briefly.  Fails: BERTH_E_ABSENT (no such edge), BERTH_E_INVALID
 * (`size` was not set), BERTH_E_VERSION. */
BERTH_API BERTH_CHECKED berth_status berth_flow_edge_stats(berth_flow *flow, uint32_t edge,
                                                           berth_edge_stats *stats);

/* Of one stage; each number is exact, but they are not of one moment.  Grows at the end only; set `size`. */
typedef struct berth_stage_stats {
    uint32_t size;
    uint32_t is_done;
    uint64_t calls, failures; /* of pull(), process() and complete() */
    uint64_t emitted;         /* records, once per port */
    uint64_t retries, circuit_opened, pauses;
    uint64_t buffer_bytes, buffer_bytes_peak; /* of payloads it made */
    uint64_t copies, copied_bytes;            /* into buffers, by berth_stage_emit() */
    uint64_t copies_in, copied_in_bytes;      /* into a plugin, of a stage that is one */
    uint64_t copies_out, copied_out_bytes;    /* out of it */
    uint64_t
        discarded;  /* emitted, and in no edge yet when the flow was stopped; once per edge */
    uint64_t swaps; /* of a plugin by another version, between two records */
    uint64_t swaps_refused; /* the other version could not take over */
} berth_stage_stats;

/* Gives *stats.  Thread: any.  Blocks: briefly, and never once the flow was started.
 * Fails: BERTH_E_ABSENT, BERTH_E_INVALID, BERTH_E_VERSION. */
BERTH_API BERTH_CHECKED berth_status berth_flow_stage_stats(berth_flow *flow, uint32_t stage,
                                                            berth_stage_stats *stats);

typedef struct berth_flow_stats {
    uint32_t size;
    uint32_t state; /* a berth_flow_state */
    uint32_t stages, edges, lanes;
    uint32_t reserved;
    uint64_t ingress; /* records that sources brought in */
    uint64_t turns;   /* runs of lanes on workers */
    uint64_t wakes;   /* of lanes that were idle */
    uint64_t buffer_bytes, buffer_bytes_peak;
    uint64_t running_ns; /* since it began to run, or until it ended; 0: it never did */
} berth_flow_stats;

/* Gives *stats.  Thread: any.  Blocks: briefly.  Fails: BERTH_E_INVALID, BERTH_E_VERSION. */
BERTH_API BERTH_CHECKED berth_status berth_flow_read_stats(berth_flow *flow,
                                                           berth_flow_stats *stats);

enum {
    BERTH_MEASURED_CALLS = 1, /* how long calls took */
    BERTH_MEASURED_AGES = 2   /* of a sink: since its records came in, in nanoseconds */
};

/* Adds what was measured of a stage to *into.  Thread: any.  Blocks: never.
 * Fails: BERTH_E_ABSENT (no such stage, or it is not measured), BERTH_E_INVALID. */
BERTH_API BERTH_CHECKED berth_status berth_flow_measured(berth_flow *flow, uint32_t stage,
                                                         uint32_t what, berth_histogram *into);

/* Adds how long records waited in an edge to *into: of the first of each batch that was taken, or of each record where
 * each call is measured.  To the walk of a lane, which is shorter than 100 us and a call.
 * Thread: any.  Blocks: never.  Fails: BERTH_E_ABSENT (no such edge, or it is not measured). */
BERTH_API BERTH_CHECKED berth_status berth_flow_waited(berth_flow *flow, uint32_t edge,
                                                       berth_histogram *into);

#define BERTH_BUFFER_CLASSES 5u /* 256 B, 4 KiB, 64 KiB, 1 MiB, and larger ones */

/* What flows share.  Grows at the end only; set `size`. */
typedef struct berth_flows_stats {
    uint32_t size;
    uint32_t workers, workers_idle;
    uint32_t flows;                               /* that are open */
    uint32_t lanes_ready;                         /* that wait for a worker */
    uint32_t reserved;                            /* 0 */
    uint64_t wakes;                               /* of workers */
    uint64_t idle_ns;                             /* of all workers together */
    uint64_t buffers_taken[BERTH_BUFFER_CLASSES]; /* by size */
    uint64_t buffers_made, buffers_freed; /* of these from the allocator, and back to it */
    uint64_t buffers, buffer_bytes;       /* that are there, free ones too */
    uint64_t buffer_bytes_kept;           /* of free ones that no worker has */
} berth_flows_stats;

/* Gives *stats.  Thread: any.  Blocks: briefly.  Fails: BERTH_E_INVALID, BERTH_E_VERSION. */
BERTH_API BERTH_CHECKED berth_status berth_flows_read_stats(berth_flows *flows,
                                                            berth_flows_stats *stats);

/* One call about a traced record; a source's is the pull that brought it in. */
typedef struct berth_span {
    uint64_t sequence;
    uint64_t begin_ns, end_ns; /* by the monotonic clock */
    uint32_t copies;           /* of payloads, in this call */
    uint32_t failed;           /* 1: it failed */
} berth_span;

/* Fills up to `max` spans of a stage, in the order of its calls; returns how many there are.  There is room for four a
 * record; what is past it is left out.  Thread: any.  Blocks: never. */
BERTH_API uint32_t berth_flow_spans(berth_flow *flow, uint32_t stage, berth_span *spans,
                                    uint32_t max);

/* Offers to the components of runtimes that have this host what stages of flows import: torvyn:streaming/types and
 * buffer-allocator, torvyn:capabilities/capability-query.  Once per host; after a failure the host is to be destroyed.
 * Thread: any.  Blocks: briefly.  Fails: BERTH_E_STATE, BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_flow_offer(berth_host *host, berth_diag *diag);

BERTH_END
#endif /* BERTH_FLOW_H */
