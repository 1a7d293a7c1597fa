/* script.c - one script: its components, instances and calls. */
#include "runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_AT_MOST = 40, TICKS = 1000000 };

typedef enum outcome { PASSED, FAILED, SKIPPED } outcome;

typedef struct definition { /* of module_definition */
    struct definition *next;
    const char *name;
    uint8_t *bytes;
    size_t size;
    char left_out[512]; /* why it cannot be run here; empty: it can */
} definition;

typedef struct kept { /* a loaded component or an instance; they live as long as the script */
    struct kept *next;
    berthi_cm_loaded *loaded;
    berthi_cm_instance *instance;
} kept;

typedef struct script {
    runner *r;
    const char *folder;
    char name[256];
    runner_host host;
    definition *definitions;
    kept *all;
    kept *current;
    char left_out[512]; /* why there is no current instance */
    berth_diag diag;    /* of the command */
    char why[640];
    berth_arena *arena;
} script;

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text == NULL ? "" : text;
}

static outcome failed(script *s, const char *why)
{
    snprintf(s->why, sizeof s->why, "%s", why);
    return FAILED;
}

/* What Berth leaves out on purpose it refuses in these words, at load. */
static bool is_left_out(const script *s, berth_status status)
{
    return (status == BERTH_E_REJECTED || status == BERTH_E_LIMIT) &&
           strstr(s->diag.text, "not supported") != NULL;
}

static uint8_t *read_binary(script *s, const json_t *command, size_t *size_out)
{
    const char *file = text_of(command, "binary_filename");
    char path[4096];
    FILE *f;
    uint8_t *bytes = NULL;
    long size;

    snprintf(path, sizeof path, "%s/%s", s->folder,
             file[0] != '\0' ? file : text_of(command, "filename"));
    f = fopen(path, "rb");
    if (f != NULL && fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) >= 0) {
        bytes = malloc((size_t)size + 1);
        rewind(f);
        if (bytes == NULL || fread(bytes, 1, (size_t)size, f) != (size_t)size) {
            free(bytes);
            bytes = NULL;
        }
        *size_out = (size_t)size;
    }
    if (f != NULL)
        fclose(f);
    if (bytes == NULL) {
        fprintf(stderr, "component_conformance: %s: cannot be read\n", path);
        exit(2);
    }
    return bytes;
}

/* ---------------------------------------------------------------- components */

static berth_status check(script *s, const uint8_t *bytes, size_t size)
{
    const berthi_cm_component *component;
    berthi_arena arena;
    berth_status status;

    berthi_arena_init(&arena, &s->r->allocator, SIZE_MAX);
    status = berthi_component_read(bytes, size, &arena, &component, &s->diag);
    if (status == BERTH_OK)
        status = berthi_component_validate(component, &arena, &s->diag);
    berthi_arena_fini(&arena);
    return status;
}

static berth_status load(script *s, const uint8_t *bytes, size_t size,
                         berthi_cm_loaded **loaded_out)
{
    berthi_cm_load_options options = { .allocator = &s->r->allocator,
                                       .engine = s->r->engine,
                                       .resolve = host_resolve,
                                       .resolve_ctx = &s->host,
                                       .keeps_shims = s->r->keeps_shims };

    s->host.steps = NULL;
    return berthi_cm_load(bytes, size, &options, loaded_out, &s->diag);
}

static berth_status create(script *s, berthi_cm_loaded *loaded,
                           berthi_cm_instance **instance_out)
{
    berthi_cm_limits limits = { .store = { .memory_bytes_max = UINT64_C(1) << 32,
                                           .table_elements_max = 100000,
                                           .instances_max = 1000,
                                           .memories_max = 1000,
                                           .tables_max = 1000 } };

    return berthi_cm_instance_create(loaded, &limits, TICKS, s, instance_out, &s->diag);
}

static outcome instantiate(script *s, const uint8_t *bytes, size_t size, const char *name)
{
    kept *k = calloc(1, sizeof *k);
    berth_status status;

    if (k == NULL)
        abort();
    k->next = s->all;
    s->all = k;
    s->current = NULL;
    s->left_out[0] = '\0';
    status = load(s, bytes, size, &k->loaded);
    if (status == BERTH_OK)
        status = create(s, k->loaded, &k->instance);
    if (status != BERTH_OK) {
        snprintf(s->left_out, sizeof s->left_out, "%s", s->diag.text);
        snprintf(s->why, sizeof s->why, "%s", s->diag.text);
        return is_left_out(s, status) ? SKIPPED : FAILED;
    }
    s->current = k;
    if (name[0] != '\0' && s->host.named_count < RUNNER_NAMED)
        s->host.named[s->host.named_count++] = (runner_named){ name, k->loaded };
    return PASSED;
}

static outcome run_module(script *s, const json_t *command)
{
    size_t size;
    uint8_t *bytes = read_binary(s, command, &size);
    outcome result = instantiate(s, bytes, size, text_of(command, "name"));

    free(bytes);
    return result;
}

