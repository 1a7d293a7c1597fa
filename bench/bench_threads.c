/* bench_threads.c - two callers of one slot beside one.
 *
 * Says nothing on a machine whose second core is busy; `other_load` is the load average at the
 * start, so that a reader can tell.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "rig.h"

enum { ROUNDS = 15, CALLS = 400000 };

typedef struct caller {
    bench_rig *rig;
    pthread_barrier_t *start;
    uint64_t began, ended;
} caller;

static void *call_slot(void *arg)
{
    caller *c = arg;
    berth_call call = c->rig->call;
    berth_diag diag = { 0 };
    berth_reply reply;

    BENCH_OK(berth_arena_create(NULL, 1 << 16, &call.arena, &diag), &diag);
    BENCH_OK(berth_slot_call(c->rig->slot, &call, &reply, &diag), &diag);
    pthread_barrier_wait(c->start);
    c->began = bench_now_ns();
    for (unsigned i = 0; i < CALLS; i++) {
        BENCH_OK(berth_slot_call(c->rig->slot, &call, &reply, &diag), &diag);
        if (i % 32 == 31)
            berth_arena_reset(call.arena);
    }
    c->ended = bench_now_ns();
    berth_arena_destroy(call.arena);
    return NULL;
}

/* Calls per nanosecond of `threads` callers together, from the first begin to the last end. */
static double rate(bench_rig *rig, unsigned threads)
{
    pthread_barrier_t start;
    pthread_t thread[2];
    caller callers[2];
    uint64_t began = UINT64_MAX, ended = 0;

    pthread_barrier_init(&start, NULL, threads);
    for (unsigned i = 0; i < threads; i++) {
        callers[i] = (caller){ rig, &start, 0, 0 };
        if (pthread_create(&thread[i], NULL, call_slot, &callers[i]) != 0)
            exit(1);
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(thread[i], NULL);
        began = callers[i].began < began ? callers[i].began : began;
        ended = callers[i].ended > ended ? callers[i].ended : ended;
    }
    pthread_barrier_destroy(&start);
    return (double)threads * CALLS / (double)(ended - began);
}

int main(void)
{
    static bench_rig rig;
    static char input[256];
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    double one = 0, two = 0, load[1] = { 0 };

    (void)getloadavg(load, 1);
    options.name = "bench";
    bench_rig_open(&rig, &options, "bench", "echo");
    rig.call.input = input;
    rig.call.input_size = sizeof input;
    for (unsigned i = 0; i < ROUNDS; i++) {
        double r1 = rate(&rig, 1), r2 = rate(&rig, 2);

        one = r1 > one ? r1 : one;
        two = r2 > two ? r2 : two;
    }
    printf(
        "{\"case\": \"two_threads_speedup\", \"ns_per_op\": %.2f, \"baseline_ns\": %.2f, "
        "\"ratio\": %.3f, \"goal\": 1.80, \"goal_is\": \"at least\", \"other_load\": %.1f}\n",
        1 / two, 1 / one, two / one, load[0]);
    bench_rig_close(&rig);
    return 0;
}
