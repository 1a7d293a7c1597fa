/* trampoline.c - where core code leaves its component: into the host, into another component, or
 * into the tables of its own.  Layer: component.
 *
 * Engines call these with the trampoline's target as context; the instance is at the store's `data`.
 * A failure ends the whole root instance: whoever made the outermost call sees it (I6). */
#include "component/run/running.h"

/* ---------------------------------------------------------------- resources, on either side */

static bool is_of_host(const berthi_cm_instance *i, uint32_t resource)
{
    return i->loaded->steps->resources[resource].instance == BERTHI_CM_NO_INDEX;
}

static bool note_left(berthi_cm_instance *i, uint32_t resource, uint32_t rep, berth_diag *diag)
{
    berthi_cm_passage *p = &i->passage;

    if (p->left_count == p->left_room) {
        uint32_t room = p->left_room == 0 ? 8 : 2 * p->left_room;
        void *left = berthi_zalloc_array(i->loaded->allocator, room, sizeof *p->left);

        if (left == NULL) {
            (void)berthi_fail(diag, BERTH_E_NOMEM, "out of memory for a handle");
            (void)berthi_cm_destroy_resource(i, resource, rep, NULL);
            return false;
        }
        if (p->left_count != 0)
            memcpy(left, p->left, p->left_count * sizeof *p->left);
        berthi_free_array(i->loaded->allocator, p->left, p->left_room, sizeof *p->left);
        p->left = left;
        p->left_room = room;
    }
    p->left[p->left_count].resource = resource;
    p->left[p->left_count++].rep = rep;
    return true;
}

static bool to_host(void *ctx, uint32_t resource, uint32_t rep, bool is_borrow,
                    uint64_t *handle_out, berth_diag *diag)
{
    berthi_cm_instance *i = ctx;

    if (!berthi_cm_to_host(&i->held, resource, rep, is_borrow, handle_out, diag))
        return false;
    return is_borrow || !is_of_host(i, resource) || note_left(i, resource, rep, diag);
}

/* Nothing is taken from the host that has no place: what follows cannot fail. */
static bool to_guest(void *ctx, uint32_t resource, uint64_t handle, bool is_borrow,
                     uint32_t *rep_out, berth_diag *diag)
{
    berthi_cm_instance *i = ctx;

    if ((!is_borrow && !berthi_cm_handles_reserve(i->passage.target, diag)) ||
        !berthi_cm_to_guest(&i->held, resource, handle, is_borrow, rep_out, diag))
        return false;
    i->is_touched = true;
    i->passage.arrived += !is_borrow && is_of_host(i, resource);
    return true;
}

berthi_cm_host_side berthi_cm_host_side_of(berthi_cm_instance *i, uint32_t guest,
                                           berth_arena *arena, bool views)
{
    i->passage.arrived = 0;
    i->passage.target = &i->components[guest].handles;
    return (berthi_cm_host_side){
        .arena = arena, .views = views, .ctx = i, .to_host = to_host, .to_guest = to_guest
    };
}

void berthi_cm_destroy_left(berthi_cm_instance *i)
{
    while (i->passage.left_count != 0) {
        i->passage.left_count--;
        (void)berthi_cm_destroy_resource(i, i->passage.left[i->passage.left_count].resource,
                                         i->passage.left[i->passage.left_count].rep, NULL);
    }
}

static void destroy_one(void *ctx, uint32_t resource, uint64_t handle)
{
    berthi_cm_instance *i = ctx;

    if (!is_of_host(i, resource))
        return; /* goes with the guest */
    if (i->passage.arrived != 0)
        i->passage.arrived--;
    else
        (void)berthi_cm_destroy_resource(i, resource, (uint32_t)handle, NULL);
}

void berthi_cm_destroy_rest(berthi_cm_instance *i, const berthi_cm_type *type,
                            const void *value, bool is_args)
{
    if (is_args)
        berthi_cm_owned_walk_args(type, value, destroy_one, i);
    else
        berthi_cm_owned_walk(type, value, destroy_one, i);
}

