/* native_imports.c - functions and objects of the host, and functions of other plugins, for a native
 * plugin.  Layer: registry.
 *
 * One table for each interface that the plugin's world imports, in the order of its WIT, made before it
 * is opened; what is missing refuses the install.  A call runs on the thread that called the plugin,
 * within its record, so the watchdog and the counters see one call of the plugin.  Why the host
 * refused is kept in the record until the plugin's call ends.
 *
 * All of it is on the C library's heap, and stays for an abandoned plugin, whose calls are refused from
 * then on: neither the runtime nor the host may be there any more (I10). */
#include "registry/hot.h"

#include "base/diag.h"
#include "component/run/host_call.h"
#include "component/run/host_native.h"
#include "native/checked.h"
#include "registry/links.h"
#include "service/wasi/wasi_link.h"

enum { TYPES_WORK_MAX = 10000000 }; /* steps that the types of one interface may take */

typedef struct offered { /* one row of a table */
    struct native_imports *of;
    const berthi_host_func *func;        /* or */
    const berth_host_resource *resource; /* to be dropped; or */
    const berthi_link *link; /* of another plugin's; lent by the content that is called */
} offered;

typedef struct table {
    const char *name; /* of the import */
    berth_import_v1 functions;
} table;

typedef struct native_imports {
    berthi_native_imports head;
    berth_runtime *runtime;
    berthi_arena arena; /* holds all below */
    berthi_lock lock;   /* of the instance's objects, and of `dropping` */
    berthi_cond dropped;
    berthi_host_instance instance;
    uint32_t dropping; /* threads that are ending an object */
    atomic_bool is_over;
    bool is_checked;
    const berthi_links *links; /* only to be compared: they end with the content */
    uint32_t tables_count;
    table *tables;
} native_imports;

/* ---------------------------------------------------------------- calls of the plugin */

static void keep_failure(const native_imports *all, const berth_diag *diag)
{
    berthi_record *mine = berthi_domain_record(&all->runtime->domain);
    unsigned depth = mine == NULL ? 0 : berthi_record_depth(mine);
    const berth_version *v;
    berthi_seat *seat;

    if (depth == 0)
        return;
    v = atomic_load_explicit(&mine->entry[depth - 1].pin, memory_order_relaxed);
    seat = berthi_seat_find(v, mine->index);
    if (seat == NULL)
        return;
    mine->failure.where = seat;
    mine->failure.call = atomic_load_explicit(&seat->counts.calls, memory_order_relaxed);
    mine->failure.diag = *diag;
}

/* A function of another plugin's.  Only from within a call of this one, whose content has the link: a
 * plugin's own threads may be there when that has gone. */
static berth_status call_link(const offered *to, const void *args, void *results,
                              const berth_call *call, berth_diag *diag)
{
    const native_imports *all = to->of;
    uint64_t since, ns;
    const berth_version *v = berthi_links_caller(all->runtime, all->links, &since);

    if (v == NULL)
        return berthi_fail(
            diag, BERTH_E_STATE,
            "a plugin calls another one in a call of its own, and on its thread");
    ns = call->deadline_ns != 0 ? call->deadline_ns : v->slot->options.deadline_ns;
    return berthi_link_call(to->link, since + berthi_ticks(ns), args, results, call->arena,
                            diag);
}

static int32_t call_func(void *self, const void *args, void *results, struct berth_call *call)
{
    const offered *to = self;
    native_imports *all = to->of;
    berth_status status;
    berth_diag diag = { 0 };

    /* acquire: pairs with the exchange in end(), behind which host and runtime may go. */
    if (atomic_load_explicit(&all->is_over, memory_order_acquire))
        return BERTH_E_CLOSED;
    if (call == NULL || (all->is_checked && !berthi_native_may_use(call)))
        return BERTH_E_STATE;
    status = to->func == NULL ? call_link(to, args, results, call, &diag)
                              : berthi_host_run_native(to->func, &all->instance, call->arena,
                                                       args, results, &diag);
    if (status != BERTH_OK)
        keep_failure(all, &diag);
    return (int32_t)status;
}

