/* component_guest.c - guests that are components: loaded, instantiated, called.  Layer: registry.
 *
 * A component is called through its types where a core module is called through a profile's byte
 * ABI; everything around the call is the same, so that a slot may swap one for the other.  The reply
 * is looked at where the guest put it, and copied once. */
#include "registry/hot.h"

#include "base/utf8.h"
#include "component/run/host_call.h"
#include "service/services.h"
#include "service/wasi/wasi_serve.h"

enum { INTERFACE_NAME_MAX = 256 };

/* A contract's own name finds the export that keeps it, in whichever version that is. */
static const char *export_of(const berthi_plugin *plugin, const char *interface)
{
    return plugin->contract != NULL && strcmp(plugin->contract, interface) == 0
               ? plugin->contract_export
               : interface;
}

bool berthi_component_find(const berthi_content *content, const char *name,
                           berthi_cm_func *func_out)
{
    const char *mark = strchr(name, '#');
    char interface[INTERFACE_NAME_MAX + 1];

    if (mark == NULL)
        return berthi_cm_loaded_func(content->component->loaded, NULL, name, func_out);
    if ((size_t)(mark - name) >= sizeof interface)
        return false;
    memcpy(interface, name, (size_t)(mark - name));
    interface[mark - name] = '\0';
    return berthi_cm_loaded_func(content->component->loaded,
                                 export_of(&content->plugin, interface), mark + 1, func_out);
}

static bool find_http(const berthi_content *content, berthi_cm_func *func_out)
{
    const berthi_cm_loaded *loaded = content->component->loaded;
    char name[INTERFACE_NAME_MAX + 1];
    berthi_name handler;

    if (!berthi_wasi_serves_http(berthi_cm_loaded_steps(loaded), &handler) ||
        handler.size >= sizeof name)
        return false;
    memcpy(name, handler.text, handler.size);
    name[handler.size] = '\0';
    return berthi_cm_loaded_func(loaded, name, "handle", func_out);
}

bool berthi_component_has_drop(const berthi_content *content, const char *name)
{
    const char *mark = strstr(name, BERTHI_DROP_MARK);
    char interface[INTERFACE_NAME_MAX + 1];

    if (mark == NULL || (size_t)(mark - name) >= sizeof interface)
        return false;
    memcpy(interface, name, (size_t)(mark - name));
    interface[mark - name] = '\0';
    return berthi_cm_loaded_has_resource(content->component->loaded,
                                         export_of(&content->plugin, interface),
                                         mark + strlen(BERTHI_DROP_MARK));
}

berth_status berthi_component_load(berth_runtime *rt, berthi_content *content,
                                   const uint8_t *bytes, size_t size, berth_diag *diag)
{
    const berthi_plugin *plugin = &content->plugin;
    berth_status status;

    status = berthi_component_take(rt, bytes, size, content->digest, content->links,
                                   &content->component, diag);
    if (status != BERTH_OK)
        return status;
    if (!find_http(content, &content->http))
        content->http.type = NULL;
    content->funcs =
        berthi_arena_array(&content->arena, plugin->hooks_count, sizeof *content->funcs);
    if (content->funcs == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "the hooks of a component");
    for (uint32_t h = 0; h < plugin->hooks_count; h++)
        if (!berthi_component_find(content, plugin->hooks[h].export_name, &content->funcs[h]) ||
            !berthi_component_is_hook(content->funcs[h].type))
            berthi_panic("an admitted component has no function '%s'",
                         plugin->hooks[h].export_name);
    return BERTH_OK;
}

berthi_services *berthi_make_services(const berth_version *v)
{
    const berth_slot *slot = v->slot;
    const berth_runtime *rt = v->runtime;
    const berthi_service_owner owner = { .tenant = slot->tenant->name,
                                         .slot = slot->name,
                                         .plugin = v->content->plugin.name,
                                         .report = rt->options.reporter,
                                         .report_ctx = rt->options.reporter_ctx };
    berthi_services *s = berthi_services_make(&rt->allocator, slot->options.grants, &owner);

    if (s == NULL)
        return NULL;
    s->deadline = (berthi_deadline){ .tick = &rt->domain.tick,
                                     .tick_ns = BERTHI_TICK_NS,
                                     .until = atomic_load_explicit(&rt->domain.tick,
                                                                   memory_order_relaxed) +
                                              berthi_ticks(slot->options.probe_deadline_ns) };
    return s;
}

/* What the host's functions need of an instance that calls them. */
static berth_status make_host_instance(const berth_version *v, berthi_instance *i,
                                       berth_diag *diag)
{
    const berth_allocator *a = &v->runtime->allocator;
    berthi_host_instance_options options = { .plugin = v->content->plugin.name,
                                             .ctx = v->slot->options.host_ctx };

    if (berthi_cm_loaded_steps(v->content->component->loaded)->needs_count == 0)
        return BERTH_OK;
    if (v->content->component->asks_services) {
        i->services = options.services = berthi_make_services(v);
        if (i->services == NULL)
            return berthi_fail(diag, BERTH_E_NOMEM, "the services of an instance");
    }
    i->host = berthi_alloc(a, sizeof *i->host);
    if (i->host == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "an instance");
    berthi_host_instance_init(i->host, a, &options);
    i->host->until_tick = atomic_load_explicit(&v->runtime->domain.tick, memory_order_relaxed) +
                          berthi_ticks(v->slot->options.probe_deadline_ns);
    return BERTH_OK;
}

