/* provider_calls_test.c - calls, values, memory, ends of guests: alike on every provider. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "engine_rig.h"
#include "wasm_builder.h"

static void calls_pass_values_of_every_type(void **state)
{
    rig *r = *state;
    berthi_wasm_instance i;
    berthi_wasm_store *s = rig_instance(r, "probe", 100, &i);
    berthi_val v[3] = { { .i32 = -3 }, { .i32 = 45 } };

    assert_int_equal(rig_call(r, s, i, "nothing", NULL, 0), BERTH_OK);
    assert_int_equal(rig_call(r, s, i, "add", v, 2), BERTH_OK);
    assert_int_equal(v[0].i32, 42);

    v[0] = (berthi_val){ .i64 = INT64_MIN };
    v[1] = (berthi_val){ .f64 = UINT64_C(0x7ff4000000000001) }; /* a signalling NaN stays one */
    v[2] = (berthi_val){ .i32 = 5 };
    assert_int_equal(rig_call(r, s, i, "swap", v, 3), BERTH_OK);
    assert_int_equal(v[0].i32, 5);
    assert_true(v[1].f64 == UINT64_C(0x7ff4000000000001));
    assert_true(v[2].i64 == INT64_MIN);

    v[0] = (berthi_val){ .f32 = UINT32_C(0x7fa00001) };
    assert_int_equal(rig_call(r, s, i, "bits", v, 1), BERTH_OK);
    assert_true(v[0].f32 == UINT32_C(0x7fa00001));
    r->ops->store_destroy(s);
}

static void types_of_functions_are_told(void **state)
{
    rig *r = *state;
    berthi_wasm_instance i;
    berthi_wasm_store *s = rig_instance(r, "probe", 100, &i);
    berthi_extern f = rig_export(r, s, i, "swap");
    const uint8_t want[] = { BERTHI_I64, BERTHI_F64, BERTHI_I32,
                             BERTHI_I32, BERTHI_F64, BERTHI_I64 };
    uint8_t types[8] = { 0 };
    uint32_t params = 99, results = 99;

    assert_true(r->ops->func_type(s, &f, types, sizeof types, &params, &results));
    assert_int_equal(params, 3);
    assert_int_equal(results, 3);
    assert_memory_equal(types, want, sizeof want);
    assert_true(r->ops->func_type(s, &f, types, 6, &params, &results));
    assert_false(r->ops->func_type(s, &f, types, 5, &params, &results));
    f = rig_export(r, s, i, "table_get");
    assert_true(r->ops->func_type(s, &f, types, 2, &params, &results));
    assert_int_equal(types[1], BERTHI_FUNCREF);
    r->ops->store_destroy(s);
}

static void absent_exports_are_absent(void **state)
{
    rig *r = *state;
    berthi_wasm_instance i;
    berthi_wasm_store *s = rig_instance(r, "probe", 100, &i);
    berthi_extern e = { .kind = 77 };

    assert_false(r->ops->instance_export(s, i, "ad", 2, &e));
    assert_false(r->ops->instance_export(s, i, "addx", 4, &e));
    assert_false(r->ops->instance_export(s, i, "\xff\xfe", 2, &e));
    assert_false(r->ops->instance_export(s, i, "", 0, &e));
    assert_int_equal(e.kind, 77);
    assert_true(r->ops->instance_export(s, i, "addx", 3, &e)); /* the size counts */
    assert_int_equal(rig_export(r, s, i, "memory").kind, BERTHI_EXTERN_MEMORY);
    assert_int_equal(rig_export(r, s, i, "table").kind, BERTHI_EXTERN_TABLE);
    assert_int_equal(rig_export(r, s, i, "counter").kind, BERTHI_EXTERN_GLOBAL);
    r->ops->store_destroy(s);
}

static void globals_are_read_and_written(void **state)
{
    rig *r = *state;
    berthi_wasm_instance i;
    berthi_wasm_store *s = rig_instance(r, "probe", 100, &i);
    berthi_extern counter = rig_export(r, s, i, "counter");
    berthi_extern constant = rig_export(r, s, i, "constant");
    berthi_val v;

    r->ops->global_get(s, &counter, &v);
    assert_int_equal(v.i32, 7);
    assert_true(r->ops->global_set(s, &counter, (berthi_val){ .i32 = 40 }));
    assert_int_equal(rig_call(r, s, i, "count", &v, 1), BERTH_OK);
    assert_int_equal(v.i32, 41);
    r->ops->global_get(s, &constant, &v);
    assert_true(v.i64 == INT64_C(0x1122334455667788));
    assert_false(r->ops->global_set(s, &constant, v));
    r->ops->store_destroy(s);
}

