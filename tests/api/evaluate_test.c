/* evaluate_test.c - calls written as text.  Public headers only. */
#include <stdio.h>
#include <string.h>

#include <berth/invoke.h>

#include "component_builder.h"
#include "fault_sweep.h"
#include "guests.h"

#define SHAPES "demo:values/shapes@1.0.0#"

static berth_slot *open_values(slot_rig *r)
{
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *slot;

    opt.deadline_ns = 20000 * MS;
    slot = slot_rig_open(r, "values", &opt);
    slot_rig_install_guest(r, slot, "cli_values.component");
    return slot;
}

static berth_status evaluate(slot_rig *r, berth_slot *slot, const char *text, uint32_t format,
                             const char **out)
{
    berth_call call = BERTH_CALL_INIT;

    memset(&r->diag, 0, sizeof r->diag);
    berth_arena_reset(r->arena);
    call.arena = r->arena;
    return berth_slot_evaluate(slot, text, &call, format, out, &r->diag);
}

static void gives(slot_rig *r, berth_slot *slot, const char *text, const char *wave,
                  const char *json)
{
    const char *out = NULL;

    if (evaluate(r, slot, text, BERTH_TEXT_WAVE, &out) != BERTH_OK)
        fail_msg("%s: %s", text, r->diag.text);
    assert_string_equal(out, wave);
    assert_int_equal(evaluate(r, slot, text, BERTH_TEXT_JSON, &out), BERTH_OK);
    assert_string_equal(out, json);
}

static void a_call_is_text_and_so_is_its_result(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_values(r);

    gives(r, slot, "sum([1, 2, 3])", "6", "6");
    gives(r, slot, "forget()", "", "null");
    gives(r, slot, SHAPES "add({x: 1, y: 2, label: \"a\"}, {x: 1, y: 1})",
          "{x: 2, y: 3, label: some(\"a\")}", "{\"x\": 2, \"y\": 3, \"label\": \"a\"}");
    gives(r, slot, SHAPES "area(dot)", "err(\"a dot has\\nnone\")",
          "{\"err\": \"a dot has\\nnone\"}");
    assert_int_equal(slot_rig_stats(slot).answered, 8);
}

/* What was read is never given to anybody who means something else by the name. */
static void a_failure_leaves_the_text_and_says_why(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_values(r), *empty = slot_rig_open(r, "empty", NULL);
    const char *out = "untouched";
    berth_slot_stats before = slot_rig_stats(slot);
    berth_call call = BERTH_CALL_INIT;

    assert_int_equal(evaluate(r, slot, "sum([1,", BERTH_TEXT_WAVE, &out), BERTH_E_INVALID);
    assert_non_null(strstr(r->diag.text, "column 8: expected u32 for `numbers`"));
    assert_non_null(strchr(r->diag.text, '^'));
    assert_int_equal(evaluate(r, slot, "no()", BERTH_TEXT_WAVE, &out), BERTH_E_ABSENT);
    assert_int_equal(slot_rig_stats(slot).calls, before.calls); /* nothing was called */
    assert_int_equal(evaluate(r, slot, "fail()", BERTH_TEXT_WAVE, &out), BERTH_E_TRAP);
    assert_int_equal(slot_rig_stats(slot).traps, before.traps + 1);
    slot_rig_check(r, evaluate(r, empty, "sum([])", BERTH_TEXT_WAVE, &out), BERTH_E_ABSENT,
                   BERTH_REASON_NONE, "slot 'empty' has no plugin");
    slot_rig_install_answering(r, empty, 1);
    slot_rig_check(r, evaluate(r, empty, "do([])", BERTH_TEXT_WAVE, &out), BERTH_E_ABSENT,
                   BERTH_REASON_NONE, "it is a core module");
    assert_int_equal(evaluate(r, slot, "sum([])", 2, &out), BERTH_E_INVALID);
    assert_int_equal(berth_slot_evaluate(slot, "sum([])", &call, 0, &out, NULL),
                     BERTH_E_INVALID); /* no arena */
    assert_string_equal(out, "untouched");
}

static void resources_have_no_text_that_a_call_could_take(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "handles", NULL);
    const char *out = NULL;
    berth_status status;

    slot_rig_install_guest(r, slot, "cli_values.component");
    status = evaluate(r, slot, SHAPES "[method]pen.draw(own(1))", BERTH_TEXT_WAVE, &out);
    slot_rig_check(r, status, BERTH_E_REJECTED, BERTH_REASON_NONE, "takes or gives resources");
}

