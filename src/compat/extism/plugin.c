/* plugin.c - what an Extism plugin is, and how it is called.  Layer: compat. */
#include "admit/describe.h"
#include "admit/family.h"
#include "compat/extism/extism.h"
#include "compat/extism/private.h"
#include "base/utf8.h"
#include "service/preview1/preview1.h"

#define MODULE "extism:host/env"

enum { CONFIG_ROOM_MAX = 64 << 20 }; /* its text has at most 1 MiB */

/* ---------------------------------------------------------------- what it is */

/* Before 1.0 the functions were of `env`, and named so. */
static const berthi_wasm_import *find_old(const berthi_wasm_info *info)
{
    for (uint32_t i = 0; i < info->imports_count; i++)
        if (berthi_name_is(info->imports[i].module, "env") &&
            berthi_name_starts(info->imports[i].name, "extism_"))
            return &info->imports[i];
    return NULL;
}

static bool recognises(const berthi_wasm_info *info)
{
    return berthi_imports_from(info, MODULE) || find_old(info) != NULL;
}

/* Functions that tool-chains export for whoever starts the module; `_start` is called where there is
 * nothing else, for a program is a plugin of one function. */
static bool is_of_tools(berthi_name name)
{
    static const char *const names[] = { "_start", "_initialize", "hs_init", "hs_exit" };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (berthi_name_is(name, names[i]))
            return true;
    return berthi_name_starts(name, "__");
}

static bool is_callable(const berthi_wasm_info *info, const berthi_wasm_export *e)
{
    return e->kind == BERTHI_EXTERN_FUNC &&
           (berthi_wasm_func_is(info, e, ":i") || berthi_wasm_func_is(info, e, ":"));
}

static bool describe(const berthi_wasm_info *info, berthi_scope scope,
                     berthi_metadata *metadata_out)
{
    const berthi_wasm_export *start = berthi_wasm_find_export(info, "_start");
    const berthi_wasm_import *old = find_old(info);
    berthi_family_hook hooks[BERTHI_HOOKS_MAX];
    uint32_t count = 0;

    if (old != NULL)
        berthi_find(
            scope, "abi-version", BERTHI_NO_OFFSET,
            "it was built for Extism before 1.0 (it imports `env` `%s`); build it with a "
            "plug-in kit of 1.0 or newer",
            BERTHI_SHOW_NAME(old->name));
    for (uint32_t i = 0; i < info->exports_count; i++) {
        const berthi_wasm_export *e = &info->exports[i];

        if (is_of_tools(e->name) || !is_callable(info, e))
            continue;
        if (count < BERTHI_HOOKS_MAX)
            hooks[count] = (berthi_family_hook){ e->name, e->name };
        count++;
    }
    if (count == 0 && start != NULL && is_callable(info, start))
        hooks[count++] = (berthi_family_hook){ start->name, start->name };
    return berthi_describe(scope, "extism", hooks, count, metadata_out);
}

/* ---------------------------------------------------------------- how it lives */

void berthi_extism_state_begin(berthi_guest *g)
{
    extism_state *s = g->state;

    berthi_extism_blocks_init(&s->blocks, g->services);
    berthi_arena_init(&s->arena, g->allocator, CONFIG_ROOM_MAX);
}

/* What runtimes of languages want to have been called first, where `_initialize` was not. */
static berth_status initialize(berthi_guest *g, const char *name, const char *type,
                               berth_diag *diag)
{
    berthi_val cells[2] = { { .i32 = 0 }, { .i32 = 0 } };
    berthi_extern init;
    berth_status status;

    if (!berthi_guest_find(g, name, type, &init))
        return BERTH_OK;
    status = berthi_guest_call(g, &init, cells, 2, diag);
    return status == BERTH_OK ? BERTH_OK : berthi_diag_prefix(diag, status, "%s", name);
}

static berth_status begin(berthi_guest *g, berth_diag *diag)
{
    berth_status status = berthi_extism_read_config(g, diag);
    berthi_extern init;

    if (status == BERTH_OK && !berthi_guest_find(g, "_initialize", ":", &init))
        status = initialize(g, "__wasm_call_ctors", ":", diag);
    return status == BERTH_OK ? initialize(g, "hs_init", "ii:", diag) : status;
}

static void end(berthi_guest *g)
{
    berthi_extism_end_http(berthi_extism_state_of(g));
    berthi_extism_end_values(g);
    berthi_extism_blocks_end(&berthi_extism_state_of(g)->blocks);
}

