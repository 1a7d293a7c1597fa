/* value_parts.c - values part by part: looked at, set, made longer.  Layer: component.
 *
 * What lies in memory may be anything (a native plugin's result, a host's struct), so each look is one that
 * checks: a tag before its payload, a null pointer before its items. */
#include <math.h>

#include "base/utf8.h"
#include "component/types/type_text.h"
#include "component/value/value_type.h"

static const berth_value nothing = BERTH_VALUE_INIT;

static const berthi_cm_type *type_of(berth_value value)
{
    return berthi_cm_type_of(value.type);
}

static bool is_value(berth_value value)
{
    return value.type != NULL && value.data != NULL && berthi_cm_is_value_type(type_of(value));
}

static berth_status no_value(berth_diag *diag)
{
    return berthi_fail(diag, BERTH_E_INVALID, "there is no value here");
}

/* "a string is no u8". */
static berth_status is_no(berth_value value, const char *what, berth_diag *diag)
{
    if (!is_value(value))
        return no_value(diag);
    return berthi_fail(diag, BERTH_E_INVALID, "%.100s is no %s",
                       berthi_cm_type_show(type_of(value)).text, what);
}

static berth_status does_not_fit(berth_value value, berth_diag *diag)
{
    return berthi_fail(diag, BERTH_E_INVALID, "the number does not fit %.100s",
                       berthi_cm_type_show(type_of(value)).text);
}

/* ---------------------------------------------------------------- parts */

static berthi_value_parts parts_of_list(const berthi_cm_type *type, unsigned char *data)
{
    berthi_value_parts parts = { .items = type->items, .data = data, .count = type->count };
    berthi_cm_host_list list;

    parts.size = berthi_cm_place_of(type->items, type->count).size;
    parts.rounds = type->length;
    if (type->kind != BERTHI_CM_FIXED_LIST) {
        memcpy(&list, data, sizeof list);
        parts.data = (unsigned char *)(uintptr_t)list.data;
        parts.rounds = list.data == NULL ? 0 : list.count;
    }
    return parts;
}

static berthi_value_parts parts_of_case(const berthi_cm_type *type, unsigned char *data)
{
    uint32_t cases = berthi_value_cases(type), tag = berthi_cm_tag_get(data, cases), index = 0;

    if (tag >= cases || berthi_value_payload(type, tag) == NULL)
        return (berthi_value_parts){ .count = 0 };
    if (type->kind != BERTHI_CM_OPTION)
        index = tag;
    return (berthi_value_parts){
        .items = &type->items[index], .data = data + type->host_align, .rounds = 1, .count = 1
    };
}

berthi_value_parts berthi_value_parts_of(const berthi_cm_type *type, void *data)
{
    switch (type->kind) {
    case BERTHI_CM_LIST:
    case BERTHI_CM_FIXED_LIST:
    case BERTHI_CM_MAP:
        return parts_of_list(type, data);
    case BERTHI_CM_RECORD:
    case BERTHI_CM_TUPLE:
        return (berthi_value_parts){
            .items = type->items, .data = data, .rounds = 1, .count = type->count
        };
    case BERTHI_CM_VARIANT:
    case BERTHI_CM_OPTION:
    case BERTHI_CM_RESULT:
        return parts_of_case(type, data);
    default:
        return (berthi_value_parts){ .count = 0 };
    }
}

size_t berth_value_count(berth_value value)
{
    berthi_value_parts parts;

    if (!is_value(value))
        return 0;
    parts = berthi_value_parts_of(type_of(value), value.data);
    return parts.rounds * parts.count;
}

berth_value berth_value_at(berth_value value, size_t index)
{
    berthi_cm_place place = { .align = 1 };
    berthi_value_parts parts;
    uint64_t at = 0;

    if (!is_value(value))
        return nothing;
    parts = berthi_value_parts_of(type_of(value), value.data);
    if (parts.count == 0 || index / parts.count >= parts.rounds)
        return nothing;
    for (size_t i = 0; i <= index % parts.count; i++)
        at = berthi_cm_place_add(&place, parts.items[i].type);
    return (berth_value){ berthi_type_of(parts.items[index % parts.count].type),
                          parts.data + index / parts.count * parts.size + at };
}

berth_value berth_value_field(berth_value value, const char *name)
{
    uint32_t index, chosen;

    if (!is_value(value))
        return nothing;
    index = berth_type_find(value.type, name);
    if (index == BERTH_TYPE_NONE)
        return nothing;
    if (type_of(value)->kind == BERTHI_CM_RECORD)
        return berth_value_at(value, index);
    if (berth_value_get_case(value, &chosen, NULL) != BERTH_OK || chosen != index)
        return nothing;
    return berth_value_at(value, 0);
}

/* ---------------------------------------------------------------- looking */

