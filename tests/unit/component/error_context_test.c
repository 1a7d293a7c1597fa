/* error_context_test.c - error contexts between two guests of any width and encoding.
 *
 * Most functions of the guests are built-ins themselves, lifted as they are, so that what the host
 * passes is what core code would: any number for a handle, an address or a length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "component/run/running.h"
#include "component_bytes.h"
#include "engine_rig.h"

enum {
    PAGES = 6,
    TEXT_AT = 1024,  /* what the host writes */
    PAIR_AT = 64,    /* where a message is wanted */
    LIST_AT = 128,   /* handles in a row */
    ROOM_AT = 262144 /* what realloc answers */
};

typedef struct side {
    bool is_64;
    uint8_t encoding; /* 0 UTF-8, 1 UTF-16, 2 Latin-1 or UTF-16 */
    uint32_t pages;   /* 0: PAGES */
} side;

/* A guest's functions: core function and type as write_side() numbers them.  In signatures P is an
 * address.  The last two of the caller's are the callee's "f" and "g", lowered. */
static const struct {
    const char *name, *signature;
    uint8_t core, type;
} functions[] = {
    { "new", "PP:i", 5, 3 },    { "text", "iP:", 6, 4 },    { "drop", "i:", 7, 5 },
    { "make", "i:i", 8, 6 },    { "unmake", "i:", 9, 5 },   { "poke", "Pi:", 3, 8 },
    { "peek", "P:i", 4, 9 },    { "leave0", "iP:", 13, 4 }, { "leave1", "iP:", 14, 4 },
    { "leave2", "iP:", 15, 4 }, { "pass", "i:i", 16, 6 },   { "pass-list", "PPP:", 17, 7 },
};
enum { ALL = sizeof functions / sizeof *functions, OF_BOTH = ALL - 2 };

/* ---------------------------------------------------------------- core code */

static void constant(bertht_buf *code, bool is_64, int64_t value)
{
    buf_byte(code, is_64 ? 0x42 : 0x41);
    buf_s64(code, value);
}

/* A signature in the letters of wasm_builder.h. */
static const char *wide(const char *signature, bool is_64, char out[16])
{
    size_t n = 0;

    for (; signature[n] != '\0'; n++)
        out[n] = signature[n] != 'P' ? signature[n] : is_64 ? 'I' : 'i';
    out[n] = '\0';
    return out;
}

static void put_func(bertht_wasm *m, bool is_64, const char *name, const char *signature,
                     const void *code, size_t size)
{
    char text[16];

    wasm_export(m, name, 0, wasm_func(m, wide(signature, is_64, text), code, size));
}

/* Memory, realloc, "f" that returns its parameter, "g" that returns its list, poke and peek. */
static void write_library(bertht_buf *b, bool is_64, uint32_t pages)
{
    bertht_wasm m = { .has_start = false };
    bertht_buf code = { 0 };

    wasm_memory(&m, is_64 ? 4 : 0, pages == 0 ? PAGES : pages, 0);
    wasm_export(&m, "m", 2, 0);
    constant(&code, is_64, ROOM_AT);
    put_func(&m, is_64, "r", "PPPP:P", code.data, code.size);
    buf_free(&code);
    put_func(&m, is_64, "f", "i:i", "\x20\x00", 2);
    for (unsigned n = 0; n < 2; n++) {
        constant(&code, is_64, 16);
        buf_byte(&code, 0x20);
        buf_u32(&code, n);
        buf_byte(&code, is_64 ? 0x37 : 0x36);
        buf_byte(&code, 2);
        buf_u32(&code, n * (is_64 ? 8 : 4));
    }
    constant(&code, is_64, 16);
    put_func(&m, is_64, "g", "PP:P", code.data, code.size);
    buf_free(&code);
    put_func(&m, is_64, "poke", "Pi:", "\x20\x00\x20\x01\x36\x00\x00", 7);
    put_func(&m, is_64, "peek", "P:i", "\x20\x00\x28\x00\x00", 5);
    component_module(b, &m);
}

