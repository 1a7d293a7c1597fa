/* domain_test.c - records: who has one, how many there are, what they say, where they go. */
#include "sync/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include "memory.h"
#include "os/clock.h"
#include "process.h"

#include <cmocka.h>

enum { THREAD_STACK = 256 * 1024 };

typedef struct rig {
    bertht_memory memory;
    berth_allocator allocator;
    berthi_domain domain;
} rig;

static void rig_init(rig *r)
{
    memory_init(&r->memory);
    r->allocator = memory_allocator(&r->memory);
    assert_int_equal(berthi_domain_init(&r->domain, &r->allocator, NULL), BERTH_OK);
}

static void rig_fini(rig *r)
{
    berthi_domain_fini(&r->domain);
    memory_assert_empty(&r->memory);
}

static void start(berthi_thread *t, void *(*run)(void *), void *arg)
{
    assert_int_equal(berthi_thread_start(t, "test", THREAD_STACK, run, arg), 0);
}

static void a_thread_has_one_record_in_a_domain(void **state)
{
    rig one, two;
    berthi_record *first, *second;

    (void)state;
    rig_init(&one);
    rig_init(&two);
    first = berthi_domain_record(&one.domain);
    second = berthi_domain_record(&two.domain);
    assert_non_null(first);
    assert_ptr_not_equal(first, second);
    for (int i = 0; i < 10; i++) { /* the cache holds one; the keys hold both */
        assert_ptr_equal(berthi_domain_record(&one.domain), first);
        assert_ptr_equal(berthi_domain_record(&two.domain), second);
    }
    assert_int_equal(atomic_load(&one.domain.records_owned), 1);
    assert_int_equal((uintptr_t)first % 64, 0);
    rig_fini(&one);
    assert_ptr_equal(berthi_domain_record(&two.domain), second);
    rig_fini(&two);
}

static void a_domain_in_the_place_of_another_has_its_own_records(void **state)
{
    rig one;
    uint64_t id;

    (void)state;
    rig_init(&one);
    assert_non_null(berthi_domain_record(&one.domain));
    id = one.domain.id;
    rig_fini(&one);
    rig_init(&one); /* same address */
    assert_true(one.domain.id != id);
    assert_non_null(berthi_domain_record(&one.domain));
    assert_int_equal(atomic_load(&one.domain.records_owned), 1);
    assert_int_equal(one.domain.records_made, 1);
    rig_fini(&one);
}

typedef struct look {
    berthi_domain *domain;
    bool is_quick;
} look;

static void *look_from_another_thread(void *arg)
{
    look *l = arg;

    l->is_quick = berthi_domain_is_quick(l->domain);
    return NULL;
}

static void the_short_form_is_for_who_has_a_record_and_needs_no_fence(void **state)
{
    _Atomic(void *) shared;
    int object = 0;
    berthi_thread t;
    rig one, two;
    look l = { &one.domain, true };

    (void)state;
    rig_init(&one);
    rig_init(&two);
    atomic_init(&shared, &object);
    assert_false(berthi_domain_is_quick(&one.domain));
    assert_non_null(berthi_domain_record(&one.domain));
    assert_int_equal(berthi_domain_is_quick(&one.domain), one.domain.is_asymmetric);
    assert_false(berthi_domain_is_quick(&two.domain));
    if (one.domain.is_asymmetric) {
        berthi_record *mine = berthi_domain_record(&one.domain);

        atomic_store(&one.domain.tick, 7);
        assert_ptr_equal(berthi_pin_quickly(&one.domain, mine, &shared), &object);
        assert_true(berthi_domain_uses(&one.domain, &object));
        assert_int_equal(atomic_load(&mine->entry[0].since), 7);
        berthi_unpin(mine, 0);
        assert_false(berthi_domain_uses(&one.domain, &object));
    }
    start(&t, look_from_another_thread, &l); /* which has no record yet */
    berthi_thread_join(&t);
    assert_false(l.is_quick);
    assert_non_null(berthi_domain_record(&two.domain));
    assert_false(berthi_domain_is_quick(&one.domain));
    rig_fini(&one);
    rig_init(&one); /* the same place, another domain */
    assert_false(berthi_domain_is_quick(&one.domain));
    rig_fini(&one);
    rig_fini(&two);
    assert_false(berthi_domain_is_quick(&two.domain));
}

