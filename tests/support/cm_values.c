#include "cm_values.h"

#include <math.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "cm_types.h"

typedef struct host_list {
    const void *items;
    size_t count;
} host_list;

static size_t round_up(size_t at, size_t align)
{
    return (at + align - 1) / align * align;
}

/* Where item `i` of a struct of these is; i == count: its size. */
static size_t offset_of(const berthi_cm_extern *items, uint32_t count, uint32_t i)
{
    size_t at = 0, align = 1;

    for (uint32_t k = 0; k < count; k++) {
        const berthi_cm_type *type = items[k].type;

        at = round_up(at, type->host_align);
        if (k == i)
            return at;
        at += type->host_size;
        align = type->host_align > align ? type->host_align : align;
    }
    return round_up(at, align);
}

static uint32_t tag_size(uint32_t cases)
{
    return cases <= 256 ? 1 : 2;
}

static uint32_t cases_of(const berthi_cm_type *type)
{
    return type->kind == BERTHI_CM_OPTION || type->kind == BERTHI_CM_RESULT ? 2 : type->count;
}

static const berthi_cm_type *payload_of(const berthi_cm_type *type, uint32_t tag)
{
    if (type->kind == BERTHI_CM_OPTION)
        return tag == 0 ? NULL : type->items[0].type;
    return type->items[tag].type;
}

static uint32_t random_character(uint64_t *seed)
{
    static const uint32_t some[] = { '"',     '\'',     '\\',   '\n',   '\t', '\r',
                                     0,       'x',      0x7f,   0x202e, 0xe9, 0x2603,
                                     0x1f600, 0x10ffff, 0xd7ff, 0xe000 };
    uint64_t dice = bertht_random(seed);

    return dice % 3 == 0 ? some[dice / 3 % (sizeof some / sizeof *some)]
                         : 0x20 + (uint32_t)(dice / 3 % 0x5f);
}

static void random_string(uint64_t *seed, berth_arena *arena, void *to)
{
    size_t characters = bertht_random(seed) % 12, used = 0;
    char *text = berth_arena_alloc(arena, 4 * characters + 4);
    host_list list = { text, 0 };

    if (text == NULL)
        abort();
    for (size_t i = 0; i < characters; i++)
        used += berthi_utf8_put(text + used, random_character(seed));
    list.count = used;
    memcpy(to, &list, sizeof list);
}

static void random_number(const berthi_cm_type *type, uint64_t *seed, void *to)
{
    uint64_t bits = bertht_random(seed);

    if (bits % 4 == 0)
        bits = bertht_random(seed) % 2000;
    else if (bits % 4 == 1)
        bits = (uint64_t)0 - bertht_random(seed) % 3; /* the largest, and the smallest signed */
    else if (bits % 4 == 2)
        bits = (uint64_t)1 << bertht_random(seed) % 64;
    memcpy(to, &bits, type->host_size);
}

static void random_items(const berthi_cm_extern *items, uint32_t count, uint64_t *seed,
                         berth_arena *arena, unsigned char *to)
{
    for (uint32_t i = 0; i < count; i++)
        bertht_cm_random_value(items[i].type, seed, arena, to + offset_of(items, count, i));
}

static void random_list(const berthi_cm_type *type, uint64_t *seed, berth_arena *arena,
                        void *to)
{
    size_t size = offset_of(type->items, type->count, type->count);
    size_t count = bertht_random(seed) % 6;
    unsigned char *items = berth_arena_alloc(arena, size * count + 1);
    host_list list = { items, count };

    if (items == NULL)
        abort();
    memset(items, 0, size * count);
    for (size_t i = 0; i < count; i++)
        random_items(type->items, type->count, seed, arena, items + i * size);
    memcpy(to, &list, sizeof list);
}

static void random_case(const berthi_cm_type *type, uint64_t *seed, berth_arena *arena,
                        unsigned char *to)
{
    uint32_t tag = (uint32_t)(bertht_random(seed) % cases_of(type));
    const berthi_cm_type *payload = payload_of(type, tag);

    memcpy(to, &tag, tag_size(cases_of(type)));
    if (payload != NULL)
        bertht_cm_random_value(payload, seed, arena, to + type->host_align);
}

