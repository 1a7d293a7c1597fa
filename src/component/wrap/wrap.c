/* wrap.c - a core module and its world, put together to a component.
 *
 * In this order: what the world imports; the shim, through which everything is called that needs
 * the module's memory, and destructors, before the module is there; resources; the module; the
 * lowered functions, and the fixup that puts them behind the shim; what the world exports.
 *
 * Layer: component. */
#include "component/wrap/wrap.h"

#include <stdio.h>

#include "base/diag.h"

enum { SECTION_CORE_MODULE = 1, SECTION_CORE_INSTANCE = 2, SECTION_INSTANCE = 5 };
enum { SECTION_ALIAS = 6, SECTION_TYPE = 7, SECTION_CANON = 8 };
enum { SECTION_IMPORT = 10, SECTION_EXPORT = 11 };

#define NOWHERE UINT32_MAX

enum { IMPORTS_MAX = 1000 };

/* What one import of the core module is answered with. */
typedef struct answer {
    const berthi_wit_func *func; /* lowered; NULL: `canon` of `resource` */
    uint32_t instance;           /* that exports it; NOWHERE: the world itself */
    uint32_t component_func;     /* when the world itself imports it */
    uint8_t canon;
    uint32_t resource; /* type of the model */
    uint32_t slot;     /* of the shim; NOWHERE: not behind it */
    uint32_t core_func;
} answer;

typedef struct shim_slot { /* of the shim */
    const answer *answer;  /* NULL: the destructor that the module exports as `name` */
    berthi_name name;
    berthi_functype type;
} shim_slot;

typedef struct wrapper {
    berthi_cm_writer w; /* the root */
    const berthi_wit_world *world;
    berthi_arena *arena;
    berthi_wasm_info core;
    berth_diag *diag;
    uint32_t *instance_of; /* per interface: 1 + the imported instance */
    uint32_t *func_of;     /* per import of the world: the function */
    answer *answers;       /* per import of the module */
    shim_slot *slots;
    uint32_t slots_count, shim, main, memory, realloc;
    bool has_initialize;
} wrapper;

static berth_status no_memory(wrapper *x)
{
    return berthi_fail(x->diag, BERTH_E_NOMEM, "out of memory while wrapping the module");
}

static void put_text(berthi_cm_bytes *b, const char *text)
{
    berthi_cm_put_name(b, text, strlen(text));
}

static bool is_text(berthi_name name, const char *text)
{
    return name.size == strlen(text) && memcmp(name.text, text, name.size) == 0;
}

/* `name` is PREFIX and then `text`. */
static bool is_prefixed(berthi_name name, const char *prefix, const char *text)
{
    size_t size = strlen(prefix);

    return name.size >= size && memcmp(name.text, prefix, size) == 0 &&
           is_text((berthi_name){ name.text + size, name.size - (uint32_t)size }, text);
}

static uint32_t alias_core(wrapper *x, uint8_t sort, uint8_t byte, uint32_t instance,
                           berthi_name name)
{
    berthi_cm_put_byte(&x->w.body, 0);
    berthi_cm_put_byte(&x->w.body, byte);
    berthi_cm_put_byte(&x->w.body, 1);
    berthi_cm_put_u32(&x->w.body, instance);
    berthi_cm_put_name(&x->w.body, name.text, name.size);
    return berthi_cm_define(&x->w, SECTION_ALIAS, sort);
}

static uint32_t alias_of_instance(wrapper *x, uint8_t sort, uint8_t byte, uint32_t instance,
                                  const char *name)
{
    berthi_cm_put_byte(&x->w.body, byte);
    berthi_cm_put_byte(&x->w.body, 0);
    berthi_cm_put_u32(&x->w.body, instance);
    put_text(&x->w.body, name);
    return berthi_cm_define(&x->w, SECTION_ALIAS, sort);
}

/* ---------------------------------------------------------------- what the module imports */