static void pins_nest_and_name_what_is_shared(void **state)
{
    _Atomic(void *) shared[BERTHI_PINS_MAX];
    int objects[BERTHI_PINS_MAX];
    berthi_record *mine;
    rig r;

    (void)state;
    rig_init(&r);
    mine = berthi_domain_record(&r.domain);
    for (unsigned i = 0; i < BERTHI_PINS_MAX; i++) {
        atomic_init(&shared[i], &objects[i]);
        atomic_store(&r.domain.tick, 100 + i);
        assert_false(berthi_domain_uses(&r.domain, &objects[i]));
        assert_ptr_equal(berthi_pin(&r.domain, mine, i, &shared[i]), &objects[i]);
        assert_int_equal(berthi_record_depth(mine), i + 1);
        assert_false(berthi_record_is_idle(mine));
        assert_int_equal(atomic_load(&mine->entry[i].since), 100 + i);
    }
    for (unsigned i = 0; i < BERTHI_PINS_MAX; i++) {
        assert_int_equal(berthi_record_uses(mine, &objects[i]), 1);
        assert_true(berthi_domain_uses(&r.domain, &objects[i]));
    }
    for (unsigned i = BERTHI_PINS_MAX; i-- > 0;) {
        berthi_unpin(mine, i);
        assert_int_equal(berthi_record_depth(mine), i);
        for (unsigned k = 0; k < BERTHI_PINS_MAX; k++)
            assert_int_equal(berthi_domain_uses(&r.domain, &objects[k]), k < i);
    }
    rig_fini(&r);
}

static void one_object_may_be_pinned_more_than_once(void **state)
{
    _Atomic(void *) shared;
    int object;
    berthi_record *mine;
    rig r;

    (void)state;
    rig_init(&r);
    mine = berthi_domain_record(&r.domain);
    atomic_init(&shared, &object);
    (void)berthi_pin(&r.domain, mine, 0, &shared);
    (void)berthi_pin(&r.domain, mine, 1, &shared);
    berthi_pin_held(&r.domain, mine, 2, &object);
    assert_int_equal(berthi_record_uses(mine, &object), 3);
    berthi_unpin(mine, 2);
    berthi_unpin(mine, 1);
    assert_true(berthi_domain_uses(&r.domain, &object));
    berthi_unpin(mine, 0);
    assert_false(berthi_domain_uses(&r.domain, &object));
    rig_fini(&r);
}

static void a_pin_of_nothing_leaves_its_entry_free(void **state)
{
    _Atomic(void *) shared;
    berthi_record *mine;
    rig r;

    (void)state;
    rig_init(&r);
    mine = berthi_domain_record(&r.domain);
    atomic_init(&shared, NULL);
    assert_null(berthi_pin(&r.domain, mine, 0, &shared));
    assert_int_equal(berthi_record_depth(mine), 0);
    assert_true(berthi_record_is_idle(mine));
    berthi_unpin(mine, 0);
    assert_true(berthi_record_is_idle(mine));
    rig_fini(&r);
}

static void publishing_returns_what_was_there(void **state)
{
    _Atomic(void *) shared;
    int a, b;
    rig r;

    (void)state;
    rig_init(&r);
    atomic_init(&shared, NULL);
    assert_null(berthi_publish(&r.domain, &shared, &a));
    assert_ptr_equal(berthi_publish(&r.domain, &shared, &b), &a);
    assert_ptr_equal(atomic_load(&shared), &b);
    rig_fini(&r);
}

static void *join_only(void *arg)
{
    rig *r = arg;

    return berthi_domain_record(&r->domain);
}

