/* wit_decode.c - component types of interfaces and worlds as WIT text.  Layer: component.
 *
 * Works on the definitions of a component that was validated, so that every index is right and types
 * are nested no deeper than BERTHI_CM_TYPE_DEPTH_MAX, which bounds the recursion here.  Whether the
 * text resolves is left to whoever reads it. */
#include "component/wit/wit_decode.h"

#include "base/diag.h"
#include "component/component.h"
#include "component/types/type_text.h"
#include "component/wit/wit_docs.h"
#include "component/wit/wit_scope.h"
#include "contract/wit_print.h"

enum { FOREIGN_MAX = 1000, WORK_MAX = 20000000 };

/* An interface of another package that the types refer to, in the fullest form seen. */
typedef struct foreign {
    berthi_name id;
    const wit_entry *type; /* its instance type */
    bool is_written;
} foreign;

typedef struct decoder {
    wit_scopes scopes;
    berthi_text_buf *out;
    berthi_name package;                  /* "ns:pkg" */
    berthi_name version;                  /* empty: none */
    berthi_name current, current_version; /* of what is being written */
    foreign *foreign;
    uint32_t foreign_count;
    uint32_t work_left;
    unsigned indent;
    const berthi_json *docs, *place; /* of the package, and of what is being written; or NULL */
} decoder;

/* ---------------------------------------------------------------- text */

static bool fail(decoder *d, const char *what, berthi_name name)
{
    return berthi_wit_scopes_fail(&d->scopes, BERTH_E_REJECTED, what, name);
}

/* False: failed, or the text has grown past what anybody reads. */
static bool is_good(decoder *d)
{
    if (d->scopes.status == BERTH_OK && d->out->size > BERTHI_WIT_BYTES_MAX)
        berthi_wit_scopes_fail(&d->scopes, BERTH_E_LIMIT, "more WIT than is read",
                               (berthi_name){ "", 0 });
    return d->scopes.status == BERTH_OK && !d->out->has_failed;
}

static void put(decoder *d, const char *text)
{
    berthi_text_buf_puts(d->out, text);
}

static void put_name(decoder *d, berthi_name name)
{
    berthi_wit_put_name(d->out, name.text, name.size);
}

static void put_line(decoder *d, const char *text)
{
    berthi_text_buf_fill(d->out, ' ', 2 * (size_t)d->indent);
    put(d, text);
}

/* What stands in front of an item. */
static void put_head(decoder *d, const char *group, berthi_name name,
                     const berthi_cm_attributes *attributes)
{
    berthi_wit_docs_put(berthi_wit_docs_of(d->place, group, name), d->indent, d->out);
    if (attributes != NULL && attributes->has_external_id) {
        put_line(d, "");
        berthi_wit_put_external_id(d->out, attributes->external_id.text,
                                   attributes->external_id.size);
    }
}

/* "ns:pkg/name@version" in its parts; false when it is none. */
static bool split_id(berthi_name id, berthi_name *package, berthi_name *name,
                     berthi_name *version)
{
    const char *slash = id.size == 0 ? NULL : memchr(id.text, '/', id.size), *at, *end;

    if (slash == NULL)
        return false;
    end = id.text + id.size;
    at = memchr(slash, '@', (size_t)(end - slash));
    *package = (berthi_name){ id.text, (uint32_t)(slash - id.text) };
    *version =
        at == NULL ? (berthi_name){ "", 0 } : (berthi_name){ at + 1, (uint32_t)(end - at - 1) };
    *name = (berthi_name){ slash + 1, (uint32_t)((at == NULL ? end : at) - slash - 1) };
    return true;
}

static bool put_package(decoder *d, berthi_name package)
{
    const char *colon = memchr(package.text, ':', package.size);

    if (colon == NULL)
        return fail(d, "is no name of a package", package);
    put_name(d, (berthi_name){ package.text, (uint32_t)(colon - package.text) });
    put(d, ":");
    put_name(d,
             (berthi_name){ colon + 1, (uint32_t)(package.text + package.size - colon - 1) });
    return true;
}

