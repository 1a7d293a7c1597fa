/* component_test.c - components in slots: called, limited, counted, swapped and rolled back like core
 * modules, and against them.  Public headers only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "component_builder.h"
#include "guests.h"
#include "slot_rig.h"

static uint8_t *tricks(const char *metadata, size_t *size_out)
{
    component_recipe recipe = { .functions = "do", .has_post = true, .metadata = metadata };
    uint8_t *core = guest_read("cm_tricks", &recipe.core_size), *bytes;

    recipe.core = core;
    bytes = component_build(&recipe, size_out);
    free(core);
    return bytes;
}

static uint64_t install_tricks(slot_rig *r, berth_slot *slot)
{
    size_t size;
    uint8_t *bytes = tricks(NULL, &size);

    return slot_rig_install(r, slot, bytes, size);
}

static uint64_t install_answering(slot_rig *r, berth_slot *slot, uint32_t number)
{
    size_t size;
    uint8_t *bytes = component_answering(number, &size);

    return slot_rig_install(r, slot, bytes, size);
}

/* A slot with the tricks in it; `opt` may be NULL. */
static berth_slot *open_tricks(slot_rig *r, const berth_slot_options *opt)
{
    berth_slot *slot = slot_rig_open(r, "slot", opt);

    assert_int_equal(install_tricks(r, slot), 1);
    return slot;
}

static berth_status call(slot_rig *r, berth_slot *slot, const char *input, berth_reply *reply)
{
    return slot_rig_call(r, slot, input, strlen(input), reply);
}

static uint64_t number(slot_rig *r, berth_slot *slot, const char *input)
{
    berth_reply reply = { .size = 0 };
    uint64_t value = UINT64_MAX;

    if (call(r, slot, input, &reply) != BERTH_OK)
        fail_msg("%s: %s: %s", r->engine, input, r->diag.text);
    assert_int_equal(reply.size, sizeof value);
    memcpy(&value, reply.data, sizeof value);
    return value;
}

static void a_component_answers_as_a_hook(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_tricks(r, NULL);
    char input[5000] = "e";
    berth_reply reply;

    memset(input + 1, 'x', sizeof input - 1);
    for (size_t size = 1; size <= sizeof input; size = size * 3 + 1) {
        assert_int_equal(slot_rig_call(r, slot, input, size, &reply), BERTH_OK);
        assert_int_equal(reply.size, size - 1);
        assert_memory_equal(reply.data, input + 1, reply.size);
        assert_true(reply.version == 1 && !reply.is_dropped);
    }
    assert_int_equal(slot_rig_call(r, slot, NULL, 0, &reply), BERTH_OK);
    assert_true(reply.size == 0 && !reply.is_dropped && reply.data != NULL);
}

/* A component like those of Python, with many instances of core modules in one of its own. */
static void a_component_that_never_fits_is_refused_at_once(void **state)
{
    enum { PLACES = 6 };
    slot_rig *r = *state;
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    component_recipe recipe = { .functions = "do", .has_post = true };
    berth_slot *slot;
    berth_reply reply;
    uint8_t *core, *bytes;
    size_t size;

    options.instances_max = PLACES;
    slot_rig_restart(r, options);
    slot = slot_rig_open(r, "slot", NULL);
    recipe.core = core = guest_read("cm_tricks", &recipe.core_size);
    recipe.idle = PLACES;
    bytes = component_build(&recipe, &size);
    slot_rig_check(r, slot_rig_try_install(r, slot, bytes, size), BERTH_E_REJECTED,
                   BERTH_REASON_NONE,
                   "takes 7 places, one for each of its core modules' instances, and the "
                   "runtime has 6");
    recipe.idle = PLACES - 1;
    bytes = component_build(&recipe, &size);
    slot_rig_install(r, slot, bytes, size);
    free(core);
    assert_int_equal(call(r, slot, "ehi", &reply), BERTH_OK);
    assert_memory_equal(reply.data, "hi", reply.size);
}

