/* clock.c - the monotonic clock.  Layer: os. */
#include "os/clock.h"

#include <errno.h>
#include <time.h>

uint64_t berthi_clock_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void berthi_clock_wall(uint64_t *seconds_out, uint32_t *ns_out)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    *seconds_out = (uint64_t)now.tv_sec;
    *ns_out = (uint32_t)now.tv_nsec;
}

void berthi_clock_wait_until(uint64_t until_ns)
{
    struct timespec until = { .tv_sec = (time_t)(until_ns / 1000000000u),
                              .tv_nsec = (long)(until_ns % 1000000000u) };

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        continue;
}