static void memory_is_seen_as_it_is_after_growth(void **state)
{
    rig *r = *state;
    berthi_wasm_instance i;
    berthi_wasm_store *s = rig_instance(r, "probe", 100, &i);
    berthi_extern m = rig_export(r, s, i, "memory");
    berthi_memory_view view = r->ops->memory_view(s, &m);
    berthi_val v[2] = { { .i32 = 3 } };

    assert_int_equal(view.size, 65536);
    assert_memory_equal(view.base + 16, "berth", 5);
    view.base[100] = 99;
    assert_int_equal(rig_call(r, s, i, "grow", v, 1), BERTH_OK);
    assert_int_equal(v[0].i32, 1);
    view = r->ops->memory_view(s, &m);
    assert_int_equal(view.size, 4 * 65536);
    assert_int_equal(view.base[100], 99);
    assert_int_equal(view.base[4 * 65536 - 1], 0);
    v[0].i32 = 4 * 65536 - 1;
    v[1].i32 = 0xab;
    assert_int_equal(rig_call(r, s, i, "store", v, 2), BERTH_OK);
    view = r->ops->memory_view(s, &m); /* each entry may move it; hostile builds do */
    assert_int_equal(view.base[4 * 65536 - 1], 0xab);
    r->ops->store_destroy(s);
}

typedef struct ending {
    const char *name;
    berthi_val cells[2];
    size_t count;
    berth_status status;
    berth_reason reason;
    const char *words;
} ending;

#define I(x)                                                                                   \
    {                                                                                          \
        .i32 = (x)                                                                             \
    }

static void every_end_of_a_guest_has_its_reason(void **state)
{
    static const ending endings[] = {
        { "unreachable", { I(0) }, 0, BERTH_E_TRAP, BERTH_REASON_UNREACHABLE, "unreachable" },
        { "divide",
          { I(1), I(0) },
          2,
          BERTH_E_TRAP,
          BERTH_REASON_DIVISION,
          "integer divide by zero" },
        { "divide",
          { I(INT32_MIN), I(-1) },
          2,
          BERTH_E_TRAP,
          BERTH_REASON_INTEGER_OVERFLOW,
          "integer overflow" },
        { "convert",
          { { .f64 = UINT64_C(0x7ff8000000000000) } },
          1,
          BERTH_E_TRAP,
          BERTH_REASON_CONVERSION,
          "invalid conversion to integer" },
        { "convert",
          { { .f64 = UINT64_C(0x43f0000000000000) } },
          1,
          BERTH_E_TRAP,
          BERTH_REASON_INTEGER_OVERFLOW,
          "integer overflow" },
        { "load",
          { I(65536) },
          1,
          BERTH_E_TRAP,
          BERTH_REASON_MEMORY_BOUNDS,
          "out of bounds memory access" },
        { "load",
          { I(-1) },
          1,
          BERTH_E_TRAP,
          BERTH_REASON_MEMORY_BOUNDS,
          "out of bounds memory access" },
        { "store",
          { I(65536), I(1) },
          2,
          BERTH_E_TRAP,
          BERTH_REASON_MEMORY_BOUNDS,
          "out of bounds memory access" },
        { "indirect",
          { I(4), I(0) },
          2,
          BERTH_E_TRAP,
          BERTH_REASON_TABLE_BOUNDS,
          "out of bounds table access" },
        { "indirect",
          { I(1), I(0) },
          2,
          BERTH_E_TRAP,
          BERTH_REASON_INDIRECT_NULL,
          "call of a null function" },
        { "indirect_none",
          { I(0) },
          1,
          BERTH_E_TRAP,
          BERTH_REASON_SIGNATURE,
          "indirect call type mismatch" },
        { "table_get",
          { I(4) },
          1,
          BERTH_E_TRAP,
          BERTH_REASON_TABLE_BOUNDS,
          "out of bounds table access" },
        { "deep", { I(0) }, 1, BERTH_E_LIMIT, BERTH_REASON_STACK, "call stack exhausted" },
    };
    rig *r = *state;

    for (size_t n = 0; n < sizeof endings / sizeof *endings; n++) {
        berthi_wasm_instance i;
        berthi_wasm_store *s = rig_instance(r, "probe", 1000, &i);
        berthi_val cells[2] = { endings[n].cells[0], endings[n].cells[1] };

        assert_int_equal(rig_call(r, s, i, endings[n].name, cells, endings[n].count),
                         endings[n].status);
        assert_int_equal(r->diag.status, endings[n].status);
        if (r->diag.reason != (int32_t)endings[n].reason ||
            strncmp(r->diag.text, endings[n].words, strlen(endings[n].words)) != 0)
            fail_msg("%s: %s", endings[n].name, r->diag.text);
        r->ops->store_destroy(s);
    }
}

