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
#include "base/json_check.h"
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

/* jansson and the checker agree about these, so that only memory is left to fail for jansson. */
static void the_json_check_and_jansson_agree(void **state)
{
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
    const char *why;
    size_t at;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t size = strlen(texts[i]);
        json_t *value = json_loadb(texts[i], size, JSON_DECODE_ANY, NULL);

        if (berthi_json_check(texts[i], size, &at, &why) != (value != NULL))
            fail_msg("%s", texts[i]);
        json_decref(value);
        for (size_t n = 0; n < size; n++) { /* each of its beginnings, too */
            value = json_loadb(texts[i], n, JSON_DECODE_ANY, NULL);
            if (berthi_json_check(texts[i], n, &at, &why) != (value != NULL))
                fail_msg("%.*s", (int)n, texts[i]);
            assert_true(value != NULL || at <= n);
            json_decref(value);
        }
    }
}

static void nesting_is_bounded_exactly(void **state)
{
    char text[2 * BERTHI_JSON_NESTING_MAX + 2];
    const char *why;
    size_t at;

    (void)state;
    memset(text, '[', BERTHI_JSON_NESTING_MAX);
    memset(text + BERTHI_JSON_NESTING_MAX, ']', BERTHI_JSON_NESTING_MAX);
    assert_true(berthi_json_check(text, 2 * (size_t)BERTHI_JSON_NESTING_MAX, &at, &why));
    memset(text, '[', BERTHI_JSON_NESTING_MAX + 1);
    memset(text + BERTHI_JSON_NESTING_MAX + 1, ']', BERTHI_JSON_NESTING_MAX + 1);
    assert_false(berthi_json_check(text, sizeof text, &at, &why));
    assert_int_equal(at, BERTHI_JSON_NESTING_MAX);
    assert_string_equal(why, "nested too deep");
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
        cmocka_unit_test(the_json_check_and_jansson_agree),
        cmocka_unit_test(nesting_is_bounded_exactly),
        cmocka_unit_test(the_writer_writes_what_a_parser_reads),
        cmocka_unit_test(a_text_that_failed_to_grow_stays_failed),
        cmocka_unit_test(digests_are_sha_256),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