static bool find_resource(const wrapper *x, const berthi_wit_interface *interface,
                          berthi_name name, answer *a)
{
    static const struct {
        const char *prefix;
        uint8_t canon;
    } builtins[] = { { "[resource-new]", BERTHI_CM_RESOURCE_NEW },
                     { "[resource-drop]", BERTHI_CM_RESOURCE_DROP },
                     { "[resource-rep]", BERTHI_CM_RESOURCE_REP } };

    for (uint32_t i = 0; i < interface->types_count; i++)
        for (size_t k = 0; k < sizeof builtins / sizeof builtins[0]; k++) {
            const berthi_wit_type *t = &x->w.wit->types[interface->types[i]];

            if (x->w.wit->types[t->canon].kind != BERTHI_WIT_RESOURCE ||
                !is_prefixed(name, builtins[k].prefix, t->name))
                continue;
            a->canon = builtins[k].canon;
            a->resource = interface->types[i];
            return true;
        }
    return false;
}

static bool answer_from_interface(wrapper *x, const berthi_wit_extern *e,
                                  const berthi_wasm_import *i, answer *a)
{
    const berthi_wit_interface *interface = &x->w.wit->interfaces[e->index];

    for (uint32_t f = 0; f < interface->funcs_count; f++)
        if (is_text(i->name, interface->funcs[f].name)) {
            a->func = &interface->funcs[f];
            a->instance = x->instance_of[e->index] - 1;
            return true;
        }
    return find_resource(x, interface, i->name, a) && a->canon == BERTHI_CM_RESOURCE_DROP;
}

static bool find_answer(wrapper *x, const berthi_wasm_import *i, answer *a)
{
    for (uint32_t k = 0; k < x->world->imports_count; k++) {
        const berthi_wit_extern *e = &x->world->imports[k];

        if (e->kind == BERTHI_WIT_EXTERN_INTERFACE) {
            if (is_text(i->module, e->name))
                return answer_from_interface(x, e, i, a);
        } else if (is_text(i->module, "$root") && e->kind == BERTHI_WIT_EXTERN_FUNC &&
                   is_text(i->name, e->name)) {
            a->func = e->func;
            a->component_func = x->func_of[k];
            return true;
        } else if (is_text(i->module, "$root") && e->kind == BERTHI_WIT_EXTERN_TYPE &&
                   is_prefixed(i->name, "[resource-drop]", e->name)) {
            a->canon = BERTHI_CM_RESOURCE_DROP;
            a->resource = e->index;
            return true;
        }
    }
    for (uint32_t k = 0; k < x->world->exports_count; k++) {
        const berthi_wit_extern *e = &x->world->exports[k];

        if (e->kind == BERTHI_WIT_EXTERN_INTERFACE &&
            is_prefixed(i->module, "[export]", e->name))
            return find_resource(x, &x->w.wit->interfaces[e->index], i->name, a);
    }
    return false;
}

static berth_status add_slot(wrapper *x, const answer *a, berthi_name name,
                             berthi_functype type, uint32_t *slot_out)
{
    for (uint32_t i = 0; i < type.params_count + type.results_count; i++)
        if (type.types[i] < BERTHI_F64)
            return berthi_fail(x->diag, BERTH_E_REJECTED,
                               "core function `%.*s`: the canonical ABI passes numbers only",
                               (int)name.size, name.text);
    *slot_out = x->slots_count;
    x->slots[x->slots_count++] = (shim_slot){ .answer = a, .name = name, .type = type };
    return BERTH_OK;
}

