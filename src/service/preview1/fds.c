/* fds.c - the table of descriptors: made, found, closed, moved.  Layer: service. */
#include "service/preview1/fds.h"

enum { FIRST_ROOM = 8, STREAMS = 3 };

#define R(name) P1_RIGHT(name)

static const uint64_t stream_rights =
    R(FD_FDSTAT_SET_FLAGS) | R(FD_FILESTAT_GET) | R(POLL_FD_READWRITE);

/* What makes sense of a folder, and of a file. */
static const uint64_t folder_rights =
    R(FD_FDSTAT_SET_FLAGS) | R(FD_SYNC) | R(FD_DATASYNC) | R(FD_ADVISE) |
    R(PATH_CREATE_DIRECTORY) | R(PATH_CREATE_FILE) | R(PATH_LINK_SOURCE) | R(PATH_LINK_TARGET) |
    R(PATH_OPEN) | R(FD_READDIR) | R(PATH_READLINK) | R(PATH_RENAME_SOURCE) |
    R(PATH_RENAME_TARGET) | R(PATH_FILESTAT_GET) | R(PATH_FILESTAT_SET_SIZE) |
    R(PATH_FILESTAT_SET_TIMES) | R(FD_FILESTAT_GET) | R(FD_FILESTAT_SET_TIMES) |
    R(PATH_SYMLINK) | R(PATH_REMOVE_DIRECTORY) | R(PATH_UNLINK_FILE) | R(POLL_FD_READWRITE);
static const uint64_t file_rights =
    R(FD_DATASYNC) | R(FD_READ) | R(FD_SEEK) | R(FD_FDSTAT_SET_FLAGS) | R(FD_SYNC) |
    R(FD_TELL) | R(FD_WRITE) | R(FD_ADVISE) | R(FD_ALLOCATE) | R(FD_FILESTAT_GET) |
    R(FD_FILESTAT_SET_SIZE) | R(FD_FILESTAT_SET_TIMES) | R(POLL_FD_READWRITE);

/* ---------------------------------------------------------------- room */

static uint32_t numbers_max(const berthi_services *s)
{
    return s->objects_max + STREAMS;
}

static bool grow(const p1_call *c, struct berthi_preview1 *t)
{
    uint32_t room = t->count == 0 ? FIRST_ROOM : 2 * t->count;
    p1_fd *fds;

    if (room > numbers_max(c->s))
        room = numbers_max(c->s);
    fds = berthi_zalloc_array(c->g->allocator, room, sizeof *fds);
    if (fds == NULL)
        return false;
    if (t->count != 0)
        memcpy(fds, t->fds, t->count * sizeof *fds);
    berthi_free_array(c->g->allocator, t->fds, t->count, sizeof *fds);
    t->fds = fds;
    t->count = room;
    return true;
}

int32_t berthi_p1_add(const p1_call *c, const p1_fd *like, uint32_t *number_out)
{
    struct berthi_preview1 *t = c->g->preview1;
    uint32_t n = STREAMS;

    while (n < t->count && t->fds[n].kind != P1_FREE)
        n++;
    if (n >= t->count && (t->count >= numbers_max(c->s) || !grow(c, t))) {
        berthi_object_unref(like->object);
        return t->count >= numbers_max(c->s) ? P1_MFILE : P1_NOMEM;
    }
    t->fds[n] = *like;
    if (like->kind == P1_NODE)
        t->fds[n].base &=
            p1_node_of(like)->kind == BERTHI_FILE_DIRECTORY ? folder_rights : file_rights;
    *number_out = n;
    return P1_OK;
}

void berthi_p1_drop(berthi_guest *g, p1_fd *fd)
{
    berthi_p1_end_listing(g, fd);
    berthi_object_unref(fd->object);
    *fd = (p1_fd){ .kind = P1_FREE };
}

