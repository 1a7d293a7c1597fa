/* swap_test.c - callers, leases, swaps, rollbacks, evictions: whatever the schedule, each reply is
 * of one version that was current, and nothing is lost or left.  Public headers only.
 *
 * Version n of a slot is made to answer n, so that a reply carries two witnesses: what the guest
 * said and what the host says.  Each test counts what it provoked and fails when that is nothing.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "component_builder.h"
#include "process.h"
#include "slot_rig.h"
#include "torture.h"

enum {
    CALLERS_MAX = 8,
    TRAPPING = 5,
    ROLLING_BACK = 7,
    CYCLE = 10,
    KINDS = 3,
    CACHED_MAX = 64,
    SWAPS_MIN = 60,
    CALLS_ENOUGH = 1000 /* of one version by one thread */
};

/* What one thread met. */
typedef struct tally {
    uint64_t by_status[SLOT_RIG_STATUSES];
    uint64_t dropped, outlived; /* outlived: the version was replaced during the call */
    uint64_t leases, leases_outlived;
    uint64_t wrong; /* replies that could not be */
    char what[160]; /* the first of them */
} tally;

typedef struct arena_of_swaps {
    slot_rig *rig;
    berth_slot *slot;
    _Atomic(bool) stop;
    /* The swapper announces a version, publishes it, and says that it is published. */
    _Atomic(uint64_t) announced, published;
    /* Odd while a rollback is going on.  Only calls within one even epoch are compared. */
    _Atomic(uint64_t) epoch;
    _Atomic(uint64_t) calls, outlived, leases_outlived, traps; /* to know when it is enough */
    uint64_t prepared, swaps, rollbacks;
    _Atomic(uint64_t) threads;
    tally sum; /* of threads that ended; guarded by lock */
    pthread_mutex_t lock;
    char trouble[400]; /* what the swapper met */
} arena_of_swaps;

/* The test fails, but only after the threads have ended: they use what a failing test frees. */
static void complain(arena_of_swaps *a, const char *what, const char *why)
{
    if (a->trouble[0] == '\0')
        snprintf(a->trouble, sizeof a->trouble, "%s: %.300s", what, why);
}

static void note(tally *t, const char *what, uint64_t got, uint64_t low, uint64_t high)
{
    if (t->wrong++ == 0)
        snprintf(t->what, sizeof t->what, "%s: %llu, not %llu to %llu", what,
                 (unsigned long long)got, (unsigned long long)low, (unsigned long long)high);
}

static uint64_t answer_of(const berth_reply *reply)
{
    uint64_t number = UINT64_MAX;

    if (reply->size == sizeof number)
        memcpy(&number, reply->data, sizeof number);
    return number;
}

static void add_tally(arena_of_swaps *a, const tally *t)
{
    pthread_mutex_lock(&a->lock);
    for (int i = 0; i < SLOT_RIG_STATUSES; i++)
        a->sum.by_status[i] += t->by_status[i];
    a->sum.dropped += t->dropped;
    a->sum.outlived += t->outlived;
    a->sum.leases += t->leases;
    a->sum.leases_outlived += t->leases_outlived;
    if (t->what[0] != '\0' && a->sum.wrong == 0)
        memcpy(a->sum.what, t->what, sizeof t->what);
    a->sum.wrong += t->wrong;
    pthread_mutex_unlock(&a->lock);
}

static berth_call make_call(berth_slot *slot, berth_arena **arena_out)
{
    berth_call call = BERTH_CALL_INIT;

    if (berth_slot_hook(slot, "do", &call.hook, NULL) != BERTH_OK ||
        berth_arena_create(NULL, 0, arena_out, NULL) != BERTH_OK)
        abort();
    call.arena = *arena_out;
    call.input = "x";
    call.input_size = 1;
    return call;
}

typedef struct view { /* what a caller knows of the order of versions */
    uint64_t epoch, version;
} view;