static void each_call_has_its_post_return(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_tricks(r, NULL);

    for (uint64_t n = 0; n < 5; n++)
        assert_int_equal(number(r, slot, "p"), n);
    slot_rig_check(r, call(r, slot, "xno", NULL), BERTH_E_PLUGIN, BERTH_REASON_NONE, "do: no");
    assert_int_equal(number(r, slot, "p"), 6);
}

static void an_error_of_the_plugins_own_leaves_its_instance_good(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_tricks(r, NULL);
    uint64_t discarded = slot_rig_stats(slot).instances_discarded;
    berth_slot_stats stats;

    assert_int_equal(number(r, slot, "c"), 1);
    slot_rig_check(r, call(r, slot, "xcard\nrefused \xe2\x82\xac", NULL), BERTH_E_PLUGIN,
                   BERTH_REASON_NONE, "do: card\\x0arefused \xe2\x82\xac");
    assert_string_equal(berth_status_name(BERTH_E_PLUGIN), "plugin");
    assert_int_equal(number(r, slot, "c"), 3);
    stats = slot_rig_stats(slot);
    assert_int_equal(stats.instances_discarded, discarded);
    assert_true(stats.calls == 3 && stats.answered == 2 && stats.other_failures == 1);
    assert_true(stats.bytes_in == 2 + strlen("xcard\nrefused \xe2\x82\xac") &&
                stats.bytes_out == 16);
}

/* Each ends the instance, and the next call has another. */
static void whatever_a_component_breaks_ends_its_instance_only(void **state)
{
    static const struct {
        const char *before, *input;
        berth_status status;
        berth_reason reason;
        const char *text;
    } rows[] = {
        { NULL, "t", BERTH_E_TRAP, BERTH_REASON_UNREACHABLE, "do: " },
        { NULL, "l", BERTH_E_DEADLINE, BERTH_REASON_DEADLINE, "do: " },
        { NULL, "d", BERTH_E_TRAP, BERTH_REASON_CANONICAL, "discriminant" },
        { NULL, "b", BERTH_E_TRAP, BERTH_REASON_CANONICAL, "out" },
        { NULL, "u", BERTH_E_TRAP, BERTH_REASON_CANONICAL, "utf-8" },
        { "rt", "e1", BERTH_E_TRAP, BERTH_REASON_UNREACHABLE, "do: " },
        { "rl", "e1", BERTH_E_DEADLINE, BERTH_REASON_DEADLINE, "do: " },
        { "rz", "e1", BERTH_E_TRAP, BERTH_REASON_CANONICAL, "realloc return" },
        { "q", NULL, BERTH_E_TRAP, BERTH_REASON_UNREACHABLE, "do: " },
    };
    slot_rig *r = *state;
    berth_slot *slot = open_tricks(r, NULL);
    berth_slot_stats stats;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *input = rows[i].input;
        uint64_t deadline_ns = rows[i].status == BERTH_E_DEADLINE ? 20 * MS : 0;
        berth_status got;

        if (input == NULL) {
            input = rows[i].before;
        } else if (rows[i].before != NULL) {
            assert_int_equal(call(r, slot, rows[i].before, NULL), BERTH_OK);
        }
        got = slot_rig_call_within(r, slot, deadline_ns, input, strlen(input), NULL);
        slot_rig_check(r, got, rows[i].status, rows[i].reason, rows[i].text);
        assert_int_equal(number(r, slot, "c"), 1);
    }
    stats = slot_rig_stats(slot);
    assert_int_equal(stats.traps, 7);
    assert_int_equal(stats.deadlines, 2);
    assert_int_equal(stats.calls, stats.answered + stats.traps + stats.deadlines);
}

