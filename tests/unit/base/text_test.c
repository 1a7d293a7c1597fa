/* text_test.c - text from strangers, JSON in and out, digests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/digest.h"
#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/utf8.h"
#include "memory.h"

static void utf8_is_taken_only_in_its_shortest_form(void **state)
{
    static const struct {
        const char *text;
        size_t size, step;
        uint32_t character;
    } rows[] = {
        { "a", 1, 1, 'a' },
        { "\0", 1, 1, 0 },
        { "\x7f", 1, 1, 0x7f },
        { "\xc2\x80", 2, 2, 0x80 },
        { "\xdf\xbf", 2, 2, 0x7ff },
        { "\xe0\xa0\x80", 3, 3, 0x800 },
        { "\xed\x9f\xbf", 3, 3, 0xd7ff },
        { "\xee\x80\x80", 3, 3, 0xe000 },
        { "\xef\xbf\xbf", 3, 3, 0xffff },
        { "\xf0\x90\x80\x80", 4, 4, 0x10000 },
        { "\xf4\x8f\xbf\xbf", 4, 4, 0x10ffff },
        { "", 0, 0, 0 },
        { "\x80", 1, 0, 0 },
        { "\xc0\x80", 2, 0, 0 },         /* overlong */
        { "\xc1\xbf", 2, 0, 0 },         /* overlong */
        { "\xe0\x9f\xbf", 3, 0, 0 },     /* overlong */
        { "\xf0\x8f\xbf\xbf", 4, 0, 0 }, /* overlong */
        { "\xed\xa0\x80", 3, 0, 0 },     /* a surrogate */
        { "\xed\xbf\xbf", 3, 0, 0 },     /* a surrogate */
        { "\xf4\x90\x80\x80", 4, 0, 0 }, /* past the end */
        { "\xf5\x80\x80\x80", 4, 0, 0 },
        { "\xc2", 1, 0, 0 },
        { "\xe2\x82", 2, 0, 0 },
        { "\xf0\x90\x80", 3, 0, 0 },
        { "\xc2\x41", 2, 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t character = 0;

        assert_int_equal(berthi_utf8_next(rows[i].text, rows[i].size, &character),
                         rows[i].step);
        assert_int_equal(character, rows[i].character);
    }
}

static void what_does_not_show_is_escaped(void **state)
{
    static const struct {
        const char *text;
        size_t size;
        const char *shown;
    } rows[] = {
        { "plain", 5, "plain" },
        { "", 0, "" },
        { "\xc3\xa4\xe2\x82\xac", 5, "\xc3\xa4\xe2\x82\xac" },
        { "a\033[2Jb\n", 7, "a\\x1b[2Jb\\x0a" },
        { "back\\slash", 10, "back\\\\slash" },
        { "\x7f\xff\0", 3, "\\x7f\\xff\\x00" },
        { "\xc2\x9b", 2, "\\xc2\\x9b" },          /* CSI as one character */
        { "\xe2\x80\xae", 3, "\\xe2\\x80\\xae" }, /* right to left */
        { "\xe2\x81\xa6", 3, "\\xe2\\x81\\xa6" }, /* isolate */
        { "\xe2\x80\xa8", 3, "\\xe2\\x80\\xa8" }, /* line separator */
        { "\xef\xbb\xbf", 3, "\\xef\\xbb\\xbf" }, /* byte order mark */
    };
    char out[64];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        berthi_utf8_show(out, sizeof out, rows[i].text, rows[i].size);
        assert_string_equal(out, rows[i].shown);
        assert_true(berthi_utf8_is_plain_text(out, strlen(out)));
    }
}

static void shown_text_is_cut_between_characters(void **state)
{
    char out[8];

    (void)state;
    assert_string_equal(berthi_utf8_show(out, sizeof out, "1234567", 7), "1234567");
    assert_string_equal(berthi_utf8_show(out, sizeof out, "12345678", 8), "1234...");
    assert_string_equal(berthi_utf8_show(out, sizeof out,
                                         "123\xe2\x82\xac"
                                         "5678",
                                         10),
                        "123...");
    assert_string_equal(berthi_utf8_show(out, sizeof out, "\1\1\1", 3), "\\x01...");
    /* Every length of a text whose characters are shown in four bytes each. */
    for (size_t room = 8; room < 64; room++) {
        char *text = malloc(room);

        assert_non_null(text);
        berthi_utf8_show(text, room, "\1\2\3\4\5\6\7\1\2\3\4\5\6\7\1\2", 16);
        assert_true(strlen(text) < room);
        free(text);
    }
}

