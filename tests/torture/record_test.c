/* record_test.c - readers against swappers and a reaper that takes things down at once.
 *
 * The objects are poisoned when they are freed and then used again under the same address.  A
 * reader reads them with plain loads under its pin, so that ThreadSanitizer sees what poison and
 * numbers might miss.  Each test counts what it provoked and fails when it provoked nothing.
 * Both forms of the protocol are run: with membarrier, where there is one, and without.
 */
#include "sync/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include "memory.h"
#include "os/clock.h"
#include "torture.h"

#include <cmocka.h>

enum {
    READERS = 4,
    SWAPPERS = 2,
    SHARED = 3,
    KNOWN_WANTED = 100,
    CALM_SWAPS = 64,
    CALM_YIELDS = 20,
    DEEPEST_YIELDS = 16, /* a deepest call waits so long for a swap at most */
    OBJECTS = 64,
    WORDS = 24,
    THREAD_STACK = 256 * 1024
};

#if defined(BERTH_HOSTILE) || defined(BERTHI_THREAD_SANITIZER)
enum { SWAPS_WANTED = 30000, RETRIES_WANTED = 20, LITMUS_ROUNDS = 20000, LITMUS_TURNS = 500 };
#else
enum { SWAPS_WANTED = 20000, RETRIES_WANTED = 1, LITMUS_ROUNDS = 400000, LITMUS_TURNS = 10000 };
#endif

static const uint64_t litmus_ns = (uint64_t)2 * 1000000000u; /* each form, once they met */
enum { LITMUS_TURNS_MIN = 200 };                             /* so often, or they did not */
static const unsigned litmus_over = UINT32_MAX;

typedef struct object {
    struct object *next;    /* in the pool or among the retired; guarded by the rig's lock */
    _Atomic(unsigned) refs; /* leases */
    uint64_t words[WORDS];  /* all the same: the object's number, or poison */
} object;

static const uint64_t poison = 0xDDDDDDDDDDDDDDDDu;

typedef struct rig {
    bertht_memory memory;
    berth_allocator allocator;
    berthi_domain domain;
    _Atomic(void *) shared[SHARED];
    berthi_lock lock;
    object *pool, *retired; /* guarded by lock */
    uint64_t numbers;       /* guarded by lock */
    object objects[OBJECTS];
    _Atomic(bool) stop;
    /* what happened */
    _Atomic(uint64_t) pins, outlived, leases, swaps, reaped, met_pin, met_lease, threads;
    _Atomic(uint64_t) known, news; /* pins of what was known, and of what was so no more */
    _Atomic(uint64_t) wrong;       /* objects that were not what they should be */
} rig;

static bool is_whole(const object *o)
{
    uint64_t first = o->words[0];

    for (size_t i = 1; i < WORDS; i++)
        if (o->words[i] != first)
            return false;
    return first != poison;
}

static void fill(object *o, uint64_t with)
{
    for (size_t i = 0; i < WORDS; i++)
        o->words[i] = with;
}

static rig *rig_make(bool is_asymmetric)
{
    rig *r = calloc(1, sizeof *r);

    assert_non_null(r);
    memory_init(&r->memory);
    r->allocator = memory_allocator(&r->memory);
    assert_int_equal(berthi_domain_init(&r->domain, &r->allocator, NULL), BERTH_OK);
    if (is_asymmetric && !r->domain.is_asymmetric) {
        berthi_domain_fini(&r->domain);
        free(r);
        return NULL;
    }
    r->domain.is_asymmetric = is_asymmetric;
    if (!is_asymmetric)
        r->domain.quick_id = UINT64_MAX; /* as in berthi_domain_init() */
    assert_int_equal(berthi_lock_init(&r->lock, BERTHI_RANK_SLOT), 0);
    for (size_t i = 0; i < OBJECTS; i++) {
        fill(&r->objects[i], poison);
        r->objects[i].next = r->pool;
        r->pool = &r->objects[i];
    }
    return r;
}

static object *object_make(rig *r)
{
    object *o;

    berthi_lock_take(&r->lock);
    o = r->pool;
    if (o != NULL) {
        r->pool = o->next;
        fill(o, ++r->numbers);
    }
    berthi_lock_drop(&r->lock);
    return o;
}

static void retire(rig *r, object *o)
{
    berthi_lock_take(&r->lock);
    o->next = r->retired;
    r->retired = o;
    berthi_lock_drop(&r->lock);
}

