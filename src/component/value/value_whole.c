/* value_whole.c - values as wholes: checked, copied, compared, as text.  Layer: component.
 *
 * Recursion is bounded by the depth of types.  Whatever is copied or compared has been checked before, so
 * that tags and pointers can be trusted. */
#include <math.h>

#include "base/utf8.h"
#include "component/value/value_type.h"

/* ---------------------------------------------------------------- checking */

typedef struct checker {
    berth_diag *diag;
    berth_status status;
} checker;

static bool refuse(checker *c, const berthi_cm_type *type, const char *why)
{
    c->status = berthi_cm_no_value(c->diag, type, why);
    return false;
}

static bool check_number(checker *c, const berthi_cm_type *type, const void *data)
{
    uint32_t bits = 0;

    memcpy(&bits, data, type->host_size);
    if (type->kind == BERTHI_CM_CHAR && (bits > 0x10ffff || (bits >= 0xd800 && bits <= 0xdfff)))
        return refuse(c, type, "it is no character");
    if (type->kind == BERTHI_CM_FLAGS && type->count < 32 && bits >> type->count != 0)
        return refuse(c, type, "a bit beyond its flags is set");
    return true;
}

/* What it points at is there, and is text if it has to be. */
static bool check_pointer(checker *c, const berthi_cm_type *type, const void *data)
{
    berthi_cm_host_list list;

    memcpy(&list, data, sizeof list);
    if (list.data == NULL && list.count != 0)
        return refuse(c, type, "a null pointer");
    return type->kind != BERTHI_CM_STRING || berthi_utf8_is_valid(list.data, list.count) ||
           refuse(c, type, "it is not UTF-8");
}

static bool check(checker *c, const berthi_cm_type *type, void *data)
{
    uint32_t cases = berthi_value_cases(type);
    berthi_value_parts parts;

    if (cases != 0 && berthi_cm_tag_get(data, cases) >= cases)
        return refuse(c, type, "its tag is beyond its cases");
    if (type->kind == BERTHI_CM_CHAR || type->kind == BERTHI_CM_FLAGS)
        return check_number(c, type, data);
    if ((type->kind == BERTHI_CM_STRING || type->kind == BERTHI_CM_LIST ||
         type->kind == BERTHI_CM_MAP) &&
        !check_pointer(c, type, data))
        return false;
    parts = berthi_value_parts_of(type, data);
    for (size_t k = 0; k < parts.rounds; k++) {
        berthi_cm_place place = { .align = 1 };

        for (uint32_t i = 0; i < parts.count; i++)
            if (!check(c, parts.items[i].type,
                       parts.data + k * parts.size +
                           berthi_cm_place_add(&place, parts.items[i].type)))
                return false;
    }
    return true;
}

berth_status berth_value_check(berth_value value, berth_diag *diag)
{
    checker c = { .diag = diag, .status = BERTH_OK };

    BERTHI_REQUIRE(value.type != NULL && value.data != NULL, diag);
    BERTHI_REQUIRE(berthi_cm_is_value_type(berthi_cm_type_of(value.type)), diag);
    (void)check(&c, berthi_cm_type_of(value.type), value.data);
    return c.status;
}

/* ---------------------------------------------------------------- copying */

/* At `data` lies a copy whose pointers are still those of the original. */
static bool copy_rest(berthi_cm_reader *r, const berthi_cm_type *type, unsigned char *data)
{
    berthi_value_parts parts;
    berthi_cm_host_list list;
    size_t size;
    void *copy;

    if (!type->has_pointer)
        return true;
    if (type->kind == BERTHI_CM_STRING || type->kind == BERTHI_CM_LIST ||
        type->kind == BERTHI_CM_MAP) {
        memcpy(&list, data, sizeof list);
        size = type->kind == BERTHI_CM_STRING
                   ? 1
                   : berthi_cm_place_of(type->items, type->count).size;
        if (__builtin_mul_overflow(size, list.count, &size))
            size = SIZE_MAX;
        copy = berthi_cm_reader_room(r, size);
        if (copy == NULL)
            return false;
        if (size != 0)
            memcpy(copy, list.data, size);
        list.data = copy;
        memcpy(data, &list, sizeof list);
    }
    parts = berthi_value_parts_of(type, data);
    for (size_t k = 0; k < parts.rounds; k++) {
        berthi_cm_place place = { .align = 1 };

        for (uint32_t i = 0; i < parts.count; i++)
            if (!copy_rest(r, parts.items[i].type,
                           parts.data + k * parts.size +
                               berthi_cm_place_add(&place, parts.items[i].type)))
                return false;
    }
    return true;
}

berth_status berth_value_copy(berth_value value, size_t bytes_max, berth_arena *arena,
                              berth_value *copy_out, berth_diag *diag)
{
    const berthi_cm_value_room room = { .arena = arena, .bytes_max = bytes_max };
    berthi_cm_reader r;
    berth_status status;
    void *data;

    BERTHI_REQUIRE(arena != NULL && copy_out != NULL, diag);
    status = berth_value_check(value, diag);
    if (status != BERTH_OK)
        return status;
    r = berthi_cm_reader_of("", 0, &room, diag);
    data = berthi_cm_reader_room(&r, berth_type_size(value.type));
    if (data == NULL)
        return r.status;
    memcpy(data, value.data, berth_type_size(value.type));
    if (!copy_rest(&r, berthi_cm_type_of(value.type), data))
        return r.status;
    *copy_out = (berth_value){ value.type, data };
    return BERTH_OK;
}

/* ---------------------------------------------------------------- comparing */

