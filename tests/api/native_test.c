/* native_test.c - native plugins in slots: typed calls, contracts, swaps, and how they go.  Public
 * headers only. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/contract.h>

#include "native_test.h"

static const char calc_wit[] =
    "package test:calc@1.2.0; interface math { record point { x: s32, y: s32 } "
    "add: func(a: s32, b: s32) -> s32; show: func(p: point) -> string; "
    "total: func(numbers: list<u32>) -> u64; refuse: func(code: s32) -> u32; "
    "hold: func(gate: u64) -> u32; }";

berth_status try_install(slot_rig *r, berth_slot *slot, const char *name)
{
    size_t size;
    uint8_t *bytes = plugin_file_read(name, &size);

    return slot_rig_try_install(r, slot, bytes, size);
}

void install(slot_rig *r, berth_slot *slot, const char *name)
{
    if (try_install(r, slot, name) != BERTH_OK)
        fail_msg("%s: %s", name, r->diag.text);
}

berth_call call_of(slot_rig *r, berth_slot *slot, const char *function)
{
    berth_call call = BERTH_CALL_INIT;
    berth_func func = BERTH_FUNC_INIT;
    char name[64];

    snprintf(name, sizeof name, MATH "#%s", function);
    if (berth_slot_func(slot, name, NULL, &func, &r->diag) != BERTH_OK)
        fail_msg("%s: %s", name, r->diag.text);
    call.hook = func.number;
    call.arena = r->arena;
    return call;
}

int32_t add(slot_rig *r, berth_slot *slot, const berth_call *call)
{
    const int32_t args[] = { 20, 22 };
    int32_t sum = 0;

    if (berth_slot_invoke(slot, args, &sum, call, &r->diag) != BERTH_OK)
        fail_msg("%s", r->diag.text);
    return sum;
}

berth_runtime_stats settle(slot_rig *r)
{
    berth_runtime_stats stats;

    do {
        (void)sched_yield();
        stats = slot_rig_runtime_stats(r);
    } while (stats.versions_retired != 0 || stats.natives_ending != 0);
    return stats;
}

/* Each allocation of a function's first call fails once. */
static void a_first_call_without_memory_leaves_the_next_as_it_would_be(void **state)
{
    slot_rig *r = *state;
    const int32_t args[] = { 20, 22 };
    unsigned failed = 0;
    int32_t sum;

    for (unsigned n = 0; n < 12; n++) {
        char name[16];
        berth_slot *slot;
        berth_call call;
        berth_status status;

        snprintf(name, sizeof name, "calc%u", n);
        slot = slot_rig_open(r, name, NULL);
        install(r, slot, "calc_v1");
        call = call_of(r, slot, "add");
        memory_fail(&r->memory, n, false);
        status = berth_slot_invoke(slot, args, &sum, &call, &r->diag);
        memory_fail(&r->memory, MEMORY_NEVER, false);
        if (status != BERTH_OK)
            assert_int_equal(status, BERTH_E_NOMEM);
        failed += status != BERTH_OK;
        assert_int_equal(add(r, slot, &call), 42);
    }
    assert_true(failed >= 2);
}

