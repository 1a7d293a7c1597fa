/* component_eval.c - answers calls of a component, as text, for tests that compare runtimes.
 *
 *     component_eval WIT CORE WORLD COMPONENT_OUT ENGINE
 *
 * Wraps CORE for WORLD of the file WIT, writes the component to COMPONENT_OUT and loads it.  Then each
 * line of stdin is answered by one line:
 *     call CALL          a new instance calls `f(...)`, WAVE text: "ok VALUE", or "trap WORDS"
 *     value FUNC VALUE   VALUE of the type of FUNC's result, written again: "ok VALUE" */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "component/run/instance.h"
#include "component/value/value.h"
#include "component/wrap/wrap.h"

enum { LINE_MAX_BYTES = 1 << 20, TICKS = 1000000 };

typedef struct eval {
    berthi_wasm_engine *engine;
    berthi_cm_loaded *loaded;
    berth_arena *arena;
    berth_diag diag;
} eval;

static void give_up(const char *what, const berth_diag *diag)
{
    fprintf(stderr, "component_eval: %s: %s\n", what, diag->text);
    exit(1);
}

static char *read_whole(const char *path, size_t *size_out)
{
    FILE *file = fopen(path, "rb");
    char *bytes = malloc(LINE_MAX_BYTES);

    if (file == NULL || bytes == NULL)
        give_up(path, &(berth_diag){ .text = "cannot be read" });
    *size_out = fread(bytes, 1, LINE_MAX_BYTES, file);
    fclose(file);
    return bytes;
}

static void write_whole(const char *path, const berthi_text_buf *bytes)
{
    FILE *file = fopen(path, "wb");

    if (file == NULL || fwrite(bytes->data, 1, bytes->size, file) != bytes->size ||
        fclose(file) != 0)
        give_up(path, &(berth_diag){ .text = "cannot be written" });
}

static void load(eval *e, char **argv)
{
    const berthi_wasm_ops *ops = berthi_wasm_provider(argv[5]);
    berthi_wasm_options options = { .allocator = &berthi_allocator_libc,
                                    .memory_bytes_max = 64 << 20,
                                    .table_elements_max = 10000,
                                    .stack_bytes_max = 512 << 10,
                                    .instances_max = 16 };
    berthi_cm_load_options how = { .allocator = &berthi_allocator_libc };
    const berthi_wit_world *world;
    const berthi_wit *wit;
    berthi_text_buf component;
    berthi_arena arena;
    size_t wit_size, core_size;
    char *text = read_whole(argv[1], &wit_size), *core = read_whole(argv[2], &core_size);

    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    berthi_text_buf_init(&component, &berthi_allocator_libc);
    if (ops == NULL || ops->engine_create(&options, &e->engine, &e->diag) != BERTH_OK)
        give_up(argv[5], &e->diag);
    if (berthi_wit_read_text(argv[1], text, wit_size, NULL, &arena, &wit, &e->diag) != BERTH_OK)
        give_up(argv[1], &e->diag);
    world = berthi_wit_find_world(wit, argv[3]);
    if (world == NULL ||
        berthi_component_wrap((const uint8_t *)core, core_size, wit, world,
                              &berthi_allocator_libc, &component, &e->diag) != BERTH_OK)
        give_up(argv[2], &e->diag);
    write_whole(argv[4], &component);
    how.engine = e->engine;
    if (berthi_cm_load((const uint8_t *)component.data, component.size, &how, &e->loaded,
                       &e->diag) != BERTH_OK)
        give_up(argv[4], &e->diag);
    berthi_text_buf_fini(&component);
    berthi_arena_fini(&arena);
    free(core);
    free(text);
}

/* One line, whatever the text is made of. */
static void answer(const char *word, const char *text)
{
    printf("%s %.*s\n", word, (int)strcspn(text, "\n"), text);
    fflush(stdout);
}

static void answer_value(eval *e, const berthi_cm_type *type, const void *value)
{
    berthi_text_buf text;

    berthi_text_buf_init(&text, &berthi_allocator_libc);
    if (type == NULL)
        answer("ok", "");
    else if (berthi_cm_wave_write(&text, type, value, &e->diag) != BERTH_OK)
        answer("wrong", e->diag.text);
    else
        answer("ok", text.data);
    berthi_text_buf_fini(&text);
}

static bool find_func(eval *e, berthi_name name, berthi_cm_func *func_out)
{
    char text[256];

    snprintf(text, sizeof text, "%.*s", (int)name.size, name.text);
    return berthi_cm_loaded_func(e->loaded, NULL, text, func_out);
}

static void call(eval *e, const char *line)
{
    berthi_cm_limits limits = { .store = { .memory_bytes_max = 64 << 20,
                                           .table_elements_max = 10000,
                                           .instances_max = 8,
                                           .memories_max = 8,
                                           .tables_max = 8 } };
    berthi_cm_value_room room = { .arena = e->arena };
    berthi_cm_wave_call what;
    berthi_cm_instance *instance = NULL;
    berthi_cm_func func;
    const void *args;
    void *result;

    if (berthi_cm_wave_call_read(line, strlen(line), &what, &e->diag) != BERTH_OK ||
        !find_func(e, what.function, &func) ||
        berthi_cm_wave_arguments(line, strlen(line), &what, func.type, &room, &args,
                                 &e->diag) != BERTH_OK) {
        answer("wrong", e->diag.text);
        return;
    }
    result = berth_arena_alloc(e->arena, berthi_cm_plan_facts_of(func.plan)->result_size + 1u);
    if (result == NULL || berthi_cm_instance_create(e->loaded, &limits, TICKS, NULL, &instance,
                                                    &e->diag) != BERTH_OK)
        give_up("instance", &e->diag);
    berthi_cm_instance_deadline(instance, TICKS);
    if (berthi_cm_call(instance, &func, args, result, e->arena, &e->diag) == BERTH_OK)
        answer_value(e, berthi_cm_func_result(func.type), result);
    else
        answer("trap", e->diag.text);
    berthi_cm_instance_destroy(instance);
}

static void value(eval *e, char *line)
{
    berthi_cm_value_room room = { .arena = e->arena };
    char *space = strchr(line, ' ');
    const berthi_cm_type *type;
    berthi_cm_func func;
    const void *read;

    if (space == NULL ||
        !find_func(e, (berthi_name){ line, (uint32_t)(space - line) }, &func)) {
        answer("wrong", "no such function");
        return;
    }
    type = berthi_cm_func_result(func.type);
    if (berthi_cm_wave_read(space + 1, strlen(space + 1), type, &room, &read, &e->diag) !=
        BERTH_OK)
        answer("wrong", e->diag.text);
    else
        answer_value(e, type, read);
}

int main(int argc, char **argv)
{
    char *line = malloc(LINE_MAX_BYTES);
    eval e = { 0 };

    if (argc != 6 || line == NULL ||
        berth_arena_create(NULL, 0, &e.arena, &e.diag) != BERTH_OK) {
        fprintf(stderr, "usage: component_eval WIT CORE WORLD COMPONENT_OUT ENGINE\n");
        return 2;
    }
    load(&e, argv);
    answer("ok", "ready");
    while (fgets(line, LINE_MAX_BYTES, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        berth_arena_reset(e.arena);
        if (strncmp(line, "call ", 5) == 0)
            call(&e, line + 5);
        else if (strncmp(line, "value ", 6) == 0)
            value(&e, line + 6);
        else
            answer("wrong", "unknown request");
    }
    berthi_cm_loaded_unref(e.loaded);
    e.engine->ops->engine_destroy(e.engine);
    berth_arena_destroy(e.arena);
    free(line);
    return 0;
}
