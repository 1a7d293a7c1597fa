/* base/alloc.h - the only door to memory.  Layer: base. */
#ifndef BERTHI_BASE_ALLOC_H
#define BERTHI_BASE_ALLOC_H

#include <stdbool.h>
#include <string.h>

#include <berth/base.h>

/* A function on the call path whose only array is two cells of fixed size: the compiler's stack
 * guard would cost it a tenth of a nanosecond budget that is all the library adds. */
#if defined(__has_attribute)
#if __has_attribute(no_stack_protector)
#define BERTHI_UNGUARDED __attribute__((no_stack_protector))
#endif
#endif
#ifndef BERTHI_UNGUARDED
#define BERTHI_UNGUARDED
#endif

/* The C library's heap; what a runtime uses when its owner names nothing else. */
extern const berth_allocator berthi_allocator_libc;

static inline void *berthi_alloc(const berth_allocator *a, size_t size)
{
    return a->alloc(a->ctx, size);
}

static inline void *berthi_zalloc(const berth_allocator *a, size_t size)
{
    void *p = a->alloc(a->ctx, size);
    return p == NULL ? NULL : memset(p, 0, size);
}

static inline void berthi_free(const berth_allocator *a, void *p, size_t size)
{
    if (p != NULL)
        a->free(a->ctx, p, size);
}

/* `count` zeroed elements; NULL when out of memory or when the product overflows. */
static inline void *berthi_zalloc_array(const berth_allocator *a, size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    return berthi_zalloc(a, bytes == 0 ? 1 : bytes);
}

static inline void berthi_free_array(const berth_allocator *a, void *p, size_t count,
                                     size_t size)
{
    berthi_free(a, p, count * size == 0 ? 1 : count * size);
}

/* A terminated copy of size+1 bytes. */
static inline char *berthi_strndup(const berth_allocator *a, const char *s, size_t size)
{
    char *p = a->alloc(a->ctx, size + 1);

    if (p == NULL)
        return NULL;
    memcpy(p, s, size);
    p[size] = '\0';
    return p;
}

/* Zeroed, at a multiple of `align` (a power of two, at most 4096).  *memory_out is what
 * berthi_free_aligned() needs. */
static inline void *berthi_zalloc_aligned(const berth_allocator *a, size_t size, size_t align,
                                          void **memory_out)
{
    unsigned char *memory = size > SIZE_MAX - align ? NULL : berthi_zalloc(a, size + align);

    if (memory == NULL)
        return NULL;
    *memory_out = memory;
    return memory + (align - (uintptr_t)memory % align);
}

static inline void berthi_free_aligned(const berth_allocator *a, void *memory, size_t size,
                                       size_t align)
{
    berthi_free(a, memory, size + align);
}

/* Memory that is freed all at once: what one artifact's description or one parse needs. */
typedef struct berthi_arena {
    const berth_allocator *allocator; /* lent */
    struct berthi_arena_chunk *chunks;
    size_t bytes;     /* handed out and held by the chunks */
    size_t bytes_max; /* refuses past this; SIZE_MAX: none */
} berthi_arena;

void berthi_arena_init(berthi_arena *arena, const berth_allocator *a, size_t bytes_max);
void berthi_arena_fini(berthi_arena *arena); /* frees everything; the arena may be used again */

/* Zeroed, aligned to 16.  NULL when out of memory or past bytes_max. */
void *berthi_arena_alloc(berthi_arena *arena, size_t size);
void *berthi_arena_array(berthi_arena *arena, size_t count, size_t size);
char *berthi_arena_strndup(berthi_arena *arena, const char *s, size_t size);

#endif
