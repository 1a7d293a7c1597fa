/* polyplug_test.c - bundles of polyplug under many threads: reloads against reloads, calls against
 * reloads and unloads.  Public headers only.
 *
 * The counts of threads and rounds are those of that system's own suites (docs/polyplug.md says which). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "polyplug_rig.h"
#include "torture.h"

enum { THREADS_MAX = 10, V1 = 100, V2 = 200 };

typedef struct gang {
    polyplug_rig t;
    pthread_barrier_t barrier;
    const berth_polyplug_interface *contract;
    unsigned rounds;
    atomic_uint next, failed, wrong, missing;
    atomic_uint saw[2]; /* answers of each version */
    atomic_bool stop;
    char paths[2][128];
    uint64_t ids[5];
} gang;

static bool note(gang *g, uint32_t value)
{
    if (value == V1)
        atomic_fetch_add(&g->saw[0], 1);
    else if (value == V2)
        atomic_fetch_add(&g->saw[1], 1);
    else
        return false;
    return true;
}

static void start(gang *g, slot_rig *r, unsigned threads)
{
    memset(g, 0, sizeof *g);
    pp_start(&g->t, r, NULL);
    assert_int_equal(pthread_barrier_init(&g->barrier, NULL, threads), 0);
    pp_put_reload(&g->t, "v1", "pp_v1");
    pp_put_reload(&g->t, "v2", "pp_v2");
    for (unsigned i = 0; i < 2; i++)
        snprintf(g->paths[i], sizeof g->paths[i], "%s",
                 bundle_folder_at(&g->t.folder, i == 0 ? "v1" : "v2"));
    pp_must_load(&g->t, "v1");
    g->contract = pp_resolve(&g->t, PP_RELOAD);
}

static void end(gang *g)
{
    pthread_barrier_destroy(&g->barrier);
    pp_end(&g->t);
}

static void run(gang *g, unsigned threads, void *(*what)(void *))
{
    pthread_t all[THREADS_MAX];

    for (unsigned i = 0; i < threads; i++)
        assert_int_equal(pthread_create(&all[i], NULL, what, g), 0);
    for (unsigned i = 0; i < threads; i++)
        pthread_join(all[i], NULL);
}

/* ---------------------------------------------------------------- reloads */

/* Threads begin with opposite versions. */
static void *reload_alternating(void *arg)
{
    gang *g = arg;
    unsigned phase = atomic_fetch_add(&g->next, 1);

    pthread_barrier_wait(&g->barrier);
    for (unsigned i = 0; i < g->rounds; i++) {
        if (berth_bundles_reload(g->t.bundles, g->paths[(phase + i) % 2], NULL) != BERTH_OK)
            atomic_fetch_add(&g->failed, 1);
        /* Whoever else is reloading: it can be resolved, and answers. */
        if (!note(g, pp_value(&g->t, PP_RELOAD)))
            atomic_fetch_add(&g->wrong, 1);
    }
    return NULL;
}

static void check_reloads(slot_rig *r, unsigned threads, unsigned rounds)
{
    uint32_t last;
    gang g;

    start(&g, r, threads);
    g.rounds = rounds;
    run(&g, threads, reload_alternating);
    last = pp_value(&g.t, PP_RELOAD);
    torture_say("%u reloads; %u answers of one version, %u of the other; at most %d at once",
                threads * rounds, atomic_load(&g.saw[0]), atomic_load(&g.saw[1]),
                atomic_load(&g.t.in_section_max));
    assert_int_equal(atomic_load(&g.failed), 0);
    assert_int_equal(atomic_load(&g.wrong), 0);
    assert_true(last == V1 || last == V2);
    assert_true(atomic_load(&g.saw[0]) > 0 && atomic_load(&g.saw[1]) > 0);
    assert_int_equal(atomic_load(&g.t.in_section_max), 1);
    assert_int_equal(atomic_load(&g.t.in_section), 0);
    assert_int_equal(atomic_load(&g.t.reloaded_count), threads * rounds + 1); /* and the load */
    end(&g);
}

static void two_threads_reload_forty_times_against_each_other(void **state)
{
    check_reloads(*state, 2, 40);
}

static void four_threads_reload_fifty_times_one_at_a_time(void **state)
{
    check_reloads(*state, 4, 50);
}

/* ---------------------------------------------------------------- calls */

static void *call_on_and_on(void *arg)
{
    gang *g = arg;

    pthread_barrier_wait(&g->barrier);
    for (unsigned i = 0; i < g->rounds || !atomic_load(&g->stop); i++)
        if (!note(g, pp_call(g->contract, pp_none(), PP_VALUE, NULL)))
            atomic_fetch_add(&g->wrong, 1);
    return NULL;
}

