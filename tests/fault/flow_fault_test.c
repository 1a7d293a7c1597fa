/* flow_fault_test.c - flows that cannot be made, or run out of something on the way, leave nothing behind. */
#include <string.h>

#include <berth/flow.h>
#include <berth/host.h>

#include "fault_sweep.h"

enum { RECORDS = 150, FEW_RECORDS = 12 }; /* few: each is several calls of an interpreter */

typedef struct trial {
    slot_rig *rig;
    bertht_memory memory;
    berth_allocator allocator;
    berth_slot *slot;   /* NULL: no plugin takes part */
    const char *config; /* of a plugin that keeps a contract; NULL: it has a hook */
    bool may_trap;      /* it answers a refusal with a trap */
    uint32_t records;   /* that are made; 0: RECORDS */
    uint32_t made, seen;
} trial;

static uint32_t records_of(const trial *t)
{
    return t->records == 0 ? RECORDS : t->records;
}

static berth_status make(void *self, berth_stage *stage, berth_diag *diag)
{
    trial *t = self;
    void *data;
    berth_status status = berth_stage_reserve(stage, 300, &data);

    (void)diag;
    if (status == BERTH_OK)
        status = berth_stage_emit_reserved(stage, 0, 300);
    if (status == BERTH_OK && ++t->made == records_of(t))
        berth_stage_end(stage);
    return status;
}

static berth_status double_it(void *self, berth_stage *stage, const berth_record *record,
                              berth_diag *diag)
{
    berth_status status = berth_stage_emit(stage, 0, record->data, record->size);

    (void)self;
    (void)diag;
    return status == BERTH_OK ? berth_stage_pass(stage, 0, record) : status;
}

static berth_status swallow(void *self, berth_stage *stage, const berth_record *record,
                            berth_diag *diag)
{
    (void)stage;
    (void)record;
    (void)diag;
    ((trial *)self)->seen++;
    return BERTH_OK;
}

static const berth_stage_ops source_ops = {
    sizeof(berth_stage_ops), 0, NULL, make, NULL, NULL, NULL, NULL, NULL, NULL
};
static const berth_stage_ops middle_ops = {
    sizeof(berth_stage_ops), 0, NULL, NULL, double_it, NULL, NULL, NULL, NULL, NULL
};
static const berth_stage_ops sink_ops = {
    sizeof(berth_stage_ops), 0, NULL, NULL, swallow, NULL, NULL, NULL, NULL, NULL
};

static berth_status add_stage(trial *t, berth_flow *flow, uint32_t at, berth_diag *diag)
{
    static const berth_stage_ops *const ops[] = { &source_ops, &middle_ops, &sink_ops };
    static const uint32_t roles[] = { BERTH_ROLE_SOURCE, BERTH_ROLE_PROCESSOR,
                                      BERTH_ROLE_SINK };
    static const char *const names[] = { "source", "middle", "sink" };
    berth_stage_options o = BERTH_STAGE_OPTIONS_INIT;

    o.name = names[at];
    o.role = roles[at];
    o.takes = o.gives = "bytes";
    o.config = at == 1 ? t->config : NULL;
    if (at == 1 && t->slot != NULL)
        return berth_flow_add_slot(flow, &o, t->slot, t->config == NULL ? "do" : NULL, NULL,
                                   diag);
    o.ops = ops[at];
    o.self = t;
    return berth_flow_add(flow, &o, NULL, diag);
}

static berth_status run_flow(trial *t, berth_flow *flow, berth_diag *diag)
{
    berth_status status = BERTH_OK;

    for (uint32_t i = 0; i < 3 && status == BERTH_OK; i++)
        status = add_stage(t, flow, i, diag);
    for (uint32_t i = 0; i < 2 && status == BERTH_OK; i++) {
        berth_edge_options o = BERTH_EDGE_OPTIONS_INIT;

        o.from = i;
        o.to = i + 1;
        o.records_max = i == 1 ? 10 : 0;
        status = berth_flow_connect(flow, &o, NULL, diag);
    }
    if (status == BERTH_OK)
        status = berth_flow_start(flow, diag);
    if (status == BERTH_OK)
        status = berth_flow_wait(flow, UINT64_MAX, diag);
    return status;
}

static berth_status live(void *ctx, berth_diag *diag)
{
    trial *t = ctx;
    berth_flows_options all = BERTH_FLOWS_OPTIONS_INIT;
    berth_flow_options one = BERTH_FLOW_OPTIONS_INIT;
    berth_flows *flows;
    berth_flow *flow;
    berth_status status;

    all.allocator = &t->allocator;
    all.workers = 1;
    one.name = "trial";
    t->made = t->seen = 0;
    status = berth_flows_create(&all, &flows, diag);
    if (status != BERTH_OK)
        return status;
    status = berth_flow_open(flows, &one, &flow, diag);
    if (status == BERTH_OK) {
        status = run_flow(t, flow, diag);
        berth_flow_close(flow);
    }
    berth_flows_destroy(flows);
    if (t->may_trap && status == BERTH_E_TRAP)
        diag->status = (int32_t)(status = BERTH_E_NOMEM);
    return status;
}

static void check(void *ctx, berth_status status)
{
    trial *t = ctx;

    memory_assert_empty(&t->memory);
    if (status == BERTH_OK)
        assert_int_equal(t->seen, t->slot != NULL ? records_of(t) : 2 * RECORDS);
}

static void sweep(trial *t)
{
    memory_init(&t->memory);
    t->allocator = memory_allocator(&t->memory);
    assert_true(fault_sweep(&t->memory, live, check, t) > 30);
    assert_int_equal(live(t, NULL), BERTH_OK);
    check(t, BERTH_OK);
}

static void a_flow_lives_whole_or_leaves_nothing(void **state)
{
    trial t = { .rig = *state };

    sweep(&t);
}

static void a_flow_with_a_plugin_does_too(void **state)
{
    trial t = { .rig = *state };
    static const plugin_spec echo = { .number = 1 };

    t.slot = slot_rig_open(t.rig, "stage", NULL);
    slot_rig_install_spec(t.rig, t.slot, &echo);
    /* The worker that calls it is a thread that has never called, each time. */
    sweep(&t);
}

/* The guest makes a payload of its own for each record, and says what it is. */
static void a_stage_that_keeps_a_contract_does_too(void **state)
{
    static const struct {
        const char *guest, *config;
    } rows[] = { { "stage/batch", "copy" }, { "stage/plain", "mark=" } };
    trial t = { .rig = *state };
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT,
                          none = BERTH_RUNTIME_OPTIONS_INIT;
    berth_host *host;

    assert_int_equal(berth_host_create(&t.rig->allocator, &host, &t.rig->diag), BERTH_OK);
    assert_int_equal(berth_flow_offer(host, &t.rig->diag), BERTH_OK);
    options.host = host;
    slot_rig_restart(t.rig, options);
    for (size_t i = 0; i < 2; i++) {
        t.slot = slot_rig_open(t.rig, rows[i].guest + 6, NULL);
        slot_rig_install_guest(t.rig, t.slot, rows[i].guest);
        t.config = rows[i].config;
        t.may_trap = i == 1;
        t.records = FEW_RECORDS;
        sweep(&t);
    }
    slot_rig_restart(t.rig, none);
    berth_host_destroy(host);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(a_flow_lives_whole_or_leaves_nothing),
        slot_test(a_flow_with_a_plugin_does_too),
        slot_test(a_stage_that_keeps_a_contract_does_too),
    };

    return slot_rig_run("flows that fail", tests, sizeof tests / sizeof *tests);
}
