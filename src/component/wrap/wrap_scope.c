/* wrap_scope.c - types of an interface, written into a component or an instance type.
 *
 * Each definition is a section of its own, or a declarator of its own: the format allows it, and
 * nothing has to be sorted.  Layer: component. */
#include "component/wrap/wrap.h"

#include <stdio.h>

enum { SECTION_ALIAS = 6, SECTION_TYPE = 7, SECTION_IMPORT = 10, SECTION_EXPORT = 11 };

void berthi_cm_writer_init(berthi_cm_writer *w, const berthi_wit *wit, const berth_allocator *a,
                           uint32_t *type_of)
{
    memset(w, 0, sizeof *w);
    w->wit = wit;
    w->type_of = type_of;
    berthi_text_buf_init(&w->out, a);
    berthi_text_buf_init(&w->body, a);
}

void berthi_cm_writer_fini(berthi_cm_writer *w)
{
    berthi_text_buf_fini(&w->body);
    berthi_text_buf_fini(&w->out);
}

uint32_t berthi_cm_define(berthi_cm_writer *w, uint8_t id, uint8_t sort)
{
    static const uint8_t declarator_of[] = {
        [SECTION_ALIAS] = 2, [SECTION_TYPE] = 1, [SECTION_IMPORT] = 3, [SECTION_EXPORT] = 4
    };
    berthi_cm_bytes one;

    if (w->is_type) {
        berthi_cm_put_byte(&w->out, declarator_of[id]);
        if (w->body.size != 0)
            berthi_text_buf_put(&w->out, w->body.data, w->body.size);
        w->out.has_failed |= w->body.has_failed;
        w->body.size = 0;
        w->declarators++;
    } else {
        berthi_text_buf_init(&one, w->out.allocator);
        berthi_cm_put_u32(&one, 1);
        if (w->body.size != 0)
            berthi_text_buf_put(&one, w->body.data, w->body.size);
        one.has_failed |= w->body.has_failed;
        w->body.size = 0;
        berthi_cm_put_section(&w->out, id, &one);
        berthi_text_buf_fini(&one);
    }
    return w->counts[sort]++;
}

/* ---------------------------------------------------------------- types */

static const uint8_t primitive_bytes[BERTHI_WIT_PRIMITIVES] = {
    [BERTHI_WIT_BOOL] = BERTHI_CM_BOOL,     [BERTHI_WIT_S8] = BERTHI_CM_S8,
    [BERTHI_WIT_U8] = BERTHI_CM_U8,         [BERTHI_WIT_S16] = BERTHI_CM_S16,
    [BERTHI_WIT_U16] = BERTHI_CM_U16,       [BERTHI_WIT_S32] = BERTHI_CM_S32,
    [BERTHI_WIT_U32] = BERTHI_CM_U32,       [BERTHI_WIT_S64] = BERTHI_CM_S64,
    [BERTHI_WIT_U64] = BERTHI_CM_U64,       [BERTHI_WIT_F32] = BERTHI_CM_F32,
    [BERTHI_WIT_F64] = BERTHI_CM_F64,       [BERTHI_WIT_CHAR] = BERTHI_CM_CHAR,
    [BERTHI_WIT_STRING] = BERTHI_CM_STRING, [BERTHI_WIT_ERROR_CONTEXT] = BERTHI_CM_ERROR_CONTEXT
};

/* Parts are written before what they are parts of. */
static void write_parts(berthi_cm_writer *w, const berthi_wit_type *t)
{
    if (t->element != BERTHI_WIT_NONE)
        (void)berthi_cm_type_here(w, t->element);
    if (t->second != BERTHI_WIT_NONE)
        (void)berthi_cm_type_here(w, t->second);
    for (uint32_t i = 0; i < t->items_count; i++)
        if (t->items[i].type != BERTHI_WIT_NONE)
            (void)berthi_cm_type_here(w, t->items[i].type);
}

