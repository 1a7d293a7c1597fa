/* elaborate_rows.c - what elaboration numbers: modules, slots, resources, needs.  Layer: component. */
#include "component/elaborate/elaborate.h"

void *berthi_cm_row(berthi_cm_elaborator *e, berthi_cm_rows *rows, size_t size, uint32_t max,
                    const char *what)
{
    if (rows->count == max) {
        berthi_cm_fail(e->types, BERTH_E_LIMIT, "instantiating takes more than %u %s",
                       (unsigned)max, what);
        return NULL;
    }
    if (rows->count == rows->room) {
        void *items = berthi_cm_grown(e->types, rows->items, rows->count, &rows->room, size);

        if (items == NULL)
            return NULL;
        rows->items = items;
    }
    return (char *)rows->items + size * rows->count++;
}

bool berthi_cm_count_elaborated(berthi_cm_elaborator *e, uint32_t count)
{
    if (count > BERTHI_CM_ELABORATED_MAX - e->elaborated)
        return berthi_cm_fail(e->types, BERTH_E_LIMIT,
                              "instantiating takes more than %d definitions",
                              BERTHI_CM_ELABORATED_MAX);
    e->elaborated += count;
    return berthi_cm_charge(e->types, count);
}

/* ---------------------------------------------------------------- maps */

typedef uint32_t (*hash_of_row)(const void *row);

/* At most half of the places are taken. */
static bool make_room(berthi_cm_elaborator *e, berthi_cm_map *map, const berthi_cm_rows *rows,
                      size_t size, hash_of_row hash)
{
    uint32_t room = map->room == 0 ? 64 : 2 * map->room;
    uint32_t *places;

    if (2 * (rows->count + 1) <= map->room)
        return true;
    places = berthi_cm_make(e->types, room, sizeof *places);
    if (places == NULL)
        return false;
    for (uint32_t i = 0; i < map->room; i++) {
        uint32_t at;

        if (map->places[i] == 0)
            continue;
        at = hash((const char *)rows->items + size * (map->places[i] - 1)) & (room - 1);
        while (places[at] != 0)
            at = (at + 1) & (room - 1);
        places[at] = map->places[i];
    }
    *map = (berthi_cm_map){ .places = places, .room = room };
    return true;
}

/* ---------------------------------------------------------------- modules */

static uint32_t hash_module(const void *row)
{
    return berthi_cm_mix(0, (uintptr_t)((const berthi_cm_module *)row)->info);
}

static bool add_module(berthi_cm_elaborator *e, berthi_cm_module module,
                       const berthi_cm_type *type, uint32_t *module_out)
{
    const berthi_cm_type **type_row =
        berthi_cm_row(e, &e->module_types, sizeof *type_row, UINT32_MAX, "core modules");
    berthi_cm_module *row = type_row == NULL ? NULL
                                             : berthi_cm_row(e, &e->modules, sizeof *row,
                                                             UINT32_MAX, "core modules");

    if (row == NULL)
        return false;
    *type_row = type;
    *row = module;
    *module_out = e->modules.count - 1;
    return true;
}

/* One module however often its definition is met, so that it is compiled once. */
bool berthi_cm_module_number(berthi_cm_elaborator *e, const berthi_wasm_info *info,
                             uint32_t *module_out, const berthi_cm_type **type_out)
{
    berthi_cm_module key = { .info = info, .need = BERTHI_CM_NO_INDEX };
    const berthi_cm_module *modules;
    uint32_t at;

    if (!make_room(e, &e->by_info, &e->modules, sizeof key, hash_module))
        return false;
    modules = e->modules.items;
    at = hash_module(&key) & (e->by_info.room - 1);
    for (; e->by_info.places[at] != 0; at = (at + 1) & (e->by_info.room - 1))
        if (modules[e->by_info.places[at] - 1].info == info) {
            *module_out = e->by_info.places[at] - 1;
            *type_out = ((const berthi_cm_type **)e->module_types.items)[*module_out];
            return true;
        }
    *type_out = berthi_cm_module_of(e->types, info);
    if (*type_out == NULL || !add_module(e, key, *type_out, module_out))
        return false;
    e->by_info.places[at] = *module_out + 1;
    return true;
}

