/* provider.c - the interpreter behind wasm/engine.h.  Layer: wasm. */
#include <stdio.h>

#include "wasm/interp/interp.h"

static interp_engine *engine_of(berthi_wasm_engine *engine)
{
    return (interp_engine *)(void *)engine;
}

static interp_module *module_of(berthi_wasm_module *module)
{
    return (interp_module *)(void *)module;
}

static interp_store *store_of(berthi_wasm_store *store)
{
    return (interp_store *)(void *)store;
}

static void *object_of(const berthi_extern *e, uint64_t kind)
{
    assert(e->kind == kind && e->words[0] != 0);
    (void)kind;
    return (void *)(uintptr_t)e->words[0];
}

static berthi_extern extern_of(uint64_t kind, const void *object)
{
    return (berthi_extern){ .kind = kind, .words = { (uint64_t)(uintptr_t)object } };
}

enum { /* what an engine can be asked for, as with the other provider */
       INSTANCES_MAX = 16384,
       TABLE_ELEMENTS_MAX = 10000000,
       STACK_MIN = 16 * 1024,
       STACK_MAX = 256 * 1024 * 1024
};
#define MEMORY_MAX (UINT64_C(1) << 32)

static berth_status check_options(const berthi_wasm_options *o, berth_diag *diag)
{
    BERTHI_REQUIRE(o != NULL && o->allocator != NULL, diag);
    if (o->instances_max == 0 || o->instances_max > INSTANCES_MAX)
        return berthi_fail(diag, BERTH_E_INVALID, "instances_max is %u; 1 to %d is possible",
                           (unsigned)o->instances_max, INSTANCES_MAX);
    if (o->memory_bytes_max > MEMORY_MAX)
        return berthi_fail(diag, BERTH_E_INVALID,
                           "memory_bytes_max is %llu; a memory has at most 4 GiB",
                           (unsigned long long)o->memory_bytes_max);
    if (o->table_elements_max > TABLE_ELEMENTS_MAX)
        return berthi_fail(diag, BERTH_E_INVALID, "table_elements_max is %u; at most %d",
                           (unsigned)o->table_elements_max, TABLE_ELEMENTS_MAX);
    if (o->stack_bytes_max < STACK_MIN || o->stack_bytes_max > STACK_MAX)
        return berthi_fail(diag, BERTH_E_INVALID, "stack_bytes_max is %u; %d to %d is possible",
                           (unsigned)o->stack_bytes_max, STACK_MIN, STACK_MAX);
    return BERTH_OK;
}

static berth_status engine_create(const berthi_wasm_options *options,
                                  berthi_wasm_engine **engine_out, berth_diag *diag)
{
    berth_status status = check_options(options, diag);
    interp_engine *engine;

    if (status != BERTH_OK)
        return status;
    engine = berthi_zalloc(options->allocator, sizeof *engine);
    if (engine == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "out of memory for an engine");
    engine->head.ops = &berthi_interp_ops;
    engine->allocator = options->allocator;
    engine->options = *options;
    atomic_init(&engine->tick, 0);
    atomic_init(&engine->instances, 0);
    snprintf(engine->identity, sizeof engine->identity, "interp %s", BERTH_VERSION);
    *engine_out = &engine->head;
    return BERTH_OK;
}

static void engine_destroy(berthi_wasm_engine *head)
{
    interp_engine *engine = engine_of(head);

    if (engine == NULL)
        return;
    assert(atomic_load_explicit(&engine->instances, memory_order_relaxed) == 0);
    berthi_free(engine->allocator, engine, sizeof *engine);
}

/* Relaxed: the tick orders nothing, a guest only has to see it some time. */
static void engine_tick(berthi_wasm_engine *engine, uint64_t ticks)
{
    atomic_fetch_add_explicit(&engine_of(engine)->tick, ticks, memory_order_relaxed);
}

static const char *engine_identity(const berthi_wasm_engine *engine)
{
    return ((const interp_engine *)(const void *)engine)->identity;
}

static berth_status module_compile(berthi_wasm_engine *engine, const uint8_t *bytes,
                                   size_t size, berthi_wasm_module **module_out,
                                   berth_diag *diag)
{
    interp_module *module = NULL;
    berth_status status = berthi_interp_compile(engine_of(engine), bytes, size, &module, diag);

    if (status != BERTH_OK)
        return status;
    module->head.ops = &berthi_interp_ops;
    *module_out = &module->head;
    return BERTH_OK;
}

