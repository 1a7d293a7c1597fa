/* histogram_test.c - distributions against a sorted list of the same values. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <berth/histogram.h>

#include "memory.h"

#include <cmocka.h>

static const uint64_t value_max = ((uint64_t)1 << 42) - 1;

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static berth_histogram *make(void)
{
    berth_histogram *h = NULL;

    assert_int_equal(berth_histogram_create(NULL, &h, NULL), BERTH_OK);
    return h;
}

/* What quantile() promises: not less than the value of that rank, and at most 1/32 above. */
static void assert_within_a_step(uint64_t got, uint64_t exact)
{
    if (got < exact || got - exact > exact / 32)
        fail_msg("got %llu for %llu", (unsigned long long)got, (unsigned long long)exact);
}

static void quantiles_are_within_a_step_of_the_sorted_values(void **state)
{
    enum { COUNT = 4001 };
    static const double shares[] = { 0.0, 0.001, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1.0 };
    uint64_t *values = malloc(COUNT * sizeof *values), seed = 88172645463325252u;

    (void)state;
    assert_non_null(values);
    for (unsigned bits = 1; bits <= 42; bits++) {
        berth_histogram *h = make();

        for (size_t i = 0; i < COUNT; i++) {
            /* Spread over all magnitudes up to `bits`. */
            values[i] = next_random(&seed) >> (64 - bits) >> next_random(&seed) % bits;
            berth_histogram_record(h, values[i]);
        }
        qsort(values, COUNT, sizeof *values, by_value);
        assert_int_equal(berth_histogram_count(h), COUNT);
        assert_int_equal(berth_histogram_max(h), values[COUNT - 1]);
        for (size_t s = 0; s < sizeof shares / sizeof *shares; s++) {
            double exact = shares[s] * COUNT;
            size_t rank = (size_t)exact;

            rank += (double)rank < exact || rank == 0; /* rounded up, from 1 */
            assert_within_a_step(berth_histogram_quantile(h, shares[s]), values[rank - 1]);
        }
        berth_histogram_destroy(h);
    }
    free(values);
}

static void every_value_at_the_edge_of_a_step_is_kept_within_it(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 42; bit++)
        for (int64_t off = -33; off <= 33; off++) {
            uint64_t v = ((uint64_t)1 << bit) + (uint64_t)off;
            berth_histogram *h;

            if (v > value_max)
                continue;
            h = make();
            berth_histogram_record(h, v);
            assert_int_equal(berth_histogram_quantile(h, 0.5), v); /* cut at the maximum */
            berth_histogram_record(h, value_max);
            assert_within_a_step(berth_histogram_quantile(h, 0.5), v);
            berth_histogram_destroy(h);
        }
}

static void small_values_are_exact(void **state)
{
    berth_histogram *h = make();

    (void)state;
    for (uint64_t v = 0; v < 64; v++)
        berth_histogram_record(h, v);
    for (uint64_t v = 0; v < 64; v++)
        assert_int_equal(berth_histogram_quantile(h, ((double)v + 0.5) / 64.0), v);
    berth_histogram_destroy(h);
}

static void values_past_the_end_count_as_the_largest(void **state)
{
    berth_histogram *h = make();

    (void)state;
    berth_histogram_record(h, value_max);
    assert_int_equal(berth_histogram_quantile(h, 1.0), value_max);
    berth_histogram_record(h, value_max + 1);
    berth_histogram_record(h, UINT64_MAX);
    assert_int_equal(berth_histogram_count(h), 3);
    assert_int_equal(berth_histogram_max(h), UINT64_MAX);
    assert_int_equal(berth_histogram_quantile(h, 1.0), value_max);
    berth_histogram_destroy(h);
}

