/* instance_test.c - calls of components: the rules of the canonical ABI at run time, and what becomes of
 * an instance whose guest or host breaks one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "component_rig.h"

#define COUNTERS "demo:u/counters@1.0.0"

static berth_status call_u32(component_rig *c, const char *name, uint32_t arg, void *result)
{
    return component_rig_call(c, NULL, name, &arg, result);
}

static void set_mode(component_rig *c, uint32_t mode)
{
    assert_int_equal(call_u32(c, "mode", mode, NULL), BERTH_OK);
}

static uint32_t posts(component_rig *c)
{
    uint32_t result = 0;

    assert_int_equal(component_rig_call(c, NULL, "posts", NULL, &result), BERTH_OK);
    return result;
}

static berth_status echo(component_rig *c, const char *text, berthi_cm_host_list *result)
{
    berthi_cm_host_list args = { text, strlen(text) };

    return component_rig_call(c, NULL, "echo", &args, result);
}

/* ---------------------------------------------------------------- values */

static void bytes_go_in_and_come_back_each_with_one_post_return(void **state)
{
    component_rig *c = *state;
    berthi_cm_host_list out;

    for (uint32_t n = 1; n <= 100; n++) {
        assert_int_equal(echo(c, "some bytes", &out), BERTH_OK);
        assert_int_equal(out.count, 10);
        assert_memory_equal(out.data, "some bytes", 10);
        assert_int_equal(posts(c), n);
    }
    assert_int_equal(echo(c, "", &out), BERTH_OK);
    assert_int_equal(out.count, 0);
    assert_non_null(out.data);
}

static void results_of_either_case_are_told_apart(void **state)
{
    component_rig *c = *state;
    berthi_cm_host_list args = { "bytes", 5 };
    struct {
        uint8_t tag;
        berthi_cm_host_list bytes;
    } out;

    assert_int_equal(component_rig_call(c, NULL, "judge", &args, &out), BERTH_OK);
    assert_int_equal(out.tag, 0);
    assert_memory_equal(out.bytes.data, "bytes", 5);
    args.count = 0;
    assert_int_equal(component_rig_call(c, NULL, "judge", &args, &out), BERTH_OK);
    assert_int_equal(out.tag, 1);
    assert_int_equal(out.bytes.count, 8);
    assert_memory_equal(out.bytes.data, "hi there", 8);
    args.count = 3;
    component_rig_check(c, component_rig_call(c, NULL, "judge", &args, &out), BERTH_E_TRAP,
                        "invalid variant discriminant", true);
}

static void lists_of_strings_are_copied(void **state)
{
    component_rig *c = *state;
    berthi_cm_host_string in[3] = { { "one", 3 }, { "", 0 }, { "zw\xc3\xb6lf", 6 } };
    berthi_cm_host_list args = { in, 3 }, out;
    const berthi_cm_host_string *texts;

    assert_int_equal(component_rig_call(c, NULL, "texts", &args, &out), BERTH_OK);
    assert_int_equal(out.count, 3);
    texts = out.data;
    assert_memory_equal(texts[0].text, "one", 3);
    assert_int_equal(texts[1].size, 0);
    assert_memory_equal(texts[2].text, "zw\xc3\xb6lf", 6);
    assert_int_equal(posts(c), 1);
}

static void core_values_are_cut_and_their_signs_carried(void **state)
{
    component_rig *c = *state;
    struct {
        struct {
            int8_t a;
            uint16_t b;
            uint8_t c;
        } m;
        int64_t d;
        float e;
        double f;
    } args = { { -3, 65535, 7 }, INT64_MIN + 10, 1.5f, 2.5 };
    int64_t result;
    uint32_t character;
    uint8_t color;

    assert_int_equal(component_rig_call(c, NULL, "narrow", &args, &result), BERTH_OK);
    assert_true(result == INT64_MIN + 7);
    assert_int_equal(call_u32(c, "char-of", 0x10ffff, &character), BERTH_OK);
    assert_int_equal(character, 0x10ffff);
    assert_int_equal(call_u32(c, "color-of", 2, &color), BERTH_OK);
    assert_int_equal(color, 2);
}

