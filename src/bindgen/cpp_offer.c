/* cpp_offer.c - what a host offers, in C++17: a class to derive from, and one for each resource.
 *
 * Over the table of C (c_offer.c).  Objects are owned by std::unique_ptr until a plugin owns them, and
 * are deleted when it no longer does.  Functions are noexcept: nothing may be thrown into a plugin.
 * Layer: bindgen. */
#include "bindgen/c_objects.h"
#include "bindgen/c_plugin.h"

/* A struct of parameters that has more than the object itself. */
static bool has_args(const berthi_bg *bg, const berthi_bg_func *f)
{
    return f->func->params_count > (berthi_bg_method_of(bg, f) != NULL);
}

static void put_params(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_func *f)
{
    const berthi_bg_object *made = berthi_bg_constructor_of(bg, f);

    if (has_args(bg, f))
        berthi_bg_item(o, "const %s &args", f->args);
    if (made != NULL)
        berthi_bg_item(o, "std::unique_ptr<%s> &object_out", made->tail);
    else if (f->func->result != BERTHI_WIT_NONE)
        berthi_bg_item(o, "%s &result", berthi_bg_result_type(bg, f));
    berthi_bg_item(o, "berth_host_call *call");
}

/* What a method is called in the class of its resource, which has a name too. */
static const char *method_name(berthi_bg *bg, const berthi_bg_func *f,
                               const berthi_bg_object *of)
{
    const char *name = berthi_bg_word(&bg->names, f->func->plain);

    return strcmp(name, of->tail) == 0 ? berthi_bg_format(&bg->names, "%s_", name) : name;
}

static void write_pure(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_func *f,
                       const char *name)
{
    berthi_bg_docs(o, f->func->docs);
    berthi_bg_open(o, "[[nodiscard]] virtual berth_status %s(", name);
    put_params(bg, o, f);
    berthi_bg_close(o, ") noexcept = 0;");
}

static void write_object_class(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_object *of)
{
    berthi_bg_docs(o, bg->wit->types[of->type].docs);
    berthi_bg_line(o, "class %s {", of->tail);
    berthi_bg_line(o, "public:");
    o->indent++;
    berthi_bg_line(o, "virtual ~%s() = default;", of->tail);
    for (uint32_t i = bg->exports_count; i < bg->funcs_count && !berthi_bg_out_is_full(o); i++)
        if (berthi_bg_method_of(bg, &bg->funcs[i]) == of)
            write_pure(bg, o, &bg->funcs[i], method_name(bg, &bg->funcs[i], of));
    o->indent--;
    berthi_bg_line(o, "};");
    berthi_bg_blank(o);
}

/* ---------------------------------------------------------------- the table's functions */

static const char *call_name(berthi_bg *bg, const berthi_bg_func *f)
{
    return berthi_bg_format(&bg->names, "call_%s_", berthi_bg_tail(bg, f->name));
}

static void put_arguments(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_func *f)
{
    if (has_args(bg, f))
        berthi_bg_item(o, "*args");
    if (berthi_bg_constructor_of(bg, f) != NULL)
        berthi_bg_item(o, "object");
    else if (f->func->result != BERTHI_WIT_NONE)
        berthi_bg_item(o, "*result");
    berthi_bg_item(o, "call");
}

static void write_call(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_func *f)
{
    const berthi_bg_object *self = berthi_bg_method_of(bg, f);
    const berthi_bg_object *made = berthi_bg_constructor_of(bg, f);

    berthi_bg_open(o, "static berth_status %s(", call_name(bg, f));
    berthi_bg_put_offer_params(bg, o, f);
    berthi_bg_close(o, ") noexcept");
    berthi_bg_line(o, "{");
    o->indent++;
    berthi_bg_line(o, self != NULL ? "(void)ctx, (void)args;" : "(void)args;");
    if (made == NULL && f->func->result == BERTHI_WIT_NONE)
        berthi_bg_line(o, "(void)result;");
    if (made != NULL)
        berthi_bg_line(o, "std::unique_ptr<%s> object;", made->tail);
    if (self != NULL)
        berthi_bg_open(o, "return reinterpret_cast<%s *>(self)->%s(", self->tail,
                       method_name(bg, f, self));
    else
        berthi_bg_open(o, "%s static_cast<imports *>(ctx)->%s(",
                       made != NULL ? "const berth_status status =" : "return",
                       berthi_bg_offer_member(bg, f));
    put_arguments(bg, o, f);
    berthi_bg_close(o, ");");
    if (made != NULL) {
        berthi_bg_blank(o);
        berthi_bg_line(o, "if (status == BERTH_OK)");
        berthi_bg_line(o, "    *object_out = reinterpret_cast<%s *>(object.release());",
                       made->object);
        berthi_bg_line(o, "return status;");
    }
    o->indent--;
    berthi_bg_line(o, "}");
}

/* ---------------------------------------------------------------- objects */

static void write_lookup(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_object *of,
                         const char *handle)
{
    berthi_bg_open(o, "[[nodiscard]] %s *%s_find(", of->tail, berthi_bg_tail(bg, of->object));
    berthi_bg_item(o, "const berth_host_call *call");
    berthi_bg_item(o, "%s handle", handle);
    berthi_bg_close(o, ") const");
    berthi_bg_line(o, "{");
    berthi_bg_line(o, "    return reinterpret_cast<%s *>(", of->tail);
    berthi_bg_line(o, "        ::%s_find(&bound_, call, { handle.handle }));", of->object);
    berthi_bg_line(o, "}");
}

