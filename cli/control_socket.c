/* control_socket.c - making the socket of `--control`.  Layer: cli.
 *
 * The socket is bound under a temporary name with mode 0600, listens, and is renamed to where it
 * is wanted in a way that never replaces anything.  So a socket that can be found and refuses
 * connections is one whose program has ended.  Removing such a stale one is the only step that
 * could harm another program, which may be doing the same: it is done under a lock on the folder,
 * and whoever holds it looks again. */
#include "control_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { SUFFIX_SIZE = 7, NAMES_TRIED = 100 }; /* ".012345" */

static bool is_socket(const char *path)
{
    struct stat info;

    return lstat(path, &info) == 0 && S_ISSOCK(info.st_mode);
}

static bool is_stale(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd, code;

    if (!is_socket(path))
        return false;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    memcpy(address.sun_path, path, strlen(path) + 1);
    code = connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
    close(fd);
    return code == ECONNREFUSED;
}

/* Renames without replacing.  0, or errno. */
static int rename_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return errno;
    if (link(from, to) != 0) /* a file system that cannot do it at once */
        return errno;
    unlink(from);
    return 0;
}

/* The same in the place of a stale socket, if that is what is there.  0, or errno. */
static int rename_over_stale(const char *from, const char *to)
{
    char *copy = strdup(to);
    int fd = copy == NULL ? -1 : open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int code = fd < 0 || flock(fd, LOCK_EX) != 0 ? errno : 0;

    free(copy);
    if (code == 0 && is_stale(to) && unlink(to) != 0 && errno != ENOENT)
        code = errno;
    if (code == 0)
        code = rename_new(from, to);
    if (fd >= 0)
        close(fd);
    return code;
}

/* Binds under a name beside `path` that is free.  0, or errno. */
static int bind_aside(control_socket *s, struct sockaddr_un *address)
{
    mode_t mask = umask(0177);
    int code = EADDRINUSE;

    for (unsigned i = 0; code == EADDRINUSE && i < NAMES_TRIED; i++) {
        snprintf(address->sun_path, sizeof address->sun_path, "%s.%06x", s->path,
                 ((unsigned)getpid() + i) & 0xffffff);
        code = bind(s->fd, (const struct sockaddr *)address, sizeof *address) == 0 ? 0 : errno;
    }
    umask(mask);
    return code;
}

/* From the bound socket to one that can be found.  0, or errno. */
static int publish(control_socket *s, const char *aside, int clients_max)
{
    struct stat info;
    int code = 0;

    if (listen(s->fd, clients_max) != 0 || lstat(aside, &info) != 0)
        code = errno;
    if (code == 0)
        code = rename_new(aside, s->path);
    if (code == EEXIST && is_stale(s->path))
        code = rename_over_stale(aside, s->path);
    if (code != 0) {
        unlink(aside);
        return code;
    }
    s->device = info.st_dev;
    s->inode = info.st_ino;
    return 0;
}

int control_socket_open(control_socket *s, const char *path, int clients_max)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t size = strlen(path);
    int code;

    if (size + SUFFIX_SIZE >= sizeof address.sun_path)
        return cli_fail(CLI_FAILED, path, "name another --control",
                        "a socket's path has at most %zu bytes here",
                        sizeof address.sun_path - SUFFIX_SIZE - 1);
    s->path = cli_alloc(size + 1);
    memcpy(s->path, path, size + 1);
    s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    code = s->fd < 0 ? errno : bind_aside(s, &address);
    if (code == 0)
        code = publish(s, address.sun_path, clients_max);
    if (code == 0)
        return CLI_OK;
    control_socket_close(s);
    if (code == EEXIST)
        return cli_fail(CLI_FAILED, path, "stop the other program, or name another --control",
                        is_socket(path) ? "somebody listens there already"
                                        : "something that is not a socket is there already");
    return cli_fail_os(path, "name another --control", code);
}

void control_socket_remove(const control_socket *s)
{
    struct stat info;

    if (s->path != NULL && lstat(s->path, &info) == 0 && info.st_dev == s->device &&
        info.st_ino == s->inode)
        unlink(s->path);
}

void control_socket_close(control_socket *s)
{
    if (s->fd >= 0)
        close(s->fd);
    cli_free(s->path);
    s->fd = -1;
    s->path = NULL;
}
