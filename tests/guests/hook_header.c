/* hook_header.c - tests guest/berth_hook.h from inside: each hook replies "ok" or what is wrong. */
#include "berth_hook.h"

BERTH_PLUGIN({
    "name" : "hook-header",
    "version" : "1.0.0",
    "description" : "a \"quoted\" word, a back\\slash, \u00e9 and é",
    "hooks" : {
        "heap" : { "description" : "random berth_alloc and berth_free; nothing overlaps" },
        "exhaust" : { "description" : "all memory taken, given back, and taken again" },
        "text" : { "description" : "a text that grows, and numbers" },
        "memory" : { "description" : "memcpy, memmove, memset and memcmp" },
        "fail" : { "description" : "gives up, but for its probe", "probe" : "well" }
    }
})

enum { BLOCKS = 64 };

typedef struct block {
    uint8_t *ptr;
    size_t size;
    uint8_t fill;
} block;

static block blocks[BLOCKS];
static uint32_t seed = 1;

static uint32_t next_random(void)
{
    seed ^= seed << 13; /* xorshift: a linear congruence repeats too soon in its low bits */
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed;
}

static berth_reply say(const char *text)
{
    uint32_t len = 0;
    while (text[len] != '\0')
        len++;
    return berth_reply_bytes(text, len);
}

static int is_intact(const block *b)
{
    for (size_t i = 0; i < b->size; i++)
        if (b->ptr[i] != b->fill)
            return 0;
    return 1;
}

static const char *replace_block(block *b)
{
    size_t align = (size_t)1 << next_random() % 9;

    if (b->ptr != NULL && !is_intact(b))
        return "a block was written to by another";
    if (b->ptr != NULL)
        berth_free(b->ptr, b->size, align);
    b->size = next_random() % 700;
    b->fill = (uint8_t)next_random();
    b->ptr = (uint8_t *)berth_alloc(b->size, align);
    if (b->ptr == NULL)
        return "no memory for a small block";
    if ((uintptr_t)b->ptr % align != 0 || (uintptr_t)b->ptr % 16 != 0)
        return "a block is not aligned";
    memset(b->ptr, b->fill, b->size);
    return NULL;
}

BERTH_HOOK(heap, input)
{
    size_t pages = 0;

    (void)input;
    for (uint32_t round = 0; round < 20000; round++) {
        const char *wrong = replace_block(&blocks[next_random() % BLOCKS]);
        if (wrong != NULL)
            return say(wrong);
        if (round == 10000)
            pages = __builtin_wasm_memory_size(0);
    }
    for (uint32_t i = 0; i < BLOCKS; i++) {
        if (blocks[i].ptr != NULL && !is_intact(&blocks[i]))
            return say("a block was written to by another");
        berth_free(blocks[i].ptr, blocks[i].size, 16);
        blocks[i].ptr = NULL;
    }
    if (__builtin_wasm_memory_size(0) > pages + 1)
        return say("the heap grows though as much is given back as is taken");
    /* The host's input buffer lies below; all else is one block again, and nothing is missing. */
    if (berth_heap_free->next != NULL ||
        (uintptr_t)berth_heap_free + berth_heap_free->size != berth_heap_top)
        return say("not everything that was given back is there");
    return say("ok");
}

/* Takes 1 MiB blocks until there are no more; gives the number, and all of them back. */
static uint32_t take_all(void)
{
    void *first = NULL;
    uint32_t count = 0;

    for (;;) {
        void **mib = (void **)berth_alloc(1 << 20, 16);
        if (mib == NULL)
            break;
        *mib = first;
        first = mib;
        count++;
    }
    while (first != NULL) {
        void *next = *(void **)first;
        berth_free(first, 1 << 20, 16);
        first = next;
    }
    return count;
}

BERTH_HOOK(exhaust, input)
{
    uint32_t count;

    if (input.len == 0)
        return say("ok"); /* the probe need not take all memory */
    count = take_all();
    if (count < 8)
        return say("less than 8 MiB were there");
    if (take_all() != count)
        return say("not all of it came back");
    /* Given back in any order, neighbours join: one block of nearly everything. */
    if (berth_alloc((size_t)(count > 1024 ? 1024 : count - 1) << 20, 16) == NULL)
        return say("the blocks did not join");
    if (berth_alloc(0x80000000u, 16) != NULL || berth_alloc(0xffffffffu, 16) != NULL)
        return say("more than the memory was there");
    if (berth_alloc(16, 3) != NULL || berth_alloc(16, 0x20000) != NULL)
        return say("a nonsense alignment was accepted");
    return say("ok");
}

BERTH_HOOK(text, input)
{
    static berth_text text;

    berth_text_clear(&text);
    for (uint32_t i = 0; i < 3000; i++)
        berth_text_put_literal(&text, "0123456789");
    if (text.len != 30000 || text.ptr[29999] != '9' || text.ptr[12345] != '5')
        return say("the text lost something when it grew");
    berth_text_clear(&text);
    berth_text_put_number(&text, 0);
    berth_text_put_byte(&text, ' ');
    berth_text_put_number(&text, UINT64_MAX);
    if (text.len != 22 || memcmp(text.ptr, "0 18446744073709551615", 22) != 0)
        return say("a number is not what it was");
    if (berth_reply_text(&text).packed != ((uint64_t)(uintptr_t)text.ptr << 32 | 22))
        return say("the reply is packed wrongly");
    berth_text_clear(&text);
    if (berth_reply_text(&text).packed != (uint64_t)(uintptr_t)text.ptr << 32 ||
        berth_reply_bytes(NULL, 0).packed >> 32 == 0 ||
        (uint32_t)berth_reply_bytes(NULL, 0).packed != 0)
        return say("an empty record is not (ptr, 0)");
    if (berth_reply_drop().packed != 0)
        return say("a drop is not (0, 0)");
    if (input.len == 0 && input.ptr != NULL)
        return say("an empty input has an address");
    return say("ok");
}

BERTH_HOOK(memory, input)
{
    static uint8_t a[300], b[300];

    (void)input;
    for (uint32_t len = 0; len < 40; len++) {
        for (uint32_t i = 0; i < sizeof a; i++)
            a[i] = (uint8_t)(i * 7);
        memset(b, 0xaa, sizeof b);
        memcpy(b + 3, a + 1, len);
        if (memcmp(b + 3, a + 1, len) != 0 || b[2] != 0xaa || b[3 + len] != 0xaa)
            return say("memcpy copies something else");
        memmove(a + 5, a, len);
        memmove(a, a + 5, len);
        for (uint32_t i = 0; i < len; i++)
            if (a[i] != (uint8_t)(i * 7))
                return say("memmove does not mind the overlap");
    }
    if (memcmp("a", "b", 1) >= 0 || memcmp("b", "a", 1) <= 0 || memcmp("\xff", "a", 1) <= 0)
        return say("memcmp has another order");
    return say("ok");
}

BERTH_HOOK(fail, input)
{
    if (input.len != 4)
        berth_fail();
    return berth_reply_bytes(input.ptr, input.len);
}
