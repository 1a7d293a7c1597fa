/* wave_test.c - values as WAVE text: what reads as what, what is written, and what is wrong. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "cm_types.h"
#include "cm_values.h"
#include "component/value/value.h"
#include "memory.h"

typedef struct rig {
    bertht_cm_types t;
    bertht_memory memory;
    berth_allocator allocator;
    berth_arena *arena;
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
    if (berth_arena_create(&r.allocator, 0, &r.arena, NULL) != BERTH_OK)
        return -1;
    r.room.arena = r.arena;
    *state = &r;
    return 0;
}

static int tear_down(void **state)
{
    rig *r = *state;

    bertht_cm_types_fini(&r->t);
    berth_arena_destroy(r->arena);
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

static const void *must_read(rig *r, const char *type, const char *text)
{
    const void *value = NULL;

    if (berthi_cm_wave_read(text, strlen(text), type_of(r, type), &r->room, &value, &r->diag) !=
        BERTH_OK)
        fail_msg("%s as %s: %s", text, type, r->diag.text);
    return value;
}

/* Reads `text` and expects `again` to be written for it. */
static void expect(rig *r, const char *type, const char *text, const char *again)
{
    const void *value = must_read(r, type, text);
    berthi_text_buf out;

    berthi_text_buf_init(&out, &r->allocator);
    if (berthi_cm_wave_write(&out, type_of(r, type), value, &r->diag) != BERTH_OK)
        fail_msg("%s", r->diag.text);
    assert_string_equal(out.data, again);
    berthi_text_buf_fini(&out);
}

static void expect_wrong(rig *r, const char *type, const char *text, const char *why)
{
    const void *value = NULL;
    berth_status status =
        berthi_cm_wave_read(text, strlen(text), type_of(r, type), &r->room, &value, &r->diag);

    if (status != BERTH_E_INVALID || value != NULL)
        fail_msg("%s as %s: %d", text, type, (int)status);
    assert_string_equal(r->diag.text, why);
}

/* ---------------------------------------------------------------- in memory */

static void what_is_read_has_the_layout_of_a_c_struct(void **state)
{
    rig *r = *state;
    const struct {
        bool yes;
        int16_t small;
        struct {
            const char *text;
            size_t size;
        } name;
        uint8_t flags;
        struct {
            uint8_t is_some;
            double value;
        } ratio;
        struct {
            uint8_t tag;
            union {
                uint32_t number;
                struct {
                    const uint16_t *items;
                    size_t count;
                } list;
            } u;
        } choice;
        uint32_t letter;
        uint8_t fixed[3];
    } *v = must_read(
        r,
        "record { yes: bool, small: s16, name: string, perms: flags { r, w, x }, "
        "ratio: option<f64>, choice: variant { a(u32), b(list<u16>), c }, letter: char, "
        "fixed: list<u8, 3> }",
        "{yes: true, small: -2, name: \"h\xc3\xa9\", perms: {x, r}, ratio: 0.5, "
        "choice: b([7, 65535]), letter: '\\u{1f600}', fixed: [1, 2, 3]}");

    assert_true(v->yes);
    assert_int_equal(v->small, -2);
    assert_int_equal(v->name.size, 3);
    assert_memory_equal(v->name.text, "h\xc3\xa9", 3);
    assert_int_equal(v->flags, 5);
    assert_int_equal(v->ratio.is_some, 1);
    assert_true(v->ratio.value == 0.5);
    assert_int_equal(v->choice.tag, 1);
    assert_int_equal(v->choice.u.list.count, 2);
    assert_int_equal(v->choice.u.list.items[0], 7);
    assert_int_equal(v->choice.u.list.items[1], 65535);
    assert_int_equal(v->letter, 0x1f600);
    assert_memory_equal(v->fixed, "\1\2\3", 3);
}