static berth_status answer_imports(wrapper *x)
{
    for (uint32_t i = 0; i < x->core.imports_count; i++) {
        const berthi_wasm_import *e = &x->core.imports[i];
        answer *a = &x->answers[i];
        berth_status status;

        *a = (answer){ .instance = NOWHERE, .slot = NOWHERE };
        if (e->kind != BERTHI_EXTERN_FUNC || !find_answer(x, e, a))
            return berthi_fail(
                x->diag, BERTH_E_REJECTED,
                "the module imports `%.*s` from `%.*s`, which world `%s` does not "
                "import; add it to the world, or do not call it",
                (int)e->name.size, e->name.text, (int)e->module.size, e->module.text,
                x->world->name);
        if (a->func == NULL)
            continue;
        status = add_slot(x, a, e->name, x->core.types[x->core.funcs[e->index]], &a->slot);
        if (status != BERTH_OK)
            return status;
    }
    return BERTH_OK;
}

/* ---------------------------------------------------------------- resources that it exports */

static const berthi_wasm_export *find_export(const wrapper *x, const char *interface,
                                             const char *prefix, const char *name)
{
    char text[3 * BERTHI_WIT_NAME_MAX + 64];

    if (interface == NULL)
        (void)snprintf(text, sizeof text, "%s%s", prefix, name);
    else
        (void)snprintf(text, sizeof text, "%s%s#%s", prefix, interface, name);
    return berthi_wasm_find_export(&x->core, text);
}

static berth_status each_resource(wrapper *x,
                                  berth_status (*do_it)(wrapper *, const berthi_wit_extern *,
                                                        uint32_t))
{
    for (uint32_t k = 0; k < x->world->exports_count; k++) {
        const berthi_wit_extern *e = &x->world->exports[k];
        const berthi_wit_interface *interface;

        if (e->kind != BERTHI_WIT_EXTERN_INTERFACE)
            continue;
        interface = &x->w.wit->interfaces[e->index];
        for (uint32_t i = 0; i < interface->types_count; i++) {
            berth_status status = BERTH_OK;

            if (x->w.wit->types[interface->types[i]].kind == BERTHI_WIT_RESOURCE)
                status = do_it(x, e, interface->types[i]);
            if (status != BERTH_OK)
                return status;
        }
    }
    return BERTH_OK;
}

static const berthi_wasm_export *find_destructor(const wrapper *x, const berthi_wit_extern *e,
                                                 uint32_t type)
{
    char name[BERTHI_WIT_NAME_MAX + 16];

    (void)snprintf(name, sizeof name, "[dtor]%s", x->w.wit->types[type].name);
    return find_export(x, e->name, "", name);
}

static berth_status reserve_destructor(wrapper *x, const berthi_wit_extern *e, uint32_t type)
{
    const berthi_wasm_export *destructor = find_destructor(x, e, type);
    uint32_t slot;

    if (destructor == NULL)
        return BERTH_OK;
    if (!berthi_wasm_func_is(&x->core, destructor, "i:"))
        return berthi_fail(x->diag, BERTH_E_REJECTED,
                           "the module's `%.*s` must be a function of one i32",
                           (int)destructor->name.size, destructor->name.text);
    return add_slot(x, NULL, destructor->name, x->core.types[x->core.funcs[destructor->index]],
                    &slot);
}

static uint32_t alias_slot(wrapper *x, uint32_t slot)
{
    char text[16];
    int size = snprintf(text, sizeof text, "%u", (unsigned)slot);

    return alias_core(x, BERTHI_CM_CORE_FUNC, 0, x->shim,
                      (berthi_name){ text, (uint32_t)size });
}

static berth_status define_resource(wrapper *x, const berthi_wit_extern *e, uint32_t type)
{
    const berthi_wasm_export *destructor = find_destructor(x, e, type);
    uint32_t func = 0;

    for (uint32_t i = 0; destructor != NULL && i < x->slots_count; i++)
        if (x->slots[i].answer == NULL && x->slots[i].name.text == destructor->name.text)
            func = alias_slot(x, i);
    berthi_cm_put_byte(&x->w.body, BERTHI_CM_RESOURCE_TYPE);
    berthi_cm_put_byte(&x->w.body, BERTHI_I32);
    berthi_cm_put_byte(&x->w.body, destructor != NULL);
    if (destructor != NULL)
        berthi_cm_put_u32(&x->w.body, func);
    x->w.type_of[type] = 1 + berthi_cm_define(&x->w, SECTION_TYPE, BERTHI_CM_TYPE);
    return BERTH_OK;
}

