/* edge_test.c - one edge alone: its bounds, its marks, its rate, and who is told what. */
#include "flow/edge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "memory.h"

#include <cmocka.h>

#define SECOND UINT64_C(1000000000)

typedef struct fixture {
    bertht_memory memory;
    berth_allocator allocator;
    berthi_buffers pool;
    berthi_buffer_cache cache;
    berthi_edge edge;
    uint64_t made; /* the number of the next record */
    berth_record taken[64];
} fixture;

static int set_up(void **state)
{
    static fixture f;

    memset(&f, 0, sizeof f);
    memory_init(&f.memory);
    f.allocator = memory_allocator(&f.memory);
    assert_int_equal(berthi_buffers_init(&f.pool, &f.allocator, 0), 0);
    berthi_buffer_cache_init(&f.cache, &f.pool);
    f.edge.records_max = 10;
    f.edge.records_low = 4;
    f.edge.bytes_max = f.edge.bytes_low = 1 << 20;
    f.edge.is_crossing = true;
    *state = &f;
    return 0;
}

static void open_edge(fixture *f)
{
    assert_int_equal(berthi_edge_init(&f->edge, &f->allocator, NULL), BERTH_OK);
}

static int tear_down(void **state)
{
    fixture *f = *state;

    berthi_edge_discard(&f->edge, 0, &f->cache);
    berthi_edge_fini(&f->edge, &f->allocator);
    berthi_buffer_cache_empty(&f->cache);
    berthi_buffers_fini(&f->pool);
    memory_assert_empty(&f->memory);
    return 0;
}

/* Puts up to `count` records of `size` bytes; those that were not placed are forgotten. */
static berthi_put put(fixture *f, uint32_t count, uint32_t size, uint64_t now_ns)
{
    berth_record records[64];
    berthi_put result;

    memset(records, 0, sizeof records);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(
            berthi_buffer_take(&f->cache, size, NULL, NULL, &records[i].buffer, NULL),
            BERTH_OK);
        records[i].size = size;
        records[i].sequence = f->made + i;
    }
    result = berthi_edge_put(&f->edge, records, count, now_ns, &f->cache);
    f->made += result.placed;
    for (uint32_t i = result.placed; i < count; i++)
        berthi_buffer_unref(&f->cache, records[i].buffer);
    return result;
}

static berthi_taken take(fixture *f, uint32_t max, uint64_t now_ns)
{
    return berthi_edge_take(&f->edge, f->taken, max, now_ns);
}

/* What was taken has gone on. */
static bool settle(fixture *f, uint32_t count, uint64_t now_ns)
{
    berthi_settled settled;

    memset(&settled, 0, sizeof settled);
    for (uint32_t i = 0; i < count; i++) {
        settled.count++;
        settled.bytes += f->taken[i].size;
        berthi_buffer_unref(&f->cache, f->taken[i].buffer);
    }
    memmove(f->taken, f->taken + count, (64 - count) * sizeof *f->taken);
    return berthi_edge_settle(&f->edge, &settled, now_ns);
}

static berth_edge_stats stats(fixture *f, uint64_t now_ns)
{
    berth_edge_stats s;

    berthi_edge_count(&f->edge, now_ns, &s);
    return s;
}

static void a_full_edge_opens_again_at_the_low_mark_and_not_before(void **state)
{
    fixture *f = *state;

    open_edge(f);
    assert_int_equal(put(f, 12, 8, 100).placed, 10);
    assert_int_equal(take(f, 64, 100).count, 5);   /* half of what it holds at most */
    assert_int_equal(put(f, 1, 8, 100).placed, 0); /* taken is not gone */
    assert_false(settle(f, 5, 200));
    assert_int_equal(stats(f, 200).queued, 5);
    assert_int_equal(put(f, 1, 8, 200).placed,
                     0); /* there is room, and it has not fallen enough */
    assert_int_equal(take(f, 1, 200).count, 1);
    assert_true(settle(f, 1, 300)); /* four left: the producer that waits is told, once */
    assert_int_equal(put(f, 1, 8, 300).placed, 1);
    assert_int_equal(stats(f, 300).pressures, 1);
    assert_int_equal(stats(f, 300).pressure_ns, 200);
    assert_int_equal(stats(f, 300).peak, 10);
    assert_int_equal(take(f, 1, 300).count, 1);
    assert_false(settle(f, 1, 300)); /* nobody waits */
}

