/* resources_test.c - handles that the host holds, and objects that guests hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "component/run/host_table.h"
#include "component/run/resources.h"
#include "memory.h"

enum { COUNTER, BUFFER, CONNECTION /* the host's */ };

static const berthi_cm_resource_use resources[] = {
    { .instance = 0 },
    { .instance = 2 },
    { .instance = BERTHI_CM_NO_INDEX },
};

typedef struct rig {
    bertht_memory memory;
    berth_allocator allocator;
    berthi_cm_host_handles handles;
    berthi_host_table table;
    berth_diag diag;
} rig;

static int set_up(void **state)
{
    static rig r;

    r = (rig){ .diag = { 0 } };
    memory_init(&r.memory);
    r.allocator = memory_allocator(&r.memory);
    berthi_cm_host_handles_init(&r.handles, &r.allocator, resources, 100, 0x1234);
    berthi_host_table_init(&r.table, &r.allocator, 1000);
    *state = &r;
    return 0;
}

static int tear_down(void **state)
{
    rig *r = *state;

    berthi_cm_host_handles_fini(&r->handles);
    berthi_host_table_fini(&r->table);
    memory_assert_empty(&r->memory);
    return 0;
}

/* ---------------------------------------------------------------- handles of guests' resources */

static uint64_t get(rig *r, uint32_t resource, uint32_t rep, bool is_borrow)
{
    uint64_t handle = 0;

    assert_true(berthi_cm_to_host(&r->handles, resource, rep, is_borrow, &handle, &r->diag));
    return handle;
}

static void give(rig *r, uint32_t resource, uint64_t handle, bool is_borrow, uint32_t rep)
{
    uint32_t got = ~rep;

    assert_true(berthi_cm_to_guest(&r->handles, resource, handle, is_borrow, &got, &r->diag));
    assert_int_equal(got, rep);
}

static void refused(rig *r, uint32_t resource, uint64_t handle, bool is_borrow,
                    berth_status status)
{
    uint32_t rep = 0xabcd;

    assert_false(berthi_cm_to_guest(&r->handles, resource, handle, is_borrow, &rep, &r->diag));
    assert_int_equal(r->diag.status, status);
    assert_int_equal(rep, 0xabcd);
}

static void drop_refused(rig *r, uint64_t handle, berth_status status)
{
    uint32_t resource = 9, rep = 9;

    assert_false(berthi_cm_host_handle_drop(&r->handles, handle, &resource, &rep, &r->diag));
    assert_int_equal(r->diag.status, status);
    assert_true(resource == 9 && rep == 9);
}

static void an_own_handle_is_good_until_it_is_passed_back(void **state)
{
    rig *r = *state;
    uint64_t handle = get(r, COUNTER, 77, false), other = get(r, BUFFER, 77, false);

    assert_true(handle != 0 && other != 0 && handle != other);
    refused(r, BUFFER, handle, false, BERTH_E_INVALID);
    refused(r, BUFFER, handle, true, BERTH_E_INVALID);
    give(r, COUNTER, handle, false, 77);
    refused(r, COUNTER, handle, false, BERTH_E_INVALID);
    refused(r, COUNTER, handle, true, BERTH_E_INVALID);
    drop_refused(r, handle, BERTH_E_INVALID);
    assert_int_not_equal(get(r, COUNTER, 77, false), handle); /* the place, not the handle */
    give(r, BUFFER, other, false, 77);
}

static void numbers_that_are_no_handles_are_refused(void **state)
{
    rig *r = *state;
    uint64_t handle = get(r, COUNTER, 1, false);

    refused(r, COUNTER, 0, true, BERTH_E_INVALID);
    refused(r, COUNTER, handle + 1, true, BERTH_E_INVALID);
    refused(r, COUNTER, handle + (1ull << 32), true, BERTH_E_INVALID);
    refused(r, COUNTER, handle & UINT32_MAX, true, BERTH_E_INVALID);
    refused(r, COUNTER, UINT64_MAX, true, BERTH_E_INVALID);
    drop_refused(r, 0, BERTH_E_INVALID);
    give(r, COUNTER, handle, false, 1);
}

static void what_is_lent_can_neither_go_nor_be_dropped(void **state)
{
    rig *r = *state;
    uint64_t handle = get(r, COUNTER, 5, false);
    berthi_cm_host_scope outer = berthi_cm_host_scope_enter(&r->handles), inner;

    give(r, COUNTER, handle, true, 5);
    inner = berthi_cm_host_scope_enter(&r->handles);
    for (int i = 0; i < 50; i++)
        give(r, COUNTER, handle, true, 5);
    berthi_cm_host_scope_leave(&r->handles, inner);
    refused(r, COUNTER, handle, false, BERTH_E_STATE);
    drop_refused(r, handle, BERTH_E_STATE);
    berthi_cm_host_scope_leave(&r->handles, outer);
    give(r, COUNTER, handle, false, 5);
}