bool berthi_cm_host_module(berthi_cm_elaborator *e, uint32_t need, const berthi_cm_type *type,
                           uint32_t *module_out)
{
    /* rows of the host are in no place of the map, but count for its room */
    return add_module(e, (berthi_cm_module){ .need = need }, type, module_out);
}

/* ---------------------------------------------------------------- slots */

typedef struct slot_row {
    berthi_cm_core_item item;
    uint32_t slot;
} slot_row;

static uint32_t hash_slot(const void *row)
{
    const berthi_cm_core_item *item = &((const slot_row *)row)->item;
    uint32_t hash = berthi_cm_mix(item->from, (uint64_t)item->sort << 32 | item->index);

    return berthi_cm_hash_name(hash, item->name);
}

static bool same_item(const berthi_cm_core_item *a, const berthi_cm_core_item *b)
{
    return a->from == b->from && a->sort == b->sort && a->index == b->index &&
           berthi_cm_same_name(a->name, b->name);
}

static bool add_slot(berthi_cm_elaborator *e, const berthi_cm_core_item *item, uint32_t slot)
{
    berthi_cm_step *step =
        berthi_cm_row(e, &e->steps, sizeof *step, BERTHI_CM_STEPS_MAX, "steps");
    slot_row *row =
        step == NULL ? NULL : berthi_cm_row(e, &e->slots, sizeof *row, UINT32_MAX, "slots");

    if (row == NULL)
        return false;
    *row = (slot_row){ .item = *item, .slot = slot };
    *step =
        (berthi_cm_step){ .kind = item->sort == BERTHI_CM_CORE_MEMORY ? BERTHI_CM_STEP_MEMORY
                                                                      : BERTHI_CM_STEP_FUNC,
                          .slot = slot,
                          .item = *item };
    return true;
}

bool berthi_cm_slot_of(berthi_cm_elaborator *e, const berthi_cm_core_item *item,
                       uint32_t *slot_out)
{
    uint32_t *counter = item->sort == BERTHI_CM_CORE_MEMORY ? &e->memory_slots : &e->func_slots;
    slot_row key = { .item = *item };
    const slot_row *rows;
    uint32_t at;

    assert(item->sort == BERTHI_CM_CORE_MEMORY || item->sort == BERTHI_CM_CORE_FUNC);
    if (!make_room(e, &e->by_place, &e->slots, sizeof key, hash_slot))
        return false;
    rows = e->slots.items;
    at = hash_slot(&key) & (e->by_place.room - 1);
    for (; e->by_place.places[at] != 0; at = (at + 1) & (e->by_place.room - 1)) {
        if (!berthi_cm_charge_name(e->types, item->name))
            return false;
        if (same_item(&rows[e->by_place.places[at] - 1].item, item)) {
            *slot_out = rows[e->by_place.places[at] - 1].slot;
            return true;
        }
    }
    if (!add_slot(e, item, *counter))
        return false;
    e->by_place.places[at] = e->slots.count;
    *slot_out = (*counter)++;
    return true;
}

/* ---------------------------------------------------------------- resources and needs */

bool berthi_cm_number_resource(berthi_cm_elaborator *e, const berthi_cm_type *resource,
                               uint32_t instance, uint32_t need, uint32_t destructor)
{
    berthi_cm_resource_use *row =
        berthi_cm_row(e, &e->resources, sizeof *row, UINT32_MAX, "resources");

    if (row == NULL)
        return false;
    assert(resource->canon == resource && resource->number == UINT32_MAX);
    *row = (berthi_cm_resource_use){
        .type = resource, .instance = instance, .need = need, .destructor = destructor
    };
    ((berthi_cm_type *)(uintptr_t)resource)->number = e->resources.count - 1;
    return true;
}

bool berthi_cm_add_need(berthi_cm_elaborator *e, berthi_cm_need need, uint32_t *need_out)
{
    berthi_cm_need *row =
        berthi_cm_row(e, &e->needs, sizeof *row, BERTHI_CM_NEEDS_MAX, "imports of the host");

    if (row == NULL)
        return false;
    *row = need;
    *need_out = e->needs.count - 1;
    return true;
}
