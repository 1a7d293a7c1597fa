/* core_suite_test.c - the official core suite through every provider of this build.
 *
 * The scripts are not part of this repository.  They are looked for in $BERTH_CORE_SUITE, then in
 * ../shared/corpus/core beside the source tree: core-suite.tar.gz, NAME/NAME.json with its
 * .wasm files.  Without them the test skips.  Text-only commands are counted, not run. */
#include <dirent.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/diag.h"
#include "memory.h"
#include "process.h"
#include "wasm/module.h"

enum { NAMES_MAX = 64, CELLS_MAX = 64, FAILURES_SHOWN = 20, COMMANDS_MIN = 25800 };

static char suite_folder[4096];

typedef struct named {
    char name[64];
    berthi_wasm_instance instance;
} named;

typedef struct counts {
    unsigned modules, returns, traps, exhaustions, invalids, malformeds, unlinkables;
    unsigned uninstantiables, actions, registers, text_only, failed;
} counts;

typedef struct script {
    const berthi_wasm_ops *ops;
    berthi_wasm_engine *engine;
    const berthi_wasm_limits *limits;
    const char *name;
    json_int_t line;
    berthi_wasm_store *store;
    berthi_extern spectest[16];
    named instances[NAMES_MAX], registered[NAMES_MAX];
    size_t instances_count, registered_count;
    berthi_wasm_instance current;
    bool has_current, keeps_store;
    counts *n;
    berth_diag diag;
} script;

/* ---------------------------------------------------------------- failing */

