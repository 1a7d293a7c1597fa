/* agree_test.c - random programs do the same on both providers.
 *
 * Each seed makes a valid module: functions of nested blocks, loops that end, branches that carry
 * values past others, calls, memory and table accesses, all of arithmetic.  Both providers must
 * give the same results or end the same way, and leave the same memory and globals behind.
 * What the specification leaves open, the bits of a NaN, is replaced wherever it could be seen.
 *
 * usage: conformance_agree [FIRST_SEED [COUNT]]      a failure names its seed */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/diag.h"
#include "memory.h"
#include "wasm/engine.h"
#include "wasm/interp/ops.h"
#include "wasm_builder.h"

enum {
    SEEDS = 250,
    FUNCTIONS = 5,
    CALLS = 3, /* of each function */
    NODES = 120,
    DEPTH_MAX = 10,
    LABELS_MAX = 32,
    LOOPS_MAX = 3,
    PARAMS = 8, /* two of each type; the last f32 and f64 are scratch */
    SCRATCH_F32 = 5,
    SCRATCH_F64 = 7,
    COUNTERS = 8 /* the first local that counts a loop's turns */
};
static const char params[] = "iiIIffFF";
static const char all_types[] = "iIfF";

typedef struct label {
    char types[3];
    bool is_target; /* a loop's is not: every loop must end */
} label;

typedef struct generator {
    uint64_t random;
    bertht_buf code;
    label labels[LABELS_MAX];
    uint32_t labels_count, loops, nodes, func, block_type;
    char results[FUNCTIONS + 1]; /* of the functions so far; [0] is the swapper's */
} generator;

static uint32_t next(generator *g, uint32_t below)
{
    g->random ^= g->random << 13;
    g->random ^= g->random >> 7;
    g->random ^= g->random << 17;
    return (uint32_t)(g->random * 0x2545f4914f6cdd1dull >> 32) % below;
}

static void op(generator *g, unsigned opcode)
{
    buf_byte(&g->code, opcode);
}

static void op_u32(generator *g, unsigned opcode, uint32_t immediate)
{
    buf_byte(&g->code, opcode);
    buf_u32(&g->code, immediate);
}

static unsigned type_byte(char type)
{
    return type == 'i' ? 0x7f : type == 'I' ? 0x7e : type == 'f' ? 0x7d : 0x7c;
}

static void expression(generator *g, char type, unsigned depth);
static void statement(generator *g, unsigned depth);

/* ---------------------------------------------------------------- leaves */

static uint64_t interesting(generator *g)
{
    static const uint64_t all[] = { 0,
                                    1,
                                    2,
                                    7,
                                    8,
                                    31,
                                    32,
                                    63,
                                    64,
                                    0x7f,
                                    0x80,
                                    0xff,
                                    0x7fff,
                                    0x8000,
                                    65528,
                                    65535,
                                    65536,
                                    0x7fffffff,
                                    0x80000000,
                                    0xffffffff,
                                    0x100000000,
                                    0x7fffffffffffffff,
                                    0x8000000000000000,
                                    0xffffffffffffffff,
                                    0x3ff0000000000000,
                                    0x3f800000 };

    if (next(g, 4) == 0)
        return (uint64_t)next(g, UINT32_MAX) << 32 | next(g, UINT32_MAX);
    return all[next(g, sizeof all / sizeof *all)];
}

static void constant(generator *g, char type)
{
    static const double doubles[] = { 0.0,    -0.0,         1.0,           -1.5,
                                      0.1,    2147483647.5, -2147483649.0, 4294967295.9,
                                      9.3e18, -9.3e18,      1.9e19,        1e300,
                                      1e-300, 3.4e38 };
    double d = doubles[next(g, sizeof doubles / sizeof *doubles)];
    float f = d > 3e38 ? 1e38f : (float)d;
    uint64_t bits = interesting(g);

    switch (type) {
    case 'i':
        op(g, 0x41);
        buf_s64(&g->code, (int32_t)(uint32_t)bits);
        break;
    case 'I':
        op(g, 0x42);
        buf_s64(&g->code, (int64_t)bits);
        break;
    case 'f':
        op(g, 0x43);
        if (next(g, 3) != 0)
            memcpy(&bits, &f, sizeof f);
        buf_bytes(&g->code, &bits, 4);
        break;
    default:
        op(g, 0x44);
        if (next(g, 3) != 0)
            memcpy(&bits, &d, sizeof d);
        buf_bytes(&g->code, &bits, 8);
    }
}

