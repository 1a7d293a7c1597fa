/* json_check.c - a JSON syntax check without recursion and without memory.  Layer: base. */
#include "base/json_check.h"

#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

typedef struct cursor {
    const char *text;
    size_t size, at;
    const char *why;
} cursor;

static bool wrong(cursor *c, const char *why)
{
    c->why = why;
    return false;
}

static int peek(const cursor *c)
{
    return c->at < c->size ? (unsigned char)c->text[c->at] : -1;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(int c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static void skip_space(cursor *c)
{
    while (peek(c) == ' ' || peek(c) == '\t' || peek(c) == '\n' || peek(c) == '\r')
        c->at++;
}

static bool take_unit(cursor *c, unsigned *unit_out)
{
    unsigned unit = 0;

    for (int i = 0; i < 4; i++, c->at++) {
        int h = peek(c);

        if (!is_hex(h))
            return wrong(c, "\\u needs four hexadecimal digits");
        unit = unit << 4 | (unsigned)(is_digit(h) ? h - '0' : (h | 0x20) - 'a' + 10);
    }
    *unit_out = unit;
    return true;
}

/* Behind the backslash. */
static bool take_escape(cursor *c)
{
    unsigned unit, low;

    if (peek(c) != 'u') {
        if (peek(c) <= 0 || strchr("\"\\/bfnrt", peek(c)) == NULL)
            return wrong(c, "unknown escape");
        c->at++;
        return true;
    }
    c->at++;
    if (!take_unit(c, &unit))
        return false;
    if (unit == 0)
        return wrong(c, "strings may not hold NUL");
    if (unit >= 0xdc00 && unit <= 0xdfff)
        return wrong(c, "half of a surrogate pair");
    if (unit < 0xd800 || unit > 0xdbff)
        return true;
    if (c->size - c->at < 2 || memcmp(c->text + c->at, "\\u", 2) != 0)
        return wrong(c, "half of a surrogate pair");
    c->at += 2;
    if (!take_unit(c, &low))
        return false;
    return (low >= 0xdc00 && low <= 0xdfff) || wrong(c, "half of a surrogate pair");
}

/* At the opening quote. */
static bool take_string(cursor *c)
{
    uint32_t character;
    size_t step;

    for (c->at++; peek(c) != '"';) {
        if (peek(c) < 0)
            return wrong(c, "a string does not end");
        if (peek(c) < 0x20)
            return wrong(c, "a control character in a string");
        if (peek(c) == '\\') {
            c->at++;
            if (!take_escape(c))
                return false;
            continue;
        }
        step = berthi_utf8_next(c->text + c->at, c->size - c->at, &character);
        if (step == 0)
            return wrong(c, "not UTF-8");
        c->at += step;
    }
    c->at++;
    return true;
}

static bool take_digits(cursor *c)
{
    if (!is_digit(peek(c)))
        return wrong(c, "a digit is missing");
    while (is_digit(peek(c)))
        c->at++;
    return true;
}

static bool take_number(cursor *c)
{
    if (peek(c) == '-')
        c->at++;
    if (peek(c) == '0')
        c->at++;
    else if (!take_digits(c))
        return false;
    if (peek(c) == '.') {
        c->at++;
        if (!take_digits(c))
            return false;
    }
    if (peek(c) == 'e' || peek(c) == 'E') {
        c->at++;
        if (peek(c) == '+' || peek(c) == '-')
            c->at++;
        if (!take_digits(c))
            return false;
    }
    return true;
}

static bool take_word(cursor *c)
{
    static const char *const words[] = { "true", "false", "null" };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t size = strlen(words[i]);

        if (c->size - c->at >= size && memcmp(c->text + c->at, words[i], size) == 0) {
            c->at += size;
            return true;
        }
    }
    return wrong(c, c->at == c->size ? "the text ends too early" : "no value starts like this");
}

static bool take_scalar(cursor *c)
{
    if (peek(c) == '"')
        return take_string(c);
    if (peek(c) == '-' || is_digit(peek(c)))
        return take_number(c);
    return take_word(c);
}

/* A member's name and its colon. */
static bool take_key(cursor *c)
{
    skip_space(c);
    if (peek(c) != '"')
        return wrong(c, "a member's name is missing");
    if (!take_string(c))
        return false;
    skip_space(c);
    if (peek(c) != ':')
        return wrong(c, "':' is missing");
    c->at++;
    return true;
}

/* Behind a whole value: closes what closes here.  True with *more_out when another follows. */
static bool take_after(cursor *c, uint32_t objects, unsigned *depth, bool *more_out)
{
    while (*depth > 0) {
        bool in_object = objects >> (*depth - 1) & 1;

        skip_space(c);
        if (peek(c) == ',') {
            c->at++;
            *more_out = true;
            return !in_object || take_key(c);
        }
        if (peek(c) != (in_object ? '}' : ']'))
            return wrong(c, in_object ? "',' or '}' is missing" : "',' or ']' is missing");
        c->at++;
        --*depth;
    }
    *more_out = false;
    return true;
}

_Static_assert(BERTHI_JSON_NESTING_MAX <= 32, "one bit a level says object or array");

static bool take_value(cursor *c)
{
    uint32_t objects = 0; /* bit n: what is open at depth n is an object */
    unsigned depth = 0;
    bool more = true;

    while (more) {
        bool is_object;

        skip_space(c);
        is_object = peek(c) == '{';
        if (is_object || peek(c) == '[') {
            if (depth == BERTHI_JSON_NESTING_MAX)
                return wrong(c, "nested too deep");
            objects = (objects & ~(UINT32_C(1) << depth)) | (uint32_t)is_object << depth;
            depth++;
            c->at++;
            skip_space(c);
            if (peek(c) != (is_object ? '}' : ']')) {
                if (is_object && !take_key(c))
                    return false;
                continue;
            }
        } else if (!take_scalar(c)) {
            return false;
        }
        if (!take_after(c, objects, &depth, &more))
            return false;
    }
    skip_space(c);
    return c->at == c->size || wrong(c, "something follows the value");
}

bool berthi_json_check(const char *text, size_t size, size_t *offset_out, const char **why_out)
{
    cursor c = { .text = text, .size = size };

    if (take_value(&c))
        return true;
    *offset_out = c.at;
    *why_out = c.why;
    return false;
}
