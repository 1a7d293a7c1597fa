/* dir.c - names below a folder.  Layer: os. */
#include "os/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/dir_code.h"
#include "os/walk.h"

berthi_code berthi_dir_open_root(const char *folder, int *fd_out)
{
    int fd = berthi_dir_fails("open") ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return berthi_code_of(errno);
    *fd_out = fd;
    return BERTHI_CODE_OK;
}

void berthi_dir_close(int fd)
{
    (void)close(fd);
}

berthi_code berthi_dir_again(int dir, int *fd_out)
{
    int fd =
        berthi_dir_fails("openat") ? -1 : openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return berthi_code_of(errno);
    *fd_out = fd;
    return BERTHI_CODE_OK;
}

/* ---------------------------------------------------------------- opening */

static berthi_code walk_code(int code)
{
    return code == EXDEV ? BERTHI_CODE_NOT_PERMITTED : berthi_code_of(code);
}

static berthi_code open_path(int dir, berthi_dir_path path, int flags, int *fd_out)
{
    char text[BERTHI_WALK_TEXT];
    berthi_code code = berthi_walk_copy(path, text);
    int fd;

    if (code != BERTHI_CODE_OK)
        return code;
    fd = berthi_walk_open(dir, text, flags, path.is_plain);
    if (fd < 0)
        return walk_code(errno);
    *fd_out = fd;
    return BERTHI_CODE_OK;
}

static int flags_of(const berthi_dir_how *how)
{
    return (how->writes ? how->reads ? O_RDWR : O_WRONLY : O_RDONLY) |
           (how->creates ? O_CREAT : 0) | (how->exclusive ? O_EXCL : 0) |
           (how->truncates ? O_TRUNC : 0) | (how->directory ? O_DIRECTORY : 0) |
           (how->follows ? 0 : O_NOFOLLOW) | (how->syncs_all ? O_SYNC : 0) |
           (how->syncs_data ? O_DSYNC : 0);
}

static bool is_file_or_folder(berthi_file_kind kind)
{
    return kind == BERTHI_FILE_REGULAR || kind == BERTHI_FILE_DIRECTORY;
}

/* A device may do something when it is opened, and who waits at a pipe's other end goes on: what stands there is
 * looked at before.  One that is put there after the look is opened, found out and closed. */
static berthi_code look_first(int dir, berthi_dir_path path, const berthi_dir_how *how)
{
    berthi_file_stat at;
    berthi_code code;

    if (how->directory || how->exclusive) /* the kernel opens nothing else then */
        return BERTHI_CODE_OK;
    code = berthi_dir_stat_at(dir, path, how->follows, &at);
    if (code == BERTHI_CODE_NO_ENTRY || code == BERTHI_CODE_NOT_DIRECTORY)
        return BERTHI_CODE_OK; /* it may be made; else opening says the same */
    if (code == BERTHI_CODE_OK && !is_file_or_folder(at.kind) &&
        at.kind != BERTHI_FILE_SYMBOLIC_LINK)
        code = BERTHI_CODE_NOT_SUPPORTED;
    return code;
}

berthi_code berthi_dir_open(int dir, berthi_dir_path path, const berthi_dir_how *how,
                            int *fd_out, berthi_file_kind *kind_out)
{
    berthi_file_stat at;
    berthi_code code;
    int fd;

    /* O_EXCL alone means nothing, and O_TRUNC would write to what was opened to be read. */
    if ((how->directory && (how->creates || how->exclusive || how->truncates)) ||
        (how->exclusive && !how->creates) || (how->truncates && !how->writes))
        return BERTHI_CODE_INVALID;
    code = look_first(dir, path, how);
    if (code == BERTHI_CODE_OK)
        code = open_path(dir, path, flags_of(how), &fd);
    if (code != BERTHI_CODE_OK) /* a pipe without a reader, a socket */
        return code == BERTHI_CODE_NO_SUCH_DEVICE ? BERTHI_CODE_NOT_SUPPORTED : code;
    code = berthi_file_stat_of(fd, &at);
    if (code == BERTHI_CODE_OK && !is_file_or_folder(at.kind))
        code = BERTHI_CODE_NOT_SUPPORTED;
    if (code == BERTHI_CODE_OK) {
        *fd_out = fd;
        *kind_out = at.kind;
    } else {
        berthi_dir_close(fd);
    }
    return code;
}

/* ---------------------------------------------------------------- what is there */

