/* read_types.c - how types are written: value types, functions, components, core modules.
 *
 * Layer: component.  Counts that validation speaks about (no fields, too many flags) are left to
 * it, except where they would cost memory. */
#include "component/read/reader.h"

static bool is_primitive(uint8_t byte)
{
    return (byte >= BERTHI_CM_STRING && byte <= BERTHI_CM_BOOL) ||
           byte == BERTHI_CM_ERROR_CONTEXT;
}

berthi_cm_ref berthi_cm_read_ref(berthi_cm_reader *r)
{
    uint32_t at = r->c.at;
    int64_t value;

    if (berthi_cursor_left(&r->c) > 0 && is_primitive(r->c.bytes[at])) {
        r->c.at++;
        return -(berthi_cm_ref)r->c.bytes[at];
    }
    value = berthi_read_s33(&r->c);
    if (value < 0)
        berthi_cm_reject_at(r, at, "invalid leading byte for a component value type");
    if (r->c.error != NULL)
        return BERTHI_CM_NONE;
    return value > INT32_MAX ? INT32_MAX : (berthi_cm_ref)value; /* neither names a type */
}

/* 00, or 01 and a value type. */
static berthi_cm_ref read_optional(berthi_cm_reader *r)
{
    uint8_t byte = berthi_read_u8(&r->c);

    if (byte > 1)
        berthi_cm_reject_at(r, r->c.at - 1, "invalid leading byte for an optional type");
    return byte == 1 ? berthi_cm_read_ref(r) : BERTHI_CM_NONE;
}

berthi_cm_ref berthi_cm_read_result(berthi_cm_reader *r)
{
    uint8_t byte = berthi_read_u8(&r->c);

    if (byte == 0 && r->c.error == NULL)
        return berthi_cm_read_ref(r);
    if (byte > 1)
        berthi_cm_reject_at(r, r->c.at - 1,
                            "invalid leading byte for component function results");
    else if (berthi_read_u8(&r->c) != 0)
        berthi_cm_reject_at(r, r->c.at - 1, "invalid leading byte for number of results");
    return BERTHI_CM_NONE;
}

enum label_form { LABEL_ONLY, LABEL_TYPE, LABEL_CASE, LABEL_UNNAMED };

static void read_label(berthi_cm_reader *r, berthi_cm_label *label, enum label_form form)
{
    label->type = BERTHI_CM_NONE;
    if (form != LABEL_UNNAMED)
        label->name = berthi_read_name(&r->c);
    if (form == LABEL_TYPE || form == LABEL_UNNAMED)
        label->type = berthi_cm_read_ref(r);
    if (form != LABEL_CASE)
        return;
    label->type = read_optional(r);
    if (berthi_read_u8(&r->c) != 0)
        berthi_cm_reject_at(r, r->c.at - 1, "zero byte required after a case");
}

static void read_labels(berthi_cm_reader *r, berthi_cm_type_def *type, enum label_form form)
{
    uint32_t count = berthi_read_count(&r->c, 1, BERTHI_CM_LABELS_MAX);
    berthi_cm_label *labels = berthi_cm_array(r, count, sizeof *labels);

    for (uint32_t i = 0; i < count && r->c.error == NULL; i++)
        read_label(r, &labels[i], form);
    type->count = count;
    type->labels = labels;
}

static void read_resource(berthi_cm_reader *r, berthi_cm_type_def *type)
{
    uint8_t rep = berthi_read_u8(&r->c), optional;

    if (r->c.error == NULL && rep != BERTHI_I32)
        berthi_cm_reject_at(r, r->c.at - 1,
                            rep == BERTHI_I64 ? "resources represented by i64 are not supported"
                                              : "a resource is represented by i32");
    optional = berthi_read_u8(&r->c);
    if (optional > 1)
        berthi_cm_reject_at(r, r->c.at - 1, "invalid leading byte for a resource destructor");
    type->has_destructor = optional == 1;
    if (type->has_destructor)
        type->index = berthi_read_u32(&r->c);
}

