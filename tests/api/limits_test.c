/* limits_test.c - each bound at its value and one past it: bytes in and out, calls in flight of a
 * slot and of a tenant, instances of a version and of the runtime, slots. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slot_rig.h"

/* ---- bytes ---- */

static berth_status ask_for(slot_rig *r, berth_slot *slot, uint32_t size, berth_reply *reply)
{
    uint8_t input[5] = { 'o' };

    memcpy(input + 1, &size, sizeof size);
    return slot_rig_call(r, slot, input, sizeof input, reply);
}

static void a_reply_may_have_output_bytes_max_and_not_one_more(void **state)
{
    slot_rig *r = *state;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    berth_reply reply;
    berth_slot *slot;

    opt.output_bytes_max = 100000;
    slot = slot_rig_open(r, "output", &opt);
    slot_rig_install_guest(r, slot, "tricks");
    assert_int_equal(ask_for(r, slot, 100000, &reply), BERTH_OK);
    assert_int_equal(reply.size, 100000);
    assert_int_equal(((const char *)reply.data)[99999], 'o');
    slot_rig_check(r, ask_for(r, slot, 100001, &reply), BERTH_E_LIMIT, BERTH_REASON_OUTPUT,
                   "100001 bytes and 100000 are allowed");
    assert_int_equal(slot_rig_stats(slot).bytes_out, 100000);
    assert_int_equal(slot_rig_stats(slot).limits, 1);
}

static void a_reply_has_16_mib_by_default(void **state)
{
    slot_rig *r = *state;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    berth_reply reply;
    berth_slot *slot;

    opt.deadline_ns = 20000 * MS; /* the interpreter fills 16 MiB byte by byte */
    slot = slot_rig_open(r, "output", &opt);
    slot_rig_install_guest(r, slot, "tricks");
    assert_int_equal(ask_for(r, slot, 16u << 20, &reply), BERTH_OK);
    assert_int_equal(reply.size, 16u << 20);
    slot_rig_check(r, ask_for(r, slot, (16u << 20) + 1, &reply), BERTH_E_LIMIT,
                   BERTH_REASON_OUTPUT, "allowed");
}

static void an_input_larger_than_the_memory_is_refused(void **state)
{
    slot_rig *r = *state;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    size_t size = 32 << 16;
    uint8_t *input = calloc(1, size + 1);
    berth_reply reply;
    berth_slot *slot;

    input[0] = 'e';
    opt.memory_bytes_max = size;
    slot = slot_rig_open(r, "input", &opt);
    slot_rig_install_guest(r, slot, "tricks");
    slot_rig_check(r, slot_rig_call(r, slot, input, size + 1, &reply), BERTH_E_LIMIT,
                   BERTH_REASON_INPUT, "2097153 bytes");
    /* At the limit it cannot lie beside what the plugin has there already. */
    slot_rig_check(r, slot_rig_call(r, slot, input, size, &reply), BERTH_E_ABI,
                   BERTH_REASON_ALLOC, "out of memory");
    /* What fits beside it does, though the next power of two would not. */
    assert_int_equal(slot_rig_call(r, slot, input, size - (8 << 16), &reply), BERTH_OK);
    assert_int_equal(reply.size, size - (8 << 16) - 1);
    free(input);
}

static void inputs_that_grow_are_all_served(void **state)
{
    slot_rig *r = *state;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    size_t max = 1 << 20;
    uint8_t *input = malloc(max);
    berth_slot *slot;
    berth_reply reply;

    opt.deadline_ns = 20000 * MS; /* the interpreter takes its time over a megabyte */
    slot = slot_rig_open(r, "growing", &opt);
    slot_rig_install_guest(r, slot, "tricks");
    for (size_t i = 0; i < max; i++)
        input[i] = (uint8_t)(i * 7);
    input[0] = 'e';
    for (size_t size = 1; size <= max; size = size * 3 / 2 + 1) {
        assert_int_equal(slot_rig_call(r, slot, input, size, &reply), BERTH_OK);
        if (size > 1) {
            assert_int_equal(reply.size, size - 1);
            assert_memory_equal(reply.data, input + 1, size - 1);
        }
    }
    assert_int_equal(slot_rig_stats(slot).instances_discarded, 1); /* the probe's */
    free(input);
}

