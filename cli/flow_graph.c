/* flow_graph.c - `berth flow graph`: the graph of a file, with what goes over its edges when it runs.  Layer: cli. */
#include <poll.h>
#include <string.h>

#include "flow.h"

enum { BETWEEN_MS = 500 };

static int ask_once(const cli_options *options, json_t **numbers_out)
{
    char *text = NULL;
    int code = cli_ask("flow", options->live, options->timeout_ns, "ps\n", &text);

    if (code != CLI_OK)
        return code;
    *numbers_out = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    cli_free(text);
    if (json_is_object(*numbers_out))
        return CLI_OK;
    json_decref(*numbers_out);
    return cli_fail(CLI_FAILED, options->live, "check that it is the socket of your flow",
                    "the answer is not JSON");
}

static uint64_t number(const json_t *of, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(of, key));

    return value < 0 ? 0 : (uint64_t)value;
}

/* Rates are of the time between two answers; edges are matched by their places in the file. */
static int read_live(const cli_options *options, uint32_t edges, berth_flow_live *live)
{
    json_t *before = NULL, *now = NULL;
    uint64_t ns;
    int code = ask_once(options, &before);

    if (code == CLI_OK) {
        poll(NULL, 0, BETWEEN_MS);
        code = ask_once(options, &now);
    }
    if (code == CLI_OK && json_array_size(json_object_get(now, "edges")) != edges)
        code = cli_fail(CLI_FAILED, options->live, "give the file that runs there",
                        "another flow runs there");
    ns = number(now, "running_ns");
    if (ns >= number(before, "running_ns")) {
        ns -= number(before, "running_ns");
    } else { /* it was started again meanwhile */
        json_decref(before);
        before = NULL;
    }
    for (uint32_t i = 0; code == CLI_OK && i < edges; i++) {
        const json_t *edge = json_array_get(json_object_get(now, "edges"), i);
        const json_t *was = json_array_get(json_object_get(before, "edges"), i);
        uint64_t more = number(edge, "out") - number(was, "out");

        live[i].rate = ns == 0 ? 0 : (uint64_t)((double)more * 1e9 / (double)ns);
        live[i].queued = number(edge, "queued");
        live[i].queued_max = number(edge, "records_max");
    }
    json_decref(before);
    json_decref(now);
    return code;
}

static int draw(const cli_options *options, const berth_flow_file *file,
                const berth_flow_live *live)
{
    uint32_t form = options->svg ? BERTH_FLOW_DRAW_SVG : BERTH_FLOW_DRAW_TEXT;
    berth_diag diag = { 0 };
    berth_arena *arena;
    const char *text;
    berth_status status = berth_arena_create(NULL, 0, &arena, &diag);
    int code;

    if (status != BERTH_OK)
        return cli_fail_diag(CLI_FAILED, "graph", NULL, status, &diag);
    status = berth_flow_file_draw(file, form, live, arena, &text);
    if (status != BERTH_OK) {
        code = cli_fail_diag(CLI_FAILED, "graph", NULL, status, &diag);
    } else if (options->output != NULL) {
        code = cli_file_write(options->output, "--output", text, strlen(text));
    } else {
        fputs(text, stdout);
        code = cli_stdout_end(CLI_OK);
    }
    berth_arena_destroy(arena);
    return code;
}

int flow_graph(const cli_options *options)
{
    flow_findings findings = { NULL, 0, 0 };
    berth_flow_file *file = NULL;
    berth_flow_live *live = NULL;
    uint32_t edges;
    int code = flow_read(options, options->operands[1], &findings, &file);

    if (code != CLI_OK)
        return code;
    edges = berth_flow_file_edges(file);
    if (options->live != NULL) {
        live = cli_alloc(edges * sizeof *live);
        code = read_live(options, edges, live);
    }
    if (code == CLI_OK)
        code = draw(options, file, live);
    cli_free(live);
    berth_flow_file_destroy(file);
    return code;
}
