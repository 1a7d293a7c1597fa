/* wt_extern.c - functions, memories, tables, globals and references of the host.  Layer: wasm. */
#include "wasm/wasmtime/wt.h"

static const uint8_t kind_from[] = {
    [WASMTIME_EXTERN_FUNC] = BERTHI_EXTERN_FUNC,
    [WASMTIME_EXTERN_GLOBAL] = BERTHI_EXTERN_GLOBAL,
    [WASMTIME_EXTERN_TABLE] = BERTHI_EXTERN_TABLE,
    [WASMTIME_EXTERN_MEMORY] = BERTHI_EXTERN_MEMORY,
};

static const uint8_t kind_to[] = {
    [BERTHI_EXTERN_FUNC] = WASMTIME_EXTERN_FUNC,
    [BERTHI_EXTERN_TABLE] = WASMTIME_EXTERN_TABLE,
    [BERTHI_EXTERN_MEMORY] = WASMTIME_EXTERN_MEMORY,
    [BERTHI_EXTERN_GLOBAL] = WASMTIME_EXTERN_GLOBAL,
};

berthi_extern berthi_wt_extern_from(wasmtime_context_t *context,
                                    const wasmtime_extern_t *theirs)
{
    berthi_extern ours = { .words = { 0, 0, 0 } };

    /* Shared memories and tags are other kinds; threads and exceptions are off. */
    assert(theirs->kind < sizeof kind_from);
    ours.kind = kind_from[theirs->kind];
    memcpy(ours.words, &theirs->of, sizeof ours.words);
    if (ours.kind == BERTHI_EXTERN_MEMORY)
        berthi_wt_keep_base(context, &ours);
    return ours;
}

void berthi_wt_extern_to(const berthi_extern *ours, wasmtime_extern_t *theirs_out)
{
    assert(ours->kind < sizeof kind_to);
    theirs_out->kind = kind_to[ours->kind];
    memcpy(&theirs_out->of, ours->words, sizeof ours->words);
}

static berthi_extern wrap(uint64_t kind, const void *handle, size_t size)
{
    berthi_extern ours = { .kind = kind };

    assert(size <= sizeof ours.words);
    memcpy(ours.words, handle, size);
    return ours;
}

/* NULL for what is no value type. */
static wasm_valtype_t *make_type(uint8_t type)
{
    switch (type) {
    case BERTHI_I32:
        return wasm_valtype_new(WASM_I32);
    case BERTHI_I64:
        return wasm_valtype_new(WASM_I64);
    case BERTHI_F32:
        return wasm_valtype_new(WASM_F32);
    case BERTHI_F64:
        return wasm_valtype_new(WASM_F64);
    case BERTHI_FUNCREF:
        return wasm_valtype_new(WASM_FUNCREF);
    case BERTHI_EXTERNREF:
        return wasm_valtype_new(WASM_EXTERNREF);
    case BERTHI_V128:
        return wasmtime_wasm_valtype_v128();
    default:
        return NULL;
    }
}

/* 0 for a type that modules of the enabled features cannot name. */
static uint8_t read_type(const wasm_valtype_t *type)
{
    static const uint8_t plain[] = {
        [WASMTIME_VALTYPE_KIND_I32] = BERTHI_I32,   [WASMTIME_VALTYPE_KIND_I64] = BERTHI_I64,
        [WASMTIME_VALTYPE_KIND_F32] = BERTHI_F32,   [WASMTIME_VALTYPE_KIND_F64] = BERTHI_F64,
        [WASMTIME_VALTYPE_KIND_V128] = BERTHI_V128,
    };
    wasmtime_valtype_t v;
    uint8_t ours = 0;

    wasmtime_valtype_new(type, &v);
    if (v.kind < sizeof plain)
        ours = plain[v.kind];
    else if (v.kind == WASMTIME_VALTYPE_KIND_REF && v.reftype.nullable)
        ours = v.reftype.heaptype.kind == WASMTIME_HEAPTYPE_KIND_FUNC     ? BERTHI_FUNCREF
               : v.reftype.heaptype.kind == WASMTIME_HEAPTYPE_KIND_EXTERN ? BERTHI_EXTERNREF
                                                                          : 0;
    wasmtime_valtype_delete(&v);
    return ours;
}

