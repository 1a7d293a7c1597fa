/* service/guest.h - what core modules may import of the host, and what such a function finds of the
 * instance that calls it.
 *
 * A module ABI offers host modules: tables of functions with their types.  Admission looks a module's imports
 * up in them (admit/admit.h), and the registry binds them once for each content; `ctx` of a function is its
 * row.  The calling instance is its store's `data`: berthi_guest_of().  So a host function begins
 *
 *     static berth_status log_text(void *ctx, berthi_wasm_store *store, berthi_val *cells, berth_diag *diag)
 *     {
 *         berthi_guest *g = berthi_guest_of(store);
 *         const char *text = berthi_guest_span(g, (uint32_t)cells[0].i32, (uint32_t)cells[1].i32);
 *
 * A pointer into the guest's memory is good until the guest runs again (I7): after berthi_guest_call() it is
 * asked for anew.  Anything but BERTH_OK ends the instance.  A start function may call what it imports, but the
 * memory cannot be seen yet: every span but the empty one is NULL there.
 *
 * How a family of plugins is added: docs/design/0015-module-imports.md.
 * Thread: one, that of the instance.  Layer: service. */
#ifndef BERTHI_SERVICE_GUEST_H
#define BERTHI_SERVICE_GUEST_H

#include <berth/slot.h>

#include "base/json_reader.h"
#include "service/services.h"
#include "wasm/module.h"

/* One function.  `rights` has a bit for each berthi_right of which one has to be granted for the function to
 * be linked; 0: it is always linked, because it can say no in its own words or needs no grant.  Where
 * it is linked it still asks the grants itself, each time: they may be revoked. */
typedef struct berthi_host_import {
    const char *name;
    const char *type; /* as for berthi_wasm_func_is(): "ii:i" */
    berthi_host_function function;
    uint32_t rights; /* BERTHI_RIGHT_BIT() */
} berthi_host_import;

#define BERTHI_RIGHT_BIT(right) (UINT32_C(1) << (right))

typedef struct berthi_host_module {
    const char *name;
    const berthi_host_import *functions;
    size_t count;
} berthi_host_module;

/* NULL: nobody offers it. */
const berthi_host_import *berthi_host_import_find(const berthi_host_module *const *modules,
                                                  berthi_name module, berthi_name name);

struct berthi_guest;

/* Memory that a family's plugins and their host share in blocks, for functions that a host offers
 * (service/offered.h). */
typedef struct berthi_guest_blocks {
    /* The block that begins at `at`, and its size; NULL: none does. */
    void *(*find)(struct berthi_guest *g, uint64_t at, size_t *size_out);
    /* A new one with a copy of these bytes; 0 for none.  BERTH_E_LIMIT. */
    berth_status (*make)(struct berthi_guest *g, const void *data, size_t size,
                         uint64_t *at_out, berth_diag *diag);
} berthi_guest_blocks;

/* One instance of a module that imports something, or is of a family. */
typedef struct berthi_guest {
    const berthi_wasm_ops *ops;
    berthi_wasm_store *store;
    berthi_wasm_instance handle;
    berthi_extern memory;
    const berthi_extern
        *hooks;    /* the exports behind the plugin's hooks, of a family; else NULL */
    bool is_begun; /* `handle`, `memory` and `hooks` are there */
    bool
        is_program; /* of a family: its one hook is `_start`, and it is over when that has run */
    bool
        is_over; /* set by a family: it answers this call and gets no other (an ended program) */
    berthi_services *services; /* grants, objects, waits, clocks; its deadline is the call's */
    const berth_allocator *allocator;
    const void *config; /* of the slot: `plugin_config` */
    size_t config_size;
    uint64_t output_bytes_max;         /* of a reply */
    void *host_ctx;                    /* of the slot */
    const berthi_guest_blocks *blocks; /* of the family; NULL: it has none */
    void *state;                       /* of the family: zeroed when the instance begins */
    struct berthi_preview1
        *preview1; /* of service/preview1; NULL until it is asked for something */
} berthi_guest;

static inline berthi_guest *berthi_guest_of(berthi_wasm_store *store)
{
    return store->data;
}

/* The memory as it is now. */
static inline berthi_memory_view berthi_guest_memory(const berthi_guest *g)
{
    return g->is_begun ? g->ops->memory_view(g->store, &g->memory)
                       : (berthi_memory_view){ .base = NULL, .size = 0 };
}

/* The bytes from `at` on, where all `size` of them are in the memory; else NULL (I7).  Those of an
 * empty span are in it too, unless `at` is behind its end. */
static inline void *berthi_guest_span(const berthi_guest *g, uint32_t at, uint64_t size)
{
    berthi_memory_view memory = berthi_guest_memory(g);

    return memory.base != NULL && at <= memory.size && size <= memory.size - at
               ? memory.base + at
               : NULL;
}

/* False: there is no export of that name and type, which is as for berthi_wasm_func_is(). */
bool berthi_guest_find(const berthi_guest *g, const char *name, const char *type,
                       berthi_extern *func_out);
/* Under the deadline that is in force.  As `call` of wasm/engine.h. */
static inline berth_status berthi_guest_call(berthi_guest *g, const berthi_extern *func,
                                             berthi_val *cells, size_t cells_count,
                                             berth_diag *diag)
{
    return g->ops->call(g->store, func, cells, cells_count, diag);
}

/* Copies `data` into the call's arena and makes it the reply.  BERTH_E_LIMIT, BERTH_E_NOMEM. */
berth_status berthi_guest_reply(const berthi_guest *g, const berth_call *call, const void *data,
                                size_t size, berth_reply *reply, berth_diag *diag)
    __attribute__((warn_unused_result));

/* The slot's `plugin_config` as a JSON object of strings, held by `arena`; NULL: it has none.
 * BERTH_E_INVALID, BERTH_E_NOMEM. */
berth_status berthi_guest_config(const berthi_guest *g, berthi_arena *arena,
                                 const berthi_json **object_out, berth_diag *diag)
    __attribute__((warn_unused_result));

/* One line of a log, as the plugin's; any bytes.  Bounded by what the grants say of output. */
void berthi_guest_log(berthi_guest *g, uint32_t level, const char *text, size_t size);

/* A program that was called ended as it should: it returned, or exited with 0. */
static inline bool berthi_guest_ended_well(berth_status status, const berth_diag *why)
{
    return status == BERTH_OK ||
           (status == BERTH_E_TRAP && why->reason == BERTH_REASON_EXIT && why->os_code == 0);
}

/* Ends the guest as a program ends itself: BERTH_E_TRAP, BERTH_REASON_EXIT, with the code. */
berth_status berthi_guest_exit(uint32_t code, berth_diag *diag)
    __attribute__((warn_unused_result));

#endif
