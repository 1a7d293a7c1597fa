/* instance.c - components that run: one store each, made by executing steps.  Layer: component. */
#include "component/run/running.h"

enum { DEPTH_MAX = 64 };
#define COPY_BYTES_MAX (UINT64_C(128) << 20)
#define HOST_CALLS_MAX UINT64_C(1000000)

/* ---------------------------------------------------------------- items */

static bool make_trampoline(berthi_cm_instance *i, uint32_t index, berthi_extern *extern_out,
                            berth_diag *diag, berth_status *status_out)
{
    berthi_cm_target *target = &i->loaded->targets[index];

    if (i->made[index].kind == BERTHI_CM_EMPTY_SLOT) {
        berthi_extern made;

        *status_out =
            i->ops->func_create(i->store, &target->trampoline->core->func,
                                berthi_cm_trampoline_function(target), target, &made, diag);
        if (*status_out != BERTH_OK)
            return false;
        i->made[index] = made;
    }
    *extern_out = i->made[index];
    return true;
}

static berth_status find_item(berthi_cm_instance *i, const berthi_cm_core_item *item,
                              berthi_extern *extern_out, berth_diag *diag)
{
    berth_status status = BERTH_OK;

    if (item->from == BERTHI_CM_FROM_TRAMPOLINE) {
        (void)make_trampoline(i, item->index, extern_out, diag, &status);
        return status;
    }
    /* Validation has seen the module: only one that the host gave could lack it. */
    if (!i->ops->instance_export(i->store, i->cores[item->index], item->name.text,
                                 item->name.size, extern_out))
        return berthi_fail(diag, BERTH_E_REJECTED, "a core instance exports no `%s`",
                           berthi_cm_show(item->name).text);
    return BERTH_OK;
}

static berth_status fill(berthi_cm_instance *i, uint32_t step, berthi_extern *slot,
                         berth_diag *diag)
{
    berthi_extern found;
    berth_status status = BERTH_E_ABSENT;

    if (i->steps_done > step)
        status = find_item(i, &i->loaded->steps->steps[step].item, &found, diag);
    if (status == BERTH_OK)
        *slot = found;
    return status;
}

berth_status berthi_cm_fill_func(berthi_cm_instance *i, uint32_t slot, berth_diag *diag)
{
    berth_status status = fill(i, i->loaded->func_steps[slot], &i->funcs[slot], diag);

    if (status == BERTH_OK || status == BERTH_E_NOMEM)
        return status;
    return berthi_fail_because(diag, BERTH_E_TRAP, BERTH_REASON_INDIRECT_NULL,
                               "uninitialized element: the function is not there yet");
}

bool berthi_cm_fill_memory(berthi_cm_instance *i, uint32_t slot)
{
    return fill(i, i->loaded->memory_steps[slot], &i->memories[slot], NULL) == BERTH_OK;
}

/* ---------------------------------------------------------------- steps */

static berth_status instantiate(berthi_cm_instance *i, uint32_t n, berthi_extern *imports,
                                berthi_wasm_instance *core_out, berth_diag *diag)
{
    const berthi_cm_step *step = &i->loaded->steps->steps[n];
    const berthi_cm_imports *wanted = &i->loaded->imports[n];
    berth_status status = BERTH_OK;

    if (i->loaded->linked[n] != NULL)
        return i->ops->instantiate_linked(i->store, i->loaded->linked[n], core_out, diag);
    for (uint32_t k = 0; k < wanted->count && status == BERTH_OK; k++)
        status = find_item(i, &wanted->items[k], &imports[k], diag);
    if (status != BERTH_OK)
        return status;
    return i->ops->instantiate(i->store, i->loaded->modules[step->module], imports,
                               wanted->count, core_out, diag);
}

