/* walk.c - paths that stay below a folder.  Layer: os.
 *
 * By the kernel, or part by part with a stack of the folders that were entered (os/dir.h says why that
 * is as tight). */
#include "os/walk.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/fault.h"

enum {
    ALWAYS = O_CLOEXEC | O_NONBLOCK | O_NOCTTY, /* opening waits for nobody */
    MODE = 0666,                                /* of a new file, less the process's umask */
    PART_MAX = 255,
    TRIES = 8 /* of openat2, which gives up when something is renamed meanwhile */
};

static bool fails(const char *call)
{
    errno = berthi_os_fault(call);
    return errno != 0;
}

berthi_code berthi_walk_copy(berthi_dir_path path, char text[BERTHI_WALK_TEXT])
{
    if (path.size == 0)
        return BERTHI_CODE_NO_ENTRY;
    if (path.size > BERTHI_DIR_PATH_MAX)
        return BERTHI_CODE_NAME_TOO_LONG;
    if (memchr(path.text, '\0', path.size) != NULL)
        return BERTHI_CODE_INVALID;
    if (path.text[0] == '/')
        return BERTHI_CODE_NOT_PERMITTED;
    memcpy(text, path.text, path.size);
    text[path.size] = '\0';
    return BERTHI_CODE_OK;
}

/* ---------------------------------------------------------------- part by part */

typedef struct walk {
    int flags;
    bool is_plain;
    int entered[BERTHI_DIR_DEPTH_MAX]; /* the first is the capability, which is lent */
    unsigned depth;
    unsigned links;
    char rest[BERTHI_WALK_TEXT]; /* what is still to be walked */
    char part[PART_MAX + 1];
    bool is_last, is_folder; /* of `part`: nothing follows, or only slashes */
} walk;

static int fail_with(int code)
{
    errno = code;
    return -1;
}

/* Moves the next part from `rest` to `part`; empty at the end. */
static bool next_part(walk *w)
{
    size_t skipped = strspn(w->rest, "/");
    size_t size = strcspn(w->rest + skipped, "/");
    size_t gone = skipped + size;
    size_t slashes = strspn(w->rest + gone, "/");

    if (size > PART_MAX) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(w->part, w->rest + skipped, size);
    w->part[size] = '\0';
    w->is_last = w->rest[gone + slashes] == '\0';
    w->is_folder = slashes != 0;
    memmove(w->rest, w->rest + gone + slashes, strlen(w->rest + gone + slashes) + 1);
    return true;
}

/* 1: the part is a link, and what it says is now in front of the rest.  0: it is none.  -1: errno */
static int expand_link(walk *w)
{
    char target[BERTHI_WALK_TEXT];
    size_t rest = strlen(w->rest), size;
    ssize_t n = fails("readlinkat")
                    ? -1
                    : readlinkat(w->entered[w->depth], w->part, target, sizeof target);

    if (n < 0)
        return errno == EINVAL || (errno == ENOENT && w->is_last) ? 0 : -1;
    size = (size_t)n;
    if (w->is_plain || ++w->links > BERTHI_DIR_LINKS_MAX)
        return fail_with(ELOOP);
    if (size == 0 || size + 1 + rest > BERTHI_DIR_PATH_MAX)
        return fail_with(ENAMETOOLONG);
    if (target[0] == '/')
        return fail_with(EXDEV);
    /* The slash behind a link's last part stays: what it leads to has to be a folder. */
    if (!w->is_last || w->is_folder)
        target[size++] = '/';
    memmove(w->rest + size, w->rest, rest + 1);
    memcpy(w->rest, target, size);
    return 1;
}

