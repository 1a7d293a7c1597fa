/* types.c - interning of types, their sizes and their flat forms.  Layer: component.
 *
 * Sizes follow the canonical ABI, or C; each is computed when a type is made, from those of its parts. */
#include "component/types/types.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/utf8.h"

/* ---------------------------------------------------------------- failing and work */

bool berthi_cm_fail(berthi_cm_types *s, berth_status status, const char *format, ...)
{
    char text[sizeof s->diag->text];
    va_list args;

    if (s->status != BERTH_OK)
        return false;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    s->status = berthi_fail_because(
        s->diag, status, status == BERTH_E_LIMIT ? BERTH_REASON_ARTIFACT : BERTH_REASON_NONE,
        "%s", text);
    return false;
}

bool berthi_cm_charge(berthi_cm_types *s, uint32_t steps)
{
    if (s->status != BERTH_OK)
        return false;
    if (steps > s->work)
        return berthi_cm_fail(s, BERTH_E_LIMIT,
                              "the component takes too much work to validate");
    s->work -= steps;
    return true;
}

void *berthi_cm_make(berthi_cm_types *s, size_t count, size_t size)
{
    void *p = s->status == BERTH_OK ? berthi_arena_array(s->arena, count, size) : NULL;

    if (p == NULL)
        berthi_cm_fail(s, BERTH_E_NOMEM, "out of memory for the component's types");
    return p;
}

berthi_cm_shown berthi_cm_show(berthi_name name)
{
    berthi_cm_shown shown;

    berthi_utf8_show(shown.text, sizeof shown.text, name.text, name.size);
    return shown;
}

/* ---------------------------------------------------------------- layout */

_Static_assert(_Alignof(uint64_t) == 8 && _Alignof(double) == 8,
               "numbers in a C struct lie as the canonical ABI has them");

static uint64_t round_up(uint64_t size, uint64_t align)
{
    return (size + align - 1) / align * align;
}

/* A record of the items: sizes add up, alignment and the rest are the largest. */
static void lay_out_record(berthi_cm_type *t)
{
    uint64_t size = 0, wide = 0;
    uint32_t flat = 0;

    for (uint32_t i = 0; i < t->count; i++) {
        const berthi_cm_type *part = t->items[i].type;

        if (part == NULL)
            continue;
        size = round_up(size, part->align) + part->size;
        wide = round_up(wide, part->align_wide) + part->size_wide;
        t->align = part->align > t->align ? part->align : t->align;
        t->align_wide = part->align_wide > t->align_wide ? part->align_wide : t->align_wide;
        flat += part->flat_count;
    }
    size = round_up(size, t->align);
    t->size =
        size > UINT32_MAX ? UINT32_MAX : (uint32_t)size; /* too large by far: see size_wide */
    t->size_wide = round_up(wide, t->align_wide);
    t->flat_count = flat > 255 ? 255 : flat;
}

/* A discriminant for `cases`, then room for the largest of the items. */
static void lay_out_variant(berthi_cm_type *t, uint32_t cases)
{
    uint8_t tag = cases <= 256 ? 1 : cases <= 65536 ? 2 : 4;
    uint64_t size = 0, wide = 0;
    uint8_t align = 1, align_wide = 1;
    uint32_t flat = 0;

    for (uint32_t i = 0; i < t->count; i++) {
        const berthi_cm_type *part = t->items[i].type;

        if (part == NULL)
            continue;
        size = part->size > size ? part->size : size;
        wide = part->size_wide > wide ? part->size_wide : wide;
        align = part->align > align ? part->align : align;
        align_wide = part->align_wide > align_wide ? part->align_wide : align_wide;
        flat = part->flat_count > flat ? part->flat_count : flat;
    }
    t->align = tag > align ? tag : align;
    t->align_wide = tag > align_wide ? tag : align_wide;
    t->size = (uint32_t)round_up(round_up(tag, align) + size, t->align);
    t->size_wide = round_up(round_up(tag, align_wide) + wide, t->align_wide);
    t->flat_count = flat >= 255 ? 255 : flat + 1;
}

static void lay_out_plain(berthi_cm_type *t, uint8_t size, uint8_t size_wide, uint8_t align,
                          uint32_t flat)
{
    t->size = size;
    t->size_wide = size_wide;
    t->align = align;
    t->align_wide = size_wide > size ? (uint8_t)(2 * align) : align;
    t->flat_count = flat;
}

