/* admit/cclb_probes.h - sample requests of cc-lb's hooks.  Private to src/admit. */
#ifndef BERTHI_ADMIT_CCLB_PROBES_H
#define BERTHI_ADMIT_CCLB_PROBES_H

#include <stdint.h>

extern const uint8_t berthi_cclb_probe_filter[376];
extern const uint8_t berthi_cclb_probe_shape[256];
extern const uint8_t berthi_cclb_probe_transform_response[248];
extern const uint8_t berthi_cclb_probe_transform_sse_event[292];

#define BERTHI_CCLB_PROBE(hook)                                                                \
    {                                                                                          \
        berthi_cclb_probe_##hook, sizeof berthi_cclb_probe_##hook                              \
    }

#endif
