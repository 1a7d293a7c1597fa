/* value_test.c - values whose types are known at run time only.  Public headers only. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <berth/value.h>

#include "fault_sweep.h"
#include "guests.h"

#define SHAPES "demo:values/shapes@1.0.0#"

static berth_type *type_of(slot_rig *r, const char *text)
{
    berth_type *type = NULL;

    if (berth_type_parse(&r->allocator, text, &type, &r->diag) != BERTH_OK)
        fail_msg("%s: %s", text, r->diag.text);
    return type;
}

static berth_value first_of(slot_rig *r, const berth_type *type)
{
    berth_value value = BERTH_VALUE_INIT;

    if (berth_value_make(type, r->arena, &value, &r->diag) != BERTH_OK)
        fail_msg("%s", r->diag.text);
    return value;
}

static berth_value read_as(slot_rig *r, const berth_type *type, const char *wave)
{
    berth_value value = BERTH_VALUE_INIT;

    if (berth_value_read(type, BERTH_TEXT_WAVE, wave, strlen(wave), 0, r->arena, &value,
                         &r->diag) != BERTH_OK)
        fail_msg("%s: %s", wave, r->diag.text);
    return value;
}

static const char *text_of(slot_rig *r, berth_value value, uint32_t format)
{
    const char *text = NULL;

    if (berth_value_write(value, format, r->arena, &text, &r->diag) != BERTH_OK)
        fail_msg("%s", r->diag.text);
    return text;
}

static void ok(slot_rig *r, berth_status status)
{
    if (status != BERTH_OK)
        fail_msg("%s", r->diag.text);
}

static void is_invalid(slot_rig *r, berth_status status, const char *why)
{
    slot_rig_check(r, status, BERTH_E_INVALID, BERTH_REASON_NONE, why);
}

static void is_named(berth_string name, const char *text)
{
    assert_int_equal(name.size, strlen(text));
    assert_memory_equal(name.text, text, name.size);
}

/* ---------------------------------------------------------------- types */

static void every_type_says_what_it_is_made_of(void **state)
{
    static const struct {
        const char *text;
        int32_t kind;
        uint32_t count;
        size_t size, align;
    } cases[] = { { "bool", BERTH_KIND_BOOL, 0, 1, 1 },
                  { "s8", BERTH_KIND_S8, 0, 1, 1 },
                  { "u8", BERTH_KIND_U8, 0, 1, 1 },
                  { "s16", BERTH_KIND_S16, 0, 2, 2 },
                  { "u16", BERTH_KIND_U16, 0, 2, 2 },
                  { "s32", BERTH_KIND_S32, 0, 4, 4 },
                  { "u32", BERTH_KIND_U32, 0, 4, 4 },
                  { "s64", BERTH_KIND_S64, 0, 8, 8 },
                  { "u64", BERTH_KIND_U64, 0, 8, 8 },
                  { "f32", BERTH_KIND_F32, 0, 4, 4 },
                  { "f64", BERTH_KIND_F64, 0, 8, 8 },
                  { "char", BERTH_KIND_CHAR, 0, 4, 4 },
                  { "string", BERTH_KIND_STRING, 0, 16, 8 },
                  { "list<u8>", BERTH_KIND_LIST, 1, 16, 8 },
                  { "list<u16, 3>", BERTH_KIND_FIXED_LIST, 1, 6, 2 },
                  { "map<string, u8>", BERTH_KIND_MAP, 2, 16, 8 },
                  { "record { a: u8, b: u32 }", BERTH_KIND_RECORD, 2, 8, 4 },
                  { "tuple<u8, u8, u64>", BERTH_KIND_TUPLE, 3, 16, 8 },
                  { "variant { a, b(u64) }", BERTH_KIND_VARIANT, 2, 16, 8 },
                  { "enum { a, b, c }", BERTH_KIND_ENUM, 3, 1, 1 },
                  { "option<u16>", BERTH_KIND_OPTION, 2, 4, 2 },
                  { "result", BERTH_KIND_RESULT, 2, 1, 1 },
                  { "result<u8>", BERTH_KIND_RESULT, 2, 2, 1 },
                  { "result<_, string>", BERTH_KIND_RESULT, 2, 24, 8 },
                  { "result<u8, string>", BERTH_KIND_RESULT, 2, 24, 8 },
                  { "flags { a, b }", BERTH_KIND_FLAGS, 2, 1, 1 },
                  { "own<resource>", BERTH_KIND_OWN, 0, 8, 8 },
                  { "borrow<resource>", BERTH_KIND_BORROW, 0, 8, 8 },
                  { "func()", BERTH_KIND_FUNC, 0, 0, 1 },
                  { "func(a: u8, b-c: list<string>) -> result<_, u8>", BERTH_KIND_FUNC, 2, 0,
                    1 } };
    slot_rig *r = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        berth_type *type = type_of(r, cases[i].text), *again;
        const char *text = NULL;

        assert_int_equal(berth_type_kind(type), cases[i].kind);
        assert_int_equal(berth_type_count(type), cases[i].count);
        if (cases[i].kind != BERTH_KIND_FUNC) {
            assert_int_equal(berth_type_size(type), cases[i].size);
            assert_int_equal(berth_type_align(type), cases[i].align);
        }
        ok(r, berth_type_write(type, r->arena, &text, &r->diag));
        assert_string_equal(text, cases[i].text);
        again = type_of(r, text);
        assert_true(berth_type_is_same(type, again));
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
            berth_type *other = type_of(r, cases[k].text);

            assert_int_equal(berth_type_is_same(type, other), i == k);
            berth_type_destroy(other);
        }
        berth_type_destroy(again);
        berth_type_destroy(type);
    }
    berth_type_destroy(NULL);
}