void berthi_wt_read_types(const wasm_functype_t *type, uint8_t *types)
{
    const wasm_valtype_vec_t *params = wasm_functype_params(type);
    const wasm_valtype_vec_t *results = wasm_functype_results(type);

    for (size_t i = 0; i < params->size; i++)
        types[i] = read_type(params->data[i]);
    for (size_t i = 0; i < results->size; i++)
        types[params->size + i] = read_type(results->data[i]);
}

bool berthi_wt_func_type(berthi_wasm_store *store, const berthi_extern *func, uint8_t *types,
                         size_t types_max, uint32_t *params_out, uint32_t *results_out)
{
    const berthi_wt_store *s = (const berthi_wt_store *)store;
    wasm_functype_t *type = wasmtime_func_type(s->context, berthi_wt_func(func));
    const wasm_valtype_vec_t *params = wasm_functype_params(type);
    const wasm_valtype_vec_t *results = wasm_functype_results(type);
    bool fits = params->size <= types_max && results->size <= types_max - params->size;

    if (fits) {
        *params_out = (uint32_t)params->size;
        *results_out = (uint32_t)results->size;
        berthi_wt_read_types(type, types);
    }
    wasm_functype_delete(type);
    return fits;
}

static bool make_types(const uint8_t *types, size_t count, wasm_valtype_vec_t *vec_out)
{
    wasm_valtype_vec_new_uninitialized(vec_out, count);
    for (size_t i = 0; i < count; i++)
        vec_out->data[i] = NULL;
    for (size_t i = 0; i < count; i++) {
        vec_out->data[i] = make_type(types[i]);
        if (vec_out->data[i] == NULL) {
            wasm_valtype_vec_delete(vec_out);
            return false;
        }
    }
    return true;
}

/* NULL when a type is none. */
static wasm_functype_t *make_functype(const berthi_functype *type)
{
    wasm_valtype_vec_t params, results;

    if (!make_types(type->types, type->params_count, &params))
        return NULL;
    if (!make_types(type->types + type->params_count, type->results_count, &results)) {
        wasm_valtype_vec_delete(&params);
        return NULL;
    }
    return wasm_functype_new(&params, &results);
}

enum { TYPES_KEPT_MAX = 256 };

static const berthi_wt_type *find_type(const berthi_wt_engine *e, const berthi_functype *type)
{
    /* Acquire pairs with the release in keep_type(): what is found is filled. */
    const berthi_wt_type *t = atomic_load_explicit(&e->types, memory_order_acquire);
    size_t count = (size_t)type->params_count + type->results_count;

    for (; t != NULL; t = t->next)
        if (t->params_count == type->params_count && t->results_count == type->results_count &&
            (count == 0 || memcmp(t->types, type->types, count) == 0))
            break;
    return t;
}

/* Takes `theirs`.  Two threads may keep the same type; either is as good. */
static void keep_type(berthi_wt_engine *e, const berthi_functype *type, berthi_wt_type *t,
                      wasm_functype_t *theirs)
{
    size_t count = (size_t)type->params_count + type->results_count;

    t->theirs = theirs;
    t->params_count = type->params_count;
    t->results_count = type->results_count;
    if (count != 0)
        memcpy(t->types, type->types, count);
    t->next = atomic_load_explicit(&e->types, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&e->types, &t->next, t, memory_order_release,
                                                  memory_order_relaxed))
        continue;
    atomic_fetch_add_explicit(&e->types_count, 1, memory_order_relaxed);
}

berth_status berthi_wt_engine_type(berthi_wt_engine *e, const berthi_functype *type,
                                   wasm_functype_t **theirs_out, bool *is_kept_out,
                                   berth_diag *diag)
{
    const berthi_wt_type *known = find_type(e, type);
    size_t count = (size_t)type->params_count + type->results_count;
    wasm_functype_t *made;
    berthi_wt_type *t;

    *is_kept_out = true;
    if (known != NULL) {
        *theirs_out = known->theirs;
        return BERTH_OK;
    }
    made = make_functype(type);
    if (made == NULL)
        return berthi_fail(diag, BERTH_E_INVALID, "host function: no such value type");
    *theirs_out = made;
    if (atomic_load_explicit(&e->types_count, memory_order_relaxed) >= TYPES_KEPT_MAX) {
        *is_kept_out = false;
        return BERTH_OK;
    }
    t = berthi_alloc(e->allocator, sizeof *t + count);
    if (t == NULL) {
        wasm_functype_delete(made);
        return berthi_fail(diag, BERTH_E_NOMEM, "host function");
    }
    keep_type(e, type, t, made);
    return BERTH_OK;
}

