/* wit_types.c - types, functions and interfaces of the tree in the model.  Layer: contract. */
#include <stdio.h>
#include <stdlib.h>

#include "contract/wit_tree.h"

static const berthi_wit_type *canon_of(const wit_reader *r, uint32_t type)
{
    return &r->model->types[r->model->types[type].canon];
}

/* ---------------------------------------------------------------- names of types */

static bool fail_no_type(wit_reader *r, const wit_decl *decl, const wit_name *name)
{
    wit_guess guess = berthi_wit_guess_start(name->text);

    for (unsigned i = 0; berthi_wit_keyword_at(i) != NULL; i++)
        berthi_wit_guess_offer(&guess, berthi_wit_keyword_at(i));
    for (const wit_def *def = decl->defs; def != NULL; def = def->next)
        if (def->kind == WIT_DEF_TYPE || def->kind == WIT_DEF_USE)
            berthi_wit_guess_offer(&guess, def->name.text);
    if (strcmp(name->text, "float32") == 0 || strcmp(name->text, "float64") == 0)
        return berthi_wit_fail(r, name->at, "there is no type `%s`; did you mean `f%s`?",
                               name->text, name->text + 5);
    return berthi_wit_fail(r, name->at, "there is no type `%s`%s",
                           berthi_wit_show(name->text).text,
                           berthi_wit_guess_hint(&guess).text);
}

/* The definition of a type that `decl` knows under `name`; NULL: failed. */
static wit_def *find_type(wit_reader *r, const wit_decl *decl, const wit_name *name)
{
    wit_def *def = berthi_wit_lookup(&r->names, decl->scope, name->text);

    if (def == NULL) {
        fail_no_type(r, decl, name);
        return NULL;
    }
    if (def->kind != WIT_DEF_TYPE && def->kind != WIT_DEF_USE) {
        berthi_wit_fail(r, name->at, "`%s` is a function, not a type",
                        berthi_wit_show(name->text).text);
        return NULL;
    }
    if (def->gate.is_out) {
        berthi_wit_fail(r, name->at, "`%s` is left out: its feature `%s` is not asked for",
                        berthi_wit_show(name->text).text,
                        berthi_wit_show(def->gate.gate.unstable).text);
        return NULL;
    }
    return def;
}

/* ---------------------------------------------------------------- expressions */

static bool make_type(wit_reader *r, const wit_decl *decl, const wit_type *type,
                      uint32_t *index_out);

static bool make_handle(wit_reader *r, const wit_decl *decl, const wit_type *type,
                        uint32_t *index_out)
{
    const wit_def *def = find_type(r, decl, &type->first->name);
    berthi_wit_type draft = { .kind = type->kind, .second = BERTHI_WIT_NONE };

    if (def == NULL)
        return false;
    if (canon_of(r, def->index)->kind != BERTHI_WIT_RESOURCE)
        return berthi_wit_fail(r, type->first->at,
                               "`%s` is not a resource, which a handle is of",
                               berthi_wit_show(def->name.text).text);
    draft.element = def->index;
    draft.owner = BERTHI_WIT_NONE;
    *index_out = berthi_wit_intern_type(r, &draft, type->at);
    return *index_out != BERTHI_WIT_NONE;
}

/* A resource's bare name stands for a handle that owns it. */
static bool make_named(wit_reader *r, const wit_decl *decl, const wit_type *type,
                       uint32_t *index_out)
{
    const wit_def *def = find_type(r, decl, &type->name);
    berthi_wit_type draft = { .kind = BERTHI_WIT_OWN,
                              .second = BERTHI_WIT_NONE,
                              .owner = BERTHI_WIT_NONE };

    if (def == NULL)
        return false;
    *index_out = def->index;
    if (canon_of(r, def->index)->kind != BERTHI_WIT_RESOURCE)
        return true;
    draft.element = def->index;
    *index_out = berthi_wit_intern_type(r, &draft, type->at);
    return *index_out != BERTHI_WIT_NONE;
}

