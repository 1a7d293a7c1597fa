/* json_value_test.c - values as JSON: what reads as what, what is written, and what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "cm_types.h"
#include "cm_values.h"
#include "component/value/value.h"
#include "memory.h"
#include "process.h"

typedef struct rig {
    bertht_cm_types t;
    bertht_memory memory;
    berth_allocator allocator;
    berthi_cm_value_room room;
    berth_diag diag;
} rig;

static int set_up(void **state)
{
    static rig r;

    memory_init(&r.memory);
    r.allocator = memory_allocator(&r.memory);
    r.room = (berthi_cm_value_room){ 0 };
    bertht_cm_types_init(&r.t, &r.allocator);
    if (berth_arena_create(&r.allocator, 0, &r.room.arena, NULL) != BERTH_OK)
        return -1;
    *state = &r;
    return 0;
}

static int tear_down(void **state)
{
    rig *r = *state;

    bertht_cm_types_fini(&r->t);
    berth_arena_destroy(r->room.arena);
    memory_assert_empty(&r->memory);
    return 0;
}

static const berthi_cm_type *type_of(rig *r, const char *text)
{
    const berthi_cm_type *type = bertht_cm_type(&r->t, text);

    if (type == NULL)
        fail_msg("%s: %s", text, r->t.diag.text);
    return type;
}

/* `json` is a value that is written as `again`, and is `wave` in WAVE. */
static void expect(rig *r, const char *type, const char *json, const char *again,
                   const char *wave)
{
    const berthi_cm_type *of = type_of(r, type);
    const void *value = NULL, *same = NULL;
    berthi_text_buf out;

    if (berthi_cm_json_read(json, strlen(json), of, &r->room, &value, &r->diag) != BERTH_OK)
        fail_msg("%s as %s: %s", json, type, r->diag.text);
    if (berthi_cm_wave_read(wave, strlen(wave), of, &r->room, &same, &r->diag) != BERTH_OK)
        fail_msg("%s", r->diag.text);
    if (!bertht_cm_same_value(of, value, same))
        fail_msg("%s is not %s", json, wave);
    berthi_text_buf_init(&out, &r->allocator);
    assert_int_equal(berthi_cm_json_write(&out, of, value, &r->diag), BERTH_OK);
    assert_string_equal(out.data, again);
    berthi_text_buf_fini(&out);
}

static void every_type_reads_and_writes(void **state)
{
    rig *r = *state;

    expect(r, "bool", " true ", "true", "true");
    expect(r, "u8", "255", "255", "255");
    expect(r, "s8", "-128", "-128", "-128");
    expect(r, "u8", "\"7\"", "7", "7");
    expect(r, "char", "\"\\u00e9\"", "\"\xc3\xa9\"", "'\xc3\xa9'");
    expect(r, "string", "\"a\\u0000b\\ud83d\\ude00\"", "\"a\\u0000b\xf0\x9f\x98\x80\"",
           "\"a\\u{0}b\\u{1f600}\"");
    expect(r, "list<u8>", "[]", "[]", "[]");
    expect(r, "list<u8>", "[1,2]", "[1, 2]", "[1, 2]");
    expect(r, "list<u8, 2>", "[1,2]", "[1, 2]", "[1, 2]");
    expect(r, "map<string, u8>", "[[\"a\",1]]", "[[\"a\", 1]]", "[(\"a\", 1)]");
    expect(r, "tuple<u8, string>", "[1,\"x\"]", "[1, \"x\"]", "(1, \"x\")");
    expect(r, "record { a: u8, b: string }", "{\"b\":\"x\",\"a\":1}",
           "{\"a\": 1, \"b\": \"x\"}", "{a: 1, b: \"x\"}");
    expect(r, "record { a: option<u8>, b: u8 }", "{\"b\":1}", "{\"b\": 1}", "{b: 1}");
    expect(r, "record { a: option<u8> }", "{\"a\":null}", "{}", "{:}");
    expect(r, "flags { a, b, c }", "[\"c\",\"a\"]", "[\"a\", \"c\"]", "{a, c}");
    expect(r, "enum { ok, none }", "\"none\"", "\"none\"", "%none");
    expect(r, "variant { a, b(u8) }", "\"a\"", "\"a\"", "a");
    expect(r, "variant { a, b(u8) }", "{\"b\":7}", "{\"b\": 7}", "b(7)");
    expect(r, "option<string>", "null", "null", "none");
    expect(r, "option<string>", "\"x\"", "\"x\"", "some(\"x\")");
    expect(r, "option<option<u8>>", "null", "null", "none");
    expect(r, "option<option<u8>>", "{\"some\":null}", "{\"some\": null}", "some(none)");
    expect(r, "option<option<u8>>", "{\"some\":5}", "{\"some\": 5}", "some(some(5))");
    expect(r, "result<u8, string>", "{\"ok\":5}", "{\"ok\": 5}", "ok(5)");
    expect(r, "result<u8, string>", "{\"err\":\"no\"}", "{\"err\": \"no\"}", "err(\"no\")");
    expect(r, "result", "{\"ok\":null}", "{\"ok\": null}", "ok");
    expect(r, "option<result<_, u8>>", "{\"err\":1}", "{\"err\": 1}", "some(err(1))");
}