static void large_tags_and_flags_take_more_bytes(void **state)
{
    rig *r = *state;
    const uint16_t *nine = must_read(r, "flags { a, b, c, d, e, f, g, h, i }", "{ i , a }");
    const uint32_t *wide =
        must_read(r, "flags { a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q }", "{q}");
    berthi_cm_extern items[257] = { { .type = NULL } };
    static char names[257][16];
    const berthi_cm_type *type;
    const void *value;

    assert_int_equal(*nine, 0x101);
    assert_int_equal(*wide, 0x10000);
    for (int i = 0; i < 257; i++) {
        snprintf(names[i], sizeof names[i], "n%d", i);
        items[i].name = (berthi_name){ names[i], (uint32_t)strlen(names[i]) };
    }
    type = berthi_cm_intern(
        &r->t.types, &(berthi_cm_type){ .kind = BERTHI_CM_ENUM, .count = 257, .items = items });
    assert_int_equal(berthi_cm_wave_read("n256", 4, type, &r->room, &value, NULL), BERTH_OK);
    assert_int_equal(*(const uint16_t *)value, 256);
}

static void results_and_handles_lie_where_the_layout_says(void **state)
{
    rig *r = *state;
    const struct {
        uint8_t is_err;
        union {
            uint64_t ok;
            uint32_t err;
        } u;
    } *v = must_read(r, "result<u64, u32>", "err(7)");

    assert_int_equal(v->is_err, 1);
    assert_int_equal(v->u.err, 7);
    assert_int_equal(type_of(r, "own")->host_size, 8);
    assert_int_equal(type_of(r, "tuple<u8, own>")->host_size, 16);
    assert_int_equal(type_of(r, "result")->host_size, 1);
    assert_int_equal(type_of(r, "list<string, 3>")->host_size, 48);
}

/* ---------------------------------------------------------------- text */

static void every_type_reads_and_writes(void **state)
{
    rig *r = *state;

    expect(r, "bool", " true // a comment", "true");
    expect(r, "bool", "false", "false");
    expect(r, "u8", "255", "255");
    expect(r, "s8", "-128", "-128");
    expect(r, "u16", "65535", "65535");
    expect(r, "s16", "-32768", "-32768");
    expect(r, "u32", "4294967295", "4294967295");
    expect(r, "s32", "-2147483648", "-2147483648");
    expect(r, "u64", "18446744073709551615", "18446744073709551615");
    expect(r, "s64", "-9223372036854775808", "-9223372036854775808");
    expect(r, "s64", "9223372036854775807", "9223372036854775807");
    expect(r, "char", "'\\''", "'\\''");
    expect(r, "char", "'\"'", "'\"'");
    expect(r, "char", "'\\u{0}'", "'\\u{0}'");
    expect(r, "string", "\"a\\\"\\\\\\n\\t\\r\\u{7}\\u{E9}'\"",
           "\"a\\\"\\\\\\n\\t\\r\\u{7}\xc3\xa9'\"");
    expect(r, "list<u8>", "[ ]", "[]");
    expect(r, "list<u8>", "[1,2 , 3,]", "[1, 2, 3]");
    expect(r, "list<u8, 2>", "[1, 2]", "[1, 2]");
    expect(r, "list<list<string>>", "[[], [\"\"]]", "[[], [\"\"]]");
    expect(r, "map<string, u8>", "[(\"a\", 1), (\"b\", 2,)]", "[(\"a\", 1), (\"b\", 2)]");
    expect(r, "tuple<u8, string>", "(1, \"x\")", "(1, \"x\")");
    expect(r, "record { a: u8, b: string }", "{b: \"x\", %a: 1,}", "{a: 1, b: \"x\"}");
    expect(r, "record { a: u8, b: option<u8> }", "{a: 1}", "{a: 1}");
    expect(r, "record { a: option<u8> }", "{:}", "{:}");
    expect(r, "record { a: option<u8> }", "{a: none}", "{:}");
    expect(r, "variant { a, b(u8) }", "a", "a");
    expect(r, "variant { a, b(u8) }", "b ( 7 )", "b(7)");
    expect(r, "variant { err(string), ok }", "%err(\"x\")", "%err(\"x\")");
    expect(r, "enum { south, HTTP2 }", "HTTP2", "HTTP2");
    expect(r, "enum { none, true }", "%true", "%true");
    expect(r, "flags { a, b, c }", "{c, a}", "{a, c}");
    expect(r, "flags { a, b, c }", "{}", "{}");
}

