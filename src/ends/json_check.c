/* json_check.c - a JSON text looked at once, from left to right.  Layer: ends.
 *
 * The reader of src/base makes a tree in an arena; here a line of a log is only let through or not.  What lies
 * around the place that is read is a stack of one bit each: object or array. */
#include "ends/json_check.h"

#include <stdint.h>
#include <string.h>

#include "base/decimal.h"
#include "base/utf8.h"

typedef struct scan {
    const char *text;
    size_t size, at;
    const char *why; /* NULL: nothing is wrong */
    uint8_t objects[BERTHI_JSON_CHECK_NESTING / 8];
    uint32_t depth;
} scan;

static bool wrong(scan *s, const char *why)
{
    s->why = why;
    return false;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_space(scan *s)
{
    while (s->at < s->size && is_space(s->text[s->at]))
        s->at++;
}

static bool takes(scan *s, char c)
{
    if (s->at == s->size || s->text[s->at] != c)
        return false;
    s->at++;
    return true;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool scan_escape(scan *s)
{
    char c;

    if (s->at == s->size)
        return wrong(s, "a string without its end");
    c = s->text[s->at++];
    if (c != 'u')
        return c != '\0' && strchr("\"\\/bfnrt", c) != NULL ? true : wrong(s, "no such escape");
    for (int i = 0; i < 4; i++, s->at++)
        if (s->at == s->size || !is_hex(s->text[s->at]))
            return wrong(s, "an escape of fewer than four digits");
    return true;
}

/* Behind the opening quote. */
static bool scan_string(scan *s)
{
    while (s->at < s->size) {
        unsigned char c = (unsigned char)s->text[s->at];
        uint32_t character;
        size_t size;

        if (c >= 0x80) {
            size = berthi_utf8_next(s->text + s->at, s->size - s->at, &character);
            if (size == 0)
                return wrong(s, "not well-formed UTF-8");
            s->at += size;
            continue;
        }
        s->at++;
        if (c == '"')
            return true;
        if (c < 0x20) {
            s->at--;
            return wrong(s, "a control character in a string");
        }
        if (c == '\\' && !scan_escape(s))
            return false;
    }
    return wrong(s, "a string without its end");
}

static bool scan_word(scan *s)
{
    static const char *const words[] = { "true", "false", "null" };
    bool is_integer;
    size_t size;

    for (size_t i = 0; i < 3; i++) {
        size = strlen(words[i]);
        if (s->size - s->at >= size && memcmp(s->text + s->at, words[i], size) == 0) {
            s->at += size;
            return true;
        }
    }
    size = berthi_decimal_scan(s->text + s->at, s->size - s->at, &is_integer);
    s->at += size;
    return size != 0 ? true : wrong(s, "no value");
}

static bool is_in_object(const scan *s)
{
    return (s->objects[(s->depth - 1) / 8] >> ((s->depth - 1) % 8) & 1) != 0;
}

static bool enter(scan *s, bool is_object)
{
    uint8_t bit = (uint8_t)(1u << (s->depth % 8));

    if (s->depth == BERTHI_JSON_CHECK_NESTING)
        return wrong(s, "nested too deep");
    if (is_object)
        s->objects[s->depth / 8] |= bit;
    else
        s->objects[s->depth / 8] &= (uint8_t)~bit;
    s->depth++;
    return true;
}

static bool scan_name(scan *s)
{
    skip_space(s);
    if (!takes(s, '"'))
        return wrong(s, "no name of a member");
    if (!scan_string(s))
        return false;
    skip_space(s);
    return takes(s, ':') ? true : wrong(s, "no colon behind a name");
}

/* Up to the end of a value that has no parts, or that is empty. */
static bool scan_to_leaf(scan *s)
{
    for (;;) {
        bool is_object;

        skip_space(s);
        if (takes(s, '"'))
            return scan_string(s);
        is_object = s->at < s->size && s->text[s->at] == '{';
        if (!is_object && !(s->at < s->size && s->text[s->at] == '['))
            return scan_word(s);
        s->at++;
        if (!enter(s, is_object))
            return false;
        skip_space(s);
        if (takes(s, is_object ? '}' : ']')) {
            s->depth--;
            return true;
        }
        if (is_object && !scan_name(s))
            return false;
    }
}

const char *berthi_json_check(const char *text, size_t size, size_t *at_out)
{
    scan s = { .text = text, .size = size };

    for (;;) {
        if (!scan_to_leaf(&s))
            break;
        skip_space(&s);
        while (s.depth != 0 && takes(&s, is_in_object(&s) ? '}' : ']')) {
            s.depth--;
            skip_space(&s);
        }
        if (s.depth == 0) {
            if (s.at != s.size)
                (void)wrong(&s, "something behind the value");
            break;
        }
        if (!takes(&s, ',')) {
            (void)wrong(&s, "neither a comma nor an end");
            break;
        }
        if (is_in_object(&s) && !scan_name(&s))
            break;
    }
    *at_out = s.at;
    return s.why;
}

bool berthi_json_is_blank(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!is_space(text[i]))
            return false;
    return true;
}