static void a_backtrace_names_frames_from_the_inside(void **state)
{
    rig *r = *state;
    berthi_wasm_instance i;
    berthi_wasm_store *s = rig_instance(r, "probe", 100, &i);
    const char *first, *second;

    assert_int_equal(rig_call(r, s, i, "traced", NULL, 0), BERTH_E_TRAP);
    first = strstr(r->diag.text, "\n  at innermost");
    second = strstr(r->diag.text, "\n  at middle");
    if (first == NULL || second == NULL || first > second)
        fail_msg("%s", r->diag.text);
    r->ops->store_destroy(s);
}

/* Names come from the guest; none may steer the terminal that shows them. */
static void names_in_a_backtrace_are_printable(void **state)
{
    /* a name section with one function name: ESC [2J, a line feed, a letter, bytes of UTF-8 */
    static const uint8_t names[] = { 1,   13,   1,   0,    10,   0x1b, '[', '2',
                                     'J', '\n', 'x', 0xc2, 0x9b, 0x7f, '!' };
    rig *r = *state;
    bertht_wasm m = { 0 };
    berthi_wasm_module *module;
    berthi_wasm_store *s = rig_store(r, 100);
    berthi_wasm_instance i;
    const char *frame;
    uint8_t *bytes;
    size_t size;

    wasm_export(&m, "f", BERTHI_EXTERN_FUNC, wasm_func(&m, ":", "\x00", 1));
    wasm_custom(&m, "name", names, sizeof names);
    bytes = wasm_finish(&m, &size);
    wasm_free(&m);
    assert_int_equal(r->ops->module_compile(r->engine, bytes, size, &module, &r->diag),
                     BERTH_OK);
    free(bytes);
    assert_int_equal(r->ops->instantiate(s, module, NULL, 0, &i, &r->diag), BERTH_OK);
    assert_int_equal(rig_call(r, s, i, "f", NULL, 0), BERTH_E_TRAP);
    frame = strstr(r->diag.text, "\n  at \\x1b[2J\\x0ax\\xc2\\x9b\\x7f!");
    if (frame == NULL)
        fail_msg("%s", r->diag.text);
    for (frame++; *frame != '\0'; frame++)
        assert_true(*frame >= 0x20 && *frame < 0x7f);
    r->ops->store_destroy(s);
    r->ops->module_unref(module);
}

enum { THREADS = 4, ROUNDS = 200 };

typedef struct crowd {
    rig *r;
    berthi_wasm_module *module;
    _Atomic(const char *) failed; /* what did not work, of any thread */
} crowd;

static berth_status unused(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                           berth_diag *diag)
{
    (void)ctx;
    (void)store;
    (void)cells;
    (void)diag;
    return BERTH_OK;
}

