/* module_guest_test.c - core modules that import from the host, by a family of the test's own. */
#include "slot_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/admit.h>
#include <berth/grant.h>

#include "admit/family.h"
#include "base/diag.h"
#include "guests.h"
#include "plugin_builder.h"
#include "registry/registry.h"
#include "service/preview1/preview1.h"

/* ---------------------------------------------------------------- the family
 *
 * A module that exports `alloc` and `process` and imports `host` `log`: the guests of the corpus. */

typedef struct probe_state {
    berthi_extern alloc;
    uint32_t calls, logged;
} probe_state;

static char logged[256];
static uint32_t states_ended;

static berth_status host_log(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                             berth_diag *diag)
{
    berthi_guest *g = berthi_guest_of(store);
    uint32_t size = (uint32_t)cells[2].i32;
    const char *text = berthi_guest_span(g, (uint32_t)cells[1].i32, size);

    if (text == NULL)
        return berthi_fail(diag, BERTH_E_ABI, "%s: its text is out of bounds",
                           ((const berthi_host_import *)ctx)->name);
    ((probe_state *)g->state)->logged++;
    snprintf(logged, sizeof logged, "%d %.*s", cells[0].i32, (int)size, text);
    berthi_guest_log(g, BERTH_LOG_INFO, text, size);
    return BERTH_OK;
}

static berth_status host_dice(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                              berth_diag *diag)
{
    (void)ctx;
    (void)store;
    (void)diag;
    cells[0].i32 = 4;
    return BERTH_OK;
}

static const berthi_host_import host_functions[] = {
    { "log", "iii:", host_log, 0 },
    { "dice", ":i", host_dice, BERTHI_RIGHT_BIT(BERTHI_RIGHT_RANDOM) },
};
static const berthi_host_module host_module = { "host", host_functions, 2 };
static const berthi_host_module *const probe_imports[] = { &host_module,
                                                           &berthi_preview1_module, NULL };

static bool recognises(const berthi_wasm_info *info)
{
    return berthi_imports_from(info, "host");
}

static bool describe(const berthi_wasm_info *info, berthi_scope scope,
                     berthi_metadata *metadata_out)
{
    const berthi_wasm_export *e = berthi_wasm_find_export(info, "process");
    berthi_family_hook hook;
    uint32_t count = 0;

    if (e != NULL && e->kind == BERTHI_EXTERN_FUNC && berthi_wasm_func_is(info, e, "ii:I")) {
        hook = (berthi_family_hook){ berthi_name_of("do"), e->name };
        count = 1;
    }
    return berthi_describe(scope, "probe", &hook, count, metadata_out);
}

static berth_status begin(berthi_guest *g, berth_diag *diag)
{
    probe_state *s = g->state;

    return berthi_guest_find(g, "alloc", "i:i", &s->alloc)
               ? BERTH_OK
               : berthi_fail(diag, BERTH_E_ABI, "it has no `alloc`");
}

static berth_status enter(berthi_guest *g, uint32_t hook, const berth_call *call,
                          berth_reply *reply, berth_diag *diag)
{
    probe_state *s = g->state;
    berthi_val cells[2] = { { .i32 = (int32_t)call->input_size } };
    berth_status status = berthi_guest_call(g, &s->alloc, cells, 1, diag);
    uint32_t at = (uint32_t)cells[0].i32;
    const void *data;
    void *input;

    if (status != BERTH_OK)
        return status;
    input = berthi_guest_span(g, at, call->input_size);
    if (input == NULL)
        return berthi_fail(diag, BERTH_E_ABI, "alloc answered %u", at);
    if (call->input_size != 0)
        memcpy(input, call->input, call->input_size);
    s->calls++;
    cells[0] = (berthi_val){ .i32 = (int32_t)at };
    cells[1] = (berthi_val){ .i32 = (int32_t)call->input_size };
    status = berthi_guest_call(g, &g->hooks[hook], cells, 2, diag);
    if (status != BERTH_OK)
        return status;
    data =
        berthi_guest_span(g, (uint32_t)((uint64_t)cells[0].i64 >> 32), (uint32_t)cells[0].i64);
    if (data == NULL)
        return berthi_fail(diag, BERTH_E_ABI, "its reply is out of bounds");
    g->is_over = g->config_size != 0 && s->calls == ((const uint8_t *)g->config)[0];
    return berthi_guest_reply(g, call, data, (uint32_t)cells[0].i64, reply, diag);
}