static void an_empty_histogram_answers_zero(void **state)
{
    berth_histogram *h = make();

    (void)state;
    assert_int_equal(berth_histogram_count(h), 0);
    assert_int_equal(berth_histogram_max(h), 0);
    assert_int_equal(berth_histogram_quantile(h, 0.5), 0);
    berth_histogram_destroy(h);
    berth_histogram_destroy(NULL);
}

static void shares_outside_zero_to_one_are_pulled_in(void **state)
{
    berth_histogram *h = make();

    (void)state;
    for (uint64_t v = 1; v <= 10; v++)
        berth_histogram_record(h, v);
    assert_int_equal(berth_histogram_quantile(h, -1.0), 1);
    assert_int_equal(berth_histogram_quantile(h, (double)-INFINITY), 1);
    assert_int_equal(berth_histogram_quantile(h, 2.0), 10);
    assert_int_equal(berth_histogram_quantile(h, (double)INFINITY), 10);
    assert_int_equal(berth_histogram_quantile(h, (double)NAN), 1);
    berth_histogram_destroy(h);
}

static void merging_is_as_if_one_had_counted_all(void **state)
{
    berth_histogram *one = make(), *two = make(), *all = make();
    uint64_t seed = 42;

    (void)state;
    for (int i = 0; i < 10000; i++) {
        uint64_t v = next_random(&seed) >> 22 >> next_random(&seed) % 42;

        berth_histogram_record(i % 3 == 0 ? one : two, v);
        berth_histogram_record(all, v);
    }
    berth_histogram_merge(one, two);
    assert_int_equal(berth_histogram_count(one), 10000);
    assert_int_equal(berth_histogram_max(one), berth_histogram_max(all));
    for (double q = 0.0; q <= 1.0; q += 0.01)
        assert_int_equal(berth_histogram_quantile(one, q), berth_histogram_quantile(all, q));
    berth_histogram_destroy(one);
    berth_histogram_destroy(two);
    berth_histogram_destroy(all);
}

static void counts_stop_at_their_largest_value(void **state)
{
    berth_histogram *one = make(), *two = make();

    (void)state;
    berth_histogram_record(one, 5);
    for (int i = 0; i < 33; i++) { /* doubled each time: past 2^32 */
        berth_histogram_merge(two, one);
        berth_histogram_merge(one, two);
    }
    assert_int_equal(berth_histogram_count(one), UINT32_MAX);
    berth_histogram_record(one, 5);
    assert_int_equal(berth_histogram_count(one), UINT32_MAX);
    assert_int_equal(berth_histogram_quantile(one, 0.5), 5);
    berth_histogram_destroy(one);
    berth_histogram_destroy(two);
}

static void a_histogram_without_memory_is_refused(void **state)
{
    bertht_memory memory;
    berth_allocator a;
    berth_histogram *h = NULL;
    berth_diag diag;

    (void)state;
    memory_init(&memory);
    a = memory_allocator(&memory);
    memory_fail(&memory, 0, false);
    assert_int_equal(berth_histogram_create(&a, &h, &diag), BERTH_E_NOMEM);
    assert_null(h);
    assert_int_equal(diag.status, BERTH_E_NOMEM);
    assert_int_equal(berth_histogram_create(&a, NULL, &diag), BERTH_E_INVALID);
    assert_int_equal(berth_histogram_create(&a, &h, &diag), BERTH_OK);
    berth_histogram_destroy(h);
    memory_assert_empty(&memory);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_within_a_step_of_the_sorted_values),
        cmocka_unit_test(every_value_at_the_edge_of_a_step_is_kept_within_it),
        cmocka_unit_test(small_values_are_exact),
        cmocka_unit_test(values_past_the_end_count_as_the_largest),
        cmocka_unit_test(an_empty_histogram_answers_zero),
        cmocka_unit_test(shares_outside_zero_to_one_are_pulled_in),
        cmocka_unit_test(merging_is_as_if_one_had_counted_all),
        cmocka_unit_test(counts_stop_at_their_largest_value),
        cmocka_unit_test(a_histogram_without_memory_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
