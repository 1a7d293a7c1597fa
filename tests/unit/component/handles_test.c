/* handles_test.c - handle tables: which index, whose, lent to whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "component/plan/handles.h"
#include "memory.h"

enum { FILE_TYPE = 3, SOCKET_TYPE = 4 };

typedef struct rig {
    bertht_memory memory;
    berth_allocator allocator;
    berthi_cm_handles table;
    berthi_cm_task task;
    berth_diag diag;
} rig;

static int set_up(void **state)
{
    static rig r;

    r = (rig){ .task = { .instance = 1 } };
    memory_init(&r.memory);
    r.allocator = memory_allocator(&r.memory);
    berthi_cm_handles_init(&r.table, &r.allocator, 1000);
    *state = &r;
    return 0;
}

static int tear_down(void **state)
{
    rig *r = *state;

    berthi_cm_handles_fini(&r->table);
    memory_assert_empty(&r->memory);
    return 0;
}

static uint32_t own(rig *r, uint32_t rep)
{
    uint32_t index = 0;

    assert_true(berthi_cm_handle_add_own(&r->table, FILE_TYPE, rep, &index, &r->diag));
    return index;
}

static uint32_t borrow(rig *r, uint32_t rep)
{
    uint32_t index = 0;

    assert_true(
        berthi_cm_handle_add_borrow(&r->table, FILE_TYPE, rep, &r->task, &index, &r->diag));
    return index;
}

static void traps(rig *r, bool answer, const char *text)
{
    assert_false(answer);
    assert_int_equal(r->diag.status, BERTH_E_TRAP);
    assert_int_equal(r->diag.reason, BERTH_REASON_CANONICAL);
    assert_string_equal(r->diag.text, text);
}

static void take(rig *r, uint32_t index, uint32_t rep)
{
    uint32_t got = ~rep;

    assert_true(berthi_cm_handle_take(&r->table, FILE_TYPE, index, &got, &r->diag));
    assert_int_equal(got, rep);
}

static void indices_start_at_one_and_the_last_freed_comes_first(void **state)
{
    rig *r = *state;

    for (uint32_t i = 1; i <= 40; i++)
        assert_int_equal(own(r, 100 + i), i);
    take(r, 7, 107);
    take(r, 40, 140);
    take(r, 1, 101);
    assert_int_equal(own(r, 1), 1);
    assert_int_equal(borrow(r, 2), 40);
    assert_int_equal(own(r, 3), 7);
    assert_int_equal(own(r, 4), 41);
    take(r, 39, 139);
}

static void a_handle_that_is_not_there_is_unknown(void **state)
{
    static const uint32_t indices[] = { 0, 1, 2, 3, UINT32_MAX };
    rig *r = *state;
    uint32_t rep = 9;
    char text[64];

    for (int made = 0; made < 2; made++) {
        for (size_t i = 0; i < sizeof indices / sizeof *indices; i++) {
            uint32_t index = indices[i];
            berthi_cm_handle entry;
            berthi_cm_lends lends;

            if (made && index == 2)
                continue;
            snprintf(text, sizeof text, "unknown handle index %u", index);
            traps(r, berthi_cm_handle_take(&r->table, FILE_TYPE, index, &rep, &r->diag), text);
            traps(r, berthi_cm_handle_rep(&r->table, FILE_TYPE, index, &rep, &r->diag), text);
            traps(r, berthi_cm_handle_drop(&r->table, FILE_TYPE, index, &entry, &r->diag),
                  text);
            berthi_cm_lends_init(&lends, &r->table);
            traps(r, berthi_cm_handle_lend(&r->table, FILE_TYPE, index, &lends, &rep, &r->diag),
                  text);
        }
        own(r, 1);
        own(r, 2);
        take(r, 1, 1); /* free, and 0 is the end of the free ones */
    }
    assert_int_equal(rep, 9);
}

static void a_handle_of_another_type_is_refused(void **state)
{
    rig *r = *state;
    uint32_t index = own(r, 5), rep = 9;
    berthi_cm_handle entry;
    berthi_cm_lends lends;

    berthi_cm_lends_init(&lends, &r->table);
    traps(r, berthi_cm_handle_take(&r->table, SOCKET_TYPE, index, &rep, &r->diag),
          "handle index 1 used with the wrong type");
    traps(r, berthi_cm_handle_rep(&r->table, SOCKET_TYPE, index, &rep, &r->diag),
          "handle index 1 used with the wrong type");
    traps(r, berthi_cm_handle_drop(&r->table, SOCKET_TYPE, index, &entry, &r->diag),
          "handle index 1 used with the wrong type");
    traps(r, berthi_cm_handle_lend(&r->table, SOCKET_TYPE, index, &lends, &rep, &r->diag),
          "handle index 1 used with the wrong type");
    take(r, index, 5);
}

