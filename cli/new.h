/* new.h - the templates of `berth new`, which the build makes C of (cmake/EmbedTemplates.cmake). */
#ifndef BERTH_CLI_NEW_H
#define BERTH_CLI_NEW_H

#include <stddef.h>

typedef struct new_file {
    const char *path; /* "LANGUAGE/CONTRACT/FILE" */
    const char *text; /* terminated */
    size_t size;
} new_file;

extern const new_file new_files[]; /* by path; ends with one without a path */

#endif