/* Another object, and another thread: what was known of either may be so no more. */
static void what_is_known_is_good_until_there_is_news(void **state)
{
    _Atomic(void *) shared, other;
    berthi_record *mine;
    berthi_thread t;
    int a, b;
    rig r;

    (void)state;
    rig_init(&r);
    mine = berthi_domain_record(&r.domain);
    if (!r.domain.is_asymmetric) {
        rig_fini(&r);
        skip();
    }
    atomic_init(&shared, &a);
    atomic_init(&other, &b);
    atomic_store(&r.domain.tick, 9);
    mine->known = (berthi_known){ .object = &a, .news = atomic_load(&r.domain.news) };
    for (int i = 0; i < 2; i++) {
        assert_true(berthi_pin_known(&r.domain, mine));
        assert_true(berthi_domain_uses(&r.domain, &a));
        assert_int_equal(atomic_load(&mine->entry[0].since), 9);
        berthi_unpin(mine, 0);
        assert_false(berthi_domain_uses(&r.domain, &a));
    }
    assert_ptr_equal(berthi_publish(&r.domain, &other, NULL), &b);
    assert_false(berthi_pin_known(&r.domain, mine));
    berthi_unpin(mine, 0);
    mine->known.news = atomic_load(&r.domain.news);
    assert_true(berthi_pin_known(&r.domain, mine));
    berthi_unpin(mine, 0);
    start(&t, join_only, &r);
    berthi_thread_join(&t);
    assert_false(berthi_pin_known(&r.domain, mine));
    berthi_unpin(mine, 0);
    rig_fini(&r);
}

static void numbers_are_taken_once(void **state)
{
    uint64_t first = berthi_number_take();
    rig r;

    (void)state;
    rig_init(&r);
    assert_true(r.domain.id > first);
    assert_true(berthi_number_take() > r.domain.id);
    rig_fini(&r);
}

static void *use_once(void *arg)
{
    rig *r = arg;
    _Atomic(void *) shared;
    int object;
    berthi_record *mine = berthi_domain_record(&r->domain);

    atomic_init(&shared, &object);
    (void)berthi_pin(&r->domain, mine, 0, &shared);
    berthi_unpin(mine, 0);
    return NULL;
}

static void a_thread_that_ends_gives_its_record_to_the_next(void **state)
{
    berthi_thread t;
    rig r;

    (void)state;
    rig_init(&r);
    for (int i = 0; i < 1500; i++) { /* more than a domain has records, more than keys */
        start(&t, use_once, &r);
        berthi_thread_join(&t);
    }
    assert_int_equal(atomic_load(&r.domain.records_owned), 0);
    assert_int_equal(r.domain.records_made, 1);
    rig_fini(&r);
}

typedef struct crowd {
    rig r;
    _Atomic(unsigned) joined, refused;
    _Atomic(bool) go_home, one_leaves;
} crowd;

static void *join_and_stay(void *arg)
{
    crowd *c = arg;

    if (berthi_domain_record(&c->r.domain) == NULL) {
        atomic_fetch_add(&c->refused, 1);
        return NULL;
    }
    atomic_fetch_add(&c->joined, 1);
    while (!atomic_load(&c->go_home) && !atomic_exchange(&c->one_leaves, false))
        berthi_thread_yield();
    return NULL;
}

/* The bound itself is reached by records, not threads: as many as the bound, minus a few, are
 * made by hand, so that the test needs only a few threads. */
static void the_thousand_and_twenty_fourth_thread_calls_and_the_next_does_not(void **state)
{
    enum { THREADS = 8 };
    crowd *c = calloc(1, sizeof *c);
    berthi_thread threads[THREADS], next;
    bool seen[BERTHI_RECORDS_MAX] = { false };
    size_t before;

    (void)state;
    assert_non_null(c);
    rig_init(&c->r);
    c->r.domain.records_made = BERTHI_RECORDS_MAX - THREADS;
    for (int i = 0; i < THREADS; i++)
        start(&threads[i], join_and_stay, c);
    while (atomic_load(&c->joined) < THREADS)
        berthi_thread_yield();
    before = atomic_load(&c->r.memory.live_blocks);
    start(&next, join_and_stay, c);
    berthi_thread_join(&next);
    assert_int_equal(atomic_load(&c->refused), 1);
    assert_int_equal(atomic_load(&c->r.memory.live_blocks), before);
    assert_int_equal(c->r.domain.records_made, BERTHI_RECORDS_MAX);

    atomic_store(&c->one_leaves, true);
    while (atomic_load(&c->r.domain.records_owned) == THREADS)
        berthi_thread_yield();
    start(&next, join_and_stay, c);
    while (atomic_load(&c->joined) < THREADS + 1)
        berthi_thread_yield();
    for (berthi_record *r = atomic_load(&c->r.domain.records); r != NULL; r = r->next) {
        assert_true(r->index < BERTHI_RECORDS_MAX && !seen[r->index]);
        seen[r->index] = true;
    }
    assert_true(seen[BERTHI_RECORDS_MAX - 1]);
    atomic_store(&c->go_home, true);
    for (int i = 0; i < THREADS; i++)
        berthi_thread_join(&threads[i]);
    berthi_thread_join(&next);
    rig_fini(&c->r);
    free(c);
}

