/* cache_test.c - each content is compiled once, whoever wants it; what no slot uses goes, least
 * recently used first; what a slot uses stays. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "component_builder.h"
#include "slot_rig.h"
#include "wasm_builder.h"

static berth_runtime_stats stats_of(slot_rig *r)
{
    return slot_rig_runtime_stats(r);
}

static void the_same_bytes_under_another_key_are_compiled_once(void **state)
{
    slot_rig *r = *state;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *a, *b;

    opt.tenant = "blue";
    a = slot_rig_open(r, "x", &opt);
    opt.tenant = "red";
    opt.policy = BERTH_POLICY_FRESH;
    b = slot_rig_open(r, "y", &opt);
    assert_int_equal(slot_rig_install_answering(r, a, 1), 1);
    assert_int_equal(slot_rig_install_answering(r, b, 1), 1);
    assert_int_equal(stats_of(r).compiles, 1);
    assert_int_equal(stats_of(r).cache_hits, 1);
    assert_int_equal(stats_of(r).cache_entries, 1);
    assert_int_equal(slot_rig_answer(r, a), 1);
    assert_int_equal(slot_rig_answer(r, b), 1);
    assert_int_equal(slot_rig_install_answering(r, b, 2), 2);
    assert_int_equal(stats_of(r).compiles, 2);
    assert_int_equal(slot_rig_answer(r, a), 1);
    assert_int_equal(slot_rig_answer(r, b), 2);
}

static void it_is_still_there_after_an_eviction(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "x", NULL);

    slot_rig_install_answering(r, slot, 1);
    assert_int_equal(berth_slot_evict(r->runtime, NULL, "x"), BERTH_OK);
    slot_rig_wait_reaped(r);
    slot = slot_rig_open(r, "x", NULL);
    assert_int_equal(slot_rig_install_answering(r, slot, 1), 1);
    assert_int_equal(stats_of(r).compiles, 1);
    assert_int_equal(slot_rig_answer(r, slot), 1);
}

/* Installs, evicts and waits, so that the contents become cold in this order. */
static void make_cold(slot_rig *r, uint32_t number)
{
    berth_slot *slot = slot_rig_open(r, "cold", NULL);

    slot_rig_install_answering(r, slot, number);
    assert_int_equal(berth_slot_evict(r->runtime, NULL, "cold"), BERTH_OK);
    slot_rig_wait_reaped(r);
}

static bool is_compiled(slot_rig *r, uint32_t number)
{
    uint64_t before = stats_of(r).compiles;

    make_cold(r, number);
    return stats_of(r).compiles == before;
}

static void the_least_recently_used_goes_first_and_the_warm_never(void **state)
{
    slot_rig *r = *state;
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    berth_slot *warm;

    options.cache_entries_max = 3;
    slot_rig_restart(r, options);
    warm = slot_rig_open(r, "warm", NULL);
    slot_rig_install_answering(r, warm, 100);
    slot_rig_install_answering(r, warm, 101); /* 100 is kept for a rollback: warm as well */
    for (uint32_t i = 1; i <= 3; i++)
        make_cold(r, i);
    assert_int_equal(stats_of(r).cache_entries, 5);
    assert_int_equal(stats_of(r).cache_evictions, 0);
    assert_true(is_compiled(r, 1)); /* used last now */
    make_cold(r, 4);                /* 2 goes */
    assert_int_equal(stats_of(r).cache_entries, 5);
    assert_int_equal(stats_of(r).cache_evictions, 1);
    assert_true(is_compiled(r, 3));
    assert_true(is_compiled(r, 1));
    assert_true(is_compiled(r, 4));
    assert_false(is_compiled(r, 2));
    assert_true(is_compiled(r, 100));
    assert_true(is_compiled(r, 101));
    assert_int_equal(slot_rig_answer(r, warm), 101);
    assert_int_equal(berth_slot_rollback(warm, NULL, NULL), BERTH_OK);
    assert_int_equal(slot_rig_answer(r, warm), 100);
}