static void call_once(arena_of_swaps *a, const berth_call *call, tally *t, view *last)
{
    uint64_t epoch = atomic_load(&a->epoch), low = atomic_load(&a->published), high;
    berth_reply reply = { 0 };
    berth_diag diag;
    berth_status status = berth_slot_call(a->slot, call, &reply, &diag);

    t->by_status[status]++;
    if (status != BERTH_OK && status != BERTH_E_TRAP)
        snprintf(t->what, sizeof t->what, "%.159s", diag.text);
    atomic_fetch_add_explicit(&a->calls, 1, memory_order_relaxed);
    if (status == BERTH_E_TRAP)
        atomic_fetch_add_explicit(&a->traps, 1, memory_order_relaxed);
    if (status != BERTH_OK)
        return;
    high = atomic_load(&a->announced);
    if (reply.is_dropped)
        t->dropped++;
    else if (answer_of(&reply) != reply.version)
        note(t, "the guest is not the version that the reply names", answer_of(&reply),
             reply.version, reply.version);
    if (reply.version == 0 || reply.version > high)
        note(t, "a version from the future", reply.version, 1, high);
    if (atomic_load(&a->published) != low) {
        t->outlived++;
        atomic_fetch_add_explicit(&a->outlived, 1, memory_order_relaxed);
    }
    if (epoch % 2 != 0 || atomic_load(&a->epoch) != epoch) {
        last->epoch = UINT64_MAX;
        return;
    }
    if (reply.version < low)
        note(t, "a version that was replaced before the call", reply.version, low, high);
    if (last->epoch == epoch && reply.version < last->version)
        note(t, "versions go back", reply.version, last->version, high);
    *last = (view){ epoch, reply.version };
}

static void *call_until_told(void *arg)
{
    arena_of_swaps *a = arg;
    berth_arena *arena;
    berth_call call = make_call(a->slot, &arena);
    view last = { UINT64_MAX, 0 };
    tally t = { 0 };
    uint64_t before = 0;

    for (unsigned since = 0; !atomic_load_explicit(&a->stop, memory_order_relaxed); since++) {
        uint64_t announced = atomic_load_explicit(&a->announced, memory_order_relaxed);

        call_once(a, &call, &t, &last);
        berth_arena_reset(arena);
        since = announced == before ? since : 0;
        before = announced;
        if (since > CALLS_ENOUGH)
            (void)sched_yield(); /* more swaps are worth more than more calls of one version */
    }
    berth_arena_destroy(arena);
    add_tally(a, &t);
    return NULL;
}

static void *call_a_few_times(void *arg)
{
    arena_of_swaps *a = arg;
    berth_arena *arena;
    berth_call call = make_call(a->slot, &arena);
    view last = { UINT64_MAX, 0 };
    tally t = { 0 };

    for (int i = 0; i < 10; i++)
        call_once(a, &call, &t, &last);
    berth_arena_destroy(arena);
    add_tally(a, &t);
    return NULL;
}

static void *come_and_go(void *arg)
{
    arena_of_swaps *a = arg;

    while (!atomic_load_explicit(&a->stop, memory_order_relaxed)) {
        pthread_t few[3];

        for (int i = 0; i < 3; i++)
            if (pthread_create(&few[i], NULL, call_a_few_times, a) != 0)
                abort();
        for (int i = 0; i < 3; i++)
            (void)pthread_join(few[i], NULL);
        atomic_fetch_add(&a->threads, 3);
        slot_rig_sleep_ms(1); /* to make threads without pause would be most of the test */
    }
    return NULL;
}

/* A leased version answers as itself, however often the slot changes meanwhile. */
static void lease_once(arena_of_swaps *a, const berth_call *call, tally *t)
{
    berth_lease lease = BERTH_LEASE_NONE;
    uint64_t number;

    if (berth_slot_lease(a->slot, &lease) != BERTH_OK)
        return;
    number = berth_lease_version(&lease);
    for (int i = 0; i < 6; i++) {
        berth_reply reply = { 0 };
        berth_diag diag;
        berth_status status = berth_lease_call(&lease, call, &reply, &diag);

        t->by_status[status]++;
        if (status != BERTH_OK && status != BERTH_E_TRAP)
            snprintf(t->what, sizeof t->what, "%.159s", diag.text);
        if (status == BERTH_E_TRAP)
            atomic_fetch_add_explicit(&a->traps, 1, memory_order_relaxed);
        if (status == BERTH_OK && reply.is_dropped)
            t->dropped++;
        else if (status == BERTH_OK && answer_of(&reply) != number)
            note(t, "a lease changed its version", answer_of(&reply), number, number);
        if (status == BERTH_OK && reply.version != number)
            note(t, "a lease's reply names another version", reply.version, number, number);
        berth_arena_reset(call->arena);
        (void)sched_yield();
    }
    t->leases++;
    if (atomic_load(&a->published) != number) {
        t->leases_outlived++;
        atomic_fetch_add_explicit(&a->leases_outlived, 1, memory_order_relaxed);
    }
    berth_lease_return(&lease);
}

