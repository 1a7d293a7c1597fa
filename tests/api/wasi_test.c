/* wasi_test.c - plugins that use WASI 0.2, within the grants of their slot.  Public headers only. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/grant.h>
#include <berth/wasi.h>

#include "guests.h"
#include "slot_rig.h"

enum { TEXT_MAX = 16384 };

typedef struct world {
    berth_host *host;
    berth_runtime *runtime;
    berth_slot *slot;
    berth_grants *grants;
    berth_arena *arena;
    berth_diag diag;
    char output[TEXT_MAX]; /* "1:" and "2:" in front of what went to each */
    char log[TEXT_MAX];
    char answer[TEXT_MAX];
    size_t answer_size, written;
    bool takes_no_more;
} world;

static void on_report(void *ctx, const berth_report *report)
{
    world *w = ctx;
    size_t used = strlen(w->log);

    if (report->kind == BERTH_REPORT_LOG)
        snprintf(w->log + used, sizeof w->log - used, "%s/%s/%s %d: %s\n", report->tenant,
                 report->slot, report->plugin, report->level, report->text);
}

static int on_output(void *ctx, int32_t stream, const char *plugin, const void *data,
                     size_t size)
{
    world *w = ctx;
    size_t used = strlen(w->output);

    assert_string_equal(plugin, "component");
    w->written += size;
    snprintf(w->output + used, sizeof w->output - used, "%d:%.*s", (int)stream, (int)size,
             (const char *)data);
    return w->takes_no_more;
}

static void begin_with(world *w, berth_grants_options *options, const char *const *grants)
{
    berth_runtime_options runtime = BERTH_RUNTIME_OPTIONS_INIT;
    berth_slot_options slot = BERTH_SLOT_OPTIONS_INIT;

    memset(w, 0, sizeof *w);
    options->grants = grants;
    while (grants[options->grants_count] != NULL)
        options->grants_count++;
    if (options->output == on_output)
        options->output_ctx = w;
    slot.name = "probe";
    slot.tenant = "t";
    slot.deadline_ns = 20000000000u; /* a busy machine */
    slot.probe_deadline_ns = 20000000000u;
    runtime.reporter = on_report;
    runtime.reporter_ctx = w;
    if (berth_host_create(NULL, &w->host, &w->diag) != BERTH_OK ||
        berth_wasi_offer(w->host, &w->diag) != BERTH_OK ||
        berth_grants_create(NULL, options, &w->grants, &w->diag) != BERTH_OK)
        fail_msg("%s", w->diag.text);
    runtime.host = w->host;
    slot.grants = w->grants;
    if (berth_runtime_create(&runtime, &w->runtime, &w->diag) != BERTH_OK ||
        berth_slot_open(w->runtime, &slot, &w->slot, &w->diag) != BERTH_OK ||
        berth_arena_create(NULL, 0, &w->arena, &w->diag) != BERTH_OK)
        fail_msg("%s", w->diag.text);
}

static berth_status install(world *w, const char *guest)
{
    size_t size;
    uint8_t *bytes = guest_read(guest, &size);
    berth_status status = berth_slot_install(w->slot, bytes, size, NULL, &w->diag);

    free(bytes);
    return status;
}

static void end(world *w)
{
    berth_arena_destroy(w->arena);
    berth_slot_release(w->slot);
    berth_runtime_destroy(w->runtime);
    berth_grants_destroy(w->grants);
    berth_host_destroy(w->host);
}

#define GRANTS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define ALL         GRANTS("clock", "random", "stdio")

static void begin(world *w, berth_grants_options *options, const char *const *grants)
{
    begin_with(w, options, grants);
    if (install(w, "wasi_probe") != BERTH_OK)
        fail_msg("%s", w->diag.text);
}

/* What the plugin answers to a command. */
static berth_status run_for(world *w, const char *command, uint64_t deadline_ns)
{
    berth_call call = BERTH_CALL_INIT;
    berth_reply reply;
    berth_status status;

    if (berth_slot_hook(w->slot, "process", &call.hook, &w->diag) != BERTH_OK)
        fail_msg("%s", w->diag.text);
    berth_arena_reset(w->arena);
    call.input = command;
    call.input_size = strlen(command);
    call.arena = w->arena;
    call.deadline_ns = deadline_ns;
    status = berth_slot_call(w->slot, &call, &reply, &w->diag);
    w->answer_size = status == BERTH_OK && reply.size < TEXT_MAX ? reply.size : 0;
    memcpy(w->answer, status == BERTH_OK ? reply.data : "", w->answer_size);
    w->answer[w->answer_size] = '\0';
    return status;
}

