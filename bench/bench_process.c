/* bench_process.c - `process: func(list<u8>) -> result<list<u8>, string>` of a component, for sizes that
 * bench/typed measures through the engine's typed path in Rust; see tools/bench_typed.sh.
 *
 * The answer is copied out, as there; one instance is kept. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "component/run/running.h"
#include "component/plan/transcode.h"
#include "rig.h"

#ifdef BERTH_HAVE_WASMTIME

enum { SIZE_MAX_ECHOED = 16384 };

typedef struct setting {
    berthi_cm_instance *instance;
    berthi_cm_func process;
    berth_arena *arena;
    size_t size;
    char input[SIZE_MAX_ECHOED];
} setting;

typedef struct outcome {
    uint8_t is_error;
    berthi_cm_host_list bytes;
} outcome;

static void process(void *ctx, uint64_t times)
{
    setting *s = ctx;

    for (; times != 0; times--) {
        const berthi_cm_host_list input = { s->input, s->size };
        berth_diag diag;
        outcome out;

        berth_arena_reset(s->arena);
        BENCH_OK(berthi_cm_call(s->instance, &s->process, &input, &out, s->arena, &diag),
                 &diag);
        if (out.is_error != 0 || out.bytes.count != s->size)
            exit(1);
        bench_keep(out.bytes.data);
    }
}

int main(void)
{
    static const berthi_wasm_options engine_options = { &berthi_allocator_libc, 64 << 20, 10000,
                                                        512 << 10, 64 };
    static const berthi_cm_limits limits = { .store = { 64 << 20, 10000, 1, 1, 1 } };
    static const size_t sizes[] = { 16, 256, 4096, SIZE_MAX_ECHOED };
    static setting s;
    const berthi_wasm_ops *ops = berthi_wasm_provider("wasmtime");
    berthi_cm_load_options options = { .allocator = &berthi_allocator_libc };
    berthi_cm_loaded *loaded;
    const uint8_t *bytes;
    berth_diag diag = { 0 };
    size_t size;

    bytes = bench_guest("bench_pipe.component", &size);
    BENCH_OK(ops->engine_create(&engine_options, &options.engine, &diag), &diag);
    BENCH_OK(berthi_cm_load(bytes, size, &options, &loaded, &diag), &diag);
    BENCH_OK(
        berthi_cm_instance_create(loaded, &limits, UINT64_MAX / 4, NULL, &s.instance, &diag),
        &diag);
    BENCH_OK(berth_arena_create(NULL, 65536, &s.arena, &diag), &diag);
    if (!berthi_cm_loaded_func(loaded, NULL, "process", &s.process))
        bench_check(BERTH_E_ABSENT, NULL, "process");
    memset(s.input, 'x', sizeof s.input);
    for (size_t n = 0; n < sizeof sizes / sizeof *sizes; n++) {
        char name[64];

        s.size = sizes[n];
        snprintf(name, sizeof name, "component_process_%zu", sizes[n]);
        bench_measure(&(bench_case){ name, process, NULL, &s, 0, 0 });
    }
    berth_arena_destroy(s.arena);
    berthi_cm_instance_destroy(s.instance);
    berthi_cm_loaded_unref(loaded);
    ops->engine_destroy(options.engine);
    return 0;
}

#else

int main(void)
{
    return 0; /* costs of the interpreter are not what this is about */
}

#endif
