/* toml_test.c - TOML: what is taken and what it means, what is refused and where, and limits. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <berth/toml.h>

#include "base/text_buf.h"
#include "base/toml_reader.h"
#include "base/utf8.h"
#include "memory.h"

/* ---------------------------------------------------------------- values as text */

static void put_time(berthi_text_buf *b, const berthi_toml *v)
{
    const berthi_toml_time *t = &v->as.time;

    if (v->kind != BERTHI_TOML_LOCAL_TIME)
        berthi_text_buf_putf(b, "%04u-%02u-%02u", t->year, t->month, t->day);
    if (v->kind == BERTHI_TOML_DATE_TIME || v->kind == BERTHI_TOML_LOCAL_DATE_TIME)
        berthi_text_buf_puts(b, "T");
    if (v->kind != BERTHI_TOML_LOCAL_DATE)
        berthi_text_buf_putf(b, "%02u:%02u:%02u.%09u", t->hour, t->minute, t->second,
                             t->nanosecond);
    if (v->kind == BERTHI_TOML_DATE_TIME)
        berthi_text_buf_putf(b, "%+d", t->offset);
}

static void put_scalar(berthi_text_buf *b, const berthi_toml *v)
{
    char shown[256];

    switch (v->kind) {
    case BERTHI_TOML_STRING:
        berthi_text_buf_putf(
            b, "'%s'",
            berthi_utf8_show(shown, sizeof shown, v->as.string.text, v->as.string.length));
        break;
    case BERTHI_TOML_INTEGER:
        if (v->is_wide)
            berthi_text_buf_putf(b, "%lluu", (unsigned long long)v->as.integer);
        else
            berthi_text_buf_putf(b, "%lld", (long long)v->as.integer);
        break;
    case BERTHI_TOML_FLOAT:
        berthi_text_buf_putf(b, "f%g", v->as.number);
        break;
    case BERTHI_TOML_BOOL:
        berthi_text_buf_puts(b, v->as.boolean ? "true" : "false");
        break;
    default:
        put_time(b, v);
    }
}

static void put(berthi_text_buf *b, const berthi_toml *v)
{
    char shown[256];

    if (v->kind != BERTHI_TOML_TABLE && v->kind != BERTHI_TOML_ARRAY) {
        put_scalar(b, v);
        return;
    }
    berthi_text_buf_puts(b, v->kind == BERTHI_TOML_TABLE ? "{" : "[");
    for (const berthi_toml *m = v->as.in.first; m != NULL; m = m->next) {
        if (m != v->as.in.first)
            berthi_text_buf_puts(b, " ");
        if (v->kind == BERTHI_TOML_TABLE)
            berthi_text_buf_putf(
                b, "%s=", berthi_utf8_show(shown, sizeof shown, m->name, m->name_length));
        put(b, m);
    }
    berthi_text_buf_puts(b, v->kind == BERTHI_TOML_TABLE ? "}" : "]");
}

static berth_status read_text(const char *text, size_t size, const berthi_toml_limits *limits,
                              berthi_text_buf *out, berth_diag *diag)
{
    berthi_text source = { "t.toml", NULL, size };
    const berthi_toml *root = NULL;
    char *copy = malloc(size == 0 ? 1 : size); /* of its size exactly, for the sanitizer */
    berthi_arena arena;
    berth_status status;

    assert_non_null(copy);
    if (size != 0)
        memcpy(copy, text, size);
    source.text = copy;
    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    status = berthi_toml_read(&source, limits, &arena, &root, diag);
    assert_true((status == BERTH_OK) == (root != NULL));
    free(copy); /* nothing of the text is kept */
    if (root != NULL && out != NULL)
        put(out, root);
    berthi_arena_fini(&arena);
    return status;
}

static void assert_means(const char *text, size_t size, const char *wanted)
{
    berth_diag diag = { 0 };
    berthi_text_buf out;

    berthi_text_buf_init(&out, &berthi_allocator_libc);
    if (read_text(text, size, NULL, &out, &diag) != BERTH_OK)
        fail_msg("%s\nwas refused: %s", text, diag.text);
    assert_string_equal(out.data, wanted);
    berthi_text_buf_fini(&out);
}

