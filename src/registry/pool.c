/* pool.c - the instances of one version: each thread has its own, and none is shared.
 *
 * Layer: registry.  A seat belongs to one record's owner.  The owner uses it with plain loads
 * and stores while its record names the version.  Nobody else touches it, but for a thief that
 * needs an instance when all are taken:
 *
 *   owner   pin the version;      barrier;  load seats_closed    closed: leave the seat alone
 *   thief   store seats_closed;   barrier;  look at the record   pinned: leave the seat alone
 *
 * This is the argument of sync/record.h with `seats_closed` in place of the shared pointer: one
 * of the two always sees the other.  The thief works under the version's lock, so there is one
 * at a time, and an owner that finds the seats closed waits for that lock.
 *
 * Fresh instances are made and torn down by the reaper, through two rings per seat; a caller
 * pays for that itself only when it is faster than the reaper.  Then its instances follow each
 * other in one store, a few: a dead one keeps its memory, which no other sees, and its place until
 * the store ends, as those do that wait for the reaper, and whoever needs the place takes it.
 */
#include "registry/hot.h"

#include <string.h>

#include "base/diag.h"
#include "os/clock.h"

berthi_seat *berthi_seat_make(berth_version *v, unsigned index)
{
    const berth_allocator *a = &v->runtime->allocator;
    _Atomic(berthi_seat **) *at = &v->groups[index / BERTHI_SEATS_PER_GROUP];
    berthi_seat **group, *seat;
    void *memory;

    seat = berthi_zalloc_aligned(a, sizeof *seat, _Alignof(berthi_seat), &memory);
    if (seat == NULL)
        return NULL;
    seat->memory = memory;
    if (v->is_timed) {
        seat->latency = berthi_zalloc(a, sizeof *seat->latency);
        if (seat->latency == NULL)
            goto fail;
    }
    berthi_lock_take(&v->lock);
    group = atomic_load_explicit(at, memory_order_relaxed);
    if (group == NULL) {
        group = berthi_zalloc_array(a, BERTHI_SEATS_PER_GROUP, sizeof(berthi_seat *));
        if (group != NULL)
            atomic_store_explicit(at, group, memory_order_release);
    }
    if (group != NULL)
        __atomic_store_n(&group[index % BERTHI_SEATS_PER_GROUP], seat, __ATOMIC_RELEASE);
    berthi_lock_drop(&v->lock);
    if (group != NULL)
        return seat;
fail:
    berthi_free(a, seat->latency, sizeof *seat->latency);
    berthi_free_aligned(a, memory, sizeof *seat, _Alignof(berthi_seat));
    return NULL;
}

/* One more instance may live, or not. */
static bool claim(berth_version *v)
{
    uint32_t live = atomic_load_explicit(&v->instances_live, memory_order_relaxed);

    do {
        if (live >= v->slot->options.instances_max)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(
        &v->instances_live, &live, live + 1, memory_order_relaxed, memory_order_relaxed));
    return true;
}

/* With all that were in its store. */
static void discard(berth_version *v, berthi_seat *seat, berthi_instance *i)
{
    uint32_t count = i->in_store;

    berthi_instance_destroy(v, seat, i);
    atomic_fetch_sub_explicit(&v->instances_live, count, memory_order_release);
    if (atomic_load_explicit(&v->waiting, memory_order_relaxed) != 0) {
        berthi_lock_take(&v->lock);
        berthi_cond_wake_all(&v->cond);
        berthi_lock_drop(&v->lock);
    }
}

static berth_status make_claimed(berth_version *v, berthi_seat *seat,
                                 berthi_instance **instance_out, berth_diag *diag)
{
    berthi_instance *spent = seat == NULL ? NULL : seat->spent;
    berth_status status;

    if (spent != NULL) {
        seat->spent = NULL;
        *instance_out = spent;
        if (berthi_instance_renew(v, seat, spent, NULL) == BERTH_OK)
            return BERTH_OK;
        discard(v, seat, spent); /* if there was no place, now there is; else we hear of it */
    }
    status = berthi_instance_make(v, seat, instance_out, diag);
    if (status != BERTH_OK)
        atomic_fetch_sub_explicit(&v->instances_live, 1, memory_order_release);
    return status;
}