static void complain(script *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void complain(script *s, const char *format, ...)
{
    va_list args;

    if (s->n->failed++ >= FAILURES_SHOWN)
        return;
    fprintf(stderr, "%s: %s.wast:%d: ", s->ops->name, s->name, (int)s->line);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text == NULL ? "" : text;
}

/* ---------------------------------------------------------------- spectest */

static berth_status print(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                          berth_diag *diag)
{
    (void)ctx;
    (void)store;
    (void)cells;
    (void)diag;
    return BERTH_OK;
}

typedef struct spectest_export {
    const char *name;
    uint8_t kind, params;
    uint8_t types[2]; /* of a function's parameters, or of a global */
} spectest_export;

static const spectest_export spectest_exports[] = {
    { "print", BERTHI_EXTERN_FUNC, 0, { 0 } },
    { "print_i32", BERTHI_EXTERN_FUNC, 1, { BERTHI_I32 } },
    { "print_i64", BERTHI_EXTERN_FUNC, 1, { BERTHI_I64 } },
    { "print_f32", BERTHI_EXTERN_FUNC, 1, { BERTHI_F32 } },
    { "print_f64", BERTHI_EXTERN_FUNC, 1, { BERTHI_F64 } },
    { "print_i32_f32", BERTHI_EXTERN_FUNC, 2, { BERTHI_I32, BERTHI_F32 } },
    { "print_f64_f64", BERTHI_EXTERN_FUNC, 2, { BERTHI_F64, BERTHI_F64 } },
    { "global_i32", BERTHI_EXTERN_GLOBAL, 0, { BERTHI_I32 } },
    { "global_i64", BERTHI_EXTERN_GLOBAL, 0, { BERTHI_I64 } },
    { "global_f32", BERTHI_EXTERN_GLOBAL, 0, { BERTHI_F32 } },
    { "global_f64", BERTHI_EXTERN_GLOBAL, 0, { BERTHI_F64 } },
    { "table", BERTHI_EXTERN_TABLE, 0, { 0 } },
    { "memory", BERTHI_EXTERN_MEMORY, 0, { 0 } },
};
enum { SPECTEST_COUNT = sizeof spectest_exports / sizeof *spectest_exports };

static berthi_val spectest_global(uint8_t type)
{
    float f = 666.6f;
    double d = 666.6;
    berthi_val v = { .words = { 0, 0 } };

    switch (type) {
    case BERTHI_F32:
        memcpy(&v.f32, &f, sizeof f);
        break;
    case BERTHI_F64:
        memcpy(&v.f64, &d, sizeof d);
        break;
    case BERTHI_I32:
        v.i32 = 666;
        break;
    default:
        v.i64 = 666;
    }
    return v;
}

static berth_status make_spectest_export(script *s, const spectest_export *e,
                                         berthi_extern *out)
{
    berthi_functype type = { e->params, 0, e->types };

    switch (e->kind) {
    case BERTHI_EXTERN_FUNC:
        return s->ops->func_create(s->store, &type, print, NULL, out, &s->diag);
    case BERTHI_EXTERN_GLOBAL:
        return s->ops->global_create(s->store, e->types[0], false, spectest_global(e->types[0]),
                                     out, &s->diag);
    case BERTHI_EXTERN_TABLE:
        return s->ops->table_create(s->store, BERTHI_FUNCREF, 10, 20, out, &s->diag);
    default:
        return s->ops->memory_create(s->store, 1, 2, out, &s->diag);
    }
}

static void renew_store(script *s)
{
    s->ops->store_destroy(s->store);
    s->store = NULL;
    s->has_current = false;
    s->instances_count = s->registered_count = 0;
    if (s->ops->store_create(s->engine, s->limits, NULL, &s->store, &s->diag) != BERTH_OK)
        fail_msg("no store: %s", s->diag.text);
    s->ops->store_deadline(s->store, 1000000);
    for (size_t i = 0; i < SPECTEST_COUNT; i++)
        if (make_spectest_export(s, &spectest_exports[i], &s->spectest[i]) != BERTH_OK)
            fail_msg("spectest %s: %s", spectest_exports[i].name, s->diag.text);
}

/* ---------------------------------------------------------------- modules */

static uint8_t *read_file(const char *path, size_t *size_out)
{
    FILE *file = fopen(path, "rb");
    struct stat st;
    uint8_t *bytes;

    if (file == NULL || fstat(fileno(file), &st) != 0)
        fail_msg("cannot read %s", path);
    *size_out = (size_t)st.st_size;
    bytes =
        malloc(*size_out == 0 ? 1 : *size_out); /* exact, so that a sanitizer sees overruns */
    if (bytes == NULL || fread(bytes, 1, *size_out, file) != *size_out)
        fail_msg("cannot read %s", path);
    fclose(file);
    return bytes;
}

static bool same_name(berthi_name name, const char *text)
{
    return name.size == strlen(text) && memcmp(name.text, text, name.size) == 0;
}

static const named *find_named(const named *all, size_t count, const char *name)
{
    while (count-- > 0) /* the last one of that name */
        if (strcmp(all[count].name, name) == 0)
            return &all[count];
    return NULL;
}

/* What an import asks for; all zero when nobody has it, which no provider takes for an object. */
static berthi_extern resolve(script *s, const berthi_wasm_import *import)
{
    berthi_extern found = { 0 };
    char module[64];
    const named *from;

    if (same_name(import->module, "spectest")) {
        for (size_t i = 0; i < SPECTEST_COUNT; i++)
            if (same_name(import->name, spectest_exports[i].name))
                return s->spectest[i];
        return found;
    }
    snprintf(module, sizeof module, "%.*s", (int)import->module.size, import->module.text);
    from = find_named(s->registered, s->registered_count, module);
    if (from != NULL)
        (void)s->ops->instance_export(s->store, from->instance, import->name.text,
                                      import->name.size, &found);
    return found;
}

static berth_status link_module(script *s, berthi_wasm_module *module, const uint8_t *bytes,
                                size_t size, berthi_wasm_instance *instance_out)
{
    berthi_arena arena;
    berthi_wasm_info info;
    berthi_extern *imports;
    berth_status status;

    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    status = berthi_wasm_read(bytes, size, &arena, &info, &s->diag);
    if (status == BERTH_OK) {
        imports = calloc(info.imports_count + 1u, sizeof *imports);
        assert_non_null(imports);
        for (uint32_t i = 0; i < info.imports_count && status == BERTH_OK; i++) {
            imports[i] = resolve(s, &info.imports[i]);
            if (imports[i].words[0] == 0 && imports[i].words[1] == 0)
                status = berthi_fail(&s->diag, BERTH_E_REJECTED, "unknown import");
        }
        if (status == BERTH_OK)
            status = s->ops->instantiate(s->store, module, imports, info.imports_count,
                                         instance_out, &s->diag);
        free(imports);
    }
    berthi_arena_fini(&arena);
    return status;
}

/* Compiles the command's file and, when `instance_out` is there, instantiates it. */
static berth_status load(script *s, const json_t *command, berthi_wasm_instance *instance_out,
                         bool *compiled_out)
{
    berthi_wasm_module *module = NULL;
    char path[8192];
    uint8_t *bytes;
    size_t size;
    berth_status status;

    snprintf(path, sizeof path, "%s/%s/%s", suite_folder, s->name,
             text_of(command, "filename"));
    bytes = read_file(path, &size);
    status = s->ops->module_compile(s->engine, bytes, size, &module, &s->diag);
    *compiled_out = status == BERTH_OK;
    if (status == BERTH_OK && instance_out != NULL)
        status = link_module(s, module, bytes, size, instance_out);
    if (module != NULL)
        s->ops->module_unref(module);
    free(bytes);
    return status;
}

static void add_named(named *all, size_t *count, const char *name,
                      berthi_wasm_instance instance)
{
    assert_true(*count < NAMES_MAX);
    snprintf(all[*count].name, sizeof all[*count].name, "%s", name);
    all[(*count)++].instance = instance;
}

static void do_module(script *s, const json_t *command, bool instantiate)
{
    bool compiled;

    s->n->modules++;
    if (instantiate && (s->store == NULL || !s->keeps_store))
        renew_store(s);
    s->has_current = false;
    if (load(s, command, instantiate ? &s->current : NULL, &compiled) != BERTH_OK) {
        complain(s, "module: %s", s->diag.text);
        return;
    }
    s->has_current = instantiate;
    if (instantiate && json_object_get(command, "name") != NULL)
        add_named(s->instances, &s->instances_count, text_of(command, "name"), s->current);
}

static void do_register(script *s, const json_t *command)
{
    const char *name = text_of(command, "name");
    const named *from =
        name[0] == '\0' ? NULL : find_named(s->instances, s->instances_count, name);

    s->n->registers++;
    if (from == NULL && (name[0] != '\0' || !s->has_current))
        complain(s, "register of an instance that is not there");
    else
        add_named(s->registered, &s->registered_count, text_of(command, "as"),
                  from != NULL ? from->instance : s->current);
}

/* ---------------------------------------------------------------- values */

static berthi_val value_of(script *s, const json_t *value)
{
    const char *type = text_of(value, "type"), *text = text_of(value, "value");
    berthi_val v = { .words = { 0, 0 } };

    if (strcmp(type, "externref") == 0) {
        if (strcmp(text, "null") != 0 &&
            s->ops->externref_wrap(s->store, strtoull(text, NULL, 10), &v, &s->diag) !=
                BERTH_OK)
            complain(s, "externref: %s", s->diag.text);
        return v;
    }
    if (strcmp(type, "funcref") == 0)
        return v;
    v.i64 =
        text[0] == '-' ? (int64_t)strtoll(text, NULL, 10) : (int64_t)strtoull(text, NULL, 10);
    if (type[1] == '3')
        v.words[0] = (uint32_t)v.words[0];
    return v;
}

static bool is_nan(const char *type, const char *pattern, berthi_val got)
{
    bool is_canonical = strcmp(pattern, "nan:canonical") == 0;

    if (strcmp(type, "f32") == 0)
        return is_canonical ? (got.f32 & 0x7fffffffu) == 0x7fc00000u
                            : (got.f32 & 0x7fc00000u) == 0x7fc00000u;
    return is_canonical ? (got.f64 & ~(1ull << 63)) == 0x7ff8000000000000u
                        : (got.f64 & 0x7ff8000000000000u) == 0x7ff8000000000000u;
}

static bool matches(script *s, const json_t *expected, berthi_val got)
{
    const char *type = text_of(expected, "type"), *text = text_of(expected, "value");

    if (strncmp(text, "nan:", 4) == 0)
        return is_nan(type, text, got);
    if (strcmp(type, "refnull") == 0 || strcmp(text, "null") == 0)
        return got.words[0] == 0;
    if (strcmp(type, "funcref") == 0)
        return got.words[0] != 0;
    if (strcmp(type, "externref") == 0)
        return got.words[0] != 0 &&
               (text[0] == '\0' ||
                s->ops->externref_unwrap(s->store, got) == strtoull(text, NULL, 10));
    if (type[1] == '3')
        return (uint32_t)value_of(s, expected).words[0] == (uint32_t)got.i32;
    return value_of(s, expected).words[0] == (uint64_t)got.i64;
}

/* ---------------------------------------------------------------- actions */

/* Runs an action; its results are in `cells`. */
static berth_status act(script *s, const json_t *action, berthi_val *cells)
{
    const char *field = text_of(action, "field"), *module = text_of(action, "module");
    const json_t *args = json_object_get(action, "args");
    berthi_wasm_instance instance = s->current;
    berthi_extern e;

    if (module[0] != '\0') {
        const named *from = find_named(s->instances, s->instances_count, module);

        if (from == NULL)
            return berthi_fail(&s->diag, BERTH_E_ABSENT, "no module %s", module);
        instance = from->instance;
    } else if (!s->has_current) {
        return berthi_fail(&s->diag, BERTH_E_ABSENT, "no module");
    }
    if (!s->ops->instance_export(s->store, instance, field,
                                 json_string_length(json_object_get(action, "field")), &e))
        return berthi_fail(&s->diag, BERTH_E_ABSENT, "no export '%s'", field);
    if (strcmp(text_of(action, "type"), "get") == 0) {
        s->ops->global_get(s->store, &e, cells);
        return BERTH_OK;
    }
    for (size_t i = 0; i < json_array_size(args); i++)
        cells[i] = value_of(s, json_array_get(args, i));
    s->ops->store_deadline(s->store, 1000000);
    return s->ops->call(s->store, &e, cells, CELLS_MAX, &s->diag);
}

static void do_assert_return(script *s, const json_t *command)
{
    const json_t *action = json_object_get(command, "action");
    const json_t *expected = json_object_get(command, "expected");
    berthi_val cells[CELLS_MAX] = { 0 };

    s->n->returns++;
    if (!process_rounds_once() &&
        strncmp(text_of(action, "field"), "f32.convert_i64", strlen("f32.convert_i64")) == 0)
        return;
    if (act(s, action, cells) != BERTH_OK) {
        complain(s, "%s: %s", text_of(action, "field"), s->diag.text);
        return;
    }
    for (size_t i = 0; i < json_array_size(expected); i++)
        if (!matches(s, json_array_get(expected, i), cells[i])) {
            complain(s, "%s: result %zu is %#llx, not %s", text_of(action, "field"), i,
                     (unsigned long long)cells[i].words[0],
                     text_of(json_array_get(expected, i), "value"));
            return;
        }
}

static berth_reason reason_of(const char *text)
{
    static const struct {
        const char *text;
        berth_reason reason;
    } all[] = {
        { "out of bounds memory access", BERTH_REASON_MEMORY_BOUNDS },
        { "out of bounds table access", BERTH_REASON_TABLE_BOUNDS },
        { "undefined element", BERTH_REASON_TABLE_BOUNDS },
        { "uninitialized element", BERTH_REASON_INDIRECT_NULL },
        { "indirect call type mismatch", BERTH_REASON_SIGNATURE },
        { "integer divide by zero", BERTH_REASON_DIVISION },
        { "integer overflow", BERTH_REASON_INTEGER_OVERFLOW },
        { "invalid conversion to integer", BERTH_REASON_CONVERSION },
        { "unreachable", BERTH_REASON_UNREACHABLE },
        { "call stack exhausted", BERTH_REASON_STACK },
    };

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strncmp(text, all[i].text, strlen(all[i].text)) == 0)
            return all[i].reason;
    return BERTH_REASON_NONE;
}

