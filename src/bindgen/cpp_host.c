/* cpp_host.c - a host's typed calls in C++17, over those in C.  Layer: bindgen. */
#include "bindgen/c_plugin.h"

static const char *param_name(berthi_bg *bg, const berthi_wit_func *func, uint32_t index)
{
    const char *name = berthi_bg_field(bg, func->params, index);

    return strcmp(name, "arena") == 0 || strcmp(name, "out") == 0
               ? berthi_bg_format(&bg->names, "%s_", name)
               : name;
}

/* Elements of a list in C; NULL: it is no list of elements that C++ has a name for. */
static const char *element_of(const berthi_bg *bg, uint32_t type)
{
    const berthi_wit_type *t = berthi_bg_canon(bg, type);

    return t->kind == BERTHI_WIT_LIST ? berthi_bg_type_name(bg, t->element) : NULL;
}

static void write_param(berthi_bg *bg, berthi_bg_out *o, const berthi_wit_func *func,
                        uint32_t i)
{
    uint32_t type = func->params[i].type;
    const char *name = param_name(bg, func, i), *element = element_of(bg, type);

    if (berthi_bg_canon(bg, type)->kind == BERTHI_WIT_STRING)
        berthi_bg_item(o, "std::string_view %s", name);
    else if (element != NULL)
        berthi_bg_item(o, "berth::list<%s> %s", element, name);
    else
        berthi_bg_item(o, berthi_bg_is_plain(bg, type) ? "%s %s" : "const %s &%s",
                       berthi_bg_type_name(bg, type), name);
}

static void write_argument(berthi_bg *bg, berthi_bg_out *o, const berthi_wit_func *func,
                           uint32_t i)
{
    uint32_t type = func->params[i].type;
    const char *name = param_name(bg, func, i);

    if (berthi_bg_canon(bg, type)->kind == BERTHI_WIT_STRING)
        berthi_bg_item(o, "berth::string_of(%s)", name);
    else if (element_of(bg, type) != NULL)
        berthi_bg_item(o, "berth::list_of<%s>(%s)", berthi_bg_type_name(bg, type), name);
    else
        berthi_bg_item(o, berthi_bg_is_plain(bg, type) ? "%s" : "&%s", name);
}

static void write_method(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_func *f)
{
    const berthi_wit_func *func = f->func;
    bool has_result = func->result != BERTHI_WIT_NONE;
    const char *result = has_result ? berthi_bg_type_name(bg, func->result) : "void";

    berthi_bg_blank(o);
    berthi_bg_docs(o, func->docs);
    berthi_bg_open(o, "[[nodiscard]] berth::outcome<%s> %s(", result,
                   berthi_bg_word(&bg->names, f->name + strlen(bg->prefix) + 1));
    berthi_bg_item(o, "berth::arena &arena");
    for (uint32_t i = 0; i < func->params_count; i++)
        write_param(bg, o, func, i);
    berthi_bg_close(o, ") const");
    berthi_bg_line(o, "{");
    o->indent++;
    berthi_bg_line(o, "berth::outcome<%s> out;", result);
    berthi_bg_blank(o);
    berthi_bg_line(o, "out.status = arena.open(&out.diag);");
    berthi_bg_line(o, "if (out.status == BERTH_OK)");
    o->indent++;
    berthi_bg_open(o, "out.status = ::%s(", f->name);
    berthi_bg_item(o, "&bound_");
    berthi_bg_item(o, "arena.get()");
    for (uint32_t i = 0; i < func->params_count; i++)
        write_argument(bg, o, func, i);
    if (has_result)
        berthi_bg_item(o, "&out.value");
    berthi_bg_item(o, "&out.diag");
    berthi_bg_close(o, ");");
    o->indent--;
    berthi_bg_line(o, "return out;");
    o->indent--;
    berthi_bg_line(o, "}");
}

/* ---------------------------------------------------------------- sessions */

