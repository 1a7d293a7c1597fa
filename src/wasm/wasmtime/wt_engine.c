/* wt_engine.c - settings of the engine, and compiled modules.  Layer: wasm.
 *
 * The settings and what was measured for each: docs/design/0002-wasmtime-settings.md.
 *
 * wasm_engine_new_with_config() aborts the process when it is refused anything, so everything
 * that it can be refused is checked or tried here first.
 */
#include "wasm/wasmtime/wt.h"

#include <stdio.h>

#include "os/reserve.h"

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

/* A 32-bit guest cannot name an address outside of these, so that accesses carry no checks. */
#define MEMORY_RESERVATION (4 * GIB)
#define MEMORY_GUARD       (32 * MIB)

/* References of the host live in a heap that takes the place of one memory of the pool.  Few
 * guests have any; each of those needs one. */
#define REFERENCE_HEAPS(instances) ((instances) / 8 + 4)

enum {
    INSTANCES_MAX = 16384,
    TABLE_ELEMENTS_MAX = 10000000,
    STACK_MIN = 16 * 1024,
    STACK_MAX = 256 * 1024 * 1024,
    TABLES_PER_INSTANCE = 2, /* of the pool; one component has two in one of three instances */
    TABLES_PER_MODULE_MAX = 100, /* what validation allows; the store's own limit decides */
    MEMORIES_PER_MODULE_MAX = 100,
    TABLE_ELEMENT_BYTES = 8,
    INSTANCE_BYTES_MAX =
        4 * 1024 * 1024, /* of one instance's globals and function references */
    /* A place that becomes free keeps its first pages, wiped by hand instead of given back and
     * faulted in again: a fresh instance and one call of a real plugin take a third of the time,
     * and an idle instance still fits in 32 KiB. */
    MEMORY_KEPT_BYTES = 16 * 1024,
    TABLE_KEPT_BYTES = 4 * 1024,
    /* Dead instances whose pages are given back in one system call.  What they grew to stays
     * resident until then, so not many. */
    DECOMMIT_BATCH = 4,
    WARM_PLACES_MAX = 100 /* free places that remember a module's image */
};

typedef struct pool_plan {
    uint32_t instances, reference_heaps, memories, tables;
    uint64_t memory_bytes; /* address space */
    uint64_t table_bytes;
} pool_plan;

static berth_status check_options(const berthi_wasm_options *o, berth_diag *diag)
{
    BERTHI_REQUIRE(o != NULL && o->allocator != NULL, diag);
    if (o->instances_max == 0 || o->instances_max > INSTANCES_MAX)
        return berthi_fail(diag, BERTH_E_INVALID, "instances_max is %u; 1 to %u is possible",
                           (unsigned)o->instances_max, (unsigned)INSTANCES_MAX);
    if (o->memory_bytes_max > MEMORY_RESERVATION)
        return berthi_fail(diag, BERTH_E_INVALID,
                           "memory_bytes_max is %llu; a memory has at most 4 GiB",
                           (unsigned long long)o->memory_bytes_max);
    if (o->table_elements_max > TABLE_ELEMENTS_MAX)
        return berthi_fail(diag, BERTH_E_INVALID, "table_elements_max is %u; at most %u",
                           (unsigned)o->table_elements_max, (unsigned)TABLE_ELEMENTS_MAX);
    if (o->stack_bytes_max < STACK_MIN || o->stack_bytes_max > STACK_MAX)
        return berthi_fail(diag, BERTH_E_INVALID, "stack_bytes_max is %u; %u to %u is possible",
                           (unsigned)o->stack_bytes_max, (unsigned)STACK_MIN,
                           (unsigned)STACK_MAX);
    return BERTH_OK;
}

static pool_plan plan_pool(const berthi_wasm_options *o)
{
    pool_plan p = { .instances = o->instances_max };

    p.reference_heaps = REFERENCE_HEAPS(p.instances);
    p.memories = p.instances + p.reference_heaps;
    p.tables = p.instances * TABLES_PER_INSTANCE < TABLES_PER_MODULE_MAX
                   ? TABLES_PER_MODULE_MAX
                   : p.instances * TABLES_PER_INSTANCE;
    p.memory_bytes = MEMORY_GUARD + p.memories * (MEMORY_RESERVATION + MEMORY_GUARD);
    p.table_bytes = (uint64_t)p.tables * o->table_elements_max * TABLE_ELEMENT_BYTES;
    return p;
}