static void read_declarator(berthi_cm_reader *r, berthi_cm_def *def, bool is_component,
                            uint32_t depth)
{
    uint8_t byte;

    def->at = r->c.at;
    byte = berthi_read_u8(&r->c);
    switch (byte) {
    case 0x00:
        def->kind = BERTHI_CM_DEF_CORE_TYPE;
        berthi_cm_read_core_type(r, def);
        break;
    case 0x01:
        def->kind = BERTHI_CM_DEF_TYPE;
        berthi_cm_read_type(r, def, depth + 1);
        break;
    case 0x02:
        def->kind = BERTHI_CM_DEF_ALIAS;
        berthi_cm_read_alias(r, def);
        break;
    case 0x03:
    case 0x04:
        if (byte == 0x03 && !is_component) {
            berthi_cm_reject_at(r, def->at, "an instance type has no imports");
            break;
        }
        def->kind = byte == 0x03 ? BERTHI_CM_DEF_IMPORT : BERTHI_CM_DEF_EXPORT;
        berthi_cm_read_extern_name(r, def);
        berthi_cm_read_bound(r, &def->bound);
        def->has_bound = true;
        def->sort = def->bound.sort;
        break;
    default:
        berthi_cm_reject_at(r, def->at,
                            "invalid leading byte for component or instance type declaration");
    }
}

static void read_declarators(berthi_cm_reader *r, berthi_cm_type_def *type, uint32_t depth)
{
    uint32_t count = berthi_cm_read_definitions(r);
    berthi_cm_def *decls = berthi_cm_array(r, count, sizeof *decls);

    if (r->c.error == NULL && depth >= BERTHI_CM_TYPE_DEPTH_MAX)
        berthi_cursor_fail_at(&r->c, BERTH_E_LIMIT, r->c.at, "type nesting is too deep");
    for (uint32_t i = 0; i < count && r->c.error == NULL; i++) {
        decls[i].entry = i;
        read_declarator(r, &decls[i], type->code == BERTHI_CM_COMPONENT_TYPE, depth);
    }
    type->count = count;
    type->decls = decls;
}

static void read_compound(berthi_cm_reader *r, berthi_cm_type_def *type)
{
    switch (type->code) {
    case BERTHI_CM_RECORD:
        read_labels(r, type, LABEL_TYPE);
        break;
    case BERTHI_CM_VARIANT:
        read_labels(r, type, LABEL_CASE);
        break;
    case BERTHI_CM_TUPLE:
        read_labels(r, type, LABEL_UNNAMED);
        break;
    case BERTHI_CM_FLAGS:
    case BERTHI_CM_ENUM:
        read_labels(r, type, LABEL_ONLY);
        break;
    case BERTHI_CM_LIST:
    case BERTHI_CM_OPTION:
        type->first = berthi_cm_read_ref(r);
        break;
    case BERTHI_CM_FIXED_LIST:
        type->first = berthi_cm_read_ref(r);
        type->length = berthi_read_u32(&r->c);
        break;
    case BERTHI_CM_MAP:
        type->first = berthi_cm_read_ref(r);
        type->second = berthi_cm_read_ref(r);
        break;
    case BERTHI_CM_RESULT:
        type->first = read_optional(r);
        type->second = read_optional(r);
        break;
    case BERTHI_CM_STREAM:
    case BERTHI_CM_FUTURE:
        type->first = read_optional(r);
        break;
    case BERTHI_CM_OWN:
    case BERTHI_CM_BORROW:
        type->index = berthi_read_u32(&r->c);
        break;
    default:
        berthi_cm_reject_at(r, r->c.at - 1, "invalid leading byte for component defined type");
    }
}

void berthi_cm_read_type(berthi_cm_reader *r, berthi_cm_def *def, uint32_t depth)
{
    berthi_cm_type_def *type = berthi_cm_array(r, 1, sizeof *type);
    uint8_t code = berthi_read_u8(&r->c);

    if (r->c.error != NULL)
        return;
    def->u.type = type;
    *type =
        (berthi_cm_type_def){ .code = code, .first = BERTHI_CM_NONE, .second = BERTHI_CM_NONE };
    switch (code) {
    case BERTHI_CM_FUNC_TYPE:
    case BERTHI_CM_ASYNC_FUNC_TYPE:
        read_labels(r, type, LABEL_TYPE);
        type->first = berthi_cm_read_result(r);
        break;
    case BERTHI_CM_COMPONENT_TYPE:
    case BERTHI_CM_INSTANCE_TYPE:
        read_declarators(r, type, depth);
        break;
    case BERTHI_CM_RESOURCE_TYPE:
        read_resource(r, type);
        break;
    default:
        if (is_primitive(code))
            type->first = -(berthi_cm_ref)code;
        else
            read_compound(r, type);
    }
}

/* ---------------------------------------------------------------- core types */

static uint32_t read_core_values(berthi_cm_reader *r, uint32_t count, uint8_t *types)
{
    for (uint32_t i = 0; i < count && r->c.error == NULL; i++)
        types[i] = berthi_read_value_type(&r->c);
    return count;
}

/* Behind the byte 60.  Parameters and results lie in one array, but each has its own count in
 * front, so that the first is read twice. */
