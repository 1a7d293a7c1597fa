/* print_wit_test.c - worlds of components as text, word for word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/diag.h"
#include "component/wit/print_wit.h"
#include "component_bytes.h"
#include "memory.h"

static berth_status print(bertht_buf *b, const berth_allocator *allocator, berthi_text_buf *out,
                          berth_diag *diag)
{
    const berthi_cm_component *component;
    berthi_arena arena;
    berth_status status;

    berthi_arena_init(&arena, allocator, SIZE_MAX);
    berthi_text_buf_init(out, allocator);
    status = berthi_component_read(b->data, b->size, &arena, &component, diag);
    if (status == BERTH_OK)
        status = berthi_component_print_wit(component, &arena, out, diag);
    berthi_arena_fini(&arena);
    return status;
}

static void expect(bertht_buf *b, const char *text)
{
    berth_diag diag = { .text = "" };
    berthi_text_buf out;

    if (print(b, &berthi_allocator_libc, &out, &diag) != BERTH_OK)
        fail_msg("%s", diag.text);
    assert_string_equal(out.data, text);
    berthi_text_buf_fini(&out);
    buf_free(b);
}

/* An instance type: a resource with functions, a record, a variant, an alias, a function. */
static void put_interface(bertht_buf *b)
{
    COMPONENT(b, 7,
              "\x01\x42\x11"
              "\x04\x00\x04"
              "conn\x03\x01"
              "\x01\x69\x00"
              "\x01\x40\x00\x00\x01"
              "\x04\x00\x11[constructor]conn\x01\x02"
              "\x01\x68\x00"
              "\x01\x40\x02\x04self\x03\x01x\x7d\x01\x00"
              "\x04\x00\x11[method]conn.send\x01\x04"
              "\x04\x00\x11[static]conn.type\x01\x02"
              "\x01\x72\x02\x01"
              "a\x79\x04type\x73"
              "\x04\x00\x03rec\x03\x00\x05"
              "\x01\x71\x02\x04none\x00\x00\x04some\x01\x06\x00"
              "\x04\x00\x03var\x03\x00\x07"
              "\x01\x70\x7d"
              "\x04\x00\x05"
              "bytes\x03\x00\x09"
              "\x01\x6a\x00\x01\x08"
              "\x01\x40\x02\x01p\x06\x01"
              "b\x0a\x00\x0b"
              "\x04\x00\x02go\x01\x0c");
    COMPONENT(b, 10,
              "\x01\x00\x0b"
              "a:b/c@1.0.0\x05\x00");
}

#define INTERFACE_TEXT                                                                         \
    "  interface c {\n"                                                                        \
    "    resource conn {\n"                                                                    \
    "      constructor();\n"                                                                   \
    "      send: func(x: u8);\n"                                                               \
    "      %type: static func() -> conn;\n"                                                    \
    "    }\n"                                                                                  \
    "    record rec {\n"                                                                       \
    "      a: u32,\n"                                                                          \
    "      %type: string,\n"                                                                   \
    "    }\n"                                                                                  \
    "    variant var {\n"                                                                      \
    "      none,\n"                                                                            \
    "      some(rec),\n"                                                                       \
    "    }\n"                                                                                  \
    "    type bytes = list<u8>;\n"                                                             \
    "    go: func(p: rec, b: bytes) -> result<_, var>;\n"                                      \
    "  }\n"

static void types_are_written_where_they_are_and_called_by_their_names(void **state)
{
    bertht_buf b = { 0 };

    (void)state;
    component_start(&b);
    put_interface(&b);
    expect(&b, "package root:component;\n\nworld root {\n"
               "  import a:b/c@1.0.0;\n}\n\n"
               "package a:b@1.0.0 {\n" INTERFACE_TEXT "}\n");
}

/* Interface d of the same package and e of another export what c does. */
static void what_another_interface_has_is_used(void **state)
{
    bertht_buf b = { 0 };

    (void)state;
    component_start(&b);
    put_interface(&b);
    COMPONENT(&b, 6,
              "\x02\x03\x00\x00\x03rec\x03\x00\x00\x04"
              "conn");
    COMPONENT(&b, 7,
              "\x01\x42\x06"
              "\x02\x03\x02\x01\x01\x04\x00\x03rec\x03\x00\x00"
              "\x02\x03\x02\x01\x02\x04\x00\x04link\x03\x00\x02"
              "\x01\x40\x01\x01p\x01\x01\x00\x04\x00\x02go\x01\x04");
    COMPONENT(&b, 10,
              "\x02\x00\x0b"
              "a:b/d@1.0.0\x05\x03\x00\x05x:y/e\x05\x03");
    expect(&b, "package root:component;\n\nworld root {\n"
               "  import a:b/c@1.0.0;\n  import a:b/d@1.0.0;\n  import x:y/e;\n}\n\n"
               "package a:b@1.0.0 {\n" INTERFACE_TEXT "  interface d {\n"
               "    use c.{rec};\n"
               "    use c.{conn as link};\n"
               "    go: func(p: rec);\n"
               "  }\n}\n\n"
               "package x:y {\n"
               "  interface e {\n"
               "    use a:b/c@1.0.0.{rec};\n"
               "    use a:b/c@1.0.0.{conn as link};\n"
               "    go: func(p: rec);\n"
               "  }\n}\n");
}

static void the_world_has_functions_interfaces_of_its_own_and_comments(void **state)
{
    bertht_buf b = { 0 };

    (void)state;
    component_start(&b);
    COMPONENT(&b, 7,
              "\x04\x6f\x02\x79\x73"                              /* tuple<u32, string> */
              "\x40\x01\x04list\x00\x01\x00"                      /* func(list: tuple) */
              "\x42\x02\x01\x40\x00\x00\x74\x04\x00\x01x\x01\x00" /* { x: func() -> char } */
              "\x40\x00\x01\x00");
    COMPONENT(&b, 3, "\x01\x50\x00");
    COMPONENT(&b, 10, "\x03\x00\x03use\x01\x01\x00\x05inner\x05\x02\x00\x03mod\x00\x11\x00");
    expect(&b, "package root:component;\n\nworld root {\n"
               "  import %use: func(%list: tuple<u32, string>);\n"
               "  import inner: interface {\n"
               "    x: func() -> char;\n"
               "  }\n"
               "  // mod: a core module, which WIT has no words for\n"
               "}\n");
}

static void every_allocation_may_fail(void **state)
{
    bertht_buf b = { 0 };
    bertht_memory memory;
    berth_allocator allocator;
    berth_status status = BERTH_E_NOMEM;
    size_t failures = 0;

    (void)state;
    component_start(&b);
    put_interface(&b);
    for (size_t nth = 0; status != BERTH_OK; nth++) {
        berth_diag diag = { .text = "" };
        berthi_text_buf out;

        memory_init(&memory);
        allocator = memory_allocator(&memory);
        memory_fail(&memory, nth, false);
        status = print(&b, &allocator, &out, &diag);
        berthi_text_buf_fini(&out);
        memory_assert_empty(&memory);
        assert_true(status == BERTH_OK || status == BERTH_E_NOMEM);
        assert_true(status == BERTH_OK || diag.status == BERTH_E_NOMEM);
        failures += status != BERTH_OK;
    }
    assert_true(failures > 5);
    buf_free(&b);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_are_written_where_they_are_and_called_by_their_names),
        cmocka_unit_test(what_another_interface_has_is_used),
        cmocka_unit_test(the_world_has_functions_interfaces_of_its_own_and_comments),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests_name("print wit", tests, NULL, NULL);
}