static void a_record_that_dropping_makes_no_room_for_drops_no_other(void **state)
{
    fixture *f = *state;

    f->edge.full = BERTH_FULL_DROP_OLDEST;
    f->edge.bytes_max = 100;
    open_edge(f);
    assert_int_equal(put(f, 5, 10, 0).placed, 5);
    assert_int_equal(take(f, 1, 0).count, 1);
    assert_int_equal(put(f, 1, 95, 0).placed, 1); /* not beside the one that was taken */
    assert_int_equal(stats(f, 0).queued, 5);
    assert_int_equal(stats(f, 0).dropped[BERTH_DROPPED_OLDEST], 1);
    assert_int_equal(put(f, 1, 85, 0).placed, 1); /* in the place of the four that wait */
    assert_int_equal(stats(f, 0).queued, 2);
    assert_int_equal(stats(f, 0).dropped[BERTH_DROPPED_OLDEST], 5);
    (void)settle(f, 1, 0);
    assert_int_equal(put(f, 1, 200, 0).placed, 1); /* alone */
    assert_int_equal(stats(f, 0).queued, 1);
    assert_int_equal(stats(f, 0).bytes_queued, 200);
}

static void time_under_pressure_is_counted_while_it_lasts(void **state)
{
    fixture *f = *state;

    open_edge(f);
    (void)put(f, 10, 8, 1000);
    assert_int_equal(stats(f, 1500).pressure_ns, 500);
    assert_int_equal(stats(f, 1700).pressure_ns, 700);
}

static void a_consumer_that_found_nothing_is_told_once(void **state)
{
    fixture *f = *state;

    open_edge(f);
    assert_false(put(f, 1, 8, 0).wakes_consumer); /* it has not asked */
    assert_int_equal(take(f, 64, 0).count, 1);
    (void)settle(f, 1, 0);
    assert_int_equal(take(f, 64, 0).count, 0);
    assert_true(put(f, 1, 8, 0).wakes_consumer);
    assert_false(put(f, 1, 8, 0).wakes_consumer);
    assert_int_equal(take(f, 64, 0).count, 2);
    (void)settle(f, 2, 0);
    assert_false(take(f, 64, 0).has_ended);
    assert_true(berthi_edge_end(&f->edge));
    assert_true(take(f, 64, 0).has_ended);
}

static void an_end_comes_behind_the_records(void **state)
{
    fixture *f = *state;

    open_edge(f);
    (void)put(f, 1, 8, 0);
    assert_false(berthi_edge_end(&f->edge));
    assert_false(take(f, 64, 0).has_ended);
    (void)settle(f, 1, 0);
    assert_true(take(f, 64, 0).has_ended);
}

static void bytes_are_a_bound_of_their_own(void **state)
{
    fixture *f = *state;

    f->edge.bytes_max = 100;
    f->edge.bytes_low = 50;
    open_edge(f);
    assert_int_equal(put(f, 5, 30, 0).placed, 3);
    assert_int_equal(stats(f, 0).bytes_queued, 90);
    assert_int_equal(take(f, 1, 0).count, 1);
    assert_false(settle(f, 1, 0)); /* 60 left */
    assert_int_equal(take(f, 1, 0).count, 1);
    assert_true(settle(f, 1, 0));                 /* 30 */
    assert_int_equal(put(f, 1, 70, 0).placed, 1); /* to the brim */
    assert_int_equal(put(f, 1, 1, 0).placed, 0);
    assert_int_equal(take(f, 2, 0).count, 2);
    (void)settle(f, 2, 0);
    assert_int_equal(put(f, 2, 4000, 0).placed, 1); /* larger than the bound: alone */
}

