/* host.c - what scripts may import (the corpus' README says what it does). */
#include "runner.h"

#include <stdlib.h>
#include <string.h>

#include "component/plan/transcode.h"
#include "wasm_builder.h"

/* What tells resource types apart is an address. */
static const char resource1, resource2;

/* ---------------------------------------------------------------- functions */

typedef struct resource_and_rep {
    uint64_t resource;
    uint32_t rep;
} resource_and_rep;

static berth_status return_two(void *ctx, berthi_cm_host_call *call, const void *args,
                               void *result, berth_diag *diag)
{
    (void)ctx, (void)call, (void)args, (void)diag;
    *(uint32_t *)result = 2;
    return BERTH_OK;
}

static berth_status return_three(void *ctx, berthi_cm_host_call *call, const void *args,
                                 void *result, berth_diag *diag)
{
    (void)ctx, (void)call, (void)args, (void)diag;
    *(uint32_t *)result = 3;
    return BERTH_OK;
}

static berth_status return_four(void *ctx, berthi_cm_host_call *call, const void *args,
                                void *result, berth_diag *diag)
{
    (void)ctx, (void)call, (void)args, (void)diag;
    *(uint32_t *)result = 4;
    return BERTH_OK;
}

static berth_status return_hi(void *ctx, berthi_cm_host_call *call, const void *args,
                              void *result, berth_diag *diag)
{
    (void)ctx, (void)call, (void)args, (void)diag;
    *(berthi_cm_host_string *)result = (berthi_cm_host_string){ "hi", 2 };
    return BERTH_OK;
}

static berth_status construct(void *ctx, berthi_cm_host_call *call, const void *args,
                              void *result, berth_diag *diag)
{
    (void)ctx, (void)call, (void)diag;
    *(uint64_t *)result = *(const uint32_t *)args;
    return BERTH_OK;
}

static berth_status must_be(void *ctx, berthi_cm_host_call *call, const void *args,
                            void *result, berth_diag *diag)
{
    const resource_and_rep *a = args;

    (void)ctx, (void)call, (void)result;
    return a->resource == a->rep
               ? BERTH_OK
               : berthi_fail_because(diag, BERTH_E_TRAP, BERTH_REASON_HOST, "another resource");
}

static berth_status count_drops(void *ctx, berthi_cm_host_call *call, const void *args,
                                void *result, berth_diag *diag)
{
    (void)call, (void)args, (void)diag;
    *(uint32_t *)result = ((const runner_host *)ctx)->drops;
    return BERTH_OK;
}

static berth_status last_drop(void *ctx, berthi_cm_host_call *call, const void *args,
                              void *result, berth_diag *diag)
{
    (void)call, (void)args, (void)diag;
    *(uint32_t *)result = ((const runner_host *)ctx)->last_drop;
    return BERTH_OK;
}

static berth_status take(void *ctx, berthi_cm_host_call *call, const void *args, void *result,
                         berth_diag *diag)
{
    (void)ctx, (void)call, (void)args, (void)result, (void)diag;
    return BERTH_OK;
}

static void drop1(void *ctx, berthi_cm_host_call *call, uint32_t rep)
{
    runner_host *host = ctx;

    (void)call;
    host->drops++;
    host->last_drop = rep;
}

/* Types: u a u32, s a string, o and b an own or a borrow of resource1. */
static const struct {
    const char *path, *params, *result;
    berthi_cm_host_function function;
} functions[] = {
    { "host-return-two", "", "u", return_two },
    { "host.return-three", "", "u", return_three },
    { "host.nested.return-four", "", "u", return_four },
    { "host.return-hi", "", "s", return_hi },
    { "host.[constructor]resource1", "u", "o", construct },
    { "host.[static]resource1.assert", "ou", "", must_be },
    { "host.[static]resource1.drops", "", "u", count_drops },
    { "host.[static]resource1.last-drop", "", "u", last_drop },
    { "host.[method]resource1.simple", "bu", "", must_be },
    { "host.[method]resource1.take-borrow", "bb", "", take },
    { "host.[method]resource1.take-own", "bo", "", take },
};

/* ---------------------------------------------------------------- linking */

static bool type_is(const runner_host *host, const berthi_cm_type *type, char letter)
{
    uint32_t number;

    if (letter == 'u')
        return type->kind == BERTHI_CM_U32;
    if (letter == 's')
        return type->kind == BERTHI_CM_STRING;
    if (type->kind != (letter == 'o' ? BERTHI_CM_OWN : BERTHI_CM_BORROW))
        return false;
    number = type->items[0].type->canon->number;
    return number < sizeof host->identities / sizeof *host->identities &&
           host->identities[number] == &resource1;
}

static bool function_is(const runner_host *host, const berthi_cm_type *func, const char *params,
                        const char *result)
{
    const berthi_cm_type *returned = berthi_cm_func_result(func);

    if (func->count - 1 != strlen(params) || (returned == NULL) != (result[0] == '\0'))
        return false;
    for (uint32_t n = 0; n + 1 < func->count; n++)
        if (!type_is(host, func->items[n].type->canon, params[n]))
            return false;
    return returned == NULL || type_is(host, returned->canon, result[0]);
}

