/* bench_call.c - what a slot call adds to the engine's own.
 *
 * Baselines: the engine's unchecked call in a loop, and the loop that one would write by hand for
 * 256 bytes: memcpy in, call, memcpy out, with the reply's bounds checked.
 */
#include <string.h>

#include "bench.h"
#include "rig.h"
#include "wasm/engine.h"
#ifdef BERTH_HAVE_WASMTIME
#include "wasm/wasmtime/wt.h"
#endif

enum { SIZE = 256 };

typedef struct bare {
    const berthi_wasm_ops *ops;
    berthi_wasm_engine *engine;
    berthi_wasm_module *module;
    berthi_wasm_store *store;
    berthi_extern memory, empty, echo;
} bare;

typedef struct context {
    bench_rig rig;
    bare bare;
    char input[SIZE], output[SIZE];
} context;

static void bare_open(bare *b)
{
    berthi_wasm_options options = { &berthi_allocator_libc, 64 << 20, 10000, 512 << 10, 64 };
    berthi_wasm_limits limits = { 64 << 20, 10000, 1, 1, 8 };
    berthi_wasm_instance instance;
    berth_diag diag = { 0 };
    const uint8_t *bytes;
    size_t size;

    bytes = bench_guest("bench", &size);
    b->ops = berthi_wasm_provider(NULL);
    BENCH_OK(b->ops->engine_create(&options, &b->engine, &diag), &diag);
    BENCH_OK(b->ops->module_compile(b->engine, bytes, size, &b->module, &diag), &diag);
    BENCH_OK(b->ops->store_create(b->engine, &limits, NULL, &b->store, &diag), &diag);
    b->ops->store_deadline(b->store, UINT32_MAX);
    BENCH_OK(b->ops->instantiate(b->store, b->module, NULL, 0, &instance, &diag), &diag);
    b->ops->instance_export(b->store, instance, "memory", 6, &b->memory);
    b->ops->instance_export(b->store, instance, "berth_hook_empty", 16, &b->empty);
    b->ops->instance_export(b->store, instance, "berth_hook_echo", 15, &b->echo);
}

/* The engine's own entry, without even our provider in between, where there is one. */
static inline void bare_call(bare *b, const berthi_extern *func, berthi_val *cells)
{
#ifdef BERTH_HAVE_WASMTIME
    wasm_trap_t *trap = NULL;
    wasmtime_error_t *error = wasmtime_func_call_unchecked(
        ((berthi_wt_store *)b->store)->context, berthi_wt_func(func),
        (wasmtime_val_raw_t *)(void *)cells, 2, &trap);

    if (error != NULL || trap != NULL)
        bench_check(BERTH_E_TRAP, NULL, "bare call");
#else
    BENCH_OK(b->ops->call(b->store, func, cells, 2, NULL), NULL);
#endif
}

static void empty_bare(void *ctx, uint64_t ops)
{
    bare *b = &((context *)ctx)->bare;

    for (uint64_t i = 0; i < ops; i++) {
        berthi_val cells[2] = { { .i32 = 0 }, { .i32 = 0 } };

        bare_call(b, &b->empty, cells);
    }
}

static void slot_calls(bench_rig *rig, uint64_t ops)
{
    berth_reply reply;
    berth_diag diag;

    for (uint64_t i = 0; i < ops; i++) {
        if (berth_slot_call(rig->slot, &rig->call, &reply, &diag) != BERTH_OK)
            bench_check(BERTH_E_TRAP, &diag, "slot call");
        if (i % 32 == 31) /* as one does after a batch */
            berth_arena_reset(rig->arena);
    }
}

static void slot_block(void *ctx, uint64_t ops)
{
    slot_calls(&((context *)ctx)->rig, ops);
}

static void echo_bare(void *ctx, uint64_t ops)
{
    context *c = ctx;
    bare *b = &c->bare;

    for (uint64_t i = 0; i < ops; i++) {
        berthi_val cells[2] = { { .i32 = 1024 }, { .i32 = SIZE } };
        berthi_memory_view memory = b->ops->memory_view(b->store, &b->memory);
        uint32_t at, size;

        memcpy(memory.base + 1024, c->input, SIZE);
        bare_call(b, &b->echo, cells);
        at = (uint32_t)((uint64_t)cells[0].i64 >> 32);
        size = (uint32_t)cells[0].i64;
        memory = b->ops->memory_view(b->store, &b->memory);
        if (at > memory.size || size > memory.size - at || size > SIZE)
            bench_check(BERTH_E_ABI, NULL, "bare echo");
        memcpy(c->output, memory.base + at, size);
    }
}

int main(void)
{
    static context c;
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    berth_diag diag = { 0 };

    options.name = "bench";
    options.deadline_ns = 60u * 1000000000u; /* stepping takes its time */
    bare_open(&c.bare);
    bench_rig_open(&c.rig, &options, "bench", "empty");
    bench_measure(&(bench_case){ "call_empty", slot_block, empty_bare, &c, 1.5, 0 });

    BENCH_OK(berth_slot_hook(c.rig.slot, "echo", &c.rig.call.hook, &diag), &diag);
    memset(c.input, 'x', sizeof c.input);
    c.rig.call.input = c.input;
    c.rig.call.input_size = sizeof c.input;
    bench_measure(&(bench_case){ "call_echo_256", slot_block, echo_bare, &c, 1.25, 0 });

    c.bare.ops->store_destroy(c.bare.store);
    c.bare.ops->module_unref(c.bare.module);
    c.bare.ops->engine_destroy(c.bare.engine);
    bench_rig_close(&c.rig);
    return 0;
}
