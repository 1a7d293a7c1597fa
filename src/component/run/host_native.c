/* host_native.c - what a native plugin's import gets from its host.  Layer: component. */
#include "component/run/host_native.h"

#include "base/diag.h"
#include "component/types/type_text.h"
#include "contract/contract.h"
#include "contract/wit_words.h"

typedef struct matcher {
    berth_host *host;
    const berthi_host_need *need;
    berthi_arena *arena;
    berthi_contracts plugin, offered;        /* shapes, as each side's own package sees them */
    const berthi_host_interface *offered_of; /* NULL: they are not made yet */
    berth_diag *diag;
} matcher;

static const char *shown(const berthi_host_need *need)
{
    return need->name == NULL ? "$root" : need->name;
}

static berth_status refuse_item(const matcher *m, const char *what, const char *name,
                                const wit_guess *guess)
{
    return berthi_fail(m->diag, BERTH_E_REJECTED,
                       "import `%.128s#%.64s`: the host offers no %s of that name%s",
                       shown(m->need), name, what, berthi_wit_guess_hint(guess).text);
}

/* The interfaces to look in: one, or all that worlds import by themselves. */
static berthi_host_interface *next_of(const matcher *m, berthi_host_interface *i)
{
    if (m->need->name != NULL)
        return i != NULL ? NULL
                         : berthi_host_find(m->host, m->need->name, strlen(m->need->name));
    for (i = i == NULL ? m->host->interfaces : i->next; i != NULL && i->name != NULL;)
        i = i->next;
    return i;
}

/* The shapes of the interface that answers. */
static berth_status make_offered(matcher *m, const berthi_host_interface *i)
{
    const berthi_wit *model = i->text->model;
    berth_status status = BERTH_OK;

    if (m->offered_of != i)
        status = berthi_contracts_init(&m->offered, model,
                                       i->wit == NULL ? model->root : i->wit->package, m->arena,
                                       m->diag);
    m->offered_of = status == BERTH_OK ? i : NULL;
    return status;
}

static berth_status same_type(matcher *m, const berthi_host_func *func,
                              const berthi_wit_func *wanted)
{
    berthi_shape offered, expected;
    berth_status status = make_offered(m, func->of);

    if (status != BERTH_OK)
        return status;
    if (!berthi_contract_func_shape(&m->offered, func->wit, &offered))
        return m->offered.status;
    if (!berthi_contract_func_shape(&m->plugin, wanted, &expected))
        return m->plugin.status;
    if (memcmp(offered.bytes, expected.bytes, sizeof offered.bytes) == 0)
        return BERTH_OK;
    return berthi_fail(
        m->diag, BERTH_E_REJECTED,
        "import `%.128s#%.64s`: the plugin expects another type; the host offers "
        "%.150s",
        shown(m->need), wanted->name, berthi_cm_type_show(func->type).text);
}

static berth_status find_func(matcher *m, const berthi_wit_func *wanted,
                              const berthi_host_func **func_out)
{
    wit_guess guess = berthi_wit_guess_start(wanted->name);

    for (berthi_host_interface *i = next_of(m, NULL); i != NULL; i = next_of(m, i))
        for (uint32_t k = 0; k < i->funcs_count; k++) {
            const berthi_host_func *func = &i->funcs[k];

            berthi_wit_guess_offer(&guess, func->wit->name);
            if (strcmp(func->wit->name, wanted->name) != 0)
                continue;
            if (func->call == NULL)
                return berthi_fail(m->diag, BERTH_E_REJECTED,
                                   "import `%.128s#%.64s`: the host declares it but has bound "
                                   "no function to it",
                                   shown(m->need), wanted->name);
            *func_out = func;
            return same_type(m, func, wanted);
        }
    return refuse_item(m, "function", wanted->name, &guess);
}

static berth_status find_resource(const matcher *m, const char *name,
                                  const berth_host_resource **resource_out)
{
    wit_guess guess = berthi_wit_guess_start(name);

    for (berthi_host_interface *i = next_of(m, NULL); i != NULL; i = next_of(m, i))
        for (uint32_t k = 0; k < i->resources_count; k++) {
            berthi_wit_guess_offer(&guess, i->resources[k].type.name);
            if (strcmp(i->resources[k].type.name, name) != 0)
                continue;
            *resource_out = &i->resources[k];
            return BERTH_OK;
        }
    return refuse_item(m, "resource", name, &guess);
}

static berth_status find_all(matcher *m, const berthi_host_func **funcs,
                             const berth_host_resource **resources)
{
    berth_status status = BERTH_OK;

    if (next_of(m, NULL) == NULL)
        return berthi_fail(m->diag, BERTH_E_REJECTED,
                           "import `%.128s`: the host offers no such interface",
                           shown(m->need));
    for (uint32_t i = 0; status == BERTH_OK && i < m->need->resources_count; i++)
        status = find_resource(m, m->need->resources[i], &resources[i]);
    for (uint32_t i = 0; status == BERTH_OK && i < m->need->funcs_count; i++)
        status = find_func(m, m->need->funcs[i], &funcs[i]);
    return status;
}

berth_status berthi_host_find_native(berth_host *host, const berthi_host_need *need,
                                     const berth_allocator *allocator,
                                     const berthi_host_func **funcs_out,
                                     const berth_host_resource **resources_out,
                                     berth_diag *diag)
{
    matcher m = { .host = host, .need = need, .diag = diag };
    berthi_arena arena;
    berth_status status;

    if (host == NULL)
        return berthi_fail(diag, BERTH_E_REJECTED,
                           "import `%.128s`: the runtime has no host that offers anything",
                           shown(need));
    berthi_arena_init(&arena, allocator, SIZE_MAX);
    m.arena = &arena;
    status = berthi_contracts_init(&m.plugin, need->model, need->package, &arena, diag);
    if (status == BERTH_OK) {
        berthi_lock_take(&host->lock);
        status = find_all(&m, funcs_out, resources_out);
        berthi_lock_drop(&host->lock);
    }
    berthi_arena_fini(&arena);
    return status;
}
