/* values.c - values of scripts in host layout (docs/host-layout.md), written from that page alone so
 * that it is a second opinion on the plans. */
#include "runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct span { /* a string or a list */
    void *data;
    size_t count;
} span;

static size_t align_up(size_t n, size_t align)
{
    return (n + align - 1) / align * align;
}

static size_t tag_size(size_t cases)
{
    return cases <= 256 ? 1 : cases <= 65536 ? 2 : 4;
}

static size_t cases_of(const berthi_cm_type *t)
{
    return t->kind == BERTHI_CM_OPTION || t->kind == BERTHI_CM_RESULT ? 2 : t->count;
}

/* The payload of a case, or NULL. */
static const berthi_cm_type *payload_of(const berthi_cm_type *t, size_t tag)
{
    if (t->kind == BERTHI_CM_ENUM)
        return NULL;
    if (t->kind == BERTHI_CM_OPTION)
        return tag == 0 ? NULL : t->items[0].type;
    return t->items[tag].type;
}

static size_t payload_at(const berthi_cm_type *t)
{
    size_t align = 1;

    for (size_t n = 0; n < cases_of(t); n++) {
        const berthi_cm_type *payload = payload_of(t, n);

        if (payload != NULL && payload->host_align > align)
            align = payload->host_align;
    }
    return align_up(tag_size(cases_of(t)), align);
}

static void put_number(unsigned char *out, uint64_t number, size_t size)
{
    memcpy(out, &number, size); /* little-endian, as everywhere here */
}

static uint64_t get_number(const unsigned char *in, size_t size)
{
    uint64_t number = 0;

    memcpy(&number, in, size);
    return number;
}

static size_t width_of(const berthi_cm_type *t)
{
    switch (t->kind) {
    case BERTHI_CM_BOOL:
    case BERTHI_CM_S8:
    case BERTHI_CM_U8:
        return 1;
    case BERTHI_CM_S16:
    case BERTHI_CM_U16:
        return 2;
    case BERTHI_CM_S64:
    case BERTHI_CM_U64:
    case BERTHI_CM_F64:
        return 8;
    case BERTHI_CM_FLAGS:
        return t->count <= 8 ? 1 : t->count <= 16 ? 2 : 4;
    default:
        return 4;
    }
}

static const json_t *inner(const json_t *value)
{
    return json_object_get(value, "value");
}

static bool name_is(berthi_name name, const char *text)
{
    return text != NULL && strlen(text) == name.size && memcmp(text, name.text, name.size) == 0;
}

static size_t find_label(const berthi_cm_type *t, const char *text)
{
    size_t n = 0;

    while (n < t->count && !name_is(t->items[n].name, text))
        n++;
    return n;
}

/* A number, as bits; false: not one. */
static bool number_of(const berthi_cm_type *t, const json_t *value, uint64_t *bits_out)
{
    const json_t *v = inner(value);
    const char *text = json_string_value(v);
    uint32_t c = 0;

    if (t->kind == BERTHI_CM_BOOL) {
        *bits_out = json_is_true(v);
        return json_is_boolean(v);
    }
    if (text == NULL)
        return false;
    if (t->kind == BERTHI_CM_CHAR) {
        berthi_utf8_next(text, json_string_length(v), &c);
        *bits_out = c;
        return true;
    }
    *bits_out = text[0] == '-' ? (uint64_t)strtoll(text, NULL, 10) : strtoull(text, NULL, 10);
    return true;
}

/* The case of a variant, and its payload's value or NULL. */
static bool case_of(const berthi_cm_type *t, const json_t *value, size_t *tag_out,
                    const json_t **payload_out)
{
    const json_t *v = inner(value);

    *payload_out = NULL;
    switch (t->kind) {
    case BERTHI_CM_ENUM:
        *tag_out = find_label(t, json_string_value(v));
        break;
    case BERTHI_CM_OPTION:
        *tag_out = !json_is_null(v);
        *payload_out = v;
        break;
    case BERTHI_CM_RESULT:
        *tag_out = json_object_get(v, "Ok") == NULL;
        *payload_out = json_object_get(v, *tag_out == 0 ? "Ok" : "Err");
        break;
    default:
        *tag_out = find_label(t, json_string_value(json_object_get(v, "case")));
        *payload_out = json_object_get(v, "payload");
    }
    return *tag_out < cases_of(t);
}

