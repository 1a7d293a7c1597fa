/* component/run/running.h - what loading, instantiating and calling share.
 *
 * load.c makes a berthi_cm_loaded and never changes it afterwards: one may serve any number of threads.
 * instance.c makes instances of it, call.c enters them, trampoline.c is where they leave.
 *
 * Functions and memories of core instances are found by name when they are first used, so that an
 * instance that serves one call does not look up what it does not need: a slot is empty until then.
 *
 * Layer: component.  Read first: instance.h. */
#ifndef BERTHI_COMPONENT_RUNNING_H
#define BERTHI_COMPONENT_RUNNING_H

#include <stdatomic.h>

#include "base/diag.h"
#include "component/plan/error_context.h"
#include "component/run/instance.h"
#include "component/plan/owned.h"
#include "component/run/resources.h"
#include "component/plan/scalars.h"

enum { BERTHI_CM_CELLS = 17 }; /* arguments of a core function, at most */

#define BERTHI_CM_EMPTY_SLOT UINT64_MAX /* the kind of an extern that is not there yet */

#define BERTHI_CM_TRAP(diag, ...)                                                              \
    berthi_fail_because((diag), BERTH_E_TRAP, BERTH_REASON_CANONICAL, __VA_ARGS__)

/* Which straight path a function may take. */
typedef struct berthi_cm_path {
    uint8_t shape;                                     /* enum berthi_cm_shape */
    bool in_is_string, out_is_string, error_is_string; /* of a path of bytes */
} berthi_cm_path;

/* A lifted function, with all that a call of it needs. */
typedef struct berthi_cm_entry {
    const berthi_cm_lifted *lifted;
    const berthi_cm_plan *plan;
    berthi_cm_plan_facts facts;
    const berthi_cm_scalars *scalars; /* of SHAPE_SCALARS */
    uint32_t cells;                   /* of the core call */
    uint8_t path; /* enum berthi_cm_shape, as far as this function may take it */
    bool in_is_string, out_is_string, error_is_string; /* of a straight path */
} berthi_cm_entry;

/* What a trampoline does; the context that engines hand to it. */
typedef struct berthi_cm_target {
    const berthi_cm_trampoline *trampoline;
    uint32_t instance, ready_step; /* the trampoline's */
    const berthi_cm_plan *plan;
    berthi_cm_plan_facts facts;
    const berthi_cm_scalars *scalars; /* NULL: it takes or gives something else */
    const berthi_cm_entry *entry;     /* to a guest */
    berthi_cm_path path;              /* to the host */
    berthi_cm_binding binding;        /* to the host */
    uint32_t resource;                /* of resource.new, .drop and .rep */
} berthi_cm_target;

typedef struct berthi_cm_imports { /* in the order of the module's import section */
    const berthi_cm_core_item *items;
    uint32_t count;
} berthi_cm_imports;

struct berthi_cm_loaded {
    atomic_uint references;
    const berth_allocator *allocator; /* lent */
    const berthi_wasm_ops *ops;
    berthi_wasm_engine *engine; /* lent */
    uint8_t *bytes;             /* a copy: names are lent from it */
    size_t size;
    berthi_arena arena; /* everything below */
    const berthi_cm_steps *steps;
    berthi_cm_types *types;
    berthi_wasm_module **modules;
    berthi_cm_imports *imports;  /* per step that instantiates */
    berthi_wasm_linked **linked; /* per step; NULL: its imports are not all trampolines */
    berthi_cm_binding *bindings; /* per need */
    berthi_cm_entry *entries;    /* per lifted function */
    berthi_cm_target *targets;   /* per trampoline */
    uint32_t *func_steps, *memory_steps; /* which step fills a slot */
    const berthi_cm_plan **export_plans; /* per need that is exported */
    uint32_t imports_max;                /* of one step */
    atomic_uint made;                    /* instances: each has handles of its own */
};

/* Of each component instance. */
typedef struct berthi_cm_component_state {
    berthi_cm_handles handles;
    bool may_not_leave;
    uint16_t backpressure;
} berthi_cm_component_state;

/* Own handles of the host's resources between the host and a guest: owned.h.  Nothing else of the
 * instance runs while there are any. */
