/* value_write.c - values in host layout, part by part.  Layer: component. */
#include "component/value/value_write.h"

#include "base/utf8.h"

typedef berthi_cm_value_writer writer;

static bool no_value(writer *w, const berthi_cm_type *type, const char *why)
{
    w->status = berthi_cm_no_value(w->diag, type, why);
    return false;
}

static void put(writer *w, const char *text)
{
    berthi_cm_value_put(w, text);
}

static void put_char(writer *w, char c)
{
    berthi_text_buf_put(w->out, &c, 1);
}

/* ---------------------------------------------------------------- text */

static bool write_char(writer *w, const berthi_cm_type *type, const unsigned char *from)
{
    uint32_t c;

    memcpy(&c, from, sizeof c);
    if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return no_value(w, type, "it is no character");
    w->notation->put_char(w, c);
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
    w->notation->put_string(w, string.data, string.count);
    return true;
}

/* ---------------------------------------------------------------- what has parts */

static bool write_items(writer *w, const berthi_cm_type *type, const unsigned char *from)
{
    berthi_cm_place place = { .align = 1 };

    put_char(w, w->notation->items[0]);
    for (uint32_t i = 0; i < type->count; i++) {
        const berthi_cm_type *item = type->items[i].type;

        put(w, i == 0 ? "" : ", ");
        if (!berthi_cm_value_write(w, item, from + berthi_cm_place_add(&place, item)))
            return false;
    }
    put_char(w, w->notation->items[1]);
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
        if (!(type->kind == BERTHI_CM_MAP
                  ? write_items(w, type, item)
                  : berthi_cm_value_write(w, type->items[0].type, item)))
            return false;
    }
    put(w, "]");
    return true;
}

/* Fields that are none are left out: in WAVE, and in JSON where they would be null. */
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
        w->notation->put_name(w, type->items[i].name);
        put(w, ": ");
        if (!berthi_cm_value_write(w, field, at))
            return false;
    }
    put(w, is_first ? w->notation->empty_record : "}");
    return true;
}

static bool write_flags(writer *w, const berthi_cm_type *type, const unsigned char *from)
{
    bool is_first = true;
    uint32_t bits = 0;

    memcpy(&bits, from, type->host_size);
    if (type->count < 32 && bits >> type->count != 0)
        return no_value(w, type, "a bit beyond its flags is set");
    put_char(w, w->notation->flags[0]);
    for (uint32_t i = 0; i < type->count; i++) {
        if ((bits & (uint32_t)1 << i) == 0)
            continue;
        put(w, is_first ? "" : ", ");
        is_first = false;
        w->notation->put_name(w, type->items[i].name);
    }
    put_char(w, w->notation->flags[1]);
    return true;
}

/* ---------------------------------------------------------------- cases, handles */

static bool write_variant(writer *w, const berthi_cm_type *type, const unsigned char *from)
{
    uint32_t tag = berthi_cm_tag_get(from, type->count);

    if (tag >= type->count)
        return no_value(w, type, "its tag is beyond its cases");
    return w->notation->write_case(w, type, tag, from + type->host_align);
}

static bool write_option_or_result(writer *w, const berthi_cm_type *type,
                                   const unsigned char *from)
{
    uint32_t tag = berthi_cm_tag_get(from, 2);

    if (tag > 1)
        return no_value(w, type, "its tag is neither 0 nor 1");
    return w->notation->write_case(w, type, tag, from + type->host_align);
}

static bool write_handle(writer *w, const berthi_cm_type *type, const unsigned char *from)
{
    uint64_t handle;

    memcpy(&handle, from, sizeof handle);
    w->notation->put_handle(w, type->kind == BERTHI_CM_OWN ? "own" : "borrow", handle);
    return true;
}

/* Recursion is bounded by the depth of types. */
bool berthi_cm_value_write(writer *w, const berthi_cm_type *type, const unsigned char *from)
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
        if (!berthi_cm_is_integer(type) && type->kind != BERTHI_CM_F32 &&
            type->kind != BERTHI_CM_F64)
            return no_value(w, type, "it cannot be written as text");
        w->notation->put_number(w, type, from);
        return true;
    }
}
