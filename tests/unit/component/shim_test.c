/* shim_test.c - shims and fixups go when nobody can tell, and stay as soon as one condition fails.
 *
 * One component, with something wrong in each test: a main module that imports a: (i32, i32) -> (),
 * b: () -> () and d: (i32) -> () from the host, a destructor in it, a shim in front of it and a fixup
 * behind it.  Slots: 0 a, 1 b, 2 the destructor, 3 d. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/diag.h"
#include "component_bytes.h"
#include "steps_check.h"

typedef enum variant {
    AS_NEW, /* arguments "actual" and "shim" */
    AS_OLD, /* one argument "", which holds the functions and the table */
    WITH_CUSTOM_SECTIONS,
    WITH_START,               /* the fixup calls main's function go */
    WITH_TAIL_CALL,           /* return_call_indirect */
    WITH_DIRECT_USE,          /* main imports the lowered a, too */
    WITH_CORE_FUNCTION,       /* element 1 is a function of main, as of an adapter */
    WITH_STARTER,             /* a last module that only calls main's function go */
    WITH_STARTER_OF_THE_HOST, /* ... only calls b */
    WITH_STARTER_OF_THE_SHIM, /* ... calls b through the shim */
    WITH_MODULES_EXPORTED,
    WITH_SECOND_PAIR,         /* whose fixup takes functions of the first shim */
    WITH_SECOND_FIXUP_IMPORT, /* ... imports one, and puts it nowhere */
    FIRST_THAT_STAYS,
    S1_MEMORY = FIRST_THAT_STAYS,
    S1_GLOBAL,
    S2_TABLE_IS_LARGER,
    S2_TABLE_MAY_GROW,
    S2_TABLE_STARTS_SMALLER,
    S2_TABLE_HAS_NO_MAXIMUM,
    S2_TABLE_IS_OF_EXTERNREFS,
    S3_LOCALS,
    S3_NOP,
    S3_OTHER_ARGUMENT,
    S3_ARGUMENTS_SWAPPED,
    S3_MORE_BEHIND,
    S3_OTHER_TYPE_INDEX,
    S3_OTHER_TABLE,
    S3_SLOT_TWICE,
    S3_SLOT_PAST_THE_END,
    S3_SLOT_BELOW_ZERO,
    S4_TABLE_TWICE,
    F1_OTHER_LIMITS,
    F1_MEMORY,
    F1_TABLE_TWICE,
    F2_GLOBAL,
    F2_EXPORT,
    F3_OFFSET,
    F3_TWO_SEGMENTS,
    F3_TOO_FEW,
    F4_START_OF_THE_HOST,
    F4_START_OF_THE_SHIM,

    C1_TABLE_FOR_ANOTHER,
    C1_TABLE_FOR_A_BUILTIN,
    C3_OF_THE_SHIM_ITSELF,
    C4_OTHER_TYPE,
    VARIANTS
} variant;

static const char *const stays[] = {
    "S1: a memory",
    "S1: a global",
    "S2: the table is larger",
    "S2: the table may grow",
    "S2: the table starts smaller",
    "S2: the table has no maximum",
    "S2: the table holds no functions",
    "S3: locals",
    "S3: nop",
    "S3: another argument",
    "S3: the arguments swapped",
    "S3: more behind the end",
    "S3: another type index",
    "S3: another table",
    "S3: one slot twice",
    "S3: a slot past the end",
    "S3: a slot below zero",
    "S4: the table exported twice",
    "F1: other limits",
    "F1: a memory",
    "F1: the table twice",
    "F2: a global",
    "F2: an export",
    "F3: another offset",
    "F3: two segments",
    "F3: too few elements",
    "F4: the start is the host's",
    "F4: the start is the shim's",

    "C1: another module has the table",
    "C1: a built-in takes the table",
    "C3: an element is the shim's own",
    "C4: another type",
};