/* What did not work, or NULL. */
static const char *live_once(rig *r, berthi_wasm_module *module, int32_t n)
{
    berthi_val v[2] = { { .i32 = n }, { .i32 = 1 } };
    const char *failed = NULL;
    berthi_wasm_instance i;
    berthi_wasm_store *s;
    berthi_extern f;
    uint8_t types[10];
    berth_diag diag;

    if (r->ops->store_create(r->engine, &r->limits, NULL, &s, &diag) != BERTH_OK)
        return "store";
    r->ops->store_deadline(s,
                           UINT64_MAX); /* ticks go by as fast as they can, and we may rest */
    memset(types, BERTHI_I64, sizeof types);
    if (r->ops->func_create(s, &(berthi_functype){ (uint32_t)n % 9, 1, types }, unused, NULL,
                            &f, &diag) != BERTH_OK)
        failed = "host function";
    else if (r->ops->instantiate(s, module, NULL, 0, &i, &diag) != BERTH_OK ||
             !r->ops->instance_export(s, i, "add", 3, &f) ||
             r->ops->call(s, &f, v, 2, &diag) != BERTH_OK || v[0].i32 != n + 1)
        failed = "call";
    else if (!r->ops->instance_export(s, i, "unreachable", 11, &f) ||
             r->ops->call(s, &f, NULL, 0, &diag) != BERTH_E_TRAP)
        failed = "trap";
    r->ops->store_destroy(s);
    return failed;
}

static void *live_in_a_crowd(void *arg)
{
    crowd *c = arg;

    for (int32_t n = 0; n < ROUNDS && c->failed == NULL; n++) {
        const char *failed;

        c->r->ops->module_ref(c->module);
        failed = live_once(c->r, c->module, n);
        c->r->ops->module_unref(c->module);
        if (failed != NULL)
            c->failed = failed;
    }
    return NULL;
}

static void one_module_serves_many_threads(void **state)
{
    crowd c = { .r = *state };
    pthread_t threads[THREADS];
    rig_ticker *ticker;

    c.module = rig_module(c.r, "probe");
    ticker = rig_ticker_start(c.r);
    for (int n = 0; n < THREADS; n++)
        assert_int_equal(pthread_create(&threads[n], NULL, live_in_a_crowd, &c), 0);
    for (int n = 0; n < THREADS; n++)
        pthread_join(threads[n], NULL);
    rig_ticker_stop(ticker);
    c.r->ops->module_unref(c.module);
    if (c.failed != NULL)
        fail_msg("%s", c.failed);
}

static void diags_are_optional(void **state)
{
    rig *r = *state;
    berthi_wasm_instance i;
    berthi_wasm_store *s = rig_instance(r, "probe", 100, &i);
    berthi_extern f = rig_export(r, s, i, "traced");

    assert_int_equal(r->ops->call(s, &f, NULL, 0, NULL), BERTH_E_TRAP);
    r->ops->store_destroy(s);
}

static void stores_do_not_see_each_other(void **state)
{
    rig *r = *state;
    berthi_wasm_instance a, b;
    berthi_wasm_store *s = rig_instance(r, "probe", 100, &a);
    berthi_wasm_store *t = rig_instance(r, "probe", 100, &b);
    berthi_val v;

    assert_int_equal(rig_call(r, s, a, "count", &v, 1), BERTH_OK);
    assert_int_equal(v.i32, 8);
    assert_int_equal(rig_call(r, t, b, "count", &v, 1), BERTH_OK);
    assert_int_equal(v.i32, 8);
    assert_ptr_equal(s->data, r);
    r->ops->store_destroy(s);
    r->ops->store_destroy(t);
}

/* I6.  Every slot of the pool is used, dirtied to its end and used again. */
static void nothing_of_one_store_is_left_for_the_next(void **state)
{
    rig *r = *state;
    berthi_wasm_store *s[16];
    berthi_wasm_instance i[16];

    for (int round = 0; round < 3; round++) {
        for (int n = 0; n < 16; n++) {
            berthi_extern m;
            berthi_memory_view view;
            berthi_val v[3] = { { .i32 = 31 } };

            s[n] = rig_instance(r, "probe", 1000, &i[n]);
            assert_int_equal(rig_call(r, s[n], i[n], "grow", v, 1), BERTH_OK);
            assert_int_equal(v[0].i32, 1);
            m = rig_export(r, s[n], i[n], "memory");
            view = r->ops->memory_view(s[n], &m);
            assert_int_equal(view.size, 32 * 65536);
            assert_memory_equal(view.base + 16, "berth", 5);
            memset(view.base + 16, 0, 5);
            for (size_t at = 0; at < view.size; at += sizeof(uint64_t)) {
                uint64_t word;

                memcpy(&word, view.base + at, sizeof word);
                assert_true(word == 0);
            }
            memset(view.base, 0x5e, view.size);
            assert_int_equal(rig_call(r, s[n], i[n], "count", v, 1), BERTH_OK);
            assert_int_equal(v[0].i32, 8);
            v[0].i32 = 10;
            assert_int_equal(rig_call(r, s[n], i[n], "table_grow", v, 1), BERTH_OK);
            assert_int_equal(v[0].i32, 4);
        }
        for (int n = 0; n < 16; n++)
            r->ops->store_destroy(s[n]);
    }
}

