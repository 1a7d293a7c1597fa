/* call_test.c - one call: what comes back, when it fails, what it costs in memory. */
#include <stdlib.h>
#include <string.h>

#include "slot_rig.h"

static void the_reply_is_what_the_plugin_said(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "a", NULL);
    uint8_t input[3000];
    berth_reply reply;

    slot_rig_install_guest(r, slot, "tricks");
    for (size_t i = 0; i < sizeof input; i++)
        input[i] = (uint8_t)(i * 31);
    input[0] = 'e';
    for (size_t size = 2; size <= sizeof input; size += 97) {
        assert_int_equal(slot_rig_call(r, slot, input, size, &reply), BERTH_OK);
        assert_int_equal(reply.size, size - 1);
        assert_memory_equal(reply.data, input + 1, size - 1);
        assert_int_equal(reply.version, 1);
        assert_int_equal(reply.is_dropped, 0);
    }
    assert_int_equal(slot_rig_call(r, slot, NULL, 0, &reply), BERTH_OK);
    assert_int_equal(reply.is_dropped, 1);
    assert_int_equal(reply.version, 1);
    assert_null(reply.data);
}

static void replies_of_several_calls_stay_until_the_arena_is_reset(void **state)
{
    enum { CALLS = 300 };
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "a", NULL);
    berth_call call = BERTH_CALL_INIT;
    berth_reply replies[CALLS];
    char input[64] = "e";

    slot_rig_install_guest(r, slot, "tricks");
    call.hook = slot_rig_hook(r, slot, "do");
    call.arena = r->arena;
    call.input = input;
    call.input_size = sizeof input;
    for (int i = 0; i < CALLS; i++) {
        memset(input + 1, i % 128, sizeof input - 1);
        assert_int_equal(berth_slot_call(slot, &call, &replies[i], &r->diag), BERTH_OK);
    }
    for (int i = 0; i < CALLS; i++) {
        memset(input + 1, i % 128, sizeof input - 1);
        assert_memory_equal(replies[i].data, input + 1, sizeof input - 1);
    }
}

static void a_failed_call_says_which_version_failed_and_nothing_else(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "a", NULL);
    berth_call call = BERTH_CALL_INIT;
    berth_reply reply, untouched;

    slot_rig_install_guest(r, slot, "tricks");
    memset(&reply, 0x5a, sizeof reply);
    untouched = reply;
    call.hook = slot_rig_hook(r, slot, "do");
    call.arena = r->arena;
    call.input = "t";
    call.input_size = 1;
    untouched.version = 1;
    for (int i = 0; i < 3; i++) { /* a seat and an instance are made, or there */
        assert_int_equal(berth_slot_call(slot, &call, &reply, NULL),
                         BERTH_E_TRAP); /* no diag */
        assert_memory_equal(&reply, &untouched, sizeof reply);
        assert_int_equal(slot_rig_call(r, slot, "e1", 2, &reply), BERTH_OK);
        reply = untouched;
        reply.version = 77;
    }
    untouched.version = 0;
    call.hook = slot_rig_hook(r, slot, "missing");
    slot_rig_check(r, berth_slot_call(slot, &call, &reply, &r->diag), BERTH_E_ABSENT,
                   BERTH_REASON_NONE, "version 1 of slot 'a' has no such hook");
    call.hook = 1000000;
    assert_int_equal(berth_slot_call(slot, &call, &reply, &r->diag), BERTH_E_ABSENT);
    assert_memory_equal(&reply, &untouched, sizeof reply);
    assert_int_equal(slot_rig_stats(slot).calls, 6); /* those two entered no version */
}

static void a_trap_says_where_it_was(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "a", NULL);
    const char *text = r->diag.text;

    slot_rig_install_guest(r, slot, "tricks");
    slot_rig_check(r, slot_rig_call(r, slot, "t", 1, NULL), BERTH_E_TRAP,
                   BERTH_REASON_UNREACHABLE, "berth_hook_do");
    assert_non_null(strchr(text, '\n')); /* a backtrace follows */
    assert_non_null(strstr(strchr(text, '\n'), "at "));
    assert_true(memchr(text, '\0', sizeof r->diag.text) != NULL);
}

