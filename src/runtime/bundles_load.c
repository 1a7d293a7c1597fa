/* bundles_load.c - many bundles at once, or none.  Layer: runtime.
 *
 *   read      every folder, every file once; signatures
 *   choose    the highest of each slot, what is named, what that needs
 *   prepare   in the order of needs, in slots that nobody sees
 *   publish   into those slots, and then all slots appear under one lock
 *
 * Everything that can fail is in front of the last step but for one: a slot of the same name that
 * somebody opened meanwhile (I4); then nothing of it appears either. */
#include "runtime/bundles.h"

#include <stdio.h>

#include "base/diag.h"
#include "contract/wit_words.h"

#define NONE BERTHI_NODE_NONE

typedef struct load {
    berth_bundles *b;
    berthi_catalog catalog;
    const char *const *names;
    uint32_t names_count;
    uint32_t loaded_count;         /* the first so many nodes are loaded */
    const berthi_manifest **nodes; /* loaded ones, then candidates */
    berthi_bundle **bundles;       /* by node, from loaded_count on; in the catalogue */
    uint32_t count;
    bool *is_wanted;
    berthi_graph graph;
    uint32_t *order; /* nodes to be loaded */
    uint32_t order_count;
    berthi_loaded **made;      /* by place in `order` */
    berth_slot **slots;        /* the same */
    berthi_prepared *prepared; /* the same; without a version once that is published */
    uint32_t made_count;
    berth_diag *diag;
} load;

static berth_status no_memory(load *l)
{
    return berthi_fail(l->diag, BERTH_E_NOMEM, "no memory to load bundles");
}

/* ---------------------------------------------------------------- candidates */

/* Whether another one of the same slot is above it; of two that are equal, the first stays, and the
 * graph says that they are two. */
static bool is_superseded(const berthi_catalog *c, uint32_t at)
{
    const berthi_manifest *m = &c->bundles[at]->manifest;

    for (uint32_t i = 0; i < c->count; i++)
        if (i != at && strcmp(c->bundles[i]->manifest.slot, m->slot) == 0 &&
            berthi_wit_compare_versions(c->bundles[i]->manifest.version, m->version) > 0)
            return true;
    return false;
}

static berth_status collect(load *l)
{
    berthi_catalog *c = &l->catalog;

    l->loaded_count = l->b->count;
    l->nodes = berthi_bundles_manifests(l->b, c->count, &c->arena);
    l->bundles = berthi_arena_array(&c->arena, l->b->count + c->count, sizeof(berthi_bundle *));
    l->is_wanted = berthi_arena_array(&c->arena, l->b->count + c->count, sizeof(bool));
    if (l->nodes == NULL || l->bundles == NULL || l->is_wanted == NULL)
        return no_memory(l);
    l->count = l->loaded_count;
    for (uint32_t i = 0; i < c->count; i++) {
        if (berthi_bundles_by_slot(l->b, c->bundles[i]->manifest.slot) != NULL ||
            is_superseded(c, i))
            continue;
        l->nodes[l->count] = &c->bundles[i]->manifest;
        l->bundles[l->count++] = c->bundles[i];
    }
    return BERTH_OK;
}

/* Those of that name; one that is loaded already will do. */
static berth_status want_name(load *l, const char *name)
{
    bool is_there = false;

    for (uint32_t i = 0; i < l->count; i++)
        if (strcmp(l->nodes[i]->name, name) == 0) {
            is_there = true;
            l->is_wanted[i] = true;
        }
    if (is_there)
        return BERTH_OK;
    return berthi_fail(l->diag, BERTH_E_ABSENT, "no bundle '%s' is there", name);
}

/* Of two with one name and version only the first gives anything; which one that is, is a matter of
 * their folders' names, so that the second is as much of a problem as if it had been named. */
static void want_duplicates(load *l)
{
    for (uint32_t i = l->loaded_count; i < l->count; i++)
        for (uint32_t j = l->loaded_count; !l->is_wanted[i] && j < l->count; j++)
            l->is_wanted[i] =
                l->is_wanted[j] && strcmp(l->nodes[i]->name, l->nodes[j]->name) == 0 &&
                berthi_wit_compare_versions(l->nodes[i]->version, l->nodes[j]->version) == 0;
}

