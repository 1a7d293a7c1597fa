/* bench_engine.c - what the engine interface costs over the bare engine, and the raw costs of
 * the engine that everything else stands on.  Baselines are Wasmtime's own C API. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "bench.h"
#include "wasm/engine.h"

#ifdef BERTH_HAVE_WASMTIME

#include "wasm/wasmtime/wt.h"

enum { ECHO_BYTES = 256, IDLE_INSTANCES = 256 };

typedef struct setting {
    const berthi_wasm_ops *ops;
    berthi_wasm_engine *engine;
    berthi_wasm_module *echo, *probe;
    berthi_wasm_store *store; /* of `echo` */
    berthi_extern memory, hook;
    berthi_wasm_store *probe_store;
    berthi_extern nothing;
    uint8_t in[ECHO_BYTES], out[ECHO_BYTES];
} setting;

static const berthi_wasm_options options = { .allocator = &berthi_allocator_libc,
                                             .memory_bytes_max = 64 << 20,
                                             .table_elements_max = 10000,
                                             .stack_bytes_max = 512 * 1024,
                                             .instances_max = 1024 };
static const berthi_wasm_limits limits = { .memory_bytes_max = 64 << 20,
                                           .table_elements_max = 10000,
                                           .instances_max = 4,
                                           .memories_max = 4,
                                           .tables_max = 8 };

static void must(berth_status status, const berth_diag *diag)
{
    if (status == BERTH_OK)
        return;
    fprintf(stderr, "bench_engine: %s\n", diag->text);
    exit(1);
}

static berthi_wasm_module *compile(setting *s, const char *guest)
{
    char path[512];
    uint8_t *bytes = malloc(1 << 20);
    berthi_wasm_module *module;
    berth_diag diag;
    size_t size;
    FILE *f;

    snprintf(path, sizeof path, "%s/%s.wasm", BERTH_TEST_GUESTS_DIR, guest);
    f = fopen(path, "rbe");
    if (f == NULL || bytes == NULL) {
        perror(path);
        exit(1);
    }
    size = fread(bytes, 1, 1 << 20, f);
    fclose(f);
    must(s->ops->module_compile(s->engine, bytes, size, &module, &diag), &diag);
    free(bytes);
    return module;
}

static berthi_wasm_store *open_store(setting *s, berthi_wasm_module *module,
                                     berthi_wasm_instance *instance_out)
{
    berthi_wasm_store *store;
    berth_diag diag;

    must(s->ops->store_create(s->engine, &limits, NULL, &store, &diag), &diag);
    s->ops->store_deadline(store, UINT64_MAX);
    must(s->ops->instantiate(store, module, NULL, 0, instance_out, &diag), &diag);
    return store;
}

static void get(setting *s, berthi_wasm_store *store, berthi_wasm_instance instance,
                const char *name, berthi_extern *extern_out)
{
    if (!s->ops->instance_export(store, instance, name, strlen(name), extern_out)) {
        fprintf(stderr, "bench_engine: no export '%s'\n", name);
        exit(1);
    }
}

static void call_empty(void *ctx, uint64_t times)
{
    setting *s = ctx;
    berth_diag diag;

    for (; times != 0; times--)
        must(s->ops->call(s->probe_store, &s->nothing, NULL, 0, &diag), &diag);
}

static void call_empty_bare(void *ctx, uint64_t times)
{
    setting *s = ctx;
    wasmtime_context_t *context = ((berthi_wt_store *)s->probe_store)->context;
    wasmtime_func_t f = *berthi_wt_func(&s->nothing);

    for (; times != 0; times--) {
        wasm_trap_t *trap = NULL;

        if (wasmtime_func_call_unchecked(context, &f, NULL, 0, &trap) != NULL || trap != NULL)
            exit(1);
    }
}

