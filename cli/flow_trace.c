/* flow_trace.c - `berth flow trace`: where the first records spent their time.  Layer: cli.
 *
 * A call about a traced record is a span of its stage; what lies between two spans of a record is the time in which it
 * waited: in an edge, for its stage's turn, or for another try. */
#include <stdlib.h>
#include <string.h>

#include "flow.h"

enum { RECORDS_DEFAULT = 10, SPANS_EACH = 4 };
#define LOOK_NS ((uint64_t)20 * 1000000u)

typedef struct step {
    berth_span span;
    uint32_t stage;
} step;

typedef struct trace {
    const flow_job *job;
    step *steps; /* of all stages, by record, then by time */
    size_t count;
} trace;

static int compare(const void *left, const void *right)
{
    const step *a = left, *b = right;

    if (a->span.sequence != b->span.sequence)
        return a->span.sequence < b->span.sequence ? -1 : 1;
    if (a->span.begin_ns != b->span.begin_ns)
        return a->span.begin_ns < b->span.begin_ns ? -1 : 1;
    return a->stage < b->stage ? -1 : a->stage > b->stage;
}

static void collect(trace *t, uint32_t records)
{
    uint32_t stages = berth_flow_file_stages(t->job->file), room = records * SPANS_EACH;
    berth_flow *flow = berth_loaded_flow_flow(t->job->loaded);
    berth_span *spans = cli_alloc(room * sizeof *spans);

    t->steps = cli_alloc((size_t)stages * room * sizeof *t->steps);
    for (uint32_t s = 0; s < stages; s++) {
        uint32_t count = berth_flow_spans(flow, s, spans, room);

        for (uint32_t i = 0; i < count && i < room; i++)
            t->steps[t->count++] = (step){ spans[i], s };
    }
    cli_free(spans);
    qsort(t->steps, t->count, sizeof *t->steps, compare);
}

/* From the end of what came before it of the same record; 0: nothing did. */
static uint64_t waited(const trace *t, size_t at)
{
    uint64_t before = 0;

    for (size_t i = at; i-- > 0 && t->steps[i].span.sequence == t->steps[at].span.sequence;)
        if (t->steps[i].span.end_ns <= t->steps[at].span.begin_ns &&
            t->steps[i].span.end_ns > before)
            before = t->steps[i].span.end_ns;
    return before == 0 ? 0 : t->steps[at].span.begin_ns - before;
}

static double us(uint64_t ns)
{
    return (double)ns / 1000;
}

static void print_record(const trace *t, size_t from, size_t end)
{
    uint64_t first = t->steps[from].span.begin_ns, last = first, copies = 0;

    for (size_t i = from; i < end; i++) {
        copies += t->steps[i].span.copies;
        if (t->steps[i].span.end_ns > last)
            last = t->steps[i].span.end_ns;
    }
    printf("record %llu: %.1f us, %llu copies\n",
           (unsigned long long)t->steps[from].span.sequence, us(last - first),
           (unsigned long long)copies);
    for (size_t i = from; i < end; i++) {
        const berth_span *s = &t->steps[i].span;

        printf("  %-16.32s waited %10.1f us, took %10.1f us, %u copies%s\n",
               berth_flow_file_stage_name(t->job->file, t->steps[i].stage), us(waited(t, i)),
               us(s->end_ns - s->begin_ns), (unsigned)s->copies, s->failed ? ", failed" : "");
    }
}

static void print_text(const trace *t)
{
    for (size_t from = 0, end; from < t->count; from = end) {
        end = from + 1;
        while (end < t->count && t->steps[end].span.sequence == t->steps[from].span.sequence)
            end++;
        print_record(t, from, end);
    }
    for (uint32_t s = 0; s < berth_flow_file_stages(t->job->file); s++) {
        uint64_t calls = 0, wait_ns = 0, took_ns = 0;

        for (size_t i = 0; i < t->count; i++)
            if (t->steps[i].stage == s) {
                calls++;
                wait_ns += waited(t, i);
                took_ns += t->steps[i].span.end_ns - t->steps[i].span.begin_ns;
            }
        if (calls != 0)
            printf("stage %-16.32s %llu calls; in the mean waited %.1f us, took %.1f us\n",
                   berth_flow_file_stage_name(t->job->file, s), (unsigned long long)calls,
                   us(wait_ns / calls), us(took_ns / calls));
    }
}

static void print_json(const trace *t)
{
    json_t *list = json_array();

    for (size_t i = 0; i < t->count; i++) {
        const berth_span *s = &t->steps[i].span;
        json_t *o = json_object();

        json_object_set_new(o, "record", json_integer((json_int_t)s->sequence));
        json_object_set_new(
            o, "stage",
            json_string(berth_flow_file_stage_name(t->job->file, t->steps[i].stage)));
        json_object_set_new(o, "begin_ns", json_integer((json_int_t)s->begin_ns));
        json_object_set_new(o, "waited_ns", json_integer((json_int_t)waited(t, i)));
        json_object_set_new(o, "took_ns", json_integer((json_int_t)(s->end_ns - s->begin_ns)));
        json_object_set_new(o, "copies", json_integer(s->copies));
        json_object_set_new(o, "failed", json_boolean(s->failed));
        json_array_append_new(list, o);
    }
    (void)json_dumpf(list, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(list);
}

/* Runs until so many records came in, and lets them pass. */
static int run(const flow_job *job, uint32_t records)
{
    berth_flow *flow = berth_loaded_flow_flow(job->loaded);
    berth_flow_stats stats = { .size = sizeof stats };
    berth_diag diag = { 0 };
    berth_status status = berth_flow_start(flow, &diag);
    bool is_draining = false;

    if (status != BERTH_OK)
        return cli_fail_diag(CLI_FAILED, job->options->operands[1], NULL, status, &diag);
    for (;;) {
        status = berth_flow_wait(flow, LOOK_NS, &diag);
        if (status != BERTH_E_BUSY)
            break;
        if (!is_draining && berth_flow_read_stats(flow, &stats) == BERTH_OK &&
            stats.ingress >= records) {
            berth_flow_drain(flow, berth_flow_file_drain_ns(job->file));
            is_draining = true;
        }
    }
    return status == BERTH_OK
               ? CLI_OK
               : cli_fail_diag(CLI_FAILED, job->options->operands[1], NULL, status, &diag);
}

int flow_trace(const cli_options *options)
{
    uint32_t records = options->count == 0 ? RECORDS_DEFAULT : (uint32_t)options->count;
    flow_findings findings = { NULL, 0, 0 };
    flow_job job = { .options = options, .traces = records };
    trace t = { .job = &job };
    int code = flow_read(options, options->operands[1], &findings, &job.file);

    if (code == CLI_OK)
        code = flow_load(&job, &findings);
    if (code == CLI_OK)
        code = run(&job, records);
    if (code == CLI_OK) {
        collect(&t, records);
        if (options->json)
            print_json(&t);
        else
            print_text(&t);
        code = cli_stdout_end(code);
    }
    cli_free(t.steps);
    flow_unload(&job);
    return code;
}
