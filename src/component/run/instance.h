/* component/run/instance.h - components that are loaded, and components that run.
 *
 * A loaded component (berthi_cm_loaded) is immutable and counted: its steps, its compiled core
 * modules, its plans, the host's functions that it was linked to.  An instance is one store with all
 * core instances of one root instance; one thread at a time uses it.  After a trap, a deadline or a
 * limit it is dead: every later call fails with BERTH_E_TRAP, and it must be destroyed (I6).
 *
 * Calls follow CanonicalABI.md, "canon lift" and "canon lower"; where that text and the official tests
 * disagree (re-entrance), the tests are followed.
 *
 * Layer: component.  Read first: steps.h, plan.h. */
#ifndef BERTHI_COMPONENT_INSTANCE_H
#define BERTHI_COMPONENT_INSTANCE_H

#include "component/plan/plan.h"

typedef struct berthi_cm_loaded berthi_cm_loaded;
typedef struct berthi_cm_instance berthi_cm_instance;
typedef struct berthi_cm_host_call berthi_cm_host_call;

/* A function of the host's.  `args` and `result` are in host layout; strings and lists of bits in
 * `args` are views of guest memory that end when the function returns or lowers into the guest; what
 * `result` points at must live until the function's caller has lowered it: berthi_cm_host_room() is
 * room that does.  Anything but BERTH_OK traps the guest. */
typedef berth_status (*berthi_cm_host_function)(void *ctx, berthi_cm_host_call *call,
                                                const void *args, void *result,
                                                berth_diag *diag);

/* What one need of a component is given by the host. */
typedef struct berthi_cm_binding {
    berthi_cm_host_function function; /* of a function */
    void *ctx;
    /* of a resource: `identity` says which host type it is (equal identities, equal types);
     * the destructor may be NULL */
    const void *identity;
    void (*destructor)(void *ctx, berthi_cm_host_call *call, uint32_t rep);
    berthi_wasm_module *module; /* of a core module, and what it is; both lent */
    const berthi_wasm_info *module_info;
} berthi_cm_binding;

/* Finds what a need is bound to; resources are asked for first.  What is given is used while the
 * loaded component lives.  Fails: BERTH_E_REJECTED with what is missing or differs; BERTH_E_ABSENT for
 * a resource that need not be given (`is_again`). */
typedef berth_status (*berthi_cm_resolver)(void *ctx, const berthi_cm_steps *steps,
                                           const berthi_cm_need *need,
                                           berthi_cm_binding *binding_out, berth_diag *diag);

/* Compiles a core module; how a process-wide cache is reached. */
typedef berth_status (*berthi_cm_compiler)(void *ctx, const uint8_t *bytes, size_t size,
                                           berthi_wasm_module **module_out, berth_diag *diag);

typedef struct berthi_cm_load_options {
    const berth_allocator *allocator;
    berthi_wasm_engine *engine;
    berthi_cm_resolver resolve; /* NULL: there is no host */
    void *resolve_ctx;
    berthi_cm_compiler compile; /* NULL: the engine's own */
    void *compile_ctx;
    bool keeps_shims;
} berthi_cm_load_options;

/* Reads, validates, elaborates, compiles, plans and links.  Copies what it keeps of `bytes`.
 * Fails: BERTH_E_REJECTED, BERTH_E_LIMIT, BERTH_E_NOMEM. */
berth_status berthi_cm_load(const uint8_t *bytes, size_t size,
                            const berthi_cm_load_options *options,
                            berthi_cm_loaded **loaded_out, berth_diag *diag)
    __attribute__((warn_unused_result));
void berthi_cm_loaded_ref(berthi_cm_loaded *loaded);
void berthi_cm_loaded_unref(berthi_cm_loaded *loaded);
const berthi_cm_steps *berthi_cm_loaded_steps(const berthi_cm_loaded *loaded);

