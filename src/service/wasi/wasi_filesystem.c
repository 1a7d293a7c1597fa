/* wasi_filesystem.c - wasi:filesystem: types and preopens, over service/files.  Layer: service. */
#include "service/wasi/wasi.h"

#include "base/utf8.h"
#include "component/run/host_call.h"
#include "service/files/files.h"

enum { SMALL_READ = 4096, TARGET_MAX = 4096 };

/* The parameters of the table's functions, so that each is written as what it does. */
#define TYPE(name) berthi_wasi_filesystem_types_##name
#define METHOD(name, result_type)                                                              \
    static berth_status name(void *ctx, berthi_wasi_host_filesystem_types_descriptor *self,    \
                             const TYPE(descriptor_##name##_args) * args,                      \
                             result_type * result, berth_host_call * call)

typedef berthi_wasi_result_none_filesystem_types_error_code none_result;
typedef berthi_wasi_result_streams_input_stream_filesystem_types_error_code input_result;
typedef berthi_wasi_result_streams_output_stream_filesystem_types_error_code output_result;
typedef berthi_wasi_result_filesystem_types_descriptor_flags_filesystem_type_etc flags_result;
typedef berthi_wasi_result_filesystem_types_descriptor_type_filesystem_types_etc type_result;
typedef berthi_wasi_result_tuple_list_u8_bool_filesystem_types_error_code read_result;
typedef berthi_wasi_result_u64_filesystem_types_error_code size_result;
typedef berthi_wasi_result_filesystem_types_directory_entry_stream_filesyste_etc list_result;
typedef berthi_wasi_result_filesystem_types_descriptor_stat_filesystem_types_etc stat_result;
typedef berthi_wasi_result_filesystem_types_descriptor_filesystem_types_erro_etc open_result;
typedef berthi_wasi_result_string_filesystem_types_error_code string_result;
typedef berthi_wasi_result_filesystem_types_metadata_hash_value_filesystem_t_etc hash_result;
typedef berthi_wasi_result_option_filesystem_types_directory_entry_filesyste_etc entry_result;

static TYPE(error_code) error_of(berthi_code code)
{
    static const TYPE(error_code) errors[BERTHI_CODE_COUNT] = {
#define X(name, preview1, file, socket)                                                        \
    [BERTHI_CODE_##name] = BERTHI_WASI_FILESYSTEM_TYPES_ERROR_CODE_##file,
        BERTHI_CODES(X)
#undef X
            [BERTHI_CODE_CLOSED] = BERTHI_WASI_FILESYSTEM_TYPES_ERROR_CODE_PIPE
    };

    return errors[code];
}

/* A failure is an answer like another. */
#define ANSWER(result, code)                                                                   \
    do {                                                                                       \
        (result)->is_error = 1;                                                                \
        (result)->as.error = error_of(code);                                                   \
        return BERTH_OK;                                                                       \
    } while (0)

static berth_status none_or(none_result *result, berthi_code code)
{
    if (code != BERTHI_CODE_OK)
        ANSWER(result, code);
    return BERTH_OK;
}

static berthi_files_node *node_of(berthi_wasi_host_filesystem_types_descriptor *self)
{
    return (berthi_files_node *)(void *)self;
}

/* Of an argument: never NULL, because components are held to the types of handles. */
static berthi_files_node *other_node(const berthi_wasi *w, const berth_host_call *call,
                                     TYPE(descriptor_borrow) other)
{
    return berth_host_object_find(call, w->imports.filesystem_types_descriptor.kind,
                                  other.handle);
}

static berthi_dir_path path_of(berth_string s)
{
    return (berthi_dir_path){ s.text, s.size, false };
}

static bool follows(TYPE(path_flags) flags)
{
    return (flags & BERTHI_WASI_FILESYSTEM_TYPES_PATH_FLAGS_SYMLINK_FOLLOW) != 0;
}

/* ---------------------------------------------------------------- bytes */

METHOD(read_via_stream, input_result)
{
    berthi_wasi *w = ctx;
    berthi_input *in;
    berthi_code code = berthi_files_input(node_of(self), args->offset, &in);

    if (code != BERTHI_CODE_OK)
        ANSWER(result, code);
    return berthi_wasi_give(call, w->imports.streams_input_stream.kind, in,
                            &result->as.ok.handle);
}

static berth_status give_output(const berthi_wasi *w, berth_host_call *call, berthi_code code,
                                berthi_output *out, output_result *result)
{
    if (code != BERTHI_CODE_OK)
        ANSWER(result, code);
    return berthi_wasi_give(call, w->imports.streams_output_stream.kind, out,
                            &result->as.ok.handle);
}

METHOD(write_via_stream, output_result)
{
    berthi_output *out = NULL;
    berthi_code code = berthi_files_output(node_of(self), args->offset, false, &out);

    return give_output(ctx, call, code, out, result);
}

METHOD(append_via_stream, output_result)
{
    berthi_output *out = NULL;
    berthi_code code = berthi_files_output(node_of(self), 0, true, &out);

    return give_output(ctx, call, code, out, result);
}

/* How much there is to read, so that no room is made for what is not there.  A file that says that it is
 * empty may be one that does not know. */
static berthi_code size_to_read(const berthi_files_node *node, uint64_t length, uint64_t offset,
                                size_t *size_out)
{
    uint64_t size = length < BERTHI_SERVICE_BYTES_MAX ? length : BERTHI_SERVICE_BYTES_MAX;
    berthi_file_stat at;
    berthi_code code = berthi_files_stat(node, &at);

    if (code != BERTHI_CODE_OK)
        return code;
    if (at.size <= offset)
        size = size < SMALL_READ ? size : SMALL_READ;
    else if (size > at.size - offset)
        size = at.size - offset;
    *size_out = (size_t)size;
    return BERTHI_CODE_OK;
}

/* Straight into the plugin's memory. */
METHOD(read, read_result)
{
    const berthi_files_node *node = node_of(self);
    uint8_t *room = NULL;
    size_t size, done = 0;
    berthi_code code = size_to_read(node, args->length, args->offset, &size);

    if (code == BERTHI_CODE_OK && size > 0) {
        room =
            size <= SMALL_READ ? berth_host_room(call, size) : berth_host_reserve(call, size);
        if (room == NULL)
            return BERTH_E_NOMEM;
    }
    if (code == BERTHI_CODE_OK)
        code = berthi_files_read(node, room, size, args->offset, &done);
    if (code != BERTHI_CODE_OK)
        ANSWER(result, code);
    result->as.ok.f0 = (berthi_wasi_list_u8){ room, done };
    result->as.ok.f1 = done == 0 && args->length > 0;
    return BERTH_OK;
}

METHOD(write, size_result)
{
    size_t done = 0;
    berthi_code code = berthi_files_write(node_of(self), args->buffer.data, args->buffer.count,
                                          args->offset, &done);

    if (code != BERTHI_CODE_OK)
        ANSWER(result, code);
    result->as.ok = done;
    return BERTH_OK;
}

METHOD(advise, none_result)
{
    return none_or(result, berthi_files_advise(node_of(self), args->offset, args->length,
                                               (berthi_file_advice)args->advice));
}

METHOD(sync_data, none_result)
{
    return none_or(result, berthi_files_sync(node_of(self), true));
}

METHOD(sync, none_result)
{
    return none_or(result, berthi_files_sync(node_of(self), false));
}

METHOD(set_size, none_result)
{
    return none_or(result, berthi_files_set_size(node_of(self), args->size));
}

/* ---------------------------------------------------------------- what is known of it */

METHOD(get_flags, flags_result)
{
    const berthi_files_node *node = node_of(self);

    if (node->reads)
        result->as.ok |= BERTHI_WASI_FILESYSTEM_TYPES_DESCRIPTOR_FLAGS_READ;
    if (node->writes)
        result->as.ok |= BERTHI_WASI_FILESYSTEM_TYPES_DESCRIPTOR_FLAGS_WRITE;
    if (node->syncs_all)
        result->as.ok |= BERTHI_WASI_FILESYSTEM_TYPES_DESCRIPTOR_FLAGS_FILE_INTEGRITY_SYNC;
    if (node->syncs_data)
        result->as.ok |= BERTHI_WASI_FILESYSTEM_TYPES_DESCRIPTOR_FLAGS_DATA_INTEGRITY_SYNC;
    if (berthi_files_may_mutate(node))
        result->as.ok |= BERTHI_WASI_FILESYSTEM_TYPES_DESCRIPTOR_FLAGS_MUTATE_DIRECTORY;
    return BERTH_OK;
}

_Static_assert(BERTHI_FILE_SOCKET == (int)BERTHI_WASI_FILESYSTEM_TYPES_DESCRIPTOR_TYPE_SOCKET &&
                   BERTHI_FILE_DIRECTORY ==
                       (int)BERTHI_WASI_FILESYSTEM_TYPES_DESCRIPTOR_TYPE_DIRECTORY,
               "the kinds of files are those of WASI");
_Static_assert(BERTHI_ADVICE_NO_REUSE == (int)BERTHI_WASI_FILESYSTEM_TYPES_ADVICE_NO_REUSE,
               "advice is that of WASI");

METHOD(get_type, type_result)
{
    result->as.ok = (TYPE(descriptor_type))node_of(self)->kind;
    return BERTH_OK;
}

/* A time before 1970 has no words. */
static berthi_wasi_option_wall_clock_datetime put_time(berthi_file_time t)
{
    return (berthi_wasi_option_wall_clock_datetime){
        .is_some = t.seconds >= 0,
        .some = { t.seconds >= 0 ? (uint64_t)t.seconds : 0, t.nanoseconds }
    };
}

static berth_status stat_or(stat_result *result, berthi_code code, const berthi_file_stat *at)
{
    if (code != BERTHI_CODE_OK)
        ANSWER(result, code);
    result->as.ok = (TYPE(descriptor_stat)){
        .type = (TYPE(descriptor_type))at->kind,
        .link_count = at->links,
        .size = at->size,
        .data_access_timestamp = put_time(at->accessed),
        .data_modification_timestamp = put_time(at->modified),
        .status_change_timestamp = put_time(at->changed),
    };
    return BERTH_OK;
}

METHOD(stat_2, stat_result)
{
    berthi_file_stat at;
    berthi_code code = berthi_files_stat(node_of(self), &at);

    return stat_or(result, code, &at);
}

METHOD(stat_at, stat_result)
{
    berthi_file_stat at;
    berthi_code code = berthi_files_stat_at(node_of(self), path_of(args->path),
                                            follows(args->path_flags), &at);

    return stat_or(result, code, &at);
}

static berth_status hash_or(hash_result *result, berthi_code code, const berthi_file_stat *at)
{
    uint64_t hash[2];

    if (code == BERTHI_CODE_OK)
        code = berthi_files_hash(at, hash);
    if (code != BERTHI_CODE_OK)
        ANSWER(result, code);
    result->as.ok = (TYPE(metadata_hash_value)){ hash[0], hash[1] };
    return BERTH_OK;
}

METHOD(metadata_hash, hash_result)
{
    berthi_file_stat at;
    berthi_code code = berthi_files_stat(node_of(self), &at);

    return hash_or(result, code, &at);
}

METHOD(metadata_hash_at, hash_result)
{
    berthi_file_stat at;
    berthi_code code = berthi_files_stat_at(node_of(self), path_of(args->path),
                                            follows(args->path_flags), &at);

    return hash_or(result, code, &at);
}

METHOD(is_same_object, uint8_t)
{
    *result = berthi_files_same(node_of(self), other_node(ctx, call, args->other));
    return BERTH_OK;
}

/* Seconds that no file can have are refused by the nanoseconds that none can have. */
static berthi_new_time take_time(TYPE(new_timestamp) t)
{
    berthi_new_time time = { .what = BERTHI_TIME_KEEP };

    if (t.tag == BERTHI_WASI_FILESYSTEM_TYPES_NEW_TIMESTAMP_NOW)
        time.what = BERTHI_TIME_NOW;
    if (t.tag == BERTHI_WASI_FILESYSTEM_TYPES_NEW_TIMESTAMP_TIMESTAMP) {
        time.what = BERTHI_TIME_SET;
        time.time.seconds = (int64_t)t.as.timestamp.seconds;
        time.time.nanoseconds =
            t.as.timestamp.seconds > INT64_MAX ? UINT32_MAX : t.as.timestamp.nanoseconds;
    }
    return time;
}

METHOD(set_times, none_result)
{
    return none_or(result,
                   berthi_files_set_times(node_of(self), take_time(args->data_access_timestamp),
                                          take_time(args->data_modification_timestamp)));
}

METHOD(set_times_at, none_result)
{
    return none_or(result, berthi_files_set_times_at(
                               node_of(self), path_of(args->path), follows(args->path_flags),
                               take_time(args->data_access_timestamp),
                               take_time(args->data_modification_timestamp)));
}

/* ---------------------------------------------------------------- names */

static berthi_dir_how how_of(TYPE(path_flags) path_flags, TYPE(open_flags) open_flags,
                             TYPE(descriptor_flags) flags)
{
#define OPENS(name)  ((open_flags & BERTHI_WASI_FILESYSTEM_TYPES_OPEN_FLAGS_##name) != 0)
#define OPENED(name) ((flags & BERTHI_WASI_FILESYSTEM_TYPES_DESCRIPTOR_FLAGS_##name) != 0)
    return (berthi_dir_how){ .reads = OPENED(READ),
                             .writes = OPENED(WRITE),
                             .creates = OPENS(CREATE),
                             .exclusive = OPENS(EXCLUSIVE),
                             .truncates = OPENS(TRUNCATE),
                             .directory = OPENS(DIRECTORY),
                             .follows = follows(path_flags),
                             .syncs_data = OPENED(DATA_INTEGRITY_SYNC),
                             .syncs_all =
                                 OPENED(FILE_INTEGRITY_SYNC) || OPENED(REQUESTED_WRITE_SYNC) };
#undef OPENS
#undef OPENED
}

METHOD(open_at, open_result)
{
    berthi_wasi *w = ctx;
    berthi_dir_how how = how_of(args->path_flags, args->open_flags, args->flags);
    berthi_files_node *node;
    berthi_code code = berthi_files_open(node_of(self), path_of(args->path), &how, &node);

    if (code != BERTHI_CODE_OK)
        ANSWER(result, code);
    return berthi_wasi_give(call, w->imports.filesystem_types_descriptor.kind, node,
                            &result->as.ok.handle);
}

METHOD(create_directory_at, none_result)
{
    return none_or(result, berthi_files_make(node_of(self), path_of(args->path)));
}

METHOD(remove_directory_at, none_result)
{
    return none_or(result, berthi_files_remove(node_of(self), path_of(args->path)));
}

METHOD(unlink_file_at, none_result)
{
    return none_or(result, berthi_files_unlink(node_of(self), path_of(args->path)));
}

METHOD(symlink_at, none_result)
{
    return none_or(result, berthi_files_symlink(node_of(self), path_of(args->old_path),
                                                path_of(args->new_path)));
}

METHOD(rename_at, none_result)
{
    return none_or(result, berthi_files_rename(node_of(self), path_of(args->old_path),
                                               other_node(ctx, call, args->new_descriptor),
                                               path_of(args->new_path)));
}

/* A link's own name is linked; following it first is nothing that systems do. */
METHOD(link_at, none_result)
{
    if (follows(args->old_path_flags))
        return none_or(result, BERTHI_CODE_INVALID);
    return none_or(result, berthi_files_link(node_of(self), path_of(args->old_path),
                                             other_node(ctx, call, args->new_descriptor),
                                             path_of(args->new_path)));
}

METHOD(readlink_at, string_result)
{
    char *target = berth_host_room(call, TARGET_MAX);
    size_t size;
    berthi_code code;

    if (target == NULL)
        return BERTH_E_NOMEM;
    code = berthi_files_readlink(node_of(self), path_of(args->path), target, TARGET_MAX, &size);
    if (code == BERTHI_CODE_OK && !berthi_utf8_is_valid(target, size))
        code = BERTHI_CODE_BYTE_SEQUENCE;
    if (code != BERTHI_CODE_OK)
        ANSWER(result, code);
    result->as.ok = (berth_string){ target, size };
    return BERTH_OK;
}

/* ---------------------------------------------------------------- lists */

METHOD(read_directory, list_result)
{
    berthi_wasi *w = ctx;
    berthi_files_list *list;
    berthi_code code = berthi_files_list_open(node_of(self), &list);

    if (code != BERTHI_CODE_OK)
        ANSWER(result, code);
    return berthi_wasi_give(call, w->imports.filesystem_types_directory_entry_stream.kind, list,
                            &result->as.ok.handle);
}

static berth_status next_entry(void *ctx,
                               berthi_wasi_host_filesystem_types_directory_entry_stream *self,
                               const TYPE(directory_entry_stream_read_directory_entry_args) *
                                   args,
                               entry_result *result, berth_host_call *call)
{
    berthi_dir_entry entry;
    bool some = false;
    berthi_code code = berthi_files_list_next((berthi_files_list *)(void *)self, &entry, &some);

    if (code != BERTHI_CODE_OK)
        ANSWER(result, code);
    if (some) { /* its name stays until the next one is asked for */
        result->as.ok.is_some = 1;
        result->as.ok.some = (TYPE(directory_entry)){ (TYPE(descriptor_type))entry.kind,
                                                      { entry.name, entry.size } };
    }
    return BERTH_OK;
}

/* ---------------------------------------------------------------- errors, folders */

static berth_status error_to_code(void *ctx, const TYPE(filesystem_error_code_args) * args,
                                  berthi_wasi_option_filesystem_types_error_code *result,
                                  berth_host_call *call)
{
    const berthi_wasi *w = ctx;
    const berthi_error *error =
        berth_host_object_find(call, w->imports.error_error.kind, args->err.handle);

    result->is_some = 1;
    result->some = error_of(error->code);
    return BERTH_OK;
}

/* A folder that is not there is not among them. */
static berth_status get_directories(
    void *ctx, const void *args,
    berthi_wasi_list_tuple_filesystem_types_descriptor_string *result, berth_host_call *call)
{
    const berthi_wasi *w = ctx;
    berthi_services *s = berthi_wasi_services(call);
    uint32_t count = berthi_files_folders(s);
    berthi_wasi_tuple_filesystem_types_descriptor_string *given;
    size_t done = 0;

    given = berth_host_room(call, (count + 1) * sizeof *given);
    if (given == NULL)
        return BERTH_E_NOMEM;
    for (uint32_t i = 0; i < count; i++) {
        berthi_files_node *node = NULL;
        const char *name = "";
        berthi_code code = berthi_files_open_folder(s, i, &node, &name);
        berth_status status = BERTH_OK;

        if (code == BERTHI_CODE_NO_MEMORY)
            return BERTH_E_NOMEM;
        if (code == BERTHI_CODE_TOO_MANY_OPEN)
            node = NULL;
        else if (code != BERTHI_CODE_OK)
            continue;
        status = berthi_wasi_give(call, w->imports.filesystem_types_descriptor.kind, node,
                                  &given[done].f0.handle);
        if (status != BERTH_OK)
            return status;
        given[done++].f1 = (berth_string){ name, strlen(name) };
    }
    result->data = given;
    result->count = done;
    return BERTH_OK;
}

void berthi_wasi_fill_filesystem(berthi_wasi_imports *imports)
{
#define FILL(name) imports->filesystem_types_descriptor_##name = name
    imports->filesystem_types_descriptor.destroy = berthi_object_unref;
    imports->filesystem_types_directory_entry_stream.destroy = berthi_object_unref;
    FILL(read_via_stream);
    FILL(write_via_stream);
    FILL(append_via_stream);
    FILL(advise);
    FILL(sync_data);
    FILL(get_flags);
    FILL(get_type);
    FILL(set_size);
    FILL(set_times);
    FILL(read);
    FILL(write);
    FILL(read_directory);
    FILL(sync);
    FILL(create_directory_at);
    FILL(stat_2);
    FILL(stat_at);
    FILL(set_times_at);
    FILL(link_at);
    FILL(open_at);
    FILL(readlink_at);
    FILL(remove_directory_at);
    FILL(rename_at);
    FILL(symlink_at);
    FILL(unlink_file_at);
    FILL(is_same_object);
    FILL(metadata_hash);
    FILL(metadata_hash_at);
#undef FILL
    imports->filesystem_types_directory_entry_stream_read_directory_entry = next_entry;
    imports->filesystem_types_filesystem_error_code = error_to_code;
    imports->preopens_get_directories = get_directories;
}