typedef struct berthi_cm_passage {
    struct {
        uint32_t resource, rep;
    } * left; /* what has left a guest */
    uint32_t left_count, left_room;
    uint32_t arrived;          /* how many a guest has got */
    berthi_cm_handles *target; /* where they arrive */
} berthi_cm_passage;

/* One guest's side, and whose. */
typedef struct berthi_cm_side {
    berthi_cm_guest guest;
    berthi_cm_instance *instance;
    const berthi_cm_abi *abi;
} berthi_cm_side;

struct berthi_cm_host_call {
    berthi_cm_instance *instance;
    berthi_cm_guest *guest; /* that called; NULL: nobody has asked for it */
    berthi_cm_side
        *side; /* room for it, on a straight path; NULL: only numbers go to and fro */
    const berthi_cm_abi *abi; /* of that side */
    uint32_t from;            /* component instance of that side */
    bool has_failed;          /* realloc did, on the host's behalf */
    bool has_room;            /* the instance's was given away as an arena */
};

struct berthi_cm_instance {
    const berthi_wasm_ops *ops;
    berthi_wasm_store *store;
    berth_status (*call)(berthi_wasm_store *, const berthi_extern *, berthi_val *, size_t,
                         berth_diag *); /* ops->call */
    berthi_extern *funcs, *memories;    /* slots */
    berthi_cm_component_state *components;
    const berthi_cm_loaded *loaded;
    berthi_cm_task *task; /* the innermost */
    berthi_cm_task root;  /* of the call of an export, or of start functions */
    bool is_entered, is_dead;
    bool is_touched; /* the guest has seen something of the call */
    berthi_cm_passage passage;
    uint32_t depth, depth_max;
    uint32_t steps_done;
    uint64_t copy_left, copy_max, result_max;
    uint64_t host_calls_left, host_calls_max;
    const berthi_cm_entry *open; /* between begin and end */
    berthi_val returned;         /* for its post-return */
    berth_arena *room;           /* of host calls; made when first needed */
    berthi_cm_host_handles held; /* guests' resources that the host has */
    berthi_cm_error_contexts errors;
    berthi_wasm_instance *cores;
    berthi_extern *made; /* functions for trampolines, empty until a core instance wants one */
    void *data;
    size_t size; /* of this allocation */
};

/* ---------------------------------------------------------------- instance.c */

/* Fills an empty slot.  BERTH_E_TRAP, false: the step that would has not been reached. */
berth_status berthi_cm_fill_func(berthi_cm_instance *i, uint32_t slot, berth_diag *diag);
bool berthi_cm_fill_memory(berthi_cm_instance *i, uint32_t slot);
berth_arena *berthi_cm_room(berthi_cm_instance *i, berth_diag *diag); /* NULL: no memory */

/* ---------------------------------------------------------------- call.c */

/* The side of `instance` with its options; no task and no lends. */
void berthi_cm_side_init(berthi_cm_side *s, berthi_cm_instance *i, const berthi_cm_abi *abi,
                         uint32_t instance);
/* Ends what has left a guest, when the call breaks off; what a guest did not get of a value. */
void berthi_cm_destroy_left(berthi_cm_instance *i);
void berthi_cm_destroy_rest(berthi_cm_instance *i, const berthi_cm_type *type,
                            const void *value, bool is_args);
/* Runs the destructor of a resource that nobody owns any more. */
berth_status berthi_cm_destroy_resource(berthi_cm_instance *i, uint32_t resource, uint32_t rep,
                                        berth_diag *diag);
berth_status berthi_cm_post_return(berthi_cm_instance *i, const berthi_cm_lifted *lifted,
                                   berthi_cm_task *task, berthi_val returned, berth_diag *diag);
/* What goes between host and `guest`; `views`: nothing is copied that need not be. */
berthi_cm_host_side berthi_cm_host_side_of(berthi_cm_instance *i, uint32_t guest,
                                           berth_arena *arena, bool views);
/* A task may not end while it has borrows. */
static inline berth_status berthi_cm_task_end(const berthi_cm_task *task, berth_diag *diag)
{
    if (__builtin_expect(task->borrows != 0, 0))
        return BERTHI_CM_TRAP(diag, "borrow handles still remain at the end of the call");
    return BERTH_OK;
}

