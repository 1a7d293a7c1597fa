/* toml_scalar.c - booleans, numbers, dates and times of TOML.  Layer: base. */
#include <math.h>

#include "base/decimal.h"
#include "base/toml_cursor.h"
#include "base/utf8.h"

typedef struct word {
    const char *text;
    uint32_t at, size;
} word;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_word(char c)
{
    return is_digit(c) || is_letter(c) || c == '_' || c == '+' || c == '-' || c == '.' ||
           c == ':';
}

static bool is(const word *w, const char *text)
{
    return strlen(text) == w->size && memcmp(w->text, text, w->size) == 0;
}

static bool wrong(toml_cursor *c, const word *w, const char *why)
{
    char shown[48];

    berthi_utf8_show(shown, sizeof shown, w->text, w->size);
    return berthi_toml_wrong(c, w->at, w->size, "`%s`: %s", shown, why);
}

/* ---------------------------------------------------------------- numbers */

/* Digits with single underscores between them. */
static bool digits_are_sound(const char *text, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        if (text[i] == '_' && (i == 0 || i + 1 == size || text[i - 1] == '_'))
            return false;
    return size != 0;
}

static int digit_of(char c, unsigned base)
{
    int digit = is_digit(c)            ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : 99;

    return digit < (int)base ? digit : -1;
}

/* Whether it fits into 64 bits; *is_sound_out: whether it is digits of that base. */
static bool sum_up(const char *text, uint32_t size, unsigned base, uint64_t *sum_out,
                   bool *is_sound_out)
{
    uint64_t sum = 0;
    bool fits = true;

    *is_sound_out = digits_are_sound(text, size);
    for (uint32_t i = 0; i < size; i++) {
        int digit = digit_of(text[i], base);

        if (text[i] == '_')
            continue;
        if (digit < 0)
            *is_sound_out = false;
        else if (__builtin_mul_overflow(sum, (uint64_t)base, &sum) ||
                 __builtin_add_overflow(sum, (uint64_t)digit, &sum))
            fits = false;
    }
    *sum_out = sum;
    return fits;
}

static bool store_integer(toml_cursor *c, const word *w, bool fits, bool is_negative,
                          uint64_t sum, berthi_toml *value)
{
    value->kind = BERTHI_TOML_INTEGER;
    if (!is_negative && sum > INT64_MAX && fits) {
        value->is_wide = true;
        fits = c->limits.allows_unsigned;
    }
    if (!fits || (is_negative && sum > (uint64_t)INT64_MAX + 1))
        return wrong(c, w,
                     c->limits.allows_unsigned
                         ? "does not fit into 64 bits; expected -2^63 to 2^64 - 1"
                         : "does not fit into 64 bits; expected -2^63 to 2^63 - 1");
    value->as.integer = (int64_t)(is_negative ? 0 - sum : sum);
    return true;
}

static bool take_based(toml_cursor *c, const word *w, berthi_toml *value)
{
    unsigned base = w->text[1] == 'x' ? 16 : w->text[1] == 'o' ? 8 : 2;
    bool is_sound, fits;
    uint64_t sum;

    fits = sum_up(w->text + 2, w->size - 2, base, &sum, &is_sound);
    if (!is_sound)
        return wrong(c, w,
                     base == 16  ? "expected 0x and hexadecimal digits, such as 0xdead_beef"
                     : base == 8 ? "expected 0o and digits from 0 to 7, such as 0o755"
                                 : "expected 0b and digits 0 and 1, such as 0b1101");
    return store_integer(c, w, fits, false, sum, value);
}

/* Integer digits: no zero in front of others. */
static bool is_whole(const char *text, uint32_t size)
{
    return digits_are_sound(text, size) && (size == 1 || text[0] != '0');
}

static uint32_t run_of_digits(const char *text, uint32_t size, uint32_t at)
{
    while (at < size && (is_digit(text[at]) || text[at] == '_'))
        at++;
    return at;
}