static void module_ref(berthi_wasm_module *module)
{
    atomic_fetch_add_explicit(&module_of(module)->references, 1, memory_order_relaxed);
}

static void module_unref(berthi_wasm_module *module)
{
    if (module != NULL)
        berthi_interp_module_unref(module_of(module));
}

static size_t module_code_bytes(const berthi_wasm_module *head)
{
    const interp_module *module = (const interp_module *)(const void *)head;

    return sizeof *module + module->arena.bytes;
}

static berth_status module_link(berthi_wasm_module *module, const berthi_wasm_binding *bindings,
                                size_t bindings_count, berthi_wasm_linked **linked_out,
                                berth_diag *diag)
{
    interp_linked *linked = NULL;
    berth_status status =
        berthi_interp_link(module_of(module), bindings, bindings_count, &linked, diag);

    if (status != BERTH_OK)
        return status;
    linked->head.ops = &berthi_interp_ops;
    *linked_out = &linked->head;
    return BERTH_OK;
}

static void linked_destroy(berthi_wasm_linked *linked)
{
    if (linked != NULL)
        berthi_interp_linked_destroy((interp_linked *)(void *)linked);
}

static berth_status store_create(berthi_wasm_engine *head, const berthi_wasm_limits *limits,
                                 void *data, berthi_wasm_store **store_out, berth_diag *diag)
{
    interp_engine *engine = engine_of(head);
    const berthi_wasm_options *o = &engine->options;
    interp_store *store = berthi_zalloc(engine->allocator, sizeof *store);

    if (store == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "out of memory for a store");
    store->head = (berthi_wasm_store){ .ops = &berthi_interp_ops, .data = data };
    store->engine = engine;
    store->limits = *limits;
    if (store->limits.memory_bytes_max > o->memory_bytes_max)
        store->limits.memory_bytes_max = o->memory_bytes_max;
    if (store->limits.table_elements_max > o->table_elements_max)
        store->limits.table_elements_max = o->table_elements_max;
    store->stack_cells_max = (uint32_t)(o->stack_bytes_max / sizeof *store->stack);
    berthi_arena_init(&store->arena, engine->allocator, SIZE_MAX);
    *store_out = &store->head;
    return BERTH_OK;
}

static void store_destroy(berthi_wasm_store *head)
{
    interp_store *store = store_of(head);

    if (store == NULL)
        return;
    assert(store->nesting == 0);
    berthi_interp_store_fini(store);
    berthi_free(store->engine->allocator, store, sizeof *store);
}

/* The tick under way is partly over, so a deadline of n ticks ends with the one after them. */
static void store_deadline(berthi_wasm_store *head, uint64_t ticks)
{
    interp_store *store = store_of(head);
    uint64_t now = atomic_load_explicit(&store->engine->tick, memory_order_relaxed);

    store->deadline = ticks >= UINT64_MAX - now ? UINT64_MAX : now + ticks + 1;
}

static berth_status instantiate(berthi_wasm_store *store, berthi_wasm_module *module,
                                const berthi_extern *imports, size_t imports_count,
                                berthi_wasm_instance *instance_out, berth_diag *diag)
{
    interp_instance *instance = NULL;
    berth_status status = berthi_interp_instantiate(store_of(store), module_of(module), imports,
                                                    imports_count, &instance, diag);

    if (status == BERTH_OK)
        *instance_out = (berthi_wasm_instance){ .words = { (uint64_t)(uintptr_t)instance } };
    return status;
}

static berth_status instantiate_linked(berthi_wasm_store *store, berthi_wasm_linked *linked,
                                       berthi_wasm_instance *instance_out, berth_diag *diag)
{
    interp_instance *instance = NULL;
    berth_status status = berthi_interp_instantiate_linked(
        store_of(store), (interp_linked *)(void *)linked, &instance, diag);

    if (status == BERTH_OK)
        *instance_out = (berthi_wasm_instance){ .words = { (uint64_t)(uintptr_t)instance } };
    return status;
}

