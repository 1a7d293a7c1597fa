/* c_plugin.c - a plugin's side in C: what it writes and may call.
 *
 * Every function of the plugin has the one shape of the design: self, arguments, result, call; so that
 * the same source serves as a core module (c_guest.c) and as a shared object (c_native.c).
 * Layer: bindgen. */
#include "bindgen/c_plugin.h"

#include "base/diag.h"

const char *berthi_bg_args_type(const berthi_bg_func *f)
{
    return f->args == NULL ? "void" : f->args;
}

const char *berthi_bg_result_type(const berthi_bg *bg, const berthi_bg_func *f)
{
    return f->func->result == BERTHI_WIT_NONE ? "void"
                                              : berthi_bg_type_name(bg, f->func->result);
}

/* What follows the prefix of the world. */
const char *berthi_bg_tail(const berthi_bg *bg, const char *name)
{
    return name + strlen(bg->prefix) + 1;
}

/* A name of the glue's own. */
const char *berthi_bg_own_name(berthi_bg *bg, const char *what, const char *of)
{
    return berthi_bg_claim(&bg->names, berthi_bg_format(&bg->names, "%s_%s_%s", bg->prefix,
                                                        what, berthi_bg_tail(bg, of)));
}

/* ---------------------------------------------------------------- the plugin's header */

static void write_export(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_func *f)
{
    berthi_bg_blank(o);
    berthi_bg_docs(o, f->func->docs);
    berthi_bg_open(o, "int32_t %s(", f->plugin);
    berthi_bg_item(o, "void *self");
    berthi_bg_item(o, "const %s *args", berthi_bg_args_type(f));
    berthi_bg_item(o, "%s *result", berthi_bg_result_type(bg, f));
    berthi_bg_item(o, "berth_plugin_call *call");
    berthi_bg_close(o, ");");
}

/* `p0` and `r0` are variables of the glue. */
static bool is_glue_variable(const char *name)
{
    size_t digits;

    if (name[0] != 'p' && name[0] != 'r') /* "" when there was no memory for it */
        return false;
    digits = strspn(name + 1, "0123456789");
    return digits != 0 && name[1 + digits] == '\0';
}

const char *berthi_bg_import_param(berthi_bg *bg, const berthi_wit_func *func, uint32_t index)
{
    static const char *const own[] = { "args", "call", "result_out" };
    const char *name = berthi_bg_field(bg, func->params, index);
    bool is_taken = is_glue_variable(name);

    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        is_taken |= strcmp(name, own[i]) == 0;
    return is_taken ? berthi_bg_format(&bg->names, "%s_", name) : name;
}

void berthi_bg_write_import(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_func *f,
                            const char *tail)
{
    berthi_bg_open(o, "int32_t %s(", f->name);
    berthi_bg_item(o, "berth_plugin_call *call");
    for (uint32_t i = 0; i < f->func->params_count; i++) {
        uint32_t type = f->func->params[i].type;

        berthi_bg_item(o, berthi_bg_is_plain(bg, type) ? "%s %s" : "const %s *%s",
                       berthi_bg_type_name(bg, type), berthi_bg_import_param(bg, f->func, i));
    }
    if (f->func->result != BERTHI_WIT_NONE)
        berthi_bg_item(o, "%s *result_out", berthi_bg_result_type(bg, f));
    berthi_bg_close(o, tail);
}

static bool is_resource(const berthi_bg *bg, uint32_t type)
{
    return bg->wit->types[type].kind == BERTHI_WIT_RESOURCE;
}

void berthi_bg_each_resource(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_group *g,
                             void (*write)(berthi_bg *, berthi_bg_out *,
                                           const berthi_bg_group *, const char *name,
                                           const char *wit_name))
{
    uint32_t count = g->interface != NULL ? g->interface->types_count
                     : g->is_export       ? 0 /* worlds export no types */
                                          : bg->world->imports_count;

    for (uint32_t i = 0; i < count && !berthi_bg_out_is_full(o); i++) {
        const berthi_wit_extern *e = g->interface != NULL ? NULL : &bg->world->imports[i];
        uint32_t type = e == NULL ? g->interface->types[i] : e->index;

        if ((e == NULL || e->kind == BERTHI_WIT_EXTERN_TYPE) && is_resource(bg, type))
            write(bg, o, g, bg->type_names[type], bg->wit->types[type].name);
    }
}

static void declare_exported(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_group *g,
                             const char *name, const char *wit_name)
{
    (void)g;
    berthi_bg_blank(o);
    berthi_bg_comment(o,
                      "%s: a handle for an object of the plugin, and the object behind one.  "
                      "Dropping a handle that is owned destroys its object.",
                      wit_name);
    berthi_bg_line(o, "void %s_plugin_%s_destroy(void *object); /* the plugin's */", bg->prefix,
                   berthi_bg_tail(bg, name));
    berthi_bg_line(o, "%s %s_make(void *object);", name, name);
    berthi_bg_line(o, "void *%s_object(%s owned);", name, name);
    berthi_bg_line(o, "void *%s_borrowed(%s_borrow borrowed);", name, name);
    berthi_bg_line(o, "void %s_drop(%s owned);", name, name);
}

