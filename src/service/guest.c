/* guest.c - what host functions of core modules share.  Layer: service. */
#include "service/guest.h"

#include <string.h>

#include "base/diag.h"
#include "base/reply_arena.h"

enum { TYPES_MAX = 32 }; /* of one function, params and results */

const berthi_host_import *berthi_host_import_find(const berthi_host_module *const *modules,
                                                  berthi_name module, berthi_name name)
{
    for (; modules != NULL && *modules != NULL; modules++) {
        if (!berthi_name_is(module, (*modules)->name))
            continue;
        for (size_t i = 0; i < (*modules)->count; i++)
            if (berthi_name_is(name, (*modules)->functions[i].name))
                return &(*modules)->functions[i];
    }
    return NULL;
}

static bool is_type(const uint8_t *types, uint32_t params, uint32_t results, const char *text)
{
    const char *mark = strchr(text, ':');
    size_t size = strlen(text);

    if (params != (size_t)(mark - text) || params + results + 1 != size)
        return false;
    for (size_t i = 0; i < size; i++)
        if (text + i != mark &&
            types[text + i < mark ? i : i - 1] != berthi_wasm_type_of_letter(text[i]))
            return false;
    return true;
}

bool berthi_guest_find(const berthi_guest *g, const char *name, const char *type,
                       berthi_extern *func_out)
{
    uint8_t types[TYPES_MAX];
    uint32_t params, results;
    berthi_extern found;

    if (!g->ops->instance_export(g->store, g->handle, name, strlen(name), &found) ||
        found.kind != BERTHI_EXTERN_FUNC ||
        !g->ops->func_type(g->store, &found, types, sizeof types, &params, &results) ||
        !is_type(types, params, results, type))
        return false;
    *func_out = found;
    return true;
}

berth_status berthi_guest_reply(const berthi_guest *g, const berth_call *call, const void *data,
                                size_t size, berth_reply *reply, berth_diag *diag)
{
    void *to;

    if (size > g->output_bytes_max)
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_OUTPUT,
                                   "the reply has %zu bytes and %llu are allowed", size,
                                   (unsigned long long)g->output_bytes_max);
    to = berthi_reply_arena_alloc(call->arena, size);
    if (to == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "a reply of %zu bytes", size);
    if (size != 0)
        memcpy(to, data, size);
    *reply = (berth_reply){ .data = to, .size = size };
    return BERTH_OK;
}

static berth_status bad_config(size_t at, const char *why, berth_diag *diag)
{
    return berthi_fail(
        diag, BERTH_E_INVALID,
        "plugin_config is a JSON object of strings for this plugin; at byte %zu: %s", at, why);
}

berth_status berthi_guest_config(const berthi_guest *g, berthi_arena *arena,
                                 const berthi_json **object_out, berth_diag *diag)
{
    const berthi_json *object;
    berthi_json_error error;
    berth_status status;

    *object_out = NULL;
    if (g->config_size == 0)
        return BERTH_OK;
    status = berthi_json_read(g->config, g->config_size, arena, &object, &error);
    if (status == BERTH_E_NOMEM)
        return berthi_fail(diag, status, "the plugin's configuration");
    if (status != BERTH_OK)
        return bad_config(error.offset, error.why, diag);
    if (object->kind != BERTHI_JSON_OBJECT)
        return bad_config(object->at, "it is not an object", diag);
    for (const berthi_json *m = object->first; m != NULL; m = m->next)
        if (m->kind != BERTHI_JSON_STRING)
            return bad_config(m->at, "a value that is not a string", diag);
    *object_out = object;
    return BERTH_OK;
}

void berthi_guest_log(berthi_guest *g, uint32_t level, const char *text, size_t size)
{
    berthi_services_log(g->services, (int32_t)level, text, size);
}

berth_status berthi_guest_exit(uint32_t code, berth_diag *diag)
{
    (void)berthi_fail_because(diag, BERTH_E_TRAP, BERTH_REASON_EXIT, "it exited with %u",
                              (unsigned)code);
    if (diag != NULL)
        diag->os_code = (int32_t)code;
    return BERTH_E_TRAP;
}
