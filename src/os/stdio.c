/* stdio.c - the standard streams of this process.  Layer: os.
 *
 * They belong to the process, so they are not made non-blocking, which everybody who shares them would
 * notice: a stream is asked first, and as much is written as it must take then (PIPE_BUF). */
#include "os/stdio.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "os/fault.h"

_Static_assert(BERTHI_STDIO_ROOM <= PIPE_BUF, "a pipe that can be written to takes it");

/* 0, or EAGAIN, or what is wrong. */
static int ask(int fd, short events)
{
    struct pollfd p = { .fd = fd, .events = events };
    int code = berthi_os_fault("poll"), n;

    if (code != 0)
        return code;
    do
        n = poll(&p, 1, 0);
    while (n < 0 && errno == EINTR);
    return n < 0 ? errno : n == 0 ? EAGAIN : 0;
}

berthi_code berthi_stdio_read(int fd, void *to, size_t *size_io)
{
    int code = ask(fd, POLLIN);
    ssize_t got;

    if (code != 0)
        return berthi_code_of(code);
    errno = berthi_os_fault("read");
    got = errno != 0 ? -1 : read(fd, to, *size_io);
    if (got < 0)
        return berthi_code_of(errno == EINTR ? EAGAIN : errno);
    *size_io = (size_t)got;
    return BERTHI_CODE_OK;
}

berthi_code berthi_stdio_write(int fd, const void *from, size_t *size_io)
{
    int code = ask(fd, POLLOUT);
    ssize_t done;

    if (code != 0)
        return berthi_code_of(code);
    errno = berthi_os_fault("write");
    done = errno != 0 ? -1 : write(fd, from, *size_io);
    if (done < 0)
        return berthi_code_of(errno == EINTR ? EAGAIN : errno);
    *size_io = (size_t)done;
    return BERTHI_CODE_OK;
}

bool berthi_stdio_is_terminal(int fd)
{
    return isatty(fd) == 1;
}
