/* provider_features_test.c - tail calls and memories with 64-bit addresses, alike on every
 * provider; what is left out is refused by name, and never in silence. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "engine_rig.h"
#include "wasm_builder.h"

/* x -> x, 2x, 3x; 13 fails. */
static berth_status three(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                          berth_diag *diag)
{
    int32_t x = cells[0].i32;

    (void)ctx;
    (void)store;
    if (x == 13)
        return berthi_fail(diag, BERTH_E_ABI, "thirteen");
    for (int32_t i = 0; i < 3; i++)
        cells[i] = (berthi_val){ .i32 = x * (i + 1) };
    return BERTH_OK;
}

static berthi_wasm_store *start_tail(rig *r, berthi_wasm_linked **linked_out,
                                     berthi_wasm_instance *instance_out)
{
    static const uint8_t types[] = { BERTHI_I32, BERTHI_I32, BERTHI_I32, BERTHI_I32 };
    static const berthi_wasm_binding binding = { { 1, 3, types }, three, NULL };
    berthi_wasm_module *module = rig_module(r, "tail");
    berthi_wasm_store *s = rig_store(r, 50);

    if (r->ops->module_link(module, &binding, 1, linked_out, &r->diag) != BERTH_OK ||
        r->ops->instantiate_linked(s, *linked_out, instance_out, &r->diag) != BERTH_OK)
        fail_msg("%s", r->diag.text);
    r->ops->module_unref(module);
    return s;
}

static int64_t call2(rig *r, berthi_wasm_store *s, berthi_wasm_instance i, const char *name,
                     berthi_val first, berthi_val second)
{
    berthi_val v[3] = { first, second };

    if (rig_call(r, s, i, name, v, 3) != BERTH_OK)
        fail_msg("%s: %s: %s", r->ops->name, name, r->diag.text);
    return v[0].i64;
}

static void tail_calls_use_no_stack(void **state)
{
    rig *r = *state;
    berthi_wasm_linked *linked;
    berthi_wasm_instance i;
    berthi_wasm_store *s = start_tail(r, &linked, &i);
    berthi_val million = { .i64 = 1000000 }, zero = { .i64 = 0 };

    assert_true(call2(r, s, i, "sum", million, zero) == INT64_C(500000500000));
    assert_true(call2(r, s, i, "sum_by_table", million, zero) == INT64_C(500000500000));
    r->ops->store_destroy(s);
    r->ops->linked_destroy(linked);
}

static void tail_calls_take_and_give_what_their_callee_does(void **state)
{
    rig *r = *state;
    berthi_wasm_linked *linked;
    berthi_wasm_instance i;
    berthi_wasm_store *s = start_tail(r, &linked, &i);
    berthi_val v[3] = { { .i32 = 20 } };

    assert_int_equal(rig_call(r, s, i, "widen", v, 1), BERTH_OK);
    assert_int_equal(v[0].i32, 1 - 20);
    v[0].i32 = 7;
    assert_int_equal(rig_call(r, s, i, "narrow", v, 1), BERTH_OK);
    assert_int_equal(v[0].i32, 1007);
    v[0].i32 = 5;
    assert_int_equal(rig_call(r, s, i, "to_host", v, 3), BERTH_OK);
    assert_int_equal(v[0].i32, 5);
    assert_int_equal(v[1].i32, 10);
    assert_int_equal(v[2].i32, 15);
    v[0].i32 = 5;
    assert_int_equal(rig_call(r, s, i, "through_host", v, 3), BERTH_OK);
    assert_int_equal(v[0].i32, 500 - (5 - (10 - 15)));
    r->ops->store_destroy(s);
    r->ops->linked_destroy(linked);
}

