/* os/clock.h - time.  Layer: os. */
#ifndef BERTHI_OS_CLOCK_H
#define BERTHI_OS_CLOCK_H

#include <stdint.h>

uint64_t berthi_clock_ns(void); /* monotonic */

/* Since 1970, in UTC. */
void berthi_clock_wall(uint64_t *seconds_out, uint32_t *ns_out);

/* Waits until the monotonic clock reads `until_ns`.  Only the ticker needs it. */
void berthi_clock_wait_until(uint64_t until_ns);

#endif
