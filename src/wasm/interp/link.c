/* link.c - makes an instance of a module in a store.  Layer: wasm.
 *
 * Everything is checked and made before the first segment is written; from then on the instance
 * belongs to its store for good, because a segment that does not fit ends the instantiation but
 * what the ones before it wrote stays visible to others. */
#include <string.h>

#include "base/utf8.h"
#include "wasm/interp/interp.h"
#include "wasm/link.h"

const berthi_wasm_export *berthi_interp_find_export(const interp_module *module,
                                                    const char *name, size_t size)
{
    for (uint32_t i = 0; i < module->info.exports_count; i++) {
        const berthi_wasm_export *e = &module->info.exports[i];

        if (e->name.size == size && memcmp(e->name.text, name, size) == 0)
            return e;
    }
    return NULL;
}

static bool size_fits(uint64_t size, const berthi_wasm_size *has, const berthi_wasm_size *wants)
{
    return size >= wants->min && (!wants->has_max || (has->has_max && has->max <= wants->max));
}

/* Why an import does not fit, or NULL. */
static const char *why_not(const interp_module *module, const berthi_wasm_import *import,
                           const berthi_extern *given)
{
    const berthi_wasm_info *info = &module->info;
    void *object = (void *)(uintptr_t)given->words[0];

    if (object == NULL)
        return "is missing";
    if (given->kind != import->kind)
        return "is of another kind";
    switch (import->kind) {
    case BERTHI_EXTERN_FUNC:
        if (!berthi_functype_equal(((interp_func *)object)->type,
                                   &info->types[info->funcs[import->index]]))
            return "is a function of another type";
        break;
    case BERTHI_EXTERN_TABLE: {
        const interp_table *t = object;

        if (t->type != info->tables[import->index].element_type ||
            !size_fits(t->size, &t->declared, &info->tables[import->index].size))
            return "is a table of another type or size";
        break;
    }
    case BERTHI_EXTERN_MEMORY: {
        const interp_memory *m = object;

        if (m->declared.is_64 != info->memories[import->index].is_64)
            return "is a memory with addresses of another type";
        if (!size_fits(interp_memory_pages(m), &m->declared, &info->memories[import->index]))
            return "is a memory of another size";
        break;
    }
    default: {
        const interp_global *g = object;

        if (g->type.type != info->globals[import->index].type ||
            g->type.is_mutable != info->globals[import->index].is_mutable)
            return "is a global of another type";
    }
    }
    return NULL;
}

static berth_status check_imports(const interp_module *module, const berthi_extern *imports,
                                  size_t imports_count, berth_diag *diag)
{
    const berthi_wasm_info *info = &module->info;

    for (uint32_t i = 0; i < info->imports_count; i++) {
        const berthi_wasm_import *import = &info->imports[i];
        const char *why =
            i < imports_count ? why_not(module, import, &imports[i]) : "is missing";
        char module_name[64], name[64];

        if (why == NULL)
            continue;
        return berthi_fail(
            diag, BERTH_E_REJECTED, "import '%s' '%s' %s",
            berthi_utf8_show(module_name, sizeof module_name, import->module.text,
                             import->module.size),
            berthi_utf8_show(name, sizeof name, import->name.text, import->name.size), why);
    }
    return BERTH_OK;
}

/* The instance with room for its parts, nothing in them yet. */
static interp_instance *make_instance(interp_store *store, interp_module *module)
{
    const berthi_wasm_info *info = &module->info;
    berthi_arena *arena = &store->arena;
    interp_instance *inst = berthi_arena_alloc(arena, sizeof *inst);

    if (inst == NULL)
        return NULL;
    inst->store = store;
    inst->module = module;
    inst->memory = &store->no_memory;
    inst->funcs = berthi_arena_array(arena, info->funcs_count, sizeof *inst->funcs);
    inst->memories = berthi_arena_array(arena, info->memories_count, sizeof *inst->memories);
    inst->tables = berthi_arena_array(arena, info->tables_count, sizeof *inst->tables);
    inst->globals = berthi_arena_array(arena, info->globals_count, sizeof *inst->globals);
    inst->own_funcs = berthi_arena_array(arena, info->funcs_count - info->imported_funcs,
                                         sizeof *inst->own_funcs);
    inst->elements_dropped = berthi_arena_array(arena, info->elements_count, sizeof(bool));
    inst->data_dropped = berthi_arena_array(arena, info->data_count, sizeof(bool));
    if (inst->funcs == NULL || inst->tables == NULL || inst->memories == NULL ||
        inst->globals == NULL || inst->own_funcs == NULL || inst->elements_dropped == NULL ||
        inst->data_dropped == NULL)
        return NULL;
    return inst;
}