/* Three reallocs, each of which calls a built-in. */
static void write_leavers(bertht_buf *b, bool is_64)
{
    static const char *const names[] = { "n", "d", "x" },
                             *signatures[] = { "PP:i", "iP:", "i:" };
    static const char *const exports[] = { "r0", "r1", "r2" };
    bertht_wasm m = { .has_start = false };
    bertht_buf code = { 0 };
    char text[16];

    for (unsigned n = 0; n < 3; n++)
        (void)wasm_import_func(&m, "", names[n], wide(signatures[n], is_64, text));
    for (unsigned n = 0; n < 3; n++) {
        for (const char *p = signatures[n]; *p != ':'; p++)
            constant(&code, *p == 'P' && is_64, PAIR_AT);
        buf_byte(&code, 0x10);
        buf_u32(&code, n);
        if (n == 0)
            buf_byte(&code, 0x1a); /* drop */
        constant(&code, is_64, ROOM_AT);
        put_func(&m, is_64, exports[n], "PPPP:P", code.data, code.size);
        buf_free(&code);
    }
    component_module(b, &m);
}

/* ---------------------------------------------------------------- components */

/* Section 7; P in the text becomes the type of an address. */
static void write_types(bertht_buf *b, bool is_64)
{
    static const char types[] = "\x0b"
                                "\x70\x64"                        /* 0: list<error-context> */
                                "\x40\x01\x01x\x64\x00\x64"       /* 1: of "f" */
                                "\x40\x01\x01x\x00\x00\x00"       /* 2: of "g" */
                                "\x40\x02\x01xP\x01yP\x00\x79"    /* 3 */
                                "\x40\x02\x01x\x79\x01yP\x01\x00" /* 4 */
                                "\x40\x01\x01x\x79\x01\x00"       /* 5 */
                                "\x40\x01\x01x\x79\x00\x79"       /* 6 */
                                "\x40\x03\x01xP\x01yP\x01zP\x01\x00" /* 7 */
                                "\x40\x02\x01xP\x01y\x79\x01\x00"    /* 8 */
                                "\x40\x01\x01xP\x00\x79"             /* 9 */
                                "\x3f\x7f";                          /* 10: a resource */
    bertht_buf body = { 0 };

    for (size_t n = 0; n < sizeof types; n++) /* and the 0 at its end: no destructor */
        buf_byte(&body, types[n] != 'P' ? (uint8_t)types[n] : is_64 ? 0x77 : 0x79);
    component_section_of(b, 7, &body);
}

static void put_options(bertht_buf *body, const side *s, uint8_t realloc)
{
    buf_byte(body, 3);
    buf_byte(body, s->encoding);
    buf_bytes(body, "\x03\x00\x04", 3);
    buf_byte(body, realloc);
}

static void write_built_ins(bertht_buf *b, const side *s)
{
    bertht_buf body = { 0 };

    buf_bytes(&body, "\x05\x1c", 2); /* core function 5: error-context.new */
    put_options(&body, s, 0);
    buf_byte(&body, 0x1d); /* 6: .debug-message */
    put_options(&body, s, 0);
    buf_bytes(&body, "\x1e\x02\x0a\x03\x0a", 5); /* 7: .drop; 8, 9: resource.new and .drop */
    component_section_of(b, 8, &body);
    COMPONENT(b, 2,
              "\x02\x01\x03\x01n\x00\x05\x01"
              "d\x00\x06\x01x\x00\x07"
              "\x00\x01\x01\x00\x12\x01");
    COMPONENT(b, 6, "\x03\x00\x00\x01\x02\x02r0\x00\x00\x01\x02\x02r1\x00\x00\x01\x02\x02r2");
    buf_byte(&body, 3); /* 13 to 15: .debug-message with each of these */
    for (uint8_t n = 0; n < 3; n++) {
        buf_byte(&body, 0x1d);
        put_options(&body, s, (uint8_t)(10 + n));
    }
    component_section_of(b, 8, &body);
}

static void put_lift(bertht_buf *body, const side *s, uint8_t core, uint8_t type)
{
    buf_bytes(body, "\0\0", 2);
    buf_byte(body, core);
    put_options(body, s, 0);
    buf_byte(body, type);
}

static void put_export(bertht_buf *body, const char *name, uint32_t func)
{
    buf_byte(body, 0);
    buf_name(body, name);
    buf_byte(body, 1);
    buf_u32(body, func);
    buf_byte(body, 0);
}

static void write_exports(bertht_buf *b, const side *s, bool is_caller)
{
    bertht_buf lifts = { 0 }, exports = { 0 };
    uint32_t first = is_caller ? 2 : 0, count = is_caller ? ALL : OF_BOTH;

    buf_u32(&lifts, is_caller ? count : count + 2);
    for (uint32_t n = 0; n < count; n++)
        put_lift(&lifts, s, functions[n].core, functions[n].type);
    if (!is_caller) {
        put_lift(&lifts, s, 1, 1);
        put_lift(&lifts, s, 2, 2);
    }
    buf_u32(&exports, is_caller ? count : count + 2);
    for (uint32_t n = 0; n < count; n++)
        put_export(&exports, functions[n].name, first + n);
    if (!is_caller) {
        put_export(&exports, "f", count);
        put_export(&exports, "g", count + 1);
    }
    component_section_of(b, 8, &lifts);
    component_section_of(b, 11, &exports);
}

