/* sync/record.h - who is using which version right now, and freeing a version nobody uses.
 *
 * Layer: sync.  The argument in full, with its proof obligations: docs/design/0004-records.md.
 *
 * A thread that is about to use what a shared pointer names writes the pointer into its own
 * record, then looks at the shared pointer again.  Whoever unlinks a version looks at all
 * records afterwards.  One of the two always sees the other:
 *
 *   reader   store pin;     barrier;  load shared     sees the new value, and tries again, or
 *   writer   store shared;  barrier;  load pins       sees the pin, and leaves the version alone
 *
 * The reader runs millions of times a second and the writer seldom, so the reader's barrier is
 * one for the compiler only and the writer makes every thread execute a full one
 * (membarrier(2)).  Where that is missing, and under ThreadSanitizer, both use sequentially
 * consistent operations instead.
 *
 * A pin holds back one version, never another (I3), and may be held for as long as the plugin
 * likes.  Records are never freed before their domain, so looking at them is always safe.
 */
#ifndef BERTHI_SYNC_RECORD_H
#define BERTHI_SYNC_RECORD_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <berth/plugin.h>

#include "base/alloc.h"
#include "os/barrier.h"
#include "os/thread.h"
#include "sync/lock.h"

/* In a hostile build every window that matters is held open, so that tests can get into it: by a
 * yield, and now and then for as long as another thread needs for all that it does. */
#ifdef BERTH_HOSTILE
void berthi_window(void);
#define BERTHI_WINDOW() berthi_window()
#else
#define BERTHI_WINDOW() ((void)0)
#endif

enum {
    BERTHI_PINS_MAX = 8,       /* a plugin that calls a plugin that calls ... */
    BERTHI_RECORDS_MAX = 1024, /* threads that may call at the same time */
    BERTHI_KNOWN_MAX = 8       /* a power of two */
};

/* What the owner of a record found when it last took the long way; the call path's to fill. */
typedef struct berthi_memo {
    uint64_t key; /* 0: nothing */
    uint32_t what, where;
    void *place;
} berthi_memo;

/* An object that the owner of a record pinned before, with what is to be called in it: as good as
 * new for as long as the domain tells no news (berthi_pin_known()). */
typedef struct berthi_known {
    uint64_t key; /* names one thing in the whole process, for good; 0: none */
    void *object;
    uint64_t news; /* of the domain, from before the object was pinned */
    berth_plugin_fn *call;
    void *self, *place;
    const void *typed;
    bool is_measured; /* it has bytes to be counted */
} berthi_known;

/* Why a function of the host failed that a plugin called, kept until the plugin's call ends. */
typedef struct berthi_failure {
    const void *where; /* NULL: nothing */
    uint64_t call;     /* which one of those that `where` counts */
    berth_diag diag;
} berthi_failure;

/* Side by side: a processor writes back two stores in a row at once when they are of one cache line,
 * and a call that does little waits for its stores before anything else. */
typedef struct berthi_entry {
    _Atomic(void *) pin;
    /* Tick at which the pin was set, or earlier; stored before the pin. */
    _Atomic(uint64_t) since;
} berthi_entry;

typedef struct berthi_record { /* one per thread and domain; only its owner writes entries */
    _Alignas(64) berthi_entry entry[BERTHI_PINS_MAX];
    _Atomic(uint8_t) counted[BERTHI_PINS_MAX]; /* the call takes a place in its slot's gate */
    /* What is called there, in the caller's words; of native plugins alone. */
    _Atomic(uint32_t) function[BERTHI_PINS_MAX];
    _Atomic(uint64_t)
        looks; /* begun and ended, together: odd while one is on (berthi_look_begin()) */
    _Atomic(uint64_t) number; /* berthi_thread_number() of the thread whose it is */
    unsigned index;           /* 0 .. BERTHI_RECORDS_MAX - 1, fixed */
    berthi_memo memo;         /* owner only, as is all to `result` */
    berthi_known known;       /* what was called last, where berthi_record_mine says so */
    berthi_known known_before[BERTHI_KNOWN_MAX]; /* by key */
    berth_diag *diag; /* of the call of what is known that is inside, as is the next */
    void *result;
    berthi_failure failure;
    _Atomic(uint64_t) owner;    /* berthi_thread_self() of the thread whose it is; 0: none */
    struct berthi_record *next; /* fixed once linked into the domain */
    void *memory;               /* what was allocated, before alignment */
} berthi_record;

