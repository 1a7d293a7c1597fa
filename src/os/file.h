/* os/file.h - reading a whole file that somebody may be changing.  Layer: os. */
#ifndef BERTHI_OS_FILE_H
#define BERTHI_OS_FILE_H

#include "base/alloc.h"

typedef struct berthi_file_bytes {
    uint8_t *data; /* size bytes; free with berthi_file_free() */
    size_t size;
} berthi_file_bytes;

/* Reads a regular file of at most `size_max` bytes.
 * Fails: BERTH_E_OS, BERTH_E_INVALID (not a regular file), BERTH_E_LIMIT (ARTIFACT),
 *        BERTH_E_STATE (size, time or identity changed while it was read), BERTH_E_NOMEM. */
berth_status berthi_file_read(const berth_allocator *a, const char *path, uint64_t size_max,
                              berthi_file_bytes *file_out, berth_diag *diag);
/* The same from a descriptor at its beginning, which stays open; `path` is for messages. */
berth_status berthi_file_read_open(const berth_allocator *a, int fd, const char *path,
                                   uint64_t size_max, berthi_file_bytes *file_out,
                                   berth_diag *diag);
void berthi_file_free(const berth_allocator *a, berthi_file_bytes *file);

#endif
