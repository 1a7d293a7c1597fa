/* ff_torvyn.c - Torvyn.toml: the flows of another system, by what their keys mean there.  Layer: flowfile.
 *
 * Its documentation describes keys that its own program does not read; they are read here.  What each of them comes to
 * is in docs/flow-toml.md.  A key that means nothing to a flow is told as a warning; wrong is what cannot be read, or
 * would not be done. */
#include "flowfile/ff_torvyn.h"

#include <stdio.h>

#define KIB  UINT64_C(1024)
#define MIB  (1024 * KIB)
#define GIB  (1024 * MIB)
#define MS   UINT64_C(1000000)
#define HOUR (3600 * 1000 * MS)

enum { WHERE_ROOM = 160 };

static const char *const languages[] = { "rust", "go", "python", "zig", NULL };
static const char *const schedulings[] = { "round-robin", "weighted-fair", "priority", NULL };
static const char *const tracers[] = {
    "stdout", "otlp-grpc", "otlp-http", "file", "none", NULL
};
static const char *const meters[] = { "none", "prometheus", "otlp", NULL };
static const char *const capability_policies[] = { "deny-all", "allow-all", NULL };
static const char *const exhaustions[] = { "fallback-alloc", "error", NULL };
const char *const berthi_ff_torvyn_errors[] = { "fail-fast", "skip-element", "log-and-continue",
                                                "retry",     "dead-letter",  NULL };

static const ff_field root_fields[] = {
    { "torvyn", FF_OTHER, true, 0, 0, 0, NULL },
    { "component", FF_OTHER, false, 0, 0, 0, NULL },
    { "flow", FF_OTHER, true, 0, 0, 0, NULL },
    { "runtime", FF_OTHER, false, 0, 0, 0, NULL },
    { "security", FF_OTHER, false, 0, 0, 0, NULL },
    { "observability", FF_OTHER, false, 0, 0, 0, NULL },
    { "capabilities", FF_OTHER, false, 0, 0, 0, NULL },
    { "build", FF_OTHER, false, 0, 0, 0, NULL },
    { "test", FF_OTHER, false, 0, 0, 0, NULL },
    { "registry", FF_OTHER, false, 0, 0, 0, NULL },
};

#define AT(field) offsetof(ff_torvyn, field)
static const ff_field torvyn_fields[] = {
    { "name", FF_NAME, true, AT(name), 0, 0, NULL },
    { "version", FF_VERSION, true, AT(version), 0, 0, NULL },
    { "contract_version", FF_VERSION, true, AT(contract_version), 0, 0, NULL },
    { "description", FF_TEXT, false, AT(text), 0, 0, NULL },
    { "authors", FF_OTHER, false, 0, 0, 0, NULL },
    { "license", FF_TEXT, false, AT(text), 0, 0, NULL },
    { "repository", FF_TEXT, false, AT(text), 0, 0, NULL },
};

static const ff_field runtime_fields[] = {
    { "worker_threads", FF_COUNT, false, AT(workers), 0, 64, NULL },
    { "max_memory_per_component", FF_SIZE, false, AT(memory_bytes), 64 * KIB, 4 * GIB, NULL },
    { "default_fuel_per_invocation", FF_SIZE, false, AT(fuel), 0, 0, NULL },
    { "compilation_cache_dir", FF_TEXT, false, AT(text), 0, 0, NULL },
    { "component_init_timeout_ms", FF_MILLIS, false, AT(init_ns), MS, HOUR, NULL },
    { "component_teardown_timeout_ms", FF_MILLIS, false, AT(ignored64), MS, HOUR, NULL },
    { "component_invocation_timeout_ms", FF_MILLIS, false, AT(invocation_ns), MS, HOUR, NULL },
    { "drain_timeout_ms", FF_MILLIS, false, AT(drain_ns), MS, HOUR, NULL },
    { "error_policy", FF_CHOICE, false, AT(recovery.error_policy), 0, 0,
      berthi_ff_torvyn_errors },
    { "max_retries", FF_COUNT, false, AT(recovery.retries), 0, 1000, NULL },
    { "retry_backoff_ms", FF_MILLIS, false, AT(recovery.retry_ns), MS, HOUR, NULL },
    { "scheduling", FF_OTHER, false, 0, 0, 0, NULL },
    { "backpressure", FF_OTHER, false, 0, 0, 0, NULL },
    { "pools", FF_OTHER, false, 0, 0, 0, NULL },
};