/* ---------------------------------------------------------------- core instances */

static uint32_t instantiate(wrapper *x, uint32_t module, const char *const *names,
                            const uint32_t *instances, uint32_t count)
{
    berthi_cm_put_byte(&x->w.body, 0);
    berthi_cm_put_u32(&x->w.body, module);
    berthi_cm_put_u32(&x->w.body, count);
    for (uint32_t i = 0; i < count; i++) {
        put_text(&x->w.body, names[i]);
        berthi_cm_put_byte(&x->w.body, 0x12);
        berthi_cm_put_u32(&x->w.body, instances[i]);
    }
    return berthi_cm_define(&x->w, SECTION_CORE_INSTANCE, BERTHI_CM_CORE_INSTANCE);
}

static void put_core_func(wrapper *x, const char *name, size_t size, uint32_t func)
{
    berthi_cm_put_name(&x->w.body, name, size);
    berthi_cm_put_byte(&x->w.body, 0);
    berthi_cm_put_u32(&x->w.body, func);
}

static uint32_t put_module(wrapper *x, const berthi_cm_bytes *module)
{
    x->w.out.has_failed |= module->has_failed;
    berthi_cm_put_byte(&x->w.out, SECTION_CORE_MODULE);
    berthi_cm_put_name(&x->w.out, module->data == NULL ? "" : module->data, module->size);
    return x->w.counts[BERTHI_CM_CORE_MODULE]++;
}

static berth_status put_shim(wrapper *x, berthi_functype *types)
{
    berthi_cm_bytes module;
    uint32_t index;

    for (uint32_t i = 0; i < x->slots_count; i++)
        types[i] = x->slots[i].type;
    if (x->slots_count == 0)
        return BERTH_OK;
    berthi_text_buf_init(&module, x->w.out.allocator);
    berthi_cm_put_shim(&module, types, x->slots_count);
    index = put_module(x, &module);
    berthi_text_buf_fini(&module);
    x->shim = instantiate(x, index, NULL, NULL, 0);
    return BERTH_OK;
}

static void make_built_ins(wrapper *x)
{
    for (uint32_t i = 0; i < x->core.imports_count; i++) {
        answer *a = &x->answers[i];

        if (a->func != NULL) {
            a->core_func = alias_slot(x, a->slot);
            continue;
        }
        berthi_cm_put_byte(&x->w.body, a->canon);
        berthi_cm_put_u32(&x->w.body, (uint32_t)berthi_cm_type_here(&x->w, a->resource));
        a->core_func = berthi_cm_define(&x->w, SECTION_CANON, BERTHI_CM_CORE_FUNC);
    }
}

static bool same_name(berthi_name a, berthi_name b)
{
    return a.size == b.size && memcmp(a.text, b.text, a.size) == 0;
}

/* The first import of each pair of names; engines give the same to all. */
static bool is_first(const wrapper *x, uint32_t import, bool by_module)
{
    for (uint32_t i = 0; i < import; i++)
        if (same_name(x->core.imports[i].module, x->core.imports[import].module) &&
            (by_module || same_name(x->core.imports[i].name, x->core.imports[import].name)))
            return false;
    return true;
}

