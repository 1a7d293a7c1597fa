/* pipe_swap.c - what a pipe does for `berth ctl`: swap, rollback, stat, evict.  Layer: cli.
 *
 * The protocol is in docs/control.md: a request is a line of text, the answer a line of JSON
 * with "status" in it; "ok" or the name of a berth_status. */
#include <stdlib.h>
#include <string.h>

#include "pipe.h"

enum { VERSIONS_LEARNT = 16, WATCH_AFTER_NS = 50 * 1000 * 1000 };

void pipe_learn_versions(pipeline *line)
{
    berth_version_stats stats[VERSIONS_LEARNT];
    size_t count = berth_slot_versions(line->host.slot, stats, VERSIONS_LEARNT);

    pipe_ring_learn(&line->ring, stats, count < VERSIONS_LEARNT ? count : VERSIONS_LEARNT);
}

/* `advice` NULL: what helps against such a failure in general. */
static json_t *failure_json(berth_status status, const berth_diag *diag, const char *advice)
{
    char clean[CLI_TEXT_MAX], word[64];
    json_t *o = json_object();

    cli_clean(clean, sizeof clean, diag->text, true);
    json_object_set_new(o, "status", json_string(berth_status_name(status)));
    json_object_set_new(o, "reason",
                        json_string(berth_reason_name((berth_reason)diag->reason)));
    json_object_set_new(
        o, "word",
        json_string(cli_failure_word(word, sizeof word, status, (berth_reason)diag->reason)));
    json_object_set_new(o, "text", json_string(clean));
    if (advice == NULL)
        advice = cli_failure_advice(status, (berth_reason)diag->reason);
    json_object_set_new(o, "advice", json_string(advice));
    return o;
}

static uint64_t current_version(pipeline *line)
{
    berth_slot_stats slot = BERTH_SLOT_STATS_INIT;

    return berth_slot_stats_read(line->host.slot, &slot, NULL) == BERTH_OK ? slot.version : 0;
}

/* How far the stream was around a change of version: records up to `before.done` were answered
 * by the old version or an older one; records after `after.read` are called in the new one. */
typedef struct place {
    uint64_t read, done;
} place;

static place place_now(pipe_ring *ring)
{
    place p;

    pthread_mutex_lock(&ring->mutex);
    p.read = ring->records_read;
    p.done = ring->records_done;
    pthread_mutex_unlock(&ring->mutex);
    return p;
}

static void put_change(json_t *o, uint64_t version, uint64_t previous, place before,
                       place after)
{
    json_t *at = json_object();

    json_object_set_new(o, "status", json_string("ok"));
    json_object_set_new(o, "version", json_integer((json_int_t)version));
    json_object_set_new(o, "previous", json_integer((json_int_t)previous));
    json_object_set_new(at, "before_done", json_integer((json_int_t)before.done));
    json_object_set_new(at, "after_read", json_integer((json_int_t)after.read));
    json_object_set_new(o, "at", at);
}

/* A swap is going on until UINT64_MAX is taken away; a rollback does not end a swap's watch. */
static void watch_until(pipeline *line, uint64_t until_ns, bool is_swap)
{
    uint64_t old = atomic_load_explicit(&line->watch_until_ns, memory_order_relaxed);

    do {
        if (old == UINT64_MAX && !is_swap)
            return;
    } while (!atomic_compare_exchange_weak_explicit(
        &line->watch_until_ns, &old, until_ns, memory_order_relaxed, memory_order_relaxed));
}

