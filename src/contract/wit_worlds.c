/* wit_worlds.c - worlds: imports, exports and what they include.  Layer: contract. */
#include <stdio.h>

#include "contract/wit_tree.h"

/* ---------------------------------------------------------------- lists */

wit_extern *berthi_wit_append_extern(wit_reader *r, wit_externs *list,
                                     const berthi_wit_extern *draft, wit_at at)
{
    wit_extern *made;

    if (r->externs_left == 0) {
        berthi_wit_fail_limit(r, at, "imports and exports of all worlds together",
                              BERTHI_WIT_EXTERNS_MAX);
        return NULL;
    }
    r->externs_left--;
    made = berthi_wit_scratch(r, 1, sizeof *made);
    if (made == NULL)
        return NULL;
    made->draft = *draft;
    made->at = at;
    *list->tail = made;
    list->tail = &made->next;
    list->count++;
    return made;
}

typedef struct lists {
    wit_decl *decl;
    wit_externs imports, exports;
    bool is_including;
} lists;

static bool is_under_id(const berthi_wit_extern *e)
{
    return e->kind == BERTHI_WIT_EXTERN_INTERFACE && !e->is_plain;
}

/* The same interface, or the same type by way of `use`: worlds that are put together share it. */
static bool may_be_shared(const wit_reader *r, const berthi_wit_extern *a,
                          const berthi_wit_extern *b)
{
    const berthi_wit_type *types = r->model->types;

    if (is_under_id(a) && is_under_id(b))
        return a->index == b->index;
    return a->kind == BERTHI_WIT_EXTERN_TYPE && b->kind == BERTHI_WIT_EXTERN_TYPE &&
           a->name == b->name && types[a->index].is_used && types[b->index].is_used &&
           types[a->index].element == types[b->index].element;
}

static bool fail_conflict(wit_reader *r, const lists *w, const wit_extern *other,
                          const char *name, bool is_export, wit_at at)
{
    const char *what = is_export ? "export" : "import";

    if (w->is_including)
        return berthi_wit_fail(r, at,
                               "the included world's %s `%s` conflicts with `%s`; rename it "
                               "with `with { %s as NAME }`",
                               what, berthi_wit_show(name).text,
                               berthi_wit_show(other->draft.name).text,
                               berthi_wit_show(name).text);
    if (other->draft.name == name)
        return berthi_wit_fail(r, at, "the %s `%s` is there twice", what,
                               berthi_wit_show(name).text);
    return berthi_wit_fail(r, at, "the %ss `%s` and `%s` are too much alike", what,
                           berthi_wit_show(name).text, berthi_wit_show(other->draft.name).text);
}

/* Adds it unless it is shared with one that is there; *made_out is then that one. */
static bool add_extern(wit_reader *r, lists *w, bool is_export, const berthi_wit_extern *draft,
                       wit_at at)
{
    wit_externs *list = is_export ? &w->exports : &w->imports;
    uint32_t scope = is_export ? w->decl->exports_folded : w->decl->folded;
    const char *key =
        is_under_id(draft) ? draft->name : berthi_wit_intern_folded(r, draft->name);
    wit_extern *other = key == NULL ? NULL : berthi_wit_lookup(&r->externs, scope, key);

    if (key == NULL)
        return false;
    if (other != NULL) {
        if (!(w->is_including || other->is_included) || !may_be_shared(r, draft, &other->draft))
            return fail_conflict(r, w, other, draft->name, is_export, at);
        if (other->draft.is_implied)
            other->draft = *draft;
        return true;
    }
    other = berthi_wit_append_extern(r, list, draft, at);
    if (other == NULL)
        return false;
    other->is_included = w->is_including;
    return berthi_wit_put(r, &r->externs, scope, key, other);
}

/* ---------------------------------------------------------------- own imports and exports */

