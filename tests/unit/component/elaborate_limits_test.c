/* elaborate_limits_test.c - bounds of elaboration, at each and one past it; full memory; what is
 * asynchronous. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/diag.h"
#include "component_bytes.h"
#include "memory.h"
#include "steps_check.h"

static berth_status load(const bertht_buf *b, berthi_arena *arena, size_t room,
                         bool keeps_shims, const berthi_cm_steps **steps, berth_diag *diag)
{
    const berthi_cm_component *component;
    berth_status status = berthi_component_read(b->data, b->size, arena, &component, diag);

    if (status == BERTH_OK)
        status = berthi_component_validate(component, arena, diag);
    if (room != SIZE_MAX)
        arena->bytes_max = arena->bytes + room;
    return status == BERTH_OK
               ? berthi_component_elaborate(component, arena, keeps_shims, steps, diag)
               : status;
}

static void expect(bertht_buf *b, berth_status wanted, const char *text)
{
    const berthi_cm_steps *steps = NULL;
    berth_diag diag = { .text = "" };
    berthi_arena arena;
    berth_status status;
    const char *wrong;

    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    status = load(b, &arena, SIZE_MAX, false, &steps, &diag);
    wrong = status == BERTH_OK ? steps_check(steps) : NULL;
    if (wrong != NULL)
        fail_msg("%s", wrong);
    if (status != wanted || (status != BERTH_OK && strstr(diag.text, text) == NULL))
        fail_msg("%s, not %s: %s", berth_status_name(status), text, diag.text);
    if (status == BERTH_E_LIMIT)
        assert_int_equal(diag.reason, BERTH_REASON_ARTIFACT);
    berthi_arena_fini(&arena);
    buf_free(b);
}

/* `count` times the same entry in one section. */
static void put_times(bertht_buf *b, uint8_t id, uint32_t count, const char *entry, size_t size)
{
    bertht_buf body = { 0 };

    buf_u32(&body, count);
    for (uint32_t i = 0; i < count; i++)
        buf_bytes(&body, entry, size);
    component_section_of(b, id, &body);
}

#define TIMES(b, id, count, entry) put_times((b), (id), (count), (entry), sizeof(entry) - 1)

/* ---------------------------------------------------------------- bounds */

static void component_instances_are_bounded(void **state)
{
    (void)state;
    for (uint32_t past = 0; past < 2; past++) {
        bertht_buf b = { 0 };

        component_start(&b);
        COMPONENT(&b, 4, "\0asm\x0d\0\x01\0");
        TIMES(&b, 5, BERTHI_CM_INSTANCES_MAX - 1 + past, "\x00\x00\x00");
        expect(&b, past == 0 ? BERTH_OK : BERTH_E_LIMIT, "more than 1000 component instances");
    }
}

static void component_instances_nest_to_a_bound(void **state)
{
    (void)state;
    for (uint32_t past = 0; past < 2; past++) {
        bertht_buf b = { 0 };

        component_start(&b);
        COMPONENT(&b, 4, "\0asm\x0d\0\x01\0");
        for (uint32_t i = 1; i < BERTHI_CM_INSTANCE_DEPTH_MAX - 1 + past; i++) {
            bertht_buf inner = { 0 }, body = { 0 };

            component_start(&inner);
            buf_bytes(&body, "\x01\x04\x02\x01", 4); /* the component before this one */
            buf_u32(&body, i - 1);
            component_section_of(&inner, 6, &body);
            COMPONENT(&inner, 5, "\x01\x00\x00\x00");
            component_nested(&b, &inner);
        }
        if (past == 0)
            COMPONENT(&b, 5, "\x01\x00\x62\x00");
        else
            COMPONENT(&b, 5, "\x01\x00\x63\x00");
        expect(&b, past == 0 ? BERTH_OK : BERTH_E_LIMIT,
               "component instances nest more than 100 deep");
    }
}

/* Two instances of a component with 500 core instances, and one more. */
static void core_instances_are_bounded(void **state)
{
    (void)state;
    for (uint32_t past = 0; past < 2; past++) {
        bertht_buf b = { 0 }, inner = { 0 };

        component_start(&inner);
        COMPONENT(&inner, 1, "\0asm\x01\0\0\0");
        TIMES(&inner, 2, BERTHI_CM_CORE_INSTANCES_MAX / 2, "\x00\x00\x00");
        component_start(&b);
        component_nested(&b, &inner);
        TIMES(&b, 5, 2, "\x00\x00\x00");
        COMPONENT(&b, 1, "\0asm\x01\0\0\0");
        TIMES(&b, 2, past, "\x00\x00\x00");
        expect(&b, past == 0 ? BERTH_OK : BERTH_E_LIMIT, "more than 1000 core instances");
    }
}

