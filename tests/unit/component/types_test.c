/* types_test.c - sizes, alignments, flat forms and interning of component types.
 *
 * The numbers are those of the canonical ABI, worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "component/types/types.h"

typedef struct rig {
    berthi_arena arena;
    berth_diag diag;
    berthi_cm_types types;
} rig;

static int set_up(void **state)
{
    static rig r;

    r = (rig){ .types = { .work = BERTHI_CM_WORK_MAX, .epoch = 1 } };
    berthi_arena_init(&r.arena, &berthi_allocator_libc, SIZE_MAX);
    r.types.arena = &r.arena;
    r.types.diag = &r.diag;
    *state = &r;
    return 0;
}

static int tear_down(void **state)
{
    rig *r = *state;

    berthi_arena_fini(&r->arena);
    return 0;
}

/* A type of these parts; NULL among them: a case without. */
static const berthi_cm_type *make(rig *r, uint16_t kind, const berthi_cm_type *const *parts,
                                  uint32_t count, uint32_t length)
{
    berthi_cm_extern items[300] = { { .type = NULL } };
    const berthi_cm_type *type;

    assert_true(count <= 300);
    for (uint32_t i = 0; i < count && parts != NULL; i++)
        items[i].type = parts[i];
    type = berthi_cm_intern(
        &r->types,
        &(berthi_cm_type){ .kind = kind, .count = count, .length = length, .items = items });
    if (type == NULL)
        fail_msg("%s", r->diag.text);
    return type;
}

static const berthi_cm_type *prim(rig *r, uint8_t code)
{
    return berthi_cm_primitive(&r->types, code);
}

static void expect(const berthi_cm_type *t, uint32_t size, uint32_t align, uint32_t size_wide,
                   uint32_t flat)
{
    if (t->size != size || t->align != align || t->size_wide != size_wide ||
        t->flat_count != flat)
        fail_msg("kind %x: size %u align %u wide %u flat %u", (unsigned)t->kind,
                 (unsigned)t->size, (unsigned)t->align, (unsigned)t->size_wide,
                 (unsigned)t->flat_count);
}

static void primitives_have_their_sizes(void **state)
{
    rig *r = *state;

    expect(prim(r, BERTHI_CM_BOOL), 1, 1, 1, 1);
    expect(prim(r, BERTHI_CM_S8), 1, 1, 1, 1);
    expect(prim(r, BERTHI_CM_U8), 1, 1, 1, 1);
    expect(prim(r, BERTHI_CM_S16), 2, 2, 2, 1);
    expect(prim(r, BERTHI_CM_U16), 2, 2, 2, 1);
    expect(prim(r, BERTHI_CM_S32), 4, 4, 4, 1);
    expect(prim(r, BERTHI_CM_U32), 4, 4, 4, 1);
    expect(prim(r, BERTHI_CM_S64), 8, 8, 8, 1);
    expect(prim(r, BERTHI_CM_U64), 8, 8, 8, 1);
    expect(prim(r, BERTHI_CM_F32), 4, 4, 4, 1);
    expect(prim(r, BERTHI_CM_F64), 8, 8, 8, 1);
    expect(prim(r, BERTHI_CM_CHAR), 4, 4, 4, 1);
    expect(prim(r, BERTHI_CM_STRING), 8, 4, 16, 2);
    expect(prim(r, BERTHI_CM_ERROR_CONTEXT), 4, 4, 4, 1);
}

static void records_pad_and_variants_join(void **state)
{
    rig *r = *state;
    const berthi_cm_type *u8 = prim(r, BERTHI_CM_U8), *u64 = prim(r, BERTHI_CM_U64);
    const berthi_cm_type *string = prim(r, BERTHI_CM_STRING), *none = NULL;
    const berthi_cm_type *mixed[] = { u8, u64, u8, string };
    const berthi_cm_type *cases[] = { u8, none, string };
    const berthi_cm_type *both[] = { none, u64 };

    expect(make(r, BERTHI_CM_TUPLE, mixed, 4, 0), 32, 8, 40, 5); /* 0 8 16 20+8, 24+16 */
    expect(make(r, BERTHI_CM_VARIANT, cases, 3, 0), 12, 4, 24, 3);
    expect(make(r, BERTHI_CM_OPTION, &u64, 1, 0), 16, 8, 16, 2);
    expect(make(r, BERTHI_CM_RESULT, both, 2, 0), 16, 8, 16, 2);
    expect(make(r, BERTHI_CM_RESULT, NULL, 2, 0), 1, 1, 1, 1);
    expect(make(r, BERTHI_CM_LIST, &u64, 1, 0), 8, 4, 16, 2);
    expect(make(r, BERTHI_CM_MAP, mixed, 2, 0), 8, 4, 16, 2);
    expect(make(r, BERTHI_CM_FIXED_LIST, &u64, 1, 5), 40, 8, 40, 5);
}