static void swap(rig *r, unsigned at, object *next)
{
    object *last = berthi_publish(&r->domain, &r->shared[at], next);

    BERTHI_WINDOW(); /* as in the registry; and readers get through between two swaps */
    BERTHI_WINDOW();
    atomic_fetch_add_explicit(&r->swaps, 1, memory_order_relaxed);
    if (last != NULL)
        retire(r, last);
}

/* As the registry does it: no record names it, and then no lease holds it. */
static void reap(rig *r)
{
    object *o, *next;

    berthi_lock_take(&r->lock);
    o = r->retired;
    r->retired = NULL;
    berthi_lock_drop(&r->lock);
    berthi_domain_barrier(&r->domain); /* one for all that were exchanged by now */
    for (; o != NULL; o = next) {
        next = o->next;
        if (berthi_domain_uses(&r->domain, o)) {
            atomic_fetch_add_explicit(&r->met_pin, 1, memory_order_relaxed);
            retire(r, o);
        } else if (atomic_load_explicit(&o->refs, memory_order_acquire) != 0) {
            atomic_fetch_add_explicit(&r->met_lease, 1, memory_order_relaxed);
            retire(r, o);
        } else {
            fill(o, poison);
            atomic_fetch_add_explicit(&r->reaped, 1, memory_order_relaxed);
            berthi_lock_take(&r->lock);
            o->next = r->pool;
            r->pool = o;
            berthi_lock_drop(&r->lock);
        }
    }
}

static void rig_free(rig *r)
{
    for (unsigned i = 0; i < SHARED; i++)
        swap(r, i, NULL);
    reap(r);
    assert_null(r->retired);
    for (size_t i = 0; i < OBJECTS; i++)
        assert_int_equal(r->objects[i].words[0], poison);
    berthi_domain_fini(&r->domain);
    berthi_lock_fini(&r->lock);
    memory_assert_empty(&r->memory);
    free(r);
}

static void start(berthi_thread *t, void *(*run)(void *), void *arg)
{
    assert_int_equal(berthi_thread_start(t, "torture", THREAD_STACK, run, arg), 0);
}

static void check(rig *r, const object *o)
{
    if (!is_whole(o))
        atomic_fetch_add(&r->wrong, 1);
}

/* As calls of native plugins do it: what was pinned before is pinned by what is known of it.  NULL: it
 * is not known. */
static object *pin_known(rig *r, berthi_record *mine, unsigned at)
{
    const berthi_known *known = &mine->known_before[at];

    if (known->key != at + 1)
        return NULL;
    mine->known = *known;
    if (berthi_pin_known(&r->domain, mine)) {
        atomic_fetch_add_explicit(&r->known, 1, memory_order_relaxed);
        return known->object;
    }
    berthi_unpin(mine, 0);
    atomic_fetch_add_explicit(&r->news, 1, memory_order_relaxed);
    return NULL;
}

static object *pin_shared(rig *r, berthi_record *mine, unsigned at)
{
    return berthi_domain_is_quick(&r->domain)
               ? berthi_pin_quickly(&r->domain, mine, &r->shared[at])
               : berthi_pin(&r->domain, mine, 0, &r->shared[at]);
}

/* As the call path does it: the short form where it may be used, and half of the time by what is known
 * from the time before. */
static object *pin(rig *r, berthi_record *mine, unsigned depth, unsigned at)
{
    uint64_t news = atomic_load_explicit(&r->domain.news, memory_order_acquire);
    object *o = NULL;

    if (depth != 0)
        return berthi_pin(&r->domain, mine, depth, &r->shared[at]);
    if (!berthi_domain_is_quick(&r->domain))
        return pin_shared(r, mine, at);
    if (atomic_load_explicit(&r->pins, memory_order_relaxed) % 2 == 0)
        o = pin_known(r, mine, at);
    if (o == NULL) {
        o = pin_shared(r, mine, at);
        mine->known_before[at] =
            (berthi_known){ .key = o == NULL ? 0 : at + 1, .object = o, .news = news };
    }
    return o;
}