static void numbers_survive_every_reader_of_json(void **state)
{
    rig *r = *state;

    expect(r, "u64", "9007199254740992", "9007199254740992", "9007199254740992");
    expect(r, "u64", "9007199254740993", "\"9007199254740993\"", "9007199254740993");
    expect(r, "u64", "18446744073709551615", "\"18446744073709551615\"",
           "18446744073709551615");
    expect(r, "u64", "\"18446744073709551615\"", "\"18446744073709551615\"",
           "18446744073709551615");
    expect(r, "s64", "-9007199254740992", "-9007199254740992", "-9007199254740992");
    expect(r, "s64", "-9223372036854775808", "\"-9223372036854775808\"",
           "-9223372036854775808");
    expect(r, "f64", "0.1", "0.1", "0.1");
    expect(r, "f64", "-0", "-0", "-0");
    expect(r, "f64", "9007199254740993", "9007199254740992", "9007199254740992");
    expect(r, "f32", "16777217", "16777216", "16777216");
    if (process_rounds_once())
        expect(r, "f32", "4611686293305294849", "4.6116866e18", "4611686568183201792");
    expect(r, "f64", "\"nan\"", "\"nan\"", "nan");
    expect(r, "f64", "\"-inf\"", "\"-inf\"", "-inf");
    expect(r, "f32", "\"inf\"", "\"inf\"", "inf");
}

static void expect_wrong(rig *r, const char *type, const char *json, const char *why)
{
    const void *value = NULL;
    berth_status status =
        berthi_cm_json_read(json, strlen(json), type_of(r, type), &r->room, &value, &r->diag);

    if (status != BERTH_E_INVALID || value != NULL)
        fail_msg("%s as %s: %d", json, type, (int)status);
    if (strncmp(r->diag.text, why, strlen(why)) != 0)
        fail_msg("%s: %s\nand not %s", json, r->diag.text, why);
}

static void errors_say_what_was_expected_where(void **state)
{
    rig *r = *state;
    const char *person = "record { name: string, age: u32 }";

    expect_wrong(r, person, "{\"name\": \"a\", \"age\": \"x\"}",
                 "column 22: expected u32 for `age`, found a string\n"
                 "  {\"name\": \"a\", \"age\": \"x\"}\n                       ^");
    expect_wrong(r, person, "{\"name\": \"a\"}", "column 1: field `age` of record");
    expect_wrong(r, person, "{\"name\": \"a\", \"age\": 1, \"ago\": 2}",
                 "column 32: record { name: string, age: u32 } has no field `ago`");
    expect_wrong(r, person, "[]",
                 "column 1: expected record { name: string, age: u32 }, found an");
    expect_wrong(r, person, "{\"name\": \"a\",}",
                 "column 14: no JSON: a member's name is missing");
    expect_wrong(r, "u8", "256", "column 1: the number does not fit u8 (0 to 255)");
    expect_wrong(r, "u8", "-1", "column 1: the number does not fit u8 (0 to 255)");
    expect_wrong(r, "u8", "1.0", "column 1: expected u8, found a number with a fraction");
    expect_wrong(r, "u8", "\"\"", "column 1: expected u8, found a string");
    expect_wrong(r, "u8", "\"-\"", "column 1: expected u8, found a string");
    expect_wrong(r, "u8", "\"1x\"", "column 1: expected u8, found a string");
    expect_wrong(r, "u64", "18446744073709551616", "column 1: the number does not fit u64");
    expect_wrong(r, "bool", "1", "column 1: expected bool, found a number");
    expect_wrong(r, "f64", "1e999", "column 1: the number does not fit f64");
    expect_wrong(r, "f64", "\"infinite\"", "column 1: expected f64, found a string");
    expect_wrong(r, "char", "\"ab\"", "column 1: a char is a string of one character");
    expect_wrong(r, "char", "\"\"", "column 1: a char is a string of one character");
    expect_wrong(r, "list<u8, 2>", "[1]", "column 1: list<u8, 2> has 2 items, not 1");
    expect_wrong(r, "tuple<u8, u8>", "[1, 2, 3]", "column 1: tuple<u8, u8> has 2 items, not 3");
    expect_wrong(r, "flags { a }", "[\"b\"]", "column 2: expected one of flags { a }");
    expect_wrong(r, "flags { a }", "[\"a\", \"a\"]", "column 7: `a` is there twice");
    expect_wrong(r, "enum { a }", "\"b\"", "column 1: expected a case of enum { a }");
    expect_wrong(r, "enum { a }", "{\"a\": null}", "column 1: the case `a` has no value");
    expect_wrong(r, "variant { a(u8) }", "\"a\"", "column 1: the case `a` has a value");
    expect_wrong(r, "variant { a(u8) }", "{\"a\": 1, \"b\": 2}", "column 1: expected variant");
    expect_wrong(r, "option<option<u8>>", "5", "column 1: expected option<option<u8>>");
    expect_wrong(r, "result<u8>", "5", "column 1: expected result<u8>, found a number");
    expect_wrong(r, "result<u8>", "{\"err\": 5}",
                 "column 9: `err` of result<u8> has no value but");
    expect_wrong(r, "own", "5", "column 1: a value of own<resource> cannot be written as text");
}