typedef struct relay {
    rig r;
    _Atomic(bool) is_used;
    unsigned owned;
    bool is_eager, is_refused;
} relay;

static void *use_and_leave(void *arg)
{
    relay *l = arg;

    use_once(&l->r);
    atomic_store(&l->is_used, true);
    return NULL;
}

/* To be there at once; but not for as long as the scheduler lets us, when the other needs this very
 * processor. */
static void spin(unsigned *spins)
{
    if (++*spins % 4096 == 0)
        berthi_thread_yield();
}

static void *take_over(void *arg)
{
    relay *l = arg;
    unsigned spins = 0;

    while (!atomic_load(&l->is_used) ||
           (!l->is_eager && atomic_load(&l->r.domain.records_owned) != 0))
        spin(&spins);
    while (berthi_domain_record(&l->r.domain) == NULL && l->is_eager)
        spin(&spins);
    l->is_refused = berthi_domain_record(&l->r.domain) == NULL;
    l->owned = atomic_load(&l->r.domain.records_owned);
    return NULL;
}

/* Where two threads have no processor each, a round of theirs is a turn of the scheduler: there are
 * fewer of them then. */
static bool goes_on(int round, int rounds, uint64_t began_ns)
{
    return round < rounds && (round < 200 || berthi_clock_ns() - began_ns < 2000000000u);
}

/* At the bound a thread that sees the number fall is not turned away, and the number never says
 * more threads than there are. */
static void who_sees_a_thread_leave_finds_its_record(void **state)
{
    uint64_t began = berthi_clock_ns();

    (void)state;
    for (int i = 0; goes_on(i, 2000, began); i++) {
        relay l = { .is_eager = i % 2 != 0 };
        berthi_thread leaver, heir;

        rig_init(&l.r);
        l.r.domain.records_made = BERTHI_RECORDS_MAX - 1;
        start(&heir, take_over, &l);
        start(&leaver, use_and_leave, &l);
        berthi_thread_join(&leaver);
        berthi_thread_join(&heir);
        assert_false(l.is_refused);
        assert_int_equal(l.owned, 1);
        rig_fini(&l.r);
    }
}

static void a_thread_without_memory_for_a_record_gets_none_and_may_try_again(void **state)
{
    rig r;

    (void)state;
    rig_init(&r);
    memory_fail(&r.memory, 0, false);
    assert_null(berthi_domain_record(&r.domain));
    assert_int_equal(atomic_load(&r.domain.records_owned), 0);
    assert_non_null(berthi_domain_record(&r.domain));
    rig_fini(&r);
}

typedef struct leaver {
    rig r;
    _Atomic(bool) is_done;
} leaver;

static void *use_and_say_so(void *arg)
{
    leaver *l = arg;

    use_once(&l->r);
    atomic_store(&l->is_done, true);
    return NULL; /* and from here on the thread ends, in its own time */
}

/* The host knows that its threads no longer call, not that they have ended. */
static void a_domain_may_go_while_threads_that_used_it_are_ending(void **state)
{
    uint64_t began = berthi_clock_ns();
    berthi_thread t;

    (void)state;
    for (int i = 0; goes_on(i, 3000, began); i++) {
        leaver *l = calloc(1, sizeof *l);

        assert_non_null(l);
        rig_init(&l->r);
        start(&t, use_and_say_so, l);
        while (!atomic_load(&l->is_done))
            berthi_thread_yield();
        for (int k = 0; k < i % 8; k++) /* at another moment each time */
            berthi_thread_yield();
        berthi_domain_fini(&l->r.domain);
        memory_assert_empty(&l->r.memory);
        memset(l, 0xDD, sizeof *l);
        free(l);
        berthi_thread_join(&t);
    }
}

static void end_while_inside(void *arg)
{
    rig r;
    _Atomic(void *) shared;

    atomic_init(&shared, arg);
    rig_init(&r);
    (void)berthi_pin(&r.domain, berthi_domain_record(&r.domain), 0, &shared);
    berthi_domain_fini(&r.domain);
}

static void a_domain_that_ends_while_a_thread_is_inside_aborts(void **state)
{
    int object;

    (void)state;
    process_assert_aborts(end_while_inside, &object);
}

