/* flow/guest.h - the plugin in a slot as a stage, by the contract that it keeps.  Layer: flow.
 *
 *   guest.c        instances, and which version is called: swaps between two records, with state
 *   guest_table.c  the functions that are called, and which of them make a contract
 *   torvyn_host.c  what components import: payloads, and the flow that they belong to
 *   torvyn_call.c  what they export: torvyn:streaming, filtering, aggregation
 *   batch_call.c   berth:flow, which takes many records in one call
 *
 * A guest has one instance, in a session, which is followed by another when the slot has another version or the instance
 * has broken.  Whatever runs here runs in the stage's lane: stage->worker is set.  Read first: flow.h.
 */
#ifndef BERTHI_FLOW_GUEST_H
#define BERTHI_FLOW_GUEST_H

#include <berthi_torvyn_host.h>

#include "flow/flow.h"
#include "registry/session.h"

/* Functions that stages are called by, and the rows of the table in guest_table.c. */
typedef enum berthi_guest_func {
    BERTHI_GUEST_PULL,
    BERTHI_GUEST_NOTIFY,
    BERTHI_GUEST_PROCESS,
    BERTHI_GUEST_PUSH,
    BERTHI_GUEST_COMPLETE,
    BERTHI_GUEST_INIT,
    BERTHI_GUEST_TEARDOWN,
    BERTHI_GUEST_EVALUATE,
    BERTHI_GUEST_ROUTE,
    BERTHI_GUEST_INGEST,
    BERTHI_GUEST_FLUSH,
    /* the same, where Torvyn's own templates have them */
    BERTHI_GUEST_EVALUATE_STREAMING,
    BERTHI_GUEST_ROUTE_STREAMING,
    BERTHI_GUEST_INGEST_STREAMING,
    BERTHI_GUEST_FLUSH_STREAMING,
    /* berth:flow */
    BERTHI_GUEST_BATCH_PULL,
    BERTHI_GUEST_BATCH_NOTIFY,
    BERTHI_GUEST_BATCH_PROCESS,
    BERTHI_GUEST_BATCH_INGEST,
    BERTHI_GUEST_BATCH_FLUSH,
    BERTHI_GUEST_BATCH_PUSH,
    BERTHI_GUEST_BATCH_COMPLETE,
    BERTHI_GUEST_BATCH_INIT,
    BERTHI_GUEST_BATCH_TEARDOWN,
    BERTHI_GUEST_SAVE,
    BERTHI_GUEST_RESTORE,
    BERTHI_GUEST_FUNCS
} berthi_guest_func;

typedef struct berthi_guest berthi_guest;

/* A way to be a stage. */
typedef struct berthi_guest_contract {
    const char *name; /* of the interface */
    uint32_t role;
    berthi_guest_func main,
        second;       /* that are called; `second` is `main` where there is no other */
    bool has_objects; /* its records are objects of the host's */
    berth_status (*init)(berthi_guest *g, berth_diag *diag); /* the instance is g->live's */
    berth_status (*pull)(berthi_guest *g, berth_diag *diag);
    berth_status (*process)(berthi_guest *g, const berth_record *record, berth_diag *diag);
    /* In place of process(): some of the records, from the first one on. */
    berth_status (*batch)(berthi_guest *g, const berth_record *records, uint32_t count,
                          berthi_batch_done *done_out, berth_diag *diag);
    berth_status (*complete)(berthi_guest *g, berth_diag *diag);
    berth_status (*signal)(berthi_guest *g, bool pauses, berth_diag *diag);
    void (*teardown)(berthi_guest *g);
} berthi_guest_contract;

/* Of two that a plugin keeps in one role the first is taken, and ours before Torvyn's. */
enum { BERTHI_BATCH_CONTRACTS = 6, BERTHI_TORVYN_CONTRACTS = 9 };
extern const berthi_guest_contract berthi_batch_contracts[BERTHI_BATCH_CONTRACTS];
extern const berthi_guest_contract berthi_torvyn_contracts[BERTHI_TORVYN_CONTRACTS];

