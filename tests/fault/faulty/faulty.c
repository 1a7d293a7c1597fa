/* faulty.c - system calls that fail when the environment says so, for the program `berth`.
 *
 * Linked with the program's own objects, in which the names below have been replaced by
 * `faulty_<name>`, into a program that only tests run (BERTH_FAULTS builds).  The calls that the
 * library makes are asked about through os/fault.h, so one number counts them all.
 *
 *   BERTH_FAULTY_NTH     "12": the 12th from 0 fails; "12+": and all later ones; unset: none
 *   BERTH_FAULTY_CLASS   "os", or "memory" for allocations of the program instead
 *   BERTH_FAULTY_REPORT  a file of REPORT_SIZE bytes that says how many calls there were
 *
 * Left out: calls that cannot fail on Linux with the arguments they get here (clock_gettime,
 * getpid, umask, mutexes, signals), and stdio, which is tested with /dev/full.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/fault.h"

enum { NAME_SIZE = 48, REPORT_SIZE = 64 };

typedef struct report {
    _Atomic(uint64_t) calls, failed;
    char first[NAME_SIZE]; /* the call that failed first */
} report;
_Static_assert(sizeof(report) == REPORT_SIZE, "as the test reads it");

static report own, *said = &own;
static uint64_t nth = UINT64_MAX;
static bool is_sticky, is_memory;

static bool fails(bool memory, const char *call)
{
    uint64_t n;

    if (memory != is_memory)
        return false;
    n = atomic_fetch_add(&said->calls, 1);
    if (n != nth && !(is_sticky && n > nth))
        return false;
    if (atomic_fetch_add(&said->failed, 1) == 0)
        snprintf(said->first, NAME_SIZE, "%s", call);
    return true;
}

static int code_of(const char *call)
{
    static const struct {
        const char *call;
        int code;
    } codes[] = {
        { "open", EMFILE },          { "socket", EMFILE },         { "eventfd", EMFILE },
        { "accept4", EMFILE },       { "pthread_create", EAGAIN }, { "poll", ENOMEM },
        { "eventfd_write", EAGAIN }, { "connect", ECONNREFUSED },
    };

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strcmp(codes[i].call, call) == 0)
            return codes[i].code;
    return EIO;
}

static int ask_for_library(const char *call)
{
    return fails(false, call) ? code_of(call) : 0;
}