static void echo(void *ctx, uint64_t times)
{
    setting *s = ctx;
    berth_diag diag;

    for (; times != 0; times--) {
        berthi_val v[2] = { { .i32 = 2048 }, { .i32 = ECHO_BYTES } };
        berthi_memory_view view = s->ops->memory_view(s->store, &s->memory);
        uint64_t at, size;

        memcpy(view.base + 2048, s->in, ECHO_BYTES);
        must(s->ops->call(s->store, &s->hook, v, 2, &diag), &diag);
        view = s->ops->memory_view(s->store, &s->memory);
        at = (uint64_t)v[0].i64 >> 32;
        size = (uint32_t)v[0].i64;
        if (size > ECHO_BYTES || at > view.size - size)
            exit(1);
        memcpy(s->out, view.base + at, size);
        bench_keep(s->out);
    }
}

static void echo_bare(void *ctx, uint64_t times)
{
    setting *s = ctx;
    wasmtime_context_t *context = ((berthi_wt_store *)s->store)->context;
    wasmtime_memory_t memory = *berthi_wt_memory(&s->memory);
    wasmtime_func_t f = *berthi_wt_func(&s->hook);

    for (; times != 0; times--) {
        wasmtime_val_raw_t v[2] = { { .i32 = 2048 }, { .i32 = ECHO_BYTES } };
        wasm_trap_t *trap = NULL;
        uint64_t at, size;

        memcpy(wasmtime_memory_data(context, &memory) + 2048, s->in, ECHO_BYTES);
        if (wasmtime_func_call_unchecked(context, &f, v, 2, &trap) != NULL || trap != NULL)
            exit(1);
        at = (uint64_t)v[0].i64 >> 32;
        size = (uint32_t)v[0].i64;
        if (size > ECHO_BYTES || at > wasmtime_memory_data_size(context, &memory) - size)
            exit(1);
        memcpy(s->out, wasmtime_memory_data(context, &memory) + at, size);
        bench_keep(s->out);
    }
}

static void fresh(void *ctx, uint64_t times)
{
    setting *s = ctx;

    for (; times != 0; times--) {
        berthi_wasm_instance i;

        s->ops->store_destroy(open_store(s, s->echo, &i));
    }
}

static void fresh_bare(void *ctx, uint64_t times)
{
    setting *s = ctx;
    wasm_engine_t *engine = ((berthi_wt_engine *)s->engine)->engine;
    wasmtime_instance_pre_t *linked = ((berthi_wt_module *)s->echo)->linked;

    for (; times != 0; times--) {
        wasmtime_store_t *store = wasmtime_store_new(engine, NULL, NULL);
        wasmtime_context_t *context = wasmtime_store_context(store);
        wasm_trap_t *trap = NULL;
        wasmtime_instance_t i;

        wasmtime_store_limiter(store, 64 << 20, 10000, 4, 8, 4);
        wasmtime_context_set_epoch_deadline(context, 100);
        if (wasmtime_instance_pre_instantiate(linked, context, &i, &trap) != NULL)
            exit(1);
        wasmtime_store_delete(store);
    }
}

static void fresh_and_call(void *ctx, uint64_t times)
{
    setting *s = ctx;
    berth_diag diag;

    for (; times != 0; times--) {
        berthi_val v[2] = { { .i32 = 2048 }, { .i32 = ECHO_BYTES } };
        berthi_wasm_instance i;
        berthi_wasm_store *store = open_store(s, s->echo, &i);
        berthi_extern memory, hook;

        get(s, store, i, "memory", &memory);
        get(s, store, i, "berth_hook_echo", &hook);
        memcpy(s->ops->memory_view(store, &memory).base + 2048, s->in, ECHO_BYTES);
        must(s->ops->call(store, &hook, v, 2, &diag), &diag);
        memcpy(s->out, s->ops->memory_view(store, &memory).base + 2048, ECHO_BYTES);
        s->ops->store_destroy(store);
    }
}

static void view(void *ctx, uint64_t times)
{
    setting *s = ctx;

    for (; times != 0; times--) {
        berthi_memory_view v = s->ops->memory_view(s->store, &s->memory);

        bench_keep(v.base);
    }
}

static void set_deadline(void *ctx, uint64_t times)
{
    setting *s = ctx;

    for (; times != 0; times--)
        s->ops->store_deadline(s->store, times);
}

static void trap(void *ctx, uint64_t times)
{
    setting *s = ctx;
    berthi_wasm_instance i;
    berthi_wasm_store *store = open_store(s, s->probe, &i);
    berthi_extern f;
    berth_diag diag;

    get(s, store, i, "unreachable", &f);
    for (; times != 0; times--)
        if (s->ops->call(store, &f, NULL, 0, &diag) != BERTH_E_TRAP)
            exit(1);
    s->ops->store_destroy(store);
}

