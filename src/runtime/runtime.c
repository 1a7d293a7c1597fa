/* runtime.c - putting everything together, and taking it apart.
 *
 * What this directory is: the only part that knows all the others.  Read registry/registry.h for
 * the objects.  Layer: runtime.
 *
 * Two threads per runtime: the ticker, which is the clock of all deadlines and never blocks on
 * anything but time, and the reaper (registry/reaper.c).
 */
#include "registry/registry.h"

#include "base/bounds.h"
#include "base/diag.h"
#include "os/clock.h"
#include "registry/code_cache.h"
#include "runtime/families.h"

enum {
    INSTANCES_DEFAULT = 256,
    STACK_DEFAULT = 512 << 10,
    STACK_MIN = 16 << 10,
    STACK_MAX = 2 << 20 /* guests run on the callers' threads */
};
#define MIB (UINT64_C(1) << 20)

static void use_defaults(berth_runtime_options *opt)
{
    if (opt->instances_max == 0)
        opt->instances_max = INSTANCES_DEFAULT;
    if (opt->allocator == NULL)
        opt->allocator = &berthi_allocator_libc;
    if (opt->memory_bytes_max == 0)
        opt->memory_bytes_max = 64 * MIB;
    if (opt->table_elements_max == 0)
        opt->table_elements_max = 10000;
    if (opt->stack_bytes_max == 0)
        opt->stack_bytes_max = STACK_DEFAULT;
    if (opt->slots_max == 0)
        opt->slots_max = 16384;
    if (opt->tenant_calls_max == 0)
        opt->tenant_calls_max = 256;
    if (opt->cache_entries_max == 0)
        opt->cache_entries_max = 64;
    if (opt->cache_bytes_max == 0)
        opt->cache_bytes_max = 48 * MIB;
    if (opt->artifact_bytes_max == 0)
        opt->artifact_bytes_max = 32 * MIB;
}

static berth_status check_options(const berth_runtime_options *opt, berth_diag *diag)
{
    BERTHI_REQUIRE(opt->allocator->alloc != NULL && opt->allocator->free != NULL, diag);
    if (opt->instances_max > BERTHI_SLOT_INSTANCES_MOST)
        return berthi_fail(diag, BERTH_E_INVALID, "instances_max is at most %d",
                           BERTHI_SLOT_INSTANCES_MOST);
    if (opt->stack_bytes_max < STACK_MIN || opt->stack_bytes_max > STACK_MAX)
        return berthi_fail(diag, BERTH_E_INVALID, "stack_bytes_max is from %d to %d", STACK_MIN,
                           STACK_MAX);
    if (opt->memory_bytes_max > BERTHI_LINEAR_MEMORY_MOST || opt->memory_bytes_max % 65536 != 0)
        return berthi_fail(diag, BERTH_E_INVALID,
                           "memory_bytes_max is a multiple of 64 KiB and at most 4 GiB");
    if ((opt->flags & ~(uint32_t)BERTH_RUNTIME_BACKTRACES) != 0)
        return berthi_fail(diag, BERTH_E_INVALID, "flags of a runtime that are not known here");
    if (opt->artifact_bytes_max > 1024 * MIB)
        return berthi_fail(diag, BERTH_E_INVALID, "artifact_bytes_max is at most 1 GiB");
    return BERTH_OK;
}

/* The clock.  When it comes late, after a pause of the machine or in a busy spell, the engine is
 * told of one tick all the same: a call that began during the pause has used none of the others,
 * and must get all of its time.  The coarse clock of the records follows real time. */
static void *run_ticker(void *runtime)
{
    berth_runtime *rt = runtime;
    uint64_t start_ns = berthi_clock_ns(), done = 0;

    while (!atomic_load_explicit(&rt->is_ticker_stopping, memory_order_acquire)) {
        uint64_t due;

        berthi_clock_wait_until(start_ns + (done + 1) * BERTHI_TICK_NS);
        due = (berthi_clock_ns() - start_ns) / BERTHI_TICK_NS;
        if (due <= done)
            continue;
        rt->ops->engine_tick(rt->engine, 1);
        atomic_fetch_add_explicit(&rt->domain.tick, due - done, memory_order_relaxed);
        done = due;
    }
    return NULL;
}

static berth_status make_engine(berth_runtime *rt, berth_diag *diag)
{
    berthi_wasm_options wasm = { .allocator = &rt->allocator,
                                 .memory_bytes_max = rt->options.memory_bytes_max,
                                 .table_elements_max = rt->options.table_elements_max,
                                 .stack_bytes_max = rt->options.stack_bytes_max,
                                 .instances_max = rt->options.instances_max };

    rt->ops = berthi_wasm_provider(rt->options.engine);
    if (rt->ops == NULL)
        return berthi_fail(diag, BERTH_E_ABSENT, "this build has no engine '%s'",
                           rt->options.engine);
    return rt->ops->engine_create(&wasm, &rt->engine, diag);
}