static void put_ref(berthi_cm_writer *w, uint32_t type)
{
    int32_t here = berthi_cm_type_here(w, type);

    if (here < 0)
        berthi_cm_put_byte(&w->body, (uint8_t)-here);
    else
        berthi_cm_put_s33(&w->body, here);
}

static void put_optional(berthi_cm_writer *w, uint32_t type)
{
    berthi_cm_put_byte(&w->body, type != BERTHI_WIT_NONE);
    if (type != BERTHI_WIT_NONE)
        put_ref(w, type);
}

static void put_items(berthi_cm_writer *w, const berthi_wit_type *t)
{
    bool is_variant = t->kind == BERTHI_WIT_VARIANT;

    berthi_cm_put_u32(&w->body, t->items_count);
    for (uint32_t i = 0; i < t->items_count; i++) {
        if (t->kind != BERTHI_WIT_TUPLE)
            berthi_cm_put_name(&w->body, t->items[i].name, strlen(t->items[i].name));
        if (is_variant) {
            put_optional(w, t->items[i].type);
            berthi_cm_put_byte(&w->body, 0);
        } else if (t->items[i].type != BERTHI_WIT_NONE) {
            put_ref(w, t->items[i].type);
        }
    }
}

static uint8_t byte_of(uint8_t kind)
{
    static const uint8_t bytes[] = {
        [BERTHI_WIT_RECORD] = BERTHI_CM_RECORD, [BERTHI_WIT_VARIANT] = BERTHI_CM_VARIANT,
        [BERTHI_WIT_ENUM] = BERTHI_CM_ENUM,     [BERTHI_WIT_FLAGS] = BERTHI_CM_FLAGS,
        [BERTHI_WIT_TUPLE] = BERTHI_CM_TUPLE,   [BERTHI_WIT_LIST] = BERTHI_CM_LIST,
        [BERTHI_WIT_OPTION] = BERTHI_CM_OPTION, [BERTHI_WIT_RESULT] = BERTHI_CM_RESULT,
        [BERTHI_WIT_MAP] = BERTHI_CM_MAP,       [BERTHI_WIT_OWN] = BERTHI_CM_OWN,
        [BERTHI_WIT_BORROW] = BERTHI_CM_BORROW, [BERTHI_WIT_STREAM] = BERTHI_CM_STREAM,
        [BERTHI_WIT_FUTURE] = BERTHI_CM_FUTURE, [BERTHI_WIT_FIXED_LIST] = BERTHI_CM_FIXED_LIST
    };

    return bytes[kind];
}

uint32_t berthi_cm_write_type(berthi_cm_writer *w, uint32_t type)
{
    const berthi_wit_type *t = &w->wit->types[type];

    while (t->kind == BERTHI_WIT_ALIAS)
        t = &w->wit->types[t->element];
    if (t <
        w->wit->types + BERTHI_WIT_PRIMITIVES) { /* `type t = u32`: a definition of its own */
        berthi_cm_put_byte(&w->body, primitive_bytes[t - w->wit->types]);
        return berthi_cm_define(w, SECTION_TYPE, BERTHI_CM_TYPE);
    }
    write_parts(w, t);
    berthi_cm_put_byte(&w->body, byte_of(t->kind));
    switch (t->kind) {
    case BERTHI_WIT_LIST:
    case BERTHI_WIT_OPTION:
        put_ref(w, t->element);
        break;
    case BERTHI_WIT_FIXED_LIST:
        put_ref(w, t->element);
        berthi_cm_put_u32(&w->body, t->length);
        break;
    case BERTHI_WIT_OWN:
    case BERTHI_WIT_BORROW:
        berthi_cm_put_u32(&w->body, (uint32_t)berthi_cm_type_here(w, t->element));
        break;
    case BERTHI_WIT_RESULT:
        put_optional(w, t->element);
        put_optional(w, t->second);
        break;
    case BERTHI_WIT_STREAM:
    case BERTHI_WIT_FUTURE:
        put_optional(w, t->element);
        break;
    case BERTHI_WIT_MAP:
        put_ref(w, t->element);
        put_ref(w, t->second);
        break;
    default:
        put_items(w, t);
        break;
    }
    return berthi_cm_define(w, SECTION_TYPE, BERTHI_CM_TYPE);
}