static void tail_calls_fail_as_calls_do(void **state)
{
    static const struct {
        int32_t index;
        berth_reason reason;
    } ends[] = { { 2, BERTH_REASON_SIGNATURE },
                 { 3, BERTH_REASON_INDIRECT_NULL },
                 { 4, BERTH_REASON_TABLE_BOUNDS } };
    rig *r = *state;
    berthi_wasm_linked *linked;
    berthi_wasm_instance i;
    berthi_wasm_store *s = start_tail(r, &linked, &i);
    berthi_val v[3];
    rig_ticker *ticker;

    for (size_t n = 0; n < sizeof ends / sizeof *ends; n++) {
        v[0] = (berthi_val){ .i64 = 3 };
        v[1] = (berthi_val){ .i32 = ends[n].index };
        assert_int_equal(rig_call(r, s, i, "by_index", v, 2), BERTH_E_TRAP);
        assert_int_equal(r->diag.reason, ends[n].reason);
    }
    for (int n = 0; n < 2; n++) {
        v[0] = (berthi_val){ .i32 = 13 };
        assert_int_equal(rig_call(r, s, i, n == 0 ? "to_host" : "through_host", v, 3),
                         BERTH_E_ABI);
        assert_non_null(strstr(r->diag.text, "thirteen"));
    }
    v[0] = (berthi_val){ .i64 = 4 };
    v[1] = (berthi_val){ .i32 = 1 };
    assert_int_equal(rig_call(r, s, i, "by_index", v, 2), BERTH_OK);
    assert_true(v[0].i64 == 10);
    ticker = rig_ticker_start(r);
    assert_int_equal(rig_call(r, s, i, "round_and_round", NULL, 0), BERTH_E_DEADLINE);
    (void)rig_ticker_stop(ticker);
    r->ops->store_destroy(s);
    r->ops->linked_destroy(linked);
}

static berth_status compile(rig *r, bertht_wasm *m, berthi_wasm_module **module_out)
{
    size_t size;
    uint8_t *bytes = wasm_finish(m, &size);
    berth_status status = r->ops->module_compile(r->engine, bytes, size, module_out, &r->diag);

    wasm_free(m);
    free(bytes);
    return status;
}

static void tail_calls_that_give_something_else_are_refused(void **state)
{
    static const uint8_t direct[] = { 0x12, 0 }, indirect[] = { 0x41, 0, 0x13, 0, 0 };
    static const char *const callers[] = { ":", ":I", ":ii", ":i" };
    rig *r = *state;

    for (size_t n = 0; n < 2 * sizeof callers / sizeof *callers; n++) {
        bool is_fine = n / 2 == 3;
        bertht_wasm m = { 0 };
        berthi_wasm_module *module = NULL;

        wasm_import_func(&m, "host", "f", ":i");
        wasm_table(&m, BERTHI_FUNCREF, 0, 1, 0);
        if (n % 2 == 0)
            wasm_func(&m, callers[n / 2], direct, sizeof direct);
        else
            wasm_func(&m, callers[n / 2], indirect, sizeof indirect);
        assert_int_equal(compile(r, &m, &module), is_fine ? BERTH_OK : BERTH_E_REJECTED);
        if (is_fine)
            r->ops->module_unref(module);
        else
            assert_non_null(strstr(r->diag.text, "type mismatch"));
    }
}

/* I7: good until the next entry. */
static const uint8_t *view_of(rig *r, berthi_wasm_store *s, const berthi_extern *memory,
                              size_t size)
{
    berthi_memory_view view = r->ops->memory_view(s, memory);

    assert_true(view.size == size);
    return view.base;
}

static void wide_addresses_reach_what_is_there(void **state)
{
    rig *r = *state;
    berthi_wasm_instance i;
    berthi_wasm_store *s = rig_instance(r, "wide", 50, &i);
    berthi_extern memory = rig_export(r, s, i, "memory");
    const uint8_t *base = view_of(r, s, &memory, 65536);
    berthi_val v[3] = { { .i64 = 1 } };

    assert_memory_equal(base + 16, "berth", 5);
    assert_true(call2(r, s, i, "load", (berthi_val){ .i64 = 17 }, v[0]) == 'e');
    assert_true(call2(r, s, i, "load_behind", (berthi_val){ .i64 = 0 }, v[0]) == 0);
    v[0] = (berthi_val){ .i64 = 65528 };
    v[1] = (berthi_val){ .i64 = 0x123456789abcdef0 };
    assert_int_equal(rig_call(r, s, i, "store", v, 2), BERTH_OK);
    base = view_of(r, s, &memory, 65536);
    assert_int_equal(base[65535], 0x12);
    assert_true(call2(r, s, i, "grow", (berthi_val){ .i64 = 1 }, v[0]) == 1);
    assert_true(call2(r, s, i, "size", v[0], v[0]) == 2);
    (void)view_of(r, s, &memory, 2 * 65536);
    v[0] = (berthi_val){ .i64 = 65536 };
    v[1] = (berthi_val){ .i32 = 0x77 };
    v[2] = (berthi_val){ .i64 = 65536 };
    assert_int_equal(rig_call(r, s, i, "fill", v, 3), BERTH_OK);
    base = view_of(r, s, &memory, 2 * 65536);
    assert_int_equal(base[2 * 65536 - 1], 0x77);
    v[0] = (berthi_val){ .i64 = 100 };
    v[1] = (berthi_val){ .i64 = 16 };
    v[2] = (berthi_val){ .i64 = 5 };
    assert_int_equal(rig_call(r, s, i, "copy", v, 3), BERTH_OK);
    base = view_of(r, s, &memory, 2 * 65536);
    assert_memory_equal(base + 100, "berth", 6);
    v[0] = (berthi_val){ .i64 = 200 };
    v[1] = (berthi_val){ .i32 = 2 };
    v[2] = (berthi_val){ .i32 = 4 };
    assert_int_equal(rig_call(r, s, i, "init", v, 3), BERTH_OK);
    base = view_of(r, s, &memory, 2 * 65536);
    assert_memory_equal(base + 200, "ssiv", 5);
    r->ops->store_destroy(s);
}

