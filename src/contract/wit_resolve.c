/* wit_resolve.c - what names mean, and in which order things are made.  Layer: contract.
 *
 * Orders are found without recursion: whoever waits for another is its `parent` until that one is
 * done, and each keeps a cursor of how far it has looked. */
#include <stdlib.h>

#include "contract/wit_tree.h"

/* Scopes of ids with and without version. */
#define PACKAGES      0u
#define BARE_PACKAGES UINT32_MAX

/* ---------------------------------------------------------------- declaring */

static const char *kind_text(wit_decl_kind kind)
{
    return kind == WIT_DECL_WORLD ? "a world" : "an interface";
}

static bool check_since(wit_reader *r, const wit_package *package, const wit_gate *gate)
{
    if (gate->gate.since == NULL || package->version == NULL ||
        berthi_wit_compare_versions(gate->gate.since, package->version) <= 0)
        return true;
    return berthi_wit_fail(
        r, gate->since_at, "`@since` names version %s of a package that is at %s",
        berthi_wit_show(gate->gate.since).text, berthi_wit_show(package->version).text);
}

/* Names of one scope differ by more than case and hyphens. */
static bool declare_name(wit_reader *r, wit_decl *decl, wit_def *def)
{
    const char *key = berthi_wit_intern_folded(r, def->name.text);
    const wit_def *other = key == NULL ? NULL : berthi_wit_lookup(&r->names, decl->folded, key);

    if (key == NULL)
        return false;
    if (other != NULL)
        return berthi_wit_fail_twice(r, &def->name, other->name.text);
    return berthi_wit_put(r, &r->names, decl->scope, def->name.text, def) &&
           berthi_wit_put(r, &r->names, decl->folded, key, def);
}

static bool check_resource_func(wit_reader *r, const wit_def *resource, wit_def *func,
                                uint32_t folded)
{
    bool is_constructor = func->func_kind == BERTHI_WIT_CONSTRUCTOR;
    const char *key = is_constructor ? "" : berthi_wit_intern_folded(r, func->name.text);
    const wit_def *other;

    if (is_constructor)
        key = berthi_wit_intern(r, key, 0);
    if (key == NULL)
        return false;
    if (!is_constructor && key == berthi_wit_intern_folded(r, resource->name.text))
        return berthi_wit_fail(r, func->name.at,
                               "a function of a resource is named like the resource");
    other = berthi_wit_lookup(&r->names, folded, key);
    if (other != NULL && is_constructor)
        return berthi_wit_fail(r, func->name.at, "a resource has at most one constructor");
    if (other != NULL)
        return berthi_wit_fail_twice(r, &func->name, other->name.text);
    return berthi_wit_put(r, &r->names, folded, key, func);
}

static bool declare_resource(wit_reader *r, const wit_package *package, const wit_def *resource)
{
    uint32_t folded = berthi_wit_new_scope(r);

    for (wit_def *f = resource->funcs; f != NULL; f = f->next) {
        if (!check_since(r, package, &f->gate) || !check_resource_func(r, resource, f, folded))
            return false;
        if (resource->gate.is_out && !f->gate.is_out)
            return berthi_wit_fail(
                r, f->name.at, "the resource is left out with its feature `%s`; this is not",
                berthi_wit_show(resource->gate.gate.unstable).text);
    }
    return true;
}

static bool declare_body(wit_reader *r, wit_decl *decl)
{
    const wit_package *package = decl->file->package;

    for (wit_def *def = decl->defs; def != NULL; def = def->next) {
        bool is_type = def->kind == WIT_DEF_TYPE || def->kind == WIT_DEF_USE;

        if (!check_since(r, package, &def->gate))
            return false;
        if (def->inline_interface != NULL && !declare_body(r, def->inline_interface))
            return false; /* once: there are no worlds in interfaces */
        if (def->kind == WIT_DEF_TYPE && !declare_resource(r, package, def))
            return false;
        if ((is_type || def->kind == WIT_DEF_FUNC) && !declare_name(r, decl, def))
            return false;
        if (decl->gate.is_out && is_type && !def->gate.is_out)
            return berthi_wit_fail(
                r, def->name.at,
                "%s around this is left out with its feature `%s`; this is not",
                kind_text(decl->kind), berthi_wit_show(decl->gate.gate.unstable).text);
    }
    return true;
}

