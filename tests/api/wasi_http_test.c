/* wasi_http_test.c - a component asks servers, those that its grants name.  Public headers only, loopback
 * only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/grant.h>
#include <berth/invoke.h>
#include <berth/wasi.h>

#include "http_server.h"
#include "process.h"
#include "wasi_rig.h"

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

/* A request of the server: `rest` is the path, the method, the body, and a header. */
static void ask(wasi_rig *t, const char *host, unsigned port, const char *rest,
                const char *wanted)
{
    char words[800];

    snprintf(words, sizeof words, "\"http\", \"%s:%u\", %s", host, port, rest);
    wasi_rig_tell(t, words, wanted);
}

#define REST(path, method) "\"" path "\", \"" method "\", \"\", \"\", \"\""

static void servers_that_are_granted_answer(void **state)
{
    static const char *const lines[] = { "deny:clock:monotonic", "http:*:127.0.0.1:*" };
    server s;
    wasi_rig t;

    if (!server_start(&s))
        return;
    wasi_rig_begin_http(&t, *state, lines, 2);
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
    wasi_rig_end(&t);
    server_stop(&s);
}

static void what_is_not_granted_never_reaches_a_server(void **state)
{
    static const char *const lines[] = { "deny:clock:monotonic", "http:get:127.0.0.1:*",
                                         "http:get:*.example.org" };
    server s;
    wasi_rig t;

    if (!server_start(&s))
        return;
    wasi_rig_begin_http(&t, *state, lines, 1);
    ask(&t, "127.0.0.1", s.port, REST("/hello", "GET"), DENIED);
    wasi_rig_end(&t);
    wasi_rig_begin_http(&t, *state, lines, 3);
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
    wasi_rig_end(&t);
    server_stop(&s);
    wasi_rig_begin_http(&t, *state, lines, 2);
    ask(&t, "127.0.0.1", s.port, REST("/hello", "GET"), REFUSED);
    wasi_rig_end(&t);
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
    wasi_rig t;

    if (!server_start(&s))
        return;
    wasi_rig_begin_http(&t, *state, lines, 2);
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
    wasi_rig_end(&t);
    server_stop(&s);
}

/* The call ends at its deadline; the request is left alone, and its thread ends. */
static void a_server_that_stalls_ends_the_call_at_its_deadline(void **state)
{
    static const char *const lines[] = { "deny:clock:monotonic", "http:get:127.0.0.1:*" };
    char words[200];
    size_t threads;
    server s;
    wasi_rig t;

    if (!server_start(&s))
        return;
    wasi_rig_begin_http(&t, *state, lines, 2);
    ask(&t, "127.0.0.1", s.port, REST("/hello", "GET"), "ok 200 2 5 hello");
    threads = process_threads();
    snprintf(words, sizeof words, "\"http\", \"127.0.0.1:%u\", %s", s.port,
             REST("/stall", "GET"));
    assert_int_equal(wasi_rig_try(&t, 100 * MS, words), BERTH_E_DEADLINE);
    wasi_rig_end(&t);
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