static void write_side(bertht_buf *b, const side *s, bool is_caller)
{
    bertht_buf inner = { 0 }, body = { 0 };

    component_start(&inner);
    write_types(&inner, s->is_64);
    if (is_caller)
        COMPONENT(&inner, 10,
                  "\x02\x00\x01"
                  "f\x01\x01\x00\x01g\x01\x02");
    write_library(&inner, s->is_64, s->pages);
    write_leavers(&inner, s->is_64);
    COMPONENT(&inner, 2, "\x01\x00\x00\x00");
    COMPONENT(&inner, 6,
              "\x06\x00\x02\x01\x00\x01m\x00\x00\x01\x00\x01r\x00\x00\x01\x00\x01"
              "f\x00\x00\x01\x00\x01g\x00\x00\x01\x00\x04poke\x00\x00\x01\x00\x04peek");
    write_built_ins(&inner, s);
    if (is_caller) {
        buf_byte(&body, 2);
        for (uint8_t n = 0; n < 2; n++) {
            buf_bytes(&body, "\x01\x00", 2);
            buf_byte(&body, n);
            put_options(&body, s, 0);
        }
        component_section_of(&inner, 8, &body);
    }
    write_exports(&inner, s, is_caller);
    component_nested(b, &inner);
}

/* Aliases of what instance `number` exports, exported again with a letter in front. */
static void write_again(bertht_buf *b, uint8_t number, uint32_t first, uint32_t count)
{
    bertht_buf aliases = { 0 }, exports = { 0 };
    char name[16];

    buf_u32(&aliases, count);
    buf_u32(&exports, count);
    for (uint32_t n = 0; n < count; n++) {
        buf_bytes(&aliases, "\x01\x00", 2);
        buf_byte(&aliases, number);
        buf_name(&aliases, functions[n].name);
        (void)snprintf(name, sizeof name, "%c-%s", number == 1 ? 'a' : 'b', functions[n].name);
        put_export(&exports, name, first + n);
    }
    component_section_of(b, 6, &aliases);
    component_section_of(b, 11, &exports);
}

/* With `tells` the root exports "f" itself. */
static void write_component(bertht_buf *b, const side *caller, const side *callee, bool tells)
{
    component_start(b);
    write_side(b, callee, false);
    write_side(b, caller, true);
    COMPONENT(b, 5, "\x01\x00\x00\x00");
    COMPONENT(b, 6,
              "\x02\x01\x00\x00\x01"
              "f\x01\x00\x00\x01g"); /* functions 0 and 1 */
    COMPONENT(b, 5,
              "\x01\x00\x01\x02\x01"
              "f\x01\x00\x01g\x01\x01");
    write_again(b, 1, 2, ALL);
    write_again(b, 0, 2 + 2 * ALL, OF_BOTH);
    if (tells)
        COMPONENT(b, 11,
                  "\x01\x00\x01"
                  "f\x01\x00\x00");
}

/* ---------------------------------------------------------------- rig */

typedef struct guests {
    rig *r;
    side sides[2]; /* caller, callee */
    bool has_long; /* make_long() was there */
    berthi_cm_loaded *loaded;
    berthi_cm_instance *instance;
    berth_arena *arena;
    berthi_cm_func funcs[2][ALL];
    berth_diag diag;
} guests;

static void start(guests *g)
{
    berthi_cm_limits limits = { .store = g->r->limits };

    if (berthi_cm_instance_create(g->loaded, &limits, UINT32_MAX, NULL, &g->instance,
                                  &g->diag) != BERTH_OK)
        fail_msg("%s", g->diag.text);
}

static void open(guests *g, rig *r, side caller, side callee)
{
    berthi_cm_load_options options = { .allocator = &r->allocator, .engine = r->engine };
    bertht_buf b = { 0 };
    char name[16];

    *g = (guests){ .r = r, .sides = { caller, callee } };
    write_component(&b, &caller, &callee, false);
    if (berthi_cm_load(b.data, b.size, &options, &g->loaded, &g->diag) != BERTH_OK)
        fail_msg("%s", g->diag.text);
    buf_free(&b);
    for (unsigned who = 0; who < 2; who++)
        for (unsigned n = 0; n < (who == 0 ? ALL : OF_BOTH); n++) {
            (void)snprintf(name, sizeof name, "%c-%s", "ab"[who], functions[n].name);
            assert_true(berthi_cm_loaded_func(g->loaded, NULL, name, &g->funcs[who][n]));
        }
    assert_int_equal(berth_arena_create(&r->allocator, 0, &g->arena, NULL), BERTH_OK);
    start(g);
}

