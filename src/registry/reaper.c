/* reaper.c - what happens to a version after its last call, and instances made ahead.
 *
 * Layer: registry.  One thread per runtime.  A retired version is freed when, after a barrier, no
 * record names it and its only reference is the reaper's (I2).  In that order: a thread turns a
 * pin into a lease by counting first and unpinning afterwards, so a version that no record names
 * shows every lease it will ever have.
 *
 * Calls end without telling anybody, so while something is retired the reaper looks again every
 * other millisecond; otherwise it waits until it is woken.
 */
#include "registry/registry.h"

#include "base/diag.h"

enum { LOOK_AGAIN_NS = 2 * BERTHI_TICK_NS, IDLE_NS = 1000 * BERTHI_TICK_NS };

void berthi_retire(berth_version *v)
{
    berth_runtime *rt = v->runtime;

    berthi_lock_take(&rt->retired_lock);
    v->retired_next = rt->retired;
    rt->retired = v;
    rt->retired_count++;
    berthi_lock_drop(&rt->retired_lock);
    berthi_event_set(&rt->event);
}

/* A caller's seat runs low.  The list is taken whole by one thread, so pushing is enough. */
void berthi_reaper_notify(berth_version *v)
{
    berth_runtime *rt = v->runtime;
    berth_version *head;

    if (atomic_load_explicit(&v->needs_reaper, memory_order_relaxed) == 0 &&
        atomic_exchange_explicit(&v->needs_reaper, 1, memory_order_acq_rel) == 0) {
        head = atomic_load_explicit(&rt->reaper_list, memory_order_relaxed);
        do
            v->reaper_next = head;
        while (!atomic_compare_exchange_weak_explicit(
            &rt->reaper_list, &head, v, memory_order_release, memory_order_relaxed));
    }
    berthi_event_set(&rt->event);
}

static bool refill(berth_runtime *rt)
{
    /* acquire: pairs with the release in berthi_reaper_notify(). */
    berth_version *v = atomic_exchange_explicit(&rt->reaper_list, NULL, memory_order_acquire);
    berth_version *next;
    bool any = v != NULL;

    for (; v != NULL; v = next) {
        next = v->reaper_next;
        /* acq_rel: whoever sets it from here on pushes the version again. */
        atomic_store_explicit(&v->needs_reaper, 0, memory_order_seq_cst);
        if (!v->is_retired)
            berthi_pool_refill(v);
    }
    return any;
}

/* The twin of a version, which serves or may be rolled back to; with a reference.  Under the
 * slot's lock. */
static berth_version *find_heir(const berth_version *v)
{
    berth_version *heir = v->slot->versions;

    while (heir != NULL && (heir == v || heir->content != v->content || heir->is_retired))
        heir = heir->slot_next;
    if (heir != NULL)
        berthi_version_ref(heir);
    return heir;
}

/* Folds what the version counted into its slot and takes it off the slot's list, unless
 * somebody has taken a reference meanwhile. */
static bool unlink_version(berth_version *v, berth_version **heir_out)
{
    berth_slot *slot = v->slot;
    berth_version **at = &slot->versions;
    bool is_last;

    assert(v->content != NULL);
    berthi_lock_take(&slot->lock);
    is_last = atomic_load_explicit(&v->refs, memory_order_acquire) == 1;
    if (is_last) {
        berthi_version_counts(v, &slot->past, slot->past_latency);
        berthi_version_counts(v, &v->content->past, NULL);
        while (*at != NULL && *at != v)
            at = &(*at)->slot_next;
        if (*at == v)
            *at = v->slot_next;
        *heir_out = find_heir(v);
    }
    berthi_lock_drop(&slot->lock);
    return is_last;
}

static berth_version *take_retired(berth_runtime *rt)
{
    berth_version *list;

    berthi_lock_take(&rt->retired_lock);
    list = rt->retired;
    rt->retired = NULL;
    berthi_lock_drop(&rt->retired_lock);
    return list;
}

static void keep_retired(berth_runtime *rt, berth_version *v)
{
    berthi_lock_take(&rt->retired_lock);
    v->retired_next = rt->retired;
    rt->retired = v;
    berthi_lock_drop(&rt->retired_lock);
}

/* So that the first calls after a rollback find instances, idle ones are left to the twin. */
static void free_version(berth_version *v, berth_version *heir)
{
    if (heir != NULL) {
        berthi_pool_bequeath(v, heir);
        /* relaxed: the reaper alone looks for the last reference, and this is the reaper. */
        atomic_fetch_sub_explicit(&heir->refs, 1, memory_order_relaxed);
    }
    berthi_version_free(v);
}

/* Frees what nobody can be inside of; true when something is still waiting. */
static bool reap(berth_runtime *rt)
{
    berth_version *v = take_retired(rt), *next, *heir;
    bool waiting = false;

    if (v == NULL)
        return false;
    berthi_domain_barrier(&rt->domain);
    for (; v != NULL; v = next) {
        next = v->retired_next;
        v->is_retired = true;
        BERTHI_WINDOW();
        if (berthi_domain_uses(&rt->domain, v) || !unlink_version(v, &heir)) {
            keep_retired(rt, v);
            waiting = true;
            continue;
        }
        /* Nobody is inside or will be, so nobody pushes it any more; it may have been pushed. */
        if (atomic_load_explicit(&v->needs_reaper, memory_order_acquire) != 0)
            (void)refill(rt);
        free_version(v, heir);
        /* Last: who reads that nothing is retired finds its instances gone as well (I11). */
        berthi_lock_take(&rt->retired_lock);
        rt->retired_count--;
        rt->reaped++;
        berthi_lock_drop(&rt->retired_lock);
    }
    return waiting;
}

static bool has_work(berth_runtime *rt)
{
    bool any;

    berthi_lock_take(&rt->retired_lock);
    any = rt->retired != NULL;
    berthi_lock_drop(&rt->retired_lock);
    return any || atomic_load_explicit(&rt->reaper_list, memory_order_acquire) != NULL ||
           atomic_load_explicit(&rt->is_stopping, memory_order_acquire);
}

void *berthi_reaper_run(void *runtime)
{
    berth_runtime *rt = runtime;
    bool waiting;

    for (;;) {
        bool refilled = refill(rt);

        waiting = reap(rt);
        if (refilled)
            continue;
        if (atomic_load_explicit(&rt->is_stopping, memory_order_acquire) && !waiting &&
            atomic_load_explicit(&rt->versions_live, memory_order_acquire) == 0)
            return NULL;
        berthi_event_announce(&rt->event);
        berthi_domain_barrier(&rt->domain);
        if (!waiting && has_work(rt) &&
            atomic_load_explicit(&rt->versions_live, memory_order_acquire) != 0)
            berthi_event_cancel(&rt->event);
        else
            berthi_event_wait(
                &rt->event, waiting || atomic_load(&rt->is_stopping) ? LOOK_AGAIN_NS : IDLE_NS);
    }
}
