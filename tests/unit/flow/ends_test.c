/* ends_test.c - how flows end, what that leaves, and that time comes when it is due. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "flow/flow.h"
#include "flow_rig.h"
#include "process.h"
#include "torture.h"

#include <cmocka.h>

#define HOUR_NS (UINT64_C(3600) * 1000000000u)

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

static const berth_stage_options usual = BERTH_STAGE_OPTIONS_INIT;

static void assert_seen_all(const flow_part *p, uint64_t count)
{
    assert_int_equal(p->seen_count, count);
    assert_int_equal(p->out_of_order, 0);
    assert_true(count == 0 || p->last_sequence == count - 1);
}

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

static void an_endless_flow_is_cancelled_and_accounts_for_the_rest(void **state)
{
    flow_rig *r = *state;
    flow_part *middle, *sink = line_of_three(r, NULL, 0, &middle);

    r->parts[0].is_endless = true;
    flow_rig_start(r);
    while (atomic_load(&sink->seen_now) < 1000)
        flow_rig_check_accounts(r);
    berth_flow_cancel(r->flow);
    assert_int_equal(flow_rig_wait(r), BERTH_E_CLOSED);
    assert_int_equal(middle->completes, 0);
}

static void a_drained_flow_delivers_what_came_in(void **state)
{
    flow_rig *r = *state;
    flow_part *middle, *sink = line_of_three(r, NULL, 0, &middle);

    r->parts[0].is_endless = true;
    flow_rig_start(r);
    flow_rig_await(sink, 100);
    berth_flow_drain(r->flow, UINT64_MAX);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    assert_seen_all(sink, r->parts[0].made);
}

static void draining_ends_in_time_even_when_a_sink_never_comes_back(void **state)
{
    flow_rig *r = *state;
    flow_part *source = flow_rig_add(r, BERTH_ROLE_SOURCE, NULL);
    flow_part *sink = flow_rig_add(r, BERTH_ROLE_SINK, NULL);

    source->is_endless = true;
    sink->pause_every = 5;
    sink->pause_ns = UINT64_MAX;
    flow_rig_edge(r, source, NULL, sink, NULL);
    flow_rig_start(r);
    flow_rig_await(sink, 5);
    berth_flow_drain(r->flow, 5000000);
    assert_int_equal(flow_rig_wait(r), BERTH_E_DEADLINE);
    assert_non_null(strstr(r->diag.text, "not drained in time"));
    assert_true(flow_rig_edge_stats(r, 0).dropped[BERTH_DROPPED_STOPPED] > 0);
    assert_int_equal(sink->seen_count, 5);
}

static void a_flow_deadline_comes_while_it_is_busy(void **state)
{
    flow_rig *r = *state;
    berth_flow_options short_lived = BERTH_FLOW_OPTIONS_INIT;
    flow_part *middle;

    flow_rig_fini(r);
    flow_rig_init(r, 1); /* the only worker is busy with it */
    short_lived.deadline_ns = 5000000;
    flow_rig_open(r, &short_lived);
    (void)line_of_three(r, NULL, 0, &middle);
    r->parts[0].is_endless = true;
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_E_DEADLINE);
    assert_non_null(strstr(r->diag.text, "as long as it may"));
}

static void records_past_their_deadline_are_dropped_and_counted(void **state)
{
    flow_rig *r = *state;
    berth_stage_options short_lived = usual;
    flow_part *source, *sink;

    short_lived.lifetime_ns = 1; /* over by the next walk */
    source = flow_rig_add(r, BERTH_ROLE_SOURCE, &short_lived);
    sink = flow_rig_add(r, BERTH_ROLE_SINK, NULL);
    source->count = 100;
    sink->pause_every = 1;
    sink->pause_ns = 1000;
    flow_rig_edge(r, source, NULL, sink, NULL);
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    assert_int_equal(
        sink->seen_count + flow_rig_edge_stats(r, 0).dropped[BERTH_DROPPED_EXPIRED], 100);
    assert_true(flow_rig_edge_stats(r, 0).dropped[BERTH_DROPPED_EXPIRED] > 0);
}

