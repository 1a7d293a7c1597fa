/* bench_native_slot.c - native plugins in slots, beside what they would cost without.
 *
 * The baseline of calls is the plugin's own function through a pointer; that of loading is dlopen() and
 * dlsym() of a file that is new each time, and closing it. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <berth/invoke.h>
#include <berth/plugin.h>

#include "bench.h"
#include "callers.h"
#include "rig.h"

#define MATH "test:calc/math@1.2.0#"

enum { NUMBERS = 16, THREAD_ROUNDS = 11, THREAD_CALLS = 2000000, SWAPS = 400 };

typedef struct bytes {
    uint8_t *data;
    size_t size;
} bytes;

typedef struct list {
    const uint32_t *data;
    size_t count;
} list;

typedef struct context {
    berth_runtime *runtime;
    berth_slot *slot, *loading;
    berth_arena *arena;
    berth_call add, total;
    bytes files[2];
    void *self;
    berth_plugin_fn *volatile bare_add, *volatile bare_total;
    atomic_bool stop;
    uint64_t failed;
} context;

static bytes read_plugin(const char *name)
{
    char path[1024];
    bytes file;
    FILE *in;

    snprintf(path, sizeof path, "%s/%s.so", BERTH_TEST_PLUGINS_DIR, name);
    in = fopen(path, "rb");
    if (in == NULL || fseek(in, 0, SEEK_END) != 0)
        exit(1);
    file.size = (size_t)ftell(in);
    file.data = malloc(file.size);
    rewind(in);
    if (file.data == NULL || fread(file.data, 1, file.size, in) != file.size)
        exit(1);
    fclose(in);
    return file;
}

/* ---------------------------------------------------------------- calls */

static void slot_add(void *ctx, uint64_t ops)
{
    context *c = ctx;
    int32_t args[2] = { 1, 2 }, result = 0;
    uint64_t failed = 0; /* threads share `c`, and write nothing to it */

    for (uint64_t i = 0; i < ops; i++) {
        failed += berth_slot_invoke(c->slot, args, &result, &c->add, NULL) != BERTH_OK;
        bench_keep(result);
    }
    if (failed != 0)
        c->failed += failed;
}

static void bare_add(void *ctx, uint64_t ops)
{
    context *c = ctx;
    int32_t args[2] = { 1, 2 }, result = 0;
    uint64_t failed = 0;

    for (uint64_t i = 0; i < ops; i++) {
        failed += c->bare_add(c->self, args, &result, &c->add) != 0;
        bench_keep(result);
    }
    if (failed != 0)
        c->failed += failed;
}

/* Who has no slot at hand, but its key: found, called, given back. */
static void find_add(void *ctx, uint64_t ops)
{
    context *c = ctx;
    int32_t args[2] = { 1, 2 }, result = 0;
    uint64_t failed = 0;
    berth_slot *slot;

    for (uint64_t i = 0; i < ops; i++) {
        failed += berth_slot_find(c->runtime, "tenant", "calls", &slot) != BERTH_OK;
        failed += berth_slot_invoke(slot, args, &result, &c->add, NULL) != BERTH_OK;
        berth_slot_release(slot);
        bench_keep(result);
    }
    if (failed != 0)
        c->failed += failed;
}

static const uint32_t numbers[NUMBERS] = { 1, 2, 3, 4 };

static void slot_total(void *ctx, uint64_t ops)
{
    context *c = ctx;
    list args = { numbers, NUMBERS };
    uint64_t result = 0, failed = 0;

    for (uint64_t i = 0; i < ops; i++) {
        failed += berth_slot_invoke(c->slot, &args, &result, &c->total, NULL) != BERTH_OK;
        bench_keep(result);
    }
    if (failed != 0)
        c->failed += failed;
}

static void bare_total(void *ctx, uint64_t ops)
{
    context *c = ctx;
    list args = { numbers, NUMBERS };
    uint64_t result = 0, failed = 0;

    for (uint64_t i = 0; i < ops; i++) {
        failed += c->bare_total(c->self, &args, &result, &c->total) != 0;
        bench_keep(result);
    }
    if (failed != 0)
        c->failed += failed;
}

/* One after the other, so that no call is of what the thread called last. */
static void slot_turns(void *ctx, uint64_t ops)
{
    for (uint64_t i = 0; i < ops; i++) {
        slot_add(ctx, 1);
        slot_total(ctx, 1);
    }
}

static void bare_turns(void *ctx, uint64_t ops)
{
    for (uint64_t i = 0; i < ops; i++) {
        bare_add(ctx, 1);
        bare_total(ctx, 1);
    }
}

/* ---------------------------------------------------------------- loading */

static void load(void *ctx, uint64_t ops)
{
    context *c = ctx;
    berth_diag diag = { 0 };
    berth_version *v;

    for (uint64_t i = 0; i < ops; i++) {
        BENCH_OK(berth_slot_prepare(c->loading, c->files[0].data, c->files[0].size, &v, &diag),
                 &diag);
        berth_version_discard(v);
    }
}

static void load_bare(void *ctx, uint64_t ops)
{
    context *c = ctx;

    for (uint64_t i = 0; i < ops; i++) {
        char path[] = "/tmp/berth-bench-XXXXXX";
        int fd = mkstemp(path);
        void *handle;

        if (fd < 0 ||
            write(fd, c->files[0].data, c->files[0].size) != (ssize_t)c->files[0].size ||
            close(fd) != 0)
            exit(1);
        handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (handle == NULL || dlsym(handle, "berth_plugin") == NULL)
            exit(1);
        dlclose(handle);
        unlink(path);
    }
}

