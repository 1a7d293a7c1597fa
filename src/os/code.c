/* code.c - names and numbers of why something said no.  Layer: os. */
#include "os/code.h"

#include <errno.h>
#include <stddef.h>

typedef struct code_row {
    const char *name;
    unsigned char preview1;
} code_row;

static const code_row rows[BERTHI_CODE_COUNT] = {
    [BERTHI_CODE_OK] = { "OK", 0 },
#define X(name, preview1, file, socket) [BERTHI_CODE_##name] = { #name, preview1 },
    BERTHI_CODES(X)
#undef X
        [BERTHI_CODE_CLOSED] = { "CLOSED", 64 }, /* EPIPE */
};

const char *berthi_code_name(berthi_code code)
{
    return (unsigned)code < BERTHI_CODE_COUNT ? rows[code].name : "UNKNOWN";
}

unsigned berthi_code_preview1(berthi_code code)
{
    return (unsigned)code < BERTHI_CODE_COUNT ? rows[code].preview1 : 29;
}

typedef struct errno_row {
    int error;
    berthi_code code;
} errno_row;

static const errno_row errors[] = {
    { E2BIG, BERTHI_CODE_TOO_BIG },
    { EACCES, BERTHI_CODE_ACCESS },
    { EADDRINUSE, BERTHI_CODE_ADDRESS_IN_USE },
    { EADDRNOTAVAIL, BERTHI_CODE_ADDRESS_NOT_THERE },
    { EAFNOSUPPORT, BERTHI_CODE_FAMILY },
    { EAGAIN, BERTHI_CODE_WOULD_BLOCK },
    { EALREADY, BERTHI_CODE_ALREADY },
    { EBADF, BERTHI_CODE_BAD_DESCRIPTOR },
    { EBUSY, BERTHI_CODE_BUSY },
    { ECANCELED, BERTHI_CODE_CANCELED },
    { ECONNABORTED, BERTHI_CODE_ABORTED },
    { ECONNREFUSED, BERTHI_CODE_REFUSED },
    { ECONNRESET, BERTHI_CODE_RESET },
    { EDEADLK, BERTHI_CODE_DEADLOCK },
    { EDQUOT, BERTHI_CODE_QUOTA },
    { EEXIST, BERTHI_CODE_EXISTS },
    { EFAULT, BERTHI_CODE_FAULT },
    { EFBIG, BERTHI_CODE_FILE_TOO_LARGE },
    { EHOSTUNREACH, BERTHI_CODE_HOST_UNREACHABLE },
    { EILSEQ, BERTHI_CODE_BYTE_SEQUENCE },
    { EINPROGRESS, BERTHI_CODE_IN_PROGRESS },
    { EINTR, BERTHI_CODE_INTERRUPTED },
    { EINVAL, BERTHI_CODE_INVALID },
    { EIO, BERTHI_CODE_IO },
    { EISCONN, BERTHI_CODE_IS_CONNECTED },
    { EISDIR, BERTHI_CODE_IS_DIRECTORY },
    { ELOOP, BERTHI_CODE_LOOP },
    { EMFILE, BERTHI_CODE_TOO_MANY_OPEN },
    { ENFILE, BERTHI_CODE_TOO_MANY_OPEN },
    { EMLINK, BERTHI_CODE_TOO_MANY_LINKS },
    { EMSGSIZE, BERTHI_CODE_MESSAGE_SIZE },
    { ENAMETOOLONG, BERTHI_CODE_NAME_TOO_LONG },
    { ENETUNREACH, BERTHI_CODE_NET_UNREACHABLE },
    { ENETDOWN, BERTHI_CODE_NET_UNREACHABLE },
    { ENOBUFS, BERTHI_CODE_NO_BUFFERS },
    { ENODEV, BERTHI_CODE_NO_DEVICE },
    { ENOENT, BERTHI_CODE_NO_ENTRY },
    { ENOLCK, BERTHI_CODE_NO_LOCK },
    { ENOMEM, BERTHI_CODE_NO_MEMORY },
    { ENOSPC, BERTHI_CODE_NO_SPACE },
    { ENOSYS, BERTHI_CODE_NOT_SUPPORTED },
    { ENOTCONN, BERTHI_CODE_NOT_CONNECTED },
    { ENOTDIR, BERTHI_CODE_NOT_DIRECTORY },
    { ENOTEMPTY, BERTHI_CODE_NOT_EMPTY },
    { ENOTRECOVERABLE, BERTHI_CODE_NOT_RECOVERABLE },
    { ENOTSUP, BERTHI_CODE_NOT_SUPPORTED },
    { ENOPROTOOPT, BERTHI_CODE_NOT_SUPPORTED },
    { EPROTONOSUPPORT, BERTHI_CODE_NOT_SUPPORTED },
    { ENOTTY, BERTHI_CODE_NO_TTY },
    { ENXIO, BERTHI_CODE_NO_SUCH_DEVICE },
    { EOVERFLOW, BERTHI_CODE_OVERFLOW },
    { EPERM, BERTHI_CODE_NOT_PERMITTED },
    { EPIPE, BERTHI_CODE_PIPE },
    { ERANGE, BERTHI_CODE_RANGE },
    { EROFS, BERTHI_CODE_READ_ONLY },
    { ESPIPE, BERTHI_CODE_SEEK },
    { ETIMEDOUT, BERTHI_CODE_TIMED_OUT },
    { ETXTBSY, BERTHI_CODE_TEXT_BUSY },
    { EXDEV, BERTHI_CODE_CROSS_DEVICE },
};

berthi_code berthi_code_of(int error)
{
    if (error == 0)
        return BERTHI_CODE_OK;
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (errors[i].error == error)
            return errors[i].code;
    return BERTHI_CODE_IO;
}