static void options_and_results_may_be_flat(void **state)
{
    rig *r = *state;

    expect(r, "option<u8>", "5", "some(5)");
    expect(r, "option<u8>", "some(5)", "some(5)");
    expect(r, "option<u8>", "none", "none");
    expect(r, "option<enum { none }>", "%none", "some(%none)");
    expect(r, "option<enum { none }>", "none", "none");
    expect(r, "option<option<u8>>", "some(none)", "some(none)");
    expect(r, "option<option<u8>>", "some(5)", "some(some(5))");
    expect(r, "result<u8, string>", "5", "ok(5)");
    expect(r, "result<u8, string>", "ok(5)", "ok(5)");
    expect(r, "result<u8, string>", "err(\"no\")", "err(\"no\")");
    expect(r, "result<u8>", "err", "err");
    expect(r, "result<_, u8>", "ok", "ok");
    expect(r, "result", "err", "err");
    expect(r, "result<list<u8>, string>", "[1]", "ok([1])");
    expect(r, "list<option<string>>", "[\"a\", none]", "[some(\"a\"), none]");
    expect_wrong(r, "option<option<u8>>", "5",
                 "column 1: expected option<option<u8>>, found a number\n  5\n  ^");
    expect_wrong(r, "result<option<u8>>", "5",
                 "column 1: expected result<option<u8>>, found a number\n  5\n  ^");
    expect_wrong(r, "result", "5", "column 1: expected result, found a number\n  5\n  ^");
}

static void floating_point_numbers_are_exact(void **state)
{
    rig *r = *state;

    expect(r, "f64", "0.1", "0.1");
    expect(r, "f64", "-0", "-0");
    expect(r, "f64", "6.022e+23", "6.022e23");
    expect(r, "f64", "1e16", "10000000000000000");
    expect(r, "f64", "1e17", "1e17");
    expect(r, "f64", "0.00001", "0.00001");
    expect(r, "f64", "1.7976931348623157e308", "1.7976931348623157e308");
    expect(r, "f64", "4.9406564584124654e-324", "5e-324");
    expect(r, "f64", "0.30000000000000004", "0.30000000000000004");
    expect(r, "f64", "1e-999", "0");
    expect(r, "f64", "nan", "nan");
    expect(r, "f64", "inf", "inf");
    expect(r, "f64", "-inf", "-inf");
    expect(r, "f32", "0.1", "0.1");
    expect(r, "f32", "16777217", "16777216");
    expect(r, "f32", "3.4028235e38", "3.4028235e38");
    expect(r, "f32", "-inf", "-inf");
    /* rounding to f32 through f64 would be wrong by one here */
    expect(r, "f32", "1.00000005960464477539062500001", "1.0000001");
    expect_wrong(r, "f64", "1e999", "column 1: the number does not fit f64\n  1e999\n  ^");
    expect_wrong(r, "f32", "3.5e38", "column 1: the number does not fit f32\n  3.5e38\n  ^");
    expect_wrong(r, "f64", "nano", "column 1: expected f64, found a word\n  nano\n  ^");
    expect_wrong(r, "f64", "1.", "column 2: the value ends before `.`\n  1.\n   ^");
}

static void strings_may_have_lines_of_their_own(void **state)
{
    rig *r = *state;

    expect(r, "string", "\"\"\"\nA single line\n\"\"\"", "\"A single line\"");
    expect(r, "string", "\"\"\"\r\nA\r\n\r\nB\r\n\"\"\"", "\"A\\n\\nB\"");
    expect(r, "string", "\"\"\"\n    by the\n      end\n  \"\"\"", "\"  by the\\n    end\"");
    expect(r, "string", "\"\"\"\n  kept: \\r\n  and \"\"\\\"\"\n  \"\"\"",
           "\"kept: \\r\\nand \\\"\\\"\\\"\\\"\"");
    expect(r, "string", "\"\"\"\n\"\"\"", "\"\"");
    expect(r, "string", "\"\"\"\n\n\"\"\"", "\"\"");
    expect(r, "tuple<string, u8>", "(\"\"\"\n  a\n  \"\"\", 1)", "(\"a\", 1)");
    expect_wrong(r, "string", "\"\"\"a\"\"\"",
                 "column 4: a line break follows \"\"\"\n  \"\"\"a\"\"\"\n     ^");
    expect_wrong(r, "string", "\"\"\"\n a\n  \"\"\"",
                 "line 2, column 2: this line is indented less than the quotes that end the "
                 "string\n   a\n   ^");
    expect_wrong(r, "string", "\"\"\"\na",
                 "line 1, column 1: the string does not end\n  \"\"\"\n  ^");
    expect_wrong(
        r, "string", "\"\"\"\na\"\"\"",
        "line 2, column 2: the quotes that end the string stand on a line of their own "
        "(\"\"\" in it is written \"\"\\\")\n  a\"\"\"\n   ^");
}

