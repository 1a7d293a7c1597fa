/* pipe_report.c - what a pipe says of itself: stat, summary, progress.  Layer: cli.
 *
 * The keys are an interface; docs/metrics.md lists them, and a test compares. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pipe.h"

/* Counters that are exact together: taken under one lock. */
typedef struct snapshot {
    uint64_t records_read, records_done, bytes_read;
    pipe_counts totals;
    pipe_version versions[PIPE_VERSIONS_MAX], older;
    size_t versions_count;
    uint64_t older_count;
} snapshot;

static void take_snapshot(pipe_ring *ring, snapshot *s)
{
    pthread_mutex_lock(&ring->mutex);
    s->records_read = ring->records_read;
    s->records_done = ring->records_done;
    s->bytes_read = ring->bytes_read;
    s->totals = ring->totals;
    s->versions_count = ring->versions_count;
    memcpy(s->versions, ring->versions, ring->versions_count * sizeof *ring->versions);
    s->older = ring->older;
    s->older_count = ring->older_count;
    pthread_mutex_unlock(&ring->mutex);
}

static void put(json_t *object, const char *key, uint64_t value)
{
    json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void put_text(json_t *object, const char *key, const char *value)
{
    char clean[CLI_TEXT_MAX];

    cli_clean(clean, sizeof clean, value, true);
    json_object_set_new(object, key, json_string(clean));
}

static json_t *records_json(const snapshot *s)
{
    const pipe_counts *t = &s->totals;
    json_t *o = json_object();

    put(o, "in", s->records_read);
    put(o, "out", t->answered + t->passed);
    put(o, "answered", t->answered);
    put(o, "dropped", t->dropped);
    put(o, "passed", t->passed);
    put(o, "removed", t->removed);
    put(o, "stopped", t->stopped);
    put(o, "pending", s->records_read - s->records_done);
    put(o, "bytes_in", s->bytes_read);
    put(o, "bytes_out", t->bytes_out);
    return o;
}

/* One key for each status that a call can end with; zero ones too, so that keys are stable. */
static json_t *failures_json(const snapshot *s)
{
    static const struct {
        berth_status status;
        const char *key;
    } keys[] = {
        { BERTH_E_TRAP, "trap" },    { BERTH_E_DEADLINE, "deadline" },
        { BERTH_E_LIMIT, "limit" },  { BERTH_E_ABI, "abi" },
        { BERTH_E_BUSY, "busy" },    { BERTH_E_ABSENT, "absent" },
        { BERTH_E_NOMEM, "memory" },
    };
    uint64_t total = 0, named = 0;
    json_t *o = json_object();

    for (size_t i = 0; i < PIPE_FAILURES; i++)
        total += s->totals.failed[i];
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        put(o, keys[i].key, s->totals.failed[keys[i].status]);
        named += s->totals.failed[keys[i].status];
    }
    put(o, "other", total - named);
    return o;
}

static json_t *version_json(const pipe_version *v)
{
    char hex[2 * BERTH_DIGEST_SIZE + 1] = "";
    json_t *o = json_object();

    if (v->is_known)
        cli_digest_hex(hex, v->digest);
    put(o, "version", v->tally.version);
    put_text(o, "name", v->is_known ? v->name : "");
    put_text(o, "label", v->is_known ? v->label : "");
    put_text(o, "digest", hex);
    put(o, "answered", v->tally.answered);
    put(o, "dropped", v->tally.dropped);
    put(o, "failed", v->tally.failed);
    return o;
}

static void put_versions(json_t *root, const snapshot *s)
{
    json_t *list = json_array(), *older = json_object();

    for (size_t i = 0; i < s->versions_count; i++)
        json_array_append_new(list, version_json(&s->versions[i]));
    json_object_set_new(root, "versions", list);
    put(older, "versions", s->older_count);
    put(older, "answered", s->older.tally.answered);
    put(older, "dropped", s->older.tally.dropped);
    put(older, "failed", s->older.tally.failed);
    json_object_set_new(root, "older", older);
}

