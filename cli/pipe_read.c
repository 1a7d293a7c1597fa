/* pipe_read.c - the reader: cuts stdin into records and those into batches.  Layer: cli.
 *
 * A batch is handed on when it is full and whenever the input pauses, so that a person who types
 * a line sees its reply, and a fast producer pays for one hand-over per thousand lines. */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "pipe.h"

enum { PREFIX_SIZE = 4 };

typedef struct reader {
    pipeline *line;
    pipe_batch *batch;
    size_t cut;        /* bytes of batch->in that are in records */
    size_t scanned;    /* bytes known to hold no newline behind `cut`; lines only */
    pipe_buffer carry; /* what is behind the last record of the batch before */
    bool is_lines, is_eof;
} reader;

static bool is_batch_full(const reader *r)
{
    return r->batch->records_count == PIPE_BATCH_RECORDS_MAX || r->cut >= PIPE_BATCH_BYTES;
}

/* How much to read at once.  A batch reads no more than it may hand on, or what is left over
 * would grow from batch to batch; only a record that alone is longer gets more room. */
static size_t bytes_wanted(const reader *r)
{
    const pipe_buffer *in = &r->batch->in;

    if (in->size < PIPE_BATCH_BYTES)
        return PIPE_BATCH_BYTES - in->size;
    return r->batch->records_count > 0 ? 0 : in->size;
}

static void add_record(reader *r, size_t offset, size_t size, size_t next)
{
    pipe_batch *batch = r->batch;

    assert(batch->records_count < PIPE_BATCH_RECORDS_MAX && next <= batch->in.size);
    batch->records[batch->records_count++] = (pipe_record){ (uint32_t)offset, (uint32_t)size };
    r->cut = next;
    r->scanned = next;
}

static uint64_t next_number(const reader *r)
{
    return r->batch->first + r->batch->records_count;
}

static bool fail_long(reader *r)
{
    char what[32];

    pipe_failed(r->line,
                cli_fail(CLI_FAILED, pipe_record_name(r->line, next_number(r), what),
                         "raise --record-max, or check --records", "is longer than %llu bytes",
                         (unsigned long long)r->line->record_bytes_max));
    return false;
}

/* Cuts what is complete.  False: a record is too long. */
static bool cut_lines(reader *r)
{
    pipe_buffer *in = &r->batch->in;

    while (!is_batch_full(r)) {
        const unsigned char *from = in->data + r->scanned, *newline;

        if (r->scanned == in->size)
            break;
        newline = memchr(from, '\n', in->size - r->scanned);
        if (newline == NULL) {
            r->scanned = in->size;
            break;
        }
        if ((size_t)(newline - (in->data + r->cut)) > r->line->record_bytes_max)
            return fail_long(r);
        add_record(r, r->cut, (size_t)(newline - (in->data + r->cut)),
                   (size_t)(newline - in->data) + 1);
    }
    if (!is_batch_full(r) && in->size - r->cut > r->line->record_bytes_max)
        return fail_long(r);
    return true;
}

static bool cut_prefixed(reader *r)
{
    pipe_buffer *in = &r->batch->in;

    while (!is_batch_full(r) && in->size - r->cut >= PREFIX_SIZE) {
        const unsigned char *p = in->data + r->cut;
        size_t size = p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;

        if (size > r->line->record_bytes_max)
            return fail_long(r);
        if (in->size - r->cut - PREFIX_SIZE < size)
            break;
        add_record(r, r->cut + PREFIX_SIZE, size, r->cut + PREFIX_SIZE + size);
    }
    return true;
}

static bool cut(reader *r)
{
    return r->is_lines ? cut_lines(r) : cut_prefixed(r);
}

