/* elaborate.c - runs definitions of components, instance by instance, with concrete things.
 *
 * Layer: component.  A component definition that is met becomes a closure over the frame that it was met
 * in; an instantiation makes a new frame.  Exports of one instance are the arguments of another. */
#include "component/elaborate/elaborate.h"

/* ---------------------------------------------------------------- index spaces */

static bool has_only_types(uint8_t sort)
{
    return sort == BERTHI_CM_TYPE || sort == BERTHI_CM_CORE_TYPE;
}

bool berthi_cm_push_checked(berthi_cm_elaborator *e, berthi_cm_frame *f, berthi_cm_thing thing)
{
    berthi_cm_thing *row;

    if (has_only_types(thing.sort))
        return true;
    row = berthi_cm_row(e, &f->spaces[thing.sort], sizeof *row, UINT32_MAX, "definitions");
    if (row == NULL)
        return false;
    *row = thing;
    return true;
}

bool berthi_cm_push(berthi_cm_elaborator *e, berthi_cm_frame *f, berthi_cm_thing thing)
{
    bool is_typed = thing.sort != BERTHI_CM_COMPONENT && thing.sort != BERTHI_CM_INSTANCE &&
                    thing.sort != BERTHI_CM_CORE_INSTANCE;

    return (!is_typed || berthi_cm_add(e->types, &f->scope, thing.sort, thing.type)) &&
           berthi_cm_push_checked(e, f, thing);
}

bool berthi_cm_thing_at(berthi_cm_elaborator *e, const berthi_cm_frame *f, uint8_t sort,
                        uint32_t index, berthi_cm_thing *thing_out)
{
    const berthi_cm_rows *space = &f->spaces[sort];

    if (has_only_types(sort)) {
        const berthi_cm_type *type = berthi_cm_get(e->types, &f->scope, sort, index);

        *thing_out = (berthi_cm_thing){ .sort = sort, .type = type };
        return type != NULL;
    }
    if (index >= space->count)
        return BERTHI_CM_INVALID(e->types, "unknown %s %u: index out of bounds",
                                 berthi_cm_sort_name(sort), (unsigned)index);
    *thing_out = ((const berthi_cm_thing *)space->items)[index];
    return e->types->status == BERTH_OK;
}

/* ---------------------------------------------------------------- bags */

/* Types are needed where resources are looked for, or sizes of trees of instances bounded. */
static berthi_cm_extern extern_of(berthi_name name, const berthi_cm_thing *thing)
{
    return (berthi_cm_extern){ .name = name,
                               .sort = thing->sort,
                               .type = thing->bag != NULL ? thing->bag->type : thing->type };
}

static berthi_cm_bag *make_bag(berthi_cm_elaborator *e, uint16_t kind, uint32_t count,
                               const berthi_cm_extern *items, const berthi_cm_thing *things)
{
    berthi_cm_bag *bag = berthi_cm_make(e->types, 1, sizeof *bag);

    if (bag == NULL || things == NULL)
        return NULL;
    bag->type = berthi_cm_assemble(e->types, kind, 0, count, items);
    bag->things = things;
    return bag->type == NULL ? NULL : bag;
}

berthi_cm_bag *berthi_cm_gather(berthi_cm_elaborator *e, const berthi_cm_frame *f,
                                const berthi_cm_def *def, uint16_t kind)
{
    berthi_cm_extern *items = berthi_cm_make(e->types, def->count, sizeof *items);
    berthi_cm_thing *things = berthi_cm_make(e->types, def->count, sizeof *things);

    if (items == NULL || things == NULL || !berthi_cm_count_elaborated(e, def->count))
        return NULL;
    for (uint32_t i = 0; i < def->count; i++) {
        const berthi_cm_item *item = &def->u.items[i];

        if (!berthi_cm_thing_at(e, f, item->sort, item->index, &things[i]))
            return NULL;
        items[i] = extern_of(item->name, &things[i]);
    }
    return make_bag(e, kind, def->count, items, things);
}