static bool make_tuple(wit_reader *r, const wit_decl *decl, const wit_type *type,
                       uint32_t *index_out)
{
    berthi_wit_item *items = berthi_wit_model(r, type->count, sizeof *items);
    berthi_wit_type draft = { .kind = BERTHI_WIT_TUPLE,
                              .element = BERTHI_WIT_NONE,
                              .second = BERTHI_WIT_NONE,
                              .owner = BERTHI_WIT_NONE,
                              .items = items };

    if (items == NULL)
        return false;
    for (const wit_type *part = type->first; part != NULL; part = part->next)
        if (!make_type(r, decl, part, &items[draft.items_count++].type))
            return false;
    *index_out = berthi_wit_intern_type(r, &draft, type->at);
    return *index_out != BERTHI_WIT_NONE;
}

/* Calls itself for types within, as deep as the parser let them be. */
static bool make_type(wit_reader *r, const wit_decl *decl, const wit_type *type,
                      uint32_t *index_out)
{
    berthi_wit_type draft = { .kind = type->kind,
                              .element = BERTHI_WIT_NONE,
                              .second = BERTHI_WIT_NONE,
                              .owner = BERTHI_WIT_NONE,
                              .length = type->length };

    *index_out = type->kind;
    if (type->kind < BERTHI_WIT_PRIMITIVES)
        return true;
    if (type->kind == BERTHI_WIT_ALIAS)
        return make_named(r, decl, type, index_out);
    if (type->kind == BERTHI_WIT_OWN || type->kind == BERTHI_WIT_BORROW)
        return make_handle(r, decl, type, index_out);
    if (type->kind == BERTHI_WIT_TUPLE)
        return make_tuple(r, decl, type, index_out);
    if ((type->first != NULL && !make_type(r, decl, type->first, &draft.element)) ||
        (type->second != NULL && !make_type(r, decl, type->second, &draft.second)))
        return false;
    *index_out = berthi_wit_intern_type(r, &draft, type->at);
    return *index_out != BERTHI_WIT_NONE;
}

static bool make_items(wit_reader *r, const wit_decl *decl, const wit_item *from,
                       uint32_t count, berthi_wit_item *items)
{
    for (uint32_t i = 0; i < count; i++, from = from->next) {
        items[i] = (berthi_wit_item){ from->name.text, from->docs, BERTHI_WIT_NONE };
        if (from->type != NULL && !make_type(r, decl, from->type, &items[i].type))
            return false;
    }
    return true;
}

/* ---------------------------------------------------------------- definitions */

/* What a `use` names in an interface that is made already. */
static bool find_used(wit_reader *r, const wit_def *def, uint32_t *index_out)
{
    const wit_decl *from = def->path->target;
    const wit_def *used = berthi_wit_lookup(&r->names, from->scope, def->used.text);

    if (used == NULL || used->kind == WIT_DEF_FUNC) {
        wit_guess guess = berthi_wit_guess_start(def->used.text);

        for (const wit_def *d = from->defs; d != NULL; d = d->next)
            if (d->kind != WIT_DEF_FUNC)
                berthi_wit_guess_offer(&guess, d->name.text);
        if (used != NULL)
            return berthi_wit_fail(r, def->used.at, "`%s` is a function; only types are used",
                                   berthi_wit_show(def->used.text).text);
        return berthi_wit_fail(r, def->used.at, "there is no type `%s` in `%s`%s",
                               berthi_wit_show(def->used.text).text,
                               berthi_wit_show(from->name.text).text,
                               berthi_wit_guess_hint(&guess).text);
    }
    if (used->gate.is_out)
        return berthi_wit_fail(r, def->used.at,
                               "`%s` is left out: its feature `%s` is not asked for",
                               berthi_wit_show(def->used.text).text,
                               berthi_wit_show(used->gate.gate.unstable).text);
    *index_out = used->index;
    return true;
}

