/* elaborate_test.c - what instantiating a component comes down to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/diag.h"
#include "component_bytes.h"
#include "memory.h"
#include "steps_check.h"

typedef struct rig {
    bertht_buf b;
    berthi_arena arena;
    const berthi_cm_steps *steps;
    berth_diag diag;
} rig;

static void start(rig *r)
{
    *r = (rig){ .diag = { .text = "" } };
    component_start(&r->b);
}

static berth_status elaborate(rig *r)
{
    const berthi_cm_component *component;
    berth_status status;

    berthi_arena_init(&r->arena, &berthi_allocator_libc, SIZE_MAX);
    status = berthi_component_read(r->b.data, r->b.size, &r->arena, &component, &r->diag);
    if (status == BERTH_OK)
        status = berthi_component_validate(component, &r->arena, &r->diag);
    if (status == BERTH_OK)
        status = berthi_component_elaborate(component, &r->arena, true, &r->steps, &r->diag);
    return status;
}

static void must_elaborate(rig *r)
{
    const char *wrong;

    if (elaborate(r) != BERTH_OK)
        fail_msg("%s", r->diag.text);
    wrong = steps_check(r->steps);
    if (wrong != NULL)
        fail_msg("%s", wrong);
}

static void end(rig *r)
{
    berthi_arena_fini(&r->arena);
    buf_free(&r->b);
}

static bool is_name(berthi_name name, const char *text)
{
    return name.size == strlen(text) && memcmp(name.text, text, name.size) == 0;
}

/* ---------------------------------------------------------------- needs */

static void every_leaf_of_the_imports_is_a_need_also_an_unused_one(void **state)
{
    rig r;

    (void)state;
    start(&r);
    COMPONENT(&r.b, 7,
              "\x02\x40\x00\x01\x00"          /* 0: func */
              "\x42\x05"                      /* 1: an instance: */
              "\x04\x00\x01r\x03\x01"         /*    a resource */
              "\x04\x00\x01s\x03\x00\x00"     /*    the same again */
              "\x01\x69\x00"                  /*    own of it */
              "\x01\x40\x01\x01x\x02\x01\x00" /*    func of that */
              "\x04\x00\x01"
              "f\x01\x03");
    COMPONENT(&r.b, 7, "\x01\x42\x00"); /* 2: an instance of nothing */
    COMPONENT(&r.b, 10,
              "\x03\x00\x01"
              "a\x05\x01"
              "\x00\x01"
              "b\x05\x02"
              "\x00\x01"
              "c\x01\x00");
    must_elaborate(&r);
    assert_int_equal(r.steps->needs_count, 4);
    assert_int_equal(r.steps->needs[0].sort, BERTHI_CM_TYPE);
    assert_false(r.steps->needs[0].is_again);
    assert_int_equal(r.steps->needs[0].path_count, 2);
    assert_true(is_name(r.steps->needs[0].path[0], "a"));
    assert_true(is_name(r.steps->needs[0].path[1], "r"));
    assert_int_equal(r.steps->needs[1].sort, BERTHI_CM_TYPE);
    assert_true(r.steps->needs[1].is_again);
    assert_int_equal(r.steps->needs[1].resource, 0);
    assert_int_equal(r.steps->needs[2].sort, BERTHI_CM_FUNC);
    assert_true(is_name(r.steps->needs[2].path[1], "f"));
    assert_ptr_equal(r.steps->needs[2].type->items[0].type->items[0].type,
                     r.steps->resources[0].type);
    assert_int_equal(r.steps->needs[3].path_count, 1);
    assert_true(is_name(r.steps->needs[3].path[0], "c"));
    assert_int_equal(r.steps->resources_count, 1);
    assert_int_equal(r.steps->resources[0].instance, BERTHI_CM_NO_INDEX);
    assert_int_equal(r.steps->resources[0].need, 0);
    end(&r);
}

/* ---------------------------------------------------------------- instances */

