/* trampoline_bytes.c - core code calls a function of bytes or text out of its component, and gets bytes
 * or text: the straight path of trampoline.c, without a plan.  Layer: component. */
#include "component/bytes.h"

/* ---------------------------------------------------------------- into another component */

/* What the callee returned goes into the caller's memory, where its last argument says. */
static inline berth_status return_bytes(const berthi_cm_target *t, berthi_cm_instance *i,
                                        uint32_t at, uint32_t out, berth_diag *diag)
{
    const berthi_cm_abi *ours = &t->trampoline->abi;
    const berthi_cm_entry *e = t->entry;
    berthi_memory_view theirs = berthi_cm_view(i, e->lifted->abi.memory); /* I7 */
    berthi_cm_guest_bytes bytes = { 0 };
    uint8_t tag = 0;
    uint32_t ptr = 0;
    berth_status status = berthi_cm_bytes_result(i, e, theirs, at, &tag, &bytes, diag);

    if (status == BERTH_OK)
        status = berthi_cm_bytes_place(berthi_cm_view(i, ours->memory), out,
                                       berthi_cm_bytes_pair(e->path) + 8, diag);
    if (status == BERTH_OK)
        status = berthi_cm_bytes_pass(i, &e->lifted->abi, bytes, ours, t->instance, &ptr, diag);
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    /* I7: it may have moved, and is no smaller. */
    berthi_cm_bytes_write(berthi_cm_view(i, ours->memory), e->path, out, tag, ptr, bytes.size);
    return BERTH_OK;
}

static berth_status cross(const berthi_cm_target *t, berthi_cm_instance *i, berthi_val *cells,
                          berth_diag *diag)
{
    const berthi_cm_lifted *lifted = t->entry->lifted;
    berthi_cm_task task = { .instance = lifted->instance }, *before = i->task;
    berthi_memory_view memory = berthi_cm_view(i, t->trampoline->abi.memory); /* I7 */
    const berthi_cm_guest_bytes in = { (uint32_t)cells[0].i32, (uint32_t)cells[1].i32,
                                       t->entry->in_is_string };
    bool has_result = t->entry->path != BERTHI_CM_SHAPE_BYTES_IN;
    berthi_val theirs[2], returned = { .words = { 0 } };
    berth_status status = berthi_cm_bytes_check(i, memory, in, diag);
    uint32_t ptr = 0;

    if (status == BERTH_OK)
        status = berthi_cm_bytes_pass(i, &t->trampoline->abi, in, &lifted->abi,
                                      lifted->instance, &ptr, diag);
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    theirs[0].words[0] = ptr;
    theirs[1].words[0] = in.size;
    i->task = &task;
    status = berthi_cm_call_slot(i, lifted->func, theirs, 2, diag);
    i->task = before;
    assert(task.borrows == 0); /* nothing was lent to it */
    if (status == BERTH_OK && has_result) {
        returned.words[0] = (uint32_t)theirs[0].i32;
        status = return_bytes(t, i, (uint32_t)theirs[0].i32, (uint32_t)cells[2].i32, diag);
    }
    if (status == BERTH_OK && lifted->abi.post_return != BERTHI_CM_NO_INDEX)
        status = berthi_cm_post_return(i, lifted, &task, returned, diag);
    return status;
}

static berth_status call_guest_bytes(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                                     berth_diag *diag)
{
    const berthi_cm_target *t = ctx;
    berthi_cm_instance *i = store->data;
    berth_status status = berthi_cm_leave(i, t, diag);

    if (status == BERTH_OK)
        status = berthi_cm_go_deeper(i, diag);
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    status = cross(t, i, cells, diag);
    i->depth--;
    return status;
}

/* ---------------------------------------------------------------- which */

/* The callee's path says what its side knows; the caller's has to be the same. */
static bool takes_bytes(const berthi_cm_target *t)
{
    const berthi_cm_entry *e = t->entry;
    bool has_text = e->in_is_string || e->out_is_string || e->error_is_string;

    return e->path != BERTHI_CM_SHAPE_ANY && e->path != BERTHI_CM_SHAPE_SCALARS &&
           !t->trampoline->abi.is_64 &&
           (!has_text || t->trampoline->abi.encoding == BERTHI_CM_UTF8);
}

berthi_host_function berthi_cm_trampoline_of_bytes(const berthi_cm_target *t)
{
    return takes_bytes(t) ? call_guest_bytes : NULL;
}