static int32_t order_of(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* Bits of a number so that they are in its order: NaNs last, and all the same. */
static uint64_t rank_of_float(double number)
{
    const uint64_t sign = (uint64_t)1 << 63;
    uint64_t bits;

    if (isnan(number))
        return UINT64_MAX;
    memcpy(&bits, &number, sizeof bits);
    return (bits & sign) != 0 ? ~bits : bits | sign;
}

static uint64_t rank_of_number(const berthi_cm_type *type, const void *data)
{
    berth_value value = { berthi_type_of(type), (void *)(uintptr_t)data };
    uint64_t bits = 0;
    double real = 0;
    int64_t whole = 0;

    if (type->kind == BERTHI_CM_F32 || type->kind == BERTHI_CM_F64) {
        (void)!berth_value_get_f64(value, &real, NULL);
        return rank_of_float(real);
    }
    if (berthi_cm_is_integer(type) && berthi_cm_is_signed(type)) {
        (void)!berth_value_get_s64(value, &whole, NULL);
        return (uint64_t)whole ^ (uint64_t)1 << 63;
    }
    (void)!berth_value_get_u64(value, &bits, NULL);
    return bits;
}

static int32_t compare_strings(const void *a, const void *b)
{
    berthi_cm_host_list x, y;
    size_t both;
    int order;

    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    both = x.count < y.count ? x.count : y.count;
    order = both == 0 ? 0 : memcmp(x.data, y.data, both);
    return order != 0 ? (order > 0) - (order < 0) : order_of(x.count, y.count);
}

static int32_t compare(const berthi_cm_type *type, void *a, void *b)
{
    uint32_t cases = berthi_value_cases(type);
    berthi_value_parts x, y;
    int32_t order = 0;

    if (cases != 0)
        order = order_of(berthi_cm_tag_get(a, cases), berthi_cm_tag_get(b, cases));
    else if (type->kind == BERTHI_CM_STRING)
        return compare_strings(a, b);
    else if (type->count == 0 || type->kind == BERTHI_CM_FLAGS || type->kind == BERTHI_CM_OWN ||
             type->kind == BERTHI_CM_BORROW)
        return type->host_size == 0
                   ? 0
                   : order_of(rank_of_number(type, a), rank_of_number(type, b));
    if (order != 0)
        return order;
    x = berthi_value_parts_of(type, a);
    y = berthi_value_parts_of(type, b);
    for (size_t k = 0; k < x.rounds && k < y.rounds; k++) {
        berthi_cm_place place = { .align = 1 };

        for (uint32_t i = 0; i < x.count && order == 0; i++) {
            uint64_t at = k * x.size + berthi_cm_place_add(&place, x.items[i].type);

            order = compare(x.items[i].type, x.data + at, y.data + at);
        }
        if (order != 0)
            return order;
    }
    return order_of(x.rounds, y.rounds);
}

berth_status berth_value_compare(berth_value a, berth_value b, int32_t *order_out,
                                 berth_diag *diag)
{
    berth_status status;

    BERTHI_REQUIRE(order_out != NULL, diag);
    status = berth_value_check(a, diag);
    if (status == BERTH_OK)
        status = berth_value_check(b, diag);
    if (status != BERTH_OK)
        return status;
    if (!berth_type_is_same(a.type, b.type))
        return berthi_fail(diag, BERTH_E_INVALID, "values of two types have no order");
    *order_out = compare(berthi_cm_type_of(a.type), a.data, b.data);
    return BERTH_OK;
}

/* ---------------------------------------------------------------- text */

berth_status berth_value_read(const berth_type *type, uint32_t format, const char *text,
                              size_t size, size_t bytes_max, berth_arena *arena,
                              berth_value *value_out, berth_diag *diag)
{
    const berthi_cm_value_room room = { .arena = arena, .bytes_max = bytes_max };
    const berthi_cm_type *of = berthi_cm_type_of(type);
    const void *data = NULL;
    berth_status status;

    BERTHI_REQUIRE(type != NULL && arena != NULL && value_out != NULL, diag);
    BERTHI_REQUIRE(text != NULL && format <= BERTH_TEXT_JSON, diag);
    BERTHI_REQUIRE(berthi_cm_is_value_type(of), diag);
    status = format == BERTH_TEXT_JSON
                 ? berthi_cm_json_read(text, size, of, &room, &data, diag)
                 : berthi_cm_wave_read(text, size, of, &room, &data, diag);
    if (status == BERTH_OK)
        *value_out = (berth_value){ type, (void *)(uintptr_t)data };
    return status;
}

berth_status berth_value_write(berth_value value, uint32_t format, berth_arena *arena,
                               const char **text_out, berth_diag *diag)
{
    berthi_text_buf text;
    berth_status status;
    char *copy = NULL;

    BERTHI_REQUIRE(value.type != NULL && value.data != NULL, diag);
    BERTHI_REQUIRE(berthi_cm_is_value_type(berthi_cm_type_of(value.type)), diag);
    BERTHI_REQUIRE(arena != NULL && text_out != NULL && format <= BERTH_TEXT_JSON, diag);
    berthi_text_buf_init(&text, &arena->allocator);
    status = format == BERTH_TEXT_JSON
                 ? berthi_cm_json_write(&text, berthi_cm_type_of(value.type), value.data, diag)
                 : berthi_cm_wave_write(&text, berthi_cm_type_of(value.type), value.data, diag);
    if (status == BERTH_OK && !text.has_failed)
        copy = berthi_reply_arena_alloc(arena, text.size + 1);
    if (status == BERTH_OK && copy == NULL)
        status = berthi_fail(diag, BERTH_E_NOMEM, "the text of a value");
    if (status == BERTH_OK) {
        memcpy(copy, text.size == 0 ? "" : text.data, text.size);
        copy[text.size] = '\0';
        *text_out = copy;
    }
    berthi_text_buf_fini(&text);
    return status;
}
