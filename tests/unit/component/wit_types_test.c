/* wit_types_test.c - what WIT says and what a component says is one type. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cm_types.h"
#include "component/wit/wit_types.h"

typedef struct rig {
    bertht_cm_types t;
    const berthi_wit *model;
    berthi_cm_wit wit;
    const berthi_cm_type *conn; /* what stands for the resource */
    uint32_t asked;
} rig;

static const berthi_cm_type *resource_of(void *ctx, uint32_t index)
{
    rig *r = ctx;

    assert_string_equal(r->model->types[index].name, "conn");
    r->asked++;
    return r->conn;
}

static const char text[] =
    "package demo:plug@1.0.0;\n"
    "interface types {\n"
    "  resource conn { constructor(a: u8); send: func(s: string) -> u32;\n"
    "                  open: static func() -> conn; }\n"
    "  record point { x: s32, y: f64 }\n"
    "  variant shape { round(f32), flat, points(list<point>) }\n"
    "  enum color { red, green }\n"
    "  flags perms { r, w, x }\n"
    "  type also = point;\n"
    "}\n"
    "interface host {\n"
    "  use types.{conn as link, also};\n"
    "  a: func(p: also, s: option<result<u8, string>>) -> tuple<char, bool>;\n"
    "  b: func(l: borrow<link>) -> link;\n"
    "  c: func();\n"
    "  d: func(m: map<string, u16>, f: list<u8, 4>, r: result, e: result<_, s8>) -> "
    "result<u64>;\n"
    "}\n";

static int set_up(void **state)
{
    static rig r;

    r = (rig){ .asked = 0 };
    bertht_cm_types_init(&r.t, &berthi_allocator_libc);
    if (berthi_wit_read_text("test.wit", text, strlen(text), NULL, &r.t.arena, &r.model,
                             &r.t.diag) != BERTH_OK) {
        print_message("%s\n", r.t.diag.text);
        return -1;
    }
    r.conn = berthi_cm_resource(&r.t.types, NULL);
    r.wit = (berthi_cm_wit){
        .types = &r.t.types,
        .model = r.model,
        .resource = resource_of,
        .ctx = &r,
        .made = berthi_arena_array(&r.t.arena, r.model->types_count, sizeof *r.wit.made),
    };
    *state = &r;
    return 0;
}

static int tear_down(void **state)
{
    rig *r = *state;

    bertht_cm_types_fini(&r->t);
    return 0;
}

static void expect(rig *r, const char *interface, const char *func, const char *type)
{
    const berthi_wit_func *from =
        berthi_wit_find_func(berthi_wit_find_interface(r->model, interface), func);
    const berthi_cm_type *made;

    assert_non_null(from);
    made = berthi_cm_wit_func(&r->wit, from);
    assert_non_null(made);
    assert_ptr_equal(made, bertht_cm_type(&r->t, type));
}

static void functions_are_the_same_pointer(void **state)
{
    rig *r = *state;

    expect(r, "host", "a",
           "func(p: record { x: s32, y: f64 }, s: option<result<u8, string>>) -> "
           "tuple<char, bool>");
    expect(r, "host", "c", "func()");
    expect(r, "host", "d",
           "func(m: map<string, u16>, f: list<u8, 4>, r: result, e: result<_, s8>) -> "
           "result<u64>");
}

static void named_types_are_what_they_are_made_of(void **state)
{
    static const char *const types[][2] = {
        { "shape", "variant { round(f32), flat, points(list<record { x: s32, y: f64 }>) }" },
        { "color", "enum { red, green }" },
        { "perms", "flags { r, w, x }" },
        { "also", "record { x: s32, y: f64 }" },
    };
    rig *r = *state;
    const berthi_wit_interface *i = berthi_wit_find_interface(r->model, "types");

    for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
        uint32_t index = berthi_wit_find_type(r->model, i, types[k][0]);

        assert_int_not_equal(index, BERTHI_WIT_NONE);
        assert_ptr_equal(berthi_cm_wit_type(&r->wit, index),
                         bertht_cm_type(&r->t, types[k][1]));
    }
}

static void resources_are_asked_for_once_also_behind_names(void **state)
{
    rig *r = *state;
    const berthi_wit_interface *host = berthi_wit_find_interface(r->model, "host");
    const berthi_wit_interface *types = berthi_wit_find_interface(r->model, "types");
    const berthi_cm_type *b = berthi_cm_wit_func(&r->wit, berthi_wit_find_func(host, "b"));
    const berthi_cm_type *send =
        berthi_cm_wit_func(&r->wit, berthi_wit_find_func(types, "[method]conn.send"));
    const berthi_cm_type *open =
        berthi_cm_wit_func(&r->wit, berthi_wit_find_func(types, "[static]conn.open"));
    const berthi_cm_type *make =
        berthi_cm_wit_func(&r->wit, berthi_wit_find_func(types, "[constructor]conn"));

    assert_non_null(b);
    assert_int_equal(b->items[0].type->kind, BERTHI_CM_BORROW);
    assert_ptr_equal(b->items[0].type->items[0].type, r->conn);
    assert_int_equal(b->items[1].type->kind, BERTHI_CM_OWN);
    assert_non_null(send);
    assert_memory_equal(send->items[0].name.text, "self", 4);
    assert_ptr_equal(send->items[0].type, b->items[0].type);
    assert_ptr_equal(open->items[0].type, b->items[1].type);
    assert_ptr_equal(make->items[1].type, b->items[1].type);
    assert_int_equal(r->asked, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(functions_are_the_same_pointer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(named_types_are_what_they_are_made_of, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(resources_are_asked_for_once_also_behind_names, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