/* The whole price of one engine, asked for before the engine asks and aborts. */
static berth_status try_pool(const pool_plan *p, berth_diag *diag)
{
    int code = berthi_os_try_reserve(p->memory_bytes, false);

    if (code != 0)
        return berthi_fail_os(
            diag, code,
            "cannot reserve %llu GiB of address space for %u instances; lower "
            "the number of instances, or lift 'ulimit -v'",
            (unsigned long long)(p->memory_bytes / GIB), (unsigned)p->instances);
    code = berthi_os_try_reserve(p->table_bytes, true);
    if (code != 0)
        return berthi_fail_os(diag, code,
                              "cannot reserve %llu MiB for tables of %u instances; lower the "
                              "number of instances or of table elements",
                              (unsigned long long)(p->table_bytes / MIB),
                              (unsigned)p->instances);
    return BERTH_OK;
}

static void set_pool(wasm_config_t *config, const berthi_wasm_options *o, const pool_plan *p)
{
    wasmtime_pooling_allocation_config_t *pool = wasmtime_pooling_allocation_config_new();

    wasmtime_pooling_allocation_config_total_core_instances_set(pool, p->instances);
    wasmtime_pooling_allocation_config_total_memories_set(pool, p->memories);
    wasmtime_pooling_allocation_config_total_tables_set(pool, p->tables);
    wasmtime_pooling_allocation_config_total_gc_heaps_set(pool, p->reference_heaps);
    wasmtime_pooling_allocation_config_max_memories_per_module_set(pool,
                                                                   MEMORIES_PER_MODULE_MAX);
    wasmtime_pooling_allocation_config_max_tables_per_module_set(pool, TABLES_PER_MODULE_MAX);
    wasmtime_pooling_allocation_config_table_elements_set(pool, o->table_elements_max);
    wasmtime_pooling_allocation_config_max_core_instance_size_set(pool, INSTANCE_BYTES_MAX);
    wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(pool, MEMORY_KEPT_BYTES);
    wasmtime_pooling_allocation_config_table_keep_resident_set(pool, TABLE_KEPT_BYTES);
    wasmtime_pooling_allocation_config_decommit_batch_size_set(pool, DECOMMIT_BATCH);
    wasmtime_pooling_allocation_config_max_unused_warm_slots_set(pool, WARM_PLACES_MAX);
    /* The addresses are reserved anyway; how much of them a guest may use is the store's limit,
     * which says so when a guest asks for more. */
    wasmtime_pooling_allocation_config_max_memory_size_set(pool, (size_t)MEMORY_RESERVATION);
    wasmtime_pooling_allocation_strategy_set(config, pool);
    wasmtime_pooling_allocation_config_delete(pool);
}

/* What a guest may be made of: what both providers of this project agree on, and SIMD. */
static void set_features(wasm_config_t *config)
{
    wasmtime_config_wasm_reference_types_set(config, true);
    wasmtime_config_wasm_bulk_memory_set(config, true);
    wasmtime_config_wasm_multi_value_set(config, true);
    wasmtime_config_wasm_simd_set(config, true);
    wasmtime_config_wasm_relaxed_simd_set(config, true);
    /* Else the same plugin would answer differently on another kind of processor. */
    wasmtime_config_wasm_relaxed_simd_deterministic_set(config, true);
    wasmtime_config_wasm_tail_call_set(config, true);
    wasmtime_config_wasm_multi_memory_set(config, true); /* the core suite has it */
    wasmtime_config_wasm_memory64_set(config, true);
    wasmtime_config_wasm_wide_arithmetic_set(config, false);
    wasmtime_config_wasm_custom_page_sizes_set(config, false);
    wasmtime_config_wasm_stack_switching_set(config, false);
    wasmtime_config_wasm_function_references_set(config, false);
    wasmtime_config_wasm_gc_set(config, false);
    wasmtime_config_wasm_exceptions_set(config, false);
#ifdef WASMTIME_FEATURE_THREADS
    wasmtime_config_wasm_threads_set(config, false);
#endif
#ifdef WASMTIME_FEATURE_COMPONENT_MODEL
    wasmtime_config_wasm_component_model_set(config, false);
    wasmtime_config_concurrency_support_set(config, false);
#endif
}