static uint32_t table_min(variant v)
{
    return v == S2_TABLE_IS_LARGER ? 5 : v == S2_TABLE_STARTS_SMALLER ? 3 : 4;
}

static uint32_t table_max(variant v)
{
    return v == S2_TABLE_IS_LARGER || v == S2_TABLE_MAY_GROW ? 5 : 4;
}

/* ---------------------------------------------------------------- the shim */

/* The body of function `func`, which takes `params` arguments. */
static void put_body(variant v, bertht_buf *code, uint32_t func, uint32_t params)
{
    int64_t slot = func;

    if (v == S3_SLOT_TWICE && func == 3)
        slot = 2;
    if (v == S3_SLOT_PAST_THE_END && func == 3)
        slot = 4;
    if (v == S3_SLOT_BELOW_ZERO && func == 3)
        slot = -1;
    if (v == S3_NOP && func == 1)
        buf_byte(code, 0x01);
    for (uint32_t i = 0; i < params; i++) {
        buf_byte(code, v == S3_OTHER_ARGUMENT ? 0x41 : 0x20);
        buf_u32(code, v == S3_ARGUMENTS_SWAPPED && params == 2 ? 1 - i : i);
    }
    buf_byte(code, 0x41);
    buf_s64(code, slot);
    buf_byte(code, v == WITH_TAIL_CALL ? 0x13 : 0x11);
    /* each function has a type of its own; 2 and 3 are equal */
    buf_u32(code, v == S3_OTHER_TYPE_INDEX && func == 3 ? 2 : func);
    buf_u32(code, v == S3_OTHER_TABLE && func == 2 ? 1 : 0);
    if (v == S3_MORE_BEHIND)
        buf_byte(code, 0x0b);
}

static void put_shim_extras(variant v, bertht_wasm *m)
{
    if (v == S1_MEMORY)
        wasm_memory(m, 0, 1, 0);
    if (v == S1_GLOBAL)
        wasm_global_i32(m, false, 0);

    if (v == S4_TABLE_TWICE)
        wasm_export(m, "again", BERTHI_EXTERN_TABLE, 0);
    if (v == WITH_CUSTOM_SECTIONS)
        wasm_custom(m, "name", "\x00\x01\x00", 3);
}

static void put_shim(variant v, bertht_buf *b)
{
    static const char *const types[] = { "ii:", ":", "i:", "i:" };
    static const char *const names[] = { "0", "1", "2", "3" };
    uint8_t flags = v == S2_TABLE_HAS_NO_MAXIMUM ? 0 : 1;
    const uint32_t min = table_min(v), max = table_max(v);
    bertht_wasm m = { 0 };

    wasm_table(&m, v == S2_TABLE_IS_OF_EXTERNREFS ? BERTHI_EXTERNREF : BERTHI_FUNCREF, flags,
               min, max);
    for (uint32_t i = 0; i < 4; i++) {
        bertht_buf code = { 0 };

        put_body(v, &code, i, (uint32_t)strlen(types[i]) - 1);
        wasm_func_locals(&m, types[i], v == S3_LOCALS ? 1 : 0, code.data, code.size);
        wasm_export(&m, names[i], BERTHI_EXTERN_FUNC, i);
        buf_free(&code);
    }
    wasm_export(&m, "$imports", BERTHI_EXTERN_TABLE, 0);
    put_shim_extras(v, &m);
    component_module(b, &m);
}

/* ---------------------------------------------------------------- the fixup */

static void import_table(bertht_wasm *m, const char *module, uint8_t type, uint8_t flags,
                         uint32_t min, uint32_t max)
{
    bertht_buf *s = &m->section[2];

    buf_name(s, module);
    buf_name(s, "$imports");
    buf_byte(s, BERTHI_EXTERN_TABLE);
    buf_byte(s, type);
    buf_byte(s, flags);
    buf_u32(s, min);
    if ((flags & 1) != 0)
        buf_u32(s, max);
    m->count[2]++;
}

