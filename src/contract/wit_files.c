/* wit_files.c - WIT in files and folders.  Layer: contract.
 *
 * A file is a package.  A folder is a package too, of all files in it whose names end in .wit; each
 * file and each folder in its folder `deps` is a package that others may refer to.  Names of files
 * and folders mean nothing.  A file that ends in .wasm is a package in binary form. */
#include "contract/wit_tree.h"
#include "os/file.h"
#include "os/folder.h"

enum { ENTRIES_MAX = 10000 };

static bool fail_status(wit_reader *r, berth_status status)
{
    if (!berthi_wit_is_bad(r))
        r->status = status;
    return status == BERTH_OK;
}

static bool ends_in(const char *name, const char *end)
{
    size_t size = strlen(name), end_size = strlen(end);

    return size > end_size && strcmp(name + size - end_size, end) == 0;
}

static const char *join(wit_reader *r, const char *folder, const char *name)
{
    size_t size = strlen(folder), name_size = strlen(name);
    char *path = berthi_wit_scratch(r, size + name_size + 2, 1);

    if (path == NULL)
        return NULL;
    memcpy(path, folder, size);
    if (size != 0 && path[size - 1] != '/')
        path[size++] = '/';
    memcpy(path + size, name, name_size);
    return path;
}

static bool fail_at(wit_reader *r, const char *path, berth_status status, const char *why)
{
    if (!berthi_wit_is_bad(r))
        r->status = berthi_fail(r->diag, status, "%s: %s", berthi_wit_show(path).text, why);
    return false;
}

static bool is_binary(const wit_reader *r, const char *name)
{
    return r->options != NULL && r->options->decode != NULL && ends_in(name, ".wasm");
}

static bool is_wit(const wit_reader *r, const berthi_folder_entry *entry)
{
    return entry->is_file && (ends_in(entry->name, ".wit") || is_binary(r, entry->name));
}

/* What a file holds becomes a source whose text lives as long as the reader. */
static bool add_source(wit_reader *r, const char *path, const void *data, size_t size)
{
    char *text = berthi_wit_scratch(r, size, 1);

    if (text == NULL)
        return false;
    if (size != 0)
        memcpy(text, data, size);
    r->sources[r->sources_count++] =
        (wit_source){ .path = path, .text = text, .size = (uint32_t)size };
    return true;
}

static bool add_decoded(wit_reader *r, const char *path, const berthi_file_bytes *file)
{
    berthi_text_buf text;
    berth_status status;
    bool is_good;

    berthi_text_buf_init(&text, r->arena->allocator);
    status = r->options->decode(file->data, file->size, r->arena->allocator, &text, r->diag);
    if (status != BERTH_OK)
        r->status = berthi_diag_prefix(r->diag, status, "%s", berthi_wit_show(path).text);
    is_good = status == BERTH_OK && add_source(r, path, text.data, text.size);
    if (is_good)
        r->sources[r->sources_count - 1].is_decoded = true;
    berthi_text_buf_fini(&text);
    return is_good;
}

static bool read_source(wit_reader *r, const char *path, wit_package *package)
{
    uint64_t bytes_max = is_binary(r, path) ? BERTHI_WIT_BINARY_MAX : r->bytes_left;
    berthi_file_bytes file;
    bool is_good;

    if (r->sources_count == BERTHI_WIT_SOURCES_MAX)
        return fail_at(r, path, BERTH_E_LIMIT, "more than 1000 files of WIT");
    if (!fail_status(r, berthi_file_read(r->arena->allocator, path, bytes_max, &file, r->diag)))
        return false;
    is_good = is_binary(r, path) ? add_decoded(r, path, &file)
                                 : add_source(r, path, file.data, file.size);
    berthi_file_free(r->arena->allocator, &file);
    if (!is_good)
        return false;
    if (r->sources[r->sources_count - 1].size > r->bytes_left)
        return fail_at(r, path, BERTH_E_LIMIT, "more than 4 MiB of WIT");
    r->bytes_left -= r->sources[r->sources_count - 1].size;
    if (package->files == NULL)
        package->at.source = r->sources_count - 1;
    return berthi_wit_parse(r, r->sources_count - 1, package);
}

static wit_package *read_file(wit_reader *r, const char *path)
{
    wit_package *package = berthi_wit_add_package(r);

    return package != NULL && read_source(r, path, package) ? package : NULL;
}

static bool list(wit_reader *r, const char *path, berthi_folder *folder)
{
    return fail_status(r, berthi_folder_list(path, ENTRIES_MAX, &r->scratch, folder, r->diag));
}

static wit_package *read_folder(wit_reader *r, const char *path, const berthi_folder *folder)
{
    wit_package *package = berthi_wit_add_package(r);

    for (uint32_t i = 0; i < folder->count && package != NULL; i++) {
        const berthi_folder_entry *entry = &folder->entries[i];
        const char *inner;

        if (!entry->is_file || !ends_in(entry->name, ".wit"))
            continue;
        inner = join(r, path, entry->name);
        if (inner == NULL || !read_source(r, inner, package))
            return NULL;
    }
    if (package != NULL && package->files == NULL) {
        fail_at(r, path, BERTH_E_REJECTED, "no file in this folder ends in .wit");
        return NULL;
    }
    return package;
}

static bool read_dependencies(wit_reader *r, const char *path)
{
    berthi_folder folder, inner_folder;

    if (!list(r, path, &folder))
        return false;
    for (uint32_t i = 0; i < folder.count; i++) {
        const berthi_folder_entry *entry = &folder.entries[i];
        const char *inner = join(r, path, entry->name);

        if (inner == NULL)
            return false;
        if (entry->is_folder) {
            if (!list(r, inner, &inner_folder) || read_folder(r, inner, &inner_folder) == NULL)
                return false;
        } else if (is_wit(r, entry)) {
            if (read_file(r, inner) == NULL)
                return false;
        }
    }
    return true;
}

/* The package at `path`; what it depends on is read too. */
static wit_package *read_path(wit_reader *r, const char *path)
{
    wit_package *package;
    berthi_folder folder;
    bool is_folder;

    if (!fail_status(r, berthi_path_is_folder(path, &is_folder, r->diag)))
        return NULL;
    if (!is_folder)
        return read_file(r, path);
    if (!list(r, path, &folder))
        return NULL;
    package = read_folder(r, path, &folder);
    for (uint32_t i = 0; i < folder.count && package != NULL; i++)
        if (folder.entries[i].is_folder && strcmp(folder.entries[i].name, "deps") == 0) {
            const char *inner = join(r, path, "deps");

            if (inner == NULL || !read_dependencies(r, inner))
                return NULL;
        }
    return package;
}

bool berthi_wit_load(wit_reader *r, const char *const *paths, uint32_t count)
{
    r->sources = berthi_wit_scratch(r, BERTHI_WIT_SOURCES_MAX, sizeof *r->sources);
    r->bytes_left = BERTHI_WIT_BYTES_MAX;
    if (r->sources == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        r->root = read_path(r, paths[i]);
        if (r->root == NULL)
            return false;
    }
    return true;
}
