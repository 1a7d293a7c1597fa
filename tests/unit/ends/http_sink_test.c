/* http_sink_test.c - records that are sent over HTTP: to peers that take, are busy, vanish, refuse and say nothing. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "end_rig.h"
#include "http_taker.h"
#include "process.h"

#include <cmocka.h>

static http_taker taker;

/* A file's lines to the taker. */
static void pair_with(end_rig *r, const char *lines, const char *settings,
                      const berth_stage_options *options)
{
    static const berth_stage_options usual = BERTH_STAGE_OPTIONS_INIT;
    char all[512];
    uint32_t from, to;

    end_rig_write(r, "in", lines);
    snprintf(all, sizeof all, "url=http://127.0.0.1:%u/x;retry=1ms;retry_max=2ms;%s",
             taker.port, settings);
    from = end_rig_add(r, "file", SOURCE, "path=@/in");
    to = end_rig_add_with(r, options == NULL ? &usual : options, "http", SINK, all);
    end_rig_edge(r, from, to, NULL);
}

static void run(end_rig *r)
{
    end_rig_start(r);
    if (end_rig_wait(r) != BERTH_OK)
        fail_msg("%s", r->diag.text);
}

/* ---------------------------------------------------------------- what arrives */

static void each_record_is_a_request_in_order_on_one_connection(void **state)
{
    static const int answers[] = { 202 };
    end_rig *r = *state;

    if (!taker_start(&taker, answers, 1))
        return;
    pair_with(r, "one\ntwo\n\nthree", "headers=X-One: 1\nX-Two: 2;method=PUT", NULL);
    run(r);
    assert_string_equal(taker.bodies, "one|two||three|");
    assert_int_equal(taker.requests, 4);
    assert_int_equal(taker.peers_count, 1);
    assert_non_null(strstr(taker.last_head, "PUT /x HTTP/1.1\r\n"));
    assert_non_null(strstr(taker.last_head, "X-One: 1\r\n"));
    assert_non_null(strstr(taker.last_head, "X-Two: 2\r\n"));
    assert_non_null(strstr(taker.last_head, "Content-Type: application/octet-stream\r\n"));
    assert_int_equal(end_rig_stats(r, 1).records, 4);
    assert_int_equal(end_rig_stats(r, 1).bytes, 11);
    assert_int_equal(end_rig_stats(r, 1).retries, 0);
    taker_stop(&taker);
}

static void records_with_a_framing_go_together(void **state)
{
    static const int answers[] = { 200 };
    static char lines[4000];
    end_rig *r = *state;
    size_t used = 0;
    char *to = taker.bodies;

    for (int i = 0; i < 300; i++)
        used += (size_t)snprintf(lines + used, sizeof lines - used, "line %d\n", i);
    if (!taker_start(&taker, answers, 1))
        return;
    pair_with(r, lines, "framing=lines;batch_records=50;idempotency=false", NULL);
    run(r);
    assert_in_range(taker.requests, 6, 30); /* 64 are given at once, or what is left of them */
    for (const char *from = taker.bodies; *from != '\0'; from++)
        if (*from != '|')
            *to++ = *from;
    *to = '\0';
    assert_string_equal(taker.bodies, lines);
    assert_string_equal(taker.keys, "");
    assert_non_null(strstr(taker.last_head, "Content-Type: text/plain\r\n"));
    taker_stop(&taker);
}

static void several_are_sent_at_once_when_that_is_said(void **state)
{
    static const int answers[] = { 204 };
    end_rig *r = *state;

    if (!taker_start(&taker, answers, 1))
        return;
    taker.gather = 4; /* the first answer is given to four at once */
    pair_with(r, "a\nb\nc\nd\ne\nf\ng\nh\n", "in_flight=4", NULL);
    run(r);
    assert_int_equal(taker.requests, 8);
    assert_int_equal(strlen(taker.bodies), 16);
    for (char c = 'a'; c <= 'h'; c++)
        assert_non_null(strchr(taker.bodies, c));
    taker_stop(&taker);
}

/* ---------------------------------------------------------------- what is in the way */

