/* bench_threads.c - two callers of one slot beside one.
 *
 * Says nothing on a machine whose second core is busy; `other_load` is the load average at the
 * start, so that a reader can tell.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "callers.h"
#include "rig.h"

enum { ROUNDS = 15, CALLS = 400000 };

static void *call_slot(void *arg)
{
    bench_caller *c = arg;
    const bench_rig *rig = c->ctx;
    berth_call call = rig->call;
    berth_diag diag = { 0 };
    berth_reply reply;

    BENCH_OK(berth_arena_create(NULL, 1 << 16, &call.arena, &diag), &diag);
    BENCH_OK(berth_slot_call(rig->slot, &call, &reply, &diag), &diag);
    pthread_barrier_wait(c->start);
    c->began = bench_now_ns();
    for (unsigned i = 0; i < CALLS; i++) {
        BENCH_OK(berth_slot_call(rig->slot, &call, &reply, &diag), &diag);
        if (i % 32 == 31)
            berth_arena_reset(call.arena);
    }
    c->ended = bench_now_ns();
    berth_arena_destroy(call.arena);
    return NULL;
}

int main(void)
{
    static bench_rig rig;
    static char input[256];
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    double one, two, load[1] = { 0 };

    (void)getloadavg(load, 1);
    options.name = "bench";
    bench_rig_open(&rig, &options, "bench", "echo");
    rig.call.input = input;
    rig.call.input_size = sizeof input;
    bench_callers(call_slot, &rig, CALLS, ROUNDS, &one, &two);
    printf(
        "{\"case\": \"two_threads_speedup\", \"ns_per_op\": %.2f, \"baseline_ns\": %.2f, "
        "\"ratio\": %.3f, \"goal\": 1.80, \"goal_is\": \"at least\", \"other_load\": %.1f}\n",
        1 / two, 1 / one, two / one, load[0]);
    bench_rig_close(&rig);
    return 0;
}
