/* wave_read.c - WAVE text into values.  Layer: component.
 *
 * The type says what may come; the text never opens more than the type has.  Recursion is therefore
 * bounded by the depth of types (BERTHI_CM_TYPE_DEPTH_MAX). */
#include <stdio.h>

#include "base/decimal.h"
#include "base/utf8.h"
#include "component/types/type_text.h"
#include "component/value/value_reader.h"
#include "component/value/wave.h"

typedef berthi_cm_reader reader;

static bool read_value(reader *r, const berthi_cm_type *type, unsigned char *to);

/* ---------------------------------------------------------------- tokens */

static int peek(const reader *r)
{
    return r->at < r->size ? (unsigned char)r->text[r->at] : -1;
}

static bool is_letter(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_label_part(int c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-';
}

void berthi_cm_wave_skip(reader *r)
{
    for (;;) {
        int c = peek(r);

        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            r->at++;
        } else if (c == '/' && r->size - r->at > 1 && r->text[r->at + 1] == '/') {
            while (peek(r) >= 0 && peek(r) != '\n')
                r->at++;
        } else {
            return;
        }
    }
}

/* What stands here, for messages. */
static const char *kind_here(int c)
{
    if (c < 0)
        return "the end of the text";
    if (c == '"')
        return "a string";
    if (c == '\'')
        return "a char";
    if (c == '[')
        return "a list";
    if (c == '(')
        return "a tuple";
    if (c == '{')
        return "a record or flags";
    if (c == '-' || (c >= '0' && c <= '9'))
        return "a number";
    if (is_letter(c) || c == '%')
        return "a word";
    return NULL;
}

typedef struct found {
    char text[24];
} found;

static found found_here(const reader *r)
{
    const char *kind = kind_here(peek(r));
    found f;
    uint32_t c;
    size_t size = kind == NULL ? berthi_utf8_next(r->text + r->at, r->size - r->at, &c) : 0;

    if (kind != NULL)
        snprintf(f.text, sizeof f.text, "%s", kind);
    else if (size != 0 && berthi_utf8_is_plain(c))
        snprintf(f.text, sizeof f.text, "`%.*s`", (int)size, r->text + r->at);
    else if (size != 0)
        snprintf(f.text, sizeof f.text, "U+%04X", (unsigned)c);
    else
        snprintf(f.text, sizeof f.text, "no UTF-8");
    return f;
}

static bool expected(reader *r, const berthi_cm_type *type)
{
    return berthi_cm_reader_expected(r, r->at, type, found_here(r).text);
}

/* Takes `c`, with space before it. */
static bool take(reader *r, char c)
{
    berthi_cm_wave_skip(r);
    if (peek(r) != c)
        return false;
    r->at++;
    return true;
}

bool berthi_cm_wave_need(reader *r, char c, const char *why)
{
    return take(r, c) || berthi_cm_reader_wrong(r, r->at, "expected '%c' %s, found %s", c, why,
                                                found_here(r).text);
}

/* The label that starts here, without what marks it as none of the keywords; empty: none does.
 * `text` is where the whole of it starts. */
typedef struct label {
    berthi_name name;
    size_t at, end;
    bool is_marked;
} label;

static label label_here(const reader *r)
{
    label l = { .at = r->at, .is_marked = peek(r) == '%' };

    l.end = r->at + l.is_marked;
    if (l.end < r->size && is_letter((unsigned char)r->text[l.end]))
        while (l.end < r->size && is_label_part((unsigned char)r->text[l.end]))
            l.end++;
    l.name =
        (berthi_name){ r->text + r->at + l.is_marked, (uint32_t)(l.end - r->at - l.is_marked) };
    return l;
}

static bool is_word(const label *l, const char *word)
{
    return !l->is_marked && l->name.size == strlen(word) &&
           memcmp(l->name.text, word, l->name.size) == 0;
}

static bool is_keyword(const label *l)
{
    static const char *const words[] = { "true", "false", "inf", "nan",
                                         "some", "none",  "ok",  "err" };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (is_word(l, words[i]))
            return true;
    return false;
}

