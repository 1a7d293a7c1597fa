/* pipe.h - the parts of `berth pipe`: reader, workers, writer, control, supervisor.
 *
 *     stdin -> reader -> [ ring of batches ] -> workers -> writer -> stdout
 *
 * The reader cuts records into batches, workers take batches in order and fill each batch's
 * output, the writer writes batches in order.  One mutex guards who owns which batch; the bytes
 * of a batch belong to the thread that holds it.  Memory is bounded: the ring has a fixed number
 * of batches, a batch's input is bounded by --record-max, and a worker whose output has grown
 * past PIPE_OUTPUT_BYTES_MAX waits for its turn and has it written before it goes on.
 *
 * The supervisor (the main thread) waits for the end, for signals and for the next progress
 * line.  The control threads (control.c) only read the ring's counters.
 */
#ifndef BERTH_PIPE_H
#define BERTH_PIPE_H

#include <pthread.h>
#include <stdatomic.h>

#include <jansson.h>

#include "cli.h"
#include "control.h"

enum {
    PIPE_BATCH_RECORDS_MAX = 1024,
    PIPE_BATCH_BYTES = 64 * 1024,
    PIPE_OUTPUT_BYTES_MAX = 4 * 1024 * 1024,
    PIPE_VERSIONS_MAX = 256,
    PIPE_FAILURES = BERTH_E_PLUGIN + 1 /* counts by status */
};

typedef struct pipe_record {
    uint32_t offset, size; /* in the batch's input */
} pipe_record;

typedef struct pipe_buffer {
    unsigned char *data;
    size_t size, room;
} pipe_buffer;

typedef struct pipe_counts {
    uint64_t answered, dropped;     /* by the plugin */
    uint64_t passed, removed;       /* failed calls, by what --on-error did about them */
    uint64_t stopped;               /* the failed call that ended the pipe: 0 or 1 */
    uint64_t failed[PIPE_FAILURES]; /* by berth_status; in sum passed + removed + stopped */
    uint64_t bytes_out;
} pipe_counts;

/* What one version did. */
typedef struct pipe_tally {
    uint64_t version, answered, dropped, failed;
} pipe_tally;

typedef struct pipe_tallies {
    pipe_tally *entries; /* in no order */
    size_t count, room;
} pipe_tallies;

/* The same with what the library knows; it forgets versions that were reaped, we do not. */
typedef struct pipe_version {
    pipe_tally tally;
    bool is_known; /* the fields below are filled */
    uint8_t digest[BERTH_DIGEST_SIZE];
    char name[BERTH_NAME_SIZE_MAX + 1], label[BERTH_NAME_SIZE_MAX + 1];
} pipe_version;

typedef enum pipe_state {
    PIPE_FREE,    /* the reader's */
    PIPE_FILLED,  /* waits for a worker */
    PIPE_TAKEN,   /* a worker's */
    PIPE_PARTIAL, /* its worker waits until what is in `out` is written */
    PIPE_DONE     /* waits for the writer */
} pipe_state;

typedef struct pipe_batch {
    pipe_state state; /* guarded by the ring's mutex */
    pipe_buffer in, out;
    pipe_record *records;
    uint32_t records_count;
    uint64_t number;      /* of the batch, from 0 */
    uint64_t first;       /* the number of its first record, from 1 */
    uint64_t bytes_in;    /* of its records, framing included */
    bool is_unterminated; /* its last record is the input's last, and has no newline */
    bool is_stopped;      /* a failed call ended the pipe here; `failure` says which and why */
    pipe_counts counts;
    pipe_tallies tallies;
    berth_diag failure;
    berth_status failure_status;
    uint64_t failure_record;
} pipe_batch;

