/* os/dir.h - a folder as a capability: what is below it can be reached, and nothing else.
 *
 * A path is bytes that a stranger chose.  It is relative, and may have `..`, empty parts and symbolic
 * links as long as every step of it stays below the folder: an absolute path, an absolute link and a
 * step out are NOT_PERMITTED.  The kernel decides that with openat2(RESOLVE_BENEATH), in one step that
 * renames and links which others make meanwhile cannot get between.
 *
 * Kernels before 5.6 have no openat2, and some sandboxes deny what they do not know.  There the path is
 * walked part by part: each part is opened with O_NOFOLLOW, links are read and their parts walked in turn, and
 * `..` goes back to the descriptor that was open before instead of asking the file system.  Such a walk can
 * only come to folders that were entered downwards from the capability, so it is as tight as the
 * kernel's; it differs in that a folder which is moved away during the walk is still left towards where
 * it was.  Refusing instead was the other choice: it would make every plugin with files fail on a
 * machine for the sake of a call that this one can do without.
 *
 * What is neither a file nor a folder is refused before it is opened (NOT_SUPPORTED): opening or reading a pipe
 * or a device may block for ever or have effects, and no deadline of ours ends that.
 *
 * Nothing here allocates.  Every function answers a code; outputs are written only with
 * BERTHI_CODE_OK.  Layer: os. */
#ifndef BERTHI_OS_DIR_H
#define BERTHI_OS_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "os/code.h"

enum {
    BERTHI_DIR_PATH_MAX = 4095, /* bytes of a path; one more is NAME_TOO_LONG */
    BERTHI_DIR_LINKS_MAX = 40,  /* followed in one path, as in the kernel */
    BERTHI_DIR_DEPTH_MAX = 128  /* folders that a walk without openat2 has open at once */
};

typedef enum berthi_file_kind { /* in the order of wasi:filesystem's descriptor-type */
                                BERTHI_FILE_UNKNOWN,
                                BERTHI_FILE_BLOCK_DEVICE,
                                BERTHI_FILE_CHARACTER_DEVICE,
                                BERTHI_FILE_DIRECTORY,
                                BERTHI_FILE_FIFO,
                                BERTHI_FILE_SYMBOLIC_LINK,
                                BERTHI_FILE_REGULAR,
                                BERTHI_FILE_SOCKET
} berthi_file_kind;

typedef struct berthi_dir_path { /* not terminated; lent */
    const char *text;
    size_t size;
    bool is_plain; /* a link on the way is LOOP: what is opened is what the path says */
} berthi_dir_path;

typedef struct berthi_dir_how {
    bool reads, writes;
    bool creates, exclusive, truncates; /* with `directory`: INVALID */
    bool directory;                     /* it must be one */
    bool follows;                       /* a link in the last part; those before it always */
    bool syncs_data, syncs_all;         /* each write is on the disk when it returns */
} berthi_dir_how;

typedef struct berthi_file_time { /* since 1970; nanoseconds < 1e9 */
    int64_t seconds;
    uint32_t nanoseconds;
} berthi_file_time;

typedef struct berthi_file_stat {
    berthi_file_kind kind;
    uint64_t links, size;
    berthi_file_time accessed, modified, changed;
    uint64_t device, number; /* of the inode: the host's business, not a plugin's */
} berthi_file_stat;

typedef struct berthi_new_time {
    enum { BERTHI_TIME_KEEP, BERTHI_TIME_NOW, BERTHI_TIME_SET } what;
    berthi_file_time time; /* SET */
} berthi_new_time;

/* ---------------------------------------------------------------- by path */

/* Opens the folder itself; the way to it is the operator's and may have links.  Gives *fd_out. */
berthi_code berthi_dir_open_root(const char *folder, int *fd_out);

/* Opens a file or a folder.  Gives *fd_out; writes what it is. */
berthi_code berthi_dir_open(int dir, berthi_dir_path path, const berthi_dir_how *how,
                            int *fd_out, berthi_file_kind *kind_out);