static void lay_out_fixed_list(berthi_cm_type *t)
{
    const berthi_cm_type *part = t->items[0].type;
    uint64_t flat = (uint64_t)t->length * part->flat_count;
    uint64_t size = (uint64_t)t->length * part->size;

    t->align = part->align;
    t->align_wide = part->align_wide;
    t->size = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
    t->size_wide = (uint64_t)t->length * part->size_wide;
    t->flat_count = flat > 255 ? 255 : (uint32_t)flat;
}

/* What C makes of the struct that plan.h describes.  The items of a record follow each other; those of
 * a variant lie over each other behind the tag, and are as far from it as the strictest needs. */
static void lay_out_host_items(berthi_cm_type *t, uint64_t tag)
{
    uint64_t size = 0, part_size = 0;
    uint8_t align = 1;

    for (uint32_t i = 0; i < t->count; i++) {
        const berthi_cm_type *part = t->items[i].type;

        if (part == NULL)
            continue;
        align = part->host_align > align ? part->host_align : align;
        part_size = part->host_size > part_size ? part->host_size : part_size;
        if (tag == 0)
            size = round_up(size, part->host_align) + part->host_size;
    }
    if (tag != 0)
        size = round_up(tag, align) + part_size;
    align = tag > align ? (uint8_t)tag : align;
    size = round_up(size, align);
    t->host_align = align;
    t->host_size = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size; /* too large anyway */
}

/* Behind lay_out(): what holds neither pointers nor handles looks the same in both layouts. */
static void lay_out_host(berthi_cm_type *t)
{
    uint64_t size;

    t->host_align = t->align;
    t->host_size = t->size;
    switch (t->kind) {
    case BERTHI_CM_STRING:
    case BERTHI_CM_LIST:
    case BERTHI_CM_MAP:
        t->host_align = _Alignof(void *);
        t->host_size = sizeof(void *) + sizeof(size_t);
        break;
    case BERTHI_CM_OWN:
    case BERTHI_CM_BORROW:
        t->host_align = _Alignof(uint64_t);
        t->host_size = sizeof(uint64_t);
        break;
    case BERTHI_CM_RECORD:
    case BERTHI_CM_TUPLE:
        lay_out_host_items(t, 0);
        break;
    case BERTHI_CM_VARIANT:
    case BERTHI_CM_OPTION:
    case BERTHI_CM_RESULT:
        lay_out_host_items(t, t->kind != BERTHI_CM_VARIANT || t->count <= 256 ? 1
                              : t->count <= 65536                             ? 2
                                                                              : 4);
        break;
    case BERTHI_CM_FIXED_LIST:
        size = (uint64_t)t->length * t->items[0].type->host_size;
        t->host_align = t->items[0].type->host_align;
        t->host_size = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
        break;
    default:
        break;
    }
}

static void lay_out(berthi_cm_type *t)
{
    t->align = t->align_wide = 1;
    switch (t->kind) {
    case BERTHI_CM_BOOL:
    case BERTHI_CM_S8:
    case BERTHI_CM_U8:
        lay_out_plain(t, 1, 1, 1, 1);
        break;
    case BERTHI_CM_S16:
    case BERTHI_CM_U16:
        lay_out_plain(t, 2, 2, 2, 1);
        break;
    case BERTHI_CM_S64:
    case BERTHI_CM_U64:
    case BERTHI_CM_F64:
        lay_out_plain(t, 8, 8, 8, 1);
        break;
    case BERTHI_CM_STRING:
    case BERTHI_CM_LIST:
    case BERTHI_CM_MAP:
        lay_out_plain(t, 8, 16, 4, 2);
        break;
    case BERTHI_CM_FLAGS: {
        uint8_t size = t->count <= 8 ? 1 : t->count <= 16 ? 2 : 4;

        lay_out_plain(t, size, size, size, 1);
        break;
    }
    case BERTHI_CM_RECORD:
    case BERTHI_CM_TUPLE:
        lay_out_record(t);
        break;
    case BERTHI_CM_VARIANT:
    case BERTHI_CM_ENUM:
        lay_out_variant(t, t->count);
        break;
    case BERTHI_CM_OPTION:
    case BERTHI_CM_RESULT:
        lay_out_variant(t, 2);
        break;
    case BERTHI_CM_FIXED_LIST:
        lay_out_fixed_list(t);
        break;
    default: /* s32, u32, f32, char and handles */
        lay_out_plain(t, 4, 4, 4, 1);
    }
}

/* ---------------------------------------------------------------- interning */

