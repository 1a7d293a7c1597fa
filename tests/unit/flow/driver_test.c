/* driver_test.c - what a flow promises, one promise at a time; after each the accounts are looked at. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "flow_rig.h"
#include "torture.h"

#include <cmocka.h>

static flow_rig rig;

static int set_up(void **state)
{
    flow_rig_init(&rig, 2);
    flow_rig_open(&rig, NULL);
    *state = &rig;
    return 0;
}

static int tear_down(void **state)
{
    flow_rig_fini(*state);
    return 0;
}

static const berth_edge_options plain = BERTH_EDGE_OPTIONS_INIT;
static const berth_stage_options usual = BERTH_STAGE_OPTIONS_INIT;

static berth_edge_options queue(uint32_t records, uint32_t full)
{
    berth_edge_options o = plain;

    o.records_max = records;
    o.full = full;
    return o;
}

static void assert_seen_all(const flow_part *p, uint64_t count)
{
    assert_int_equal(p->seen_count, count);
    assert_int_equal(p->out_of_order, 0);
    assert_true(count == 0 || p->last_sequence == count - 1);
}

/* ---------------------------------------------------------------- records pass */

static void every_record_arrives_once_in_order(void **state)
{
    flow_rig *r = *state;
    flow_part *source = flow_rig_add(r, BERTH_ROLE_SOURCE, NULL);
    flow_part *middle = flow_rig_add(r, BERTH_ROLE_PROCESSOR, NULL);
    flow_part *sink = flow_rig_add(r, BERTH_ROLE_SINK, NULL);
    berth_flow_stats stats = { .size = sizeof stats };

    source->count = 1000;
    flow_rig_edge(r, source, NULL, middle, NULL);
    flow_rig_edge(r, middle, NULL, sink, NULL);
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    assert_seen_all(sink, 1000);
    assert_int_equal(flow_rig_edge_stats(r, 0).out, 1000);
    assert_int_equal(flow_rig_edge_stats(r, 1).in, 1000);
    assert_int_equal(berth_flow_read_stats(r->flow, &stats), BERTH_OK);
    assert_int_equal(stats.state, BERTH_FLOW_COMPLETED);
    assert_int_equal(stats.lanes, 1);
    assert_int_equal(stats.ingress, 1000);
    assert_int_equal(flow_rig_stage_stats(r, middle).copies, 1000);
}

static void queues_are_bounded_and_nothing_is_lost_when_they_block(void **state)
{
    flow_rig *r = *state;
    flow_part *source = flow_rig_add(r, BERTH_ROLE_SOURCE, NULL);
    flow_part *middle = flow_rig_add(r, BERTH_ROLE_FILTER, NULL);
    flow_part *sink = flow_rig_add(r, BERTH_ROLE_SINK, NULL);
    berth_edge_options four = queue(4, BERTH_FULL_BLOCK), one = queue(1, BERTH_FULL_BLOCK);

    source->count = 3000;
    source->per_pull = 7;
    flow_rig_edge(r, source, NULL, middle, &four);
    flow_rig_edge(r, middle, NULL, sink, &one);
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    assert_seen_all(sink, 3000);
    assert_true(flow_rig_edge_stats(r, 0).peak <= 4);
    assert_int_equal(flow_rig_edge_stats(r, 1).peak, 1);
    assert_true(flow_rig_edge_stats(r, 0).pressures > 0);
    assert_true(flow_rig_edge_stats(r, 0).lane_crossing);
    assert_true(source->signals > 0); /* it was told, and not pulled meanwhile (`wrong`) */
}

static void bytes_bound_an_edge_and_what_is_larger_passes_alone(void **state)
{
    flow_rig *r = *state;
    flow_part *source = flow_rig_add(r, BERTH_ROLE_SOURCE, NULL);
    flow_part *sink = flow_rig_add(r, BERTH_ROLE_SINK, NULL);
    berth_edge_options bytes = plain;

    bytes.bytes_max = 1000;
    source->count = 500;
    source->size = 300;
    flow_rig_edge(r, source, NULL, sink, &bytes);
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    assert_seen_all(sink, 500);
    assert_true(flow_rig_edge_stats(r, 0).bytes_peak <= 1000);
    flow_rig_close(r);

    flow_rig_open(r, NULL);
    source = flow_rig_add(r, BERTH_ROLE_SOURCE, NULL);
    sink = flow_rig_add(r, BERTH_ROLE_SINK, NULL);
    source->count = 20;
    source->size = 1001;
    flow_rig_edge(r, source, NULL, sink, &bytes);
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    assert_seen_all(sink, 20);
    assert_int_equal(flow_rig_edge_stats(r, 0).peak, 1);
}

