/* interp_test.c - what only the interpreter promises: how small it is, where its bounds are, what
 * hostile bytes get, that threads may share an engine and a module. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "engine_rig.h"
#include "guests.h"
#include "wasm_builder.h"

enum { EVERYTHING_OF_20 = 20 + 20 + 3 + 10 + 4 + 2 };

static int setup(void **state)
{
    rig *r = calloc(1, sizeof *r);

    assert_non_null(r);
    r->ops = &berthi_interp_ops;
    memory_init(&r->memory);
    r->allocator = memory_allocator(&r->memory);
    r->options = (berthi_wasm_options){ .allocator = &r->allocator,
                                        .memory_bytes_max = 4 * 1024 * 1024,
                                        .table_elements_max = 1000,
                                        .stack_bytes_max = 256 * 1024,
                                        .instances_max = 64 };
    r->limits = (berthi_wasm_limits){ .memory_bytes_max = 2 * 1024 * 1024,
                                      .table_elements_max = 500,
                                      .instances_max = 4,
                                      .memories_max = 4,
                                      .tables_max = 4 };
    *state = r;
    assert_int_equal(r->ops->engine_create(&r->options, &r->engine, &r->diag), BERTH_OK);
    return 0;
}

/* Compiles what a builder holds. */
static berth_status compile(rig *r, const bertht_wasm *m, berthi_wasm_module **module_out)
{
    size_t size;
    uint8_t *bytes = wasm_finish(m, &size);
    berth_status status = r->ops->module_compile(r->engine, bytes, size, module_out, &r->diag);

    free(bytes);
    return status;
}

static void expect_compile(rig *r, bertht_wasm *m, berth_status want, const char *text)
{
    berthi_wasm_module *module = NULL;
    berth_status got = compile(r, m, &module);

    wasm_free(m);
    if (got != want)
        fail_msg("%s instead of %s: %s", berth_status_name(got), berth_status_name(want),
                 got == BERTH_OK ? "" : r->diag.text);
    if (got == BERTH_OK)
        r->ops->module_unref(module);
    else if (strstr(r->diag.text, text) == NULL)
        fail_msg("'%s' is not in '%s'", text, r->diag.text);
}

/* One function of these instructions behind a signature. */
#define CODE(want, text, signature, ...)                                                       \
    do {                                                                                       \
        static const uint8_t code_[] = { __VA_ARGS__ };                                        \
        bertht_wasm m_ = { 0 };                                                                \
        wasm_func(&m_, signature, code_, sizeof code_);                                        \
        expect_compile(r, &m_, want, text);                                                    \
    } while (0)

static void an_idle_instance_is_small(void **state)
{
    rig *r = *state;
    bertht_wasm m = { 0 };
    berthi_wasm_module *module;
    berthi_wasm_store *store;
    berthi_wasm_instance instance;
    size_t before, idle, after_call;

    wasm_memory(&m, 0, 1, 0);
    for (int i = 0; i < 50; i++)
        wasm_func(&m, "i:i", "\x20\x00", 2);
    wasm_export(&m, "f", BERTHI_EXTERN_FUNC, 0);
    assert_int_equal(compile(r, &m, &module), BERTH_OK);
    wasm_free(&m);
    before = atomic_load(&r->memory.live_bytes);
    store = rig_store(r, 10);
    assert_int_equal(r->ops->instantiate(store, module, NULL, 0, &instance, &r->diag),
                     BERTH_OK);
    idle = atomic_load(&r->memory.live_bytes) - before - 65536;
    assert_true(idle < 8 * 1024);
    assert_int_equal(rig_call(r, store, instance, "f", (berthi_val[1]){ { .i32 = 5 } }, 1),
                     BERTH_OK);
    after_call = atomic_load(&r->memory.live_bytes) - before - 65536;
    assert_true(after_call > idle && after_call < 16 * 1024);
    r->ops->store_destroy(store);
    r->ops->module_unref(module);
}

