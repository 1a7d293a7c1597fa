/* provider_host_test.c - what a host gives to guests: functions, memories, tables, globals and
 * references.  Alike on every provider. */
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "engine_rig.h"
#include "wasm_builder.h"

typedef struct host {
    rig *r;
    berthi_extern memory, back, through, spin;
    berthi_wasm_instance instance;
    int calls;
    berth_status nested;
    berth_diag nested_diag;
} host;

static berth_status mix(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                        berth_diag *diag)
{
    host *h = ctx;

    (void)diag;
    assert_ptr_equal(store->data, h->r);
    assert_int_equal(cells[0].i32, -5);
    assert_true(cells[1].i64 == INT64_C(1) << 40);
    assert_true(cells[2].f32 == UINT32_C(0x40490fdb));
    assert_true(cells[3].f64 == UINT64_C(0x400921fb54442d18));
    cells[0] = (berthi_val){ .i64 = 77 };
    h->calls++;
    return BERTH_OK;
}

/* Does as its argument says: 0 write memory, 1 call back, 2 fail, 3 fail without words, 4 call
 * back into something that runs out of time, 5 itself ten times, 6 trap, 7 itself without end. */
static berth_status poke(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                         berth_diag *diag)
{
    host *h = ctx;
    const berthi_wasm_ops *ops = h->r->ops;
    berthi_val v[2] = { { .i32 = 11 } };

    h->calls++;
    switch (cells[0].i32) {
    case 0:
        memcpy(ops->memory_view(store, &h->memory).base + 10, "poked", 5);
        return BERTH_OK;
    case 1:
        h->nested = ops->call(store, &h->back, v, 1, &h->nested_diag);
        assert_int_equal(v[0].i32, 111);
        return h->nested;
    case 2:
        return berthi_fail(diag, BERTH_E_ABI, "the host does not like %d", 2);
    case 3:
        return BERTH_E_CLOSED;
    case 4:
        ops->engine_tick(h->r->engine, 100);
        return ops->call(store, &h->spin, NULL, 0, diag);
    case 5:
    case 7:
        if (cells[0].i32 == 5 && h->calls == 10)
            return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_OUTPUT, "ten deep");
        v[0].i32 = cells[0].i32;
        return ops->call(store, &h->through, v, 1, diag);
    default:
        return BERTH_E_TRAP;
    }
}

static const uint8_t mix_types[] = { BERTHI_I32, BERTHI_I64, BERTHI_F32, BERTHI_F64,
                                     BERTHI_I64 };
static const uint8_t poke_types[] = { BERTHI_I32 };

static void make_imports(host *h, berthi_wasm_store *s, berthi_extern *imports)
{
    const berthi_wasm_ops *ops = h->r->ops;
    berth_diag *diag = &h->r->diag;

    assert_int_equal(
        ops->func_create(s, &(berthi_functype){ 4, 1, mix_types }, mix, h, &imports[0], diag),
        BERTH_OK);
    assert_int_equal(
        ops->func_create(s, &(berthi_functype){ 1, 0, poke_types }, poke, h, &imports[1], diag),
        BERTH_OK);
    assert_int_equal(ops->memory_create(s, 1, 3, &imports[2], diag), BERTH_OK);
    assert_int_equal(ops->table_create(s, BERTHI_FUNCREF, 3, BERTHI_NO_MAX, &imports[3], diag),
                     BERTH_OK);
    assert_int_equal(ops->global_create(s, BERTHI_I32, false, (berthi_val){ .i32 = 1234 },
                                        &imports[4], diag),
                     BERTH_OK);
    assert_int_equal(
        ops->global_create(s, BERTHI_I64, true, (berthi_val){ .i64 = -1 }, &imports[5], diag),
        BERTH_OK);
    h->memory = imports[2];
}

static berthi_wasm_store *start_host(rig *r, host *h, berthi_extern *imports)
{
    berthi_wasm_store *s = rig_store(r, 50);
    berthi_wasm_module *module = rig_module(r, "imports");

    *h = (host){ .r = r };
    make_imports(h, s, imports);
    if (r->ops->instantiate(s, module, imports, 6, &h->instance, &r->diag) != BERTH_OK)
        fail_msg("%s", r->diag.text);
    r->ops->module_unref(module);
    h->back = rig_export(r, s, h->instance, "back");
    h->through = rig_export(r, s, h->instance, "poke");
    h->spin = rig_export(r, s, h->instance, "spin");
    return s;
}

