/* steps_calls.c - which imports of a component may be called.  Layer: component. */
#include "component/component.h"
#include "component/elaborate/steps.h"

/* Function `need` of the host's is lowered for core code somewhere. */
static bool is_lowered(const berthi_cm_steps *steps, uint32_t need)
{
    for (uint32_t i = 0; i < steps->trampolines_count; i++)
        if (steps->trampolines[i].kind == BERTHI_CM_TO_HOST &&
            steps->trampolines[i].target == need)
            return true;
    return false;
}

static bool hands_on(const berthi_cm_export *exports, uint32_t count, uint32_t need)
{
    for (uint32_t i = 0; i < count; i++)
        if ((exports[i].sort == BERTHI_CM_FUNC && exports[i].is_host &&
             exports[i].index == need) ||
            (exports[i].sort == BERTHI_CM_INSTANCE &&
             hands_on(exports[i].exports, exports[i].count, need)))
            return true;
    return false;
}

bool berthi_cm_calls_import(const berthi_cm_steps *steps, berthi_name interface)
{
    for (uint32_t i = 0; i < steps->needs_count; i++)
        if (steps->needs[i].sort == BERTHI_CM_FUNC &&
            berthi_cm_same_name(steps->needs[i].path[0], interface) &&
            (is_lowered(steps, i) || hands_on(steps->exports, steps->exports_count, i)))
            return true;
    return false;
}