static void a_module_of_everything_computes(void **state)
{
    rig *r = *state;
    berthi_wasm_instance i;
    berthi_wasm_store *s = rig_instance(r, "everything", 10, &i);
    berthi_val v[1] = { { .i32 = 20 } };

    assert_int_equal(rig_call(r, s, i, "run", v, 1), BERTH_OK);
    assert_int_equal(v[0].i32, EVERYTHING_OF_20);
    r->ops->store_destroy(s);
}

/* The deepest recursion that a stack allows, and one call more. */
static void the_stack_holds_so_many_frames_and_no_more(void **state)
{
    rig *r = *state;
    berthi_wasm_instance i;
    berthi_wasm_store *s = rig_instance(r, "everything", 10, &i);
    berthi_extern run = rig_export(r, s, i, "run");
    int32_t low = 0, high = 1 << 20;
    size_t bytes;

    while (high - low > 1) {
        int32_t middle = low + (high - low) / 2;
        berthi_val v[1] = { { .i32 = middle } };
        berthi_wasm_store *fresh = rig_instance(r, "everything", 10, &i);
        berth_status status;

        run = rig_export(r, fresh, i, "run");
        status = r->ops->call(fresh, &run, v, 1, &r->diag);
        if (status == BERTH_OK) {
            low = middle;
        } else {
            assert_int_equal(status, BERTH_E_LIMIT);
            assert_int_equal(r->diag.reason, BERTH_REASON_STACK);
            high = middle;
        }
        r->ops->store_destroy(fresh);
    }
    /* A frame of $deep: one parameter, four locals, three links, an operand that stays (the 1),
     * and the next call's argument, which is the next frame's parameter. */
    bytes = (size_t)low * 9 * sizeof(uint64_t);
    assert_in_range(bytes, r->options.stack_bytes_max * 9 / 10, r->options.stack_bytes_max);
    assert_non_null(strstr(r->diag.text, "call stack exhausted\n  at deep\n  at deep"));
    assert_true(strlen(r->diag.text) < sizeof r->diag.text);
    r->ops->store_destroy(s);
}

static void recursion_without_loops_ends_at_its_deadline(void **state)
{
    static const uint8_t code[] = { 0x20, 0, 0x45, 0x04, 0x40, 0x0f, 0x0b, /* if !n return */
                                    0x20, 0, 0x41, 1,    0x6b, 0x10, 0,    /* f(n - 1) */
                                    0x20, 0, 0x41, 1,    0x6b, 0x10, 0 };  /* f(n - 1) */
    rig *r = *state;
    bertht_wasm m = { 0 };
    berthi_wasm_module *module;
    berthi_wasm_instance instance;
    berthi_wasm_store *store;
    rig_ticker *ticker;

    wasm_func(&m, "i:", code, sizeof code);
    wasm_export(&m, "f", BERTHI_EXTERN_FUNC, 0);
    assert_int_equal(compile(r, &m, &module), BERTH_OK);
    wasm_free(&m);
    store = rig_store(r, 1000);
    assert_int_equal(r->ops->instantiate(store, module, NULL, 0, &instance, &r->diag),
                     BERTH_OK);
    ticker = rig_ticker_start(r);
    /* 2^60 calls, 60 deep */
    assert_int_equal(rig_call(r, store, instance, "f", (berthi_val[1]){ { .i32 = 60 } }, 1),
                     BERTH_E_DEADLINE);
    rig_ticker_stop(ticker);
    r->ops->store_destroy(store);
    r->ops->module_unref(module);
}

static void a_function_has_so_many_locals_and_no_more(void **state)
{
    rig *r = *state;
    bertht_wasm m = { 0 };

    wasm_func_locals(&m, "i:", 50000 - 1, "", 0);
    expect_compile(r, &m, BERTH_OK, "");
    m = (bertht_wasm){ 0 };
    wasm_func_locals(&m, "i:", 50000, "", 0);
    expect_compile(r, &m, BERTH_E_LIMIT, "too many locals");
    m = (bertht_wasm){ 0 };
    wasm_func_locals(&m, "i:", UINT32_MAX, "", 0);
    expect_compile(r, &m, BERTH_E_REJECTED, "too many locals");
}

