/* json_read.c - JSON into values.  Layer: component.
 *
 * The text is read whole first (base/json_reader.h) and then looked at as the type says.  Recursion is
 * bounded by the depth of types. */
#include "base/json_reader.h"
#include "base/utf8.h"
#include "component/types/type_text.h"
#include "component/value/value_reader.h"

enum { ITEMS_MAX = 16 << 20 }; /* memory grows with the text alone */

typedef berthi_cm_reader reader;

static bool read_value(reader *r, const berthi_cm_type *type, const berthi_json *json,
                       unsigned char *to);

static const char *word_of(const berthi_json *json)
{
    static const char *const words[] = { "null",     "false",    "true",     "a number",
                                         "a string", "an array", "an object" };

    return words[json->kind];
}

static bool expected(reader *r, const berthi_cm_type *type, const berthi_json *json)
{
    return berthi_cm_reader_expected(r, json->at, type, word_of(json));
}

static bool is_text(const berthi_json *json, const char *text, size_t size)
{
    return json->kind == BERTHI_JSON_STRING && json->size == size &&
           memcmp(json->text, text, size) == 0;
}

/* ---------------------------------------------------------------- scalars */

/* Digits with a sign, in a number or a string. */
static bool read_digits(reader *r, const berthi_cm_type *type, const berthi_json *json,
                        unsigned char *to)
{
    bool is_negative = json->size > 0 && json->text[0] == '-';
    uint64_t magnitude = 0;

    for (size_t i = is_negative; i < json->size; i++)
        if (json->text[i] < '0' || json->text[i] > '9')
            return berthi_cm_reader_expected(
                r, json->at, type,
                json->kind == BERTHI_JSON_STRING ? "a string" : "a number with a fraction");
    if (json->size == is_negative)
        return expected(r, type, json);
    for (size_t i = is_negative; i < json->size; i++)
        if (__builtin_mul_overflow(magnitude, 10u, &magnitude) ||
            __builtin_add_overflow(magnitude, (unsigned)(json->text[i] - '0'), &magnitude))
            return berthi_cm_reader_wrong(r, json->at, "the number does not fit %s",
                                          berthi_cm_integer_range(type));
    return berthi_cm_put_integer(to, type, is_negative, magnitude) ||
           berthi_cm_reader_wrong(r, json->at, "the number does not fit %s",
                                  berthi_cm_integer_range(type));
}

static bool read_integer(reader *r, const berthi_cm_type *type, const berthi_json *json,
                         unsigned char *to)
{
    bool is_negative = json->integer < 0;

    if (json->kind != BERTHI_JSON_NUMBER && json->kind != BERTHI_JSON_STRING)
        return expected(r, type, json);
    if (!json->is_integer)
        return read_digits(r, type, json, to);
    return berthi_cm_put_integer(to, type, is_negative,
                                 is_negative ? 0 - (uint64_t)json->integer
                                             : (uint64_t)json->integer) ||
           berthi_cm_reader_wrong(r, json->at, "the number does not fit %s",
                                  berthi_cm_integer_range(type));
}

static bool read_float(reader *r, const berthi_cm_type *type, const berthi_json *json,
                       unsigned char *to)
{
    double wide = (double)json->integer;
    float narrow = (float)json->integer; /* not by way of the other: rounded once */

    if (json->kind == BERTHI_JSON_STRING &&
        berthi_cm_put_special(to, type, json->text, json->size))
        return true;
    if (json->kind != BERTHI_JSON_NUMBER)
        return expected(r, type, json);
    if (json->text != NULL)
        return berthi_cm_put_float(to, type, json->text, json->size) ||
               berthi_cm_reader_wrong(r, json->at, "the number does not fit %s",
                                      berthi_cm_type_show(type).text);
    if (type->kind == BERTHI_CM_F64)
        memcpy(to, &wide, sizeof wide);
    else
        memcpy(to, &narrow, sizeof narrow);
    return true;
}

