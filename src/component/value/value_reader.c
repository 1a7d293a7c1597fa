/* value_reader.c - what readers and writers of values share.  Layer: component. */
#include "component/value/value_reader.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/decimal.h"
#include "base/utf8.h"
#include "component/types/type_text.h"

enum { SHOWN_BEFORE = 40, SHOWN_BEHIND = 24, LIST_FIRST = 4 };

berthi_cm_reader berthi_cm_reader_of(const char *text, size_t size,
                                     const berthi_cm_value_room *room, berth_diag *diag)
{
    return (berthi_cm_reader){ .text = text,
                               .size = size,
                               .arena = room->arena,
                               .left = room->bytes_max != 0 ? room->bytes_max
                                                            : BERTHI_CM_VALUE_MEMORY_MAX,
                               .diag = diag };
}

/* ---------------------------------------------------------------- failing */

/* Where a byte is, for people: lines and columns count from 1, columns in characters. */
typedef struct position {
    size_t line, column, line_start, line_end;
    bool is_one_line;
} position;

static size_t step_at(const berthi_cm_reader *r, size_t at, uint32_t *character_out)
{
    size_t step = berthi_utf8_next(r->text + at, r->size - at, character_out);

    if (step == 0) {
        *character_out = '?';
        return 1;
    }
    return step;
}

static position position_of(const berthi_cm_reader *r, size_t at)
{
    position p = { .line = 1, .column = 1 };
    uint32_t c;

    for (size_t i = 0; i < at; i++)
        if (r->text[i] == '\n') {
            p.line++;
            p.line_start = i + 1;
        }
    for (size_t i = p.line_start; i < at; i += step_at(r, i, &c))
        p.column++;
    for (p.line_end = at; p.line_end < r->size && r->text[p.line_end] != '\n';)
        p.line_end++;
    p.is_one_line = p.line == 1 && p.line_end == r->size;
    return p;
}

/* The line around `at`, one column for each character, and a caret below. */
static void append_excerpt(berthi_cm_reader *r, size_t at, const position *p)
{
    char line[4 * (SHOWN_BEFORE + SHOWN_BEHIND) + 16];
    size_t from = p->line_start, used = 0, caret = 0, behind = 0;
    uint32_t c;

    for (size_t skip = p->column > SHOWN_BEFORE ? p->column - SHOWN_BEFORE : 0; skip > 0;
         skip--)
        from += step_at(r, from, &c);
    if (from > p->line_start) {
        memcpy(line, "...", 3);
        used = caret = 3;
    }
    while (from < p->line_end && behind < SHOWN_BEHIND) {
        size_t step = step_at(r, from, &c);

        if (berthi_utf8_is_plain(c) && c != '?') {
            memcpy(line + used, r->text + from, step);
            used += step;
        } else {
            line[used++] = c == '\t' || c == '\r' ? ' ' : '?';
        }
        caret += from < at;
        behind += from >= at;
        from += step;
    }
    if (from < p->line_end) {
        memcpy(line + used, "...", 3);
        used += 3;
    }
    berthi_diag_append(r->diag, "\n  %.*s\n  %*s^", (int)used, line, (int)caret, "");
}

bool berthi_cm_reader_wrong(berthi_cm_reader *r, size_t at, const char *format, ...)
{
    char what[220];
    position p;
    va_list args;

    if (r->status != BERTH_OK)
        return false;
    if (at > r->size)
        at = r->size;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    p = position_of(r, at);
    if (p.is_one_line)
        r->status = berthi_fail(r->diag, BERTH_E_INVALID, "column %zu: %s", p.column, what);
    else
        r->status = berthi_fail(r->diag, BERTH_E_INVALID, "line %zu, column %zu: %s", p.line,
                                p.column, what);
    append_excerpt(r, at, &p);
    return false;
}

bool berthi_cm_reader_expected(berthi_cm_reader *r, size_t at, const berthi_cm_type *type,
                               const char *found)
{
    berthi_cm_type_shown shown = berthi_cm_type_show(type);

    if (r->inside.size == 0)
        return berthi_cm_reader_wrong(r, at, "expected %.100s, found %s", shown.text, found);
    return berthi_cm_reader_wrong(r, at, "expected %.100s for `%.32s`, found %s", shown.text,
                                  berthi_cm_show(r->inside).text, found);
}

