/* pool_test.c - fresh instances that a caller makes itself, several in one store: what they share, which
 * is nothing that a guest could see (I6), and whose places they keep; and which version is left by whom. */
#include <stdlib.h>
#include <string.h>

#include "registry/registry.h"
#include "registry/session.h"
#include "slot_rig.h"

static const char secret[] = "wthe quick brown secret 0123456789abcdef";
static const char search[] = "fthe quick brown secret 0123456789abcdef";
enum { SECRET_SIZE = sizeof secret - 1 };

static berth_slot *open_named(slot_rig *r, const char *name, uint32_t instances_max)
{
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    berth_version *v;
    berth_slot *slot;

    opt.policy = BERTH_POLICY_FRESH;
    opt.instances_max = instances_max;
    slot = slot_rig_open(r, name, &opt);
    slot_rig_install_guest(r, slot, "tricks");
    /* As if it were in the reaper's list already: nothing is made ahead, so that callers make all. */
    v = atomic_load(&slot->current);
    atomic_store(&v->needs_reaper, 1);
    return slot;
}

static berth_slot *open_fresh(slot_rig *r, uint32_t instances_max)
{
    return open_named(r, "fresh", instances_max);
}

static uint32_t ask(slot_rig *r, berth_slot *slot, const char *input, size_t size)
{
    berth_reply reply;
    uint32_t n = UINT32_MAX;

    if (slot_rig_call(r, slot, input, size, &reply) != BERTH_OK)
        fail_msg("%s: %s", r->engine, r->diag.text);
    memcpy(&n, reply.data, sizeof n);
    return n;
}

/* What the calls of this thread have left in their store; 0: they have left none. */
static uint32_t spent_here(slot_rig *r, berth_slot *slot)
{
    berth_version *v = atomic_load(&slot->current);
    berthi_seat *seat = berthi_seat_find(v, berthi_domain_record(&r->runtime->domain)->index);

    return seat->spent == NULL ? 0 : seat->spent->in_store;
}

/* A call that was interrupted for more than a tick leaves nothing: then once more. */
static void leave_spent(slot_rig *r, berth_slot *slot, uint32_t in_store)
{
    uint64_t until_ns = slot_rig_now_ns() + SLOT_RIG_PATIENCE_NS;

    do {
        if (slot_rig_now_ns() > until_ns)
            fail_msg("no store was left with %u instances", (unsigned)in_store);
        assert_int_equal(ask(r, slot, "c", 1), 1);
    } while (spent_here(r, slot) != in_store);
}

/* To search takes an interpreter long, so that comes last in the store. */
static bool try_secret(slot_rig *r, berth_slot *slot)
{
    leave_spent(r, slot, BERTHI_IN_STORE_MAX - 2);
    assert_int_equal(ask(r, slot, secret, SECRET_SIZE), 1);
    if (spent_here(r, slot) != BERTHI_IN_STORE_MAX - 1)
        return false;
    assert_int_equal(ask(r, slot, search, SECRET_SIZE), 0);
    return true;
}

static void instances_of_one_store_see_nothing_of_each_other(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_fresh(r, 64);

    for (unsigned done = 0; done < 3;)
        done += try_secret(r, slot);
}

static void a_store_takes_a_few_instances_and_ends_with_the_last(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_fresh(r, 64);
    uint64_t made;

    leave_spent(r, slot, BERTHI_IN_STORE_MAX - 1);
    assert_int_equal(slot_rig_stats(slot).instances_live, BERTHI_IN_STORE_MAX - 1);
    assert_int_equal(ask(r, slot, "c", 1), 1);
    assert_int_equal(spent_here(r, slot), 0);
    assert_int_equal(slot_rig_stats(slot).instances_live, 0);
    made = slot_rig_stats(slot).instances_made;
    assert_int_equal(slot_rig_stats(slot).instances_discarded, made);
}

static void the_store_of_an_instance_that_failed_is_never_used_again(void **state)
{
    static const struct {
        const char *input;
        size_t size;
        berth_status status;
    } ends[] = { { "t", 1, BERTH_E_TRAP },
                 { "s", 1, BERTH_E_LIMIT },
                 { "r\x0a\0\0\0\0\0\0\0", 9, BERTH_E_ABI } };
    slot_rig *r = *state;
    berth_slot *slot = open_fresh(r, 64);

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        leave_spent(r, slot, 1);
        assert_int_equal(slot_rig_call(r, slot, ends[i].input, ends[i].size, NULL),
                         ends[i].status);
        assert_int_equal(spent_here(r, slot), 0);
        assert_int_equal(slot_rig_stats(slot).instances_live, 0);
    }
}

static void a_version_of_few_instances_keeps_no_spent_ones(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_fresh(r, 2);

    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(ask(r, slot, "c", 1), 1);
        assert_int_equal(spent_here(r, slot), 0);
    }
}

/* ---- places: spent ones count as instances until their store is gone, but are in nobody's way ---- */

enum { PLACES = 8, HELD = 3, SOON_MS = 50 };

/* `count` calls that loop until their deadline; false: the machine was too busy. */
static bool occupy(slot_rig_caller *inside, unsigned count, berth_slot *slot, unsigned ms)
{
    bool are_inside = true;

    for (unsigned i = 0; i < count; i++) {
        inside[i] = (slot_rig_caller){
            .slot = slot, .input = "l", .input_size = 1, .times = 1, .deadline_ns = ms * MS
        };
        slot_rig_caller_start(&inside[i]);
        are_inside = are_inside && slot_rig_wait_inside(&inside[0], slot, i + 1);
    }
    return are_inside;
}