static berth_status poke_with(host *h, berthi_wasm_store *s, int32_t what)
{
    berthi_val v = { .i32 = what };

    return rig_call(h->r, s, h->instance, "poke", &v, 1);
}

static void guests_use_what_their_host_made(void **state)
{
    rig *r = *state;
    berthi_extern imports[6];
    berthi_val v[4] = { { .i32 = -5 },
                        { .i64 = INT64_C(1) << 40 },
                        { .f32 = UINT32_C(0x40490fdb) },
                        { .f64 = UINT64_C(0x400921fb54442d18) } };
    host h;
    berthi_wasm_store *s = start_host(r, &h, imports);

    assert_int_equal(rig_call(r, s, h.instance, "mix", v, 4), BERTH_OK);
    assert_int_equal(v[0].i64, 77);
    assert_int_equal(h.calls, 1);
    assert_int_equal(poke_with(&h, s, 0), BERTH_OK);
    v[0].i32 = 12;
    assert_int_equal(rig_call(r, s, h.instance, "load", v, 1), BERTH_OK);
    assert_int_equal(v[0].i32, 'k');
    assert_int_equal(rig_call(r, s, h.instance, "constant", v, 1), BERTH_OK);
    assert_int_equal(v[0].i32, 1234);
    assert_int_equal(rig_call(r, s, h.instance, "bump", NULL, 0), BERTH_OK);
    r->ops->global_get(s, &imports[5], v);
    assert_true(v[0].i64 == 0);
    assert_int_equal(rig_call(r, s, h.instance, "table_size", v, 1), BERTH_OK);
    assert_int_equal(v[0].i32, 3);
    r->ops->store_destroy(s);
}

static void a_host_function_may_call_back(void **state)
{
    rig *r = *state;
    berthi_extern imports[6];
    host h;
    berthi_wasm_store *s = start_host(r, &h, imports);

    assert_int_equal(poke_with(&h, s, 1), BERTH_OK);
    assert_int_equal(h.nested, BERTH_OK);
    r->ops->store_destroy(s);
}

static void check_next_failure_is_its_own(rig *r, berthi_wasm_store *s)
{
    berthi_wasm_module *module = rig_module(r, "imports");
    berthi_wasm_instance i;

    assert_int_equal(r->ops->instantiate(s, module, NULL, 0, &i, &r->diag), BERTH_E_REJECTED);
    assert_null(strstr(r->diag.text, "the host"));
    r->ops->module_unref(module);
}

static void a_host_function_that_fails_ends_the_guest_with_its_words(void **state)
{
    rig *r = *state;
    berthi_extern imports[6];
    host h;
    berthi_wasm_store *s = start_host(r, &h, imports);

    assert_int_equal(poke_with(&h, s, 2), BERTH_E_ABI);
    assert_int_equal(r->diag.status, BERTH_E_ABI);
    assert_int_equal(strncmp(r->diag.text, "the host does not like 2", 24), 0);
    check_next_failure_is_its_own(r, s);
    r->ops->store_destroy(s);

    s = start_host(r, &h, imports);
    assert_int_equal(poke_with(&h, s, 3), BERTH_E_CLOSED);
    assert_int_equal(r->diag.status, BERTH_E_CLOSED);
    assert_true(r->diag.text[0] != '\0');
    r->ops->store_destroy(s);

    s = start_host(r, &h, imports);
    assert_int_equal(poke_with(&h, s, 6), BERTH_E_TRAP);
    assert_int_equal(r->diag.reason, BERTH_REASON_HOST);
    r->ops->store_destroy(s);
}

