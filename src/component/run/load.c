/* load.c - from bytes to something that can be instantiated any number of times.
 *
 * Everything that does not depend on a store happens here, once: reading, validation, elaboration,
 * compiling core modules, finding what the host gives, plans, binding imports.  Layer: component. */
#include "component/run/running.h"

enum { MEMORY_PAGES_MAX = 65536 }; /* of 64 KiB, whatever the width of addresses */

typedef enum plan_use { BY_HOST, TO_32, TO_64 } plan_use; /* TO: from a guest to another */

typedef struct plan_entry { /* of the table of plans, by function type, width and use */
    const berthi_cm_type *type;
    bool is_64; /* the guest's memory, or the caller's */
    uint8_t use;
    const berthi_cm_plan *plan;
    const berthi_cm_scalars *scalars; /* NULL: it is none */
} plan_entry;

typedef struct loader {
    berthi_cm_loaded *l;
    const berthi_cm_load_options *options;
    const berthi_cm_steps *steps;
    plan_entry *plans; /* open addressing; room is a power of two */
    uint32_t plans_room;
    berth_diag *diag;
} loader;

static berth_status no_memory(loader *o)
{
    return berthi_fail(o->diag, BERTH_E_NOMEM, "out of memory for a component");
}

static void *make(loader *o, size_t count, size_t size)
{
    return berthi_arena_array(&o->l->arena, count == 0 ? 1 : count, size);
}

/* ---------------------------------------------------------------- what the host gives */

static berth_status resolve_need(loader *o, uint32_t n)
{
    const berthi_cm_need *need = &o->steps->needs[n];

    if (o->options->resolve == NULL)
        return need->is_again
                   ? BERTH_E_ABSENT
                   : berthi_fail(o->diag, BERTH_E_REJECTED, "import `%s` was not found",
                                 berthi_cm_show(need->path[0]).text);
    return o->options->resolve(o->options->resolve_ctx, o->steps, need, &o->l->bindings[n],
                               o->diag);
}

/* Two resources of the component that the host calls one type are one at run time.  The first of
 * them gives its number to the others, before any plan is made. */
static void merge_resources(loader *o)
{
    for (uint32_t a = 0; a < o->steps->resources_count; a++) {
        const berthi_cm_resource_use *use = &o->steps->resources[a];

        if (use->instance != BERTHI_CM_NO_INDEX || use->type->number != a)
            continue;
        for (uint32_t b = a + 1; b < o->steps->resources_count; b++) {
            const berthi_cm_resource_use *other = &o->steps->resources[b];

            if (other->instance == BERTHI_CM_NO_INDEX &&
                o->l->bindings[other->need].identity == o->l->bindings[use->need].identity)
                ((berthi_cm_type *)(uintptr_t)other->type)->number = a; /* of our arena */
        }
    }
}

/* A module of the host's must be what the component says that it is: signatures of what is called
 * rest on it. */
static berth_status check_module(loader *o, uint32_t n)
{
    const berthi_cm_need *need = &o->steps->needs[n];
    const berthi_cm_binding *binding = &o->l->bindings[n];
    const berthi_cm_type *actual;

    if (binding->module == NULL || binding->module_info == NULL)
        return berthi_fail(o->diag, BERTH_E_REJECTED, "import `%s`: no core module was given",
                           berthi_cm_show(need->path[0]).text);
    actual = berthi_cm_module_of(o->l->types, binding->module_info);
    if (actual == NULL || !berthi_cm_match_core(o->l->types, actual, need->type))
        return berthi_diag_prefix(o->diag, o->l->types->status, "import `%s`",
                                  berthi_cm_show(need->path[need->path_count - 1]).text);
    return BERTH_OK;
}

/* Whatever is given for a resource once more must be what was given for it first. */
static berth_status resolve_again(loader *o, uint32_t n)
{
    const berthi_cm_need *need = &o->steps->needs[n];
    const berthi_cm_resource_use *use = &o->steps->resources[need->resource];
    berth_status status = resolve_need(o, n);

    if (status == BERTH_E_ABSENT)
        return BERTH_OK;
    if (status == BERTH_OK &&
        (use->instance != BERTHI_CM_NO_INDEX ||
         o->l->bindings[n].identity != o->l->bindings[use->need].identity))
        return berthi_fail(o->diag, BERTH_E_REJECTED, "import `%s`: mismatched resource types",
                           berthi_cm_show(need->path[need->path_count - 1]).text);
    return status;
}

