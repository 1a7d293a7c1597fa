/* stats_test.c - what the operator reads is exact (I11). */
#include <stddef.h>
#include <string.h>

#include "slot_rig.h"

static void every_call_is_counted_once_by_how_it_ended(void **state)
{
    slot_rig *r = *state;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    berth_slot_stats s;
    berth_slot *slot;

    opt.output_bytes_max = 100;
    slot = slot_rig_open(r, "a", &opt);
    slot_rig_install_guest(r, slot, "tricks");
    for (int i = 0; i < 7; i++)
        assert_int_equal(slot_rig_call(r, slot, "e1234567", 8, NULL), BERTH_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(slot_rig_call(r, slot, NULL, 0, NULL), BERTH_OK);
    for (int i = 0; i < 4; i++)
        assert_int_equal(slot_rig_call(r, slot, "t", 1, NULL), BERTH_E_TRAP);
    for (int i = 0; i < 2; i++)
        assert_int_equal(slot_rig_call_within(r, slot, 50 * MS, "l", 1, NULL),
                         BERTH_E_DEADLINE);
    assert_int_equal(slot_rig_call(r, slot, "s", 1, NULL), BERTH_E_LIMIT);
    assert_int_equal(slot_rig_call(r, slot, "o\xe8\3\0\0", 5, NULL), BERTH_E_LIMIT);
    for (int i = 0; i < 5; i++)
        assert_int_equal(slot_rig_call(r, slot, "r\1\0\0\0\0\0\0\0", 9, NULL), BERTH_E_ABI);
    s = slot_rig_stats(slot);
    assert_int_equal(s.answered, 7);
    assert_int_equal(s.dropped, 3);
    assert_int_equal(s.traps, 4);
    assert_int_equal(s.deadlines, 2);
    assert_int_equal(s.limits, 2);
    assert_int_equal(s.violations, 5);
    assert_int_equal(s.other_failures, 0);
    assert_int_equal(s.calls, 23);
    assert_int_equal(s.in_flight, 0);
    assert_int_equal(s.busy, 0);
    assert_int_equal(s.bytes_in, 7 * 8 + 4 + 2 + 1 + 5 + 5 * 9);
    assert_int_equal(s.bytes_out, 7 * 7);
    assert_int_equal(s.oldest_call_ns, 0);
    assert_int_equal(s.instances_made - s.instances_discarded, s.instances_live);
    assert_int_equal(s.time_ns, 0);
    assert_int_equal(s.time_max_ns, 0);
}

static void a_call_that_gets_no_instance_is_busy_only_when_all_are_in_use(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "a", NULL);
    berth_slot_stats s;

    slot_rig_install_guest(r, slot, "tricks");
    assert_int_equal(slot_rig_call(r, slot, "t", 1, NULL), BERTH_E_TRAP); /* the only one */
    memory_fail(&r->memory, 0, true);
    assert_int_equal(slot_rig_call(r, slot, "e1", 2, NULL), BERTH_E_NOMEM);
    memory_fail(&r->memory, MEMORY_NEVER, false);
    s = slot_rig_stats(slot);
    assert_int_equal(s.busy, 0);
    assert_int_equal(s.calls, 2);
    assert_int_equal(s.traps, 1);
    assert_int_equal(s.other_failures, 1);
    assert_int_equal(s.in_flight, 0);
    assert_int_equal(slot_rig_call(r, slot, "e1", 2, NULL), BERTH_OK);
}

static void threads_and_versions_add_up_while_they_come_and_go(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "a", NULL);
    slot_rig_caller callers[3];
    uint64_t done = 0;
    berth_slot_stats s;

    slot_rig_install_answering(r, slot, 1);
    for (int i = 0; i < 3; i++) {
        callers[i] = (slot_rig_caller){ .slot = slot };
        slot_rig_caller_start(&callers[i]);
    }
    for (uint32_t n = 2; n < 30; n++) {
        slot_rig_install_answering(r, slot, n);
        s = slot_rig_stats(slot);
        if (s.calls < s.answered || s.in_flight > 3)
            fail_msg("%llu calls, %llu answered, %u in flight", (unsigned long long)s.calls,
                     (unsigned long long)s.answered, s.in_flight);
        if (n % 5 == 0)
            assert_int_equal(berth_slot_rollback(slot, NULL, NULL), BERTH_OK);
    }
    for (int i = 0; i < 3; i++) {
        slot_rig_caller_stop(&callers[i]);
        done += atomic_load(&callers[i].done);
        if (callers[i].by_status[BERTH_OK] != atomic_load(&callers[i].done))
            fail_msg("%s", callers[i].diag.text);
    }
    slot_rig_wait_reaped(r);
    s = slot_rig_stats(slot);
    assert_int_equal(s.answered, done);
    assert_int_equal(s.calls, done);
    assert_int_equal(s.bytes_out, 8 * done);
    assert_int_equal(s.in_flight, 0);
    assert_int_equal(s.rollbacks, 5);
    assert_int_equal(s.installs, 29);
    assert_int_equal(s.instances_made - s.instances_discarded, s.instances_live);
    assert_int_equal(slot_rig_runtime_stats(r).instances_live, s.instances_live);
    assert_int_equal(slot_rig_runtime_stats(r).threads, 0);
}