static void declare_imported(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_group *g,
                             const char *name, const char *wit_name)
{
    (void)bg, (void)g;
    berthi_bg_blank(o);
    berthi_bg_comment(
        o, "%s: what the plugin owns, and what came as borrowed in a call, it drops.",
        wit_name);
    berthi_bg_line(o, "void %s_drop(%s owned);", name, name);
    berthi_bg_line(o, "void %s_drop_borrow(%s_borrow borrowed);", name, name);
}

static void write_header_body(berthi_bg *bg, berthi_bg_out *o)
{
    berthi_bg_blank(o);
    berthi_bg_comment(
        o,
        "The plugin writes these.  Each answers 0, or another number when it cannot go on at "
        "all, which ends the plugin's instance.  What *args points at is the plugin's until "
        "the function returns; what *result points at has to live until the host has read "
        "it, as constants do, and room from berth_plugin_room().");
    for (uint32_t i = 0; i < bg->exports_count && !berthi_bg_out_is_full(o); i++)
        write_export(bg, o, &bg->funcs[i]);
    for (uint32_t g = 0; g < bg->export_groups; g++)
        berthi_bg_each_resource(bg, o, &bg->groups[g], declare_exported);
    berthi_bg_blank(o);
    berthi_bg_comment(o, "May be left out: what becomes `self`, once, before the first call.");
    berthi_bg_line(o, "int32_t %s(void **self_out);", bg->open);
    berthi_bg_blank(o);
    berthi_bg_comment(o,
                      "May be left out, and are called in shared objects alone: `drain` ends "
                      "the threads that the plugin started, within that time, and answers 0 "
                      "when none is left; `close` frees `self`.");
    berthi_bg_line(o, "int32_t %s(void *self, uint64_t deadline_ns);", bg->drain);
    berthi_bg_line(o, "void %s(void *self);", bg->close);
    if (bg->exports_count != bg->funcs_count) {
        berthi_bg_blank(o);
        berthi_bg_comment(o, "The plugin may call these; `call` is what it was given itself.  "
                             "They answer 0.  What a result points at lives as long as the "
                             "call.");
    }
    for (uint32_t i = bg->exports_count; i < bg->funcs_count && !berthi_bg_out_is_full(o);
         i++) {
        berthi_bg_blank(o);
        berthi_bg_docs(o, bg->funcs[i].func->docs);
        berthi_bg_write_import(bg, o, &bg->funcs[i], ");");
    }
    for (uint32_t g = bg->export_groups; g < bg->groups_count; g++)
        berthi_bg_each_resource(bg, o, &bg->groups[g], declare_imported);
}

berth_status berthi_bg_write_plugin_header(berthi_bg *bg, berthi_bg_out *o)
{
    berthi_bg_names *n = &bg->names;
    const char *guard = berthi_bg_format(n, "%s_PLUGIN_H", berthi_bg_upper(n, bg->prefix));

    berthi_bg_write_head(bg, o, berthi_bg_format(n, "%s_plugin.h", bg->prefix),
                         "what a plugin writes and may call");
    berthi_bg_line(o, "#ifndef %s", guard);
    berthi_bg_line(o, "#define %s", guard);
    berthi_bg_blank(o);
    berthi_bg_line(o, "#include \"%s_types.h\"", bg->prefix);
    berthi_bg_raw(
        o, "\n#ifndef __wasm32__\n#include <string.h>\n\n#include <berth/native.h>\n#endif\n"
           "\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n"
           "#pragma GCC visibility push(hidden)\n");
    write_header_body(bg, o);
    berthi_bg_raw(o, "\n#pragma GCC visibility pop\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
    return BERTH_OK;
}

void berthi_bg_write_function(berthi_bg_out *o, const char *head, const char *body)
{
    berthi_bg_line(o, "%s", head);
    berthi_bg_line(o, "{");
    berthi_bg_line(o, "    %s", body);
    berthi_bg_line(o, "}");
}

/* Types of an interface are one C type each, and a wrapped component knows them by one index. */
berth_status berthi_bg_check_plugin(const berthi_bg *bg)
{
    for (uint32_t i = 0; i < bg->export_groups; i++)
        for (uint32_t k = bg->export_groups; k < bg->groups_count; k++)
            if (bg->groups[i].interface != NULL &&
                bg->groups[i].interface == bg->groups[k].interface)
                return berthi_fail(bg->diag, BERTH_E_REJECTED,
                                   "world %s: there are no bindings for a plugin that both "
                                   "imports and exports `%s`; export an interface of another "
                                   "name",
                                   bg->world->name, bg->groups[i].origin->name);
    return BERTH_OK;
}