static void put_elements(variant v, bertht_wasm *m)
{
    static const uint32_t funcs[] = { 0, 1, 2, 3 };

    wasm_elements(m, v == F3_OFFSET ? 1 : 0, funcs, v == F3_TOO_FEW ? 3 : 4);
    if (v == F3_TWO_SEGMENTS)
        wasm_elements(m, 2, funcs + 2, 1);
}

static void put_fixup(variant v, bertht_buf *b)
{
    const char *actual = v == AS_OLD ? "" : "actual", *shim = v == AS_OLD ? "" : "shim";
    uint8_t type = v == S2_TABLE_IS_OF_EXTERNREFS ? BERTHI_EXTERNREF : BERTHI_FUNCREF;
    const uint32_t min = table_min(v), max = table_max(v);
    bertht_wasm m = { 0 };

    wasm_import_func(&m, actual, "0", v == C4_OTHER_TYPE ? ":" : "ii:");
    wasm_import_func(&m, actual, "1", v == C4_OTHER_TYPE ? "ii:" : ":");
    wasm_import_func(&m, actual, "2", "i:");
    wasm_import_func(&m, actual, "3", "i:");
    import_table(&m, shim, type, v == S2_TABLE_HAS_NO_MAXIMUM || v == F1_OTHER_LIMITS ? 0 : 1,
                 min, max);
    if (v == F1_TABLE_TWICE)
        import_table(&m, "again", type, 1, 4, 4);
    if (v == F1_MEMORY)
        wasm_import_memory(&m, "main", "m", 1);
    if (v == WITH_START)
        wasm_start(&m, wasm_import_func(&m, "main", "go", ":"));
    if (v == F4_START_OF_THE_HOST)
        wasm_start(&m, 1);

    if (v == WITH_SECOND_FIXUP_IMPORT)
        wasm_import_func(&m, "first", "0", "ii:");
    if (v == F4_START_OF_THE_SHIM)
        wasm_start(&m, wasm_import_func(&m, "shim", "1", ":"));
    if (v == F2_GLOBAL)
        wasm_global_i32(&m, false, 0);
    if (v == F2_EXPORT)
        wasm_export(&m, "x", BERTHI_EXTERN_FUNC, 0);
    put_elements(v, &m);
    if (v == WITH_CUSTOM_SECTIONS)
        wasm_custom_first(&m, "name", "\x00\x01\x00", 3);
    component_module(b, &m);
}

/* ---------------------------------------------------------------- everything */

static void put_main(variant v, bertht_buf *b)
{
    bertht_wasm m = { 0 };

    wasm_import_func(&m, "host", "a", "ii:");
    wasm_import_func(&m, "host", "b", ":");
    wasm_import_func(&m, "host", "d", "i:");
    if (v == WITH_DIRECT_USE) {
        wasm_import_func(&m, "host", "c", "ii:");
        wasm_import_func(&m, "host", "e", "ii:"); /* through the shim once more */
    }
    wasm_memory(&m, 0, 1, 0);
    wasm_func(&m, ":", "", 0);
    wasm_func(&m, "i:", "", 0);
    wasm_export(&m, "m", BERTHI_EXTERN_MEMORY, 0);
    wasm_export(&m, "go", BERTHI_EXTERN_FUNC, m.funcs - 2);
    wasm_export(&m, "dtor", BERTHI_EXTERN_FUNC, m.funcs - 1);
    component_module(b, &m);
}

