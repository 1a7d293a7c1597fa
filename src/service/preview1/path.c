/* path.c - preview 1: what is named by a folder and a path.  Layer: service. */
#include "service/preview1/fds.h"

#include "base/utf8.h"

enum { CREATES = 1, DIRECTORY = 2, EXCLUSIVE = 4, TRUNCATES = 8, OFLAGS = 15 };
enum { ATIM = 1, ATIM_NOW = 2, MTIM = 4, MTIM_NOW = 8 };
enum { NS_PER_S = 1000000000, TARGET_MAX = 4096, FILESTAT_SIZE = 64 };

#define R(name) P1_RIGHT(name)

/* A path of the guest's, lent until it runs again: it stays where it is, since the host does not write to it
 * before it is done with it. */
static int32_t take_path(const p1_call *c, int at, berthi_dir_path *path_out)
{
    uint32_t size = p1_u32(c, at + 1);
    const char *text = berthi_guest_span(c->g, p1_u32(c, at), size);

    if (text == NULL)
        return P1_FAULT;
    if (size > BERTHI_DIR_PATH_MAX)
        return P1_NAMETOOLONG;
    if (!berthi_utf8_is_valid(text, size))
        return P1_ILSEQ;
    *path_out = (berthi_dir_path){ text, size, false };
    return P1_OK;
}

/* The folder is argument `fd_at`, the path begins at `path_at`. */
static int32_t take_name(const p1_call *c, int fd_at, int path_at, uint64_t rights,
                         p1_fd **fd_out, berthi_dir_path *path_out)
{
    int32_t error = berthi_p1_node(c, p1_u32(c, fd_at), 0, P1_NOTDIR, fd_out);

    if (error != P1_OK)
        return error;
    if (p1_node_of(*fd_out)->kind != BERTHI_FILE_DIRECTORY)
        return P1_NOTDIR;
    if (((*fd_out)->base & rights) != rights)
        return P1_NOTCAPABLE;
    return take_path(c, path_at, path_out);
}

/* ---------------------------------------------------------------- opening */

static void choose_how(uint32_t lookup, uint32_t oflags, uint64_t base, uint32_t flags,
                       berthi_dir_how *how)
{
    *how = (berthi_dir_how){ .reads = (base & (R(FD_READ) | R(FD_READDIR))) != 0,
                             .writes = (base & R(FD_WRITE)) != 0,
                             .creates = (oflags & CREATES) != 0,
                             .exclusive = (oflags & EXCLUSIVE) != 0,
                             .truncates = (oflags & TRUNCATES) != 0,
                             .directory = (oflags & DIRECTORY) != 0,
                             .follows = (lookup & P1_LINKS_FOLLOWED) != 0,
                             .syncs_data = (flags & (P1_DSYNC | P1_RSYNC)) != 0,
                             .syncs_all = (flags & P1_SYNC) != 0 };
    /* A folder that shall be read and written is listed and changed by its names. */
    if (how->directory)
        how->writes = false;
}

/* Truncating would need PATH_FILESTAT_SET_SIZE, which Go leaves out when it opens folders to read, and then does
 * not find missing: nobody who hosts preview 1 asks for it any more. */
static uint64_t rights_to_open(uint32_t oflags)
{
    return R(PATH_OPEN) | ((oflags & CREATES) != 0 ? R(PATH_CREATE_FILE) : 0);
}

static int32_t path_open(p1_call *c)
{
    uint32_t oflags = p1_u32(c, 4), flags = p1_u32(c, 7), number;
    uint64_t base = p1_u64(c, 5) & P1_ALL_RIGHTS, inheriting = p1_u64(c, 6) & P1_ALL_RIGHTS;
    berthi_dir_path path;
    berthi_dir_how how;
    berthi_files_node *node;
    p1_fd *at, fd;
    int32_t error;

    if ((oflags & ~(uint32_t)OFLAGS) != 0 || flags > 31)
        return P1_INVAL;
    error = take_name(c, 0, 2, rights_to_open(oflags), &at, &path);
    if (error != P1_OK)
        return error;
    if (berthi_guest_span(c->g, p1_u32(c, 8), 4) == NULL)
        return P1_FAULT; /* before anything is made that nobody could close */
    choose_how(p1_u32(c, 1), oflags, base, flags, &how);
    error = p1_errno(berthi_files_open(p1_node_of(at), path, &how, &node));
    if (error != P1_OK)
        return error;
    fd = (p1_fd){ .kind = P1_NODE,
                  .flags = (uint16_t)flags,
                  .base = base,
                  .inheriting = inheriting,
                  .object = &node->object };
    error = berthi_p1_add(c, &fd, &number); /* `at` may have moved */
    if (error != P1_OK)
        return error;
    return p1_put_u32(c, p1_u32(c, 8), number) ? P1_OK : P1_FAULT;
}