static void bytes_are_bounded_as_well(void **state)
{
    slot_rig *r = *state;
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    berth_slot *warm;
    uint64_t one;

    warm = slot_rig_open(r, "warm", NULL);
    slot_rig_install_answering(r, warm, 100);
    one = stats_of(r).cache_bytes;
    assert_true(one > 0);
    options.cache_bytes_max = 2 * one + one / 2;
    slot_rig_restart(r, options);
    warm = slot_rig_open(r, "warm", NULL);
    slot_rig_install_answering(r, warm, 100);
    for (uint32_t i = 1; i <= 2; i++)
        make_cold(r, i);
    assert_int_equal(stats_of(r).cache_evictions, 0);
    make_cold(r, 3);
    assert_int_equal(stats_of(r).cache_evictions, 1);
    assert_int_equal(stats_of(r).cache_entries, 3);
    assert_true(stats_of(r).cache_bytes <= 3 * one + one / 2);
    options.cache_bytes_max = 1; /* nothing cold has room, what is warm needs none */
    slot_rig_restart(r, options);
    warm = slot_rig_open(r, "warm", NULL);
    slot_rig_install_answering(r, warm, 100);
    make_cold(r, 1);
    assert_int_equal(stats_of(r).cache_entries, 1);
    assert_true(is_compiled(r, 100));
}

/* ---- several installers ---- */

typedef struct installer {
    pthread_t thread;
    pthread_barrier_t *barrier;
    berth_slot *slot;
    uint8_t *bytes;
    size_t size;
    berth_status status;
    berth_diag diag;
    atomic_bool done;
} installer;

static void *run_installer(void *arg)
{
    installer *in = arg;

    if (in->barrier != NULL)
        pthread_barrier_wait(in->barrier);
    in->status = berth_slot_install(in->slot, in->bytes, in->size, NULL, &in->diag);
    atomic_store(&in->done, true);
    return NULL;
}

enum { INSTALLERS = 6 };

static void install_at_once(slot_rig *r, installer *in, uint8_t *bytes, size_t size)
{
    pthread_barrier_t barrier;
    char name[16];

    assert_int_equal(pthread_barrier_init(&barrier, NULL, INSTALLERS), 0);
    for (int i = 0; i < INSTALLERS; i++) {
        snprintf(name, sizeof name, "s%d", i);
        in[i] = (installer){ .barrier = &barrier, .bytes = bytes, .size = size };
        in[i].slot = slot_rig_open(r, name, NULL);
        assert_int_equal(pthread_create(&in[i].thread, NULL, run_installer, &in[i]), 0);
    }
    for (int i = 0; i < INSTALLERS; i++)
        pthread_join(in[i].thread, NULL);
    pthread_barrier_destroy(&barrier);
}

static void many_that_want_the_same_compile_it_once(void **state)
{
    slot_rig *r = *state;
    installer in[INSTALLERS];
    size_t size;
    uint8_t *bytes = plugin_answering(9, &size);

    install_at_once(r, in, bytes, size);
    for (int i = 0; i < INSTALLERS; i++) {
        assert_int_equal(in[i].status, BERTH_OK);
        assert_int_equal(slot_rig_answer(r, in[i].slot), 9);
    }
    assert_int_equal(stats_of(r).compiles, 1);
    assert_int_equal(stats_of(r).cache_hits, INSTALLERS - 1);
    assert_int_equal(stats_of(r).cache_entries, 1);
    free(bytes);
}