typedef struct gauge {
    rig r;
    _Atomic(bool) stop;
    _Atomic(berthi_record *) record;
    _Atomic(void *) shared;
} gauge;

/* Pin number n is set at tick n and names n; nobody follows it. */
static void *pin_and_count(void *arg)
{
    gauge *g = arg;
    berthi_record *mine = berthi_domain_record(&g->r.domain);
    uintptr_t n = 0;

    atomic_store(&g->record, mine);
    while (!atomic_load(&g->stop)) {
        n++;
        atomic_store(&g->r.domain.tick, n);
        atomic_store(&g->shared, (void *)(n << 4));
        if (n % 2 == 0 && berthi_domain_is_quick(&g->r.domain))
            (void)berthi_pin_quickly(&g->r.domain, mine, &g->shared);
        else
            (void)berthi_pin(&g->r.domain, mine, 0, &g->shared);
        berthi_unpin(mine, 0);
    }
    return NULL;
}

static void a_call_never_looks_older_than_it_is(void **state)
{
    gauge *g = calloc(1, sizeof *g);
    berthi_record *r;
    berthi_thread t;
    unsigned seen = 0;

    (void)state;
    assert_non_null(g);
    rig_init(&g->r);
    start(&t, pin_and_count, g);
    while ((r = atomic_load(&g->record)) == NULL)
        berthi_thread_yield();
    while (seen < 20000) {
        uintptr_t n = (uintptr_t)atomic_load(&r->entry[0].pin) >> 4;
        uint64_t since = atomic_load(&r->entry[0].since);

        if (n != 0) {
            assert_true(since >= n);
            seen++;
        } else {
            berthi_thread_yield();
        }
    }
    atomic_store(&g->stop, true);
    berthi_thread_join(&t);
    rig_fini(&g->r);
    free(g);
}

typedef struct awaiting {
    berthi_domain *domain;
    _Atomic(bool) is_over;
} awaiting;

static void *await_looks(void *arg)
{
    awaiting *a = arg;

    berthi_domain_await_looks(a->domain);
    atomic_store(&a->is_over, true);
    return NULL;
}

static void who_unlinked_something_waits_for_those_who_look(void **state)
{
    rig r;
    berthi_record *mine;
    berthi_thread t;
    awaiting a = { &r.domain, false };

    (void)state;
    rig_init(&r);
    mine = berthi_domain_record(&r.domain);
    (void)await_looks(&a); /* nobody looks */
    if (r.domain.is_asymmetric) {
        atomic_store(&a.is_over, false);
        berthi_look_begin(mine);
        start(&t, await_looks, &a);
        for (int i = 0; i < 2000; i++) {
            berthi_thread_yield();
            assert_false(atomic_load(&a.is_over));
        }
        berthi_look_end(mine);
        berthi_thread_join(&t);
        assert_true(atomic_load(&a.is_over));
    }
    rig_fini(&r);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_has_one_record_in_a_domain),
        cmocka_unit_test(a_domain_in_the_place_of_another_has_its_own_records),
        cmocka_unit_test(the_short_form_is_for_who_has_a_record_and_needs_no_fence),
        cmocka_unit_test(pins_nest_and_name_what_is_shared),
        cmocka_unit_test(one_object_may_be_pinned_more_than_once),
        cmocka_unit_test(a_pin_of_nothing_leaves_its_entry_free),
        cmocka_unit_test(publishing_returns_what_was_there),
        cmocka_unit_test(what_is_known_is_good_until_there_is_news),
        cmocka_unit_test(who_unlinked_something_waits_for_those_who_look),
        cmocka_unit_test(numbers_are_taken_once),
        cmocka_unit_test(a_thread_that_ends_gives_its_record_to_the_next),
        cmocka_unit_test(the_thousand_and_twenty_fourth_thread_calls_and_the_next_does_not),
        cmocka_unit_test(who_sees_a_thread_leave_finds_its_record),
        cmocka_unit_test(a_thread_without_memory_for_a_record_gets_none_and_may_try_again),
        cmocka_unit_test(a_domain_may_go_while_threads_that_used_it_are_ending),
        cmocka_unit_test(a_domain_that_ends_while_a_thread_is_inside_aborts),
        cmocka_unit_test(a_call_never_looks_older_than_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