berthi_code berthi_dir_stat_at(int dir, berthi_dir_path path, bool follows,
                               berthi_file_stat *stat_out)
{
    berthi_code code;
    int fd;

    code = open_path(dir, path, O_PATH | (follows ? 0 : O_NOFOLLOW), &fd);
    if (code != BERTHI_CODE_OK)
        return code;
    code = berthi_file_stat_of(fd, stat_out);
    berthi_dir_close(fd);
    return code;
}

/* AT_EMPTY_PATH is known to utimensat since Linux 5.8. */
berthi_code berthi_dir_set_times_at(int dir, berthi_dir_path path, bool follows,
                                    berthi_new_time accessed, berthi_new_time modified)
{
    struct timespec times[2];
    berthi_code code = berthi_dir_times(accessed, modified, times);
    int fd;

    if (code == BERTHI_CODE_OK)
        code = open_path(dir, path, O_PATH | (follows ? 0 : O_NOFOLLOW), &fd);
    if (code != BERTHI_CODE_OK)
        return code;
    if (berthi_dir_fails("utimensat") || utimensat(fd, "", times, AT_EMPTY_PATH) != 0)
        code = errno == EINVAL ? BERTHI_CODE_NOT_SUPPORTED : berthi_code_of(errno);
    berthi_dir_close(fd);
    return code;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* What stands at the place itself, link or not. */
static berthi_code kind_at(const berthi_walk_place *place, bool *is_folder_out)
{
    struct stat at;

    if (berthi_dir_fails("fstatat") ||
        fstatat(place->dir, place->name, &at, AT_SYMLINK_NOFOLLOW) != 0)
        return berthi_code_of(errno);
    *is_folder_out = S_ISDIR(at.st_mode);
    return BERTHI_CODE_OK;
}

/* A slash at the end promises a folder. */
static berthi_code keep_promise(const berthi_walk_place *place)
{
    bool is_folder = false;
    berthi_code code = BERTHI_CODE_OK;

    if (place->is_folder_wanted) {
        code = kind_at(place, &is_folder);
        if (code == BERTHI_CODE_OK && !is_folder)
            code = BERTHI_CODE_NOT_DIRECTORY;
    }
    return code;
}

berthi_code berthi_dir_readlink(int dir, berthi_dir_path path, char *text, size_t room,
                                size_t *size_out)
{
    char target[BERTHI_WALK_TEXT];
    berthi_walk_place place;
    berthi_code code = berthi_walk_to_place(dir, path, &place);
    ssize_t n = 0;

    if (code == BERTHI_CODE_OK && place.is_folder_wanted)
        code = BERTHI_CODE_INVALID;
    if (code == BERTHI_CODE_OK) {
        n = berthi_dir_fails("readlinkat")
                ? -1
                : readlinkat(place.dir, place.name, target, sizeof target);
        if (n < 0)
            code = berthi_code_of(errno);
        else if ((size_t)n > room)
            code = BERTHI_CODE_OVERFLOW;
    }
    if (code == BERTHI_CODE_OK && n > 0 && target[0] == '/')
        code = BERTHI_CODE_NOT_PERMITTED; /* where things lie on the host is not said */
    if (code == BERTHI_CODE_OK) {
        memcpy(text, target, (size_t)n);
        *size_out = (size_t)n;
    }
    berthi_walk_leave(&place);
    return code;
}

/* ---------------------------------------------------------------- changing names */

berthi_code berthi_dir_make(int dir, berthi_dir_path path)
{
    berthi_walk_place place;
    berthi_code code = berthi_walk_to_place(dir, path, &place);

    if (code == BERTHI_CODE_OK && is_dots(place.name))
        code = BERTHI_CODE_EXISTS;
    if (code == BERTHI_CODE_OK &&
        (berthi_dir_fails("mkdirat") || mkdirat(place.dir, place.name, 0777) != 0))
        code = berthi_code_of(errno);
    berthi_walk_leave(&place);
    return code;
}

berthi_code berthi_dir_remove(int dir, berthi_dir_path path)
{
    berthi_walk_place place;
    berthi_code code = berthi_walk_to_place(dir, path, &place);

    if (code == BERTHI_CODE_OK && is_dots(place.name))
        code = BERTHI_CODE_INVALID;
    if (code == BERTHI_CODE_OK &&
        (berthi_dir_fails("unlinkat") || unlinkat(place.dir, place.name, AT_REMOVEDIR) != 0))
        /* POSIX lets a folder that is not empty "exist". */
        code = errno == EEXIST ? BERTHI_CODE_NOT_EMPTY : berthi_code_of(errno);
    berthi_walk_leave(&place);
    return code;
}

berthi_code berthi_dir_unlink(int dir, berthi_dir_path path)
{
    berthi_walk_place place;
    berthi_code code = berthi_walk_to_place(dir, path, &place);

    if (code == BERTHI_CODE_OK && is_dots(place.name))
        code = BERTHI_CODE_IS_DIRECTORY;
    if (code == BERTHI_CODE_OK)
        code = keep_promise(&place);
    if (code == BERTHI_CODE_OK && place.is_folder_wanted)
        code = BERTHI_CODE_IS_DIRECTORY;
    if (code == BERTHI_CODE_OK &&
        (berthi_dir_fails("unlinkat") || unlinkat(place.dir, place.name, 0) != 0))
        code = berthi_code_of(errno);
    berthi_walk_leave(&place);
    return code;
}

/* Walks to both places and runs `change` on them. */
static berthi_code between(int dir, berthi_dir_path path, int new_dir, berthi_dir_path new_path,
                           berthi_code (*change)(const berthi_walk_place *from,
                                                 const berthi_walk_place *to))
{
    berthi_walk_place from, to;
    berthi_code code;

    to.dir = -1;
    code = berthi_walk_to_place(dir, path, &from);
    if (code == BERTHI_CODE_OK)
        code = berthi_walk_to_place(new_dir, new_path, &to);
    if (code == BERTHI_CODE_OK)
        code = keep_promise(&from);
    if (code == BERTHI_CODE_OK)
        code = change(&from, &to);
    berthi_walk_leave(&to);
    berthi_walk_leave(&from);
    return code;
}

static berthi_code rename_between(const berthi_walk_place *from, const berthi_walk_place *to)
{
    bool is_folder = true;
    berthi_code code;

    if (is_dots(from->name) || is_dots(to->name))
        return BERTHI_CODE_BUSY;
    if (to->is_folder_wanted) { /* the new name is a folder's, so the old one has to be */
        code = kind_at(from, &is_folder);
        if (code != BERTHI_CODE_OK || !is_folder)
            return code != BERTHI_CODE_OK ? code : BERTHI_CODE_NOT_DIRECTORY;
    }
    if (berthi_dir_fails("renameat") || renameat(from->dir, from->name, to->dir, to->name) != 0)
        return errno == EEXIST ? BERTHI_CODE_NOT_EMPTY : berthi_code_of(errno);
    return BERTHI_CODE_OK;
}

berthi_code berthi_dir_rename(int dir, berthi_dir_path path, int new_dir,
                              berthi_dir_path new_path)
{
    return between(dir, path, new_dir, new_path, rename_between);
}

static berthi_code link_between(const berthi_walk_place *from, const berthi_walk_place *to)
{
    if (is_dots(from->name))
        return BERTHI_CODE_NOT_PERMITTED;
    if (is_dots(to->name))
        return BERTHI_CODE_EXISTS;
    if (to->is_folder_wanted)
        return BERTHI_CODE_NO_ENTRY;
    if (berthi_dir_fails("linkat") || linkat(from->dir, from->name, to->dir, to->name, 0) != 0)
        return berthi_code_of(errno);
    return BERTHI_CODE_OK;
}

berthi_code berthi_dir_link(int dir, berthi_dir_path path, int new_dir,
                            berthi_dir_path new_path)
{
    return between(dir, path, new_dir, new_path, link_between);
}

berthi_code berthi_dir_symlink(int dir, berthi_dir_path target, berthi_dir_path path)
{
    char text[BERTHI_WALK_TEXT];
    berthi_walk_place place;
    berthi_code code = berthi_walk_copy(target, text);

    place.dir = -1;
    if (code == BERTHI_CODE_OK)
        code = berthi_walk_to_place(dir, path, &place);
    if (code == BERTHI_CODE_OK && is_dots(place.name))
        code = BERTHI_CODE_EXISTS;
    if (code == BERTHI_CODE_OK && place.is_folder_wanted)
        code = BERTHI_CODE_NO_ENTRY;
    if (code == BERTHI_CODE_OK &&
        (berthi_dir_fails("symlinkat") || symlinkat(text, place.dir, place.name) != 0))
        code = berthi_code_of(errno);
    berthi_walk_leave(&place);
    return code;
}