/* Core modules: 0 main, 1 shim, 2 fixup, 3 one that wants the table, or a start, or has `go`. */
static void put_modules(variant v, bertht_buf *b)
{
    bertht_wasm m = { 0 };

    put_main(v, b);
    put_shim(v, b);
    put_fixup(v == WITH_SECOND_FIXUP_IMPORT ? AS_NEW : v, b);
    if (v == C1_TABLE_FOR_ANOTHER) {
        import_table(&m, "shim", BERTHI_FUNCREF, 1, 4, 4);
    } else if (v == WITH_STARTER) {
        wasm_start(&m, wasm_import_func(&m, "main", "go", ":"));
    } else if (v == WITH_STARTER_OF_THE_HOST || v == WITH_STARTER_OF_THE_SHIM) {
        wasm_start(&m, wasm_import_func(&m, "main", "b", ":"));
    } else if (v == WITH_SECOND_FIXUP_IMPORT) {
        put_fixup(v, b);
        return;
    } else {
        wasm_func(&m, ":", "", 0);
        wasm_export(&m, "go", BERTHI_EXTERN_FUNC, 0);
    }
    component_module(b, &m);
}

/* Core instances: 0 shim, 1 what main imports, 2 main, 3 what the fixup imports, 4 the fixup. */
static void put_fixup_instance(variant v, bertht_buf *b)
{
    if (v == AS_OLD) {
        COMPONENT(b, 6, "\x01\x00\x01\x01\x00\x08$imports");
        COMPONENT(b, 2,
                  "\x01\x01\x05\x01"
                  "0\x00\x04\x01"
                  "1\x00\x05\x01"
                  "2\x00\x07\x01"
                  "3\x00\x06"
                  "\x08$imports\x01\x00");
        COMPONENT(b, 2, "\x01\x00\x02\x01\x00\x12\x03");
        return;
    }
    if (v == WITH_CORE_FUNCTION) /* core function 8 */
        COMPONENT(b, 6, "\x01\x00\x00\x01\x02\x02go");
    if (v == WITH_CORE_FUNCTION)
        COMPONENT(b, 2,
                  "\x01\x01\x04\x01"
                  "0\x00\x04\x01"
                  "1\x00\x08\x01"
                  "2\x00\x07\x01"
                  "3\x00\x06");
    else if (v == C4_OTHER_TYPE)
        COMPONENT(b, 2,
                  "\x01\x01\x04\x01"
                  "0\x00\x05\x01"
                  "1\x00\x04\x01"
                  "2\x00\x07\x01"
                  "3\x00\x06");
    else if (v == C3_OF_THE_SHIM_ITSELF)
        COMPONENT(b, 2,
                  "\x01\x01\x04\x01"
                  "0\x00\x04\x01"
                  "1\x00\x01\x01"
                  "2\x00\x07\x01"
                  "3\x00\x06");
    else
        COMPONENT(b, 2,
                  "\x01\x01\x04\x01"
                  "0\x00\x04\x01"
                  "1\x00\x05\x01"
                  "2\x00\x07\x01"
                  "3\x00\x06");
    if (v == C1_TABLE_FOR_ANOTHER) /* in front of the fixup */
        COMPONENT(b, 2, "\x01\x00\x03\x01\x04shim\x12\x00");
    if (v == F1_TABLE_TWICE) {
        COMPONENT(b, 2,
                  "\x01\x00\x02\x03\x06"
                  "actual\x12\x03\x04shim\x12\x00\x05"
                  "again\x12\x00");
        return;
    }
    COMPONENT(b, 2,
              "\x01\x00\x02\x03\x06"
              "actual\x12\x03\x04shim\x12\x00\x04main\x12\x02");
}

/* Core instances: 5 shim, 6 what main imports, 7 main, 8 what the fixup imports, 9 the fixup; core
 * functions from 8 on. */
