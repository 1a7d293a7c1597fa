/* wrap_world.c - what a world imports, written into a component or a component type; and a world by
 * itself, as tools put it into core modules.  Layer: component. */
#include "component/wrap/wrap.h"

#include "base/diag.h"

enum { SECTION_ALIAS = 6, SECTION_TYPE = 7, SECTION_IMPORT = 10, SECTION_EXPORT = 11 };

#define NOWHERE UINT32_MAX

static void put_text(berthi_cm_bytes *b, const char *text)
{
    berthi_cm_put_name(b, text, strlen(text));
}

static uint32_t alias_type(berthi_cm_writer *w, uint32_t instance, const char *name)
{
    berthi_cm_put_byte(&w->body, BERTHI_CM_BOUND_TYPE);
    berthi_cm_put_byte(&w->body, 0);
    berthi_cm_put_u32(&w->body, instance);
    put_text(&w->body, name);
    return berthi_cm_define(w, SECTION_ALIAS, BERTHI_CM_TYPE);
}

void berthi_cm_adopt_types(berthi_cm_writer *w, const berthi_wit_interface *interface,
                           uint32_t instance)
{
    for (uint32_t i = 0; i < interface->types_count; i++) {
        uint32_t type = interface->types[i];

        w->type_of[type] = 1 + alias_type(w, instance, w->wit->types[type].name);
    }
}

static uint32_t import(berthi_cm_writer *w, const char *name, uint8_t sort, uint8_t byte,
                       uint32_t type)
{
    berthi_cm_put_byte(&w->body, 0);
    put_text(&w->body, name);
    berthi_cm_put_byte(&w->body, byte);
    if (byte == BERTHI_CM_BOUND_TYPE)
        berthi_cm_put_byte(&w->body, type == NOWHERE);
    if (type != NOWHERE)
        berthi_cm_put_u32(&w->body, type);
    return berthi_cm_define(w, SECTION_IMPORT, sort);
}

/* The instance type of an interface; NOWHERE: no memory. */
static uint32_t write_interface(berthi_cm_writer *w, berthi_arena *arena, uint32_t index)
{
    uint32_t *types = berthi_arena_array(arena, w->wit->types_count + 1u, sizeof *types);

    if (types == NULL)
        return NOWHERE;
    return berthi_cm_write_interface(w, &w->wit->interfaces[index], types);
}

static void import_type(berthi_cm_writer *w, const berthi_wit_extern *e)
{
    const berthi_wit_type *t = &w->wit->types[e->index];
    uint32_t bound = NOWHERE;

    if (t->kind != BERTHI_WIT_RESOURCE) {
        int32_t here = t->kind == BERTHI_WIT_ALIAS ? berthi_cm_type_here(w, t->element) : -1;

        bound = here < 0 ? berthi_cm_write_type(w, e->index) : (uint32_t)here;
    }
    w->type_of[e->index] = 1 + import(w, e->name, BERTHI_CM_TYPE, BERTHI_CM_BOUND_TYPE, bound);
}

bool berthi_cm_import_world(berthi_cm_writer *w, const berthi_wit_world *world,
                            berthi_arena *arena, uint32_t *instance_of, uint32_t *func_of)
{
    for (uint32_t i = 0; i < world->imports_count; i++) {
        const berthi_wit_extern *e = &world->imports[i];
        uint32_t type;

        if (e->kind == BERTHI_WIT_EXTERN_TYPE) {
            import_type(w, e);
            continue;
        }
        if (e->kind == BERTHI_WIT_EXTERN_FUNC) {
            type = berthi_cm_write_func_type(w, e->func);
            func_of[i] = import(w, e->name, BERTHI_CM_FUNC, BERTHI_CM_BOUND_FUNC, type);
            continue;
        }
        type = write_interface(w, arena, e->index);
        if (type == NOWHERE)
            return false;
        instance_of[e->index] =
            1 + import(w, e->name, BERTHI_CM_INSTANCE, BERTHI_CM_BOUND_INSTANCE, type);
        berthi_cm_adopt_types(w, &w->wit->interfaces[e->index], instance_of[e->index] - 1);
    }
    return true;
}

/* ---------------------------------------------------------------- a world by itself */

static uint32_t declare_export(berthi_cm_writer *w, const char *name, uint8_t sort,
                               uint8_t byte, uint32_t type)
{
    berthi_cm_put_byte(&w->body, 0);
    put_text(&w->body, name);
    berthi_cm_put_byte(&w->body, byte);
    berthi_cm_put_u32(&w->body, type);
    return berthi_cm_define(w, SECTION_EXPORT, sort);
}

