/* wave_write.c - values as WAVE text.  Layer: component.
 *
 * What is written reads as the same value again (but for handles and the bits of a NaN).  Options and
 * results are written in full: what is read without `some` could be mistaken one level up. */
#include <inttypes.h>

#include "base/decimal.h"
#include "base/diag.h"
#include "base/utf8.h"
#include "component/value_reader.h"

typedef struct writer {
    berthi_text_buf *out;
    berth_diag *diag;
    berth_status status;
} writer;

static bool write_value(writer *w, const berthi_cm_type *type, const unsigned char *from);

static bool no_value(writer *w, const berthi_cm_type *type, const char *why)
{
    w->status = berthi_cm_no_value(w->diag, type, why);
    return false;
}

static void put(writer *w, const char *text)
{
    berthi_text_buf_puts(w->out, text);
}

static void put_label(writer *w, berthi_name name)
{
    berthi_text_buf_put(w->out, name.text, name.size);
}

/* A case: one that reads like a keyword is marked. */
static void put_case(writer *w, berthi_name name)
{
    static const char *const words[] = { "true", "false", "inf", "nan",
                                         "some", "none",  "ok",  "err" };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == name.size && memcmp(words[i], name.text, name.size) == 0)
            put(w, "%");
    put_label(w, name);
}

/* ---------------------------------------------------------------- text */

