/* evict_test.c - what leaving the registry does, and what it leaves alone. */
#include <stdio.h>
#include <string.h>

#include "slot_rig.h"

static void an_eviction_is_done_once(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "a", NULL), *found = NULL;

    slot_rig_install_answering(r, slot, 1);
    assert_int_equal(slot_rig_answer(r, slot), 1);
    assert_int_equal(slot_rig_runtime_stats(r).slots, 1);
    assert_int_equal(berth_slot_evict(r->runtime, "", "b"), BERTH_E_ABSENT);
    assert_int_equal(berth_slot_evict(r->runtime, "a", ""), BERTH_E_ABSENT);
    assert_int_equal(berth_slot_evict(r->runtime, NULL, "a"), BERTH_OK);
    assert_int_equal(berth_slot_evict(r->runtime, NULL, "a"), BERTH_E_ABSENT);
    assert_int_equal(slot_rig_runtime_stats(r).slots, 0);
    assert_int_equal(berth_slot_find(r->runtime, NULL, "a", &found), BERTH_E_ABSENT);
    slot_rig_check(r, slot_rig_call(r, slot, NULL, 0, NULL), BERTH_E_ABSENT, BERTH_REASON_NONE,
                   "has no plugin");
    slot_rig_wait_reaped(r);
    assert_int_equal(slot_rig_stats(slot).version, 0);
    assert_int_equal(slot_rig_stats(slot).instances_live, 0);
    assert_int_equal(slot_rig_stats(slot).answered, 1); /* the handle still tells */
    assert_int_equal(berth_slot_versions(slot, NULL, 0), 0);
    assert_int_equal(slot_rig_runtime_stats(r).instances_live, 0);
    assert_int_equal(berth_slot_evict(NULL, NULL, "a"), BERTH_E_INVALID);
    assert_int_equal(berth_slot_evict(r->runtime, NULL, NULL), BERTH_E_INVALID);
}

static void a_lease_taken_before_stays_good(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "a", NULL);
    berth_call call = BERTH_CALL_INIT;
    berth_lease lease = BERTH_LEASE_NONE, late = BERTH_LEASE_NONE;
    berth_reply reply;

    slot_rig_install_guest(r, slot, "tricks");
    call.hook = slot_rig_hook(r, slot, "do");
    call.arena = r->arena;
    call.input = "estill here";
    call.input_size = 11;
    assert_int_equal(berth_slot_lease(slot, &lease), BERTH_OK);
    assert_int_equal(berth_slot_evict(r->runtime, NULL, "a"), BERTH_OK);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(berth_lease_call(&lease, &call, &reply, &r->diag), BERTH_OK);
        assert_memory_equal(reply.data, "still here", 10);
        slot_rig_sleep_ms(2); /* the reaper looks */
    }
    assert_int_equal(berth_slot_lease(slot, &late), BERTH_E_ABSENT);
    assert_null(late.version);
    assert_int_equal(slot_rig_runtime_stats(r).versions_retired, 1);
    berth_lease_return(&lease);
    slot_rig_wait_reaped(r);
    assert_int_equal(slot_rig_runtime_stats(r).instances_live, 0);
}

static void a_slot_opened_again_starts_at_version_one(void **state)
{
    slot_rig *r = *state;
    berth_slot *old = slot_rig_open(r, "a", NULL), *new;

    slot_rig_install_answering(r, old, 1);
    slot_rig_install_answering(r, old, 2);
    assert_int_equal(berth_slot_evict(r->runtime, NULL, "a"), BERTH_OK);
    new = slot_rig_open(r, "a", NULL);
    assert_ptr_not_equal(new, old);
    assert_int_equal(slot_rig_stats(new).version, 0);
    assert_int_equal(slot_rig_install_answering(r, new, 3), 1);
    assert_int_equal(slot_rig_answer(r, new), 3);
    assert_int_equal(slot_rig_answer(r, old), UINT64_MAX);
}

