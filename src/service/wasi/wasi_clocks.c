/* wasi_clocks.c - wasi:clocks: monotonic-clock, wall-clock.  Layer: service. */
#include "service/wasi/wasi.h"

enum { NS_PER_S = 1000000000 };

static berth_status monotonic_now(void *ctx, const void *args, uint64_t *result,
                                  berth_host_call *call)
{
    berthi_services *s = berthi_wasi_services(call);

    if (!berthi_grants_has(s->grants, BERTHI_RIGHT_CLOCK_MONOTONIC))
        return berthi_wasi_refuse(call, BERTHI_RIGHT_CLOCK_MONOTONIC);
    *result = berthi_services_monotonic_ns(s);
    return BERTH_OK;
}

static berth_status monotonic_resolution(void *ctx, const void *args, uint64_t *result,
                                         berth_host_call *call)
{
    *result = berthi_services_resolution_ns(berthi_wasi_services(call));
    return berthi_wasi_need(call, BERTHI_RIGHT_CLOCK_MONOTONIC);
}

static berth_status monotonic_subscribe_instant(
    void *ctx, const berthi_wasi_monotonic_clock_subscribe_instant_args *args,
    berthi_wasi_poll_pollable *result, berth_host_call *call)
{
    berth_status status = berthi_wasi_need(call, BERTHI_RIGHT_CLOCK_MONOTONIC);

    if (status != BERTH_OK)
        return status;
    return berthi_wasi_give(call, ((berthi_wasi *)ctx)->imports.poll_pollable.kind,
                            berthi_pollable_at(berthi_wasi_services(call), args->when),
                            &result->handle);
}

static berth_status monotonic_subscribe_duration(
    void *ctx, const berthi_wasi_monotonic_clock_subscribe_duration_args *args,
    berthi_wasi_poll_pollable *result, berth_host_call *call)
{
    berthi_services *s = berthi_wasi_services(call);
    berth_status status = berthi_wasi_need(call, BERTHI_RIGHT_CLOCK_MONOTONIC);
    uint64_t at;

    if (status != BERTH_OK)
        return status;
    if (__builtin_add_overflow(berthi_services_monotonic_ns(s), args->when, &at))
        at = UINT64_MAX;
    return berthi_wasi_give(call, ((berthi_wasi *)ctx)->imports.poll_pollable.kind,
                            berthi_pollable_at(s, at), &result->handle);
}

static berth_status wall_now(void *ctx, const void *args,
                             berthi_wasi_wall_clock_datetime *result, berth_host_call *call)
{
    berthi_services *s = berthi_wasi_services(call);

    if (!berthi_grants_has(s->grants, BERTHI_RIGHT_CLOCK_WALL))
        return berthi_wasi_refuse(call, BERTHI_RIGHT_CLOCK_WALL);
    berthi_services_wall(s, &result->seconds, &result->nanoseconds);
    return BERTH_OK;
}

static berth_status wall_resolution(void *ctx, const void *args,
                                    berthi_wasi_wall_clock_datetime *result,
                                    berth_host_call *call)
{
    uint64_t ns = berthi_services_resolution_ns(berthi_wasi_services(call));

    result->seconds = ns / NS_PER_S;
    result->nanoseconds = (uint32_t)(ns % NS_PER_S);
    return berthi_wasi_need(call, BERTHI_RIGHT_CLOCK_WALL);
}

void berthi_wasi_fill_clocks(berthi_wasi_imports *imports)
{
    imports->monotonic_clock_now = monotonic_now;
    imports->monotonic_clock_resolution = monotonic_resolution;
    imports->monotonic_clock_subscribe_instant = monotonic_subscribe_instant;
    imports->monotonic_clock_subscribe_duration = monotonic_subscribe_duration;
    imports->wall_clock_now = wall_now;
    imports->wall_clock_resolution = wall_resolution;
}
