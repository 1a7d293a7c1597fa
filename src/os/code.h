/* os/code.h - why the system, or a service over it, said no: one list, which each ABI that plugins speak
 * translates into its own.
 *
 * The names are those of POSIX.  What a column has no word for is told by the word that is
 * nearest.  Columns: our name, its number in preview 1, wasi:filesystem's error-code, wasi:sockets'
 * error-code.  Layer: os. */
#ifndef BERTHI_OS_CODE_H
#define BERTHI_OS_CODE_H

/* clang-format off */
#define BERTHI_CODES(X)                                                                        \
    X(TOO_BIG,            1, INVALID,               INVALID_ARGUMENT)                          \
    X(ACCESS,             2, ACCESS,                ACCESS_DENIED)                             \
    X(ADDRESS_IN_USE,     3, BUSY,                  ADDRESS_IN_USE)                            \
    X(ADDRESS_NOT_THERE,  4, UNSUPPORTED,           ADDRESS_NOT_BINDABLE)                      \
    X(FAMILY,             5, UNSUPPORTED,           NOT_SUPPORTED)                             \
    X(WOULD_BLOCK,        6, WOULD_BLOCK,           WOULD_BLOCK)                               \
    X(ALREADY,            7, ALREADY,               CONCURRENCY_CONFLICT)                      \
    X(BAD_DESCRIPTOR,     8, BAD_DESCRIPTOR,        INVALID_STATE)                             \
    X(BUSY,              10, BUSY,                  CONCURRENCY_CONFLICT)                      \
    X(CANCELED,          11, INTERRUPTED,           TIMEOUT)                                   \
    X(ABORTED,           13, IO,                    CONNECTION_ABORTED)                        \
    X(REFUSED,           14, IO,                    CONNECTION_REFUSED)                        \
    X(RESET,             15, IO,                    CONNECTION_RESET)                          \
    X(DEADLOCK,          16, DEADLOCK,              UNKNOWN)                                   \
    X(QUOTA,             19, QUOTA,                 UNKNOWN)                                   \
    X(EXISTS,            20, EXIST,                 ADDRESS_IN_USE)                            \
    X(FAULT,             21, INVALID,               INVALID_ARGUMENT)                          \
    X(FILE_TOO_LARGE,    22, FILE_TOO_LARGE,        UNKNOWN)                                   \
    X(HOST_UNREACHABLE,  23, IO,                    REMOTE_UNREACHABLE)                        \
    X(BYTE_SEQUENCE,     25, ILLEGAL_BYTE_SEQUENCE, INVALID_ARGUMENT)                          \
    X(IN_PROGRESS,       26, IN_PROGRESS,           CONCURRENCY_CONFLICT)                      \
    X(INTERRUPTED,       27, INTERRUPTED,           UNKNOWN)                                   \
    X(INVALID,           28, INVALID,               INVALID_ARGUMENT)                          \
    X(IO,                29, IO,                    UNKNOWN)                                   \
    X(IS_CONNECTED,      30, INVALID,               INVALID_STATE)                             \
    X(IS_DIRECTORY,      31, IS_DIRECTORY,          UNKNOWN)                                   \
    X(LOOP,              32, LOOP,                  UNKNOWN)                                   \
    X(TOO_MANY_OPEN,     33, INSUFFICIENT_MEMORY,   NEW_SOCKET_LIMIT)                          \
    X(TOO_MANY_LINKS,    34, TOO_MANY_LINKS,        UNKNOWN)                                   \
    X(MESSAGE_SIZE,      35, MESSAGE_SIZE,          DATAGRAM_TOO_LARGE)                        \
    X(NAME_TOO_LONG,     37, NAME_TOO_LONG,         INVALID_ARGUMENT)                          \
    X(NET_UNREACHABLE,   40, IO,                    REMOTE_UNREACHABLE)                        \
    X(NO_BUFFERS,        42, INSUFFICIENT_MEMORY,   OUT_OF_MEMORY)                             \
    X(NO_DEVICE,         43, NO_DEVICE,             UNKNOWN)                                   \
    X(NO_ENTRY,          44, NO_ENTRY,              NAME_UNRESOLVABLE)                         \
    X(NO_LOCK,           46, NO_LOCK,               UNKNOWN)                                   \
    X(NO_MEMORY,         48, INSUFFICIENT_MEMORY,   OUT_OF_MEMORY)                             \
    X(NO_SPACE,          51, INSUFFICIENT_SPACE,    OUT_OF_MEMORY)                             \
    X(NOT_SUPPORTED,     58, UNSUPPORTED,           NOT_SUPPORTED)                             \
    X(NOT_CONNECTED,     53, INVALID,               INVALID_STATE)                             \
    X(NOT_DIRECTORY,     54, NOT_DIRECTORY,         UNKNOWN)                                   \
    X(NOT_EMPTY,         55, NOT_EMPTY,             UNKNOWN)                                   \
    X(NOT_RECOVERABLE,   56, NOT_RECOVERABLE,       UNKNOWN)                                   \
    X(NO_TTY,            59, NO_TTY,                UNKNOWN)                                   \
    X(NO_SUCH_DEVICE,    60, NO_SUCH_DEVICE,        UNKNOWN)                                   \
    X(OVERFLOW,          61, OVERFLOW,              UNKNOWN)                                   \
    X(NOT_PERMITTED,     63, NOT_PERMITTED,         ACCESS_DENIED)                             \
    X(PIPE,              64, PIPE,                  CONNECTION_RESET)                          \
    X(RANGE,             68, OVERFLOW,              INVALID_ARGUMENT)                          \
    X(READ_ONLY,         69, READ_ONLY,             UNKNOWN)                                   \
    X(SEEK,              70, INVALID_SEEK,          UNKNOWN)                                   \
    X(TIMED_OUT,         73, IO,                    TIMEOUT)                                   \
    X(TEXT_BUSY,         74, TEXT_FILE_BUSY,        UNKNOWN)                                   \
    X(CROSS_DEVICE,      75, CROSS_DEVICE,          UNKNOWN)                                   \
    X(NOT_CAPABLE,       76, NOT_PERMITTED,         ACCESS_DENIED)                             \
    X(NOT_IN_PROGRESS,   28, INVALID,               NOT_IN_PROGRESS)                           \
    X(NAME_UNKNOWN,      44, NO_ENTRY,              NAME_UNRESOLVABLE)                         \
    X(RESOLVER_TRY,       6, WOULD_BLOCK,           TEMPORARY_RESOLVER_FAILURE)                \
    X(RESOLVER_FAILED,   29, IO,                    PERMANENT_RESOLVER_FAILURE)
/* clang-format on */

typedef enum berthi_code {
    BERTHI_CODE_OK = 0,
#define X(name, preview1, file, socket) BERTHI_CODE_##name,
    BERTHI_CODES(X)
#undef X
        BERTHI_CODE_CLOSED, /* of a stream: nothing more comes, or nobody takes it */
    BERTHI_CODE_COUNT
} berthi_code;

/* Of an errno value; BERTHI_CODE_IO for what has no word. */
berthi_code berthi_code_of(int error);
/* "NO_ENTRY"; for people. */
const char *berthi_code_name(berthi_code code);
/* What preview 1 calls it; 0 for BERTHI_CODE_OK. */
unsigned berthi_code_preview1(berthi_code code);

#endif