static berth_status want(load *l)
{
    berth_status status = BERTH_OK;
    bool has_grown = true;

    for (uint32_t i = 0; status == BERTH_OK && i < l->names_count; i++)
        status = want_name(l, l->names[i]);
    for (uint32_t i = 0; l->names_count == 0 && i < l->count; i++)
        l->is_wanted[i] = true;
    while (has_grown) {
        has_grown = false;
        for (uint32_t i = l->loaded_count; i < l->count; i++)
            for (uint32_t n = 0; l->is_wanted[i] && n < l->nodes[i]->requires_count; n++) {
                uint32_t provider = l->graph.nodes[i].providers[n];

                if (provider != NONE && !l->is_wanted[provider])
                    l->is_wanted[provider] = has_grown = true;
            }
    }
    want_duplicates(l);
    return status;
}

/* Every problem of what is wanted, one a line. */
static berth_status refuse_problems(load *l)
{
    berth_status status = BERTH_OK;

    for (const berthi_problem *p = l->graph.problems.first; p != NULL; p = p->next) {
        if (p->node != NONE && !l->is_wanted[p->node])
            continue;
        if (status == BERTH_OK)
            status = berthi_fail(l->diag, BERTH_E_REJECTED, "%s: %s",
                                 berthi_problem_kind_name(p->kind), p->text);
        else
            berthi_diag_append(l->diag, "\n%s: %s", berthi_problem_kind_name(p->kind), p->text);
    }
    return status;
}

static void warn(load *l)
{
    const berth_bundles *b = l->b;

    for (const berthi_problem *p = l->catalog.problems.first;
         b->options.warn != NULL && p != NULL; p = p->next)
        b->options.warn(b->options.warn_ctx, p->text);
    for (uint32_t i = 0; i < l->order_count; i++)
        berthi_bundles_warn_signature(l->b, l->bundles[l->order[i]]);
}

static berth_status plan(load *l)
{
    berth_status status = collect(l);

    if (status == BERTH_OK)
        status =
            berthi_graph_make(l->nodes, l->count, l->loaded_count, l->b->options.pins,
                              l->b->options.pins_count, &l->catalog.arena, &l->graph, l->diag);
    if (status == BERTH_OK)
        status = want(l);
    if (status == BERTH_OK)
        status = refuse_problems(l);
    if (status != BERTH_OK)
        return status;
    l->order = berthi_arena_array(&l->catalog.arena, l->count, sizeof *l->order);
    l->made = berthi_arena_array(&l->catalog.arena, l->count, sizeof(berthi_loaded *));
    l->slots = berthi_arena_array(&l->catalog.arena, l->count, sizeof(berth_slot *));
    l->prepared = berthi_arena_array(&l->catalog.arena, l->count, sizeof *l->prepared);
    if (l->order == NULL || l->made == NULL || l->slots == NULL || l->prepared == NULL)
        return no_memory(l);
    for (uint32_t i = 0; i < l->graph.order_count; i++)
        if (l->graph.order[i] >= l->loaded_count && l->is_wanted[l->graph.order[i]])
            l->order[l->order_count++] = l->graph.order[i];
    return BERTH_OK;
}

/* ---------------------------------------------------------------- ready */

/* Who was made, or is loaded, for that node. */
static berthi_loaded *loaded_of(const load *l, uint32_t node)
{
    if (node == NONE)
        return NULL;
    if (node < l->loaded_count)
        return berthi_bundles_at(l->b, node);
    for (uint32_t i = 0; i < l->made_count; i++)
        if (l->order[i] == node)
            return l->made[i];
    return NULL;
}

static berth_status prepare_one(load *l, uint32_t at)
{
    uint32_t node = l->order[at];
    berthi_bundle *bundle = l->bundles[node];
    berthi_loaded *made = berthi_loaded_make(l->b, bundle);
    berth_status status;

    if (made == NULL)
        return no_memory(l);
    made->bundle = bundle; /* still the catalogue's */
    for (uint32_t n = 0; n < bundle->manifest.requires_count; n++)
        made->providers[n] = loaded_of(l, l->graph.nodes[node].providers[n]);
    l->made[at] = made;
    l->made_count = at + 1;
    status = berthi_bundles_open(l->b, bundle, &l->slots[at], l->diag);
    if (status != BERTH_OK)
        return berthi_diag_prefix(l->diag, status, "bundle %s %s", bundle->manifest.name,
                                  bundle->manifest.version);
    made->slot = l->slots[at];
    status = berthi_bundles_prepare(l->b, bundle, l->slots[at], made->providers,
                                    &l->prepared[at], l->diag);
    made->ready = l->prepared[at].version;
    return status;
}

