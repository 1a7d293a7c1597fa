/* c_host.c - a host's typed stubs in C: one function for each that the world exports.
 *
 * The text is C11 and C++11 at once: no designated initializers, no compound literals.
 * Layer: bindgen. */
#include "base/diag.h"
#include "bindgen/c_plugin.h"
#include "component/types/type_text.h"

enum { TYPE_MAX = 4096 }; /* as berth_slot_func() takes it */

/* Names of the stubs' own parameters and locals. */
static const char *param_name(berthi_bg *bg, const berthi_wit_func *func, uint32_t index)
{
    static const char *const own[] = { "to", "arena", "args", "call", "result_out", "diag" };
    const char *name = berthi_bg_field(bg, func->params, index);

    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(name, own[i]) == 0)
            return berthi_bg_format(&bg->names, "%s_", name);
    return name;
}

static uint32_t callable_count(const berthi_bg *bg)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < bg->exports_count; i++)
        count += berthi_bg_is_callable(bg, &bg->funcs[i]);
    return count + bg->drops_count;
}

static void write_prototype(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_func *f,
                            const char *head, const char *tail)
{
    berthi_bg_open(o, "%sberth_status %s(", head, f->name);
    berthi_bg_item(o, "const %s *to", bg->slot);
    berthi_bg_item(o, "berth_arena *arena");
    for (uint32_t i = 0; i < f->func->params_count; i++) {
        uint32_t type = f->func->params[i].type;

        berthi_bg_item(o, berthi_bg_is_plain(bg, type) ? "%s %s" : "const %s *%s",
                       berthi_bg_type_name(bg, type), param_name(bg, f->func, i));
    }
    if (f->func->result != BERTHI_WIT_NONE)
        berthi_bg_item(o, "%s *result_out", berthi_bg_type_name(bg, f->func->result));
    berthi_bg_item(o, "berth_diag *diag");
    berthi_bg_close(o, tail);
}

static void write_absent(berthi_bg *bg, berthi_bg_out *o)
{
    bool is_first = true;

    for (uint32_t i = 0; i < bg->exports_count; i++) {
        if (berthi_bg_is_callable(bg, &bg->funcs[i]))
            continue;
        if (is_first) {
            berthi_bg_blank(o);
            berthi_bg_comment(o, "Not here, because they take or give objects of the host's:");
        }
        berthi_bg_line(o, "/* %s */", bg->funcs[i].full_name);
        is_first = false;
    }
}

/* ---------------------------------------------------------------- sessions */

static void put_enter(berthi_bg *bg, berthi_bg_out *o, const char *head, const char *tail)
{
    berthi_bg_open(o, "%sberth_status %s(", head, bg->enter);
    berthi_bg_item(o, "const %s *to", bg->slot);
    berthi_bg_item(o, "%s *session_out", bg->slot);
    berthi_bg_item(o, "berth_diag *diag");
    berthi_bg_close(o, tail);
}

static void write_session(berthi_bg *bg, berthi_bg_out *o)
{
    berthi_bg_blank(o);
    berthi_bg_comment(
        o,
        "Functions that take or give handles belong to one instance, and are called in a "
        "session (<berth/session.h>): %s() gives a %s whose calls all go to one instance, "
        "which nobody else calls, and %s() ends it.\nThread: one at a time for a session.  "
        "Fails: as berth_session_open().",
        bg->enter, bg->slot, bg->leave);
    put_enter(bg, o, "BERTH_CHECKED ", ");");
    berthi_bg_line(o, "void %s(%s *session);", bg->leave, bg->slot);
}

static void put_drop(berthi_bg *bg, berthi_bg_out *o, const char *name, const char *head,
                     const char *tail)
{
    berthi_bg_open(o, "%sberth_status %s_drop(", head, name);
    berthi_bg_item(o, "const %s *to", bg->slot);
    berthi_bg_item(o, "berth_arena *arena");
    berthi_bg_item(o, "%s owned", name);
    berthi_bg_item(o, "berth_diag *diag");
    berthi_bg_close(o, tail);
}

static void declare_drop(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_group *g,
                         const char *name, const char *wit_name)
{
    (void)g;
    berthi_bg_blank(o);
    berthi_bg_comment(o, "Ends a %s of the session's, which nothing is given to again.",
                      wit_name);
    put_drop(bg, o, name, "BERTH_CHECKED ", ");");
}

