/* families.c - all profiles that plugins are admitted by.  Layer: runtime. */
#include "runtime/families.h"

#include <berth/admit.h>

#include "compat/command/command.h"
#include "compat/extism/extism.h"
#include "compat/fluvio/fluvio.h"
#include "compat/proxywasm/proxywasm.h"
#include "compat/redpanda/redpanda.h"

const berthi_profile *const berthi_families[] = {
    &berthi_profile_berth,
    &berthi_profile_cclb, /* admission's own */
    &berthi_profile_extism,
    &berthi_profile_fluvio,
    &berthi_profile_redpanda,
    &berthi_profile_proxywasm,
    &berthi_profile_command, /* src/compat */
    NULL,
};

berth_status berth_inspect(const berth_allocator *allocator, const void *bytes, size_t size,
                           uint64_t artifact_bytes_max, berth_verdict **verdict_out,
                           berth_diag *diag)
{
    return berthi_inspect(allocator, bytes, size, artifact_bytes_max, berthi_families,
                          verdict_out, diag);
}
