/* plugin.c - what a SmartModule of Fluvio is, and how it is called.  Layer: compat. */
#include "admit/describe.h"
#include "admit/family.h"
#include "base/utf8.h"
#include "compat/fluvio/codec.h"
#include "compat/fluvio/fluvio.h"
#include "service/preview1/preview1.h"

enum { CONFIG_ROOM_MAX = 64 << 20 }; /* its text has at most 1 MiB */

/* The functions that a SmartModule may be; in the order of names, as its hooks are. */
enum { AGGREGATE, ARRAY_MAP, FILTER, FILTER_MAP, MAP, FUNCTIONS };
static const char *const names[FUNCTIONS] = { "aggregate", "array_map", "filter", "filter_map",
                                              "map" };

typedef struct state {
    berthi_extern alloc;
    uint8_t kind_of[FUNCTIONS]; /* of each hook: which of `names` */
    /* What copy_records() was given last, in memory of the allocator; of the call that is running. */
    uint8_t *given;
    size_t given_size;
    bool has_given;
    uint8_t *accumulator; /* of an aggregate, from call to call */
    size_t accumulator_size;
} state;

/* ---------------------------------------------------------------- what it is */

static bool recognises(const berthi_wasm_info *info)
{
    for (uint32_t i = 0; i < info->imports_count; i++)
        if (berthi_name_is(info->imports[i].module, "env") &&
            berthi_name_is(info->imports[i].name, "copy_records"))
            return true;
    return false;
}

static bool is_function(const berthi_wasm_info *info, const char *name, const char *type)
{
    const berthi_wasm_export *e = berthi_wasm_find_export(info, name);

    return e != NULL && e->kind == BERTHI_EXTERN_FUNC && berthi_wasm_func_is(info, e, type);
}

static bool describe(const berthi_wasm_info *info, berthi_scope scope,
                     berthi_metadata *metadata_out)
{
    berthi_family_hook hooks[FUNCTIONS];
    uint32_t count = 0;

    if (!is_function(info, "alloc", "i:i"))
        berthi_find(scope, "function-export", BERTHI_NO_OFFSET,
                    "it has no function `alloc` of type (i32) -> (i32)");
    for (int i = 0; i < FUNCTIONS; i++)
        if (is_function(info, names[i], "iii:i"))
            hooks[count++] =
                (berthi_family_hook){ berthi_name_of(names[i]), berthi_name_of(names[i]) };
    return berthi_describe(scope, "fluvio", hooks, count, metadata_out);
}

/* ---------------------------------------------------------------- the host's function */

static void forget(berthi_guest *g)
{
    state *s = g->state;

    berthi_free(g->allocator, s->given, s->given_size);
    s->given = NULL;
    s->given_size = 0;
    s->has_given = false;
}

static berth_status copy_records(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                                 berth_diag *diag)
{
    berthi_guest *g = berthi_guest_of(store);
    state *s = g->state;
    uint32_t at = (uint32_t)cells[0].i32, size = (uint32_t)cells[1].i32;
    const void *from = berthi_guest_span(g, at, size);

    (void)ctx;
    if (from == NULL)
        return berthi_fail(diag, BERTH_E_ABI,
                           "copy_records: %u bytes at %u are not in its memory", (unsigned)size,
                           (unsigned)at);
    if (size > g->output_bytes_max)
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_OUTPUT,
                                   "copy_records: %u bytes, and %llu are allowed",
                                   (unsigned)size, (unsigned long long)g->output_bytes_max);
    forget(g);
    s->has_given = true;
    if (size == 0)
        return BERTH_OK;
    s->given = berthi_alloc(g->allocator, size);
    if (s->given == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "what it gave");
    memcpy(s->given, from, size);
    s->given_size = size;
    return BERTH_OK;
}

/* ---------------------------------------------------------------- calls */