/* 8 readers, 10 000 calls each at least, while it is reloaded 50 times at least and until both versions
 * have answered. */
static void eight_threads_call_through_fifty_reloads(void **state)
{
    slot_rig *r = *state;
    pthread_t callers[8];
    unsigned reloads = 0;
    uint64_t until;
    gang g;

    start(&g, r, 9);
    g.rounds = 10000 / slot_rig_slowness(r);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&callers[i], NULL, call_on_and_on, &g), 0);
    pthread_barrier_wait(&g.barrier);
    until = torture_now_ns() + TORTURE_PATIENCE_NS;
    while (reloads < 50 || ((atomic_load(&g.saw[0]) == 0 || atomic_load(&g.saw[1]) == 0) &&
                            torture_now_ns() < until)) {
        reloads++;
        if (berth_bundles_reload(g.t.bundles, g.paths[reloads % 2], NULL) != BERTH_OK)
            atomic_fetch_add(&g.failed, 1);
    }
    atomic_store(&g.stop, true);
    for (unsigned i = 0; i < 8; i++)
        pthread_join(callers[i], NULL);
    torture_say("%u reloads under %u + %u calls", reloads, atomic_load(&g.saw[0]),
                atomic_load(&g.saw[1]));
    assert_int_equal(atomic_load(&g.failed), 0);
    assert_int_equal(atomic_load(&g.wrong), 0);
    assert_true(atomic_load(&g.saw[0]) > 0 && atomic_load(&g.saw[1]) > 0);
    end(&g);
}

/* Finds, resolves and calls, and makes an instance now and then, whether the bundle is there or not. */
static void *find_on_and_on(void *arg)
{
    gang *g = arg;
    const berth_polyplug_host *host = g->t.host;

    pthread_barrier_wait(&g->barrier);
    for (unsigned i = 0; !atomic_load(&g->stop); i++) {
        uint32_t value = pp_value(&g->t, PP_RELOAD);
        berth_polyplug_instance instance = pp_none();

        if (value == PP_FAILED(BERTH_POLYPLUG_NOT_FOUND))
            atomic_fetch_add(&g->missing, 1);
        else if (!note(g, value))
            atomic_fetch_add(&g->wrong, 1);
        if (i % 8 != 0)
            continue;
        host->create_guest_instance(host, g->contract, "x", &instance);
        if (instance.data == NULL)
            continue;
        value = pp_call(g->contract, instance, PP_NEXT, NULL);
        if (value != 1) /* its own state, and nobody else's */
            atomic_fetch_add(&g->wrong, 1);
        host->destroy_guest_instance(host, g->contract, instance);
    }
    return NULL;
}

static void six_threads_look_for_what_is_unloaded(void **state)
{
    pthread_t finders[6];
    uint64_t until;
    unsigned rounds = 0;
    gang g;

    start(&g, *state, 7);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(pthread_create(&finders[i], NULL, find_on_and_on, &g), 0);
    pthread_barrier_wait(&g.barrier);
    until = torture_now_ns() + TORTURE_PATIENCE_NS;
    while (rounds < 24 || ((atomic_load(&g.missing) == 0 || atomic_load(&g.saw[0]) == 0) &&
                           torture_now_ns() < until)) {
        rounds++;
        if (berth_bundles_unload(g.t.bundles, "reload_plugin_v1", 0, NULL) != BERTH_OK ||
            pp_load(&g.t, "v1") != BERTH_OK)
            atomic_fetch_add(&g.failed, 1);
    }
    atomic_store(&g.stop, true);
    for (unsigned i = 0; i < 6; i++)
        pthread_join(finders[i], NULL);
    torture_say("%u rounds; found %u times, missed %u times", rounds, atomic_load(&g.saw[0]),
                atomic_load(&g.missing));
    assert_int_equal(atomic_load(&g.failed), 0);
    assert_int_equal(atomic_load(&g.wrong), 0);
    assert_true(atomic_load(&g.saw[0]) > 0 && atomic_load(&g.missing) > 0);
    end(&g);
}

/* ---------------------------------------------------------------- changes of many */

