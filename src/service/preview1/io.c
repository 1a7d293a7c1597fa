/* io.c - preview 1: bytes of descriptors, and what is known of them.  Layer: service. */
#include "service/preview1/fds.h"

#include "os/stdio.h"

enum { WHENCE_SET, WHENCE_CUR, WHENCE_END };

/* ---------------------------------------------------------------- lists of spans */

int32_t berthi_p1_iovs(const p1_call *c, uint32_t at, uint32_t count, p1_iovs *out)
{
    uint64_t total = 0;

    if (count > P1_IOVS_MAX)
        return P1_INVAL;
    if (!p1_get(c, at, out->at, count * (uint32_t)sizeof *out->at))
        return P1_FAULT;
    for (uint32_t i = 0; i < count; i++) {
        if (berthi_guest_span(c->g, out->at[i].at, out->at[i].size) == NULL)
            return P1_FAULT;
        total += out->at[i].size;
    }
    if (total > UINT32_MAX)
        return P1_INVAL;
    out->count = count;
    return P1_OK;
}

/* One span of a list.  *size_io is how much is meant, then how much it was; an errno, p1_end(). */
typedef int32_t (*move_part)(const p1_call *c, p1_fd *fd, uint64_t offset, void *bytes,
                             size_t *size_io);

/* Spans one after the other, until one comes short.  What failed behind others is not said. */
static int32_t move(const p1_call *c, p1_fd *fd, uint32_t iovs_at, uint32_t iovs_count,
                    uint64_t offset, move_part part, uint32_t *done_out)
{
    p1_iovs iovs;
    int32_t error = berthi_p1_iovs(c, iovs_at, iovs_count, &iovs);
    uint32_t done = 0;

    if (error != P1_OK)
        return error;
    for (uint32_t i = 0; i < iovs.count; i++) {
        size_t size = iovs.at[i].size;

        if (size == 0)
            continue;
        /* Looked up again: a wait may have let time pass, never the guest run, but I7 costs nothing. */
        error = part(c, fd, offset + done, berthi_guest_span(c->g, iovs.at[i].at, size), &size);
        if (error != P1_OK)
            break;
        done += (uint32_t)size;
        if (size != iovs.at[i].size)
            break;
    }
    *done_out = done;
    return error < 0 || done == 0 ? error : P1_OK;
}

static int32_t moved(const p1_call *c, p1_fd *fd, int32_t error, uint32_t done, int out,
                     bool advances)
{
    if (error != P1_OK)
        return error;
    if (advances)
        fd->offset += done;
    return p1_put_u32(c, p1_u32(c, out), done) ? P1_OK : P1_FAULT;
}

/* ---------------------------------------------------------------- reading */

static int32_t read_input(const p1_call *c, p1_fd *fd, bool waits, void *to, size_t *size_io)
{
    berthi_input *in = (berthi_input *)(void *)fd->object;
    size_t room = *size_io;
    berthi_code code;

    while ((code = in->ops->read(in, to, size_io)) == BERTHI_CODE_WOULD_BLOCK && waits) {
        berth_status status = berthi_object_wait(fd->object, c->diag);

        if (status != BERTH_OK)
            return p1_end(status);
        *size_io = room;
    }
    if (code == BERTHI_CODE_CLOSED)
        *size_io = 0;
    return code == BERTHI_CODE_OK || code == BERTHI_CODE_CLOSED ? P1_OK : p1_errno(code);
}

static int32_t read_part(const p1_call *c, p1_fd *fd, uint64_t offset, void *bytes,
                         size_t *size_io)
{
    /* Whoever has something already is not kept waiting for more. */
    if (fd->kind == P1_INPUT)
        return read_input(c, fd, offset == fd->offset && (fd->flags & P1_NONBLOCK) == 0, bytes,
                          size_io);
    return p1_errno(berthi_files_read(p1_node_of(fd), bytes, *size_io, offset, size_io));
}