static void fan_out_gives_every_record_to_every_edge_without_copies(void **state)
{
    flow_rig *r = *state;
    flow_part *source = flow_rig_add(r, BERTH_ROLE_SOURCE, NULL);
    flow_part *sinks[4];
    berth_edge_options two = queue(2, BERTH_FULL_BLOCK);

    source->count = 500;
    for (int i = 0; i < 4; i++) {
        sinks[i] = flow_rig_add(r, BERTH_ROLE_SINK, NULL);
        flow_rig_edge(r, source, NULL, sinks[i], i % 2 == 0 ? &two : NULL);
    }
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    for (int i = 0; i < 4; i++)
        assert_seen_all(sinks[i], 500);
    assert_int_equal(flow_rig_stage_stats(r, source).emitted, 500);
    assert_int_equal(flow_rig_stage_stats(r, source).copies, 0);
}

static void a_router_sends_by_port_and_no_further(void **state)
{
    flow_rig *r = *state;
    flow_part *source = flow_rig_add(r, BERTH_ROLE_SOURCE, NULL);
    flow_part *router = flow_rig_add(r, BERTH_ROLE_ROUTER, NULL);
    flow_part *zero = flow_rig_add(r, BERTH_ROLE_SINK, NULL);
    flow_part *one = flow_rig_add(r, BERTH_ROLE_SINK, NULL);

    source->count = 900;
    router->modulus = 3; /* there is no port p2: those records stop here */
    flow_rig_edge(r, source, NULL, router, NULL);
    flow_rig_edge(r, router, "p0", zero, NULL);
    flow_rig_edge(r, router, "p1", one, NULL);
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    assert_int_equal(zero->seen_count, 300);
    assert_int_equal(one->seen_count, 300);
    assert_int_equal(zero->seen[299] % 3, 0);
    assert_int_equal(one->seen[299] % 3, 1);
}

static void fan_in_starves_no_input(void **state)
{
    flow_rig *r = *state;
    flow_part *a = flow_rig_add(r, BERTH_ROLE_SOURCE, NULL);
    flow_part *b = flow_rig_add(r, BERTH_ROLE_SOURCE, NULL);
    flow_part *sink = flow_rig_add(r, BERTH_ROLE_SINK, NULL);
    berth_edge_options heavy = plain;
    uint64_t from_a, from_b;

    heavy.weight = 3;
    a->is_endless = b->is_endless = true;
    a->per_pull = b->per_pull = 64;
    flow_rig_edge(r, a, NULL, sink, &heavy);
    flow_rig_edge(r, b, NULL, sink, NULL);
    flow_rig_start(r);
    flow_rig_await(sink, 20000);
    berth_flow_drain(r->flow, UINT64_MAX);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    from_a = flow_rig_edge_stats(r, 0).out;
    from_b = flow_rig_edge_stats(r, 1).out;
    assert_int_equal(from_a + from_b, sink->seen_count);
    assert_true(from_a > from_b * 2 && from_a < from_b * 4); /* three to one */
}

static void an_aggregator_emits_what_is_left_at_the_end(void **state)
{
    flow_rig *r = *state;
    flow_part *source = flow_rig_add(r, BERTH_ROLE_SOURCE, NULL);
    flow_part *sums = flow_rig_add(r, BERTH_ROLE_AGGREGATOR, NULL);
    flow_part *sink = flow_rig_add(r, BERTH_ROLE_SINK, NULL);

    source->count = 103;
    sums->group = 10;
    flow_rig_edge(r, source, NULL, sums, NULL);
    flow_rig_edge(r, sums, NULL, sink, NULL);
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    assert_int_equal(sink->seen_count, 11);
    assert_int_equal(sink->seen[9], 99);
    assert_int_equal(sink->seen[10], 102);
}

static void one_record_may_become_many_and_keeps_its_number(void **state)
{
    flow_rig *r = *state;
    flow_part *source = flow_rig_add(r, BERTH_ROLE_SOURCE, NULL);
    flow_part *many = flow_rig_add(r, BERTH_ROLE_PROCESSOR, NULL);
    flow_part *sink = flow_rig_add(r, BERTH_ROLE_SINK, NULL);
    berth_edge_options three = queue(3, BERTH_FULL_BLOCK);

    source->count = 50;
    many->fan = 100;
    flow_rig_edge(r, source, NULL, many, NULL);
    flow_rig_edge(r, many, NULL, sink, &three);
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    assert_int_equal(sink->seen_count, 5000);
    for (uint32_t i = 0; i < 5000; i++)
        assert_int_equal(sink->seen[i], i / 100);
}

/* ---------------------------------------------------------------- full edges */

/* A source that makes 1000 at once into a queue of 10, in front of a sink that waits until it was told. */
static flow_part *overfill(flow_rig *r, uint32_t full, flow_part **source_out)
{
    flow_part *source = flow_rig_add(r, BERTH_ROLE_SOURCE, NULL);
    flow_part *sink = flow_rig_add(r, BERTH_ROLE_SINK, NULL);
    berth_edge_options ten = queue(10, full);

    source->count = 1000;
    source->per_pull = 1000;
    sink->pause_every = 1;
    sink->pause_ns = UINT64_MAX;
    flow_rig_edge(r, source, NULL, sink, &ten);
    *source_out = source;
    return sink;
}

