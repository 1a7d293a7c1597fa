/* report.c - what is counted of a loaded flow: JSON, and the text that Prometheus reads.  Layer: flowfile.
 *
 * One table for each kind of thing says what is counted of it; both forms are written from these, and docs/metrics.md is
 * compared with them. */
#include "flowfile/report.h"

#include <inttypes.h>

#include "metrics/histogram.h"

#define FLOW(field)  offsetof(ff_flow_numbers, field), sizeof(((ff_flow_numbers *)0)->field)
#define STAGE(field) offsetof(ff_stage_numbers, field), sizeof(((ff_stage_numbers *)0)->field)
#define EDGE(field)  offsetof(ff_edge_numbers, field), sizeof(((ff_edge_numbers *)0)->field)
#define WORKERS(field)                                                                         \
    offsetof(berth_flows_stats, field), sizeof(((berth_flows_stats *)0)->field)
#define SLOT(field) offsetof(berth_slot_stats, field), sizeof(((berth_slot_stats *)0)->field)
#define RUNTIME(field)                                                                         \
    offsetof(berth_runtime_stats, field), sizeof(((berth_runtime_stats *)0)->field)
#define COUNTS(array) (array), sizeof(array) / sizeof *(array)

static const ff_metric flow_metrics[] = {
    { "running_ns", "running_nanoseconds", "since it began to run, or until it ended", false,
      FLOW(stats.running_ns) },
    { "records", "records_total", "records that sources brought in", true,
      FLOW(stats.ingress) },
    { "delivered", "delivered_total", "records that sinks are done with", true,
      FLOW(delivered) },
    { "errors", "errors_total", "failed calls of all stages", true, FLOW(errors) },
    { "dropped", "dropped_total", "records that were dropped, for any reason", true,
      FLOW(dropped) },
    { "dead_letters", "dead_letters_total", "records that left through a port `dead`", true,
      FLOW(dead_letters) },
    { "queued", "queued", "records that are in edges", false, FLOW(queued) },
    { "copies", "copies_total", "copies of payloads", true, FLOW(copies) },
    { "copied_bytes", "copied_bytes_total", "bytes of these", true, FLOW(copied_bytes) },
    { "turns", "turns_total", "runs of lanes on workers", true, FLOW(stats.turns) },
    { "wakes", "wakes_total", "of lanes that were idle", true, FLOW(stats.wakes) },
    { "lanes", "lanes", "stages that run together, as groups", false, FLOW(stats.lanes) },
    { "buffer_bytes", "buffer_bytes", "of payloads that are somewhere", false,
      FLOW(stats.buffer_bytes) },
    { "buffer_bytes_peak", "buffer_bytes_peak", "the most of these", false,
      FLOW(stats.buffer_bytes_peak) },
};

static const ff_metric stage_metrics[] = {
    { "done", "done", "1 when it has ended", false, STAGE(stats.is_done) },
    { "calls", "calls_total", "of its code", true, STAGE(stats.calls) },
    { "failures", "failures_total", "of these: failed", true, STAGE(stats.failures) },
    { "emitted", "emitted_total", "records, once per port", true, STAGE(stats.emitted) },
    { "retries", "retries_total", "further tries of failed records", true,
      STAGE(stats.retries) },
    { "circuit_opened", "circuit_opened_total", "times its circuit opened", true,
      STAGE(stats.circuit_opened) },
    { "pauses", "pauses_total", "times it asked to be left alone", true, STAGE(stats.pauses) },
    { "copies", "copies_total", "payloads copied into buffers", true, STAGE(stats.copies) },
    { "copied_bytes", "copied_bytes_total", "bytes of these", true, STAGE(stats.copied_bytes) },
    { "copies_in", "copies_in_total", "payloads copied into its plugin", true,
      STAGE(stats.copies_in) },
    { "copied_in_bytes", "copied_in_bytes_total", "bytes of these", true,
      STAGE(stats.copied_in_bytes) },
    { "copies_out", "copies_out_total", "payloads copied out of its plugin", true,
      STAGE(stats.copies_out) },
    { "copied_out_bytes", "copied_out_bytes_total", "bytes of these", true,
      STAGE(stats.copied_out_bytes) },
    { "buffer_bytes", "buffer_bytes", "of payloads it made and that are somewhere", false,
      STAGE(stats.buffer_bytes) },
    { "buffer_bytes_peak", "buffer_bytes_peak", "the most of these", false,
      STAGE(stats.buffer_bytes_peak) },
    { "discarded", "discarded_total", "emitted, and in no edge when the flow was stopped", true,
      STAGE(stats.discarded) },
    { "swaps", "swaps_total", "of its plugin, between two records", true, STAGE(stats.swaps) },
    { "time_calls", "time_calls_total", "calls whose time was measured", true,
      STAGE(calls.count) },
    { "time_mean_ns", "time_mean_nanoseconds", "of a call", false, STAGE(calls.mean) },
    { "time_p50_ns", "time_p50_nanoseconds", "half of the calls took no longer", false,
      STAGE(calls.p50) },
    { "time_p90_ns", "time_p90_nanoseconds", "90 % took no longer", false, STAGE(calls.p90) },
    { "time_p99_ns", "time_p99_nanoseconds", "99 % took no longer", false, STAGE(calls.p99) },
    { "time_p999_ns", "time_p999_nanoseconds", "99.9 % took no longer", false,
      STAGE(calls.p999) },
    { "time_max_ns", "time_max_nanoseconds", "the longest that was measured", false,
      STAGE(calls.max) },
    { "age_p50_ns", "age_p50_nanoseconds", "of a sink: half of the records were no older",
      false, STAGE(ages.p50) },
    { "age_p90_ns", "age_p90_nanoseconds", "90 % were no older", false, STAGE(ages.p90) },
    { "age_p99_ns", "age_p99_nanoseconds", "99 % were no older", false, STAGE(ages.p99) },
    { "age_p999_ns", "age_p999_nanoseconds", "99.9 % were no older", false, STAGE(ages.p999) },
    { "age_max_ns", "age_max_nanoseconds", "the oldest that was measured", false,
      STAGE(ages.max) },
};

