/* wit_print.c - a model as WIT text.  Layer: contract.
 *
 * What is read back is the same model. */
#include "contract/wit_print.h"

#include "base/utf8.h"
#include "contract/wit_tree.h"

typedef struct printer {
    const berthi_wit *model;
    berthi_text_buf *out;
    unsigned indent;
    uint32_t package;
} printer;

static void put(printer *p, const char *text)
{
    berthi_text_buf_puts(p->out, text);
}

static void put_indent(printer *p)
{
    berthi_text_buf_fill(p->out, ' ', 2 * (size_t)p->indent);
}

void berthi_wit_put_name(berthi_text_buf *out, const char *name, size_t size)
{
    if (size != 0 && berthi_wit_keyword(name, size) != WIT_ID)
        berthi_text_buf_puts(out, "%");
    berthi_text_buf_put(out, name, size);
}

static void put_name_to(berthi_text_buf *out, const char *name)
{
    berthi_wit_put_name(out, name, strlen(name));
}

static void put_name(printer *p, const char *name)
{
    put_name_to(p->out, name);
}

/* ---------------------------------------------------------------- types */

static void put_parts(const berthi_wit *m, const berthi_wit_type *type, berthi_text_buf *out)
{
    berthi_text_buf_puts(out, "<");
    if (type->kind == BERTHI_WIT_TUPLE) {
        for (uint32_t i = 0; i < type->items_count; i++) {
            berthi_text_buf_puts(out, i == 0 ? "" : ", ");
            berthi_wit_print_type(m, type->items[i].type, out);
        }
    } else if (type->element == BERTHI_WIT_NONE) {
        berthi_text_buf_puts(out, "_"); /* of a result, which has a second then */
    } else {
        berthi_wit_print_type(m, type->element, out);
    }
    if (type->second != BERTHI_WIT_NONE) {
        berthi_text_buf_puts(out, ", ");
        berthi_wit_print_type(m, type->second, out);
    }
    if (type->kind == BERTHI_WIT_FIXED_LIST)
        berthi_text_buf_putf(out, ", %u", (unsigned)type->length);
    berthi_text_buf_puts(out, ">");
}

/* Calls itself for parts without a name, BERTHI_WIT_NESTING_MAX deep at most. */
void berthi_wit_print_type(const berthi_wit *m, uint32_t index, berthi_text_buf *out)
{
    const berthi_wit_type *type = &m->types[index];

    if (type->name != NULL) {
        put_name_to(out, type->name);
        return;
    }
    if (type->kind == BERTHI_WIT_OWN) {
        put_name_to(out, m->types[type->element].name);
        return;
    }
    berthi_text_buf_puts(out, berthi_wit_kind_name(type->kind));
    if (type->kind == BERTHI_WIT_BORROW) {
        berthi_text_buf_puts(out, "<");
        put_name_to(out, m->types[type->element].name);
        berthi_text_buf_puts(out, ">");
    } else if (type->kind >= BERTHI_WIT_PRIMITIVES &&
               (type->items_count != 0 || type->element != BERTHI_WIT_NONE ||
                type->second != BERTHI_WIT_NONE)) {
        put_parts(m, type, out);
    }
}

static void put_type(printer *p, uint32_t index)
{
    berthi_wit_print_type(p->model, index, p->out);
}

/* ---------------------------------------------------------------- in front of items */

static void put_docs(printer *p, const char *docs)
{
    while (docs != NULL) {
        size_t size = strcspn(docs, "\n");

        put_indent(p);
        put(p, size == 0 ? "///" : "/// ");
        berthi_text_buf_put(p->out, docs, size);
        put(p, "\n");
        docs = docs[size] == '\0' ? NULL : docs + size + 1;
    }
}

static void put_gate(printer *p, const berthi_wit_gate *gate)
{
    const char *texts[] = { "@since(version = ",      gate->since,
                            "@unstable(feature = ",   gate->unstable,
                            "@deprecated(version = ", gate->deprecated };

    for (unsigned i = 0; i < 6; i += 2) {
        if (texts[i + 1] == NULL)
            continue;
        put_indent(p);
        put(p, texts[i]);
        if (i == 2)
            put_name(p, texts[i + 1]);
        else
            put(p, texts[i + 1]);
        put(p, ")\n");
    }
}

