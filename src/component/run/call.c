/* call.c - the host calls what a component exports.  Layer: component.
 *
 * A call is made in two halves (instance.h): begin() lowers the arguments, calls and lifts the result;
 * end() lets the guest take back what the result lay in.  Any failure once the guest was entered ends
 * the instance (I6): half of the arguments may be in it already. */
#include "component/run/bytes.h"
#include "component/plan/transcode.h"

/* ---------------------------------------------------------------- sides */

/* No code of a peer runs while another guest makes room; a provider may move its memory even so. */
static void view_again(berthi_cm_guest *guest)
{
    const berthi_cm_side *s = guest->owner;

    guest->memory = berthi_cm_view(s->instance, s->abi->memory);
}

static berth_status side_realloc(berthi_cm_guest *guest, uint64_t old_ptr, uint64_t old_size,
                                 uint32_t align, uint64_t size, uint64_t *ptr_out,
                                 berth_diag *diag)
{
    berthi_cm_side *s = guest->owner;
    berthi_val cells[4] = { { .words = { old_ptr } },
                            { .words = { old_size } },
                            { .words = { align } },
                            { .words = { size } } };
    berth_status status;
    uint64_t ptr;

    if (s->abi->realloc == BERTHI_CM_NO_INDEX || (!s->abi->is_64 && size > UINT32_MAX))
        return BERTHI_CM_TRAP(diag, "realloc of %llu bytes", (unsigned long long)size);
    status = berthi_cm_run_realloc(s->instance, s->abi, guest->instance, cells, diag);
    if (status != BERTH_OK)
        return status;
    guest->memory = berthi_cm_view(s->instance, s->abi->memory); /* I7 */
    if (guest->peer != NULL)
        view_again(guest->peer);
    ptr = s->abi->is_64 ? cells[0].words[0] : (uint32_t)cells[0].i32;
    if ((ptr & (align - 1)) != 0)
        return BERTHI_CM_TRAP(diag, "realloc return: result not aligned");
    if (ptr > guest->memory.size || size > guest->memory.size - ptr)
        return BERTHI_CM_TRAP(diag, "realloc return: beyond end of memory");
    *ptr_out = ptr;
    return BERTH_OK;
}

void berthi_cm_side_init(berthi_cm_side *s, berthi_cm_instance *i, const berthi_cm_abi *abi,
                         uint32_t instance)
{
    s->guest.memory = berthi_cm_view(i, abi->memory);
    s->guest.realloc = side_realloc;
    s->guest.owner = s;
    s->guest.peer = NULL;
    s->guest.encoding = abi->encoding;
    s->guest.is_64 = abi->is_64;
    s->guest.instance = instance;
    s->guest.resources = i->loaded->steps->resources;
    s->guest.handles = &i->components[instance].handles;
    s->guest.errors = &i->errors;
    s->guest.task = NULL;
    s->guest.lends = NULL;
    s->guest.budget = &i->copy_left;
    s->guest.reserved = NULL;
    s->guest.reserved_is_used = false;
    s->instance = i;
    s->abi = abi;
}

berth_status berthi_cm_post_return(berthi_cm_instance *i, const berthi_cm_lifted *lifted,
                                   berthi_cm_task *task, berthi_val returned, berth_diag *diag)
{
    berthi_cm_component_state *component = &i->components[lifted->instance];
    berthi_cm_task *before = i->task;
    berth_status status;

    i->task = task;
    component->may_not_leave = true;
    status = berthi_cm_call_slot(i, lifted->abi.post_return, &returned, 1, diag);
    component->may_not_leave = false;
    i->task = before;
    return status;
}

/* ---------------------------------------------------------------- entering and leaving */

