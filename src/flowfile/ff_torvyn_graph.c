/* ff_torvyn_graph.c - nodes and edges of a Torvyn.toml.  Layer: flowfile. */
#include "flowfile/ff_torvyn.h"

#include <stdio.h>

#include "base/utf8.h"

#define KIB  UINT64_C(1024)
#define GIB  (1024 * 1024 * KIB)
#define MS   UINT64_C(1000000)
#define HOUR (3600 * 1000 * MS)

enum {
    WHERE_ROOM = 160,
    SHOWN = 80,
    FUEL_NS = 100, /* a step of a guest takes no longer, on a slow machine and an interpreter */
    RETRIES = 3    /* of "retry" when nothing says how many */
};

static const char *const pressures[] = { "block-producer", "drop-oldest", "drop-newest",
                                         "error",          "block",       NULL };

#define AT(field) offsetof(ff_pressure, field)
static const ff_field pressure_fields[] = {
    { "default_queue_depth", FF_COUNT, false, AT(depth), 1, 65536, NULL },
    { "backpressure_policy", FF_CHOICE, false, AT(policy), 0, 0, pressures },
    { "low_watermark_ratio", FF_RATIO, false, AT(low), 0, 0, NULL },
    { "rate_limit", FF_COUNT, false, AT(rate), 1, 1000000, NULL },
};

static const ff_field edge_fields[] = {
    { "from", FF_OTHER, false, 0, 0, 0, NULL },
    { "to", FF_OTHER, false, 0, 0, 0, NULL },
    { "queue_depth", FF_COUNT, false, AT(depth), 1, 65536, NULL },
    { "backpressure", FF_OTHER, false, 0, 0, 0, NULL },
};
#undef AT

#define AT(field) offsetof(ff_torvyn_node, field)
static const ff_field node_fields[] = {
    { "component", FF_TEXT, true, AT(component), 1, 4096, NULL },
    { "interface", FF_TEXT, true, AT(interface), 1, 256, NULL },
    { "config", FF_TEXT, false, AT(config), 0, 1 << 20, NULL },
    { "fuel_budget", FF_SIZE, false, AT(fuel), 0, 0, NULL },
    { "max_memory", FF_SIZE, false, AT(memory_bytes), 64 * KIB, 4 * GIB, NULL },
    { "priority", FF_COUNT, false, AT(priority), 1, 10, NULL },
    { "timeout_ms", FF_MILLIS, false, AT(timeout_ns), MS, HOUR, NULL },
    { "init_timeout_ms", FF_MILLIS, false, AT(init_ns), MS, HOUR, NULL },
    { "error_policy", FF_CHOICE, false, AT(recovery.error_policy), 0, 0,
      berthi_ff_torvyn_errors },
    { "max_retries", FF_COUNT, false, AT(recovery.retries), 0, 1000, NULL },
    { "retry_backoff_ms", FF_MILLIS, false, AT(recovery.retry_ns), MS, HOUR, NULL },
    { "max_buffer_bytes", FF_SIZE, false, AT(buffer_bytes), 256, 64 * GIB, NULL },
};
#undef AT

/* A table, or as an edge may say it, a word alone. */
void berthi_ff_torvyn_pressure(ff_reader *r, const berthi_toml *table, ff_pressure *pressure)
{
    const berthi_toml *said = berthi_toml_member(table, "backpressure");
    berthi_toml word, only = { .kind = BERTHI_TOML_TABLE, .count = 1 };

    if (said == NULL)
        return;
    if (said->kind == BERTHI_TOML_STRING) {
        word = *said;
        word.name = "backpressure_policy";
        word.name_length = (uint32_t)strlen(word.name);
        word.next = NULL;
        only.at = said->at;
        only.as.in.first = only.as.in.last = &word;
        said = &only;
    }
    berthi_ff_table(r, said, "backpressure", FF_LENIENT, FF_FIELDS(pressure_fields), pressure);
}

/* ---------------------------------------------------------------- nodes */