static void parts_have_names_and_types(void **state)
{
    slot_rig *r = *state;
    berth_type *record = type_of(r, "record{a:u8,max-size:option<string>}");
    berth_type *result = type_of(r, "result<_,u8>");
    berth_type *func = type_of(r, "func(a: u8, b: string) -> bool"),
               *silent = type_of(r, "func()");
    const berth_type *option = berth_type_part(record, 1);

    is_named(berth_type_name(record, 1), "max-size");
    assert_int_equal(berth_type_find(record, "max-size"), 1);
    assert_int_equal(berth_type_find(record, "max"), BERTH_TYPE_NONE);
    assert_int_equal(berth_type_find(record, ""), BERTH_TYPE_NONE);
    assert_null(berth_type_part(record, 2));
    assert_int_equal(berth_type_name(record, 2).size, 0);
    is_named(berth_type_name(option, 0), "none");
    is_named(berth_type_name(option, 1), "some");
    assert_null(berth_type_part(option, 0));
    assert_int_equal(berth_type_kind(berth_type_part(option, 1)), BERTH_KIND_STRING);
    assert_int_equal(berth_type_find(result, "ok"), 0);
    assert_int_equal(berth_type_find(result, "err"), 1);
    assert_null(berth_type_part(result, 0));
    assert_int_equal(berth_type_kind(berth_type_part(result, 1)), BERTH_KIND_U8);
    assert_null(berth_type_params(record));
    assert_null(berth_type_result(record));
    assert_int_equal(berth_type_kind(berth_type_params(func)), BERTH_KIND_RECORD);
    assert_int_equal(berth_type_find(berth_type_params(func), "b"), 1);
    assert_int_equal(berth_type_kind(berth_type_result(func)), BERTH_KIND_BOOL);
    assert_int_equal(berth_type_count(berth_type_params(silent)), 0);
    assert_null(berth_type_result(silent));
    berth_type_destroy(record);
    berth_type_destroy(result);
    berth_type_destroy(func);
    berth_type_destroy(silent);
}

static void text_that_is_no_type_is_refused_with_its_column(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = { { "", "column 1: expected a type" },
                  { "u9", "column 1: expected a type" },
                  { "u8 u8", "column 4: the type ends here" },
                  { "list<u8", "column 8: expected '>'" },
                  { "list<u8, 0>", "column 10: expected the length" },
                  { "list<u8, 08>", "column 10: expected the length" },
                  { "list<u8, 4294967296>", "column 10: expected the length" },
                  { "list<u8, 3x>", "column 10: expected the length" },
                  { "record { }", "column 10: expected a name" },
                  { "record { a: u8, }", "column 17: expected a name" },
                  { "record { a: u8, A: u8 }", "`A` is there already" },
                  { "record { a u8 }", "column 12: expected ':'" },
                  { "record { a--b: u8 }", "expected a name" },
                  { "tuple<>", "column 7: expected a type" },
                  { "option<u8, u8>", "column 10: expected '>'" },
                  { "map<string>", "column 11: expected ','" },
                  { "map<list<u8>, u8>", "cannot be the key" },
                  { "map<f32, u8>", "cannot be the key" },
                  { "result<_>", "column 9: expected ','" },
                  { "result<_, _>", "column 11: expected a type" },
                  { "variant { a() }", "column 13: expected a type" },
                  { "enum { a(u8) }", "column 9: expected ','" },
                  { "own", "column 4: expected '<'" },
                  { "own<file>", "column 5: expected 'resource'" },
                  { "list<func()>", "column 6: expected a type" },
                  { "func(u8)", "column 8: expected ':'" },
                  { "func() -> borrow<resource>", "nothing that is borrowed" },
                  { "func(a: u8,)", "column 12: expected a name" },
                  { "stream<u8>", "column 1: expected a type" },
                  { "async func()", "column 1: expected a type" },
                  { "u8\xff", "the type ends here" } };
    slot_rig *r = *state;
    berth_type *type = NULL;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        is_invalid(r, berth_type_parse(NULL, cases[i].text, &type, &r->diag), cases[i].why);
        assert_null(type);
    }
}

/* A long text. */
typedef struct long_text {
    char text[70000];
    size_t used;
} long_text;

static void put(long_text *to, const char *what, size_t times)
{
    for (; times > 0; times--)
        for (const char *c = what; *c != '\0' && to->used < sizeof to->text - 1; c++)
            to->text[to->used++] = *c;
    to->text[to->used] = '\0';
}

static berth_status parse(slot_rig *r, const char *text)
{
    berth_type *type = NULL;
    berth_status status = berth_type_parse(&r->allocator, text, &type, &r->diag);

    berth_type_destroy(type);
    return status;
}

