/* ff_flow.c - flow.toml.  docs/flow-toml.md is its reference; tests compare the keys of both.  Layer: flowfile. */
#include "flowfile/flow_file.h"

#include <stdio.h>

#include "base/decimal.h"
#include "base/json_writer.h"
#include "base/utf8.h"
#include "flow/guest.h"

#define KIB    UINT64_C(1024)
#define MIB    (1024 * KIB)
#define GIB    (1024 * MIB)
#define US     UINT64_C(1000)
#define SECOND UINT64_C(1000000000)
#define HOUR   (3600 * SECOND)

enum { WHERE_ROOM = 80, SHOWN = 64, RECORDS_DEFAULT = 256 };

static const char *const policies[] = { "", "reuse", "fresh", NULL };

static const ff_field root_fields[] = {
    { "flow", FF_OTHER, false, 0, 0, 0, NULL },
    { "defaults", FF_OTHER, false, 0, 0, 0, NULL },
    { "stage", FF_OTHER, true, 0, 0, 0, NULL },
    { "edge", FF_OTHER, true, 0, 0, 0, NULL },
};

#define AT(field) offsetof(ff_model, field)
static const ff_field flow_fields[] = {
    { "name", FF_NAME, false, AT(name), 0, 0, NULL },
    { "description", FF_TEXT, false, AT(description), 0, 0, NULL },
    { "weight", FF_COUNT, false, AT(weight), 1, 64, NULL },
    { "workers", FF_COUNT, false, AT(workers), 1, 64, NULL },
    { "buffers", FF_SIZE, false, AT(buffer_bytes), 4 * KIB, 64 * GIB, NULL },
    { "pool", FF_SIZE, false, AT(kept_bytes), 1, 64 * GIB, NULL },
    { "deadline", FF_TIME, false, AT(deadline_ns), US, 1000 * HOUR, NULL },
    { "drain", FF_TIME, false, AT(drain_ns), US, HOUR, NULL },
    { "level", FF_CHOICE, false, AT(level), 0, 0, berthi_ff_levels },
};
#undef AT

#define AT(field) offsetof(ff_stage, field)
#define COMMON_FIELDS                                                                           \
    { "policy", FF_CHOICE, false, AT(policy), 0, 0, policies },                                 \
        { "limits", FF_OTHER, false, 0, 0, 0, NULL },                                           \
        { "on-error", FF_CHOICE, false, AT(errors.on_error), 0, 0, berthi_ff_on_errors },       \
        { "retries", FF_COUNT, false, AT(errors.retries), 0, 1000, NULL },                      \
        { "retry", FF_TIME, false, AT(errors.retry_ns), US, HOUR, NULL },                       \
        { "retry-max", FF_TIME, false, AT(errors.retry_ns_max), US, HOUR, NULL },               \
        { "circuit-failures", FF_COUNT, false, AT(errors.circuit_failures), 0, 1000000, NULL }, \
        { "circuit", FF_TIME, false, AT(errors.circuit_ns), US, HOUR, NULL },                   \
        { "emits", FF_COUNT, false, AT(emits_max), 1, 65536, NULL },                            \
    {                                                                                           \
        "buffers", FF_SIZE, false, AT(buffer_bytes), 256, 64 * GIB, NULL                        \
    }

static const ff_field default_stage_fields[] = { COMMON_FIELDS };

static const ff_field stage_fields[] = {
    { "role", FF_CHOICE, false, AT(role), 0, 0, berthi_ff_roles },
    { "end", FF_NAME, false, AT(end), 0, 0, NULL },
    { "plugin", FF_PATH, false, AT(plugin), 1, 4096, NULL },
    { "bundle", FF_PATH, false, AT(bundle), 1, 4096, NULL },
    { "hook", FF_TEXT, false, AT(hook), 1, 64, NULL },
    { "contract", FF_TEXT, false, AT(contract), 1, 256, NULL },
    { "takes", FF_TEXT, false, AT(takes), 1, 64, NULL },
    { "gives", FF_TEXT, false, AT(gives), 1, 64, NULL },
    { "config", FF_OTHER, false, 0, 0, 0, NULL },
    { "grants", FF_TEXTS, false, AT(grants), 0, 0, NULL },
    { "lifetime", FF_TIME, false, AT(lifetime_ns), US, 1000 * HOUR, NULL },
    COMMON_FIELDS,
};
#undef AT