/* The last word of "torvyn:streaming/processor@0.1.0". */
static uint32_t role_of(ff_reader *r, const berthi_toml *node, const char *interface)
{
    const char *slash = strrchr(interface, '/'), *word = slash == NULL ? interface : slash + 1;
    size_t size = strcspn(word, "@");

    for (uint32_t i = 1; berthi_ff_roles[i] != NULL; i++)
        if (strlen(berthi_ff_roles[i]) == size && memcmp(berthi_ff_roles[i], word, size) == 0)
            return i;
    berthi_ff_wrong(
        r, berthi_ff_at(node, "interface"), "such as \"torvyn:streaming/processor\"",
        "`%.64s` is no interface that a stage has; expected one that ends in source, "
        "processor, filter, router, aggregator or sink",
        interface);
    return 0;
}

static const berthi_toml *find_component(const ff_torvyn *t, const char *name)
{
    const berthi_toml *all = berthi_toml_member(t->root, "component"), *said;

    if (all == NULL || all->kind != BERTHI_TOML_ARRAY)
        return NULL;
    for (const berthi_toml *c = all->as.in.first; c != NULL; c = c->next) {
        said = berthi_toml_member(c, "name");
        if (said != NULL && said->kind == BERTHI_TOML_STRING &&
            strcmp(said->as.string.text, name) == 0)
            return c;
    }
    return NULL;
}

static void wrong_component(ff_reader *r, const berthi_toml *node, const ff_torvyn *t,
                            const char *said)
{
    const berthi_toml *all = berthi_toml_member(t->root, "component");
    const char *names[BERTHI_TOML_MEMBERS_MAX + 1];
    uint32_t count = 0;

    if (all != NULL && all->kind == BERTHI_TOML_ARRAY)
        for (const berthi_toml *c = all->as.in.first; c != NULL; c = c->next) {
            const berthi_toml *name = berthi_toml_member(c, "name");

            if (name != NULL && name->kind == BERTHI_TOML_STRING)
                names[count++] = name->as.string.text;
        }
    names[count] = NULL;
    berthi_ff_wrong(r, berthi_ff_at(node, "component"), berthi_ff_did_you_mean(r, said, names),
                    "there is no component `%.64s`; expected the name of a [[component]], or "
                    "\"file://PATH\"",
                    said);
}

/* Where its artifact is; its own configuration too, when the node has none. */
static const char *path_of(ff_reader *r, const berthi_toml *node, const ff_torvyn *t,
                           ff_torvyn_node *n)
{
    const berthi_toml *c, *path, *config;
    size_t size = strlen(n->component);

    if (strncmp(n->component, "file://", 7) == 0 && size > 7)
        return berthi_ff_path(r, n->component + 7, size - 7);
    if (strncmp(n->component, "oci://", 6) == 0) {
        berthi_ff_wrong(r, berthi_ff_at(node, "component"),
                        "fetch it, and name the file with \"file://PATH\"",
                        "registries are not asked");
        return NULL;
    }
    c = find_component(t, n->component);
    if (c == NULL && size > 5 && strcmp(n->component + size - 5, ".wasm") == 0)
        return berthi_ff_path(r, n->component, size);
    path = c == NULL ? NULL : berthi_toml_member(c, "path");
    if (c == NULL) {
        wrong_component(r, node, t, n->component);
        return NULL;
    }
    config = berthi_toml_member(c, "config");
    if (n->config == NULL && config != NULL && config->kind == BERTHI_TOML_STRING)
        n->config = config->as.string.text;
    if (path == NULL || path->kind != BERTHI_TOML_STRING ||
        !berthi_utf8_is_plain_text(path->as.string.text, path->as.string.length))
        return NULL; /* said where it stands */
    return berthi_ff_path(r, path->as.string.text, path->as.string.length);
}