static void functions_are_called_with_structs_as_they_are(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "calc", NULL);
    const int32_t point[] = { 3, -4 };
    const uint32_t numbers[] = { 1, 2, 4000000000u };
    const struct {
        const uint32_t *data;
        size_t count;
    } list = { numbers, 3 };
    struct {
        const char *text;
        size_t size;
    } text = { NULL, 0 };
    uint64_t total = 0;
    berth_call call;
    berth_slot_stats stats;

    install(r, slot, "calc_v1");
    call = call_of(r, slot, "add");
    assert_int_equal(add(r, slot, &call), 42);
    assert_int_equal(add(r, slot, &call), 42); /* the short way */
    call.input_size = 1;
    slot_rig_check(r, berth_slot_invoke(slot, point, &total, &call, &r->diag), BERTH_E_INVALID,
                   BERTH_REASON_NONE, "a typed call has no input");
    call = call_of(r, slot, "show");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(berth_slot_invoke(slot, point, &text, &call, &r->diag), BERTH_OK);
        assert_int_equal(text.size, 7);
        assert_memory_equal(text.text, "(3, -4)", 7);
    }
    call = call_of(r, slot, "total");
    for (int i = 0; i < 2; i++)
        assert_int_equal(berth_slot_invoke(slot, &list, &total, &call, &r->diag), BERTH_OK);
    assert_int_equal(total, 4000000003u);
    stats = slot_rig_stats(slot);
    assert_int_equal(stats.calls, 6);
    assert_int_equal(stats.answered, 6);
    assert_int_equal(stats.in_flight, 0);
    assert_int_equal(stats.bytes_in, 2 * 12);
    assert_int_equal(stats.bytes_out, 2 * 7);
    assert_int_equal(slot_rig_runtime_stats(r).natives_open, 1);
}

static void sizes_are_those_of_the_structs(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "calc", NULL);
    berth_func func = BERTH_FUNC_INIT;

    install(r, slot, "calc_v1");
    assert_int_equal(berth_slot_func(slot, MATH "#show",
                                     "func(p: record { x: s32, y: s32 }) -> "
                                     "string",
                                     &func, &r->diag),
                     BERTH_OK);
    assert_int_equal(func.args_size, 8);
    assert_int_equal(func.args_align, 4);
    assert_int_equal(func.result_size, 16);
    slot_rig_check(r, berth_slot_func(slot, MATH "#sub", NULL, &func, &r->diag), BERTH_E_ABSENT,
                   BERTH_REASON_NONE, "exports no function");
}

static void a_number_that_a_plugin_answers_is_its_own_error(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "calc", NULL);
    berth_call call;
    int32_t code = 5;
    uint32_t result;

    install(r, slot, "calc_v1");
    call = call_of(r, slot, "refuse");
    for (int i = 0; i < 2; i++)
        slot_rig_check(r, berth_slot_invoke(slot, &code, &result, &call, &r->diag),
                       BERTH_E_PLUGIN, BERTH_REASON_NONE, "#refuse: it answered 5");
    code = 0;
    assert_int_equal(berth_slot_invoke(slot, &code, &result, &call, &r->diag), BERTH_OK);
    assert_int_equal(slot_rig_stats(slot).other_failures, 2);
    assert_int_equal(slot_rig_stats(slot).answered, 1);
}

/* Each is known from the time before, unless something was published meanwhile, and then too. */
static void functions_and_slots_take_turns(void **state)
{
    slot_rig *r = *state;
    berth_slot *slots[2] = { slot_rig_open(r, "one", NULL), slot_rig_open(r, "two", NULL) };
    const uint32_t numbers[] = { 1, 2 };
    const struct {
        const uint32_t *data;
        size_t count;
    } list = { numbers, 2 };
    int32_t bias[2] = { 0, 1000 }, code = 3;
    berth_call calls[2][3];
    uint64_t total;

    install(r, slots[0], "calc_v1");
    install(r, slots[1], "calc_v2");
    for (int i = 0; i < 2; i++) {
        calls[i][0] = call_of(r, slots[i], "add");
        calls[i][1] = call_of(r, slots[i], "total");
        calls[i][2] = call_of(r, slots[i], "refuse");
    }
    for (int n = 0; n < 60; n++) {
        int i = n % 2;

        if (n == 30) {
            install(r, slots[1], "calc_v3");
            bias[1] = 2000;
        }
        assert_int_equal(add(r, slots[i], &calls[i][0]), 42 + bias[i]);
        assert_int_equal(berth_slot_invoke(slots[i], &list, &total, &calls[i][1], &r->diag),
                         BERTH_OK);
        assert_int_equal(total, 3);
        assert_int_equal(berth_slot_invoke(slots[i], &code, &total, &calls[i][2], &r->diag),
                         BERTH_E_PLUGIN);
    }
    for (int i = 0; i < 2; i++) {
        berth_slot_stats stats = slot_rig_stats(slots[i]);

        assert_int_equal(stats.calls, 90);
        assert_int_equal(stats.answered, 60);
        assert_int_equal(stats.other_failures, 30);
        assert_int_equal(stats.bytes_in, 30 * sizeof numbers);
    }
}