/* ---------------------------------------------------------------- what is known of it */

uint8_t berthi_p1_filetype(berthi_file_kind kind)
{
    switch (kind) {
    case BERTHI_FILE_BLOCK_DEVICE:
        return 1;
    case BERTHI_FILE_CHARACTER_DEVICE:
        return 2;
    case BERTHI_FILE_DIRECTORY:
        return 3;
    case BERTHI_FILE_REGULAR:
        return 4;
    case BERTHI_FILE_SOCKET:
        return 6;
    case BERTHI_FILE_SYMBOLIC_LINK:
        return 7;
    default:
        return 0;
    }
}

/* A finalizer of hashes: one number for one file, and no two of one host meet but by chance. */
uint64_t berthi_p1_file_number(const berthi_file_stat *at)
{
    uint64_t z = at->number + at->device * UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (z ^ z >> 31) | 1; /* 0 would mean that nobody knows it */
}

/* Times before 1970 and behind 2554 have no words. */
static uint64_t to_ns(berthi_file_time t)
{
    if (t.seconds < 0)
        return 0;
    return (uint64_t)t.seconds >= UINT64_MAX / NS_PER_S
               ? UINT64_MAX
               : (uint64_t)t.seconds * NS_PER_S + t.nanoseconds;
}

int32_t berthi_p1_put_filestat(const p1_call *c, uint32_t to, const berthi_file_stat *at,
                               uint8_t filetype)
{
    uint64_t words[FILESTAT_SIZE / 8] = { 0 };

    words[2] = filetype;
    words[3] = 1;
    if (at != NULL) {
        words[0] = 1; /* one device: what is below the folders is one world */
        words[1] = berthi_p1_file_number(at);
        words[3] = at->links;
        words[4] = at->size;
        words[5] = to_ns(at->accessed);
        words[6] = to_ns(at->modified);
        words[7] = to_ns(at->changed);
    }
    return p1_put(c, to, words, sizeof words) ? P1_OK : P1_FAULT;
}

static int32_t path_filestat_get(p1_call *c)
{
    berthi_dir_path path;
    berthi_file_stat at;
    p1_fd *fd;
    int32_t error = take_name(c, 0, 2, R(PATH_FILESTAT_GET), &fd, &path);

    if (error == P1_OK)
        error = p1_errno(berthi_files_stat_at(p1_node_of(fd), path,
                                              (p1_u32(c, 1) & P1_LINKS_FOLLOWED) != 0, &at));
    return error == P1_OK
               ? berthi_p1_put_filestat(c, p1_u32(c, 4), &at, berthi_p1_filetype(at.kind))
               : error;
}

static berthi_new_time new_time(uint64_t ns, bool is_set, bool is_now)
{
    berthi_new_time t = { .what = is_now   ? BERTHI_TIME_NOW
                                  : is_set ? BERTHI_TIME_SET
                                           : BERTHI_TIME_KEEP };

    t.time = (berthi_file_time){ (int64_t)(ns / NS_PER_S), (uint32_t)(ns % NS_PER_S) };
    return t;
}

bool berthi_p1_times(uint64_t accessed_ns, uint64_t modified_ns, uint32_t flags,
                     berthi_new_time *accessed_out, berthi_new_time *modified_out)
{
    if (flags > 15 || (flags & (ATIM | ATIM_NOW)) == (ATIM | ATIM_NOW) ||
        (flags & (MTIM | MTIM_NOW)) == (MTIM | MTIM_NOW))
        return false;
    *accessed_out = new_time(accessed_ns, (flags & ATIM) != 0, (flags & ATIM_NOW) != 0);
    *modified_out = new_time(modified_ns, (flags & MTIM) != 0, (flags & MTIM_NOW) != 0);
    return true;
}

