/* native_test.c - native plugins in slots: typed calls, contracts, swaps, and how they go.  Public
 * headers only. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/contract.h>
#include <berth/invoke.h>
#include <berth/plugin.h>

#include "guests.h"
#include "slot_rig.h"

#define MATH "test:calc/math@1.2.0"

static const char calc_wit[] =
    "package test:calc@1.2.0; interface math { record point { x: s32, y: s32 } "
    "add: func(a: s32, b: s32) -> s32; show: func(p: point) -> string; "
    "total: func(numbers: list<u32>) -> u64; refuse: func(code: s32) -> u32; "
    "hold: func(gate: u64) -> u32; }";

static berth_status try_install(slot_rig *r, berth_slot *slot, const char *name)
{
    size_t size;
    uint8_t *bytes = plugin_file_read(name, &size);

    return slot_rig_try_install(r, slot, bytes, size);
}

static void install(slot_rig *r, berth_slot *slot, const char *name)
{
    if (try_install(r, slot, name) != BERTH_OK)
        fail_msg("%s: %s", name, r->diag.text);
}

static berth_call call_of(slot_rig *r, berth_slot *slot, const char *function)
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

/* 20 + 22, by whoever serves. */
static int32_t add(slot_rig *r, berth_slot *slot, const berth_call *call)
{
    const int32_t args[] = { 20, 22 };
    int32_t sum = 0;

    if (berth_slot_invoke(slot, args, &sum, call, &r->diag) != BERTH_OK)
        fail_msg("%s", r->diag.text);
    return sum;
}

/* Until nothing is ending any more. */
static berth_runtime_stats settle(slot_rig *r)
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

/* ---------------------------------------------------------------- calls that are inside */

typedef struct holder {
    berth_slot *slot;
    berth_call call;
    struct {
        atomic_int inside, is_open;
    } gate;
    berth_status status;
    uint32_t result;
} holder;

static void *hold(void *arg)
{
    holder *h = arg;
    uint64_t address = (uint64_t)(uintptr_t)&h->gate;
    berth_arena *arena;

    if (berth_arena_create(NULL, 0, &arena, NULL) != BERTH_OK)
        abort();
    h->call.arena = arena;
    h->status = berth_slot_invoke(h->slot, &address, &h->result, &h->call, NULL);
    berth_arena_destroy(arena);
    return NULL;
}

static void a_call_that_is_inside_keeps_its_version_mapped(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "calc", NULL);
    holder h = { .slot = slot };
    berth_runtime_stats stats;
    pthread_t thread;
    berth_call call;

    install(r, slot, "calc_v1");
    call = call_of(r, slot, "add");
    h.call = call_of(r, slot, "hold");
    assert_int_equal(pthread_create(&thread, NULL, hold, &h), 0);
    while (atomic_load(&h.gate.inside) == 0)
        (void)sched_yield();
    assert_int_equal(slot_rig_stats(slot).in_flight, 1);
    install(r, slot, "calc_v2");
    install(r, slot, "calc_v3"); /* the first is kept no more */
    assert_int_equal(add(r, slot, &call), 2042);
    stats = slot_rig_runtime_stats(r);
    assert_int_equal(stats.natives_unmapped + stats.natives_ending, 0);
    assert_int_equal(stats.natives_open, 3);
    atomic_store(&h.gate.is_open, 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(h.status, BERTH_OK);
    assert_int_equal(h.result, 42);
    assert_int_equal(settle(r).natives_unmapped, 1);
}

