/* measure_test.c - what is measured of a flow: times of calls, ages, and the way of the first records; and when what
 * waits is called again. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "flow/flow.h"
#include "flow_rig.h"
#include "torture.h"

enum { RECORDS = 1000 };

static int set_up(void **state)
{
    static flow_rig r;

    flow_rig_init(&r, 2);
    *state = &r;
    return 0;
}

static int tear_down(void **state)
{
    flow_rig_fini(*state);
    return 0;
}

/* A source, a processor of which each third call fails once, and a sink behind a queue. */
static void run_chain(flow_rig *r, uint32_t measures, uint32_t traces)
{
    berth_flow_options options = BERTH_FLOW_OPTIONS_INIT;
    berth_edge_options queue = BERTH_EDGE_OPTIONS_INIT;
    berth_stage_options tries = BERTH_STAGE_OPTIONS_INIT;
    flow_part *source, *middle, *sink;

    options.name = "measured";
    options.measures = measures;
    options.traces = traces;
    flow_rig_open(r, &options);
    queue.records_max = 16;
    tries.retries = 1;
    tries.retry_ns = 1000;
    source = flow_rig_add(r, BERTH_ROLE_SOURCE, NULL);
    middle = flow_rig_add(r, BERTH_ROLE_PROCESSOR, &tries);
    sink = flow_rig_add(r, BERTH_ROLE_SINK, NULL);
    source->count = RECORDS;
    middle->fail_every = 3;
    middle->fail_times = 1;
    flow_rig_edge(r, source, NULL, middle, NULL);
    flow_rig_edge(r, middle, NULL, sink, &queue);
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
}

static uint64_t measured(flow_rig *r, uint32_t stage, uint32_t what)
{
    berth_histogram *h;
    uint64_t count = UINT64_MAX;

    assert_int_equal(berth_histogram_create(NULL, &h, NULL), BERTH_OK);
    if (berth_flow_measured(r->flow, stage, what, h) == BERTH_OK)
        count = berth_histogram_count(h);
    berth_histogram_destroy(h);
    return count;
}

static void each_call_is_measured_when_all_are_wanted(void **state)
{
    flow_rig *r = *state;
    berth_flow_stats stats = { .size = sizeof stats };

    run_chain(r, BERTH_FLOW_MEASURE_ALL, 0);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(measured(r, i, BERTH_MEASURED_CALLS),
                         flow_rig_stage_stats(r, &r->parts[i]).calls);
    assert_int_equal(measured(r, 2, BERTH_MEASURED_AGES), RECORDS);
    assert_int_equal(measured(r, 1, BERTH_MEASURED_AGES), UINT64_MAX); /* no sink */
    assert_int_equal(measured(r, 3, BERTH_MEASURED_CALLS), UINT64_MAX);
    assert_int_equal(berth_flow_read_stats(r->flow, &stats), BERTH_OK);
    assert_true(stats.running_ns > 0);
    assert_int_equal(berth_flow_spans(r->flow, 0, NULL, 0), 0);
}

static void some_calls_are_measured_when_some_are_wanted(void **state)
{
    flow_rig *r = *state;
    uint64_t count;

    run_chain(r, BERTH_FLOW_MEASURE_SOME, 0);
    count = measured(r, 2, BERTH_MEASURED_CALLS);
    assert_true(count >= RECORDS / 32 && count <= RECORDS / 32 + 2);
}

static void nothing_is_measured_when_nothing_is_wanted(void **state)
{
    flow_rig *r = *state;

    run_chain(r, 0, 0);
    assert_int_equal(measured(r, 1, BERTH_MEASURED_CALLS), UINT64_MAX);
}

static void the_way_of_the_first_records_is_kept_in_order(void **state)
{
    static berth_span spans[3][64];
    flow_rig *r = *state;
    uint32_t counts[3];

    run_chain(r, 0, 8);
    for (uint32_t i = 0; i < 3; i++)
        counts[i] = berth_flow_spans(r->flow, i, spans[i], 64);
    assert_int_equal(counts[0], 8);
    assert_int_equal(counts[2], 8);
    assert_true(counts[1] > 8); /* with the calls that failed */
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(spans[0][i].sequence, i);
        assert_int_equal(spans[2][i].sequence, i);
        assert_int_equal(spans[0][i].copies, 0); /* it writes into buffers */
        assert_true(spans[0][i].begin_ns <= spans[0][i].end_ns);
        assert_true(spans[0][i].end_ns <= spans[2][i].begin_ns);
    }
    for (uint32_t i = 0, last = 0, failed = 0; i < counts[1]; i++) {
        assert_true(spans[1][i].sequence >= last && spans[1][i].sequence < 8);
        last = (uint32_t)spans[1][i].sequence;
        failed += spans[1][i].failed;
        assert_true(i + 1 < counts[1] || failed == counts[1] - 8);
    }
}

