/* component_guests_test.c - components that real toolchains made are called: what they return, and what
 * they ask of the host, on each engine, with shim modules and without.
 *
 * Not part of this repository: $BERTH_GUEST_CORPUS, or ../shared/corpus/guests beside the source tree.
 * Without them the test skips, but for those that `make guests` builds, in $BERTH_LANGUAGE_GUESTS.  The
 * host here keeps buffers and a log; everything else that these components import (WASI) refuses by
 * name when it is called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "component/run/instance.h"
#include "component/plan/transcode.h"
#include "engine_rig.h"

enum { LOG_SIZE = 4096, NAMES_MAX = 256 };

typedef struct world {
    rig *r;
    bool has_streams;   /* else standard output is not provided */
    char log[LOG_SIZE]; /* what the host was asked, one call a line */
    unsigned drops;     /* of the host's resources */
    char names[NAMES_MAX][128];
    uint32_t names_count;
    berthi_cm_loaded *loaded;
    berthi_cm_instance *instance;
    berth_arena *arena;
    berth_diag diag;
} world;

static const char *corpus(void)
{
    const char *folder = getenv("BERTH_GUEST_CORPUS");

    return folder != NULL ? folder : BERTH_TEST_SOURCE_DIR "/../shared/corpus/guests";
}

/* ---------------------------------------------------------------- the host */