typedef struct caller {
    slot_rig *rig;
    berth_slot *slot;
    const berth_call *call;
    unsigned calls;
} caller;

/* Calls before it gives memory. */
static void *call_and_alloc(void *ctx, size_t size)
{
    caller *c = ctx;

    c->calls++;
    assert_int_equal(add(c->rig, c->slot, c->call), 1042);
    return malloc(size);
}

static void give_back(void *ctx, void *p, size_t size)
{
    (void)ctx, (void)size;
    free(p);
}

/* The plugin asks for room for its answer, and on the way the thread calls another one. */
static void a_call_inside_a_call_changes_nothing_of_it(void **state)
{
    slot_rig *r = *state;
    berth_slot *outer = slot_rig_open(r, "outer", NULL),
               *inner = slot_rig_open(r, "inner", NULL);
    caller c = { .rig = r, .slot = inner };
    const berth_allocator allocator = { .ctx = &c, .alloc = call_and_alloc, .free = give_back };
    const int32_t point[] = { 3, -4 };
    struct {
        const char *text;
        size_t size;
    } text = { NULL, 0 };
    berth_call show, inside;
    unsigned calls;

    install(r, outer, "calc_v1");
    install(r, inner, "calc_v2");
    show = call_of(r, outer, "show");
    inside = call_of(r, inner, "add");
    c.call = &inside;
    for (unsigned n = 1; n <= 4; n++) {
        assert_int_equal(berth_arena_create(&allocator, 16, &show.arena, NULL), BERTH_OK);
        calls = c.calls;
        assert_int_equal(berth_slot_invoke(outer, point, &text, &show, &r->diag), BERTH_OK);
        assert_memory_equal(text.text, "(3, -4)", 7);
        berth_arena_destroy(show.arena);
        assert_true(c.calls > calls);
        assert_int_equal(slot_rig_stats(outer).answered, n);
        assert_int_equal(slot_rig_stats(outer).calls, n);
        assert_int_equal(slot_rig_stats(inner).answered, c.calls);
        assert_int_equal(slot_rig_stats(inner).calls, c.calls);
        assert_int_equal(slot_rig_stats(outer).bytes_out, 7 * n);
    }
}

static void functions_are_called_by_text(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "calc", NULL);
    berth_call call = BERTH_CALL_INIT;
    const char *text = NULL;

    install(r, slot, "calc_v1");
    call.arena = r->arena;
    assert_int_equal(berth_slot_evaluate(slot, MATH "#show({x: 1, y: 2})", &call,
                                         BERTH_TEXT_WAVE, &text, &r->diag),
                     BERTH_OK);
    assert_string_equal(text, "\"(1, 2)\"");
}

static void hooks_are_not_there(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "calc", NULL);

    install(r, slot, "calc_v1");
    assert_int_equal(slot_rig_call(r, slot, "x", 1, NULL), BERTH_E_ABSENT);
}

static void versions_are_swapped_and_go(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "calc", NULL);
    berth_runtime_stats stats;
    uint64_t number = 0;
    berth_call call;

    install(r, slot, "calc_v1");
    call = call_of(r, slot, "add");
    assert_int_equal(add(r, slot, &call), 42);
    install(r, slot, "calc_v2");
    assert_int_equal(add(r, slot, &call), 1042);
    assert_int_equal(berth_slot_rollback(slot, &number, &r->diag), BERTH_OK);
    assert_int_equal(number, 1);
    assert_int_equal(add(r, slot, &call), 42); /* the instance that it was */
    stats = settle(r);
    assert_int_equal(stats.natives_unmapped, 1);
    assert_int_equal(stats.natives_open, 1);
    install(r, slot, "calc_v3");
    assert_int_equal(add(r, slot, &call), 2042);
    assert_int_equal(berth_slot_evict(r->runtime, "", "calc"), BERTH_OK);
    stats = settle(r);
    assert_int_equal(stats.natives_open, 0);
    assert_int_equal(stats.natives_opened, 3);
    assert_int_equal(stats.natives_unmapped, 3);
    assert_int_equal(stats.natives_kept + stats.natives_abandoned, 0);
}

