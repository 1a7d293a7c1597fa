/* wasi_http_test.c - a component asks servers, those that its grants name.  Public headers only, loopback
 * only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/grant.h>
#include <berth/invoke.h>
#include <berth/wasi.h>

#include "guests.h"
#include "http_server.h"
#include "process.h"
#include "slot_rig.h"

/* Numbers of wasi:http's error-code. */
#define DENIED        "error 15"
#define BAD_METHOD    "error 18"
#define BAD_URI       "error 19"
#define REFUSED       "failed 6"
#define TERMINATED    "failed 7"
#define BODY_IS_OTHER "failed 17"
#define INCOMPLETE    "failed 25"
#define HEADERS_SIZE  "failed 26"
#define BODY_SIZE     "failed 28"

/* ---------------------------------------------------------------- a plugin */

typedef struct rig {
    slot_rig *r;
    berth_host *host;
    berth_slot *slot;
    char answer[512];
} rig;

static void begin(rig *t, slot_rig *r, const char *const *lines, uint32_t count)
{
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    berth_grants_options granted = BERTH_GRANTS_OPTIONS_INIT;
    berth_grants *grants;
    uint8_t *bytes;
    size_t size;

    memset(t, 0, sizeof *t);
    t->r = r;
    granted.grants = lines;
    granted.grants_count = count;
    assert_int_equal(berth_host_create(&r->allocator, &t->host, &r->diag), BERTH_OK);
    assert_int_equal(berth_wasi_offer(t->host, &r->diag), BERTH_OK);
    options.host = t->host;
    options.instances_max = 16;
    slot_rig_restart(r, options);
    if (berth_grants_create(&r->allocator, &granted, &grants, &r->diag) != BERTH_OK)
        fail_msg("%s", r->diag.text);
    opt.grants = grants;
    t->slot = slot_rig_open(r, "slot", &opt);
    berth_grants_destroy(grants);
    bytes = guest_read("wasi/http", &size);
    (void)slot_rig_install(r, t->slot, bytes, size);
}

static void end(rig *t)
{
    slot_rig_restart(t->r, (berth_runtime_options)BERTH_RUNTIME_OPTIONS_INIT);
    berth_host_destroy(t->host);
}

static berth_status fetch(rig *t, uint64_t deadline_ns, const char *words)
{
    char text[1024];
    const char *said = "";
    berth_call call = BERTH_CALL_INIT;
    berth_status status;

    snprintf(text, sizeof text, "fetch([%s])", words);
    call.arena = t->r->arena;
    call.deadline_ns = deadline_ns;
    status = berth_slot_evaluate(t->slot, text, &call, BERTH_TEXT_WAVE, &said, &t->r->diag);
    snprintf(t->answer, sizeof t->answer, "%s", said);
    berth_arena_reset(t->r->arena);
    return status;
}

/* A request of the server: `rest` is the path, the method, the body, and a header. */
static void ask(rig *t, const char *host, unsigned port, const char *rest, const char *wanted)
{
    char words[800];
    size_t size;

    snprintf(words, sizeof words, "\"http\", \"%s:%u\", %s", host, port, rest);
    if (fetch(t, SLOT_RIG_PATIENCE_NS, words) != BERTH_OK)
        fail_msg("%s: %s", words, t->r->diag.text);
    size = strlen(t->answer);
    assert_true(size >= 2);
    t->answer[size - 1] = '\0';
    if (strcmp(t->answer + 1, wanted) != 0)
        fail_msg("%s: %s: \"%s\", not \"%s\"", t->r->engine, words, t->answer + 1, wanted);
}

#define REST(path, method) "\"" path "\", \"" method "\", \"\", \"\", \"\""

static void servers_that_are_granted_answer(void **state)
{
    static const char *const lines[] = { "deny:clock:monotonic", "http:*:127.0.0.1:*" };
    server s;
    rig t;

    if (!server_start(&s))
        return;
    begin(&t, *state, lines, 2);
    ask(&t, "127.0.0.1", s.port, REST("/hello?a=b", "GET"), "ok 200 2 5 hello");
    assert_non_null(strstr(s.last, "GET /hello?a=b HTTP/1.1\r\n"));
    assert_null(strstr(s.last, "User-Agent"));
    assert_null(strstr(s.last, "Accept"));
    ask(&t, "127.0.0.1", s.port, REST("/hello", "HEAD"), "ok 200 2 0 ");
    ask(&t, "127.0.0.1", s.port, REST("/chunked", "DELETE"), "ok 201 0 7 abcdefg");
    ask(&t, "127.0.0.1", s.port, REST("/elsewhere", "GET"), "ok 302 2 0 "); /* not followed */
    ask(&t, "127.0.0.1", s.port, "\"/echo\", \"POST\", \"some words END\", \"X-My\", \"it\"",
        "ok 200 0 19 POST|some words END");
    assert_non_null(strstr(s.last, "X-My: it\r\n"));
    assert_null(strstr(s.last, "Content-Type"));
    ask(&t, "127.0.0.1", s.port, REST("/hello", "OPTIONS"), "ok 200 2 5 hello");
    ask(&t, "127.0.0.1", s.port, REST("/cut", "GET"), INCOMPLETE);
    ask(&t, "127.0.0.1", s.port, REST("/much", "GET"), BODY_SIZE);
    ask(&t, "127.0.0.1", s.port, REST("/fields", "GET"), HEADERS_SIZE);
    end(&t);
    server_stop(&s);
}