/* The number of the item of that name, looking from `hint` on first; count: none has it. */
static uint32_t find_item(const berthi_cm_type *type, berthi_name name, uint32_t hint)
{
    for (uint32_t k = 0; k < type->count; k++) {
        uint32_t i = hint + k < type->count ? hint + k : hint + k - type->count;

        if (type->items[i].name.size == name.size &&
            memcmp(type->items[i].name.text, name.text, name.size) == 0)
            return i;
    }
    return type->count;
}

/* ---------------------------------------------------------------- scalars */

static bool read_bool(reader *r, const berthi_cm_type *type, unsigned char *to)
{
    label l = label_here(r);

    if (!is_word(&l, "true") && !is_word(&l, "false"))
        return expected(r, type);
    *to = is_word(&l, "true");
    r->at = l.end;
    return true;
}

static bool read_integer(reader *r, const berthi_cm_type *type, unsigned char *to)
{
    bool is_integer = false, is_negative = peek(r) == '-';
    size_t size = berthi_decimal_scan(r->text + r->at, r->size - r->at, &is_integer);
    uint64_t magnitude = 0;

    if (size == 0)
        return expected(r, type);
    if (!is_integer)
        return berthi_cm_reader_expected(r, r->at, type, "a number with a fraction");
    for (size_t i = is_negative; i < size; i++)
        if (__builtin_mul_overflow(magnitude, 10u, &magnitude) ||
            __builtin_add_overflow(magnitude, (unsigned)(r->text[r->at + i] - '0'), &magnitude))
            return berthi_cm_reader_wrong(r, r->at, "the number does not fit %s",
                                          berthi_cm_integer_range(type));
    if (!berthi_cm_put_integer(to, type, is_negative, magnitude))
        return berthi_cm_reader_wrong(r, r->at, "the number does not fit %s",
                                      berthi_cm_integer_range(type));
    r->at += size;
    return true;
}

static bool read_float(reader *r, const berthi_cm_type *type, unsigned char *to)
{
    bool is_integer = false;
    size_t size = berthi_decimal_scan(r->text + r->at, r->size - r->at, &is_integer);
    size_t word = r->at + (peek(r) == '-');

    if (size == 0) {
        while (word < r->size && is_label_part((unsigned char)r->text[word]))
            word++;
        if (!berthi_cm_put_special(to, type, r->text + r->at, word - r->at))
            return expected(r, type);
        r->at = word;
        return true;
    }
    if (!berthi_cm_put_float(to, type, r->text + r->at, size))
        return berthi_cm_reader_wrong(r, r->at, "the number does not fit %s",
                                      berthi_cm_type_show(type).text);
    r->at += size;
    return true;
}

static bool read_char(reader *r, const berthi_cm_type *type, unsigned char *to)
{
    uint32_t c;

    if (peek(r) != '\'')
        return expected(r, type);
    r->at++;
    if (peek(r) == '\'' || peek(r) == '\n')
        return berthi_cm_reader_wrong(r, r->at, "a char is one character between quotes");
    if (!berthi_cm_wave_character(r, &c))
        return false;
    if (peek(r) != '\'')
        return berthi_cm_reader_wrong(r, r->at, "a char is one character between quotes");
    r->at++;
    memcpy(to, &c, sizeof c);
    return true;
}

static bool read_string(reader *r, const berthi_cm_type *type, unsigned char *to)
{
    berthi_cm_host_list string;

    if (peek(r) != '"')
        return expected(r, type);
    if (!berthi_cm_wave_string(r, &string))
        return false;
    memcpy(to, &string, sizeof string);
    return true;
}

/* ---------------------------------------------------------------- lists and structs */

/* Behind an item: true when another may follow; `close` has been taken when not. */
static bool another(reader *r, char close, bool *is_end_out)
{
    bool comma = take(r, ',');

    *is_end_out = take(r, close);
    if (*is_end_out || comma)
        return true;
    return berthi_cm_reader_wrong(r, r->at, "expected ',' or '%c', found %s", close,
                                  found_here(r).text);
}

