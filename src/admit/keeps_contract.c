/* keeps_contract.c - berth_contract_check(), whatever the artifact is.  Layer: admit. */
#include <berth/contract.h>

#include <inttypes.h>

#include "admit/native_plugin.h"
#include "base/diag.h"
#include "component/wit/contract_check.h"
#include "component/wrap/wrap.h"

static berth_status check_native(const berth_contract *contract, const void *bytes, size_t size,
                                 berth_diag *diag)
{
    const berthi_admit_limits limits = { .contract = contract };
    berthi_native_plugin native;
    berthi_plugin plugin;
    berthi_arena arena;
    berth_status status;

    berthi_arena_init(&arena, &contract->allocator, SIZE_MAX);
    status = berthi_admit_native(bytes, size, NULL, NULL, &limits, NULL, &arena, &arena,
                                 &plugin, &native, diag);
    berthi_arena_fini(&arena);
    return status;
}

berth_status berth_contract_check(const berth_contract *contract, const void *bytes,
                                  size_t size, berth_diag *diag)
{
    BERTHI_REQUIRE(contract != NULL && (bytes != NULL || size == 0), diag);
    if (size > BERTHI_ARTIFACT_BYTES_MAX)
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_ARTIFACT,
                                   "the artifact has %zu bytes; the limit is %" PRIu64, size,
                                   BERTHI_ARTIFACT_BYTES_MAX);
    return berthi_is_elf(bytes, size) ? check_native(contract, bytes, size, diag)
                                      : berthi_component_keeps(contract, bytes, size, diag);
}