/* Room for `size` bytes in the plugin, which frees it itself. */
static berth_status take_room(berthi_guest *g, size_t size, uint32_t *at_out, berth_diag *diag)
{
    berthi_val cells[1] = { { .i32 = (int32_t)(uint32_t)size } };
    berth_status status;

    if (size > INT32_MAX)
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_INPUT,
                                   "the input has %zu bytes", size);
    status = berthi_guest_call(g, &((state *)g->state)->alloc, cells, 1, diag);
    if (status != BERTH_OK)
        return berthi_diag_prefix(diag, status, "alloc");
    *at_out = (uint32_t)cells[0].i32;
    return *at_out != 0 && berthi_guest_span(g, *at_out, size) != NULL
               ? BERTH_OK
               : berthi_fail_because(diag, BERTH_E_ABI, BERTH_REASON_ALLOC,
                                     "alloc(%zu) answered %u", size, (unsigned)*at_out);
}

static berth_status call_with(berthi_guest *g, const berthi_extern *func, uint32_t at,
                              size_t size, int32_t *answer_out, berth_diag *diag)
{
    berthi_val cells[3] = { { .i32 = (int32_t)at },
                            { .i32 = (int32_t)(uint32_t)size },
                            { .i32 = FLUVIO_VERSION } };
    berth_status status;

    forget(g);
    status = berthi_guest_call(g, func, cells, 3, diag);
    *answer_out = cells[0].i32;
    return status;
}

static berth_status keep_accumulator(berthi_guest *g, fluvio_bytes from, berth_diag *diag)
{
    state *s = g->state;
    uint8_t *kept = NULL;

    if (from.size != 0) {
        kept = berthi_alloc(g->allocator, from.size);
        if (kept == NULL)
            return berthi_fail(diag, BERTH_E_NOMEM, "an accumulator of %zu bytes", from.size);
        memcpy(kept, from.data, from.size);
    }
    berthi_free(g->allocator, s->accumulator, s->accumulator_size);
    s->accumulator = kept;
    s->accumulator_size = from.size;
    return BERTH_OK;
}

/* Of array_map: all values, each behind its size. */
static berth_status reply_all(berthi_guest *g, fluvio_output *output, const berth_call *call,
                              berth_reply *reply, berth_diag *diag)
{
    uint8_t *to = ((state *)g->state)->given;
    size_t size = 0;

    /* A record takes four bytes more than its value at least, so this fits where the records were. */
    while (output->count > 0) {
        fluvio_bytes value = berthi_fluvio_output_next(output);
        uint32_t value_size = (uint32_t)value.size;

        memmove(to + size + sizeof value_size, value.data, value.size);
        memcpy(to + size, &value_size, sizeof value_size);
        size += sizeof value_size + value.size;
    }
    return berthi_guest_reply(g, call, to, size, reply, diag);
}

static berth_status give_reply(berthi_guest *g, int kind, fluvio_output *output,
                               const berth_call *call, berth_reply *reply, berth_diag *diag)
{
    fluvio_bytes value;

    if (output->count == 0) {
        *reply = (berth_reply){ .is_dropped = 1 };
        return BERTH_OK;
    }
    if (kind == ARRAY_MAP)
        return reply_all(g, output, call, reply, diag);
    if (output->count > 1)
        return berthi_fail(diag, BERTH_E_ABI, "it made %u records of one",
                           (unsigned)output->count);
    value = berthi_fluvio_output_next(output);
    return berthi_guest_reply(g, call, value.data, value.size, reply, diag);
}

static berth_status take_answer(berthi_guest *g, int kind, int32_t answer,
                                const berth_call *call, berth_reply *reply, berth_diag *diag)
{
    state *s = g->state;
    fluvio_output output;
    berth_status status = BERTH_OK;
    char shown[sizeof diag->text];

    if (answer < 0)
        return berthi_fail(diag, BERTH_E_PLUGIN, "it answered %d", answer);
    if (!s->has_given)
        return berthi_fail(diag, BERTH_E_ABI, "it answered %d, and gave no records", answer);
    if (!berthi_fluvio_output_read((fluvio_bytes){ s->given, s->given_size }, kind == AGGREGATE,
                                   &output))
        return berthi_fail(diag, BERTH_E_ABI, "it gave %zu bytes that are no records",
                           s->given_size);
    if (output.has_error)
        return berthi_fail(diag, BERTH_E_PLUGIN, "%s",
                           berthi_utf8_show(shown, sizeof shown,
                                            (const char *)output.error.data,
                                            output.error.size));
    if (kind == AGGREGATE)
        status = keep_accumulator(g, output.accumulator, diag);
    return status == BERTH_OK ? give_reply(g, kind, &output, call, reply, diag) : status;
}