uint32_t berthi_cm_mix(uint32_t hash, uint64_t value)
{
    uint64_t h = (hash ^ value) * 0x9e3779b97f4a7c15u;

    return (uint32_t)(h ^ h >> 32);
}

static uint32_t mix_bytes(uint32_t hash, const void *bytes, size_t size)
{
    const uint8_t *p = bytes;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ p[i]) * 0x01000193u;
    return berthi_cm_mix(hash, size);
}

uint32_t berthi_cm_hash_name(uint32_t hash, berthi_name name)
{
    return mix_bytes(hash, name.text, name.size);
}

static uint32_t hash_of(const berthi_cm_type *t)
{
    uint32_t hash = berthi_cm_mix(berthi_cm_mix(t->kind, t->length), t->name_id);

    for (uint32_t i = 0; i < t->count; i++) {
        hash = berthi_cm_hash_name(hash, t->items[i].name);
        hash = berthi_cm_mix(hash, (uintptr_t)t->items[i].type);
    }
    if (t->kind == BERTHI_CM_KIND_CORE_FUNC)
        hash = mix_bytes(berthi_cm_mix(hash, t->func.params_count), t->func.types,
                         t->func.params_count + t->func.results_count);
    return hash;
}

static bool same_type(const berthi_cm_type *a, const berthi_cm_type *b)
{
    if (a->hash != b->hash || a->kind != b->kind || a->length != b->length ||
        a->name_id != b->name_id || a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (a->items[i].type != b->items[i].type ||
            !berthi_cm_same_name(a->items[i].name, b->items[i].name))
            return false;
    return a->kind != BERTHI_CM_KIND_CORE_FUNC ||
           (a->func.params_count == b->func.params_count &&
            a->func.results_count == b->func.results_count &&
            (a->func.params_count + a->func.results_count == 0 ||
             memcmp(a->func.types, b->func.types,
                    a->func.params_count + a->func.results_count) == 0));
}

static bool grow_table(berthi_cm_types *s)
{
    uint32_t room = s->room == 0 ? 256 : 2 * s->room;
    const berthi_cm_type **table = berthi_cm_make(s, room, sizeof *table);

    if (table == NULL)
        return false;
    for (uint32_t i = 0; i < s->room; i++) {
        uint32_t at;

        if (s->table[i] == NULL)
            continue;
        at = s->table[i]->hash & (room - 1);
        while (table[at] != NULL)
            at = (at + 1) & (room - 1);
        table[at] = s->table[i];
    }
    s->table = table;
    s->room = room;
    return true;
}

/* Sums what the items say about themselves; false: too large. */
static bool sum_up(berthi_cm_types *s, berthi_cm_type *t)
{
    uint64_t nodes = 1;

    for (uint32_t i = 0; i < t->count; i++) {
        const berthi_cm_type *part = t->items[i].type;

        nodes++; /* a name is something, too */
        if (part == NULL)
            continue;
        nodes += part->nodes;
        if (part->depth >= t->depth)
            t->depth = (uint8_t)(part->depth + 1);
        t->has_resource |= part->has_resource;
        t->has_name |= part->has_name;
        t->has_borrow |= part->has_borrow;
        t->has_pointer |= part->has_pointer;
        t->has_error_context |= part->has_error_context;
    }
    t->nodes =
        nodes > BERTHI_CM_TYPE_NODES_MAX ? BERTHI_CM_TYPE_NODES_MAX + 1 : (uint32_t)nodes;
    t->has_name |= t->name_id != 0;
    t->has_borrow |= t->kind == BERTHI_CM_BORROW;
    t->has_error_context |= t->kind == BERTHI_CM_ERROR_CONTEXT;
    t->has_pointer |=
        t->kind == BERTHI_CM_STRING || t->kind == BERTHI_CM_LIST || t->kind == BERTHI_CM_MAP;
    if (t->depth > BERTHI_CM_TYPE_DEPTH_MAX)
        return berthi_cm_fail(s, BERTH_E_LIMIT, "type nesting is too deep");
    if (t->nodes > BERTHI_CM_TYPE_NODES_MAX ||
        (berthi_cm_is_func(t) && t->nodes > BERTHI_CM_FUNC_NODES_MAX))
        return berthi_cm_fail(s, BERTH_E_LIMIT, "the effective size of a type is too large");
    return berthi_cm_charge(s, 1 + t->count);
}

/* The nameless type of the same structure over nameless parts; NULL: failed. */
static const berthi_cm_type *canon_of(berthi_cm_types *s, const berthi_cm_type *t)
{
    bool is_canon = t->name_id == 0;
    berthi_cm_extern *items;
    berthi_cm_type draft;

    for (uint32_t i = 0; i < t->count && is_canon; i++)
        is_canon = t->items[i].type == NULL || t->items[i].type->canon == t->items[i].type;
    if (is_canon)
        return t;
    if (berthi_cm_is_resource(t))
        return t->items[0].type->canon;
    items = berthi_cm_make(s, t->count, sizeof *items);
    if (items == NULL)
        return NULL;
    for (uint32_t i = 0; i < t->count; i++) {
        items[i] = t->items[i];
        if (items[i].type != NULL)
            items[i].type = items[i].type->canon;
    }
    draft = *t;
    draft.items = items;
    draft.name_id = 0;
    draft.canon = NULL;
    return berthi_cm_intern(s, &draft);
}

static berthi_cm_type *add_type(berthi_cm_types *s, const berthi_cm_type *draft)
{
    berthi_cm_type *t = berthi_cm_make(s, 1, sizeof *t);
    berthi_cm_extern *items = berthi_cm_make(s, draft->count, sizeof *items);

    if (t == NULL || items == NULL)
        return NULL;
    if (draft->count != 0)
        memcpy(items, draft->items, draft->count * sizeof *items);
    *t = (berthi_cm_type){ .kind = draft->kind,
                           .length = draft->length,
                           .name_id = draft->name_id,
                           .hash = draft->hash,
                           .count = draft->count,
                           .items = items,
                           .func = draft->func };
    if (!sum_up(s, t))
        return NULL;
    if (berthi_cm_is_value_type(t)) {
        lay_out(t);
        lay_out_host(t);
    }
    if (berthi_cm_is_value_type(t) && t->size_wide > BERTHI_CM_VALUE_BYTES_MAX) {
        BERTHI_CM_INVALID(s, "a value of this type exceeds maximum byte size 2^28 - 1");
        return NULL;
    }
    t->canon = canon_of(s, t);
    return t->canon == NULL ? NULL : t;
}

static bool charge_names(berthi_cm_types *s, const berthi_cm_type *t)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < t->count; i++)
        bytes += t->items[i].name.size;
    return berthi_cm_charge(
        s,
        1 + t->count + (uint32_t)(bytes / 16 < UINT32_MAX / 2 ? bytes / 16 : UINT32_MAX / 2));
}

