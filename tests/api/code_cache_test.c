/* code_cache_test.c - runtimes that share a code cache compile each content once between them.  Public
 * headers only.  The interpreter keeps nothing, and shares nothing: each runtime compiles there. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <berth/code_cache.h>

#include "guests.h"
#include "slot_rig.h"

enum { RUNTIMES = 4, CONTENTS = 3 };

static bool keeps_code(const slot_rig *r)
{
    return strcmp(r->engine, "interp") != 0;
}

static berth_code_cache *make_cache(slot_rig *r)
{
    berth_code_cache_options options = BERTH_CODE_CACHE_OPTIONS_INIT;
    berth_code_cache *cache = NULL;

    options.allocator = &r->allocator;
    if (berth_code_cache_create(&options, &cache, &r->diag) != BERTH_OK)
        fail_msg("%s", r->diag.text);
    return cache;
}

static berth_code_cache_stats stats_of(berth_code_cache *cache)
{
    berth_code_cache_stats s = BERTH_CODE_CACHE_STATS_INIT;

    assert_int_equal(berth_code_cache_stats_read(cache, &s, NULL), BERTH_OK);
    return s;
}

/* The rig's runtime is one after another; what came before is gone. */
static void next_runtime(slot_rig *r, berth_code_cache *cache, uint32_t stack_bytes)
{
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;

    options.instances_max = 16;
    options.code_cache = cache;
    options.stack_bytes_max = stack_bytes;
    slot_rig_restart(r, options);
}

static void check_counts(slot_rig *r, uint64_t compiles, uint64_t loads)
{
    berth_runtime_stats s = slot_rig_runtime_stats(r);

    assert_int_equal(s.compiles, keeps_code(r) ? compiles : compiles + loads);
    assert_int_equal(s.code_loads, keeps_code(r) ? loads : 0);
}

static void a_content_is_compiled_once_for_runtimes_that_follow_each_other(void **state)
{
    slot_rig *r = *state;
    berth_code_cache *cache = make_cache(r);

    for (unsigned n = 0; n < 3; n++) {
        berth_slot *slot;

        next_runtime(r, cache, 0);
        slot = slot_rig_open(r, "x", NULL);
        assert_int_equal(slot_rig_install_answering(r, slot, 7), 1);
        assert_int_equal(slot_rig_answer(r, slot), 7);
        check_counts(r, n == 0, n != 0);
        assert_int_equal(slot_rig_install_answering(r, slot, 8 + n), 2); /* new each time */
        assert_int_equal(slot_rig_answer(r, slot), 8 + n);
        assert_int_equal(berth_slot_rollback(slot, NULL, NULL), BERTH_OK);
        assert_int_equal(slot_rig_answer(r, slot), 7);
        check_counts(r, 1 + (n == 0), n != 0);
    }
    assert_int_equal(stats_of(cache).stored, keeps_code(r) ? 4 : 0);
    assert_int_equal(stats_of(cache).loads, keeps_code(r) ? 2 : 0);
    berth_code_cache_destroy(cache); /* the last runtime keeps it for its time */
    assert_int_equal(slot_rig_answer(r, r->slots[0]), 7);
    assert_int_equal(slot_rig_install_answering(r, r->slots[0], 8), 3);
    assert_int_equal(slot_rig_answer(r, r->slots[0]), 8);
}

static void other_settings_are_other_code(void **state)
{
    slot_rig *r = *state;
    berth_code_cache *cache = make_cache(r);
    static const uint32_t stacks[] = { 256 << 10, 512 << 10, 256 << 10 };

    for (unsigned n = 0; n < 3; n++) {
        next_runtime(r, cache, stacks[n]);
        slot_rig_install_answering(r, slot_rig_open(r, "x", NULL), 7);
        assert_int_equal(slot_rig_answer(r, r->slots[0]), 7);
        check_counts(r, n < 2, n == 2);
    }
    berth_code_cache_destroy(cache);
}

