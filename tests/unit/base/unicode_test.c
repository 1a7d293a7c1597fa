/* unicode_test.c - every character between UTF-8, UTF-16 and Latin-1, in runs of every length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/unicode.h"

enum { RUN_MAX = 70 };

static size_t to_utf16(uint32_t c, uint8_t *out)
{
    uint32_t units[2] = { c, 0 };
    size_t count = 1;

    if (c > 0xffff) {
        units[0] = 0xd800 | (c - 0x10000) >> 10;
        units[1] = 0xdc00 | ((c - 0x10000) & 0x3ff);
        count = 2;
    }
    for (size_t i = 0; i < count; i++) {
        out[2 * i] = (uint8_t)units[i];
        out[2 * i + 1] = (uint8_t)(units[i] >> 8);
    }
    return count;
}

static void every_character_goes_there_and_back(void **state)
{
    uint8_t utf8[4], utf16[8], units[4], latin1[4];
    size_t taken = 0;

    (void)state;
    for (uint32_t c = 0; c <= 0x10ffff; c++) {
        size_t count = to_utf16(c, units), size;
        bool is_surrogate = c >= 0xd800 && c <= 0xdfff;

        if (berthi_utf16_is_valid(units, count) == is_surrogate)
            fail_msg("U+%04x", c);
        if (is_surrogate)
            continue;
        size = berthi_utf16_to_utf8(units, count, utf8);
        if (size != berthi_utf16_size_in_utf8(units, count) ||
            !berthi_utf8_is_valid((const char *)utf8, size) ||
            berthi_utf8_to_utf16(utf8, size, utf16) != count ||
            memcmp(utf16, units, 2 * count) != 0 ||
            berthi_utf8_to_latin1(utf8, size, latin1, &taken) != (c < 0x100) ||
            taken != (c < 0x100 ? size : 0))
            fail_msg("U+%04x", c);
        if (c < 0x100) {
            assert_int_equal(latin1[0], c);
            assert_int_equal(berthi_latin1_size_in_utf8(latin1, 1), size);
            assert_int_equal(berthi_latin1_to_utf8(latin1, 1, utf16), size);
            assert_memory_equal(utf16, utf8, size);
        }
    }
}

/* Blocks of exactly their size: a sanitizer sees one byte too many. */
static uint8_t *block(size_t size, int fill)
{
    uint8_t *p = malloc(size == 0 ? 1 : size);

    assert_non_null(p);
    memset(p, fill, size);
    return p;
}

static void a_run_ends_at_the_first_that_is_not_of_it(void **state)
{
    (void)state;
    for (size_t size = 0; size <= RUN_MAX; size++) {
        uint8_t *text = block(size, 'a'), *units = block(2 * size, 0);

        assert_int_equal(berthi_ascii_run((const char *)text, size), size);
        assert_int_equal(berthi_utf16_run(units, size, 0x80), size);
        for (size_t at = 0; at < size; at++) {
            text[at] = 0x80;
            assert_int_equal(berthi_ascii_run((const char *)text, size), at);
            assert_int_equal(berthi_utf8_valid_size((const char *)text, size), at);
            text[at] = 0x7f;
            units[2 * at] = 0x80;
            assert_int_equal(berthi_utf16_run(units, size, 0x80), at);
            assert_int_equal(berthi_utf16_run(units, size, 0x100), size);
            units[2 * at] = 0;
            units[2 * at + 1] = 1;
            assert_int_equal(berthi_utf16_run(units, size, 0x100), at);
            units[2 * at + 1] = 0xdf;
            assert_false(berthi_utf16_is_valid(units, size));
            units[2 * at + 1] = 0xd8;
            assert_false(berthi_utf16_is_valid(units, size));
            if (at + 1 < size) {
                units[2 * at + 3] = 0xdc;
                assert_true(berthi_utf16_is_valid(units, size));
                units[2 * at + 3] = 0;
            }
            units[2 * at + 1] = 0xe0;
            assert_true(berthi_utf16_is_valid(units, size));
            units[2 * at + 1] = 0;
        }
        free(text);
        free(units);
    }
}

static void texts_of_every_length_widen_and_narrow_in_place(void **state)
{
    (void)state;
    for (size_t size = 0; size <= RUN_MAX; size++) {
        uint8_t *text = block(size, 0), *units = block(2 * size, 0);

        for (size_t i = 0; i < size; i++)
            units[i] = text[i] = (uint8_t)(0xff - i);
        berthi_latin1_widen(units, size, units);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(units[2 * i] + 256 * units[2 * i + 1], text[i]);
        berthi_utf16_narrow(units, size, units);
        assert_memory_equal(units, text, size);
        free(text);
        free(units);
    }
}

/* Whatever the input is: the callers' room is that of the worst text. */
static void no_input_writes_more_than_was_promised(void **state)
{
    uint32_t random = 1;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        size_t size = (size_t)round % 24, taken = 0;
        uint8_t *in = block(2 * size, 0), *out;

        for (size_t i = 0; i < 2 * size; i++) {
            random = random * 1664525 + 1013904223;
            in[i] = (uint8_t)((random >> 30 == 0 ? 0xd8 : 0x80) + (random >> 16) % 0x60);
        }
        out = block(3 * size, 0);
        assert_true(berthi_utf16_to_utf8(in, size, out) <= 3 * size);
        free(out);
        out = block(2 * size, 0);
        assert_true(berthi_utf8_to_utf16(in, size, out) <= size);
        assert_true(berthi_latin1_to_utf8(in, size, out) <= 2 * size);
        free(out);
        out = block(size, 0);
        assert_true(berthi_utf8_to_latin1(in, size, out, &taken) <= taken && taken <= size);
        free(out);
        free(in);
    }
}

static void what_was_cut_can_be_told_from_what_is_wrong(void **state)
{
    static const struct {
        const char *bytes;
        bool is_cut;
    } cases[] = {
        { "", false },
        { "a", false },
        { "\x80", false },
        { "\xc2", true },
        { "\xc1", false },
        { "\xdf", true },
        { "\xe0", true },
        { "\xe0\x9f", false },
        { "\xe0\xa0", true },
        { "\xed", true },
        { "\xed\x9f", true },
        { "\xed\xa0", false },
        { "\xef\xbf", true },
        { "\xf0", true },
        { "\xf0\x8f", false },
        { "\xf0\x90", true },
        { "\xf4", true },
        { "\xf4\x8f", true },
        { "\xf4\x90", false },
        { "\xf5", false },
        { "\xf0\x9f\x98", true },
        { "\xe2\x82\xac", false },
        { "\xc3(", false },
        { "\xe2(", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(berthi_utf8_is_cut(cases[i].bytes, strlen(cases[i].bytes)),
                         cases[i].is_cut);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_character_goes_there_and_back),
        cmocka_unit_test(a_run_ends_at_the_first_that_is_not_of_it),
        cmocka_unit_test(texts_of_every_length_widen_and_narrow_in_place),
        cmocka_unit_test(no_input_writes_more_than_was_promised),
        cmocka_unit_test(what_was_cut_can_be_told_from_what_is_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