/* One call: pinned, read, read again after others had a chance, and let go. */
static void use(rig *r, berthi_record *mine, unsigned at)
{
    unsigned depth = berthi_record_depth(mine);
    const object *o = pin(r, mine, depth, at);
    uint64_t number;

    if (o != NULL) {
        check(r, o);
        number = o->words[0];
        if (atomic_load_explicit(&r->pins, memory_order_relaxed) % 4 == 0)
            berthi_thread_yield();
        for (unsigned n = 0; n < DEEPEST_YIELDS && depth == BERTHI_PINS_MAX - 1 &&
                             atomic_load_explicit(&r->shared[at], memory_order_relaxed) == o;
             n++)
            berthi_thread_yield();
        if (o->words[WORDS - 1] != number) /* freed and used again meanwhile */
            atomic_fetch_add(&r->wrong, 1);
        if (atomic_load_explicit(&r->shared[at], memory_order_relaxed) != o)
            atomic_fetch_add_explicit(&r->outlived, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&r->pins, 1, memory_order_relaxed);
    }
    berthi_unpin(mine, depth);
}

/* A call inside a call: the other objects stay pinned meanwhile.  What is called last is named by
 * the deepest pin alone. */
static void use_nested(rig *r, berthi_record *mine, unsigned at, unsigned levels)
{
    unsigned depth = berthi_record_depth(mine);
    const object *o = pin(r, mine, depth, at);

    if (levels > 1)
        use_nested(r, mine, (at + 1) % (SHARED - 1), levels - 1);
    else
        use(r, mine, SHARED - 1);
    if (o != NULL)
        check(r, o);
    berthi_unpin(mine, depth);
}

/* A pin becomes a lease by counting first and unpinning afterwards. */
static void lease(rig *r, berthi_record *mine, unsigned at)
{
    unsigned depth = berthi_record_depth(mine);
    object *o = pin(r, mine, depth, at);
    uint64_t number = 0;

    if (o != NULL) {
        atomic_fetch_add_explicit(&o->refs, 1, memory_order_relaxed);
        number = o->words[0];
    }
    berthi_unpin(mine, depth);
    if (o == NULL)
        return;
    use(r, mine, at); /* something else may be pinned in the same place */
    berthi_thread_yield();
    check(r, o);
    if (o->words[0] != number)
        atomic_fetch_add(&r->wrong, 1);
    atomic_fetch_add_explicit(&r->leases, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&o->refs, 1, memory_order_release);
}

static void *read_until_told(void *arg)
{
    rig *r = arg;
    berthi_record *mine = berthi_domain_record(&r->domain);
    unsigned i = mine->index;

    while (!atomic_load_explicit(&r->stop, memory_order_relaxed)) {
        unsigned at = i % SHARED;

        i++;
        if (i % 7 == 0)
            lease(r, mine, at);
        else if (i % 11 == 0)
            use_nested(r, mine, at % (SHARED - 1), BERTHI_PINS_MAX - 1);
        else
            use(r, mine, at);
    }
    return NULL;
}

static void *use_a_few_times(void *arg)
{
    rig *r = arg;
    berthi_record *mine = berthi_domain_record(&r->domain);

    for (unsigned i = 0; i < 20; i++)
        use(r, mine, i % SHARED);
    return NULL;
}

static void *come_and_go(void *arg)
{
    rig *r = arg;

    while (!atomic_load_explicit(&r->stop, memory_order_relaxed)) {
        berthi_thread few[2];

        start(&few[0], use_a_few_times, r);
        start(&few[1], use_a_few_times, r);
        berthi_thread_join(&few[0]);
        berthi_thread_join(&few[1]);
        atomic_fetch_add_explicit(&r->threads, 2, memory_order_relaxed);
    }
    return NULL;
}

static void *swap_until_told(void *arg)
{
    rig *r = arg;
    unsigned i = 0;

    while (!atomic_load_explicit(&r->stop, memory_order_relaxed)) {
        object *next = ++i % 13 == 0 ? NULL : object_make(r);

        if (next == NULL && i % 13 != 0) {
            berthi_thread_yield(); /* all are pinned or wait to be reaped */
            continue;
        }
        swap(r, i % SHARED, next);
        /* Now and then there is no news for a while, so that what is known may be used for long. */
        for (unsigned n = 0; n < CALM_YIELDS && i / CALM_SWAPS % 2 != 0; n++)
            berthi_thread_yield();
    }
    return NULL;
}

static void *reap_until_told(void *arg)
{
    rig *r = arg;

    while (!atomic_load_explicit(&r->stop, memory_order_relaxed)) {
        reap(r);
        berthi_thread_yield();
    }
    return NULL;
}

