/* native_test.c - native versions are swapped, rolled back and unmapped under callers at full speed: no
 * call meets code that was closed, and what is out of service goes.  Public headers only.
 *
 * The plugins are one source with another number each; a function that runs after close() answers 99, and
 * one that was unmapped ends the process.  Each test counts what it provoked and fails when that is
 * nothing. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/invoke.h>

#include "guests.h"
#include "slot_rig.h"
#include "torture.h"

#define MATH "test:calc/math@1.2.0#"

enum { CALLERS = 3, PLUGINS = 3, NUMBERS = 20000, SWAPS_MIN = 40, OUTLIVED_MIN = 5 };

typedef struct arena_of_swaps {
    slot_rig *rig;
    berth_slot *slot;
    uint32_t numbers[NUMBERS];
    uint32_t add, total;
    _Atomic(bool) stop;
    _Atomic(uint64_t) published; /* counts swaps and rollbacks */
    _Atomic(uint64_t) calls, outlived, wrong;
    _Atomic(uint64_t) seen[PLUGINS]; /* answers of each */
    uint64_t swaps, rollbacks, discards;
    _Atomic(uint64_t) soon; /* swaps that are about to be */
    uint64_t came;          /* for which of these a thread came last */
} arena_of_swaps;

/* Which plugin answered; PLUGINS: none. */
static unsigned plugin_of(int32_t sum)
{
    for (unsigned i = 0; i < PLUGINS; i++)
        if (sum == 42 + 1000 * (int32_t)i)
            return i;
    return PLUGINS;
}

static void add_once(arena_of_swaps *a, const berth_call *call)
{
    const int32_t args[] = { 20, 22 };
    int32_t sum = 0;
    unsigned plugin;

    if (berth_slot_invoke(a->slot, args, &sum, call, NULL) != BERTH_OK ||
        (plugin = plugin_of(sum)) == PLUGINS)
        atomic_fetch_add(&a->wrong, 1);
    else
        atomic_fetch_add_explicit(&a->seen[plugin], 1, memory_order_relaxed);
}

static void sum_up(arena_of_swaps *a, const berth_call *call)
{
    const struct {
        const uint32_t *data;
        size_t count;
    } list = { a->numbers, NUMBERS };
    uint64_t total = 0;

    if (berth_slot_invoke(a->slot, &list, &total, call, NULL) != BERTH_OK || total != NUMBERS)
        atomic_fetch_add(&a->wrong, 1);
}

static void *run_caller(void *arg)
{
    arena_of_swaps *a = arg;
    berth_call add = BERTH_CALL_INIT, total = BERTH_CALL_INIT;
    berth_arena *arena;
    uint64_t calls = 0;

    if (berth_arena_create(NULL, 0, &arena, NULL) != BERTH_OK)
        abort();
    add.hook = a->add;
    total.hook = a->total;
    add.arena = total.arena = arena;
    while (!atomic_load(&a->stop)) {
        uint64_t before;

        for (int i = 0; i < 20; i++)
            add_once(a, &add);
        before = atomic_load(&a->published);
        sum_up(a, &total);
        if (atomic_load(&a->published) != before)
            atomic_fetch_add(&a->outlived, 1);
        calls += 21;
        berth_arena_reset(arena);
    }
    atomic_fetch_add(&a->calls, calls);
    berth_arena_destroy(arena);
    return NULL;
}

/* A thread that comes is news: the others look everything up again, and it comes when there is going to be a
 * swap in the middle of that. */
static void *call_once(void *arg)
{
    arena_of_swaps *a = arg;
    berth_call add = BERTH_CALL_INIT;
    berth_arena *arena;

    if (berth_arena_create(NULL, 0, &arena, NULL) != BERTH_OK)
        abort();
    add.hook = a->add;
    add.arena = arena;
    while (atomic_load(&a->soon) == a->came && !atomic_load(&a->stop))
        (void)sched_yield();
    add_once(a, &add);
    atomic_fetch_add(&a->calls, 1);
    berth_arena_destroy(arena);
    return NULL;
}

static void *come_and_go(void *arg)
{
    arena_of_swaps *a = arg;
    pthread_t thread;

    while (!atomic_load(&a->stop)) {
        a->came = atomic_load(&a->soon);
        if (pthread_create(&thread, NULL, call_once, a) != 0)
            abort();
        pthread_join(thread, NULL);
    }
    return NULL;
}

static uint32_t number_of(slot_rig *r, berth_slot *slot, const char *name)
{
    berth_func func = BERTH_FUNC_INIT;

    if (berth_slot_func(slot, name, NULL, &func, &r->diag) != BERTH_OK)
        fail_msg("%s", r->diag.text);
    return func.number;
}

