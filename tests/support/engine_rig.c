/* engine_rig.c - see engine_rig.h. */
#include "engine_rig.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guests.h"

/* Which provider the group that is running is about; cmocka has no other way in. */
static const berthi_wasm_ops *current;

int rig_setup(void **state)
{
    rig *r = calloc(1, sizeof *r);

    r->ops = current;
    memory_init(&r->memory);
    r->allocator = memory_allocator(&r->memory);
    r->options = (berthi_wasm_options){ .allocator = &r->allocator,
                                        .memory_bytes_max = 4 * 1024 * 1024,
                                        .table_elements_max = 1000,
                                        .stack_bytes_max = 256 * 1024,
                                        .instances_max = 16 };
    r->limits = (berthi_wasm_limits){ .memory_bytes_max = 2 * 1024 * 1024,
                                      .table_elements_max = 500,
                                      .instances_max = 4,
                                      .memories_max = 4,
                                      .tables_max = 4 };
    *state = r;
    if (r->ops->engine_create(&r->options, &r->engine, &r->diag) != BERTH_OK) {
        fprintf(stderr, "%s: %s\n", r->ops->name, r->diag.text);
        return -1;
    }
    return 0;
}

int rig_teardown(void **state)
{
    rig *r = *state;
    size_t left;

    r->ops->engine_destroy(r->engine);
    left = atomic_load(&r->memory.live_bytes);
    if (left != 0)
        fprintf(stderr, "%s: %zu bytes left behind\n", r->ops->name, left);
    free(r);
    return left == 0 ? 0 : -1;
}

int rig_run(const char *what, const struct CMUnitTest *tests, size_t count)
{
    static const char *const names[] = { "wasmtime", "interp" };
    int failed = 0;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char group[64];

        current = berthi_wasm_provider(names[i]);
        if (current == NULL || current->engine_create == NULL)
            continue;
        snprintf(group, sizeof group, "%s on %s", what, names[i]);
        failed += _cmocka_run_group_tests(group, tests, count, NULL, NULL);
    }
    return failed;
}

berthi_wasm_module *rig_module(rig *r, const char *guest)
{
    berthi_wasm_module *module = NULL;
    size_t size;
    uint8_t *bytes = guest_read(guest, &size);
    berth_status status = r->ops->module_compile(r->engine, bytes, size, &module, &r->diag);

    free(bytes);
    if (status != BERTH_OK)
        fail_msg("%s: %s", guest, r->diag.text);
    return module;
}

berthi_wasm_store *rig_store(rig *r, uint64_t ticks)
{
    berthi_wasm_store *store = NULL;

    assert_int_equal(r->ops->store_create(r->engine, &r->limits, r, &store, &r->diag),
                     BERTH_OK);
    r->ops->store_deadline(store, ticks);
    return store;
}

berthi_wasm_store *rig_instance(rig *r, const char *guest, uint64_t ticks,
                                berthi_wasm_instance *instance_out)
{
    berthi_wasm_module *module = rig_module(r, guest);
    berthi_wasm_store *store = rig_store(r, ticks);

    if (r->ops->instantiate(store, module, NULL, 0, instance_out, &r->diag) != BERTH_OK)
        fail_msg("%s: %s", guest, r->diag.text);
    r->ops->module_unref(module); /* the store keeps it */
    return store;
}

berthi_extern rig_export(rig *r, berthi_wasm_store *store, berthi_wasm_instance instance,
                         const char *name)
{
    berthi_extern e = { 0 };

    if (!r->ops->instance_export(store, instance, name, strlen(name), &e))
        fail_msg("no export '%s'", name);
    return e;
}

berth_status rig_call(rig *r, berthi_wasm_store *store, berthi_wasm_instance instance,
                      const char *name, berthi_val *cells, size_t cells_count)
{
    berthi_extern func = rig_export(r, store, instance, name);

    assert_int_equal(func.kind, BERTHI_EXTERN_FUNC);
    memset(&r->diag, 0, sizeof r->diag);
    return r->ops->call(store, &func, cells, cells_count, &r->diag);
}

struct rig_ticker {
    rig *rig;
    pthread_t thread;
    atomic_bool stop;
    uint64_t ticks;
};

static void *tick(void *arg)
{
    rig_ticker *t = arg;

    while (!atomic_load(&t->stop)) {
        sched_yield();
        t->rig->ops->engine_tick(t->rig->engine, 1);
        t->ticks++;
    }
    return NULL;
}

rig_ticker *rig_ticker_start(rig *r)
{
    rig_ticker *t = calloc(1, sizeof *t);

    t->rig = r;
    assert_int_equal(pthread_create(&t->thread, NULL, tick, t), 0);
    return t;
}

uint64_t rig_ticker_stop(rig_ticker *t)
{
    uint64_t ticks;

    atomic_store(&t->stop, true);
    pthread_join(t->thread, NULL);
    ticks = t->ticks;
    free(t);
    return ticks;
}