/* Of kinds that are one number without a sign; their size otherwise. */
static uint32_t unsigned_size(const berthi_cm_type *type)
{
    switch (type->kind) {
    case BERTHI_CM_BOOL:
        return 1;
    case BERTHI_CM_FLAGS:
    case BERTHI_CM_CHAR:
    case BERTHI_CM_OWN:
    case BERTHI_CM_BORROW:
        return type->host_size;
    default:
        return 0;
    }
}

/* The bits of a number, and whether they have a sign.  False: it is none. */
static bool get_number(berth_value value, uint64_t *bits, bool *is_negative)
{
    const berthi_cm_type *type = type_of(value);
    uint32_t size, narrow = 0;

    *is_negative = false;
    if (!is_value(value))
        return false;
    if (berthi_cm_is_integer(type)) {
        *bits = berthi_cm_get_integer(value.data, type);
        *is_negative = berthi_cm_is_signed(type) && *bits > INT64_MAX;
        return true;
    }
    size = unsigned_size(type);
    if (size == sizeof *bits) {
        memcpy(bits, value.data, sizeof *bits);
        return true;
    }
    memcpy(&narrow, value.data,
           size); /* as many low bytes as there are; the machine's order is theirs */
    *bits = type->kind == BERTHI_CM_BOOL ? narrow != 0 : narrow;
    return size != 0;
}

berth_status berth_value_get_u64(berth_value value, uint64_t *number_out, berth_diag *diag)
{
    bool is_negative;
    uint64_t bits;

    BERTHI_REQUIRE(number_out != NULL, diag);
    if (!get_number(value, &bits, &is_negative))
        return is_no(value, "integer", diag);
    if (is_negative)
        return berthi_fail(diag, BERTH_E_INVALID, "the number is less than 0");
    *number_out = bits;
    return BERTH_OK;
}

berth_status berth_value_get_s64(berth_value value, int64_t *number_out, berth_diag *diag)
{
    bool is_negative;
    uint64_t bits;

    BERTHI_REQUIRE(number_out != NULL, diag);
    if (!get_number(value, &bits, &is_negative))
        return is_no(value, "integer", diag);
    if (!is_negative && bits > INT64_MAX)
        return berthi_fail(diag, BERTH_E_INVALID, "the number is more than an s64 holds");
    memcpy(number_out, &bits, sizeof bits);
    return BERTH_OK;
}

berth_status berth_value_get_f64(berth_value value, double *number_out, berth_diag *diag)
{
    float narrow;

    BERTHI_REQUIRE(number_out != NULL, diag);
    if (!is_value(value) ||
        (type_of(value)->kind != BERTHI_CM_F32 && type_of(value)->kind != BERTHI_CM_F64))
        return is_no(value, "f32 or f64", diag);
    if (type_of(value)->kind == BERTHI_CM_F64) {
        memcpy(number_out, value.data, sizeof *number_out);
    } else {
        memcpy(&narrow, value.data, sizeof narrow);
        *number_out = (double)narrow;
    }
    return BERTH_OK;
}

berth_status berth_value_get_string(berth_value value, berth_string *text_out, berth_diag *diag)
{
    berthi_cm_host_list list;

    BERTHI_REQUIRE(text_out != NULL, diag);
    if (!is_value(value) || type_of(value)->kind != BERTHI_CM_STRING)
        return is_no(value, "string", diag);
    memcpy(&list, value.data, sizeof list);
    if (list.data == NULL && list.count != 0)
        return berthi_cm_no_value(diag, type_of(value), "a null pointer");
    *text_out = (berth_string){ list.count == 0 ? "" : list.data, list.count };
    return BERTH_OK;
}

berth_status berth_value_get_case(berth_value value, uint32_t *index_out, berth_diag *diag)
{
    uint32_t cases = is_value(value) ? berthi_value_cases(type_of(value)) : 0, tag;

    BERTHI_REQUIRE(index_out != NULL, diag);
    if (cases == 0)
        return is_no(value, "variant, enum, option or result", diag);
    tag = berthi_cm_tag_get(value.data, cases);
    if (tag >= cases)
        return berthi_cm_no_value(diag, type_of(value), "its tag is beyond its cases");
    *index_out = tag;
    return BERTH_OK;
}

/* ---------------------------------------------------------------- setting */

static bool fits(const berthi_cm_type *type, uint64_t number)
{
    switch (type->kind) {
    case BERTHI_CM_BOOL:
        return number <= 1;
    case BERTHI_CM_CHAR:
        return number <= 0x10ffff && (number < 0xd800 || number > 0xdfff);
    case BERTHI_CM_FLAGS:
        return number >> type->count == 0;
    default:
        return true;
    }
}

static berth_status set_number(berth_value value, bool is_negative, uint64_t magnitude,
                               berth_diag *diag)
{
    uint32_t size = 0;
    bool is_put;

    if (!is_value(value))
        return no_value(diag);
    if (berthi_cm_is_integer(type_of(value))) {
        is_put = berthi_cm_put_integer(value.data, type_of(value), is_negative, magnitude);
        return is_put ? BERTH_OK : does_not_fit(value, diag);
    }
    size = unsigned_size(type_of(value));
    if (size == 0)
        return is_no(value, "integer", diag);
    if (is_negative || !fits(type_of(value), magnitude))
        return does_not_fit(value, diag);
    memcpy(value.data, &magnitude, size); /* the low bytes */
    return BERTH_OK;
}

