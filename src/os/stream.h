/* os/stream.h - files and pipes of the host's own, by path and by descriptor, for whoever reads and writes them
 * as streams.  Layer: os.
 *
 * Paths are the operator's, and lead where they lead; what plugins may open is os/dir.h's.  Every function
 * returns 0 or an errno value; EINTR is none of them, and outputs are written only with 0. */
#ifndef BERTHI_OS_STREAM_H
#define BERTHI_OS_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct berthi_stream_how {
    bool writes; /* else it reads */
    bool appends, creates, exclusive, truncates;
    uint32_t permissions; /* of what it creates */
} berthi_stream_how;

/* Opening a FIFO, or reading one that is empty, does not wait. */
int berthi_stream_open(const char *path, const berthi_stream_how *how, int *fd_out);
void berthi_stream_close(int fd); /* -1 is left alone */

typedef enum berthi_stream_kind {
    BERTHI_STREAM_FILE,
    BERTHI_STREAM_PIPE,
    BERTHI_STREAM_SOCKET,
    BERTHI_STREAM_TERMINAL,
    BERTHI_STREAM_DEVICE,
    BERTHI_STREAM_FOLDER
} berthi_stream_kind;

typedef struct berthi_stream_stat {
    berthi_stream_kind kind;
    uint64_t size, device, number;
} berthi_stream_stat;

int berthi_stream_stat_of(int fd, berthi_stream_stat *stat_out);
int berthi_stream_stat_at(const char *path, berthi_stream_stat *stat_out);

int berthi_stream_read(int fd, void *data, size_t size, size_t *done_out); /* 0: the end */
int berthi_stream_read_at(int fd, void *data, size_t size, uint64_t offset, size_t *done_out);
int berthi_stream_write(int fd, const void *data, size_t size, size_t *done_out);
/* Of a descriptor that waits: as much as a pipe or a terminal takes at once (PIPE_BUF), or EAGAIN. */
int berthi_stream_write_ready(int fd, const void *data, size_t size, size_t *done_out);
/* Where the next byte is read, or behind the last one that was written. */
int berthi_stream_place(int fd, uint64_t *place_out);
int berthi_stream_go_to(int fd, uint64_t place, bool from_end);
int berthi_stream_cut(int fd, uint64_t size);
int berthi_stream_sync(int fd);
/* EWOULDBLOCK: somebody else has it.  It goes with the descriptor. */
int berthi_stream_lock(int fd);

/* ---------------------------------------------------------------- changes of files */

/* A descriptor that becomes readable when something changes that it watches. */
int berthi_notify_open(int *fd_out);
/* A file that is written to, moved or removed; a folder in which something appears.  -1: none was watched. */
int berthi_notify_file(int fd, const char *path, int *watch_io);
int berthi_notify_folder(int fd, const char *path);
void berthi_notify_drain(int fd); /* what it had to say is forgotten */

#endif
