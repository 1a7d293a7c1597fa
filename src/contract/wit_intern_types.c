/* wit_intern_types.c - types in the model; those without a name are made once.  Layer: contract. */
#include "contract/wit_tree.h"

static uint32_t mix(uint32_t hash, uint32_t value)
{
    return (hash ^ value) * 0x9e3779b1u ^ hash >> 13;
}

static uint32_t hash_of(const berthi_wit_type *type)
{
    uint32_t hash = mix(mix(mix(type->kind, type->element), type->second), type->length);

    for (uint32_t i = 0; i < type->items_count; i++)
        hash = mix(hash, type->items[i].type);
    return hash ^ hash >> 16;
}

static bool is_same(const berthi_wit_type *a, const berthi_wit_type *b)
{
    if (a->kind != b->kind || a->element != b->element || a->second != b->second ||
        a->length != b->length || a->items_count != b->items_count)
        return false;
    for (uint32_t i = 0; i < a->items_count; i++)
        if (a->items[i].type != b->items[i].type)
            return false;
    return true;
}

static bool grow(wit_reader *r, wit_at at)
{
    uint32_t room = r->types_room == 0 ? 64 : 2 * r->types_room;
    berthi_wit_type *types;

    if (r->model->types_count == BERTHI_WIT_TYPES_MAX)
        return berthi_wit_fail_limit(r, at, "types", BERTHI_WIT_TYPES_MAX);
    if (r->model->types_count < r->types_room)
        return true;
    types = berthi_wit_scratch(r, room, sizeof *types);
    if (types == NULL)
        return false;
    if (r->model->types_count != 0)
        memcpy(types, r->model->types, r->model->types_count * sizeof *types);
    r->model->types = types;
    r->types_room = room;
    return true;
}

static void take_over(const berthi_wit *model, berthi_wit_type *type, uint32_t part,
                      unsigned *depth)
{
    if (part == BERTHI_WIT_NONE)
        return;
    type->has_borrow |= model->types[part].has_borrow;
    type->has_resource |= model->types[part].has_resource;
    if (model->types[part].depth > *depth)
        *depth = model->types[part].depth;
}

/* Depth, canon and what is in it come from its parts. */
static bool derive(wit_reader *r, berthi_wit_type *type, wit_at at)
{
    bool is_handle = type->kind == BERTHI_WIT_OWN || type->kind == BERTHI_WIT_BORROW;
    bool has_element = type->kind == BERTHI_WIT_ALIAS || type->kind >= BERTHI_WIT_LIST;
    unsigned depth = 0;

    if (has_element && !is_handle) {
        take_over(r->model, type, type->element, &depth);
        take_over(r->model, type, type->second, &depth);
    }
    for (uint32_t i = 0; i < type->items_count; i++)
        take_over(r->model, type, type->items[i].type, &depth);
    depth += type->kind >= BERTHI_WIT_RECORD && type->kind != BERTHI_WIT_ALIAS;
    if (depth > BERTHI_WIT_NESTING_MAX)
        return berthi_wit_fail_limit(r, at, "types within each other", BERTHI_WIT_NESTING_MAX);
    type->depth = (uint8_t)depth;
    type->has_borrow |= type->kind == BERTHI_WIT_BORROW;
    type->has_resource |= is_handle || type->kind == BERTHI_WIT_RESOURCE;
    if ((type->kind == BERTHI_WIT_STREAM || type->kind == BERTHI_WIT_FUTURE) &&
        type->has_borrow)
        return berthi_wit_fail(r, at, "a stream or future of what holds a `borrow`");
    type->canon = type->kind == BERTHI_WIT_ALIAS ? r->model->types[type->element].canon
                                                 : r->model->types_count;
    return true;
}

uint32_t berthi_wit_add_type(wit_reader *r, const berthi_wit_type *draft, wit_at at)
{
    berthi_wit_type type = *draft;

    if (berthi_wit_is_bad(r) || !grow(r, at) || !derive(r, &type, at))
        return BERTHI_WIT_NONE;
    r->model->types[r->model->types_count] = type;
    return r->model->types_count++;
}

static bool grow_slots(wit_reader *r)
{
    uint32_t room = r->type_slots_room == 0 ? 128 : 2 * r->type_slots_room, *slots;

    if (2 * (r->type_slots_count + 1) <= r->type_slots_room)
        return true;
    slots = berthi_wit_scratch(r, room, sizeof *slots);
    if (slots == NULL)
        return false;
    for (uint32_t i = 0; i < r->type_slots_room; i++) {
        uint32_t at;

        if (r->type_slots[i] == 0)
            continue;
        at = hash_of(&r->model->types[r->type_slots[i] - 1]) & (room - 1);
        while (slots[at] != 0)
            at = (at + 1) & (room - 1);
        slots[at] = r->type_slots[i];
    }
    r->type_slots = slots;
    r->type_slots_room = room;
    return true;
}

uint32_t berthi_wit_intern_type(wit_reader *r, const berthi_wit_type *draft, wit_at at)
{
    uint32_t slot, index;

    if (berthi_wit_is_bad(r) || !grow_slots(r))
        return BERTHI_WIT_NONE;
    for (slot = hash_of(draft) & (r->type_slots_room - 1); r->type_slots[slot] != 0;
         slot = (slot + 1) & (r->type_slots_room - 1))
        if (is_same(&r->model->types[r->type_slots[slot] - 1], draft))
            return r->type_slots[slot] - 1;
    index = berthi_wit_add_type(r, draft, at);
    if (index != BERTHI_WIT_NONE) {
        r->type_slots[slot] = index + 1;
        r->type_slots_count++;
    }
    return index;
}

bool berthi_wit_add_primitives(wit_reader *r)
{
    for (unsigned kind = 0; kind < BERTHI_WIT_PRIMITIVES; kind++) {
        berthi_wit_type draft = { .kind = (uint8_t)kind,
                                  .element = BERTHI_WIT_NONE,
                                  .second = BERTHI_WIT_NONE,
                                  .owner = BERTHI_WIT_NONE };

        if (berthi_wit_add_type(r, &draft, (wit_at){ 0, 0, 0 }) != kind)
            return false;
    }
    return true;
}
