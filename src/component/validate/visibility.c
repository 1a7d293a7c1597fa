/* visibility.c - functions of imports and exports name only types that have a name outside.
 *
 * Layer: component.  Records, variants, enums, flags and resources must have been imported or exported
 * before they are used there, as the very type that the import or export introduced; other value
 * types are transparent.  What is imported may be used by exports, too; but nobody can be asked to give
 * what is first here.  Instance types are exempt: they are checked where an instance of
 * theirs is imported or exported. */
#include "component/validate/validate.h"

/* ---------------------------------------------------------------- the set */

static uint32_t slot_of(const berthi_cm_set *set, const berthi_cm_type *type)
{
    uint64_t hash = ((uintptr_t)type >> 4) * 0x9e3779b97f4a7c15u;
    uint32_t at = (uint32_t)(hash >> 32) & (set->room - 1);

    while (set->slots[at] != NULL && set->slots[at] != type)
        at = (at + 1) & (set->room - 1);
    return at;
}

static bool contains(const berthi_cm_set *set, const berthi_cm_type *type)
{
    return set->room != 0 && set->slots[slot_of(set, type)] != NULL;
}

static bool insert(berthi_cm_types *s, berthi_cm_set *set, const berthi_cm_type *type)
{
    if (2 * (set->count + 1) > set->room) {
        berthi_cm_set larger = { .room = set->room == 0 ? 16 : 2 * set->room };

        larger.slots = berthi_cm_make(s, larger.room, sizeof *larger.slots);
        if (larger.slots == NULL)
            return false;
        for (uint32_t i = 0; i < set->room; i++)
            if (set->slots[i] != NULL)
                larger.slots[slot_of(&larger, set->slots[i])] = set->slots[i];
        larger.count = set->count;
        *set = larger;
    }
    if (!contains(set, type)) {
        set->slots[slot_of(set, type)] = type;
        set->count++;
    }
    return true;
}

/* ---------------------------------------------------------------- the rule */

static bool are_parts_visible(berthi_cm_types *s, const berthi_cm_set *set,
                              const berthi_cm_type *type);

static bool is_visible(berthi_cm_types *s, const berthi_cm_set *set, const berthi_cm_type *type)
{
    if (!berthi_cm_charge(s, 1))
        return false;
    switch (type->kind) {
    case BERTHI_CM_RECORD:
    case BERTHI_CM_VARIANT:
    case BERTHI_CM_FLAGS:
    case BERTHI_CM_ENUM:
    case BERTHI_CM_RESOURCE_TYPE:
        return contains(set, type);
    default:
        return (type->name_id != 0 && contains(set, type)) || are_parts_visible(s, set, type);
    }
}

static bool are_parts_visible(berthi_cm_types *s, const berthi_cm_set *set,
                              const berthi_cm_type *type)
{
    if (berthi_cm_is_resource(type))
        return true;
    for (uint32_t i = 0; i < type->count; i++)
        if (type->items[i].type != NULL && !is_visible(s, set, type->items[i].type))
            return false;
    return true;
}

/* An instance type under a name of its own says nothing that is not visible around it. */
static bool are_exports_visible(berthi_cm_types *s, const berthi_cm_set *set,
                                const berthi_cm_type *instance)
{
    for (uint32_t i = 0; i < instance->count; i++) {
        const berthi_cm_extern *item = &instance->items[i];
        bool is_instance = item->type->kind == BERTHI_CM_INSTANCE_TYPE;

        if (!berthi_cm_charge(s, 1))
            return false;
        if (item->sort != BERTHI_CM_FUNC && item->sort != BERTHI_CM_TYPE && !is_instance)
            continue;
        if (is_instance ? !are_exports_visible(s, set, item->type)
                        : item->type->kind != BERTHI_CM_COMPONENT_TYPE &&
                              !are_parts_visible(s, set, item->type))
            return false;
    }
    return true;
}

/* One level of recursion for each level of instances within instances: types are not so deep. */
static bool visit(berthi_cm_types *s, berthi_cm_scope *scope, bool is_import, uint8_t sort,
                  const berthi_cm_type *type, const berthi_cm_type *created)
{
    const berthi_cm_set *set = is_import ? &scope->imports.visible : &scope->exports.visible;

    if (!berthi_cm_charge(s, 1))
        return false;
    switch (sort) {
    case BERTHI_CM_FUNC:
        return are_parts_visible(s, set, type);
    case BERTHI_CM_TYPE:
        if (is_import && berthi_cm_is_resource(type) && type->canon->made_in == scope)
            return BERTHI_CM_INVALID(s, "local resource type found in imports");
        if (berthi_cm_is_resource(type) && type->canon->made_in == scope)
            ((berthi_cm_type *)(uintptr_t)type->canon)->is_exported = true;
        if ((berthi_cm_is_value_type(type) || berthi_cm_is_func(type)) &&
            !are_parts_visible(s, set, type))
            return false;
        if (type->kind == BERTHI_CM_INSTANCE_TYPE && !are_exports_visible(s, set, type))
            return false;
        return (!is_import || insert(s, &scope->imports.visible, created)) &&
               insert(s, &scope->exports.visible, created);
    case BERTHI_CM_INSTANCE:
        for (uint32_t i = 0; i < type->count; i++)
            if (!visit(s, scope, is_import, type->items[i].sort, type->items[i].type,
                       type->items[i].type))
                return false;
        return true;
    default:
        return true;
    }
}

bool berthi_cm_check_visible(berthi_cm_types *s, berthi_cm_scope *scope, bool is_import,
                             uint8_t sort, const berthi_cm_type *type,
                             const berthi_cm_type *created)
{
    if (scope->kind == BERTHI_CM_SCOPE_INSTANCE_TYPE)
        return true;
    return visit(s, scope, is_import, sort, type, created) ||
           BERTHI_CM_INVALID(s,
                             "%s not valid to be used as %s: it names a type that is not "
                             "imported or exported before it",
                             berthi_cm_sort_name(sort), is_import ? "import" : "export");
}