static uint64_t flags_of(const berthi_cm_type *t, const json_t *value)
{
    const json_t *v = inner(value);
    uint64_t bits = 0;

    for (size_t n = 0; n < json_array_size(v); n++)
        bits |= (uint64_t)1 << find_label(t, json_string_value(json_array_get(v, n)));
    return bits;
}

/* The value of element `n` of a list, tuple or record. */
static const json_t *element(const berthi_cm_type *t, const json_t *value, size_t n)
{
    const json_t *e = json_array_get(inner(value), n);

    return t->kind == BERTHI_CM_RECORD ? json_array_get(e, 1) : e;
}

static bool is_case_type(const berthi_cm_type *t)
{
    return t->kind == BERTHI_CM_ENUM || t->kind == BERTHI_CM_OPTION ||
           t->kind == BERTHI_CM_RESULT || t->kind == BERTHI_CM_VARIANT;
}

/* ---------------------------------------------------------------- into host layout */

static bool put_list(const berthi_cm_type *t, const json_t *value, unsigned char *out,
                     berth_arena *arena)
{
    const berthi_cm_type *item = t->items[0].type->canon;
    span list = { NULL, json_array_size(inner(value)) };
    bool good = true;

    list.data = berth_arena_alloc(arena, list.count * item->host_size + 1);
    for (size_t n = 0; n < list.count && good; n++)
        good = value_put(item, element(t, value, n),
                         (unsigned char *)list.data + n * item->host_size, arena);
    memcpy(out, &list, sizeof list);
    return good;
}

static bool put_case(const berthi_cm_type *t, const json_t *value, unsigned char *out,
                     berth_arena *arena)
{
    const berthi_cm_type *payload;
    const json_t *v;
    size_t tag;

    if (!case_of(t, value, &tag, &v))
        return false;
    put_number(out, tag, tag_size(cases_of(t)));
    payload = payload_of(t, tag);
    return payload == NULL || value_put(payload, v, out + payload_at(t), arena);
}

static bool put_fields(const berthi_cm_type *t, uint32_t count, const json_t *value,
                       unsigned char *out, berth_arena *arena)
{
    size_t at = 0;
    bool good = true;

    for (uint32_t n = 0; n < count && good; n++) {
        const berthi_cm_type *item = t->items[n].type->canon;

        at = align_up(at, item->host_align);
        good = value_put(item, element(t, value, n), out + at, arena);
        at += item->host_size;
    }
    return good;
}

bool value_put(const berthi_cm_type *type, const json_t *value, unsigned char *out,
               berth_arena *arena)
{
    const berthi_cm_type *t = type->canon;
    uint64_t bits;
    span text;

    if (is_case_type(t))
        return put_case(t, value, out, arena);
    switch (t->kind) {
    case BERTHI_CM_STRING:
        text = (span){ (void *)(uintptr_t)json_string_value(inner(value)),
                       json_string_length(inner(value)) };
        memcpy(out, &text, sizeof text);
        return text.data != NULL;
    case BERTHI_CM_LIST:
        return put_list(t, value, out, arena);
    case BERTHI_CM_RECORD:
    case BERTHI_CM_TUPLE:
        return put_fields(t, t->count, value, out, arena);
    case BERTHI_CM_FLAGS:
        put_number(out, flags_of(t, value), width_of(t));
        return true;
    default:
        if (!number_of(t, value, &bits))
            return false;
        put_number(out, bits, width_of(t));
        return true;
    }
}