static void a_borrow_ends_with_its_call(void **state)
{
    rig *r = *state;
    berthi_cm_host_scope scope = berthi_cm_host_scope_enter(&r->handles);
    uint64_t borrow = get(r, COUNTER, 5, true), own = get(r, COUNTER, 6, false);

    refused(r, COUNTER, borrow, false, BERTH_E_INVALID);
    drop_refused(r, borrow, BERTH_E_INVALID);
    give(r, COUNTER, borrow, true, 5);
    berthi_cm_host_scope_leave(&r->handles, scope);
    refused(r, COUNTER, borrow, true, BERTH_E_INVALID);
    give(r, COUNTER, own, false, 6); /* owned: it outlives the call */
}

static void a_dropped_handle_says_what_to_destroy(void **state)
{
    rig *r = *state;
    uint64_t handle = get(r, BUFFER, 8, false);
    uint32_t resource = 0, rep = 0;

    assert_true(berthi_cm_host_handle_drop(&r->handles, handle, &resource, &rep, &r->diag));
    assert_true(resource == BUFFER && rep == 8);
    drop_refused(r, handle, BERTH_E_INVALID);
}

static void resources_of_the_host_are_known_by_their_reps(void **state)
{
    rig *r = *state;

    assert_int_equal(get(r, CONNECTION, 0xfffffffe, false), 0xfffffffe);
    assert_int_equal(get(r, CONNECTION, 3, true), 3);
    give(r, CONNECTION, 0xfffffffe, false, 0xfffffffe);
    give(r, CONNECTION, 3, true, 3);
    refused(r, CONNECTION, 1ull << 32, false, BERTH_E_INVALID);
    assert_int_equal(r->handles.count, 1);
    assert_int_equal(r->handles.undo_count, 0);
}

static void handles_have_a_limit_and_without_memory_nothing_changes(void **state)
{
    rig *r = *state;
    uint64_t handle = 9;
    uint32_t rep = 9;

    memory_fail(&r->memory, 0, true);
    assert_false(berthi_cm_to_host(&r->handles, COUNTER, 1, false, &handle, &r->diag));
    assert_int_equal(r->diag.status, BERTH_E_NOMEM);
    memory_fail(&r->memory, 1, true); /* the entry, then what takes the borrow back */
    assert_false(berthi_cm_to_host(&r->handles, COUNTER, 1, true, &handle, &r->diag));
    assert_int_equal(r->diag.status, BERTH_E_NOMEM);
    assert_int_equal(handle, 9);
    handle = get(r, COUNTER, 1, false);
    assert_int_equal((uint32_t)handle, 1);
    assert_false(berthi_cm_to_guest(&r->handles, COUNTER, handle, true, &rep, &r->diag));
    assert_int_equal(r->diag.status, BERTH_E_NOMEM);
    assert_int_equal(rep, 9);
    give(r, COUNTER, handle, false, 1); /* it was not lent */
    memory_fail(&r->memory, MEMORY_NEVER, false);
    for (uint32_t i = 0; i < 100; i++)
        get(r, COUNTER, i, false);
    assert_false(berthi_cm_to_host(&r->handles, COUNTER, 1, false, &handle, &r->diag));
    assert_int_equal(r->diag.status, BERTH_E_LIMIT);
    assert_int_equal(r->diag.reason, BERTH_REASON_HANDLES);
}

/* ---------------------------------------------------------------- objects of the host */

typedef struct thing {
    berthi_host_table *table;
    uint32_t destroyed, other_rep;
    bool adds;
} thing;

static void destroy_thing(void *object);

static const berthi_host_type thing_type = { "thing", destroy_thing };
static const berthi_host_type plain_type = { "plain", NULL };

static void destroy_thing(void *object)
{
    thing *t = object;
    uint32_t rep;

    t->destroyed++;
    if (t->other_rep != 0)
        berthi_host_table_remove(t->table, &thing_type, t->other_rep);
    if (t->adds)
        assert_int_equal(berthi_host_table_add(t->table, &thing_type, t, &rep, NULL),
                         BERTH_E_CLOSED);
}

static uint32_t add(rig *r, const berthi_host_type *type, void *object)
{
    uint32_t rep = 0;

    assert_int_equal(berthi_host_table_add(&r->table, type, object, &rep, &r->diag), BERTH_OK);
    return rep;
}