static void what_is_not_granted_never_reaches_a_server(void **state)
{
    static const char *const lines[] = { "deny:clock:monotonic", "http:get:127.0.0.1:*",
                                         "http:get:*.example.org" };
    server s;
    rig t;

    if (!server_start(&s))
        return;
    begin(&t, *state, lines, 1);
    ask(&t, "127.0.0.1", s.port, REST("/hello", "GET"), DENIED);
    end(&t);
    begin(&t, *state, lines, 3);
    ask(&t, "127.0.0.1", s.port, REST("/hello", "POST"), DENIED);
    ask(&t, "127.0.0.2", s.port, REST("/hello", "GET"), DENIED);
    ask(&t, "localhost", s.port, REST("/hello", "GET"), DENIED);
    ask(&t, "a@127.0.0.1", s.port, REST("/hello", "GET"), BAD_URI);
    ask(&t, "127.0.0.1\\\\@x", s.port, REST("/hello", "GET"), BAD_URI);
    ask(&t, "127.0.0.1", s.port, REST("hello", "GET"), BAD_URI);
    ask(&t, "127.0.0.1", s.port, REST("/hello", "get"), BAD_METHOD);
    ask(&t, "127.0.0.1", s.port, REST("/hello", "CONNECT"), BAD_METHOD);
    assert_int_equal(atomic_load(&s.requests), 0);
    /* Nothing ends a line early. */
    ask(&t, "127.0.0.1", s.port, "\"/hello\\r\\nX: y\", \"GET\", \"\", \"\", \"\"",
        "ok path 200 2 5 hello");
    ask(&t, "127.0.0.1", s.port, "\"/hello\", \"GET\", \"\", \"X-A\", \"b\\r\\nX: y\"",
        "ok header 0 200 2 5 hello");
    ask(&t, "127.0.0.1", s.port, "\"/hello\", \"GET\", \"\", \"Host\", \"other\"",
        "ok header 1 200 2 5 hello");
    end(&t);
    server_stop(&s);
    begin(&t, *state, lines, 2);
    ask(&t, "127.0.0.1", s.port, REST("/hello", "GET"), REFUSED);
    end(&t);
}

/* What is behind a body that is said to be shorter would be a request of its own to the server, of any
 * method. */
static void a_body_is_as_long_as_it_is_said_to_be(void **state)
{
    static const char *const lines[] = { "deny:clock:monotonic", "http:post:127.0.0.1:*" };
    static const char *const lies[] = {
        "0", "13", "15", "x", "", "+14", "99999999999999999999"
    };
    char rest[200];
    server s;
    rig t;

    if (!server_start(&s))
        return;
    begin(&t, *state, lines, 2);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        snprintf(rest, sizeof rest,
                 "\"/echo\", \"POST\", \"some words END\", \"Content-length\", \"%s\"",
                 lies[i]);
        ask(&t, "127.0.0.1", s.port, rest, BODY_IS_OTHER);
    }
    ask(&t, "127.0.0.1", s.port, "\"/hello\", \"POST\", \"\", \"Content-Length\", \"5\"",
        BODY_IS_OTHER);
    assert_int_equal(atomic_load(&s.requests), 0);
    ask(&t, "127.0.0.1", s.port,
        "\"/echo\", \"POST\", \"some words END\", \"content-length\", \"14\"",
        "ok 200 0 19 POST|some words END");
    assert_non_null(strstr(s.last, "Content-Length: 14\r\n"));
    assert_null(strstr(s.last, "content-length"));
    end(&t);
    server_stop(&s);
}

/* The call ends at its deadline; the request is left alone, and its thread ends. */
static void a_server_that_stalls_ends_the_call_at_its_deadline(void **state)
{
    static const char *const lines[] = { "deny:clock:monotonic", "http:get:127.0.0.1:*" };
    char words[200];
    size_t threads;
    server s;
    rig t;

    if (!server_start(&s))
        return;
    begin(&t, *state, lines, 2);
    ask(&t, "127.0.0.1", s.port, REST("/hello", "GET"), "ok 200 2 5 hello");
    threads = process_threads();
    snprintf(words, sizeof words, "\"http\", \"127.0.0.1:%u\", %s", s.port,
             REST("/stall", "GET"));
    assert_int_equal(fetch(&t, 100 * MS, words), BERTH_E_DEADLINE);
    end(&t);
    server_stop(&s);
    assert_true(process_waits_for_threads(threads));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(servers_that_are_granted_answer),
        slot_test(what_is_not_granted_never_reaches_a_server),
        slot_test(a_body_is_as_long_as_it_is_said_to_be),
        slot_test(a_server_that_stalls_ends_the_call_at_its_deadline),
    };

    return slot_rig_run("http", tests, sizeof tests / sizeof *tests);
}
