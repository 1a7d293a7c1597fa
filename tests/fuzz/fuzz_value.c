/* fuzz_value.c - hostile types, and hostile text as values of them, by the public functions.
 *
 * The first line is the text of a type, the rest a value of it in WAVE and in JSON.  A type that reads is written,
 * and reads as the same one.  A value that reads is one, is the same as its copy, and reads as the same again in
 * either format; each of its parts can be had, and there is a first value of each type. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/value.h>

#include "fuzz.h"

enum { MEMORY_MAX = 1 << 20, PARTS_MAX = 1000 };

static void check_parts(berth_value value, int *left)
{
    size_t count = berth_value_count(value);
    uint32_t index;
    uint64_t bits;
    int64_t whole;
    double real;
    berth_string text;

    if (berth_value_get_u64(value, &bits, NULL) == BERTH_OK)
        CHECK(berth_value_set_u64(value, bits, NULL) == BERTH_OK);
    if (berth_value_get_s64(value, &whole, NULL) == BERTH_OK)
        CHECK(berth_value_set_s64(value, whole, NULL) == BERTH_OK);
    if (berth_value_get_f64(value, &real, NULL) == BERTH_OK)
        CHECK(berth_value_set_f64(value, real, NULL) == BERTH_OK);
    (void)!berth_value_get_string(value, &text, NULL);
    if (berth_value_get_case(value, &index, NULL) == BERTH_OK)
        CHECK(index < berth_type_count(value.type) &&
              (berth_type_part(value.type, index) != NULL) == (count == 1));
    CHECK(berth_value_at(value, count).type == NULL);
    for (size_t i = 0; i < count && (*left)-- > 0; i++) {
        CHECK(berth_value_at(value, i).type != NULL);
        check_parts(berth_value_at(value, i), left);
    }
}

static void check_same(berth_value a, berth_value b)
{
    int32_t order = 1;

    CHECK(berth_value_compare(a, b, &order, NULL) == BERTH_OK && order == 0);
}

static int has_handles(const berth_type *type)
{
    const char *text = NULL;
    int has = 0;
    berth_arena *arena = NULL;

    CHECK(berth_arena_create(NULL, 0, &arena, NULL) == BERTH_OK);
    if (berth_type_write(type, arena, &text, NULL) == BERTH_OK)
        has = strstr(text, "<resource>") != NULL;
    berth_arena_destroy(arena);
    return has;
}

/* `format` is the one in which it is written. */
static void check_round_trip(berth_value value, uint32_t format, berth_arena *arena)
{
    const char *text = NULL;
    berth_value again = BERTH_VALUE_INIT;
    berth_diag diag;

    CHECK(berth_value_write(value, format, arena, &text, &diag) == BERTH_OK);
    if (has_handles(value.type))
        return; /* which are written, and never read */
    if (berth_value_read(value.type, format, text, strlen(text), 0, arena, &again, &diag) !=
        BERTH_OK) { /* objects of JSON have a bound of their own */
        CHECK(format == BERTH_TEXT_JSON && strstr(diag.text, "members") != NULL);
        return;
    }
    check_same(value, again);
}

static void try_value(const berth_type *type, uint32_t format, const char *text, size_t size,
                      berth_arena *arena)
{
    berth_value value = BERTH_VALUE_INIT, copy = BERTH_VALUE_INIT;
    int left = PARTS_MAX;
    berth_diag diag;
    berth_status status =
        berth_value_read(type, format, text, size, MEMORY_MAX, arena, &value, &diag);

    CHECK(status == BERTH_OK || status == BERTH_E_INVALID || status == BERTH_E_LIMIT);
    if (status != BERTH_OK)
        return;
    CHECK(berth_value_copy(value, MEMORY_MAX, arena, &copy, &diag) == BERTH_OK);
    check_parts(value, &left); /* it sets what it got */
    check_same(value, copy);
    check_round_trip(value, BERTH_TEXT_WAVE, arena);
    check_round_trip(value, BERTH_TEXT_JSON, arena);
}

static void try_type(const berth_type *type, berth_arena *arena)
{
    const char *text = NULL;
    berth_type *again = NULL;
    berth_value first = BERTH_VALUE_INIT;

    if (berth_type_write(type, arena, &text, NULL) == BERTH_OK) {
        CHECK(berth_type_parse(NULL, text, &again, NULL) == BERTH_OK);
        CHECK(berth_type_is_same(type, again));
        berth_type_destroy(again);
    }
    if (berth_type_kind(type) == BERTH_KIND_FUNC || berth_type_size(type) > MEMORY_MAX)
        return;
    CHECK(berth_value_make(type, arena, &first, NULL) == BERTH_OK);
    check_same(first, first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size == 0 ? NULL : memchr(data, '\n', size);
    size_t type_size = end == NULL ? size : (size_t)(end - data);
    char *text = calloc(1, type_size + 1);
    berth_arena *arena = NULL;
    berth_type *type = NULL;
    berth_status status;
    berth_diag diag;

    CHECK(text != NULL && berth_arena_create(NULL, 0, &arena, NULL) == BERTH_OK);
    if (type_size != 0)
        memcpy(text, data, type_size);
    status = berth_type_parse(NULL, text, &type, &diag);
    CHECK(status == BERTH_OK || status == BERTH_E_INVALID || status == BERTH_E_LIMIT);
    if (status == BERTH_OK)
        try_type(type, arena);
    if (status == BERTH_OK && end != NULL && berth_type_kind(type) != BERTH_KIND_FUNC &&
        berth_type_size(type) <= MEMORY_MAX)
        for (uint32_t format = BERTH_TEXT_WAVE; format <= BERTH_TEXT_JSON; format++)
            try_value(type, format, (const char *)end + 1, size - type_size - 1, arena);
    berth_type_destroy(type);
    berth_arena_destroy(arena);
    free(text);
    return 0;
}