static void expect_failure(script *s, const json_t *command, berth_status got,
                           berth_status want)
{
    const char *text = text_of(command, "text");

    if (got != want)
        complain(s, "\"%s\": %s instead of %s", text, berth_status_name(got),
                 berth_status_name(want));
    else if ((berth_reason)s->diag.reason != reason_of(text))
        complain(s, "\"%s\": reason %s", text, berth_reason_name((berth_reason)s->diag.reason));
}

static void do_assert_trap(script *s, const json_t *command, berth_status want)
{
    berthi_val cells[CELLS_MAX] = { 0 };

    expect_failure(s, command, act(s, json_object_get(command, "action"), cells), want);
}

/* A module that must not come to be: because of its bytes, its imports or its start. */
static void do_assert_module(script *s, const json_t *command, bool is_compiled,
                             berth_status want)
{
    berthi_wasm_instance instance;
    bool compiled;
    berth_status got;

    if (is_compiled && s->store == NULL)
        renew_store(s);
    got = load(s, command, is_compiled ? &instance : NULL, &compiled);
    if (compiled != is_compiled)
        complain(s, "\"%s\": compiling it %s", text_of(command, "text"),
                 compiled ? "passed" : s->diag.text);
    else if (want == BERTH_E_TRAP)
        expect_failure(s, command, got, want);
    else if (got != want)
        complain(s, "\"%s\": %s instead of %s", text_of(command, "text"),
                 berth_status_name(got), berth_status_name(want));
}

