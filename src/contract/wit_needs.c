/* wit_needs.c - what imports, types and exports of a world need is imported too.  Layer: contract.
 *
 * An interface that an import or a type uses is imported in front of it.  An exported interface
 * takes what it uses from the exports when it is there and from the imports when not; what is
 * taken from the imports may not itself rest on something that is exported, for then it would be
 * one type imported and another exported.
 *
 * Interfaces are visited without recursion; marks are numbers of the world, so that nothing has to
 * be cleared. */
#include "contract/wit_tree.h"

typedef struct visit {
    uint32_t interface, next_use;
} visit;

typedef struct needs {
    wit_reader *r;
    const wit_decl *world;
    wit_externs *imports;
    uint32_t epoch;     /* the world, as a mark */
    uint32_t *imported; /* by interface: in `imports` */
    uint32_t *exported; /* under its id */
    uint32_t *needed;   /* by an export, from the imports */
    uint32_t *asked;    /* the world's text imports it; `written` is how */
    const wit_extern **written;
    visit *stack;
} needs;

static bool is_under_id(const berthi_wit_extern *e)
{
    return e->kind == BERTHI_WIT_EXTERN_INTERFACE && !e->is_plain;
}

static bool import_one(needs *n, uint32_t interface)
{
    const berthi_wit_interface *it = &n->r->model->interfaces[interface];
    berthi_wit_extern draft = { .kind = BERTHI_WIT_EXTERN_INTERFACE,
                                .is_implied = true,
                                .name = it->id,
                                .index = interface,
                                .gate = it->gate };

    if (n->asked[interface] == n->epoch)
        draft = n->written[interface]->draft;
    n->imported[interface] = n->epoch;
    return berthi_wit_append_extern(n->r, n->imports, &draft, n->world->name.at) != NULL;
}

/* Imports what `first` uses, deepest first, and `first` itself.  With `is_for_export` nothing of
 * it may be exported. */
static bool import_all(needs *n, uint32_t first, bool is_for_export)
{
    const berthi_wit_interface *interfaces = n->r->model->interfaces;
    uint32_t *seen = is_for_export ? n->needed : n->imported;
    uint32_t depth = 0;

    if (seen[first] == n->epoch)
        return true;
    n->stack[depth++] = (visit){ first, 0 };
    seen[first] = n->epoch;
    while (depth != 0) {
        visit *top = &n->stack[depth - 1];
        const berthi_wit_interface *it = &interfaces[top->interface];

        if (n->r->work_left == 0)
            return berthi_wit_fail_limit(n->r, n->world->name.at,
                                         "steps of putting worlds together",
                                         BERTHI_WIT_WORK_MAX);
        n->r->work_left--;
        if (is_for_export && n->exported[top->interface] == n->epoch)
            return berthi_wit_fail(n->r, n->world->name.at,
                                   "an export needs `%s` both imported and exported",
                                   berthi_wit_show(it->id).text);
        if (top->next_use < it->uses_count) {
            uint32_t use = it->uses[top->next_use++];

            if (seen[use] != n->epoch) {
                seen[use] = n->epoch;
                n->stack[depth++] = (visit){ use, 0 };
            }
            continue;
        }
        depth--;
        if ((!is_for_export || n->imported[top->interface] != n->epoch) && it->id != NULL &&
            !import_one(n, top->interface))
            return false;
    }
    return true;
}

static bool start(needs *n)
{
    uint32_t count = n->r->interfaces_room;

    n->imported = n->r->marks;
    n->exported = n->imported + count;
    n->needed = n->exported + count;
    n->asked = n->needed + count;
    if (n->r->visits == NULL) {
        n->r->visits = berthi_wit_scratch(n->r, count, sizeof(visit));
        n->r->written = berthi_wit_scratch(n->r, count, sizeof *n->written);
    }
    n->stack = n->r->visits;
    n->written = n->r->written;
    return n->stack != NULL && n->written != NULL;
}

static bool import_written(needs *n, const wit_externs *imports)
{
    for (const wit_extern *e = imports->first; e != NULL; e = e->next)
        if (is_under_id(&e->draft)) {
            n->asked[e->draft.index] = n->epoch;
            n->written[e->draft.index] = e;
        }
    for (const wit_extern *e = imports->first; e != NULL; e = e->next) {
        const berthi_wit_type *type = &n->r->model->types[0];
        const berthi_wit_interface *it;

        if (is_under_id(&e->draft)) {
            if (!import_all(n, e->draft.index, false))
                return false;
            continue;
        }
        if (e->draft.kind == BERTHI_WIT_EXTERN_TYPE)
            type = &n->r->model->types[e->draft.index];
        if (type->is_used && !import_all(n, n->r->model->types[type->element].owner, false))
            return false;
        if (e->draft.kind == BERTHI_WIT_EXTERN_INTERFACE) {
            it = &n->r->model->interfaces[e->draft.index];
            for (uint32_t i = 0; i < it->uses_count; i++)
                if (!import_all(n, it->uses[i], false))
                    return false;
        }
        if (berthi_wit_append_extern(n->r, n->imports, &e->draft, e->at) == NULL)
            return false;
    }
    return true;
}

static bool import_for_exports(needs *n, const wit_externs *exports)
{
    for (const wit_extern *e = exports->first; e != NULL; e = e->next)
        if (is_under_id(&e->draft))
            n->exported[e->draft.index] = n->epoch;
    for (const wit_extern *e = exports->first; e != NULL; e = e->next) {
        const berthi_wit_interface *it;

        if (e->draft.kind != BERTHI_WIT_EXTERN_INTERFACE)
            continue;
        it = &n->r->model->interfaces[e->draft.index];
        for (uint32_t i = 0; i < it->uses_count; i++)
            if (n->exported[it->uses[i]] != n->epoch && !import_all(n, it->uses[i], true))
                return false;
    }
    return true;
}

bool berthi_wit_add_needs(wit_reader *r, const wit_decl *world, const wit_externs *imports,
                          const wit_externs *exports, wit_externs *all_imports)
{
    needs n = { .r = r, .world = world, .imports = all_imports, .epoch = world->index + 1 };

    return start(&n) && import_written(&n, imports) && import_for_exports(&n, exports);
}
