/* dir_file.c - descriptors of files and folders.  Layer: os. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "os/dir_code.h"

/* ---------------------------------------------------------------- bytes */

/* An offset or a size that off_t does not hold is past every file. */
static bool is_past(uint64_t offset, uint64_t size)
{
    return offset > INT64_MAX || size > INT64_MAX - offset;
}

static bool was_interrupted(ssize_t n)
{
    return n < 0 && errno == EINTR;
}

berthi_code berthi_file_read_at(int fd, void *data, size_t size, uint64_t offset,
                                size_t *done_out)
{
    ssize_t n;

    if (is_past(offset, size))
        return BERTHI_CODE_INVALID;
    do
        n = berthi_dir_fails("pread") ? -1 : pread(fd, data, size, (off_t)offset);
    while (was_interrupted(n));
    if (n < 0)
        return berthi_code_of(errno);
    *done_out = (size_t)n;
    return BERTHI_CODE_OK;
}

berthi_code berthi_file_write_at(int fd, const void *data, size_t size, uint64_t offset,
                                 size_t *done_out)
{
    ssize_t n;

    if (is_past(offset, size))
        return BERTHI_CODE_FILE_TOO_LARGE;
    do
        n = berthi_dir_fails("pwrite") ? -1 : pwrite(fd, data, size, (off_t)offset);
    while (was_interrupted(n));
    if (n < 0)
        return berthi_code_of(errno);
    *done_out = (size_t)n;
    return BERTHI_CODE_OK;
}

/* RWF_APPEND: two who append at once do not write over each other.  Where the file system does not know
 * it, the end is asked for, and they may. */
berthi_code berthi_file_append(int fd, const void *data, size_t size, size_t *done_out)
{
    struct iovec piece = { .iov_len = size };
    berthi_code code;
    berthi_file_stat at;
    ssize_t n;

    memcpy(&piece.iov_base, &data, sizeof data); /* it has no const, and is only read */
    do
        n = berthi_dir_fails("pwritev2") ? -1 : pwritev2(fd, &piece, 1, 0, RWF_APPEND);
    while (was_interrupted(n));
    if (n >= 0) {
        *done_out = (size_t)n;
        return BERTHI_CODE_OK;
    }
    if (errno != ENOTSUP && errno != ENOSYS)
        return berthi_code_of(errno);
    code = berthi_file_stat_of(fd, &at);
    return code == BERTHI_CODE_OK ? berthi_file_write_at(fd, data, size, at.size, done_out)
                                  : code;
}

berthi_code berthi_file_set_size(int fd, uint64_t size)
{
    int result;

    if (is_past(size, 0))
        return BERTHI_CODE_FILE_TOO_LARGE;
    do
        result = berthi_dir_fails("ftruncate") ? -1 : ftruncate(fd, (off_t)size);
    while (was_interrupted(result));
    return result == 0 ? BERTHI_CODE_OK : berthi_code_of(errno);
}

berthi_code berthi_file_sync(int fd, bool only_data)
{
    int result = berthi_dir_fails(only_data ? "fdatasync" : "fsync") ? -1
                 : only_data                                         ? fdatasync(fd)
                                                                     : fsync(fd);

    /* EINVAL: nothing of this file can be synchronized, so there is nothing to wait for. */
    if (result != 0 && errno != EINVAL)
        return berthi_code_of(errno);
    return BERTHI_CODE_OK;
}

berthi_code berthi_file_advise(int fd, uint64_t offset, uint64_t size,
                               berthi_file_advice advice)
{
    static const int advices[] = { POSIX_FADV_NORMAL,   POSIX_FADV_SEQUENTIAL,
                                   POSIX_FADV_RANDOM,   POSIX_FADV_WILLNEED,
                                   POSIX_FADV_DONTNEED, POSIX_FADV_NOREUSE };
    int code = berthi_os_fault("posix_fadvise");

    if (is_past(offset, 0) || (unsigned)advice >= sizeof advices / sizeof *advices)
        return BERTHI_CODE_INVALID;
    if (is_past(offset, size)) /* as far as files reach */
        size = INT64_MAX - offset;
    if (code == 0)
        code = posix_fadvise(fd, (off_t)offset, (off_t)size, advices[advice]);
    return code == 0 ? BERTHI_CODE_OK : berthi_code_of(code);
}

/* ---------------------------------------------------------------- what is known of them */

static berthi_file_kind kind_of(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFBLK:
        return BERTHI_FILE_BLOCK_DEVICE;
    case S_IFCHR:
        return BERTHI_FILE_CHARACTER_DEVICE;
    case S_IFDIR:
        return BERTHI_FILE_DIRECTORY;
    case S_IFIFO:
        return BERTHI_FILE_FIFO;
    case S_IFLNK:
        return BERTHI_FILE_SYMBOLIC_LINK;
    case S_IFREG:
        return BERTHI_FILE_REGULAR;
    case S_IFSOCK:
        return BERTHI_FILE_SOCKET;
    default:
        return BERTHI_FILE_UNKNOWN;
    }
}

static berthi_file_time time_of(const struct timespec *t)
{
    return (berthi_file_time){ t->tv_sec, (uint32_t)t->tv_nsec };
}

berthi_code berthi_file_stat_of(int fd, berthi_file_stat *stat_out)
{
    struct stat at;

    if (berthi_dir_fails("fstat") || fstat(fd, &at) != 0)
        return berthi_code_of(errno);
    *stat_out = (berthi_file_stat){ .kind = kind_of(at.st_mode),
                                    .links = at.st_nlink,
                                    .size = (uint64_t)at.st_size,
                                    .accessed = time_of(&at.st_atim),
                                    .modified = time_of(&at.st_mtim),
                                    .changed = time_of(&at.st_ctim),
                                    .device = at.st_dev,
                                    .number = at.st_ino };
    return BERTHI_CODE_OK;
}

static bool put_time(berthi_new_time from, struct timespec *to)
{
    *to = (struct timespec){ 0, UTIME_OMIT };
    if (from.what == BERTHI_TIME_NOW)
        to->tv_nsec = UTIME_NOW;
    if (from.what != BERTHI_TIME_SET)
        return true;
    *to = (struct timespec){ from.time.seconds, (long)from.time.nanoseconds };
    return from.time.nanoseconds < 1000000000u;
}

berthi_code berthi_dir_times(berthi_new_time accessed, berthi_new_time modified,
                             struct timespec times_out[2])
{
    return put_time(accessed, &times_out[0]) && put_time(modified, &times_out[1])
               ? BERTHI_CODE_OK
               : BERTHI_CODE_INVALID;
}

berthi_code berthi_file_set_times(int fd, berthi_new_time accessed, berthi_new_time modified)
{
    struct timespec times[2];
    berthi_code code = berthi_dir_times(accessed, modified, times);

    if (code == BERTHI_CODE_OK && (berthi_dir_fails("futimens") || futimens(fd, times) != 0))
        code = berthi_code_of(errno);
    return code;
}