static berth_status start_threads(berth_runtime *rt, berth_diag *diag)
{
    int code = berthi_thread_start(&rt->ticker, "berth-ticker", 0, run_ticker, rt);

    if (code != 0)
        return berthi_fail_os(diag, code, "the ticker thread");
    code = berthi_thread_start(&rt->reaper, "berth-reaper", 0, berthi_reaper_run, rt);
    if (code == 0)
        return BERTH_OK;
    atomic_store_explicit(&rt->is_ticker_stopping, true, memory_order_release);
    berthi_thread_join(&rt->ticker);
    return berthi_fail_os(diag, code, "the reaper thread");
}

static berth_status make_locks(berth_runtime *rt, berth_diag *diag)
{
    int code = berthi_lock_init(&rt->lock, BERTHI_RANK_REGISTRY);

    if (code == 0) {
        code = berthi_lock_init(&rt->retired_lock, BERTHI_RANK_DOMAIN);
        if (code != 0)
            berthi_lock_fini(&rt->lock);
    }
    return code == 0 ? BERTH_OK : berthi_fail_os(diag, code, "the runtime's locks");
}

static berth_status fill_runtime(berth_runtime *rt, berth_diag *diag)
{
    berth_status status = make_locks(rt, diag);

    if (status != BERTH_OK)
        return status;
    status = berthi_domain_init(&rt->domain, &rt->allocator, diag);
    if (status != BERTH_OK)
        goto fail_domain;
    status = berthi_map_init(rt, diag);
    if (status != BERTH_OK)
        goto fail_map;
    status = berthi_cache_init(rt, diag);
    if (status != BERTH_OK)
        goto fail_cache;
    status = make_engine(rt, diag);
    if (status != BERTH_OK)
        goto fail_engine;
    status = berthi_native_group_make(rt->options.reporter, rt->options.reporter_ctx,
                                      &rt->natives, diag);
    if (status != BERTH_OK)
        goto fail_natives;
    status = start_threads(rt, diag);
    if (status == BERTH_OK)
        return BERTH_OK;

    berthi_native_group_end(rt->natives);
fail_natives:
    rt->ops->engine_destroy(rt->engine);
fail_engine:
    berthi_cache_fini(rt);
fail_cache:
    berthi_map_fini(rt);
fail_map:
    berthi_domain_fini(&rt->domain);
fail_domain:
    berthi_lock_fini(&rt->retired_lock);
    berthi_lock_fini(&rt->lock);
    return status;
}

berth_status berth_runtime_create(const berth_runtime_options *options,
                                  berth_runtime **runtime_out, berth_diag *diag)
{
    berth_runtime_options opt = BERTH_RUNTIME_OPTIONS_INIT;
    berth_status status = BERTH_OK;
    berth_runtime *rt;

    BERTHI_REQUIRE(runtime_out != NULL, diag);
    if (options != NULL)
        status = berthi_options_copy(&opt, sizeof opt, options, "berth_runtime_options", diag);
    if (status != BERTH_OK)
        return status;
    use_defaults(&opt);
    status = check_options(&opt, diag);
    if (status != BERTH_OK)
        return status;
    rt = berthi_zalloc(opt.allocator, sizeof *rt);
    if (rt == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "a runtime");
    rt->allocator = *opt.allocator;
    rt->options = opt;
    rt->options.allocator = &rt->allocator;
    rt->profiles = berthi_families;
    status = fill_runtime(rt, diag);
    if (status != BERTH_OK) {
        berthi_free(opt.allocator, rt, sizeof *rt);
        return status;
    }
    rt->options.engine = rt->ops->name;
    if (rt->options.code_cache != NULL)
        berthi_code_cache_ref(rt->options.code_cache);
    *runtime_out = rt;
    return BERTH_OK;
}

void berth_runtime_destroy(berth_runtime *rt)
{
    berth_allocator a;

    if (rt == NULL)
        return;
    (void)berth_runtime_retain(rt, NULL, 0);
    atomic_store_explicit(&rt->is_stopping, true, memory_order_release);
    berthi_event_wake(&rt->event);
    berthi_thread_join(&rt->reaper); /* when the last version is gone */
    berthi_watchdog_end(rt);
    berthi_native_group_end(rt->natives);
    atomic_store_explicit(&rt->is_ticker_stopping, true, memory_order_release);
    berthi_thread_join(&rt->ticker);
    berthi_cache_fini(rt);
    rt->ops->engine_destroy(rt->engine);
    berthi_map_fini(rt);
    berthi_domain_fini(&rt->domain);
    berthi_lock_fini(&rt->retired_lock);
    berthi_lock_fini(&rt->lock);
    if (rt->options.code_cache != NULL)
        berthi_code_cache_unref(rt->options.code_cache);
    a = rt->allocator;
    berthi_free(&a, rt, sizeof *rt);
}

const char *berth_runtime_engine(const berth_runtime *rt)
{
    return rt->ops->name;
}
