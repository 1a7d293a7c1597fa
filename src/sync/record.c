/* record.c - joining and leaving a domain.  Layer: sync.
 *
 * The calling thread's record is cached in one thread-local; a thread that calls into several
 * runtimes falls back to the domain's own key.  The key's destructor gives the record to the
 * next thread that joins, so that a program may start and end threads for ever.
 *
 * A thread may be ending while its domain is torn down: the C library has then already taken the
 * destructor and its argument, and deleting the key does not wait for it.  Therefore the list of
 * living domains, the only process-wide state of the library besides the count next to it.
 */
#include "sync/record.h"

#include <stdlib.h>

#include "base/diag.h"
#include "os/clock.h"

_Thread_local berthi_record_cache berthi_record_mine
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* Tells domains of one process apart, so that a cached record is never taken for that of a
 * domain which happens to lie at the same address, and slots likewise. */
static _Atomic(uint64_t) numbers_taken;

/* Not ranked: a thread that is ending takes it with nothing else held. */
static berthi_mutex living_lock = BERTHI_MUTEX_INIT;
static berthi_domain *living; /* guarded by living_lock */

#ifdef BERTH_HOSTILE
enum { WINDOW_EVERY = 61, WINDOW_NS = 30000 };

void berthi_window(void)
{
    static _Atomic(unsigned) windows;

    if (atomic_fetch_add_explicit(&windows, 1, memory_order_relaxed) % WINDOW_EVERY == 0)
        berthi_clock_wait_until(berthi_clock_ns() + WINDOW_NS);
    else
        berthi_thread_yield();
}
#endif

uint64_t berthi_number_take(void)
{
    return 1 + atomic_fetch_add_explicit(&numbers_taken, 1, memory_order_relaxed);
}

static bool has_record(berthi_domain *d, const berthi_record *wanted)
{
    /* acquire: pairs with the release in make_record(). */
    berthi_record *r = atomic_load_explicit(&d->records, memory_order_acquire);

    while (r != NULL && r != wanted)
        r = r->next;
    return r != NULL;
}

/* `changes` is odd meanwhile, so that nobody takes the state before for the one after.  seq_cst:
 * stores of the writer's in the argument without membarrier.
 *
 * A record that is `left` (or NULL) is free before the number falls: whoever sees the number below
 * the bound gets a record.  It may have its next owner at once, who waits here for the lock to
 * count itself, so the number never says more than there are. */
static void change_owned(berthi_domain *d, int by, berthi_record *left)
{
    berthi_lock_take(&d->lock);
    atomic_fetch_add_explicit(&d->changes, 1, memory_order_seq_cst);
    BERTHI_WINDOW();
    if (left != NULL)
        /* release: the next owner sees what this thread left in its seats. */
        atomic_store_explicit(&left->owner, 0, memory_order_release);
    BERTHI_WINDOW();
    atomic_fetch_add_explicit(&d->records_owned, (unsigned)by, memory_order_seq_cst);
    berthi_domain_tell(d); /* it may be that calls have to be counted now */
    berthi_domain_barrier(d);
    BERTHI_WINDOW();
    atomic_fetch_add_explicit(&d->changes, 1, memory_order_seq_cst);
    berthi_lock_drop(&d->lock);
}

/* A thread ends.  Its record may be gone with its domain, and another domain may even have made
 * one of another thread in the same place; so nothing is believed before it was looked up. */
static void leave(void *value)
{
    berthi_record *mine = value;
    berthi_domain *d;

    if (berthi_record_mine.record == mine)
        berthi_record_mine = (berthi_record_cache){ 0, NULL, 0, 0 };
    BERTHI_WINDOW();
    berthi_mutex_lock(&living_lock);
    for (d = living; d != NULL && !has_record(d, mine); d = d->next_living)
        continue;
    if (d != NULL &&
        atomic_load_explicit(&mine->owner, memory_order_relaxed) == berthi_thread_self()) {
        assert(berthi_record_depth(mine) == 0);
        change_owned(d, -1, mine);
    }
    berthi_mutex_unlock(&living_lock);
}

bool berthi_record_is_good(void)
{
    const berthi_domain *d;
    bool is_good;

    if (!berthi_mutex_try(&living_lock))
        return false;
    for (d = living; d != NULL && d->id != berthi_record_mine.domain_id;)
        d = d->next_living;
    is_good = d != NULL;
    berthi_mutex_unlock(&living_lock);
    return is_good;
}

static void begin_living(berthi_domain *d)
{
    berthi_mutex_lock(&living_lock);
    d->next_living = living;
    living = d;
    berthi_mutex_unlock(&living_lock);
}

static void end_living(berthi_domain *d)
{
    berthi_domain **at = &living;

    berthi_mutex_lock(&living_lock);
    while (*at != d)
        at = &(*at)->next_living;
    *at = d->next_living;
    berthi_mutex_unlock(&living_lock);
}

