/* pipe_work.c - the workers: call the hook for each record of a batch.  Layer: cli.
 *
 * Around a swap (and only then, because a clock read costs as much as a small call) each worker
 * measures the time from the end of one call to the end of the next.  Time in which it had
 * nothing to do does not count. */
#include <string.h>

#include "pipe.h"

typedef struct worker {
    pipeline *line;
    berth_call call;
    berth_diag diag;
    uint64_t last_end_ns; /* of a call, while gaps are watched; 0: nothing to measure from */
    bool is_lines;
} worker;

static void watch_gap(worker *w, uint64_t until_ns)
{
    pipeline *line = w->line;
    uint64_t now = cli_now_ns(), last = w->last_end_ns;
    uint64_t longest = atomic_load_explicit(&line->longest_gap_ns, memory_order_relaxed);

    if (now >= until_ns) { /* over, unless another swap has begun meanwhile */
        atomic_compare_exchange_strong_explicit(&line->watch_until_ns, &until_ns, 0,
                                                memory_order_relaxed, memory_order_relaxed);
        w->last_end_ns = 0;
        return;
    }
    w->last_end_ns = now;
    if (last == 0)
        return;
    while (now - last > longest &&
           !atomic_compare_exchange_weak_explicit(&line->longest_gap_ns, &longest, now - last,
                                                  memory_order_relaxed, memory_order_relaxed))
        continue;
}

/* Puts one record into the output, framed as the input is. */
static void put_record(worker *w, pipe_batch *batch, uint32_t index, const void *data,
                       size_t size)
{
    pipe_buffer *out = &batch->out;
    size_t before = out->size;
    unsigned char *to;

    pipe_buffer_reserve(out, size + 4);
    to = out->data + out->size;
    if (!w->is_lines)
        for (unsigned i = 0; i < 4; i++)
            *to++ = (unsigned char)(size >> (8 * i));
    if (size > 0)
        memcpy(to, data, size);
    to += size;
    if (w->is_lines && !(batch->is_unterminated && index + 1 == batch->records_count))
        *to++ = '\n';
    out->size = (size_t)(to - out->data);
    batch->counts.bytes_out += out->size - before;
}

/* The first failure of each kind is told; the others are counted. */
static void report_failure(worker *w, uint64_t record, berth_status status)
{
    pipeline *line = w->line;
    uint64_t reason_bit = (uint64_t)1 << ((unsigned)w->diag.reason & 63);
    uint32_t status_bit = (uint32_t)1 << ((unsigned)status & 31);
    bool is_new;
    char what[32];

    pthread_mutex_lock(&line->report_mutex);
    if (w->diag.reason != BERTH_REASON_NONE) {
        is_new = (line->reported_reasons & reason_bit) == 0;
        line->reported_reasons |= reason_bit;
    } else {
        is_new = (line->reported_statuses & status_bit) == 0;
        line->reported_statuses |= status_bit;
    }
    pthread_mutex_unlock(&line->report_mutex);
    if (is_new && !line->options->quiet)
        cli_fail_diag(CLI_FAILED, pipe_record_name(line, record, what), NULL, status, &w->diag);
}

/* What --on-error says.  False: the pipe ends here. */
static bool settle_failure(worker *w, pipe_batch *batch, uint32_t index, berth_status status)
{
    const pipe_record *record = &batch->records[index];

    batch->counts.failed[(unsigned)status < PIPE_FAILURES ? status : BERTH_E_INVALID]++;
    switch (w->line->options->on_error) {
    case CLI_ON_ERROR_PASS:
        batch->counts.passed++;
        put_record(w, batch, index, batch->in.data + record->offset, record->size);
        break;
    case CLI_ON_ERROR_DROP:
        batch->counts.removed++;
        break;
    default: /* told by the writer, which knows what came before it */
        batch->counts.stopped++;
        batch->is_stopped = true;
        batch->failure = w->diag;
        batch->failure_status = status;
        batch->failure_record = batch->first + index;
        return false;
    }
    report_failure(w, batch->first + index, status);
    return true;
}

static bool work_record(worker *w, pipe_batch *batch, uint32_t index)
{
    const pipe_record *record = &batch->records[index];
    berth_status status;
    berth_reply reply;
    bool goes_on = true;
    uint64_t until_ns;

    w->call.input = batch->in.data + record->offset;
    w->call.input_size = record->size;
    status = berth_slot_call(w->line->host.slot, &w->call, &reply, &w->diag);
    until_ns = atomic_load_explicit(&w->line->watch_until_ns, memory_order_relaxed);
    if (until_ns != 0)
        watch_gap(w, until_ns);
    if (status != BERTH_OK) {
        if (reply.version != 0) /* else it was called in none */
            pipe_tally_of(&batch->tallies, reply.version)->failed++;
        goes_on = settle_failure(w, batch, index, status);
    } else if (reply.is_dropped != 0) {
        pipe_tally_of(&batch->tallies, reply.version)->dropped++;
        batch->counts.dropped++;
    } else {
        pipe_tally_of(&batch->tallies, reply.version)->answered++;
        batch->counts.answered++;
        put_record(w, batch, index, reply.data, reply.size);
    }
    berth_arena_reset(w->call.arena);
    return goes_on;
}

static void work_batch(worker *w, pipe_batch *batch)
{
    memset(&batch->counts, 0, sizeof batch->counts);
    batch->tallies.count = 0;
    batch->is_stopped = false;
    batch->out.size = 0;
    for (uint32_t i = 0; i < batch->records_count; i++) {
        if (!work_record(w, batch, i))
            break;
        if (batch->out.size >= PIPE_OUTPUT_BYTES_MAX) {
            w->last_end_ns = 0; /* waiting for stdout is nobody's gap */
            if (!pipe_ring_flush(&w->line->ring, batch))
                return;
        }
    }
    pipe_ring_done(&w->line->ring, batch);
}

void *pipe_worker(void *context)
{
    worker w = { .line = context, .call = BERTH_CALL_INIT };
    bool waited;

    w.is_lines = w.line->options->records != CLI_RECORDS_U32LE;
    w.call.hook = w.line->host.hook;
    if (berth_arena_create(NULL, PIPE_BATCH_BYTES, &w.call.arena, &w.diag) != BERTH_OK) {
        pipe_failed(w.line, cli_fail_diag(CLI_FAILED, "memory", NULL, BERTH_E_NOMEM, &w.diag));
        pipe_ring_abort(&w.line->ring);
        return NULL;
    }
    for (;;) {
        pipe_batch *batch = pipe_ring_take(&w.line->ring, &waited);

        if (batch == NULL)
            break;
        if (waited)
            w.last_end_ns = 0;
        work_batch(&w, batch);
    }
    berth_arena_destroy(w.call.arena);
    return NULL;
}
