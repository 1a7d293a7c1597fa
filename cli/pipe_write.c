/* pipe_write.c - the writer: batches to stdout, in order.  Layer: cli. */
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "pipe.h"

/* 0, or errno. */
static int write_all(const unsigned char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(STDOUT_FILENO, data, size);

        if (n < 0 && errno == EAGAIN) { /* somebody else made it non-blocking */
            struct pollfd fd = { .fd = STDOUT_FILENO, .events = POLLOUT };

            poll(&fd, 1, -1);
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

static void fail_write(pipeline *line, int code)
{
    if (code == EPIPE)
        atomic_store_explicit(&line->is_epipe, true, memory_order_relaxed);
    else
        pipe_failed(line, cli_fail_os("stdout", "the output is not complete", code));
}

void *pipe_writer(void *context)
{
    pipeline *line = context;
    char what[32];

    for (;;) {
        pipe_batch *batch = pipe_ring_next(&line->ring);
        int code;

        if (batch == NULL)
            break;
        code = write_all(batch->out.data, batch->out.size);
        if (code != 0) {
            fail_write(line, code);
            break;
        }
        if (batch->is_stopped)
            pipe_failed(line, cli_fail_diag(CLI_FAILED,
                                            pipe_record_name(line, batch->failure_record, what),
                                            NULL, batch->failure_status, &batch->failure));
        pipe_ring_written(&line->ring, batch);
    }
    /* Workers behind a failed call that ended the pipe may wait for a turn that never comes. */
    pipe_ring_abort(&line->ring);
    pipe_end_input(line);
    atomic_store_explicit(&line->is_done, true, memory_order_release);
    eventfd_write(line->done_fd, 1);
    return NULL;
}
