/* service/files/files_path.h - what a path is called, and whether that is granted.  Layer: service. */
#ifndef BERTHI_SERVICE_FILES_PATH_H
#define BERTHI_SERVICE_FILES_PATH_H

#include "service/files/files.h"

enum { BERTHI_FILES_NAME = 2 * BERTHI_DIR_PATH_MAX + 2 };

typedef struct berthi_files_name {
    size_t size;
    char text[BERTHI_FILES_NAME];
} berthi_files_name;

/* The folder's name and `path` behind it, without `.`, `..`, empty parts and a slash at its end.
 * Fails: as berthi_walk_copy(); NOT_PERMITTED where it leads out of the folder, ACCESS where a
 * mount has that name. */
berthi_code berthi_files_join(const berthi_files_node *at, berthi_dir_path path,
                              berthi_files_name *name_out);

/* Whether the right is there for `name`, and how far: *path_io is plain where links might lead
 * to names that are not granted.  Fails: NOT_DIRECTORY, ACCESS. */
berthi_code berthi_files_ask(const berthi_files_node *at, berthi_right right,
                             const berthi_files_name *name, berthi_dir_path *path_io);

#endif