/* The memory as it is now (I7). */
static inline berthi_memory_view berthi_cm_view(berthi_cm_instance *i, uint32_t slot)
{
    if (slot == BERTHI_CM_NO_INDEX)
        return (berthi_memory_view){ .base = NULL };
    if (__builtin_expect(i->memories[slot].kind == BERTHI_CM_EMPTY_SLOT, 0) &&
        !berthi_cm_fill_memory(i, slot))
        return (berthi_memory_view){ .base = NULL };
    return i->ops->memory_view(i->store, &i->memories[slot]);
}

/* Calls what is in a slot. */
static inline berth_status berthi_cm_call_slot(berthi_cm_instance *i, uint32_t slot,
                                               berthi_val *cells, size_t count,
                                               berth_diag *diag)
{
    if (__builtin_expect(i->funcs[slot].kind == BERTHI_CM_EMPTY_SLOT, 0)) {
        berth_status status = berthi_cm_fill_func(i, slot, diag);

        if (status != BERTH_OK)
            return status;
    }
    return i->call(i->store, &i->funcs[slot], cells, count, diag);
}

/* Runs the guest's realloc: a task of its own, which may not leave. */
static inline berth_status berthi_cm_run_realloc(berthi_cm_instance *i,
                                                 const berthi_cm_abi *abi, uint32_t instance,
                                                 berthi_val *cells, berth_diag *diag)
{
    berthi_cm_task task = { .instance = instance }, *before = i->task;
    berthi_cm_component_state *component = &i->components[instance];
    berth_status status;

    i->task = &task;
    i->is_touched = true;
    component->may_not_leave = true;
    status = berthi_cm_call_slot(i, abi->realloc, cells, 4, diag);
    component->may_not_leave = false;
    i->task = before;
    return status;
}

/* ---------------------------------------------------------------- leaving */

/* Whoever leaves may do so. */
static inline berth_status berthi_cm_leave(berthi_cm_instance *i, const berthi_cm_target *t,
                                           berth_diag *diag)
{
    if (__builtin_expect(i->steps_done < t->ready_step, 0))
        return berthi_fail_because(diag, BERTH_E_TRAP, BERTH_REASON_INDIRECT_NULL,
                                   "uninitialized element: nothing is bound here yet");
    if (__builtin_expect(i->components[t->instance].may_not_leave, 0))
        return BERTHI_CM_TRAP(diag, "cannot leave component instance");
    return BERTH_OK;
}

/* ... for a function of the host's. */
static inline berth_status berthi_cm_leave_to_host(berthi_cm_instance *i,
                                                   const berthi_cm_target *t, berth_diag *diag)
{
    berth_status status = berthi_cm_leave(i, t, diag);

    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    if (__builtin_expect(i->host_calls_left == 0, 0))
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_HOST,
                                   "more than %llu host calls",
                                   (unsigned long long)i->host_calls_max);
    i->host_calls_left--;
    return BERTH_OK;
}

/* Each component that calls another takes a piece of this thread's stack: how many do is bounded. */
static inline berth_status berthi_cm_go_deeper(berthi_cm_instance *i, berth_diag *diag)
{
    if (__builtin_expect(i->depth >= i->depth_max, 0))
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_STACK,
                                   "call stack exhausted: more than %u components call another",
                                   (unsigned)i->depth_max);
    i->depth++;
    return BERTH_OK;
}

/* ---------------------------------------------------------------- trampoline_bytes.c */

/* NULL: what is called takes or gives something else than one list of bytes or one text in UTF-8. */
berthi_host_function berthi_cm_trampoline_of_bytes(const berthi_cm_target *t);

/* ---------------------------------------------------------------- trampoline_errors.c */

berthi_host_function berthi_cm_trampoline_of_errors(const berthi_cm_target *t);

/* ---------------------------------------------------------------- trampoline.c */

/* The function of the host that does what a trampoline of this kind does. */
berthi_host_function berthi_cm_trampoline_function(const berthi_cm_target *t);

#endif
