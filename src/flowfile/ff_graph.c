/* ff_graph.c - the graph as a whole, by the rules of the flow that it will be.  Layer: flowfile.
 *
 * A flow is made of stages that do nothing, and berth_flow_check() says what keeps it from being started: one set of
 * rules, here with the lines of the file. */
#include "flowfile/flow_file.h"

static berth_status nothing_to_pull(void *self, berth_stage *stage, berth_diag *diag)
{
    (void)self, (void)diag;
    berth_stage_end(stage);
    return BERTH_OK;
}

static berth_status nothing_to_do(void *self, berth_stage *stage, const berth_record *record,
                                  berth_diag *diag)
{
    (void)self, (void)stage, (void)record, (void)diag;
    return BERTH_OK;
}

static const berth_stage_ops nothing = { .size = sizeof nothing,
                                         .pull = nothing_to_pull,
                                         .process = nothing_to_do };

typedef struct graph {
    ff_reader *r;
    const ff_model *model;
    uint32_t *stages, *edges; /* of the flow's, the model's */
    bool has_gaps;            /* an end of an edge is unknown: what a stage lacks may be that */
} graph;

static void find(void *ctx, const berth_finding *finding)
{
    graph *g = ctx;
    const berthi_toml *at = NULL;

    /* What a stage lacks may be the edge that could not be read; a cycle lacks nothing. */
    if (finding->edge == BERTH_FINDING_NONE && g->has_gaps &&
        strstr(finding->text, " cycle") == NULL)
        return;
    if (finding->edge != BERTH_FINDING_NONE)
        at = g->model->edges[g->edges[finding->edge]].table;
    else if (finding->stage != BERTH_FINDING_NONE)
        at = g->model->stages[g->stages[finding->stage]].table;
    if (at == NULL)
        berthi_ff_wrong_at(g->r, 0, NULL, "%s", finding->text);
    else
        berthi_ff_wrong_key(g->r, at, NULL, "%s", finding->text);
}

static berth_status add_stages(graph *g, berth_flow *flow, uint32_t *numbers, berth_diag *diag)
{
    for (uint32_t i = 0; i < g->model->stages_count; i++) {
        const ff_stage *s = &g->model->stages[i];
        berth_stage_options o = BERTH_STAGE_OPTIONS_INIT;
        berth_status status;

        numbers[i] = FF_NONE;
        if (s->role == 0) {
            g->has_gaps = true;
            continue;
        }
        o.name = s->name;
        o.role = s->role;
        o.takes = s->takes;
        o.gives = s->gives;
        o.on_error = s->errors.on_error;
        o.ops = &nothing;
        status = berth_flow_add(flow, &o, &numbers[i], diag);
        if (status == BERTH_E_INVALID) {
            berthi_ff_wrong_key(g->r, s->table, NULL, "%s", diag->text);
            numbers[i] = FF_NONE;
        } else if (status != BERTH_OK) {
            return status;
        } else {
            g->stages[numbers[i]] = i;
        }
    }
    return BERTH_OK;
}

static berth_status add_edges(graph *g, berth_flow *flow, const uint32_t *numbers,
                              berth_diag *diag)
{
    for (uint32_t i = 0; i < g->model->edges_count; i++) {
        const ff_edge *e = &g->model->edges[i];
        berth_edge_options o = BERTH_EDGE_OPTIONS_INIT;
        berth_status status;
        uint32_t number;

        if (e->from_stage == FF_NONE || e->to_stage == FF_NONE ||
            numbers[e->from_stage] == FF_NONE || numbers[e->to_stage] == FF_NONE) {
            g->has_gaps = true;
            continue;
        }
        o.from = numbers[e->from_stage];
        o.to = numbers[e->to_stage];
        o.port = e->port;
        status = berth_flow_connect(flow, &o, &number, diag);
        if (status != BERTH_OK)
            return status;
        g->edges[number] = i;
    }
    return BERTH_OK;
}

static berth_status check(graph *g, berth_flow *flow, berth_diag *diag)
{
    uint32_t *numbers = berthi_ff_array(g->r, g->model->stages_count, sizeof *numbers);
    berth_status status;

    g->stages = berthi_ff_array(g->r, g->model->stages_count, sizeof *g->stages);
    g->edges = berthi_ff_array(g->r, g->model->edges_count, sizeof *g->edges);
    if (numbers == NULL || g->stages == NULL || g->edges == NULL)
        return BERTH_E_NOMEM;
    status = add_stages(g, flow, numbers, diag);
    if (status == BERTH_OK)
        status = add_edges(g, flow, numbers, diag);
    if (status == BERTH_OK)
        status = berth_flow_check(flow, find, g, diag);
    return status == BERTH_E_REJECTED ? BERTH_OK : status;
}

void berthi_ff_graph(ff_reader *r, const ff_model *model, const berth_allocator *allocator)
{
    berth_flow_options options = BERTH_FLOW_OPTIONS_INIT;
    berth_flows_options all = BERTH_FLOWS_OPTIONS_INIT;
    graph g = { .r = r, .model = model };
    berth_diag diag = { 0 };
    berth_flows *flows;
    berth_flow *flow;
    berth_status status;

    all.workers = 1;
    all.allocator = allocator;
    options.name = model->name == NULL ? "flow" : model->name;
    status = berth_flows_create(&all, &flows, &diag);
    if (status == BERTH_OK) {
        status = berth_flow_open(flows, &options, &flow, &diag);
        if (status == BERTH_OK) {
            status = check(&g, flow, &diag);
            berth_flow_close(flow);
        }
        berth_flows_destroy(flows);
    }
    if (status == BERTH_E_NOMEM)
        r->has_no_memory = true;
    else if (status != BERTH_OK)
        berthi_ff_wrong_at(r, 0, NULL, "the graph cannot be checked: %s", diag.text);
}
