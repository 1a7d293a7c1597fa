/* instance.c - one live guest, and how bytes go in and out of it.  Layer: registry.
 *
 * The byte ABI is the profile's (admit/admit.h, docs/hook-abi.md).  Nothing that the guest says
 * is believed: a pointer is used only after a check against the memory as it is now (I7), and
 * any failure after the guest ran ends the instance (I6).
 */
#include "registry/hot.h"

#include <stddef.h>
#include <string.h>

#include "base/diag.h"

enum { INPUT_ALIGN = 16, INPUT_CAPACITY_MIN = 256, INPUT_STEP = 65536, TABLES_MAX = 8 };

static void find_export(berthi_instance *i, const char *name, berthi_extern *found)
{
    if (!i->ops->instance_export(i->store, i->handle, name, strlen(name), found))
        berthi_panic("an admitted module has no export '%s'", name);
}

/* The first look at the memory finds it: a look-up costs as much as three calls, and a fresh
 * instance that is given nothing and says nothing needs none. */
static berthi_memory_view look_first(berthi_wasm_store *store, const berthi_extern *memory)
{
    berthi_instance *i = store->data;

    assert(memory == &i->memory);
    find_export(i, i->memory_name, &i->memory);
    i->look = i->ops->memory_view;
    return i->look(store, memory);
}

/* A component finds its functions elsewhere: the handles at the end are left out. */
static size_t size_of(const berth_version *v)
{
    return v->content->component == NULL
               ? sizeof(berthi_instance) +
                     v->content->plugin.hooks_count * sizeof(berthi_extern)
               : offsetof(berthi_instance, memory);
}

/* A store of `places` instances, one after the other.  What one of them may have, an install has made sure
 * of: it probes a module in a store of one. */
static berth_status open_store(berth_version *v, berthi_instance *i, uint32_t places,
                               berth_diag *diag)
{
    berth_runtime *rt = v->runtime;
    berthi_wasm_limits limits = { .memory_bytes_max = v->slot->options.memory_bytes_max,
                                  .table_elements_max = rt->options.table_elements_max,
                                  .instances_max = places,
                                  .memories_max = places,
                                  .tables_max = TABLES_MAX * places };

    return i->ops->store_create(rt->engine, &limits, i, &i->store, diag);
}

/* In its store, under the deadline of start functions. */
static berth_status open_module(berth_version *v, berthi_instance *i, berth_diag *diag)
{
    const berthi_plugin *plugin = &v->content->plugin;
    berth_status status;

    /* I5.  A new store's deadline is over, and that of a store with a spent instance is that of its call;
     * nothing but a start function runs before the call, which sets its own. */
    if (plugin->has_start || plugin->has_initialize)
        i->ops->store_deadline(i->store, berthi_ticks(v->slot->options.probe_deadline_ns));
    status = i->ops->instantiate(i->store, v->content->module, NULL, 0, &i->handle, diag);
    if (status != BERTH_OK)
        return status;
    i->memory_name = plugin->profile->memory;
    i->look = look_first;
    i->view_is_old = true;
    i->view_ages = !i->ops->memories_stay;
    return plugin->has_initialize ? berthi_module_initialize(i, diag) : BERTH_OK;
}

static berth_status open_in_own_store(berth_version *v, berthi_seat *seat, berthi_instance *i,
                                      berth_diag *diag)
{
    berth_status status;

    i->in_store_max = seat != NULL && v->is_fresh && !v->has_guest ? BERTHI_IN_STORE_MAX : 1;
    status = open_store(v, i, i->in_store_max, diag);
    if (status != BERTH_OK)
        return status;
    status = v->has_guest ? berthi_module_open(v, i, diag) : open_module(v, i, diag);
    if (status != BERTH_OK)
        i->ops->store_destroy(i->store);
    return status;
}

/* A caller that makes and ends instances itself keeps the memory of one. */
static berthi_instance *take_memory(berth_version *v, berthi_seat *seat)
{
    berthi_instance *i = seat == NULL ? NULL : seat->blank;

    if (i == NULL)
        return berthi_alloc(&v->runtime->allocator, size_of(v));
    seat->blank = NULL;
    return i;
}

static void give_memory(berth_version *v, berthi_seat *seat, berthi_instance *i)
{
    if (seat != NULL && v->is_fresh && seat->blank == NULL)
        seat->blank = i;
    else
        berthi_free(&v->runtime->allocator, i, size_of(v));
}

void berthi_instance_free_blank(berth_version *v, berthi_seat *seat)
{
    berthi_free(&v->runtime->allocator, seat->blank, size_of(v));
}

/* Everything but the handles behind, which are written before they are read, and are most of it. */
static void clear(berth_version *v, berthi_instance *i)
{
    memset(i, 0, offsetof(berthi_instance, memory));
    i->ops = v->ops;
    i->call = v->ops->call;
}

