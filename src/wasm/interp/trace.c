/* trace.c - what a guest's failure says to people.  Layer: wasm. */
#include "wasm/interp/interp.h"

enum { FRAMES_SHOWN = 10 };

static const char *describe(berth_reason reason)
{
    switch (reason) {
    case BERTH_REASON_UNREACHABLE:
        return "unreachable";
    case BERTH_REASON_MEMORY_BOUNDS:
        return "out of bounds memory access";
    case BERTH_REASON_TABLE_BOUNDS:
        return "out of bounds table access";
    case BERTH_REASON_INDIRECT_NULL:
        return "call of a null function";
    case BERTH_REASON_SIGNATURE:
        return "indirect call type mismatch";
    case BERTH_REASON_INTEGER_OVERFLOW:
        return "integer overflow";
    case BERTH_REASON_DIVISION:
        return "integer divide by zero";
    case BERTH_REASON_CONVERSION:
        return "invalid conversion to integer";
    case BERTH_REASON_STACK:
        return "call stack exhausted";
    case BERTH_REASON_DEADLINE:
        return "out of time";
    default:
        return "trap";
    }
}

/* Walks the frames of this entry into the guest; an entry's own caller is the host. */
static void append_frames(const interp_store *store, const interp_func *func, uint32_t fp,
                          berth_diag *diag)
{
    for (unsigned shown = 0; func != NULL && diag != NULL; shown++) {
        const interp_code *code = func->code;
        const uint64_t *link = store->stack + fp + code->locals;

        if (shown == FRAMES_SHOWN) {
            berthi_diag_append(diag, "\n  ...");
            return;
        }
        if (code->name != NULL)
            berthi_diag_append(diag, "\n  at %s", code->name);
        else
            berthi_diag_append(diag, "\n  at func %u", (unsigned)code->index);
        fp = (uint32_t)link[1];
        func = (const interp_func *)(uintptr_t)link[2];
    }
}

berth_status berthi_interp_stop(const interp_store *store, const interp_func *func, uint32_t fp,
                                berth_status status, berth_reason reason, berth_diag *diag)
{
    (void)berthi_fail_because(diag, status, reason, "%s", describe(reason));
    append_frames(store, func, fp, diag);
    return status;
}
