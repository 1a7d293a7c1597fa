/* subtype.c - what may be given where something is asked for.  Layer: component.
 *
 * Value and function types must be equal.  Instances may export more than is asked for; components
 * and core modules may, besides, import less.  While two component types are compared, the
 * resources that the actual one imports stand for those of the expected one, and the other way
 * round for exports.  Errors name what was expected first. */
#include "component/types/types.h"

#include "base/diag.h"
#include "component/types/type_text.h"

void berthi_cm_make_variables(berthi_cm_types *s, const berthi_cm_type *type, uint32_t first,
                              uint32_t end, bool are_variables)
{
    for (uint32_t i = first; i < end; i++) {
        berthi_cm_type *resource = (berthi_cm_type *)(uintptr_t)type->bound[i];

        resource->is_variable = are_variables;
        berthi_cm_bind(s, resource, NULL);
    }
}

/* What is found where something else is wanted; lists of either sort are told apart. */
static const char *kind_name(const berthi_cm_type *type)
{
    if (type->kind == BERTHI_CM_FIXED_LIST)
        return "list of fixed length";
    return type->kind <= BERTHI_CM_BOOL ? berthi_cm_kind_word(type->kind) : "core item";
}

/* ---------------------------------------------------------------- core */

static bool match_size(berthi_cm_types *s, const berthi_wasm_size *actual,
                       const berthi_wasm_size *expected, const char *what)
{
    if (actual->is_shared != expected->is_shared)
        return BERTHI_CM_INVALID(s, "mismatch in the shared flag for memories");
    if (actual->is_64 != expected->is_64)
        return BERTHI_CM_INVALID(s, "mismatch in the index type of a %s", what);
    if (actual->min < expected->min ||
        (expected->has_max && (!actual->has_max || actual->max > expected->max)))
        return BERTHI_CM_INVALID(s, "mismatch in %s limits", what);
    return true;
}

bool berthi_cm_match_core(berthi_cm_types *s, const berthi_cm_type *actual,
                          const berthi_cm_type *expected)
{
    if (actual->kind != expected->kind)
        return BERTHI_CM_INVALID(s, "expected %s, found %s",
                                 berthi_cm_sort_name(berthi_cm_core_sort(expected)),
                                 berthi_cm_sort_name(berthi_cm_core_sort(actual)));
    switch (expected->kind) {
    case BERTHI_CM_KIND_CORE_FUNC:
        return actual == expected ||
               BERTHI_CM_INVALID(s, "expected a core function of another type");
    case BERTHI_CM_KIND_CORE_TABLE:
        if (actual->table.element_type != expected->table.element_type)
            return BERTHI_CM_INVALID(s, "expected another table element type");
        return match_size(s, &actual->table.size, &expected->table.size, "table");
    case BERTHI_CM_KIND_CORE_MEMORY:
        return match_size(s, &actual->memory, &expected->memory, "memory");
    default:
        return (actual->global.type == expected->global.type &&
                actual->global.is_mutable == expected->global.is_mutable) ||
               BERTHI_CM_INVALID(s, "expected another global type");
    }
}

static bool import_is_offered(berthi_cm_types *s, const berthi_cm_extern *wanted,
                              const berthi_cm_type *expected)
{
    for (uint32_t i = 0; i < expected->imports_count; i++) {
        const berthi_cm_extern *offer = &expected->items[i];

        if (!berthi_cm_charge_name(s, wanted->name) ||
            !berthi_cm_charge_name(s, wanted->module))
            return false;
        if (berthi_cm_same_name(offer->name, wanted->name) &&
            berthi_cm_same_name(offer->module, wanted->module))
            return berthi_cm_match_core(s, offer->type, wanted->type);
    }
    return BERTHI_CM_INVALID(s, "missing expected import `%s::%s`",
                             berthi_cm_show(wanted->module).text,
                             berthi_cm_show(wanted->name).text);
}

