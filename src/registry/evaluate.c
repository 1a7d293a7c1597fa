/* evaluate.c - calls written as text, for tools and people.  Layer: registry.
 *
 * The text is read by the type that the function has in one version, which is leased meanwhile.  The
 * call is a typed one of that very type, so that a version which means something else by the name
 * is never given what was read. */
#include <berth/invoke.h>

#include <stdio.h>

#include "base/diag.h"
#include "base/reply_arena.h"
#include "component/value/value.h"
#include "component/wit/contract_check.h"
#include "component/wit/wit_types.h"
#include "registry/registry.h"

enum { TYPES_WORK_MAX = 10000000 };

/* What was read of the text, in host layout. */
typedef struct evaluation {
    char name[BERTHI_FUNC_NAME_MAX + 1];
    const berthi_cm_type *type; /* of the leased version */
    berthi_func_type type_text;
    const void *args;
    void *result;
    berthi_arena scratch; /* holds `type` of a function that an adapter answers */
} evaluation;

/* "ns:pkg/iface#f", or "f". */
static berth_status write_name(const berthi_cm_wave_call *what, evaluation *e, berth_diag *diag)
{
    size_t size = what->instance.size, mark = size != 0;

    if (size + mark + what->function.size > BERTHI_FUNC_NAME_MAX)
        return berthi_fail_because(diag, BERTH_E_INVALID, BERTH_REASON_NAME,
                                   "the name of a function has at most %d bytes",
                                   BERTHI_FUNC_NAME_MAX);
    memcpy(e->name, what->instance.text, size);
    if (mark != 0)
        e->name[size] = '#';
    memcpy(e->name + size + mark, what->function.text, what->function.size);
    e->name[size + mark + what->function.size] = '\0';
    return BERTH_OK;
}

/* ---- functions of the slot's contract that an adapter answers ---- */

static const berthi_cm_type *no_resource(void *ctx, uint32_t index)
{
    (void)index;
    return berthi_cm_resource(ctx, NULL);
}

static berth_status make_type(evaluation *e, const berthi_contract *contract,
                              const berthi_wit_func *func, berth_diag *diag)
{
    berthi_cm_types types = {
        .arena = &e->scratch, .diag = diag, .work = TYPES_WORK_MAX, .epoch = 1
    };
    berthi_cm_wit wit = {
        .types = &types, .model = contract->set->model, .resource = no_resource, .ctx = &types
    };

    wit.made = berthi_cm_make(&types, wit.model->types_count, sizeof *wit.made);
    if (wit.made != NULL)
        e->type = berthi_cm_wit_func(&wit, func);
    return wit.made == NULL || e->type == NULL ? types.status : BERTH_OK;
}

/* Its type is that of the slot's contract.  NULL in e->type: no adapter answers it. */
static berth_status find_adapted(const berth_version *v, evaluation *e, berth_diag *diag)
{
    berth_slot *slot = v->slot;
    const berthi_contract *contract;
    bool is_adapted = false;
    size_t size;
    uint32_t n;

    if (v->content->adapter == NULL)
        return BERTH_OK;
    berthi_lock_take(&slot->lock);
    n = berthi_agreed_find(&slot->agreed, e->name);
    if (n != BERTHI_FUNCS_MAX &&
        berthi_adapter_find(v->content->adapter, BERTHI_HOOKS_MAX + n) != NULL) {
        is_adapted = true;
        (void)snprintf(e->type_text.text, sizeof e->type_text.text, "%s",
                       slot->agreed.funcs[n].type);
    }
    berthi_lock_drop(&slot->lock);
    contract = &slot->options.contract->contract; /* a slot with adapters has one */
    size = strlen(contract->id);
    for (uint32_t i = 0; is_adapted && i < contract->funcs_count; i++)
        if (strncmp(e->name, contract->id, size) == 0 && e->name[size] == '#' &&
            strcmp(e->name + size + 1, contract->funcs[i]->name) == 0)
            return make_type(e, contract, contract->funcs[i]->func, diag);
    return BERTH_OK;
}

/* The function's type: an adapter's, or the plugin's own. */
static berth_status find_type(const berth_version *v, evaluation *e, berth_diag *diag)
{
    berthi_found found;
    berth_status status = find_adapted(v, e, diag);

    if (status != BERTH_OK || e->type != NULL)
        return status;
    status = berthi_typed_find(v->content, e->name, &found, &e->type_text, diag);
    if (status == BERTH_OK && (found.is_drop || found.func.type->has_resource))
        status = berthi_fail(diag, BERTH_E_REJECTED,
                             "function '%s' takes or gives resources, which belong to one "
                             "instance and have no text",
                             e->name);
    if (status == BERTH_OK)
        e->type = found.func.type;
    return status;
}