static void a_prepared_version_is_published_or_leaves_nothing(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "calc", NULL);
    berth_version *version;
    size_t size;
    uint8_t *bytes = plugin_file_read("calc_v2", &size);
    berth_call call;

    install(r, slot, "calc_v1");
    call = call_of(r, slot, "add");
    assert_int_equal(berth_slot_prepare(slot, bytes, size, &version, &r->diag), BERTH_OK);
    assert_int_equal(slot_rig_runtime_stats(r).natives_open, 2);
    berth_version_discard(version);
    assert_int_equal(settle(r).natives_unmapped, 1);
    assert_int_equal(add(r, slot, &call), 42);
    assert_int_equal(berth_slot_prepare(slot, bytes, size, &version, &r->diag), BERTH_OK);
    assert_int_equal(add(r, slot, &call), 42);
    assert_int_equal(berth_slot_swap(slot, version, &r->diag), BERTH_OK);
    assert_int_equal(add(r, slot, &call), 1042);
    free(bytes);
}

static void what_fails_leaves_the_old_version_and_nothing_else(void **state)
{
    static const struct {
        const char *name;
        berth_status status;
        const char *text;
    } rows[] = {
        { "calc_open_fails", BERTH_E_PLUGIN, "there is no calculator" },
        { "calc_old_abi", BERTH_E_VERSION, "newer headers" },
        { "calc_new_abi", BERTH_E_VERSION, "older headers" },
        { "calc_wrong_id", BERTH_E_REJECTED, "test:somebody" },
        { "calc_no_table", BERTH_E_ABI, "gives no table" },
        { "calc_hole", BERTH_E_ABI, "has to be 'refuse'" },
        { "calc_wrong_digest", BERTH_E_ABI, "another digest" },
        { "calc_hidden", BERTH_E_REJECTED, "exports no symbol 'berth_plugin'" },
        { "calc_exec_stack", BERTH_E_REJECTED, "noexecstack" },
    };
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "calc", NULL);
    size_t count = sizeof rows / sizeof *rows;
    berth_runtime_stats stats;
    berth_call call;

    install(r, slot, "calc_v1");
    call = call_of(r, slot, "add");
    for (size_t i = 0; i < count; i++) {
        slot_rig_check(r, try_install(r, slot, rows[i].name), rows[i].status, BERTH_REASON_NONE,
                       rows[i].text);
        assert_int_equal(add(r, slot, &call), 42);
    }
    stats = settle(r);
    assert_int_equal(stats.natives_open, 1);
    assert_int_equal(stats.natives_unmapped, 7); /* the last two were never mapped */
    assert_int_equal(slot_rig_stats(slot).refused, count);
    install(r, slot, "calc_v2");
    assert_int_equal(add(r, slot, &call), 1042);
}

static berth_slot *open_with_contract(slot_rig *r, const char *wit)
{
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    berth_contract *contract;
    berth_slot *slot;

    if (berth_contract_parse(NULL, wit, strlen(wit), NULL, &contract, &r->diag) != BERTH_OK)
        fail_msg("%s", r->diag.text);
    options.contract = contract;
    slot = slot_rig_open(r, "calc", &options);
    berth_contract_destroy(contract);
    return slot;
}