static void put_second_pair(variant v, bertht_buf *b)
{
    COMPONENT(b, 2, "\x01\x00\x01\x00");
    COMPONENT(b, 6,
              "\x03\x00\x00\x01\x05\x01"
              "0\x00\x00\x01\x05\x01"
              "1\x00\x00\x01\x05\x01"
              "3");
    COMPONENT(b, 2,
              "\x01\x01\x03\x01"
              "a\x00\x08\x01"
              "b\x00\x09\x01"
              "d\x00\x0a");
    COMPONENT(b, 2, "\x01\x00\x00\x01\x04host\x12\x06");
    if (v == WITH_SECOND_FIXUP_IMPORT) {
        COMPONENT(b, 2,
                  "\x01\x01\x04\x01"
                  "0\x00\x04\x01"
                  "1\x00\x05\x01"
                  "2\x00\x07\x01"
                  "3\x00\x06");
        COMPONENT(b, 2,
                  "\x01\x00\x03\x03\x06"
                  "actual\x12\x08\x04shim\x12\x05\x05"
                  "first\x12\x00");
        return;
    }
    COMPONENT(b, 2,
              "\x01\x01\x04\x01"
              "0\x00\x00\x01"
              "1\x00\x01\x01"
              "2\x00\x07\x01"
              "3\x00\x03");
    COMPONENT(b, 2,
              "\x01\x00\x02\x03\x06"
              "actual\x12\x08\x04shim\x12\x05\x04main\x12\x07");
}

static void put_more(variant v, bertht_buf *b)
{

    if (v == WITH_STARTER)
        COMPONENT(b, 2, "\x01\x00\x03\x01\x04main\x12\x02");
    if (v == WITH_STARTER_OF_THE_HOST)
        COMPONENT(b, 2,
                  "\x01\x01\x01\x01"
                  "b\x00\x05");
    if (v == WITH_STARTER_OF_THE_SHIM)
        COMPONENT(b, 2,
                  "\x01\x01\x01\x01"
                  "b\x00\x01");
    if (v == WITH_STARTER_OF_THE_HOST || v == WITH_STARTER_OF_THE_SHIM)
        COMPONENT(b, 2, "\x01\x00\x03\x01\x04main\x12\x05");
    if (v == WITH_MODULES_EXPORTED)
        COMPONENT(b, 11, "\x02\x00\x01x\x00\x11\x02\x00\x00\x01y\x00\x11\x03\x00");
    if (v == WITH_SECOND_PAIR || v == WITH_SECOND_FIXUP_IMPORT)
        put_second_pair(v, b);
    if (v == C1_TABLE_FOR_A_BUILTIN) {
        COMPONENT(b, 3, "\x01\x60\x01\x7f\x00");
        COMPONENT(b, 6, "\x01\x00\x01\x01\x00\x08$imports");
        COMPONENT(b, 8, "\x01\x27\x00\x00");
    }
}

static void put_types(bertht_buf *b)
{
    component_start(b);
    COMPONENT(
        b, 7,
        "\x03\x40\x02\x01x\x79\x01y\x79\x01\x00\x40\x00\x01\x00\x40\x01\x01x\x79\x01\x00");
    COMPONENT(b, 10,
              "\x03\x00\x01"
              "a\x01\x00\x00\x01"
              "b\x01\x01\x00\x01"
              "d\x01\x02");
}

static void put_component(variant v, bertht_buf *b)
{
    put_types(b);
    put_modules(v, b);
    COMPONENT(b, 2, "\x01\x00\x01\x00");
    COMPONENT(b, 6,
              "\x04\x00\x00\x01\x00\x01"
              "0\x00\x00\x01\x00\x01"
              "1\x00\x00\x01\x00\x01"
              "2"
              "\x00\x00\x01\x00\x01"
              "3");
    COMPONENT(b, 7, "\x01\x3f\x7f\x01\x02");
    COMPONENT(b, 8, "\x03\x01\x00\x00\x00\x01\x00\x01\x00\x01\x00\x02\x00"); /* 4, 5 and 6 */
    if (v == WITH_DIRECT_USE)
        COMPONENT(b, 2,
                  "\x01\x01\x05\x01"
                  "a\x00\x00\x01"
                  "b\x00\x01\x01"
                  "c\x00\x04\x01"
                  "d\x00\x03\x01"
                  "e\x00\x00");
    else
        COMPONENT(b, 2,
                  "\x01\x01\x03\x01"
                  "a\x00\x00\x01"
                  "b\x00\x01\x01"
                  "d\x00\x03");
    COMPONENT(b, 2, "\x01\x00\x00\x01\x04host\x12\x01");
    COMPONENT(b, 6,
              "\x01\x00\x00\x01\x02\x04"
              "dtor"); /* core function 7 */
    put_fixup_instance(v, b);
    put_more(v, b);
}