/* Of an instance of a core module things are made when they are asked for. */
static berthi_cm_thing core_thing(const berthi_cm_bag *bag, const berthi_cm_extern *item)
{
    return (berthi_cm_thing){ .sort = item->sort,
                              .type = item->type,
                              .core = { .from = BERTHI_CM_FROM_EXPORT,
                                        .sort = item->sort,
                                        .index = bag->core_instance,
                                        .name = item->name,
                                        .type = item->type } };
}

bool berthi_cm_take(berthi_cm_elaborator *e, const berthi_cm_bag *bag, berthi_name name,
                    uint8_t sort, berthi_cm_thing *thing_out)
{
    const berthi_cm_extern *found = berthi_cm_find(e->types, bag->type, name);

    if (found == NULL)
        return BERTHI_CM_INVALID(e->types, "there is no export named `%s`",
                                 berthi_cm_show(name).text);
    if (found->sort != sort)
        return BERTHI_CM_INVALID(e->types, "export `%s` is not a %s", berthi_cm_show(name).text,
                                 berthi_cm_sort_name(sort));
    *thing_out =
        bag->things == NULL ? core_thing(bag, found) : bag->things[found - bag->type->items];
    return true;
}

/* Only what an instance type names stays to be seen: what is imported as less can be handed on as
 * no more.  One level of recursion for each level of instances within instances. */
static berthi_cm_bag *narrow(berthi_cm_elaborator *e, const berthi_cm_bag *bag,
                             const berthi_cm_type *wanted)
{
    berthi_cm_extern *items = berthi_cm_make(e->types, wanted->count, sizeof *items);
    berthi_cm_thing *things = berthi_cm_make(e->types, wanted->count, sizeof *things);

    if (items == NULL || things == NULL || !berthi_cm_count_elaborated(e, wanted->count))
        return NULL;
    for (uint32_t i = 0; i < wanted->count; i++) {
        const berthi_cm_extern *item = &wanted->items[i];

        if (!berthi_cm_take(e, bag, item->name, item->sort, &things[i]))
            return NULL;
        if (item->sort == BERTHI_CM_INSTANCE) {
            things[i].bag = narrow(e, things[i].bag, item->type);
            if (things[i].bag == NULL)
                return NULL;
        }
        items[i] = extern_of(item->name, &things[i]);
    }
    return make_bag(e, BERTHI_CM_INSTANCE_TYPE, wanted->count, items, things);
}

/* ---------------------------------------------------------------- imports and exports */

/* A thing seen as `bound` says that it is: instances narrowed; functions and types compared again,
 * which costs nothing. */
static bool see_as(berthi_cm_elaborator *e, const berthi_cm_frame *f,
                   const berthi_cm_bound *bound, berthi_cm_thing *thing)
{
    const berthi_cm_type *type;

    if (thing->sort != bound->sort)
        return BERTHI_CM_INVALID(e->types, "expected %s, found %s",
                                 berthi_cm_sort_name(bound->sort),
                                 berthi_cm_sort_name(thing->sort));
    if ((bound->sort == BERTHI_CM_TYPE && bound->is_sub_resource) ||
        bound->sort == BERTHI_CM_COMPONENT || bound->sort == BERTHI_CM_CORE_MODULE)
        return bound->sort != BERTHI_CM_TYPE || berthi_cm_is_resource(thing->type) ||
               BERTHI_CM_INVALID(e->types, "expected a resource");
    type = berthi_cm_get(e->types, &f->scope, BERTHI_CM_TYPE, bound->index);
    if (type == NULL)
        return false;
    if (bound->sort != BERTHI_CM_INSTANCE)
        return berthi_cm_match(e->types, thing->sort, thing->type, bound->sort, type);
    thing->bag = narrow(e, thing->bag, type);
    return thing->bag != NULL;
}

