/* graph.c - stages and edges added one by one, and looked at as a whole.  Layer: flow. */
#include "flow/flow.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/diag.h"

enum {
    NAME_MAX = 64,
    RECORDS_DEFAULT = 256,
    RECORDS_MAX = 65536,
    EMITS_DEFAULT = 1024,
    EMITS_MAX = 65536,
    WEIGHT_MAX = 64,
    RATE_MAX = 1000000,
    RETRIES_MAX = 1000
};
#define BYTES_DEFAULT (UINT64_C(4) << 20)
#define MILLISECOND   UINT64_C(1000000)

static bool is_name(const char *name)
{
    size_t length = name == NULL ? 0 : strlen(name);

    for (size_t i = 0; i < length; i++)
        if (name[i] < 0x21 || name[i] > 0x7e)
            return false;
    return length >= 1 && length <= NAME_MAX;
}

static char *copy_text(berth_flow *flow, const char *text)
{
    return berthi_strndup(&flow->flows->allocator, text, strlen(text));
}

static void free_text(berth_flow *flow, char *text)
{
    if (text != NULL)
        berthi_free(&flow->flows->allocator, text, strlen(text) + 1);
}

/* ---------------------------------------------------------------- stages */

static berth_status check_stage(const berth_flow *flow, const berth_stage_options *o,
                                berth_diag *diag)
{
    if (!is_name(o->name))
        return berthi_fail(diag, BERTH_E_INVALID,
                           "a stage's name is 1 to 64 printable characters without blanks");
    for (uint32_t i = 0; i < flow->stages_count; i++)
        if (strcmp(flow->stages[i]->options.name, o->name) == 0)
            return berthi_fail(diag, BERTH_E_INVALID, "there are two stages '%s'", o->name);
    BERTHI_REQUIRE(o->role >= BERTH_ROLE_SOURCE && o->role <= BERTH_ROLE_SINK, diag);
    BERTHI_REQUIRE(o->ops != NULL, diag);
    if (o->ops->size != sizeof(berth_stage_ops))
        return berthi_fail(diag, BERTH_E_VERSION, "stage '%s': its table has %u bytes, not %u",
                           o->name, o->ops->size, (unsigned)sizeof(berth_stage_ops));
    if (o->role == BERTH_ROLE_SOURCE ? o->ops->pull == NULL : o->ops->process == NULL)
        return berthi_fail(diag, BERTH_E_INVALID, "stage '%s' has no function %s", o->name,
                           o->role == BERTH_ROLE_SOURCE ? "pull" : "process");
    BERTHI_REQUIRE(o->on_error <= BERTH_ON_ERROR_DEAD_LETTER, diag);
    if (o->role == BERTH_ROLE_SOURCE && o->on_error == BERTH_ON_ERROR_DEAD_LETTER)
        return berthi_fail(
            diag, BERTH_E_INVALID,
            "source '%s': a pull that fails has no record that could be a dead letter",
            o->name);
    if (o->retries > RETRIES_MAX || o->emits_max > EMITS_MAX)
        return berthi_fail(diag, BERTH_E_INVALID,
                           "stage '%s': retries are at most %d and emits_max %d", o->name,
                           RETRIES_MAX, EMITS_MAX);
    return BERTH_OK;
}

static void use_stage_defaults(berth_stage_options *o)
{
    if (o->retry_ns == 0)
        o->retry_ns = 10 * MILLISECOND;
    if (o->retry_ns_max == 0)
        o->retry_ns_max = 1000 * MILLISECOND;
    if (o->circuit_ns == 0)
        o->circuit_ns = 1000 * MILLISECOND;
    if (o->emits_max == 0)
        o->emits_max = EMITS_DEFAULT;
}