typedef struct made {
    berthi_arena arena;
    bertht_buf b;
    const berthi_cm_steps *literal, *steps;
} made;

static void make_of(made *m, const char *what)
{
    const berthi_cm_component *component;
    berth_diag diag = { .text = "" };
    const char *wrong;

    berthi_arena_init(&m->arena, &berthi_allocator_libc, SIZE_MAX);
    if (berthi_component_read(m->b.data, m->b.size, &m->arena, &component, &diag) != BERTH_OK ||
        berthi_component_validate(component, &m->arena, &diag) != BERTH_OK ||
        berthi_component_elaborate(component, &m->arena, true, &m->literal, &diag) !=
            BERTH_OK ||
        berthi_component_elaborate(component, &m->arena, false, &m->steps, &diag) != BERTH_OK)
        fail_msg("%s: %s", what, diag.text);
    wrong = steps_check(m->literal);
    if (wrong == NULL)
        wrong = steps_check(m->steps);
    if (wrong != NULL)
        fail_msg("%s: %s", what, wrong);
}

static void make(made *m, variant v)
{
    *m = (made){ .literal = NULL };
    put_component(v, &m->b);
    make_of(m, v >= FIRST_THAT_STAYS ? stays[v - FIRST_THAT_STAYS] : "what goes");
}

static void end(made *m)
{
    berthi_arena_fini(&m->arena);
    buf_free(&m->b);
}

static bool is_from(const berthi_cm_core_item *item, uint32_t instance, const char *name)
{
    return item->from == BERTHI_CM_FROM_EXPORT && item->index == instance &&
           item->name.size == strlen(name) &&
           memcmp(item->name.text, name, item->name.size) == 0;
}

/* ---------------------------------------------------------------- what goes */

static void both_generations_leave_the_main_module_alone(void **state)
{
    static const variant variants[] = { AS_NEW, AS_OLD, WITH_CUSTOM_SECTIONS, WITH_TAIL_CALL };

    (void)state;
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        const berthi_cm_step *step;
        made m;

        make(&m, variants[i]);
        assert_int_equal(m.literal->core_instances_count, 3);
        assert_int_equal(m.literal->shims_removed + m.literal->fixups_removed, 0);
        assert_int_equal(m.steps->shims_removed, 1);
        assert_int_equal(m.steps->fixups_removed, 1);
        assert_int_equal(m.steps->core_instances_count, 1);
        assert_int_equal(m.steps->modules_count,
                         2); /* main, and one that is not instantiated */
        assert_int_equal(m.steps->steps_count, 2);
        assert_int_equal(m.steps->trampolines_count, 3);
        step = m.steps->steps;
        for (uint32_t k = 0; k < 3; k++) {
            assert_int_equal(step->imports[k].from, BERTHI_CM_FROM_TRAMPOLINE);
            assert_int_equal(step->imports[k].index, k);
            assert_int_equal(m.steps->trampolines[k].kind, BERTHI_CM_TO_HOST);
            assert_int_equal(m.steps->trampolines[k].target, k);
            assert_int_equal(m.steps->trampolines[k].ready_step, 1);
        }
        end(&m);
    }
}