/* Whether it is a number with a point or an exponent, behind its sign. */
static bool is_float(const char *text, uint32_t size)
{
    uint32_t end = run_of_digits(text, size, 0), from;

    if (!is_whole(text, end))
        return false;
    if (end < size && text[end] == '.') {
        from = end + 1;
        end = run_of_digits(text, size, from);
        if (!digits_are_sound(text + from, end - from))
            return false;
    }
    if (end < size && (text[end] | 0x20) == 'e') {
        from = end + 1 + (end + 1 < size && (text[end + 1] == '+' || text[end + 1] == '-'));
        end = run_of_digits(text, size, from);
        if (!digits_are_sound(text + from, end - from))
            return false;
    }
    return end == size;
}

static bool take_float(toml_cursor *c, const word *w, uint32_t sign, berthi_toml *value)
{
    char plain[BERTHI_DECIMAL_READ_MAX];
    size_t used = 0;

    value->kind = BERTHI_TOML_FLOAT;
    for (uint32_t i = w->text[0] == '+' ? sign : 0; i < w->size; i++) {
        if (w->text[i] == '_')
            continue;
        if (used == sizeof plain)
            return wrong(c, w, "has too many digits; expected up to 1200");
        plain[used++] = w->text[i];
    }
    if (!berthi_decimal_read_f64(plain, used, &value->as.number))
        return wrong(c, w, "is too large; expected a double, which inf is as well");
    return true;
}

static bool take_number(toml_cursor *c, const word *w, berthi_toml *value)
{
    uint32_t sign = w->text[0] == '+' || w->text[0] == '-', rest = w->size - sign;
    const char *digits = w->text + sign;
    bool is_sound, fits;
    uint64_t sum;

    if (rest != 0 && run_of_digits(digits, rest, 0) == rest) {
        fits = sum_up(digits, rest, 10, &sum, &is_sound);
        if (!is_sound)
            return wrong(c, w, "an underscore stands alone; expected digits on both its sides");
        if (!is_whole(digits, rest))
            return wrong(c, w, "begins with a zero; expected digits without, or 0o755");
        return store_integer(c, w, fits, w->text[0] == '-', sum, value);
    }
    if (is_float(digits, rest))
        return take_float(c, w, sign, value);
    return wrong(c, w,
                 "no such value; expected a string, a number, true, false, a date or a time");
}

/* ---------------------------------------------------------------- dates and times */

/* `count` digits at *at; false: other things are there. */
static bool take_digits(const word *w, uint32_t *at, unsigned count, unsigned *out)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < count; i++, ++*at) {
        if (*at >= w->size || !is_digit(w->text[*at]))
            return false;
        sum = 10 * sum + (unsigned)(w->text[*at] - '0');
    }
    *out = sum;
    return true;
}

static bool take_char(const word *w, uint32_t *at, const char *any_of)
{
    if (*at >= w->size || strchr(any_of, w->text[*at]) == NULL || w->text[*at] == '\0')
        return false;
    ++*at;
    return true;
}

