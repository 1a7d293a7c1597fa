/* tricks.c - a plugin that does what its input's first byte says; the tests of slots use it.
 *
 *   (empty) drop       e  reply with the rest       o  reply with u32 bytes
 *   c  count calls     w  keep the rest in memory   f  find the rest in memory
 *   t  trap            l  loop for ever             s  use up the stack
 *   g  grow memory by u32 pages: reply with the pages there are now
 *   r  reply u64, whatever it is                    n  grow by a page and reply from it
 *   a  what the next berth_alloc does               x  what the next berth_free does
 */
#define BERTH_HOOK_OWN_ALLOC
#include "berth_hook.h"

BERTH_PLUGIN({
    "name" : "tricks",
    "version" : "1.0.0",
    "description" : "does what its input says",
    "hooks" : { "do" : { "description" : "tricks" } }
})

extern uint8_t __heap_base;
static uintptr_t heap_top;
static uintptr_t given_last;
static uint8_t alloc_trick, free_trick;
static uint32_t calls;
static uint8_t small[8];

static void loop(void)
{
    for (;;)
        __asm__ volatile("");
}

static void *bump(size_t size)
{
    uintptr_t at, end, limit = __builtin_wasm_memory_size(0) << 16;

    if (heap_top == 0)
        heap_top = (uintptr_t)&__heap_base;
    at = (heap_top + 15) & ~(uintptr_t)15;
    end = at + size;
    if (end > limit &&
        __builtin_wasm_memory_grow(0, (end - limit + 0xffff) >> 16) == (size_t)-1)
        return NULL;
    heap_top = end;
    given_last = at;
    return (void *)at;
}

BERTH_HOOK_EXPORT("berth_alloc") void *berth_alloc(size_t size, size_t align)
{
    uint8_t trick = alloc_trick;

    (void)align;
    alloc_trick = 0;
    switch (trick) {
    case '0':
        return NULL;
    case 'u':
        return (char *)bump(size + 16) + 1;
    case 'b': /* its end is one byte past the memory's */
        return (void *)(((__builtin_wasm_memory_size(0) << 16) - size + 16) & ~(size_t)15);
    case 'B':
        return (void *)0xfffffff0u;
    case 'o': /* overlaps the block given before */
        return (void *)(given_last + 16);
    case 'l':
        loop();
        return NULL;
    case 't':
        __builtin_trap();
    default:
        return bump(size);
    }
}

BERTH_HOOK_EXPORT("berth_free") void berth_free(void *ptr, size_t size, size_t align)
{
    uint8_t trick = free_trick;

    (void)ptr;
    (void)size;
    (void)align;
    free_trick = 0;
    if (trick == 't')
        __builtin_trap();
    if (trick == 'l')
        loop();
}

static volatile int deep_enough;

/* Frames without anything in memory: it is the engine's stack that ends, not the plugin's. */
static __attribute__((noinline)) uint32_t deep(uint32_t n)
{
    uint32_t below = deep_enough ? n : deep(n + 1);

    __asm__ volatile("" : "+r"(below)); /* no loop will do */
    return below + n;
}

static uint32_t number(berth_bytes in)
{
    uint32_t n = 0;

    if (in.len >= 5)
        memcpy(&n, in.ptr + 1, sizeof n);
    return n;
}

static berth_reply reply_number(uint32_t n)
{
    memcpy(small, &n, sizeof n);
    return berth_reply_bytes(small, sizeof n);
}

static berth_reply reply_much(uint32_t size)
{
    uint8_t *p = bump(size);

    if (p == NULL)
        berth_fail();
    memset(p, 'o', size);
    return berth_reply_bytes(p, size);
}

static berth_reply keep(berth_bytes in)
{
    uint8_t *p = bump(4096 + in.len);

    memcpy(p, in.ptr + 1, in.len - 1);
    return reply_number(1);
}

/* How often the rest of the input is in memory, but for the input itself. */
static berth_reply find(berth_bytes in)
{
    uintptr_t end = __builtin_wasm_memory_size(0) << 16;
    uint32_t size = in.len - 1, found = 0;

    for (uintptr_t at = 16; at + size <= end; at++)
        if (*(uint8_t *)at == in.ptr[1] && (uint8_t *)at != in.ptr + 1 &&
            memcmp((uint8_t *)at, in.ptr + 1, size) == 0)
            found++;
    return reply_number(found);
}

static berth_reply reply_from_new_page(void)
{
    size_t pages = __builtin_wasm_memory_grow(0, 1);
    uint8_t *at = (uint8_t *)(pages << 16);

    if (pages == (size_t)-1)
        berth_fail();
    memcpy(at + 65536 - 9, "new page", 8);
    return berth_reply_bytes(at + 65536 - 9, 9);
}

BERTH_HOOK(do, in)
{
    berth_reply reply;

    calls++;
    if (in.len == 0)
        return berth_reply_drop();
    switch (in.ptr[0]) {
    case 'e':
        return berth_reply_bytes(in.ptr + 1, in.len - 1);
    case 'o':
        return reply_much(number(in));
    case 'c':
        return reply_number(calls);
    case 'w':
        return keep(in);
    case 'f':
        return find(in);
    case 'l':
        loop();
        return berth_reply_drop();
    case 's':
        return reply_number(deep(1));
    case 'g':
        (void)__builtin_wasm_memory_grow(0, number(in));
        return reply_number((uint32_t)__builtin_wasm_memory_size(0));
    case 'r':
        memcpy(&reply.packed, in.ptr + 1, 8);
        return reply;
    case 'n':
        return reply_from_new_page();
    case 'a':
        alloc_trick = in.ptr[1];
        return reply_number(0);
    case 'x':
        free_trick = in.ptr[1];
        return reply_number(0);
    default:
        berth_fail();
    }
}