static const ff_field scheduling_fields[] = {
    { "policy", FF_CHOICE, false, AT(scheduling), 0, 0, schedulings },
    { "default_priority", FF_COUNT, false, AT(priority), 1, 10, NULL },
};

static const ff_field pool_fields[] = {
    { "small_pool_size", FF_COUNT, false, AT(pools[0]), 0, 1 << 20, NULL },
    { "medium_pool_size", FF_COUNT, false, AT(pools[1]), 0, 1 << 20, NULL },
    { "large_pool_size", FF_COUNT, false, AT(pools[2]), 0, 1 << 16, NULL },
    { "huge_pool_size", FF_COUNT, false, AT(pools[3]), 0, 1 << 12, NULL },
    { "exhaustion_policy", FF_CHOICE, false, AT(exhaustion), 0, 0, exhaustions },
};

static const ff_field observability_fields[] = {
    { "level", FF_CHOICE, false, AT(level), 0, 0, berthi_ff_levels },
    { "tracing_enabled", FF_BOOL, false, AT(traces), 0, 0, NULL },
    { "tracing_exporter", FF_CHOICE, false, AT(tracer), 0, 0, tracers },
    { "tracing_endpoint", FF_TEXT, false, AT(text), 0, 0, NULL },
    { "tracing_sample_rate", FF_RATIO, false, AT(ignored), 0, 0, NULL },
    { "sample_rate", FF_RATIO, false, AT(ignored), 0, 0, NULL },
    { "error_promote", FF_BOOL, false, AT(ignored), 0, 0, NULL },
    { "latency_promote_threshold_ms", FF_MILLIS, false, AT(ignored64), 0, HOUR, NULL },
    { "metrics_enabled", FF_BOOL, false, AT(measures), 0, 0, NULL },
    { "metrics_exporter", FF_CHOICE, false, AT(meter), 0, 0, meters },
    { "metrics_endpoint", FF_TEXT, false, AT(text), 0, 0, NULL },
    { "prometheus_enabled", FF_BOOL, false, AT(ignored), 0, 0, NULL },
    { "otlp_metrics_enabled", FF_BOOL, false, AT(otlp_metrics), 0, 0, NULL },
    { "otlp_metrics_interval_s", FF_COUNT, false, AT(ignored), 1, 3600, NULL },
    { "ring_buffer_capacity", FF_COUNT, false, AT(ignored), 8, 1 << 20, NULL },
};

static const ff_field security_fields[] = {
    { "default_capability_policy", FF_CHOICE, false, AT(capability_policy), 0, 0,
      capability_policies },
    { "grants", FF_OTHER, false, 0, 0, 0, NULL },
    { "audit_enabled", FF_BOOL, false, AT(ignored), 0, 0, NULL },
    { "audit_target", FF_TEXT, false, AT(text), 0, 0, NULL },
};
#undef AT

typedef struct component {
    const char *name, *path, *build_command, *config;
    uint32_t language;
} component;

#define AT(field) offsetof(component, field)
static const ff_field component_fields[] = {
    { "name", FF_NAME, true, AT(name), 0, 0, NULL },
    { "path", FF_TEXT, true, AT(path), 1, 4096, NULL },
    { "language", FF_CHOICE, false, AT(language), 0, 0, languages },
    { "build_command", FF_TEXT, false, AT(build_command), 0, 0, NULL },
    { "config", FF_TEXT, false, AT(config), 0, 1 << 20, NULL },
};
#undef AT

typedef struct flow_table {
    const char *description;
    uint32_t priority, scheduling;
    uint64_t deadline_ns, drain_ns;
    ff_pressure pressure;
    ff_recovery recovery;
} flow_table;

#define AT(field) offsetof(flow_table, field)
static const ff_field flow_fields[] = {
    { "description", FF_TEXT, false, AT(description), 0, 0, NULL },
    { "scheduling_policy", FF_CHOICE, false, AT(scheduling), 0, 0, schedulings },
    { "default_queue_depth", FF_COUNT, false, AT(pressure.depth), 1, 65536, NULL },
    { "backpressure", FF_OTHER, false, 0, 0, 0, NULL },
    { "nodes", FF_OTHER, true, 0, 0, 0, NULL },
    { "edges", FF_OTHER, true, 0, 0, 0, NULL },
    { "priority", FF_COUNT, false, AT(priority), 1, 10, NULL },
    { "deadline_ms", FF_MILLIS, false, AT(deadline_ns), MS, 1000 * HOUR, NULL },
    { "drain_timeout_ms", FF_MILLIS, false, AT(drain_ns), MS, HOUR, NULL },
    { "error_policy", FF_CHOICE, false, AT(recovery.error_policy), 0, 0,
      berthi_ff_torvyn_errors },
    { "max_retries", FF_COUNT, false, AT(recovery.retries), 0, 1000, NULL },
    { "retry_backoff_ms", FF_MILLIS, false, AT(recovery.retry_ns), MS, HOUR, NULL },
};
#undef AT