static void what_is_lent_stays_until_it_is_returned(void **state)
{
    rig *r = *state;
    uint32_t index = own(r, 5), borrowed = borrow(r, 6), rep = 0;
    berthi_cm_lends first, second;
    berthi_cm_handle entry;

    berthi_cm_lends_init(&first, &r->table);
    berthi_cm_lends_init(&second, &r->table);
    for (uint32_t i = 0; i < 20; i++) {
        assert_true(berthi_cm_handle_lend(&r->table, FILE_TYPE, index, &first, &rep, &r->diag));
        assert_int_equal(rep, 5);
    }
    assert_true(berthi_cm_handle_lend(&r->table, FILE_TYPE, borrowed, &second, &rep, &r->diag));
    assert_true(berthi_cm_handle_lend(&r->table, FILE_TYPE, index, &second, &rep, &r->diag));
    assert_int_equal(first.count, 20);
    berthi_cm_lends_return(&first);
    traps(r, berthi_cm_handle_take(&r->table, FILE_TYPE, index, &rep, &r->diag),
          "cannot remove owned resource while borrowed");
    traps(r, berthi_cm_handle_drop(&r->table, FILE_TYPE, index, &entry, &r->diag),
          "cannot remove owned resource while borrowed");
    traps(r, berthi_cm_handle_drop(&r->table, FILE_TYPE, borrowed, &entry, &r->diag),
          "cannot remove owned resource while borrowed");
    assert_int_equal(r->task.borrows, 1);
    berthi_cm_lends_return(&second);
    assert_true(berthi_cm_handle_drop(&r->table, FILE_TYPE, borrowed, &entry, &r->diag));
    /* The lists are good for another call. */
    assert_true(berthi_cm_handle_lend(&r->table, FILE_TYPE, index, &first, &rep, &r->diag));
    traps(r, berthi_cm_handle_take(&r->table, FILE_TYPE, index, &rep, &r->diag),
          "cannot remove owned resource while borrowed");
    berthi_cm_lends_return(&first);
    take(r, index, 5);
}

static void a_borrow_is_counted_until_it_is_dropped(void **state)
{
    rig *r = *state;
    uint32_t index = borrow(r, 5), rep = 0;
    berthi_cm_handle entry = { 0 };

    assert_int_equal(r->task.borrows, 1);
    traps(r, berthi_cm_handle_take(&r->table, FILE_TYPE, index, &rep, &r->diag),
          "cannot lift own resource from a borrow");
    assert_true(berthi_cm_handle_rep(&r->table, FILE_TYPE, index, &rep, &r->diag));
    assert_int_equal(rep, 5);
    assert_true(berthi_cm_handle_drop(&r->table, FILE_TYPE, index, &entry, &r->diag));
    assert_int_equal(r->task.borrows, 0);
    assert_true(!entry.is_own && entry.rep == 5 && entry.task == &r->task);
}

static void an_own_handle_that_is_dropped_says_what_to_destroy(void **state)
{
    rig *r = *state;
    uint32_t index = own(r, 77);
    berthi_cm_handle entry = { 0 };

    assert_true(berthi_cm_handle_drop(&r->table, FILE_TYPE, index, &entry, &r->diag));
    assert_true(entry.is_own && entry.rep == 77 && entry.resource == FILE_TYPE);
    assert_int_equal(own(r, 78), index);
}