static void a_module_outlives_its_last_reference_in_stores(void **state)
{
    rig *r = *state;
    berthi_wasm_instance i;
    berthi_wasm_module *module = rig_module(r, "probe");
    berthi_wasm_store *s = rig_store(r, 100);
    berthi_val v[2] = { { .i32 = 20 }, { .i32 = 22 } };

    assert_true(r->ops->module_code_bytes(module) > 0);
    assert_int_equal(r->ops->instantiate(s, module, NULL, 0, &i, &r->diag), BERTH_OK);
    r->ops->module_ref(module);
    r->ops->module_unref(module);
    assert_int_equal(r->ops->instantiate(s, module, NULL, 0, &i, &r->diag), BERTH_OK);
    r->ops->module_unref(module);
    assert_int_equal(rig_call(r, s, i, "add", v, 2), BERTH_OK);
    assert_int_equal(v[0].i32, 42);
    r->ops->store_destroy(s);
}

static void invalid_modules_are_rejected_with_the_reason(void **state)
{
    static const uint8_t truncated[] = { 0, 'a', 's', 'm', 1, 0, 0, 0, 1, 5 };
    static const uint8_t component[] = { 0, 'a', 's', 'm', 13, 0, 1, 0 };
    /* (func (result i32)) with an empty body: valid bytes, wrong types */
    static const uint8_t untyped[] = { 0, 'a',  's', 'm', 1, 0, 0,  0, 1, 5, 1, 0x60, 0,
                                       1, 0x7f, 3,   2,   1, 0, 10, 4, 1, 2, 0, 0x0b };
    rig *r = *state;
    berthi_wasm_module *module = NULL;

    assert_int_equal(
        r->ops->module_compile(r->engine, truncated, sizeof truncated, &module, &r->diag),
        BERTH_E_REJECTED);
    assert_true(r->diag.text[0] != '\0');
    assert_null(strchr(r->diag.text, '\n'));
    assert_int_equal(
        r->ops->module_compile(r->engine, component, sizeof component, &module, &r->diag),
        BERTH_E_REJECTED);
    assert_int_equal(
        r->ops->module_compile(r->engine, untyped, sizeof untyped, &module, &r->diag),
        BERTH_E_REJECTED);
    assert_int_equal(r->ops->module_compile(r->engine, NULL, 0, &module, NULL),
                     BERTH_E_REJECTED);
    assert_null(module);
}

static void engines_of_the_same_settings_have_the_same_identity(void **state)
{
    rig *r = *state;
    berthi_wasm_engine *other;
    berthi_wasm_options options = r->options;
    const char *mine = r->ops->engine_identity(r->engine);

    assert_int_equal(strncmp(mine, r->ops->name, strlen(r->ops->name)), 0);
    assert_int_equal(r->ops->engine_create(&options, &other, &r->diag), BERTH_OK);
    assert_string_equal(mine, r->ops->engine_identity(other));
    r->ops->engine_destroy(other);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        rig_test(calls_pass_values_of_every_type),
        rig_test(types_of_functions_are_told),
        rig_test(absent_exports_are_absent),
        rig_test(globals_are_read_and_written),
        rig_test(memory_is_seen_as_it_is_after_growth),
        rig_test(every_end_of_a_guest_has_its_reason),
        rig_test(a_backtrace_names_frames_from_the_inside),
        rig_test(names_in_a_backtrace_are_printable),
        rig_test(one_module_serves_many_threads),
        rig_test(diags_are_optional),
        rig_test(stores_do_not_see_each_other),
        rig_test(nothing_of_one_store_is_left_for_the_next),
        rig_test(a_module_outlives_its_last_reference_in_stores),
        rig_test(invalid_modules_are_rejected_with_the_reason),
        rig_test(engines_of_the_same_settings_have_the_same_identity),
    };

    return rig_run("calls", tests, sizeof tests / sizeof *tests);
}
