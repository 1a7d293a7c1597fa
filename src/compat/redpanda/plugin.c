/* plugin.c - what a transform of Redpanda is, and how it is called.  Layer: compat. */
#include "admit/describe.h"
#include "admit/family.h"
#include "compat/redpanda/private.h"
#include "service/preview1/preview1.h"

#define MODULE "redpanda_transform"

/* In the order of names, which is that of the plugin's hooks. */
enum { HOOK_BATCH, HOOK_TRANSFORM };

static bool recognises(const berthi_wasm_info *info)
{
    return berthi_imports_from(info, MODULE);
}

/* Kits import the function of the version that they were made for, and call it first. */
static void check_version(const berthi_wasm_info *info, berthi_scope scope)
{
    static const char prefix[] = "check_abi_version_";

    for (uint32_t i = 0; i < info->imports_count; i++) {
        berthi_name name = info->imports[i].name;

        if (!berthi_name_is(info->imports[i].module, MODULE) ||
            !berthi_name_starts(name, prefix) || berthi_name_is(name, "check_abi_version_1") ||
            berthi_name_is(name, "check_abi_version_2"))
            continue;
        berthi_find(scope, "abi-version", BERTHI_NO_OFFSET,
                    "it was built for an ABI that is none of 1 and 2 (it imports `%s`)",
                    BERTHI_SHOW_NAME(name));
        return; /* once: a module may have a great many imports */
    }
}

static bool describe(const berthi_wasm_info *info, berthi_scope scope,
                     berthi_metadata *metadata_out)
{
    const berthi_wasm_export *start = berthi_wasm_find_export(info, "_start");
    berthi_family_hook hooks[2];

    check_version(info, scope);
    if (start == NULL || start->kind != BERTHI_EXTERN_FUNC ||
        !berthi_wasm_func_is(info, start, ":"))
        return berthi_describe(scope, "redpanda", NULL, 0, metadata_out);
    hooks[HOOK_BATCH] = (berthi_family_hook){ berthi_name_of("batch"), start->name };
    hooks[HOOK_TRANSFORM] = (berthi_family_hook){ berthi_name_of("transform"), start->name };
    return berthi_describe(scope, "redpanda", hooks, 2, metadata_out);
}

/* Each frame of a batch: a size, and a record of that many bytes. */
static berth_status read_batch(redpanda_state *s, berth_diag *diag)
{
    for (size_t at = 0; at < s->input_left;) {
        const uint8_t *value;
        size_t value_size, left = s->input_left - at;
        uint32_t size = 0;

        if (left >= sizeof size)
            memcpy(&size, s->input + at, sizeof size);
        if (left < sizeof size || size > left - sizeof size ||
            !berthi_redpanda_record_read(s->input + at + sizeof size, size, &value,
                                         &value_size))
            return berthi_fail(diag, BERTH_E_INVALID,
                               "byte %zu of the batch begins no record behind its size", at);
        if (size > s->record_bytes_max)
            s->record_bytes_max = size;
        s->records++;
        at += sizeof size + size;
    }
    return BERTH_OK;
}

static berth_status begin_call(redpanda_state *s, uint32_t hook, const berth_call *call,
                               berth_diag *diag)
{
    *s = (redpanda_state){ .input = call->input, .input_left = call->input_size };
    if (hook == HOOK_BATCH)
        return read_batch(s, diag);
    s->is_value = true;
    s->records = 1;
    s->record_bytes_max = (uint32_t)call->input_size + 2 * BERTHI_ZIGZAG_MAX + 1;
    return BERTH_OK;
}

static berth_status reply_value(berthi_guest *g, const berth_call *call, berth_reply *reply,
                                berth_diag *diag)
{
    const redpanda_state *s = g->state;

    if (s->written == 0) {
        *reply = (berth_reply){ .is_dropped = 1 };
        return BERTH_OK;
    }
    if (s->written > 1)
        return berthi_fail(diag, BERTH_E_PLUGIN,
                           "it wrote %u records; hook `batch` answers with all of them",
                           (unsigned)s->written);
    return berthi_guest_reply(g, call, s->output + s->value_at, s->value_size, reply, diag);
}

/* The program ended as it may: it asked for another batch, returned, or exited with 0. */
static bool is_end(const redpanda_state *s, berth_status status, const berth_diag *why)
{
    return berthi_guest_ended_well(status, why) ||
           (status == BERTH_E_CLOSED && s->is_asked_again);
}

static berth_status enter(berthi_guest *g, uint32_t hook, const berth_call *call,
                          berth_reply *reply, berth_diag *diag)
{
    redpanda_state *s = g->state;
    berth_diag own, *why = diag != NULL ? diag : &own;
    berth_status status = begin_call(s, hook, call, diag);

    if (status != BERTH_OK)
        return status;
    status = berthi_guest_call(g, &g->hooks[hook], NULL, 0, why);
    if (!is_end(s, status, why))
        return status;
    if (s->record_next != s->records)
        return berthi_fail(diag, BERTH_E_PLUGIN, "it ended after %u of %u records",
                           (unsigned)s->record_next, (unsigned)s->records);
    return hook == HOOK_BATCH
               ? berthi_guest_reply(g, call, s->output, s->output_size, reply, diag)
               : reply_value(g, call, reply, diag);
}

static void end(berthi_guest *g)
{
    redpanda_state *s = g->state;

    berthi_free(g->allocator, s->output, s->output_room);
}

static const berthi_host_import functions[] = {
#define X(name, type) { #name, type, berthi_redpanda_##name, 0 },
    REDPANDA_FUNCTIONS(X)
#undef X
};
static const berthi_host_module transform = { MODULE, functions,
                                              sizeof functions / sizeof *functions };
static const berthi_host_module *const imports[] = { &transform, &berthi_preview1_module,
                                                     NULL };

static const berthi_family family = { .says = "it imports `" MODULE "`",
                                      .state_size = sizeof(redpanda_state),
                                      .recognises = recognises,
                                      .describe = describe,
                                      .enter = enter,
                                      .end = end };
static const char *const kinds[] = { "hook", NULL };

const berthi_profile berthi_profile_redpanda = { .id = "redpanda/1",
                                                 .memory = "memory",
                                                 .imports = imports,
                                                 .kinds = kinds,
                                                 .family = &family };