static void calls_inside_are_limited(void **state)
{
    slot_rig *r = *state;
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *slot;
    const int32_t args[] = { 20, 22 };
    berth_call call;
    pthread_t thread;
    holder h = { .status = BERTH_E_ABSENT };
    int32_t sum;

    options.calls_max = 1;
    slot = slot_rig_open(r, "calc", &options);
    install(r, slot, "calc_v1");
    call = call_of(r, slot, "add");
    call.deadline_ns = 20 * MS;
    h.slot = slot;
    h.call = call_of(r, slot, "hold");
    assert_int_equal(pthread_create(&thread, NULL, hold, &h), 0);
    while (atomic_load(&h.gate.inside) == 0)
        (void)sched_yield();
    slot_rig_check(r, berth_slot_invoke(slot, args, &sum, &call, &r->diag), BERTH_E_BUSY,
                   BERTH_REASON_SLOT_CALLS, "");
    atomic_store(&h.gate.is_open, 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    call.deadline_ns = 20000 * MS;
    assert_int_equal(add(r, slot, &call), 42);
    assert_int_equal(slot_rig_stats(slot).busy, 1);
}

static void what_cannot_be_drained_is_counted_and_told(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "calc", NULL);

    install(r, slot, "calc_never_drained");
    assert_int_equal(berth_slot_evict(r->runtime, "", "calc"), BERTH_OK);
    assert_int_equal(settle(r).natives_abandoned, 1);
    assert_int_equal(settle(r).natives_unmapped, 0);
}

static void a_component_and_a_native_plugin_take_turns(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "calc", NULL);
    berth_call call;
    size_t size;
    uint8_t *bytes;

    install(r, slot, "calc_v1");
    call = call_of(r, slot, "add");
    bytes = guest_read("cli_values.component", &size);
    assert_int_equal(slot_rig_try_install(r, slot, bytes, size), BERTH_OK);
    slot_rig_check(r, berth_slot_invoke(slot, &call, &size, &call, &r->diag), BERTH_E_ABSENT,
                   BERTH_REASON_NONE, "exports no");
    install(r, slot, "calc_v2");
    assert_int_equal(add(r, slot, &call), 1042);
}

/* ---------------------------------------------------------------- reports */

typedef struct reports {
    pthread_mutex_t lock;
    unsigned counts[8];
    char text[2048], function[64], slot[64]; /* of the last but logs */
    uint64_t version, thread, age_ns;
} reports;

static void reporter(void *ctx, const berth_report *report)
{
    reports *all = ctx;

    pthread_mutex_lock(&all->lock);
    all->counts[report->kind % 8]++;
    if (report->kind != BERTH_REPORT_LOG) {
        snprintf(all->text, sizeof all->text, "%s", report->text);
        snprintf(all->slot, sizeof all->slot, "%s", report->slot);
        snprintf(all->function, sizeof all->function, "%s",
                 report->function == NULL ? "" : report->function);
        all->version = report->version;
        all->thread = report->thread;
        all->age_ns = report->age_ns;
    }
    pthread_mutex_unlock(&all->lock);
}

static reports copy_of(reports *all)
{
    reports copy;

    pthread_mutex_lock(&all->lock);
    copy = *all;
    pthread_mutex_unlock(&all->lock);
    return copy;
}

static void restart(slot_rig *r, reports *all, uint32_t flags)
{
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;

    memset(all, 0, sizeof *all);
    assert_int_equal(pthread_mutex_init(&all->lock, NULL), 0);
    options.reporter = reporter;
    options.reporter_ctx = all;
    options.flags = flags;
    slot_rig_restart(r, options);
}