void berthi_wit_put_external_id(berthi_text_buf *out, const char *text, size_t size)
{
    uint32_t c;

    berthi_text_buf_puts(out, "@external-id(\"");
    for (size_t at = 0, step; at < size; at += step) {
        step = berthi_utf8_next(text + at, size - at, &c);
        if (step == 0)
            return; /* neither a parser nor a reader of binaries takes this */
        if (c == '"' || c == '\\' || c < 0x20 || c == 0x7f || !berthi_utf8_is_plain(c) ||
            berthi_wit_is_discouraged(c))
            berthi_text_buf_putf(out, "\\u{%x}", (unsigned)c);
        else
            berthi_text_buf_put(out, text + at, step);
    }
    berthi_text_buf_puts(out, "\")\n");
}

static void put_external_id(printer *p, const char *text)
{
    if (text == NULL)
        return;
    put_indent(p);
    berthi_wit_put_external_id(p->out, text, strlen(text));
}

static void put_head(printer *p, const char *docs, const berthi_wit_gate *gate,
                     const char *external_id)
{
    put_docs(p, docs);
    put_gate(p, gate);
    put_external_id(p, external_id);
    put_indent(p);
}

/* ---------------------------------------------------------------- functions */

static void put_func_type(printer *p, const berthi_wit_func *func)
{
    bool has_self = func->kind == BERTHI_WIT_METHOD;

    if (func->kind != BERTHI_WIT_CONSTRUCTOR)
        put(p, func->is_async ? "async func" : "func");
    put(p, "(");
    for (uint32_t i = has_self; i < func->params_count; i++) {
        put(p, i == has_self ? "" : ", ");
        put_name(p, func->params[i].name);
        put(p, ": ");
        put_type(p, func->params[i].type);
    }
    put(p, ")");
    if (func->result != BERTHI_WIT_NONE &&
        (func->kind != BERTHI_WIT_CONSTRUCTOR ||
         p->model->types[func->result].kind != BERTHI_WIT_OWN)) {
        put(p, " -> ");
        put_type(p, func->result);
    }
    put(p, ";\n");
}

static void put_func(printer *p, const berthi_wit_func *func)
{
    put_head(p, func->docs, &func->gate, func->external_id);
    if (func->kind == BERTHI_WIT_CONSTRUCTOR) {
        put(p, "constructor");
    } else {
        put_name(p, func->plain);
        put(p, func->kind == BERTHI_WIT_STATIC ? ": static " : ": ");
    }
    put_func_type(p, func);
}

/* ---------------------------------------------------------------- named types */

static void put_items(printer *p, const berthi_wit_type *type)
{
    put(p, " {\n");
    p->indent++;
    for (uint32_t i = 0; i < type->items_count; i++) {
        const berthi_wit_item *item = &type->items[i];

        put_docs(p, item->docs);
        put_indent(p);
        put_name(p, item->name);
        if (item->type != BERTHI_WIT_NONE) {
            put(p, type->kind == BERTHI_WIT_RECORD ? ": " : "(");
            put_type(p, item->type);
            put(p, type->kind == BERTHI_WIT_RECORD ? "" : ")");
        }
        put(p, ",\n");
    }
    p->indent--;
    put_indent(p);
    put(p, "}\n");
}

/* Of an alias: `own<r>` is a handle, `r` alone would be another name of the resource. */
static void put_target(printer *p, const berthi_wit_type *type)
{
    const berthi_wit_type *target = &p->model->types[type->element];

    if (target->kind != BERTHI_WIT_OWN) {
        put_type(p, type->element);
        return;
    }
    put(p, "own<");
    put_name(p, p->model->types[target->element].name);
    put(p, ">");
}

static void put_definition(printer *p, const berthi_wit_type *type)
{
    put_head(p, type->docs, &type->gate, type->external_id);
    put(p, berthi_wit_kind_name(type->kind));
    put(p, " ");
    put_name(p, type->name);
    if (type->kind == BERTHI_WIT_ALIAS) {
        put(p, " = ");
        put_target(p, type);
        put(p, ";\n");
    } else {
        put_items(p, type);
    }
}

/* `functions` is where its functions are; how many there were. */
typedef struct func_list {
    const berthi_wit_func *funcs;     /* of an interface, or NULL */
    const berthi_wit_extern *externs; /* of a world: those that are functions */
    uint32_t count;
} func_list;