static berth_status set_element(berthi_cm_instance *i, const berthi_cm_step *step,
                                berth_diag *diag)
{
    berthi_extern table, func;
    berth_status status = find_item(i, &step->imports[0], &table, diag);

    if (status == BERTH_OK)
        status = find_item(i, &step->item, &func, diag);
    if (status != BERTH_OK)
        return status;
    if (!i->ops->table_set(i->store, &table, step->slot, &func))
        return berthi_fail_because(diag, BERTH_E_TRAP, BERTH_REASON_TABLE_BOUNDS,
                                   "out of bounds table access");
    return BERTH_OK;
}

static berth_status start(berthi_cm_instance *i, const berthi_cm_step *step, berth_diag *diag)
{
    berthi_extern func;
    berthi_val none = { .words = { 0, 0 } };
    berth_status status = find_item(i, &step->item, &func, diag);

    return status != BERTH_OK ? status : i->call(i->store, &func, &none, 0, diag);
}

static berth_status run_steps(berthi_cm_instance *i, berthi_extern *imports, berth_diag *diag)
{
    const berthi_cm_steps *steps = i->loaded->steps;
    uint32_t cores = 0;
    berth_status status = BERTH_OK;

    for (uint32_t n = 0; n < steps->steps_count && status == BERTH_OK; n++) {
        const berthi_cm_step *step = &steps->steps[n];

        if (step->kind == BERTHI_CM_STEP_INSTANTIATE)
            status = instantiate(i, n, imports, &i->cores[cores++], diag);
        else if (step->kind == BERTHI_CM_STEP_TABLE_SET)
            status = set_element(i, step, diag);
        else if (step->kind == BERTHI_CM_STEP_CALL)
            status = start(i, step, diag);
        i->steps_done = n + 1; /* slots are filled when they are used */
    }
    return status;
}

/* ---------------------------------------------------------------- making and ending */

/* The parts of one allocation, each at a multiple of 16. */
static size_t take_room(size_t *at, size_t count, size_t size)
{
    size_t place = *at;

    *at += (count * size + 15) & ~(size_t)15;
    return place;
}

static berthi_cm_instance *allocate(berthi_cm_loaded *loaded)
{
    const berthi_cm_steps *s = loaded->steps;
    size_t size = 0, head, components, funcs, memories, cores, made;
    unsigned char *p;
    berthi_cm_instance *i;

    /* Counts are bounded by elaboration, so that nothing here overflows. */
    head = take_room(&size, 1, sizeof *i);
    components = take_room(&size, s->instances_count, sizeof *i->components);
    cores = take_room(&size, s->core_instances_count, sizeof *i->cores);
    funcs = take_room(&size, s->func_slots, sizeof *i->funcs);
    memories = take_room(&size, s->memory_slots, sizeof *i->memories);
    made = take_room(&size, s->trampolines_count, sizeof *i->made);
    p = berthi_zalloc(loaded->allocator, size);
    if (p == NULL)
        return NULL;
    i = (berthi_cm_instance *)(void *)(p + head);
    i->components = (berthi_cm_component_state *)(void *)(p + components);
    i->cores = (berthi_wasm_instance *)(void *)(p + cores);
    i->funcs = (berthi_extern *)(void *)(p + funcs);
    i->memories = (berthi_extern *)(void *)(p + memories);
    i->made = (berthi_extern *)(void *)(p + made);
    i->size = size;
    for (uint32_t n = 0; n < s->func_slots; n++)
        i->funcs[n].kind = BERTHI_CM_EMPTY_SLOT;
    for (uint32_t n = 0; n < s->memory_slots; n++)
        i->memories[n].kind = BERTHI_CM_EMPTY_SLOT;
    for (uint32_t n = 0; n < s->trampolines_count; n++)
        i->made[n].kind = BERTHI_CM_EMPTY_SLOT;
    return i;
}

