/* flow_test.c - plugins in slots as stages of a flow, swapped while records pass. */
#include "slot_rig.h"

#include <sched.h>
#include <string.h>

#include <berth/flow.h>

/* A source of numbered records, and a sink that writes down what came, in 8 bytes. */
typedef struct ends {
    uint32_t made, wrong_order;
    _Atomic(uint32_t) count;
    uint64_t last_sequence;
    _Atomic(uint32_t) seen;
    uint64_t by_answer[8]; /* how often each number was answered; 0: others */
    uint64_t switches;     /* of the answer, from one record to the next */
    uint64_t last;
    uint32_t record_size;
    const char *first_word; /* of the first record */
} ends;

static berth_status make(void *self, berth_stage *stage, berth_diag *diag)
{
    ends *e = self;
    const char *text = e->made == 0 && e->first_word != NULL ? e->first_word : "record";

    (void)diag;
    if (e->made++ == e->count) {
        berth_stage_end(stage);
        return BERTH_OK;
    }
    return berth_stage_emit(stage, 0, text, strlen(text));
}

static berth_status swallow(void *self, berth_stage *stage, const berth_record *record,
                            berth_diag *diag)
{
    ends *e = self;
    uint64_t answer = 0;

    (void)stage;
    (void)diag;
    if (record->size == 8)
        memcpy(&answer, record->data, 8);
    e->wrong_order += e->seen != 0 && record->sequence <= e->last_sequence;
    e->last_sequence = record->sequence;
    e->by_answer[answer < 8 ? answer : 0]++;
    e->switches += e->seen != 0 && answer != e->last;
    e->last = answer;
    e->record_size = (uint32_t)record->size;
    e->seen++;
    return BERTH_OK;
}

static const berth_stage_ops source_ops = {
    sizeof(berth_stage_ops), 0, NULL, make, NULL, NULL, NULL, NULL, NULL, NULL
};
static const berth_stage_ops sink_ops = {
    sizeof(berth_stage_ops), 0, NULL, NULL, swallow, NULL, NULL, NULL, NULL, NULL
};

typedef struct line { /* source, a slot, sink */
    berth_flows *flows;
    berth_flow *flow;
    ends ends;
    berth_stage_options middle;
} line;

static void must(slot_rig *r, berth_status status)
{
    if (status != BERTH_OK)
        fail_msg("%s: %s", berth_status_name(status), r->diag.text);
}

static void add_end(slot_rig *r, line *l, const char *name, uint32_t role,
                    const berth_stage_ops *ops)
{
    berth_stage_options o = BERTH_STAGE_OPTIONS_INIT;

    o.name = name;
    o.role = role;
    o.ops = ops;
    o.self = &l->ends;
    must(r, berth_flow_add(l->flow, &o, NULL, &r->diag));
}

static void connect(slot_rig *r, line *l, uint32_t from, const char *port, uint32_t to,
                    uint32_t records)
{
    berth_edge_options o = BERTH_EDGE_OPTIONS_INIT;

    o.from = from;
    o.to = to;
    o.port = port;
    o.records_max = records;
    must(r, berth_flow_connect(l->flow, &o, NULL, &r->diag));
}

static void line_open(slot_rig *r, line *l, uint32_t role, berth_slot *slot)
{
    berth_flow_options o = BERTH_FLOW_OPTIONS_INIT;
    berth_flows_options all = BERTH_FLOWS_OPTIONS_INIT;

    all.allocator = &r->allocator;
    o.name = "line";
    must(r, berth_flows_create(&all, &l->flows, &r->diag));
    must(r, berth_flow_open(l->flows, &o, &l->flow, &r->diag));
    add_end(r, l, "source", BERTH_ROLE_SOURCE, &source_ops);
    l->middle.name = "plugin";
    l->middle.role = role;
    must(r, berth_flow_add_slot(l->flow, &l->middle, slot, "do", NULL, &r->diag));
    add_end(r, l, "sink", BERTH_ROLE_SINK, &sink_ops);
    connect(r, l, 0, NULL, 1, 8);
}

static void line_close(line *l)
{
    berth_flow_close(l->flow);
    berth_flows_destroy(l->flows);
}