static void trampolines_are_bounded(void **state)
{
    (void)state;
    for (uint32_t past = 0; past < 2; past++) {
        bertht_buf b = { 0 }, inner = { 0 };

        component_start(&inner);
        TIMES(&inner, 8, BERTHI_CM_TRAMPOLINES_MAX / 20, "\x0a\x7f\x00");
        component_start(&b);
        component_nested(&b, &inner);
        TIMES(&b, 5, 20, "\x00\x00\x00");
        TIMES(&b, 8, past, "\x0a\x7f\x00");
        expect(&b, past == 0 ? BERTH_OK : BERTH_E_LIMIT,
               "more than 20000 functions that core modules import");
    }
}

/* 1000 steps: an instance, and 999 of its functions lifted.  Behind so many core functions and types. */
static void put_thousand_steps(bertht_buf *b, uint32_t funcs, uint8_t types)
{
    bertht_buf aliases = { 0 }, lifts = { 0 };
    bertht_wasm m = { 0 };

    buf_u32(&aliases, 999);
    buf_u32(&lifts, 999);
    wasm_func(&m, ":", "", 0);
    for (uint32_t i = 0; i < 999; i++) {
        char name[16];

        snprintf(name, sizeof name, "f%u", (unsigned)i);
        wasm_export(&m, name, BERTHI_EXTERN_FUNC, 0);
        buf_bytes(&aliases, "\x00\x00\x01\x00", 4);
        buf_name(&aliases, name);
        buf_bytes(&lifts, "\x00\x00", 2);
        buf_u32(&lifts, funcs + i);
        buf_byte(&lifts, 0);
        buf_byte(&lifts, types);
    }
    component_module(b, &m);
    COMPONENT(b, 2, "\x01\x00\x00\x00");
    component_section_of(b, 6, &aliases);
    COMPONENT(b, 7, "\x01\x40\x00\x01\x00");
    component_section_of(b, 8, &lifts);
}

static void steps_are_bounded(void **state)
{
    (void)state;
    for (uint32_t past = 0; past < 2; past++) {
        bertht_buf b = { 0 }, inner = { 0 };

        component_start(&inner);
        put_thousand_steps(&inner, 0, 0);
        component_start(&b);
        component_nested(&b, &inner);
        TIMES(&b, 5, BERTHI_CM_STEPS_MAX / 1000, "\x00\x00\x00");
        COMPONENT(&b, 1, "\0asm\x01\0\0\0");
        TIMES(&b, 2, past, "\x00\x00\x00");
        expect(&b, past == 0 ? BERTH_OK : BERTH_E_LIMIT, "more than 100000 steps");
    }
}

static void needs_are_bounded(void **state)
{
    (void)state;
    for (uint32_t past = 0; past < 2; past++) {
        bertht_buf b = { 0 }, imports = { 0 };

        component_start(&b);
        COMPONENT(&b, 7, "\x01\x40\x00\x01\x00");
        buf_u32(&imports, BERTHI_CM_NEEDS_MAX + past);
        for (uint32_t i = 0; i < BERTHI_CM_NEEDS_MAX + past; i++) {
            char name[16];

            snprintf(name, sizeof name, "f%u", (unsigned)i);
            buf_byte(&imports, 0);
            buf_name(&imports, name);
            buf_bytes(&imports, "\x01\x00", 2);
        }
        component_section_of(&b, 10, &imports);
        expect(&b, past == 0 ? BERTH_OK : BERTH_E_LIMIT, "more than 20000 imports of the host");
    }
}

/* 99 instances of 10000 definitions, themselves, their component, and 9900 more. */
static void definitions_of_all_instances_are_bounded(void **state)
{
    (void)state;
    for (uint32_t past = 0; past < 2; past++) {
        bertht_buf b = { 0 }, inner = { 0 };

        component_start(&inner);
        TIMES(&inner, 7, 10000, "\x7f");
        component_start(&b);
        component_nested(&b, &inner);
        TIMES(&b, 5, 99, "\x00\x00\x00");
        TIMES(&b, 7, 9900 + past, "\x7f");
        expect(&b, past == 0 ? BERTH_OK : BERTH_E_LIMIT, "more than 1000000 definitions");
    }
}

