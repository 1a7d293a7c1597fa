/* bundles_test.c - bundles in a runtime: all or nothing, who requires whom, reload, what is signed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <berth/bundle.h>
#include <berth/contract.h>
#include <berth/invoke.h>

#include "bundle_component.h"
#include "bundle_rig.h"

/* ---------------------------------------------------------------- loading */

static void bundles_are_loaded_with_what_they_need(void **state)
{
    bundle_rig t;

    bundle_rig_start(&t, *state, NULL);
    bundle_rig_put(&t, "all/a", "a", "1.0.0", "a", "1.0.0", 1, "", REQUIRES("x:y/b@1.0.0"));
    bundle_rig_put(&t, "all/b", "b", "1.4.0", "b", "1.2.0", 2, "", REQUIRES("x:y/c@1.0.0"));
    bundle_rig_put(&t, "all/c", "c", "0.3.0", "c", "1.0.0", 3, "", "");
    bundle_rig_put(&t, "all/d", "d", "1.0.0", "d", "1.0.0", 4, "", "");
    bundle_rig_must_load(&t, "all", "b");
    bundle_rig_assert_loaded(&t, "b@1 c@0.3");
    assert_int_equal(bundle_rig_ask(&t, "b@1", "b@1.2.0"), 2);
    assert_int_equal(bundle_rig_ask(&t, "c@0.3", "c@1.0.0"), 3);
    bundle_rig_must_load(&t, "all", NULL); /* what is there stays as it is */
    bundle_rig_assert_loaded(&t, "a@1 b@1 c@0.3 d@1");
    assert_int_equal(bundle_rig_ask(&t, "a@1", "a@1.0.0"), 1);
    assert_string_equal(t.warnings, "");
    bundle_rig_end(&t);
}

static void all_are_loaded_or_none(void **state)
{
    bundle_rig t;

    bundle_rig_start(&t, *state, NULL);
    bundle_rig_put(&t, "all/a", "a", "1.0.0", "a", "1.0.0", 1, "", "");
    bundle_rig_put(&t, "all/b", "b", "1.0.0", "b", "1.0.0", 2, "", "");
    bundle_folder_put(&t.folder, "all/b/it.wasm", "\0asm\x0d\0\1\0\7", 9); /* cut off */
    assert_int_equal(bundle_rig_load(&t, "all", NULL), BERTH_E_REJECTED);
    bundle_rig_assert_said(&t, "bundle b 1.0.0: ");
    bundle_rig_assert_loaded(&t, "");
    bundle_rig_put(&t, "all/b", "b", "1.0.0", "b", "1.0.0", 2, "", "");
    bundle_rig_must_load(&t, "all", NULL); /* and nothing was left that would be in the way */
    bundle_rig_assert_loaded(&t, "a@1 b@1");
    assert_int_equal(bundle_rig_ask(&t, "b@1", "b@1.0.0"), 2);
    bundle_rig_end(&t);
}

static void every_problem_is_said_and_nothing_is_loaded(void **state)
{
    bundle_rig t;

    bundle_rig_start(&t, *state, NULL);
    bundle_rig_put(&t, "all/a", "a", "1.0.0", "a", "1.0.0", 1, "", REQUIRES("x:y/z@1.0.0"));
    bundle_rig_put(&t, "all/b", "b", "1.0.0", "b", "1.0.0", 2, "", REQUIRES("x:y/c@1.0.0"));
    bundle_rig_put(&t, "all/c", "c", "1.0.0", "c", "1.0.0", 3, "", REQUIRES("x:y/b@1.0.0"));
    bundle_rig_put(&t, "all/d", "d", "1.0.0", "d", "1.0.0", 4, "", "");
    assert_int_equal(bundle_rig_load(&t, "all", NULL), BERTH_E_REJECTED);
    bundle_rig_assert_said(&t,
                           "missing: a 1.0.0 requires x:y/z@1.0.0, which no bundle provides");
    bundle_rig_assert_said(&t, "cycle: b 1.0.0, c 1.0.0 require each other in a circle");
    bundle_rig_assert_loaded(&t, "");
    bundle_rig_must_load(&t, "all", "d"); /* what others lack is not its problem */
    assert_int_equal(bundle_rig_load(&t, "all", "nobody"), BERTH_E_ABSENT);
    bundle_rig_assert_loaded(&t, "d@1");
    bundle_rig_end(&t);
}