static void end(berthi_guest *g)
{
    (void)g;
    states_ended++;
}

static const berthi_family family = { .says = "it imports `host`",
                                      .state_size = sizeof(probe_state),
                                      .recognises = recognises,
                                      .describe = describe,
                                      .begin = begin,
                                      .enter = enter,
                                      .end = end };
static const char *const kinds[] = { "hook", NULL };
static const berthi_profile profile = { .id = "probe/1",
                                        .memory = "memory",
                                        .imports = probe_imports,
                                        .calls_initialize = true,
                                        .kinds = kinds,
                                        .family = &family };
static const berthi_profile *const profiles[] = { &berthi_profile_berth, &profile, NULL };

static slot_rig *with_family(void **state)
{
    slot_rig *r = *state;

    r->runtime->profiles = profiles;
    logged[0] = '\0';
    states_ended = 0;
    return r;
}

/* ---------------------------------------------------------------- modules made here */

enum { LOCAL_GET = 0x20, I32_CONST = 0x41, CALL = 0x10, DROP = 0x1a };

/* alloc answers 1024; process logs its input and answers 2 bytes from 16 on. */
static uint8_t *make_module(void (*imports)(bertht_wasm *m), const char *log_twice,
                            size_t *size_out)
{
    bertht_wasm m = { 0 };
    static const uint8_t alloc[] = { I32_CONST, 0x80, 0x08 };
    uint8_t process[32] = { I32_CONST, 7, LOCAL_GET, 0, LOCAL_GET, 1, CALL, 0 };
    size_t n = 8;
    uint32_t f;
    uint8_t *bytes;

    wasm_import_func(&m, "host", "log", "iii:");
    if (log_twice != NULL) {
        wasm_import_func(&m, "host", "log", log_twice);
        memcpy(process + n,
               (const uint8_t[]){ I32_CONST, 8, LOCAL_GET, 0, LOCAL_GET, 1, CALL, 1 }, 8);
        n += 8;
    }
    if (imports != NULL)
        imports(&m);
    process[n++] = 0x42; /* i64.const 16 << 32 | 2 */
    memcpy(process + n, (const uint8_t[]){ 0x82, 0x80, 0x80, 0x80, 0x80, 0x02 }, 6);
    n += 6;
    wasm_memory(&m, 0, 1, 0);
    wasm_data(&m, 16, "ok", 2);
    wasm_export(&m, "memory", BERTHI_EXTERN_MEMORY, 0);
    f = wasm_func(&m, "i:i", alloc, sizeof alloc);
    wasm_export(&m, "alloc", BERTHI_EXTERN_FUNC, f);
    f = wasm_func(&m, "ii:I", process, n);
    wasm_export(&m, "process", BERTHI_EXTERN_FUNC, f);
    bytes = wasm_finish(&m, size_out);
    wasm_free(&m);
    return bytes;
}

static void import_dice(bertht_wasm *m)
{
    wasm_import_func(m, "host", "dice", ":i");
}

static void import_unknown(bertht_wasm *m)
{
    wasm_import_func(m, "env", "abort", "iiii:");
}

static void import_wrong_type(bertht_wasm *m)
{
    wasm_import_func(m, "host", "dice", ":I");
}

static void expect_reply(slot_rig *r, berth_slot *slot, const char *input, const char *expected)
{
    berth_reply reply;

    if (slot_rig_call(r, slot, input, strlen(input), &reply) != BERTH_OK)
        fail_msg("%s", r->diag.text);
    assert_int_equal(reply.size, strlen(expected));
    assert_memory_equal(reply.data, expected, reply.size);
}