static void blocks_nest_so_deep_and_no_deeper(void **state)
{
    rig *r = *state;

    for (size_t depth = 99999; depth <= 100000; depth++) {
        bertht_wasm m = { 0 };
        uint8_t *code = malloc(3 * depth);

        assert_non_null(code);
        for (size_t i = 0; i < depth; i++) {
            code[2 * i] = 0x02;
            code[2 * i + 1] = 0x40;
        }
        memset(code + 2 * depth, 0x0b, depth);
        wasm_func(&m, ":", code, 3 * depth);
        free(code);
        expect_compile(r, &m, depth == 99999 ? BERTH_OK : BERTH_E_LIMIT,
                       "too many nested blocks");
    }
}

#ifndef __SANITIZE_THREAD__ /* one thread, and minutes */
static void checking_types_has_a_bound(void **state)
{
    /* Five bytes ask for a thousand pushes and pops, twice. */
    static const uint8_t unit[5] = { 0x02, 0x00, 0x00, 0x0b, 0x00 }; /* block (type 0), end */
    enum { REPEATS = 600000 };
    rig *r = *state;
    bertht_wasm m = { 0 };
    char signature[1002];
    uint8_t *code = malloc(REPEATS * sizeof unit);

    assert_non_null(code);
    signature[0] = ':';
    memset(signature + 1, 'i', 1000);
    signature[1001] = '\0';
    assert_int_equal(wasm_type(&m, signature), 0);
    for (size_t i = 0; i < REPEATS; i++)
        memcpy(code + i * sizeof unit, unit, sizeof unit);
    wasm_func(&m, ":", code, REPEATS * sizeof unit);
    free(code);
    expect_compile(r, &m, BERTH_E_LIMIT, "too much work");
}
#endif

static void operands_have_a_bound(void **state)
{
    rig *r = *state;

    for (size_t count = 1000000; count <= 1000001; count++) {
        bertht_wasm m = { 0 };
        uint8_t *code = malloc(2 * count + 1);

        assert_non_null(code);
        for (size_t i = 0; i < count; i++)
            memcpy(code + 2 * i, "\x41\x00", 2);
        code[2 * count] = 0x00; /* unreachable: none is left over */
        wasm_func(&m, ":", code, 2 * count + 1);
        free(code);
        expect_compile(r, &m, count == 1000000 ? BERTH_OK : BERTH_E_LIMIT, "too many operands");
    }
}

/* Instantiates what a builder holds, without imports, and calls its export "f" with one i32. */
static berth_status run_built(rig *r, bertht_wasm *m, int32_t argument, int32_t *result_out)
{
    berthi_wasm_module *module;
    berthi_wasm_instance instance;
    berthi_wasm_store *store = rig_store(r, 100);
    berthi_val v[1] = { { .i32 = argument } };
    berth_status status;

    if (compile(r, m, &module) != BERTH_OK)
        fail_msg("%s", r->diag.text);
    wasm_free(m);
    assert_int_equal(r->ops->instantiate(store, module, NULL, 0, &instance, &r->diag),
                     BERTH_OK);
    status = rig_call(r, store, instance, "f", v, 1);
    if (result_out != NULL)
        *result_out = v[0].i32;
    r->ops->store_destroy(store);
    r->ops->module_unref(module);
    return status;
}

