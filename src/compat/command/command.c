/* command.c - the family of programs of WASI preview 1.  Layer: compat. */
#include "compat/command/command.h"

#include "service/preview1/preview1.h"

static const berthi_wasm_export *find_start(const berthi_wasm_info *info)
{
    const berthi_wasm_export *e = berthi_wasm_find_export(info, "_start");

    return e != NULL && e->kind == BERTHI_EXTERN_FUNC && berthi_wasm_func_is(info, e, ":")
               ? e
               : NULL;
}

/* Programs of other systems have a `_start` too, and import more. */
static bool recognises(const berthi_wasm_info *info)
{
    const berthi_name preview1 = berthi_name_of(berthi_preview1_module.name);

    for (uint32_t i = 0; i < info->imports_count; i++)
        if (info->imports[i].module.size != preview1.size ||
            memcmp(info->imports[i].module.text, preview1.text, preview1.size) != 0)
            return false;
    return find_start(info) != NULL;
}

static bool describe(const berthi_wasm_info *info, berthi_scope scope,
                     berthi_metadata *metadata_out)
{
    const berthi_family_hook hook = { berthi_name_of("run"), find_start(info)->name };

    return berthi_describe(scope, "program", &hook, 1, metadata_out);
}

static berth_status enter(berthi_guest *g, uint32_t hook, const berth_call *call,
                          berth_reply *reply, berth_diag *diag)
{
    berth_diag own = { 0 };
    berth_status status;

    status = berthi_guest_call(g, &g->hooks[hook], NULL, 0, &own);
    if (berthi_guest_ended_well(status, &own))
        return berthi_guest_reply(g, call, NULL, 0, reply, diag);
    if (diag != NULL)
        *diag = own;
    return status;
}

static const berthi_family family = { .says = "it exports `_start` and imports nothing but "
                                              "`wasi_snapshot_preview1`",
                                      .recognises = recognises,
                                      .describe = describe,
                                      .enter = enter };
static const char *const kinds[] = { "command", NULL };
static const berthi_host_module *const imports[] = { &berthi_preview1_module, NULL };

const berthi_profile berthi_profile_command = { .id = "wasi-command/1",
                                                .memory = "memory",
                                                .imports = imports,
                                                .kinds = kinds,
                                                .family = &family };
