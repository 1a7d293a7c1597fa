/* provider_limits_test.c - I5: time, memory, tables, stack and instances are bounded on every
 * entry into a guest, and each bound says its name.  Alike on every provider. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "engine_rig.h"
#include "wasm_builder.h"

static void check_fails(rig *r, berth_status got, berth_status want, berth_reason reason)
{
    if (got != want || r->diag.reason != (int32_t)reason || r->diag.status != (int32_t)want)
        fail_msg("%s: status %d reason %d instead of %d and %d: %s", r->ops->name, (int)got,
                 (int)r->diag.reason, (int)want, (int)reason, r->diag.text);
}

static void a_new_store_is_past_its_deadline(void **state)
{
    rig *r = *state;
    berthi_wasm_module *probe = rig_module(r, "probe");
    berthi_wasm_module *start = rig_module(r, "start_trap");
    berthi_wasm_instance i;
    berthi_wasm_store *s;

    assert_int_equal(r->ops->store_create(r->engine, &r->limits, NULL, &s, &r->diag), BERTH_OK);
    assert_int_equal(r->ops->instantiate(s, probe, NULL, 0, &i, &r->diag), BERTH_OK);
    check_fails(r, rig_call(r, s, i, "nothing", NULL, 0), BERTH_E_DEADLINE,
                BERTH_REASON_DEADLINE);
    r->ops->store_destroy(s);

    r->ops->engine_tick(r->engine, 5); /* nor does it matter when the store was made */
    assert_int_equal(r->ops->store_create(r->engine, &r->limits, NULL, &s, &r->diag), BERTH_OK);
    check_fails(r, r->ops->instantiate(s, start, NULL, 0, &i, &r->diag), BERTH_E_DEADLINE,
                BERTH_REASON_DEADLINE);
    r->ops->store_destroy(s);
    r->ops->module_unref(probe);
    r->ops->module_unref(start);
}

static void a_deadline_counts_whole_ticks(void **state)
{
    rig *r = *state;
    berthi_wasm_instance i;
    berthi_wasm_store *s = rig_instance(r, "probe", 2, &i);

    assert_int_equal(rig_call(r, s, i, "nothing", NULL, 0), BERTH_OK);
    r->ops->engine_tick(r->engine, 2);
    assert_int_equal(rig_call(r, s, i, "nothing", NULL, 0), BERTH_OK);
    r->ops->engine_tick(r->engine, 1);
    check_fails(r, rig_call(r, s, i, "nothing", NULL, 0), BERTH_E_DEADLINE,
                BERTH_REASON_DEADLINE);
    r->ops->store_destroy(s);
}

static void a_deadline_is_renewed_between_calls(void **state)
{
    rig *r = *state;
    berthi_wasm_instance i;
    berthi_wasm_store *s = rig_instance(r, "probe", 0, &i);

    for (int n = 0; n < 10; n++) {
        r->ops->store_deadline(s, 3);
        r->ops->engine_tick(r->engine, 3);
        assert_int_equal(rig_call(r, s, i, "nothing", NULL, 0), BERTH_OK);
    }
    r->ops->store_deadline(s, UINT64_MAX); /* does not wrap round into the past */
    assert_int_equal(rig_call(r, s, i, "nothing", NULL, 0), BERTH_OK);
    r->ops->engine_tick(r->engine, 1000);
    assert_int_equal(rig_call(r, s, i, "nothing", NULL, 0), BERTH_OK);
    r->ops->store_deadline(s, 0);
    assert_int_equal(rig_call(r, s, i, "nothing", NULL, 0), BERTH_OK);
    r->ops->engine_tick(r->engine, 1);
    assert_int_equal(rig_call(r, s, i, "nothing", NULL, 0), BERTH_E_DEADLINE);
    r->ops->store_destroy(s);
}