static bool read_char(reader *r, const berthi_cm_type *type, const berthi_json *json,
                      unsigned char *to)
{
    uint32_t c;

    if (json->kind != BERTHI_JSON_STRING)
        return expected(r, type, json);
    if (json->size == 0 || berthi_utf8_next(json->text, json->size, &c) != json->size)
        return berthi_cm_reader_wrong(r, json->at, "a char is a string of one character");
    memcpy(to, &c, sizeof c);
    return true;
}

static bool read_string(reader *r, const berthi_cm_type *type, const berthi_json *json,
                        unsigned char *to)
{
    berthi_cm_host_list string = { NULL, json->size };
    char *text;

    if (json->kind != BERTHI_JSON_STRING)
        return expected(r, type, json);
    text = berthi_cm_reader_room(r, json->size);
    if (text == NULL)
        return false;
    memcpy(text, json->text, json->size);
    string.data = text;
    memcpy(to, &string, sizeof string);
    return true;
}

/* ---------------------------------------------------------------- arrays */

static bool read_items(reader *r, const berthi_cm_type *type, const berthi_json *json,
                       unsigned char *to)
{
    berthi_cm_place place = { .align = 1 };
    const berthi_json *item;
    uint32_t i = 0;

    if (json->kind != BERTHI_JSON_ARRAY)
        return expected(r, type, json);
    if (json->count != type->count)
        return berthi_cm_reader_wrong(r, json->at, "%.100s has %u items, not %u",
                                      berthi_cm_type_show(type).text, (unsigned)type->count,
                                      (unsigned)json->count);
    for (item = json->first; item != NULL; item = item->next, i++) {
        uint64_t at = berthi_cm_place_add(&place, type->items[i].type);

        if (!read_value(r, type->items[i].type, item, to + at))
            return false;
    }
    return true;
}

static bool read_list(reader *r, const berthi_cm_type *type, const berthi_json *json,
                      unsigned char *to)
{
    size_t size = berthi_cm_place_of(type->items, type->count).size, bytes;
    berthi_cm_host_list list = { NULL, json->count };
    unsigned char *items = to;

    if (json->kind != BERTHI_JSON_ARRAY)
        return expected(r, type, json);
    if (type->kind == BERTHI_CM_FIXED_LIST) {
        if (json->count != type->length)
            return berthi_cm_reader_wrong(r, json->at, "%.100s has %u items, not %u",
                                          berthi_cm_type_show(type).text,
                                          (unsigned)type->length, (unsigned)json->count);
    } else {
        if (__builtin_mul_overflow(size, (size_t)json->count, &bytes))
            bytes = SIZE_MAX;
        items = berthi_cm_reader_room(r, bytes);
        if (items == NULL)
            return false;
        list.data = items;
        memcpy(to, &list, sizeof list);
    }
    for (const berthi_json *item = json->first; item != NULL; item = item->next, items += size)
        if (!(type->kind == BERTHI_CM_MAP ? read_items(r, type, item, items)
                                          : read_value(r, type->items[0].type, item, items)))
            return false;
    return true;
}

static bool read_flags(reader *r, const berthi_cm_type *type, const berthi_json *json,
                       unsigned char *to)
{
    uint32_t bits = 0, i;

    if (json->kind != BERTHI_JSON_ARRAY)
        return expected(r, type, json);
    for (const berthi_json *item = json->first; item != NULL; item = item->next) {
        for (i = 0; i < type->count; i++)
            if (is_text(item, type->items[i].name.text, type->items[i].name.size))
                break;
        if (i == type->count)
            return berthi_cm_reader_wrong(r, item->at, "expected one of %.100s, found %s",
                                          berthi_cm_type_show(type).text, word_of(item));
        if ((bits & (uint32_t)1 << i) != 0)
            return berthi_cm_reader_wrong(r, item->at, "`%s` is there twice",
                                          berthi_cm_show(type->items[i].name).text);
        bits |= (uint32_t)1 << i;
    }
    memcpy(to, &bits, type->host_size);
    return true;
}

/* ---------------------------------------------------------------- objects */

static bool is_named(const berthi_json *member, berthi_name name)
{
    return member->name_size == name.size && memcmp(member->name, name.text, name.size) == 0;
}

