/* event_test.c - no wake-up is lost, and waiting ends in time. */
#include "os/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include "os/barrier.h"
#include "os/clock.h"
#include "os/thread.h"
#include "torture.h"

#include <cmocka.h>

static const uint64_t second = 1000000000u;

static void waiting_ends_when_its_time_is_over(void **state)
{
    berthi_event e = { 0 };
    uint64_t began = berthi_clock_ns();

    (void)state;
    berthi_event_announce(&e);
    berthi_event_wait(&e, 20000000u);
    assert_true(berthi_clock_ns() - began >= 20000000u);
    assert_int_equal(atomic_load(&e.waiting), 0);
}

static void an_event_set_after_the_announcement_is_not_waited_for(void **state)
{
    berthi_event e = { 0 };
    uint64_t began = berthi_clock_ns();

    (void)state;
    berthi_event_announce(&e);
    berthi_event_set(&e);
    berthi_event_wait(&e, 200 * second);
    assert_true(berthi_clock_ns() - began < 150 * second);
}

static void an_event_that_nobody_waits_for_leaves_no_trace(void **state)
{
    berthi_event e = { 0 };
    uint64_t began = berthi_clock_ns();

    (void)state;
    berthi_event_set(&e);
    berthi_event_announce(&e);
    berthi_event_cancel(&e);
    berthi_event_set(&e);
    assert_int_equal(atomic_load(&e.waiting), 0);
    berthi_event_announce(&e);
    berthi_event_wait(&e, 5000000u); /* what was set before does not count */
    assert_true(berthi_clock_ns() - began >= 5000000u);
}

/* One side hands over numbers, one at a time; the other waits for each.  The wait is so long
 * that a single lost wake-up shows. */
typedef struct handover {
    berthi_event event;
    bool has_barrier;
    _Atomic(uint64_t) given, taken;
    uint64_t total, waits, late; /* the taker's */
    uint64_t patience_ns;
} handover;

static void *take_all(void *arg)
{
    handover *h = arg;

    for (uint64_t n = 1; n <= h->total; n++) {
        while (atomic_load_explicit(&h->given, memory_order_acquire) < n) {
            uint64_t began;

            berthi_event_announce(&h->event);
            if (h->has_barrier)
                berthi_barrier_all();
            if (atomic_load_explicit(&h->given, memory_order_acquire) >= n) {
                berthi_event_cancel(&h->event);
                break;
            }
            began = berthi_clock_ns();
            berthi_event_wait(&h->event, h->patience_ns);
            h->waits++;
            h->late += berthi_clock_ns() - began >= h->patience_ns;
        }
        atomic_store_explicit(&h->taken, n, memory_order_release);
    }
    return NULL;
}

static void hand_over(handover *h)
{
    berthi_thread t;

    assert_int_equal(berthi_thread_start(&t, "taker", 0, take_all, h), 0);
    for (uint64_t n = 1; n <= h->total; n++) {
        /* On a busy machine the two share a processor, and the taker would find each number there. */
        while (h->has_barrier && n % 64 == 0 && atomic_load(&h->event.waiting) == 0)
            berthi_thread_yield();
        /* relaxed: nothing but the taker's barrier orders this store before the look. */
        atomic_store_explicit(&h->given, n, memory_order_relaxed);
        berthi_event_set(&h->event);
        for (unsigned i = 1; atomic_load_explicit(&h->taken, memory_order_acquire) < n; i++)
            if (i % 256 == 0)
                berthi_thread_yield();
    }
    berthi_thread_join(&t);
    torture_say("%llu hand-overs, %llu waits", (unsigned long long)h->total,
                (unsigned long long)h->waits);
}

static void no_wake_up_is_lost_behind_a_barrier(void **state)
{
    handover h = { .total = 30000, .patience_ns = 60 * second };

    (void)state;
    h.has_barrier = berthi_barrier_register();
    if (!h.has_barrier)
        skip();
    hand_over(&h);
    assert_int_equal(h.late, 0);
    assert_true(h.waits > 100); /* it did wait */
}

static void without_a_barrier_a_bounded_wait_goes_on(void **state)
{
    handover h = { .total = 3000, .patience_ns = 2000000u };

    (void)state;
    hand_over(&h);
    assert_int_equal(atomic_load(&h.taken), h.total);
    assert_true(h.waits > 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(waiting_ends_when_its_time_is_over),
        cmocka_unit_test(an_event_set_after_the_announcement_is_not_waited_for),
        cmocka_unit_test(an_event_that_nobody_waits_for_leaves_no_trace),
        cmocka_unit_test(no_wake_up_is_lost_behind_a_barrier),
        cmocka_unit_test(without_a_barrier_a_bounded_wait_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