static void types_have_bounds(void **state)
{
    static long_text of;
    slot_rig *r = *state;

    /* u8 within 100 others is the deepest */
    for (size_t depth = 100; depth <= 101; depth++) {
        of.used = 0;
        put(&of, "list<", depth);
        put(&of, "u8", 1);
        put(&of, ">", depth);
        assert_int_equal(parse(r, of.text), depth == 100 ? BERTH_OK : BERTH_E_LIMIT);
    }
    of.used = 0;
    put(&of, "list<", 13000); /* the reader gives up long before the end */
    assert_int_equal(parse(r, of.text), BERTH_E_LIMIT);
    of.used = 0;
    put(&of, "u8", 1);
    put(&of, " ", 65534);
    assert_int_equal(parse(r, of.text), BERTH_OK);
    put(&of, " ", 1);
    assert_int_equal(parse(r, of.text), BERTH_E_LIMIT);
    assert_int_equal(parse(r, "list<u64, 33554431>"), BERTH_OK);
    assert_int_equal(parse(r, "list<u64, 33554432>"), BERTH_E_LIMIT); /* 2^28 bytes */
    for (int count = 32; count <= 33; count++) {
        char name[16];

        of.used = 0;
        put(&of, "flags { f", 1);
        for (int i = 1; i < count; i++) {
            snprintf(name, sizeof name, ", f%d", i);
            put(&of, name, 1);
        }
        put(&of, " }", 1);
        assert_int_equal(parse(r, of.text), count == 32 ? BERTH_OK : BERTH_E_LIMIT);
    }
}

/* ---------------------------------------------------------------- values */

/* The first value of each type is one. */
static void first_values_are_values(void **state)
{
    static const char *const cases[][2] = {
        { "bool", "false" },
        { "s64", "0" },
        { "f32", "0" },
        { "char", "'\\u{0}'" },
        { "string", "\"\"" },
        { "list<string>", "[]" },
        { "list<u8, 3>", "[0, 0, 0]" },
        { "map<u8, u8>", "[]" },
        { "record { a: u8, b: option<u8>, c: string }", "{a: 0, c: \"\"}" },
        { "tuple<bool, enum { x, y }>", "(false, x)" },
        { "variant { a(variant { b(string) }), c }", "a(b(\"\"))" },
        { "result<option<u8>, string>", "ok(none)" },
        { "flags { a, b }", "{}" },
    };
    slot_rig *r = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        berth_type *type = type_of(r, cases[i][0]);
        berth_value value = first_of(r, type);

        ok(r, berth_value_check(value, &r->diag));
        assert_string_equal(text_of(r, value, BERTH_TEXT_WAVE), cases[i][1]);
        berth_type_destroy(type);
    }
}

static void a_value_is_built_and_looked_into(void **state)
{
    slot_rig *r = *state;
    berth_type *type =
        type_of(r, "record { name: string, tags: list<string>, size: variant { unknown, "
                   "known(u64) }, at: option<tuple<f32, f64>>, mode: flags { r, w, x }, "
                   "sort: enum { a, b }, of: map<string, s8>, c: char, on: bool }");
    berth_value value = first_of(r, type), at;
    berth_string text;
    uint64_t number;
    int64_t small;
    uint32_t index;
    double real;

    ok(r,
       berth_value_set_string(berth_value_field(value, "name"), "x\0y", 3, r->arena, &r->diag));
    ok(r, berth_value_resize(berth_value_field(value, "tags"), 2, r->arena, &r->diag));
    ok(r, berth_value_set_string(berth_value_at(berth_value_field(value, "tags"), 1), "t", 1,
                                 r->arena, &r->diag));
    ok(r, berth_value_set_case(berth_value_field(value, "size"), 1, &r->diag));
    ok(r, berth_value_set_u64(berth_value_at(berth_value_field(value, "size"), 0), UINT64_MAX,
                              &r->diag));
    ok(r, berth_value_set_case(berth_value_field(value, "at"), 1, &r->diag));
    at = berth_value_field(berth_value_field(value, "at"), "some");
    ok(r, berth_value_set_f64(berth_value_at(at, 0), 0.5, &r->diag));
    ok(r, berth_value_set_f64(berth_value_at(at, 1), -0.1, &r->diag));
    ok(r, berth_value_set_u64(berth_value_field(value, "mode"), 5, &r->diag));
    ok(r, berth_value_set_case(berth_value_field(value, "sort"), 1, &r->diag));
    ok(r, berth_value_resize(berth_value_field(value, "of"), 2, r->arena, &r->diag));
    ok(r,
       berth_value_set_s64(berth_value_at(berth_value_field(value, "of"), 1), -128, &r->diag));
    ok(r, berth_value_set_u64(berth_value_field(value, "c"), 0x1f600, &r->diag));
    ok(r, berth_value_set_u64(berth_value_field(value, "on"), 1, &r->diag));
    ok(r, berth_value_check(value, &r->diag));
    assert_string_equal(text_of(r, value, BERTH_TEXT_WAVE),
                        "{name: \"x\\u{0}y\", tags: [\"\", \"t\"], size: "
                        "known(18446744073709551615), at: some((0.5, -0.1)), mode: {r, x}, "
                        "sort: b, of: [(\"\", -128)], c: '\xf0\x9f\x98\x80', on: true}");
    assert_string_equal(text_of(r, value, BERTH_TEXT_JSON),
                        "{\"name\": \"x\\u0000y\", \"tags\": [\"\", \"t\"], \"size\": "
                        "{\"known\": \"18446744073709551615\"}, \"at\": [0.5, -0.1], "
                        "\"mode\": [\"r\", \"x\"], \"sort\": \"b\", \"of\": [[\"\", -128]], "
                        "\"c\": \"\xf0\x9f\x98\x80\", \"on\": true}");

    assert_int_equal(berth_value_count(value), 9);
    ok(r, berth_value_get_string(berth_value_field(value, "name"), &text, &r->diag));
    assert_int_equal(text.size, 3);
    assert_int_equal(berth_value_count(berth_value_field(value, "tags")), 2);
    ok(r, berth_value_get_case(berth_value_field(value, "size"), &index, &r->diag));
    assert_int_equal(index, 1);
    assert_null(berth_value_field(berth_value_field(value, "size"), "unknown").type);
    ok(r, berth_value_get_u64(berth_value_field(berth_value_field(value, "size"), "known"),
                              &number, &r->diag));
    assert_true(number == UINT64_MAX);
    ok(r, berth_value_get_f64(berth_value_at(at, 1), &real, &r->diag));
    assert_true(real == -0.1);
    ok(r, berth_value_get_u64(berth_value_field(value, "mode"), &number, &r->diag));
    assert_int_equal(number, 5);
    assert_int_equal(berth_value_count(berth_value_field(value, "mode")), 0);
    ok(r, berth_value_get_s64(berth_value_at(berth_value_field(value, "of"), 1), &small,
                              &r->diag));
    assert_int_equal(small, -128);
    ok(r, berth_value_get_u64(berth_value_field(value, "c"), &number, &r->diag));
    assert_int_equal(number, 0x1f600);
    berth_type_destroy(type);
}

