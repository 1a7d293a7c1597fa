/* flow.h - the parts of `berth flow`.  Layer: cli.
 *
 *   flow.c       which of them, files read and what is wrong with them told
 *   flow_run.c   a flow runs until it has ended, or somebody ends it
 *   flow_serve.c what its control socket is asked for
 *   flow_ask.c   the other side: ps, swap, rollback, cancel
 *   flow_graph.c the graph, drawn
 *   flow_trace.c where records spent their time   flow_bench.c how fast it is
 *   flow_view.c  numbers as a table: while it runs, at its end, from a socket
 */
#ifndef BERTH_FLOW_CLI_H
#define BERTH_FLOW_CLI_H

#include <jansson.h>

#include <berth/flow_file.h>

#include "cli.h"

/* What is wrong with a file, one after the other, on stderr; or as JSON in `list`. */
typedef struct flow_findings {
    json_t *list; /* NULL: they are printed */
    uint32_t errors, warnings;
} flow_findings;

void flow_found(void *ctx, const berth_flow_file_finding *finding);

/* Reads the file with --set, --flow and the environment.  Gives an exit code, which was said. */
int flow_read(const cli_options *options, const char *path, flow_findings *findings,
              berth_flow_file **file_out);
/* The runtime, the workers and the plugins of a file. */
typedef struct flow_job {
    const cli_options *options;
    cli_host host;
    berth_flows *flows;
    berth_flow_file *file;
    berth_loaded_flow *loaded;
    uint32_t traces; /* records that are traced */
} flow_job;
int flow_load(flow_job *job, flow_findings *findings);
void flow_unload(flow_job *job); /* and the file */

/* What is counted of it now; json_decref() it.  NULL: no memory. */
json_t *flow_numbers(const flow_job *job);

int flow_run(const cli_options *options);
int flow_ask(const cli_options *options);
int flow_graph(const cli_options *options);
int flow_trace(const cli_options *options);
int flow_bench(const cli_options *options);
/* Writes --summary.  Gives an exit code. */
int flow_summary_write(const flow_job *job, const json_t *numbers);

bool flow_request_is_slow(const char *request);
char *flow_answer(void *context,
                  const char *request); /* context: a flow_job; one line of JSON; free() */

/* A table of stages with their rates since `before` (NULL: since the start), at most `columns` wide and `rows` high
 * (0: no bound), without a newline at its end; cli_free() it. */
char *flow_table(const json_t *now, const json_t *before, unsigned columns, unsigned rows);

#endif