static uint32_t local_of(generator *g, char type)
{
    uint32_t first = (uint32_t)(strchr(params, type) - params);

    return type == 'i' || type == 'I' ? first + next(g, 2) : first;
}

static void leaf(generator *g, char type)
{
    switch (next(g, type == 'i' ? 5 : 3)) {
    case 0:
        constant(g, type);
        break;
    case 3:
        op_u32(g, 0x23, next(g, 2));
        break; /* global.get */
    case 4:
        op_u32(g, 0x20, COUNTERS + next(g, LOOPS_MAX));
        break;
    default:
        op_u32(g, 0x20, local_of(g, type));
    }
}

/* A float whose bits may be looked at: NaN becomes 0. */
static void plain_float(generator *g, char type, unsigned depth)
{
    static const uint8_t zeros[8];
    uint32_t scratch = type == 'f' ? SCRATCH_F32 : SCRATCH_F64;

    expression(g, type, depth);
    op_u32(g, 0x22, scratch);
    op(g, type == 'f' ? 0x43 : 0x44);
    buf_bytes(&g->code, zeros, type == 'f' ? 4 : 8);
    op_u32(g, 0x20, scratch);
    op_u32(g, 0x20, scratch);
    op(g, type == 'f' ? 0x5b : 0x61);
    op(g, 0x1b);
}

static void plain(generator *g, char type, unsigned depth)
{
    if (type == 'f' || type == 'F')
        plain_float(g, type, depth);
    else
        expression(g, type, depth);
}

/* ---------------------------------------------------------------- operations */

typedef struct row {
    uint8_t opcode;
    bool is_prefixed;
    const char *ins;
    char out;
} row;

#define ROW(number, name, types, result)            { number, false, types, result },
#define SATURATING_ROW(number, name, types, result) { number, true, types, result },
static const row rows[] = { INTERP_NUMERIC(ROW) INTERP_SATURATING(SATURATING_ROW) };

typedef struct access {
    uint8_t opcode;
    uint8_t align;
    char type;
} access;

#define ACCESS(number, name, log2_size, letter) { number, log2_size, letter },
static const access loads[] = { INTERP_LOADS(ACCESS) };
static const access stores[] = { INTERP_STORES(ACCESS) };

/* Division and conversion: kept rare, because what follows a trap is not compared. */
static bool may_trap(const row *r)
{
    return !r->is_prefixed &&
           ((r->opcode >= 0x6d && r->opcode <= 0x70) ||
            (r->opcode >= 0x7f && r->opcode <= 0x82) ||
            (r->opcode >= 0xa8 && r->opcode <= 0xb1 && r->opcode != 0xac && r->opcode != 0xad));
}

static void numeric(generator *g, char type, unsigned depth)
{
    const row *r;

    do
        r = &rows[next(g, sizeof rows / sizeof *rows)];
    while (r->out != type || (may_trap(r) && next(g, 8) != 0));
    for (const char *in = r->ins; *in != '\0'; in++) {
        bool is_seen =
            !r->is_prefixed && (r->opcode == 0xbc || r->opcode == 0xbd || /* reinterpret */
                                ((r->opcode == 0x98 || r->opcode == 0xa6) && in != r->ins));

        if (is_seen)
            plain(g, *in, depth + 1);
        else
            expression(g, *in, depth + 1);
    }
    if (r->is_prefixed)
        op(g, 0xfc);
    op(g, r->opcode);
}

static void address(generator *g, unsigned depth)
{
    if (next(g, 40) == 0) {
        expression(g, 'i', depth + 1);
    } else {
        expression(g, 'i', depth + 1);
        op(g, 0x41);
        buf_s64(&g->code, 0x7ff8);
        op(g, 0x71);
    }
}

static void memory_immediates(generator *g, const access *a)
{
    buf_u32(&g->code, next(g, a->align + 1u));
    buf_u32(&g->code, next(g, 100) == 0 ? (uint32_t)interesting(g) : next(g, 64));
}

static void load(generator *g, char type, unsigned depth)
{
    const access *a;

    do
        a = &loads[next(g, sizeof loads / sizeof *loads)];
    while (a->type != type);
    address(g, depth);
    op(g, a->opcode);
    memory_immediates(g, a);
}

static void store(generator *g, unsigned depth)
{
    const access *a = &stores[next(g, sizeof stores / sizeof *stores)];

    address(g, depth);
    plain(g, a->type, depth + 1);
    op(g, a->opcode);
    memory_immediates(g, a);
}