int32_t berthi_cm_type_here(berthi_cm_writer *w, uint32_t type)
{
    const berthi_wit_type *t = &w->wit->types[type];

    if (type < BERTHI_WIT_PRIMITIVES)
        return -(int32_t)primitive_bytes[type];
    if (w->type_of[type] != 0)
        return (int32_t)w->type_of[type] - 1;
    if (t->name != NULL && w->fallback != NULL && w->fallback[type] != 0)
        return (int32_t)w->fallback[type] - 1;
    if (t->kind == BERTHI_WIT_ALIAS)
        return berthi_cm_type_here(w, t->element);
    w->type_of[type] = 1 + berthi_cm_write_type(w, type);
    return (int32_t)w->type_of[type] - 1;
}

uint32_t berthi_cm_write_func_type(berthi_cm_writer *w, const berthi_wit_func *func)
{
    for (uint32_t i = 0; i < func->params_count; i++)
        (void)berthi_cm_type_here(w, func->params[i].type);
    if (func->result != BERTHI_WIT_NONE)
        (void)berthi_cm_type_here(w, func->result);
    berthi_cm_put_byte(&w->body,
                       func->is_async ? BERTHI_CM_ASYNC_FUNC_TYPE : BERTHI_CM_FUNC_TYPE);
    berthi_cm_put_u32(&w->body, func->params_count);
    for (uint32_t i = 0; i < func->params_count; i++) {
        berthi_cm_put_name(&w->body, func->params[i].name, strlen(func->params[i].name));
        put_ref(w, func->params[i].type);
    }
    if (func->result != BERTHI_WIT_NONE) {
        berthi_cm_put_byte(&w->body, 0);
        put_ref(w, func->result);
    } else {
        berthi_text_buf_put(&w->body, "\1\0", 2);
    }
    return berthi_cm_define(w, SECTION_TYPE, BERTHI_CM_TYPE);
}

/* ---------------------------------------------------------------- externs */

static void put_extern_name(berthi_cm_writer *w, const char *name)
{
    berthi_cm_put_byte(&w->body, 0);
    berthi_cm_put_name(&w->body, name, strlen(name));
}

/* A type's bound: equal to `index`, or a resource. */
static void put_bound(berthi_cm_writer *w, bool is_resource, uint32_t index)
{
    berthi_cm_put_byte(&w->body, BERTHI_CM_BOUND_TYPE);
    berthi_cm_put_byte(&w->body, is_resource);
    if (!is_resource)
        berthi_cm_put_u32(&w->body, index);
}

uint32_t berthi_cm_export_type(berthi_cm_writer *w, const char *name, uint32_t index)
{
    put_extern_name(w, name);
    if (w->is_type) {
        put_bound(w, false, index);
    } else {
        berthi_cm_put_byte(&w->body, BERTHI_CM_BOUND_TYPE);
        berthi_cm_put_u32(&w->body, index);
        berthi_cm_put_byte(&w->body, 0);
    }
    return berthi_cm_define(w, SECTION_EXPORT, BERTHI_CM_TYPE);
}

static void declare_type(berthi_cm_writer *w, berthi_cm_writer *surroundings, uint32_t type)
{
    const berthi_wit_type *t = &w->wit->types[type];
    int32_t index;

    if (t->kind == BERTHI_WIT_RESOURCE) {
        put_extern_name(w, t->name);
        put_bound(w, true, 0);
        index = (int32_t)berthi_cm_define(w, SECTION_EXPORT, BERTHI_CM_TYPE);
    } else {
        if (t->is_used) {
            berthi_text_buf_put(&w->body, "\3\2\1", 3); /* a type of the scope around */
            berthi_cm_put_u32(&w->body,
                              (uint32_t)berthi_cm_type_here(surroundings, t->element));
            index = (int32_t)berthi_cm_define(w, SECTION_ALIAS, BERTHI_CM_TYPE);
        } else {
            index = berthi_cm_type_here(w, t->kind == BERTHI_WIT_ALIAS ? t->element : type);
            if (index < 0)
                index = (int32_t)berthi_cm_write_type(w, type);
        }
        index = (int32_t)berthi_cm_export_type(w, t->name, (uint32_t)index);
    }
    w->type_of[type] = 1 + (uint32_t)index;
}