static berth_status resolve_resources(loader *o)
{
    berth_status status = BERTH_OK;

    for (uint32_t n = 0; n < o->steps->needs_count && status == BERTH_OK; n++)
        if (o->steps->needs[n].sort == BERTHI_CM_TYPE)
            status = o->steps->needs[n].is_again ? resolve_again(o, n) : resolve_need(o, n);
    if (status == BERTH_OK)
        merge_resources(o);
    return status;
}

static berth_status resolve_needs(loader *o)
{
    uint32_t count = o->steps->needs_count;
    berth_status status;

    o->l->bindings = make(o, count, sizeof *o->l->bindings);
    if (o->l->bindings == NULL)
        return no_memory(o);
    status = resolve_resources(o); /* types of functions speak of them */
    for (uint32_t n = 0; n < count && status == BERTH_OK; n++) {
        if (o->steps->needs[n].sort == BERTHI_CM_TYPE)
            continue;
        status = resolve_need(o, n);
        if (status == BERTH_OK && o->steps->needs[n].sort == BERTHI_CM_CORE_MODULE)
            status = check_module(o, n);
    }
    return status;
}

/* ---------------------------------------------------------------- core modules */

/* Whatever the engine would say of it, and when. */
static berth_status check_memories(loader *o, const berthi_wasm_info *info)
{
    for (uint32_t n = 0; n < info->memories_count; n++)
        if (info->memories[n].min > MEMORY_PAGES_MAX)
            return berthi_fail_because(o->diag, BERTH_E_LIMIT, BERTH_REASON_ARTIFACT,
                                       "memory %u starts with %llu pages; memories of more "
                                       "than 4 GiB are not supported",
                                       (unsigned)n, (unsigned long long)info->memories[n].min);
    return BERTH_OK;
}

static berth_status compile(loader *o, const berthi_wasm_info *info,
                            berthi_wasm_module **module_out)
{
    berth_status status = check_memories(o, info);

    if (status != BERTH_OK)
        return status;
    if (o->options->compile != NULL)
        return o->options->compile(o->options->compile_ctx, info->bytes, info->size, module_out,
                                   o->diag);
    return o->l->ops->module_compile(o->l->engine, info->bytes, info->size, module_out,
                                     o->diag);
}

static berth_status compile_modules(loader *o)
{
    uint32_t count = o->steps->modules_count;

    o->l->modules = make(o, count, sizeof(berthi_wasm_module *));
    if (o->l->modules == NULL)
        return no_memory(o);
    for (uint32_t m = 0; m < count; m++) {
        const berthi_cm_module *module = &o->steps->modules[m];
        berth_status status = BERTH_OK;

        if (module->info == NULL) {
            o->l->modules[m] = o->l->bindings[module->need].module;
            o->l->ops->module_ref(o->l->modules[m]);
        } else {
            status = compile(o, module->info, &o->l->modules[m]);
        }
        if (status != BERTH_OK)
            return berthi_diag_prefix(o->diag, status, "core module %u", (unsigned)m);
    }
    return BERTH_OK;
}

/* ---------------------------------------------------------------- plans */

static berth_status make_plan(loader *o, plan_entry *e)
{
    berthi_cm_scalars scalars, *kept;
    berth_status status =
        e->use == BY_HOST
            ? berthi_cm_plan_make(e->type, e->is_64, &o->l->arena, &e->plan, o->diag)
            : berthi_cm_plan_make_transfer(e->type, e->is_64, e->use == TO_64, &o->l->arena,
                                           &e->plan, o->diag);

    if (status != BERTH_OK || !berthi_cm_scalars_make(e->type, &scalars))
        return status;
    kept = make(o, 1, sizeof *kept);
    if (kept == NULL)
        return no_memory(o);
    *kept = scalars;
    e->scalars = kept;
    return BERTH_OK;
}

/* The plan of a function type; made once for each that the component has. */
static berth_status find_plan(loader *o, const berthi_cm_type *func, bool is_64, plan_use use,
                              const plan_entry **entry_out)
{
    const berthi_cm_type *type = func->canon;
    uint32_t at = (type->hash + is_64 + 2u * use) & (o->plans_room - 1);
    berth_status status = BERTH_OK;

    while (
        o->plans[at].type != NULL &&
        (o->plans[at].type != type || o->plans[at].is_64 != is_64 || o->plans[at].use != use))
        at = (at + 1) & (o->plans_room - 1);
    if (o->plans[at].type == NULL) {
        o->plans[at] = (plan_entry){ .type = type, .is_64 = is_64, .use = (uint8_t)use };
        status = make_plan(o, &o->plans[at]);
    }
    *entry_out = &o->plans[at];
    return status;
}