/* `type a = b;` is an alias of b even when b is a resource. */
static bool make_alias(wit_reader *r, const wit_decl *decl, const wit_def *def,
                       berthi_wit_type *draft)
{
    const wit_def *target;

    if (def->kind == WIT_DEF_USE) {
        draft->is_used = true;
        return find_used(r, def, &draft->element);
    }
    if (def->type->kind != BERTHI_WIT_ALIAS)
        return make_type(r, decl, def->type, &draft->element);
    target = find_type(r, decl, &def->type->name);
    draft->element = target == NULL ? BERTHI_WIT_NONE : target->index;
    return target != NULL;
}

static bool make_def(wit_reader *r, const wit_decl *decl, wit_def *def,
                     berthi_wit_owner owner_kind, uint32_t owner)
{
    berthi_wit_item *items = berthi_wit_model(r, def->items_count, sizeof *items);
    berthi_wit_type draft = { .kind = def->type_kind,
                              .owner_kind = (uint8_t)owner_kind,
                              .owner = owner,
                              .element = BERTHI_WIT_NONE,
                              .second = BERTHI_WIT_NONE,
                              .items_count = def->items_count,
                              .items = items,
                              .name = def->name.text,
                              .docs = def->docs,
                              .external_id = def->external_id,
                              .gate = def->gate.gate };

    if (items == NULL || !make_items(r, decl, def->items, def->items_count, items) ||
        (def->type_kind == BERTHI_WIT_ALIAS && !make_alias(r, decl, def, &draft)))
        return false;
    def->index = berthi_wit_add_type(r, &draft, def->name.at);
    return def->index != BERTHI_WIT_NONE;
}

/* Definitions that wait for no other, the first in the text on top. */
typedef struct ready {
    wit_def **defs; /* a heap by `order` */
    uint32_t count;
} ready;

static void push_ready(ready *q, wit_def *def)
{
    uint32_t at = q->count++;

    for (; at > 0 && q->defs[(at - 1) / 2]->order > def->order; at = (at - 1) / 2)
        q->defs[at] = q->defs[(at - 1) / 2];
    q->defs[at] = def;
}

static wit_def *pop_ready(ready *q)
{
    wit_def *first = q->defs[0], *last = q->defs[--q->count];
    uint32_t at = 0;

    for (uint32_t child = 1; child < q->count; at = child, child = 2 * at + 1) {
        if (child + 1 < q->count && q->defs[child + 1]->order < q->defs[child]->order)
            child++;
        if (q->defs[child]->order > last->order)
            break;
        q->defs[at] = q->defs[child];
    }
    q->defs[at] = last;
    return first;
}

static bool is_type_def(const wit_def *def)
{
    return (def->kind == WIT_DEF_TYPE || def->kind == WIT_DEF_USE) && !def->gate.is_out;
}

/* Each definition learns for how many it waits, and who waits for it. */
static bool link_defs(wit_reader *r, const wit_decl *decl, uint32_t *count_out)
{
    *count_out = 0;
    for (wit_def *def = decl->defs; def != NULL; def = def->next) {
        if (!is_type_def(def))
            continue;
        def->order = (*count_out)++;
        for (wit_type *ref = def->refs; ref != NULL; ref = ref->next_ref) {
            wit_def *needed = find_type(r, decl, &ref->name);

            if (needed == NULL)
                return false;
            ref->user = def;
            ref->target = needed;
            ref->next_user = needed->users;
            needed->users = ref;
            def->waits++;
        }
    }
    return true;
}

/* Whoever still waits leads to a circle, by way of what it waits for. */
static bool fail_circle(wit_reader *r, const wit_decl *decl, uint32_t count)
{
    const wit_def *def = decl->defs;
    const wit_type *ref = NULL;

    while (!is_type_def(def) || def->waits == 0)
        def = def->next;
    for (uint32_t i = 0; i <= count; i++) {
        for (ref = def->refs; ref->target->waits == 0;)
            ref = ref->next_ref;
        def = ref->target;
    }
    return berthi_wit_fail(r, ref->at, "the type `%s` depends on itself",
                           berthi_wit_show(ref->name.text).text);
}