/* It lies where a C struct has it. */
static void a_value_is_what_a_typed_call_takes(void **state)
{
    struct reading {
        uint32_t id;
        berth_string name;
        struct {
            uint8_t is_some;
            uint64_t some;
        } at;
        uint8_t is_good;
    } reading = { 7, { "n", 1 }, { 1, 99 }, 1 };
    slot_rig *r = *state;
    berth_type *type =
        type_of(r, "record { id: u32, name: string, at: option<u64>, ok: bool }");
    berth_value value = { type, &reading }, read;

    assert_int_equal(berth_type_size(type), sizeof reading);
    assert_string_equal(text_of(r, value, BERTH_TEXT_WAVE),
                        "{id: 7, name: \"n\", at: some(99), ok: true}");
    ok(r, berth_value_set_case(berth_value_field(value, "at"), 0, &r->diag));
    assert_int_equal(reading.at.is_some, 0);
    read = read_as(r, type, "{id: 8, name: \"\", ok: false}");
    assert_int_equal(((struct reading *)read.data)->id, 8);
    berth_type_destroy(type);
}

static void lists_keep_what_they_have_when_they_are_resized(void **state)
{
    slot_rig *r = *state;
    berth_type *type = type_of(r, "list<u16>"), *map = type_of(r, "map<u8, string>"),
               *fixed = type_of(r, "list<u16, 2>");
    berth_value value = read_as(r, type, "[1, 2, 3]"), of = first_of(r, map),
                bytes = first_of(r, fixed);

    ok(r, berth_value_resize(value, 5, r->arena, &r->diag));
    assert_string_equal(text_of(r, value, BERTH_TEXT_WAVE), "[1, 2, 3, 0, 0]");
    ok(r, berth_value_resize(value, 2, r->arena, &r->diag));
    assert_string_equal(text_of(r, value, BERTH_TEXT_WAVE), "[1, 2]");
    ok(r, berth_value_resize(value, 0, r->arena, &r->diag));
    assert_string_equal(text_of(r, value, BERTH_TEXT_WAVE), "[]");
    is_invalid(r, berth_value_resize(of, 3, r->arena, &r->diag), "would have no value");
    ok(r, berth_value_resize(of, 4, r->arena, &r->diag));
    assert_int_equal(berth_value_count(of), 4);
    is_invalid(r, berth_value_resize(bytes, 3, r->arena, &r->diag), "is no list");
    slot_rig_check(r, berth_value_resize(value, 1 << 27, r->arena, &r->diag), BERTH_E_LIMIT,
                   BERTH_REASON_INPUT, "at most");
    slot_rig_check(r, berth_value_resize(value, SIZE_MAX, r->arena, &r->diag), BERTH_E_LIMIT,
                   BERTH_REASON_INPUT, "at most");
    berth_type_destroy(type);
    berth_type_destroy(map);
    berth_type_destroy(fixed);
}