/* ---------------------------------------------------------------- control */

static void enter(generator *g, const char *types, bool is_target)
{
    label *l = &g->labels[g->labels_count++];

    snprintf(l->types, sizeof l->types, "%s", types);
    l->is_target = is_target;
}

static void leave(generator *g)
{
    op(g, 0x0b);
    g->labels_count--;
}

static void body(generator *g, char type, unsigned depth)
{
    for (uint32_t n = next(g, 3); n > 0; n--)
        statement(g, depth + 1);
    if (type != '\0')
        expression(g, type, depth + 1);
}

static void block(generator *g, char type, unsigned depth)
{
    char types[2] = { type, '\0' };

    op(g, 0x02);
    op(g, type == '\0' ? 0x40 : type_byte(type));
    enter(g, types, true);
    body(g, type, depth);
    leave(g);
}

static void conditional(generator *g, char type, unsigned depth)
{
    char types[2] = { type, '\0' };

    expression(g, 'i', depth + 1);
    op(g, 0x04);
    op(g, type == '\0' ? 0x40 : type_byte(type));
    enter(g, types, true);
    body(g, type, depth);
    if (type != '\0' || next(g, 2) == 0) {
        op(g, 0x05);
        body(g, type, depth);
    }
    leave(g);
}

/* counter = n; loop { body; counter -= 1; br_if counter }.  Gives a value of `type`, if any. */
static void loop(generator *g, char type, unsigned depth)
{
    uint32_t counter = COUNTERS + g->loops++;

    op(g, 0x41);
    buf_s64(&g->code, 1 + (int64_t)next(g, 4));
    op_u32(g, 0x21, counter);
    op(g, 0x03);
    op(g, type == '\0' ? 0x40 : type_byte(type));
    enter(g, "", false);
    body(g, '\0', depth);
    op_u32(g, 0x20, counter);
    op(g, 0x41);
    buf_s64(&g->code, 1);
    op(g, 0x6b);
    op_u32(g, 0x22, counter);
    op_u32(g, 0x0d, 0);
    if (type != '\0')
        expression(g, type, depth + 1);
    leave(g);
    g->loops--;
}

/* block (param i32 i64) (result i64 i32): takes two, gives two, one is dropped again. */
static void pair_block(generator *g, unsigned depth)
{
    expression(g, 'i', depth + 1);
    expression(g, 'I', depth + 1);
    op_u32(g, 0x02, g->block_type);
    enter(g, "Ii", true);
    op_u32(g, 0x21, local_of(g, 'I'));
    op_u32(g, 0x21, local_of(g, 'i'));
    statement(g, depth + 1);
    expression(g, 'I', depth + 1);
    expression(g, 'i', depth + 1);
    leave(g);
    op_u32(g, 0x21, local_of(g, 'i'));
}

/* The depth of a label that carries `types`, counted from the inside; UINT32_MAX: none. */
static uint32_t find_label(generator *g, const char *types)
{
    uint32_t start;

    if (g->labels_count == 0)
        return UINT32_MAX;
    start = next(g, g->labels_count);
    for (uint32_t n = 0; n < g->labels_count; n++) {
        uint32_t at = (start + n) % g->labels_count;

        if (g->labels[at].is_target && strcmp(g->labels[at].types, types) == 0)
            return g->labels_count - 1 - at;
    }
    return UINT32_MAX;
}

/* br_if to a label of that type: the value stays when the branch is not taken. */
static void branch_if(generator *g, char type, unsigned depth)
{
    char types[2] = { type, '\0' };
    uint32_t to = find_label(g, types);

    if (type != '\0')
        expression(g, type, depth + 1);
    if (to == UINT32_MAX)
        return;
    expression(g, 'i', depth + 1);
    op_u32(g, 0x0d, to);
}

/* Leaves for good; what follows in the block is checked but never runs. */
static void jump(generator *g, unsigned depth)
{
    char types[2] = { "iIfF"[next(g, 4)], '\0' };
    uint32_t to = find_label(g, types), other = find_label(g, types);

    if (to == UINT32_MAX) {
        plain(g, g->results[g->func], depth + 1);
        op(g, 0x0f);
        return;
    }
    expression(g, types[0], depth + 1);
    if (next(g, 2) == 0) {
        op_u32(g, 0x0c, to);
        return;
    }
    expression(g, 'i', depth + 1);
    op_u32(g, 0x0e, 2);
    buf_u32(&g->code, to);
    buf_u32(&g->code, other);
    buf_u32(&g->code, to);
}