/* Each of 30 components has two instances of the one before it. */
static void what_doubles_thirty_times_is_refused_at_once(void **state)
{
    bertht_buf b = { 0 };

    (void)state;
    component_start(&b);
    COMPONENT(&b, 4, "\0asm\x0d\0\x01\0");
    for (uint32_t i = 1; i < 30; i++) {
        bertht_buf inner = { 0 }, body = { 0 };

        component_start(&inner);
        buf_bytes(&body, "\x01\x04\x02\x01", 4);
        buf_u32(&body, i - 1);
        component_section_of(&inner, 6, &body);
        COMPONENT(&inner, 5, "\x02\x00\x00\x00\x00\x00\x00");
        component_nested(&b, &inner);
    }
    COMPONENT(&b, 5, "\x01\x00\x1d\x00");
    expect(&b, BERTH_E_LIMIT, "more than 1000 component instances");
}

/* An exported instance that has the one before it twice: one array of exports for each. */
static void exports_that_share_parts_are_made_once(void **state)
{
    const berthi_cm_steps *steps;
    berth_diag diag = { .text = "" };
    bertht_buf b = { 0 };
    berthi_arena arena;

    (void)state;
    component_start(&b);
    COMPONENT(&b, 5, "\x01\x01\x00");
    for (uint8_t i = 0; i < 15; i++) {
        char body[] = "\x01\x01\x02\x00\x01"
                      "a\x05\x00\x00\x01"
                      "b\x05\x00";

        body[7] = body[sizeof body - 2] = (char)i;
        component_section(&b, 5, body, sizeof body - 1);
    }
    COMPONENT(&b, 11, "\x01\x00\x01x\x05\x0f\x00");
    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    if (load(&b, &arena, SIZE_MAX, true, &steps, &diag) != BERTH_OK)
        fail_msg("%s", diag.text);
    assert_ptr_equal(steps->exports[0].exports[0].exports,
                     steps->exports[0].exports[1].exports);
    assert_true(arena.bytes < 100000);
    berthi_arena_fini(&arena);
    buf_free(&b);
}

/* ---------------------------------------------------------------- memory */

/* Imports, resources, a nested component twice, lifts, lowers, a shim-like table: every kind of row. */
static void put_everything(bertht_buf *b)
{
    bertht_buf inner = { 0 };

    component_start(&inner);
    COMPONENT(&inner, 7,
              "\x01\x42\x02\x01\x40\x00\x01\x00\x04\x00\x01"
              "f\x01\x00");
    COMPONENT(&inner, 10, "\x01\x00\x01i\x05\x00");
    COMPONENT(&inner, 6,
              "\x01\x01\x00\x00\x01"
              "f");
    COMPONENT(&inner, 8, "\x01\x01\x00\x00\x00");
    put_thousand_steps(&inner, 1, 1);
    COMPONENT(&inner, 7, "\x01\x3f\x7f\x00");
    COMPONENT(&inner, 8, "\x02\x02\x02\x03\x02");
    COMPONENT(&inner, 11,
              "\x03\x00\x01r\x03\x02\x00\x00\x01"
              "f\x01\x00\x00\x00\x01o\x05\x00\x00");
    component_start(b);
    COMPONENT(b, 7,
              "\x01\x42\x04\x04\x00\x01r\x03\x01\x01\x69\x00\x01\x40\x00\x00\x01\x04\x00\x01g"
              "\x01\x02");
    COMPONENT(b, 10, "\x01\x00\x01h\x05\x00");
    COMPONENT(b, 7, "\x01\x40\x00\x01\x00");
    COMPONENT(b, 10,
              "\x01\x00\x01"
              "f\x01\x01");
    COMPONENT(b, 5,
              "\x01\x01\x01\x00\x01"
              "f\x01\x00");
    component_nested(b, &inner);
    COMPONENT(b, 5, "\x02\x00\x00\x01\x01i\x05\x01\x00\x00\x01\x01i\x05\x01");
    COMPONENT(b, 11, "\x02\x00\x01p\x05\x02\x00\x00\x01q\x05\x03\x00");
}