static void an_object_is_found_by_its_rep_and_its_type_only(void **state)
{
    rig *r = *state;
    thing one = { 0 };
    uint32_t rep = add(r, &thing_type, &one);

    assert_int_not_equal(rep, 0);
    assert_ptr_equal(berthi_host_table_find(&r->table, &thing_type, rep), &one);
    assert_null(berthi_host_table_find(&r->table, &plain_type, rep));
    assert_null(berthi_host_table_find(&r->table, &thing_type, 0));
    assert_null(berthi_host_table_find(&r->table, &thing_type, rep + 1));
    assert_null(berthi_host_table_find(&r->table, &thing_type, rep + (1u << 20)));
    assert_null(berthi_host_table_take(&r->table, &plain_type, rep));
    assert_false(berthi_host_table_remove(&r->table, &plain_type, rep));
    assert_ptr_equal(berthi_host_table_take(&r->table, &thing_type, rep), &one);
    assert_false(berthi_host_table_remove(&r->table, &thing_type, rep));
    assert_int_equal(one.destroyed, 0);
}

static void each_object_is_destroyed_exactly_once(void **state)
{
    rig *r = *state;
    thing things[40] = { { .table = NULL } };
    uint32_t reps[40];

    for (uint32_t i = 0; i < 40; i++) {
        things[i].table = &r->table;
        things[i].other_rep = i == 0 ? 0 : reps[i - 1];
        reps[i] = add(r, &thing_type, &things[i]);
    }
    things[5].adds = true; /* at the end nothing may come */
    assert_true(berthi_host_table_remove(&r->table, &thing_type, reps[2])); /* and 1, 0 */
    assert_false(berthi_host_table_remove(&r->table, &thing_type, reps[1]));
    add(r, &plain_type, r);
    berthi_host_table_fini(&r->table);
    for (uint32_t i = 0; i < 40; i++)
        assert_int_equal(things[i].destroyed, 1);
}

static void a_rep_does_not_come_back_soon(void **state)
{
    rig *r = *state;
    static thing one; /* the table's until the end of the test */
    uint32_t first = add(r, &thing_type, &one), rep = first, count = 0;

    do {
        assert_true(berthi_host_table_remove(&r->table, &thing_type, rep));
        assert_null(berthi_host_table_find(&r->table, &thing_type, first));
        rep = add(r, &thing_type, &one);
        count++;
    } while (rep != first);
    assert_int_equal(count, 64 * 4095);
    assert_int_equal(r->table.count, 1 + 64);
}

static void a_table_of_objects_has_a_limit(void **state)
{
    rig *r = *state;
    static thing one;
    uint32_t rep = 9, last = 0;

    memory_fail(&r->memory, 0, true);
    assert_int_equal(berthi_host_table_add(&r->table, &thing_type, &one, &rep, &r->diag),
                     BERTH_E_NOMEM);
    memory_fail(&r->memory, MEMORY_NEVER, false);
    for (uint32_t i = 0; i < 1000; i++)
        last = add(r, &thing_type, &one);
    assert_int_equal(berthi_host_table_add(&r->table, &thing_type, &one, &rep, &r->diag),
                     BERTH_E_LIMIT);
    assert_int_equal(r->diag.reason, BERTH_REASON_HANDLES);
    assert_int_equal(rep, 9);
    assert_true(berthi_host_table_remove(&r->table, &thing_type, last));
    add(r, &thing_type, &one);
}

static void every_place_can_be_used(void **state)
{
    rig *r = *state;
    uint32_t rep = 0, count = 0;

    berthi_host_table_fini(&r->table);
    berthi_host_table_init(&r->table, &r->allocator, 0);
    while (berthi_host_table_add(&r->table, &plain_type, r, &rep, NULL) == BERTH_OK)
        count++;
    assert_int_equal(count, BERTHI_HOST_OBJECTS_MAX);
    assert_true(berthi_host_table_remove(&r->table, &plain_type, rep));
    assert_int_equal(berthi_host_table_add(&r->table, &plain_type, r, &rep, NULL), BERTH_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_own_handle_is_good_until_it_is_passed_back),
        TEST(numbers_that_are_no_handles_are_refused),
        TEST(what_is_lent_can_neither_go_nor_be_dropped),
        TEST(a_borrow_ends_with_its_call),
        TEST(a_dropped_handle_says_what_to_destroy),
        TEST(resources_of_the_host_are_known_by_their_reps),
        TEST(handles_have_a_limit_and_without_memory_nothing_changes),
        TEST(an_object_is_found_by_its_rep_and_its_type_only),
        TEST(each_object_is_destroyed_exactly_once),
        TEST(a_rep_does_not_come_back_soon),
        TEST(a_table_of_objects_has_a_limit),
        TEST(every_place_can_be_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