static wasm_config_t *make_config(const berthi_wasm_options *o, const pool_plan *p)
{
    wasm_config_t *config = wasm_config_new();

    wasmtime_config_strategy_set(config, WASMTIME_STRATEGY_CRANELIFT);
    wasmtime_config_cranelift_opt_level_set(config, WASMTIME_OPT_LEVEL_SPEED);
#ifdef WASMTIME_FEATURE_PARALLEL_COMPILATION
    /* Compiling is for the installer's thread alone: its pool of helpers would take the cores
     * that calls run on, and different modules compile side by side anyway. */
    wasmtime_config_parallel_compilation_set(config, false);
#endif
    wasmtime_config_epoch_interruption_set(config, true);
    wasmtime_config_consume_fuel_set(config, false);
    wasmtime_config_max_wasm_stack_set(config, o->stack_bytes_max);
#ifdef WASMTIME_FEATURE_ASYNC
    wasmtime_config_async_stack_size_set(config, (uint64_t)o->stack_bytes_max + MIB);
#endif
    wasmtime_config_native_unwind_info_set(config,
                                           false); /* unwinding goes by frame pointers */
    wasmtime_config_memory_init_cow_set(config, true);
    wasmtime_config_memory_reservation_set(config, MEMORY_RESERVATION);
    wasmtime_config_memory_guard_size_set(config, MEMORY_GUARD);
    wasmtime_config_memory_may_move_set(config,
                                        false); /* berthi_wt_memory_base() relies on it */
    set_features(config);
    set_pool(config, o, p);
    return config;
}

/* 64-bit FNV-1a, to name contents that nobody chooses in order to collide. */
static uint64_t hash_bytes(const char *bytes, size_t size)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < size; i++)
        h = (h ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
    return h;
}

/* The engine writes everything that its code depends on, processor features included, into the
 * head of a compiled module.  So the smallest module compiled names the settings for us. */
static berth_status identify(berthi_wt_engine *e, berth_diag *diag)
{
    static const uint8_t nothing[8] = { 0, 'a', 's', 'm', 1, 0, 0, 0 };
    wasmtime_module_t *module = NULL;
    wasmtime_error_t *error = wasmtime_module_new(e->engine, nothing, sizeof nothing, &module);
    wasm_byte_vec_t bytes;

    if (error != NULL)
        goto fail_module;
    error = wasmtime_module_serialize(module, &bytes);
    wasmtime_module_delete(module);
    if (error != NULL)
        goto fail_module;
    snprintf(e->identity, sizeof e->identity,
             "wasmtime %s; cranelift speed; epochs; reservation %llu guard %llu stack %u; "
             "settings and processor %016llx",
             WASMTIME_VERSION, (unsigned long long)MEMORY_RESERVATION,
             (unsigned long long)MEMORY_GUARD, (unsigned)e->options.stack_bytes_max,
             (unsigned long long)hash_bytes(bytes.data, bytes.size));
    wasm_byte_vec_delete(&bytes);
    return BERTH_OK;

fail_module:
    return berthi_diag_prefix(diag, berthi_wt_fold_compile(error, diag), "first compilation");
}

static berth_status engine_create(const berthi_wasm_options *options,
                                  berthi_wasm_engine **engine_out, berth_diag *diag)
{
    berth_status status = check_options(options, diag);
    berthi_wt_engine *e;
    pool_plan plan;

    if (status != BERTH_OK)
        return status;
    plan = plan_pool(options);
    status = try_pool(&plan, diag);
    if (status != BERTH_OK)
        return status;
    e = berthi_zalloc(options->allocator, sizeof *e);
    if (e == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "engine");
    e->head.ops = &berthi_wasmtime_ops;
    e->allocator = options->allocator;
    e->options = *options;
    e->engine = wasm_engine_new_with_config(make_config(options, &plan));
    e->linker = wasmtime_linker_new(e->engine);
    status = identify(e, diag);
    if (status != BERTH_OK)
        goto fail_identify;
    *engine_out = &e->head;
    return BERTH_OK;

fail_identify:
    wasmtime_linker_delete(e->linker);
    wasm_engine_delete(e->engine);
    berthi_free(options->allocator, e, sizeof *e);
    return status;
}

static void engine_destroy(berthi_wasm_engine *engine)
{
    berthi_wt_engine *e = (berthi_wt_engine *)engine;

    if (e == NULL)
        return;
    berthi_wt_types_free(e);
    wasmtime_linker_delete(e->linker);
    wasm_engine_delete(e->engine);
    berthi_free(e->allocator, e, sizeof *e);
}

static void engine_tick(berthi_wasm_engine *engine, uint64_t ticks)
{
    for (; ticks != 0; ticks--)
        wasmtime_engine_increment_epoch(((berthi_wt_engine *)engine)->engine);
}

static const char *engine_identity(const berthi_wasm_engine *engine)
{
    return ((const berthi_wt_engine *)engine)->identity;
}

static size_t count_imports(const wasmtime_module_t *module)
{
    wasm_importtype_vec_t imports;
    size_t count;

    wasmtime_module_imports(module, &imports);
    count = imports.size;
    wasm_importtype_vec_delete(&imports);
    return count;
}

typedef wasmtime_error_t *module_maker(wasm_engine_t *engine, const uint8_t *bytes, size_t size,
                                       wasmtime_module_t **module_out);