static berth_status enter(berthi_cm_instance *i, uint32_t instance, berth_diag *diag)
{
    if (__builtin_expect(i->is_dead | i->is_entered, 0))
        return BERTHI_CM_TRAP(diag, i->is_dead
                                        ? "cannot enter component instance: it has trapped"
                                        : "cannot enter component instance");
    i->is_entered = true;
    i->root = (berthi_cm_task){ .instance = instance };
    i->task = &i->root;
    i->copy_left = i->copy_max;
    i->host_calls_left = i->host_calls_max;
    i->depth = 0;
    return BERTH_OK;
}

static berth_status die(berthi_cm_instance *i, berth_status status)
{
    i->is_dead = true;
    i->open = NULL;
    berthi_cm_destroy_left(i);
    return status;
}

/* The end of each begin that has entered: `status` is how it went inside. */
static inline berth_status begun(berthi_cm_instance *i, const berthi_cm_entry *e,
                                 berth_status status, berth_diag *diag)
{
    if (__builtin_expect(status == BERTH_OK, 1))
        status = berthi_cm_task_end(&i->root, diag);
    if (__builtin_expect(status != BERTH_OK, 0))
        return die(i, status);
    i->open = e;
    i->passage.left_count = 0; /* the host has them */
    return BERTH_OK;
}

/* ---------------------------------------------------------------- bytes in, bytes out */

/* In front of what is copied for the caller, who did not look at it first. */
static inline void bound_result(berthi_cm_instance *i)
{
    if (i->copy_left > i->result_max)
        i->copy_left = i->result_max;
}

/* Without an arena the bytes stay where they are. */
static inline berth_status take_result(berthi_cm_instance *i, const berthi_cm_entry *e,
                                       uint32_t at, berth_arena *arena, void *result,
                                       berth_diag *diag)
{
    berthi_memory_view memory = berthi_cm_view(i, e->lifted->abi.memory); /* I7 */
    berthi_cm_host_string *out = result;
    berthi_cm_guest_bytes bytes = { 0 };
    uint8_t tag = 0;
    const char *from;
    berth_status status;
    char *copy;

    if (arena != NULL)
        bound_result(i);
    status = berthi_cm_bytes_result(i, e, memory, at, &tag, &bytes, diag);
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    if (e->path == BERTHI_CM_SHAPE_BYTES_RESULT) {
        ((berthi_cm_bytes_or_error *)result)->tag = tag;
        out = &((berthi_cm_bytes_or_error *)result)->bytes;
    }
    from = berthi_cm_bytes_at(memory, bytes);
    if (arena != NULL) {
        copy = berthi_reply_arena_alloc(arena, bytes.size);
        if (copy == NULL)
            return berthi_fail(diag, BERTH_E_NOMEM, "a result of %u bytes",
                               (unsigned)bytes.size);
        from = memcpy(copy, from, bytes.size);
    }
    *out = (berthi_cm_host_string){ from, bytes.size };
    return BERTH_OK;
}

static inline berth_status call_bytes(berthi_cm_instance *i, const berthi_cm_entry *e,
                                      const void *args, void *result, berth_arena *arena,
                                      berth_diag *diag)
{
    const berthi_cm_host_string *in = args;
    berthi_val cells[2];
    uint32_t ptr = 0;
    berth_status status =
        berthi_cm_bytes_put(i, &e->lifted->abi, e->lifted->instance, in->text,
                            (uint32_t)in->size, &ptr, diag); /* check_bytes() bounds it */

    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    cells[0].words[0] = ptr;
    cells[1].words[0] = in->size;
    status = berthi_cm_call_slot(i, e->lifted->func, cells, 2, diag);
    if (status != BERTH_OK || e->path == BERTHI_CM_SHAPE_BYTES_IN)
        return status;
    i->returned.words[0] = (uint32_t)cells[0].i32;
    return take_result(i, e, (uint32_t)cells[0].i32, arena, result, diag);
}

