/* poll_set.c - epoll(7), one shot at a time.  Layer: os. */
#include "os/poll_set.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/fault.h"

enum { AT_ONCE = 64 };
#define NS_PER_MS UINT64_C(1000000)

static bool fails(const char *call)
{
    errno = berthi_os_fault(call);
    return errno != 0;
}

static int control(int set, int what, int fd, uint32_t events, uint64_t key)
{
    struct epoll_event event = { .events = events, .data.u64 = key };

    return fails("epoll_ctl") || epoll_ctl(set, what, fd, &event) != 0 ? errno : 0;
}

int berthi_poll_set_open(int *set_out)
{
    int set = fails("epoll_create1") ? -1 : epoll_create1(EPOLL_CLOEXEC);

    if (set < 0)
        return errno;
    *set_out = set;
    return 0;
}

void berthi_poll_set_close(int set)
{
    (void)close(set);
}

int berthi_poll_set_arm(int set, int fd, uint32_t events, uint64_t key, bool is_new)
{
    uint32_t asked = EPOLLONESHOT |
                     ((events & BERTHI_POLL_READ) != 0 ? EPOLLIN | EPOLLRDHUP : 0) |
                     ((events & BERTHI_POLL_WRITE) != 0 ? EPOLLOUT : 0);

    int code = control(set, is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, asked, key);

    return code == EPERM              ? BERTHI_POLL_ALWAYS
           : code == EEXIST && is_new ? BERTHI_POLL_KNOWN
                                      : code;
}

void berthi_poll_set_remove(int set, int fd)
{
    (void)epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL);
}

int berthi_poll_set_twin(int fd, int *twin_out)
{
    int twin = fails("fcntl") ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);

    if (twin < 0)
        return errno;
    *twin_out = twin;
    return 0;
}

void berthi_poll_set_drop_twin(int twin)
{
    (void)close(twin);
}

int berthi_poll_set_add_latch(int set, int latch, uint64_t key)
{
    /* By edge: each write is one, so that nobody has to read it. */
    return control(set, EPOLL_CTL_ADD, latch, EPOLLIN | EPOLLET, key);
}

/* Rounded up: what is due in half a millisecond is not asked for twice. */
static int patience(uint64_t until_ns)
{
    uint64_t now_ns = berthi_clock_ns(), ms;

    if (until_ns == UINT64_MAX)
        return -1;
    if (until_ns <= now_ns)
        return 0;
    ms = (until_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS;
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

int berthi_poll_set_wait(int set, uint64_t *keys, size_t room, uint64_t until_ns,
                         size_t *count_out)
{
    struct epoll_event events[AT_ONCE];
    int count;

    if (room > AT_ONCE)
        room = AT_ONCE;
    do
        count =
            fails("epoll_wait") ? -1 : epoll_wait(set, events, (int)room, patience(until_ns));
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return errno;
    for (int i = 0; i < count; i++)
        keys[i] = events[i].data.u64;
    *count_out = (size_t)count;
    return 0;
}