static void take_imports(interp_instance *inst, const berthi_extern *imports)
{
    const berthi_wasm_info *info = &inst->module->info;

    for (uint32_t i = 0; i < info->imports_count; i++) {
        void *object = (void *)(uintptr_t)imports[i].words[0];
        uint32_t index = info->imports[i].index;

        switch (info->imports[i].kind) {
        case BERTHI_EXTERN_FUNC:
            inst->funcs[index] = object;
            break;
        case BERTHI_EXTERN_TABLE:
            inst->tables[index] = object;
            break;
        case BERTHI_EXTERN_MEMORY:
            inst->memories[index] = object;
            break;
        default:
            inst->globals[index] = object;
        }
    }
}

static void take_bound(interp_instance *inst, interp_linked *linked)
{
    for (uint32_t i = 0; i < inst->module->info.imported_funcs; i++)
        inst->funcs[i] = &linked->funcs[i];
}

static uint64_t evaluate(const interp_instance *inst, interp_constant constant)
{
    uint64_t stack[INTERP_CONSTANT_DEPTH_MAX];
    uint32_t height = 0;

    for (uint32_t i = 0; i < constant.count; i++) {
        interp_step step = constant.steps[i];
        uint64_t a, b;

        if (step.op == 0x42 || step.op == 0x23 || step.op == 0xd2) {
            stack[height++] = step.op == 0x42   ? step.value
                              : step.op == 0x23 ? inst->globals[step.value]->value
                                                : (uint64_t)(uintptr_t)inst->funcs[step.value];
            continue;
        }
        b = stack[--height];
        a = stack[--height];
        switch (step.op) {
        case 0x6a:
            a = (uint32_t)(a + b);
            break;
        case 0x6b:
            a = (uint32_t)(a - b);
            break;
        case 0x6c:
            a = (uint32_t)(a * b);
            break;
        case 0x7c:
            a = a + b;
            break;
        case 0x7d:
            a = a - b;
            break;
        default:
            a = a * b;
        }
        stack[height++] = a;
    }
    assert(height == 1);
    return stack[0];
}

static berth_status make_parts(interp_instance *inst, berth_diag *diag)
{
    interp_store *store = inst->store;
    const interp_module *module = inst->module;
    const berthi_wasm_info *info = &module->info;
    interp_global *globals = berthi_arena_array(
        &store->arena, info->globals_count - info->imported_globals, sizeof *globals);
    berth_status status = BERTH_OK;

    if (globals == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "out of memory for an instance");
    for (uint32_t i = info->imported_funcs; i < info->funcs_count; i++) {
        interp_func *func = &inst->own_funcs[i - info->imported_funcs];

        *func = (interp_func){ .type = &info->types[info->funcs[i]],
                               .instance = inst,
                               .code = &module->codes[i - info->imported_funcs] };
        inst->funcs[i] = func;
    }
    for (uint32_t i = info->imported_tables; i < info->tables_count && status == BERTH_OK; i++)
        status = berthi_interp_table_create(store, &info->tables[i], &inst->tables[i], diag);
    for (uint32_t i = info->imported_memories; i < info->memories_count && status == BERTH_OK;
         i++)
        status =
            berthi_interp_memory_create(store, &info->memories[i], &inst->memories[i], diag);
    if (status != BERTH_OK)
        return status;
    if (info->memories_count > 0)
        inst->memory = inst->memories[0];
    for (uint32_t i = info->imported_globals; i < info->globals_count; i++) {
        interp_global *global = &globals[i - info->imported_globals];

        global->type = info->globals[i];
        global->value = evaluate(inst, module->inits[i - info->imported_globals]);
        inst->globals[i] = global;
    }
    return BERTH_OK;
}

static berth_status write_segments(interp_instance *inst, berth_diag *diag)
{
    const interp_module *module = inst->module;

    for (uint32_t i = 0; i < module->info.elements_count; i++) {
        const interp_element *e = &module->elements[i];

        if (e->is_active &&
            !berthi_interp_table_init(inst, e->table, i, (uint32_t)evaluate(inst, e->offset), 0,
                                      e->count))
            return berthi_fail_because(diag, BERTH_E_TRAP, BERTH_REASON_TABLE_BOUNDS,
                                       "element segment %u: out of bounds table access", i);
        inst->elements_dropped[i] = e->is_active || e->is_declared;
    }
    for (uint32_t i = 0; i < module->info.data_count; i++) {
        const interp_data *d = &module->data[i];
        uint64_t offset = d->is_active ? evaluate(inst, d->offset) : 0;

        if (d->is_active &&
            (offset > UINT32_MAX ||
             !berthi_interp_memory_init(inst, d->memory, i, (uint32_t)offset, 0, d->size)))
            return berthi_fail_because(diag, BERTH_E_TRAP, BERTH_REASON_MEMORY_BOUNDS,
                                       "data segment %u: out of bounds memory access", i);
        inst->data_dropped[i] = d->is_active;
    }
    return BERTH_OK;
}

