/* folder.c - what stands in a folder.  Layer: os. */
#include "os/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/diag.h"
#include "os/fault.h"

static bool fails(const char *call)
{
    errno = berthi_os_fault(call);
    return errno != 0;
}

berth_status berthi_path_is_folder(const char *path, bool *is_folder_out, berth_diag *diag)
{
    struct stat at;

    if (fails("stat") || stat(path, &at) != 0)
        return berthi_fail_os(diag, errno, "%s: cannot be examined", path);
    *is_folder_out = S_ISDIR(at.st_mode);
    return BERTH_OK;
}

/* Grows by doubling: a folder does not say how much is in it. */
static berthi_folder_entry *grow(berthi_arena *arena, berthi_folder_entry *old, uint32_t count,
                                 uint32_t *room)
{
    uint32_t more = *room == 0 ? 16 : 2 * *room;
    berthi_folder_entry *entries;

    if (count < *room)
        return old;
    entries = berthi_arena_array(arena, more, sizeof *entries);
    if (entries == NULL)
        return NULL;
    if (count != 0)
        memcpy(entries, old, count * sizeof *entries);
    *room = more;
    return entries;
}

static berth_status examine(DIR *dir, const char *path, berthi_folder_entry *entry,
                            berth_diag *diag)
{
    struct stat at;

    if (fails("fstatat") || fstatat(dirfd(dir), entry->name, &at, 0) != 0) {
        if (errno == ENOENT || errno == ELOOP)
            return BERTH_OK; /* a dangling link, or gone since */
        return berthi_fail_os(diag, errno, "%s/%s: cannot be examined", path, entry->name);
    }
    entry->is_folder = S_ISDIR(at.st_mode);
    entry->is_file = S_ISREG(at.st_mode);
    return BERTH_OK;
}

static int compare_entries(const void *a, const void *b)
{
    const berthi_folder_entry *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static berth_status list(DIR *dir, const char *path, uint32_t entries_max, berthi_arena *arena,
                         berthi_folder *folder_out, berth_diag *diag)
{
    berthi_folder_entry *entries = NULL;
    uint32_t count = 0, room = 0;

    for (;;) {
        const struct dirent *found = fails("readdir") ? NULL : readdir(dir);
        berth_status status;

        if (found == NULL && errno != 0)
            return berthi_fail_os(diag, errno, "%s: cannot be listed", path);
        if (found == NULL)
            break;
        if (found->d_name[0] == '.')
            continue;
        if (count == entries_max)
            return berthi_fail(diag, BERTH_E_LIMIT, "%s: more than %u entries", path,
                               (unsigned)entries_max);
        entries = grow(arena, entries, count, &room);
        if (entries != NULL)
            entries[count].name =
                berthi_arena_strndup(arena, found->d_name, strlen(found->d_name));
        if (entries == NULL || entries[count].name == NULL)
            return berthi_fail(diag, BERTH_E_NOMEM, "%s: no memory for its names", path);
        status = examine(dir, path, &entries[count++], diag);
        if (status != BERTH_OK)
            return status;
    }
    if (count != 0)
        qsort(entries, count, sizeof *entries, compare_entries);
    *folder_out = (berthi_folder){ entries, count };
    return BERTH_OK;
}

berth_status berthi_folder_list(const char *path, uint32_t entries_max, berthi_arena *arena,
                                berthi_folder *folder_out, berth_diag *diag)
{
    DIR *dir = fails("opendir") ? NULL : opendir(path);
    berth_status status;

    if (dir == NULL)
        return berthi_fail_os(diag, errno, "%s: cannot be opened", path);
    status = list(dir, path, entries_max, arena, folder_out, diag);
    (void)closedir(dir);
    return status;
}