static void free_stage(berth_flow *flow, berth_stage *stage)
{
    const berth_allocator *a = &flow->flows->allocator;

    if (stage->release != NULL)
        stage->release(a, stage->options.self);
    berthi_meter_free(flow, stage->meter);
    for (uint32_t i = 0; i < 3; i++)
        free_text(flow, stage->texts[i]);
    for (uint32_t i = 0; i < stage->ports_count; i++)
        berthi_free_array(a, stage->ports[i].edges, stage->ports[i].edges_count,
                          sizeof(uint32_t));
    if (stage->ports != NULL)
        berthi_free_array(a, stage->ports, BERTHI_FLOW_PORTS_MAX, sizeof *stage->ports);
    if (stage->inputs != NULL)
        berthi_free_array(a, stage->inputs, stage->inputs_count, sizeof(uint32_t));
    if (stage->inbox != NULL)
        berthi_free_array(a, stage->inbox, BERTHI_FLOW_BATCH, sizeof *stage->inbox);
    if (stage->outbox != NULL)
        berthi_free_array(a, stage->outbox, stage->outbox_room, sizeof *stage->outbox);
    if (stage->outbox_ports != NULL)
        berthi_free_array(a, stage->outbox_ports, stage->outbox_room,
                          sizeof *stage->outbox_ports);
    berthi_free(a, stage, sizeof *stage);
}

static bool copy_stage_texts(berth_flow *flow, berth_stage *stage)
{
    const char **given[3] = { &stage->options.name, &stage->options.takes,
                              &stage->options.gives };

    for (uint32_t i = 0; i < 3; i++) {
        if (*given[i] == NULL)
            continue;
        stage->texts[i] = copy_text(flow, *given[i]);
        if (stage->texts[i] == NULL)
            return false;
        *given[i] = stage->texts[i];
    }
    return true;
}

berth_status berth_flow_add(berth_flow *flow, const berth_stage_options *options,
                            uint32_t *stage_out, berth_diag *diag)
{
    berth_stage_options given;
    berth_stage *stage;
    berth_status status =
        berthi_options_copy(&given, sizeof given, options, "berth_stage_options", diag);

    if (status != BERTH_OK)
        return status;
    if (flow->state != BERTH_FLOW_MADE)
        return berthi_fail(diag, BERTH_E_STATE, "the flow was started");
    if (flow->stages_count == BERTH_FLOW_STAGES_MAX)
        return berthi_fail(diag, BERTH_E_LIMIT, "a flow has at most %u stages",
                           BERTH_FLOW_STAGES_MAX);
    status = check_stage(flow, &given, diag);
    if (status != BERTH_OK)
        return status;
    stage = berthi_zalloc(&flow->flows->allocator, sizeof *stage);
    if (stage == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "a stage");
    stage->options = given;
    use_stage_defaults(&stage->options);
    if (!copy_stage_texts(flow, stage)) {
        free_stage(flow, stage);
        return berthi_fail(diag, BERTH_E_NOMEM, "a stage");
    }
    stage->flow = flow;
    stage->index = flow->stages_count;
    stage->holds = given.role == BERTH_ROLE_SINK && given.ops->flush != NULL;
    stage->budget.max = given.buffer_bytes_max;
    stage->dead_port = BERTHI_FLOW_NONE;
    berthi_lock_take(&flow->flows->lock); /* who reads numbers may be looking */
    flow->stages[flow->stages_count++] = stage;
    berthi_lock_drop(&flow->flows->lock);
    if (stage_out != NULL)
        *stage_out = stage->index;
    return BERTH_OK;
}

/* ---------------------------------------------------------------- edges */

static berth_status check_edge(const berth_flow *flow, const berth_edge_options *o,
                               berth_diag *diag)
{
    BERTHI_REQUIRE(o->from < flow->stages_count && o->to < flow->stages_count, diag);
    if (o->port != NULL && !is_name(o->port))
        return berthi_fail(diag, BERTH_E_INVALID,
                           "a port's name is 1 to 64 printable characters without blanks");
    if (o->records_max > RECORDS_MAX || o->rate > RATE_MAX || o->burst > RATE_MAX ||
        o->weight > WEIGHT_MAX || o->low_percent > 99)
        return berthi_fail(
            diag, BERTH_E_INVALID,
            "an edge holds at most %d records; its rate is at most %d, its weight %d, "
            "its low mark 99 percent",
            RECORDS_MAX, RATE_MAX, WEIGHT_MAX);
    BERTHI_REQUIRE(o->full <= BERTH_FULL_ERROR, diag);
    if (o->burst != 0 && o->rate == 0)
        return berthi_fail(diag, BERTH_E_INVALID, "an edge has a burst only with a rate");
    return BERTH_OK;
}