static bool is_string(const berthi_cm_type *type)
{
    return type != NULL && type->kind == BERTHI_CM_STRING;
}

/* The straight paths of bytes know UTF-8 and 32 bits. */
static berthi_cm_path path_of(const berthi_cm_type *func, const berthi_cm_abi *abi,
                              uint8_t shape)
{
    const berthi_cm_type *type = func->canon, *result = berthi_cm_func_result(type);
    berthi_cm_path path = { .shape = shape };

    if (shape == BERTHI_CM_SHAPE_ANY || shape == BERTHI_CM_SHAPE_SCALARS)
        return path;
    path.in_is_string = type->count > 1 && is_string(type->items[0].type);
    if (result != NULL && result->kind == BERTHI_CM_RESULT) {
        path.out_is_string = is_string(result->items[0].type);
        path.error_is_string = is_string(result->items[1].type);
    } else {
        path.out_is_string = is_string(result);
    }
    if (abi->is_64 || (abi->encoding != BERTHI_CM_UTF8 &&
                       (path.in_is_string || path.out_is_string || path.error_is_string)))
        path.shape = BERTHI_CM_SHAPE_ANY;
    return path;
}

static void choose_path(berthi_cm_entry *e)
{
    berthi_cm_path path =
        path_of(e->lifted->type, &e->lifted->abi,
                e->scalars != NULL ? BERTHI_CM_SHAPE_SCALARS : e->facts.shape);

    e->path = path.shape;
    e->in_is_string = path.in_is_string;
    e->out_is_string = path.out_is_string;
    e->error_is_string = path.error_is_string;
}

/* What passes error contexts is for guests alone, and plan_exports() sees to that: the facts that an
 * entry needs are the same in a plan of any use. */
static plan_use use_of(const berthi_cm_lifted *lifted)
{
    if (!lifted->type->canon->has_error_context)
        return BY_HOST;
    return lifted->abi.is_64 ? TO_64 : TO_32;
}

static berth_status make_entries(loader *o)
{
    const berthi_cm_steps *steps = o->steps;

    o->l->entries = make(o, steps->lifted_count, sizeof *o->l->entries);
    if (o->l->entries == NULL)
        return no_memory(o);
    for (uint32_t n = 0; n < steps->lifted_count; n++) {
        berthi_cm_entry *e = &o->l->entries[n];
        const plan_entry *found;
        berth_status status;

        e->lifted = &steps->lifted[n];
        status = find_plan(o, e->lifted->type, e->lifted->abi.is_64, use_of(e->lifted), &found);
        if (status != BERTH_OK)
            return status;
        e->plan = found->plan;
        e->scalars = found->scalars;
        e->facts = *berthi_cm_plan_facts_of(e->plan);
        e->cells = e->facts.params_cells > e->facts.result_cells ? e->facts.params_cells
                                                                 : e->facts.result_cells;
        assert(e->cells <= BERTHI_CM_CELLS);
        choose_path(e);
    }
    return BERTH_OK;
}

static berth_status make_target(loader *o, berthi_cm_target *t)
{
    const plan_entry *found = NULL;
    berth_status status = BERTH_OK;

    if (t->trampoline->kind == BERTHI_CM_TO_GUEST) {
        /* By the type of what is called, whatever the caller was told. */
        t->entry = &o->l->entries[t->trampoline->target];
        status = find_plan(o, t->entry->lifted->type, t->trampoline->abi.is_64,
                           t->entry->lifted->abi.is_64 ? TO_64 : TO_32, &found);
    } else if (t->trampoline->kind == BERTHI_CM_TO_HOST) {
        t->binding = o->l->bindings[t->trampoline->target];
        status = find_plan(o, t->trampoline->type, t->trampoline->abi.is_64, BY_HOST, &found);
    } else if (t->trampoline->kind == BERTHI_CM_TO_NEW ||
               t->trampoline->kind == BERTHI_CM_TO_DROP ||
               t->trampoline->kind == BERTHI_CM_TO_REP) {
        t->resource = o->steps->resources[t->trampoline->target].type->number;
    }
    if (status == BERTH_OK && found != NULL) {
        t->plan = found->plan;
        t->scalars = found->scalars;
        t->facts = *berthi_cm_plan_facts_of(t->plan);
    }
    if (status == BERTH_OK && t->trampoline->kind == BERTHI_CM_TO_HOST)
        t->path = path_of(t->trampoline->type, &t->trampoline->abi, t->facts.shape);
    return status;
}

