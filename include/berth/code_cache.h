/* berth/code_cache.h - compiled code for several runtimes of one process.
 *
 * Each runtime keeps the compiled artifacts of its own slots.  Runtimes that are given one code cache
 * compile each content once between them: the first to need it compiles, those that need it meanwhile
 * wait, and the others load what was kept.  Code goes from one runtime to another only where engine,
 * version, settings and processor are the same.  The interpreter keeps nothing: it has no code.
 * Words: <berth/base.h>.  Stability: draft until 1.0.
 */
#ifndef BERTH_CODE_CACHE_H
#define BERTH_CODE_CACHE_H

#include <berth/base.h>

BERTH_BEGIN

typedef struct berth_code_cache berth_code_cache;

typedef struct berth_code_cache_options {
    uint32_t size;                    /* sizeof(berth_code_cache_options), set by the _INIT */
    uint32_t entries_max;             /* compiled modules that are kept; default 256 */
    uint64_t bytes_max;               /* the same in bytes of code; default 256 MiB */
    const berth_allocator *allocator; /* copied; default: the C library's heap */
} berth_code_cache_options;
#define BERTH_CODE_CACHE_OPTIONS_INIT                                                          \
    BERTH_INIT((uint32_t)sizeof(berth_code_cache_options), 0, 0, NULL)

/* Makes an empty cache, for `code_cache` of berth_runtime_options.  `options` may be NULL.  Past either
 * bound what was used longest ago goes; a module that alone is past it is not kept.
 * Gives *cache_out; end it with berth_code_cache_destroy().
 * Thread: any.  Blocks: never.  Fails: BERTH_E_INVALID, BERTH_E_VERSION, BERTH_E_NOMEM,
 * BERTH_E_OS. */
BERTH_API BERTH_CHECKED berth_status berth_code_cache_create(
    const berth_code_cache_options *options, berth_code_cache **cache_out, berth_diag *diag);

/* Takes the cache; runtimes that were given it keep it until they are gone.  NULL is left alone.
 * Thread: any.  Blocks: briefly. */
BERTH_API void berth_code_cache_destroy(berth_code_cache *cache);

/* Grows at the end only; set `size`. */
typedef struct berth_code_cache_stats {
    uint32_t size;
    uint32_t entries;   /* kept now */
    uint64_t bytes;     /* the same, of their code */
    uint64_t stored;    /* modules that were compiled and then kept */
    uint64_t loads;     /* modules that a runtime got without compiling */
    uint64_t evictions; /* gone for want of room */
    uint64_t refused;   /* found altered, or not taken by the engine: compiled anew */
} berth_code_cache_stats;
#define BERTH_CODE_CACHE_STATS_INIT                                                            \
    BERTH_INIT((uint32_t)sizeof(berth_code_cache_stats), 0, 0, 0, 0, 0, 0)

/* Fills *stats.  Thread: any.  Blocks: briefly.  Fails: BERTH_E_INVALID, BERTH_E_VERSION. */
BERTH_API BERTH_CHECKED berth_status berth_code_cache_stats_read(berth_code_cache *cache,
                                                                 berth_code_cache_stats *stats,
                                                                 berth_diag *diag);

BERTH_END
#endif /* BERTH_CODE_CACHE_H */
