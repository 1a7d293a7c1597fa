/* value.c - a host that knows no type of its plugin: it asks, fills in, calls and looks at what came.
 *
 *     value values.wasm demo:values/shapes@1.0.0#add
 *
 * shows what the function takes, calls it with numbers of its own, and walks through the result.
 *
 * @args {guests}/cli_values.component.wasm demo:values/shapes@1.0.0#add */
#include <stdio.h>

#include <berth/value.h>

static berth_arena *arena;
static berth_diag diag;

/* Puts 1, 2, 3, ... into each integer of a value, in order, and a word into each string. */
static berth_status fill(berth_value value, uint64_t *next)
{
    switch (berth_type_kind(value.type)) {
    case BERTH_KIND_STRING:
        return berth_value_set_string(value, "word", 4, arena, &diag);
    case BERTH_KIND_S32:
    case BERTH_KIND_U32:
    case BERTH_KIND_U64:
        return berth_value_set_u64(value, (*next)++, &diag);
    case BERTH_KIND_OPTION: {
        berth_status status = berth_value_set_case(value, 1, &diag);

        if (status != BERTH_OK)
            return status;
        break;
    }
    default:
        break;
    }
    for (size_t i = 0; i < berth_value_count(value); i++) {
        berth_status status = fill(berth_value_at(value, i), next);

        if (status != BERTH_OK)
            return status;
    }
    return BERTH_OK;
}

/* Each part of a value on a line of its own. */
static void show(berth_value value, berth_string name, int depth)
{
    const char *text;

    if (berth_value_write(value, BERTH_TEXT_WAVE, arena, &text, &diag) != BERTH_OK)
        text = diag.text;
    printf("%*s%.*s%s%s\n", 2 * depth, "", (int)name.size, name.text,
           name.size != 0 ? ": " : "", text);
    for (size_t i = 0; i < berth_value_count(value); i++) {
        berth_string none = { "", 0 };
        int has_names = berth_type_kind(value.type) == BERTH_KIND_RECORD;

        show(berth_value_at(value, i),
             has_names ? berth_type_name(value.type, (uint32_t)i) : none, depth + 1);
    }
}

static berth_status call_by_value(berth_slot *slot, const char *name)
{
    berth_string none = { "", 0 };
    berth_call call = BERTH_CALL_INIT;
    berth_value args = BERTH_VALUE_INIT, result = BERTH_VALUE_INIT;
    berth_type *func = NULL;
    const char *text = NULL;
    uint64_t next = 1;
    berth_status status = berth_slot_func_type(slot, name, &func, &diag);

    if (status == BERTH_OK)
        status = berth_type_write(func, arena, &text, &diag);
    if (status == BERTH_OK)
        status = berth_value_make(berth_type_params(func), arena, &args, &diag);
    if (status == BERTH_OK)
        status = fill(args, &next);
    call.arena = arena;
    if (status == BERTH_OK)
        status = berth_slot_invoke_value(slot, name, func, args, &call, &result, &diag);
    if (status == BERTH_OK) {
        printf("%s\n", text);
        show(args, none, 0);
        if (result.type != NULL)
            show(result, none, 0);
    }
    berth_type_destroy(func);
    return status;
}

int main(int argc, char **argv)
{
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    berth_runtime *runtime = NULL;
    berth_slot *slot = NULL;
    int failed;

    if (argc != 3) {
        fprintf(stderr, "usage: value PLUGIN FUNCTION\n");
        return 2;
    }
    options.name = "unknown";
    failed = berth_runtime_create(NULL, &runtime, &diag) != BERTH_OK ||
             berth_slot_open(runtime, &options, &slot, &diag) != BERTH_OK ||
             berth_slot_install_file(slot, argv[1], NULL, &diag) != BERTH_OK ||
             berth_arena_create(NULL, 0, &arena, &diag) != BERTH_OK ||
             call_by_value(slot, argv[2]) != BERTH_OK;
    if (failed)
        fprintf(stderr, "value: %s: %s\n", berth_status_name((berth_status)diag.status),
                diag.text);
    berth_arena_destroy(arena);
    berth_slot_release(slot);
    berth_runtime_destroy(runtime);
    return failed;
}