static void write_session(berthi_bg *bg, berthi_bg_out *o)
{
    const char *name = berthi_bg_tail(bg, bg->session);

    berthi_bg_blank(o);
    berthi_bg_comment(
        o, "One instance, for the objects in it: what %s() gives, ended by itself.", bg->enter);
    berthi_bg_line(o, "class %s : public slot {", name);
    berthi_bg_line(o, "public:");
    o->indent++;
    berthi_bg_line(o, "%s() = default;", name);
    berthi_bg_line(o, "%s(%s &&other) noexcept : slot(other)", name, name);
    berthi_bg_line(o, "{");
    berthi_bg_line(o, "    other.bound_.session = nullptr;");
    berthi_bg_line(o, "}");
    berthi_bg_line(o, "%s &operator=(%s &&other) noexcept", name, name);
    berthi_bg_line(o, "{");
    berthi_bg_line(o, "    std::swap(bound_, other.bound_);");
    berthi_bg_line(o, "    return *this;");
    berthi_bg_line(o, "}");
    berthi_bg_line(o, "%s(const %s &) = delete;", name, name);
    berthi_bg_line(o, "%s &operator=(const %s &) = delete;", name, name);
    berthi_bg_line(o, "~%s()", name);
    berthi_bg_line(o, "{");
    berthi_bg_line(o, "    ::%s(&bound_);", bg->leave);
    berthi_bg_line(o, "}");
    berthi_bg_blank(o);
    berthi_bg_line(o, "[[nodiscard]] static berth::outcome<%s> enter(const slot &to)", name);
    berthi_bg_line(o, "{");
    berthi_bg_line(o, "    berth::outcome<%s> out;", name);
    berthi_bg_blank(o);
    berthi_bg_line(o, "    out.status = ::%s(&to.bound_, &out.value.bound_, &out.diag);",
                   bg->enter);
    berthi_bg_line(o, "    return out;");
    berthi_bg_line(o, "}");
    o->indent--;
    berthi_bg_line(o, "};");
}

/* A handle that is dropped by itself. */
static void write_owner(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_group *g,
                        const char *name, const char *wit_name)
{
    const char *tail = berthi_bg_tail(bg, name);
    const char *own =
        berthi_bg_tail(bg, berthi_bg_claim(&bg->names, berthi_bg_format(&bg->names, "%s_own_%s",
                                                                        bg->prefix, tail)));

    (void)g;
    berthi_bg_blank(o);
    berthi_bg_comment(o, "Owns a %s; session and arena outlive it.", wit_name);
    berthi_bg_line(o, "class %s {", own);
    berthi_bg_line(o, "public:");
    o->indent++;
    berthi_bg_line(o, "%s(const %s &of, berth::arena &arena, %s owned)", own,
                   berthi_bg_tail(bg, bg->session), name);
    berthi_bg_line(o, "    : of_(&of), arena_(&arena), owned_(owned)");
    berthi_bg_line(o, "{");
    berthi_bg_line(o, "}");
    berthi_bg_line(o, "%s(%s &&other) noexcept", own, own);
    berthi_bg_line(o, "    : of_(other.of_), arena_(other.arena_), owned_(other.release())");
    berthi_bg_line(o, "{");
    berthi_bg_line(o, "}");
    berthi_bg_line(o, "%s(const %s &) = delete;", own, own);
    berthi_bg_line(o, "%s &operator=(const %s &) = delete;", own, own);
    berthi_bg_line(o, "~%s()", own);
    berthi_bg_line(o, "{");
    berthi_bg_line(o, "    if (owned_.handle == 0 || arena_->open() != BERTH_OK)");
    berthi_bg_line(o, "        return;");
    berthi_bg_line(o, "    const berth_status status =");
    berthi_bg_line(o, "        ::%s_drop(&of_->bound_, arena_->get(), owned_, nullptr);", name);
    berthi_bg_line(o, "    (void)status; /* the instance is dead, and so is the object */");
    berthi_bg_line(o, "}");
    berthi_bg_blank(o);
    berthi_bg_line(o, "%s_borrow lend() const", name);
    berthi_bg_line(o, "{");
    berthi_bg_line(o, "    return { owned_.handle };");
    berthi_bg_line(o, "}");
    berthi_bg_comment(o, "For a function that takes it over.");
    berthi_bg_line(o, "%s release()", name);
    berthi_bg_line(o, "{");
    berthi_bg_line(o, "    return std::exchange(owned_, {});");
    berthi_bg_line(o, "}");
    o->indent--;
    berthi_bg_blank(o);
    berthi_bg_line(o, "private:");
    o->indent++;
    berthi_bg_line(o, "const %s *of_;", berthi_bg_tail(bg, bg->session));
    berthi_bg_line(o, "berth::arena *arena_;");
    berthi_bg_line(o, "%s owned_;", name);
    o->indent--;
    berthi_bg_line(o, "};");
}