/* A type is made behind those that it refers to, wherever they stand in the text; other than that
 * the order is the text's.  Tools that write the binary form keep the same order. */
bool berthi_wit_make_types(wit_reader *r, wit_decl *decl, berthi_wit_owner owner_kind,
                           uint32_t owner)
{
    uint32_t count, made = 0;
    ready q = { .count = 0 };

    if (!link_defs(r, decl, &count))
        return false;
    q.defs = berthi_wit_scratch(r, count, sizeof(wit_def *));
    if (q.defs == NULL)
        return false;
    for (wit_def *def = decl->defs; def != NULL; def = def->next)
        if (is_type_def(def) && def->waits == 0)
            push_ready(&q, def);
    for (; q.count != 0; made++) {
        wit_def *def = pop_ready(&q);

        if (!make_def(r, decl, def, owner_kind, owner))
            return false;
        for (const wit_type *ref = def->users; ref != NULL; ref = ref->next_user)
            if (--ref->user->waits == 0)
                push_ready(&q, ref->user);
    }
    return made == count || fail_circle(r, decl, count);
}

/* ---------------------------------------------------------------- functions */

const char *berthi_wit_func_name(wit_reader *r, berthi_wit_func_kind kind, const char *resource,
                                 const char *plain)
{
    char name[2 * BERTHI_WIT_NAME_MAX + 16];
    int size;

    if (kind == BERTHI_WIT_FREE)
        return plain;
    if (kind == BERTHI_WIT_CONSTRUCTOR)
        size = snprintf(name, sizeof name, "[constructor]%s", resource);
    else
        size = snprintf(name, sizeof name, "[%s]%s.%s",
                        kind == BERTHI_WIT_METHOD ? "method" : "static", resource, plain);
    return berthi_wit_intern(r, name, (size_t)size);
}

static bool make_implied(wit_reader *r, berthi_wit_kind kind, uint32_t resource, wit_at at,
                         uint32_t *index_out)
{
    berthi_wit_type draft = { .kind = (uint8_t)kind,
                              .element = resource,
                              .second = BERTHI_WIT_NONE,
                              .owner = BERTHI_WIT_NONE };

    *index_out = berthi_wit_intern_type(r, &draft, at);
    return *index_out != BERTHI_WIT_NONE;
}

bool berthi_wit_make_func(wit_reader *r, wit_decl *decl, const wit_def *def,
                          const wit_def *resource, berthi_wit_func *func_out)
{
    bool has_self = def->func_kind == BERTHI_WIT_METHOD;
    berthi_wit_item *params = berthi_wit_model(r, def->params_count + has_self, sizeof *params);
    berthi_wit_func func = { .name = berthi_wit_func_name(
                                 r, def->func_kind,
                                 resource == NULL ? NULL : resource->name.text, def->name.text),
                             .plain = def->name.text,
                             .kind = def->func_kind,
                             .is_async = def->is_async,
                             .resource = resource == NULL ? BERTHI_WIT_NONE : resource->index,
                             .params = params,
                             .params_count = def->params_count + has_self,
                             .result = BERTHI_WIT_NONE,
                             .docs = def->docs,
                             .external_id = def->external_id,
                             .gate = def->gate.gate };

    if (params == NULL || func.name == NULL)
        return false;
    if (has_self) {
        params[0].name = berthi_wit_intern(r, "self", 4);
        if (params[0].name == NULL ||
            !make_implied(r, BERTHI_WIT_BORROW, func.resource, def->name.at, &params[0].type))
            return false;
    }
    if (!make_items(r, decl, def->params, def->params_count, params + has_self) ||
        (def->result != NULL && !make_type(r, decl, def->result, &func.result)))
        return false;
    if (def->func_kind == BERTHI_WIT_CONSTRUCTOR && def->result == NULL &&
        !make_implied(r, BERTHI_WIT_OWN, func.resource, def->name.at, &func.result))
        return false;
    if (func.result != BERTHI_WIT_NONE && r->model->types[func.result].has_borrow)
        return berthi_wit_fail(r, def->name.at, "`%s` returns what holds a `borrow`",
                               berthi_wit_show(def->name.text).text);
    *func_out = func;
    return true;
}