typedef struct berthi_domain {
    uint64_t id;                      /* never 0, never the same for two domains of a process */
    uint64_t quick_id;                /* the same where readers need no fence; else nobody's */
    bool is_asymmetric;               /* fixed: readers need no fence */
    _Atomic(uint64_t) tick;           /* coarse time, about 1 ms a step */
    _Atomic(uint64_t) news;           /* counts what makes known objects doubtful */
    _Atomic(berthi_record *) records; /* newest first */
    _Atomic(unsigned) records_owned;  /* threads that have called and not ended */
    _Atomic(uint64_t) changes;        /* of that number, twice each; odd while it changes */
    _Atomic(uint64_t) retries;        /* pins that met a swap: how tests know that they do */
    _Atomic(unsigned) fence;          /* see berthi_domain_barrier() */
    unsigned records_made;            /* guarded by lock */
    struct berthi_domain *next_living; /* guarded by record.c's list of domains */
    berthi_lock lock;
    berthi_tls tls;
    const berth_allocator *allocator;
} berthi_domain;

berth_status berthi_domain_init(berthi_domain *d, const berth_allocator *a, berth_diag *diag);
/* No thread is inside, and none will come.  Threads that were inside may live on, and may be
 * ending just now. */
void berthi_domain_fini(berthi_domain *d);

/* The calling thread's cached record.  The one thread-local of the library. */
typedef struct berthi_record_cache {
    uint64_t domain_id;
    berthi_record *record;
    /* The key of what the record knows, in the second where it is measured; 0: none.  Never where
     * pins need a fence. */
    uint64_t known, known_measured;
} berthi_record_cache;
extern _Thread_local berthi_record_cache berthi_record_mine
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* A number that this process gets once. */
uint64_t berthi_number_take(void);

/* For signal handlers: the cached record is there, for its domain is.  It may say no when it is. */
bool berthi_record_is_good(void);

/* NULL: no memory, or BERTHI_RECORDS_MAX threads already call. */
berthi_record *berthi_domain_join(berthi_domain *d);

/* The calling thread's record, made at its first call. */
static inline berthi_record *berthi_domain_record(berthi_domain *d)
{
    berthi_record_cache *mine = &berthi_record_mine;

    return __builtin_expect(mine->domain_id == d->id, 1) ? mine->record : berthi_domain_join(d);
}

/* Names `object` in the record's entry.  Whoever finds it there finds what came before it: when
 * the pin was set, and, through a pin of another object, what was done under the last one. */
static inline __attribute__((always_inline)) void berthi_pin_set(_Atomic(void *) *pin,
                                                                 void *object,
                                                                 bool is_asymmetric)
{
    if (__builtin_expect(is_asymmetric, 1)) {
        atomic_store_explicit(pin, object, memory_order_release);
        /* The processor may still delay the store past the loads that follow; the writer's
         * berthi_barrier_all() is what makes it visible before the writer looks. */
        atomic_signal_fence(memory_order_seq_cst);
    } else {
        /* seq_cst: one half of the argument, where the writer does not make readers execute
         * a barrier. */
        atomic_store_explicit(pin, object, memory_order_seq_cst);
    }
}

/* The same; what `shared` names then. */
static inline __attribute__((always_inline)) void *berthi_pin_try(_Atomic(void *) *pin,
                                                                  _Atomic(void *) *shared,
                                                                  void *object,
                                                                  bool is_asymmetric)
{
    BERTHI_WINDOW();
    berthi_pin_set(pin, object, is_asymmetric);
    if (is_asymmetric)
        /* acquire: pairs with the exchange that published it. */
        return atomic_load_explicit(shared, memory_order_acquire);
    /* seq_cst: the other half. */
    return atomic_load_explicit(shared, memory_order_seq_cst);
}

/* For who met a swap: the same with what `shared` names now, until both agree.  Apart, so that
 * calls which meet none have less code to run over. */
void *berthi_pin_again(berthi_domain *d, _Atomic(void *) *pin, _Atomic(void *) *shared,
                       void *seen) __attribute__((cold));

