/* component_suite_test.c - the scripts of the component model's suites, as far as they need no
 * instance.
 *
 * Not part of this repository: looked for in $BERTH_COMPONENT_SUITE, then in
 * ../shared/corpus/component-model beside the source tree, as FOLDER/NAME.json with its .wasm files.
 * Without them the test skips.
 *
 * Executed: assert_malformed and assert_invalid (must be refused), module and module_definition
 * (must load).  A module is loaded and not instantiated, because there are no instances yet; what
 * needs one (calls, traps, linking) is counted as not executed, which is no pass.  A component that
 * is refused because of something Berth leaves out on purpose is counted with that reason, which is
 * the reader's own word for what the binary uses. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/diag.h"
#include "component/component.h"
#include "memory.h"

enum { FAILURES_SHOWN = 60, COMMANDS_MIN = 1066, LEFT_OUT_MAX = 60 };

typedef struct counts {
    unsigned loaded, invalid, malformed, left_out, text_only, not_executed, failed;
} counts;

typedef struct script {
    const char *folder, *name;
    const berth_allocator *allocator;
    json_int_t line;
    counts *n;
    berth_diag diag;
} script;

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text == NULL ? "" : text;
}

static void complain(script *s, const char *what, const char *why)
{
    if (s->n->failed++ < FAILURES_SHOWN)
        fprintf(stderr, "%s/%s.wast:%d: %s: %s\n", s->folder, s->name, (int)s->line, what, why);
}

static uint8_t *read_file(const char *path, size_t *size_out)
{
    FILE *file = fopen(path, "rb");
    struct stat st;
    uint8_t *bytes;

    if (file == NULL || fstat(fileno(file), &st) != 0)
        fail_msg("cannot read %s", path);
    *size_out = (size_t)st.st_size;
    bytes = malloc(*size_out == 0 ? 1 : *size_out); /* exact, so that overruns are seen */
    if (bytes == NULL || fread(bytes, 1, *size_out, file) != *size_out)
        fail_msg("cannot read %s", path);
    fclose(file);
    return bytes;
}

static berth_status load(script *s, const json_t *command)
{
    const char *file = text_of(command, "binary_filename");
    const berthi_cm_component *component;
    berthi_arena arena;
    berth_status status;
    char path[8192];
    uint8_t *bytes;
    size_t size;

    snprintf(path, sizeof path, "%s/%s", s->folder,
             file[0] != '\0' ? file : text_of(command, "filename"));
    bytes = read_file(path, &size);
    berthi_arena_init(&arena, s->allocator, SIZE_MAX);
    status = berthi_component_read(bytes, size, &arena, &component, &s->diag);
    if (status == BERTH_OK)
        status = berthi_component_validate(component, &arena, &s->diag);
    berthi_arena_fini(&arena);
    free(bytes);
    return status;
}

static bool is_left_out(const script *s, berth_status status)
{
    return status == BERTH_E_REJECTED && strstr(s->diag.text, "not supported") != NULL;
}

static void must_load(script *s, const json_t *command, unsigned *counter)
{
    berth_status status = load(s, command);

    if (status == BERTH_OK) {
        ++*counter;
    } else if (is_left_out(s, status)) {
        s->n->left_out++;
        printf("left out: %s.wast:%d: %s\n", s->name, (int)s->line, s->diag.text);
    } else {
        complain(s, text_of(command, "type"), s->diag.text);
    }
}

static void must_fail(script *s, const json_t *command, unsigned *counter)
{
    berth_status status = load(s, command);

    if (status == BERTH_E_REJECTED || status == BERTH_E_LIMIT)
        ++*counter;
    else
        complain(s, text_of(command, "type"), text_of(command, "text"));
}

static void run_command(script *s, const json_t *command)
{
    const char *type = text_of(command, "type");

    s->line = json_integer_value(json_object_get(command, "line"));
    if (strcmp(text_of(command, "module_type"), "text") == 0 &&
        json_object_get(command, "binary_filename") == NULL)
        s->n->text_only++;
    else if (strcmp(type, "module") == 0 || strcmp(type, "module_definition") == 0)
        must_load(s, command, &s->n->loaded);
    else if (strcmp(type, "assert_malformed") == 0)
        must_fail(s, command, &s->n->malformed);
    else if (strcmp(type, "assert_invalid") == 0)
        must_fail(s, command, &s->n->invalid);
    else
        s->n->not_executed++;
}