static void values_that_are_none_trap(void **state)
{
    static const struct {
        const char *name;
        uint32_t value;
        const char *text;
    } cases[] = {
        { "char-of", 0x110000, "invalid `char` bit pattern" },
        { "char-of", 0xd800, "invalid `char` bit pattern" },
        { "char-of", 0xdfff, "invalid `char` bit pattern" },
        { "color-of", 3, "invalid variant discriminant" },
        { "color-of", 0x100, "invalid variant discriminant" },
        { "lie", 1, "out of bounds" },
        { "lie", 2, "unaligned pointer" },
        { "lie", 3, "string pointer/length out of bounds of memory" },
        { "lie", 4, "invalid utf-8" },
        { "lie", 5, "string pointer/length out of bounds of memory" },
        { "lie", 6, "string pointer/length out of bounds of memory" },
        { "lie", 7, "out of bounds" },
    };
    component_rig *c = *state;
    uint64_t result[4];

    for (size_t n = 0; n < sizeof cases / sizeof *cases; n++) {
        component_rig_check(c, call_u32(c, cases[n].name, cases[n].value, result), BERTH_E_TRAP,
                            cases[n].text, true);
        component_rig_restart(c);
    }
}

static void what_the_host_gives_wrong_is_refused_and_harms_nobody(void **state)
{
    component_rig *c = *state;
    berthi_cm_host_string text = { "\xff", 1 }, out;
    berthi_cm_host_list nowhere = { NULL, 1 };

    component_rig_check(c, component_rig_call(c, NULL, "same", &text, &out), BERTH_E_INVALID,
                        "UTF-8", false);
    component_rig_check(c, component_rig_call(c, NULL, "echo", &nowhere, &out), BERTH_E_INVALID,
                        "NULL", false);
    nowhere = (berthi_cm_host_list){ "", (size_t)1 << 28 };
    component_rig_check(c, component_rig_call(c, NULL, "echo", &nowhere, &out), BERTH_E_INVALID,
                        "bytes", false);
    text = (berthi_cm_host_string){ "fine", 4 };
    assert_int_equal(component_rig_call(c, NULL, "same", &text, &out), BERTH_OK);
    assert_memory_equal(out.text, "fine", 4);
}

/* ---------------------------------------------------------------- realloc and post-return */

static void an_allocator_that_answers_nonsense_traps(void **state)
{
    component_rig *c = *state;
    berthi_cm_host_list out;
    berthi_cm_host_string text = { "x", 1 };
    berthi_cm_host_list texts = { &text, 1 };

    set_mode(c, 1);
    component_rig_check(c, echo(c, "x", &out), BERTH_E_TRAP,
                        "realloc return: beyond end of memory", true);
    component_rig_restart(c);
    set_mode(c, 1); /* also for nothing: the pointer is checked */
    component_rig_check(c, echo(c, "", &out), BERTH_E_TRAP,
                        "realloc return: beyond end of memory", true);
    component_rig_restart(c);
    set_mode(c, 2); /* a list of strings is aligned to 4 */
    component_rig_check(c, component_rig_call(c, NULL, "texts", &texts, &out), BERTH_E_TRAP,
                        "realloc return: result not aligned", true);
    component_rig_restart(c);
    set_mode(c, 3);
    component_rig_check(c, echo(c, "x", &out), BERTH_E_TRAP, "unreachable", true);
    component_rig_restart(c);
    set_mode(c, 8); /* one byte fits, two do not */
    assert_int_equal(echo(c, "x", &out), BERTH_OK);
    component_rig_check(c, echo(c, "xy", &out), BERTH_E_TRAP,
                        "realloc return: beyond end of memory", true);
}