/* ---------------------------------------------------------------- swaps */

static void *call_slot(void *arg)
{
    context *c = arg;

    while (!atomic_load_explicit(&c->stop, memory_order_relaxed))
        slot_add(c, 1000);
    return NULL;
}

/* From a version that is ready to one that is published, while somebody calls. */
static void measure_swaps(context *c)
{
    static uint64_t took[SWAPS];
    berth_diag diag = { 0 };
    pthread_t thread;

    atomic_store(&c->stop, false);
    if (pthread_create(&thread, NULL, call_slot, c) != 0)
        exit(1);
    for (unsigned i = 0; i < SWAPS; i++) {
        berth_version *v;
        uint64_t began;

        BENCH_OK(berth_slot_prepare(c->slot, c->files[(i + 1) % 2].data,
                                    c->files[(i + 1) % 2].size, &v, &diag),
                 &diag);
        began = bench_now_ns();
        BENCH_OK(berth_slot_swap(c->slot, v, &diag), &diag);
        took[i] = bench_now_ns() - began;
    }
    atomic_store(&c->stop, true);
    pthread_join(thread, NULL);
    qsort(took, SWAPS, sizeof *took, bench_compare_u64);
    bench_report("native_swap_publish", "p50_us", (double)took[SWAPS / 2] / 1000, 20);
}

/* ---------------------------------------------------------------- threads */

static void *call_often(void *arg)
{
    bench_caller *c = arg;

    slot_add(c->ctx, 1000);
    pthread_barrier_wait(c->start);
    c->began = bench_now_ns();
    slot_add(c->ctx, THREAD_CALLS);
    c->ended = bench_now_ns();
    return NULL;
}

static void measure_threads(context *c)
{
    double one, two;

    bench_callers(call_often, c, THREAD_CALLS, THREAD_ROUNDS, &one, &two);
    printf("{\"case\": \"native_two_threads_speedup\", \"ns_per_op\": %.2f, \"baseline_ns\": "
           "%.2f, "
           "\"ratio\": %.3f, \"goal\": 1.90, \"goal_is\": \"at least\"}\n",
           1 / two, 1 / one, two / one);
}

/* ---------------------------------------------------------------- all of it */

static berth_slot *open_slot(context *c, const char *name)
{
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    berth_diag diag = { 0 };
    berth_slot *slot;

    options.tenant = "tenant";
    options.name = name;
    BENCH_OK(berth_slot_open(c->runtime, &options, &slot, &diag), &diag);
    BENCH_OK(berth_slot_install(slot, c->files[0].data, c->files[0].size, NULL, &diag), &diag);
    return slot;
}

static berth_call call_of(context *c, const char *name)
{
    berth_call call = BERTH_CALL_INIT;
    berth_func func = BERTH_FUNC_INIT;
    berth_diag diag = { 0 };

    BENCH_OK(berth_slot_func(c->slot, name, NULL, &func, &diag), &diag);
    call.hook = func.number;
    call.arena = c->arena;
    return call;
}

/* The plugin by itself, as a program without us would have it. */
static void open_bare(context *c)
{
    const berth_plugin_v1 *plugin;
    const berth_functions_v1 *math;
    void *handle = dlopen(BERTH_TEST_PLUGINS_DIR "/calc_bench.so", RTLD_NOW | RTLD_LOCAL);

    if (handle == NULL || (plugin = dlsym(handle, "berth_plugin")) == NULL)
        exit(1);
    math = plugin->extension(NULL, "test:calc/math@1");
    c->bare_add = math->calls[0];
    c->bare_total = math->calls[2];
}

int main(void)
{
    static context c;
    berth_diag diag = { 0 };

    c.files[0] = read_plugin("calc_bench");
    c.files[1] = read_plugin("calc_bench2");
    BENCH_OK(berth_runtime_create(NULL, &c.runtime, &diag), &diag);
    BENCH_OK(berth_arena_create(NULL, 0, &c.arena, &diag), &diag);
    c.slot = open_slot(&c, "calls");
    c.loading = open_slot(&c, "loads");
    c.add = call_of(&c, MATH "add");
    c.total = call_of(&c, MATH "total");
    open_bare(&c);
    bench_measure(&(bench_case){ "native_slot_add", slot_add, bare_add, &c, 1.2, 0 });
    bench_measure(&(bench_case){ "native_slot_sum16", slot_total, bare_total, &c, 1.2, 0 });
    bench_measure(&(bench_case){ "native_find_and_add", find_add, NULL, &c, 25, 0 });
    bench_measure(&(bench_case){ "native_slot_turns", slot_turns, bare_turns, &c, 0, 0 });
    bench_measure(&(bench_case){ "native_load", load, load_bare, &c, 2.5, 0 });
    measure_swaps(&c);
    measure_threads(&c);
    berth_slot_release(c.slot);
    berth_slot_release(c.loading);
    berth_runtime_destroy(c.runtime);
    berth_arena_destroy(c.arena);
    if (c.failed != 0)
        fprintf(stderr, "%llu calls failed\n", (unsigned long long)c.failed);
    return c.failed != 0;
}
