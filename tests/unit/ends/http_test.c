/* http_test.c - records over HTTP: peers that ask well, badly, slowly, too much, and not to the end. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "end_rig.h"
#include "http_client.h"
#include "listen/listener.h"
#include "process.h"

#include <cmocka.h>

static http_client client;

/* A source with these settings, into the file `out`. */
static void start_into_file(end_rig *r, const char *settings)
{
    char all[512];

    snprintf(all, sizeof all, "address=unix:@/s;%s", settings);
    end_rig_pair(r, "http", all, "file", "path=@/out");
    end_rig_start(r);
    http_client_open(&client, end_rig_path(r, "s"));
}

static int post(const char *target, const char *fields, const char *body)
{
    http_client_post(&client, target, fields, body);
    return http_client_hear(&client);
}

static const char *end_and_read(end_rig *r)
{
    http_client_close(&client);
    assert_int_equal(end_rig_drain(r), BERTH_OK);
    return end_rig_read(r, "out");
}

/* ---------------------------------------------------------------- what is taken */

static void a_post_is_a_record_and_202_says_so(void **state)
{
    end_rig *r = *state;

    start_into_file(r, "path=/in");
    assert_int_equal(post("/in", "", "one"), 202);
    assert_string_equal(http_client_field(&client, "Content-Length"), "0");
    assert_int_equal(post("/in?x=1", "", "two"), 202); /* on the same connection */
    http_client_post(&client, "/in", "", "three");     /* one behind the other */
    http_client_post(&client, "/in", "", "four");
    assert_int_equal(http_client_hear(&client), 202);
    assert_int_equal(http_client_hear(&client), 202);
    http_client_say(&client,
                    "POST /in HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "2\r\nfi\r\n2\r\nve\r\n0\r\n\r\n");
    assert_int_equal(http_client_hear(&client), 202);
    http_client_post(&client, "/in", "Expect: 100-continue\r\n", "six");
    assert_int_equal(http_client_hear(&client), 202);
    (void)shutdown(client.fd, SHUT_RD);
    assert_string_equal(end_and_read(r), "one\ntwo\nthree\nfour\nfive\nsix\n");
    assert_int_equal(end_rig_stats(r, 0).records, 6);
    assert_int_equal(end_rig_stats(r, 0).connections, 1);
    assert_int_equal(end_rig_stats(r, 0).bytes, 22);
    assert_int_equal(end_rig_stats(r, 0).refused, 0);
}

static void a_body_is_as_many_records_as_its_framing_says(void **state)
{
    static char many[20000];
    end_rig *r = *state;
    size_t used = 0;
    const char *text;

    for (int i = 0; i < 1000; i++)
        used += (size_t)snprintf(many + used, sizeof many - used, "record %d\n", i);
    start_into_file(r, "framing=lines");
    assert_int_equal(post("/", "", many), 202); /* far more than a pull brings */
    assert_int_equal(post("/", "", ""), 202);
    assert_int_equal(post("/", "", "last"), 202);
    text = end_and_read(r);
    assert_int_equal(strlen(text), used + 5);
    assert_memory_equal(text, many, used);
    assert_int_equal(end_rig_stats(r, 0).records, 1001);
}

static void who_ended_his_side_has_his_answer(void **state)
{
    end_rig *r = *state;

    start_into_file(r, "framing=whole");
    http_client_post(&client, "/", "", "one");
    (void)shutdown(client.fd, SHUT_WR);
    assert_int_equal(http_client_hear(&client), 202);
    assert_string_equal(end_and_read(r), "one\n");
}

/* ---------------------------------------------------------------- what a record says besides */

typedef struct shown {
    char text[1024];
    _Atomic(uint32_t) count;
} shown;

static berth_status show(void *self, berth_stage *stage, const berth_record *record,
                         berth_diag *diag)
{
    shown *s = self;
    size_t used = strlen(s->text);
    berth_label label;
    const unsigned char *h;

    (void)diag;
    berth_stage_label(stage, record, &label);
    h = label.headers;
    used += (size_t)snprintf(s->text + used, sizeof s->text - used, "%.*s|%.*s|%.*s",
                             (int)record->size, (const char *)record->data, (int)label.key_size,
                             (const char *)label.key, (int)label.content_type_size,
                             label.content_type);
    for (uint64_t at = 0; at < label.headers_size;) {
        unsigned name = h[at], value = h[at + 4];

        used += (size_t)snprintf(s->text + used, sizeof s->text - used, "|%.*s=%.*s", (int)name,
                                 (const char *)h + at + 8, (int)value,
                                 (const char *)h + at + 8 + name);
        at += 8 + name + value;
    }
    snprintf(s->text + used, sizeof s->text - used, "\n");
    s->count++;
    return BERTH_OK;
}

static void show_records_of(end_rig *r, const char *settings, shown *s)
{
    static const berth_stage_ops ops = { sizeof ops, 0,    NULL, NULL, show,
                                         NULL,       NULL, NULL, NULL, NULL };
    berth_stage_options o = BERTH_STAGE_OPTIONS_INIT;
    uint32_t source = end_rig_add(r, "http", SOURCE, settings), sink;

    memset(s, 0, sizeof *s);
    o.name = "shown";
    o.role = SINK;
    o.ops = &ops;
    o.self = s;
    assert_int_equal(berth_flow_add(r->flow, &o, &sink, &r->diag), BERTH_OK);
    end_rig_edge(r, source, sink, NULL);
    end_rig_start(r);
    http_client_open(&client, end_rig_path(r, "s"));
}

static void fields_path_and_type_become_a_records_own(void **state)
{
    end_rig *r = *state;
    shown s;

    show_records_of(r, "address=unix:@/s;key=path;headers=x-one, X-Two;content_type=text/plain",
                    &s);
    assert_int_equal(post("/a/b?c=d",
                          "Content-Type: Text/Plain; charset=utf-8\r\nX-One: 1\r\n"
                          "x-other: 0\r\nX-TWO: 2\r\nx-one: 3\r\n",
                          "r"),
                     202);
    assert_int_equal(post("/a", "Content-Type: text/html\r\n", "r"), 415);
    assert_int_equal(post("/a", "", "r"), 415);
    http_client_close(&client);
    assert_int_equal(end_rig_drain(r), BERTH_OK);
    assert_string_equal(s.text, "r|/a/b|text/plain|x-one=1|x-one=3|X-Two=2\n");
    end_rig_close(r);
    end_rig_open(r);
    show_records_of(r, "address=unix:@/s;key=query", &s);
    assert_int_equal(post("/a?b=c?d", "X-One: 1\r\n", "r"), 202);
    assert_int_equal(post("/a", "", "s"), 202);
    http_client_close(&client);
    assert_int_equal(end_rig_drain(r), BERTH_OK);
    assert_string_equal(s.text, "r|b=c?d|\ns||\n");
}

/* ---------------------------------------------------------------- what is not */

static void what_is_no_record_here_is_refused_and_the_flow_hears_nothing_of_it(void **state)
{
    end_rig *r = *state;

    start_into_file(r, "path=/in;framing=json-lines;record_max=16");
    assert_int_equal(post("/out", "", "{}"), 404);
    assert_int_equal(post("/i", "", "{}"), 404);
    http_client_say(&client, "GET /in HTTP/1.1\r\nHost: t\r\n\r\n");
    assert_int_equal(http_client_hear(&client), 405);
    assert_string_equal(http_client_field(&client, "Allow"), "POST");
    assert_int_equal(post("/in", "", "{}\n{\"a\":\n{}\n"), 400);
    assert_non_null(strstr(client.body, "the record at byte"));
    assert_int_equal(post("/in", "", "{}\n[1,2,3,4,5,6,7,8,9]\n"), 413);
    assert_int_equal(post("/in", "", "{\"a\":1}\n"), 202); /* still the same connection */
    assert_string_equal(end_and_read(r), "{\"a\":1}\n");
    assert_int_equal(end_rig_stats(r, 0).refused, 5);
    assert_int_equal(end_rig_stats(r, 0).records, 1);
    assert_int_equal(end_rig_stats(r, 0).connections, 1);
}

static void a_body_past_its_bound_gets_413_however_it_is_sent(void **state)
{
    static char large[300000];
    end_rig *r = *state;

    memset(large, 'x', sizeof large - 1);
    start_into_file(r, "body_max=100000");
    http_client_post(&client, "/", "", large);
    assert_int_equal(http_client_hear(&client), 413);
    assert_int_equal(http_client_hear(&client), 0); /* and is over */
    http_client_close(&client);

    http_client_open(&client, end_rig_path(r, "s"));
    http_client_say(&client,
                    "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 20; i++) {
        http_client_say(&client, "2710\r\n");
        http_client_send(&client, large, 10000);
        http_client_say(&client, "\r\n");
    }
    assert_int_equal(http_client_hear(&client), 413);
    http_client_close(&client);

    http_client_open(&client, end_rig_path(r, "s"));
    http_client_say(&client, "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 100001\r\n"
                             "Expect: 100-continue\r\n\r\n"); /* it is not told to go on */
    assert_int_equal(http_client_hear(&client), 413);
    http_client_close(&client);

    http_client_open(&client, end_rig_path(r, "s"));
    http_client_say(&client, "PUT / HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\n");
    assert_int_equal(http_client_hear(&client), 405); /* before its body, which is not short */
    assert_string_equal(http_client_field(&client, "Allow"), "POST");
    http_client_close(&client);

    http_client_open(&client, end_rig_path(r, "s"));
    large[100000] = '\0';
    assert_int_equal(post("/", "", large), 202);
    assert_int_equal(strlen(end_and_read(r)), 100001);
    assert_int_equal(end_rig_stats(r, 0).refused, 4);
}

static void a_head_past_its_bound_is_refused(void **state)
{
    static char field[9000];
    end_rig *r = *state;

    memset(field, 'x', sizeof field - 1);
    start_into_file(r, "header_bytes=4KiB");
    http_client_say(&client, "POST / HTTP/1.1\r\nHost: t\r\nX-Much: ");
    http_client_say(&client, field);
    http_client_say(&client, "\r\nContent-Length: 1\r\n\r\nx");
    assert_in_range(http_client_hear(&client), 413, 431);
    http_client_close(&client);
    http_client_open(&client, end_rig_path(r, "s"));
    http_client_say(&client, "no request at all\r\n\r\n");
    assert_int_not_equal(http_client_hear(&client), 202);
    assert_string_equal(end_and_read(r), "");
}

static void who_takes_too_long_gets_408(void **state)
{
    static const char *const beginnings[] = {
        "POST / HTTP/1.1\r\nHost: t\r\nX-One: ",                       /* in its head */
        "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nabc", /* in its body */
    };
    end_rig *r = *state;

    start_into_file(r, "timeout=50ms");
    http_client_close(&client);
    for (size_t i = 0; i < 2; i++) {
        int status;

        do { /* whose first line was not heard in time is let go without a word */
            http_client_open(&client, end_rig_path(r, "s"));
            http_client_say(&client, beginnings[i]);
            status = http_client_hear(&client);
            assert_int_equal(http_client_hear(&client), 0);
            http_client_close(&client);
        } while (status == 0);
        assert_int_equal(status, 408);
    }
    http_client_open(&client, end_rig_path(r, "s"));
    assert_int_equal(http_client_hear(&client), 0); /* who says nothing is let go */
    assert_string_equal(end_and_read(r), "");
    assert_true(end_rig_stats(r, 0).lost >= 4);
}

static void a_peer_that_vanishes_in_the_middle_has_said_nothing(void **state)
{
    end_rig *r = *state;

    start_into_file(r, "framing=lines");
    http_client_say(&client,
                    "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 20\r\n\r\none\ntwo\n");
    http_client_close(&client);
    http_client_open(&client, end_rig_path(r, "s"));
    http_client_say(&client, "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
                             "4\r\none\n\r\n");
    http_client_close(&client);
    http_client_open(&client, end_rig_path(r, "s"));
    assert_int_equal(post("/", "", "three\n"), 202);
    while (end_rig_stats(r, 0).lost < 2) { /* told with the next request at the latest */
        assert_int_equal(post("/", "", ""), 202);
        (void)sched_yield();
    }
    assert_string_equal(end_and_read(r), "three\n");
}

/* ---------------------------------------------------------------- when the flow takes nothing */

/* Its sink has nobody to give anything to. */
static void start_stuck(end_rig *r, const char *settings)
{
    berth_edge_options edge = BERTH_EDGE_OPTIONS_INIT;
    uint32_t from = end_rig_add(r, "http", SOURCE, settings);
    uint32_t to = end_rig_add(r, "unix", SINK, "path=@/nobody;retry=1h;retry_max=1h");

    edge.records_max = 1;
    end_rig_edge(r, from, to, &edge);
    end_rig_start(r);
    http_client_open(&client, end_rig_path(r, "s"));
}

static void what_the_flow_does_not_take_in_time_gets_503(void **state)
{
    end_rig *r = *state;
    uint32_t in_row = 0;

    start_stuck(r, "address=unix:@/s;wait=20ms;retry_after=7s");
    while (in_row < 3) { /* it takes some first, and each answer comes on the same connection */
        in_row = post("/", "", "record") == 503 ? in_row + 1 : 0;
        assert_true(client.status == 503 || client.status == 202);
    }
    assert_string_equal(http_client_field(&client, "Retry-After"), "7");
    berth_flow_cancel(r->flow);
    assert_int_equal(end_rig_wait(r), BERTH_E_CLOSED);
    assert_true(end_rig_stats(r, 0).refused >= 3);
    assert_int_equal(end_rig_stats(r, 0).connections, 1);
    http_client_close(&client);
}

static void who_waits_when_the_flow_ends_hears_that_it_has(void **state)
{
    static http_client others[3];
    end_rig *r = *state;

    start_stuck(r, "address=unix:@/s;wait=1h;framing=lines");
    for (int i = 0; i < 3; i++) {
        http_client_open(&others[i], end_rig_path(r, "s"));
        for (int k = 0; k < 40; k++) /* more than the flow takes, all at once */
            http_client_post(&others[i], "/", "", "a\nb\nc\nd\n");
    }
    while (end_rig_edge_stats(r, 0).in == 0)
        (void)sched_yield();
    berth_flow_cancel(r->flow);
    assert_int_equal(end_rig_wait(r), BERTH_E_CLOSED);
    for (int i = 0; i < 3; i++) {
        while (http_client_hear(&others[i]) == 202)
            continue;
        assert_true(others[i].status == 503 || others[i].status == 0);
        http_client_close(&others[i]);
    }
    http_client_close(&client);
}

static void bodies_that_are_too_many_get_503(void **state)
{
    enum { PEERS = 24 }; /* more than the flow takes, and the bound */
    static http_client peers[PEERS];
    static char body[60000];
    end_rig *r = *state;
    int refused = 0;

    memset(body, 'x', sizeof body - 1);
    start_stuck(r, "address=unix:@/s;wait=1h;body_max=64KiB;queue_bytes=128KiB");
    for (int i = 0; i < PEERS; i++) {
        http_client_open(&peers[i], end_rig_path(r, "s"));
        http_client_post(&peers[i], "/", "", body);
    }
    while (end_rig_stats(r, 0).refused == 0)
        (void)sched_yield();
    berth_flow_cancel(r->flow);
    assert_int_equal(end_rig_wait(r), BERTH_E_CLOSED);
    for (int i = 0; i < PEERS; i++) {
        refused += http_client_hear(&peers[i]) == 503;
        http_client_close(&peers[i]);
    }
    assert_true(refused >= 1);
    http_client_close(&client);
}

static void who_is_refused_hears_why_though_others_bodies_fill_all_room(void **state)
{
    enum { SIZE = 60000 }; /* whose room is 64 KiB, half of all there is */
    static http_client other, third;
    static char body[SIZE + 1];
    end_rig *r = *state;

    memset(body, 'x', SIZE);
    start_into_file(r, "path=/in;framing=json-lines;body_max=64KiB;queue_bytes=128KiB");
    http_client_open(&other, end_rig_path(r, "s"));
    http_client_say(&other, "POST /in HTTP/1.1\r\nHost: t\r\nContent-Length: 60001\r\n\r\n");
    http_client_send(&other, body, SIZE);
    while (end_rig_stats(r, 0).bytes < SIZE)
        (void)sched_yield();
    assert_int_equal(post("/in", "", body), 400); /* the rest of the room was its own */
    http_client_say(&client, "POST /in HTTP/1.1\r\nHost: t\r\nContent-Length: 60001\r\n\r\n");
    http_client_send(&client, body, SIZE);
    while (end_rig_stats(r, 0).bytes < 3 * SIZE)
        (void)sched_yield();
    http_client_open(&third, end_rig_path(r, "s"));
    http_client_post(&third, "/out", "", "x"); /* there is no room for a line of text */
    assert_int_equal(http_client_hear(&third), 404);
    http_client_post(&third, "/in", "", "{}");
    assert_int_equal(http_client_hear(&third), 503);
    assert_string_equal(http_client_field(&third, "Retry-After"), "1");
    http_client_close(&third);
    http_client_close(&other);
    assert_string_equal(end_and_read(r), "");
}

static void who_finds_no_place_waits_to_be_let_in(void **state)
{
    static http_client second;
    end_rig *r = *state;

    start_into_file(r, "peers_max=1");
    assert_int_equal(post("/", "", "one"), 202);
    http_client_open(&second, end_rig_path(r, "s"));
    http_client_post(&second, "/", "", "two");
    assert_int_equal(post("/", "", "three"), 202);
    assert_int_equal(end_rig_stats(r, 0).connections, 1);
    http_client_close(&client);
    assert_int_equal(http_client_hear(&second), 202);
    client = second;
    assert_string_equal(end_and_read(r), "one\nthree\ntwo\n");
}

static void what_no_buffer_holds_is_refused_and_the_rest_waits_for_room(void **state)
{
    static char many[2000], long_path[300] = "/";
    end_rig *r = *state;
    berth_stage_options options = BERTH_STAGE_OPTIONS_INIT;
    uint32_t from, to;

    options.buffer_bytes_max = 5 * 256; /* five records with their keys */
    for (int i = 0; i < 500; i++)
        memcpy(many + 4 * i, "abc\n", 4);
    many[sizeof many - 1] = '\0';
    memset(long_path + 1, 'x', sizeof long_path - 2);
    from = end_rig_add_with(r, &options, "http", SOURCE,
                            "address=unix:@/s;key=path;framing=lines");
    to = end_rig_add(r, "file", SINK, "path=@/out");
    end_rig_edge(r, from, to, NULL);
    end_rig_start(r);
    http_client_open(&client, end_rig_path(r, "s"));
    assert_int_equal(post(long_path, "", "a\n"),
                     413); /* its key is of the next size of buffers */
    assert_int_equal(post("/", "", many), 202);
    assert_int_equal(strlen(end_and_read(r)), 2000);
    assert_int_equal(end_rig_stats(r, 0).records, 500);
}

/* ---------------------------------------------------------------- opening and ending */

static void what_cannot_be_listened_at_keeps_the_flow_from_starting(void **state)
{
    static const char *const addresses[] = { "example.org:80", "127.0.0.1", "unix:/no/such/s" };
    end_rig *r = *state;
    char settings[128];

    for (size_t i = 0; i < 3; i++) {
        snprintf(settings, sizeof settings, "address=%s", addresses[i]);
        end_rig_pair(r, "http", settings, "null", "");
        assert_int_not_equal(berth_flow_start(r->flow, &r->diag), BERTH_OK);
        assert_non_null(strstr(r->diag.text, "listened at"));
        end_rig_close(r);
        end_rig_open(r);
    }
    assert_int_equal(end_rig_check(r, "http", SOURCE, "address=a;framing=csv;past=truncate"),
                     BERTH_E_INVALID);
    assert_int_equal(end_rig_check(r, "http", SOURCE, "address=a;queue_bytes=1MiB"),
                     BERTH_E_INVALID);
    assert_int_equal(end_rig_check(r, "http", SOURCE, "address=a;content_type=\xff"),
                     BERTH_E_INVALID);
}

/* One request that is refused, and one that is not; what became of them. */
static bool try_to_run(end_rig *r)
{
    bool is_done = false;

    berth_stage_options o = BERTH_STAGE_OPTIONS_INIT;
    berth_edge_options e = BERTH_EDGE_OPTIONS_INIT;
    char address[128];
    berth_setting settings[] = { { "address", address },
                                 { "headers", "x-one" },
                                 { "path", "/in" } };
    berth_flow_options flow_options = BERTH_FLOW_OPTIONS_INIT;
    berth_flow *flow;

    snprintf(address, sizeof address, "unix:%s", end_rig_path(r, "s"));
    flow_options.name = "faulty";
    if (berth_flow_open(r->flows, &flow_options, &flow, &r->diag) != BERTH_OK)
        return false;
    o.name = "in";
    o.role = SOURCE;
    o.on_error = BERTH_ON_ERROR_SKIP;
    if (berth_flow_add_end(flow, &o, "http", settings, 3, NULL, &r->diag) == BERTH_OK) {
        o.name = "out";
        o.role = SINK;
        e.to = 1;
        is_done = berth_flow_add_end(flow, &o, "null", NULL, 0, NULL, &r->diag) == BERTH_OK &&
                  berth_flow_connect(flow, &e, NULL, &r->diag) == BERTH_OK &&
                  berth_flow_start(flow, &r->diag) == BERTH_OK;
    }
    if (is_done) {
        http_client_open(&client, end_rig_path(r, "s"));
        http_client_post(&client, "/out", "", "one");
        is_done = http_client_hear(&client) == 404;
        http_client_post(&client, "/in", "X-One: 1\r\n", "one");
        is_done = http_client_hear(&client) == 202 && is_done;
        http_client_close(&client);
        berth_flow_drain(flow, UINT64_MAX);
        is_done = berth_flow_wait(flow, UINT64_MAX, &r->diag) == BERTH_OK && is_done;
    }
    berth_flow_close(flow);
    return is_done;
}

static void each_allocation_that_fails_leaves_nothing_behind(void **state)
{
    (void)state;
    end_rig_fail_each_allocation(try_to_run, 15, true);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        end_case(a_post_is_a_record_and_202_says_so),
        end_case(a_body_is_as_many_records_as_its_framing_says),
        end_case(who_ended_his_side_has_his_answer),
        end_case(fields_path_and_type_become_a_records_own),
        end_case(what_is_no_record_here_is_refused_and_the_flow_hears_nothing_of_it),
        end_case(a_body_past_its_bound_gets_413_however_it_is_sent),
        end_case(a_head_past_its_bound_is_refused),
        end_case(who_takes_too_long_gets_408),
        end_case(a_peer_that_vanishes_in_the_middle_has_said_nothing),
        end_case(what_the_flow_does_not_take_in_time_gets_503),
        end_case(who_waits_when_the_flow_ends_hears_that_it_has),
        end_case(bodies_that_are_too_many_get_503),
        end_case(who_is_refused_hears_why_though_others_bodies_fill_all_room),
        end_case(who_finds_no_place_waits_to_be_let_in),
        end_case(what_no_buffer_holds_is_refused_and_the_rest_waits_for_room),
        end_case(what_cannot_be_listened_at_keeps_the_flow_from_starting),
        cmocka_unit_test(each_allocation_that_fails_leaves_nothing_behind),
    };

    if (!berthi_listener_is_built()) {
        printf("skipped: this was built without libmicrohttpd\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