static berth_status prepare(load *l)
{
    berth_status status = BERTH_OK;

    for (uint32_t i = 0; status == BERTH_OK && i < l->order_count; i++)
        status = prepare_one(l, i);
    for (uint32_t i = 0; i < l->made_count; i++)
        berthi_bundles_settle(l->made[i], &l->prepared[i]);
    return status;
}

/* ---------------------------------------------------------------- publishing */

static void link_loaded(berth_bundles *b, berthi_loaded *made)
{
    berthi_loaded **at = &b->first;

    while (*at != NULL && strcmp((*at)->bundle->manifest.slot, made->bundle->manifest.slot) < 0)
        at = &(*at)->next;
    made->next = *at;
    *at = made;
    b->count++;
}

/* What was made is the set's from here on, and no more the catalogue's. */
static void commit(load *l)
{
    berthi_catalog *c = &l->catalog;

    for (uint32_t i = 0; i < l->made_count; i++)
        berthi_bundles_published(l->b, &l->prepared[i], l->slots[i]);
    berthi_lock_take(&l->b->lock);
    for (uint32_t i = 0; i < l->made_count; i++) {
        link_loaded(l->b, l->made[i]);
        for (uint32_t j = 0; j < c->count; j++)
            if (c->bundles[j] == l->made[i]->bundle)
                c->bundles[j] = NULL;
    }
    berthi_lock_drop(&l->b->lock);
    l->made_count = 0;
}

static berth_status publish(load *l)
{
    berth_status status = berthi_slots_reveal(l->b->rt, l->slots, l->made_count, true, l->diag);

    for (uint32_t i = 0; status == BERTH_OK && i < l->made_count; i++) {
        status = berth_slot_swap(l->slots[i], l->prepared[i].version, l->diag);
        if (status == BERTH_OK)
            l->prepared[i].version = NULL;
    }
    if (status == BERTH_OK)
        status = berthi_slots_reveal(l->b->rt, l->slots, l->made_count, false, l->diag);
    return status;
}

static void undo(load *l)
{
    while (l->made_count > 0) {
        uint32_t at = --l->made_count;

        berthi_bundles_discard(l->b, &l->prepared[at]);
        if (l->slots[at] != NULL)
            berthi_slot_abandon(l->slots[at]);
        l->made[at]->bundle = NULL;
        berthi_loaded_free(l->b, l->made[at]);
    }
}

static berth_status run(load *l, const char *const *paths, uint32_t count)
{
    berthi_bundle_reading how = berthi_bundles_reading(l->b);
    berth_status status;

    how.drops_bytes = true;
    status = berthi_catalog_read(&l->catalog, paths, count, &how, l->diag);

    if (status == BERTH_OK)
        status = plan(l);
    if (status != BERTH_OK)
        return status;
    warn(l);
    status = prepare(l);
    if (status == BERTH_OK)
        status = publish(l);
    if (status == BERTH_OK)
        commit(l);
    else
        undo(l);
    return status;
}

berth_status berth_bundles_load(berth_bundles *b, const char *const *paths, uint32_t count,
                                const char *const *names, uint32_t names_count,
                                berth_diag *diag)
{
    load l = { .b = b, .names = names, .names_count = names_count, .diag = diag };
    berth_status status;

    BERTHI_REQUIRE(b != NULL && paths != NULL && count != 0, diag);
    BERTHI_REQUIRE(names != NULL || names_count == 0, diag);
    for (uint32_t i = 0; i < count; i++)
        BERTHI_REQUIRE(paths[i] != NULL, diag);
    for (uint32_t i = 0; i < names_count; i++)
        BERTHI_REQUIRE(names[i] != NULL, diag);
    status = berthi_bundles_begin(b, diag);
    if (status != BERTH_OK)
        return status;
    berthi_catalog_init(&l.catalog, b->allocator);
    status = run(&l, paths, count);
    berthi_catalog_fini(&l.catalog);
    berthi_bundles_finish(b);
    return status;
}
