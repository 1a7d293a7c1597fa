/* bundle_links_test.c - plugins of bundles that call those of other bundles. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/invoke.h>

#include "bundle_rig.h"
#include "links_bundle.h"

static berth_slot_options patient(void)
{
    berth_slot_options slot = BERTH_SLOT_OPTIONS_INIT;

    slot.deadline_ns = SLOT_RIG_PATIENCE_NS; /* of an inner call, which has no other */
    slot.probe_deadline_ns = SLOT_RIG_PATIENCE_NS;
    return slot;
}

static void start(bundle_rig *t, slot_rig *r)
{
    berth_bundles_options options = BERTH_BUNDLES_OPTIONS_INIT;
    berth_slot_options slot = patient();

    options.slot = &slot;
    bundle_rig_start(t, r, &options);
}

/* What get() of u gives. */
static unsigned u(bundle_rig *t)
{
    unsigned value = 1001;
    berth_status status = bundle_rig_get(t, "u@1", "x:u/u@1.0.0", 0, &value);

    if (status != BERTH_OK)
        print_message("%s\n", t->r->diag.text);
    return value;
}

static berth_slot_stats stats_of(bundle_rig *t, const char *name)
{
    berth_slot_stats stats = BERTH_SLOT_STATS_INIT;
    berth_slot *slot;

    assert_int_equal(berth_slot_find(t->r->runtime, NULL, name, &slot), BERTH_OK);
    assert_int_equal(berth_slot_stats_read(slot, &stats, NULL), BERTH_OK);
    berth_slot_release(slot);
    return stats;
}

static const bundle_caller calls_b = { .imports = "b", .value = 20 };

/* u calls b of x:y. */
static void put_pair(bundle_rig *t, uint8_t value)
{
    bundle_rig_put(t, "all/b", "b", "1.0.0", "b", "1.0.0", value, "", "");
    bundle_rig_put_caller(t, "all/u", "u", "1.0.0", &calls_b, "", REQUIRES("x:y/b@1.0.0"));
}

/* ---------------------------------------------------------------- bound */

static void an_import_that_is_required_is_bound_to_the_slot_that_gives_it(void **state)
{
    bundle_rig t;

    start(&t, *state);
    put_pair(&t, 3);
    bundle_rig_must_load(&t, "all", NULL);
    assert_int_equal(u(&t), 23);
    assert_int_equal(u(&t), 23);
    assert_int_equal(stats_of(&t, "u@1").answered, 2);
    assert_int_equal(stats_of(&t, "b@1").calls, 2);
    assert_int_equal(stats_of(&t, "b@1").answered, 2);
    bundle_rig_end(&t);
}

static void two_imports_are_bound_to_two_slots(void **state)
{
    const bundle_caller caller = { .imports = "b c", .value = 1 };
    bundle_rig t;

    start(&t, *state);
    bundle_rig_put(&t, "all/b", "b", "1.0.0", "b", "1.0.0", 10, "", "");
    bundle_rig_put(&t, "all/c", "c", "1.0.0", "c", "1.0.0", 30, "", "");
    bundle_rig_put_caller(&t, "all/u", "u", "1.0.0", &caller, "",
                          REQUIRES("x:y/b@1.0.0") REQUIRES("x:y/c@1.0.0"));
    bundle_rig_must_load(&t, "all", NULL);
    assert_int_equal(u(&t), 41);
    bundle_rig_end(&t);
}

/* The same bytes in two slots are linked to whom each was given. */
static void one_artifact_calls_in_each_slot_whom_that_requires(void **state)
{
    bundle_rig t;
    unsigned value = 0;

    start(&t, *state);
    bundle_rig_put(&t, "all/b1", "b1", "1.0.0", "b", "1.0.0", 1, "", "");
    bundle_rig_put(&t, "all/b2", "b2", "1.0.0", "b", "1.0.0", 2, "", "");
    bundle_rig_put_caller(&t, "all/u", "u", "1.0.0", &calls_b, "",
                          REQUIRES("x:y/b@1.0.0") "bundle = \"b1\"\n");
    bundle_rig_put_caller(&t, "all/v", "v", "1.0.0", &calls_b, "",
                          REQUIRES("x:y/b@1.0.0") "bundle = \"b2\"\n");
    bundle_rig_must_load(&t, "all", NULL);
    assert_int_equal(u(&t), 21);
    assert_int_equal(bundle_rig_get(&t, "v@1", "x:u/u@1.0.0", 0, &value), BERTH_OK);
    assert_int_equal(value, 22);
    bundle_rig_end(&t);
}