#define AT(field) offsetof(ff_limits, field)
static const ff_field limits_fields[] = {
    { "deadline", FF_TIME, false, AT(deadline_ns), US, HOUR, NULL },
    { "probe-deadline", FF_TIME, false, AT(probe_deadline_ns), US, HOUR, NULL },
    { "memory", FF_SIZE, false, AT(memory_bytes), 64 * KIB, 4 * GIB, NULL },
    { "output", FF_SIZE, false, AT(output_bytes), 1, 4 * GIB - 1, NULL },
    { "calls", FF_COUNT, false, AT(calls_max), 1, 4096, NULL },
    { "instances", FF_COUNT, false, AT(instances_max), 1, 4096, NULL },
};
#undef AT

#define AT(field) offsetof(ff_queue, field)
#define QUEUE_FIELDS                                                                           \
    { "records", FF_COUNT, false, AT(records_max), 1, 65536, NULL },                           \
        { "bytes", FF_SIZE, false, AT(bytes_max), 1, 64 * GIB, NULL },                         \
        { "low", FF_COUNT, false, AT(low_percent), 1, 99, NULL },                              \
        { "full", FF_CHOICE, false, AT(full), 0, 0, berthi_ff_fulls },                         \
        { "rate", FF_COUNT, false, AT(rate), 1, 1000000, NULL },                               \
        { "burst", FF_COUNT, false, AT(burst), 1, 1000000, NULL },                             \
    {                                                                                          \
        "weight", FF_COUNT, false, AT(weight), 1, 64, NULL                                     \
    }

static const ff_field default_edge_fields[] = { QUEUE_FIELDS };
static const ff_field edge_fields[] = {
    { "from", FF_OTHER, false, 0, 0, 0, NULL },
    { "to", FF_OTHER, false, 0, 0, 0, NULL },
    QUEUE_FIELDS,
};
#undef AT

/* ---------------------------------------------------------------- configuration */

static const char *setting_text(ff_reader *r, const berthi_toml *value)
{
    char number[BERTHI_DECIMAL_ROOM];

    switch ((berthi_toml_kind)value->kind) {
    case BERTHI_TOML_STRING:
        if (memchr(value->as.string.text, '\0', value->as.string.length) != NULL)
            break;
        return berthi_ff_copy(r, value->as.string.text, value->as.string.length);
    case BERTHI_TOML_INTEGER:
        return value->is_wide
                   ? berthi_ff_print(r, "%llu", (unsigned long long)value->as.integer)
                   : berthi_ff_print(r, "%lld", (long long)value->as.integer);
    case BERTHI_TOML_FLOAT:
        return berthi_ff_copy(r, number, berthi_decimal_write_f64(number, value->as.number));
    case BERTHI_TOML_BOOL:
        return value->as.boolean ? "true" : "false";
    default:
        break;
    }
    berthi_ff_wrong(r, value, NULL,
                    "a setting is %s; expected text, a number, or true or false",
                    value->kind == BERTHI_TOML_STRING
                        ? "a text with a NUL"
                        : berthi_toml_kind_name((berthi_toml_kind)value->kind));
    return NULL;
}