static berth_edge_stats edge_stats(line *l, uint32_t edge)
{
    berth_edge_stats s = { .size = sizeof s };

    assert_int_equal(berth_flow_edge_stats(l->flow, edge, &s), BERTH_OK);
    return s;
}

static void a_plugin_is_swapped_between_two_records(void **state)
{
    enum { SWAPS = 6 };
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "stage", NULL);
    line l = { .middle = BERTH_STAGE_OPTIONS_INIT };
    uint64_t answered = 0;

    slot_rig_install_answering(r, slot, 1);
    l.ends.count = UINT32_MAX;
    line_open(r, &l, BERTH_ROLE_PROCESSOR, slot);
    connect(r, &l, 1, NULL, 2, 8);
    must(r, berth_flow_start(l.flow, &r->diag));
    for (uint32_t i = 1; i <= SWAPS; i++) {
        uint32_t enough;

        if (i > 1)
            slot_rig_install_answering(r, slot, i);
        enough = atomic_load(&l.ends.seen) + 100; /* more than is on the way */
        while (atomic_load(&l.ends.seen) < enough)
            (void)sched_yield();
    }
    berth_flow_drain(l.flow, UINT64_MAX);
    must(r, berth_flow_wait(l.flow, UINT64_MAX, &r->diag));
    assert_int_equal(l.ends.wrong_order, 0);
    for (uint32_t i = 1; i <= SWAPS; i++) {
        assert_true(l.ends.by_answer[i] > 0);
        answered += l.ends.by_answer[i];
    }
    assert_int_equal(answered,
                     l.ends.made); /* none lost, none doubled, none by half a version */
    assert_int_equal(l.ends.seen, l.ends.made);
    assert_int_equal(l.ends.switches, SWAPS - 1); /* never back to one that was replaced */
    assert_int_equal(edge_stats(&l, 0).out, l.ends.made);
    assert_int_equal(edge_stats(&l, 1).in, l.ends.made);
    line_close(&l);
}

static void a_plugin_that_traps_is_rolled_back_and_no_record_is_lost(void **state)
{
    static const plugin_spec traps = { .number = 9, .probe = NULL };
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "stage", NULL);
    line l = { .middle = BERTH_STAGE_OPTIONS_INIT };
    plugin_spec bad = traps;
    /* It traps about anything that is not empty: its probe is. */
    const plugin_code hook =
        PLUGIN_CODE(0x20, 0x01, 0x04, 0x40, PLUGIN_TRAP, 0x0b, PLUGIN_I64(0x00));

    bad.hook = hook;
    slot_rig_install_answering(r, slot, 3);
    slot_rig_install_spec(r, slot, &bad);
    l.ends.count = 50;
    l.middle.circuit_failures = 1;
    l.middle.circuit_ns = 1000;
    line_open(r, &l, BERTH_ROLE_PROCESSOR, slot);
    connect(r, &l, 1, NULL, 2, 0);
    must(r, berth_flow_start(l.flow, &r->diag));
    must(r, berth_flow_wait(l.flow, UINT64_MAX, &r->diag));
    assert_int_equal(l.ends.by_answer[3], 50);
    line_close(&l);
}

static void a_plugin_that_spins_costs_its_record_and_no_more(void **state)
{
    slot_rig *r = *state;
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    line l = { .middle = BERTH_STAGE_OPTIONS_INIT };
    plugin_spec spins = { .number = 4 };
    /* Spins about inputs of four bytes; else gives them back. */
    const plugin_code hook =
        PLUGIN_CODE(0x20, 0x01, PLUGIN_I32(0x04), 0x46, 0x04, 0x40, PLUGIN_LOOP, 0x0b, 0x20,
                    0x00, 0xad, PLUGIN_I64(0x20), 0x86, 0x20, 0x01, 0xad, 0x84);
    berth_slot *slot;

    options.deadline_ns = 50 * MS;
    slot = slot_rig_open(r, "stage", &options);
    spins.hook = hook;
    slot_rig_install_spec(r, slot, &spins);
    l.ends.count = 2;
    l.ends.first_word = "spin";
    l.middle.on_error = BERTH_ON_ERROR_SKIP;
    l.middle.retries = 0;
    line_open(r, &l, BERTH_ROLE_FILTER, slot);
    connect(r, &l, 1, NULL, 2, 0);
    must(r, berth_flow_start(l.flow, &r->diag));
    must(r, berth_flow_wait(l.flow, UINT64_MAX, &r->diag));
    assert_true(edge_stats(&l, 0).dropped[BERTH_DROPPED_FAILED] >= 1);
    assert_int_equal(edge_stats(&l, 0).dropped[BERTH_DROPPED_FAILED] + l.ends.seen, 2);
    line_close(&l);
}

