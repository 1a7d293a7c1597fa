/* wt_fault.c - every way in which the engine says no becomes one status and one diag.
 *
 * Layer: wasm.  Errors of the engine are text: which limit it was is told by how the text begins
 * (never by what is in it, since names of the guest's choosing are in it too).  The texts are
 * pinned by tests/unit/wasm/provider_limits_test.c.
 */
#include "wasm/wasmtime/wt.h"

#include "base/utf8.h"

enum { FRAMES_SHOWN = 10 };

typedef struct trap_meaning {
    uint8_t code;
    berth_status status;
    berth_reason reason;
    const char *text;
} trap_meaning;

static const trap_meaning meanings[] = {
    { WASMTIME_TRAP_CODE_STACK_OVERFLOW, BERTH_E_LIMIT, BERTH_REASON_STACK,
      "call stack exhausted" },
    { WASMTIME_TRAP_CODE_INTERRUPT, BERTH_E_DEADLINE, BERTH_REASON_DEADLINE, "out of time" },
    { WASMTIME_TRAP_CODE_MEMORY_OUT_OF_BOUNDS, BERTH_E_TRAP, BERTH_REASON_MEMORY_BOUNDS,
      "out of bounds memory access" },
    { WASMTIME_TRAP_CODE_TABLE_OUT_OF_BOUNDS, BERTH_E_TRAP, BERTH_REASON_TABLE_BOUNDS,
      "out of bounds table access" },
    { WASMTIME_TRAP_CODE_INDIRECT_CALL_TO_NULL, BERTH_E_TRAP, BERTH_REASON_INDIRECT_NULL,
      "call of a null function" },
    { WASMTIME_TRAP_CODE_BAD_SIGNATURE, BERTH_E_TRAP, BERTH_REASON_SIGNATURE,
      "indirect call type mismatch" },
    { WASMTIME_TRAP_CODE_INTEGER_OVERFLOW, BERTH_E_TRAP, BERTH_REASON_INTEGER_OVERFLOW,
      "integer overflow" },
    { WASMTIME_TRAP_CODE_INTEGER_DIVISION_BY_ZERO, BERTH_E_TRAP, BERTH_REASON_DIVISION,
      "integer divide by zero" },
    { WASMTIME_TRAP_CODE_BAD_CONVERSION_TO_INTEGER, BERTH_E_TRAP, BERTH_REASON_CONVERSION,
      "invalid conversion to integer" },
    { WASMTIME_TRAP_CODE_UNREACHABLE_CODE_REACHED, BERTH_E_TRAP, BERTH_REASON_UNREACHABLE,
      "unreachable" },
};

typedef struct refusal {
    const char *beginning;
    berth_status status;
    berth_reason reason;
} refusal;

/* What instantiation may be refused for. */
static const refusal refusals[] = {
    { "maximum concurrent limit of ", BERTH_E_LIMIT, BERTH_REASON_INSTANCES },
    { "resource limit exceeded: instance ", BERTH_E_LIMIT, BERTH_REASON_INSTANCES },
    { "resource limit exceeded: memory ", BERTH_E_LIMIT, BERTH_REASON_MEMORY },
    { "resource limit exceeded: table ", BERTH_E_LIMIT, BERTH_REASON_TABLE },
    { "memory minimum size of ", BERTH_E_LIMIT, BERTH_REASON_MEMORY },
    { "table minimum size of ", BERTH_E_LIMIT, BERTH_REASON_TABLE },
    { "incompatible import type for ", BERTH_E_REJECTED, BERTH_REASON_NONE },
    { "expected ", BERTH_E_REJECTED, BERTH_REASON_NONE }, /* "... N imports, found M" */
    { "mmap failed ", BERTH_E_NOMEM, BERTH_REASON_NONE },
};

/* What a valid module may be refused for. */
static const refusal compile_refusals[] = {
    { "module table does not fit ", BERTH_E_LIMIT, BERTH_REASON_TABLE },
    { "module memory does not fit ", BERTH_E_LIMIT, BERTH_REASON_MEMORY },
    { "module instance size does not fit ", BERTH_E_LIMIT, BERTH_REASON_ARTIFACT },
};

static const refusal *find_refusal(const refusal *list, size_t count, const wasm_name_t *text)
{
    for (size_t i = 0; i < count; i++) {
        size_t n = strlen(list[i].beginning);

        if (text->size >= n && memcmp(text->data, list[i].beginning, n) == 0)
            return &list[i];
    }
    return NULL;
}

/* The engine's message in one line: "context\n\nCaused by:\n    cause" reads "context: cause".
 * Names of the guest's choosing are in it, so what is not plain is escaped. */
