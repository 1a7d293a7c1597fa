/* flow_test.c - flows whose edges are always full or empty, whose stages rest and are woken from outside, and whose
 * accounts are looked at by others without pause.
 *
 * A wake-up that is lost is a flow that never ends: nothing here has a time-out that would hide one.  Each
 * test goes on until what it is about has happened often enough, and fails when it did not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "flow_rig.h"
#include "os/thread.h"
#include "torture.h"

#include <cmocka.h>

enum { READERS = 2, ENOUGH = 500 };

typedef struct reader {
    flow_rig *r;
    _Atomic(bool) *stop;
    _Atomic(uint64_t) looks, wrong, busy_looks;
} reader;

static void look(reader *me, uint32_t edge)
{
    berth_edge_stats s = { .size = sizeof s };
    uint64_t sum;

    if (berth_flow_edge_stats(me->r->flow, edge, &s) != BERTH_OK)
        me->wrong++;
    sum = s.out + s.queued + s.dead_letters;
    for (uint32_t k = 0; k < BERTH_DROPPED_REASONS; k++)
        sum += s.dropped[k];
    me->wrong += sum != s.in;
    me->busy_looks += s.queued != 0;
    me->looks++;
}

static void *read_accounts(void *arg)
{
    reader *me = arg;

    while (!atomic_load(me->stop)) {
        for (uint32_t i = 0; i < me->r->edges_count; i++)
            look(me, i);
        (void)sched_yield();
    }
    return NULL;
}

static void *wake_sinks(void *arg)
{
    reader *me = arg;

    while (!atomic_load(me->stop)) {
        for (uint32_t i = 0; i < me->r->parts_count; i++)
            if (me->r->roles[i] == BERTH_ROLE_SINK) {
                berth_stage_ready(me->r->parts[i].stage);
                me->looks++;
            }
        (void)sched_yield();
    }
    return NULL;
}

static void connect_with(flow_rig *r, flow_part *from, const char *port, flow_part *to,
                         uint32_t records, uint32_t full)
{
    berth_edge_options o = BERTH_EDGE_OPTIONS_INIT;

    o.records_max = records;
    o.full = full;
    (void)flow_rig_edge(r, from, port, to, &o);
}

/* Five lanes: a source, a router, a sink that rests until somebody wakes it, one that drops, one behind a filter. */
static void make_flow(flow_rig *r)
{
    flow_part *source, *router, *filter, *resting, *dropping, *last;

    flow_rig_open(r, NULL);
    source = flow_rig_add(r, BERTH_ROLE_SOURCE, NULL);
    router = flow_rig_add(r, BERTH_ROLE_ROUTER, NULL);
    filter = flow_rig_add(r, BERTH_ROLE_FILTER, NULL);
    resting = flow_rig_add(r, BERTH_ROLE_SINK, NULL);
    dropping = flow_rig_add(r, BERTH_ROLE_SINK, NULL);
    last = flow_rig_add(r, BERTH_ROLE_SINK, NULL);
    source->is_endless = true;
    source->per_pull = 5;
    router->modulus = 3;
    filter->modulus = 2;
    resting->pause_every = 3;
    resting->pause_ns = UINT64_MAX / 2; /* `wrong` asks only about pauses without an end */
    dropping->pause_every = 8;
    dropping->pause_ns = 20000;
    connect_with(r, source, NULL, router, 3, BERTH_FULL_BLOCK);
    connect_with(r, router, "p0", resting, 2, BERTH_FULL_BLOCK);
    connect_with(r, router, "p1", dropping, 2, BERTH_FULL_DROP_OLDEST);
    connect_with(r, router, "p2", filter, 1, BERTH_FULL_BLOCK);
    connect_with(r, filter, NULL, last, 1, BERTH_FULL_BLOCK);
    /* What the source makes goes to the last sink as well. */
    connect_with(r, source, NULL, last, 1, BERTH_FULL_BLOCK);
}

static uint64_t pressures(flow_rig *r)
{
    uint64_t least = UINT64_MAX;

    for (uint32_t i = 0; i < r->edges_count; i++) {
        berth_edge_stats s = flow_rig_edge_stats(r, i);

        if (s.pressures < least)
            least = s.pressures;
    }
    return least;
}

/* Every edge was full that often, so every stage waited for room and every one for records; and others looked
 * at that, however seldom the machine let them. */
static bool is_enough(flow_rig *r, reader *readers)
{
    berth_flow_stats stats = { .size = sizeof stats };

    assert_int_equal(berth_flow_read_stats(r->flow, &stats), BERTH_OK);
    for (int i = 0; i < READERS; i++)
        if (readers[i].looks <= 50 || readers[i].busy_looks <= 5)
            return false;
    return pressures(r) >= ENOUGH && stats.wakes >= ENOUGH &&
           flow_rig_edge_stats(r, 2).dropped[BERTH_DROPPED_OLDEST] > 0;
}