static void who_gives_it_is_chosen_by_priority_and_by_pins(void **state)
{
    const berth_bundle_pin pin = { "x:y/b", "b1" };
    berth_bundles_options options = BERTH_BUNDLES_OPTIONS_INIT;
    berth_slot_options slot = patient();
    bundle_rig t;

    options.slot = &slot;
    for (int pinned = 0; pinned < 2; pinned++) {
        options.pins = &pin;
        options.pins_count = (uint32_t)pinned;
        bundle_rig_start(&t, *state, &options);
        bundle_rig_put(&t, "all/b1", "b1", "1.0.0", "b", "1.0.0", 1, "", "");
        bundle_rig_put(&t, "all/b2", "b2", "1.0.0", "b", "1.0.0", 2, "priority = 1\n", "");
        bundle_rig_put_caller(&t, "all/u", "u", "1.0.0", &calls_b, "", REQUIRES("x:y/b@1.0.0"));
        bundle_rig_must_load(&t, "all", NULL);
        assert_int_equal(u(&t), pinned ? 21 : 22);
        bundle_rig_end(&t);
    }
}

static void a_later_compatible_version_of_the_contract_serves(void **state)
{
    bundle_rig t;

    start(&t, *state);
    put_pair(&t, 3);
    bundle_rig_put(&t, "all/b", "b", "1.1.0", "b", "1.2.0", 4, "", "");
    bundle_rig_put(&t, "b2", "b", "1.2.0", "b c", "1.3.0", 5, "", "");
    bundle_rig_must_load(&t, "all", NULL);
    assert_int_equal(u(&t), 24);
    bundle_rig_must_reload(&t, "b2");
    assert_int_equal(u(&t), 25);
    bundle_rig_end(&t);
}

static void a_plugin_that_starts_may_call_what_is_loaded_with_it(void **state)
{
    const bundle_caller caller = { .imports = "b", .value = 20, .starts = true };
    bundle_rig t;

    start(&t, *state);
    bundle_rig_put(&t, "all/b", "b", "1.0.0", "b", "1.0.0", 3, "", "");
    bundle_rig_put_caller(&t, "all/u", "u", "1.0.0", &caller,
                          "reload = \"with-dependencies\"\n", REQUIRES("x:y/b@1.0.0"));
    bundle_rig_must_load(&t, "all", NULL);
    assert_true(stats_of(&t, "b@1").calls > 0);
    assert_int_equal(u(&t), 23);
    bundle_rig_put(&t, "all/b", "b", "1.0.1", "b", "1.0.0", 4, "", "");
    bundle_rig_must_reload(&t, "all/b"); /* and u, which starts with the new one */
    assert_int_equal(u(&t), 24);
    bundle_rig_end(&t);
}

/* ---------------------------------------------------------------- refused at load */

static void must_not_load(bundle_rig *t, const char *text)
{
    assert_int_equal(bundle_rig_load(t, "all", NULL), BERTH_E_REJECTED);
    bundle_rig_assert_said(t, text);
    bundle_rig_assert_loaded(t, "");
}

static void what_is_not_declared_is_not_bound(void **state)
{
    bundle_rig t;

    start(&t, *state);
    put_pair(&t, 3);
    bundle_rig_put_caller(&t, "all/u", "u", "1.0.0", &calls_b, "", "");
    must_not_load(&t, "what another bundle provides has to be in `requires`");
    bundle_rig_end(&t);
}

static void an_import_above_what_is_required_is_refused(void **state)
{
    const bundle_caller caller = { .imports = "b", .imports_version = "1.1.0" };
    bundle_rig t;

    start(&t, *state);
    bundle_rig_put(&t, "all/b", "b", "1.0.0", "b", "1.2.0", 3, "", "");
    bundle_rig_put_caller(&t, "all/u", "u", "1.0.0", &caller, "", REQUIRES("x:y/b@1.0.0"));
    must_not_load(&t, "import `x:y/b@1.1.0#get`: `requires` says x:y/b@1.0.0, which is lower");
    bundle_rig_end(&t);
}

static void a_function_of_another_type_is_refused(void **state)
{
    const bundle_caller caller = { .imports = "b", .type = "func() -> s32" };
    bundle_rig t;

    start(&t, *state);
    put_pair(&t, 3);
    bundle_rig_put_caller(&t, "all/u", "u", "1.0.0", &caller, "", REQUIRES("x:y/b@1.0.0"));
    must_not_load(&t, "import `x:y/b@1.0.0#get`: slot 'b@1', which is to give it, does not: it "
                      "is func()->u32 there, and not func()->s32");
    bundle_rig_end(&t);
}

