/* trace.c - what a guest's failure says to people.  Layer: wasm. */
#include <stdio.h>

#include "wasm/interp/interp.h"

enum { FRAMES_SHOWN = 10 };

const char *interp_printable(char *buffer, size_t buffer_size, const char *text, size_t size)
{
    size_t n = size < buffer_size - 1 ? size : buffer_size - 1;

    /* Never cut inside a character: the reader has seen that the text is UTF-8. */
    while (n > 0 && n < size && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--;
    for (size_t i = 0; i < n; i++) {
        unsigned char byte = (unsigned char)text[i];

        buffer[i] = byte < 0x20 || byte == 0x7f ? '?' : text[i];
    }
    buffer[n] = '\0';
    return buffer;
}

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

berth_status interp_stop(const interp_store *store, const interp_func *func, uint32_t fp,
                         berth_status status, berth_reason reason, berth_diag *diag)
{
    (void)berthi_fail_because(diag, status, reason, "%s", describe(reason));
    append_frames(store, func, fp, diag);
    return status;
}
