/* validate_externs.c - imports and exports: their types, their names, and what names promise.
 *
 * Layer: component. */
#include "component/validate/validate.h"

/* ---------------------------------------------------------------- names */

static bool check_attributes(berthi_cm_types *s, const berthi_cm_attributes *attributes,
                             const berthi_cm_parsed_name *name, uint8_t sort)
{
    berthi_cm_parsed_name interface;
    const char *why;

    if (attributes == NULL || !attributes->has_implements)
        return true;
    if (sort != BERTHI_CM_INSTANCE)
        return BERTHI_CM_INVALID(s, "only instances can have an `implements`");
    if (name->form != BERTHI_CM_NAME_LABEL)
        return BERTHI_CM_INVALID(s, "name `%s` is not valid with `implements`",
                                 berthi_cm_show(name->plain).text);
    why = berthi_cm_parse_name(attributes->implements, NULL, &interface);
    if (why == NULL && interface.form != BERTHI_CM_NAME_INTERFACE)
        why = "must be an interface";
    return why == NULL || BERTHI_CM_INVALID(s, "`implements` of `%s` %s",
                                            berthi_cm_show(attributes->implements).text, why);
}

static const berthi_cm_type *find_resource(berthi_cm_types *s, const berthi_cm_side *side,
                                           berthi_name name)
{
    for (uint32_t i = 0; i < side->resources.count && berthi_cm_charge_name(s, name); i++)
        if (berthi_cm_same_name(side->resources.items[i].name, name))
            return side->resources.items[i].type;
    return NULL;
}

static bool is_handle_of(const berthi_cm_type *type, uint16_t kind,
                         const berthi_cm_type *resource)
{
    return type != NULL && type->kind == kind && type->canon->items[0].type == resource->canon;
}

static bool is_constructor(const berthi_cm_type *func, const berthi_cm_type *resource)
{
    const berthi_cm_type *result = berthi_cm_func_result(func);

    if (result != NULL && result->kind == BERTHI_CM_RESULT)
        result = result->items[0].type;
    return is_handle_of(result, BERTHI_CM_OWN, resource);
}

static bool is_method(const berthi_cm_type *func, const berthi_cm_type *resource)
{
    return func->count > 1 && func->items[0].name.size == 4 &&
           memcmp(func->items[0].name.text, "self", 4) == 0 &&
           is_handle_of(func->items[0].type, BERTHI_CM_BORROW, resource);
}

/* What `[constructor]`, `[method]` and `[static]` say about a function must be so. */
static bool check_annotation(berthi_cm_types *s, const berthi_cm_side *side,
                             const berthi_cm_parsed_name *name, uint8_t sort,
                             const berthi_cm_type *type)
{
    const berthi_cm_type *resource;

    if (name->form == BERTHI_CM_NAME_LABEL || name->form == BERTHI_CM_NAME_INTERFACE)
        return true;
    if (sort != BERTHI_CM_FUNC)
        return BERTHI_CM_INVALID(s, "`%s`: only functions are constructors, methods or static",
                                 berthi_cm_show(name->plain).text);
    resource = find_resource(s, side, name->resource);
    if (resource == NULL)
        return BERTHI_CM_INVALID(s, "function name refers to a resource `%s` which is not here",
                                 berthi_cm_show(name->resource).text);
    if (name->form == BERTHI_CM_NAME_CONSTRUCTOR && !is_constructor(type, resource))
        return BERTHI_CM_INVALID(s, "function should return `own` of resource `%s`",
                                 berthi_cm_show(name->resource).text);
    return name->form != BERTHI_CM_NAME_METHOD || is_method(type, resource) ||
           BERTHI_CM_INVALID(
               s, "function should take a first argument `self`, a `borrow` of resource `%s`",
               berthi_cm_show(name->resource).text);
}