/* A payload as a component holds it, or what is to become one. */
typedef struct berthi_guest_buffer {
    berthi_guest *guest;
    berth_buffer *buffer; /* of a mutable one: NULL once it was frozen */
    uint32_t content_type;
    bool is_lent; /* for one call: the reference is the record's */
    struct berthi_guest_buffer *next;
} berthi_guest_buffer;

/* One instance. */
typedef struct berthi_guest_live {
    berth_session *session; /* NULL: there is none */
    const berthi_guest_contract *contract;
    uint64_t context; /* the flow, as a handle */
    bool has_init;    /* torn down before it is closed */
} berthi_guest_live;

struct berthi_guest {
    /* fixed */
    berth_flow *flow;
    berth_stage *stage;
    berth_slot *slot; /* lent */
    uint32_t role;
    const char *interface; /* that is called, and no other; NULL: the first that it keeps */
    char *config;
    const berthi_torvyn_imports *imports; /* NULL: the slot's host does not offer them */
    berth_arena *arena;
    uint32_t numbers[BERTHI_GUEST_FUNCS]; /* of the slot's; 0: not asked for */
    /* lane */
    berthi_guest_live live;
    berth_lease seen; /* another version than that of `live`, which is not to be tried */
    bool is_broken;   /* a call failed: the instance may be dead */
    bool must_leave; /* the circuit opened: what the slot went back to takes over in any case */
    const berth_record *record; /* of the call that runs; NULL: none */
    uint64_t pause_ns;          /* of a sink that said pause; 0: it did not */
    berth_diag told;            /* a signal that failed, for the next call to say */
    berthi_guest_buffer *free;
    char *scratch; /* the bytes of a batch */
    uint64_t scratch_room, scratch_used;
};

/* ---------------------------------------------------------------- guest_table.c */

/* The number of a function of the slot's, or of none of its versions yet. */
berth_status berthi_guest_number(berthi_guest *g, berthi_guest_func func, berth_diag *diag);
/* Its version has the function, of the right type. */
berth_status berthi_guest_has(const berth_session *session, berthi_guest_func func,
                              bool *has_out, berth_diag *diag);
/* The contract that the version keeps in this role.  Fails: BERTH_E_ABSENT (none; `diag` says which there are),
 * BERTH_E_NOMEM. */
berth_status berthi_guest_choose(const berth_session *session, uint32_t role,
                                 const char *interface,
                                 const berthi_guest_contract **contract_out, berth_diag *diag);
/* Whether stages of the role may be called by the interface, with its version or without. */
bool berthi_guest_knows(uint32_t role, const char *interface);
/* Of a stage that was made without a hook: by which interface it is called.  Lent until the flow is closed. */
void berthi_guest_set_interface(berth_flow *flow, uint32_t stage, const char *interface);

/* ---------------------------------------------------------------- guest.c */

/* Calls a function of the instance.  What its result points at lives until the next call. */
berth_status berthi_guest_call(berthi_guest *g, berthi_guest_func func, const void *args,
                               void *result, berth_diag *diag);

/* The same; `look` sees the result where the guest put it, and nothing of it stays. */
berth_status berthi_guest_call_and_look(berthi_guest *g, berthi_guest_func func,
                                        const void *args, void *result,
                                        berth_status (*look)(void *ctx, const void *result,
                                                             berth_diag *diag),
                                        void *ctx, berth_diag *diag);

/* ---------------------------------------------------------------- torvyn_host.c */

/* A payload to be lent to the instance while it is called. */
berth_status berthi_guest_lend(berthi_guest *g, const berth_record *record,
                               uint64_t *handle_out, berth_diag *diag);
void berthi_guest_take_back(berthi_guest *g, uint64_t handle);
/* The payload that it gave, with its one reference; NULL: the handle is none. */
berth_buffer *berthi_guest_take(berthi_guest *g, uint64_t handle);
void berthi_guest_free_buffers(berthi_guest *g); /* those that nobody has */

#endif