/* Names what `shared` names in the entry and looks at `shared` again, until both agree. */
static inline __attribute__((always_inline)) void *berthi_pin_at(berthi_domain *d,
                                                                 _Atomic(void *) *pin,
                                                                 _Atomic(void *) *shared,
                                                                 bool is_asymmetric)
{
    void *seen = atomic_load_explicit(shared, memory_order_relaxed);
    void *again = berthi_pin_try(pin, shared, seen, is_asymmetric);

    if (__builtin_expect(again != seen, 0))
        return berthi_pin_again(d, pin, shared, again);
    BERTHI_WINDOW();
    return again;
}

/* How many entries are in use, which is where the next one goes: they are taken and given back
 * like a stack.  Owner only.  A count kept beside them would be two more stores in each call. */
static inline unsigned berthi_record_depth(berthi_record *mine)
{
    unsigned at = 0;

    while (at < BERTHI_PINS_MAX &&
           atomic_load_explicit(&mine->entry[at].pin, memory_order_relaxed) != NULL)
        at++;
    return at;
}

/* The thread is in no call: the next one is not nested. */
static inline bool berthi_record_is_idle(berthi_record *mine)
{
    return atomic_load_explicit(&mine->entry[0].pin, memory_order_relaxed) == NULL;
}

/* Entry `at`, the record's depth, stamped with the time; the caller names something in it. */
static inline _Atomic(void *) *berthi_pin_open(berthi_domain *d, berthi_record *mine,
                                               unsigned at)
{
    assert(at < BERTHI_PINS_MAX && at == berthi_record_depth(mine));
    atomic_store_explicit(&mine->entry[at].since,
                          atomic_load_explicit(&d->tick, memory_order_relaxed),
                          memory_order_relaxed);
    return &mine->entry[at].pin;
}

/* The object that `shared` names, safe to use until berthi_unpin().  NULL when there is none; then
 * nothing is pinned, and berthi_unpin() does no harm.  `at` is the record's depth, which the
 * caller has found to be below BERTHI_PINS_MAX. */
static inline void *berthi_pin(berthi_domain *d, berthi_record *mine, unsigned at,
                               _Atomic(void *) *shared)
{
    return berthi_pin_at(d, berthi_pin_open(d, mine, at), shared, d->is_asymmetric);
}

/* The short form of finding one's record and pinning with it: one comparison says that the thread
 * has its record at hand and that its pins need no fence.  False: berthi_domain_record(), and
 * berthi_pin(), which do for all. */
static inline bool berthi_domain_is_quick(const berthi_domain *d)
{
    return __builtin_expect(berthi_record_mine.domain_id == d->quick_id, 1);
}

/* As berthi_pin() in the first entry, after berthi_domain_is_quick(). */
static inline void *berthi_pin_quickly(berthi_domain *d, berthi_record *mine,
                                       _Atomic(void *) *shared)
{
    assert(d->is_asymmetric && mine == berthi_record_mine.record);
    return berthi_pin_at(d, berthi_pin_open(d, mine, 0), shared, true);
}

/* What the thread called last is looked for again. */
static inline void berthi_known_forget(void)
{
    berthi_record_mine.known = berthi_record_mine.known_measured = 0;
}

/* Pins in the first entry what the record knows, after its key was found in berthi_record_mine, which
 * says that pins need no fence.  False: there is news, and nothing may be done but berthi_unpin().
 *
 * The second look is at the news instead of the shared pointer: who exchanges that tells afterwards,
 * and the object was found there after the news was read that it is known with.  So the news is the
 * old one only before the writer's barrier. */
static inline __attribute__((always_inline)) bool berthi_pin_known(berthi_domain *d,
                                                                   berthi_record *mine)
{
    _Atomic(void *) *pin = berthi_pin_open(d, mine, 0);
    bool is_known;

    assert(d->is_asymmetric && mine == berthi_record_mine.record);
    BERTHI_WINDOW();
    berthi_pin_set(pin, mine->known.object, true);
    BERTHI_WINDOW();
    /* acquire: pairs with berthi_domain_tell(). */
    is_known = atomic_load_explicit(&d->news, memory_order_acquire) == mine->known.news;
    BERTHI_WINDOW();
    return __builtin_expect(is_known, 1);
}

/* Names an object that the caller keeps alive by other means (a lease), for the gauges. */
static inline void berthi_pin_held(berthi_domain *d, berthi_record *mine, unsigned at,
                                   void *object)
{
    assert(object != NULL);
    berthi_pin_set(berthi_pin_open(d, mine, at), object, d->is_asymmetric);
}