static void flows_share_workers_and_none_waits_for_ever(void **state)
{
    enum { FLOWS = 20 };
    flow_rig *r = *state;
    static flow_rig others[FLOWS];

    for (int i = 0; i < FLOWS; i++) {
        berth_flow_options options = BERTH_FLOW_OPTIONS_INIT;
        flow_part *middle;

        others[i].flows = r->flows;
        options.weight = 1 + (uint32_t)i % 5;
        flow_rig_open(&others[i], &options);
        (void)line_of_three(&others[i], NULL, 0, &middle);
        others[i].parts[0].is_endless = true;
        flow_rig_start(&others[i]);
    }
    for (int i = 0; i < FLOWS; i++)
        flow_rig_await(&others[i].parts[2], 500);
    for (int i = 0; i < FLOWS; i++)
        berth_flow_drain(others[i].flow, UINT64_MAX);
    for (int i = 0; i < FLOWS; i++) {
        assert_int_equal(flow_rig_wait(&others[i]), BERTH_OK);
        flow_rig_close(&others[i]);
    }
}

#ifdef NDEBUG
enum { STARTS = 10000 };
#else
enum { STARTS = 500 };
#endif

static void starting_and_ending_leaves_nothing_behind(void **state)
{
    flow_rig *r = *state;
    size_t blocks = 0, descriptors = process_descriptors(), threads = process_threads();

    for (int i = 0; i < STARTS; i++) {
        flow_part *middle, *sink = line_of_three(r, NULL, 5, &middle);

        flow_rig_start(r);
        assert_int_equal(flow_rig_wait(r), BERTH_OK);
        assert_seen_all(sink, 5);
        flow_rig_close(r);
        if (i == 50)
            blocks = r->memory.live_blocks;
        flow_rig_open(r, NULL);
    }
    flow_rig_close(r);
    assert_true(r->memory.live_blocks <= blocks + 64 * 2); /* buffers that workers keep */
    assert_int_equal(process_descriptors(), descriptors);
    assert_true(process_waits_for_threads(threads)); /* the workers, and none more */
    flow_rig_open(r, NULL);
}

/* Flows that will do something in hours must not keep those waiting that will in microseconds. */
static void a_timer_is_not_kept_waiting_by_a_later_one(void **state)
{
    enum { FAR = 12, NEAR = 5 };
    flow_rig *r = *state;
    static flow_rig others[FAR + NEAR];

    for (int i = 0; i < FAR + NEAR; i++) {
        flow_part *source, *sink;

        others[i].flows = r->flows;
        flow_rig_open(&others[i], NULL);
        source = flow_rig_add(&others[i], BERTH_ROLE_SOURCE, NULL);
        sink = flow_rig_add(&others[i], BERTH_ROLE_SINK, NULL);
        flow_rig_edge(&others[i], source, NULL, sink, NULL);
        source->count = 40;
        source->pause_every = 1;
        source->pause_ns = i < FAR ? (1 + (uint64_t)(i * 7) % FAR) * HOUR_NS
                                   : 1000 + 30000 * (uint64_t)(i - FAR);
        flow_rig_start(&others[i]);
        if (i < FAR)
            flow_rig_await(sink, 1);
    }
    for (int i = FAR; i < FAR + NEAR; i++)
        assert_int_equal(flow_rig_wait(&others[i]), BERTH_OK);
    for (int i = 0; i < FAR + NEAR; i++) {
        if (i < FAR) {
            assert_int_equal(berth_flow_wait(others[i].flow, 0, NULL), BERTH_E_BUSY);
            berth_flow_cancel(others[i].flow);
            assert_int_equal(flow_rig_wait(&others[i]), BERTH_E_CLOSED);
        }
        flow_rig_close(&others[i]);
    }
}