/* An instance for each name of a module that is imported from, then the module itself. */
static void instantiate_main(wrapper *x, uint32_t module, uint32_t *instances)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < x->core.imports_count; i++) {
        uint32_t members = 0;

        if (!is_first(x, i, true))
            continue;
        for (uint32_t k = i; k < x->core.imports_count; k++)
            members += same_name(x->core.imports[k].module, x->core.imports[i].module) &&
                       is_first(x, k, false);
        berthi_cm_put_byte(&x->w.body, 1);
        berthi_cm_put_u32(&x->w.body, members);
        for (uint32_t k = i; k < x->core.imports_count; k++)
            if (same_name(x->core.imports[k].module, x->core.imports[i].module) &&
                is_first(x, k, false))
                put_core_func(x, x->core.imports[k].name.text, x->core.imports[k].name.size,
                              x->answers[k].core_func);
        instances[i] = berthi_cm_define(&x->w, SECTION_CORE_INSTANCE, BERTHI_CM_CORE_INSTANCE);
        count++;
    }
    berthi_cm_put_byte(&x->w.body, 0);
    berthi_cm_put_u32(&x->w.body, module);
    berthi_cm_put_u32(&x->w.body, count);
    for (uint32_t i = 0; i < x->core.imports_count; i++) {
        if (!is_first(x, i, true))
            continue;
        berthi_cm_put_name(&x->w.body, x->core.imports[i].module.text,
                           x->core.imports[i].module.size);
        berthi_cm_put_byte(&x->w.body, 0x12);
        berthi_cm_put_u32(&x->w.body, instances[i]);
    }
    x->main = berthi_cm_define(&x->w, SECTION_CORE_INSTANCE, BERTHI_CM_CORE_INSTANCE);
}

/* ---------------------------------------------------------------- lowering, and the fixup */

static void put_options(wrapper *x, uint32_t post_return)
{
    berthi_cm_bytes *b = &x->w.body;

    berthi_cm_put_u32(b, 1u + (x->memory != NOWHERE) + (x->realloc != NOWHERE) +
                             (post_return != NOWHERE));
    berthi_cm_put_byte(b, 0);
    if (x->memory != NOWHERE) {
        berthi_cm_put_byte(b, 3);
        berthi_cm_put_u32(b, x->memory);
    }
    if (x->realloc != NOWHERE) {
        berthi_cm_put_byte(b, 4);
        berthi_cm_put_u32(b, x->realloc);
    }
    if (post_return != NOWHERE) {
        berthi_cm_put_byte(b, 5);
        berthi_cm_put_u32(b, post_return);
    }
}

static void find_memory(wrapper *x)
{
    const berthi_wasm_export *memory = berthi_wasm_find_export(&x->core, "memory");
    const berthi_wasm_export *realloc = berthi_wasm_find_export(&x->core, "cabi_realloc");

    x->memory = x->realloc = NOWHERE;
    if (memory == NULL || memory->kind != BERTHI_EXTERN_MEMORY)
        return;
    x->memory = alias_core(x, BERTHI_CM_CORE_MEMORY, 2, x->main, memory->name);
    if (realloc != NULL && realloc->kind == BERTHI_EXTERN_FUNC)
        x->realloc = alias_core(x, BERTHI_CM_CORE_FUNC, 0, x->main, realloc->name);
}

static uint32_t lower(wrapper *x, const answer *a)
{
    uint32_t func = a->component_func;

    if (a->instance != NOWHERE)
        func = alias_of_instance(x, BERTHI_CM_FUNC, BERTHI_CM_BOUND_FUNC, a->instance,
                                 a->func->name);
    berthi_text_buf_put(&x->w.body, "\1\0", 2);
    berthi_cm_put_u32(&x->w.body, func);
    put_options(x, NOWHERE);
    return berthi_cm_define(&x->w, SECTION_CANON, BERTHI_CM_CORE_FUNC);
}