/* A plugin's own threads may do so too, and one that drains it for too long: end() waits for them. */
static bool begin_drop(native_imports *all)
{
    bool is_open;

    berthi_lock_take(&all->lock);
    is_open = !atomic_load_explicit(&all->is_over, memory_order_relaxed);
    all->dropping += is_open;
    berthi_lock_drop(&all->lock);
    return is_open;
}

static void end_drop(native_imports *all)
{
    berthi_lock_take(&all->lock);
    if (--all->dropping == 0)
        berthi_cond_wake_all(&all->dropped);
    berthi_lock_drop(&all->lock);
}

static int32_t drop_object(void *self, const void *args, void *results, struct berth_call *call)
{
    const offered *to = self;

    (void)results, (void)call;
    if (!begin_drop(to->of))
        return BERTH_E_CLOSED;
    berthi_host_drop_native(to->resource, &to->of->instance, *(const berth_handle *)args);
    end_drop(to->of);
    return 0;
}

static const void *find(berthi_native_imports *imports, const char *name)
{
    const native_imports *all = (native_imports *)imports;

    for (uint32_t i = 0; i < all->tables_count; i++)
        if (strcmp(all->tables[i].name, name) == 0)
            return &all->tables[i].functions;
    return NULL;
}

/* ---------------------------------------------------------------- the end */

static void destroy(native_imports *all)
{
    berthi_arena arena = all->arena;

    berthi_host_instance_fini(&all->instance);
    berthi_cond_fini(&all->dropped);
    berthi_lock_fini(&all->lock);
    berthi_arena_fini(&arena); /* it holds `all` */
}

static void end(berthi_native_imports *imports, bool is_abandoned)
{
    native_imports *all = (native_imports *)imports;

    /* release: whoever sees it is after what came before; others are in a call of this plugin, of
     * which none is left but on threads of its own. */
    berthi_lock_take(&all->lock);
    atomic_store_explicit(&all->is_over, true, memory_order_release);
    while (all->dropping != 0)
        berthi_cond_wait(&all->dropped, &all->lock.mutex);
    berthi_lock_drop(&all->lock);
    berthi_host_instance_close(&all->instance);
    if (!is_abandoned)
        destroy(all);
}

/* ---------------------------------------------------------------- making */

typedef struct making {
    native_imports *all;
    const berthi_native_plugin *plugin;
    berth_host *host;
    berthi_links *links; /* NULL: there are none */
    berth_diag *diag;
} making;

/* What the rows of a table are of; as many as the need has. */
typedef struct found {
    const berthi_host_func **funcs;
    const berth_host_resource **resources;
    const berthi_link **links; /* NULL: the host's; else there is nothing else */
} found;

static berth_status no_memory(const making *m)
{
    return berthi_fail(m->diag, BERTH_E_NOMEM, "what a native plugin imports");
}

/* A table of what was found. */
static berth_status fill(const making *m, const berthi_host_need *need, const found *what)
{
    static const char drop[] = "[resource-drop]";
    berthi_arena *arena = &m->all->arena;
    uint32_t count = need->funcs_count + need->resources_count;
    offered *rows = berthi_arena_array(arena, count, sizeof *rows);
    const char **names = berthi_arena_array(arena, count, sizeof *names);
    berth_plugin_fn **calls = berthi_arena_array(arena, count, sizeof *calls);
    void **selfs = berthi_arena_array(arena, count, sizeof *selfs);
    const char *name = need->name == NULL ? "$root" : need->name;

    name = berthi_arena_strndup(arena, name, strlen(name));
    if (rows == NULL || names == NULL || calls == NULL || selfs == NULL || name == NULL)
        return no_memory(m);
    for (uint32_t i = 0; i < count; i++) {
        bool is_func = i < need->funcs_count;
        uint32_t at = is_func ? i : i - need->funcs_count;
        const char *text = is_func ? need->funcs[at]->name : need->resources[at];
        size_t head = is_func ? 0 : sizeof drop - 1, size = strlen(text);
        char *copy = berthi_arena_alloc(arena, head + size + 1);

        if (copy == NULL)
            return no_memory(m);
        memcpy(copy, drop, head);
        memcpy(copy + head, text, size + 1);
        rows[i].of = m->all;
        if (what->links != NULL)
            rows[i].link = what->links[at];
        else if (is_func)
            rows[i].func = what->funcs[at];
        else
            rows[i].resource = what->resources[at];
        names[i] = copy;
        calls[i] = is_func ? call_func : drop_object;
        selfs[i] = &rows[i];
    }
    m->all->tables[m->all->tables_count++] =
        (table){ name, { (uint32_t)sizeof(berth_import_v1), count, names, calls, selfs } };
    return BERTH_OK;
}