static berthi_instance *ring_take(berthi_ring *ring)
{
    uint32_t taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);
    berthi_instance *i;

    /* acquire: pairs with the release in ring_put(). */
    if (atomic_load_explicit(&ring->put, memory_order_acquire) == taken)
        return NULL;
    i = ring->items[taken % BERTHI_RING_SIZE];
    BERTHI_WINDOW();
    atomic_store_explicit(&ring->taken, taken + 1, memory_order_release);
    return i;
}

static bool ring_put(berthi_ring *ring, berthi_instance *i)
{
    uint32_t put = atomic_load_explicit(&ring->put, memory_order_relaxed);

    /* acquire: pairs with the release in ring_take(), so that the item was read before. */
    if (put - atomic_load_explicit(&ring->taken, memory_order_acquire) == BERTHI_RING_SIZE)
        return false;
    ring->items[put % BERTHI_RING_SIZE] = i;
    atomic_store_explicit(&ring->put, put + 1, memory_order_release);
    return true;
}

static uint32_t ring_count(berthi_ring *ring)
{
    return atomic_load_explicit(&ring->put, memory_order_relaxed) -
           atomic_load_explicit(&ring->taken, memory_order_relaxed);
}

/* ---- taking from others: under the version's lock ---- */

static berthi_instance *take_spent(berthi_seat *seat)
{
    berthi_instance *i = seat->spent;

    seat->spent = NULL;
    return i;
}

static berthi_instance *rob_idle(berthi_seat *seat)
{
    berthi_instance *i = seat->idle;

    seat->idle = NULL;
    return i == NULL ? ring_take(&seat->ready) : i;
}

/* A spent one is good for its place alone. */
static berthi_instance *rob_seat(berthi_seat *seat)
{
    berthi_instance *i = rob_idle(seat);

    return i == NULL ? take_spent(seat) : i;
}

/* Idle and spent instances from seats whose owners are elsewhere, at most `max`; how many there were. */
static size_t rob(berth_version *v, berthi_instance **out, size_t max)
{
    berthi_record *r = atomic_load_explicit(&v->runtime->domain.records, memory_order_acquire);
    size_t n = 0;

    atomic_store_explicit(&v->seats_closed, true, memory_order_seq_cst);
    berthi_domain_barrier(&v->runtime->domain);
    BERTHI_WINDOW();
    for (; r != NULL && n < max; r = r->next) {
        berthi_seat *seat = berthi_seat_find(v, r->index);

        if (seat == NULL || berthi_record_uses(r, v) != 0)
            continue;
        while (n < max && (out[n] = rob_seat(seat)) != NULL)
            n++;
    }
    /* release: pairs with the acquire in berthi_seats_closed(); the owner sees its seat as it
     * is now. */
    atomic_store_explicit(&v->seats_closed, false, memory_order_release);
    return n;
}

static bool has_spare(const berth_version *v)
{
    return atomic_load_explicit(&v->spares, memory_order_relaxed) != NULL;
}

static berthi_instance *take_spare(berth_version *v)
{
    berthi_instance *i = atomic_load_explicit(&v->spares, memory_order_relaxed);

    if (i != NULL)
        atomic_store_explicit(&v->spares, i->next, memory_order_relaxed);
    return i;
}

size_t berthi_pool_take_idle(berth_version *v, berthi_instance **out, size_t max)
{
    size_t n = 0;

    berthi_lock_take(&v->lock);
    while (n < max && (out[n] = take_spare(v)) != NULL)
        n++;
    n += rob(v, out + n, max - n);
    berthi_lock_drop(&v->lock);
    return n;
}

/* ---- the slow way to an instance ---- */

/* This thread's own, looked at again.  Under the lock no thief is at work, and the next one
 * leaves this seat alone while the record names the version. */
static berthi_instance *take_own(berth_version *v, berthi_seat *seat)
{
    berthi_instance *i;

    if (v->is_fresh)
        return ring_take(&seat->ready);
    i = seat->idle;
    seat->idle = NULL;
    return i;
}

static bool is_too_old(const berth_version *v, const berthi_instance *i)
{
    uint64_t age_max = v->slot->options.reuse_age_ns_max;

    return age_max != 0 && !v->is_fresh &&
           atomic_load_explicit(&v->runtime->domain.tick, memory_order_relaxed) -
                   i->born_tick >=
               berthi_ticks(age_max);
}