static void *lease_until_told(void *arg)
{
    arena_of_swaps *a = arg;
    berth_arena *arena;
    berth_call call = make_call(a->slot, &arena);
    tally t = { 0 };

    while (!atomic_load_explicit(&a->stop, memory_order_relaxed))
        lease_once(a, &call, &t);
    berth_arena_destroy(arena);
    add_tally(a, &t);
    return NULL;
}

/* The next version, which answers with its number; one in CYCLE traps on every input but the
 * probe's, which is empty.  One in KINDS is a component, so that modules and components are
 * swapped for each other. */
static uint8_t *next_artifact(uint64_t number, size_t *size_out)
{
    plugin_spec spec = {
        .number = (uint32_t)number,
        /* if (len != 0) unreachable; return 0 */
        .hook = PLUGIN_CODE(0x20, 0x01, 0x04, 0x40, PLUGIN_TRAP, 0x0b, PLUGIN_I64(0)),
    };

    if (number % CYCLE == TRAPPING)
        return plugin_make(&spec, size_out);
    return number % KINDS == 1 ? component_answering((uint32_t)number, size_out)
                               : plugin_answering((uint32_t)number, size_out);
}

/* False: it was prepared and thrown away. */
static bool swap_once(arena_of_swaps *a)
{
    uint64_t number = atomic_load(&a->announced) + 1;
    size_t size;
    uint8_t *bytes = next_artifact(number, &size);
    berth_version *version = NULL;

    berth_status status = berth_slot_prepare(a->slot, bytes, size, &version, &a->rig->diag);

    free(bytes);
    if (status != BERTH_OK) {
        complain(a, "prepare", a->rig->diag.text);
        return false;
    }
    if (++a->prepared % 16 == 0) { /* prepared for nothing */
        berth_version_discard(version);
        return false;
    }
    atomic_store(&a->announced, number);
    if (berth_slot_swap(a->slot, version, &a->rig->diag) != BERTH_OK)
        complain(a, "swap", a->rig->diag.text);
    atomic_store(&a->published, number);
    a->swaps++;
    return true;
}

static void roll_back_once(arena_of_swaps *a)
{
    uint64_t number = 0;

    atomic_fetch_add(&a->epoch, 1);
    if (berth_slot_rollback(a->slot, &number, &a->rig->diag) != BERTH_OK)
        complain(a, "rollback", a->rig->diag.text);
    if (number >= atomic_load(&a->published))
        complain(a, "rollback", "to a version that is not older");
    atomic_store(&a->published, number);
    atomic_fetch_add(&a->epoch, 1);
    a->rollbacks++;
}

static arena_of_swaps *begin(slot_rig *r, const berth_slot_options *options)
{
    arena_of_swaps *a = calloc(1, sizeof *a);

    assert_non_null(a);
    a->rig = r;
    a->slot = slot_rig_open(r, "torture", options);
    (void)slot_rig_hook(r, a->slot, "do");
    pthread_mutex_init(&a->lock, NULL);
    (void)swap_once(a);
    return a;
}

/* I11, while it is going on and afterwards. */
static void check_sums(arena_of_swaps *a, uint64_t *calls_before, uint32_t calls_max)
{
    berth_slot_stats s = slot_rig_stats(a->slot);

    uint64_t ended = s.answered + s.dropped + s.traps + s.deadlines + s.limits + s.violations +
                     s.other_failures;
    char text[160];

    snprintf(text, sizeof text, "%llu calls, %llu before, %llu ended, %u in flight",
             (unsigned long long)s.calls, (unsigned long long)*calls_before,
             (unsigned long long)ended, s.in_flight);
    /* The seats are not all read at one moment: a thread may have been seen in two versions. */
    if (s.calls != ended + s.in_flight || s.in_flight > 2 * calls_max ||
        s.calls < *calls_before)
        complain(a, "the sums are wrong", text);
    *calls_before = s.calls;
}

