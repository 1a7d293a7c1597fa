/* env.c - `extism:host/env`: blocks, input, output, error.  Layer: compat.
 *
 * What is out of bounds reads as 0 and is not written, and what is no block has no length: that is how upstream's
 * own host answers, and plugins ask. */
#include "compat/extism/private.h"

static inline extism_state *state(berthi_wasm_store *store)
{
    return berthi_extism_state_of(berthi_guest_of(store));
}

/* WebAssembly is little-endian, and so is each machine that Berth is built for (os/). */
static inline uint64_t load(const extism_blocks *b, uint64_t at, size_t size)
{
    const void *from = berthi_extism_blocks_span(b, at, size);
    uint64_t value = 0;

    if (from != NULL)
        memcpy(&value, from, size);
    return value;
}

static inline void store_at(extism_blocks *b, uint64_t at, const void *from, size_t size)
{
    void *to = berthi_extism_blocks_span(b, at, size);

    if (to != NULL)
        memcpy(to, from, size);
}

/* Of the input: past its end there is nothing, whatever lies there. */
static inline uint64_t load_input(const extism_state *s, uint64_t at, size_t size)
{
    return at <= s->input_size && size <= s->input_size - at
               ? load(&s->blocks, s->input + at, size)
               : 0;
}

#define FUNCTION(name, body)                                                                   \
    EXTISM(name)                                                                               \
    {                                                                                          \
        extism_state *s = state(store);                                                        \
                                                                                               \
        (void)ctx;                                                                             \
        (void)diag;                                                                            \
        body;                                                                                  \
        return BERTH_OK;                                                                       \
    }
#define ARGUMENT(n) ((uint64_t)cells[n].i64)
#define ANSWER(value)                                                                          \
    cells[0] = (berthi_val)                                                                    \
    {                                                                                          \
        .i64 = (int64_t)(value)                                                                \
    }
#define ANSWER_32(value)                                                                       \
    cells[0] = (berthi_val)                                                                    \
    {                                                                                          \
        .i32 = (int32_t)(value)                                                                \
    }

FUNCTION(alloc, ANSWER(berthi_extism_blocks_alloc(&s->blocks, ARGUMENT(0))))
FUNCTION(length, ANSWER(berthi_extism_blocks_size(&s->blocks, ARGUMENT(0))))
FUNCTION(length_unsafe, ANSWER(berthi_extism_blocks_size(&s->blocks, ARGUMENT(0))))
FUNCTION(load_u8, ANSWER_32(load(&s->blocks, ARGUMENT(0), 1)))
FUNCTION(load_u64, ANSWER(load(&s->blocks, ARGUMENT(0), 8)))
FUNCTION(store_u8, store_at(&s->blocks, ARGUMENT(0), &cells[1], 1))
FUNCTION(store_u64, store_at(&s->blocks, ARGUMENT(0), &cells[1], 8))
FUNCTION(input_length, ANSWER(s->input_size))
FUNCTION(input_offset, ANSWER(s->input))
FUNCTION(input_load_u8, ANSWER_32(load_input(s, ARGUMENT(0), 1)))
FUNCTION(input_load_u64, ANSWER(load_input(s, ARGUMENT(0), 8)))
FUNCTION(output_length, ANSWER(s->output_size))
FUNCTION(output_offset, ANSWER(s->output))
FUNCTION(error_get, ANSWER(s->error))
FUNCTION(memory_bytes, ANSWER(s->blocks.room))

EXTISM(free)
{
    extism_state *s = state(store);

    (void)ctx;
    (void)diag;
    berthi_extism_blocks_free(&s->blocks, ARGUMENT(0));
    if (ARGUMENT(0) == s->input)
        s->input_size = 0;
    return BERTH_OK;
}

static void set_range(const extism_state *s, const berthi_val *cells, uint64_t *at,
                      uint64_t *size)
{
    if (ARGUMENT(1) != 0 &&
        berthi_extism_blocks_span(&s->blocks, ARGUMENT(0), ARGUMENT(1)) == NULL)
        return;
    *at = ARGUMENT(0);
    *size = ARGUMENT(1);
}

FUNCTION(input_set, set_range(s, cells, &s->input, &s->input_size))
FUNCTION(output_set, set_range(s, cells, &s->output, &s->output_size))

EXTISM(error_set)
{
    extism_state *s = state(store);

    (void)ctx;
    (void)diag;
    if (ARGUMENT(0) == 0 || berthi_extism_blocks_span(&s->blocks, ARGUMENT(0), 1) != NULL)
        s->error = ARGUMENT(0);
    return BERTH_OK;
}

EXTISM(reset)
{
    extism_state *s = state(store);

    (void)ctx;
    (void)cells;
    (void)diag;
    berthi_extism_blocks_reset(&s->blocks);
    s->input = s->input_size = s->output = s->output_size = s->error = 0;
    return BERTH_OK;
}

berth_status berthi_extism_block_of(berthi_guest *g, const void *ctx, const berthi_val *cells,
                                    int n, berthi_name *block_out, berth_diag *diag)
{
    const extism_state *s = berthi_extism_state_of(g);
    uint64_t size = berthi_extism_blocks_size(&s->blocks, ARGUMENT(n));

    if (size == 0)
        return berthi_fail(diag, BERTH_E_ABI, "%s: there is no block at %llu",
                           ((const berthi_host_import *)ctx)->name,
                           (unsigned long long)ARGUMENT(n));
    *block_out = (berthi_name){ berthi_extism_blocks_span(&s->blocks, ARGUMENT(n), size),
                                (uint32_t)size };
    return BERTH_OK;
}

berth_status berthi_extism_give(extism_state *s, const void *data, size_t size,
                                berthi_val *cells, berth_diag *diag)
{
    uint64_t at = berthi_extism_blocks_put(&s->blocks, data, size);

    if (at == 0 && size != 0)
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_MEMORY,
                                   "a block of %zu bytes does not fit into the %d MiB that "
                                   "the host keeps for a plugin",
                                   size, BERTHI_SERVICE_HELD_MAX >> 20);
    ANSWER(at);
    return BERTH_OK;
}