const berthi_cm_type *berthi_cm_intern(berthi_cm_types *s, const berthi_cm_type *draft)
{
    berthi_cm_type key = *draft;
    const berthi_cm_type *t;
    uint32_t at;

    if (!charge_names(s, draft) || (2 * s->count >= s->room && !grow_table(s)))
        return NULL;
    key.hash = hash_of(&key);
    for (at = key.hash & (s->room - 1); s->table[at] != NULL; at = (at + 1) & (s->room - 1))
        if (!berthi_cm_charge(s, 1) || same_type(s->table[at], &key))
            return s->status == BERTH_OK ? s->table[at] : NULL;
    t = add_type(s, &key);
    if (t == NULL || (2 * s->count >= s->room && !grow_table(s)))
        return NULL;
    for (at = key.hash & (s->room - 1); s->table[at] != NULL;) /* its canon may have come in */
        at = (at + 1) & (s->room - 1);
    s->table[at] = t;
    s->count++;
    return t;
}

const berthi_cm_type *berthi_cm_primitive(berthi_cm_types *s, uint8_t code)
{
    return berthi_cm_intern(s, &(berthi_cm_type){ .kind = code });
}

const berthi_cm_type *berthi_cm_core_func(berthi_cm_types *s, const berthi_functype *type)
{
    return berthi_cm_intern(
        s, &(berthi_cm_type){ .kind = BERTHI_CM_KIND_CORE_FUNC, .func = *type });
}

const berthi_cm_type *berthi_cm_core_signature(berthi_cm_types *s, const char *signature)
{
    uint32_t count = (uint32_t)strlen(signature) - 1;
    uint8_t *types = berthi_cm_make(s, count, 1);
    berthi_functype type = { .types = types };

    if (types == NULL)
        return NULL;
    for (const char *letter = signature; *letter != '\0'; letter++) {
        if (*letter == ':') {
            type.params_count = (uint32_t)(letter - signature);
            continue;
        }
        *types++ = *letter == 'i'   ? BERTHI_I32
                   : *letter == 'I' ? BERTHI_I64
                   : *letter == 'f' ? BERTHI_F32
                                    : BERTHI_F64;
    }
    type.results_count = count - type.params_count;
    return berthi_cm_core_func(s, &type);
}

