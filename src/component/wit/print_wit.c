/* print_wit.c - what a component imports and exports, as WIT text.  Layer: component.
 *
 * Types of validation are printed: those that have names there.  Inside an interface a type is called by the
 * name of the very object that the interface exports; records, variants, enums, flags and resources also
 * by any name of an equal type, from another interface by `use`. */
#include "component/wit/print_wit.h"

#include "component/wit/print_wit_types.h"

/* ---------------------------------------------------------------- names of interfaces */

static bool is_interface(const berthi_cm_extern *item)
{
    berthi_cm_wit_interface parts;

    return item->sort == BERTHI_CM_INSTANCE && berthi_cm_wit_split(item->name, &parts);
}

/* ---------------------------------------------------------------- scopes */

/* What each item of an interface is called in it. */
static bool enter_scope(berthi_cm_wit *w, const berthi_cm_extern *items, uint32_t count,
                        berthi_name interface)
{
    w->scope = (berthi_cm_wit_scope){ .items = items, .count = count, .interface = interface };
    for (uint32_t i = 0; i < count; i++) {
        const berthi_cm_type *type = items[i].type;
        const berthi_cm_wit_place place = { .label = items[i].name };

        if (items[i].sort != BERTHI_CM_TYPE)
            continue;
        if (!berthi_cm_wit_note(w, &w->scope.names, type, place) ||
            (berthi_cm_wit_is_nominal(type) &&
             !berthi_cm_wit_note(w, &w->scope.names, type->canon, place)))
            return false;
    }
    return true;
}

/* The first interface that has a type is where it is written. */
static bool note_types(berthi_cm_wit *w, const berthi_cm_extern *interface)
{
    const berthi_cm_type *type = interface->type;

    for (uint32_t i = 0; i < type->count; i++) {
        const berthi_cm_wit_place place = { .label = type->items[i].name,
                                            .interface = interface->name };

        if (type->items[i].sort == BERTHI_CM_TYPE &&
            berthi_cm_wit_is_nominal(type->items[i].type) &&
            !berthi_cm_wit_note(w, &w->everywhere, type->items[i].type->canon, place))
            return false;
    }
    return true;
}

/* ---------------------------------------------------------------- items */

static void print_type_item(berthi_cm_wit *w, const berthi_cm_extern *item)
{
    const berthi_cm_wit_place *home = berthi_cm_wit_find(w, &w->everywhere, item->type->canon);

    if (!berthi_cm_wit_is_nominal(item->type)) {
        berthi_cm_wit_print_alias(w, item);
        return;
    }
    if (home != NULL && !berthi_cm_same_name(home->interface, w->scope.interface) &&
        (berthi_cm_is_resource(item->type) || berthi_cm_same_name(home->label, item->name))) {
        berthi_cm_wit_print_use(w, home, item->name);
        return;
    }
    berthi_cm_wit_print_definition(w, item);
}

static void print_item(berthi_cm_wit *w, const berthi_cm_extern *item)
{
    switch (item->sort) {
    case BERTHI_CM_TYPE:
        print_type_item(w, item);
        break;
    case BERTHI_CM_FUNC:
        if (item->name.text[0] == '[')
            break; /* printed with its resource */
        berthi_cm_wit_indent(w);
        berthi_cm_wit_id(w, item->name);
        berthi_cm_wit_puts(w, ": ");
        berthi_cm_wit_print_func(w, item->type, 0);
        berthi_cm_wit_puts(w, ";\n");
        break;
    default:
        berthi_cm_wit_comment(w, item);
    }
}

/* The items of one scope, with what they use of others in front. */
static bool print_items(berthi_cm_wit *w, const berthi_cm_extern *items, uint32_t count,
                        berthi_name interface)
{
    const berthi_cm_wit_scope outer = w->scope;
    berthi_text_buf *out = w->out, body;

    if (!enter_scope(w, items, count, interface))
        return false;
    berthi_text_buf_init(&body, out->allocator);
    w->out = &body;
    w->uses = out;
    for (uint32_t i = 0; i < count && berthi_cm_wit_goes_on(w); i++)
        print_item(w, &items[i]);
    w->out = out;
    berthi_text_buf_put(out, body.data, body.size);
    out->has_failed |= body.has_failed;
    berthi_text_buf_fini(&body);
    w->scope = outer;
    return berthi_cm_wit_goes_on(w);
}

/* ---------------------------------------------------------------- the world */

static bool print_world_instance(berthi_cm_wit *w, const berthi_cm_extern *item)
{
    berthi_text_buf *uses = w->uses;
    bool ok;

    if (is_interface(item)) {
        berthi_cm_wit_put(w, item->name);
        berthi_cm_wit_puts(w, ";\n");
        return true;
    }
    berthi_cm_wit_id(w, item->name);
    berthi_cm_wit_puts(w, ": interface {\n");
    w->depth++;
    ok = print_items(w, item->type->items, item->type->count, (berthi_name){ NULL, 0 });
    w->depth--;
    w->uses = uses;
    berthi_cm_wit_indent(w);
    berthi_cm_wit_puts(w, "}\n");
    return ok;
}