static const berthi_wit_func *func_at(const func_list *list, uint32_t i)
{
    return i >= list->count      ? NULL
           : list->funcs != NULL ? &list->funcs[i]
                                 : list->externs[i].func;
}

static uint32_t put_resource(printer *p, uint32_t index, const func_list *list, uint32_t first)
{
    const berthi_wit_type *type = &p->model->types[index];
    const berthi_wit_func *func = func_at(list, first);
    uint32_t count = 0;

    put_head(p, type->docs, &type->gate, type->external_id);
    put(p, "resource ");
    put_name(p, type->name);
    if (func == NULL || !berthi_wit_is_func_of(func, index)) {
        put(p, ";\n");
        return 0;
    }
    put(p, " {\n");
    p->indent++;
    for (; func != NULL && berthi_wit_is_func_of(func, index);
         func = func_at(list, first + count)) {
        put_func(p, func);
        count++;
    }
    p->indent--;
    put_indent(p);
    put(p, "}\n");
    return count;
}

/* ---------------------------------------------------------------- use */

static void put_interface_path(printer *p, const berthi_wit_interface *it)
{
    const berthi_wit_package *package = &p->model->packages[it->package];

    if (it->package != p->package) {
        put_name(p, package->space);
        put(p, ":");
        put_name(p, package->name);
        put(p, "/");
    }
    put_name(p, it->name);
    if (it->package != p->package && package->version != NULL)
        berthi_text_buf_putf(p->out, "@%s", package->version);
}

static bool is_same_gate(const berthi_wit_gate *a, const berthi_wit_gate *b)
{
    return a->since == b->since && a->unstable == b->unstable && a->deprecated == b->deprecated;
}

static const berthi_wit_interface *used_from(const berthi_wit *m, const berthi_wit_type *type)
{
    return &m->interfaces[m->types[type->element].owner];
}

/* Names that a use takes from one interface stand together. */
static bool is_same_use(const berthi_wit *m, const berthi_wit_type *a, const berthi_wit_type *b)
{
    return a->is_used && b->is_used && used_from(m, a) == used_from(m, b) &&
           is_same_gate(&a->gate, &b->gate) &&
           (a->docs == b->docs ||
            (a->docs != NULL && b->docs != NULL && strcmp(a->docs, b->docs) == 0));
}

static void put_use_start(printer *p, const berthi_wit_type *type)
{
    put_head(p, type->docs, &type->gate, NULL);
    put(p, "use ");
    put_interface_path(p, used_from(p->model, type));
    put(p, ".{");
}

static void put_used(printer *p, const berthi_wit_type *type)
{
    const char *from = p->model->types[type->element].name;

    put_name(p, from);
    if (strcmp(from, type->name) != 0) {
        put(p, " as ");
        put_name(p, type->name);
    }
}

/* ---------------------------------------------------------------- interfaces */

static uint32_t put_uses(printer *p, const berthi_wit_interface *it, uint32_t first)
{
    const berthi_wit_type *types = p->model->types;
    uint32_t i = first;

    put_use_start(p, &types[it->types[i]]);
    for (; i < it->types_count &&
           is_same_use(p->model, &types[it->types[first]], &types[it->types[i]]);
         i++) {
        put(p, i == first ? "" : ", ");
        put_used(p, &types[it->types[i]]);
    }
    put(p, "};\n");
    return i - first;
}

static void put_body(printer *p, const berthi_wit_interface *it)
{
    func_list list = { .funcs = it->funcs, .count = it->funcs_count };
    uint32_t func = 0;

    put(p, " {\n");
    p->indent++;
    for (uint32_t type = 0; type < it->types_count;) {
        const berthi_wit_type *next = &p->model->types[it->types[type]];

        if (type != 0)
            put(p, "\n");
        if (next->is_used) {
            type += put_uses(p, it, type);
            continue;
        }
        if (next->kind == BERTHI_WIT_RESOURCE)
            func += put_resource(p, it->types[type], &list, func);
        else
            put_definition(p, next);
        type++;
    }
    for (; func < it->funcs_count; func++) {
        if (it->types_count != 0 || func != 0)
            put(p, "\n");
        put_func(p, &it->funcs[func]);
    }
    p->indent--;
    put_indent(p);
    put(p, "}\n");
}

/* ---------------------------------------------------------------- worlds */

