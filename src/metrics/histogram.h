/* metrics/histogram.h - log-linear counts in fixed memory.
 *
 * What this directory is: counting without a lock.  One writer per histogram; readers may look at
 * any time and see each count as it was at some moment.  Layer: metrics.
 */
#ifndef BERTHI_METRICS_HISTOGRAM_H
#define BERTHI_METRICS_HISTOGRAM_H

#include <stdatomic.h>

#include <berth/histogram.h>

enum {
    BERTHI_HISTOGRAM_STEPS = 32, /* per power of two; a power of two itself */
    BERTHI_HISTOGRAM_STEP_BITS = 5,
    BERTHI_HISTOGRAM_VALUE_BITS = 42,
    BERTHI_HISTOGRAM_BUCKETS =
        (BERTHI_HISTOGRAM_VALUE_BITS - BERTHI_HISTOGRAM_STEP_BITS + 1) * BERTHI_HISTOGRAM_STEPS
};

struct berth_histogram {
    _Atomic(uint64_t) max, sum;
    berth_allocator allocator; /* of a histogram made by berth_histogram_create() */
    _Atomic(uint32_t) counts[BERTHI_HISTOGRAM_BUCKETS];
};

#endif