static void handles_are_refused(void **state)
{
    const bundle_caller caller = { .imports = "b",
                                   .types = "resource r;",
                                   .type = "func() -> own<r>" };
    bundle_rig t;

    start(&t, *state);
    put_pair(&t, 3);
    bundle_rig_put_caller(&t, "all/u", "u", "1.0.0", &caller, "", REQUIRES("x:y/b@1.0.0"));
    must_not_load(&t, "it is about resources, which belong to one instance of one plugin");
    bundle_rig_end(&t);
}

/* ---------------------------------------------------------------- what cannot be called */

static void what_is_optional_and_missing_is_told_when_it_is_called(void **state)
{
    bundle_rig t;
    unsigned value;

    start(&t, *state);
    bundle_rig_put_caller(&t, "all/u", "u", "1.0.0", &calls_b, "",
                          REQUIRES("x:y/b@1.0.0") "optional = true\n");
    bundle_rig_must_load(&t, "all", NULL);
    assert_int_equal(bundle_rig_get(&t, "u@1", "x:u/u@1.0.0", 0, &value), BERTH_E_ABSENT);
    bundle_rig_assert_said(&t,
                           "'u@1' calls x:y/b@1.0.0#get of 'nobody': x:y/b@1.0.0 is optional");
    bundle_rig_put(&t, "b", "b", "1.0.0", "b", "1.0.0", 3, "", "");
    bundle_rig_must_load(&t, "b", NULL);
    bundle_rig_must_reload(&t, "all/u"); /* now it is there */
    assert_int_equal(u(&t), 23);
    bundle_rig_end(&t);
}

static void a_provider_that_was_evicted_is_named_with_who_calls_it(void **state)
{
    bundle_rig t;
    unsigned value;

    start(&t, *state);
    put_pair(&t, 3);
    bundle_rig_must_load(&t, "all", NULL);
    assert_int_equal(u(&t), 23);
    assert_int_equal(berth_slot_evict(t.r->runtime, NULL, "b@1"), BERTH_OK);
    assert_int_equal(bundle_rig_get(&t, "u@1", "x:u/u@1.0.0", 0, &value), BERTH_E_ABSENT);
    bundle_rig_assert_said(&t,
                           "'u@1' calls x:y/b@1.0.0#get of 'b@1': slot 'b@1' has no plugin");
    bundle_rig_end(&t);
}

static void a_provider_that_traps_ends_the_call_and_nothing_else(void **state)
{
    static const uint8_t trap[] = { 0x00 };
    const bundle_caller provider = {
        .own = "x:y", .exports = "b", .code = trap, .code_size = 1
    };
    bundle_rig t;
    unsigned value;

    start(&t, *state);
    put_pair(&t, 3);
    bundle_rig_must_load(&t, "all", NULL);
    bundle_rig_put_caller(&t, "bad", "b", "1.0.1", &provider, "", "");
    bundle_rig_must_reload(&t, "bad");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(bundle_rig_get(&t, "u@1", "x:u/u@1.0.0", 0, &value), BERTH_E_TRAP);
        bundle_rig_assert_said(&t, "'u@1' calls x:y/b@1.0.0#get of 'b@1': x:y/b@1.0.0#get");
    }
    assert_int_equal(stats_of(&t, "b@1").traps, 2);
    assert_int_equal(stats_of(&t, "u@1").traps, 2);
    bundle_rig_must_reload(&t, "all/b");
    assert_int_equal(u(&t), 23);
    bundle_rig_end(&t);
}

static void what_is_left_of_the_outer_call_bounds_the_inner_one(void **state)
{
    static const uint8_t loop[] = { 0x03, 0x40, 0x0c, 0x00, 0x0b };
    const bundle_caller provider = {
        .own = "x:y", .exports = "b", .code = loop, .code_size = sizeof loop
    };
    bundle_rig t;
    unsigned value, ended = 0;

    start(&t, *state);
    bundle_rig_put_caller(&t, "all/b", "b", "1.0.0", &provider, "", "");
    bundle_rig_put_caller(&t, "all/u", "u", "1.0.0", &calls_b, "", REQUIRES("x:y/b@1.0.0"));
    bundle_rig_must_load(&t, "all", NULL);
    /* Its own slot would let it run for minutes.  On a busy machine the outer call may be over before it
     * gets there. */
    for (unsigned ms = 50; stats_of(&t, "b@1").calls == 0; ms *= 4) {
        assert_true(ms * MS < SLOT_RIG_PATIENCE_NS);
        assert_int_equal(bundle_rig_get(&t, "u@1", "x:u/u@1.0.0", ms, &value),
                         BERTH_E_DEADLINE);
        ended++;
    }
    bundle_rig_assert_said(&t, "'u@1' calls x:y/b@1.0.0#get of 'b@1': x:y/b@1.0.0#get");
    assert_int_equal(stats_of(&t, "b@1").deadlines, 1);
    assert_int_equal(stats_of(&t, "u@1").deadlines, ended);
    bundle_rig_end(&t);
}

