/* dir_stream.c - the entries of a folder, a few at a time.  Layer: os.
 *
 * getdents64(2) itself: readdir(3) takes memory from the C library's heap, and 32 KiB of it. */
#include <dirent.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/instrument.h"
#include "os/dir_code.h"

typedef struct raw_entry { /* linux_dirent64, which has no header of its own */
    uint64_t number;
    int64_t next;
    uint16_t size;
    uint8_t kind;
    char name[];
} raw_entry;

berthi_code berthi_dir_stream_open(int dir, berthi_dir_stream *stream)
{
    stream->at = stream->end = 0;
    return berthi_dir_again(dir, &stream->fd);
}

void berthi_dir_stream_close(berthi_dir_stream *stream)
{
    berthi_dir_close(stream->fd);
}

static berthi_code fill(berthi_dir_stream *stream)
{
    long n = berthi_dir_fails("getdents64")
                 ? -1
                 : syscall(SYS_getdents64, stream->fd, stream->buffer, sizeof stream->buffer);

    if (n < 0) /* ENOENT: the folder itself was removed, and so is all that was in it */
        return errno == ENOENT ? BERTHI_CODE_OK : berthi_code_of(errno);
    berthi_initialized(stream->buffer, (size_t)n);
    stream->at = 0;
    stream->end = (uint32_t)n;
    return BERTHI_CODE_OK;
}

/* Not every file system says it in the entry. */
static berthi_file_kind ask_kind(int dir, const char *name)
{
    struct stat at;

    if (berthi_dir_fails("fstatat") || fstatat(dir, name, &at, AT_SYMLINK_NOFOLLOW) != 0)
        return BERTHI_FILE_UNKNOWN;
    return S_ISREG(at.st_mode)   ? BERTHI_FILE_REGULAR
           : S_ISDIR(at.st_mode) ? BERTHI_FILE_DIRECTORY
           : S_ISLNK(at.st_mode) ? BERTHI_FILE_SYMBOLIC_LINK
                                 : BERTHI_FILE_UNKNOWN;
}

static berthi_file_kind kind_of_entry(int dir, const raw_entry *raw)
{
    switch (raw->kind) {
    case DT_BLK:
        return BERTHI_FILE_BLOCK_DEVICE;
    case DT_CHR:
        return BERTHI_FILE_CHARACTER_DEVICE;
    case DT_DIR:
        return BERTHI_FILE_DIRECTORY;
    case DT_FIFO:
        return BERTHI_FILE_FIFO;
    case DT_LNK:
        return BERTHI_FILE_SYMBOLIC_LINK;
    case DT_REG:
        return BERTHI_FILE_REGULAR;
    case DT_SOCK:
        return BERTHI_FILE_SOCKET;
    default:
        return ask_kind(dir, raw->name);
    }
}

berthi_code berthi_dir_stream_next(berthi_dir_stream *stream, berthi_dir_entry *entry_out,
                                   bool *some_out)
{
    for (;;) {
        const raw_entry *raw;

        if (stream->at == stream->end) {
            berthi_code code = fill(stream);

            if (code != BERTHI_CODE_OK)
                return code;
            if (stream->at == stream->end) {
                *some_out = false;
                return BERTHI_CODE_OK;
            }
        }
        raw = (const raw_entry *)(const void *)(stream->buffer + stream->at);
        stream->at += raw->size;
        if (strcmp(raw->name, ".") == 0 || strcmp(raw->name, "..") == 0)
            continue;
        *entry_out =
            (berthi_dir_entry){ raw->name, strlen(raw->name), kind_of_entry(stream->fd, raw) };
        *some_out = true;
        return BERTHI_CODE_OK;
    }
}