static void the_outermost_call_reports_what_happened_innermost(void **state)
{
    rig *r = *state;
    berthi_extern imports[6];
    host h;
    berthi_wasm_store *s = start_host(r, &h, imports);

    assert_int_equal(poke_with(&h, s, 4), BERTH_E_DEADLINE);
    assert_int_equal(r->diag.reason, BERTH_REASON_DEADLINE);
    r->ops->store_destroy(s);

    s = start_host(r, &h, imports);
    assert_int_equal(poke_with(&h, s, 5), BERTH_E_LIMIT);
    assert_int_equal(h.calls, 10);
    assert_int_equal(r->diag.reason, BERTH_REASON_OUTPUT);
    assert_int_equal(strncmp(r->diag.text, "ten deep", 8), 0);
    r->ops->store_destroy(s);
}

static void recursion_through_the_host_uses_up_the_stack(void **state)
{
    rig *r = *state;
    berthi_extern imports[6];
    host h;
    berthi_wasm_store *s = start_host(r, &h, imports);

    assert_int_equal(poke_with(&h, s, 7), BERTH_E_LIMIT);
    assert_int_equal(r->diag.reason, BERTH_REASON_STACK);
    assert_true(h.calls > 10);
    r->ops->store_destroy(s);
}

static berth_status count_call(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                               berth_diag *diag)
{
    (void)store;
    (void)cells;
    if (++*(int *)ctx == 3)
        return berthi_fail(diag, BERTH_E_BUSY, "three is too many");
    return BERTH_OK;
}

static void a_start_function_may_call_its_host(void **state)
{
    rig *r = *state;
    berthi_wasm_module *module = rig_module(r, "start_import");
    int calls = 0;

    for (int n = 1; n <= 3; n++) {
        berthi_wasm_store *s = rig_store(r, 50);
        berthi_wasm_instance i;
        berthi_extern f;

        assert_int_equal(r->ops->func_create(s, &(berthi_functype){ 0, 0, NULL }, count_call,
                                             &calls, &f, &r->diag),
                         BERTH_OK);
        assert_int_equal(r->ops->instantiate(s, module, &f, 1, &i, &r->diag),
                         n == 3 ? BERTH_E_BUSY : BERTH_OK);
        assert_int_equal(calls, n);
        r->ops->store_destroy(s);
    }
    assert_int_equal(strncmp(r->diag.text, "three is too many", 17), 0);
    r->ops->module_unref(module);
}

static void imports_of_another_type_are_refused(void **state)
{
    rig *r = *state;
    berthi_wasm_module *module = rig_module(r, "imports");
    berthi_wasm_store *s = rig_store(r, 50);
    berthi_extern good[6], bad[6];
    berthi_wasm_instance i;
    host h = { .r = r };

    make_imports(&h, s, good);
    for (int n = 0; n < 6; n++) {
        memcpy(bad, good, sizeof bad);
        bad[n] = good[(n + 1) % 6]; /* another kind, another signature, another mutability */
        memset(&r->diag, 0, sizeof r->diag);
        assert_int_equal(r->ops->instantiate(s, module, bad, 6, &i, &r->diag),
                         BERTH_E_REJECTED);
        assert_true(r->diag.text[0] != '\0');
    }
    assert_int_equal(r->ops->instantiate(s, module, good, 5, &i, &r->diag), BERTH_E_REJECTED);
    assert_int_equal(r->ops->instantiate(s, module, NULL, 0, &i, &r->diag), BERTH_E_REJECTED);
    /* a memory that may grow further than the import allows, a table that is too short */
    memcpy(bad, good, sizeof bad);
    assert_int_equal(r->ops->memory_create(s, 1, 5, &bad[2], &r->diag), BERTH_OK);
    assert_int_equal(r->ops->instantiate(s, module, bad, 6, &i, &r->diag), BERTH_E_REJECTED);
    memcpy(bad, good, sizeof bad);
    assert_int_equal(r->ops->table_create(s, BERTHI_FUNCREF, 1, 9, &bad[3], &r->diag),
                     BERTH_OK);
    assert_int_equal(r->ops->instantiate(s, module, bad, 6, &i, &r->diag), BERTH_E_REJECTED);
    assert_int_equal(r->ops->instantiate(s, module, good, 6, &i, &r->diag), BERTH_OK);
    r->ops->store_destroy(s);
    r->ops->module_unref(module);
}