static void an_endless_call_ends_at_its_deadline(void **state)
{
    rig *r = *state;

    for (int n = 0; n < 3; n++) {
        berthi_wasm_instance i;
        berthi_wasm_store *s = rig_instance(r, "probe", 20, &i);
        rig_ticker *ticker = rig_ticker_start(r);

        check_fails(r, rig_call(r, s, i, "loop", NULL, 0), BERTH_E_DEADLINE,
                    BERTH_REASON_DEADLINE);
        assert_true(rig_ticker_stop(ticker) > 20);
        r->ops->store_destroy(s);

        s = rig_instance(r, "probe", 20, &i); /* the thread is as good as new */
        assert_int_equal(rig_call(r, s, i, "nothing", NULL, 0), BERTH_OK);
        r->ops->store_destroy(s);
    }
}

static void an_endless_start_function_ends_at_its_deadline(void **state)
{
    rig *r = *state;
    berthi_wasm_module *module = rig_module(r, "start_loop");
    berthi_wasm_store *s = rig_store(r, 20);
    rig_ticker *ticker = rig_ticker_start(r);
    berthi_wasm_instance i;

    check_fails(r, r->ops->instantiate(s, module, NULL, 0, &i, &r->diag), BERTH_E_DEADLINE,
                BERTH_REASON_DEADLINE);
    assert_true(rig_ticker_stop(ticker) > 20);
    r->ops->store_destroy(s);
    r->ops->module_unref(module);
}

static berth_status start(rig *r, const char *guest)
{
    berthi_wasm_module *module = rig_module(r, guest);
    berthi_wasm_store *s = rig_store(r, 1000);
    berthi_wasm_instance i = { { 7, 7 } };
    berth_status status = r->ops->instantiate(s, module, NULL, 0, &i, &r->diag);

    if (status != BERTH_OK)
        assert_true(i.words[0] == 7 && i.words[1] == 7); /* outputs are untouched on failure */
    r->ops->store_destroy(s);
    r->ops->module_unref(module);
    return status;
}

static void a_start_function_traps_like_a_call(void **state)
{
    rig *r = *state;

    check_fails(r, start(r, "start_trap"), BERTH_E_TRAP, BERTH_REASON_UNREACHABLE);
    assert_non_null(strstr(r->diag.text, "\n  at fall"));
    check_fails(r, start(r, "start_deep"), BERTH_E_LIMIT, BERTH_REASON_STACK);
}

static void *overflow_here(void *arg)
{
    rig *r = arg;
    berthi_wasm_instance i;
    berthi_wasm_store *s = rig_instance(r, "probe", 1000, &i);
    berthi_val v[2] = { { .i32 = 0 } };

    for (int n = 0; n < 20; n++) { /* the provider answers; what a store is worth then is I6 */
        v[0].i32 = 0;
        check_fails(r, rig_call(r, s, i, "deep", v, 1), BERTH_E_LIMIT, BERTH_REASON_STACK);
        v[0].i32 = 1;
        v[1].i32 = 0;
        check_fails(r, rig_call(r, s, i, "divide", v, 2), BERTH_E_TRAP, BERTH_REASON_DIVISION);
    }
    r->ops->store_destroy(s);
    return NULL;
}