static berth_status run(world *w, const char *command)
{
    return run_for(w, command, 0);
}

#define assert_answer(w, command, expected)                                                    \
    do {                                                                                       \
        if (run(w, command) != BERTH_OK)                                                       \
            fail_msg("%s", (w)->diag.text);                                                    \
        assert_string_equal((w)->answer, expected);                                            \
    } while (0)

#define assert_fails(w, command, expected, why)                                                \
    do {                                                                                       \
        assert_int_equal(run(w, command), expected);                                           \
        assert_non_null(strstr((w)->diag.text, why));                                          \
    } while (0)

/* ---------------------------------------------------------------- what is linked */

static void an_import_that_is_not_granted_is_refused_and_named(void **state)
{
    static const struct {
        const char *grants[3], *missing;
    } rows[] = {
        { { "clock", NULL }, "random" },
        { { "random", "clock:monotonic", NULL }, "clock:wall" },
        { { "random", "clock:wall", NULL }, "clock:monotonic" },
    };
    char text[64];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        berth_grants_options options = BERTH_GRANTS_OPTIONS_INIT;
        world w;

        begin_with(&w, &options, rows[i].grants);
        assert_int_equal(install(&w, "wasi_probe"), BERTH_E_REJECTED);
        snprintf(text, sizeof text, "the slot has no grant `%s`", rows[i].missing);
        assert_non_null(strstr(w.diag.text, text));
        end(&w);
    }
}

static void what_is_denied_is_linked_and_ends_the_instance_that_uses_it(void **state)
{
    berth_grants_options options = BERTH_GRANTS_OPTIONS_INIT;
    world w;

    (void)state;
    begin(&w, &options, GRANTS("deny:clock", "deny:random"));
    assert_fails(&w, "wall", BERTH_E_REJECTED, "has no grant `clock:wall`");
    assert_fails(&w, "mono", BERTH_E_REJECTED, "has no grant `clock:monotonic`");
    assert_fails(&w, "sleep 1", BERTH_E_REJECTED, "has no grant `clock:monotonic`");
    assert_fails(&w, "random 4", BERTH_E_REJECTED, "has no grant `random`");
    assert_fails(&w, "insecure", BERTH_E_REJECTED, "has no grant `random`");
    assert_answer(&w, "env", ""); /* the plugin lives, in another instance */
    end(&w);
}

static void streams_that_are_not_granted_are_closed(void **state)
{
    berth_grants_options options = BERTH_GRANTS_OPTIONS_INIT;
    world w;

    (void)state;
    options.input = "abc";
    options.input_size = 3;
    begin(&w, &options, GRANTS("clock", "random"));
    assert_answer(&w, "out x", "closed");
    assert_answer(&w, "err x", "closed");
    assert_answer(&w, "in", "closed closed closed");
    assert_answer(&w, "terminals", "0");
    end(&w);
    assert_string_equal(w.log, "");
}

/* ---------------------------------------------------------------- output and input */

static void output_becomes_lines_of_the_log_with_the_plugins_name(void **state)
{
    berth_grants_options options = BERTH_GRANTS_OPTIONS_INIT;
    world w;

    (void)state;
    begin(&w, &options, ALL);
    assert_answer(&w, "out one\ntw", "written");
    assert_string_equal(w.log, "t/probe/component 3: one\n");
    assert_answer(&w, "err no\n\x1b[2J\n", "written");
    assert_answer(&w, "out o\n", "written");
    assert_string_equal(w.log, "t/probe/component 3: one\nt/probe/component 2: no\n"
                               "t/probe/component 2: \\x1b[2J\nt/probe/component 3: two\n");
    assert_answer(&w, "out left", "written");
    end(&w);
    assert_non_null(strstr(w.log, "3: left\n"));
}

static void output_is_bounded_and_says_once_that_it_is(void **state)
{
    berth_grants_options options = BERTH_GRANTS_OPTIONS_INIT;
    world w;

    (void)state;
    options.output_bytes_max = 4;
    begin(&w, &options, ALL);
    assert_answer(&w, "out abcdef\n", "written");
    assert_answer(&w, "err more\n", "written");
    assert_answer(&w, "out more\n", "written");
    end(&w);
    assert_string_equal(w.log,
                        "t/probe/component 2: it writes more than it may: the rest is dropped\n"
                        "t/probe/component 3: abcd\n");
}