static void write_sessions_source(berthi_bg *bg, berthi_bg_out *o)
{
    berthi_bg_blank(o);
    put_enter(bg, o, "", ")");
    berthi_bg_line(o, "{");
    berthi_bg_line(o, "    berth_session *session;");
    berthi_bg_line(o,
                   "    berth_status status = berth_session_open(to->slot, &session, diag);");
    berthi_bg_blank(o);
    berthi_bg_line(o, "    if (status == BERTH_OK) {");
    berthi_bg_line(o, "        *session_out = *to;");
    berthi_bg_line(o, "        session_out->session = session;");
    berthi_bg_line(o, "    }");
    berthi_bg_line(o, "    return status;");
    berthi_bg_line(o, "}");
    berthi_bg_blank(o);
    berthi_bg_line(o, "void %s(%s *session)", bg->leave, bg->slot);
    berthi_bg_line(o, "{");
    berthi_bg_line(o, "    berth_session_close(session->session);");
    berthi_bg_line(o, "    session->session = NULL;");
    berthi_bg_line(o, "}");
}

static void put_invoke(const berthi_bg *bg, berthi_bg_out *o, const char *args,
                       const char *result)
{
    if (bg->enter != NULL) {
        berthi_bg_line(o, "if (to->session != NULL)");
        berthi_bg_line(o, "    return berth_session_invoke(to->session, %s, %s, &call, diag);",
                       args, result);
    }
    berthi_bg_line(o, "return berth_slot_invoke(to->slot, %s, %s, &call, diag);", args, result);
}

static void put_call(berthi_bg_out *o, uint32_t number)
{
    berthi_bg_line(o, "call.hook = to->funcs[%u];", (unsigned)number);
    berthi_bg_line(o, "call.arena = arena;");
    berthi_bg_line(o, "call.deadline_ns = to->deadline_ns;");
}

static void write_slot(berthi_bg *bg, berthi_bg_out *o, uint32_t count)
{
    berthi_bg_blank(o);
    berthi_bg_comment(o,
                      "A slot whose plugins export the world; filled by %s(), and a value like "
                      "any other.",
                      bg->bind);
    berthi_bg_line(o, "typedef struct %s {", bg->slot);
    o->indent++;
    berthi_bg_line(o, "berth_slot *slot;     /* lent */");
    berthi_bg_line(o, "uint64_t deadline_ns; /* of each call; 0: the slot's */");
    if (bg->enter != NULL)
        berthi_bg_line(o, "berth_session *session; /* NULL: whichever instance is idle */");
    berthi_bg_line(o, "uint32_t funcs[%u];", (unsigned)count);
    o->indent--;
    berthi_bg_line(o, "} %s;", bg->slot);
    berthi_bg_blank(o);
    berthi_bg_comment(
        o, "Agrees with the slot upon the functions and their types; the plugin may "
           "come later.\nGives *bound_out.  Thread: any.  Blocks: briefly.  Fails: as "
           "berth_slot_func(); BERTH_E_VERSION when the library lays a type out "
           "otherwise than this header.");
    berthi_bg_open(o, "BERTH_CHECKED berth_status %s(", bg->bind);
    berthi_bg_item(o, "berth_slot *slot");
    berthi_bg_item(o, "%s *bound_out", bg->slot);
    berthi_bg_item(o, "berth_diag *diag");
    berthi_bg_close(o, ");");
    if (bg->enter != NULL)
        write_session(bg, o);
}

