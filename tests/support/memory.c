/* memory.c - the heap behind memory.h, on top of malloc(). */
#include "memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TAIL_SIZE = 16, NEW_FILL = 0xA5, FREED_FILL = 0xDD, TAIL_FILL = 0x5C };

typedef struct block {
    _Alignas(16) bertht_memory *owner;
    size_t size;
    uint64_t canary;
} block;

static const uint64_t alive = 0x6c69766562657274u, dead = 0x6465616462657274u;

static void die(const char *what, const void *p)
{
    fprintf(stderr, "memory: block %p %s\n", p, what);
    abort();
}

static void *memory_alloc(void *ctx, size_t size)
{
    bertht_memory *m = ctx;
    size_t call = atomic_fetch_add(&m->calls, 1);
    size_t fail_at = atomic_load(&m->fail_at); /* a reaper may allocate while a test sets it */
    block *b = NULL;

    if (call != fail_at && !(atomic_load(&m->fail_sticky) && call > fail_at) &&
        size <= SIZE_MAX - sizeof *b - TAIL_SIZE &&
        (m->bytes_max == 0 || size <= m->bytes_max - atomic_load(&m->live_bytes)))
        b = malloc(sizeof *b + size + TAIL_SIZE);
    if (b == NULL) {
        atomic_fetch_add(&m->failures, 1);
        return NULL;
    }
    *b = (block){ m, size, alive };
    memset(b + 1, NEW_FILL, size);
    memset((unsigned char *)(b + 1) + size, TAIL_FILL, TAIL_SIZE);
    atomic_fetch_add(&m->live_bytes, size);
    atomic_fetch_add(&m->live_blocks, 1);
    return b + 1;
}

static void memory_free(void *ctx, void *p, size_t size)
{
    bertht_memory *m = ctx;
    block *b = (block *)p - 1;
    const unsigned char *tail = (unsigned char *)p + size;

    if (b->canary == dead)
        die("is freed twice", p);
    if (b->canary != alive)
        die("was written in front of its start", p);
    if (b->owner != m)
        die("belongs to another heap", p);
    if (b->size != size)
        die("is freed with a size it was not made with", p);
    for (size_t i = 0; i < TAIL_SIZE; i++)
        if (tail[i] != TAIL_FILL)
            die("was written past its end", p);
    b->canary = dead;
    memset(p, FREED_FILL, size);
    atomic_fetch_sub(&m->live_bytes, size);
    atomic_fetch_sub(&m->live_blocks, 1);
    free(b);
}

void memory_init(bertht_memory *m)
{
    *m = (bertht_memory){ .fail_at = MEMORY_NEVER };
}

void memory_fail(bertht_memory *m, size_t nth, bool sticky)
{
    atomic_store(&m->calls, 0);
    atomic_store(&m->failures, 0);
    atomic_store(&m->fail_at, nth);
    atomic_store(&m->fail_sticky, sticky);
}

berth_allocator memory_allocator(bertht_memory *m)
{
    return (berth_allocator){ m, memory_alloc, memory_free };
}

void memory_assert_empty(const bertht_memory *m)
{
    assert_int_equal(atomic_load(&m->live_blocks), 0);
    assert_int_equal(atomic_load(&m->live_bytes), 0);
}