typedef struct pipe_ring {
    pthread_mutex_t mutex;
    pthread_cond_t is_free, is_filled, is_done, is_written;
    pipe_batch *batches;
    uint32_t batches_count;
    /* all below guarded by mutex; batch numbers: written <= taken <= filled */
    uint64_t filled, taken, written;
    uint64_t end;    /* no batch from here on is called; UINT64_MAX: not known yet */
    bool is_aborted; /* nothing more can be written; everybody ends */
    uint64_t records_read, records_done, bytes_read;
    pipe_counts totals;     /* of batches that were written */
    pipe_version *versions; /* ascending, at most PIPE_VERSIONS_MAX */
    size_t versions_count;
    pipe_version older; /* the sum of what fell out of `versions` */
    uint64_t older_count;
} pipe_ring;

void pipe_ring_init(pipe_ring *ring, uint32_t batches_count);
void pipe_ring_fini(pipe_ring *ring);

pipe_batch *pipe_ring_acquire(pipe_ring *ring);                /* reader; NULL: end */
void pipe_ring_fill(pipe_ring *ring, pipe_batch *batch);       /* reader */
void pipe_ring_complete(pipe_ring *ring);                      /* reader: there is no more */
pipe_batch *pipe_ring_take(pipe_ring *ring, bool *waited_out); /* worker; NULL: end */
bool pipe_ring_flush(pipe_ring *ring, pipe_batch *batch);      /* worker; false: aborted */
void pipe_ring_done(pipe_ring *ring, pipe_batch *batch);       /* worker */
pipe_batch *pipe_ring_next(pipe_ring *ring);                   /* writer; NULL: end */
void pipe_ring_written(pipe_ring *ring, pipe_batch *batch);    /* writer */
void pipe_ring_abort(pipe_ring *ring);                         /* any thread */

/* Room for `more` bytes behind what is in the buffer. */
void pipe_buffer_reserve(pipe_buffer *buffer, size_t more);

/* The entry of a version, made when it is new; good until the next one is asked for. */
pipe_tally *pipe_tally_of(pipe_tallies *tallies, uint64_t version);

/* Takes over what the library knows of its versions: digests, names. */
void pipe_ring_learn(pipe_ring *ring, const berth_version_stats *stats, size_t count);

typedef struct pipe_swaps {
    uint64_t installed, unchanged, refused, rollbacks, evictions;
} pipe_swaps;

typedef struct pipeline {
    const cli_options *options;
    uint64_t record_bytes_max;
    cli_host host;
    pipe_ring ring;
    uint64_t started_ns;
    int wake_fd;                      /* eventfd: the reader shall end */
    int done_fd;                      /* eventfd: the writer has ended */
    _Atomic(bool) reader_ends;        /* set before wake_fd is written to */
    _Atomic(bool) is_done;            /* set before done_fd is written to */
    _Atomic(bool) is_epipe;           /* nobody reads stdout any more */
    _Atomic(int) exit_code;           /* of the first failure; 0: none so far */
    _Atomic(uint64_t) watch_until_ns; /* gaps between calls are measured until then; 0: not */
    _Atomic(uint64_t) longest_gap_ns; /* between two calls of a worker around a swap */
    pthread_mutex_t swap_mutex;
    pipe_swaps swaps; /* guarded by swap_mutex */
    pthread_mutex_t report_mutex;
    uint64_t reported_reasons;  /* guarded by report_mutex; a bit for each berth_reason said */
    uint32_t reported_statuses; /* the same for failures without a reason */
} pipeline;

/* Ends the reader soon; what was read is still dealt with. */
void pipe_end_input(pipeline *line);

/* Keeps the first failure's exit code. */
void pipe_failed(pipeline *line, int code);

/* The threads; each takes the pipeline. */
void *pipe_reader(void *context);
void *pipe_worker(void *context);
void *pipe_writer(void *context);

/* "line 12" or "record 12". */
const char *pipe_record_name(const pipeline *line, uint64_t number, char dst[32]);

/* pipe_report.c */

json_t *pipe_stat(pipeline *line); /* what `ctl stat` answers; NULL: out of memory */
int pipe_summary_write(pipeline *line, const char *path, const char *ended);
void pipe_progress_print(pipeline *line);

/* pipe_swap.c: what the control socket asks for */

bool pipe_request_is_slow(const char *request);
char *pipe_answer(void *context, const char *request); /* one line of JSON; free() */
void pipe_learn_versions(pipeline *line);

#endif