static void memory_that_grows_in_realloc_is_seen(void **state)
{
    component_rig *c = *state;
    berthi_cm_host_list out;

    set_mode(c, 5);
    for (int n = 0; n < 10; n++) {
        assert_int_equal(echo(c, "grown", &out), BERTH_OK);
        assert_memory_equal(out.data, "grown", 5);
    }
}

static void realloc_and_post_return_may_not_leave(void **state)
{
    component_rig *c = *state;
    berthi_cm_host_list out;

    set_mode(c, 6);
    component_rig_check(c, echo(c, "x", &out), BERTH_E_TRAP, "cannot leave component instance",
                        true);
    component_rig_restart(c);
    set_mode(c, 7);
    component_rig_check(c, echo(c, "x", &out), BERTH_E_TRAP, "cannot leave component instance",
                        true);
    assert_int_equal(c->pings, 0);
}

static void every_entry_has_the_deadline(void **state)
{
    static const struct {
        uint32_t mode;
        const char *name;
    } cases[] = { { 0, "spin" }, { 4, "echo" }, { 9, "echo" } };
    component_rig *c = *state;
    berthi_cm_host_list in = { "x", 1 }, out;

    for (size_t n = 0; n < sizeof cases / sizeof *cases; n++) {
        rig_ticker *ticker;
        berth_status status;

        set_mode(c, cases[n].mode);
        ticker = rig_ticker_start(c->r);
        status = component_rig_call(c, NULL, cases[n].name, &in, &out);
        rig_ticker_stop(ticker);
        component_rig_check(c, status, BERTH_E_DEADLINE, "out of time", true);
        component_rig_restart(c);
    }
}

/* ---------------------------------------------------------------- two halves */

static void between_begin_and_end_results_are_views(void **state)
{
    component_rig *c = *state;
    berthi_cm_func func = component_rig_func(c, NULL, "echo");
    berthi_cm_host_list args = { "view", 4 }, out, other;

    assert_int_equal(berthi_cm_call_begin(c->instance, &func, &args, &out, c->arena, &c->diag),
                     BERTH_OK);
    assert_memory_equal(out.data, "view", 4);
    component_rig_check(c, echo(c, "x", &other), BERTH_E_TRAP,
                        "cannot enter component instance", false);
    assert_int_equal(berthi_cm_call_end(c->instance, &c->diag), BERTH_OK);
    assert_int_equal(posts(c), 1);
    set_mode(c, 7);
    assert_int_equal(berthi_cm_call_begin(c->instance, &func, &args, &out, c->arena, &c->diag),
                     BERTH_OK);
    component_rig_check(c, berthi_cm_call_end(c->instance, &c->diag), BERTH_E_TRAP,
                        "cannot leave component instance", true);
}

/* ---------------------------------------------------------------- the host's functions */

static void host_functions_answer(void **state)
{
    component_rig *c = *state;
    uint32_t size;

    assert_int_equal(component_rig_ask(c, "call-ping", 41), 42);
    assert_int_equal(c->pings, 1);
    for (int n = 0; n < 100; n++) {
        assert_int_equal(component_rig_call(c, NULL, "call-note", NULL, &size), BERTH_OK);
        assert_int_equal(size, 16);
    }
    assert_int_equal(c->notes, 100);
}

static void a_failing_host_function_ends_the_instance_with_its_reason(void **state)
{
    component_rig *c = *state;
    uint32_t result;

    c->ping_fails = BERTH_E_CLOSED;
    component_rig_check(c, call_u32(c, "call-ping", 1, &result), BERTH_E_CLOSED,
                        "the host's own reason", true);
    component_rig_check(c, call_u32(c, "posts", 1, &result), BERTH_E_TRAP,
                        "cannot enter component instance", true);
}

static void text_that_is_none_does_not_reach_the_host(void **state)
{
    component_rig *c = *state;
    uint32_t result;

    component_rig_check(c, call_u32(c, "bad-note", 0, &result), BERTH_E_TRAP, "invalid utf-8",
                        true);
    assert_int_equal(c->notes, 0);
}