static void an_active_segment_is_gone_once_it_was_written(void **state)
{
    static const uint8_t memory_init[] = {
        0x41, 0, 0x41, 0, 0x20, 0, 0xfc, 0x08, 0, 0, 0x20, 0
    };
    static const uint8_t table_init[] = {
        0x41, 0, 0x41, 0, 0x20, 0, 0xfc, 0x0c, 0, 0, 0x20, 0
    };
    static const uint32_t funcs[] = { 0 };
    static const uint8_t declared[] = { 3, 0, 1, 0 };
    rig *r = *state;

    for (int32_t n = 0; n <= 1; n++) {
        bertht_wasm m = { 0 };

        wasm_memory(&m, 0, 1, 0);
        wasm_func(&m, "i:i", memory_init, sizeof memory_init);
        wasm_export(&m, "f", BERTHI_EXTERN_FUNC, 0);
        wasm_data(&m, 0, "x", 1);
        buf_u32(&m.section[12], 1); /* the data count section is its count alone */
        m.count[12] = 1;
        m.section[12].size = 0;
        assert_int_equal(run_built(r, &m, n, NULL), n == 0 ? BERTH_OK : BERTH_E_TRAP);

        m = (bertht_wasm){ 0 };
        wasm_table(&m, BERTHI_FUNCREF, 0, 4, 0);
        wasm_func(&m, "i:i", table_init, sizeof table_init);
        wasm_export(&m, "f", BERTHI_EXTERN_FUNC, 0);
        wasm_elements(&m, 0, funcs, 1);
        assert_int_equal(run_built(r, &m, n, NULL), n == 0 ? BERTH_OK : BERTH_E_TRAP);

        m = (bertht_wasm){ 0 };
        wasm_table(&m, BERTHI_FUNCREF, 0, 4, 0);
        wasm_func(&m, "i:i", table_init, sizeof table_init);
        wasm_export(&m, "f", BERTHI_EXTERN_FUNC, 0);
        buf_bytes(&m.section[9], declared, sizeof declared);
        m.count[9] = 1;
        assert_int_equal(run_built(r, &m, n, NULL), n == 0 ? BERTH_OK : BERTH_E_TRAP);
    }
}

static void no_offset_wraps_an_address(void **state)
{
    static const uint8_t load[] = { 0x20, 0, 0x28, 0, 0xf0, 0xff, 0xff, 0xff, 0x0f };
    static const uint8_t store[] = { 0x20, 0,    0x41, 0,    0x36, 0, 0xf0,
                                     0xff, 0xff, 0xff, 0x0f, 0x20, 0 };
    rig *r = *state;

    for (int i = 0; i < 2; i++) {
        bertht_wasm m = { 0 };

        wasm_memory(&m, 0, 1, 0);
        wasm_func(&m, "i:i", i == 0 ? load : store, i == 0 ? sizeof load : sizeof store);
        wasm_export(&m, "f", BERTHI_EXTERN_FUNC, 0);
        assert_int_equal(run_built(r, &m, 64, NULL), BERTH_E_TRAP);
        assert_int_equal(r->diag.reason, BERTH_REASON_MEMORY_BOUNDS);
    }
}

static void constants_read_immutable_globals_only(void **state)
{
    static const uint8_t reads_first[] = { 0x7f, 0, 0x23, 0, 0x0b };
    rig *r = *state;

    for (int is_mutable = 0; is_mutable < 2; is_mutable++) {
        bertht_wasm m = { 0 };

        wasm_global_i32(&m, is_mutable != 0, 5);
        buf_bytes(&m.section[6], reads_first, sizeof reads_first);
        m.count[6]++;
        expect_compile(r, &m, is_mutable ? BERTH_E_REJECTED : BERTH_OK,
                       "the global is mutable");
    }
}

static void features_that_it_lacks_are_named(void **state)
{
    rig *r = *state;
    bertht_wasm m = { 0 };

    CODE(BERTH_E_REJECTED, "SIMD is not supported", ":", 0xfd, 0x0c, 0, 0, 0, 0, 0, 0, 0, 0);
    CODE(BERTH_E_REJECTED, "threads are not supported", ":", 0xfe, 0x03, 0);
    CODE(BERTH_E_REJECTED, "exceptions are not supported", ":", 0x08, 0);
    CODE(BERTH_E_REJECTED, "garbage collection is not supported", ":", 0xfb, 0);
    CODE(BERTH_E_REJECTED, "typed function references", ":", 0x14, 0);
    CODE(BERTH_E_REJECTED, "illegal opcode", ":", 0x27);
    CODE(BERTH_E_REJECTED, "illegal opcode behind 0xfc", ":", 0xfc, 18);
    wasm_type(&m, "v:");
    expect_compile(r, &m, BERTH_E_REJECTED, "SIMD (v128)");
    m = (bertht_wasm){ 0 };
    wasm_memory(&m, 3, 1, 2);
    expect_compile(r, &m, BERTH_E_REJECTED, "shared memories");
    m = (bertht_wasm){ 0 };
    wasm_table(&m, BERTHI_FUNCREF, 4, 1, 0);
    expect_compile(r, &m, BERTH_E_REJECTED, "64-bit tables");
}

