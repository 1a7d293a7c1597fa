/* validate_core.c - core types and core instances within a component.  Layer: component. */
#include "component/validate/validate.h"

/* ---------------------------------------------------------------- module types */

typedef struct module_scope {
    const berthi_cm_scope *outer;
    const berthi_cm_type **types;
    uint32_t types_count;
    berthi_cm_externs imports, exports;
} module_scope;

static const berthi_cm_type *outer_core_type(berthi_cm_types *s, const module_scope *m,
                                             const berthi_cm_core_decl_def *decl)
{
    const berthi_cm_scope *scope = m->outer;
    const berthi_cm_type *type;

    if (decl->outer == 0) {
        if (decl->index < m->types_count)
            return m->types[decl->index];
        BERTHI_CM_INVALID(s, "unknown core type %u: index out of bounds",
                          (unsigned)decl->index);
        return NULL;
    }
    for (uint32_t i = 1; i < decl->outer && scope != NULL; i++)
        scope = scope->outer;
    if (scope == NULL) {
        BERTHI_CM_INVALID(s, "invalid outer alias count of %u", (unsigned)decl->outer);
        return NULL;
    }
    type = berthi_cm_get(s, scope, BERTHI_CM_CORE_TYPE, decl->index);
    if (type != NULL && type->kind == BERTHI_CM_KIND_CORE_MODULE) {
        BERTHI_CM_INVALID(s, "a module type cannot be aliased into a module type");
        return NULL;
    }
    return type;
}

static const berthi_cm_type *extern_type(berthi_cm_types *s, const module_scope *m,
                                         const berthi_cm_core_decl_def *decl)
{
    switch (decl->extern_kind) {
    case BERTHI_EXTERN_FUNC:
        if (decl->index < m->types_count)
            return m->types[decl->index];
        BERTHI_CM_INVALID(s, "unknown core type %u: index out of bounds",
                          (unsigned)decl->index);
        return NULL;
    case BERTHI_EXTERN_TABLE:
        return berthi_cm_core_table(s, &decl->table);
    case BERTHI_EXTERN_MEMORY:
        return berthi_cm_core_memory(s, &decl->memory);
    default:
        return berthi_cm_core_global(s, &decl->global);
    }
}

static bool check_declarator(berthi_cm_types *s, module_scope *m,
                             const berthi_cm_core_decl_def *decl)
{
    berthi_cm_extern item = { .name = decl->name, .module = decl->module };
    const berthi_cm_type *type;

    switch (decl->kind) {
    case BERTHI_CM_DECL_TYPE:
    case BERTHI_CM_DECL_ALIAS:
        type = decl->kind == BERTHI_CM_DECL_TYPE ? berthi_cm_core_func(s, &decl->type)
                                                 : outer_core_type(s, m, decl);
        if (type != NULL)
            m->types[m->types_count++] = type;
        return type != NULL;
    default:
        item.type = extern_type(s, m, decl);
        if (item.type == NULL)
            return false;
        item.sort = berthi_cm_core_sort(item.type);
        return berthi_cm_append(
            s, decl->kind == BERTHI_CM_DECL_IMPORT ? &m->imports : &m->exports, item);
    }
}

/* No name twice among the exports. */
static bool check_distinct(berthi_cm_types *s, const berthi_cm_type *type, const char *what)
{
    for (uint32_t i = type->imports_count; i < type->count; i++) {
        const berthi_cm_extern *found = berthi_cm_find(s, type, type->items[i].name);

        if (s->status == BERTH_OK && found != &type->items[i])
            return BERTHI_CM_INVALID(s, "%s name `%s` already defined", what,
                                     berthi_cm_show(type->items[i].name).text);
    }
    return s->status == BERTH_OK;
}

static const berthi_cm_type *make_module_type(berthi_cm_types *s, const berthi_cm_scope *scope,
                                              const berthi_cm_core_type_def *def)
{
    module_scope m = { .outer = scope };
    const berthi_cm_type *type;

    m.types = berthi_cm_make(s, def->count, sizeof *m.types);
    for (uint32_t i = 0; m.types != NULL && i < def->count; i++)
        if (!check_declarator(s, &m, &def->decls[i]))
            return NULL;
    if (m.types == NULL || !berthi_cm_check_imports(s, m.imports.items, m.imports.count))
        return NULL;
    for (uint32_t i = 0; i < m.exports.count; i++)
        if (!berthi_cm_append(s, &m.imports, m.exports.items[i]))
            return NULL;
    type = berthi_cm_assemble(s, BERTHI_CM_KIND_CORE_MODULE, m.imports.count - m.exports.count,
                              m.imports.count, m.imports.items);
    return type != NULL && check_distinct(s, type, "export") ? type : NULL;
}