/* Instances that are made and ended are those that live, once the reaper has stopped to fill and
 * to empty rings: it counts one that it is about to make. */
static void check_instances(arena_of_swaps *a)
{
    berth_slot_stats s = slot_rig_stats(a->slot);
    uint64_t deadline = torture_now_ns() + TORTURE_PATIENCE_NS;

    while (s.instances_made - s.instances_discarded != s.instances_live &&
           torture_now_ns() < deadline) {
        slot_rig_sleep_ms(1);
        s = slot_rig_stats(a->slot);
    }
    assert_int_equal(s.instances_made - s.instances_discarded, s.instances_live);
}

static void check_end(arena_of_swaps *a)
{
    berth_slot_stats s = slot_rig_stats(a->slot);
    const tally *t = &a->sum;

    if (t->wrong != 0)
        fail_msg("%llu replies could not be: %s", (unsigned long long)t->wrong, t->what);
    assert_int_equal(s.in_flight, 0);
    assert_int_equal(s.answered + s.dropped, t->by_status[BERTH_OK]);
    assert_int_equal(s.dropped, t->dropped);
    assert_int_equal(s.traps, t->by_status[BERTH_E_TRAP]);
    for (int i = 0; i < SLOT_RIG_STATUSES; i++)
        if (i != BERTH_OK && i != BERTH_E_TRAP && i != BERTH_E_BUSY && t->by_status[i] != 0)
            fail_msg("%llu calls ended with: %s (%s)", (unsigned long long)t->by_status[i],
                     berth_status_name((berth_status)i), t->what);
    if (s.busy != t->by_status[BERTH_E_BUSY])
        fail_msg("%llu calls were turned away and %llu were told so: %s",
                 (unsigned long long)s.busy, (unsigned long long)t->by_status[BERTH_E_BUSY],
                 t->what);
    assert_int_equal(s.installs, a->swaps);
    assert_int_equal(s.rollbacks, a->rollbacks);
    assert_int_equal(s.version, atomic_load(&a->published));
    slot_rig_wait_reaped(a->rig);
    check_instances(a);
    torture_say("%s: %llu calls, %llu of them outlived their version, %llu trapped, %llu busy; "
                "%llu leases, %llu outlived theirs",
                a->rig->engine, (unsigned long long)s.calls, (unsigned long long)t->outlived,
                (unsigned long long)s.traps, (unsigned long long)s.busy,
                (unsigned long long)t->leases, (unsigned long long)t->leases_outlived);
    torture_say("%llu swaps, %llu rollbacks; %llu threads came and went",
                (unsigned long long)a->swaps, (unsigned long long)a->rollbacks,
                (unsigned long long)atomic_load(&a->threads));
}

static bool is_enough(arena_of_swaps *a, uint64_t swaps)
{
    return a->swaps >= swaps && a->rollbacks >= swaps / 20 && atomic_load(&a->outlived) >= 20 &&
           atomic_load(&a->leases_outlived) >= 20 && atomic_load(&a->traps) >= 5 &&
           atomic_load(&a->threads) >= 30 && atomic_load(&a->calls) >= 20 * swaps;
}

/* The swaps to make: on a machine that is slow or busy, no more than prove that something was tried. */
static uint64_t swaps_due(uint64_t began, uint64_t swaps)
{
    bool is_slow = torture_now_ns() - began > TORTURE_EFFORT_NS;

    return is_slow && swaps > SWAPS_MIN ? SWAPS_MIN : swaps;
}

