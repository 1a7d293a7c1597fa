/* lock_test.c - locks are taken in rising rank, and none while plugin code runs. */
#include "sync/lock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include "process.h"

#include <cmocka.h>

static berthi_lock low, high, high_too;

static void make_locks(void)
{
    assert_int_equal(berthi_lock_init(&low, BERTHI_RANK_SLOT), 0);
    assert_int_equal(berthi_lock_init(&high, BERTHI_RANK_CACHE), 0);
    assert_int_equal(berthi_lock_init(&high_too, BERTHI_RANK_CACHE), 0);
}

static void rising_ranks_are_fine_in_any_order_of_release(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        berthi_lock_take(&low);
        berthi_lock_take(&high);
        berthi_lock_drop(i == 0 ? &low : &high);
        berthi_lock_drop(i == 0 ? &high : &low);
    }
    berthi_lock_take(&high);
    berthi_lock_drop(&high);
    berthi_lock_take(&low); /* what was dropped no longer counts */
    berthi_lock_drop(&low);
    BERTHI_ASSERT_UNLOCKED();
}

#ifdef NDEBUG
#define NEEDS_DEBUG() skip() /* release builds do not watch */
#else
#define NEEDS_DEBUG() ((void)0)
#endif

static void take_falling(void *arg)
{
    (void)arg;
    berthi_lock_take(&high);
    berthi_lock_take(&low);
}

static void take_same_rank(void *arg)
{
    (void)arg;
    berthi_lock_take(&high);
    berthi_lock_take(&high_too);
}

static void take_falling_after_a_drop(void *arg)
{
    (void)arg;
    berthi_lock_take(&low);
    berthi_lock_take(&high);
    berthi_lock_drop(&low);
    berthi_lock_take(&low);
}

static void call_out_under_a_lock(void *arg)
{
    (void)arg;
    berthi_lock_take(&low);
    BERTHI_ASSERT_UNLOCKED();
}

static void a_falling_rank_aborts(void **state)
{
    (void)state;
    NEEDS_DEBUG();
    process_assert_aborts(take_falling, NULL);
    process_assert_aborts(take_falling_after_a_drop, NULL);
}

static void two_locks_of_one_rank_abort(void **state)
{
    (void)state;
    NEEDS_DEBUG();
    process_assert_aborts(take_same_rank, NULL);
}

static void plugin_code_under_a_lock_aborts(void **state)
{
    (void)state;
    NEEDS_DEBUG();
    process_assert_aborts(call_out_under_a_lock, NULL);
}

static void *take_low(void *arg)
{
    (void)arg;
    berthi_lock_take(&low); /* this thread holds nothing */
    berthi_lock_drop(&low);
    return NULL;
}

static void each_thread_has_its_own_list(void **state)
{
    berthi_thread thread;

    (void)state;
    berthi_lock_take(&high);
    assert_int_equal(berthi_thread_start(&thread, "low", 0, take_low, NULL), 0);
    berthi_thread_join(&thread);
    berthi_lock_drop(&high);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(rising_ranks_are_fine_in_any_order_of_release),
        cmocka_unit_test(a_falling_rank_aborts),
        cmocka_unit_test(two_locks_of_one_rank_abort),
        cmocka_unit_test(plugin_code_under_a_lock_aborts),
        cmocka_unit_test(each_thread_has_its_own_list),
    };

    make_locks();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