/* ---- calls in flight ---- */

/* A thread inside the slot for so long. */
static void occupy(slot_rig_caller *c, berth_slot *slot, unsigned ms)
{
    *c = (slot_rig_caller){
        .slot = slot, .input = "l", .input_size = 1, .times = 1, .deadline_ns = ms * MS
    };
    slot_rig_caller_start(c);
}

static berth_status call_within(slot_rig *r, berth_slot *slot, uint64_t deadline_ns)
{
    berth_call call = BERTH_CALL_INIT;
    berth_reply reply;

    call.hook = slot_rig_hook(r, slot, "do");
    call.arena = r->arena;
    call.input = "e!";
    call.input_size = 2;
    call.deadline_ns = deadline_ns;
    memset(&r->diag, 0, sizeof r->diag);
    return berth_slot_call(slot, &call, &reply, &r->diag);
}

/* The other half of an attempt: whoever was inside has stayed until its deadline. */
static bool join_inside(slot_rig_caller *inside, unsigned count, bool was_inside)
{
    for (unsigned i = 0; i < count; i++) {
        slot_rig_caller_join(&inside[i]);
        if (was_inside)
            assert_int_equal(inside[i].by_status[BERTH_E_DEADLINE], 1);
    }
    return was_inside;
}

static bool try_bounded(slot_rig *r, unsigned calls_max, unsigned ms)
{
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    slot_rig_caller inside[4];
    uint64_t began, took;
    berth_slot_stats stats;
    berth_status status, after;
    berth_diag diag;
    berth_slot *slot;

    opt.calls_max = calls_max;
    slot = slot_rig_open(r, "bounded", &opt);
    slot_rig_install_guest(r, slot, "tricks");
    for (unsigned i = 0; i < calls_max; i++)
        occupy(&inside[i], slot, ms);
    if (!slot_rig_wait_inside(&inside[0], slot, calls_max))
        return join_inside(inside, calls_max, false);
    began = slot_rig_now_ns();
    status = call_within(r, slot, 50 * MS);
    took = slot_rig_now_ns() - began;
    diag = r->diag;
    stats = slot_rig_stats(slot);
    if (!slot_rig_is_inside(&inside[0]))
        return join_inside(inside, calls_max, false);
    after = call_within(r, slot, 0); /* when one has left */
    (void)join_inside(inside, calls_max, true);
    assert_int_equal(after, BERTH_OK);
    r->diag = diag;
    slot_rig_check(r, status, BERTH_E_BUSY, BERTH_REASON_SLOT_CALLS, "slot 'bounded'");
    assert_true(took >= 49 * MS);
    assert_int_equal(stats.busy, 1);
    assert_int_equal(stats.in_flight, calls_max);
    assert_int_equal(slot_rig_stats(slot).in_flight, 0);
    assert_int_equal(slot_rig_stats(slot).busy, 1);
    return true;
}

static bool try_one_place(slot_rig *r, unsigned ms)
{
    return try_bounded(r, 1, ms);
}

static bool try_three_places(slot_rig *r, unsigned ms)
{
    return try_bounded(r, 3, ms);
}

/* The first is inside without having been counted: it was alone when it began. */
static void with_one_place_the_second_call_waits_and_then_is_busy(void **state)
{
    slot_rig_attempt(*state, try_one_place);
}

static void with_three_places_the_fourth_call_waits_and_then_is_busy(void **state)
{
    slot_rig_attempt(*state, try_three_places);
}

