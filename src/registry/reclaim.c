/* reclaim.c - room in a full engine.  Layer: registry.
 *
 * The engine holds instances_max instances of all slots together, and each slot's threads keep
 * theirs for the next call.  So that slots which nobody calls do not starve the others, whoever
 * finds the engine full ends a few idle instances, of the next slots in turn.
 *
 * What a fresh slot's calls have used up only the reaper may end (pool.c), and it does so when
 * calls have made room for more; for a slot that is not called any more it is asked here.
 *
 * Instances are taken out under the locks and ended after them, because ending one is slow; the
 * reference to their version, taken under the slot's lock, keeps that alive meanwhile.
 */
#include "registry/registry.h"

enum { RECLAIM_MAX = 8 };

typedef struct loot {
    size_t count;
    berth_version *versions[RECLAIM_MAX];
    berthi_instance *instances[RECLAIM_MAX];
} loot;

/* Under the slot's lock. */
static void take_from_version(berth_version *v, loot *l)
{
    size_t n;

    if (atomic_load_explicit(&v->instances_live, memory_order_relaxed) == 0)
        return;
    n = berthi_pool_take_idle(v, l->instances + l->count, RECLAIM_MAX - l->count);
    if (n == 0 && v->is_fresh)
        berthi_reaper_notify(v); /* safe: it is not unlinked while the slot's lock is held */
    while (n-- > 0) {
        berthi_version_ref(v);
        l->versions[l->count++] = v;
    }
}

/* Under the registry's lock. */
static void take_from_bucket(berth_slot *slot, loot *l)
{
    for (; slot != NULL && l->count < RECLAIM_MAX; slot = berthi_map_next(slot)) {
        berthi_lock_take(&slot->lock);
        for (berth_version *v = slot->versions; v != NULL && l->count < RECLAIM_MAX;
             v = v->slot_next)
            take_from_version(v, l);
        berthi_lock_drop(&slot->lock);
    }
}

bool berthi_reclaim(berth_runtime *rt)
{
    loot l = { 0 };

    berthi_lock_take(&rt->lock);
    for (size_t n = 0; n < berthi_map_chains(rt) && l.count < RECLAIM_MAX; n++)
        take_from_bucket(berthi_map_first(rt, rt->reclaim_next++ & (berthi_map_chains(rt) - 1)),
                         &l);
    berthi_lock_drop(&rt->lock);
    for (size_t n = 0; n < l.count; n++) {
        berthi_pool_discard(l.versions[n], l.instances[n]);
        /* release: the reaper, which acquires, sees the instance gone. */
        atomic_fetch_sub_explicit(&l.versions[n]->refs, 1, memory_order_release);
    }
    if (l.count > 0)
        berthi_event_set(&rt->event);
    return l.count > 0;
}