static void set_errors(const ff_torvyn *t, const ff_recovery *node, ff_errors *errors)
{
    enum { FAIL_FAST, SKIP_ELEMENT, LOG_AND_CONTINUE, RETRY, DEAD };
    ff_recovery from = *node;

    if (from.error_policy == FF_UNSAID)
        from.error_policy = t->recovery.error_policy;
    if (from.retries == FF_UNSAID)
        from.retries = t->recovery.retries;
    if (from.retry_ns == 0)
        from.retry_ns = t->recovery.retry_ns;
    if (from.retries == FF_UNSAID)
        from.retries = from.error_policy == RETRY ? RETRIES : 0;
    errors->retries = from.retries;
    errors->retry_ns = from.retry_ns;
    if (from.error_policy == SKIP_ELEMENT || from.error_policy == LOG_AND_CONTINUE)
        errors->on_error = BERTH_ON_ERROR_SKIP;
    else if (from.error_policy == DEAD)
        errors->on_error = BERTH_ON_ERROR_DEAD_LETTER;
}

/* Fuel bounds how long a call may go on; here time does. */
static uint64_t deadline_of(const ff_torvyn *t, const ff_torvyn_node *n)
{
    uint64_t fuel = n->fuel == UINT64_MAX ? t->fuel : n->fuel;
    uint64_t time_ns = n->timeout_ns != 0 ? n->timeout_ns : t->invocation_ns;
    uint64_t fuel_ns = fuel == 0 || fuel > HOUR / FUEL_NS ? HOUR : fuel * FUEL_NS;

    if (fuel == UINT64_MAX)
        return time_ns;
    if (fuel_ns < 1000)
        fuel_ns = 1000;
    return time_ns != 0 && time_ns < fuel_ns ? time_ns : fuel_ns;
}

static void read_node(ff_reader *r, const berthi_toml *node, const ff_torvyn *t,
                      ff_stage *stage)
{
    ff_torvyn_node n = { .fuel = UINT64_MAX, .recovery = { FF_UNSAID, FF_UNSAID, 0 } };
    char where[WHERE_ROOM];

    stage->table = node;
    stage->name = node->name;
    snprintf(where, sizeof where, "nodes.%.64s", node->name);
    berthi_ff_table(r, node, where, FF_LENIENT, FF_FIELDS(node_fields), &n);
    if (node->kind != BERTHI_TOML_TABLE)
        return;
    if (n.interface != NULL) {
        stage->role = role_of(r, node, n.interface);
        stage->contract = n.interface;
    }
    if (n.component != NULL) {
        stage->plugin = path_of(r, node, t, &n);
        berthi_ff_torvyn_grants(r, t, n.component, stage->name, &stage->grants);
    }
    stage->config_text = n.config;
    stage->limits.deadline_ns = deadline_of(t, &n);
    stage->limits.probe_deadline_ns = n.init_ns != 0 ? n.init_ns : t->init_ns;
    stage->limits.memory_bytes = n.memory_bytes != 0 ? n.memory_bytes : t->memory_bytes;
    stage->buffer_bytes = n.buffer_bytes;
    set_errors(t, &n.recovery, &stage->errors);
}

void berthi_ff_torvyn_nodes(ff_reader *r, const berthi_toml *flow, const ff_torvyn *t,
                            ff_model *model)
{
    const berthi_toml *nodes = berthi_ff_sub(r, flow, "nodes");
    char shown[SHOWN];

    if (nodes == NULL)
        return;
    if (nodes->count > BERTH_FLOW_STAGES_MAX) {
        berthi_ff_wrong(r, nodes, NULL, "there are %u nodes; expected %u at most", nodes->count,
                        BERTH_FLOW_STAGES_MAX);
        return;
    }
    model->stages = berthi_ff_array(r, nodes->count, sizeof *model->stages);
    for (const berthi_toml *m = nodes->as.in.first; m != NULL && !r->has_no_memory; m = m->next)
        if (berthi_ff_is_name(m->name, m->name_length))
            read_node(r, m, t, &model->stages[model->stages_count++]);
        else
            berthi_ff_wrong_key(r, m, "use 1 to 64 letters, digits, `-` and `_`",
                                "`%s` is no name of a node",
                                berthi_utf8_show(shown, sizeof shown, m->name, m->name_length));
}

