/* wave_write.c - values as WAVE text.  Layer: component.
 *
 * What is written reads as the same value again (but for handles and the bits of a NaN).  Options and
 * results are written in full: what is read without `some` could be mistaken one level up. */
#include <inttypes.h>

#include "base/decimal.h"
#include "base/diag.h"
#include "base/utf8.h"
#include "component/value/value_write.h"

typedef berthi_cm_value_writer writer;

static void put(writer *w, const char *text)
{
    berthi_cm_value_put(w, text);
}

static void put_label(writer *w, berthi_name name)
{
    berthi_text_buf_put(w->out, name.text, name.size);
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

static void put_char(writer *w, uint32_t c)
{
    put(w, "'");
    put_character(w, c, '\'');
    put(w, "'");
}

static void put_string(writer *w, const char *text, size_t size)
{
    uint32_t c;

    put(w, "\"");
    for (size_t i = 0; i < size;) {
        i += berthi_utf8_next(text + i, size - i, &c);
        put_character(w, c, '"');
    }
    put(w, "\"");
}

/* ---------------------------------------------------------------- numbers */

static void put_number(writer *w, const berthi_cm_type *type, const unsigned char *from)
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
}

static void put_handle(writer *w, const char *kind, uint64_t handle)
{
    berthi_text_buf_putf(w->out, "%s(%" PRIu64 ")", kind, handle);
}

/* ---------------------------------------------------------------- cases */

/* One that reads like a keyword is marked. */
static void put_case(writer *w, berthi_name name)
{
    static const char *const words[] = { "true", "false", "inf", "nan",
                                         "some", "none",  "ok",  "err" };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == name.size && memcmp(words[i], name.text, name.size) == 0)
            put(w, "%");
    put_label(w, name);
}

static bool write_case(writer *w, const berthi_cm_type *type, uint32_t tag,
                       const unsigned char *payload)
{
    const berthi_cm_type *of = NULL;

    if (type->kind == BERTHI_CM_OPTION) {
        put(w, tag == 1 ? "some" : "none");
        of = tag == 1 ? type->items[0].type : NULL;
    } else {
        of = type->items[tag].type;
        if (type->kind == BERTHI_CM_RESULT)
            put(w, tag == 1 ? "err" : "ok");
        else
            put_case(w, type->items[tag].name);
    }
    if (of == NULL)
        return true;
    put(w, "(");
    if (!berthi_cm_value_write(w, of, payload))
        return false;
    put(w, ")");
    return true;
}

static const berthi_cm_notation notation = { .items = { '(', ')' },
                                             .flags = { '{', '}' },
                                             .empty_record = ":}",
                                             .put_name = put_label,
                                             .put_number = put_number,
                                             .put_char = put_char,
                                             .put_string = put_string,
                                             .put_handle = put_handle,
                                             .write_case = write_case };

berth_status berthi_cm_wave_write(berthi_text_buf *out, const berthi_cm_type *type,
                                  const void *value, berth_diag *diag)
{
    writer w = { .notation = &notation, .out = out, .diag = diag };

    (void)berthi_cm_value_write(&w, type, value);
    return w.status;
}