static bool match_module(berthi_cm_types *s, const berthi_cm_type *actual,
                         const berthi_cm_type *expected)
{
    if (actual == expected)
        return true;
    for (uint32_t i = 0; i < actual->imports_count; i++)
        if (!import_is_offered(s, &actual->items[i], expected))
            return false;
    for (uint32_t i = expected->imports_count; i < expected->count; i++) {
        const berthi_cm_extern *wanted = &expected->items[i];
        const berthi_cm_extern *found = berthi_cm_find(s, actual, wanted->name);

        if (found == NULL)
            return BERTHI_CM_INVALID(s, "missing expected export `%s`",
                                     berthi_cm_show(wanted->name).text);
        if (!berthi_cm_match_core(s, found->type, wanted->type))
            return false;
    }
    return true;
}

/* ---------------------------------------------------------------- components */

static bool match_exports(berthi_cm_types *s, const berthi_cm_type *actual,
                          const berthi_cm_type *expected)
{
    if (actual == expected)
        return true;
    for (uint32_t i = expected->imports_count; i < expected->count; i++) {
        const berthi_cm_extern *wanted = &expected->items[i];
        const berthi_cm_extern *found = berthi_cm_find(s, actual, wanted->name);

        if (found == NULL)
            return BERTHI_CM_INVALID(s, "missing expected export `%s`",
                                     berthi_cm_show(wanted->name).text);
        if (!berthi_cm_match(s, found->sort, found->type, wanted->sort, wanted->type)) {
            if (s->status == BERTH_E_REJECTED)
                (void)berthi_diag_prefix(s->diag, s->status, "type mismatch in export `%s`",
                                         berthi_cm_show(wanted->name).text);
            return false;
        }
    }
    return true;
}

static const berthi_cm_extern *find_import(berthi_cm_types *s, const berthi_cm_type *component,
                                           berthi_name name)
{
    for (uint32_t i = 0; i < component->imports_count && berthi_cm_charge_name(s, name); i++)
        if (berthi_cm_same_name(component->items[i].name, name))
            return &component->items[i];
    return NULL;
}

/* Everything that the actual component imports is among what the expected one does. */
static bool match_imports(berthi_cm_types *s, const berthi_cm_type *actual,
                          const berthi_cm_type *expected)
{
    for (uint32_t i = 0; i < actual->imports_count; i++) {
        const berthi_cm_extern *wanted = &actual->items[i];
        const berthi_cm_extern *offer = find_import(s, expected, wanted->name);

        if (offer == NULL)
            return BERTHI_CM_INVALID(s, "missing expected import `%s`",
                                     berthi_cm_show(wanted->name).text);
        if (!berthi_cm_match(s, offer->sort, offer->type, wanted->sort, wanted->type))
            return false;
    }
    return true;
}

/* What a comparison makes variables.  A type may be met again while it is compared, as a part of the
 * other one: then what its resources stood for is put aside. */
typedef struct variables {
    const berthi_cm_type *type;
    uint32_t first, end;
    struct put_aside {
        bool is_variable;
        const berthi_cm_type *stands_for;
    } * before; /* NULL: it is met for the first time */
} variables;

/* False: failed. */
static bool begin_variables(berthi_cm_types *s, const berthi_cm_type *type, uint32_t first,
                            uint32_t end, variables *v)
{
    bool is_met_again = false;

    *v = (variables){ .type = type, .first = first, .end = end };
    for (uint32_t i = first; i < end; i++)
        is_met_again |= type->bound[i]->is_variable || type->bound[i]->stands_for != NULL;
    if (is_met_again) {
        if (!berthi_cm_charge(s, end - first))
            return false;
        v->before = berthi_cm_make(s, end - first, sizeof *v->before);
        if (v->before == NULL)
            return false;
        for (uint32_t i = first; i < end; i++)
            v->before[i - first] =
                (struct put_aside){ type->bound[i]->is_variable, type->bound[i]->stands_for };
    }
    berthi_cm_make_variables(s, type, first, end, true);
    return true;
}

static void end_variables(berthi_cm_types *s, const variables *v)
{
    berthi_cm_make_variables(s, v->type, v->first, v->end, false);
    for (uint32_t i = v->first; v->before != NULL && i < v->end; i++) {
        berthi_cm_type *resource = (berthi_cm_type *)(uintptr_t)v->type->bound[i];

        resource->is_variable = v->before[i - v->first].is_variable;
        berthi_cm_bind(s, resource, v->before[i - v->first].stands_for);
    }
}