/* The coarse clock is another one when it comes back. */
static berth_status rest(void *ctx, const void *args, void *result, berth_host_call *call)
{
    (void)args, (void)call;
    slot_rig_sleep_ms(5);
    slot_rig_wait_ticks(ctx);
    *(uint32_t *)result = 9;
    return BERTH_OK;
}

/* u calls m, which rests and calls b. */
static void a_call_without_end_leaves_its_inner_calls_what_their_slots_give(void **state)
{
    static const char wit[] = "package x:y@1.0.0; interface rest { get: func() -> u32; }";
    const bundle_caller resting = { .own = "x:m", .imports = "rest b" };
    const bundle_caller caller = { .from = "x:m", .imports = "u", .value = 20 };
    berth_runtime_options runtime = BERTH_RUNTIME_OPTIONS_INIT;
    slot_rig *r = *state;
    unsigned value = 0;
    bundle_rig t;

    assert_int_equal(berth_host_create(&r->allocator, &runtime.host, NULL), BERTH_OK);
    assert_int_equal(berth_host_declare(runtime.host, wit, sizeof wit - 1, NULL), BERTH_OK);
    assert_int_equal(
        berth_host_bind(runtime.host, "x:y/rest@1.0.0", "get", 0, 4, rest, r, NULL), BERTH_OK);
    slot_rig_restart(r, runtime);
    start(&t, r);
    bundle_rig_put(&t, "all/b", "b", "1.0.0", "b", "1.0.0", 30, "", "");
    bundle_rig_put_caller(&t, "all/m", "m", "1.0.0", &resting, "", REQUIRES("x:y/b@1.0.0"));
    bundle_rig_put_caller(&t, "all/u", "u", "1.0.0", &caller, "", REQUIRES("x:m/u@1.0.0"));
    bundle_rig_must_load(&t, "all", NULL);
    if (bundle_rig_get_within(&t, "u@1", "x:u/u@1.0.0", UINT64_MAX, &value) != BERTH_OK)
        fail_msg("%s", t.r->diag.text);
    assert_int_equal(value, 59);
    bundle_rig_end(&t);
    slot_rig_restart(r, (berth_runtime_options)BERTH_RUNTIME_OPTIONS_INIT);
    berth_host_destroy(runtime.host);
}

/* ---------------------------------------------------------------- chains and circles */

/* Each calls the one before; the last but one is as deep as calls go. */
static void chains_are_as_long_as_calls_may_be_nested(void **state)
{
    enum { LENGTH = 8 };
    char dir[LENGTH + 1][16], name[LENGTH + 1][16], own[LENGTH + 1][16], needs[128];
    bundle_rig t;
    unsigned value = 0;

    start(&t, *state);
    bundle_rig_put(&t, "all/b", "b", "1.0.0", "b", "1.0.0", 1, "", "");
    for (int i = 0; i <= LENGTH; i++) {
        bundle_caller caller = { .own = own[i], .value = 1 };

        snprintf(dir[i], sizeof dir[i], "all/c%d", i);
        snprintf(name[i], sizeof name[i], "c%d", i);
        snprintf(own[i], sizeof own[i], "c:c%d", i);
        caller.from = i == 0 ? "x:y" : own[i - 1];
        caller.imports = i == 0 ? "b" : "u";
        snprintf(needs, sizeof needs, "[[requires]]\ncontract = \"%s/%s@1.0.0\"\n", caller.from,
                 caller.imports);
        bundle_rig_put_caller(&t, dir[i], name[i], "1.0.0", &caller, "", needs);
    }
    bundle_rig_must_load(&t, "all", NULL);
    assert_int_equal(bundle_rig_get(&t, "c6@1", "c:c6/u@1.0.0", 0, &value), BERTH_OK);
    assert_int_equal(value, 8);
    assert_int_equal(bundle_rig_get(&t, "c7@1", "c:c7/u@1.0.0", 0, &value), BERTH_E_LIMIT);
    bundle_rig_assert_said(&t, "'c7@1' calls c:c6/u@1.0.0#get of 'c6@1'");
    bundle_rig_end(&t);
}

