/* c_guest.c - a plugin as a core module: the glue between its functions and the canonical ABI.
 *
 * On a 32-bit machine the layout of our types is the canonical one, so what goes through memory goes as
 * it is; what is left to the glue are the numbers that core functions take instead (c_flat.c).
 *
 * Layer: bindgen. */
#include "base/diag.h"
#include "bindgen/c_flat.h"
#include "bindgen/c_plugin.h"
#include "bindgen/shape.h"
#include "component/wrap/wrap.h"

typedef struct core_shape { /* of a function */
    berthi_bg_flat params, result;
    bool spills_params;  /* one pointer to the struct of them */
    bool spills_results; /* to the result */
} core_shape;

static core_shape shape_of(const berthi_bg *bg, const berthi_bg_func *f)
{
    const berthi_cm_type *result = berthi_cm_func_result(f->type);
    core_shape shape = { .spills_params = f->args_type != NULL &&
                                          f->args_type->flat_count > BERTHI_CM_FLAT_PARAMS_MAX,
                         .spills_results = result != NULL &&
                                           result->flat_count > BERTHI_CM_FLAT_RESULTS_MAX };

    if (shape.spills_params)
        shape.params = (berthi_bg_flat){ { BERTHI_BG_I32 }, 1 };
    else
        for (uint32_t i = 0; i < f->func->params_count; i++)
            berthi_bg_flatten(bg, f->func->params[i].type, &shape.params);
    if (shape.spills_results)
        shape.result = (berthi_bg_flat){ { BERTHI_BG_I32 }, 1 };
    else if (result != NULL)
        berthi_bg_flatten(bg, f->func->result, &shape.result);
    return shape;
}

/* ---------------------------------------------------------------- glue */

static const char *core_result(const core_shape *shape, bool is_import)
{
    if (shape->result.count == 0 || (is_import && shape->spills_results))
        return "void";
    return berthi_bg_core_type(shape->result.cores[0]);
}

/* (uint32_t p0, ...) */
static void write_core_params(berthi_bg_out *o, const core_shape *shape, bool has_pointer,
                              bool has_names)
{
    for (uint32_t i = 0; i < shape->params.count; i++)
        if (has_names)
            berthi_bg_item(o, "%s p%u", berthi_bg_core_type(shape->params.cores[i]),
                           (unsigned)i);
        else
            berthi_bg_item(o, "%s", berthi_bg_core_type(shape->params.cores[i]));
    if (has_pointer)
        berthi_bg_item(o, "uint32_t");
    if (shape->params.count == 0 && !has_pointer)
        berthi_bg_item(o, "void");
}

static void write_flat_variables(berthi_bg_out *o, const berthi_bg_flat *flat, const char *name)
{
    for (uint32_t i = 0; i < flat->count; i++)
        berthi_bg_line(o, "%s %s%u = 0;", berthi_bg_core_type(flat->cores[i]), name,
                       (unsigned)i);
}

/* The result is in memory and has parts elsewhere, which stay until the host has read them. */
static bool needs_post(const core_shape *shape, const berthi_bg_func *f)
{
    return shape->spills_results && berthi_cm_func_result(f->type)->has_pointer;
}

static void write_call(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_func *f,
                       const core_shape *shape)
{
    const char *args = f->args == NULL ? "NULL"
                       : shape->spills_params
                           ? berthi_bg_format(&bg->names, "(const %s *)(uintptr_t)p0", f->args)
                           : "&args";

    berthi_bg_line(o, "if (%s(berth_self(), %s, %s, &berth_plugin_now) != 0)", f->plugin, args,
                   f->func->result == BERTHI_WIT_NONE ? "NULL" : "&result");
    berthi_bg_line(o, "    berth_fail();");
}