static void begin(berth_version *v, berthi_seat *seat, berthi_instance *i)
{
    berth_runtime *rt = v->runtime;

    i->in_store++;
    i->deadline_tick = UINT64_MAX;
    i->born_tick = atomic_load_explicit(&rt->domain.tick, memory_order_relaxed);
    atomic_fetch_add_explicit(&rt->instances_live, 1, memory_order_relaxed);
    if (seat != NULL)
        berthi_count(&seat->counts.instances_made, 1);
    else
        atomic_fetch_add_explicit(&v->slot->instances_made, 1, memory_order_release);
}

/* Runs under one deadline: instantiation, the start function. */
berth_status berthi_instance_make(berth_version *v, berthi_seat *seat,
                                  berthi_instance **instance_out, berth_diag *diag)
{
    berthi_instance *i;
    berth_status status;

    BERTHI_ASSERT_UNLOCKED(); /* I9 */
    i = take_memory(v, seat);
    if (i == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "an instance");
    clear(v, i);
    status = v->content->component == NULL ? open_in_own_store(v, seat, i, diag)
                                           : berthi_component_open(v, i, diag);
    if (status != BERTH_OK) {
        give_memory(v, seat, i);
        return status;
    }
    begin(v, seat, i);
    *instance_out = i;
    return BERTH_OK;
}

berth_status berthi_instance_renew(berth_version *v, berthi_seat *seat, berthi_instance *i,
                                   berth_diag *diag)
{
    berthi_wasm_store *store = i->store;
    uint32_t in_store = i->in_store, in_store_max = i->in_store_max;
    berth_status status;

    BERTHI_ASSERT_UNLOCKED(); /* I9 */
    assert(i->is_spent && i->component == NULL && in_store < in_store_max);
    clear(v, i);
    i->store = store;
    i->in_store = in_store;
    i->in_store_max = in_store_max;
    status = open_module(v, i, diag);
    if (status == BERTH_OK)
        begin(v, seat, i);
    else
        i->is_spent = true;
    return status;
}

void berthi_instance_destroy(berth_version *v, berthi_seat *seat, berthi_instance *i)
{
    uint32_t count = i->in_store;

    if (i->component != NULL)
        berthi_component_close(v, i);
    else
        i->ops->store_destroy(i->store);
    if (i->guest != NULL)
        berthi_module_close(v, i);
    atomic_fetch_sub_explicit(&v->runtime->instances_live, count, memory_order_relaxed);
    /* release, as in berthi_count(): who sees it gone sees that it was made. */
    if (seat != NULL)
        berthi_count(&seat->counts.instances_discarded, count);
    else
        atomic_fetch_add_explicit(&v->slot->instances_discarded, count, memory_order_release);
    give_memory(v, seat, i);
}

size_t berthi_instance_memory_bytes(const berthi_instance *i)
{
    return i->component != NULL ? berthi_cm_instance_memory_bytes(i->component)
                                : i->look(i->store, &i->memory).size;
}

void berthi_instance_resolve(berth_version *v, berthi_instance *i, uint32_t hooks)
{
    const berthi_plugin *plugin = &v->content->plugin;

    if (i->component != NULL || v->has_family)
        return;
    for (uint32_t h = 0; h < plugin->hooks_count; h++)
        if ((hooks & ~i->resolved) >> h & 1)
            find_export(i, plugin->hooks[h].export_name, &i->hooks[h]);
    i->resolved |= hooks;
}

void berthi_instance_resolve_alloc(berth_version *v, berthi_instance *i)
{
    const berthi_plugin *plugin = &v->content->plugin;

    if (i->component == NULL && !v->has_family && !i->has_alloc) {
        find_export(i, plugin->profile->alloc, &i->alloc);
        find_export(i, plugin->profile->free, &i->free);
        i->has_alloc = true;
    }
}

static berth_status bad_alloc(const berthi_profile *p, size_t size, uint32_t at,
                              const char *why, berth_diag *diag)
{
    return berthi_fail_because(diag, BERTH_E_ABI, BERTH_REASON_ALLOC,
                               "%s(%zu, %d) answered %u: %s", p->alloc, size, INPUT_ALIGN, at,
                               why);
}

/* Asks the guest for `size` bytes; *at_out is good for exactly that many (I7). */
static berth_status guest_alloc(berth_version *v, berthi_instance *i, size_t size,
                                uint32_t *at_out, berth_diag *diag)
{
    const berthi_profile *p = v->content->plugin.profile;
    berthi_val cells[2] = { { .i32 = (int32_t)(uint32_t)size }, { .i32 = INPUT_ALIGN } };
    berth_status status = i->ops->call(i->store, &i->alloc, cells, 2, diag);
    berthi_memory_view memory;
    uint32_t at;

    if (status != BERTH_OK)
        return berthi_diag_prefix(diag, status, "%s", p->alloc);
    at = (uint32_t)cells[0].i32;
    i->view_is_old = true;
    memory = berthi_instance_view(i);
    if (at == 0)
        return bad_alloc(p, size, at, "the plugin is out of memory", diag);
    if (at % INPUT_ALIGN != 0)
        return bad_alloc(p, size, at, "the pointer is not aligned", diag);
    if (at > memory.size || size > memory.size - at)
        return bad_alloc(p, size, at, "the block is out of bounds", diag);
    *at_out = at;
    return BERTH_OK;
}

