#include "steps_check.h"

#include <stdlib.h>
#include <string.h>

typedef struct checker {
    const berthi_cm_steps *s;
    uint32_t *modules; /* of the core instances so far */
    uint32_t instances;
    unsigned char *funcs, *memories; /* slots that are filled */
    const char *wrong;
} checker;

static void must(checker *c, bool condition, const char *what)
{
    if (!condition && c->wrong == NULL)
        c->wrong = what;
}

static uint8_t extern_kind(uint8_t sort)
{
    return sort == BERTHI_CM_CORE_FUNC     ? BERTHI_EXTERN_FUNC
           : sort == BERTHI_CM_CORE_TABLE  ? BERTHI_EXTERN_TABLE
           : sort == BERTHI_CM_CORE_MEMORY ? BERTHI_EXTERN_MEMORY
                                           : BERTHI_EXTERN_GLOBAL;
}

static bool module_exports(const berthi_wasm_info *info, const berthi_cm_core_item *item)
{
    for (uint32_t i = 0; i < info->exports_count; i++)
        if (info->exports[i].name.size == item->name.size &&
            memcmp(info->exports[i].name.text, item->name.text, item->name.size) == 0)
            return info->exports[i].kind == extern_kind(item->sort);
    return false;
}

static void check_item(checker *c, const berthi_cm_core_item *item)
{
    const berthi_wasm_info *info;

    must(c, item->type != NULL && item->sort <= BERTHI_CM_CORE_TAG, "item");
    if (item->from == BERTHI_CM_FROM_TRAMPOLINE) {
        must(c, item->sort == BERTHI_CM_CORE_FUNC, "a trampoline that is no function");
        must(c, item->index < c->s->trampolines_count, "index of a trampoline");
        return;
    }
    must(c, item->from == BERTHI_CM_FROM_EXPORT, "where an item is from");
    must(c, item->index < c->instances, "an item is used before its instance exists");
    if (c->wrong != NULL)
        return;
    info = c->s->modules[c->modules[item->index]].info;
    must(c, info == NULL || module_exports(info, item), "no such export");
}

static void check_instantiate(checker *c, const berthi_cm_step *step)
{
    must(c, step->module < c->s->modules_count && step->slot == c->instances, "instance");
    if (c->wrong != NULL)
        return;
    for (uint32_t i = 0; i < step->imports_count; i++)
        check_item(c, &step->imports[i]);
    must(c,
         c->s->modules[step->module].info == NULL ||
             c->s->modules[step->module].info->imports_count == step->imports_count,
         "count of imports");
    c->modules[c->instances++] = step->module;
}

static void fill(checker *c, unsigned char *filled, uint32_t count, uint32_t slot)
{
    must(c, slot < count, "index of a slot");
    if (c->wrong == NULL)
        must(c, filled[slot]++ == 0, "a slot is filled twice");
}

static void check_step(checker *c, const berthi_cm_step *step)
{
    switch (step->kind) {
    case BERTHI_CM_STEP_INSTANTIATE:
        check_instantiate(c, step);
        return;
    case BERTHI_CM_STEP_FUNC:
        must(c, step->item.sort == BERTHI_CM_CORE_FUNC, "sort of a slot");
        fill(c, c->funcs, c->s->func_slots, step->slot);
        break;
    case BERTHI_CM_STEP_MEMORY:
        must(c, step->item.sort == BERTHI_CM_CORE_MEMORY, "sort of a slot");
        fill(c, c->memories, c->s->memory_slots, step->slot);
        break;
    case BERTHI_CM_STEP_TABLE_SET:
        must(c, step->imports_count == 1 && step->imports[0].sort == BERTHI_CM_CORE_TABLE,
             "table");
        check_item(c, &step->imports[0]);
        break;
    default:
        must(c, step->kind == BERTHI_CM_STEP_CALL, "kind of a step");
    }
    check_item(c, &step->item);
}

static void check_abi(checker *c, const berthi_cm_abi *abi)
{
    must(c,
         (abi->memory == BERTHI_CM_NO_INDEX || abi->memory < c->s->memory_slots) &&
             (abi->realloc == BERTHI_CM_NO_INDEX || abi->realloc < c->s->func_slots) &&
             (abi->post_return == BERTHI_CM_NO_INDEX || abi->post_return < c->s->func_slots),
         "slots of options");
}