static void what_is_there_twice_is_no_provider(void **state)
{
    bundle_rig t;

    bundle_rig_start(&t, *state, NULL);
    bundle_rig_put(&t, "all/a", "a", "1.0.0", "a", "1.0.0", 1, "", REQUIRES("x:y/b@1.0.0"));
    bundle_rig_put(&t, "all/b1", "b", "1.0.0", "b", "1.0.0", 2, "", "");
    bundle_rig_put(&t, "all/b2", "b", "1.0.0", "b", "1.0.0", 3, "", "");
    assert_int_equal(bundle_rig_load(&t, "all", "a"), BERTH_E_REJECTED);
    bundle_rig_assert_said(&t, "duplicate: b 1.0.0 is there more than once");
    bundle_rig_assert_loaded(&t, "");
    bundle_rig_end(&t);
}

static void a_malformed_folder_among_others_is_a_warning(void **state)
{
    bundle_rig t;

    bundle_rig_start(&t, *state, NULL);
    bundle_rig_put(&t, "all/a", "a", "1.0.0", "a", "1.0.0", 1, "", "");
    bundle_folder_text(&t.folder, "all/bad/berth.toml", "[bundle]\nname = 7\n");
    bundle_rig_must_load(&t, "all", NULL);
    bundle_rig_assert_loaded(&t, "a@1");
    assert_non_null(strstr(t.warnings, "bad/berth.toml:2:8: `bundle.name`: is an integer"));
    bundle_rig_end(&t);
}

static void a_slot_of_somebody_else_is_not_taken(void **state)
{
    bundle_rig t;

    bundle_rig_start(&t, *state, NULL);
    bundle_rig_put(&t, "all/a", "a", "1.0.0", "a", "1.0.0", 1, "", "");
    bundle_rig_put(&t, "all/b", "b", "1.0.0", "b", "1.0.0", 2, "", "");
    slot_rig_open(t.r, "b@1", NULL);
    assert_int_equal(bundle_rig_load(&t, "all", NULL), BERTH_E_STATE);
    bundle_rig_assert_said(&t, "slot 'b@1' of tenant '' exists already");
    assert_int_equal(slot_rig_runtime_stats(t.r).slots, 1);
    assert_int_equal(berth_slot_evict(t.r->runtime, NULL, "b@1"), BERTH_OK);
    bundle_rig_must_load(&t, "all", NULL);
    bundle_rig_assert_loaded(&t, "a@1 b@1");
    bundle_rig_end(&t);
}

static void versions_of_other_tracks_live_side_by_side(void **state)
{
    bundle_rig t;

    bundle_rig_start(&t, *state, NULL);
    bundle_rig_put(&t, "all/1", "a", "1.0.0", "a", "1.0.0", 1, "", "");
    bundle_rig_put(&t, "all/2", "a", "2.0.0", "a", "2.0.0", 2, "", "");
    bundle_rig_put(&t, "all/3", "a", "1.3.0", "a", "1.0.0", 3, "", ""); /* above all/1 */
    bundle_rig_must_load(&t, "all", NULL);
    bundle_rig_assert_loaded(&t, "a@1 a@2");
    assert_int_equal(bundle_rig_ask(&t, "a@1", "a@1.0.0"), 3);
    assert_int_equal(bundle_rig_ask(&t, "a@2", "a@2.0.0"), 2);
    bundle_rig_end(&t);
}

/* ---------------------------------------------------------------- finding */

static unsigned ask(bundle_rig *t, const char *contract, const char *bundle,
                    const char *interface)
{
    berth_slot *slot;
    berth_call call = BERTH_CALL_INIT;
    char expression[128];
    const char *text = "";

    if (berth_bundles_find(t->bundles, contract, bundle, &slot, &t->r->diag) != BERTH_OK)
        return 1000;
    call.arena = t->r->arena;
    call.deadline_ns = 20000 * MS;
    snprintf(expression, sizeof expression, "x:y/%s#get()", interface);
    assert_int_equal(berth_slot_evaluate(slot, expression, &call, BERTH_TEXT_WAVE, &text, NULL),
                     BERTH_OK);
    berth_slot_release(slot);
    return (unsigned)strtoul(text, NULL, 10);
}