/* What the host gives must be right before the guest sees any of it. */
static berth_status check_bytes(const berthi_cm_entry *e, const void *args, berth_diag *diag)
{
    const berthi_cm_host_string *in = args;

    if (in->size > BERTHI_CM_VALUE_BYTES_MAX)
        return berthi_fail_because(diag, BERTH_E_INVALID, BERTH_REASON_INPUT,
                                   "an argument of %zu bytes", in->size);
    if (in->text == NULL && in->size != 0)
        return berthi_fail(diag, BERTH_E_INVALID, "an argument of %zu bytes at NULL", in->size);
    if (e->in_is_string && !berthi_utf8_is_valid(in->text, in->size))
        return berthi_fail(diag, BERTH_E_INVALID, "the argument is no UTF-8");
    return BERTH_OK;
}

berth_status berthi_cm_bytes_refuse_place(bool is_string, berth_diag *diag)
{
    return BERTHI_CM_TRAP(diag, is_string ? "string pointer/length out of bounds of memory"
                                          : "list content out-of-bounds");
}

berth_status berthi_cm_bytes_refuse_text(const char *text, size_t size, size_t valid,
                                         berth_diag *diag)
{
    return BERTHI_CM_TRAP(diag, berthi_utf8_is_cut(text + valid, size - valid)
                                    ? "incomplete utf-8 byte sequence"
                                    : "invalid utf-8");
}

/* ---------------------------------------------------------------- any type */

static berth_status run_any(berthi_cm_instance *i, const berthi_cm_entry *e, const void *args,
                            void *result, berth_arena *arena, bool views, berth_diag *diag)
{
    berthi_cm_host_side host = berthi_cm_host_side_of(i, e->lifted->instance, arena, views);
    berthi_val cells[BERTHI_CM_CELLS];
    berthi_cm_side s;
    berth_status status;

    berthi_cm_side_init(&s, i, &e->lifted->abi, e->lifted->instance);
    s.guest.task = &i->root;
    status = berthi_cm_lower_params(e->plan, &host, args, &s.guest, cells, diag);
    if (status != BERTH_OK) {
        if (i->is_touched)
            berthi_cm_destroy_rest(i, e->lifted->type->canon, args, true);
        return status;
    }
    i->is_touched = true;
    status = berthi_cm_call_slot(i, e->lifted->func, cells, e->cells, diag);
    if (status != BERTH_OK)
        return status;
    if (e->lifted->abi.post_return != BERTHI_CM_NO_INDEX)
        i->returned = cells[0]; /* wider than the guest wrote it, and so slow */
    /* I7; what is in a cell needs none */
    s.guest.memory = e->facts.result_spills ? berthi_cm_view(i, e->lifted->abi.memory)
                                            : (berthi_memory_view){ .base = NULL };
    if (!views)
        bound_result(i);
    return berthi_cm_lift_result(e->plan, &s.guest, cells, &host, result, diag);
}

static berth_status call_any(berthi_cm_instance *i, const berthi_cm_entry *e, const void *args,
                             void *result, berth_arena *arena, bool views, berth_diag *diag)
{
    berthi_cm_host_scope scope = berthi_cm_host_scope_enter(&i->held);
    berth_status status = run_any(i, e, args, result, arena, views, diag);

    berthi_cm_host_scope_leave(&i->held, scope);
    return status;
}

/* ---------------------------------------------------------------- calls */

/* What the host gives is looked at before anything is entered.  No path but this one does without a
 * guard of the stack: its array is written by index below a count that loading has checked. */
BERTHI_UNGUARDED static berth_status begin_scalars(berthi_cm_instance *i,
                                                   const berthi_cm_entry *e, const void *args,
                                                   void *result, berth_diag *diag)
{
    const berthi_cm_scalars *s = e->scalars;
    berthi_val cells[BERTHI_CM_CELLS];
    berth_status status = berthi_cm_scalars_lower_params(s, args, cells, diag);

    if (status == BERTH_OK)
        status = enter(i, e->lifted->instance, diag);
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    status = berthi_cm_call_slot(i, e->lifted->func, cells, e->cells, diag);
    if (__builtin_expect(e->lifted->abi.post_return != BERTHI_CM_NO_INDEX, 0))
        i->returned = cells[0];
    if (__builtin_expect(status == BERTH_OK, 1))
        status = berthi_cm_scalars_lift_result(s, cells, result, diag);
    return begun(i, e, status, diag);
}