static berth_status destroy_in_guest(berthi_cm_instance *i, const berthi_cm_resource_use *use,
                                     uint32_t rep, berth_diag *diag)
{
    berthi_cm_task task = { .instance = use->instance }, *before = i->task;
    berthi_val cell = { .words = { rep } };
    berth_status status = berthi_cm_go_deeper(i, diag);

    if (status != BERTH_OK)
        return status;
    i->task = &task;
    status = berthi_cm_call_slot(i, use->destructor, &cell, 1, diag);
    if (status == BERTH_OK)
        status = berthi_cm_task_end(&task, diag);
    i->task = before;
    i->depth--;
    return status;
}

berth_status berthi_cm_destroy_resource(berthi_cm_instance *i, uint32_t resource, uint32_t rep,
                                        berth_diag *diag)
{
    const berthi_cm_resource_use *use = &i->loaded->steps->resources[resource];
    const berthi_cm_binding *binding;
    berthi_cm_host_call call = { .instance = i };

    if (use->instance != BERTHI_CM_NO_INDEX)
        return use->destructor == BERTHI_CM_NO_INDEX ? BERTH_OK
                                                     : destroy_in_guest(i, use, rep, diag);
    binding = &i->loaded->bindings[use->need];
    if (binding->destructor != NULL)
        binding->destructor(binding->ctx, &call, rep);
    return BERTH_OK;
}

berth_status berthi_cm_host_drop(berthi_cm_instance *instance, uint64_t handle,
                                 berth_diag *diag)
{
    uint32_t resource, rep;
    berth_status status;
    berth_diag why;

    if (instance->is_dead | instance->is_entered)
        return BERTHI_CM_TRAP(diag, "cannot enter component instance");
    if (!berthi_cm_host_handle_drop(&instance->held, handle, &resource, &rep, &why)) {
        if (diag != NULL)
            *diag = why;
        return (berth_status)why.status;
    }
    instance->is_entered = true;
    instance->depth = 0;
    instance->copy_left = instance->copy_max;
    instance->host_calls_left = instance->host_calls_max;
    status = berthi_cm_destroy_resource(instance, resource, rep, diag);
    instance->is_entered = false;
    instance->is_dead = status != BERTH_OK;
    return status;
}

static berth_status call_new(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                             berth_diag *diag)
{
    const berthi_cm_target *t = ctx;
    berthi_cm_instance *i = store->data;
    berth_status status = berthi_cm_leave(i, t, diag);
    uint32_t index;

    if (status != BERTH_OK)
        return status;
    if (!berthi_cm_handle_add_own(&i->components[t->instance].handles, t->resource,
                                  (uint32_t)cells[0].i32, &index, diag))
        return (berth_status)diag->status;
    cells[0].words[0] = index;
    return BERTH_OK;
}

static berth_status call_drop(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                              berth_diag *diag)
{
    const berthi_cm_target *t = ctx;
    berthi_cm_instance *i = store->data;
    berth_status status = berthi_cm_leave(i, t, diag);
    berthi_cm_handle was;

    if (status != BERTH_OK)
        return status;
    if (!berthi_cm_handle_drop(&i->components[t->instance].handles, t->resource,
                               (uint32_t)cells[0].i32, &was, diag))
        return (berth_status)diag->status;
    return was.is_own ? berthi_cm_destroy_resource(i, was.resource, was.rep, diag) : BERTH_OK;
}

static berth_status call_rep(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                             berth_diag *diag)
{
    const berthi_cm_target *t = ctx;
    berthi_cm_instance *i = store->data;
    uint32_t rep;

    if (!berthi_cm_handle_rep(&i->components[t->instance].handles, t->resource,
                              (uint32_t)cells[0].i32, &rep, diag))
        return (berth_status)diag->status;
    cells[0].words[0] = rep;
    return BERTH_OK;
}

/* ---------------------------------------------------------------- into the host */

typedef union room { /* for values in host layout that are not large */
    max_align_t align;
    unsigned char bytes[256];
} room;