static void a_failure_to_compile_is_told_to_all_and_not_kept(void **state)
{
    slot_rig *r = *state;
    plugin_spec invalid = { .hook = PLUGIN_CODE(PLUGIN_I32(0)) }; /* an i64 is due */
    installer in[INSTALLERS];
    size_t size;
    uint8_t *bytes = plugin_make(&invalid, &size);

    install_at_once(r, in, bytes, size);
    for (int i = 0; i < INSTALLERS; i++) {
        assert_int_equal(in[i].status, BERTH_E_REJECTED);
        assert_int_equal(in[i].diag.status, BERTH_E_REJECTED);
        assert_true(in[i].diag.text[0] != '\0');
    }
    assert_int_equal(stats_of(r).compiles, 0);
    assert_true(stats_of(r).compile_failures >= 1);
    assert_int_equal(stats_of(r).cache_entries, 0);
    assert_int_equal(stats_of(r).cache_bytes, 0);
    assert_int_equal(slot_rig_try_install(r, in[0].slot, bytes, size), BERTH_E_REJECTED);
}

/* ---- components ---- */

static uint64_t install_component(slot_rig *r, berth_slot *slot, uint32_t number)
{
    size_t size;
    uint8_t *bytes = component_answering(number, &size);

    return slot_rig_install(r, slot, bytes, size);
}

static void a_component_is_loaded_once_while_anybody_uses_it(void **state)
{
    slot_rig *r = *state;
    berth_slot *a = slot_rig_open(r, "a", NULL), *b = slot_rig_open(r, "b", NULL);

    install_component(r, a, 1);
    install_component(r, b, 1);
    assert_int_equal(stats_of(r).component_loads, 1);
    assert_int_equal(stats_of(r).components, 1);
    assert_int_equal(stats_of(r).cache_hits, 1);
    install_component(r, a, 2); /* 1 is kept for a rollback */
    assert_int_equal(stats_of(r).components, 2);
    assert_int_equal(berth_slot_rollback(a, NULL, NULL), BERTH_OK);
    assert_int_equal(stats_of(r).component_loads, 2);
    assert_int_equal(berth_slot_evict(r->runtime, NULL, "a"), BERTH_OK);
    slot_rig_wait_reaped(r);
    assert_int_equal(stats_of(r).components, 1);
    assert_int_equal(slot_rig_answer(r, b), 1);
    assert_int_equal(berth_slot_evict(r->runtime, NULL, "b"), BERTH_OK);
    slot_rig_wait_reaped(r);
    assert_int_equal(stats_of(r).components, 0);
    assert_int_equal(stats_of(r).cache_entries, 2);
    a = slot_rig_open(r, "a", NULL);
    install_component(r, a, 1); /* loaded again, but not compiled again */
    assert_int_equal(stats_of(r).component_loads, 3);
    assert_int_equal(stats_of(r).compiles, 2);
    assert_int_equal(slot_rig_answer(r, a), 1);
}

/* A component that takes a while to load, so that others come meanwhile: its hook, which answers with
 * nothing, has so many steps behind its end. */
static uint8_t *large_component(uint32_t steps, size_t *size_out)
{
    static const uint8_t realloc_code[] = { 0x41, 0x80, 0x08 }; /* i32.const 1024 */
    component_recipe recipe = { .functions = "do" };
    bertht_buf code = { 0 };
    bertht_wasm m = { 0 };
    uint8_t *core, *bytes;

    buf_bytes(&code, "\x41\x10\x0f", 3); /* i32.const 16, return */
    for (uint32_t i = 0; i < steps; i++) {
        buf_bytes(&code, "\x20\x00\x41", 3); /* local 0 += i */
        buf_s64(&code, (int32_t)i);
        buf_bytes(&code, "\x6a\x21\x00", 3);
    }
    buf_bytes(&code, "\x00", 1);
    wasm_memory(&m, 0, 1, 0);
    wasm_export(&m, "memory", 2, 0);
    wasm_export(&m, "cabi_realloc", 0,
                wasm_func(&m, "iiii:i", realloc_code, sizeof realloc_code));
    wasm_export(&m, "do", 0, wasm_func(&m, "ii:i", code.data, code.size));
    core = wasm_finish(&m, &recipe.core_size);
    wasm_free(&m);
    buf_free(&code);
    recipe.core = core;
    bytes = component_build(&recipe, size_out);
    free(core);
    return bytes;
}