static void a_destructor_behind_a_shim_is_looked_up_when_it_exists(void **state)
{
    const berthi_cm_step *step;
    made m;

    (void)state;
    make(&m, AS_NEW);
    step = &m.literal->steps[1];
    assert_int_equal(step->kind, BERTHI_CM_STEP_FUNC);
    assert_true(is_from(&step->item, 0, "2"));
    step = &m.steps->steps[1];
    assert_int_equal(step->kind, BERTHI_CM_STEP_FUNC);
    assert_int_equal(step->slot, m.steps->resources[0].destructor);
    assert_true(is_from(&step->item, 0, "dtor"));
    end(&m);
}

static void a_start_of_the_fixup_is_called_when_everything_is_ready(void **state)
{
    const berthi_cm_step *step;
    made m;

    (void)state;
    make(&m, WITH_START);
    assert_int_equal(m.steps->core_instances_count, 1);
    assert_int_equal(m.steps->steps_count, 3);
    step = &m.steps->steps[2];
    assert_int_equal(step->kind, BERTHI_CM_STEP_CALL);
    assert_true(is_from(&step->item, 0, "go"));
    assert_true(m.steps->trampolines[0].ready_step <= 2);
    end(&m);
}

static void a_module_that_only_starts_another_is_that_call(void **state)
{
    made m;

    (void)state;
    make(&m, WITH_STARTER);
    assert_int_equal(m.literal->core_instances_count, 4);
    assert_int_equal(m.steps->core_instances_count, 1);
    assert_int_equal(m.steps->fixups_removed, 2);
    assert_int_equal(m.steps->steps[2].kind, BERTHI_CM_STEP_CALL);
    assert_true(is_from(&m.steps->steps[2].item, 0, "go"));
    end(&m);
}

static void what_is_imported_directly_too_is_ready_there_at_once(void **state)
{
    const berthi_cm_core_item *imports;
    made m;

    (void)state;
    make(&m, WITH_DIRECT_USE);
    assert_int_equal(m.steps->core_instances_count, 1);
    assert_int_equal(m.steps->trampolines_count, 4);
    imports = m.steps->steps[0].imports;
    assert_int_not_equal(imports[0].index, imports[3].index);
    assert_int_equal(imports[0].index, imports[4].index);
    assert_int_equal(m.steps->trampolines[imports[0].index].ready_step, 1);
    assert_int_equal(m.steps->trampolines[imports[3].index].ready_step, 0);
    assert_int_equal(m.steps->trampolines[imports[0].index].target,
                     m.steps->trampolines[imports[3].index].target);
    end(&m);
}

static void a_shim_of_core_functions_stays_and_its_table_is_filled(void **state)
{
    const berthi_cm_step *step;
    made m;

    (void)state;
    make(&m, WITH_CORE_FUNCTION);
    assert_int_equal(m.steps->shims_removed, 0);
    assert_int_equal(m.steps->fixups_removed, 1);
    assert_int_equal(m.steps->core_instances_count, 2);
    assert_int_equal(m.steps->steps_count, 4);
    step = &m.steps->steps[1]; /* main */
    assert_int_equal(step->imports[0].from, BERTHI_CM_FROM_TRAMPOLINE);
    assert_true(is_from(&step->imports[1], 0, "1"));
    step = &m.steps->steps[2];
    assert_int_equal(step->kind, BERTHI_CM_STEP_TABLE_SET);
    assert_int_equal(step->slot, 1);
    assert_true(is_from(&step->imports[0], 0, "$imports"));
    assert_true(is_from(&step->item, 1, "go"));
    assert_int_equal(m.steps->trampolines[0].ready_step, 2);
    end(&m);
}

static void a_starter_stays_when_it_calls_the_host_or_a_shim(void **state)
{
    static const variant variants[] = { WITH_STARTER_OF_THE_HOST, WITH_STARTER_OF_THE_SHIM };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        made m;

        make(&m, variants[i]);
        assert_int_equal(m.steps->fixups_removed, 1);
        assert_int_equal(m.steps->shims_removed, 1);
        assert_int_equal(m.steps->core_instances_count, 2);
        assert_int_equal(m.steps->steps[2].kind, BERTHI_CM_STEP_INSTANTIATE);
        end(&m);
    }
}