static bool import_argument(berthi_cm_elaborator *e, berthi_cm_frame *f,
                            const berthi_cm_def *def)
{
    berthi_cm_thing thing;

    if (!berthi_cm_take(e, f->arguments, def->name, def->bound.sort, &thing) ||
        !see_as(e, f, &def->bound, &thing)) {
        (void)berthi_diag_prefix(e->types->diag, e->types->status, "import `%s`",
                                 berthi_cm_show(def->name).text);
        return false;
    }
    return berthi_cm_push(e, f, thing);
}

static bool export_thing(berthi_cm_elaborator *e, berthi_cm_frame *f, const berthi_cm_def *def)
{
    berthi_cm_thing thing, *row;

    if (!berthi_cm_thing_at(e, f, def->sort, def->index, &thing) ||
        (def->has_bound && !see_as(e, f, &def->bound, &thing)))
        return false;
    row = berthi_cm_row(e, &f->exports, sizeof *row, UINT32_MAX, "exports");
    if (row == NULL)
        return false;
    *row = thing;
    return berthi_cm_append(e->types, &f->scope.exports.items, extern_of(def->name, &thing)) &&
           berthi_cm_push(e, f, thing);
}

/* ---------------------------------------------------------------- aliases and types */

static bool make_alias(berthi_cm_elaborator *e, berthi_cm_frame *f, const berthi_cm_def *def)
{
    const berthi_cm_frame *from = f;
    berthi_cm_thing thing, instance;
    uint8_t sort =
        def->form == BERTHI_CM_ALIAS_CORE_EXPORT ? BERTHI_CM_CORE_INSTANCE : BERTHI_CM_INSTANCE;

    if (def->form != BERTHI_CM_ALIAS_OUTER)
        return berthi_cm_thing_at(e, f, sort, def->index, &instance) &&
               berthi_cm_take(e, instance.bag, def->name, def->sort, &thing) &&
               berthi_cm_push(e, f, thing);
    for (uint32_t i = 0; i < def->outer && from != NULL; i++)
        from = from->outer;
    if (from == NULL)
        return BERTHI_CM_INVALID(e->types, "invalid outer alias count of %u",
                                 (unsigned)def->outer);
    return berthi_cm_thing_at(e, from, def->sort, def->index, &thing) &&
           berthi_cm_push(e, f, thing);
}

/* Resource definitions are generative: each instance of a component has its own. */
static bool make_type(berthi_cm_elaborator *e, berthi_cm_frame *f,
                      const berthi_cm_type_def *def)
{
    const berthi_cm_space *types = &f->scope.spaces[BERTHI_CM_TYPE];
    uint32_t destructor = BERTHI_CM_NO_INDEX;
    berthi_cm_thing thing;

    if (!berthi_cm_check_type(e->types, &f->scope, def))
        return false;
    if (def->code != BERTHI_CM_RESOURCE_TYPE)
        return true;
    if (def->has_destructor &&
        (!berthi_cm_thing_at(e, f, BERTHI_CM_CORE_FUNC, def->index, &thing) ||
         !berthi_cm_slot_of(e, &thing.core, &destructor)))
        return false;
    return berthi_cm_number_resource(e, types->items[types->count - 1].type, f->number,
                                     BERTHI_CM_NO_INDEX, destructor);
}

/* ---------------------------------------------------------------- components */

static berthi_cm_bag *instantiate(berthi_cm_elaborator *e, const berthi_cm_closure *closure,
                                  const berthi_cm_bag *arguments, uint32_t parent);

static bool make_component(berthi_cm_elaborator *e, berthi_cm_frame *f,
                           const berthi_cm_component *component)
{
    berthi_cm_closure *closure = berthi_cm_make(e->types, 1, sizeof *closure);

    if (closure == NULL)
        return false;
    *closure = (berthi_cm_closure){ .component = component, .outer = f };
    return berthi_cm_push(e, f,
                          (berthi_cm_thing){ .sort = BERTHI_CM_COMPONENT, .closure = closure });
}