/* Objects of the host that the plugin still held are destroyed here. */
static void end_host_instance(const berth_version *v, berthi_instance *i)
{
    if (i->host != NULL)
        berthi_host_instance_fini(i->host);
    berthi_free(&v->runtime->allocator, i->host, sizeof *i->host);
    berthi_services_end(i->services);
}

berth_status berthi_component_open(berth_version *v, berthi_instance *i, berth_diag *diag)
{
    const berthi_content *content = v->content;
    const berth_slot_options *opt = &v->slot->options;
    const berthi_cm_steps *steps = berthi_cm_loaded_steps(content->component->loaded);
    uint32_t memories = content->component->memories == 0 ? 1 : content->component->memories;
    /* The bound of an instance holds for all its memories together, so each has its part. */
    const berthi_cm_limits limits = {
        .store = { .memory_bytes_max = opt->memory_bytes_max / memories,
                   .table_elements_max = v->runtime->options.table_elements_max,
                   .instances_max = steps->core_instances_count,
                   .memories_max = memories,
                   .tables_max = content->component->tables },
        .result_bytes_max = opt->output_bytes_max
    };

    berth_status status = make_host_instance(v, i, diag);

    if (status == BERTH_OK)
        status = berthi_cm_instance_create(content->component->loaded, &limits,
                                           berthi_ticks(opt->probe_deadline_ns), i->host,
                                           &i->component, diag);
    if (status != BERTH_OK)
        end_host_instance(v, i);
    return status;
}

void berthi_component_close(berth_version *v, berthi_instance *i)
{
    berthi_cm_instance_destroy(i->component);
    end_host_instance(v, i);
}

/* result<list<u8>, string> in host layout. */
typedef struct hook_result {
    uint8_t is_error;
    struct {
        const void *data;
        size_t size;
    } bytes;
} hook_result;

/* What is unusual about a result. */
__attribute__((noinline, cold)) static berth_status refuse_result(const berth_version *v,
                                                                  uint32_t index,
                                                                  const hook_result *result,
                                                                  berth_diag *diag)
{
    const char *name = v->content->plugin.hooks[index].export_name;
    char shown[sizeof diag->text];

    if (result->is_error)
        return berthi_fail(
            diag, BERTH_E_PLUGIN, "%s: %s", name,
            berthi_utf8_show(shown, sizeof shown, result->bytes.data, result->bytes.size));
    if (result->bytes.size > v->output_bytes_max)
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_OUTPUT,
                                   "%s: the reply has %zu bytes and %llu are allowed", name,
                                   result->bytes.size, (unsigned long long)v->output_bytes_max);
    return berthi_fail(diag, BERTH_E_NOMEM, "a reply of %zu bytes", result->bytes.size);
}

/* Copies the reply; NULL: refuse_result() says why not. */
static inline void *take_result(const berth_version *v, const hook_result *result,
                                const berth_call *call)
{
    void *data;

    if (BERTHI_UNUSUAL(result->is_error || result->bytes.size > v->output_bytes_max))
        return NULL;
    data = berthi_reply_arena_alloc(call->arena, result->bytes.size);
    if (data != NULL && result->bytes.size != 0)
        memcpy(data, result->bytes.data, result->bytes.size);
    return data;
}

void berthi_component_deadline(berth_version *v, berthi_instance *i, uint64_t ticks)
{
    uint64_t now = atomic_load_explicit(&v->runtime->domain.tick, memory_order_relaxed);

    /* As berthi_instance_deadline() in hot.h, which says why once a tick is enough. */
    if (i->deadline_tick != now || i->deadline_ticks != ticks) {
        berthi_cm_instance_deadline(i->component, ticks);
        i->deadline_tick = now;
        i->deadline_ticks = ticks;
        if (i->host != NULL)
            i->host->until_tick = now + ticks;
        if (i->services != NULL)
            i->services->deadline.until = now + ticks;
    }
}

berth_status berthi_component_enter(berth_version *v, berthi_instance *i, uint32_t index,
                                    const berth_call *call, uint64_t ticks, berth_reply *reply,
                                    berth_diag *diag)
{
    const berthi_cm_host_list input = { call->input, call->input_size };
    berth_status status = BERTH_OK, ended;
    hook_result result;
    size_t size;
    void *data;

    if (BERTHI_UNUSUAL(call->input_size > v->input_bytes_max))
        return berthi_fail_because(
            diag, BERTH_E_LIMIT, BERTH_REASON_INPUT,
            "the input has %zu bytes and the plugin's memory at most %llu", call->input_size,
            (unsigned long long)v->input_bytes_max);
    berthi_component_deadline(v, i,
                              ticks); /* I5: realloc, the function and post-return share it */
    status = berthi_cm_call_begin(i->component, &v->content->funcs[index], &input, &result,
                                  call->arena, diag);
    if (BERTHI_UNUSUAL(status != BERTH_OK))
        return berthi_instance_fault(v, index, status, diag);
    size = result.bytes.size;
    data = take_result(v, &result, call);
    if (BERTHI_UNUSUAL(data == NULL))
        status = refuse_result(v, index, &result, diag);
    ended = berthi_cm_call_end(i->component, diag);
    if (BERTHI_UNUSUAL(ended != BERTH_OK))
        return berthi_instance_fault(v, index, ended, diag);
    /* Made of what is in registers: a struct that was put together word by word and is copied by
     * wider moves makes the processor wait for its own stores. */
    if (BERTHI_UNUSUAL(data == NULL))
        return status;
    *reply = (berth_reply){ .data = data, .size = size, .version = v->number };
    return BERTH_OK;
}
