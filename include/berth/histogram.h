/* berth/histogram.h - distributions of durations: fixed size, mergeable, no allocation to record.
 *
 * Log-linear: 32 steps per power of two, so a value is known to about 3 %; values up to 2^42
 * (73 minutes in nanoseconds), larger ones count as that.  Words: <berth/base.h>.
 * Stability: draft until 1.0.
 */
#ifndef BERTH_HISTOGRAM_H
#define BERTH_HISTOGRAM_H

#include <berth/base.h>

BERTH_BEGIN

typedef struct berth_histogram berth_histogram;

/* Makes an empty histogram.  `allocator` may be NULL for the C library's heap; it is copied.
 * Gives *histogram_out; end it with berth_histogram_destroy().
 * Thread: any.  Blocks: never.  Fails: BERTH_E_INVALID, BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_histogram_create(const berth_allocator *allocator,
                                                            berth_histogram **histogram_out,
                                                            berth_diag *diag);

/* Frees it.  NULL is left alone.  Thread: one.  Blocks: never. */
BERTH_API void berth_histogram_destroy(berth_histogram *histogram);

/* Counts one value.  Thread: one writer; readers any.  Blocks: never. */
BERTH_API void berth_histogram_record(berth_histogram *histogram, uint64_t value);

/* Adds all counts of `from`.  Thread: one writer.  Blocks: never. */
BERTH_API void berth_histogram_merge(berth_histogram *into, const berth_histogram *from);

/* How many values were counted.  Thread: any.  Blocks: never. */
BERTH_API uint64_t berth_histogram_count(const berth_histogram *histogram);

/* The largest value counted, exactly.  Thread: any.  Blocks: never. */
BERTH_API uint64_t berth_histogram_max(const berth_histogram *histogram);

/* The value that a share `q` (0..1) of all values does not exceed, rounded up to its step's end;
 * 0 when empty.  Thread: any.  Blocks: never. */
BERTH_API uint64_t berth_histogram_quantile(const berth_histogram *histogram, double q);

BERTH_END
#endif /* BERTH_HISTOGRAM_H */
