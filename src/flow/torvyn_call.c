/* torvyn_call.c - stages that export torvyn:streaming, torvyn:filtering or torvyn:aggregation.  Layer: flow.
 *
 * A payload goes in as a borrowed handle and comes out as an owned one: what the host copies is what the guest reads and
 * appends, and no more.  Numbers and times that a guest answers with are not looked at. */
#include "flow/guest.h"

#include "base/diag.h"
#include "base/utf8.h"

typedef berthi_torvyn_types_stream_element stream_element;
typedef berthi_torvyn_types_output_element output_element;
typedef berthi_torvyn_types_process_error process_error;

enum {
    PAUSE_FIRST_NS =
        1000 * 1000, /* of a sink that says pause; each further one is twice as long */
    PAUSE_LAST_NS = 64 * 1000 * 1000
};

/* ---------------------------------------------------------------- what it answers */

/* The guest's error, as a failure of the stage's call. */
static berth_status fail_as(berthi_guest *g, const process_error *error, berth_diag *diag)
{
    static const char *const words[] = { "invalid input: ", "unavailable: ", "internal error: ",
                                         "deadline exceeded", "fatal: " };
    char shown[sizeof diag->text];

    if (error->tag == BERTHI_TORVYN_TYPES_PROCESS_ERROR_DEADLINE_EXCEEDED)
        return berthi_fail_because(diag, BERTH_E_PLUGIN, BERTH_REASON_DEADLINE, "it says: %s",
                                   words[error->tag]);
    if (error->tag == BERTHI_TORVYN_TYPES_PROCESS_ERROR_INVALID_INPUT)
        g->stage->verdict = BERTHI_VERDICT_USELESS;
    if (error->tag == BERTHI_TORVYN_TYPES_PROCESS_ERROR_FATAL)
        g->stage->verdict = BERTHI_VERDICT_FATAL;
    return berthi_fail(
        diag, BERTH_E_PLUGIN, "it says: %s%s", words[error->tag],
        berthi_utf8_show(shown, sizeof shown, error->as.fatal.text, error->as.fatal.size));
}

static berth_status emit(berthi_guest *g, const output_element *element, berth_diag *diag)
{
    berth_buffer *payload = berthi_guest_take(g, element->payload.handle);
    const berth_string *type = &element->meta.content_type;
    berth_status status = BERTH_OK;

    if (payload == NULL)
        return berthi_fail(diag, BERTH_E_ABI,
                           "it emitted a buffer that is none of this host's");
    if (type->size != 0)
        status = berthi_content_type_number(g->flow, type->text, type->size,
                                            &payload->content_type, diag);
    if (status == BERTH_OK)
        return berthi_stage_emit_buffer(g->stage, 0, payload, diag);
    berthi_buffer_unref(&g->stage->worker->cache, payload);
    return status;
}

/* ---------------------------------------------------------------- calls */

/* Calls a function that takes one record. */
static berth_status call_with(berthi_guest *g, berthi_guest_func func,
                              const berth_record *record, void *result, berth_diag *diag)
{
    stream_element element = { .meta = { .sequence = record->sequence,
                                         .timestamp_ns = record->time_ns,
                                         .content_type = berthi_content_type_text(
                                             g->flow, record->buffer->content_type) },
                               .context = { g->live.context } };
    berth_status status = berthi_guest_lend(g, record, &element.payload.handle, diag);

    if (status != BERTH_OK)
        return status;
    g->record = record;
    status = berthi_guest_call(g, func, &element, result, diag);
    g->record = NULL;
    berthi_guest_take_back(g, element.payload.handle);
    return status;
}

static berth_status pull(berthi_guest *g, berth_diag *diag)
{
    berthi_torvyn_result_option_types_output_element_types_process_error result;
    berth_status status = berthi_guest_call(g, BERTHI_GUEST_PULL, NULL, &result, diag);

    if (status != BERTH_OK)
        return status;
    if (result.is_error)
        return fail_as(g, &result.as.error, diag);
    if (result.as.ok.is_some)
        return emit(g, &result.as.ok.some, diag);
    berth_stage_end(g->stage);
    return BERTH_OK;
}

