/* callers.c - what two threads do beside one. */
#include "callers.h"

#include <stdlib.h>

static double rate(void *(*run)(void *), void *ctx, uint64_t calls, unsigned threads)
{
    pthread_barrier_t start;
    pthread_t thread[2];
    bench_caller callers[2];
    uint64_t began = UINT64_MAX, ended = 0;

    pthread_barrier_init(&start, NULL, threads);
    for (unsigned i = 0; i < threads; i++) {
        callers[i] = (bench_caller){ ctx, &start, 0, 0 };
        if (pthread_create(&thread[i], NULL, run, &callers[i]) != 0)
            exit(1);
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(thread[i], NULL);
        began = callers[i].began < began ? callers[i].began : began;
        ended = callers[i].ended > ended ? callers[i].ended : ended;
    }
    pthread_barrier_destroy(&start);
    return (double)(threads * calls) / (double)(ended - began);
}

void bench_callers(void *(*run)(void *), void *ctx, uint64_t calls, unsigned rounds,
                   double *one_out, double *two_out)
{
    *one_out = *two_out = 0;
    for (unsigned i = 0; i < rounds; i++) {
        double one = rate(run, ctx, calls, 1), two = rate(run, ctx, calls, 2);

        *one_out = one > *one_out ? one : *one_out;
        *two_out = two > *two_out ? two : *two_out;
    }
}