static bool add_func(wit_reader *r, lists *w, const wit_def *def, const wit_def *resource)
{
    berthi_wit_func *func = berthi_wit_model(r, 1, sizeof *func);
    berthi_wit_extern draft = { .kind = BERTHI_WIT_EXTERN_FUNC,
                                .index = BERTHI_WIT_NONE,
                                .func = func,
                                .docs = def->docs,
                                .external_id = def->external_id,
                                .gate = def->gate.gate };

    if (func == NULL || !berthi_wit_make_func(r, w->decl, def, resource, func))
        return false;
    draft.name = func->name;
    return add_extern(r, w, def->is_export, &draft, def->name.at);
}

static bool add_type(wit_reader *r, lists *w, const wit_def *def)
{
    berthi_wit_extern draft = { .kind = BERTHI_WIT_EXTERN_TYPE,
                                .name = def->name.text,
                                .index = def->index,
                                .docs = def->docs,
                                .external_id = def->external_id,
                                .gate = def->gate.gate };

    if (!add_extern(r, w, false, &draft, def->name.at))
        return false;
    for (const wit_def *f = def->funcs; f != NULL; f = f->next)
        if (!f->gate.is_out && !add_func(r, w, f, def))
            return false;
    return true;
}

static bool add_interface(wit_reader *r, lists *w, const wit_def *def, uint32_t package)
{
    berthi_wit_extern draft = { .kind = BERTHI_WIT_EXTERN_INTERFACE,
                                .is_plain = def->name.text != NULL,
                                .name = def->name.text,
                                .docs = def->docs,
                                .external_id = def->external_id,
                                .gate = def->gate.gate };
    wit_at at = draft.is_plain ? def->name.at : def->path->at;

    if (def->inline_interface != NULL) {
        if (!berthi_wit_make_interface(r, def->inline_interface, package))
            return false;
        draft.index = def->inline_interface->index;
    } else {
        draft.index = def->path->target->index;
    }
    if (!draft.is_plain)
        draft.name = r->model->interfaces[draft.index].id;
    return add_extern(r, w, def->is_export, &draft, at);
}

/* ---------------------------------------------------------------- include */

static bool charge(wit_reader *r, uint32_t steps, wit_at at)
{
    if (r->work_left < steps)
        return berthi_wit_fail_limit(r, at, "steps of putting worlds together",
                                     BERTHI_WIT_WORK_MAX);
    r->work_left -= steps;
    return true;
}

static bool grow_renamed(wit_reader *r)
{
    uint32_t room = 2 * r->model->types_count, *renamed, *epochs;

    if (r->model->types_count <= r->renamed_room)
        return true;
    renamed = berthi_wit_scratch(r, room, sizeof *renamed);
    epochs = berthi_wit_scratch(r, room, sizeof *epochs);
    if (renamed == NULL || epochs == NULL)
        return false;
    r->renamed = renamed; /* what was in it belongs to an include that is done */
    r->renamed_epoch = epochs;
    r->renamed_room = room;
    return true;
}

/* What `type` of the included world is in the including one.  Types made since then are new. */
static uint32_t renamed(const wit_reader *r, uint32_t type)
{
    return type != BERTHI_WIT_NONE && type < r->renamed_room &&
                   r->renamed_epoch[type] == r->epoch
               ? r->renamed[type]
               : type;
}

static const char *new_name(const wit_def *include, const char *name)
{
    for (const wit_item *item = include->items; item != NULL; item = item->next)
        if (item->name.text == name)
            return item->as.text;
    return name;
}

static bool copy_items(wit_reader *r, const berthi_wit_item *from, uint32_t count,
                       const berthi_wit_item **items_out, bool *is_new_out)
{
    berthi_wit_item *items;

    *items_out = from;
    for (uint32_t i = 0; i < count; i++)
        *is_new_out |= renamed(r, from[i].type) != from[i].type;
    if (!*is_new_out || count == 0)
        return true;
    items = berthi_wit_model(r, count, sizeof *items);
    if (items == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        items[i] = from[i];
        items[i].type = renamed(r, from[i].type);
    }
    *items_out = items;
    return true;
}

