/* state_test.c - what a plugin knows is handed on when another version takes its place. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/invoke.h>

#include "guests.h"
#include "slot_rig.h"

#define COUNTING "example:tally/counting@1.0.0#"
#define ADD_TYPE "func(text: string) -> u64"

/* One source, and what each build of it says that it is. */
static const char *const builds[] = { "tally.wasm", "tally.so",
                                      "module.wasm.bindings/core.wasm", "small.wasm" };
static const char *const names[] = { "component", "shared object", "core module",
                                     "small component" };
enum { BUILDS = sizeof builds / sizeof *builds };

typedef struct text {
    const char *text;
    size_t size;
} text;

static berth_slot *open_slot(slot_rig *r)
{
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;

    opt.flags = BERTH_SLOT_STATE;
    opt.deadline_ns = 20000 * MS;
    opt.probe_deadline_ns = 20000 * MS;
    return slot_rig_open(r, "slot", &opt);
}

static uint32_t number_of(slot_rig *r, berth_slot *slot, const char *name, const char *type)
{
    berth_func func = BERTH_FUNC_INIT;

    if (berth_slot_func(slot, name, type, &func, &r->diag) != BERTH_OK)
        fail_msg("%s", r->diag.text);
    return func.number;
}

static uint64_t add(slot_rig *r, berth_slot *slot, const char *words)
{
    berth_call call = BERTH_CALL_INIT;
    text args = { words, strlen(words) };
    uint64_t total = 0;

    berth_arena_reset(r->arena);
    call.hook = number_of(r, slot, COUNTING "add", ADD_TYPE);
    call.arena = r->arena;
    memset(&r->diag, 0, sizeof r->diag);
    if (berth_slot_invoke(slot, &args, &total, &call, &r->diag) != BERTH_OK)
        fail_msg("%s", r->diag.text);
    return total;
}

static const char *build_of(slot_rig *r, berth_slot *slot)
{
    berth_call call = BERTH_CALL_INIT;
    static char shown[64];
    text name;

    call.hook = number_of(r, slot, "build", "func() -> string");
    call.arena = r->arena;
    assert_int_equal(berth_slot_invoke(slot, NULL, &name, &call, &r->diag), BERTH_OK);
    snprintf(shown, sizeof shown, "%.*s", (int)name.size, name.text);
    return shown;
}

static void state_goes_from_build_to_build(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_slot(r);
    uint64_t total = 0;

    for (int i = 0; i < 2 * BUILDS + 1; i++) {
        slot_rig_install_one_source(r, slot, builds[i % BUILDS]);
        assert_string_equal(build_of(r, slot), names[i % BUILDS]);
        assert_int_equal(add(r, slot, "a b"), total += 2);
        assert_int_equal(add(r, slot, "c"), total += 1);
    }
}

static void a_rollback_takes_the_state_back_with_it(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_slot(r);

    slot_rig_install_one_source(r, slot, "tally.wasm");
    assert_int_equal(add(r, slot, "a b"), 2);
    slot_rig_install_one_source(r, slot, "small.wasm");
    assert_int_equal(add(r, slot, "c d e"), 5);
    assert_int_equal(berth_slot_rollback(slot, NULL, &r->diag), BERTH_OK);
    assert_string_equal(build_of(r, slot), "component");
    assert_int_equal(add(r, slot, "f"), 6);
    assert_int_equal(berth_slot_rollback(slot, NULL, &r->diag), BERTH_E_ABSENT);
    assert_int_equal(add(r, slot, "g"), 7);
}

static void a_version_that_was_prepared_gets_the_state_when_it_is_swapped_in(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_slot(r);
    berth_version *version;
    size_t size;
    uint8_t *bytes = one_source_read("small.wasm", &size);

    slot_rig_install_one_source(r, slot, "tally.wasm");
    assert_int_equal(berth_slot_prepare(slot, bytes, size, &version, &r->diag), BERTH_OK);
    free(bytes);
    assert_int_equal(add(r, slot, "a b"), 2); /* behind the preparation */
    assert_int_equal(berth_slot_swap(slot, version, &r->diag), BERTH_OK);
    assert_int_equal(add(r, slot, "c"), 3);
}

/* The small build has room for 15 words. */
static void what_does_not_take_the_state_is_refused_and_nothing_is_lost(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_slot(r);
    static const char words[] = "a b c d e f g h i j k l m n o p";
    size_t size;
    uint8_t *bytes = one_source_read("small.wasm", &size);

    slot_rig_install_one_source(r, slot, "tally.wasm");
    assert_int_equal(add(r, slot, words), 16);
    slot_rig_check(r, slot_rig_try_install(r, slot, bytes, size), BERTH_E_PLUGIN,
                   BERTH_REASON_NONE,
                   "does not take the state of version 1: these are not words, or more");
    assert_string_equal(build_of(r, slot), "component");
    assert_int_equal(add(r, slot, "one"), 17);
    assert_int_equal(slot_rig_stats(slot).refused, 1);
}

