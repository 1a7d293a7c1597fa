/* ff_json.c - what a flow file says, with all defaults, as JSON.  Layer: flowfile. */
#include "flowfile/flow_file.h"

#include "base/json_writer.h"

static const char *const policies[] = { "", "reuse", "fresh" };

static void put_limits(berthi_json_writer *w, const ff_limits *l)
{
    berthi_json_object(w, "limits");
    if (l->deadline_ns != 0)
        berthi_json_uint(w, "deadline_ns", l->deadline_ns);
    if (l->probe_deadline_ns != 0)
        berthi_json_uint(w, "probe_deadline_ns", l->probe_deadline_ns);
    if (l->memory_bytes != 0)
        berthi_json_uint(w, "memory_bytes", l->memory_bytes);
    if (l->output_bytes != 0)
        berthi_json_uint(w, "output_bytes", l->output_bytes);
    if (l->calls_max != 0)
        berthi_json_uint(w, "calls", l->calls_max);
    if (l->instances_max != 0)
        berthi_json_uint(w, "instances", l->instances_max);
    berthi_json_end(w);
}

static void put_plugin(berthi_json_writer *w, const ff_stage *s)
{
    berthi_json_string(w, s->bundle != NULL ? "bundle" : "plugin",
                       s->bundle != NULL ? s->bundle : s->plugin);
    berthi_json_string(w, "hook", s->hook);
    berthi_json_string(w, "contract", s->contract);
    if (s->config_text != NULL)
        berthi_json_string(w, "config", s->config_text);
    if (s->policy != 0)
        berthi_json_string(w, "policy", policies[s->policy]);
    berthi_json_array(w, "grants");
    for (uint32_t i = 0; i < s->grants.count; i++)
        berthi_json_string(w, NULL, s->grants.at[i]);
    berthi_json_end(w);
    put_limits(w, &s->limits);
}

static void put_end(berthi_json_writer *w, const ff_stage *s)
{
    berthi_json_string(w, "end", s->end);
    berthi_json_array(w, "settings");
    for (uint32_t i = 0; i < s->settings_count; i++) {
        berthi_json_object(w, NULL);
        berthi_json_string(w, "name", s->settings[i].name);
        berthi_json_string(w, "value", s->settings[i].value);
        berthi_json_end(w);
    }
    berthi_json_end(w);
}

static void put_stage(berthi_json_writer *w, const ff_stage *s)
{
    berthi_json_object(w, NULL);
    berthi_json_string(w, "name", s->name);
    berthi_json_string(w, "role", berthi_ff_roles[s->role]);
    if (s->end != NULL)
        put_end(w, s);
    else
        put_plugin(w, s);
    if (s->takes != NULL)
        berthi_json_string(w, "takes", s->takes);
    if (s->gives != NULL)
        berthi_json_string(w, "gives", s->gives);
    berthi_json_string(w, "on_error", berthi_ff_on_errors[s->errors.on_error]);
    berthi_json_uint(w, "retries", s->errors.retries);
    if (s->errors.retry_ns != 0)
        berthi_json_uint(w, "retry_ns", s->errors.retry_ns);
    if (s->errors.retry_ns_max != 0)
        berthi_json_uint(w, "retry_ns_max", s->errors.retry_ns_max);
    if (s->errors.circuit_failures != 0)
        berthi_json_uint(w, "circuit_failures", s->errors.circuit_failures);
    if (s->errors.circuit_ns != 0)
        berthi_json_uint(w, "circuit_ns", s->errors.circuit_ns);
    if (s->emits_max != 0)
        berthi_json_uint(w, "emits", s->emits_max);
    if (s->buffer_bytes != 0)
        berthi_json_uint(w, "buffer_bytes", s->buffer_bytes);
    if (s->lifetime_ns != 0)
        berthi_json_uint(w, "lifetime_ns", s->lifetime_ns);
    berthi_json_end(w);
}

static void put_edge(berthi_json_writer *w, const ff_edge *e)
{
    const ff_queue *q = &e->queue;

    berthi_json_object(w, NULL);
    berthi_json_string(w, "from", e->from);
    berthi_json_string(w, "port", e->port == NULL ? "out" : e->port);
    berthi_json_string(w, "to", e->to);
    berthi_json_string(w, "full", berthi_ff_fulls[q->full]);
    if (q->records_max != 0)
        berthi_json_uint(w, "records", q->records_max);
    if (q->bytes_max != 0)
        berthi_json_uint(w, "bytes", q->bytes_max);
    if (q->low_percent != 0)
        berthi_json_uint(w, "low_percent", q->low_percent);
    if (q->rate != 0)
        berthi_json_uint(w, "rate", q->rate);
    if (q->burst != 0)
        berthi_json_uint(w, "burst", q->burst);
    berthi_json_uint(w, "weight", q->weight == 0 ? 1 : q->weight);
    berthi_json_end(w);
}

static void put_model(berthi_json_writer *w, const ff_model *m)
{
    berthi_json_object(w, NULL);
    berthi_json_string(w, "flow", m->name);
    if (m->description != NULL)
        berthi_json_string(w, "description", m->description);
    berthi_json_string(w, "form", m->is_torvyn ? "torvyn" : "flow");
    berthi_json_uint(w, "weight", m->weight);
    berthi_json_uint(w, "workers", m->workers);
    berthi_json_string(w, "level", berthi_ff_levels[m->level]);
    berthi_json_uint(w, "buffer_bytes", m->buffer_bytes);
    berthi_json_uint(w, "pool_bytes", m->kept_bytes);
    berthi_json_uint(w, "deadline_ns", m->deadline_ns);
    berthi_json_uint(w, "drain_ns", m->drain_ns);
    berthi_json_array(w, "stages");
    for (uint32_t i = 0; i < m->stages_count; i++)
        put_stage(w, &m->stages[i]);
    berthi_json_end(w);
    berthi_json_array(w, "edges");
    for (uint32_t i = 0; i < m->edges_count; i++)
        put_edge(w, &m->edges[i]);
    berthi_json_end(w);
    berthi_json_end(w);
}

berth_status berth_flow_file_json(const berth_flow_file *file, berth_arena *arena,
                                  const char **text_out)
{
    berthi_text_buf out;
    berthi_json_writer w;
    char *copy = NULL;

    berthi_text_buf_init(&out, &file->allocator);
    berthi_json_init(&w, &out);
    put_model(&w, &file->model);
    if (!out.has_failed)
        copy = berth_arena_alloc(arena, out.size + 1);
    if (copy != NULL) {
        memcpy(copy, out.data, out.size + 1);
        *text_out = copy;
    }
    berthi_text_buf_fini(&out);
    return copy == NULL ? BERTH_E_NOMEM : BERTH_OK;
}