/* ---------------------------------------------------------------- tables beside the flow */

static void read_components(ff_reader *r, const berthi_toml *root)
{
    const berthi_toml *all = berthi_toml_member(root, "component");

    if (all == NULL ||
        all->kind == BERTHI_TOML_TABLE) /* of a single component: no flow's business */
        return;
    if (all->kind != BERTHI_TOML_ARRAY) {
        berthi_ff_wrong(r, all, "write [[component]]", "`component` is %s",
                        berthi_toml_kind_name((berthi_toml_kind)all->kind));
        return;
    }
    for (const berthi_toml *c = all->as.in.first; c != NULL && !r->has_no_memory; c = c->next) {
        const berthi_toml *name;
        component one = { 0 };

        berthi_ff_table(r, c, "component", FF_LENIENT, FF_FIELDS(component_fields), &one);
        for (const berthi_toml *b = all->as.in.first; b != c && one.name != NULL; b = b->next) {
            name = berthi_toml_member(b, "name");
            if (name != NULL && name->kind == BERTHI_TOML_STRING &&
                strcmp(name->as.string.text, one.name) == 0)
                berthi_ff_wrong(r, berthi_ff_at(c, "name"), "use another name",
                                "there are two components `%s`", one.name);
        }
    }
}

static void read_part(ff_reader *r, const berthi_toml *table, const char *name,
                      const char *where, const ff_field *fields, size_t count, void *into)
{
    const berthi_toml *part = table == NULL ? NULL : berthi_ff_sub(r, table, name);

    if (part != NULL)
        berthi_ff_table(r, part, where, FF_LENIENT, fields, count, into);
}

static void tell_exporters(ff_reader *r, const berthi_toml *root, const ff_torvyn *t)
{
    const berthi_toml *o = berthi_toml_member(root, "observability");

    if (o == NULL)
        return;
    if (t->tracer == 1 || t->tracer == 2)
        berthi_ff_warn(r, berthi_ff_at(o, "tracing_exporter"),
                       "`berth flow trace` prints what records met", "nothing is sent by OTLP");
    if (t->meter != 0)
        berthi_ff_warn(r, berthi_ff_at(o, "metrics_exporter"),
                       "`berth flow ps SOCKET --prometheus` prints the metrics",
                       "no metrics are served or sent");
    if (t->otlp_metrics != 0)
        berthi_ff_warn(r, berthi_ff_at(o, "otlp_metrics_enabled"), NULL,
                       "no metrics are sent by OTLP");
}

static void read_parts(ff_reader *r, const berthi_toml *root, ff_torvyn *t)
{
    const berthi_toml *runtime = berthi_ff_sub(r, root, "runtime");

    read_part(r, root, "torvyn", "torvyn", FF_FIELDS(torvyn_fields), t);
    if (runtime != NULL) {
        berthi_ff_table(r, runtime, "runtime", FF_LENIENT, FF_FIELDS(runtime_fields), t);
        read_part(r, runtime, "scheduling", "runtime.scheduling", FF_FIELDS(scheduling_fields),
                  t);
        read_part(r, runtime, "pools", "runtime.pools", FF_FIELDS(pool_fields), t);
        berthi_ff_torvyn_pressure(r, runtime, &t->pressure);
    }
    read_part(r, root, "observability", "observability", FF_FIELDS(observability_fields), t);
    read_part(r, root, "security", "security", FF_FIELDS(security_fields), t);
    tell_exporters(r, root, t);
    read_components(r, root);
}

/* ---------------------------------------------------------------- the flow */