/* A module that exports a memory m, a realloc r and a function f: (i32, i32) -> (). */
static void put_library(bertht_buf *b)
{
    bertht_wasm m = { 0 };

    wasm_memory(&m, 0, 1, 0);
    wasm_func(&m, "iiii:i", "\x41\x00", 2);
    wasm_func(&m, "ii:", "", 0);
    wasm_func(&m, ":", "", 0);
    wasm_export(&m, "m", BERTHI_EXTERN_MEMORY, 0);
    wasm_export(&m, "r", BERTHI_EXTERN_FUNC, 0);
    wasm_export(&m, "f", BERTHI_EXTERN_FUNC, 1);
    wasm_export(&m, "g", BERTHI_EXTERN_FUNC, 2);
    component_module(b, &m);
}

/* A component that lifts f: func(x: string) of its own core instance and exports it. */
static void put_string_taker(bertht_buf *b)
{
    put_library(b);
    COMPONENT(b, 2, "\x01\x00\x00\x00");
    COMPONENT(b, 6,
              "\x03\x00\x02\x01\x00\x01m"
              "\x00\x00\x01\x00\x01r"
              "\x00\x00\x01\x00\x01"
              "f");
    COMPONENT(b, 7, "\x01\x40\x01\x01x\x73\x01\x00");
    COMPONENT(b, 8, "\x01\x00\x00\x01\x02\x03\x00\x04\x00\x00");
    COMPONENT(b, 11,
              "\x01\x00\x01"
              "f\x01\x00\x00");
}

static void slots_are_filled_once_behind_the_instance_that_they_are_of(void **state)
{
    rig r;

    (void)state;
    start(&r);
    put_string_taker(&r.b);
    COMPONENT(&r.b, 8, "\x01\x00\x00\x01\x02\x03\x00\x04\x00\x00"); /* the same once more */
    COMPONENT(&r.b, 11, "\x01\x00\x01g\x01\x02\x00");
    must_elaborate(&r);
    assert_int_equal(r.steps->steps_count, 4);
    assert_int_equal(r.steps->steps[0].kind, BERTHI_CM_STEP_INSTANTIATE);
    assert_int_equal(r.steps->func_slots, 2);
    assert_int_equal(r.steps->memory_slots, 1);
    assert_int_equal(r.steps->lifted_count, 2);
    assert_int_equal(r.steps->lifted[0].func, r.steps->lifted[1].func);
    assert_int_equal(r.steps->lifted[0].abi.realloc, r.steps->lifted[1].abi.realloc);
    assert_int_equal(r.steps->lifted[0].abi.post_return, BERTHI_CM_NO_INDEX);
    assert_int_equal(r.steps->exports_count, 2);
    assert_true(is_name(r.steps->exports[1].name, "g"));
    assert_int_equal(r.steps->exports[1].index, 1);
    end(&r);
}

static void a_module_is_numbered_once_however_often_it_is_instantiated(void **state)
{
    bertht_buf inner = { 0 };
    rig r;

    (void)state;
    start(&r);
    component_start(&inner);
    put_string_taker(&inner);
    component_nested(&r.b, &inner);
    COMPONENT(&r.b, 5, "\x02\x00\x00\x00\x00\x00\x00");
    must_elaborate(&r);
    assert_int_equal(r.steps->modules_count, 1);
    assert_int_equal(r.steps->core_instances_count, 2);
    assert_int_equal(r.steps->instances_count, 3);
    assert_int_equal(r.steps->lifted[0].instance, 1);
    assert_int_equal(r.steps->lifted[1].instance, 2);
    assert_int_not_equal(r.steps->lifted[0].func, r.steps->lifted[1].func);
    assert_int_equal(r.steps->parents[2], 0);
    end(&r);
}