static unsigned days_in(unsigned year, unsigned month)
{
    static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

    return days[month - 1] +
           (unsigned)(month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
}

static bool take_date(const word *w, uint32_t *at, berthi_toml_time *time)
{
    unsigned year, month, day;

    if (!take_digits(w, at, 4, &year) || !take_char(w, at, "-") ||
        !take_digits(w, at, 2, &month) || !take_char(w, at, "-") ||
        !take_digits(w, at, 2, &day) || month < 1 || month > 12 || day < 1 ||
        day > days_in(year, month))
        return false;
    time->year = (uint16_t)year;
    time->month = (uint8_t)month;
    time->day = (uint8_t)day;
    return true;
}

static bool take_time(const word *w, uint32_t *at, berthi_toml_time *time)
{
    unsigned hour, minute, second, unit = 100000000;

    if (!take_digits(w, at, 2, &hour) || !take_char(w, at, ":") ||
        !take_digits(w, at, 2, &minute) || !take_char(w, at, ":") ||
        !take_digits(w, at, 2, &second) || hour > 23 || minute > 59 || second > 60)
        return false;
    time->hour = (uint8_t)hour;
    time->minute = (uint8_t)minute;
    time->second = (uint8_t)second;
    if (!take_char(w, at, "."))
        return true;
    if (*at >= w->size || !is_digit(w->text[*at]))
        return false;
    for (; *at < w->size && is_digit(w->text[*at]); ++*at, unit /= 10)
        time->nanosecond += unit * (unsigned)(w->text[*at] - '0');
    return true;
}

static bool take_offset(const word *w, uint32_t *at, berthi_toml_time *time)
{
    bool is_negative = w->text[*at] == '-';
    unsigned hours, minutes;

    if (take_char(w, at, "Zz"))
        return true;
    if (!take_char(w, at, "+-") || !take_digits(w, at, 2, &hours) || !take_char(w, at, ":") ||
        !take_digits(w, at, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    time->offset = (int16_t)(60 * hours + minutes);
    if (is_negative)
        time->offset = (int16_t)-time->offset;
    return true;
}

static bool take_instant(toml_cursor *c, const word *w, berthi_toml *value)
{
    static const char expected[] =
        "no such moment; expected 1979-05-27T07:32:00Z, 1979-05-27T07:32:00, 1979-05-27 or "
        "07:32:00";
    berthi_toml_time *time = &value->as.time;
    uint32_t at = 0;

    *time = (berthi_toml_time){ 0 };
    if (w->text[2] == ':') {
        value->kind = BERTHI_TOML_LOCAL_TIME;
        return (take_time(w, &at, time) && at == w->size) || wrong(c, w, expected);
    }
    value->kind = BERTHI_TOML_LOCAL_DATE;
    if (!take_date(w, &at, time))
        return wrong(c, w, expected);
    if (at == w->size)
        return true;
    value->kind = BERTHI_TOML_LOCAL_DATE_TIME;
    if (!take_char(w, &at, "Tt ") || !take_time(w, &at, time))
        return wrong(c, w, expected);
    if (at == w->size)
        return true;
    value->kind = BERTHI_TOML_DATE_TIME;
    return (take_offset(w, &at, time) && at == w->size) || wrong(c, w, expected);
}

static bool looks_like_instant(const word *w)
{
    uint32_t digits = 0;

    while (digits < w->size && is_digit(w->text[digits]))
        digits++;
    return (digits == 4 && w->size > 4 && w->text[4] == '-') ||
           (digits == 2 && w->size > 2 && w->text[2] == ':');
}

/* ---------------------------------------------------------------- any of them */

static uint32_t end_of_word(const toml_cursor *c, uint32_t at)
{
    while (at < c->size && is_word(c->text[at]))
        at++;
    return at;
}

static bool take_other(toml_cursor *c, const word *w, berthi_toml *value)
{
    uint32_t sign = w->text[0] == '+' || w->text[0] == '-';
    const word rest = { w->text + sign, w->at, w->size - sign };

    if (is(&rest, "inf") || is(&rest, "nan")) {
        double number = rest.text[0] == 'i' ? HUGE_VAL : (double)NAN;

        value->kind = BERTHI_TOML_FLOAT;
        value->as.number = w->text[0] == '-' ? -number : number;
        return true;
    }
    if (w->size > 2 && w->text[0] == '0' && strchr("xob", w->text[1]) != NULL)
        return take_based(c, w, value);
    return take_number(c, w, value);
}

bool berthi_toml_scalar(toml_cursor *c, berthi_toml *value)
{
    uint32_t end = end_of_word(c, c->at);
    word w = { c->text + c->at, c->at, end - c->at };
    bool done;

    if (w.size == 0)
        return berthi_toml_wrong(
            c, c->at, 1,
            "no value starts like this; expected a string, a number, true, "
            "false, a date, a time, [ or {");
    /* "1979-05-27 07:32:00": a date, a blank, and digits are one value. */
    if (looks_like_instant(&w) && w.size == 10 && c->size - end >= 2 && c->text[end] == ' ' &&
        is_digit(c->text[end + 1]))
        w.size = end_of_word(c, end + 1) - w.at;
    value->size = w.size;
    if (is(&w, "true") || is(&w, "false")) {
        value->kind = BERTHI_TOML_BOOL;
        value->as.boolean = w.text[0] == 't';
        done = true;
    } else {
        done = looks_like_instant(&w) ? take_instant(c, &w, value) : take_other(c, &w, value);
    }
    c->at += w.size;
    return done;
}