static berth_status come_back_in(component_rig *c)
{
    uint32_t result;

    component_rig_check(c, component_rig_call(c, NULL, "posts", NULL, &result), BERTH_E_TRAP,
                        "cannot enter component instance", false);
    assert_int_equal(berthi_cm_host_drop(c->instance, 1, &c->diag), BERTH_E_TRAP);
    return BERTH_OK;
}

static void the_host_cannot_enter_an_instance_that_it_was_called_from(void **state)
{
    component_rig *c = *state;

    c->on_ping = come_back_in;
    assert_int_equal(component_rig_ask(c, "call-ping", 1), 2);
    assert_int_equal(component_rig_ask(c, "call-ping", 1), 2);
}

static void host_calls_and_bytes_out_are_bounded(void **state)
{
    component_rig *c = *state;
    berthi_cm_host_list out;
    uint32_t size;

    c->limits.host_calls_max = 10;
    c->limits.copy_bytes_max = 8;
    component_rig_restart(c);
    for (int n = 0; n < 3; n++)
        assert_int_equal(call_u32(c, "ping-often", 10, NULL), BERTH_OK);
    component_rig_check(c, call_u32(c, "ping-often", 11, NULL), BERTH_E_LIMIT, "host calls",
                        true);
    component_rig_restart(c);
    assert_int_equal(echo(c, "12345678", &out), BERTH_OK);
    assert_int_equal(component_rig_call(c, NULL, "call-note", NULL, &size), BERTH_OK);
    component_rig_check(c, echo(c, "123456789", &out), BERTH_E_LIMIT, "more bytes", true);
}

/* What is copied for the caller has a bound of its own; what he looks at in the guest has not. */
static void bytes_of_a_result_are_bounded(void **state)
{
    component_rig *c = *state;
    berthi_cm_host_string texts[] = { { "one", 3 }, { "two!", 4 } };
    berthi_cm_host_list list = { texts, 2 }, out;
    berthi_cm_func func;

    c->limits.result_bytes_max = 8;
    component_rig_restart(c);
    assert_int_equal(echo(c, "12345678", &out), BERTH_OK);
    component_rig_check(c, echo(c, "123456789", &out), BERTH_E_LIMIT, "more bytes", true);
    component_rig_restart(c);
    list.data = "123456789";
    list.count = 9;
    assert_true(berthi_cm_loaded_func(c->loaded, NULL, "echo", &func));
    assert_int_equal(berthi_cm_call_begin(c->instance, &func, &list, &out, c->arena, &c->diag),
                     BERTH_OK);
    assert_int_equal(berthi_cm_call_end(c->instance, &c->diag), BERTH_OK);
    for (uint64_t max = 46; max <= 47;
         max++) { /* a pair of 8 bytes, two of 16 for the host, 7 of text */
        c->limits.result_bytes_max = max;
        component_rig_restart(c);
        list = (berthi_cm_host_list){ texts, 2 };
        if (max == 46)
            component_rig_check(c, component_rig_call(c, NULL, "texts", &list, &out),
                                BERTH_E_LIMIT, "more bytes", true);
        else
            assert_int_equal(component_rig_call(c, NULL, "texts", &list, &out), BERTH_OK);
    }
}

/* ---------------------------------------------------------------- resources */

