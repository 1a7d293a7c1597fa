/* extism_test.c - Extism plugins in slots: our own, and those that upstream's kits made.  Public
 * headers only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/admit.h>
#include <berth/core_host.h>
#include <berth/grant.h>

#include "guests.h"
#include "http_server.h"
#include "slot_rig.h"

static char lines[1024];

static void on_report(void *ctx, const berth_report *report)
{
    size_t used = strlen(lines);

    (void)ctx;
    if (report->kind == BERTH_REPORT_LOG)
        snprintf(lines + used, sizeof lines - used, "%d %s\n", report->level, report->text);
}

static berth_slot *open_with(slot_rig *r, const char *guest, berth_slot_options options)
{
    berth_slot *slot = slot_rig_open(r, guest, &options);

    slot_rig_install_guest(r, slot, guest);
    return slot;
}

static berth_slot *open_guest(slot_rig *r, const char *guest)
{
    return open_with(r, guest, (berth_slot_options)BERTH_SLOT_OPTIONS_INIT);
}

static berth_status call(slot_rig *r, berth_slot *slot, const char *hook, const void *input,
                         size_t size, berth_reply *reply)
{
    berth_call c = BERTH_CALL_INIT;

    berth_arena_reset(r->arena);
    c.hook = slot_rig_hook(r, slot, hook);
    c.input = input;
    c.input_size = size;
    c.arena = r->arena;
    return berth_slot_call(slot, &c, reply, &r->diag);
}

static void expect(slot_rig *r, berth_slot *slot, const char *hook, const char *input,
                   const char *output)
{
    berth_reply reply;

    if (call(r, slot, hook, input, strlen(input), &reply) != BERTH_OK)
        fail_msg("%s: %s", hook, r->diag.text);
    assert_int_equal(reply.size, strlen(output));
    assert_memory_equal(reply.data, output, reply.size);
}

static void expect_failure(slot_rig *r, berth_slot *slot, const char *hook, const char *input,
                           berth_status status, berth_reason reason, const char *text)
{
    berth_reply reply;

    slot_rig_check(r, call(r, slot, hook, input, strlen(input), &reply), status, reason, text);
}

static void what_goes_in_comes_out(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_guest(r, "extism_plugin");
    berth_reply reply;
    uint8_t *much = malloc(1 << 20);

    expect(r, slot, "echo", "hello, you there", "hello, you there");
    expect(r, slot, "echo", "hello", "hello");
    expect(r, slot, "echo", "", "");
    expect(r, slot, "same", "where it lies", "where it lies");
    expect(r, slot, "no_result", "", "done");
    expect(r, slot, "is_initialised", "", "");
    for (size_t i = 0; i < 1 << 20; i++)
        much[i] = (uint8_t)(i * 7);
    assert_int_equal(call(r, slot, "same", much, 1 << 20, &reply), BERTH_OK);
    assert_int_equal(reply.size, 1 << 20);
    assert_memory_equal(reply.data, much, 1 << 20);
    free(much);
}

static void the_shared_memory_is_bounded_and_nothing_in_it_is_believed(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_guest(r, "extism_plugin");

    expect(r, slot, "no_blocks_yet", "", "");
    expect(r, slot, "blocks", "", "");
    expect(r, slot, "bounds", "word", "");
    expect(r, slot, "greedy", "", "");
    expect(r, slot, "no_blocks_yet", "", ""); /* the many were given back */
    expect(r, slot, "blocks", "", "");        /* as if nothing had been before it */
    assert_int_equal(slot_rig_stats(slot).instances_discarded, 1); /* that of the probe */
}

static void a_plugin_says_why_it_failed(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_guest(r, "extism_plugin");

    expect_failure(r, slot, "fail", "", BERTH_E_PLUGIN, 0, "fail: it is");
    expect_failure(r, slot, "fail_without_words", "", BERTH_E_PLUGIN, 0, "it answered -2");
    expect_failure(r, slot, "words_alone", "", BERTH_E_PLUGIN, 0, "an error counts");
    expect(r, slot, "echo", "it serves on", "it serves on");
    assert_int_equal(slot_rig_stats(slot).traps, 0);
    expect_failure(r, slot, "trap_with_words", "", BERTH_E_TRAP, BERTH_REASON_UNREACHABLE,
                   "; it said: the end is near");
    expect_failure(r, slot, "no_block", "", BERTH_E_ABI, 0,
                   "no_block: config_get: there is no block at 12345");
    expect_failure(r, slot, "full_of_variables", "", BERTH_E_LIMIT, BERTH_REASON_MEMORY,
                   "var_set: its variables have more than 1048576 bytes");
    expect(r, slot, "echo", "another does", "another does");
}