static void put_version(decoder *d, berthi_name version)
{
    if (version.size == 0)
        return;
    put(d, "@");
    berthi_text_buf_put(d->out, version.text, version.size);
}

/* A bare name in the package that is being written. */
static bool put_path(decoder *d, berthi_name id)
{
    berthi_name package, name, version;

    if (!split_id(id, &package, &name, &version))
        return fail(d, "is no name of an interface", id);
    if (berthi_cm_same_name(package, d->current) &&
        berthi_cm_same_name(version, d->current_version)) {
        put_name(d, name);
        return true;
    }
    if (!put_package(d, package))
        return false;
    put(d, "/");
    put_name(d, name);
    put_version(d, version);
    return true;
}

/* ---------------------------------------------------------------- types */

static bool put_type(decoder *d, const wit_scope *scope, berthi_cm_ref ref);

static bool put_resource_name(decoder *d, const wit_scope *scope, uint32_t index)
{
    const wit_entry *entry = &scope->types[index];

    if (entry->kind != WIT_ENTRY_NAMED)
        return fail(d, "a handle of what has no name here", entry->name);
    put_name(d, entry->name);
    return true;
}

static bool put_tuple(decoder *d, const wit_scope *scope, const berthi_cm_type_def *type)
{
    for (uint32_t i = 0; i < type->count; i++) {
        put(d, i == 0 ? "" : ", ");
        if (!put_type(d, scope, type->labels[i].type))
            return false;
    }
    return true;
}

/* Other types have names in WIT. */
static bool may_be_nameless(uint8_t code)
{
    return code >= BERTHI_CM_MAP && code <= BERTHI_CM_BOOL && code != BERTHI_CM_RECORD &&
           code != BERTHI_CM_VARIANT && code != BERTHI_CM_FLAGS && code != BERTHI_CM_ENUM;
}

/* The parts of a type without a name, between angle brackets. */
static bool put_parts(decoder *d, const wit_scope *scope, const berthi_cm_type_def *type)
{
    bool has_first = type->first != BERTHI_CM_NONE, has_second = type->second != BERTHI_CM_NONE;

    if (type->code == BERTHI_CM_TUPLE) {
        put(d, "<");
        if (!put_tuple(d, scope, type))
            return false;
        put(d, ">");
        return true;
    }
    if (type->code >= BERTHI_CM_STRING || type->code == BERTHI_CM_ERROR_CONTEXT)
        return true; /* a primitive */
    if (type->code != BERTHI_CM_RESULT && type->code != BERTHI_CM_MAP)
        has_second = false;
    if (!has_first && !has_second)
        return true;
    put(d, has_first ? "<" : "<_");
    if (has_first && !put_type(d, scope, type->first))
        return false;
    put(d, has_second ? ", " : "");
    if (has_second && !put_type(d, scope, type->second))
        return false;
    if (type->code == BERTHI_CM_FIXED_LIST)
        berthi_text_buf_putf(d->out, ", %u", (unsigned)type->length);
    put(d, ">");
    return true;
}

/* A type where a value is meant.  Calls itself for parts, as deep as types may be. */
static bool put_type(decoder *d, const wit_scope *scope, berthi_cm_ref ref)
{
    const berthi_cm_type_def *type;
    const wit_entry *entry;

    if (!is_good(d))
        return false;
    if (ref < 0) {
        put(d, berthi_cm_kind_word((uint8_t)(-(int64_t)ref)));
        return true;
    }
    entry = &scope->types[ref];
    if (entry->kind == WIT_ENTRY_NAMED) {
        put_name(d, entry->name);
        return true;
    }
    if (entry->kind != WIT_ENTRY_PLAIN)
        return fail(d, "is a type of an interface that is not used here", entry->name);
    type = entry->type;
    if (type->code == BERTHI_CM_OWN)
        return put_resource_name(d, entry->scope, type->index);
    if (type->code == BERTHI_CM_BORROW) {
        put(d, "borrow<");
        if (!put_resource_name(d, entry->scope, type->index))
            return false;
        put(d, ">");
        return true;
    }
    if (!may_be_nameless(type->code))
        return fail(d, "a type that needs a name has none", entry->name);
    put(d, berthi_cm_kind_word(type->code));
    return put_parts(d, entry->scope, type);
}