/* b stood above u before it stood below. */
static void nobody_is_in_one_chain_twice(void **state)
{
    const bundle_caller above = {
        .own = "x:y", .exports = "b", .from = "x:u", .imports = "u", .value = 1
    };
    const bundle_caller alone = { .value = 7 };
    berth_slot *slot;
    bundle_rig t;
    unsigned value = 0;

    start(&t, *state);
    bundle_rig_put_caller(&t, "all/u", "u", "1.0.0", &alone, "", "");
    bundle_rig_put_caller(&t, "all/b", "b", "1.0.0", &above, "", REQUIRES("x:u/u@1.0.0"));
    bundle_rig_must_load(&t, "all", NULL);
    assert_int_equal(bundle_rig_ask(&t, "b@1", "b@1.0.0"), 8);
    bundle_rig_put_caller(&t, "u2", "u", "1.0.1", &calls_b, "", REQUIRES("x:y/b@1.0.0"));
    assert_int_equal(bundle_rig_reload(&t, "u2"), BERTH_E_REJECTED);
    bundle_rig_assert_said(&t, "cycle: b 1.0.0, u 1.0.1 would require each other in a circle");
    bundle_rig_put(&t, "b2", "b", "1.0.1", "b", "1.0.0", 3, "", "");
    bundle_rig_must_reload(&t, "b2");
    bundle_rig_must_reload(&t, "u2");
    assert_int_equal(u(&t), 23);
    assert_int_equal(berth_slot_find(t.r->runtime, NULL, "b@1", &slot), BERTH_OK);
    assert_int_equal(berth_slot_rollback(slot, NULL, NULL),
                     BERTH_OK); /* nobody asked the graph */
    berth_slot_release(slot);
    assert_int_equal(bundle_rig_get(&t, "u@1", "x:u/u@1.0.0", 0, &value), BERTH_E_STATE);
    bundle_rig_assert_said(&t, "'u@1' calls x:y/b@1.0.0#get of 'b@1'");
    bundle_rig_assert_said(&t,
                           "'b@1' calls x:u/u@1.0.0#get of 'u@1': that slot is in this chain");
    bundle_rig_end(&t);
}

/* ---------------------------------------------------------------- providers that change */

static void what_others_call_is_not_taken_away(void **state)
{
    const bundle_caller breaking = { .own = "x:y", .exports = "c" };
    berth_installed installed;
    berth_slot *slot;
    bundle_rig t;

    start(&t, *state);
    bundle_rig_put(&t, "all/b", "b", "1.0.0", "b c", "1.0.0", 3, "", "");
    bundle_rig_put_caller(&t, "all/u", "u", "1.0.0", &calls_b, "", REQUIRES("x:y/b@1.0.0"));
    bundle_rig_must_load(&t, "all", NULL);
    /* Into the slot, past the manifests. */
    assert_int_equal(berth_slot_find(t.r->runtime, NULL, "b@1", &slot), BERTH_OK);
    bundle_component_put_caller(&t.folder, "x.wasm", &breaking);
    assert_int_equal(berth_slot_install_file(slot, bundle_folder_at(&t.folder, "x.wasm"),
                                             &installed, &t.r->diag),
                     BERTH_E_REJECTED);
    bundle_rig_assert_said(&t, "'u@1' calls x:y/b@1.0.0#get of slot 'b@1': it exports no "
                               "'x:y/b@1.0.0'; unload it first");
    assert_int_equal(u(&t), 23);
    assert_int_equal(berth_bundles_unload(t.bundles, "u", 0, NULL), BERTH_OK);
    assert_int_equal(berth_slot_install_file(slot, bundle_folder_at(&t.folder, "x.wasm"),
                                             &installed, &t.r->diag),
                     BERTH_OK);
    berth_slot_release(slot);
    bundle_rig_end(&t);
}