/* All of it at once, until enough has happened. */
static void torture(slot_rig *r, const berth_slot_options *options, unsigned callers,
                    uint64_t swaps)
{
    uint32_t calls_max = options->calls_max == 0 ? 64 : options->calls_max;
    arena_of_swaps *a = begin(r, options);
    pthread_t threads[CALLERS_MAX];
    uint64_t began = torture_now_ns(), deadline = began + TORTURE_PATIENCE_NS;
    uint64_t calls_before = 0;
    unsigned n = 0;

    for (unsigned i = 0; i < callers; i++)
        assert_int_equal(pthread_create(&threads[n++], NULL, call_until_told, a), 0);
    assert_int_equal(pthread_create(&threads[n++], NULL, lease_until_told, a), 0);
    assert_int_equal(pthread_create(&threads[n++], NULL, come_and_go, a), 0);
    for (uint64_t round = 0; !is_enough(a, swaps_due(began, swaps)) && a->trouble[0] == '\0' &&
                             torture_now_ns() < deadline;
         round++) {
        uint64_t calls = atomic_load(&a->calls);

        if (swap_once(a) && round % CYCLE == ROLLING_BACK)
            roll_back_once(a);
        check_sums(a, &calls_before, calls_max);
        /* Without this the swaps are over before the callers have seen one. */
        while (atomic_load(&a->calls) < calls + 10 && torture_now_ns() < deadline)
            (void)sched_yield();
    }
    atomic_store(&a->stop, true);
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    if (a->trouble[0] != '\0')
        fail_msg("%s", a->trouble);
    check_end(a);
    assert_true(is_enough(a, swaps_due(began, swaps)));
    pthread_mutex_destroy(&a->lock);
    free(a);
}

static uint64_t swaps_wanted(const slot_rig *r)
{
    return 1000 / slot_rig_slowness(r) + 100;
}

static void each_reply_is_of_one_version_that_was_current(void **state)
{
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;

    torture(*state, &options, 4, swaps_wanted(*state));
}

static void so_it_is_with_a_fresh_instance_for_each_call(void **state)
{
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;

    options.policy = BERTH_POLICY_FRESH;
    options.instances_max = 32;
    torture(*state, &options, 3, swaps_wanted(*state) / 2);
}

static void so_it_is_with_few_instances_that_are_replaced(void **state)
{
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;

    options.instances_max = 3; /* fewer than threads: they take from each other */
    options.reuse_calls_max = 7;
    torture(*state, &options, 4, swaps_wanted(*state) / 2);
}

static void so_it_is_when_calls_wait_for_a_place(void **state)
{
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;

    /* About as many as there are threads, so that calls are now counted and now not. */
    options.calls_max = 6;
    torture(*state, &options, 4, swaps_wanted(*state) / 2);
}

/* ---- slots that come and go ---- */

typedef struct comings {
    slot_rig *rig;
    _Atomic(bool) stop;
    _Atomic(uint64_t) opening, open; /* generations: the last begun, the last done */
    _Atomic(uint64_t) calls, absent, after_evict;
    _Atomic(uint64_t) wrong;
} comings;

/* Through a handle found anew each time, and once more after a yield: the slot may be evicted
 * meanwhile, and then says so, or may serve this generation still. */
static void find_and_call(comings *c, berth_arena *arena)
{
    uint64_t low = atomic_load(&c->open), answer;
    berth_call call = BERTH_CALL_INIT;
    berth_reply reply = { 0 };
    berth_slot *slot = NULL;
    berth_status status;
    berth_diag diag;

    if (berth_slot_find(c->rig->runtime, "some", "where", &slot) != BERTH_OK) {
        atomic_fetch_add(&c->absent, 1);
        return;
    }
    if (berth_slot_hook(slot, "do", &call.hook, NULL) != BERTH_OK)
        abort();
    call.arena = arena;
    for (int i = 0; i < 3; i++) {
        status = berth_slot_call(slot, &call, &reply, &diag);
        answer = status == BERTH_OK ? answer_of(&reply) : 0;
        if (status == BERTH_OK &&
            (answer < low || answer > atomic_load(&c->opening) || reply.version != 1))
            atomic_fetch_add(&c->wrong, 1);
        if (status != BERTH_OK && status != BERTH_E_ABSENT) {
            atomic_fetch_add(&c->wrong, 1);
            fprintf(stderr, "a call ended with: %s\n", diag.text);
        }
        atomic_fetch_add(status == BERTH_OK ? &c->calls : &c->after_evict, 1);
        (void)sched_yield();
    }
    berth_arena_reset(arena);
    berth_slot_release(slot);
}

static void *find_until_told(void *arg)
{
    comings *c = arg;
    berth_arena *arena;

    if (berth_arena_create(NULL, 0, &arena, NULL) != BERTH_OK)
        abort();
    while (!atomic_load(&c->stop))
        find_and_call(c, arena);
    berth_arena_destroy(arena);
    return NULL;
}