static bool put_labels(decoder *d, const wit_entry *entry, const char *keyword,
                       berthi_name name)
{
    const berthi_cm_type_def *type = entry->type;
    const berthi_json *docs = berthi_wit_docs_of(d->place, "types", name);
    bool is_record = type->code == BERTHI_CM_RECORD;

    put_line(d, keyword);
    put(d, " ");
    put_name(d, name);
    put(d, " {\n");
    d->indent++;
    for (uint32_t i = 0; i < type->count; i++) {
        bool has_type = (is_record || type->code == BERTHI_CM_VARIANT) &&
                        type->labels[i].type != BERTHI_CM_NONE;

        berthi_wit_docs_put(berthi_wit_docs_of(docs, "items", type->labels[i].name), d->indent,
                            d->out);
        put_line(d, "");
        put_name(d, type->labels[i].name);
        put(d, !has_type ? "" : is_record ? ": " : "(");
        if (has_type && !put_type(d, entry->scope, type->labels[i].type))
            return false;
        put(d, has_type && !is_record ? "),\n" : ",\n");
    }
    d->indent--;
    put_line(d, "}\n");
    return is_good(d);
}

/* `type name = ...;`, where a handle that owns is not written as the resource. */
static bool put_alias(decoder *d, const wit_scope *scope, uint32_t index, berthi_name name)
{
    const wit_entry *entry = &scope->types[index];
    bool is_own = entry->kind == WIT_ENTRY_PLAIN && entry->type->code == BERTHI_CM_OWN;

    put_line(d, "type ");
    put_name(d, name);
    put(d, is_own ? " = own<" : " = ");
    if (!put_type(d, scope, (berthi_cm_ref)index))
        return false;
    put(d, is_own ? ">;\n" : ";\n");
    return true;
}

/* The type `name`, which is equal to the one at `index`. */
static bool put_definition(decoder *d, const wit_scope *scope, uint32_t index, berthi_name name)
{
    const wit_entry *entry = &scope->types[index];

    if (entry->kind == WIT_ENTRY_FOREIGN) {
        put_line(d, "use ");
        if (!put_path(d, entry->interface))
            return false;
        put(d, ".{");
        put_name(d, entry->name);
        put(d, berthi_cm_same_name(entry->name, name) ? "" : " as ");
        if (!berthi_cm_same_name(entry->name, name))
            put_name(d, name);
        put(d, "};\n");
        return true;
    }
    if (entry->kind == WIT_ENTRY_PLAIN) {
        switch (entry->type->code) {
        case BERTHI_CM_RECORD:
            return put_labels(d, entry, "record", name);
        case BERTHI_CM_VARIANT:
            return put_labels(d, entry, "variant", name);
        case BERTHI_CM_ENUM:
            return put_labels(d, entry, "enum", name);
        case BERTHI_CM_FLAGS:
            return put_labels(d, entry, "flags", name);
        default:
            break;
        }
    }
    return put_alias(d, scope, index, name);
}

/* ---------------------------------------------------------------- functions */

typedef struct func_name {
    const char *form; /* "method", "static", "constructor"; NULL: a free function */
    berthi_name resource, plain;
} func_name;

static func_name split_func_name(berthi_name name)
{
    static const char *const forms[] = { "constructor", "method", "static" };
    func_name split = { .plain = name };

    for (unsigned i = 0; i < 3; i++) {
        uint32_t size = (uint32_t)strlen(forms[i]) + 2;
        const char *rest = name.text + size, *end = name.text + name.size, *dot;

        if (name.size <= size || name.text[0] != '[' || name.text[size - 1] != ']' ||
            memcmp(name.text + 1, forms[i], size - 2) != 0)
            continue;
        split.form = forms[i];
        split.resource = (berthi_name){ rest, (uint32_t)(end - rest) };
        dot = i == 0 ? NULL : memchr(rest, '.', (size_t)(end - rest));
        if (dot == NULL)
            continue;
        split.resource.size = (uint32_t)(dot - rest);
        split.plain = (berthi_name){ dot + 1, (uint32_t)(end - dot - 1) };
    }
    return split;
}