static void a_plugin_that_spins_is_ended(void **state)
{
    slot_rig *r = *state;
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *slot;

    options.deadline_ns = 20 * MS;
    slot = open_with(r, "extism_plugin", options);
    expect_failure(r, slot, "spin", "", BERTH_E_DEADLINE, BERTH_REASON_DEADLINE, "spin");
}

static void variables_live_as_long_as_the_instance(void **state)
{
    slot_rig *r = *state;
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *slot = open_guest(r, "extism_plugin");

    expect(r, slot, "count", "", "1");
    expect(r, slot, "count", "", "2");
    expect(r, slot, "forget", "", "");
    expect(r, slot, "count", "", "1");
    options.policy = BERTH_POLICY_FRESH;
    options.name = NULL;
    slot = slot_rig_open(r, "fresh", &options);
    slot_rig_install_guest(r, slot, "extism_plugin");
    expect(r, slot, "count", "", "1");
    expect(r, slot, "count", "", "1");
}

static void a_plugin_reads_what_its_slot_is_configured_with(void **state)
{
    static const char config[] = "{ \"word\": \"w\\u00fcrd\", \"empty\": \"\" }";
    static const char *const bad[][2] = {
        { "[]", "at byte 0: it is not an object" },
        { "{ \"a\": 1 }", "at byte 7: a value that is not a string" },
        { "{ \"a\": \"1\", }", "at byte 12" },
    };
    slot_rig *r = *state;
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *slot = open_guest(r, "extism_plugin");

    expect(r, slot, "config", "word", "(none)");
    options.plugin_config = config;
    options.plugin_config_size = sizeof config - 1;
    slot = slot_rig_open(r, "configured", &options);
    slot_rig_install_guest(r, slot, "extism_plugin");
    expect(r, slot, "config", "word", "w\xc3\xbcrd");
    expect(r, slot, "config", "wor", "(none)");
    expect(r, slot, "config", "empty", "(none)");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint8_t *bytes;
        size_t size;
        char name[16];

        options.plugin_config = bad[i][0];
        options.plugin_config_size = strlen(bad[i][0]);
        snprintf(name, sizeof name, "bad-%zu", i);
        slot = slot_rig_open(r, name, &options);
        bytes = guest_read("extism_plugin", &size);
        slot_rig_check(r, slot_rig_try_install(r, slot, bytes, size), BERTH_E_INVALID, 0,
                       bad[i][1]);
    }
}

static void its_lines_are_reported(void **state)
{
    slot_rig *r = *state;
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    berth_slot *slot;

    lines[0] = '\0';
    options.reporter = on_report;
    slot_rig_restart(r, options);
    slot = open_guest(r, "extism_plugin");
    expect(r, slot, "logs", "", "");
    assert_string_equal(lines, "3 info\n2 warn\n1 error\n");
}

static berth_slot *open_granted(slot_rig *r, const char *name, const char *grant)
{
    berth_grants_options with = BERTH_GRANTS_OPTIONS_INIT;
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    berth_grants *granted = NULL;
    berth_slot *slot;

    with.grants = &grant;
    with.grants_count = 1;
    assert_int_equal(berth_grants_create(&r->allocator, &with, &granted, &r->diag), BERTH_OK);
    options.grants = granted;
    slot = slot_rig_open(r, name, &options);
    berth_grants_destroy(granted);
    return slot;
}

