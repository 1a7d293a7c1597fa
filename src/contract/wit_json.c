/* wit_json.c - a model as JSON; the schema is docs/wit-json.md.  Layer: contract. */
#include "base/json_writer.h"
#include "contract/wit_print.h"

typedef struct writer {
    const berthi_wit *model;
    berthi_json_writer json;
    berthi_text_buf *out;
    berthi_text_buf type; /* the text of one type */
} writer;

static void put_optional(writer *w, const char *key, const char *text)
{
    if (text != NULL)
        berthi_json_string(&w->json, key, text);
}

static void put_head(writer *w, const char *docs, const berthi_wit_gate *gate,
                     const char *external_id)
{
    put_optional(w, "docs", docs);
    put_optional(w, "since", gate->since);
    put_optional(w, "unstable", gate->unstable);
    put_optional(w, "deprecated", gate->deprecated);
    put_optional(w, "external_id", external_id);
}

static void put_type(writer *w, const char *key, uint32_t type)
{
    w->type.size = 0;
    berthi_wit_print_type(w->model, type, &w->type);
    if (w->type.has_failed)
        w->out->has_failed = true;
    else
        berthi_json_text(&w->json, key, w->type.data, w->type.size);
}

static void put_items(writer *w, const char *key, const berthi_wit_item *items, uint32_t count)
{
    berthi_json_array(&w->json, key);
    for (uint32_t i = 0; i < count; i++) {
        berthi_json_object(&w->json, NULL);
        berthi_json_string(&w->json, "name", items[i].name);
        if (items[i].type != BERTHI_WIT_NONE)
            put_type(w, "type", items[i].type);
        put_optional(w, "docs", items[i].docs);
        berthi_json_end(&w->json);
    }
    berthi_json_end(&w->json);
}

/* ---------------------------------------------------------------- types and functions */

/* What an alias stands for: `use`d, another name of a resource, or a type. */
static void put_alias(writer *w, const berthi_wit_type *type)
{
    const berthi_wit_type *target = &w->model->types[type->element];

    if (type->is_used) {
        berthi_json_string(&w->json, "from", w->model->interfaces[target->owner].id);
        berthi_json_string(&w->json, "used", target->name);
    } else if (w->model->types[type->canon].kind == BERTHI_WIT_RESOURCE) {
        berthi_json_string(&w->json, "resource", target->name);
    } else {
        put_type(w, "type", type->element);
    }
}

static void put_definition(writer *w, uint32_t index)
{
    const berthi_wit_type *type = &w->model->types[index];

    berthi_json_object(&w->json, NULL);
    berthi_json_string(&w->json, "name", type->name);
    berthi_json_string(&w->json, "kind",
                       type->is_used ? "use" : berthi_wit_kind_name(type->kind));
    put_head(w, type->docs, &type->gate, type->external_id);
    switch (type->kind) {
    case BERTHI_WIT_RECORD:
        put_items(w, "fields", type->items, type->items_count);
        break;
    case BERTHI_WIT_VARIANT:
    case BERTHI_WIT_ENUM:
        put_items(w, "cases", type->items, type->items_count);
        break;
    case BERTHI_WIT_FLAGS:
        put_items(w, "flags", type->items, type->items_count);
        break;
    case BERTHI_WIT_ALIAS:
        put_alias(w, type);
        break;
    default:
        break;
    }
    berthi_json_end(&w->json);
}

static void put_func_members(writer *w, const berthi_wit_func *func)
{
    static const char *const kinds[] = { [BERTHI_WIT_FREE] = "function",
                                         [BERTHI_WIT_METHOD] = "method",
                                         [BERTHI_WIT_STATIC] = "static",
                                         [BERTHI_WIT_CONSTRUCTOR] = "constructor" };

    berthi_json_string(&w->json, "name", func->name);
    berthi_json_string(&w->json, "kind", kinds[func->kind]);
    put_head(w, func->docs, &func->gate, func->external_id);
    if (func->resource != BERTHI_WIT_NONE)
        berthi_json_string(&w->json, "resource", w->model->types[func->resource].name);
    berthi_json_bool(&w->json, "async", func->is_async);
    put_items(w, "params", func->params, func->params_count);
    if (func->result != BERTHI_WIT_NONE)
        put_type(w, "result", func->result);
}

/* ---------------------------------------------------------------- interfaces and worlds */