/* At each size of the arena up to the one that is enough, in steps of what it hands out. */
static void elaboration_ends_cleanly_wherever_memory_ends(void **state)
{
    bertht_buf b = { 0 };
    berth_status status = BERTH_E_NOMEM;
    size_t failures = 0;

    (void)state;
    put_everything(&b);
    for (size_t room = 0; status != BERTH_OK; room += room < 8192 ? 64 : room / 32) {
        const berthi_cm_steps *steps = NULL;
        berth_diag diag = { .text = "" };
        berthi_arena arena;

        berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
        status = load(&b, &arena, room, false, &steps, &diag);
        if (status != BERTH_OK) {
            if (status != BERTH_E_NOMEM)
                fail_msg("%s", diag.text);
            assert_int_equal(diag.status, BERTH_E_NOMEM);
            assert_null(steps);
        } else {
            assert_null(steps_check(steps));
        }
        failures += status != BERTH_OK;
        berthi_arena_fini(&arena);
    }
    assert_true(failures > 100);
    buf_free(&b);
}

static void every_allocation_may_fail(void **state)
{
    bertht_buf b = { 0 };
    berth_status status = BERTH_E_NOMEM;
    size_t failures = 0;

    (void)state;
    put_everything(&b);
    for (size_t nth = 0; status != BERTH_OK; nth++) {
        const berthi_cm_steps *steps;
        berth_diag diag = { .text = "" };
        bertht_memory memory;
        berth_allocator allocator;
        berthi_arena arena;

        memory_init(&memory);
        allocator = memory_allocator(&memory);
        memory_fail(&memory, nth, false);
        berthi_arena_init(&arena, &allocator, SIZE_MAX);
        status = load(&b, &arena, SIZE_MAX, false, &steps, &diag);
        assert_true(status == BERTH_OK || status == BERTH_E_NOMEM);
        failures += status != BERTH_OK;
        berthi_arena_fini(&arena);
        memory_assert_empty(&memory);
    }
    assert_true(failures > 20);
    buf_free(&b);
}

/* ---------------------------------------------------------------- asynchronous */

static void put_lift(bertht_buf *b, const char *type, size_t type_size, const char *canon,
                     size_t canon_size)
{
    bertht_wasm m = { 0 };

    component_start(b);
    wasm_func(&m, ":", "", 0);
    wasm_export(&m, "f", BERTHI_EXTERN_FUNC, 0);
    component_module(b, &m);
    COMPONENT(b, 2, "\x01\x00\x00\x00");
    COMPONENT(b, 6,
              "\x01\x00\x00\x01\x00\x01"
              "f");
    component_section(b, 7, type, type_size);
    component_section(b, 8, canon, canon_size);
}

#define LIFT(b, type, canon) put_lift((b), type, sizeof(type) - 1, canon, sizeof(canon) - 1)

static void what_is_asynchronous_is_refused_by_name(void **state)
{
    bertht_buf b = { 0 };

    (void)state;
    LIFT(&b, "\x01\x43\x00\x01\x00", "\x01\x00\x00\x00\x00\x00");
    expect(&b, BERTH_E_REJECTED, "canon section, entry 0: async functions are not supported");
    LIFT(&b, "\x01\x40\x00\x01\x00", "\x01\x00\x00\x00\x01\x06\x00");
    expect(&b, BERTH_E_REJECTED, "`async` and `callback` are not supported");
    LIFT(&b, "\x01\x40\x00\x01\x00", "\x01\x00\x00\x00\x02\x06\x07\x00\x00");
    expect(&b, BERTH_E_REJECTED, "`async` and `callback` are not supported");
    LIFT(&b, "\x01\x40\x00\x01\x00", "\x01\x00\x00\x00\x01\x09\x00");
    expect(&b, BERTH_E_REJECTED, "not supported");
    LIFT(&b, "\x01\x40\x00\x01\x00",
         "\x02\x00\x00\x00\x00\x00\x01\x00\x00\x01\x06"); /* lifted, then lowered async */
    expect(&b, BERTH_E_REJECTED,
           "canon section, entry 1: canonical options `async` and `callback` are not "
           "supported");
}

static void a_host_neither_gives_nor_takes_components(void **state)
{
    bertht_buf b = { 0 };

    (void)state;
    component_start(&b);
    COMPONENT(&b, 7, "\x01\x41\x00");
    COMPONENT(&b, 10, "\x01\x00\x01z\x04\x00");
    expect(&b, BERTH_E_REJECTED, "root-level component imports are not offered");
    component_start(&b);
    COMPONENT(&b, 4, "\0asm\x0d\0\x01\0");
    COMPONENT(&b, 11, "\x01\x00\x01z\x04\x00\x00");
    expect(&b, BERTH_E_REJECTED,
           "exporting a component from the root component is not offered");
    component_start(&b);
    COMPONENT(&b, 7, "\x01\x40\x00\x01\x00");
    COMPONENT(&b, 10, "\x01\x00\x01y\x01\x00");
    COMPONENT(&b, 11, "\x01\x00\x01z\x01\x00\x00");
    expect(&b, BERTH_E_REJECTED, "a reexport of an imported function, which is not offered");
}

