/* berth_hook.h - what a plugin in C or C++ needs to speak berth-hook/1: this file, and no other.
 *
 *     #include "berth_hook.h"
 *
 *     BERTH_PLUGIN({"name": "echo", "version": "1.0.0", "description": "says it again",
 *                   "hooks": {"echo": {"description": "replies with its input"}}})
 *
 *     BERTH_HOOK(echo, input)
 *     {
 *         return berth_reply_bytes(input.ptr, input.len);
 *     }
 *
 *     clang --target=wasm32 -ffreestanding -nostdlib -O2 -Wl,--no-entry -o echo.wasm echo.c
 *
 * The contract, as the host sees it.  A plugin exports its memory as "memory", the pair
 * `berth_alloc(size, align) -> ptr` and `berth_free(ptr, size, align)`, and one function
 * `berth_hook_<name>(ptr, len) -> i64` for each hook that its metadata names.  It imports nothing.
 *
 *   input   Lies in a buffer that the host took from berth_alloc, once per instance, and takes
 *           again when a longer input comes.  The plugin may write to it and must not free it.
 *           An empty input comes as (0, 0).
 *   reply   ptr << 32 | len, of bytes anywhere in the plugin's memory, the input included.  They
 *           stay the plugin's; the host has read them before it calls again.
 *   drop    The reply (0, 0): the record is left out.  (ptr, 0) is a record of no bytes.
 *   state   What is in memory may or may not be there in the next call: the host may make a new
 *           instance for each call, and always does after a trap.
 *
 * As a component.  With -DBERTH_HOOK_COMPONENT the same source exports each hook as a function of type
 * `func(input: list<u8>) -> result<list<u8>, string>`, and `berth wrap` makes a component of it:
 *
 *     clang --target=wasm32 -ffreestanding -nostdlib -O2 -DBERTH_HOOK_COMPONENT -Wl,--no-entry ...
 *     berth wrap echo.wasm --wit echo.wit -o echo.component.wasm
 *
 * That type has no drop, so berth_reply_drop() is not there; it has an error, which is
 * berth_reply_error().
 *
 * Everything here is weak or inline, so that several files of one plugin may include it.  Define
 * before the #include:
 *   BERTH_HOOK_OWN_ALLOC  when the plugin brings its own berth_alloc and berth_free;
 *   BERTH_HOOK_OWN_MEM    when it brings memcpy, memmove, memset and memcmp (a libc does).
 *
 * C11 or C++11, clang with --target=wasm32 and wasm-ld.
 */
#ifndef BERTH_HOOK_H
#define BERTH_HOOK_H

#include <stddef.h>
#include <stdint.h>

#if !defined(__wasm32__)
#error "berth_hook.h is for plugins: compile with clang --target=wasm32"
#endif

#ifdef __cplusplus
#define BERTH_HOOK_C     extern "C"
#define BERTH_HOOK_BEGIN extern "C" {
#define BERTH_HOOK_END   }
#else
#define BERTH_HOOK_C extern
#define BERTH_HOOK_BEGIN
#define BERTH_HOOK_END
#endif

#define BERTH_HOOK_EXPORT(name) __attribute__((export_name(name), used))
#define BERTH_HOOK_HIDDEN       __attribute__((visibility("hidden")))
#define BERTH_HOOK_WEAK         __attribute__((weak, visibility("hidden")))
#define BERTH_HOOK_PLAIN        BERTH_HOOK_WEAK __attribute__((no_builtin)) /* loops stay loops */

/* ---- metadata ---------------------------------------------------------------------------- */

/* The plugin's metadata, written as JSON, not as a string of it; once in the whole plugin:
 *
 *   name, version  at most 64 of ASCII letters, digits, ".", "_", "-", "+"
 *   description    one line for people
 *   hooks          {NAME: {"description": ..., "probe": ...}}, one for each BERTH_HOOK; "probe" is
 *                  an input that the host tries before the version goes into service (default: an
 *                  empty one); everything else is required
 *
 * It becomes the custom section "berth.plugin.v1", which is no part of the plugin's memory.  The
 * directive is assembly because a section attribute would make a data segment of it.  The variable
 * turns a second BERTH_PLUGIN into a "duplicate symbol" of the linker, and is then thrown away. */
/* clang-format off */
#define BERTH_PLUGIN(...)                                                                      \
    __asm__(".section .custom_section.berth.plugin.v1,\"\",@\n"                                \
            "    .ascii " BERTH_HOOK_QUOTE_(BERTH_HOOK_TEXT_(__VA_ARGS__)) "\n"                \
            "    .text\n");                                                                    \
    BERTH_HOOK_C BERTH_HOOK_HIDDEN const char berth_plugin_is_declared_once;                   \
    const char berth_plugin_is_declared_once = 1;
