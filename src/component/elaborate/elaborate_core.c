/* elaborate_core.c - core instances and canonical definitions, as steps.  Layer: component. */
#include "component/elaborate/elaborate.h"

/* ---------------------------------------------------------------- core instances */

/* What the module imports, out of the arguments, in the module's order. */
static berthi_cm_core_item *link_imports(berthi_cm_elaborator *e, const berthi_cm_type *module,
                                         const berthi_cm_bag *arguments)
{
    berthi_cm_core_item *imports =
        berthi_cm_make(e->types, module->imports_count, sizeof *imports);

    if (imports == NULL || !berthi_cm_count_elaborated(e, module->imports_count))
        return NULL;
    for (uint32_t i = 0; i < module->imports_count; i++) {
        const berthi_cm_extern *import = &module->items[i];
        berthi_cm_thing argument, thing;

        if (!berthi_cm_take(e, arguments, import->module, BERTHI_CM_CORE_INSTANCE, &argument) ||
            !berthi_cm_take(e, argument.bag, import->name, import->sort, &thing) ||
            !berthi_cm_match_core(e->types, thing.type, import->type)) {
            (void)berthi_diag_prefix(e->types->diag, e->types->status, "import `%s::%s`",
                                     berthi_cm_show(import->module).text,
                                     berthi_cm_show(import->name).text);
            return NULL;
        }
        imports[i] = thing.core;
    }
    return imports;
}

static berthi_cm_bag *instantiate(berthi_cm_elaborator *e, const berthi_cm_frame *f,
                                  const berthi_cm_def *def)
{
    berthi_cm_bag *bag = berthi_cm_make(e->types, 1, sizeof *bag);
    berthi_cm_thing module;
    const berthi_cm_bag *arguments;
    const berthi_cm_core_item *imports;
    berthi_cm_step *step;

    if (bag == NULL || !berthi_cm_thing_at(e, f, BERTHI_CM_CORE_MODULE, def->index, &module))
        return NULL;
    arguments = berthi_cm_gather(e, f, def, BERTHI_CM_KIND_CORE_INSTANCE);
    imports = arguments == NULL ? NULL : link_imports(e, module.type, arguments);
    if (imports == NULL)
        return NULL;
    if (e->core_instances == BERTHI_CM_CORE_INSTANCES_MAX) {
        berthi_cm_fail(e->types, BERTH_E_LIMIT,
                       "instantiating takes more than %d core instances",
                       BERTHI_CM_CORE_INSTANCES_MAX);
        return NULL;
    }
    step = berthi_cm_row(e, &e->steps, sizeof *step, BERTHI_CM_STEPS_MAX, "steps");
    if (step == NULL)
        return NULL;
    *step = (berthi_cm_step){ .kind = BERTHI_CM_STEP_INSTANTIATE,
                              .module = module.index,
                              .slot = e->core_instances,
                              .imports_count = module.type->imports_count,
                              .imports = imports };
    bag->type = module.type;
    bag->core_instance = e->core_instances++;
    return bag;
}

bool berthi_cm_make_core_instance(berthi_cm_elaborator *e, berthi_cm_frame *f,
                                  const berthi_cm_def *def)
{
    berthi_cm_thing thing = { .sort = BERTHI_CM_CORE_INSTANCE };

    thing.bag = def->is_instantiate ? instantiate(e, f, def)
                                    : berthi_cm_gather(e, f, def, BERTHI_CM_KIND_CORE_INSTANCE);
    return thing.bag != NULL && berthi_cm_push(e, f, thing);
}

/* ---------------------------------------------------------------- options */

static bool slot_at(berthi_cm_elaborator *e, const berthi_cm_frame *f, bool is_there,
                    uint8_t sort, uint32_t index, uint32_t *slot_out)
{
    berthi_cm_thing thing;

    *slot_out = BERTHI_CM_NO_INDEX;
    return !is_there || (berthi_cm_thing_at(e, f, sort, index, &thing) &&
                         berthi_cm_slot_of(e, &thing.core, slot_out));
}