static void limits_of_the_slot_hold_for_components(void **state)
{
    slot_rig *r = *state;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *slot;
    berth_reply reply;
    char big[2000];

    opt.memory_bytes_max = 4 << 16;
    opt.output_bytes_max = 1000;
    slot = open_tricks(r, &opt);
    memset(big, 'e', sizeof big);
    assert_int_equal(slot_rig_call(r, slot, big, 1001, &reply), BERTH_OK);
    slot_rig_check(r, slot_rig_call(r, slot, big, 1002, &reply), BERTH_E_LIMIT,
                   BERTH_REASON_OUTPUT, "the reply has 1001 bytes and 1000 are allowed");
    slot_rig_check(r, slot_rig_call(r, slot, big, (4 << 16) + 1, &reply), BERTH_E_LIMIT,
                   BERTH_REASON_INPUT, "the input has 262145 bytes");
    assert_int_equal(slot_rig_call(r, slot, "g\1\0\0", 5, &reply), BERTH_OK);
    assert_int_equal(*(const uint8_t *)reply.data, 3);
    assert_int_equal(slot_rig_call(r, slot, "g\1\0\0", 5, &reply), BERTH_OK);
    assert_int_equal(slot_rig_call(r, slot, "g\1\0\0", 5, &reply), BERTH_OK);
    assert_int_equal(*(const uint8_t *)reply.data, 4); /* the last one was refused */
}

static void a_fresh_component_never_shows_memory(void **state)
{
    slot_rig *r = *state;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *slot;

    for (int policy = BERTH_POLICY_FRESH; policy <= BERTH_POLICY_REUSE; policy++) {
        bool is_fresh = policy == BERTH_POLICY_FRESH;

        opt.policy = (uint32_t)policy;
        slot = slot_rig_open(r, is_fresh ? "fresh" : "reuse", &opt);
        install_tricks(r, slot);
        for (uint64_t n = 1; n < 50; n++)
            assert_int_equal(number(r, slot, "c"), is_fresh ? 1 : n);
        assert_int_equal(call(r, slot, "wsecret of a caller", NULL), BERTH_OK);
        for (int n = 0; n < 20; n++)
            assert_int_equal(number(r, slot, "fsecret of a caller"), !is_fresh);
    }
}

static void instances_of_components_wear_out_like_others(void **state)
{
    slot_rig *r = *state;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *slot;
    berth_reply reply;

    opt.reuse_calls_max = 3;
    opt.reuse_memory_bytes_max = 3 << 16;
    slot = open_tricks(r, &opt);
    for (uint64_t n = 0; n < 9; n++)
        assert_int_equal(number(r, slot, "c"), n % 3 + 1);
    assert_int_equal(slot_rig_call(r, slot, "g\5\0\0", 5, &reply), BERTH_OK);
    assert_int_equal(number(r, slot, "c"), 1); /* it had grown too large */
}

/* The reaper makes them while nobody calls, and none of them has been called. */
static void fresh_instances_of_components_are_made_ahead(void **state)
{
    enum { AHEAD = 8 };
    slot_rig *r = *state;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *slot;

    opt.policy = BERTH_POLICY_FRESH;
    opt.instances_max = 2 * AHEAD; /* one thread alone may hold half of them */
    slot = open_tricks(r, &opt);
    assert_int_equal(number(r, slot, "c"), 1); /* who calls once may call again */
    slot_rig_wait_until(slot_rig_stats(slot).instances_live >= AHEAD);
    assert_in_range(slot_rig_stats(slot).instances_live, AHEAD, AHEAD + 1);
    for (int n = 0; n < 3 * AHEAD; n++)
        assert_int_equal(number(r, slot, "c"), 1);
    assert_true(slot_rig_stats(slot).instances_live <= opt.instances_max);
}

/* A rollback finds instances of the version that it brings back. */
static void a_component_that_comes_back_has_an_instance_ready(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_tricks(r, NULL);
    uint64_t made;

    assert_int_equal(number(r, slot, "c"), 1);
    assert_int_equal(slot_rig_install_answering(r, slot, 2), 2);
    slot_rig_wait_reaped(r);
    assert_int_equal(berth_slot_rollback(slot, NULL, NULL), BERTH_OK);
    made = slot_rig_stats(slot).instances_made;
    assert_int_equal(number(r, slot, "c"), 2); /* the very one */
    assert_int_equal(slot_rig_stats(slot).instances_made, made);
}