void berthi_ff_settings(ff_reader *r, const berthi_toml *table, ff_stage *stage)
{
    uint32_t room = 0;

    for (const berthi_toml *m = table->as.in.first; m != NULL; m = m->next)
        room += m->kind == BERTHI_TOML_ARRAY ? m->count : 1;
    stage->settings = berthi_ff_array(r, room, sizeof *stage->settings);
    for (const berthi_toml *m = table->as.in.first; m != NULL && !r->has_no_memory;
         m = m->next) {
        bool is_list = m->kind == BERTHI_TOML_ARRAY;

        for (const berthi_toml *v = is_list ? m->as.in.first : m; v != NULL;
             v = is_list ? v->next : NULL) {
            const char *text = setting_text(r, v);

            if (text != NULL)
                stage->settings[stage->settings_count++] = (berth_setting){ m->name, text };
        }
    }
}

static void put_integer(ff_reader *r, berthi_json_writer *w, const berthi_toml *value)
{
    const char *text = setting_text(r, value);

    if (text != NULL)
        berthi_json_number(w, value->name, text);
}

static void put_json(ff_reader *r, berthi_json_writer *w, const berthi_toml *value)
{
    char number[BERTHI_DECIMAL_ROOM];

    switch ((berthi_toml_kind)value->kind) {
    case BERTHI_TOML_STRING:
        berthi_json_text(w, value->name, value->as.string.text, value->as.string.length);
        return;
    case BERTHI_TOML_BOOL:
        berthi_json_bool(w, value->name, value->as.boolean);
        return;
    case BERTHI_TOML_INTEGER:
        if (value->is_wide)
            berthi_json_uint(w, value->name, (uint64_t)value->as.integer);
        else
            put_integer(r, w, value);
        return;
    case BERTHI_TOML_FLOAT:
        berthi_decimal_write_f64(number, value->as.number);
        if (number[0] == '-' || (number[0] >= '0' && number[0] <= '9')) {
            if (strcmp(number, "-inf") != 0) {
                berthi_json_number(w, value->name, number);
                return;
            }
        }
        break;
    default:
        break;
    }
    berthi_ff_wrong(r, value, "write the configuration as a text",
                    "%s cannot be put into a configuration",
                    value->kind == BERTHI_TOML_FLOAT
                        ? "a number that is none"
                        : berthi_toml_kind_name((berthi_toml_kind)value->kind));
}

/* Tables and arrays are entered on a stack of ours. */
const char *berthi_ff_json_of(ff_reader *r, const berthi_toml *table)
{
    const berthi_toml *levels[BERTHI_JSON_DEPTH_MAX], *at = table->as.in.first;
    unsigned open = 0;
    berthi_json_writer w;
    berthi_text_buf out;
    const char *copy;

    berthi_text_buf_init(&out, r->arena->allocator);
    berthi_json_init(&w, &out);
    berthi_json_object(&w, NULL);
    for (;;) {
        while (at == NULL && open > 0) {
            berthi_json_end(&w);
            at = levels[--open]->next;
        }
        if (at == NULL)
            break;
        if (at->kind != BERTHI_TOML_TABLE && at->kind != BERTHI_TOML_ARRAY) {
            put_json(r, &w, at);
            at = at->next;
        } else if (open + 2 > BERTHI_JSON_DEPTH_MAX - 1) {
            berthi_ff_wrong(r, at, NULL, "a configuration has too many tables in each other");
            at = at->next;
        } else {
            if (at->kind == BERTHI_TOML_TABLE)
                berthi_json_object(&w, at->name);
            else
                berthi_json_array(&w, at->name);
            levels[open++] = at;
            at = at->as.in.first;
        }
    }
    berthi_json_end(&w);
    r->has_no_memory |= out.has_failed;
    copy = out.data == NULL ? NULL : berthi_ff_copy(r, out.data, out.size);
    berthi_text_buf_fini(&out);
    return copy;
}

