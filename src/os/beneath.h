/* os/beneath.h - reading below one folder, and nothing outside of it.  Layer: os.
 *
 * The folder is opened once; what is renamed or linked later cannot lead anywhere else.  A symbolic
 * link on the way, an absolute path and a `..` are refused, by the kernel where it can (openat2), and
 * one part of the path after the other where it cannot. */
#ifndef BERTHI_OS_BENEATH_H
#define BERTHI_OS_BENEATH_H

#include <stdbool.h>

#include "os/file.h"

typedef struct berthi_beneath {
    int fd;
    const char *folder; /* for messages; lent */
} berthi_beneath;

/* Opens the folder; the way to it may have links.  Fails: BERTH_E_OS. */
berth_status berthi_beneath_open(const char *folder, berthi_beneath *beneath_out,
                                 berth_diag *diag);
void berthi_beneath_close(berthi_beneath *beneath);

/* Not empty, not absolute, without empty parts and without `.` and `..`: it stays below. */
bool berthi_path_stays_below(const char *path);

/* Reads a regular file of at most `size_max` bytes.
 * Fails: as berthi_file_read(); BERTH_E_ABSENT; BERTH_E_REJECTED when the path leads out, or through a link. */
berth_status berthi_beneath_read(const berth_allocator *a, const berthi_beneath *beneath,
                                 const char *path, uint64_t size_max,
                                 berthi_file_bytes *file_out, berth_diag *diag);

typedef struct berthi_beneath_files {
    const char **paths; /* of all files in it and its folders, ascending by their bytes */
    uint32_t count;
} berthi_beneath_files;

/* Lists every file, hidden ones too.  `arena` holds the answer.
 * Fails: BERTH_E_OS, BERTH_E_REJECTED (a link, a device, a pipe or a socket is in it), BERTH_E_LIMIT
 *        (more than `files_max` files and folders, or folders too deep), BERTH_E_NOMEM. */
berth_status berthi_beneath_list(const berthi_beneath *beneath, uint32_t files_max,
                                 berthi_arena *arena, berthi_beneath_files *files_out,
                                 berth_diag *diag);

#endif
