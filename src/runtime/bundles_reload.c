/* bundles_reload.c - a bundle in the place of the one that is loaded, and those that follow it.
 * Layer: runtime.
 *
 * All versions are ready before the first is exchanged.  An exchange fails only when somebody evicted
 * the slot by hand meanwhile; then those that were exchanged go back (I4). */
#include "runtime/bundles.h"

#include <stdio.h>

#include "base/diag.h"
#include "contract/wit_words.h"

#define NONE BERTHI_NODE_NONE

enum { LIST_SHOWN = 320 };

typedef struct change {        /* of one loaded bundle */
    berthi_bundle *bundle;     /* the new one; NULL: it stays */
    berthi_loaded **providers; /* for the new one */
    berthi_prepared prepared;  /* without a version once that is published */
    bool is_done;
    bool was_empty;      /* its slot served nothing before: a plugin in quarantine */
    berth_version *kept; /* what its slot could go back to before */
} change;

typedef struct reload {
    berth_bundles *b;
    berthi_arena arena;
    const berthi_manifest **manifests; /* as they will be */
    change *changes;                   /* by index */
    uint32_t *order;                   /* of those that change: the bundle, then who follows */
    uint32_t order_count;
    berth_diag *diag;
} reload;

static berth_status no_memory(reload *r)
{
    return berthi_fail(r->diag, BERTH_E_NOMEM, "no memory to reload bundles");
}

static berthi_loaded *at(const reload *r, uint32_t index)
{
    return berthi_bundles_at(r->b, index);
}

/* ---------------------------------------------------------------- who follows */

/* Puts into the order whoever requires something of what is in it and asks to follow, each behind
 * everything it requires that is in it too. */
static void find_followers(reload *r)
{
    bool has_grown = true;

    for (berthi_loaded *l = r->b->first; l != NULL; l = l->next)
        l->is_marked = l->index == r->order[0];
    while (has_grown) { /* who is to follow */
        has_grown = false;
        for (berthi_loaded *l = r->b->first; l != NULL; l = l->next)
            for (uint32_t i = 0;
                 l->bundle->manifest.follows && !l->is_marked && i < l->providers_count; i++)
                if (l->providers[i] != NULL && l->providers[i]->is_marked)
                    l->is_marked = has_grown = true;
    }
    for (berthi_loaded *l = r->b->first; l != NULL; l = l->next)
        if (l->index == r->order[0])
            l->is_marked = false;
    has_grown = true;
    while (has_grown) { /* in which order */
        has_grown = false;
        for (berthi_loaded *l = r->b->first; l != NULL; l = l->next) {
            bool is_ready = l->is_marked;

            for (uint32_t i = 0; is_ready && i < l->providers_count; i++)
                is_ready = l->providers[i] == NULL || !l->providers[i]->is_marked;
            if (is_ready) {
                l->is_marked = false;
                has_grown = true;
                r->order[r->order_count++] = l->index;
            }
        }
    }
}

/* ---------------------------------------------------------------- what will be */

static berth_status read_new(reload *r, const char *folder, berthi_bundle **bundle_out)
{
    berthi_bundle_reading how = berthi_bundles_reading(r->b);
    berth_status status = berthi_bundle_read(folder, &how, bundle_out, r->diag);

    if (status == BERTH_OK)
        berthi_bundle_end_bytes(*bundle_out);
    return status;
}

static berth_status read_follower(reload *r, uint32_t index)
{
    const berthi_loaded *old = at(r, index);
    berthi_bundle *bundle;
    berth_status status = read_new(r, old->bundle->folder, &bundle);

    if (status != BERTH_OK)
        return status;
    r->changes[index].bundle = bundle;
    if (strcmp(bundle->manifest.slot, old->bundle->manifest.slot) != 0)
        return berthi_fail(r->diag, BERTH_E_REJECTED, "%s: it is %s now, and was %s",
                           bundle->folder, bundle->manifest.slot, old->bundle->manifest.slot);
    r->manifests[index] = &bundle->manifest;
    return BERTH_OK;
}

static berth_status give_providers(reload *r, uint32_t index)
{
    change *c = &r->changes[index];
    const berthi_manifest *m = &c->bundle->manifest;

    c->providers =
        berthi_zalloc_array(r->b->allocator, m->requires_count, sizeof(berthi_loaded *));
    if (c->providers == NULL)
        return no_memory(r);
    for (uint32_t i = 0; i < m->requires_count; i++) {
        uint32_t tied,
            best = berthi_graph_choose(r->manifests, r->b->count, &m->needs[i], index,
                                       r->b->options.pins, r->b->options.pins_count, &tied);

        if (best == NONE && !m->needs[i].is_optional)
            return berthi_fail(r->diag, BERTH_E_REJECTED,
                               "missing: %s %s requires %s, which no loaded bundle provides",
                               m->name, m->version, m->needs[i].text);
        if (tied != NONE)
            return berthi_fail(r->diag, BERTH_E_REJECTED,
                               "ambiguous: %s %s requires %s, which %s and %s provide", m->name,
                               m->version, m->needs[i].text, r->manifests[best]->name,
                               r->manifests[tied]->name);
        c->providers[i] = best == NONE ? NULL : at(r, best);
    }
    return BERTH_OK;
}

