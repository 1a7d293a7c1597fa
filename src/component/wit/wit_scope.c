/* wit_scope.c - index spaces of types and instances, by the names that WIT has for them.
 * Layer: component. */
#include "component/wit/wit_scope.h"

#include "base/utf8.h"

bool berthi_wit_scopes_fail(wit_scopes *s, berth_status status, const char *what,
                            berthi_name name)
{
    char shown[72];

    if (s->status != BERTH_OK)
        return false;
    berthi_utf8_show(shown, sizeof shown, name.text, name.size);
    s->status = name.size == 0 ? berthi_fail(s->diag, status, "%s", what)
                               : berthi_fail(s->diag, status, "`%s` %s", shown, what);
    return false;
}

static void *make(wit_scopes *s, size_t count, size_t size)
{
    void *p = s->status == BERTH_OK ? berthi_arena_array(s->arena, count, size) : NULL;

    if (p == NULL && s->status == BERTH_OK)
        s->status = berthi_fail(s->diag, BERTH_E_NOMEM, "no memory to read WIT");
    return p;
}

static const wit_scope *outwards(const wit_scope *scope, uint32_t count)
{
    while (count-- > 0 && scope != NULL)
        scope = scope->parent;
    return scope;
}

/* A type of an imported instance; its scope is not looked into, because names are enough. */
static void add_alias(wit_scope *scope, const berthi_cm_def *def)
{
    wit_entry *entry;

    if (def->sort == BERTHI_CM_INSTANCE)
        scope->instances[scope->instances_count++] = def->name;
    if (def->sort != BERTHI_CM_TYPE)
        return;
    entry = &scope->types[scope->types_count++];
    if (def->form == BERTHI_CM_ALIAS_EXPORT)
        *entry = (wit_entry){ .kind = WIT_ENTRY_FOREIGN,
                              .name = def->name,
                              .interface = scope->instances[def->index] };
    else
        *entry = outwards(scope, def->outer)->types[def->index];
}

static void add_extern(wit_scope *scope, const berthi_cm_def *def)
{
    uint8_t sort =
        def->has_bound || def->kind == BERTHI_CM_DEF_IMPORT ? def->bound.sort : def->sort;

    if (sort == BERTHI_CM_INSTANCE)
        scope->instances[scope->instances_count++] = def->name;
    if (sort != BERTHI_CM_TYPE)
        return;
    scope->types[scope->types_count++] =
        (wit_entry){ .kind = WIT_ENTRY_NAMED, .name = def->name, .scope = scope };
}

const wit_scope *berthi_wit_scope_make(wit_scopes *s, const wit_scope *parent,
                                       const berthi_cm_def *decls, uint32_t count)
{
    wit_scope *scope = make(s, 1, sizeof *scope);

    if (scope == NULL)
        return NULL;
    if (s->decls_left < count) {
        berthi_wit_scopes_fail(s, BERTH_E_LIMIT, "too much work for WIT",
                               (berthi_name){ "", 0 });
        return NULL;
    }
    s->decls_left -= count;
    *scope = (wit_scope){ .parent = parent, .decls = decls, .decls_count = count };
    scope->types = make(s, count, sizeof *scope->types);
    scope->instances = make(s, count, sizeof *scope->instances);
    if (scope->types == NULL || scope->instances == NULL)
        return NULL;
    for (uint32_t i = 0; i < count; i++) {
        const berthi_cm_def *def = &decls[i];

        if (def->kind == BERTHI_CM_DEF_TYPE)
            scope->types[scope->types_count++] =
                (wit_entry){ .type = def->u.type, .scope = scope };
        else if (def->kind == BERTHI_CM_DEF_ALIAS)
            add_alias(scope, def);
        else if (def->kind == BERTHI_CM_DEF_INSTANCE)
            scope->instances[scope->instances_count++] = def->name;
        else if (def->kind == BERTHI_CM_DEF_IMPORT || def->kind == BERTHI_CM_DEF_EXPORT)
            add_extern(scope, def);
    }
    return scope;
}

const wit_scope *berthi_wit_scope_inside(wit_scopes *s, const wit_entry *entry)
{
    if (entry->kind != WIT_ENTRY_PLAIN || (entry->type->code != BERTHI_CM_INSTANCE_TYPE &&
                                           entry->type->code != BERTHI_CM_COMPONENT_TYPE)) {
        berthi_wit_scopes_fail(s, BERTH_E_REJECTED, "is not written out where it is needed",
                               entry->name);
        return NULL;
    }
    return berthi_wit_scope_make(s, entry->scope, entry->type->decls, entry->type->count);
}

berth_status berthi_wit_scopes_find(const uint8_t **bytes, size_t *size, berthi_arena *arena,
                                    berth_diag *diag)
{
    static const char prefix[] = "component-type";
    berthi_wasm_info info;
    berth_status status;

    if (berthi_wasm_form(*bytes, *size) != BERTHI_FORM_MODULE)
        return BERTH_OK;
    status = berthi_wasm_read(*bytes, *size, arena, &info, diag);
    if (status != BERTH_OK)
        return status;
    for (uint32_t i = 0; i < info.sections_count; i++) {
        const berthi_wasm_section *section = &info.sections[i];

        if (section->id != 0 || section->name.size < sizeof prefix - 1 ||
            memcmp(section->name.text, prefix, sizeof prefix - 1) != 0)
            continue;
        *bytes += section->body.offset;
        *size = section->body.size;
        return BERTH_OK;
    }
    return berthi_fail(diag, BERTH_E_REJECTED, "a core module without a section %s", prefix);
}