static void what_does_not_fit_is_refused_and_changes_nothing(void **state)
{
    slot_rig *r = *state;
    berth_type *type = type_of(r, "tuple<u8, s8, char, bool, flags { a, b, c }, f32, string, "
                                  "option<u8>, own<resource>>");
    berth_value value = first_of(r, type), none = BERTH_VALUE_INIT;
    uint64_t number = 77;
    int64_t whole = 77;
    double real = 7.5;
    uint32_t index = 77;
    berth_string text = { NULL, 77 };

    is_invalid(r, berth_value_set_u64(berth_value_at(value, 0), 256, &r->diag),
               "does not fit u8");
    is_invalid(r, berth_value_set_s64(berth_value_at(value, 0), -1, &r->diag), "does not fit");
    is_invalid(r, berth_value_set_u64(berth_value_at(value, 1), 128, &r->diag), "does not fit");
    is_invalid(r, berth_value_set_s64(berth_value_at(value, 1), -129, &r->diag), "not fit");
    is_invalid(r, berth_value_set_u64(berth_value_at(value, 2), 0xd800, &r->diag), "not fit");
    is_invalid(r, berth_value_set_u64(berth_value_at(value, 2), 0x110000, &r->diag), "not fit");
    is_invalid(r, berth_value_set_u64(berth_value_at(value, 3), 2, &r->diag), "not fit");
    is_invalid(r, berth_value_set_u64(berth_value_at(value, 4), 8, &r->diag), "not fit");
    is_invalid(r, berth_value_set_s64(berth_value_at(value, 4), -1, &r->diag), "not fit");
    is_invalid(r, berth_value_set_f64(berth_value_at(value, 5), 1e39, &r->diag), "not fit");
    is_invalid(r, berth_value_set_f64(berth_value_at(value, 0), 1, &r->diag), "is no f32");
    is_invalid(r, berth_value_set_u64(berth_value_at(value, 5), 1, &r->diag), "is no integer");
    is_invalid(r,
               berth_value_set_string(berth_value_at(value, 6), "\xff", 1, r->arena, &r->diag),
               "not UTF-8");
    is_invalid(r, berth_value_set_string(berth_value_at(value, 0), "", 0, r->arena, &r->diag),
               "is no string");
    is_invalid(r, berth_value_set_case(berth_value_at(value, 7), 2, &r->diag), "no case 2");
    is_invalid(r, berth_value_set_case(value, 0, &r->diag), "is no variant");
    assert_string_equal(text_of(r, value, BERTH_TEXT_WAVE),
                        "(0, 0, '\\u{0}', false, {}, 0, \"\", none, own(0))");
    ok(r, berth_value_set_f64(berth_value_at(value, 5), HUGE_VAL, &r->diag));
    ok(r, berth_value_set_u64(berth_value_at(value, 8), UINT64_MAX, &r->diag));
    is_invalid(r, berth_value_get_s64(berth_value_at(value, 8), &whole, &r->diag), "s64");
    ok(r, berth_value_set_s64(berth_value_at(value, 1), -1, &r->diag));
    is_invalid(r, berth_value_get_u64(berth_value_at(value, 1), &number, &r->diag), "less");
    is_invalid(r, berth_value_get_u64(berth_value_at(value, 9), &number, &r->diag),
               "no value here");
    is_invalid(r, berth_value_set_u64(none, 0, &r->diag), "no value here");
    is_invalid(r, berth_value_get_f64(berth_value_at(value, 0), &real, &r->diag), "is no f32");
    is_invalid(r, berth_value_get_string(none, &text, &r->diag), "no value here");
    is_invalid(r, berth_value_get_case(berth_value_at(none, 0), &index, &r->diag), "no value");
    is_invalid(r, berth_value_check(none, &r->diag), "need");
    assert_true(number == 77 && whole == 77 && real == 7.5 && index == 77 && text.size == 77);
    assert_int_equal(berth_value_count(none), 0);
    assert_null(berth_value_field(value, "a").type);
    berth_type_destroy(type);
}

/* What a native plugin gave may be anything. */
static void memory_that_is_no_value_is_seen(void **state)
{
    struct {
        uint32_t c, tag;
        berth_string text;
        struct {
            const berth_string *data;
            size_t count;
        } list;
        uint8_t flags;
    } of = { 'x', 0, { "a", 1 }, { NULL, 0 }, 0 };
    const berth_string inner = { "\xc0", 1 };
    slot_rig *r = *state;
    berth_type *type = type_of(r, "record { c: char, t: option<u8>, s: string, l: "
                                  "list<string>, f: flags { a, b } }");
    berth_value value = { type, &of }, copy = BERTH_VALUE_INIT;
    const char *text = NULL;
    int32_t order = 7;
    uint32_t index;
    berth_string got;

    ok(r, berth_value_check(value, &r->diag));
    of.c = 0xdfff;
    is_invalid(r, berth_value_check(value, &r->diag), "it is no character");
    is_invalid(r, berth_value_copy(value, 0, r->arena, &copy, &r->diag), "no character");
    is_invalid(r, berth_value_compare(value, value, &order, &r->diag), "no character");
    is_invalid(r, berth_value_write(value, BERTH_TEXT_JSON, r->arena, &text, &r->diag),
               "no character");
    assert_true(copy.type == NULL && order == 7 && text == NULL);
    of.c = 'x';
    of.tag = 2;
    is_invalid(r, berth_value_check(value, &r->diag), "beyond its cases");
    is_invalid(r, berth_value_get_case(berth_value_field(value, "t"), &index, &r->diag),
               "beyond its cases");
    assert_int_equal(berth_value_count(berth_value_field(value, "t")), 0);
    of.tag = 0;
    of.text.text = NULL;
    is_invalid(r, berth_value_check(value, &r->diag), "null pointer");
    is_invalid(r, berth_value_get_string(berth_value_field(value, "s"), &got, &r->diag),
               "null pointer");
    of.text.size = 0;
    of.list.count = 3;
    is_invalid(r, berth_value_check(value, &r->diag), "null pointer");
    assert_int_equal(berth_value_count(berth_value_field(value, "l")), 0);
    of.list.data = &inner;
    of.list.count = 1;
    is_invalid(r, berth_value_check(value, &r->diag), "not UTF-8");
    of.list.count = 0;
    of.flags = 4;
    is_invalid(r, berth_value_check(value, &r->diag), "beyond its flags");
    berth_type_destroy(type);
}

static void a_copy_shares_nothing_and_has_a_bound(void **state)
{
    slot_rig *r = *state;
    berth_type *type = type_of(
        r, "record { a: list<list<string>>, b: option<string>, c: map<string, list<u8>> }");
    const char *wave = "{a: [[\"x\", \"yy\"], []], b: some(\"z\"), c: [(\"k\", [1, 2])]}";
    berth_value value = read_as(r, type, wave), copy = BERTH_VALUE_INIT, other;
    berth_arena *arena = NULL;
    int32_t order = 1;

    ok(r, berth_arena_create(&r->allocator, 0, &arena, &r->diag));
    ok(r, berth_value_copy(value, 0, arena, &copy, &r->diag));
    ok(r, berth_value_compare(value, copy, &order, &r->diag));
    assert_int_equal(order, 0);
    other = berth_value_at(berth_value_at(berth_value_field(value, "a"), 0), 1);
    memset((void *)(uintptr_t)((berth_string *)other.data)->text, 'q', 2);
    assert_string_equal(text_of(r, copy, BERTH_TEXT_WAVE), wave);
    ok(r, berth_value_compare(value, copy, &order, &r->diag));
    assert_true(order < 0);
    assert_int_equal(berth_value_copy(value, 100, arena, &copy, &r->diag), BERTH_E_LIMIT);
    berth_arena_destroy(arena);
    berth_type_destroy(type);
}