/* The member for a field.  Members mostly come in the order of fields, so the search starts behind
 * the last one that was found. */
static const berthi_json *find_member(const berthi_json *object, const berthi_json *last,
                                      berthi_name name)
{
    const berthi_json *first = last == NULL ? object->first : last->next;

    for (const berthi_json *m = first; m != NULL; m = m->next)
        if (is_named(m, name))
            return m;
    for (const berthi_json *m = object->first; m != first; m = m->next)
        if (is_named(m, name))
            return m;
    return NULL;
}

/* The first member that is no field. */
static bool refuse_strange(reader *r, const berthi_cm_type *type, const berthi_json *json)
{
    for (const berthi_json *m = json->first; m != NULL; m = m->next) {
        const berthi_name name = { m->name, (uint32_t)m->name_size };
        bool is_field = false;

        for (uint32_t i = 0; i < type->count && !is_field; i++)
            is_field = is_named(m, type->items[i].name);
        if (!is_field)
            return berthi_cm_reader_wrong(r, m->at, "%.100s has no field `%s`",
                                          berthi_cm_type_show(type).text,
                                          berthi_cm_show(name).text);
    }
    return true;
}

static bool read_record(reader *r, const berthi_cm_type *type, const berthi_json *json,
                        unsigned char *to)
{
    berthi_cm_place place = { .align = 1 };
    const berthi_json *last = NULL;
    berthi_name outside = r->inside;
    uint32_t found = 0;

    if (json->kind != BERTHI_JSON_OBJECT)
        return expected(r, type, json);
    for (uint32_t i = 0; i < type->count; i++) {
        const berthi_cm_type *field = type->items[i].type;
        const berthi_json *m = find_member(json, last, type->items[i].name);
        uint64_t at = berthi_cm_place_add(&place, field);

        if (m == NULL && field->kind == BERTHI_CM_OPTION)
            continue;
        if (m == NULL)
            return berthi_cm_reader_wrong(r, json->at, "field `%s` of %.100s is missing",
                                          berthi_cm_show(type->items[i].name).text,
                                          berthi_cm_type_show(type).text);
        r->inside = type->items[i].name;
        if (!read_value(r, field, m, to + at))
            return false;
        found++;
        last = m;
    }
    r->inside = outside;
    return found == json->count || refuse_strange(r, type, json);
}

/* Case `index` with what stands behind its name; NULL: nothing does. */
static bool read_case(reader *r, const berthi_cm_type *type, uint32_t cases, uint32_t index,
                      const berthi_json *json, unsigned char *to)
{
    const berthi_cm_type *payload =
        type->kind == BERTHI_CM_OPTION ? type->items[0].type : type->items[index].type;

    berthi_cm_tag_put(to, cases, index);
    return payload == NULL || read_value(r, payload, json, to + type->host_align);
}

/* "name" for a case without payload, { "name": payload } for one with. */
static bool read_variant(reader *r, const berthi_cm_type *type, const berthi_json *json,
                         unsigned char *to)
{
    bool is_object = json->kind == BERTHI_JSON_OBJECT && json->count == 1;

    if (!is_object && json->kind != BERTHI_JSON_STRING)
        return expected(r, type, json);
    for (uint32_t i = 0; i < type->count; i++) {
        berthi_name name = type->items[i].name;

        if (!(is_object ? is_named(json->first, name) : is_text(json, name.text, name.size)))
            continue;
        if (is_object != (type->items[i].type != NULL))
            return berthi_cm_reader_wrong(r, json->at, "the case `%s` has %s value",
                                          berthi_cm_show(name).text, is_object ? "no" : "a");
        return read_case(r, type, type->count, i, is_object ? json->first : NULL, to);
    }
    return berthi_cm_reader_wrong(r, json->at, "expected a case of %.100s, found another name",
                                  berthi_cm_type_show(type).text);
}