static void do_action(script *s, const json_t *command)
{
    berthi_val cells[CELLS_MAX] = { 0 };

    s->n->actions++;
    if (act(s, json_object_get(command, "action"), cells) != BERTH_OK)
        complain(s, "action: %s", s->diag.text);
}

static void do_command(script *s, const json_t *command)
{
    const char *type = text_of(command, "type");

    s->line = json_integer_value(json_object_get(command, "line"));
    if (strcmp(text_of(command, "module_type"), "text") == 0)
        s->n->text_only++;
    else if (strcmp(type, "module") == 0)
        do_module(s, command, true);
    else if (strcmp(type, "module_definition") == 0)
        do_module(s, command, false);
    else if (strcmp(type, "register") == 0)
        do_register(s, command);
    else if (strcmp(type, "action") == 0)
        do_action(s, command);
    else if (strcmp(type, "assert_return") == 0)
        do_assert_return(s, command);
    else if (strcmp(type, "assert_trap") == 0)
        s->n->traps++, do_assert_trap(s, command, BERTH_E_TRAP);
    else if (strcmp(type, "assert_exhaustion") == 0)
        s->n->exhaustions++, do_assert_trap(s, command, BERTH_E_LIMIT);
    else if (strcmp(type, "assert_invalid") == 0)
        s->n->invalids++, do_assert_module(s, command, false, BERTH_E_REJECTED);
    else if (strcmp(type, "assert_malformed") == 0)
        s->n->malformeds++, do_assert_module(s, command, false, BERTH_E_REJECTED);
    else if (strcmp(type, "assert_unlinkable") == 0)
        s->n->unlinkables++, do_assert_module(s, command, true, BERTH_E_REJECTED);
    else if (strcmp(type, "assert_uninstantiable") == 0)
        s->n->uninstantiables++, do_assert_module(s, command, true, BERTH_E_TRAP);
    else
        complain(s, "command '%s' is not known here", type);
}

