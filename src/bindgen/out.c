/* out.c - source text that is written.  Layer: bindgen. */
#include "bindgen/out.h"

#include <stdarg.h>
#include <stdio.h>

enum { TAIL = 3 }; /* what may follow an item in its line: ");" and then "{" goes below */

void berthi_bg_out_init(berthi_bg_out *o, const berth_allocator *a)
{
    *o = (berthi_bg_out){ .indent = 0 };
    berthi_text_buf_init(&o->text, a);
    berthi_text_buf_init(&o->item, a);
}

void berthi_bg_out_fini(berthi_bg_out *o)
{
    berthi_text_buf_fini(&o->text);
    berthi_text_buf_fini(&o->item);
}

bool berthi_bg_out_is_full(const berthi_bg_out *o)
{
    return o->text.has_failed || o->item.has_failed || o->text.size > BERTHI_BG_BYTES_MAX;
}

static void put(berthi_bg_out *o, const char *text, size_t size)
{
    if (!berthi_bg_out_is_full(o))
        berthi_text_buf_put(&o->text, text, size);
}

static void fill(berthi_bg_out *o, size_t columns)
{
    if (!berthi_bg_out_is_full(o))
        berthi_text_buf_fill(&o->text, ' ', columns);
}

static void end_line(berthi_bg_out *o)
{
    put(o, "\n", 1);
    o->line = o->text.size;
}

static size_t column(const berthi_bg_out *o)
{
    return o->text.size - o->line;
}

/* Into `item`, which is small: names are bounded by the reader of WIT. */
__attribute__((format(printf, 2, 0))) static void format_item(berthi_bg_out *o,
                                                              const char *format, va_list args)
{
    va_list again;
    char small[512];
    int size;

    va_copy(again, args);
    o->item.size = 0;
    size = vsnprintf(small, sizeof small, format, args);
    if (size >= 0 && (size_t)size < sizeof small) {
        berthi_text_buf_put(&o->item, small, (size_t)size);
    } else if (size >= 0) {
        const berth_allocator *a = o->item.allocator;
        char *large = berthi_alloc(a, (size_t)size + 1);

        if (large == NULL) {
            o->item.has_failed = true;
        } else {
            (void)vsnprintf(large, (size_t)size + 1, format, again);
            berthi_text_buf_put(&o->item, large, (size_t)size);
            berthi_free(a, large, (size_t)size + 1);
        }
    }
    va_end(again);
}

static void put_item(berthi_bg_out *o)
{
    if (o->item.size != 0)
        put(o, o->item.data, o->item.size);
}

void berthi_bg_line(berthi_bg_out *o, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    format_item(o, format, args);
    va_end(args);
    fill(o, 4 * (size_t)o->indent);
    put_item(o);
    end_line(o);
}

void berthi_bg_raw(berthi_bg_out *o, const char *text)
{
    put(o, text, strlen(text));
    o->line = o->text.size;
}

void berthi_bg_blank(berthi_bg_out *o)
{
    size_t size = o->text.size;

    if (size >= 2 && (memcmp(o->text.data + size - 2, "\n\n", 2) == 0 ||
                      memcmp(o->text.data + size - 2, "{\n", 2) == 0))
        return;
    end_line(o);
}

void berthi_bg_open(berthi_bg_out *o, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    format_item(o, format, args);
    va_end(args);
    fill(o, 4 * (size_t)o->indent);
    put_item(o);
    o->align = column(o);
    o->is_first = true;
}

void berthi_bg_item(berthi_bg_out *o, const char *format, ...)
{
    size_t comma = o->is_first ? 0 : 2;
    va_list args;

    va_start(args, format);
    format_item(o, format, args);
    va_end(args);
    if (column(o) + comma + o->item.size + TAIL > BERTHI_BG_COLUMNS) {
        size_t low = 4 * (size_t)o->indent + 4;

        if (o->align + o->item.size + TAIL > BERTHI_BG_COLUMNS && o->align > low)
            o->align = low;
        put(o, ",", o->is_first ? 0 : 1);
        end_line(o);
        fill(o, o->align);
    } else {
        put(o, ", ", comma);
    }
    put_item(o);
    o->is_first = false;
}