static void expect_host(const berthi_cm_type *t, size_t size, size_t align)
{
    if (t->host_size != size || t->host_align != align)
        fail_msg("kind %x: %u bytes at %u, C has %zu at %zu", (unsigned)t->kind,
                 (unsigned)t->host_size, (unsigned)t->host_align, size, align);
}

#define EXPECT_HOST(type, c_type) expect_host(type, sizeof(c_type), _Alignof(c_type))

/* What a user would write for each type, as docs/host-layout.md has it. */
static void the_host_layout_is_that_of_c_structs(void **state)
{
    typedef struct {
        const void *data;
        size_t count;
    } host_list;
    typedef struct {
        uint8_t a;
        uint64_t b;
        uint8_t c;
        host_list d;
    } host_mixed;
    typedef struct {
        uint8_t tag;
        union {
            uint8_t a;
            host_list c;
        } as;
    } host_variant;
    typedef struct {
        uint8_t tag;
        union {
            struct {
                uint16_t a;
                uint8_t b;
            } ok;
            uint8_t error[5];
        } as;
    } host_result;
    typedef struct {
        uint8_t a;
        uint64_t handle;
        uint8_t b;
    } host_handles;
    typedef struct {
        uint8_t tag;
        host_mixed some;
    } host_option;
    rig *r = *state;
    const berthi_cm_type *u8 = prim(r, BERTHI_CM_U8), *u64 = prim(r, BERTHI_CM_U64);
    const berthi_cm_type *u16 = prim(r, BERTHI_CM_U16);
    const berthi_cm_type *string = prim(r, BERTHI_CM_STRING), *none = NULL;
    const berthi_cm_type *mixed_parts[] = { u8, u64, u8, string };
    const berthi_cm_type *cases[] = { u8, none, string }, *pair[] = { u16, u8 };
    const berthi_cm_type *mixed = make(r, BERTHI_CM_TUPLE, mixed_parts, 4, 0);
    const berthi_cm_type *resource = berthi_cm_resource(&r->types, NULL);
    const berthi_cm_type *own = make(r, BERTHI_CM_OWN, &resource, 1, 0);
    const berthi_cm_type *ok_error[] = { make(r, BERTHI_CM_RECORD, pair, 2, 0),
                                         make(r, BERTHI_CM_FIXED_LIST, &u8, 1, 5) };
    const berthi_cm_type *handles[] = { u8, own, u8 };

    EXPECT_HOST(prim(r, BERTHI_CM_BOOL), bool);
    EXPECT_HOST(prim(r, BERTHI_CM_CHAR), uint32_t);
    EXPECT_HOST(prim(r, BERTHI_CM_F64), double);
    EXPECT_HOST(string, host_list);
    EXPECT_HOST(make(r, BERTHI_CM_LIST, &u8, 1, 0), host_list);
    EXPECT_HOST(make(r, BERTHI_CM_MAP, pair, 2, 0), host_list);
    EXPECT_HOST(mixed, host_mixed);
    EXPECT_HOST(make(r, BERTHI_CM_VARIANT, cases, 3, 0), host_variant);
    EXPECT_HOST(make(r, BERTHI_CM_RESULT, ok_error, 2, 0), host_result);
    EXPECT_HOST(make(r, BERTHI_CM_RESULT, NULL, 2, 0), uint8_t);
    EXPECT_HOST(own, uint64_t);
    EXPECT_HOST(make(r, BERTHI_CM_TUPLE, handles, 3, 0), host_handles);
    EXPECT_HOST(make(r, BERTHI_CM_OPTION, &mixed, 1, 0), host_option);
    EXPECT_HOST(make(r, BERTHI_CM_ENUM, NULL, 257, 0), uint16_t);
    EXPECT_HOST(make(r, BERTHI_CM_FLAGS, NULL, 17, 0), uint32_t);
    EXPECT_HOST(make(r, BERTHI_CM_VARIANT, NULL, 256, 0), uint8_t);
    EXPECT_HOST(make(r, BERTHI_CM_VARIANT, NULL, 257, 0), uint16_t);
    EXPECT_HOST(make(r, BERTHI_CM_FIXED_LIST, &mixed, 1, 3), host_mixed[3]);
}

static void discriminants_and_flags_grow_with_their_number(void **state)
{
    rig *r = *state;

    expect(make(r, BERTHI_CM_ENUM, NULL, 256, 0), 1, 1, 1, 1);
    expect(make(r, BERTHI_CM_ENUM, NULL, 257, 0), 2, 2, 2, 1);
    expect(make(r, BERTHI_CM_FLAGS, NULL, 8, 0), 1, 1, 1, 1);
    expect(make(r, BERTHI_CM_FLAGS, NULL, 9, 0), 2, 2, 2, 1);
    expect(make(r, BERTHI_CM_FLAGS, NULL, 16, 0), 2, 2, 2, 1);
    expect(make(r, BERTHI_CM_FLAGS, NULL, 17, 0), 4, 4, 4, 1);
    expect(make(r, BERTHI_CM_FLAGS, NULL, 32, 0), 4, 4, 4, 1);
}

