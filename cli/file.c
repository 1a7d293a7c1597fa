/* file.c - files that the program writes: whole, or not at all.  Layer: cli. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

/* Through a temporary file beside it when it is a file or none yet, or straight into it when it is a
 * device or a pipe. */
typedef struct target {
    char *path; /* without links, so that a link is not replaced by a file; free() */
    bool is_file;
} target;

static int fail(const char *path, const char *option, const char *what, int os_code)
{
    char advice[96];

    snprintf(advice, sizeof advice, "give %s %s", option, what);
    return cli_fail_os(path, advice, os_code);
}

static int find_target(const char *path, const char *option, target *t)
{
    struct stat info;

    t->path = realpath(path, NULL);
    t->is_file = t->path == NULL || stat(t->path, &info) != 0 || S_ISREG(info.st_mode);
    if (t->path == NULL && errno == ENOENT)
        t->path = strdup(path);
    if (t->path == NULL)
        return fail(path, option, "a path that can be written", errno);
    if (!t->is_file && S_ISDIR(info.st_mode)) {
        free(t->path);
        return fail(path, option, "the path of a file", EISDIR);
    }
    return CLI_OK;
}

int cli_file_check(const char *path, const char *option)
{
    target t;
    char *folder;
    int code = find_target(path, option, &t);

    if (code != CLI_OK)
        return code;
    folder = strdup(t.path);
    if (folder == NULL || access(t.is_file ? dirname(folder) : t.path, W_OK) != 0)
        code = fail(path, option, "a path that can be written", errno);
    free(folder);
    free(t.path);
    return code;
}

/* 0, or errno. */
static int write_bytes(int fd, const char *bytes, size_t left, bool sync)
{
    int code = 0;

    while (left > 0 && code == 0) {
        ssize_t n = write(fd, bytes, left);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            code = errno;
        } else {
            bytes += n;
            left -= (size_t)n;
        }
    }
    if (code == 0 && sync && fsync(fd) != 0)
        code = errno;
    if (close(fd) != 0 && code == 0)
        code = errno;
    return code;
}

/* 0, or errno; then nothing of it is left. */
static int replace_file(const char *path, const char *bytes, size_t left)
{
    size_t room = strlen(path) + sizeof ".XXXXXX";
    char *temporary = cli_alloc(room);
    mode_t mask = umask(077);
    int fd, code;

    umask(mask);
    snprintf(temporary, room, "%s.XXXXXX", path);
    fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        code = errno;
        cli_free(temporary);
        return code;
    }
    if (fchmod(fd, 0666 & ~mask) != 0) {
        code = errno;
        close(fd);
    } else {
        code = write_bytes(fd, bytes, left, true);
    }
    if (code == 0 && rename(temporary, path) != 0)
        code = errno;
    if (code != 0)
        unlink(temporary);
    cli_free(temporary);
    return code;
}

static int write_target(const target *t, const char *bytes, size_t size)
{
    int fd;

    if (t->is_file)
        return replace_file(t->path, bytes, size);
    fd = open(t->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    return fd < 0 ? errno : write_bytes(fd, bytes, size, false);
}

int cli_file_write(const char *path, const char *option, const void *bytes, size_t size)
{
    char advice[96];
    target t;
    int code = find_target(path, option, &t);

    if (code != CLI_OK)
        return code;
    code = write_target(&t, bytes, size);
    free(t.path);
    if (code == 0)
        return CLI_OK;
    snprintf(advice, sizeof advice, "nothing was written; make room or give %s another file",
             option);
    return cli_fail_os(path, advice, code);
}