static void flatten(const wasm_name_t *message, char *line, size_t line_size)
{
    static const char caused[] = "\n\nCaused by:\n";
    char raw[sizeof((berth_diag *)NULL)->text];
    size_t n = 0;

    for (size_t i = 0; i < message->size && n + 3 < sizeof raw;) {
        const char *at = message->data + i;

        if (message->size - i >= sizeof caused - 1 &&
            memcmp(at, caused, sizeof caused - 1) == 0) {
            i += sizeof caused - 1;
            raw[n++] = ':';
            raw[n++] = ' ';
        } else if (*at == '\n' || *at == ' ') {
            if (n > 0 && raw[n - 1] != ' ')
                raw[n++] = ' ';
            i++;
        } else {
            raw[n++] = *at;
            i++;
        }
    }
    while (n > 0 && raw[n - 1] == ' ')
        n--;
    berthi_utf8_show(line, line_size, raw, n);
}

/* One frame a line, innermost first.  Takes `frames`. */
static void append_frames(wasm_frame_vec_t *frames, berth_diag *diag)
{
    for (size_t i = 0; diag != NULL && i < frames->size; i++) {
        const wasm_name_t *name = wasmtime_frame_func_name(frames->data[i]);
        char text[64];

        if (i == FRAMES_SHOWN) {
            berthi_diag_append(diag, "\n  ...");
            break;
        }
        if (name != NULL && name->size > 0)
            berthi_diag_append(diag, "\n  at %s",
                               berthi_utf8_show(text, sizeof text, name->data, name->size));
        else
            berthi_diag_append(diag, "\n  at func %u",
                               (unsigned)wasm_frame_func_index(frames->data[i]));
    }
    wasm_frame_vec_delete(frames);
}

static berth_status fold_trap(wasm_trap_t *trap, berth_diag *diag)
{
    berth_status status = BERTH_OK;
    wasm_frame_vec_t frames;
    uint8_t code = UINT8_MAX;

    if (!wasmtime_trap_code(trap, &code))
        code = UINT8_MAX;
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings && status == BERTH_OK; i++)
        if (meanings[i].code == code)
            status = berthi_fail_because(diag, meanings[i].status, meanings[i].reason, "%s",
                                         meanings[i].text);
    if (status == BERTH_OK)
        status = berthi_fail_because(diag, BERTH_E_TRAP, BERTH_REASON_TRAP_OTHER, "trap %u",
                                     (unsigned)code);
    wasm_trap_trace(trap, &frames);
    append_frames(&frames, diag);
    wasm_trap_delete(trap);
    return status;
}

/* A host function ended the guest and left its reason in the store. */
static berth_status fold_host(berthi_wt_store *store, wasmtime_error_t *error, berth_diag *diag)
{
    berth_status status = store->host_status;
    wasm_frame_vec_t frames;

    store->host_status = BERTH_OK;
    if (diag != &store->host_diag) { /* else a host function called back and passes it on */
        if (diag != NULL)
            *diag = store->host_diag;
        store->host_diag.status = 0;
    }
    wasmtime_error_wasm_trace(error, &frames);
    append_frames(&frames, diag);
    return status;
}

static berth_status fold_text(wasmtime_error_t *error, const refusal *list, size_t count,
                              berth_status otherwise, berth_diag *diag)
{
    char line[sizeof diag->text];
    wasm_name_t message;
    const refusal *r;

    wasmtime_error_message(error, &message);
    r = find_refusal(list, count, &message);
    flatten(&message, line, sizeof line);
    wasm_byte_vec_delete(&message);
    if (r == NULL)
        return berthi_fail(diag, otherwise, "%s", line);
    return berthi_fail_because(diag, r->status, r->reason, "%s", line);
}

berth_status berthi_wt_fold(berthi_wt_store *store, wasmtime_error_t *error, berth_diag *diag)
{
    wasm_trap_t *trap = store->trap;
    berth_status status;

    store->trap = NULL;
    assert((error != NULL) != (trap != NULL));
    if (trap != NULL)
        return fold_trap(trap, diag);
    if (store->host_status != BERTH_OK)
        status = fold_host(store, error, diag);
    else
        status =
            fold_text(error, refusals, sizeof refusals / sizeof *refusals, BERTH_E_STATE, diag);
    wasmtime_error_delete(error);
    return status;
}

berth_status berthi_wt_fold_compile(wasmtime_error_t *error, berth_diag *diag)
{
    berth_status status =
        fold_text(error, compile_refusals, sizeof compile_refusals / sizeof *compile_refusals,
                  BERTH_E_REJECTED, diag);

    wasmtime_error_delete(error);
    return status;
}

berth_status berthi_wt_fold_link(wasmtime_error_t *error, berth_diag *diag)
{
    berth_status status =
        fold_text(error, refusals, sizeof refusals / sizeof *refusals, BERTH_E_REJECTED, diag);

    wasmtime_error_delete(error);
    return status;
}