static void a_call_past_its_deadline_is_told_while_it_is_inside(void **state)
{
    static reports all;
    slot_rig *r = *state;
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    pthread_t thread, other;
    holder h = { .status = BERTH_E_ABSENT }, second = { .status = BERTH_E_ABSENT };
    reports seen;

    restart(r, &all, BERTH_RUNTIME_BACKTRACES);
    options.deadline_ns = 10 * MS;
    h.slot = slot_rig_open(r, "calc", &options);
    install(r, h.slot, "calc_v1");
    h.call = call_of(r, h.slot, "hold");
    assert_int_equal(pthread_create(&thread, NULL, hold, &h), 0);
    do {
        (void)sched_yield();
        seen = copy_of(&all);
    } while (seen.counts[BERTH_REPORT_OVERDUE] == 0);
    slot_rig_wait_until(atomic_load(&h.gate.inside) == 1); /* the gate keeps it there */
    assert_string_equal(seen.slot, "calc");
    assert_string_equal(seen.function, MATH "#hold");
    assert_int_equal(seen.version, 1);
    assert_true(seen.thread != 0 && seen.age_ns > 10 * MS);
    assert_non_null(
        strstr(seen.text, "plugin 'test:calc' (version 1 of slot 'calc') has been in"));
    assert_non_null(strstr(seen.text, "\n  ")); /* where it is, or that it cannot be said */
    /* It is told once, however long it takes: when another one is told, it has been seen again. */
    second.slot = h.slot;
    second.call = h.call;
    assert_int_equal(pthread_create(&other, NULL, hold, &second), 0);
    while (copy_of(&all).counts[BERTH_REPORT_OVERDUE] < 2)
        (void)sched_yield();
    assert_int_equal(copy_of(&all).counts[BERTH_REPORT_OVERDUE], 2);
    assert_int_not_equal(copy_of(&all).thread, seen.thread);
    atomic_store(&second.gate.is_open, 1);
    assert_int_equal(pthread_join(other, NULL), 0);
    assert_int_equal(slot_rig_stats(h.slot).version, 1); /* nobody asked for a quarantine */
    atomic_store(&h.gate.is_open, 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(h.status, BERTH_OK);
}

static void a_slot_may_quarantine_a_plugin_that_does_not_return(void **state)
{
    static reports all;
    slot_rig *r = *state;
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    const int32_t args[] = { 20, 22 };
    pthread_t thread;
    holder h = { .status = BERTH_E_ABSENT };
    berth_call call;
    int32_t sum;

    restart(r, &all, 0);
    options.deadline_ns = 500 * MS; /* what returns does so within it, on a busy machine too */
    options.flags = BERTH_SLOT_QUARANTINE;
    h.slot = slot_rig_open(r, "calc", &options);
    install(r, h.slot, "calc_v1");
    install(r, h.slot, "calc_v2");
    call = call_of(r, h.slot, "add");
    h.call = call_of(r, h.slot, "hold");
    assert_int_equal(pthread_create(&thread, NULL, hold, &h), 0);
    while (copy_of(&all).counts[BERTH_REPORT_OVERDUE] == 0)
        (void)sched_yield();
    assert_non_null(strstr(copy_of(&all).text, "it was taken out of service"));
    assert_int_equal(slot_rig_stats(h.slot).version, 0);
    assert_int_equal(berth_slot_invoke(h.slot, args, &sum, &call, &r->diag), BERTH_E_ABSENT);
    assert_int_equal(berth_slot_rollback(h.slot, NULL, &r->diag), BERTH_OK);
    assert_int_equal(berth_slot_invoke(h.slot, args, &sum, &call, &r->diag), BERTH_OK);
    assert_int_equal(sum, 42);
    atomic_store(&h.gate.is_open, 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(settle(r).natives_unmapped, 1);
}

static void rules_are_looked_after_where_it_is_asked_for(void **state)
{
    static const struct {
        const char *name, *text;
        bool is_show;
    } rows[] = { { "calc_writes_past", "wrote outside its result", false },
                 { "calc_writes_args", "wrote to its arguments", false },
                 { "calc_other_thread", "used its call on another thread", true } };
    static reports all;
    slot_rig *r = *state;
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *slot;

    restart(r, &all, 0);
    options.flags = BERTH_SLOT_CHECKED;
    slot = slot_rig_open(r, "calc", &options);
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        const int32_t args[] = { 20, 22 };
        uint64_t result[2] = { 7, 7 };
        berth_call call;

        install(r, slot, rows[i].name);
        call = call_of(r, slot, rows[i].is_show ? "show" : "add");
        for (int again = 0; again < 2; again++) /* there is no short way past it */
            slot_rig_check(r, berth_slot_invoke(slot, args, result, &call, &r->diag),
                           BERTH_E_ABI, BERTH_REASON_NONE, rows[i].text);
        assert_true(result[0] == 7 && result[1] == 7);
        assert_int_equal(args[0], 20);
        assert_int_equal(copy_of(&all).counts[BERTH_REPORT_VIOLATION], 2 * (i + 1));
        assert_non_null(strstr(copy_of(&all).text, rows[i].text));
    }
    assert_int_equal(slot_rig_stats(slot).violations, 6);
}

static void a_plugin_that_keeps_the_rules_notices_nothing_of_it(void **state)
{
    slot_rig *r = *state;
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    const int32_t point[] = { 3, -4 };
    struct {
        const char *text;
        size_t size;
    } text = { NULL, 0 };
    int32_t code = 5;
    berth_slot *slot;
    berth_call call;

    options.flags = BERTH_SLOT_CHECKED;
    slot = slot_rig_open(r, "calc", &options);
    install(r, slot, "calc_v1");
    call = call_of(r, slot, "add");
    assert_int_equal(add(r, slot, &call), 42);
    assert_int_equal(add(r, slot, &call), 42);
    call = call_of(r, slot, "show");
    assert_int_equal(berth_slot_invoke(slot, point, &text, &call, &r->diag), BERTH_OK);
    assert_int_equal(text.size, 7);
    assert_memory_equal(text.text, "(3, -4)", 7);
    call = call_of(r, slot, "refuse");
    assert_int_equal(berth_slot_invoke(slot, &code, &code, &call, &r->diag), BERTH_E_PLUGIN);
}

static void what_a_plugin_says_is_handed_on(void **state)
{
    static reports all;
    slot_rig *r = *state;
    berth_slot *slot;

    restart(r, &all, 0);
    slot = slot_rig_open(r, "calc", NULL);
    install(r, slot, "calc_never_drained");
    assert_int_equal(copy_of(&all).counts[BERTH_REPORT_LOG], 1);
    assert_int_equal(berth_slot_evict(r->runtime, "", "calc"), BERTH_OK);
    assert_int_equal(settle(r).natives_abandoned, 1);
    assert_int_equal(copy_of(&all).counts[BERTH_REPORT_ABANDONED], 1);
    assert_non_null(strstr(copy_of(&all).text, "a thread of mine runs"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(a_call_past_its_deadline_is_told_while_it_is_inside),
        slot_test(a_slot_may_quarantine_a_plugin_that_does_not_return),
        slot_test(rules_are_looked_after_where_it_is_asked_for),
        slot_test(a_plugin_that_keeps_the_rules_notices_nothing_of_it),
        slot_test(what_a_plugin_says_is_handed_on),
        slot_test(functions_are_called_with_structs_as_they_are),
        slot_test(a_first_call_without_memory_leaves_the_next_as_it_would_be),
        slot_test(sizes_are_those_of_the_structs),
        slot_test(a_number_that_a_plugin_answers_is_its_own_error),
        slot_test(functions_are_called_by_text),
        slot_test(hooks_are_not_there),
        slot_test(versions_are_swapped_and_go),
        slot_test(a_prepared_version_is_published_or_leaves_nothing),
        slot_test(what_fails_leaves_the_old_version_and_nothing_else),
        slot_test(a_contract_is_kept_by_structure),
        slot_test(a_plugin_without_the_contract_is_refused_by_name),
        slot_test(a_function_of_another_type_is_absent_after_a_swap),
        slot_test(slots_that_replace_instances_refuse_native_plugins),
        slot_test(time_is_measured_where_it_is_asked_for),
        slot_test(a_call_that_is_inside_keeps_its_version_mapped),
        slot_test(calls_inside_are_limited),
        slot_test(what_cannot_be_drained_is_counted_and_told),
        slot_test(a_component_and_a_native_plugin_take_turns),
    };

    return slot_rig_run("native", tests, sizeof tests / sizeof *tests);
}