static json_t *swap(pipeline *line, const char *path)
{
    uint64_t began = cli_now_ns(), previous = current_version(line);
    berth_installed installed = { 0 };
    berth_diag diag = { 0 };
    char hex[2 * BERTH_DIGEST_SIZE + 1];
    place before, after;
    berth_status status;
    json_t *o;

    pipe_learn_versions(line);
    watch_until(line, UINT64_MAX, true);
    before = place_now(&line->ring);
    status = cli_host_install(&line->host, line->options, path, &installed, &diag);
    after = place_now(&line->ring);
    watch_until(line, cli_now_ns() + WATCH_AFTER_NS, true);
    pipe_learn_versions(line);

    pthread_mutex_lock(&line->swap_mutex);
    if (status != BERTH_OK)
        line->swaps.refused++;
    else if (installed.is_unchanged != 0)
        line->swaps.unchanged++;
    else
        line->swaps.installed++;
    pthread_mutex_unlock(&line->swap_mutex);
    if (status != BERTH_OK) {
        o = failure_json(status, &diag, NULL);
        json_object_set_new(o, "refused",
                            json_boolean(cli_install_exit(status) == CLI_REJECTED));
        json_object_set_new(o, "version", json_integer((json_int_t)current_version(line)));
        return o;
    }
    o = json_object();
    put_change(o, installed.version, previous, before, after);
    json_object_set_new(o, "unchanged", json_boolean(installed.is_unchanged != 0));
    cli_digest_hex(hex, installed.digest);
    json_object_set_new(o, "digest", json_string(hex));
    json_object_set_new(o, "took_ns", json_integer((json_int_t)(cli_now_ns() - began)));
    return o;
}

static json_t *rollback(pipeline *line)
{
    uint64_t previous = current_version(line), version = 0;
    berth_diag diag = { 0 };
    place before, after;
    berth_status status;
    json_t *o;

    pipe_learn_versions(line);
    before = place_now(&line->ring);
    watch_until(line, cli_now_ns() + WATCH_AFTER_NS, false);
    status = berth_slot_rollback(line->host.slot, &version, &diag);
    after = place_now(&line->ring);
    if (status != BERTH_OK)
        return failure_json(status, &diag, "swap a version in first; one before it is kept");
    pthread_mutex_lock(&line->swap_mutex);
    line->swaps.rollbacks++;
    pthread_mutex_unlock(&line->swap_mutex);
    o = json_object();
    put_change(o, version, previous, before, after);
    return o;
}

static json_t *evict(pipeline *line)
{
    const char *tenant = line->host.tenant == NULL ? "" : line->host.tenant;
    uint64_t previous = current_version(line);
    berth_diag diag = { .text = "there is nothing left to evict" };
    place before, after;
    berth_status status;
    json_t *o;

    pipe_learn_versions(line);
    before = place_now(&line->ring);
    status = berth_slot_evict(line->host.runtime, tenant, line->host.name);
    after = place_now(&line->ring);
    if (status != BERTH_OK)
        return failure_json(status, &diag, "start another pipe to serve again");
    pthread_mutex_lock(&line->swap_mutex);
    line->swaps.evictions++;
    pthread_mutex_unlock(&line->swap_mutex);
    o = json_object();
    put_change(o, 0, previous, before, after);
    return o;
}

static json_t *stat_answer(pipeline *line)
{
    json_t *o = pipe_stat(line);

    if (o != NULL)
        json_object_set_new(o, "status", json_string("ok"));
    return o;
}

static json_t *refuse_request(const char *text)
{
    berth_diag diag = { 0 };

    snprintf(diag.text, sizeof diag.text, "%s", text);
    return failure_json(BERTH_E_INVALID, &diag, "docs/control.md describes the requests");
}

bool pipe_request_is_slow(const char *request)
{
    return strncmp(request, "swap ", 5) == 0;
}

char *pipe_answer(void *context, const char *request)
{
    pipeline *line = context;
    json_t *o;
    char *text;

    if (strncmp(request, "swap ", 5) == 0)
        o = request[5] == '/' ? swap(line, request + 5)
                              : refuse_request("swap needs an absolute path");
    else if (strcmp(request, "rollback") == 0)
        o = rollback(line);
    else if (strcmp(request, "stat") == 0)
        o = stat_answer(line);
    else if (strcmp(request, "evict") == 0)
        o = evict(line);
    else
        o = refuse_request("there is no such request");
    text = o == NULL ? NULL : json_dumps(o, JSON_COMPACT);
    json_decref(o);
    return text;
}
