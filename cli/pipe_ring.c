/* pipe_ring.c - who holds which batch, and what has been counted.  Layer: cli.
 *
 *  R1  Batch number n lies in slot n % batches_count and is in one state at a time; it goes
 *      FREE, FILLED, TAKEN, (PARTIAL, TAKEN)*, DONE, FREE.
 *  R2  written <= taken <= filled <= written + batches_count.
 *  R3  Batches are written in the order of their numbers; totals count written batches only, so
 *      that records_done is a count of the first records, without holes.
 *  R4  The worker of the oldest batch never waits for anything but the writer: there is always
 *      progress.
 */
#include <assert.h>
#include <string.h>

#include "pipe.h"

void pipe_ring_init(pipe_ring *ring, uint32_t batches_count)
{
    memset(ring, 0, sizeof *ring);
    pthread_mutex_init(&ring->mutex, NULL);
    pthread_cond_init(&ring->is_free, NULL);
    pthread_cond_init(&ring->is_filled, NULL);
    pthread_cond_init(&ring->is_done, NULL);
    pthread_cond_init(&ring->is_written, NULL);
    ring->end = UINT64_MAX;
    ring->batches_count = batches_count;
    ring->batches = cli_alloc(batches_count * sizeof *ring->batches);
    memset(ring->batches, 0, batches_count * sizeof *ring->batches);
    for (uint32_t i = 0; i < batches_count; i++)
        ring->batches[i].records = cli_alloc(PIPE_BATCH_RECORDS_MAX * sizeof(pipe_record));
    ring->versions = cli_alloc((PIPE_VERSIONS_MAX + 1) * sizeof *ring->versions);
}

void pipe_ring_fini(pipe_ring *ring)
{
    for (uint32_t i = 0; i < ring->batches_count; i++) {
        pipe_batch *batch = &ring->batches[i];

        cli_free(batch->in.data);
        cli_free(batch->out.data);
        cli_free(batch->records);
        cli_free(batch->tallies.entries);
    }
    cli_free(ring->batches);
    cli_free(ring->versions);
    pthread_cond_destroy(&ring->is_written);
    pthread_cond_destroy(&ring->is_done);
    pthread_cond_destroy(&ring->is_filled);
    pthread_cond_destroy(&ring->is_free);
    pthread_mutex_destroy(&ring->mutex);
}

static pipe_batch *batch_at(pipe_ring *ring, uint64_t number)
{
    return &ring->batches[number % ring->batches_count];
}

pipe_batch *pipe_ring_acquire(pipe_ring *ring)
{
    pipe_batch *batch = NULL;

    pthread_mutex_lock(&ring->mutex);
    while (!ring->is_aborted && ring->filled >= ring->written + ring->batches_count)
        pthread_cond_wait(&ring->is_free, &ring->mutex);
    if (!ring->is_aborted && ring->filled < ring->end) {
        batch = batch_at(ring, ring->filled);
        assert(batch->state == PIPE_FREE);
        batch->number = ring->filled;
        batch->first = ring->records_read + 1;
    }
    pthread_mutex_unlock(&ring->mutex);
    return batch;
}

void pipe_ring_fill(pipe_ring *ring, pipe_batch *batch)
{
    pthread_mutex_lock(&ring->mutex);
    assert(batch->number == ring->filled && batch->records_count > 0);
    batch->state = PIPE_FILLED;
    ring->filled++;
    ring->records_read += batch->records_count;
    ring->bytes_read += batch->bytes_in;
    pthread_cond_signal(&ring->is_filled);
    pthread_mutex_unlock(&ring->mutex);
}

static void set_end(pipe_ring *ring, uint64_t number)
{
    if (number < ring->end)
        ring->end = number;
    pthread_cond_broadcast(&ring->is_filled);
    pthread_cond_signal(&ring->is_done);
    pthread_cond_signal(&ring->is_free);
}

void pipe_ring_complete(pipe_ring *ring)
{
    pthread_mutex_lock(&ring->mutex);
    set_end(ring, ring->filled);
    pthread_mutex_unlock(&ring->mutex);
}

pipe_batch *pipe_ring_take(pipe_ring *ring, bool *waited_out)
{
    pipe_batch *batch = NULL;

    *waited_out = false;
    pthread_mutex_lock(&ring->mutex);
    while (!ring->is_aborted && ring->taken == ring->filled && ring->taken < ring->end) {
        *waited_out = true;
        pthread_cond_wait(&ring->is_filled, &ring->mutex);
    }
    if (!ring->is_aborted && ring->taken < ring->filled && ring->taken < ring->end) {
        batch = batch_at(ring, ring->taken++);
        assert(batch->state == PIPE_FILLED);
        batch->state = PIPE_TAKEN;
    }
    pthread_mutex_unlock(&ring->mutex);
    return batch;
}

bool pipe_ring_flush(pipe_ring *ring, pipe_batch *batch)
{
    bool aborted;

    pthread_mutex_lock(&ring->mutex);
    batch->state = PIPE_PARTIAL;
    if (batch->number == ring->written)
        pthread_cond_signal(&ring->is_done);
    while (!ring->is_aborted && batch->state == PIPE_PARTIAL)
        pthread_cond_wait(&ring->is_written, &ring->mutex);
    aborted = ring->is_aborted;
    pthread_mutex_unlock(&ring->mutex);
    return !aborted;
}

