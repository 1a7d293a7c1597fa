/* elaborate_host.c - what the root component imports, as needs, and what it exports.
 *
 * Layer: component.  Instance types of imports are opened with fresh resources, which are the
 * host's.  Every function, resource and core module in them is a need, also when nothing uses it. */
#include "component/elaborate/elaborate.h"

typedef struct path {
    const struct path *up;
    berthi_name name;
    uint32_t count; /* of names up to this one */
} path;

static bool add_need(berthi_cm_elaborator *e, const path *at, uint8_t sort,
                     const berthi_cm_type *type, uint32_t resource, uint32_t *need_out)
{
    berthi_name *names = berthi_cm_make(e->types, at->count, sizeof *names);
    berthi_cm_need need = {
        .path = names,
        .path_count = at->count,
        .sort = sort,
        .is_again = sort == BERTHI_CM_TYPE && resource == type->number,
        .resource = resource,
        .type = type,
    };

    if (names == NULL)
        return false;
    for (const path *p = at; p != NULL; p = p->up)
        names[p->count - 1] = p->name;
    return berthi_cm_add_need(e, need, need_out);
}

static bool need_resource(berthi_cm_elaborator *e, const path *at, const berthi_cm_type *type)
{
    uint32_t need;

    return add_need(e, at, BERTHI_CM_TYPE, type, e->resources.count, &need) &&
           berthi_cm_number_resource(e, type, BERTHI_CM_NO_INDEX, need, BERTHI_CM_NO_INDEX);
}

static bool thing_of_host(berthi_cm_elaborator *e, const path *at, uint8_t sort,
                          const berthi_cm_type *type, berthi_cm_thing *thing);

/* One level of recursion for each level of instances within instances. */
static berthi_cm_bag *bag_of_host(berthi_cm_elaborator *e, const path *at,
                                  const berthi_cm_type *type)
{
    berthi_cm_bag *bag = berthi_cm_make(e->types, 1, sizeof *bag);
    berthi_cm_extern *items = berthi_cm_make(e->types, type->count, sizeof *items);
    berthi_cm_thing *things = berthi_cm_make(e->types, type->count, sizeof *things);

    if (bag == NULL || items == NULL || things == NULL ||
        !berthi_cm_count_elaborated(e, type->count))
        return NULL;
    for (uint32_t i = 0; i < type->count; i++) {
        const path inner = { .up = at, .name = type->items[i].name, .count = at->count + 1 };

        items[i] = type->items[i];
        if (!thing_of_host(e, &inner, items[i].sort, items[i].type, &things[i]))
            return NULL;
        items[i].type = things[i].bag != NULL ? things[i].bag->type : things[i].type;
    }
    bag->type = berthi_cm_assemble(e->types, BERTHI_CM_INSTANCE_TYPE, 0, type->count, items);
    bag->things = things;
    return bag->type == NULL ? NULL : bag;
}

static bool thing_of_host(berthi_cm_elaborator *e, const path *at, uint8_t sort,
                          const berthi_cm_type *type, berthi_cm_thing *thing)
{
    uint32_t need;

    *thing = (berthi_cm_thing){ .sort = sort, .type = type->canon };
    switch (sort) {
    case BERTHI_CM_FUNC:
        thing->is_host = true;
        return add_need(e, at, sort, type->canon, BERTHI_CM_NO_INDEX, &thing->index);
    case BERTHI_CM_TYPE:
        if (!berthi_cm_is_resource(type))
            return true;
        if (type->canon->number == UINT32_MAX)
            return need_resource(e, at, type->canon);
        return add_need(e, at, sort, type->canon, type->canon->number, &need);
    case BERTHI_CM_CORE_MODULE:
        return add_need(e, at, sort, type, BERTHI_CM_NO_INDEX, &need) &&
               berthi_cm_host_module(e, need, type, &thing->index);
    case BERTHI_CM_INSTANCE:
        thing->type = NULL;
        thing->bag = bag_of_host(e, at, type);
        return thing->bag != NULL;
    default:
        return BERTHI_CM_INVALID(e->types,
                                 "`%s`: importing a %s from the host is not supported",
                                 berthi_cm_show(at->name).text, berthi_cm_sort_name(sort));
    }
}

/* The type that is declared, with resources that nobody else has. */
static const berthi_cm_type *declared(berthi_cm_elaborator *e, const berthi_cm_frame *f,
                                      const berthi_cm_bound *bound)
{
    const berthi_cm_type *type, **fresh;

    if (bound->sort == BERTHI_CM_TYPE && bound->is_sub_resource)
        return berthi_cm_resource(e->types, NULL);
    type = berthi_cm_get(e->types, &f->scope,
                         bound->sort == BERTHI_CM_CORE_MODULE ? BERTHI_CM_CORE_TYPE
                                                              : BERTHI_CM_TYPE,
                         bound->index);
    if (type == NULL || bound->sort != BERTHI_CM_INSTANCE || type->bound_count == 0)
        return type;
    fresh = berthi_cm_make(e->types, type->bound_count, sizeof *fresh);
    return fresh == NULL ? NULL : berthi_cm_open(e->types, type, fresh);
}

bool berthi_cm_import_from_host(berthi_cm_elaborator *e, berthi_cm_frame *f,
                                const berthi_cm_def *def)
{
    const path at = { .name = def->name, .count = 1 };
    const berthi_cm_type *type = declared(e, f, &def->bound);
    berthi_cm_thing thing;

    return type != NULL && thing_of_host(e, &at, def->bound.sort, type, &thing) &&
           berthi_cm_push(e, f, thing);
}

/* ---------------------------------------------------------------- exports */

static bool fill_export(berthi_cm_elaborator *e, const berthi_cm_thing *thing,
                        berthi_cm_export *x)
{
    berthi_cm_export **module;

    x->sort = thing->sort;
    x->type = thing->type;
    x->index = BERTHI_CM_NO_INDEX;
    switch (thing->sort) {
    case BERTHI_CM_FUNC:
        x->is_host = thing->is_host;
        x->index = thing->index;
        return true;
    case BERTHI_CM_CORE_MODULE:
        x->index = thing->index;
        module = berthi_cm_row(e, &e->exported_modules, sizeof *module, UINT32_MAX, "exports");
        if (module != NULL)
            *module = x;
        return module != NULL;
    case BERTHI_CM_TYPE:
        if (berthi_cm_is_resource(thing->type))
            x->index = thing->type->number;
        return true;
    case BERTHI_CM_INSTANCE:
        x->type = thing->bag->type;
        x->count = thing->bag->type->count;
        x->exports = berthi_cm_exports_of(e, thing->bag);
        return x->exports != NULL;
    default:
        return true;
    }
}

const berthi_cm_export *berthi_cm_exports_of(berthi_cm_elaborator *e, berthi_cm_bag *bag)
{
    uint32_t count = bag->type->count;
    berthi_cm_export *exports;

    if (bag->exported != NULL)
        return bag->exported;
    exports = berthi_cm_make(e->types, count, sizeof *exports);
    for (uint32_t i = 0; exports != NULL && i < count; i++) {
        exports[i].name = bag->type->items[i].name;
        if (!fill_export(e, &bag->things[i], &exports[i]))
            return NULL;
    }
    bag->exported = exports;
    return exports;
}