static void note(world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void note(world *w, const char *format, ...)
{
    size_t at = strlen(w->log);
    va_list args;

    va_start(args, format);
    vsnprintf(w->log + at, sizeof w->log - at, format, args);
    va_end(args);
}

static berth_status log_write(void *ctx, berthi_cm_host_call *call, const void *args,
                              void *result, berth_diag *diag)
{
    const struct {
        uint8_t level;
        berthi_cm_host_string text;
    } *a = args;

    (void)call, (void)result, (void)diag;
    note(ctx, "write %u '%.*s'\n", a->level, (int)a->text.size, a->text.text);
    return BERTH_OK;
}

typedef struct result_handle { /* result<own<r>, e> */
    uint8_t tag;
    uint64_t handle;
} result_handle;

static berth_status allocate(void *ctx, berthi_cm_host_call *call, const void *args,
                             void *result, berth_diag *diag)
{
    (void)call, (void)diag;
    note(ctx, "allocate %llu\n", (unsigned long long)*(const uint64_t *)args);
    *(result_handle *)result = (result_handle){ 0, 70 };
    return BERTH_OK;
}

static berth_status put(world *w, const char *what, uint64_t handle, berthi_cm_host_list bytes,
                        uint8_t *tag_out)
{
    note(w, "%s %llu, %zu bytes\n", what, (unsigned long long)handle, bytes.count);
    *tag_out = 0;
    return BERTH_OK;
}

static berth_status append(void *ctx, berthi_cm_host_call *call, const void *args, void *result,
                           berth_diag *diag)
{
    const struct {
        uint64_t self;
        berthi_cm_host_list bytes;
    } *a = args;

    (void)call, (void)diag;
    return put(ctx, "append", a->self, a->bytes, result);
}

static berth_status set_type(void *ctx, berthi_cm_host_call *call, const void *args,
                             void *result, berth_diag *diag)
{
    const struct {
        uint64_t self;
        berthi_cm_host_string text;
    } *a = args;

    (void)call, (void)result, (void)diag;
    note(ctx, "type %llu '%.*s'\n", (unsigned long long)a->self, (int)a->text.size,
         a->text.text);
    return BERTH_OK;
}

static berth_status freeze(void *ctx, berthi_cm_host_call *call, const void *args, void *result,
                           berth_diag *diag)
{
    (void)call, (void)diag;
    note(ctx, "freeze %llu\n", (unsigned long long)*(const uint64_t *)args);
    *(uint64_t *)result = 90;
    return BERTH_OK;
}

static berth_status read_all(void *ctx, berthi_cm_host_call *call, const void *args,
                             void *result, berth_diag *diag)
{
    char *text = berthi_cm_host_room(call, 5);

    (void)diag;
    note(ctx, "read-all %llu\n", (unsigned long long)*(const uint64_t *)args);
    if (text == NULL)
        return BERTH_E_NOMEM;
    memcpy(text, "hello", 5);
    *(berthi_cm_host_list *)result = (berthi_cm_host_list){ text, 5 };
    return BERTH_OK;
}

static berth_status size_of(void *ctx, berthi_cm_host_call *call, const void *args,
                            void *result, berth_diag *diag)
{
    (void)call, (void)diag;
    note(ctx, "size %llu\n", (unsigned long long)*(const uint64_t *)args);
    *(uint64_t *)result = 5;
    return BERTH_OK;
}

/* What a program writes to its standard output; println needs this much of WASI. */
static berth_status get_stdout(void *ctx, berthi_cm_host_call *call, const void *args,
                               void *result, berth_diag *diag)
{
    (void)ctx, (void)call, (void)args, (void)diag;
    *(uint64_t *)result = 1;
    return BERTH_OK;
}

static berth_status get_other_stream(void *ctx, berthi_cm_host_call *call, const void *args,
                                     void *result, berth_diag *diag)
{
    (void)ctx, (void)call, (void)args, (void)diag;
    *(uint64_t *)result = 2;
    return BERTH_OK;
}

static berth_status get_no_terminal(void *ctx, berthi_cm_host_call *call, const void *args,
                                    void *result, berth_diag *diag)
{
    (void)ctx, (void)call, (void)args, (void)diag;
    *(uint8_t *)result = 0; /* none */
    return BERTH_OK;
}

typedef struct result_u64 {
    uint8_t tag;
    uint64_t ok;
} result_u64;

static berth_status check_write(void *ctx, berthi_cm_host_call *call, const void *args,
                                void *result, berth_diag *diag)
{
    (void)ctx, (void)call, (void)args, (void)diag;
    *(result_u64 *)result = (result_u64){ 0, 4096 };
    return BERTH_OK;
}

static berth_status stream_write(void *ctx, berthi_cm_host_call *call, const void *args,
                                 void *result, berth_diag *diag)
{
    const struct {
        uint64_t self;
        berthi_cm_host_list bytes;
    } *a = args;

    (void)call, (void)diag;
    note(ctx, "%.*s", (int)a->bytes.count, (const char *)a->bytes.data);
    *(uint8_t *)result = 0;
    return BERTH_OK;
}

static berth_status stream_flush(void *ctx, berthi_cm_host_call *call, const void *args,
                                 void *result, berth_diag *diag)
{
    (void)ctx, (void)call, (void)args, (void)diag;
    *(uint8_t *)result = 0;
    return BERTH_OK;
}

static berth_status get_no_directories(void *ctx, berthi_cm_host_call *call, const void *args,
                                       void *result, berth_diag *diag)
{
    (void)ctx, (void)call, (void)args, (void)diag;
    *(berthi_cm_host_list *)result = (berthi_cm_host_list){ "", 0 };
    return BERTH_OK;
}

static const struct {
    const char *name; /* the end of the path */
    berthi_cm_host_function function;
} functions[] = {
    { "log@0.1.0.write", log_write },
    { "log@1.0.0.write", log_write },
    { "buffer-allocator@0.1.0.allocate", allocate },
    { "[method]mutable-buffer.append", append },
    { "[method]mutable-buffer.set-content-type", set_type },
    { "[method]mutable-buffer.freeze", freeze },
    { "[method]buffer.read-all", read_all },
    { "[method]buffer.size", size_of },
    { ".get-stdout", get_stdout },
    { ".get-stdin", get_other_stream },
    { ".get-stderr", get_other_stream },
    { ".get-directories", get_no_directories },
    { ".get-terminal-stdin", get_no_terminal },
    { ".get-terminal-stdout", get_no_terminal },
    { ".get-terminal-stderr", get_no_terminal },
    { "[method]output-stream.check-write", check_write },
    { "[method]output-stream.write", stream_write },
    { "[method]output-stream.blocking-write-and-flush", stream_write },
    { "[method]output-stream.blocking-flush", stream_flush },
};

/* Everything else. */
static berth_status refuse(void *ctx, berthi_cm_host_call *call, const void *args, void *result,
                           berth_diag *diag)
{
    (void)call, (void)args, (void)result;
    return berthi_fail_because(diag, BERTH_E_TRAP, BERTH_REASON_HOST,
                               "`%s` is not provided here", (const char *)ctx);
}

static void dropped(void *ctx, berthi_cm_host_call *call, uint32_t rep)
{
    world *w = ctx;

    (void)call;
    note(w, "drop %u\n", (unsigned)rep);
    w->drops++;
}

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text), end_size = strlen(end);

    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

