/* shim.c - shim and fixup modules are taken out of the steps where nobody can tell.
 *
 * Layer: component.  Conditions C1 to C6, over steps; S1 to S4 and F1 to F4 are in shim_read.c.  For each
 * pair of a shim's instance s and the fixup's step p:
 *
 *   C1  only the fixup gets the table of s: no other instance imports it, no built-in takes it
 *   C2  and the fixup's table is that one, as large as the shim's
 *   C3  the functions that the fixup imports exist by then, and none of them is a shim's
 *   C4  each of the type that the shim's function calls through; otherwise the call would trap
 *   C5  each element is filled once: the shim's functions are a permutation of them
 *   C6  until p, calls trap: trampolines are not ready before, slots are not filled before
 *
 * Core code cannot compare functions, so that whoever imported s."i" gets the trampoline behind it
 * instead.  A function of a core instance does not exist when it is asked for: then s stays, and p becomes
 * steps that fill the table; unless it is the runtime that asks, by a slot, which can wait until p.
 * What changes is a stack frame, and how many instances there are. */
#include "component/elaborate/shim.h"

enum kind { KIND_UNREAD, KIND_OTHER, KIND_SHIM };

typedef struct facts { /* of a module */
    uint8_t kind;      /* enum kind */
    bool is_dropped;   /* an instance of it was taken out */
    berthi_cm_shim shim;
} facts;

typedef struct use {
    uint32_t step;
    berthi_cm_core_item *item;
} use;

typedef struct pair {
    const berthi_cm_shim *shim;
    berthi_cm_fixup fixup;
    uint32_t shim_step, fixup_step, instance;
    berthi_cm_core_item table;
    bool keeps_shim;
    bool *is_asked_for; /* by slot: core code imports it, and it is a core instance's */
} pair;

typedef struct pass {
    berthi_cm_elaborator *e;
    berthi_cm_types *s;
    berthi_cm_step *steps;
    uint32_t count;
    uint32_t added;          /* steps, at most */
    uint32_t *instantiating; /* the step of each core instance */
    uint32_t *first_use;     /* of each core instance, in `uses` */
    use *uses;
    uint32_t *references; /* to each trampoline */
    facts *modules;
    bool *is_removed;    /* by step */
    uint32_t *waits_for; /* by step: the step that it is done with instead; 0: none */
    const pair **fixed;  /* by step: what happens there instead of the fixup */
    uint32_t shims_removed, fixups_removed;
} pass;

/* ---------------------------------------------------------------- who uses what */

static berthi_cm_core_item *imports_of(const berthi_cm_step *step)
{
    return (berthi_cm_core_item *)(uintptr_t)
        step->imports; /* made by elaborate_core.c, for us */
}

static bool has_item(const berthi_cm_step *step)
{
    return step->kind != BERTHI_CM_STEP_INSTANTIATE;
}

/* Each item once to be counted (`uses` is NULL), and once to be put in its place. */
static void note_item(pass *p, uint32_t step, berthi_cm_core_item *item, uint32_t *next)
{
    if (item->from == BERTHI_CM_FROM_TRAMPOLINE) {
        p->references[item->index] += p->uses == NULL;
        return;
    }
    if (p->uses == NULL)
        p->first_use[item->index + 1]++;
    else
        p->uses[next[item->index]++] = (use){ .step = step, .item = item };
}

static void note_items(pass *p, uint32_t *next)
{
    for (uint32_t i = 0; i < p->count; i++) {
        berthi_cm_core_item *imports = imports_of(&p->steps[i]);

        for (uint32_t k = 0; k < p->steps[i].imports_count; k++)
            note_item(p, i, &imports[k], next);
        if (has_item(&p->steps[i]))
            note_item(p, i, &p->steps[i].item, next);
        else
            p->instantiating[p->steps[i].slot] = i;
    }
}