static int enter(walk *w)
{
    int fd;

    if (w->depth + 1 == BERTHI_DIR_DEPTH_MAX)
        return fail_with(ENAMETOOLONG);
    fd = fails("openat") ? -1
                         : openat(w->entered[w->depth], w->part,
                                  O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -1;
    w->entered[++w->depth] = fd;
    return 0;
}

static int go_up(walk *w)
{
    if (w->depth == 0)
        return fail_with(EXDEV);
    (void)close(w->entered[w->depth--]);
    return 0;
}

/* The last part.  A link that was put there since expand_link() looked is not followed. */
static int open_last(walk *w)
{
    int flags = w->flags | ALWAYS | O_NOFOLLOW | (w->is_folder ? O_DIRECTORY : 0), fd;
    bool here = w->part[0] == '\0';
    struct stat at;

    if ((w->is_folder || here) && (flags & O_CREAT) != 0)
        return fail_with(EISDIR);
    fd = fails("openat") ? -1 : openat(w->entered[w->depth], here ? "." : w->part, flags, MODE);
    if (fd < 0 || (flags & O_PATH) == 0 || (w->flags & O_NOFOLLOW) != 0)
        return fd;
    if (fstat(fd, &at) == 0 && !S_ISLNK(at.st_mode))
        return fd;
    (void)close(fd);
    return fail_with(ELOOP);
}

/* -2: there is more to walk. */
static int step(walk *w)
{
    bool follows;
    int is_link;

    if (!next_part(w))
        return -1;
    if (strcmp(w->part, "..") == 0 || strcmp(w->part, ".") == 0) {
        if (w->part[1] == '.' && go_up(w) != 0)
            return -1;
        w->part[0] = '\0';
        return w->is_last ? open_last(w) : -2;
    }
    follows = !w->is_last || w->is_folder || (w->flags & O_NOFOLLOW) == 0;
    /* O_EXCL: what stands there, a link too, is in the way. */
    if (w->is_last && (w->flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
        follows = false;
    is_link = follows && w->part[0] != '\0' ? expand_link(w) : 0;
    if (is_link != 0)
        return is_link < 0 ? -1 : -2;
    if (w->is_last)
        return open_last(w);
    return enter(w) == 0 ? -2 : -1;
}

int berthi_walk_by_parts(int dir, const char *path, int flags, bool is_plain)
{
    walk w;
    int fd, code;

    assert(path[0] != '\0' && strlen(path) <= BERTHI_DIR_PATH_MAX);
    w.flags = flags;
    w.is_plain = is_plain;
    w.entered[0] = dir;
    w.depth = w.links = 0;
    memcpy(w.rest, path, strlen(path) + 1);
    do
        fd = path[0] == '/' ? fail_with(EXDEV) : step(&w);
    while (fd == -2);
    code = errno;
    while (w.depth > 0)
        (void)close(w.entered[w.depth--]);
    errno = code;
    return fd;
}

/* ---------------------------------------------------------------- by the kernel */

static int open_by_kernel(int dir, const char *path, int flags, bool is_plain)
{
    struct open_how how = { .flags = (unsigned)flags | ALWAYS,
                            .mode = (flags & O_CREAT) != 0 ? MODE : 0,
                            .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
    int fd = -1;

    if (is_plain)
        how.resolve |= RESOLVE_NO_SYMLINKS;
    if ((flags & O_PATH) != 0) /* nothing else may stand beside it */
        how.flags &= O_PATH | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW;
    for (int i = 0; i < TRIES; i++) {
        fd = fails("openat2") ? -1 : (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
            break;
    }
    return fd;
}

int berthi_walk_open(int dir, const char *path, int flags, bool is_plain)
{
    int fd = open_by_kernel(dir, path, flags, is_plain);

    /* ENOSYS: a kernel before 5.6.  EPERM: a filter that denies what it does not know (or the truth:
     * then it is found out again).  EAGAIN: something was renamed in each try. */
    if (fd < 0 && (errno == ENOSYS || errno == EPERM || errno == EAGAIN))
        fd = berthi_walk_by_parts(dir, path, flags, is_plain);
    return fd;
}

/* ---------------------------------------------------------------- places */

berthi_code berthi_walk_to_place(int dir, berthi_dir_path path, berthi_walk_place *place)
{
    berthi_code code = berthi_walk_copy(path, place->text);
    size_t size = path.size;
    const char *folder = ".";
    char *slash;

    place->dir = -1;
    if (code != BERTHI_CODE_OK)
        return code;
    /* Slashes at the end are taken off: the kernel follows a link that one stands behind. */
    while (size > 1 && place->text[size - 1] == '/')
        place->text[--size] = '\0';
    place->is_folder_wanted = size != path.size;
    slash = strrchr(place->text, '/');
    place->name = slash == NULL ? place->text : slash + 1;
    if (slash != NULL) {
        *slash = '\0';
        folder = place->text;
    }
    place->dir = berthi_walk_open(dir, folder, O_PATH | O_DIRECTORY | O_CLOEXEC, path.is_plain);
    if (place->dir >= 0)
        return BERTHI_CODE_OK;
    return errno == EXDEV ? BERTHI_CODE_NOT_PERMITTED : berthi_code_of(errno);
}

void berthi_walk_leave(berthi_walk_place *place)
{
    if (place->dir >= 0)
        (void)close(place->dir);
    place->dir = -1;
}
