/* thread_test.c - threads, mutexes, conditions and per-thread values as os/thread.h has them. */
#include "os/thread.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "os/clock.h"
#include "os/reserve.h"

#include <cmocka.h>

typedef struct seen {
    sigset_t blocked;
    char name[16];
    size_t stack_bytes;
    uint64_t self;
} seen;

static void *look_around(void *arg)
{
    seen *s = arg;
    pthread_attr_t attr;

    (void)pthread_sigmask(SIG_SETMASK, NULL, &s->blocked);
    s->self = berthi_thread_self();
    if (pthread_getattr_np(pthread_self(), &attr) == 0) {
        (void)pthread_attr_getstacksize(&attr, &s->stack_bytes);
        (void)pthread_attr_destroy(&attr);
    }
    return NULL;
}

static void a_thread_takes_no_signals_of_the_host(void **state)
{
    static const int synchronous[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP };
    static const int others[] = { SIGINT, SIGTERM, SIGHUP, SIGALRM, SIGCHLD, SIGUSR1, SIGPIPE };
    sigset_t before, after;
    berthi_thread t;
    seen s = { 0 };

    (void)state;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &before);
    assert_int_equal(berthi_thread_start(&t, "looks", 512 * 1024, look_around, &s), 0);
    berthi_thread_join(&t);
    for (size_t i = 0; i < sizeof synchronous / sizeof *synchronous; i++)
        assert_int_equal(sigismember(&s.blocked, synchronous[i]), 0); /* traps of guests */
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(sigismember(&s.blocked, others[i]), 1);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (int signal_number = 1; signal_number < 32; signal_number++)
        assert_int_equal(sigismember(&before, signal_number),
                         sigismember(&after, signal_number));
    assert_true(s.stack_bytes >= 512 * 1024);
    assert_true(s.self != 0 && s.self != berthi_thread_self());
}

static void a_stack_that_is_too_small_is_an_error_and_no_thread(void **state)
{
    berthi_thread t;
    seen s = { 0 };

    (void)state;
    assert_int_not_equal(berthi_thread_start(&t, "tiny", 1, look_around, &s), 0);
    assert_int_equal(s.self, 0);
}

typedef struct counter {
    berthi_mutex mutex;
    unsigned count; /* guarded by mutex */
} counter;

static void *count_up(void *arg)
{
    counter *c = arg;

    for (int i = 0; i < 20000; i++) {
        berthi_mutex_lock(&c->mutex);
        c->count++;
        berthi_mutex_unlock(&c->mutex);
    }
    return NULL;
}

