/* component_test.c - threads share one loaded component, each with instances of its own, while others
 * come and go: what is loaded never changes, and ends with the last who uses it. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "component_rig.h"
#include "torture.h"

enum { THREADS = 4, ROUNDS = 30, CALLS = 20 };

typedef struct worker {
    pthread_t thread;
    berthi_cm_loaded *loaded; /* a reference of its own */
    const berthi_cm_limits *limits;
    const berth_allocator *allocator;
    unsigned instances, calls, deaths, failed;
} worker;

static bool call_some(worker *w, berthi_cm_instance *instance, berth_arena *arena,
                      unsigned round)
{
    const uint32_t number = round;
    berthi_cm_host_string texts[2] = { { "one", 3 }, { "two", 3 } };
    berthi_cm_host_list list = { texts, 2 }, out;
    uint64_t result[4];
    berthi_cm_func func;

    for (unsigned n = 0; n < CALLS; n++) {
        berth_arena_reset(arena);
        if (!berthi_cm_loaded_func(w->loaded, NULL, "texts", &func) ||
            berthi_cm_call(instance, &func, &list, &out, arena, NULL) != BERTH_OK ||
            out.count != 2 ||
            memcmp(((const berthi_cm_host_string *)out.data)[1].text, "two", 3) != 0)
            return false;
        if (!berthi_cm_loaded_func(w->loaded, NULL, "char-of", &func) ||
            berthi_cm_call(instance, &func, &number, result, arena, NULL) != BERTH_OK ||
            (uint32_t)result[0] != number)
            return false;
        w->calls += 2;
    }
    if (round % 3 == 0) { /* one that dies harms no other */
        if (!berthi_cm_loaded_func(w->loaded, NULL, "trap", &func) ||
            berthi_cm_call(instance, &func, NULL, NULL, arena, NULL) != BERTH_E_TRAP)
            return false;
        w->deaths++;
    }
    return true;
}

static void *work(void *arg)
{
    worker *w = arg;
    berth_arena *arena = NULL;

    if (berth_arena_create(w->allocator, 0, &arena, NULL) != BERTH_OK) {
        w->failed++;
        return NULL;
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        berthi_cm_instance *instance = NULL;

        if (berthi_cm_instance_create(w->loaded, w->limits, 100000, w, &instance, NULL) !=
            BERTH_OK) {
            w->failed++;
            continue;
        }
        w->instances++;
        w->failed += !call_some(w, instance, arena, round);
        berthi_cm_instance_destroy(instance);
    }
    berth_arena_destroy(arena);
    berthi_cm_loaded_unref(w->loaded);
    return NULL;
}

static void threads_share_what_is_loaded(void **state)
{
    component_rig *c = *state;
    worker workers[THREADS] = { { .failed = 0 } };
    unsigned calls = 0;

    for (int n = 0; n < THREADS; n++) {
        workers[n] = (worker){ .loaded = c->loaded,
                               .limits = &c->limits,
                               .allocator = &c->r->allocator };
        berthi_cm_loaded_ref(c->loaded);
        assert_int_equal(pthread_create(&workers[n].thread, NULL, work, &workers[n]), 0);
    }
    /* The first to go is whoever loaded it. */
    berthi_cm_instance_destroy(c->instance);
    berthi_cm_loaded_unref(c->loaded);
    c->instance = NULL;
    c->loaded = NULL;
    for (int n = 0; n < THREADS; n++) {
        assert_int_equal(pthread_join(workers[n].thread, NULL), 0);
        assert_int_equal(workers[n].failed, 0);
        assert_int_equal(workers[n].instances, ROUNDS);
        assert_int_equal(workers[n].deaths, ROUNDS / 3);
        calls += workers[n].calls;
    }
    torture_say("%u calls in %u instances", calls, THREADS * ROUNDS);
    assert_int_equal(calls, THREADS * ROUNDS * CALLS * 2);
}

int main(void)
{
    static const struct CMUnitTest tests[] = { component_test(threads_share_what_is_loaded) };

    return component_rig_run("components and threads", tests, sizeof tests / sizeof *tests);
}
