/* value_call.c - calls of functions whose types are found at run time.  Layer: registry.
 *
 * A function's type is its text: that of the version that is current when it is asked for, or of the slot's
 * contract where an adapter answers.  A call agrees upon name and text, so that a version which means
 * something else by the name is never given the values. */
#include <stdio.h>

#include "component/value/value_type.h"
#include "component/wit/contract_check.h"
#include "component/wit/wit_types.h"
#include "registry/hot.h"
#include "registry/registry.h"

enum { TYPES_WORK_MAX = 10000000 };

/* ---- types of functions ---- */

/* The type that is agreed upon with whom an adapter answers.  False: none does. */
static bool find_adapted(const berth_version *v, const char *name, berthi_func_type *type)
{
    berth_slot *slot = v->slot;
    bool is_adapted = false;
    uint32_t n;

    if (v->content->adapter == NULL)
        return false;
    berthi_lock_take(&slot->lock);
    n = berthi_agreed_find(&slot->agreed, name);
    if (n != BERTHI_FUNCS_MAX &&
        berthi_adapter_find(v->content->adapter, BERTHI_HOOKS_MAX + n) != NULL) {
        is_adapted = true;
        (void)snprintf(type->text, sizeof type->text, "%s", slot->agreed.funcs[n].type);
    }
    berthi_lock_drop(&slot->lock);
    return is_adapted;
}

berth_status berthi_value_find(const berth_version *v, const char *name, bool *has_handles_out,
                               berthi_func_type *type, berth_diag *diag)
{
    berthi_found found;
    berth_status status;

    *has_handles_out = false;
    if (find_adapted(v, name, type))
        return BERTH_OK;
    status = berthi_typed_find(v->content, name, &found, type, diag);
    if (status == BERTH_OK)
        *has_handles_out = found.is_drop || found.func.type->has_resource;
    return status;
}

berth_status berth_slot_func_type(berth_slot *slot, const char *name, berth_type **type_out,
                                  berth_diag *diag)
{
    berth_lease lease = BERTH_LEASE_NONE;
    berthi_func_type type;
    berth_status status;
    bool has_handles;

    BERTHI_REQUIRE(slot != NULL && name != NULL && type_out != NULL, diag);
    status = berth_slot_lease(slot, &lease);
    if (status != BERTH_OK)
        return berthi_lease_refused(slot, status, diag);
    status = berthi_value_find(lease.version, name, &has_handles, &type, diag);
    if (status == BERTH_OK)
        status = berth_type_parse(&slot->runtime->allocator, type.text, type_out, diag);
    berth_lease_return(&lease);
    return status;
}

/* ---- types of a contract ---- */

static const berthi_cm_type *any_resource(void *ctx, uint32_t index)
{
    (void)index;
    return berthi_cm_resource(ctx, NULL);
}

static const berthi_contract_item *find_item(const berthi_contract *contract, const char *name)
{
    for (uint32_t i = 0; i < contract->items_count; i++)
        if (contract->items[i].home == NULL && strcmp(contract->items[i].name, name) == 0)
            return &contract->items[i];
    return NULL;
}

static berth_status item_text(const berth_contract *contract, const berthi_contract_item *item,
                              berthi_arena *arena, const char **text_out, berth_diag *diag)
{
    berth_diag unused;
    berthi_cm_types types = { .arena = arena,
                              .diag = diag == NULL ? &unused : diag,
                              .work = TYPES_WORK_MAX,
                              .epoch = 1 };
    berthi_cm_wit wit = {
        .types = &types, .model = contract->model, .resource = any_resource, .ctx = &types
    };
    const berthi_cm_type *type = NULL;

    wit.made = berthi_cm_make(&types, wit.model->types_count, sizeof *wit.made);
    if (wit.made != NULL)
        type = item->func != NULL ? berthi_cm_wit_func(&wit, item->func)
                                  : berthi_cm_wit_type(&wit, item->type);
    if (type == NULL)
        return types.status == BERTH_E_REJECTED ? BERTH_E_LIMIT : types.status;
    return berthi_value_type_text(type, arena, text_out, diag);
}

berth_status berth_contract_type(const berth_contract *contract, const char *name,
                                 berth_type **type_out, berth_diag *diag)
{
    const berthi_contract_item *item;
    const char *text = NULL;
    berthi_arena scratch;
    berth_status status;

    BERTHI_REQUIRE(contract != NULL && name != NULL && type_out != NULL, diag);
    item = find_item(&contract->contract, name);
    if (item == NULL)
        return berthi_fail(diag, BERTH_E_ABSENT, "%s has nothing called '%.100s'",
                           contract->contract.id, name);
    berthi_arena_init(&scratch, &contract->allocator, SIZE_MAX);
    status = item_text(contract, item, &scratch, &text, diag);
    if (status == BERTH_OK)
        status = berth_type_parse(&contract->allocator, text, type_out, diag);
    berthi_arena_fini(&scratch);
    return status;
}

/* ---- calls ---- */

typedef struct value_call {
    berth_call call;
    const void *args;
    berth_value result;
} value_call;

/* All but the call itself. */
static berth_status prepare(berth_slot *slot, const char *name, const berth_type *func,
                            berth_value args, const berth_call *call, value_call *made,
                            berth_diag *diag)
{
    berth_func number = BERTH_FUNC_INIT;
    berth_status status = BERTH_OK;

    BERTHI_REQUIRE(name != NULL && func != NULL && call != NULL && call->arena != NULL, diag);
    if (berth_type_kind(func) != BERTH_KIND_FUNC)
        return berthi_fail(diag, BERTH_E_INVALID, "this is no type of a function");
    if (args.type == NULL && berth_type_count(func) == 0)
        args =
            (berth_value){ berth_type_params(func), call->arena }; /* nothing is read of it */
    if (args.type == NULL || !berth_type_is_same(args.type, berth_type_params(func)))
        return berthi_fail(diag, BERTH_E_INVALID,
                           "the arguments are no value of the parameters of '%.100s'", name);
    status = berth_value_check(args, diag);
    if (status == BERTH_OK)
        status = berth_slot_func(slot, name, berthi_value_func_text(func), &number, diag);
    if (status != BERTH_OK)
        return status;
    *made = (value_call){ .call = *call, .args = args.data };
    made->call.hook = number.number;
    if (berth_type_result(func) == NULL)
        return BERTH_OK;
    return berth_value_make(berth_type_result(func), call->arena, &made->result, diag);
}

berth_status berth_slot_invoke_value(berth_slot *slot, const char *name, const berth_type *func,
                                     berth_value args, const berth_call *call,
                                     berth_value *result_out, berth_diag *diag)
{
    berth_status status;
    value_call made;

    BERTHI_REQUIRE(slot != NULL && result_out != NULL, diag);
    status = prepare(slot, name, func, args, call, &made, diag);
    if (status == BERTH_OK)
        status = berth_slot_invoke(slot, made.args, made.result.data, &made.call, diag);
    if (status == BERTH_OK)
        *result_out = made.result;
    return status;
}

berth_status berth_session_invoke_value(berth_session *session, const char *name,
                                        const berth_type *func, berth_value args,
                                        const berth_call *call, berth_value *result_out,
                                        berth_diag *diag)
{
    berth_status status;
    value_call made;

    BERTHI_REQUIRE(session != NULL && result_out != NULL, diag);
    status = prepare(berthi_session_slot(session), name, func, args, call, &made, diag);
    if (status == BERTH_OK)
        status = berth_session_invoke(session, made.args, made.result.data, &made.call, diag);
    if (status == BERTH_OK)
        *result_out = made.result;
    return status;
}
