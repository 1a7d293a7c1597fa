/* validate.c - the walk over a component's definitions, scope by scope.  Layer: component. */
#include "component/validate/validate.h"

/* ---------------------------------------------------------------- lists */

void *berthi_cm_grown(berthi_cm_types *s, const void *items, uint32_t count, uint32_t *room,
                      size_t size)
{
    uint32_t more = *room == 0 ? 8 : 2 * *room;
    void *p = berthi_cm_make(s, more, size);

    if (p == NULL)
        return NULL;
    if (count != 0)
        memcpy(p, items, count * size);
    *room = more;
    return p;
}

bool berthi_cm_append(berthi_cm_types *s, berthi_cm_externs *list, berthi_cm_extern item)
{
    if (list->count == list->room) {
        berthi_cm_extern *items =
            berthi_cm_grown(s, list->items, list->count, &list->room, sizeof *items);

        if (items == NULL)
            return false;
        list->items = items;
    }
    list->items[list->count++] = item;
    return true;
}

static bool append_type(berthi_cm_types *s, berthi_cm_list *list, const berthi_cm_type *type)
{
    if (list->count == list->room) {
        const berthi_cm_type **items =
            berthi_cm_grown(s, list->items, list->count, &list->room, sizeof *items);

        if (items == NULL)
            return false;
        list->items = items;
    }
    list->items[list->count++] = type;
    return true;
}

/* ---------------------------------------------------------------- index spaces */

bool berthi_cm_add(berthi_cm_types *s, berthi_cm_scope *scope, uint8_t sort,
                   const berthi_cm_type *type)
{
    berthi_cm_space *space = &scope->spaces[sort];
    bool is_narrow = sort == BERTHI_CM_CORE_MODULE || sort == BERTHI_CM_CORE_INSTANCE ||
                     sort == BERTHI_CM_COMPONENT || sort == BERTHI_CM_INSTANCE;

    if (type == NULL || s->status != BERTH_OK)
        return false;
    if (is_narrow && space->count == BERTHI_CM_SPACE_MAX)
        return berthi_cm_fail(s, BERTH_E_LIMIT, "more than %d of %s in one scope",
                              BERTHI_CM_SPACE_MAX, berthi_cm_sort_name(sort));
    if (space->count == space->room) {
        berthi_cm_entity *items =
            berthi_cm_grown(s, space->items, space->count, &space->room, sizeof *items);

        if (items == NULL)
            return false;
        space->items = items;
    }
    space->items[space->count++] = (berthi_cm_entity){ .type = type };
    return true;
}

const berthi_cm_type *berthi_cm_get(berthi_cm_types *s, const berthi_cm_scope *scope,
                                    uint8_t sort, uint32_t index)
{
    const berthi_cm_space *space = &scope->spaces[sort];

    if (index < space->count)
        return s->status == BERTH_OK ? space->items[index].type : NULL;
    BERTHI_CM_INVALID(s, "unknown %s %u: index out of bounds", berthi_cm_sort_name(sort),
                      (unsigned)index);
    return NULL;
}

const berthi_cm_type *berthi_cm_bind_in(berthi_cm_types *s, berthi_cm_scope *scope,
                                        bool is_import, const berthi_cm_type *resource)
{
    berthi_cm_side *side = is_import ? &scope->imports : &scope->exports;

    if (resource == NULL || !append_type(s, &side->bound, resource))
        return NULL;
    if (!is_import)
        ((berthi_cm_type *)(uintptr_t)resource)->made_in = scope;
    return resource;
}

const berthi_cm_type *berthi_cm_open_in(berthi_cm_types *s, berthi_cm_scope *scope,
                                        bool is_import, const berthi_cm_type *instance)
{
    const berthi_cm_type **fresh, *opened;

    if (instance->bound_count == 0)
        return instance;
    fresh = berthi_cm_make(s, instance->bound_count, sizeof *fresh);
    opened = fresh == NULL ? NULL : berthi_cm_open(s, instance, fresh);
    for (uint32_t i = 0; opened != NULL && i < instance->bound_count; i++)
        if (berthi_cm_bind_in(s, scope, is_import, fresh[i]) == NULL)
            return NULL;
    return opened;
}

/* ---------------------------------------------------------------- definitions */

/* What a component exports speaks of its own resources only when it exports them, too.  Where functions
 * speak of them, visibility.c has seen to it. */
static bool check_hidden(berthi_cm_types *s, const berthi_cm_scope *scope)
{
    for (uint32_t i = 0; i < scope->exports.items.count; i++) {
        const berthi_cm_extern *item = &scope->exports.items.items[i];

        if (item->sort != BERTHI_CM_FUNC && !berthi_cm_is_resource(item->type) &&
            berthi_cm_has_hidden_resource(s, item->type, scope))
            return BERTHI_CM_INVALID(s,
                                     "export `%s`: local resource type found in export but "
                                     "not exported itself",
                                     berthi_cm_show(item->name).text);
    }
    return s->status == BERTH_OK;
}