static void a_module_calls_what_its_family_offers(void **state)
{
    slot_rig *r = with_family(state);
    berth_slot *slot = slot_rig_open(r, "one", NULL);
    size_t size;
    uint8_t *bytes = make_module(NULL, NULL, &size);

    slot_rig_install(r, slot, bytes, size);
    expect_reply(r, slot, "hello", "ok");
    assert_string_equal(logged, "7 hello");
    expect_reply(r, slot, "again", "ok");
    assert_string_equal(logged, "7 again");
    assert_int_equal(slot_rig_stats(slot).answered, 2);
}

static void a_function_may_be_imported_twice(void **state)
{
    slot_rig *r = with_family(state);
    berth_slot *slot = slot_rig_open(r, "twice", NULL);
    size_t size;
    uint8_t *bytes = make_module(NULL, "iii:", &size);

    slot_rig_install(r, slot, bytes, size);
    expect_reply(r, slot, "hello", "ok");
    assert_string_equal(logged, "8 hello");
    bytes = make_module(NULL, "iiI:", &size);
    slot_rig_check(r, slot_rig_try_install(r, slot, bytes, size), BERTH_E_REJECTED, 0,
                   "import `host` `log` has type (i32, i32, i64) -> (); the host's is (i32, "
                   "i32, i32) -> ()");
}

static void imports_that_nobody_offers_are_refused_by_name(void **state)
{
    slot_rig *r = with_family(state);
    berth_slot *slot = slot_rig_open(r, "refused", NULL);
    size_t size;
    uint8_t *bytes = make_module(import_unknown, NULL, &size);

    slot_rig_check(
        r, slot_rig_try_install(r, slot, bytes, size), BERTH_E_REJECTED, 0,
        "imports 1 item(s) that nobody offers to it; the first is func `env` `abort`");
    bytes = make_module(import_wrong_type, NULL, &size);
    slot_rig_check(r, slot_rig_try_install(r, slot, bytes, size), BERTH_E_REJECTED, 0,
                   "import `host` `dice` has type () -> (i64); the host's is () -> (i32)");
}

static void an_import_that_needs_a_grant_is_linked_with_it_only(void **state)
{
    static const char *const lines[] = { "deny:random" };
    slot_rig *r = with_family(state);
    berth_slot *slot = slot_rig_open(r, "poor", NULL);
    berth_slot_options with = BERTH_SLOT_OPTIONS_INIT;
    berth_grants_options options = BERTH_GRANTS_OPTIONS_INIT;
    berth_grants *grants = NULL;
    size_t size;
    uint8_t *bytes = make_module(import_dice, NULL, &size);

    slot_rig_check(r, slot_rig_try_install(r, slot, bytes, size), BERTH_E_REJECTED, 0,
                   "import `host` `dice`: the slot has no grant `random` (`deny:random` links");
    options.grants = lines;
    options.grants_count = 1;
    assert_int_equal(berth_grants_create(&r->allocator, &options, &grants, &r->diag), BERTH_OK);
    with.grants = grants;
    slot = slot_rig_open(r, "denied", &with);
    berth_grants_destroy(grants);
    bytes = make_module(import_dice, NULL, &size);
    slot_rig_install(r, slot, bytes, size);
}

static void a_span_out_of_bounds_ends_the_instance(void **state)
{
    slot_rig *r = with_family(state);
    berth_slot *slot = slot_rig_open(r, "oob", NULL);
    size_t size, input_size = 65536 - 1024 + 1;
    uint8_t *bytes = make_module(NULL, NULL, &size);
    char *input = calloc(1, input_size);

    slot_rig_install(r, slot, bytes, size);
    slot_rig_check(r, slot_rig_call(r, slot, input, input_size, NULL), BERTH_E_ABI, 0,
                   "process: alloc answered 1024");
    slot_rig_check(r, slot_rig_call(r, slot, input, input_size - 1, NULL), BERTH_OK, 0, "");
    assert_int_equal(slot_rig_stats(slot).violations, 1);
    free(input);
}