berth_status berthi_domain_init(berthi_domain *d, const berth_allocator *a, berth_diag *diag)
{
    int code;

    memset(d, 0, sizeof *d);
    d->allocator = a;
    d->id = berthi_number_take();
    d->is_asymmetric = berthi_barrier_register();
    atomic_init(&d->news, 1);
    d->quick_id = d->is_asymmetric ? d->id : UINT64_MAX;
    code = berthi_lock_init(&d->lock, BERTHI_RANK_DOMAIN);
    if (code != 0)
        return berthi_fail_os(diag, code, "the lock of the call records");
    code = berthi_tls_init(&d->tls, leave);
    if (code != 0) {
        berthi_lock_fini(&d->lock);
        return berthi_fail_os(diag, code, "a per-thread key; a process has about 1000");
    }
    begin_living(d);
    return BERTH_OK;
}

void berthi_domain_fini(berthi_domain *d)
{
    berthi_record *r, *next;

    end_living(d); /* from here on no thread that ends touches the domain or a record */
    berthi_tls_fini(&d->tls);
    if (berthi_record_mine.domain_id == d->id)
        berthi_record_mine = (berthi_record_cache){ 0, NULL, 0, 0 };
    r = atomic_load_explicit(&d->records, memory_order_acquire);
    for (; r != NULL; r = next) {
        next = r->next;
        /* acquire: pairs with berthi_unpin(), the last that a thread did with its record. */
        for (unsigned i = 0; i < BERTHI_PINS_MAX; i++)
            if (atomic_load_explicit(&r->entry[i].pin, memory_order_acquire) != NULL)
                berthi_panic("the call records end while a thread is inside");
        berthi_free_aligned(d->allocator, r->memory, sizeof *r, _Alignof(berthi_record));
    }
    berthi_lock_fini(&d->lock);
}

/* A record that a finished thread left, or NULL. */
static berthi_record *take_left_record(berthi_domain *d)
{
    berthi_record *r = atomic_load_explicit(&d->records, memory_order_acquire);
    uint64_t self = berthi_thread_self();

    for (; r != NULL; r = r->next) {
        uint64_t nobody = 0;

        /* acquire: pairs with the release in change_owned(). */
        if (atomic_load_explicit(&r->owner, memory_order_relaxed) == 0 &&
            atomic_compare_exchange_strong_explicit(&r->owner, &nobody, self,
                                                    memory_order_acquire, memory_order_relaxed))
            return r;
    }
    return NULL;
}

static berthi_record *make_record(berthi_domain *d)
{
    void *memory;
    /* I9: before the lock is taken. */
    berthi_record *r =
        berthi_zalloc_aligned(d->allocator, sizeof *r, _Alignof(berthi_record), &memory);
    bool is_linked = false;

    if (r == NULL)
        return NULL;
    r->memory = memory;
    atomic_init(&r->owner, berthi_thread_self());
    berthi_lock_take(&d->lock);
    if (d->records_made < BERTHI_RECORDS_MAX) {
        r->index = d->records_made++;
        r->next = atomic_load_explicit(&d->records, memory_order_relaxed);
        /* release: pairs with the acquire of those who walk the list. */
        atomic_store_explicit(&d->records, r, memory_order_release);
        is_linked = true;
    }
    berthi_lock_drop(&d->lock);
    if (is_linked)
        return r;
    berthi_free_aligned(d->allocator, memory, sizeof *r, _Alignof(berthi_record));
    return NULL;
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
            atomic_store_explicit(&mine->owner, 0, memory_order_release);
            return NULL;
        }
        change_owned(d, 1, NULL); /* from here on the gates count; see registry/gate.c */
    }
    /* Each time, for it may be another thread's record. */
    atomic_store_explicit(&mine->number, berthi_thread_number(), memory_order_relaxed);
    berthi_record_mine = (berthi_record_cache){ d->id, mine, 0, 0 };
    return mine;
}

void *berthi_pin_again(berthi_domain *d, _Atomic(void *) *pin, _Atomic(void *) *shared,
                       void *seen)
{
    for (;;) {
        void *again;

        atomic_fetch_add_explicit(&d->retries, 1, memory_order_relaxed);
        again = berthi_pin_try(pin, shared, seen, d->is_asymmetric);
        if (again == seen) {
            BERTHI_WINDOW();
            return seen;
        }
        seen = again;
    }
}

void berthi_domain_await_looks(berthi_domain *d)
{
    berthi_record *r;

    if (!d->is_asymmetric)
        return; /* nobody looks but under a lock */
    berthi_domain_barrier(d);
    r = atomic_load_explicit(&d->records, memory_order_acquire);
    for (; r != NULL; r = r->next) {
        /* acquire: pairs with berthi_look_end(). */
        uint64_t looks = atomic_load_explicit(&r->looks, memory_order_acquire);

        while (looks % 2 == 1 && atomic_load_explicit(&r->looks, memory_order_acquire) == looks)
            berthi_thread_yield();
    }
}