static void write_export_body(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_func *f,
                              const core_shape *shape)
{
    bool has_args = f->args != NULL && !shape->spills_params;
    bool has_flat_result = shape->result.count != 0 && !shape->spills_results;
    uint32_t at = 0;

    o->indent++;
    if (has_args)
        berthi_bg_line(o, "%s args;", f->args);
    if (f->func->result != BERTHI_WIT_NONE)
        berthi_bg_line(o, "%s%s result;", shape->spills_results ? "static " : "",
                       berthi_bg_result_type(bg, f));
    if (has_flat_result)
        write_flat_variables(o, &shape->result, "r");
    if (has_args || f->func->result != BERTHI_WIT_NONE)
        berthi_bg_blank(o);
    for (uint32_t i = 0; has_args && i < f->func->params_count; i++)
        berthi_bg_write_lift(
            bg, o, f->func->params[i].type,
            berthi_bg_format(&bg->names, "args.%s", berthi_bg_field(bg, f->func->params, i)),
            "p", &shape->params, &at);
    write_call(bg, o, f, shape);
    at = 0;
    if (has_flat_result)
        berthi_bg_write_lower(bg, o, f->func->result, "result", "r", &shape->result, &at);
    if (!needs_post(shape, f))
        berthi_bg_line(o, "berth_plugin_end(&berth_plugin_now);");
    if (shape->spills_results)
        berthi_bg_line(o, "return (uint32_t)(uintptr_t)&result;");
    else if (has_flat_result)
        berthi_bg_line(o, "return r0;");
    o->indent--;
}

static void write_attribute(berthi_bg_out *o, const char *prefix, const char *name)
{
    berthi_bg_line(o, "__attribute__((export_name(\"%s%s\"), visibility(\"default\")))", prefix,
                   name);
}

static void write_export_glue(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_func *f)
{
    core_shape shape = shape_of(bg, f);
    const char *type = core_result(&shape, false),
               *name = berthi_bg_own_name(bg, "export", f->name);

    berthi_bg_blank(o);
    write_attribute(o, "", f->full_name);
    for (unsigned i = 0; i < 2; i++) { /* declared, and defined */
        berthi_bg_open(o, "%s %s(", type, name);
        write_core_params(o, &shape, false, true);
        berthi_bg_close(o, i == 0 ? ");" : ")");
    }
    berthi_bg_line(o, "{");
    write_export_body(bg, o, f, &shape);
    berthi_bg_line(o, "}");
    if (!needs_post(&shape, f))
        return;
    berthi_bg_blank(o);
    name = berthi_bg_own_name(bg, "post", f->name);
    write_attribute(o, "cabi_post_", f->full_name);
    berthi_bg_line(o, "void %s(uint32_t result);", name);
    berthi_bg_line(o, "void %s(uint32_t result)", name);
    berthi_bg_line(o, "{");
    berthi_bg_line(o, "    (void)result;");
    berthi_bg_line(o, "    berth_plugin_end(&berth_plugin_now);");
    berthi_bg_line(o, "}");
}

static void write_import_declaration(berthi_bg_out *o, const char *module, const char *name)
{
    berthi_bg_line(o, "__attribute__((import_module(\"%s\"), import_name(\"%s\")))", module,
                   name);
}

static void write_import_body(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_func *f,
                              const core_shape *shape, const char *name)
{
    bool has_flat_result = shape->result.count != 0 && !shape->spills_results;
    uint32_t at = 0;

    o->indent++;
    if (f->args != NULL)
        berthi_bg_line(o, "%s args;", f->args);
    if (!shape->spills_params)
        write_flat_variables(o, &shape->params, "p");
    if (has_flat_result)
        berthi_bg_line(o, "%s r0;", berthi_bg_core_type(shape->result.cores[0]));
    if (f->args != NULL || has_flat_result)
        berthi_bg_blank(o);
    berthi_bg_line(o, "(void)call;");
    for (uint32_t i = 0; i < f->func->params_count; i++) {
        const char *path =
            berthi_bg_format(&bg->names, "args.%s", berthi_bg_field(bg, f->func->params, i));

        berthi_bg_line(o, "%s = %s%s;", path,
                       berthi_bg_is_plain(bg, f->func->params[i].type) ? "" : "*",
                       berthi_bg_import_param(bg, f->func, i));
        if (!shape->spills_params)
            berthi_bg_write_lower(bg, o, f->func->params[i].type, path, "p", &shape->params,
                                  &at);
    }
    berthi_bg_open(o, "%s%s(", has_flat_result ? "r0 = " : "", name);
    if (shape->spills_params)
        berthi_bg_item(o, "(uint32_t)(uintptr_t)&args");
    for (uint32_t i = 0; !shape->spills_params && i < shape->params.count; i++)
        berthi_bg_item(o, "p%u", (unsigned)i);
    if (shape->spills_results)
        berthi_bg_item(o, "(uint32_t)(uintptr_t)result_out");
    berthi_bg_close(o, ");");
    at = 0;
    if (has_flat_result)
        berthi_bg_write_lift(bg, o, f->func->result, "(*result_out)", "r", &shape->result, &at);
    berthi_bg_line(o, "return 0;");
    o->indent--;
}

