/* wasm/wasmtime/wt.h - the compiling provider: core modules through Wasmtime's C API.
 *
 * What this directory is: wasm/engine.h implemented by Wasmtime, and the only place that may
 * name it.  wt_engine.c has settings and compiled modules, wt_store.c stores, instances and
 * calls, wt_link.c modules whose imports are bound ahead, wt_extern.c what a host makes for guests, wt_fault.c the one place where the engine's
 * errors and traps become a status and a diag.
 *
 * Memory.  Our own objects come from the allocator of the options.  What Wasmtime allocates is
 * its own affair (it aborts when it cannot); what of it grows with a guest is bounded by the
 * pool and by the limits of the store.
 *
 * Signals.  The first engine of a process installs handlers for SIGSEGV, SIGBUS, SIGILL and
 * SIGFPE that pass on what is not theirs.  Whoever wants their own must install them before, or
 * chain to these.  An engine does not survive fork(): fork before there is one, or to exec.
 */
#ifndef BERTHI_WASM_WASMTIME_WT_H
#define BERTHI_WASM_WASMTIME_WT_H

#include <stdatomic.h>

#include <wasmtime.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "wasm/engine.h"

/* A signature of host functions that the engine has registered.  Doing it anew for each store
 * costs 0.8 us for each function, finding it here 0.1. */
typedef struct berthi_wt_type {
    struct berthi_wt_type *next; /* older */
    wasm_functype_t *theirs;
    uint32_t params_count, results_count;
    uint8_t types[]; /* params, then results */
} berthi_wt_type;

typedef struct berthi_wt_engine {
    berthi_wasm_engine head;
    const berth_allocator *allocator; /* lent */
    wasm_engine_t *engine;
    wasmtime_linker_t *linker; /* empty, never added to: links modules without imports */
    berthi_wasm_options options;
    char identity[384];
    _Atomic(berthi_wt_type *) types; /* newest first; only ever longer */
    atomic_uint types_count;
} berthi_wt_engine;

typedef struct berthi_wt_module {
    berthi_wasm_module head;
    berthi_wt_engine *engine; /* lent */
    wasmtime_module_t *module;
    wasmtime_instance_pre_t *linked; /* NULL for a module with imports */
    size_t code_bytes;
    atomic_uint references;
} berthi_wt_module;

/* A function of the host, owned by its store. */
typedef struct berthi_wt_function {
    struct berthi_wt_function *next;
    struct berthi_wt_store *store;
    berthi_host_function function;
    void *ctx;
} berthi_wt_function;

/* References that the host gave to guests stay rooted while the store lives: a raw cell is not a
 * root, and we cannot know how long the caller keeps one. */
typedef struct berthi_wt_roots {
    struct berthi_wt_roots *next;
    uint32_t used;
    wasmtime_externref_t roots[62];
} berthi_wt_roots;

typedef struct berthi_wt_store {
    berthi_wasm_store head;
    wasmtime_context_t *context; /* of `store`; first, for the hot entry */
    wasm_trap_t *trap;           /* where a call that traps leaves it; NULL between calls */
    wasmtime_store_t *store;
    berthi_wt_engine *engine; /* lent */
    berthi_wt_function *functions;
    berthi_wt_roots *roots;
    berth_status host_status; /* why a host function ended the guest, until it is reported */
    berth_diag host_diag;
} berthi_wt_store;

/* Our handles are the engine's own, one word for the kind and three for the rest, so that no
 * call converts anything. */
_Static_assert(sizeof(berthi_val) == sizeof(wasmtime_val_raw_t), "cells are passed through");
_Static_assert(_Alignof(berthi_val) == _Alignof(wasmtime_val_raw_t),
               "cells are passed through");
_Static_assert(sizeof(berthi_extern) == sizeof(wasmtime_extern_t), "externs share a layout");
_Static_assert(offsetof(berthi_extern, words) == offsetof(wasmtime_extern_t, of), "same place");
_Static_assert(sizeof(berthi_wasm_instance) == sizeof(wasmtime_instance_t), "same handle");

static inline const wasmtime_func_t *berthi_wt_func(const berthi_extern *e)
{
    return (const wasmtime_func_t *)(const void *)e->words;
}

static inline const wasmtime_memory_t *berthi_wt_memory(const berthi_extern *e)
{
    return (const wasmtime_memory_t *)(const void *)e->words;
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "cells and handles are little-endian");

/* A memory of ours never moves: the settings forbid it.  Its base is kept in the two holes of the
 * engine's handle, so that a look at a memory asks the engine for its size only (I7: the size is
 * what changes).  4.4 ns instead of 2.3, twice in each call that takes and gives bytes. */
_Static_assert(sizeof(wasmtime_memory_t) == 24 &&
                   offsetof(wasmtime_memory_t, __private1) == 8 &&
                   offsetof(wasmtime_memory_t, __private2) == 16,
               "the upper halves of words 1 and 2 are padding");

static inline void berthi_wt_keep_base(wasmtime_context_t *context, berthi_extern *memory)
{
    uint64_t base =
        (uint64_t)(uintptr_t)wasmtime_memory_data(context, berthi_wt_memory(memory));

    memory->words[1] = (memory->words[1] & UINT32_MAX) | base << 32;
    memory->words[2] = (memory->words[2] & UINT32_MAX) | (base & ~(uint64_t)UINT32_MAX);
}

static inline uint8_t *berthi_wt_memory_base(const berthi_extern *memory)
{
    uint64_t base = memory->words[1] >> 32 | (memory->words[2] & ~(uint64_t)UINT32_MAX);

    return (uint8_t *)(uintptr_t)base;
}

static inline const wasmtime_table_t *berthi_wt_table(const berthi_extern *e)
{
    return (const wasmtime_table_t *)(const void *)e->words;
}