static bool put_signature(decoder *d, const wit_scope *scope, const func_name *name,
                          uint32_t index)
{
    const wit_entry *entry = &scope->types[index];
    const berthi_cm_type_def *type = entry->type;
    bool has_self = name->form != NULL && name->form[0] == 'm';
    const wit_entry *result;

    if (name->form == NULL || name->form[0] != 'c')
        put(d, type->code == BERTHI_CM_ASYNC_FUNC_TYPE ? "async func" : "func");
    put(d, "(");
    for (uint32_t i = has_self; i < type->count; i++) {
        put(d, i == has_self ? "" : ", ");
        put_name(d, type->labels[i].name);
        put(d, ": ");
        if (!put_type(d, entry->scope, type->labels[i].type))
            return false;
    }
    put(d, ")");
    result = type->first >= 0 ? &entry->scope->types[type->first] : NULL;
    if (type->first != BERTHI_CM_NONE && (name->form == NULL || name->form[0] != 'c' ||
                                          (result != NULL && result->kind == WIT_ENTRY_PLAIN &&
                                           result->type->code == BERTHI_CM_RESULT))) {
        put(d, " -> ");
        if (!put_type(d, entry->scope, type->first))
            return false;
    }
    put(d, ";\n");
    return true;
}

static bool put_func(decoder *d, const wit_scope *scope, const berthi_cm_def *decl,
                     const char *front)
{
    func_name name = split_func_name(decl->name);

    put_head(d, front[0] == 'e' ? "func_exports" : "funcs", decl->name, decl->attributes);
    put_line(d, front);
    if (name.form != NULL && name.form[0] == 'c') {
        put(d, "constructor");
    } else {
        put_name(d, name.plain);
        put(d, name.form != NULL && name.form[0] == 's' ? ": static " : ": ");
    }
    return put_signature(d, scope, &name, decl->bound.index);
}

/* ---------------------------------------------------------------- bodies */

/* Types and functions that stand as `kind` (import or export) among declarators. */
typedef struct body {
    const wit_scope *scope;
    uint8_t kind;
} body;

static const berthi_cm_def *decl_at(const body *b, uint32_t i, uint8_t sort)
{
    const berthi_cm_def *decl = &b->scope->decls[i];

    return decl->kind == b->kind && decl->bound.sort == sort ? decl : NULL;
}

static bool charge(decoder *d, uint32_t steps)
{
    if (d->work_left < steps)
        return berthi_wit_scopes_fail(&d->scopes, BERTH_E_LIMIT, "too much work for WIT",
                                      (berthi_name){ "", 0 });
    d->work_left -= steps;
    return true;
}

/* The first function of the resource from declarator `i` on, or the end. */
static uint32_t next_of(const body *b, uint32_t i, berthi_name resource)
{
    for (; i < b->scope->decls_count; i++) {
        const berthi_cm_def *decl = decl_at(b, i, BERTHI_CM_FUNC);
        func_name name;

        if (decl == NULL)
            continue;
        name = split_func_name(decl->name);
        if (name.form != NULL && berthi_cm_same_name(name.resource, resource))
            break;
    }
    return i;
}

static bool put_resource(decoder *d, const body *b, berthi_name name)
{
    uint32_t i = next_of(b, 0, name);

    if (!charge(d, b->scope->decls_count))
        return false;
    put_line(d, "resource ");
    put_name(d, name);
    if (i == b->scope->decls_count) {
        put(d, ";\n");
        return true;
    }
    put(d, " {\n");
    d->indent++;
    for (; i < b->scope->decls_count; i = next_of(b, i + 1, name))
        if (!put_func(d, b->scope, &b->scope->decls[i], ""))
            return false;
    d->indent--;
    put_line(d, "}\n");
    return true;
}