static berth_status cancel_and_fail(flow_part *p, berth_stage *stage,
                                    const berth_record *record)
{
    (void)stage;
    (void)record;
    berth_flow_cancel(p->hook_ctx);
    return BERTH_E_TRAP;
}

static void the_first_reason_to_stop_is_the_one_that_is_told(void **state)
{
    flow_rig *r = *state;
    flow_part *middle;

    (void)line_of_three(r, NULL, 10, &middle);
    middle->hook = cancel_and_fail;
    middle->hook_ctx = r->flow;
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_E_CLOSED);
    assert_string_equal(r->diag.text, "flow 'rig' was cancelled");
}

/* One worker: nobody else runs what is ready. */
static void an_endless_flow_leaves_room_for_another_on_the_same_worker(void **state)
{
    flow_rig *r = *state;
    static flow_rig other;
    flow_part *middle, *sink;

    flow_rig_fini(r);
    flow_rig_init(r, 1);
    flow_rig_open(r, NULL);
    (void)line_of_three(r, NULL, 0, &middle);
    r->parts[0].is_endless = true;
    flow_rig_start(r);
    memset(&other, 0, sizeof other);
    other.flows = r->flows;
    flow_rig_open(&other, NULL);
    sink = line_of_three(&other, NULL, 5000, &middle);
    flow_rig_start(&other);
    assert_int_equal(flow_rig_wait(&other), BERTH_OK);
    assert_seen_all(sink, 5000);
    flow_rig_close(&other);
    berth_flow_cancel(r->flow);
    assert_int_equal(flow_rig_wait(r), BERTH_E_CLOSED);
}

/* ---------------------------------------------------------------- while it starts, and while it is torn down */

static uint32_t timers_of(flow_rig *r)
{
    uint32_t count;

    berthi_lock_take(&r->flows->lock);
    count = r->flows->heap_count;
    berthi_lock_drop(&r->flows->lock);
    return count;
}

static void drain_in_a_minute(flow_part *p, berth_stage *stage)
{
    (void)stage;
    berth_flow_drain(p->hook_ctx, 60 * UINT64_C(1000000000));
}

static void draining_what_is_torn_down_leaves_no_timer_behind(void **state)
{
    flow_rig *r = *state;
    flow_part *middle;

    (void)line_of_three(r, NULL, 5, &middle);
    middle->on_teardown = drain_in_a_minute;
    middle->hook_ctx = r->flow;
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    assert_int_equal(timers_of(r), 0);
}

static void say_ready(flow_part *p, berth_stage *stage)
{
    (void)p;
    berth_stage_ready(stage);
}

static void assert_asleep(flow_part *p, berth_stage *stage)
{
    berth_flow_stats stats = { .size = sizeof stats };

    (void)stage;
    assert_int_equal(berth_flow_read_stats(p->hook_ctx, &stats), BERTH_OK);
    p->wrong += stats.wakes != 0 || stats.turns != 0;
}

static void a_stage_that_is_ready_before_all_are_initialised_waits_for_them(void **state)
{
    flow_rig *r = *state;
    flow_part *middle, *sink = line_of_three(r, NULL, 10, &middle);

    r->parts[0].on_init = say_ready;
    middle->on_init = say_ready;
    sink->on_init = assert_asleep;
    sink->hook_ctx = r->flow;
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    assert_seen_all(sink, 10);
}

static void cancel_it(flow_part *p, berth_stage *stage)
{
    (void)stage;
    berth_flow_cancel(p->hook_ctx);
}

static void a_flow_that_is_cancelled_while_it_starts_is_cancelled(void **state)
{
    flow_rig *r = *state;
    flow_part *middle;

    (void)line_of_three(r, NULL, 0, &middle);
    r->parts[0].is_endless = true;
    middle->on_init = cancel_it;
    middle->hook_ctx = r->flow;
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_E_CLOSED);
    assert_int_equal(r->parts[0].calls, 0);
}