void berthi_wt_types_free(berthi_wt_engine *engine)
{
    berthi_wt_type *t = atomic_load_explicit(&engine->types, memory_order_relaxed), *next;

    for (; t != NULL; t = next) {
        next = t->next;
        wasm_functype_delete(t->theirs);
        berthi_free(engine->allocator, t,
                    sizeof *t + (size_t)t->params_count + t->results_count);
    }
}

wasm_trap_t *berthi_wt_host_failed(berthi_wt_store *s, berth_status status)
{
    if (s->host_diag.status != (int32_t)status)
        berthi_fail_because(&s->host_diag, status,
                            status == BERTH_E_TRAP ? BERTH_REASON_HOST : BERTH_REASON_NONE,
                            "host function failed: %s", berth_status_name(status));
    s->host_status = status;
    return wasmtime_trap_new("host", 4);
}

static wasm_trap_t *call_host(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *cells,
                              size_t count)
{
    const berthi_wt_function *f = env;

    (void)caller;
    (void)count;
    return berthi_wt_enter_host(f->store, f->function, f->ctx, (berthi_val *)(void *)cells);
}

berth_status berthi_wt_func_create(berthi_wasm_store *store, const berthi_functype *type,
                                   berthi_host_function function, void *ctx,
                                   berthi_extern *extern_out, berth_diag *diag)
{
    berthi_wt_store *s = (berthi_wt_store *)store;
    berthi_wt_function *f = berthi_alloc(s->engine->allocator, sizeof *f);
    wasm_functype_t *theirs = NULL;
    berth_status status;
    wasmtime_func_t func;
    bool is_kept;

    if (f == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "host function");
    status = berthi_wt_engine_type(s->engine, type, &theirs, &is_kept, diag);
    if (status != BERTH_OK) {
        berthi_free(s->engine->allocator, f, sizeof *f);
        return status;
    }
    *f = (berthi_wt_function){
        .next = s->functions, .store = s, .function = function, .ctx = ctx
    };
    s->functions = f;
    wasmtime_func_new_unchecked(s->context, theirs, call_host, f, NULL, &func);
    if (!is_kept)
        wasm_functype_delete(theirs);
    *extern_out = wrap(BERTHI_EXTERN_FUNC, &func, sizeof func);
    return BERTH_OK;
}

berth_status berthi_wt_memory_create(berthi_wasm_store *store, uint32_t pages_min,
                                     uint32_t pages_max, berthi_extern *extern_out,
                                     berth_diag *diag)
{
    berthi_wt_store *s = (berthi_wt_store *)store;
    bool bounded = pages_max != BERTHI_NO_MAX;
    wasm_memorytype_t *type = NULL;
    wasmtime_memory_t memory;
    wasmtime_error_t *error;

    if (pages_min > 65536 || (bounded && (pages_max > 65536 || pages_min > pages_max)))
        return berthi_fail(diag, BERTH_E_INVALID, "no memory has %u to %u pages",
                           (unsigned)pages_min, (unsigned)pages_max);
    error = wasmtime_memorytype_new(pages_min, bounded, pages_max, false, false, 16, &type);
    if (error != NULL)
        return berthi_wt_fold(s, error, diag);
    error = wasmtime_memory_new(s->context, type, &memory);
    wasm_memorytype_delete(type);
    if (error != NULL)
        return berthi_wt_fold(s, error, diag);
    *extern_out = wrap(BERTHI_EXTERN_MEMORY, &memory, sizeof memory);
    berthi_wt_keep_base(s->context, extern_out);
    return BERTH_OK;
}