/* ---------------------------------------------------------------- scripts */

/* Scripts that link modules keep one store; others get a fresh one for each module. */
static bool links_modules(const json_t *commands)
{
    for (size_t i = 0; i < json_array_size(commands); i++) {
        const json_t *command = json_array_get(commands, i);

        if (json_object_get(command, "name") != NULL ||
            strcmp(text_of(command, "type"), "register") == 0)
            return true;
    }
    return false;
}

static size_t run_script(const berthi_wasm_ops *ops, berthi_wasm_engine *engine,
                         const berthi_wasm_limits *limits, const char *name, counts *n)
{
    script s = { .ops = ops, .engine = engine, .limits = limits, .name = name, .n = n };
    char path[8192];
    json_error_t error;
    json_t *root;
    const json_t *commands;
    size_t count;

    snprintf(path, sizeof path, "%s/%s/%s.json", suite_folder, name, name);
    root = json_load_file(path, JSON_ALLOW_NUL, &error);
    if (root == NULL)
        fail_msg("%s: %s", path, error.text);
    commands = json_object_get(root, "commands");
    count = json_array_size(commands);
    s.keeps_store = links_modules(commands);
    for (size_t i = 0; i < count; i++)
        do_command(&s, json_array_get(commands, i));
    if (s.store != NULL)
        ops->store_destroy(s.store);
    json_decref(root);
    return count;
}