/* Takes back the pin that was set when the record's depth was `at`. */
static inline void berthi_unpin(berthi_record *mine, unsigned at)
{
    assert(at < BERTHI_PINS_MAX && berthi_record_depth(mine) <= at + 1);
    BERTHI_WINDOW();
    /* release: what was done with the object happened before the reaper finds it free.  The last
     * access to the record: berthi_domain_fini() frees it when it sees the NULL. */
    atomic_store_explicit(&mine->entry[at].pin, NULL, memory_order_release);
}

/* The writer's half: after this, every pin that was set before the caller's last store to a
 * shared pointer is visible to the caller, and every later reader sees that store.
 *
 * ThreadSanitizer does not know fences.  For it both sides use sequentially consistent accesses
 * throughout, and the addition stands in for the fence on the machine that runs it. */
static inline void berthi_domain_barrier(berthi_domain *d)
{
    BERTHI_WINDOW();
    if (d->is_asymmetric)
        berthi_barrier_all();
    else
#ifdef BERTHI_THREAD_SANITIZER
        (void)atomic_fetch_add_explicit(&d->fence, 1, memory_order_seq_cst);
#else
        atomic_thread_fence(memory_order_seq_cst);
#endif
    BERTHI_WINDOW();
}

/* What any thread knows may be so no more: the last store of whoever changed that, before he passes the
 * barrier. */
static inline void berthi_domain_tell(berthi_domain *d)
{
    BERTHI_WINDOW();
    /* seq_cst: the writer's store in the argument; pairs with the looks in berthi_pin_known() and of
     * who is going to know something. */
    atomic_fetch_add_explicit(&d->news, 1, memory_order_seq_cst);
}

/* Makes `next` what `shared` names; returns what was there before.  Once the barrier was passed
 * after it, berthi_domain_uses() says who is still inside that: one barrier serves all that was
 * exchanged before it, and the reaper passes it, not who swaps. */
static inline void *berthi_publish(berthi_domain *d, _Atomic(void *) *shared, void *next)
{
    /* release: readers see `next` whole.  acquire: the caller sees what it will take down.
     * seq_cst: the writer's store in the argument; pairs with the second look in
     * berthi_pin_at(). */
    void *last = atomic_exchange_explicit(shared, next, memory_order_seq_cst);

    berthi_domain_tell(d);
    return last;
}

/* A look at objects that others unlink: short, and nothing is called in it.  Only after
 * berthi_domain_is_quick().  What is found there is kept by whoever unlinked it until
 * berthi_domain_await_looks() has come back. */
static inline void berthi_look_begin(berthi_record *mine)
{
    uint64_t looks = atomic_load_explicit(&mine->looks, memory_order_relaxed);

    assert(mine == berthi_record_mine.record && looks % 2 == 0);
    BERTHI_WINDOW();
    atomic_store_explicit(&mine->looks, looks + 1, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst); /* as in berthi_pin_set() */
    BERTHI_WINDOW();
}

static inline void berthi_look_end(berthi_record *mine)
{
    uint64_t looks = atomic_load_explicit(&mine->looks, memory_order_relaxed);

    assert(looks % 2 == 1);
    BERTHI_WINDOW();
    /* release: who waits for the end sees what was done with what was found. */
    atomic_store_explicit(&mine->looks, looks + 1, memory_order_release);
}

/* After the caller has unlinked something: until nobody is looking who may have found it. */
void berthi_domain_await_looks(berthi_domain *d);

/* How many entries of a record name the object. */
static inline unsigned berthi_record_uses(berthi_record *r, const void *object)
{
    unsigned n = 0;

    for (unsigned i = 0; i < BERTHI_PINS_MAX; i++)
        /* seq_cst: the fence-less half of the argument; acquire: pairs with berthi_unpin(). */
        if (atomic_load_explicit(&r->entry[i].pin, memory_order_seq_cst) == object)
            n++;
    return n;
}

static inline bool berthi_domain_uses(berthi_domain *d, const void *object)
{
    /* acquire: pairs with the release in berthi_domain_join(). */
    berthi_record *r = atomic_load_explicit(&d->records, memory_order_acquire);

    for (; r != NULL; r = r->next)
        if (berthi_record_uses(r, object) != 0)
            return true;
    return false;
}

#endif
