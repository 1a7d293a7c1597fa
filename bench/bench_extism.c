/* bench_extism.c - `echo` of an Extism plugin in a slot, for sizes that bench/extism measures under Extism's
 * own host; see tools/bench_extism.sh.
 *
 * The answer is copied out, as there; one instance is kept. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "rig.h"

enum { SIZE_MAX_ECHOED = 16384 };

static void echo(void *ctx, uint64_t times)
{
    bench_rig *rig = ctx;

    for (; times != 0; times--) {
        berth_reply reply;
        berth_diag diag;

        berth_arena_reset(rig->arena);
        BENCH_OK(berth_slot_call(rig->slot, &rig->call, &reply, &diag), &diag);
        if (reply.size != rig->call.input_size)
            exit(1);
        bench_keep(reply.data);
    }
}

int main(void)
{
    static const size_t sizes[] = { 16, 256, 4096, SIZE_MAX_ECHOED };
    static char input[SIZE_MAX_ECHOED];
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    bench_rig rig;

    options.name = "extism";
    options.deadline_ns = 10000000000u; /* another may have the processor meanwhile */
    bench_rig_open(&rig, &options, "extism_plugin", "echo");
    memset(input, 'x', sizeof input);
    rig.call.input = input;
    for (size_t n = 0; n < sizeof sizes / sizeof *sizes; n++) {
        char name[64];

        rig.call.input_size = sizes[n];
        snprintf(name, sizeof name, "extism_echo_%zu", sizes[n]);
        bench_measure(&(bench_case){ name, echo, NULL, &rig, 0, 0 });
    }
    bench_rig_close(&rig);
    return 0;
}