static void a_flow_that_is_drained_while_it_starts_completes(void **state)
{
    flow_rig *r = *state;
    flow_part *middle;

    (void)line_of_three(r, NULL, 0, &middle);
    r->parts[0].is_endless = true;
    middle->on_init = drain_in_a_minute;
    middle->hook_ctx = r->flow;
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    assert_int_equal(r->parts[0].calls, 0);
    assert_int_equal(timers_of(r), 0);
}

static void a_start_that_fails_after_a_drain_leaves_no_timer_behind(void **state)
{
    flow_rig *r = *state;
    flow_part *middle, *sink = line_of_three(r, NULL, 10, &middle);

    middle->on_init = drain_in_a_minute;
    middle->hook_ctx = r->flow;
    sink->init_fails = BERTH_E_OS;
    assert_int_equal(berth_flow_start(r->flow, &r->diag), BERTH_E_OS);
    assert_int_equal(timers_of(r), 0);
    assert_int_equal(middle->teardowns, 1);
    assert_int_equal(berth_flow_wait(r->flow, UINT64_MAX, &r->diag), BERTH_E_OS);
}

static void *wait_for_it(void *arg)
{
    flow_part *p = arg;
    berth_edge_stats edge = { .size = sizeof edge };

    p->wrong += berth_flow_wait(p->hook_ctx, 0, NULL) != BERTH_E_BUSY;
    p->wrong += berth_flow_edge_stats(p->hook_ctx, 1, &edge) != BERTH_OK;
    return NULL;
}

static void wait_elsewhere(flow_part *p, berth_stage *stage)
{
    berthi_thread thread;

    (void)stage;
    if (berthi_thread_start(&thread, "waits", 0, wait_for_it, p) != 0)
        p->wrong++;
    else
        berthi_thread_join(&thread);
}

static void a_flow_that_starts_has_not_ended(void **state)
{
    flow_rig *r = *state;
    flow_part *middle;

    (void)line_of_three(r, NULL, 10, &middle);
    middle->on_init = wait_elsewhere;
    middle->hook_ctx = r->flow;
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
}

/* ---------------------------------------------------------------- time */

static void a_deadline_beyond_all_time_is_none(void **state)
{
    flow_rig *r = *state;
    berth_flow_options eternal = BERTH_FLOW_OPTIONS_INIT;
    flow_part *middle, *sink;

    flow_rig_close(r);
    eternal.deadline_ns = UINT64_MAX;
    flow_rig_open(r, &eternal);
    sink = line_of_three(r, NULL, 10, &middle);
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    assert_seen_all(sink, 10);
}

/* Does not come back before the flow was told to stop. */
static berth_status outlast(flow_part *p, berth_stage *stage, const berth_record *record)
{
    uint64_t until = torture_now_ns() + TORTURE_PATIENCE_NS;
    berth_flow_stats stats = { .size = sizeof stats };

    (void)stage;
    (void)record;
    atomic_store(&p->seen_now, 1);
    do {
        if (berth_flow_read_stats(p->hook_ctx, &stats) != BERTH_OK)
            return BERTH_E_PLUGIN;
        (void)sched_yield();
    } while (stats.state != BERTH_FLOW_STOPPING && torture_now_ns() < until);
    p->wrong += stats.state != BERTH_FLOW_STOPPING;
    return BERTH_OK;
}

static void draining_is_timed_while_its_only_lane_is_in_a_call(void **state)
{
    flow_rig *r = *state;
    flow_part *middle, *sink = line_of_three(r, NULL, 100, &middle);

    sink->hook = outlast;
    sink->hook_ctx = r->flow;
    flow_rig_start(r);
    flow_rig_await(sink, 1);
    berth_flow_drain(r->flow, 1000000);
    assert_int_equal(flow_rig_wait(r), BERTH_E_DEADLINE);
    assert_int_equal(sink->calls, 1);
}