static bool try_aging(slot_rig *r, unsigned ms)
{
    berth_slot *slot = slot_rig_open(r, "a", NULL);
    slot_rig_caller c = {
        .slot = slot, .input = "l", .input_size = 1, .times = 1, .deadline_ns = ms * MS
    };
    berth_slot_stats s;
    bool was_inside;

    slot_rig_install_guest(r, slot, "tricks");
    slot_rig_caller_start(&c);
    was_inside = slot_rig_wait_inside(&c, slot, 1);
    do {
        slot_rig_sleep_ms(1);
        s = slot_rig_stats(slot);
    } while (s.in_flight == 1 && s.oldest_call_ns < 50 * MS && slot_rig_is_inside(&c));
    was_inside = was_inside && slot_rig_is_inside(&c);
    slot_rig_caller_join(&c);
    if (!was_inside)
        return false;
    assert_true(s.oldest_call_ns >= 50 * MS);
    assert_int_equal(s.in_flight, 1);
    assert_int_equal(s.calls, 1);
    assert_int_equal(slot_rig_stats(slot).oldest_call_ns, 0);
    return true;
}

static void the_call_inside_is_seen_and_has_an_age(void **state)
{
    slot_rig_attempt(*state, try_aging);
}

static void a_timed_slot_knows_how_long_calls_take(void **state)
{
    slot_rig *r = *state;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    berth_slot_stats s, later;
    berth_slot *slot;

    opt.flags = BERTH_SLOT_TIMED;
    slot = slot_rig_open(r, "a", &opt);
    slot_rig_install_guest(r, slot, "tricks");
    for (int i = 0; i < 200; i++)
        assert_int_equal(slot_rig_call(r, slot, "e!", 2, NULL), BERTH_OK);
    assert_int_equal(slot_rig_call_within(r, slot, 100 * MS, "l", 1, NULL), BERTH_E_DEADLINE);
    s = slot_rig_stats(slot);
    assert_true(s.time_max_ns >= 99 * MS);
    assert_true(s.time_ns >= s.time_max_ns);
    assert_true(s.time_p50_ns > 0 && s.time_p50_ns <= s.time_p99_ns);
    assert_true(s.time_p99_ns <= s.time_p999_ns);
    assert_true(s.time_p999_ns >= 99 * MS); /* one of 201 */
    slot_rig_install_answering(r, slot, 1);
    slot_rig_install_answering(r, slot, 2);
    slot_rig_wait_reaped(r);
    later = slot_rig_stats(slot); /* versions go, what they counted stays */
    assert_int_equal(later.time_ns, s.time_ns);
    assert_int_equal(later.time_max_ns, s.time_max_ns);
    assert_int_equal(later.time_p50_ns, s.time_p50_ns);
}

static void structs_of_other_sizes_are_filled_as_far_as_they_go(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "a", NULL);
    berth_slot_stats s = BERTH_SLOT_STATS_INIT;
    berth_runtime_stats t = BERTH_RUNTIME_STATS_INIT;

    slot_rig_install_answering(r, slot, 1);
    assert_int_equal(slot_rig_answer(r, slot), 1);
    s.size = offsetof(berth_slot_stats, answered);
    s.answered = 77;
    assert_int_equal(berth_slot_stats_read(slot, &s, &r->diag), BERTH_OK);
    assert_int_equal(s.calls, 1);
    assert_int_equal(s.answered, 77);
    assert_int_equal(s.size, offsetof(berth_slot_stats, answered));
    s.size = sizeof s + 8;
    assert_int_equal(berth_slot_stats_read(slot, &s, &r->diag), BERTH_E_VERSION);
    s.size = 3;
    assert_int_equal(berth_slot_stats_read(slot, &s, &r->diag), BERTH_E_INVALID);
    assert_int_equal(berth_slot_stats_read(slot, NULL, &r->diag), BERTH_E_INVALID);
    t.size = offsetof(berth_runtime_stats, compiles);
    t.compiles = 77;
    assert_int_equal(berth_runtime_stats_read(r->runtime, &t, &r->diag), BERTH_OK);
    assert_int_equal(t.slots, 1);
    assert_int_equal(t.compiles, 77);
    t.size = sizeof t + 1;
    assert_int_equal(berth_runtime_stats_read(r->runtime, &t, &r->diag), BERTH_E_VERSION);
}

static void versions_are_listed_newest_first(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "a", NULL);
    berth_lease lease = BERTH_LEASE_NONE;
    berth_version_stats v[3];

    assert_int_equal(berth_slot_versions(slot, v, 3), 0);
    assert_int_equal(berth_slot_versions(NULL, v, 3), 0);
    slot_rig_install_answering(r, slot, 1);
    assert_int_equal(berth_slot_lease(slot, &lease), BERTH_OK);
    for (uint32_t n = 2; n <= 4; n++)
        slot_rig_install_answering(r, slot, n);
    slot_rig_wait_until(berth_slot_versions(slot, v, 0) == 3); /* 2 is reaped */
    memset(v, 0, sizeof v);
    assert_int_equal(berth_slot_versions(slot, v, 2), 3);
    assert_int_equal(v[0].version, 4);
    assert_int_equal(v[1].version, 3);
    assert_int_equal(v[2].version, 0); /* `max` was 2 */
    assert_int_equal(berth_slot_versions(slot, v, 3), 3);
    assert_int_equal(v[2].version, 1);
    berth_lease_return(&lease);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(every_call_is_counted_once_by_how_it_ended),
        slot_test(a_call_that_gets_no_instance_is_busy_only_when_all_are_in_use),
        slot_test(threads_and_versions_add_up_while_they_come_and_go),
        slot_test(the_call_inside_is_seen_and_has_an_age),
        slot_test(a_timed_slot_knows_how_long_calls_take),
        slot_test(structs_of_other_sizes_are_filled_as_far_as_they_go),
        slot_test(versions_are_listed_newest_first),
    };

    return slot_rig_run("stats", tests, sizeof tests / sizeof *tests);
}
