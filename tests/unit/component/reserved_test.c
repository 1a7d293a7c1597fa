/* reserved_test.c - results of host functions that are in the guest already. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cm_types.h"
#include "component/plan/plan.h"
#include "component/plan/transcode.h"
#include "fake_guest.h"

typedef struct rig {
    bertht_cm_types t;
    fake_guest fake;
    berthi_cm_host_side host;
    berth_diag diag;
} rig;

enum { OUT = 8 /* where results are spilled to */, HELLO = 32 };

static int set_up(void **state)
{
    static rig r;

    bertht_cm_types_init(&r.t, &berthi_allocator_libc);
    fake_guest_init(&r.fake, BERTHI_CM_UTF8, 256);
    fake_guest_put(&r.fake, HELLO, "hello", 5);
    r.fake.next = 64;
    r.fake.guest.reserved = r.fake.guest.memory.base + HELLO;
    r.fake.guest.reserved_ptr = HELLO;
    r.fake.guest.reserved_size = 5;
    *state = &r;
    return 0;
}

static int tear_down(void **state)
{
    rig *r = *state;

    fake_guest_fini(&r->fake);
    bertht_cm_types_fini(&r->t);
    return 0;
}

static berth_status lower(rig *r, const char *type, const void *result)
{
    const berthi_cm_plan *plan = NULL;
    const berthi_val arguments[] = { { .words = { OUT } } };
    berthi_val cell = { .words = { 0 } };

    assert_int_equal(
        berthi_cm_plan_make(bertht_cm_type(&r->t, type), false, &r->t.arena, &plan, &r->diag),
        BERTH_OK);
    return berthi_cm_lower_result(plan, &r->host, result, &r->fake.guest, arguments, &cell,
                                  &r->diag);
}

static uint32_t word_at(const rig *r, uint64_t at)
{
    uint32_t word;

    memcpy(&word, r->fake.guest.memory.base + at, sizeof word);
    return word;
}

static void a_string_that_is_there_is_not_copied(void **state)
{
    rig *r = *state;
    const berthi_cm_host_string text = { r->fake.guest.reserved, 5 };

    assert_int_equal(lower(r, "func() -> string", &text), BERTH_OK);
    assert_int_equal(r->fake.count, 0);
    assert_int_equal(word_at(r, OUT), HELLO);
    assert_int_equal(word_at(r, OUT + 4), 5);
}

static void a_shorter_list_gives_the_rest_back(void **state)
{
    rig *r = *state;
    const berthi_cm_host_list list = { r->fake.guest.reserved, 3 };

    if (lower(r, "func() -> list<u8>", &list) != BERTH_OK)
        fail_msg("%s", r->diag.text);
    assert_int_equal(r->fake.count, 1);
    assert_int_equal(r->fake.calls[0].old_ptr, HELLO);
    assert_int_equal(r->fake.calls[0].old_size, 5);
    assert_int_equal(r->fake.calls[0].align, 1);
    assert_int_equal(r->fake.calls[0].size, 3);
    assert_int_equal(word_at(r, OUT), r->fake.calls[0].given);
    assert_int_equal(word_at(r, OUT + 4), 3);
    assert_memory_equal(r->fake.guest.memory.base + word_at(r, OUT), "hel", 3);
}

static void it_may_stand_anywhere_in_the_result(void **state)
{
    rig *r = *state;
    const struct {
        uint8_t tag;
        struct {
            berthi_cm_host_string other;
            berthi_cm_host_list list;
        } ok;
    } result = { 1, { { "a long one", 10 }, { r->fake.guest.reserved, 5 } } };

    assert_int_equal(lower(r, "func() -> option<tuple<string, list<s8>>>", &result), BERTH_OK);
    assert_int_equal(r->fake.count, 1); /* for the other string */
    assert_int_equal(word_at(r, OUT + 12), HELLO);
    assert_int_equal(word_at(r, OUT + 16), 5);
}

static void nothing_else_may_be_in_the_guest(void **state)
{
    rig *r = *state;
    const char *base = r->fake.guest.reserved;
    const berthi_cm_host_list both[] = { { base, 5 }, { base, 5 } };
    const berthi_cm_host_list behind = { base + 1, 4 }, longer = { base, 6 },
                              words = { base, 1 };

    assert_int_equal(lower(r, "func() -> tuple<list<u8>, list<u8>>", both), BERTH_E_INVALID);
    r->fake.guest.reserved_is_used = false;
    assert_int_equal(lower(r, "func() -> list<u8>", &behind), BERTH_E_INVALID);
    assert_int_equal(lower(r, "func() -> list<u8>", &longer), BERTH_E_INVALID);
    assert_int_equal(lower(r, "func() -> list<u32>", &words), BERTH_E_INVALID);
    assert_int_equal(lower(r, "func() -> list<bool>", &words), BERTH_E_INVALID);
    r->fake.guest.encoding = BERTHI_CM_UTF16;
    assert_int_equal(lower(r, "func() -> string", &longer), BERTH_E_INVALID);
    assert_int_equal(lower(r, "func() -> string", &both[0]), BERTH_E_INVALID);
    assert_int_equal(r->fake.count, 0);
}

static void text_that_is_there_has_to_be_text(void **state)
{
    rig *r = *state;
    const berthi_cm_host_string text = { r->fake.guest.reserved, 5 };

    fake_guest_put(&r->fake, HELLO, "\xff", 1);
    assert_int_equal(lower(r, "func() -> string", &text), BERTH_E_INVALID);
}

static void a_realloc_that_fails_ends_the_call(void **state)
{
    rig *r = *state;
    const berthi_cm_host_string text = { r->fake.guest.reserved, 4 };

    r->fake.fail_at = 0;
    assert_int_equal(lower(r, "func() -> string", &text), BERTH_E_TRAP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_string_that_is_there_is_not_copied, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_shorter_list_gives_the_rest_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_may_stand_anywhere_in_the_result, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_else_may_be_in_the_guest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(text_that_is_there_has_to_be_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_realloc_that_fails_ends_the_call, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