static void set_edge(berthi_edge *edge, const berth_edge_options *o)
{
    uint32_t low = o->low_percent != 0 ? o->low_percent : 50;

    edge->from = o->from;
    edge->to = o->to;
    edge->is_queue = o->records_max != 0 || o->bytes_max != 0 || o->low_percent != 0 ||
                     o->full != 0 || o->rate != 0 || o->burst != 0;
    edge->records_max = o->records_max != 0 ? o->records_max : RECORDS_DEFAULT;
    edge->bytes_max = o->bytes_max != 0 ? o->bytes_max : BYTES_DEFAULT;
    edge->records_low = (uint32_t)((uint64_t)edge->records_max * low / 100);
    edge->bytes_low = edge->bytes_max / 100 * low;
    edge->weight = o->weight != 0 ? o->weight : 1;
    edge->full = o->full;
    if (o->rate != 0) {
        /* Rounded up: no more than `rate` leave in a second. */
        edge->interval_ns = (1000 * MILLISECOND + o->rate - 1) / o->rate;
        edge->burst_ns = edge->interval_ns * (o->burst != 0 ? o->burst - 1 : 0);
    }
}

berth_status berth_flow_connect(berth_flow *flow, const berth_edge_options *options,
                                uint32_t *edge_out, berth_diag *diag)
{
    berth_edge_options given;
    berthi_edge *edge;
    berth_status status =
        berthi_options_copy(&given, sizeof given, options, "berth_edge_options", diag);

    if (status != BERTH_OK)
        return status;
    if (flow->state != BERTH_FLOW_MADE)
        return berthi_fail(diag, BERTH_E_STATE, "the flow was started");
    if (flow->edges_count == BERTH_FLOW_EDGES_MAX)
        return berthi_fail(diag, BERTH_E_LIMIT, "a flow has at most %u edges",
                           BERTH_FLOW_EDGES_MAX);
    status = check_edge(flow, &given, diag);
    if (status != BERTH_OK)
        return status;
    edge = berthi_zalloc(&flow->flows->allocator, sizeof *edge);
    if (edge == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "an edge");
    set_edge(edge, &given);
    edge->port_name = copy_text(flow, given.port != NULL ? given.port : "out");
    if (edge->port_name == NULL) {
        berthi_free(&flow->flows->allocator, edge, sizeof *edge);
        return berthi_fail(diag, BERTH_E_NOMEM, "an edge");
    }
    if (edge_out != NULL)
        *edge_out = flow->edges_count;
    berthi_lock_take(&flow->flows->lock); /* as above */
    flow->edges[flow->edges_count++] = edge;
    berthi_lock_drop(&flow->flows->lock);
    return BERTH_OK;
}

void berthi_graph_free(berth_flow *flow)
{
    const berth_allocator *a = &flow->flows->allocator;

    for (uint32_t i = 0; i < flow->stages_count; i++)
        free_stage(flow, flow->stages[i]);
    for (uint32_t i = 0; i < flow->edges_count; i++) {
        berthi_edge_fini(flow->edges[i], a);
        berth_histogram_destroy(flow->edges[i]->waits);
        free_text(flow, flow->edges[i]->port_name);
        berthi_free(a, flow->edges[i], sizeof *flow->edges[i]);
    }
}

/* ---------------------------------------------------------------- the whole */

typedef struct inspection {
    const berth_flow *flow;
    berth_finding_fn found;
    void *ctx;
    berth_diag first;
    uint32_t count;
} inspection;