static void a_contract_is_found_by_priority_version_and_pin(void **state)
{
    static const berth_bundle_pin pins[] = { { "x:y/pinned", "low" } };
    berth_bundles_options options = BERTH_BUNDLES_OPTIONS_INIT;
    bundle_rig t;

    options.pins = pins;
    options.pins_count = 1;
    bundle_rig_start(&t, *state, &options);
    bundle_rig_put(&t, "all/l", "low", "1.0.0", "c pinned tied", "1.3.0", 1, "", "");
    bundle_rig_put(&t, "all/h", "high", "1.0.0", "c pinned", "1.3.0", 2, "priority = 5", "");
    bundle_rig_put(&t, "all/o", "other", "1.0.0", "tied", "1.3.0", 3, "", "");
    bundle_rig_must_load(&t, "all", NULL);
    assert_int_equal(ask(&t, "x:y/c@1.0.0", NULL, "c@1.3.0"), 2);
    assert_int_equal(ask(&t, "x:y/c@1.0.0", "low", "c@1.3.0"), 1);
    assert_int_equal(ask(&t, "x:y/pinned@1.0.0", NULL, "pinned@1.3.0"), 1);
    assert_int_equal(ask(&t, "x:y/c@1.3.1", NULL, "c@1.3.0"), 1000);
    assert_int_equal(t.r->diag.status, BERTH_E_ABSENT);
    assert_int_equal(ask(&t, "x:y/tied@1.0.0", NULL, ""), 1000);
    assert_int_equal(t.r->diag.status, BERTH_E_STATE);
    bundle_rig_assert_said(&t, "low and other both provide x:y/tied@1.0.0");
    assert_int_equal(ask(&t, "x:y/c", NULL, ""), 1000);
    assert_int_equal(t.r->diag.status, BERTH_E_INVALID);
    bundle_rig_end(&t);
}

/* Versions are compared where priorities are equal only, so that no order of folders decides. */
static void the_highest_priority_is_taken_whatever_its_version(void **state)
{
    bundle_rig t;

    bundle_rig_start(&t, *state, NULL);
    bundle_rig_put(&t, "all/1", "mid", "1.0.0", "c", "1.0.0", 1, "priority = 3", "");
    bundle_rig_put(&t, "all/2", "it", "1.0.0", "c", "1.0.0", 2, "priority = 5", "");
    bundle_rig_put(&t, "all/3", "it", "2.0.0", "c", "1.0.0", 3, "priority = 1", "");
    bundle_rig_put(&t, "all/4", "a", "1.0.0", "d", "1.0.0", 4, "", "");
    bundle_rig_put(&t, "all/5", "b", "1.0.0", "d", "1.0.0", 5, "", "");
    bundle_rig_put(&t, "all/6", "a", "2.0.0", "d", "1.0.0", 6, "priority = 1",
                   ""); /* ends a tie */
    bundle_rig_must_load(&t, "all", NULL);
    assert_int_equal(ask(&t, "x:y/d@1.0.0", NULL, "d@1.0.0"), 6);
    assert_int_equal(ask(&t, "x:y/c@1.0.0", NULL, "c@1.0.0"), 2);
    bundle_rig_end(&t);
}

/* ---------------------------------------------------------------- unloading */

static void put_chain(bundle_rig *t)
{
    bundle_rig_put(t, "all/base", "base", "1.0.0", "base", "1.0.0", 1, "", "");
    bundle_rig_put(t, "all/mid", "mid", "1.0.0", "mid", "1.0.0", 2, "",
                   REQUIRES("x:y/base@1.0.0"));
    bundle_rig_put(t, "all/user", "user", "1.0.0", "user", "1.0.0", 3, "",
                   REQUIRES("x:y/base@1.0.0") REQUIRES("x:y/mid@1.0.0"));
    bundle_rig_put(t, "all/alone", "alone", "1.0.0", "alone", "1.0.0", 4, "", "");
}