/* ---------------------------------------------------------------- memory */

/* Memory that nothing has been written to yet. */
static void *take(berthi_cm_reader *r, size_t size)
{
    void *p = NULL;

    if (r->status != BERTH_OK)
        return NULL;
    if (size > r->left) {
        r->status = berthi_fail_because(r->diag, BERTH_E_LIMIT, BERTH_REASON_INPUT,
                                        "the value takes more memory than it may");
        return NULL;
    }
    r->left -= size;
    p = berthi_reply_arena_alloc(r->arena, size);
    if (p == NULL)
        r->status = berthi_fail(r->diag, BERTH_E_NOMEM, "out of memory for a value");
    return p;
}

void *berthi_cm_reader_room(berthi_cm_reader *r, size_t size)
{
    void *p = take(r, size);

    return p == NULL ? NULL : memset(p, 0, size);
}

unsigned char *berthi_cm_reader_grow(berthi_cm_reader *r, berthi_cm_growing *list, size_t size)
{
    if (list->count == list->room) {
        size_t room = list->room == 0 ? LIST_FIRST : 2 * list->room, bytes;
        unsigned char *items;

        if (size == 1 && list->room == 0)
            room = 16;
        if (__builtin_mul_overflow(room, size, &bytes))
            bytes = SIZE_MAX;
        if (list->room == 0 && bytes > r->left) /* large items: perhaps one is all */
            bytes = (room = 1) * size;
        items = take(r, bytes);
        if (items == NULL)
            return NULL;
        if (list->count != 0)
            memcpy(items, list->items, list->count * size);
        memset(items + list->count * size, 0, bytes - list->count * size);
        list->items = items;
        list->room = room;
    }
    return list->items + list->count++ * size;
}

/* ---------------------------------------------------------------- host layout */

void berthi_cm_tag_put(unsigned char *to, uint32_t cases, uint32_t index)
{
    uint8_t small = (uint8_t)index;
    uint16_t middle = (uint16_t)index;

    switch (berthi_cm_tag_size(cases)) {
    case 1:
        memcpy(to, &small, sizeof small);
        break;
    case 2:
        memcpy(to, &middle, sizeof middle);
        break;
    default:
        memcpy(to, &index, sizeof index);
    }
}

uint32_t berthi_cm_tag_get(const unsigned char *from, uint32_t cases)
{
    uint8_t small;
    uint16_t middle;
    uint32_t index;

    switch (berthi_cm_tag_size(cases)) {
    case 1:
        memcpy(&small, from, sizeof small);
        return small;
    case 2:
        memcpy(&middle, from, sizeof middle);
        return middle;
    default:
        memcpy(&index, from, sizeof index);
        return index;
    }
}

berthi_cm_place berthi_cm_place_of(const berthi_cm_extern *items, uint32_t count)
{
    berthi_cm_place place = { .align = 1 };

    for (uint32_t i = 0; i < count; i++)
        berthi_cm_place_add(&place, items[i].type);
    place.size = (place.size + place.align - 1) / place.align * place.align;
    return place;
}

/* ---------------------------------------------------------------- integers */

typedef struct integer {
    uint8_t bytes;
    bool is_signed;
    const char *range;
} integer;

static const integer *integer_of(const berthi_cm_type *type)
{
    static const integer integers[] = {
        [BERTHI_CM_S8 - BERTHI_CM_U64] = { 1, true, "s8 (-128 to 127)" },
        [BERTHI_CM_U8 - BERTHI_CM_U64] = { 1, false, "u8 (0 to 255)" },
        [BERTHI_CM_S16 - BERTHI_CM_U64] = { 2, true, "s16 (-32768 to 32767)" },
        [BERTHI_CM_U16 - BERTHI_CM_U64] = { 2, false, "u16 (0 to 65535)" },
        [BERTHI_CM_S32 - BERTHI_CM_U64] = { 4, true, "s32 (-2147483648 to 2147483647)" },
        [BERTHI_CM_U32 - BERTHI_CM_U64] = { 4, false, "u32 (0 to 4294967295)" },
        [BERTHI_CM_S64 - BERTHI_CM_U64] = { 8, true, "s64 (64 bits, signed)" },
        [BERTHI_CM_U64 - BERTHI_CM_U64] = { 8, false, "u64 (64 bits, unsigned)" },
    };

    return &integers[type->kind - BERTHI_CM_U64];
}