static void let_it_end(flow_rig *r, flow_part *sink)
{
    berth_status status;

    do {
        sink->is_resting = false;
        berth_stage_ready(sink->stage);
        status = berth_flow_wait(r->flow, 100000, &r->diag);
    } while (status == BERTH_E_BUSY);
}

static void wait_for_in(flow_rig *r, uint64_t in)
{
    while (flow_rig_edge_stats(r, 0).in < in)
        flow_rig_check_accounts(r);
}

static void a_full_edge_drops_its_oldest(void **state)
{
    flow_rig *r = *state;
    flow_part *source, *sink = overfill(r, BERTH_FULL_DROP_OLDEST, &source);
    berth_edge_stats s;

    flow_rig_start(r);
    wait_for_in(r, 1000);
    s = flow_rig_edge_stats(r, 0);
    assert_true(s.queued <= 10);
    assert_true(s.dropped[BERTH_DROPPED_OLDEST] >= 985);
    let_it_end(r, sink);
    assert_int_equal(sink->last_sequence, 999); /* the newest arrives */
    assert_int_equal(sink->out_of_order, 0);
    s = flow_rig_edge_stats(r, 0);
    assert_int_equal(sink->seen_count + s.dropped[BERTH_DROPPED_OLDEST], 1000);
    assert_int_equal(s.peak, 10);
}

static void a_full_edge_drops_its_newest(void **state)
{
    flow_rig *r = *state;
    flow_part *source, *sink = overfill(r, BERTH_FULL_DROP_NEWEST, &source);
    berth_edge_stats s;

    flow_rig_start(r);
    wait_for_in(r, 1000);
    let_it_end(r, sink);
    s = flow_rig_edge_stats(r, 0);
    assert_int_equal(sink->seen_count + s.dropped[BERTH_DROPPED_NEWEST], 1000);
    assert_true(sink->seen_count >= 10);
    for (uint32_t i = 0; i < 10; i++)
        assert_int_equal(sink->seen[i], i); /* the oldest arrive */
    assert_int_equal(sink->out_of_order, 0);
}

static void a_full_edge_fails_the_flow_where_it_is_an_error(void **state)
{
    flow_rig *r = *state;
    flow_part *source, *sink = overfill(r, BERTH_FULL_ERROR, &source);
    berth_edge_stats s;

    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_E_LIMIT);
    assert_non_null(strstr(r->diag.text, "from 's0' to 's1' is full"));
    s = flow_rig_edge_stats(r, 0);
    assert_int_equal(s.dropped[BERTH_DROPPED_FULL], 1);
    assert_int_equal(s.in, s.out + 1 + s.dropped[BERTH_DROPPED_STOPPED]);
    assert_int_equal(flow_rig_stage_stats(r, source).discarded + s.in, 1000);
    (void)sink;
}

static void a_rate_lets_no_more_pass_than_it_says(void **state)
{
    flow_rig *r = *state;
    flow_part *source = flow_rig_add(r, BERTH_ROLE_SOURCE, NULL);
    flow_part *sink = flow_rig_add(r, BERTH_ROLE_SINK, NULL);
    berth_edge_options slow = plain;
    uint64_t began;

    slow.rate = 1000;
    slow.burst = 10;
    source->count = 60;
    source->per_pull = 60;
    flow_rig_edge(r, source, NULL, sink, &slow);
    began = torture_now_ns();
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    assert_true(torture_now_ns() - began >= 50 * 1000000);
    assert_seen_all(sink, 60);
}

/* ---------------------------------------------------------------- pauses */

static void a_sink_that_pauses_gets_nothing_until_it_is_ready(void **state)
{
    flow_rig *r = *state;
    flow_part *source = flow_rig_add(r, BERTH_ROLE_SOURCE, NULL);
    flow_part *sink = flow_rig_add(r, BERTH_ROLE_SINK, NULL);

    source->count = 300;
    sink->pause_every = 1; /* after each; `wrong` counts what comes although it rests */
    sink->pause_ns = UINT64_MAX;
    flow_rig_edge(r, source, NULL, sink, NULL);
    flow_rig_start(r);
    for (uint32_t i = 1; i <= 300; i++) {
        flow_rig_await(sink, i);
        assert_int_equal(atomic_load(&sink->seen_now), i);
        flow_rig_check_accounts(r);
        sink->is_resting = false;
        berth_stage_ready(sink->stage);
    }
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    assert_seen_all(sink, 300);
    assert_true(source->signals >= 2);
    assert_int_equal(flow_rig_stage_stats(r, sink).pauses, 300);
}