static void an_instance_that_is_over_answers_and_goes(void **state)
{
    static const uint8_t calls = 2;
    slot_rig *r = with_family(state);
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *slot;
    size_t size;
    uint8_t *bytes = make_module(NULL, NULL, &size);
    uint32_t ended;

    options.plugin_config = &calls;
    options.plugin_config_size = 1;
    slot = slot_rig_open(r, "over", &options);
    slot_rig_install(r, slot, bytes, size);
    ended = states_ended;
    for (int n = 1; n <= 6; n++) {
        expect_reply(r, slot, "x", "ok");
        assert_int_equal(states_ended - ended, n / 2);
    }
    assert_int_equal(slot_rig_stats(slot).answered, 6);
}

static void fresh_slots_begin_and_end_a_family_with_each_call(void **state)
{
    slot_rig *r = with_family(state);
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *slot;
    size_t size;
    uint8_t *bytes = make_module(NULL, NULL, &size);

    options.policy = BERTH_POLICY_FRESH;
    slot = slot_rig_open(r, "fresh", &options);
    slot_rig_install(r, slot, bytes, size);
    for (int n = 0; n < 20; n++)
        expect_reply(r, slot, "x", "ok");
    assert_int_equal(slot_rig_stats(slot).answered, 20);
}

/* ---------------------------------------------------------------- berth-hook/1 with preview 1 */

static void keep_line(void *ctx, const berth_report *report)
{
    (void)ctx;
    if (report->kind == BERTH_REPORT_LOG)
        snprintf(logged, sizeof logged, "%s", report->text);
}

static berth_slot *open_with(slot_rig *r, const char *name, const char *const *lines,
                             uint32_t count)
{
    berth_grants_options options = BERTH_GRANTS_OPTIONS_INIT;
    berth_slot_options with = BERTH_SLOT_OPTIONS_INIT;
    berth_grants *grants = NULL;
    berth_slot *slot;

    options.grants = lines;
    options.grants_count = count;
    assert_int_equal(berth_grants_create(&r->allocator, &options, &grants, &r->diag), BERTH_OK);
    with.grants = grants;
    slot = slot_rig_open(r, name, &with);
    berth_grants_destroy(grants);
    return slot;
}

static void a_plugin_uses_preview_1_behind_the_grants_of_its_slot(void **state)
{
    static const char *const lines[] = { "clock:monotonic", "stdio:out" };
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    slot_rig *r = *state;
    berth_slot *slot;

    options.reporter = keep_line;
    slot_rig_restart(r, options);
    logged[0] = '\0';
    slot = open_with(r, "rich", lines, 2);
    slot_rig_install_guest(r, slot, "p1_plugin");
    assert_string_equal(logged, "begun");
    expect_reply(r, slot, "first line", "11"); /* begun once, before anything */
    assert_string_equal(logged, "first line");
    expect_reply(r, slot, "next", "12");
}

static void a_plugin_without_a_grant_it_needs_is_refused_by_its_name(void **state)
{
    static const char *const lines[] = { "stdio:out" };
    static const char *const denied[] = { "deny:clock" };
    slot_rig *r = *state;
    size_t size;
    uint8_t *bytes = guest_read("p1_plugin", &size);
    berth_slot *slot = open_with(r, "poor", lines, 1);

    slot_rig_check(r, slot_rig_try_install(r, slot, bytes, size), BERTH_E_REJECTED, 0,
                   "`wasi_snapshot_preview1` `clock_time_get`: the slot has no grant "
                   "`clock:wall`");
    slot = open_with(r, "denied", denied, 1);
    slot_rig_install_guest(r, slot, "p1_plugin");
    expect_reply(r, slot, "x", "11"); /* and nothing is written */
}

static void waits_and_exits_of_preview_1_end_the_instance(void **state)
{
    static const char *const lines[] = { "clock" };
    slot_rig *r = *state;
    berth_slot *slot = open_with(r, "ends", lines, 1);
    berth_call call = BERTH_CALL_INIT;
    berth_reply reply;

    slot_rig_install_guest(r, slot, "p1_plugin");
    call.arena = r->arena;
    call.hook = slot_rig_hook(r, slot, "exit");
    slot_rig_check(r, berth_slot_call(slot, &call, &reply, &r->diag), BERTH_E_TRAP,
                   BERTH_REASON_EXIT, "exited with 7");
    assert_int_equal(r->diag.os_code, 7);
    call.hook = slot_rig_hook(r, slot, "sleep");
    call.deadline_ns = 20 * MS;
    do
        assert_int_equal(berth_slot_call(slot, &call, &reply, &r->diag), BERTH_E_DEADLINE);
    while (slot_rig_was_early(&r->diag, &call.deadline_ns));
    assert_int_equal(r->diag.reason, BERTH_REASON_DEADLINE);
    expect_reply(r, slot, "x", "11"); /* a new one */
}