static outcome run_definition(script *s, const json_t *command)
{
    definition *d = calloc(1, sizeof *d);
    berth_status status;

    if (d == NULL)
        abort();
    d->name = text_of(command, "name");
    d->bytes = read_binary(s, command, &d->size);
    d->next = s->definitions;
    s->definitions = d;
    status = check(s, d->bytes, d->size);
    if (status == BERTH_OK)
        return PASSED;
    snprintf(s->why, sizeof s->why, "%s", s->diag.text);
    snprintf(d->left_out, sizeof d->left_out, "%s", s->diag.text);
    return is_left_out(s, status) ? SKIPPED : FAILED;
}

static outcome run_instance(script *s, const json_t *command)
{
    const char *name = text_of(command, "module");
    const definition *d = s->definitions;

    while (d != NULL && strcmp(d->name, name) != 0)
        d = d->next;
    if (d == NULL)
        return failed(s, "no such definition");
    if (d->left_out[0] != '\0') {
        snprintf(s->why, sizeof s->why, "%s", d->left_out);
        snprintf(s->left_out, sizeof s->left_out, "%s", d->left_out);
        s->current = NULL;
        return SKIPPED;
    }
    return instantiate(s, d->bytes, d->size, text_of(command, "instance"));
}

static outcome run_refusal(script *s, const json_t *command)
{
    size_t size;
    uint8_t *bytes = read_binary(s, command, &size);
    berth_status status = check(s, bytes, size);

    free(bytes);
    if (status == BERTH_E_REJECTED || status == BERTH_E_LIMIT)
        return PASSED;
    return failed(s, status == BERTH_OK ? "it was accepted" : s->diag.text);
}

/* Valid, and yet there is no instance: it does not link, or a start function traps. */
static outcome run_no_instance(script *s, const json_t *command, bool traps)
{
    size_t size;
    uint8_t *bytes = read_binary(s, command, &size);
    berthi_cm_loaded *loaded = NULL;
    berthi_cm_instance *instance = NULL;
    berth_status status = check(s, bytes, size);
    bool is_valid = status == BERTH_OK;

    if (is_valid)
        status = load(s, bytes, size, &loaded);
    if (status == BERTH_OK)
        status = create(s, loaded, &instance);
    free(bytes);
    berthi_cm_instance_destroy(instance);
    berthi_cm_loaded_unref(loaded);
    if (is_left_out(s, status))
        return failed(s, s->diag.text), SKIPPED;
    if (status == BERTH_OK || !is_valid)
        return failed(s, is_valid ? "there is an instance" : s->diag.text);
    if (traps != (status == BERTH_E_TRAP || status == BERTH_E_LIMIT))
        return failed(s, s->diag.text);
    return PASSED;
}

/* ---------------------------------------------------------------- calls */

/* Calls and leaves the result behind *result_out. */
static berth_status call(script *s, const json_t *action, berthi_cm_func *func,
                         unsigned char **result_out)
{
    const json_t *args = json_object_get(action, "args");
    unsigned char *in, *out;
    const berthi_cm_plan_facts *facts;

    if (!berthi_cm_loaded_func(s->current->loaded, NULL, text_of(action, "field"), func))
        return berthi_fail(&s->diag, BERTH_E_ABSENT, "no function `%s` is exported",
                           text_of(action, "field"));
    facts = berthi_cm_plan_facts_of(func->plan);
    in = berth_arena_alloc(s->arena, facts->args_size);
    out = berth_arena_alloc(s->arena, facts->result_size);
    if (in == NULL || out == NULL)
        abort();
    if (!values_put_args(func->type->canon, args, in, s->arena))
        return berthi_fail(&s->diag, BERTH_E_INVALID, "the script's arguments do not fit");
    *result_out = out;
    berthi_cm_instance_deadline(s->current->instance, TICKS);
    return berthi_cm_call(s->current->instance, func, in, out, s->arena, &s->diag);
}

static outcome run_return(script *s, const json_t *command)
{
    const json_t *expected = json_object_get(command, "expected");
    const berthi_cm_type *type;
    unsigned char *result = NULL;
    berthi_cm_func func;
    char shown[128];

    if (call(s, json_object_get(command, "action"), &func, &result) != BERTH_OK)
        return failed(s, s->diag.text);
    if (expected == NULL)
        return PASSED; /* an action */
    type = berthi_cm_func_result(func.type->canon);
    if ((type != NULL) != (json_array_size(expected) == 1))
        return failed(s, "another number of results");
    if (type == NULL || value_is(type, json_array_get(expected, 0), result))
        return PASSED;
    value_show(type, result, shown, sizeof shown);
    snprintf(s->why, sizeof s->why, "returned %s", shown);
    return FAILED;
}

static outcome run_trap(script *s, const json_t *command)
{
    unsigned char *result = NULL;
    berthi_cm_func func;
    berth_status status = call(s, json_object_get(command, "action"), &func, &result);

    if (status != BERTH_E_TRAP && status != BERTH_E_LIMIT)
        return failed(s, status == BERTH_OK ? "it returned" : s->diag.text);
    if (!berthi_cm_instance_is_dead(s->current->instance))
        return failed(s, "the instance lives on");
    return PASSED;
}

/* ---------------------------------------------------------------- commands */