void berthi_preview1_end(berthi_guest *g)
{
    struct berthi_preview1 *t = g->preview1;

    if (t == NULL)
        return;
    for (uint32_t n = 0; n < t->count; n++)
        if (t->fds[n].kind != P1_FREE)
            berthi_p1_drop(g, &t->fds[n]);
    berthi_free_array(g->allocator, t->fds, t->count, sizeof *t->fds);
    berthi_free(g->allocator, t, sizeof *t);
    g->preview1 = NULL;
}

/* ---------------------------------------------------------------- what is there at first */

static bool add_streams(const p1_call *c, struct berthi_preview1 *t)
{
    berthi_input *in = berthi_services_input(c->s);

    if (in != NULL)
        t->fds[0] = (p1_fd){ .kind = P1_INPUT,
                             .object = &in->object,
                             .base = stream_rights | R(FD_READ) };
    for (int32_t stream = BERTH_OUTPUT_STDOUT; stream <= BERTH_OUTPUT_STDERR; stream++) {
        berthi_output *out = berthi_services_output(c->s, stream);

        if (out != NULL)
            t->fds[stream] = (p1_fd){ .kind = P1_OUTPUT,
                                      .stream = stream,
                                      .object = &out->object,
                                      .base = stream_rights | R(FD_WRITE) };
    }
    return t->fds[0].kind != P1_FREE && t->fds[1].kind != P1_FREE && t->fds[2].kind != P1_FREE;
}

/* A folder that is not there, or cannot be opened, is not given. */
static bool add_folders(const p1_call *c)
{
    uint32_t count = berthi_files_folders(c->s), number;

    for (uint32_t i = 0; i < count; i++) {
        berthi_files_node *node;
        const char *name;
        berthi_code code = berthi_files_open_folder(c->s, i, &node, &name);
        p1_fd fd = {
            .kind = P1_NODE, .base = P1_ALL_RIGHTS, .inheriting = P1_ALL_RIGHTS, .preopen = name
        };

        if (code == BERTHI_CODE_NO_MEMORY || code == BERTHI_CODE_TOO_MANY_OPEN)
            return false;
        if (code != BERTHI_CODE_OK)
            continue;
        fd.object = &node->object;
        if (berthi_p1_add(c, &fd, &number) != P1_OK)
            return false;
    }
    return true;
}

static bool make_table(const p1_call *c)
{
    struct berthi_preview1 *t;

    if (c->g->preview1 != NULL)
        return true;
    t = berthi_zalloc(c->g->allocator, sizeof *t);
    if (t == NULL)
        return false;
    c->g->preview1 = t;
    if (grow(c, t) && t->count >= STREAMS && add_streams(c, t) && add_folders(c))
        return true;
    berthi_preview1_end(c->g);
    return false;
}

/* ---------------------------------------------------------------- finding */

static bool is_granted(const p1_call *c, const p1_fd *fd)
{
    const berth_grants *grants = c->s->grants;

    if (fd->kind == P1_INPUT)
        return berthi_grants_has(grants, BERTHI_RIGHT_STDIN);
    return fd->kind != P1_OUTPUT ||
           berthi_grants_has(grants, fd->stream == BERTH_OUTPUT_STDERR ? BERTHI_RIGHT_STDERR
                                                                       : BERTHI_RIGHT_STDOUT);
}

int32_t berthi_p1_fd(const p1_call *c, uint32_t number, uint64_t rights, p1_fd **fd_out)
{
    struct berthi_preview1 *t;

    if (!make_table(c))
        return P1_NOMEM;
    t = c->g->preview1;
    if (number >= t->count || t->fds[number].kind == P1_FREE || !is_granted(c, &t->fds[number]))
        return P1_BADF;
    if ((t->fds[number].base & rights) != rights)
        return P1_NOTCAPABLE;
    *fd_out = &t->fds[number];
    return P1_OK;
}