static void a_pause_ends_by_itself(void **state)
{
    flow_rig *r = *state;
    flow_part *source = flow_rig_add(r, BERTH_ROLE_SOURCE, NULL);
    flow_part *sink = flow_rig_add(r, BERTH_ROLE_SINK, NULL);

    source->count = 100;
    source->pause_every = 10;
    source->pause_ns = 100000;
    sink->pause_every = 7;
    sink->pause_ns = 50000;
    flow_rig_edge(r, source, NULL, sink, NULL);
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    assert_seen_all(sink, 100);
    assert_true(flow_rig_stage_stats(r, source).pauses >= 9);
}

static void a_source_without_anything_is_asked_again_later(void **state)
{
    flow_rig *r = *state;
    flow_part *source = flow_rig_add(r, BERTH_ROLE_SOURCE, NULL);
    flow_part *sink = flow_rig_add(r, BERTH_ROLE_SINK, NULL);
    uint64_t began = torture_now_ns();

    source->silent = 3;
    source->count = 5;
    flow_rig_edge(r, source, NULL, sink, NULL);
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    assert_seen_all(sink, 5);
    assert_int_equal(source->calls, 3 + 5);
    assert_true(torture_now_ns() - began >= 3 * 1000000);
}

/* ---------------------------------------------------------------- failures */

static flow_part *line_of_three(flow_rig *r, const berth_stage_options *options, uint32_t count,
                                flow_part **middle_out)
{
    flow_part *source = flow_rig_add(r, BERTH_ROLE_SOURCE, NULL);
    flow_part *middle = flow_rig_add(r, BERTH_ROLE_PROCESSOR, options);
    flow_part *sink = flow_rig_add(r, BERTH_ROLE_SINK, NULL);

    source->count = count;
    flow_rig_edge(r, source, NULL, middle, NULL);
    flow_rig_edge(r, middle, NULL, sink, NULL);
    *middle_out = middle;
    return sink;
}

static void a_failure_fails_the_flow_and_says_whose_it_was(void **state)
{
    flow_rig *r = *state;
    flow_part *middle, *sink = line_of_three(r, NULL, 100, &middle);

    middle->fail_every = 1000; /* that is number 0 */
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_E_PLUGIN);
    assert_non_null(strstr(r->diag.text, "stage 's1'"));
    assert_int_equal(sink->seen_count, 0);
    assert_int_equal(flow_rig_edge_stats(r, 0).dropped[BERTH_DROPPED_FAILED], 1);
    assert_int_equal(middle->completes, 0);
}

static void skipped_records_are_dropped_and_counted(void **state)
{
    flow_rig *r = *state;
    berth_stage_options skip = usual;
    flow_part *middle, *sink;

    skip.on_error = BERTH_ON_ERROR_SKIP;
    sink = line_of_three(r, &skip, 1000, &middle);
    middle->fail_every = 10;
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    assert_int_equal(sink->seen_count, 900);
    assert_int_equal(flow_rig_edge_stats(r, 0).dropped[BERTH_DROPPED_FAILED], 100);
    assert_int_equal(flow_rig_edge_stats(r, 0).out, 900);
    assert_int_equal(flow_rig_stage_stats(r, middle).failures, 100);
}

static void a_retried_record_is_neither_lost_nor_doubled(void **state)
{
    flow_rig *r = *state;
    berth_stage_options retry = usual;
    flow_part *middle, *sink;

    retry.retries = 3;
    retry.retry_ns = 1000;
    sink = line_of_three(r, &retry, 300, &middle);
    middle->fail_every = 3; /* emits, then fails, twice; then succeeds */
    middle->fail_times = 2;
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    assert_seen_all(sink, 300);
    assert_int_equal(flow_rig_stage_stats(r, middle).retries, 200);
    assert_int_equal(flow_rig_stage_stats(r, middle).emitted, 300);
    assert_int_equal(middle->calls, 500);
}

static void after_the_last_retry_the_policy_decides(void **state)
{
    flow_rig *r = *state;
    berth_stage_options retry = usual;
    flow_part *middle, *sink;

    retry.retries = 2;
    retry.retry_ns = 1000;
    retry.on_error = BERTH_ON_ERROR_SKIP;
    sink = line_of_three(r, &retry, 100, &middle);
    middle->fail_every = 10;
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    assert_int_equal(sink->seen_count, 90);
    assert_int_equal(middle->calls, 90 + 10 * 3);
}