static void arguments(generator *g, unsigned depth)
{
    for (const char *type = params; *type != '\0'; type++)
        expression(g, *type, depth + 2);
}

/* Calls go to earlier functions only, so every program ends. */
static void call(generator *g, char type, unsigned depth)
{
    uint32_t target = 1 + next(g, g->func);

    if (target >= g->func || g->results[target] != type) {
        leaf(g, type);
        return;
    }
    arguments(g, depth);
    if (next(g, 2) == 0) {
        op_u32(g, 0x10, target);
        return;
    }
    op(g, 0x41);
    buf_s64(&g->code, next(g, 30) == 0 ? (int64_t)next(g, 12) : (int64_t)target);
    op_u32(g, 0x11, target); /* each function has a type of its own */
    buf_u32(&g->code, 0);
}

static void swap(generator *g, unsigned depth)
{
    expression(g, 'i', depth + 1);
    expression(g, 'I', depth + 1);
    op_u32(g, 0x10, 0);
    op_u32(g, 0x21, local_of(g, 'i'));
}

static void choose(generator *g, char type, unsigned depth)
{
    expression(g, type, depth + 1);
    expression(g, type, depth + 1);
    expression(g, 'i', depth + 1);
    op(g, 0x1b);
}

static void expression(generator *g, char type, unsigned depth)
{
    if (g->nodes == 0 || depth >= DEPTH_MAX || g->labels_count >= LABELS_MAX - 2) {
        leaf(g, type);
        return;
    }
    g->nodes--;
    switch (next(g, 16)) {
    case 0:
        leaf(g, type);
        break;
    case 1:
    case 2:
        load(g, type, depth);
        break;
    case 3:
        block(g, type, depth);
        break;
    case 4:
        conditional(g, type, depth);
        break;
    case 5:
        if (g->loops < LOOPS_MAX)
            loop(g, type, depth);
        else
            leaf(g, type);
        break;
    case 6:
        branch_if(g, type, depth);
        break;
    case 7:
        call(g, type, depth);
        break;
    case 8:
        choose(g, type, depth);
        break;
    case 9:
        expression(g, type, depth + 1);
        op_u32(g, 0x22, local_of(g, type));
        break;
    case 10:
        if (type == 'I' && next(g, 2) == 0)
            pair_block(g, depth);
        else if (type == 'I')
            swap(g, depth);
        else if (type == 'i')
            op_u32(g, 0x3f, 0);
        else
            numeric(g, type, depth);
        break;
    default:
        numeric(g, type, depth);
    }
}

static void bulk(generator *g, unsigned depth)
{
    bool is_copy = next(g, 2) == 0;

    address(g, depth);
    address(g, depth);
    op(g, 0x41);
    buf_s64(&g->code, (int64_t)next(g, 64));
    op(g, 0xfc);
    op(g, is_copy ? 0x0a : 0x0b);
    op(g, 0);
    if (is_copy)
        op(g, 0);
}

static void statement(generator *g, unsigned depth)
{
    char type = all_types[next(g, 4)];

    if (g->nodes == 0 || depth >= DEPTH_MAX || g->labels_count >= LABELS_MAX - 2)
        return;
    g->nodes--;
    switch (next(g, 13)) {
    case 0:
    case 1:
        store(g, depth);
        break;
    case 2:
    case 3:
        expression(g, type, depth + 1);
        op_u32(g, 0x21, local_of(g, type));
        break;
    case 4:
        block(g, '\0', depth);
        break;
    case 5:
        conditional(g, '\0', depth);
        break;
    case 6:
        if (g->loops < LOOPS_MAX)
            loop(g, '\0', depth);
        break;
    case 7:
        branch_if(g, '\0', depth);
        break;
    case 8:
        expression(g, type, depth + 1);
        op(g, 0x1a);
        break;
    case 9:
        bulk(g, depth);
        break;
    case 10:
        expression(g, 'i', depth + 1);
        op_u32(g, 0x24, 0);
        break;
    case 11:
        if (next(g, 4) == 0)
            jump(g, depth);
        else if (next(g, 20) == 0)
            op(g, 0x00);
        break;
    default:
        op(g, 0x41);
        buf_s64(&g->code, (int64_t)next(g, 2));
        op_u32(g, 0x40, 0);
        op(g, 0x1a);
    }
}

/* ---------------------------------------------------------------- modules */

