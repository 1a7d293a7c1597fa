/* stream.c - open(2), read(2), write(2), inotify(7).  Layer: os. */
#include "os/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/fault.h"

static bool fails(const char *call)
{
    errno = berthi_os_fault(call);
    return errno != 0;
}

static int code_of(long result)
{
    return result < 0 ? errno : 0;
}

/* ---------------------------------------------------------------- opening */

int berthi_stream_open(const char *path, const berthi_stream_how *how, int *fd_out)
{
    int flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (how->writes ? O_WRONLY : O_RDONLY) |
                (how->appends ? O_APPEND : 0) | (how->creates ? O_CREAT : 0) |
                (how->exclusive ? O_EXCL : 0) | (how->truncates ? O_TRUNC : 0);
    int fd;

    do
        fd = fails("open") ? -1 : open(path, flags, (mode_t)how->permissions);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return errno;
    *fd_out = fd;
    return 0;
}

void berthi_stream_close(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

static void put_stat(const struct stat *from, int fd, berthi_stream_stat *to)
{
    mode_t kind = from->st_mode & S_IFMT;

    to->kind = kind == S_IFREG                                 ? BERTHI_STREAM_FILE
               : kind == S_IFIFO                               ? BERTHI_STREAM_PIPE
               : kind == S_IFSOCK                              ? BERTHI_STREAM_SOCKET
               : kind == S_IFDIR                               ? BERTHI_STREAM_FOLDER
               : kind == S_IFCHR && fd >= 0 && isatty(fd) == 1 ? BERTHI_STREAM_TERMINAL
                                                               : BERTHI_STREAM_DEVICE;
    to->size = (uint64_t)from->st_size;
    to->device = from->st_dev;
    to->number = from->st_ino;
}

int berthi_stream_stat_of(int fd, berthi_stream_stat *stat_out)
{
    struct stat at;

    if (fails("fstat") || fstat(fd, &at) != 0)
        return errno;
    put_stat(&at, fd, stat_out);
    return 0;
}

int berthi_stream_stat_at(const char *path, berthi_stream_stat *stat_out)
{
    struct stat at;

    if (fails("stat") || stat(path, &at) != 0)
        return errno;
    put_stat(&at, -1, stat_out);
    return 0;
}

/* ---------------------------------------------------------------- bytes */

int berthi_stream_read(int fd, void *data, size_t size, size_t *done_out)
{
    ssize_t n;

    do
        n = fails("read") ? -1 : read(fd, data, size);
    while (n < 0 && errno == EINTR);
    if (n >= 0)
        *done_out = (size_t)n;
    return code_of(n);
}

int berthi_stream_read_at(int fd, void *data, size_t size, uint64_t offset, size_t *done_out)
{
    ssize_t n;

    do
        n = fails("pread") ? -1 : pread(fd, data, size, (off_t)offset);
    while (n < 0 && errno == EINTR);
    if (n >= 0)
        *done_out = (size_t)n;
    return code_of(n);
}

int berthi_stream_write(int fd, const void *data, size_t size, size_t *done_out)
{
    ssize_t n;

    do
        n = fails("write") ? -1 : write(fd, data, size);
    while (n < 0 && errno == EINTR);
    if (n == 0 && size != 0)
        return EIO; /* a device that takes nothing, and does not say why */
    if (n >= 0)
        *done_out = (size_t)n;
    return code_of(n);
}

int berthi_stream_write_ready(int fd, const void *data, size_t size, size_t *done_out)
{
    struct pollfd p = { .fd = fd, .events = POLLOUT };
    struct stat at;
    int n;

    if (fails("poll"))
        return errno;
    do
        n = poll(&p, 1, 0);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return n < 0 ? errno : EAGAIN;
    /* A file takes all of it; of others nobody knows how much goes without waiting but this. */
    if (size > PIPE_BUF && (fstat(fd, &at) != 0 || !S_ISREG(at.st_mode)))
        size = PIPE_BUF;
    return berthi_stream_write(fd, data, size, done_out);
}

int berthi_stream_place(int fd, uint64_t *place_out)
{
    off_t place = fails("lseek") ? -1 : lseek(fd, 0, SEEK_CUR);

    if (place >= 0)
        *place_out = (uint64_t)place;
    return code_of(place);
}

int berthi_stream_go_to(int fd, uint64_t place, bool from_end)
{
    return code_of(fails("lseek") ? -1
                                  : lseek(fd, (off_t)place, from_end ? SEEK_END : SEEK_SET));
}

int berthi_stream_cut(int fd, uint64_t size)
{
    int result;

    do
        result = fails("ftruncate") ? -1 : ftruncate(fd, (off_t)size);
    while (result < 0 && errno == EINTR);
    return code_of(result);
}

int berthi_stream_sync(int fd)
{
    int result;

    do
        result = fails("fdatasync") ? -1 : fdatasync(fd);
    while (result < 0 && errno == EINTR);
    /* EINVAL: nothing of this can be synchronized, so there is nothing to wait for. */
    return result < 0 && errno != EINVAL ? errno : 0;
}

int berthi_stream_lock(int fd)
{
    return code_of(fails("flock") ? -1 : flock(fd, LOCK_EX | LOCK_NB));
}

/* ---------------------------------------------------------------- changes */

int berthi_notify_open(int *fd_out)
{
    int fd = fails("inotify_init1") ? -1 : inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

    if (fd >= 0)
        *fd_out = fd;
    return code_of(fd);
}

int berthi_notify_file(int fd, const char *path, int *watch_io)
{
    int watch = fails("inotify_add_watch")
                    ? -1
                    : inotify_add_watch(fd, path,
                                        IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF);

    if (watch < 0)
        return errno;
    /* Another file has that name now; EINVAL: the one before is gone, and its watch with it. */
    if (*watch_io >= 0 && *watch_io != watch)
        (void)inotify_rm_watch(fd, *watch_io);
    *watch_io = watch;
    return 0;
}

int berthi_notify_folder(int fd, const char *path)
{
    return code_of(fails("inotify_add_watch")
                       ? -1
                       : inotify_add_watch(fd, path, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR));
}

void berthi_notify_drain(int fd)
{
    _Alignas(struct inotify_event) char events[4096];

    while (read(fd, events, sizeof events) > 0)
        continue;
}