static void *room_for(berthi_cm_instance *i, room *few, size_t size, berth_diag *diag)
{
    berth_arena *arena;
    void *p = few;

    if (size > sizeof few->bytes) {
        arena = berthi_cm_room(i, diag);
        p = arena == NULL ? NULL : berthi_reply_arena_alloc(arena, size);
        if (p == NULL)
            (void)berthi_fail(diag, BERTH_E_NOMEM, "out of memory for a host call");
    }
    return p;
}

static berth_status run_host(const berthi_cm_target *t, berthi_cm_instance *i,
                             berthi_cm_guest *guest, berthi_val *cells, berth_arena *arena,
                             berth_diag *diag)
{
    berthi_cm_host_side host =
        berthi_cm_host_side_of(i, t->trampoline->instance, arena, i->ops->memories_stay);
    berthi_cm_host_call call = { .instance = i, .guest = guest };
    room few_args, few_results;
    void *args = room_for(i, &few_args, t->facts.args_size, diag);
    void *result = room_for(i, &few_results, t->facts.result_size, diag);
    berth_status status;

    if (args == NULL || result == NULL)
        return BERTH_E_NOMEM;
    status = berthi_cm_lift_params(t->plan, guest, cells, &host, args, diag);
    if (status != BERTH_OK) {
        berthi_cm_destroy_left(i);
        return status;
    }
    i->passage.left_count = 0; /* the function has them */
    status = t->binding.function(t->binding.ctx, &call, args, result, diag);
    if (status == BERTH_OK && __builtin_expect(call.has_failed, 0))
        status = (berth_status)diag->status;
    if (status != BERTH_OK)
        return status;
    i->passage.arrived = 0;
    status = berthi_cm_lower_result(t->plan, &host, result, guest, cells, cells, diag);
    if (status != BERTH_OK)
        berthi_cm_destroy_rest(i, berthi_cm_func_result(t->trampoline->type), result, false);
    return status;
}

static berth_status call_host(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                              berth_diag *diag)
{
    const berthi_cm_target *t = ctx;
    berthi_cm_instance *i = store->data;
    berthi_cm_side s;
    berthi_cm_lends lends;
    berthi_cm_host_scope scope;
    berth_status status = berthi_cm_leave_to_host(i, t, diag);

    if (status == BERTH_OK && berthi_cm_room(i, diag) == NULL)
        status = BERTH_E_NOMEM;
    if (status != BERTH_OK)
        return status;
    berthi_cm_side_init(&s, i, &t->trampoline->abi, t->trampoline->instance);
    berthi_cm_lends_init(&lends, s.guest.handles);
    s.guest.lends = &lends;
    scope = berthi_cm_host_scope_enter(&i->held);
    status = run_host(t, i, &s.guest, cells, i->room, diag);
    berthi_cm_host_scope_leave(&i->held, scope);
    berthi_cm_lends_return(&lends);
    berth_arena_reset(i->room);
    return status;
}

/* Numbers alone: nothing of the guest is looked at but its cells. */
BERTHI_UNGUARDED static berth_status call_host_scalars(void *ctx, berthi_wasm_store *store,
                                                       berthi_val *cells, berth_diag *diag)
{
    const berthi_cm_target *t = ctx;
    const berthi_cm_scalars *scalars = t->scalars;
    berthi_cm_instance *i = store->data;
    berthi_cm_host_call call = { .instance = i };
    room args, result;
    berth_status status = berthi_cm_leave_to_host(i, t, diag);

    if (status == BERTH_OK)
        status = berthi_cm_scalars_lift_params(scalars, cells, &args, diag);
    if (status == BERTH_OK)
        status = t->binding.function(t->binding.ctx, &call, &args, &result, diag);
    if (__builtin_expect(call.has_room, 0)) /* nothing of the result is there */
        berth_arena_reset(i->room);
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    return berthi_cm_scalars_lower_result(scalars, &result, cells, diag);
}

/* ---------------------------------------------------------------- into another component */