static void check_trampoline(checker *c, const berthi_cm_trampoline *t)
{
    const berthi_cm_steps *s = c->s;

    must(c, t->instance < s->instances_count && t->core != NULL, "trampoline");
    must(c, t->ready_step <= s->steps_count, "when a trampoline is ready");
    check_abi(c, &t->abi);
    switch (t->kind) {
    case BERTHI_CM_TO_HOST:
        must(c, t->target < s->needs_count && s->needs[t->target].sort == BERTHI_CM_FUNC,
             "function of the host");
        must(c, t->type != NULL && !t->never_enters, "lowered function");
        break;
    case BERTHI_CM_TO_GUEST:
        must(c, t->target < s->lifted_count, "lifted function");
        must(c, t->type != NULL, "lowered function");
        break;
    case BERTHI_CM_TO_NEW:
    case BERTHI_CM_TO_REP:
        must(c, t->target < s->resources_count, "resource");
        must(c, c->wrong != NULL || s->resources[t->target].instance == t->instance,
             "a resource is made outside its instance");
        break;
    case BERTHI_CM_TO_DROP:
        must(c, t->target < s->resources_count, "resource");
        break;
    case BERTHI_CM_TO_CONTEXT_GET:
    case BERTHI_CM_TO_CONTEXT_SET:
        must(c, t->target < 2, "context slot");
        break;
    default:
        must(c, t->kind <= BERTHI_CM_TO_UNSUPPORTED, "kind of a trampoline");
    }
}

static void check_tables(checker *c)
{
    const berthi_cm_steps *s = c->s;

    for (uint32_t i = 0; i < s->trampolines_count && c->wrong == NULL; i++)
        check_trampoline(c, &s->trampolines[i]);
    for (uint32_t i = 0; i < s->lifted_count; i++) {
        must(c,
             s->lifted[i].func < s->func_slots && s->lifted[i].instance < s->instances_count &&
                 s->lifted[i].type->canon == s->lifted[i].type && s->lifted[i].core != NULL,
             "lifted function");
        check_abi(c, &s->lifted[i].abi);
    }
    for (uint32_t i = 0; i < s->resources_count; i++) {
        const berthi_cm_resource_use *r = &s->resources[i];

        must(c, r->type->canon == r->type && r->type->number == i, "number of a resource");
        must(c, (r->instance < s->instances_count) != (r->need < s->needs_count),
             "whose resource it is");
        must(c, r->destructor == BERTHI_CM_NO_INDEX || r->destructor < s->func_slots,
             "destructor");
    }
    for (uint32_t i = 0; i < s->needs_count; i++) {
        const berthi_cm_need *n = &s->needs[i];

        must(c, n->path_count > 0 && n->type != NULL, "need");
        must(c,
             n->sort != BERTHI_CM_TYPE || (s->resources[n->resource].need == i) != n->is_again,
             "need of a resource");
    }
    for (uint32_t i = 0; i < s->modules_count; i++)
        must(c, s->modules[i].info != NULL || s->modules[i].need < s->needs_count, "module");
    for (uint32_t i = 1; i < s->instances_count; i++)
        must(c, s->parents[i] < i, "parents");
    must(c, s->parents[0] == BERTHI_CM_NO_INDEX, "the root's parent");
}

static void check_exports(checker *c, const berthi_cm_export *exports, uint32_t count)
{
    const berthi_cm_steps *s = c->s;

    for (uint32_t i = 0; i < count && c->wrong == NULL; i++) {
        const berthi_cm_export *x = &exports[i];

        if (x->sort == BERTHI_CM_FUNC)
            must(c, x->index < (x->is_host ? s->needs_count : s->lifted_count), "export");
        else if (x->sort == BERTHI_CM_CORE_MODULE)
            must(c, x->index < s->modules_count, "exported module");
        else if (x->sort == BERTHI_CM_TYPE && berthi_cm_is_resource(x->type))
            must(c, x->index < s->resources_count, "exported resource");
        else if (x->sort == BERTHI_CM_INSTANCE)
            check_exports(c, x->exports, x->count);
    }
}

const char *steps_check(const berthi_cm_steps *s)
{
    checker c = { .s = s,
                  .modules = calloc(s->core_instances_count + 1, sizeof *c.modules),
                  .funcs = calloc(s->func_slots + 1, 1),
                  .memories = calloc(s->memory_slots + 1, 1) };

    must(&c, c.modules != NULL && c.funcs != NULL && c.memories != NULL, "out of memory");
    for (uint32_t i = 0; i < s->steps_count && c.wrong == NULL; i++)
        check_step(&c, &s->steps[i]);
    must(&c, c.instances == s->core_instances_count, "count of core instances");
    for (uint32_t i = 0; i < s->func_slots && c.wrong == NULL; i++)
        must(&c, c.funcs[i] == 1, "a slot is never filled");
    for (uint32_t i = 0; i < s->memory_slots && c.wrong == NULL; i++)
        must(&c, c.memories[i] == 1, "a slot is never filled");
    if (c.wrong == NULL)
        check_tables(&c);
    check_exports(&c, s->exports, s->exports_count);
    free(c.modules);
    free(c.funcs);
    free(c.memories);
    return c.wrong;
}
