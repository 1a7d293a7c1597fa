/* bench_fresh.c - a new instance for every call, beside the loop that one would write by hand:
 * store, instantiate, look the exports up, call, delete.
 *
 * fresh_throughput calls as fast as it can; fresh_latency leaves the reaper time between calls, as
 * a slot that is not saturated does, and compares medians of single operations.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "bench.h"
#include "os/clock.h"
#include "rig.h"
#include "wasm/engine.h"

enum { SAMPLES = 4000, PAUSE_NS = 20000 };

typedef struct context {
    bench_rig rig;
    const berthi_wasm_ops *ops;
    berthi_wasm_engine *engine;
    berthi_wasm_module *module;
} context;

static void bare_open(context *c)
{
    berthi_wasm_options options = { &berthi_allocator_libc, 64 << 20, 10000, 512 << 10, 64 };
    berth_diag diag = { 0 };
    const uint8_t *bytes;
    size_t size;

    bytes = bench_guest("bench", &size);
    c->ops = berthi_wasm_provider(NULL);
    BENCH_OK(c->ops->engine_create(&options, &c->engine, &diag), &diag);
    BENCH_OK(c->ops->module_compile(c->engine, bytes, size, &c->module, &diag), &diag);
}

static void bare_once(context *c)
{
    berthi_wasm_limits limits = { 64 << 20, 10000, 1, 1, 8 };
    berthi_val cells[2] = { { .i32 = 0 }, { .i32 = 0 } };
    berthi_wasm_instance instance;
    berthi_wasm_store *store;
    berthi_extern hook;

    BENCH_OK(c->ops->store_create(c->engine, &limits, NULL, &store, NULL), NULL);
    c->ops->store_deadline(store, 100);
    BENCH_OK(c->ops->instantiate(store, c->module, NULL, 0, &instance, NULL), NULL);
    c->ops->instance_export(store, instance, "berth_hook_empty", 16, &hook);
    BENCH_OK(c->ops->call(store, &hook, cells, 2, NULL), NULL);
    c->ops->store_destroy(store);
}

static void fresh_once(context *c)
{
    berth_diag diag = { 0 };
    berth_reply reply;

    BENCH_OK(berth_slot_call(c->rig.slot, &c->rig.call, &reply, &diag), &diag);
}

static void bare_loop(void *ctx, uint64_t times)
{
    for (uint64_t i = 0; i < times; i++)
        bare_once(ctx);
}

static void fresh_loop(void *ctx, uint64_t times)
{
    for (uint64_t i = 0; i < times; i++)
        fresh_once(ctx);
}

static void pause_ns(uint64_t ns)
{
    berthi_clock_wait_until(berthi_clock_ns() + ns);
}

static void compare_latency(context *c)
{
    static uint64_t fresh[SAMPLES], bare[SAMPLES];

    for (unsigned i = 0; i < SAMPLES; i++) {
        uint64_t began = bench_now_ns();

        fresh_once(c);
        fresh[i] = bench_now_ns() - began;
        pause_ns(PAUSE_NS);
        began = bench_now_ns();
        bare_once(c);
        bare[i] = bench_now_ns() - began;
        pause_ns(PAUSE_NS);
    }
    qsort(fresh, SAMPLES, sizeof *fresh, bench_compare_u64);
    qsort(bare, SAMPLES, sizeof *bare, bench_compare_u64);
    bench_report_pair("fresh_latency_p50", (double)fresh[SAMPLES / 2],
                      (double)bare[SAMPLES / 2], 0.25);
    bench_report_pair("fresh_latency_p99", (double)fresh[SAMPLES * 99 / 100],
                      (double)bare[SAMPLES * 99 / 100], 0.0);
}

int main(void)
{
    static context c;
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;

    options.name = "bench";
    options.policy = BERTH_POLICY_FRESH;
    bare_open(&c);
    bench_rig_open(&c.rig, &options, "bench", "empty");
    bench_measure(&(bench_case){ "fresh_throughput", fresh_loop, bare_loop, &c, 1.0, 0 });
    compare_latency(&c);
    c.ops->module_unref(c.module);
    c.ops->engine_destroy(c.engine);
    bench_rig_close(&c.rig);
    return 0;
}
