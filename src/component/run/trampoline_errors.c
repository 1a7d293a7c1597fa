/* trampoline_errors.c - built-ins of error contexts, as core code calls them.  Layer: component. */
#include <assert.h>

#include "component/plan/plan_ops.h"
#include "component/run/running.h"

static uint64_t address(const berthi_cm_guest *guest, berthi_val cell)
{
    return guest->is_64 ? cell.words[0] : (uint32_t)cell.i32;
}

static berth_status call_new(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                             berth_diag *diag)
{
    const berthi_cm_target *t = ctx;
    berthi_cm_instance *i = store->data;
    berth_status status = berthi_cm_leave(i, t, diag);
    berthi_cm_guest_string string;
    berthi_cm_side s;
    uint32_t index;
    size_t size;
    char *text;

    if (status != BERTH_OK)
        return status;
    berthi_cm_side_init(&s, i, &t->trampoline->abi, t->instance);
    string =
        (berthi_cm_guest_string){ address(&s.guest, cells[0]), address(&s.guest, cells[1]) };
    status = berthi_cm_string_lift_cut(&s.guest, string, BERTHI_CM_ERROR_MESSAGE_MAX,
                                       i->errors.allocator, &text, &size, diag);
    if (status != BERTH_OK)
        return status;
    if (!berthi_cm_error_context_add(&i->errors, s.guest.handles, text, size, &index, diag))
        return (berth_status)diag->status;
    cells[0].words[0] = index;
    return BERTH_OK;
}

/* Where the pair goes is looked at before realloc runs.  That may not leave its instance, so that
 * nobody drops what is being stored. */
static berth_status call_debug_message(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                                       berth_diag *diag)
{
    const berthi_cm_target *t = ctx;
    berthi_cm_instance *i = store->data;
    berth_status status = berthi_cm_leave(i, t, diag);
    berthi_cm_guest_string string = { 0 };
    berthi_cm_host_string text;
    berthi_cm_side s;
    uint8_t width;
    uint64_t at;

    if (status != BERTH_OK)
        return status;
    berthi_cm_side_init(&s, i, &t->trampoline->abi, t->instance);
    if (!berthi_cm_error_context_text(&i->errors, s.guest.handles, (uint32_t)cells[0].i32,
                                      &text, diag))
        return (berth_status)diag->status;
    width = s.guest.is_64 ? 8 : 4;
    at = address(&s.guest, cells[1]);
    status = berthi_cm_check_range(&s.guest, at, 2u * width, width,
                                   "pointer out of bounds of memory", diag);
    if (status == BERTH_OK)
        status = berthi_cm_string_lower_checked(&s.guest, text, &string, diag);
    if (status == BERTH_OK)
        berthi_cm_put_range(s.guest.memory.base + at, width, string.ptr, string.units); /* I7 */
    return status;
}

static berth_status call_drop(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                              berth_diag *diag)
{
    const berthi_cm_target *t = ctx;
    berthi_cm_instance *i = store->data;
    berth_status status = berthi_cm_leave(i, t, diag);

    if (status != BERTH_OK)
        return status;
    return berthi_cm_error_context_drop(&i->errors, &i->components[t->instance].handles,
                                        (uint32_t)cells[0].i32, diag)
               ? BERTH_OK
               : (berth_status)diag->status;
}

berthi_host_function berthi_cm_trampoline_of_errors(const berthi_cm_target *t)
{
    switch (t->trampoline->code) {
    case BERTHI_CM_ERROR_CONTEXT_NEW:
        return call_new;
    case BERTHI_CM_ERROR_CONTEXT_DEBUG_MESSAGE:
        return call_debug_message;
    default:
        assert(t->trampoline->code == BERTHI_CM_ERROR_CONTEXT_DROP);
        return call_drop;
    }
}