static berth_status make_targets(loader *o)
{
    berth_status status = BERTH_OK;

    o->l->targets = make(o, o->steps->trampolines_count, sizeof *o->l->targets);
    if (o->l->targets == NULL)
        return no_memory(o);
    for (uint32_t n = 0; n < o->steps->trampolines_count && status == BERTH_OK; n++) {
        o->l->targets[n].trampoline = &o->steps->trampolines[n];
        o->l->targets[n].instance = o->steps->trampolines[n].instance;
        o->l->targets[n].ready_step = o->steps->trampolines[n].ready_step;
        status = make_target(o, &o->l->targets[n]);
    }
    return status;
}

/* A plan for the host of what no host is given: it says why there is none. */
static berth_status refuse_host(loader *o, const berthi_cm_lifted *lifted)
{
    const plan_entry *none;

    return find_plan(o, lifted->type, lifted->abi.is_64, BY_HOST, &none);
}

/* Functions of the host that the component hands through, and what no export may be. */
static berth_status plan_exports(loader *o, const berthi_cm_export *exports, uint32_t count)
{
    berth_status status = BERTH_OK;

    for (uint32_t n = 0; n < count && status == BERTH_OK; n++) {
        const berthi_cm_export *e = &exports[n];
        const plan_entry *found = NULL;

        if (e->sort == BERTHI_CM_INSTANCE)
            status = plan_exports(o, e->exports, e->count);
        else if (e->sort == BERTHI_CM_FUNC && e->is_host)
            status = find_plan(o, o->steps->needs[e->index].type, false, BY_HOST, &found);
        else if (e->sort == BERTHI_CM_FUNC && use_of(&o->steps->lifted[e->index]) != BY_HOST)
            status = refuse_host(o, &o->steps->lifted[e->index]);
        if (status == BERTH_OK && found != NULL)
            o->l->export_plans[e->index] = found->plan;
    }
    return status;
}

static berth_status make_plans(loader *o)
{
    const berthi_cm_steps *steps = o->steps;
    uint32_t most = steps->lifted_count + 2 * steps->trampolines_count + steps->needs_count;
    berth_status status;

    o->plans_room = 16;
    while (o->plans_room < 2 * most)
        o->plans_room *= 2;
    o->plans = berthi_zalloc_array(o->options->allocator, o->plans_room, sizeof *o->plans);
    o->l->export_plans = make(o, steps->needs_count, sizeof *o->l->export_plans);
    if (o->plans == NULL || o->l->export_plans == NULL)
        return no_memory(o);
    status = make_entries(o);
    if (status == BERTH_OK)
        status = make_targets(o);
    if (status == BERTH_OK)
        status = plan_exports(o, steps->exports, steps->exports_count);
    return status;
}

/* ---------------------------------------------------------------- steps */

static bool all_trampolines(const berthi_cm_imports *imports)
{
    for (uint32_t n = 0; n < imports->count; n++)
        if (imports->items[n].from != BERTHI_CM_FROM_TRAMPOLINE)
            return false;
    return true;
}

/* A module of the host's may import less than it is said to, and in another order. */
static berth_status order_imports(loader *o, uint32_t n)
{
    const berthi_cm_step *step = &o->steps->steps[n];
    const berthi_cm_need *need = &o->steps->needs[o->steps->modules[step->module].need];
    const berthi_wasm_info *info = o->l->bindings[need - o->steps->needs].module_info;
    berthi_cm_core_item *items = make(o, info->imports_count, sizeof *items);

    if (items == NULL)
        return no_memory(o);
    for (uint32_t k = 0; k < info->imports_count; k++) {
        uint32_t at = 0;

        while (at < step->imports_count &&
               (!berthi_cm_same_name(need->type->items[at].module, info->imports[k].module) ||
                !berthi_cm_same_name(need->type->items[at].name, info->imports[k].name)))
            at++;
        if (at == step->imports_count) /* check_module() has found each */
            return berthi_fail(o->diag, BERTH_E_REJECTED, "import `%s` was not found",
                               berthi_cm_show(info->imports[k].name).text);
        items[k] = step->imports[at];
    }
    o->l->imports[n] = (berthi_cm_imports){ items, info->imports_count };
    return BERTH_OK;
}

/* Binds a core module whose imports are all ours, so that instances of it need no look-ups.  An engine
 * may decline (a name that is imported twice): then instances are linked one by one. */
