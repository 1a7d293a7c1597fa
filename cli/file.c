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

/* A file of these bytes beside `path`, which only has to be renamed; cli_free() its name.  0, or errno:
 * then nothing of it is left. */
static int stage_file(const char *path, const char *bytes, size_t left, mode_t mode,
                      char **temporary_out)
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
    if (fchmod(fd, mode & ~mask) != 0) {
        code = errno;
        close(fd);
    } else {
        code = write_bytes(fd, bytes, left, true);
    }
    if (code != 0) {
        unlink(temporary);
        cli_free(temporary);
        return code;
    }
    *temporary_out = temporary;
    return 0;
}

/* 0, or errno; then nothing of it is left. */
static int replace_file(const char *path, const char *bytes, size_t left)
{
    char *temporary;
    int code = stage_file(path, bytes, left, 0666, &temporary);

    if (code != 0)
        return code;
    if (rename(temporary, path) != 0) {
        code = errno;
        unlink(temporary);
    }
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

int cli_file_create(const char *path, const void *bytes, size_t size, unsigned mode)
{
    char *temporary;
    int code = stage_file(path, bytes, size, (mode_t)mode, &temporary);

    if (code == 0) {
        if (link(temporary, path) != 0) /* unlike rename(), takes no name that is taken */
            code = errno;
        unlink(temporary);
        cli_free(temporary);
    }
    return code == 0
               ? CLI_OK
               : cli_fail_os(path, "give a path where nothing is yet, and that can be written",
                             code);
}

/* ---------------------------------------------------------------- folders */

typedef struct staged {
    char *path, *temporary; /* temporary: NULL when the file says the same already */
} staged;

/* Whether the file has these bytes. */
static bool is_same(const char *path, const cli_file *file)
{
    struct stat info;
    char buffer[4096];
    size_t at = 0;
    ssize_t n = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return false;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || (size_t)info.st_size != file->size) {
        close(fd);
        return false;
    }
    while (at < file->size) {
        n = read(fd, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0 || (size_t)n > file->size - at ||
            memcmp(buffer, file->text + at, (size_t)n) != 0)
            break;
        at += (size_t)n;
    }
    close(fd);
    return at == file->size;
}

static int stage(const char *folder, const cli_file *file, staged *s)
{
    size_t room = strlen(folder) + strlen(file->name) + 2;
    struct stat info;

    s->path = cli_alloc(room);
    snprintf(s->path, room, "%s/%s", folder, file->name);
    if (is_same(s->path, file))
        return 0;
    if (lstat(s->path, &info) == 0 && S_ISDIR(info.st_mode))
        return EISDIR;
    return stage_file(s->path, file->text, file->size, 0666, &s->temporary);
}

static int write_staged(const char *folder, const char *option, const cli_file *files,
                        uint32_t count, staged *all)
{
    char advice[96];
    uint32_t at = 0;
    int code = 0;

    for (at = 0; at < count && code == 0; at++)
        code = stage(folder, &files[at], &all[at]);
    if (code == 0)
        for (at = 0; at < count && code == 0; at++)
            if (all[at].temporary != NULL && rename(all[at].temporary, all[at].path) != 0)
                code = errno;
    if (code == 0)
        return CLI_OK;
    for (uint32_t i = 0; i < count; i++)
        if (all[i].temporary != NULL) /* one that was renamed is not there under that name */
            unlink(all[i].temporary);
    snprintf(advice, sizeof advice, "make room or give %s another folder", option);
    return cli_fail_os(all[at - 1].path, advice, code);
}

int cli_folder_write(const char *folder, const char *option, const cli_file *files,
                     uint32_t count)
{
    staged *all;
    int code;

    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return fail(folder, option, "a folder that can be made", errno);
    all = cli_alloc(count * sizeof *all);
    memset(all, 0, count * sizeof *all);
    code = write_staged(folder, option, files, count, all);
    for (uint32_t i = 0; i < count; i++) {
        cli_free(all[i].path);
        cli_free(all[i].temporary);
    }
    cli_free(all);
    return code;
}
