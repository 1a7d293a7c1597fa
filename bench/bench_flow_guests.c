/* bench_flow_guests.c - what a record of 256 B costs on its way through three stages that are components, on one worker, with
 * the deadlines of calls on; the best of some rounds of many records, with making the instances.
 *
 * flow_batches     source, processor that copies, sink, by berth:flow, up to 64 records in a call: goal 666 ns a record
 * flow_torvyn      the same by torvyn:streaming, each record a call: goal 2500 ns a record
 * flow_three       three processors by berth:flow that give back what they got, between native ends, against three calls of
 *                  a component by a hook that does the same with the same bytes: goal 1.33 times as much
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/flow.h>
#include <berth/host.h>
#include <berth/runtime.h>

#include "bench.h"
#include "rig.h"

enum { PAYLOAD = 256, RECORDS = 100000, ROUNDS = 7 };

typedef struct context {
    berth_flows *flows;
    berth_slot *slot;
    const char *
        source; /* its configuration, but for how many at its end; NULL: a native one, and such a sink */
    const char *middle;
    uint32_t middles;
    uint64_t left, got;
    bench_rig calls; /* of the baseline */
} context;

/* ---------------------------------------------------------------- native ends */

static berth_status pull(void *self, berth_stage *stage, berth_diag *diag)
{
    context *c = self;
    void *data;

    (void)diag;
    for (uint32_t i = 0; i < 64 && c->left != 0; i++, c->left--) {
        berth_status status = berth_stage_reserve(stage, PAYLOAD, &data);

        if (status == BERTH_OK)
            status = berth_stage_emit_reserved(stage, 0, PAYLOAD);
        if (status != BERTH_OK)
            return status;
    }
    if (c->left == 0)
        berth_stage_end(stage);
    return BERTH_OK;
}

static berth_status swallow(void *self, berth_stage *stage, const berth_record *record,
                            berth_diag *diag)
{
    context *c = self;

    (void)stage, (void)record, (void)diag;
    c->got++;
    return BERTH_OK;
}

static const berth_stage_ops source_ops = { .size = sizeof(berth_stage_ops), .pull = pull };
static const berth_stage_ops sink_ops = { .size = sizeof(berth_stage_ops), .process = swallow };

/* ---------------------------------------------------------------- flows */

static void add(context *c, berth_flow *flow, uint32_t i, uint64_t times)
{
    bool is_first = i == 0, is_last = i == c->middles + 1;
    berth_stage_options o = BERTH_STAGE_OPTIONS_INIT;
    berth_edge_options edge = BERTH_EDGE_OPTIONS_INIT;
    char name[16], config[64] = "";
    berth_diag diag;

    snprintf(name, sizeof name, "s%u", (unsigned)i);
    o.name = name;
    o.role = is_first ? BERTH_ROLE_SOURCE : is_last ? BERTH_ROLE_SINK : BERTH_ROLE_PROCESSOR;
    o.self = c;
    if (c->source == NULL && (is_first || is_last)) {
        o.ops = is_first ? &source_ops : &sink_ops;
        BENCH_OK(berth_flow_add(flow, &o, NULL, &diag), &diag);
    } else {
        if (is_first)
            snprintf(config, sizeof config, "%s%llu", c->source, (unsigned long long)times);
        o.self = NULL;
        o.config = is_first ? config : c->middle;
        BENCH_OK(berth_flow_add_slot(flow, &o, c->slot, NULL, NULL, &diag), &diag);
    }
    edge.from = i - 1;
    edge.to = i;
    if (!is_first)
        BENCH_OK(berth_flow_connect(flow, &edge, NULL, &diag), &diag);
}