static void a_record_past_the_room_is_left_out(void **state)
{
    berth_span spans[16];
    flow_rig *r = *state;

    run_chain(r, BERTH_FLOW_MEASURE_ALL, 1);
    assert_int_equal(berth_flow_spans(r->flow, 2, spans, 16), 1);
    assert_int_equal(berth_flow_spans(r->flow, 9, spans, 16), 0);
}

static void what_is_out_of_range_is_refused(void **state)
{
    flow_rig *r = *state;
    berth_flow_options options = BERTH_FLOW_OPTIONS_INIT;
    berth_flow *flow;

    flow_rig_open(r, NULL);
    options.name = "x";
    options.measures = 3;
    assert_int_equal(berth_flow_open(r->flows, &options, &flow, NULL), BERTH_E_INVALID);
    options.measures = 0;
    options.traces = 65537;
    assert_int_equal(berth_flow_open(r->flows, &options, &flow, NULL), BERTH_E_INVALID);
    assert_int_equal(berth_flow_measured(r->flow, 0, 7, NULL), BERTH_E_INVALID);
}

/* ---------------------------------------------------------------- waits, workers, turns */

static void edges_say_how_long_records_waited_in_them(void **state)
{
    flow_rig *r = *state;
    berth_histogram *all, *some;

    assert_int_equal(berth_histogram_create(NULL, &all, NULL), BERTH_OK);
    assert_int_equal(berth_histogram_create(NULL, &some, NULL), BERTH_OK);
    run_chain(r, BERTH_FLOW_MEASURE_ALL, 0);
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(berth_flow_waited(r->flow, i, all), BERTH_OK);
    assert_int_equal(berth_histogram_count(all), 2 * RECORDS);
    assert_int_equal(berth_flow_waited(r->flow, 2, all), BERTH_E_ABSENT);
    flow_rig_close(r);
    run_chain(r, BERTH_FLOW_MEASURE_SOME, 0);
    assert_int_equal(berth_flow_waited(r->flow, 1, some), BERTH_OK);
    assert_true(berth_histogram_count(some) >= RECORDS / 8); /* of batches of 8 at most */
    assert_true(berth_histogram_count(some) <= RECORDS);
    flow_rig_close(r);
    run_chain(r, 0, 0);
    assert_int_equal(berth_flow_waited(r->flow, 1, some), BERTH_E_ABSENT);
    berth_histogram_destroy(all);
    berth_histogram_destroy(some);
}

/* Of two records that come in together the second may leave 20 ms after the first. */
static void a_wait_is_as_long_as_it_was(void **state)
{
    flow_rig *r = *state;
    berth_flow_options options = BERTH_FLOW_OPTIONS_INIT;
    berth_edge_options slow = BERTH_EDGE_OPTIONS_INIT;
    flow_part *source, *sink;
    berth_histogram *h;

    assert_int_equal(berth_histogram_create(NULL, &h, NULL), BERTH_OK);
    options.name = "waits";
    options.measures = BERTH_FLOW_MEASURE_ALL;
    flow_rig_open(r, &options);
    source = flow_rig_add(r, BERTH_ROLE_SOURCE, NULL);
    sink = flow_rig_add(r, BERTH_ROLE_SINK, NULL);
    source->count = source->per_pull = 2;
    slow.rate = 50;
    flow_rig_edge(r, source, NULL, sink, &slow);
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    assert_int_equal(berth_flow_waited(r->flow, 0, h), BERTH_OK);
    assert_int_equal(berth_histogram_count(h), 2);
    assert_true(berth_histogram_max(h) >= 19000000); /* the second one */
    berth_histogram_destroy(h);
}

static void await_idle_workers(flow_rig *r, berth_flows_stats *stats)
{
    do
        assert_int_equal(berth_flows_read_stats(r->flows, stats), BERTH_OK);
    while (stats->workers_idle != 2 && sched_yield() == 0);
}

