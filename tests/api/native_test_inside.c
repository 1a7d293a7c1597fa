/* native_test_inside.c - native plugins while calls are inside: bounds, what is told of them, and the rules that
 * are looked after.  Public headers only. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/plugin.h>

#include "native_test.h"

typedef struct holder {
    berth_slot *slot;
    berth_call call;
    berth_slot
        *other_slot; /* whose add() is called in turns with that before; NULL: not at all */
    berth_call other;
    struct {
        atomic_int inside, is_open;
    } gate;
    berth_status status;
    uint32_t result;
} holder;

static void call_in_turns(holder *h)
{
    const int32_t args[] = { 20, 22 };
    const uint64_t none = 0;
    uint32_t result;

    for (int i = 0; i < 4 && h->other_slot != NULL; i++)
        if (berth_slot_invoke(h->other_slot, args, &result, &h->other, NULL) != BERTH_OK ||
            (i < 3 && berth_slot_invoke(h->slot, &none, &result, &h->call, NULL) != BERTH_OK))
            abort();
}

static void *hold(void *arg)
{
    holder *h = arg;
    uint64_t address = (uint64_t)(uintptr_t)&h->gate;
    berth_arena *arena;

    if (berth_arena_create(NULL, 0, &arena, NULL) != BERTH_OK)
        abort();
    h->call.arena = h->other.arena = arena;
    call_in_turns(h);
    h->status = berth_slot_invoke(h->slot, &address, &h->result, &h->call, NULL);
    berth_arena_destroy(arena);
    return NULL;
}

void a_call_that_is_inside_keeps_its_version_mapped(void **state)
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

void calls_inside_are_limited(void **state)
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

typedef struct joiner {
    berth_slot *slot;
    berth_call call;
    holder *holder;
    atomic_bool has_joined;
    berth_status status;
} joiner;

/* Calls when nobody is inside, and again when the other thread is. */
static void *join_and_call(void *arg)
{
    joiner *j = arg;
    const int32_t args[] = { 20, 22 };
    berth_arena *arena;
    int32_t sum;

    if (berth_arena_create(NULL, 0, &arena, NULL) != BERTH_OK)
        abort();
    j->call.arena = arena;
    if (berth_slot_invoke(j->slot, args, &sum, &j->call, NULL) != BERTH_OK)
        abort();
    atomic_store(&j->has_joined, true);
    while (atomic_load(&j->holder->gate.inside) == 0)
        (void)sched_yield();
    j->call.deadline_ns = 20 * MS;
    j->status = berth_slot_invoke(j->slot, args, &sum, &j->call, NULL);
    atomic_store(&j->holder->gate.is_open, 1);
    berth_arena_destroy(arena);
    return NULL;
}

/* Before there were more threads than places it did not count itself, and knew that it need not. */
void a_call_counts_itself_once_another_thread_has_come(void **state)
{
    slot_rig *r = *state;
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    holder h = { .status = BERTH_E_ABSENT };
    joiner j = { .holder = &h };
    pthread_t thread;

    options.calls_max = 1;
    h.slot = j.slot = slot_rig_open(r, "calc", &options);
    install(r, h.slot, "calc_v1");
    h.call = call_of(r, h.slot, "hold");
    h.other = j.call = call_of(r, h.slot, "add");
    h.other.deadline_ns = h.call.deadline_ns = j.call.deadline_ns = 20000 * MS;
    h.other_slot = h.slot;
    call_in_turns(&h);
    assert_int_equal(pthread_create(&thread, NULL, join_and_call, &j), 0);
    while (!atomic_load(&j.has_joined))
        (void)sched_yield();
    (void)hold(&h);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(h.status, BERTH_OK);
    assert_int_equal(j.status, BERTH_E_BUSY);
    assert_int_equal(slot_rig_stats(h.slot).busy, 1);
}

void what_cannot_be_drained_is_counted_and_told(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "calc", NULL);

    install(r, slot, "calc_never_drained");
    assert_int_equal(berth_slot_evict(r->runtime, "", "calc"), BERTH_OK);
    assert_int_equal(settle(r).natives_abandoned, 1);
    assert_int_equal(settle(r).natives_unmapped, 0);
}

void a_component_and_a_native_plugin_take_turns(void **state)
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
    uint64_t first_thread; /* that was overdue in hold() */
    unsigned first_told;   /* how often that was said */
} reports;

static void reporter(void *ctx, const berth_report *report)
{
    reports *all = ctx;
    bool is_hold =
        report->kind == BERTH_REPORT_OVERDUE && strcmp(report->function, MATH "#hold") == 0;

    pthread_mutex_lock(&all->lock);
    all->counts[report->kind % 8]++;
    if (is_hold && all->first_thread == 0)
        all->first_thread = report->thread;
    if (is_hold && all->first_thread == report->thread)
        all->first_told++;
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

void a_call_past_its_deadline_is_told_while_it_is_inside(void **state)
{
    static reports all;
    slot_rig *r = *state;
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    pthread_t thread, other;
    holder h = { .status = BERTH_E_ABSENT }, second = { .status = BERTH_E_ABSENT };
    reports seen, later;

    restart(r, &all, BERTH_RUNTIME_BACKTRACES);
    options.deadline_ns = 10 * MS;
    h.slot = slot_rig_open(r, "calc", &options);
    install(r, h.slot, "calc_v1");
    h.call = call_of(r, h.slot, "hold");
    assert_int_equal(pthread_create(&thread, NULL, hold, &h), 0);
    do {
        (void)sched_yield();
        seen = copy_of(&all);
    } while (seen.first_told == 0);
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
    /* Its calls on the way go through another slot, which is one of the unusual ones. */
    options.flags = BERTH_SLOT_TIMED;
    second.other_slot = slot_rig_open(r, "timed", &options);
    install(r, second.other_slot, "calc_v1");
    (void)call_of(r, second.other_slot, "total");
    second.other = call_of(r, second.other_slot, "add");
    assert_int_equal(pthread_create(&other, NULL, hold, &second), 0);
    /* On a busy machine its calls on the way may be overdue, too; this is the last. */
    slot_rig_wait_until(atomic_load(&second.gate.inside) == 1);
    do {
        (void)sched_yield();
        later = copy_of(&all);
    } while (later.thread == seen.thread || strcmp(later.function, MATH "#hold") != 0);
    assert_int_equal(later.first_told, 1);
    atomic_store(&second.gate.is_open, 1);
    assert_int_equal(pthread_join(other, NULL), 0);
    assert_int_equal(slot_rig_stats(h.slot).version, 1); /* nobody asked for a quarantine */
    atomic_store(&h.gate.is_open, 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(h.status, BERTH_OK);
}

void a_slot_may_quarantine_a_plugin_that_does_not_return(void **state)
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

void rules_are_looked_after_where_it_is_asked_for(void **state)
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

void a_plugin_that_keeps_the_rules_notices_nothing_of_it(void **state)
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

void what_a_plugin_says_is_handed_on(void **state)
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