static bool declare_exports(berthi_cm_writer *w, const berthi_wit_world *world,
                            berthi_arena *arena)
{
    for (uint32_t i = 0; i < world->exports_count; i++) {
        const berthi_wit_extern *e = &world->exports[i];
        uint32_t type;

        if (e->kind == BERTHI_WIT_EXTERN_FUNC) {
            type = berthi_cm_write_func_type(w, e->func);
            (void)declare_export(w, e->name, BERTHI_CM_FUNC, BERTHI_CM_BOUND_FUNC, type);
            continue;
        }
        type = write_interface(w, arena, e->index);
        if (type == NOWHERE)
            return false;
        berthi_cm_adopt_types(
            w, &w->wit->interfaces[e->index],
            declare_export(w, e->name, BERTHI_CM_INSTANCE, BERTHI_CM_BOUND_INSTANCE, type));
    }
    return true;
}

enum { COMPONENT_TYPE = 0x41, BOUND_COMPONENT = 4, DECLARE_TYPE = 1, DECLARE_EXPORT = 4 };

/* A component that exports a type of a component that exports the type of the world, which is what
 * says that this is WIT (WIT.md, "Package format"). */
static void put_package(const berthi_cm_writer *w, const berthi_wit_world *world,
                        berthi_text_buf *out)
{
    static const char encoding[] = "wit-component-encoding";
    berthi_cm_bytes body;

    berthi_text_buf_init(&body, out->allocator);
    berthi_text_buf_put(out, "\0asm\x0d\0\1\0", 8);
    put_text(&body, encoding);
    berthi_text_buf_put(&body, "\4\0", 2); /* its version; UTF-8 */
    berthi_cm_put_section(out, 0, &body);
    berthi_cm_put_u32(&body, 1);
    berthi_cm_put_byte(&body, COMPONENT_TYPE);
    berthi_cm_put_u32(&body, 2);
    berthi_cm_put_byte(&body, DECLARE_TYPE);
    berthi_cm_put_byte(&body, COMPONENT_TYPE);
    berthi_cm_put_u32(&body, w->declarators);
    if (w->out.size != 0)
        berthi_text_buf_put(&body, w->out.data, w->out.size);
    berthi_cm_put_byte(&body, DECLARE_EXPORT);
    berthi_cm_put_byte(&body, 0);
    put_text(&body, world->id);
    berthi_cm_put_byte(&body, BOUND_COMPONENT);
    berthi_cm_put_u32(&body, 0);
    berthi_cm_put_section(out, SECTION_TYPE, &body);
    berthi_cm_put_u32(&body, 1);
    berthi_cm_put_byte(&body, 0);
    put_text(&body, world->name);
    berthi_cm_put_byte(&body, BERTHI_CM_BOUND_TYPE);
    berthi_cm_put_u32(&body, 0);
    berthi_cm_put_byte(&body, 0);
    berthi_cm_put_section(out, SECTION_EXPORT, &body);
    berthi_text_buf_fini(&body);
}

berth_status berthi_component_world(const berthi_wit *wit, const berthi_wit_world *world,
                                    const berth_allocator *a, berthi_text_buf *out,
                                    berth_diag *diag)
{
    berthi_arena arena;
    berthi_cm_writer w;
    uint32_t *type_of, *instance_of, *func_of;
    bool is_good;

    berthi_arena_init(&arena, a, SIZE_MAX);
    type_of = berthi_arena_array(&arena, wit->types_count + 1u, sizeof *type_of);
    instance_of = berthi_arena_array(&arena, wit->interfaces_count + 1u, sizeof *instance_of);
    func_of = berthi_arena_array(&arena, world->imports_count + 1u, sizeof *func_of);
    berthi_cm_writer_init(&w, wit, a, type_of);
    w.is_type = true;
    is_good = type_of != NULL && instance_of != NULL && func_of != NULL &&
              berthi_cm_import_world(&w, world, &arena, instance_of, func_of) &&
              declare_exports(&w, world, &arena);
    if (is_good)
        put_package(&w, world, out);
    is_good = is_good && !w.out.has_failed && !w.body.has_failed && !out->has_failed;
    berthi_cm_writer_fini(&w);
    berthi_arena_fini(&arena);
    return is_good ? BERTH_OK
                   : berthi_fail(diag, BERTH_E_NOMEM, "out of memory for the type of world %s",
                                 world->name);
}