static void what_is_wrong_is_said_with_its_place(void **state)
{
    rig *r = *state;

    CODE(BERTH_E_REJECTED, "function 0: type mismatch", ":i", 0x42, 0);
    CODE(BERTH_E_REJECTED, "operand is missing", ":i", 0x01);
    CODE(BERTH_E_REJECTED, "operands are left", ":", 0x41, 0);
    CODE(BERTH_E_REJECTED, "unknown local", ":", 0x20, 0, 0x1a);
    CODE(BERTH_E_REJECTED, "unknown label", ":", 0x0c, 1);
    CODE(BERTH_E_REJECTED, "unknown function", ":", 0x10, 1);
    CODE(BERTH_E_REJECTED, "unknown memory", ":", 0x3f, 0, 0x1a);
    CODE(BERTH_E_REJECTED, "else without if", ":", 0x05);
    CODE(BERTH_E_REJECTED, "unexpected end", ":", 0x02, 0x40);
    CODE(BERTH_E_REJECTED, "behind the end of a function", ":", 0x0b);
    /* head 8, types 6, functions 4, section 2, count 1, size 1, locals 1, two ends */
    if (strstr(r->diag.text, " at byte 24") == NULL)
        fail_msg("%s", r->diag.text);
}

/* Whatever happens to its bytes, a module is refused, or runs and ends as a guest may. */
static void try_bytes(rig *r, const uint8_t *bytes, size_t size, bool runs)
{
    uint8_t *exact = malloc(size == 0 ? 1 : size);
    berthi_wasm_module *module = NULL;
    berthi_wasm_store *store;
    berthi_wasm_instance instance;
    berthi_val v[8] = { { .i32 = 3 } };
    berthi_extern e;
    berth_status status;

    assert_non_null(exact);
    if (size > 0)
        memcpy(exact, bytes, size);
    status = r->ops->module_compile(r->engine, exact, size, &module, &r->diag);
    free(exact); /* a module keeps nothing of it */
    if (status != BERTH_OK) {
        assert_true(status == BERTH_E_REJECTED || status == BERTH_E_LIMIT);
        return;
    }
    if (!runs) {
        r->ops->module_unref(module);
        return;
    }
    store = rig_store(r, 200);
    status = r->ops->instantiate(store, module, NULL, 0, &instance, &r->diag);
    if (status == BERTH_OK && r->ops->instance_export(store, instance, "run", 3, &e) &&
        e.kind == BERTHI_EXTERN_FUNC)
        status = r->ops->call(store, &e, v, 8, &r->diag);
    assert_true(status == BERTH_OK || status == BERTH_E_TRAP || status == BERTH_E_LIMIT ||
                status == BERTH_E_DEADLINE || status == BERTH_E_REJECTED);
    r->ops->store_destroy(store);
    r->ops->module_unref(module);
}

static void every_truncation_is_survived(void **state)
{
    rig *r = *state;
    size_t size;
    uint8_t *bytes = guest_read("everything", &size);

    for (size_t n = 0; n <= size; n++)
        try_bytes(r, bytes, n, true);
    free(bytes);
}

/* ThreadSanitizer sees nothing in one thread, and would take minutes for it. */
#if defined(__SANITIZE_THREAD__) || defined(BERTH_TEST_SLOW)
enum { VALUE_STEP = 37 };
#else
enum { VALUE_STEP = 1 };
#endif

/* All mutations are compiled; those that flip one bit, or many, are run as well. */
static bool is_run(unsigned difference)
{
    return (difference & (difference - 1)) == 0 || difference == 0xff || difference == 0x7f;
}

static void every_mutation_of_a_byte_is_survived(void **state)
{
    rig *r = *state;
    size_t size;
    uint8_t *bytes = guest_read("everything", &size);
    rig_ticker *ticker = rig_ticker_start(r);

    for (size_t at = 0; at < size; at++) {
        uint8_t kept = bytes[at];

        for (unsigned value = 0; value < 256; value += VALUE_STEP) {
            bytes[at] = (uint8_t)value;
            try_bytes(r, bytes, size, is_run(value ^ kept));
        }
        bytes[at] = kept;
    }
    rig_ticker_stop(ticker);
    free(bytes);
}

