/* readdir.c - preview 1: what is in a folder.  Layer: service.
 *
 * A cookie is how many entries lie before one: `.` is 0, `..` is 1.  A guest that goes on where it stopped is
 * answered from the list that is open; another cookie begins a new one and goes there. */
#include "service/preview1/fds.h"

enum { DIRENT_SIZE = 24, NAME_ROOM = 256, DOTS = 2, ENTRIES_AT_ONCE = 64 };

struct p1_listing {
    berthi_files_list *list;
    uint64_t at;   /* the number of the entry that is held, or comes next */
    bool is_held;  /* it was read already */
    bool is_ended; /* there is none */
    berthi_file_kind kind;
    uint32_t size;
    char name[NAME_ROOM];
};

void berthi_p1_end_listing(berthi_guest *g, p1_fd *fd)
{
    if (fd->listing == NULL)
        return;
    berthi_object_unref(fd->listing->list);
    berthi_free(g->allocator, fd->listing, sizeof *fd->listing);
    fd->listing = NULL;
}

static int32_t begin_listing(const p1_call *c, p1_fd *fd)
{
    p1_listing *l;
    berthi_code code;

    berthi_p1_end_listing(c->g, fd);
    l = berthi_zalloc(c->g->allocator, sizeof *l);
    if (l == NULL)
        return P1_NOMEM;
    code = berthi_files_list_open(p1_node_of(fd), &l->list);
    if (code != BERTHI_CODE_OK) {
        berthi_free(c->g->allocator, l, sizeof *l);
        return p1_errno(code);
    }
    fd->listing = l;
    return P1_OK;
}

/* Holds the entry whose turn it is.  Names that are no text are left out. */
static int32_t hold(p1_listing *l)
{
    berthi_dir_entry entry;
    bool some = false;
    berthi_code code = BERTHI_CODE_OK;

    if (l->is_held || l->is_ended)
        return P1_OK;
    if (l->at < DOTS) {
        entry = (berthi_dir_entry){ "..", l->at + 1, BERTHI_FILE_DIRECTORY };
        some = true;
    } else {
        do
            code = berthi_files_list_next(l->list, &entry, &some);
        while (code == BERTHI_CODE_BYTE_SEQUENCE);
    }
    if (code != BERTHI_CODE_OK)
        return p1_errno(code);
    l->is_ended = !some || entry.size >= NAME_ROOM;
    if (l->is_ended)
        return P1_OK;
    memcpy(l->name, entry.name, entry.size);
    l->size = (uint32_t)entry.size;
    l->kind = entry.kind;
    l->is_held = true;
    return P1_OK;
}

/* A folder may be longer than its call may take. */
static int32_t go_on(const p1_call *c)
{
    berth_status status = berthi_services_go_on(c->s, c->diag);

    return status == BERTH_OK ? P1_OK : p1_end(status);
}

static int32_t go_to(const p1_call *c, p1_fd *fd, uint64_t cookie)
{
    int32_t error = P1_OK;

    if (fd->listing == NULL || cookie < fd->listing->at || cookie == 0)
        error = begin_listing(c, fd);
    while (error == P1_OK && fd->listing->at < cookie && !fd->listing->is_ended) {
        if (fd->listing->at % ENTRIES_AT_ONCE == 0)
            error = go_on(c);
        if (error == P1_OK)
            error = hold(fd->listing);
        if (fd->listing->is_held)
            fd->listing->at++;
        fd->listing->is_held = false;
    }
    return error == P1_OK ? hold(fd->listing) : error;
}

/* That of `..` is the folder's own: what is above it is not said. */
static uint64_t number_of(const p1_fd *fd, const p1_listing *l)
{
    const berthi_dir_path path = { l->name, l->size, false };
    berthi_file_stat at;
    berthi_code code = l->at < DOTS ? berthi_files_stat(p1_node_of(fd), &at)
                                    : berthi_files_stat_at(p1_node_of(fd), path, false, &at);

    return code == BERTHI_CODE_OK ? berthi_p1_file_number(&at) : 0;
}

/* As much of `from` as there is room for. */
static void put_part(uint8_t *to, uint32_t room, uint32_t *used, const void *from,
                     uint32_t size)
{
    uint32_t part = size < room - *used ? size : room - *used;

    memcpy(to + *used, from, part);
    *used += part;
}

static int32_t fd_readdir(p1_call *c)
{
    uint32_t room = p1_u32(c, 2), used = 0;
    uint8_t *to = berthi_guest_span(c->g, p1_u32(c, 1), room);
    p1_fd *fd;
    int32_t error = berthi_p1_node(c, p1_u32(c, 0), P1_RIGHT(FD_READDIR), P1_NOTDIR, &fd);

    if (error != P1_OK)
        return error;
    if (p1_node_of(fd)->kind != BERTHI_FILE_DIRECTORY)
        return P1_NOTDIR;
    if (to == NULL)
        return P1_FAULT;
    error = go_to(c, fd, p1_u64(c, 3));
    while (error == P1_OK && fd->listing->is_held && used < room) {
        p1_listing *l = fd->listing;
        uint8_t head[DIRENT_SIZE] = { 0 };
        const uint64_t next = l->at + 1, number = number_of(fd, l);

        memcpy(head, &next, sizeof next);
        memcpy(head + 8, &number, sizeof number);
        memcpy(head + 16, &l->size, sizeof l->size);
        head[20] = berthi_p1_filetype(l->kind);
        put_part(to, room, &used, head, sizeof head);
        put_part(to, room, &used, l->name, l->size);
        if (used == room) /* it may be cut: whoever wants it whole asks for it again */
            break;
        l->is_held = false;
        l->at = next;
        if (next % ENTRIES_AT_ONCE == 0)
            error = go_on(c);
        if (error == P1_OK)
            error = hold(l);
    }
    if (error != P1_OK)
        return error;
    return p1_put_u32(c, p1_u32(c, 4), used) ? P1_OK : P1_FAULT;
}

BERTHI_P1(fd_readdir)
