/* plugin.c - which modules are filters of proxy-wasm, and how one begins and ends.  Layer: compat. */
#include "compat/proxywasm/proxywasm.h"

#include <stdio.h>

#include "compat/proxywasm/private.h"
#include "service/preview1/preview1.h"

/* ---------------------------------------------------------------- admission */

static const char prefix[] = "proxy_abi_version_";

static bool recognises(const berthi_wasm_info *info)
{
    for (uint32_t i = 0; i < info->exports_count; i++)
        if (info->exports[i].name.size >= sizeof prefix - 1 &&
            memcmp(info->exports[i].name.text, prefix, sizeof prefix - 1) == 0)
            return true;
    return false;
}

static const struct {
    const char *name, *type, *old_type; /* old_type: of ABI 0.1.0; NULL: the same */
} exports[PW_CALLBACKS] = {
    [PW_ON_CONTEXT_CREATE] = { "proxy_on_context_create", "ii:", NULL },
    [PW_ON_VM_START] = { "proxy_on_vm_start", "ii:i", NULL },
    [PW_ON_CONFIGURE] = { "proxy_on_configure", "ii:i", NULL },
    [PW_ON_TICK] = { "proxy_on_tick", "i:", NULL },
    [PW_ON_QUEUE_READY] = { "proxy_on_queue_ready", "ii:", NULL },
    [PW_ON_REQUEST_HEADERS] = { "proxy_on_request_headers", "iii:i", "ii:i" },
    [PW_ON_REQUEST_BODY] = { "proxy_on_request_body", "iii:i", NULL },
    [PW_ON_REQUEST_TRAILERS] = { "proxy_on_request_trailers", "ii:i", NULL },
    [PW_ON_RESPONSE_HEADERS] = { "proxy_on_response_headers", "iii:i", "ii:i" },
    [PW_ON_RESPONSE_BODY] = { "proxy_on_response_body", "iii:i", NULL },
    [PW_ON_RESPONSE_TRAILERS] = { "proxy_on_response_trailers", "ii:i", NULL },
    [PW_ON_DONE] = { "proxy_on_done", "i:i", NULL },
    [PW_ON_LOG] = { "proxy_on_log", "i:", NULL },
    [PW_ON_DELETE] = { "proxy_on_delete", "i:", NULL },
    [PW_ON_MEMORY_ALLOCATE] = { "proxy_on_memory_allocate", "i:i", NULL },
};

static const char *type_of(size_t which, bool is_old)
{
    return is_old && exports[which].old_type != NULL ? exports[which].old_type
                                                     : exports[which].type;
}

/* The one version that it is of; a finding when it is of another, or of two. */
static bool check_version(const berthi_wasm_info *info, berthi_scope scope, bool *is_old_out)
{
    static const char *const known[] = { "0_1_0", "0_2_0", "0_2_1" };
    uint32_t count = 0, found = 0;

    for (uint32_t i = 0; i < info->exports_count; i++) {
        berthi_name name = info->exports[i].name;

        if (name.size < sizeof prefix - 1 || memcmp(name.text, prefix, sizeof prefix - 1) != 0)
            continue;
        count++;
        for (size_t k = 0; k < 3; k++)
            if (name.size == sizeof prefix - 1 + 5 &&
                memcmp(name.text + sizeof prefix - 1, known[k], 5) == 0) {
                found++;
                *is_old_out = k == 0;
            }
    }
    if (count == 1 && found == 1)
        return true;
    berthi_find(scope, "abi", BERTHI_NO_OFFSET,
                count > 1 ? "it exports %u versions of the ABI, and is to be of one"
                          : "its version of the ABI is none of 0.1.0, 0.2.0 and 0.2.1 (%u)",
                (unsigned)count);
    return false;
}

static bool describe(const berthi_wasm_info *info, berthi_scope scope,
                     berthi_metadata *metadata_out)
{
    berthi_family_hook hooks[PW_CALLBACKS];
    uint32_t count = 0;
    bool is_old = false, is_known = check_version(info, scope, &is_old);

    for (size_t i = 0; is_known && i < PW_CALLBACKS; i++) {
        const berthi_wasm_export *e = berthi_wasm_find_export(info, exports[i].name);

        if (e == NULL && i == PW_ON_MEMORY_ALLOCATE)
            berthi_find(scope, "hook-export", BERTHI_NO_OFFSET, "it exports no `%s`",
                        exports[i].name);
        if (e == NULL)
            continue;
        if (e->kind != BERTHI_EXTERN_FUNC || !berthi_wasm_func_is(info, e, type_of(i, is_old)))
            berthi_find(scope, "hook-type", BERTHI_NO_OFFSET,
                        "`%s` has not the type that the ABI says", exports[i].name);
        else if (i >= PW_ON_REQUEST_HEADERS && i <= PW_ON_RESPONSE_TRAILERS)
            hooks[count++] = (berthi_family_hook){ e->name, e->name };
    }
    return berthi_describe(scope, "proxy-wasm", hooks, is_known ? count : 0, metadata_out);
}