/* `share` 1: all that is wanted; on a slow or busy machine, after a while: a tenth.  On a single
 * processor a pin is hardly ever retried but where a window yields, in hostile builds. */
static bool is_enough(rig *r, unsigned share)
{
#ifdef BERTH_HOSTILE
    uint64_t retries = RETRIES_WANTED / share;
#else
    uint64_t retries = share == 1 ? RETRIES_WANTED : 0;
#endif

    return atomic_load(&r->swaps) >= SWAPS_WANTED / share &&
           atomic_load(&r->reaped) >= SWAPS_WANTED / 2 / share &&
           atomic_load(&r->pins) >= SWAPS_WANTED / share &&
           atomic_load(&r->outlived) >= 50 / share && atomic_load(&r->leases) >= 500 / share &&
           atomic_load(&r->met_pin) >= 50 / share && atomic_load(&r->met_lease) >= 50 / share &&
           (!r->domain.is_asymmetric || (atomic_load(&r->known) >= KNOWN_WANTED / share &&
                                         atomic_load(&r->news) >= KNOWN_WANTED / share)) &&
           atomic_load(&r->domain.retries) >= retries &&
           atomic_load(&r->threads) >= 100 / share;
}

static void report(rig *r)
{
    torture_say("%llu pins, %llu of them outlived their version, %llu retried; %llu leases",
                (unsigned long long)atomic_load(&r->pins),
                (unsigned long long)atomic_load(&r->outlived),
                (unsigned long long)atomic_load(&r->domain.retries),
                (unsigned long long)atomic_load(&r->leases));
    torture_say("%llu pins by what was known, %llu times there was news",
                (unsigned long long)atomic_load(&r->known),
                (unsigned long long)atomic_load(&r->news));
    torture_say(
        "%llu swaps, %llu reaped; the reaper met %llu pins and %llu leases; %llu threads "
        "came and went with %u records",
        (unsigned long long)atomic_load(&r->swaps), (unsigned long long)atomic_load(&r->reaped),
        (unsigned long long)atomic_load(&r->met_pin),
        (unsigned long long)atomic_load(&r->met_lease),
        (unsigned long long)atomic_load(&r->threads), r->domain.records_made);
}

static void readers_against_swappers(bool is_asymmetric)
{
    enum { THREADS = READERS + SWAPPERS + 2 };
    rig *r = rig_make(is_asymmetric);
    berthi_thread threads[THREADS];
    uint64_t began = berthi_clock_ns(), now = began;
    unsigned n = 0, share = 1;

    if (r == NULL)
        skip(); /* no membarrier here */
    for (unsigned i = 0; i < READERS; i++)
        start(&threads[n++], read_until_told, r);
    for (unsigned i = 0; i < SWAPPERS; i++)
        start(&threads[n++], swap_until_told, r);
    start(&threads[n++], reap_until_told, r);
    start(&threads[n++], come_and_go, r);
    while (!is_enough(r, share) && atomic_load(&r->wrong) == 0 &&
           now - began < TORTURE_PATIENCE_NS) {
        berthi_thread_yield();
        now = berthi_clock_ns();
        share = now - began < TORTURE_EFFORT_NS ? 1 : 10;
    }
    atomic_store(&r->stop, true);
    for (unsigned i = 0; i < n; i++)
        berthi_thread_join(&threads[i]);
    report(r);
    assert_int_equal(atomic_load(&r->wrong), 0);
    assert_true(is_enough(r, share)); /* otherwise this machine tortured nothing */
    assert_true(r->domain.records_made <= THREADS + 2);
    rig_free(r);
}

static void no_reader_sees_a_freed_object_with_membarrier(void **state)
{
    (void)state;
    readers_against_swappers(true);
}

static void no_reader_sees_a_freed_object_without_membarrier(void **state)
{
    (void)state;
    readers_against_swappers(false);
}

/* ---- a call that does not end ---- */

typedef struct stuck {
    rig *r;
    _Atomic(const object *) inside;
    _Atomic(bool) let_go;
    uint64_t number;
} stuck;

