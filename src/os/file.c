/* file.c - reading artifacts.  Layer: os. */
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/diag.h"
#include "os/fault.h"

static bool fails(const char *call)
{
    errno = berthi_os_fault(call);
    return errno != 0;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Reads until the end or until one byte more than `size`; the count read, or -1. */
static ssize_t read_until_end(int fd, uint8_t *data, size_t size)
{
    uint8_t past_end;
    size_t done = 0;

    for (;;) {
        ssize_t n = fails("read") ? -1
                    : done < size ? read(fd, data + done, size - done)
                                  : read(fd, &past_end, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        done += (size_t)n;
        if (n == 0 || done > size)
            return (ssize_t)done;
    }
}

static berth_status read_unchanged(int fd, const char *path, uint8_t *data,
                                   const struct stat *before, berth_diag *diag)
{
    size_t size = (size_t)before->st_size;
    ssize_t done = read_until_end(fd, data, size);
    struct stat after;

    if (done < 0)
        return berthi_fail_os(diag, errno, "%s: cannot be read", path);
    if (fails("fstat") || fstat(fd, &after) != 0)
        return berthi_fail_os(diag, errno, "%s: cannot be examined", path);
    if ((size_t)done != size || !same_file(before, &after))
        return berthi_fail(
            diag, BERTH_E_STATE,
            "%s: it changed while it was being read; write artifacts under a new "
            "name and rename them",
            path);
    return BERTH_OK;
}

static berth_status check_kind(const struct stat *at, const char *path, uint64_t size_max,
                               berth_diag *diag)
{
    if (!S_ISREG(at->st_mode))
        return berthi_fail(diag, BERTH_E_INVALID, "%s: is not a regular file", path);
    if ((uint64_t)at->st_size > size_max)
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_ARTIFACT,
                                   "%s: has %llu bytes and %llu are allowed", path,
                                   (unsigned long long)at->st_size,
                                   (unsigned long long)size_max);
    return BERTH_OK;
}

berth_status berthi_file_read_open(const berth_allocator *a, int fd, const char *path,
                                   uint64_t size_max, berthi_file_bytes *file_out,
                                   berth_diag *diag)
{
    berthi_file_bytes file = { NULL, 0 };
    berth_status status;
    struct stat before;

    if (fails("fstat") || fstat(fd, &before) != 0)
        return berthi_fail_os(diag, errno, "%s: cannot be examined", path);
    status = check_kind(&before, path, size_max, diag);
    if (status != BERTH_OK)
        return status;
    file.size = (size_t)before.st_size;
    file.data = berthi_alloc(a, file.size == 0 ? 1 : file.size);
    if (file.data == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "%s: no memory for its %zu bytes", path,
                           file.size);
    status = read_unchanged(fd, path, file.data, &before, diag);
    if (status == BERTH_OK)
        *file_out = file;
    else
        berthi_file_free(a, &file);
    return status;
}

berth_status berthi_file_read(const berth_allocator *a, const char *path, uint64_t size_max,
                              berthi_file_bytes *file_out, berth_diag *diag)
{
    /* O_NONBLOCK: opening a FIFO must not wait for its writer.  O_NOCTTY: nor make a terminal
     * ours. */
    int fd = fails("open") ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    berth_status status;

    if (fd < 0)
        return berthi_fail_os(diag, errno, "%s: cannot be opened", path);
    status = berthi_file_read_open(a, fd, path, size_max, file_out, diag);
    (void)close(fd);
    return status;
}

void berthi_file_free(const berth_allocator *a, berthi_file_bytes *file)
{
    berthi_free(a, file->data, file->size == 0 ? 1 : file->size);
    file->data = NULL;
}