static berth_status put_fixup(wrapper *x, const berthi_functype *types, uint32_t *funcs)
{
    const char *names[3] = { "main", "actual", "shim" };
    uint32_t instances[3] = { x->main, 0, x->shim };
    berthi_cm_bytes module;
    uint32_t index, first = x->has_initialize ? 0 : 1, end = x->slots_count == 0 ? 1 : 3;

    if (first == end)
        return BERTH_OK;
    berthi_text_buf_init(&module, x->w.out.allocator);
    berthi_cm_put_fixup(&module, types, x->slots_count, x->has_initialize);
    index = put_module(x, &module);
    berthi_text_buf_fini(&module);
    for (uint32_t i = 0; i < x->slots_count; i++)
        funcs[i] = x->slots[i].answer != NULL
                       ? lower(x, x->slots[i].answer)
                       : alias_core(x, BERTHI_CM_CORE_FUNC, 0, x->main, x->slots[i].name);
    if (x->slots_count != 0) {
        berthi_cm_put_byte(&x->w.body, 1);
        berthi_cm_put_u32(&x->w.body, x->slots_count);
        for (uint32_t i = 0; i < x->slots_count; i++) {
            char text[16];
            int size = snprintf(text, sizeof text, "%u", (unsigned)i);

            put_core_func(x, text, (size_t)size, funcs[i]);
        }
        instances[1] = berthi_cm_define(&x->w, SECTION_CORE_INSTANCE, BERTHI_CM_CORE_INSTANCE);
    }
    (void)instantiate(x, index, names + first, instances + first, end - first);
    return BERTH_OK;
}

/* ---------------------------------------------------------------- exports */

static berth_status lift(wrapper *x, const char *interface, const berthi_wit_func *func,
                         uint32_t *func_out)
{
    const berthi_wasm_export *e = find_export(x, interface, "", func->name), *post;
    uint32_t core, after = NOWHERE, type;

    if (e == NULL || e->kind != BERTHI_EXTERN_FUNC)
        return berthi_fail(x->diag, BERTH_E_REJECTED,
                           "world `%s` exports %s%s%s, but the module has no function `%s%s%s`",
                           x->world->name, interface == NULL ? "" : interface,
                           interface == NULL ? "" : "#", func->name,
                           interface == NULL ? "" : interface, interface == NULL ? "" : "#",
                           func->name);
    core = alias_core(x, BERTHI_CM_CORE_FUNC, 0, x->main, e->name);
    post = find_export(x, interface, "cabi_post_", func->name);
    if (post != NULL && post->kind == BERTHI_EXTERN_FUNC)
        after = alias_core(x, BERTHI_CM_CORE_FUNC, 0, x->main, post->name);
    type = berthi_cm_write_func_type(&x->w, func);
    berthi_text_buf_put(&x->w.body, "\0\0", 2);
    berthi_cm_put_u32(&x->w.body, core);
    put_options(x, after);
    berthi_cm_put_u32(&x->w.body, type);
    *func_out = berthi_cm_define(&x->w, SECTION_CANON, BERTHI_CM_FUNC);
    return BERTH_OK;
}

static uint32_t export_item(wrapper *x, const char *name, uint8_t sort, uint8_t byte,
                            uint32_t index)
{
    berthi_cm_put_byte(&x->w.body, 0);
    put_text(&x->w.body, name);
    berthi_cm_put_byte(&x->w.body, byte);
    berthi_cm_put_u32(&x->w.body, index);
    berthi_cm_put_byte(&x->w.body, 0);
    return berthi_cm_define(&x->w, SECTION_EXPORT, sort);
}

