/* berth/core_host.h - functions that a host offers to core modules, written in C.
 *
 * A core module imports functions by two names and a type of numbers; plugins of other systems are such
 * modules, and some import functions of whoever embeds them (Extism's `extism:host/user`). A host
 * that was made by berth_host_create() offers them:
 *
 *     static berth_status add(void *ctx, berth_core_cell *cells, berth_core_call *call)
 *     {
 *         cells[0].i32 = cells[0].i32 + cells[1].i32;
 *         return BERTH_OK;
 *     }
 *     ...
 *     status = berth_host_offer_core(host, "env", "add", "ii:i", add, NULL, &diag);
 *
 * A module that imports `env` `add` gets it when it is loaded, if the type is the same; else it is refused.
 * What Berth offers by itself, such as WASI preview 1, goes before what a host offers under the same names.
 *
 * Words: <berth/base.h>.  Stability: draft until 1.0.
 */
#ifndef BERTH_CORE_HOST_H
#define BERTH_CORE_HOST_H

#include <berth/host.h>

BERTH_BEGIN

typedef struct berth_core_call berth_core_call; /* a call of one of its functions */

/* A number that goes in or comes out, as the function's type says. */
typedef union berth_core_cell {
    int32_t i32;
    int64_t i64;
    float f32;
    double f64;
} berth_core_cell;

enum { BERTH_CORE_PARAMETERS_MAX = 16 };

/* A function that core modules call, on the thread that called the plugin, within that call's deadline.
 * `cells` has the arguments, and takes the result in cells[0].
 *
 * Answers BERTH_OK, or a status that ends the plugin's instance (BERTH_E_PLUGIN, which would not, counts as
 * BERTH_E_TRAP); berth_core_fail() says why. */
typedef berth_status (*berth_core_function)(void *ctx, berth_core_cell *cells,
                                            berth_core_call *call);

/* Offers a function under the names that modules import it by.  `type` has a letter for each parameter, a
 * colon, and one for the result, if there is one: i and I are integers of 32 and 64 bits, f and F
 * floats.  Copies the names; lends `ctx` until the host is destroyed.
 * Thread: any.  Blocks: briefly.  Fails: BERTH_E_INVALID (a type that is none), BERTH_E_STATE (it is offered
 * already), BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_host_offer_core(berth_host *host, const char *module,
                                                           const char *name, const char *type,
                                                           berth_core_function function,
                                                           void *ctx, berth_diag *diag);

/* ---------------------------------------------------------------- in a call
 *
 * These belong to a function that is being called, on its thread; `call` ends with it. */

/* Says why the function fails, and hands `status` back: `return berth_core_fail(...)`.
 * Thread: one.  Blocks: never.  Fails: as it was told to. */
BERTH_API BERTH_CHECKED BERTH_HOST_FORMAT berth_status berth_core_fail(berth_core_call *call,
                                                                       berth_status status,
                                                                       const char *format, ...);

/* The plugin's memory from `at` on, where all `size` bytes are in it as it is now; else NULL.  A module's
 * start function has none yet.  Lends it for the call, unless the function calls the plugin's slot.
 * Thread: one.  Blocks: never. */
BERTH_API void *berth_core_memory(const berth_core_call *call, uint32_t at, size_t size);

/* The block at `at` of the memory that plugins of Extism share with their host, and its size; NULL: no block
 * begins there, or the plugin is no such.  Gives *size_out.  Lends it for the call, until a block is made.
 * Thread: one.  Blocks: never. */
BERTH_API void *berth_core_block(const berth_core_call *call, uint64_t at, size_t *size_out);

/* Makes such a block of a copy of these bytes; it ends with the call of the plugin.  Gives *at_out, 0 where
 * there are no bytes.  Thread: one.  Blocks: never.  Fails: BERTH_E_LIMIT (there is no room),
 * BERTH_E_STATE (the plugin has no such memory). */
BERTH_API BERTH_CHECKED berth_status berth_core_block_make(berth_core_call *call,
                                                           const void *data, size_t size,
                                                           uint64_t *at_out);

/* The `host_ctx` of the plugin's slot, or NULL.  Thread: one.  Blocks: never. */
BERTH_API void *berth_core_context(const berth_core_call *call);

/* The plugin's name, for logs.  Lends it for the call.  Thread: one.  Blocks: never. */
BERTH_API const char *berth_core_plugin(const berth_core_call *call);

BERTH_END
#endif /* BERTH_CORE_HOST_H */