static void accounts_hold_at_every_moment_and_no_wake_up_is_lost(void **state)
{
    static flow_rig rig;
    static _Atomic(bool) stop;
    static reader readers[READERS + 1];
    berthi_thread threads[READERS + 1];
    berth_flow_stats stats = { .size = sizeof stats };
    uint64_t until = torture_now_ns() + TORTURE_PATIENCE_NS;
    uint64_t looks = 0, busy = 0;

    (void)state;
    flow_rig_init(&rig, 3);
    make_flow(&rig);
    flow_rig_start(&rig);
    for (int i = 0; i <= READERS; i++) {
        readers[i].r = &rig;
        readers[i].stop = &stop;
        assert_int_equal(berthi_thread_start(&threads[i], "looks", 0,
                                             i < READERS ? read_accounts : wake_sinks,
                                             &readers[i]),
                         0);
    }
    while (!is_enough(&rig, readers) && torture_now_ns() < until)
        (void)sched_yield();
    assert_true(is_enough(&rig, readers));
    assert_int_equal(berth_flow_read_stats(rig.flow, &stats), BERTH_OK);
    /* The branch with the resting sink is taken off under load, and the others go on. */
    rig.parts[3].is_cut = true;
    assert_int_equal(berth_flow_cancel_branch(rig.flow, 3, &rig.diag), BERTH_OK);
    while (flow_rig_edge_stats(&rig, 1).dropped[BERTH_DROPPED_STOPPED] < ENOUGH &&
           torture_now_ns() < until)
        (void)sched_yield();
    assert_true(flow_rig_edge_stats(&rig, 1).dropped[BERTH_DROPPED_STOPPED] >= ENOUGH);
    berth_flow_drain(rig.flow, UINT64_MAX);
    while (berth_flow_wait(rig.flow, 1000000, &rig.diag) == BERTH_E_BUSY)
        continue; /* the resting sink is still woken */
    atomic_store(&stop, true);
    for (int i = 0; i <= READERS; i++) {
        berthi_thread_join(&threads[i]);
        assert_int_equal(readers[i].wrong, 0);
        looks += i < READERS ? readers[i].looks : 0;
        busy += readers[i].busy_looks;
    }
    torture_say(
        "%llu wake-ups in %llu turns, each edge full %llu times or more, %llu looks, %llu at "
        "edges with records",
        (unsigned long long)stats.wakes, (unsigned long long)stats.turns,
        (unsigned long long)pressures(&rig), (unsigned long long)looks,
        (unsigned long long)busy);
    assert_int_equal(flow_rig_wait(&rig), BERTH_OK);
    flow_rig_fini(&rig);
}

/* Flows start, are cancelled, drained and closed on several threads at once. */
enum { STARTERS = 3, STARTS = 60 };

static void *start_and_end(void *arg)
{
    flow_rig *mine = arg;

    for (uint32_t i = 0; i < STARTS; i++) {
        make_flow(mine);
        mine->parts[3].pause_every = 0; /* nobody wakes it */
        if (i % 3 == 0) {
            mine->parts[0].is_endless = false;
            mine->parts[0].count = 200;
        }
        flow_rig_start(mine);
        flow_rig_await(&mine->parts[5], i % 5);
        if (i % 3 == 1)
            berth_flow_cancel(mine->flow);
        else if (i % 3 == 2) {
            mine->parts[i % 6].is_cut = mine->parts[i / 3 % 6].is_cut = true;
            if (berth_flow_cancel_branch(mine->flow, i % 6, NULL) != BERTH_OK ||
                berth_flow_cancel_branch(mine->flow, i / 3 % 6, NULL) == BERTH_E_ABSENT)
                mine->diag.reserved = 1;
            berth_flow_drain(mine->flow, UINT64_MAX);
        }
        if (flow_rig_wait(mine) != (i % 3 == 1 ? BERTH_E_CLOSED : BERTH_OK))
            mine->diag.reserved = 1;
        flow_rig_close(mine);
    }
    return NULL;
}

static void flows_that_start_and_end_at_once_do_not_mix(void **state)
{
    static flow_rig shared, each[STARTERS];
    berthi_thread threads[STARTERS];

    (void)state;
    flow_rig_init(&shared, 2);
    for (int i = 0; i < STARTERS; i++) {
        each[i].flows = shared.flows;
        assert_int_equal(berthi_thread_start(&threads[i], "starts", 0, start_and_end, &each[i]),
                         0);
    }
    for (int i = 0; i < STARTERS; i++)
        berthi_thread_join(&threads[i]);
    for (int i = 0; i < STARTERS; i++)
        assert_int_equal(each[i].diag.reserved, 0);
    flow_rig_fini(&shared);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(accounts_hold_at_every_moment_and_no_wake_up_is_lost),
        cmocka_unit_test(flows_that_start_and_end_at_once_do_not_mix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
