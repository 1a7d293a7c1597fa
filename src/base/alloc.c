/* alloc.c - the C library's heap as an allocator, and arenas.  Layer: base. */
#include "base/alloc.h"

#include <assert.h>
#include <stdlib.h>

#include "base/instrument.h"

#ifndef __has_feature
#define __has_feature(name) 0
#endif
#if defined __SANITIZE_ADDRESS__ || __has_feature(address_sanitizer)
/* An arena's blocks lie in one allocation, in which AddressSanitizer sees nothing by itself: what no
 * block has is poisoned, and behind each block there is a gap. */
#include <sanitizer/asan_interface.h>
#define POISON(p, size)   __asan_poison_memory_region(p, size)
#define UNPOISON(p, size) __asan_unpoison_memory_region(p, size)
#define GAP               16
#else
#define POISON(p, size)   ((void)(p), (void)(size))
#define UNPOISON(p, size) ((void)(p), (void)(size))
#define GAP               0
#endif

static void *libc_alloc(void *ctx, size_t size)
{
    void *p = malloc(size);

    (void)ctx;
    if (p != NULL)
        berthi_uninitialized(p, size);
    return p;
}

static void libc_free(void *ctx, void *ptr, size_t size)
{
    (void)ctx;
    (void)size;
    free(ptr);
}

const berth_allocator berthi_allocator_libc = { NULL, libc_alloc, libc_free };

enum { CHUNK_SIZE_MIN = 4096, ALIGNMENT = 16 };

typedef struct berthi_arena_chunk {
    struct berthi_arena_chunk *next;
    size_t size, used; /* of the bytes behind this head */
} berthi_arena_chunk;

_Static_assert(sizeof(berthi_arena_chunk) <= 2 * ALIGNMENT, "the head keeps the alignment");
#define HEAD_SIZE ((sizeof(berthi_arena_chunk) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT)

void berthi_arena_init(berthi_arena *arena, const berth_allocator *a, size_t bytes_max)
{
    *arena = (berthi_arena){ .allocator = a, .bytes_max = bytes_max };
}

void berthi_arena_fini(berthi_arena *arena)
{
    berthi_arena_chunk *chunk = arena->chunks, *next;

    for (; chunk != NULL; chunk = next) {
        next = chunk->next;
        UNPOISON((unsigned char *)chunk + HEAD_SIZE, chunk->size);
        berthi_free(arena->allocator, chunk, HEAD_SIZE + chunk->size);
    }
    arena->chunks = NULL;
    arena->bytes = 0;
}

static berthi_arena_chunk *add_chunk(berthi_arena *arena, size_t size)
{
    size_t want = size < CHUNK_SIZE_MIN ? CHUNK_SIZE_MIN : size;
    berthi_arena_chunk *chunk;

    if (want > arena->bytes_max - arena->bytes)
        want = size; /* the last chunk before the bound may be smaller than usual */
    if (want > arena->bytes_max - arena->bytes || want > SIZE_MAX - HEAD_SIZE)
        return NULL;
    chunk = berthi_alloc(arena->allocator, HEAD_SIZE + want);
    if (chunk == NULL)
        return NULL;
    *chunk = (berthi_arena_chunk){ .next = arena->chunks, .size = want };
    arena->chunks = chunk;
    arena->bytes += want;
    POISON((unsigned char *)chunk + HEAD_SIZE, want);
    return chunk;
}

void *berthi_arena_alloc(berthi_arena *arena, size_t size)
{
    berthi_arena_chunk *chunk = arena->chunks;
    size_t room, left;
    void *p;

    if (size > SIZE_MAX - ALIGNMENT)
        return NULL;
    room = size == 0 ? ALIGNMENT : (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (chunk == NULL || chunk->size - chunk->used < room)
        chunk = add_chunk(arena, room);
    if (chunk == NULL)
        return NULL;
    p = (unsigned char *)chunk + HEAD_SIZE + chunk->used;
    left = chunk->size - chunk->used;
    chunk->used += room + (left - room > GAP ? GAP : left - room);
    UNPOISON(p, size);
    return memset(p, 0, size);
}

void *berthi_arena_array(berthi_arena *arena, size_t count, size_t size)
{
    size_t bytes;

    return __builtin_mul_overflow(count, size, &bytes) ? NULL
                                                       : berthi_arena_alloc(arena, bytes);
}

char *berthi_arena_strndup(berthi_arena *arena, const char *s, size_t size)
{
    char *p = size == SIZE_MAX ? NULL : berthi_arena_alloc(arena, size + 1);

    return p == NULL ? NULL : memcpy(p, s, size);
}
