/* functions.c - `env` of proxy-wasm: what a filter may call.  Layer: compat. */
#include <berth/plugin.h>

#include "compat/proxywasm/private.h"

enum { LOG_TRACE, LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_CRITICAL, LOG_LEVELS };

static PW_HOST(log_line)
{
    static const uint32_t levels[LOG_LEVELS] = { BERTH_LOG_DEBUG, BERTH_LOG_DEBUG,
                                                 BERTH_LOG_INFO,  BERTH_LOG_WARNING,
                                                 BERTH_LOG_ERROR, BERTH_LOG_ERROR };
    berthi_guest *g = berthi_guest_of(store);
    uint32_t level = (uint32_t)cells[0].i32;
    berthi_pw_view text;

    (void)ctx;
    (void)diag;
    if (level >= LOG_LEVELS)
        return berthi_pw_answer(cells, PW_BAD_ARGUMENT);
    if (!berthi_pw_in(g, &cells[1], &text))
        return berthi_pw_answer(cells, PW_INVALID_MEMORY);
    berthi_guest_log(g, levels[level], text.text, text.size);
    return berthi_pw_answer(cells, PW_OK);
}

static PW_HOST(get_log_level)
{
    int code = PW_OK;

    (void)ctx;
    (void)diag;
    berthi_pw_put32(berthi_guest_of(store), (uint32_t)cells[0].i32, LOG_TRACE, &code);
    return berthi_pw_answer(cells, code);
}

/* Every filter of some tool-chains imports it, so that it is linked without a grant; without one it has nothing to
 * tell. */
static PW_HOST(get_time)
{
    berthi_guest *g = berthi_guest_of(store);
    uint64_t seconds = 0;
    uint32_t ns = 0;
    int code = PW_OK;

    (void)ctx;
    (void)diag;
    if (!berthi_grants_has(g->services->grants, BERTHI_RIGHT_CLOCK_WALL))
        return berthi_pw_answer(cells, PW_INTERNAL_FAILURE);
    berthi_services_wall(g->services, &seconds, &ns);
    berthi_pw_put64(g, (uint32_t)cells[0].i32, seconds * 1000000000 + ns, &code);
    return berthi_pw_answer(cells, code);
}

static PW_HOST(set_tick_period)
{
    berthi_guest *g = berthi_guest_of(store);

    (void)ctx;
    (void)diag;
    berthi_pw_of(g)->tick_ns = (uint64_t)(uint32_t)cells[0].i32 * 1000000;
    berthi_pw_of(g)->ticked_ns = berthi_services_monotonic_ns(g->services);
    return berthi_pw_answer(cells, PW_OK);
}

static PW_HOST(get_configuration)
{
    berthi_guest *g = berthi_guest_of(store);
    berth_status status;
    int code;

    (void)ctx;
    status = berthi_pw_give(g, g->config, g->config_size, &cells[0], &code, diag);
    return status == BERTH_OK ? berthi_pw_answer(cells, code) : status;
}

static PW_HOST(set_effective_context)
{
    berthi_pw_state *s = berthi_pw_of(berthi_guest_of(store));
    uint32_t wanted = (uint32_t)cells[0].i32;

    (void)ctx;
    (void)diag;
    if (wanted != PW_ROOT && (!s->x.is_live || wanted != s->x.context))
        return berthi_pw_answer(cells, PW_BAD_ARGUMENT);
    s->effective = wanted;
    return berthi_pw_answer(cells, PW_OK);
}

/* Of a context that asked to be waited for; nothing waits for one. */
static PW_HOST(done)
{
    (void)ctx;
    (void)store;
    (void)diag;
    return berthi_pw_answer(cells, PW_NOT_FOUND);
}

static PW_HOST(clear_route_cache)
{
    (void)ctx;
    (void)store;
    (void)diag;
    return berthi_pw_answer(cells, PW_OK);
}

/* There are no calls whose status it could be. */
static PW_HOST(get_status)
{
    berthi_guest *g = berthi_guest_of(store);
    uint32_t to = (uint32_t)cells[0].i32;
    berth_status status;
    int code;

    (void)ctx;
    status = berthi_pw_give(g, "", 0, &cells[1], &code, diag);
    if (status != BERTH_OK)
        return status;
    berthi_pw_put32(g, to, 0, &code);
    return berthi_pw_answer(cells, code);
}

