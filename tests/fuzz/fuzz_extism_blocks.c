/* fuzz_extism_blocks.c - the memory that an Extism plugin shares with its host, against a plain model.
 *
 * Every four bytes are an operation.  No two blocks in use overlap: each has at its end what was written into it.
 * One that was freed or never was has no length, and what no block was ever given cannot be read. */
#include <string.h>

#include "compat/extism/blocks.h"
#include "fuzz.h"

enum { LIVE_MAX = 64, SIZE_MAX_HERE = 1 << 9 };

typedef struct live {
    uint64_t at, size;
    uint8_t fill;
} live;

typedef struct model {
    extism_blocks real;
    live blocks[LIVE_MAX];
    unsigned count;
    uint64_t highest;
} model;

static void check_block(const model *m, const live *block)
{
    const uint8_t *bytes = berthi_extism_blocks_span(&m->real, block->at, block->size);

    CHECK(berthi_extism_blocks_size(&m->real, block->at) == block->size);
    CHECK(bytes != NULL);
    /* All bytes are the first, and that is the one that was written. */
    CHECK(bytes[0] == block->fill && memcmp(bytes, bytes + 1, block->size - 1) == 0);
}

static void check_bounds(const model *m)
{
    CHECK(m->real.used >= m->highest);
    CHECK(berthi_extism_blocks_span(&m->real, m->real.used, 1) == NULL);
    CHECK(berthi_extism_blocks_span(&m->real, UINT64_MAX, 2) == NULL);
    CHECK(berthi_extism_blocks_span(&m->real, 16, UINT64_MAX) == NULL);
    CHECK(berthi_extism_blocks_span(&m->real, 1, 1) == NULL);
    CHECK(berthi_extism_blocks_span(&m->real, 8, 8) == NULL);
}

static void allocate(model *m, uint64_t size, uint8_t fill)
{
    uint64_t at = berthi_extism_blocks_alloc(&m->real, size);

    CHECK((at == 0) == (size == 0));
    if (at == 0)
        return;
    CHECK(at % 16 == 0);
    memset(berthi_extism_blocks_span(&m->real, at, size), fill, size);
    m->blocks[m->count++] = (live){ at, size, fill };
    if (at + size > m->highest)
        m->highest = at + size;
}

static void release(model *m, unsigned which)
{
    check_block(m, &m->blocks[which]);
    berthi_extism_blocks_free(&m->real, m->blocks[which].at);
    CHECK(berthi_extism_blocks_size(&m->real, m->blocks[which].at) == 0);
    berthi_extism_blocks_free(&m->real, m->blocks[which].at);
    m->blocks[which] = m->blocks[--m->count];
}

static bool is_block(const model *m, uint64_t at)
{
    for (unsigned i = 0; i < m->count; i++)
        if (m->blocks[i].at == at)
            return true;
    return false;
}

static void operate(model *m, const uint8_t *op)
{
    uint32_t number = (uint32_t)op[1] | (uint32_t)op[2] << 8;

    switch (op[0] % 4) {
    case 0:
    case 1:
        if (m->count < LIVE_MAX)
            allocate(m, op[0] & 4 ? number % 300 : number % SIZE_MAX_HERE, op[3]);
        break;
    case 2:
        if (m->count > 0)
            release(m, number % m->count);
        if (!is_block(m, number)) { /* nothing begins there */
            berthi_extism_blocks_free(&m->real, number);
            CHECK(berthi_extism_blocks_size(&m->real, number) == 0);
        }
        break;
    case 3:
        if (op[1] != 0)
            break;
        for (unsigned i = 0; i < m->count; i++)
            check_block(m, &m->blocks[i]);
        berthi_extism_blocks_reset(&m->real);
        m->count = 0;
        m->highest = 0;
        allocate(m, 1 + op[2], op[3]);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const berthi_service_owner nobody = { .tenant = "t", .slot = "s", .plugin = "p" };
    berthi_services *s = berthi_services_make(&berthi_allocator_libc, NULL, &nobody);
    model m = { .count = 0 };

    if (s == NULL)
        return 0;
    berthi_extism_blocks_init(&m.real, s);
    for (; size >= 4 && size <= 1024; data += 4, size -= 4) {
        operate(&m, data);
        check_bounds(&m);
    }
    for (unsigned i = 0; i < m.count; i++)
        check_block(&m, &m.blocks[i]);
    berthi_extism_blocks_end(&m.real);
    CHECK(s->held == 0);
    berthi_services_end(s);
    return 0;
}