static void *stay_inside(void *arg)
{
    stuck *s = arg;
    berthi_record *mine = berthi_domain_record(&s->r->domain);
    const object *o = pin(s->r, mine, 0, 0);

    s->number = o->words[0];
    atomic_store(&s->inside, o);
    while (!atomic_load(&s->let_go))
        berthi_thread_yield();
    check(s->r, o);
    if (o->words[0] != s->number)
        atomic_fetch_add(&s->r->wrong, 1);
    berthi_unpin(mine, 0);
    return NULL;
}

static void hold_one_back(bool is_asymmetric)
{
    enum { WANTED = 5000 };
    rig *r = rig_make(is_asymmetric);
    stuck s = { .r = r };
    berthi_thread t;

    if (r == NULL)
        skip();
    swap(r, 0, object_make(r));
    start(&t, stay_inside, &s);
    while (atomic_load(&s.inside) == NULL)
        berthi_thread_yield();
    while (atomic_load(&r->reaped) < WANTED) {
        object *next = object_make(r);

        assert_non_null(next); /* I3: the others come back */
        swap(r, (unsigned)(r->numbers % SHARED), next);
        reap(r);
    }
    assert_ptr_equal(r->retired, atomic_load(&s.inside)); /* it and nothing else waits */
    assert_null(r->retired->next);
    assert_true(atomic_load(&r->met_pin) >= WANTED);
    assert_int_equal(atomic_load(&s.inside)->words[0], s.number);
    atomic_store(&s.let_go, true);
    berthi_thread_join(&t);
    assert_int_equal(atomic_load(&r->wrong), 0);
    reap(r);
    assert_null(r->retired);
    rig_free(r);
}

static void a_stuck_reader_holds_back_its_own_object_without_membarrier(void **state)
{
    (void)state;
    hold_one_back(false);
}

static void a_stuck_reader_holds_back_its_own_object_with_membarrier(void **state)
{
    (void)state;
    hold_one_back(true);
}

/* ---- the argument itself: one of the two sees the other ---- */

typedef struct litmus {
    rig *r;
    _Atomic(unsigned) round, ready, done;
    void *target; /* and the news from when it was current */
    uint64_t news;
    void *pinned;            /* by the reader in this round */
    _Atomic(unsigned) delay; /* the reader's */
} litmus;

static void dawdle(unsigned turns)
{
    for (volatile unsigned i = 0; i < turns; i++)
        continue;
}

/* Both sides spin, since to meet within nanoseconds is all that this is about, but not for ever:
 * they may share a processor. */
static void wait_for(_Atomic(unsigned) *counter, unsigned value)
{
    for (unsigned spins = 1; atomic_load_explicit(counter, memory_order_acquire) != value;
         spins++)
        if (spins % 4096 == 0)
            berthi_thread_yield();
}

/* The next round, or litmus_over. */
static unsigned next_round(litmus *l, unsigned last)
{
    unsigned spins = 0, round;

    while ((round = atomic_load_explicit(&l->round, memory_order_acquire)) == last)
        if (++spins % 4096 == 0)
            berthi_thread_yield();
    return round;
}

static void *litmus_reader(void *arg)
{
    litmus *l = arg;
    berthi_record *mine = berthi_domain_record(&l->r->domain);
    unsigned round = 0;

    torture_use_processor(1);
    while ((round = next_round(l, round)) != litmus_over) {
        mine->known.object = l->target; /* as if it had pinned that before */
        mine->known.news = l->news;
        dawdle(atomic_load_explicit(&l->delay, memory_order_relaxed));
        if (round % 2 == 0 || !berthi_domain_is_quick(&l->r->domain))
            l->pinned = pin_shared(l->r, mine, 0);
        else
            l->pinned = berthi_pin_known(&l->r->domain, mine) ? l->target : NULL;
        atomic_store_explicit(&l->ready, round, memory_order_release);
        wait_for(&l->done, round); /* pinned until the writer has looked */
        berthi_unpin(mine, 0);
        atomic_store_explicit(&l->ready, litmus_over, memory_order_release);
    }
    return NULL;
}