static void the_deadline_is_the_calls_or_else_the_slots(void **state)
{
    slot_rig *r = *state;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    berth_call call = BERTH_CALL_INIT;
    uint64_t began, shorter, longer;
    berth_reply reply;
    berth_slot *slot;

    opt.deadline_ns = 30 * MS;
    slot = slot_rig_open(r, "a", &opt);
    slot_rig_install_guest(r, slot, "tricks");
    call.hook = slot_rig_hook(r, slot, "do");
    call.arena = r->arena;
    call.input = "l";
    call.input_size = 1;
    began = slot_rig_now_ns();
    slot_rig_check(r, berth_slot_call(slot, &call, &reply, &r->diag), BERTH_E_DEADLINE,
                   BERTH_REASON_DEADLINE, "berth_hook_do");
    shorter = slot_rig_now_ns() - began;
    assert_true(shorter >= 28 * MS);
    call.deadline_ns = 200 * MS;
    began = slot_rig_now_ns();
    assert_int_equal(berth_slot_call(slot, &call, &reply, &r->diag), BERTH_E_DEADLINE);
    longer = slot_rig_now_ns() - began;
    assert_true(longer >= 198 * MS);
    call.deadline_ns = 1; /* a nanosecond is one tick */
    assert_int_equal(berth_slot_call(slot, &call, &reply, &r->diag), BERTH_E_DEADLINE);
    call.deadline_ns = UINT64_MAX; /* for ever, for a call that ends */
    call.input = "e!";
    call.input_size = 2;
    assert_int_equal(berth_slot_call(slot, &call, &reply, &r->diag), BERTH_OK);
    call.deadline_ns = 0; /* the slot's again, by which alone this ends */
    call.input = "l";
    call.input_size = 1;
    assert_int_equal(berth_slot_call(slot, &call, &reply, &r->diag), BERTH_E_DEADLINE);
}

/* A thread whose call was ended is as good as before, again and again. */
static void deadlines_follow_each_other(void **state)
{
    slot_rig *r = *state;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *slot;

    opt.deadline_ns = 3 * MS;
    slot = slot_rig_open(r, "a", &opt);
    slot_rig_install_guest(r, slot, "tricks");
    for (int i = 0; i < 30; i++)
        assert_int_equal(slot_rig_call(r, slot, "l", 1, NULL), BERTH_E_DEADLINE);
    assert_int_equal(slot_rig_stats(slot).deadlines, 30);
}

static void a_warm_call_allocates_nothing(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "a", NULL);
    berth_call call = BERTH_CALL_INIT;
    berth_reply reply;
    size_t before;

    slot_rig_install_guest(r, slot, "tricks");
    call.hook = slot_rig_hook(r, slot, "do");
    call.arena = r->arena;
    call.input = "e0123456789";
    call.input_size = 11;
    assert_int_equal(berth_slot_call(slot, &call, &reply, &r->diag), BERTH_OK);
    before = atomic_load(&r->memory.calls);
    for (int i = 0; i < 1000; i++) {
        berth_arena_reset(r->arena);
        assert_int_equal(berth_slot_call(slot, &call, &reply, &r->diag), BERTH_OK);
    }
#ifdef BERTH_HOSTILE
    if (strcmp(r->engine, "interp") == 0)
        return; /* it moves the plugin's memory after each call, to see who kept a pointer */
#endif
    assert_int_equal(atomic_load(&r->memory.calls), before);
}

/* Under load every answer is that of one version, and of none older than one seen before. */
static void each_call_runs_wholly_in_one_version(void **state)
{
    enum { SWAPS = 60 };
    slot_rig *r = *state;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    slot_rig_caller callers[2];
    berth_slot *slot;
    uint64_t last = 0;

    opt.deadline_ns = 20000 * MS;
    slot = slot_rig_open(r, "a", &opt);
    slot_rig_install_answering(r, slot, 1);
    for (int i = 0; i < 2; i++) {
        callers[i] = (slot_rig_caller){ .slot = slot };
        slot_rig_caller_start(&callers[i]);
    }
    for (uint32_t n = 2; n <= SWAPS; n++) {
        berth_reply reply;
        uint64_t number;

        slot_rig_install_answering(r, slot, n);
        assert_int_equal(slot_rig_call(r, slot, NULL, 0, &reply), BERTH_OK);
        memcpy(&number, reply.data, sizeof number);
        assert_int_equal(number, n);
        assert_int_equal(reply.version, n);
        if (n % 10 == 0) { /* however busy the machine is, calls do go on between swaps */
            slot_rig_wait_until(atomic_load(&callers[0].done) > last);
            last = atomic_load(&callers[0].done);
        }
    }
    for (int i = 0; i < 2; i++) {
        slot_rig_caller_stop(&callers[i]);
        assert_int_equal(callers[i].by_status[BERTH_OK], atomic_load(&callers[i].done));
    }
    slot_rig_wait_reaped(r);
    assert_int_equal(slot_rig_stats(slot).answered,
                     SWAPS - 1 + atomic_load(&callers[0].done) + atomic_load(&callers[1].done));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(the_reply_is_what_the_plugin_said),
        slot_test(replies_of_several_calls_stay_until_the_arena_is_reset),
        slot_test(a_failed_call_says_which_version_failed_and_nothing_else),
        slot_test(a_trap_says_where_it_was),
        slot_test(the_deadline_is_the_calls_or_else_the_slots),
        slot_test(deadlines_follow_each_other),
        slot_test(a_warm_call_allocates_nothing),
        slot_test(each_call_runs_wholly_in_one_version),
    };

    return slot_rig_run("calls", tests, sizeof tests / sizeof *tests);
}
