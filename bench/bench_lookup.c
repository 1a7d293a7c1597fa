/* bench_lookup.c - finding a slot by its key among 10 and among 10 000.
 *
 * The goal is about the table: the same ten keys are looked up in both.  lookup_spread looks all
 * keys up in turn, which adds what 10 000 slots cost the processor's caches.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "rig.h"

enum { FEW = 10, MANY = 10000 };

typedef struct table {
    berth_runtime *runtime;
    char (*names)[16];
    unsigned count;
} table;

typedef struct context {
    table few, many;
} context;

static void fill(table *t, unsigned count)
{
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    berth_diag diag = { 0 };
    berth_slot *slot;

    t->count = count;
    t->names = malloc(count * sizeof *t->names);
    if (t->names == NULL)
        exit(1);
    BENCH_OK(berth_runtime_create(NULL, &t->runtime, &diag), &diag);
    for (unsigned i = 0; i < count; i++) {
        snprintf(t->names[i], sizeof t->names[i], "slot-%u", i);
        options.name = t->names[i];
        options.tenant = "tenant";
        BENCH_OK(berth_slot_open(t->runtime, &options, &slot, &diag), &diag);
        berth_slot_release(slot);
    }
}

static void look_up(const table *t, unsigned keys, uint64_t times)
{
    berth_slot *slot;
    unsigned at = 0;

    for (uint64_t i = 0; i < times; i++) {
        BENCH_OK(berth_slot_find(t->runtime, "tenant", t->names[at], &slot), NULL);
        berth_slot_release(slot);
        at = at + 1 == keys ? 0 : at + 1;
    }
}

static void same_in_many(void *ctx, uint64_t times)
{
    look_up(&((context *)ctx)->many, FEW, times);
}

static void all_of_many(void *ctx, uint64_t times)
{
    look_up(&((context *)ctx)->many, MANY, times);
}

static void few(void *ctx, uint64_t times)
{
    look_up(&((context *)ctx)->few, FEW, times);
}

int main(void)
{
    static context c;

    fill(&c.few, FEW);
    fill(&c.many, MANY);
    bench_measure(&(bench_case){ "lookup_10000_slots", same_in_many, few, &c, 1.2, 0 });
    bench_measure(&(bench_case){ "lookup_10000_slots_spread", all_of_many, few, &c, 0.0, 0 });
    berth_runtime_destroy(c.few.runtime);
    berth_runtime_destroy(c.many.runtime);
    free(c.few.names);
    free(c.many.names);
    return 0;
}