static bool make_abi(berthi_cm_elaborator *e, const berthi_cm_frame *f,
                     const berthi_cm_options *o, berthi_cm_abi *abi)
{
    const berthi_cm_type *memory;

    *abi = (berthi_cm_abi){ .encoding = o->encoding };
    if (o->has_memory) {
        memory = berthi_cm_get(e->types, &f->scope, BERTHI_CM_CORE_MEMORY, o->memory);
        if (memory == NULL)
            return false;
        abi->is_64 = memory->memory.is_64;
    }
    return slot_at(e, f, o->has_memory, BERTHI_CM_CORE_MEMORY, o->memory, &abi->memory) &&
           slot_at(e, f, o->has_realloc, BERTHI_CM_CORE_FUNC, o->realloc, &abi->realloc) &&
           slot_at(e, f, o->has_post_return, BERTHI_CM_CORE_FUNC, o->post_return,
                   &abi->post_return);
}

/* ---------------------------------------------------------------- functions */

static const berthi_cm_type *last_type(const berthi_cm_frame *f, uint8_t sort)
{
    const berthi_cm_space *space = &f->scope.spaces[sort];

    return space->items[space->count - 1].type;
}

static bool make_lift(berthi_cm_elaborator *e, berthi_cm_frame *f, const berthi_cm_canon *canon)
{
    berthi_cm_lifted lifted = { .type = last_type(f, BERTHI_CM_FUNC)->canon,
                                .instance = f->number };
    berthi_cm_thing core, thing = { .sort = BERTHI_CM_FUNC, .type = lifted.type };
    berthi_cm_lifted *row;

    if (!berthi_cm_thing_at(e, f, BERTHI_CM_CORE_FUNC, canon->first, &core) ||
        !berthi_cm_slot_of(e, &core.core, &lifted.func) ||
        !make_abi(e, f, &canon->options, &lifted.abi))
        return false;
    lifted.core = core.type;
    row = berthi_cm_row(e, &e->lifted, sizeof *row, UINT32_MAX, "lifted functions");
    if (row == NULL)
        return false;
    *row = lifted;
    thing.index = e->lifted.count - 1;
    return berthi_cm_push_checked(e, f, thing);
}

static bool is_within(const berthi_cm_elaborator *e, uint32_t instance, uint32_t around)
{
    const uint32_t *parents = e->parents.items;

    while (instance != around && instance != BERTHI_CM_NO_INDEX)
        instance = parents[instance];
    return instance == around;
}

/* A call into the caller itself, what surrounds it or what it surrounds always traps: the tests
 * have it so where the text of the standard would allow some of it. */
static bool never_enters(const berthi_cm_elaborator *e, uint32_t caller, uint32_t callee)
{
    return is_within(e, caller, callee) || is_within(e, callee, caller);
}

static bool make_lower(berthi_cm_elaborator *e, const berthi_cm_frame *f,
                       const berthi_cm_canon *canon, berthi_cm_trampoline *t)
{
    const berthi_cm_lifted *lifted = e->lifted.items;
    berthi_cm_thing func;

    if (!berthi_cm_thing_at(e, f, BERTHI_CM_FUNC, canon->first, &func))
        return false;
    t->kind = func.is_host ? BERTHI_CM_TO_HOST : BERTHI_CM_TO_GUEST;
    t->target = func.index;
    t->type = func.type;
    t->never_enters = !func.is_host && never_enters(e, f->number, lifted[func.index].instance);
    return make_abi(e, f, &canon->options, &t->abi);
}

static bool make_resource_function(berthi_cm_elaborator *e, const berthi_cm_frame *f,
                                   const berthi_cm_canon *canon, berthi_cm_trampoline *t)
{
    const berthi_cm_type *type =
        berthi_cm_get(e->types, &f->scope, BERTHI_CM_TYPE, canon->first);

    if (type == NULL)
        return false;
    assert(type->canon->number < e->resources.count);
    t->kind = canon->code == BERTHI_CM_RESOURCE_NEW    ? BERTHI_CM_TO_NEW
              : canon->code == BERTHI_CM_RESOURCE_DROP ? BERTHI_CM_TO_DROP
                                                       : BERTHI_CM_TO_REP;
    t->target = type->canon->number;
    return true;
}