/* Of the same name, version and manifest, and another type: only what is called shows it. */
static void a_reload_that_changes_a_type_is_refused_while_somebody_calls_it(void **state)
{
    bundle_rig t;
    const bundle_caller caller = { .imports = "b", .type = "func() -> s32" };
    const bundle_caller other = {
        .own = "x:y", .exports = "b", .own_type = "func() -> s32", .value = 7
    };

    start(&t, *state);
    put_pair(&t, 3);
    bundle_rig_must_load(&t, "all", NULL);
    bundle_rig_put(&t, "b2", "b", "1.0.1", "b", "1.0.0", 4, "", "");
    bundle_component_put_caller(&t.folder, "b2/it.wasm", &other);
    assert_int_equal(bundle_rig_reload(&t, "b2"), BERTH_E_REJECTED);
    bundle_rig_assert_said(&t, "'u@1' calls x:y/b@1.0.0#get of slot 'b@1': it is func()->s32 "
                               "there, and not func()->u32");
    assert_int_equal(u(&t), 23);
    assert_int_equal(berth_bundles_unload(t.bundles, "u", 0, NULL), BERTH_OK);
    bundle_rig_must_reload(&t, "b2");
    /* And who is built for the other type is welcome. */
    bundle_rig_put_caller(&t, "all/u", "u", "1.0.0", &caller, "", REQUIRES("x:y/b@1.0.0"));
    bundle_rig_must_load(&t, "all/u", NULL);
    assert_int_equal(u(&t), 7);
    bundle_rig_end(&t);
}

/* ---------------------------------------------------------------- the host beside them */

static berth_status give_nine(void *ctx, const void *args, void *result, berth_host_call *call)
{
    (void)ctx, (void)args, (void)call;
    *(uint32_t *)result = 9;
    return BERTH_OK;
}

static void what_is_declared_comes_from_nobody_else(void **state)
{
    static const char wit[] = "package x:y@1.0.0; interface b { get: func() -> u32; }\n"
                              "interface c { get: func() -> u32; }";
    const bundle_caller caller = { .imports = "b c" };
    berth_runtime_options runtime = BERTH_RUNTIME_OPTIONS_INIT;
    slot_rig *r = *state;
    bundle_rig t;

    assert_int_equal(berth_host_create(&r->allocator, &runtime.host, NULL), BERTH_OK);
    assert_int_equal(berth_host_declare(runtime.host, wit, sizeof wit - 1, NULL), BERTH_OK);
    assert_int_equal(
        berth_host_bind(runtime.host, "x:y/b@1.0.0", "get", 0, 4, give_nine, NULL, NULL),
        BERTH_OK);
    assert_int_equal(
        berth_host_bind(runtime.host, "x:y/c@1.0.0", "get", 0, 4, give_nine, NULL, NULL),
        BERTH_OK);
    slot_rig_restart(r, runtime);
    start(&t, r);
    bundle_rig_put(&t, "all/b", "b", "1.0.0", "b", "1.0.0", 30, "", "");
    bundle_rig_put_caller(&t, "all/u", "u", "1.0.0", &caller, "", REQUIRES("x:y/b@1.0.0"));
    bundle_rig_must_load(&t, "all", NULL);
    assert_int_equal(u(&t), 39); /* b of the bundle, c of the host */
    bundle_rig_end(&t);
    slot_rig_restart(r, (berth_runtime_options)BERTH_RUNTIME_OPTIONS_INIT);
    berth_host_destroy(runtime.host);
}

/* ---------------------------------------------------------------- in every form */

static berth_status ask(bundle_rig *t, const char *expression, const char **text)
{
    berth_call call = BERTH_CALL_INIT;
    berth_slot *slot;
    berth_status status;
    char name[128];

    memset(&t->r->diag, 0, sizeof t->r->diag);
    assert_int_equal(berth_slot_find(t->r->runtime, NULL, "taker@1", &slot), BERTH_OK);
    call.arena = t->r->arena;
    call.deadline_ns = SLOT_RIG_PATIENCE_NS;
    snprintf(name, sizeof name, "test:links/user@1.0.0#%s", expression);
    status = berth_slot_evaluate(slot, name, &call, BERTH_TEXT_WAVE, text, &t->r->diag);
    berth_slot_release(slot);
    return status;
}

static void assert_says(bundle_rig *t, const char *expression, const char *answer)
{
    const char *text;

    if (ask(t, expression, &text) != BERTH_OK)
        fail_msg("%s", t->r->diag.text);
    assert_string_equal(text, answer);
    berth_arena_reset(t->r->arena);
}

static const char *const kinds[] = { "component", "module", "native" };

