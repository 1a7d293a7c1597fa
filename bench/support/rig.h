/* rig.h - a runtime, a slot and a call, for benchmarks of the public way in. */
#ifndef BERTH_BENCH_RIG_H
#define BERTH_BENCH_RIG_H

#include <berth/slot.h>

/* Ends the program with a line on stderr when a call of the library failed. */
void bench_check(berth_status status, const berth_diag *diag, const char *what);
#define BENCH_OK(call, diag) bench_check((call), (diag), #call)

/* A slot that serves the guest GUEST.wasm of the tests' guests, and a call of its hook. */
typedef struct bench_rig {
    berth_runtime *runtime;
    berth_slot *slot;
    berth_arena *arena;
    berth_call call;
} bench_rig;
void bench_rig_open(bench_rig *rig, const berth_slot_options *options, const char *guest,
                    const char *hook);
void bench_rig_close(bench_rig *rig);

/* The bytes of a guest; they live until the program ends. */
const uint8_t *bench_guest(const char *guest, size_t *size_out);

/* One pair of figures that is not a loop. */
void bench_report_pair(const char *name, double ns, double baseline_ns, double goal);

int bench_compare_u64(const void *a, const void *b); /* for qsort */
unsigned bench_fds(void);
unsigned bench_threads(void);

#endif