/* Reading needs what it was opened for (BADF), and then the right. */
static int32_t find_for(const p1_call *c, bool writes, uint64_t rights, p1_fd **fd_out)
{
    int32_t error = berthi_p1_fd(c, p1_u32(c, 0), 0, fd_out);
    const p1_fd *fd = *fd_out;

    if (error != P1_OK)
        return error;
    if (fd->kind == P1_NODE) {
        const berthi_files_node *node = p1_node_of(fd);

        if (node->kind == BERTHI_FILE_DIRECTORY)
            return writes ? P1_BADF : P1_ISDIR;
        if (writes ? !node->writes : !node->reads)
            return P1_BADF;
    } else if (writes != (fd->kind == P1_OUTPUT)) {
        return P1_BADF;
    }
    return (fd->base & rights) == rights ? P1_OK : P1_NOTCAPABLE;
}

static int32_t fd_read(p1_call *c)
{
    uint32_t done = 0;
    p1_fd *fd = NULL;
    int32_t error = find_for(c, false, P1_RIGHT(FD_READ), &fd);

    if (error == P1_OK)
        error = move(c, fd, p1_u32(c, 1), p1_u32(c, 2), fd->offset, read_part, &done);
    return moved(c, fd, error, done, 3, true);
}

static int32_t fd_pread(p1_call *c)
{
    uint32_t done = 0;
    p1_fd *fd = NULL;
    int32_t error = find_for(c, false, P1_RIGHT(FD_READ) | P1_RIGHT(FD_SEEK), &fd);

    if (fd != NULL && fd->kind != P1_NODE)
        return P1_SPIPE;
    if (error == P1_OK && p1_u64(c, 3) > INT64_MAX)
        return P1_INVAL;
    if (error == P1_OK)
        error = move(c, fd, p1_u32(c, 1), p1_u32(c, 2), p1_u64(c, 3), read_part, &done);
    return moved(c, fd, error, done, 4, false);
}

/* ---------------------------------------------------------------- writing */

static int32_t write_output(const p1_call *c, p1_fd *fd, const void *from, size_t *size_io)
{
    berthi_output *out = (berthi_output *)(void *)fd->object;
    size_t room = 0;
    berthi_code code;

    while ((code = out->ops->check(out, &room)) == BERTHI_CODE_OK && room == 0) {
        berth_status status;

        if ((fd->flags & P1_NONBLOCK) != 0)
            return P1_AGAIN;
        status = berthi_object_wait(fd->object, c->diag);
        if (status != BERTH_OK)
            return p1_end(status);
    }
    if (code == BERTHI_CODE_OK) {
        if (*size_io > room)
            *size_io = room;
        code = out->ops->write(out, from, *size_io);
    }
    return code == BERTHI_CODE_CLOSED ? P1_PIPE : p1_errno(code);
}

static int32_t write_part(const p1_call *c, p1_fd *fd, uint64_t offset, void *bytes,
                          size_t *size_io)
{
    const berthi_files_node *node = p1_node_of(fd);

    if (fd->kind == P1_OUTPUT)
        return write_output(c, fd, bytes, size_io);
    return p1_errno((fd->flags & P1_APPEND) != 0
                        ? berthi_files_append(node, bytes, *size_io, size_io)
                        : berthi_files_write(node, bytes, *size_io, offset, size_io));
}

/* Behind what was appended stands the next one. */
static int32_t go_to_end(p1_fd *fd, uint32_t done)
{
    berthi_file_stat at;
    berthi_code code;

    if (fd->kind != P1_NODE || (fd->flags & P1_APPEND) == 0)
        return P1_OK;
    code = berthi_files_stat(p1_node_of(fd), &at);
    if (code == BERTHI_CODE_OK)
        fd->offset = at.size - done;
    return p1_errno(code);
}

static int32_t fd_write(p1_call *c)
{
    uint32_t done = 0;
    p1_fd *fd = NULL;
    int32_t error = find_for(c, true, P1_RIGHT(FD_WRITE), &fd);

    if (error == P1_OK)
        error = move(c, fd, p1_u32(c, 1), p1_u32(c, 2), fd->offset, write_part, &done);
    if (error == P1_OK)
        error = go_to_end(fd, done);
    return moved(c, fd, error, done, 3, true);
}

