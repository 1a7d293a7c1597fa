/* component/plan/owned.h - resources of the host while they are on their way.
 *
 * A destructor of the host's runs exactly once for each own handle that a guest was given, also when a
 * call breaks off half way.  While values are lifted, the handles that have left the guest are
 * noted; while they are lowered, those that have arrived are counted.  When the call breaks off,
 * what was noted, or did not arrive, is destroyed; what arrived is in a table, and goes with it.
 *
 * Layer: component. */
#ifndef BERTHI_COMPONENT_OWNED_H
#define BERTHI_COMPONENT_OWNED_H

#include "component/types/types.h"

typedef void (*berthi_cm_owned_visit)(void *ctx, uint32_t resource, uint64_t handle);

/* Visits the own handles in a value in host layout, in the order of its parts, which is that of
 * lowering.  A tag that is none has no payload.  `type` may be NULL: there is no value. */
void berthi_cm_owned_walk(const berthi_cm_type *type, const void *value,
                          berthi_cm_owned_visit visit, void *ctx);
/* The same for a function's arguments. */
void berthi_cm_owned_walk_args(const berthi_cm_type *func, const void *args,
                               berthi_cm_owned_visit visit, void *ctx);

#endif
