/* c_offer.c - what a world imports, as functions that a host writes: typed, and bound in one call.
 *
 * <berth/host.h> binds functions one by one, by names and sizes; here a struct has one member for each,
 * and the names are right.  The text is C11 and C++11 at once.  Layer: bindgen. */
#include "base/diag.h"
#include "bindgen/c_objects.h"
#include "bindgen/c_plugin.h"
#include "component/wit/wit_decode.h"
#include "component/wrap/wrap.h"

bool berthi_bg_has_imports(const berthi_bg *bg)
{
    return bg->exports_count != bg->funcs_count || bg->objects_count != 0;
}

void berthi_bg_write_offer_header(berthi_bg *bg, berthi_bg_out *o)
{
    berthi_bg_declare_objects(bg, o);
    berthi_bg_blank(o);
    berthi_bg_comment(
        o,
        "What plugins import, as functions of the host; one that is NULL is not offered.  They "
        "are "
        "berth_host_functions (<berth/host.h>) but for their types: `args` and `result` are "
        "NULL "
        "where there are none.%s",
        bg->objects_count == 0
            ? ""
            : "  Methods get their object as `self`; constructors give one in *object_out, "
              "which "
              "the plugin owns then.  `destroy` is called exactly once for each object that "
              "was "
              "not taken back.  `kind` is filled in when the table is offered; one that is "
              "there "
              "already, from a table that the same host was offered before, stays.");
    berthi_bg_line(o, "typedef struct %s {", bg->imports);
    o->indent++;
    berthi_bg_line(o, "void *ctx; /* the first argument of each */");
    berthi_bg_write_object_members(bg, o);
    for (uint32_t i = bg->exports_count; i < bg->funcs_count && !berthi_bg_out_is_full(o);
         i++) {
        berthi_bg_docs(o, bg->funcs[i].func->docs);
        berthi_bg_open(o, "berth_status (*%s)(", berthi_bg_offer_member(bg, &bg->funcs[i]));
        berthi_bg_put_offer_params(bg, o, &bg->funcs[i]);
        berthi_bg_close(o, ");");
    }
    o->indent--;
    berthi_bg_line(o, "} %s;", bg->imports);
    berthi_bg_blank(o);
    berthi_bg_comment(
        o, "Declares the interfaces of the world to a host, and binds these functions.  Lends "
           "*imports until the host is destroyed.\nThread: any.  Blocks: briefly.  Fails: as "
           "berth_host_declare() and berth_host_bind(); what was bound until then stays.");
    berthi_bg_open(o, "BERTH_CHECKED berth_status %s(", bg->offer);
    berthi_bg_item(o, "berth_host *host");
    berthi_bg_item(o, "%s *imports", bg->imports);
    berthi_bg_item(o, "berth_diag *diag");
    berthi_bg_close(o, ");");
    berthi_bg_declare_object_functions(bg, o);
}

/* ---------------------------------------------------------------- source */

static void write_call_body(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_func *f)
{
    berthi_bg_blank(o);
    berthi_bg_open(o, "return to->%s(", berthi_bg_offer_member(bg, f));
    berthi_bg_item(o, "to->ctx");
    berthi_bg_item(o, "(const %s *)args", berthi_bg_args_type(f));
    berthi_bg_item(o, "(%s *)result", berthi_bg_result_type(bg, f));
    berthi_bg_item(o, "call");
    berthi_bg_close(o, ");");
}

static const char *write_call(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_func *f)
{
    const char *name = berthi_bg_own_name(bg, "offer", f->name);
    const berthi_bg_object *self = berthi_bg_method_of(bg, f);
    const berthi_bg_object *made = berthi_bg_constructor_of(bg, f);

    berthi_bg_blank(o);
    berthi_bg_open(o, "static berth_status %s(", name);
    berthi_bg_item(o, "void *ctx");
    berthi_bg_item(o, "const void *args");
    berthi_bg_item(o, "void *result");
    berthi_bg_item(o, "berth_host_call *call");
    berthi_bg_close(o, ")");
    berthi_bg_line(o, "{");
    o->indent++;
    berthi_bg_line(o, "const %s *to = (const %s *)ctx;", bg->imports, bg->imports);
    if (self != NULL)
        berthi_bg_write_method_body(bg, o, f, self);
    else if (made != NULL)
        berthi_bg_write_constructor_body(bg, o, f, made);
    else
        write_call_body(bg, o, f);
    o->indent--;
    berthi_bg_line(o, "}");
    return name;
}