static berth_status make_module(berthi_wasm_engine *engine, module_maker *make,
                                const uint8_t *bytes, size_t size,
                                berthi_wasm_module **module_out, berth_diag *diag)
{
    berthi_wt_engine *e = (berthi_wt_engine *)engine;
    berthi_wt_module *m = berthi_zalloc(e->allocator, sizeof *m);
    wasmtime_error_t *error;
    void *start, *end;

    if (m == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "module of %zu bytes", size);
    m->head.ops = &berthi_wasmtime_ops;
    m->engine = e;
    atomic_init(&m->references, 1);
    error = make(e->engine, bytes, size, &m->module);
    if (error != NULL)
        goto fail_module;
    if (count_imports(m->module) == 0) {
        error = wasmtime_linker_instantiate_pre(e->linker, m->module, &m->linked);
        if (error != NULL)
            goto fail_link;
    }
    wasmtime_module_image_range(m->module, &start, &end);
    m->code_bytes = (size_t)((char *)end - (char *)start);
    *module_out = &m->head;
    return BERTH_OK;

fail_link:
    wasmtime_module_delete(m->module);
fail_module:
    berthi_free(e->allocator, m, sizeof *m);
    return berthi_wt_fold_compile(error, diag);
}

static berth_status module_compile(berthi_wasm_engine *engine, const uint8_t *bytes,
                                   size_t size, berthi_wasm_module **module_out,
                                   berth_diag *diag)
{
    return make_module(engine, wasmtime_module_new, bytes, size, module_out, diag);
}

static void module_save(const berthi_wasm_module *module,
                        void (*keep)(void *ctx, const uint8_t *bytes, size_t size), void *ctx)
{
    wasm_byte_vec_t bytes;
    wasmtime_error_t *error =
        wasmtime_module_serialize(((const berthi_wt_module *)module)->module, &bytes);

    if (error != NULL) {
        wasmtime_error_delete(error);
        return;
    }
    keep(ctx, (const uint8_t *)bytes.data, bytes.size);
    wasm_byte_vec_delete(&bytes);
}

static berth_status module_load(berthi_wasm_engine *engine, const uint8_t *bytes, size_t size,
                                berthi_wasm_module **module_out, berth_diag *diag)
{
    return make_module(engine, wasmtime_module_deserialize, bytes, size, module_out, diag);
}

static void module_ref(berthi_wasm_module *module)
{
    atomic_fetch_add_explicit(&((berthi_wt_module *)module)->references, 1,
                              memory_order_relaxed);
}

static void module_unref(berthi_wasm_module *module)
{
    berthi_wt_module *m = (berthi_wt_module *)module;

    /* Acquire pairs with the release of every other unref: all uses are over before the end. */
    if (atomic_fetch_sub_explicit(&m->references, 1, memory_order_acq_rel) != 1)
        return;
    if (m->linked != NULL)
        wasmtime_instance_pre_delete(m->linked);
    wasmtime_module_delete(m->module);
    berthi_free(m->engine->allocator, m, sizeof *m);
}

static size_t module_code_bytes(const berthi_wasm_module *module)
{
    return ((const berthi_wt_module *)module)->code_bytes;
}

const berthi_wasm_ops berthi_wasmtime_ops = {
    .name = "wasmtime",
    .memories_stay = true, /* memory_may_move is off */
    .engine_create = engine_create,
    .engine_destroy = engine_destroy,
    .engine_tick = engine_tick,
    .engine_identity = engine_identity,
    .module_compile = module_compile,
    .module_ref = module_ref,
    .module_unref = module_unref,
    .module_code_bytes = module_code_bytes,
    .module_save = module_save,
    .module_load = module_load,
    .module_link = berthi_wt_module_link,
    .linked_destroy = berthi_wt_linked_destroy,
    .store_create = berthi_wt_store_create,
    .store_destroy = berthi_wt_store_destroy,
    .store_deadline = berthi_wt_store_deadline,
    .instantiate = berthi_wt_instantiate,
    .instantiate_linked = berthi_wt_instantiate_linked,
    .instance_export = berthi_wt_instance_export,
    .func_type = berthi_wt_func_type,
    .call = berthi_wt_call,
    .memory_view = berthi_wt_memory_view,
    .func_create = berthi_wt_func_create,
    .memory_create = berthi_wt_memory_create,
    .table_create = berthi_wt_table_create,
    .table_set = berthi_wt_table_set,
    .global_create = berthi_wt_global_create,
    .global_get = berthi_wt_global_get,
    .global_set = berthi_wt_global_set,
    .externref_wrap = berthi_wt_externref_wrap,
    .externref_unwrap = berthi_wt_externref_unwrap,
};
