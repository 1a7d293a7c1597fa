/* validate_instances.c - instances, and aliases of what they export or what surrounds them.
 *
 * Layer: component. */
#include "component/validate/validate.h"

static bool is_extern_sort(uint8_t sort)
{
    return sort == BERTHI_CM_FUNC || sort == BERTHI_CM_TYPE || sort == BERTHI_CM_COMPONENT ||
           sort == BERTHI_CM_INSTANCE || sort == BERTHI_CM_CORE_MODULE;
}

static bool get_item(berthi_cm_types *s, const berthi_cm_scope *scope,
                     const berthi_cm_item *item, berthi_cm_extern *out)
{
    if (!is_extern_sort(item->sort))
        return BERTHI_CM_INVALID(s, "a %s is no import or export of a component",
                                 berthi_cm_sort_name(item->sort));
    *out = (berthi_cm_extern){ .name = item->name, .sort = item->sort };
    out->type = berthi_cm_get(s, scope, item->sort, item->index);
    return out->type != NULL;
}

/* ---------------------------------------------------------------- instantiation */

static const berthi_cm_type *gather_arguments(berthi_cm_types *s, const berthi_cm_scope *scope,
                                              const berthi_cm_def *def)
{
    berthi_cm_extern *items = berthi_cm_make(s, def->count, sizeof *items);
    const berthi_cm_type *gathered;

    for (uint32_t i = 0; items != NULL && i < def->count; i++)
        if (!get_item(s, scope, &def->u.items[i], &items[i]))
            return NULL;
    if (items == NULL)
        return NULL;
    gathered = berthi_cm_assemble(s, BERTHI_CM_INSTANCE_TYPE, 0, def->count, items);
    for (uint32_t i = 0; gathered != NULL && i < def->count; i++)
        if (berthi_cm_find(s, gathered, items[i].name) != &items[i]) {
            BERTHI_CM_INVALID(s, "instantiation argument `%s` conflicts with previous argument",
                              berthi_cm_show(items[i].name).text);
            return NULL;
        }
    return gathered;
}

static bool match_arguments(berthi_cm_types *s, const berthi_cm_type *component,
                            const berthi_cm_type *arguments)
{
    for (uint32_t i = 0; i < component->imports_count; i++) {
        const berthi_cm_extern *import = &component->items[i];
        const berthi_cm_extern *given = berthi_cm_find(s, arguments, import->name);

        if (given == NULL)
            return BERTHI_CM_INVALID(s, "missing import named `%s`",
                                     berthi_cm_show(import->name).text);
        if (berthi_cm_match(s, given->sort, given->type, import->sort, import->type))
            continue;
        (void)berthi_diag_prefix(s->diag, s->status, "import `%s`",
                                 berthi_cm_show(import->name).text);
        return false;
    }
    return true;
}

/* Names of types that the component imports become those of the arguments, or end being so. */
static bool rename_imports(berthi_cm_types *s, const berthi_cm_type *component,
                           const berthi_cm_type *arguments)
{
    for (uint32_t i = 0; i < component->imports_count; i++) {
        const berthi_cm_extern *import = &component->items[i], *given = NULL;

        if (arguments != NULL)
            given = berthi_cm_find(s, arguments, import->name);
        if (!berthi_cm_rename(s, import->sort, import->type,
                              given == NULL ? NULL : given->type))
            return false;
    }
    return true;
}

/* The exports of a component whose imports have been matched, with a fresh resource for each that
 * the component makes. */
static const berthi_cm_type *make_exports(berthi_cm_types *s, berthi_cm_scope *scope,
                                          const berthi_cm_type *component)
{
    uint32_t count = component->count - component->imports_count;
    berthi_cm_extern *items = berthi_cm_make(s, count, sizeof *items);

    for (uint32_t i = component->bound_imports; i < component->bound_count; i++) {
        const berthi_cm_type *fresh =
            berthi_cm_bind_in(s, scope, false, berthi_cm_resource(s, NULL));

        if (fresh == NULL)
            return NULL;
        berthi_cm_bind(s, component->bound[i], fresh);
    }
    for (uint32_t i = 0; items != NULL && i < count; i++) {
        items[i] = component->items[component->imports_count + i];
        items[i].type = berthi_cm_substitute(s, items[i].type);
        if (items[i].type == NULL)
            return NULL;
    }
    return items == NULL ? NULL
                         : berthi_cm_assemble(s, BERTHI_CM_INSTANCE_TYPE, 0, count, items);
}