static void write_bind(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_func *f,
                       const char *call)
{
    const berthi_cm_type *result = berthi_cm_func_result(f->type);

    berthi_bg_line(o, "if (status == BERTH_OK && imports->%s != NULL)",
                   berthi_bg_offer_member(bg, f));
    o->indent++;
    berthi_bg_open(o, "status = berth_host_bind(");
    berthi_bg_item(o, "host");
    if (f->interface == NULL)
        berthi_bg_item(o, "NULL");
    else
        berthi_bg_item(o, "\"%s\"", f->interface);
    berthi_bg_item(o, "\"%s\"", f->func->name);
    berthi_bg_item(o, "%u", f->args_type == NULL ? 0 : (unsigned)f->args_type->host_size);
    berthi_bg_item(o, "%u", result == NULL ? 0 : (unsigned)result->host_size);
    berthi_bg_item(o, "%s", call);
    berthi_bg_item(o, "imports");
    berthi_bg_item(o, "diag");
    berthi_bg_close(o, ");");
    o->indent--;
}

/* The world and what it refers to, as text; in numbers, since literals are bounded. */
static berth_status write_wit(berthi_bg *bg, berthi_bg_out *o)
{
    const berth_allocator *a = bg->arena->allocator;
    berthi_text_buf bytes, text;
    berth_status status;

    berthi_text_buf_init(&bytes, a);
    berthi_text_buf_init(&text, a);
    status = berthi_component_world(bg->wit, bg->world, a, &bytes, bg->diag);
    if (status == BERTH_OK)
        status =
            berthi_component_wit((const uint8_t *)bytes.data, bytes.size, a, &text, bg->diag);
    if (status == BERTH_OK && text.has_failed)
        status = berthi_fail(bg->diag, BERTH_E_NOMEM, "out of memory for bindings");
    if (status == BERTH_OK) {
        berthi_bg_blank(o);
        berthi_bg_comment(o, "The world's WIT, for berth_host_declare().");
        berthi_bg_line(o, "static const unsigned char wit[] = {");
        o->indent++;
        berthi_bg_open(o, "%s", "");
        for (size_t i = 0; i < text.size && !berthi_bg_out_is_full(o); i++)
            berthi_bg_item(o, "%u", (unsigned)(unsigned char)text.data[i]);
        berthi_bg_close(o, "");
        o->indent--;
        berthi_bg_line(o, "};");
    }
    berthi_text_buf_fini(&bytes);
    berthi_text_buf_fini(&text);
    return status;
}

berth_status berthi_bg_write_offer_source(berthi_bg *bg, berthi_bg_out *o)
{
    uint32_t count = bg->funcs_count - bg->exports_count;
    const char **calls = berthi_arena_array(bg->arena, count, sizeof *calls);
    berth_status status;

    if (calls == NULL && count != 0)
        return berthi_fail(bg->diag, BERTH_E_NOMEM, "out of memory for bindings");
    status = write_wit(bg, o);
    if (status == BERTH_OK)
        berthi_bg_write_object_functions(bg, o);
    for (uint32_t i = 0; i < count && status == BERTH_OK; i++)
        calls[i] = write_call(bg, o, &bg->funcs[bg->exports_count + i]);
    if (status != BERTH_OK)
        return status;
    berthi_bg_blank(o);
    berthi_bg_line(o, "berth_status %s(berth_host *host, %s *imports, berth_diag *diag)",
                   bg->offer, bg->imports);
    berthi_bg_line(o, "{");
    o->indent++;
    berthi_bg_line(
        o,
        "berth_status status = berth_host_declare(host, (const char *)wit, sizeof wit, diag);");
    berthi_bg_blank(o);
    berthi_bg_bind_objects(bg, o);
    for (uint32_t i = 0; i < count && !berthi_bg_out_is_full(o); i++)
        write_bind(bg, o, &bg->funcs[bg->exports_count + i], calls[i]);
    berthi_bg_line(o, "return status;");
    o->indent--;
    berthi_bg_line(o, "}");
    return BERTH_OK;
}