/* What stands behind the last whole record when the input has ended. */
static bool cut_rest(reader *r)
{
    size_t rest = r->batch->in.size - r->cut;
    char what[32];

    if (rest == 0)
        return true;
    if (r->is_lines) {
        add_record(r, r->cut, rest, r->batch->in.size);
        r->batch->is_unterminated = true;
        return true;
    }
    pipe_failed(r->line,
                cli_fail(CLI_FAILED, pipe_record_name(r->line, next_number(r), what),
                         "check that the input is whole",
                         "is cut off: the input ends %zu bytes after the record before it",
                         rest));
    return false;
}

/* Whether there is something to read; waits for it when `waits`.  Told to end: nothing. */
static bool is_readable(reader *r, bool waits)
{
    struct pollfd fds[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
                             { .fd = r->line->wake_fd, .events = POLLIN } };

    for (;;) {
        int n = poll(fds, 2, waits ? CLI_LOOK_AGAIN_MS : 0);

        if (atomic_load_explicit(&r->line->reader_ends, memory_order_acquire))
            return false;
        if (n > 0 && fds[0].revents != 0)
            return true; /* errors and the end too: read() says which */
        if (n < 0 && errno != EINTR)
            return true; /* poll() itself failed: let read() decide */
        if (n == 0 && !waits)
            return false;
    }
}

typedef enum read_result { READ_SOME, READ_PAUSE, READ_END, READ_FAILED } read_result;

static read_result read_more(reader *r, size_t wanted)
{
    pipe_buffer *in = &r->batch->in;
    bool waits = r->batch->records_count == 0;

    for (;;) {
        ssize_t n;

        if (!is_readable(r, waits))
            return waits ? READ_END : READ_PAUSE;
        pipe_buffer_reserve(in, wanted);
        n = read(STDIN_FILENO, in->data + in->size, wanted);
        if (n > 0) {
            in->size += (size_t)n;
            return READ_SOME;
        }
        if (n == 0) {
            r->is_eof = true;
            return READ_END;
        }
        if (errno == EINTR || errno == EAGAIN)
            continue;
        pipe_failed(r->line, cli_fail_os("stdin", "check what it is connected to", errno));
        return READ_FAILED;
    }
}

/* Fills one batch.  False: it was the last; it may hold records all the same. */
static bool fill_batch(reader *r)
{
    for (;;) {
        size_t wanted;

        if (!cut(r))
            return false;
        wanted = is_batch_full(r) ? 0 : bytes_wanted(r);
        if (wanted == 0)
            return true;
        switch (read_more(r, wanted)) {
        case READ_SOME:
            break;
        case READ_PAUSE:
            return true;
        case READ_FAILED:
            return false;
        case READ_END:
            if (r->is_eof)
                cut_rest(r);
            return false;
        }
    }
}

static void begin_batch(reader *r)
{
    pipe_batch *batch = r->batch;

    batch->records_count = 0;
    batch->is_unterminated = false;
    batch->in.size = 0;
    r->cut = 0;
    r->scanned = 0;
    pipe_buffer_reserve(&batch->in, PIPE_BATCH_BYTES + r->carry.size);
    if (r->carry.size > 0)
        memcpy(batch->in.data, r->carry.data, r->carry.size);
    batch->in.size = r->carry.size;
    r->carry.size = 0;
}

static void end_batch(reader *r)
{
    pipe_batch *batch = r->batch;
    size_t rest = batch->in.size - r->cut;

    pipe_buffer_reserve(&r->carry, rest);
    if (rest > 0)
        memcpy(r->carry.data, batch->in.data + r->cut, rest);
    r->carry.size = rest;
    batch->bytes_in = r->cut;
    if (batch->records_count > 0)
        pipe_ring_fill(&r->line->ring, batch);
}

void *pipe_reader(void *context)
{
    reader r = { .line = context };
    bool more = true;

    r.is_lines = r.line->options->records != CLI_RECORDS_U32LE;
    while (more) {
        r.batch = pipe_ring_acquire(&r.line->ring);
        if (r.batch == NULL)
            break;
        begin_batch(&r);
        more = fill_batch(&r);
        end_batch(&r);
    }
    pipe_ring_complete(&r.line->ring);
    cli_free(r.carry.data);
    return NULL;
}
