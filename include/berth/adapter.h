/* berth/adapter.h - plugins of one contract behind a slot that needs another.
 *
 * A host was built for version 1 of a contract, and plugins keep version 2: functions of the host
 * stand in between.  They are called in place of the plugin's, and call it; callers see no difference,
 * and plugins that keep the slot's own contract are called without them (docs/contracts.md).
 *
 * Words: <berth/base.h>.  Stability: draft until 1.0.
 */
#ifndef BERTH_ADAPTER_H
#define BERTH_ADAPTER_H

#include <berth/contract.h>
#include <berth/slot.h>

BERTH_BEGIN

typedef struct berth_adapter_call berth_adapter_call; /* a call that an adapter answers */

/* Answers a call of a function of the slot's contract, on the caller's thread.  `args` and `result` are
 * those of that function; *result is the caller's when BERTH_OK is answered, and what it points at
 * comes from calls of the plugin or from berth_adapter_room(). */
typedef berth_status (*berth_adapter_function)(void *ctx, const void *args, void *result,
                                               berth_adapter_call *call);

typedef struct berth_adapted_function {
    const char *name, *type; /* of the slot's contract, as berth_slot_func() takes them */
    berth_adapter_function call;
} berth_adapted_function;

/* Grows at the end only. */
typedef struct berth_adapter_options {
    uint32_t size;                  /* sizeof(berth_adapter_options), set by the _INIT */
    uint32_t functions_count;       /* as many as the slot's contract has */
    const berth_contract *contract; /* what plugins may keep instead of it */
    const berth_adapted_function *functions;
    void *
        ctx; /* lent until the slot is evicted, and its handles and prepared versions are gone */
} berth_adapter_options;
#define BERTH_ADAPTER_OPTIONS_INIT                                                             \
    BERTH_INIT((uint32_t)sizeof(berth_adapter_options), 0, NULL, NULL, NULL)

/* From now on the slot takes plugins that keep `contract`, too.  Of several adapters the newest whose
 * contract a plugin keeps is used.
 * Thread: any.  Blocks: briefly.
 * Fails: BERTH_E_INVALID (the slot needs no contract, or has a function that is not among these),
 *        BERTH_E_STATE (a function is agreed upon with another type), BERTH_E_LIMIT (8 adapters,
 *        functions), BERTH_E_VERSION, BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_slot_adapt(berth_slot *slot,
                                                      const berth_adapter_options *options,
                                                      berth_diag *diag);

/* Calls a function of the plugin, in the version that the outer call is in and within its
 * deadline.  `number` is from berth_slot_func(), of a function that plugins export.  What *result points at
 * lives as long as the outer call's result.
 * Thread: one, that of the call.  Blocks: as berth_slot_call().  Fails: as berth_slot_invoke(). */
BERTH_API BERTH_CHECKED berth_status berth_adapter_invoke(berth_adapter_call *call,
                                                          uint32_t number, const void *args,
                                                          void *result);

/* Room for what the result points at, aligned to 16, not cleared; NULL when out of memory.
 * Lends it as long as the outer call's result.  Thread: one, that of the call.  Blocks: never. */
BERTH_API void *berth_adapter_room(berth_adapter_call *call, size_t size);

/* Says why the call fails, and hands `status` back: `return berth_adapter_fail(...)`.
 * Thread: one, that of the call.  Blocks: never.  Fails: as it was told to. */
BERTH_API BERTH_CHECKED berth_status berth_adapter_fail(berth_adapter_call *call,
                                                        berth_status status, const char *text);

BERTH_END
#endif /* BERTH_ADAPTER_H */