static void again(guests *g)
{
    berthi_cm_instance_destroy(g->instance);
    start(g);
}

static void close(guests *g)
{
    berthi_cm_instance_destroy(g->instance);
    berthi_cm_loaded_unref(g->loaded);
    berth_arena_destroy(g->arena);
}

static void put_arg(uint8_t *args, size_t *at, size_t size, uint64_t value)
{
    *at = (*at + size - 1) / size * size;
    memcpy(args + *at, &value, size);
    *at += size;
}

static berth_status try(guests *g, unsigned who, const char *name, const uint64_t *values,
                        uint32_t *result)
{
    uint8_t args[32] = { 0 };
    size_t n = 0, at = 0;

    while (strcmp(functions[n].name, name) != 0)
        n++;
    for (const char *p = functions[n].signature; *p != ':'; p++)
        put_arg(args, &at, *p == 'P' && g->sides[who].is_64 ? 8 : 4, *values++);
    return berthi_cm_call(g->instance, &g->funcs[who][n], args, result, g->arena, &g->diag);
}

static uint32_t call(guests *g, unsigned who, const char *name, uint64_t a, uint64_t b,
                     uint64_t c)
{
    const uint64_t values[] = { a, b, c };
    uint32_t result = 0;

    if (try(g, who, name, values, &result) != BERTH_OK)
        fail_msg("%s: %s", name, g->diag.text);
    return result;
}

/* It traps with these words, all is freed, and the next instance is another. */
static void traps(guests *g, unsigned who, const char *name, uint64_t a, uint64_t b,
                  const char *why)
{
    const uint64_t values[] = { a, b, 0 };
    uint32_t result;

    assert_int_equal(try(g, who, name, values, &result), BERTH_E_TRAP);
    if (strstr(g->diag.text, why) == NULL)
        fail_msg("%s: %s, not %s", name, g->diag.text, why);
    assert_int_equal(g->diag.reason, BERTH_REASON_CANONICAL);
    again(g);
}

static void write_bytes(guests *g, unsigned who, uint64_t at, const void *bytes, size_t size)
{
    for (size_t n = 0; n < size; n += 4) {
        uint32_t word = 0;

        memcpy(&word, (const char *)bytes + n, size - n < 4 ? size - n : 4);
        (void)call(g, who, "poke", at + n, word, 0);
    }
}

static uint32_t make(guests *g, unsigned who, const void *bytes, size_t size, uint64_t units)
{
    write_bytes(g, who, TEXT_AT, bytes, size);
    return call(g, who, "new", TEXT_AT, units, 0);
}

/* The message of that handle has these units, and these bytes. */
static void must_say(guests *g, unsigned who, uint32_t handle, const void *bytes, size_t size,
                     uint64_t units)
{
    bool is_64 = g->sides[who].is_64;
    uint64_t got;

    (void)call(g, who, "text", handle, PAIR_AT, 0);
    assert_int_equal(call(g, who, "peek", PAIR_AT, 0, 0), ROOM_AT);
    got = call(g, who, "peek", PAIR_AT + (is_64 ? 8 : 4), 0, 0);
    if (is_64)
        got |= (uint64_t)call(g, who, "peek", PAIR_AT + 12, 0, 0) << 32;
    assert_int_equal(got, units);
    for (size_t n = 0; n < size; n += 4) {
        uint32_t word = call(g, who, "peek", ROOM_AT + n, 0, 0);

        assert_memory_equal(&word, (const char *)bytes + n, size - n < 4 ? size - n : 4);
    }
}

static uint64_t tag(bool is_64)
{
    return (uint64_t)1 << (is_64 ? 63 : 31);
}

/* What is no Latin-1, in each encoding; `units` without the tag. */
static const struct {
    const char *bytes;
    size_t size;
    uint64_t units;
} fish[] = {
    { "a\xc3\xa9\xf0\x9f\x90\x9f!", 8, 8 },
    { "a\0\xe9\0\x3d\xd8\x1f\xdc!\0", 10, 5 },
    { "a\0\xe9\0\x3d\xd8\x1f\xdc!\0", 10, 5 },
};