/* ---------------------------------------------------------------- calls */

static berth_status put_input(extism_state *s, const berth_call *call, berth_diag *diag)
{
    berthi_val at;
    berth_status status;

    berthi_extism_blocks_reset(&s->blocks);
    s->output = s->output_size = s->error = 0;
    status = berthi_extism_give(s, call->input, call->input_size, &at, diag);
    if (status != BERTH_OK)
        return status;
    s->input = (uint64_t)at.i64;
    s->input_size = call->input_size;
    return BERTH_OK;
}

/* The plugin said why. */
static berth_status tell_error(const extism_state *s, berth_status status, berth_diag *diag)
{
    uint64_t size = berthi_extism_blocks_size(&s->blocks, s->error);
    char shown[sizeof diag->text];

    if (size == 0)
        return status;
    (void)berthi_utf8_show(shown, sizeof shown,
                           berthi_extism_blocks_span(&s->blocks, s->error, size), size);
    if (status == BERTH_OK)
        return berthi_fail(diag, BERTH_E_PLUGIN, "%s", shown);
    berthi_diag_append(diag, "; it said: %s", shown);
    return status;
}

/* The plugin's words are in the reply or in `diag`, for its blocks are gone when this has returned. */
static berth_status run(berthi_guest *g, uint32_t hook, const berth_call *call,
                        berth_reply *reply, berth_diag *diag)
{
    extism_state *s = berthi_extism_state_of(g);
    berthi_val answer = { .i32 = 0 };
    berth_diag own, *why = diag != NULL ? diag : &own;
    berth_status status = berthi_guest_call(g, &g->hooks[hook], &answer, 1, why);

    if (status == BERTH_E_TRAP && why->reason == BERTH_REASON_EXIT) {
        g->is_over = true;
        answer.i32 = why->os_code;
        status = BERTH_OK;
    }
    status = tell_error(s, status, diag);
    if (status != BERTH_OK)
        return status;
    if (answer.i32 != 0)
        return berthi_fail(diag, BERTH_E_PLUGIN, "it answered %d", answer.i32);
    return berthi_guest_reply(
        g, call,
        s->output_size == 0 ? NULL
                            : berthi_extism_blocks_span(&s->blocks, s->output, s->output_size),
        s->output_size, reply, diag);
}

static berth_status enter(berthi_guest *g, uint32_t hook, const berth_call *call,
                          berth_reply *reply, berth_diag *diag)
{
    extism_state *s = berthi_extism_state_of(g);
    berth_status status = put_input(s, call, diag);

    if (status == BERTH_OK)
        status = run(g, hook, call, reply, diag);
    berthi_extism_blocks_reset(&s->blocks);
    berthi_extism_end_http(s);
    return status;
}

static void *find_block(berthi_guest *g, uint64_t at, size_t *size_out)
{
    const extism_blocks *b = &berthi_extism_state_of(g)->blocks;
    uint64_t size = berthi_extism_blocks_size(b, at);

    if (size == 0)
        return NULL;
    *size_out = size;
    return berthi_extism_blocks_span(b, at, size);
}

static berth_status make_block(berthi_guest *g, const void *data, size_t size, uint64_t *at_out,
                               berth_diag *diag)
{
    berthi_val at;
    berth_status status = berthi_extism_give(berthi_extism_state_of(g), data, size, &at, diag);

    if (status == BERTH_OK)
        *at_out = (uint64_t)at.i64;
    return status;
}

static const berthi_guest_blocks blocks = { .find = find_block, .make = make_block };

static const berthi_host_import functions[] = {
#define X(name, type) { #name, type, berthi_extism_##name, 0 },
    EXTISM_FUNCTIONS(X)
#undef X
};
static const berthi_host_module env = { MODULE, functions,
                                        sizeof functions / sizeof *functions };
static const berthi_host_module *const imports[] = { &env, &berthi_preview1_module, NULL };

static const berthi_family family = { .says = "it imports `" MODULE "`",
                                      .state_size = sizeof(extism_state),
                                      .recognises = recognises,
                                      .describe = describe,
                                      .begin = begin,
                                      .enter = enter,
                                      .blocks = &blocks,
                                      .end = end };
static const char *const kinds[] = { "hook", NULL };

const berthi_profile berthi_profile_extism = { .id = "extism/1",
                                               .memory = "memory",
                                               .imports = imports,
                                               .calls_initialize = true,
                                               .kinds = kinds,
                                               .family = &family };
