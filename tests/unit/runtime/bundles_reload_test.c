/* bundles_reload_test.c - reloads whose last exchange fails: nothing has changed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/bundle.h>
#include <berth/invoke.h>

#include "bundle_component.h"
#include "bundle_folder.h"
#include "registry/registry.h"
#include "slot_rig.h"

typedef struct rig {
    slot_rig *r;
    bundle_folder folder;
    berth_bundles *bundles;
    bool evicts; /* `user`, as soon as `base` was exchanged */
} rig;

static void note_event(void *ctx, const berth_event *event)
{
    rig *t = ctx;

    if (t->evicts && event->kind == BERTH_EVENT_RELOADED && strcmp(event->slot, "base@1") == 0)
        assert_int_equal(berth_slot_evict(t->r->runtime, NULL, "user@1"), BERTH_OK);
}

static void put_bundle(rig *t, const char *dir, const char *name, const char *version,
                       uint8_t value)
{
    char provided[256], path[64];

    snprintf(provided, sizeof provided, "[[provides]]\ncontract = \"x:y/%s@1.0.0\"\n", name);
    bundle_folder_bundle(&t->folder, dir, name, version, provided);
    snprintf(path, sizeof path, "%s/it.wasm", dir);
    bundle_component_put(&t->folder, path, name, "1.0.0", value);
}

static void start(rig *t, slot_rig *r)
{
    berth_bundles_options options = BERTH_BUNDLES_OPTIONS_INIT;
    berth_slot_options slot = BERTH_SLOT_OPTIONS_INIT;
    const char *paths[1];

    memset(t, 0, sizeof *t);
    t->r = r;
    bundle_folder_make(&t->folder);
    slot.observer = note_event;
    slot.observer_ctx = t;
    slot.probe_deadline_ns = 60000 * MS;
    options.slot = &slot;
    assert_int_equal(berth_bundles_create(r->runtime, &options, &t->bundles, NULL), BERTH_OK);
    put_bundle(t, "all/base", "base", "1.0.0", 1);
    put_bundle(t, "all/user", "user", "1.0.0", 2);
    bundle_folder_text(&t->folder, "all/user/berth.toml", "%s",
                       "[bundle]\nname = \"user\"\nversion = \"1.0.0\"\n"
                       "reload = \"with-dependencies\"\n"
                       "[[artifact]]\nkind = \"component\"\nfile = \"it.wasm\"\n"
                       "[[provides]]\ncontract = \"x:y/user@1.0.0\"\n"
                       "[[requires]]\ncontract = \"x:y/base@1.0.0\"\n");
    paths[0] = bundle_folder_at(&t->folder, "all");
    assert_int_equal(berth_bundles_load(t->bundles, paths, 1, NULL, 0, NULL), BERTH_OK);
    put_bundle(t, "new", "base", "1.1.0", 11);
}

static void end(rig *t)
{
    berth_bundles_destroy(t->bundles);
    bundle_folder_remove(&t->folder);
}

/* What base says; 0: it serves nothing. */
static unsigned ask_base(rig *t)
{
    berth_call call = BERTH_CALL_INIT;
    const char *text = "0";
    unsigned value = 0;
    berth_slot *slot;

    assert_int_equal(berth_slot_find(t->r->runtime, NULL, "base@1", &slot), BERTH_OK);
    call.arena = t->r->arena;
    call.deadline_ns = 20000 * MS;
    if (berth_slot_evaluate(slot, "x:y/base@1.0.0#get()", &call, BERTH_TEXT_WAVE, &text,
                            NULL) == BERTH_OK)
        value = (unsigned)strtoul(text, NULL, 10);
    berth_arena_reset(t->r->arena);
    berth_slot_release(slot);
    return value;
}

static berth_status reload(rig *t)
{
    return berth_bundles_reload(t->bundles, bundle_folder_at(&t->folder, "new"), NULL);
}

static void what_was_exchanged_goes_back(void **state)
{
    rig t;

    start(&t, *state);
    t.evicts = true;
    assert_int_equal(reload(&t), BERTH_E_STATE);
    assert_int_equal(ask_base(&t), 1);
    end(&t);
}

static void what_could_be_gone_back_to_still_can(void **state)
{
    berth_slot *slot;
    rig t;

    start(&t, *state);
    assert_int_equal(reload(&t), BERTH_OK);
    assert_int_equal(ask_base(&t), 11);
    put_bundle(&t, "new", "base", "1.2.0", 12);
    t.evicts = true;
    assert_int_equal(reload(&t), BERTH_E_STATE);
    assert_int_equal(ask_base(&t), 11);
    assert_int_equal(berth_slot_find(t.r->runtime, NULL, "base@1", &slot), BERTH_OK);
    assert_int_equal(berth_slot_rollback(slot, NULL, &t.r->diag), BERTH_OK);
    assert_int_equal(ask_base(&t), 1);
    assert_int_equal(berth_slot_rollback(slot, NULL, &t.r->diag), BERTH_E_ABSENT);
    berth_slot_release(slot);
    end(&t);
}

static void what_could_be_gone_back_to_ends_with_the_next_reload(void **state)
{
    berth_slot_stats stats = BERTH_SLOT_STATS_INIT;
    berth_slot *slot;
    rig t;

    start(&t, *state);
    assert_int_equal(reload(&t), BERTH_OK);
    put_bundle(&t, "new", "base", "1.2.0", 12);
    assert_int_equal(reload(&t), BERTH_OK);
    assert_int_equal(berth_slot_find(t.r->runtime, NULL, "base@1", &slot), BERTH_OK);
    assert_int_equal(berth_slot_stats_read(slot, &stats, NULL), BERTH_OK);
    assert_int_equal(stats.kept_version, 2);
    assert_int_equal(berth_slot_rollback(slot, NULL, &t.r->diag), BERTH_OK);
    assert_int_equal(ask_base(&t), 11);
    berth_slot_release(slot);
    end(&t);
}

static void a_slot_that_served_nothing_serves_nothing_again(void **state)
{
    berth_slot *slot;
    rig t;

    start(&t, *state);
    assert_int_equal(berth_slot_find(t.r->runtime, NULL, "base@1", &slot), BERTH_OK);
    berthi_lock_take(&slot->lock);
    assert_true(berthi_slot_quarantine_locked(slot, atomic_load(&slot->current)));
    berthi_lock_drop(&slot->lock);
    berth_slot_release(slot);
    assert_int_equal(ask_base(&t), 0);
    t.evicts = true;
    assert_int_equal(reload(&t), BERTH_E_STATE);
    assert_int_equal(ask_base(&t), 0);
    end(&t);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(what_was_exchanged_goes_back),
        slot_test(what_could_be_gone_back_to_still_can),
        slot_test(what_could_be_gone_back_to_ends_with_the_next_reload),
        slot_test(a_slot_that_served_nothing_serves_nothing_again),
    };

    return slot_rig_run("reloads that fail at the end", tests, sizeof tests / sizeof *tests);
}