/* The items between brackets, as a struct. */
static bool read_items(reader *r, const berthi_cm_extern *items, uint32_t count,
                       const berthi_cm_type *type, unsigned char *to)
{
    berthi_cm_place place = { .align = 1 };
    bool is_end = false;

    if (!take(r, '('))
        return expected(r, type);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t at = berthi_cm_place_add(&place, items[i].type);

        berthi_cm_wave_skip(r);
        if (is_end || peek(r) == ')')
            return berthi_cm_reader_wrong(r, r->at - is_end, "%.100s has %u items, not %u",
                                          berthi_cm_type_show(type).text, (unsigned)count,
                                          (unsigned)i);
        if (!read_value(r, items[i].type, to + at) || !another(r, ')', &is_end))
            return false;
    }
    return is_end || berthi_cm_reader_wrong(r, r->at, "%.100s has no more than %u items",
                                            berthi_cm_type_show(type).text, (unsigned)count);
}

static bool read_item(reader *r, const berthi_cm_type *list, unsigned char *to)
{
    berthi_cm_wave_skip(r);
    return list->kind == BERTHI_CM_MAP ? read_items(r, list->items, list->count, list, to)
                                       : read_value(r, list->items[0].type, to);
}

static bool read_list(reader *r, const berthi_cm_type *type, unsigned char *to)
{
    size_t size = berthi_cm_place_of(type->items, type->count).size;
    berthi_cm_growing list = { 0 };
    berthi_cm_host_list host;
    bool is_end;

    if (!take(r, '['))
        return expected(r, type);
    for (is_end = take(r, ']'); !is_end;) {
        unsigned char *item = berthi_cm_reader_grow(r, &list, size);

        if (item == NULL || !read_item(r, type, item) || !another(r, ']', &is_end))
            return false;
    }
    host = (berthi_cm_host_list){ list.items, list.count };
    memcpy(to, &host, sizeof host);
    return true;
}

static bool read_fixed_list(reader *r, const berthi_cm_type *type, unsigned char *to)
{
    bool is_end;

    if (!take(r, '['))
        return expected(r, type);
    is_end = take(r, ']');
    for (uint32_t i = 0; i < type->length || !is_end; i++) {
        if (is_end || i == type->length)
            return berthi_cm_reader_wrong(r, r->at - is_end, "%.100s has %u items, not %s%u",
                                          berthi_cm_type_show(type).text,
                                          (unsigned)type->length, is_end ? "" : "more than ",
                                          (unsigned)i);
        if (!read_item(r, type, to + (size_t)i * type->items[0].type->host_size) ||
            !another(r, ']', &is_end))
            return false;
    }
    return true;
}

/* ---------------------------------------------------------------- records and flags */

/* Which of a record's fields have come. */
typedef struct seen {
    uint64_t few, *bits;
} seen;

static bool seen_init(reader *r, seen *s, uint32_t count)
{
    s->few = 0;
    s->bits =
        count <= 64 ? &s->few : berthi_cm_reader_room(r, (count + 63) / 64 * sizeof *s->bits);
    return s->bits != NULL;
}

static bool seen_add(seen *s, uint32_t i)
{
    uint64_t bit = (uint64_t)1 << i % 64;
    bool is_new = (s->bits[i / 64] & bit) == 0;

    s->bits[i / 64] |= bit;
    return is_new;
}

/* Where field `i` is; `place` has reached field `*from`. */
static uint64_t offset_of(const berthi_cm_type *type, uint32_t i, berthi_cm_place *place,
                          uint32_t *from)
{
    uint64_t at = 0;

    if (i < *from) {
        *place = (berthi_cm_place){ .align = 1 };
        *from = 0;
    }
    while (*from <= i)
        at = berthi_cm_place_add(place, type->items[(*from)++].type);
    return at;
}