static void a_host_is_held_to_the_store_s_limits_too(void **state)
{
    rig *r = *state;
    berthi_wasm_store *s = rig_store(r, 50);
    berthi_extern e;

    assert_int_equal(r->ops->memory_create(s, 33, 40, &e, &r->diag), BERTH_E_LIMIT);
    assert_int_equal(r->diag.reason, BERTH_REASON_MEMORY);
    assert_int_equal(r->ops->table_create(s, BERTHI_FUNCREF, 501, 600, &e, &r->diag),
                     BERTH_E_LIMIT);
    assert_int_equal(r->diag.reason, BERTH_REASON_TABLE);
    assert_int_equal(r->ops->memory_create(s, 2, 1, &e, &r->diag), BERTH_E_INVALID);
    assert_int_equal(r->ops->memory_create(s, 65537, BERTHI_NO_MAX, &e, &r->diag),
                     BERTH_E_INVALID);
    assert_int_equal(r->ops->table_create(s, BERTHI_I32, 1, 2, &e, &r->diag), BERTH_E_INVALID);
    assert_int_equal(r->ops->table_create(s, BERTHI_FUNCREF, 3, 2, &e, &r->diag),
                     BERTH_E_INVALID);
    assert_int_equal(r->ops->global_create(s, 0x11, true, (berthi_val){ 0 }, &e, &r->diag),
                     BERTH_E_INVALID);
    assert_int_equal(r->ops->memory_create(s, 1, BERTHI_NO_MAX, &e, &r->diag), BERTH_OK);
    r->ops->store_destroy(s);
}

enum { MANY = 40 };

static void a_module_may_have_many_imports(void **state)
{
    rig *r = *state;
    bertht_wasm m = { 0 };
    berthi_extern imports[MANY];
    berthi_wasm_store *s = rig_store(r, 50);
    berthi_wasm_module *module;
    berthi_wasm_instance i;
    uint8_t code[2 * MANY], *bytes;
    int calls = 10;
    size_t size;

    for (unsigned n = 0; n < MANY; n++) {
        wasm_import_func(&m, "host", "f", ":");
        code[2 * n] = 0x10; /* call */
        code[2 * n + 1] = (uint8_t)n;
        assert_int_equal(r->ops->func_create(s, &(berthi_functype){ 0, 0, NULL }, count_call,
                                             &calls, &imports[n], &r->diag),
                         BERTH_OK);
    }
    wasm_export(&m, "all", BERTHI_EXTERN_FUNC, wasm_func(&m, ":", code, sizeof code));
    bytes = wasm_finish(&m, &size);
    wasm_free(&m);
    assert_int_equal(r->ops->module_compile(r->engine, bytes, size, &module, &r->diag),
                     BERTH_OK);
    free(bytes);
    assert_int_equal(r->ops->instantiate(s, module, imports, MANY, &i, &r->diag), BERTH_OK);
    assert_int_equal(rig_call(r, s, i, "all", NULL, 0), BERTH_OK);
    assert_int_equal(calls, 10 + MANY);
    r->ops->store_destroy(s);
    r->ops->module_unref(module);
}

/* More signatures than any provider would keep, on two stores in turn. */
static void functions_may_have_any_number_of_signatures(void **state)
{
    rig *r = *state;
    uint8_t types[16];

    for (unsigned round = 0; round < 2; round++) {
        berthi_wasm_store *s = rig_store(r, 50);

        for (unsigned n = 0; n < 600; n++) {
            uint32_t params = n % 7, results = n % 3, got_params, got_results;
            berthi_functype type = { params, results, types };
            uint8_t got[16];
            berthi_extern f;
            int calls = 0;

            for (unsigned i = 0; i < params + results; i++)
                types[i] = (uint8_t)(BERTHI_F64 + ((n >> i) + n / 64) % 4);
            assert_int_equal(r->ops->func_create(s, &type, count_call, &calls, &f, &r->diag),
                             BERTH_OK);
            assert_true(r->ops->func_type(s, &f, got, sizeof got, &got_params, &got_results));
            assert_int_equal(got_params, params);
            assert_int_equal(got_results, results);
            assert_memory_equal(got, types, params + results);
        }
        r->ops->store_destroy(s);
    }
}