static berth_status resolve(void *ctx, const berthi_cm_steps *steps, const berthi_cm_need *need,
                            berthi_cm_binding *out, berth_diag *diag)
{
    world *w = ctx;
    char *name = w->names[w->names_count];

    (void)steps;
    if (w->names_count == NAMES_MAX - 1)
        return berthi_fail(diag, BERTH_E_LIMIT, "too many imports");
    snprintf(name, sizeof w->names[0], "%.*s%s%.*s", (int)need->path[0].size,
             need->path[0].text, need->path_count > 1 ? "." : "",
             need->path_count > 1 ? (int)need->path[1].size : 0,
             need->path_count > 1 ? need->path[1].text : "");
    w->names_count++;
    if (need->is_again)
        return BERTH_E_ABSENT;
    *out = (berthi_cm_binding){ .function = refuse, .ctx = name, .identity = name };
    if (need->sort == BERTHI_CM_TYPE) {
        out->destructor = dropped;
        out->ctx = w;
    }
    for (size_t n = 0; n < sizeof functions / sizeof *functions; n++)
        if (need->sort == BERTHI_CM_FUNC && ends_with(name, functions[n].name) &&
            (w->has_streams || name[0] != 'w')) {
            out->function = functions[n].function;
            out->ctx = w;
        }
    return BERTH_OK;
}

/* ---------------------------------------------------------------- a component */

static uint8_t *read_component(const char *name, size_t *size_out)
{
    char path[4096];
    FILE *file;
    uint8_t *bytes;
    long size;

    if (name[0] == '/')
        snprintf(path, sizeof path, "%s", name);
    else
        snprintf(path, sizeof path, "%s/%s.component.wasm", corpus(), name);
    file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    fseek(file, 0, SEEK_END);
    size = ftell(file);
    rewind(file);
    bytes = malloc((size_t)size);
    if (bytes == NULL || fread(bytes, 1, (size_t)size, file) != (size_t)size)
        fail_msg("cannot read %s", path);
    fclose(file);
    *size_out = (size_t)size;
    return bytes;
}

static const berthi_cm_limits limits = { .store = { .memory_bytes_max = 128 << 20,
                                                    .table_elements_max = 100000,
                                                    .instances_max = 64,
                                                    .memories_max = 8,
                                                    .tables_max = 8 } };

/* False: the corpus has no such component. */
static bool start_with(world *w, rig *r, const char *name, bool keeps_shims, bool has_streams)
{
    berthi_cm_load_options options = { .allocator = &r->allocator,
                                       .engine = r->engine,
                                       .resolve = resolve,
                                       .resolve_ctx = w,
                                       .keeps_shims = keeps_shims };
    size_t size;
    uint8_t *bytes = read_component(name, &size);

    if (bytes == NULL)
        return false;
    *w = (world){ .r = r, .has_streams = has_streams };
    if (berthi_cm_load(bytes, size, &options, &w->loaded, &w->diag) != BERTH_OK)
        fail_msg("%s: load: %s", name, w->diag.text);
    memset(bytes, 0xdd, size); /* nothing is lent from it */
    free(bytes);
    if (berthi_cm_instance_create(w->loaded, &limits, 1000, w, &w->instance, &w->diag) !=
        BERTH_OK)
        fail_msg("%s: instance: %s", name, w->diag.text);
    assert_int_equal(berth_arena_create(&r->allocator, 0, &w->arena, NULL), BERTH_OK);
    return true;
}

static bool start(world *w, rig *r, const char *name, bool keeps_shims)
{
    return start_with(w, r, name, keeps_shims, true);
}

static void end(world *w)
{
    berthi_cm_instance_destroy(w->instance);
    berthi_cm_loaded_unref(w->loaded);
    berth_arena_destroy(w->arena);
}

static berth_status call(world *w, const char *interface, const char *function,
                         const void *args, void *result)
{
    berthi_cm_func func;

    if (!berthi_cm_loaded_func(w->loaded, interface, function, &func))
        fail_msg("no function %s", function);
    berthi_cm_instance_deadline(w->instance, 1000);
    return berthi_cm_call(w->instance, &func, args, result, w->arena, &w->diag);
}

/* ---------------------------------------------------------------- probes */

typedef struct bytes_result { /* result<list<u8>, string> */
    uint8_t tag;
    berthi_cm_host_list bytes;
} bytes_result;

static void check_process(world *w, const char *in, uint8_t tag, const char *out)
{
    berthi_cm_host_list args = { in, strlen(in) };
    bytes_result result;

    if (call(w, NULL, "process", &args, &result) != BERTH_OK)
        fail_msg("process: %s", w->diag.text);
    assert_int_equal(result.tag, tag);
    assert_int_equal(result.bytes.count, strlen(out));
    assert_memory_equal(result.bytes.data, out, strlen(out));
}

