/* component/run/host_native.h - what a host offers to a native plugin: found by names and shapes of types.
 *
 * A component's types are held against the host's in the component's own store (host_link.c).  A native
 * plugin has a world of WIT, so both sides are shapes (contract/contract.h): what is of one shape lies
 * alike in memory.  Layer: component.  Read first: host.h. */
#ifndef BERTHI_COMPONENT_HOST_NATIVE_H
#define BERTHI_COMPONENT_HOST_NATIVE_H

#include "component/run/host.h"

/* An interface that a world imports, or what it imports by itself. */
typedef struct berthi_host_need {
    const char *name; /* as the world names it; NULL: of the world itself */
    const berthi_wit *model;
    uint32_t package; /* the interface's or the world's */
    uint32_t funcs_count, resources_count;
    const berthi_wit_func *const *funcs;
    const char *const *resources;
} berthi_host_need;

/* Fills both arrays in the order of the need.  What is given is used while the host is there.
 * `host` may be NULL, which offers nothing.
 * Fails: BERTH_E_REJECTED with what is missing or differs, BERTH_E_LIMIT, BERTH_E_NOMEM. */
berth_status berthi_host_find_native(berth_host *host, const berthi_host_need *need,
                                     const berth_allocator *allocator,
                                     const berthi_host_func **funcs_out,
                                     const berth_host_resource **resources_out,
                                     berth_diag *diag) __attribute__((warn_unused_result));

#endif
