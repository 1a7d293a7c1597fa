/* os/event.h - wakes one waiting thread; setting it when nobody waits is one load.  Layer: os.
 *
 * The waiter announces itself, looks for work once more, and only then waits; a setter that sees
 * the announcement makes the system call.  The setter passes a compiler barrier only between
 * publishing work and looking, so a wake-up can be missed when the processor delays the store;
 * the waiter therefore either passes berthi_barrier_all() after announcing, or bounds its wait.
 */
#ifndef BERTHI_OS_EVENT_H
#define BERTHI_OS_EVENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct berthi_event {
    _Atomic uint32_t waiting; /* 1: the waiter is about to wait or waits */
} berthi_event;

void berthi_event_wake(berthi_event *e); /* the system call */

/* Work was published before.  One load unless somebody waits. */
static inline void berthi_event_set(berthi_event *e)
{
    atomic_signal_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&e->waiting, memory_order_relaxed) != 0)
        berthi_event_wake(e);
}

/* Announces the waiter.  Look for work after this, then wait or cancel. */
static inline void berthi_event_announce(berthi_event *e)
{
    atomic_store_explicit(&e->waiting, 1, memory_order_seq_cst);
}

static inline void berthi_event_cancel(berthi_event *e)
{
    atomic_store_explicit(&e->waiting, 0, memory_order_relaxed);
}

/* Until somebody sets the event, at most `timeout_ns`. */
void berthi_event_wait(berthi_event *e, uint64_t timeout_ns);

#endif