/* thread.new-indirect takes a table, which shim.c wants to know. */
static bool make_builtin(berthi_cm_elaborator *e, const berthi_cm_frame *f,
                         const berthi_cm_canon *canon, berthi_cm_trampoline *t)
{
    berthi_cm_thing table;
    berthi_cm_core_item *row;

    t->kind = canon->code == 0x0a   ? BERTHI_CM_TO_CONTEXT_GET
              : canon->code == 0x0b ? BERTHI_CM_TO_CONTEXT_SET
              : canon->code == 0x24 ? BERTHI_CM_TO_BACKPRESSURE_INC
              : canon->code == 0x25 ? BERTHI_CM_TO_BACKPRESSURE_DEC
              : canon->code >= BERTHI_CM_ERROR_CONTEXT_NEW &&
                      canon->code <= BERTHI_CM_ERROR_CONTEXT_DROP
                  ? BERTHI_CM_TO_ERROR_CONTEXT
                  : BERTHI_CM_TO_UNSUPPORTED;
    if (t->kind == BERTHI_CM_TO_CONTEXT_GET || t->kind == BERTHI_CM_TO_CONTEXT_SET)
        t->target = canon->first;
    if (t->kind == BERTHI_CM_TO_ERROR_CONTEXT) /* .drop has no options: no slots come of none */
        return make_abi(e, f, &canon->options, &t->abi);
    if (canon->code != 0x27)
        return true;
    if (!berthi_cm_thing_at(e, f, BERTHI_CM_CORE_TABLE, canon->second, &table))
        return false;
    row = berthi_cm_row(e, &e->taken, sizeof *row, UINT32_MAX, "tables");
    if (row == NULL)
        return false;
    *row = table.core;
    return true;
}

static bool make_trampoline(berthi_cm_elaborator *e, berthi_cm_frame *f,
                            const berthi_cm_canon *canon)
{
    const berthi_cm_type *core = last_type(f, BERTHI_CM_CORE_FUNC);
    berthi_cm_trampoline t = { .code = canon->code,
                               .instance = f->number,
                               .target = BERTHI_CM_NO_INDEX,
                               .core = core,
                               .abi = { .memory = BERTHI_CM_NO_INDEX,
                                        .realloc = BERTHI_CM_NO_INDEX,
                                        .post_return = BERTHI_CM_NO_INDEX } };
    berthi_cm_thing thing = { .sort = BERTHI_CM_CORE_FUNC, .type = core };
    berthi_cm_trampoline *row;
    bool ok;

    if (canon->code == BERTHI_CM_LOWER)
        ok = make_lower(e, f, canon, &t);
    else if (canon->code >= BERTHI_CM_RESOURCE_NEW && canon->code <= BERTHI_CM_RESOURCE_REP)
        ok = make_resource_function(e, f, canon, &t);
    else
        ok = make_builtin(e, f, canon, &t);
    row = ok ? berthi_cm_row(e, &e->trampolines, sizeof *row, BERTHI_CM_TRAMPOLINES_MAX,
                             "functions that core modules import")
             : NULL;
    if (row == NULL)
        return false;
    *row = t;
    thing.core = (berthi_cm_core_item){ .from = BERTHI_CM_FROM_TRAMPOLINE,
                                        .sort = BERTHI_CM_CORE_FUNC,
                                        .index = e->trampolines.count - 1,
                                        .type = core };
    return berthi_cm_push_checked(e, f, thing);
}

/* Signatures are checked against what is really there, by validation's own function. */
bool berthi_cm_make_canon(berthi_cm_elaborator *e, berthi_cm_frame *f,
                          const berthi_cm_canon *canon)
{
    if (!berthi_cm_check_canon(e->types, &f->scope, canon))
        return false;
    return canon->code == BERTHI_CM_LIFT ? make_lift(e, f, canon)
                                         : make_trampoline(e, f, canon);
}