/* The same folder as `dir`, to be listed or kept on its own.  Gives *fd_out. */
berthi_code berthi_dir_again(int dir, int *fd_out);
void berthi_dir_close(int fd);

berthi_code berthi_dir_stat_at(int dir, berthi_dir_path path, bool follows,
                               berthi_file_stat *stat_out);
berthi_code berthi_dir_set_times_at(int dir, berthi_dir_path path, bool follows,
                                    berthi_new_time accessed, berthi_new_time modified);
berthi_code berthi_dir_make(int dir, berthi_dir_path path);
berthi_code berthi_dir_remove(int dir, berthi_dir_path path); /* an empty folder */
berthi_code berthi_dir_unlink(int dir, berthi_dir_path path); /* anything but a folder */
berthi_code berthi_dir_rename(int dir, berthi_dir_path path, int new_dir,
                              berthi_dir_path new_path);
/* A second name; of a link's own, not of what it leads to. */
berthi_code berthi_dir_link(int dir, berthi_dir_path path, int new_dir,
                            berthi_dir_path new_path);
/* `target` is stored as it is if it is relative; whether it leads out is decided when it is
 * followed, by whoever follows it.  Absolute: NOT_PERMITTED. */
berthi_code berthi_dir_symlink(int dir, berthi_dir_path target, berthi_dir_path path);
/* At most `room` bytes, not terminated; a longer target is OVERFLOW. */
berthi_code berthi_dir_readlink(int dir, berthi_dir_path path, char *text, size_t room,
                                size_t *size_out);

/* ---------------------------------------------------------------- by descriptor */

berthi_code berthi_file_read_at(int fd, void *data, size_t size, uint64_t offset,
                                size_t *done_out); /* 0: the end */
berthi_code berthi_file_write_at(int fd, const void *data, size_t size, uint64_t offset,
                                 size_t *done_out);
berthi_code berthi_file_append(int fd, const void *data, size_t size, size_t *done_out);
berthi_code berthi_file_stat_of(int fd, berthi_file_stat *stat_out);
berthi_code berthi_file_set_size(int fd, uint64_t size);
berthi_code berthi_file_set_times(int fd, berthi_new_time accessed, berthi_new_time modified);
berthi_code berthi_file_sync(int fd, bool only_data);

typedef enum berthi_file_advice { /* in the order of wasi:filesystem's advice */
                                  BERTHI_ADVICE_NORMAL,
                                  BERTHI_ADVICE_SEQUENTIAL,
                                  BERTHI_ADVICE_RANDOM,
                                  BERTHI_ADVICE_WILL_NEED,
                                  BERTHI_ADVICE_DONT_NEED,
                                  BERTHI_ADVICE_NO_REUSE
} berthi_file_advice;

berthi_code berthi_file_advise(int fd, uint64_t offset, uint64_t size,
                               berthi_file_advice advice);

/* ---------------------------------------------------------------- what is in a folder */

/* Entries as the kernel hands them out, a few at a time: a folder of any size takes the room of this
 * struct.  What is added or removed meanwhile may be in it or not. */
typedef struct berthi_dir_stream {
    int fd; /* of its own */
    uint32_t at, end;
    _Alignas(8) unsigned char buffer[4096];
} berthi_dir_stream;

typedef struct berthi_dir_entry {
    const char *name; /* terminated; lent until the next entry is asked for */
    size_t size;
    berthi_file_kind kind;
} berthi_dir_entry;

berthi_code berthi_dir_stream_open(int dir, berthi_dir_stream *stream);
/* Without `.` and `..`.  False in *some_out at the end. */
berthi_code berthi_dir_stream_next(berthi_dir_stream *stream, berthi_dir_entry *entry_out,
                                   bool *some_out);
void berthi_dir_stream_close(berthi_dir_stream *stream);

#endif