static bool match_component(berthi_cm_types *s, const berthi_cm_type *actual,
                            const berthi_cm_type *expected)
{
    const berthi_cm_type *given;
    variables v;
    bool ok;

    if (actual == expected)
        return true;
    expected = berthi_cm_substitute(s, expected);
    if (expected == NULL || !begin_variables(s, actual, 0, actual->bound_imports, &v))
        return false;
    ok = match_imports(s, actual, expected);
    given = ok ? berthi_cm_substitute(s, actual) : NULL;
    end_variables(s, &v);
    if (given == NULL ||
        !begin_variables(s, expected, expected->bound_imports, expected->bound_count, &v))
        return false;
    ok = match_exports(s, given, expected);
    end_variables(s, &v);
    return ok;
}

/* A closed instance type against another: what the expected one binds may be anything. */
static bool match_instance_types(berthi_cm_types *s, const berthi_cm_type *actual,
                                 const berthi_cm_type *expected)
{
    variables v;
    bool ok;

    if (actual == expected)
        return true;
    if (!begin_variables(s, expected, 0, expected->bound_count, &v))
        return false;
    ok = match_exports(s, actual, expected);
    end_variables(s, &v);
    return ok;
}

/* ---------------------------------------------------------------- everything */

static bool match_type(berthi_cm_types *s, const berthi_cm_type *actual,
                       const berthi_cm_type *expected)
{
    const berthi_cm_type *variable = expected->canon, *wanted;

    if (berthi_cm_is_resource(expected) && variable->is_variable &&
        variable->stands_for == NULL) {
        if (!berthi_cm_is_resource(actual))
            return BERTHI_CM_INVALID(s, "expected resource, found %s", kind_name(actual));
        berthi_cm_bind(s, variable, actual->canon);
        return true;
    }
    wanted = berthi_cm_substitute(s, expected);
    if (wanted == NULL)
        return false;
    if (actual->canon == wanted->canon)
        return true;
    if (actual->kind != wanted->kind)
        return BERTHI_CM_INVALID(s, "expected %s, found %s", kind_name(wanted),
                                 kind_name(actual));
    if (wanted->kind == BERTHI_CM_INSTANCE_TYPE)
        return match_instance_types(s, actual, wanted) &&
               match_instance_types(s, wanted, actual);
    if (wanted->kind == BERTHI_CM_COMPONENT_TYPE)
        return match_component(s, actual, wanted) && match_component(s, wanted, actual);
    if (berthi_cm_is_resource(wanted))
        return BERTHI_CM_INVALID(s, "resource types are not the same");
    return BERTHI_CM_INVALID(s, "type mismatch: another %s", kind_name(wanted));
}

bool berthi_cm_match(berthi_cm_types *s, uint8_t actual_sort, const berthi_cm_type *actual,
                     uint8_t expected_sort, const berthi_cm_type *expected)
{
    const berthi_cm_type *wanted;

    if (!berthi_cm_charge(s, 1))
        return false;
    if (actual_sort != expected_sort)
        return BERTHI_CM_INVALID(s, "expected %s, found %s", berthi_cm_sort_name(expected_sort),
                                 berthi_cm_sort_name(actual_sort));
    switch (expected_sort) {
    case BERTHI_CM_FUNC:
        wanted = berthi_cm_substitute(s, expected);
        return wanted != NULL &&
               (wanted->canon == actual->canon ||
                BERTHI_CM_INVALID(s, "type mismatch: a function of another type"));
    case BERTHI_CM_TYPE:
        return match_type(s, actual, expected);
    case BERTHI_CM_INSTANCE:
        return match_exports(s, actual, expected);
    case BERTHI_CM_COMPONENT:
        return match_component(s, actual, expected);
    default:
        assert(expected_sort == BERTHI_CM_CORE_MODULE);
        return match_module(s, actual, expected);
    }
}