static berth_status link_step(loader *o, uint32_t n)
{
    const berthi_cm_step *step = &o->steps->steps[n];
    const berthi_cm_imports *imports = &o->l->imports[n];
    berthi_wasm_binding *bindings;
    berth_status status;
    berth_diag why;

    if (imports->count == 0 || !all_trampolines(imports))
        return BERTH_OK;
    bindings = berthi_zalloc_array(o->options->allocator, imports->count, sizeof *bindings);
    if (bindings == NULL)
        return no_memory(o);
    for (uint32_t k = 0; k < imports->count; k++) {
        berthi_cm_target *target = &o->l->targets[imports->items[k].index];

        bindings[k] = (berthi_wasm_binding){
            .type = target->trampoline->core->func,
            .function = berthi_cm_trampoline_function(target),
            .ctx = target,
        };
    }
    status = o->l->ops->module_link(o->l->modules[step->module], bindings, imports->count,
                                    &o->l->linked[n], &why);
    berthi_free_array(o->options->allocator, bindings, imports->count, sizeof *bindings);
    if (status != BERTH_E_NOMEM)
        return BERTH_OK;
    if (o->diag != NULL)
        *o->diag = why;
    return status;
}

static berth_status prepare_instance(loader *o, uint32_t n)
{
    const berthi_cm_step *step = &o->steps->steps[n];
    berth_status status = BERTH_OK;

    o->l->imports[n] = (berthi_cm_imports){ step->imports, step->imports_count };
    if (o->steps->modules[step->module].info == NULL)
        status = order_imports(o, n);
    if (o->l->imports[n].count > o->l->imports_max)
        o->l->imports_max = o->l->imports[n].count;
    return status != BERTH_OK ? status : link_step(o, n);
}

static berth_status prepare_steps(loader *o)
{
    const berthi_cm_steps *steps = o->steps;
    berth_status status = BERTH_OK;

    o->l->linked = make(o, steps->steps_count, sizeof(berthi_wasm_linked *));
    o->l->imports = make(o, steps->steps_count, sizeof *o->l->imports);
    o->l->func_steps = make(o, steps->func_slots, sizeof *o->l->func_steps);
    o->l->memory_steps = make(o, steps->memory_slots, sizeof *o->l->memory_steps);
    if (o->l->linked == NULL || o->l->imports == NULL || o->l->func_steps == NULL ||
        o->l->memory_steps == NULL)
        return no_memory(o);
    for (uint32_t n = 0; n < steps->steps_count && status == BERTH_OK; n++) {
        const berthi_cm_step *step = &steps->steps[n];

        if (step->kind == BERTHI_CM_STEP_INSTANTIATE)
            status = prepare_instance(o, n);
        else if (step->kind == BERTHI_CM_STEP_FUNC)
            o->l->func_steps[step->slot] = n;
        else if (step->kind == BERTHI_CM_STEP_MEMORY)
            o->l->memory_steps[step->slot] = n;
    }
    return status;
}

/* ---------------------------------------------------------------- all of it */

static berth_status read_all(loader *o)
{
    const berthi_cm_component *component;
    berthi_cm_loaded *l = o->l;
    berth_status status;

    status = berthi_component_read(l->bytes, l->size, &l->arena, &component, o->diag);
    if (status == BERTH_OK)
        status = berthi_component_validate(component, &l->arena, o->diag);
    if (status == BERTH_OK)
        status = berthi_component_elaborate(component, &l->arena, o->options->keeps_shims,
                                            &o->steps, o->diag);
    if (status == BERTH_OK) {
        l->steps = o->steps;
        l->types = o->steps->types;
        l->types->diag = o->diag;
    }
    return status;
}

static void destroy(berthi_cm_loaded *l)
{
    uint32_t steps = l->steps == NULL ? 0 : l->steps->steps_count;
    uint32_t modules = l->steps == NULL ? 0 : l->steps->modules_count;

    for (uint32_t n = 0; n < steps && l->linked != NULL; n++)
        l->ops->linked_destroy(l->linked[n]);
    for (uint32_t m = 0; m < modules && l->modules != NULL; m++)
        if (l->modules[m] != NULL)
            l->ops->module_unref(l->modules[m]);
    berthi_arena_fini(&l->arena);
    berthi_free(l->allocator, l->bytes, l->size + 1);
    berthi_free(l->allocator, l, sizeof *l);
}