static void a_router_plugin_names_its_ports(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "stage", NULL);
    line l = { .middle = BERTH_STAGE_OPTIONS_INIT };
    plugin_spec echo = { .number = 5 };
    berth_stage_stats s = { .size = sizeof s };

    slot_rig_install_spec(r, slot, &echo); /* so a record names its own port */
    l.ends.count = 10;
    l.ends.first_word = "no-such-port";
    l.middle.on_error = BERTH_ON_ERROR_SKIP;
    line_open(r, &l, BERTH_ROLE_ROUTER, slot);
    connect(r, &l, 1, "record", 2, 0);
    must(r, berth_flow_start(l.flow, &r->diag));
    must(r, berth_flow_wait(l.flow, UINT64_MAX, &r->diag));
    assert_int_equal(l.ends.seen, 9);
    assert_int_equal(l.ends.record_size, 6);
    assert_int_equal(edge_stats(&l, 0).dropped[BERTH_DROPPED_FAILED], 1);
    assert_int_equal(berth_flow_stage_stats(l.flow, 1, &s), BERTH_OK);
    assert_int_equal(s.copies_in, 10);
    assert_int_equal(s.copies_out, 10);
    assert_int_equal(s.copies, 0); /* a router passes the payload on as it is */
    line_close(&l);
}

static void a_port_that_is_not_there_is_shown_and_drives_no_terminal(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "stage", NULL);
    line l = { .middle = BERTH_STAGE_OPTIONS_INIT };
    plugin_spec echo = { .number = 5 };

    slot_rig_install_spec(r, slot, &echo);
    l.ends.count = 2;
    l.ends.first_word = "\033]0;x\007";
    l.middle.on_error = BERTH_ON_ERROR_FAIL;
    line_open(r, &l, BERTH_ROLE_ROUTER, slot);
    connect(r, &l, 1, "record", 2, 0);
    must(r, berth_flow_start(l.flow, &r->diag));
    assert_int_equal(berth_flow_wait(l.flow, UINT64_MAX, &r->diag), BERTH_E_ABI);
    assert_non_null(strstr(r->diag.text, "\\x1b]0;x\\x07"));
    assert_null(strchr(r->diag.text, '\033'));
    line_close(&l);
}

static void a_hook_is_no_source(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "stage", NULL);
    line l = { .middle = BERTH_STAGE_OPTIONS_INIT };

    line_open(r, &l, BERTH_ROLE_SINK, slot);
    l.middle.role = BERTH_ROLE_SOURCE;
    l.middle.name = "other";
    assert_int_equal(berth_flow_add_slot(l.flow, &l.middle, slot, "do", NULL, &r->diag),
                     BERTH_E_INVALID);
    l.middle.role = BERTH_ROLE_SINK;
    l.middle.name = "plugin";
    assert_int_equal(berth_flow_add_slot(l.flow, &l.middle, slot, "do", NULL, &r->diag),
                     BERTH_E_INVALID);
    line_close(&l);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(a_plugin_is_swapped_between_two_records),
        slot_test(a_plugin_that_traps_is_rolled_back_and_no_record_is_lost),
        slot_test(a_plugin_that_spins_costs_its_record_and_no_more),
        slot_test(a_router_plugin_names_its_ports),
        slot_test(a_port_that_is_not_there_is_shown_and_drives_no_terminal),
        slot_test(a_hook_is_no_source),
    };

    return slot_rig_run("flows", tests, sizeof tests / sizeof *tests);
}