/* No function of that name is here. */
static PW_HOST(call_foreign)
{
    (void)ctx;
    (void)store;
    (void)diag;
    return berthi_pw_answer(cells, PW_NOT_FOUND);
}

/* What a filter would ask other servers. */
static PW_HOST(not_here)
{
    (void)ctx;
    (void)store;
    (void)diag;
    return berthi_pw_answer(cells, PW_UNIMPLEMENTED);
}

static const berthi_host_import functions[] = {
    { "proxy_log", "iii:i", log_line, 0 },
    { "proxy_get_log_level", "i:i", get_log_level, 0 },
    { "proxy_get_current_time_nanoseconds", "i:i", get_time, 0 },
    { "proxy_set_tick_period_milliseconds", "i:i", set_tick_period, 0 },
    { "proxy_get_configuration", "ii:i", get_configuration, 0 },
    { "proxy_get_buffer_bytes", "iiiii:i", berthi_pw_get_buffer_bytes, 0 },
    { "proxy_get_buffer_status", "iii:i", berthi_pw_get_buffer_status, 0 },
    { "proxy_set_buffer_bytes", "iiiii:i", berthi_pw_set_buffer_bytes, 0 },
    { "proxy_get_header_map_pairs", "iii:i", berthi_pw_get_map_pairs, 0 },
    { "proxy_get_header_map_size", "ii:i", berthi_pw_get_map_size, 0 },
    { "proxy_set_header_map_pairs", "iii:i", berthi_pw_set_map_pairs, 0 },
    { "proxy_get_header_map_value", "iiiii:i", berthi_pw_get_map_value, 0 },
    { "proxy_replace_header_map_value", "iiiii:i", berthi_pw_replace_map_value, 0 },
    { "proxy_add_header_map_value", "iiiii:i", berthi_pw_add_map_value, 0 },
    { "proxy_remove_header_map_value", "iii:i", berthi_pw_remove_map_value, 0 },
    { "proxy_get_property", "iiii:i", berthi_pw_get_property, 0 },
    { "proxy_set_property", "iiii:i", berthi_pw_set_property, 0 },
    { "proxy_get_shared_data", "iiiii:i", berthi_pw_get_shared_data, 0 },
    { "proxy_set_shared_data", "iiiii:i", berthi_pw_set_shared_data, 0 },
    { "proxy_register_shared_queue", "iii:i", berthi_pw_register_queue, 0 },
    { "proxy_resolve_shared_queue", "iiiii:i", berthi_pw_resolve_queue, 0 },
    { "proxy_enqueue_shared_queue", "iii:i", berthi_pw_enqueue, 0 },
    { "proxy_dequeue_shared_queue", "iii:i", berthi_pw_dequeue, 0 },
    { "proxy_continue_stream", "i:i", berthi_pw_continue_stream, 0 },
    { "proxy_continue_request", ":i", berthi_pw_continue_request, 0 },
    { "proxy_continue_response", ":i", berthi_pw_continue_response, 0 },
    { "proxy_close_stream", "i:i", berthi_pw_close_stream, 0 },
    { "proxy_clear_route_cache", ":i", clear_route_cache, 0 },
    { "proxy_send_local_response", "iiiiiiii:i", berthi_pw_send_local_response, 0 },
    { "proxy_set_effective_context", "i:i", set_effective_context, 0 },
    { "proxy_done", ":i", done, 0 },
    { "proxy_call_foreign_function", "iiiiii:i", call_foreign, 0 },
    { "proxy_get_status", "iii:i", get_status, 0 },
    { "proxy_define_metric", "iiii:i", berthi_pw_define_metric, 0 },
    { "proxy_increment_metric", "iI:i", berthi_pw_increment_metric, 0 },
    { "proxy_record_metric", "iI:i", berthi_pw_record_metric, 0 },
    { "proxy_get_metric", "ii:i", berthi_pw_get_metric, 0 },
    { "proxy_http_call", "iiiiiiiiii:i", not_here, 0 },
    { "proxy_grpc_call", "iiiiiiiiiiii:i", not_here, 0 },
    { "proxy_grpc_stream", "iiiiiiiii:i", not_here, 0 },
    { "proxy_grpc_send", "iiii:i", not_here, 0 },
    { "proxy_grpc_cancel", "i:i", not_here, 0 },
    { "proxy_grpc_close", "i:i", not_here, 0 },
};

const berthi_host_module berthi_pw_module = { "env", functions,
                                              sizeof functions / sizeof *functions };