static berth_status refuse_entry(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                                 berth_diag *diag)
{
    berth_status status = berthi_cm_leave(store->data, ctx, diag);

    (void)cells;
    return status != BERTH_OK ? status
                              : BERTHI_CM_TRAP(diag, "cannot enter component instance");
}

static berth_status go_deeper(berthi_cm_instance *i, const berthi_cm_target *t,
                              berth_diag *diag)
{
    berth_status status = berthi_cm_leave(i, t, diag);

    return status != BERTH_OK ? status : berthi_cm_go_deeper(i, diag);
}

typedef struct crossing { /* a call from one component to another */
    berthi_cm_side caller, callee;
    berthi_cm_task task;
    berthi_cm_lends lends;
} crossing;

static berth_status run_callee(const berthi_cm_target *t, berthi_cm_instance *i, crossing *x,
                               berthi_val *cells, berth_diag *diag)
{
    const berthi_cm_lifted *lifted = t->entry->lifted;
    berthi_cm_task *before = i->task;
    berthi_val theirs[BERTHI_CM_CELLS], returned;
    berth_status status;

    status = berthi_cm_transfer_params(t->plan, &x->caller.guest, cells, &x->callee.guest,
                                       theirs, diag);
    if (status != BERTH_OK)
        return status;
    i->task = &x->task;
    status = berthi_cm_call_slot(i, lifted->func, theirs, t->entry->cells, diag);
    i->task = before;
    if (status == BERTH_OK)
        status = berthi_cm_task_end(&x->task, diag);
    if (status != BERTH_OK)
        return status;
    returned = theirs[0];
    x->caller.guest.memory = berthi_cm_view(i, t->trampoline->abi.memory); /* I7, both */
    x->callee.guest.memory = berthi_cm_view(i, lifted->abi.memory);
    status = berthi_cm_transfer_result(t->plan, &x->callee.guest, theirs, &x->caller.guest,
                                       cells, cells, diag);
    if (status == BERTH_OK && lifted->abi.post_return != BERTHI_CM_NO_INDEX)
        status = berthi_cm_post_return(i, lifted, &x->task, returned, diag);
    return status;
}

/* Numbers alone. */
static berth_status call_guest_scalars(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                                       berth_diag *diag)
{
    const berthi_cm_target *t = ctx;
    const berthi_cm_lifted *lifted = t->entry->lifted;
    const berthi_cm_scalars *s = t->scalars;
    berthi_cm_instance *i = store->data;
    berthi_cm_task task = { .instance = lifted->instance }, *before = i->task;
    berthi_val theirs[BERTHI_CM_CELLS];
    berth_status status = go_deeper(i, t, diag);

    if (status == BERTH_OK)
        status = berthi_cm_scalars_transfer(s->params, s->count, cells, theirs, diag);
    if (status != BERTH_OK)
        return status;
    i->task = &task;
    status = berthi_cm_call_slot(i, lifted->func, theirs, t->entry->cells, diag);
    i->task = before;
    if (status == BERTH_OK)
        status = berthi_cm_task_end(&task, diag);
    if (status == BERTH_OK)
        status = berthi_cm_scalars_transfer(&s->result, s->has_result, theirs, cells, diag);
    if (status == BERTH_OK && lifted->abi.post_return != BERTHI_CM_NO_INDEX)
        status = berthi_cm_post_return(i, lifted, &task, theirs[0], diag);
    i->depth--;
    return status;
}

static berth_status call_guest(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                               berth_diag *diag)
{
    const berthi_cm_target *t = ctx;
    const berthi_cm_lifted *lifted = t->entry->lifted;
    berthi_cm_instance *i = store->data;
    berth_status status = go_deeper(i, t, diag);
    crossing x;

    if (status != BERTH_OK)
        return status;
    x.task = (berthi_cm_task){ .instance = lifted->instance };
    berthi_cm_side_init(&x.caller, i, &t->trampoline->abi, t->trampoline->instance);
    berthi_cm_side_init(&x.callee, i, &lifted->abi, lifted->instance);
    berthi_cm_lends_init(&x.lends, x.caller.guest.handles);
    x.caller.guest.lends = &x.lends;
    x.callee.guest.task = &x.task;
    x.caller.guest.peer = &x.callee.guest;
    x.callee.guest.peer = &x.caller.guest;
    status = run_callee(t, i, &x, cells, diag);
    berthi_cm_lends_return(&x.lends);
    i->depth--;
    return status;
}