static berth_status export_interface(wrapper *x, const berthi_wit_extern *e)
{
    const berthi_wit_interface *interface = &x->w.wit->interfaces[e->index];
    size_t types = x->w.wit->types_count + 1u;
    uint32_t *imported = berthi_arena_array(x->arena, types, sizeof *imported);
    uint32_t *exported = berthi_arena_array(x->arena, types, sizeof *exported);
    uint32_t *funcs = berthi_arena_array(x->arena, interface->funcs_count + 1u, sizeof *funcs);
    uint32_t count, instance;
    berthi_cm_bytes arguments;

    if (imported == NULL || exported == NULL || funcs == NULL)
        return no_memory(x);
    for (uint32_t i = 0; i < interface->funcs_count; i++) {
        berth_status status = lift(x, e->name, &interface->funcs[i], &funcs[i]);

        if (status != BERTH_OK)
            return status;
    }
    berthi_text_buf_init(&arguments, x->w.out.allocator);
    berthi_cm_write_retyping(&x->w, interface, funcs, imported, exported, &arguments, &count);
    x->w.out.has_failed |= arguments.has_failed;
    berthi_cm_put_byte(&x->w.body, 0);
    berthi_cm_put_u32(&x->w.body, x->w.counts[BERTHI_CM_COMPONENT] - 1);
    berthi_cm_put_u32(&x->w.body, count);
    if (arguments.size != 0)
        berthi_text_buf_put(&x->w.body, arguments.data, arguments.size);
    berthi_text_buf_fini(&arguments);
    instance = berthi_cm_define(&x->w, SECTION_INSTANCE, BERTHI_CM_INSTANCE);
    instance = export_item(x, e->name, BERTHI_CM_INSTANCE, BERTHI_CM_BOUND_INSTANCE, instance);
    berthi_cm_adopt_types(&x->w, interface, instance);
    return BERTH_OK;
}

static berth_status export_world(wrapper *x)
{
    for (uint32_t i = 0; i < x->world->exports_count; i++) {
        const berthi_wit_extern *e = &x->world->exports[i];
        berth_status status;
        uint32_t func = 0;

        if (e->kind == BERTHI_WIT_EXTERN_INTERFACE) {
            status = export_interface(x, e);
        } else {
            status = lift(x, NULL, e->func, &func);
            if (status == BERTH_OK)
                (void)export_item(x, e->name, BERTHI_CM_FUNC, BERTHI_CM_BOUND_FUNC, func);
        }
        if (status != BERTH_OK)
            return status;
    }
    return BERTH_OK;
}

/* ---------------------------------------------------------------- all of it */

/* Types of an interface are known by one index each. */
static berth_status check_world(wrapper *x)
{
    for (uint32_t i = 0; i < x->world->exports_count; i++)
        for (uint32_t k = 0; k < x->world->imports_count; k++)
            if (x->world->exports[i].kind == BERTHI_WIT_EXTERN_INTERFACE &&
                x->world->imports[k].kind == BERTHI_WIT_EXTERN_INTERFACE &&
                x->world->exports[i].index == x->world->imports[k].index)
                return berthi_fail(x->diag, BERTH_E_REJECTED,
                                   "world `%s` both imports and exports `%s`, which cannot be "
                                   "wrapped; export an interface of another name",
                                   x->world->name, x->world->exports[i].name);
    return BERTH_OK;
}

static berth_status prepare(wrapper *x, const uint8_t *core, size_t size)
{
    berth_status status = berthi_wasm_read(core, size, x->arena, &x->core, x->diag);
    const berthi_wasm_export *initialize;

    if (status != BERTH_OK)
        return status;
    if (x->core.imports_count > IMPORTS_MAX)
        return berthi_fail(x->diag, BERTH_E_LIMIT, "the module has %u imports; %d are taken",
                           (unsigned)x->core.imports_count, IMPORTS_MAX);
    initialize = berthi_wasm_find_export(&x->core, "_initialize");
    x->has_initialize = initialize != NULL && berthi_wasm_func_is(&x->core, initialize, ":");
    x->instance_of =
        berthi_arena_array(x->arena, x->w.wit->interfaces_count + 1u, sizeof *x->instance_of);
    x->func_of = berthi_arena_array(x->arena, x->world->imports_count + 1u, sizeof *x->func_of);
    x->answers = berthi_arena_array(x->arena, x->core.imports_count + 1u, sizeof *x->answers);
    x->slots = berthi_arena_array(
        x->arena, (size_t)x->core.imports_count + x->core.exports_count + 1u, sizeof *x->slots);
    if (x->instance_of == NULL || x->func_of == NULL || x->answers == NULL || x->slots == NULL)
        return no_memory(x);
    return check_world(x);
}

