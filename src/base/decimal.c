/* decimal.c - floating point numbers as decimal text.  Layer: base. */
#include "base/decimal.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXPONENT_MAX = 100000, PLAIN_DIGITS_MAX = 17, PLAIN_ZEROS_MAX = 5 };

/* ---------------------------------------------------------------- reading */

static size_t scan_digits(const char *text, size_t size, size_t at)
{
    while (at < size && text[at] >= '0' && text[at] <= '9')
        at++;
    return at;
}

size_t berthi_decimal_scan(const char *text, size_t size, bool *is_integer_out)
{
    size_t first = size > 0 && text[0] == '-', at = scan_digits(text, size, first), next;

    if (at == first)
        return 0;
    if (text[first] == '0')
        at = first + 1;
    *is_integer_out = true;
    if (at < size && text[at] == '.') {
        next = scan_digits(text, size, at + 1);
        if (next > at + 1) {
            at = next;
            *is_integer_out = false;
        }
    }
    if (at < size && (text[at] == 'e' || text[at] == 'E')) {
        size_t digits = at + 1;

        if (digits < size && (text[digits] == '+' || text[digits] == '-'))
            digits++;
        next = scan_digits(text, size, digits);
        if (next > digits) {
            at = next;
            *is_integer_out = false;
        }
    }
    return at;
}

/* Its sign and digits without a point, then an exponent that makes up for it.  False: too long. */
static bool without_point(const char *text, size_t size,
                          char out[static BERTHI_DECIMAL_READ_MAX + 24])
{
    long exponent = 0, behind_point = 0;
    bool is_behind = false;
    size_t used = 0, at = 0;

    if (size > BERTHI_DECIMAL_READ_MAX)
        return false;
    for (; at < size && text[at] != 'e' && text[at] != 'E'; at++) {
        if (text[at] == '.') {
            is_behind = true;
            continue;
        }
        out[used++] = text[at];
        behind_point += is_behind;
    }
    if (at < size) {
        bool is_negative = text[at + 1] == '-';

        at += is_negative || text[at + 1] == '+' ? 2 : 1;
        for (; at < size; at++)
            if (exponent < EXPONENT_MAX)
                exponent = 10 * exponent + (text[at] - '0');
        if (is_negative)
            exponent = -exponent;
    }
    snprintf(out + used, 24, "e%ld", exponent - behind_point);
    return true;
}

bool berthi_decimal_read_f64(const char *text, size_t size, double *value_out)
{
    char plain[BERTHI_DECIMAL_READ_MAX + 24];
    double value;

    if (!without_point(text, size, plain))
        return false;
    value = strtod(plain, NULL);
    if (!isfinite(value))
        return false;
    *value_out = value;
    return true;
}

bool berthi_decimal_read_f32(const char *text, size_t size, float *value_out)
{
    char plain[BERTHI_DECIMAL_READ_MAX + 24];
    float value;

    if (!without_point(text, size, plain))
        return false;
    value = strtof(plain, NULL);
    if (!isfinite(value))
        return false;
    *value_out = value;
    return true;
}

/* ---------------------------------------------------------------- writing */

typedef struct digits {
    char text[24];
    int count, exponent; /* the value is d.ddd times ten to this */
    bool is_negative;
} digits;

/* What "%.*e" says, without its point. */
static digits digits_of(double value, int count)
{
    char text[64];
    digits d = { .is_negative = signbit(value) };
    const char *at = text + d.is_negative;

    snprintf(text, sizeof text, "%.*e", count - 1, value);
    for (; *at != 'e'; at++) /* a point may be any bytes but digits */
        if (*at >= '0' && *at <= '9')
            d.text[d.count++] = *at;
    d.exponent = (int)strtol(at + 1, NULL, 10);
    while (d.count > 1 && d.text[d.count - 1] == '0')
        d.count--;
    return d;
}

/* The same number as text that anything reads. */
static size_t put_digits(char *out, const digits *d)
{
    size_t used = 0;
    int whole = d->exponent + 1; /* digits in front of the point */

    if (d->is_negative)
        out[used++] = '-';
    if (whole > PLAIN_DIGITS_MAX || whole < -PLAIN_ZEROS_MAX) {
        out[used++] = d->text[0];
        if (d->count > 1)
            out[used++] = '.';
        memcpy(out + used, d->text + 1, (size_t)d->count - 1);
        used += (size_t)d->count - 1;
        used += (size_t)snprintf(out + used, 8, "e%d", d->exponent);
        return used;
    }
    if (whole <= 0) {
        out[used++] = '0';
        out[used++] = '.';
        for (int i = whole; i < 0; i++)
            out[used++] = '0';
        memcpy(out + used, d->text, (size_t)d->count);
        used += (size_t)d->count;
    } else {
        for (int i = 0; i < whole || i < d->count; i++) {
            if (i == whole)
                out[used++] = '.';
            out[used++] = i < d->count ? d->text[i] : '0';
        }
    }
    out[used] = '\0';
    return used;
}

static size_t put_special(char *out, double value)
{
    const char *word = isnan(value) ? "nan" : value < 0 ? "-inf" : "inf";

    memcpy(out, word, strlen(word) + 1);
    return strlen(word);
}

size_t berthi_decimal_write_f64(char out[static BERTHI_DECIMAL_ROOM], double value)
{
    size_t size = 0;
    double again = 0;

    if (!isfinite(value))
        return put_special(out, value);
    for (int count = 1; count <= 17; count = count == 1 ? 15 : count + 1) {
        digits d = digits_of(value, count);

        size = put_digits(out, &d);
        if (berthi_decimal_read_f64(out, size, &again) && again == value)
            break;
    }
    assert(again == value); /* 17 digits tell any two apart */
    return size;
}

size_t berthi_decimal_write_f32(char out[static BERTHI_DECIMAL_ROOM], float value)
{
    size_t size = 0;
    float again = 0;

    if (!isfinite(value))
        return put_special(out, (double)value);
    for (int count = 1; count <= 9; count = count == 1 ? 6 : count + 1) {
        digits d = digits_of((double)value, count);

        size = put_digits(out, &d);
        if (berthi_decimal_read_f32(out, size, &again) && again == value)
            break;
    }
    assert(again == value);
    return size;
}