static void join(slot_rig_caller *inside, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        slot_rig_caller_join(&inside[i]);
        assert_int_equal(inside[i].by_status[BERTH_E_DEADLINE], 1); /* and not BERTH_E_BUSY */
    }
}

static bool try_own_place(slot_rig *r, unsigned ms)
{
    berth_slot *slot = open_named(r, ms == SOON_MS ? "soon" : "late", PLACES);
    slot_rig_caller inside[PLACES - HELD];
    berth_status status = BERTH_OK;
    bool was_inside;

    leave_spent(r, slot, HELD);
    was_inside = occupy(inside, PLACES - HELD, slot, ms);
    if (was_inside)
        status = slot_rig_call(r, slot, "c", 1, NULL);
    was_inside = was_inside && slot_rig_is_inside(&inside[0]);
    join(inside, PLACES - HELD);
    assert_int_equal(status, BERTH_OK);
    return was_inside; /* else it may have waited for one of them */
}

static void what_is_spent_makes_room_for_its_thread(void **state)
{
    if (!try_own_place(*state, SOON_MS))
        slot_rig_attempt(*state, try_own_place);
}

static bool try_others_place(slot_rig *r, unsigned ms)
{
    berth_slot *slot = open_named(r, ms == SOON_MS ? "soon" : "late", PLACES);
    slot_rig_caller inside[PLACES - HELD], late;
    bool was_inside;

    leave_spent(r, slot, HELD);
    was_inside = occupy(inside, PLACES - HELD, slot, ms);
    late = (slot_rig_caller){ .slot = slot, .input = "c", .input_size = 1, .times = 1 };
    slot_rig_caller_start(&late);
    slot_rig_caller_join(&late);
    was_inside = was_inside && slot_rig_is_inside(&inside[0]);
    join(inside, PLACES - HELD);
    assert_int_equal(late.by_status[BERTH_OK], 1);
    return was_inside;
}

static void what_is_spent_makes_room_for_other_threads(void **state)
{
    if (!try_others_place(*state, SOON_MS))
        slot_rig_attempt(*state, try_others_place);
}

static void what_is_spent_makes_room_in_the_engine(void **state)
{
    slot_rig *r = *state;
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    berth_version *held[PLACES] = { NULL };
    berth_status status = BERTH_OK;
    berth_slot *fresh, *other;
    size_t size;

    options.instances_max = PLACES;
    slot_rig_restart(r, options);
    fresh = open_fresh(r, 64);
    other = slot_rig_open(r, "other", NULL);
    leave_spent(r, fresh, BERTHI_IN_STORE_MAX - 1);
    for (uint32_t i = 0; status == BERTH_OK && i < PLACES; i++) {
        uint8_t *bytes = plugin_answering(100 + i, &size);

        status = berth_slot_prepare(other, bytes, size, &held[i], &r->diag);
        free(bytes);
    }
    for (uint32_t i = 0; i < PLACES; i++)
        berth_version_discard(held[i]);
    if (status != BERTH_OK)
        fail_msg("%s", r->diag.text);
    assert_int_equal(ask(r, fresh, "c", 1), 1);
}

static void a_version_is_left_only_while_it_serves(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "left", NULL);
    berth_lease lease = BERTH_LEASE_NONE;

    for (uint32_t n = 1; n <= 3; n++)
        slot_rig_install_answering(r, slot, n);
    assert_int_equal(berthi_slot_leave(slot, 2), BERTH_E_STATE); /* 3 came meanwhile */
    assert_int_equal(berthi_slot_leave(slot, 3), BERTH_OK);
    assert_int_equal(berth_slot_lease(slot, &lease), BERTH_OK);
    assert_int_equal(berth_lease_version(&lease), 2);
    berth_lease_return(&lease);
    assert_int_equal(berthi_slot_leave(slot, 2), BERTH_E_ABSENT);
}

static void take_out_of_service(berth_slot *slot)
{
    berthi_lock_take(&slot->lock);
    assert_true(berthi_slot_quarantine_locked(slot, atomic_load(&slot->current)));
    berthi_lock_drop(&slot->lock);
}

static void a_version_that_was_taken_out_of_service_is_left_too(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "watched", NULL);
    berth_lease lease = BERTH_LEASE_NONE;

    for (uint32_t n = 1; n <= 2; n++)
        slot_rig_install_answering(r, slot, n);
    take_out_of_service(slot);
    assert_int_equal(berthi_slot_leave(slot, 1),
                     BERTH_E_STATE); /* to be gone back to, not left */
    assert_int_equal(berthi_slot_leave(slot, 2), BERTH_OK);
    assert_int_equal(berth_slot_lease(slot, &lease), BERTH_OK);
    assert_int_equal(berth_lease_version(&lease), 1);
    berth_lease_return(&lease);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(instances_of_one_store_see_nothing_of_each_other),
        slot_test(a_store_takes_a_few_instances_and_ends_with_the_last),
        slot_test(the_store_of_an_instance_that_failed_is_never_used_again),
        slot_test(a_version_of_few_instances_keeps_no_spent_ones),
        slot_test(what_is_spent_makes_room_for_its_thread),
        slot_test(what_is_spent_makes_room_for_other_threads),
        slot_test(what_is_spent_makes_room_in_the_engine),
        slot_test(a_version_is_left_only_while_it_serves),
        slot_test(a_version_that_was_taken_out_of_service_is_left_too),
    };

    return slot_rig_run("pool", tests, sizeof tests / sizeof *tests);
}
