/* event.c - futex(2).  Layer: os. */
#include "os/event.h"

#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void berthi_event_wake(berthi_event *e)
{
    if (atomic_exchange_explicit(&e->waiting, 0, memory_order_seq_cst) != 0)
        (void)syscall(SYS_futex, &e->waiting, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void berthi_event_wait(berthi_event *e, uint64_t timeout_ns)
{
    struct timespec timeout = { .tv_sec = (time_t)(timeout_ns / 1000000000u),
                                .tv_nsec = (long)(timeout_ns % 1000000000u) };

    (void)syscall(SYS_futex, &e->waiting, FUTEX_WAIT_PRIVATE, 1, &timeout, NULL, 0);
    atomic_store_explicit(&e->waiting, 0, memory_order_relaxed);
}