static outcome run_command(script *s, const json_t *command)
{
    const char *type = text_of(command, "type");

    if (strcmp(text_of(command, "module_type"), "text") == 0 &&
        json_object_get(command, "binary_filename") == NULL)
        return failed(s, "text format only"), SKIPPED;
    if (strcmp(type, "module") == 0)
        return run_module(s, command);
    if (strcmp(type, "module_definition") == 0)
        return run_definition(s, command);
    if (strcmp(type, "module_instance") == 0)
        return run_instance(s, command);
    if (strcmp(type, "assert_malformed") == 0 || strcmp(type, "assert_invalid") == 0)
        return run_refusal(s, command);
    if (strcmp(type, "assert_unlinkable") == 0)
        return run_no_instance(s, command, false);
    if (strcmp(type, "assert_uninstantiable") == 0)
        return run_no_instance(s, command, true);
    if (s->current == NULL) {
        bool is_known = strstr(s->left_out, "not supported") != NULL;

        snprintf(s->why, sizeof s->why, "no instance: %s", s->left_out);
        return is_known ? SKIPPED : FAILED;
    }
    if (strcmp(type, "assert_trap") == 0)
        return run_trap(s, command);
    if (strcmp(type, "assert_return") == 0 || strcmp(type, "action") == 0)
        return run_return(s, command);
    return failed(s, "a command that this program does not know");
}

/* The reason why this command may fail, or NULL. */
static const char *excepted(const script *s, int line)
{
    const char *folder = strrchr(s->folder, '/');
    char place[512];

    snprintf(place, sizeof place, "%s/%s.wast:%d", folder == NULL ? s->folder : folder + 1,
             s->name, line);
    for (size_t n = 0; n < s->r->exceptions_count; n++)
        if (strcmp(place, s->r->exceptions[n].place) == 0)
            return s->r->exceptions[n].reason;
    return NULL;
}

static void count(script *s, const json_t *command, outcome result, runner_counts *counts)
{
    int line = (int)json_integer_value(json_object_get(command, "line"));
    const char *type = text_of(command, "type");
    const char *reason = excepted(s, line);
    const char *wanted = text_of(command, "text");

    if (result == FAILED && reason != NULL) {
        snprintf(s->why, sizeof s->why, "expected: %s", reason);
        result = SKIPPED;
    } else if (reason != NULL) {
        printf("  %s.wast:%d: %s: passes, and is listed as an exception\n", s->name, line,
               type);
    }
    if (result == PASSED)
        counts->passed++;
    else if (result == SKIPPED)
        counts->skipped++;
    else
        counts->failed++;
    if (result == FAILED)
        printf("  %s.wast:%d: %s: FAILED: %s\n", s->name, line, type, s->why);
    else if (result == SKIPPED)
        printf("  %s.wast:%d: %s: skipped: %s\n", s->name, line, type, s->why);
    else if (s->r->shows_words && wanted[0] != '\0' && strstr(s->diag.text, wanted) == NULL)
        printf("  %s.wast:%d: %s: \"%s\" where the script has \"%s\"\n", s->name, line, type,
               s->diag.text, wanted);
}

static void end(script *s)
{
    kept *k, *next_k;
    definition *d, *next_d;

    for (k = s->all; k != NULL; k = next_k) {
        next_k = k->next;
        berthi_cm_instance_destroy(k->instance);
    }
    for (k = s->all; k != NULL; k = next_k) {
        next_k = k->next;
        berthi_cm_loaded_unref(k->loaded);
        free(k);
    }
    for (d = s->definitions; d != NULL; d = next_d) {
        next_d = d->next;
        free(d->bytes);
        free(d);
    }
    host_fini(&s->host);
    berth_arena_destroy(s->arena);
}

bool script_run(runner *r, const char *folder, const char *file)
{
    script s = { .r = r, .folder = folder };
    runner_counts counts = { 0 };
    char path[4096];
    json_error_t error;
    json_t *root;
    const json_t *commands;

    snprintf(path, sizeof path, "%s/%s", folder, file);
    snprintf(s.name, sizeof s.name, "%.*s", (int)(strlen(file) - strlen(".json")), file);
    root = json_load_file(path, 0, &error);
    if (root == NULL || !host_init(&s.host, &r->allocator, r->engine, &s.diag) ||
        berth_arena_create(&r->allocator, 0, &s.arena, &s.diag) != BERTH_OK) {
        fprintf(stderr, "component_conformance: %s: %s\n", path,
                root == NULL ? error.text : s.diag.text);
        return false;
    }
    commands = json_object_get(root, "commands");
    for (size_t n = 0; n < json_array_size(commands); n++) {
        const json_t *command = json_array_get(commands, n);

        s.diag.text[0] = '\0';
        berth_arena_reset(s.arena);
        count(&s, command, run_command(&s, command), &counts);
    }
    printf("%s: %u passed, %u failed, %u skipped\n", s.name, counts.passed, counts.failed,
           counts.skipped);
    r->total.passed += counts.passed;
    r->total.failed += counts.failed;
    r->total.skipped += counts.skipped;
    end(&s);
    json_decref(root);
    return true;
}