/* ---------------------------------------------------------------- edges */

/* The producer's priority is its share where several edges lead to one stage. */
static uint32_t edge_weight(const berthi_toml *flow, const ff_torvyn *t, const char *from)
{
    enum { ROUND_ROBIN, WEIGHTED_FAIR, BY_PRIORITY };
    const berthi_toml *nodes = berthi_toml_member(flow, "nodes");
    const berthi_toml *node =
        nodes == NULL || from == NULL ? NULL : berthi_toml_member(nodes, from);
    const berthi_toml *said = node == NULL ? NULL : berthi_toml_member(node, "priority");
    uint64_t priority = t->priority;

    if (said != NULL && (!berthi_toml_unsigned(said, &priority) || priority > 10))
        return 0;
    if (priority == 0 || t->scheduling == ROUND_ROBIN)
        return 0;
    if (t->scheduling == WEIGHTED_FAIR)
        return (uint32_t)priority;
    return priority > 6 ? 64 : 1u << (priority - 1);
}

static void set_queue(const ff_pressure *p, ff_queue *queue)
{
    enum { BLOCK_TOO = 4 };

    queue->records_max = p->depth;
    queue->rate = p->rate;
    if (p->policy != FF_UNSAID)
        queue->full = p->policy == BLOCK_TOO ? BERTH_FULL_BLOCK : p->policy;
    if (p->low != FF_UNSAID)
        queue->low_percent = p->low == 0 ? 1 : p->low > 99 ? 99 : p->low;
}

static bool is_default_port(const char *port)
{
    return port == NULL || strcmp(port, "output") == 0 || strcmp(port, "default") == 0 ||
           strcmp(port, "out") == 0;
}

static void read_edge(ff_reader *r, const berthi_toml *table, const berthi_toml *flow,
                      const ff_torvyn *t, const ff_model *model, ff_edge *edge)
{
    ff_pressure p = t->pressure;
    const char *to_port = NULL, *port = NULL;
    bool is_router = false;

    edge->table = table;
    berthi_ff_table(r, table, "edges", FF_LENIENT, FF_FIELDS(edge_fields), &p);
    if (table->kind != BERTHI_TOML_TABLE)
        return;
    berthi_ff_torvyn_pressure(r, table, &p);
    (void)berthi_ff_endpoint(r, table, "from", &edge->from, &port);
    (void)berthi_ff_endpoint(r, table, "to", &edge->to, &to_port);
    for (uint32_t i = 0; i < model->stages_count && edge->from != NULL; i++)
        if (strcmp(model->stages[i].name, edge->from) == 0)
            is_router = model->stages[i].role == BERTH_ROLE_ROUTER;
    edge->port = !is_router && is_default_port(port) ? NULL : port;
    set_queue(&p, &edge->queue);
    edge->queue.weight = edge_weight(flow, t, edge->from);
}

void berthi_ff_torvyn_edges(ff_reader *r, const berthi_toml *flow, const ff_torvyn *t,
                            ff_model *model)
{
    const berthi_toml *edges = berthi_toml_member(flow, "edges");

    if (edges == NULL)
        return;
    if (edges->kind != BERTHI_TOML_ARRAY || edges->count > BERTH_FLOW_EDGES_MAX) {
        berthi_ff_wrong(r, edges, "write [[flow.NAME.edges]]",
                        "`edges` is no array of up to %u tables", BERTH_FLOW_EDGES_MAX);
        return;
    }
    model->edges = berthi_ff_array(r, edges->count, sizeof *model->edges);
    for (const berthi_toml *m = edges->as.in.first; m != NULL && !r->has_no_memory; m = m->next)
        read_edge(r, m, flow, t, model, &model->edges[model->edges_count++]);
}