static bool make_instance(berthi_cm_elaborator *e, berthi_cm_frame *f, const berthi_cm_def *def)
{
    berthi_cm_thing thing = { .sort = BERTHI_CM_INSTANCE }, component;
    berthi_cm_bag *items = berthi_cm_gather(e, f, def, BERTHI_CM_INSTANCE_TYPE);

    if (items == NULL)
        return false;
    thing.bag = items;
    if (def->is_instantiate) {
        if (!berthi_cm_thing_at(e, f, BERTHI_CM_COMPONENT, def->index, &component))
            return false;
        thing.bag = instantiate(e, component.closure, items, f->number);
    }
    return thing.bag != NULL && berthi_cm_push(e, f, thing);
}

static bool make_module(berthi_cm_elaborator *e, berthi_cm_frame *f,
                        const berthi_wasm_info *info)
{
    berthi_cm_thing thing = { .sort = BERTHI_CM_CORE_MODULE };

    return berthi_cm_module_number(e, info, &thing.index, &thing.type) &&
           berthi_cm_push(e, f, thing);
}

static bool run_definition(berthi_cm_elaborator *e, berthi_cm_frame *f,
                           const berthi_cm_def *def)
{
    switch (def->kind) {
    case BERTHI_CM_DEF_MODULE:
        return make_module(e, f, def->u.module);
    case BERTHI_CM_DEF_CORE_INSTANCE:
        return berthi_cm_make_core_instance(e, f, def);
    case BERTHI_CM_DEF_CORE_TYPE:
        return berthi_cm_check_core_type(e->types, &f->scope, def->u.core_type);
    case BERTHI_CM_DEF_COMPONENT:
        return make_component(e, f, def->u.component);
    case BERTHI_CM_DEF_INSTANCE:
        return make_instance(e, f, def);
    case BERTHI_CM_DEF_ALIAS:
        return make_alias(e, f, def);
    case BERTHI_CM_DEF_TYPE:
        return make_type(e, f, def->u.type);
    case BERTHI_CM_DEF_CANON:
        return berthi_cm_make_canon(e, f, def->u.canon);
    case BERTHI_CM_DEF_IMPORT:
        return f->arguments != NULL ? import_argument(e, f, def)
                                    : berthi_cm_import_from_host(e, f, def);
    default:
        assert(def->kind == BERTHI_CM_DEF_EXPORT);
        return export_thing(e, f, def);
    }
}

/* Says where, but of deeply nested instances only the outermost and the innermost: there has to be room
 * for what it was. */
static void say_where(const berthi_cm_elaborator *e, const berthi_cm_frame *f,
                      const berthi_cm_def *def)
{
    bool is_inside = def->kind == BERTHI_CM_DEF_INSTANCE && e->depth > f->depth;

    if (!is_inside || f->depth <= 3)
        berthi_cm_say_where(e->types, &f->scope, def);
}

static bool run_definitions(berthi_cm_elaborator *e, berthi_cm_frame *f,
                            const berthi_cm_component *component)
{
    for (uint32_t i = 0; i < component->count; i++) {
        if (berthi_cm_count_elaborated(e, 1) && run_definition(e, f, &component->defs[i]))
            continue;
        assert(e->types->status != BERTH_OK);
        say_where(e, f, &component->defs[i]);
        return false;
    }
    return true;
}