/* task.cancel, context.get and .set, backpressure.inc and .dec, stream.new and .read, waitable-set.new
 * and .wait, task.return, thread.index. */
static void asynchronous_functions_are_there_to_be_imported(void **state)
{
    static const struct {
        uint8_t kind, code, params, results;
    } wanted[] = {
        { BERTHI_CM_TO_UNSUPPORTED, 0x05, 0, 0 },
        { BERTHI_CM_TO_CONTEXT_GET, 0x0a, 0, 1 },
        { BERTHI_CM_TO_CONTEXT_SET, 0x0b, 1, 0 },
        { BERTHI_CM_TO_BACKPRESSURE_INC, 0x24, 0, 0 },
        { BERTHI_CM_TO_BACKPRESSURE_DEC, 0x25, 0, 0 },
        { BERTHI_CM_TO_UNSUPPORTED, 0x0e, 0, 1 },
        { BERTHI_CM_TO_UNSUPPORTED, 0x0f, 3, 1 },
        { BERTHI_CM_TO_UNSUPPORTED, 0x1f, 0, 1 },
        { BERTHI_CM_TO_UNSUPPORTED, 0x20, 2, 1 },
        { BERTHI_CM_TO_UNSUPPORTED, 0x09, 2, 0 },
        { BERTHI_CM_TO_UNSUPPORTED, 0x26, 0, 1 },
    };
    const berthi_cm_steps *steps;
    berth_diag diag = { .text = "" };
    bertht_buf b = { 0 };
    bertht_wasm m = { 0 };
    berthi_arena arena;

    (void)state;
    component_start(&b);
    wasm_memory(&m, 0, 1, 0);
    wasm_export(&m, "m", BERTHI_EXTERN_MEMORY, 0);
    component_module(&b, &m);
    COMPONENT(&b, 2, "\x01\x00\x00\x00");
    COMPONENT(&b, 6, "\x01\x00\x02\x01\x00\x01m");
    COMPONENT(&b, 7, "\x01\x66\x01\x7d");
    COMPONENT(&b, 8,
              "\x0b\x05\x0a\x7f\x00\x0b\x7e\x01\x24\x25\x0e\x00\x0f\x00\x01\x03\x00\x1f"
              "\x20\x00\x00\x09\x00\x73\x01\x03\x00\x26");
    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    if (load(&b, &arena, SIZE_MAX, true, &steps, &diag) != BERTH_OK)
        fail_msg("%s", diag.text);
    assert_null(steps_check(steps));
    assert_int_equal(steps->trampolines_count, sizeof wanted / sizeof *wanted);
    for (uint32_t i = 0; i < steps->trampolines_count; i++) {
        const berthi_cm_trampoline *t = &steps->trampolines[i];

        assert_int_equal(t->kind, wanted[i].kind);
        assert_int_equal(t->code, wanted[i].code);
        assert_int_equal(t->core->func.params_count, wanted[i].params);
        assert_int_equal(t->core->func.results_count, wanted[i].results);
    }
    assert_int_equal(steps->trampolines[1].target, 0);
    assert_int_equal(steps->trampolines[2].target, 1);
    assert_int_equal(steps->trampolines[2].core->func.types[0], BERTHI_I64);
    assert_int_equal(steps->memory_slots, 0); /* nothing here will use one */
    berthi_arena_fini(&arena);
    buf_free(&b);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(component_instances_are_bounded),
        cmocka_unit_test(component_instances_nest_to_a_bound),
        cmocka_unit_test(core_instances_are_bounded),
        cmocka_unit_test(trampolines_are_bounded),
        cmocka_unit_test(steps_are_bounded),
        cmocka_unit_test(needs_are_bounded),
        cmocka_unit_test(definitions_of_all_instances_are_bounded),
        cmocka_unit_test(what_doubles_thirty_times_is_refused_at_once),
        cmocka_unit_test(exports_that_share_parts_are_made_once),
        cmocka_unit_test(elaboration_ends_cleanly_wherever_memory_ends),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(what_is_asynchronous_is_refused_by_name),
        cmocka_unit_test(a_host_neither_gives_nor_takes_components),
        cmocka_unit_test(asynchronous_functions_are_there_to_be_imported),
    };

    return cmocka_run_group_tests_name("elaborate limits", tests, NULL, NULL);
}