static berth_status add(const making *m, const berthi_host_need *need)
{
    berthi_arena *scratch = &m->all->arena;
    const found what = {
        .funcs = berthi_arena_array(scratch, need->funcs_count + 1u, sizeof *what.funcs),
        .resources =
            berthi_arena_array(scratch, need->resources_count + 1u, sizeof *what.resources),
    };
    berth_status status;

    if (what.funcs == NULL || what.resources == NULL)
        return no_memory(m);
    if (need->funcs_count + need->resources_count == 0)
        return BERTH_OK;
    status = berthi_host_find_native(m->host, need, &m->all->runtime->allocator, what.funcs,
                                     what.resources, m->diag);
    if (status == BERTH_E_REJECTED && m->links != NULL && need->name != NULL)
        berthi_diag_append(m->diag, "; what another bundle provides has to be in `requires`");
    return status == BERTH_OK ? fill(m, need, &what) : status;
}

/* ---------------------------------------------------------------- of other plugins */

static const berthi_cm_type *any_resource(void *ctx, uint32_t index)
{
    (void)index;
    return berthi_cm_resource(ctx, NULL);
}

/* The types are texts once they are agreed upon; what they were made of goes. */
static berth_status bind_all(const making *m, const berthi_host_need *need,
                             berthi_arena *scratch, const berthi_link **links)
{
    const berthi_name interface = berthi_name_of(need->name);
    berthi_cm_types types = {
        .arena = scratch, .diag = m->diag, .work = TYPES_WORK_MAX, .epoch = 1
    };
    berthi_cm_wit wit = { .types = &types,
                          .model = need->model,
                          .resource = any_resource,
                          .ctx = &types,
                          .made = berthi_cm_make(&types, need->model->types_count,
                                                 sizeof *wit.made) };
    berth_status status = wit.made == NULL ? no_memory(m) : BERTH_OK;

    if (status == BERTH_OK && need->resources_count != 0)
        return berthi_links_bind(m->links, interface, berthi_name_of(need->resources[0]), NULL,
                                 &links[0], m->diag);
    for (uint32_t i = 0; status == BERTH_OK && i < need->funcs_count; i++) {
        const berthi_cm_type *type = berthi_cm_wit_func(&wit, need->funcs[i]);

        status = type == NULL ? types.status
                              : berthi_links_bind(m->links, interface,
                                                  berthi_name_of(need->funcs[i]->name), type,
                                                  &links[i], m->diag);
    }
    return status;
}

static berth_status add_linked(const making *m, const berthi_host_need *need)
{
    const found what = { .links = berthi_arena_array(&m->all->arena, need->funcs_count + 1u,
                                                     sizeof *what.links) };
    berthi_arena scratch;
    berth_status status;

    if (what.links == NULL)
        return no_memory(m);
    berthi_arena_init(&scratch, &m->all->runtime->allocator, SIZE_MAX);
    status = bind_all(m, need, &scratch, what.links);
    berthi_arena_fini(&scratch);
    return status == BERTH_OK && need->funcs_count != 0 ? fill(m, need, &what) : status;
}

static void put_type(const making *m, uint32_t type, const char **resources,
                     berthi_host_need *need)
{
    if (m->plugin->model->types[type].kind == BERTHI_WIT_RESOURCE)
        resources[need->resources_count++] = m->plugin->model->types[type].name;
}

