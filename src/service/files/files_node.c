/* files_node.c - files and folders that are open, and streams of them.  Layer: service. */
#include "service/files/files.h"

#include <assert.h>

#include "base/digest.h"
#include "base/utf8.h"

enum {
    WRITE_AT_ONCE = 1 << 20, /* that a stream takes */
    PIECE = 1 << 20          /* of a call to the system */
};

static berthi_code may(const berthi_files_node *node, bool is_opened_for_it)
{
    if (berthi_grants_are_revoked(node->object.services->grants))
        return BERTHI_CODE_ACCESS;
    if (node->kind == BERTHI_FILE_DIRECTORY || !is_opened_for_it)
        return BERTHI_CODE_BAD_DESCRIPTOR;
    return BERTHI_CODE_OK;
}

/* Piece by piece: the system ends none of them early, and between two the call's deadline is asked.  A part is an
 * answer; what failed behind one is said to whoever asks for the rest. */
static berthi_code in_pieces(const berthi_files_node *node, bool reads, char *to,
                             const char *from, size_t size, uint64_t offset, size_t *done_out)
{
    const berthi_deadline *deadline = &node->object.services->deadline;
    size_t done = 0, part, moved;
    berthi_code code;

    do {
        part = size - done < PIECE ? size - done : PIECE;
        moved = 0;
        code = reads ? berthi_file_read_at(node->fd, to + done, part, offset + done, &moved)
                     : berthi_file_write_at(node->fd, from + done, part, offset + done, &moved);
        done += moved;
    } while (code == BERTHI_CODE_OK && moved == part && done < size &&
             berthi_deadline_left_ns(deadline) > 0);
    if (code != BERTHI_CODE_OK && done == 0)
        return code;
    *done_out = done;
    return BERTHI_CODE_OK;
}

berthi_code berthi_files_read(const berthi_files_node *node, void *data, size_t size,
                              uint64_t offset, size_t *done_out)
{
    berthi_code code = may(node, node->reads);

    if (size > BERTHI_SERVICE_BYTES_MAX)
        size = BERTHI_SERVICE_BYTES_MAX;
    return code == BERTHI_CODE_OK ? in_pieces(node, true, data, NULL, size, offset, done_out)
                                  : code;
}

berthi_code berthi_files_write(const berthi_files_node *node, const void *data, size_t size,
                               uint64_t offset, size_t *done_out)
{
    berthi_code code = may(node, node->writes);

    return code == BERTHI_CODE_OK ? in_pieces(node, false, NULL, data, size, offset, done_out)
                                  : code;
}

berthi_code berthi_files_append(const berthi_files_node *node, const void *data, size_t size,
                                size_t *done_out)
{
    berthi_code code = may(node, node->writes);

    return code == BERTHI_CODE_OK ? berthi_file_append(node->fd, data, size, done_out) : code;
}

berthi_code berthi_files_stat(const berthi_files_node *node, berthi_file_stat *stat_out)
{
    if (berthi_grants_are_revoked(node->object.services->grants))
        return BERTHI_CODE_ACCESS;
    return berthi_file_stat_of(node->fd, stat_out);
}

berthi_code berthi_files_set_size(const berthi_files_node *node, uint64_t size)
{
    berthi_code code = may(node, node->writes);

    return code == BERTHI_CODE_OK ? berthi_file_set_size(node->fd, size) : code;
}

bool berthi_files_may_mutate(const berthi_files_node *node)
{
    return node->kind == BERTHI_FILE_DIRECTORY && !node->has_strayed &&
           berthi_grants_below(node->object.services->grants, BERTHI_RIGHT_FS_WRITE, node->name,
                               node->name_size);
}

/* Of a folder by its name: nobody opens one to write. */
berthi_code berthi_files_set_times(const berthi_files_node *node, berthi_new_time accessed,
                                   berthi_new_time modified)
{
    berthi_code code = BERTHI_CODE_OK;

    if (node->kind != BERTHI_FILE_DIRECTORY)
        code = may(node, node->writes);
    else if (node->has_strayed ||
             !berthi_grants_path(node->object.services->grants, BERTHI_RIGHT_FS_WRITE,
                                 node->name, node->name_size))
        code = BERTHI_CODE_ACCESS;
    return code == BERTHI_CODE_OK ? berthi_file_set_times(node->fd, accessed, modified) : code;
}

