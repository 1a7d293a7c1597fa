/* beneath.c - a folder and what is below it.  Layer: os. */
#include "os/beneath.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/diag.h"
#include "os/fault.h"

enum {
    OPENING = O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW,
    PART_MAX = 255,
    DEPTH_MAX = 32,
    TRIES = 8 /* of openat2, which gives up when something is renamed meanwhile */
};

static bool fails(const char *call)
{
    errno = berthi_os_fault(call);
    return errno != 0;
}

berth_status berthi_beneath_open(const char *folder, berthi_beneath *beneath_out,
                                 berth_diag *diag)
{
    int fd = fails("open") ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return berthi_fail_os(diag, errno, "%s: cannot be opened", folder);
    *beneath_out = (berthi_beneath){ fd, folder };
    return BERTH_OK;
}

void berthi_beneath_close(berthi_beneath *beneath)
{
    if (beneath->fd >= 0)
        (void)close(beneath->fd);
    beneath->fd = -1;
}

bool berthi_path_stays_below(const char *path)
{
    for (const char *part = path;; part++) {
        size_t size = strcspn(part, "/");

        if (size == 0 || (size == 1 && part[0] == '.') ||
            (size == 2 && part[0] == '.' && part[1] == '.'))
            return false;
        part += size;
        if (*part == '\0')
            return true;
    }
}

/* ---------------------------------------------------------------- opening */