/* Room for inputs that grow a little from call to call, without asking for much more than the
 * input at hand needs: it has to fit into the plugin's memory. */
static size_t capacity_for(size_t size)
{
    size_t capacity = INPUT_CAPACITY_MIN;

    while (capacity < size && capacity < INPUT_STEP)
        capacity *= 2;
    return capacity >= size ? capacity : (size + INPUT_STEP - 1) / INPUT_STEP * INPUT_STEP;
}

static berth_status free_input(berth_version *v, berthi_instance *i, berth_diag *diag)
{
    berthi_val cells[3] = { { .i32 = (int32_t)i->input_at },
                            { .i32 = (int32_t)i->input_capacity },
                            { .i32 = INPUT_ALIGN } };
    berth_status status = i->ops->call(i->store, &i->free, cells, 3, diag);

    i->view_is_old = true;
    i->input_capacity = 0;
    return status == BERTH_OK
               ? BERTH_OK
               : berthi_diag_prefix(diag, status, "%s", v->content->plugin.profile->free);
}

/* Makes the host's buffer large enough: the new one first, so that an allocator which hands out
 * the same memory twice is caught, then the old one is freed. */
static berth_status grow_input(berth_version *v, berthi_instance *i, size_t size,
                               berth_diag *diag)
{
    size_t capacity = capacity_for(size);
    berth_status status;
    uint32_t at;

    status = guest_alloc(v, i, capacity, &at, diag);
    if (status != BERTH_OK)
        return status;
    if (i->input_capacity != 0) {
        if (at < (uint64_t)i->input_at + i->input_capacity && i->input_at < at + capacity)
            return bad_alloc(v->content->plugin.profile, capacity, at,
                             "the block overlaps one that is in use", diag);
        status = free_input(v, i, diag);
        if (status != BERTH_OK)
            return status;
    }
    i->input_at = at;
    i->input_capacity = (uint32_t)capacity;
    return BERTH_OK;
}

/* Where the input goes when the buffer is too small, or belongs to the guest. */
berth_status berthi_instance_input_place(berth_version *v, berthi_instance *i, size_t size,
                                         uint32_t *at_out, berth_diag *diag)
{
    berth_status status;

    if (size > v->input_bytes_max)
        return berthi_fail_because(
            diag, BERTH_E_LIMIT, BERTH_REASON_INPUT,
            "the input has %zu bytes and the plugin's memory at most %llu", size,
            (unsigned long long)v->input_bytes_max);
    berthi_instance_resolve_alloc(v, i);
    if (v->guest_owns_input)
        return guest_alloc(v, i, size, at_out, diag);
    status = grow_input(v, i, size, diag);
    *at_out = i->input_at;
    return status;
}

static berth_status bad_reply(berth_version *v, uint32_t index, uint32_t at, uint32_t size,
                              size_t memory_size, berth_diag *diag)
{
    const char *export_name = v->content->plugin.hooks[index].export_name;

    if (at == 0 || (size == 0 && !v->may_drop))
        return berthi_fail_because(diag, BERTH_E_ABI, BERTH_REASON_REPLY_BOUNDS,
                                   "%s: guest returned invalid (ptr=%u, len=%u)", export_name,
                                   at, size);
    if (at > memory_size || size > memory_size - at)
        return berthi_fail_because(
            diag, BERTH_E_ABI, BERTH_REASON_REPLY_BOUNDS,
            "%s: guest output [%u..%llu] out of bounds (memory size %zu)", export_name, at,
            (unsigned long long)at + size, memory_size);
    return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_OUTPUT,
                               "%s: the reply has %u bytes and %llu are allowed", export_name,
                               size, (unsigned long long)v->output_bytes_max);
}

berth_status berthi_instance_look_again(berth_version *v, berthi_instance *i, uint32_t index,
                                        uint32_t at, uint32_t size, berth_diag *diag)
{
    i->view = i->look(i->store, &i->memory); /* it may have grown */
    return berthi_reply_fits(v, i->view, at, size)
               ? BERTH_OK
               : bad_reply(v, index, at, size, i->view.size, diag);
}

berth_status berthi_instance_fault(berth_version *v, uint32_t index, berth_status status,
                                   berth_diag *diag)
{
    return berthi_diag_prefix(diag, status, "%s", v->content->plugin.hooks[index].export_name);
}

berth_status berthi_instance_call(berth_version *v, berthi_instance *i, uint32_t index,
                                  const berth_call *call, uint64_t ticks, berth_reply *reply,
                                  berth_diag *diag)
{
    i->calls++;
    return berthi_instance_enter(&v->runtime->domain, v, i, index, call, ticks, reply, diag);
}