static uint64_t fish_units(const side *s)
{
    return fish[s->encoding].units | (s->encoding == 2 ? tag(s->is_64) : 0);
}

static uint32_t make_fish(guests *g, unsigned who)
{
    const side *s = &g->sides[who];

    return make(g, who, fish[s->encoding].bytes, fish[s->encoding].size, fish_units(s));
}

static void must_be_fish(guests *g, unsigned who, uint32_t handle)
{
    const side *s = &g->sides[who];

    must_say(g, who, handle, fish[s->encoding].bytes, fish[s->encoding].size, fish_units(s));
}

static void open_way(guests *g, rig *r, unsigned way)
{
    open(g, r, (side){ way & 1, (uint8_t)(way / 4 % 3), 0 },
         (side){ way & 2, (uint8_t)(way / 12 % 3), 0 });
}

/* ---------------------------------------------------------------- tests */

static void messages_come_back_as_they_were(void **state)
{
    for (unsigned way = 0; way < 6; way++) {
        const side s = { way & 1, (uint8_t)(way / 2), 0 };
        uint32_t first, second;
        guests g;

        open(&g, *state, s, s);
        first = make_fish(&g, 0);
        second = s.encoding == 1   ? make(&g, 0, "c\0\xe9\0", 4, 2)
                 : s.encoding == 2 ? make(&g, 0, "c\xe9", 2, 2)
                                   : make(&g, 0, "c\xc3\xa9", 3, 3);
        assert_int_equal(first, 1); /* as any handle: the table is one */
        assert_int_equal(second, 2);
        assert_int_equal(call(&g, 0, "make", 5, 0, 0), 3);
        must_be_fish(&g, 0, first);
        if (s.encoding == 1)
            must_say(&g, 0, second, "c\0\xe9\0", 4, 2);
        else
            must_say(&g, 0, second, s.encoding == 2 ? "c\xe9" : "c\xc3\xa9",
                     s.encoding == 2 ? 2 : 3, s.encoding == 2 ? 2 : 3);
        must_be_fish(&g, 0, first);
        (void)call(&g, 0, "drop", first, 0, 0);
        assert_int_equal(call(&g, 0, "new", 0, 0, 0), first);
        must_say(&g, 0, first, "", 0, 0);
        close(&g);
    }
}

static void each_guest_has_a_handle_of_its_own(void **state)
{
    for (unsigned way = 0; way < 36; way++) {
        uint32_t first, back;
        guests g;

        open_way(&g, *state, way);
        first = make_fish(&g, 0);
        (void)call(&g, 1, "make", 9, 0, 0); /* so that their numbers differ */
        back = call(&g, 0, "pass", first, 0, 0);
        assert_int_not_equal(back, first);
        must_be_fish(&g, 0, first);
        must_be_fish(&g, 1, 2);
        (void)call(&g, 0, "drop", first, 0, 0);
        must_be_fish(&g, 0, back);
        (void)call(&g, 0, "drop", back, 0, 0);
        must_be_fish(&g, 1, 2);
        assert_int_not_equal(g.instance->errors.bytes, 0);
        (void)call(&g, 1, "drop", 2, 0, 0);
        assert_int_equal(g.instance->errors.bytes, 0);
        traps(&g, 1, "text", 2, PAIR_AT, "unknown handle index 2");
        close(&g);
    }
}

static void lists_of_them_are_passed(void **state)
{
    for (unsigned way = 0; way < 4; way++) {
        uint32_t handles[3], at;
        guests g;

        open_way(&g, *state, way);
        handles[0] = make_fish(&g, 0);
        handles[1] = make(&g, 0, "one", 3, 3);
        handles[2] = handles[0]; /* what is lent may be lent twice */
        write_bytes(&g, 0, LIST_AT, handles, sizeof handles);
        (void)call(&g, 0, "pass-list", LIST_AT, 3, PAIR_AT);
        at = call(&g, 0, "peek", PAIR_AT, 0, 0);
        for (uint32_t n = 0; n < 3; n++)
            assert_int_equal(call(&g, 0, "peek", at + 4 * n, 0, 0), 3 + n);
        must_be_fish(&g, 0, 3);
        must_say(&g, 0, 4, "one", 3, 3);
        must_be_fish(&g, 0, 5);
        must_say(&g, 1, 2, "one", 3, 3);
        must_be_fish(&g, 1, 3);
        handles[1] = 77;
        write_bytes(&g, 0, LIST_AT, handles, sizeof handles);
        {
            const uint64_t values[] = { LIST_AT, 3, PAIR_AT };

            assert_int_equal(try(&g, 0, "pass-list", values, &at), BERTH_E_TRAP);
        }
        close(&g);
    }
}