static berth_status add_interface(const making *m, const berthi_wit_extern *e)
{
    const berthi_wit_interface *it = &m->plugin->model->interfaces[e->index];
    berthi_arena *arena = &m->all->arena;
    const berthi_wit_func **funcs =
        berthi_arena_array(arena, it->funcs_count + 1u, sizeof *funcs);
    const char **resources = berthi_arena_array(arena, it->types_count + 1u, sizeof *resources);
    berthi_host_need need = { .name = e->name,
                              .model = m->plugin->model,
                              .package = it->package,
                              .funcs = funcs,
                              .resources = resources };

    if (funcs == NULL || resources == NULL)
        return no_memory(m);
    for (uint32_t i = 0; i < it->funcs_count; i++)
        funcs[need.funcs_count++] = &it->funcs[i];
    for (uint32_t i = 0; i < it->types_count; i++)
        put_type(m, it->types[i], resources, &need);
    if (berthi_links_cover(m->links, e->name, strlen(e->name)))
        return add_linked(m, &need);
    if (berthi_host_attached_of(m->host, BERTHI_HOST_WASI) != NULL &&
        berthi_is_wasi(e->name, strlen(e->name)))
        return berthi_fail(
            m->diag, BERTH_E_REJECTED,
            "import `%.128s`: WASI is for WebAssembly; a native plugin has the C "
            "library",
            e->name);
    return add(m, &need);
}

/* What the world imports by itself. */
static berth_status add_root(const making *m)
{
    const berthi_wit_world *world = m->plugin->world;
    berthi_arena *arena = &m->all->arena;
    const berthi_wit_func **funcs =
        berthi_arena_array(arena, world->imports_count + 1u, sizeof *funcs);
    const char **resources =
        berthi_arena_array(arena, world->imports_count + 1u, sizeof *resources);
    berthi_host_need need = { .model = m->plugin->model,
                              .package = world->package,
                              .funcs = funcs,
                              .resources = resources };

    if (funcs == NULL || resources == NULL)
        return no_memory(m);
    for (uint32_t i = 0; i < world->imports_count; i++) {
        const berthi_wit_extern *e = &world->imports[i];

        if (e->kind == BERTHI_WIT_EXTERN_FUNC)
            funcs[need.funcs_count++] = e->func;
        else if (e->kind == BERTHI_WIT_EXTERN_TYPE)
            put_type(m, e->index, resources, &need);
    }
    return add(m, &need);
}

static native_imports *start(berth_slot *slot, const char *plugin, bool is_checked)
{
    berthi_host_instance_options options = { .ctx = slot->options.host_ctx };
    berthi_arena arena;
    native_imports *all;

    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    all = berthi_arena_alloc(&arena, sizeof *all);
    options.plugin = berthi_arena_strndup(&arena, plugin, strlen(plugin));
    if (all == NULL || options.plugin == NULL)
        goto fail_memory;
    *all = (native_imports){ .head = { find, end },
                             .runtime = slot->runtime,
                             .arena = arena,
                             .is_checked = is_checked };
    if (berthi_lock_init(&all->lock, BERTHI_RANK_NATIVE) != 0)
        goto fail_memory;
    if (berthi_cond_init(&all->dropped) != 0)
        goto fail_cond;
    berthi_host_instance_init(&all->instance, &berthi_allocator_libc, &options);
    all->instance.lock = &all->lock;
    return all;

fail_cond:
    berthi_lock_fini(&all->lock);
fail_memory:
    berthi_arena_fini(&arena);
    return NULL;
}

berth_status berthi_native_imports_make(berth_slot *slot, const berthi_native_plugin *plugin,
                                        berthi_links *links, bool is_checked,
                                        berthi_native_imports **out, berth_diag *diag)
{
    const berthi_wit_world *world = plugin->world;
    making m = {
        .plugin = plugin, .host = slot->runtime->options.host, .links = links, .diag = diag
    };
    berth_status status;

    *out = NULL;
    if (world == NULL || world->imports_count == 0) /* a foreign plugin has no world */
        return BERTH_OK;
    m.all = start(slot, plugin->info.id, is_checked);
    if (m.all == NULL)
        return no_memory(&m);
    m.all->links = links;
    m.all->tables =
        berthi_arena_array(&m.all->arena, world->imports_count + 1u, sizeof *m.all->tables);
    status = m.all->tables == NULL ? no_memory(&m) : add_root(&m);
    for (uint32_t i = 0; status == BERTH_OK && i < world->imports_count; i++)
        if (world->imports[i].kind == BERTHI_WIT_EXTERN_INTERFACE)
            status = add_interface(&m, &world->imports[i]);
    if (status != BERTH_OK) {
        destroy(m.all);
        return status;
    }
    *out = &m.all->head;
    return BERTH_OK;
}