berthi_code berthi_files_sync(const berthi_files_node *node, bool only_data)
{
    if (berthi_grants_are_revoked(node->object.services->grants))
        return BERTHI_CODE_ACCESS;
    return berthi_file_sync(node->fd, only_data);
}

berthi_code berthi_files_advise(const berthi_files_node *node, uint64_t offset, uint64_t size,
                                berthi_file_advice advice)
{
    berthi_code code = may(node, true);

    return code == BERTHI_CODE_OK ? berthi_file_advise(node->fd, offset, size, advice) : code;
}

bool berthi_files_same(const berthi_files_node *one, const berthi_files_node *other)
{
    berthi_file_stat a, b;

    return berthi_files_stat(one, &a) == BERTHI_CODE_OK &&
           berthi_files_stat(other, &b) == BERTHI_CODE_OK && a.device == b.device &&
           a.number == b.number;
}

berthi_code berthi_files_hash(const berthi_file_stat *at, uint64_t hash_out[2])
{
    const uint64_t words[] = { at->device,
                               at->number,
                               (uint64_t)at->kind,
                               at->size,
                               (uint64_t)at->modified.seconds,
                               at->modified.nanoseconds,
                               (uint64_t)at->changed.seconds,
                               at->changed.nanoseconds };
    uint8_t digest[BERTHI_SHA256_SIZE];

    if (!berthi_sha256(words, sizeof words, digest))
        return BERTHI_CODE_NO_MEMORY;
    memcpy(hash_out, digest, 2 * sizeof *hash_out);
    return BERTHI_CODE_OK;
}

/* ---------------------------------------------------------------- streams */

typedef struct file_input {
    berthi_input in;
    berthi_files_node *of; /* one reference */
    uint64_t offset;
} file_input;

typedef struct file_output {
    berthi_output out;
    berthi_files_node *of; /* one reference */
    uint64_t offset;
    bool appends;
} file_output;

static void end_input(berthi_object *object)
{
    berthi_object_unref(((file_input *)object)->of);
}

static void end_output(berthi_object *object)
{
    berthi_object_unref(((file_output *)object)->of);
}

static berthi_code read_on(berthi_input *in, void *to, size_t *size_io)
{
    file_input *f = (file_input *)in;
    size_t done;
    berthi_code code = berthi_files_read(f->of, to, *size_io, f->offset, &done);

    if (code != BERTHI_CODE_OK)
        return code;
    if (done == 0)
        return BERTHI_CODE_CLOSED;
    f->offset += done;
    *size_io = done;
    return BERTHI_CODE_OK;
}

/* No further than the end of the file, as reading would. */
static berthi_code skip_on(berthi_input *in, uint64_t *size_io)
{
    file_input *f = (file_input *)in;
    berthi_file_stat at;
    berthi_code code = berthi_files_stat(f->of, &at);

    if (code != BERTHI_CODE_OK)
        return code;
    if (at.size <= f->offset)
        return BERTHI_CODE_CLOSED;
    if (*size_io > at.size - f->offset)
        *size_io = at.size - f->offset;
    f->offset += *size_io;
    return BERTHI_CODE_OK;
}

static berthi_code check_output(berthi_output *out, size_t *room_out)
{
    const file_output *f = (const file_output *)out;
    berthi_code code = may(f->of, f->of->writes);

    if (code == BERTHI_CODE_OK)
        *room_out = WRITE_AT_ONCE;
    return code;
}

/* A disk that is full takes a part first and says so with the next. */
static berthi_code write_on(berthi_output *out, const void *from, size_t size)
{
    file_output *f = (file_output *)out;
    const char *at = from;
    size_t done;

    while (size > 0) {
        berthi_code code = f->appends ? berthi_files_append(f->of, at, size, &done)
                                      : berthi_files_write(f->of, at, size, f->offset, &done);

        if (code != BERTHI_CODE_OK)
            return code;
        if (done == 0)
            return BERTHI_CODE_IO;
        if (!f->appends)
            f->offset += done;
        at += done;
        size -= done;
    }
    return BERTHI_CODE_OK;
}

