/* bench_flow.c - what a record costs on its way through native stages, and what idle flows cost.
 *
 * flow_pair       source to sink, records of 256 B in buffers of their own, one lane: ns a record
 * flow_pass       source to sink, the same payload again and again: what is left without buffers
 * flow_chain12    twelve filters between them: ns a record and stage (all 13 hand-overs)
 * flow_crossing   source to sink in two lanes, on two workers: ns a record
 * flow_idle_*     1 000 flows of three stages that wait: processor time, and memory of each
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <berth/flow.h>

#include "bench.h"

enum { PAYLOAD = 256, CHAIN = 12, IDLE_FLOWS = 1000 };

typedef struct context {
    berth_flows *flows;
    uint64_t left, got;
    uint32_t middles;
    bool is_crossing, keeps, is_idle;
    berth_record kept;
} context;

static berth_status pull(void *self, berth_stage *stage, berth_diag *diag)
{
    context *c = self;
    void *data;
    berth_status status;

    (void)diag;
    if (c->is_idle) {
        berth_stage_pause(stage, UINT64_MAX);
        return BERTH_OK;
    }
    if (c->left == 0) {
        berth_stage_end(stage);
        return BERTH_OK;
    }
    for (uint32_t i = 0; i < 64 && c->left != 0; i++, c->left--) {
        if (c->keeps && c->kept.buffer != NULL) {
            status = berth_stage_pass(stage, 0, &c->kept);
        } else {
            status = berth_stage_reserve(stage, PAYLOAD, &data);
            if (status == BERTH_OK)
                status = berth_stage_emit_reserved(stage, 0, PAYLOAD);
        }
        if (status != BERTH_OK)
            return status;
    }
    return BERTH_OK;
}

static berth_status pass(void *self, berth_stage *stage, const berth_record *record,
                         berth_diag *diag)
{
    (void)self;
    (void)diag;
    return berth_stage_pass(stage, 0, record);
}

static berth_status swallow(void *self, berth_stage *stage, const berth_record *record,
                            berth_diag *diag)
{
    context *c = self;

    (void)diag;
    if (c->keeps && c->kept.buffer == NULL)
        berth_stage_keep(stage, record, &c->kept);
    c->got++;
    return BERTH_OK;
}

static void forget(void *self, berth_stage *stage)
{
    context *c = self;

    berth_stage_drop(stage, &c->kept);
}

static const berth_stage_ops source_ops = {
    sizeof(berth_stage_ops), 0, NULL, pull, NULL, NULL, NULL, NULL, NULL, NULL,
};
static const berth_stage_ops middle_ops = {
    sizeof(berth_stage_ops), 0, NULL, NULL, pass, NULL, NULL, NULL, NULL, NULL,
};
static const berth_stage_ops sink_ops = {
    sizeof(berth_stage_ops), 0, NULL, NULL, swallow, NULL, NULL, NULL, NULL, forget,
};

static void must(berth_status status, const berth_diag *diag)
{
    if (status != BERTH_OK) {
        fprintf(stderr, "bench_flow: %s\n", diag->text);
        exit(1);
    }
}

static berth_flow *make_flow(context *c)
{
    berth_flow_options options = BERTH_FLOW_OPTIONS_INIT;
    berth_stage_options stage = BERTH_STAGE_OPTIONS_INIT;
    berth_edge_options edge = BERTH_EDGE_OPTIONS_INIT;
    berth_flow *flow;
    berth_diag diag;
    char name[16];

    options.name = "bench";
    must(berth_flow_open(c->flows, &options, &flow, &diag), &diag);
    for (uint32_t i = 0; i < c->middles + 2; i++) {
        snprintf(name, sizeof name, "s%u", (unsigned)i);
        stage.name = name;
        stage.self = c;
        stage.role = i == 0                ? BERTH_ROLE_SOURCE
                     : i == c->middles + 1 ? BERTH_ROLE_SINK
                                           : BERTH_ROLE_FILTER;
        stage.ops = i == 0 ? &source_ops : i == c->middles + 1 ? &sink_ops : &middle_ops;
        must(berth_flow_add(flow, &stage, NULL, &diag), &diag);
        edge.from = i - 1;
        edge.to = i;
        edge.records_max = c->is_crossing ? 1024 : 0;
        if (i != 0)
            must(berth_flow_connect(flow, &edge, NULL, &diag), &diag);
    }
    must(berth_flow_start(flow, &diag), &diag);
    return flow;
}

static void run(void *ctx, uint64_t times)
{
    context *c = ctx;
    berth_flow *flow;
    berth_diag diag;

    c->left = times;
    c->got = 0;
    flow = make_flow(c);
    must(berth_flow_wait(flow, UINT64_MAX, &diag), &diag);
    berth_flow_close(flow);
    if (c->got != times)
        exit(1);
}

/* A bench_loop counts one operation a hand-over. */
static void run_chain(void *ctx, uint64_t times)
{
    run(ctx, times / (CHAIN + 1) + 1);
}

static uint64_t processor_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void measure_idle(berth_flows *flows)
{
    static context contexts[IDLE_FLOWS];
    static berth_flow *made[IDLE_FLOWS];
    uint64_t before = bench_resident_bytes(), began, used;

    for (uint32_t i = 0; i < IDLE_FLOWS; i++) {
        contexts[i] = (context){ .flows = flows, .middles = 1, .is_idle = true };
        made[i] = make_flow(&contexts[i]);
    }
    /* Waiting on a flow that does not end is the only way to let time pass here. */
    (void)!berth_flow_wait(made[0], 300000000, NULL);
    bench_report("flow_idle_bytes", "bytes",
                 (double)(bench_resident_bytes() - before) / IDLE_FLOWS, 65536);
    used = processor_ns();
    began = bench_now_ns();
    (void)!berth_flow_wait(made[0], 2000000000, NULL);
    used = processor_ns() - used;
    bench_report("flow_idle_share", "percent",
                 100.0 * (double)used / (double)(bench_now_ns() - began), 1);
    for (uint32_t i = 0; i < IDLE_FLOWS; i++)
        berth_flow_close(made[i]);
}

int main(void)
{
    berth_flows_options options = BERTH_FLOWS_OPTIONS_INIT;
    berth_flows *flows;
    static context pair, shared = { .keeps = true }, chain = { .middles = CHAIN };
    static context crossing = { .is_crossing = true };
    berth_diag diag;
    static const bench_case cases[] = {
        { "flow_pair", run, NULL, &pair, 60, 1 },
        { "flow_pass", run, NULL, &shared, 0, 1 },
        { "flow_chain12", run_chain, NULL, &chain, 60, 1 },
        { "flow_crossing", run, NULL, &crossing, 60, 1 },
    };

    must(berth_flows_create(&options, &flows, &diag), &diag);
    pair.flows = shared.flows = chain.flows = crossing.flows = flows;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        (void)bench_measure(&cases[i]);
    measure_idle(flows);
    berth_flows_destroy(flows);
    return 0;
}