/* ---------------------------------------------------------------- what is wrong */

static void errors_say_what_was_expected_where(void **state)
{
    rig *r = *state;
    const char *person = "record { name: string, age: u32 }";

    expect_wrong(r, person, "{name: \"a\", age: \"x\"}",
                 "column 18: expected u32 for `age`, found a string\n"
                 "  {name: \"a\", age: \"x\"}\n"
                 "                   ^");
    expect_wrong(r, person, "{name: \"a\"}",
                 "column 1: field `age` of record { name: string, age: u32 } is missing\n"
                 "  {name: \"a\"}\n  ^");
    expect_wrong(r, person, "{name: \"a\", name: \"b\"}",
                 "column 13: field `name` is there twice\n  {name: \"a\", name: \"b\"}\n"
                 "              ^");
    expect_wrong(r, person, "{nam: \"a\"}",
                 "column 2: record { name: string, age: u32 } has no field `nam`\n"
                 "  {nam: \"a\"}\n   ^");
    expect_wrong(r, person, "{}",
                 "column 2: expected a field of record { name: string, age: u32 }, found "
                 "`}`\n  {}\n   ^");
    expect_wrong(r, "u8", "256", "column 1: the number does not fit u8 (0 to 255)\n  256\n  ^");
    expect_wrong(r, "u8", "-1", "column 1: the number does not fit u8 (0 to 255)\n  -1\n  ^");
    expect_wrong(r, "s8", "128",
                 "column 1: the number does not fit s8 (-128 to 127)\n  128\n  ^");
    expect_wrong(r, "s8", "-129",
                 "column 1: the number does not fit s8 (-128 to 127)\n  -129\n  ^");
    expect_wrong(r, "u64", "18446744073709551616",
                 "column 1: the number does not fit u64 (64 bits, unsigned)\n"
                 "  18446744073709551616\n  ^");
    expect_wrong(r, "u8", "1.5",
                 "column 1: expected u8, found a number with a fraction\n  1.5\n  ^");
    expect_wrong(r, "u8", "", "column 1: expected u8, found the end of the text\n  \n  ^");
    expect_wrong(r, "u8", "1 2", "column 3: the value ends before a number\n  1 2\n    ^");
    expect_wrong(r, "u8", "01", "column 2: the value ends before a number\n  01\n   ^");
    expect_wrong(r, "list<u8>", "[1 2]",
                 "column 4: expected ',' or ']', found a number\n  [1 2]\n     ^");
    expect_wrong(r, "tuple<u8, u8>", "(1)",
                 "column 3: tuple<u8, u8> has 2 items, not 1\n  (1)\n    ^");
    expect_wrong(r, "tuple<u8>", "(1, 2)",
                 "column 5: tuple<u8> has no more than 1 items\n  (1, 2)\n      ^");
    expect_wrong(r, "list<u8, 2>", "[1]",
                 "column 3: list<u8, 2> has 2 items, not 1\n  [1]\n    ^");
    expect_wrong(r, "list<u8, 2>", "[1, 2, 3]",
                 "column 8: list<u8, 2> has 2 items, not more than 2\n  [1, 2, 3]\n         ^");
    expect_wrong(r, "enum { a, b }", "c",
                 "column 1: `c` is no case of enum { a, b }\n  c\n  ^");
    expect_wrong(r, "enum { ok }", "ok",
                 "column 1: the case `ok` is written %ok here\n  ok\n  ^");
    expect_wrong(r, "flags { a }", "{a, a}", "column 5: `a` is there twice\n  {a, a}\n      ^");
    expect_wrong(r, "own", "1",
                 "column 1: a value of own<resource> cannot be written as text\n  1\n  ^");
    expect_wrong(r, "list<u8>", "[\n 1,\n x]",
                 "line 3, column 2: expected u8, found a word\n   x]\n   ^");
}

