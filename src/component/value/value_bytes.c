/* value_bytes.c - bytes of the strings and lists of values in host layout.  Layer: component. */
#include "component/value/value_bytes.h"

#include "component/value/value_reader.h"

/* ---------------------------------------------------------------- part by part */

static uint64_t bytes_of_items(const berthi_cm_extern *items, uint32_t count,
                               const unsigned char *at)
{
    berthi_cm_place place = { .align = 1 };
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint64_t offset = berthi_cm_place_add(&place, items[i].type);

        if (items[i].type->has_pointer)
            bytes += berthi_cm_value_bytes(items[i].type, at + offset);
    }
    return bytes;
}

static bool items_point(const berthi_cm_type *type)
{
    bool do_point = false;

    for (uint32_t i = 0; i < type->count; i++)
        do_point |= type->items[i].type->has_pointer;
    return do_point;
}

static uint64_t bytes_of_list(const berthi_cm_type *type, const unsigned char *at)
{
    uint64_t size = berthi_cm_place_of(type->items, type->count).size, bytes;
    bool do_point = items_point(type);
    berthi_cm_host_list list = { at, type->length };

    if (type->kind != BERTHI_CM_FIXED_LIST)
        memcpy(&list, at, sizeof list);
    bytes = type->kind == BERTHI_CM_FIXED_LIST ? 0 : list.count * size;
    at = list.data;
    for (size_t i = 0; do_point && at != NULL && i < list.count; i++, at += size)
        bytes += bytes_of_items(type->items, type->count, at);
    return bytes;
}

static uint64_t bytes_of_case(const berthi_cm_type *type, const unsigned char *at)
{
    bool is_option = type->kind == BERTHI_CM_OPTION;
    uint32_t cases = is_option ? 2 : type->count, tag = berthi_cm_tag_get(at, cases);
    const berthi_cm_type *payload = NULL;

    if (tag < cases) /* else lowering refuses it */
        payload = is_option ? (tag == 1 ? type->items[0].type : NULL) : type->items[tag].type;
    return payload == NULL ? 0 : berthi_cm_value_bytes(payload, at + type->host_align);
}

/* Recursion is bounded by the depth of types. */
uint64_t berthi_cm_value_bytes(const berthi_cm_type *type, const void *value)
{
    berthi_cm_host_list list;

    if (!type->has_pointer)
        return 0;
    switch (type->kind) {
    case BERTHI_CM_STRING:
        memcpy(&list, value, sizeof list);
        return list.count;
    case BERTHI_CM_LIST:
    case BERTHI_CM_FIXED_LIST:
    case BERTHI_CM_MAP:
        return bytes_of_list(type, value);
    case BERTHI_CM_RECORD:
    case BERTHI_CM_TUPLE:
        return bytes_of_items(type->items, type->count, value);
    default:
        return bytes_of_case(type, value);
    }
}

uint64_t berthi_cm_args_bytes(const berthi_cm_type *func, const void *args)
{
    return func->has_pointer ? bytes_of_items(func->items, func->count - 1, args) : 0;
}

uint64_t berthi_cm_result_bytes(const berthi_cm_type *func, const void *result)
{
    const berthi_cm_type *type = berthi_cm_func_result(func);

    return type == NULL ? 0 : berthi_cm_value_bytes(type, result);
}

/* ---------------------------------------------------------------- at a glance */

static berthi_cm_measure walk(const berthi_cm_type *type)
{
    return (berthi_cm_measure){ .type = type, .is_walk = true };
}

static berthi_cm_measure measure_of(const berthi_cm_type *type)
{
    const uint32_t count_at = offsetof(berthi_cm_host_list, count);
    berthi_cm_measure ok, err;

    if (type == NULL || !type->has_pointer)
        return (berthi_cm_measure){ .each = 0 };
    if (type->kind == BERTHI_CM_STRING)
        return (berthi_cm_measure){ .at = count_at, .each = 1 };
    if (type->kind == BERTHI_CM_LIST && !items_point(type))
        return (berthi_cm_measure){ .at = count_at,
                                    .each = (uint32_t)berthi_cm_place_of(type->items, 1).size };
    if (type->kind != BERTHI_CM_RESULT)
        return walk(type);
    ok = measure_of(type->items[0].type);
    err = measure_of(type->items[1].type);
    if (ok.is_walk || err.is_walk || ok.each != err.each || ok.at != err.at)
        return walk(type);
    ok.at += type->host_align;
    return ok;
}

berthi_cm_measure berthi_cm_measure_args(const berthi_cm_type *func)
{
    berthi_cm_measure m = { .each = 0 };

    if (func->count == 2)
        m = measure_of(func->items[0].type);
    else if (func->count > 2 && func->has_pointer)
        m = walk(func);
    return m.is_walk ? walk(func) : m;
}

berthi_cm_measure berthi_cm_measure_result(const berthi_cm_type *func)
{
    return measure_of(berthi_cm_func_result(func));
}

uint64_t berthi_cm_measure_walk(const berthi_cm_type *type, const void *value)
{
    return berthi_cm_is_func(type) ? berthi_cm_args_bytes(type, value)
                                   : berthi_cm_value_bytes(type, value);
}
