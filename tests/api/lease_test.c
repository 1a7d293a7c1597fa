/* lease_test.c - the right to call one version for longer than a call. */
#include <string.h>

#include "slot_rig.h"

static uint64_t answer_of(slot_rig *r, const berth_lease *lease, uint64_t *version_out)
{
    berth_call call = BERTH_CALL_INIT;
    berth_reply reply = { 0 };
    uint64_t number = UINT64_MAX;

    call.arena = r->arena; /* hook 0 is the only one */
    berth_arena_reset(r->arena);
    if (berth_lease_call(lease, &call, &reply, &r->diag) == BERTH_OK)
        memcpy(&number, reply.data, sizeof number);
    *version_out = reply.version;
    return number;
}

static void a_lease_serves_its_version_through_swaps_and_rollbacks(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "a", NULL);
    berth_lease leases[6];
    uint64_t version;

    for (uint32_t i = 0; i < 6; i++) {
        leases[i] = (berth_lease)BERTH_LEASE_NONE;
        slot_rig_install_answering(r, slot, 10 + i);
        assert_int_equal(berth_slot_lease(slot, &leases[i]), BERTH_OK);
    }
    assert_int_equal(berth_slot_rollback(slot, NULL, NULL), BERTH_OK);
    slot_rig_wait_until(slot_rig_stats(slot).versions_retired ==
                        6); /* 5 is served by its twin */
    slot_rig_sleep_ms(20);  /* the reaper looks */
    for (uint32_t i = 0; i < 6; i++) {
        assert_int_equal(berth_lease_version(&leases[i]), i + 1);
        assert_int_equal(answer_of(r, &leases[i], &version), 10 + i);
        assert_int_equal(version, i + 1);
    }
    assert_int_equal(slot_rig_answer(r, slot), 14);
    assert_int_equal(slot_rig_stats(slot).versions_retired, 6);
    for (uint32_t i = 0; i < 6; i++) {
        berth_lease_return(&leases[i]);
        assert_null(leases[i].version);
        berth_lease_return(&leases[i]);
    }
    slot_rig_wait_reaped(r);
    assert_int_equal(slot_rig_stats(slot).versions_retired, 0);
    assert_int_equal(slot_rig_stats(slot).answered, 7);
}

static void an_empty_slot_leases_nothing(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "a", NULL);
    berth_call call = BERTH_CALL_INIT;
    berth_lease lease = BERTH_LEASE_NONE;
    berth_reply reply;

    assert_int_equal(berth_slot_lease(slot, &lease), BERTH_E_ABSENT);
    assert_null(lease.version);
    assert_int_equal(berth_lease_version(&lease), 0);
    call.arena = r->arena;
    assert_int_equal(berth_lease_call(&lease, &call, &reply, &r->diag), BERTH_E_INVALID);
    berth_lease_return(&lease);
}

static void a_lease_holds_back_its_own_version_and_no_other(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "a", NULL);
    berth_lease lease = BERTH_LEASE_NONE;

    slot_rig_install_answering(r, slot, 0);
    assert_int_equal(berth_slot_lease(slot, &lease), BERTH_OK);
    for (uint32_t i = 1; i <= 20; i++) { /* I3 */
        slot_rig_install_answering(r, slot, i);
        assert_int_equal(slot_rig_answer(r, slot), i);
    }
    slot_rig_wait_until(slot_rig_stats(slot).versions_retired == 1);
    berth_lease_return(&lease);
    slot_rig_wait_reaped(r);
}

static bool try_stuck(slot_rig *r, unsigned ms)
{
    berth_slot *slot = slot_rig_open(r, "a", NULL), *other = slot_rig_open(r, "b", NULL);
    slot_rig_caller c = {
        .slot = slot, .input = "l", .input_size = 1, .times = 1, .deadline_ns = 5 * ms * MS
    };
    berth_slot_stats stats;
    uint32_t retired;
    bool was_inside;

    slot_rig_install_guest(r, slot, "tricks");
    slot_rig_install_answering(r, other, 1);
    slot_rig_caller_start(&c);
    was_inside = slot_rig_wait_inside(&c, slot, 1);
    for (uint32_t i = 1; i <= 10; i++) { /* I3 */
        slot_rig_install_answering(r, slot, i);
        assert_int_equal(slot_rig_answer(r, slot), i);
        slot_rig_install_answering(r, other, 100 + i);
        assert_int_equal(slot_rig_answer(r, other), 100 + i);
    }
    do {
        slot_rig_sleep_ms(1);
        retired = slot_rig_runtime_stats(r).versions_retired;
        stats = slot_rig_stats(slot);
    } while ((retired > 1 || stats.oldest_call_ns == 0) && slot_rig_is_inside(&c));
    was_inside = was_inside && slot_rig_is_inside(&c);
    slot_rig_caller_join(&c);
    slot_rig_wait_reaped(r);
    if (!was_inside)
        return false; /* all of that took longer than the call's deadline */
    assert_int_equal(retired, 1);
    assert_int_equal(stats.versions_retired, 1);
    assert_true(stats.oldest_call_ns > 0);
    assert_int_equal(c.by_status[BERTH_E_DEADLINE], 1);
    assert_int_equal(slot_rig_stats(slot).deadlines, 1);
    return true;
}

static void a_stuck_call_holds_back_its_own_version_and_no_other(void **state)
{
    slot_rig_attempt(*state, try_stuck);
}

static bool try_leased(slot_rig *r, unsigned ms)
{
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    berth_lease lease = BERTH_LEASE_NONE;
    berth_call call = BERTH_CALL_INIT;
    berth_reply reply;
    berth_slot *slot;
    berth_status status;
    bool was_inside;
    slot_rig_caller c = {
        .input = "l", .input_size = 1, .times = 1, .deadline_ns = ms * MS, .lease = &lease
    };

    opt.calls_max = 1;
    slot = slot_rig_open(r, "a", &opt);
    slot_rig_install_guest(r, slot, "tricks");
    assert_int_equal(berth_slot_lease(slot, &lease), BERTH_OK);
    slot_rig_caller_start(&c);
    was_inside = slot_rig_wait_inside(&c, slot, 1);
    call.arena = r->arena;
    call.deadline_ns = 40 * MS;
    status = berth_lease_call(&lease, &call, &reply, &r->diag);
    was_inside = was_inside && slot_rig_is_inside(&c);
    slot_rig_caller_join(&c);
    if (was_inside)
        slot_rig_check(r, status, BERTH_E_BUSY, BERTH_REASON_SLOT_CALLS, "slot 'a'");
    call.deadline_ns = 0;
    assert_int_equal(berth_lease_call(&lease, &call, &reply, &r->diag), BERTH_OK);
    berth_lease_return(&lease);
    return was_inside;
}

static void leased_calls_take_places_as_others_do(void **state)
{
    slot_rig_attempt(*state, try_leased);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(a_lease_serves_its_version_through_swaps_and_rollbacks),
        slot_test(an_empty_slot_leases_nothing),
        slot_test(a_lease_holds_back_its_own_version_and_no_other),
        slot_test(a_stuck_call_holds_back_its_own_version_and_no_other),
        slot_test(leased_calls_take_places_as_others_do),
    };

    return slot_rig_run("leases", tests, sizeof tests / sizeof *tests);
}