static void resources_of_the_host_go_in_and_out(void **state)
{
    component_rig *c = *state;
    uint64_t handle = 77;
    uint32_t value;

    assert_int_equal(call_u32(c, "make-thing", 5, NULL), BERTH_OK);
    assert_int_equal(component_rig_call(c, NULL, "value-of-kept", NULL, &value), BERTH_OK);
    assert_int_equal(value, 5);
    assert_int_equal(component_rig_call(c, NULL, "drop-kept", NULL, NULL), BERTH_OK);
    assert_int_equal(c->destroyed, 1);
    assert_int_equal(c->last_destroyed, 5);
    assert_int_equal(component_rig_call(c, NULL, "use-thing", &handle, &value), BERTH_OK);
    assert_int_equal(value, 77);
    assert_int_equal(c->destroyed, 1);
    assert_int_equal(component_rig_call(c, NULL, "take-thing", &handle, NULL), BERTH_OK);
    assert_int_equal(component_rig_call(c, NULL, "give-kept", NULL, &handle), BERTH_OK);
    assert_int_equal(handle, 77);
    component_rig_check(c, component_rig_call(c, NULL, "drop-kept", NULL, NULL), BERTH_E_TRAP,
                        "unknown handle index 1", true);
    assert_int_equal(c->destroyed, 1);
}

static void a_borrow_that_is_kept_traps(void **state)
{
    component_rig *c = *state;
    uint64_t handle = 7;

    component_rig_check(c, component_rig_call(c, NULL, "hold-thing", &handle, NULL),
                        BERTH_E_TRAP, "borrow handles still remain at the end of the call",
                        true);
}

static void handles_cannot_be_forged(void **state)
{
    static const uint32_t forged[] = { 0, 1, 2, 0x7fffffff, 0xffffffff };
    component_rig *c = *state;
    uint32_t value;

    for (size_t n = 0; n < sizeof forged / sizeof *forged; n++) {
        component_rig_check(c, call_u32(c, "forge", forged[n], &value), BERTH_E_TRAP,
                            "unknown handle index", true);
        component_rig_restart(c);
    }
    assert_int_equal(component_rig_call(c, COUNTERS, "[constructor]counter", &(uint32_t){ 3 },
                                        &(uint64_t){ 0 }),
                     BERTH_OK);
}

static void what_is_left_is_destroyed_once_also_when_the_guest_died(void **state)
{
    component_rig *c = *state;

    for (uint32_t n = 0; n < 3; n++)
        assert_int_equal(call_u32(c, "make-thing", n, NULL), BERTH_OK);
    assert_int_equal(component_rig_call(c, NULL, "drop-kept", NULL, NULL), BERTH_OK);
    assert_int_equal(c->destroyed, 1);
    component_rig_check(c, component_rig_call(c, NULL, "trap", NULL, NULL), BERTH_E_TRAP,
                        "unreachable", true);
    assert_int_equal(c->destroyed, 1);
    component_rig_restart(c);
    assert_int_equal(c->destroyed, 3);
}

static uint64_t new_counter(component_rig *c, uint32_t value)
{
    uint64_t handle = 0;

    assert_int_equal(component_rig_call(c, COUNTERS, "[constructor]counter", &value, &handle),
                     BERTH_OK);
    return handle;
}

static uint32_t destroyed(component_rig *c)
{
    uint32_t sum = 0;

    assert_int_equal(component_rig_call(c, COUNTERS, "destroyed", NULL, &sum), BERTH_OK);
    return sum;
}

static void resources_of_the_guest_are_held_by_the_host(void **state)
{
    component_rig *c = *state;
    uint64_t a = new_counter(c, 10), b = new_counter(c, 200);
    uint32_t value;

    assert_true(a != b && a > UINT32_MAX); /* no number of the guest's */
    assert_int_equal(component_rig_call(c, COUNTERS, "[method]counter.get", &b, &value),
                     BERTH_OK);
    assert_int_equal(value, 200);
    assert_int_equal(component_rig_call(c, COUNTERS, "[static]counter.consume", &b, &value),
                     BERTH_OK);
    assert_int_equal(value, 200);
    assert_int_equal(destroyed(c), 200);
    component_rig_check(c, component_rig_call(c, COUNTERS, "[method]counter.get", &b, &value),
                        BERTH_E_INVALID, "", berthi_cm_instance_is_dead(c->instance));
    component_rig_restart(c);
    assert_int_equal(berthi_cm_host_drop(c->instance, a, &c->diag), BERTH_E_INVALID);
    a = new_counter(c, 10);
    assert_int_equal(berthi_cm_host_drop(c->instance, a, &c->diag), BERTH_OK);
    assert_int_equal(destroyed(c), 10);
    assert_int_equal(berthi_cm_host_drop(c->instance, a, &c->diag), BERTH_E_INVALID);
    assert_false(berthi_cm_instance_is_dead(c->instance));
}