berth_status berthi_bg_write_host_header(berthi_bg *bg, berthi_bg_out *o)
{
    berthi_bg_names *n = &bg->names;
    const char *guard = berthi_bg_format(n, "%s_HOST_H", berthi_bg_upper(n, bg->prefix));
    uint32_t count = callable_count(bg);

    berthi_bg_write_head(bg, o, berthi_bg_format(n, "%s_host.h", bg->prefix),
                         "calls of plugins in a slot");
    berthi_bg_line(o, "#ifndef %s", guard);
    berthi_bg_line(o, "#define %s", guard);
    berthi_bg_blank(o);
    if (berthi_bg_has_imports(bg))
        berthi_bg_line(o, "#include <berth/host.h>");
    berthi_bg_line(o, bg->enter != NULL ? "#include <berth/session.h>"
                                        : "#include <berth/invoke.h>");
    berthi_bg_blank(o);
    berthi_bg_line(o, "#include \"%s_types.h\"", bg->prefix);
    berthi_bg_raw(o, "\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n");
    if (count != 0) {
        write_slot(bg, o, count);
        berthi_bg_blank(o);
        berthi_bg_comment(
            o, "Each calls the function in the slot's current version.  Strings and lists of "
               "*result_out live in `arena` until it is reset; it is written only on "
               "success.\nThread: one per arena.  Blocks and fails: as berth_slot_invoke().");
    }
    for (uint32_t i = 0; i < bg->exports_count && !berthi_bg_out_is_full(o); i++)
        if (berthi_bg_is_callable(bg, &bg->funcs[i])) {
            berthi_bg_blank(o);
            berthi_bg_docs(o, bg->funcs[i].func->docs);
            write_prototype(bg, o, &bg->funcs[i], "BERTH_CHECKED ", ");");
        }
    for (uint32_t g = 0; g < bg->export_groups; g++)
        berthi_bg_each_resource(bg, o, &bg->groups[g], declare_drop);
    write_absent(bg, o);
    if (berthi_bg_has_imports(bg))
        berthi_bg_write_offer_header(bg, o);
    berthi_bg_raw(o, "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
    return BERTH_OK;
}

/* ---------------------------------------------------------------- source */

/* A long text in pieces, each in a line of its own. */
static void write_literal(berthi_bg_out *o, const char *text)
{
    size_t most = BERTHI_BG_COLUMNS - 4 * (size_t)o->indent - 5;

    while (*text != '\0') {
        size_t size = strnlen(text, most);

        while (text[size] != '\0' && size > 1 && text[size - 1] != ' ')
            size--;
        if (text[size] != '\0' && size == 1)
            size = strnlen(text, most);
        berthi_bg_line(o, "  \"%.*s\"%s", (int)size, text, text[size] == '\0' ? "," : "");
        text += size;
    }
}

static berth_status write_row(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_func *f)
{
    const berthi_cm_type *result = berthi_cm_func_result(f->type);
    char type[TYPE_MAX];

    if (!berthi_cm_type_write(f->type, type, sizeof type))
        return berthi_fail(bg->diag, BERTH_E_LIMIT,
                           "the type of function `%s` has more than %d bytes", f->full_name,
                           TYPE_MAX - 4);
    berthi_bg_line(o, "{ \"%s\",", f->full_name);
    write_literal(o, type);
    berthi_bg_line(o, "  %uu, %uu },",
                   f->args_type == NULL ? 0 : (unsigned)f->args_type->host_size,
                   result == NULL ? 0 : (unsigned)result->host_size);
    return BERTH_OK;
}

static void write_drop_row(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_group *g,
                           const char *name, const char *wit_name)
{
    (void)bg, (void)name;
    berthi_bg_line(o, "{ \"%s#[resource-drop]%s\",", g->origin->name, wit_name);
    berthi_bg_line(o, "  \"func(self: own<resource>)\",");
    berthi_bg_line(o, "  8u, 0u },");
}

static void write_drop_stubs(berthi_bg *bg, berthi_bg_out *o, uint32_t number)
{
    for (uint32_t g = 0; g < bg->export_groups; g++) {
        const berthi_wit_interface *of = bg->groups[g].interface;

        for (uint32_t i = 0; of != NULL && i < of->types_count; i++) {
            const char *name = bg->type_names[of->types[i]];

            if (bg->wit->types[of->types[i]].kind != BERTHI_WIT_RESOURCE)
                continue;
            berthi_bg_blank(o);
            put_drop(bg, o, name, "", ")");
            berthi_bg_line(o, "{");
            o->indent++;
            berthi_bg_line(o, "berth_call call = BERTH_CALL_INIT;");
            berthi_bg_blank(o);
            put_call(o, number++);
            put_invoke(bg, o, "&owned", "NULL");
            o->indent--;
            berthi_bg_line(o, "}");
        }
    }
}

static void write_bind(berthi_bg *bg, berthi_bg_out *o, uint32_t count)
{
    berthi_bg_line(o, "berth_status %s(berth_slot *slot, %s *bound_out, berth_diag *diag)",
                   bg->bind, bg->slot);
    berthi_bg_line(o, "{");
    o->indent++;
    berthi_bg_line(o, "%s bound;", bg->slot);
    berthi_bg_blank(o);
    berthi_bg_line(o, "bound.slot = slot;");
    berthi_bg_line(o, "bound.deadline_ns = 0;");
    if (bg->enter != NULL)
        berthi_bg_line(o, "bound.session = NULL;");
    berthi_bg_line(o, "for (uint32_t i = 0; i < %uu; i++) {", (unsigned)count);
    o->indent++;
    berthi_bg_line(o, "berth_func func = BERTH_FUNC_INIT;");
    berthi_bg_line(o, "berth_status status =");
    berthi_bg_line(
        o, "    berth_slot_func(slot, functions[i].name, functions[i].type, &func, diag);");
    berthi_bg_blank(o);
    berthi_bg_line(o, "if (status != BERTH_OK)");
    berthi_bg_line(o, "    return status;");
    berthi_bg_line(o, "/* sizes are 0 as long as no plugin has the function */");
    berthi_bg_line(o,
                   "if ((func.args_size != 0 && func.args_size != functions[i].args_size) ||");
    berthi_bg_line(
        o, "    (func.result_size != 0 && func.result_size != functions[i].result_size))");
    berthi_bg_line(o, "    return refuse(functions[i].name, diag);");
    berthi_bg_line(o, "bound.funcs[i] = func.number;");
    o->indent--;
    berthi_bg_line(o, "}");
    berthi_bg_line(o, "*bound_out = bound;");
    berthi_bg_line(o, "return BERTH_OK;");
    o->indent--;
    berthi_bg_line(o, "}");
}

static const char refuse_text[] =
    "static berth_status refuse(const char *name, berth_diag *diag)\n"
    "{\n"
    "    if (diag != NULL) {\n"
    "        memset(diag, 0, sizeof *diag);\n"
    "        diag->status = BERTH_E_VERSION;\n"
    "        snprintf(diag->text, sizeof diag->text, \"'%s': values are laid out otherwise; "
    "write "
    "the \"\n"
    "                 \"bindings again\", name);\n"
    "    }\n"
    "    return BERTH_E_VERSION;\n"
    "}\n\n";

static void write_stub(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_func *f,
                       uint32_t number)
{
    bool has_args = f->args != NULL, has_result = f->func->result != BERTHI_WIT_NONE;

    berthi_bg_blank(o);
    write_prototype(bg, o, f, "", ")");
    berthi_bg_line(o, "{");
    o->indent++;
    if (has_args)
        berthi_bg_line(o, "%s args;", f->args);
    berthi_bg_line(o, "berth_call call = BERTH_CALL_INIT;");
    berthi_bg_blank(o);
    for (uint32_t i = 0; i < f->func->params_count; i++)
        berthi_bg_line(o, "args.%s = %s%s;", berthi_bg_field(bg, f->func->params, i),
                       berthi_bg_is_plain(bg, f->func->params[i].type) ? "" : "*",
                       param_name(bg, f->func, i));
    put_call(o, number);
    put_invoke(bg, o, has_args ? "&args" : "NULL", has_result ? "result_out" : "NULL");
    o->indent--;
    berthi_bg_line(o, "}");
}

static berth_status write_calls(berthi_bg *bg, berthi_bg_out *o, uint32_t count)
{
    uint32_t number = 0;

    berthi_bg_line(o, "#include <stdio.h>");
    berthi_bg_line(o, "#include <string.h>");
    berthi_bg_blank(o);
    berthi_bg_line(o, "static const struct {");
    berthi_bg_line(o, "    const char *name, *type;");
    berthi_bg_line(o, "    uint32_t args_size, result_size;");
    berthi_bg_line(o, "} functions[] = {");
    o->indent++;
    for (uint32_t i = 0; i < bg->exports_count && !berthi_bg_out_is_full(o); i++) {
        berth_status status = berthi_bg_is_callable(bg, &bg->funcs[i])
                                  ? write_row(bg, o, &bg->funcs[i])
                                  : BERTH_OK;

        if (status != BERTH_OK)
            return status;
    }
    for (uint32_t g = 0; g < bg->export_groups; g++)
        berthi_bg_each_resource(bg, o, &bg->groups[g], write_drop_row);
    o->indent--;
    berthi_bg_line(o, "};");
    berthi_bg_blank(o);
    berthi_bg_raw(o, refuse_text);
    write_bind(bg, o, count);
    for (uint32_t i = 0; i < bg->exports_count && !berthi_bg_out_is_full(o); i++)
        if (berthi_bg_is_callable(bg, &bg->funcs[i]))
            write_stub(bg, o, &bg->funcs[i], number++);
    write_drop_stubs(bg, o, number);
    if (bg->enter != NULL)
        write_sessions_source(bg, o);
    return BERTH_OK;
}

berth_status berthi_bg_write_host_source(berthi_bg *bg, berthi_bg_out *o)
{
    uint32_t count = callable_count(bg);
    berth_status status = BERTH_OK;

    berthi_bg_write_head(bg, o, berthi_bg_format(&bg->names, "%s_host.c", bg->prefix),
                         "calls of plugins in a slot");
    berthi_bg_line(o, "#include \"%s_host.h\"", bg->prefix);
    berthi_bg_blank(o);
    if (count != 0)
        status = write_calls(bg, o, count);
    if (status == BERTH_OK && berthi_bg_has_imports(bg))
        status = berthi_bg_write_offer_source(bg, o);
    return status;
}