static void write_object_functions(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_object *of)
{
    const char *tail = berthi_bg_tail(bg, of->object);

    berthi_bg_blank(o);
    berthi_bg_open(o, "[[nodiscard]] berth_status %s_add(", tail);
    berthi_bg_item(o, "berth_host_call *call");
    berthi_bg_item(o, "std::unique_ptr<%s> object", of->tail);
    berthi_bg_item(o, "%s &owned_out", of->name);
    berthi_bg_close(o, ") const");
    berthi_bg_line(o, "{");
    berthi_bg_line(o, "    auto *of_c = reinterpret_cast<%s *>(object.get());", of->object);
    berthi_bg_line(o, "    const berth_status status =");
    berthi_bg_line(o, "        ::%s_add(&bound_, call, of_c, &owned_out);", of->object);
    berthi_bg_blank(o);
    berthi_bg_line(o, "    if (status == BERTH_OK)");
    berthi_bg_line(o, "        (void)object.release();");
    berthi_bg_line(o, "    return status;");
    berthi_bg_line(o, "}");
    write_lookup(bg, o, of, of->name);
    write_lookup(bg, o, of, berthi_bg_format(&bg->names, "%s_borrow", of->name));
    berthi_bg_open(o, "[[nodiscard]] std::unique_ptr<%s> %s_take(", of->tail, tail);
    berthi_bg_item(o, "berth_host_call *call");
    berthi_bg_item(o, "%s owned", of->name);
    berthi_bg_close(o, ") const");
    berthi_bg_line(o, "{");
    berthi_bg_line(o, "    return std::unique_ptr<%s>(reinterpret_cast<%s *>(", of->tail,
                   of->tail);
    berthi_bg_line(o, "        ::%s_take(&bound_, call, owned)));", of->object);
    berthi_bg_line(o, "}");
}

static void write_offer(berthi_bg *bg, berthi_bg_out *o)
{
    berthi_bg_comment(o,
                      "As %s(); lends this object, which stays where it is, until the host is "
                      "destroyed.",
                      bg->offer);
    berthi_bg_line(o, "[[nodiscard]] berth_status offer(berth_host *host, berth_diag *diag)");
    berthi_bg_line(o, "{");
    o->indent++;
    berthi_bg_line(o, "bound_.ctx = this;");
    for (uint32_t i = 0; i < bg->objects_count && !berthi_bg_out_is_full(o); i++) {
        berthi_bg_line(o, "bound_.%s.destroy = [](void *object) {", bg->objects[i].tail);
        berthi_bg_line(o, "    delete static_cast<%s *>(object);", bg->objects[i].tail);
        berthi_bg_line(o, "};");
    }
    for (uint32_t i = bg->exports_count; i < bg->funcs_count && !berthi_bg_out_is_full(o); i++)
        berthi_bg_line(o, "bound_.%s = %s;", berthi_bg_offer_member(bg, &bg->funcs[i]),
                       call_name(bg, &bg->funcs[i]));
    berthi_bg_line(o, "return ::%s(host, &bound_, diag);", bg->offer);
    o->indent--;
    berthi_bg_line(o, "}");
}

static void write_imports(berthi_bg *bg, berthi_bg_out *o)
{
    berthi_bg_comment(
        o,
        "What plugins import: a host derives from it and offers one.  What functions get and "
        "give is said at %s.",
        bg->imports);
    berthi_bg_line(o, "class imports {");
    berthi_bg_line(o, "public:");
    o->indent++;
    berthi_bg_line(o, "imports() = default;");
    berthi_bg_line(o, "imports(const imports &) = delete;");
    berthi_bg_line(o, "imports &operator=(const imports &) = delete;");
    berthi_bg_line(o, "virtual ~imports() = default;");
    berthi_bg_blank(o);
    write_offer(bg, o);
    for (uint32_t i = bg->exports_count; i < bg->funcs_count && !berthi_bg_out_is_full(o); i++)
        if (berthi_bg_method_of(bg, &bg->funcs[i]) == NULL)
            write_pure(bg, o, &bg->funcs[i], berthi_bg_offer_member(bg, &bg->funcs[i]));
    for (uint32_t i = 0; i < bg->objects_count && !berthi_bg_out_is_full(o); i++)
        write_object_functions(bg, o, &bg->objects[i]);
    o->indent--;
    berthi_bg_blank(o);
    berthi_bg_line(o, "private:");
    o->indent++;
    berthi_bg_line(o, "%s bound_{};", bg->imports);
    for (uint32_t i = bg->exports_count; i < bg->funcs_count && !berthi_bg_out_is_full(o);
         i++) {
        berthi_bg_blank(o);
        write_call(bg, o, &bg->funcs[i]);
    }
    o->indent--;
    berthi_bg_line(o, "};");
}

void berthi_bg_write_cpp_offer(berthi_bg *bg, berthi_bg_out *o)
{
    berthi_bg_line(o, "namespace %s {", bg->prefix);
    berthi_bg_blank(o);
    if (bg->objects_count != 0)
        berthi_bg_comment(o,
                          "Objects of the host's: what a plugin holds is one of a class that "
                          "derives from these.");
    for (uint32_t i = 0; i < bg->objects_count && !berthi_bg_out_is_full(o); i++)
        write_object_class(bg, o, &bg->objects[i]);
    write_imports(bg, o);
    berthi_bg_blank(o);
    berthi_bg_line(o, "} // namespace %s", bg->prefix);
    berthi_bg_blank(o);
}