/* ---------------------------------------------------------------- instances */

berth_status berthi_pw_call(berthi_guest *g, berthi_pw_callback which, const uint32_t *args,
                            size_t count, uint32_t *result, berth_diag *diag)
{
    const berthi_pw_func *f = &berthi_pw_of(g)->callbacks[which];
    berthi_val cells[3];
    berth_status status;

    if (!f->is_there)
        return BERTH_OK;
    for (size_t i = 0; i < count; i++)
        cells[i] = (berthi_val){ .i32 = (int32_t)args[i] };
    status = berthi_guest_call(g, &f->func, cells, count, diag);
    if (status != BERTH_OK)
        return berthi_diag_prefix(diag, status, "%s", exports[which].name);
    if (result != NULL)
        *result = (uint32_t)cells[0].i32;
    return BERTH_OK;
}

berth_status berthi_pw_tick(berthi_guest *g, berth_diag *diag)
{
    static const uint32_t root = PW_ROOT;
    berthi_pw_state *s = berthi_pw_of(g);
    uint64_t now;

    if (s->tick_ns == 0)
        return BERTH_OK;
    now = berthi_services_monotonic_ns(g->services);
    if (now - s->ticked_ns < s->tick_ns)
        return BERTH_OK;
    s->ticked_ns = now;
    s->effective = PW_ROOT;
    return berthi_pw_call(g, PW_ON_TICK, &root, 1, NULL, diag);
}

static berth_status begin_root(berthi_guest *g, berth_diag *diag)
{
    const uint32_t root[] = { PW_ROOT, 0 };
    const uint32_t configured[] = { PW_ROOT, (uint32_t)g->config_size };
    uint32_t is_well = 1;
    berth_status status = berthi_pw_call(g, PW_ON_CONTEXT_CREATE, root, 2, NULL, diag);

    if (status == BERTH_OK)
        status = berthi_pw_call(g, PW_ON_VM_START, root, 2, &is_well, diag);
    if (status == BERTH_OK && is_well == 0)
        return berthi_fail(diag, BERTH_E_REJECTED, "proxy_on_vm_start said no");
    if (status == BERTH_OK)
        status = berthi_pw_call(g, PW_ON_CONFIGURE, configured, 2, &is_well, diag);
    if (status == BERTH_OK && is_well == 0)
        return berthi_fail(diag, BERTH_E_REJECTED,
                           "proxy_on_configure does not take the slot's plugin_config");
    return status;
}

static berth_status begin(berthi_guest *g, berth_diag *diag)
{
    berthi_pw_state *s = berthi_pw_of(g);
    berthi_extern old;

    s->contexts = s->effective = PW_ROOT;
    s->is_old = berthi_guest_find(g, "proxy_abi_version_0_1_0", ":", &old);
    for (size_t i = 0; i < PW_CALLBACKS; i++)
        s->callbacks[i].is_there =
            berthi_guest_find(g, exports[i].name, type_of(i, s->is_old), &s->callbacks[i].func);
    return begin_root(g, diag);
}

static berth_status enter(berthi_guest *g, uint32_t hook, const berth_call *call,
                          berth_reply *reply, berth_diag *diag)
{
    (void)g;
    (void)hook;
    (void)call;
    (void)reply;
    return berthi_fail(diag, BERTH_E_PLUGIN,
                       "a filter of proxy-wasm takes requests, by berth_slot_http_filter()");
}

static void end(berthi_guest *g)
{
    berthi_pw_state *s = berthi_pw_of(g);

    berthi_pw_exchange_end(g);
    berthi_pw_map_end(g, &s->shared);
    berthi_pw_map_end(g, &s->properties);
    berthi_pw_map_end(g, &s->metrics);
    for (uint32_t i = 0; i < s->queues_count; i++) {
        berthi_pw_text_end(g, &s->queues[i].name);
        for (uint32_t k = 0; k < PW_QUEUED_MAX; k++)
            berthi_pw_text_end(g, &s->queues[i].items[k]);
    }
    berthi_free(g->allocator, s->queues, PW_QUEUES_MAX * sizeof *s->queues);
}

static const berthi_family family = { .says = "it exports `proxy_abi_version_...`",
                                      .state_size = sizeof(berthi_pw_state),
                                      .recognises = recognises,
                                      .describe = describe,
                                      .begin = begin,
                                      .enter = enter,
                                      .http = berthi_pw_http,
                                      .end = end };
static const berthi_host_module *const imports[] = { &berthi_pw_module, &berthi_preview1_module,
                                                     NULL };
static const char *const kinds[] = { "http-filter", NULL };

const berthi_profile berthi_profile_proxywasm = { .id = "proxy-wasm/0.2",
                                                  .memory = "memory",
                                                  .imports = imports,
                                                  .calls_initialize = true,
                                                  .kinds = kinds,
                                                  .family = &family };
