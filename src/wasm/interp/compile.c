/* compile.c - from a module's bytes to an interp_module.  Layer: wasm.
 *
 * The whole module is validated here; what is not validated is never run.  The result owns
 * everything that it names: nothing points into the bytes once this is over. */
#include <string.h>

#include "base/utf8.h"
#include "wasm/interp/build.h"

typedef struct compiler {
    interp_module *module;
    berthi_wasm_info *info;
    berthi_arena *arena;
    berth_diag *diag;
    uint8_t *declared; /* bit set */
    build b;
} compiler;

static berth_status out_of_memory(compiler *k)
{
    return berthi_fail(k->diag, BERTH_E_NOMEM, "out of memory for a module");
}

/* What the reader describes and this provider does not run. */
static berth_status refuse_features(compiler *k)
{
    const berthi_wasm_info *info = k->info;
    const char *why = NULL;

    for (uint32_t i = 0; i < info->types_count; i++) {
        const berthi_functype *type = &info->types[i];
        uint32_t count = type->params_count + type->results_count;

        if (count > 0 && memchr(type->types, BERTHI_V128, count) != NULL)
            why = "SIMD (v128)";
    }
    for (uint32_t i = 0; i < info->globals_count; i++)
        if (info->globals[i].type == BERTHI_V128)
            why = "SIMD (v128)";
    for (uint32_t i = 0; i < info->tables_count; i++)
        if (info->tables[i].size.is_64)
            why = "64-bit tables";
    for (uint32_t i = 0; i < info->memories_count; i++)
        if (info->memories[i].is_shared)
            why = "shared memories";
    if (why == NULL)
        return BERTH_OK;
    return berthi_fail(k->diag, BERTH_E_REJECTED,
                       "the module needs %s, which the interpreter lacks", why);
}

static void declare(compiler *k, uint32_t func)
{
    k->declared[func / 8] = (uint8_t)(k->declared[func / 8] | 1u << func % 8);
}

static void declare_constant(compiler *k, interp_constant constant)
{
    for (uint32_t i = 0; i < constant.count; i++)
        if (constant.steps[i].op == 0xd2)
            declare(k, (uint32_t)constant.steps[i].value);
}

static berth_status compile_globals(compiler *k)
{
    berthi_wasm_info *info = k->info;
    uint32_t defined = info->globals_count - info->imported_globals;

    k->module->inits = berthi_arena_array(k->arena, defined, sizeof *k->module->inits);
    if (k->module->inits == NULL)
        return out_of_memory(k);
    for (uint32_t i = 0; i < defined; i++) {
        berthi_cursor c = berthi_cursor_over(info->bytes, info->inits[i]);
        uint32_t index = info->imported_globals + i;

        berthi_build_constant(&c, info, index, info->globals[index].type, k->arena,
                              &k->module->inits[i]);
        if (c.error != NULL)
            return berthi_cursor_report(&c, k->diag);
        declare_constant(k, k->module->inits[i]);
    }
    return BERTH_OK;
}

static berth_status compile_offset(compiler *k, berthi_wasm_range range, uint8_t type,
                                   interp_constant *out)
{
    berthi_cursor c = berthi_cursor_over(k->info->bytes, range);

    berthi_build_constant(&c, k->info, k->info->globals_count, type, k->arena, out);
    return c.error != NULL ? berthi_cursor_report(&c, k->diag) : BERTH_OK;
}

static berth_status compile_element(compiler *k, const berthi_wasm_element *in,
                                    interp_element *out)
{
    interp_item *items = berthi_arena_array(k->arena, in->count, sizeof *items);
    berthi_cursor c = berthi_cursor_over(k->info->bytes, in->items);
    berth_status status;

    if (items == NULL)
        return out_of_memory(k);
    *out = (interp_element){ .is_active = in->is_active,
                             .is_declared = in->is_declared,
                             .table = in->table,
                             .count = in->count,
                             .items = items };
    if (in->is_active) {
        if (in->type != k->info->tables[in->table].element_type)
            return berthi_fail(k->diag, BERTH_E_REJECTED,
                               "type mismatch: an element segment and its table at byte %u",
                               (unsigned)in->items.offset);
        status = compile_offset(k, in->offset, BERTHI_I32, &out->offset);
        if (status != BERTH_OK)
            return status;
    }
    berthi_build_element_items(&c, k->info, in, items);
    if (c.error != NULL)
        return berthi_cursor_report(&c, k->diag);
    for (uint32_t i = 0; i < in->count; i++)
        if (!items[i].is_global && items[i].index != INTERP_NULL_INDEX)
            declare(k, items[i].index);
    return BERTH_OK;
}