static void open_and_evict(comings *c)
{
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    uint64_t generation = atomic_load(&c->opening) + 1, calls = atomic_load(&c->calls);
    berth_slot *slot = NULL;
    size_t size;
    uint8_t *bytes = plugin_answering((uint32_t)generation, &size);

    options.deadline_ns = options.probe_deadline_ns = SLOT_RIG_PATIENCE_NS;
    options.tenant = "some";
    options.name = "where";
    assert_int_equal(berth_slot_open(c->rig->runtime, &options, &slot, NULL), BERTH_OK);
    atomic_store(&c->opening, generation);
    assert_int_equal(berth_slot_install(slot, bytes, size, NULL, NULL), BERTH_OK);
    atomic_store(&c->open, generation);
    free(bytes);
    while (atomic_load(&c->calls) < calls + 5)
        (void)sched_yield();
    if (generation % 2 == 0)
        assert_int_equal(berth_slot_evict(c->rig->runtime, "some", "where"), BERTH_OK);
    else
        assert_int_equal(berth_runtime_retain(c->rig->runtime, NULL, 0), 1);
    assert_int_equal(berth_slot_evict(c->rig->runtime, "some", "where"), BERTH_E_ABSENT);
    berth_slot_release(slot);
}

static void slots_come_and_go_under_their_callers(void **state)
{
    enum { CALLERS = 4 };
    slot_rig *r = *state;
    comings c = { .rig = r };
    uint64_t wanted = swaps_wanted(r), began = torture_now_ns();
    pthread_t threads[CALLERS];

    for (int i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, find_until_told, &c), 0);
    while ((atomic_load(&c.open) < swaps_due(began, wanted) ||
            atomic_load(&c.after_evict) < 10 || atomic_load(&c.absent) < 10) &&
           torture_now_ns() - began < TORTURE_PATIENCE_NS)
        open_and_evict(&c);
    atomic_store(&c.stop, true);
    for (int i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    slot_rig_wait_reaped(r);
    torture_say(
        "%s: %llu slots, %llu calls answered, %llu came to an evicted slot, %llu to none",
        r->engine, (unsigned long long)atomic_load(&c.open),
        (unsigned long long)atomic_load(&c.calls),
        (unsigned long long)atomic_load(&c.after_evict),
        (unsigned long long)atomic_load(&c.absent));
    assert_int_equal(atomic_load(&c.wrong), 0);
    assert_true(atomic_load(&c.after_evict) >= 10 && atomic_load(&c.absent) >= 10);
    assert_int_equal(slot_rig_runtime_stats(r).slots, 0);
    assert_int_equal(slot_rig_runtime_stats(r).instances_live, 0);
}

/* ---- I3 ---- */

static bool try_endless(slot_rig *r, unsigned ms)
{
    plugin_spec spinning = {
        .number = 1,
        /* if (len != 0) for (;;); return 0 */
        .hook = PLUGIN_CODE(0x20, 0x01, 0x04, 0x40, PLUGIN_LOOP, 0x0b, PLUGIN_I64(0)),
    };
    berth_slot *stuck = slot_rig_open(r, "stuck", NULL),
               *other = slot_rig_open(r, "other", NULL);
    slot_rig_caller caller = {
        .slot = stuck, .input = "x", .input_size = 1, .deadline_ns = 10 * ms * MS, .times = 1
    };
    uint64_t wanted = swaps_wanted(r), until = slot_rig_now_ns() + 8 * ms * MS, reaped;
    berth_slot_stats of_stuck, of_other;
    uint32_t number = 1;
    bool was_inside;

    (void)slot_rig_hook(r, stuck, "do");
    (void)slot_rig_hook(r, other, "do");
    slot_rig_install_spec(r, stuck, &spinning);
    slot_rig_caller_start(&caller);
    was_inside = slot_rig_wait_inside(&caller, stuck, 1);
    while (slot_rig_runtime_stats(r).versions_reaped < wanted && slot_rig_now_ns() < until) {
        number++;
        slot_rig_install_answering(r, stuck, number);
        slot_rig_install_answering(r, other, number);
        assert_int_equal(slot_rig_answer(r, stuck), number); /* and calls go on */
        assert_int_equal(slot_rig_answer(r, other), number);
    }
    /* Both versions of the slot that are kept are newer: the one left is the spinning one. */
    do {
        (void)sched_yield();
        of_stuck = slot_rig_stats(stuck);
        of_other = slot_rig_stats(other);
    } while ((of_stuck.versions_retired > 1 || of_other.versions_retired > 0 ||
              of_stuck.oldest_call_ns == 0) &&
             slot_rig_is_inside(&caller));
    reaped = slot_rig_runtime_stats(r).versions_reaped;
    was_inside = was_inside && slot_rig_is_inside(&caller);
    slot_rig_caller_join(&caller);
    slot_rig_wait_reaped(r);
    if (!was_inside || reaped < 20)
        return false;
    torture_say("%s: %llu versions were reaped while one call was inside", r->engine,
                (unsigned long long)reaped);
    assert_int_equal(of_stuck.in_flight, 1);
    assert_int_equal(of_stuck.versions_retired, 1);
    assert_int_equal(of_other.versions_retired, 0);
    assert_true(of_stuck.oldest_call_ns > 0);
    assert_int_equal(caller.by_status[BERTH_E_DEADLINE], 1);
    return true;
}