static void set_limits(berthi_cm_instance *i, berthi_cm_loaded *loaded,
                       const berthi_cm_limits *limits)
{
    uint32_t handles_max =
        limits->handles_max == 0 ? BERTHI_CM_HANDLES_MAX : limits->handles_max;

    i->depth_max = limits->depth_max == 0 ? DEPTH_MAX : limits->depth_max;
    i->copy_max = limits->copy_bytes_max == 0 ? COPY_BYTES_MAX : limits->copy_bytes_max;
    i->result_max = limits->result_bytes_max == 0 ? UINT64_MAX : limits->result_bytes_max;
    i->host_calls_max = limits->host_calls_max == 0 ? HOST_CALLS_MAX : limits->host_calls_max;
    i->copy_left = i->copy_max;
    i->host_calls_left = i->host_calls_max;
    for (uint32_t c = 0; c < loaded->steps->instances_count; c++)
        berthi_cm_handles_init(&i->components[c].handles, loaded->allocator, handles_max);
    berthi_cm_error_contexts_init(&i->errors, loaded->allocator);
    berthi_cm_host_handles_init(
        &i->held, loaded->allocator, loaded->steps->resources, handles_max,
        (1 + atomic_fetch_add_explicit(&loaded->made, 1, memory_order_relaxed)) * 2654435761u);
}

/* Under the deadline: every start function, and whatever it calls. */
static berth_status bring_up(berthi_cm_instance *i, uint64_t ticks, berth_diag *diag)
{
    uint32_t count = i->loaded->imports_max;
    berthi_extern few[16], *imports = few;
    berth_status status;

    if (count > sizeof few / sizeof *few) {
        imports = berthi_zalloc_array(i->loaded->allocator, count, sizeof *imports);
        if (imports == NULL)
            return berthi_fail(diag, BERTH_E_NOMEM, "out of memory for %u imports",
                               (unsigned)count);
    }
    i->ops->store_deadline(i->store, ticks);
    i->is_entered = true;
    status = run_steps(i, imports, diag);
    i->is_entered = false;
    if (imports != few)
        berthi_free_array(i->loaded->allocator, imports, count, sizeof *imports);
    return status;
}

berth_status berthi_cm_instance_create(berthi_cm_loaded *loaded, const berthi_cm_limits *limits,
                                       uint64_t ticks, void *data,
                                       berthi_cm_instance **instance_out, berth_diag *diag)
{
    berthi_cm_instance *i = allocate(loaded);
    berth_status status;

    if (i == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "out of memory for an instance");
    i->loaded = loaded;
    i->ops = loaded->ops;
    i->call = loaded->ops->call;
    i->data = data;
    i->task = &i->root;
    set_limits(i, loaded, limits);
    status = i->ops->store_create(loaded->engine, &limits->store, i, &i->store, diag);
    if (status != BERTH_OK) {
        berthi_free(loaded->allocator, i, i->size);
        return status;
    }
    berthi_cm_loaded_ref(loaded);
    status = bring_up(i, ticks, diag);
    if (status != BERTH_OK) {
        i->is_dead = true;
        berthi_cm_instance_destroy(i);
        return status;
    }
    *instance_out = i;
    return BERTH_OK;
}

/* What the host had given to the guest comes back to it, once each. */
static void drop_host_resources(berthi_cm_instance *i, const berthi_cm_handles *table)
{
    const berthi_cm_steps *steps = i->loaded->steps;
    berthi_cm_host_call call = { .instance = i };

    for (uint32_t n = 1; n < table->count; n++) {
        const berthi_cm_handle *h = &table->entries[n];
        const berthi_cm_binding *binding;

        if (h->resource == BERTHI_CM_NO_INDEX ||
            h->resource == BERTHI_CM_ERROR_CONTEXT_HANDLE || !h->is_own ||
            steps->resources[h->resource].instance != BERTHI_CM_NO_INDEX)
            continue;
        binding = &i->loaded->bindings[steps->resources[h->resource].need];
        if (binding->destructor != NULL)
            binding->destructor(binding->ctx, &call, h->rep);
    }
}