static void put_interface_members(writer *w, const berthi_wit_interface *it)
{
    berthi_json_array(&w->json, "types");
    for (uint32_t i = 0; i < it->types_count; i++)
        put_definition(w, it->types[i]);
    berthi_json_end(&w->json);
    berthi_json_array(&w->json, "functions");
    for (uint32_t i = 0; i < it->funcs_count; i++) {
        berthi_json_object(&w->json, NULL);
        put_func_members(w, &it->funcs[i]);
        berthi_json_end(&w->json);
    }
    berthi_json_end(&w->json);
}

static void put_extern_members(writer *w, const berthi_wit_extern *e)
{
    const berthi_wit_interface *it;

    if (e->kind == BERTHI_WIT_EXTERN_FUNC) {
        put_func_members(w, e->func);
        return;
    }
    it = &w->model->interfaces[e->index];
    berthi_json_string(&w->json, "name", e->name);
    berthi_json_string(&w->json, "kind", "interface");
    put_head(w, e->docs, &e->gate, e->external_id);
    if (it->id != NULL)
        berthi_json_string(&w->json, "interface", it->id);
    else
        put_interface_members(w, it);
}

static bool is_past_bound(const writer *w)
{
    return w->out->has_failed || w->out->size > BERTHI_WIT_PRINTED_MAX;
}

static void put_externs(writer *w, const char *key, const berthi_wit_extern *externs,
                        uint32_t count)
{
    berthi_json_array(&w->json, key);
    for (uint32_t i = 0; i < count && !is_past_bound(w); i++) {
        if (externs[i].kind == BERTHI_WIT_EXTERN_TYPE) {
            put_definition(w, externs[i].index);
            continue;
        }
        berthi_json_object(&w->json, NULL);
        put_extern_members(w, &externs[i]);
        berthi_json_end(&w->json);
    }
    berthi_json_end(&w->json);
}

static void put_interface(writer *w, const berthi_wit_interface *it)
{
    berthi_json_object(&w->json, NULL);
    berthi_json_string(&w->json, "name", it->name);
    berthi_json_string(&w->json, "id", it->id);
    put_head(w, it->docs, &it->gate, NULL);
    put_interface_members(w, it);
    berthi_json_end(&w->json);
}

static void put_world(writer *w, const berthi_wit_world *world)
{
    berthi_json_object(&w->json, NULL);
    berthi_json_string(&w->json, "name", world->name);
    berthi_json_string(&w->json, "id", world->id);
    put_head(w, world->docs, &world->gate, NULL);
    put_externs(w, "imports", world->imports, world->imports_count);
    put_externs(w, "exports", world->exports, world->exports_count);
    berthi_json_end(&w->json);
}

static void put_package(writer *w, const berthi_wit_package *package)
{
    berthi_json_object(&w->json, NULL);
    berthi_json_string(&w->json, "id", package->id);
    berthi_json_string(&w->json, "namespace", package->space);
    berthi_json_string(&w->json, "name", package->name);
    berthi_json_string(&w->json, "version", package->version);
    put_optional(w, "docs", package->docs);
    berthi_json_array(&w->json, "interfaces");
    for (uint32_t i = 0; i < package->interfaces_count && !is_past_bound(w); i++)
        put_interface(w, &w->model->interfaces[package->interfaces[i]]);
    berthi_json_end(&w->json);
    berthi_json_array(&w->json, "worlds");
    for (uint32_t i = 0; i < package->worlds_count && !is_past_bound(w); i++)
        put_world(w, &w->model->worlds[package->worlds[i]]);
    berthi_json_end(&w->json);
    berthi_json_end(&w->json);
}

bool berthi_wit_print_json(const berthi_wit *model, berthi_text_buf *out)
{
    writer w = { .model = model, .out = out };

    berthi_json_init(&w.json, out);
    berthi_text_buf_init(&w.type, out->allocator);
    berthi_json_object(&w.json, NULL);
    berthi_json_string(&w.json, "root", model->packages[model->root].id);
    berthi_json_array(&w.json, "packages");
    for (uint32_t i = 0; i < model->packages_count && !is_past_bound(&w); i++)
        put_package(&w, &model->packages[model->listed[i]]);
    berthi_json_end(&w.json);
    berthi_json_end(&w.json);
    berthi_text_buf_fini(&w.type);
    return out->size <= BERTHI_WIT_PRINTED_MAX;
}
