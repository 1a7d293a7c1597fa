/* sync/deadline.h - until when a call may take, for whoever waits on its behalf.  Layer: sync.
 *
 * Deadlines are counted in ticks of the runtime's coarse clock, as the engine's are: what runs and
 * what waits end by the same clock.  Setting one is two stores, so that a call that never waits
 * pays no clock. */
#ifndef BERTHI_SYNC_DEADLINE_H
#define BERTHI_SYNC_DEADLINE_H

#include <stdatomic.h>
#include <stdint.h>

typedef struct berthi_deadline {   /* written by the instance's thread alone */
    const _Atomic(uint64_t) *tick; /* NULL: there is none */
    uint64_t tick_ns;
    uint64_t until; /* a tick; from the next one on it is over */
} berthi_deadline;

/* How long is left; 0: it is over; UINT64_MAX: there is none, or it is further away than clocks go. */
static inline uint64_t berthi_deadline_left_ns(const berthi_deadline *d)
{
    uint64_t now, left;

    if (d->tick == NULL)
        return UINT64_MAX;
    now = atomic_load_explicit(d->tick, memory_order_relaxed);
    if (now > d->until)
        return 0;
    left = d->until - now;
    return left < UINT64_MAX / 2 / d->tick_ns ? (left + 1) * d->tick_ns : UINT64_MAX;
}

#endif