static void check_probe(rig *r, const char *name, const char *log)
{
    for (int mode = 0; mode < 2; mode++) {
        world *w = calloc(1, sizeof *w);

        if (start(w, r, name, mode == 1)) {
            check_process(w, "hello", 0, "HELLO");
            assert_string_equal(w->log, log);
            check_process(w, "", 1, "empty input");
            check_process(w, "again", 0, "AGAIN");
            end(w);
        }
        free(w);
    }
}

static void components_made_from_c_answer(void **state)
{
    check_probe(*state, "probe-c-clang14", "write 1 'c: process'\n");
    check_probe(*state, "probe-c-freestanding", "write 1 'c: process'\n");
}

static void a_component_with_an_adapter_reaches_standard_output(void **state)
{
    check_probe(*state, "probe-c-printf-wasi", "write 1 'c: process'\nc: 5 bytes\n");
}

/* tests/api/languages_test.c calls the same ones as slots have them, without shim modules. */
static void components_with_a_language_inside_answer_with_their_shims(void **state)
{
    static const char *const languages[] = { "js", "python", "rust" };
    const char *folder = getenv("BERTH_LANGUAGE_GUESTS");
    rig large = *(rig *)*state;
    berthi_wasm_options options = { .allocator = &large.allocator,
                                    .memory_bytes_max = 128 << 20,
                                    .table_elements_max = 100000,
                                    .stack_bytes_max = 1 << 20,
                                    .instances_max = 64 };
    char path[1024], log[64];

    if (folder == NULL || strcmp(large.ops->name, "interp") == 0 ||
        getenv("BERTH_LANGUAGE_GUESTS_HEAVY") == NULL)
        return; /* they take a minute to compile */
    assert_int_equal(large.ops->engine_create(&options, &large.engine, NULL), BERTH_OK);
    for (size_t n = 0; n < sizeof languages / sizeof *languages; n++) {
        world *w = calloc(1, sizeof *w);

        snprintf(path, sizeof path, "%s/%s.wasm", folder, languages[n]);
        snprintf(log, sizeof log, "write 1 '%s: 5 bytes'\n", languages[n]);
        if (start(w, &large, path, true)) {
            check_process(w, "hello", 0, "HELLO");
            assert_string_equal(w->log, log);
            check_process(w, "", 1, "no input");
            end(w);
        } else {
            printf("not there: %s; `make guests` builds it\n", path);
        }
        free(w);
    }
    large.ops->engine_destroy(large.engine);
}

static void components_made_from_rust_answer(void **state)
{
    check_probe(*state, "probe-rust-unknown", "write 1 '5 bytes'\n");
    check_probe(*state, "probe-rust-wasip2", "write 1 '5 bytes'\nstdout: 5 bytes\n");
}

static void a_component_made_from_assemblyscript_answers(void **state)
{
    check_probe(*state, "probe-as", "write 1 'as: process'\n");
}

/* ---------------------------------------------------------------- streams of elements */

typedef struct element { /* record { meta: record { u64, u64, string }, borrow, borrow } */
    uint64_t sequence, timestamp;
    berthi_cm_host_string type;
    uint64_t payload, context;
} element;

typedef struct verdict { /* result<u8-sized, process-error> */
    uint8_t tag;
    union {
        uint8_t ok;
        struct {
            uint8_t tag;
            berthi_cm_host_string text;
        } error;
    } as;
} verdict;

static const element sample = { 3, 12345, { "text/plain", 10 }, 11, 22 };

static void borrowed_resources_of_the_host_end_with_the_call(void **state)
{
    for (int mode = 0; mode < 2; mode++) {
        world *w = calloc(1, sizeof *w);
        verdict v;

        if (start(w, *state, "torvyn-tmpl-filter", mode == 1)) {
            for (int n = 0; n < 3; n++) {
                if (call(w, "torvyn:streaming/filter@0.1.0", "evaluate", &sample, &v) !=
                    BERTH_OK)
                    fail_msg("evaluate: %s", w->diag.text);
                assert_int_equal(v.tag, 0);
                assert_int_equal(v.as.ok, 1);
            }
            assert_int_equal(w->drops, 0);
            end(w);
        }
        free(w);
    }
}