berth_status berthi_wt_table_create(berthi_wasm_store *store, uint8_t element_type,
                                    uint32_t elements_min, uint32_t elements_max,
                                    berthi_extern *extern_out, berth_diag *diag)
{
    berthi_wt_store *s = (berthi_wt_store *)store;
    wasm_limits_t limits = { .min = elements_min, .max = elements_max };
    wasmtime_val_t nothing = { .kind = WASMTIME_FUNCREF };
    wasm_tabletype_t *type;
    wasmtime_table_t table;
    wasmtime_error_t *error;

    if ((element_type != BERTHI_FUNCREF && element_type != BERTHI_EXTERNREF) ||
        elements_min > elements_max)
        return berthi_fail(diag, BERTH_E_INVALID, "no table has %u to %u elements of type 0x%x",
                           (unsigned)elements_min, (unsigned)elements_max,
                           (unsigned)element_type);
    if (element_type == BERTHI_EXTERNREF) {
        nothing.kind = WASMTIME_EXTERNREF;
        wasmtime_externref_set_null(&nothing.of.externref);
    } else {
        wasmtime_funcref_set_null(&nothing.of.funcref);
    }
    type = wasm_tabletype_new(make_type(element_type), &limits);
    error = wasmtime_table_new(s->context, type, &nothing, &table);
    wasm_tabletype_delete(type);
    if (error != NULL)
        return berthi_wt_fold(s, error, diag);
    *extern_out = wrap(BERTHI_EXTERN_TABLE, &table, sizeof table);
    return BERTH_OK;
}

bool berthi_wt_table_set(berthi_wasm_store *store, const berthi_extern *table, uint32_t index,
                         const berthi_extern *func)
{
    berthi_wt_store *s = (berthi_wt_store *)store;
    wasmtime_val_t value = { .kind = WASMTIME_FUNCREF };
    wasmtime_error_t *error;

    if (func != NULL)
        value.of.funcref = *berthi_wt_func(func);
    else
        wasmtime_funcref_set_null(&value.of.funcref);
    error = wasmtime_table_set(s->context, berthi_wt_table(table), index, &value);
    if (error != NULL)
        wasmtime_error_delete(error);
    return error == NULL;
}

/* The checked form of a raw cell.  What it gives must be unrooted. */
static void cell_to_value(berthi_wt_store *s, uint8_t type, berthi_val cell,
                          wasmtime_val_t *value_out)
{
    memset(value_out, 0, sizeof *value_out);
    switch (type) {
    case BERTHI_I32:
        value_out->kind = WASMTIME_I32;
        value_out->of.i32 = cell.i32;
        break;
    case BERTHI_I64:
        value_out->kind = WASMTIME_I64;
        value_out->of.i64 = cell.i64;
        break;
    case BERTHI_F32: /* as bits: a float's copy could lose a signalling NaN */
        value_out->kind = WASMTIME_F32;
        memcpy(&value_out->of, &cell.f32, sizeof cell.f32);
        break;
    case BERTHI_F64:
        value_out->kind = WASMTIME_F64;
        memcpy(&value_out->of, &cell.f64, sizeof cell.f64);
        break;
    case BERTHI_V128:
        value_out->kind = WASMTIME_V128;
        memcpy(&value_out->of, &cell, sizeof cell);
        break;
    case BERTHI_FUNCREF:
        value_out->kind = WASMTIME_FUNCREF;
        if (cell.ref != NULL)
            wasmtime_func_from_raw(s->context, cell.ref, &value_out->of.funcref);
        break;
    default:
        assert(type == BERTHI_EXTERNREF);
        value_out->kind = WASMTIME_EXTERNREF;
        if ((uint32_t)cell.i32 != 0)
            wasmtime_externref_from_raw(s->context, (uint32_t)cell.i32,
                                        &value_out->of.externref);
    }
}

/* Takes what `value` roots. */
static void value_to_cell(berthi_wt_store *s, wasmtime_val_t *value, berthi_val *cell_out)
{
    *cell_out = (berthi_val){ .words = { 0, 0 } };
    switch (value->kind) {
    case WASMTIME_I32:
        cell_out->i32 = value->of.i32;
        break;
    case WASMTIME_F32:
        memcpy(&cell_out->f32, &value->of, sizeof cell_out->f32);
        break;
    case WASMTIME_I64:
    case WASMTIME_F64:
        memcpy(&cell_out->i64, &value->of, sizeof cell_out->i64);
        break;
    case WASMTIME_V128:
        memcpy(cell_out, &value->of, sizeof *cell_out);
        break;
    case WASMTIME_FUNCREF:
        if (!wasmtime_funcref_is_null(&value->of.funcref))
            cell_out->ref = wasmtime_func_to_raw(s->context, &value->of.funcref);
        break;
    default:
        if (!wasmtime_externref_is_null(&value->of.externref))
            cell_out->words[0] = wasmtime_externref_to_raw(s->context, &value->of.externref);
    }
    wasmtime_val_unroot(value);
}

