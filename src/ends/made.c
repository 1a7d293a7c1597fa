/* made.c - a source that makes records up, and a sink that forgets them.  Layer: ends. */
#include "ends/end.h"

#include <stdio.h>

enum { NUMBER_MAX = 24, LATE_NS = 100 * 1000 * 1000 };
#define SECOND_NS UINT64_C(1000000000)

/* ---------------------------------------------------------------- generator */

typedef struct generator {
    berthi_end end;
    uint64_t made;
    uint64_t from_ns; /* `made_then` records were due at this time */
    uint64_t made_then;
} generator;

/* The number of the record and a blank, and letters as the seed has them; the same in every run. */
static void fill(const berthi_end_values *values, uint64_t number, char *to, size_t size)
{
    uint64_t state = (values->seed + 1) * 0x9e3779b97f4a7c15u ^ (number * 0xbf58476d1ce4e5b9u);
    char digits[NUMBER_MAX];
    size_t at = (size_t)snprintf(digits, sizeof digits, "%llu ", (unsigned long long)number);

    if (at > size)
        at = size;
    memcpy(to, digits, at);
    while (at < size) {
        uint64_t word;

        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        word = state;
        for (int i = 0; i < 12 && at < size; i++, word >>= 5)
            to[at++] = "abcdefghijklmnopqrstuvwxyz234567"[word & 31];
    }
}

/* How many records are due by now; *wait_out is when the next one is, when none is. */
static uint64_t count_due(generator *g, uint64_t *wait_out)
{
    uint64_t rate = g->end.values.rate, now_ns = berthi_clock_ns(), gone_ns, due;

    if (rate == 0)
        return UINT64_MAX;
    if (g->from_ns == 0)
        g->from_ns = now_ns;
    gone_ns = now_ns - g->from_ns;
    if (gone_ns >= SECOND_NS) { /* so that nothing overflows */
        uint64_t seconds = gone_ns / SECOND_NS;

        g->from_ns += seconds * SECOND_NS;
        g->made_then += seconds * rate;
        gone_ns -= seconds * SECOND_NS;
    }
    due = g->made_then + gone_ns * rate / SECOND_NS + 1;
    if (due > g->made + rate * LATE_NS / SECOND_NS +
                  1) { /* it was held back: that is not made up for */
        g->from_ns = now_ns;
        g->made_then = g->made;
        due = g->made + 1;
    }
    if (due > g->made)
        return due - g->made;
    *wait_out = ((g->made - g->made_then) * SECOND_NS + rate - 1) / rate - gone_ns;
    return 0;
}

static berth_status generate(void *self, berth_stage *stage, berth_diag *diag)
{
    generator *g = self;
    const berthi_end_values *values = &g->end.values;
    uint64_t wait_ns = 0, due = count_due(g, &wait_ns), made = g->made;

    (void)diag;
    if (due == 0) {
        berth_stage_pause(stage, wait_ns);
        return BERTH_OK;
    }
    if (due > BERTHI_FLOW_BATCH)
        due = BERTHI_FLOW_BATCH;
    if (due > stage->options.emits_max)
        due = stage->options.emits_max;
    for (; due != 0 && (values->count == 0 || made < values->count); due--, made++) {
        void *data;
        berth_status status = berthi_stage_reserve_or_wait(stage, values->record_bytes, &data);

        if (status == BERTH_E_BUSY) { /* there is room when others have gone */
            if (made == g->made)
                berth_stage_pause(stage, BERTHI_FLOW_ASK_AGAIN_NS);
            break;
        }
        if (status == BERTH_OK) {
            fill(values, made, data, (size_t)values->record_bytes);
            status = berth_stage_emit_reserved(stage, 0, values->record_bytes);
        }
        if (status != BERTH_OK)
            return status;
    }
    berthi_count(&g->end.counts.records, made - g->made);
    berthi_count(&g->end.counts.bytes, (made - g->made) * values->record_bytes);
    g->made = made;
    if (values->count != 0 && made == values->count)
        berth_stage_end(stage);
    return BERTH_OK;
}

static const berth_stage_ops generator_ops = {
    sizeof(berth_stage_ops), 0, NULL, generate, NULL, NULL, NULL, NULL, NULL, NULL,
};

static const berthi_end_setting generator_settings[] = {
    { "rate", BERTHI_END_NUMBER, NULL, "0", "0", "1000000000", BERTHI_END_AT(rate),
      "records in a second, evenly; 0: as many as are taken" },
    { "count", BERTHI_END_NUMBER, NULL, "0", "0", "1000000000000000000", BERTHI_END_AT(count),
      "records, then it ends; 0: it does not" },
    { "size", BERTHI_END_BYTES, NULL, "256", "0", "16MiB", BERTHI_END_AT(record_bytes),
      "bytes of a record: its number, a blank, and letters" },
    { "seed", BERTHI_END_NUMBER, NULL, "1", "0", "1000000000000000000", BERTHI_END_AT(seed),
      "other seeds make other letters; the same one makes the same" },
};

const berthi_end_kind berthi_end_generator = {
    "generator",
    BERTH_ROLE_SOURCE,
    "makes records up, for tests and measurements",
    generator_settings,
    sizeof generator_settings / sizeof *generator_settings,
    &generator_ops,
    sizeof(generator),
    NULL,
};

/* ---------------------------------------------------------------- null */

static berth_status forget(void *self, berth_stage *stage, const berth_record *record,
                           berth_diag *diag)
{
    berthi_end *end = self;

    (void)stage;
    (void)diag;
    berthi_count(&end->counts.records, 1);
    berthi_count(&end->counts.bytes, record->size);
    return BERTH_OK;
}

static const berth_stage_ops null_ops = {
    sizeof(berth_stage_ops), 0, NULL, NULL, forget, NULL, NULL, NULL, NULL, NULL,
};

const berthi_end_kind berthi_end_null = {
    "null",
    BERTH_ROLE_SINK,
    "takes records and forgets them",
    NULL,
    0,
    &null_ops,
    sizeof(berthi_end),
    NULL,
};