static void memory_is_bounded_before_it_is_taken(void **state)
{
    rig *r = *state;
    const char *many = "[null, null, null, null]";
    const void *value = NULL;

    r->room.bytes_max = 1000;
    assert_int_equal(berthi_cm_json_read(many, strlen(many),
                                         type_of(r, "list<option<list<u8, 4096>>>"), &r->room,
                                         &value, &r->diag),
                     BERTH_E_LIMIT);
    assert_int_equal(r->diag.reason, BERTH_REASON_INPUT);
}

static void random_values_survive_the_round_trip(void **state)
{
    rig *r = *state;
    uint64_t seed = 20260822;
    size_t written = 0;

    for (int i = 0; i < 3000; i++) {
        const berthi_cm_type *type = bertht_cm_random_type(&r->t, &seed, 4);
        void *value = berth_arena_alloc(r->room.arena, type->host_size);
        const void *again = NULL;
        json_error_t error;
        berthi_text_buf out;
        json_t *json;

        assert_non_null(value);
        bertht_cm_random_value(type, &seed, r->room.arena, value);
        berthi_text_buf_init(&out, &r->allocator);
        assert_int_equal(berthi_cm_json_write(&out, type, value, &r->diag), BERTH_OK);
        json = json_loadb(out.data, out.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
        if (json == NULL)
            fail_msg("%s: %s", out.data, error.text); /* somebody else's opinion */
        json_decref(json);
        if (berthi_cm_json_read(out.data, out.size, type, &r->room, &again, &r->diag) !=
            BERTH_OK)
            fail_msg("round %d: %s\n%s", i, out.data, r->diag.text);
        if (!bertht_cm_same_value(type, value, again))
            fail_msg("round %d: %s reads as something else", i, out.data);
        written += out.size;
        berthi_text_buf_fini(&out);
        berth_arena_reset(r->room.arena);
        r->t.types.work = BERTHI_CM_WORK_MAX;
    }
    assert_true(written > 100000);
}

static void each_allocation_may_fail(void **state)
{
    rig *r = *state;
    const berthi_cm_type *type = type_of(r, "list<record { a: string, b: list<f64> }>");
    const char *text = "[{\"a\": \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\", \"b\": [1.5, -0, 2]}]";
    size_t failed = 0;
    bool is_done = false;

    for (size_t nth = 0; !is_done; nth++) {
        berthi_cm_value_room room = { .arena = NULL };
        const void *value = NULL;
        berth_status status;

        assert_int_equal(berth_arena_create(&r->allocator, 16, &room.arena, NULL), BERTH_OK);
        memory_fail(&r->memory, nth, true);
        status = berthi_cm_json_read(text, strlen(text), type, &room, &value, &r->diag);
        memory_fail(&r->memory, MEMORY_NEVER, false);
        is_done = status == BERTH_OK;
        assert_true(is_done || status == BERTH_E_NOMEM);
        failed += !is_done;
        berth_arena_destroy(room.arena);
    }
    assert_true(failed >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_type_reads_and_writes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbers_survive_every_reader_of_json, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(errors_say_what_was_expected_where, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_is_bounded_before_it_is_taken, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(random_values_survive_the_round_trip, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(each_allocation_may_fail, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
