/* base/reply_arena.h - the inside of berth_arena, for the call path.  Layer: base. */
#ifndef BERTHI_BASE_REPLY_ARENA_H
#define BERTHI_BASE_REPLY_ARENA_H

#include <berth/arena.h>

typedef struct berthi_piece {
    struct berthi_piece *next;
    size_t size; /* of the bytes behind this head */
} berthi_piece;

struct berth_arena {
    unsigned char *at, *end; /* the free rest of the newest piece; at is aligned to 16 */
    berthi_piece *pieces;    /* newest first */
    berth_allocator allocator;
};

void *berthi_reply_arena_grow(berth_arena *arena, size_t size);

static inline void *berthi_reply_arena_alloc(berth_arena *arena, size_t size)
{
    unsigned char *p = arena->at;
    size_t room = (size_t)(arena->end - p);

    if (__builtin_expect(size > room, 0))
        return berthi_reply_arena_grow(arena, size);
    size = (size + 15) & ~(size_t)15; /* pieces are multiples of 16, so this still fits */
    arena->at = p + size;
    return p;
}

#endif