/* All fields have come, but options that have not are none. */
static bool is_whole(reader *r, const berthi_cm_type *type, seen *s, size_t at)
{
    for (uint32_t i = 0; i < type->count; i++)
        if (seen_add(s, i) && type->items[i].type->kind != BERTHI_CM_OPTION)
            return berthi_cm_reader_wrong(r, at, "field `%s` of %.100s is missing",
                                          berthi_cm_show(type->items[i].name).text,
                                          berthi_cm_type_show(type).text);
    return true;
}

static bool read_field(reader *r, const berthi_cm_type *type, seen *s, berthi_cm_place *place,
                       uint32_t *from, unsigned char *to)
{
    berthi_name outside = r->inside;
    label l;
    uint32_t i;

    berthi_cm_wave_skip(r);
    l = label_here(r);
    i = find_item(type, l.name, *from);
    if (l.name.size == 0)
        return berthi_cm_reader_wrong(r, r->at, "expected a field of %.100s, found %s",
                                      berthi_cm_type_show(type).text, found_here(r).text);
    if (i == type->count)
        return berthi_cm_reader_wrong(r, r->at, "%.100s has no field `%s`",
                                      berthi_cm_type_show(type).text,
                                      berthi_cm_show(l.name).text);
    if (!seen_add(s, i))
        return berthi_cm_reader_wrong(r, r->at, "field `%s` is there twice",
                                      berthi_cm_show(l.name).text);
    r->at = l.end;
    if (!berthi_cm_wave_need(r, ':', "behind the name of a field"))
        return false;
    r->inside = type->items[i].name;
    berthi_cm_wave_skip(r);
    if (!read_value(r, type->items[i].type, to + offset_of(type, i, place, from)))
        return false;
    r->inside = outside;
    return true;
}

static bool read_record(reader *r, const berthi_cm_type *type, unsigned char *to)
{
    berthi_cm_place place = { .align = 1 };
    size_t start = r->at;
    bool is_end = false;
    uint32_t from = 0;
    seen s;

    if (!take(r, '{'))
        return expected(r, type);
    if (!seen_init(r, &s, type->count))
        return false;
    if (take(r, ':'))
        return berthi_cm_wave_need(r, '}', "behind \"{:\"") && is_whole(r, type, &s, start);
    while (!is_end)
        if (!read_field(r, type, &s, &place, &from, to) || !another(r, '}', &is_end))
            return false;
    return is_whole(r, type, &s, start);
}

static bool read_flags(reader *r, const berthi_cm_type *type, unsigned char *to)
{
    uint32_t bits = 0, i = 0;
    bool is_end;

    if (!take(r, '{'))
        return expected(r, type);
    for (is_end = take(r, '}'); !is_end;) {
        label l;

        berthi_cm_wave_skip(r);
        l = label_here(r);
        i = find_item(type, l.name, i);
        if (l.name.size == 0 || i == type->count)
            return berthi_cm_reader_wrong(r, r->at, "expected one of %.100s, found `%s`",
                                          berthi_cm_type_show(type).text,
                                          berthi_cm_show(l.name).text);
        if ((bits & (uint32_t)1 << i) != 0)
            return berthi_cm_reader_wrong(r, r->at, "`%s` is there twice",
                                          berthi_cm_show(l.name).text);
        bits |= (uint32_t)1 << i;
        r->at = l.end;
        if (!another(r, '}', &is_end))
            return false;
    }
    memcpy(to, &bits, type->host_size); /* little-endian, as everywhere (alloc.h) */
    return true;
}

/* ---------------------------------------------------------------- cases */

/* Case `index`, whose name has been taken, and its payload. */
static bool read_case(reader *r, const berthi_cm_type *type, uint32_t cases, uint32_t index,
                      const berthi_cm_type *payload, unsigned char *to)
{
    berthi_cm_tag_put(to, cases, index);
    if (payload == NULL)
        return true;
    if (!berthi_cm_wave_need(r, '(', "behind a case with a value"))
        return false;
    berthi_cm_wave_skip(r);
    return read_value(r, payload, to + type->host_align) &&
           berthi_cm_wave_need(r, ')', "behind the value of a case");
}

