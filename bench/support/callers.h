/* callers.h - what two threads do beside one. */
#ifndef BERTH_BENCH_CALLERS_H
#define BERTH_BENCH_CALLERS_H

#include <pthread.h>
#include <stdint.h>

/* One thread: gets ready, waits for the others at `start`, and stamps when it began and ended. */
typedef struct bench_caller {
    void *ctx;
    pthread_barrier_t *start;
    uint64_t began, ended;
} bench_caller;

/* Calls per nanosecond of one caller and of two together, from the first begin to the last end: the
 * best of `rounds`.  `run` takes a bench_caller and makes `calls` calls. */
void bench_callers(void *(*run)(void *), void *ctx, uint64_t calls, unsigned rounds,
                   double *one_out, double *two_out);

#endif
