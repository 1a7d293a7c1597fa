/* graph_test.c - what is wrong with a graph is said all at once, and what is wrong with a call at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "flow/flow.h"
#include "flow_rig.h"

#include <cmocka.h>

static flow_rig rig;

static int set_up(void **state)
{
    flow_rig_init(&rig, 1);
    flow_rig_open(&rig, NULL);
    *state = &rig;
    return 0;
}

static int tear_down(void **state)
{
    flow_rig_fini(*state);
    return 0;
}

typedef struct findings {
    char text[4096];
    uint32_t count;
} findings;

static void note(void *ctx, const berth_finding *finding)
{
    findings *f = ctx;
    size_t used = strlen(f->text);

    snprintf(f->text + used, sizeof f->text - used, "%s\n", finding->text);
    f->count++;
}

static void assert_finds(flow_rig *r, const char *expected)
{
    findings f = { .count = 0 };
    uint32_t lines = 0;

    for (const char *at = expected; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    assert_int_equal(berth_flow_check(r->flow, note, &f, &r->diag),
                     lines == 0 ? BERTH_OK : BERTH_E_REJECTED);
    assert_string_equal(f.text, expected);
    assert_int_equal(f.count, lines);
}

static void a_sound_graph_has_no_findings(void **state)
{
    flow_rig *r = *state;
    flow_part *a = flow_rig_add(r, BERTH_ROLE_SOURCE, NULL);
    flow_part *b = flow_rig_add(r, BERTH_ROLE_SINK, NULL);

    flow_rig_edge(r, a, NULL, b, NULL);
    assert_finds(r, "");
}

static void everything_wrong_is_found_at_once(void **state)
{
    flow_rig *r = *state;
    berth_stage_options dead = BERTH_STAGE_OPTIONS_INIT;
    flow_part *source, *one, *two, *router, *sink;

    dead.on_error = BERTH_ON_ERROR_DEAD_LETTER;
    source = flow_rig_add(r, BERTH_ROLE_SOURCE, NULL);
    one = flow_rig_add(r, BERTH_ROLE_PROCESSOR, &dead);
    two = flow_rig_add(r, BERTH_ROLE_PROCESSOR, NULL);
    router = flow_rig_add(r, BERTH_ROLE_ROUTER, NULL);
    sink = flow_rig_add(r, BERTH_ROLE_SINK, NULL);
    (void)router;
    flow_rig_edge(r, one, NULL, two, NULL);
    flow_rig_edge(r, two, NULL, one, NULL);
    flow_rig_edge(r, sink, NULL, source, NULL);
    flow_rig_edge(r, two, "other", sink, NULL);
    flow_rig_edge(r, source, "dead", sink, NULL);
    assert_finds(r, "stage 's0' leads nowhere\n"
                    "no edge takes the dead letters of stage 's1'\n"
                    "nothing leads to stage 's3'\n"
                    "router 's3' has no ports\n"
                    "sink 's4' has an edge to 's0'; sinks emit nothing\n"
                    "source 's0' has an edge from 's4'; sources take nothing\n"
                    "stage 's2' has no port 'other'; only routers name theirs\n"
                    "stage 's0' makes no dead letters (its on_error is another)\n"
                    "no source reaches stage 's1'\n"
                    "no source reaches stage 's2'\n"
                    "stage 's2' is on a cycle\n");
    assert_int_equal(berth_flow_start(r->flow, &r->diag), BERTH_E_REJECTED);
    assert_string_equal(r->diag.text, "stage 's0' leads nowhere (and 10 more)");
    assert_int_equal(source->inits, 0);
}

static void types_have_to_agree_where_both_ends_say_one(void **state)
{
    flow_rig *r = *state;
    berth_stage_options text = BERTH_STAGE_OPTIONS_INIT, json = BERTH_STAGE_OPTIONS_INIT;
    flow_part *a, *b, *c, *d;

    text.takes = text.gives = "text/plain";
    json.takes = json.gives = "application/json";
    a = flow_rig_add(r, BERTH_ROLE_SOURCE, &text);
    b = flow_rig_add(r, BERTH_ROLE_PROCESSOR, &json);
    c = flow_rig_add(r, BERTH_ROLE_SINK, NULL);
    d = flow_rig_add(r, BERTH_ROLE_SINK, &text);
    flow_rig_edge(r, a, NULL, b, NULL);
    flow_rig_edge(r, b, NULL, c, NULL);
    flow_rig_edge(r, a, NULL, d, NULL);
    assert_finds(r, "'s0' gives text/plain, and 's1' takes application/json\n");
}

static void a_cycle_behind_a_source_is_found(void **state)
{
    flow_rig *r = *state;
    flow_part *a = flow_rig_add(r, BERTH_ROLE_SOURCE, NULL);
    flow_part *b = flow_rig_add(r, BERTH_ROLE_PROCESSOR, NULL);
    flow_part *c = flow_rig_add(r, BERTH_ROLE_PROCESSOR, NULL);
    flow_part *d = flow_rig_add(r, BERTH_ROLE_SINK, NULL);

    flow_rig_edge(r, a, NULL, b, NULL);
    flow_rig_edge(r, b, NULL, c, NULL);
    flow_rig_edge(r, c, NULL, b, NULL);
    flow_rig_edge(r, c, NULL, d, NULL);
    assert_finds(r, "stage 's1' is on a cycle\n");
}

static void an_empty_flow_has_no_source(void **state)
{
    flow_rig *r = *state;

    assert_finds(r, "flow 'rig' has no source\n");
}

static void two_edges_of_one_port_lead_to_different_stages(void **state)
{
    flow_rig *r = *state;
    flow_part *a = flow_rig_add(r, BERTH_ROLE_SOURCE, NULL);
    flow_part *b = flow_rig_add(r, BERTH_ROLE_SINK, NULL);

    flow_rig_edge(r, a, NULL, b, NULL);
    flow_rig_edge(r, a, NULL, b, NULL);
    assert_finds(r, "two edges lead from port 'out' of 's0' to 's1'\n");
}

static void what_is_out_of_range_is_refused_when_it_is_added(void **state)
{
    flow_rig *r = *state;
    berth_stage_options stage = BERTH_STAGE_OPTIONS_INIT;
    berth_edge_options edge = BERTH_EDGE_OPTIONS_INIT;
    berth_flow_options flow = BERTH_FLOW_OPTIONS_INIT;
    static const berth_stage_ops none = BERTH_STAGE_OPS_INIT;
    berth_flow *other;

    (void)flow_rig_add(r, BERTH_ROLE_SOURCE, NULL);
    stage.name = "s0";
    stage.role = BERTH_ROLE_SINK;
    stage.ops = &none;
    assert_int_equal(berth_flow_add(r->flow, &stage, NULL, &r->diag), BERTH_E_INVALID);
    assert_non_null(strstr(r->diag.text, "two stages 's0'"));
    stage.name = "with blank";
    assert_int_equal(berth_flow_add(r->flow, &stage, NULL, &r->diag), BERTH_E_INVALID);
    stage.name = "sink";
    assert_int_equal(berth_flow_add(r->flow, &stage, NULL, &r->diag), BERTH_E_INVALID);
    assert_non_null(strstr(r->diag.text, "no function process"));
    edge.from = 0;
    edge.to = 1;
    assert_int_equal(berth_flow_connect(r->flow, &edge, NULL, &r->diag), BERTH_E_INVALID);
    edge.to = 0;
    edge.records_max = 65537;
    assert_int_equal(berth_flow_connect(r->flow, &edge, NULL, &r->diag), BERTH_E_INVALID);
    edge.records_max = 0;
    edge.burst = 1;
    assert_int_equal(berth_flow_connect(r->flow, &edge, NULL, &r->diag), BERTH_E_INVALID);
    assert_non_null(strstr(r->diag.text, "burst only with a rate"));
    edge.burst = 0;
    edge.full = 4;
    assert_int_equal(berth_flow_connect(r->flow, &edge, NULL, &r->diag), BERTH_E_INVALID);
    assert_int_equal(berth_flow_open(r->flows, &flow, &other, &r->diag), BERTH_E_INVALID);
    flow.name = "x";
    flow.weight = 65;
    assert_int_equal(berth_flow_open(r->flows, &flow, &other, &r->diag), BERTH_E_INVALID);
}

static void a_flow_has_at_most_256_stages_and_1024_edges(void **state)
{
    flow_rig *r = *state;
    berth_stage_options stage = BERTH_STAGE_OPTIONS_INIT;
    berth_edge_options edge = BERTH_EDGE_OPTIONS_INIT;
    char name[16];

    stage.ops = flow_rig_ops(BERTH_ROLE_SINK);
    stage.role = BERTH_ROLE_SINK;
    stage.name = name;
    for (uint32_t i = 0; i < 256; i++) {
        snprintf(name, sizeof name, "n%u", (unsigned)i);
        assert_int_equal(berth_flow_add(r->flow, &stage, NULL, &r->diag), BERTH_OK);
    }
    snprintf(name, sizeof name, "more");
    assert_int_equal(berth_flow_add(r->flow, &stage, NULL, &r->diag), BERTH_E_LIMIT);
    for (uint32_t i = 0; i < 1024; i++) {
        edge.from = i % 256;
        edge.to = i / 256;
        assert_int_equal(berth_flow_connect(r->flow, &edge, NULL, &r->diag), BERTH_OK);
    }
    assert_int_equal(berth_flow_connect(r->flow, &edge, NULL, &r->diag), BERTH_E_LIMIT);
    assert_int_equal(berth_flow_check(r->flow, NULL, NULL, &r->diag), BERTH_E_REJECTED);
}

static void the_interval_of_a_rate_is_never_too_short(void **state)
{
    flow_rig *r = *state;
    flow_part *a = flow_rig_add(r, BERTH_ROLE_SOURCE, NULL);
    flow_part *b = flow_rig_add(r, BERTH_ROLE_SINK, NULL);
    static const uint32_t rates[] = { 1, 3, 1000, 700000, 999999, 1000000 };

    for (uint32_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        berth_edge_options edge = BERTH_EDGE_OPTIONS_INIT;
        uint64_t second;

        edge.rate = rates[i];
        second = r->flow->edges[flow_rig_edge(r, a, NULL, b, &edge)]->interval_ns * rates[i];
        assert_true(second >= 1000000000 && second - 1000000000 < rates[i]);
    }
}

#define graph_case(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        graph_case(a_sound_graph_has_no_findings),
        graph_case(everything_wrong_is_found_at_once),
        graph_case(types_have_to_agree_where_both_ends_say_one),
        graph_case(a_cycle_behind_a_source_is_found),
        graph_case(an_empty_flow_has_no_source),
        graph_case(two_edges_of_one_port_lead_to_different_stages),
        graph_case(what_is_out_of_range_is_refused_when_it_is_added),
        graph_case(a_flow_has_at_most_256_stages_and_1024_edges),
        graph_case(the_interval_of_a_rate_is_never_too_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