static void dead_letters_leave_as_they_came(void **state)
{
    flow_rig *r = *state;
    berth_stage_options dead = usual;
    flow_part *middle, *sink, *morgue;
    berth_edge_options two = queue(2, BERTH_FULL_BLOCK);
    berth_edge_stats s;

    dead.on_error = BERTH_ON_ERROR_DEAD_LETTER;
    sink = line_of_three(r, &dead, 1000, &middle);
    morgue = flow_rig_add(r, BERTH_ROLE_SINK, NULL);
    flow_rig_edge(r, middle, "dead", morgue, &two);
    middle->fail_every = 4;
    middle->fan = 2;
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    assert_int_equal(sink->seen_count, 1500);
    assert_int_equal(morgue->seen_count, 250);
    assert_int_equal(morgue->seen[1], 4);
    s = flow_rig_edge_stats(r, 0);
    assert_int_equal(s.dead_letters, 250);
    assert_int_equal(s.out, 750);
    assert_int_equal(flow_rig_edge_stats(r, 2).in, 250);
}

static berth_status fail_until_rolled_back(flow_part *p, berth_stage *stage,
                                           const berth_record *record)
{
    (void)stage;
    return record->sequence >= 50 && p->rolled_back == 0 ? BERTH_E_TRAP : BERTH_OK;
}

static void an_open_circuit_rolls_back_and_loses_nothing(void **state)
{
    flow_rig *r = *state;
    berth_stage_options circuit = usual;
    flow_part *middle, *sink;

    circuit.circuit_failures = 1;
    circuit.circuit_ns = 1000;
    sink = line_of_three(r, &circuit, 200, &middle);
    middle->hook = fail_until_rolled_back;
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    assert_seen_all(sink, 200);
    assert_int_equal(middle->rolled_back, 1);
    assert_int_equal(flow_rig_stage_stats(r, middle).circuit_opened, 1);
}

static berth_status fail_always(flow_part *p, berth_stage *stage, const berth_record *record)
{
    (void)p;
    (void)stage;
    return record != NULL && record->sequence == 3 ? BERTH_E_TRAP : BERTH_OK;
}

static void a_record_that_fails_again_on_trial_is_given_up(void **state)
{
    flow_rig *r = *state;
    berth_stage_options circuit = usual;
    flow_part *middle, *sink;

    circuit.circuit_failures = 2;
    circuit.circuit_ns = 1000;
    circuit.retries = 5;
    circuit.retry_ns = 1000;
    circuit.on_error = BERTH_ON_ERROR_SKIP;
    sink = line_of_three(r, &circuit, 10, &middle);
    middle->hook = fail_always;
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    assert_int_equal(sink->seen_count, 9);
    assert_int_equal(middle->calls, 9 + 2 + 1);
    assert_int_equal(flow_rig_stage_stats(r, middle).circuit_opened, 2);
    assert_int_equal(middle->rolled_back, 1);
}

static void a_source_that_fails_is_not_called_without_pause(void **state)
{
    flow_rig *r = *state;
    berth_stage_options skip = usual;
    flow_part *source, *sink;
    uint64_t began = torture_now_ns();

    skip.on_error = BERTH_ON_ERROR_SKIP;
    skip.retry_ns = 2000000;
    source = flow_rig_add(r, BERTH_ROLE_SOURCE, &skip);
    sink = flow_rig_add(r, BERTH_ROLE_SINK, NULL);
    source->fail_every = 1;
    flow_rig_edge(r, source, NULL, sink, NULL);
    flow_rig_start(r);
    assert_int_equal(berth_flow_wait(r->flow, 40000000, &r->diag), BERTH_E_BUSY);
    berth_flow_cancel(r->flow);
    assert_int_equal(flow_rig_wait(r), BERTH_E_CLOSED);
    /* However long that took: 2 ms between two calls. */
    assert_true(source->calls <= (torture_now_ns() - began) / 2000000 + 1);
}

/* Twice a processor and a sink behind one source; the sink of the first rests for ever, and so all wait for it. */
typedef struct two_branches {
    flow_part *source, *middle[2], *sink[2];
} two_branches;

static two_branches make_branches(flow_rig *r, uint32_t records_max)
{
    berth_edge_options o = BERTH_EDGE_OPTIONS_INIT;
    two_branches t;

    o.records_max = records_max; /* 0: fused */
    t.source = flow_rig_add(r, BERTH_ROLE_SOURCE, NULL);
    t.source->is_endless = true;
    for (int i = 0; i < 2; i++) {
        t.middle[i] = flow_rig_add(r, BERTH_ROLE_PROCESSOR, NULL);
        t.sink[i] = flow_rig_add(r, BERTH_ROLE_SINK, NULL);
        flow_rig_edge(r, t.source, NULL, t.middle[i], &o);
        flow_rig_edge(r, t.middle[i], NULL, t.sink[i], &o);
    }
    t.sink[0]->pause_every = 1;
    t.sink[0]->pause_ns = UINT64_MAX / 2;
    return t;
}

static void note_teardown(flow_part *p, berth_stage *stage)
{
    (void)stage;
    atomic_store((_Atomic(bool) *)p->hook_ctx, true);
}