void bertht_cm_random_value(const berthi_cm_type *type, uint64_t *seed, berth_arena *arena,
                            void *to)
{
    uint64_t dice = bertht_random(seed);
    uint32_t c;

    memset(to, 0, type->host_size);
    switch (type->kind) {
    case BERTHI_CM_BOOL:
        *(unsigned char *)to = dice & 1;
        break;
    case BERTHI_CM_CHAR:
        c = random_character(seed);
        memcpy(to, &c, sizeof c);
        break;
    case BERTHI_CM_STRING:
        random_string(seed, arena, to);
        break;
    case BERTHI_CM_LIST:
    case BERTHI_CM_MAP:
        random_list(type, seed, arena, to);
        break;
    case BERTHI_CM_FIXED_LIST:
        for (uint32_t i = 0; i < type->length; i++)
            bertht_cm_random_value(type->items[0].type, seed, arena,
                                   (unsigned char *)to + i * type->items[0].type->host_size);
        break;
    case BERTHI_CM_RECORD:
    case BERTHI_CM_TUPLE:
        random_items(type->items, type->count, seed, arena, to);
        break;
    case BERTHI_CM_FLAGS:
        c = (uint32_t)(dice & (((uint64_t)1 << type->count) - 1));
        memcpy(to, &c, type->host_size);
        break;
    case BERTHI_CM_VARIANT:
    case BERTHI_CM_ENUM:
    case BERTHI_CM_OPTION:
    case BERTHI_CM_RESULT:
        random_case(type, seed, arena, to);
        break;
    default:
        random_number(type, seed, to);
    }
}

/* ---------------------------------------------------------------- comparing */

static bool same_items(const berthi_cm_extern *items, uint32_t count, const unsigned char *a,
                       const unsigned char *b)
{
    for (uint32_t i = 0; i < count; i++)
        if (!bertht_cm_same_value(items[i].type, a + offset_of(items, count, i),
                                  b + offset_of(items, count, i)))
            return false;
    return true;
}

static bool same_list(const berthi_cm_type *type, const void *a, const void *b)
{
    size_t size =
        type->kind == BERTHI_CM_STRING ? 1 : offset_of(type->items, type->count, type->count);
    host_list x, y;

    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    if (x.count != y.count)
        return false;
    if (type->kind == BERTHI_CM_STRING)
        return x.count == 0 || memcmp(x.items, y.items, x.count) == 0;
    for (size_t i = 0; i < x.count; i++)
        if (!same_items(type->items, type->count, (const unsigned char *)x.items + i * size,
                        (const unsigned char *)y.items + i * size))
            return false;
    return true;
}

static bool same_case(const berthi_cm_type *type, const unsigned char *a,
                      const unsigned char *b)
{
    uint32_t tag = 0;
    const berthi_cm_type *payload;

    memcpy(&tag, a, tag_size(cases_of(type)));
    payload = payload_of(type, tag);
    return memcmp(a, b, tag_size(cases_of(type))) == 0 &&
           (payload == NULL ||
            bertht_cm_same_value(payload, a + type->host_align, b + type->host_align));
}

bool bertht_cm_same_value(const berthi_cm_type *type, const void *a, const void *b)
{
    double x, y;
    float f, g;

    switch (type->kind) {
    case BERTHI_CM_F64:
        memcpy(&x, a, sizeof x);
        memcpy(&y, b, sizeof y);
        return memcmp(a, b, sizeof x) == 0 || (isnan(x) && isnan(y));
    case BERTHI_CM_F32:
        memcpy(&f, a, sizeof f);
        memcpy(&g, b, sizeof g);
        return memcmp(a, b, sizeof f) == 0 || (isnan(f) && isnan(g));
    case BERTHI_CM_STRING:
    case BERTHI_CM_LIST:
    case BERTHI_CM_MAP:
        return same_list(type, a, b);
    case BERTHI_CM_FIXED_LIST:
        for (uint32_t i = 0; i < type->length; i++)
            if (!bertht_cm_same_value(
                    type->items[0].type,
                    (const unsigned char *)a + i * type->items[0].type->host_size,
                    (const unsigned char *)b + i * type->items[0].type->host_size))
                return false;
        return true;
    case BERTHI_CM_RECORD:
    case BERTHI_CM_TUPLE:
        return same_items(type->items, type->count, a, b);
    case BERTHI_CM_VARIANT:
    case BERTHI_CM_ENUM:
    case BERTHI_CM_OPTION:
    case BERTHI_CM_RESULT:
        return same_case(type, a, b);
    default:
        return memcmp(a, b, type->host_size) == 0;
    }
}