static const berthi_cm_type *instantiate(berthi_cm_types *s, berthi_cm_scope *scope,
                                         const berthi_cm_def *def)
{
    const berthi_cm_type *component = berthi_cm_get(s, scope, BERTHI_CM_COMPONENT, def->index);
    const berthi_cm_type *arguments =
        component == NULL ? NULL : gather_arguments(s, scope, def);
    const berthi_cm_type *instance = NULL;

    if (arguments == NULL)
        return NULL;
    berthi_cm_make_variables(s, component, 0, component->bound_imports, true);
    if (match_arguments(s, component, arguments) && rename_imports(s, component, arguments))
        instance = make_exports(s, scope, component);
    berthi_cm_make_variables(s, component, 0, component->bound_imports, false);
    berthi_cm_unbind(s, component);
    return rename_imports(s, component, NULL) ? instance : NULL;
}

static const berthi_cm_type *make_of_exports(berthi_cm_types *s, const berthi_cm_scope *scope,
                                             const berthi_cm_def *def)
{
    berthi_cm_side *side = berthi_cm_make(s, 1, sizeof *side);

    for (uint32_t i = 0; side != NULL && i < def->count; i++) {
        const berthi_cm_item *item = &def->u.items[i];
        berthi_cm_extern made;

        if (!get_item(s, scope, item, &made) ||
            !berthi_cm_check_name(s, side, item->name, item->attributes, made.sort,
                                  made.type) ||
            !berthi_cm_append(s, &side->items, made))
            return NULL;
    }
    return side == NULL ? NULL
                        : berthi_cm_assemble(s, BERTHI_CM_INSTANCE_TYPE, 0, side->items.count,
                                             side->items.items);
}

bool berthi_cm_check_instance(berthi_cm_types *s, berthi_cm_scope *scope,
                              const berthi_cm_def *def)
{
    return berthi_cm_add(s, scope, BERTHI_CM_INSTANCE,
                         def->is_instantiate ? instantiate(s, scope, def)
                                             : make_of_exports(s, scope, def));
}

/* ---------------------------------------------------------------- aliases */

static const berthi_cm_type *alias_export(berthi_cm_types *s, const berthi_cm_scope *scope,
                                          const berthi_cm_def *def)
{
    bool is_core = def->form == BERTHI_CM_ALIAS_CORE_EXPORT;
    uint8_t sort = is_core ? BERTHI_CM_CORE_INSTANCE : BERTHI_CM_INSTANCE;
    const berthi_cm_type *instance = berthi_cm_get(s, scope, sort, def->index);
    const berthi_cm_extern *found =
        instance == NULL ? NULL : berthi_cm_find(s, instance, def->name);

    if (instance == NULL)
        return NULL;
    if (found == NULL) {
        BERTHI_CM_INVALID(s, "%s %u has no export named `%s`", berthi_cm_sort_name(sort),
                          (unsigned)def->index, berthi_cm_show(def->name).text);
        return NULL;
    }
    if (found->sort != def->sort) {
        BERTHI_CM_INVALID(s, "export `%s` of %s %u is not a %s", berthi_cm_show(def->name).text,
                          berthi_cm_sort_name(sort), (unsigned)def->index,
                          berthi_cm_sort_name(def->sort));
        return NULL;
    }
    return found->type;
}

static const berthi_cm_type *alias_outer(berthi_cm_types *s, const berthi_cm_scope *scope,
                                         const berthi_cm_def *def)
{
    bool crosses_component = false;
    const berthi_cm_type *type;

    for (uint32_t i = 0; i < def->outer; i++) {
        crosses_component |= scope->kind == BERTHI_CM_SCOPE_COMPONENT;
        scope = scope->outer;
        if (scope != NULL)
            continue;
        BERTHI_CM_INVALID(s, "invalid outer alias count of %u", (unsigned)def->outer);
        return NULL;
    }
    type = berthi_cm_get(s, scope, def->sort, def->index);
    if (type != NULL && crosses_component && def->sort == BERTHI_CM_TYPE &&
        berthi_cm_has_free_resource(s, type)) {
        BERTHI_CM_INVALID(s,
                          "cannot alias outer type which transitively refers to resources not "
                          "defined in the current component");
        return NULL;
    }
    return type;
}

bool berthi_cm_check_alias(berthi_cm_types *s, berthi_cm_scope *scope, const berthi_cm_def *def)
{
    bool is_type = scope->kind != BERTHI_CM_SCOPE_COMPONENT;

    if (is_type && def->form == BERTHI_CM_ALIAS_OUTER && def->sort != BERTHI_CM_TYPE &&
        def->sort != BERTHI_CM_CORE_TYPE)
        return BERTHI_CM_INVALID(s, "a type can alias only outer types and core types");
    if (is_type && def->form != BERTHI_CM_ALIAS_OUTER && def->sort != BERTHI_CM_TYPE &&
        def->sort != BERTHI_CM_INSTANCE)
        return BERTHI_CM_INVALID(s, "a type can alias only types and instances of exports");
    return berthi_cm_add(s, scope, def->sort,
                         def->form == BERTHI_CM_ALIAS_OUTER ? alias_outer(s, scope, def)
                                                            : alias_export(s, scope, def));
}