static void values_have_an_order(void **state)
{
    static const struct {
        const char *type, *values[8]; /* in their order */
    } cases[] = {
        { "u8", { "0", "1", "255" } },
        { "s8", { "-128", "-1", "0", "127" } },
        { "s64", { "-9223372036854775808", "-1", "0", "9223372036854775807" } },
        { "u64", { "0", "9223372036854775808", "18446744073709551615" } },
        { "f64", { "-inf", "-1.5", "-0", "0", "1e-300", "inf", "nan" } },
        { "f32", { "-inf", "-1", "-0", "0", "1", "inf", "nan" } },
        { "bool", { "false", "true" } },
        { "char", { "'a'", "'\\u{10ffff}'" } },
        { "string", { "\"\"", "\"a\"", "\"ab\"", "\"b\"", "\"\\u{e9}\"" } },
        { "list<u8>", { "[]", "[1]", "[1, 0]", "[2]" } },
        { "list<u8, 2>", { "[0, 9]", "[1, 0]" } },
        { "map<u8, u8>", { "[]", "[(1, 2)]", "[(1, 3)]", "[(2, 0)]" } },
        { "record { a: u8, b: u8 }", { "{a: 0, b: 1}", "{a: 0, b: 2}", "{a: 1, b: 0}" } },
        { "tuple<string, u8>", { "(\"\", 9)", "(\"a\", 0)" } },
        { "variant { z(u8), a, b(s8) }", { "z(1)", "z(2)", "a", "b(-1)", "b(0)" } },
        { "enum { z, a }", { "z", "a" } },
        { "option<u8>", { "none", "some(0)", "some(1)" } },
        { "result<_, u8>", { "ok", "err(0)" } },
        { "flags { a, b, c }", { "{}", "{a}", "{b}", "{a, b}", "{c}" } },
    };
    slot_rig *r = *state;

    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        berth_type *type = type_of(r, cases[c].type), *other = type_of(r, cases[c].type);

        for (int i = 0; i < 8 && cases[c].values[i] != NULL; i++)
            for (int k = 0; k < 8 && cases[c].values[k] != NULL; k++) {
                berth_value a = read_as(r, type, cases[c].values[i]),
                            b = read_as(r, other, cases[c].values[k]);
                int32_t order = 99;

                ok(r, berth_value_compare(a, b, &order, &r->diag));
                if (order != (i > k) - (i < k))
                    fail_msg("%s: %s, %s: %d", cases[c].type, cases[c].values[i],
                             cases[c].values[k], (int)order);
            }
        berth_type_destroy(type);
        berth_type_destroy(other);
    }
}

static void values_of_two_types_have_no_order(void **state)
{
    slot_rig *r = *state;
    berth_type *a = type_of(r, "record { a: u8 }"), *b = type_of(r, "record { b: u8 }");
    int32_t order = 7;

    is_invalid(r, berth_value_compare(first_of(r, a), first_of(r, b), &order, &r->diag),
               "two types");
    assert_int_equal(order, 7);
    berth_type_destroy(a);
    berth_type_destroy(b);
}

static void text_is_read_with_a_bound(void **state)
{
    slot_rig *r = *state;
    berth_type *type = type_of(r, "list<list<u64>>"), *own = type_of(r, "own<resource>"),
               *func = type_of(r, "func()");
    const char *json = "[[1, 2, 3], [4]]";
    berth_value value = BERTH_VALUE_INIT;

    ok(r, berth_value_read(type, BERTH_TEXT_JSON, json, strlen(json), 80, r->arena, &value,
                           &r->diag)); /* 16 + 2 * 16 + 4 * 8 */
    assert_string_equal(text_of(r, value, BERTH_TEXT_WAVE), "[[1, 2, 3], [4]]");
    slot_rig_check(r,
                   berth_value_read(type, BERTH_TEXT_JSON, json, strlen(json), 79, r->arena,
                                    &value, &r->diag),
                   BERTH_E_LIMIT, BERTH_REASON_INPUT, "more memory");
    is_invalid(r,
               berth_value_read(type, BERTH_TEXT_JSON, "[[1], [x]]", 10, 0, r->arena, &value,
                                &r->diag),
               "column 8");
    is_invalid(
        r, berth_value_read(own, BERTH_TEXT_WAVE, "own(1)", 6, 0, r->arena, &value, &r->diag),
        "cannot be written as text");
    is_invalid(r, berth_value_read(type, 2, "", 0, 0, r->arena, &value, &r->diag), "need");
    is_invalid(r, berth_value_read(func, 0, "", 0, 0, r->arena, &value, &r->diag), "need");
    is_invalid(r, berth_value_make(func, r->arena, &value, &r->diag), "has no values");
    berth_type_destroy(type);
    berth_type_destroy(own);
    berth_type_destroy(func);
}

/* As deep as a type may be, in the format that takes the most levels for it. */
static void values_nest_as_deep_as_their_types(void **state)
{
    static long_text of;
    slot_rig *r = *state;
    berth_type *type = NULL;
    berth_value value = BERTH_VALUE_INIT;

    of.used = 0;
    put(&of, "map<u8, ", 100);
    put(&of, "u8", 1);
    put(&of, ">", 100);
    type = type_of(r, of.text);
    of.used = 0;
    put(&of, "[[1, ", 100);
    put(&of, "7", 1);
    put(&of, "]]", 100);
    ok(r, berth_value_read(type, BERTH_TEXT_JSON, of.text, of.used, 0, r->arena, &value,
                           &r->diag));
    assert_string_equal(text_of(r, value, BERTH_TEXT_JSON), of.text);
    berth_type_destroy(type);
}

