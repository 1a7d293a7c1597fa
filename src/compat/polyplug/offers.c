/* offers.c - which contracts there are, under which handles; what is published and taken back.
 * Layer: compat. */
#include "compat/polyplug/private.h"

#include <stdio.h>

typedef struct staged_offer {
    polyplug_offer *offer;
    uint32_t version[3], function;
} staged_offer;

struct berthi_polyplug_staged {
    uint64_t bundle;
    uint32_t count;
    staged_offer at[];
};

static size_t size_of_staged(uint32_t count)
{
    return sizeof(berthi_polyplug_staged) + count * sizeof(staged_offer);
}

/* ---------------------------------------------------------------- the host object */

void *berthi_polyplug_grow(void *array, uint32_t *room, uint32_t count, size_t size)
{
    uint32_t more = *room == 0 ? 16 : 2 * *room;
    void *grown;

    if (count < *room)
        return array;
    grown = berthi_zalloc_array(&berthi_allocator_libc, more, size);
    if (grown == NULL)
        return NULL;
    if (array != NULL) {
        memcpy(grown, array, count * size);
        berthi_free_array(&berthi_allocator_libc, array, *room, size);
    }
    *room = more;
    return grown;
}

berth_status berthi_polyplug_make(berth_runtime *rt, const berthi_polyplug_set *set,
                                  berthi_polyplug **host_out, berth_diag *diag)
{
    berthi_polyplug *h = berthi_zalloc(&berthi_allocator_libc, sizeof *h);
    int code;

    if (h == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "a host of polyplug's plugins");
    code = berthi_lock_init(&h->lock, BERTHI_RANK_COMPAT);
    if (code != 0)
        goto fail_lock;
    code = berthi_cond_init(&h->changed);
    if (code != 0)
        goto fail_cond;
    atomic_init(&h->refs, 1);
    h->rt = rt;
    h->set = *set;
    h->own.table = berthi_polyplug_functions;
    h->own.table.runtime = &h->own;
    h->own.host = h;
    *host_out = h;
    return BERTH_OK;

fail_cond:
    berthi_lock_fini(&h->lock);
fail_lock:
    berthi_free(&berthi_allocator_libc, h, sizeof *h);
    return berthi_fail_os(diag, code, "a lock for polyplug's plugins");
}

const berth_polyplug_host *berthi_polyplug_table(berthi_polyplug *host)
{
    return &host->own.table;
}