/* An exported function: its place and its plan. */
typedef struct berthi_cm_func {
    bool is_host; /* of the host's, handed through */
    uint32_t index;
    const berthi_cm_type *type;
    const berthi_cm_plan *plan;
} berthi_cm_func;
/* `instance` is the name of an exported instance, or NULL for functions of the root. */
bool berthi_cm_loaded_func(const berthi_cm_loaded *loaded, const char *instance,
                           const char *function, berthi_cm_func *func_out);
/* An exported instance has that resource, and a guest defines it. */
bool berthi_cm_loaded_has_resource(const berthi_cm_loaded *loaded, const char *instance,
                                   const char *resource);

typedef struct berthi_cm_limits {
    berthi_wasm_limits store;
    uint32_t handles_max;    /* in each table; 0: BERTHI_CM_HANDLES_MAX */
    uint64_t copy_bytes_max; /* out of guests, per call; 0: 128 MiB */
    /* of these in what the result of a berthi_cm_call() points at; 0: no bound of its own */
    uint64_t result_bytes_max;
    uint32_t depth_max;      /* calls from component to component; 0: 64 */
    uint64_t host_calls_max; /* per call of an export; 0: 1 000 000 */
} berthi_cm_limits;

/* Runs the steps, start functions within `ticks`.  Fails as the guest does, or BERTH_E_REJECTED when a
 * core module does not link. */
berth_status berthi_cm_instance_create(berthi_cm_loaded *loaded, const berthi_cm_limits *limits,
                                       uint64_t ticks, void *data,
                                       berthi_cm_instance **instance_out, berth_diag *diag)
    __attribute__((warn_unused_result));
/* Handles that are left are dropped: destructors of the host's resources run, once each; guests'
 * destructors do not.  */
void berthi_cm_instance_destroy(berthi_cm_instance *instance);
void *berthi_cm_instance_data(berthi_cm_instance *instance);
bool berthi_cm_instance_is_dead(const berthi_cm_instance *instance);
/* Of the memories that its functions have used so far. */
size_t berthi_cm_instance_memory_bytes(const berthi_cm_instance *instance);
/* From now on it may run so many ticks (I5). */
void berthi_cm_instance_deadline(berthi_cm_instance *instance, uint64_t ticks);

/* A call.  `args` and `result` are in host layout; lists and strings of the result go into the
 * arena.  When it fails and the instance is dead, own handles in the arguments are gone: what a guest
 * did not get was destroyed.  When the instance is not dead, nothing of the call happened. */
berth_status berthi_cm_call(berthi_cm_instance *instance, const berthi_cm_func *func,
                            const void *args, void *result, berth_arena *arena,
                            berth_diag *diag) __attribute__((warn_unused_result));
/* The same in two halves: between them UTF-8 strings and lists of bits of the result are views of
 * guest memory.  After a begin that was BERTH_OK comes exactly one end, which runs post-return. */
berth_status berthi_cm_call_begin(berthi_cm_instance *instance, const berthi_cm_func *func,
                                  const void *args, void *result, berth_arena *arena,
                                  berth_diag *diag) __attribute__((warn_unused_result));
berth_status berthi_cm_call_end(berthi_cm_instance *instance, berth_diag *diag)
    __attribute__((warn_unused_result));

/* Handles of guests' resources that the host holds (result values of own): dropping one enters the
 * guest. */
berth_status berthi_cm_host_drop(berthi_cm_instance *instance, uint64_t handle,
                                 berth_diag *diag);

/* For functions of the host. */
berthi_cm_instance *berthi_cm_host_instance(berthi_cm_host_call *call);
void *berthi_cm_host_room(berthi_cm_host_call *call, size_t size); /* NULL: no memory */
/* The same as an arena that others may use; NULL: no memory. */
berth_arena *berthi_cm_host_arena(berthi_cm_host_call *call);
/* Room in the guest for a string or list of bytes of the result, which is not copied when it begins
 * there (guest.h, `reserved`); the first one of a call.  Room of the host where the guest's strings are not
 * UTF-8, where it has no realloc, or when there was one.  NULL: failed, which has to end the call. */
void *berthi_cm_host_reserve(berthi_cm_host_call *call, size_t size, berth_diag *diag);

#endif