static void path_of(const berthi_cm_need *need, char *text, size_t room)
{
    size_t at = 0;

    for (uint32_t n = 0; n < need->path_count; n++) {
        if (n > 0 && at + 1 < room)
            text[at++] = '.';
        for (uint32_t k = 0; k < need->path[n].size && at + 1 < room; k++)
            text[at++] = need->path[n].text[k];
    }
    text[at] = '\0';
}

static const runner_named *find_named(const runner_host *host, berthi_name name)
{
    for (uint32_t n = host->named_count; n-- > 0;)
        if (strlen(host->named[n].name) == name.size &&
            memcmp(host->named[n].name, name.text, name.size) == 0)
            return &host->named[n];
    return NULL;
}

/* An export of an instance of the same script: a core module or a resource type. */
static bool bind_named(const runner_host *host, const berthi_cm_need *need,
                       berthi_cm_binding *out)
{
    const runner_named *named = need->path_count == 2 ? find_named(host, need->path[0]) : NULL;
    const berthi_cm_steps *steps = named == NULL ? NULL : named->loaded->steps;

    for (uint32_t n = 0; named != NULL && n < steps->exports_count; n++) {
        const berthi_cm_export *e = &steps->exports[n];

        if (e->name.size != need->path[1].size || e->sort != need->sort ||
            memcmp(e->name.text, need->path[1].text, e->name.size) != 0)
            continue;
        if (e->sort == BERTHI_CM_CORE_MODULE) {
            const berthi_cm_module *module = &steps->modules[e->index];

            out->module = named->loaded->modules[e->index];
            out->module_info = module->info != NULL
                                   ? module->info
                                   : named->loaded->bindings[module->need].module_info;
        } else {
            out->identity = &steps->resources[e->index];
        }
        return true;
    }
    return false;
}

static bool bind_resource(runner_host *host, const char *path, berthi_cm_binding *out)
{
    out->ctx = host;
    if (strcmp(path, "host.resource1") == 0 || strcmp(path, "host.resource1-again") == 0) {
        out->identity = &resource1;
        out->destructor = drop1;
    } else if (strcmp(path, "host.resource2") == 0) {
        out->identity = &resource2;
    }
    return out->identity != NULL;
}

static bool bind_function(runner_host *host, const char *path, const berthi_cm_type *type,
                          berthi_cm_binding *out)
{
    for (size_t n = 0; n < sizeof functions / sizeof *functions; n++)
        if (strcmp(path, functions[n].path) == 0) {
            out->function = functions[n].function;
            out->ctx = host;
            return function_is(host, type, functions[n].params, functions[n].result);
        }
    return false;
}

berth_status host_resolve(void *ctx, const berthi_cm_steps *steps, const berthi_cm_need *need,
                          berthi_cm_binding *binding_out, berth_diag *diag)
{
    runner_host *host = ctx;
    char path[256];
    bool found;

    if (host->steps != steps) {
        host->steps = steps;
        memset(host->identities, 0, sizeof host->identities);
    }
    path_of(need, path, sizeof path);
    found = bind_named(host, need, binding_out);
    if (!found && need->sort == BERTHI_CM_TYPE)
        found = bind_resource(host, path, binding_out);
    else if (!found && need->sort == BERTHI_CM_FUNC)
        found = bind_function(host, path, need->type, binding_out);
    else if (!found && strcmp(path, "host.simple-module") == 0) {
        binding_out->module = host->module;
        binding_out->module_info = &host->module_info;
        found = true;
    }
    if (found && need->sort == BERTHI_CM_TYPE && !need->is_again &&
        need->resource < sizeof host->identities / sizeof *host->identities)
        host->identities[need->resource] = binding_out->identity;
    if (!found && need->is_again)
        return BERTH_E_ABSENT;
    return found ? BERTH_OK
                 : berthi_fail(diag, BERTH_E_REJECTED,
                               "import `%s` was not found, or is of another type", path);
}

/* ---------------------------------------------------------------- the host's module */

bool host_init(runner_host *host, const berth_allocator *allocator, berthi_wasm_engine *engine,
               berth_diag *diag)
{
    static const uint8_t returns_101[] = { 0x41, 0xe5, 0x00 };
    bertht_wasm m = { 0 };
    uint8_t *bytes;
    size_t size;
    bool good;

    *host = (runner_host){ .drops = 0 };
    berthi_arena_init(&host->arena, allocator, SIZE_MAX);
    wasm_global_i32(&m, false, 100);
    wasm_export(&m, "g", BERTHI_EXTERN_GLOBAL, 0);
    wasm_export(&m, "f", BERTHI_EXTERN_FUNC,
                wasm_func(&m, ":i", returns_101, sizeof returns_101));
    bytes = wasm_finish(&m, &size);
    wasm_free(&m);
    good = engine->ops->module_compile(engine, bytes, size, &host->module, diag) == BERTH_OK;
    if (good) {
        uint8_t *kept = berthi_arena_alloc(&host->arena, size);

        memcpy(kept, bytes, size);
        good = berthi_wasm_read(kept, size, &host->arena, &host->module_info, diag) == BERTH_OK;
    }
    free(bytes);
    return good;
}

void host_fini(runner_host *host)
{
    if (host->module != NULL)
        host->module->ops->module_unref(host->module);
    berthi_arena_fini(&host->arena);
}
