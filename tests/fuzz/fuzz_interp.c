/* fuzz_interp.c - any bytes through the interpreter: compile, link with a host that has
 * whatever is asked for, call every export that is a function.
 *
 * A timer makes time pass, so every guest ends.  Whatever happens, everything is freed (the
 * allocator counts) and each failure is one of those that the interface names. */
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/time.h>

#include "wasm/module.h"
#include "fuzz.h"

enum {
    TICK_MICROSECONDS = 200,
    DEADLINE_TICKS = 3,
    CELLS_MAX = 64,
    CALLS_MAX = 16,
    ITEMS_MAX = 64
};

static berthi_wasm_engine *engine; /* for the timer; one for all inputs */
static size_t live_bytes;

static void must(int condition)
{
    if (!condition)
        abort();
}

static void *count_alloc(void *ctx, size_t size)
{
    void *p = malloc(size);

    (void)ctx;
    if (p != NULL)
        live_bytes += size;
    return p;
}

static void count_free(void *ctx, void *p, size_t size)
{
    (void)ctx;
    live_bytes -= size;
    free(p);
}

static const berth_allocator counting = { NULL, count_alloc, count_free };

static void on_timer(int number)
{
    (void)number;
    engine->ops->engine_tick(engine, 1);
}

static void start(void)
{
    static const berthi_wasm_options options = { .allocator = &counting,
                                                 .memory_bytes_max = 1u << 20,
                                                 .table_elements_max = 1000,
                                                 .stack_bytes_max = 64 * 1024,
                                                 .instances_max = 2 };
    struct sigaction action = { .sa_handler = on_timer, .sa_flags = SA_RESTART };
    struct itimerval interval = { { 0, TICK_MICROSECONDS }, { 0, TICK_MICROSECONDS } };
    berth_diag diag;

    must(berthi_interp_ops.engine_create(&options, &engine, &diag) == BERTH_OK);
    must(sigaction(SIGALRM, &action, NULL) == 0);
    must(setitimer(ITIMER_REAL, &interval, NULL) == 0);
}

/* Gives zeros, and now and then fails or calls the instance's first function. */
static berth_status host_function(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                                  berth_diag *diag)
{
    const berthi_functype *type = ctx;

    (void)store;
    if (type->params_count > 0 && (cells[0].words[0] & 0xff) == 0xee)
        return BERTH_E_ABI;
    (void)diag;
    for (uint32_t i = 0; i < type->results_count; i++)
        cells[i] = (berthi_val){ .words = { 0, 0 } };
    return BERTH_OK;
}

static berth_status make_import(const berthi_wasm_ops *ops, berthi_wasm_store *store,
                                const berthi_wasm_info *info, const berthi_wasm_import *import,
                                berthi_extern *out, berth_diag *diag)
{
    const berthi_wasm_size *size;
    const berthi_wasm_table *table;

    switch (import->kind) {
    case BERTHI_EXTERN_FUNC: {
        berthi_functype *type = &info->types[info->funcs[import->index]];

        return ops->func_create(store, type, host_function, type, out, diag);
    }
    case BERTHI_EXTERN_MEMORY:
        size = &info->memories[import->index];
        return ops->memory_create(store, (uint32_t)size->min,
                                  size->has_max ? (uint32_t)size->max : BERTHI_NO_MAX, out,
                                  diag);
    case BERTHI_EXTERN_TABLE:
        table = &info->tables[import->index];
        return ops->table_create(
            store, table->element_type, (uint32_t)table->size.min,
            table->size.has_max ? (uint32_t)table->size.max : BERTHI_NO_MAX, out, diag);
    default:
        return ops->global_create(store, info->globals[import->index].type,
                                  info->globals[import->index].is_mutable,
                                  (berthi_val){ .words = { 0, 0 } }, out, diag);
    }
}

static bool is_known(berth_status status)
{
    switch (status) {
    case BERTH_OK:
    case BERTH_E_LIMIT:
    case BERTH_E_REJECTED:
    case BERTH_E_TRAP:
    case BERTH_E_DEADLINE:
    case BERTH_E_ABI:
        return true;
    default:
        return false;
    }
}

static void call_exports(const berthi_wasm_ops *ops, berthi_wasm_store *store,
                         berthi_wasm_instance instance, const berthi_wasm_info *info)
{
    uint32_t calls = 0;

    for (uint32_t i = 0; i < info->exports_count && calls < CALLS_MAX; i++) {
        const berthi_wasm_export *e = &info->exports[i];
        berthi_val cells[CELLS_MAX] = { 0 };
        berth_diag diag = { 0 };
        berthi_extern found;
        uint8_t types[CELLS_MAX];
        uint32_t params, results;
        berth_status status;

        must(ops->instance_export(store, instance, e->name.text, e->name.size, &found));
        if (e->kind != BERTHI_EXTERN_FUNC ||
            !ops->func_type(store, &found, types, sizeof types, &params, &results))
            continue;
        for (uint32_t k = 0; k < params; k++)
            if (types[k] >= BERTHI_F64)
                cells[k].words[0] = 0x4000000040000001u * (k + 1);
        calls++;
        ops->store_deadline(store, DEADLINE_TICKS);
        status = ops->call(store, &found, cells, CELLS_MAX, &diag);
        must(is_known(status));
        must(status == BERTH_OK || (diag.status == (int32_t)status && diag.text[0] != '\0'));
    }
}

static void run(const berthi_wasm_ops *ops, berthi_wasm_module *module,
                const berthi_wasm_info *info)
{
    static const berthi_wasm_limits limits = { .memory_bytes_max = 1u << 20,
                                               .table_elements_max = 1000,
                                               .instances_max = 1,
                                               .memories_max = ITEMS_MAX,
                                               .tables_max = ITEMS_MAX };
    berthi_extern imports[ITEMS_MAX];
    berthi_wasm_instance instance;
    berthi_wasm_store *store;
    berth_diag diag = { 0 };
    berth_status status = BERTH_OK;

    if (info->imports_count > ITEMS_MAX)
        return;
    must(ops->store_create(engine, &limits, NULL, &store, &diag) == BERTH_OK);
    ops->store_deadline(store, DEADLINE_TICKS);
    for (uint32_t i = 0; i < info->imports_count && status == BERTH_OK; i++)
        status = make_import(ops, store, info, &info->imports[i], &imports[i], &diag);
    if (status == BERTH_OK)
        status =
            ops->instantiate(store, module, imports, info->imports_count, &instance, &diag);
    must(is_known(status));
    if (status == BERTH_OK)
        call_exports(ops, store, instance, info);
    ops->store_destroy(store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const berthi_wasm_ops *ops = &berthi_interp_ops;
    berthi_wasm_module *module = NULL;
    berthi_wasm_info info;
    berthi_arena arena;
    berth_diag diag = { 0 };
    berth_status status;
    size_t before;

    if (engine == NULL)
        start();
    before = live_bytes;
    status = ops->module_compile(engine, data, size, &module, &diag);
    must(status == BERTH_OK || status == BERTH_E_REJECTED || status == BERTH_E_LIMIT);
    must(status == BERTH_OK || (diag.status == (int32_t)status && diag.text[0] != '\0'));
    if (status == BERTH_OK) {
        berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
        must(berthi_wasm_read(data, size, &arena, &info, &diag) == BERTH_OK);
        run(ops, module, &info);
        berthi_arena_fini(&arena);
        ops->module_unref(module);
    }
    must(live_bytes == before);
    return 0;
}
