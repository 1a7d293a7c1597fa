/* bench_swap.c - 200 swaps a second under full load, beside the same run without.
 *
 * One caller calls without pause and notes the time between the ends of its calls; a second
 * thread installs two artifacts in turn.  No call may fail.  The goal is about the 99.9th
 * percentile of the gaps: at most 100 us above that of the run without swaps.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/histogram.h>

#include "bench.h"
#include "os/clock.h"
#include "rig.h"

enum { SWAPS_PER_SECOND = 200 };

typedef struct context {
    bench_rig rig;
    berth_histogram *gaps;
    atomic_bool stop;
    uint64_t calls, failed;
} context;

static void *call_slot(void *arg)
{
    context *c = arg;
    uint64_t last = bench_now_ns(), now;
    berth_diag diag = { 0 };
    berth_reply reply;

    while (!atomic_load_explicit(&c->stop, memory_order_relaxed)) {
        c->failed += berth_slot_call(c->rig.slot, &c->rig.call, &reply, &diag) != BERTH_OK;
        if (++c->calls % 32 == 0)
            berth_arena_reset(c->rig.arena);
        now = bench_now_ns();
        berth_histogram_record(c->gaps, now - last);
        last = now;
    }
    return NULL;
}

/* A second artifact: the first with a custom section behind it. */
static uint8_t *variant(const uint8_t *bytes, size_t size, size_t *size_out)
{
    static const uint8_t section[] = { 0, 3, 2, 'v', '2' };
    uint8_t *copy = malloc(size + sizeof section);

    if (copy == NULL)
        exit(1);
    memcpy(copy, bytes, size);
    memcpy(copy + size, section, sizeof section);
    *size_out = size + sizeof section;
    return copy;
}

static uint64_t run(context *c, unsigned seconds, bool swaps)
{
    size_t sizes[2];
    const uint8_t *first = bench_guest("bench", &sizes[0]);
    const uint8_t *artifacts[2] = { first, variant(first, sizes[0], &sizes[1]) };
    uint64_t began = bench_now_ns(), done = 0;
    berth_diag diag = { 0 };
    pthread_t thread;

    BENCH_OK(berth_histogram_create(NULL, &c->gaps, &diag), &diag);
    atomic_store(&c->stop, false);
    if (pthread_create(&thread, NULL, call_slot, c) != 0)
        exit(1);
    while (bench_now_ns() - began < seconds * UINT64_C(1000000000)) {
        uint64_t due = began + (done + 1) * (1000000000 / SWAPS_PER_SECOND);

        berthi_clock_wait_until(due);
        done++;
        if (swaps)
            BENCH_OK(berth_slot_install(c->rig.slot, artifacts[done % 2], sizes[done % 2], NULL,
                                        &diag),
                     &diag);
    }
    atomic_store(&c->stop, true);
    pthread_join(thread, NULL);
    return swaps ? done : 0;
}

int main(int argc, char **argv)
{
    unsigned seconds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 10;
    static context c;
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    uint64_t quiet, loud, swaps, calls, failed, loud_max;
    double load[1] = { 0 };

    (void)getloadavg(load, 1);
    options.name = "bench";
    bench_rig_open(&c.rig, &options, "bench", "empty");
    (void)run(&c, seconds, false);
    quiet = berth_histogram_quantile(c.gaps, 0.999);
    berth_histogram_destroy(c.gaps);
    c.calls = c.failed = 0;
    swaps = run(&c, seconds, true);
    loud = berth_histogram_quantile(c.gaps, 0.999);
    loud_max = berth_histogram_max(c.gaps);
    calls = c.calls;
    failed = c.failed;
    berth_histogram_destroy(c.gaps);
    printf("{\"case\": \"swap_gap_p999\", \"ns_per_op\": %llu, \"baseline_ns\": %llu, "
           "\"ratio\": %.3f, \"above_ns\": %lld, \"goal_above_ns\": 100000, \"swaps\": %llu, "
           "\"calls\": %llu, \"failed\": %llu, \"goal_failed\": 0, \"gap_max_ns\": %llu, "
           "\"other_load\": %.1f}\n",
           (unsigned long long)loud, (unsigned long long)quiet,
           quiet == 0 ? 0.0 : (double)loud / (double)quiet, (long long)loud - (long long)quiet,
           (unsigned long long)swaps, (unsigned long long)calls, (unsigned long long)failed,
           (unsigned long long)loud_max, load[0]);
    bench_rig_close(&c.rig);
    return failed != 0;
}