bool berthi_cm_check_core_type(berthi_cm_types *s, berthi_cm_scope *scope,
                               const berthi_cm_core_type_def *def)
{
    const berthi_cm_type *type =
        def->is_module ? make_module_type(s, scope, def) : berthi_cm_core_func(s, &def->type);

    return berthi_cm_add(s, scope, BERTHI_CM_CORE_TYPE, type);
}

/* ---------------------------------------------------------------- instances */

/* The arguments as a type with a core instance under each name. */
static const berthi_cm_type *gather_arguments(berthi_cm_types *s, const berthi_cm_scope *scope,
                                              const berthi_cm_def *def)
{
    berthi_cm_extern *items = berthi_cm_make(s, def->count, sizeof *items);
    const berthi_cm_type *gathered;

    for (uint32_t i = 0; items != NULL && i < def->count; i++) {
        const berthi_cm_item *item = &def->u.items[i];

        items[i].name = item->name;
        items[i].sort = item->sort;
        items[i].type = berthi_cm_get(s, scope, item->sort, item->index);
        if (items[i].type == NULL)
            return NULL;
    }
    if (items == NULL)
        return NULL;
    gathered = berthi_cm_assemble(s, BERTHI_CM_KIND_CORE_INSTANCE, 0, def->count, items);
    return gathered != NULL && check_distinct(s, gathered,
                                              def->is_instantiate
                                                  ? "duplicate module instantiation argument"
                                                  : "export")
               ? gathered
               : NULL;
}

static bool check_import(berthi_cm_types *s, const berthi_cm_extern *import,
                         const berthi_cm_type *arguments)
{
    const berthi_cm_extern *argument = berthi_cm_find(s, arguments, import->module), *found;

    if (argument == NULL)
        return BERTHI_CM_INVALID(s, "missing module instantiation argument named `%s`",
                                 berthi_cm_show(import->module).text);
    found = berthi_cm_find(s, argument->type, import->name);
    if (found == NULL)
        return BERTHI_CM_INVALID(
            s, "module instantiation argument `%s` does not export an item named `%s`",
            berthi_cm_show(import->module).text, berthi_cm_show(import->name).text);
    if (berthi_cm_match_core(s, found->type, import->type))
        return true;
    (void)berthi_diag_prefix(s->diag, s->status, "import `%s::%s`",
                             berthi_cm_show(import->module).text,
                             berthi_cm_show(import->name).text);
    return false;
}

static const berthi_cm_type *instantiate(berthi_cm_types *s, const berthi_cm_scope *scope,
                                         const berthi_cm_def *def)
{
    const berthi_cm_type *module = berthi_cm_get(s, scope, BERTHI_CM_CORE_MODULE, def->index);
    const berthi_cm_type *arguments = module == NULL ? NULL : gather_arguments(s, scope, def);
    berthi_cm_type *instance;

    if (arguments == NULL)
        return NULL;
    for (uint32_t i = 0; i < module->imports_count; i++)
        if (!check_import(s, &module->items[i], arguments))
            return NULL;
    instance = berthi_cm_assemble(s, BERTHI_CM_KIND_CORE_INSTANCE, 0,
                                  module->count - module->imports_count,
                                  module->items + module->imports_count);
    return instance;
}

static const berthi_cm_type *make_of_exports(berthi_cm_types *s, const berthi_cm_scope *scope,
                                             const berthi_cm_def *def)
{
    for (uint32_t i = 0; i < def->count; i++)
        if (def->u.items[i].sort > BERTHI_CM_CORE_TAG) {
            BERTHI_CM_INVALID(s, "a core instance cannot export a %s",
                              berthi_cm_sort_name(def->u.items[i].sort));
            return NULL;
        }
    return gather_arguments(s, scope, def);
}

bool berthi_cm_check_core_instance(berthi_cm_types *s, berthi_cm_scope *scope,
                                   const berthi_cm_def *def)
{
    return berthi_cm_add(s, scope, BERTHI_CM_CORE_INSTANCE,
                         def->is_instantiate ? instantiate(s, scope, def)
                                             : make_of_exports(s, scope, def));
}