static void what_others_require_stays_and_they_are_named(void **state)
{
    bundle_rig t;

    bundle_rig_start(&t, *state, NULL);
    put_chain(&t);
    bundle_rig_must_load(&t, "all", NULL);
    assert_int_equal(berth_bundles_unload(t.bundles, "base", 0, &t.r->diag), BERTH_E_STATE);
    bundle_rig_assert_said(&t, "base@1 is required by mid@1, user@1; unload those first");
    bundle_rig_assert_loaded(&t, "alone@1 base@1 mid@1 user@1");
    assert_int_equal(bundle_rig_ask(&t, "base@1", "base@1.0.0"), 1);
    assert_int_equal(berth_bundles_unload(t.bundles, "user@1", 0, NULL), BERTH_OK);
    assert_int_equal(berth_bundles_unload(t.bundles, "user", 0, NULL), BERTH_E_ABSENT);
    assert_int_equal(berth_bundles_unload(t.bundles, "mid", 0, NULL), BERTH_OK);
    assert_int_equal(berth_bundles_unload(t.bundles, "base", 0, NULL), BERTH_OK);
    bundle_rig_assert_loaded(&t, "alone@1");
    assert_int_equal(bundle_rig_ask(&t, "base@1", "base@1.0.0"), 1000);
    bundle_rig_end(&t);
}

static void a_cascade_takes_dependents_along(void **state)
{
    bundle_rig t;

    bundle_rig_start(&t, *state, NULL);
    put_chain(&t);
    bundle_rig_must_load(&t, "all", NULL);
    assert_int_equal(berth_bundles_unload(t.bundles, "mid", BERTH_UNLOAD_CASCADE, NULL),
                     BERTH_OK);
    bundle_rig_assert_loaded(&t, "alone@1 base@1");
    bundle_rig_must_load(&t, "all", NULL);
    assert_int_equal(berth_bundles_unload(t.bundles, "base", BERTH_UNLOAD_CASCADE, NULL),
                     BERTH_OK);
    bundle_rig_assert_loaded(&t, "alone@1");
    assert_int_equal(berth_bundles_unload(t.bundles, "base", 2, NULL), BERTH_E_INVALID);
    bundle_rig_end(&t);
}

static void two_versions_are_told_apart_by_their_slots(void **state)
{
    bundle_rig t;

    bundle_rig_start(&t, *state, NULL);
    bundle_rig_put(&t, "all/1", "a", "1.0.0", "a", "1.0.0", 1, "", "");
    bundle_rig_put(&t, "all/2", "a", "2.0.0", "a", "2.0.0", 2, "", "");
    bundle_rig_must_load(&t, "all", NULL);
    assert_int_equal(berth_bundles_unload(t.bundles, "a", 0, &t.r->diag), BERTH_E_STATE);
    bundle_rig_assert_said(&t, "a@1 and a@2 are loaded; name one");
    assert_int_equal(berth_bundles_unload(t.bundles, "a@1", 0, NULL), BERTH_OK);
    assert_int_equal(berth_bundles_unload(t.bundles, "a", 0, NULL), BERTH_OK);
    bundle_rig_assert_loaded(&t, "");
    bundle_rig_end(&t);
}

/* ---------------------------------------------------------------- reloading */

static void a_reload_takes_the_place_of_what_was_loaded(void **state)
{
    bundle_rig t;

    bundle_rig_start(&t, *state, NULL);
    bundle_rig_put(&t, "v1", "a", "1.0.0", "a", "1.0.0", 1, "", "");
    bundle_rig_put(&t, "v2", "a", "1.1.0", "a", "1.0.0", 2, "", "");
    bundle_rig_put(&t, "v3", "a", "2.0.0", "a", "1.0.0", 3, "", "");
    bundle_rig_must_load(&t, "v1", NULL);
    for (unsigned i = 0; i < 100; i++) { /* odd: v1 */
        bundle_rig_must_reload(&t, i % 2 == 0 ? "v2" : "v1");
        assert_int_equal(bundle_rig_ask(&t, "a@1", "a@1.0.0"), i % 2 == 0 ? 2 : 1);
    }
    assert_int_equal(bundle_rig_reload(&t, "v3"), BERTH_E_ABSENT);
    bundle_rig_assert_said(&t, "no bundle a@2 is loaded");
    bundle_rig_assert_loaded(&t, "a@1");
    bundle_rig_end(&t);
}

