/* os/folder.h - what stands in a folder.  Layer: os. */
#ifndef BERTHI_OS_FOLDER_H
#define BERTHI_OS_FOLDER_H

#include "base/alloc.h"

typedef struct berthi_folder_entry {
    const char *name;
    bool is_folder, is_file; /* behind symbolic links; neither: a device, a dangling link */
} berthi_folder_entry;

typedef struct berthi_folder {
    const berthi_folder_entry *entries; /* ascending by the bytes of their names */
    uint32_t count;
} berthi_folder;

/* Whether `path` is a folder.  Fails: BERTH_E_OS. */
berth_status berthi_path_is_folder(const char *path, bool *is_folder_out, berth_diag *diag);

/* Lists a folder; names that start with a dot are left out.  `arena` holds the answer.
 * Fails: BERTH_E_OS, BERTH_E_LIMIT (more than `entries_max`), BERTH_E_NOMEM. */
berth_status berthi_folder_list(const char *path, uint32_t entries_max, berthi_arena *arena,
                                berthi_folder *folder_out, berth_diag *diag);

#endif
