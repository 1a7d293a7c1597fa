/* evaluate.c - calls written as text, for tools and people.  Layer: registry.
 *
 * The text is read by the type that the function has in one version, which is leased meanwhile.  The
 * call is a typed one of that very type, so that a version which means something else by the name
 * is never given what was read. */
#include <berth/invoke.h>

#include "base/diag.h"
#include "base/reply_arena.h"
#include "component/value/value_type.h"
#include "registry/hot.h"
#include "registry/registry.h"

/* What was read of the text, in host layout. */
typedef struct evaluation {
    char name[BERTHI_FUNC_NAME_MAX + 1];
    berthi_func_type type_text;
    berth_type *owned; /* of the leased version */
    const berthi_cm_type *type;
    const void *args;
    void *result;
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

static berth_status find_type(const berth_version *v, evaluation *e, berth_diag *diag)
{
    bool has_handles;
    berth_status status = berthi_value_find(v, e->name, &has_handles, &e->type_text, diag);

    if (status == BERTH_OK && has_handles)
        return berthi_fail(diag, BERTH_E_REJECTED,
                           "function '%s' takes or gives resources, which belong to one "
                           "instance and have no text",
                           e->name);
    if (status == BERTH_OK)
        status = berth_type_parse(&v->runtime->allocator, e->type_text.text, &e->owned, diag);
    if (status == BERTH_OK)
        e->type = berthi_cm_type_of(e->owned);
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

static berth_status write_result(const evaluation *e, uint32_t format, berth_arena *arena,
                                 const char **text_out, berth_diag *diag)
{
    const berth_value result = { berth_type_result(e->owned), e->result };

    if (result.type != NULL)
        return berth_value_write(result, format, arena, text_out, diag);
    *text_out = format == BERTH_TEXT_JSON ? "null" : "";
    return BERTH_OK;
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
        return berthi_lease_refused(slot, status, diag);
    status = read_text(lease.version, text, call->arena, &e, diag);
    if (status == BERTH_OK)
        status = call_it(slot, &e, call, diag);
    if (status == BERTH_OK)
        status = write_result(&e, format, call->arena, text_out, diag);
    berth_type_destroy(e.owned);
    berth_lease_return(&lease);
    return status;
}