static void modules_that_are_exported_stay_to_be_exported(void **state)
{
    made m;

    (void)state;
    make(&m, WITH_MODULES_EXPORTED);
    assert_int_equal(m.steps->core_instances_count, 1);
    assert_int_equal(m.steps->modules_count, 3);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(m.steps->exports[i].index, i + 1);
        assert_ptr_equal(m.steps->modules[i + 1].info, m.literal->modules[i + 2].info);
    }
    end(&m);
}

/* What the second fixup takes would have to wait for both. */
static void a_pair_behind_another_stays(void **state)
{
    static const variant variants[] = { WITH_SECOND_PAIR, WITH_SECOND_FIXUP_IMPORT };

    (void)state;
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        made m;

        make(&m, variants[i]);
        assert_int_equal(m.literal->core_instances_count, 6);
        assert_int_equal(m.steps->shims_removed, 1);
        assert_int_equal(m.steps->fixups_removed, 1);
        assert_int_equal(m.steps->core_instances_count, 4);
        end(&m);
    }
}

static void each_instance_of_a_component_loses_its_own_shim(void **state)
{
    bertht_buf inner = { 0 };
    made m = { .literal = NULL };

    (void)state;
    put_component(AS_NEW, &inner);
    put_types(&m.b);
    component_nested(&m.b, &inner);
    for (unsigned i = 0; i < 2; i++)
        COMPONENT(&m.b, 5,
                  "\x01\x00\x00\x03\x01"
                  "a\x01\x00\x01"
                  "b\x01\x01\x01"
                  "d\x01\x02");
    make_of(&m, "two instances");
    assert_int_equal(m.literal->core_instances_count, 6);
    assert_int_equal(m.steps->core_instances_count, 2);
    assert_int_equal(m.steps->shims_removed, 2);
    assert_int_equal(m.steps->fixups_removed, 2);
    assert_int_equal(m.steps->steps_count, 4);
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(m.steps->trampolines[i].ready_step, i < 3 ? 1 : 3);
    assert_true(is_from(&m.steps->steps[3].item, 1, "dtor"));
    end(&m);
}

/* ---------------------------------------------------------------- what stays */

static void as_soon_as_one_condition_fails_everything_stays(void **state)
{
    (void)state;
    for (unsigned v = FIRST_THAT_STAYS; v < VARIANTS; v++) {
        made m;

        make(&m, (variant)v);
        if (m.steps->shims_removed + m.steps->fixups_removed != 0 ||
            m.steps->steps_count != m.literal->steps_count ||
            m.steps->modules_count != m.literal->modules_count ||
            m.steps->core_instances_count != m.literal->core_instances_count)
            fail_msg("%s: something went", stays[v - FIRST_THAT_STAYS]);
        end(&m);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_generations_leave_the_main_module_alone),
        cmocka_unit_test(a_destructor_behind_a_shim_is_looked_up_when_it_exists),
        cmocka_unit_test(a_start_of_the_fixup_is_called_when_everything_is_ready),
        cmocka_unit_test(a_module_that_only_starts_another_is_that_call),
        cmocka_unit_test(what_is_imported_directly_too_is_ready_there_at_once),
        cmocka_unit_test(a_shim_of_core_functions_stays_and_its_table_is_filled),
        cmocka_unit_test(a_starter_stays_when_it_calls_the_host_or_a_shim),
        cmocka_unit_test(modules_that_are_exported_stay_to_be_exported),
        cmocka_unit_test(a_pair_behind_another_stays),
        cmocka_unit_test(each_instance_of_a_component_loses_its_own_shim),
        cmocka_unit_test(as_soon_as_one_condition_fails_everything_stays),
    };

    return cmocka_run_group_tests_name("shim", tests, NULL, NULL);
}
