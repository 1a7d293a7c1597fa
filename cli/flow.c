/* flow.c - `berth flow`: files that describe a flow, checked.  Layer: cli. */
#include "flow.h"

#include <string.h>
#include <unistd.h>

extern char **environ;

void flow_found(void *ctx, const berth_flow_file_finding *f)
{
    flow_findings *all = ctx;
    bool is_error = f->severity == BERTH_FLOW_ERROR;
    char where[CLI_TEXT_MAX];
    json_t *o;

    all->errors += is_error;
    all->warnings += !is_error;
    if (all->list == NULL) {
        snprintf(where, sizeof where, "%s:%u:%u:%s", f->where, (unsigned)f->line,
                 (unsigned)f->column, is_error ? "" : " warning:");
        cli_note("%s %s%s%s", where, f->text, f->hint == NULL ? "" : "; ",
                 f->hint == NULL ? "" : f->hint);
        return;
    }
    o = json_object();
    json_object_set_new(o, "severity", json_string(is_error ? "error" : "warning"));
    json_object_set_new(o, "file", json_string(f->where));
    json_object_set_new(o, "line", json_integer(f->line));
    json_object_set_new(o, "column", json_integer(f->column));
    json_object_set_new(o, "text", json_string(f->text));
    json_object_set_new(o, "hint", f->hint == NULL ? json_null() : json_string(f->hint));
    json_array_append_new(all->list, o);
}

static int fail_rejected(const char *path, const flow_findings *findings)
{
    if (findings->list != NULL)
        return CLI_REJECTED;
    return cli_fail(CLI_REJECTED, path, "correct the file; docs/flow-toml.md has its keys",
                    findings->errors == 1 ? "%u error" : "%u errors",
                    (unsigned)findings->errors);
}

int flow_read(const cli_options *options, const char *path, flow_findings *findings,
              berth_flow_file **file_out)
{
    berth_flow_file_options o = BERTH_FLOW_FILE_OPTIONS_INIT;
    berth_diag diag = { 0 };
    berth_status status;

    o.flow = options->flow;
    o.settings = options->settings.at;
    o.settings_count = options->settings.count;
    o.environment = (const char *const *)environ;
    o.found = flow_found;
    o.found_ctx = findings;
    status = berth_flow_file_read(path, &o, file_out, &diag);
    if (status == BERTH_OK)
        return CLI_OK;
    if (status == BERTH_E_REJECTED)
        return fail_rejected(path, findings);
    return cli_fail_diag(CLI_FAILED, path, NULL, status, &diag);
}

int flow_load(flow_job *job, flow_findings *findings)
{
    berth_flows_options flows = BERTH_FLOWS_OPTIONS_INIT;
    berth_flow_load_options o = BERTH_FLOW_LOAD_OPTIONS_INIT;
    const char *path = job->options->operands[1];
    berth_diag diag = { 0 };
    berth_status status;
    int code = cli_host_open_runtime(&job->host, job->options);

    if (code != CLI_OK)
        return code;
    berth_flow_file_flows_options(job->file, &flows);
    o.found = flow_found;
    o.found_ctx = findings;
    o.flags = BERTH_FLOW_PROCESS_STDIO;
    o.traces = job->traces;
    status = berth_flows_create(&flows, &job->flows, &diag);
    if (status == BERTH_OK)
        status =
            berth_flow_load(job->file, job->host.runtime, job->flows, &o, &job->loaded, &diag);
    if (status == BERTH_OK)
        return CLI_OK;
    if (status == BERTH_E_REJECTED)
        return fail_rejected(path, findings);
    return cli_fail_diag(CLI_FAILED, path, NULL, status, &diag);
}

void flow_unload(flow_job *job)
{
    berth_loaded_flow_close(job->loaded);
    berth_flows_destroy(job->flows);
    cli_host_close(&job->host);
    berth_flow_file_destroy(job->file);
}

/* ---------------------------------------------------------------- check */