static bool print_world_item(berthi_cm_wit *w, const berthi_cm_extern *item, bool is_import)
{
    bool is_func = item->sort == BERTHI_CM_FUNC;

    if (item->sort == BERTHI_CM_TYPE) {
        if (!is_import) {
            berthi_cm_wit_indent(w);
            berthi_cm_wit_puts(w, "// exported:\n");
        }
        print_type_item(w, item);
        return true;
    }
    if (is_func && item->name.text[0] == '[')
        return true; /* of a resource that is there, too */
    if ((is_func && !berthi_cm_is_label(item->name)) ||
        (!is_func && item->sort != BERTHI_CM_INSTANCE)) {
        berthi_cm_wit_comment(w, item);
        return true;
    }
    berthi_cm_wit_indent(w);
    berthi_cm_wit_puts(w, is_import ? "import " : "export ");
    if (!is_func)
        return print_world_instance(w, item);
    berthi_cm_wit_id(w, item->name);
    berthi_cm_wit_puts(w, ": ");
    berthi_cm_wit_print_func(w, item->type, 0);
    berthi_cm_wit_puts(w, ";\n");
    return true;
}

static bool print_world(berthi_cm_wit *w, const berthi_cm_type *root)
{
    berthi_text_buf *out = w->out, body;
    bool ok = true;

    berthi_cm_wit_puts(w, "package root:component;\n\nworld root {\n");
    w->depth = 1;
    if (!enter_scope(w, root->items, root->count, (berthi_name){ NULL, 0 }))
        return false;
    berthi_text_buf_init(&body, out->allocator);
    w->out = &body;
    w->uses = out;
    for (uint32_t i = 0; i < root->count && ok && berthi_cm_wit_goes_on(w); i++)
        ok = print_world_item(w, &root->items[i], i < root->imports_count);
    w->out = out;
    berthi_text_buf_put(out, body.data, body.size);
    out->has_failed |= body.has_failed;
    berthi_text_buf_fini(&body);
    w->depth = 0;
    berthi_cm_wit_puts(w, "}\n");
    return ok && berthi_cm_wit_goes_on(w);
}

/* ---------------------------------------------------------------- packages */

static bool print_interface(berthi_cm_wit *w, const berthi_cm_extern *item)
{
    berthi_cm_wit_interface parts;
    bool ok;

    (void)berthi_cm_wit_split(item->name, &parts);
    berthi_cm_wit_indent(w);
    berthi_cm_wit_puts(w, "interface ");
    berthi_cm_wit_id(w, parts.plain);
    berthi_cm_wit_puts(w, " {\n");
    w->depth++;
    ok = print_items(w, item->type->items, item->type->count, item->name);
    w->depth--;
    berthi_cm_wit_indent(w);
    berthi_cm_wit_puts(w, "}\n");
    return ok;
}

/* All interfaces of the package that the item `first` is of; an interface that is imported and exported
 * is printed once. */
static bool print_package(berthi_cm_wit *w, const berthi_cm_type *root, uint32_t first,
                          bool *is_printed)
{
    berthi_cm_wit_interface package, parts;

    (void)berthi_cm_wit_split(root->items[first].name, &package);
    berthi_cm_wit_puts(w, "\npackage ");
    berthi_cm_wit_put(w, package.package);
    berthi_cm_wit_put(w, package.version);
    berthi_cm_wit_puts(w, " {\n");
    w->depth = 1;
    for (uint32_t i = first; i < root->count; i++) {
        if (!berthi_cm_charge(w->types, 1))
            return false;
        if (is_printed[i] || !is_interface(&root->items[i]) ||
            !berthi_cm_wit_split(root->items[i].name, &parts) ||
            !berthi_cm_wit_same_package(&package, &parts))
            continue;
        if (!print_interface(w, &root->items[i]))
            return false;
        for (uint32_t k = i; k < root->count && berthi_cm_charge(w->types, 1); k++)
            is_printed[k] |= berthi_cm_same_name(root->items[k].name, root->items[i].name);
    }
    w->depth = 0;
    berthi_cm_wit_puts(w, "}\n");
    return true;
}

static bool print_all(berthi_cm_wit *w, const berthi_cm_type *root)
{
    bool *is_printed = berthi_cm_make(w->types, root->count, sizeof *is_printed);

    if (is_printed == NULL)
        return false;
    for (uint32_t i = 0; i < root->count; i++)
        if (is_interface(&root->items[i]) && !note_types(w, &root->items[i]))
            return false;
    if (!print_world(w, root))
        return false;
    for (uint32_t i = 0; i < root->count; i++)
        if (is_interface(&root->items[i]) && !is_printed[i] &&
            !print_package(w, root, i, is_printed))
            return false;
    return true;
}

berth_status berthi_component_print_wit(const berthi_cm_component *component,
                                        berthi_arena *arena, berthi_text_buf *out,
                                        berth_diag *diag)
{
    berth_diag ignored;
    berthi_cm_types types = { .arena = arena,
                              .diag = diag != NULL ? diag : &ignored,
                              .work = BERTHI_CM_WORK_MAX,
                              .epoch = 1 };
    berthi_cm_wit w = { .types = &types, .out = out };
    const berthi_cm_type *root = berthi_cm_check_root(&types, component);

    if (root != NULL && !print_all(&w, root) && types.status == BERTH_OK)
        berthi_cm_fail(&types, BERTH_E_NOMEM, "out of memory for the text of a world");
    if (types.status == BERTH_OK && out->has_failed)
        berthi_cm_fail(&types, BERTH_E_NOMEM, "out of memory for the text of a world");
    return types.status;
}