static void a_call_that_does_not_end_holds_back_its_own_version_only(void **state)
{
    slot_rig_attempt(*state, try_endless);
}

/* ---- nothing is left ---- */

static void a_second_round_needs_no_more_than_the_first(void **state)
{
    slot_rig *r = *state;
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    size_t descriptors = 0, threads = 0, live = 0, blocks = 0;

    for (int round = 0; round < 3; round++) {
        torture(r, &options, 3, 100);
        assert_int_equal(berth_slot_evict(r->runtime, "", "torture"), BERTH_OK);
        berth_slot_release(r->slots[--r->slots_count]);
        slot_rig_wait_reaped(r);
        assert_int_equal(slot_rig_runtime_stats(r).instances_live, 0);
        assert_int_equal(slot_rig_runtime_stats(r).threads, 0);
        if (round == 0)
            threads = process_threads();
        if (round == 1) { /* the cache of compiled artifacts is full by now */
            descriptors = process_descriptors();
            live = atomic_load(&r->memory.live_bytes);
            blocks = atomic_load(&r->memory.live_blocks);
        }
    }
    /* Each cached artifact with data has a descriptor, and how many of those are cached depends on
     * where the swaps ended; a version that kept one would show: each round makes a hundred. */
    assert_true(process_descriptors() < descriptors + CACHED_MAX);
    assert_true(process_waits_for_threads(threads));
    assert_true(atomic_load(&r->memory.live_bytes) <= live + live / 4 + 65536);
    assert_true(atomic_load(&r->memory.live_blocks) <= blocks + blocks / 4 + 64);
}

/* ---- finding ---- */

enum { STAYING = 40, FINDERS = 3, COMINGS = 30 };

typedef struct finders {
    slot_rig *rig;
    berth_slot *first; /* of those that stay; it has a plugin */
    berth_slot *staying[STAYING];
    _Atomic(bool) stop;
    _Atomic(uint64_t) there, absent, wrong;
} finders;

/* A slot that stays is found whatever else comes and goes; one that does not is found whole, or not. */
static void find_all(finders *f)
{
    berth_slot *slot = NULL;
    berth_slot_stats stats = BERTH_SLOT_STATS_INIT;
    char name[24];

    for (int i = 0; i < STAYING; i++) {
        snprintf(name, sizeof name, "stays-%d", i);
        if (berth_slot_find(f->rig->runtime, "t", name, &slot) != BERTH_OK ||
            slot != f->staying[i])
            atomic_fetch_add(&f->wrong, 1);
        else
            berth_slot_release(slot);
        if (berth_slot_find(f->rig->runtime, "t", "comes", &slot) != BERTH_OK) {
            atomic_fetch_add(&f->absent, 1);
            continue;
        }
        if (berth_slot_stats_read(slot, &stats, NULL) != BERTH_OK || stats.calls != 0)
            atomic_fetch_add(&f->wrong, 1);
        berth_slot_release(slot);
        atomic_fetch_add(&f->there, 1);
    }
}