static void *load_and_unload(void *arg)
{
    gang *g = arg;
    unsigned me = atomic_fetch_add(&g->next, 1);
    char name[32], path[128];
    const char *paths[] = { path };

    snprintf(name, sizeof name, "writer_%u", me);
    snprintf(path, sizeof path, "%s/%s", g->t.folder.path, name);
    pthread_barrier_wait(&g->barrier);
    for (unsigned i = 0; i < g->rounds; i++)
        if (berth_bundles_load(g->t.bundles, paths, 1, NULL, 0, NULL) != BERTH_OK ||
            berth_bundles_unload(g->t.bundles, name, 0, NULL) != BERTH_OK)
            atomic_fetch_add(&g->failed, 1);
    return NULL;
}

static void four_writers_load_and_unload(void **state)
{
    slot_rig *r = *state;
    gang g;

    start(&g, r, 4);
    for (unsigned i = 0; i < 4; i++) {
        char name[32];

        snprintf(name, sizeof name, "writer_%u", i);
        pp_put(&g.t, name, name, "pp_peer", "\"peer.test@1\"", "");
    }
    g.rounds = 200 / slot_rig_slowness(r);
    run(&g, 4, load_and_unload);
    assert_int_equal(atomic_load(&g.failed), 0);
    assert_int_equal(pp_find(&g.t, PP_PEER).index, UINT32_MAX);
    assert_int_equal(pp_value(&g.t, PP_RELOAD), V1);
    end(&g);
}

static void *load_the_same(void *arg)
{
    gang *g = arg;
    const char *paths[] = { g->paths[1] };

    pthread_barrier_wait(&g->barrier);
    if (berth_bundles_load(g->t.bundles, paths, 1, NULL, 0, NULL) != BERTH_OK)
        atomic_fetch_add(&g->failed, 1);
    return NULL;
}

static void of_many_who_load_one_bundle_one_does(void **state)
{
    gang g;

    start(&g, *state, 8);
    assert_int_equal(berth_bundles_unload(g.t.bundles, "reload_plugin_v1", 0, NULL), BERTH_OK);
    run(&g, 8, load_the_same);
    assert_int_equal(atomic_load(&g.failed), 0);
    assert_int_equal(slot_rig_runtime_stats(g.t.r).natives_opened, 2);
    assert_int_equal(pp_value(&g.t, PP_RELOAD), V2);
    end(&g);
}

/* ---------------------------------------------------------------- services of the host */

static atomic_uint services_made, services_asked;

static void make_service(const berth_polyplug_host_contract *contract, const void *args,
                         void **instance_out)
{
    (void)args;
    atomic_fetch_add(&services_made, 1);
    while (atomic_load(&services_asked) < 10) /* until all are at the door */
        (void)sched_yield();
    for (unsigned i = 0; i < 100; i++)
        (void)sched_yield();
    *instance_out = contract->user_data;
}

static void end_service(const berth_polyplug_host_contract *contract, void *instance)
{
    (void)contract;
    (void)instance;
}

static void *ask_for_services(void *arg)
{
    gang *g = arg;

    pthread_barrier_wait(&g->barrier);
    atomic_fetch_add(&services_asked, 1);
    for (unsigned i = 0; i < 50; i++)
        for (unsigned id = 0; id < 5; id++)
            if (g->t.host->get_host_contract(g->t.host, 1 + id, 0) != &g->ids[id])
                atomic_fetch_add(&g->wrong, 1);
    return NULL;
}

static void ten_threads_ask_for_services_that_are_made_once(void **state)
{
    static berth_polyplug_host_contract services[5];
    gang g;

    start(&g, *state, 10);
    atomic_store(&services_made, 0);
    atomic_store(&services_asked, 0);
    for (unsigned id = 0; id < 5; id++) {
        berth_polyplug_error error;

        services[id] = (berth_polyplug_host_contract){ .contract_id = 1 + id,
                                                       .singleton = 1,
                                                       .user_data = &g.ids[id],
                                                       .create_instance = make_service,
                                                       .destroy_instance = end_service };
        g.t.host->register_host_contract(g.t.host, &services[id], &error);
        assert_int_equal(error.code, BERTH_POLYPLUG_OK);
    }
    run(&g, 10, ask_for_services);
    assert_int_equal(atomic_load(&g.wrong), 0);
    assert_int_equal(atomic_load(&services_made), 5);
    end(&g);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(two_threads_reload_forty_times_against_each_other),
        slot_test(four_threads_reload_fifty_times_one_at_a_time),
        slot_test(eight_threads_call_through_fifty_reloads),
        slot_test(six_threads_look_for_what_is_unloaded),
        slot_test(four_writers_load_and_unload),
        slot_test(of_many_who_load_one_bundle_one_does),
        slot_test(ten_threads_ask_for_services_that_are_made_once),
    };

    return slot_rig_run("bundles of polyplug under load", tests, sizeof tests / sizeof *tests);
}