int32_t berthi_p1_node(const p1_call *c, uint32_t number, uint64_t rights, int32_t other,
                       p1_fd **fd_out)
{
    p1_fd *fd;
    int32_t error = berthi_p1_fd(c, number, 0, &fd);

    if (error != P1_OK)
        return error;
    if (fd->kind != P1_NODE)
        return other;
    if ((fd->base & rights) != rights)
        return P1_NOTCAPABLE;
    *fd_out = fd;
    return P1_OK;
}

/* ---------------------------------------------------------------- functions */

static int32_t fd_close(p1_call *c)
{
    p1_fd *fd;
    int32_t error = berthi_p1_fd(c, p1_u32(c, 0), 0, &fd);

    if (error == P1_OK)
        berthi_p1_drop(c->g, fd);
    return error;
}

static int32_t fd_renumber(p1_call *c)
{
    p1_fd *from, *to;
    int32_t error = berthi_p1_fd(c, p1_u32(c, 0), 0, &from);

    if (error == P1_OK)
        error = berthi_p1_fd(c, p1_u32(c, 1), 0, &to);
    if (error != P1_OK || from == to)
        return error;
    berthi_p1_drop(c->g, to);
    *to = *from;
    *from = (p1_fd){ .kind = P1_FREE };
    return P1_OK;
}

static int32_t fd_prestat_get(p1_call *c)
{
    p1_fd *fd;
    int32_t error = berthi_p1_node(c, p1_u32(c, 0), 0, P1_BADF, &fd);
    uint32_t prestat[2] = { 0 }; /* tag: a folder; the size of its name */

    if (error != P1_OK)
        return error;
    if (fd->preopen == NULL)
        return P1_BADF;
    prestat[1] = (uint32_t)strlen(fd->preopen);
    return p1_put(c, p1_u32(c, 1), prestat, sizeof prestat) ? P1_OK : P1_FAULT;
}

static int32_t fd_prestat_dir_name(p1_call *c)
{
    p1_fd *fd;
    int32_t error = berthi_p1_node(c, p1_u32(c, 0), 0, P1_BADF, &fd);
    size_t size;

    if (error != P1_OK)
        return error;
    if (fd->preopen == NULL)
        return P1_BADF;
    size = strlen(fd->preopen);
    if (size > p1_u32(c, 2))
        return P1_NAMETOOLONG;
    return p1_put(c, p1_u32(c, 1), fd->preopen, (uint32_t)size) ? P1_OK : P1_FAULT;
}

static int32_t fd_fdstat_set_flags(p1_call *c)
{
    const uint32_t changeable = P1_APPEND | P1_NONBLOCK;
    uint32_t flags = p1_u32(c, 1);
    p1_fd *fd;
    int32_t error = berthi_p1_fd(c, p1_u32(c, 0), R(FD_FDSTAT_SET_FLAGS), &fd);

    if (error != P1_OK)
        return error;
    if ((flags & ~changeable) != (fd->flags & ~changeable)) /* fixed when it was opened */
        return P1_INVAL;
    fd->flags = (uint16_t)flags;
    return P1_OK;
}

static int32_t fd_fdstat_set_rights(p1_call *c)
{
    uint64_t base = p1_u64(c, 1), inheriting = p1_u64(c, 2);
    p1_fd *fd;
    int32_t error = berthi_p1_fd(c, p1_u32(c, 0), 0, &fd);

    if (error != P1_OK)
        return error;
    if ((base & ~fd->base) != 0 || (inheriting & ~fd->inheriting) != 0)
        return P1_NOTCAPABLE;
    fd->base = base;
    fd->inheriting = inheriting;
    return P1_OK;
}

BERTHI_P1(fd_close)
BERTHI_P1(fd_renumber)
BERTHI_P1(fd_prestat_get)
BERTHI_P1(fd_prestat_dir_name)
BERTHI_P1(fd_fdstat_set_flags)
BERTHI_P1(fd_fdstat_set_rights)