static void resources_are_made_anew_by_each_instance(void **state)
{
    bertht_buf inner = { 0 };
    bertht_wasm m = { 0 };
    rig r;

    (void)state;
    start(&r);
    component_start(&inner);
    wasm_func(&m, "i:", "", 0);
    wasm_export(&m, "d", BERTHI_EXTERN_FUNC, 0);
    component_module(&inner, &m);
    COMPONENT(&inner, 2, "\x01\x00\x00\x00");
    COMPONENT(&inner, 6,
              "\x01\x00\x00\x01\x00\x01"
              "d");
    COMPONENT(&inner, 7, "\x01\x3f\x7f\x01\x00");
    COMPONENT(&inner, 8, "\x01\x02\x00");
    COMPONENT(&inner, 11, "\x01\x00\x01r\x03\x00\x00");
    component_nested(&r.b, &inner);
    COMPONENT(&r.b, 5, "\x02\x00\x00\x00\x00\x00\x00");
    COMPONENT(&r.b, 6, "\x02\x03\x00\x00\x01r\x03\x00\x01\x01r");
    COMPONENT(&r.b, 11, "\x02\x00\x01p\x03\x00\x00\x00\x01q\x03\x01\x00");
    must_elaborate(&r);
    assert_int_equal(r.steps->resources_count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(r.steps->resources[i].instance, i + 1);
        assert_int_equal(r.steps->resources[i].destructor, i);
        assert_int_equal(r.steps->exports[i].index, i);
        assert_int_equal(r.steps->trampolines[i].kind, BERTHI_CM_TO_NEW);
        assert_int_equal(r.steps->trampolines[i].target, i);
    }
    end(&r);
}

/* A component that imports f: func() and lowers it; one that lifts g as f. */
static void put_caller(bertht_buf *b)
{
    COMPONENT(b, 7, "\x01\x40\x00\x01\x00");
    COMPONENT(b, 10,
              "\x01\x00\x01"
              "f\x01\x00");
    COMPONENT(b, 8, "\x01\x01\x00\x00\x00");
}

static void put_callee(bertht_buf *b)
{
    put_library(b);
    COMPONENT(b, 2, "\x01\x00\x00\x00");
    COMPONENT(b, 6, "\x01\x00\x00\x01\x00\x01g");
    COMPONENT(b, 7, "\x01\x40\x00\x01\x00");
    COMPONENT(b, 8, "\x01\x00\x00\x00\x00\x00");
}

static void calls_between_siblings_enter_and_calls_up_or_to_oneself_never_do(void **state)
{
    bertht_buf inner = { 0 }, callee = { 0 };
    rig r;

    (void)state;
    start(&r);
    put_callee(&r.b);                           /* the root: function 0 */
    COMPONENT(&r.b, 8, "\x01\x01\x00\x00\x00"); /* lowered by itself */
    component_start(&inner);
    put_caller(&inner);
    component_nested(&r.b, &inner);
    COMPONENT(&r.b, 5,
              "\x01\x00\x00\x01\x01"
              "f\x01\x00"); /* a child calls it */
    component_start(&callee);
    put_callee(&callee);
    COMPONENT(&callee, 11,
              "\x01\x00\x01"
              "f\x01\x00\x00");
    component_nested(&r.b, &callee);
    COMPONENT(&r.b, 5, "\x01\x00\x01\x00");
    COMPONENT(&r.b, 6,
              "\x01\x01\x00\x01\x01"
              "f");
    COMPONENT(&r.b, 5,
              "\x01\x00\x00\x01\x01"
              "f\x01\x01");                     /* a child calls another */
    COMPONENT(&r.b, 8, "\x01\x01\x00\x01\x00"); /* the root calls a child */
    must_elaborate(&r);
    assert_int_equal(r.steps->trampolines_count, 4);
    assert_true(r.steps->trampolines[0].never_enters);
    assert_true(r.steps->trampolines[1].never_enters);
    assert_false(r.steps->trampolines[2].never_enters);
    assert_int_equal(r.steps->trampolines[2].instance, 3);
    assert_int_equal(r.steps->trampolines[2].target, 1);
    assert_true(r.steps->trampolines[3].never_enters);
    end(&r);
}