static void failed_reloads_leave_everything_as_it_was(void **state)
{
    bundle_rig t;

    bundle_rig_start(&t, *state, NULL);
    bundle_rig_put(&t, "v1", "a", "1.0.0", "a", "1.0.0", 1, "", "");
    bundle_rig_put(&t, "v2", "a", "1.1.0", "a", "1.0.0", 2, "", "");
    bundle_rig_must_load(&t, "v1", NULL);
    bundle_folder_put(&t.folder, "v2/it.wasm", "\0asm\x0d\0\1\0\7", 9);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(bundle_rig_reload(&t, "v2"), BERTH_E_REJECTED);
        bundle_rig_assert_loaded(&t, "a@1");
        assert_int_equal(bundle_rig_ask(&t, "a@1", "a@1.0.0"), 1);
    }
    bundle_component_put(&t.folder, "v2/it.wasm", "a", "1.0.0", 2);
    bundle_rig_must_reload(&t, "v2");
    assert_int_equal(bundle_rig_ask(&t, "a@1", "a@1.0.0"), 2);
    bundle_rig_end(&t);
}

static void a_reload_may_add_contracts_and_drop_those_that_nobody_requires(void **state)
{
    bundle_rig t;

    bundle_rig_start(&t, *state, NULL);
    bundle_rig_put(&t, "all/a", "a", "1.0.0", "one two", "1.0.0", 1, "", "");
    bundle_rig_put(&t, "all/user", "user", "1.0.0", "user", "1.0.0", 2, "",
                   REQUIRES("x:y/one@1.0.0"));
    bundle_rig_must_load(&t, "all", NULL);
    bundle_rig_put(&t, "new", "a", "1.1.0", "one three", "1.0.0", 3, "", "");
    bundle_rig_must_reload(&t, "new");
    assert_int_equal(ask(&t, "x:y/three@1.0.0", NULL, "three@1.0.0"), 3);
    assert_int_equal(ask(&t, "x:y/two@1.0.0", NULL, ""), 1000);
    bundle_rig_put(&t, "newer", "a", "1.2.0", "two three", "1.0.0", 4, "", "");
    assert_int_equal(bundle_rig_reload(&t, "newer"), BERTH_E_REJECTED);
    bundle_rig_assert_said(&t, "it does not provide any more: user@1 requires x:y/one@1.0.0");
    assert_int_equal(ask(&t, "x:y/one@1.0.0", NULL, "one@1.0.0"), 3);
    bundle_rig_end(&t);
}

static uint64_t version_of(bundle_rig *t, const char *name)
{
    berth_slot *slot;
    uint64_t version;

    assert_int_equal(berth_slot_find(t->r->runtime, NULL, name, &slot), BERTH_OK);
    version = slot_rig_stats(slot).version;
    berth_slot_release(slot);
    return version;
}

static void dependents_that_ask_for_it_are_reloaded_along(void **state)
{
    bundle_rig t;

    bundle_rig_start(&t, *state, NULL);
    bundle_rig_put(&t, "all/base", "base", "1.0.0", "base", "1.0.0", 1, "", "");
    bundle_rig_put(&t, "all/in", "in", "1.0.0", "in", "1.0.0", 2,
                   "reload = \"with-dependencies\"", REQUIRES("x:y/base@1.0.0"));
    bundle_rig_put(&t, "all/deep", "deep", "1.0.0", "deep", "1.0.0", 3,
                   "reload = \"with-dependencies\"", REQUIRES("x:y/in@1.0.0"));
    bundle_rig_put(&t, "all/out", "out", "1.0.0", "out", "1.0.0", 4, "",
                   REQUIRES("x:y/base@1.0.0"));
    bundle_rig_put(&t, "all/behind", "behind", "1.0.0", "behind", "1.0.0", 5,
                   "reload = \"with-dependencies\"", REQUIRES("x:y/out@1.0.0"));
    bundle_rig_must_load(&t, "all", NULL);
    bundle_rig_put(&t, "new", "base", "1.1.0", "base", "1.0.0", 11, "", "");
    bundle_component_put(&t.folder, "all/deep/it.wasm", "deep", "1.0.0", 13); /* read again */
    bundle_rig_must_reload(&t, "new");
    assert_int_equal(bundle_rig_ask(&t, "base@1", "base@1.0.0"), 11);
    assert_int_equal(bundle_rig_ask(&t, "deep@1", "deep@1.0.0"), 13);
    assert_int_equal(version_of(&t, "in@1"), 2);
    assert_int_equal(version_of(&t, "deep@1"), 2);
    assert_int_equal(version_of(&t, "out@1"), 1);    /* did not ask */
    assert_int_equal(version_of(&t, "behind@1"), 1); /* what it requires was not reloaded */
    bundle_rig_end(&t);
}