static bool prepare(pass *p)
{
    berthi_cm_elaborator *e = p->e;
    uint32_t *next = berthi_cm_make(p->s, e->core_instances + 1, sizeof *next);

    p->instantiating = berthi_cm_make(p->s, e->core_instances, sizeof *p->instantiating);
    p->first_use = berthi_cm_make(p->s, e->core_instances + 1, sizeof *p->first_use);
    p->references = berthi_cm_make(p->s, e->trampolines.count, sizeof *p->references);
    p->modules = berthi_cm_make(p->s, e->modules.count, sizeof *p->modules);
    p->is_removed = berthi_cm_make(p->s, p->count, sizeof *p->is_removed);
    p->waits_for = berthi_cm_make(p->s, p->count, sizeof *p->waits_for);
    p->fixed = berthi_cm_make(p->s, p->count, sizeof *p->fixed);
    if (p->fixed == NULL)
        return false; /* the first failure made all the others */
    note_items(p, NULL);
    for (uint32_t i = 0; i < e->core_instances; i++)
        p->first_use[i + 1] += p->first_use[i];
    memcpy(next, p->first_use, (e->core_instances + 1) * sizeof *next);
    p->uses =
        berthi_cm_make(p->s, (size_t)p->first_use[e->core_instances] + 1, sizeof *p->uses);
    if (p->uses == NULL)
        return false;
    note_items(p, next);
    return true;
}

static const berthi_wasm_info *info_of(const pass *p, const berthi_cm_step *step)
{
    return ((const berthi_cm_module *)p->e->modules.items)[step->module].info;
}

/* The step instantiates a shim; NULL: it does not, or the failure has been recorded. */
static const berthi_cm_shim *shim_at(pass *p, uint32_t step)
{
    const berthi_wasm_info *info;
    facts *f;

    if (p->steps[step].kind != BERTHI_CM_STEP_INSTANTIATE)
        return NULL;
    info = info_of(p, &p->steps[step]);
    f = &p->modules[p->steps[step].module];
    if (f->kind == KIND_UNREAD)
        f->kind =
            info != NULL && berthi_cm_read_shim(p->s, info, &f->shim) ? KIND_SHIM : KIND_OTHER;
    return f->kind == KIND_SHIM ? &f->shim : NULL;
}

/* ---------------------------------------------------------------- conditions */

/* C1: the step that alone imports the table; 0: there is none, or it is not alone. */
static uint32_t find_fixup(const pass *p, uint32_t instance, berthi_cm_core_item *table_out)
{
    const berthi_cm_core_item *taken = p->e->taken.items;
    uint32_t step = 0;

    for (uint32_t i = 0; i < p->e->taken.count; i++)
        if (taken[i].from == BERTHI_CM_FROM_EXPORT && taken[i].index == instance)
            return 0;
    for (uint32_t i = p->first_use[instance]; i < p->first_use[instance + 1]; i++) {
        if (p->uses[i].item->sort != BERTHI_CM_CORE_TABLE)
            continue;
        if (step != 0 || p->steps[p->uses[i].step].kind != BERTHI_CM_STEP_INSTANTIATE)
            return 0;
        step = p->uses[i].step;
        *table_out = *p->uses[i].item;
    }
    return step;
}

static const berthi_cm_core_item *behind(const pass *p, const pair *x, uint32_t slot)
{
    return &p->steps[x->fixup_step].imports[x->fixup.imports[slot]];
}

/* A trampoline that waits for another fixup would have to wait for both. */
static bool is_plain(pass *p, const berthi_cm_core_item *item)
{
    const berthi_cm_trampoline *t = p->e->trampolines.items;

    if (item->from == BERTHI_CM_FROM_TRAMPOLINE)
        return t[item->index].ready_step == 0;
    return shim_at(p, p->instantiating[item->index]) == NULL && p->s->status == BERTH_OK;
}

/* C3, of imports that go into no element, too: what take_out() counts down was counted in the beginning,
 * which copies of trampolines were not. */
static bool has_plain_imports(pass *p, const pair *x)
{
    const berthi_cm_step *fixup = &p->steps[x->fixup_step];

    for (uint32_t i = 0; i < fixup->imports_count; i++)
        if (fixup->imports[i].sort == BERTHI_CM_CORE_FUNC && !is_plain(p, &fixup->imports[i]))
            return false;
    return true;
}