bool berthi_cm_is_integer(const berthi_cm_type *type)
{
    return type->kind >= BERTHI_CM_U64 && type->kind <= BERTHI_CM_S8;
}

bool berthi_cm_is_signed(const berthi_cm_type *type)
{
    return integer_of(type)->is_signed;
}

const char *berthi_cm_integer_range(const berthi_cm_type *type)
{
    return integer_of(type)->range;
}

static void put_bytes(unsigned char *to, uint64_t value, uint32_t bytes)
{
    uint8_t b1 = (uint8_t)value;
    uint16_t b2 = (uint16_t)value;
    uint32_t b4 = (uint32_t)value;

    memcpy(to,
           bytes == 1   ? (void *)&b1
           : bytes == 2 ? (void *)&b2
           : bytes == 4 ? (void *)&b4
                        : &value,
           bytes);
}

bool berthi_cm_put_integer(unsigned char *to, const berthi_cm_type *type, bool is_negative,
                           uint64_t magnitude)
{
    const integer *of = integer_of(type);
    uint64_t top = UINT64_MAX >> (64 - 8 * of->bytes + of->is_signed);

    if (is_negative && magnitude != 0 && !of->is_signed)
        return false;
    if (magnitude > top + (is_negative && of->is_signed))
        return false;
    put_bytes(to, is_negative ? 0 - magnitude : magnitude, of->bytes);
    return true;
}

uint64_t berthi_cm_get_integer(const unsigned char *from, const berthi_cm_type *type)
{
    const integer *of = integer_of(type);
    uint8_t b1;
    uint16_t b2;
    uint32_t b4;
    uint64_t b8;

    switch (of->bytes) {
    case 1:
        memcpy(&b1, from, 1);
        return of->is_signed ? (uint64_t)(int8_t)b1 : b1;
    case 2:
        memcpy(&b2, from, 2);
        return of->is_signed ? (uint64_t)(int16_t)b2 : b2;
    case 4:
        memcpy(&b4, from, 4);
        return of->is_signed ? (uint64_t)(int32_t)b4 : b4;
    default:
        memcpy(&b8, from, 8);
        return b8;
    }
}

/* ---------------------------------------------------------------- floating point */

bool berthi_cm_put_float(unsigned char *to, const berthi_cm_type *type, const char *text,
                         size_t size)
{
    double wide;
    float narrow;

    if (type->kind == BERTHI_CM_F64) {
        if (!berthi_decimal_read_f64(text, size, &wide))
            return false;
        memcpy(to, &wide, sizeof wide);
        return true;
    }
    if (!berthi_decimal_read_f32(text, size, &narrow))
        return false;
    memcpy(to, &narrow, sizeof narrow);
    return true;
}

bool berthi_cm_put_special(unsigned char *to, const berthi_cm_type *type, const char *word,
                           size_t size)
{
    static const struct {
        const char *word;
        uint32_t narrow;
        uint64_t wide;
    } words[] = { { "nan", 0x7fc00000u, 0x7ff8000000000000u },
                  { "inf", 0x7f800000u, 0x7ff0000000000000u },
                  { "-inf", 0xff800000u, 0xfff0000000000000u } };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strlen(words[i].word) != size || memcmp(words[i].word, word, size) != 0)
            continue;
        if (type->kind == BERTHI_CM_F64)
            memcpy(to, &words[i].wide, sizeof words[i].wide);
        else
            memcpy(to, &words[i].narrow, sizeof words[i].narrow);
        return true;
    }
    return false;
}

berth_status berthi_cm_no_value(berth_diag *diag, const berthi_cm_type *type, const char *why)
{
    return berthi_fail(diag, BERTH_E_INVALID, "no value of %.100s: %s",
                       berthi_cm_type_show(type).text, why);
}