static void errors_show_strange_text_without_harm(void **state)
{
    rig *r = *state;
    char text[500];

    expect_wrong(r, "string", "\"\xe2\x98\x83\\q\"",
                 "column 3: unknown escape (there are \\\" \\' \\\\ \\t \\n \\r \\u{})\n"
                 "  \"\xe2\x98\x83\\q\"\n    ^");
    expect_wrong(r, "string", "\"a\xff\x1b[1m\"",
                 "column 3: the text is not UTF-8\n  \"a??[1m\"\n    ^");
    expect_wrong(r, "string", "\"\\u{d800}\"",
                 "column 2: \\u{d800} is no character\n  \"\\u{d800}\"\n   ^");
    expect_wrong(r, "string", "\"\\u{1234567}\"",
                 "column 2: \\u is followed by {1 to 6 hexadecimal digits}\n"
                 "  \"\\u{1234567}\"\n   ^");
    expect_wrong(r, "string", "\"abc",
                 "column 1: the string does not end on its line\n  \"abc\n  ^");
    expect_wrong(r, "char", "'ab'",
                 "column 3: a char is one character between quotes\n  'ab'\n    ^");
    expect_wrong(r, "char", "''",
                 "column 2: a char is one character between quotes\n  ''\n   ^");
    memset(text, ' ', sizeof text);
    memcpy(text + 200, "oops", 4);
    text[sizeof text - 1] = '\0';
    expect_wrong(r, "u8", text,
                 "column 201: expected u8, found a word\n"
                 "  ...                                       oops                    ...\n"
                 "                                            ^");
}

static void memory_is_bounded_before_it_is_taken(void **state)
{
    rig *r = *state;
    const void *value = NULL;
    const char *many = "[none, none, none, none]";

    r->room.bytes_max = 1000;
    assert_int_equal(berthi_cm_wave_read(many, strlen(many),
                                         type_of(r, "list<option<list<u8, 4096>>>"), &r->room,
                                         &value, &r->diag),
                     BERTH_E_LIMIT);
    assert_int_equal(r->diag.reason, BERTH_REASON_INPUT);
    assert_int_equal(berthi_cm_wave_read("none", 4, type_of(r, "option<list<u8, 999>>"),
                                         &r->room, &value, &r->diag),
                     BERTH_OK);
    assert_int_equal(berthi_cm_wave_read("none", 4, type_of(r, "option<list<u8, 1000>>"),
                                         &r->room, &value, &r->diag),
                     BERTH_E_LIMIT);
    r->room.bytes_max = 0;
}

