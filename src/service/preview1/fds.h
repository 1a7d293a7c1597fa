/* service/preview1/fds.h - the descriptors of an instance, and the rights that each has.
 *
 * Made when the first of them is asked for: 0 to 2 are the standard streams, from 3 on come the folders that the
 * grants give, then what is opened.  A stream that is not granted is no descriptor (BADF), whatever was
 * granted before: tool-chains take that for a stream that is closed, and go on.
 *
 * Rights are those of preview 1: what was opened with them, less what fd_fdstat_set_rights() took.  They
 * are the plugin's own affair; what it may is asked of the grants, each time, by service/files.  What a folder
 * passes on is kept and told, and takes nothing from what is opened in it: Zig's library opens folders that
 * pass on neither reading nor writing, and then opens files in them.
 * Layer: service. */
#ifndef BERTHI_SERVICE_PREVIEW1_FDS_H
#define BERTHI_SERVICE_PREVIEW1_FDS_H

#include "service/files/files.h"
#include "service/preview1/private.h"

#define P1_RIGHTS(X)                                                                           \
    X(FD_DATASYNC)                                                                             \
    X(FD_READ)                                                                                 \
    X(FD_SEEK)                                                                                 \
    X(FD_FDSTAT_SET_FLAGS)                                                                     \
    X(FD_SYNC)                                                                                 \
    X(FD_TELL)                                                                                 \
    X(FD_WRITE)                                                                                \
    X(FD_ADVISE)                                                                               \
    X(FD_ALLOCATE)                                                                             \
    X(PATH_CREATE_DIRECTORY)                                                                   \
    X(PATH_CREATE_FILE)                                                                        \
    X(PATH_LINK_SOURCE)                                                                        \
    X(PATH_LINK_TARGET)                                                                        \
    X(PATH_OPEN)                                                                               \
    X(FD_READDIR)                                                                              \
    X(PATH_READLINK)                                                                           \
    X(PATH_RENAME_SOURCE)                                                                      \
    X(PATH_RENAME_TARGET)                                                                      \
    X(PATH_FILESTAT_GET)                                                                       \
    X(PATH_FILESTAT_SET_SIZE)                                                                  \
    X(PATH_FILESTAT_SET_TIMES)                                                                 \
    X(FD_FILESTAT_GET)                                                                         \
    X(FD_FILESTAT_SET_SIZE)                                                                    \
    X(FD_FILESTAT_SET_TIMES)                                                                   \
    X(PATH_SYMLINK)                                                                            \
    X(PATH_REMOVE_DIRECTORY)                                                                   \
    X(PATH_UNLINK_FILE)                                                                        \
    X(POLL_FD_READWRITE)                                                                       \
    X(SOCK_SHUTDOWN)                                                                           \
    X(SOCK_ACCEPT)
enum { /* their numbers */
#define X(name) P1_NUMBER_##name,
       P1_RIGHTS(X)
#undef X
           P1_RIGHTS_COUNT
};
#define P1_RIGHT(name) (UINT64_C(1) << P1_NUMBER_##name)
#define P1_ALL_RIGHTS  ((UINT64_C(1) << P1_RIGHTS_COUNT) - 1)

enum { /* fdflags */
       P1_APPEND = 1,
       P1_DSYNC = 2,
       P1_NONBLOCK = 4,
       P1_RSYNC = 8,
       P1_SYNC = 16
};

enum { P1_LINKS_FOLLOWED = 1 }; /* lookupflags */

typedef enum p1_kind { P1_FREE, P1_INPUT, P1_OUTPUT, P1_NODE } p1_kind;

typedef struct p1_listing p1_listing;

typedef struct p1_fd {
    p1_kind kind;
    uint16_t flags; /* fdflags */
    int32_t stream; /* of P1_OUTPUT */
    uint64_t base, inheriting;
    uint64_t offset;
    berthi_object *object; /* one reference: an input, an output, a node */
    const char *preopen;   /* the name that it is given by; lent by the grants.  NULL: none */
    p1_listing *listing;   /* of a folder that is read; readdir.c */
} p1_fd;

struct berthi_preview1 {
    p1_fd *fds;
    uint32_t count;
};

/* The descriptor, if it has all of `rights`; else an errno: BADF, NOTCAPABLE, NOMEM. */
int32_t berthi_p1_fd(const p1_call *c, uint32_t number, uint64_t rights, p1_fd **fd_out);
/* The same for a node: BADF for streams, unless `other` says otherwise. */
int32_t berthi_p1_node(const p1_call *c, uint32_t number, uint64_t rights, int32_t other,
                       p1_fd **fd_out);
static inline berthi_files_node *p1_node_of(const p1_fd *fd)
{
    return (berthi_files_node *)(void *)fd->object;
}

/* Takes `like`, with its object, for a number that is free.  MFILE, NOMEM: and the object goes. */
int32_t berthi_p1_add(const p1_call *c, const p1_fd *like, uint32_t *number_out);
void berthi_p1_drop(berthi_guest *g, p1_fd *fd);

/* readdir.c */
void berthi_p1_end_listing(berthi_guest *g, p1_fd *fd);
/* A number for a file that is its own, and tells a plugin nothing of the host's. */
uint64_t berthi_p1_file_number(const berthi_file_stat *at);
uint8_t berthi_p1_filetype(berthi_file_kind kind);

/* path.c */
/* 64 bytes of a file's state; `at` NULL: of a stream. */
int32_t berthi_p1_put_filestat(const p1_call *c, uint32_t to, const berthi_file_stat *at,
                               uint8_t filetype);
/* What the flags of a call that sets times say; false: they contradict each other. */
bool berthi_p1_times(uint64_t accessed_ns, uint64_t modified_ns, uint32_t flags,
                     berthi_new_time *accessed_out, berthi_new_time *modified_out);

/* io.c */
enum { P1_IOVS_MAX = 1024 };
typedef struct p1_iov {
    uint32_t at, size;
} p1_iov;
typedef struct p1_iovs {
    uint32_t count;
    p1_iov at[P1_IOVS_MAX];
} p1_iovs;
/* Copies the list; each is in the memory, and together they have less than 4 GiB.  INVAL, FAULT. */
int32_t berthi_p1_iovs(const p1_call *c, uint32_t at, uint32_t count, p1_iovs *out);

#endif
