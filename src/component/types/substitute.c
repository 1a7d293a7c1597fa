/* substitute.c - other resources in the place of those that a type names.  Layer: component.
 *
 * What stands for a resource is written into the resource; what became of a type, with the number of
 * the substitution, into the type.  A type that is shared is so rebuilt once, however often it
 * occurs. */
#include "component/types/types.h"

static berthi_cm_type *own(const berthi_cm_type *type)
{
    return (
        berthi_cm_type *)(uintptr_t)type; /* marks are the store's, not the type's meaning */
}

void berthi_cm_bind(berthi_cm_types *s, const berthi_cm_type *resource,
                    const berthi_cm_type *stands_for)
{
    own(resource)->stands_for = stands_for;
    s->epoch++;
}

void berthi_cm_unbind(berthi_cm_types *s, const berthi_cm_type *type)
{
    for (uint32_t i = 0; i < type->bound_count; i++)
        berthi_cm_bind(s, type->bound[i], NULL);
}

bool berthi_cm_rename(berthi_cm_types *s, uint8_t sort, const berthi_cm_type *expected,
                      const berthi_cm_type *actual)
{
    if (!berthi_cm_charge(s, 1))
        return false;
    if (sort == BERTHI_CM_TYPE && expected->name_id != 0)
        berthi_cm_bind(s, expected, actual);
    for (uint32_t i = 0; sort == BERTHI_CM_INSTANCE && i < expected->count; i++) {
        const berthi_cm_extern *item = &expected->items[i], *found = NULL;

        if (actual != NULL)
            found = berthi_cm_find(s, actual, item->name);
        if (!berthi_cm_rename(s, item->sort, item->type, found == NULL ? NULL : found->type))
            return false;
    }
    return true;
}

static const berthi_cm_type *substitute_resource(berthi_cm_types *s, const berthi_cm_type *type)
{
    const berthi_cm_type *to = type->canon->stands_for;
    berthi_cm_extern inner = { .type = to };
    berthi_cm_type draft;

    if (to == NULL)
        return type;
    if (type->name_id == 0)
        return to;
    draft = (berthi_cm_type){
        .kind = BERTHI_CM_RESOURCE_TYPE, .name_id = type->name_id, .count = 1, .items = &inner
    };
    return berthi_cm_intern(s, &draft);
}

/* A type over other items: interned again, or put together as it was. */
static const berthi_cm_type *rebuild(berthi_cm_types *s, const berthi_cm_type *type,
                                     const berthi_cm_extern *items)
{
    berthi_cm_type draft = *type, *made;

    if (berthi_cm_is_value_type(type) || berthi_cm_is_func(type)) {
        draft.items = items;
        return berthi_cm_intern(s, &draft);
    }
    made = berthi_cm_assemble(s, type->kind, type->imports_count, type->count, items);
    if (made == NULL)
        return NULL;
    made->bound = type->bound;
    made->bound_count = type->bound_count;
    made->bound_imports = type->bound_imports;
    made->index = type->index; /* the names are the same */
    return made;
}

static const berthi_cm_type *substitute_items(berthi_cm_types *s, const berthi_cm_type *type)
{
    berthi_cm_extern *items = NULL;

    if (!berthi_cm_charge(s, 1 + type->count))
        return NULL;
    for (uint32_t i = 0; i < type->count; i++) {
        const berthi_cm_type *part = type->items[i].type, *to;

        if (part == NULL)
            continue;
        to = berthi_cm_substitute(s, part);
        if (to == NULL)
            return NULL;
        if (to != part && items == NULL) {
            items = berthi_cm_make(s, type->count, sizeof *items);
            if (items == NULL)
                return NULL;
            memcpy(items, type->items, type->count * sizeof *items);
        }
        if (to != part)
            items[i].type = to;
    }
    return items == NULL ? type : rebuild(s, type, items);
}

const berthi_cm_type *berthi_cm_substitute(berthi_cm_types *s, const berthi_cm_type *type)
{
    const berthi_cm_type *to;

    if (!type->has_resource && !type->has_name)
        return type;
    if (type->name_id != 0 && type->stands_for != NULL)
        return type->stands_for;
    if (type->epoch == s->epoch)
        return type->became;
    to = berthi_cm_is_resource(type) ? substitute_resource(s, type) : substitute_items(s, type);
    if (to == NULL)
        return NULL;
    own(type)->epoch = s->epoch;
    own(type)->became = to;
    return to;
}

const berthi_cm_type *berthi_cm_open(berthi_cm_types *s, const berthi_cm_type *instance,
                                     const berthi_cm_type **fresh)
{
    const berthi_cm_type *opened;

    if (instance->bound_count == 0)
        return instance;
    for (uint32_t i = 0; i < instance->bound_count; i++) {
        fresh[i] = berthi_cm_resource(s, NULL);
        if (fresh[i] == NULL)
            return NULL;
        berthi_cm_bind(s, instance->bound[i], fresh[i]);
    }
    opened = berthi_cm_substitute(s, instance);
    berthi_cm_unbind(s, instance);
    if (opened == NULL)
        return NULL;
    if (opened == instance) { /* nothing in it names what it binds */
        opened = rebuild(s, instance, instance->items);
        if (opened == NULL)
            return NULL;
    }
    own(opened)->bound = NULL;
    own(opened)->bound_count = own(opened)->bound_imports = 0;
    return opened;
}

/* While a walk is inside a type, what that binds stands for itself.  `scope`: see
 * berthi_cm_has_hidden_resource(); NULL: any free resource is looked for. */
static bool has_free(berthi_cm_types *s, const berthi_cm_type *type,
                     const struct berthi_cm_scope *scope)
{
    bool found = false;

    if (!type->has_resource || type->epoch == s->epoch || !berthi_cm_charge(s, 1 + type->count))
        return false;
    if (berthi_cm_is_resource(type)) /* the answer depends on where the walk is */
        return type->canon->stands_for == NULL &&
               (scope == NULL || (type->canon->made_in == scope && !type->canon->is_exported));
    own(type)->epoch = s->epoch;
    own(type)->became = type;
    for (uint32_t i = 0; i < type->bound_count; i++)
        own(type->bound[i])->stands_for = type->bound[i];
    for (uint32_t i = 0; i < type->count && !found; i++)
        found = type->items[i].type != NULL && has_free(s, type->items[i].type, scope);
    for (uint32_t i = 0; i < type->bound_count; i++)
        own(type->bound[i])->stands_for = NULL;
    return found;
}

bool berthi_cm_has_hidden_resource(berthi_cm_types *s, const berthi_cm_type *type,
                                   const struct berthi_cm_scope *scope)
{
    bool found;

    s->epoch++;
    found = has_free(s, type, scope);
    s->epoch++; /* what the walk wrote into types is no substitution */
    return found;
}

bool berthi_cm_has_free_resource(berthi_cm_types *s, const berthi_cm_type *type)
{
    return berthi_cm_has_hidden_resource(s, type, NULL);
}
