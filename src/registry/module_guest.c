/* module_guest.c - core modules that import from the host, and those of families.  Layer: registry.
 *
 * Such an instance has a berthi_guest (service/guest.h), which its host functions find.  What is bound to a
 * module's imports is found out when it is admitted, and bound once for its content.  Everything around
 * the call is that of other core modules, and their way into the byte ABI too, unless a family speaks
 * for the module; modules without imports have nothing of all this. */
#include "registry/hot.h"

#include "admit/family.h"
#include "service/preview1/preview1.h"

bool berthi_module_has_guest(const berthi_content *content)
{
    return content->linked != NULL || content->plugin.profile->family != NULL;
}

/* ---------------------------------------------------------------- binding */

/* "ii:i" as a type. */
static bool read_type(const char *text, berthi_arena *arena, berthi_functype *type_out)
{
    const char *mark = strchr(text, ':');
    size_t size = strlen(text) - 1;
    uint8_t *types = berthi_arena_alloc(arena, size == 0 ? 1 : size);

    if (types == NULL)
        return false;
    for (size_t i = 0; text[i] != '\0'; i++)
        if (text + i != mark)
            types[text + i < mark ? i : i - 1] = berthi_wasm_type_of_letter(text[i]);
    *type_out = (berthi_functype){ .params_count = (uint32_t)(mark - text),
                                   .results_count = (uint32_t)(size - (size_t)(mark - text)),
                                   .types = types };
    return true;
}

berth_status berthi_module_link(berth_runtime *rt, berthi_content *content, berth_diag *diag)
{
    const berthi_plugin *plugin = &content->plugin;
    berthi_wasm_binding *bindings;
    berthi_arena arena;
    berth_status status = BERTH_OK;

    if (plugin->imports_count == 0)
        return BERTH_OK;
    berthi_arena_init(&arena, &rt->allocator, SIZE_MAX);
    bindings = berthi_arena_array(&arena, plugin->imports_count, sizeof *bindings);
    for (uint32_t i = 0; bindings != NULL && i < plugin->imports_count; i++) {
        const berthi_host_import *from = plugin->imports[i];

        bindings[i].function = from->function;
        bindings[i].ctx = (void *)(uintptr_t)from;
        if (!read_type(from->type, &arena, &bindings[i].type))
            bindings = NULL;
    }
    status =
        bindings == NULL
            ? berthi_fail(diag, BERTH_E_NOMEM, "%u imports", (unsigned)plugin->imports_count)
            : rt->ops->module_link(content->module, bindings, plugin->imports_count,
                                   &content->linked, diag);
    berthi_arena_fini(&arena);
    return status;
}

/* ---------------------------------------------------------------- instances */

static size_t state_at(void)
{
    return (sizeof(berthi_guest) + 15) & ~(size_t)15;
}

static size_t hooks_at(const berth_version *v)
{
    const berthi_family *family = v->content->plugin.profile->family;

    return state_at() + (family == NULL ? 0 : (family->state_size + 15) & ~(size_t)15);
}

/* The guest, its family's state, and its hooks are one piece of memory. */
static size_t guest_bytes(const berth_version *v)
{
    const berthi_plugin *plugin = &v->content->plugin;

    return hooks_at(v) +
           (plugin->profile->family == NULL ? 0 : plugin->hooks_count * sizeof(berthi_extern));
}

static berth_status make_guest(berth_version *v, berthi_instance *i, berth_diag *diag)
{
    const berthi_family *family = v->content->plugin.profile->family;
    berthi_guest *g = berthi_zalloc(&v->runtime->allocator, guest_bytes(v));

    if (g == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "an instance");
    i->guest = g;
    *g = (berthi_guest){ .ops = v->ops,
                         .store = i->store,
                         .allocator = &v->runtime->allocator,
                         .config = v->slot->options.plugin_config,
                         .config_size = v->slot->options.plugin_config_size,
                         .output_bytes_max = v->output_bytes_max,
                         .host_ctx = v->slot->options.host_ctx,
                         .blocks = family == NULL ? NULL : family->blocks,
                         .state = (uint8_t *)g + state_at() };
    g->services = berthi_make_services(v);
    i->store->data = g;
    return g->services != NULL
               ? BERTH_OK
               : berthi_fail(diag, BERTH_E_NOMEM, "the services of an instance");
}