static uint8_t *make_module(uint64_t seed, size_t *size_out, char *results)
{
    static const uint8_t swapper[] = { 0x20, 1, 0x20, 0 };
    static const uint32_t table[] = { 0, 1, 2, 3, 4 };
    generator g = { .random = seed * 0x9e3779b97f4a7c15ull | 1 };
    bertht_wasm m = { 0 };
    uint8_t *bytes;

    for (int i = 0; i < 16; i++)
        (void)next(&g, 2);
    wasm_func(&m, "iI:Ii", swapper, sizeof swapper); /* type 0 */
    g.block_type = 0;
    g.results[0] = '-';
    for (g.func = 1; g.func < FUNCTIONS; g.func++) {
        char signature[16], name[8];

        g.results[g.func] = all_types[next(&g, 4)];
        g.nodes = NODES;
        g.loops = g.labels_count = 0;
        snprintf(signature, sizeof signature, "%s:%c", params, g.results[g.func]);
        snprintf(name, sizeof name, "f%u", (unsigned)g.func);
        for (int i = 0; i < 4; i++)
            statement(&g, 0);
        plain(&g, g.results[g.func], 0);
        wasm_func_locals(&m, signature, LOOPS_MAX, g.code.data, g.code.size);
        wasm_export(&m, name, BERTHI_EXTERN_FUNC, g.func);
        buf_free(&g.code);
    }
    wasm_table(&m, BERTHI_FUNCREF, 0, 8, 0);
    wasm_memory(&m, 1, 1, 2);
    wasm_global_i32(&m, true, 11);
    wasm_global_i32(&m, false, -3);
    wasm_export(&m, "memory", BERTHI_EXTERN_MEMORY, 0);
    wasm_export(&m, "global", BERTHI_EXTERN_GLOBAL, 0);
    wasm_elements(&m, 0, table, FUNCTIONS);
    wasm_data(&m, 100, "seeds of what is to come", 24);
    memcpy(results, g.results, sizeof g.results);
    bytes = wasm_finish(&m, size_out);
    wasm_free(&m);
    return bytes;
}

typedef struct side { /* one provider */
    const berthi_wasm_ops *ops;
    berthi_wasm_engine *engine;
    berthi_wasm_store *store;
    berthi_wasm_instance instance;
    berth_diag diag;
} side;

static void open_side(side *s, const uint8_t *bytes, size_t size, uint64_t seed)
{
    static const berthi_wasm_limits limits = { .memory_bytes_max = 1u << 20,
                                               .table_elements_max = 100,
                                               .instances_max = 1,
                                               .memories_max = 1,
                                               .tables_max = 1 };
    berthi_wasm_module *module = NULL;

    if (s->ops->module_compile(s->engine, bytes, size, &module, &s->diag) != BERTH_OK)
        fail_msg("seed %llu: %s: %s", (unsigned long long)seed, s->ops->name, s->diag.text);
    assert_int_equal(s->ops->store_create(s->engine, &limits, NULL, &s->store, &s->diag),
                     BERTH_OK);
    s->ops->store_deadline(s->store, 1000);
    if (s->ops->instantiate(s->store, module, NULL, 0, &s->instance, &s->diag) != BERTH_OK)
        fail_msg("seed %llu: %s: %s", (unsigned long long)seed, s->ops->name, s->diag.text);
    s->ops->module_unref(module);
}

static berth_status call_side(side *s, const char *name, berthi_val *cells)
{
    berthi_extern e;

    assert_true(s->ops->instance_export(s->store, s->instance, name, strlen(name), &e));
    s->diag.reason = 0;
    return s->ops->call(s->store, &e, cells, PARAMS, &s->diag);
}

static void compare_state(side *sides, uint64_t seed)
{
    berthi_memory_view views[2];
    berthi_val globals[2];

    for (int i = 0; i < 2; i++) {
        berthi_extern e;

        assert_true(
            sides[i].ops->instance_export(sides[i].store, sides[i].instance, "memory", 6, &e));
        views[i] = sides[i].ops->memory_view(sides[i].store, &e);
        assert_true(
            sides[i].ops->instance_export(sides[i].store, sides[i].instance, "global", 6, &e));
        sides[i].ops->global_get(sides[i].store, &e, &globals[i]);
    }
    if (views[0].size != views[1].size ||
        memcmp(views[0].base, views[1].base, views[0].size) != 0)
        fail_msg("seed %llu: memories differ", (unsigned long long)seed);
    if (globals[0].i32 != globals[1].i32)
        fail_msg("seed %llu: globals differ", (unsigned long long)seed);
}

