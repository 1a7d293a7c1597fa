/* wait.c - poll and eventfd.  Layer: os. */
#include "os/wait.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/fault.h"

enum { NS_PER_S = 1000000000 };

size_t berthi_wait_room_size(void)
{
    return sizeof(struct pollfd);
}

static int poll_until(struct pollfd *polls, size_t count, uint64_t until_ns)
{
    for (;;) {
        uint64_t now = berthi_clock_ns(), left = until_ns > now ? until_ns - now : 0;
        struct timespec timeout = { .tv_sec = (time_t)(left / NS_PER_S),
                                    .tv_nsec = (long)(left % NS_PER_S) };

        if (ppoll(polls, (nfds_t)count, until_ns == UINT64_MAX ? NULL : &timeout, NULL) >= 0)
            return 0;
        if (errno != EINTR)
            return errno;
    }
}

int berthi_wait_fds(berthi_wait_fd *fds, size_t count, int stop_fd, uint64_t until_ns,
                    void *room, bool *stopped_out)
{
    struct pollfd *polls = room;
    int code = berthi_os_fault("poll");

    *stopped_out = false;
    if (code != 0)
        return code;
    for (size_t i = 0; i < count; i++) {
        int events = (fds[i].for_read ? POLLIN : 0) | (fds[i].for_write ? POLLOUT : 0);

        polls[i] = (struct pollfd){ .fd = fds[i].fd, .events = (short)events };
    }
    polls[count] = (struct pollfd){ .fd = stop_fd, .events = POLLIN };
    code = poll_until(polls, count + 1, until_ns);
    if (code != 0)
        return code;
    for (size_t i = 0; i < count; i++)
        fds[i].is_ready = polls[i].revents != 0;
    *stopped_out = polls[count].revents != 0;
    return 0;
}

int berthi_latch_open(int *fd_out)
{
    int code = berthi_os_fault("eventfd"), fd;

    if (code != 0)
        return code;
    fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return errno;
    *fd_out = fd;
    return 0;
}

void berthi_latch_set(int fd)
{
    static const uint64_t one = 1;

    /* It cannot fail but by being full, and then it is set. */
    if (write(fd, &one, sizeof one) < 0)
        return;
}

void berthi_latch_clear(int fd)
{
    uint64_t count;

    /* It cannot fail but by being clear. */
    if (read(fd, &count, sizeof count) < 0)
        return;
}

void berthi_latch_close(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}