static void a_program_runs_when_it_is_called_and_once(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "program", NULL);
    berth_call call = BERTH_CALL_INIT;
    berth_reply reply;

    slot_rig_install_guest(r, slot, "p1_command");
    call.arena = r->arena;
    call.hook = slot_rig_hook(r, slot, "run");
    for (int n = 0; n < 3; n++)
        slot_rig_check(r, berth_slot_call(slot, &call, &reply, &r->diag), BERTH_OK, 0, "");
    assert_int_equal(slot_rig_stats(slot).answered, 3);
    assert_int_equal(slot_rig_stats(slot).instances_discarded, 4); /* and the probe's */
}

/* ---------------------------------------------------------------- modules of others */

static const char *const corpus = BERTH_TEST_SOURCE_DIR "/../shared/corpus/guests";

static void run_corpus_guest(slot_rig *r, const char *name, const char *log)
{
    static const char *const lines[] = { "clock", "random" };
    berth_grants_options options = BERTH_GRANTS_OPTIONS_INIT;
    berth_slot_options with = BERTH_SLOT_OPTIONS_INIT;
    berth_grants *grants = NULL;
    char path[512];
    FILE *file;
    uint8_t *bytes;
    size_t size;
    berth_slot *slot;

    options.grants = lines;
    options.grants_count = 2;
    assert_int_equal(berth_grants_create(&r->allocator, &options, &grants, &r->diag), BERTH_OK);
    with.grants = grants;
    slot = slot_rig_open(r, name, &with);
    berth_grants_destroy(grants);
    snprintf(path, sizeof path, "%s/%s", corpus, name);
    file = fopen(path, "rb");
    if (file == NULL) {
        print_message("skipped: no %s in ../shared/corpus/guests\n", name);
        return;
    }
    bytes = malloc(4 << 20);
    size = fread(bytes, 1, 4 << 20, file);
    fclose(file);
    slot_rig_install(r, slot, bytes, size);
    expect_reply(r, slot, "hello", "HELLO");
    assert_string_equal(logged, log);
}

static void modules_of_tool_chains_run_as_they_are(void **state)
{
    slot_rig *r = with_family(state);

    run_corpus_guest(r, "probe-as.core.wasm", "1 HELLO");
    run_corpus_guest(r, "probe-zig.core.wasm", "1 HELLO");
    run_corpus_guest(r, "probe-rust163-wasi.core.wasm", "1 5 bytes");
    if (strcmp(r->engine, "wasmtime") == 0) /* its runtime takes its time to begin */
        run_corpus_guest(r, "probe-go-reactor.core.wasm", "1 go: process");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(a_module_calls_what_its_family_offers),
        slot_test(a_function_may_be_imported_twice),
        slot_test(imports_that_nobody_offers_are_refused_by_name),
        slot_test(an_import_that_needs_a_grant_is_linked_with_it_only),
        slot_test(a_span_out_of_bounds_ends_the_instance),
        slot_test(an_instance_that_is_over_answers_and_goes),
        slot_test(fresh_slots_begin_and_end_a_family_with_each_call),
        slot_test(a_plugin_uses_preview_1_behind_the_grants_of_its_slot),
        slot_test(a_plugin_without_a_grant_it_needs_is_refused_by_its_name),
        slot_test(waits_and_exits_of_preview_1_end_the_instance),
        slot_test(a_program_runs_when_it_is_called_and_once),
        slot_test(modules_of_tool_chains_run_as_they_are),
    };

    return slot_rig_run("module_guest", tests, sizeof tests / sizeof *tests);
}