/* ---------------------------------------------------------------- tasks */

static berth_status get_context(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                                berth_diag *diag)
{
    const berthi_cm_trampoline *t = ((const berthi_cm_target *)ctx)->trampoline;
    const berthi_cm_instance *i = store->data;
    uint64_t value = i->task->context[t->target];

    (void)diag;
    cells[0].words[0] = t->core->func.types[0] == BERTHI_I32 ? (uint32_t)value : value;
    return BERTH_OK;
}

static berth_status set_context(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                                berth_diag *diag)
{
    const berthi_cm_trampoline *t = ((const berthi_cm_target *)ctx)->trampoline;
    berthi_cm_instance *i = store->data;

    (void)diag;
    i->task->context[t->target] =
        t->core->func.types[0] == BERTHI_I32 ? (uint32_t)cells[0].i32 : cells[0].words[0];
    return BERTH_OK;
}

static berth_status count_backpressure(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                                       berth_diag *diag)
{
    const berthi_cm_trampoline *t = ((const berthi_cm_target *)ctx)->trampoline;
    berthi_cm_instance *i = store->data;
    uint16_t *counter = &i->components[t->instance].backpressure;
    bool is_up = t->kind == BERTHI_CM_TO_BACKPRESSURE_INC;

    (void)cells;
    if (*counter == (is_up ? UINT16_MAX : 0))
        return BERTHI_CM_TRAP(diag, "backpressure counter %s",
                              is_up ? "overflow" : "underflow");
    *counter = (uint16_t)(is_up ? *counter + 1 : *counter - 1);
    return BERTH_OK;
}

static berth_status refuse_async(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                                 berth_diag *diag)
{
    const berthi_cm_target *t = ctx;
    berth_status status = berthi_cm_leave(store->data, t, diag);

    (void)cells;
    if (status != BERTH_OK)
        return status;
    return BERTHI_CM_TRAP(diag, "asynchronous built-in 0x%02x is not supported",
                          (unsigned)t->trampoline->code);
}

berthi_host_function berthi_cm_trampoline_function(const berthi_cm_target *t)
{
    berthi_host_function straight;

    switch ((berthi_cm_trampoline_kind)t->trampoline->kind) {
    case BERTHI_CM_TO_HOST:
        if (t->scalars != NULL)
            return call_host_scalars;
        straight = berthi_cm_trampoline_of_bytes(t);
        return straight != NULL ? straight : call_host;
    case BERTHI_CM_TO_GUEST:
        if (t->trampoline->never_enters)
            return refuse_entry;
        if (t->scalars != NULL)
            return call_guest_scalars;
        straight = berthi_cm_trampoline_of_bytes(t);
        return straight != NULL ? straight : call_guest;
    case BERTHI_CM_TO_NEW:
        return call_new;
    case BERTHI_CM_TO_DROP:
        return call_drop;
    case BERTHI_CM_TO_REP:
        return call_rep;
    case BERTHI_CM_TO_CONTEXT_GET:
        return get_context;
    case BERTHI_CM_TO_CONTEXT_SET:
        return set_context;
    case BERTHI_CM_TO_BACKPRESSURE_INC:
    case BERTHI_CM_TO_BACKPRESSURE_DEC:
        return count_backpressure;
    case BERTHI_CM_TO_ERROR_CONTEXT:
        return berthi_cm_trampoline_of_errors(t);
    case BERTHI_CM_TO_UNSUPPORTED:
        return refuse_async;
    }
    berthi_panic("a trampoline of kind %u", (unsigned)t->trampoline->kind);
}