static berth_status notify(berthi_guest *g, bool pauses, berth_diag *diag)
{
    berthi_torvyn_types_backpressure_signal word =
        pauses ? BERTHI_TORVYN_TYPES_BACKPRESSURE_SIGNAL_PAUSE
               : BERTHI_TORVYN_TYPES_BACKPRESSURE_SIGNAL_READY;

    return berthi_guest_call(g, BERTHI_GUEST_NOTIFY, &word, NULL, diag);
}

static berth_status process(berthi_guest *g, const berth_record *record, berth_diag *diag)
{
    berthi_torvyn_result_types_process_result_types_process_error result;
    berth_status status = call_with(g, BERTHI_GUEST_PROCESS, record, &result, diag);

    if (status != BERTH_OK)
        return status;
    if (result.is_error)
        return fail_as(g, &result.as.error, diag);
    return result.as.ok.tag == BERTHI_TORVYN_TYPES_PROCESS_RESULT_EMIT
               ? emit(g, &result.as.ok.as.emit, diag)
               : BERTH_OK;
}

static berth_status evaluate(berthi_guest *g, const berth_record *record, berth_diag *diag)
{
    berthi_torvyn_result_bool_types_process_error result;
    berth_status status = call_with(g, g->live.contract->main, record, &result, diag);

    if (status != BERTH_OK)
        return status;
    if (result.is_error)
        return fail_as(g, &result.as.error, diag);
    return result.as.ok ? berth_stage_pass(g->stage, 0, record) : BERTH_OK;
}

static berth_status pass_to(berthi_guest *g, const berth_record *record, const berth_string *to,
                            berth_diag *diag)
{
    const berth_stage *stage = g->stage;
    char shown[80];

    for (uint32_t port = 0; port < stage->ports_count; port++)
        if (port != stage->dead_port && strlen(stage->ports[port].name) == to->size &&
            memcmp(stage->ports[port].name, to->text, to->size) == 0)
            return berth_stage_pass(g->stage, port, record);
    return berthi_fail(diag, BERTH_E_ABI, "it routed to a port '%s', which there is not",
                       berthi_utf8_show(shown, sizeof shown, to->text, to->size));
}

static berth_status route(berthi_guest *g, const berth_record *record, berth_diag *diag)
{
    berthi_torvyn_result_list_string_types_process_error result;
    berth_status status = call_with(g, g->live.contract->main, record, &result, diag);

    if (status != BERTH_OK)
        return status;
    if (result.is_error)
        return fail_as(g, &result.as.error, diag);
    for (size_t i = 0; i < result.as.ok.count && status == BERTH_OK; i++)
        status = pass_to(g, record, &result.as.ok.data[i], diag);
    return status;
}

static berth_status ingest(berthi_guest *g, const berth_record *record, berth_diag *diag)
{
    berthi_torvyn_result_option_types_output_element_types_process_error result;
    berth_status status = call_with(g, g->live.contract->main, record, &result, diag);

    if (status != BERTH_OK)
        return status;
    if (result.is_error)
        return fail_as(g, &result.as.error, diag);
    return result.as.ok.is_some ? emit(g, &result.as.ok.some, diag) : BERTH_OK;
}

static berth_status flush(berthi_guest *g, berth_diag *diag)
{
    berthi_torvyn_result_list_types_output_element_types_process_error result;
    berth_status status = berthi_guest_call(g, g->live.contract->second, NULL, &result, diag);

    if (status != BERTH_OK)
        return status;
    if (result.is_error)
        return fail_as(g, &result.as.error, diag);
    /* What is not emitted after one that could not be is the instance's, and ends with it. */
    for (size_t i = 0; i < result.as.ok.count && status == BERTH_OK; i++)
        status = emit(g, &result.as.ok.data[i], diag);
    return status;
}

/* A sink has no words for when it is ready again: it is asked with the next record. */
static berth_status push(berthi_guest *g, const berth_record *record, berth_diag *diag)
{
    berthi_torvyn_result_types_backpressure_signal_types_process_error result;
    berth_status status = call_with(g, BERTHI_GUEST_PUSH, record, &result, diag);

    if (status != BERTH_OK)
        return status;
    if (result.is_error)
        return fail_as(g, &result.as.error, diag);
    if (result.as.ok == BERTHI_TORVYN_TYPES_BACKPRESSURE_SIGNAL_READY) {
        g->pause_ns = 0;
        return BERTH_OK;
    }
    g->pause_ns = g->pause_ns == 0              ? PAUSE_FIRST_NS
                  : g->pause_ns < PAUSE_LAST_NS ? 2 * g->pause_ns
                                                : PAUSE_LAST_NS;
    berth_stage_pause(g->stage, g->pause_ns);
    return BERTH_OK;
}