static void handles_cannot_be_forged(void **state)
{
    static const char *const takers[] = { "text", "drop", "pass" };
    guests g;

    open(&g, *state, (side){ false, 0, 0 }, (side){ true, 1, 0 });
    for (unsigned n = 0; n < 3; n++) {
        traps(&g, 0, takers[n], 0, PAIR_AT, "unknown handle index 0");
        traps(&g, 0, takers[n], 1, PAIR_AT, "unknown handle index 1");
        (void)make_fish(&g, 0);
        traps(&g, 0, takers[n], UINT32_MAX, PAIR_AT, "unknown handle index 4294967295");
        (void)make_fish(&g, 1); /* somebody else's */
        traps(&g, 0, takers[n], 1, PAIR_AT, "unknown handle index 1");
        (void)call(&g, 0, "make", 1, 0, 0);
        (void)make_fish(&g, 0);
        traps(&g, 0, takers[n], 1, PAIR_AT, "handle index 1 used with the wrong type");
        (void)make_fish(&g, 0);
        (void)call(&g, 0, "drop", 1, 0, 0);
        traps(&g, 0, takers[n], 1, PAIR_AT, "unknown handle index 1");
    }
    (void)make_fish(&g, 0);
    traps(&g, 0, "unmake", 1, 0, "handle index 1 used with the wrong type");
    close(&g);
}

static void lies_about_places_and_lengths_trap(void **state)
{
    enum { END = PAGES * 65536 };

    for (unsigned wide = 0; wide < 2; wide++) {
        const char *bounds = "string pointer/length out of bounds of memory";
        const unsigned step = wide != 0 ? 8 : 4;
        guests g;

        open(&g, *state, (side){ wide, 0, 0 }, (side){ wide, 1, 0 });
        assert_int_equal(call(&g, 0, "new", END, 0, 0), 1);
        traps(&g, 0, "new", END + 1, 0, bounds);
        traps(&g, 0, "new", END - 1, 2, bounds);
        traps(&g, 0, "new", 0, wide ? UINT64_MAX : UINT32_MAX, bounds);
        traps(&g, 0, "new", wide ? UINT64_MAX : UINT32_MAX, 2, bounds);
        if (wide)
            traps(&g, 0, "new", UINT64_C(1) << 32, 0, bounds);
        traps(&g, 1, "new", 1, 1, "string pointer not aligned to 2");
        write_bytes(&g, 0, TEXT_AT, "\xff", 1);
        traps(&g, 0, "new", TEXT_AT, 1, "invalid utf-8");
        write_bytes(&g, 1, TEXT_AT, "\x00\xdc", 2);
        traps(&g, 1, "new", TEXT_AT, 1, "invalid utf-16");
        (void)make_fish(&g, 0);
        (void)call(&g, 0, "text", 1, END - 2 * step, 0);
        traps(&g, 0, "text", 1, END - step, "pointer out of bounds of memory");
        (void)make_fish(&g, 0);
        traps(&g, 0, "text", 1, PAIR_AT + step / 2, "unaligned pointer");
        (void)make_fish(&g, 0);
        traps(&g, 0, "text", 1, END, "pointer out of bounds of memory");
        close(&g);
    }
}

static void realloc_may_not_come_back(void **state)
{
    static const char *const names[] = { "leave0", "leave1", "leave2" };

    for (unsigned way = 0; way < 4; way += 3) {
        guests g;

        open_way(&g, *state, way);
        for (unsigned n = 0; n < 3; n++) {
            (void)make_fish(&g, 0);
            traps(&g, 0, names[n], 1, PAIR_AT, "cannot leave component instance");
        }
        close(&g);
    }
}

/* ---------------------------------------------------------------- bounds */

/* `count` bytes of UTF-8 or units of UTF-16 in the guest's memory, all 'a', and the last character.  But
 * for their ends, within eight of MAX, they are written once: each word is a call, which in a hostile
 * build moves memories. */
static uint32_t make_long(guests *g, size_t count, const void *last, size_t last_size)
{
    enum { SAME = BERTHI_CM_ERROR_MESSAGE_MAX - 8 };
    size_t width = g->sides[0].encoding == 1 ? 2 : 1, size = width * count + last_size;
    size_t from = g->has_long ? width * SAME : 0;
    char *text = calloc(1, size);
    uint32_t handle;

    assert_non_null(text);
    for (size_t n = 0; n < count; n++)
        text[width * n] = 'a';
    memcpy(text + width * count, last, last_size);
    assert_true(count >= SAME);
    write_bytes(g, 0, TEXT_AT + from, text + from, size - from);
    g->has_long = true;
    handle = call(g, 0, "new", TEXT_AT, size / width, 0);
    free(text);
    return handle;
}