static void output_goes_to_whom_the_grants_name(void **state)
{
    berth_grants_options options = BERTH_GRANTS_OPTIONS_INIT;
    world w;

    (void)state;
    options.output = on_output;
    begin(&w, &options, ALL);
    assert_answer(&w, "out a\nb", "written");
    assert_answer(&w, "err c", "written");
    assert_string_equal(w.output, "1:a\nb2:c");
    assert_answer(&w, "ways", "open good");
    assert_int_equal(w.written, 3 + 1 + 4);
    w.takes_no_more = true;
    assert_answer(&w, "out d", "closed");
    end(&w);
    assert_string_equal(w.log, "");
}

static void input_is_read_once_by_each_instance(void **state)
{
    berth_grants_options options = BERTH_GRANTS_OPTIONS_INIT;
    world w;

    (void)state;
    options.input = "_abcdefgh";
    options.input_size = 9;
    options.output = on_output;
    begin(&w, &options, ALL);
    assert_answer(&w, "in", "abc 4 closed");
    assert_string_equal(w.output, "1:d1:efgh");
    assert_answer(&w, "in", "closed closed closed");
    assert_fails(&w, "exit 0", BERTH_E_TRAP, "it exited with 0");
    assert_answer(&w, "in", "abc 4 closed");
    end(&w);
}

static void the_environment_is_what_was_granted(void **state)
{
    static const char *const arguments[] = { "prog", "-x" };
    berth_grants_options options = BERTH_GRANTS_OPTIONS_INIT;
    world w;

    (void)state;
    setenv("BERTH_TEST_ONE", "1", 1);
    setenv("BERTH_TEST_TWO", "2", 1);
    setenv("BERTH_TEST_SECRET", "s", 1);
    options.arguments = arguments;
    options.arguments_count = 2;
    begin(&w, &options,
          GRANTS("clock", "random", "env:A=b=c", "env:BERTH_TEST_TWO", "env:BERTH_TEST_*",
                 "deny:env:*SECRET", "env:BERTH_NOT_THERE"));
    if (run(&w, "env") != BERTH_OK)
        fail_msg("%s", w.diag.text);
    assert_memory_equal(w.answer, "A=b=c;BERTH_TEST_TWO=2;", 23);
    assert_non_null(strstr(w.answer, "BERTH_TEST_ONE=1;"));
    assert_null(strstr(w.answer, "SECRET"));
    assert_non_null(strstr(w.answer, ";prog,-x,"));
    end(&w);
}

static void who_exits_ends_its_instance_with_a_code(void **state)
{
    berth_grants_options options = BERTH_GRANTS_OPTIONS_INIT;
    world w;

    (void)state;
    begin(&w, &options, ALL);
    assert_fails(&w, "exit 7", BERTH_E_TRAP, "it exited with 7");
    assert_int_equal(w.diag.reason, BERTH_REASON_EXIT);
    assert_int_equal(w.diag.os_code, 7);
    assert_fails(&w, "exit-result 1", BERTH_E_TRAP, "it exited with 1");
    assert_fails(&w, "exit-result 0", BERTH_E_TRAP, "it exited with 0");
    end(&w);
}

/* ---------------------------------------------------------------- clocks, random, waiting */

static void clocks_go_forward_and_random_bytes_differ(void **state)
{
    berth_grants_options options = BERTH_GRANTS_OPTIONS_INIT;
    char first[40];
    world w;

    (void)state;
    begin(&w, &options, ALL);
    assert_int_equal(run(&w, "mono"), BERTH_OK);
    assert_memory_equal(w.answer, "forward", 7);
    assert_int_equal(run(&w, "wall"), BERTH_OK);
    assert_true(strtoull(w.answer, NULL, 10) > 1600000000);
    assert_answer(&w, "resolution", "1 1");
    assert_int_equal(run(&w, "insecure"), BERTH_OK);
    assert_int_equal(w.answer_size, 40);
    memcpy(first, w.answer, sizeof first);
    assert_int_equal(run(&w, "insecure"), BERTH_OK);
    assert_memory_not_equal(w.answer, first, sizeof first);
    assert_int_equal(run(&w, "random 1000"), BERTH_OK);
    assert_int_equal(w.answer_size, 1000);
    assert_answer(&w, "random 0", "");
    end(&w);
}