__attribute__((constructor)) static void begin(void)
{
    const char *number = getenv("BERTH_FAULTY_NTH"), *class = getenv("BERTH_FAULTY_CLASS");
    const char *path = getenv("BERTH_FAULTY_REPORT");
    char *end;

    if (path != NULL) {
        int fd = open(path, O_RDWR | O_CLOEXEC);
        void *at = fd < 0 ? MAP_FAILED
                          : mmap(NULL, REPORT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

        if (at == MAP_FAILED)
            abort();
        close(fd);
        said = at;
    }
    is_memory = class != NULL && strcmp(class, "memory") == 0;
    if (number != NULL) {
        nth = strtoull(number, &end, 10);
        is_sticky = *end == '+';
    }
    atomic_store(&berthi_os_fault_set, ask_for_library);
}

/* ---- what the program calls instead ---------------------------------------------------------- */

/* Each is declared by the macro that defines it. */
#define FAULTY(type, call, failure, parameters, arguments)                                     \
    type faulty_##call parameters;                                                             \
    type faulty_##call parameters                                                              \
    {                                                                                          \
        if (fails(false, #call)) {                                                             \
            errno = code_of(#call);                                                            \
            return failure;                                                                    \
        }                                                                                      \
        return call arguments;                                                                 \
    }
#define FAULTY_MEMORY(type, call, parameters, arguments)                                       \
    type faulty_##call parameters;                                                             \
    type faulty_##call parameters                                                              \
    {                                                                                          \
        if (fails(true, #call)) {                                                              \
            errno = ENOMEM;                                                                    \
            return NULL;                                                                       \
        }                                                                                      \
        return call arguments;                                                                 \
    }

FAULTY(int, access, -1, (const char *path, int mode), (path, mode))
FAULTY(int, accept4, -1, (int fd, struct sockaddr *a, socklen_t *size, int flags),
       (fd, a, size, flags))
FAULTY(int, bind, -1, (int fd, const struct sockaddr *a, socklen_t size), (fd, a, size))
FAULTY(int, connect, -1, (int fd, const struct sockaddr *a, socklen_t size), (fd, a, size))
FAULTY(int, eventfd, -1, (unsigned count, int flags), (count, flags))
FAULTY(int, eventfd_read, -1, (int fd, eventfd_t *value), (fd, value))
FAULTY(int, eventfd_write, -1, (int fd, eventfd_t value), (fd, value))
FAULTY(int, fchmod, -1, (int fd, mode_t mode), (fd, mode))
FAULTY(int, flock, -1, (int fd, int operation), (fd, operation))
FAULTY(int, fstat, -1, (int fd, struct stat *info), (fd, info))
FAULTY(int, fsync, -1, (int fd), (fd))
FAULTY(int, link, -1, (const char *from, const char *to), (from, to))
FAULTY(int, listen, -1, (int fd, int backlog), (fd, backlog))
FAULTY(int, lstat, -1, (const char *path, struct stat *info), (path, info))
FAULTY(int, mkostemp, -1, (char *name, int flags), (name, flags))
FAULTY(int, poll, -1, (struct pollfd * fds, nfds_t count, int timeout), (fds, count, timeout))
FAULTY(ssize_t, read, -1, (int fd, void *data, size_t size), (fd, data, size))
FAULTY(ssize_t, recv, -1, (int fd, void *data, size_t size, int flags), (fd, data, size, flags))
FAULTY(int, rename, -1, (const char *from, const char *to), (from, to))
FAULTY(int, renameat2, -1,
       (int from_at, const char *from, int to_at, const char *to, unsigned flags),
       (from_at, from, to_at, to, flags))
FAULTY(ssize_t, send, -1, (int fd, const void *data, size_t size, int flags),
       (fd, data, size, flags))
FAULTY(int, setsockopt, -1, (int fd, int level, int name, const void *value, socklen_t size),
       (fd, level, name, value, size))
FAULTY(int, socket, -1, (int domain, int type, int protocol), (domain, type, protocol))
FAULTY(int, stat, -1, (const char *path, struct stat *info), (path, info))
FAULTY(int, unlink, -1, (const char *path), (path))
FAULTY(ssize_t, write, -1, (int fd, const void *data, size_t size), (fd, data, size))

FAULTY_MEMORY(void *, malloc, (size_t size), (size))
FAULTY_MEMORY(void *, realloc, (void *ptr, size_t size), (ptr, size))
FAULTY_MEMORY(char *, realpath, (const char *path, char *into), (path, into))
FAULTY_MEMORY(char *, strdup, (const char *s), (s))

/* Those that fail in another way. */

int faulty_open(const char *path, int flags, ...);
int faulty_open(const char *path, int flags, ...)
{
    va_list args;
    mode_t mode = 0;

    if (fails(false, "open")) {
        errno = code_of("open");
        return -1;
    }
    va_start(args, flags);
    if ((flags & O_CREAT) != 0)
        mode = va_arg(args, mode_t);
    va_end(args);
    return open(path, flags, mode);
}

/* Linux closes it all the same. */
int faulty_close(int fd);
int faulty_close(int fd)
{
    int result = close(fd);

    if (fails(false, "close")) {
        errno = EIO;
        return -1;
    }
    return result;
}

int faulty_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*run)(void *), void *arg);
int faulty_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*run)(void *), void *arg)
{
    if (fails(false, "pthread_create"))
        return EAGAIN;
    return pthread_create(thread, attributes, run, arg);
}