static bool instance_export(berthi_wasm_store *store, berthi_wasm_instance handle,
                            const char *name, size_t name_size, berthi_extern *extern_out)
{
    const interp_instance *inst = (const interp_instance *)(uintptr_t)handle.words[0];
    const berthi_wasm_export *e = berthi_interp_find_export(inst->module, name, name_size);
    const void *object;

    assert(inst->store == store_of(store));
    (void)store;
    if (e == NULL)
        return false;
    switch (e->kind) {
    case BERTHI_EXTERN_FUNC:
        object = inst->funcs[e->index];
        break;
    case BERTHI_EXTERN_TABLE:
        object = inst->tables[e->index];
        break;
    case BERTHI_EXTERN_MEMORY:
        object = inst->memories[e->index];
        break;
    default:
        object = inst->globals[e->index];
    }
    *extern_out = extern_of(e->kind, object);
    return true;
}

static bool func_type(berthi_wasm_store *store, const berthi_extern *e, uint8_t *types,
                      size_t types_max, uint32_t *params_out, uint32_t *results_out)
{
    const interp_func *func = object_of(e, BERTHI_EXTERN_FUNC);
    size_t count = (size_t)func->type->params_count + func->type->results_count;

    (void)store;
    if (count > types_max)
        return false;
    if (count > 0)
        memcpy(types, func->type->types, count);
    *params_out = func->type->params_count;
    *results_out = func->type->results_count;
    return true;
}

static berth_status call(berthi_wasm_store *store, const berthi_extern *e, berthi_val *cells,
                         size_t cells_count, berth_diag *diag)
{
    const interp_func *func = object_of(e, BERTHI_EXTERN_FUNC);

    assert(cells_count >= func->type->params_count && cells_count >= func->type->results_count);
    (void)cells_count;
    return berthi_interp_call(store_of(store), func, cells, diag);
}

static berthi_memory_view memory_view(berthi_wasm_store *store, const berthi_extern *e)
{
    const interp_memory *memory = object_of(e, BERTHI_EXTERN_MEMORY);

    (void)store;
    return (berthi_memory_view){ .base = memory->base, .size = memory->size };
}

static bool is_reference(uint8_t type)
{
    return type == BERTHI_FUNCREF || type == BERTHI_EXTERNREF;
}

static bool is_value(uint8_t type)
{
    return is_reference(type) || (type >= BERTHI_F64 && type <= BERTHI_I32);
}

static berth_status func_create(berthi_wasm_store *head, const berthi_functype *type,
                                berthi_host_function function, void *ctx,
                                berthi_extern *extern_out, berth_diag *diag)
{
    berthi_arena *arena = &store_of(head)->arena;
    size_t count = (size_t)type->params_count + type->results_count;
    berthi_functype *own;
    interp_func *func;
    uint8_t *types;

    for (size_t i = 0; i < count; i++)
        if (!is_value(type->types[i]))
            return berthi_fail(diag, BERTH_E_INVALID, "host function: no such value type");
    func = berthi_arena_alloc(arena, sizeof *func);
    own = berthi_arena_alloc(arena, sizeof *own);
    types = berthi_arena_alloc(arena, count);
    if (func == NULL || own == NULL || types == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "out of memory for a host function");
    if (count > 0)
        memcpy(types, type->types, count);
    *own = (berthi_functype){ type->params_count, type->results_count, types };
    *func = (interp_func){ .type = own, .host = function, .ctx = ctx };
    *extern_out = extern_of(BERTHI_EXTERN_FUNC, func);
    return BERTH_OK;
}

static berth_status memory_create(berthi_wasm_store *store, uint32_t pages_min,
                                  uint32_t pages_max, berthi_extern *extern_out,
                                  berth_diag *diag)
{
    berthi_wasm_size size = { .min = pages_min,
                              .max = pages_max,
                              .has_max = pages_max != BERTHI_NO_MAX };
    interp_memory *memory;
    berth_status status;

    BERTHI_REQUIRE(pages_min <= 65536 && pages_min <= pages_max, diag);
    BERTHI_REQUIRE(pages_max <= 65536 || pages_max == BERTHI_NO_MAX, diag);
    status = berthi_interp_memory_create(store_of(store), &size, &memory, diag);
    if (status == BERTH_OK)
        *extern_out = extern_of(BERTHI_EXTERN_MEMORY, memory);
    return status;
}