berth_status berth_value_set_u64(berth_value value, uint64_t number, berth_diag *diag)
{
    return set_number(value, false, number, diag);
}

berth_status berth_value_set_s64(berth_value value, int64_t number, berth_diag *diag)
{
    return set_number(value, number < 0, number < 0 ? 0 - (uint64_t)number : (uint64_t)number,
                      diag);
}

berth_status berth_value_set_f64(berth_value value, double number, berth_diag *diag)
{
    float narrow = (float)number;

    if (!is_value(value) ||
        (type_of(value)->kind != BERTHI_CM_F32 && type_of(value)->kind != BERTHI_CM_F64))
        return is_no(value, "f32 or f64", diag);
    if (type_of(value)->kind == BERTHI_CM_F64)
        memcpy(value.data, &number, sizeof number);
    else if (isinf(narrow) && !isinf(number))
        return does_not_fit(value, diag);
    else
        memcpy(value.data, &narrow, sizeof narrow);
    return BERTH_OK;
}

static berth_status too_long(berth_diag *diag)
{
    return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_INPUT,
                               "a string or list has at most %d bytes",
                               BERTHI_CM_VALUE_BYTES_MAX);
}

berth_status berth_value_set_string(berth_value value, const char *text, size_t size,
                                    berth_arena *arena, berth_diag *diag)
{
    berthi_cm_host_list list = { NULL, size };
    char *copy;

    BERTHI_REQUIRE(arena != NULL && (text != NULL || size == 0), diag);
    if (!is_value(value) || type_of(value)->kind != BERTHI_CM_STRING)
        return is_no(value, "string", diag);
    if (size > BERTHI_CM_VALUE_BYTES_MAX)
        return too_long(diag);
    if (!berthi_utf8_is_valid(text, size))
        return berthi_cm_no_value(diag, type_of(value), "it is not UTF-8");
    copy = berthi_reply_arena_alloc(arena, size);
    if (copy == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "a string of %zu bytes", size);
    if (size != 0)
        memcpy(copy, text, size);
    list.data = copy;
    memcpy(value.data, &list, sizeof list);
    return BERTH_OK;
}

berth_status berth_value_set_case(berth_value value, uint32_t index, berth_diag *diag)
{
    uint32_t cases = is_value(value) ? berthi_value_cases(type_of(value)) : 0;

    if (cases == 0)
        return is_no(value, "variant, enum, option or result", diag);
    if (index >= cases)
        return berthi_fail(diag, BERTH_E_INVALID, "%.100s has no case %u",
                           berthi_cm_type_show(type_of(value)).text, (unsigned)index);
    memset(value.data, 0, type_of(value)->host_size);
    berthi_cm_tag_put(value.data, cases, index);
    return BERTH_OK;
}

berth_status berth_value_resize(berth_value value, size_t count, berth_arena *arena,
                                berth_diag *diag)
{
    berthi_value_parts old;
    berthi_cm_host_list list;
    size_t bytes, kept;
    char *data;

    BERTHI_REQUIRE(arena != NULL, diag);
    if (!is_value(value) ||
        (type_of(value)->kind != BERTHI_CM_LIST && type_of(value)->kind != BERTHI_CM_MAP))
        return is_no(value, "list or map that could be resized", diag);
    old = berthi_value_parts_of(type_of(value), value.data);
    if (count % old.count != 0)
        return berthi_fail(diag, BERTH_E_INVALID, "a key of the map would have no value");
    count /= old.count;
    if (__builtin_mul_overflow(count, old.size, &bytes) || bytes > BERTHI_CM_VALUE_BYTES_MAX)
        return too_long(diag);
    data = berthi_reply_arena_alloc(arena, bytes);
    if (data == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "a list of %zu bytes", bytes);
    kept = (old.rounds < count ? old.rounds : count) * old.size;
    if (kept != 0)
        memcpy(data, old.data, kept);
    memset(data + kept, 0, bytes - kept);
    list = (berthi_cm_host_list){ data, count };
    memcpy(value.data, &list, sizeof list);
    return BERTH_OK;
}

berth_status berth_value_make(const berth_type *type, berth_arena *arena,
                              berth_value *value_out, berth_diag *diag)
{
    void *data;

    BERTHI_REQUIRE(type != NULL && arena != NULL && value_out != NULL, diag);
    if (!berthi_cm_is_value_type(berthi_cm_type_of(type)))
        return berthi_fail(diag, BERTH_E_INVALID, "a function's type has no values");
    data = berthi_reply_arena_alloc(arena, berth_type_size(type));
    if (data == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "a value of %zu bytes", berth_type_size(type));
    *value_out = (berth_value){ type, memset(data, 0, berth_type_size(type)) };
    return BERTH_OK;
}
