/* berth/grant.h - what the plugins of a slot may ask of the host.
 *
 * A grant is a line of text, such as "fs:read:/data/ **" (without the blank), "net:connect:*.example.org:443",
 * "env:HOME", "clock:wall", "random" or "stdio"; all of them are in docs/grants.md.  Nothing is granted
 * that is not said.  Grants are given to a slot with its options; the host has to offer WASI
 * (<berth/wasi.h>) for them to mean anything.
 *
 * Words: <berth/base.h>.  Stability: draft until 1.0.
 */
#ifndef BERTH_GRANT_H
#define BERTH_GRANT_H

#include <berth/base.h>

BERTH_BEGIN

typedef struct berth_grants berth_grants; /* never changes, but for being revoked */

typedef enum berth_output_stream {
    BERTH_OUTPUT_STDOUT = 1,
    BERTH_OUTPUT_STDERR = 2
} berth_output_stream;

/* Gets what plugins write, on the thread that called the plugin, as it was written and in any pieces.  With no
 * lock held; it must not call the runtime.  Returns 0, or anything else when it takes no more. */
typedef int (*berth_output)(void *ctx, int32_t stream, const char *plugin, const void *data,
                            size_t size);

enum {
    /* Clocks begin at `wall_ns` and at 0, and go on by `step_ns` whenever they are read; waiting for a time
     * moves them there at once; random bytes come from `seed`.  For each instance anew. */
    BERTH_GRANTS_DETERMINISTIC = 1,
    /* stdin, stdout and stderr are those of this process. */
    BERTH_GRANTS_PROCESS_STDIO = 2
};

/* Grows at the end only.  0 or NULL in a field means its default. */
typedef struct berth_grants_options {
    uint32_t size;             /* sizeof(berth_grants_options), set by the _INIT */
    uint32_t flags;            /* BERTH_GRANTS_... */
    const char *const *grants; /* lines; copied, as is all below */
    uint32_t grants_count;
    uint32_t arguments_count;
    const char *const *arguments; /* of a program, its name first */
    const void *input;            /* what stdin has; default: nothing */
    size_t input_size;
    /* Who gets stdout and stderr; default: the runtime's reporter, line by line, as BERTH_REPORT_LOG */
    berth_output output;
    void *output_ctx; /* lent until no slot has the grants any more */
    /* Of both, per instance; what is past it is dropped; default 1 MiB.  Of the process's own streams: they
     * are closed for it then; default: no bound */
    uint64_t output_bytes_max;
    uint32_t objects_max; /* handles of the host's that an instance has; default 4096 */
    uint32_t reserved;    /* 0 */
    uint64_t wall_ns,
        step_ns; /* of BERTH_GRANTS_DETERMINISTIC; since 1970; default 0 and 1 us */
    uint64_t seed;
} berth_grants_options;
#define BERTH_GRANTS_OPTIONS_INIT                                                              \
    BERTH_INIT((uint32_t)sizeof(berth_grants_options), 0, NULL, 0, 0, NULL, NULL, 0, NULL,     \
               NULL, 0, 0, 0, 0, 0, 0)

/* Reads grants.  `allocator` may be NULL for the C library's heap; it is copied.
 * Gives *grants_out; end it with berth_grants_destroy().
 * Thread: any.  Blocks: never.  Fails: BERTH_E_INVALID with the line and what is wrong in it,
 * BERTH_E_LIMIT, BERTH_E_VERSION, BERTH_E_NOMEM, BERTH_E_OS. */
BERTH_API BERTH_CHECKED berth_status berth_grants_create(const berth_allocator *allocator,
                                                         const berth_grants_options *options,
                                                         berth_grants **grants_out,
                                                         berth_diag *diag);

/* Gives up the caller's part; slots that have the grants keep them.  NULL is left alone.
 * Thread: any.  Blocks: never. */
BERTH_API void berth_grants_destroy(berth_grants *grants);

/* Takes everything back: from now on each question is answered with no, whoever waits in a service
 * for something stops waiting, and what was opened by these grants is read and written no more.
 * Thread: any.  Blocks: never. */
BERTH_API void berth_grants_revoke(berth_grants *grants);

/* Whether what a line asks for is granted: a right and one thing, no pattern, such as
 * "fs:read:/data/x" or "net:connect:db.example.org:5432".  Answers BERTH_OK, or why not.
 * Thread: any.  Blocks: never.  Fails: BERTH_E_INVALID, BERTH_E_REJECTED. */
BERTH_API BERTH_CHECKED berth_status berth_grants_check(const berth_grants *grants,
                                                        const char *line, berth_diag *diag);

BERTH_END
#endif /* BERTH_GRANT_H */