static void read_config(ff_reader *r, const berthi_toml *table, ff_stage *stage)
{
    const berthi_toml *config = berthi_toml_member(table, "config");

    if (config == NULL)
        return;
    if (config->kind == BERTHI_TOML_TABLE && stage->end != NULL) {
        berthi_ff_settings(r, config, stage);
    } else if (config->kind == BERTHI_TOML_TABLE) {
        stage->config_text = berthi_ff_json_of(r, config);
    } else if (config->kind == BERTHI_TOML_STRING && stage->end == NULL) {
        if (berthi_utf8_is_valid(config->as.string.text, config->as.string.length) &&
            memchr(config->as.string.text, '\0', config->as.string.length) == NULL)
            stage->config_text =
                berthi_ff_copy(r, config->as.string.text, config->as.string.length);
        else
            berthi_ff_wrong(r, config, NULL, "a configuration is no text");
    } else {
        berthi_ff_wrong(r, config, NULL, "`config` is %s; expected a table%s",
                        berthi_toml_kind_name((berthi_toml_kind)config->kind),
                        stage->end == NULL ? ", or a text for the plugin" : "");
    }
}

/* ---------------------------------------------------------------- stages */

static void read_limits(ff_reader *r, const berthi_toml *table, const char *where,
                        ff_limits *limits)
{
    const berthi_toml *sub = berthi_ff_sub(r, table, "limits");
    char name[WHERE_ROOM + 8];

    snprintf(name, sizeof name, "%s.limits", where);
    if (sub != NULL)
        berthi_ff_table(r, sub, name, FF_STRICT, FF_FIELDS(limits_fields), limits);
}

/* What a stage is: one of three, and what goes with it. */
static void check_what(ff_reader *r, const ff_stage *s)
{
    unsigned kinds = (s->end != NULL ? 1u : 0u) + (s->plugin != NULL ? 1u : 0u) +
                     (s->bundle != NULL ? 1u : 0u);
    const berthi_toml *t = s->table;
    static const char *const plugins_only[] = { "hook", "contract", "grants", "limits",
                                                "policy" };

    if (kinds == 0)
        berthi_ff_wrong_key(r, t, "give it `end`, `plugin` or `bundle`",
                            "stage `%s` is nothing", s->name);
    if (kinds > 1)
        berthi_ff_wrong_key(r, t, "give it one of `end`, `plugin` and `bundle`",
                            "stage `%s` is several things", s->name);
    for (size_t i = 0; i < sizeof plugins_only / sizeof *plugins_only; i++) {
        const berthi_toml *key = berthi_toml_member(t, plugins_only[i]);

        if (s->end != NULL && kinds == 1 && key != NULL)
            berthi_ff_wrong_key(r, key, NULL, "`%s` is for plugins, and stage `%s` is an end",
                                plugins_only[i], s->name);
    }
    if (s->hook != NULL && s->contract != NULL)
        berthi_ff_wrong_key(r, berthi_ff_at(t, "contract"), "give it one of both",
                            "stage `%s` has a hook and a contract", s->name);
    if (s->contract != NULL && s->role != 0 && s->hook == NULL &&
        !berthi_guest_knows(s->role, s->contract))
        berthi_ff_wrong(r, berthi_ff_at(t, "contract"), "docs/flows.md has those of each role",
                        "`%.64s` is no contract of a %s", s->contract,
                        berthi_ff_roles[s->role]);
    if (s->hook != NULL && s->config_text != NULL)
        berthi_ff_warn(r, berthi_ff_at(t, "config"), NULL,
                       "a hook has no configuration; that of stage `%s` means nothing",
                       s->name);
    if (s->end == NULL && kinds == 1 && s->role == 0)
        berthi_ff_wrong_key(r, t,
                            "role = \"processor\", \"filter\", \"router\", \"aggregator\", ...",
                            "stage `%s` has no role", s->name);
    if (s->lifetime_ns != 0 && s->role != BERTH_ROLE_SOURCE && s->role != 0)
        berthi_ff_wrong_key(r, berthi_ff_at(t, "lifetime"), NULL,
                            "`lifetime` is for sources, and stage `%s` is a %s", s->name,
                            berthi_ff_roles[s->role]);
}