static void who_is_busy_or_vanishes_is_asked_again_by_the_same_key(void **state)
{
    static const int answers[] = { 503, TAKER_VANISHES, 429, 202 };
    end_rig *r = *state;
    const char *second;

    if (!taker_start(&taker, answers, 4))
        return;
    pair_with(r, "one\ntwo\n", "", NULL);
    run(r);
    assert_string_equal(taker.bodies, "one|two|");
    assert_int_equal(taker.requests, 5);
    /* libcurl itself asks again where a kept connection has vanished. */
    assert_in_range(end_rig_stats(r, 1).retries, 2, 3);
    assert_int_equal(end_rig_stats(r, 1).refused, 0);
    second = strchr(taker.keys, '|') + 1;
    for (int i = 0; i < 3; i++)
        assert_memory_equal(second + (second - taker.keys) * i, taker.keys,
                            (size_t)(second - taker.keys));
    assert_null(strstr(strrchr(taker.keys, '-'), "-0|")); /* the other record has its own */
    taker_stop(&taker);
}

static void who_does_not_answer_in_time_is_asked_again(void **state)
{
    static const int answers[] = { TAKER_HOLDS, 202 };
    end_rig *r = *state;

    if (!taker_start(&taker, answers, 2))
        return;
    pair_with(r, "one\n", "timeout=100ms", NULL);
    run(r);
    assert_non_null(strstr(taker.bodies, "one|")); /* twice, where an answer took that long */
    assert_true(end_rig_stats(r, 1).retries >= 1);
    taker_stop(&taker);
}

static void what_is_refused_is_a_dead_letter_and_its_neighbours_arrive_once(void **state)
{
    static const int answers[] = { 202, 400, 202 };
    berth_stage_options options = BERTH_STAGE_OPTIONS_INIT;
    berth_edge_options edge = BERTH_EDGE_OPTIONS_INIT;
    end_rig *r = *state;
    uint32_t dead;

    if (!taker_start(&taker, answers, 3))
        return;
    options.on_error = BERTH_ON_ERROR_DEAD_LETTER;
    options.retries = 3; /* of no use: the answer would be the same */
    pair_with(r, "one\ntwo\nthree\nfour\n", "", &options);
    dead = end_rig_add(r, "file", SINK, "path=@/dead");
    edge.port = "dead";
    end_rig_edge(r, 1, dead, &edge);
    run(r);
    assert_string_equal(taker.bodies, "one|three|four|");
    assert_string_equal(end_rig_read(r, "dead"), "two\n");
    assert_int_equal(taker.requests, 4);
    assert_int_equal(end_rig_stats(r, 1).refused, 1);
    assert_int_equal(end_rig_edge_stats(r, 0).dead_letters, 1);
    taker_stop(&taker);
}

static void a_refusal_says_what_the_peer_said(void **state)
{
    static const int answers[] = { 404 };
    end_rig *r = *state;

    if (!taker_start(&taker, answers, 1))
        return;
    pair_with(r, "one\n", "", NULL);
    end_rig_start(r);
    assert_int_equal(end_rig_wait(r), BERTH_E_PLUGIN);
    assert_non_null(strstr(r->diag.text, "it answered 404: reason"));
    taker_stop(&taker);
}

static void who_cannot_be_reached_is_given_up_when_that_is_said(void **state)
{
    static const int answers[] = { 202 };
    end_rig *r = *state;

    if (!taker_start(&taker, answers, 1))
        return;
    taker_stop(&taker); /* nobody listens there now */
    pair_with(r, "one\n", "retries=2", NULL);
    end_rig_start(r);
    assert_int_equal(end_rig_wait(r), BERTH_E_OS);
    assert_non_null(strstr(r->diag.text, "refused the connection"));
    assert_int_equal(end_rig_stats(r, 1).retries, 2);
}

static void a_flow_that_is_cancelled_waits_for_no_answer(void **state)
{
    static const int answers[] = { TAKER_HOLDS };
    end_rig *r = *state;

    if (!taker_start(&taker, answers, 1))
        return;
    pair_with(r, "one\ntwo\nthree\n", "in_flight=2", NULL);
    end_rig_start(r);
    while (taker.requests < 2)
        (void)sched_yield();
    berth_flow_cancel(r->flow);
    assert_int_equal(end_rig_wait(r), BERTH_E_CLOSED);
    assert_int_equal(end_rig_stats(r, 1).records, 0);
    taker_stop(&taker);
}

