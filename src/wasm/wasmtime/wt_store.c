/* wt_store.c - stores, instances, and the entry into guests.  Layer: wasm. */
#include "wasm/wasmtime/wt.h"

enum { IMPORTS_ON_STACK = 16 };

static int64_t clamp_limit(uint64_t limit)
{
    return limit > INT64_MAX ? INT64_MAX : (int64_t)limit;
}

berth_status berthi_wt_store_create(berthi_wasm_engine *engine,
                                    const berthi_wasm_limits *limits, void *data,
                                    berthi_wasm_store **store_out, berth_diag *diag)
{
    berthi_wt_engine *e = (berthi_wt_engine *)engine;
    berthi_wt_store *s = berthi_alloc(e->allocator, sizeof *s);

    if (s == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "store");
    s->head = (berthi_wasm_store){ .ops = &berthi_wasmtime_ops, .data = data };
    s->engine = e;
    s->trap = NULL;
    s->functions = NULL;
    s->roots = NULL;
    s->host_status = BERTH_OK;
    s->host_diag.status = 0; /* the rest of it is written before it is read */
    s->store = wasmtime_store_new(e->engine, s, NULL);
    s->context = wasmtime_store_context(s->store);
    wasmtime_store_limiter(s->store, clamp_limit(limits->memory_bytes_max),
                           limits->table_elements_max, limits->instances_max,
                           limits->tables_max, limits->memories_max);
    /* I5: a new store's deadline is tick 0, which is over. */
    *store_out = &s->head;
    return BERTH_OK;
}

void berthi_wt_store_destroy(berthi_wasm_store *store)
{
    berthi_wt_store *s = (berthi_wt_store *)store;
    berthi_wt_function *f, *next_f;
    berthi_wt_roots *r, *next_r;

    if (s == NULL)
        return;
    for (r = s->roots; r != NULL; r = next_r) {
        next_r = r->next;
        for (uint32_t i = 0; i < r->used; i++)
            wasmtime_externref_unroot(&r->roots[i]);
        berthi_free(s->engine->allocator, r, sizeof *r);
    }
    wasmtime_store_delete(s->store);
    for (f = s->functions; f != NULL; f = next_f) {
        next_f = f->next;
        berthi_free(s->engine->allocator, f, sizeof *f);
    }
    berthi_free(s->engine->allocator, s, sizeof *s);
}

void berthi_wt_store_deadline(berthi_wasm_store *store, uint64_t ticks)
{
    /* The tick that is going on does not count, so that `ticks` whole ones remain.  The engine
     * adds without looking for overflow. */
    uint64_t ahead = ticks < UINT64_MAX / 2 ? ticks + 1 : UINT64_MAX / 2;

    wasmtime_context_set_epoch_deadline(((berthi_wt_store *)store)->context, ahead);
}

/* What the engine answered is in *error_out and in the store; fails only for want of memory. */
static berth_status instantiate_with(berthi_wt_store *s, const berthi_wt_module *m,
                                     const berthi_extern *imports, size_t count,
                                     wasmtime_instance_t *instance_out,
                                     wasmtime_error_t **error_out, berth_diag *diag)
{
    wasmtime_extern_t few[IMPORTS_ON_STACK] = { { .kind = 0 } }, *theirs = few;

    if (count > IMPORTS_ON_STACK) {
        theirs = berthi_zalloc_array(s->engine->allocator, count, sizeof *theirs);
        if (theirs == NULL)
            return berthi_fail(diag, BERTH_E_NOMEM, "%zu imports", count);
    }
    for (size_t i = 0; i < count; i++)
        berthi_wt_extern_to(&imports[i], &theirs[i]);
    *error_out =
        wasmtime_instance_new(s->context, m->module, theirs, count, instance_out, &s->trap);
    if (theirs != few)
        berthi_free_array(s->engine->allocator, theirs, count, sizeof *theirs);
    return BERTH_OK;
}

/* The engine's store keeps the compiled code alive from here on. */
static berth_status finish_instance(berthi_wt_store *s, wasmtime_error_t *error,
                                    const wasmtime_instance_t *instance,
                                    berthi_wasm_instance *instance_out, berth_diag *diag)
{
    if (error != NULL || s->trap != NULL)
        return berthi_wt_fold(s, error, diag);
    memcpy(instance_out, instance, sizeof *instance);
    return BERTH_OK;
}

berth_status berthi_wt_instantiate_pre(berthi_wt_store *s, const wasmtime_instance_pre_t *pre,
                                       berthi_wasm_instance *instance_out, berth_diag *diag)
{
    wasmtime_instance_t instance;
    wasmtime_error_t *error =
        wasmtime_instance_pre_instantiate(pre, s->context, &instance, &s->trap);

    return finish_instance(s, error, &instance, instance_out, diag);
}

berth_status berthi_wt_instantiate(berthi_wasm_store *store, berthi_wasm_module *module,
                                   const berthi_extern *imports, size_t imports_count,
                                   berthi_wasm_instance *instance_out, berth_diag *diag)
{
    berthi_wt_store *s = (berthi_wt_store *)store;
    const berthi_wt_module *m = (const berthi_wt_module *)module;
    wasmtime_instance_t instance;
    wasmtime_error_t *error = NULL;
    berth_status status;

    if (m->linked != NULL && imports_count == 0)
        return berthi_wt_instantiate_pre(s, m->linked, instance_out, diag);
    status = instantiate_with(s, m, imports, imports_count, &instance, &error, diag);
    if (status != BERTH_OK)
        return status;
    return finish_instance(s, error, &instance, instance_out, diag);
}

bool berthi_wt_instance_export(berthi_wasm_store *store, berthi_wasm_instance instance,
                               const char *name, size_t name_size, berthi_extern *extern_out)
{
    berthi_wt_store *s = (berthi_wt_store *)store;
    wasmtime_extern_t theirs;

    if (!wasmtime_instance_export_get(s->context,
                                      (const wasmtime_instance_t *)(const void *)&instance,
                                      name, name_size, &theirs))
        return false;
    *extern_out = berthi_wt_extern_from(s->context, &theirs);
    return true;
}

BERTHI_UNGUARDED berth_status berthi_wt_call(berthi_wasm_store *store,
                                             const berthi_extern *func, berthi_val *cells,
                                             size_t cells_count, berth_diag *diag)
{
    berthi_wt_store *s = (berthi_wt_store *)store;
    wasmtime_error_t *error = wasmtime_func_call_unchecked(s->context, berthi_wt_func(func),
                                                           (wasmtime_val_raw_t *)(void *)cells,
                                                           cells_count, &s->trap);

    /* The trap's place is written for a trap only, so that nothing has to be prepared. */
    if (__builtin_expect(((uintptr_t)error | (uintptr_t)s->trap) != 0, 0))
        return berthi_wt_fold(s, error, diag);
    return BERTH_OK;
}

berthi_memory_view berthi_wt_memory_view(berthi_wasm_store *store, const berthi_extern *memory)
{
    const berthi_wt_store *s = (const berthi_wt_store *)store;

    return (berthi_memory_view){
        .base = berthi_wt_memory_base(memory),
        .size = wasmtime_memory_data_size(s->context, berthi_wt_memory(memory)),
    };
}