static void a_later_drain_may_end_it_sooner(void **state)
{
    flow_rig *r = *state;
    flow_part *middle, *sink = line_of_three(r, NULL, 100, &middle);

    sink->hook = outlast;
    sink->hook_ctx = r->flow;
    flow_rig_start(r);
    flow_rig_await(sink, 1);
    berth_flow_drain(r->flow, UINT64_MAX);
    berth_flow_drain(r->flow, HOUR_NS);
    berth_flow_drain(r->flow, 1000000);
    assert_int_equal(flow_rig_wait(r), BERTH_E_DEADLINE);
}

/* Takes until its record is past its deadline. */
static berth_status linger(flow_part *p, berth_stage *stage, const berth_record *record)
{
    (void)p;
    (void)stage;
    while (torture_now_ns() <= record->deadline_ns)
        (void)sched_yield();
    return BERTH_OK;
}

static void records_expire_behind_a_slow_one_of_the_same_batch(void **state)
{
    flow_rig *r = *state;
    berth_stage_options short_lived = usual;
    flow_part *source, *sink;

    short_lived.lifetime_ns = 50000000;
    source = flow_rig_add(r, BERTH_ROLE_SOURCE, &short_lived);
    sink = flow_rig_add(r, BERTH_ROLE_SINK, NULL);
    source->count = source->per_pull = 20; /* of one moment */
    sink->hook = linger;
    flow_rig_edge(r, source, NULL, sink, NULL);
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    assert_true(sink->seen_count <= 1);
    assert_true(flow_rig_edge_stats(r, 0).dropped[BERTH_DROPPED_EXPIRED] >= 19);
}

/* Takes for longer than its flow may run. */
static berth_status take_long(flow_part *p, berth_stage *stage, const berth_record *record)
{
    uint64_t until = torture_now_ns() + 5000000;

    (void)p;
    (void)stage;
    (void)record;
    while (torture_now_ns() <= until)
        (void)sched_yield();
    return BERTH_OK;
}

static void a_flow_deadline_comes_between_two_records_of_a_batch(void **state)
{
    flow_rig *r = *state;
    berth_flow_options short_lived = BERTH_FLOW_OPTIONS_INIT;
    flow_part *middle, *sink;

    flow_rig_fini(r);
    flow_rig_init(r, 1); /* nobody else looks at the timers */
    short_lived.deadline_ns = 5000000;
    flow_rig_open(r, &short_lived);
    sink = line_of_three(r, NULL, 60, &middle);
    r->parts[0].per_pull = 60;
    sink->hook = take_long;
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_E_DEADLINE);
    assert_true(sink->calls <= 1);
}

/* Fails after longer than what it should be left alone for. */
static berth_status fail_slowly(flow_part *p, berth_stage *stage, const berth_record *record)
{
    uint64_t *ended = p->hook_ctx, until;

    (void)stage;
    (void)record;
    if (*ended != 0)
        p->wrong += torture_now_ns() - *ended < 3000000;
    until = torture_now_ns() + 5000000;
    while (torture_now_ns() < until)
        (void)sched_yield();
    *ended = p->calls < 3 ? torture_now_ns() : 0;
    return *ended != 0 ? BERTH_E_TRAP : BERTH_OK;
}

static void waits_begin_when_a_slow_call_has_failed(void **state)
{
    flow_rig *r = *state;

    for (int i = 0; i < 2; i++) {
        berth_stage_options options = usual;
        flow_part *middle;
        uint64_t ended = 0;

        if (i == 0) {
            options.retries = 2;
            options.retry_ns = options.retry_ns_max = 3000000;
        } else {
            options.circuit_failures = 1;
            options.circuit_ns = 3000000;
            options.on_error = BERTH_ON_ERROR_SKIP;
        }
        (void)line_of_three(r, &options, 2, &middle);
        middle->hook = fail_slowly;
        middle->hook_ctx = &ended;
        flow_rig_start(r);
        assert_int_equal(flow_rig_wait(r), BERTH_OK);
        assert_true(middle->calls >= 3);
        flow_rig_close(r);
        flow_rig_open(r, NULL);
    }
}