/* ---------------------------------------------------------------- calls */

static berth_slot *open_values(slot_rig *r)
{
    berth_slot *slot = slot_rig_open(r, "values", NULL);

    slot_rig_install_guest(r, slot, "cli_values.component");
    return slot;
}

static void a_function_is_called_with_values(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_values(r);
    berth_call call = BERTH_CALL_INIT;
    berth_type *func = NULL, *silent = NULL;
    berth_value args, result = BERTH_VALUE_INIT;
    int64_t x = 0;

    call.arena = r->arena;
    ok(r, berth_slot_func_type(slot, SHAPES "add", &func, &r->diag));
    args = first_of(r, berth_type_params(func));
    ok(r,
       berth_value_set_s64(berth_value_field(berth_value_field(args, "a"), "x"), -5, &r->diag));
    ok(r,
       berth_value_set_s64(berth_value_field(berth_value_field(args, "b"), "x"), 2, &r->diag));
    ok(r, berth_slot_invoke_value(slot, SHAPES "add", func, args, &call, &result, &r->diag));
    ok(r, berth_value_get_s64(berth_value_field(result, "x"), &x, &r->diag));
    assert_int_equal(x, -3);

    ok(r, berth_slot_func_type(slot, "forget", &silent, &r->diag));
    ok(r, berth_slot_invoke_value(slot, "forget", silent, (berth_value)BERTH_VALUE_INIT, &call,
                                  &result, &r->diag));
    assert_null(result.type);
    assert_int_equal(slot_rig_stats(slot).answered, 2);

    is_invalid(
        r, berth_slot_invoke_value(slot, SHAPES "add", func, result, &call, &result, &r->diag),
        "are no value of the parameters");
    is_invalid(r,
               berth_slot_invoke_value(slot, SHAPES "add", berth_type_params(func), args, &call,
                                       &result, &r->diag),
               "no type of a function");
    is_invalid(
        r, berth_slot_invoke_value(slot, SHAPES "add", silent, args, &call, &result, &r->diag),
        "are no value of the parameters");
    assert_int_equal(
        berth_slot_invoke_value(slot, "forget", func, args, &call, &result, &r->diag),
        BERTH_E_STATE); /* it is agreed upon as another */
    assert_int_equal(berth_slot_func_type(slot, "none", &func, &r->diag), BERTH_E_ABSENT);
    assert_int_equal(slot_rig_stats(slot).calls, 2);
    berth_type_destroy(func);
    berth_type_destroy(silent);
}

/* Of a component and of a shared object, by the same steps. */
static void a_native_plugin_is_called_with_values(void **state)
{
    static const char *const builds[] = { "tally.wasm", "tally.so" };
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "tally", NULL);
    berth_call call = BERTH_CALL_INIT;

    call.arena = r->arena;
    for (unsigned i = 0; i < 2; i++) {
        berth_type *add = NULL, *top = NULL;
        berth_value args, result = BERTH_VALUE_INIT;

        slot_rig_install_one_source(r, slot, builds[i]);
        ok(r, berth_slot_func_type(slot, "example:tally/counting@1.0.0#add", &add, &r->diag));
        ok(r, berth_slot_func_type(slot, "example:tally/counting@1.0.0#top", &top, &r->diag));
        args = first_of(r, berth_type_params(add));
        ok(r, berth_value_set_string(berth_value_at(args, 0), "to be or to", 11, r->arena,
                                     &r->diag));
        ok(r, berth_slot_invoke_value(slot, "example:tally/counting@1.0.0#add", add, args,
                                      &call, &result, &r->diag));
        args = read_as(r, berth_type_params(top), "{most: 1}");
        ok(r, berth_slot_invoke_value(slot, "example:tally/counting@1.0.0#top", top, args,
                                      &call, &result, &r->diag));
        ok(r, berth_value_check(result, &r->diag));
        assert_string_equal(text_of(r, result, BERTH_TEXT_JSON),
                            "[{\"word\": \"to\", \"times\": 2}]");
        berth_type_destroy(add);
        berth_type_destroy(top);
    }
}

static void a_contract_has_types(void **state)
{
    static const char wit[] = "package a:b@1.0.0; interface other { record inner { n: u8 } } "
                              "interface i { use other.{inner}; type many = list<inner>; "
                              "resource conn { send: func(x: many) -> bool; } "
                              "variant v { a, b(many), c(own<conn>) } "
                              "f: func(x: v, y: borrow<conn>) -> result<many, string>; }";
    slot_rig *r = *state;
    berth_contract *contract = NULL;
    berth_type *type = NULL;
    const char *text = NULL;
    static const char *const cases[][2] = {
        { "f", "func(x: variant { a, b(list<record { n: u8 }>), c(own<resource>) }, y: "
               "borrow<resource>) -> result<list<record { n: u8 }>, string>" },
        { "v", "variant { a, b(list<record { n: u8 }>), c(own<resource>) }" },
        { "many", "list<record { n: u8 }>" },
        { "[method]conn.send",
          "func(self: borrow<resource>, x: list<record { n: u8 }>) -> bool" },
    };

    ok(r, berth_contract_parse(&r->allocator, wit, sizeof wit - 1, "i", &contract, &r->diag));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (berth_contract_type(contract, cases[i][0], &type, &r->diag) != BERTH_OK)
            fail_msg("%s: %s", cases[i][0], r->diag.text);
        ok(r, berth_type_write(type, r->arena, &text, &r->diag));
        assert_string_equal(text, cases[i][1]);
        berth_type_destroy(type);
    }
    slot_rig_check(r, berth_contract_type(contract, "g", &type, &r->diag), BERTH_E_ABSENT,
                   BERTH_REASON_NONE, "a:b/i@1.0.0 has nothing called 'g'");
    assert_int_equal(berth_contract_type(contract, "conn", &type, &r->diag), BERTH_E_INVALID);
    berth_contract_destroy(contract);
}

