/* component_pair.c - see component_pair.h. */
#include "component_pair.h"

#include "component_bytes.h"

enum { FUNC = 0x00, MEMORY = 0x02, PAIR_AT = 16, NEXT_AT = 8, ROOM_AT = 1024, ROOM = 16384 };

/* ---------------------------------------------------------------- core code */

static void constant(bertht_buf *code, bool is_64, uint64_t value)
{
    buf_byte(code, is_64 ? 0x42 : 0x41);
    buf_s64(code, is_64 ? (int64_t)value : (int32_t)value);
}

static void get_local(bertht_buf *code, uint32_t local)
{
    buf_byte(code, 0x20);
    buf_u32(code, local);
}

/* The instruction of either width. */
static void operate(bertht_buf *code, bool is_64, uint8_t narrow, uint8_t wide)
{
    buf_byte(code, is_64 ? wide : narrow);
}

static void access_memory(bertht_buf *code, bool is_64, bool is_store, uint32_t offset)
{
    operate(code, is_64, is_store ? 0x36 : 0x28, is_store ? 0x37 : 0x29);
    buf_byte(code, is_64 ? 3 : 2);
    buf_u32(code, offset);
}

static void add(bertht_buf *code, bool is_64)
{
    operate(code, is_64, 0x6a, 0x7c);
}

static void subtract(bertht_buf *code, bool is_64)
{
    operate(code, is_64, 0x6b, 0x7d);
}

/* What was given out so far is counted at NEXT_AT, in a ring; parameters are old, its size, alignment, size. */
static void write_realloc(bertht_wasm *m, const component_pair_side *side)
{
    bool wide = side->is_64;
    bertht_buf code = { 0 };

    if (side->lies) {
        constant(&code, wide, side->answer);
    } else {
        constant(&code, wide, NEXT_AT);
        access_memory(&code, wide, false, 0);
        constant(&code, wide, ROOM_AT - 1);
        add(&code, wide);
        get_local(&code, 2);
        add(&code, wide);
        constant(&code, wide, 0);
        get_local(&code, 2);
        subtract(&code, wide);
        operate(&code, wide, 0x71, 0x83); /* and */
        buf_bytes(&code, "\x21\x02", 2);  /* local.set 2, where it lies */
        constant(&code, wide, NEXT_AT);
        get_local(&code, 2);
        get_local(&code, 3);
        add(&code, wide);
        constant(&code, wide, ROOM_AT);
        subtract(&code, wide);
        constant(&code, wide, ROOM - 1); /* and from the front again */
        operate(&code, wide, 0x71, 0x83);
        access_memory(&code, wide, true, 0);
        get_local(&code, 2); /* keeps what was there before */
        get_local(&code, 0);
        get_local(&code, 1);
        buf_bytes(&code, "\xfc\x0a\x00\x00", 4); /* memory.copy */
        get_local(&code, 2);
    }
    wasm_export(m, "r", FUNC, wasm_func(m, wide ? "IIII:I" : "iiii:i", code.data, code.size));
    buf_free(&code);
}

/* Memory, realloc, and an "f" that returns where it has put its parameters; only the callee's is
 * called. */
static void write_library(bertht_buf *b, const component_pair_side *side)
{
    bool wide = side->is_64;
    bertht_buf code = { 0 };
    bertht_wasm m = { .has_start = false };

    wasm_memory(&m, wide ? 4 : 0, side->pages_min == 0 ? 1 : side->pages_min, 131072);
    wasm_export(&m, "m", MEMORY, 0);
    write_realloc(&m, side);
    for (uint32_t n = 0; n < 4; n++) {
        constant(&code, wide, PAIR_AT);
        get_local(&code, n);
        access_memory(&code, wide, true, n * (wide ? 8 : 4));
    }
    constant(&code, wide, PAIR_AT);
    wasm_export(&m, "f", FUNC, wasm_func(&m, wide ? "IIII:I" : "iiii:i", code.data, code.size));
    buf_free(&code);
    component_module(b, &m);
}