uint32_t berthi_cm_write_interface(berthi_cm_writer *surroundings,
                                   const berthi_wit_interface *interface, uint32_t *type_of)
{
    berthi_cm_writer w;

    berthi_cm_writer_init(&w, surroundings->wit, surroundings->out.allocator, type_of);
    w.is_type = true;
    for (uint32_t i = 0; i < interface->types_count; i++)
        declare_type(&w, surroundings, interface->types[i]);
    for (uint32_t i = 0; i < interface->funcs_count; i++) {
        uint32_t type = berthi_cm_write_func_type(&w, &interface->funcs[i]);

        put_extern_name(&w, interface->funcs[i].name);
        berthi_cm_put_byte(&w.body, BERTHI_CM_BOUND_FUNC);
        berthi_cm_put_u32(&w.body, type);
        (void)berthi_cm_define(&w, SECTION_EXPORT, BERTHI_CM_FUNC);
    }
    berthi_cm_put_byte(&surroundings->body, BERTHI_CM_INSTANCE_TYPE);
    berthi_cm_put_u32(&surroundings->body, w.declarators);
    if (w.out.size != 0)
        berthi_text_buf_put(&surroundings->body, w.out.data, w.out.size);
    surroundings->body.has_failed |= w.out.has_failed;
    berthi_cm_writer_fini(&w);
    return berthi_cm_define(surroundings, SECTION_TYPE, BERTHI_CM_TYPE);
}

/* ---------------------------------------------------------------- re-typing */

typedef struct retyping {
    berthi_cm_writer w;
    berthi_cm_writer *around;
    const berthi_wit_interface *interface;
    berthi_cm_bytes *arguments;
    uint32_t count, unnamed;
} retyping;

static void put_argument(retyping *r, const char *name, uint8_t sort, uint32_t index)
{
    berthi_cm_put_name(r->arguments, name, strlen(name));
    berthi_cm_put_byte(r->arguments, sort);
    berthi_cm_put_u32(r->arguments, index);
    r->count++;
}

static bool is_own(const retyping *r, const berthi_wit_type *t)
{
    return t->owner_kind == BERTHI_WIT_OWNER_INTERFACE &&
           &r->w.wit->interfaces[t->owner] == r->interface;
}

/* Every named type that `type` is made of is imported, parts first. */
static void import_type(retyping *r, uint32_t type)
{
    const berthi_wit_type *t = &r->w.wit->types[type];
    char name[BERTHI_WIT_NAME_MAX + 48];
    uint32_t index;

    if (type < BERTHI_WIT_PRIMITIVES || r->w.type_of[type] != 0)
        return;
    if (t->element != BERTHI_WIT_NONE)
        import_type(r, t->element);
    if (t->second != BERTHI_WIT_NONE)
        import_type(r, t->second);
    for (uint32_t i = 0; i < t->items_count; i++)
        if (t->items[i].type != BERTHI_WIT_NONE)
            import_type(r, t->items[i].type);
    if (t->name == NULL || t->kind == BERTHI_WIT_ALIAS)
        return;
    index = t->kind == BERTHI_WIT_RESOURCE ? 0 : berthi_cm_write_type(&r->w, type);
    if (is_own(r, t))
        (void)snprintf(name, sizeof name, "import-type-%s", t->name);
    else
        (void)snprintf(name, sizeof name, "import-type-%s-x%u", t->name,
                       (unsigned)r->unnamed++);
    put_extern_name(&r->w, name);
    put_bound(&r->w, t->kind == BERTHI_WIT_RESOURCE, index);
    r->w.type_of[type] = 1 + berthi_cm_define(&r->w, SECTION_IMPORT, BERTHI_CM_TYPE);
    put_argument(r, name, BERTHI_CM_BOUND_TYPE, (uint32_t)berthi_cm_type_here(r->around, type));
}