static void a_cancelled_sink_lets_the_rest_run_on(void **state)
{
    flow_rig *r = *state;
    static const uint32_t records[] = { 0, 2, 64 };

    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        two_branches t = make_branches(r, records[i]);
        berth_edge_stats s;

        t.sink[0]->is_cut = true;
        flow_rig_start(r);
        flow_rig_await(t.sink[0], 1);
        assert_int_equal(berth_flow_cancel_branch(r->flow, flow_rig_number(r, t.sink[0]), NULL),
                         BERTH_OK);
        flow_rig_await(t.sink[1], 2000);
        flow_rig_check_accounts(r);
        assert_int_equal(berth_flow_cancel_branch(r->flow, flow_rig_number(r, t.sink[0]), NULL),
                         BERTH_OK);
        berth_flow_drain(r->flow, UINT64_MAX);
        assert_int_equal(flow_rig_wait(r), BERTH_OK);
        s = flow_rig_edge_stats(r, 1);
        assert_int_equal(s.out, 1);
        assert_int_equal(s.dropped[BERTH_DROPPED_STOPPED], s.in - 1);
        assert_int_equal(s.in, t.source->made); /* the processor in front of it went on */
        s = flow_rig_edge_stats(r, 3);
        assert_int_equal(s.out, t.source->made);
        assert_int_equal(t.sink[0]->completes, 0);
        assert_int_equal(t.sink[1]->completes, 1);
        flow_rig_close(r);
        flow_rig_open(r, NULL);
    }
}

static void what_is_behind_a_cancelled_stage_completes(void **state)
{
    flow_rig *r = *state;
    two_branches t = make_branches(r, 2);
    _Atomic(bool) is_torn_down = false;
    berth_edge_stats s;

    t.sink[0]->pause_every = 0;
    t.middle[0]->is_cut = true;
    t.middle[0]->hook_ctx = &is_torn_down;
    t.middle[0]->on_teardown = note_teardown;
    assert_int_equal(berth_flow_cancel_branch(r->flow, 1, &r->diag), BERTH_E_STATE);
    flow_rig_start(r);
    assert_int_equal(berth_flow_cancel_branch(r->flow, 5, &r->diag), BERTH_E_ABSENT);
    flow_rig_await(t.sink[0], 100);
    assert_int_equal(berth_flow_cancel_branch(r->flow, flow_rig_number(r, t.middle[0]), NULL),
                     BERTH_OK);
    while (!atomic_load(&is_torn_down) || flow_rig_stage_stats(r, t.sink[0]).is_done == 0)
        (void)sched_yield(); /* and not at the end of the flow, which has none */
    assert_int_equal(berth_flow_wait(r->flow, 0, &r->diag), BERTH_E_BUSY);
    /* With the source the rest ends as well. */
    assert_int_equal(berth_flow_cancel_branch(r->flow, flow_rig_number(r, t.source), NULL),
                     BERTH_OK);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    assert_int_equal(t.middle[0]->completes, 0);
    assert_int_equal(t.sink[0]->completes, 1);
    s = flow_rig_edge_stats(r, 1);
    assert_int_equal(s.out, t.sink[0]->seen_count);
    assert_int_equal(s.in, s.out);
    s = flow_rig_edge_stats(r, 3);
    assert_int_equal(s.in, s.out);
    assert_int_equal(berth_flow_cancel_branch(r->flow, 0, &r->diag), BERTH_E_STATE);
}

static berth_status emit_wrongly(flow_part *p, berth_stage *stage, const berth_record *record)
{
    berth_status status = BERTH_OK;

    switch (*(int *)p->hook_ctx) {
    case 0:
        status = berth_stage_emit(stage, 7, "x", 1);
        assert_int_equal(status, BERTH_E_INVALID);
        break;
    case 1:
        for (int i = 0; i < 5; i++)
            status = berth_stage_pass(stage, 0, record);
        assert_int_equal(status, BERTH_E_LIMIT);
        break;
    case 2:
        status = berth_stage_emit_reserved(stage, 0, 1);
        assert_int_equal(status, BERTH_E_INVALID);
        break;
    default:
        status = berth_stage_emit(stage, 0, "x", BERTH_RECORD_BYTES_MAX + 1);
        assert_int_equal(status, BERTH_E_LIMIT);
    }
    assert_int_not_equal(berth_stage_pass(stage, 0, record),
                         BERTH_OK); /* nothing goes any more */
    return BERTH_OK;                /* it does not say so itself */
}

static void a_call_that_emits_what_it_may_not_has_failed(void **state)
{
    flow_rig *r = *state;

    for (int how = 0; how < 4; how++) {
        berth_stage_options skip = usual;
        flow_part *middle, *sink;

        skip.on_error = BERTH_ON_ERROR_SKIP;
        skip.emits_max = 4;
        sink = line_of_three(r, &skip, 20, &middle);
        middle->hook = emit_wrongly;
        middle->hook_ctx = &how;
        flow_rig_start(r);
        assert_int_equal(flow_rig_wait(r), BERTH_OK);
        assert_int_equal(sink->seen_count, 0);
        assert_int_equal(flow_rig_edge_stats(r, 0).dropped[BERTH_DROPPED_FAILED], 20);
        flow_rig_close(r);
        flow_rig_open(r, NULL);
    }
}

