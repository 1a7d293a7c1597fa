/* bench.h - what the benchmarks share: pairs of loops measured turn about, one JSON line each.
 *
 *     {"case": "...", "ns_per_op": 1.23, "baseline_ns": 1.11, "ratio": 1.108, "goal": 1.5,
 *      "p50_ns": ..., "max_ns": ..., "rounds": 41}
 *
 * A round runs the baseline and the case for some milliseconds each, so that what else the
 * machine does meets both.  ns_per_op and baseline_ns are the best rounds, which is what the
 * code costs, and `ratio` is of these; p50 and max of the rounds of the case say how quiet the
 * machine was.  Short operations say how many instructions they are: "instructions" of the case,
 * "baseline_instructions".  Keys without a value in a case are left out.
 */
#ifndef BERTH_BENCH_H
#define BERTH_BENCH_H

#include <stdint.h>

typedef void (*bench_loop)(void *ctx, uint64_t times);

typedef struct bench_case {
    const char *name;
    bench_loop run;
    bench_loop baseline; /* NULL: none */
    void *ctx;
    double goal;     /* of the ratio, without a baseline of ns_per_op; 0: none */
    int has_threads; /* others do the work: instructions are not counted */
} bench_case;

/* Measures and prints.  The ratio, or 0 without a baseline. */
double bench_measure(const bench_case *c);

/* One figure that is not a loop: {"case": name, unit: value, "goal": goal}. */
void bench_report(const char *name, const char *unit, double value, double goal);

/* Instructions of one operation, when its loop goes round; 0: they cannot be counted here. */
uint64_t bench_steps(bench_loop run, void *ctx);

uint64_t bench_now_ns(void);

/* Resident bytes of this process. */
uint64_t bench_resident_bytes(void);

/* Keeps the compiler from dropping or hoisting what makes `value`. */
#define bench_keep(value) __asm__ volatile("" : : "g"(value) : "memory")

#endif