static void a_mutex_lets_one_in(void **state)
{
    static berthi_mutex fixed = BERTHI_MUTEX_INIT;
    berthi_thread threads[3];
    counter c = { .count = 0 };

    (void)state;
    assert_int_equal(berthi_mutex_init(&c.mutex), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(berthi_thread_start(&threads[i], "counts", 0, count_up, &c), 0);
    for (int i = 0; i < 3; i++)
        berthi_thread_join(&threads[i]);
    assert_int_equal(c.count, 60000);
    berthi_mutex_fini(&c.mutex);
    berthi_mutex_lock(&fixed);
    berthi_mutex_unlock(&fixed);
}

static void waiting_for_a_condition_ends_in_time(void **state)
{
    berthi_mutex m;
    berthi_cond c;
    uint64_t until = berthi_clock_ns() + 20000000u;

    (void)state;
    assert_int_equal(berthi_mutex_init(&m), 0);
    assert_int_equal(berthi_cond_init(&c), 0);
    berthi_mutex_lock(&m);
    while (berthi_cond_wait_until(&c, &m, until))
        continue; /* woken for nothing */
    assert_true(berthi_clock_ns() >= until);
    assert_false(berthi_cond_wait_until(&c, &m, 0)); /* long ago */
    berthi_mutex_unlock(&m);
    berthi_cond_fini(&c);
    berthi_mutex_fini(&m);
}

typedef struct door {
    berthi_mutex mutex;
    berthi_cond cond;
    bool is_open; /* guarded by mutex, as is passed */
    unsigned passed;
} door;

static void *pass(void *arg)
{
    door *d = arg;

    berthi_mutex_lock(&d->mutex);
    while (!d->is_open)
        if (d->passed % 2 == 0)
            berthi_cond_wait(&d->cond, &d->mutex);
        else
            (void)berthi_cond_wait_until(&d->cond, &d->mutex, UINT64_MAX);
    d->passed++;
    berthi_mutex_unlock(&d->mutex);
    return NULL;
}

static void everybody_who_waits_is_woken(void **state)
{
    door d = { .is_open = false };
    berthi_thread threads[4];

    (void)state;
    assert_int_equal(berthi_mutex_init(&d.mutex), 0);
    assert_int_equal(berthi_cond_init(&d.cond), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(berthi_thread_start(&threads[i], "passes", 0, pass, &d), 0);
    berthi_mutex_lock(&d.mutex);
    d.is_open = true;
    berthi_cond_wake_all(&d.cond);
    berthi_mutex_unlock(&d.mutex);
    for (int i = 0; i < 4; i++)
        berthi_thread_join(&threads[i]);
    assert_int_equal(d.passed, 4);
    berthi_cond_fini(&d.cond);
    berthi_mutex_fini(&d.mutex);
}

static _Atomic(unsigned) ended;

static void count_end(void *value)
{
    atomic_fetch_add(&ended, *(unsigned *)value);
}

typedef struct keeper {
    berthi_tls tls;
    unsigned value;
} keeper;

static void *keep(void *arg)
{
    keeper *k = arg;

    if (berthi_tls_get(&k->tls) == NULL)
        (void)berthi_tls_set(&k->tls, &k->value);
    return berthi_tls_get(&k->tls);
}

static void a_value_per_thread_is_ended_with_its_thread(void **state)
{
    keeper k = { .value = 7 };
    berthi_thread t;

    (void)state;
    atomic_store(&ended, 0);
    assert_int_equal(berthi_tls_init(&k.tls, count_end), 0);
    assert_int_equal(berthi_thread_start(&t, "keeps", 0, keep, &k), 0);
    berthi_thread_join(&t);
    assert_int_equal(atomic_load(&ended), 7);
    assert_null(berthi_tls_get(&k.tls)); /* this thread has none */
    berthi_tls_fini(&k.tls);
}

static void the_clock_never_goes_back_and_waiting_for_it_does_not_end_early(void **state)
{
    uint64_t last = berthi_clock_ns();

    (void)state;
    for (int i = 0; i < 10000; i++) {
        uint64_t now = berthi_clock_ns();

        assert_true(now >= last);
        last = now;
    }
    berthi_clock_wait_until(last + 10000000u);
    assert_true(berthi_clock_ns() >= last + 10000000u);
    berthi_clock_wait_until(0); /* long ago: at once */
}

static void address_space_is_asked_for_and_given_back(void **state)
{
    (void)state;
    assert_int_equal(berthi_os_try_reserve(0, true), 0);
    assert_int_equal(berthi_os_try_reserve(1 << 20, true), 0);
    for (int i = 0; i < 1000; i++) /* 8 GiB each: kept, they would not fit */
        assert_int_equal(berthi_os_try_reserve((uint64_t)8 << 30, false), 0);
    assert_int_not_equal(berthi_os_try_reserve(UINT64_MAX / 2, false), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_takes_no_signals_of_the_host),
        cmocka_unit_test(a_stack_that_is_too_small_is_an_error_and_no_thread),
        cmocka_unit_test(a_mutex_lets_one_in),
        cmocka_unit_test(waiting_for_a_condition_ends_in_time),
        cmocka_unit_test(everybody_who_waits_is_woken),
        cmocka_unit_test(a_value_per_thread_is_ended_with_its_thread),
        cmocka_unit_test(the_clock_never_goes_back_and_waiting_for_it_does_not_end_early),
        cmocka_unit_test(address_space_is_asked_for_and_given_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
