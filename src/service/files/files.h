/* service/files/files.h - files and folders for plugins, behind `fs:read` and `fs:write`.
 *
 * What is asked of the grants is a name as the plugin says it: the folder's own and the path behind it, with
 * `.` and `..` worked in.  The system then opens that path below the folder's descriptor (os/dir.h), which
 * nothing gets out of.  Where a folder is granted in parts, a link in it could make one name out of
 * another; so links are followed only by who has the right to all that is below the folder.  A folder that
 * a reader came to by one is not where its name says, so it is there to be read.
 *
 *     read, list, stat, read a link     fs:read
 *     create, change, remove            fs:write
 *     move, or give a second name       both for the old name, fs:write for the new one; of a
 *                                       folder for all that is below either
 *
 * What was opened stays open until the grants are revoked.  A refusal is ACCESS, whether or not there is
 * anything by that name; a way out is NOT_PERMITTED.  Reading and writing of files is not waited for; it goes
 * in pieces, between which the call's deadline is asked, and a plugin is answered with what came, at most
 * BERTHI_SERVICE_BYTES_MAX.
 *
 * Knows no ABI.  Thread: one, that of the instance.  Layer: service. */
#ifndef BERTHI_SERVICE_FILES_H
#define BERTHI_SERVICE_FILES_H

#include "os/dir.h"
#include "service/services.h"

/* A file or a folder that is open.  An object of its instance; `class` tells it from others. */
typedef struct berthi_files_node {
    berthi_object object;
    int fd;
    berthi_file_kind kind; /* DIRECTORY or REGULAR */
    bool reads, writes;    /* how it was opened */
    bool syncs_data, syncs_all;
    bool
        has_strayed; /* a link led here: the name is not where it lies, and gives no right to write */
    char *name; /* absolute, as the plugin says it */
    size_t name_size;
} berthi_files_node;

extern const berthi_object_class berthi_files_node_class;

/* How many folders the instance is given, and the nth of them: a new node, and its name, lent by the
 * grants.  Fails: what opening it fails with, TOO_MANY_OPEN, NO_MEMORY. */
uint32_t berthi_files_folders(const berthi_services *s);
berthi_code berthi_files_open_folder(berthi_services *s, uint32_t nth,
                                     berthi_files_node **node_out, const char **name_out);

/* ---------------------------------------------------------------- by path
 *
 * `at` is a folder, or the code is NOT_DIRECTORY.  `path` is as the plugin gave it; is_plain in it does
 * not matter. */

berthi_code berthi_files_open(berthi_files_node *at, berthi_dir_path path,
                              const berthi_dir_how *how, berthi_files_node **node_out);
berthi_code berthi_files_stat_at(const berthi_files_node *at, berthi_dir_path path,
                                 bool follows, berthi_file_stat *stat_out);
berthi_code berthi_files_set_times_at(const berthi_files_node *at, berthi_dir_path path,
                                      bool follows, berthi_new_time accessed,
                                      berthi_new_time modified);
berthi_code berthi_files_make(const berthi_files_node *at, berthi_dir_path path);
berthi_code berthi_files_remove(const berthi_files_node *at, berthi_dir_path path);
berthi_code berthi_files_unlink(const berthi_files_node *at, berthi_dir_path path);
berthi_code berthi_files_rename(const berthi_files_node *at, berthi_dir_path path,
                                const berthi_files_node *to, berthi_dir_path new_path);
berthi_code berthi_files_link(const berthi_files_node *at, berthi_dir_path path,
                              const berthi_files_node *to, berthi_dir_path new_path);
berthi_code berthi_files_symlink(const berthi_files_node *at, berthi_dir_path target,
                                 berthi_dir_path path);
berthi_code berthi_files_readlink(const berthi_files_node *at, berthi_dir_path path, char *text,
                                  size_t room, size_t *size_out);

/* ---------------------------------------------------------------- by node */

berthi_code berthi_files_read(const berthi_files_node *node, void *data, size_t size,
                              uint64_t offset, size_t *done_out);
berthi_code berthi_files_write(const berthi_files_node *node, const void *data, size_t size,
                               uint64_t offset, size_t *done_out);
berthi_code berthi_files_append(const berthi_files_node *node, const void *data, size_t size,
                                size_t *done_out);
berthi_code berthi_files_stat(const berthi_files_node *node, berthi_file_stat *stat_out);
berthi_code berthi_files_set_size(const berthi_files_node *node, uint64_t size);
berthi_code berthi_files_set_times(const berthi_files_node *node, berthi_new_time accessed,
                                   berthi_new_time modified);
berthi_code berthi_files_sync(const berthi_files_node *node, bool only_data);
berthi_code berthi_files_advise(const berthi_files_node *node, uint64_t offset, uint64_t size,
                                berthi_file_advice advice);
bool berthi_files_same(const berthi_files_node *one, const berthi_files_node *other);
/* Of a folder: whether anything may be created or removed in it. */
bool berthi_files_may_mutate(const berthi_files_node *node);

/* Two numbers that change when a file does, or is replaced.  NO_MEMORY besides. */
berthi_code berthi_files_hash(const berthi_file_stat *at, uint64_t hash_out[2]);

/* Streams of a file, from an offset on; `appends`: at its end, each time. */
berthi_code berthi_files_input(berthi_files_node *node, uint64_t offset,
                               berthi_input **input_out);
berthi_code berthi_files_output(berthi_files_node *node, uint64_t offset, bool appends,
                                berthi_output **output_out);

/* ---------------------------------------------------------------- lists */

typedef struct berthi_files_list {
    berthi_object object;
    berthi_files_node *of; /* one reference */
    berthi_dir_stream stream;
    bool is_open;
} berthi_files_list;

extern const berthi_object_class berthi_files_list_class;

berthi_code berthi_files_list_open(berthi_files_node *node, berthi_files_list **list_out);
/* BYTE_SEQUENCE: the name of this one is no text; the next call goes on behind it. */
berthi_code berthi_files_list_next(berthi_files_list *list, berthi_dir_entry *entry_out,
                                   bool *some_out);

#endif