static void read_core_func(berthi_cm_reader *r, berthi_functype *type)
{
    enum { VALUES_MAX = 1000 };
    uint32_t params = berthi_read_count(&r->c, 1, VALUES_MAX), results;
    berthi_cursor at_params = r->c;
    uint8_t ignored[VALUES_MAX], *types;

    (void)read_core_values(r, params, ignored);
    results = berthi_read_count(&r->c, 1, VALUES_MAX);
    types = berthi_cm_array(r, (size_t)params + results, 1);
    if (r->c.error != NULL)
        return;
    for (uint32_t i = 0; i < params; i++)
        types[i] = at_params.bytes[at_params.at + i];
    type->types = types;
    type->params_count = params;
    type->results_count = read_core_values(r, results, types + params);
}

static void reject_gc(berthi_cm_reader *r, uint8_t byte)
{
    bool is_gc = byte == 0x4e || byte == 0x4f || byte == 0x50 || byte == 0x5e || byte == 0x5f;

    if (r->c.error == NULL)
        berthi_cm_reject_at(r, r->c.at - 1,
                            is_gc ? "garbage collected types are not supported"
                                  : "invalid leading byte for type definition");
}

static void read_core_extern(berthi_cm_reader *r, berthi_cm_core_decl_def *decl)
{
    decl->extern_kind = berthi_read_u8(&r->c);
    switch (decl->extern_kind) {
    case BERTHI_EXTERN_FUNC:
        decl->index = berthi_read_u32(&r->c);
        break;
    case BERTHI_EXTERN_TABLE:
        decl->table = berthi_read_table_type(&r->c);
        break;
    case BERTHI_EXTERN_MEMORY:
        decl->memory = berthi_read_limits(&r->c, false);
        break;
    case BERTHI_EXTERN_GLOBAL:
        decl->global = berthi_read_global_type(&r->c);
        break;
    default:
        if (r->c.error == NULL)
            berthi_cm_reject_at(r, r->c.at - 1,
                                decl->extern_kind == 4 ? "exceptions are not supported"
                                                       : "malformed kind of a core item");
    }
}

static void read_core_alias(berthi_cm_reader *r, berthi_cm_core_decl_def *decl)
{
    if (berthi_read_u8(&r->c) != 0x10)
        berthi_cm_reject_at(r, r->c.at - 1, "invalid leading byte for outer alias kind");
    if (berthi_read_u8(&r->c) != 0x01)
        berthi_cm_reject_at(r, r->c.at - 1, "invalid leading byte for outer alias target");
    decl->outer = berthi_read_u32(&r->c);
    decl->index = berthi_read_u32(&r->c);
}

static void read_core_declarator(berthi_cm_reader *r, berthi_cm_core_decl_def *decl)
{
    uint8_t byte;

    decl->kind = berthi_read_u8(&r->c);
    switch (decl->kind) {
    case BERTHI_CM_DECL_IMPORT:
        decl->module = berthi_read_name(&r->c);
        decl->name = berthi_read_name(&r->c);
        read_core_extern(r, decl);
        break;
    case BERTHI_CM_DECL_TYPE:
        byte = berthi_read_u8(&r->c);
        if (byte == 0x60)
            read_core_func(r, &decl->type);
        else
            reject_gc(r, byte);
        break;
    case BERTHI_CM_DECL_ALIAS:
        read_core_alias(r, decl);
        break;
    case BERTHI_CM_DECL_EXPORT:
        decl->name = berthi_read_name(&r->c);
        read_core_extern(r, decl);
        break;
    default:
        if (r->c.error == NULL)
            berthi_cm_reject_at(r, r->c.at - 1, "invalid leading byte for type definition");
    }
}

void berthi_cm_read_core_type(berthi_cm_reader *r, berthi_cm_def *def)
{
    berthi_cm_core_type_def *type = berthi_cm_array(r, 1, sizeof *type);
    uint8_t byte = berthi_read_u8(&r->c);
    berthi_cm_core_decl_def *decls;

    if (r->c.error != NULL)
        return;
    def->u.core_type = type;
    if (byte == 0x60) {
        read_core_func(r, &type->type);
        return;
    }
    if (byte != 0x50) {
        reject_gc(r, byte == 0x00 ? 0x50 : byte); /* 00 50: a type that may have subtypes */
        return;
    }
    type->is_module = true;
    type->count = berthi_cm_read_definitions(r);
    decls = berthi_cm_array(r, type->count, sizeof *decls);
    type->decls = decls;
    for (uint32_t i = 0; i < type->count && r->c.error == NULL; i++)
        read_core_declarator(r, &decls[i]);
}