bool berthi_cm_check_name(berthi_cm_types *s, berthi_cm_side *side, berthi_name name,
                          const berthi_cm_attributes *attributes, uint8_t sort,
                          const berthi_cm_type *type)
{
    bool has_suffix = attributes != NULL && attributes->has_version_suffix;
    berthi_cm_parsed_name parsed;
    const berthi_cm_parsed_name *other;
    const char *why =
        berthi_cm_parse_name(name, has_suffix ? &attributes->version_suffix : NULL, &parsed);

    if (why != NULL)
        return BERTHI_CM_INVALID(s, "`%s` %s", berthi_cm_show(name).text, why);
    if (!check_attributes(s, attributes, &parsed, sort) ||
        !check_annotation(s, side, &parsed, sort, type))
        return false;
    if (!berthi_cm_add_name(s, &side->names, &parsed, &other))
        return other != NULL &&
               BERTHI_CM_INVALID(s, "name `%s` conflicts with previous name `%s`",
                                 berthi_cm_show(name).text, berthi_cm_show(other->plain).text);
    if (parsed.form != BERTHI_CM_NAME_LABEL || sort != BERTHI_CM_TYPE ||
        !berthi_cm_is_resource(type))
        return true;
    return berthi_cm_append(s, &side->resources,
                            (berthi_cm_extern){ .name = name, .sort = sort, .type = type });
}

/* ---------------------------------------------------------------- types */

static const berthi_cm_type *get_bound(berthi_cm_types *s, const berthi_cm_scope *scope,
                                       const berthi_cm_bound *bound)
{
    bool is_core = bound->sort == BERTHI_CM_CORE_MODULE;
    const berthi_cm_type *type =
        berthi_cm_get(s, scope, is_core ? BERTHI_CM_CORE_TYPE : BERTHI_CM_TYPE, bound->index);
    const char *what = NULL;

    if (type == NULL)
        return NULL;
    if (is_core && type->kind != BERTHI_CM_KIND_CORE_MODULE)
        what = "module";
    else if (bound->sort == BERTHI_CM_FUNC && !berthi_cm_is_func(type))
        what = "function";
    else if (bound->sort == BERTHI_CM_COMPONENT && type->kind != BERTHI_CM_COMPONENT_TYPE)
        what = "component";
    else if (bound->sort == BERTHI_CM_INSTANCE && type->kind != BERTHI_CM_INSTANCE_TYPE)
        what = "instance";
    if (what == NULL)
        return type;
    BERTHI_CM_INVALID(s, "%stype index %u is not a %s type", is_core ? "core " : "",
                      (unsigned)bound->index, what);
    return NULL;
}

/* What is so declared: instances opened, abstract resources fresh; the scope binds these. */
static const berthi_cm_type *declare(berthi_cm_types *s, berthi_cm_scope *scope, bool is_import,
                                     const berthi_cm_bound *bound)
{
    const berthi_cm_type *type;

    if (bound->sort == BERTHI_CM_TYPE && bound->is_sub_resource)
        return berthi_cm_bind_in(s, scope, is_import, berthi_cm_resource(s, NULL));
    type = get_bound(s, scope, bound);
    if (type == NULL || bound->sort != BERTHI_CM_INSTANCE)
        return type;
    return berthi_cm_open_in(s, scope, is_import, type);
}

/* Names it, makes it visible, and gives it an index. */
static bool introduce(berthi_cm_types *s, berthi_cm_scope *scope, bool is_import,
                      const berthi_cm_def *def, uint8_t sort, const berthi_cm_type *type)
{
    berthi_cm_side *side = is_import ? &scope->imports : &scope->exports;
    const berthi_cm_type *created = sort == BERTHI_CM_TYPE ? berthi_cm_named(s, type) : type;
    berthi_cm_extern item = { .name = def->name, .sort = sort, .type = created };

    return created != NULL &&
           berthi_cm_check_visible(s, scope, is_import, sort, type, created) &&
           berthi_cm_check_name(s, side, def->name, def->attributes, sort, created) &&
           berthi_cm_append(s, &side->items, item) && berthi_cm_add(s, scope, sort, created);
}