void pipe_ring_done(pipe_ring *ring, pipe_batch *batch)
{
    pthread_mutex_lock(&ring->mutex);
    batch->state = PIPE_DONE;
    if (batch->is_stopped)
        set_end(ring, batch->number + 1); /* all before it were taken before it (R1) */
    if (batch->number == ring->written)
        pthread_cond_signal(&ring->is_done);
    pthread_mutex_unlock(&ring->mutex);
}

pipe_batch *pipe_ring_next(pipe_ring *ring)
{
    pipe_batch *batch = NULL;

    pthread_mutex_lock(&ring->mutex);
    while (!ring->is_aborted && ring->written < ring->end) {
        batch = batch_at(ring, ring->written);
        if (batch->state == PIPE_DONE || batch->state == PIPE_PARTIAL)
            break;
        batch = NULL;
        pthread_cond_wait(&ring->is_done, &ring->mutex);
    }
    if (ring->is_aborted)
        batch = NULL;
    pthread_mutex_unlock(&ring->mutex);
    return batch;
}

/* The entry of that version; made, and the oldest folded away, when it is new. */
static pipe_version *find_version(pipe_ring *ring, uint64_t number)
{
    pipe_version *versions = ring->versions;
    size_t at = ring->versions_count;

    while (at > 0 && versions[at - 1].tally.version > number)
        at--;
    if (at > 0 && versions[at - 1].tally.version == number)
        return &versions[at - 1];
    memmove(&versions[at + 1], &versions[at], (ring->versions_count - at) * sizeof *versions);
    versions[at] = (pipe_version){ .tally.version = number };
    if (++ring->versions_count <= PIPE_VERSIONS_MAX)
        return &versions[at];
    ring->older.tally.answered += versions[0].tally.answered;
    ring->older.tally.dropped += versions[0].tally.dropped;
    ring->older.tally.failed += versions[0].tally.failed;
    ring->older_count++;
    ring->versions_count--;
    memmove(&versions[0], &versions[1], ring->versions_count * sizeof *versions);
    return at == 0 ? &ring->older : &versions[at - 1];
}

static void count_batch(pipe_ring *ring, const pipe_batch *batch)
{
    pipe_counts *totals = &ring->totals;
    const pipe_counts *counts = &batch->counts;

    totals->answered += counts->answered;
    totals->dropped += counts->dropped;
    totals->passed += counts->passed;
    totals->removed += counts->removed;
    totals->stopped += counts->stopped;
    totals->bytes_out += counts->bytes_out;
    for (size_t i = 0; i < PIPE_FAILURES; i++)
        totals->failed[i] += counts->failed[i];
    ring->records_done +=
        counts->answered + counts->dropped + counts->passed + counts->removed + counts->stopped;
    for (size_t i = 0; i < batch->tallies.count; i++) {
        const pipe_tally *tally = &batch->tallies.entries[i];
        pipe_version *version = find_version(ring, tally->version);

        version->tally.answered += tally->answered;
        version->tally.dropped += tally->dropped;
        version->tally.failed += tally->failed;
    }
}

void pipe_ring_written(pipe_ring *ring, pipe_batch *batch)
{
    pthread_mutex_lock(&ring->mutex);
    assert(batch->number == ring->written);
    batch->out.size = 0;
    if (batch->state == PIPE_PARTIAL) {
        batch->state = PIPE_TAKEN;
        pthread_cond_broadcast(&ring->is_written);
    } else {
        count_batch(ring, batch);
        batch->state = PIPE_FREE;
        ring->written++;
        pthread_cond_signal(&ring->is_free);
    }
    pthread_mutex_unlock(&ring->mutex);
}

void pipe_ring_abort(pipe_ring *ring)
{
    pthread_mutex_lock(&ring->mutex);
    ring->is_aborted = true;
    pthread_cond_broadcast(&ring->is_written);
    set_end(ring, ring->filled);
    pthread_mutex_unlock(&ring->mutex);
}

void pipe_buffer_reserve(pipe_buffer *buffer, size_t more)
{
    size_t room = buffer->room == 0 ? PIPE_BATCH_BYTES : buffer->room;

    if (buffer->room - buffer->size >= more)
        return;
    while (room - buffer->size < more)
        room *= 2;
    buffer->data = cli_realloc(buffer->data, room);
    buffer->room = room;
}

pipe_tally *pipe_tally_of(pipe_tallies *tallies, uint64_t version)
{
    for (size_t at = tallies->count; at > 0; at--)
        if (tallies->entries[at - 1].version == version)
            return &tallies->entries[at - 1];
    if (tallies->count == tallies->room) {
        tallies->room = tallies->room == 0 ? 4 : 2 * tallies->room;
        tallies->entries =
            cli_realloc(tallies->entries, tallies->room * sizeof *tallies->entries);
    }
    tallies->entries[tallies->count] = (pipe_tally){ .version = version };
    return &tallies->entries[tallies->count++];
}

void pipe_ring_learn(pipe_ring *ring, const berth_version_stats *stats, size_t count)
{
    pthread_mutex_lock(&ring->mutex);
    for (size_t i = 0; i < count; i++) {
        pipe_version *version = find_version(ring, stats[i].version);

        if (version == &ring->older)
            continue;
        version->is_known = true;
        memcpy(version->digest, stats[i].digest, sizeof version->digest);
        memcpy(version->name, stats[i].plugin_name, sizeof version->name);
        memcpy(version->label, stats[i].plugin_version, sizeof version->label);
    }
    pthread_mutex_unlock(&ring->mutex);
}