static berthi_cm_bag *instantiate(berthi_cm_elaborator *e, const berthi_cm_closure *closure,
                                  const berthi_cm_bag *arguments, uint32_t parent)
{
    berthi_cm_frame *f = berthi_cm_make(e->types, 1, sizeof *f);
    uint32_t *parent_row = f == NULL
                               ? NULL
                               : berthi_cm_row(e, &e->parents, sizeof *parent_row,
                                               BERTHI_CM_INSTANCES_MAX, "component instances");

    if (parent_row == NULL)
        return NULL;
    *parent_row = parent;
    if (e->depth == BERTHI_CM_INSTANCE_DEPTH_MAX) {
        berthi_cm_fail(e->types, BERTH_E_LIMIT, "component instances nest more than %d deep",
                       BERTHI_CM_INSTANCE_DEPTH_MAX);
        return NULL;
    }
    f->scope.kind = BERTHI_CM_SCOPE_COMPONENT;
    f->scope.outer =
        closure->outer == NULL ? NULL : (berthi_cm_scope *)(uintptr_t)&closure->outer->scope;
    f->outer = closure->outer;
    f->arguments = arguments;
    f->number = e->parents.count - 1;
    f->depth = ++e->depth;
    if (!run_definitions(e, f, closure->component))
        return NULL;
    e->depth--;
    return make_bag(e, BERTHI_CM_INSTANCE_TYPE, f->exports.count, f->scope.exports.items.items,
                    f->exports.count == 0 ? berthi_cm_make(e->types, 1, sizeof(berthi_cm_thing))
                                          : f->exports.items);
}

/* ---------------------------------------------------------------- everything */

static void hand_over(const berthi_cm_elaborator *e, const berthi_cm_bag *root,
                      berthi_cm_steps *steps)
{
    *steps = (berthi_cm_steps){ .steps = e->steps.items,
                                .steps_count = e->steps.count,
                                .modules = e->modules.items,
                                .modules_count = e->modules.count,
                                .lifted = e->lifted.items,
                                .lifted_count = e->lifted.count,
                                .trampolines = e->trampolines.items,
                                .trampolines_count = e->trampolines.count,
                                .resources = e->resources.items,
                                .resources_count = e->resources.count,
                                .needs = e->needs.items,
                                .needs_count = e->needs.count,
                                .exports = root->exported,
                                .exports_count = root->type->count,
                                .parents = e->parents.items,
                                .instances_count = e->parents.count,
                                .core_instances_count = e->core_instances,
                                .func_slots = e->func_slots,
                                .memory_slots = e->memory_slots,
                                .shims_removed = e->shims_removed,
                                .fixups_removed = e->fixups_removed,
                                .types = e->types };
}

static berthi_cm_steps *elaborate(berthi_cm_elaborator *e, const berthi_cm_component *component,
                                  bool keeps_shims)
{
    const berthi_cm_closure closure = { .component = component };
    berthi_cm_bag *root = instantiate(e, &closure, NULL, BERTHI_CM_NO_INDEX);
    berthi_cm_steps *steps = berthi_cm_make(e->types, 1, sizeof *steps);

    if (root == NULL || steps == NULL || berthi_cm_exports_of(e, root) == NULL)
        return NULL;
    if (!keeps_shims && !berthi_cm_remove_shims(e))
        return NULL;
    hand_over(e, root, steps);
    return steps;
}

berth_status berthi_component_elaborate(const berthi_cm_component *component,
                                        berthi_arena *arena, bool keeps_shims,
                                        const berthi_cm_steps **steps_out, berth_diag *diag)
{
    berthi_cm_types *types = berthi_arena_alloc(arena, sizeof *types);
    berthi_cm_elaborator e = { .types = types };
    const berthi_cm_steps *steps;
    berth_diag ignored;

    if (types == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "out of memory for the component's types");
    *types = (berthi_cm_types){ .arena = arena,
                                .diag = diag != NULL ? diag : &ignored,
                                .work = BERTHI_CM_WORK_MAX,
                                .epoch = 1 };
    steps = elaborate(&e, component, keeps_shims);
    types->diag = NULL; /* the caller's, for this call */
    if (steps == NULL)
        return types->status;
    types->work = BERTHI_CM_WORK_MAX;
    *steps_out = steps;
    return BERTH_OK;
}