static void a_rate_spreads_records_and_a_burst_comes_at_once(void **state)
{
    fixture *f = *state;
    berthi_taken t;

    f->edge.interval_ns = SECOND / 100;
    f->edge.burst_ns = 2 * f->edge.interval_ns; /* a burst of three */
    open_edge(f);
    (void)put(f, 10, 8, 5 * SECOND);
    assert_int_equal(take(f, 64, 5 * SECOND).count, 3);
    (void)settle(f, 3, 5 * SECOND);
    t = take(f, 64, 5 * SECOND);
    assert_int_equal(t.count, 0);
    assert_int_equal(t.due_ns, 5 * SECOND + f->edge.interval_ns);
    assert_int_equal(take(f, 64, t.due_ns - 1).count, 0);
    assert_int_equal(take(f, 64, t.due_ns).count, 1);
    (void)settle(f, 1, t.due_ns);
    assert_int_equal(take(f, 64, 9 * SECOND).count, 3); /* what was not used is not saved up */
    (void)settle(f, 3, 9 * SECOND);
}

static void records_settle_as_what_became_of_them(void **state)
{
    fixture *f = *state;
    berthi_settled settled;
    berth_edge_stats s;

    open_edge(f);
    (void)put(f, 10, 8, 0);
    assert_int_equal(take(f, 5, 0).count, 5);
    memset(&settled, 0, sizeof settled);
    settled.count = 5;
    settled.bytes = 40;
    settled.dead_letters = 1;
    settled.dropped[BERTH_DROPPED_FAILED] = 2;
    for (int i = 0; i < 5; i++)
        berthi_buffer_unref(&f->cache, f->taken[i].buffer);
    (void)berthi_edge_settle(&f->edge, &settled, 0);
    s = stats(f, 0);
    assert_int_equal(s.in, 10);
    assert_int_equal(s.out, 2);
    assert_int_equal(s.dead_letters, 1);
    assert_int_equal(s.dropped[BERTH_DROPPED_FAILED], 2);
    assert_int_equal(s.queued, 5);
    assert_int_equal(s.bytes_queued, 40);
}

static void the_ring_goes_round_in_order_whatever_was_dropped(void **state)
{
    fixture *f = *state;
    uint64_t expected = 0, dropped = 0;

    f->edge.full = BERTH_FULL_DROP_OLDEST;
    open_edge(f);
    for (uint32_t round = 0; round < 100; round++) {
        berthi_taken t;

        assert_int_equal(put(f, 1 + round % 13, 8, 0).placed, 1 + round % 13);
        t = take(f, 1 + round % 5, 0);
        expected += stats(f, 0).dropped[BERTH_DROPPED_OLDEST] - dropped;
        dropped = stats(f, 0).dropped[BERTH_DROPPED_OLDEST];
        for (uint32_t i = 0; i < t.count; i++)
            assert_int_equal(f->taken[i].sequence, expected++);
        (void)settle(f, t.count, 0);
    }
    assert_true(dropped > 100);
    assert_int_equal(stats(f, 0).in, f->made);
}

#define edge_case(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        edge_case(a_full_edge_opens_again_at_the_low_mark_and_not_before),
        edge_case(a_record_that_dropping_makes_no_room_for_drops_no_other),
        edge_case(time_under_pressure_is_counted_while_it_lasts),
        edge_case(a_consumer_that_found_nothing_is_told_once),
        edge_case(an_end_comes_behind_the_records),
        edge_case(bytes_are_a_bound_of_their_own),
        edge_case(a_rate_spreads_records_and_a_burst_comes_at_once),
        edge_case(records_settle_as_what_became_of_them),
        edge_case(the_ring_goes_round_in_order_whatever_was_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