static int32_t fd_pwrite(p1_call *c)
{
    uint32_t done = 0;
    p1_fd *fd = NULL;
    int32_t error = find_for(c, true, P1_RIGHT(FD_WRITE) | P1_RIGHT(FD_SEEK), &fd);

    if (fd != NULL && fd->kind != P1_NODE)
        return P1_SPIPE;
    if (error == P1_OK && p1_u64(c, 3) > INT64_MAX)
        return P1_INVAL;
    if (error == P1_OK)
        error = move(c, fd, p1_u32(c, 1), p1_u32(c, 2), p1_u64(c, 3), write_part, &done);
    return moved(c, fd, error, done, 4, false);
}

/* ---------------------------------------------------------------- where it stands */

static int32_t find_file(const p1_call *c, uint64_t rights, p1_fd **fd_out)
{
    int32_t error = berthi_p1_node(c, p1_u32(c, 0), 0, P1_SPIPE, fd_out);

    if (error != P1_OK)
        return error;
    if (p1_node_of(*fd_out)->kind == BERTHI_FILE_DIRECTORY)
        return P1_BADF;
    return ((*fd_out)->base & rights) == rights ? P1_OK : P1_NOTCAPABLE;
}

static int32_t seek_from(const p1_fd *fd, uint32_t whence, uint64_t *from_out)
{
    berthi_file_stat at = { .size = 0 };
    berthi_code code = BERTHI_CODE_OK;

    if (whence > WHENCE_END)
        return P1_INVAL;
    if (whence == WHENCE_END)
        code = berthi_files_stat(p1_node_of(fd), &at);
    *from_out = whence == WHENCE_SET ? 0 : whence == WHENCE_CUR ? fd->offset : at.size;
    return p1_errno(code);
}

static int32_t fd_seek(p1_call *c)
{
    int64_t by = c->cells[1].i64;
    uint64_t from = 0, to;
    p1_fd *fd;
    int32_t error = find_file(c, P1_RIGHT(FD_SEEK), &fd);

    if (error == P1_OK)
        error = seek_from(fd, p1_u32(c, 2), &from);
    if (error != P1_OK)
        return error;
    to = from + (uint64_t)by; /* from <= INT64_MAX: it is an offset in a file */
    if (to > INT64_MAX)
        return P1_INVAL;
    if (!p1_put_u64(c, p1_u32(c, 3), to))
        return P1_FAULT;
    fd->offset = to;
    return P1_OK;
}

static int32_t fd_tell(p1_call *c)
{
    p1_fd *fd;
    int32_t error = find_file(c, P1_RIGHT(FD_TELL), &fd);

    if (error != P1_OK)
        return error;
    return p1_put_u64(c, p1_u32(c, 1), fd->offset) ? P1_OK : P1_FAULT;
}

/* ---------------------------------------------------------------- to the disk */

static int32_t sync_it(const p1_call *c, uint64_t right, bool only_data)
{
    p1_fd *fd;
    int32_t error = berthi_p1_node(c, p1_u32(c, 0), right, P1_INVAL, &fd);

    return error == P1_OK ? p1_errno(berthi_files_sync(p1_node_of(fd), only_data)) : error;
}

static int32_t fd_sync(p1_call *c)
{
    return sync_it(c, P1_RIGHT(FD_SYNC), false);
}

static int32_t fd_datasync(p1_call *c)
{
    return sync_it(c, P1_RIGHT(FD_DATASYNC), true);
}

static int32_t fd_advise(p1_call *c)
{
    p1_fd *fd;
    int32_t error = berthi_p1_node(c, p1_u32(c, 0), P1_RIGHT(FD_ADVISE), P1_SPIPE, &fd);

    if (error != P1_OK)
        return error;
    if (p1_u32(c, 3) > BERTHI_ADVICE_NO_REUSE)
        return P1_INVAL;
    return p1_errno(berthi_files_advise(p1_node_of(fd), p1_u64(c, 1), p1_u64(c, 2),
                                        (berthi_file_advice)p1_u32(c, 3)));
}