const berthi_cm_type *berthi_cm_resource(berthi_cm_types *s,
                                         const struct berthi_cm_scope *owner)
{
    berthi_cm_type *t = berthi_cm_make(s, 1, sizeof *t);

    if (t == NULL)
        return NULL;
    *t = (berthi_cm_type){ .kind = BERTHI_CM_RESOURCE_TYPE,
                           .nodes = 1,
                           .has_resource = true,
                           .number = UINT32_MAX,
                           .owner = owner,
                           .canon = t };
    return t;
}

const berthi_cm_type *berthi_cm_named(berthi_cm_types *s, const berthi_cm_type *type)
{
    berthi_cm_extern inner = { .type = type->canon };
    berthi_cm_type draft = *type;

    draft.name_id = ++s->name_ids;
    if (berthi_cm_is_resource(type)) {
        draft.count = 1;
        draft.items = &inner;
        return berthi_cm_intern(s, &draft);
    }
    return berthi_cm_is_value_type(type) ? berthi_cm_intern(s, &draft) : type;
}

berthi_cm_type *berthi_cm_assemble(berthi_cm_types *s, uint16_t kind, uint32_t imports_count,
                                   uint32_t count, const berthi_cm_extern *items)
{
    static const berthi_cm_extern none; /* so that nobody counts from NULL */
    berthi_cm_type *t = berthi_cm_make(s, 1, sizeof *t);

    if (t == NULL)
        return NULL;
    t->kind = kind;
    t->imports_count = imports_count;
    t->count = count;
    t->items = items == NULL ? &none : items;
    t->canon = t;
    if (!sum_up(s, t))
        return NULL;
    t->has_borrow = false;
    return t;
}

/* ---------------------------------------------------------------- looking up */

static bool make_index(berthi_cm_types *s, berthi_cm_type *t)
{
    uint32_t room = 16;

    while (room < 2 * t->count)
        room *= 2;
    t->index = berthi_cm_make(s, (size_t)room + 1, sizeof *t->index);
    if (t->index == NULL)
        return false;
    t->index[0] = room;
    for (uint32_t i = t->imports_count; i < t->count; i++) {
        uint32_t at = berthi_cm_hash_name(0, t->items[i].name) & (room - 1);

        if (!berthi_cm_charge_name(s, t->items[i].name))
            return false;
        for (; t->index[1 + at] != 0; at = (at + 1) & (room - 1))
            if (!berthi_cm_charge(s, 1))
                return false;
        t->index[1 + at] = i + 1;
    }
    return true;
}

const berthi_cm_extern *berthi_cm_find(berthi_cm_types *s, const berthi_cm_type *type,
                                       berthi_name name)
{
    berthi_cm_type *t =
        (berthi_cm_type *)(uintptr_t)type; /* the index is its memory, not its self */
    uint32_t room, at;

    if (t->count == t->imports_count || (t->index == NULL && !make_index(s, t)) ||
        !berthi_cm_charge_name(s, name))
        return NULL;
    room = t->index[0];
    at = berthi_cm_hash_name(0, name) & (room - 1);
    for (; t->index[1 + at] != 0; at = (at + 1) & (room - 1)) {
        const berthi_cm_extern *item = &t->items[t->index[1 + at] - 1];

        if (!berthi_cm_charge_name(s, name))
            return NULL;
        if (berthi_cm_same_name(item->name, name))
            return item;
    }
    return NULL;
}

/* ---------------------------------------------------------------- flat forms */

static uint8_t join(uint8_t a, uint8_t b)
{
    if (a == b)
        return a;
    if ((a == BERTHI_I32 && b == BERTHI_F32) || (a == BERTHI_F32 && b == BERTHI_I32))
        return BERTHI_I32;
    return BERTHI_I64;
}

/* `pointer` is the type of addresses. */
static void flatten_value(const berthi_cm_type *t, uint8_t pointer, uint8_t *out);

static void flatten_variant(const berthi_cm_type *t, uint8_t pointer, uint8_t *out)
{
    uint32_t made = 0;

    out[0] = BERTHI_I32;
    for (uint32_t i = 0; i < t->count; i++) {
        uint8_t payload[BERTHI_CM_FLAT_PARAMS_MAX];
        const berthi_cm_type *part = t->items[i].type;

        if (part == NULL)
            continue;
        flatten_value(part, pointer, payload);
        for (uint32_t k = 0; k < part->flat_count; k++)
            out[1 + k] = k < made ? join(out[1 + k], payload[k]) : payload[k];
        if (part->flat_count > made)
            made = part->flat_count;
    }
}