static void a_deterministic_plugin_does_the_same_twice(void **state)
{
    static const char *const commands[] = { "mono", "wall",     "random 24",
                                            "wall", "insecure", "sleep 5000000000" };
    berth_grants_options options = BERTH_GRANTS_OPTIONS_INIT;
    char seen[2][sizeof commands / sizeof commands[0]][128];
    world w;

    (void)state;
    options.flags = BERTH_GRANTS_DETERMINISTIC;
    options.wall_ns = 1000000007;
    options.step_ns = 3;
    options.seed = 5;
    for (int round = 0; round < 2; round++) {
        options.grants_count = 0;
        begin(&w, &options, ALL);
        for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
            assert_int_equal(run(&w, commands[i]), BERTH_OK); /* and does not sleep */
            memset(seen[round][i], 0, sizeof seen[round][i]);
            memcpy(seen[round][i], w.answer, w.answer_size);
        }
        assert_answer(&w, "resolution", "3 3");
        end(&w);
    }
    assert_memory_equal(seen[0], seen[1], sizeof seen[0]);
    assert_string_equal(seen[0][0], "forward 3");
    assert_string_equal(seen[0][1], "1.13"); /* two looks before it */
    assert_string_equal(seen[0][5], "ready 1");
}

static void a_sleep_ends_by_itself_or_by_the_calls_deadline(void **state)
{
    berth_grants_options options = BERTH_GRANTS_OPTIONS_INIT;
    uint64_t deadline_ns = 30 * MS;
    world w;

    (void)state;
    begin(&w, &options, ALL);
    assert_answer(&w, "sleep 0", "ready 1");
    assert_answer(&w, "sleep 2000000", "ready 1");
    do
        assert_int_equal(run_for(&w, "sleep 3600000000000", deadline_ns), BERTH_E_DEADLINE);
    while (slot_rig_was_early(&w.diag, &deadline_ns));
    assert_answer(&w, "sleep 1000", "ready 1");
    end(&w);
}

static void a_poll_of_nothing_and_a_write_without_a_permit_trap(void **state)
{
    berth_grants_options options = BERTH_GRANTS_OPTIONS_INIT;
    world w;

    (void)state;
    begin(&w, &options, ALL);
    assert_fails(&w, "poll-nothing", BERTH_E_TRAP, "a poll of nothing");
    assert_fails(&w, "past-permit", BERTH_E_TRAP, "check-write permitted 0");
    end(&w);
}

static void hostile_sizes_end_the_instance_and_nothing_else(void **state)
{
    berth_grants_options options = BERTH_GRANTS_OPTIONS_INIT;
    world w;

    (void)state;
    options.objects_max = 100;
    begin(&w, &options, ALL);
    assert_fails(&w, "random 4294967296", BERTH_E_LIMIT, "random bytes, of at most");
    assert_fails(&w, "random 18446744073709551615", BERTH_E_LIMIT, "random bytes");
    assert_fails(&w, "hoard 101", BERTH_E_LIMIT, "there are 100 of 100 objects");
    assert_answer(&w, "hoard 100", "kept");
    assert_fails(&w, "hoard 1", BERTH_E_LIMIT, "100 of 100"); /* it had them still */
    assert_answer(&w, "hoard 100", "kept");
    end(&w);
}

static void objects_come_and_go_in_any_order(void **state)
{
    berth_grants_options options = BERTH_GRANTS_OPTIONS_INIT;
    world w;

    (void)state;
    options.objects_max = 2;
    begin(&w, &options, ALL);
    assert_answer(&w, "cycles 20000", "done");
    end(&w);
}

/* ---------------------------------------------------------------- revoking */

typedef struct revoker {
    berth_grants *grants;
    berth_slot *slot;
} revoker;

static void *revoke_when_inside(void *ctx)
{
    revoker *r = ctx;
    berth_slot_stats stats = BERTH_SLOT_STATS_INIT;

    do
        assert_int_equal(berth_slot_stats_read(r->slot, &stats, NULL), BERTH_OK);
    while (stats.in_flight == 0);
    berth_grants_revoke(r->grants);
    return NULL;
}