static json_t *swaps_json(pipeline *line)
{
    json_t *o = json_object();
    pipe_swaps swaps;

    pthread_mutex_lock(&line->swap_mutex);
    swaps = line->swaps;
    pthread_mutex_unlock(&line->swap_mutex);
    put(o, "installed", swaps.installed);
    put(o, "unchanged", swaps.unchanged);
    put(o, "refused", swaps.refused);
    put(o, "rollbacks", swaps.rollbacks);
    put(o, "evictions", swaps.evictions);
    put(o, "longest_gap_ns", atomic_load_explicit(&line->longest_gap_ns, memory_order_relaxed));
    return o;
}

/* A counter of the library's, 32 or 64 bits wide. */
typedef struct gauge {
    const char *key;
    size_t at, size;
} gauge;
/* clang-format off */
#define COUNT(array) (sizeof(array) / sizeof *(array))
#define GAUGE(key, type, field) { key, offsetof(type, field), sizeof((type){ 0 }.field) }
/* clang-format on */

static const gauge slot_gauges[] = {
    GAUGE("version", berth_slot_stats, version),
    GAUGE("kept_version", berth_slot_stats, kept_version),
    GAUGE("in_flight", berth_slot_stats, in_flight),
    GAUGE("calls", berth_slot_stats, calls),
    GAUGE("answered", berth_slot_stats, answered),
    GAUGE("dropped", berth_slot_stats, dropped),
    GAUGE("traps", berth_slot_stats, traps),
    GAUGE("deadlines", berth_slot_stats, deadlines),
    GAUGE("limits", berth_slot_stats, limits),
    GAUGE("violations", berth_slot_stats, violations),
    GAUGE("other_failures", berth_slot_stats, other_failures),
    GAUGE("busy", berth_slot_stats, busy),
    GAUGE("bytes_in", berth_slot_stats, bytes_in),
    GAUGE("bytes_out", berth_slot_stats, bytes_out),
    GAUGE("installs", berth_slot_stats, installs),
    GAUGE("unchanged", berth_slot_stats, unchanged),
    GAUGE("refused", berth_slot_stats, refused),
    GAUGE("rollbacks", berth_slot_stats, rollbacks),
    GAUGE("instances_made", berth_slot_stats, instances_made),
    GAUGE("instances_discarded", berth_slot_stats, instances_discarded),
    GAUGE("instances_live", berth_slot_stats, instances_live),
    GAUGE("versions_retired", berth_slot_stats, versions_retired),
    GAUGE("oldest_call_ns", berth_slot_stats, oldest_call_ns),
};

static const gauge latency_gauges[] = {
    GAUGE("p50", berth_slot_stats, time_p50_ns),   GAUGE("p99", berth_slot_stats, time_p99_ns),
    GAUGE("p999", berth_slot_stats, time_p999_ns), GAUGE("max", berth_slot_stats, time_max_ns),
    GAUGE("total", berth_slot_stats, time_ns),
};

static const gauge runtime_gauges[] = {
    GAUGE("slots", berth_runtime_stats, slots),
    GAUGE("threads", berth_runtime_stats, threads),
    GAUGE("instances_live", berth_runtime_stats, instances_live),
    GAUGE("versions_retired", berth_runtime_stats, versions_retired),
    GAUGE("versions_reaped", berth_runtime_stats, versions_reaped),
    GAUGE("compiles", berth_runtime_stats, compiles),
    GAUGE("compile_failures", berth_runtime_stats, compile_failures),
    GAUGE("cache_hits", berth_runtime_stats, cache_hits),
    GAUGE("cache_evictions", berth_runtime_stats, cache_evictions),
    GAUGE("cache_entries", berth_runtime_stats, cache_entries),
    GAUGE("cache_bytes", berth_runtime_stats, cache_bytes),
    GAUGE("components", berth_runtime_stats, components),
    GAUGE("component_loads", berth_runtime_stats, component_loads),
};