static bool is_engine_full(berth_status status, const berth_diag *diag)
{
    return status == BERTH_E_LIMIT && diag->reason == BERTH_REASON_INSTANCES;
}

static berth_status engine_full(berth_version *v, berth_diag *diag)
{
    return berthi_fail_because(diag, BERTH_E_BUSY, BERTH_REASON_INSTANCES,
                               "all %u instances of the runtime were in use until the "
                               "deadline; raise its instances_max",
                               v->runtime->options.instances_max);
}

/* Makes the one that was claimed.  When the engine has no place left, idle instances of other
 * slots make room.  BERTH_E_BUSY: not even so. */
static berth_status make_or_reclaim(berth_version *v, berthi_seat *seat,
                                    berthi_instance **instance_out, berth_diag *diag)
{
    berth_diag own;
    berth_status status = make_claimed(v, seat, instance_out, &own);

    if (is_engine_full(status, &own) && berthi_reclaim(v->runtime) && claim(v))
        status = make_claimed(v, seat, instance_out, &own);
    if (is_engine_full(status, &own))
        return engine_full(v, diag);
    if (status != BERTH_OK && diag != NULL)
        *diag = own;
    return status;
}

/* One round.  BERTH_E_BUSY: there is none right now. */
static berth_status try_slowly(berth_version *v, berthi_seat *seat,
                               berthi_instance **instance_out, berth_diag *diag)
{
    bool may_make = false;
    berthi_instance *i;

    for (;;) {
        berthi_lock_take(&v->lock);
        i = take_own(v, seat);
        if (i == NULL)
            i = take_spare(v);
        if (i == NULL)
            may_make = claim(v);
        if (i == NULL && !may_make)
            i = take_spent(seat);
        if (i == NULL && !may_make && rob(v, &i, 1) == 0)
            i = NULL;
        berthi_lock_drop(&v->lock);
        if (i == NULL || !(i->is_spent || is_too_old(v, i)))
            break;
        discard(v, seat, i);
    }
    if (may_make)
        return make_or_reclaim(v, seat, instance_out, diag);
    *instance_out = i;
    return i != NULL ? BERTH_OK
                     : berthi_fail_because(diag, BERTH_E_BUSY, BERTH_REASON_INSTANCES,
                                           "all %u instances of the version were in use until "
                                           "the deadline",
                                           v->slot->options.instances_max);
}

/* Until somebody gives an instance back, at most a tick: one that looked at `waiting` too early
 * is found by the next round. */
static void wait_a_tick(berth_version *v, uint64_t now_ns, uint64_t until_ns)
{
    uint64_t tick_ns = now_ns + BERTHI_TICK_NS;

    berthi_lock_take(&v->lock);
    if (!has_spare(v))
        (void)berthi_cond_wait_until(&v->cond, &v->lock.mutex,
                                     tick_ns < until_ns ? tick_ns : until_ns);
    berthi_lock_drop(&v->lock);
}

static uint64_t end_of(uint64_t now_ns, uint64_t ticks)
{
    return ticks < UINT64_MAX / BERTHI_TICK_NS / 2 ? now_ns + ticks * BERTHI_TICK_NS
                                                   : UINT64_MAX / 2;
}

/* What was spent on waiting is taken off *ticks.  A round that found nothing is no failure yet, so
 * it does not write *diag. */
static berth_status take_slowly(berth_version *v, berthi_seat *seat, uint64_t *ticks,
                                berthi_instance **instance_out, berth_diag *diag)
{
    berth_diag own;
    berth_status status = try_slowly(v, seat, instance_out, &own);
    uint64_t now_ns, until_ns;

    if (status == BERTH_E_BUSY) {
        now_ns = berthi_clock_ns();
        until_ns = end_of(now_ns, *ticks);
        atomic_fetch_add_explicit(&v->waiting, 1, memory_order_seq_cst);
        while (status == BERTH_E_BUSY && now_ns < until_ns) {
            wait_a_tick(v, now_ns, until_ns);
            status = try_slowly(v, seat, instance_out, &own);
            now_ns = berthi_clock_ns();
        }
        atomic_fetch_sub_explicit(&v->waiting, 1, memory_order_relaxed);
        *ticks = now_ns < until_ns ? berthi_ticks(until_ns - now_ns) : 1;
    }
    if (status != BERTH_OK && diag != NULL)
        *diag = own;
    return status;
}