static inline const wasmtime_global_t *berthi_wt_global(const berthi_extern *e)
{
    return (const wasmtime_global_t *)(const void *)e->words;
}

/* What ended a guest, or refused to start one.  Takes `error` and the store's trap, of which at
 * least one is there.  Never BERTH_OK. */
berth_status berthi_wt_fold(berthi_wt_store *store, wasmtime_error_t *error, berth_diag *diag);

/* Why a module was refused.  Takes `error`. */
berth_status berthi_wt_fold_compile(wasmtime_error_t *error, berth_diag *diag);

/* Why a module could not be linked.  Takes `error`. */
berth_status berthi_wt_fold_link(wasmtime_error_t *error, berth_diag *diag);

/* wt_store.c */
berth_status berthi_wt_store_create(berthi_wasm_engine *engine,
                                    const berthi_wasm_limits *limits, void *data,
                                    berthi_wasm_store **store_out, berth_diag *diag);
void berthi_wt_store_destroy(berthi_wasm_store *store);
void berthi_wt_store_deadline(berthi_wasm_store *store, uint64_t ticks);
berth_status berthi_wt_instantiate(berthi_wasm_store *store, berthi_wasm_module *module,
                                   const berthi_extern *imports, size_t imports_count,
                                   berthi_wasm_instance *instance_out, berth_diag *diag);
berth_status berthi_wt_instantiate_pre(berthi_wt_store *store,
                                       const wasmtime_instance_pre_t *pre,
                                       berthi_wasm_instance *instance_out, berth_diag *diag);
bool berthi_wt_instance_export(berthi_wasm_store *store, berthi_wasm_instance instance,
                               const char *name, size_t name_size, berthi_extern *extern_out);
berth_status berthi_wt_call(berthi_wasm_store *store, const berthi_extern *func,
                            berthi_val *cells, size_t cells_count, berth_diag *diag);
berthi_memory_view berthi_wt_memory_view(berthi_wasm_store *store, const berthi_extern *memory);

/* wt_link.c */
berth_status berthi_wt_module_link(berthi_wasm_module *module,
                                   const berthi_wasm_binding *bindings, size_t bindings_count,
                                   berthi_wasm_linked **linked_out, berth_diag *diag);
void berthi_wt_linked_destroy(berthi_wasm_linked *linked);
berth_status berthi_wt_instantiate_linked(berthi_wasm_store *store, berthi_wasm_linked *linked,
                                          berthi_wasm_instance *instance_out, berth_diag *diag);

/* wt_extern.c */
/* The engine's form of `type`.  With *is_kept_out false the caller ends it. */
berth_status berthi_wt_engine_type(berthi_wt_engine *engine, const berthi_functype *type,
                                   wasm_functype_t **theirs_out, bool *is_kept_out,
                                   berth_diag *diag);
/* Parameters, then results; 0 for what guests of the enabled features cannot name. */
void berthi_wt_read_types(const wasm_functype_t *type, uint8_t *types);
/* A host function has failed: parks that in the store until the outermost call has unwound the
 * guest. */
wasm_trap_t *berthi_wt_host_failed(berthi_wt_store *store, berth_status status);

/* From the guest into the host.  Nothing is converted. */
static inline wasm_trap_t *berthi_wt_enter_host(berthi_wt_store *s,
                                                berthi_host_function function, void *ctx,
                                                berthi_val *cells)
{
    /* The diag belongs to the store: what another host function has left there, if only to think
     * better of it, must not become the words of this one. */
    int32_t before = s->host_diag.status;
    berth_status status;

    s->host_diag.status = BERTH_OK;
    status = function(ctx, &s->head, cells, &s->host_diag);
    if (__builtin_expect(status != BERTH_OK, 0))
        return berthi_wt_host_failed(s, status);
    s->host_diag.status = before;
    return NULL;
}

void berthi_wt_types_free(berthi_wt_engine *engine);
berthi_extern berthi_wt_extern_from(wasmtime_context_t *context,
                                    const wasmtime_extern_t *theirs);
void berthi_wt_extern_to(const berthi_extern *ours, wasmtime_extern_t *theirs_out);
bool berthi_wt_func_type(berthi_wasm_store *store, const berthi_extern *func, uint8_t *types,
                         size_t types_max, uint32_t *params_out, uint32_t *results_out);
berth_status berthi_wt_func_create(berthi_wasm_store *store, const berthi_functype *type,
                                   berthi_host_function function, void *ctx,
                                   berthi_extern *extern_out, berth_diag *diag);
berth_status berthi_wt_memory_create(berthi_wasm_store *store, uint32_t pages_min,
                                     uint32_t pages_max, berthi_extern *extern_out,
                                     berth_diag *diag);
berth_status berthi_wt_table_create(berthi_wasm_store *store, uint8_t element_type,
                                    uint32_t elements_min, uint32_t elements_max,
                                    berthi_extern *extern_out, berth_diag *diag);
bool berthi_wt_table_set(berthi_wasm_store *store, const berthi_extern *table, uint32_t index,
                         const berthi_extern *func);
berth_status berthi_wt_global_create(berthi_wasm_store *store, uint8_t type, bool is_mutable,
                                     berthi_val value, berthi_extern *extern_out,
                                     berth_diag *diag);
void berthi_wt_global_get(berthi_wasm_store *store, const berthi_extern *global,
                          berthi_val *value_out);
bool berthi_wt_global_set(berthi_wasm_store *store, const berthi_extern *global,
                          berthi_val value);
berth_status berthi_wt_externref_wrap(berthi_wasm_store *store, uint64_t number,
                                      berthi_val *ref_out, berth_diag *diag);
uint64_t berthi_wt_externref_unwrap(berthi_wasm_store *store, berthi_val ref);

#endif