static bool put_type_decl(decoder *d, const body *b, const berthi_cm_def *decl)
{
    put_head(d, "types", decl->name, decl->attributes);
    return decl->bound.is_sub_resource
               ? put_resource(d, b, decl->name)
               : put_definition(d, b->scope, decl->bound.index, decl->name);
}

static bool put_interface_body(decoder *d, const wit_scope *scope)
{
    body b = { .scope = scope, .kind = BERTHI_CM_DEF_EXPORT };

    put(d, " {\n");
    d->indent++;
    for (uint32_t i = 0; i < scope->decls_count; i++) {
        const berthi_cm_def *decl = decl_at(&b, i, BERTHI_CM_TYPE);

        if (decl != NULL && !put_type_decl(d, &b, decl))
            return false;
    }
    for (uint32_t i = 0; i < scope->decls_count; i++) {
        const berthi_cm_def *decl = decl_at(&b, i, BERTHI_CM_FUNC);

        if (decl != NULL && split_func_name(decl->name).form == NULL &&
            !put_func(d, scope, decl, ""))
            return false;
    }
    d->indent--;
    put_line(d, "}\n");
    return is_good(d);
}

static const wit_scope *scope_of(decoder *d, const wit_scope *scope, uint32_t index)
{
    return berthi_wit_scope_inside(&d->scopes, &scope->types[index]);
}

static bool has_colon(berthi_name name)
{
    return name.size != 0 && memchr(name.text, ':', name.size) != NULL;
}

static bool put_instance(decoder *d, const wit_scope *scope, const berthi_cm_def *decl,
                         const char *front)
{
    const char *group = front[0] == 'e' ? "interface_exports" : "interfaces";
    const berthi_json *place = d->place;
    const wit_scope *inside;
    bool is_written;

    put_head(d, group, decl->name, decl->attributes);
    put_line(d, front);
    if (has_colon(decl->name)) {
        if (!put_path(d, decl->name))
            return false;
        put(d, ";\n");
        return true;
    }
    put_name(d, decl->name);
    put(d, ": ");
    if (decl->attributes != NULL && decl->attributes->has_implements) {
        if (!put_path(d, decl->attributes->implements))
            return false;
        put(d, ";\n");
        return true;
    }
    put(d, "interface");
    inside = scope_of(d, scope, decl->bound.index);
    d->place = berthi_wit_docs_of(place, group, decl->name);
    is_written = inside != NULL && put_interface_body(d, inside);
    d->place = place;
    return is_written;
}

static bool put_world_decl(decoder *d, const body *b, const berthi_cm_def *decl)
{
    const char *front = decl->kind == BERTHI_CM_DEF_IMPORT ? "import " : "export ";

    switch (decl->bound.sort) {
    case BERTHI_CM_INSTANCE:
        return put_instance(d, b->scope, decl, front);
    case BERTHI_CM_FUNC:
        return split_func_name(decl->name).form != NULL || put_func(d, b->scope, decl, front);
    case BERTHI_CM_TYPE:
        if (decl->kind == BERTHI_CM_DEF_EXPORT)
            return fail(d, "is a type that a world exports", decl->name);
        return put_type_decl(d, b, decl);
    default:
        return fail(d, "is nothing that a world imports or exports", decl->name);
    }
}

static bool put_world_body(decoder *d, const wit_scope *scope)
{
    body b = { .scope = scope, .kind = BERTHI_CM_DEF_IMPORT };

    put(d, " {\n");
    d->indent++;
    for (uint32_t i = 0; i < scope->decls_count && is_good(d); i++) {
        const berthi_cm_def *decl = &scope->decls[i];

        if ((decl->kind == BERTHI_CM_DEF_IMPORT || decl->kind == BERTHI_CM_DEF_EXPORT) &&
            !put_world_decl(d, &b, decl))
            return false;
    }
    d->indent--;
    put_line(d, "}\n");
    return is_good(d);
}

/* ---------------------------------------------------------------- packages */