static bool is_enough(const arena_of_swaps *a, uint64_t until)
{
    bool are_seen = true;

    for (unsigned i = 0; i < PLUGINS; i++)
        are_seen = are_seen && atomic_load(&a->seen[i]) > 0;
    return torture_now_ns() >= until ||
           (are_seen && a->swaps >= SWAPS_MIN && a->rollbacks != 0 && a->discards != 0 &&
            atomic_load(&a->outlived) >= OUTLIVED_MIN);
}

/* One change of what is current. */
static berth_status change(arena_of_swaps *a, uint8_t *const *bytes, const size_t *sizes,
                           uint64_t n)
{
    slot_rig *r = a->rig;
    berth_version *version = NULL;
    berth_status status;
    uint64_t until;

    if (n % 7 == 6 && berth_slot_rollback(a->slot, NULL, NULL) == BERTH_OK) {
        a->rollbacks++;
        atomic_fetch_add(&a->published, 1);
        return BERTH_OK;
    }
    status =
        berth_slot_prepare(a->slot, bytes[n % PLUGINS], sizes[n % PLUGINS], &version, &r->diag);
    if (status != BERTH_OK)
        return status;
    if (n % 5 == 4) {
        berth_version_discard(version);
        a->discards++;
        return BERTH_OK;
    }
    atomic_fetch_add(&a->soon, 1);
    until = torture_now_ns() + n * 37 % 300 * 1000;
    while (torture_now_ns() < until)
        (void)sched_yield();
    status = berth_slot_swap(a->slot, version, &r->diag);
    a->swaps++;
    atomic_fetch_add(&a->published, 1);
    return status;
}

static void versions_go_while_calls_are_under_way(void **state)
{
    static arena_of_swaps a;
    static const char *const names[] = { "calc_v1", "calc_v2", "calc_v3" };
    slot_rig *r = *state;
    pthread_t threads[CALLERS + 1];
    uint8_t *bytes[PLUGINS];
    size_t sizes[PLUGINS];
    berth_status status = BERTH_OK;
    berth_runtime_stats stats;
    berth_slot_stats slot_stats;
    uint64_t until;

    memset(&a, 0, sizeof a);
    for (unsigned i = 0; i < NUMBERS; i++)
        a.numbers[i] = 1;
    for (unsigned i = 0; i < PLUGINS; i++)
        bytes[i] = plugin_file_read(names[i], &sizes[i]);
    a.rig = r;
    a.slot = slot_rig_open(r, "calc", NULL);
    assert_int_equal(berth_slot_install(a.slot, bytes[0], sizes[0], NULL, &r->diag), BERTH_OK);
    a.add = number_of(r, a.slot, MATH "add");
    a.total = number_of(r, a.slot, MATH "total");
    for (unsigned i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_caller, &a), 0);
    assert_int_equal(pthread_create(&threads[CALLERS], NULL, come_and_go, &a), 0);
    until = torture_now_ns() + TORTURE_PATIENCE_NS;
    for (uint64_t n = 1; status == BERTH_OK && !is_enough(&a, until); n++)
        status = change(&a, bytes, sizes, n);
    atomic_store(&a.stop, true);
    for (unsigned i = 0; i <= CALLERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (unsigned i = 0; i < PLUGINS; i++)
        free(bytes[i]);
    if (status != BERTH_OK)
        fail_msg("%s", r->diag.text);
    slot_stats = slot_rig_stats(a.slot);
    assert_int_equal(berth_slot_evict(r->runtime, "", "calc"), BERTH_OK);
    do {
        (void)sched_yield();
        stats = slot_rig_runtime_stats(r);
    } while (stats.versions_retired != 0 || stats.natives_ending != 0);
    torture_say(
        "%llu calls, %llu outlived a swap; %llu swaps, %llu rollbacks, %llu mappings, all "
        "gone",
        (unsigned long long)a.calls, (unsigned long long)a.outlived,
        (unsigned long long)a.swaps, (unsigned long long)a.rollbacks,
        (unsigned long long)stats.natives_opened);
    assert_int_equal(a.wrong, 0);
    assert_int_equal(slot_stats.calls, a.calls);
    assert_int_equal(slot_stats.answered, a.calls);
    assert_true(a.outlived > 0 && a.swaps > 0 && a.rollbacks > 0 && a.discards > 0);
    for (unsigned i = 0; i < PLUGINS; i++)
        assert_true(a.seen[i] > 0);
    assert_int_equal(stats.natives_open, 0);
    assert_int_equal(stats.natives_opened, 1 + a.swaps + a.discards);
    assert_int_equal(stats.natives_unmapped, stats.natives_opened);
    assert_int_equal(stats.natives_kept + stats.natives_abandoned, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(versions_go_while_calls_are_under_way),
    };

    return slot_rig_run("native torture", tests, sizeof tests / sizeof *tests);
}