/* ---------------------------------------------------------------- interfaces */

static void count_defs(const wit_decl *decl, berthi_wit_interface *made)
{
    for (const wit_def *def = decl->defs; def != NULL; def = def->next) {
        if (def->gate.is_out)
            continue;
        made->types_count += def->kind != WIT_DEF_FUNC;
        made->funcs_count += def->kind == WIT_DEF_FUNC;
        made->uses_count += def->kind == WIT_DEF_USE;
        for (const wit_def *f = def->funcs; f != NULL; f = f->next)
            made->funcs_count += !f->gate.is_out;
    }
}

/* Those of resources first, as the binary form has them. */
static bool make_funcs(wit_reader *r, wit_decl *decl, berthi_wit_func *funcs)
{
    for (const wit_def *def = decl->defs; def != NULL; def = def->next)
        for (const wit_def *f = def->funcs; f != NULL && !def->gate.is_out; f = f->next)
            if (!f->gate.is_out && !berthi_wit_make_func(r, decl, f, def, funcs++))
                return false;
    for (const wit_def *def = decl->defs; def != NULL; def = def->next)
        if (def->kind == WIT_DEF_FUNC && !def->gate.is_out &&
            !berthi_wit_make_func(r, decl, def, NULL, funcs++))
            return false;
    return true;
}

static int compare_indexes(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void list_types(const wit_decl *decl, berthi_wit_interface *made, uint32_t *types,
                       uint32_t *uses)
{
    uint32_t types_count = 0, uses_count = 0, last = BERTHI_WIT_NONE;

    for (const wit_def *def = decl->defs; def != NULL; def = def->next) {
        if (def->gate.is_out || def->kind == WIT_DEF_FUNC)
            continue;
        types[types_count++] = def->index;
        if (def->kind == WIT_DEF_USE && def->path->target->index != last)
            uses[uses_count++] = last = def->path->target->index;
    }
    qsort(types, types_count, sizeof *types, compare_indexes); /* the order they were made in */
    qsort(uses, uses_count, sizeof *uses, compare_indexes);
    made->uses_count = 0;
    for (uint32_t i = 0; i < uses_count; i++)
        if (i == 0 || uses[i] != uses[i - 1])
            uses[made->uses_count++] = uses[i];
    made->types = types;
    made->uses = uses;
}

static const char *interface_id(wit_reader *r, const wit_decl *decl)
{
    const wit_package *package = decl->file->package;
    char id[4 * BERTHI_WIT_NAME_MAX + 8];
    int size = snprintf(id, sizeof id, "%s:%s/%s%s%s", package->space, package->name,
                        decl->name.text, package->version == NULL ? "" : "@",
                        package->version == NULL ? "" : package->version);

    return berthi_wit_intern(r, id, (size_t)size);
}

bool berthi_wit_make_interface(wit_reader *r, wit_decl *decl, uint32_t package)
{
    berthi_wit_interface made = {
        .name = decl->name.text, .package = package, .docs = decl->docs, .gate = decl->gate.gate
    };
    uint32_t index = r->model->interfaces_count, *types, *uses;
    berthi_wit_func *funcs;

    count_defs(decl, &made);
    types = berthi_wit_model(r, made.types_count, sizeof *types);
    uses = berthi_wit_model(r, made.uses_count, sizeof *uses);
    funcs = berthi_wit_model(r, made.funcs_count, sizeof *funcs);
    if (types == NULL || uses == NULL || funcs == NULL ||
        !berthi_wit_make_types(r, decl, BERTHI_WIT_OWNER_INTERFACE, index) ||
        !make_funcs(r, decl, funcs))
        return false;
    list_types(decl, &made, types, uses);
    made.funcs = funcs;
    if (decl->name.text != NULL && (made.id = interface_id(r, decl)) == NULL)
        return false;
    decl->index = index;
    r->model->interfaces[r->model->interfaces_count++] = made;
    return true;
}