static void a_dependent_that_fails_keeps_all_from_being_reloaded(void **state)
{
    bundle_rig t;

    bundle_rig_start(&t, *state, NULL);
    bundle_rig_put(&t, "all/base", "base", "1.0.0", "base", "1.0.0", 1, "", "");
    bundle_rig_put(&t, "all/in", "in", "1.0.0", "in", "1.0.0", 2,
                   "reload = \"with-dependencies\"", REQUIRES("x:y/base@1.0.0"));
    bundle_rig_must_load(&t, "all", NULL);
    bundle_rig_put(&t, "new", "base", "1.1.0", "base", "1.0.0", 11, "", "");
    bundle_folder_put(&t.folder, "all/in/it.wasm", "\0asm\x0d\0\1\0\7", 9);
    assert_int_equal(bundle_rig_reload(&t, "new"), BERTH_E_REJECTED);
    bundle_rig_assert_said(&t, "bundle in 1.0.0: ");
    assert_int_equal(bundle_rig_ask(&t, "base@1", "base@1.0.0"), 1);
    assert_int_equal(version_of(&t, "base@1"), 1);
    bundle_rig_put(&t, "all/in", "in", "2.0.0", "in", "1.0.0", 2, "", "");
    assert_int_equal(bundle_rig_reload(&t, "new"), BERTH_E_REJECTED);
    bundle_rig_assert_said(&t, "it is in@2 now, and was in@1");
    bundle_rig_end(&t);
}

static void a_reload_closes_no_circle(void **state)
{
    bundle_rig t;

    bundle_rig_start(&t, *state, NULL);
    bundle_rig_put(&t, "all/a", "a", "1.0.0", "a", "1.0.0", 1, "", "");
    bundle_rig_put(&t, "all/b", "b", "1.0.0", "b", "1.0.0", 2, "", REQUIRES("x:y/a@1.0.0"));
    bundle_rig_must_load(&t, "all", NULL);
    bundle_rig_put(&t, "new", "a", "1.1.0", "a", "1.0.0", 3, "", REQUIRES("x:y/b@1.0.0"));
    assert_int_equal(bundle_rig_reload(&t, "new"), BERTH_E_REJECTED);
    bundle_rig_assert_said(&t, "cycle: a 1.1.0, b 1.0.0");
    bundle_rig_put(&t, "new", "a", "1.1.0", "a", "1.0.0", 3, "", REQUIRES("x:y/none@1.0.0"));
    assert_int_equal(bundle_rig_reload(&t, "new"), BERTH_E_REJECTED);
    bundle_rig_assert_said(&t, "missing: a 1.1.0 requires x:y/none@1.0.0");
    assert_int_equal(bundle_rig_ask(&t, "a@1", "a@1.0.0"), 1);
    bundle_rig_end(&t);
}

/* ---------------------------------------------------------------- signatures */

static void sign(bundle_rig *t, const char *dir, const berth_key_pair *pair)
{
    char text[BERTH_SIGNATURE_TEXT_MAX], path[128];

    assert_int_equal(
        berth_bundle_sign(NULL, bundle_folder_at(&t->folder, dir), pair, text, NULL, NULL),
        BERTH_OK);
    snprintf(path, sizeof path, "%s/berth.sig", dir);
    bundle_folder_put(&t->folder, path, text, strlen(text));
}