static bool try_tenants(slot_rig *r, unsigned ms)
{
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    slot_rig_caller inside[2];
    berth_status in_a, in_b, in_other;
    berth_slot *a, *b, *other;
    berth_diag diag;

    options.tenant_calls_max = 2;
    slot_rig_restart(r, options);
    opt.tenant = "blue";
    a = slot_rig_open(r, "a", &opt);
    b = slot_rig_open(r, "b", &opt);
    opt.tenant = "red";
    other = slot_rig_open(r, "a", &opt);
    slot_rig_install_guest(r, a, "tricks");
    slot_rig_install_guest(r, b, "tricks");
    slot_rig_install_guest(r, other, "tricks");
    occupy(&inside[0], a, ms);
    occupy(&inside[1], b, ms);
    if (!slot_rig_wait_inside(&inside[0], a, 1) || !slot_rig_wait_inside(&inside[0], b, 1))
        return join_inside(inside, 2, false);
    in_a = call_within(r, a, 40 * MS);
    diag = r->diag;
    in_other = call_within(r, other, 0);
    if (!slot_rig_is_inside(&inside[0]))
        return join_inside(inside, 2, false);
    in_b = call_within(r, b, 0);
    (void)join_inside(inside, 2, true);
    assert_int_equal(in_other, BERTH_OK);
    assert_int_equal(in_b, BERTH_OK);
    r->diag = diag;
    slot_rig_check(r, in_a, BERTH_E_BUSY, BERTH_REASON_TENANT_CALLS, "tenant 'blue'");
    assert_int_equal(slot_rig_stats(a).busy, 1);
    assert_int_equal(slot_rig_stats(a).in_flight, 0);
    assert_int_equal(slot_rig_stats(b).busy, 0);
    assert_int_equal(slot_rig_stats(other).busy, 0);
    return true;
}

static void a_tenants_places_are_shared_by_its_slots_alone(void **state)
{
    slot_rig_attempt(*state, try_tenants);
}

static bool try_evicted(slot_rig *r, unsigned ms)
{
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    slot_rig_caller inside;
    berth_status status, after;
    berth_slot *a, *b;
    berth_diag diag;

    options.tenant_calls_max = 1;
    slot_rig_restart(r, options);
    opt.tenant = "blue";
    a = slot_rig_open(r, "a", &opt);
    b = slot_rig_open(r, "b", &opt);
    slot_rig_install_guest(r, a, "tricks");
    slot_rig_install_guest(r, b, "tricks");
    occupy(&inside, a, ms);
    if (!slot_rig_wait_inside(&inside, a, 1))
        return join_inside(&inside, 1, false);
    assert_int_equal(berth_slot_evict(r->runtime, "blue", "a"), BERTH_OK);
    status = call_within(r, b, 40 * MS);
    diag = r->diag;
    if (!slot_rig_is_inside(&inside))
        return join_inside(&inside, 1, false);
    after = call_within(r, b, 0); /* when it has ended */
    (void)join_inside(&inside, 1, true);
    assert_int_equal(after, BERTH_OK);
    r->diag = diag;
    slot_rig_check(r, status, BERTH_E_BUSY, BERTH_REASON_TENANT_CALLS, "tenant 'blue'");
    return true;
}

/* It began uncounted, as the only one, and its slot is no longer among those that can be found. */
static void a_call_in_an_evicted_slot_keeps_its_place_in_the_tenant(void **state)
{
    slot_rig_attempt(*state, try_evicted);
}