static bool read_option(reader *r, const berthi_cm_type *type, const berthi_json *json,
                        unsigned char *to)
{
    static const berthi_name some = { "some", 4 };

    if (json->kind == BERTHI_JSON_NULL)
        return true; /* the tag is 0 */
    if (type->items[0].type->kind != BERTHI_CM_OPTION)
        return read_case(r, type, 2, 1, json, to);
    if (json->kind != BERTHI_JSON_OBJECT || json->count != 1 || !is_named(json->first, some))
        return expected(r, type, json);
    return read_case(r, type, 2, 1, json->first, to);
}

static bool read_result(reader *r, const berthi_cm_type *type, const berthi_json *json,
                        unsigned char *to)
{
    static const berthi_name names[] = { { "ok", 2 }, { "err", 3 } };
    uint32_t index;

    if (json->kind != BERTHI_JSON_OBJECT || json->count != 1)
        return expected(r, type, json);
    index = !is_named(json->first, names[0]);
    if (index == 1 && !is_named(json->first, names[1]))
        return expected(r, type, json);
    if (type->items[index].type == NULL && json->first->kind != BERTHI_JSON_NULL)
        return berthi_cm_reader_wrong(r, json->first->at,
                                      "`%s` of %.100s has no value but null", names[index].text,
                                      berthi_cm_type_show(type).text);
    return read_case(r, type, 2, index, json->first, to);
}

static bool read_value(reader *r, const berthi_cm_type *type, const berthi_json *json,
                       unsigned char *to)
{
    switch (type->kind) {
    case BERTHI_CM_BOOL:
        *to = json->kind == BERTHI_JSON_TRUE;
        return *to || json->kind == BERTHI_JSON_FALSE || expected(r, type, json);
    case BERTHI_CM_F32:
    case BERTHI_CM_F64:
        return read_float(r, type, json, to);
    case BERTHI_CM_CHAR:
        return read_char(r, type, json, to);
    case BERTHI_CM_STRING:
        return read_string(r, type, json, to);
    case BERTHI_CM_LIST:
    case BERTHI_CM_FIXED_LIST:
    case BERTHI_CM_MAP:
        return read_list(r, type, json, to);
    case BERTHI_CM_RECORD:
        return read_record(r, type, json, to);
    case BERTHI_CM_TUPLE:
        return read_items(r, type, json, to);
    case BERTHI_CM_FLAGS:
        return read_flags(r, type, json, to);
    case BERTHI_CM_VARIANT:
    case BERTHI_CM_ENUM:
        return read_variant(r, type, json, to);
    case BERTHI_CM_OPTION:
        return read_option(r, type, json, to);
    case BERTHI_CM_RESULT:
        return read_result(r, type, json, to);
    default:
        if (berthi_cm_is_integer(type))
            return read_integer(r, type, json, to);
        return berthi_cm_reader_wrong(r, json->at,
                                      "a value of %.100s cannot be written as text",
                                      berthi_cm_type_show(type).text);
    }
}

berth_status berthi_cm_json_read(const char *text, size_t size, const berthi_cm_type *type,
                                 const berthi_cm_value_room *room, const void **value_out,
                                 berth_diag *diag)
{
    static const berthi_json_limits limits = { .nesting = BERTHI_JSON_NESTING_TOP,
                                               .members = BERTHI_JSON_MEMBERS_MAX,
                                               .items = ITEMS_MAX,
                                               .allows_nul = true };
    reader r = berthi_cm_reader_of(text, size, room, diag);
    const berthi_json *json = NULL;
    berthi_json_error error;
    berthi_arena arena;
    unsigned char *value = NULL;
    berth_status status;

    berthi_arena_init(&arena, &room->arena->allocator, SIZE_MAX);
    status = berthi_json_read_within(text, size, &limits, &arena, &json, &error);
    if (status == BERTH_E_REJECTED)
        berthi_cm_reader_wrong(&r, error.offset, "no JSON: %s", error.why);
    else if (status != BERTH_OK)
        r.status = berthi_fail(diag, status, "out of memory for a value");
    else
        value = berthi_cm_reader_room(&r, type->host_size);
    if (value != NULL && read_value(&r, type, json, value))
        *value_out = value;
    berthi_arena_fini(&arena);
    return r.status;
}