static void a_plugin_asks_the_servers_that_it_may(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot;
    char grant[64], request[256], refused[64];
    uint8_t *bytes;
    size_t size;
    server s;

    if (!server_start(&s))
        skip();
    snprintf(grant, sizeof grant, "http:*:127.0.0.1:%u", s.port);
    slot = open_granted(r, "asks", grant);
    slot_rig_install_guest(r, slot, "extism_plugin");
    snprintf(request, sizeof request,
             "{\"url\":\"http://127.0.0.1:%u/hello?q=1#part\",\"method\":\"POST\",\"headers\":{"
             "\"X-Own\":\"a value\"}}",
             s.port);
    expect(r, slot, "ask", request,
           "200\n{   \"content-length\": \"5\",   \"x-one\": \"1\" } \nhello");
    assert_non_null(strstr(s.last, "POST /hello?q=1 HTTP/1.1\r\n"));
    assert_non_null(strstr(s.last, "X-Own: a value\r\n"));
    assert_non_null(strstr(s.last, "what is sentEND"));
    expect_failure(r, slot, "ask", "{\"url\":\"http://127.0.0.2/hello\"}", BERTH_E_TRAP,
                   BERTH_REASON_HOST, "the slot has no grant for it");
    expect_failure(r, slot, "ask", "{}", BERTH_E_TRAP, BERTH_REASON_HOST, "it has no URL");
    expect_failure(r, slot, "ask", "{", BERTH_E_TRAP, BERTH_REASON_HOST, "is no JSON");
    snprintf(request, sizeof request,
             "{\"url\":\"http://127.0.0.1:%u/\",\"headers\":{\"a\":\"b\\r\\nc\"}}", s.port);
    expect_failure(r, slot, "ask", request, BERTH_E_TRAP, BERTH_REASON_HOST,
                   "a header may not be sent");
    snprintf(request, sizeof request, "{\"url\":\"http://127.0.0.1:%u/cut\"}", s.port);
    expect_failure(r, slot, "ask", request, BERTH_E_TRAP, BERTH_REASON_HOST,
                   "the response was cut");
    snprintf(refused, sizeof refused, "http://u@127.0.0.1:%u/", s.port);
    snprintf(request, sizeof request, "{\"url\":\"%s\"}", refused);
    expect_failure(r, slot, "ask", request, BERTH_E_TRAP, BERTH_REASON_HOST, "its URL is none");
    bytes = corpus_guest_read("extism-rs-http.wasm", &size);
    if (bytes != NULL) {
        slot = open_granted(r, "http-of-upstream", grant);
        slot_rig_install(r, slot, bytes, size);
        snprintf(request, sizeof request, "{\"url\":\"http://127.0.0.1:%u/hello\"}", s.port);
        expect(r, slot, "http_get", request, "hello");
    }
    server_stop(&s);
}

static void a_program_runs_once_in_each_instance(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_guest(r, "extism_program");

    for (int i = 0; i < 3; i++) {
        expect(r, slot, "_start", "", "ran");
        expect(r, slot, "_start", "0", "ran");
        expect_failure(r, slot, "_start", "3", BERTH_E_PLUGIN, 0, "it answered 3");
    }
    assert_int_equal(slot_rig_stats(slot).traps, 0);
}

static void a_start_function_may_ask_the_host(void **state)
{
    static const char config[] = "{ \"k\": \"early\" }";
    slot_rig *r = *state;
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;

    options.plugin_config = config;
    options.plugin_config_size = sizeof config - 1;
    expect(r, open_with(r, "extism_early", options), "told", "", "early");
}

static void what_was_built_for_an_older_host_is_refused(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "old", NULL);
    uint8_t *bytes;
    size_t size;

    bytes = guest_read("extism_old", &size);
    slot_rig_check(r, slot_rig_try_install(r, slot, bytes, size), BERTH_E_REJECTED, 0,
                   "built for Extism before 1.0 (it imports `env` `extism_alloc`)");
}

/* ---------------------------------------------------------------- functions of the embedder */

static berth_status upper(void *ctx, berth_core_cell *cells, berth_core_call *call)
{
    size_t size = 0;
    uint8_t *block = berth_core_block(call, (uint64_t)cells[0].i64, &size);
    uint64_t at = 0;
    berth_status status;

    *(const void **)ctx = berth_core_context(call);
    for (size_t i = 0; block != NULL && i < size; i++)
        if (block[i] >= 'a' && block[i] <= 'z')
            block[i] = (uint8_t)(block[i] - 'a' + 'A');
    status = berth_core_block_make(call, block, size, &at);
    cells[0].i64 = (int64_t)at;
    return status;
}

static berth_status scale(void *ctx, berth_core_cell *cells, berth_core_call *call)
{
    (void)ctx;
    (void)call;
    cells[0].f64 = (double)cells[0].i32 * (double)cells[1].f32;
    return BERTH_OK;
}