static void look_up(const berth_version *v, berthi_instance *i)
{
    const berthi_plugin *plugin = &v->content->plugin;
    berthi_guest *g = i->guest;
    berthi_extern *hooks = (berthi_extern *)(void *)((uint8_t *)g + hooks_at(v));
    bool is_there = i->ops->instance_export(i->store, i->handle, plugin->profile->memory,
                                            strlen(plugin->profile->memory), &g->memory);

    if (plugin->profile->family != NULL) {
        for (uint32_t h = 0; is_there && h < plugin->hooks_count; h++)
            is_there =
                i->ops->instance_export(i->store, i->handle, plugin->hooks[h].export_name,
                                        strlen(plugin->hooks[h].export_name), &hooks[h]);
        g->hooks = hooks;
        g->is_program = plugin->hooks_count > 0;
        for (uint32_t h = 0; h < plugin->hooks_count; h++)
            if (strcmp(plugin->hooks[h].export_name, "_start") != 0)
                g->is_program = false;
    }
    if (!is_there)
        berthi_panic("an admitted module has not the exports that it was admitted with");
    i->memory = g->memory;
    i->memory_name = plugin->profile->memory;
    i->look = i->ops->memory_view;
    i->view_is_old = true; /* as in instance.c */
    i->view_ages = !i->ops->memories_stay;
    g->handle = i->handle;
    g->is_begun = true;
}

berth_status berthi_module_initialize(berthi_instance *i, berth_diag *diag)
{
    static const char name[] = "_initialize";
    berthi_extern func;
    berth_status status;

    if (!i->ops->instance_export(i->store, i->handle, name, sizeof name - 1, &func))
        berthi_panic("an admitted module has no export '%s'", name);
    status = i->ops->call(i->store, &func, NULL, 0, diag);
    return status == BERTH_OK ? BERTH_OK : berthi_diag_prefix(diag, status, "%s", name);
}

berth_status berthi_module_open(berth_version *v, berthi_instance *i, berth_diag *diag)
{
    const berthi_content *content = v->content;
    const berthi_family *family = content->plugin.profile->family;
    berth_status status = make_guest(v, i, diag);

    /* I5: the start function, `_initialize` and what the family begins with share it. */
    i->ops->store_deadline(i->store, berthi_ticks(v->slot->options.probe_deadline_ns));
    if (status == BERTH_OK)
        status =
            content->linked != NULL
                ? i->ops->instantiate_linked(i->store, content->linked, &i->handle, diag)
                : i->ops->instantiate(i->store, content->module, NULL, 0, &i->handle, diag);
    if (status == BERTH_OK) {
        look_up(v, i);
        if (content->plugin.has_initialize)
            status = berthi_module_initialize(i, diag);
    }
    if (status == BERTH_OK && family != NULL && family->begin != NULL)
        status = family->begin(i->guest, diag);
    if (status != BERTH_OK)
        berthi_module_close(v, i);
    return status;
}

void berthi_module_close(berth_version *v, berthi_instance *i)
{
    const berthi_family *family = v->content->plugin.profile->family;
    berthi_guest *g = i->guest;

    if (g == NULL) /* there was no memory for it */
        return;
    if (g->services != NULL) {
        if (family != NULL && family->end != NULL)
            family->end(g);
        berthi_preview1_end(g);
        berthi_services_end(g->services);
    }
    berthi_free(&v->runtime->allocator, g, guest_bytes(v));
    i->guest = NULL;
}

/* ---------------------------------------------------------------- calls */

void berthi_module_deadline(berthi_instance *i, uint64_t now, uint64_t ticks)
{
    i->guest->services->deadline.until = now + ticks;
}

berth_status berthi_module_enter(const berthi_domain *d, berth_version *v, berthi_instance *i,
                                 uint32_t index, const berth_call *call, uint64_t ticks,
                                 berth_reply *reply, berth_diag *diag)
{
    const berthi_family *family = v->content->plugin.profile->family;
    berth_reply own = { .data = NULL };
    berth_status status;

    if (call->input_size > v->input_bytes_max)
        return berthi_fail_because(
            diag, BERTH_E_LIMIT, BERTH_REASON_INPUT,
            "the input has %zu bytes and the plugin's memory at most %llu", call->input_size,
            (unsigned long long)v->input_bytes_max);
    berthi_instance_deadline(d, i, ticks);
    status = family->enter(i->guest, index, call, &own, diag);
    i->guest->is_over |= i->guest->is_program;
    if (status != BERTH_OK)
        return berthi_instance_fault(v, index, status, diag);
    own.version = v->number;
    *reply = own;
    return BERTH_OK;
}
