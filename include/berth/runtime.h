/* berth/runtime.h - the handle that owns everything: engine, caches, slots, threads.
 *
 * A process may have several runtimes; they share nothing but what they are given:
 * a host, a code cache.  Words: <berth/base.h>.
 * Stability: draft until 1.0.
 */
#ifndef BERTH_RUNTIME_H
#define BERTH_RUNTIME_H

#include <berth/base.h>
#include <berth/code_cache.h>
#include <berth/host.h>

BERTH_BEGIN

typedef struct berth_runtime berth_runtime;

typedef enum berth_report_kind {
    BERTH_REPORT_LOG = 1, /* a native plugin says `text`; `level` is of <berth/plugin.h> */
    BERTH_REPORT_ABANDONED = 2, /* a native plugin was not drained: it stays mapped, and open */
    BERTH_REPORT_KEPT = 3,      /* a native plugin was closed, and is mapped still */
    BERTH_REPORT_VIOLATION = 4, /* a native plugin broke a rule, in a slot that is checked */
    BERTH_REPORT_OVERDUE = 5    /* a call of a native plugin is past its slot's deadline */
} berth_report_kind;

/* What happens to native plugins, as it happens.  Grows at the end only. */
typedef struct berth_report {
    uint32_t size;
    int32_t kind;  /* a berth_report_kind */
    int32_t level; /* BERTH_LOG_ERROR, ... */
    uint32_t reserved;
    const char *tenant, *slot; /* lent until the callback returns, as is all below */
    const char *plugin;        /* its id */
    const char *text;          /* UTF-8, terminated */
    uint64_t text_size;
    uint64_t version; /* 0: it is being installed, and has no number yet */
    /* OVERDUE, else 0 and NULL: the function, the thread as the system numbers it, and for how long
     * it has been inside */
    const char *function;
    uint64_t thread, age_ns;
} berth_report;

/* Called on any thread, also on several at once, with no lock held; it must not call the runtime,
 * unless to read.  A plugin waits until it has returned. */
typedef void (*berth_reporter)(void *ctx, const berth_report *report);

/* With BERTH_REPORT_OVERDUE comes where the thread is.  It is interrupted by SIGURG for that, of which
 * system calls of its plugin may notice something; else nobody's signals are touched. */
enum { BERTH_RUNTIME_BACKTRACES = 1 };

/* Grows at the end only.  0 or NULL in a field means its default. */
typedef struct berth_runtime_options {
    uint32_t size;          /* sizeof(berth_runtime_options), set by the _INIT */
    uint32_t instances_max; /* live core instances of all slots; default 256, at most 4096 */
    const char *engine;     /* "wasmtime" or "interp"; default: the first one built in */
    const berth_allocator *allocator; /* copied; default: the C library's heap */
    uint64_t memory_bytes_max;        /* of any instance's linear memory; default 64 MiB */
    uint32_t table_elements_max;      /* default 10 000 */
    uint32_t stack_bytes_max;         /* of guest frames; default 512 KiB */
    uint32_t slots_max;               /* default 16 384 */
    uint32_t tenant_calls_max;        /* calls in flight per tenant; default 256 */
    uint32_t cache_entries_max;  /* compiled artifacts that no slot uses any more; default 64 */
    uint32_t reserved;           /* 0 */
    uint64_t cache_bytes_max;    /* the same in bytes of code; default 48 MiB */
    uint64_t artifact_bytes_max; /* default 32 MiB */
    berth_host *
        host; /* what components may import; lent until the runtime is gone; default: nothing */
    berth_reporter reporter;      /* default: nobody is told */
    void *reporter_ctx;           /* lent until the runtime is gone */
    uint32_t flags;               /* BERTH_RUNTIME_BACKTRACES */
    uint32_t reserved_too;        /* 0 */
    berth_code_cache *code_cache; /* compiled code of other runtimes; default: none */
    /* The path of berth-trial, for slots with BERTH_SLOT_TRIAL; lent until the runtime is gone; default: where
     * it was installed with the library. */
    const char *trial_program;
} berth_runtime_options;
#define BERTH_RUNTIME_OPTIONS_INIT                                                             \
    BERTH_INIT((uint32_t)sizeof(berth_runtime_options), 0, NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 0, \
               0, NULL, NULL, NULL, 0, 0, NULL, NULL)

/* Starts a runtime: its engine, its ticker thread and its reaper thread.
 * `options` may be NULL for the defaults.  Gives *runtime_out; end it with
 * berth_runtime_destroy().
 * Thread: any.  Blocks: briefly.
 * Fails: BERTH_E_INVALID (a field out of range), BERTH_E_ABSENT (no such engine in this build),
 *        BERTH_E_VERSION, BERTH_E_NOMEM, BERTH_E_OS (threads, or address space for the pool). */
BERTH_API BERTH_CHECKED berth_status berth_runtime_create(const berth_runtime_options *options,
                                                          berth_runtime **runtime_out,
                                                          berth_diag *diag);

/* Evicts every slot, waits until no call is inside, and frees the runtime.  NULL is left alone.
 * Every lease has been returned, every prepared version swapped in or discarded, and every slot
 * handle released; it waits for ever for one that was not.
 * Thread: one.  Blocks: until calls in flight have ended; each is bounded by its deadline. */
BERTH_API void berth_runtime_destroy(berth_runtime *runtime);

/* The name of the engine in use.
 * Lends a static string.  Thread: any.  Blocks: never. */
BERTH_API const char *berth_runtime_engine(const berth_runtime *runtime);

/* From now on, and for the rest of the process, a fatal signal (SEGV, BUS, ILL, FPE, ABRT) on a thread that is
 * in a native plugin writes a line to standard error first, which says in which, and in what function.
 * Then whoever handled the signal before handles it.
 * Thread: any.  Blocks: never.  Fails: BERTH_E_OS. */
BERTH_API BERTH_CHECKED berth_status berth_crash_notes_enable(berth_diag *diag);

BERTH_END
#endif /* BERTH_RUNTIME_H */