bool values_put_args(const berthi_cm_type *func, const json_t *args, unsigned char *out,
                     berth_arena *arena)
{
    json_t *all = json_pack("{s:O}", "value", args);
    berthi_cm_type tuple = { .kind = BERTHI_CM_TUPLE, .items = func->items };
    bool good = all != NULL && json_array_size(args) == func->count - 1 &&
                put_fields(&tuple, func->count - 1, all, out, arena);

    json_decref(all);
    return good;
}

/* ---------------------------------------------------------------- out of host layout */

static bool fields_are(const berthi_cm_type *t, const json_t *value, const unsigned char *in)
{
    size_t at = 0;

    for (uint32_t n = 0; n < t->count; n++) {
        const berthi_cm_type *item = t->items[n].type->canon;

        at = align_up(at, item->host_align);
        if (!value_is(item, element(t, value, n), in + at))
            return false;
        at += item->host_size;
    }
    return json_array_size(inner(value)) == t->count;
}

static bool list_is(const berthi_cm_type *t, const json_t *value, const unsigned char *in)
{
    const berthi_cm_type *item = t->items[0].type->canon;
    span list;

    memcpy(&list, in, sizeof list);
    if (list.count != json_array_size(inner(value)))
        return false;
    for (size_t n = 0; n < list.count; n++)
        if (!value_is(item, element(t, value, n),
                      (const unsigned char *)list.data + n * item->host_size))
            return false;
    return true;
}

static bool case_is(const berthi_cm_type *t, const json_t *value, const unsigned char *in)
{
    const berthi_cm_type *payload;
    const json_t *v;
    size_t tag;

    if (!case_of(t, value, &tag, &v) || get_number(in, tag_size(cases_of(t))) != tag)
        return false;
    payload = payload_of(t, tag);
    return payload == NULL || value_is(payload, v, in + payload_at(t));
}

/* Any NaN is as good as any other. */
static bool float_is(const berthi_cm_type *t, uint64_t expected, uint64_t actual)
{
    bool is_32 = t->kind == BERTHI_CM_F32;
    uint64_t infinity = is_32 ? 0x7f800000 : UINT64_C(0x7ff0000000000000);
    uint64_t magnitude = is_32 ? 0x7fffffff : INT64_MAX;

    return expected == actual ||
           ((expected & magnitude) > infinity && (actual & magnitude) > infinity);
}

bool value_is(const berthi_cm_type *type, const json_t *value, const unsigned char *in)
{
    const berthi_cm_type *t = type->canon;
    uint64_t bits, actual;
    span text;

    if (is_case_type(t))
        return case_is(t, value, in);
    switch (t->kind) {
    case BERTHI_CM_STRING:
        memcpy(&text, in, sizeof text);
        return text.count == json_string_length(inner(value)) &&
               memcmp(text.data, json_string_value(inner(value)), text.count) == 0;
    case BERTHI_CM_LIST:
        return list_is(t, value, in);
    case BERTHI_CM_RECORD:
    case BERTHI_CM_TUPLE:
        return fields_are(t, value, in);
    case BERTHI_CM_FLAGS:
        return get_number(in, width_of(t)) == flags_of(t, value);
    default:
        break;
    }
    if (!number_of(t, value, &bits))
        return false;
    actual = get_number(in, width_of(t));
    if (t->kind == BERTHI_CM_F32 || t->kind == BERTHI_CM_F64)
        return float_is(t, bits, actual);
    return memcmp(&bits, &actual, width_of(t)) == 0;
}

void value_show(const berthi_cm_type *type, const unsigned char *in, char *text, size_t room)
{
    const berthi_cm_type *t = type->canon;
    char shown[64];
    span s;

    if (t->kind == BERTHI_CM_STRING) {
        memcpy(&s, in, sizeof s);
        snprintf(text, room, "\"%s\"", berthi_utf8_show(shown, sizeof shown, s.data, s.count));
    } else if (t->kind >= BERTHI_CM_CHAR && t->kind <= BERTHI_CM_BOOL) {
        snprintf(text, room, "0x%llx", (unsigned long long)get_number(in, width_of(t)));
    } else {
        snprintf(text, room, "another value");
    }
}