static void names_have_a_bound(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_values(r);
    const char *out = NULL;
    char text[300];

    memset(text, 'f', sizeof text);
    memcpy(text + 256, "()", 3);
    assert_int_equal(evaluate(r, slot, text, BERTH_TEXT_WAVE, &out), BERTH_E_ABSENT);
    memset(text, 'f', sizeof text);
    memcpy(text + 257, "()", 3);
    slot_rig_check(r, evaluate(r, slot, text, BERTH_TEXT_WAVE, &out), BERTH_E_INVALID,
                   BERTH_REASON_NAME, "at most 256 bytes");
    text[100] = '#';
    assert_int_equal(evaluate(r, slot, text, BERTH_TEXT_WAVE, &out), BERTH_E_INVALID);
    memset(text, 'f', sizeof text);
    text[100] = '#';
    memcpy(text + 256, "()", 3);
    assert_int_equal(evaluate(r, slot, text, BERTH_TEXT_WAVE, &out), BERTH_E_ABSENT);
}

static void limits_and_policies_of_the_slot_hold(void **state)
{
    slot_rig *r = *state;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    const char *out = NULL;
    char wanted[16];

    opt.output_bytes_max = 3;
    opt.deadline_ns = 20000 * MS;
    for (uint32_t policy = BERTH_POLICY_REUSE; policy <= BERTH_POLICY_FRESH; policy++) {
        bool is_fresh = policy == BERTH_POLICY_FRESH;
        berth_slot *slot;

        opt.policy = policy;
        slot = slot_rig_open(r, is_fresh ? "fresh" : "reuse", &opt);
        slot_rig_install_guest(r, slot, "cli_values.component");
        for (int n = 1; n <= 50; n++) {
            snprintf(wanted, sizeof wanted, "%d", is_fresh ? 1 : n);
            assert_int_equal(evaluate(r, slot, "calls()", BERTH_TEXT_WAVE, &out), BERTH_OK);
            assert_string_equal(out, wanted);
        }
        assert_int_equal(evaluate(r, slot, "reverse([1, 2, 3])", BERTH_TEXT_WAVE, &out),
                         BERTH_OK);
        slot_rig_check(r, evaluate(r, slot, "reverse([1, 2, 3, 4])", BERTH_TEXT_WAVE, &out),
                       BERTH_E_LIMIT, BERTH_REASON_OUTPUT, "reverse: ");
        assert_int_equal(evaluate(r, slot, "calls()", BERTH_TEXT_WAVE, &out), BERTH_OK);
        assert_string_equal(out, "1"); /* the instance before is gone */
        assert_int_equal(slot_rig_stats(slot).limits, 1);
    }
}

/* ---- memory ---- */

typedef struct step_of {
    slot_rig *r;
    berth_slot *slot;
    const char *out;
    size_t live_bytes;
} step_of;

static berth_status step(void *ctx, berth_diag *diag)
{
    step_of *s = ctx;
    berth_call call = BERTH_CALL_INIT;
    berth_arena *arena = NULL;
    berth_status status = berth_arena_create(&s->r->allocator, 0, &arena, diag);

    if (status != BERTH_OK)
        return status;
    call.arena = arena;
    s->out = NULL;
    status =
        berth_slot_evaluate(s->slot, SHAPES "add({x: 1, y: 2, label: \"a\"}, {x: 1, y: 1})",
                            &call, BERTH_TEXT_WAVE, &s->out, diag);
    if (status == BERTH_OK)
        assert_string_equal(s->out, "{x: 2, y: 3, label: some(\"a\")}");
    else
        assert_null(s->out);
    berth_arena_destroy(arena);
    return status;
}

static void check(void *ctx, berth_status status)
{
    step_of *s = ctx;
    berth_diag diag;

    /* What failed may have ended the instance, which the next call replaces. */
    if (status != BERTH_OK)
        assert_int_equal(step(s, &diag), BERTH_OK);
    assert_int_equal(atomic_load(&s->r->memory.live_bytes), s->live_bytes);
}

static void each_allocation_may_fail(void **state)
{
    step_of s = { .r = *state };
    berth_diag diag;

    s.slot = open_values(s.r);
    assert_int_equal(step(&s, &diag), BERTH_OK); /* agrees, and makes the thread's seat */
    s.live_bytes = atomic_load(&s.r->memory.live_bytes);
    assert_true(fault_sweep(&s.r->memory, step, check, &s) >= 3);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(a_call_is_text_and_so_is_its_result),
        slot_test(a_failure_leaves_the_text_and_says_why),
        slot_test(resources_have_no_text_that_a_call_could_take),
        slot_test(names_have_a_bound),
        slot_test(limits_and_policies_of_the_slot_hold),
        slot_test(each_allocation_may_fail),
    };

    return slot_rig_run("calls as text", tests, sizeof tests / sizeof *tests);
}