static void revoking_ends_who_waits_and_refuses_who_asks(void **state)
{
    berth_grants_options options = BERTH_GRANTS_OPTIONS_INIT;
    pthread_t thread;
    revoker r;
    world w;

    (void)state;
    begin(&w, &options, ALL);
    r = (revoker){ w.grants, w.slot };
    assert_int_equal(pthread_create(&thread, NULL, revoke_when_inside, &r), 0);
    assert_int_not_equal(run_for(&w, "sleep 10000000000", 19000000000u), BERTH_OK);
    pthread_join(thread, NULL);
    assert_non_null(strstr(w.diag.text, "grant"));
    assert_fails(&w, "wall", BERTH_E_REJECTED, "has no grant `clock:wall`");
    assert_answer(&w, "out x", "closed");
    end(&w);
}

/* ---------------------------------------------------------------- guests that others made */

static berth_status log_write(void *ctx, const void *args, void *result, berth_host_call *call)
{
    world *w = ctx;
    const struct {
        uint8_t level;
        berth_string text;
    } *a = args;
    size_t used = strlen(w->output);

    (void)result;
    (void)call;
    snprintf(w->output + used, sizeof w->output - used, "%u:%.*s;", a->level, (int)a->text.size,
             a->text.text);
    return BERTH_OK;
}

/* False: it is not here. */
static bool install_corpus_guest(world *w, const char *name)
{
    static const char wit[] = "package probe:guest@0.1.0;"
                              "interface log { write: func(level: u8, msg: string); }";
    const char *folder = getenv("BERTH_GUEST_CORPUS");
    char path[4096];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s",
             folder != NULL ? folder : BERTH_TEST_SOURCE_DIR "/../shared/corpus/guests", name);
    file = fopen(path, "rb");
    if (file == NULL)
        return false;
    fclose(file);
    if (berth_host_declare(w->host, wit, strlen(wit), &w->diag) != BERTH_OK ||
        berth_host_bind(w->host, "probe:guest/log", "write", 24, 0, log_write, w, &w->diag) !=
            BERTH_OK ||
        berth_slot_install_file(w->slot, path, NULL, &w->diag) != BERTH_OK)
        fail_msg("%s", w->diag.text);
    return true;
}

static void components_of_other_tools_run_as_they_are(void **state)
{
    static const struct {
        const char *file, *log;
    } guests[] = {
        { "probe-rust-wasip2.component.wasm", "t/probe/component 3: stdout: 5 bytes\n" },
        { "probe-c-printf-wasi.component.wasm", "t/probe/component 3: c: 5 bytes\n" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof guests / sizeof guests[0]; i++) {
        berth_grants_options options = BERTH_GRANTS_OPTIONS_INIT;
        world w;

        begin_with(&w, &options, GRANTS("stdio", "clock:wall"));
        if (!install_corpus_guest(&w, guests[i].file)) {
            print_message("skipped: there is no corpus of guests here\n");
            end(&w);
            return;
        }
        assert_answer(&w, "hello", "HELLO");
        assert_non_null(strstr(w.log, guests[i].log));
        assert_fails(&w, "", BERTH_E_PLUGIN, "empty input");
        assert_true(w.output[0] != '\0'); /* the host's own function was called as well */
        end(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_import_that_is_not_granted_is_refused_and_named),
        cmocka_unit_test(what_is_denied_is_linked_and_ends_the_instance_that_uses_it),
        cmocka_unit_test(streams_that_are_not_granted_are_closed),
        cmocka_unit_test(output_becomes_lines_of_the_log_with_the_plugins_name),
        cmocka_unit_test(output_is_bounded_and_says_once_that_it_is),
        cmocka_unit_test(output_goes_to_whom_the_grants_name),
        cmocka_unit_test(input_is_read_once_by_each_instance),
        cmocka_unit_test(the_environment_is_what_was_granted),
        cmocka_unit_test(who_exits_ends_its_instance_with_a_code),
        cmocka_unit_test(clocks_go_forward_and_random_bytes_differ),
        cmocka_unit_test(a_deterministic_plugin_does_the_same_twice),
        cmocka_unit_test(a_sleep_ends_by_itself_or_by_the_calls_deadline),
        cmocka_unit_test(a_poll_of_nothing_and_a_write_without_a_permit_trap),
        cmocka_unit_test(hostile_sizes_end_the_instance_and_nothing_else),
        cmocka_unit_test(objects_come_and_go_in_any_order),
        cmocka_unit_test(revoking_ends_who_waits_and_refuses_who_asks),
        cmocka_unit_test(components_of_other_tools_run_as_they_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
