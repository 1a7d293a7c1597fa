/* tests/support/memory.h - a heap that counts, fails on demand and notices misuse.
 *
 * Every block stands between two canaries.  A block that was written past its ends, freed twice,
 * freed into another heap or freed with a size it was not made with ends the program with a
 * message.  New blocks are filled with 0xA5 and freed ones with 0xDD, so that reading either
 * shows.  Thread: any.
 */
#ifndef BERTHT_MEMORY_H
#define BERTHT_MEMORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include <berth/base.h>

typedef struct bertht_memory {
    _Atomic(size_t) live_bytes, live_blocks;
    _Atomic(size_t) calls;     /* allocations asked for, also failed ones */
    _Atomic(size_t) failures;  /* allocations refused */
    _Atomic(size_t) fail_at;   /* the allocation that fails, from 0; MEMORY_NEVER */
    _Atomic(bool) fail_sticky; /* and every later one */
    size_t bytes_max;          /* a heap of this many bytes; 0: no bound */
} bertht_memory;

#define MEMORY_NEVER SIZE_MAX

void memory_init(bertht_memory *m);                          /* nothing fails */
void memory_fail(bertht_memory *m, size_t nth, bool sticky); /* counts from now on */
berth_allocator memory_allocator(bertht_memory *m);

/* The test fails unless every block was freed. */
void memory_assert_empty(const bertht_memory *m);

#endif