/* C4 */
static bool has_same_types(const pass *p, const pair *x)
{
    const berthi_wasm_info *info = x->shim->info;

    for (uint32_t i = 0; i < x->shim->count; i++)
        if (berthi_cm_core_func(p->s, &info->types[info->funcs[i]]) !=
            behind(p, x, x->shim->slots[i])->type)
            return false;
    return true;
}

/* A start function of the host's would have to be called as the engine calls one. */
static bool may_start(const pass *p, const pair *x)
{
    return x->fixup.start == BERTHI_CM_NO_INDEX ||
           p->steps[x->fixup_step].imports[x->fixup.start].from == BERTHI_CM_FROM_EXPORT;
}

static bool has_room(const pass *p, const pair *x)
{
    return x->shim->count <= BERTHI_CM_TRAMPOLINES_MAX - p->e->trampolines.count &&
           p->count + p->added + x->shim->count <= BERTHI_CM_STEPS_MAX;
}

static bool find_pair(pass *p, uint32_t step, pair *x)
{
    const berthi_wasm_info *info;

    x->shim = shim_at(p, step);
    if (x->shim == NULL || p->is_removed[step])
        return false;
    x->shim_step = step;
    x->instance = p->steps[step].slot;
    x->fixup_step = find_fixup(p, x->instance, &x->table);
    if (x->fixup_step == 0)
        return false;
    info = info_of(p, &p->steps[x->fixup_step]);
    return info != NULL && berthi_cm_read_fixup(p->s, info, &x->fixup) &&
           x->fixup.count == x->shim->count && has_room(p, x) && has_plain_imports(p, x) &&
           has_same_types(p, x) && may_start(p, x);
}

/* ---------------------------------------------------------------- taking out */

/* The trampoline behind a slot, not ready before the fixup's step: the very one when the fixup alone
 * has it, else a copy. */
static uint32_t ready_later(pass *p, const pair *x, uint32_t index, uint32_t *copies)
{
    berthi_cm_trampoline *t = p->e->trampolines.items, *copy;

    if (copies[index] != 0)
        return copies[index] - 1;
    copies[index] = index + 1;
    if (p->references[index] == 0) {
        t[index].ready_step = x->fixup_step;
        return index;
    }
    copy = berthi_cm_row(p->e, &p->e->trampolines, sizeof *copy, BERTHI_CM_TRAMPOLINES_MAX,
                         "functions that core modules import");
    if (copy == NULL)
        return index;
    *copy = ((const berthi_cm_trampoline *)p->e->trampolines.items)[index];
    copy->ready_step = x->fixup_step;
    copies[index] = p->e->trampolines.count;
    return p->e->trampolines.count - 1;
}

static uint32_t slot_of_export(pass *p, const pair *x, berthi_name name)
{
    uint32_t module = p->steps[x->shim_step].module;
    const berthi_cm_type *type =
        ((const berthi_cm_type *const *)p->e->module_types.items)[module];
    const berthi_cm_extern *found = berthi_cm_find(p->s, type, name);

    if (found == NULL)
        return 0; /* the failure has been recorded: linking has found it before */
    return x->shim
        ->slots[x->shim->info->exports[found - type->items - type->imports_count].index];
}

static void replace(pass *p, pair *x, const use *u, uint32_t *copies)
{
    uint32_t slot = slot_of_export(p, x, u->item->name);
    const berthi_cm_core_item item = *behind(p, x, slot);

    if (item.from == BERTHI_CM_FROM_TRAMPOLINE) {
        *u->item = item;
        u->item->index = ready_later(p, x, item.index, copies);
    } else if (p->steps[u->step].kind == BERTHI_CM_STEP_FUNC) {
        *u->item = item;
        if (u->step < x->fixup_step)
            p->waits_for[u->step] = x->fixup_step;
    } else {
        x->keeps_shim = x->is_asked_for[slot] = true;
    }
}