static const berthi_cm_type *func_of(rig *r, const berthi_cm_type *param, uint32_t count,
                                     const berthi_cm_type *result)
{
    const berthi_cm_type *parts[32];

    for (uint32_t i = 0; i < count; i++)
        parts[i] = param;
    parts[count] = result;
    return make(r, BERTHI_CM_FUNC_TYPE, parts, count + 1, 0);
}

static void flatten_at(rig *r, const berthi_cm_type *func, bool is_lift, bool is_64,
                       const char *signature, bool memory, bool realloc)
{
    berthi_cm_flat flat;

    assert_true(berthi_cm_flatten(&r->types, func, is_lift, is_64, &flat));
    assert_ptr_equal(flat.type, berthi_cm_core_signature(&r->types, signature));
    assert_int_equal(flat.needs_memory, memory);
    assert_int_equal(flat.needs_realloc, realloc);
}

static void flatten(rig *r, const berthi_cm_type *func, bool is_lift, const char *signature,
                    bool memory, bool realloc)
{
    flatten_at(r, func, is_lift, false, signature, memory, realloc);
}

static void functions_spill_past_sixteen_and_past_one(void **state)
{
    rig *r = *state;
    const berthi_cm_type *u32 = prim(r, BERTHI_CM_U32), *string = prim(r, BERTHI_CM_STRING);

    flatten(r, func_of(r, u32, 16, NULL), true, "iiiiiiiiiiiiiiii:", false, false);
    flatten(r, func_of(r, u32, 16, u32), false, "iiiiiiiiiiiiiiii:i", false, false);
    flatten(r, func_of(r, u32, 17, NULL), true, "i:", true, true);
    flatten(r, func_of(r, u32, 17, NULL), false, "i:", true, false);
    flatten(r, func_of(r, u32, 17, string), false, "ii:", true, true);
    flatten(r, func_of(r, u32, 16, string), false, "iiiiiiiiiiiiiiiii:", true, true);
    flatten(r, func_of(r, u32, 1, string), true, "i:i", true, false);
    flatten(r, func_of(r, string, 1, NULL), true, "ii:", true, true);
    flatten(r, func_of(r, string, 1, NULL), false, "ii:", true, false);
}

static void addresses_of_64_bits_are_i64_and_nothing_else_is(void **state)
{
    rig *r = *state;
    const berthi_cm_type *u32 = prim(r, BERTHI_CM_U32), *string = prim(r, BERTHI_CM_STRING);
    const berthi_cm_type *f32 = prim(r, BERTHI_CM_F32);
    const berthi_cm_type *choice[] = { f32, string }, *pair[] = { u32, string };

    flatten_at(r, func_of(r, u32, 16, u32), false, true, "iiiiiiiiiiiiiiii:i", false, false);
    flatten_at(r, func_of(r, u32, 17, NULL), true, true, "I:", true, true);
    flatten_at(r, func_of(r, u32, 17, string), false, true, "II:", true, true);
    flatten_at(r, func_of(r, u32, 16, string), false, true, "iiiiiiiiiiiiiiiiI:", true, true);
    flatten_at(r, func_of(r, u32, 1, string), true, true, "i:I", true, false);
    flatten_at(r, func_of(r, make(r, BERTHI_CM_LIST, &u32, 1, 0), 1, NULL), true, true,
               "II:", true, true);
    flatten_at(r, func_of(r, make(r, BERTHI_CM_MAP, pair, 2, 0), 1, NULL), true, true,
               "II:", true, true);
    flatten_at(r, func_of(r, make(r, BERTHI_CM_TUPLE, pair, 2, 0), 1, NULL), true, true,
               "iII:", true, true);
    flatten_at(r, func_of(r, make(r, BERTHI_CM_RESULT, choice, 2, 0), 1, NULL), true, true,
               "iII:", true, true);
    flatten(r, func_of(r, make(r, BERTHI_CM_RESULT, choice, 2, 0), 1, NULL), true, "iii:", true,
            true);
}

