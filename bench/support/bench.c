/* bench.c - see bench.h. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 41, ROUND_NS = 3 * 1000 * 1000, SHORT_NS = 300 };

uint64_t bench_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t bench_resident_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    char line[128] = "", *resident = NULL;

    if (f != NULL && fgets(line, sizeof line, f) != NULL)
        resident = strchr(line, ' '); /* the second number, in pages */
    if (f != NULL)
        fclose(f);
    return resident == NULL ? 0
                            : strtoull(resident, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t run_ns(bench_loop loop, void *ctx, uint64_t times)
{
    uint64_t start = bench_now_ns();

    loop(ctx, times);
    return bench_now_ns() - start;
}

/* How often a loop goes round in one round's time: the most of three tries, because one that was
 * interrupted would make rounds so short that what lies ready serves them. */
static uint64_t calibrate(bench_loop loop, void *ctx)
{
    uint64_t most = 1;

    for (int i = 0; i < 3; i++)
        for (uint64_t times = 1;; times *= 2) {
            uint64_t ns = run_ns(loop, ctx, times), fit;

            if (ns < ROUND_NS / 4)
                continue;
            fit = times * ROUND_NS / ns + 1;
            most = fit > most ? fit : most;
            break;
        }
    return most;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void print_steps(const char *key, bench_loop loop, void *ctx, double ns)
{
    uint64_t steps = loop == NULL || ns > SHORT_NS ? 0 : bench_steps(loop, ctx);

    if (steps != 0)
        printf(", \"%s\": %llu", key, (unsigned long long)steps);
}

double bench_measure(const bench_case *c)
{
    double mine[ROUNDS], theirs[ROUNDS], ratio = 0;
    uint64_t times = calibrate(c->run, c->ctx);
    uint64_t base_times = c->baseline == NULL ? 0 : calibrate(c->baseline, c->ctx);

    for (int i = 0; i < ROUNDS; i++) {
        if (c->baseline != NULL)
            theirs[i] = (double)run_ns(c->baseline, c->ctx, base_times) / (double)base_times;
        mine[i] = (double)run_ns(c->run, c->ctx, times) / (double)times;
    }
    qsort(mine, ROUNDS, sizeof *mine, compare);
    printf("{\"case\": \"%s\", \"ns_per_op\": %.2f", c->name, mine[0]);
    if (c->baseline != NULL) {
        qsort(theirs, ROUNDS, sizeof *theirs, compare);
        ratio = mine[0] / theirs[0];
        printf(", \"baseline_ns\": %.2f, \"ratio\": %.3f", theirs[0], ratio);
    }
    if (c->goal > 0)
        printf(", \"goal\": %.2f", c->goal);
    if (!c->has_threads) {
        print_steps("instructions", c->run, c->ctx, mine[0]);
        print_steps("baseline_instructions", c->baseline, c->ctx, mine[0]);
    }
    printf(", \"p50_ns\": %.2f, \"max_ns\": %.2f, \"rounds\": %d}\n", mine[ROUNDS / 2],
           mine[ROUNDS - 1], ROUNDS);
    fflush(stdout);
    return ratio;
}

void bench_report(const char *name, const char *unit, double value, double goal)
{
    printf("{\"case\": \"%s\", \"%s\": %.2f", name, unit, value);
    if (goal > 0)
        printf(", \"goal\": %.2f", goal);
    printf("}\n");
    fflush(stdout);
}