/* No thief is at work, nothing to spare is seen, and there is room for one more: no lock, which a
 * caller that is faster than the reaper would take for each call.  A spare put just now is missed
 * and taken by the next.  False: the slow way, with nothing said in *diag. */
static bool make_at_once(berth_version *v, berthi_seat *seat, berthi_instance **instance_out,
                         berth_status *status_out, berth_diag *diag)
{
    berth_diag own;

    if (has_spare(v) || !claim(v))
        return false;
    *status_out = make_or_reclaim(v, seat, instance_out, &own);
    if (*status_out == BERTH_E_BUSY)
        return false;
    if (*status_out != BERTH_OK && diag != NULL)
        *diag = own;
    return true;
}

berth_status berthi_pool_make(berth_version *v, berthi_instance **instance_out,
                              berth_diag *diag)
{
    uint64_t now_ns = berthi_clock_ns();
    uint64_t until_ns = end_of(now_ns, berthi_ticks(v->slot->options.probe_deadline_ns));
    berth_diag own;
    berth_status status;

    while (is_engine_full(status = berthi_instance_make(v, NULL, instance_out, &own), &own)) {
        if (now_ns >= until_ns)
            return engine_full(v, diag);
        if (!berthi_reclaim(v->runtime))
            wait_a_tick(v, now_ns, until_ns);
        now_ns = berthi_clock_ns();
    }
    if (status != BERTH_OK && diag != NULL)
        *diag = own;
    return status;
}

berth_status berthi_pool_take_new(berth_version *v, berthi_instance **instance_out,
                                  berth_diag *diag)
{
    berthi_instance *idle;
    bool may_make = claim(v);

    if (!may_make && berthi_pool_take_idle(v, &idle, 1) == 1) {
        discard(v, NULL, idle); /* it has served others */
        may_make = claim(v);
    }
    if (!may_make)
        return berthi_fail_because(diag, BERTH_E_BUSY, BERTH_REASON_INSTANCES,
                                   "all %u instances of the version are in use; raise the "
                                   "slot's instances_max",
                                   v->slot->options.instances_max);
    return make_or_reclaim(v, NULL, instance_out, diag);
}

static void put_spare(berth_version *v, berthi_instance *i)
{
    berthi_lock_take(&v->lock);
    i->next = atomic_load_explicit(&v->spares, memory_order_relaxed);
    atomic_store_explicit(&v->spares, i, memory_order_relaxed);
    if (atomic_load_explicit(&v->waiting, memory_order_relaxed) != 0)
        berthi_cond_wake_all(&v->cond);
    berthi_lock_drop(&v->lock);
}

/* ---- the way of a call ---- */

berth_status berthi_pool_take(berth_version *v, berthi_seat *seat, uint64_t *ticks,
                              berthi_instance **instance_out, berth_diag *diag)
{
    bool is_closed = berthi_seats_closed(v);
    berthi_instance *i = is_closed ? NULL : take_own(v, seat);
    berth_status status;

    if (i != NULL && is_too_old(v, i)) {
        discard(v, seat, i);
        i = NULL;
    }
    if (i == NULL) {
        if (!is_closed && make_at_once(v, seat, instance_out, &status, diag))
            return status;
        return take_slowly(v, seat, ticks, instance_out, diag);
    }
    *instance_out = i;
    return BERTH_OK;
}

static bool is_worn(const berth_version *v, berthi_instance *i)
{
    const berth_slot_options *opt = &v->slot->options;

    return (i->guest != NULL && i->guest->is_over) ||
           (opt->reuse_calls_max != 0 && i->calls >= opt->reuse_calls_max) ||
           is_too_old(v, i) ||
           (opt->reuse_memory_bytes_max != 0 &&
            berthi_instance_memory_bytes(i) > opt->reuse_memory_bytes_max);
}

enum { DRY_TICKS_MAX = 64, SHORT_TICKS = 2 };