/* Right and wrong ones. */
static const char *const texts[] = {
    "{}",
    "[]",
    " \t\r\n{ } ",
    "{\"a\":1}",
    "[1,2,[3,{\"b\":[]}]]",
    "\"x\"",
    "1",
    "-0",
    "0.5",
    "1e5",
    "1E+5",
    "1.25e-3",
    "true",
    "false",
    "null",
    "[true,false,null]",
    "\"\\u0041\\n\\/\\\"\\\\\\b\\f\\r\\t\"",
    "\"\\ud83d\\ude00\"",
    "\"\xf0\x9f\x98\x80\"",
    "{\"a\":{\"b\":{\"c\":[[[]]]}}}",
    "",
    " ",
    "{",
    "[",
    "}",
    "]",
    "{]",
    "[}",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{\"a\":1,\"a\":2}",
    "{\"a\":{\"a\":{}},\"b\":{\"a\":[]}}",
    "\"\\u00e4\\u20ac\\ud800\\udc00\\udbff\\udfff\\u007f\\u0080\\u07ff\\u0800\\uffff\"",
    "[9223372036854775807,-9223372036854775808,1.5,-0.0,0e1]",
    "{,}",
    "[,]",
    "[1,]",
    "[1 2]",
    "{\"a\":1 \"b\":2}",
    "{a:1}",
    "{1:2}",
    "01",
    "-",
    "+1",
    "1.",
    ".5",
    "1e",
    "1e+",
    "0x10",
    "--1",
    "tru",
    "nul",
    "True",
    "NaN",
    "\"",
    "\"\\",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\u12g4\"",
    "\"\\ud800\"",
    "\"\\ud800\\u0041\"",
    "\"\\udc00\"",
    "\"\\u0000\"",
    "\"\x01\"",
    "\"\x7f\"",
    "\"\xff\"",
    "\"\xc0\x80\"",
    "\"\xed\xa0\x80\"",
    "\"\xf4\x90\x80\x80\"",
    "1 2",
    "{} {}",
    "[] x",
    "'a'",
    "// c\n1",
    "/**/1",
    "\xef\xbb\xbf{}",
    "\"a\nb\"",
    "{\"a\":1]",
    "[1}",
    "[[[",
    "{\"a\":[{",
};

/* The same value, member for member; jansson keeps the order of members, too. */
static bool is_same(const berthi_json *ours, json_t *theirs)
{
    const berthi_json *m = ours->first;
    const char *name;
    json_t *member;
    size_t i;

    switch (ours->kind) {
    case BERTHI_JSON_NULL:
        return json_is_null(theirs);
    case BERTHI_JSON_FALSE:
        return json_is_false(theirs);
    case BERTHI_JSON_TRUE:
        return json_is_true(theirs);
    case BERTHI_JSON_NUMBER:
        return ours->is_integer
                   ? json_integer_value(theirs) == ours->integer && json_is_integer(theirs)
                   : json_is_real(theirs);
    case BERTHI_JSON_STRING:
        return json_string_length(theirs) == ours->size && ours->text[ours->size] == '\0' &&
               memcmp(json_string_value(theirs), ours->text, ours->size) == 0;
    case BERTHI_JSON_ARRAY:
        if (!json_is_array(theirs) || json_array_size(theirs) != ours->count)
            return false;
        json_array_foreach(theirs, i, member)
        {
            if (!is_same(m, member))
                return false;
            m = m->next;
        }
        return m == NULL;
    case BERTHI_JSON_OBJECT:
        if (!json_is_object(theirs) || json_object_size(theirs) != ours->count)
            return false;
        json_object_foreach(theirs, name, member)
        {
            if (strcmp(m->name, name) != 0 || m->name_size != strlen(name) ||
                !is_same(m, member))
                return false;
            m = m->next;
        }
        return m == NULL;
    }
    return false;
}

static void compare_readers(const char *text, size_t size)
{
    json_t *theirs = json_loadb(text, size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    char *exact = malloc(size + (size == 0)); /* so that a sanitizer sees a byte too far */
    const berthi_json *ours = NULL;
    berthi_json_error error = { 0 };
    berthi_arena arena;
    berth_status status;

    assert_non_null(exact);
    memcpy(exact, text, size);
    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    status = berthi_json_read(exact, size, &arena, &ours, &error);
    memset(exact, 0xdd, size);
    free(exact);
    if (status != (theirs == NULL ? BERTH_E_REJECTED : BERTH_OK) ||
        (theirs != NULL && !is_same(ours, theirs)))
        fail_msg("%.*s", (int)size, text);
    assert_true(status == BERTH_OK || (error.why != NULL && error.offset <= size));
    berthi_arena_fini(&arena);
    json_decref(theirs);
}

static void the_reader_reads_what_jansson_reads(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (size_t n = 0; n <= strlen(texts[i]); n++) /* each of its beginnings, too */
            compare_readers(texts[i], n);
}

/* Nothing but what is said: neither taken nor refused for another reason. */
static void check_read(const char *text, const char *why, size_t offset)
{
    const berthi_json *value;
    berthi_json_error error = { NULL, 0 };
    berthi_arena arena;

    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    assert_int_equal(berthi_json_read(text, strlen(text), &arena, &value, &error),
                     why == NULL ? BERTH_OK : BERTH_E_REJECTED);
    if (why != NULL) {
        assert_string_equal(error.why, why);
        assert_int_equal(error.offset, offset);
    }
    berthi_arena_fini(&arena);
}

static void nesting_is_bounded_exactly(void **state)
{
    char text[2 * BERTHI_JSON_NESTING_MAX + 3] = "";

    (void)state;
    memset(text, '[', BERTHI_JSON_NESTING_MAX);
    memset(text + BERTHI_JSON_NESTING_MAX, ']', BERTHI_JSON_NESTING_MAX);
    check_read(text, NULL, 0);
    memset(text, '[', BERTHI_JSON_NESTING_MAX + 1);
    memset(text + BERTHI_JSON_NESTING_MAX + 1, ']', BERTHI_JSON_NESTING_MAX + 1);
    check_read(text, "nested too deep", BERTHI_JSON_NESTING_MAX);
}

static void members_and_items_are_bounded_exactly(void **state)
{
    char text[2 * BERTHI_JSON_MEMBERS_MAX + 8] = "[0";

    (void)state;
    for (unsigned i = 1; i < BERTHI_JSON_MEMBERS_MAX; i++)
        memcpy(text + 2 * i, ",0", 3);
    memcpy(text + 2 * BERTHI_JSON_MEMBERS_MAX, "]", 2);
    check_read(text, NULL, 0);
    memcpy(text + 2 * BERTHI_JSON_MEMBERS_MAX, ",0]", 4);
    check_read(text, "too many members or items", 2 * BERTHI_JSON_MEMBERS_MAX + 1);
}

static void integers_are_taken_to_their_limits(void **state)
{
    static const struct {
        const char *text;
        bool is_integer;
        int64_t integer;
    } rows[] = {
        { "0", true, 0 },
        { "-0", true, 0 },
        { "9223372036854775807", true, INT64_MAX },
        { "9223372036854775808", false, 0 },
        { "-9223372036854775808", true, INT64_MIN },
        { "-9223372036854775809", false, 0 },
        { "100000000000000000000", false, 0 },
        { "1.0", false, 0 },
        { "1e2", false, 0 },
        { "1e999", false, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const berthi_json *value = NULL;
        berthi_json_error error;
        berthi_arena arena;

        berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
        assert_int_equal(
            berthi_json_read(rows[i].text, strlen(rows[i].text), &arena, &value, &error),
            BERTH_OK);
        assert_int_equal(value->kind, BERTHI_JSON_NUMBER);
        assert_int_equal(value->is_integer, rows[i].is_integer);
        assert_true(value->integer == rows[i].integer);
        berthi_arena_fini(&arena);
    }
}

static void a_member_is_found_by_its_whole_name(void **state)
{
    static const char text[] = "{\"ab\": 1, \"\\u0061\": 2, \"b\": {\"a\": 3}}";
    const berthi_json *value = NULL;
    berthi_json_error error;
    berthi_arena arena;

    (void)state;
    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    assert_int_equal(berthi_json_read(text, strlen(text), &arena, &value, &error), BERTH_OK);
    assert_int_equal(berthi_json_member(value, "ab")->integer, 1);
    assert_int_equal(berthi_json_member(value, "a")->integer, 2);
    assert_int_equal(berthi_json_member(berthi_json_member(value, "b"), "a")->integer, 3);
    assert_null(berthi_json_member(value, "abc"));
    assert_null(berthi_json_member(value, ""));
    assert_null(berthi_json_member(berthi_json_member(value, "a"), "a"));
    berthi_arena_fini(&arena);
    /* Two names of one length and one hash. */
    check_read("{\"declinate\": 1, \"macallums\": 2}", NULL, 0);
    check_read("{\"a\": 1, \"\\u0061\": 2}", "a member is there twice", 9);
}

static void the_writer_writes_what_a_parser_reads(void **state)
{
    static const char expected[] =
        "{\n"
        "  \"text\": \"a\\\"b\\\\c\\n\\u001b\\u202e\\ufffd\\u0000\",\n"
        "  \"none\": null,\n"
        "  \"number\": 18446744073709551615,\n"
        "  \"empty\": {},\n"
        "  \"list\": [\n"
        "    true,\n"
        "    [],\n"
        "    \"\\udb40\\udc01\"\n"
        "  ]\n"
        "}\n";
    bertht_memory m;
    berth_allocator a;
    berthi_text_buf out;
    berthi_json_writer w;
    json_t *value;

    (void)state;
    memory_init(&m);
    a = memory_allocator(&m);
    berthi_text_buf_init(&out, &a);
    berthi_json_init(&w, &out);
    berthi_json_object(&w, NULL);
    berthi_json_text(&w, "text", "a\"b\\c\n\033\xe2\x80\xae\xff\0", 12);
    berthi_json_string(&w, "none", NULL);
    berthi_json_uint(&w, "number", UINT64_MAX);
    berthi_json_object(&w, "empty");
    berthi_json_end(&w);
    berthi_json_array(&w, "list");
    berthi_json_bool(&w, NULL, true);
    berthi_json_array(&w, NULL);
    berthi_json_end(&w);
    berthi_json_string(&w, NULL, "\xf3\xa0\x80\x81");
    berthi_json_end(&w);
    berthi_json_end(&w);
    assert_false(out.has_failed);
    assert_string_equal(out.data, expected);
    value = json_loads(out.data, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
    assert_non_null(value);
    json_decref(value);
    berthi_text_buf_fini(&out);
    memory_assert_empty(&m);
}

static void a_text_that_failed_to_grow_stays_failed(void **state)
{
    bertht_memory m;
    berth_allocator a;
    berthi_text_buf out;

    (void)state;
    memory_init(&m);
    a = memory_allocator(&m);
    berthi_text_buf_init(&out, &a);
    berthi_text_buf_puts(&out, "kept");
    memory_fail(&m, 0, false); /* once: the next attempt would succeed */
    berthi_text_buf_fill(&out, 'x', 10000);
    assert_true(out.has_failed);
    berthi_text_buf_puts(&out, "more");
    berthi_text_buf_putf(&out, "%d", 5);
    assert_true(out.has_failed);
    assert_string_equal(out.data, "kept");
    berthi_text_buf_fini(&out);
    memory_assert_empty(&m);
}

static void digests_are_sha_256(void **state)
{
    uint8_t digest[BERTHI_SHA256_SIZE];
    char hex[BERTHI_SHA256_HEX_SIZE];

    (void)state;
    assert_true(berthi_sha256("abc", 3, digest));
    berthi_sha256_hex(digest, hex);
    assert_string_equal(hex,
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_true(berthi_sha256(NULL, 0, digest));
    berthi_sha256_hex(digest, hex);
    assert_string_equal(hex,
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_is_taken_only_in_its_shortest_form),
        cmocka_unit_test(what_does_not_show_is_escaped),
        cmocka_unit_test(shown_text_is_cut_between_characters),
        cmocka_unit_test(the_reader_reads_what_jansson_reads),
        cmocka_unit_test(nesting_is_bounded_exactly),
        cmocka_unit_test(members_and_items_are_bounded_exactly),
        cmocka_unit_test(integers_are_taken_to_their_limits),
        cmocka_unit_test(a_member_is_found_by_its_whole_name),
        cmocka_unit_test(the_writer_writes_what_a_parser_reads),
        cmocka_unit_test(a_text_that_failed_to_grow_stays_failed),
        cmocka_unit_test(digests_are_sha_256),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