static const ff_metric edge_metrics[] = {
    { "in", "in_total", "records that were put into it", true, EDGE(stats.in) },
    { "out", "out_total", "records that the stage behind has dealt with", true,
      EDGE(stats.out) },
    { "queued", "queued", "records in it", false, EDGE(stats.queued) },
    { "records_max", "records_max", "that it holds at most", false, EDGE(records_max) },
    { "bytes_queued", "bytes_queued", "bytes of payloads in it", false,
      EDGE(stats.bytes_queued) },
    { "bytes_max", "bytes_max", "that it holds at most", false, EDGE(bytes_max) },
    { "peak", "queued_peak", "the most records that were in it", false, EDGE(stats.peak) },
    { "bytes_peak", "bytes_queued_peak", "the most bytes that were in it", false,
      EDGE(stats.bytes_peak) },
    { "pressures", "pressures_total", "times it was full", true, EDGE(stats.pressures) },
    { "pressure_ns", "pressure_nanoseconds_total", "that it was full for", true,
      EDGE(stats.pressure_ns) },
    { "crossing", "crossing", "1 when its ends run beside each other", false,
      EDGE(stats.lane_crossing) },
    { "dead_letters", "dead_letters_total", "records of it that became dead letters", true,
      EDGE(stats.dead_letters) },
    { "dropped_oldest", "dropped_oldest_total", "it was full, and dropped its oldest", true,
      EDGE(stats.dropped[BERTH_DROPPED_OLDEST]) },
    { "dropped_newest", "dropped_newest_total", "it was full", true,
      EDGE(stats.dropped[BERTH_DROPPED_NEWEST]) },
    { "dropped_full", "dropped_full_total", "it was full, which was an error", true,
      EDGE(stats.dropped[BERTH_DROPPED_FULL]) },
    { "dropped_expired", "dropped_expired_total", "past their deadline", true,
      EDGE(stats.dropped[BERTH_DROPPED_EXPIRED]) },
    { "dropped_failed", "dropped_failed_total", "the stage behind failed", true,
      EDGE(stats.dropped[BERTH_DROPPED_FAILED]) },
    { "dropped_stopped", "dropped_stopped_total", "the flow was stopped", true,
      EDGE(stats.dropped[BERTH_DROPPED_STOPPED]) },
    { "wait_p50_ns", "wait_p50_nanoseconds", "half of the records waited no longer in it",
      false, EDGE(waits.p50) },
    { "wait_p90_ns", "wait_p90_nanoseconds", "90 % waited no longer", false, EDGE(waits.p90) },
    { "wait_p99_ns", "wait_p99_nanoseconds", "99 % waited no longer", false, EDGE(waits.p99) },
    { "wait_p999_ns", "wait_p999_nanoseconds", "99.9 % waited no longer", false,
      EDGE(waits.p999) },
    { "wait_max_ns", "wait_max_nanoseconds", "the longest wait that was measured", false,
      EDGE(waits.max) },
};