static void plugins_of_every_kind_call_those_of_every_other(void **state)
{
    bundle_rig t;

    start(&t, *state);
    links_put(&t.folder, "all/giver", "1.0.0", "component", "giver", "");
    links_put(&t.folder, "all/taker", "1.0.0", "component", "taker", "");
    bundle_rig_must_load(&t, "all", NULL);
    for (unsigned giver = 0; giver < 3; giver++)
        for (unsigned taker = 0; taker < 3; taker++) {
            links_put(&t.folder, "giver", "1.0.1", kinds[giver], "giver", "");
            links_put(&t.folder, "taker", "1.0.1", kinds[taker], "taker", "");
            bundle_rig_must_reload(&t, "giver");
            bundle_rig_must_reload(&t, "taker");
            assert_says(&t, "shout(\"ab\", 3)", "\"abab\"");
            assert_says(&t, "shout(\"\", 1)", "\"\"");
            assert_says(&t, "sum(1, 2, 1000)", "2001");
        }
    bundle_rig_end(&t);
}

static void a_shared_object_is_replaced_under_whoever_calls_it(void **state)
{
    berth_slot_stats stats;
    bundle_rig t;

    start(&t, *state);
    links_put(&t.folder, "all/giver", "1.0.0", "native", "giver", "");
    links_put(&t.folder, "all/taker", "1.0.0", "native", "taker", "");
    bundle_rig_must_load(&t, "all", NULL);
    assert_says(&t, "sum(1, 2, 10)", "21");
    links_put(&t.folder, "giver", "1.0.1", "native", "giver_biased", "");
    bundle_rig_must_reload(&t, "giver");
    assert_says(&t, "sum(1, 2, 10)", "10021");
    stats = stats_of(&t, "giver@1");
    assert_int_equal(stats.calls, 20);
    assert_int_equal(stats.answered, 20);
    assert_int_equal(stats_of(&t, "taker@1").calls, 2);
    bundle_rig_end(&t);
}

/* An answer that is no status of ours goes through a shared object as it is, and ends a component. */
static void what_a_plugin_answers_instead_of_a_result_comes_through(void **state)
{
    const char *text;
    bundle_rig t;

    start(&t, *state);
    links_put(&t.folder, "all/giver", "1.0.0", "native", "giver", "");
    links_put(&t.folder, "all/taker", "1.0.0", "native", "taker", "");
    bundle_rig_must_load(&t, "all", NULL);
    for (unsigned taker = 0; taker < 3; taker++) {
        links_put(&t.folder, "taker", "1.0.1", kinds[taker], "taker", "");
        bundle_rig_must_reload(&t, "taker");
        for (int i = 0; i < 3; i++) {
            assert_int_equal(ask(&t, "fail(77)", &text), BERTH_E_PLUGIN);
            bundle_rig_assert_said(&t,
                                   "'taker@1' calls test:links/base@1.0.0#fail of 'giver@1'");
            bundle_rig_assert_said(&t, "it answered 77");
            assert_says(&t, "sum(1, 2, 3)", "7"); /* nobody meets what was ended */
        }
    }
    bundle_rig_end(&t);
}

static void a_thread_of_the_plugins_own_calls_nobody(void **state)
{
    char answer[16];
    bundle_rig t;

    start(&t, *state);
    links_put(&t.folder, "all/giver", "1.0.0", "native", "giver", "");
    links_put(&t.folder, "all/taker", "1.0.0", "native", "taker", "");
    bundle_rig_must_load(&t, "all", NULL);
    snprintf(answer, sizeof answer, "%d", (int)BERTH_E_STATE);
    assert_says(&t, "outside()", answer);
    assert_int_equal(stats_of(&t, "giver@1").calls, 0);
    bundle_rig_end(&t);
}

static void a_shared_object_has_to_declare_as_well(void **state)
{
    bundle_rig t;

    start(&t, *state);
    links_put(&t.folder, "all/taker", "1.0.0", "native", "taker", "");
    bundle_folder_text(
        &t.folder, "all/taker/berth.toml",
        "[bundle]\nname = \"taker\"\nversion = \"1.0.0\"\n[[artifact]]\n"
        "kind = \"native\"\nfile = \"it.so\"\nos = \"linux\"\narch = \"" LINKS_ARCH
        "\"\n[[provides]]\ncontract = \"test:links/user@1.0.0\"\n");
    must_not_load(&t, "what another bundle provides has to be in `requires`");
    bundle_rig_end(&t);
}