void berthi_polyplug_unref(berthi_polyplug *h)
{
    /* acq_rel: the last one sees what the others did. */
    if (atomic_fetch_sub_explicit(&h->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (uint32_t i = 0; i < h->offers_count; i++)
        berthi_free(&berthi_allocator_libc, h->offers[i], sizeof *h->offers[i]);
    for (uint32_t i = 0; i < h->instances_count; i++)
        berthi_free(&berthi_allocator_libc, h->instances[i], sizeof *h->instances[i]);
    berthi_free_array(&berthi_allocator_libc, h->offers, h->offers_room, sizeof *h->offers);
    berthi_free_array(&berthi_allocator_libc, h->instances, h->instances_room,
                      sizeof *h->instances);
    berthi_free_array(&berthi_allocator_libc, h->bundles, h->bundles_room, sizeof *h->bundles);
    berthi_cond_fini(&h->changed);
    berthi_lock_fini(&h->lock);
    berthi_free(&berthi_allocator_libc, h, sizeof *h);
}

bool berthi_polyplug_enter(berthi_polyplug *h)
{
    bool is_open;

    berthi_lock_take(&h->lock);
    is_open = !h->is_closed;
    h->inside += is_open;
    berthi_lock_drop(&h->lock);
    return is_open;
}

void berthi_polyplug_leave(berthi_polyplug *h)
{
    berthi_lock_take(&h->lock);
    if (--h->inside == 0 && h->is_closed)
        berthi_cond_wake_all(&h->changed);
    berthi_lock_drop(&h->lock);
}

static void changed(berthi_polyplug *h)
{
    /* release: who reads a new number finds what is new. */
    __atomic_fetch_add(&h->revision, 1, __ATOMIC_RELEASE);
}

/* ---------------------------------------------------------------- finding */

bool berthi_polyplug_matches(const polyplug_offer *o, const polyplug_caller *caller,
                             uint64_t contract, uint32_t min_major)
{
    const polyplug_plugin *p = caller->plugin;

    if (o->stand_in.contract_id != contract || o->stand_in.contract_version.major < min_major)
        return false;
    if (p == NULL || !p->is_opening)
        return o->is_there;
    /* While it is opened it sees what it declared, from whom it was given to. */
    for (uint32_t i = 0; i < p->needs_count; i++)
        if (p->needs[i].contract_id == contract && p->needs[i].bundle_id == o->bundle)
            return o->is_there ||
                   (o->staged != NULL && o->staged_thread == berthi_thread_self());
    return false;
}

/* Whether the manifests have given the contract to this one from that bundle. */
static bool is_given(const polyplug_caller *caller, const polyplug_offer *o)
{
    const polyplug_plugin *p = caller->plugin;

    for (uint32_t i = 0; p != NULL && i < p->needs_count; i++)
        if (p->needs[i].contract_id == o->stand_in.contract_id &&
            p->needs[i].bundle_id == o->bundle)
            return true;
    return false;
}

polyplug_offer *berthi_polyplug_find(berthi_polyplug *h, const polyplug_caller *caller,
                                     uint64_t contract, uint32_t min_major)
{
    polyplug_offer *best = NULL;

    for (uint32_t i = 0; i < h->offers_count; i++) {
        polyplug_offer *o = h->offers[i];

        if (!berthi_polyplug_matches(o, caller, contract, min_major))
            continue;
        if (is_given(caller, o))
            return o;
        if (best == NULL || o->order < best->order)
            best = o;
    }
    return best;
}

/* ---------------------------------------------------------------- staging */

static polyplug_offer *find_offer(berthi_polyplug *h, uint64_t bundle, uint64_t contract)
{
    for (uint32_t i = 0; i < h->offers_count; i++)
        if (h->offers[i]->bundle == bundle && h->offers[i]->stand_in.contract_id == contract)
            return h->offers[i];
    return NULL;
}

/* Under the lock.  The one of that bundle and contract, which is made when it is new. */
static polyplug_offer *take_offer(berthi_polyplug *h, uint64_t bundle,
                                  const polyplug_contract *c)
{
    polyplug_offer *o = find_offer(h, bundle, c->id), **grown;

    if (o != NULL || h->offers_count == POLYPLUG_OFFERS_MAX)
        return o;
    grown =
        berthi_polyplug_grow(h->offers, &h->offers_room, h->offers_count, sizeof *h->offers);
    if (grown == NULL)
        return NULL;
    h->offers = grown;
    o = berthi_zalloc(&berthi_allocator_libc, sizeof *o);
    if (o == NULL)
        return NULL;
    o->host = h;
    o->bundle = bundle;
    o->index = h->offers_count;
    berthi_polyplug_stand_in(o, c->id, c->version);
    h->offers[h->offers_count++] = o;
    return o;
}

static bool reserve_name(berthi_polyplug *h)
{
    polyplug_bundle_name *grown = berthi_polyplug_grow(h->bundles, &h->bundles_room,
                                                       h->bundles_count, sizeof *h->bundles);

    if (grown != NULL)
        h->bundles = grown;
    return grown != NULL;
}

static uint32_t find_name(const berthi_polyplug *h, uint64_t bundle)
{
    uint32_t i = 0;

    while (i < h->bundles_count && h->bundles[i].id != bundle)
        i++;
    return i;
}

/* The name has its room from here on: nothing fails when it is published. */
static bool stage_name(berthi_polyplug *h, const berthi_manifest *m)
{
    uint32_t at = find_name(h, m->polyplug->id);

    if (at == h->bundles_count && !reserve_name(h))
        return false;
    if (at == h->bundles_count) {
        polyplug_bundle_name *name = &h->bundles[h->bundles_count++];

        snprintf(name->name, sizeof name->name, "%s", m->name);
        name->id = m->polyplug->id;
        name->is_there = false;
    }
    return true;
}

static bool stage_offers(berthi_polyplug *h, const berthi_manifest *m, const polyplug_plugin *p,
                         berth_version *version, berthi_polyplug_staged *staged)
{
    bool done;

    berthi_lock_take(&h->lock);
    done = stage_name(h, m);
    for (uint32_t i = 0; done && i < p->count; i++) {
        polyplug_offer *o = take_offer(h, p->id, &p->contracts[i]);
        staged_offer *s = &staged->at[i];

        done = o != NULL;
        if (!done)
            break;
        s->offer = o;
        memcpy(s->version, p->contracts[i].version, sizeof s->version);
        o->staged = version;
        o->staged_thread = berthi_thread_self();
        staged->count++;
    }
    berthi_lock_drop(&h->lock);
    return done;
}

static berth_status name_calls(berthi_polyplug_staged *staged, const polyplug_plugin *p,
                               berth_slot *slot, berth_diag *diag)
{
    berth_status status = BERTH_OK;

    for (uint32_t i = 0; status == BERTH_OK && i < p->count; i++) {
        char name[BERTHI_POLYPLUG_NAME_MAX + 16];

        snprintf(name, sizeof name, "%s@%u", p->contracts[i].name, p->contracts[i].version[0]);
        status = berthi_foreign_name(slot, name, &staged->at[i].function, diag);
    }
    return status;
}

static berth_status stage(berthi_polyplug *h, const berthi_manifest *m, berth_slot *slot,
                          berth_version *version, berthi_polyplug_staged **staged_out,
                          berth_diag *diag)
{
    const polyplug_plugin *p = berthi_foreign_self(version, &berthi_polyplug_abi);
    berthi_polyplug_staged *staged =
        berthi_zalloc(&berthi_allocator_libc, size_of_staged(BERTHI_BUNDLE_ENTRIES_MAX));
    berth_status status;

    if (staged == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "the contracts of %s", m->name);
    staged->bundle = p->id;
    status = name_calls(staged, p, slot, diag);
    if (status == BERTH_OK && !stage_offers(h, m, p, version, staged))
        status = berthi_fail(diag, BERTH_E_NOMEM, "the contracts of %s", m->name);
    if (status == BERTH_OK)
        *staged_out = staged;
    else
        berthi_polyplug_discard(h, staged);
    return status;
}

berth_status berthi_polyplug_prepare(berthi_polyplug *h, const berthi_polyplug_bundle *bundle,
                                     const uint8_t *bytes, size_t size, berth_slot *slot,
                                     berth_version **version_out,
                                     berthi_polyplug_staged **staged_out, berth_diag *diag)
{
    polyplug_opening opening = { h, bundle };
    const berthi_foreign foreign = { &berthi_polyplug_abi, &opening, bundle->manifest->name,
                                     bundle->manifest->version };
    berth_version *version = NULL;
    berth_status status =
        berthi_slot_prepare_foreign(slot, bytes, size, &foreign, &version, diag);

    if (status != BERTH_OK)
        return status;
    status = stage(h, bundle->manifest, slot, version, staged_out, diag);
    if (status == BERTH_OK)
        *version_out = version;
    else
        berth_version_discard(version);
    return status;
}

/* ---------------------------------------------------------------- publishing */

static void free_staged(berthi_polyplug_staged *staged)
{
    berthi_free(&berthi_allocator_libc, staged, size_of_staged(BERTHI_BUNDLE_ENTRIES_MAX));
}

static void vacate(polyplug_offer *o)
{
    o->generation += o->is_there; /* its handles are stale */
    o->is_there = false;
}

/* Under the lock: takes a handle of the slot, and gives back the one it had to be released. */
static berth_slot *publish(berthi_polyplug *h, const staged_offer *s, berth_slot *slot)
{
    berth_polyplug_version version = { s->version[0], s->version[1], s->version[2] };
    polyplug_offer *o = s->offer;
    berth_slot *old = o->slot;

    o->staged = NULL;
    o->function = s->function;
    if (!o->is_there)
        o->order = ++h->order;
    o->is_there = true;
    /* Plugins read these without the lock; a major number never changes. */
    __atomic_store_n(&o->stand_in.contract_version.minor, version.minor, __ATOMIC_RELAXED);
    __atomic_store_n(&o->stand_in.contract_version.patch, version.patch, __ATOMIC_RELAXED);
    if (old == slot)
        return NULL;
    atomic_fetch_add_explicit(&slot->refs, 1, memory_order_relaxed);
    o->slot = slot;
    return old;
}

static bool is_in(const berthi_polyplug_staged *staged, const polyplug_offer *o)
{
    for (uint32_t i = 0; i < staged->count; i++)
        if (staged->at[i].offer == o)
            return true;
    return false;
}

void berthi_polyplug_commit(berthi_polyplug *h, berthi_polyplug_staged *staged,
                            berth_slot *slot)
{
    berth_slot *old[BERTHI_BUNDLE_ENTRIES_MAX] = { NULL };

    berthi_lock_take(&h->lock);
    for (uint32_t i = 0; i < h->offers_count; i++)
        if (h->offers[i]->bundle == staged->bundle && !is_in(staged, h->offers[i]))
            vacate(h->offers[i]);
    for (uint32_t i = 0; i < staged->count; i++)
        old[i] = publish(h, &staged->at[i], slot);
    h->bundles[find_name(h, staged->bundle)].is_there = true;
    changed(h);
    berthi_lock_drop(&h->lock);
    for (uint32_t i = 0; i < staged->count; i++)
        berth_slot_release(old[i]);
    free_staged(staged);
}

void berthi_polyplug_discard(berthi_polyplug *h, berthi_polyplug_staged *staged)
{
    if (staged == NULL)
        return;
    berthi_lock_take(&h->lock);
    for (uint32_t i = 0; i < staged->count; i++)
        staged->at[i].offer->staged = NULL;
    berthi_lock_drop(&h->lock);
    free_staged(staged);
}

void berthi_polyplug_forget(berthi_polyplug *h, uint64_t bundle)
{
    uint32_t at;

    berthi_lock_take(&h->lock);
    for (uint32_t i = 0; i < h->offers_count; i++)
        if (h->offers[i]->bundle == bundle)
            vacate(h->offers[i]);
    at = find_name(h, bundle);
    if (at < h->bundles_count)
        h->bundles[at].is_there = false;
    changed(h);
    berthi_lock_drop(&h->lock);
}

uint32_t berthi_polyplug_instances(berthi_polyplug *h, uint64_t bundle)
{
    uint32_t count = 0;

    berthi_lock_take(&h->lock);
    for (uint32_t i = 0; i < h->offers_count; i++)
        count += h->offers[i]->bundle == bundle ? h->offers[i]->instances : 0;
    berthi_lock_drop(&h->lock);
    return count;
}

/* ---------------------------------------------------------------- the end */

void berthi_polyplug_end_all(berthi_polyplug *h)
{
    berthi_lock_take(&h->lock);
    h->is_closed = true;
    while (h->inside != 0)
        berthi_cond_wait(&h->changed, &h->lock.mutex);
    for (uint32_t i = 0; i < h->offers_count; i++)
        vacate(h->offers[i]);
    changed(h);
    berthi_lock_drop(&h->lock);
    berthi_polyplug_instances_end(h, NULL);
    berthi_polyplug_services_end(h);
}

void berthi_polyplug_close(berthi_polyplug *h)
{
    for (uint32_t i = 0; i < h->offers_count; i++) { /* nobody is there to take one any more */
        berth_slot_release(h->offers[i]->slot);
        h->offers[i]->slot = NULL;
    }
    berthi_polyplug_unref(h);
}