/* The type `old` of the included world becomes one of `world`; types of their parts are there. */
static bool include_type(wit_reader *r, const wit_def *include, uint32_t old, uint32_t from,
                         uint32_t world)
{
    berthi_wit_type draft = r->model->types[old];
    bool is_own = draft.owner_kind == BERTHI_WIT_OWNER_WORLD && draft.owner == from;
    uint32_t element = renamed(r, draft.element), second = renamed(r, draft.second), made;
    bool is_new = is_own || element != draft.element || second != draft.second;

    if (draft.name != NULL && !is_own)
        return true;
    if (!copy_items(r, draft.items, draft.items_count, &draft.items, &is_new))
        return false;
    if (!is_new)
        return true;
    draft.element = element;
    draft.second = second;
    if (is_own) {
        draft.name = new_name(include, draft.name);
        draft.owner = world;
    }
    made = is_own ? berthi_wit_add_type(r, &draft, include->path->at)
                  : berthi_wit_intern_type(r, &draft, include->path->at);
    if (made == BERTHI_WIT_NONE)
        return false;
    r->renamed[old] = made;
    r->renamed_epoch[old] = r->epoch;
    return true;
}

/* A function of a resource has a name that goes with the resource's. */
static bool rename_func(wit_reader *r, const wit_def *include, berthi_wit_func *func)
{
    const char *resource;

    if (func->kind == BERTHI_WIT_FREE) {
        func->name = func->plain = new_name(include, func->plain);
        return true;
    }
    func->resource = renamed(r, func->resource);
    resource = r->model->types[func->resource].name;
    if (func->kind == BERTHI_WIT_CONSTRUCTOR)
        func->plain = resource;
    func->name = berthi_wit_func_name(r, func->kind, resource, func->plain);
    return func->name != NULL;
}

static bool include_func(wit_reader *r, const wit_def *include, berthi_wit_extern *draft)
{
    berthi_wit_func *func = berthi_wit_model(r, 1, sizeof *func);
    bool is_new = false;

    if (func == NULL)
        return false;
    *func = *draft->func;
    func->result = renamed(r, func->result);
    if (!copy_items(r, func->params, func->params_count, &func->params, &is_new) ||
        !rename_func(r, include, func))
        return false;
    draft->func = func;
    draft->name = func->name;
    return true;
}

static bool include_externs(wit_reader *r, lists *w, const wit_def *include, bool is_export)
{
    const berthi_wit_world *from = &r->model->worlds[include->path->target->index];
    const berthi_wit_extern *externs = is_export ? from->exports : from->imports;
    uint32_t count = is_export ? from->exports_count : from->imports_count;

    for (uint32_t i = 0; i < count; i++) {
        berthi_wit_extern draft = externs[i];

        if (draft.kind == BERTHI_WIT_EXTERN_TYPE)
            draft.index = renamed(r, draft.index);
        if (draft.kind == BERTHI_WIT_EXTERN_FUNC) {
            if (!include_func(r, include, &draft))
                return false;
        } else if (!is_under_id(&draft)) {
            draft.name = new_name(include, draft.name);
        }
        if (!add_extern(r, w, is_export, &draft, include->path->at))
            return false;
    }
    return true;
}

/* Each name of a `with` is a plain name of the included world. */
static bool check_renames(wit_reader *r, const wit_def *include)
{
    const wit_decl *from = include->path->target;

    for (const wit_item *item = include->items; item != NULL; item = item->next) {
        const char *key = berthi_wit_intern_folded(r, item->name.text);
        const wit_extern *sides[2];
        bool was_found = false;

        if (key == NULL)
            return false;
        sides[0] = berthi_wit_lookup(&r->externs, from->folded, key);
        sides[1] = berthi_wit_lookup(&r->externs, from->exports_folded, key);
        for (unsigned i = 0; i < 2; i++)
            was_found |= sides[i] != NULL && sides[i]->draft.name == item->name.text;
        if (!was_found)
            return berthi_wit_fail(r, item->name.at,
                                   "`%s` is no plain name of an import or export of `%s`; "
                                   "interfaces under their ids are not renamed",
                                   berthi_wit_show(item->name.text).text,
                                   berthi_wit_show(from->name.text).text);
    }
    return true;
}

