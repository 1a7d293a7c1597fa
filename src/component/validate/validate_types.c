/* validate_types.c - definitions of types: what they are made of, and how large they may be.
 *
 * Layer: component. */
#include "component/validate/validate.h"

const berthi_cm_type *berthi_cm_resolve(berthi_cm_types *s, const berthi_cm_scope *scope,
                                        berthi_cm_ref ref)
{
    const berthi_cm_type *type;

    assert(ref != BERTHI_CM_NONE);
    if (ref < 0)
        return berthi_cm_primitive(s, (uint8_t)-ref);
    type = berthi_cm_get(s, scope, BERTHI_CM_TYPE, (uint32_t)ref);
    if (type == NULL || berthi_cm_is_value_type(type))
        return type;
    BERTHI_CM_INVALID(s, "type index %u is not a defined type", (unsigned)ref);
    return NULL;
}

static bool resolve_optional(berthi_cm_types *s, const berthi_cm_scope *scope,
                             berthi_cm_ref ref, berthi_cm_extern *item)
{
    if (ref == BERTHI_CM_NONE)
        return s->status == BERTH_OK;
    item->type = berthi_cm_resolve(s, scope, ref);
    return item->type != NULL;
}

/* What labels of each type are called in messages; NULL: it has none with names. */
static const char *label_word(uint8_t code)
{
    switch (code) {
    case BERTHI_CM_RECORD:
        return "record field";
    case BERTHI_CM_VARIANT:
        return "variant case";
    case BERTHI_CM_FLAGS:
        return "flag";
    case BERTHI_CM_ENUM:
        return "enum tag";
    case BERTHI_CM_TUPLE:
        return NULL;
    default:
        return "function parameter";
    }
}

static bool check_label(berthi_cm_types *s, berthi_cm_names *names, berthi_name name,
                        const char *word)
{
    berthi_cm_parsed_name parsed = { .plain = name };
    const berthi_cm_parsed_name *other;

    if (name.size == 0)
        return BERTHI_CM_INVALID(s, "%s name cannot be empty", word);
    if (!berthi_cm_is_label(name))
        return BERTHI_CM_INVALID(s, "%s name `%s` is not in kebab case", word,
                                 berthi_cm_show(name).text);
    if (berthi_cm_add_name(s, names, &parsed, &other))
        return true;
    return other != NULL &&
           BERTHI_CM_INVALID(s, "%s name `%s` conflicts with previous name `%s`", word,
                             berthi_cm_show(name).text, berthi_cm_show(other->plain).text);
}

/* A type with labels, or a function with its parameters and its result. */
static const berthi_cm_type *make_labelled(berthi_cm_types *s, const berthi_cm_scope *scope,
                                           const berthi_cm_type_def *def, uint32_t more)
{
    berthi_cm_extern *items = berthi_cm_make(s, def->count + more, sizeof *items);
    const char *word = label_word(def->code);
    berthi_cm_names names = { 0 };

    for (uint32_t i = 0; items != NULL && i < def->count; i++) {
        items[i].name = def->labels[i].name;
        if ((word != NULL && !check_label(s, &names, items[i].name, word)) ||
            !resolve_optional(s, scope, def->labels[i].type, &items[i]))
            return NULL;
    }
    if (items == NULL ||
        (more != 0 && !resolve_optional(s, scope, def->first, &items[def->count])))
        return NULL;
    if (more != 0 && items[def->count].type != NULL && items[def->count].type->has_borrow) {
        BERTHI_CM_INVALID(s, "function result cannot contain a `borrow` type");
        return NULL;
    }
    return berthi_cm_intern(
        s, &(berthi_cm_type){ .kind = def->code, .count = def->count + more, .items = items });
}

static bool check_counts(berthi_cm_types *s, const berthi_cm_type_def *def)
{
    if (def->code == BERTHI_CM_FLAGS && def->count > BERTHI_CM_FLAGS_MAX)
        return BERTHI_CM_INVALID(s, "cannot have more than %d flags", BERTHI_CM_FLAGS_MAX);
    if (def->count > 0)
        return true;
    switch (def->code) {
    case BERTHI_CM_RECORD:
        return BERTHI_CM_INVALID(s, "record type must have at least one field");
    case BERTHI_CM_VARIANT:
        return BERTHI_CM_INVALID(s, "variant type must have at least one case");
    case BERTHI_CM_FLAGS:
        return BERTHI_CM_INVALID(s, "flags must have at least one entry");
    case BERTHI_CM_ENUM:
        return BERTHI_CM_INVALID(s, "enum type must have at least one variant");
    default:
        return BERTHI_CM_INVALID(s, "tuple type must have at least one type");
    }
}

static bool check_parts(berthi_cm_types *s, const berthi_cm_type_def *def,
                        const berthi_cm_extern *items)
{
    const berthi_cm_type *first = items[0].type;

    switch (def->code) {
    case BERTHI_CM_FIXED_LIST:
        return def->length > 0 ||
               BERTHI_CM_INVALID(s, "a list of fixed length must have at least one element");
    case BERTHI_CM_STREAM:
    case BERTHI_CM_FUTURE:
        if (first != NULL && first->has_borrow)
            return BERTHI_CM_INVALID(s, "a stream or future cannot contain a `borrow` type");
        return def->code == BERTHI_CM_FUTURE || first == NULL ||
               first->canon->kind != BERTHI_CM_CHAR ||
               BERTHI_CM_INVALID(s, "`stream<char>` is not valid at this time");
    case BERTHI_CM_MAP:
        return (first->kind >= BERTHI_CM_STRING && first->kind != BERTHI_CM_F32 &&
                first->kind != BERTHI_CM_F64) ||
               BERTHI_CM_INVALID(s, "this type cannot be the key of a map");
    default:
        return true;
    }
}