static berth_status sum(void *ctx, berth_core_cell *cells, berth_core_call *call)
{
    const uint8_t *bytes =
        berth_core_memory(call, (uint32_t)cells[0].i32, (uint32_t)cells[1].i32);
    size_t size = (uint32_t)cells[1].i32;
    int32_t total = 0;

    (void)ctx;
    for (size_t i = 0; bytes != NULL && i < size; i++)
        total += bytes[i];
    cells[0].i32 = bytes == NULL ? -1 : total;
    return BERTH_OK;
}

static berth_status refuse(void *ctx, berth_core_cell *cells, berth_core_call *call)
{
    (void)ctx;
    if (cells[0].i32 == 0)
        return BERTH_E_CLOSED;
    return berth_core_fail(call, cells[0].i32 == 1 ? BERTH_E_CLOSED : BERTH_E_PLUGIN,
                           "%s of the embedder's says no", berth_core_plugin(call));
}

static berth_status flood(void *ctx, berth_core_cell *cells, berth_core_call *call)
{
    static const char much[1 << 20];
    uint64_t at = 0;
    berth_status status = berth_core_block_make(call, much, sizeof much, &at);

    (void)ctx;
    cells[0].i64 = (int64_t)at;
    return status;
}

#define USER "extism:host/user"

/* A runtime whose host offers those; it goes with slot_rig_restart(). */
static berth_host *begin_with_functions(slot_rig *r, const void **context)
{
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    berth_host *host = NULL;
    berth_diag *d = &r->diag;

    assert_int_equal(berth_host_create(&r->allocator, &host, d), BERTH_OK);
    assert_int_equal(berth_host_offer_core(host, USER, "upper", "I:I", upper, context, d), 0);
    assert_int_equal(berth_host_offer_core(host, USER, "scale", "if:F", scale, NULL, d), 0);
    assert_int_equal(berth_host_offer_core(host, USER, "sum", "ii:i", sum, NULL, d), 0);
    assert_int_equal(berth_host_offer_core(host, USER, "fail", "i:", refuse, NULL, d), 0);
    options.host = host;
    slot_rig_restart(r, options);
    return host;
}

static void end_functions(slot_rig *r, berth_host *host)
{
    slot_rig_restart(r, (berth_runtime_options)BERTH_RUNTIME_OPTIONS_INIT);
    berth_host_destroy(host);
}

static void a_plugin_calls_functions_of_whoever_embeds_it(void **state)
{
    slot_rig *r = *state;
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    const void *context = NULL;
    berth_host *host = begin_with_functions(r, &context);
    berth_slot *slot = slot_rig_open(r, "early", NULL);
    uint8_t *bytes, answer = 0;
    berth_reply reply;
    size_t size;

    bytes = guest_read("extism_user", &size);
    slot_rig_check(r, slot_rig_try_install(r, slot, bytes, size), BERTH_E_REJECTED, 0,
                   "1 item(s) that nobody offers to it; the first is func `" USER "` `flood`");
    assert_int_equal(berth_host_offer_core(host, USER, "flood", ":I", flood, NULL, &r->diag),
                     BERTH_OK);
    options.host_ctx = r;
    slot = open_with(r, "extism_user", options);
    expect(r, slot, "upper", "make it Big", "MAKE IT BIG");
    assert_ptr_equal(context, r);
    expect(r, slot, "no_block", "", "");
    expect(r, slot, "scale", "", "");
    expect(r, slot, "sum", "", "");
    expect_failure(r, slot, "fail", "0", BERTH_E_CLOSED, BERTH_REASON_HOST,
                   "`" USER "` `fail` of the host failed");
    assert_non_null(strstr(r->diag.text, "; it said: not me")); /* behind where it was */
    expect_failure(r, slot, "fail", "1", BERTH_E_CLOSED, BERTH_REASON_HOST,
                   "`" USER "` `fail`: extism of the embedder's says no");
    assert_int_equal(slot_rig_stats(slot).instances_discarded, 3); /* one is the probe's */
    expect_failure(r, slot, "fail", "2", BERTH_E_TRAP, BERTH_REASON_HOST, "says no");
    expect_failure(r, slot, "flood", "", BERTH_E_LIMIT, BERTH_REASON_MEMORY,
                   "`" USER "` `flood`: a block of 1048576 bytes does not fit");
    expect(r, slot, "upper", "another serves on", "ANOTHER SERVES ON");
    slot = slot_rig_open(r, "of-hooks", NULL);
    slot_rig_install_guest(r, slot, "core_user");
    assert_int_equal(call(r, slot, "do", "\x01\x02\x03", 3, &reply), BERTH_OK);
    answer = *(const uint8_t *)reply.data;
    assert_int_equal(answer, 6);
    end_functions(r, host);
}

