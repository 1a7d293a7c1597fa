/* wt_link.c - a module with its imports bound before there is a store.  Layer: wasm.
 *
 * The engine binds by name, through a linker that is needed for as long as that takes.  A bound
 * function learns its store from the caller; what it was bound with is in the linked module. */
#include "wasm/wasmtime/wt.h"

#include "wasm/link.h"

typedef struct bound_function {
    berthi_host_function function;
    void *ctx;
} bound_function;

typedef struct berthi_wt_linked {
    berthi_wasm_linked head;
    berthi_wt_module *module; /* holds a reference */
    wasmtime_instance_pre_t *pre;
    size_t functions_count;
    bound_function functions[];
} berthi_wt_linked;

static wasm_trap_t *call_bound(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *cells,
                               size_t count)
{
    const bound_function *f = env;
    berthi_wt_store *s = wasmtime_context_get_data(wasmtime_caller_context(caller));

    (void)count;
    return berthi_wt_enter_host(s, f->function, f->ctx, (berthi_val *)(void *)cells);
}

static berthi_name name_of(const wasm_name_t *theirs)
{
    return (berthi_name){ .text = theirs->data, .size = (uint32_t)theirs->size };
}

/* The type in our words; NULL for want of memory. */
static const berthi_functype *describe_type(const wasm_functype_t *theirs, berthi_arena *arena)
{
    size_t params = wasm_functype_params(theirs)->size;
    size_t results = wasm_functype_results(theirs)->size;
    berthi_functype *type = berthi_arena_alloc(arena, sizeof *type);
    uint8_t *types = berthi_arena_alloc(arena, params + results);

    if (type == NULL || types == NULL)
        return NULL;
    berthi_wt_read_types(theirs, types);
    *type = (berthi_functype){ .params_count = (uint32_t)params,
                               .results_count = (uint32_t)results,
                               .types = types };
    return type;
}

/* The imports in our words, which lend their names; NULL for want of memory. */
static const berthi_link_import *describe(const wasm_importtype_vec_t *theirs,
                                          berthi_arena *arena)
{
    berthi_link_import *imports = berthi_arena_array(arena, theirs->size, sizeof *imports);

    for (size_t i = 0; imports != NULL && i < theirs->size; i++) {
        const wasm_externtype_t *type = wasm_importtype_type(theirs->data[i]);

        imports[i].module = name_of(wasm_importtype_module(theirs->data[i]));
        imports[i].name = name_of(wasm_importtype_name(theirs->data[i]));
        if (wasm_externtype_kind(type) != WASM_EXTERN_FUNC)
            continue;
        imports[i].type = describe_type(wasm_externtype_as_functype_const(type), arena);
        if (imports[i].type == NULL)
            return NULL;
    }
    return imports;
}

static berth_status define(wasmtime_linker_t *linker, berthi_wt_engine *engine,
                           const berthi_link_import *import, bound_function *function,
                           berth_diag *diag)
{
    wasm_functype_t *type = NULL;
    wasmtime_error_t *error;
    bool is_kept;
    berth_status status = berthi_wt_engine_type(engine, import->type, &type, &is_kept, diag);

    if (status != BERTH_OK)
        return status;
    error = wasmtime_linker_define_func_unchecked(
        linker, import->module.text, import->module.size, import->name.text, import->name.size,
        type, call_bound, function, NULL);
    if (!is_kept)
        wasm_functype_delete(type);
    return error == NULL ? BERTH_OK : berthi_wt_fold_link(error, diag);
}

static berth_status bind(berthi_wt_linked *linked, const berthi_link_import *imports,
                         const berthi_wasm_binding *bindings, berth_diag *diag)
{
    wasmtime_linker_t *linker = wasmtime_linker_new(linked->module->engine->engine);
    berth_status status = BERTH_OK;
    wasmtime_error_t *error;

    wasmtime_linker_allow_shadowing(linker, true); /* by the same function: wasm/link.c */
    for (size_t i = 0; i < linked->functions_count && status == BERTH_OK; i++) {
        linked->functions[i] = (bound_function){ bindings[i].function, bindings[i].ctx };
        status =
            define(linker, linked->module->engine, &imports[i], &linked->functions[i], diag);
    }
    if (status == BERTH_OK) {
        error = wasmtime_linker_instantiate_pre(linker, linked->module->module, &linked->pre);
        if (error != NULL)
            status = berthi_wt_fold_link(error, diag);
    }
    wasmtime_linker_delete(linker);
    return status;
}

static size_t linked_bytes(size_t functions_count)
{
    return sizeof(berthi_wt_linked) + functions_count * sizeof(bound_function);
}

/* `imports` fit `bindings`. */
static berth_status make_linked(berthi_wt_module *m, const berthi_link_import *imports,
                                const berthi_wasm_binding *bindings, size_t count,
                                berthi_wasm_linked **linked_out, berth_diag *diag)
{
    berthi_wt_linked *linked = berthi_zalloc(m->engine->allocator, linked_bytes(count));
    berth_status status;

    if (linked == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "%zu bound imports", count);
    linked->head.ops = &berthi_wasmtime_ops;
    linked->module = m;
    linked->functions_count = count;
    status = bind(linked, imports, bindings, diag);
    if (status != BERTH_OK) {
        berthi_free(m->engine->allocator, linked, linked_bytes(count));
        return status;
    }
    m->head.ops->module_ref(&m->head);
    *linked_out = &linked->head;
    return BERTH_OK;
}

berth_status berthi_wt_module_link(berthi_wasm_module *module,
                                   const berthi_wasm_binding *bindings, size_t bindings_count,
                                   berthi_wasm_linked **linked_out, berth_diag *diag)
{
    berthi_wt_module *m = (berthi_wt_module *)module;
    const berthi_link_import *imports;
    wasm_importtype_vec_t theirs;
    berthi_arena arena;
    berth_status status;

    berthi_arena_init(&arena, m->engine->allocator, SIZE_MAX);
    wasmtime_module_imports(m->module, &theirs);
    imports = describe(&theirs, &arena);
    if (imports == NULL)
        status = berthi_fail(diag, BERTH_E_NOMEM, "%zu imports", theirs.size);
    else
        status = berthi_link_check(m->engine->allocator, imports, (uint32_t)theirs.size,
                                   bindings, bindings_count, diag);
    if (status == BERTH_OK)
        status = make_linked(m, imports, bindings, bindings_count, linked_out, diag);
    wasm_importtype_vec_delete(&theirs);
    berthi_arena_fini(&arena);
    return status;
}

void berthi_wt_linked_destroy(berthi_wasm_linked *head)
{
    berthi_wt_linked *linked = (berthi_wt_linked *)head;
    berthi_wt_module *m;

    if (linked == NULL)
        return;
    m = linked->module;
    wasmtime_instance_pre_delete(linked->pre);
    berthi_free(m->engine->allocator, linked, linked_bytes(linked->functions_count));
    m->head.ops->module_unref(&m->head);
}

berth_status berthi_wt_instantiate_linked(berthi_wasm_store *store, berthi_wasm_linked *linked,
                                          berthi_wasm_instance *instance_out, berth_diag *diag)
{
    return berthi_wt_instantiate_pre((berthi_wt_store *)store,
                                     ((berthi_wt_linked *)linked)->pre, instance_out, diag);
}