static bool add_include(wit_reader *r, lists *w, const wit_def *include)
{
    const wit_decl *from = include->path->target;
    uint32_t items = 1;
    bool is_good;

    for (const wit_item *item = include->items; item != NULL; item = item->next)
        items++;
    if (!check_renames(r, include) || !grow_renamed(r) ||
        !charge(r,
                from->types_end - from->types_first +
                    r->model->worlds[from->index].imports_count,
                include->path->at) ||
        !charge(r, items, include->path->at))
        return false;
    r->epoch++;
    w->is_including = true;
    is_good = true;
    for (uint32_t i = from->types_first; i < from->types_end && is_good; i++)
        is_good = include_type(r, include, i, from->index, w->decl->index);
    is_good = is_good && include_externs(r, w, include, false) &&
              include_externs(r, w, include, true);
    w->is_including = false;
    return is_good;
}

/* ---------------------------------------------------------------- worlds */

static bool add_def(wit_reader *r, lists *w, const wit_def *def, uint32_t package)
{
    if (def->gate.is_out)
        return true;
    switch (def->kind) {
    case WIT_DEF_TYPE:
    case WIT_DEF_USE:
        return add_type(r, w, def);
    case WIT_DEF_INCLUDE:
        return add_include(r, w, def);
    case WIT_DEF_EXTERN:
        return def->extern_kind == BERTHI_WIT_EXTERN_FUNC ? add_func(r, w, def, NULL)
                                                          : add_interface(r, w, def, package);
    default:
        assert(false);
        return false;
    }
}

static bool finish_list(wit_reader *r, const wit_externs *list,
                        const berthi_wit_extern **externs_out, uint32_t *count_out)
{
    berthi_wit_extern *externs = berthi_wit_model(r, list->count, sizeof *externs);

    if (externs == NULL)
        return false;
    for (const wit_extern *e = list->first; e != NULL; e = e->next)
        externs[(*count_out)++] = e->draft;
    *externs_out = externs;
    return true;
}

bool berthi_wit_make_world(wit_reader *r, wit_decl *decl, uint32_t package)
{
    berthi_wit_world *made = &r->model->worlds[r->model->worlds_count];
    lists w = { .decl = decl };
    wit_externs imports = { .tail = &imports.first };
    int size;
    char id[4 * BERTHI_WIT_NAME_MAX + 8];
    const wit_package *p = decl->file->package;

    w.imports.tail = &w.imports.first;
    w.exports.tail = &w.exports.first;
    size = snprintf(id, sizeof id, "%s:%s/%s%s%s", p->space, p->name, decl->name.text,
                    p->version == NULL ? "" : "@", p->version == NULL ? "" : p->version);
    *made = (berthi_wit_world){ .name = decl->name.text,
                                .id = berthi_wit_intern(r, id, (size_t)size),
                                .package = package,
                                .docs = decl->docs,
                                .gate = decl->gate.gate };
    decl->index = r->model->worlds_count++;
    decl->types_first = r->model->types_count;
    if (made->id == NULL ||
        !berthi_wit_make_types(r, decl, BERTHI_WIT_OWNER_WORLD, decl->index))
        return false;
    for (const wit_def *def = decl->defs; def != NULL; def = def->next)
        if (!add_def(r, &w, def, package))
            return false;
    decl->types_end = r->model->types_count;
    return berthi_wit_add_needs(r, decl, &w.imports, &w.exports, &imports) &&
           finish_list(r, &imports, &made->imports, &made->imports_count) &&
           finish_list(r, &w.exports, &made->exports, &made->exports_count);
}