static const berthi_object_class input_class = { "file input", sizeof(file_input), end_input,
                                                 NULL };
static const berthi_object_class output_class = { "file output", sizeof(file_output),
                                                  end_output, NULL };
static const berthi_input_ops input_ops = { read_on, skip_on };
static const berthi_output_ops output_ops = { check_output, write_on, NULL };

static berthi_code no_object(const berthi_services *s)
{
    return s->objects >= s->objects_max ? BERTHI_CODE_TOO_MANY_OPEN : BERTHI_CODE_NO_MEMORY;
}

berthi_code berthi_files_input(berthi_files_node *node, uint64_t offset,
                               berthi_input **input_out)
{
    berthi_code code = may(node, node->reads);
    file_input *f;

    if (code != BERTHI_CODE_OK)
        return code;
    if (offset > INT64_MAX)
        return BERTHI_CODE_INVALID;
    f = berthi_object_make(node->object.services, &input_class);
    if (f == NULL)
        return no_object(node->object.services);
    f->in.ops = &input_ops;
    f->of = berthi_object_ref(node);
    f->offset = offset;
    *input_out = &f->in;
    return BERTHI_CODE_OK;
}

berthi_code berthi_files_output(berthi_files_node *node, uint64_t offset, bool appends,
                                berthi_output **output_out)
{
    berthi_code code = may(node, node->writes);
    file_output *f;

    if (code != BERTHI_CODE_OK)
        return code;
    if (offset > INT64_MAX)
        return BERTHI_CODE_FILE_TOO_LARGE;
    f = berthi_object_make(node->object.services, &output_class);
    if (f == NULL)
        return no_object(node->object.services);
    f->out.ops = &output_ops;
    f->of = berthi_object_ref(node);
    f->offset = offset;
    f->appends = appends;
    *output_out = &f->out;
    return BERTHI_CODE_OK;
}

/* ---------------------------------------------------------------- lists */

static void end_list(berthi_object *object)
{
    berthi_files_list *list = (berthi_files_list *)object;

    if (list->is_open)
        berthi_dir_stream_close(&list->stream);
    berthi_object_unref(list->of);
}

const berthi_object_class berthi_files_list_class = { "directory entries",
                                                      sizeof(berthi_files_list), end_list,
                                                      NULL };

berthi_code berthi_files_list_open(berthi_files_node *node, berthi_files_list **list_out)
{
    const berth_grants *grants = node->object.services->grants;
    berthi_files_list *list;
    berthi_code code;

    if (node->kind != BERTHI_FILE_DIRECTORY)
        return BERTHI_CODE_NOT_DIRECTORY;
    if (!node->reads)
        return BERTHI_CODE_BAD_DESCRIPTOR;
    if (!berthi_grants_path(grants, BERTHI_RIGHT_FS_READ, node->name, node->name_size))
        return BERTHI_CODE_ACCESS;
    list = berthi_object_make(node->object.services, &berthi_files_list_class);
    if (list == NULL)
        return no_object(node->object.services);
    list->of = berthi_object_ref(node);
    code = berthi_dir_stream_open(node->fd, &list->stream);
    if (code != BERTHI_CODE_OK) {
        berthi_object_unref(list);
        return code;
    }
    list->is_open = true;
    *list_out = list;
    return BERTHI_CODE_OK;
}

berthi_code berthi_files_list_next(berthi_files_list *list, berthi_dir_entry *entry_out,
                                   bool *some_out)
{
    berthi_code code;

    if (berthi_grants_are_revoked(list->object.services->grants))
        return BERTHI_CODE_ACCESS;
    code = berthi_dir_stream_next(&list->stream, entry_out, some_out);
    if (code == BERTHI_CODE_OK && *some_out &&
        !berthi_utf8_is_valid(entry_out->name, entry_out->size))
        code = BERTHI_CODE_BYTE_SEQUENCE;
    return code;
}