static berthi_cm_loaded *begin(const uint8_t *bytes, size_t size,
                               const berthi_cm_load_options *options)
{
    berthi_cm_loaded *l = berthi_zalloc(options->allocator, sizeof *l);

    if (l == NULL)
        return NULL;
    l->bytes = berthi_alloc(options->allocator, size + 1);
    if (l->bytes == NULL) {
        berthi_free(options->allocator, l, sizeof *l);
        return NULL;
    }
    memcpy(l->bytes, bytes, size);
    l->size = size;
    atomic_init(&l->references, 1);
    l->allocator = options->allocator;
    l->ops = options->engine->ops;
    l->engine = options->engine;
    berthi_arena_init(&l->arena, options->allocator, SIZE_MAX);
    return l;
}

berth_status berthi_cm_load(const uint8_t *bytes, size_t size,
                            const berthi_cm_load_options *options,
                            berthi_cm_loaded **loaded_out, berth_diag *diag)
{
    loader o = { .options = options, .diag = diag };
    berth_status status;

    if (size >= UINT32_MAX)
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_ARTIFACT,
                                   "a component of %zu bytes", size);
    o.l = begin(bytes, size, options);
    if (o.l == NULL)
        return no_memory(&o);
    status = read_all(&o);
    if (status == BERTH_OK)
        status = resolve_needs(&o);
    if (status == BERTH_OK)
        status = compile_modules(&o);
    if (status == BERTH_OK)
        status = make_plans(&o);
    if (status == BERTH_OK)
        status = prepare_steps(&o);
    berthi_free_array(options->allocator, o.plans, o.plans_room, sizeof *o.plans);
    if (status != BERTH_OK) {
        destroy(o.l);
        return status;
    }
    o.l->types->diag = NULL;
    *loaded_out = o.l;
    return BERTH_OK;
}

void berthi_cm_loaded_ref(berthi_cm_loaded *loaded)
{
    atomic_fetch_add_explicit(&loaded->references, 1, memory_order_relaxed);
}

void berthi_cm_loaded_unref(berthi_cm_loaded *loaded)
{
    /* Release: what this thread did with it comes before; acquire: destruction comes after what all
     * others did. */
    if (loaded != NULL &&
        atomic_fetch_sub_explicit(&loaded->references, 1, memory_order_acq_rel) == 1)
        destroy(loaded);
}

const berthi_cm_steps *berthi_cm_loaded_steps(const berthi_cm_loaded *loaded)
{
    return loaded->steps;
}

/* ---------------------------------------------------------------- exports */

static const berthi_cm_export *find_export(const berthi_cm_export *exports, uint32_t count,
                                           uint8_t sort, const char *name)
{
    size_t size = strlen(name);

    for (uint32_t n = 0; n < count; n++)
        if (exports[n].sort == sort && exports[n].name.size == size &&
            memcmp(exports[n].name.text, name, size) == 0)
            return &exports[n];
    return NULL;
}

bool berthi_cm_loaded_func(const berthi_cm_loaded *loaded, const char *instance,
                           const char *function, berthi_cm_func *func_out)
{
    const berthi_cm_export *exports = loaded->steps->exports, *found;
    uint32_t count = loaded->steps->exports_count;

    if (instance != NULL) {
        found = find_export(exports, count, BERTHI_CM_INSTANCE, instance);
        if (found == NULL)
            return false;
        exports = found->exports;
        count = found->count;
    }
    found = find_export(exports, count, BERTHI_CM_FUNC, function);
    if (found == NULL)
        return false;
    *func_out = (berthi_cm_func){
        .is_host = found->is_host,
        .index = found->index,
        .type = found->is_host ? loaded->steps->needs[found->index].type
                               : loaded->steps->lifted[found->index].type,
        .plan = found->is_host ? loaded->export_plans[found->index]
                               : loaded->entries[found->index].plan,
    };
    return true;
}

bool berthi_cm_loaded_has_resource(const berthi_cm_loaded *loaded, const char *instance,
                                   const char *resource)
{
    const berthi_cm_export *found = find_export(
        loaded->steps->exports, loaded->steps->exports_count, BERTHI_CM_INSTANCE, instance);

    if (found != NULL)
        found = find_export(found->exports, found->count, BERTHI_CM_TYPE, resource);
    return found != NULL && found->type != NULL &&
           found->type->canon->kind == BERTHI_CM_RESOURCE_TYPE &&
           found->type->canon->number < loaded->steps->resources_count &&
           loaded->steps->resources[found->type->canon->number].instance != BERTHI_CM_NO_INDEX;
}