static berth_status be_busy(flow_part *p, berth_stage *stage, const berth_record *record)
{
    (void)p;
    (void)stage;
    (void)record;
    return BERTH_E_BUSY;
}

static void a_flow_that_failed_for_a_busy_plugin_does_not_seem_to_run(void **state)
{
    flow_rig *r = *state;
    flow_part *middle;

    (void)line_of_three(r, NULL, 10, &middle);
    middle->hook = be_busy;
    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_E_LIMIT);
    assert_int_equal(r->diag.status, BERTH_E_LIMIT);
    assert_non_null(strstr(r->diag.text, "busy"));
}

#define flow_case(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

/* ---------------------------------------------------------------- flushing */

static flow_part *flushing_sink(flow_rig *r, uint32_t fails, uint32_t on_error)
{
    flow_part *source = flow_rig_add(r, BERTH_ROLE_SOURCE, NULL);
    berth_stage_options options = usual;
    flow_part *sink;

    options.retries = 3;
    options.retry_ns = 1000;
    options.on_error = on_error;
    sink = flow_rig_add(r, BERTH_ROLE_SINK, &options);
    source->count = 1000;
    source->per_pull = 64;
    sink->flush_fails = fails;
    flow_rig_edge(r, source, NULL, sink, NULL);
    return sink;
}

static void what_a_flush_did_not_keep_is_given_again(void **state)
{
    flow_rig *r = *state;
    flow_part *sink = flushing_sink(r, 3, BERTH_ON_ERROR_FAIL);

    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    assert_seen_all(sink, 1000);
    assert_int_equal(flow_rig_edge_stats(r, 0).out, 1000);
    assert_int_equal(flow_rig_stage_stats(r, sink).failures, 3);
    assert_int_equal(flow_rig_stage_stats(r, sink).retries, 3);
}

static void a_flush_that_always_fails_loses_what_its_policy_says_and_no_more(void **state)
{
    flow_rig *r = *state;
    flow_part *sink = flushing_sink(r, 8, BERTH_ON_ERROR_SKIP); /* four tries: a record goes */

    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    assert_int_equal(sink->seen_count, 998);
    assert_int_equal(sink->seen[0], 2);
    assert_int_equal(flow_rig_edge_stats(r, 0).dropped[BERTH_DROPPED_FAILED], 2);
    assert_int_equal(flow_rig_edge_stats(r, 0).out, 998);
}

static void a_flush_that_fails_the_flow_has_let_nothing_out(void **state)
{
    flow_rig *r = *state;
    flow_part *sink = flushing_sink(r, UINT32_MAX, BERTH_ON_ERROR_FAIL);
    berth_edge_stats stats;

    flow_rig_start(r);
    assert_int_equal(flow_rig_wait(r), BERTH_E_OS);
    assert_string_equal(r->diag.text, "stage 's1': flush of 'rig'");
    assert_int_equal(sink->seen_count, 0);
    stats = flow_rig_edge_stats(r, 0);
    assert_int_equal(stats.out, 0);
    assert_int_equal(stats.dropped[BERTH_DROPPED_FAILED], 1);
    assert_int_equal(stats.dropped[BERTH_DROPPED_STOPPED] + 1, stats.in);
}

static void records_are_queued_until_a_flush_that_rested_has_succeeded(void **state)
{
    flow_rig *r = *state;
    flow_part *sink = flushing_sink(r, 0, BERTH_ON_ERROR_FAIL);
    berth_edge_stats stats;

    sink->flush_pauses = 1;
    sink->pause_ns = HOUR_NS;
    flow_rig_start(r);
    flow_rig_await(sink, 1);
    while (flow_rig_stage_stats(r, sink).pauses == 0)
        (void)sched_yield();
    stats = flow_rig_edge_stats(r, 0);
    assert_int_equal(stats.out, 0);
    berth_stage_ready(sink->stage);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    assert_seen_all(sink, 1000);
    assert_int_equal(sink->flush_pauses, 0);
}