/* Each address is past the end; half of them would be inside if their upper half was lost. */
static void wide_addresses_past_the_end_trap(void **state)
{
    static const struct {
        const char *name;
        uint64_t v[3];
    } all[] = {
        { "load", { 65536 } },
        { "load", { UINT64_C(1) << 32 } },
        { "load", { (UINT64_C(1) << 32) + 16 } },
        { "load", { UINT64_MAX } },
        { "load_behind", { 1 } },
        { "load_behind", { UINT64_C(1) << 32 } },
        { "store", { (UINT64_C(1) << 32), 5 } },
        { "store", { 65529, 5 } },
        { "fill", { UINT64_C(1) << 32, 1, 0 } },
        { "fill", { 0, 1, UINT64_C(1) << 32 } },
        { "fill", { 65536, 1, 1 } },
        { "copy", { UINT64_C(1) << 32, 0, 1 } },
        { "copy", { 0, UINT64_C(1) << 32, 1 } },
        { "copy", { 0, 0, UINT64_C(1) << 32 } },
        { "copy", { 0, 65535, 2 } },
        { "init", { UINT64_C(1) << 32, 0, 1 } },
        { "init", { 0, 7, 1 } },
    };
    rig *r = *state;

    for (size_t n = 0; n < sizeof all / sizeof *all; n++) {
        berthi_wasm_instance i;
        berthi_wasm_store *s = rig_instance(r, "wide", 50, &i);
        berthi_extern memory = rig_export(r, s, i, "memory");
        berthi_val v[3] = { { .words = { all[n].v[0], 0 } },
                            { .words = { all[n].v[1], 0 } },
                            { .words = { all[n].v[2], 0 } } };

        if (rig_call(r, s, i, all[n].name, v, 3) != BERTH_E_TRAP ||
            r->diag.reason != BERTH_REASON_MEMORY_BOUNDS)
            fail_msg("%s: %s(%llx, %llx, %llx) did not trap: %s", r->ops->name, all[n].name,
                     (unsigned long long)all[n].v[0], (unsigned long long)all[n].v[1],
                     (unsigned long long)all[n].v[2], r->diag.text);
        assert_memory_equal(r->ops->memory_view(s, &memory).base, "\0\0\0\0", 4);
        r->ops->store_destroy(s);
    }
}

/* An offset of more than 32 bits; the sum with the address must not come round to the inside. */
static void wide_offsets_count_in_full(void **state)
{
    static const uint64_t addresses[] = { 0, 16, UINT64_MAX - 15, -UINT64_C(0x100000008) };
    rig *r = *state;
    bertht_wasm m = { 0 };
    bertht_buf code = { 0 };
    berthi_wasm_module *module = NULL;
    berthi_wasm_store *s = rig_store(r, 50);
    berthi_wasm_instance i;

    buf_bytes(&code, "\x20\0\x29\3", 4); /* local.get 0, i64.load align=8 */
    buf_u64(&code, UINT64_C(0x100000008));
    wasm_memory(&m, 4, 1, 0);
    wasm_export(&m, "load", BERTHI_EXTERN_FUNC, wasm_func(&m, "I:I", code.data, code.size));
    buf_free(&code);
    assert_int_equal(compile(r, &m, &module), BERTH_OK);
    assert_int_equal(r->ops->instantiate(s, module, NULL, 0, &i, &r->diag), BERTH_OK);
    for (size_t n = 0; n < sizeof addresses / sizeof *addresses; n++) {
        berthi_val v = { .words = { addresses[n], 0 } };

        assert_int_equal(rig_call(r, s, i, "load", &v, 1), BERTH_E_TRAP);
        assert_int_equal(r->diag.reason, BERTH_REASON_MEMORY_BOUNDS);
    }
    r->ops->module_unref(module);
    r->ops->store_destroy(s);
}