static void a_contract_is_kept_by_structure(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_with_contract(r, calc_wit);
    berth_call call;

    install(r, slot, "calc_v1"); /* of its very digest */
    call = call_of(r, slot, "add");
    assert_int_equal(add(r, slot, &call), 42);
    install(r, slot, "calc_extended"); /* one function more, in front; another digest */
    assert_int_equal(add(r, slot, &call), 3042);
    slot_rig_check(r, try_install(r, slot, "calc_other"), BERTH_E_REJECTED, BERTH_REASON_NONE,
                   "does not keep contract `test:calc/math@1`");
    assert_non_null(strstr(r->diag.text, "point"));
    assert_int_equal(add(r, slot, &call), 3042);
}

/* How much memory stays with an install. */
static size_t bytes_of_install(slot_rig *r, const char *slot, const char *plugin)
{
    size_t before = atomic_load(&r->memory.live_bytes);

    install(r, slot_rig_open(r, slot, NULL), plugin);
    return atomic_load(&r->memory.live_bytes) - before;
}

static void show_by_text(slot_rig *r, berth_slot *slot)
{
    berth_call call = BERTH_CALL_INIT;
    const char *text;

    call.arena = r->arena;
    if (berth_slot_evaluate(slot, MATH "#show({x: 3, y: -4})", &call, BERTH_TEXT_WAVE, &text,
                            &r->diag) != BERTH_OK)
        fail_msg("%s", r->diag.text);
    assert_string_equal(text, "\"(3, -4)\"");
}

static void a_world_is_read_once_and_stays_while_somebody_has_it(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "first", NULL), *kept;
    size_t other, same;

    install(r, slot, "calc_v1");
    other = bytes_of_install(r, "other", "calc_other");
    same = bytes_of_install(r, "same", "calc_v2");
    assert_true(same + 4096 < other);
    assert_int_equal(berth_slot_evict(r->runtime, "", "first"), BERTH_OK);
    assert_int_equal(settle(r).natives_unmapped, 1);
    assert_int_equal(berth_slot_find(r->runtime, "", "same", &kept), BERTH_OK);
    show_by_text(r, kept); /* by types that the first one brought */
    berth_slot_release(kept);
    /* What keeps a contract of another digest is compared, and what is others' is not touched by that. */
    slot = open_with_contract(r, calc_wit);
    install(r, slot, "calc_extended");
    for (int i = 0; i < 2; i++)
        slot_rig_check(r, try_install(r, slot, "calc_other"), BERTH_E_REJECTED,
                       BERTH_REASON_NONE, "does not keep contract `test:calc/math@1`");
    install(r, slot, "calc_v1");
    install(r, slot, "calc_extended");
    show_by_text(r, slot);
}

static void an_install_without_memory_leaves_nothing(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "calc", NULL);
    static const char *const names[] = { "calc_v1", "calc_v2" }; /* the second finds a world */
    unsigned failed = 0;

    for (size_t i = 0; i < 2; i++) {
        berth_status status = BERTH_E_NOMEM;

        for (size_t nth = 0; status != BERTH_OK; nth++) {
            memory_fail(&r->memory, nth, false);
            status = try_install(r, slot, names[i]);
            memory_fail(&r->memory, MEMORY_NEVER, false);
            if (status != BERTH_OK)
                assert_int_equal(status, BERTH_E_NOMEM);
            failed += status != BERTH_OK;
            assert_int_equal(slot_rig_stats(slot).version, i + (status == BERTH_OK));
        }
        show_by_text(r, slot);
    }
    assert_true(failed >= 20);
}

static void a_plugin_without_the_contract_is_refused_by_name(void **state)
{
    static const char other[] = "package test:calc@2.0.0; interface math { add: func(); }";
    slot_rig *r = *state;
    berth_slot *slot = open_with_contract(r, other);

    slot_rig_check(r, try_install(r, slot, "calc_v1"), BERTH_E_REJECTED, BERTH_REASON_NONE,
                   "exports no interface of contract `test:calc/math@2`; its first is "
                   "`test:calc/math@1`");
    assert_int_equal(slot_rig_runtime_stats(r).natives_opened, 0);
}