/* Threads more than places, and fewer again: no call fails, and none is lost from the counts. */
static void more_threads_than_places_take_turns(void **state)
{
    slot_rig *r = *state;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    uint64_t times = 3000 / slot_rig_slowness(r) + 30, calls = 0;
    berth_slot *slot;

    opt.calls_max = 2;
    opt.deadline_ns = 20000 * MS;
    slot = slot_rig_open(r, "turns", &opt);
    slot_rig_install_guest(r, slot, "tricks");
    for (int round = 0; round < 3; round++) {
        slot_rig_caller callers[5];

        for (int i = 0; i < 5; i++) {
            callers[i] = (slot_rig_caller){
                .slot = slot, .input = "e!", .input_size = 2, .times = times
            };
            slot_rig_caller_start(&callers[i]);
        }
        for (int i = 0; i < 5; i++) {
            slot_rig_caller_join(&callers[i]);
            if (callers[i].by_status[BERTH_OK] != times)
                fail_msg("%s", callers[i].diag.text);
        }
        calls += 5 * times;
        for (int i = 0; i < 10; i++) /* alone, this thread is not counted */
            assert_int_equal(call_within(r, slot, 0), BERTH_OK);
        calls += 10;
        assert_int_equal(slot_rig_runtime_stats(r).threads, 1);
    }
    assert_int_equal(slot_rig_stats(slot).answered, calls);
    assert_int_equal(slot_rig_stats(slot).in_flight, 0);
    assert_int_equal(slot_rig_stats(slot).busy, 0);
}

/* ---- instances ---- */

/* Neither has to be done for the other to get its turns: whoever starved would be turned away. */
static void two_threads_share_one_instance(slot_rig *r, berth_policy policy)
{
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    slot_rig_caller callers[2];
    uint64_t times = 3000 / slot_rig_slowness(r) + 30;
    berth_slot_stats stats;
    berth_slot *slot;

    opt.instances_max = 1;
    opt.policy = policy;
    opt.deadline_ns = 20000 * MS;
    slot = slot_rig_open(r, "one", &opt);
    slot_rig_install_guest(r, slot, "tricks");
    for (int i = 0; i < 2; i++) {
        callers[i] = (slot_rig_caller){ .slot = slot, .input = "e!", .input_size = 2 };
        slot_rig_caller_start(&callers[i]);
    }
    for (int i = 0; i < 2; i++)
        slot_rig_wait_until(atomic_load(&callers[i].done) >= times);
    for (int i = 0; i < 2; i++) {
        slot_rig_caller_stop(&callers[i]);
        if (callers[i].by_status[BERTH_OK] != atomic_load(&callers[i].done))
            fail_msg("%s", callers[i].diag.text);
    }
    stats = slot_rig_stats(slot);
    assert_int_equal(stats.busy, 0);
    assert_true(stats.instances_live <= 1);
    if (policy == BERTH_POLICY_REUSE)
        assert_int_equal(stats.instances_made, 2); /* the probe's too */
}

static void two_threads_take_turns_at_one_instance(void **state)
{
    two_threads_share_one_instance(*state, BERTH_POLICY_REUSE);
}

static void two_threads_take_turns_at_one_fresh_instance(void **state)
{
    two_threads_share_one_instance(*state, BERTH_POLICY_FRESH);
}

typedef struct rival {
    pthread_t thread;
    slot_rig_caller *first;
    slot_rig_caller own;
    uint64_t began_ns, deadline_ns;
} rival;

/* When the first has ended: a call with the deadline less a third of the time that the other one
 * waited, which has that much less again. */
static void *run_rival(void *arg)
{
    rival *v = arg;
    uint64_t waited_ns;

    slot_rig_caller_join(v->first);
    /* On a busy machine it had ended before the waiting began; then another attempt decides. */
    waited_ns = v->first->ended_ns > v->began_ns ? v->first->ended_ns - v->began_ns : 0;
    v->own.deadline_ns = v->deadline_ns - waited_ns / 3;
    slot_rig_caller_start(&v->own);
    slot_rig_caller_join(&v->own);
    return NULL;
}