static void put_character(writer *w, uint32_t c, char quote)
{
    char bytes[4];

    if (c == (unsigned char)quote || c == '\\')
        berthi_text_buf_putf(w->out, "\\%c", (int)c);
    else if (c == '\n' || c == '\t' || c == '\r')
        put(w, c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r");
    else if (berthi_utf8_is_plain(c))
        berthi_text_buf_put(w->out, bytes, berthi_utf8_put(bytes, c));
    else
        berthi_text_buf_putf(w->out, "\\u{%" PRIx32 "}", c);
}

static bool write_char(writer *w, const berthi_cm_type *type, const unsigned char *from)
{
    uint32_t c;

    memcpy(&c, from, sizeof c);
    if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return no_value(w, type, "it is no character");
    put(w, "'");
    put_character(w, c, '\'');
    put(w, "'");
    return true;
}

static bool write_string(writer *w, const berthi_cm_type *type, const unsigned char *from)
{
    berthi_cm_host_list string;
    const char *text;
    uint32_t c;

    memcpy(&string, from, sizeof string);
    text = string.data;
    if (text == NULL && string.count != 0)
        return no_value(w, type, "a null pointer");
    put(w, "\"");
    for (size_t i = 0, step; i < string.count; i += step) {
        step = berthi_utf8_next(text + i, string.count - i, &c);
        if (step == 0)
            return no_value(w, type, "it is not UTF-8");
        put_character(w, c, '"');
    }
    put(w, "\"");
    return true;
}

static bool write_number(writer *w, const berthi_cm_type *type, const unsigned char *from)
{
    char text[BERTHI_DECIMAL_ROOM];
    double wide;
    float narrow;

    if (type->kind == BERTHI_CM_F64) {
        memcpy(&wide, from, sizeof wide);
        berthi_decimal_write_f64(text, wide);
        put(w, text);
    } else if (type->kind == BERTHI_CM_F32) {
        memcpy(&narrow, from, sizeof narrow);
        berthi_decimal_write_f32(text, narrow);
        put(w, text);
    } else if (berthi_cm_is_signed(type)) {
        berthi_text_buf_putf(w->out, "%" PRId64, (int64_t)berthi_cm_get_integer(from, type));
    } else {
        berthi_text_buf_putf(w->out, "%" PRIu64, berthi_cm_get_integer(from, type));
    }
    return true;
}

/* ---------------------------------------------------------------- what has parts */

static bool write_items(writer *w, const berthi_cm_extern *items, uint32_t count,
                        const unsigned char *from)
{
    berthi_cm_place place = { .align = 1 };

    put(w, "(");
    for (uint32_t i = 0; i < count; i++) {
        put(w, i == 0 ? "" : ", ");
        if (!write_value(w, items[i].type, from + berthi_cm_place_add(&place, items[i].type)))
            return false;
    }
    put(w, ")");
    return true;
}

static bool write_list(writer *w, const berthi_cm_type *type, const unsigned char *from)
{
    size_t size = berthi_cm_place_of(type->items, type->count).size;
    berthi_cm_host_list list = { from, type->length };
    const unsigned char *item;

    if (type->kind != BERTHI_CM_FIXED_LIST)
        memcpy(&list, from, sizeof list);
    item = list.data;
    if (item == NULL && list.count != 0)
        return no_value(w, type, "a null pointer");
    put(w, "[");
    for (size_t i = 0; i < list.count; i++, item += size) {
        put(w, i == 0 ? "" : ", ");
        if (!(type->kind == BERTHI_CM_MAP ? write_items(w, type->items, type->count, item)
                                          : write_value(w, type->items[0].type, item)))
            return false;
    }
    put(w, "]");
    return true;
}

/* Fields that are none are left out, as the encoding has it. */
static bool write_record(writer *w, const berthi_cm_type *type, const unsigned char *from)
{
    berthi_cm_place place = { .align = 1 };
    bool is_first = true;

    put(w, "{");
    for (uint32_t i = 0; i < type->count; i++) {
        const berthi_cm_type *field = type->items[i].type;
        const unsigned char *at = from + berthi_cm_place_add(&place, field);

        if (field->kind == BERTHI_CM_OPTION && berthi_cm_tag_get(at, 2) == 0)
            continue;
        put(w, is_first ? "" : ", ");
        is_first = false;
        put_label(w, type->items[i].name);
        put(w, ": ");
        if (!write_value(w, field, at))
            return false;
    }
    put(w, is_first ? ":}" : "}");
    return true;
}

static bool write_flags(writer *w, const berthi_cm_type *type, const unsigned char *from)
{
    bool is_first = true;
    uint32_t bits = 0;

    memcpy(&bits, from, type->host_size);
    if (type->count < 32 && bits >> type->count != 0)
        return no_value(w, type, "a bit beyond its flags is set");
    put(w, "{");
    for (uint32_t i = 0; i < type->count; i++) {
        if ((bits & (uint32_t)1 << i) == 0)
            continue;
        put(w, is_first ? "" : ", ");
        is_first = false;
        put_label(w, type->items[i].name);
    }
    put(w, "}");
    return true;
}

/* ---------------------------------------------------------------- cases */

static bool write_payload(writer *w, const berthi_cm_type *type, const berthi_cm_type *payload,
                          const unsigned char *from)
{
    if (payload == NULL)
        return true;
    put(w, "(");
    if (!write_value(w, payload, from + type->host_align))
        return false;
    put(w, ")");
    return true;
}

static bool write_variant(writer *w, const berthi_cm_type *type, const unsigned char *from)
{
    uint32_t tag = berthi_cm_tag_get(from, type->count);

    if (tag >= type->count)
        return no_value(w, type, "its tag is beyond its cases");
    put_case(w, type->items[tag].name);
    return write_payload(w, type, type->items[tag].type, from);
}

static bool write_option_or_result(writer *w, const berthi_cm_type *type,
                                   const unsigned char *from)
{
    bool is_option = type->kind == BERTHI_CM_OPTION;
    uint32_t tag = berthi_cm_tag_get(from, 2);
    const berthi_cm_type *payload;

    if (tag > 1)
        return no_value(w, type, "its tag is neither 0 nor 1");
    payload = !is_option ? type->items[tag].type : tag == 1 ? type->items[0].type : NULL;
    put(w, is_option ? (tag == 1 ? "some" : "none") : tag == 1 ? "err" : "ok");
    return write_payload(w, type, payload, from);
}

static bool write_handle(writer *w, const berthi_cm_type *type, const unsigned char *from)
{
    uint64_t handle;

    memcpy(&handle, from, sizeof handle);
    berthi_text_buf_putf(w->out, "%s(%" PRIu64 ")",
                         type->kind == BERTHI_CM_OWN ? "own" : "borrow", handle);
    return true;
}

/* Recursion is bounded by the depth of types. */
static bool write_value(writer *w, const berthi_cm_type *type, const unsigned char *from)
{
    if (w->out->has_failed)
        return true; /* nothing is written any more; whoever takes the text learns it */
    switch (type->kind) {
    case BERTHI_CM_BOOL:
        put(w, *from != 0 ? "true" : "false");
        return true;
    case BERTHI_CM_CHAR:
        return write_char(w, type, from);
    case BERTHI_CM_STRING:
        return write_string(w, type, from);
    case BERTHI_CM_LIST:
    case BERTHI_CM_FIXED_LIST:
    case BERTHI_CM_MAP:
        return write_list(w, type, from);
    case BERTHI_CM_RECORD:
        return write_record(w, type, from);
    case BERTHI_CM_TUPLE:
        return write_items(w, type->items, type->count, from);
    case BERTHI_CM_FLAGS:
        return write_flags(w, type, from);
    case BERTHI_CM_VARIANT:
    case BERTHI_CM_ENUM:
        return write_variant(w, type, from);
    case BERTHI_CM_OPTION:
    case BERTHI_CM_RESULT:
        return write_option_or_result(w, type, from);
    case BERTHI_CM_OWN:
    case BERTHI_CM_BORROW:
        return write_handle(w, type, from);
    case BERTHI_CM_STREAM:
    case BERTHI_CM_FUTURE:
    case BERTHI_CM_ERROR_CONTEXT:
        return no_value(w, type, "it cannot be written as text");
    default:
        return write_number(w, type, from);
    }
}

berth_status berthi_cm_wave_write(berthi_text_buf *out, const berthi_cm_type *type,
                                  const void *value, berth_diag *diag)
{
    writer w = { .out = out, .diag = diag };

    write_value(&w, type, value);
    return w.status;
}