berth_status berthi_wt_global_create(berthi_wasm_store *store, uint8_t type, bool is_mutable,
                                     berthi_val value, berthi_extern *extern_out,
                                     berth_diag *diag)
{
    berthi_wt_store *s = (berthi_wt_store *)store;
    wasm_valtype_t *content = make_type(type);
    wasm_globaltype_t *global_type;
    wasmtime_val_t initial;
    wasmtime_global_t global;
    wasmtime_error_t *error;

    if (content == NULL)
        return berthi_fail(diag, BERTH_E_INVALID, "no global has type 0x%x", (unsigned)type);
    global_type = wasm_globaltype_new(content, is_mutable ? WASM_VAR : WASM_CONST);
    cell_to_value(s, type, value, &initial);
    error = wasmtime_global_new(s->context, global_type, &initial, &global);
    wasmtime_val_unroot(&initial);
    wasm_globaltype_delete(global_type);
    if (error != NULL)
        return berthi_wt_fold(s, error, diag);
    *extern_out = wrap(BERTHI_EXTERN_GLOBAL, &global, sizeof global);
    return BERTH_OK;
}

void berthi_wt_global_get(berthi_wasm_store *store, const berthi_extern *global,
                          berthi_val *value_out)
{
    berthi_wt_store *s = (berthi_wt_store *)store;
    wasmtime_val_t value;

    wasmtime_global_get(s->context, berthi_wt_global(global), &value);
    value_to_cell(s, &value, value_out);
}

bool berthi_wt_global_set(berthi_wasm_store *store, const berthi_extern *global,
                          berthi_val value)
{
    berthi_wt_store *s = (berthi_wt_store *)store;
    wasm_globaltype_t *type = wasmtime_global_type(s->context, berthi_wt_global(global));
    bool is_mutable = wasm_globaltype_mutability(type) == WASM_VAR;
    wasmtime_val_t theirs;
    wasmtime_error_t *error;

    if (is_mutable) {
        cell_to_value(s, read_type(wasm_globaltype_content(type)), value, &theirs);
        error = wasmtime_global_set(s->context, berthi_wt_global(global), &theirs);
        wasmtime_val_unroot(&theirs);
        assert(error == NULL); /* type and mutability are right by construction */
        if (error != NULL)
            wasmtime_error_delete(error);
    }
    wasm_globaltype_delete(type);
    return is_mutable;
}

static wasmtime_externref_t *new_root(berthi_wt_store *s)
{
    berthi_wt_roots *r = s->roots;

    if (r == NULL || r->used == sizeof r->roots / sizeof *r->roots) {
        r = berthi_alloc(s->engine->allocator, sizeof *r);
        if (r == NULL)
            return NULL;
        r->next = s->roots;
        r->used = 0;
        s->roots = r;
    }
    return &r->roots[r->used];
}

berth_status berthi_wt_externref_wrap(berthi_wasm_store *store, uint64_t number,
                                      berthi_val *ref_out, berth_diag *diag)
{
    berthi_wt_store *s = (berthi_wt_store *)store;
    wasmtime_externref_t *root = new_root(s);

    if (root == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "external reference");
    if (!wasmtime_externref_new(s->context, (void *)(uintptr_t)number, NULL, root))
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_INSTANCES,
                                   "no room for an external reference");
    s->roots->used++;
    *ref_out = (berthi_val){ .words = { wasmtime_externref_to_raw(s->context, root), 0 } };
    return BERTH_OK;
}

uint64_t berthi_wt_externref_unwrap(berthi_wasm_store *store, berthi_val ref)
{
    berthi_wt_store *s = (berthi_wt_store *)store;
    wasmtime_externref_t theirs;
    uint64_t number;

    if ((uint32_t)ref.i32 == 0)
        return 0;
    wasmtime_externref_from_raw(s->context, (uint32_t)ref.i32, &theirs);
    number = (uint64_t)(uintptr_t)wasmtime_externref_data(s->context, &theirs);
    wasmtime_externref_unroot(&theirs);
    return number;
}