static void signatures_are_checked_at_each_load_and_reload(void **state)
{
    berth_bundles_options options = BERTH_BUNDLES_OPTIONS_INIT;
    berth_key_pair ours, other;
    bundle_rig t;

    assert_int_equal(berth_key_generate(&ours, NULL), BERTH_OK);
    assert_int_equal(berth_key_generate(&other, NULL), BERTH_OK);
    options.policy = BERTH_SIGNATURE_REQUIRE;
    options.keys = ours.public_key;
    options.keys_count = 1;
    bundle_rig_start(&t, *state, &options);
    bundle_rig_put(&t, "v1", "a", "1.0.0", "a", "1.0.0", 1, "", "");
    bundle_rig_put(&t, "v2", "a", "1.1.0", "a", "1.0.0", 2, "", "");
    assert_int_equal(bundle_rig_load(&t, "v1", NULL), BERTH_E_REJECTED);
    bundle_rig_assert_said(&t, "it is not signed; signatures are required");
    sign(&t, "v1", &other);
    assert_int_equal(bundle_rig_load(&t, "v1", NULL), BERTH_E_REJECTED);
    bundle_rig_assert_said(&t, "a key that is not trusted");
    sign(&t, "v1", &ours);
    bundle_rig_must_load(&t, "v1", NULL);
    assert_int_equal(bundle_rig_reload(&t, "v2"),
                     BERTH_E_REJECTED); /* a signed one by one that is not */
    sign(&t, "v2", &ours);
    bundle_component_put(&t.folder, "v2/it.wasm", "a", "1.0.0", 3);
    assert_int_equal(bundle_rig_reload(&t, "v2"), BERTH_E_REJECTED);
    bundle_rig_assert_said(&t, "it is not what was signed");
    assert_int_equal(bundle_rig_ask(&t, "a@1", "a@1.0.0"), 1);
    sign(&t, "v2", &ours);
    bundle_rig_must_reload(&t, "v2");
    assert_int_equal(bundle_rig_ask(&t, "a@1", "a@1.0.0"), 3);
    bundle_rig_end(&t);
}

static void a_warning_says_what_is_wrong_with_a_signature(void **state)
{
    berth_bundles_options options = BERTH_BUNDLES_OPTIONS_INIT;
    bundle_rig t;

    options.policy = BERTH_SIGNATURE_WARN;
    bundle_rig_start(&t, *state, &options);
    bundle_rig_put(&t, "v1", "a", "1.0.0", "a", "1.0.0", 1, "", "");
    bundle_rig_must_load(&t, "v1", NULL);
    assert_non_null(strstr(t.warnings, "v1: signature check failed: it is not signed"));
    bundle_rig_end(&t);
}

static void signatures_that_are_required_need_a_key(void **state)
{
    berth_bundles_options options = BERTH_BUNDLES_OPTIONS_INIT;
    slot_rig *r = *state;
    berth_bundles *bundles;

    options.policy = BERTH_SIGNATURE_REQUIRE;
    assert_int_equal(berth_bundles_create(r->runtime, &options, &bundles, NULL),
                     BERTH_E_INVALID);
}

/* ---------------------------------------------------------------- what the host says */

static void limits_of_a_manifest_are_below_those_of_the_host(void **state)
{
    berth_bundles_options options = BERTH_BUNDLES_OPTIONS_INIT;
    berth_slot_options slot = BERTH_SLOT_OPTIONS_INIT;
    bundle_rig t;

    slot.tenant = "them";
    slot.memory_bytes_max = 1 << 20;
    options.slot = &slot;
    bundle_rig_start(&t, *state, &options);
    slot.tenant = "nobody"; /* was copied */
    bundle_rig_put(&t, "a", "a", "1.0.0", "a", "1.0.0", 1, "",
                   "[limits]\nmemory = \"1GiB\"\ncalls = 4\n");
    bundle_rig_must_load(&t, "a", NULL); /* 1 GiB is more than the runtime gives to any */
    assert_int_equal(bundle_rig_ask(&t, "a@1", "a@1.0.0"), 1000);
    assert_int_equal(ask(&t, "x:y/a@1.0.0", NULL, "a@1.0.0"), 1);
    bundle_rig_end(&t);
}

static void a_manifest_may_ask_for_more_than_the_runtime_gives(void **state)
{
    bundle_rig t;

    bundle_rig_start(&t, *state, NULL);
    bundle_rig_put(&t, "a", "a", "1.0.0", "a", "1.0.0", 1, "", "[limits]\nmemory = \"4GiB\"\n");
    bundle_rig_must_load(&t, "a", NULL); /* and gets what the runtime gives */
    assert_int_equal(bundle_rig_ask(&t, "a@1", "a@1.0.0"), 1);
    bundle_rig_end(&t);
}

