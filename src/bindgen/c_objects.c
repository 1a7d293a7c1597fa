/* c_objects.c - resources that a world imports, as objects of the host's: typed, made and found again.
 *
 * A handle is a number in the table of the plugin's instance (<berth/host.h>).  Here each resource has
 * a struct of its own, which the host defines; methods get it as `self`, and constructors give it.
 * Layer: bindgen. */
#include "bindgen/c_objects.h"

#include "bindgen/c_plugin.h"

const char *berthi_bg_offer_member(berthi_bg *bg, const berthi_bg_func *f)
{
    const char *name = berthi_bg_tail(bg, f->name);

    return berthi_bg_is_reserved(name) || strcmp(name, "ctx") == 0
               ? berthi_bg_format(&bg->names, "%s_", name)
               : name;
}

static const berthi_bg_object *object_of(const berthi_bg *bg, const berthi_bg_func *f)
{
    for (uint32_t i = 0; i < bg->objects_count; i++) {
        const berthi_bg_object *object = &bg->objects[i];

        if (object->type == f->func->resource && object->interface == f->interface)
            return object;
    }
    return NULL;
}

const berthi_bg_object *berthi_bg_method_of(const berthi_bg *bg, const berthi_bg_func *f)
{
    return f->func->kind == BERTHI_WIT_METHOD ? object_of(bg, f) : NULL;
}

/* One that may fail gives a result, and handles in results are made by the host. */
const berthi_bg_object *berthi_bg_constructor_of(const berthi_bg *bg, const berthi_bg_func *f)
{
    return f->func->kind == BERTHI_WIT_CONSTRUCTOR &&
                   berthi_bg_canon(bg, f->func->result)->kind == BERTHI_WIT_OWN
               ? object_of(bg, f)
               : NULL;
}

void berthi_bg_put_offer_params(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_func *f)
{
    const berthi_bg_object *self = berthi_bg_method_of(bg, f);
    const berthi_bg_object *made = berthi_bg_constructor_of(bg, f);

    berthi_bg_item(o, "void *ctx");
    if (self != NULL)
        berthi_bg_item(o, "%s *self", self->object);
    berthi_bg_item(o, "const %s *args", berthi_bg_args_type(f));
    if (made != NULL)
        berthi_bg_item(o, "%s **object_out", made->object);
    else
        berthi_bg_item(o, "%s *result", berthi_bg_result_type(bg, f));
    berthi_bg_item(o, "berth_host_call *call");
}

/* ---------------------------------------------------------------- the table */

void berthi_bg_declare_objects(berthi_bg *bg, berthi_bg_out *o)
{
    if (bg->objects_count == 0)
        return;
    berthi_bg_blank(o);
    berthi_bg_comment(o,
                      "Objects of the host's, behind the handles that plugins hold; the host "
                      "defines these structs.");
    for (uint32_t i = 0; i < bg->objects_count && !berthi_bg_out_is_full(o); i++)
        berthi_bg_line(o, "typedef struct %s %s;", bg->objects[i].object,
                       bg->objects[i].object);
}

void berthi_bg_write_object_members(berthi_bg *bg, berthi_bg_out *o)
{
    for (uint32_t i = 0; i < bg->objects_count && !berthi_bg_out_is_full(o); i++) {
        berthi_bg_docs(o, bg->wit->types[bg->objects[i].type].docs);
        berthi_bg_line(o, "struct {");
        berthi_bg_line(o,
                       "    void (*destroy)(void *object); /* a %s; NULL: nothing is done */",
                       bg->objects[i].object);
        berthi_bg_line(o, "    const berth_host_resource *kind;");
        berthi_bg_line(o, "} %s;", bg->objects[i].tail);
    }
}

static void put_head(const berthi_bg *bg, berthi_bg_out *o, const berthi_bg_object *object,
                     const char *verb, const char *before)
{
    berthi_bg_open(o, "%s%s_%s(", before, object->object, verb);
    berthi_bg_item(o, "const %s *imports", bg->imports);
}

static void put_add(const berthi_bg *bg, berthi_bg_out *o, const berthi_bg_object *object,
                    const char *before, const char *tail)
{
    put_head(bg, o, object, "add", before);
    berthi_bg_item(o, "berth_host_call *call");
    berthi_bg_item(o, "%s *object", object->object);
    berthi_bg_item(o, "%s *owned_out", object->name);
    berthi_bg_close(o, tail);
}

static void put_find(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_object *object,
                     const char *tail)
{
    put_head(bg, o, object, "find", berthi_bg_format(&bg->names, "%s *", object->object));
    berthi_bg_item(o, "const berth_host_call *call");
    berthi_bg_item(o, "%s_borrow handle", object->name);
    berthi_bg_close(o, tail);
}

static void put_take(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_object *object,
                     const char *tail)
{
    put_head(bg, o, object, "take", berthi_bg_format(&bg->names, "%s *", object->object));
    berthi_bg_item(o, "berth_host_call *call");
    berthi_bg_item(o, "%s owned", object->name);
    berthi_bg_close(o, tail);
}

void berthi_bg_declare_object_functions(berthi_bg *bg, berthi_bg_out *o)
{
    if (bg->objects_count == 0)
        return;
    berthi_bg_blank(o);
    berthi_bg_comment(
        o,
        "Within a call: `add` gives a handle for an object, which is destroyed when the plugin "
        "drops it or its instance ends; when it fails, the object is still the caller's.  "
        "`find` lends the object behind a handle for the call.  `take` takes back one that "
        "came as owned, which is not destroyed then.  NULL: there is none.\nThread: one, the "
        "call's.  Blocks: never.  Fails: as berth_host_object_add().");
    for (uint32_t i = 0; i < bg->objects_count && !berthi_bg_out_is_full(o); i++) {
        berthi_bg_blank(o);
        put_add(bg, o, &bg->objects[i], "BERTH_CHECKED berth_status ", ");");
        put_find(bg, o, &bg->objects[i], ");");
        put_take(bg, o, &bg->objects[i], ");");
    }
}