static void components_and_modules_are_swapped_for_each_other(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "slot", NULL);
    berth_lease lease = BERTH_LEASE_NONE;
    uint64_t back = 0;

    assert_int_equal(slot_rig_install_answering(r, slot, 10), 1);
    assert_int_equal(slot_rig_answer(r, slot), 10);
    assert_int_equal(install_answering(r, slot, 20), 2);
    assert_int_equal(slot_rig_answer(r, slot), 20);
    assert_int_equal(berth_slot_lease(slot, &lease), BERTH_OK);
    assert_int_equal(slot_rig_install_answering(r, slot, 30), 3);
    assert_int_equal(slot_rig_answer(r, slot), 30);
    assert_int_equal(berth_slot_rollback(slot, &back, &r->diag), BERTH_OK);
    assert_int_equal(back, 2);
    assert_int_equal(slot_rig_answer(r, slot), 20);
    assert_int_equal(install_answering(r, slot, 40), 4);
    assert_int_equal(slot_rig_answer(r, slot), 40);
    {
        berth_call c = BERTH_CALL_INIT;
        berth_reply reply;

        c.hook = slot_rig_hook(r, slot, "do");
        c.arena = r->arena;
        assert_int_equal(berth_lease_call(&lease, &c, &reply, &r->diag), BERTH_OK);
        assert_true(reply.version == 2 && *(const uint8_t *)reply.data == 20);
    }
    berth_lease_return(&lease);
    slot_rig_wait_reaped(r);
    assert_int_equal(slot_rig_stats(slot).calls, 6);
}

static void what_the_probe_meets_keeps_a_component_out(void **state)
{
#define PROBED(text)                                                                           \
    "{\"name\":\"n\",\"version\":\"1\",\"description\":\"d\",\"hooks\":{\"do\":"               \
    "{\"description\":\"d\",\"probe\":\"" text "\"}}}"
    static const struct {
        const char *metadata;
        berth_status status;
        const char *text;
    } rows[] = {
        { PROBED("t"), BERTH_E_TRAP, "probe of hook 'do': do: " },
        { PROBED("xnot ready"), BERTH_E_PLUGIN, "probe of hook 'do': do: not ready" },
        { PROBED("l"), BERTH_E_DEADLINE, "probe of hook 'do': do: " },
    };
    slot_rig *r = *state;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *patient = slot_rig_open(r, "slot", NULL), *hasty;
    berth_version_stats version;
    size_t size;
    uint8_t *bytes;

    opt.probe_deadline_ns = 30 * MS; /* for what loops */
    hasty = slot_rig_open(r, "hasty", &opt);
    install_answering(r, patient, 5);
    slot_rig_install_at_last(r, hasty, 5);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        berth_slot *slot = rows[i].status == BERTH_E_DEADLINE ? hasty : patient;

        bytes = tricks(rows[i].metadata, &size);
        assert_int_equal(slot_rig_try_install(r, slot, bytes, size), rows[i].status);
        if (strstr(r->diag.text, rows[i].text) == NULL)
            fail_msg("%s", r->diag.text);
        assert_int_equal(slot_rig_answer(r, slot), 5);
    }
    bytes = tricks(PROBED("e"), &size);
    slot_rig_install(r, patient, bytes, size);
    assert_true(berth_slot_versions(patient, &version, 1) > 0);
    assert_string_equal(version.plugin_name, "n");
    assert_string_equal(version.plugin_version, "1");
}

static void core_modules_of_components_are_compiled_once(void **state)
{
    slot_rig *r = *state;
    berth_slot *first = slot_rig_open(r, "first", NULL);
    berth_slot *second = slot_rig_open(r, "second", NULL);
    berth_runtime_stats before;
    size_t size;
    uint8_t *bytes;

    install_tricks(r, first);
    before = slot_rig_runtime_stats(r);
    install_tricks(r, second);
    bytes = tricks(PROBED("e"), &size); /* another component around the same module */
    slot_rig_install(r, second, bytes, size);
    assert_int_equal(slot_rig_runtime_stats(r).compiles, before.compiles);
    assert_int_equal(slot_rig_runtime_stats(r).cache_hits, before.cache_hits + 2);
    bytes = tricks(PROBED("e"), &size);
    assert_int_equal(slot_rig_install(r, second, bytes, size), 2); /* unchanged */
}

