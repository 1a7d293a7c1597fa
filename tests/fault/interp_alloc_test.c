/* interp_alloc_test.c - each allocation of the interpreter fails once, and from then on, while a
 * guest uses everything: read, compile, instantiate, call, a growing stack, memories and tables.
 *
 * memory.grow and table.grow may answer -1 instead; the guest of this test goes on then. */
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "engine_rig.h"
#include "guests.h"
#include "memory.h"

enum { DEPTH = 3000 }; /* frames: the stack grows several times */

typedef struct attempt {
    const uint8_t *bytes;
    size_t size;
    berthi_wasm_options options;
    berth_diag diag;
    int stage; /* how far it came: 0 engine, 1 compile, 2 store, 3 instantiate, 4 call, 5 done */
} attempt;

static berth_status call_run(attempt *a, berthi_wasm_store *store,
                             berthi_wasm_instance instance)
{
    const berthi_wasm_ops *ops = &berthi_interp_ops;
    berthi_val v[1] = { { .i32 = DEPTH } };
    berthi_extern run;

    assert_true(ops->instance_export(store, instance, "run", 3, &run));
    return ops->call(store, &run, v, 1, &a->diag);
}

static berth_status use_store(attempt *a, berthi_wasm_engine *engine,
                              berthi_wasm_module *module)
{
    static const berthi_wasm_limits limits = { .memory_bytes_max = 1u << 20,
                                               .table_elements_max = 500,
                                               .instances_max = 4,
                                               .memories_max = 4,
                                               .tables_max = 4 };
    const berthi_wasm_ops *ops = &berthi_interp_ops;
    berthi_wasm_instance instance;
    berthi_wasm_store *store;
    berth_status status = ops->store_create(engine, &limits, NULL, &store, &a->diag);

    if (status != BERTH_OK)
        return status;
    ops->store_deadline(store, 1000);
    a->stage = 3;
    status = ops->instantiate(store, module, NULL, 0, &instance, &a->diag);
    if (status == BERTH_OK) {
        a->stage = 4;
        status = call_run(a, store, instance);
    }
    ops->store_destroy(store);
    return status;
}

static berth_status live(attempt *a)
{
    const berthi_wasm_ops *ops = &berthi_interp_ops;
    berthi_wasm_engine *engine;
    berthi_wasm_module *module;
    berth_status status;

    a->stage = 0;
    a->diag.status = 0;
    status = ops->engine_create(&a->options, &engine, &a->diag);
    if (status != BERTH_OK)
        return status;
    a->stage = 1;
    status = ops->module_compile(engine, a->bytes, a->size, &module, &a->diag);
    if (status == BERTH_OK) {
        a->stage = 2;
        status = use_store(a, engine, module);
        ops->module_unref(module);
    }
    ops->engine_destroy(engine);
    return status;
}

/* memory.grow and table.grow that answer -1 change nothing that `run` needs, but table.fill and
 * stores behind them may then be out of bounds. */
static void check(const attempt *a, berth_status status, size_t nth)
{
    if (status == BERTH_OK || (a->stage == 4 && status == BERTH_E_TRAP))
        return;
    if (status != BERTH_E_NOMEM)
        fail_msg("allocation %zu, stage %d: %s", nth, a->stage, a->diag.text);
    assert_int_equal(a->diag.status, BERTH_E_NOMEM);
    assert_true(a->diag.text[0] != '\0');
}

static void fail_each(bool sticky)
{
    bertht_memory memory;
    berth_allocator allocator;
    attempt a = { .options = { .memory_bytes_max = 1u << 20,
                               .table_elements_max = 1000,
                               .stack_bytes_max = 512 * 1024,
                               .instances_max = 4 } };
    uint8_t *bytes = guest_read("everything", &a.size);
    size_t refused[5] = { 0 };

    a.bytes = bytes;
    for (size_t nth = 0;; nth++) {
        berth_status status;

        memory_init(&memory);
        allocator = memory_allocator(&memory);
        a.options.allocator = &allocator;
        memory_fail(&memory, nth, sticky);
        status = live(&a);
        memory_assert_empty(&memory);
        if (atomic_load(&memory.failures) == 0) {
            assert_int_equal(status, BERTH_OK);
            break;
        }
        check(&a, status, nth);
        if (status == BERTH_E_NOMEM)
            refused[a.stage]++;
    }
    /* Each stage was seen to fail. */
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_true(refused[i] > 0);
    if (refused[1] < 8 || refused[4] < 5)
        fail_msg("only %zu in compile, %zu in call", refused[1], refused[4]);
    free(bytes);
}

static void each_allocation_may_fail_once(void **state)
{
    (void)state;
    fail_each(false);
}

static void each_allocation_may_fail_from_then_on(void **state)
{
    (void)state;
    fail_each(true);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_may_fail_once),
        cmocka_unit_test(each_allocation_may_fail_from_then_on),
    };

    return cmocka_run_group_tests_name("interp out of memory", tests, NULL, NULL);
}