/* The ticks of a busy machine are long, so one call is the clock of the other. */
static bool try_waiting(slot_rig *r, unsigned ms)
{
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    slot_rig_caller inside, waiting = { .input = "l", .input_size = 1, .times = 1 };
    rival other = { .first = &inside, .own = waiting };
    berth_status status;
    berth_slot *slot;
    uint64_t busy;
    bool is_sooner;

    opt.instances_max = 1;
    slot = slot_rig_open(r, "one", &opt);
    slot_rig_install_guest(r, slot, "tricks");
    other.own.slot = slot_rig_open(r, "other", NULL);
    slot_rig_install_guest(r, other.own.slot, "tricks");
    occupy(&inside, slot, ms);
    if (!slot_rig_wait_inside(&inside, slot, 1))
        return join_inside(&inside, 1, false);
    status = call_within(r, slot, 50 * MS);
    busy = slot_rig_stats(slot).busy;
    if (!slot_rig_is_inside(&inside))
        return join_inside(&inside, 1, false);
    other.deadline_ns = waiting.deadline_ns = 8 * ms * MS;
    waiting.slot = slot;
    slot_rig_caller_start(&waiting);
    slot_rig_sleep_ms(30); /* it waits by now, on most machines */
    other.began_ns = slot_rig_now_ns();
    assert_int_equal(pthread_create(&other.thread, NULL, run_rival, &other), 0);
    pthread_join(other.thread, NULL);
    slot_rig_caller_join(&waiting);
    slot_rig_check(r, status, BERTH_E_BUSY, BERTH_REASON_INSTANCES,
                   "all 1 instances of the version");
    assert_int_equal(busy, 1);
    is_sooner = waiting.by_status[BERTH_E_DEADLINE] == 1 &&
                other.own.by_status[BERTH_E_DEADLINE] == 1 &&
                waiting.ended_ns < other.own.ended_ns;
#ifdef BERTH_TEST_SLOW /* valgrind runs one of the two at a time, whichever it likes */
    is_sooner = true;
#endif
    if (ms < 5000)
        return is_sooner; /* or one of the threads rested for that long */
    assert_int_equal(waiting.by_status[BERTH_E_DEADLINE], 1);
    assert_true(is_sooner);
    return true;
}

static void waiting_for_an_instance_is_part_of_the_deadline(void **state)
{
    slot_rig_attempt(*state, try_waiting);
}

static void idle_slots_do_not_starve_the_others(void **state)
{
    enum { INSTANCES = 6, SLOTS = 20 };
    slot_rig *r = *state;
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    berth_slot *slots[SLOTS];
    slot_rig_caller callers[2];
    char name[16];

    options.instances_max = INSTANCES;
    slot_rig_restart(r, options);
    for (unsigned i = 0; i < SLOTS; i++) {
        snprintf(name, sizeof name, "s%u", i);
        slots[i] = slot_rig_open(r, name, NULL);
        assert_int_equal(slot_rig_install_answering(r, slots[i], i), 1);
        assert_int_equal(slot_rig_answer(r, slots[i]), i);
    }
    for (unsigned round = 0; round < 3; round++)
        for (unsigned i = 0; i < SLOTS; i++)
            assert_int_equal(slot_rig_answer(r, slots[i]), i);
    assert_true(slot_rig_runtime_stats(r).instances_live <= INSTANCES);
    for (unsigned i = 0; i < 2; i++) { /* also when others want the same places */
        callers[i] = (slot_rig_caller){ .slot = slots[i], .times = 200 };
        slot_rig_caller_start(&callers[i]);
    }
    for (unsigned round = 0; round < 10; round++)
        for (unsigned i = 0; i < SLOTS; i++)
            assert_int_equal(slot_rig_answer(r, slots[i]), i);
    for (unsigned i = 0; i < 2; i++) {
        slot_rig_caller_join(&callers[i]);
        if (callers[i].by_status[BERTH_OK] != 200)
            fail_msg("%s", callers[i].diag.text);
    }
    for (unsigned i = 0; i < SLOTS; i++)
        assert_int_equal(slot_rig_stats(slots[i]).busy, 0);
}