/* The ones that stay have to find in the new ones what they were given by the old ones. */
static berth_status check_dependents(reload *r)
{
    char list[LIST_SHOWN] = "";
    size_t used = 0;

    for (const berthi_loaded *l = r->b->first; l != NULL; l = l->next)
        for (uint32_t i = 0; r->changes[l->index].bundle == NULL && i < l->providers_count;
             i++) {
            const berthi_bundle_contract *needed = &l->bundle->manifest.needs[i];

            if (l->providers[i] == NULL || used >= sizeof list ||
                berthi_manifest_provides(r->manifests[l->providers[i]->index], needed) != NULL)
                continue;
            used +=
                (size_t)snprintf(list + used, sizeof list - used, "%s%s requires %s",
                                 used == 0 ? "" : ", ", l->bundle->manifest.slot, needed->text);
        }
    if (used == 0)
        return BERTH_OK;
    return berthi_fail(r->diag, BERTH_E_REJECTED, "it does not provide any more: %s", list);
}

static bool gives_to_marked(const reload *r, const berthi_loaded *who)
{
    for (const berthi_loaded *l = r->b->first; l != NULL; l = l->next) {
        const change *c = &r->changes[l->index];
        berthi_loaded *const *providers = c->bundle == NULL ? l->providers : c->providers;
        uint32_t count =
            c->bundle == NULL ? l->providers_count : c->bundle->manifest.requires_count;

        for (uint32_t i = 0; l->is_marked && i < count; i++)
            if (providers[i] == who)
                return true;
    }
    return false;
}

/* Marked is who requires somebody in the circle, too; those whom nobody marked requires are none of it. */
static berth_status refuse_circle(reload *r)
{
    char list[LIST_SHOWN] = "";
    size_t used = 0;
    bool has_shrunk = true;

    while (has_shrunk) {
        has_shrunk = false;
        for (berthi_loaded *l = r->b->first; l != NULL; l = l->next)
            if (l->is_marked && !gives_to_marked(r, l)) {
                l->is_marked = false;
                has_shrunk = true;
            }
    }
    for (const berthi_loaded *l = r->b->first; l != NULL && used < sizeof list; l = l->next)
        if (l->is_marked)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s %s",
                                     used == 0 ? "" : ", ", r->manifests[l->index]->name,
                                     r->manifests[l->index]->version);
    return berthi_fail(r->diag, BERTH_E_REJECTED,
                       "cycle: %s would require each other in a circle", list);
}

/* New providers may close a circle, and a circle could not be unloaded in any order. */
static berth_status check_circles(reload *r)
{
    uint32_t left = r->b->count;
    bool has_shrunk = true;

    for (berthi_loaded *l = r->b->first; l != NULL; l = l->next)
        l->is_marked = true; /* not known to be in no circle */
    while (has_shrunk) {
        has_shrunk = false;
        for (berthi_loaded *l = r->b->first; l != NULL; l = l->next) {
            const change *c = &r->changes[l->index];
            berthi_loaded *const *providers = c->bundle == NULL ? l->providers : c->providers;
            uint32_t count =
                c->bundle == NULL ? l->providers_count : c->bundle->manifest.requires_count;
            bool is_free = l->is_marked;

            for (uint32_t i = 0; is_free && i < count; i++)
                is_free = providers[i] == NULL || !providers[i]->is_marked;
            if (is_free) {
                l->is_marked = false;
                has_shrunk = true;
                left--;
            }
        }
    }
    return left == 0 ? BERTH_OK : refuse_circle(r);
}

static berth_status plan(reload *r, berthi_bundle *bundle)
{
    const berthi_loaded *old = berthi_bundles_by_slot(r->b, bundle->manifest.slot);
    berth_status status = BERTH_OK;

    r->manifests = berthi_bundles_manifests(r->b, 0, &r->arena);
    r->changes = berthi_arena_array(&r->arena, r->b->count, sizeof *r->changes);
    r->order = berthi_arena_array(&r->arena, r->b->count, sizeof *r->order);
    if (old == NULL || r->manifests == NULL || r->changes == NULL || r->order == NULL) {
        status = old != NULL ? no_memory(r)
                             : berthi_fail(r->diag, BERTH_E_ABSENT, "no bundle %s is loaded",
                                           bundle->manifest.slot);
        berthi_bundle_free(bundle);
        r->order_count = 0;
        return status;
    }
    r->order[r->order_count++] = old->index;
    r->changes[old->index].bundle = bundle;
    r->manifests[old->index] = &bundle->manifest;
    find_followers(r);
    for (uint32_t i = 1; status == BERTH_OK && i < r->order_count; i++)
        status = read_follower(r, r->order[i]);
    for (uint32_t i = 0; status == BERTH_OK && i < r->order_count; i++)
        status = give_providers(r, r->order[i]);
    if (status == BERTH_OK)
        status = check_dependents(r);
    return status == BERTH_OK ? check_circles(r) : status;
}