static int32_t path_filestat_set_times(p1_call *c)
{
    berthi_new_time accessed, modified;
    berthi_dir_path path;
    p1_fd *fd;
    int32_t error = take_name(c, 0, 2, R(PATH_FILESTAT_SET_TIMES), &fd, &path);

    if (error != P1_OK)
        return error;
    if (!berthi_p1_times(p1_u64(c, 4), p1_u64(c, 5), p1_u32(c, 6), &accessed, &modified))
        return P1_INVAL;
    return p1_errno(berthi_files_set_times_at(
        p1_node_of(fd), path, (p1_u32(c, 1) & P1_LINKS_FOLLOWED) != 0, accessed, modified));
}

/* ---------------------------------------------------------------- one name */

typedef berthi_code (*change_name)(const berthi_files_node *at, berthi_dir_path path);

static int32_t change(const p1_call *c, uint64_t right, change_name how)
{
    berthi_dir_path path;
    p1_fd *fd;
    int32_t error = take_name(c, 0, 1, right, &fd, &path);

    return error == P1_OK ? p1_errno(how(p1_node_of(fd), path)) : error;
}

static int32_t path_create_directory(p1_call *c)
{
    return change(c, R(PATH_CREATE_DIRECTORY), berthi_files_make);
}

static int32_t path_remove_directory(p1_call *c)
{
    return change(c, R(PATH_REMOVE_DIRECTORY), berthi_files_remove);
}

static int32_t path_unlink_file(p1_call *c)
{
    return change(c, R(PATH_UNLINK_FILE), berthi_files_unlink);
}

/* As much of the target as there is room for. */
static int32_t path_readlink(p1_call *c)
{
    char target[TARGET_MAX];
    uint32_t room = p1_u32(c, 4);
    berthi_dir_path path;
    size_t size = 0;
    p1_fd *fd;
    int32_t error = take_name(c, 0, 1, R(PATH_READLINK), &fd, &path);

    if (error == P1_OK)
        error =
            p1_errno(berthi_files_readlink(p1_node_of(fd), path, target, sizeof target, &size));
    if (error != P1_OK)
        return error;
    if (!berthi_utf8_is_valid(target, size))
        return P1_ILSEQ;
    if (size > room)
        size = room;
    return p1_put(c, p1_u32(c, 3), target, (uint32_t)size) &&
                   p1_put_u32(c, p1_u32(c, 5), (uint32_t)size)
               ? P1_OK
               : P1_FAULT;
}

static int32_t path_symlink(p1_call *c)
{
    berthi_dir_path target, path;
    p1_fd *fd;
    int32_t error = take_name(c, 2, 3, R(PATH_SYMLINK), &fd, &path);

    if (error == P1_OK)
        error = take_path(c, 0, &target);
    return error == P1_OK ? p1_errno(berthi_files_symlink(p1_node_of(fd), target, path))
                          : error;
}

/* ---------------------------------------------------------------- two names */

static int32_t path_link(p1_call *c)
{
    berthi_dir_path path, new_path;
    p1_fd *fd, *to;
    int32_t error = take_name(c, 0, 2, R(PATH_LINK_SOURCE), &fd, &path);

    if (error == P1_OK)
        error = take_name(c, 4, 5, R(PATH_LINK_TARGET), &to, &new_path);
    if (error != P1_OK)
        return error;
    if ((p1_u32(c, 1) & P1_LINKS_FOLLOWED) !=
        0) /* nothing that systems do: wasi_filesystem.c */
        return P1_INVAL;
    return p1_errno(berthi_files_link(p1_node_of(fd), path, p1_node_of(to), new_path));
}

static int32_t path_rename(p1_call *c)
{
    berthi_dir_path path, new_path;
    p1_fd *fd, *to;
    int32_t error = take_name(c, 0, 1, R(PATH_RENAME_SOURCE), &fd, &path);

    if (error == P1_OK)
        error = take_name(c, 3, 4, R(PATH_RENAME_TARGET), &to, &new_path);
    return error == P1_OK
               ? p1_errno(berthi_files_rename(p1_node_of(fd), path, p1_node_of(to), new_path))
               : error;
}

BERTHI_P1(path_open)
BERTHI_P1(path_filestat_get)
BERTHI_P1(path_filestat_set_times)
BERTHI_P1(path_create_directory)
BERTHI_P1(path_remove_directory)
BERTHI_P1(path_unlink_file)
BERTHI_P1(path_readlink)
BERTHI_P1(path_symlink)
BERTHI_P1(path_link)
BERTHI_P1(path_rename)