/* clang-format on */
/* The first makes one string token of the JSON, the second escapes that for the assembler. */
#define BERTH_HOOK_TEXT_(...)  #__VA_ARGS__
#define BERTH_HOOK_QUOTE_(...) BERTH_HOOK_TEXT_(__VA_ARGS__)

/* ---- hooks and replies --------------------------------------------------------------------- */

/* One record as the host handed it over.  ptr is NULL when len is 0. */
typedef struct berth_bytes {
    uint8_t *ptr;
    uint32_t len;
} berth_bytes;

/* What a hook answers; made by the functions below. */
typedef struct berth_reply {
    uint64_t packed;
} berth_reply;

/* The head of a hook; its body follows:  BERTH_HOOK(redact, input) { ... input.ptr ... }  */
#ifndef BERTH_HOOK_COMPONENT
#define BERTH_HOOK(name, input)                                                                \
    static inline berth_reply berth_body_##name(berth_bytes input);                            \
    BERTH_HOOK_C uint64_t berth_hook_##name(uint8_t *ptr, uint32_t len);                       \
    BERTH_HOOK_C BERTH_HOOK_EXPORT("berth_hook_" #name)                                        \
        uint64_t berth_hook_##name(uint8_t *ptr, uint32_t len)                                 \
    {                                                                                          \
        berth_bytes bytes = { ptr, len };                                                      \
        return berth_body_##name(bytes).packed;                                                \
    }                                                                                          \
    static inline berth_reply berth_body_##name(berth_bytes input)
#else
/* Returns where `result<list<u8>, string>` lies, as the canonical ABI has it. */
#define BERTH_HOOK(name, input)                                                                \
    static inline berth_reply berth_body_##name(berth_bytes input);                            \
    BERTH_HOOK_C berth_answer *berth_hook_##name(uint8_t *ptr, uint32_t len);                  \
    BERTH_HOOK_C BERTH_HOOK_EXPORT(#name)                                                      \
        berth_answer *berth_hook_##name(uint8_t *ptr, uint32_t len)                            \
    {                                                                                          \
        berth_bytes bytes = { len == 0 ? NULL : ptr, len };                                    \
        berth_answered.is_error = 0;                                                           \
        berth_reply reply = berth_body_##name(bytes);                                          \
        berth_answered.ptr = (uint32_t)(reply.packed >> 32);                                   \
        berth_answered.len = (uint32_t)reply.packed;                                           \
        return &berth_answered;                                                                \
    }                                                                                          \
    static inline berth_reply berth_body_##name(berth_bytes input)

typedef struct berth_answer {
    uint32_t is_error, ptr, len;
} berth_answer;
BERTH_HOOK_WEAK berth_answer berth_answered = { 0, 0, 0 };
#endif

/* Replies with `len` bytes that stay valid until the next call: static, in a berth_text, or part
 * of the input; never of a local array.  With a `len` of 0 the record stays, and is empty. */
static inline berth_reply berth_reply_bytes(const void *ptr, uint32_t len)
{
    berth_reply reply;
    uintptr_t address = (uintptr_t)ptr;
    if (len == 0 && address == 0)
        address = 16; /* (0, 0) would be a drop, and an empty input comes from address 0 */
    reply.packed = (uint64_t)address << 32 | len;
    return reply;
}

#ifndef BERTH_HOOK_COMPONENT
/* Leaves the record out. */
static inline berth_reply berth_reply_drop(void)
{
    berth_reply reply = { 0 };
    return reply;
}
#endif

/* Gives up: the host sees a trap, counts an error and applies its policy to this record. */
static inline __attribute__((noreturn)) void berth_fail(void)
{
    __builtin_trap();
}

/* This record cannot be done, and why, in UTF-8: the call fails with that text and the instance
 * serves on.  A core module has no such answer; there it is berth_fail(). */
static inline berth_reply berth_reply_error(const char *text, uint32_t len)
{
#ifdef BERTH_HOOK_COMPONENT
    berth_answered.is_error = 1;
    return berth_reply_bytes(text, len);
#else
    (void)text, (void)len;
    berth_fail();
#endif
}

/* ---- memory -------------------------------------------------------------------------------- */

BERTH_HOOK_BEGIN

void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);

#ifndef BERTH_HOOK_OWN_MEM
/* The compiler calls these four by name even in freestanding code.  With -mbulk-memory the
 * builtins are single instructions; without it they would be calls to themselves. */
#if defined(__wasm_bulk_memory__)
BERTH_HOOK_WEAK void *memcpy(void *to, const void *from, size_t n)
{
    return __builtin_memcpy(to, from, n);
}
BERTH_HOOK_WEAK void *memmove(void *to, const void *from, size_t n)
{
    return __builtin_memmove(to, from, n);
}
BERTH_HOOK_WEAK void *memset(void *to, int byte, size_t n)
{
    return __builtin_memset(to, byte, n);
}
#else
BERTH_HOOK_PLAIN void *memmove(void *to, const void *from, size_t n)
{
    unsigned char *d = (unsigned char *)to;
    const unsigned char *s = (const unsigned char *)from;
    if (d < s)
        for (size_t i = 0; i < n; i++)
            d[i] = s[i];
    else
        while (n-- != 0)
            d[n] = s[n];
    return to;
}
BERTH_HOOK_PLAIN void *memcpy(void *to, const void *from, size_t n)
{
    unsigned char *d = (unsigned char *)to;
    const unsigned char *s = (const unsigned char *)from;
    for (; n >= 8; n -= 8, d += 8, s += 8)
        __builtin_memcpy(d, s, 8); /* one load, one store: wasm has no alignment traps */
    while (n-- != 0)
        *d++ = *s++;
    return to;
}
BERTH_HOOK_PLAIN void *memset(void *to, int byte, size_t n)
{
    unsigned char *d = (unsigned char *)to;
    for (size_t i = 0; i < n; i++)
        d[i] = (unsigned char)byte;
    return to;
}
#endif
BERTH_HOOK_PLAIN int memcmp(const void *a, const void *b, size_t n)
{
    const unsigned char *x = (const unsigned char *)a;
    const unsigned char *y = (const unsigned char *)b;
    for (size_t i = 0; i < n; i++)
        if (x[i] != y[i])
            return x[i] < y[i] ? -1 : 1;
    return 0;
}
#endif

void *berth_alloc(size_t size, size_t align);
void berth_free(void *ptr, size_t size, size_t align);

#ifndef BERTH_HOOK_OWN_ALLOC
/* A bump allocator with a list of returned blocks in front of it.  berth_free is told the size,
 * so a block in use has no header; one not in use holds the two words below.  The list is sorted
 * by address, and neighbours are joined.  Everything is a multiple of 16 bytes. */
typedef struct berth_free_block {
    struct berth_free_block *next;
    size_t size;
} berth_free_block;

BERTH_HOOK_WEAK berth_free_block *berth_heap_free = NULL;
BERTH_HOOK_WEAK uintptr_t berth_heap_top = 0; /* 0: not started */
extern unsigned char __heap_base;             /* the linker's: where data ends */

static inline uintptr_t berth_round_up(uintptr_t value, uintptr_t align)
{
    return (value + align - 1) & ~(align - 1);
}

void berth_heap_give(uintptr_t begin, uintptr_t end);

/* Gives [begin, end), both multiples of 16, to the list. */
BERTH_HOOK_WEAK void berth_heap_give(uintptr_t begin, uintptr_t end)
{
    berth_free_block **link = &berth_heap_free;
    berth_free_block *before = NULL;
    berth_free_block *block = (berth_free_block *)begin;

    if (begin == end)
        return;
    while (*link != NULL && (uintptr_t)*link < begin) {
        before = *link;
        link = &before->next;
    }
    block->next = *link;
    block->size = end - begin;
    *link = block;
    if (block->next != NULL && (uintptr_t)block->next == end) {
        block->size += block->next->size;
        block->next = block->next->next;
    }
    if (before != NULL && (uintptr_t)before + before->size == begin) {
        before->size += block->size;
        before->next = block->next;
    }
}

/* Bytes of at least 16's alignment, or NULL when the memory may not grow that far. */
BERTH_HOOK_WEAK BERTH_HOOK_EXPORT("berth_alloc") void *berth_alloc(size_t size, size_t align)
{
    uintptr_t begin, end, limit;

    if (size > 0x7ffffff0u || align > 0x10000u || (align & (align - 1)) != 0)
        return NULL;
    size = size == 0 ? 16 : berth_round_up(size, 16);
    align = align < 16 ? 16 : align;
    for (berth_free_block **link = &berth_heap_free; *link != NULL; link = &(*link)->next) {
        begin = berth_round_up((uintptr_t)*link, align);
        end = (uintptr_t)*link + (*link)->size;
        if (begin <= end && end - begin >= size) {
            uintptr_t front = (uintptr_t)*link;
            *link = (*link)->next;
            berth_heap_give(front, begin);
            berth_heap_give(begin + size, end);
            return (void *)begin;
        }
    }
    if (berth_heap_top == 0)
        berth_heap_top = berth_round_up((uintptr_t)&__heap_base, 16);
    begin = berth_round_up(berth_heap_top, align);
    limit = __builtin_wasm_memory_size(0) << 16; /* 0 when the memory is all of 4 GiB */
    if (begin < berth_heap_top || begin + size < begin || (limit == 0 && begin != 0))
        return NULL;
    if (begin + size > limit &&
        __builtin_wasm_memory_grow(0, (begin + size - limit + 0xffff) >> 16) == (size_t)-1)
        return NULL;
    end = berth_heap_top;
    berth_heap_top = begin + size;
    berth_heap_give(end, begin);
    return (void *)begin;
}

BERTH_HOOK_WEAK BERTH_HOOK_EXPORT("berth_free") void berth_free(void *ptr, size_t size,
                                                                size_t align)
{
    (void)align;
    if (ptr != NULL)
        berth_heap_give((uintptr_t)ptr,
                        (uintptr_t)ptr + (size == 0 ? 16 : berth_round_up(size, 16)));
}
#endif

#ifdef BERTH_HOOK_COMPONENT
/* What the host puts a record into.  There is one in a call and none between calls, so one buffer
 * serves them all, and nothing has to be given back. */
BERTH_HOOK_WEAK berth_bytes berth_input_buffer = { NULL, 0 };
void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size);
BERTH_HOOK_WEAK BERTH_HOOK_EXPORT("cabi_realloc") void *cabi_realloc(void *old, size_t old_size,
                                                                     size_t align, size_t size)
{
    (void)old, (void)old_size;
    if (size == 0)
        return (void *)align;
    if (size > berth_input_buffer.len) {
        berth_free(berth_input_buffer.ptr, berth_input_buffer.len, 16);
        berth_input_buffer.len = 0;
        berth_input_buffer.ptr = (uint8_t *)berth_alloc(size, 16);
        if (berth_input_buffer.ptr == NULL)
            berth_fail();
        berth_input_buffer.len = (uint32_t)size;
    }
    return berth_input_buffer.ptr;
}
#endif