static bool take_out(pass *p, pair *x)
{
    const berthi_cm_step *fixup = &p->steps[x->fixup_step];
    uint32_t *copies = berthi_cm_make(p->s, p->e->trampolines.count, sizeof *copies);

    x->is_asked_for = berthi_cm_make(p->s, x->shim->count, sizeof *x->is_asked_for);
    if (copies == NULL || x->is_asked_for == NULL)
        return false;
    for (uint32_t i = 0; i < fixup->imports_count; i++)
        if (fixup->imports[i].from == BERTHI_CM_FROM_TRAMPOLINE)
            p->references[fixup->imports[i].index]--;
    for (uint32_t i = p->first_use[x->instance]; i < p->first_use[x->instance + 1]; i++)
        if (p->uses[i].step != x->fixup_step)
            replace(p, x, &p->uses[i], copies);
    p->fixed[x->fixup_step] = x;
    p->is_removed[x->shim_step] = !x->keeps_shim;
    p->added += x->shim->count;
    p->fixups_removed++;
    p->shims_removed += !x->keeps_shim;
    return p->s->status == BERTH_OK;
}

static bool take_pairs_out(pass *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        pair found = { .shim = NULL }, *kept;

        if (p->steps[i].imports_count != 0 || !find_pair(p, i, &found))
            continue;
        kept = berthi_cm_make(p->s, 1, sizeof *kept);
        if (kept == NULL)
            return false;
        *kept = found;
        if (!take_out(p, kept))
            return false;
    }
    return p->s->status == BERTH_OK;
}

/* ---------------------------------------------------------------- what is left */

typedef struct output {
    berthi_cm_rows steps;
    uint32_t core_instances;
    uint32_t *numbers; /* of core instances, by what they were */
    uint32_t *starts;  /* of what happens instead of a fixup, by its step */
    uint32_t
        *waiting; /* steps that wait for a fixup: the next, by step + 1; heads behind them */
} output;

static void renumber(const output *out, berthi_cm_core_item *item)
{
    if (item->from == BERTHI_CM_FROM_EXPORT)
        item->index = out->numbers[item->index];
}

static bool emit(pass *p, output *out, berthi_cm_step step)
{
    berthi_cm_step *row =
        berthi_cm_row(p->e, &out->steps, sizeof *row, BERTHI_CM_STEPS_MAX, "steps");

    if (row == NULL)
        return false;
    for (uint32_t i = 0; i < step.imports_count; i++)
        renumber(out, &imports_of(&step)[i]);
    if (has_item(&step)) {
        renumber(out, &step.item);
    } else {
        out->numbers[step.slot] = out->core_instances;
        step.slot = out->core_instances++;
    }
    *row = step;
    return true;
}

static bool emit_elements(pass *p, output *out, const pair *x)
{
    for (uint32_t slot = 0; slot < x->shim->count; slot++) {
        berthi_cm_core_item *table;

        if (!x->is_asked_for[slot])
            continue;
        table = berthi_cm_make(p->s, 1, sizeof *table);
        if (table == NULL)
            return false;
        *table = x->table;
        if (!emit(p, out,
                  (berthi_cm_step){ .kind = BERTHI_CM_STEP_TABLE_SET,
                                    .slot = slot,
                                    .imports_count = 1,
                                    .imports = table,
                                    .item = *behind(p, x, slot) }))
            return false;
    }
    return true;
}

static bool emit_instead_of_fixup(pass *p, output *out, uint32_t at)
{
    const pair *x = p->fixed[at];
    uint32_t start = x->fixup.start;

    out->starts[at] = out->steps.count;
    if (!emit_elements(p, out, x))
        return false;
    for (uint32_t i = out->waiting[p->count + at]; i != 0; i = out->waiting[i - 1])
        if (!emit(p, out, p->steps[i - 1]))
            return false;
    p->modules[p->steps[at].module].is_dropped = true;
    return start == BERTHI_CM_NO_INDEX ||
           emit(p, out,
                (berthi_cm_step){ .kind = BERTHI_CM_STEP_CALL,
                                  .item = p->steps[at].imports[start] });
}