static void find(inspection *in, uint32_t stage, uint32_t edge, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void find(inspection *in, uint32_t stage, uint32_t edge, const char *format, ...)
{
    berth_finding finding = { stage, edge, in->first.text };
    char text[sizeof in->first.text];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (in->count++ == 0)
        memcpy(in->first.text, text, sizeof text);
    finding.text = text;
    if (in->found != NULL)
        in->found(in->ctx, &finding);
}

static const char *name_of(const inspection *in, uint32_t stage)
{
    return in->flow->stages[stage]->options.name;
}

static void inspect_ports(inspection *in, uint32_t at)
{
    const berthi_edge *edge = in->flow->edges[at];
    const berth_stage_options *from = &in->flow->stages[edge->from]->options;
    bool is_dead = strcmp(edge->port_name, BERTHI_FLOW_DEAD_PORT) == 0;

    if (is_dead && from->on_error != BERTH_ON_ERROR_DEAD_LETTER)
        find(in, edge->from, at, "stage '%s' makes no dead letters (its on_error is another)",
             from->name);
    else if (!is_dead && from->role != BERTH_ROLE_ROUTER && from->role != BERTH_ROLE_SINK &&
             strcmp(edge->port_name, "out") != 0)
        find(in, edge->from, at, "stage '%s' has no port '%s'; only routers name theirs",
             from->name, edge->port_name);
    for (uint32_t i = 0; i < at; i++)
        if (in->flow->edges[i]->from == edge->from && in->flow->edges[i]->to == edge->to &&
            strcmp(in->flow->edges[i]->port_name, edge->port_name) == 0)
            find(in, edge->from, at, "two edges lead from port '%s' of '%s' to '%s'",
                 edge->port_name, from->name, name_of(in, edge->to));
}

static void inspect_edge(inspection *in, uint32_t at)
{
    const berthi_edge *edge = in->flow->edges[at];
    const berth_stage_options *from = &in->flow->stages[edge->from]->options;
    const berth_stage_options *to = &in->flow->stages[edge->to]->options;
    bool is_dead = strcmp(edge->port_name, BERTHI_FLOW_DEAD_PORT) == 0;
    const char *gives = is_dead ? from->takes : from->gives;

    if (from->role == BERTH_ROLE_SINK && !is_dead)
        find(in, edge->from, at, "sink '%s' has an edge to '%s'; sinks emit nothing",
             from->name, to->name);
    if (to->role == BERTH_ROLE_SOURCE)
        find(in, edge->to, at, "source '%s' has an edge from '%s'; sources take nothing",
             to->name, from->name);
    if (gives != NULL && to->takes != NULL && strcmp(gives, to->takes) != 0)
        find(in, edge->from, at, "'%s' gives %s, and '%s' takes %s", from->name, gives,
             to->name, to->takes);
    inspect_ports(in, at);
}

static bool has_edge(const berth_flow *flow, uint32_t stage, bool is_out, const char *port)
{
    for (uint32_t i = 0; i < flow->edges_count; i++)
        if ((is_out ? flow->edges[i]->from : flow->edges[i]->to) == stage &&
            (port == NULL || strcmp(flow->edges[i]->port_name, port) == 0))
            return true;
    return false;
}

static uint32_t count_ports(const berth_flow *flow, uint32_t stage)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < flow->edges_count; i++) {
        bool is_new = flow->edges[i]->from == stage;

        for (uint32_t k = 0; k < i && is_new; k++)
            is_new = flow->edges[k]->from != stage ||
                     strcmp(flow->edges[k]->port_name, flow->edges[i]->port_name) != 0;
        count += is_new;
    }
    return count;
}

