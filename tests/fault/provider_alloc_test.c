/* provider_alloc_test.c - every allocation of a provider fails once, and from then on: each time
 * the answer is "out of memory" or a success, nothing is left behind, and the next try works. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "engine_rig.h"
#include "guests.h"
#include "wasm_builder.h"

enum { IMPORTS = 20, REFERENCES = 70 };

static berth_status nothing(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                            berth_diag *diag)
{
    (void)ctx;
    (void)store;
    (void)cells;
    (void)diag;
    return BERTH_OK;
}

static uint8_t *module_with_imports(size_t *size_out)
{
    bertht_wasm m = { 0 };
    uint8_t *bytes;

    for (int n = 0; n < IMPORTS; n++) {
        char name[16];

        snprintf(name, sizeof name, "f%d", n);
        wasm_import_func(&m, "host", name, ":");
    }
    wasm_export(&m, "f", BERTHI_EXTERN_FUNC, 0);
    bytes = wasm_finish(&m, size_out);
    wasm_free(&m);
    return bytes;
}

static berth_status use_store(rig *r, berthi_wasm_store *s, berthi_wasm_module *module,
                              berth_diag *diag)
{
    berthi_extern imports[IMPORTS], e;
    berthi_wasm_instance i;
    berth_status status;
    berthi_val ref;

    for (int n = 0; n < IMPORTS; n++) {
        status = r->ops->func_create(s, &(berthi_functype){ 0, 0, NULL }, nothing, NULL,
                                     &imports[n], diag);
        if (status != BERTH_OK)
            return status;
    }
    for (uint64_t n = 0; n < REFERENCES; n++) {
        status = r->ops->externref_wrap(s, n + 1, &ref, diag);
        if (status != BERTH_OK)
            return status;
    }
    status = r->ops->memory_create(s, 1, 2, &e, diag);
    if (status == BERTH_OK)
        status = r->ops->table_create(s, BERTHI_FUNCREF, 1, 2, &e, diag);
    if (status == BERTH_OK)
        status = r->ops->global_create(s, BERTHI_I32, true, (berthi_val){ 0 }, &e, diag);
    if (status == BERTH_OK)
        status = r->ops->instantiate(s, module, imports, IMPORTS, &i, diag);
    if (status == BERTH_OK && r->ops->instance_export(s, i, "f", 1, &e))
        status = r->ops->call(s, &e, NULL, 0, diag);
    return status;
}

static berth_status use_linked(rig *r, berthi_wasm_store *s, berthi_wasm_module *module,
                               berthi_wasm_linked **linked_out, berth_diag *diag)
{
    berthi_wasm_binding bindings[IMPORTS];
    berthi_wasm_instance i;
    berth_status status;
    berthi_extern e;

    for (int n = 0; n < IMPORTS; n++)
        bindings[n] = (berthi_wasm_binding){ { 0, 0, NULL }, nothing, NULL };
    status = r->ops->module_link(module, bindings, IMPORTS, linked_out, diag);
    if (status == BERTH_OK)
        status = r->ops->instantiate_linked(s, *linked_out, &i, diag);
    if (status == BERTH_OK && r->ops->instance_export(s, i, "f", 1, &e))
        status = r->ops->call(s, &e, NULL, 0, diag);
    return status;
}

/* Everything that a provider allocates for; the first failure. */
static berth_status live(rig *r, const uint8_t *bytes, size_t size, berth_diag *diag)
{
    berthi_wasm_engine *engine;
    berthi_wasm_module *module;
    berthi_wasm_linked *linked = NULL;
    berthi_wasm_store *store;
    berth_status status = r->ops->engine_create(&r->options, &engine, diag);

    if (status != BERTH_OK)
        return status;
    status = r->ops->module_compile(engine, bytes, size, &module, diag);
    if (status == BERTH_OK) {
        status = r->ops->store_create(engine, &r->limits, NULL, &store, diag);
        if (status == BERTH_OK) {
            r->ops->store_deadline(store, 10);
            status = use_store(r, store, module, diag);
            if (status == BERTH_OK)
                status = use_linked(r, store, module, &linked, diag);
            r->ops->store_destroy(store);
            r->ops->linked_destroy(linked);
        }
        r->ops->module_unref(module);
    }
    r->ops->engine_destroy(engine);
    return status;
}

static void fail_each(rig *r, const uint8_t *bytes, size_t size, bool sticky)
{
    size_t live_before = atomic_load(&r->memory.live_bytes);

    for (size_t nth = 0;; nth++) {
        size_t failures;
        berth_diag diag = { .status = 0 };
        berth_status status;

        memory_fail(&r->memory, nth, sticky);
        status = live(r, bytes, size, &diag);
        failures = atomic_load(&r->memory.failures);
        memory_fail(&r->memory, MEMORY_NEVER, false);
        assert_int_equal(atomic_load(&r->memory.live_bytes), live_before);
        if (failures == 0) {
            assert_int_equal(status,
                             BERTH_OK); /* there is no nth allocation: all have failed */
            assert_true(nth > 4);
            return;
        }
        if (status != BERTH_E_NOMEM)
            fail_msg("%s: allocation %zu: %s %s", r->ops->name, nth, berth_status_name(status),
                     diag.text);
        assert_int_equal(diag.status, BERTH_E_NOMEM);
        assert_true(diag.text[0] != '\0');
    }
}

static void every_allocation_may_fail_once(void **state)
{
    size_t size;
    uint8_t *bytes = module_with_imports(&size);

    fail_each(*state, bytes, size, false);
    free(bytes);
}

static void every_allocation_may_fail_from_then_on(void **state)
{
    size_t size;
    uint8_t *bytes = module_with_imports(&size);

    fail_each(*state, bytes, size, true);
    free(bytes);
}

static void options_that_no_machine_has_are_refused(void **state)
{
    rig *r = *state;
    berthi_wasm_engine *engine = NULL;
    berthi_wasm_options o = r->options;

    o.instances_max = 0;
    assert_int_equal(r->ops->engine_create(&o, &engine, &r->diag), BERTH_E_INVALID);
    o = r->options;
    o.instances_max = UINT32_MAX;
    assert_int_equal(r->ops->engine_create(&o, &engine, &r->diag), BERTH_E_INVALID);
    o = r->options;
    o.memory_bytes_max = UINT64_C(1) << 33;
    assert_int_equal(r->ops->engine_create(&o, &engine, &r->diag), BERTH_E_INVALID);
    o = r->options;
    o.stack_bytes_max = 100;
    assert_int_equal(r->ops->engine_create(&o, &engine, &r->diag), BERTH_E_INVALID);
    assert_true(r->diag.text[0] != '\0');
    assert_null(engine);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        rig_test(every_allocation_may_fail_once),
        rig_test(every_allocation_may_fail_from_then_on),
        rig_test(options_that_no_machine_has_are_refused),
    };

    return rig_run("out of memory", tests, sizeof tests / sizeof *tests);
}