static void write_class(berthi_bg *bg, berthi_bg_out *o)
{
    berthi_bg_line(o, "namespace %s {", bg->prefix);
    berthi_bg_blank(o);
    berthi_bg_comment(
        o, "A slot whose plugins export the world: %s of C, which is bound_ here.", bg->slot);
    berthi_bg_line(o, "class slot {");
    berthi_bg_line(o, "public:");
    o->indent++;
    berthi_bg_line(o, "%s bound_{};", bg->slot);
    berthi_bg_blank(o);
    berthi_bg_comment(o, "As %s(); lends the slot.", bg->bind);
    berthi_bg_line(o, "[[nodiscard]] static berth::outcome<slot> bind(berth_slot *to)");
    berthi_bg_line(o, "{");
    berthi_bg_line(o, "    berth::outcome<slot> out;");
    berthi_bg_blank(o);
    berthi_bg_line(o, "    out.status = ::%s(to, &out.value.bound_, &out.diag);", bg->bind);
    berthi_bg_line(o, "    return out;");
    berthi_bg_line(o, "}");
    for (uint32_t i = 0; i < bg->exports_count && !berthi_bg_out_is_full(o); i++)
        if (berthi_bg_is_callable(bg, &bg->funcs[i]))
            write_method(bg, o, &bg->funcs[i]);
    o->indent--;
    berthi_bg_line(o, "};");
    if (bg->enter != NULL)
        write_session(bg, o);
    for (uint32_t g = 0; g < bg->export_groups; g++)
        berthi_bg_each_resource(bg, o, &bg->groups[g], write_owner);
    berthi_bg_blank(o);
    berthi_bg_line(o, "} // namespace %s", bg->prefix);
}

berth_status berthi_bg_write_cpp_header(berthi_bg *bg, berthi_bg_out *o)
{
    berthi_bg_names *n = &bg->names;
    const char *guard = berthi_bg_format(n, "%s_HOST_HPP", berthi_bg_upper(n, bg->prefix));
    bool has_calls = bg->drops_count != 0;

    for (uint32_t i = 0; i < bg->exports_count; i++)
        has_calls |= berthi_bg_is_callable(bg, &bg->funcs[i]);
    berthi_bg_write_head(bg, o, berthi_bg_format(n, "%s_host.hpp", bg->prefix),
                         "calls of plugins in a slot, and what they may call, in C++17");
    berthi_bg_line(o, "#ifndef %s", guard);
    berthi_bg_line(o, "#define %s", guard);
    berthi_bg_blank(o);
    if (berthi_bg_has_imports(bg)) {
        berthi_bg_line(o, "#include <memory>");
        berthi_bg_blank(o);
    }
    berthi_bg_line(o, "#include <berth/typed.hpp>");
    berthi_bg_blank(o);
    berthi_bg_line(o, "#include \"%s_host.h\"", bg->prefix);
    berthi_bg_blank(o);
    if (has_calls) {
        write_class(bg, o);
        berthi_bg_blank(o);
    }
    if (berthi_bg_has_imports(bg))
        berthi_bg_write_cpp_offer(bg, o);
    berthi_bg_line(o, "#endif");
    return BERTH_OK;
}