static void what_is_lent_cannot_be_given_away_in_the_same_call(void **state)
{
    component_rig *c = *state;
    uint64_t args[2];
    uint32_t value;

    args[0] = new_counter(c, 1);
    args[1] = new_counter(c, 2);
    assert_int_equal(component_rig_call(c, COUNTERS, "both", args, &value), BERTH_OK);
    assert_int_equal(value, 3);
    args[1] = args[0];
    assert_int_not_equal(component_rig_call(c, COUNTERS, "both", args, &value), BERTH_OK);
}

static void a_destructor_is_a_call_with_all_its_bounds(void **state)
{
    component_rig *c = *state;
    uint64_t handle = new_counter(c, 10);

    set_mode(c, 6); /* it may leave: it is no realloc */
    assert_int_equal(berthi_cm_host_drop(c->instance, handle, &c->diag), BERTH_OK);
    assert_int_equal(c->pings, 1);
    set_mode(c, 0);
    handle = new_counter(c, 10);
    set_mode(c, 3);
    component_rig_check(c, berthi_cm_host_drop(c->instance, handle, &c->diag), BERTH_E_TRAP,
                        "unreachable", true);
}

static void handles_are_bounded(void **state)
{
    component_rig *c = *state;

    c->limits.handles_max = 4;
    component_rig_restart(c);
    for (uint32_t n = 0; n < 3; n++)
        assert_int_equal(call_u32(c, "make-thing", n, NULL), BERTH_OK);
    while (call_u32(c, "make-thing", 9, NULL) == BERTH_OK)
        assert_true(c->made < 10);
    component_rig_check(c, BERTH_E_LIMIT, BERTH_E_LIMIT, "", true);
    component_rig_restart(c);
    assert_int_equal(c->destroyed, c->made); /* also the one that found no place */
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        component_test(bytes_go_in_and_come_back_each_with_one_post_return),
        component_test(results_of_either_case_are_told_apart),
        component_test(lists_of_strings_are_copied),
        component_test(core_values_are_cut_and_their_signs_carried),
        component_test(values_that_are_none_trap),
        component_test(what_the_host_gives_wrong_is_refused_and_harms_nobody),
        component_test(an_allocator_that_answers_nonsense_traps),
        component_test(memory_that_grows_in_realloc_is_seen),
        component_test(realloc_and_post_return_may_not_leave),
        component_test(every_entry_has_the_deadline),
        component_test(between_begin_and_end_results_are_views),
        component_test(host_functions_answer),
        component_test(a_failing_host_function_ends_the_instance_with_its_reason),
        component_test(text_that_is_none_does_not_reach_the_host),
        component_test(the_host_cannot_enter_an_instance_that_it_was_called_from),
        component_test(host_calls_and_bytes_out_are_bounded),
        component_test(bytes_of_a_result_are_bounded),
        component_test(resources_of_the_host_go_in_and_out),
        component_test(a_borrow_that_is_kept_traps),
        component_test(handles_cannot_be_forged),
        component_test(what_is_left_is_destroyed_once_also_when_the_guest_died),
        component_test(resources_of_the_guest_are_held_by_the_host),
        component_test(what_is_lent_cannot_be_given_away_in_the_same_call),
        component_test(a_destructor_is_a_call_with_all_its_bounds),
        component_test(handles_are_bounded),
    };

    return component_rig_run("instances", tests, sizeof tests / sizeof *tests);
}