static void a_component_of_an_interface_is_called_by_both_names(void **state)
{
    slot_rig *r = *state;
    component_recipe recipe = { .functions = "do",
                                .has_post = true,
                                .interface = "test:tricks/all@1.0.0" };
    berth_slot *slot = slot_rig_open(r, "slot", NULL);
    uint8_t *core = guest_read("cm_tricks", &recipe.core_size), *bytes;
    berth_call c = BERTH_CALL_INIT;
    berth_reply reply;
    size_t size;

    recipe.core = core;
    bytes = component_build(&recipe, &size);
    free(core);
    slot_rig_install(r, slot, bytes, size);
    c.hook = slot_rig_hook(r, slot, "test:tricks/all@1.0.0#do");
    c.input = "ehello";
    c.input_size = 6;
    c.arena = r->arena;
    assert_int_equal(berth_slot_call(slot, &c, &reply, &r->diag), BERTH_OK);
    assert_memory_equal(reply.data, "hello", 5);
    slot_rig_check(r, call(r, slot, "e", NULL), BERTH_E_ABSENT, BERTH_REASON_NONE,
                   "no such hook");
}

static void many_threads_share_a_component(void **state)
{
    enum { THREADS = 6, CALLS = 2000 };
    slot_rig *r = *state;
    slot_rig_caller callers[THREADS];
    berth_slot *slot;
    berth_slot_stats stats;
    uint64_t answered = 0, failed = 0, times = CALLS / slot_rig_slowness(r);
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;

    opt.instances_max = 3; /* fewer than threads: they are taken from each other */
    opt.deadline_ns = 20000 * MS;
    slot = open_tricks(r, &opt);
    for (int i = 0; i < THREADS; i++) {
        callers[i] = (slot_rig_caller){ .slot = slot,
                                        .input = i == 0   ? "xno"
                                                 : i == 1 ? "t"
                                                          : "ehi",
                                        .input_size = i == 1 ? 1 : 3,
                                        .times = times };
        slot_rig_caller_start(&callers[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        slot_rig_caller_join(&callers[i]);
        answered += callers[i].by_status[BERTH_OK];
        failed += callers[i].by_status[BERTH_E_PLUGIN] + callers[i].by_status[BERTH_E_TRAP];
    }
    assert_int_equal(answered, (THREADS - 2) * times);
    assert_int_equal(failed, 2 * times);
    stats = slot_rig_stats(slot);
    assert_int_equal(stats.calls, THREADS * times);
    assert_int_equal(stats.traps, times);
    assert_int_equal(stats.other_failures, times);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(a_component_answers_as_a_hook),
        slot_test(a_component_that_never_fits_is_refused_at_once),
        slot_test(each_call_has_its_post_return),
        slot_test(an_error_of_the_plugins_own_leaves_its_instance_good),
        slot_test(whatever_a_component_breaks_ends_its_instance_only),
        slot_test(limits_of_the_slot_hold_for_components),
        slot_test(a_fresh_component_never_shows_memory),
        slot_test(instances_of_components_wear_out_like_others),
        slot_test(fresh_instances_of_components_are_made_ahead),
        slot_test(a_component_that_comes_back_has_an_instance_ready),
        slot_test(components_and_modules_are_swapped_for_each_other),
        slot_test(what_the_probe_meets_keeps_a_component_out),
        slot_test(core_modules_of_components_are_compiled_once),
        slot_test(a_component_of_an_interface_is_called_by_both_names),
        slot_test(many_threads_share_a_component),
    };

    return slot_rig_run("components in slots", tests, sizeof tests / sizeof *tests);
}