static bool declare_file(wit_reader *r, wit_file *file)
{
    for (wit_decl *decl = file->decls; decl != NULL; decl = decl->next) {
        const wit_decl *other = berthi_wit_lookup(&r->names, file->scope, decl->name.text);

        if (other != NULL)
            return berthi_wit_fail(r, decl->name.at, "`%s` is defined twice in this file",
                                   berthi_wit_show(decl->name.text).text);
        if (!berthi_wit_put(r, &r->names, file->scope, decl->name.text, decl))
            return false;
        if (decl->kind == WIT_DECL_USE)
            continue;
        if (berthi_wit_lookup(&r->names, file->package->scope, decl->name.text) != NULL)
            return berthi_wit_fail(r, decl->name.at, "`%s` is defined twice in this package",
                                   berthi_wit_show(decl->name.text).text);
        if (!berthi_wit_put(r, &r->names, file->package->scope, decl->name.text, decl) ||
            !check_since(r, file->package, &decl->gate) || !declare_body(r, decl))
            return false;
    }
    return true;
}

static const char *bare_id(wit_reader *r, const char *space, const char *name)
{
    char id[2 * BERTHI_WIT_NAME_MAX + 2];
    size_t size = strlen(space);

    memcpy(id, space, size);
    id[size++] = ':';
    memcpy(id + size, name, strlen(name));
    return berthi_wit_intern(r, id, size + strlen(name));
}

static bool declare_package(wit_reader *r, wit_package *package)
{
    const wit_package *other;
    const char *bare;

    if (!package->has_name) {
        r->status = berthi_fail(r->diag, BERTH_E_REJECTED,
                                "%s: no file says `package NAMESPACE:NAME;` in front",
                                berthi_wit_show(r->sources[package->at.source].path).text);
        return false;
    }
    other = berthi_wit_lookup(&r->names, PACKAGES, package->id);
    if (other != NULL)
        return berthi_wit_fail(r, package->at, "the package `%s` is defined twice",
                               berthi_wit_show(package->id).text);
    bare = bare_id(r, package->space, package->name);
    if (bare == NULL || !berthi_wit_put(r, &r->names, PACKAGES, package->id, package))
        return false;
    package->next_version = berthi_wit_lookup(&r->names, BARE_PACKAGES, bare);
    if (!berthi_wit_put(r, &r->names, BARE_PACKAGES, bare, package))
        return false;
    for (wit_file *file = package->files; file != NULL; file = file->next)
        if (!declare_file(r, file))
            return false;
    return true;
}

/* ---------------------------------------------------------------- looking up */

static bool fail_no_package(wit_reader *r, const wit_path *path, const char *bare)
{
    const wit_package *same = berthi_wit_lookup(&r->names, BARE_PACKAGES, bare);
    wit_guess guess = berthi_wit_guess_start(bare);

    if (same != NULL && path->version == NULL)
        return berthi_wit_fail(r, path->at, "`%s` is here in several versions; write which one",
                               berthi_wit_show(bare).text);
    if (same != NULL)
        return berthi_wit_fail(r, path->at,
                               "`%s` is not here in version %s; did you mean `%s`?",
                               berthi_wit_show(bare).text, berthi_wit_show(path->version).text,
                               berthi_wit_show(same->id).text);
    for (const wit_package *p = r->packages; p != NULL && !berthi_wit_is_bad(r); p = p->next)
        berthi_wit_guess_offer(&guess, bare_id(r, p->space, p->name));
    return berthi_wit_fail(r, path->at, "there is no package `%s`%s",
                           berthi_wit_show(bare).text, berthi_wit_guess_hint(&guess).text);
}

/* A version may be left out when there is only one. */
static wit_package *find_package(wit_reader *r, const wit_path *path)
{
    const char *bare = bare_id(r, path->space.text, path->package.text);
    wit_package *found =
        bare == NULL ? NULL : berthi_wit_lookup(&r->names, BARE_PACKAGES, bare);

    if (bare == NULL)
        return NULL;
    if (found != NULL && path->version == NULL) {
        for (wit_package *p = found; p != NULL; p = p->next_version)
            if (p->version == NULL)
                return p;
        if (found->next_version == NULL)
            return found;
    } else {
        for (; found != NULL; found = found->next_version)
            if (found->version != NULL && strcmp(found->version, path->version) == 0)
                return found;
    }
    fail_no_package(r, path, bare);
    return NULL;
}