static json_t *gauges_json(const void *stats, const gauge *gauges, size_t count)
{
    json_t *o = json_object();

    for (size_t i = 0; i < count; i++) {
        const char *at = (const char *)stats + gauges[i].at;
        uint32_t narrow = 0;
        uint64_t wide = 0;

        if (gauges[i].size == sizeof narrow)
            memcpy(&narrow, at, sizeof narrow);
        else
            memcpy(&wide, at, sizeof wide);
        put(o, gauges[i].key, narrow + wide);
    }
    return o;
}

static uint64_t per_second(uint64_t count, uint64_t ns)
{
    return ns == 0 ? 0 : (uint64_t)((double)count * 1e9 / (double)ns);
}

json_t *pipe_stat(pipeline *line)
{
    berth_slot_stats slot = BERTH_SLOT_STATS_INIT;
    berth_runtime_stats runtime = BERTH_RUNTIME_STATS_INIT;
    uint64_t wall_ns = cli_now_ns() - line->started_ns;
    snapshot *s = cli_alloc(sizeof *s);
    json_t *root = json_object();

    pipe_learn_versions(line);
    if (berth_slot_stats_read(line->host.slot, &slot, NULL) != BERTH_OK ||
        berth_runtime_stats_read(line->host.runtime, &runtime, NULL) != BERTH_OK) {
        json_decref(root);
        cli_free(s);
        return NULL;
    }
    take_snapshot(&line->ring, s);
    put_text(root, "berth", berth_version_text());
    put_text(root, "engine", berth_runtime_engine(line->host.runtime));
    put_text(root, "hook", line->options->hook);
    put(root, "wall_ns", wall_ns);
    put(root, "records_per_second", per_second(s->records_done, wall_ns));
    json_object_set_new(root, "records", records_json(s));
    json_object_set_new(root, "failures", failures_json(s));
    json_object_set_new(root, "swaps", swaps_json(line));
    json_object_set_new(root, "latency_ns",
                        gauges_json(&slot, latency_gauges, COUNT(latency_gauges)));
    json_object_set_new(root, "slot", gauges_json(&slot, slot_gauges, COUNT(slot_gauges)));
    put_versions(root, s);
    json_object_set_new(root, "runtime",
                        gauges_json(&runtime, runtime_gauges, COUNT(runtime_gauges)));
    cli_free(s);
    return root;
}

int pipe_summary_write(pipeline *line, const char *path, const char *ended)
{
    json_t *root = pipe_stat(line);
    char *text, *whole;
    size_t size;
    int code;

    if (root == NULL)
        return cli_fail_os(path, "the summary was not written", ENOMEM);
    put_text(root, "ended", ended);
    text = json_dumps(root, JSON_INDENT(2));
    json_decref(root);
    if (text == NULL)
        return cli_fail_os(path, "the summary was not written", ENOMEM);
    size = strlen(text) + sizeof "\n";
    whole = cli_alloc(size);
    snprintf(whole, size, "%s\n", text);
    code = cli_file_write(path, "--summary", whole, size - 1);
    cli_free(whole);
    free(text);
    return code;
}

void pipe_progress_print(pipeline *line)
{
    pipe_ring *ring = &line->ring;
    uint64_t done, failed, ns = cli_now_ns() - line->started_ns;
    berth_slot_stats slot = BERTH_SLOT_STATS_INIT;
    char text[200];

    pthread_mutex_lock(&ring->mutex);
    done = ring->records_done;
    failed = ring->totals.passed + ring->totals.removed;
    pthread_mutex_unlock(&ring->mutex);
    if (berth_slot_stats_read(line->host.slot, &slot, NULL) != BERTH_OK)
        return;
    snprintf(text, sizeof text, "\r%llu records, %llu/s, version %llu, %llu failed\033[K",
             (unsigned long long)done, (unsigned long long)per_second(done, ns),
             (unsigned long long)slot.version, (unsigned long long)failed);
    cli_progress_line(text);
}