static void put_extern(printer *p, const berthi_wit_extern *e, const char *what)
{
    const berthi_wit_interface *it;

    put_head(p, e->docs, &e->gate, e->external_id);
    put(p, what);
    put(p, " ");
    if (e->kind == BERTHI_WIT_EXTERN_FUNC) {
        put_name(p, e->name);
        put(p, ": ");
        put_func_type(p, e->func);
        return;
    }
    it = &p->model->interfaces[e->index];
    if (e->is_plain) {
        put_name(p, e->name);
        put(p, ": ");
    }
    if (it->name == NULL) {
        put(p, "interface");
        put_body(p, it);
        return;
    }
    put_interface_path(p, it);
    put(p, ";\n");
}

static bool is_past_bound(const printer *p)
{
    return p->out->has_failed || p->out->size > BERTHI_WIT_PRINTED_MAX;
}

/* What the import at `i` is, with the functions that follow a resource; how many there were. */
static uint32_t put_import(printer *p, const berthi_wit_world *world, uint32_t i)
{
    const berthi_wit_extern *e = &world->imports[i];
    const berthi_wit_type *type;
    func_list list = { .externs = world->imports + i + 1 };

    if (e->kind != BERTHI_WIT_EXTERN_TYPE) {
        put_extern(p, e, "import");
        return 1;
    }
    type = &p->model->types[e->index];
    if (type->kind == BERTHI_WIT_RESOURCE) {
        while (i + 1 + list.count < world->imports_count &&
               world->imports[i + 1 + list.count].kind == BERTHI_WIT_EXTERN_FUNC &&
               berthi_wit_is_func_of(world->imports[i + 1 + list.count].func, e->index))
            list.count++;
        return 1 + put_resource(p, e->index, &list, 0);
    }
    if (!type->is_used) {
        put_definition(p, type);
        return 1;
    }
    put_use_start(p, type);
    put_used(p, type);
    put(p, "};\n");
    return 1;
}

static void put_world(printer *p, const berthi_wit_world *world)
{
    put_head(p, world->docs, &world->gate, NULL);
    put(p, "world ");
    put_name(p, world->name);
    put(p, " {\n");
    p->indent++;
    for (uint32_t i = 0; i < world->imports_count && !is_past_bound(p);)
        i += put_import(p, world, i);
    for (uint32_t i = 0; i < world->exports_count && !is_past_bound(p); i++)
        put_extern(p, &world->exports[i], "export");
    p->indent--;
    put_indent(p);
    put(p, "}\n");
}

/* ---------------------------------------------------------------- packages */

static void put_package_name(printer *p, const berthi_wit_package *package)
{
    put_docs(p, package->docs);
    put(p, "package ");
    put_name(p, package->space);
    put(p, ":");
    put_name(p, package->name);
    if (package->version != NULL)
        berthi_text_buf_putf(p->out, "@%s", package->version);
}

static void put_package(printer *p, uint32_t index)
{
    const berthi_wit_package *package = &p->model->packages[index];
    bool is_root = index == p->model->root;

    p->package = index;
    p->indent = 0;
    put_package_name(p, package);
    put(p, is_root ? ";\n" : " {\n");
    p->indent = !is_root;
    for (uint32_t i = 0; i < package->interfaces_count && !is_past_bound(p); i++) {
        const berthi_wit_interface *it = &p->model->interfaces[package->interfaces[i]];

        put(p, is_root || i > 0 ? "\n" : "");
        put_head(p, it->docs, &it->gate, NULL);
        put(p, "interface ");
        put_name(p, it->name);
        put_body(p, it);
    }
    for (uint32_t i = 0; i < package->worlds_count && !is_past_bound(p); i++) {
        put(p, is_root || i > 0 || package->interfaces_count > 0 ? "\n" : "");
        put_world(p, &p->model->worlds[package->worlds[i]]);
    }
    put(p, is_root ? "" : "}\n");
}

bool berthi_wit_print(const berthi_wit *model, berthi_text_buf *out)
{
    printer p = { .model = model, .out = out };

    for (uint32_t i = 0; i < model->packages_count && !is_past_bound(&p); i++) {
        put(&p, i == 0 ? "" : "\n");
        put_package(&p, model->listed[i]);
    }
    return out->size <= BERTHI_WIT_PRINTED_MAX;
}