static size_t length_of(guests *g, uint32_t handle)
{
    (void)call(g, 0, "text", handle, PAIR_AT, 0);
    return call(g, 0, "peek", PAIR_AT + 4, 0, 0);
}

static void a_long_message_is_cut_at_a_character(void **state)
{
    enum { MAX = BERTHI_CM_ERROR_MESSAGE_MAX };
    guests g;

    open(&g, *state, (side){ false, 0, 0 }, (side){ false, 0, 0 });
    assert_int_equal(length_of(&g, make_long(&g, MAX, "", 0)), MAX);
    assert_int_equal(length_of(&g, make_long(&g, MAX, "b", 1)), MAX);
    assert_int_equal(length_of(&g, make_long(&g, MAX - 2, "\xc3\xa9", 2)), MAX);
    assert_int_equal(length_of(&g, make_long(&g, MAX - 1, "\xc3\xa9", 2)), MAX - 1);
    assert_int_equal(length_of(&g, make_long(&g, MAX - 2, "\xe2\x82\xac", 3)), MAX - 2);
    assert_int_equal(length_of(&g, make_long(&g, MAX - 3, "\xf0\x9f\x90\x9f", 4)), MAX - 3);
    write_bytes(&g, 0, TEXT_AT + MAX, "\xff", 1); /* what is cut off is looked at as well */
    traps(&g, 0, "new", TEXT_AT, MAX + 1, "invalid utf-8");
    close(&g);
    open(&g, *state, (side){ false, 1, 0 }, (side){ false, 0, 0 });
    assert_int_equal(length_of(&g, make_long(&g, MAX - 4, "\x3d\xd8\x1f\xdc", 4)), MAX - 2);
    assert_int_equal(length_of(&g, make_long(&g, MAX - 3, "\x3d\xd8\x1f\xdc", 4)), MAX - 3);
    assert_int_equal(length_of(&g, make_long(&g, MAX - 2, "\xe9\0", 2)), MAX - 1);
    assert_int_equal(length_of(&g, make_long(&g, MAX - 1, "\xe9\0", 2)), MAX - 1);
    close(&g);
    open(&g, *state, (side){ false, 2, 0 }, (side){ false, 0, 0 });
    assert_int_equal(length_of(&g, make_long(&g, MAX - 2, "\xe9", 1)), MAX - 1);
    assert_int_equal(length_of(&g, make_long(&g, MAX - 1, "\xe9", 1)), MAX - 1);
    close(&g);
}

static void expect_full(guests *g, uint64_t units, const char *why)
{
    const uint64_t values[] = { TEXT_AT, units };
    uint32_t result;

    assert_int_equal(try(g, 0, "new", values, &result), BERTH_E_LIMIT);
    assert_int_equal(g->diag.reason, BERTH_REASON_HANDLES);
    assert_string_equal(g->diag.text, why);
}

static void there_are_only_so_many(void **state)
{
    guests g;

    /* of small guests: a hostile build moves their memories at each call */
    open(&g, *state, (side){ .pages = 1 }, (side){ .pages = 1 });
    for (uint32_t n = 1; n <= BERTHI_CM_ERROR_CONTEXTS_MAX; n++)
        assert_int_equal(call(&g, 0, "new", 0, 0, 0), n);
    (void)call(&g, 0, "pass", 7, 0, 0); /* more handles, of the same */
    for (uint32_t n = 5; n < 8; n++)    /* what handle 7 was of has another one */
        (void)call(&g, 0, "drop", n, 0, 0);
    assert_int_equal(call(&g, 0, "new", 0, 0, 0), 7);
    assert_int_equal(call(&g, 0, "new", 0, 0, 0), 6);
    expect_full(&g, 0, "more than 65536 error contexts");
    close(&g);
}