static void *find_until_stopped(void *arg)
{
    finders *f = arg;
    berth_call call = BERTH_CALL_INIT;
    berth_reply reply;

    if (berth_arena_create(NULL, 0, &call.arena, NULL) != BERTH_OK ||
        berth_slot_hook(f->first, "do", &call.hook, NULL) != BERTH_OK)
        abort();
    while (!atomic_load(&f->stop)) {
        /* Who has called the runtime last finds without its lock. */
        if (berth_slot_call(f->first, &call, &reply, NULL) != BERTH_OK)
            atomic_fetch_add(&f->wrong, 1);
        berth_arena_reset(call.arena);
        find_all(f);
    }
    berth_arena_destroy(call.arena);
    return NULL;
}

static berth_slot *open_in_t(slot_rig *r, const char *name)
{
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *slot = NULL;

    options.tenant = "t";
    options.name = name;
    options.deadline_ns = options.probe_deadline_ns = SLOT_RIG_PATIENCE_NS;
    if (berth_slot_open(r->runtime, &options, &slot, &r->diag) != BERTH_OK)
        fail_msg("%s", r->diag.text);
    return slot;
}

/* More slots in each round, so that the table grows meanwhile; none of the others is retained. */
static void let_come_and_go(finders *f, int round)
{
    static berth_key keep[STAYING];
    static char names[STAYING][24];
    uint64_t seen = atomic_load(&f->there);
    char name[40];

    for (int i = 0; i < 8; i++) {
        snprintf(name, sizeof name, "more-%d-%d", round, i);
        berth_slot_release(open_in_t(f->rig, name));
    }
    berth_slot_release(open_in_t(f->rig, "comes"));
    while (atomic_load(&f->there) < seen + 3)
        (void)sched_yield();
    if (round % 16 != 15) {
        assert_int_equal(berth_slot_evict(f->rig->runtime, "t", "comes"), BERTH_OK);
    } else {
        for (int i = 0; i < STAYING; i++) {
            snprintf(names[i], sizeof names[i], "stays-%d", i);
            keep[i].tenant = "t";
            keep[i].name = names[i];
        }
        assert_int_equal(berth_runtime_retain(f->rig->runtime, keep, STAYING), 1 + 16 * 8);
    }
    seen = atomic_load(&f->absent);
    while (atomic_load(&f->absent) < seen + 3)
        (void)sched_yield();
}

static void who_looks_for_a_slot_finds_it_or_none(void **state)
{
    finders f = { .rig = *state };
    int rounds = 16 * (int)(1 + COMINGS / slot_rig_slowness(f.rig) / 16);
    pthread_t threads[FINDERS];
    char name[24];

    for (int i = 0; i < STAYING; i++) {
        snprintf(name, sizeof name, "stays-%d", i);
        f.staying[i] = open_in_t(f.rig, name);
    }
    f.first = f.staying[0];
    (void)slot_rig_install_answering(f.rig, f.first, 1);
    for (int i = 0; i < FINDERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, find_until_stopped, &f), 0);
    for (int round = 0; round < rounds; round++)
        let_come_and_go(&f, round);
    atomic_store(&f.stop, true);
    for (int i = 0; i < FINDERS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < STAYING; i++)
        berth_slot_release(f.staying[i]);
    assert_int_equal(atomic_load(&f.wrong), 0);
    torture_say("%s: a slot that came %d times was found %llu times, and not %llu times",
                f.rig->engine, rounds, (unsigned long long)atomic_load(&f.there),
                (unsigned long long)atomic_load(&f.absent));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(each_reply_is_of_one_version_that_was_current),
        slot_test(so_it_is_with_a_fresh_instance_for_each_call),
        slot_test(so_it_is_with_few_instances_that_are_replaced),
        slot_test(so_it_is_when_calls_wait_for_a_place),
        slot_test(slots_come_and_go_under_their_callers),
        slot_test(who_looks_for_a_slot_finds_it_or_none),
        slot_test(a_call_that_does_not_end_holds_back_its_own_version_only),
        slot_test(a_second_round_needs_no_more_than_the_first),
    };

    return slot_rig_run("swaps", tests, sizeof tests / sizeof *tests);
}