static void many_that_want_a_component_load_it_once(void **state)
{
    slot_rig *r = *state;
    installer in[INSTALLERS];
    size_t size;
    uint8_t *bytes = large_component(strcmp(r->engine, "interp") == 0 ? 100000 : 10000, &size);

    install_at_once(r, in, bytes, size);
    for (int i = 0; i < INSTALLERS; i++) {
        assert_int_equal(in[i].status, BERTH_OK);
        assert_int_equal(slot_rig_call(r, in[i].slot, NULL, 0, NULL), BERTH_OK);
    }
    assert_int_equal(stats_of(r).component_loads, 1);
    assert_int_equal(stats_of(r).components, 1);
    assert_int_equal(stats_of(r).compiles, 1);
    assert_int_equal(stats_of(r).cache_hits, INSTALLERS - 1);
    free(bytes);
}

/* A component around a module that is read and does not compile. */
static uint8_t *component_of_invalid_code(size_t *size_out)
{
    static const uint8_t code[] = { 0x42, 0x00 }; /* an i64, where an i32 is due */
    component_recipe recipe = { .functions = "do" };
    bertht_wasm m = { 0 };
    uint8_t *core, *bytes;

    wasm_memory(&m, 0, 1, 0);
    wasm_export(&m, "memory", 2, 0);
    wasm_export(&m, "cabi_realloc", 0, wasm_func(&m, "iiii:i", code, sizeof code));
    wasm_export(&m, "do", 0, wasm_func(&m, "ii:i", code, sizeof code));
    core = wasm_finish(&m, &recipe.core_size);
    wasm_free(&m);
    recipe.core = core;
    bytes = component_build(&recipe, size_out);
    free(core);
    return bytes;
}

static void a_component_that_fails_to_load_is_told_to_all_and_not_kept(void **state)
{
    slot_rig *r = *state;
    installer in[INSTALLERS];
    size_t size;
    uint8_t *bytes = component_of_invalid_code(&size);

    install_at_once(r, in, bytes, size);
    for (int i = 0; i < INSTALLERS; i++) {
        assert_int_equal(in[i].status, BERTH_E_REJECTED);
        assert_int_equal(in[i].diag.status, BERTH_E_REJECTED);
        assert_non_null(strstr(in[i].diag.text, "core module 0"));
    }
    assert_int_equal(stats_of(r).component_loads, 0);
    assert_int_equal(stats_of(r).components, 0);
    assert_int_equal(stats_of(r).cache_entries, 0);
    assert_true(stats_of(r).compile_failures >= 1);
    assert_int_equal(slot_rig_try_install(r, in[0].slot, bytes, size), BERTH_E_REJECTED);
}

static void modules_of_components_in_use_are_warm_and_others_bounded(void **state)
{
    slot_rig *r = *state;
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    berth_slot *warm, *cold;

    options.cache_entries_max = 2;
    slot_rig_restart(r, options);
    warm = slot_rig_open(r, "warm", NULL);
    install_component(r, warm, 100);
    install_component(r, warm, 101); /* 100 is kept for a rollback: warm as well */
    for (uint32_t i = 1; i <= 3; i++) {
        cold = slot_rig_open(r, "cold", NULL);
        install_component(r, cold, i);
        assert_int_equal(berth_slot_evict(r->runtime, NULL, "cold"), BERTH_OK);
        slot_rig_wait_reaped(r);
        assert_int_equal(stats_of(r).cache_evictions,
                         i <= 2 ? 0 : 1); /* at the bound, past it */
        assert_int_equal(stats_of(r).cache_entries, 2 + (i <= 2 ? i : 2));
        assert_int_equal(stats_of(r).components, 2);
    }
    cold = slot_rig_open(r, "cold", NULL);
    install_component(r, cold, 2);
    install_component(r, cold, 3);
    assert_int_equal(stats_of(r).compiles, 5);
    install_component(r, cold, 1); /* it went */
    assert_int_equal(stats_of(r).compiles, 6);
    assert_int_equal(slot_rig_answer(r, warm), 101);
    assert_int_equal(berth_slot_rollback(warm, NULL, NULL), BERTH_OK);
    assert_int_equal(slot_rig_answer(r, warm), 100);
}

