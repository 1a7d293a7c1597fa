/* decimal_test.c - numbers with a point, whatever the locale. */
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/decimal.h"

static void scanning_takes_what_json_calls_a_number(void **state)
{
    static const struct {
        const char *text;
        size_t size;
        bool is_integer;
    } cases[] = {
        { "0", 1, true },           { "-12", 3, true }, { "01", 1, true },
        { "1.5", 3, false },        { "1.", 1, true },  { "1e5", 3, false },
        { "1e", 1, true },          { "1e+", 1, true }, { "1E-07x", 5, false },
        { "-0.25e+10,", 9, false }, { "-", 0, false },  { "", 0, false },
        { "+1", 0, false },         { ".5", 0, false }, { "nan", 0, false },
        { "0x10", 1, true },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool is_integer = false;

        assert_int_equal(berthi_decimal_scan(cases[i].text, strlen(cases[i].text), &is_integer),
                         cases[i].size);
        if (cases[i].size != 0)
            assert_int_equal(is_integer, cases[i].is_integer);
    }
}

static void long_numbers_are_bounded(void **state)
{
    char text[BERTHI_DECIMAL_READ_MAX + 2];
    double value = 0;
    (void)state;

    memset(text, '0', sizeof text);
    text[1] = '.';
    text[BERTHI_DECIMAL_READ_MAX - 1] = '1';
    assert_true(berthi_decimal_read_f64(text, BERTHI_DECIMAL_READ_MAX, &value));
    assert_true(value == 0);
    assert_false(berthi_decimal_read_f64(text, BERTHI_DECIMAL_READ_MAX + 1, &value));
    assert_true(berthi_decimal_read_f64("1e-99999999999999999999", 23, &value) && value == 0);
    assert_false(berthi_decimal_read_f64("1e99999999999999999999", 22, &value));
    assert_true(berthi_decimal_read_f64("0e99999999999999999999", 22, &value) && value == 0);
}

static void every_value_reads_as_itself_again(void **state)
{
    uint64_t bits = 0x0123456789abcdefu;
    char text[BERTHI_DECIMAL_ROOM];
    (void)state;

    for (int i = 0; i < 60000; i++) {
        double value, again = 0;
        float narrow, narrow_again = 0;
        uint32_t half;
        size_t size;
        bool is_integer;

        bits = bits * 6364136223846793005u + 1442695040888963407u;
        memcpy(&value, &bits, sizeof value);
        half = (uint32_t)(bits >> 32);
        memcpy(&narrow, &half, sizeof narrow);
        if (isfinite(value)) {
            size = berthi_decimal_write_f64(text, value);
            assert_int_equal(strlen(text), size);
            assert_int_equal(berthi_decimal_scan(text, size, &is_integer), size);
            assert_true(berthi_decimal_read_f64(text, size, &again));
            assert_memory_equal(&value, &again, sizeof value);
        }
        if (isfinite(narrow)) {
            size = berthi_decimal_write_f32(text, narrow);
            assert_int_equal(berthi_decimal_scan(text, size, &is_integer), size);
            assert_true(berthi_decimal_read_f32(text, size, &narrow_again));
            assert_memory_equal(&narrow, &narrow_again, sizeof narrow);
        }
    }
}

/* A host may have chosen a locale whose point is a comma. */
static void the_locale_does_not_matter(void **state)
{
    static const char *const commas[] = { "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE" };
    char text[BERTHI_DECIMAL_ROOM];
    double value = 0;
    bool has_comma = false;
    (void)state;

    for (size_t i = 0; i < sizeof commas / sizeof *commas && !has_comma; i++) {
        locale_t locale = newlocale(LC_NUMERIC_MASK, commas[i], (locale_t)0);

        if (locale == (locale_t)0)
            continue;
        uselocale(locale);
        snprintf(text, sizeof text, "%.1f", 0.5);
        has_comma = text[1] == ',';
        berthi_decimal_write_f64(text, 1234.5);
        assert_string_equal(text, "1234.5");
        assert_true(berthi_decimal_read_f64("0.25", 4, &value) && value == 0.25);
        uselocale(LC_GLOBAL_LOCALE);
        freelocale(locale);
    }
    if (!has_comma) {
        print_message("no locale with a comma is installed\n");
        skip();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scanning_takes_what_json_calls_a_number),
        cmocka_unit_test(long_numbers_are_bounded),
        cmocka_unit_test(every_value_reads_as_itself_again),
        cmocka_unit_test(the_locale_does_not_matter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