/* Keeps the fullest form of each interface that the scope imports or exports. */
static bool note_foreign(decoder *d, const wit_scope *scope)
{
    for (uint32_t i = 0; i < scope->decls_count; i++) {
        const berthi_cm_def *decl = &scope->decls[i];
        const wit_entry *type;
        uint32_t at = 0;

        if ((decl->kind != BERTHI_CM_DEF_IMPORT && decl->kind != BERTHI_CM_DEF_EXPORT) ||
            decl->bound.sort != BERTHI_CM_INSTANCE || !has_colon(decl->name))
            continue;
        type = &scope->types[decl->bound.index];
        while (at < d->foreign_count && !berthi_cm_same_name(d->foreign[at].id, decl->name))
            at++;
        if (!charge(d, at + 1))
            return false;
        if (at == FOREIGN_MAX)
            return berthi_wit_scopes_fail(&d->scopes, BERTH_E_LIMIT,
                                          "more than 1000 interfaces", decl->name);
        if (at == d->foreign_count)
            d->foreign[d->foreign_count++] = (foreign){ .id = decl->name, .type = type };
        else if (d->foreign[at].type->type->count < type->type->count)
            d->foreign[at].type = type;
    }
    return true;
}

/* The declarator that a component type of the package exports: an interface or a world. */
static const berthi_cm_def *wrapped(const wit_scope *wrapper)
{
    for (uint32_t i = 0; i < wrapper->decls_count; i++)
        if (wrapper->decls[i].kind == BERTHI_CM_DEF_EXPORT)
            return &wrapper->decls[i];
    return NULL;
}

static bool start_package(decoder *d, berthi_name package, berthi_name version)
{
    if (d->package.size != 0)
        return (berthi_cm_same_name(package, d->package) &&
                berthi_cm_same_name(version, d->version)) ||
               fail(d, "is another package than the rest", package);
    d->package = d->current = package;
    d->version = d->current_version = version;
    berthi_wit_docs_put(d->docs, 0, d->out);
    put(d, "package ");
    if (!put_package(d, package))
        return false;
    put_version(d, version);
    put(d, ";\n");
    return true;
}

static bool put_wrapped(decoder *d, const wit_entry *entry)
{
    const wit_scope *wrapper = berthi_wit_scope_inside(&d->scopes, entry), *inside;
    const berthi_cm_def *decl = wrapper == NULL ? NULL : wrapped(wrapper);
    berthi_name package, name, version;
    bool is_interface;

    if (wrapper == NULL || decl == NULL || !split_id(decl->name, &package, &name, &version) ||
        (decl->bound.sort != BERTHI_CM_INSTANCE && decl->bound.sort != BERTHI_CM_COMPONENT))
        return wrapper != NULL && fail(d, "is no type of an interface or world", entry->name);
    inside = scope_of(d, wrapper, decl->bound.index);
    if (inside == NULL || !note_foreign(d, wrapper) || !note_foreign(d, inside) ||
        !start_package(d, package, version))
        return false;
    is_interface = decl->bound.sort == BERTHI_CM_INSTANCE;
    for (uint32_t i = 0; is_interface && i < d->foreign_count; i++)
        d->foreign[i].is_written |= berthi_cm_same_name(d->foreign[i].id, decl->name);
    d->place = berthi_wit_docs_of(d->docs, is_interface ? "interfaces" : "worlds", name);
    berthi_wit_docs_put(d->place, 0, d->out);
    put(d, is_interface ? "interface " : "world ");
    put_name(d, name);
    return is_interface ? put_interface_body(d, inside) : put_world_body(d, inside);
}

static bool put_foreign_body(decoder *d, foreign *f, berthi_name name)
{
    const wit_scope *inside = berthi_wit_scope_inside(&d->scopes, f->type);

    f->is_written = true;
    if (inside == NULL)
        return false;
    put(d, "interface ");
    put_name(d, name);
    return put_interface_body(d, inside);
}