static void a_function_of_the_embedder_is_offered_once_and_with_its_type(void **state)
{
    static const char *const bad[] = { "",     "I",    "iI",
                                       "x:",   ":x",   ":ii",
                                       "i:i:", "i :i", "iiiiiiiiiiiiiiiii:" };
    slot_rig *r = *state;
    const void *context = NULL;
    berth_host *host = begin_with_functions(r, &context);
    berth_slot *slot = slot_rig_open(r, "wrong", NULL);
    uint8_t *bytes;
    size_t size;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        slot_rig_check(r,
                       berth_host_offer_core(host, USER, "odd", bad[i], flood, NULL, &r->diag),
                       BERTH_E_INVALID, 0, "is no type");
    slot_rig_check(r, berth_host_offer_core(host, USER, "sum", ":", flood, NULL, &r->diag),
                   BERTH_E_STATE, 0, "`" USER "` `sum` is offered already");
    assert_int_equal(
        berth_host_offer_core(host, USER, "odd", "iiiiiiiiiiiiiiii:F", flood, NULL, &r->diag),
        BERTH_OK);
    assert_int_equal(berth_host_offer_core(host, USER, "flood", ":i", flood, NULL, &r->diag),
                     BERTH_OK);
    bytes = guest_read("extism_user", &size);
    slot_rig_check(r, slot_rig_try_install(r, slot, bytes, size), BERTH_E_REJECTED, 0,
                   "import `" USER "` `flood` has type () -> (i64); the host's is () -> (i32)");
    end_functions(r, host);
}

/* ---------------------------------------------------------------- upstream's */

static void expect_of_upstream(slot_rig *r, const char *guest, const char *const *grants,
                               const char *hook, const char *input, const char *output)
{
    berth_grants_options with = BERTH_GRANTS_OPTIONS_INIT;
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    berth_grants *granted = NULL;
    berth_slot *slot;
    size_t size = 0;
    uint8_t *bytes = corpus_guest_read(guest, &size);

    if (bytes == NULL)
        return;
    with.grants = grants;
    while (grants != NULL && grants[with.grants_count] != NULL)
        with.grants_count++;
    assert_int_equal(berth_grants_create(&r->allocator, &with, &granted, &r->diag), BERTH_OK);
    options.grants = granted;
    slot = slot_rig_open(r, guest, &options);
    berth_grants_destroy(granted);
    slot_rig_install(r, slot, bytes, size);
    for (int i = 0; i < 3; i++)
        expect(r, slot, hook, input, output);
}

static void plugins_of_upstreams_kits_run_as_they_are(void **state)
{
    static const char *const of_go[] = { "clock:wall", "clock:monotonic", "random", NULL };
    slot_rig *r = *state;

    expect_of_upstream(r, "extism-rs-count-vowels.wasm", NULL, "count_vowels",
                       "this is a test of vowels", "{\"count\":7}");
    expect_of_upstream(r, "extism-go-countvowels.wasip1-command.wasm", of_go, "_start",
                       "{\"input\":\"hello\"}", "JSON roundtrip: a === b");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(what_goes_in_comes_out),
        slot_test(the_shared_memory_is_bounded_and_nothing_in_it_is_believed),
        slot_test(a_plugin_says_why_it_failed),
        slot_test(a_plugin_that_spins_is_ended),
        slot_test(variables_live_as_long_as_the_instance),
        slot_test(a_plugin_reads_what_its_slot_is_configured_with),
        slot_test(its_lines_are_reported),
        slot_test(a_plugin_asks_the_servers_that_it_may),
        slot_test(a_program_runs_once_in_each_instance),
        slot_test(a_start_function_may_ask_the_host),
        slot_test(what_was_built_for_an_older_host_is_refused),
        slot_test(a_plugin_calls_functions_of_whoever_embeds_it),
        slot_test(a_function_of_the_embedder_is_offered_once_and_with_its_type),
        slot_test(plugins_of_upstreams_kits_run_as_they_are),
    };

    return slot_rig_run("extism", tests, sizeof tests / sizeof *tests);
}