static const ff_metric slot_metrics[] = {
    { "version", "version", "number of the current version", false, SLOT(version) },
    { "kept_version", "kept_version", "what a rollback would bring back", false,
      SLOT(kept_version) },
    { "in_flight", "in_flight", "calls inside", false, SLOT(in_flight) },
    { "calls", "calls_total", "that entered a version", true, SLOT(calls) },
    { "answered", "answered_total", "of these: answered with data", true, SLOT(answered) },
    { "dropped", "dropped_total", "of these: answered \"drop\"", true, SLOT(dropped) },
    { "traps", "traps_total", "of these: trapped", true, SLOT(traps) },
    { "deadlines", "deadlines_total", "of these: ran out of time", true, SLOT(deadlines) },
    { "limits", "limits_total", "of these: met a bound", true, SLOT(limits) },
    { "violations", "violations_total", "of these: broke the contract", true,
      SLOT(violations) },
    { "other_failures", "other_failures_total", "of these: failed otherwise", true,
      SLOT(other_failures) },
    { "busy", "busy_total", "calls that were turned away", true, SLOT(busy) },
    { "bytes_in", "bytes_in_total", "of inputs", true, SLOT(bytes_in) },
    { "bytes_out", "bytes_out_total", "of replies", true, SLOT(bytes_out) },
    { "installs", "installs_total", "versions put into service", true, SLOT(installs) },
    { "refused", "refused_total", "installations that failed", true, SLOT(refused) },
    { "rollbacks", "rollbacks_total", "rollbacks", true, SLOT(rollbacks) },
    { "instances", "instances", "that are there", false, SLOT(instances_live) },
    { "instances_made", "instances_made_total", "of all versions", true, SLOT(instances_made) },
    { "instances_discarded", "instances_discarded_total", "of these: ended again", true,
      SLOT(instances_discarded) },
    { "oldest_call_ns", "oldest_call_nanoseconds", "how long the longest call has been inside",
      false, SLOT(oldest_call_ns) },
    { "time_ns", "time_nanoseconds_total", "inside the plugin", true, SLOT(time_ns) },
    { "time_max_ns", "time_max_nanoseconds", "of the longest call", false, SLOT(time_max_ns) },
    { "time_p50_ns", "time_p50_nanoseconds", "half of the calls took no longer", false,
      SLOT(time_p50_ns) },
    { "time_p99_ns", "time_p99_nanoseconds", "99 % took no longer", false, SLOT(time_p99_ns) },
    { "time_p999_ns", "time_p999_nanoseconds", "99.9 % took no longer", false,
      SLOT(time_p999_ns) },
};

static const ff_metric worker_metrics[] = {
    { "workers", "count", "threads", false, WORKERS(workers) },
    { "idle", "idle", "of these: without work now", false, WORKERS(workers_idle) },
    { "flows", "flows", "that they run", false, WORKERS(flows) },
    { "lanes_ready", "lanes_ready", "that wait for one of them", false, WORKERS(lanes_ready) },
    { "wakes", "wakes_total", "of threads without work", true, WORKERS(wakes) },
    { "idle_ns", "idle_nanoseconds_total", "without work, of all of them together", true,
      WORKERS(idle_ns) },
    { "buffers_256", "buffers_256_total", "buffers taken, of 256 B", true,
      WORKERS(buffers_taken[0]) },
    { "buffers_4k", "buffers_4k_total", "buffers taken, of 4 KiB", true,
      WORKERS(buffers_taken[1]) },
    { "buffers_64k", "buffers_64k_total", "buffers taken, of 64 KiB", true,
      WORKERS(buffers_taken[2]) },
    { "buffers_1m", "buffers_1m_total", "buffers taken, of 1 MiB", true,
      WORKERS(buffers_taken[3]) },
    { "buffers_larger", "buffers_larger_total", "buffers taken, larger ones", true,
      WORKERS(buffers_taken[4]) },
    { "buffers_made", "buffers_made_total", "of these: from the allocator, for none was free",
      true, WORKERS(buffers_made) },
    { "buffers_freed", "buffers_freed_total", "given back to it", true,
      WORKERS(buffers_freed) },
    { "buffers", "buffers", "that are there, free ones too", false, WORKERS(buffers) },
    { "buffer_bytes", "buffer_bytes", "bytes of these", false, WORKERS(buffer_bytes) },
    { "buffer_bytes_kept", "buffer_bytes_kept", "bytes of free ones that no thread has", false,
      WORKERS(buffer_bytes_kept) },
};