static void their_messages_take_only_so_many_bytes(void **state)
{
    enum { MAX = BERTHI_CM_ERROR_MESSAGE_MAX, ALL_MAX = BERTHI_CM_ERROR_BYTES_MAX / MAX };
    guests g;

    open(&g, *state, (side){ false, 0, 0 }, (side){ false, 0, 0 });
    for (uint32_t n = 1; n <= ALL_MAX; n++) /* zeros */
        assert_int_equal(call(&g, 0, "new", TEXT_AT, MAX, 0), n);
    assert_int_equal(call(&g, 0, "new", TEXT_AT, 0, 0), ALL_MAX + 1);
    (void)call(&g, 0, "drop", 3, 0, 0);
    assert_int_equal(call(&g, 0, "new", TEXT_AT, MAX - 1, 0), 3);
    assert_int_equal(call(&g, 0, "new", TEXT_AT, 1, 0), ALL_MAX + 2);
    expect_full(&g, 1, "messages of error contexts take more than 16777216 bytes");
    close(&g);
}

/* ---------------------------------------------------------------- out of memory, and the host */

/* More than one table has room for, so that each of them grows. */
static berth_status use_all(guests *g)
{
    static const struct {
        const char *name;
        uint64_t a, b;
    } steps[] = { { "new", 0, 3 }, { "pass", 1, 0 }, { "text", 1, PAIR_AT }, { "drop", 1, 0 } };
    berth_status status = BERTH_OK;
    uint32_t result;

    for (unsigned round = 0; round < 20; round++)
        for (unsigned n = 0; n < 4 && status == BERTH_OK; n++) {
            const uint64_t values[] = { steps[n].a, steps[n].b };

            status = try(g, 0, steps[n].name, values, &result);
        }
    for (unsigned n = 0; n < 20 && status == BERTH_OK; n++)
        status = try(g, 0, "new", (const uint64_t[]){ 0, 3 }, &result);
    return status;
}

static void each_allocation_may_fail(void **state)
{
    unsigned failures = 0;
    bool has_failed = true;
    guests g;

    open(&g, *state, (side){ false, 1, 0 }, (side){ false, 0, 0 });
    if (use_all(&g) != BERTH_OK)
        fail_msg("%s", g.diag.text);
    for (unsigned n = 0; has_failed; n++) {
        berth_status status;

        again(&g);
        memory_fail(&g.r->memory, n, false);
        status = use_all(&g);
        has_failed = atomic_load(&g.r->memory.failures) != 0;
        memory_fail(&g.r->memory, MEMORY_NEVER, false);
        failures += has_failed;
        if (status != (has_failed ? BERTH_E_NOMEM : BERTH_OK))
            fail_msg("allocation %u: %s: %s", n, berth_status_name(status), g.diag.text);
    }
    if (failures < 45)
        fail_msg("%u allocations", failures);
    close(&g);
}

static berth_status resolve(void *ctx, const berthi_cm_steps *steps, const berthi_cm_need *need,
                            berthi_cm_binding *binding_out, berth_diag *diag)
{
    (void)ctx;
    (void)steps;
    (void)need;
    (void)diag;
    *binding_out = (berthi_cm_binding){ .ctx = NULL };
    return BERTH_OK;
}

static void no_host_takes_or_gives_one(void **state)
{
    rig *r = *state;
    berthi_cm_load_options options = { .allocator = &r->allocator,
                                       .engine = r->engine,
                                       .resolve = resolve };
    const side plain = { false, 0, 0 };

    for (unsigned n = 0; n < 2; n++) {
        berthi_cm_loaded *loaded;
        bertht_buf b = { 0 };
        berth_diag diag;

        if (n == 0) {
            write_component(&b, &plain, &plain, true);
        } else { /* an import that is lowered */
            component_start(&b);
            COMPONENT(&b, 7, "\x01\x40\x01\x01x\x64\x00\x64");
            COMPONENT(&b, 10,
                      "\x01\x00\x01"
                      "f\x01\x00");
            COMPONENT(&b, 8, "\x01\x01\x00\x00\x00");
        }
        assert_int_equal(berthi_cm_load(b.data, b.size, &options, &loaded, &diag),
                         BERTH_E_REJECTED);
        assert_string_equal(diag.text, "values of type error-context are not supported");
        buf_free(&b);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        rig_test(messages_come_back_as_they_were),
        rig_test(each_guest_has_a_handle_of_its_own),
        rig_test(lists_of_them_are_passed),
        rig_test(handles_cannot_be_forged),
        rig_test(lies_about_places_and_lengths_trap),
        rig_test(realloc_may_not_come_back),
        rig_test(a_long_message_is_cut_at_a_character),
        rig_test(there_are_only_so_many),
        rig_test(their_messages_take_only_so_many_bytes),
        rig_test(each_allocation_may_fail),
        rig_test(no_host_takes_or_gives_one),
    };

    return rig_run("error contexts", tests, sizeof tests / sizeof *tests);
}