static void what_is_no_value_is_not_written(void **state)
{
    rig *r = *state;
    static const uint8_t tag[] = { 2, 0 };
    static const uint32_t surrogate = 0xd800;
    const struct {
        const char *text;
        size_t size;
    } half = { "\xe2\x98", 2 }, null = { NULL, 1 };
    const struct {
        const char *type;
        const void *value;
        const char *why;
    } cases[] = {
        { "option<u8>", tag, "no value of option<u8>: its tag is neither 0 nor 1" },
        { "enum { a, b }", tag, "no value of enum { a, b }: its tag is beyond its cases" },
        { "flags { a }", tag, "no value of flags { a }: a bit beyond its flags is set" },
        { "char", &surrogate, "no value of char: it is no character" },
        { "string", &half, "no value of string: it is not UTF-8" },
        { "string", &null, "no value of string: a null pointer" },
        { "list<u8>", &null, "no value of list<u8>: a null pointer" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        berthi_text_buf out;

        berthi_text_buf_init(&out, &r->allocator);
        assert_int_equal(
            berthi_cm_wave_write(&out, type_of(r, cases[i].type), cases[i].value, &r->diag),
            BERTH_E_INVALID);
        assert_string_equal(r->diag.text, cases[i].why);
        berthi_text_buf_fini(&out);
    }
}

/* ---------------------------------------------------------------- calls */

static void a_call_names_an_interface_a_function_and_arguments(void **state)
{
    rig *r = *state;
    const char *text = " demo:plug/host@1.0.0#[method]conn.send (\"a(b\", [1, 2], )";
    const berthi_cm_type *func = type_of(
        r, "func(text: string, list: list<u8>, more: option<u32>, last: option<string>) -> u8");
    berthi_cm_wave_call call;
    const void *args = NULL;
    const struct {
        const char *text;
        size_t text_size;
        const uint8_t *list;
        size_t list_count;
        uint8_t has_more;
    } * a;

    assert_int_equal(berthi_cm_wave_call_read(text, strlen(text), &call, &r->diag), BERTH_OK);
    assert_int_equal(call.instance.size, 20);
    assert_memory_equal(call.instance.text, "demo:plug/host@1.0.0", 20);
    assert_int_equal(call.function.size, 17);
    assert_memory_equal(call.function.text, "[method]conn.send", 17);
    assert_int_equal(
        berthi_cm_wave_arguments(text, strlen(text), &call, func, &r->room, &args, &r->diag),
        BERTH_OK);
    a = args;
    assert_memory_equal(a->text, "a(b", a->text_size);
    assert_int_equal(a->list_count, 2);
    assert_int_equal(a->list[1], 2);
    assert_int_equal(a->has_more, 0);
}

static void expect_bad_call(rig *r, const char *func, const char *text, const char *why)
{
    berthi_cm_wave_call call;
    const void *args = NULL;
    berth_status status = berthi_cm_wave_call_read(text, strlen(text), &call, &r->diag);

    if (status == BERTH_OK)
        status = berthi_cm_wave_arguments(text, strlen(text), &call, type_of(r, func), &r->room,
                                          &args, &r->diag);
    assert_int_equal(status, BERTH_E_INVALID);
    assert_string_equal(r->diag.text, why);
}

static void calls_that_do_not_fit_say_why(void **state)
{
    rig *r = *state;
    const char *func = "func(a: u8, b: string)";

    expect_bad_call(r, func, "f",
                    "column 2: expected '(' behind the function's name\n  f\n   ^");
    expect_bad_call(r, func, "(1)", "column 1: expected the name of a function\n  (1)\n  ^");
    expect_bad_call(r, func, "#f(1)",
                    "column 1: expected an interface in front of '#'\n  #f(1)\n  ^");
    expect_bad_call(r, func, "f(1)",
                    "column 4: the argument `b` of func(a: u8, b: string) is missing\n  f(1)\n"
                    "     ^");
    expect_bad_call(r, func, "f(1, \"\", 2)",
                    "column 10: too many arguments for func(a: u8, b: string)\n"
                    "  f(1, \"\", 2)\n           ^");
    expect_bad_call(r, func, "f(1, 2)",
                    "column 6: expected string for `b`, found a number\n  f(1, 2)\n       ^");
    expect_bad_call(r, func, "f(1, \"\") x",
                    "column 10: the value ends before a word\n  f(1, \"\") x\n           ^");
    expect_bad_call(r, "func()", "f(1)",
                    "column 3: too many arguments for func()\n  f(1)\n    ^");
}

/* ---------------------------------------------------------------- all of them */

static void random_values_survive_the_round_trip(void **state)
{
    rig *r = *state;
    uint64_t seed = 20260821;
    size_t written = 0;

    for (int i = 0; i < 3000; i++) {
        const berthi_cm_type *type = bertht_cm_random_type(&r->t, &seed, 4);
        void *value = berth_arena_alloc(r->arena, type->host_size);
        const void *again = NULL;
        berthi_text_buf out;

        assert_non_null(value);
        bertht_cm_random_value(type, &seed, r->arena, value);
        assert_true(bertht_cm_same_value(type, value, value));
        berthi_text_buf_init(&out, &r->allocator);
        assert_int_equal(berthi_cm_wave_write(&out, type, value, &r->diag), BERTH_OK);
        assert_false(out.has_failed);
        if (berthi_cm_wave_read(out.data, out.size, type, &r->room, &again, &r->diag) !=
            BERTH_OK)
            fail_msg("round %d: %s\n%s", i, out.data, r->diag.text);
        if (!bertht_cm_same_value(type, value, again))
            fail_msg("round %d: %s reads as something else", i, out.data);
        written += out.size;
        berthi_text_buf_fini(&out);
        berth_arena_reset(r->arena);
        r->t.types.work = BERTHI_CM_WORK_MAX;
    }
    assert_true(written > 100000); /* they were not all empty */
}

/* Each beginning of a text is refused or a value; nothing is read behind it (ASan sees). */
static void every_beginning_of_a_text_is_answered(void **state)
{
    rig *r = *state;
    const char *type =
        "record { a: list<tuple<string, option<f64>>>, b: variant { x(char), y }, "
        "c: flags { p, q }, d: result<u8, string>, e: bool }";
    const char *text =
        "{a: [(\"\\u{e9}\", 1.5e3), (\"\"\"\n  x\n  \"\"\", none)], b: x('\\n'), // c\n"
        "c: {p, q}, d: err(\"\"), e: true}";
    size_t size = strlen(text);

    for (size_t i = 0; i <= size; i++) {
        char *copy = berthi_alloc(&r->allocator, i + 1);
        const void *value = NULL;
        berth_status status;

        memcpy(copy, text, i);
        status = berthi_cm_wave_read(copy, i, type_of(r, type), &r->room, &value, &r->diag);
        assert_int_equal(status, i == size ? BERTH_OK : BERTH_E_INVALID);
        berthi_free(&r->allocator, copy, i + 1);
    }
}

static void each_allocation_may_fail(void **state)
{
    rig *r = *state;
    const berthi_cm_type *type = type_of(r, "list<list<string>>");
    const char *text =
        "[[\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\", \"b\", \"c\", \"d\", \"e\"], []]";
    size_t failed = 0;

    for (size_t nth = 0;; nth++) {
        const void *value = NULL;
        berth_arena *arena = NULL;
        berthi_cm_value_room room;
        berthi_text_buf out;
        berth_status status;

        assert_int_equal(berth_arena_create(&r->allocator, 16, &arena, NULL), BERTH_OK);
        room = (berthi_cm_value_room){ .arena = arena };
        berthi_text_buf_init(&out, &r->allocator);
        memory_fail(&r->memory, nth, true);
        status = berthi_cm_wave_read(text, strlen(text), type, &room, &value, &r->diag);
        if (status == BERTH_OK)
            assert_int_equal(berthi_cm_wave_write(&out, type, value, &r->diag), BERTH_OK);
        memory_fail(&r->memory, MEMORY_NEVER, false);
        assert_true(status == BERTH_OK || status == BERTH_E_NOMEM);
        failed += status == BERTH_E_NOMEM || out.has_failed;
        if (status == BERTH_OK && !out.has_failed)
            nth = SIZE_MAX - 1;
        berthi_text_buf_fini(&out);
        berth_arena_destroy(arena);
        if (nth == SIZE_MAX - 1)
            break;
    }
    assert_true(failed >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_read_has_the_layout_of_a_c_struct, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(large_tags_and_flags_take_more_bytes, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(results_and_handles_lie_where_the_layout_says, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(every_type_reads_and_writes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(options_and_results_may_be_flat, set_up, tear_down),
        cmocka_unit_test_setup_teardown(floating_point_numbers_are_exact, set_up, tear_down),
        cmocka_unit_test_setup_teardown(strings_may_have_lines_of_their_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_say_what_was_expected_where, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_show_strange_text_without_harm, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(memory_is_bounded_before_it_is_taken, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_value_is_not_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_call_names_an_interface_a_function_and_arguments,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(calls_that_do_not_fit_say_why, set_up, tear_down),
        cmocka_unit_test_setup_teardown(random_values_survive_the_round_trip, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(every_beginning_of_a_text_is_answered, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(each_allocation_may_fail, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