static void run(void *ctx, uint64_t times)
{
    berth_flow_options options = BERTH_FLOW_OPTIONS_INIT;
    context *c = ctx;
    berth_edge_stats stats = { .size = sizeof stats };
    berth_flow *flow;
    berth_diag diag;

    c->left = times;
    options.name = "bench";
    BENCH_OK(berth_flow_open(c->flows, &options, &flow, &diag), &diag);
    for (uint32_t i = 0; i < c->middles + 2; i++)
        add(c, flow, i, times);
    BENCH_OK(berth_flow_start(flow, &diag), &diag);
    BENCH_OK(berth_flow_wait(flow, UINT64_MAX, &diag), &diag);
    BENCH_OK(berth_flow_edge_stats(flow, c->middles, &stats), &diag);
    berth_flow_close(flow);
    if (stats.out != times)
        exit(1);
}

static void call_thrice(void *ctx, uint64_t times)
{
    context *c = ctx;
    berth_reply reply;
    berth_diag diag;

    for (uint64_t i = 0; i < times; i++)
        for (uint32_t k = 0; k < 3; k++) {
            berth_arena_reset(c->calls.arena);
            BENCH_OK(berth_slot_call(c->calls.slot, &c->calls.call, &reply, &diag), &diag);
        }
}

static double best_of(bench_loop loop, context *c)
{
    uint64_t best = UINT64_MAX;

    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint64_t began = bench_now_ns(), took;

        loop(c, RECORDS);
        took = bench_now_ns() - began;
        best = took < best ? took : best;
    }
    return (double)best / RECORDS;
}

/* ---------------------------------------------------------------- all of it */

static berth_slot *open_slot(berth_runtime *runtime, const char *name, const char *guest)
{
    berth_slot_options o = BERTH_SLOT_OPTIONS_INIT;
    size_t size;
    const uint8_t *bytes = bench_guest(guest, &size);
    berth_slot *slot;
    berth_diag diag;

    o.name = name;
    BENCH_OK(berth_slot_open(runtime, &o, &slot, &diag), &diag);
    BENCH_OK(berth_slot_install(slot, bytes, size, NULL, &diag), &diag);
    return slot;
}

int main(void)
{
    static char payload[PAYLOAD];
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    berth_flows_options flows = BERTH_FLOWS_OPTIONS_INIT;
    berth_slot_options slot = BERTH_SLOT_OPTIONS_INIT;
    static context batches = { .source = "bare ", .middle = "copy", .middles = 1 };
    static context torvyn = {
        .source = "trick=any size=256 count=", .middle = "trick=any mark=", .middles = 1
    };
    static context three = { .middle = "place", .middles = 3 };
    berth_runtime *runtime;
    berth_host *host;
    berth_diag diag;

    BENCH_OK(berth_host_create(NULL, &host, &diag), &diag);
    BENCH_OK(berth_flow_offer(host, &diag), &diag);
    options.host = host;
    BENCH_OK(berth_runtime_create(&options, &runtime, &diag), &diag);
    batches.slot = open_slot(runtime, "batches", "stage/batch");
    torvyn.slot = open_slot(runtime, "torvyn", "stage/plain");
    three.slot = open_slot(runtime, "three", "stage/batch");
    slot.name = "calls";
    bench_rig_open(&three.calls, &slot, "bench_pipe.component", "process");
    three.calls.call.input = payload;
    three.calls.call.input_size = sizeof payload;
    flows.workers = 1;
    BENCH_OK(berth_flows_create(&flows, &batches.flows, &diag), &diag);
    torvyn.flows = three.flows = batches.flows;
    bench_report("flow_batches", "ns_per_op", best_of(run, &batches), 666);
    bench_report("flow_torvyn", "ns_per_op", best_of(run, &torvyn), 2500);
    bench_report_pair("flow_three", best_of(run, &three), best_of(call_thrice, &three), 1.33);
    berth_flows_destroy(batches.flows);
    bench_rig_close(&three.calls);
    berth_slot_release(batches.slot);
    berth_slot_release(torvyn.slot);
    berth_slot_release(three.slot);
    berth_runtime_destroy(runtime);
    berth_host_destroy(host);
    return 0;
}
