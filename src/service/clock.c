/* clock.c - the clocks that plugins see.  Layer: service.
 *
 * Those of a deterministic instance begin anew with it, and go on by a step with each look: a loop that waits for
 * the clock ends, and two runs read the same. */
#include "service/services.h"

#include "os/clock.h"

enum { NS_PER_S = 1000000000 };

uint64_t berthi_services_monotonic_ns(berthi_services *s)
{
    uint64_t now;

    if (!s->is_deterministic)
        return berthi_clock_ns();
    now = s->clock_ns;
    s->clock_ns += berthi_grants_options(s->grants)->step_ns;
    return now;
}

void berthi_services_wall(berthi_services *s, uint64_t *seconds_out, uint32_t *ns_out)
{
    uint64_t now;

    if (!s->is_deterministic) {
        berthi_clock_wall(seconds_out, ns_out);
        return;
    }
    now = berthi_grants_options(s->grants)->wall_ns + berthi_services_monotonic_ns(s);
    *seconds_out = now / NS_PER_S;
    *ns_out = (uint32_t)(now % NS_PER_S);
}

uint64_t berthi_services_resolution_ns(const berthi_services *s)
{
    return s->is_deterministic ? berthi_grants_options(s->grants)->step_ns : 1;
}