static void idle_fresh_instances_make_room_as_well(void **state)
{
    enum { INSTANCES = 6, SLOTS = 12 };
    slot_rig *r = *state;
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *slots[SLOTS];
    char name[16];

    options.instances_max = INSTANCES;
    slot_rig_restart(r, options);
    opt.policy = BERTH_POLICY_FRESH;
    for (unsigned i = 0; i < SLOTS; i++) {
        snprintf(name, sizeof name, "s%u", i);
        slots[i] = slot_rig_open(r, name, &opt);
        assert_int_equal(slot_rig_install_answering(r, slots[i], i), 1);
    }
    for (unsigned round = 0; round < 20; round++)
        for (unsigned i = 0; i < SLOTS; i++)
            if (slot_rig_answer(r, slots[i]) != i)
                fail_msg("%s", r->diag.text);
}

static bool try_every_instance(slot_rig *r, unsigned ms)
{
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    slot_rig_caller inside[2];
    berth_slot *a, *b, *late;
    plugin_spec spec = { .number = 5 };
    berth_status status;
    berth_diag diag;
    uint64_t busy;

    options.instances_max = 2;
    slot_rig_restart(r, options);
    a = slot_rig_open(r, "a", NULL);
    b = slot_rig_open(r, "b", NULL);
    late = slot_rig_open(r, "late", NULL);
    slot_rig_install_guest(r, a, "tricks");
    slot_rig_install_guest(r, b, "tricks");
    slot_rig_install_answering(r, late, 3); /* its idle one is given up for the others */
    occupy(&inside[0], a, ms);
    occupy(&inside[1], b, ms);
    if (!slot_rig_wait_inside(&inside[0], a, 1) || !slot_rig_wait_inside(&inside[0], b, 1))
        return join_inside(inside, 2, false);
    status = call_within(r, late, 50 * MS);
    diag = r->diag;
    busy = slot_rig_stats(late).busy;
    if (!slot_rig_is_inside(&inside[0]))
        return join_inside(inside, 2, false);
    slot_rig_install_spec(r, late, &spec); /* waits for a place, then goes well */
    (void)join_inside(inside, 2, true);
    assert_int_equal(call_within(r, late, 0), BERTH_OK);
    r->diag = diag;
    slot_rig_check(r, status, BERTH_E_BUSY, BERTH_REASON_INSTANCES,
                   "all 2 instances of the runtime");
    assert_int_equal(busy, 1);
    return true;
}

static void when_every_instance_is_in_a_call_the_next_one_is_busy(void **state)
{
    slot_rig_attempt(*state, try_every_instance);
}

/* A slot is called a few times and never again: what these calls used up is not lost to others.
 * Versions that are prepared keep an instance each, and nobody may take that. */
static void used_up_instances_make_room_as_well(void **state)
{
    enum { PLACES = 16, CALLS = 7 };
    slot_rig *r = *state;
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    berth_version *held[PLACES - CALLS + 1] = { NULL };
    berth_status status = BERTH_OK;
    berth_slot *fresh, *other;
    size_t size;

    options.instances_max = PLACES;
    slot_rig_restart(r, options);
    opt.policy = BERTH_POLICY_FRESH;
    fresh = slot_rig_open(r, "fresh", &opt);
    opt.policy = BERTH_POLICY_REUSE;
    other = slot_rig_open(r, "other", &opt);
    slot_rig_install_answering(r, fresh, 1);
    assert_int_equal(slot_rig_answer(r, fresh), 1);
    slot_rig_wait_until(slot_rig_stats(fresh).instances_live == PLACES); /* made ahead */
    for (unsigned i = 0; i < CALLS; i++)
        assert_int_equal(slot_rig_answer(r, fresh), 1);
    for (uint32_t i = 0; status == BERTH_OK && i < PLACES - CALLS + 1; i++) {
        uint8_t *bytes = plugin_answering(100 + i, &size);

        status = berth_slot_prepare(other, bytes, size, &held[i], &r->diag);
        free(bytes);
    }
    for (uint32_t i = 0; i < PLACES - CALLS + 1; i++)
        berth_version_discard(held[i]);
    if (status != BERTH_OK)
        fail_msg("%s", r->diag.text);
}

