/* redact.h - what the versions of the demo's plugin have in common: one pass over a log line.
 *
 *   e-mail   ana@example.org, also with the @ as %40   ->  [email]
 *   IPv4     203.0.113.9                               ->  203.0.113.x
 *   token    token=, api_key=, session= in a query, and what follows Bearer or Basic  ->  [token]
 *
 * demo/verify.py says the same in Python's regular expressions, and the demo compares every byte.
 */
#ifndef BERTH_DEMO_REDACT_H
#define BERTH_DEMO_REDACT_H

#include "berth_hook.h"

#include <stdbool.h>

typedef struct cursor {
    const uint8_t *at;
    const uint8_t *end;
} cursor;

static inline bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static inline bool is_alnum(uint8_t c)
{
    return is_digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

/* Part of a domain, dots left out. */
static inline bool is_label(uint8_t c)
{
    return is_alnum(c) || c == '-';
}

static inline bool is_local(uint8_t c)
{
    return is_label(c) || c == '.' || c == '_' || c == '+';
}

static inline bool is_token(uint8_t c)
{
    return is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~' || c == '+' ||
           c == '/' || c == '=';
}

static inline bool starts_with(const cursor *c, const char *text, uint32_t len)
{
    return (uint32_t)(c->end - c->at) >= len && memcmp(c->at, text, len) == 0;
}

/* The length of a domain with at least one dot at `at`, or 0. */
static inline uint32_t domain_length(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *p = at;
    uint32_t dotted = 0;

    for (;;) {
        const uint8_t *label = p;
        while (p < end && is_label(*p))
            p++;
        if (p == label)
            break;
        if (label != at)
            dotted = (uint32_t)(p - at);
        if (p == end || *p != '.')
            break;
        p++;
    }
    return dotted;
}

/* At an @ or %40: takes the local part back from the output and skips the domain. */
static inline bool redact_email(cursor *c, berth_text *out)
{
    uint32_t sign = *c->at == '@' ? 1 : starts_with(c, "%40", 3) ? 3 : 0;
    uint32_t start = out->len;
    uint32_t domain;

    if (sign == 0)
        return false;
    while (start > 0 && is_local(out->ptr[start - 1]))
        start--;
    domain = domain_length(c->at + sign, c->end);
    if (start == out->len || domain == 0)
        return false;
    out->len = start;
    berth_text_put_literal(out, "[email]");
    c->at += sign + domain;
    return true;
}

/* The bytes of one number of an address at `at`, 1 to 3, or 0. */
static inline uint32_t octet_length(const uint8_t *at, const uint8_t *end)
{
    uint32_t len = 0;
    while (len < 4 && at + len < end && is_digit(at[len]))
        len++;
    return len < 4 ? len : 0;
}

/* At a digit that begins a word.  "Chrome/126.0.0.0" is no address, "//126.0.0.0" is one. */
static inline bool redact_address(cursor *c, const uint8_t *begin, berth_text *out)
{
    const uint8_t *p = c->at;

    if (!is_digit(*p))
        return false;
    if (p > begin && (is_local(p[-1]) || (p[-1] == '/' && (p < begin + 2 || p[-2] != '/'))))
        return false;
    for (int dots = 0; dots < 3; dots++) {
        uint32_t len = octet_length(p, c->end);
        if (len == 0 || p + len == c->end || p[len] != '.')
            return false;
        p += len + 1;
    }
    uint32_t last = octet_length(p, c->end);
    if (last == 0 || (p + last < c->end && is_local(p[last])))
        return false;
    berth_text_put(out, c->at, (uint32_t)(p - c->at));
    berth_text_put_byte(out, 'x');
    c->at = p + last;
    return true;
}

/* At the first letter of a word: puts the word, and [token] for the value behind it. */
static inline bool redact_token(cursor *c, const uint8_t *begin, berth_text *out)
{
    static const char *const words[] = { "token=", "api_key=", "session=", "Bearer ",
                                         "Basic " };
    static const uint8_t lengths[] = { 6, 8, 8, 7, 6 };

    if (c->at > begin && is_local(c->at[-1]))
        return false;
    for (uint32_t i = 0; i < sizeof lengths; i++) {
        if (!starts_with(c, words[i], lengths[i]))
            continue;
        const uint8_t *p = c->at + lengths[i];
        while (p < c->end && is_token(*p))
            p++;
        if (p == c->at + lengths[i])
            return false;
        berth_text_put(out, words[i], lengths[i]);
        berth_text_put_literal(out, "[token]");
        c->at = p;
        return true;
    }
    return false;
}

/* `line`, redacted, in `out`. */
static inline void redact_line(berth_bytes line, bool tokens, berth_text *out)
{
    cursor c = { line.ptr, line.ptr + line.len };

    berth_text_clear(out);
    while (c.at < c.end) {
        if (redact_address(&c, line.ptr, out))
            continue;
        if ((*c.at == '@' || *c.at == '%') && redact_email(&c, out))
            continue;
        if (tokens && is_alnum(*c.at) && redact_token(&c, line.ptr, out))
            continue;
        berth_text_put_byte(out, *c.at++);
    }
}

#endif
