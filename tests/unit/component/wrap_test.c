/* wrap_test.c - a core module and its world become a component. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/diag.h"
#include "component/elaborate/steps.h"
#include "component/wrap/wrap.h"
#include "guests.h"
#include "memory.h"

static const char world_text[] =
    "package demo:plug@1.0.0;\n"
    "interface types {\n"
    "  record point { x: u32, y: f64 }\n"
    "  resource conn {\n"
    "    constructor(name: string);\n"
    "    send: func(data: list<u8>) -> result<u32, string>;\n"
    "    open: static func(n: u32) -> conn;\n"
    "  }\n"
    "  enum color { red, green }\n"
    "  type blob = list<u8>;\n"
    "}\n"
    "interface host {\n"
    "  use types.{point, conn};\n"
    "  log: func(level: u8, msg: string);\n"
    "  where: func(c: borrow<conn>, p: point) -> option<point>;\n"
    "  add: func(a: u32, b: u32) -> u32;\n"
    "}\n"
    "interface counters {\n"
    "  use types.{point, color};\n"
    "  record line { a: point, b: point, c: color }\n"
    "  variant shape { dot(point), seg(line), none }\n"
    "  flags perms { r, w }\n"
    "  resource counter {\n"
    "    constructor(start: u32);\n"
    "    inc: func(by: u32) -> u32;\n"
    "    merge: static func(a: counter, b: borrow<counter>) -> counter;\n"
    "  }\n"
    "  draw: func(s: shape, p: perms) -> tuple<u32, string>;\n"
    "}\n"
    "interface more {\n"
    "  use counters.{line, counter};\n"
    "  type lines = list<line>;\n"
    "  count: func(l: lines, c: borrow<counter>) -> u64;\n"
    "}\n"
    "world plug {\n"
    "  import host;\n"
    "  import tick: func(n: u32) -> string;\n"
    "  export counters;\n"
    "  export more;\n"
    "  export run: func(s: string) -> string;\n"
    "  export process: func(i: list<u8>) -> result<list<u8>, string>;\n"
    "}\n"
    "world lacks-import { export run: func(s: string) -> string; }\n"
    "world lacks-export { include plug; export jump: func(height: u32); }\n"
    "world both { import counters; export counters; }\n";

typedef struct rig {
    bertht_memory memory;
    berth_allocator allocator;
    uint8_t *core;
    size_t core_size;
    berthi_arena arena;
    const berthi_wit *wit;
    berthi_text_buf out;
    berth_diag diag;
} rig;

static int set_up(void **state)
{
    rig *r = calloc(1, sizeof *r);

    if (r == NULL)
        return -1;
    r->core = guest_read("wrap_plug", &r->core_size);
    memory_init(&r->memory);
    r->allocator = memory_allocator(&r->memory);
    berthi_arena_init(&r->arena, &berthi_allocator_libc, SIZE_MAX);
    berthi_text_buf_init(&r->out, &r->allocator);
    if (berthi_wit_read_text("plug.wit", world_text, sizeof world_text - 1, NULL, &r->arena,
                             &r->wit, &r->diag) != BERTH_OK)
        fail_msg("%s", r->diag.text);
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    rig *r = *state;

    berthi_text_buf_fini(&r->out);
    berthi_arena_fini(&r->arena);
    memory_assert_empty(&r->memory);
    free(r->core);
    free(r);
    return 0;
}

static berth_status wrap(rig *r, const char *world)
{
    const berthi_wit_world *w = berthi_wit_find_world(r->wit, world);

    assert_non_null(w);
    return berthi_component_wrap(r->core, r->core_size, r->wit, w, &r->allocator, &r->out,
                                 &r->diag);
}

static const berthi_cm_steps *load(rig *r, bool keeps_shims)
{
    const berthi_cm_component *component;
    const berthi_cm_steps *steps = NULL;

    if (berthi_component_read((const uint8_t *)r->out.data, r->out.size, &r->arena, &component,
                              &r->diag) != BERTH_OK ||
        berthi_component_validate(component, &r->arena, &r->diag) != BERTH_OK ||
        berthi_component_elaborate(component, &r->arena, keeps_shims, &steps, &r->diag) !=
            BERTH_OK)
        fail_msg("%s", r->diag.text);
    return steps;
}

static bool has_export(const berthi_cm_steps *steps, const char *name)
{
    for (uint32_t i = 0; i < steps->exports_count; i++)
        if (steps->exports[i].name.size == strlen(name) &&
            memcmp(steps->exports[i].name.text, name, strlen(name)) == 0)
            return true;
    return false;
}

static void a_module_and_its_world_become_a_component_that_is_valid(void **state)
{
    rig *r = *state;
    const berthi_cm_steps *steps;

    assert_int_equal(wrap(r, "plug"), BERTH_OK);
    steps = load(r, true);
    assert_int_equal(steps->core_instances_count, 3);
    assert_int_equal(steps->lifted_count, 7);
    assert_int_equal(steps->needs_count, 9); /* 7 functions, a resource and its use */
    assert_int_equal(steps->resources_count, 2);
    assert_true(has_export(steps, "demo:plug/counters@1.0.0"));
    assert_true(has_export(steps, "demo:plug/more@1.0.0"));
    assert_true(has_export(steps, "run"));
    assert_true(has_export(steps, "process"));
}

