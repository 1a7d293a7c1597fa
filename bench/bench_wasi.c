/* bench_wasi.c - functions of WASI as a component calls them: a clock read against an import that does nothing,
 * a write of 4 KiB to a stream against memcpy. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/grant.h>
#include <berth/slot.h>
#include <berth/wasi.h>

#include "bench.h"
#include "rig.h"

enum { CHUNK = 4096 };

/* A call of the host that is counted out: the bound is 1 000 000 for each. */
#define PER_CALL UINT64_C(500000)

typedef struct setting {
    berth_host *host;
    berth_grants *grants;
    berth_runtime *runtime;
    berth_slot *slot;
    berth_arena *arena;
    uint32_t hook;
    uint8_t from[CHUNK], to[CHUNK];
} setting;

static berth_status nothing(void *ctx, const void *args, void *result, berth_host_call *call)
{
    (void)ctx;
    (void)args;
    (void)call;
    *(uint64_t *)result = 1;
    return BERTH_OK;
}

__attribute__((noinline)) static int take(void *ctx, int32_t stream, const char *plugin,
                                          const void *data, size_t size)
{
    (void)stream;
    (void)plugin;
    memcpy(((setting *)ctx)->to, data, size);
    bench_keep(((setting *)ctx)->to);
    return 0;
}

static void call(setting *s, char what, uint64_t times)
{
    while (times > 0) {
        uint64_t part = times < PER_CALL ? times : PER_CALL;
        berth_call c = BERTH_CALL_INIT;
        berth_diag diag = { 0 };
        berth_reply reply;
        char text[32];

        berth_arena_reset(s->arena);
        c.hook = s->hook;
        c.input_size =
            (size_t)snprintf(text, sizeof text, "%c%llu", what, (unsigned long long)part);
        c.input = text;
        c.arena = s->arena;
        BENCH_OK(berth_slot_call(s->slot, &c, &reply, &diag), &diag);
        times -= part;
    }
}

static void clocks(void *ctx, uint64_t times)
{
    call(ctx, 'c', times);
}

static void nothings(void *ctx, uint64_t times)
{
    call(ctx, 'n', times);
}

static void writes(void *ctx, uint64_t times)
{
    call(ctx, 'w', times);
}

static void copies(void *ctx, uint64_t times)
{
    setting *s = ctx;

    for (; times > 0; times--)
        (void)take(s, 0, NULL, s->from, CHUNK);
}

static void begin(setting *s)
{
    static const char wit[] = "package test:wasi@1.0.0; world host {"
                              " import bench-host: interface { nothing: func() -> u64; } }";
    static const char *const lines[] = { "clock", "stdio" };
    berth_grants_options grants = BERTH_GRANTS_OPTIONS_INIT;
    berth_runtime_options runtime = BERTH_RUNTIME_OPTIONS_INIT;
    berth_slot_options slot = BERTH_SLOT_OPTIONS_INIT;
    berth_diag diag = { 0 };

    grants.grants = lines;
    grants.grants_count = 2;
    grants.output = take;
    grants.output_ctx = s;
    grants.output_bytes_max = UINT64_MAX;
    BENCH_OK(berth_host_create(NULL, &s->host, &diag), &diag);
    BENCH_OK(berth_wasi_offer(s->host, &diag), &diag);
    BENCH_OK(berth_host_declare(s->host, wit, strlen(wit), &diag), &diag);
    BENCH_OK(berth_host_bind(s->host, "bench-host", "nothing", 0, 8, nothing, NULL, &diag),
             &diag);
    BENCH_OK(berth_grants_create(NULL, &grants, &s->grants, &diag), &diag);
    runtime.host = s->host;
    slot.name = "bench";
    slot.grants = s->grants;
    slot.deadline_ns = 60000000000u;
    BENCH_OK(berth_runtime_create(&runtime, &s->runtime, &diag), &diag);
    BENCH_OK(berth_slot_open(s->runtime, &slot, &s->slot, &diag), &diag);
    BENCH_OK(
        berth_slot_install_file(s->slot, BERTH_TEST_GUESTS_DIR "/wasi_bench.wasm", NULL, &diag),
        &diag);
    BENCH_OK(berth_slot_hook(s->slot, "process", &s->hook, &diag), &diag);
    BENCH_OK(berth_arena_create(NULL, 0, &s->arena, &diag), &diag);
}

int main(void)
{
    static setting s;

    begin(&s);
    bench_measure(&(bench_case){ "wasi_clock_read", clocks, nothings, &s, 1.5, 0 });
    /* The goal is memcpy and 60 ns. */
    bench_measure(&(bench_case){ "wasi_stream_write_4k", writes, copies, &s, 0, 0 });
    berth_arena_destroy(s.arena);
    berth_slot_release(s.slot);
    berth_runtime_destroy(s.runtime);
    berth_grants_destroy(s.grants);
    berth_host_destroy(s.host);
    return 0;
}