/* A module that only starts with a function of another one is that call. */
static bool is_mere_start(pass *p, const berthi_cm_step *step)
{
    const berthi_wasm_info *info;

    if (step->kind != BERTHI_CM_STEP_INSTANTIATE || step->imports_count != 1)
        return false;
    info = info_of(p, step);
    return info != NULL && berthi_cm_is_starter(info) &&
           step->imports[0].from == BERTHI_CM_FROM_EXPORT && is_plain(p, &step->imports[0]);
}

static bool emit_step(pass *p, output *out, uint32_t at)
{
    const berthi_cm_step *step = &p->steps[at];

    if (p->fixed[at] != NULL)
        return emit_instead_of_fixup(p, out, at);
    if (p->is_removed[at])
        p->modules[step->module].is_dropped = true;
    if (p->is_removed[at] || p->waits_for[at] != 0)
        return true;
    if (!is_mere_start(p, step))
        return p->s->status == BERTH_OK && emit(p, out, *step);
    p->modules[step->module].is_dropped = true;
    p->fixups_removed++;
    return emit(p, out,
                (berthi_cm_step){ .kind = BERTHI_CM_STEP_CALL, .item = step->imports[0] });
}

/* Modules whose instances have all gone need not be compiled. */
static bool drop_modules(pass *p)
{
    berthi_cm_elaborator *e = p->e;
    berthi_cm_module *modules = e->modules.items;
    berthi_cm_export *const *exported = e->exported_modules.items;
    berthi_cm_step *steps = e->steps.items;
    uint32_t *numbers = berthi_cm_make(p->s, e->modules.count, sizeof *numbers), count = 0;

    if (numbers == NULL)
        return false;
    for (uint32_t i = 0; i < e->steps.count; i++)
        if (steps[i].kind == BERTHI_CM_STEP_INSTANTIATE)
            p->modules[steps[i].module].is_dropped = false;
    for (uint32_t i = 0; i < e->exported_modules.count; i++)
        p->modules[exported[i]->index].is_dropped = false;
    for (uint32_t i = 0; i < e->modules.count; i++) {
        numbers[i] = count;
        if (!p->modules[i].is_dropped)
            modules[count++] = modules[i];
    }
    e->modules.count = count;
    for (uint32_t i = 0; i < e->steps.count; i++)
        steps[i].module =
            steps[i].kind == BERTHI_CM_STEP_INSTANTIATE ? numbers[steps[i].module] : 0;
    for (uint32_t i = 0; i < e->exported_modules.count; i++)
        exported[i]->index = numbers[exported[i]->index];
    return true;
}

static bool put_together(pass *p)
{
    berthi_cm_elaborator *e = p->e;
    output out = { .core_instances = 0 };
    berthi_cm_trampoline *t = e->trampolines.items;

    out.numbers = berthi_cm_make(p->s, e->core_instances, sizeof *out.numbers);
    out.starts = berthi_cm_make(p->s, p->count, sizeof *out.starts);
    out.waiting = berthi_cm_make(p->s, 2 * (size_t)p->count, sizeof *out.waiting);
    if (out.waiting == NULL)
        return false;
    for (uint32_t i = p->count; i-- > 0;) {
        uint32_t *head = &out.waiting[p->count + p->waits_for[i]];

        if (p->waits_for[i] == 0)
            continue;
        out.waiting[i] = *head;
        *head = i + 1;
    }
    for (uint32_t i = 0; i < p->count; i++)
        if (!emit_step(p, &out, i))
            return false;
    for (uint32_t i = 0; i < e->trampolines.count; i++)
        if (t[i].ready_step != 0)
            t[i].ready_step = out.starts[t[i].ready_step];
    e->steps = out.steps;
    e->core_instances = out.core_instances;
    e->shims_removed = p->shims_removed;
    e->fixups_removed = p->fixups_removed;
    return drop_modules(p);
}

bool berthi_cm_remove_shims(berthi_cm_elaborator *e)
{
    pass p = { .e = e, .s = e->types, .steps = e->steps.items, .count = e->steps.count };

    return prepare(&p) && take_pairs_out(&p) && put_together(&p);
}