/* ---------------------------------------------------------------- memory */

static berth_status everything(slot_rig *r, berth_arena *arena, berth_diag *diag)
{
    static const char json[] = "{\"a\": [[\"x\"], []], \"b\": {\"k\": \"v\"}}";
    berth_type *type = NULL;
    berth_value value = BERTH_VALUE_INIT, copy = BERTH_VALUE_INIT;
    const char *text = NULL;
    int32_t order;
    berth_status status = berth_type_parse(
        &r->allocator, "record { a: list<list<string>>, b: variant { k(string) } }", &type,
        diag);

    if (status == BERTH_OK)
        status = berth_value_read(type, BERTH_TEXT_JSON, json, sizeof json - 1, 0, arena,
                                  &value, diag);
    if (status == BERTH_OK)
        status = berth_value_resize(berth_value_field(value, "a"), 300, arena, diag);
    if (status == BERTH_OK)
        status = berth_value_set_string(berth_value_at(berth_value_field(value, "b"), 0), json,
                                        sizeof json - 1, arena, diag);
    if (status == BERTH_OK)
        status = berth_value_copy(value, 0, arena, &copy, diag);
    if (status == BERTH_OK)
        status = berth_value_write(copy, BERTH_TEXT_WAVE, arena, &text, diag);
    if (status == BERTH_OK)
        status = berth_type_write(type, arena, &text, diag);
    if (status == BERTH_OK)
        status = berth_value_compare(value, copy, &order, diag);
    berth_type_destroy(type);
    return status;
}

static berth_status call_add(slot_rig *r, berth_slot *slot, berth_arena *arena,
                             berth_diag *diag)
{
    berth_call call = BERTH_CALL_INIT;
    berth_value args = BERTH_VALUE_INIT, result = BERTH_VALUE_INIT;
    berth_type *func = NULL;
    berth_status status = berth_slot_func_type(slot, SHAPES "add", &func, diag);

    (void)r;
    call.arena = arena;
    if (status == BERTH_OK)
        status = berth_value_make(berth_type_params(func), arena, &args, diag);
    if (status == BERTH_OK)
        status = berth_slot_invoke_value(slot, SHAPES "add", func, args, &call, &result, diag);
    berth_type_destroy(func);
    return status;
}

typedef struct step_of {
    slot_rig *r;
    berth_slot *slot; /* NULL: values alone */
    size_t live_bytes;
} step_of;

static berth_status step(void *ctx, berth_diag *diag)
{
    step_of *s = ctx;
    berth_arena *arena = NULL;
    berth_status status = berth_arena_create(&s->r->allocator, 0, &arena, diag);

    if (status == BERTH_OK)
        status = s->slot == NULL ? everything(s->r, arena, diag)
                                 : call_add(s->r, s->slot, arena, diag);
    berth_arena_destroy(arena);
    return status;
}

static void check(void *ctx, berth_status status)
{
    step_of *s = ctx;
    berth_diag diag;

    /* What failed may have ended the instance, which the next call replaces. */
    if (status != BERTH_OK)
        assert_int_equal(step(s, &diag), BERTH_OK);
    assert_int_equal(atomic_load(&s->r->memory.live_bytes), s->live_bytes);
}

static void each_allocation_may_fail(void **state)
{
    step_of s = { .r = *state };
    berth_diag diag;

    s.live_bytes = atomic_load(&s.r->memory.live_bytes);
    assert_true(fault_sweep(&s.r->memory, step, check, &s) >= 6);
    s.slot = open_values(s.r);
    assert_int_equal(step(&s, &diag), BERTH_OK); /* agrees, and makes the thread's seat */
    s.live_bytes = atomic_load(&s.r->memory.live_bytes);
    assert_true(fault_sweep(&s.r->memory, step, check, &s) >= 4);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(every_type_says_what_it_is_made_of),
        slot_test(parts_have_names_and_types),
        slot_test(text_that_is_no_type_is_refused_with_its_column),
        slot_test(types_have_bounds),
        slot_test(first_values_are_values),
        slot_test(a_value_is_built_and_looked_into),
        slot_test(a_value_is_what_a_typed_call_takes),
        slot_test(lists_keep_what_they_have_when_they_are_resized),
        slot_test(what_does_not_fit_is_refused_and_changes_nothing),
        slot_test(memory_that_is_no_value_is_seen),
        slot_test(a_copy_shares_nothing_and_has_a_bound),
        slot_test(values_have_an_order),
        slot_test(values_of_two_types_have_no_order),
        slot_test(text_is_read_with_a_bound),
        slot_test(values_nest_as_deep_as_their_types),
        slot_test(a_function_is_called_with_values),
        slot_test(a_native_plugin_is_called_with_values),
        slot_test(a_contract_has_types),
        slot_test(each_allocation_may_fail),
    };

    return slot_rig_run("values", tests, sizeof tests / sizeof *tests);
}