static const ff_metric runtime_metrics[] = {
    { "slots", "slots", "that are registered", false, RUNTIME(slots) },
    { "threads", "threads", "that have called and not ended", false, RUNTIME(threads) },
    { "instances", "instances", "of all slots", false, RUNTIME(instances_live) },
    { "versions_retired", "versions_retired", "that wait for the last call inside", false,
      RUNTIME(versions_retired) },
    { "versions_reaped", "versions_reaped_total", "freed", true, RUNTIME(versions_reaped) },
    { "compiles", "compiles_total", "artifacts that were compiled", true, RUNTIME(compiles) },
    { "cache_hits", "cache_hits_total", "compilations that the cache saved", true,
      RUNTIME(cache_hits) },
    { "cache_bytes", "cache_bytes", "of compiled code", false, RUNTIME(cache_bytes) },
    { "components", "components", "that are loaded", false, RUNTIME(components) },
};

/* ---------------------------------------------------------------- reading */

/* Others hold what a batch leaves. */
static bool is_queue(const ff_queue *q)
{
    return q->records_max != 0 || q->bytes_max != 0 || q->low_percent != 0 || q->full != 0 ||
           q->rate != 0;
}

static uint64_t mean_of(const berth_histogram *h)
{
    uint64_t count = berth_histogram_count(h);

    return count == 0 ? 0 : atomic_load_explicit(&h->sum, memory_order_relaxed) / count;
}

/* `what` of a stage; 0: how long records waited in an edge. */
static void read_times(ff_numbers *n, berth_flow *flow, uint32_t of, uint32_t what,
                       ff_times *times)
{
    berth_histogram *h;

    if (berth_histogram_create(&n->loaded->allocator, &h, NULL) != BERTH_OK)
        return;
    if ((what == 0 ? berth_flow_waited(flow, of, h) : berth_flow_measured(flow, of, what, h)) ==
        BERTH_OK)
        *times = (ff_times){ berth_histogram_count(h),
                             mean_of(h),
                             berth_histogram_quantile(h, 0.5),
                             berth_histogram_quantile(h, 0.9),
                             berth_histogram_quantile(h, 0.99),
                             berth_histogram_quantile(h, 0.999),
                             berth_histogram_max(h) };
    berth_histogram_destroy(h);
}

static void read_edges(ff_numbers *n, const berth_loaded_flow *loaded)
{
    const ff_model *m = &loaded->file->model;

    for (uint32_t i = 0; i < m->edges_count; i++) {
        ff_edge_numbers *e = &n->edges[i];

        e->stats.size = sizeof e->stats;
        (void)!berth_flow_edge_stats(loaded->flow, i, &e->stats);
        read_times(n, loaded->flow, i, 0, &e->waits);
        e->records_max = m->edges[i].queue.records_max;
        e->bytes_max = m->edges[i].queue.bytes_max;
        if (e->records_max == 0)
            e->records_max = is_queue(&m->edges[i].queue) ? 256 : 64;
        if (e->bytes_max == 0)
            e->bytes_max = UINT64_C(4) << 20;
        n->flow.queued += e->stats.queued;
        n->flow.dead_letters += e->stats.dead_letters;
        for (unsigned k = 0; k < BERTH_DROPPED_REASONS; k++)
            n->flow.dropped += e->stats.dropped[k];
        if (m->stages[m->edges[i].to_stage].role == BERTH_ROLE_SINK)
            n->flow.delivered += e->stats.out;
    }
}

static void read_stages(ff_numbers *n, const berth_loaded_flow *loaded)
{
    for (uint32_t i = 0; i < loaded->file->model.stages_count; i++) {
        berth_stage_stats *s = &n->stages[i].stats;

        read_times(n, loaded->flow, i, BERTH_MEASURED_CALLS, &n->stages[i].calls);
        read_times(n, loaded->flow, i, BERTH_MEASURED_AGES, &n->stages[i].ages);
        s->size = sizeof *s;
        n->slots[i].size = sizeof n->slots[i];
        (void)!berth_flow_stage_stats(loaded->flow, i, s);
        if (loaded->stages[i].slot != NULL)
            (void)!berth_slot_stats_read(loaded->stages[i].slot, &n->slots[i], NULL);
        n->flow.errors += s->failures;
        n->flow.copies += s->copies + s->copies_in + s->copies_out;
        n->flow.copied_bytes += s->copied_bytes + s->copied_in_bytes + s->copied_out_bytes;
    }
}