static void slots_of_cases_are_joined(void **state)
{
    rig *r = *state;
    const berthi_cm_type *parts[] = { prim(r, BERTHI_CM_F32), prim(r, BERTHI_CM_U32),
                                      prim(r, BERTHI_CM_F64), prim(r, BERTHI_CM_S64) };

    flatten(r, func_of(r, make(r, BERTHI_CM_VARIANT, parts, 1, 0), 1, NULL), true, "if:", false,
            false);
    flatten(r, func_of(r, make(r, BERTHI_CM_VARIANT, parts, 2, 0), 1, NULL), true, "ii:", false,
            false);
    flatten(r, func_of(r, make(r, BERTHI_CM_VARIANT, parts, 3, 0), 1, NULL), true, "iI:", false,
            false);
    flatten(r, func_of(r, make(r, BERTHI_CM_VARIANT, parts + 2, 2, 0), 1, NULL), true,
            "iI:", false, false);
    flatten(r, func_of(r, make(r, BERTHI_CM_TUPLE, parts, 4, 0), 1, NULL), true, "fiFI:", false,
            false);
    flatten(r, func_of(r, make(r, BERTHI_CM_FIXED_LIST, &parts[2], 1, 3), 1, NULL), true,
            "FFF:", false, false);
}

/* A count that wrapped round would look small enough to be written out. */
static void flat_counts_stop_at_255(void **state)
{
    rig *r = *state;
    const berthi_cm_type *u8 = prim(r, BERTHI_CM_U8), *list;

    list = make(r, BERTHI_CM_FIXED_LIST, &u8, 1, 256);
    for (unsigned i = 0; i < 2; i++)
        list = make(r, BERTHI_CM_FIXED_LIST, &list, 1, 256);
    assert_int_equal(list->flat_count, 255);
    assert_int_equal(list->size, 1 << 24);
    flatten(r, func_of(r, list, 1, NULL), true, "i:", true, true);
}

static void equal_types_are_one_and_named_ones_share_a_canon(void **state)
{
    rig *r = *state;
    const berthi_cm_type *u8 = prim(r, BERTHI_CM_U8);
    const berthi_cm_type *list = make(r, BERTHI_CM_LIST, &u8, 1, 0), *named, *twice, *outer;

    assert_ptr_equal(list, make(r, BERTHI_CM_LIST, &u8, 1, 0));
    named = berthi_cm_named(&r->types, list);
    twice = berthi_cm_named(&r->types, named);
    assert_ptr_not_equal(named, list);
    assert_ptr_not_equal(named, twice);
    assert_ptr_equal(named->canon, list);
    assert_ptr_equal(twice->canon, list);
    outer = make(r, BERTHI_CM_OPTION, &named, 1, 0);
    assert_ptr_equal(outer->canon, make(r, BERTHI_CM_OPTION, &list, 1, 0));
    assert_int_equal(outer->size, 12);
}

static void substitution_changes_only_what_names_the_resource(void **state)
{
    rig *r = *state;
    const berthi_cm_type *one = berthi_cm_resource(&r->types, NULL);
    const berthi_cm_type *two = berthi_cm_resource(&r->types, NULL);
    const berthi_cm_type *own_one = make(r, BERTHI_CM_OWN, &one, 1, 0);
    const berthi_cm_type *own_two = make(r, BERTHI_CM_OWN, &two, 1, 0);
    const berthi_cm_type *u8 = prim(r, BERTHI_CM_U8);
    const berthi_cm_type *parts[] = { own_one, u8, own_one },
                         *other[] = { own_two, u8, own_two };
    const berthi_cm_type *tuple = make(r, BERTHI_CM_TUPLE, parts, 3, 0);

    berthi_cm_bind(&r->types, one, two);
    assert_ptr_equal(berthi_cm_substitute(&r->types, tuple),
                     make(r, BERTHI_CM_TUPLE, other, 3, 0));
    assert_ptr_equal(berthi_cm_substitute(&r->types, u8), u8);
    assert_ptr_equal(berthi_cm_substitute(&r->types, own_two), own_two);
    berthi_cm_bind(&r->types, one, NULL);
    assert_ptr_equal(berthi_cm_substitute(&r->types, tuple), tuple);
    assert_true(berthi_cm_has_free_resource(&r->types, tuple));
    assert_false(berthi_cm_has_free_resource(&r->types, u8));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(primitives_have_their_sizes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_host_layout_is_that_of_c_structs, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(records_pad_and_variants_join, set_up, tear_down),
        cmocka_unit_test_setup_teardown(discriminants_and_flags_grow_with_their_number, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(addresses_of_64_bits_are_i64_and_nothing_else_is,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(functions_spill_past_sixteen_and_past_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(slots_of_cases_are_joined, set_up, tear_down),
        cmocka_unit_test_setup_teardown(flat_counts_stop_at_255, set_up, tear_down),
        cmocka_unit_test_setup_teardown(equal_types_are_one_and_named_ones_share_a_canon,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(substitution_changes_only_what_names_the_resource,
                                        set_up, tear_down),
    };

    return cmocka_run_group_tests_name("component types", tests, NULL, NULL);
}