static bool read_variant(reader *r, const berthi_cm_type *type, unsigned char *to)
{
    label l = label_here(r);
    uint32_t i = find_item(type, l.name, 0);

    if (l.name.size == 0)
        return expected(r, type);
    if (i == type->count)
        return berthi_cm_reader_wrong(r, r->at, "`%s` is no case of %.100s",
                                      berthi_cm_show(l.name).text,
                                      berthi_cm_type_show(type).text);
    if (is_keyword(&l))
        return berthi_cm_reader_wrong(r, r->at, "the case `%s` is written %%%s here",
                                      berthi_cm_show(l.name).text, berthi_cm_show(l.name).text);
    r->at = l.end;
    return read_case(r, type, type->count, i, type->items[i].type, to);
}

/* The payload of an option or result may stand for the whole unless it is one itself. */
static bool may_be_flat(const berthi_cm_type *payload)
{
    return payload != NULL && payload->kind != BERTHI_CM_OPTION &&
           payload->kind != BERTHI_CM_RESULT;
}

static bool read_option(reader *r, const berthi_cm_type *type, unsigned char *to)
{
    const berthi_cm_type *payload = type->items[0].type;
    label l = label_here(r);

    if (is_word(&l, "none") || is_word(&l, "some")) {
        r->at = l.end;
        return read_case(r, type, 2, is_word(&l, "some"), is_word(&l, "some") ? payload : NULL,
                         to);
    }
    if (!may_be_flat(payload))
        return expected(r, type);
    berthi_cm_tag_put(to, 2, 1);
    return read_value(r, payload, to + type->host_align);
}

static bool read_result(reader *r, const berthi_cm_type *type, unsigned char *to)
{
    label l = label_here(r);
    uint32_t index = is_word(&l, "err");

    if (index == 1 || is_word(&l, "ok")) {
        r->at = l.end;
        return read_case(r, type, 2, index, type->items[index].type, to);
    }
    if (!may_be_flat(type->items[0].type))
        return expected(r, type);
    return read_value(r, type->items[0].type, to + type->host_align); /* the tag is 0 */
}

static bool read_value(reader *r, const berthi_cm_type *type, unsigned char *to)
{
    switch (type->kind) {
    case BERTHI_CM_BOOL:
        return read_bool(r, type, to);
    case BERTHI_CM_F32:
    case BERTHI_CM_F64:
        return read_float(r, type, to);
    case BERTHI_CM_CHAR:
        return read_char(r, type, to);
    case BERTHI_CM_STRING:
        return read_string(r, type, to);
    case BERTHI_CM_LIST:
    case BERTHI_CM_MAP:
        return read_list(r, type, to);
    case BERTHI_CM_FIXED_LIST:
        return read_fixed_list(r, type, to);
    case BERTHI_CM_RECORD:
        return read_record(r, type, to);
    case BERTHI_CM_TUPLE:
        return read_items(r, type->items, type->count, type, to);
    case BERTHI_CM_FLAGS:
        return read_flags(r, type, to);
    case BERTHI_CM_VARIANT:
    case BERTHI_CM_ENUM:
        return read_variant(r, type, to);
    case BERTHI_CM_OPTION:
        return read_option(r, type, to);
    case BERTHI_CM_RESULT:
        return read_result(r, type, to);
    default:
        if (berthi_cm_is_integer(type))
            return read_integer(r, type, to);
        return berthi_cm_reader_wrong(r, r->at, "a value of %.100s cannot be written as text",
                                      berthi_cm_type_show(type).text);
    }
}

/* ---------------------------------------------------------------- whole texts */

static bool read_end(reader *r)
{
    berthi_cm_wave_skip(r);
    return r->at == r->size ||
           berthi_cm_reader_wrong(r, r->at, "the value ends before %s", found_here(r).text);
}

