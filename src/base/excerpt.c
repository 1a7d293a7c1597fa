/* excerpt.c - showing a line and where in it.  Layer: base. */
#include "base/excerpt.h"

#include <string.h>

#include "base/utf8.h"

enum { NAME_SHOWN = 120, LINE_SHOWN = 64, BEFORE_SHOWN = 40 };

/* Characters of a line, tabs as one; bytes that are no characters as one each, unless they look
 * like the rest of one. */
static size_t width_of(const char *text, size_t size)
{
    size_t width = 0;

    for (size_t i = 0; i < size; i++)
        width += ((unsigned char)text[i] & 0xc0) != 0x80;
    return width;
}

static size_t back_to_character(const char *text, size_t at)
{
    while (at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80)
        at--;
    return at;
}

/* The line with a caret below, cut on both sides so that the place is seen. */
static void show_line(berth_diag *diag, const char *text, size_t size, size_t column,
                      size_t marked)
{
    size_t from = column > BEFORE_SHOWN ? back_to_character(text, column - BEFORE_SHOWN) : 0;
    size_t end = size - from > LINE_SHOWN ? back_to_character(text, from + LINE_SHOWN) : size;
    char line[LINE_SHOWN + 1], carets[LINE_SHOWN + 1];
    size_t width, count;

    if (end < column)
        end = column;
    if (end - from > LINE_SHOWN) /* a long run of bytes that are no characters */
        return;
    memcpy(line, text + from, end - from);
    line[end - from] = '\0';
    for (size_t i = 0; i < end - from; i++)
        if (line[i] == '\t')
            line[i] = ' ';
    if (!berthi_utf8_is_plain_text(line, end - from))
        return;
    width = width_of(text + from, column - from);
    count = marked < end - column ? marked : end - column;
    count = width_of(text + column, count);
    count = count == 0 ? 1 : count > LINE_SHOWN - width ? LINE_SHOWN - width : count;
    memset(carets, '^', count);
    carets[count] = '\0';
    berthi_diag_append(diag, "\n    %s%s%s\n    %*s%s%s", from > 0 ? "..." : "", line,
                       end < size ? "..." : "", (int)width, "", from > 0 ? "   " : "", carets);
}

/* Where the line of `at` starts; its number too. */
static const char *line_start(const berthi_text *source, size_t at, unsigned *line_out)
{
    const char *start = source->text;

    *line_out = 1;
    for (size_t i = 0; i < at; i++)
        if (source->text[i] == '\n') {
            *line_out += 1;
            start = source->text + i + 1;
        }
    return start;
}

berthi_place berthi_place_of(const berthi_text *source, size_t at)
{
    unsigned line;
    const char *start = line_start(source, at, &line);

    return (berthi_place){ line, width_of(start, (size_t)(source->text + at - start)) + 1 };
}

berth_status berthi_fail_at(berth_diag *diag, berth_status status, const berthi_text *source,
                            size_t at, size_t size, const char *what)
{
    char name[NAME_SHOWN];
    unsigned line;
    const char *start = line_start(source, at, &line), *end;
    size_t column = (size_t)(source->text + at - start);

    end = memchr(start, '\n', (size_t)(source->text + source->size - start));
    if (end == NULL)
        end = source->text + source->size;
    if (end > start && end[-1] == '\r' && end > source->text + at)
        end--;
    berthi_utf8_show(name, sizeof name, source->name, strlen(source->name));
    berthi_fail(diag, status, "%s:%u:%zu: %s", name, line, width_of(start, column) + 1, what);
    show_line(diag, start, (size_t)(end - start), column, size);
    return status;
}