static wit_decl *fail_no_decl(wit_reader *r, const wit_path *path, const wit_package *package,
                              const wit_file *file)
{
    wit_guess guess = berthi_wit_guess_start(path->name.text);

    for (const wit_decl *d = file == NULL ? NULL : file->decls; d != NULL; d = d->next)
        berthi_wit_guess_offer(&guess, d->name.text);
    for (const wit_file *f = package->files; f != NULL; f = f->next)
        for (const wit_decl *d = f->decls; d != NULL; d = d->next)
            if (d->kind != WIT_DECL_USE)
                berthi_wit_guess_offer(&guess, d->name.text);
    berthi_wit_fail(r, path->name.at, "there is no interface or world `%s` in `%s`%s",
                    berthi_wit_show(path->name.text).text, berthi_wit_show(package->id).text,
                    berthi_wit_guess_hint(&guess).text);
    return NULL;
}

/* Behind top-level uses, of which no more than all there are can follow each other. */
static wit_decl *follow_uses(wit_reader *r, const wit_path *first, wit_file *file)
{
    const wit_path *path = first;
    const wit_decl *slow = NULL;
    wit_decl *decl;

    for (uint32_t steps = 1;; steps++) {
        const wit_package *package = file->package;

        if (path->space.text != NULL) {
            package = find_package(r, path);
            if (package == NULL)
                return NULL;
            decl = berthi_wit_lookup(&r->names, package->scope, path->name.text);
            return decl != NULL ? decl : fail_no_decl(r, path, package, NULL);
        }
        decl = berthi_wit_lookup(&r->names, file->scope, path->name.text);
        if (decl != NULL && decl->kind == WIT_DECL_USE && decl->path == path)
            decl = NULL; /* `use x;` means the package's */
        if (decl == NULL)
            decl = berthi_wit_lookup(&r->names, package->scope, path->name.text);
        if (decl == NULL)
            return fail_no_decl(r, path, package, file);
        if (decl->kind != WIT_DECL_USE)
            return decl;
        if (decl == slow) {
            berthi_wit_fail(r, first->at, "`%s` is a use of itself",
                            berthi_wit_show(first->name.text).text);
            return NULL;
        }
        if ((steps & (steps - 1)) == 0)
            slow = decl; /* a circle comes back to it (Brent) */
        path = decl->path;
    }
}

static bool find_target(wit_reader *r, wit_path *path, wit_file *file)
{
    wit_decl_kind wanted = path->wants == WIT_WANTS_WORLD ? WIT_DECL_WORLD : WIT_DECL_INTERFACE;

    if (path->is_out || path->target != NULL)
        return true;
    path->target = follow_uses(r, path, file);
    if (path->target == NULL)
        return false;
    if (path->target->kind != wanted)
        return berthi_wit_fail(r, path->name.at, "`%s` is %s, not %s",
                               berthi_wit_show(path->name.text).text,
                               kind_text(path->target->kind), kind_text(wanted));
    return !path->target->gate.is_out ||
           berthi_wit_fail(r, path->name.at,
                           "`%s` is left out: its feature `%s` is not asked for",
                           berthi_wit_show(path->name.text).text,
                           berthi_wit_show(path->target->gate.gate.unstable).text);
}

static bool find_targets(wit_reader *r, wit_package *package)
{
    for (wit_file *file = package->files; file != NULL; file = file->next)
        for (wit_decl *decl = file->decls; decl != NULL; decl = decl->next) {
            if (decl->path != NULL && !decl->gate.is_out && !find_target(r, decl->path, file))
                return false;
            for (wit_path *path = decl->paths; path != NULL; path = path->next) {
                path->is_out |= decl->gate.is_out;
                if (!find_target(r, path, file))
                    return false;
            }
        }
    return true;
}

/* ---------------------------------------------------------------- interfaces and worlds */

static bool make_decl(wit_reader *r, wit_decl *decl, uint32_t package)
{
    decl->state = WIT_DONE;
    if (decl->kind == WIT_DECL_USE || decl->gate.is_out)
        return true;
    return decl->kind == WIT_DECL_WORLD ? berthi_wit_make_world(r, decl, package)
                                        : berthi_wit_make_interface(r, decl, package);
}

/* The next one that `decl` has to wait for, or NULL. */
static wit_decl *next_needed(wit_decl *decl)
{
    while (decl->cursor != NULL) {
        wit_decl *target = decl->cursor->target;

        decl->cursor = decl->cursor->next;
        if (target != NULL && target->state != WIT_DONE)
            return target;
    }
    return NULL;
}