static berth_status enter(berthi_guest *g, uint32_t hook, const berth_call *call,
                          berth_reply *reply, berth_diag *diag)
{
    state *s = g->state;
    int kind = s->kind_of[hook];
    const fluvio_bytes value = { call->input, call->input_size };
    const fluvio_bytes kept = { s->accumulator, s->accumulator_size };
    const fluvio_bytes *accumulator = kind == AGGREGATE ? &kept : NULL;
    size_t size = berthi_fluvio_input_size(value.size, accumulator);
    int32_t answer;
    uint32_t at;
    berth_status status = take_room(g, size, &at, diag);

    if (status != BERTH_OK)
        return status;
    berthi_fluvio_input_write(berthi_guest_span(g, at, size), value, accumulator);
    status = call_with(g, &g->hooks[hook], at, size, &answer, diag);
    if (status == BERTH_OK)
        status = take_answer(g, kind, answer, call, reply, diag);
    forget(g);
    return status;
}

/* ---------------------------------------------------------------- how it lives */

static berth_status initialize(berthi_guest *g, const berthi_extern *init,
                               const berthi_json *params, berth_diag *diag)
{
    state *s = g->state;
    size_t size = berthi_fluvio_params_size(params);
    char shown[sizeof diag->text];
    berth_status status;
    fluvio_bytes hint;
    int32_t answer;
    uint32_t at;

    if (size == 0)
        return berthi_fail(diag, BERTH_E_INVALID,
                           "plugin_config has a string of more than 32767 bytes");
    status = take_room(g, size, &at, diag);
    if (status != BERTH_OK)
        return status;
    berthi_fluvio_params_write(berthi_guest_span(g, at, size), params);
    status = call_with(g, init, at, size, &answer, diag);
    if (status != BERTH_OK)
        return berthi_diag_prefix(diag, status, "init");
    hint = berthi_fluvio_init_error_read((fluvio_bytes){ s->given, s->given_size });
    if (answer != 0)
        status = berthi_fail(
            diag, BERTH_E_PLUGIN, "init: it answered %d%s%s", answer,
            hint.size == 0 ? "" : ": ",
            berthi_utf8_show(shown, sizeof shown, (const char *)hint.data, hint.size));
    forget(g);
    return status;
}

static berth_status begin(berthi_guest *g, berth_diag *diag)
{
    state *s = g->state;
    const berthi_json *params;
    berthi_extern found;
    berthi_arena arena;
    berth_status status;
    uint8_t hook = 0;

    if (!berthi_guest_find(g, "alloc", "i:i", &s->alloc))
        berthi_panic("an admitted SmartModule has no alloc");
    for (uint8_t i = 0; i < FUNCTIONS; i++)
        if (berthi_guest_find(g, names[i], "iii:i", &found))
            s->kind_of[hook++] = i;
    berthi_arena_init(&arena, g->allocator, CONFIG_ROOM_MAX);
    status = berthi_guest_config(g, &arena, &params, diag);
    if (status == BERTH_OK && berthi_guest_find(g, "init", "iii:i", &found))
        status = initialize(g, &found, params, diag);
    berthi_arena_fini(&arena);
    return status;
}

static void end(berthi_guest *g)
{
    state *s = g->state;

    forget(g);
    berthi_free(g->allocator, s->accumulator, s->accumulator_size);
}

static const berthi_host_import functions[] = { { "copy_records", "ii:", copy_records, 0 } };
static const berthi_host_module env = { "env", functions, 1 };
static const berthi_host_module *const imports[] = { &env, &berthi_preview1_module, NULL };

static const berthi_family family = { .says = "it imports `env` `copy_records`",
                                      .state_size = sizeof(state),
                                      .recognises = recognises,
                                      .describe = describe,
                                      .begin = begin,
                                      .enter = enter,
                                      .end = end };
static const char *const kinds[] = { "hook", NULL };

const berthi_profile berthi_profile_fluvio = { .id = "fluvio/1",
                                               .memory = "memory",
                                               .imports = imports,
                                               .calls_initialize = true,
                                               .kinds = kinds,
                                               .family = &family };
