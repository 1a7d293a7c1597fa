/* blocks.c - the memory that an Extism plugin and its host share.  Layer: compat. */
#include "compat/extism/blocks.h"

enum {
    FIRST = EXTISM_BLOCKS_FIRST,
    GRAIN = 16,
    ROOM_FIRST = 4096,
    BLOCKS_FIRST = 32,
    ROOM_KEPT = 1 << 20
};

void berthi_extism_blocks_init(extism_blocks *b, berthi_services *services)
{
    *b = (extism_blocks){ .services = services, .used = FIRST };
}

void berthi_extism_blocks_end(extism_blocks *b)
{
    const berth_allocator *a = b->services->allocator;
    size_t table = b->blocks_room * sizeof *b->blocks;

    berthi_free(a, b->bytes, b->room);
    berthi_free(a, b->blocks, table);
    berthi_services_let_go(b->services, b->room + table);
    berthi_extism_blocks_init(b, b->services);
}

void berthi_extism_blocks_reset(extism_blocks *b)
{
    if (b->count == 0)
        return;
    if (b->room > ROOM_KEPT) {
        berthi_extism_blocks_end(b);
        return;
    }
    memset(b->bytes + FIRST, 0, b->used - FIRST);
    b->used = FIRST;
    b->count = 0;
    memset(b->free_first, 0, sizeof b->free_first);
}

/* The same, with more room behind it.  False: what it is made of is left as it was. */
static bool grow(extism_blocks *b, void **memory, size_t used, size_t room, size_t more)
{
    const berth_allocator *a = b->services->allocator;
    uint8_t *next;

    if (!berthi_services_hold(b->services, more))
        return false;
    next = berthi_alloc(a, more);
    if (next == NULL) {
        berthi_services_let_go(b->services, more);
        return false;
    }
    if (used != 0)
        memcpy(next, *memory, used);
    memset(next + used, 0, more - used);
    berthi_free(a, *memory, room);
    berthi_services_let_go(b->services, room);
    *memory = next;
    return true;
}

static bool make_room(extism_blocks *b, uint64_t size)
{
    uint64_t need = b->used + size, room = b->room == 0 ? ROOM_FIRST : b->room;
    void *bytes = b->bytes, *blocks = b->blocks;

    while (room < need)
        room *= 2;
    if (room > b->room) {
        if (!grow(b, &bytes, b->bytes == NULL ? 0 : b->used, b->room, room))
            return false;
        b->bytes = bytes;
        b->room = (uint32_t)room;
    }
    if (b->count < b->blocks_room)
        return true;
    room = b->blocks_room == 0 ? BLOCKS_FIRST : 2 * (uint64_t)b->blocks_room;
    if (!grow(b, &blocks, b->count * sizeof *b->blocks, b->blocks_room * sizeof *b->blocks,
              room * sizeof *b->blocks))
        return false;
    b->blocks = blocks;
    b->blocks_room = (uint32_t)room;
    return true;
}

/* Classes of room: 16, 32, 48, 64 bytes, and then four for each doubling, so that a quarter is wasted at
 * most and a block that was freed serves whoever asks for as much. */
static uint32_t class_of(uint64_t size, uint64_t *room_out)
{
    uint64_t grains = (size + GRAIN - 1) / GRAIN, step;
    unsigned doubling;

    if (grains <= 4) {
        *room_out = grains * GRAIN;
        return (uint32_t)grains - 1;
    }
    doubling = 63 - (unsigned)__builtin_clzll(grains - 1); /* 2^doubling < grains */
    step = UINT64_C(1) << (doubling - 2);
    grains = (grains + step - 1) / step * step;
    *room_out = grains * GRAIN;
    return 4 * (doubling - 1) + (uint32_t)(grains / step) - 5;
}

uint64_t berthi_extism_blocks_alloc(extism_blocks *b, uint64_t size)
{
    extism_block *block;
    uint32_t class, first;
    uint64_t room;

    if (size == 0 || size > BERTHI_SERVICE_HELD_MAX)
        return 0;
    class = class_of(size, &room);
    first = b->free_first[class];
    if (first != 0) {
        block = &b->blocks[first - 1];
        b->free_first[class] = block->next;
    } else {
        if (!make_room(b, room))
            return 0;
        block = &b->blocks[b->count++];
        *block = (extism_block){ .at = b->used, .class = (uint8_t) class };
        b->used += (uint32_t)room;
    }
    block->size = (uint32_t)size;
    block->is_free = false;
    return block->at;
}

uint64_t berthi_extism_blocks_put(extism_blocks *b, const void *data, size_t size)
{
    uint64_t at = berthi_extism_blocks_alloc(b, size);

    if (at != 0)
        memcpy(b->bytes + at, data, size);
    return at;
}

/* The block in use that begins there, or NULL. */
static extism_block *find(const extism_blocks *b, uint64_t at)
{
    uint32_t low = 0, high = b->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (b->blocks[middle].at < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low < b->count && b->blocks[low].at == at && !b->blocks[low].is_free
               ? &b->blocks[low]
               : NULL;
}

void berthi_extism_blocks_free(extism_blocks *b, uint64_t at)
{
    extism_block *block = find(b, at);

    if (block == NULL)
        return;
    block->is_free = true;
    block->next = b->free_first[block->class];
    b->free_first[block->class] = (uint32_t)(block - b->blocks) + 1;
}

uint64_t berthi_extism_blocks_size(const extism_blocks *b, uint64_t at)
{
    const extism_block *block = find(b, at);

    return block == NULL ? 0 : block->size;
}