static berth_status emit_dead_letters(flow_part *p, berth_stage *stage,
                                      const berth_record *record)
{
    uint32_t port;

    p->wrong += berth_stage_port(stage, "dead", &port) != BERTH_E_ABSENT;
    p->wrong += berth_stage_pass(stage, 1, record) != BERTH_E_INVALID; /* its number */
    return BERTH_OK;
}

static void dead_letters_are_made_by_failing_and_not_by_emitting(void **state)
{
    flow_rig *r = *state;
    berth_stage_options dead = usual;
    flow_part *middle, *sink, *morgue;

    dead.on_error = BERTH_ON_ERROR_DEAD_LETTER;
    sink = line_of_three(r, &dead, 10, &middle);
    morgue = flow_rig_add(r, BERTH_ROLE_SINK, NULL);
    flow_rig_edge(r, middle, "dead", morgue, NULL);
    middle->hook = emit_dead_letters;
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    assert_int_equal(sink->seen_count, 0);
    assert_seen_all(morgue, 10);
}

static berth_status pass_nothing(flow_part *p, berth_stage *stage, const berth_record *record)
{
    berth_record kept, empty = { .size = 0 };

    berth_stage_keep(stage, record, &kept);
    berth_stage_drop(stage, &kept);
    berth_stage_keep(stage, &kept, &empty);
    p->wrong += empty.buffer != NULL;
    berth_stage_drop(stage, &empty);
    p->wrong += berth_stage_pass(stage, 0, &kept) != BERTH_E_INVALID;
    return BERTH_OK;
}

static void what_was_dropped_is_not_passed_on(void **state)
{
    flow_rig *r = *state;
    berth_stage_options skip = usual;
    flow_part *middle, *sink;

    skip.on_error = BERTH_ON_ERROR_SKIP;
    sink = line_of_three(r, &skip, 10, &middle);
    middle->hook = pass_nothing;
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    assert_int_equal(sink->seen_count, 0);
    assert_int_equal(flow_rig_edge_stats(r, 0).dropped[BERTH_DROPPED_FAILED], 10);
}

/* Writes a text and no more about its second failure; the first leaves other things where that one is. */
static berth_status say_little(void *self, berth_stage *stage, const berth_record *record,
                               berth_diag *diag)
{
    uint32_t *calls = self;

    (void)stage;
    (void)record;
    diag->text[0] = 'x';
    diag->text[1] = '\0';
    if (++*calls == 2)
        return BERTH_E_TRAP;
    diag->status = diag->reason = diag->os_code = 77;
    diag->reserved = 77;
    return BERTH_E_OS;
}

static void a_failure_is_told_with_what_its_stage_said_and_no_more(void **state)
{
    flow_rig *r = *state;
    flow_part *source = flow_rig_add(r, BERTH_ROLE_SOURCE, NULL);
    berth_stage_options options = usual;
    berth_edge_options edge = plain;
    berth_stage_ops ops = *flow_rig_ops(BERTH_ROLE_SINK);
    uint32_t calls = 0;

    ops.init = NULL;
    ops.teardown = NULL;
    ops.flush = NULL;
    ops.complete = NULL;
    ops.process = say_little;
    options.name = "terse";
    options.role = BERTH_ROLE_SINK;
    options.ops = &ops;
    options.self = &calls;
    options.retries = 1;
    options.retry_ns = 1000;
    assert_int_equal(berth_flow_add(r->flow, &options, &edge.to, &r->diag), BERTH_OK);
    assert_int_equal(berth_flow_connect(r->flow, &edge, NULL, &r->diag), BERTH_OK);
    source->count = 5;
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_E_TRAP);
    assert_int_equal(calls, 2);
    assert_string_equal(r->diag.text, "stage 'terse': x");
    assert_int_equal(r->diag.status, BERTH_E_TRAP);
    assert_int_equal(r->diag.reason, BERTH_REASON_NONE);
    assert_int_equal(r->diag.os_code, 0);
    assert_int_equal(r->diag.reserved, 0);
    flow_rig_close(r);
    flow_rig_open(r, NULL);
}

/* The batch before this record was settled: its source may have new ones in its place. */
static berth_status look_at_budget(flow_part *p, berth_stage *stage, const berth_record *record)
{
    berth_stage_stats s = { .size = sizeof s };

    (void)stage;
    if (berth_flow_stage_stats(p->hook_ctx, 0, &s) != BERTH_OK)
        return BERTH_E_PLUGIN;
    p->wrong += record->sequence == 2 && s.buffer_bytes > 2 * 256;
    return BERTH_OK;
}