static void read_stage(ff_reader *r, const berthi_toml *table, const ff_stage *defaults,
                       ff_stage *stage)
{
    char where[WHERE_ROOM];

    *stage = *defaults;
    stage->table = table;
    stage->name = table->name;
    snprintf(where, sizeof where, "stage.%s", table->name);
    if (table->kind != BERTHI_TOML_TABLE) {
        berthi_ff_wrong(r, table, NULL, "`%s` is %s; expected a table", where,
                        berthi_toml_kind_name((berthi_toml_kind)table->kind));
        return;
    }
    berthi_ff_table(r, table, where, FF_STRICT, FF_FIELDS(stage_fields), stage);
    read_limits(r, table, where, &stage->limits);
    read_config(r, table, stage);
    check_what(r, stage);
}

static void read_stages(ff_reader *r, const berthi_toml *root, const ff_stage *defaults,
                        ff_model *model)
{
    const berthi_toml *stages = berthi_ff_sub(r, root, "stage");
    char shown[SHOWN];

    if (stages == NULL)
        return;
    if (stages->count > BERTH_FLOW_STAGES_MAX) {
        berthi_ff_wrong(r, stages, NULL, "there are %u stages; expected %u at most",
                        stages->count, BERTH_FLOW_STAGES_MAX);
        return;
    }
    model->stages = berthi_ff_array(r, stages->count, sizeof *model->stages);
    for (const berthi_toml *m = stages->as.in.first; m != NULL && !r->has_no_memory;
         m = m->next) {
        if (!berthi_ff_is_name(m->name, m->name_length))
            berthi_ff_wrong_key(r, m, "use 1 to 64 letters, digits, `-` and `_`",
                                "`%s` is no name of a stage",
                                berthi_utf8_show(shown, sizeof shown, m->name, m->name_length));
        else
            read_stage(r, m, defaults, &model->stages[model->stages_count++]);
    }
}

/* ---------------------------------------------------------------- edges */

static void check_queue(ff_reader *r, const berthi_toml *table, const ff_queue *queue)
{
    if (queue->burst != 0 && queue->rate == 0)
        berthi_ff_wrong_key(r, berthi_ff_at(table, "burst"), "give it a `rate`",
                            "an edge has a burst only with a rate");
}

static void read_edge(ff_reader *r, const berthi_toml *table, const ff_queue *defaults,
                      bool is_full_default, ff_edge *edge)
{
    const char *to_port = NULL;

    edge->table = table;
    edge->queue = *defaults;
    berthi_ff_table(r, table, "edge", FF_STRICT, FF_FIELDS(edge_fields), &edge->queue);
    if (table->kind != BERTHI_TOML_TABLE)
        return;
    check_queue(r, table, &edge->queue);
    if (edge->queue.records_max == 0 && (is_full_default || berthi_toml_member(table, "full")))
        edge->queue.records_max = RECORDS_DEFAULT; /* `block` is 0, as nothing is */
    (void)berthi_ff_endpoint(r, table, "from", &edge->from, &edge->port);
    (void)berthi_ff_endpoint(r, table, "to", &edge->to, &to_port);
    if (to_port != NULL && strcmp(to_port, "in") != 0)
        berthi_ff_wrong(r, berthi_ff_at(table, "to"), "leave the port out",
                        "stages have one port for what comes in, and it is `in`");
}

static void read_edges(ff_reader *r, const berthi_toml *root, const ff_queue *defaults,
                       ff_model *model)
{
    const berthi_toml *edges = berthi_toml_member(root, "edge");
    const berthi_toml *all = berthi_toml_member(root, "defaults");
    bool is_full_default = false;

    if (edges == NULL)
        return;
    if (edges->kind != BERTHI_TOML_ARRAY || edges->count > BERTH_FLOW_EDGES_MAX) {
        berthi_ff_wrong(r, edges, "write [[edge]]", "`edge` is no array of up to %u tables",
                        BERTH_FLOW_EDGES_MAX);
        return;
    }
    all = all == NULL ? NULL : berthi_toml_member(all, "edge");
    is_full_default = all != NULL && berthi_toml_member(all, "full") != NULL;
    model->edges = berthi_ff_array(r, edges->count, sizeof *model->edges);
    for (const berthi_toml *m = edges->as.in.first; m != NULL && !r->has_no_memory; m = m->next)
        read_edge(r, m, defaults, is_full_default, &model->edges[model->edges_count++]);
}

