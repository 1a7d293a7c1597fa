/* bench_languages.c - components with the engine of a language in them: a call with 256 bytes, and the time
 * from nothing to the first answer when the code was compiled before.
 *
 * They are those of `make demo-languages` (build/demo-languages, or BERTH_DEMO_LANGUAGES); what is not there is left out.
 * bench/languages_peer.py calls the same files by another runtime.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <berth/code_cache.h>

#include "bench.h"
#include "rig.h"

enum { BYTES = 256, COLD_ROUNDS = 15, COLD_GOAL_MS = 30 };

typedef struct context {
    bench_rig rig;
    char path[512];
} context;

static void open_rig(context *c, berth_code_cache *cache)
{
    berth_runtime_options runtime = BERTH_RUNTIME_OPTIONS_INIT;
    berth_slot_options slot = BERTH_SLOT_OPTIONS_INIT;
    static const char input[BYTES] = "a name";
    berth_diag diag = { 0 };
    bench_rig *r = &c->rig;

    runtime.code_cache = cache;
    slot.name = "language";
    slot.deadline_ns = slot.probe_deadline_ns = 60000000000u;
    BENCH_OK(berth_runtime_create(&runtime, &r->runtime, &diag), &diag);
    BENCH_OK(berth_slot_open(r->runtime, &slot, &r->slot, &diag), &diag);
    BENCH_OK(berth_slot_install_file(r->slot, c->path, NULL, &diag), &diag);
    BENCH_OK(berth_arena_create(NULL, 1 << 16, &r->arena, &diag), &diag);
    r->call = (berth_call)BERTH_CALL_INIT;
    r->call.arena = r->arena;
    r->call.input = input;
    r->call.input_size = sizeof input;
    BENCH_OK(berth_slot_hook(r->slot, "process", &r->call.hook, &diag), &diag);
}

static void call_loop(void *ctx, uint64_t times)
{
    context *c = ctx;
    berth_diag diag = { 0 };
    berth_reply reply;

    for (uint64_t i = 0; i < times; i++) {
        berth_arena_reset(c->rig.arena);
        BENCH_OK(berth_slot_call(c->rig.slot, &c->rig.call, &reply, &diag), &diag);
        bench_keep(reply.size);
    }
}

/* A new runtime each time, from its creation to its first answer: the best and the middle of the rounds. */
static void measure_cold(context *c, berth_code_cache *cache, const char *language)
{
    uint64_t times[COLD_ROUNDS];
    char name[64];

    for (int i = 0; i < COLD_ROUNDS; i++) {
        uint64_t began = bench_now_ns();

        open_rig(c, cache);
        call_loop(c, 1);
        times[i] = bench_now_ns() - began;
        bench_rig_close(&c->rig);
    }
    qsort(times, COLD_ROUNDS, sizeof times[0], bench_compare_u64);
    snprintf(name, sizeof name, "language_%s_cold_best", language);
    bench_report(name, "ms", (double)times[0] / 1e6, COLD_GOAL_MS);
    snprintf(name, sizeof name, "language_%s_cold_half", language);
    bench_report(name, "ms", (double)times[COLD_ROUNDS / 2] / 1e6, COLD_GOAL_MS);
}

static void measure(const char *folder, const char *language)
{
    char name[64];
    bench_case call = { .name = name, .run = call_loop };
    berth_code_cache *cache;
    berth_diag diag = { 0 };
    context c;

    snprintf(c.path, sizeof c.path, "%s/%s/%s.wasm", folder, language, language);
    if (access(c.path, R_OK) != 0) {
        fprintf(stderr, "bench: %s is not there; 'make demo-languages' builds it\n", c.path);
        return;
    }
    BENCH_OK(berth_code_cache_create(NULL, &cache, &diag), &diag);
    open_rig(&c, cache);
    snprintf(name, sizeof name, "language_%s_call_256", language);
    call.ctx = &c;
    bench_measure(&call);
    bench_rig_close(&c.rig);
    measure_cold(&c, cache, language);
    berth_code_cache_destroy(cache);
}

int main(void)
{
    const char *folder = getenv("BERTH_DEMO_LANGUAGES");

    folder = folder == NULL ? BERTH_TEST_SOURCE_DIR "/build/demo-languages" : folder;
    measure(folder, "js");
    measure(folder, "python");
    return 0;
}