/* flat_count of `t` is at most 16; its depth and nodes are bounded. */
static void flatten_value(const berthi_cm_type *t, uint8_t pointer, uint8_t *out)
{
    assert(t->flat_count <= BERTHI_CM_FLAT_PARAMS_MAX);
    switch (t->kind) {
    case BERTHI_CM_S64:
    case BERTHI_CM_U64:
        out[0] = BERTHI_I64;
        break;
    case BERTHI_CM_F32:
        out[0] = BERTHI_F32;
        break;
    case BERTHI_CM_F64:
        out[0] = BERTHI_F64;
        break;
    case BERTHI_CM_RECORD:
    case BERTHI_CM_TUPLE:
        for (uint32_t i = 0; i < t->count; i++) {
            flatten_value(t->items[i].type, pointer, out);
            out += t->items[i].type->flat_count;
        }
        break;
    case BERTHI_CM_FIXED_LIST:
        for (uint32_t i = 0; i < t->length; i++, out += t->items[0].type->flat_count)
            flatten_value(t->items[0].type, pointer, out);
        break;
    case BERTHI_CM_VARIANT:
    case BERTHI_CM_ENUM:
    case BERTHI_CM_OPTION:
    case BERTHI_CM_RESULT:
        flatten_variant(t, pointer, out);
        break;
    case BERTHI_CM_STRING:
    case BERTHI_CM_LIST:
    case BERTHI_CM_MAP:
        out[0] = out[1] = pointer;
        break;
    default: /* small numbers and handles */
        assert(t->flat_count == 1);
        out[0] = BERTHI_I32;
    }
}

static void flatten_params(const berthi_cm_type *func, uint8_t pointer, berthi_cm_flat *flat,
                           bool *has_pointer, uint8_t *types, uint32_t *count)
{
    uint32_t total = 0;

    for (uint32_t i = 0; i + 1 < func->count; i++) {
        total += func->items[i].type->flat_count;
        *has_pointer |= func->items[i].type->has_pointer;
    }
    if (total > BERTHI_CM_FLAT_PARAMS_MAX) {
        types[0] = pointer;
        *count = 1;
        flat->needs_memory = true; /* for a lower; for a lift realloc asks for it */
        return;
    }
    for (uint32_t i = 0; i + 1 < func->count; i++) {
        flatten_value(func->items[i].type, pointer, types + *count);
        *count += func->items[i].type->flat_count;
    }
}

bool berthi_cm_flatten(berthi_cm_types *s, const berthi_cm_type *func, bool is_lift, bool is_64,
                       berthi_cm_flat *flat_out)
{
    const berthi_cm_type *result = berthi_cm_func_result(func);
    bool params_point = false, result_points = result != NULL && result->has_pointer;
    bool result_spills = result != NULL && result->flat_count > BERTHI_CM_FLAT_RESULTS_MAX;
    uint8_t types[BERTHI_CM_FLAT_PARAMS_MAX + 2], pointer = is_64 ? BERTHI_I64 : BERTHI_I32;
    berthi_functype type = { .types = types };
    berthi_cm_flat flat = { 0 };
    uint32_t params = 0, results = 0;
    bool params_spill;

    if (!berthi_cm_charge(s, func->nodes))
        return false;
    flatten_params(func, pointer, &flat, &params_point, types, &params);
    params_spill = flat.needs_memory;
    if (result_spills && !is_lift)
        types[params++] = pointer;
    if (result_spills && is_lift)
        types[params + results++] = pointer;
    if (result != NULL && !result_spills) {
        flatten_value(result, pointer, types + params);
        results = 1;
    }
    type.params_count = params;
    type.results_count = results;
    flat.needs_memory = params_point || result_points || params_spill || result_spills;
    flat.needs_realloc = is_lift ? params_point || params_spill : result_points;
    if (s->status == BERTH_OK) { /* interned types keep their own copy */
        uint8_t *kept = berthi_cm_make(s, params + results, 1);

        if (kept == NULL)
            return false;
        memcpy(kept, types, params + results);
        type.types = kept;
    }
    flat.type = berthi_cm_core_func(s, &type);
    *flat_out = flat;
    return flat.type != NULL;
}
