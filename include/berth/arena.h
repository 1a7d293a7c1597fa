/* berth/arena.h - where replies are put: memory that is handed out in order and reset at once.
 *
 * A caller keeps one arena per thread, resets it when it is done with the replies of a call or
 * of a batch of calls, and so never allocates once the arena has grown to what it needs.
 * Words: <berth/base.h>.  Stability: draft until 1.0.
 */
#ifndef BERTH_ARENA_H
#define BERTH_ARENA_H

#include <berth/base.h>

BERTH_BEGIN

typedef struct berth_arena berth_arena;

/* Makes an arena.  `allocator` may be NULL for the C library's heap; it is copied.
 * `bytes_first` is reserved now (0: 4096).  Gives *arena_out; end it with berth_arena_destroy().
 * Thread: any.  Blocks: never.  Fails: BERTH_E_INVALID, BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_arena_create(const berth_allocator *allocator,
                                                        size_t bytes_first,
                                                        berth_arena **arena_out,
                                                        berth_diag *diag);

/* Frees the arena and all that it handed out.  NULL is left alone.
 * Thread: one.  Blocks: never. */
BERTH_API void berth_arena_destroy(berth_arena *arena);

/* Takes back everything that was handed out; keeps the memory for the next use, as one piece.
 * Thread: one.  Blocks: never.  Allocates: only when the last use needed more than one piece. */
BERTH_API void berth_arena_reset(berth_arena *arena);

/* `size` bytes aligned to 16, not cleared; NULL when out of memory.
 * Lends them until the arena is reset or destroyed.
 * Thread: one.  Blocks: never. */
BERTH_API void *berth_arena_alloc(berth_arena *arena, size_t size);

BERTH_END
#endif /* BERTH_ARENA_H */