static berth_status compile_elements(compiler *k)
{
    berth_status status = BERTH_OK;
    interp_element *out = berthi_arena_array(k->arena, k->info->elements_count, sizeof *out);

    if (out == NULL)
        return out_of_memory(k);
    for (uint32_t i = 0; i < k->info->elements_count && status == BERTH_OK; i++)
        status = compile_element(k, &k->info->elements[i], &out[i]);
    k->module->elements = out;
    return status;
}

static berth_status compile_data(compiler *k)
{
    berth_status status = BERTH_OK;
    interp_data *out = berthi_arena_array(k->arena, k->info->data_count, sizeof *out);

    if (out == NULL)
        return out_of_memory(k);
    for (uint32_t i = 0; i < k->info->data_count && status == BERTH_OK; i++) {
        const berthi_wasm_data *in = &k->info->data[i];
        uint8_t *bytes = berthi_arena_alloc(k->arena, in->bytes.size);

        if (bytes == NULL)
            return out_of_memory(k);
        if (in->bytes.size > 0)
            memcpy(bytes, k->info->bytes + in->bytes.offset, in->bytes.size);
        out[i] = (interp_data){ .is_active = in->is_active,
                                .memory = in->memory,
                                .size = in->bytes.size,
                                .bytes = bytes };
        if (in->is_active)
            status = compile_offset(
                k, in->offset, k->info->memories[in->memory].is_64 ? BERTHI_I64 : BERTHI_I32,
                &out[i].offset);
    }
    k->module->data = out;
    return status;
}

static berth_status keep_code(compiler *k, uint32_t index, interp_code *code)
{
    const berthi_wasm_info *info = k->info;
    const berthi_functype *type = &info->types[info->funcs[index]];
    size_t size = k->b.words_count * sizeof *k->b.words;
    uint32_t *words;

    if (k->b.c.error != NULL) {
        berth_status status = berthi_cursor_report(&k->b.c, k->diag);

        return berthi_diag_prefix(k->diag, status, "function %u", (unsigned)index);
    }
    words = berthi_arena_alloc(k->arena, size);
    if (words == NULL)
        return out_of_memory(k);
    memcpy(words, k->b.words, size);
    *code = (interp_code){ .words = words,
                           .words_count = k->b.words_count,
                           .index = index,
                           .params = type->params_count,
                           .results = type->results_count,
                           .locals = k->b.locals_count,
                           .cells = k->b.locals_count + INTERP_FRAME_CELLS + k->b.height_max };
    /* Results take the place of parameters, and may need more room than the frame had. */
    if (code->cells < type->results_count)
        code->cells = type->results_count;
    return BERTH_OK;
}

static berth_status compile_functions(compiler *k)
{
    const berthi_wasm_info *info = k->info;
    uint32_t defined = info->funcs_count - info->imported_funcs;
    berth_status status = BERTH_OK;

    k->module->codes = berthi_arena_array(k->arena, defined, sizeof *k->module->codes);
    if (k->module->codes == NULL)
        return out_of_memory(k);
    for (uint32_t i = 0; i < defined && status == BERTH_OK; i++) {
        berthi_build_function(&k->b, info->imported_funcs + i, info->bodies[i]);
        status = keep_code(k, info->imported_funcs + i, &k->module->codes[i]);
    }
    return status;
}

/* Names of functions: the "name" section's subsection 1.  It is for people, so whatever is wrong
 * in it is passed over; only a lack of memory fails. */
static berth_status keep_section_names(compiler *k, berthi_wasm_range body)
{
    const berthi_wasm_info *info = k->info;
    berthi_cursor c = berthi_cursor_over(info->bytes, body);

    while (c.error == NULL && c.at < c.end) {
        uint8_t id = berthi_read_u8(&c);
        berthi_cursor sub =
            berthi_cursor_over(info->bytes, berthi_read_range(&c, berthi_read_u32(&c)));
        uint32_t count;

        if (id != 1)
            continue;
        count = berthi_read_count(&sub, 2, UINT32_MAX);
        for (uint32_t i = 0; i < count && sub.error == NULL; i++) {
            uint32_t index = berthi_read_u32(&sub);
            berthi_name name = berthi_read_name(&sub);
            char text[64];
            interp_code *code;

            if (sub.error != NULL || index < info->imported_funcs || index >= info->funcs_count)
                continue;
            code = &k->module->codes[index - info->imported_funcs];
            berthi_utf8_show(text, sizeof text, name.text, name.size);
            if (code->name == NULL)
                code->name = berthi_arena_strndup(k->arena, text, strlen(text));
            if (code->name == NULL)
                return out_of_memory(k);
        }
    }
    return BERTH_OK;
}