static void a_function_of_another_type_is_absent_after_a_swap(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "calc", NULL);
    const int32_t point[] = { 3, -4 };
    uint64_t text[2];
    berth_call call;

    install(r, slot, "calc_v1");
    call = call_of(r, slot, "show");
    install(r, slot, "calc_other"); /* nothing is agreed upon but types */
    slot_rig_check(r, berth_slot_invoke(slot, point, text, &call, &r->diag), BERTH_E_ABSENT,
                   BERTH_REASON_NONE, "exports no");
    assert_int_equal(slot_rig_stats(slot).calls, 0);
}

static void slots_that_replace_instances_refuse_native_plugins(void **state)
{
    slot_rig *r = *state;
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;

    options.policy = BERTH_POLICY_FRESH;
    slot_rig_check(r, try_install(r, slot_rig_open(r, "fresh", &options), "calc_v1"),
                   BERTH_E_REJECTED, BERTH_REASON_NONE, "has one for all calls");
    options.policy = BERTH_POLICY_REUSE;
    options.reuse_calls_max = 5;
    slot_rig_check(r, try_install(r, slot_rig_open(r, "some", &options), "calc_v1"),
                   BERTH_E_REJECTED, BERTH_REASON_NONE, "has one for all calls");
}

static void time_is_measured_where_it_is_asked_for(void **state)
{
    slot_rig *r = *state;
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *slot;
    berth_call call;

    options.flags = BERTH_SLOT_TIMED;
    slot = slot_rig_open(r, "calc", &options);
    install(r, slot, "calc_v1");
    call = call_of(r, slot, "add");
    for (int i = 0; i < 100; i++)
        assert_int_equal(add(r, slot, &call), 42);
    assert_true(slot_rig_stats(slot).time_ns > 0);
    assert_int_equal(slot_rig_stats(slot).answered, 100);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(a_call_past_its_deadline_is_told_while_it_is_inside),
        slot_test(a_slot_may_quarantine_a_plugin_that_does_not_return),
        slot_test(what_dies_of_being_mapped_is_refused),
        slot_test(a_trial_without_its_program_is_an_error_that_says_so),
        slot_test(rules_are_looked_after_where_it_is_asked_for),
        slot_test(a_plugin_that_keeps_the_rules_notices_nothing_of_it),
        slot_test(what_a_plugin_says_is_handed_on),
        slot_test(functions_are_called_with_structs_as_they_are),
        slot_test(a_first_call_without_memory_leaves_the_next_as_it_would_be),
        slot_test(sizes_are_those_of_the_structs),
        slot_test(a_number_that_a_plugin_answers_is_its_own_error),
        slot_test(functions_and_slots_take_turns),
        slot_test(a_call_inside_a_call_changes_nothing_of_it),
        slot_test(functions_are_called_by_text),
        slot_test(hooks_are_not_there),
        slot_test(versions_are_swapped_and_go),
        slot_test(a_prepared_version_is_published_or_leaves_nothing),
        slot_test(what_fails_leaves_the_old_version_and_nothing_else),
        slot_test(a_contract_is_kept_by_structure),
        slot_test(a_world_is_read_once_and_stays_while_somebody_has_it),
        slot_test(an_install_without_memory_leaves_nothing),
        slot_test(a_plugin_without_the_contract_is_refused_by_name),
        slot_test(a_function_of_another_type_is_absent_after_a_swap),
        slot_test(slots_that_replace_instances_refuse_native_plugins),
        slot_test(time_is_measured_where_it_is_asked_for),
        slot_test(a_call_that_is_inside_keeps_its_version_mapped),
        slot_test(calls_inside_are_limited),
        slot_test(a_call_counts_itself_once_another_thread_has_come),
        slot_test(what_cannot_be_drained_is_counted_and_told),
        slot_test(a_component_and_a_native_plugin_take_turns),
    };

    return slot_rig_run("native", tests, sizeof tests / sizeof *tests);
}
