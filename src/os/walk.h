/* os/walk.h - how a path below a folder is resolved; only os/dir*.c use it.  Layer: os. */
#ifndef BERTHI_OS_WALK_H
#define BERTHI_OS_WALK_H

#include "os/dir.h"

enum { BERTHI_WALK_TEXT = BERTHI_DIR_PATH_MAX + 1 };

/* Copies the path, which lies where a plugin may write, and terminates it.
 * Fails: NO_ENTRY (empty), INVALID (a NUL in it), NAME_TOO_LONG, NOT_PERMITTED (absolute). */
berthi_code berthi_walk_copy(berthi_dir_path path, char text[BERTHI_WALK_TEXT]);

/* Opens what a terminated path names, with open(2)'s flags; O_NOFOLLOW regards the last part, and
 * `is_plain` any: a link on the way is ELOOP then.
 * The descriptor, or -1 and errno, which is EXDEV where the path leads out. */
int berthi_walk_open(int dir, const char *path, int flags, bool is_plain);

/* Without openat2; in tests. */
int berthi_walk_by_parts(int dir, const char *path, int flags, bool is_plain);

/* A path's last part and the folder that it is in, for calls that change names. */
typedef struct berthi_walk_place {
    int dir;               /* of its own; -1: none */
    bool is_folder_wanted; /* the path ended in a slash */
    char *name;            /* in `text`; "." or ".." may be left */
    char text[BERTHI_WALK_TEXT];
} berthi_walk_place;

berthi_code berthi_walk_to_place(int dir, berthi_dir_path path, berthi_walk_place *place);
void berthi_walk_leave(berthi_walk_place *place);

#endif