BERTH_HOOK_END

/* ---- text to reply with -------------------------------------------------------------------- */

/* A buffer that grows and is kept from call to call: make it static, start with berth_text_clear,
 * end with berth_reply_text.  What it cannot grow to is a trap, which the host counts. */
typedef struct berth_text {
    uint8_t *ptr;
    uint32_t len;
    uint32_t capacity;
} berth_text;

/* Makes room for `more` bytes behind what is there. */
static inline void berth_text_reserve(berth_text *text, uint32_t more)
{
    uint32_t capacity;
    uint8_t *grown;

    if (more <= text->capacity - text->len)
        return;
    if (more > 0x7fffffffu - text->len)
        berth_fail();
    capacity = text->capacity < 256 ? 256 : text->capacity;
    while (capacity - text->len < more)
        capacity *= 2;
    grown = (uint8_t *)berth_alloc(capacity, 16);
    if (grown == NULL)
        berth_fail();
    memcpy(grown, text->ptr, text->len);
    berth_free(text->ptr, text->capacity, 16);
    text->ptr = grown;
    text->capacity = capacity;
}

static inline void berth_text_clear(berth_text *text)
{
    text->len = 0;
}

static inline void berth_text_put(berth_text *text, const void *ptr, uint32_t len)
{
    berth_text_reserve(text, len);
    memcpy(text->ptr + text->len, ptr, len);
    text->len += len;
}

static inline void berth_text_put_byte(berth_text *text, uint8_t byte)
{
    berth_text_reserve(text, 1);
    text->ptr[text->len++] = byte;
}

/* A string literal, without its zero. */
#define berth_text_put_literal(text, literal)                                                  \
    berth_text_put((text), "" literal, (uint32_t)(sizeof literal - 1))

static inline void berth_text_put_number(berth_text *text, uint64_t number)
{
    uint8_t digits[20];
    uint32_t at = sizeof digits;
    do {
        digits[--at] = (uint8_t)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    berth_text_put(text, digits + at, (uint32_t)sizeof digits - at);
}

static inline berth_reply berth_reply_text(const berth_text *text)
{
    return berth_reply_bytes(text->ptr, text->len);
}

#endif /* BERTH_HOOK_H */