static berth_status complete(berthi_guest *g, berth_diag *diag)
{
    berthi_torvyn_result_none_types_process_error result;
    berth_status status = berthi_guest_call(g, BERTHI_GUEST_COMPLETE, NULL, &result, diag);

    if (status != BERTH_OK)
        return status;
    return result.is_error ? fail_as(g, &result.as.error, diag) : BERTH_OK;
}

/* ---------------------------------------------------------------- lifecycle */

static berth_status init(berthi_guest *g, berth_diag *diag)
{
    const berth_string config = { g->config, strlen(g->config) };
    berthi_torvyn_result_none_types_process_error result;
    bool has_init = false;
    berth_status status = berthi_guest_has(g->live.session, BERTHI_GUEST_INIT, &has_init, diag);

    if (status == BERTH_OK && has_init)
        status = berthi_guest_has(g->live.session, BERTHI_GUEST_TEARDOWN, &has_init, diag);
    if (status != BERTH_OK || !has_init)
        return status;
    status = berthi_guest_call(g, BERTHI_GUEST_INIT, &config, &result, diag);
    if (status == BERTH_OK && result.is_error)
        status = fail_as(g, &result.as.error, diag);
    g->live.has_init = status == BERTH_OK;
    return status;
}

static void teardown(berthi_guest *g)
{
    (void)!berthi_guest_call(g, BERTHI_GUEST_TEARDOWN, NULL, NULL, NULL);
}

/* ---------------------------------------------------------------- the contracts */

#define EVERY .has_objects = true, .init = init, .teardown = teardown
#define FILTER(interface, func)                                                                \
    {                                                                                          \
        interface, BERTH_ROLE_FILTER, (func), (func), EVERY, .process = evaluate               \
    }
#define ROUTER(interface, func)                                                                \
    {                                                                                          \
        interface, BERTH_ROLE_ROUTER, (func), (func), EVERY, .process = route                  \
    }
#define AGGREGATOR(interface, func, flush_func)                                                \
    {                                                                                          \
        interface, BERTH_ROLE_AGGREGATOR, (func), (flush_func), EVERY, .process = ingest,      \
                                                                       .complete = flush       \
    }

const berthi_guest_contract berthi_torvyn_contracts[BERTHI_TORVYN_CONTRACTS] = {
    { "torvyn:streaming/source@0.1.0", BERTH_ROLE_SOURCE, BERTHI_GUEST_PULL,
      BERTHI_GUEST_NOTIFY, EVERY, .pull = pull, .signal = notify },
    { "torvyn:streaming/processor@0.1.0", BERTH_ROLE_PROCESSOR, BERTHI_GUEST_PROCESS,
      BERTHI_GUEST_PROCESS, EVERY, .process = process },
    { "torvyn:streaming/sink@0.1.0", BERTH_ROLE_SINK, BERTHI_GUEST_PUSH, BERTHI_GUEST_COMPLETE,
      EVERY, .process = push, .complete = complete },
    FILTER("torvyn:filtering/filter@0.1.0", BERTHI_GUEST_EVALUATE),
    ROUTER("torvyn:filtering/router@0.1.0", BERTHI_GUEST_ROUTE),
    AGGREGATOR("torvyn:aggregation/aggregator@0.1.0", BERTHI_GUEST_INGEST, BERTHI_GUEST_FLUSH),
    FILTER("torvyn:streaming/filter@0.1.0", BERTHI_GUEST_EVALUATE_STREAMING),
    ROUTER("torvyn:streaming/router@0.1.0", BERTHI_GUEST_ROUTE_STREAMING),
    AGGREGATOR("torvyn:streaming/aggregator@0.1.0", BERTHI_GUEST_INGEST_STREAMING,
               BERTHI_GUEST_FLUSH_STREAMING),
};