static bool try_waiting_well(slot_rig *r, unsigned ms)
{
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    slot_rig_caller inside;
    berth_diag untouched;
    berth_status status;
    berth_slot *slot;

    memset(&untouched, 0, sizeof untouched);
    opt.instances_max = 1;
    slot = slot_rig_open(r, "one", &opt);
    slot_rig_install_guest(r, slot, "tricks");
    occupy(&inside, slot, ms);
    if (!slot_rig_wait_inside(&inside, slot, 1))
        return join_inside(&inside, 1, false);
    status = call_within(r, slot, 0);
    (void)join_inside(&inside, 1, true);
    assert_int_equal(status, BERTH_OK);
    assert_memory_equal(&r->diag, &untouched, sizeof untouched);
    return true;
}

static void a_call_that_waited_for_an_instance_and_got_it_leaves_the_diag_alone(void **state)
{
    slot_rig_attempt(*state, try_waiting_well);
}

/* ---- slots ---- */

static void slots_max_slots_open_and_not_one_more(void **state)
{
    slot_rig *r = *state;
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *slot = NULL;

    options.slots_max = 2;
    slot_rig_restart(r, options);
    slot_rig_open(r, "a", NULL);
    slot_rig_open(r, "b", NULL);
    opt.name = "c";
    slot_rig_check(r, berth_slot_open(r->runtime, &opt, &slot, &r->diag), BERTH_E_LIMIT,
                   BERTH_REASON_SLOTS, "2 slots exist");
    assert_null(slot);
    assert_int_equal(berth_slot_evict(r->runtime, NULL, "a"), BERTH_OK);
    slot_rig_open(r, "c", NULL);
    assert_int_equal(slot_rig_runtime_stats(r).slots, 2);
}

static void an_artifact_may_have_artifact_bytes_max_and_not_one_more(void **state)
{
    slot_rig *r = *state;
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    size_t size, size_more;
    uint8_t *bytes = plugin_answering(1, &size), *more = plugin_answering(1000000, &size_more);
    berth_slot *slot;

    assert_true(size_more > size);
    options.artifact_bytes_max = size;
    slot_rig_restart(r, options);
    slot = slot_rig_open(r, "a", NULL);
    slot_rig_check(r, slot_rig_try_install(r, slot, more, size_more), BERTH_E_LIMIT,
                   BERTH_REASON_ARTIFACT, "raise artifact_bytes_max");
    assert_int_equal(slot_rig_stats(slot).refused, 1);
    assert_int_equal(slot_rig_install(r, slot, bytes, size), 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(a_reply_may_have_output_bytes_max_and_not_one_more),
        slot_test(a_reply_has_16_mib_by_default),
        slot_test(an_input_larger_than_the_memory_is_refused),
        slot_test(inputs_that_grow_are_all_served),
        slot_test(with_one_place_the_second_call_waits_and_then_is_busy),
        slot_test(with_three_places_the_fourth_call_waits_and_then_is_busy),
        slot_test(a_tenants_places_are_shared_by_its_slots_alone),
        slot_test(a_call_in_an_evicted_slot_keeps_its_place_in_the_tenant),
        slot_test(more_threads_than_places_take_turns),
        slot_test(two_threads_take_turns_at_one_instance),
        slot_test(two_threads_take_turns_at_one_fresh_instance),
        slot_test(waiting_for_an_instance_is_part_of_the_deadline),
        slot_test(idle_slots_do_not_starve_the_others),
        slot_test(idle_fresh_instances_make_room_as_well),
        slot_test(when_every_instance_is_in_a_call_the_next_one_is_busy),
        slot_test(used_up_instances_make_room_as_well),
        slot_test(a_call_that_waited_for_an_instance_and_got_it_leaves_the_diag_alone),
        slot_test(slots_max_slots_open_and_not_one_more),
        slot_test(an_artifact_may_have_artifact_bytes_max_and_not_one_more),
    };

    return slot_rig_run("limits", tests, sizeof tests / sizeof *tests);
}
