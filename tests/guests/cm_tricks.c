/* cm_tricks.c - the core module of a component that does what its input's first byte says.
 *
 *   (empty) reply with nothing    e  reply with the rest          x  the rest is the error
 *   o  reply with u32 bytes       c  count calls                  p  count post-returns
 *   w  keep the rest in memory    f  find the rest in memory      t  trap
 *   l  loop for ever              g  grow memory by u32 pages: reply with the pages there are
 *   d  a result of no case        b  a reply out of bounds        u  an error that is not UTF-8
 *   r  the next realloc does what the second byte says: t trap, l loop, z answer nonsense
 *   q  the next post-return traps
 */
#include <stddef.h>
#include <stdint.h>

#define EXPORT(name) __attribute__((export_name(name)))

extern uint8_t __heap_base;
static uintptr_t heap_top;
static uint32_t calls, post_returns;
static uint8_t realloc_trick, post_trick, small[8], kept[64];

/* result<list<u8>, string> as the canonical ABI stores it */
static struct {
    uint32_t is_error;
    const void *data;
    uint32_t size;
} result;

static void loop(void)
{
    for (;;)
        __asm__ volatile("");
}

static void *bump(size_t size)
{
    uintptr_t at, end;

    if (heap_top == 0)
        heap_top = (uintptr_t)&__heap_base;
    at = (heap_top + 15) & ~(uintptr_t)15;
    end = at + size;
    while (end > (uintptr_t)__builtin_wasm_memory_size(0) << 16)
        if (__builtin_wasm_memory_grow(0, 1) == SIZE_MAX)
            __builtin_trap();
    heap_top = end;
    return (void *)at;
}

EXPORT("cabi_realloc") void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size)
{
    uint8_t trick = realloc_trick;

    (void)old;
    (void)old_size;
    (void)align;
    realloc_trick = 0;
    if (trick == 't')
        __builtin_trap();
    if (trick == 'l')
        loop();
    return trick == 'z' ? (void *)(uintptr_t)0xfffffff0 : bump(size);
}

static uint32_t number_at(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static const void *reply(const void *data, size_t size)
{
    result.is_error = 0;
    result.data = data;
    result.size = size;
    return &result;
}

static const void *reply_number(uint32_t number)
{
    for (int i = 0; i < 8; i++)
        small[i] = i < 4 ? (uint8_t)(number >> 8 * i) : 0;
    return reply(small, sizeof small);
}

static const void *find(const uint8_t *what, size_t size)
{
    const uint8_t *end = (const uint8_t *)(__builtin_wasm_memory_size(0) << 16);

    for (const uint8_t *p = (const uint8_t *)16; p + size < end; p++) {
        size_t same = 0;

        while (same < size && p[same] == what[same])
            same++;
        if (same == size && (p + size <= what || p >= what + size))
            return reply_number(1);
    }
    return reply_number(0);
}

EXPORT("do") const void *cm_do(const uint8_t *in, size_t size)
{
    calls++;
    if (size == 0)
        return reply(NULL, 0);
    switch (in[0]) {
    case 'e':
        return reply(in + 1, size - 1);
    case 'x':
        (void)reply(in + 1, size - 1);
        result.is_error = 1;
        return &result;
    case 'o':
        return reply(bump(number_at(in + 1)), number_at(in + 1));
    case 'c':
        return reply_number(calls);
    case 'p':
        return reply_number(post_returns);
    case 'w':
        for (size_t i = 1; i < size && i <= sizeof kept; i++)
            kept[i - 1] = in[i];
        return reply(NULL, 0);
    case 'f':
        return find(in + 1, size - 1);
    case 'l':
        loop();
        break;
    case 'g':
        (void)__builtin_wasm_memory_grow(0, number_at(in + 1));
        return reply_number(__builtin_wasm_memory_size(0));
    case 'd':
        (void)reply(NULL, 0);
        result.is_error = 2;
        return &result;
    case 'b':
        return reply((const void *)(uintptr_t)0xfffffff0, 64);
    case 'u':
        (void)reply("\xff", 1);
        result.is_error = 1;
        return &result;
    case 'r':
        realloc_trick = in[1];
        return reply(NULL, 0);
    case 'q':
        post_trick = 1;
        return reply(NULL, 0);
    default:
        __builtin_trap();
    }
    return &result;
}

/* func(list<u8>) -> list<u8>: the input without its first byte; 't' traps, 'l' loops. */
EXPORT("tail") const void *cm_tail(const uint8_t *in, size_t size)
{
    if (size > 0 && (in[0] == 't' || in[0] == 'l'))
        (void)cm_do(in, size);
    (void)reply(in + 1, size == 0 ? 0 : size - 1);
    return &result.data;
}

EXPORT("cabi_post_tail") void cabi_post_tail(const void *returned)
{
    (void)returned;
    heap_top = 0;
}

EXPORT("cabi_post_do") void cabi_post_do(const void *returned)
{
    (void)returned;
    if (post_trick)
        __builtin_trap();
    post_returns++;
    heap_top = 0;
}