/* One round.  True when the reader came first. */
static bool meet(litmus *l, unsigned round, unsigned reader_delay, unsigned writer_delay)
{
    rig *r = l->r;
    bool is_seen, is_inside;
    int target;

    atomic_store(&r->shared[0], &target);
    l->target = &target;
    l->news = atomic_load(&r->domain.news);
    atomic_store_explicit(&l->delay, reader_delay, memory_order_relaxed);
    atomic_store_explicit(&l->round, round, memory_order_release);
    dawdle(writer_delay);
    (void)berthi_publish(&r->domain, &r->shared[0], NULL);
    berthi_domain_barrier(&r->domain);
    is_seen = berthi_domain_uses(&r->domain, &target);
    wait_for(&l->ready, round);
    is_inside = l->pinned == &target;
    if (is_inside && !is_seen)
        atomic_fetch_add(&r->wrong, 1); /* inside what the writer believes to be free */
    atomic_store_explicit(&l->done, round, memory_order_release);
    wait_for(&l->ready, litmus_over);
    return is_inside;
}

/* Two seconds at least; as many turns as a machine makes that has two processors for us; on others
 * as few as say that the two did meet. */
static bool is_litmus_over(uint64_t spent_ns, uint64_t turns)
{
    if (turns <= LITMUS_TURNS_MIN)
        return spent_ns >= TORTURE_PATIENCE_NS / 4;
    if (turns <= LITMUS_TURNS)
        return spent_ns >= TORTURE_EFFORT_NS;
    return spent_ns >= litmus_ns;
}

static void one_sees_the_other(bool is_asymmetric)
{
    rig *r = rig_make(is_asymmetric);
    litmus l = { .r = r };
    uint64_t reader_first = 0, turns = 0, began = berthi_clock_ns(), now = began;
    unsigned seed = 12345, round = 0;
    int bias = 0, step = 1; /* bias: by how much the writer waits longer */
    bool was_inside = false;
    berthi_thread t;

    if (r == NULL || torture_processors() < 2) {
        torture_say("needs membarrier for its form, and two processors");
        skip();
    }
    start(&t, litmus_reader, &l);
    torture_use_processor(0);
    while ((round < LITMUS_ROUNDS || turns <= LITMUS_TURNS_MIN) &&
           atomic_load(&r->wrong) == 0 && !is_litmus_over(now - began, turns)) {
        bool is_inside;

        now = round % 256 == 0 ? berthi_clock_ns() : now;
        seed = seed * 1103515245u + 12345u;
        is_inside = meet(&l, ++round, (seed >> 16 & 31) + (bias < 0 ? (unsigned)-bias : 0),
                         (seed >> 24 & 31) + (bias > 0 ? (unsigned)bias : 0));
        reader_first += is_inside;
        turns += is_inside != was_inside;
        /* Whoever came first waits a little longer the next time, and a little less far once
         * they are close. */
        step = is_inside == was_inside ? step + step / 8 + 1 : 1 + step / 4;
        bias += is_inside ? -step : step;
        if (bias > 100000 || bias < -100000)
            bias = step = 0;
        was_inside = is_inside;
    }
    atomic_store(&l.round, litmus_over);
    berthi_thread_join(&t);
    torture_use_any_processor();
    torture_say("%u rounds; the reader came first in %llu; the lead changed %llu times", round,
                (unsigned long long)reader_first, (unsigned long long)turns);
    assert_int_equal(atomic_load(&r->wrong), 0);
    rig_free(r);
    if (turns <= LITMUS_TURNS_MIN) {
        torture_say(
            "needs two processors at a time, and the machine was too busy to give them");
        skip();
    }
}

static void the_reader_sees_the_swap_or_the_writer_the_pin_with_membarrier(void **state)
{
    (void)state;
#ifdef BERTH_HOSTILE
    skip(); /* a yield in the window is what keeps it shut here: stores arrive meanwhile */
#endif
    one_sees_the_other(true);
}

static void the_reader_sees_the_swap_or_the_writer_the_pin_without_membarrier(void **state)
{
    (void)state;
#ifdef BERTH_HOSTILE
    skip();
#endif
    if (getenv("BERTH_TEST_EMULATED") != NULL) {
        torture_say("an emulator lets a load pass the sequentially consistent store before it");
        skip();
    }
    one_sees_the_other(false);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reader_sees_the_swap_or_the_writer_the_pin_without_membarrier),
        cmocka_unit_test(the_reader_sees_the_swap_or_the_writer_the_pin_with_membarrier),
        cmocka_unit_test(a_stuck_reader_holds_back_its_own_object_without_membarrier),
        cmocka_unit_test(a_stuck_reader_holds_back_its_own_object_with_membarrier),
        cmocka_unit_test(no_reader_sees_a_freed_object_without_membarrier),
        cmocka_unit_test(no_reader_sees_a_freed_object_with_membarrier),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
