/* trampoline_bytes.c - core code calls a function of bytes or text out of its component, and gets bytes
 * or text: the straight path of trampoline.c, without a plan.  Layer: component. */
#include "component/run/bytes.h"

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
    berth_status status = berthi_cm_bytes_check(i, memory, in, true, diag);
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

/* ---------------------------------------------------------------- into the host */

/* What the host gave is as it should be, and not in the guest already.  What is not, the plan refuses in
 * its own words, or knows what to do with. */
static inline bool is_plain(const berthi_cm_path *path, const berthi_cm_bytes_or_error *r,
                            berthi_memory_view memory)
{
    uintptr_t base = (uintptr_t)memory.base, at = (uintptr_t)r->bytes.text;
    bool is_string = r->tag == 0 ? path->out_is_string : path->error_is_string;

    if (r->tag > 1 || r->bytes.size > BERTHI_CM_VALUE_BYTES_MAX)
        return false;
    if (r->bytes.size == 0)
        return true;
    return r->bytes.text != NULL && (at < base || at - base >= memory.size) &&
           (!is_string || berthi_utf8_is_valid(r->bytes.text, r->bytes.size));
}

static berth_status lower_by_plan(const berthi_cm_target *t, berthi_cm_host_call *call,
                                  const void *result, berthi_val *cells, berth_diag *diag)
{
    berthi_cm_instance *i = call->instance;
    berthi_cm_host_side host =
        berthi_cm_host_side_of(i, t->instance, i->room, i->ops->memories_stay);

    if (call->guest == NULL) {
        berthi_cm_side_init(call->side, i, call->abi, t->instance);
        call->guest = &call->side->guest;
    }
    return berthi_cm_lower_result(t->plan, &host, result, call->guest, cells, cells, diag);
}

static inline berth_status lower_bytes(const berthi_cm_target *t, berthi_cm_host_call *call,
                                       const berthi_cm_bytes_or_error *r, berthi_val *cells,
                                       berth_diag *diag)
{
    berthi_cm_instance *i = call->instance;
    berthi_memory_view memory = berthi_cm_view(i, call->abi->memory);
    uint32_t out = (uint32_t)cells[2].i32, size = (uint32_t)r->bytes.size, ptr = 0;
    berth_status status;

    if (__builtin_expect(call->guest != NULL || !is_plain(&t->path, r, memory), 0))
        return lower_by_plan(t, call,
                             t->path.shape == BERTHI_CM_SHAPE_BYTES_RESULT
                                 ? (const void *)r
                                 : (const void *)&r->bytes,
                             cells, diag);
    status = berthi_cm_bytes_place(memory, out, berthi_cm_bytes_pair(t->path.shape) + 8, diag);
    if (status == BERTH_OK)
        status =
            berthi_cm_bytes_put(i, call->abi, t->instance, r->bytes.text, size, &ptr, diag);
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    /* I7: it may have moved, and is no smaller. */
    berthi_cm_bytes_write(berthi_cm_view(i, call->abi->memory), t->path.shape, out, r->tag, ptr,
                          size);
    return BERTH_OK;
}

/* What the function gets: a view, or a copy where realloc on its behalf could move the memory. */
static inline berth_status take_text(berthi_cm_host_call *call, berthi_cm_guest_bytes in,
                                     berthi_memory_view memory, berthi_cm_host_string *args,
                                     berth_diag *diag)
{
    void *copy;

    *args = (berthi_cm_host_string){ berthi_cm_bytes_at(memory, in), in.size };
    if (__builtin_expect(call->instance->ops->memories_stay || in.size == 0, 1))
        return BERTH_OK;
    copy = berthi_cm_host_room(call, in.size);
    if (copy == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "out of memory for a host call");
    args->text = memcpy(copy, args->text, in.size);
    return BERTH_OK;
}

static inline berth_status run_host(const berthi_cm_target *t, berthi_cm_host_call *call,
                                    berthi_cm_guest_bytes in, berthi_memory_view memory,
                                    berthi_val *cells, berth_diag *diag)
{
    berthi_cm_host_string args;
    berthi_cm_bytes_or_error r;
    void *result =
        t->path.shape == BERTHI_CM_SHAPE_BYTES_RESULT ? (void *)&r : (void *)&r.bytes;
    berth_status status;

    r.tag = 0;
    status = take_text(call, in, memory, &args, diag);
    if (status == BERTH_OK)
        status = t->binding.function(t->binding.ctx, call, &args, result, diag);
    if (status == BERTH_OK && __builtin_expect(call->has_failed, 0))
        status = (berth_status)diag->status;
    if (__builtin_expect(status != BERTH_OK, 0) || t->path.shape == BERTHI_CM_SHAPE_BYTES_IN)
        return status;
    return lower_bytes(t, call, &r, cells, diag);
}

static berth_status call_host_bytes(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                                    berth_diag *diag)
{
    const berthi_cm_target *t = ctx;
    berthi_cm_instance *i = store->data;
    const berthi_cm_guest_bytes in = { (uint32_t)cells[0].i32, (uint32_t)cells[1].i32,
                                       t->path.in_is_string };
    berthi_memory_view memory = berthi_cm_view(i, t->trampoline->abi.memory); /* I7 */
    berthi_cm_side side;
    berthi_cm_host_call call = {
        .instance = i, .side = &side, .abi = &t->trampoline->abi, .from = t->instance
    };
    berth_status status = berthi_cm_leave_to_host(i, t, diag);

    if (status == BERTH_OK)
        status = berthi_cm_bytes_check(i, memory, in, !i->ops->memories_stay, diag);
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    status = run_host(t, &call, in, memory, cells, diag);
    if (i->room != NULL)
        berth_arena_reset(i->room);
    return status;
}

/* ---------------------------------------------------------------- which */

static bool is_bytes(uint8_t shape)
{
    return shape != BERTHI_CM_SHAPE_ANY && shape != BERTHI_CM_SHAPE_SCALARS;
}

/* The callee's path says what its side knows; the caller's has to be the same. */
static bool takes_bytes(const berthi_cm_target *t)
{
    const berthi_cm_entry *e = t->entry;
    bool has_text = e->in_is_string || e->out_is_string || e->error_is_string;

    return is_bytes(e->path) && !t->trampoline->abi.is_64 &&
           (!has_text || t->trampoline->abi.encoding == BERTHI_CM_UTF8);
}

berthi_host_function berthi_cm_trampoline_of_bytes(const berthi_cm_target *t)
{
    if (t->trampoline->kind == BERTHI_CM_TO_GUEST)
        return takes_bytes(t) ? call_guest_bytes : NULL;
    return is_bytes(t->path.shape) ? call_host_bytes : NULL;
}
