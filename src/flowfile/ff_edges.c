/* ff_edges.c - from which port of which stage an edge leads to which.  Layer: flowfile. */
#include "flowfile/flow_file.h"

#include "base/utf8.h"

enum { SHOWN = 80, PORT_MAX = 64 };

static bool is_port(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] < 0x21 || text[i] > 0x7e)
            return false;
    return size >= 1 && size <= PORT_MAX;
}

/* "stage", or "stage:port". */
static bool read_text(ff_reader *r, const berthi_toml *value, const char **stage_out,
                      const char **port_out)
{
    const char *text = value->as.string.text;
    size_t size = value->as.string.length, name;
    const char *colon = memchr(text, ':', size);
    char shown[SHOWN];

    name = colon == NULL ? size : (size_t)(colon - text);
    if (!berthi_ff_is_name(text, name) ||
        (colon != NULL && !is_port(colon + 1, size - name - 1))) {
        berthi_ff_wrong(r, value, NULL,
                        "`%s` is no end of an edge; expected \"STAGE\" or \"STAGE:PORT\"",
                        berthi_utf8_show(shown, sizeof shown, text, size));
        return false;
    }
    *stage_out = berthi_ff_copy(r, text, name);
    *port_out = colon == NULL ? NULL : berthi_ff_copy(r, colon + 1, size - name - 1);
    return *stage_out != NULL;
}

typedef struct endpoint {
    const char *node, *port;
} endpoint;

static const ff_field endpoint_fields[] = {
    { "node", FF_NAME, true, offsetof(endpoint, node), 0, 0, NULL },
    { "port", FF_TEXT, false, offsetof(endpoint, port), 1, PORT_MAX, NULL },
};

bool berthi_ff_endpoint(ff_reader *r, const berthi_toml *table, const char *key,
                        const char **stage_out, const char **port_out)
{
    const berthi_toml *value = berthi_toml_member(table, key);
    endpoint end = { NULL, NULL };

    if (value == NULL) {
        berthi_ff_wrong(r, table, NULL, "an edge has no `%s`", key);
        return false;
    }
    if (value->kind == BERTHI_TOML_STRING)
        return read_text(r, value, stage_out, port_out);
    if (value->kind != BERTHI_TOML_TABLE) {
        berthi_ff_wrong(r, value, NULL,
                        "`%s` is %s; expected \"STAGE:PORT\" or { node = , port = }", key,
                        berthi_toml_kind_name((berthi_toml_kind)value->kind));
        return false;
    }
    berthi_ff_table(r, value, key, FF_STRICT, FF_FIELDS(endpoint_fields), &end);
    if (end.port != NULL && !is_port(end.port, strlen(end.port))) {
        berthi_ff_wrong(r, berthi_ff_at(value, "port"), NULL,
                        "`%.64s` is no port; expected 1 to 64 characters without blanks",
                        end.port);
        return false;
    }
    *stage_out = end.node;
    *port_out = end.port;
    return end.node != NULL;
}

static uint32_t find_stage(ff_reader *r, const ff_model *model, const ff_edge *edge,
                           const char *name, const char *key)
{
    const char *names[BERTH_FLOW_STAGES_MAX + 1];

    if (name == NULL)
        return FF_NONE;
    for (uint32_t i = 0; i < model->stages_count; i++)
        if (strcmp(model->stages[i].name, name) == 0)
            return i;
    for (uint32_t i = 0; i < model->stages_count; i++)
        names[i] = model->stages[i].name;
    names[model->stages_count] = NULL;
    berthi_ff_wrong(r, berthi_ff_at(edge->table, key), berthi_ff_did_you_mean(r, name, names),
                    "there is no stage `%s`", name);
    return FF_NONE;
}

/* An end is a source or a sink by the edges that it has. */
static void find_role(ff_reader *r, const ff_model *model, uint32_t at)
{
    ff_stage *stage = &model->stages[at];
    bool gives = false, takes = false;

    for (uint32_t i = 0; i < model->edges_count; i++) {
        if (model->edges[i].from_stage == FF_NONE || model->edges[i].to_stage == FF_NONE)
            return; /* said already, and perhaps the one that is missed here */
        gives |= model->edges[i].from_stage == at;
        takes |= model->edges[i].to_stage == at;
    }
    if (gives != takes)
        stage->role = gives ? BERTH_ROLE_SOURCE : BERTH_ROLE_SINK;
    else
        berthi_ff_wrong_key(r, stage->table,
                            "an edge from it makes it a source, one to it a sink",
                            "nobody knows whether `%s` is a source or a sink", stage->name);
}

void berthi_ff_join(ff_reader *r, ff_model *model)
{
    for (uint32_t i = 0; i < model->edges_count && !r->has_no_memory; i++) {
        ff_edge *edge = &model->edges[i];

        edge->from_stage = find_stage(r, model, edge, edge->from, "from");
        edge->to_stage = find_stage(r, model, edge, edge->to, "to");
    }
    for (uint32_t i = 0; i < model->stages_count && !r->has_no_memory; i++)
        if (model->stages[i].role == 0 && model->stages[i].end != NULL)
            find_role(r, model, i);
}