/* "run": calls "f" with its own parameters and returns what that wrote. */
static void write_main(bertht_buf *b, bool wide)
{
    bertht_buf code = { 0 };
    bertht_wasm m = { .has_start = false };
    uint32_t f = wasm_import_func(&m, "", "f", wide ? "IIIII:" : "iiiii:");

    for (uint32_t n = 0; n < 4; n++)
        get_local(&code, n);
    constant(&code, wide, PAIR_AT);
    buf_byte(&code, 0x10);
    buf_u32(&code, f);
    constant(&code, wide, PAIR_AT);
    wasm_export(&m, "run", FUNC,
                wasm_func(&m, wide ? "IIII:I" : "iiii:i", code.data, code.size));
    buf_free(&code);
    component_module(b, &m);
}

/* ---------------------------------------------------------------- components */

static void write_types(bertht_buf *b)
{
    COMPONENT(b, 7,
              "\x04\x6f\x02\x7d\x73" /* 0: tuple of u8, string */
              "\x70\x00"             /* 1: list of that */
              "\x6f\x02\x01\x73"     /* 2: tuple of that, string */
              "\x40\x02\x01"
              "a"
              "\x01\x01s\x73\x00\x02"); /* 3: the function */
}

/* Aliases of core instance `instance`'s memory and realloc, core memory 0 and core function 0. */
static void alias_library(bertht_buf *b)
{
    COMPONENT(b, 6, "\x02\x00\x02\x01\x00\x01m\x00\x00\x01\x00\x01r");
}

static void write_options(bertht_buf *body, const component_pair_side *side)
{
    buf_byte(body, 3);
    buf_byte(body, side->encoding);
    buf_bytes(body, "\x03\x00\x04\x00", 4); /* memory 0, realloc 0 */
}

static void write_lift(bertht_buf *b, const component_pair_side *side, uint8_t core_func)
{
    bertht_buf body = { 0 };

    buf_bytes(&body, "\x01\x00\x00", 3);
    buf_byte(&body, core_func);
    write_options(&body, side);
    buf_byte(&body, 3); /* its type */
    component_section_of(b, 8, &body);
}

static void write_callee(bertht_buf *b, const component_pair_side *side)
{
    component_start(b);
    write_types(b);
    write_library(b, side);
    COMPONENT(b, 2, "\x01\x00\x00\x00");
    alias_library(b);
    COMPONENT(b, 6,
              "\x01\x00\x00\x01\x00\x01"
              "f"); /* core function 1 */
    write_lift(b, side, 1);
    COMPONENT(b, 11,
              "\x01\x00\x01"
              "f\x01\x00\x00");
}

static void write_caller(bertht_buf *b, const component_pair_side *side)
{
    bertht_buf body = { 0 };

    component_start(b);
    write_types(b);
    COMPONENT(b, 10,
              "\x01\x00\x01"
              "f\x01\x03");
    write_library(b, side);
    write_main(b, side->is_64);
    COMPONENT(b, 2, "\x01\x00\x00\x00");
    alias_library(b);
    buf_bytes(&body, "\x01\x01\x00\x00", 4); /* lower function 0: core function 1 */
    write_options(&body, side);
    component_section_of(b, 8, &body);
    COMPONENT(b, 2,
              "\x02\x01\x01\x01"
              "f\x00\x01"                           /* core instance 1 */
              "\x00\x01\x01\x00\x12\x01");          /* core instance 2: main with that */
    COMPONENT(b, 6, "\x01\x00\x00\x01\x02\x03run"); /* core function 2 */
    write_lift(b, side, 2);
    COMPONENT(b, 11, "\x01\x00\x03run\x01\x01\x00");
}

uint8_t *component_pair(const component_pair_side *caller, const component_pair_side *callee,
                        size_t *size_out)
{
    bertht_buf b = { 0 }, inner = { 0 };

    component_start(&b);
    write_callee(&inner, callee);
    component_nested(&b, &inner);
    write_caller(&inner, caller);
    component_nested(&b, &inner);
    COMPONENT(&b, 5, "\x01\x00\x00\x00"); /* instance 0: the callee */
    COMPONENT(&b, 6,
              "\x01\x01\x00\x00\x01"
              "f"); /* function 0 */
    COMPONENT(&b, 5,
              "\x01\x00\x01\x01\x01"
              "f\x01\x00");                      /* instance 1: the caller with it */
    COMPONENT(&b, 6, "\x01\x01\x00\x01\x03run"); /* function 1 */
    COMPONENT(&b, 11, "\x01\x00\x03run\x01\x01\x00");
    *size_out = b.size;
    return b.data;
}