static void stacks_and_traps_are_caught_on_any_thread(void **state)
{
    pthread_attr_t attributes;
    pthread_t thread;

    pthread_attr_init(&attributes);
    assert_int_equal(pthread_attr_setstacksize(&attributes, 1024 * 1024), 0);
    assert_int_equal(pthread_create(&thread, &attributes, overflow_here, *state), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    overflow_here(*state);
}

static int32_t depth_with_stack(const rig *r, uint32_t stack_bytes)
{
    rig other = *r;
    berthi_wasm_instance i;
    berthi_wasm_store *s;
    berthi_extern depth;
    berthi_val v;

    other.options.stack_bytes_max = stack_bytes;
    assert_int_equal(other.ops->engine_create(&other.options, &other.engine, &other.diag),
                     BERTH_OK);
    s = rig_instance(&other, "probe", 1000, &i);
    check_fails(&other, rig_call(&other, s, i, "dig", NULL, 0), BERTH_E_LIMIT,
                BERTH_REASON_STACK);
    depth = rig_export(&other, s, i, "depth");
    other.ops->global_get(s, &depth, &v);
    other.ops->store_destroy(s);
    other.ops->engine_destroy(other.engine);
    return v.i32;
}

static void the_stack_is_as_deep_as_the_options_say(void **state)
{
    const rig *r = *state;
    int32_t shallow = depth_with_stack(r, 64 * 1024), deep = depth_with_stack(r, 256 * 1024);

    assert_true(shallow > 100);
    assert_true(deep > 3 * shallow && deep < 5 * shallow);
}

static void memory_grows_to_the_limit_and_no_further(void **state)
{
    rig *r = *state;
    berthi_wasm_instance i;
    berthi_wasm_store *s = rig_instance(r, "probe", 100, &i);
    berthi_val v;

    v.i32 = 32; /* 33 pages are one more than the limit of 2 MiB */
    assert_int_equal(rig_call(r, s, i, "grow", &v, 1), BERTH_OK);
    assert_int_equal(v.i32, -1);
    v.i32 = 31;
    assert_int_equal(rig_call(r, s, i, "grow", &v, 1), BERTH_OK);
    assert_int_equal(v.i32, 1);
    v.i32 = 1;
    assert_int_equal(rig_call(r, s, i, "grow", &v, 1), BERTH_OK);
    assert_int_equal(v.i32, -1);
    v.i32 = -1;
    assert_int_equal(rig_call(r, s, i, "grow", &v, 1), BERTH_OK);
    assert_int_equal(v.i32, -1);
    assert_int_equal(rig_call(r, s, i, "pages", &v, 1), BERTH_OK);
    assert_int_equal(v.i32, 32);
    v.i32 = 32 * 65536 - 1;
    assert_int_equal(rig_call(r, s, i, "load", &v, 1), BERTH_OK);
    v.i32 = 32 * 65536;
    check_fails(r, rig_call(r, s, i, "load", &v, 1), BERTH_E_TRAP, BERTH_REASON_MEMORY_BOUNDS);
    r->ops->store_destroy(s);
}

static void tables_grow_to_the_limit_and_no_further(void **state)
{
    rig *r = *state;
    berthi_wasm_instance i;
    berthi_wasm_store *s = rig_instance(r, "probe", 100, &i);
    berthi_val v;

    v.i32 = 497;
    assert_int_equal(rig_call(r, s, i, "table_grow", &v, 1), BERTH_OK);
    assert_int_equal(v.i32, -1);
    v.i32 = 496;
    assert_int_equal(rig_call(r, s, i, "table_grow", &v, 1), BERTH_OK);
    assert_int_equal(v.i32, 4);
    v.i32 = 1;
    assert_int_equal(rig_call(r, s, i, "table_grow", &v, 1), BERTH_OK);
    assert_int_equal(v.i32, -1);
    assert_int_equal(rig_call(r, s, i, "table_size", &v, 1), BERTH_OK);
    assert_int_equal(v.i32, 500);
    r->ops->store_destroy(s);
}

static void a_guest_that_starts_past_a_limit_is_told_which(void **state)
{
    rig *r = *state;

    check_fails(r, start(r, "wants_memory"), BERTH_E_LIMIT, BERTH_REASON_MEMORY);
    r->limits.memory_bytes_max = 48 * 65536 - 1;
    check_fails(r, start(r, "wants_memory"), BERTH_E_LIMIT, BERTH_REASON_MEMORY);
    r->limits.memory_bytes_max = 48 * 65536;
    assert_int_equal(start(r, "wants_memory"), BERTH_OK);

    check_fails(r, start(r, "wants_table"), BERTH_E_LIMIT, BERTH_REASON_TABLE);
    r->limits.table_elements_max = 899;
    check_fails(r, start(r, "wants_table"), BERTH_E_LIMIT, BERTH_REASON_TABLE);
    r->limits.table_elements_max = 900;
    assert_int_equal(start(r, "wants_table"), BERTH_OK);
}

/* Compiles and instantiates what the builder made; the first failure. */
static berth_status start_built(rig *r, bertht_wasm *m)
{
    size_t size;
    uint8_t *bytes = wasm_finish(m, &size);
    berthi_wasm_module *module;
    berthi_wasm_instance i;
    berth_status status = r->ops->module_compile(r->engine, bytes, size, &module, &r->diag);

    free(bytes);
    wasm_free(m);
    if (status == BERTH_OK) {
        berthi_wasm_store *s = rig_store(r, 100);

        status = r->ops->instantiate(s, module, NULL, 0, &i, &r->diag);
        r->ops->store_destroy(s);
        r->ops->module_unref(module);
    }
    return status;
}

static void what_no_engine_has_room_for_is_a_limit_and_not_a_crash(void **state)
{
    rig *r = *state;
    bertht_wasm m = { 0 };

    wasm_memory(&m, 0, 65536, 0);
    check_fails(r, start_built(r, &m), BERTH_E_LIMIT, BERTH_REASON_MEMORY);
    wasm_table(&m, BERTHI_FUNCREF, 0, 1001, 0);
    check_fails(r, start_built(r, &m), BERTH_E_LIMIT, BERTH_REASON_TABLE);
    wasm_table(&m, BERTHI_FUNCREF, 0, 10000000, 0);
    check_fails(r, start_built(r, &m), BERTH_E_LIMIT, BERTH_REASON_TABLE);
    for (int n = 0; n < 5; n++)
        wasm_table(&m, BERTHI_FUNCREF, 0, 1, 0);
    check_fails(r, start_built(r, &m), BERTH_E_LIMIT, BERTH_REASON_TABLE);
    for (int n = 0; n < 4; n++)
        wasm_table(&m, BERTHI_FUNCREF, 1, 1, UINT32_MAX);
    wasm_memory(&m, 1, 0, 65536);
    assert_int_equal(start_built(r, &m), BERTH_OK); /* large maxima are no reason to refuse */
}

static void an_instance_too_large_for_the_pool_is_a_limit(void **state)
{
    rig *r = *state;
    bertht_wasm m = { 0 };
    berth_status status;

    for (int n = 0; n < 300000; n++)
        wasm_global_i32(&m, true, n);
    status = start_built(r, &m);
    if (status != BERTH_OK) /* for a provider without a pool it is no trouble */
        check_fails(r, status, BERTH_E_LIMIT, BERTH_REASON_ARTIFACT);
    if (strcmp(r->ops->name, "wasmtime") == 0) { /* whose words come in several lines */
        assert_int_equal(status, BERTH_E_LIMIT);
        assert_null(strpbrk(r->diag.text, "\n\\"));
    }
}

static void a_store_has_so_many_instances(void **state)
{
    rig *r = *state;
    berthi_wasm_module *module = rig_module(r, "probe");
    berthi_wasm_limits usual = r->limits;
    berthi_wasm_instance i;
    berthi_wasm_store *s;

    r->limits.memories_max = 3;
    s = rig_store(r, 100);
    for (int n = 0; n < 3; n++)
        assert_int_equal(r->ops->instantiate(s, module, NULL, 0, &i, &r->diag), BERTH_OK);
    check_fails(r, r->ops->instantiate(s, module, NULL, 0, &i, &r->diag), BERTH_E_LIMIT,
                BERTH_REASON_MEMORY);
    r->ops->store_destroy(s);

    r->limits = usual;
    r->limits.tables_max = 2;
    s = rig_store(r, 100);
    for (int n = 0; n < 2; n++)
        assert_int_equal(r->ops->instantiate(s, module, NULL, 0, &i, &r->diag), BERTH_OK);
    check_fails(r, r->ops->instantiate(s, module, NULL, 0, &i, &r->diag), BERTH_E_LIMIT,
                BERTH_REASON_TABLE);
    r->ops->store_destroy(s);

    r->limits = usual;
    s = rig_store(r, 100);
    for (int n = 0; n < 4; n++)
        assert_int_equal(r->ops->instantiate(s, module, NULL, 0, &i, &r->diag), BERTH_OK);
    check_fails(r, r->ops->instantiate(s, module, NULL, 0, &i, &r->diag), BERTH_E_LIMIT,
                BERTH_REASON_INSTANCES);
    r->ops->store_destroy(s);
    r->ops->module_unref(module);
}

static void an_engine_has_so_many_instances(void **state)
{
    rig *r = *state;
    berthi_wasm_module *module = rig_module(r, "probe");
    berthi_wasm_instance i;
    berthi_wasm_store *s[17];

    for (int n = 0; n < 17; n++)
        s[n] = rig_store(r, 100);
    for (int n = 0; n < 16; n++)
        assert_int_equal(r->ops->instantiate(s[n], module, NULL, 0, &i, &r->diag), BERTH_OK);
    check_fails(r, r->ops->instantiate(s[16], module, NULL, 0, &i, &r->diag), BERTH_E_LIMIT,
                BERTH_REASON_INSTANCES);
    r->ops->store_destroy(s[16]);
    r->ops->store_destroy(s[3]);
    s[3] = rig_store(r, 100);
    assert_int_equal(r->ops->instantiate(s[3], module, NULL, 0, &i, &r->diag), BERTH_OK);
    for (int n = 0; n < 16; n++)
        r->ops->store_destroy(s[n]);
    r->ops->module_unref(module);
}

/* A provider may have room for fewer guests with references of the host than for others. */
static void guests_with_references_run_out_of_room_cleanly(void **state)
{
    rig *r = *state;
    berthi_wasm_module *module = rig_module(r, "externref");
    berthi_wasm_store *s[16];
    int started = 0;

    for (int n = 0; n < 16; n++) {
        berthi_wasm_instance i;
        berth_status status;
        berthi_val v;

        s[n] = rig_store(r, 100);
        status = r->ops->instantiate(s[n], module, NULL, 0, &i, &r->diag);
        if (status == BERTH_OK)
            status = r->ops->externref_wrap(s[n], (uint64_t)n, &v, &r->diag);
        if (status == BERTH_OK)
            status = rig_call(r, s[n], i, "keep", &v, 1);
        if (status == BERTH_OK) {
            assert_int_equal(rig_call(r, s[n], i, "kept", &v, 1), BERTH_OK);
            assert_int_equal(r->ops->externref_unwrap(s[n], v), n);
            started++;
        } else {
            check_fails(r, status, BERTH_E_LIMIT, BERTH_REASON_INSTANCES);
        }
    }
    assert_true(started >= 4);
    for (int n = 0; n < 16; n++)
        r->ops->store_destroy(s[n]);
    r->ops->module_unref(module);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        rig_test(a_new_store_is_past_its_deadline),
        rig_test(a_deadline_counts_whole_ticks),
        rig_test(a_deadline_is_renewed_between_calls),
        rig_test(an_endless_call_ends_at_its_deadline),
        rig_test(an_endless_start_function_ends_at_its_deadline),
        rig_test(a_start_function_traps_like_a_call),
        rig_test(stacks_and_traps_are_caught_on_any_thread),
        rig_test(the_stack_is_as_deep_as_the_options_say),
        rig_test(memory_grows_to_the_limit_and_no_further),
        rig_test(tables_grow_to_the_limit_and_no_further),
        rig_test(a_guest_that_starts_past_a_limit_is_told_which),
        rig_test(what_no_engine_has_room_for_is_a_limit_and_not_a_crash),
        rig_test(an_instance_too_large_for_the_pool_is_a_limit),
        rig_test(a_store_has_so_many_instances),
        rig_test(an_engine_has_so_many_instances),
        rig_test(guests_with_references_run_out_of_room_cleanly),
    };

    return rig_run("limits", tests, sizeof tests / sizeof *tests);
}
