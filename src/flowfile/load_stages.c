/* load_stages.c - the stages and edges of a flow file, as a flow.  Layer: flowfile. */
#include "flow/guest.h"
#include "flowfile/loaded.h"

static void stage_options(const ff_stage *s, berth_stage_options *o)
{
    *o = (berth_stage_options)BERTH_STAGE_OPTIONS_INIT;
    o->name = s->name;
    o->role = s->role;
    o->takes = s->takes;
    o->gives = s->gives;
    o->on_error = s->errors.on_error;
    o->retries = s->errors.retries;
    o->retry_ns = s->errors.retry_ns;
    o->retry_ns_max = s->errors.retry_ns_max;
    o->circuit_failures = s->errors.circuit_failures;
    o->circuit_ns = s->errors.circuit_ns;
    o->emits_max = s->emits_max;
    o->buffer_bytes_max = s->buffer_bytes;
    o->lifetime_ns = s->lifetime_ns;
}

static berth_status add_stage(ff_loading *l, uint32_t at, berth_diag *diag)
{
    const ff_stage *s = &l->loaded->file->model.stages[at];
    berth_stage_options o;
    berth_status status;
    uint32_t stage;

    stage_options(s, &o);
    if (s->end != NULL)
        return berth_flow_add_end(l->loaded->flow, &o, s->end, s->settings, s->settings_count,
                                  NULL, diag);
    o.config = s->config_text;
    status = berth_flow_add_slot(l->loaded->flow, &o, l->loaded->stages[at].slot, s->hook,
                                 &stage, diag);
    /* Torvyn's name the role, in more spellings than plugins keep. */
    if (status == BERTH_OK && s->contract != NULL && !l->loaded->file->model.is_torvyn)
        berthi_guest_set_interface(l->loaded->flow, stage, s->contract);
    return status;
}

static void add_stages(ff_loading *l)
{
    const ff_model *m = &l->loaded->file->model;

    for (uint32_t i = 0; i < m->stages_count && !l->reader.has_no_memory; i++) {
        berth_diag diag = { 0 };
        berth_status status;

        if (m->stages[i].end == NULL && l->loaded->stages[i].slot == NULL)
            continue; /* its plugin is wrong, which was said */
        status = add_stage(l, i, &diag);
        if (status != BERTH_OK)
            berthi_ff_load_wrong(l, i, m->stages[i].end != NULL ? "end" : "hook", status,
                                 &diag);
    }
}

static berth_status add_edges(ff_loading *l)
{
    const ff_model *m = &l->loaded->file->model;
    berth_status status = BERTH_OK;

    for (uint32_t i = 0; i < m->edges_count && status == BERTH_OK; i++) {
        const ff_edge *e = &m->edges[i];
        berth_edge_options o = BERTH_EDGE_OPTIONS_INIT;

        o.from = e->from_stage;
        o.to = e->to_stage;
        o.port = e->port;
        o.records_max = e->queue.records_max;
        o.bytes_max = e->queue.bytes_max;
        o.low_percent = e->queue.low_percent;
        o.full = e->queue.full;
        o.rate = e->queue.rate;
        o.burst = e->queue.burst;
        o.weight = e->queue.weight;
        status = berth_flow_connect(l->loaded->flow, &o, NULL, l->diag);
    }
    return status;
}

/* The numbers of stages are those of the file, so the flow is only made further when all are there. */
berth_status berthi_ff_load_flow(ff_loading *l)
{
    const ff_model *m = &l->loaded->file->model;
    berth_flow_options o = BERTH_FLOW_OPTIONS_INIT;
    berth_status status;

    o.name = m->name;
    o.weight = m->weight;
    o.buffer_bytes_max = m->buffer_bytes;
    o.deadline_ns = m->deadline_ns;
    o.measures = m->level;
    o.traces = l->traces;
    status = berth_flow_open(l->loaded->flows, &o, &l->loaded->flow, l->diag);
    if (status != BERTH_OK)
        return status;
    add_stages(l);
    if (l->reader.has_no_memory)
        return BERTH_E_NOMEM;
    return l->reader.errors != 0 ? BERTH_E_REJECTED : add_edges(l);
}