static void what_has_no_state_is_refused_by_a_slot_that_keeps_it(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_slot(r), *plain = slot_rig_open(r, "plain", NULL);
    size_t size;
    uint8_t *bytes = guest_read("cli_values.component", &size);

    slot_rig_install_one_source(r, slot, "tally.wasm");
    slot_rig_check(r, berth_slot_install(slot, bytes, size, NULL, &r->diag), BERTH_E_REJECTED,
                   BERTH_REASON_NONE, "keeps state, and it exports no");
    assert_int_equal(add(r, slot, "a"), 1);
    slot_rig_install_one_source(r, plain, "tally.wasm"); /* which is not asked to hand it on */
    assert_int_equal(berth_slot_install(plain, bytes, size, NULL, &r->diag), BERTH_OK);
    free(bytes);
}

static void state_is_that_of_one_instance(void **state)
{
    slot_rig *r = *state;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *slot;

    opt.flags = BERTH_SLOT_STATE;
    opt.name = "s";
    opt.instances_max = 2;
    slot_rig_check(r, berth_slot_open(r->runtime, &opt, &slot, &r->diag), BERTH_E_INVALID,
                   BERTH_REASON_NONE, "that of one instance");
    opt.instances_max = 1;
    opt.calls_max = 2;
    assert_int_equal(berth_slot_open(r->runtime, &opt, &slot, NULL), BERTH_E_INVALID);
    opt.calls_max = 1;
    opt.reuse_calls_max = 5;
    assert_int_equal(berth_slot_open(r->runtime, &opt, &slot, NULL), BERTH_E_INVALID);
    opt.reuse_calls_max = 0;
    opt.policy = BERTH_POLICY_FRESH;
    assert_int_equal(berth_slot_open(r->runtime, &opt, &slot, NULL), BERTH_E_INVALID);
}

/* ---- under load ---- */

typedef struct caller {
    pthread_t thread;
    berth_slot *slot;
    uint32_t number;
    unsigned failed, backward;
    _Atomic(unsigned) times;
    _Atomic(bool) *stop;
} caller;

static void *call_often(void *arg)
{
    caller *c = arg;
    const text args = { "x", 1 };
    berth_call call = BERTH_CALL_INIT;
    uint64_t last = 0;

    assert_int_equal(berth_arena_create(NULL, 0, &call.arena, NULL), BERTH_OK);
    call.hook = c->number;
    while (!atomic_load(c->stop)) {
        uint64_t total = 0;

        c->failed += berth_slot_invoke(c->slot, &args, &total, &call, NULL) != BERTH_OK;
        c->backward += total <= last;
        last = total;
        atomic_fetch_add(&c->times, 1);
    }
    berth_arena_destroy(call.arena);
    return NULL;
}

/* Until this thread has called again. */
static void wait_for(caller *c)
{
    unsigned before = atomic_load(&c->times);

    while (atomic_load(&c->times) < before + 5)
        slot_rig_sleep_ms(1);
}

static void no_call_is_lost_and_none_is_counted_twice(void **state)
{
    enum { CALLERS = 2, SWAPS = 15 };
    slot_rig *r = *state;
    berth_slot *slot = open_slot(r);
    caller callers[CALLERS];
    _Atomic(bool) stop = false;
    unsigned times = 0;

    slot_rig_install_one_source(r, slot, builds[0]);
    for (int i = 0; i < CALLERS; i++) {
        callers[i] = (caller){ .slot = slot,
                               .number = number_of(r, slot, COUNTING "add", ADD_TYPE),
                               .stop = &stop };
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call_often, &callers[i]), 0);
    }
    for (int swap = 1; swap <= SWAPS; swap++) {
        for (int i = 0; i < CALLERS; i++)
            wait_for(&callers[i]);
        if (swap % 5 == 0)
            assert_int_equal(berth_slot_rollback(slot, NULL, &r->diag), BERTH_OK);
        else
            slot_rig_install_one_source(r, slot, builds[swap % BUILDS]);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_join(callers[i].thread, NULL), 0);
        assert_int_equal(callers[i].failed, 0);
        assert_int_equal(callers[i].backward, 0);
        times += atomic_load(&callers[i].times);
    }
    assert_int_equal(add(r, slot, "last"), times + 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(state_goes_from_build_to_build),
        slot_test(a_rollback_takes_the_state_back_with_it),
        slot_test(a_version_that_was_prepared_gets_the_state_when_it_is_swapped_in),
        slot_test(what_does_not_take_the_state_is_refused_and_nothing_is_lost),
        slot_test(what_has_no_state_is_refused_by_a_slot_that_keeps_it),
        slot_test(state_is_that_of_one_instance),
        slot_test(no_call_is_lost_and_none_is_counted_twice),
    };

    return slot_rig_run("state", tests, sizeof tests / sizeof *tests);
}