void berthi_cm_instance_destroy(berthi_cm_instance *instance)
{
    const berthi_cm_loaded *loaded;

    if (instance == NULL)
        return;
    loaded = instance->loaded;
    instance->is_dead = true; /* a destructor of the host's does not come back in */
    for (uint32_t c = 0; c < loaded->steps->instances_count; c++)
        drop_host_resources(instance, &instance->components[c].handles);
    for (uint32_t c = 0; c < loaded->steps->instances_count; c++)
        berthi_cm_handles_fini(&instance->components[c].handles);
    berthi_cm_host_handles_fini(&instance->held);
    berthi_cm_error_contexts_fini(&instance->errors);
    berthi_free_array(loaded->allocator, instance->passage.left, instance->passage.left_room,
                      sizeof *instance->passage.left);
    berth_arena_destroy(instance->room);
    instance->ops->store_destroy(instance->store);
    berthi_free(loaded->allocator, instance, instance->size);
    berthi_cm_loaded_unref((berthi_cm_loaded *)(uintptr_t)loaded);
}

void *berthi_cm_instance_data(berthi_cm_instance *instance)
{
    return instance->data;
}

bool berthi_cm_instance_is_dead(const berthi_cm_instance *instance)
{
    return instance->is_dead;
}

size_t berthi_cm_instance_memory_bytes(const berthi_cm_instance *instance)
{
    size_t bytes = 0;

    for (uint32_t m = 0; m < instance->loaded->steps->memory_slots; m++)
        if (instance->memories[m].kind != BERTHI_CM_EMPTY_SLOT)
            bytes += instance->ops->memory_view(instance->store, &instance->memories[m]).size;
    return bytes;
}

void berthi_cm_instance_deadline(berthi_cm_instance *instance, uint64_t ticks)
{
    instance->ops->store_deadline(instance->store, ticks);
}

/* ---------------------------------------------------------------- for functions of the host */

berth_arena *berthi_cm_room(berthi_cm_instance *i, berth_diag *diag)
{
    if (i->room == NULL &&
        berth_arena_create(i->loaded->allocator, 0, &i->room, diag) != BERTH_OK)
        return NULL;
    return i->room;
}

berthi_cm_instance *berthi_cm_host_instance(berthi_cm_host_call *call)
{
    return call->instance;
}

void *berthi_cm_host_room(berthi_cm_host_call *call, size_t size)
{
    berth_arena *room = berthi_cm_room(call->instance, NULL);

    return room == NULL ? NULL : berthi_reply_arena_alloc(room, size);
}

berth_arena *berthi_cm_host_arena(berthi_cm_host_call *call)
{
    call->has_room = true;
    return berthi_cm_room(call->instance, NULL);
}

void *berthi_cm_host_reserve(berthi_cm_host_call *call, size_t size, berth_diag *diag)
{
    berthi_cm_guest *guest;
    const berthi_cm_side *side;
    uint64_t ptr;

    if (call->guest == NULL && call->side != NULL) {
        berthi_cm_side_init(call->side, call->instance, call->abi, call->from);
        call->guest = &call->side->guest;
    }
    guest = call->guest;
    side = guest == NULL ? NULL : guest->owner;
    if (guest == NULL || guest->encoding != BERTHI_CM_UTF8 || guest->reserved != NULL ||
        side->abi->realloc == BERTHI_CM_NO_INDEX || size == 0)
        return berthi_cm_host_room(call, size);
    if (size > BERTHI_CM_VALUE_BYTES_MAX) {
        (void)berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_INPUT,
                                  "a list of the host's has %zu elements", size);
        call->has_failed = true;
        return NULL;
    }
    if (guest->realloc(guest, 0, 0, 1, size, &ptr, diag) != BERTH_OK) {
        call->has_failed = true;
        return NULL;
    }
    guest->reserved = guest->memory.base + ptr;
    guest->reserved_ptr = ptr;
    guest->reserved_size = size;
    return guest->memory.base + ptr;
}