static const berthi_toml *choose_flow(ff_reader *r, const berthi_toml *root, const char *flow)
{
    const berthi_toml *flows = berthi_ff_sub(r, root, "flow"), *chosen;
    const char *names[BERTHI_TOML_MEMBERS_MAX + 1];
    uint32_t count = 0;

    if (flows == NULL)
        return NULL;
    chosen = berthi_toml_member(flows, flow == NULL ? "main" : flow);
    if (chosen == NULL && flow == NULL && flows->count == 1)
        chosen = flows->as.in.first;
    /* What is set from outside may make them more than a file has. */
    for (const berthi_toml *m = flows->as.in.first;
         m != NULL && count < BERTHI_TOML_MEMBERS_MAX; m = m->next)
        names[count++] = m->name;
    names[count] = NULL;
    if (chosen == NULL && flow == NULL)
        berthi_ff_wrong_key(r, flows, "say which with --flow",
                            "there are %u flows, and none is `main`", flows->count);
    else if (chosen == NULL)
        berthi_ff_wrong_key(r, flows, berthi_ff_did_you_mean(r, flow, names),
                            "there is no flow `%.64s`", flow);
    else if (chosen->kind != BERTHI_TOML_TABLE)
        berthi_ff_wrong(r, chosen, NULL, "a flow is %s; expected a table",
                        berthi_toml_kind_name((berthi_toml_kind)chosen->kind));
    return chosen == NULL || chosen->kind != BERTHI_TOML_TABLE ? NULL : chosen;
}

/* 1 to 10 as a share of the workers. */
static uint32_t weight_of(uint32_t priority, uint32_t scheduling)
{
    enum { ROUND_ROBIN, WEIGHTED_FAIR, BY_PRIORITY };

    if (scheduling == ROUND_ROBIN)
        return 1;
    if (scheduling == WEIGHTED_FAIR)
        return priority;
    return priority > 6 ? 64 : 1u << (priority - 1);
}

static uint64_t pool_bytes(const ff_torvyn *t)
{
    return t->pools[0] * (uint64_t)256 + t->pools[1] * 4 * KIB + t->pools[2] * 64 * KIB +
           t->pools[3] * MIB;
}

static void set_flow(const berthi_toml *flow, const ff_torvyn *t, const flow_table *f,
                     ff_model *model)
{
    uint32_t scheduling = f->scheduling == FF_UNSAID ? t->scheduling : f->scheduling;

    model->name = flow->name;
    model->description = f->description;
    model->workers = t->workers;
    model->weight = f->priority == 0 && t->priority == 0
                        ? 0
                        : weight_of(f->priority != 0 ? f->priority : t->priority, scheduling);
    model->deadline_ns = f->deadline_ns;
    model->drain_ns = f->drain_ns != 0 ? f->drain_ns : t->drain_ns;
    if (berthi_toml_member(t->root, "runtime") != NULL &&
        berthi_toml_member(berthi_toml_member(t->root, "runtime"), "pools") != NULL) {
        model->kept_bytes = pool_bytes(t);
        if (t->exhaustion != 0)
            model->buffer_bytes = model->kept_bytes;
    }
    model->level = t->traces == 0 && t->measures == 0 ? 0 : t->level;
}

void berthi_ff_torvyn(ff_reader *r, const berthi_toml *root, const char *flow, ff_model *model)
{
    static const ff_pressure unsaid = { 0, FF_UNSAID, FF_UNSAID, 0 };
    ff_torvyn t = { .pressure = unsaid,
                    .recovery = { FF_UNSAID, FF_UNSAID, 0 },
                    .scheduling = 1,
                    .level = 1,
                    .traces = 1,
                    .measures = 1,
                    .fuel = UINT64_MAX,
                    .pools = { 4096, 1024, 256, 32 },
                    .root = root };
    flow_table f = { .pressure = unsaid,
                     .recovery = { FF_UNSAID, FF_UNSAID, 0 },
                     .scheduling = FF_UNSAID };
    const berthi_toml *chosen;
    char where[WHERE_ROOM];

    model->is_torvyn = true;
    berthi_ff_table(r, root, "the file", FF_LENIENT, FF_FIELDS(root_fields), &t);
    read_parts(r, root, &t);
    chosen = choose_flow(r, root, flow);
    if (chosen == NULL)
        return;
    if (!berthi_ff_is_name(chosen->name, chosen->name_length))
        berthi_ff_wrong_key(r, chosen, "use 1 to 64 letters, digits, `-` and `_`",
                            "this is no name of a flow");
    snprintf(where, sizeof where, "flow.%.64s", chosen->name);
    f.pressure = t.pressure;
    f.recovery = t.recovery;
    berthi_ff_table(r, chosen, where, FF_LENIENT, FF_FIELDS(flow_fields), &f);
    berthi_ff_torvyn_pressure(r, chosen, &f.pressure);
    set_flow(chosen, &t, &f, model);
    t.pressure = f.pressure;
    t.recovery = f.recovery;
    t.scheduling = f.scheduling == FF_UNSAID ? t.scheduling : f.scheduling;
    berthi_ff_torvyn_nodes(r, chosen, &t, model);
    berthi_ff_torvyn_edges(r, chosen, &t, model);
}
