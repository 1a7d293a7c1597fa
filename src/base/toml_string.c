/* toml_string.c - strings of TOML, of all four kinds.  Layer: base. */
#include "base/toml_cursor.h"
#include "base/utf8.h"

bool berthi_toml_character(toml_cursor *c)
{
    int byte = berthi_toml_peek(c);
    uint32_t character;
    size_t step;

    if ((byte >= 0 && byte < 0x20 && byte != '\t') || byte == 0x7f)
        return berthi_toml_wrong(
            c, c->at, 1, "the character U+%04X may not stand here; expected text%s",
            (unsigned)byte, byte == '\r' ? ", or CR with LF behind it" : "");
    step = berthi_utf8_next(c->text + c->at, c->size - c->at, &character);
    if (step == 0)
        return berthi_toml_wrong(c, c->at, 1, "not UTF-8; expected well-formed text");
    c->at += (uint32_t)step;
    return true;
}

/* ---------------------------------------------------------------- escapes */

static int hex_of(int h)
{
    if (h >= '0' && h <= '9')
        return h - '0';
    h |= 0x20;
    return h >= 'a' && h <= 'f' ? h - 'a' + 10 : -1;
}

static bool take_code(toml_cursor *c, uint32_t start, unsigned digits, char **out)
{
    uint32_t code = 0;

    for (unsigned i = 0; i < digits; i++, c->at++) {
        int hex = hex_of(berthi_toml_peek(c));

        if (hex < 0)
            return berthi_toml_wrong(c, start, c->at - start,
                                     "the escape is cut off; expected %u hexadecimal digits",
                                     digits);
        code = code << 4 | (uint32_t)hex;
    }
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return berthi_toml_wrong(c, start, c->at - start,
                                 "no character has this number; expected up to D7FF, or from "
                                 "E000 to 10FFFF");
    *out += berthi_utf8_put(*out, code);
    return true;
}

/* Behind the backslash.  No escape decodes to more bytes than it has. */
static bool take_escape(toml_cursor *c, char **out)
{
    static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
    uint32_t start = c->at - 1;
    int letter = berthi_toml_peek(c);
    const char *found = letter <= 0 ? NULL : strchr(from, letter);

    if (found != NULL) {
        *(*out)++ = to[found - from];
        c->at++;
        return true;
    }
    if (letter == 'u' || letter == 'U') {
        c->at++;
        return take_code(c, start, letter == 'u' ? 4 : 8, out);
    }
    return berthi_toml_wrong(
        c, start, 2,
        "unknown escape; expected \\b \\t \\n \\f \\r \\\" \\\\ \\uXXXX or \\UXXXXXXXX");
}

/* A backslash at the end of a line takes all space up to the next text with it. */
static bool skip_line_end(toml_cursor *c)
{
    uint32_t at = c->at, newline;
    bool has_newline = false;

    for (;; at += newline == 0 ? 1 : newline) {
        newline = berthi_toml_newline(c, at);
        has_newline |= newline != 0;
        if (newline == 0 && (at == c->size || (c->text[at] != ' ' && c->text[at] != '\t')))
            break;
    }
    if (has_newline)
        c->at = at;
    return has_newline;
}

/* ---------------------------------------------------------------- strings */

typedef struct quotes {
    char quote;    /* " or ' */
    bool is_long;  /* three of them */
    uint32_t from; /* where the opening ones are */
} quotes;

/* At a quote of a long string: whether it closes.  Up to two stand for themselves, in front of the
 * three that close it, too. */
static bool closes(toml_cursor *c, const quotes *q, char **out)
{
    uint32_t run = 0;

    while (c->at + run < c->size && c->text[c->at + run] == q->quote && run < 5)
        run++;
    c->at += run;
    memset(*out, q->quote, run < 3 ? run : run - 3);
    *out += run < 3 ? run : run - 3;
    return run >= 3;
}

static bool copy_character(toml_cursor *c, char **out)
{
    uint32_t from = c->at;

    if (!berthi_toml_character(c))
        return false;
    memcpy(*out, c->text + from, c->at - from);
    *out += c->at - from;
    return true;
}

/* One step inside the quotes; *is_done_out: behind the closing ones. */
static bool step(toml_cursor *c, const quotes *q, char **out, bool *is_done_out)
{
    uint32_t newline = berthi_toml_newline(c, c->at);
    int byte = berthi_toml_peek(c);

    *is_done_out = false;
    if (byte < 0 || (newline != 0 && !q->is_long))
        return berthi_toml_wrong(
            c, q->from, q->is_long ? 3 : 1, "the string does not end; expected %s%s",
            q->quote == '"' ? (q->is_long ? "\"\"\"" : "\"") : (q->is_long ? "'''" : "'"),
            q->is_long ? "" : " on the same line");
    if (newline != 0) {
        memcpy(*out, c->text + c->at, newline);
        *out += newline;
        c->at += newline;
        return true;
    }
    if (byte == q->quote) {
        *is_done_out = !q->is_long || closes(c, q, out);
        c->at += !q->is_long;
        return true;
    }
    if (byte != '\\' || q->quote == '\'')
        return copy_character(c, out);
    c->at++;
    return (q->is_long && skip_line_end(c)) || take_escape(c, out);
}

/* Bytes up to the quotes that close it, at least: what it may decode to at most. */
static size_t bound_of(const toml_cursor *c, const quotes *q)
{
    uint32_t at = c->at;

    for (; at < c->size; at++) {
        if (c->text[at] == '\\' && q->quote == '"')
            at++;
        else if (c->text[at] == '\n' && !q->is_long)
            break;
        else if (c->text[at] == q->quote &&
                 (!q->is_long || (c->size - at >= 3 && c->text[at + 1] == q->quote &&
                                  c->text[at + 2] == q->quote)))
            break;
    }
    return (at < c->size ? at : c->size) - c->at + 3;
}

bool berthi_toml_string(toml_cursor *c, bool may_be_long, const char **text_out,
                        size_t *length_out)
{
    quotes q = { c->text[c->at], false, c->at };
    bool is_done = false;
    char *text, *out;

    if (berthi_toml_starts(c, c->at, q.quote == '"' ? "\"\"\"" : "'''")) {
        if (!may_be_long)
            return berthi_toml_wrong(c, c->at, 3, "a key is on one line; expected %s",
                                     q.quote == '"' ? "\"" : "'");
        q.is_long = true;
    }
    c->at += q.is_long ? 3 : 1;
    if (q.is_long)
        c->at += berthi_toml_newline(c, c->at);
    text = out = berthi_arena_alloc(c->arena, bound_of(c, &q) + 1);
    if (text == NULL)
        return berthi_toml_no_memory(c);
    while (!is_done)
        if (!step(c, &q, &out, &is_done))
            return false;
    *text_out = text; /* terminated: the arena gives zeroed memory */
    *length_out = (size_t)(out - text);
    return true;
}
