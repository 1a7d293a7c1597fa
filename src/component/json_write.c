/* json_write.c - values as JSON, on one line.  Layer: component. */
#include <inttypes.h>

#include "base/decimal.h"
#include "base/json_writer.h"
#include "base/utf8.h"
#include "component/value_reader.h"

#define EXACT_MAX (UINT64_C(1) << 53) /* every reader of JSON has integers up to here */

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

static void put_name(writer *w, berthi_name name)
{
    berthi_json_put_string(w->out, name.text, name.size);
}

/* ---------------------------------------------------------------- scalars */

static bool write_integer(writer *w, const berthi_cm_type *type, const unsigned char *from)
{
    uint64_t value = berthi_cm_get_integer(from, type);
    bool is_negative = berthi_cm_is_signed(type) && (int64_t)value < 0;
    uint64_t magnitude = is_negative ? 0 - value : value;
    const char *quote = magnitude > EXACT_MAX ? "\"" : "";

    berthi_text_buf_putf(w->out, "%s%s%" PRIu64 "%s", quote, is_negative ? "-" : "", magnitude,
                         quote);
    return true;
}

static bool write_float(writer *w, const berthi_cm_type *type, const unsigned char *from)
{
    char text[BERTHI_DECIMAL_ROOM];
    double wide;
    float narrow;
    bool is_word;

    if (type->kind == BERTHI_CM_F64) {
        memcpy(&wide, from, sizeof wide);
        berthi_decimal_write_f64(text, wide);
    } else {
        memcpy(&narrow, from, sizeof narrow);
        berthi_decimal_write_f32(text, narrow);
    }
    is_word = strpbrk(text, "0123456789") == NULL;
    put(w, is_word ? "\"" : "");
    put(w, text);
    put(w, is_word ? "\"" : "");
    return true;
}

static bool write_char(writer *w, const berthi_cm_type *type, const unsigned char *from)
{
    char bytes[4];
    uint32_t c;

    memcpy(&c, from, sizeof c);
    if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return no_value(w, type, "it is no character");
    berthi_json_put_string(w->out, bytes, berthi_utf8_put(bytes, c));
    return true;
}

static bool write_string(writer *w, const berthi_cm_type *type, const unsigned char *from)
{
    berthi_cm_host_list string;

    memcpy(&string, from, sizeof string);
    if (string.data == NULL && string.count != 0)
        return no_value(w, type, "a null pointer");
    if (!berthi_utf8_is_valid(string.data, string.count))
        return no_value(w, type, "it is not UTF-8");
    berthi_json_put_string(w->out, string.data, string.count);
    return true;
}

/* ---------------------------------------------------------------- what has parts */

static bool write_items(writer *w, const berthi_cm_type *type, const unsigned char *from)
{
    berthi_cm_place place = { .align = 1 };

    put(w, "[");
    for (uint32_t i = 0; i < type->count; i++) {
        const berthi_cm_type *item = type->items[i].type;

        put(w, i == 0 ? "" : ", ");
        if (!write_value(w, item, from + berthi_cm_place_add(&place, item)))
            return false;
    }
    put(w, "]");
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
    for (size_t i = 0; i < list.count && !w->out->has_failed; i++, item += size) {
        put(w, i == 0 ? "" : ", ");
        if (!(type->kind == BERTHI_CM_MAP ? write_items(w, type, item)
                                          : write_value(w, type->items[0].type, item)))
            return false;
    }
    put(w, "]");
    return true;
}

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
        put_name(w, type->items[i].name);
        put(w, ": ");
        if (!write_value(w, field, at))
            return false;
    }
    put(w, "}");
    return true;
}

static bool write_flags(writer *w, const berthi_cm_type *type, const unsigned char *from)
{
    bool is_first = true;
    uint32_t bits = 0;

    memcpy(&bits, from, type->host_size);
    if (type->count < 32 && bits >> type->count != 0)
        return no_value(w, type, "a bit beyond its flags is set");
    put(w, "[");
    for (uint32_t i = 0; i < type->count; i++) {
        if ((bits & (uint32_t)1 << i) == 0)
            continue;
        put(w, is_first ? "" : ", ");
        is_first = false;
        put_name(w, type->items[i].name);
    }
    put(w, "]");
    return true;
}

/* ---------------------------------------------------------------- cases */

/* { "name": value } */
static bool write_case(writer *w, berthi_name name, const berthi_cm_type *payload,
                       const unsigned char *from)
{
    put(w, "{");
    put_name(w, name);
    put(w, ": ");
    if (payload == NULL)
        put(w, "null");
    else if (!write_value(w, payload, from))
        return false;
    put(w, "}");
    return true;
}

static bool write_variant(writer *w, const berthi_cm_type *type, const unsigned char *from)
{
    uint32_t tag = berthi_cm_tag_get(from, type->count);

    if (tag >= type->count)
        return no_value(w, type, "its tag is beyond its cases");
    if (type->items[tag].type != NULL)
        return write_case(w, type->items[tag].name, type->items[tag].type,
                          from + type->host_align);
    put_name(w, type->items[tag].name);
    return true;
}

static bool write_option_or_result(writer *w, const berthi_cm_type *type,
                                   const unsigned char *from)
{
    static const berthi_name some = { "some", 4 }, names[] = { { "ok", 2 }, { "err", 3 } };
    uint32_t tag = berthi_cm_tag_get(from, 2);
    const berthi_cm_type *payload = type->items[0].type;

    if (tag > 1)
        return no_value(w, type, "its tag is neither 0 nor 1");
    if (type->kind == BERTHI_CM_RESULT)
        return write_case(w, names[tag], type->items[tag].type, from + type->host_align);
    if (tag == 0) {
        put(w, "null");
        return true;
    }
    return payload->kind == BERTHI_CM_OPTION
               ? write_case(w, some, payload, from + type->host_align)
               : write_value(w, payload, from + type->host_align);
}

static bool write_handle(writer *w, const berthi_cm_type *type, const unsigned char *from)
{
    uint64_t handle;

    memcpy(&handle, from, sizeof handle);
    berthi_text_buf_putf(w->out, "{\"%s\": \"%" PRIu64 "\"}",
                         type->kind == BERTHI_CM_OWN ? "own" : "borrow", handle);
    return true;
}

/* Recursion is bounded by the depth of types. */
static bool write_value(writer *w, const berthi_cm_type *type, const unsigned char *from)
{
    switch (type->kind) {
    case BERTHI_CM_BOOL:
        put(w, *from != 0 ? "true" : "false");
        return true;
    case BERTHI_CM_F32:
    case BERTHI_CM_F64:
        return write_float(w, type, from);
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
        return write_items(w, type, from);
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
    default:
        if (berthi_cm_is_integer(type))
            return write_integer(w, type, from);
        return no_value(w, type, "it cannot be written as text");
    }
}

berth_status berthi_cm_json_write(berthi_text_buf *out, const berthi_cm_type *type,
                                  const void *value, berth_diag *diag)
{
    writer w = { .out = out, .diag = diag };

    write_value(&w, type, value);
    return w.status;
}