static bool try_inside(slot_rig *r, unsigned ms)
{
    berth_slot *slot = slot_rig_open(r, "a", NULL);
    slot_rig_caller c = {
        .slot = slot, .input = "l", .input_size = 1, .times = 1, .deadline_ns = ms * MS
    };
    uint32_t in_flight, retired;
    bool was_inside;

    slot_rig_install_guest(r, slot, "tricks");
    slot_rig_caller_start(&c);
    was_inside = slot_rig_wait_inside(&c, slot, 1);
    assert_int_equal(berth_slot_evict(r->runtime, NULL, "a"), BERTH_OK);
    in_flight = slot_rig_stats(slot).in_flight;
    retired = slot_rig_runtime_stats(r).versions_retired;
    was_inside = was_inside && slot_rig_is_inside(&c);
    slot_rig_caller_join(&c);
    if (!was_inside)
        return false;
    assert_int_equal(in_flight, 1);
    assert_int_equal(retired, 1);                       /* I2 */
    assert_int_equal(c.by_status[BERTH_E_DEADLINE], 1); /* its own, not another */
    slot_rig_wait_reaped(r);
    assert_int_equal(slot_rig_stats(slot).deadlines, 1);
    return true;
}

static void a_call_inside_ends_undisturbed(void **state)
{
    slot_rig_attempt(*state, try_inside);
}

static void retain_evicts_exactly_the_others(void **state)
{
    enum { SLOTS = 200 };
    slot_rig *r = *state;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    berth_key keep[SLOTS];
    static char names[SLOTS][8];
    size_t kept = 0;

    for (unsigned i = 0; i < SLOTS; i++) {
        snprintf(names[i], sizeof names[i], "%u", i % 50);
        opt.tenant = i / 50 == 0 ? "" : i / 50 == 1 ? "a" : i / 50 == 2 ? "b" : "c";
        slot_rig_open(r, names[i], &opt);
        if (i % 3 == 0)
            keep[kept++] = (berth_key){ i / 50 == 0 ? NULL : opt.tenant, names[i] };
    }
    keep[kept++] = (berth_key){ "nobody", "there" };
    keep[kept++] = (berth_key){ NULL, NULL };
    assert_int_equal(berth_runtime_retain(r->runtime, keep, kept), SLOTS - (kept - 2));
    assert_int_equal(slot_rig_runtime_stats(r).slots, kept - 2);
    for (unsigned i = 0; i < SLOTS; i++) {
        berth_slot *found;
        berth_status status = berth_slot_find(r->runtime,
                                              i / 50 == 0   ? ""
                                              : i / 50 == 1 ? "a"
                                              : i / 50 == 2 ? "b"
                                                            : "c",
                                              names[i], &found);

        assert_int_equal(status, i % 3 == 0 ? BERTH_OK : BERTH_E_ABSENT);
        if (status == BERTH_OK)
            berth_slot_release(found);
    }
    assert_int_equal(berth_runtime_retain(r->runtime, keep, kept), 0);
    assert_int_equal(berth_runtime_retain(r->runtime, NULL, 0), kept - 2);
}

static void slots_come_and_go_without_a_trace(void **state)
{
    slot_rig *r = *state;
    size_t bytes = 0;

    for (int i = 0; i < 30; i++) {
        berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
        berth_slot *slot;

        opt.name = "a";
        opt.tenant = "t";
        opt.flags = BERTH_SLOT_TIMED;
        opt.policy = i % 2 == 0 ? BERTH_POLICY_FRESH : BERTH_POLICY_REUSE;
        assert_int_equal(berth_slot_open(r->runtime, &opt, &slot, &r->diag), BERTH_OK);
        slot_rig_install_answering(r, slot, 1);
        slot_rig_install_answering(r, slot, 2);
        assert_int_equal(slot_rig_answer(r, slot), 2);
        assert_int_equal(berth_slot_rollback(slot, NULL, NULL), BERTH_OK);
        assert_int_equal(slot_rig_answer(r, slot), 1);
        assert_int_equal(berth_slot_evict(r->runtime, "t", "a"), BERTH_OK);
        berth_slot_release(slot);
        slot_rig_wait_reaped(r);
        if (i == 10)
            bytes = atomic_load(&r->memory.live_bytes);
    }
    slot_rig_wait_until(atomic_load(&r->memory.live_bytes) <= bytes);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(an_eviction_is_done_once),
        slot_test(a_lease_taken_before_stays_good),
        slot_test(a_slot_opened_again_starts_at_version_one),
        slot_test(a_call_inside_ends_undisturbed),
        slot_test(retain_evicts_exactly_the_others),
        slot_test(slots_come_and_go_without_a_trace),
    };

    return slot_rig_run("evictions", tests, sizeof tests / sizeof *tests);
}