void berthi_bg_close(berthi_bg_out *o, const char *tail)
{
    put(o, tail, strlen(tail));
    end_line(o);
}

/* ---------------------------------------------------------------- comments */

/* Whether the character at `at` orders text from right to left; such comments are warned of. */
static bool is_reordering(const unsigned char *at, size_t left)
{
    if (left < 2)
        return false;
    if (at[0] == 0xd8 && at[1] == 0x9c)
        return true;
    return left >= 3 && at[0] == 0xe2 &&
           ((at[1] == 0x80 &&
             (at[2] == 0x8e || at[2] == 0x8f || (at[2] >= 0xaa && at[2] <= 0xae))) ||
            (at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9));
}

/* What stands in comments unchanged, but for characters that no comment should hold, and pairs that
 * would end or begin one or be a trigraph: these get a blank in between. */
static void put_clean(berthi_bg_out *o, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        const unsigned char *at = (const unsigned char *)text + i;
        bool breaks =
            i + 1 < size && ((at[0] == '*' && at[1] == '/') || (at[0] == '/' && at[1] == '*') ||
                             (at[0] == '?' && at[1] == '?'));

        if (is_reordering(at, size - i)) {
            put(o, "?", 1);
            i += at[0] == 0xe2 ? 2 : 1;
        } else {
            put(o, *at < ' ' || *at == 0x7f ? " " : (const char *)at, 1);
            put(o, " ", breaks);
        }
    }
}

/* One line of the text, broken at blanks where it is too long. */
static void put_comment_line(berthi_bg_out *o, const char *text, size_t size)
{
    bool is_first = true;

    while (size > 0) {
        size_t word = 0, blanks = 0;

        while (blanks < size && text[blanks] == ' ')
            blanks++;
        while (blanks + word < size && text[blanks + word] != ' ')
            word++;
        if (!is_first && word != 0 && column(o) + blanks + word > BERTHI_BG_COLUMNS - 3) {
            end_line(o);
            fill(o, 4 * (size_t)o->indent);
            put(o, " * ", 3);
        } else if (word != 0) {
            fill(o, blanks);
        }
        put_clean(o, text + blanks, word);
        text += blanks + word;
        size -= blanks + word;
        is_first = false;
    }
}

static size_t trimmed(const char *text, size_t size)
{
    while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\r'))
        size--;
    return size;
}

void berthi_bg_docs(berthi_bg_out *o, const char *docs)
{
    size_t left = docs == NULL ? 0 : strlen(docs);
    bool is_first = true;

    while (left > 0 && (docs[left - 1] == '\n' || docs[left - 1] == ' '))
        left--;
    if (left == 0)
        return;
    while (left > 0) {
        const char *end = memchr(docs, '\n', left);
        size_t size = end == NULL ? left : (size_t)(end - docs);

        fill(o, 4 * (size_t)o->indent);
        put(o, is_first ? "/*" : " *", 2);
        if (trimmed(docs, size) != 0)
            put(o, docs[0] == ' ' ? "" : " ", docs[0] == ' ' ? 0 : 1);
        put_comment_line(o, docs, trimmed(docs, size));
        left -= end == NULL ? size : size + 1;
        docs += end == NULL ? size : size + 1;
        is_first = false;
        if (left > 0)
            end_line(o);
    }
    put(o, " */", 3);
    end_line(o);
}

void berthi_bg_comment(berthi_bg_out *o, const char *format, ...)
{
    const berth_allocator *a = o->item.allocator;
    va_list args;
    char *copy;

    va_start(args, format);
    format_item(o, format, args);
    va_end(args);
    if (o->item.has_failed)
        return;
    copy = berthi_strndup(a, o->item.data == NULL ? "" : o->item.data, o->item.size);
    if (copy == NULL) {
        o->item.has_failed = true;
        return;
    }
    berthi_bg_docs(o, copy);
    berthi_free(a, copy, o->item.size + 1);
}