static berth_status put_core(wrapper *x, const uint8_t *core, size_t size)
{
    uint32_t *indices = berthi_arena_array(
        x->arena, (size_t)x->core.imports_count + x->slots_count + 1u, sizeof *indices);
    berthi_functype *types = berthi_arena_array(x->arena, x->slots_count + 1u, sizeof *types);
    uint32_t module = x->w.counts[BERTHI_CM_CORE_MODULE]++;
    berth_status status;

    if (indices == NULL || types == NULL)
        return no_memory(x);
    berthi_cm_put_byte(&x->w.out, SECTION_CORE_MODULE);
    berthi_cm_put_name(&x->w.out, (const char *)core, size);
    status = put_shim(x, types);
    if (status == BERTH_OK)
        status = each_resource(x, define_resource);
    if (status != BERTH_OK)
        return status;
    make_built_ins(x);
    instantiate_main(x, module, indices);
    find_memory(x);
    return put_fixup(x, types, indices);
}

/* What a plugin says of itself is of the component too. */
static void copy_metadata(wrapper *x)
{
    static const char prefix[] = "berth.";

    for (uint32_t i = 0; i < x->core.sections_count; i++) {
        const berthi_wasm_section *section = &x->core.sections[i];

        if (section->id != 0 || section->name.size < sizeof prefix - 1 ||
            memcmp(section->name.text, prefix, sizeof prefix - 1) != 0)
            continue;
        berthi_cm_put_name(&x->w.body, section->name.text, section->name.size);
        berthi_text_buf_put(&x->w.body, (const char *)x->core.bytes + section->body.offset,
                            section->body.size);
        berthi_cm_put_section(&x->w.out, 0, &x->w.body);
    }
}

static berth_status wrap(wrapper *x, const uint8_t *core, size_t size)
{
    berth_status status = prepare(x, core, size);

    if (status == BERTH_OK)
        status = berthi_cm_import_world(&x->w, x->world, x->arena, x->instance_of, x->func_of)
                     ? BERTH_OK
                     : no_memory(x);
    if (status == BERTH_OK)
        status = answer_imports(x);
    if (status == BERTH_OK)
        status = each_resource(x, reserve_destructor);
    if (status == BERTH_OK)
        status = put_core(x, core, size);
    if (status == BERTH_OK)
        status = export_world(x);
    if (status == BERTH_OK)
        copy_metadata(x);
    return status;
}

berth_status berthi_component_wrap(const uint8_t *core, size_t core_size, const berthi_wit *wit,
                                   const berthi_wit_world *world, const berth_allocator *a,
                                   berthi_text_buf *out, berth_diag *diag)
{
    wrapper x = { .world = world, .diag = diag };
    berthi_arena arena;
    uint32_t *type_of;
    berth_status status;

    if (core_size > UINT32_MAX / 2)
        return berthi_fail(diag, BERTH_E_LIMIT, "the module is larger than 2 GiB");
    berthi_arena_init(&arena, a, SIZE_MAX);
    x.arena = &arena;
    type_of = berthi_arena_array(&arena, wit->types_count + 1u, sizeof *type_of);
    berthi_cm_writer_init(&x.w, wit, a, type_of);
    berthi_text_buf_put(&x.w.out, "\0asm\x0d\0\1\0", 8);
    status = type_of == NULL ? no_memory(&x) : wrap(&x, core, core_size);
    x.w.out.has_failed |= x.w.body.has_failed;
    if (status == BERTH_OK && !x.w.out.has_failed)
        berthi_text_buf_put(out, x.w.out.data, x.w.out.size);
    if (status == BERTH_OK && (x.w.out.has_failed || out->has_failed))
        status = no_memory(&x);
    berthi_cm_writer_fini(&x.w);
    berthi_arena_fini(&arena);
    return status;
}