static void import_types_of_func(retyping *r, const berthi_wit_func *func)
{
    for (uint32_t i = 0; i < func->params_count; i++)
        import_type(r, func->params[i].type);
    if (func->result != BERTHI_WIT_NONE)
        import_type(r, func->result);
}

/* Functions are imported under their numbers: names of methods are not free to be used here. */
static void import_funcs(retyping *r, const uint32_t *funcs)
{
    for (uint32_t i = 0; i < r->interface->funcs_count; i++) {
        uint32_t type = berthi_cm_write_func_type(&r->w, &r->interface->funcs[i]);
        char name[32];

        (void)snprintf(name, sizeof name, "import-func-x%u", (unsigned)i);
        put_extern_name(&r->w, name);
        berthi_cm_put_byte(&r->w.body, BERTHI_CM_BOUND_FUNC);
        berthi_cm_put_u32(&r->w.body, type);
        (void)berthi_cm_define(&r->w, SECTION_IMPORT, BERTHI_CM_FUNC);
        put_argument(r, name, BERTHI_CM_BOUND_FUNC, funcs[i]);
    }
}

static void export_types(retyping *r)
{
    berthi_cm_writer *w = &r->w;

    for (uint32_t i = 0; i < r->interface->types_count; i++) {
        uint32_t type = r->interface->types[i], from;
        const berthi_wit_type *t = &w->wit->types[type];

        if (t->kind == BERTHI_WIT_RESOURCE) {
            from = w->fallback[type] - 1;
        } else if (t->kind == BERTHI_WIT_ALIAS) {
            int32_t here = berthi_cm_type_here(w, t->element);

            from = here < 0 ? berthi_cm_write_type(w, type) : (uint32_t)here;
        } else {
            from = berthi_cm_write_type(w, type);
        }
        w->type_of[type] = 1 + berthi_cm_export_type(w, t->name, from);
    }
}

static void export_funcs(retyping *r)
{
    for (uint32_t i = 0; i < r->interface->funcs_count; i++) {
        uint32_t type = berthi_cm_write_func_type(&r->w, &r->interface->funcs[i]);

        put_extern_name(&r->w, r->interface->funcs[i].name);
        berthi_cm_put_byte(&r->w.body, BERTHI_CM_BOUND_FUNC);
        berthi_cm_put_u32(&r->w.body, i);
        berthi_cm_put_byte(&r->w.body, 1);
        berthi_cm_put_byte(&r->w.body, BERTHI_CM_BOUND_FUNC);
        berthi_cm_put_u32(&r->w.body, type);
        (void)berthi_cm_define(&r->w, SECTION_EXPORT, BERTHI_CM_FUNC);
    }
}

void berthi_cm_write_retyping(berthi_cm_writer *surroundings,
                              const berthi_wit_interface *interface, const uint32_t *funcs,
                              uint32_t *imported, uint32_t *exported,
                              berthi_cm_bytes *arguments, uint32_t *arguments_count)
{
    retyping r = { .around = surroundings, .interface = interface, .arguments = arguments };

    berthi_cm_writer_init(&r.w, surroundings->wit, surroundings->out.allocator, imported);
    berthi_text_buf_put(&r.w.out, "\0asm\x0d\0\1\0", 8);
    for (uint32_t i = 0; i < interface->types_count; i++)
        import_type(&r, interface->types[i]);
    for (uint32_t i = 0; i < interface->funcs_count; i++)
        import_types_of_func(&r, &interface->funcs[i]);
    import_funcs(&r, funcs);
    r.w.fallback = imported;
    r.w.type_of = exported;
    export_types(&r);
    export_funcs(&r);
    berthi_cm_put_section(&surroundings->out, 4, &r.w.out);
    surroundings->counts[BERTHI_CM_COMPONENT]++;
    *arguments_count = r.count;
    berthi_cm_writer_fini(&r.w);
}