/* ---------------------------------------------------------------- descriptors */

typedef struct shared_pipe {
    int ends[2];
    _Atomic(int) waits;
} shared_pipe;

static void wait_for_pipe(flow_part *p, berth_stage *stage)
{
    shared_pipe *shared = p->hook_ctx;

    if (berth_stage_wait_fd(stage, shared->ends[0], BERTH_WAIT_READ, NULL) == BERTH_OK)
        shared->waits++;
}

static void stages_that_wait_for_the_same_descriptor_are_all_told(void **state)
{
    flow_rig *r = *state;
    flow_part *middle, *sink = line_of_three(r, NULL, 6, &middle), *both[] = { middle, sink };
    shared_pipe shared = { .waits = 0 };

    assert_int_equal(pipe(shared.ends), 0);
    for (int i = 0; i < 2; i++) {
        both[i]->on_init = wait_for_pipe;
        both[i]->hook_ctx = &shared;
        both[i]->pause_every = 5;
        both[i]->pause_ns = HOUR_NS;
    }
    flow_rig_start(r);
    assert_int_equal(shared.waits, 2);
    for (int i = 0; i < 2; i++)
        while (flow_rig_stage_stats(r, both[i]).pauses == 0)
            (void)sched_yield();
    assert_int_equal(write(shared.ends[1], "x", 1), 1);
    assert_int_equal(flow_rig_wait(r), BERTH_OK);
    assert_seen_all(sink, 6);
    (void)close(shared.ends[0]);
    (void)close(shared.ends[1]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        flow_case(an_endless_flow_is_cancelled_and_accounts_for_the_rest),
        flow_case(a_drained_flow_delivers_what_came_in),
        flow_case(draining_ends_in_time_even_when_a_sink_never_comes_back),
        flow_case(a_flow_deadline_comes_while_it_is_busy),
        flow_case(records_past_their_deadline_are_dropped_and_counted),
        flow_case(flows_share_workers_and_none_waits_for_ever),
        flow_case(starting_and_ending_leaves_nothing_behind),
        flow_case(a_timer_is_not_kept_waiting_by_a_later_one),
        flow_case(the_first_reason_to_stop_is_the_one_that_is_told),
        flow_case(an_endless_flow_leaves_room_for_another_on_the_same_worker),
        flow_case(draining_what_is_torn_down_leaves_no_timer_behind),
        flow_case(a_stage_that_is_ready_before_all_are_initialised_waits_for_them),
        flow_case(a_flow_that_is_cancelled_while_it_starts_is_cancelled),
        flow_case(a_flow_that_is_drained_while_it_starts_completes),
        flow_case(a_start_that_fails_after_a_drain_leaves_no_timer_behind),
        flow_case(a_flow_that_starts_has_not_ended),
        flow_case(a_deadline_beyond_all_time_is_none),
        flow_case(draining_is_timed_while_its_only_lane_is_in_a_call),
        flow_case(a_later_drain_may_end_it_sooner),
        flow_case(records_expire_behind_a_slow_one_of_the_same_batch),
        flow_case(a_flow_deadline_comes_between_two_records_of_a_batch),
        flow_case(waits_begin_when_a_slow_call_has_failed),
        flow_case(a_flow_that_failed_for_a_busy_plugin_does_not_seem_to_run),
        flow_case(what_a_flush_did_not_keep_is_given_again),
        flow_case(a_flush_that_always_fails_loses_what_its_policy_says_and_no_more),
        flow_case(a_flush_that_fails_the_flow_has_let_nothing_out),
        flow_case(records_are_queued_until_a_flush_that_rested_has_succeeded),
        flow_case(stages_that_wait_for_the_same_descriptor_are_all_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