static void a_record_whose_time_is_over_is_sent_no_more(void **state)
{
    static const int answers[] = { TAKER_HOLDS, 202 };
    berth_stage_options options = BERTH_STAGE_OPTIONS_INIT;
    char settings[128];
    end_rig *r = *state;
    uint32_t from, to;

    if (!taker_start(&taker, answers, 2))
        return;
    end_rig_write(r, "in", "one\n");
    options.lifetime_ns = 50000000;
    from = end_rig_add_with(r, &options, "file", SOURCE, "path=@/in");
    snprintf(settings, sizeof settings, "url=http://127.0.0.1:%u/x;timeout=200ms;retry=1ms",
             taker.port);
    to = end_rig_add(r, "http", SINK, settings);
    end_rig_edge(r, from, to, NULL);
    run(r);
    assert_int_equal(end_rig_edge_stats(r, 0).dropped[BERTH_DROPPED_EXPIRED], 1);
    assert_int_equal(end_rig_stats(r, 1).records, 0);
    taker_stop(&taker);
}

/* ---------------------------------------------------------------- settings and memory */

static void what_cannot_be_sent_is_said_before_anything_is(void **state)
{
    static const char *const wrong[] = {
        "url=ftp://x/",
        "url=http://x/;headers=Host: y",
        "url=http://x/;headers=no field",
        "url=http://x/;headers=A: b\nConnection: close",
        "url=http://x/;headers=A:",
        "url=http://x/;framing=csv;past=truncate",
        "url=http://x/;content_type=a\tb\nc",
    };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(end_rig_check(*state, "http", SINK, wrong[i]), BERTH_E_INVALID);
    assert_int_equal(end_rig_check(*state, "http", SINK, "url=http://x/;headers=A: b\nC: d\n"),
                     BERTH_OK);
}

/* Its flow may fail; what it leaves is nothing. */
static bool try_to_run(end_rig *r)
{
    berth_flow_options flow_options = BERTH_FLOW_OPTIONS_INIT;
    berth_stage_options o = BERTH_STAGE_OPTIONS_INIT;
    berth_edge_options e = BERTH_EDGE_OPTIONS_INIT;
    berth_setting count = { "count", "3" },
                  settings[2] = { { "framing", "lines" }, { "url", NULL } };
    char url[64];
    berth_flow *flow;
    bool is_done;

    snprintf(url, sizeof url, "http://127.0.0.1:%u/", taker.port);
    settings[1].value = url;
    flow_options.name = "faulty";
    if (berth_flow_open(r->flows, &flow_options, &flow, &r->diag) != BERTH_OK)
        return false;
    o.name = "in";
    o.role = SOURCE;
    is_done = berth_flow_add_end(flow, &o, "generator", &count, 1, NULL, &r->diag) == BERTH_OK;
    o.name = "out";
    o.role = SINK;
    e.to = 1;
    is_done = is_done &&
              berth_flow_add_end(flow, &o, "http", settings, 2, NULL, &r->diag) == BERTH_OK &&
              berth_flow_connect(flow, &e, NULL, &r->diag) == BERTH_OK &&
              berth_flow_start(flow, &r->diag) == BERTH_OK &&
              berth_flow_wait(flow, UINT64_MAX, &r->diag) == BERTH_OK;
    berth_flow_close(flow);
    return is_done;
}

static void each_allocation_that_fails_leaves_nothing_behind(void **state)
{
    static const int answers[] = { 202 };

    (void)state;
    if (!taker_start(&taker, answers, 1))
        return;
    end_rig_fail_each_allocation(try_to_run, 10, false);
    taker_stop(&taker);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        end_case(each_record_is_a_request_in_order_on_one_connection),
        end_case(records_with_a_framing_go_together),
        end_case(several_are_sent_at_once_when_that_is_said),
        end_case(who_is_busy_or_vanishes_is_asked_again_by_the_same_key),
        end_case(who_does_not_answer_in_time_is_asked_again),
        end_case(what_is_refused_is_a_dead_letter_and_its_neighbours_arrive_once),
        end_case(a_refusal_says_what_the_peer_said),
        end_case(who_cannot_be_reached_is_given_up_when_that_is_said),
        end_case(a_flow_that_is_cancelled_waits_for_no_answer),
        end_case(a_record_whose_time_is_over_is_sent_no_more),
        end_case(what_cannot_be_sent_is_said_before_anything_is),
        cmocka_unit_test(each_allocation_that_fails_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