/* A caller that is faster than the reaper makes and ends its instances itself: two threads at it
 * get in each other's way (unmapping memory interrupts the other core), and together are slower
 * than one.  The reaper is asked again after 1, 2, 4, ... ticks, until it keeps up. */
static bool may_ask_reaper(berth_version *v, berthi_seat *seat, uint32_t ready)
{
    uint64_t now = atomic_load_explicit(&v->runtime->domain.tick, memory_order_relaxed);

    if (ready > BERTHI_RING_SIZE / 2) {
        seat->dry_ticks = 0;
        return false;
    }
    if (now < seat->dry_until)
        return false;
    if (ready == 0) {
        seat->dry_ticks = seat->dry_ticks == 0 ? 1 : seat->dry_ticks * 2;
        if (seat->dry_ticks > DRY_TICKS_MAX)
            seat->dry_ticks = DRY_TICKS_MAX;
        seat->dry_until = now + seat->dry_ticks;
    }
    return true;
}

/* The instance is over.  Its store may take the next one: while there is room for many more, since the dead
 * ones keep their places, and after a short call, which cannot have touched much memory.  Nothing of an
 * instance that failed is kept (I6). */
static bool keeps_store(const berth_version *v, const berthi_seat *seat,
                        const berthi_instance *i, bool is_good)
{
    return is_good && seat->spent == NULL && i->in_store < i->in_store_max &&
           atomic_load_explicit(&v->waiting, memory_order_relaxed) == 0 &&
           2 * atomic_load_explicit(&v->instances_live, memory_order_relaxed) <
               v->slot->options.instances_max &&
           atomic_load_explicit(&v->runtime->domain.tick, memory_order_relaxed) -
                   i->born_tick <=
               SHORT_TICKS;
}

/* To the reaper; at once where the caller is faster, or somebody waits for the place. */
static void end_fresh(berth_version *v, berthi_seat *seat, berthi_instance *i, uint32_t ready)
{
    if (ready == 0 || atomic_load_explicit(&v->waiting, memory_order_relaxed) != 0 ||
        !ring_put(&seat->used, i))
        discard(v, seat, i);
}

static void give_fresh(berth_version *v, berthi_seat *seat, berthi_instance *i, bool is_good)
{
    uint32_t ready = ring_count(&seat->ready);

    if (ready == 0 && keeps_store(v, seat, i, is_good)) {
        i->is_spent = true;
        seat->spent = i;
    } else {
        end_fresh(v, seat, i, ready);
    }
    if (ready != 0 && seat->spent != NULL)
        end_fresh(v, seat, take_spent(seat), ready); /* the reaper makes them from here on */
    if (may_ask_reaper(v, seat, ready))
        berthi_reaper_notify(v);
}

void berthi_pool_give(berth_version *v, berthi_seat *seat, berthi_instance *i, bool is_good)
{
    if (v->is_fresh) {
        give_fresh(v, seat, i, is_good);
        return;
    }
    if (__builtin_expect(!is_good || (v->recycles && is_worn(v, i)), 0)) {
        discard(v, seat, i);
        return;
    }
    if (seat->idle != NULL || atomic_load_explicit(&v->waiting, memory_order_relaxed) != 0)
        put_spare(v, i); /* a nested call's, or somebody waits for it */
    else
        seat->idle = i; /* still pinned, so no thief looks */
}

berth_status berthi_pool_warm(berth_version *v, uint32_t count, berth_diag *diag)
{
    for (uint32_t n = 0; n < count && claim(v); n++) {
        berthi_instance *i;
        berth_diag own;
        berth_status status = make_claimed(v, NULL, &i, &own);

        if (is_engine_full(status, &own))
            break; /* a warm one is a wish; who calls makes room */
        if (status != BERTH_OK && diag != NULL)
            *diag = own;
        if (status != BERTH_OK)
            return status;
        put_spare(v, i);
    }
    return BERTH_OK;
}

/* ---- the reaper's part ---- */