static void references_of_the_host_come_back_unharmed(void **state)
{
    rig *r = *state;
    berthi_wasm_instance i;
    berthi_wasm_store *s = rig_instance(r, "externref", 100, &i);
    berthi_val v[2], ref;

    for (uint64_t n = 1; n <= 200; n++) { /* more than one block of roots */
        assert_int_equal(r->ops->externref_wrap(s, n << 33, &ref, &r->diag), BERTH_OK);
        v[0] = ref;
        assert_int_equal(rig_call(r, s, i, "same", v, 1), BERTH_OK);
        assert_true(r->ops->externref_unwrap(s, v[0]) == n << 33);
        v[0] = ref;
        assert_int_equal(rig_call(r, s, i, "is_null", v, 1), BERTH_OK);
        assert_int_equal(v[0].i32, 0);
        v[0] = (berthi_val){ .i32 = (int32_t)(n % 4) };
        v[1] = ref;
        assert_int_equal(rig_call(r, s, i, "put", v, 2), BERTH_OK);
    }
    v[0] = (berthi_val){ .i32 = 2 };
    assert_int_equal(rig_call(r, s, i, "take", v, 1), BERTH_OK);
    assert_true(r->ops->externref_unwrap(s, v[0]) == UINT64_C(198) << 33);
    v[0] = ref;
    assert_int_equal(rig_call(r, s, i, "keep", v, 1), BERTH_OK);
    memset(v, 0xee, sizeof v);
    assert_int_equal(rig_call(r, s, i, "kept", v, 1), BERTH_OK);
    assert_true(r->ops->externref_unwrap(s, v[0]) == UINT64_C(200) << 33);
    v[0] = (berthi_val){ .words = { 0, 0 } };
    assert_int_equal(rig_call(r, s, i, "is_null", v, 1), BERTH_OK);
    assert_int_equal(v[0].i32, 1);
    r->ops->store_destroy(s);
}

static void globals_hold_references(void **state)
{
    rig *r = *state;
    berthi_wasm_instance i;
    berthi_wasm_store *s = rig_instance(r, "probe", 100, &i);
    berthi_val ref, v[2];
    berthi_extern g;

    assert_int_equal(r->ops->externref_wrap(s, 4711, &ref, &r->diag), BERTH_OK);
    assert_int_equal(r->ops->global_create(s, BERTHI_EXTERNREF, true, ref, &g, &r->diag),
                     BERTH_OK);
    r->ops->global_get(s, &g, v);
    assert_true(r->ops->externref_unwrap(s, v[0]) == 4711);
    assert_true(r->ops->global_set(s, &g, (berthi_val){ .words = { 0, 0 } }));
    r->ops->global_get(s, &g, v);
    assert_true(v[0].words[0] == 0);

    v[0] = (berthi_val){ .i32 = 0 };
    assert_int_equal(rig_call(r, s, i, "table_get", v, 1), BERTH_OK);
    assert_non_null(v[0].ref);
    assert_int_equal(r->ops->global_create(s, BERTHI_FUNCREF, false, v[0], &g, &r->diag),
                     BERTH_OK);
    r->ops->global_get(s, &g, &v[1]);
    assert_ptr_equal(v[0].ref, v[1].ref);
    r->ops->store_destroy(s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        rig_test(guests_use_what_their_host_made),
        rig_test(a_host_function_may_call_back),
        rig_test(a_host_function_that_fails_ends_the_guest_with_its_words),
        rig_test(the_outermost_call_reports_what_happened_innermost),
        rig_test(recursion_through_the_host_uses_up_the_stack),
        rig_test(a_start_function_may_call_its_host),
        rig_test(imports_of_another_type_are_refused),
        rig_test(a_host_is_held_to_the_store_s_limits_too),
        rig_test(a_module_may_have_many_imports),
        rig_test(functions_may_have_any_number_of_signatures),
        rig_test(references_of_the_host_come_back_unharmed),
        rig_test(globals_hold_references),
    };

    return rig_run("hosts", tests, sizeof tests / sizeof *tests);
}