static json_t *what_it_says(const berth_flow_file *file)
{
    berth_arena *arena;
    const char *text;
    json_t *o = NULL;

    if (file == NULL || berth_arena_create(NULL, 0, &arena, NULL) != BERTH_OK)
        return json_null();
    if (berth_flow_file_json(file, arena, &text) == BERTH_OK)
        o = json_loads(text, 0, NULL);
    berth_arena_destroy(arena);
    return o == NULL ? json_null() : o;
}

static int check(const cli_options *options)
{
    const char *path = options->operands[1];
    flow_findings findings = { options->json ? json_array() : NULL, 0, 0 };
    flow_job job = { .options = options };
    int code = flow_read(options, path, &findings, &job.file);
    json_t *o;

    if (code == CLI_OK)
        code = flow_load(&job, &findings);
    if (options->json) {
        o = json_object();
        json_object_set_new(o, "findings", findings.list);
        json_object_set_new(o, "flow", what_it_says(job.file));
        (void)json_dumpf(o, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(o);
    } else if (code == CLI_OK && !options->quiet) {
        printf("%s: %u stages, %u edges, nothing wrong\n", path,
               (unsigned)berth_flow_file_stages(job.file),
               (unsigned)berth_flow_file_edges(job.file));
    }
    flow_unload(&job);
    return cli_stdout_end(code);
}

/* ---------------------------------------------------------------- which of them */

typedef struct sub_command {
    const char *name;
    uint32_t operands;
    const char *wants;
    int (*run)(const cli_options *options);
} sub_command;

static const sub_command sub_commands[] = {
    { "check", 2, "a FILE", check },
    { "graph", 2, "a FILE", flow_graph },
    { "run", 2, "a FILE", flow_run },
    { "trace", 2, "a FILE", flow_trace },
    { "bench", 2, "a FILE", flow_bench },
    { "ps", 2, "a SOCKET", flow_ask },
    { "swap", 4, "a SOCKET, a STAGE and a FILE", flow_ask },
    { "rollback", 3, "a SOCKET and a STAGE", flow_ask },
    { "cancel", 3, "a SOCKET and a STAGE", flow_ask },
};

/* Options that mean nothing to this one are mistakes. */
static int check_options(const cli_options *o, const char *name)
{
    const struct {
        const char *option, *of;
        bool is_given;
    } only[] = {
        { "--control", "run", o->control != NULL },
        { "--summary", "run bench", o->summary != NULL },
        { "--drain", "run", o->drain_ns != 0 },
        { "--prometheus", "ps", o->prometheus },
        { "--timeout", "ps swap rollback cancel graph", o->timeout_ns != 0 },
        { "--set", "check graph run trace bench", o->settings.count != 0 },
        { "--flow", "check graph run trace bench", o->flow != NULL },
        { "--svg", "graph", o->svg },
        { "--live", "graph", o->live != NULL },
        { "--output", "graph", o->output != NULL },
        { "--json", "check run ps trace bench", o->json },
        { "--count", "trace", o->count != 0 },
        { "--duration", "bench", o->duration_ns != 0 },
        { "--baseline", "bench", o->baseline != NULL },
        { "--threshold", "bench", o->threshold != 0 },
        { "--engine", "check run trace bench", o->engine != NULL },
    };

    for (size_t i = 0; i < sizeof only / sizeof *only; i++)
        if (only[i].is_given && strstr(only[i].of, name) == NULL)
            return cli_fail(CLI_USAGE, only[i].option, cli_help_hint(CLI_FLOW),
                            "is for another command than 'flow %s'", name);
    return CLI_OK;
}

int cli_flow(const cli_options *options)
{
    const char *name = options->operands[0];

    for (size_t i = 0; i < sizeof sub_commands / sizeof *sub_commands; i++) {
        const sub_command *c = &sub_commands[i];
        int code;

        if (strcmp(c->name, name) != 0)
            continue;
        if (options->operands_count != c->operands)
            return cli_fail(CLI_USAGE, name, cli_help_hint(CLI_FLOW), "needs %s, and no more",
                            c->wants);
        code = check_options(options, name);
        return code == CLI_OK ? c->run(options) : code;
    }
    return cli_fail(CLI_USAGE, name, cli_help_hint(CLI_FLOW), "is no command of flow");
}