static bool read_numbers(ff_numbers *n, const berth_loaded_flow *loaded, berthi_arena *arena)
{
    const ff_model *m = &loaded->file->model;

    memset(n, 0, sizeof *n);
    n->loaded = loaded;
    n->stages = berthi_arena_array(arena, m->stages_count, sizeof *n->stages);
    n->slots = berthi_arena_array(arena, m->stages_count, sizeof *n->slots);
    n->edges = berthi_arena_array(arena, m->edges_count + 1, sizeof *n->edges);
    if (n->stages == NULL || n->slots == NULL || n->edges == NULL)
        return false;
    n->flow.stats.size = sizeof n->flow.stats;
    n->runtime.size = sizeof n->runtime;
    (void)!berth_flow_read_stats(loaded->flow, &n->flow.stats);
    (void)!berth_runtime_stats_read(loaded->runtime, &n->runtime, NULL);
    n->workers.size = sizeof n->workers;
    (void)!berth_flows_read_stats(loaded->flows, &n->workers);
    read_stages(n, loaded);
    read_edges(n, loaded);
    return true;
}

uint64_t berthi_ff_report_value(const ff_metric *metric, const void *of)
{
    uint32_t narrow;
    uint64_t wide;

    if (metric->size == sizeof narrow) {
        memcpy(&narrow, (const unsigned char *)of + metric->offset, sizeof narrow);
        return narrow;
    }
    memcpy(&wide, (const unsigned char *)of + metric->offset, sizeof wide);
    return wide;
}

/* ---------------------------------------------------------------- what there is */

static const void *flow_at(const ff_numbers *n, uint32_t at)
{
    (void)at;
    return &n->flow;
}

static const void *stage_at(const ff_numbers *n, uint32_t at)
{
    return &n->stages[at];
}

static const void *edge_at(const ff_numbers *n, uint32_t at)
{
    return &n->edges[at];
}

static const void *slot_at(const ff_numbers *n, uint32_t at)
{
    return n->loaded->stages[at].slot == NULL ? NULL : &n->slots[at];
}

static const void *workers_at(const ff_numbers *n, uint32_t at)
{
    (void)at;
    return &n->workers;
}

static const void *runtime_at(const ff_numbers *n, uint32_t at)
{
    (void)at;
    return &n->runtime;
}

const ff_things berthi_ff_report_things[] = {
    [FF_OF_FLOW] = { "flow", "berth_flow_", COUNTS(flow_metrics), flow_at },
    [FF_OF_STAGE] = { "stages", "berth_flow_stage_", COUNTS(stage_metrics), stage_at },
    [FF_OF_EDGE] = { "edges", "berth_flow_edge_", COUNTS(edge_metrics), edge_at },
    [FF_OF_SLOT] = { "slot", "berth_flow_slot_", COUNTS(slot_metrics), slot_at },
    [FF_OF_WORKERS] = { "workers", "berth_flow_workers_", COUNTS(worker_metrics), workers_at },
    [FF_OF_RUNTIME] = { "runtime", "berth_runtime_", COUNTS(runtime_metrics), runtime_at },
};

berth_status berth_loaded_flow_report(berth_loaded_flow *loaded, uint32_t form,
                                      berth_arena *arena, const char **text_out)
{
    berthi_arena scratch;
    berthi_text_buf out;
    ff_numbers n;
    char *copy = NULL;

    if (form != BERTH_FLOW_REPORT_JSON && form != BERTH_FLOW_REPORT_PROMETHEUS)
        return BERTH_E_INVALID;
    berthi_arena_init(&scratch, &loaded->allocator, SIZE_MAX);
    berthi_text_buf_init(&out, &loaded->allocator);
    if (read_numbers(&n, loaded, &scratch)) {
        if (form == BERTH_FLOW_REPORT_JSON)
            berthi_ff_report_json(&n, &out);
        else
            berthi_ff_report_prometheus(&n, &out);
        if (!out.has_failed)
            copy = berth_arena_alloc(arena, out.size + 1);
    }
    if (copy != NULL) {
        memcpy(copy, out.data, out.size + 1);
        *text_out = copy;
    }
    berthi_text_buf_fini(&out);
    berthi_arena_fini(&scratch);
    return copy == NULL ? BERTH_E_NOMEM : BERTH_OK;
}
