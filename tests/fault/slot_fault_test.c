/* slot_fault_test.c - opening, finding, numbering, reading and evicting slots when something
 * fails: done whole or not at all. */
#include <stdio.h>
#include <string.h>

#include "fault_sweep.h"

typedef struct opening {
    slot_rig *rig;
    size_t bytes;
    uint32_t slots;
    berth_slot *slot;
    uint32_t hook;
    unsigned number;
} opening;

static void remember(opening *o)
{
    o->bytes = atomic_load(&o->rig->memory.live_bytes);
    o->slots = slot_rig_runtime_stats(o->rig).slots;
}

static void check_unchanged(void *ctx, berth_status status)
{
    opening *o = ctx;

    (void)status;
    assert_int_equal(atomic_load(&o->rig->memory.live_bytes), o->bytes);
    assert_int_equal(slot_rig_runtime_stats(o->rig).slots, o->slots);
}

static berth_status open_and_evict(void *ctx, berth_diag *diag)
{
    opening *o = ctx;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *slot = NULL, *found = NULL;
    berth_status status;

    opt.tenant = "a tenant of its own";
    opt.name = "a slot";
    opt.profile = "berth-hook/1";
    opt.kind = "hook";
    opt.flags = BERTH_SLOT_TIMED;
    status = berth_slot_open(o->rig->runtime, &opt, &slot, diag);
    if (status != BERTH_OK) {
        assert_null(slot);
        assert_int_equal(berth_slot_find(o->rig->runtime, opt.tenant, opt.name, &found),
                         BERTH_E_ABSENT);
        return status;
    }
    assert_int_equal(berth_slot_find(o->rig->runtime, opt.tenant, opt.name, &found), BERTH_OK);
    assert_int_equal(berth_slot_evict(o->rig->runtime, opt.tenant, opt.name), BERTH_OK);
    berth_slot_release(found);
    berth_slot_release(slot);
    return BERTH_OK;
}

static void a_slot_is_opened_whole_or_not_at_all(void **state)
{
    opening o = { .rig = *state };

    remember(&o);
    assert_true(fault_sweep(&o.rig->memory, open_and_evict, check_unchanged, &o) > 4);
}

/* Also when the table would have to grow: it may stay as it is. */
static void more_slots_than_buckets_open_without_memory_for_a_larger_table(void **state)
{
    slot_rig *r = *state;
    opening o = { .rig = r };
    char name[16];

    for (int i = 0; i < 64; i++) {
        snprintf(name, sizeof name, "%d", i);
        slot_rig_open(r, name, NULL);
    }
    remember(&o);
    for (size_t nth = 0; nth < 12; nth++) {
        berth_diag diag;

        memory_fail(&r->memory, nth, false);
        (void)(open_and_evict(&o, &diag) == BERTH_OK);
        memory_fail(&r->memory, MEMORY_NEVER, false);
    }
    for (int i = 0; i < 64; i++) {
        berth_slot *found;

        snprintf(name, sizeof name, "%d", i);
        assert_int_equal(berth_slot_find(r->runtime, NULL, name, &found), BERTH_OK);
        berth_slot_release(found);
    }
}

static berth_status number_hook(void *ctx, berth_diag *diag)
{
    opening *o = ctx;

    o->hook = 77;
    return berth_slot_hook(o->slot, "later", &o->hook, diag);
}

static void check_hook(void *ctx, berth_status status)
{
    opening *o = ctx;

    assert_int_equal(o->hook, status == BERTH_OK ? 1 : 77);
}

static void a_hook_is_numbered_or_not(void **state)
{
    opening o = { .rig = *state };

    o.slot = slot_rig_open(o.rig, "hooks", NULL);
    assert_int_equal(slot_rig_hook(o.rig, o.slot, "first"), 0);
    assert_true(fault_sweep(&o.rig->memory, number_hook, check_hook, &o) >= 1);
    assert_int_equal(slot_rig_hook(o.rig, o.slot, "later"), 1);
}

static berth_status read_stats(void *ctx, berth_diag *diag)
{
    opening *o = ctx;
    berth_slot_stats stats = BERTH_SLOT_STATS_INIT;
    berth_version_stats versions[2];

    assert_int_equal(berth_slot_versions(o->slot, versions, 2), 1);
    return berth_slot_stats_read(o->slot, &stats, diag);
}

static void stats_are_read_or_not(void **state)
{
    opening o = { .rig = *state };
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;

    opt.flags = BERTH_SLOT_TIMED;
    o.slot = slot_rig_open(o.rig, "timed", &opt);
    slot_rig_install_answering(o.rig, o.slot, 1);
    assert_int_equal(slot_rig_answer(o.rig, o.slot), 1);
    remember(&o);
    assert_true(fault_sweep(&o.rig->memory, read_stats, check_unchanged, &o) >= 1);
}

static berth_status evict_all(void *ctx, berth_diag *diag)
{
    opening *o = ctx;

    (void)diag;
    (void)berth_runtime_retain(o->rig->runtime, NULL, 0);
    return BERTH_OK;
}

static void check_gone(void *ctx, berth_status status)
{
    opening *o = ctx;

    (void)status;
    assert_int_equal(slot_rig_runtime_stats(o->rig).slots, 0);
}

static void evicting_needs_nothing(void **state)
{
    opening o = { .rig = *state };

    o.slot = slot_rig_open(o.rig, "a", NULL);
    slot_rig_install_answering(o.rig, o.slot, 1);
    slot_rig_install_answering(o.rig, o.slot, 2);
    assert_int_equal(fault_sweep(&o.rig->memory, evict_all, check_gone, &o), 0);
    slot_rig_wait_reaped(o.rig);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(a_slot_is_opened_whole_or_not_at_all),
        slot_test(more_slots_than_buckets_open_without_memory_for_a_larger_table),
        slot_test(a_hook_is_numbered_or_not),
        slot_test(stats_are_read_or_not),
        slot_test(evicting_needs_nothing),
    };

    return slot_rig_run("faults of slots", tests, sizeof tests / sizeof *tests);
}
