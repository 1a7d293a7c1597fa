/* bench_footprint.c - what an idle instance costs, and what a million calls leave behind. */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "bench.h"
#include "os/clock.h"
#include "rig.h"
#include "wasm/engine.h"

enum { INSTANCES = 200, REUSE_CALLS = 1000000, FRESH_CALLS = 100000, SETTLE_MS = 300 };

static void idle_instances(void)
{
    berthi_wasm_options options = { &berthi_allocator_libc, 64 << 20, 10000, 512 << 10,
                                    INSTANCES };
    berthi_wasm_limits limits = { 64 << 20, 10000, 1, 1, 8 };
    const berthi_wasm_ops *ops = berthi_wasm_provider(NULL);
    static berthi_wasm_store *stores[INSTANCES];
    berthi_wasm_instance instance;
    berthi_wasm_engine *engine;
    berthi_wasm_module *module;
    berth_diag diag = { 0 };
    const uint8_t *bytes;
    uint64_t before;
    size_t size;

    bytes = bench_guest("bench", &size);
    BENCH_OK(ops->engine_create(&options, &engine, &diag), &diag);
    BENCH_OK(ops->module_compile(engine, bytes, size, &module, &diag), &diag);
    before = bench_resident_bytes();
    for (unsigned i = 0; i < INSTANCES; i++) {
        BENCH_OK(ops->store_create(engine, &limits, NULL, &stores[i], &diag), &diag);
        ops->store_deadline(stores[i], 1000);
        BENCH_OK(ops->instantiate(stores[i], module, NULL, 0, &instance, &diag), &diag);
    }
    bench_report("idle_instance_64k_guest", "bytes",
                 (double)(bench_resident_bytes() - before) / INSTANCES, 32768);
    for (unsigned i = 0; i < INSTANCES; i++)
        ops->store_destroy(stores[i]);
    ops->module_unref(module);
    ops->engine_destroy(engine);
}

static void settle(void)
{
    berthi_clock_wait_until(berthi_clock_ns() + SETTLE_MS * UINT64_C(1000000));
}

static void many_calls(const char *name, uint32_t policy, unsigned calls)
{
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    berth_diag diag = { 0 };
    bench_rig rig;
    berth_reply reply;
    uint64_t before;
    unsigned fds, threads;

    options.name = "bench";
    options.policy = policy;
    bench_rig_open(&rig, &options, "bench", "echo");
    rig.call.input = "0123456789";
    rig.call.input_size = 10;
    for (unsigned i = 0; i < calls / 10; i++) { /* warm */
        BENCH_OK(berth_slot_call(rig.slot, &rig.call, &reply, &diag), &diag);
        berth_arena_reset(rig.arena);
    }
    settle();
    before = bench_resident_bytes();
    fds = bench_fds();
    threads = bench_threads();
    for (unsigned i = 0; i < calls; i++) {
        BENCH_OK(berth_slot_call(rig.slot, &rig.call, &reply, &diag), &diag);
        berth_arena_reset(rig.arena);
    }
    settle();
    printf("{\"case\": \"%s\", \"calls\": %u, \"resident_growth_bytes\": %lld, "
           "\"descriptors\": %d, \"threads\": %d}\n",
           name, calls, (long long)bench_resident_bytes() - (long long)before,
           (int)bench_fds() - (int)fds, (int)bench_threads() - (int)threads);
    bench_rig_close(&rig);
}

int main(void)
{
    idle_instances();
    many_calls("leaves_nothing_reuse", BERTH_POLICY_REUSE, REUSE_CALLS);
    many_calls("leaves_nothing_fresh", BERTH_POLICY_FRESH, FRESH_CALLS);
    return 0;
}