static void bytes_of_components_are_bounded_as_well(void **state)
{
    slot_rig *r = *state;
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    berth_slot *slot;

    options.cache_bytes_max = 1;
    slot_rig_restart(r, options);
    slot = slot_rig_open(r, "x", NULL);
    install_component(r, slot, 1);
    assert_int_equal(stats_of(r).cache_entries, 1);
    assert_int_equal(berth_slot_evict(r->runtime, NULL, "x"), BERTH_OK);
    slot_rig_wait_reaped(r);
    assert_int_equal(stats_of(r).cache_entries, 0);
    assert_int_equal(stats_of(r).cache_bytes, 0);
}

/* A plugin whose compilation takes a while: its hook has so many steps. */
static uint8_t *large_plugin(uint32_t steps, size_t *size_out)
{
    plugin_spec spec = { .number = steps };
    bertht_buf more = { 0 };
    uint8_t *bytes;

    for (uint32_t i = 0; i < steps; i++) { /* local 2 = local 2 * i + i */
        buf_bytes(&more, "\x20\x02\x41", 3);
        buf_s64(&more, (int32_t)i);
        buf_bytes(&more, "\x6c\x41", 2);
        buf_s64(&more, (int32_t)i);
        buf_bytes(&more, "\x6a\x21\x02", 3);
    }
    buf_bytes(&more, "\x20\x02\x1a\x42\x00", 5);
    spec.hook = (plugin_code){ more.data, more.size };
    bytes = plugin_make(&spec, size_out);
    buf_free(&more);
    return bytes;
}

static void different_contents_are_compiled_beside_each_other(void **state)
{
    slot_rig *r = *state;
    uint32_t steps = strcmp(r->engine, "interp") == 0 ? 400000 : 20000;
    berth_slot *small = slot_rig_open(r, "small", NULL);
    uint64_t until_ns = slot_rig_now_ns() + SLOT_RIG_PATIENCE_NS;
    bool overtaken = false;

    /* A machine may be so busy that the large one is done before this thread runs again. */
    for (int attempt = 0; !overtaken && slot_rig_now_ns() < until_ns; attempt++) {
        installer in = { .slot = slot_rig_open(r, "large", NULL) };

        in.bytes = large_plugin(steps + (uint32_t)attempt, &in.size);
        assert_int_equal(pthread_create(&in.thread, NULL, run_installer, &in), 0);
        while (stats_of(r).cache_entries < 1 + 2 * (uint32_t)attempt && !atomic_load(&in.done))
            slot_rig_sleep_ms(1);
        slot_rig_install_answering(r, small, (uint32_t)attempt);
        overtaken = !atomic_load(&in.done);
        pthread_join(in.thread, NULL);
        if (in.status != BERTH_OK)
            fail_msg("%s", in.diag.text);
        free(in.bytes);
        assert_int_equal(berth_slot_evict(r->runtime, NULL, "large"), BERTH_OK);
    }
    assert_true(overtaken);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(the_same_bytes_under_another_key_are_compiled_once),
        slot_test(it_is_still_there_after_an_eviction),
        slot_test(the_least_recently_used_goes_first_and_the_warm_never),
        slot_test(bytes_are_bounded_as_well),
        slot_test(many_that_want_the_same_compile_it_once),
        slot_test(a_failure_to_compile_is_told_to_all_and_not_kept),
        slot_test(a_component_is_loaded_once_while_anybody_uses_it),
        slot_test(many_that_want_a_component_load_it_once),
        slot_test(a_component_that_fails_to_load_is_told_to_all_and_not_kept),
        slot_test(modules_of_components_in_use_are_warm_and_others_bounded),
        slot_test(bytes_of_components_are_bounded_as_well),
        slot_test(different_contents_are_compiled_beside_each_other),
    };

    return slot_rig_run("compiled artifacts", tests, sizeof tests / sizeof *tests);
}
