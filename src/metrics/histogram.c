/* histogram.c - recording and reading distributions.  Layer: metrics.
 *
 * Bucket of a value v with its highest bit at position e >= 5: row e - 4, column the next five
 * bits.  Row 0 holds 0..31 exactly, row 1 32..63, and so on; a row spans a power of two in 32
 * steps, so a bucket's width is at most 1/32 of its lower end.
 */
#include "metrics/histogram.h"

#include "base/alloc.h"
#include "base/diag.h"

static unsigned bucket_of(uint64_t value)
{
    unsigned high, shift;

    if (value < BERTHI_HISTOGRAM_STEPS)
        return (unsigned)value;
    high = 63u - (unsigned)__builtin_clzll(value);
    if (high >= BERTHI_HISTOGRAM_VALUE_BITS)
        return BERTHI_HISTOGRAM_BUCKETS - 1;
    shift = high - BERTHI_HISTOGRAM_STEP_BITS;
    return (shift + 1) * BERTHI_HISTOGRAM_STEPS +
           (unsigned)(value >> shift & (BERTHI_HISTOGRAM_STEPS - 1));
}

/* The largest value that falls into a bucket. */
static uint64_t bucket_end(unsigned bucket)
{
    unsigned row = bucket / BERTHI_HISTOGRAM_STEPS, column = bucket % BERTHI_HISTOGRAM_STEPS;

    if (row == 0)
        return column;
    return ((uint64_t)(BERTHI_HISTOGRAM_STEPS + column + 1) << (row - 1)) - 1;
}

berth_status berth_histogram_create(const berth_allocator *allocator,
                                    berth_histogram **histogram_out, berth_diag *diag)
{
    const berth_allocator *a = allocator == NULL ? &berthi_allocator_libc : allocator;
    berth_histogram *h;

    BERTHI_REQUIRE(histogram_out != NULL, diag);
    h = berthi_zalloc(a, sizeof *h);
    if (h == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "a histogram of %zu bytes", sizeof *h);
    h->allocator = *a;
    *histogram_out = h;
    return BERTH_OK;
}

void berth_histogram_destroy(berth_histogram *h)
{
    berth_allocator a;

    if (h == NULL)
        return;
    a = h->allocator;
    berthi_free(&a, h, sizeof *h);
}

/* One writer: a load and a store are enough and cost no locked instruction. */
void berth_histogram_record(berth_histogram *h, uint64_t value)
{
    _Atomic(uint32_t) *count = &h->counts[bucket_of(value)];
    uint32_t before = atomic_load_explicit(count, memory_order_relaxed);

    if (before != UINT32_MAX)
        atomic_store_explicit(count, before + 1, memory_order_relaxed);
    atomic_store_explicit(&h->sum, atomic_load_explicit(&h->sum, memory_order_relaxed) + value,
                          memory_order_relaxed);
    if (value > atomic_load_explicit(&h->max, memory_order_relaxed))
        atomic_store_explicit(&h->max, value, memory_order_relaxed);
}

void berth_histogram_merge(berth_histogram *into, const berth_histogram *from)
{
    uint64_t max = atomic_load_explicit(&from->max, memory_order_relaxed);

    for (unsigned i = 0; i < BERTHI_HISTOGRAM_BUCKETS; i++) {
        uint32_t add = atomic_load_explicit(&from->counts[i], memory_order_relaxed);
        uint32_t have = atomic_load_explicit(&into->counts[i], memory_order_relaxed);

        atomic_store_explicit(&into->counts[i],
                              have > UINT32_MAX - add ? UINT32_MAX : have + add,
                              memory_order_relaxed);
    }
    atomic_store_explicit(&into->sum,
                          atomic_load_explicit(&into->sum, memory_order_relaxed) +
                              atomic_load_explicit(&from->sum, memory_order_relaxed),
                          memory_order_relaxed);
    if (max > atomic_load_explicit(&into->max, memory_order_relaxed))
        atomic_store_explicit(&into->max, max, memory_order_relaxed);
}

uint64_t berth_histogram_count(const berth_histogram *h)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < BERTHI_HISTOGRAM_BUCKETS; i++)
        n += atomic_load_explicit(&h->counts[i], memory_order_relaxed);
    return n;
}

uint64_t berth_histogram_max(const berth_histogram *h)
{
    return atomic_load_explicit(&h->max, memory_order_relaxed);
}

uint64_t berth_histogram_quantile(const berth_histogram *h, double q)
{
    uint64_t n = berth_histogram_count(h), max = berth_histogram_max(h), seen = 0, rank;

    if (n == 0)
        return 0;
    q = q >= 0.0 ? q : 0.0; /* not a number: 0 */
    q = q > 1.0 ? 1.0 : q;
    rank = (uint64_t)(q * (double)n);
    if ((double)rank < q * (double)n || rank == 0)
        rank++;
    for (unsigned i = 0; i < BERTHI_HISTOGRAM_BUCKETS; i++) {
        seen += atomic_load_explicit(&h->counts[i], memory_order_relaxed);
        if (seen >= rank)
            return bucket_end(i) < max ? bucket_end(i) : max;
    }
    return max; /* a writer is counting meanwhile */
}