typedef struct nest {
    rig *r;
    berthi_extern again;
    unsigned depth, deepest;
} nest;

static berth_status call_again(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                               berth_diag *diag)
{
    nest *n = ctx;
    berth_status status;

    (void)cells;
    n->depth++;
    if (n->depth > n->deepest)
        n->deepest = n->depth;
    status = n->r->ops->call(store, &n->again, NULL, 0, diag);
    n->depth--;
    return status;
}

static void guest_and_host_nest_so_deep_and_no_deeper(void **state)
{
    rig *r = *state;
    nest n = { .r = r };
    bertht_wasm m = { 0 };
    berthi_wasm_module *module;
    berthi_wasm_instance instance;
    berthi_wasm_store *store = rig_store(r, 1000);
    berthi_extern import;
    berthi_functype type = { 0, 0, NULL };

    wasm_import_func(&m, "host", "again", ":");
    wasm_func(&m, ":", "\x10\x00", 2);
    wasm_export(&m, "f", BERTHI_EXTERN_FUNC, 1);
    assert_int_equal(compile(r, &m, &module), BERTH_OK);
    wasm_free(&m);
    assert_int_equal(r->ops->func_create(store, &type, call_again, &n, &import, &r->diag),
                     BERTH_OK);
    assert_int_equal(r->ops->instantiate(store, module, &import, 1, &instance, &r->diag),
                     BERTH_OK);
    n.again = rig_export(r, store, instance, "f");
    assert_int_equal(rig_call(r, store, instance, "f", NULL, 0), BERTH_E_LIMIT);
    assert_int_equal(r->diag.reason, BERTH_REASON_STACK);
    assert_int_equal(n.deepest, 100);
    r->ops->store_destroy(store);
    r->ops->module_unref(module);
}

/* While a host function calls back, what the guest had in hand stays as it was. */
static berth_status call_other(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                               berth_diag *diag)
{
    nest *n = ctx;
    berthi_val v[1] = { { .i32 = 77 } };
    berth_status status = n->r->ops->call(store, &n->again, v, 1, diag);

    cells[0] = (berthi_val){ .i32 = v[0].i32 };
    return status;
}

static void a_guest_keeps_its_operands_while_its_host_calls_back(void **state)
{
    /* f(x): 1000 + (x + (host() -> g(77)) ), g(y): y + 1 with locals of its own */
    static const uint8_t f[] = {
        0x41, 0xe8, 0x07, 0x20, 0, 0x10, 0, 0x6a, 0x6a, 0x20, 0, 0x6a
    };
    static const uint8_t g[] = { 0x41, 5, 0x21, 1, 0x41, 6, 0x21, 2, 0x20, 0, 0x41, 1, 0x6a };
    static const uint8_t type_i[] = { BERTHI_I32 };
    rig *r = *state;
    nest n = { .r = r };
    bertht_wasm m = { 0 };
    berthi_wasm_module *module;
    berthi_wasm_instance instance;
    berthi_wasm_store *store = rig_store(r, 100);
    berthi_extern import;
    berthi_functype type = { 0, 1, type_i };
    berthi_val v[1] = { { .i32 = 20 } };

    wasm_import_func(&m, "host", "other", ":i");
    wasm_func(&m, "i:i", f, sizeof f);
    wasm_func_locals(&m, "i:i", 8, g, sizeof g);
    wasm_export(&m, "f", BERTHI_EXTERN_FUNC, 1);
    wasm_export(&m, "g", BERTHI_EXTERN_FUNC, 2);
    assert_int_equal(compile(r, &m, &module), BERTH_OK);
    wasm_free(&m);
    assert_int_equal(r->ops->func_create(store, &type, call_other, &n, &import, &r->diag),
                     BERTH_OK);
    assert_int_equal(r->ops->instantiate(store, module, &import, 1, &instance, &r->diag),
                     BERTH_OK);
    n.again = rig_export(r, store, instance, "g");
    assert_int_equal(rig_call(r, store, instance, "f", v, 1), BERTH_OK);
    assert_int_equal(v[0].i32, 1000 + 20 + 78 + 20);
    r->ops->store_destroy(store);
    r->ops->module_unref(module);
}