/* One of the engine's places, taken or refused. */
static bool claim_instance(interp_engine *engine)
{
    uint32_t before = atomic_fetch_add_explicit(&engine->instances, 1, memory_order_relaxed);

    if (before < engine->options.instances_max)
        return true;
    atomic_fetch_sub_explicit(&engine->instances, 1, memory_order_relaxed);
    return false;
}

/* An instance that belongs to `store`, to be given its imports. */
static berth_status open_instance(interp_store *store, interp_module *module,
                                  interp_instance **instance_out, berth_diag *diag)
{
    interp_instance *inst;

    if (store->instances_count >= store->limits.instances_max || !claim_instance(store->engine))
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_INSTANCES,
                                   "no place for another instance");
    inst = make_instance(store, module);
    if (inst == NULL) {
        atomic_fetch_sub_explicit(&store->engine->instances, 1, memory_order_relaxed);
        return berthi_fail(diag, BERTH_E_NOMEM, "out of memory for an instance");
    }
    atomic_fetch_add_explicit(&module->references, 1, memory_order_relaxed);
    inst->next = store->instances;
    store->instances = inst;
    store->instances_count++;
    *instance_out = inst;
    return BERTH_OK;
}

/* The imports are there: the rest of the instance. */
static berth_status start_instance(interp_instance *inst, interp_instance **instance_out,
                                   berth_diag *diag)
{
    const berthi_wasm_info *info = &inst->module->info;
    berth_status status = make_parts(inst, diag);

    if (status == BERTH_OK)
        status = write_segments(inst, diag);
    if (status == BERTH_OK && info->has_start)
        status = berthi_interp_call(inst->store, inst->funcs[info->start], NULL, diag);
    if (status == BERTH_OK)
        *instance_out = inst;
    return status;
}

berth_status berthi_interp_instantiate(interp_store *store, interp_module *module,
                                       const berthi_extern *imports, size_t imports_count,
                                       interp_instance **instance_out, berth_diag *diag)
{
    berth_status status = check_imports(module, imports, imports_count, diag);
    interp_instance *inst = NULL;

    if (status == BERTH_OK)
        status = open_instance(store, module, &inst, diag);
    if (status != BERTH_OK)
        return status;
    take_imports(inst, imports);
    return start_instance(inst, instance_out, diag);
}

static berth_status check_bindings(const interp_module *module,
                                   const berthi_wasm_binding *bindings, size_t count,
                                   berth_diag *diag)
{
    const berth_allocator *a = module->engine->allocator;
    const berthi_wasm_info *info = &module->info;
    berthi_link_import *imports =
        berthi_zalloc_array(a, info->imports_count + 1u, sizeof *imports);
    berth_status status;

    if (imports == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "out of memory for linking");
    for (uint32_t i = 0; i < info->imports_count; i++) {
        const berthi_wasm_import *import = &info->imports[i];

        imports[i] = (berthi_link_import){ import->module, import->name, NULL };
        if (import->kind == BERTHI_EXTERN_FUNC)
            imports[i].type = &info->types[info->funcs[import->index]];
    }
    status = berthi_link_check(a, imports, info->imports_count, bindings, count, diag);
    berthi_free_array(a, imports, info->imports_count + 1u, sizeof *imports);
    return status;
}

static size_t linked_bytes(size_t count)
{
    return sizeof(interp_linked) + count * sizeof(interp_func);
}

berth_status berthi_interp_link(interp_module *module, const berthi_wasm_binding *bindings,
                                size_t bindings_count, interp_linked **linked_out,
                                berth_diag *diag)
{
    const berthi_wasm_info *info = &module->info;
    berth_status status = check_bindings(module, bindings, bindings_count, diag);
    interp_linked *linked;

    if (status != BERTH_OK)
        return status;
    linked = berthi_zalloc(module->engine->allocator, linked_bytes(bindings_count));
    if (linked == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "out of memory for linking");
    linked->module = module;
    for (size_t i = 0; i < bindings_count; i++)
        linked->funcs[i] = (interp_func){ .type = &info->types[info->funcs[i]],
                                          .host = bindings[i].function,
                                          .ctx = bindings[i].ctx };
    atomic_fetch_add_explicit(&module->references, 1, memory_order_relaxed);
    *linked_out = linked;
    return BERTH_OK;
}

void berthi_interp_linked_destroy(interp_linked *linked)
{
    interp_module *module = linked->module;

    berthi_free(module->engine->allocator, linked, linked_bytes(module->info.imports_count));
    berthi_interp_module_unref(module);
}

berth_status berthi_interp_instantiate_linked(interp_store *store, interp_linked *linked,
                                              interp_instance **instance_out, berth_diag *diag)
{
    interp_instance *inst = NULL;
    berth_status status = open_instance(store, linked->module, &inst, diag);

    if (status != BERTH_OK)
        return status;
    take_bound(inst, linked);
    return start_instance(inst, instance_out, diag);
}
