/* flow_bench.c - `berth flow bench`: how fast a flow is, and whether it was faster before.  Layer: cli.
 *
 * A baseline is what an earlier bench wrote with --summary.  Worse is less throughput, or older records, by more than the
 * threshold. */
#include <string.h>

#include "flow.h"

enum { THRESHOLD_DEFAULT = 10 };
#define DURATION_NS_DEFAULT ((uint64_t)10 * 1000000000u)

static double number(const json_t *of, const char *key)
{
    return (double)json_integer_value(json_object_get(of, key));
}

static double per_second(const json_t *numbers)
{
    double ns = number(numbers, "running_ns");

    return ns <= 0 ? 0 : number(numbers, "delivered") * 1e9 / ns;
}

/* The oldest of the sinks. */
static double age(const json_t *numbers, const char *key)
{
    double most = 0;
    size_t index;
    json_t *stage;

    json_array_foreach(json_object_get(numbers, "stages"), index, stage) most =
        number(stage, key) > most ? number(stage, key) : most;
    return most;
}

static double busy_ns(const json_t *stage)
{
    return number(stage, "time_mean_ns") * number(stage, "calls");
}

static void print_stages(const json_t *numbers)
{
    double all = 0;
    size_t index;
    json_t *stage;

    json_array_foreach(json_object_get(numbers, "stages"), index, stage) all += busy_ns(stage);
    printf("  %-16s %8s %10s %10s %10s %10s %8s\n", "STAGE", "SHARE", "P50 ns", "P90 ns",
           "P99 ns", "P99.9 ns", "FAILED");
    json_array_foreach(json_object_get(numbers, "stages"), index, stage)
        printf("  %-16.32s %6.1f %% %10.0f %10.0f %10.0f %10.0f %8.0f\n",
               json_string_value(json_object_get(stage, "stage")),
               all <= 0 ? 0 : busy_ns(stage) * 100 / all, number(stage, "time_p50_ns"),
               number(stage, "time_p90_ns"), number(stage, "time_p99_ns"),
               number(stage, "time_p999_ns"), number(stage, "failures"));
}

static void print_edges(const json_t *numbers)
{
    size_t index;
    json_t *edge;

    json_array_foreach(json_object_get(numbers, "edges"), index, edge)
        printf("  %s -> %s: at most %.0f of %.0f queued, full %.0f times\n",
               json_string_value(json_object_get(edge, "from")),
               json_string_value(json_object_get(edge, "to")), number(edge, "peak"),
               number(edge, "records_max"), number(edge, "pressures"));
}

static void print_bench(const json_t *numbers)
{
    double records = number(numbers, "records");

    printf("%.0f records in %.2f s: %.0f records/s, %.2f copies a record\n", records,
           number(numbers, "running_ns") / 1e9, per_second(numbers),
           records <= 0 ? 0 : number(numbers, "copies") / records);
    printf("age at the sinks: p50 %.1f us, p90 %.1f us, p99 %.1f us, p99.9 %.1f us, most %.1f "
           "us\n",
           age(numbers, "age_p50_ns") / 1e3, age(numbers, "age_p90_ns") / 1e3,
           age(numbers, "age_p99_ns") / 1e3, age(numbers, "age_p999_ns") / 1e3,
           age(numbers, "age_max_ns") / 1e3);
    print_stages(numbers);
    print_edges(numbers);
}

/* By how many percent it got worse; below 0: better. */
static double worse(double now, double before, bool more_is_better)
{
    if (before <= 0)
        return 0;
    return (more_is_better ? before - now : now - before) * 100 / before;
}

static int compare(const cli_options *options, const json_t *numbers)
{
    double threshold = options->threshold == 0 ? THRESHOLD_DEFAULT : (double)options->threshold;
    json_t *before = json_load_file(options->baseline, 0, NULL);
    double slower, older;

    if (!json_is_object(before) || per_second(before) <= 0) {
        json_decref(before);
        return cli_fail(CLI_FAILED, options->baseline, "make one with --summary",
                        "it is no summary of a bench");
    }
    slower = worse(per_second(numbers), per_second(before), true);
    older = worse(age(numbers, "age_p99_ns"), age(before, "age_p99_ns"), false);
    printf("against %s: %+.1f %% records/s, %+.1f %% age (p99)\n", options->baseline, -slower,
           older);
    json_decref(before);
    if (slower <= threshold && older <= threshold)
        return CLI_OK;
    return cli_fail(CLI_FAILED, "bench", "raise --threshold, or find out why",
                    "%s by more than %.0f %%",
                    slower > threshold ? "it got slower" : "its records got older", threshold);
}

static int run(const flow_job *job)
{
    uint64_t for_ns =
        job->options->duration_ns == 0 ? DURATION_NS_DEFAULT : job->options->duration_ns;
    berth_flow *flow = berth_loaded_flow_flow(job->loaded);
    berth_diag diag = { 0 };
    berth_status status = berth_flow_start(flow, &diag);

    if (status == BERTH_OK)
        status = berth_flow_wait(flow, for_ns, &diag);
    if (status == BERTH_E_BUSY) {
        berth_flow_drain(flow, berth_flow_file_drain_ns(job->file));
        status = berth_flow_wait(flow, UINT64_MAX, &diag);
    }
    return status == BERTH_OK
               ? CLI_OK
               : cli_fail_diag(CLI_FAILED, job->options->operands[1], NULL, status, &diag);
}

static int tell(const flow_job *job)
{
    const cli_options *options = job->options;
    json_t *numbers = flow_numbers(job);
    int code = CLI_OK;

    if (numbers == NULL)
        return cli_fail(CLI_FAILED, "memory", "free some", "there is none left");
    json_object_set_new(numbers, "ended", json_string("completed"));
    if (options->summary != NULL)
        code = flow_summary_write(job, numbers);
    if (options->json) {
        (void)json_dumpf(numbers, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        print_bench(numbers);
    }
    if (code == CLI_OK && options->baseline != NULL)
        code = compare(options, numbers);
    json_decref(numbers);
    return cli_stdout_end(code);
}

int flow_bench(const cli_options *options)
{
    flow_findings findings = { NULL, 0, 0 };
    flow_job job = { .options = options };
    int code = CLI_OK;

    if (options->summary != NULL)
        code = cli_file_check(options->summary, "--summary");
    if (code == CLI_OK)
        code = flow_read(options, options->operands[1], &findings, &job.file);
    if (code == CLI_OK)
        code = flow_load(&job, &findings);
    if (code == CLI_OK)
        code = run(&job);
    if (code == CLI_OK)
        code = tell(&job);
    flow_unload(&job);
    return code;
}
