/* lanes.c - from a checked graph to what runs: ports, lanes, inboxes, rings.  Layer: flow. */
#include "flow/flow.h"

#include "base/diag.h"

bool berthi_flow_order(const berth_flow *flow, uint32_t *order, uint32_t *count_out)
{
    uint8_t is_in[BERTH_FLOW_STAGES_MAX] = { 0 };
    uint32_t count = 0, before = BERTHI_FLOW_NONE;

    while (count != before && count < flow->stages_count) {
        before = count;
        for (uint32_t i = 0; i < flow->stages_count; i++) {
            bool is_next = !is_in[i];

            for (uint32_t k = 0; k < flow->edges_count && is_next; k++)
                is_next = flow->edges[k]->to != i || is_in[flow->edges[k]->from];
            if (is_next) {
                is_in[i] = 1;
                order[count++] = i;
            }
        }
    }
    *count_out = count;
    return count == flow->stages_count;
}

/* ---------------------------------------------------------------- ports and inputs */

static berthi_port *port_named(berth_stage *stage, const char *name)
{
    uint32_t i = 0;

    while (i < stage->ports_count && strcmp(stage->ports[i].name, name) != 0)
        i++;
    if (i == stage->ports_count)
        stage->ports[stage->ports_count++].name = name;
    return &stage->ports[i];
}

static bool add_number(const berth_allocator *a, uint32_t **numbers, uint32_t *count,
                       uint32_t number)
{
    uint32_t *more = berthi_zalloc_array(a, *count + 1, sizeof *more);

    if (more == NULL)
        return false;
    if (*count != 0) {
        memcpy(more, *numbers, *count * sizeof *more);
        berthi_free_array(a, *numbers, *count, sizeof *more);
    }
    more[(*count)++] = number;
    *numbers = more;
    return true;
}

static bool lay_edge(berth_flow *flow, uint32_t at)
{
    const berth_allocator *a = &flow->flows->allocator;
    berthi_edge *edge = flow->edges[at];
    berth_stage *from = flow->stages[edge->from], *to = flow->stages[edge->to];
    berthi_port *port = port_named(from, edge->port_name);

    edge->port = (uint32_t)(port - from->ports);
    if (strcmp(port->name, BERTHI_FLOW_DEAD_PORT) == 0)
        from->dead_port = edge->port;
    return add_number(a, &port->edges, &port->edges_count, at) &&
           add_number(a, &to->inputs, &to->inputs_count, at);
}

static bool lay_ports(berth_flow *flow)
{
    for (uint32_t i = 0; i < flow->stages_count; i++) {
        berth_stage *stage = flow->stages[i];

        stage->ports = berthi_zalloc_array(&flow->flows->allocator, BERTHI_FLOW_PORTS_MAX,
                                           sizeof *stage->ports);
        if (stage->ports == NULL)
            return false;
        /* "out" is number 0 wherever there is one. */
        for (uint32_t k = 0; k < flow->edges_count; k++)
            if (flow->edges[k]->from == i && strcmp(flow->edges[k]->port_name, "out") == 0)
                (void)port_named(stage, flow->edges[k]->port_name);
    }
    for (uint32_t i = 0; i < flow->edges_count; i++)
        if (!lay_edge(flow, i))
            return false;
    return true;
}

static bool lay_boxes(berth_flow *flow)
{
    const berth_allocator *a = &flow->flows->allocator;

    for (uint32_t i = 0; i < flow->stages_count; i++) {
        berth_stage *stage = flow->stages[i];

        if (stage->inputs_count != 0) {
            stage->inbox = berthi_zalloc_array(a, BERTHI_FLOW_BATCH, sizeof *stage->inbox);
            if (stage->inbox == NULL)
                return false;
        }
        stage->input_left = BERTHI_FLOW_BATCH;
        if (stage->inputs_count != 0)
            stage->input_left *= flow->edges[stage->inputs[0]]->weight;
    }
    return true;
}

/* ---------------------------------------------------------------- lanes */

/* The number of the lane of each stage: what plain edges join, directly or not, is one. */
static uint32_t number_lanes(const berth_flow *flow, uint32_t *lane_of)
{
    uint32_t lanes = 0;
    bool has_changed = true;

    for (uint32_t i = 0; i < flow->stages_count; i++)
        lane_of[i] = i;
    while (has_changed) {
        has_changed = false;
        for (uint32_t i = 0; i < flow->edges_count; i++) {
            uint32_t *from = &lane_of[flow->edges[i]->from], *to = &lane_of[flow->edges[i]->to];

            if (flow->edges[i]->is_queue || *from == *to)
                continue;
            *from = *to = *from < *to ? *from : *to;
            has_changed = true;
        }
    }
    /* The lowest stage of a lane has its own number; count those, in order. */
    for (uint32_t i = 0; i < flow->stages_count; i++)
        lane_of[i] = lane_of[i] == i ? lanes++ : lane_of[lane_of[i]];
    return lanes;
}

static bool fill_lane(berth_flow *flow, uint32_t lane, const uint32_t *order,
                      const uint32_t *lane_of)
{
    berthi_lane *l = &flow->lanes[lane];

    l->flow = flow;
    l->state = BERTHI_LANE_MADE;
    l->timer.lane = l;
    l->timer.flow = flow;
    for (uint32_t i = 0; i < flow->stages_count; i++)
        l->stages_count += lane_of[i] == lane;
    l->stages =
        berthi_zalloc_array(&flow->flows->allocator, l->stages_count, sizeof *l->stages);
    if (l->stages == NULL)
        return false;
    for (uint32_t i = 0, at = 0; i < flow->stages_count; i++)
        if (lane_of[order[i]] == lane) {
            l->stages[at] = flow->stages[order[i]];
            l->stages[at++]->lane = l;
        }
    return true;
}

static bool lay_lanes(berth_flow *flow)
{
    uint32_t order[BERTH_FLOW_STAGES_MAX], lane_of[BERTH_FLOW_STAGES_MAX], count, lanes;

    (void)berthi_flow_order(flow, order, &count);
    assert(count == flow->stages_count);
    lanes = number_lanes(flow, lane_of);
    flow->lanes = berthi_zalloc_array(&flow->flows->allocator, lanes, sizeof *flow->lanes);
    if (flow->lanes == NULL)
        return false;
    flow->lanes_count = lanes;
    for (uint32_t i = 0; i < lanes; i++)
        if (!fill_lane(flow, i, order, lane_of))
            return false;
    return true;
}

berth_status berthi_flow_lay(berth_flow *flow, berth_diag *diag)
{
    berth_status status = BERTH_OK;

    if (!lay_ports(flow) || !lay_boxes(flow) || !lay_lanes(flow))
        return berthi_fail(diag, BERTH_E_NOMEM, "the lanes of flow '%s'", flow->name);
    for (uint32_t i = 0; i < flow->edges_count && status == BERTH_OK; i++) {
        berthi_edge *edge = flow->edges[i];

        edge->is_crossing = flow->stages[edge->from]->lane != flow->stages[edge->to]->lane;
        /* Nobody asked for a queue: it holds what one batch leaves behind. */
        if (!edge->is_queue) {
            edge->records_max = BERTHI_FLOW_BATCH;
            edge->records_low = BERTHI_FLOW_BATCH / 2;
        }
        status = berthi_edge_init(edge, &flow->flows->allocator, diag);
    }
    if (status == BERTH_OK)
        status = berthi_measures_make(flow, diag);
    return status;
}