/* The root gives { f, g } to a component that asks for { f } and hands on what it got. */
static void what_was_imported_as_less_is_exported_as_less(void **state)
{
    bertht_buf inner = { 0 };
    rig r;

    (void)state;
    start(&r);
    put_callee(&r.b);
    COMPONENT(&r.b, 5,
              "\x01\x01\x02\x00\x01"
              "f\x01\x00\x00\x01g\x01\x00");
    component_start(&inner);
    COMPONENT(&inner, 7,
              "\x01\x42\x02\x01\x40\x00\x01\x00\x04\x00\x01"
              "f\x01\x00");
    COMPONENT(&inner, 10, "\x01\x00\x01i\x05\x00");
    COMPONENT(&inner, 11, "\x01\x00\x01o\x05\x00\x00");
    component_nested(&r.b, &inner);
    COMPONENT(&r.b, 5, "\x01\x00\x00\x01\x01i\x05\x00");
    COMPONENT(&r.b, 6, "\x01\x05\x00\x01\x01o");
    COMPONENT(&r.b, 11, "\x02\x00\x01p\x05\x02\x00\x00\x01q\x05\x00\x00");
    must_elaborate(&r);
    assert_int_equal(r.steps->exports_count, 2);
    assert_int_equal(r.steps->exports[0].count, 1);
    assert_true(is_name(r.steps->exports[0].exports[0].name, "f"));
    assert_int_equal(r.steps->exports[1].count, 2);
    end(&r);
}

/* The same where the instance stands in another one, and where an export is said to be less. */
static void less_is_less_within_instances_and_by_what_an_export_says(void **state)
{
    bertht_buf inner = { 0 };
    rig r;

    (void)state;
    start(&r);
    put_callee(&r.b);
    COMPONENT(&r.b, 5,
              "\x01\x01\x02\x00\x01"
              "f\x01\x00\x00\x01g\x01\x00");
    COMPONENT(&r.b, 5, "\x01\x01\x01\x00\x01i\x05\x00");
    component_start(&inner);
    COMPONENT(&inner, 7,
              "\x01\x42\x02\x01\x42\x02\x01\x40\x00\x01\x00\x04\x00\x01"
              "f\x01\x00"
              "\x04\x00\x01i\x05\x00");
    COMPONENT(&inner, 10, "\x01\x00\x01p\x05\x00");
    COMPONENT(&inner, 11, "\x01\x00\x01o\x05\x00\x00");
    component_nested(&r.b, &inner);
    COMPONENT(&r.b, 5, "\x01\x00\x00\x01\x01p\x05\x01"); /* instance 2 */
    COMPONENT(&r.b, 6, "\x01\x05\x00\x02\x01o");
    COMPONENT(&r.b, 7, "\x01\x42\x02\x01\x40\x00\x01\x00\x04\x00\x01g\x01\x00");
    COMPONENT(&r.b, 11, "\x02\x00\x01p\x05\x03\x00\x00\x01q\x05\x00\x01\x05\x01");
    must_elaborate(&r);
    assert_int_equal(r.steps->exports[0].count, 1);
    assert_int_equal(r.steps->exports[0].exports[0].count, 1);
    assert_true(is_name(r.steps->exports[0].exports[0].exports[0].name, "f"));
    assert_int_equal(r.steps->exports[1].count, 1);
    assert_true(is_name(r.steps->exports[1].exports[0].name, "g"));
    end(&r);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_leaf_of_the_imports_is_a_need_also_an_unused_one),
        cmocka_unit_test(slots_are_filled_once_behind_the_instance_that_they_are_of),
        cmocka_unit_test(a_module_is_numbered_once_however_often_it_is_instantiated),
        cmocka_unit_test(resources_are_made_anew_by_each_instance),
        cmocka_unit_test(calls_between_siblings_enter_and_calls_up_or_to_oneself_never_do),
        cmocka_unit_test(what_was_imported_as_less_is_exported_as_less),
        cmocka_unit_test(less_is_less_within_instances_and_by_what_an_export_says),
    };

    return cmocka_run_group_tests_name("elaborate", tests, NULL, NULL);
}