static void inspect_stage(inspection *in, uint32_t at)
{
    const berth_stage_options *o = &in->flow->stages[at]->options;
    bool is_router = o->role == BERTH_ROLE_ROUTER;

    if (o->role != BERTH_ROLE_SOURCE && !has_edge(in->flow, at, false, NULL))
        find(in, at, BERTHI_FLOW_NONE, "nothing leads to stage '%s'", o->name);
    if (o->role != BERTH_ROLE_SINK && !is_router && !has_edge(in->flow, at, true, "out"))
        find(in, at, BERTHI_FLOW_NONE, "stage '%s' leads nowhere", o->name);
    if (is_router && !has_edge(in->flow, at, true, NULL))
        find(in, at, BERTHI_FLOW_NONE, "router '%s' has no ports", o->name);
    if (o->on_error == BERTH_ON_ERROR_DEAD_LETTER &&
        !has_edge(in->flow, at, true, BERTHI_FLOW_DEAD_PORT))
        find(in, at, BERTHI_FLOW_NONE, "no edge takes the dead letters of stage '%s'", o->name);
    if (count_ports(in->flow, at) > BERTHI_FLOW_PORTS_MAX)
        find(in, at, BERTHI_FLOW_NONE, "stage '%s' has more than %d ports", o->name,
             BERTHI_FLOW_PORTS_MAX);
}

/* Stages that no source reaches, and one cycle, by its names. */
static void inspect_ways(inspection *in, uint32_t *order, uint8_t *marks)
{
    const berth_flow *flow = in->flow;
    uint32_t count = 0, at = 0;
    bool has_grown = true;

    for (uint32_t i = 0; i < flow->stages_count; i++)
        marks[i] = flow->stages[i]->options.role == BERTH_ROLE_SOURCE;
    while (has_grown) {
        has_grown = false;
        for (uint32_t i = 0; i < flow->edges_count; i++)
            if (marks[flow->edges[i]->from] && !marks[flow->edges[i]->to])
                marks[flow->edges[i]->to] = has_grown = true;
    }
    for (uint32_t i = 0; i < flow->stages_count; i++)
        if (!marks[i] && has_edge(flow, i, false, NULL))
            find(in, i, BERTHI_FLOW_NONE, "no source reaches stage '%s'", name_of(in, i));
    if (berthi_flow_order(flow, order, &count))
        return;
    memset(marks, 0, flow->stages_count);
    for (uint32_t i = 0; i < count; i++)
        marks[order[i]] = 1; /* comes before any cycle */
    /* Going backwards from any other stage, one is met twice: it lies on a cycle. */
    while (marks[at] == 1)
        at++;
    while (marks[at] != 2) {
        uint32_t i = 0;

        marks[at] = 2;
        while (flow->edges[i]->to != at || marks[flow->edges[i]->from] == 1)
            i++;
        at = flow->edges[i]->from;
    }
    find(in, at, BERTHI_FLOW_NONE, "stage '%s' is on a cycle", name_of(in, at));
}

berth_status berth_flow_check(berth_flow *flow, berth_finding_fn found, void *ctx,
                              berth_diag *diag)
{
    const berth_allocator *a = &flow->flows->allocator;
    inspection in = { .flow = flow, .found = found, .ctx = ctx };
    uint32_t *order = berthi_zalloc_array(a, flow->stages_count, sizeof *order);
    uint8_t *marks = berthi_zalloc_array(a, flow->stages_count, 1);
    berth_status status = BERTH_OK;
    uint32_t sources = 0;

    if (order == NULL || marks == NULL) {
        status = berthi_fail(diag, BERTH_E_NOMEM, "checking a flow");
        goto fail_memory;
    }
    for (uint32_t i = 0; i < flow->stages_count; i++) {
        sources += flow->stages[i]->options.role == BERTH_ROLE_SOURCE;
        inspect_stage(&in, i);
    }
    if (sources == 0)
        find(&in, BERTHI_FLOW_NONE, BERTHI_FLOW_NONE, "flow '%s' has no source", flow->name);
    for (uint32_t i = 0; i < flow->edges_count; i++)
        inspect_edge(&in, i);
    inspect_ways(&in, order, marks);
    if (in.count == 1)
        status = berthi_fail(diag, BERTH_E_REJECTED, "%s", in.first.text);
    else if (in.count != 0)
        status = berthi_fail(diag, BERTH_E_REJECTED, "%s (and %u more)", in.first.text,
                             in.count - 1);
fail_memory:
    if (order != NULL)
        berthi_free_array(a, order, flow->stages_count, sizeof *order);
    if (marks != NULL)
        berthi_free_array(a, marks, flow->stages_count, 1);
    return status;
}