static berth_status keep_names(compiler *k)
{
    const berthi_wasm_info *info = k->info;
    berth_status status = BERTH_OK;

    for (uint32_t i = 0; i < info->sections_count && status == BERTH_OK; i++) {
        const berthi_wasm_section *section = &info->sections[i];

        if (section->id == 0 && section->name.size == 4 &&
            memcmp(section->name.text, "name", 4) == 0)
            status = keep_section_names(k, section->body);
    }
    for (uint32_t i = 0; i < info->exports_count && status == BERTH_OK; i++) {
        const berthi_wasm_export *e = &info->exports[i];
        interp_code *code;
        char text[64];

        if (e->kind != BERTHI_EXTERN_FUNC || e->index < info->imported_funcs)
            continue;
        code = &k->module->codes[e->index - info->imported_funcs];
        if (code->name != NULL)
            continue;
        berthi_utf8_show(text, sizeof text, e->name.text, e->name.size);
        code->name = berthi_arena_strndup(k->arena, text, strlen(text));
        if (code->name == NULL)
            return out_of_memory(k);
    }
    return status;
}

static bool own_name(compiler *k, berthi_name *name)
{
    name->text = berthi_arena_strndup(k->arena, name->text, name->size);
    return name->text != NULL;
}

/* The last step: from here on nothing in `info` names the caller's bytes. */
static berth_status own_description(compiler *k)
{
    berthi_wasm_info *info = k->info;

    for (uint32_t i = 0; i < info->imports_count; i++)
        if (!own_name(k, &info->imports[i].module) || !own_name(k, &info->imports[i].name))
            return out_of_memory(k);
    for (uint32_t i = 0; i < info->exports_count; i++)
        if (!own_name(k, &info->exports[i].name))
            return out_of_memory(k);
    info->bytes = NULL;
    info->size = 0;
    info->sections = NULL;
    info->sections_count = 0;
    info->bodies = info->inits = NULL;
    info->elements = NULL;
    info->data = NULL;
    return BERTH_OK;
}

static berth_status compile_all(compiler *k)
{
    berthi_wasm_info *info = k->info;
    berth_status status = refuse_features(k);

    if (status != BERTH_OK)
        return status;
    for (uint32_t i = 0; i < info->exports_count; i++)
        if (info->exports[i].kind == BERTHI_EXTERN_FUNC)
            declare(k, info->exports[i].index);
    status = compile_globals(k);
    if (status == BERTH_OK)
        status = compile_elements(k);
    if (status == BERTH_OK)
        status = compile_data(k);
    if (status == BERTH_OK)
        status = compile_functions(k);
    if (status == BERTH_OK)
        status = keep_names(k);
    return status == BERTH_OK ? own_description(k) : status;
}

berth_status berthi_interp_compile(interp_engine *engine, const uint8_t *bytes, size_t size,
                                   interp_module **module_out, berth_diag *diag)
{
    const berth_allocator *a = engine->allocator;
    interp_module *module = berthi_zalloc(a, sizeof *module);
    compiler k = { .module = module, .diag = diag };
    size_t declared_size;
    berth_status status;

    if (module == NULL)
        return out_of_memory(&k);
    module->engine = engine;
    atomic_init(&module->references, 1);
    berthi_arena_init(&module->arena, a, SIZE_MAX);
    k.arena = &module->arena;
    k.info = &module->info;
    status = berthi_wasm_read(bytes, size, k.arena, k.info, diag);
    if (status != BERTH_OK)
        goto fail_read;

    declared_size = k.info->funcs_count / 8 + 1u;
    k.declared = berthi_zalloc(a, declared_size);
    if (k.declared == NULL) {
        status = out_of_memory(&k);
        goto fail_read;
    }
    k.b = (build){ .allocator = a, .info = k.info, .declared = k.declared };
    status = compile_all(&k);
    berthi_build_fini(&k.b);
    berthi_free(a, k.declared, declared_size);
    if (status != BERTH_OK)
        goto fail_read;
    *module_out = module;
    return BERTH_OK;

fail_read:
    berthi_arena_fini(&module->arena);
    berthi_free(a, module, sizeof *module);
    return status;
}

void berthi_interp_module_unref(interp_module *module)
{
    interp_engine *engine = module->engine;

    /* Release what this thread did with the module; the last one acquires what all others did. */
    if (atomic_fetch_sub_explicit(&module->references, 1, memory_order_acq_rel) != 1)
        return;
    berthi_arena_fini(&module->arena);
    berthi_free(engine->allocator, module, sizeof *module);
}
