/* report_text.c - the numbers of a flow, written.  Layer: flowfile. */
#include <inttypes.h>

#include "base/json_writer.h"
#include "flowfile/report.h"

static const char *const states[] = { "",         "made",      "running",   "draining",
                                      "stopping", "completed", "cancelled", "failed" };
enum { STATES = sizeof states / sizeof *states };

static const char *state_name(const ff_numbers *n)
{
    return n->flow.stats.state < STATES ? states[n->flow.stats.state] : "";
}

/* ---------------------------------------------------------------- JSON */

static void put_members(berthi_json_writer *w, const ff_things *things, const void *of)
{
    for (size_t i = 0; i < things->count; i++)
        berthi_json_uint(w, things->metrics[i].key,
                         berthi_ff_report_value(&things->metrics[i], of));
}

static void put_stages(berthi_json_writer *w, const ff_numbers *n)
{
    const ff_model *m = &n->loaded->file->model;
    const ff_things *slots = &berthi_ff_report_things[FF_OF_SLOT];

    berthi_json_array(w, "stages");
    for (uint32_t i = 0; i < m->stages_count; i++) {
        const void *slot = slots->at(n, i);

        berthi_json_object(w, NULL);
        berthi_json_string(w, "stage", m->stages[i].name);
        berthi_json_string(w, "role", berthi_ff_roles[m->stages[i].role]);
        put_members(w, &berthi_ff_report_things[FF_OF_STAGE], &n->stages[i]);
        if (slot != NULL) {
            berthi_json_object(w, "slot");
            put_members(w, slots, slot);
            berthi_json_end(w);
        }
        berthi_json_end(w);
    }
    berthi_json_end(w);
}

static void put_edges(berthi_json_writer *w, const ff_numbers *n)
{
    const ff_model *m = &n->loaded->file->model;

    berthi_json_array(w, "edges");
    for (uint32_t i = 0; i < m->edges_count; i++) {
        berthi_json_object(w, NULL);
        berthi_json_string(w, "from", m->edges[i].from);
        berthi_json_string(w, "port", m->edges[i].port == NULL ? "out" : m->edges[i].port);
        berthi_json_string(w, "to", m->edges[i].to);
        put_members(w, &berthi_ff_report_things[FF_OF_EDGE], &n->edges[i]);
        berthi_json_end(w);
    }
    berthi_json_end(w);
}

void berthi_ff_report_json(const ff_numbers *n, berthi_text_buf *out)
{
    berthi_json_writer w;

    berthi_json_init(&w, out);
    berthi_json_object(&w, NULL);
    berthi_json_string(&w, "berth", berth_version_text());
    berthi_json_string(&w, "flow", n->loaded->file->model.name);
    berthi_json_string(&w, "state", state_name(n));
    put_members(&w, &berthi_ff_report_things[FF_OF_FLOW], &n->flow);
    put_stages(&w, n);
    put_edges(&w, n);
    berthi_json_object(&w, "workers");
    put_members(&w, &berthi_ff_report_things[FF_OF_WORKERS], &n->workers);
    berthi_json_end(&w);
    berthi_json_object(&w, "runtime");
    put_members(&w, &berthi_ff_report_things[FF_OF_RUNTIME], &n->runtime);
    berthi_json_end(&w);
    berthi_json_end(&w);
}

/* ---------------------------------------------------------------- Prometheus */

/* A value of a label: backslash, quote and newline are escaped. */
static void put_label(berthi_text_buf *out, const char *name, const char *value)
{
    berthi_text_buf_putf(out, "%s=\"", name);
    for (const char *c = value; *c != '\0'; c++) {
        if (*c == '\\' || *c == '"')
            berthi_text_buf_puts(out, "\\");
        if (*c == '\n')
            berthi_text_buf_puts(out, "\\n");
        else
            berthi_text_buf_put(out, c, 1);
    }
    berthi_text_buf_puts(out, "\"");
}

static void put_labels(berthi_text_buf *out, const ff_numbers *n, unsigned kind, uint32_t at)
{
    const ff_model *m = &n->loaded->file->model;

    if (kind == FF_OF_RUNTIME || kind == FF_OF_WORKERS)
        return;
    berthi_text_buf_puts(out, "{");
    put_label(out, "flow", m->name);
    if (kind == FF_OF_STAGE || kind == FF_OF_SLOT) {
        berthi_text_buf_puts(out, ",");
        put_label(out, "stage", m->stages[at].name);
    } else if (kind == FF_OF_EDGE) {
        berthi_text_buf_puts(out, ",");
        put_label(out, "from", m->edges[at].from);
        berthi_text_buf_puts(out, ",");
        put_label(out, "port", m->edges[at].port == NULL ? "out" : m->edges[at].port);
        berthi_text_buf_puts(out, ",");
        put_label(out, "to", m->edges[at].to);
    }
    berthi_text_buf_puts(out, "}");
}

static uint32_t count_of(const ff_numbers *n, unsigned kind)
{
    const ff_model *m = &n->loaded->file->model;

    return kind == FF_OF_STAGE || kind == FF_OF_SLOT ? m->stages_count
           : kind == FF_OF_EDGE                      ? m->edges_count
                                                     : 1;
}

static void put_family(berthi_text_buf *out, const ff_numbers *n, unsigned kind,
                       const ff_metric *metric)
{
    const ff_things *things = &berthi_ff_report_things[kind];
    bool has_head = false;

    for (uint32_t i = 0; i < count_of(n, kind); i++) {
        const void *of = things->at(n, i);

        if (of == NULL)
            continue;
        if (!has_head)
            berthi_text_buf_putf(out, "# HELP %s%s %s\n# TYPE %s%s %s\n", things->prefix,
                                 metric->name, metric->help, things->prefix, metric->name,
                                 metric->is_counter ? "counter" : "gauge");
        has_head = true;
        berthi_text_buf_putf(out, "%s%s", things->prefix, metric->name);
        put_labels(out, n, kind, i);
        berthi_text_buf_putf(out, " %" PRIu64 "\n", berthi_ff_report_value(metric, of));
    }
}

/* One for each state, of which one is 1. */
static void put_states(berthi_text_buf *out, const ff_numbers *n)
{
    berthi_text_buf_puts(out, "# HELP berth_flow_state 1 for the state that it is in\n"
                              "# TYPE berth_flow_state gauge\n");
    for (unsigned i = 1; i < STATES; i++) {
        berthi_text_buf_puts(out, "berth_flow_state{");
        put_label(out, "flow", n->loaded->file->model.name);
        berthi_text_buf_putf(out, ",state=\"%s\"} %d\n", states[i], n->flow.stats.state == i);
    }
}

void berthi_ff_report_prometheus(const ff_numbers *n, berthi_text_buf *out)
{
    put_states(out, n);
    for (unsigned kind = 0; kind < FF_THINGS; kind++)
        for (size_t i = 0; i < berthi_ff_report_things[kind].count; i++)
            put_family(out, n, kind, &berthi_ff_report_things[kind].metrics[i]);
}