static void the_shim_that_wrapping_adds_is_taken_out_by_loading(void **state)
{
    rig *r = *state;
    const berthi_cm_steps *steps;

    assert_int_equal(wrap(r, "plug"), BERTH_OK);
    steps = load(r, false);
    assert_int_equal(steps->core_instances_count, 1);
    assert_int_equal(steps->shims_removed, 1);
    assert_int_equal(steps->fixups_removed, 1);
}

static void an_import_that_the_world_does_not_have_is_named(void **state)
{
    rig *r = *state;

    assert_int_equal(wrap(r, "lacks-import"), BERTH_E_REJECTED);
    assert_non_null(strstr(r->diag.text, "`log` from `demo:plug/host@1.0.0`"));
    assert_non_null(strstr(r->diag.text, "`lacks-import`"));
    assert_int_equal(r->out.size, 0);
}

static void an_export_that_the_module_does_not_have_is_named(void **state)
{
    rig *r = *state;

    assert_int_equal(wrap(r, "lacks-export"), BERTH_E_REJECTED);
    assert_non_null(strstr(r->diag.text, "no function `jump`"));
}

static void an_interface_that_is_imported_and_exported_is_refused(void **state)
{
    rig *r = *state;

    assert_int_equal(wrap(r, "both"), BERTH_E_REJECTED);
    assert_non_null(strstr(r->diag.text, "both imports and exports"));
}

static void what_is_no_module_is_refused(void **state)
{
    rig *r = *state;

    r->core_size = 5;
    assert_int_equal(wrap(r, "plug"), BERTH_E_REJECTED);
}

static void every_allocation_may_fail(void **state)
{
    rig *r = *state;
    size_t failed = 0;

    for (size_t n = 0;; n++) {
        berth_status status;

        memory_fail(&r->memory, n, true);
        status = wrap(r, "plug");
        memory_fail(&r->memory, MEMORY_NEVER, false);
        berthi_text_buf_fini(&r->out);
        berthi_text_buf_init(&r->out, &r->allocator);
        memory_assert_empty(&r->memory);
        if (status == BERTH_OK)
            break;
        assert_int_equal(status, BERTH_E_NOMEM);
        failed++;
    }
    assert_true(failed > 20);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(a_module_and_its_world_become_a_component_that_is_valid),
        WITH_RIG(the_shim_that_wrapping_adds_is_taken_out_by_loading),
        WITH_RIG(an_import_that_the_world_does_not_have_is_named),
        WITH_RIG(an_export_that_the_module_does_not_have_is_named),
        WITH_RIG(an_interface_that_is_imported_and_exported_is_refused),
        WITH_RIG(what_is_no_module_is_refused),
        WITH_RIG(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