static void sinks_take_elements(void **state)
{
    static const char *const names[] = { "torvyn-tmpl-sink", "torvyn-tmpl-pipeline-sink" };

    for (int n = 0; n < 4; n++) {
        world *w = calloc(1, sizeof *w);
        verdict v;

        if (start(w, *state, names[n / 2], n % 2 == 1)) {
            if (call(w, "torvyn:streaming/sink@0.1.0", "push", &sample, &v) != BERTH_OK)
                fail_msg("push: %s", w->diag.text);
            assert_int_equal(v.tag, 0);
            assert_string_equal(w->log, "read-all 11\nhello\n");
            end(w);
        }
        free(w);
    }
}

typedef struct owned { /* record { meta: record { u64, u64, string }, own } */
    uint64_t sequence, timestamp;
    berthi_cm_host_string type;
    uint64_t payload;
} owned;

/* result<T, process-error>, where T is option<owned>, or a variant: an owned, or nothing. */
typedef struct produced {
    uint8_t tag;
    struct {
        uint8_t tag;
        owned value;
    } ok;
} produced;

static void sources_give_what_they_own(void **state)
{
    static const char *const names[] = { "torvyn-tmpl-source", "torvyn-tmpl-pipeline-source" };

    for (int n = 0; n < 4; n++) {
        world *w = calloc(1, sizeof *w);
        produced p;

        if (start(w, *state, names[n / 2], n % 2 == 1)) {
            if (call(w, "torvyn:streaming/source@0.1.0", "pull", NULL, &p) != BERTH_OK)
                fail_msg("pull: %s", w->diag.text);
            assert_int_equal(p.tag, 0);
            assert_int_equal(p.ok.tag, 1);
            assert_int_equal(p.ok.value.payload, 90);
            assert_string_equal(w->log,
                                "allocate 18\nappend 70, 18 bytes\nfreeze 70\ndrop 70\n");
            end(w);
        }
        free(w);
    }
}

static void processors_turn_one_element_into_another(void **state)
{
    for (int mode = 0; mode < 2; mode++) {
        world *w = calloc(1, sizeof *w);
        produced p;

        if (start(w, *state, "torvyn-tmpl-pipeline-transform", mode == 1)) {
            if (call(w, "torvyn:streaming/processor@0.1.0", "process", &sample, &p) != BERTH_OK)
                fail_msg("process: %s", w->diag.text);
            assert_int_equal(p.tag, 0);
            assert_int_equal(p.ok.tag, 0);
            assert_int_equal(p.ok.value.payload, 90);
            assert_string_equal(w->log, "read-all 11\nallocate 5\nappend 70, 5 bytes\n"
                                        "freeze 70\ndrop 70\n");
            end(w);
        }
        free(w);
    }
}

static void what_is_not_provided_is_refused_by_name_and_ends_the_instance(void **state)
{
    world *w = calloc(1, sizeof *w);
    berthi_cm_host_list args = { "x", 1 };
    bytes_result result;

    if (start_with(w, *state, "probe-rust-wasip2", false, false)) {
        assert_int_equal(call(w, NULL, "process", &args, &result), BERTH_E_TRAP);
        assert_non_null(
            strstr(w->diag.text, "`wasi:cli/stdin@0.2.6.get-stdin` is not provided here"));
        assert_true(berthi_cm_instance_is_dead(w->instance));
        assert_int_equal(call(w, NULL, "process", &args, &result), BERTH_E_TRAP);
        assert_non_null(strstr(w->diag.text, "cannot enter component instance"));
        end(w);
    }
    free(w);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        rig_test(components_made_from_c_answer),
        rig_test(a_component_with_an_adapter_reaches_standard_output),
        rig_test(components_made_from_rust_answer),
        rig_test(components_with_a_language_inside_answer_with_their_shims),
        rig_test(a_component_made_from_assemblyscript_answers),
        rig_test(borrowed_resources_of_the_host_end_with_the_call),
        rig_test(sinks_take_elements),
        rig_test(sources_give_what_they_own),
        rig_test(processors_turn_one_element_into_another),
        rig_test(what_is_not_provided_is_refused_by_name_and_ends_the_instance),
    };

    const char *built = getenv("BERTH_LANGUAGE_GUESTS");

    if (access(corpus(), R_OK) != 0 && (built == NULL || access(built, R_OK) != 0)) {
        printf("skipped: no guests at %s\n", corpus());
        return 77;
    }
    return rig_run("components of real toolchains", tests, sizeof tests / sizeof *tests);
}
