/* berth/base.h - words, status codes, diagnostics, memory and arenas shared by every header.
 *
 * Contract words.  Every public function comment uses these and no synonyms:
 *
 *   takes X        ownership of X passes to the library, but only when BERTH_OK is returned
 *   gives X        ownership passes to the caller through an `_out` parameter, which is
 *                  written only when BERTH_OK is returned
 *   lends X        X stays owned by the lender and is valid until the event named next to it
 *   Thread: any    may be called from any thread, also concurrently on the same object
 *   Thread: one    any thread, but the caller makes sure that calls do not overlap
 *   Blocks: never | briefly (an internal mutex, no plugin code) | until <event>
 *                  | as <function>
 *
 * `diag` parameters may be NULL.  They are written only when the call fails.
 * Sizes are bytes and durations nanoseconds unless a name says otherwise.
 */
#ifndef BERTH_BASE_H
#define BERTH_BASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define BERTH_BEGIN extern "C" {
#define BERTH_END   }
#else
#define BERTH_BEGIN
#define BERTH_END
#endif

#if defined(__GNUC__)
#define BERTH_API     __attribute__((visibility("default")))
#define BERTH_CHECKED __attribute__((warn_unused_result))
#else
#define BERTH_API
#define BERTH_CHECKED
#endif

/* clang-format off */
#define BERTH_INIT(...) { __VA_ARGS__ }
/* clang-format on */

BERTH_BEGIN

/* What the caller can do about a failure.  Stable and append-only. */
typedef enum berth_status {
    BERTH_OK = 0,
    BERTH_E_INVALID = 1,   /* the caller broke a documented precondition */
    BERTH_E_NOMEM = 2,     /* the host is out of memory */
    BERTH_E_LIMIT = 3,     /* a configured bound was reached; `reason` says which */
    BERTH_E_ABSENT = 4,    /* nothing is there under that name */
    BERTH_E_STATE = 5,     /* right call, wrong moment */
    BERTH_E_VERSION = 6,   /* a struct or plugin speaks a newer dialect than this library */
    BERTH_E_OS = 7,        /* a system call failed; `os_code` is its errno */
    BERTH_E_REJECTED = 8,  /* admission refused the artifact; nothing of it is in service */
    BERTH_E_TRAP = 9,      /* the plugin trapped; its instance is gone */
    BERTH_E_DEADLINE = 10, /* the plugin ran out of time; its instance is gone */
    BERTH_E_ABI = 11,      /* the plugin broke its contract; its instance is gone */
    BERTH_E_BUSY = 12,     /* no place became free in time; nothing was called */
    BERTH_E_CLOSED = 13,   /* the object is being shut down */
    BERTH_E_PLUGIN = 14    /* the plugin answered an error of its own; its instance is good */
} berth_status;

/* Which bound, trap or rule it was.  Stable and append-only. */
typedef enum berth_reason {
    BERTH_REASON_NONE = 0,
    /* traps, with BERTH_E_TRAP */
    BERTH_REASON_UNREACHABLE = 1,
    BERTH_REASON_MEMORY_BOUNDS = 2,
    BERTH_REASON_TABLE_BOUNDS = 3,
    BERTH_REASON_INDIRECT_NULL = 4,
    BERTH_REASON_SIGNATURE = 5,
    BERTH_REASON_INTEGER_OVERFLOW = 6,
    BERTH_REASON_DIVISION = 7,
    BERTH_REASON_CONVERSION = 8,
    BERTH_REASON_HOST = 9, /* a host function failed */
    BERTH_REASON_TRAP_OTHER = 10,
    BERTH_REASON_CANONICAL = 11, /* a component broke the canonical ABI; the text says how */
    BERTH_REASON_EXIT = 12,      /* it ended itself, with the code that is in `os_code` */
    /* bounds, with BERTH_E_LIMIT, BERTH_E_DEADLINE or BERTH_E_BUSY */
    BERTH_REASON_DEADLINE = 20,
    BERTH_REASON_STACK = 21,
    BERTH_REASON_MEMORY = 22,
    BERTH_REASON_TABLE = 23,
    BERTH_REASON_INPUT = 24,
    BERTH_REASON_OUTPUT = 25,
    BERTH_REASON_ARTIFACT = 26,
    BERTH_REASON_INSTANCES = 27,
    BERTH_REASON_SLOT_CALLS = 28,
    BERTH_REASON_TENANT_CALLS = 29,
    BERTH_REASON_SLOTS = 30,
    BERTH_REASON_NAME = 31,
    BERTH_REASON_HANDLES = 32, /* resources that one component instance holds */
    /* contract, with BERTH_E_ABI */
    BERTH_REASON_ALLOC = 40,        /* the plugin's allocator answered nonsense */
    BERTH_REASON_REPLY_BOUNDS = 41, /* a reply lies outside the plugin's memory, or is (0, n) */
    /* of a native plugin, with BERTH_E_REJECTED */
    BERTH_REASON_LINKER =
        50,                 /* the dynamic linker does not map it: what it needs is not here */
    BERTH_REASON_TRIAL = 51 /* it did not outlive being mapped in a process of its own */
} berth_reason;

/* What went wrong, for people.  A plain value: it can be copied into a message and read on
 * another thread, and filling it never allocates.  `text` is always terminated; when a trap has
 * a backtrace, it follows the first line, one frame a line. */
typedef struct berth_diag {
    int32_t status;    /* a berth_status */
    int32_t reason;    /* a berth_reason */
    int32_t os_code;   /* errno with BERTH_E_OS, an exit code with BERTH_REASON_EXIT; else 0 */
    uint32_t reserved; /* 0 */
    char text[496];
} berth_diag;

/* A memory source.  Both functions are called from any thread, also under the library's locks:
 * they must not call the library. */
typedef struct berth_allocator {
    void *ctx;
    void *(*alloc)(void *ctx, size_t size); /* aligned for any object; NULL: out of memory */
    void (*free)(void *ctx, void *ptr, size_t size);
} berth_allocator;

/* The name of a status, such as "deadline" for BERTH_E_DEADLINE; "unknown" past the end.
 * Lends a static string.  Thread: any.  Blocks: never. */
BERTH_API const char *berth_status_name(berth_status status);

/* The name of a reason, such as "stack" for BERTH_REASON_STACK; "" for none.
 * Lends a static string.  Thread: any.  Blocks: never. */
BERTH_API const char *berth_reason_name(berth_reason reason);

/* "MAJOR.MINOR.PATCH" of the library in use.
 * Lends a static string.  Thread: any.  Blocks: never. */
BERTH_API const char *berth_version_text(void);

BERTH_END
#endif /* BERTH_BASE_H */