static void assert_refused(const char *text, size_t size, const char *place, const char *why)
{
    berth_diag diag = { 0 };
    char wanted[64];

    if (read_text(text, size, NULL, NULL, &diag) != BERTH_E_REJECTED)
        fail_msg("%s\nwas taken", text);
    snprintf(wanted, sizeof wanted, "t.toml:%s: ", place);
    if (strncmp(diag.text, wanted, strlen(wanted)) != 0 || strstr(diag.text, why) == NULL ||
        strstr(diag.text, "expected") == NULL)
        fail_msg("%s\nwas refused with: %s\nand not at %s for: %s", text, diag.text, place,
                 why);
}

/* ---------------------------------------------------------------- what is taken */

static void each_kind_of_value_means_what_toml_says(void **state)
{
    static const struct {
        const char *text, *wanted;
    } rows[] = {
        { "", "{}" },
        { "\xef\xbb\xbf"
          "a=1",
          "{a=1}" },
        { "# only a comment", "{}" },
        { "\r\n\t \n#\xc3\xa9\ta\r\n", "{}" },
        { "a = 0\nb=-0\nc=+0\nd=1_000\ne=-9_2", "{a=0 b=0 c=0 d=1000 e=-92}" },
        { "a=9223372036854775807\nb=-9223372036854775808",
          "{a=9223372036854775807 b=-9223372036854775808}" },
        { "a=0xdead_BEEF\nb=0o755\nc=0b1101\nd=0x00", "{a=3735928559 b=493 c=13 d=0}" },
        { "a=1.5\nb=-0.0\nc=1e3\nd=1_0.2_5E-0_1\ne=+2e+2",
          "{a=f1.5 b=f-0 c=f1000 d=f1.025 e=f200}" },
        { "a=inf\nb=-inf\nc=+inf", "{a=finf b=f-inf c=finf}" },
        { "a=true\nb=false", "{a=true b=false}" },
        { "a=1979-05-27T07:32:00Z\nb=1979-05-27 07:32:00.5-08:30\nc=1979-05-27t07:32:60z",
          "{a=1979-05-27T07:32:00.000000000+0 b=1979-05-27T07:32:00.500000000-510 "
          "c=1979-05-27T07:32:60.000000000+0}" },
        { "a=1979-05-27T07:32:00.123456789123\nb=1979-05-27\nc=07:32:00 # x",
          "{a=1979-05-27T07:32:00.123456789 b=1979-05-27 c=07:32:00.000000000}" },
        { "a=2000-02-29\nb=2024-02-29 # leap", "{a=2000-02-29 b=2024-02-29}" },
        { "a=\"\"\nb=''\nc=\"\"\"\"\"\"\nd=''''''", "{a='' b='' c='' d=''}" },
        { "a=\"\\b\\t\\n\\f\\r\\\"\\\\\\u00e9\\U0001F600\"",
          "{a='\\x08\\x09\\x0a\\x0c\\x0d\"\\\\\xc3\xa9\xf0\x9f\x98\x80'}" },
        { "a='C:\\x\"'\nb=\"it's\"", "{a='C:\\\\x\"' b='it's'}" },
        { "a=\"\"\"\nx\n  y\"\"\"", "{a='x\\x0a  y'}" },
        { "a=\"\"\"x\\\n  \t\n  y\\  \n\"\"\"", "{a='xy'}" },
        { "a=\"\"\"\\\r\n x\r\ny\"\"\"", "{a='x\\x0d\\x0ay'}" },
        { "a=\"\"\"\"x\"\"\"\"\"\nb='''''x'''''", "{a='\"x\"\"' b='''x'''}" },
        { "a=\"\"\"x\"\"y\\\"\"\"\"", "{a='x\"\"y\"'}" },
        { "a=\"\\u0000\"", "{a='\\x00'}" },
        { "a=[]\nb=[1,2,]\nc=[ 1 , 'x' , # y\n\n [ 2.5 ] ,\n{d=1} ]",
          "{a=[] b=[1 2] c=[1 'x' [f2.5] {d=1}]}" },
        { "a={}\nb={c=1,d={e=[2]}}\nf={ g.h = 1 , g.i = 2 }",
          "{a={} b={c=1 d={e=[2]}} f={g={h=1 i=2}}}" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_means(rows[i].text, strlen(rows[i].text), rows[i].wanted);
}

static void keys_and_headers_build_the_tables_that_toml_says(void **state)
{
    static const struct {
        const char *text, *wanted;
    } rows[] = {
        { "a-b_1=1\n1234=2\n\"x y\"=3\n'\"'=4\n\"\"=5", "{a-b_1=1 1234=2 x y=3 \"=4 =5}" },
        { "a.b.c=1\na . b . d = 2\na.\"e.f\"=3\n3.14=4", "{a={b={c=1 d=2} e.f=3} 3={14=4}}" },
        { "[a]\nb=1\n[a.c]\nd=2\n[ e . 'f' ] # x\ng=3", "{a={b=1 c={d=2}} e={f={g=3}}}" },
        { "[a.b]\nc=1\n[a]\nd=2", "{a={b={c=1} d=2}}" },
        { "[[a]]\nb=1\n[[a]]\n[a.c]\nd=2\n[[a.e]]\n[[ a . e ]]",
          "{a=[{b=1} {c={d=2} e=[{} {}]}]}" },
        { "[a]\nb.c=1\n[a.b.d]\ne=2", "{a={b={c=1 d={e=2}}}}" },
        { "[[a.b]]\n[a.c]", "{a={b=[{}] c={}}}" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_means(rows[i].text, strlen(rows[i].text), rows[i].wanted);
}

/* ---------------------------------------------------------------- what is refused */

static const struct {
    const char *text, *place, *why;
} refused[] = {
    /* lines */
    { "a", "1:1", "`=`" },
    { "a =", "1:4", "no value" },
    { "= 1", "1:1", "no key" },
    { "a=1 b=2", "1:5", "something follows" },
    { "[a] b=1", "1:5", "something follows" },
    { "a=1\rb=2", "1:4", "something follows" },
    { "a.=1", "1:3", "no key" },
    { "a..b=1", "1:3", "no key" },
    { ".a=1", "1:1", "no key" },
    { "\n\n  a~b=1", "3:4", "`=`" },
    { "\xc3\xa9=1", "1:1", "no key" },
    { "\"\"\"a\"\"\"=1", "1:1", "on one line" },
    { "\"a\nb\"=1", "1:1", "does not end" },
    { "# \x01", "1:3", "U+0001" },
    { "# \x7f", "1:3", "U+007F" },
    { "# a\rb", "1:4", "U+000D" },
    { "# \xff", "1:3", "UTF-8" },
    { "a='\xed\xa0\x80'", "1:4", "UTF-8" },
    /* headers */
    { "[a", "1:1", "does not end" },
    { "[]", "1:2", "no key" },
    { "[a.]", "1:4", "no key" },
    { "[a]]", "1:4", "something follows" },
    { "[[a]", "1:4", "`]]`" },
    { "[ [a]]", "1:3", "no key" },
    { "[a]\n[a]", "2:2", "is there already, on line 1" },
    { "a=1\n[a]", "2:2", "on line 1" },
    { "a=1\n[a.b]", "2:2", "has a value" },
    { "a={}\n[a.b]", "2:2", "inline" },
    { "a=[]\n[[a]]", "2:3", "no array of tables" },
    { "[a]\n[[a]]", "2:3", "no array of tables" },
    { "[[a]]\n[a]", "2:2", "is there already" },
    { "[a.b]\n[[a]]", "2:3", "no array of tables" },
    { "[a]\nb.c=1\n[a.b]", "3:4", "is there already, on line 2" },
    { "a.b=1\n[a]", "2:2", "is there already" },
    /* keys */
    { "a=1\na=2", "2:1", "is there already, on line 1" },
    { "a=1\n'a'=2", "2:1", "is there already" },
    { "a=1\na.b=2", "2:1", "is there already" },
    { "a={b=1}\na.c=2", "2:1", "is there already" },
    { "[a.b]\nc=1\n[a]\nb.d=1", "4:1", "is there already" },
    { "[[a.b]]\n[a]\nb.c=1", "3:1", "is there already" },
    { "a={b=1,b=2}", "1:8", "is there already" },
    { "a={b={c=1},b.d=2}", "1:12", "is there already" },
    /* strings */
    { "a=\"x", "1:3", "does not end" },
    { "a='x\n'", "1:3", "does not end" },
    { "a=\"\"\"x\"\"", "1:3", "does not end" },
    { "a='''x''", "1:3", "does not end" },
    { "a=\"\"\"x\"\"\"\"\"\"", "1:12", "something follows" },
    { "a=\"\\x41\"", "1:4", "unknown escape" },
    { "a=\"\\e\"", "1:4", "unknown escape" },
    { "a=\"\\u00g0\"", "1:4", "cut off" },
    { "a=\"\\ud800\"", "1:4", "no character" },
    { "a=\"\\U00110000\"", "1:4", "no character" },
    { "a=\"\\\n\"", "1:4", "unknown escape" },
    { "a=\"\"\"\\ x\"\"\"", "1:6", "unknown escape" },
    { "a='\x1f'", "1:4", "U+001F" },
    { "a='''\r'''", "1:6", "U+000D" },
    { "a=x", "1:3", "`x`" },
    { "a='x' 'y'", "1:7", "something follows" },
    /* numbers */
    { "a=01", "1:3", "zero" },
    { "a=-01", "1:3", "zero" },
    { "a=1__0", "1:3", "underscore" },
    { "a=_1", "1:3", "underscore" },
    { "a=1_", "1:3", "underscore" },
    { "a=+", "1:3", "no such value" },
    { "a=++1", "1:3", "no such value" },
    { "a=0x", "1:3", "no such value" },
    { "a=0xg", "1:3", "hexadecimal" },
    { "a=0x_1", "1:3", "hexadecimal" },
    { "a=0o8", "1:3", "0o" },
    { "a=0b2", "1:3", "0b" },
    { "a=+0x1", "1:3", "no such value" },
    { "a=0X1", "1:3", "no such value" },
    { "a=9223372036854775808", "1:3", "64 bits" },
    { "a=-9223372036854775809", "1:3", "64 bits" },
    { "a=0xffffffffffffffff", "1:3", "64 bits" },
    { "a=99999999999999999999", "1:3", "64 bits" },
    { "a=1.", "1:3", "no such value" },
    { "a=.5", "1:3", "no such value" },
    { "a=1.e5", "1:3", "no such value" },
    { "a=1e", "1:3", "no such value" },
    { "a=1e1.5", "1:3", "no such value" },
    { "a=01.5", "1:3", "no such value" },
    { "a=1_.5", "1:3", "no such value" },
    { "a=1._5", "1:3", "no such value" },
    { "a=1e9999", "1:3", "too large" },
    { "a=Inf", "1:3", "no such value" },
    { "a=True", "1:3", "no such value" },
    /* dates and times */
    { "a=1979-13-01", "1:3", "moment" },
    { "a=1979-00-01", "1:3", "moment" },
    { "a=1979-04-31", "1:3", "moment" },
    { "a=2100-02-29", "1:3", "moment" },
    { "a=1979-5-27", "1:3", "moment" },
    { "a=1979-05-27T", "1:3", "moment" },
    { "a=1979-05-27T07:32", "1:3", "moment" },
    { "a=1979-05-27T24:00:00", "1:3", "moment" },
    { "a=1979-05-27T07:60:00", "1:3", "moment" },
    { "a=1979-05-27T07:32:61", "1:3", "moment" },
    { "a=1979-05-27T07:32:00.", "1:3", "moment" },
    { "a=1979-05-27T07:32:00+24:00", "1:3", "moment" },
    { "a=1979-05-27T07:32:00+0800", "1:3", "moment" },
    { "a=07:32", "1:3", "moment" },
    { "a=07:32:00Z", "1:3", "moment" },
    { "a=10000-01-01", "1:3", "no such value" },
    { "a=1979-05-27  07:32:00", "1:15", "something follows" },
    /* arrays and inline tables */
    { "a=[1", "1:3", "array does not end" },
    { "a=[1 2]", "1:6", "`,` or `]`" },
    { "a=[,]", "1:4", "a value or `]`" },
    { "a=[1,,2]", "1:6", "a value or `]`" },
    { "a={b=1", "1:3", "inline table does not end" },
    { "a={b=1,}", "1:8", "a key" },
    { "a={,}", "1:4", "a key" },
    { "a={b=1 c=2}", "1:8", "`,` or `}`" },
    { "a={\nb=1}", "1:3", "on the same line" },
    { "a={b=1 # x\n}", "1:3", "on the same line" },
    { "a={b}", "1:5", "`=`" },
};

static void each_rule_is_enforced_and_the_place_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_refused(refused[i].text, strlen(refused[i].text), refused[i].place,
                       refused[i].why);
    assert_refused("a='\0'", 6, "1:4", "U+0000");
    assert_refused("\0", 1, "1:1", "no key");
}

static void an_error_shows_the_line_with_a_caret(void **state)
{
    static const char text[] = "[bundle]\nname = \"x\"\n  version\t= 1.2.3 # three\n";
    berth_diag diag = { 0 };

    (void)state;
    assert_int_equal(read_text(text, strlen(text), NULL, NULL, &diag), BERTH_E_REJECTED);
    assert_string_equal(
        diag.text, "t.toml:3:13: `1.2.3`: no such value; expected a string, a number, true, "
                   "false, a date or a time\n"
                   "      version = 1.2.3 # three\n"
                   "                ^^^^^");
}

static void every_value_and_key_knows_its_place(void **state)
{
    static const char text[] = "a = 1\n[b.c]\nd.\"e f\" = [ 'x',\n  2.5 ]\n[[g]]\nh = true\n";
    berthi_text source = { "t.toml", text, sizeof text - 1 };
    const berthi_toml *root, *b, *e, *x;
    berthi_place place;
    berthi_arena arena;

    (void)state;
    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    assert_int_equal(berthi_toml_read(&source, NULL, &arena, &root, NULL), BERTH_OK);
    assert_int_equal(berthi_toml_member(root, "a")->at, 4);
    b = berthi_toml_member(root, "b");
    place = berthi_place_of(&source, b->key_at);
    assert_true(place.line == 2 && place.column == 2);
    e = berthi_toml_member(berthi_toml_member(berthi_toml_member(b, "c"), "d"), "e f");
    place = berthi_place_of(&source, e->key_at);
    assert_true(place.line == 3 && place.column == 3 && e->key_size == 5);
    x = e->as.in.first;
    assert_true(x->at == e->at + 2 && x->size == 3);
    place = berthi_place_of(&source, x->next->at);
    assert_true(place.line == 4 && place.column == 3);
    assert_null(berthi_toml_member(e, "x"));
    assert_null(berthi_toml_member(root, "A"));
    berthi_arena_fini(&arena);
}

static void unsigned_integers_are_there_for_those_who_ask(void **state)
{
    static const berthi_toml_limits limits = { .allows_unsigned = true };
    static const char text[] = "a=18446744073709551615\nb=9223372036854775807\nc=-1\n"
                               "d=0xffff_ffff_ffff_ffff\ne=1.5";
    berthi_text source = { "t.toml", text, sizeof text - 1 };
    const berthi_toml *root, *v;
    berthi_arena arena;
    uint64_t u = 0;
    int64_t s = 0;

    (void)state;
    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    assert_int_equal(berthi_toml_read(&source, &limits, &arena, &root, NULL), BERTH_OK);
    v = berthi_toml_member(root, "a");
    assert_true(berthi_toml_unsigned(v, &u) && u == UINT64_MAX && !berthi_toml_signed(v, &s));
    v = berthi_toml_member(root, "b");
    assert_true(berthi_toml_unsigned(v, &u) && u == INT64_MAX);
    assert_true(berthi_toml_signed(v, &s) && s == INT64_MAX);
    v = berthi_toml_member(root, "c");
    assert_true(!berthi_toml_unsigned(v, &u) && berthi_toml_signed(v, &s) && s == -1);
    assert_true(berthi_toml_unsigned(berthi_toml_member(root, "d"), &u) && u == UINT64_MAX);
    v = berthi_toml_member(root, "e");
    assert_true(!berthi_toml_unsigned(v, &u) && !berthi_toml_signed(v, &s));
    berthi_arena_fini(&arena);
    assert_int_equal(read_text("a=18446744073709551616", 22, &limits, NULL, NULL),
                     BERTH_E_REJECTED);
}

/* ---------------------------------------------------------------- limits */

static void each_limit_holds_at_it_and_refuses_past_it(void **state)
{
    static const struct {
        berthi_toml_limits limits;
        const char *fits, *exceeds, *why;
    } rows[] = {
        { { .bytes = 3 }, "a=1", "a=12", "more than 3 bytes" },
        { { .nesting = 3 }, "a=[[1]]", "a=[[[1]]]", "more than 3 tables and arrays" },
        { { .nesting = 3 }, "a={b={c=1}}", "a={b={c={d=1}}}", "more than 3 tables and arrays" },
        { { .nesting = 3 }, "a.b.c=1", "a.b.c.d=1", "more than 3 tables and arrays" },
        { { .nesting = 3 }, "[a.b]\nc=1", "[a.b.c]\nd=1", "more than 3 tables and arrays" },
        { { .nesting = 3 }, "[[a]]\nb=1", "[[a]]\nb.c=1", "more than 3 tables and arrays" },
        { { .members = 2 }, "a=1\nb=2", "a=1\nb=2\nc=3", "more than 2 members" },
        { { .members = 2 }, "a=[1,2]", "a=[1,2,3]", "more than 2 members" },
        { { .members = 2 }, "[[a]]\n[[a]]", "[[a]]\n[[a]]\n[[a]]", "more than 2 members" },
        { { .values = 3 }, "a=[1,2]", "a=[1,2,3]", "more than 3 values" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        berth_diag diag = { 0 };

        assert_int_equal(
            read_text(rows[i].fits, strlen(rows[i].fits), &rows[i].limits, NULL, NULL),
            BERTH_OK);
        assert_int_equal(
            read_text(rows[i].exceeds, strlen(rows[i].exceeds), &rows[i].limits, NULL, &diag),
            BERTH_E_LIMIT);
        assert_non_null(strstr(diag.text, rows[i].why));
    }
}

static void deep_nesting_is_refused_and_takes_no_stack(void **state)
{
    static char text[200000];
    berth_diag diag = { 0 };

    (void)state;
    memset(text, '[', sizeof text);
    memcpy(text, "a=", 2);
    assert_int_equal(read_text(text, sizeof text, NULL, NULL, &diag), BERTH_E_LIMIT);
    for (size_t i = 2; i + 3 < sizeof text; i += 3)
        memcpy(text + i, "{a=", 3);
    assert_int_equal(read_text(text, sizeof text, NULL, NULL, &diag), BERTH_E_LIMIT);
    for (size_t i = 0; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "a.", 2);
    assert_int_equal(read_text(text, sizeof text, NULL, NULL, &diag), BERTH_E_LIMIT);
}

static void each_allocation_may_fail(void **state)
{
    static const char text[] = "a=\"x\"\n[b.c]\nd={e=[1,'y']}\n[[f]]\ng.h=2";
    berthi_text source = { "t.toml", text, sizeof text - 1 };
    bertht_memory memory;
    berth_allocator allocator;

    (void)state;
    memory_init(&memory);
    allocator = memory_allocator(&memory);
    /* An arena asks for more rarely, so its bound fails each of them. */
    for (size_t bytes = 0; bytes < 8192; bytes += 16) {
        const berthi_toml *root = NULL;
        berth_diag diag = { 0 };
        berthi_arena arena;
        berth_status status;

        berthi_arena_init(&arena, &allocator, bytes);
        status = berthi_toml_read(&source, NULL, &arena, &root, &diag);
        assert_true(status == BERTH_E_NOMEM || status == BERTH_OK);
        assert_int_equal(status, root != NULL ? BERTH_OK : (berth_status)diag.status);
        berthi_arena_fini(&arena);
        memory_assert_empty(&memory);
    }
}

static berth_status as_json(const char *text, berth_arena *arena, const char **json,
                            berth_diag *diag)
{
    memset(diag, 0, sizeof *diag);
    return berth_toml_json("f", text, strlen(text), arena, json, diag);
}

static void a_document_becomes_json_with_the_lines_of_its_tables(void **state)
{
    const char *json = NULL;
    berth_diag diag;
    berth_arena *arena;

    (void)state;
    assert_int_equal(berth_arena_create(NULL, 0, &arena, &diag), BERTH_OK);
    assert_int_equal(
        as_json("a = [1, 2.5, 3.0]\n[t]\nb = true\n[[c]]\n[[c]]\ns = \"\\u00e9\"\n", arena,
                &json, &diag),
        BERTH_OK);
    assert_string_equal(json,
                        "{\n  \"\": 1,\n  \"a\": [\n    1,\n    2.5,\n    3.0\n  ],\n"
                        "  \"t\": {\n    \"\": 2,\n    \"b\": true\n  },\n"
                        "  \"c\": [\n    {\n      \"\": 4\n    },\n    {\n      \"\": 5,\n"
                        "      \"s\": \"\xc3\xa9\"\n    }\n  ]\n}\n");
    berth_arena_destroy(arena);
}

static void what_json_cannot_say_is_refused_with_its_line(void **state)
{
    static const char *const texts[] = { "\nd = 2020-01-01\n", "\nn = nan\n", "\nn = -inf\n",
                                         "\n\"\" = 1\n", "\n\"a\\u0000b\" = 1\n" };
    const char *json = NULL;
    berth_diag diag;
    berth_arena *arena;

    (void)state;
    assert_int_equal(berth_arena_create(NULL, 0, &arena, &diag), BERTH_OK);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(as_json(texts[i], arena, &json, &diag), BERTH_E_REJECTED);
        assert_non_null(strstr(diag.text, "f:2:"));
    }
    assert_null(json);
    assert_int_equal(as_json("a=[[[[[[[[[[[1]]]]]]]]]]]", arena, &json, &diag), BERTH_OK);
    assert_int_equal(as_json("a=[[[[[[[[[[[[[1]]]]]]]]]]]]]", arena, &json, &diag),
                     BERTH_E_LIMIT);
    assert_int_equal(berth_toml_json(NULL, "", 0, arena, &json, &diag), BERTH_E_INVALID);
    berth_arena_destroy(arena);
}

static void json_of_a_document_may_lack_any_memory(void **state)
{
    for (size_t failing = 0;; failing++) {
        bertht_memory memory;
        berth_allocator allocator;
        berth_arena *arena = NULL;
        const char *json;
        berth_diag diag;
        berth_status status;

        (void)state;
        memory_init(&memory);
        allocator = memory_allocator(&memory);
        assert_int_equal(berth_arena_create(&allocator, 0, &arena, NULL), BERTH_OK);
        memory_fail(&memory, failing, true);
        status = as_json("a = [1, 2]\n[t]\nb = 'text'\n", arena, &json, &diag);
        berth_arena_destroy(arena);
        memory_assert_empty(&memory);
        if (status == BERTH_OK)
            break;
        assert_int_equal(status, BERTH_E_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_value_means_what_toml_says),
        cmocka_unit_test(keys_and_headers_build_the_tables_that_toml_says),
        cmocka_unit_test(each_rule_is_enforced_and_the_place_is_named),
        cmocka_unit_test(an_error_shows_the_line_with_a_caret),
        cmocka_unit_test(every_value_and_key_knows_its_place),
        cmocka_unit_test(unsigned_integers_are_there_for_those_who_ask),
        cmocka_unit_test(each_limit_holds_at_it_and_refuses_past_it),
        cmocka_unit_test(deep_nesting_is_refused_and_takes_no_stack),
        cmocka_unit_test(each_allocation_may_fail),
        cmocka_unit_test(a_document_becomes_json_with_the_lines_of_its_tables),
        cmocka_unit_test(what_json_cannot_say_is_refused_with_its_line),
        cmocka_unit_test(json_of_a_document_may_lack_any_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
