/* extism/blocks.h - the memory that a plugin and its host share, in blocks.
 *
 * It is no memory of WebAssembly: the plugin reads and writes it through functions of the host, eight bytes
 * at most, and names a block by the offset where it begins.  The host keeps what it knows of blocks
 * beside the bytes, so nothing that a plugin writes can change it.  All blocks end with the call.
 *
 * Thread: one, that of the instance.  Layer: compat. */
#ifndef BERTHI_COMPAT_EXTISM_BLOCKS_H
#define BERTHI_COMPAT_EXTISM_BLOCKS_H

#include "service/services.h"

enum { EXTISM_CLASSES = 96, EXTISM_BLOCKS_FIRST = 16 /* where the first begins */ };

typedef struct extism_block {
    uint32_t at;   /* a multiple of 16 */
    uint32_t size; /* what was asked for */
    uint32_t next; /* 1 + index, in the list of free blocks of its class; 0: the last */
    uint8_t class; /* how much room it has */
    bool is_free;
} extism_block;

typedef struct extism_blocks {
    berthi_services *services; /* with whom the bytes are counted; lent */
    uint8_t *bytes;            /* all that is not in a block that was given is zero */
    uint32_t room, used;
    extism_block *blocks; /* by offset */
    uint32_t count, blocks_room;
    uint32_t
        free_first[EXTISM_CLASSES]; /* 1 + index of a free block of 2^n to 2^(n+1) - 1 bytes */
} extism_blocks;

void berthi_extism_blocks_init(extism_blocks *b, berthi_services *services);
void berthi_extism_blocks_end(extism_blocks *b);
/* Forgets all blocks, and gives back the memory that was much. */
void berthi_extism_blocks_reset(extism_blocks *b);

/* A block of zeros, or of what a block before it left there; 0: of 0 bytes, or there is no room. */
uint64_t berthi_extism_blocks_alloc(extism_blocks *b, uint64_t size);
/* A new block with a copy of these bytes; 0 as above. */
uint64_t berthi_extism_blocks_put(extism_blocks *b, const void *data, size_t size);
/* What begins at no block is left alone. */
void berthi_extism_blocks_free(extism_blocks *b, uint64_t at);
/* How long the block is that begins there; 0: none does. */
uint64_t berthi_extism_blocks_size(const extism_blocks *b, uint64_t at);

/* The bytes from `at` on, where all `size` of them were given to blocks once; else NULL.  Before the first
 * block there is nothing, and while there is none not even memory. */
static inline void *berthi_extism_blocks_span(const extism_blocks *b, uint64_t at,
                                              uint64_t size)
{
    return at >= EXTISM_BLOCKS_FIRST && at < b->used && size <= b->used - at ? b->bytes + at
                                                                             : NULL;
}

#endif