/* Whatever the plugin that is called puts into the arena, it is taken back call by call. */
static void calls_without_end_take_no_memory(void **state)
{
    slot_rig *r = *state;
    size_t before;
    bundle_rig t;

    start(&t, r);
    links_put(&t.folder, "all/giver", "1.0.0", "native", "giver", "");
    links_put(&t.folder, "all/taker", "1.0.0", "component", "taker", "");
    bundle_rig_must_load(&t, "all", NULL);
    assert_says(&t, "sum(1, 2, 100)", "201");
    before = atomic_load(&r->memory.live_bytes);
    assert_says(&t, "sum(1, 2, 10000)", "20001");
    assert_true(atomic_load(&r->memory.live_bytes) < before + 65536);
    bundle_rig_end(&t);
}

/* Until it succeeds: `act` with one more allocation before the one that fails, and all behind that.  What
 * was there is there after each failure. */
static void must_fail_cleanly(bundle_rig *t,
                              berth_status (*act)(bundle_rig *t, const char *what),
                              const char *what, bool is_there)
{
    berth_status status = BERTH_E_NOMEM;
    size_t n;

    for (n = 0; status != BERTH_OK; n++) {
        memset(&t->r->diag, 0, sizeof t->r->diag);
        memory_fail(&t->r->memory, n, true);
        status = act(t, what);
        memory_fail(&t->r->memory, MEMORY_NEVER, false);
        if (status != BERTH_OK && status != BERTH_E_NOMEM)
            fail_msg("%s, allocation %zu: %s", what, n, t->r->diag.text);
        bundle_rig_assert_loaded(t, is_there || status == BERTH_OK ? "giver@1 taker@1" : "");
    }
    assert_true(n > 3);
    assert_says(t, "sum(1, 2, 3)", "7");
}

static berth_status load(bundle_rig *t, const char *dir)
{
    return bundle_rig_load(t, dir, NULL);
}

static berth_status say(bundle_rig *t, const char *expression)
{
    const char *text;

    return ask(t, expression, &text);
}

static void without_memory_nothing_is_bound_and_nothing_left(void **state)
{
    bundle_rig t;

    start(&t, *state);
    links_put(&t.folder, "all/giver", "1.0.0", "component", "giver", "");
    links_put(&t.folder, "all/taker", "1.0.0", "native", "taker", "");
    must_fail_cleanly(&t, load, "all", false);
    links_put(&t.folder, "taker", "1.0.1", "component", "taker", "");
    must_fail_cleanly(&t, bundle_rig_reload, "taker", true);
    links_put(&t.folder, "giver", "1.0.1", "native", "giver", "");
    must_fail_cleanly(&t, bundle_rig_reload, "giver", true);
    must_fail_cleanly(&t, say, "shout(\"ab\", 3)", true);
    bundle_rig_end(&t);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(an_import_that_is_required_is_bound_to_the_slot_that_gives_it),
        slot_test(two_imports_are_bound_to_two_slots),
        slot_test(one_artifact_calls_in_each_slot_whom_that_requires),
        slot_test(who_gives_it_is_chosen_by_priority_and_by_pins),
        slot_test(a_later_compatible_version_of_the_contract_serves),
        slot_test(a_plugin_that_starts_may_call_what_is_loaded_with_it),
        slot_test(what_is_not_declared_is_not_bound),
        slot_test(an_import_above_what_is_required_is_refused),
        slot_test(a_function_of_another_type_is_refused),
        slot_test(handles_are_refused),
        slot_test(what_is_optional_and_missing_is_told_when_it_is_called),
        slot_test(a_provider_that_was_evicted_is_named_with_who_calls_it),
        slot_test(a_provider_that_traps_ends_the_call_and_nothing_else),
        slot_test(what_is_left_of_the_outer_call_bounds_the_inner_one),
        slot_test(a_call_without_end_leaves_its_inner_calls_what_their_slots_give),
        slot_test(chains_are_as_long_as_calls_may_be_nested),
        slot_test(nobody_is_in_one_chain_twice),
        slot_test(what_others_call_is_not_taken_away),
        slot_test(a_reload_that_changes_a_type_is_refused_while_somebody_calls_it),
        slot_test(what_is_declared_comes_from_nobody_else),
        slot_test(plugins_of_every_kind_call_those_of_every_other),
        slot_test(a_shared_object_is_replaced_under_whoever_calls_it),
        slot_test(what_a_plugin_answers_instead_of_a_result_comes_through),
        slot_test(a_thread_of_the_plugins_own_calls_nobody),
        slot_test(a_shared_object_has_to_declare_as_well),
        slot_test(calls_without_end_take_no_memory),
        slot_test(without_memory_nothing_is_bound_and_nothing_left),
    };

    return slot_rig_run("plugins that call others", tests, sizeof tests / sizeof *tests);
}
