/* wasm/cursor.h - reading a module's primitive values within bounds.  Layer: wasm.
 *
 * A cursor never reads outside [at, end).  The first failure sticks: it keeps its text and
 * offset, moves the cursor to its end, and every later read answers 0, so that a caller may read
 * several values and ask once.  Loops ask each time round. */
#ifndef BERTHI_WASM_CURSOR_H
#define BERTHI_WASM_CURSOR_H

#include "base/diag.h"
#include "wasm/module.h"

typedef struct berthi_cursor {
    const uint8_t *bytes; /* of the whole module; offsets count from here */
    uint32_t at, end;
    const char *error; /* a static text, or NULL */
    uint32_t error_at;
    berth_status status; /* of the error */
} berthi_cursor;

static inline berthi_cursor berthi_cursor_over(const uint8_t *bytes, berthi_wasm_range range)
{
    return (
        berthi_cursor){ .bytes = bytes, .at = range.offset, .end = range.offset + range.size };
}

static inline uint32_t berthi_cursor_left(const berthi_cursor *c)
{
    return c->end - c->at;
}

/* Records the first failure, at offset `at`. */
void berthi_cursor_fail_at(berthi_cursor *c, berth_status status, uint32_t at,
                           const char *text);
void berthi_cursor_reject(berthi_cursor *c, const char *text); /* BERTH_E_REJECTED, here */
/* The failure as a status and a diag: "TEXT at byte N". */
berth_status berthi_cursor_report(const berthi_cursor *c, berth_diag *diag);

uint8_t berthi_read_u8(berthi_cursor *c);
uint32_t berthi_read_u32(berthi_cursor *c); /* LEB128, as are the next three */
uint64_t berthi_read_u64(berthi_cursor *c);
int32_t berthi_read_s32(berthi_cursor *c);
int64_t berthi_read_s33(berthi_cursor *c);
int64_t berthi_read_s64(berthi_cursor *c);
uint32_t berthi_read_f32(berthi_cursor *c); /* fixed little-endian bits */
uint64_t berthi_read_f64(berthi_cursor *c);
berthi_name berthi_read_name(berthi_cursor *c);
/* The next `size` bytes as a range; fails when fewer are left. */
berthi_wasm_range berthi_read_range(berthi_cursor *c, uint32_t size);
/* A count of things that take at least `bytes_min` bytes each and of which `max` are allowed:
 * what it answers is safe to allocate for (I8). */
uint32_t berthi_read_count(berthi_cursor *c, uint32_t bytes_min, uint32_t max);

/* Value types; a type that nobody here provides is rejected by name. */
uint8_t berthi_read_value_type(berthi_cursor *c);
uint8_t berthi_read_reference_type(berthi_cursor *c);
bool berthi_is_reference_type(uint8_t type);
/* Types of memories, tables and globals as imports give them; in module.c. */
berthi_wasm_size berthi_read_limits(berthi_cursor *c, bool is_table);
berthi_wasm_table berthi_read_table_type(berthi_cursor *c);
berthi_wasm_global berthi_read_global_type(berthi_cursor *c);

#endif