/* What no host gives to a root component, or takes from it. */
static bool check_root(berthi_cm_types *s, const berthi_cm_scope *scope, bool is_import,
                       uint8_t sort, uint32_t index)
{
    const berthi_cm_space *funcs = &scope->spaces[BERTHI_CM_FUNC];

    if (scope->kind != BERTHI_CM_SCOPE_COMPONENT || scope->outer != NULL)
        return true;
    if (sort == BERTHI_CM_COMPONENT)
        return BERTHI_CM_INVALID(
            s, is_import ? "root-level component imports are not offered"
                         : "exporting a component from the root component is not "
                           "offered");
    return is_import || sort != BERTHI_CM_FUNC || index >= funcs->count ||
           !funcs->items[index].is_imported ||
           BERTHI_CM_INVALID(s,
                             "a component export is a reexport of an imported function, which "
                             "is not offered");
}

bool berthi_cm_check_import(berthi_cm_types *s, berthi_cm_scope *scope,
                            const berthi_cm_def *def)
{
    const berthi_cm_type *type;
    uint8_t sort = def->bound.sort;

    if (!check_root(s, scope, true, sort, 0))
        return false;
    type = declare(s, scope, true, &def->bound);
    if (type == NULL || !introduce(s, scope, true, def, sort, type))
        return false;
    scope->spaces[sort].items[scope->spaces[sort].count - 1].is_imported = true;
    return true;
}

static bool is_exportable(uint8_t sort)
{
    return sort >= BERTHI_CM_FUNC || sort == BERTHI_CM_CORE_MODULE;
}

/* The actual thing may have the type that is ascribed; what that leaves open is found on the way and
 * then hidden again. */
static bool match_ascribed(berthi_cm_types *s, uint8_t sort, const berthi_cm_type *actual,
                           const berthi_cm_type *ascribed, const berthi_cm_list *bound,
                           uint32_t first)
{
    berthi_cm_type scratch = { .bound = bound->items, .bound_count = bound->count };
    bool ok;

    berthi_cm_make_variables(s, &scratch, first, bound->count, true);
    ok = berthi_cm_match(s, sort, actual, sort, ascribed);
    berthi_cm_make_variables(s, &scratch, first, bound->count, false);
    return ok;
}

static const berthi_cm_type *ascribe(berthi_cm_types *s, berthi_cm_scope *scope,
                                     const berthi_cm_def *def, const berthi_cm_type *actual)
{
    uint32_t first = scope->exports.bound.count;
    const berthi_cm_type *type;

    if (def->bound.sort != def->sort) {
        BERTHI_CM_INVALID(s, "ascribed type of export is not compatible: expected %s, found %s",
                          berthi_cm_sort_name(def->bound.sort), berthi_cm_sort_name(def->sort));
        return NULL;
    }
    type = declare(s, scope, false, &def->bound);
    if (type == NULL)
        return NULL;
    if (match_ascribed(s, def->sort, actual, type, &scope->exports.bound, first))
        return type;
    (void)berthi_diag_prefix(s->diag, s->status, "ascribed type of export is not compatible");
    return NULL;
}

bool berthi_cm_check_export(berthi_cm_types *s, berthi_cm_scope *scope,
                            const berthi_cm_def *def)
{
    const berthi_cm_type *type;

    if (scope->kind != BERTHI_CM_SCOPE_COMPONENT) {
        type = declare(s, scope, false, &def->bound);
        return type != NULL && introduce(s, scope, false, def, def->bound.sort, type);
    }
    if (!is_exportable(def->sort))
        return BERTHI_CM_INVALID(s, "a %s cannot be exported", berthi_cm_sort_name(def->sort));
    type = berthi_cm_get(s, scope, def->sort, def->index);
    if (type == NULL || !check_root(s, scope, false, def->sort, def->index))
        return false;
    if (def->has_bound)
        type = ascribe(s, scope, def, type);
    return type != NULL && introduce(s, scope, false, def, def->sort, type);
}