static void workers_and_buffers_are_counted(void **state)
{
    flow_rig *r = *state;
    berth_flows_stats stats = { .size = sizeof stats };

    await_idle_workers(r, &stats); /* so that the flow wakes one of them */
    run_chain(r, 0, 0);
    await_idle_workers(r, &stats);
    assert_int_equal(stats.workers, 2);
    assert_int_equal(stats.flows, 1);
    assert_int_equal(stats.lanes_ready, 0);
    assert_true(stats.wakes > 0 && stats.idle_ns > 0);
    /* The source's, the processor's, and what its failed calls took back. */
    assert_int_equal(stats.buffers_taken[0], RECORDS + RECORDS + (RECORDS + 2) / 3);
    assert_int_equal(stats.buffers_taken[1], 0);
    assert_true(stats.buffers_made > 0 &&
                stats.buffers_made < 1000); /* the others came again */
    assert_int_equal(stats.buffers, stats.buffers_made - stats.buffers_freed);
    assert_int_equal(stats.buffer_bytes, 256 * stats.buffers);
    assert_true(stats.buffer_bytes_kept <= stats.buffer_bytes);
}

typedef struct idle_watch {
    berth_flows *flows;
    atomic_bool is_over;
    uint64_t shrunk; /* reads that found less than the one before */
} idle_watch;

static void *watch_idle(void *ctx)
{
    idle_watch *w = ctx;
    berth_flows_stats stats = { .size = sizeof stats };
    uint64_t last = 0;

    while (!atomic_load(&w->is_over) && berth_flows_read_stats(w->flows, &stats) == BERTH_OK) {
        w->shrunk += stats.idle_ns < last;
        last = stats.idle_ns;
    }
    return NULL;
}

/* The processor waits a microsecond for each third record, so workers come and go. */
static void idle_time_only_grows(void **state)
{
    flow_rig *r = *state;
    idle_watch w = { .flows = r->flows };
    pthread_t reader;

    assert_int_equal(pthread_create(&reader, NULL, watch_idle, &w), 0);
    run_chain(r, 0, 0);
    atomic_store(&w.is_over, true);
    assert_int_equal(pthread_join(reader, NULL), 0);
    assert_int_equal(w.shrunk, 0);
}

static uint64_t turns_of(const flow_rig *r)
{
    berth_flow_stats stats = { .size = sizeof stats };

    assert_int_equal(berth_flow_read_stats(r->flow, &stats), BERTH_OK);
    return stats.turns;
}

static void a_flow_of_less_priority_has_fewer_turns_and_not_none(void **state)
{
    static const uint32_t priorities[] = { BERTH_PRIORITY_LOW, BERTH_PRIORITY_HIGH };
    static flow_rig both[2];
    flow_rig one;
    uint64_t turns[2];

    (void)state;
    flow_rig_init(&one, 1);
    for (int i = 0; i < 2; i++) {
        berth_flow_options options = BERTH_FLOW_OPTIONS_INIT;
        flow_part *source, *sink;

        memset(&both[i], 0, sizeof both[i]);
        both[i].flows = one.flows;
        options.name = "one";
        options.priority = priorities[i];
        flow_rig_open(&both[i], &options);
        source = flow_rig_add(&both[i], BERTH_ROLE_SOURCE, NULL);
        sink = flow_rig_add(&both[i], BERTH_ROLE_SINK, NULL);
        source->is_endless = true;
        flow_rig_edge(&both[i], source, NULL, sink, NULL);
        flow_rig_start(&both[i]);
        flow_rig_await(sink, 100);
    }
    /* The other's first: what comes in between counts for it, and not against it. */
    for (int i = 2; i-- != 0;)
        turns[i] = turns_of(&both[i]);
    while (turns_of(&both[0]) < turns[0] + 50)
        (void)sched_yield();
    assert_true(turns_of(&both[1]) - turns[1] >= 50 * 10);
    for (int i = 0; i < 2; i++) {
        berth_flow_drain(both[i].flow, UINT64_MAX);
        assert_int_equal(flow_rig_wait(&both[i]), BERTH_OK);
        flow_rig_close(&both[i]);
    }
    one.flow = NULL;
    flow_rig_fini(&one);
}

/* ---------------------------------------------------------------- when */

static berth_status be_slow(flow_part *p, berth_stage *stage, const berth_record *record)
{
    uint64_t began = torture_now_ns();

    (void)p, (void)stage, (void)record;
    while (torture_now_ns() - began < 2000000)
        continue;
    return BERTH_OK;
}