typedef struct tally {
    unsigned returned, trapped;
} tally;

static void compare_call(side *sides, uint64_t seed, const char *name, char type, generator *g,
                         tally *t)
{
    berthi_val cells[2][PARAMS] = { 0 };
    berth_status status[2];
    bool is_wide = type == 'I' || type == 'F';

    for (uint32_t i = 0; i < PARAMS; i++)
        cells[0][i].words[0] =
            i < 2 || (i >= 4 && i < 6) ? (uint32_t)interesting(g) : interesting(g);
    memcpy(cells[1], cells[0], sizeof cells[0]);
    for (int i = 0; i < 2; i++)
        status[i] = call_side(&sides[i], name, cells[i]);
    if (status[0] != status[1] ||
        (status[0] != BERTH_OK && sides[0].diag.reason != sides[1].diag.reason))
        fail_msg(
            "seed %llu: %s ends with %s %s and %s %s", (unsigned long long)seed, name,
            berth_status_name(status[0]),
            status[0] == BERTH_OK ? "" : berth_reason_name((berth_reason)sides[0].diag.reason),
            berth_status_name(status[1]),
            status[1] == BERTH_OK ? "" : berth_reason_name((berth_reason)sides[1].diag.reason));
    if (status[0] == BERTH_OK &&
        (is_wide ? cells[0][0].i64 != cells[1][0].i64 : cells[0][0].i32 != cells[1][0].i32))
        fail_msg("seed %llu: %s gives %llx and %llx", (unsigned long long)seed, name,
                 (unsigned long long)cells[0][0].i64, (unsigned long long)cells[1][0].i64);
    t->returned += status[0] == BERTH_OK;
    t->trapped += status[0] == BERTH_E_TRAP;
    compare_state(sides, seed);
}

static void run_seed(side *sides, uint64_t seed, tally *t)
{
    generator g = { .random = seed + 0x1234567 };
    char results[FUNCTIONS + 1];
    size_t size;
    uint8_t *bytes = make_module(seed, &size, results);

    for (int i = 0; i < 2; i++)
        open_side(&sides[i], bytes, size, seed);
    for (uint32_t f = 1; f < FUNCTIONS; f++)
        for (int n = 0; n < CALLS; n++) {
            char name[8];

            snprintf(name, sizeof name, "f%u", (unsigned)f);
            compare_call(sides, seed, name, results[f], &g, t);
        }
    for (int i = 0; i < 2; i++)
        sides[i].ops->store_destroy(sides[i].store);
    free(bytes);
}

static uint64_t first_seed = 1, seeds = SEEDS;

static void random_programs_do_the_same_on_both_providers(void **state)
{
    bertht_memory memory;
    berth_allocator allocator;
    berthi_wasm_options options = { .memory_bytes_max = 1u << 20,
                                    .table_elements_max = 100,
                                    .stack_bytes_max = 512 * 1024,
                                    .instances_max = 2 };
    side sides[2] = { { .ops = berthi_wasm_provider("interp") },
                      { .ops = berthi_wasm_provider("wasmtime") } };
    tally t = { 0, 0 };

    (void)state;
    memory_init(&memory);
    allocator = memory_allocator(&memory);
    options.allocator = &allocator;
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            sides[i].ops->engine_create(&options, &sides[i].engine, &sides[i].diag), BERTH_OK);
    for (uint64_t seed = first_seed; seed < first_seed + seeds; seed++)
        run_seed(sides, seed, &t);
    for (int i = 0; i < 2; i++)
        sides[i].ops->engine_destroy(sides[i].engine);
    memory_assert_empty(&memory);
    printf("seeds %llu to %llu: %u calls returned, %u trapped\n",
           (unsigned long long)first_seed, (unsigned long long)(first_seed + seeds - 1),
           t.returned, t.trapped);
    assert_true(t.returned > seeds && t.trapped > seeds / 10);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_programs_do_the_same_on_both_providers),
    };

    if (berthi_wasm_provider("wasmtime") == NULL) {
        printf("skipped: this build has one provider only\n");
        return 77;
    }
    if (argc > 1)
        first_seed = strtoull(argv[1], NULL, 10);
    if (argc > 2)
        seeds = strtoull(argv[2], NULL, 10);
    return cmocka_run_group_tests_name("agree", tests, NULL, NULL);
}