static void write_import_glue(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_func *f)
{
    core_shape shape = shape_of(bg, f);
    const char *name = berthi_bg_own_name(bg, "import", f->name);

    berthi_bg_blank(o);
    write_import_declaration(o, f->interface == NULL ? "$root" : f->interface, f->func->name);
    berthi_bg_open(o, "%s %s(", core_result(&shape, true), name);
    write_core_params(o, &shape, shape.spills_results, false);
    berthi_bg_close(o, ");");
    berthi_bg_write_import(bg, o, f, ")");
    berthi_bg_line(o, "{");
    write_import_body(bg, o, f, &shape, name);
    berthi_bg_line(o, "}");
}

/* ---------------------------------------------------------------- resources */

static void write_built_in(berthi_bg_out *o, const char *module, const char *what,
                           const char *wit_name, const char *result, const char *function)
{
    berthi_bg_line(o,
                   "__attribute__((import_module(\"%s\"), import_name(\"[resource-%s]%s\")))",
                   module, what, wit_name);
    berthi_bg_line(o, "%s %s(uint32_t);", result, function);
}

static void write_exported_resource(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_group *g,
                                    const char *name, const char *wit_name)
{
    berthi_bg_names *n = &bg->names;
    const char *module = berthi_bg_format(n, "[export]%s", g->origin->name);
    const char *make = berthi_bg_own_name(bg, "new", name),
               *rep = berthi_bg_own_name(bg, "rep", name);
    const char *drop = berthi_bg_own_name(bg, "drop", name),
               *destroy = berthi_bg_own_name(bg, "destroy", name);

    berthi_bg_blank(o);
    write_built_in(o, module, "new", wit_name, "uint32_t", make);
    write_built_in(o, module, "rep", wit_name, "uint32_t", rep);
    write_built_in(o, module, "drop", wit_name, "void", drop);
    berthi_bg_line(o, "%s %s_make(void *object)", name, name);
    berthi_bg_line(o, "{");
    berthi_bg_line(o, "    %s owned;", name);
    berthi_bg_blank(o);
    berthi_bg_line(o, "    owned.handle = %s((uint32_t)(uintptr_t)object);", make);
    berthi_bg_line(o, "    return owned;");
    berthi_bg_line(o, "}");
    berthi_bg_write_function(
        o, berthi_bg_format(n, "void *%s_object(%s owned)", name, name),
        berthi_bg_format(n, "return (void *)(uintptr_t)%s(owned.handle);", rep));
    berthi_bg_write_function(
        o, berthi_bg_format(n, "void *%s_borrowed(%s_borrow borrowed)", name, name),
        "return (void *)(uintptr_t)borrowed.handle;");
    berthi_bg_write_function(o, berthi_bg_format(n, "void %s_drop(%s owned)", name, name),
                             berthi_bg_format(n, "%s(owned.handle);", drop));
    write_attribute(o, "", berthi_bg_format(n, "%s#[dtor]%s", g->origin->name, wit_name));
    berthi_bg_line(o, "void %s(uint32_t object);", destroy);
    berthi_bg_write_function(
        o, berthi_bg_format(n, "void %s(uint32_t object)", destroy),
        berthi_bg_format(n, "%s_plugin_%s_destroy((void *)(uintptr_t)object);", bg->prefix,
                         berthi_bg_tail(bg, name)));
}

static void write_imported_resource(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_group *g,
                                    const char *name, const char *wit_name)
{
    berthi_bg_names *n = &bg->names;
    const char *drop = berthi_bg_own_name(bg, "drop", name);

    berthi_bg_blank(o);
    write_built_in(o, g->origin == NULL ? "$root" : g->origin->name, "drop", wit_name, "void",
                   drop);
    berthi_bg_write_function(o, berthi_bg_format(n, "void %s_drop(%s owned)", name, name),
                             berthi_bg_format(n, "%s(owned.handle);", drop));
    berthi_bg_write_function(
        o, berthi_bg_format(n, "void %s_drop_borrow(%s_borrow borrowed)", name, name),
        berthi_bg_format(n, "%s(borrowed.handle);", drop));
}