static const berthi_cm_type *check_component(berthi_cm_types *s, berthi_cm_scope *outer,
                                             const berthi_cm_component *component)
{
    berthi_cm_scope *scope = berthi_cm_make(s, 1, sizeof *scope);

    if (scope == NULL)
        return NULL;
    scope->outer = outer;
    scope->kind = BERTHI_CM_SCOPE_COMPONENT;
    if (!berthi_cm_walk(s, scope, component->defs, component->count) || !check_hidden(s, scope))
        return NULL;
    return berthi_cm_close(s, scope);
}

static bool check_definition(berthi_cm_types *s, berthi_cm_scope *scope,
                             const berthi_cm_def *def)
{
    switch (def->kind) {
    case BERTHI_CM_DEF_MODULE:
        return berthi_cm_add(s, scope, BERTHI_CM_CORE_MODULE,
                             berthi_cm_module_of(s, def->u.module));
    case BERTHI_CM_DEF_CORE_INSTANCE:
        return berthi_cm_check_core_instance(s, scope, def);
    case BERTHI_CM_DEF_CORE_TYPE:
        return berthi_cm_check_core_type(s, scope, def->u.core_type);
    case BERTHI_CM_DEF_COMPONENT:
        return berthi_cm_add(s, scope, BERTHI_CM_COMPONENT,
                             check_component(s, scope, def->u.component));
    case BERTHI_CM_DEF_INSTANCE:
        return berthi_cm_check_instance(s, scope, def);
    case BERTHI_CM_DEF_ALIAS:
        return berthi_cm_check_alias(s, scope, def);
    case BERTHI_CM_DEF_TYPE:
        return berthi_cm_check_type(s, scope, def->u.type);
    case BERTHI_CM_DEF_CANON:
        return berthi_cm_check_canon(s, scope, def->u.canon);
    case BERTHI_CM_DEF_IMPORT:
        return berthi_cm_check_import(s, scope, def);
    default:
        assert(def->kind == BERTHI_CM_DEF_EXPORT);
        return berthi_cm_check_export(s, scope, def);
    }
}

void berthi_cm_say_where(berthi_cm_types *s, const berthi_cm_scope *scope,
                         const berthi_cm_def *def)
{
    static const char *const sections[] = { "core module", "core instance", "core type",
                                            "component",   "instance",      "alias",
                                            "type",        "canon",         "import",
                                            "export" };

    if (scope->kind != BERTHI_CM_SCOPE_COMPONENT)
        (void)berthi_diag_prefix(s->diag, s->status, "declarator %u", (unsigned)def->entry);
    else if (def->kind == BERTHI_CM_DEF_COMPONENT)
        (void)berthi_diag_prefix(s->diag, s->status, "component %u", (unsigned)def->entry);
    else
        (void)berthi_diag_prefix(s->diag, s->status, "%s section, entry %u",
                                 sections[def->kind], (unsigned)def->entry);
}

bool berthi_cm_walk(berthi_cm_types *s, berthi_cm_scope *scope, const berthi_cm_def *defs,
                    uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (berthi_cm_charge(s, 1) && check_definition(s, scope, &defs[i]))
            continue;
        assert(s->status != BERTH_OK);
        berthi_cm_say_where(s, scope, &defs[i]);
        return false;
    }
    return true;
}

const berthi_cm_type *berthi_cm_close(berthi_cm_types *s, berthi_cm_scope *scope)
{
    uint32_t imports = scope->imports.items.count, exports = scope->exports.items.count;
    uint32_t bound = scope->imports.bound.count, more = scope->exports.bound.count;
    berthi_cm_extern *items = berthi_cm_make(s, imports + exports, sizeof *items);
    const berthi_cm_type **all = berthi_cm_make(s, bound + more, sizeof *all);
    uint16_t kind = scope->kind == BERTHI_CM_SCOPE_INSTANCE_TYPE ? BERTHI_CM_INSTANCE_TYPE
                                                                 : BERTHI_CM_COMPONENT_TYPE;
    berthi_cm_type *t;

    if (items == NULL || all == NULL)
        return NULL;
    if (imports != 0)
        memcpy(items, scope->imports.items.items, imports * sizeof *items);
    if (exports != 0)
        memcpy(items + imports, scope->exports.items.items, exports * sizeof *items);
    for (uint32_t i = 0; i < bound; i++)
        all[i] = scope->imports.bound.items[i];
    for (uint32_t i = 0; i < more; i++)
        all[bound + i] = scope->exports.bound.items[i];
    t = berthi_cm_assemble(s, kind, imports, imports + exports, items);
    if (t == NULL)
        return NULL;
    t->bound = all;
    t->bound_imports = bound;
    t->bound_count = bound + more;
    return t;
}

const berthi_cm_type *berthi_cm_check_root(berthi_cm_types *s,
                                           const berthi_cm_component *component)
{
    return check_component(s, NULL, component);
}

berth_status berthi_component_validate(const berthi_cm_component *component,
                                       berthi_arena *arena, berth_diag *diag)
{
    berth_diag ignored;
    berthi_cm_types types = { .arena = arena,
                              .diag = diag != NULL ? diag : &ignored,
                              .work = BERTHI_CM_WORK_MAX,
                              .epoch = 1 };

    (void)berthi_cm_check_root(&types, component);
    return types.status;
}