/* ---------------------------------------------------------------- the whole */

static void read_defaults(ff_reader *r, const berthi_toml *root, ff_stage *stage,
                          ff_queue *queue)
{
    static const ff_field fields[] = { { "stage", FF_OTHER, false, 0, 0, 0, NULL },
                                       { "edge", FF_OTHER, false, 0, 0, 0, NULL } };
    const berthi_toml *defaults = berthi_ff_sub(r, root, "defaults"), *part;

    if (defaults == NULL)
        return;
    berthi_ff_table(r, defaults, "defaults", FF_STRICT, FF_FIELDS(fields), stage);
    part = berthi_ff_sub(r, defaults, "stage");
    if (part != NULL) {
        berthi_ff_table(r, part, "defaults.stage", FF_STRICT, FF_FIELDS(default_stage_fields),
                        stage);
        read_limits(r, part, "defaults.stage", &stage->limits);
    }
    part = berthi_ff_sub(r, defaults, "edge");
    if (part != NULL) {
        berthi_ff_table(r, part, "defaults.edge", FF_STRICT, FF_FIELDS(default_edge_fields),
                        queue);
        check_queue(r, part, queue);
    }
}

void berthi_ff_flow(ff_reader *r, const berthi_toml *root, ff_model *model)
{
    const berthi_toml *flow = berthi_ff_sub(r, root, "flow");
    ff_stage stage = { 0 };
    ff_queue queue = { 0 };

    berthi_ff_table(r, root, "the file", FF_STRICT, FF_FIELDS(root_fields), model);
    if (flow != NULL)
        berthi_ff_table(r, flow, "flow", FF_STRICT, FF_FIELDS(flow_fields), model);
    read_defaults(r, root, &stage, &queue);
    read_stages(r, root, &stage, model);
    read_edges(r, root, &queue, model);
}

/* ---------------------------------------------------------------- ends */

/* The setting that a message is about, or the table of all. */
static const berthi_toml *setting_named(const ff_stage *s, const char *message)
{
    const berthi_toml *config = berthi_toml_member(s->table, "config");
    const char *quote, *end;

    if (config == NULL || config->kind != BERTHI_TOML_TABLE)
        return berthi_ff_at(s->table, "end");
    for (const berthi_toml *m = config->as.in.first; m != NULL; m = m->next)
        for (quote = message; (quote = strpbrk(quote, "`'")) != NULL; quote++) {
            end = strpbrk(quote + 1, "`'");
            if (end != NULL && (size_t)(end - quote - 1) == m->name_length &&
                memcmp(quote + 1, m->name, m->name_length) == 0)
                return m;
        }
    return config;
}

void berthi_ff_check_ends(ff_reader *r, const ff_model *model)
{
    for (uint32_t i = 0; i < model->stages_count && !r->has_no_memory; i++) {
        const ff_stage *s = &model->stages[i];
        berth_diag diag = { 0 };
        berth_status status;

        if (s->end == NULL || s->role == 0)
            continue;
        status = berth_end_check(s->end, s->role, s->settings, s->settings_count, &diag);
        if (status == BERTH_E_NOMEM)
            r->has_no_memory = true;
        else if (status == BERTH_E_ABSENT)
            berthi_ff_wrong(r, berthi_ff_at(s->table, "end"), NULL, "stage `%s`: %s", s->name,
                            diag.text);
        else if (status != BERTH_OK)
            berthi_ff_wrong_key(r, setting_named(s, diag.text), "docs/ends.md has the settings",
                                "stage `%s`: %s", s->name, diag.text);
    }
}