static berth_status table_create(berthi_wasm_store *store, uint8_t element_type,
                                 uint32_t elements_min, uint32_t elements_max,
                                 berthi_extern *extern_out, berth_diag *diag)
{
    berthi_wasm_table type = {
        { .min = elements_min, .max = elements_max, .has_max = elements_max != BERTHI_NO_MAX },
        element_type
    };
    interp_table *table;
    berth_status status;

    BERTHI_REQUIRE(elements_min <= elements_max && is_reference(element_type), diag);
    status = berthi_interp_table_create(store_of(store), &type, &table, diag);
    if (status == BERTH_OK)
        *extern_out = extern_of(BERTHI_EXTERN_TABLE, table);
    return status;
}

static bool table_set(berthi_wasm_store *store, const berthi_extern *e, uint32_t index,
                      const berthi_extern *func)
{
    interp_table *table = object_of(e, BERTHI_EXTERN_TABLE);

    (void)store;
    if (table->type != BERTHI_FUNCREF || index >= table->size)
        return false;
    table->elements[index] =
        func == NULL ? 0 : (uint64_t)(uintptr_t)object_of(func, BERTHI_EXTERN_FUNC);
    return true;
}

static uint64_t cell_of(uint8_t type, berthi_val value)
{
    return type == BERTHI_I32 || type == BERTHI_F32 ? (uint32_t)value.words[0] : value.words[0];
}

static berth_status global_create(berthi_wasm_store *store, uint8_t type, bool is_mutable,
                                  berthi_val value, berthi_extern *extern_out, berth_diag *diag)
{
    interp_global *global;

    BERTHI_REQUIRE(is_value(type), diag);
    global = berthi_arena_alloc(&store_of(store)->arena, sizeof *global);
    if (global == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "out of memory for a global");
    *global = (interp_global){ cell_of(type, value), { type, is_mutable } };
    *extern_out = extern_of(BERTHI_EXTERN_GLOBAL, global);
    return BERTH_OK;
}

static void global_get(berthi_wasm_store *store, const berthi_extern *e, berthi_val *value_out)
{
    const interp_global *global = object_of(e, BERTHI_EXTERN_GLOBAL);

    (void)store;
    *value_out = (berthi_val){ .words = { global->value, 0 } };
}

static bool global_set(berthi_wasm_store *store, const berthi_extern *e, berthi_val value)
{
    interp_global *global = object_of(e, BERTHI_EXTERN_GLOBAL);

    (void)store;
    if (!global->type.is_mutable)
        return false;
    global->value = cell_of(global->type.type, value);
    return true;
}

/* A reference is its number plus one, so that 0 stays null and nothing has to be kept. */
static berth_status externref_wrap(berthi_wasm_store *store, uint64_t number,
                                   berthi_val *ref_out, berth_diag *diag)
{
    (void)store;
    BERTHI_REQUIRE(number < UINT64_MAX, diag);
    *ref_out = (berthi_val){ .words = { number + 1, 0 } };
    return BERTH_OK;
}

static uint64_t externref_unwrap(berthi_wasm_store *store, berthi_val ref)
{
    (void)store;
    assert(ref.words[0] != 0);
    return ref.words[0] - 1;
}

const berthi_wasm_ops berthi_interp_ops = {
    .name = "interp",
    .engine_create = engine_create,
    .engine_destroy = engine_destroy,
    .engine_tick = engine_tick,
    .engine_identity = engine_identity,
    .module_compile = module_compile,
    .module_ref = module_ref,
    .module_unref = module_unref,
    .module_code_bytes = module_code_bytes,
    .module_link = module_link,
    .linked_destroy = linked_destroy,
    .store_create = store_create,
    .store_destroy = store_destroy,
    .store_deadline = store_deadline,
    .instantiate = instantiate,
    .instantiate_linked = instantiate_linked,
    .instance_export = instance_export,
    .func_type = func_type,
    .call = call,
    .memory_view = memory_view,
    .func_create = func_create,
    .memory_create = memory_create,
    .table_create = table_create,
    .table_set = table_set,
    .global_create = global_create,
    .global_get = global_get,
    .global_set = global_set,
    .externref_wrap = externref_wrap,
    .externref_unwrap = externref_unwrap,
};