static void wide_memories_grow_as_far_as_they_may(void **state)
{
    static const uint64_t too_many[] = { 3, 65536, UINT64_C(1) << 32, (UINT64_C(1) << 32) + 1,
                                         UINT64_MAX };
    rig *r = *state;
    berthi_wasm_instance i;
    berthi_wasm_store *s = rig_instance(r, "wide", 50, &i);
    berthi_val none = { .i64 = 0 };

    for (size_t n = 0; n < sizeof too_many / sizeof *too_many; n++)
        assert_true(call2(r, s, i, "grow", (berthi_val){ .words = { too_many[n], 0 } }, none) ==
                    -1);
    assert_true(call2(r, s, i, "grow", (berthi_val){ .i64 = 2 }, none) == 1);
    assert_true(call2(r, s, i, "grow", (berthi_val){ .i64 = 1 }, none) == -1);
    assert_true(call2(r, s, i, "size", none, none) == 3);
    r->ops->store_destroy(s);
}

static void wide_memories_larger_than_any_are_refused(void **state)
{
    static const struct {
        uint64_t min;
        berth_status status;
    } all[] = { { 33, BERTH_E_LIMIT }, /* the store's limit: 2 MiB */
                { 65537, BERTH_E_LIMIT },
                { UINT64_C(1) << 47, BERTH_E_LIMIT },
                { UINT64_C(1) << 48, BERTH_E_LIMIT },
                { (UINT64_C(1) << 48) + 1, BERTH_E_REJECTED } };
    rig *r = *state;

    for (size_t n = 0; n < sizeof all / sizeof *all; n++) {
        bertht_wasm m = { 0 };
        berthi_wasm_module *module = NULL;
        berthi_wasm_instance i;
        berthi_wasm_store *s = rig_store(r, 50);
        berth_status status;

        wasm_memory(&m, 4, all[n].min, 0);
        status = compile(r, &m, &module);
        if (status == BERTH_OK)
            status = r->ops->instantiate(s, module, NULL, 0, &i, &r->diag);
        if (status != all[n].status)
            fail_msg("%s: %llu pages: %s", r->ops->name, (unsigned long long)all[n].min,
                     r->diag.text);
        if (status == BERTH_E_LIMIT)
            assert_int_equal(r->diag.reason, BERTH_REASON_MEMORY);
        if (module != NULL)
            r->ops->module_unref(module);
        r->ops->store_destroy(s);
    }
}

static void memories_of_the_other_width_are_refused(void **state)
{
    rig *r = *state;
    berthi_wasm_instance wide, i;
    berthi_wasm_store *s = rig_instance(r, "wide", 50, &wide);
    berthi_extern memory = rig_export(r, s, wide, "memory");
    bertht_wasm m = { 0 };
    berthi_wasm_module *module = NULL;

    wasm_import_memory(&m, "host", "memory", 1);
    assert_int_equal(compile(r, &m, &module), BERTH_OK);
    assert_int_equal(r->ops->instantiate(s, module, &memory, 1, &i, &r->diag),
                     BERTH_E_REJECTED);
    r->ops->module_unref(module);
    r->ops->store_destroy(s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        rig_test(tail_calls_use_no_stack),
        rig_test(tail_calls_take_and_give_what_their_callee_does),
        rig_test(tail_calls_fail_as_calls_do),
        rig_test(tail_calls_that_give_something_else_are_refused),
        rig_test(wide_addresses_reach_what_is_there),
        rig_test(wide_addresses_past_the_end_trap),
        rig_test(wide_offsets_count_in_full),
        rig_test(wide_memories_grow_as_far_as_they_may),
        rig_test(wide_memories_larger_than_any_are_refused),
        rig_test(memories_of_the_other_width_are_refused),
    };

    return rig_run("features", tests, sizeof tests / sizeof *tests);
}