static berth_status begin_bytes(berthi_cm_instance *i, const berthi_cm_entry *e,
                                const void *args, void *result, berth_arena *arena,
                                berth_diag *diag)
{
    berth_status status = check_bytes(e, args, diag);

    if (status == BERTH_OK)
        status = enter(i, e->lifted->instance, diag);
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    return begun(i, e, call_bytes(i, e, args, result, arena, diag), diag);
}

static berth_status begin_any(berthi_cm_instance *i, const berthi_cm_entry *e, const void *args,
                              void *result, berth_arena *arena, bool views, berth_diag *diag)
{
    berth_status status = enter(i, e->lifted->instance, diag);

    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    i->is_touched = false;
    status = call_any(i, e, args, result, arena, views, diag);
    if (__builtin_expect(status != BERTH_OK && !i->is_touched, 0)) {
        i->is_entered = false; /* the arguments were refused, and are the caller's still */
        return status;
    }
    return begun(i, e, status, diag);
}

static inline berth_status begin(berthi_cm_instance *i, const berthi_cm_entry *e,
                                 const void *args, void *result, berth_arena *arena, bool views,
                                 berth_diag *diag)
{
    if (e->path == BERTHI_CM_SHAPE_SCALARS)
        return begin_scalars(i, e, args, result, diag);
    if (e->path == BERTHI_CM_SHAPE_ANY)
        return begin_any(i, e, args, result, arena, views, diag);
    return begin_bytes(i, e, args, result, views ? NULL : arena, diag);
}

static berth_status end(berthi_cm_instance *i, berth_diag *diag)
{
    const berthi_cm_entry *e = i->open;
    berth_status status;

    i->open = NULL;
    if (e->lifted->abi.post_return != BERTHI_CM_NO_INDEX) {
        status = berthi_cm_post_return(i, e->lifted, &i->root, i->returned, diag);
        if (__builtin_expect(status != BERTH_OK, 0))
            return die(i, status);
    }
    i->is_entered = false;
    return BERTH_OK;
}

/* A function of the host's that the component hands through: no guest is entered. */
static berth_status call_host(berthi_cm_instance *i, const berthi_cm_func *func,
                              const void *args, void *result, berth_diag *diag)
{
    const berthi_cm_binding *binding = &i->loaded->bindings[func->index];
    berthi_cm_host_call call = { .instance = i };
    berth_status status = enter(i, 0, diag);

    if (status != BERTH_OK)
        return status;
    if (i->room != NULL)
        berth_arena_reset(i->room);
    status = binding->function(binding->ctx, &call, args, result, diag);
    i->is_entered = false;
    return status;
}

berth_status berthi_cm_call(berthi_cm_instance *instance, const berthi_cm_func *func,
                            const void *args, void *result, berth_arena *arena,
                            berth_diag *diag)
{
    berth_status status;

    if (func->is_host)
        return call_host(instance, func, args, result, diag);
    status = begin(instance, &instance->loaded->entries[func->index], args, result, arena,
                   false, diag);
    return status != BERTH_OK ? status : end(instance, diag);
}

berth_status berthi_cm_call_begin(berthi_cm_instance *instance, const berthi_cm_func *func,
                                  const void *args, void *result, berth_arena *arena,
                                  berth_diag *diag)
{
    if (func->is_host)
        return call_host(instance, func, args, result, diag);
    return begin(instance, &instance->loaded->entries[func->index], args, result, arena, true,
                 diag);
}

berth_status berthi_cm_call_end(berthi_cm_instance *instance, berth_diag *diag)
{
    return instance->open == NULL ? BERTH_OK : end(instance, diag);
}