static int open_by_kernel(int folder, const char *path, int flags)
{
    struct open_how how = { .flags = (unsigned)(flags | OPENING),
                            .resolve =
                                RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };
    int fd = -1;

    for (int i = 0; i < TRIES; i++) {
        fd = fails("openat2") ? -1 : (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
            break;
    }
    return fd;
}

static int open_part(int folder, const char *part, int flags)
{
    return fails("openat") ? -1 : openat(folder, part, flags | OPENING);
}

/* Part by part; none may be a link. */
static int open_by_parts(int folder, const char *path, int flags)
{
    char part[PART_MAX + 1];
    int at = folder, next;

    for (;;) {
        size_t size = strcspn(path, "/");
        bool is_last = path[size] == '\0';
        int code;

        if (size > PART_MAX) {
            next = -1;
            errno = ENAMETOOLONG;
        } else {
            memcpy(part, path, size);
            part[size] = '\0';
            next = open_part(at, part, is_last ? flags : O_RDONLY | O_DIRECTORY);
        }
        code = errno;
        if (at != folder)
            (void)close(at);
        errno = code;
        if (next < 0 || is_last)
            return next;
        at = next;
        path += size + 1;
    }
}

static int open_below(const berthi_beneath *beneath, const char *path, int flags)
{
    int fd = open_by_kernel(beneath->fd, path, flags);

    /* Kernels before 5.6 do not know the call, and filters deny what they do not know. */
    if (fd < 0 && (errno == ENOSYS || errno == EPERM || errno == EINVAL || errno == EAGAIN))
        fd = open_by_parts(beneath->fd, path, flags);
    return fd;
}

/* A link that was not followed looks like this: ELOOP, or ENOTDIR in the middle. */
static bool is_link(const berthi_beneath *beneath, const char *path)
{
    char part[PATH_MAX];
    struct stat at;

    for (const char *end = path;; end++) {
        end += strcspn(end, "/");
        if ((size_t)(end - path) >= sizeof part)
            return false;
        memcpy(part, path, (size_t)(end - path));
        part[end - path] = '\0';
        if (fstatat(beneath->fd, part, &at, AT_SYMLINK_NOFOLLOW) != 0)
            return false;
        if (S_ISLNK(at.st_mode))
            return true;
        if (*end == '\0')
            return false;
    }
}

static berth_status fail_open(const berthi_beneath *beneath, const char *path, int code,
                              berth_diag *diag)
{
    if (code == EXDEV)
        return berthi_fail(diag, BERTH_E_REJECTED, "%s/%s: leads out of the folder",
                           beneath->folder, path);
    if (code == ELOOP || (code == ENOTDIR && is_link(beneath, path)))
        return berthi_fail(diag, BERTH_E_REJECTED, "%s/%s: is or passes a symbolic link",
                           beneath->folder, path);
    if (code == ENOENT || code == ENOTDIR)
        return berthi_fail(diag, BERTH_E_ABSENT, "%s/%s: is not there", beneath->folder, path);
    return berthi_fail_os(diag, code, "%s/%s: cannot be opened", beneath->folder, path);
}

berth_status berthi_beneath_read(const berth_allocator *a, const berthi_beneath *beneath,
                                 const char *path, uint64_t size_max,
                                 berthi_file_bytes *file_out, berth_diag *diag)
{
    char shown[256];
    berth_status status;
    int fd;

    if (!berthi_path_stays_below(path))
        return berthi_fail(diag, BERTH_E_REJECTED, "%s: the path `%s` leads out of the folder",
                           beneath->folder, path);
    fd = open_below(beneath, path, O_RDONLY);
    if (fd < 0)
        return fail_open(beneath, path, errno, diag);
    snprintf(shown, sizeof shown, "%s/%s", beneath->folder, path);
    status = berthi_file_read_open(a, fd, shown, size_max, file_out, diag);
    (void)close(fd);
    return status;
}

/* ---------------------------------------------------------------- listing */

typedef struct walk {
    const berthi_beneath *beneath;
    berthi_arena *arena;
    const char **paths;
    bool *are_folders;
    uint32_t count, room, max;
    berth_diag *diag;
} walk;

static unsigned depth_of(const char *path)
{
    unsigned depth = 0;

    for (; *path != '\0'; path++)
        depth += *path == '/';
    return depth;
}

static berth_status no_memory(walk *w)
{
    return berthi_fail(w->diag, BERTH_E_NOMEM, "%s: no memory for its names",
                       w->beneath->folder);
}

static berth_status grow(walk *w)
{
    uint32_t room = w->room == 0 ? 16 : 2 * w->room;
    const char **paths;
    bool *are_folders;

    if (w->count < w->room)
        return BERTH_OK;
    paths = berthi_arena_array(w->arena, room, sizeof *paths);
    are_folders = berthi_arena_array(w->arena, room, sizeof *are_folders);
    if (paths == NULL || are_folders == NULL)
        return no_memory(w);
    if (w->count != 0) {
        memcpy(paths, w->paths, w->count * sizeof *paths);
        memcpy(are_folders, w->are_folders, w->count * sizeof *are_folders);
    }
    w->paths = paths;
    w->are_folders = are_folders;
    w->room = room;
    return BERTH_OK;
}

/* One entry of the folder `at` ("" or its path). */
static berth_status add(walk *w, int fd, const char *at, const char *name)
{
    size_t at_size = strlen(at), name_size = strlen(name);
    berth_status status;
    struct stat found;
    char *path;

    if (w->count == w->max)
        return berthi_fail(w->diag, BERTH_E_LIMIT, "%s: more than %u files and folders",
                           w->beneath->folder, (unsigned)w->max);
    path = berthi_arena_alloc(w->arena, at_size + name_size + 2);
    if (path == NULL)
        return no_memory(w);
    memcpy(path, at, at_size);
    if (at_size != 0)
        path[at_size++] = '/';
    memcpy(path + at_size, name, name_size);
    if (fails("fstatat") || fstatat(fd, name, &found, AT_SYMLINK_NOFOLLOW) != 0)
        return berthi_fail_os(w->diag, errno, "%s/%s: cannot be examined", w->beneath->folder,
                              path);
    if (!S_ISDIR(found.st_mode) && !S_ISREG(found.st_mode))
        return berthi_fail(
            w->diag, BERTH_E_REJECTED, "%s/%s: is %s, not a file", w->beneath->folder, path,
            S_ISLNK(found.st_mode) ? "a symbolic link" : "a device, a pipe or a socket");
    if (S_ISDIR(found.st_mode) && depth_of(path) + 1 >= DEPTH_MAX)
        return berthi_fail(w->diag, BERTH_E_LIMIT, "%s: more than %d folders in each other",
                           w->beneath->folder, DEPTH_MAX);
    status = grow(w);
    if (status != BERTH_OK)
        return status;
    w->paths[w->count] = path;
    w->are_folders[w->count++] = S_ISDIR(found.st_mode);
    return BERTH_OK;
}

static berth_status list_open(walk *w, DIR *dir, const char *at)
{
    berth_status status = BERTH_OK;

    while (status == BERTH_OK) {
        const struct dirent *found = fails("readdir") ? NULL : readdir(dir);

        if (found == NULL && errno != 0)
            return berthi_fail_os(w->diag, errno, "%s/%s: cannot be listed", w->beneath->folder,
                                  at);
        if (found == NULL)
            break;
        if (strcmp(found->d_name, ".") != 0 && strcmp(found->d_name, "..") != 0)
            status = add(w, dirfd(dir), at, found->d_name);
    }
    return status;
}

static berth_status list_folder(walk *w, const char *at)
{
    int fd = at[0] == '\0' ? open_part(w->beneath->fd, ".", O_RDONLY | O_DIRECTORY)
                           : open_below(w->beneath, at, O_RDONLY | O_DIRECTORY);
    berth_status status;
    DIR *dir;

    if (fd < 0)
        return fail_open(w->beneath, at, errno, w->diag);
    dir = fails("fdopendir") ? NULL : fdopendir(fd);
    if (dir == NULL) {
        status =
            berthi_fail_os(w->diag, errno, "%s/%s: cannot be listed", w->beneath->folder, at);
        (void)close(fd);
        return status;
    }
    status = list_open(w, dir, at);
    (void)closedir(dir);
    return status;
}

static int compare_paths(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;

    return strcmp(*x, *y);
}

berth_status berthi_beneath_list(const berthi_beneath *beneath, uint32_t files_max,
                                 berthi_arena *arena, berthi_beneath_files *files_out,
                                 berth_diag *diag)
{
    walk w = { .beneath = beneath, .arena = arena, .max = files_max, .diag = diag };
    berth_status status = list_folder(&w, "");
    uint32_t files = 0;

    /* What is found in a folder is behind it, so each is met once. */
    for (uint32_t i = 0; status == BERTH_OK && i < w.count; i++)
        if (w.are_folders[i])
            status = list_folder(&w, w.paths[i]);
    if (status != BERTH_OK)
        return status;
    for (uint32_t i = 0; i < w.count; i++)
        if (!w.are_folders[i])
            w.paths[files++] = w.paths[i];
    if (files != 0)
        qsort(w.paths, files, sizeof *w.paths, compare_paths);
    *files_out = (berthi_beneath_files){ w.paths, files };
    return BERTH_OK;
}
