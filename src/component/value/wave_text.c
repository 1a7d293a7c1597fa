/* wave_text.c - characters and strings of WAVE text.  Layer: component. */
#include "component/value/wave.h"

#include "base/utf8.h"

typedef berthi_cm_reader reader;

static int peek(const reader *r)
{
    return r->at < r->size ? (unsigned char)r->text[r->at] : -1;
}

static int hex_of(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Behind "\u". */
static bool take_scalar(reader *r, uint32_t *character_out)
{
    size_t start = r->at - 2;
    uint32_t c = 0;
    int digits = 0;

    if (peek(r) != '{')
        return berthi_cm_reader_wrong(r, start, "\\u is followed by {hexadecimal digits}");
    for (r->at++; hex_of(peek(r)) >= 0 && digits < 7; r->at++, digits++)
        c = c << 4 | (uint32_t)hex_of(peek(r));
    if (digits == 0 || digits > 6 || peek(r) != '}')
        return berthi_cm_reader_wrong(r, start,
                                      "\\u is followed by {1 to 6 hexadecimal digits}");
    if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return berthi_cm_reader_wrong(r, start, "\\u{%x} is no character", (unsigned)c);
    r->at++;
    *character_out = c;
    return true;
}

bool berthi_cm_wave_character(reader *r, uint32_t *character_out)
{
    static const char from[] = "'\"\\tnr", to[] = "'\"\\\t\n\r";
    size_t step;
    const char *escape;

    if (peek(r) != '\\') {
        step = berthi_utf8_next(r->text + r->at, r->size - r->at, character_out);
        if (step == 0)
            return berthi_cm_reader_wrong(r, r->at, "%s",
                                          peek(r) < 0 ? "the text ends too early"
                                                      : "the text is not UTF-8");
        r->at += step;
        return true;
    }
    r->at++;
    if (peek(r) == 'u') {
        r->at++;
        return take_scalar(r, character_out);
    }
    escape = peek(r) <= 0 ? NULL : strchr(from, peek(r));
    if (escape == NULL)
        return berthi_cm_reader_wrong(
            r, r->at - 1, "unknown escape (there are \\\" \\' \\\\ \\t \\n \\r \\u{})");
    r->at++;
    *character_out = (uint32_t)to[escape - from];
    return true;
}

/* The characters up to `end` behind what has been decoded; no escape grows. */
static bool decode(reader *r, size_t end, char *text, size_t *size)
{
    uint32_t c;

    while (r->at < end) {
        if (!berthi_cm_wave_character(r, &c))
            return false;
        *size += berthi_utf8_put(text + *size, c);
    }
    return true;
}

/* On one line; behind the quote. */
static bool take_line(reader *r, berthi_cm_host_list *string_out)
{
    size_t start = r->at - 1, end = r->at, size = 0;
    char *text;

    while (end < r->size && r->text[end] != '"' && r->text[end] != '\n')
        end += r->text[end] == '\\' && r->size - end > 1 ? 2 : 1;
    if (end >= r->size || r->text[end] != '"')
        return berthi_cm_reader_wrong(r, start, "the string does not end on its line");
    text = berthi_cm_reader_room(r, end - r->at + 4); /* 4: what putting one may touch */
    if (text == NULL || !decode(r, end, text, &size))
        return false;
    r->at++;
    *string_out = (berthi_cm_host_list){ text, size };
    return true;
}

/* Where the three quotes that end a string begin; `size`: nowhere. */
static size_t find_quotes(const reader *r)
{
    for (size_t i = r->at; i + 3 <= r->size; i++)
        if (memcmp(r->text + i, "\"\"\"", 3) == 0)
            return i;
    return r->size;
}

/* One line of the string, which is indented by `indent` spaces at least. */
static bool take_indented(reader *r, size_t line_end, size_t indent, char *text, size_t *size)
{
    size_t end = line_end;

    for (size_t i = 0; i < indent; i++, r->at++)
        if (peek(r) != ' ')
            return berthi_cm_reader_wrong(
                r, r->at, "this line is indented less than the quotes that end the string");
    if (end > r->at && r->text[end - 1] == '\r')
        end--;
    if (!decode(r, end, text, size))
        return false;
    r->at = line_end;
    return true;
}

/* Behind the three quotes: a line break, lines, and the quotes on a line of their own, whose
 * indentation is no part of the string. */
static bool take_lines(reader *r, berthi_cm_host_list *string_out)
{
    size_t start = r->at - 3, end, last, indent, size = 0;
    char *text;

    if (peek(r) == '\r')
        r->at++;
    if (peek(r) != '\n')
        return berthi_cm_reader_wrong(r, r->at, "a line break follows \"\"\"");
    end = find_quotes(r);
    if (end == r->size)
        return berthi_cm_reader_wrong(r, start, "the string does not end");
    for (last = end; r->text[last - 1] == ' ';) /* ends at the line break, if not before */
        last--;
    indent = end - last;
    if (r->text[--last] != '\n')
        return berthi_cm_reader_wrong(r, end,
                                      "the quotes that end the string stand on a line of "
                                      "their own (\"\"\" in it is written \"\"\\\")");
    text = berthi_cm_reader_room(r, end - start + 4);
    if (text == NULL)
        return false;
    while (r->at < last) {
        size_t line_end = ++r->at;

        while (r->text[line_end] != '\n')
            line_end++;
        if (!take_indented(r, line_end, indent, text, &size))
            return false;
        if (line_end < last)
            text[size++] = '\n';
    }
    r->at = end + 3;
    *string_out = (berthi_cm_host_list){ text, size };
    return true;
}

bool berthi_cm_wave_string(reader *r, berthi_cm_host_list *string_out)
{
    r->at++;
    if (r->size - r->at >= 2 && memcmp(r->text + r->at, "\"\"", 2) == 0) {
        r->at += 2;
        return take_lines(r, string_out);
    }
    return take_line(r, string_out);
}