static void a_backtrace_is_cut_and_fits(void **state)
{
    rig *r = *state;
    berthi_wasm_instance i;
    berthi_wasm_store *s = rig_instance(r, "probe", 10, &i);
    size_t lines = 0;

    assert_int_equal(rig_call(r, s, i, "deep", (berthi_val[1]){ { .i32 = 0 } }, 1),
                     BERTH_E_LIMIT);
    for (const char *at = r->diag.text; (at = strstr(at, "\n  at deep")) != NULL; at++)
        lines++;
    assert_int_equal(lines, 10);
    assert_non_null(strstr(r->diag.text, "\n  ..."));
    r->ops->store_destroy(s);
}

typedef struct sharer {
    rig *r;
    berthi_wasm_module *module;
    int32_t wrong;
} sharer;

static void *share(void *arg)
{
    sharer *x = arg;
    const berthi_wasm_ops *ops = x->r->ops;

    for (int n = 0; n < 200; n++) {
        berthi_wasm_store *store;
        berthi_wasm_instance instance;
        berthi_val v[1] = { { .i32 = 20 } };
        berthi_extern e;
        berth_diag diag;

        ops->module_ref(x->module);
        if (ops->store_create(x->r->engine, &x->r->limits, NULL, &store, &diag) != BERTH_OK)
            return arg;
        ops->store_deadline(store, UINT64_MAX);
        if (ops->instantiate(store, x->module, NULL, 0, &instance, &diag) != BERTH_OK ||
            !ops->instance_export(store, instance, "run", 3, &e) ||
            ops->call(store, &e, v, 1, &diag) != BERTH_OK || v[0].i32 != EVERYTHING_OF_20)
            x->wrong++;
        ops->store_destroy(store);
        ops->module_unref(x->module);
    }
    return NULL;
}

static void threads_share_an_engine_and_a_module(void **state)
{
    rig *r = *state;
    berthi_wasm_module *module = rig_module(r, "everything");
    rig_ticker *ticker = rig_ticker_start(r);
    sharer x[2] = { { r, module, 0 }, { r, module, 0 } };
    pthread_t threads[2];

    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, share, &x[i]), 0);
    for (int i = 0; i < 2; i++) {
        void *failed;

        pthread_join(threads[i], &failed);
        assert_null(failed);
        assert_int_equal(x[i].wrong, 0);
    }
    assert_true(rig_ticker_stop(ticker) > 0);
    r->ops->module_unref(module);
}

#define interp_test(function) cmocka_unit_test_setup_teardown(function, setup, rig_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        interp_test(an_idle_instance_is_small),
        interp_test(a_module_of_everything_computes),
        interp_test(the_stack_holds_so_many_frames_and_no_more),
        interp_test(recursion_without_loops_ends_at_its_deadline),
        interp_test(a_function_has_so_many_locals_and_no_more),
        interp_test(blocks_nest_so_deep_and_no_deeper),
#ifndef __SANITIZE_THREAD__
        interp_test(checking_types_has_a_bound),
#endif
        interp_test(operands_have_a_bound),
        interp_test(an_active_segment_is_gone_once_it_was_written),
        interp_test(no_offset_wraps_an_address),
        interp_test(constants_read_immutable_globals_only),
        interp_test(a_guest_keeps_its_operands_while_its_host_calls_back),
        interp_test(features_that_it_lacks_are_named),
        interp_test(what_is_wrong_is_said_with_its_place),
        interp_test(every_truncation_is_survived),
        interp_test(every_mutation_of_a_byte_is_survived),
        interp_test(guest_and_host_nest_so_deep_and_no_deeper),
        interp_test(a_backtrace_is_cut_and_fits),
        interp_test(threads_share_an_engine_and_a_module),
    };

    return cmocka_run_group_tests_name("interp", tests, NULL, NULL);
}