static berth_status read_text(const berth_version *v, const char *text, berth_arena *arena,
                              evaluation *e, berth_diag *diag)
{
    const berthi_cm_value_room room = { .arena = arena };
    const berthi_cm_type *result;
    berthi_cm_wave_call what;
    berth_status status = berthi_cm_wave_call_read(text, strlen(text), &what, diag);

    if (status == BERTH_OK)
        status = write_name(&what, e, diag);
    if (status == BERTH_OK)
        status = find_type(v, e, diag);
    if (status == BERTH_OK)
        status =
            berthi_cm_wave_arguments(text, strlen(text), &what, e->type, &room, &e->args, diag);
    if (status != BERTH_OK)
        return status;
    result = berthi_cm_func_result(e->type);
    e->result = berthi_reply_arena_alloc(arena, result == NULL ? 1 : result->host_size);
    return e->result != NULL ? BERTH_OK
                             : berthi_fail(diag, BERTH_E_NOMEM, "the result of '%s'", e->name);
}

static berth_status write_value(berthi_text_buf *text, const evaluation *e, uint32_t format,
                                berth_diag *diag)
{
    const berthi_cm_type *type = berthi_cm_func_result(e->type);

    if (type == NULL) {
        berthi_text_buf_puts(text, format == BERTH_TEXT_JSON ? "null" : "");
        return BERTH_OK;
    }
    return format == BERTH_TEXT_JSON ? berthi_cm_json_write(text, type, e->result, diag)
                                     : berthi_cm_wave_write(text, type, e->result, diag);
}

static berth_status write_result(const evaluation *e, uint32_t format, berth_arena *arena,
                                 const char **text_out, berth_diag *diag)
{
    berthi_text_buf text;
    berth_status status;
    char *copy = NULL;

    berthi_text_buf_init(&text, &arena->allocator);
    status = write_value(&text, e, format, diag);
    if (status == BERTH_OK && !text.has_failed)
        copy = berthi_reply_arena_alloc(arena, text.size + 1);
    if (status == BERTH_OK && copy == NULL)
        status = berthi_fail(diag, BERTH_E_NOMEM, "the text of what '%s' gave", e->name);
    if (status == BERTH_OK) {
        memcpy(copy, text.size == 0 ? "" : text.data, text.size);
        copy[text.size] = '\0';
        *text_out = copy;
    }
    berthi_text_buf_fini(&text);
    return status;
}

static berth_status call_it(berth_slot *slot, const evaluation *e, const berth_call *call,
                            berth_diag *diag)
{
    berth_call typed = *call;
    berth_func func = BERTH_FUNC_INIT;
    berth_status status = berth_slot_func(slot, e->name, e->type_text.text, &func, diag);

    if (status != BERTH_OK)
        return status;
    typed.hook = func.number;
    return berth_slot_invoke(slot, e->args, e->result, &typed, diag);
}

berth_status berth_slot_evaluate(berth_slot *slot, const char *text, const berth_call *call,
                                 uint32_t format, const char **text_out, berth_diag *diag)
{
    berth_lease lease = BERTH_LEASE_NONE;
    berth_status status;
    evaluation e = { .type = NULL };

    BERTHI_REQUIRE(slot != NULL && text != NULL && text_out != NULL, diag);
    BERTHI_REQUIRE(call != NULL && call->arena != NULL && call->input_size == 0, diag);
    BERTHI_REQUIRE(format <= BERTH_TEXT_JSON, diag);
    status = berth_slot_lease(slot, &lease);
    if (status != BERTH_OK)
        return berthi_fail(diag, status, "slot '%s' has no plugin; install one", slot->name);
    berthi_arena_init(&e.scratch, &slot->runtime->allocator, SIZE_MAX);
    status = read_text(lease.version, text, call->arena, &e, diag);
    if (status == BERTH_OK)
        status = call_it(slot, &e, call, diag);
    if (status == BERTH_OK)
        status = write_result(&e, format, call->arena, text_out, diag);
    berthi_arena_fini(&e.scratch);
    berth_lease_return(&lease);
    return status;
}