berth_status berthi_cm_wave_read(const char *text, size_t size, const berthi_cm_type *type,
                                 const berthi_cm_value_room *room, const void **value_out,
                                 berth_diag *diag)
{
    reader r = berthi_cm_reader_of(text, size, room, diag);
    unsigned char *value = berthi_cm_reader_room(&r, type->host_size);

    berthi_cm_wave_skip(&r);
    if (value == NULL || !read_value(&r, type, value) || !read_end(&r))
        return r.status;
    *value_out = value;
    return BERTH_OK;
}

/* The arguments, of which options at the end may be missing. */
static bool read_arguments(reader *r, const berthi_cm_type *func, unsigned char *to)
{
    uint32_t count = func->count - 1, i = 0;
    berthi_cm_place place = { .align = 1 };
    bool is_end;

    if (!berthi_cm_wave_need(r, '(', "in front of the arguments"))
        return false;
    for (is_end = take(r, ')'); i < count && !is_end; i++) {
        uint64_t at = berthi_cm_place_add(&place, func->items[i].type);

        r->inside = func->items[i].name;
        berthi_cm_wave_skip(r);
        if (!read_value(r, func->items[i].type, to + at) || !another(r, ')', &is_end))
            return false;
    }
    r->inside = (berthi_name){ 0 };
    if (!is_end)
        return berthi_cm_reader_wrong(r, r->at, "too many arguments for %.120s",
                                      berthi_cm_type_show(func).text);
    for (; i < count; i++)
        if (func->items[i].type->kind != BERTHI_CM_OPTION)
            return berthi_cm_reader_wrong(
                r, r->at - 1, "the argument `%s` of %.120s is missing",
                berthi_cm_show(func->items[i].name).text, berthi_cm_type_show(func).text);
    return read_end(r);
}

berth_status berthi_cm_wave_arguments(const char *text, size_t size,
                                      const berthi_cm_wave_call *call,
                                      const berthi_cm_type *func,
                                      const berthi_cm_value_room *room, const void **args_out,
                                      berth_diag *diag)
{
    reader r = berthi_cm_reader_of(text, size, room, diag);
    unsigned char *args =
        berthi_cm_reader_room(&r, berthi_cm_place_of(func->items, func->count - 1).size);

    r.at = call->arguments_at;
    if (args == NULL || !read_arguments(&r, func, args))
        return r.status;
    *args_out = args;
    return BERTH_OK;
}

/* ---------------------------------------------------------------- calls */

static bool read_call(reader *r, berthi_cm_wave_call *call)
{
    const char *hash, *open;
    size_t size;

    berthi_cm_wave_skip(r);
    size = r->size - r->at;
    open = size == 0 ? NULL : memchr(r->text + r->at, '(', size);
    if (open == NULL)
        return berthi_cm_reader_wrong(r, r->size, "expected '(' behind the function's name");
    call->arguments_at = (size_t)(open - r->text);
    size = call->arguments_at - r->at;
    while (size > 0 && strchr(" \t\r\n", r->text[r->at + size - 1]) != NULL)
        size--;
    if (size > UINT16_MAX)
        return berthi_cm_reader_wrong(r, r->at, "the function's name is too long");
    hash = size == 0 ? NULL : memchr(r->text + r->at, '#', size);
    call->instance = (berthi_name){ r->text + r->at, 0 };
    if (hash != NULL) {
        call->instance.size = (uint32_t)(hash - call->instance.text);
        if (call->instance.size == 0)
            return berthi_cm_reader_wrong(r, r->at, "expected an interface in front of '#'");
        size -= call->instance.size + 1;
        r->at += call->instance.size + 1;
    }
    if (size == 0)
        return berthi_cm_reader_wrong(r, r->at, "expected the name of a function");
    call->function = (berthi_name){ r->text + r->at, (uint32_t)size };
    return true;
}

berth_status berthi_cm_wave_call_read(const char *text, size_t size,
                                      berthi_cm_wave_call *call_out, berth_diag *diag)
{
    reader r = berthi_cm_reader_of(text, size, &(berthi_cm_value_room){ .arena = NULL }, diag);
    berthi_cm_wave_call call = { .arguments_at = 0 };

    if (!read_call(&r, &call))
        return r.status;
    *call_out = call;
    return BERTH_OK;
}