static void what_an_edge_has_room_for_is_not_charged_any_more(void **state)
{
    flow_rig *r = *state;
    flow_part *source = flow_rig_add(r, BERTH_ROLE_SOURCE, NULL);
    flow_part *sink = flow_rig_add(r, BERTH_ROLE_SINK, NULL);
    berth_edge_options four = queue(4, BERTH_FULL_BLOCK);

    source->count = source->per_pull = 4;
    sink->hook = look_at_budget;
    sink->hook_ctx = r->flow;
    flow_rig_edge(r, source, NULL, sink, &four);
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    assert_seen_all(sink, 4);
}

static void a_budget_that_is_used_up_fails_the_call(void **state)
{
    flow_rig *r = *state;
    berth_stage_options small = usual;
    flow_part *middle, *sink;

    small.buffer_bytes_max = 512;
    sink = line_of_three(r, &small, 10, &middle);
    middle->fan = 3;
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_E_LIMIT);
    assert_non_null(strstr(r->diag.text, "stage's budget"));
    assert_int_equal(sink->seen_count, 0);
    assert_true(flow_rig_stage_stats(r, middle).buffer_bytes_peak <= 512);
}

static void a_stage_that_does_not_start_stops_the_start(void **state)
{
    flow_rig *r = *state;
    flow_part *middle, *sink = line_of_three(r, NULL, 10, &middle);

    middle->init_fails = BERTH_E_INVALID;
    assert_int_equal(berth_flow_start(r->flow, &r->diag), BERTH_E_INVALID);
    assert_non_null(strstr(r->diag.text, "'s1' cannot start: told not to start"));
    assert_int_equal(r->parts[0].teardowns, 1);
    assert_int_equal(middle->teardowns, 0);
    assert_int_equal(sink->inits, 0);
    assert_int_equal(berth_flow_start(r->flow, &r->diag), BERTH_E_STATE);
    assert_int_equal(berth_flow_wait(r->flow, UINT64_MAX, &r->diag), BERTH_E_INVALID);
}

static void a_stage_that_cannot_complete_fails_the_flow(void **state)
{
    flow_rig *r = *state;
    flow_part *middle, *sink = line_of_three(r, NULL, 10, &middle);

    sink->complete_fails = BERTH_E_OS;
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_E_OS);
    assert_non_null(strstr(r->diag.text, "'s2': told not to complete"));
    assert_int_equal(sink->seen_count, 10);
    assert_int_equal(sink->completes, 1);
}

#define flow_case(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        flow_case(a_cancelled_sink_lets_the_rest_run_on),
        flow_case(what_is_behind_a_cancelled_stage_completes),
        flow_case(every_record_arrives_once_in_order),
        flow_case(queues_are_bounded_and_nothing_is_lost_when_they_block),
        flow_case(bytes_bound_an_edge_and_what_is_larger_passes_alone),
        flow_case(fan_out_gives_every_record_to_every_edge_without_copies),
        flow_case(a_router_sends_by_port_and_no_further),
        flow_case(fan_in_starves_no_input),
        flow_case(an_aggregator_emits_what_is_left_at_the_end),
        flow_case(one_record_may_become_many_and_keeps_its_number),
        flow_case(a_full_edge_drops_its_oldest),
        flow_case(a_full_edge_drops_its_newest),
        flow_case(a_full_edge_fails_the_flow_where_it_is_an_error),
        flow_case(a_rate_lets_no_more_pass_than_it_says),
        flow_case(a_sink_that_pauses_gets_nothing_until_it_is_ready),
        flow_case(a_pause_ends_by_itself),
        flow_case(a_source_without_anything_is_asked_again_later),
        flow_case(a_failure_fails_the_flow_and_says_whose_it_was),
        flow_case(skipped_records_are_dropped_and_counted),
        flow_case(a_retried_record_is_neither_lost_nor_doubled),
        flow_case(after_the_last_retry_the_policy_decides),
        flow_case(dead_letters_leave_as_they_came),
        flow_case(an_open_circuit_rolls_back_and_loses_nothing),
        flow_case(a_record_that_fails_again_on_trial_is_given_up),
        flow_case(a_source_that_fails_is_not_called_without_pause),
        flow_case(a_call_that_emits_what_it_may_not_has_failed),
        flow_case(dead_letters_are_made_by_failing_and_not_by_emitting),
        flow_case(what_was_dropped_is_not_passed_on),
        flow_case(a_failure_is_told_with_what_its_stage_said_and_no_more),
        flow_case(what_an_edge_has_room_for_is_not_charged_any_more),
        flow_case(a_budget_that_is_used_up_fails_the_call),
        flow_case(a_stage_that_does_not_start_stops_the_start),
        flow_case(a_stage_that_cannot_complete_fails_the_flow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