/* A type of one or two parts, either of which may be absent where the reader allowed it. */
static const berthi_cm_type *make_plain(berthi_cm_types *s, const berthi_cm_scope *scope,
                                        const berthi_cm_type_def *def)
{
    bool has_two = def->code == BERTHI_CM_RESULT || def->code == BERTHI_CM_MAP;
    berthi_cm_extern items[2] = { { .type = NULL }, { .type = NULL } };

    if (!resolve_optional(s, scope, def->first, &items[0]) ||
        !resolve_optional(s, scope, def->second, &items[1]) || !check_parts(s, def, items))
        return NULL;
    return berthi_cm_intern(s, &(berthi_cm_type){ .kind = def->code,
                                                  .length = def->length,
                                                  .count = has_two ? 2 : 1,
                                                  .items = items });
}

static const berthi_cm_type *make_handle(berthi_cm_types *s, const berthi_cm_scope *scope,
                                         const berthi_cm_type_def *def)
{
    berthi_cm_extern item = { .type = berthi_cm_get(s, scope, BERTHI_CM_TYPE, def->index) };

    if (item.type == NULL)
        return NULL;
    if (!berthi_cm_is_resource(item.type)) {
        BERTHI_CM_INVALID(s, "type index %u is not a resource type", (unsigned)def->index);
        return NULL;
    }
    return berthi_cm_intern(s,
                            &(berthi_cm_type){ .kind = def->code, .count = 1, .items = &item });
}

static const berthi_cm_type *make_resource(berthi_cm_types *s, berthi_cm_scope *scope,
                                           const berthi_cm_type_def *def)
{
    if (scope->kind != BERTHI_CM_SCOPE_COMPONENT) {
        BERTHI_CM_INVALID(s, "resources can only be defined within a concrete component");
        return NULL;
    }
    if (def->has_destructor) {
        const berthi_cm_type *func = berthi_cm_get(s, scope, BERTHI_CM_CORE_FUNC, def->index);

        if (func == NULL)
            return NULL;
        if (func != berthi_cm_core_signature(s, "i:")) {
            BERTHI_CM_INVALID(s, "wrong signature for a destructor: not [i32] -> []");
            return NULL;
        }
    }
    return berthi_cm_bind_in(s, scope, false, berthi_cm_resource(s, scope));
}

static const berthi_cm_type *make_scope_type(berthi_cm_types *s, berthi_cm_scope *outer,
                                             const berthi_cm_type_def *def)
{
    berthi_cm_scope *scope = berthi_cm_make(s, 1, sizeof *scope);

    if (scope == NULL)
        return NULL;
    scope->outer = outer;
    scope->kind = def->code == BERTHI_CM_INSTANCE_TYPE ? BERTHI_CM_SCOPE_INSTANCE_TYPE
                                                       : BERTHI_CM_SCOPE_COMPONENT_TYPE;
    if (!berthi_cm_walk(s, scope, def->decls, def->count))
        return NULL;
    return berthi_cm_close(s, scope);
}

static const berthi_cm_type *make_type(berthi_cm_types *s, berthi_cm_scope *scope,
                                       const berthi_cm_type_def *def)
{
    switch (def->code) {
    case BERTHI_CM_RECORD:
    case BERTHI_CM_VARIANT:
    case BERTHI_CM_TUPLE:
    case BERTHI_CM_FLAGS:
    case BERTHI_CM_ENUM:
        return check_counts(s, def) ? make_labelled(s, scope, def, 0) : NULL;
    case BERTHI_CM_FUNC_TYPE:
    case BERTHI_CM_ASYNC_FUNC_TYPE:
        return make_labelled(s, scope, def, 1);
    case BERTHI_CM_OWN:
    case BERTHI_CM_BORROW:
        return make_handle(s, scope, def);
    case BERTHI_CM_RESOURCE_TYPE:
        return make_resource(s, scope, def);
    case BERTHI_CM_COMPONENT_TYPE:
    case BERTHI_CM_INSTANCE_TYPE:
        return make_scope_type(s, scope, def);
    case BERTHI_CM_LIST:
    case BERTHI_CM_OPTION:
    case BERTHI_CM_FIXED_LIST:
    case BERTHI_CM_MAP:
    case BERTHI_CM_RESULT:
    case BERTHI_CM_STREAM:
    case BERTHI_CM_FUTURE:
        return make_plain(s, scope, def);
    default:
        return berthi_cm_primitive(s, def->code);
    }
}

bool berthi_cm_check_type(berthi_cm_types *s, berthi_cm_scope *scope,
                          const berthi_cm_type_def *def)
{
    return berthi_cm_add(s, scope, BERTHI_CM_TYPE, make_type(s, scope, def));
}