static void what_is_no_module_is_refused_by_each(void **state)
{
    slot_rig *r = *state;
    berth_code_cache *cache = make_cache(r);

    for (unsigned n = 0; n < 2; n++) {
        plugin_spec spec = { .hook = PLUGIN_CODE(0x1a) }; /* drops what is not there */

        next_runtime(r, cache, 0);
        assert_int_equal(slot_rig_try_spec(r, slot_rig_open(r, "x", NULL), &spec),
                         BERTH_E_REJECTED);
        assert_int_equal(slot_rig_install_answering(r, r->slots[0], 7), 1);
    }
    assert_int_equal(stats_of(cache).entries, keeps_code(r) ? 1 : 0);
    berth_code_cache_destroy(cache);
}

static void core_modules_of_components_are_shared_too(void **state)
{
    slot_rig *r = *state;
    berth_code_cache *cache = make_cache(r);
    uint64_t compiled = 0;

    for (unsigned n = 0; n < 2; n++) {
        next_runtime(r, cache, 0);
        slot_rig_install_guest(r, slot_rig_open(r, "x", NULL), "cli_values.component");
        if (n == 0)
            compiled = slot_rig_runtime_stats(r).compiles;
        assert_true(compiled > 0);
        check_counts(r, n == 0 ? compiled : 0, n == 0 ? 0 : compiled);
    }
    berth_code_cache_destroy(cache);
}

typedef struct host {
    slot_rig *r;
    berth_code_cache *cache;
    pthread_barrier_t *start;
    uint64_t compiles, loads;
    pthread_t thread;
} host;

static void *install_all(void *arg)
{
    host *h = arg;
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    berth_runtime_stats stats = BERTH_RUNTIME_STATS_INIT;
    berth_runtime *runtime = NULL;
    berth_diag diag;
    bool is_good;

    options.engine = h->r->engine;
    options.allocator = &h->r->allocator;
    options.instances_max = 16;
    options.code_cache = h->cache;
    is_good = berth_runtime_create(&options, &runtime, &diag) == BERTH_OK;
    pthread_barrier_wait(h->start);
    for (uint32_t n = 1; is_good && n <= CONTENTS; n++) {
        berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
        berth_slot *slot = NULL;
        size_t size;
        uint8_t *bytes = plugin_answering(n, &size);

        opt.name = n == 1 ? "1" : n == 2 ? "2" : "3";
        opt.probe_deadline_ns = 60000 * MS;
        is_good = berth_slot_open(runtime, &opt, &slot, &diag) == BERTH_OK &&
                  berth_slot_install(slot, bytes, size, NULL, &diag) == BERTH_OK;
        free(bytes);
        berth_slot_release(slot);
    }
    if (is_good && berth_runtime_stats_read(runtime, &stats, NULL) == BERTH_OK) {
        h->compiles = stats.compiles;
        h->loads = stats.code_loads;
    }
    berth_runtime_destroy(runtime);
    return is_good ? h : NULL;
}

static void runtimes_at_the_same_time_compile_each_content_once(void **state)
{
    slot_rig *r = *state;
    berth_code_cache *cache = make_cache(r);
    pthread_barrier_t start;
    host hosts[RUNTIMES];
    uint64_t compiles = 0, loads = 0;

    assert_int_equal(pthread_barrier_init(&start, NULL, RUNTIMES), 0);
    for (int i = 0; i < RUNTIMES; i++) {
        hosts[i] = (host){ .r = r, .cache = cache, .start = &start };
        assert_int_equal(pthread_create(&hosts[i].thread, NULL, install_all, &hosts[i]), 0);
    }
    for (int i = 0; i < RUNTIMES; i++) {
        void *result = NULL;

        assert_int_equal(pthread_join(hosts[i].thread, &result), 0);
        assert_ptr_equal(result, &hosts[i]);
        compiles += hosts[i].compiles;
        loads += hosts[i].loads;
    }
    pthread_barrier_destroy(&start);
    assert_int_equal(compiles, keeps_code(r) ? CONTENTS : CONTENTS * RUNTIMES);
    assert_int_equal(loads, keeps_code(r) ? CONTENTS * (RUNTIMES - 1) : 0);
    berth_code_cache_destroy(cache);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(a_content_is_compiled_once_for_runtimes_that_follow_each_other),
        slot_test(other_settings_are_other_code),
        slot_test(what_is_no_module_is_refused_by_each),
        slot_test(core_modules_of_components_are_shared_too),
        slot_test(runtimes_at_the_same_time_compile_each_content_once),
    };

    return slot_rig_run("code between runtimes", tests, sizeof tests / sizeof *tests);
}
