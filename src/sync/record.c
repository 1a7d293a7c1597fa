/* record.c - joining and leaving a domain.  Layer: sync.
 *
 * The calling thread's record is cached in one thread-local; a thread that calls into several
 * runtimes falls back to the domain's own key.  The key's destructor gives the record to the
 * next thread that joins, so that a program may start and end threads for ever.
 */
#include "sync/record.h"

#include <stdlib.h>

#include "base/diag.h"

_Thread_local berthi_record_cache berthi_record_mine
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* Tells domains of one process apart, so that a cached record is never taken for that of a
 * domain which happens to lie at the same address.  The only process-wide variable. */
static _Atomic(uint64_t) domains_made;

static void leave(void *value)
{
    berthi_record *mine = value;
    berthi_domain *d = mine->domain;

    assert(mine->depth == 0);
    if (berthi_record_mine.record == mine)
        berthi_record_mine = (berthi_record_cache){ 0, NULL };
    atomic_fetch_sub_explicit(&d->records_owned, 1, memory_order_relaxed);
    /* release: the next owner sees what this thread left in its seats. */
    atomic_store_explicit(&mine->is_owned, false, memory_order_release);
}

berth_status berthi_domain_init(berthi_domain *d, const berth_allocator *a, berth_diag *diag)
{
    int code;

    memset(d, 0, sizeof *d);
    d->allocator = a;
    d->id = 1 + atomic_fetch_add_explicit(&domains_made, 1, memory_order_relaxed);
    d->is_asymmetric = berthi_barrier_register();
    code = berthi_lock_init(&d->lock, BERTHI_RANK_DOMAIN);
    if (code != 0)
        return berthi_fail_os(diag, code, "the lock of the call records");
    code = berthi_tls_init(&d->tls, leave);
    if (code != 0) {
        berthi_lock_fini(&d->lock);
        return berthi_fail_os(diag, code, "a per-thread key; a process has about 1000");
    }
    return BERTH_OK;
}

void berthi_domain_fini(berthi_domain *d)
{
    berthi_record *r = atomic_load_explicit(&d->records, memory_order_acquire), *next;

    berthi_tls_fini(&d->tls);
    if (berthi_record_mine.domain_id == d->id)
        berthi_record_mine = (berthi_record_cache){ 0, NULL };
    for (; r != NULL; r = next) {
        assert(r->depth == 0);
        next = r->next;
        berthi_free_aligned(d->allocator, r->memory, sizeof *r, _Alignof(berthi_record));
    }
    berthi_lock_fini(&d->lock);
}

/* A record that a finished thread left, or NULL. */
static berthi_record *take_left_record(berthi_domain *d)
{
    berthi_record *r = atomic_load_explicit(&d->records, memory_order_acquire);

    for (; r != NULL; r = r->next) {
        bool owned = false;

        /* acquire: pairs with the release in leave(). */
        if (atomic_compare_exchange_strong_explicit(&r->is_owned, &owned, true,
                                                    memory_order_acquire, memory_order_relaxed))
            return r;
    }
    return NULL;
}

static berthi_record *make_record(berthi_domain *d)
{
    berthi_record *r = NULL;
    void *memory;

    berthi_lock_take(&d->lock);
    if (d->records_made < BERTHI_RECORDS_MAX)
        r = berthi_zalloc_aligned(d->allocator, sizeof *r, _Alignof(berthi_record), &memory);
    if (r != NULL) {
        r->memory = memory;
        r->domain = d;
        r->index = d->records_made++;
        atomic_init(&r->is_owned, true);
        r->next = atomic_load_explicit(&d->records, memory_order_relaxed);
        /* release: pairs with the acquire of those who walk the list. */
        atomic_store_explicit(&d->records, r, memory_order_release);
    }
    berthi_lock_drop(&d->lock);
    return r;
}

berthi_record *berthi_domain_join(berthi_domain *d)
{
    berthi_record *mine = berthi_tls_get(&d->tls);

    if (mine == NULL) {
        mine = take_left_record(d);
        if (mine == NULL)
            mine = make_record(d);
        if (mine == NULL)
            return NULL;
        if (berthi_tls_set(&d->tls, mine) != 0) {
            atomic_store_explicit(&mine->is_owned, false, memory_order_release);
            return NULL;
        }
        atomic_fetch_add_explicit(&d->records_owned, 1, memory_order_relaxed);
        /* release: who sees the join sees the number. */
        atomic_fetch_add_explicit(&d->joins, 1, memory_order_release);
        /* From here on the gates count; see registry/gate.c. */
        berthi_domain_barrier(d);
    }
    berthi_record_mine = (berthi_record_cache){ d->id, mine };
    return mine;
}