static void contracts_that_the_host_knows_are_kept(void **state)
{
    static const char wit[] = "package x:y@1.0.0; interface a { get: func() -> u32; }";
    static const char other[] = "package x:y@1.0.0; interface b { get: func() -> u64; }";
    berth_bundles_options options = BERTH_BUNDLES_OPTIONS_INIT;
    const struct berth_contract *contracts[2];
    berth_contract *a, *b;
    bundle_rig t;

    assert_int_equal(berth_contract_parse(NULL, wit, strlen(wit), "a", &a, NULL), BERTH_OK);
    assert_int_equal(berth_contract_parse(NULL, other, strlen(other), "b", &b, NULL), BERTH_OK);
    contracts[0] = a;
    contracts[1] = b;
    options.contracts = contracts;
    options.contracts_count = 2;
    bundle_rig_start(&t, *state, &options);
    berth_contract_destroy(a);
    berth_contract_destroy(b);
    bundle_rig_put(&t, "a", "a", "1.0.0", "a", "1.0.0", 1, "", "");
    bundle_rig_put(&t, "b", "b", "1.0.0", "b", "1.0.0", 2, "", "");
    bundle_rig_put(&t, "c", "c", "1.0.0", "a b", "1.0.0", 3, "", "");
    bundle_rig_must_load(&t, "a", NULL);
    assert_int_equal(bundle_rig_load(&t, "b", NULL), BERTH_E_REJECTED);
    assert_int_equal(bundle_rig_load(&t, "c", NULL), BERTH_E_REJECTED); /* each of them */
    bundle_rig_assert_said(&t, "u64");
    bundle_rig_assert_loaded(&t, "a@1");
    bundle_rig_end(&t);
}

static void a_reload_keeps_contracts_that_the_first_load_did_not_provide(void **state)
{
    static const char wit[] = "package x:y@1.0.0; interface b { get: func() -> u64; }";
    berth_bundles_options options = BERTH_BUNDLES_OPTIONS_INIT;
    const struct berth_contract *contracts[1];
    berth_contract *b;
    bundle_rig t;

    assert_int_equal(berth_contract_parse(NULL, wit, strlen(wit), "b", &b, NULL), BERTH_OK);
    contracts[0] = b;
    options.contracts = contracts;
    options.contracts_count = 1;
    bundle_rig_start(&t, *state, &options);
    berth_contract_destroy(b);
    bundle_rig_put(&t, "v1", "a", "1.0.0", "a", "1.0.0", 1, "", "");
    bundle_rig_put(&t, "v2", "a", "1.1.0", "a b", "1.0.0", 2, "", ""); /* its b gives an u32 */
    bundle_rig_must_load(&t, "v1", NULL);
    assert_int_equal(bundle_rig_reload(&t, "v2"), BERTH_E_REJECTED);
    bundle_rig_assert_said(&t, "u64");
    assert_int_equal(bundle_rig_ask(&t, "a@1", "a@1.0.0"), 1);
    bundle_rig_end(&t);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(bundles_are_loaded_with_what_they_need),
        slot_test(all_are_loaded_or_none),
        slot_test(every_problem_is_said_and_nothing_is_loaded),
        slot_test(what_is_there_twice_is_no_provider),
        slot_test(a_malformed_folder_among_others_is_a_warning),
        slot_test(a_slot_of_somebody_else_is_not_taken),
        slot_test(versions_of_other_tracks_live_side_by_side),
        slot_test(a_contract_is_found_by_priority_version_and_pin),
        slot_test(the_highest_priority_is_taken_whatever_its_version),
        slot_test(what_others_require_stays_and_they_are_named),
        slot_test(a_cascade_takes_dependents_along),
        slot_test(two_versions_are_told_apart_by_their_slots),
        slot_test(a_reload_takes_the_place_of_what_was_loaded),
        slot_test(failed_reloads_leave_everything_as_it_was),
        slot_test(a_reload_may_add_contracts_and_drop_those_that_nobody_requires),
        slot_test(dependents_that_ask_for_it_are_reloaded_along),
        slot_test(a_dependent_that_fails_keeps_all_from_being_reloaded),
        slot_test(a_reload_closes_no_circle),
        slot_test(signatures_are_checked_at_each_load_and_reload),
        slot_test(a_warning_says_what_is_wrong_with_a_signature),
        slot_test(signatures_that_are_required_need_a_key),
        slot_test(limits_of_a_manifest_are_below_those_of_the_host),
        slot_test(a_manifest_may_ask_for_more_than_the_runtime_gives),
        slot_test(contracts_that_the_host_knows_are_kept),
        slot_test(a_reload_keeps_contracts_that_the_first_load_did_not_provide),
    };

    return slot_rig_run("bundles", tests, sizeof tests / sizeof *tests);
}