/* ---------------------------------------------------------------- ready, and exchanged */

static berth_status prepare(reload *r)
{
    berth_status status = BERTH_OK;

    for (uint32_t i = 0; status == BERTH_OK && i < r->order_count; i++) {
        change *c = &r->changes[r->order[i]];

        berthi_bundles_warn_signature(r->b, c->bundle);
        berthi_bundles_warn_instances(r->b, at(r, r->order[i]));
        status = berthi_bundles_prepare(r->b, c->bundle, at(r, r->order[i])->slot, c->providers,
                                        &c->prepared, r->diag);
        at(r, r->order[i])->ready = c->prepared.version;
    }
    for (uint32_t i = 0; i < r->order_count; i++)
        berthi_bundles_settle(at(r, r->order[i]), &r->changes[r->order[i]].prepared);
    return status;
}

/* A slot that served nothing keeps nothing of that to go back to, but maybe one older still. */
static void go_back(const change *c, berth_slot *slot)
{
    if (!c->was_empty) {
        if (berth_slot_rollback(slot, NULL, NULL) != BERTH_OK)
            return; /* evicted by hand too: nobody calls it any more */
    } else {
        berthi_lock_take(&slot->lock);
        (void)berthi_slot_quarantine_locked(
            slot, atomic_load_explicit(&slot->current, memory_order_relaxed));
        berthi_lock_drop(&slot->lock);
    }
}

static berth_status exchange(reload *r)
{
    berth_status status = BERTH_OK;

    for (uint32_t i = 0; status == BERTH_OK && i < r->order_count; i++) {
        change *c = &r->changes[r->order[i]];
        berth_slot *slot = at(r, r->order[i])->slot;

        c->kept = berthi_slot_kept_take(slot); /* the next publish would end it */
        c->was_empty = atomic_load_explicit(&slot->current, memory_order_relaxed) == NULL;
        status = berth_slot_swap(slot, c->prepared.version, r->diag);
        if (status == BERTH_OK) {
            c->prepared.version = NULL;
            c->is_done = true;
        }
    }
    for (uint32_t i = r->order_count; i-- > 0;) {
        change *c = &r->changes[r->order[i]];
        berth_slot *slot = at(r, r->order[i])->slot;

        if (status != BERTH_OK && c->is_done)
            go_back(c, slot);
        berthi_slot_kept_give(slot, c->kept, status == BERTH_OK && !c->was_empty);
    }
    return status;
}

static void commit(reload *r)
{
    for (uint32_t i = 0; i < r->order_count; i++)
        berthi_bundles_published(r->b, &r->changes[r->order[i]].prepared,
                                 at(r, r->order[i])->slot);
    berthi_lock_take(&r->b->lock);
    for (uint32_t i = 0; i < r->order_count; i++) {
        change *c = &r->changes[r->order[i]], old;
        berthi_loaded *l = at(r, r->order[i]);

        old = (change){ .bundle = l->bundle, .providers = l->providers };
        l->bundle = c->bundle;
        l->providers = c->providers;
        c->bundle = old.bundle; /* which undo() frees */
        c->providers = old.providers;
        l->providers_count = l->bundle->manifest.requires_count;
    }
    berthi_lock_drop(&r->b->lock);
}

/* What is not used: the new ones after a failure, the old ones after none. */
static void clean(reload *r)
{
    for (uint32_t i = 0; i < r->order_count; i++) {
        change *c = &r->changes[r->order[i]];

        berthi_bundles_discard(r->b, &c->prepared);
        if (c->providers != NULL)
            berthi_free_array(r->b->allocator, c->providers, c->bundle->manifest.requires_count,
                              sizeof(berthi_loaded *));
        berthi_bundle_free(c->bundle);
    }
}

static berth_status run(reload *r, const char *folder)
{
    berthi_bundle *bundle;
    berth_status status = read_new(r, folder, &bundle);

    if (status == BERTH_OK)
        status = plan(r, bundle);
    if (status == BERTH_OK)
        status = prepare(r);
    if (status == BERTH_OK)
        status = exchange(r);
    if (status == BERTH_OK)
        commit(r);
    clean(r);
    return status;
}

berth_status berth_bundles_reload(berth_bundles *b, const char *folder, berth_diag *diag)
{
    reload r = { .b = b, .diag = diag };
    berth_status status;

    BERTHI_REQUIRE(b != NULL && folder != NULL, diag);
    status = berthi_bundles_begin(b, diag);
    if (status != BERTH_OK)
        return status;
    berthi_arena_init(&r.arena, b->allocator, SIZE_MAX);
    status = run(&r, folder);
    berthi_arena_fini(&r.arena);
    berthi_bundles_finish(b);
    return status;
}