static berth_status note_stamp(flow_part *p, berth_stage *stage, const berth_record *record)
{
    (void)stage;
    ((uint64_t *)p->hook_ctx)[p->calls - 1] = record->time_ns;
    return BERTH_OK;
}

static void a_record_has_the_time_at_which_it_came_in(void **state)
{
    flow_rig *r = *state;
    flow_part *source, *sink;
    uint64_t times[4] = { 0 };

    flow_rig_open(r, NULL);
    source = flow_rig_add(r, BERTH_ROLE_SOURCE, NULL);
    sink = flow_rig_add(r, BERTH_ROLE_SINK, NULL);
    source->count = 4; /* a pull each, one right after the other */
    source->hook = be_slow;
    sink->hook = note_stamp;
    sink->hook_ctx = times;
    flow_rig_edge(r, source, NULL, sink, NULL);
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    for (int i = 1; i < 4; i++)
        assert_true(times[i] - times[i - 1] >= 1000000);
}

static berth_status note_time(flow_part *p, berth_stage *stage, const berth_record *record)
{
    (void)stage, (void)record;
    if (p->calls <= 2)
        ((uint64_t *)p->hook_ctx)[p->calls - 1] = torture_now_ns();
    return BERTH_OK;
}

static void a_flush_that_rests_makes_no_further_try_come_sooner(void **state)
{
    flow_rig *r = *state;
    berth_stage_options options = BERTH_STAGE_OPTIONS_INIT;
    flow_part *source, *sink;
    uint64_t times[2] = { 0 };

    flow_rig_open(r, NULL);
    options.retries = 1;
    options.retry_ns = 20000000;
    source = flow_rig_add(r, BERTH_ROLE_SOURCE, NULL);
    sink = flow_rig_add(r, BERTH_ROLE_SINK, &options);
    source->count = 100;
    sink->fail_every = 1000; /* the first record */
    sink->fail_times = 1;
    sink->flush_pauses = 3;
    sink->pause_ns = 1000;
    sink->hook = note_time;
    sink->hook_ctx = times;
    flow_rig_edge(r, source, NULL, sink, NULL);
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    assert_int_equal(sink->seen_count, 100);
    assert_true(times[1] - times[0] >= 20000000);
}

/* ---------------------------------------------------------------- numbers of what is being made */

static void *read_numbers(void *ctx)
{
    flow_rig *r = ctx;
    berth_flow_stats flow = { .size = sizeof flow };
    berth_stage_stats stage = { .size = sizeof stage };
    berth_edge_stats edge = { .size = sizeof edge };

    do
        assert_int_equal(berth_flow_read_stats(r->flow, &flow), BERTH_OK);
    while (flow.edges < 8 || berth_flow_stage_stats(r->flow, 8, &stage) != BERTH_OK ||
           berth_flow_edge_stats(r->flow, 7, &edge) != BERTH_OK);
    return NULL;
}

/* With a sanitizer of threads this fails when a number is read beside the one who adds. */
static void numbers_may_be_read_while_a_flow_is_made(void **state)
{
    flow_rig *r = *state;
    flow_part *before;
    pthread_t reader;

    flow_rig_open(r, NULL);
    assert_int_equal(pthread_create(&reader, NULL, read_numbers, r), 0);
    before = flow_rig_add(r, BERTH_ROLE_SOURCE, NULL);
    for (int i = 0; i < 8; i++) {
        flow_part *next = flow_rig_add(r, i == 7 ? BERTH_ROLE_SINK : BERTH_ROLE_FILTER, NULL);

        flow_rig_edge(r, before, NULL, next, NULL);
        before = next;
    }
    assert_int_equal(pthread_join(reader, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(each_call_is_measured_when_all_are_wanted),
        TEST(some_calls_are_measured_when_some_are_wanted),
        TEST(nothing_is_measured_when_nothing_is_wanted),
        TEST(the_way_of_the_first_records_is_kept_in_order),
        TEST(a_record_past_the_room_is_left_out),
        TEST(what_is_out_of_range_is_refused),
        TEST(edges_say_how_long_records_waited_in_them),
        TEST(a_wait_is_as_long_as_it_was),
        TEST(workers_and_buffers_are_counted),
        TEST(idle_time_only_grows),
        cmocka_unit_test(a_flow_of_less_priority_has_fewer_turns_and_not_none),
        TEST(a_record_has_the_time_at_which_it_came_in),
        TEST(a_flush_that_rests_makes_no_further_try_come_sooner),
        TEST(numbers_may_be_read_while_a_flow_is_made),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