static void refill_seat(berth_version *v, berthi_seat *seat)
{
    uint32_t hooks = atomic_load_explicit(&v->hooks_used, memory_order_relaxed);
    berthi_instance *i;

    while ((i = ring_take(&seat->used)) != NULL)
        discard(v, NULL, i);
    /* One thread alone may hold half of what the version may have.  One ring full and no more:
     * a caller that takes them as they come would keep the reaper here. */
    for (unsigned made = 0;
         made < BERTHI_RING_SIZE && ring_count(&seat->ready) < BERTHI_RING_SIZE &&
         2 * atomic_load_explicit(&v->instances_live, memory_order_relaxed) <
             v->slot->options.instances_max &&
         claim(v);
         made++) {
        if (make_claimed(v, NULL, &i, NULL) != BERTH_OK)
            return; /* the caller that needs one will make it, and hear why it cannot */
        berthi_instance_resolve(v, i, hooks);
        berthi_instance_resolve_alloc(v, i);
        if (!ring_put(&seat->ready, i))
            berthi_panic("a ring filled by one thread is full");
        while ((i = ring_take(&seat->used)) != NULL)
            discard(v, NULL, i);
    }
}

void berthi_pool_refill(berth_version *v)
{
    for (unsigned index = 0; index < BERTHI_RECORDS_MAX; index++) {
        berthi_seat *seat = berthi_seat_find(v, index);

        if (seat != NULL)
            refill_seat(v, seat);
        else if (index % BERTHI_SEATS_PER_GROUP == 0 &&
                 atomic_load_explicit(&v->groups[index / BERTHI_SEATS_PER_GROUP],
                                      memory_order_relaxed) == NULL)
            index += BERTHI_SEATS_PER_GROUP - 1;
    }
}

static void destroy_seat(berth_version *v, berthi_seat *seat)
{
    const berth_allocator *a = &v->runtime->allocator;
    berthi_instance *i;

    if (seat->idle != NULL)
        discard(v, NULL, seat->idle);
    if (seat->spent != NULL)
        discard(v, NULL, seat->spent);
    while ((i = ring_take(&seat->ready)) != NULL)
        discard(v, NULL, i);
    while ((i = ring_take(&seat->used)) != NULL)
        discard(v, NULL, i);
    berthi_instance_free_blank(v, seat);
    berthi_free(a, seat->latency, sizeof *seat->latency);
    berthi_free_aligned(a, seat->memory, sizeof *seat, _Alignof(berthi_seat));
}

void berthi_pool_destroy(berth_version *v)
{
    berthi_instance *i;

    for (unsigned g = 0; g < BERTHI_SEAT_GROUPS; g++) {
        berthi_seat **group = atomic_load_explicit(&v->groups[g], memory_order_acquire);

        for (unsigned s = 0; group != NULL && s < BERTHI_SEATS_PER_GROUP; s++)
            if (group[s] != NULL)
                destroy_seat(v, group[s]);
        if (group != NULL)
            berthi_free_array(&v->runtime->allocator, group, BERTHI_SEATS_PER_GROUP,
                              sizeof(berthi_seat *));
    }
    while ((i = take_spare(v)) != NULL)
        discard(v, NULL, i);
    assert(atomic_load(&v->instances_live) == 0);
}

/* Idle instances of a version that nobody is inside of; fresh ones have not been called. */
static berthi_instance *take_from_seats(berth_version *v)
{
    berthi_instance *i = NULL;

    for (unsigned g = 0; i == NULL && g < BERTHI_SEAT_GROUPS; g++) {
        berthi_seat **group = atomic_load_explicit(&v->groups[g], memory_order_acquire);

        for (unsigned s = 0; i == NULL && group != NULL && s < BERTHI_SEATS_PER_GROUP; s++)
            if (group[s] != NULL)
                i = rob_idle(group[s]);
    }
    return i;
}

void berthi_pool_bequeath(berth_version *v, berth_version *heir)
{
    berthi_instance *i;

    assert(v->content == heir->content && v->is_fresh == heir->is_fresh);
    for (unsigned n = 0; n < BERTHI_BEQUEST_MAX && claim(heir); n++) {
        i = take_spare(v);
        if (i == NULL)
            i = take_from_seats(v);
        if (i == NULL) {
            atomic_fetch_sub_explicit(&heir->instances_live, 1, memory_order_release);
            return;
        }
        put_spare(heir, i);
        atomic_fetch_sub_explicit(&v->instances_live, 1, memory_order_release);
    }
}

void berthi_pool_discard(berth_version *v, berthi_instance *i)
{
    discard(v, NULL, i);
}
