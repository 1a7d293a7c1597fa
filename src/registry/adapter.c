/* adapter.c - functions of the host between callers and plugins of another contract.  Layer: registry.
 *
 * An adapter runs where the plugin's function would: behind the pin of its caller, so that all that it
 * calls is the one version.  It takes no instance itself, and counts as no call; what it calls does. */
#include <berth/adapter.h>
#include <berth/invoke.h>

#include "component/wit/contract_check.h"
#include "os/clock.h"
#include "registry/hot.h"

enum { ADAPTERS_MAX = 8 };

struct berth_adapter_call {
    berth_version *version;
    berthi_record *mine;
    berth_arena *arena;
    uint64_t until_ns;
    berth_diag *diag;
};

static size_t adapter_size(uint32_t count)
{
    return sizeof(berthi_adapter) + count * sizeof(berthi_adapted);
}

void berthi_adapters_free(berth_slot *slot)
{
    berthi_adapter *a = slot->adapters;

    while (a != NULL) {
        berthi_adapter *next = a->next;

        berthi_contract_unref(a->contract);
        berthi_free(&slot->runtime->allocator, a, adapter_size(a->count));
        a = next;
    }
}

const berthi_adapted *berthi_adapter_find(const berthi_adapter *a, uint32_t number)
{
    for (uint32_t i = 0; a != NULL && i < a->count; i++)
        if (a->at[i].number == number)
            return &a->at[i];
    return NULL;
}

/* ---- registering ---- */

/* "INTERFACE#FUNCTION" of the contract. */
static bool is_named(const char *name, const berthi_contract *contract, const char *function)
{
    size_t size = strlen(contract->id);

    return strncmp(name, contract->id, size) == 0 && name[size] == '#' &&
           strcmp(name + size + 1, function) == 0;
}

static berth_status check(const berth_slot *slot, const berth_adapter_options *opt,
                          berth_diag *diag)
{
    const berthi_contract *needed;

    if (slot->options.contract == NULL)
        return berthi_fail(diag, BERTH_E_INVALID,
                           "slot '%s' needs no contract, so there is nothing to adapt to",
                           slot->name);
    needed = &slot->options.contract->contract;
    for (uint32_t i = 0; i < opt->functions_count; i++)
        BERTHI_REQUIRE(opt->functions[i].name != NULL && opt->functions[i].type != NULL &&
                           opt->functions[i].call != NULL,
                       diag);
    for (uint32_t f = 0; f < needed->funcs_count; f++) {
        uint32_t i = 0;

        while (i < opt->functions_count &&
               !is_named(opt->functions[i].name, needed, needed->funcs[f]->name))
            i++;
        if (i == opt->functions_count)
            return berthi_fail(diag, BERTH_E_INVALID,
                               "the adapter has no function for `%.128s#%.128s`", needed->id,
                               needed->funcs[f]->name);
    }
    return BERTH_OK;
}

static berth_status add(berth_slot *slot, berthi_adapter *a, berth_diag *diag)
{
    uint32_t count = 0;

    berthi_lock_take(&slot->lock);
    for (const berthi_adapter *other = slot->adapters; other != NULL; other = other->next)
        count++;
    if (count < ADAPTERS_MAX) {
        a->next = slot->adapters; /* in front, so that those behind it never change */
        slot->adapters = a;
    }
    berthi_lock_drop(&slot->lock);
    return count < ADAPTERS_MAX
               ? BERTH_OK
               : berthi_fail(diag, BERTH_E_LIMIT, "slot '%s' has %d adapters already",
                             slot->name, ADAPTERS_MAX);
}

berth_status berth_slot_adapt(berth_slot *slot, const berth_adapter_options *options,
                              berth_diag *diag)
{
    berth_adapter_options opt;
    berth_status status;
    berthi_adapter *a;

    BERTHI_REQUIRE(slot != NULL, diag);
    status = berthi_options_copy(&opt, sizeof opt, options, "berth_adapter_options", diag);
    if (status != BERTH_OK)
        return status;
    BERTHI_REQUIRE(opt.contract != NULL && (opt.functions != NULL || opt.functions_count == 0),
                   diag);
    BERTHI_REQUIRE(opt.functions_count <= BERTHI_FUNCS_MAX, diag);
    status = check(slot, &opt, diag);
    if (status != BERTH_OK)
        return status;
    a = berthi_zalloc(&slot->runtime->allocator, adapter_size(opt.functions_count));
    if (a == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "an adapter of slot '%s'", slot->name);
    a->count = opt.functions_count;
    for (uint32_t i = 0; i < a->count && status == BERTH_OK; i++) {
        berth_func func = BERTH_FUNC_INIT;

        status =
            berth_slot_func(slot, opt.functions[i].name, opt.functions[i].type, &func, diag);
        a->at[i] = (berthi_adapted){ func.number, opt.functions[i].call, opt.ctx };
    }
    a->contract = berthi_contract_ref(opt.contract);
    if (status == BERTH_OK)
        status = add(slot, a, diag);
    if (status != BERTH_OK) {
        berthi_contract_unref(a->contract);
        berthi_free(&slot->runtime->allocator, a, adapter_size(a->count));
    }
    return status;
}

/* ---- in a call ---- */

berth_status berthi_adapter_run(const berthi_adapted *adapted, berth_version *v,
                                berthi_record *mine, const berth_call *call, uint64_t ticks,
                                const void *args, void *result, berth_diag *diag)
{
    uint64_t now = berthi_clock_ns();
    berth_adapter_call own = { .version = v,
                               .mine = mine,
                               .arena = call->arena,
                               .until_ns = ticks < UINT32_MAX ? now + ticks * BERTHI_TICK_NS
                                                              : UINT64_MAX / 2,
                               .diag = diag };

    BERTHI_ASSERT_UNLOCKED(); /* I9 */
    return adapted->call(adapted->ctx, args, result, &own);
}

berth_status berth_adapter_invoke(berth_adapter_call *call, uint32_t number, const void *args,
                                  void *result)
{
    berth_call inner = BERTH_CALL_INIT;
    uint64_t now = berthi_clock_ns();

    if (now >= call->until_ns)
        return berthi_fail_because(call->diag, BERTH_E_DEADLINE, BERTH_REASON_DEADLINE,
                                   "an adapter has used up the call's time");
    inner.hook = number;
    inner.arena = call->arena;
    return berthi_typed_run(call->version, call->mine, &inner,
                            berthi_ticks(call->until_ns - now), args, result, call->diag);
}

void *berth_adapter_room(berth_adapter_call *call, size_t size)
{
    return berth_arena_alloc(call->arena, size);
}

berth_status berth_adapter_fail(berth_adapter_call *call, berth_status status, const char *text)
{
    return berthi_fail(call->diag, status, "%s", text == NULL ? "an adapter failed" : text);
}