/* ---------------------------------------------------------------- all of it */

static void write_self(berthi_bg *bg, berthi_bg_out *o)
{
    berthi_bg_blank(o);
    berthi_bg_write_function(
        o,
        berthi_bg_format(&bg->names, "__attribute__((weak)) int32_t %s(void **self_out)",
                         bg->open),
        "return *self_out = NULL, 0;");
    berthi_bg_blank(o);
    berthi_bg_line(o, "static void *berth_self(void)");
    berthi_bg_line(o, "{");
    o->indent++;
    berthi_bg_line(o, "static void *self = NULL;");
    berthi_bg_line(o, "static int32_t is_open = 0;");
    berthi_bg_blank(o);
    berthi_bg_line(o, "if (!is_open && %s(&self) != 0)", bg->open);
    berthi_bg_line(o, "    berth_fail();");
    berthi_bg_line(o, "is_open = 1;");
    berthi_bg_line(o, "return self;");
    o->indent--;
    berthi_bg_line(o, "}");
}

/* Some bytes of the section that tools look for.  It is assembly, because a section attribute would
 * make data of the module's memory of it; in pieces, because literals are bounded. */
static void write_piece(const berthi_bg *bg, berthi_bg_out *o, const char *bytes, size_t size)
{
    enum { LINE = 16 };

    berthi_bg_line(
        o, "__asm__(\".section \\\".custom_section.component-type:%s\\\",\\\"\\\",@\\n\"",
        bg->world->name);
    for (size_t i = 0; i < size; i += LINE) {
        berthi_bg_open(o, "        \".byte ");
        for (size_t k = i; k < size && k < i + LINE; k++)
            berthi_bg_item(o, "%u", (unsigned)(unsigned char)bytes[k]);
        berthi_bg_close(o, "\\n\"");
    }
    berthi_bg_line(o, "        \".text\\n\");");
}

/* The world itself. */
static berth_status write_world(berthi_bg *bg, berthi_bg_out *o)
{
    enum { PIECE = 512 };
    berthi_text_buf bytes;
    berth_status status;

    berthi_text_buf_init(&bytes, bg->arena->allocator);
    status = berthi_component_world(bg->wit, bg->world, bg->arena->allocator, &bytes, bg->diag);
    if (status == BERTH_OK) {
        berthi_bg_blank(o);
        berthi_bg_line(o, "/* the world, for `berth componentize` */");
        for (size_t i = 0; i < bytes.size && !berthi_bg_out_is_full(o); i += PIECE)
            write_piece(bg, o, bytes.data + i, bytes.size - i < PIECE ? bytes.size - i : PIECE);
    }
    berthi_text_buf_fini(&bytes);
    return status;
}

berth_status berthi_bg_write_guest_source(berthi_bg *bg, berthi_bg_out *o)
{
    berth_status status = berthi_bg_check_plugin(bg);

    if (status != BERTH_OK)
        return status;
    berthi_bg_write_head(bg, o, berthi_bg_format(&bg->names, "%s_guest.c", bg->prefix),
                         "a plugin as a core module");
    berthi_bg_line(o, "#include \"%s_plugin.h\"", bg->prefix);
    if (bg->exports_count != 0)
        write_self(bg, o);
    for (uint32_t i = 0; i < bg->exports_count && !berthi_bg_out_is_full(o); i++)
        write_export_glue(bg, o, &bg->funcs[i]);
    for (uint32_t i = bg->exports_count; i < bg->funcs_count && !berthi_bg_out_is_full(o); i++)
        write_import_glue(bg, o, &bg->funcs[i]);
    for (uint32_t g = 0; g < bg->groups_count; g++)
        berthi_bg_each_resource(bg, o, &bg->groups[g],
                                bg->groups[g].is_export ? write_exported_resource
                                                        : write_imported_resource);
    return write_world(bg, o);
}