/* Interfaces of the package that stand in a world alone, as in what core modules carry. */
static bool put_own(decoder *d)
{
    for (uint32_t i = 0; i < d->foreign_count; i++) {
        berthi_name package, name, version;

        if (d->foreign[i].is_written ||
            !split_id(d->foreign[i].id, &package, &name, &version) ||
            !berthi_cm_same_name(package, d->package) ||
            !berthi_cm_same_name(version, d->version))
            continue;
        d->place = berthi_wit_docs_of(d->docs, "interfaces", name);
        berthi_wit_docs_put(d->place, 0, d->out);
        if (!put_foreign_body(d, &d->foreign[i], name))
            return false;
    }
    return true;
}

/* Interfaces of other packages, package by package. */
static bool put_foreign(decoder *d)
{
    d->place = NULL;
    for (uint32_t i = 0; i < d->foreign_count; i++) {
        berthi_name package, name, version, other, other_version;

        if (!split_id(d->foreign[i].id, &package, &name, &version))
            return fail(d, "is no name of an interface", d->foreign[i].id);
        if (d->foreign[i].is_written)
            continue;
        put(d, "package ");
        if (!put_package(d, package))
            return false;
        put_version(d, version);
        put(d, " {\n");
        d->current = package;
        d->current_version = version;
        for (uint32_t k = i; k < d->foreign_count; k++)
            if (!d->foreign[k].is_written &&
                split_id(d->foreign[k].id, &other, &name, &other_version) &&
                berthi_cm_same_name(other, package) &&
                berthi_cm_same_name(other_version, version) &&
                !put_foreign_body(d, &d->foreign[k], name))
                return false;
        put(d, "}\n");
    }
    return is_good(d);
}

static bool put_component(decoder *d, const wit_scope *top)
{
    for (uint32_t i = 0; i < top->decls_count; i++) {
        const berthi_cm_def *def = &top->decls[i];
        const wit_entry *entry;

        if (def->kind != BERTHI_CM_DEF_EXPORT)
            continue;
        entry = def->sort == BERTHI_CM_TYPE ? &top->types[def->index] : NULL;
        if (entry == NULL || entry->kind != WIT_ENTRY_PLAIN ||
            entry->type->code != BERTHI_CM_COMPONENT_TYPE)
            return fail(d,
                        "is exported and no type of an interface or world: this is a "
                        "component, and no package of WIT",
                        def->name);
        if (!put_wrapped(d, entry))
            return false;
    }
    if (d->package.size == 0)
        return fail(d, "no interface and no world is in it", d->package);
    return put_own(d) && put_foreign(d);
}

berth_status berthi_component_wit(const uint8_t *bytes, size_t size, const berth_allocator *a,
                                  berthi_text_buf *out, berth_diag *diag)
{
    const berthi_cm_component *component;
    decoder d = { .out = out, .work_left = WORK_MAX };
    const wit_scope *top;
    berthi_arena arena;
    berth_status status;

    berthi_arena_init(&arena, a, SIZE_MAX);
    status = berthi_wit_scopes_find(&bytes, &size, &arena, diag);
    if (status == BERTH_OK && berthi_wasm_form(bytes, size) == BERTHI_FORM_COMPONENT)
        status = berthi_wit_docs_read(bytes, size, &arena, &d.docs, diag);
    if (status == BERTH_OK)
        status = berthi_component_read(bytes, size, &arena, &component, diag);
    if (status == BERTH_OK)
        status = berthi_component_validate(component, &arena, diag);
    if (status == BERTH_OK) {
        d.scopes = (wit_scopes){ .arena = &arena,
                                 .diag = diag,
                                 .decls_left = BERTHI_WIT_SCOPES_DECLS_MAX };
        d.foreign = berthi_arena_array(&arena, FOREIGN_MAX, sizeof *d.foreign);
        top = d.foreign == NULL
                  ? NULL
                  : berthi_wit_scope_make(&d.scopes, NULL, component->defs, component->count);
        if (top == NULL || !put_component(&d, top) || out->has_failed)
            status = d.scopes.status != BERTH_OK
                         ? d.scopes.status
                         : berthi_fail(diag, BERTH_E_NOMEM, "no memory to read WIT");
    }
    berthi_arena_fini(&arena);
    return status;
}
