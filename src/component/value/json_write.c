/* json_write.c - values as JSON, on one line.  Layer: component. */
#include <inttypes.h>

#include "base/decimal.h"
#include "base/json_writer.h"
#include "base/utf8.h"
#include "component/value/value_write.h"

#define EXACT_MAX (UINT64_C(1) << 53) /* every reader of JSON has integers up to here */

typedef berthi_cm_value_writer writer;

static void put(writer *w, const char *text)
{
    berthi_cm_value_put(w, text);
}

static void put_name(writer *w, berthi_name name)
{
    berthi_json_put_string(w->out, name.text, name.size);
}

/* ---------------------------------------------------------------- scalars */

static void put_integer(writer *w, const berthi_cm_type *type, const unsigned char *from)
{
    uint64_t value = berthi_cm_get_integer(from, type);
    bool is_negative = berthi_cm_is_signed(type) && (int64_t)value < 0;
    uint64_t magnitude = is_negative ? 0 - value : value;
    const char *quote = magnitude > EXACT_MAX ? "\"" : "";

    berthi_text_buf_putf(w->out, "%s%s%" PRIu64 "%s", quote, is_negative ? "-" : "", magnitude,
                         quote);
}

static void put_number(writer *w, const berthi_cm_type *type, const unsigned char *from)
{
    char text[BERTHI_DECIMAL_ROOM];
    double wide;
    float narrow;
    bool is_word;

    if (type->kind == BERTHI_CM_F64) {
        memcpy(&wide, from, sizeof wide);
        berthi_decimal_write_f64(text, wide);
    } else if (type->kind == BERTHI_CM_F32) {
        memcpy(&narrow, from, sizeof narrow);
        berthi_decimal_write_f32(text, narrow);
    } else {
        put_integer(w, type, from);
        return;
    }
    is_word = strpbrk(text, "0123456789") == NULL;
    put(w, is_word ? "\"" : "");
    put(w, text);
    put(w, is_word ? "\"" : "");
}

static void put_char(writer *w, uint32_t c)
{
    char bytes[4];

    berthi_json_put_string(w->out, bytes, berthi_utf8_put(bytes, c));
}

static void put_string(writer *w, const char *text, size_t size)
{
    berthi_json_put_string(w->out, text, size);
}

static void put_handle(writer *w, const char *kind, uint64_t handle)
{
    berthi_text_buf_putf(w->out, "{\"%s\": \"%" PRIu64 "\"}", kind, handle);
}

/* ---------------------------------------------------------------- cases */

/* { "name": value } */
static bool write_named(writer *w, berthi_name name, const berthi_cm_type *type,
                        const unsigned char *payload)
{
    put(w, "{");
    put_name(w, name);
    put(w, ": ");
    if (type == NULL)
        put(w, "null");
    else if (!berthi_cm_value_write(w, type, payload))
        return false;
    put(w, "}");
    return true;
}

static bool write_case(writer *w, const berthi_cm_type *type, uint32_t tag,
                       const unsigned char *payload)
{
    static const berthi_name some = { "some", 4 }, names[] = { { "ok", 2 }, { "err", 3 } };
    const berthi_cm_type *inner = type->items[0].type;

    if (type->kind == BERTHI_CM_RESULT)
        return write_named(w, names[tag], type->items[tag].type, payload);
    if (type->kind == BERTHI_CM_OPTION) {
        if (tag != 0)
            return inner->kind == BERTHI_CM_OPTION ? write_named(w, some, inner, payload)
                                                   : berthi_cm_value_write(w, inner, payload);
        put(w, "null");
        return true;
    }
    if (type->items[tag].type != NULL)
        return write_named(w, type->items[tag].name, type->items[tag].type, payload);
    put_name(w, type->items[tag].name);
    return true;
}

static const berthi_cm_notation notation = { .items = { '[', ']' },
                                             .flags = { '[', ']' },
                                             .empty_record = "}",
                                             .put_name = put_name,
                                             .put_number = put_number,
                                             .put_char = put_char,
                                             .put_string = put_string,
                                             .put_handle = put_handle,
                                             .write_case = write_case };

berth_status berthi_cm_json_write(berthi_text_buf *out, const berthi_cm_type *type,
                                  const void *value, berth_diag *diag)
{
    writer w = { .notation = &notation, .out = out, .diag = diag };

    (void)berthi_cm_value_write(&w, type, value);
    return w.status;
}