/* Room on the disk cannot be promised by all file systems, so it is by none. */
static int32_t fd_allocate(p1_call *c)
{
    p1_fd *fd;
    int32_t error = berthi_p1_node(c, p1_u32(c, 0), P1_RIGHT(FD_ALLOCATE), P1_SPIPE, &fd);

    return error == P1_OK ? P1_NOTSUP : error;
}

/* ---------------------------------------------------------------- what is known of it */

static uint8_t filetype_of(const p1_call *c, const p1_fd *fd)
{
    int number = fd->kind == P1_INPUT ? 0 : fd->stream;

    if (fd->kind == P1_NODE)
        return berthi_p1_filetype(p1_node_of(fd)->kind);
    return berthi_services_has_process_stdio(c->s) && berthi_stdio_is_terminal(number)
               ? berthi_p1_filetype(BERTHI_FILE_CHARACTER_DEVICE)
               : berthi_p1_filetype(BERTHI_FILE_UNKNOWN);
}

static int32_t fd_fdstat_get(p1_call *c)
{
    uint8_t stat[24] = { 0 };
    p1_fd *fd;
    int32_t error = berthi_p1_fd(c, p1_u32(c, 0), 0, &fd);

    if (error != P1_OK)
        return error;
    stat[0] = filetype_of(c, fd);
    memcpy(stat + 2, &fd->flags, sizeof fd->flags);
    memcpy(stat + 8, &fd->base, sizeof fd->base);
    memcpy(stat + 16, &fd->inheriting, sizeof fd->inheriting);
    return p1_put(c, p1_u32(c, 1), stat, sizeof stat) ? P1_OK : P1_FAULT;
}

static int32_t fd_filestat_get(p1_call *c)
{
    p1_fd *fd;
    berthi_file_stat at;
    int32_t error = berthi_p1_fd(c, p1_u32(c, 0), P1_RIGHT(FD_FILESTAT_GET), &fd);

    if (error != P1_OK)
        return error;
    if (fd->kind != P1_NODE)
        return berthi_p1_put_filestat(c, p1_u32(c, 1), NULL, filetype_of(c, fd));
    error = p1_errno(berthi_files_stat(p1_node_of(fd), &at));
    return error == P1_OK ? berthi_p1_put_filestat(c, p1_u32(c, 1), &at, filetype_of(c, fd))
                          : error;
}

static int32_t fd_filestat_set_size(p1_call *c)
{
    p1_fd *fd;
    int32_t error = berthi_p1_node(c, p1_u32(c, 0), 0, P1_INVAL, &fd);

    if (error != P1_OK)
        return error;
    if (p1_node_of(fd)->kind == BERTHI_FILE_DIRECTORY)
        return P1_BADF;
    if ((fd->base & P1_RIGHT(FD_FILESTAT_SET_SIZE)) == 0)
        return P1_NOTCAPABLE;
    if (p1_u64(c, 1) > INT64_MAX)
        return P1_INVAL;
    return p1_errno(berthi_files_set_size(p1_node_of(fd), p1_u64(c, 1)));
}

static int32_t fd_filestat_set_times(p1_call *c)
{
    berthi_new_time accessed, modified;
    p1_fd *fd;
    int32_t error =
        berthi_p1_node(c, p1_u32(c, 0), P1_RIGHT(FD_FILESTAT_SET_TIMES), P1_INVAL, &fd);

    if (error != P1_OK)
        return error;
    if (!berthi_p1_times(p1_u64(c, 1), p1_u64(c, 2), p1_u32(c, 3), &accessed, &modified))
        return P1_INVAL;
    return p1_errno(berthi_files_set_times(p1_node_of(fd), accessed, modified));
}

BERTHI_P1(fd_read)
BERTHI_P1(fd_pread)
BERTHI_P1(fd_write)
BERTHI_P1(fd_pwrite)
BERTHI_P1(fd_seek)
BERTHI_P1(fd_tell)
BERTHI_P1(fd_sync)
BERTHI_P1(fd_datasync)
BERTHI_P1(fd_advise)
BERTHI_P1(fd_allocate)
BERTHI_P1(fd_fdstat_get)
BERTHI_P1(fd_filestat_get)
BERTHI_P1(fd_filestat_set_size)
BERTHI_P1(fd_filestat_set_times)