/* What an instance costs that was called once and waits: memory of one page, of which the guest
 * and the host have touched two small parts. */
static void report_idle(setting *s)
{
    static berthi_wasm_store *stores[IDLE_INSTANCES];
    uint64_t before = bench_resident_bytes();

    for (int round = 0; round < 2; round++) { /* in places never used, then in used ones */
        for (int n = 0; n < IDLE_INSTANCES; n++) {
            berthi_val v[2] = { { .i32 = 2048 }, { .i32 = ECHO_BYTES } };
            berthi_wasm_instance i;
            berthi_extern memory, hook;
            berth_diag diag;

            stores[n] = open_store(s, s->echo, &i);
            get(s, stores[n], i, "memory", &memory);
            get(s, stores[n], i, "berth_hook_echo", &hook);
            memcpy(s->ops->memory_view(stores[n], &memory).base + 2048, s->in, ECHO_BYTES);
            must(s->ops->call(stores[n], &hook, v, 2, &diag), &diag);
        }
        bench_report(round == 0 ? "engine_idle_instance" : "engine_idle_instance_used_place",
                     "kib", (double)(bench_resident_bytes() - before) / IDLE_INSTANCES / 1024,
                     32);
        for (int n = 0; n < IDLE_INSTANCES; n++)
            s->ops->store_destroy(stores[n]);
    }
    bench_report("engine_idle_place_left", "kib",
                 (double)(int64_t)(bench_resident_bytes() - before) / IDLE_INSTANCES / 1024, 0);
}

static void report_engine(const berthi_wasm_ops *ops)
{
    uint64_t before = bench_resident_bytes(), start = bench_now_ns();
    berthi_wasm_engine *engine;
    berth_diag diag;

    must(ops->engine_create(&options, &engine, &diag), &diag);
    bench_report("engine_create", "ms", (double)(bench_now_ns() - start) / 1e6, 0);
    bench_report("engine_resident", "kib", (double)(bench_resident_bytes() - before) / 1024, 0);
    ops->engine_destroy(engine);
}

int main(void)
{
    setting s = { .ops = berthi_wasm_provider("wasmtime") };
    const bench_case cases[] = {
        { "engine_call_empty", call_empty, call_empty_bare, &s, 1.1, 0 },
        { "engine_echo_256", echo, echo_bare, &s, 1.1, 0 },
        { "engine_fresh", fresh, fresh_bare, &s, 1.05, 0 },
        { "engine_fresh_echo_256", fresh_and_call, NULL, &s, 0, 0 },
        { "engine_memory_view", view, NULL, &s, 0, 0 },
        { "engine_set_deadline", set_deadline, NULL, &s, 0, 0 },
        { "engine_trap", trap, NULL, &s, 0, 0 },
    };
    berthi_wasm_instance i;
    uint64_t start;
    berth_diag diag;

    report_engine(s.ops);
    must(s.ops->engine_create(&options, &s.engine, &diag), &diag);
    s.probe = compile(&s, "probe");
    start = bench_now_ns();
    s.echo = compile(&s, "echo");
    bench_report("engine_compile_small", "ms", (double)(bench_now_ns() - start) / 1e6, 0);
    s.probe_store = open_store(&s, s.probe, &i);
    get(&s, s.probe_store, i, "nothing", &s.nothing);
    s.store = open_store(&s, s.echo, &i);
    get(&s, s.store, i, "memory", &s.memory);
    get(&s, s.store, i, "berth_hook_echo", &s.hook);
    for (size_t n = 0; n < sizeof cases / sizeof *cases; n++)
        bench_measure(&cases[n]);
    report_idle(&s);
    s.ops->store_destroy(s.store);
    s.ops->store_destroy(s.probe_store);
    s.ops->module_unref(s.echo);
    s.ops->module_unref(s.probe);
    s.ops->engine_destroy(s.engine);
    return 0;
}

#else

int main(void)
{
    return 0; /* costs of the interpreter are not what this is about */
}

#endif