/* Each folder of the suite holds one script; they run in the order of their names. */
static int is_script(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static size_t run_scripts(const berthi_wasm_ops *ops, berthi_wasm_engine *engine, counts *n,
                          size_t *commands_out)
{
    static const berthi_wasm_limits limits = { .memory_bytes_max = 64u << 20,
                                               .table_elements_max = 1000000,
                                               .instances_max = 128,
                                               .memories_max = 128,
                                               .tables_max = 256 };
    struct dirent **entries;
    int scripts = scandir(suite_folder, &entries, is_script, alphasort);

    assert_true(scripts > 0);
    for (int i = 0; i < scripts; i++) {
        *commands_out += run_script(ops, engine, &limits, entries[i]->d_name, n);
        free(entries[i]);
    }
    free(entries);
    return (size_t)scripts;
}

static void run_suite(const char *provider)
{
    const berthi_wasm_ops *ops = berthi_wasm_provider(provider);
    bertht_memory memory;
    berth_allocator allocator;
    berthi_wasm_options options = { .memory_bytes_max = 64u << 20,
                                    .table_elements_max = 1000000,
                                    .stack_bytes_max = 512 * 1024,
                                    .instances_max = 128 };
    berthi_wasm_engine *engine;
    berth_diag diag;
    counts n = { 0 };
    size_t commands = 0, scripts;

    if (ops == NULL) {
        printf("core suite: this build has no %s\n", provider);
        skip();
    }
    memory_init(&memory);
    allocator = memory_allocator(&memory);
    options.allocator = &allocator;
    if (ops->engine_create(&options, &engine, &diag) != BERTH_OK)
        fail_msg("no engine: %s", diag.text);
    scripts = run_scripts(ops, engine, &n, &commands);
    ops->engine_destroy(engine);
    memory_assert_empty(&memory);
    printf("core suite on %s: %zu scripts, %zu commands: %u modules, %u assert_return, "
           "%u assert_trap, %u assert_exhaustion, %u assert_invalid, %u assert_malformed, "
           "%u assert_unlinkable, %u assert_uninstantiable, %u actions, %u registers; "
           "%u text-only not run; %u failed\n",
           provider, scripts, commands, n.modules, n.returns, n.traps, n.exhaustions,
           n.invalids, n.malformeds, n.unlinkables, n.uninstantiables, n.actions, n.registers,
           n.text_only, n.failed);
    assert_int_equal(n.modules + n.returns + n.traps + n.exhaustions + n.invalids +
                         n.malformeds + n.unlinkables + n.uninstantiables + n.actions +
                         n.registers + n.text_only,
                     commands);
    assert_true(commands >= COMMANDS_MIN);
    assert_int_equal(n.failed, 0);
}

static void every_command_of_the_core_suite_passes_on_interp(void **state)
{
    (void)state;
    run_suite("interp");
}

static void every_command_of_the_core_suite_passes_on_wasmtime(void **state)
{
    (void)state;
    run_suite("wasmtime");
}

/* ---------------------------------------------------------------- unpacking */

static bool run_program(char *const *argv)
{
    pid_t child;
    int status;

    if (posix_spawnp(&child, argv[0], NULL, NULL, argv, environ) != 0)
        return false;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* False: there is no suite here. */
static bool unpack(void)
{
    const char *from = getenv("BERTH_CORE_SUITE");
    char archive[4096], tar[] = "tar", extract[] = "-xzf", into[] = "-C";
    char *argv[] = { tar, extract, archive, into, suite_folder, NULL };

    snprintf(archive, sizeof archive, "%s/core-suite.tar.gz",
             from != NULL ? from : BERTH_TEST_SOURCE_DIR "/../shared/corpus/core");
    if (access(archive, R_OK) != 0) {
        printf("skipped: no core suite at %s\n", archive);
        return false;
    }
    snprintf(suite_folder, sizeof suite_folder, "%s/core-suite-XXXXXX", BERTH_TEST_BUILD_DIR);
    if (mkdtemp(suite_folder) == NULL || !run_program(argv)) {
        fprintf(stderr, "cannot unpack %s into %s\n", archive, suite_folder);
        exit(1);
    }
    return true;
}

static void remove_suite(void)
{
    char rm[] = "rm", recursive[] = "-rf";
    char *argv[] = { rm, recursive, suite_folder, NULL };

    if (!run_program(argv))
        fprintf(stderr, "cannot remove %s\n", suite_folder);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_of_the_core_suite_passes_on_interp),
        cmocka_unit_test(every_command_of_the_core_suite_passes_on_wasmtime),
    };
    int failed;

    if (!unpack())
        return 77;
    failed = cmocka_run_group_tests_name("core suite", tests, NULL, NULL);
    remove_suite();
    return failed;
}