static size_t run_script(const char *folder, const char *file, const berth_allocator *allocator,
                         counts *n)
{
    script s = { .folder = folder, .allocator = allocator, .n = n };
    char path[8192], name[256];
    json_error_t error;
    json_t *script_json;
    const json_t *commands;
    size_t count;

    snprintf(path, sizeof path, "%s/%s", folder, file);
    snprintf(name, sizeof name, "%.*s", (int)(strlen(file) - strlen(".json")), file);
    s.name = name;
    script_json = json_load_file(path, 0, &error);
    if (script_json == NULL)
        fail_msg("%s: %s", path, error.text);
    commands = json_object_get(script_json, "commands");
    count = json_array_size(commands);
    for (size_t i = 0; i < count; i++)
        run_command(&s, json_array_get(commands, i));
    json_decref(script_json);
    return count;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool is_script(const char *name)
{
    size_t size = strlen(name);

    return size > 5 && strcmp(name + size - 5, ".json") == 0;
}

static size_t run_folder(const char *folder, const berth_allocator *allocator, counts *n)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, is_visible, alphasort);
    size_t commands = 0;

    for (int i = 0; i < count; i++) {
        char path[4096];

        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (entries[i]->d_type == DT_DIR)
            commands += run_folder(path, allocator, n);
        else if (is_script(entries[i]->d_name))
            commands += run_script(folder, entries[i]->d_name, allocator, n);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return commands;
}

static const char *suite_folder(void)
{
    const char *folder = getenv("BERTH_COMPONENT_SUITE");

    return folder != NULL ? folder : BERTH_TEST_SOURCE_DIR "/../shared/corpus/component-model";
}

static void every_command_that_needs_no_instance_passes(void **state)
{
    bertht_memory memory;
    berth_allocator allocator;
    counts n = { 0 };
    size_t commands;

    (void)state;
    memory_init(&memory);
    allocator = memory_allocator(&memory);
    commands = run_folder(suite_folder(), &allocator, &n);
    memory_assert_empty(&memory);
    printf(
        "component suite: %zu commands: %u loaded, %u assert_invalid, %u assert_malformed; "
        "%u left out on purpose, %u text only, %u not executed: instances are not built yet; "
        "%u failed\n",
        commands, n.loaded, n.invalid, n.malformed, n.left_out, n.text_only, n.not_executed,
        n.failed);
    assert_true(commands >= COMMANDS_MIN);
    assert_true(n.left_out <= LEFT_OUT_MAX);
    assert_int_equal(n.failed, 0);
}

static bool is_component(const char *name)
{
    size_t size = strlen(name);

    return size > 15 && strcmp(name + size - 15, ".component.wasm") == 0;
}

/* What toolchains made: FOLDER/../guests/NAME.component.wasm, where present. */
static void components_of_real_toolchains_load(void **state)
{
    bertht_memory memory;
    berth_allocator allocator;
    struct dirent **entries;
    char folder[4096];
    int count, loaded = 0;
    counts n = { 0 };

    (void)state;
    snprintf(folder, sizeof folder, "%s/../guests", suite_folder());
    count = scandir(folder, &entries, is_visible, alphasort);
    memory_init(&memory);
    allocator = memory_allocator(&memory);
    for (int i = 0; i < count; i++) {
        script s = {
            .folder = folder, .name = entries[i]->d_name, .allocator = &allocator, .n = &n
        };

        if (is_component(entries[i]->d_name)) {
            json_t *command = json_pack("{s:s}", "filename", entries[i]->d_name);

            if (load(&s, command) != BERTH_OK)
                complain(&s, "load", s.diag.text);
            loaded++;
            json_decref(command);
        }
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    memory_assert_empty(&memory);
    printf("real components: %d loaded\n", loaded);
    assert_int_equal(n.failed, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_that_needs_no_instance_passes),
        cmocka_unit_test(components_of_real_toolchains_load),
    };

    if (access(suite_folder(), R_OK) != 0) {
        printf("skipped: no component suite at %s\n", suite_folder());
        return 77;
    }
    return cmocka_run_group_tests_name("component suite", tests, NULL, NULL);
}