static void a_table_is_full_at_its_limit(void **state)
{
    rig *r = *state;
    uint32_t index = 9;

    berthi_cm_handles_fini(&r->table);
    berthi_cm_handles_init(&r->table, &r->allocator, 3);
    for (uint32_t i = 1; i <= 3; i++)
        assert_int_equal(own(r, i), i);
    assert_false(berthi_cm_handle_add_own(&r->table, FILE_TYPE, 4, &index, &r->diag));
    assert_int_equal(r->diag.status, BERTH_E_LIMIT);
    assert_int_equal(r->diag.reason, BERTH_REASON_HANDLES);
    assert_false(
        berthi_cm_handle_add_borrow(&r->table, FILE_TYPE, 4, &r->task, &index, &r->diag));
    assert_int_equal(r->task.borrows, 0);
    assert_int_equal(index, 9);
    take(r, 2, 2);
    assert_int_equal(own(r, 4), 2);
    /* No limit asked for, or one past the specification's, is one all the same. */
    berthi_cm_handles_fini(&r->table);
    berthi_cm_handles_init(&r->table, &r->allocator, 0);
    assert_int_equal(r->table.max, BERTHI_CM_HANDLES_MAX);
    berthi_cm_handles_init(&r->table, &r->allocator, UINT32_MAX);
    assert_int_equal(r->table.max, (1 << 28) - 1);
}

static void without_memory_nothing_changes(void **state)
{
    rig *r = *state;
    berthi_cm_lends lends;
    uint32_t index = 9, rep = 9;

    berthi_cm_lends_init(&lends, &r->table);
    memory_fail(&r->memory, 0, true);
    assert_false(
        berthi_cm_handle_add_borrow(&r->table, FILE_TYPE, 1, &r->task, &index, &r->diag));
    assert_int_equal(r->diag.status, BERTH_E_NOMEM);
    assert_int_equal(r->task.borrows, 0);
    memory_fail(&r->memory, MEMORY_NEVER, false);
    for (uint32_t i = 1; i < 16; i++)
        assert_int_equal(own(r, i), i);
    memory_fail(&r->memory, 0, true);
    assert_false(berthi_cm_handle_add_own(&r->table, FILE_TYPE, 16, &index, &r->diag));
    for (uint32_t i = 0; i < 8; i++)
        assert_true(berthi_cm_handle_lend(&r->table, FILE_TYPE, 3, &lends, &rep, &r->diag));
    rep = 9;
    assert_false(berthi_cm_handle_lend(&r->table, FILE_TYPE, 3, &lends, &rep, &r->diag));
    assert_int_equal(r->diag.status, BERTH_E_NOMEM);
    assert_true(index == 9 && rep == 9);
    memory_fail(&r->memory, MEMORY_NEVER, false);
    berthi_cm_lends_return(&lends);
    take(r, 3, 3); /* the one that failed was not counted */
    assert_int_equal(own(r, 3), 3);
    assert_int_equal(own(r, 16), 16);
}

/* A plain model next to the table: an array with a stack of what was freed. */
static void random_work_agrees_with_a_model(void **state)
{
    enum { ROOM = 300 };
    rig *r = *state;
    uint32_t reps[ROOM] = { 0 }, freed[ROOM], freed_count = 0, used = 1, random = 1, rep;
    bool owns[ROOM] = { false };

    for (uint32_t i = 1; i < 20000; i++) {
        random = random * 1664525 + 1013904223;
        if ((random >> 16) % 5 < 3 && (freed_count > 0 || used < ROOM)) {
            uint32_t want = freed_count > 0 ? freed[--freed_count] : used++;

            owns[want] = (random & 0x800000) != 0;
            assert_int_equal(owns[want] ? own(r, i) : borrow(r, i), want);
            reps[want] = i;
        } else {
            uint32_t index = (random >> 8) % (used + 1);
            berthi_cm_handle entry = { 0 };

            if (index < used && reps[index] != 0) {
                assert_true(
                    berthi_cm_handle_drop(&r->table, FILE_TYPE, index, &entry, &r->diag));
                assert_int_equal(entry.rep, reps[index]);
                assert_int_equal(entry.is_own, owns[index]);
                reps[index] = 0;
                freed[freed_count++] = index;
            } else {
                assert_false(berthi_cm_handle_rep(&r->table, FILE_TYPE, index, &rep, &r->diag));
            }
        }
    }
    assert_true(used > 20);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(indices_start_at_one_and_the_last_freed_comes_first),
        TEST(a_handle_that_is_not_there_is_unknown),
        TEST(a_handle_of_another_type_is_refused),
        TEST(what_is_lent_stays_until_it_is_returned),
        TEST(a_borrow_is_counted_until_it_is_dropped),
        TEST(an_own_handle_that_is_dropped_says_what_to_destroy),
        TEST(a_table_is_full_at_its_limit),
        TEST(without_memory_nothing_changes),
        TEST(random_work_agrees_with_a_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