/* ---------------------------------------------------------------- source */

static void write_lookup(berthi_bg_out *o, const berthi_bg_object *object, const char *verb,
                         const char *handle)
{
    berthi_bg_line(o, "{");
    berthi_bg_line(o, "    void *object =");
    berthi_bg_line(o, "        berth_host_object_%s(call, imports->%s.kind, %s.handle);", verb,
                   object->tail, handle);
    berthi_bg_blank(o);
    berthi_bg_line(o, "    return (%s *)object;", object->object);
    berthi_bg_line(o, "}");
}

void berthi_bg_write_object_functions(berthi_bg *bg, berthi_bg_out *o)
{
    for (uint32_t i = 0; i < bg->objects_count && !berthi_bg_out_is_full(o); i++) {
        const berthi_bg_object *object = &bg->objects[i];

        berthi_bg_blank(o);
        put_add(bg, o, object, "berth_status ", ")");
        berthi_bg_line(o, "{");
        o->indent++;
        berthi_bg_open(o, "return berth_host_object_add(");
        berthi_bg_item(o, "call");
        berthi_bg_item(o, "imports->%s.kind", object->tail);
        berthi_bg_item(o, "object");
        berthi_bg_item(o, "&owned_out->handle");
        berthi_bg_close(o, ");");
        o->indent--;
        berthi_bg_line(o, "}");
        berthi_bg_blank(o);
        put_find(bg, o, object, ")");
        write_lookup(o, object, "find", "handle");
        berthi_bg_blank(o);
        put_take(bg, o, object, ")");
        write_lookup(o, object, "take", "owned");
    }
}

void berthi_bg_bind_objects(berthi_bg *bg, berthi_bg_out *o)
{
    for (uint32_t i = 0; i < bg->objects_count && !berthi_bg_out_is_full(o); i++) {
        const berthi_bg_object *object = &bg->objects[i];

        berthi_bg_line(o, "if (status == BERTH_OK && imports->%s.kind == NULL)", object->tail);
        o->indent++;
        berthi_bg_open(o, "status = berth_host_bind_resource(");
        berthi_bg_item(o, "host");
        if (object->interface == NULL)
            berthi_bg_item(o, "NULL");
        else
            berthi_bg_item(o, "\"%s\"", object->interface);
        berthi_bg_item(o, "\"%s\"", bg->wit->types[object->type].name);
        berthi_bg_item(o, "imports->%s.destroy", object->tail);
        berthi_bg_item(o, "&imports->%s.kind", object->tail);
        berthi_bg_item(o, "diag");
        berthi_bg_close(o, ");");
        o->indent--;
    }
}

void berthi_bg_write_method_body(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_func *f,
                                 const berthi_bg_object *of)
{
    berthi_bg_line(o, "const %s *with = (const %s *)args;", f->args, f->args);
    berthi_bg_open(o, "%s *self = %s_find(", of->object, of->object);
    berthi_bg_item(o, "to");
    berthi_bg_item(o, "call");
    berthi_bg_item(o, "with->%s", berthi_bg_field(bg, f->func->params, 0));
    berthi_bg_close(o, ");");
    berthi_bg_blank(o);
    berthi_bg_line(o, "if (self == NULL)");
    berthi_bg_line(o,
                   "    return berth_host_fail(call, BERTH_E_STATE, \"there is no such %s\");",
                   bg->wit->types[of->type].name);
    berthi_bg_open(o, "return to->%s(", berthi_bg_offer_member(bg, f));
    berthi_bg_item(o, "to->ctx");
    berthi_bg_item(o, "self");
    berthi_bg_item(o, "with");
    berthi_bg_item(o, "(%s *)result", berthi_bg_result_type(bg, f));
    berthi_bg_item(o, "call");
    berthi_bg_close(o, ");");
}

void berthi_bg_write_constructor_body(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_func *f,
                                      const berthi_bg_object *of)
{
    berthi_bg_line(o, "%s *object = NULL;", of->object);
    berthi_bg_line(o, "berth_status status;");
    berthi_bg_blank(o);
    berthi_bg_open(o, "status = to->%s(", berthi_bg_offer_member(bg, f));
    berthi_bg_item(o, "to->ctx");
    berthi_bg_item(o, "(const %s *)args", berthi_bg_args_type(f));
    berthi_bg_item(o, "&object");
    berthi_bg_item(o, "call");
    berthi_bg_close(o, ");");
    berthi_bg_line(o, "if (status != BERTH_OK)");
    berthi_bg_line(o, "    return status;");
    berthi_bg_line(o, "if (object == NULL)");
    berthi_bg_line(o, "    return berth_host_fail(call, BERTH_E_STATE, \"no %s was made\");",
                   bg->wit->types[of->type].name);
    berthi_bg_open(o, "status = %s_add(", of->object);
    berthi_bg_item(o, "to");
    berthi_bg_item(o, "call");
    berthi_bg_item(o, "object");
    berthi_bg_item(o, "(%s *)result", of->name);
    berthi_bg_close(o, ");");
    berthi_bg_line(o, "if (status != BERTH_OK && to->%s.destroy != NULL)", of->tail);
    berthi_bg_line(o, "    to->%s.destroy(object);", of->tail);
    berthi_bg_line(o, "return status;");
}