/* What `decl` refers to in its own package is made in front of it; other packages are there. */
static bool make_in_order(wit_reader *r, wit_decl *decl, uint32_t package)
{
    if (decl->state == WIT_DONE)
        return true;
    decl->parent = NULL;
    while (decl != NULL) {
        wit_decl *needed;

        if (decl->state == WIT_NEW) {
            decl->state = WIT_STARTED;
            decl->cursor = decl->paths;
        }
        needed = next_needed(decl);
        if (needed == NULL) {
            if (!make_decl(r, decl, package))
                return false;
            decl = decl->parent;
        } else if (needed->state == WIT_STARTED) {
            return berthi_wit_fail(r, needed->name.at, "`%s` depends on itself",
                                   berthi_wit_show(needed->name.text).text);
        } else {
            needed->parent = decl;
            decl = needed;
        }
    }
    return true;
}

/* ---------------------------------------------------------------- packages */

static int compare_indexes(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* In the order in which they were made: each behind what it needs. */
static bool list_decls(wit_reader *r, const wit_package *package, wit_decl_kind kind,
                       const uint32_t **list_out, uint32_t *count_out)
{
    uint32_t *list;

    for (const wit_file *f = package->files; f != NULL; f = f->next)
        for (const wit_decl *d = f->decls; d != NULL; d = d->next)
            *count_out += d->kind == kind && !d->gate.is_out;
    list = berthi_wit_model(r, *count_out, sizeof *list);
    if (list == NULL)
        return false;
    *list_out = list;
    for (const wit_file *f = package->files; f != NULL; f = f->next)
        for (const wit_decl *d = f->decls; d != NULL; d = d->next)
            if (d->kind == kind && !d->gate.is_out)
                *list++ = d->index;
    if (*count_out != 0)
        qsort(list - *count_out, *count_out, sizeof *list, compare_indexes);
    return true;
}

static bool make_package(wit_reader *r, wit_package *package)
{
    berthi_wit_package *made = &r->model->packages[r->model->packages_count];

    package->state = WIT_DONE;
    package->index = r->model->packages_count++;
    *made = (berthi_wit_package){ .space = package->space,
                                  .name = package->name,
                                  .version = package->version,
                                  .id = package->id,
                                  .docs = package->docs };
    for (wit_file *f = package->files; f != NULL; f = f->next)
        for (wit_decl *d = f->decls; d != NULL; d = d->next)
            if (!make_in_order(r, d, package->index))
                return false;
    return list_decls(r, package, WIT_DECL_INTERFACE, &made->interfaces,
                      &made->interfaces_count) &&
           list_decls(r, package, WIT_DECL_WORLD, &made->worlds, &made->worlds_count);
}

static wit_path *next_path(wit_package *package)
{
    wit_path *path = package->path_cursor;

    while (path == NULL && package->file_cursor != NULL) {
        if (package->decl_cursor == NULL) {
            package->file_cursor = package->file_cursor->next;
            package->decl_cursor =
                package->file_cursor == NULL ? NULL : package->file_cursor->decls;
            continue;
        }
        path = package->decl_cursor->kind == WIT_DECL_USE ? package->decl_cursor->path
                                                          : package->decl_cursor->paths;
        package->decl_cursor = package->decl_cursor->next;
    }
    package->path_cursor = path == NULL ? NULL : path->next;
    return path;
}

/* The next package that this one has to wait for, or NULL. */
static bool next_package(wit_reader *r, wit_package *package, wit_package **needed_out)
{
    wit_path *path;

    *needed_out = NULL;
    while ((path = next_path(package)) != NULL) {
        wit_package *needed = path->target == NULL ? NULL : path->target->file->package;

        if (needed == NULL || (needed == package && path->space.text == NULL) ||
            needed->state == WIT_DONE)
            continue;
        if (needed == package)
            return berthi_wit_fail(r, path->at, "a package refers to itself by its bare names");
        if (needed->state == WIT_STARTED)
            return berthi_wit_fail(
                r, path->at, "the packages `%s` and `%s` depend on each other",
                berthi_wit_show(package->id).text, berthi_wit_show(needed->id).text);
        *needed_out = needed;
        return true;
    }
    return true;
}

static bool make_packages(wit_reader *r)
{
    for (wit_package *first = r->packages; first != NULL; first = first->next) {
        wit_package *package = first->state == WIT_DONE ? NULL : first, *needed;

        while (package != NULL) {
            if (package->state == WIT_NEW) {
                package->state = WIT_STARTED;
                package->file_cursor = package->files;
                package->decl_cursor = package->files == NULL ? NULL : package->files->decls;
            }
            if (!next_package(r, package, &needed))
                return false;
            if (needed != NULL) {
                needed->parent = package;
                package = needed;
                continue;
            }
            if (!make_package(r, package))
                return false;
            package = package->parent;
        }
    }
    return true;
}

/* ---------------------------------------------------------------- model */

static void count_decls(wit_reader *r, uint32_t *interfaces, uint32_t *worlds)
{
    *interfaces = *worlds = 0;
    for (const wit_package *p = r->packages; p != NULL; p = p->next)
        for (const wit_file *f = p->files; f != NULL; f = f->next)
            for (const wit_decl *d = f->decls; d != NULL; d = d->next) {
                *interfaces += d->kind == WIT_DECL_INTERFACE;
                *worlds += d->kind == WIT_DECL_WORLD;
                for (const wit_def *def = d->defs; def != NULL; def = def->next)
                    *interfaces += def->inline_interface != NULL;
            }
}

static bool start_model(wit_reader *r)
{
    uint32_t interfaces, worlds;

    count_decls(r, &interfaces, &worlds);
    r->externs_left = BERTHI_WIT_EXTERNS_MAX;
    r->work_left = BERTHI_WIT_WORK_MAX;
    r->model = berthi_wit_model(r, 1, sizeof *r->model);
    r->marks = berthi_wit_scratch(r, 4 * (size_t)interfaces, sizeof *r->marks);
    if (r->model == NULL || r->marks == NULL)
        return false;
    r->interfaces_room = interfaces;
    r->model->interfaces = berthi_wit_model(r, interfaces, sizeof *r->model->interfaces);
    r->model->worlds = berthi_wit_model(r, worlds, sizeof *r->model->worlds);
    r->model->packages = berthi_wit_model(r, r->packages_count, sizeof *r->model->packages);
    return r->model->interfaces != NULL && r->model->worlds != NULL &&
           r->model->packages != NULL && berthi_wit_add_primitives(r);
}

static int compare_ids(const void *a, const void *b)
{
    const wit_package *const *x = a, *const *y = b;

    return strcmp((*x)->id, (*y)->id);
}

static bool list_packages(wit_reader *r)
{
    const wit_package **sorted = berthi_wit_scratch(r, r->packages_count, sizeof *sorted);
    uint32_t *listed = berthi_wit_model(r, r->packages_count, sizeof *listed), count = 0;

    if (sorted == NULL || listed == NULL)
        return false;
    for (const wit_package *p = r->packages; p != NULL; p = p->next)
        if (p != r->root)
            sorted[count++] = p;
    if (count != 0)
        qsort(sorted, count, sizeof *sorted, compare_ids);
    listed[0] = r->root->index;
    for (uint32_t i = 0; i < count; i++)
        listed[i + 1] = sorted[i]->index;
    r->model->listed = listed;
    return true;
}

/* Types were collected where they could grow. */
static bool finish_model(wit_reader *r)
{
    berthi_wit_type *types = berthi_wit_model(r, r->model->types_count, sizeof *types);

    if (types == NULL || !list_packages(r))
        return false;
    memcpy(types, r->model->types, r->model->types_count * sizeof *types);
    r->model->types = types;
    r->model->root = r->root->index;
    return true;
}

/* Whole packages first, then the parts of those that are not there. */
static bool declare_packages(wit_reader *r)
{
    for (wit_package *p = r->packages; p != NULL; p = p->next)
        if (!p->is_partial && !declare_package(r, p))
            return false;
    for (wit_package **at = &r->packages; *at != NULL;) {
        wit_package *p = *at;

        if (p->is_partial && berthi_wit_lookup(&r->names, PACKAGES, p->id) != NULL) {
            *at = p->next;
            r->packages_count--;
            continue;
        }
        if (p->is_partial && !declare_package(r, p))
            return false;
        at = &p->next;
    }
    return true;
}

bool berthi_wit_resolve(wit_reader *r)
{
    if (!declare_packages(r))
        return false;
    for (wit_package *p = r->packages; p != NULL; p = p->next)
        if (!find_targets(r, p))
            return false;
    return start_model(r) && make_packages(r) && finish_model(r);
}
