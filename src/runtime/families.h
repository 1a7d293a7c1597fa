/* runtime/families.h - which profiles there are: admission's own, and those of src/compat.
 * Layer: runtime. */
#ifndef BERTHI_RUNTIME_FAMILIES_H
#define BERTHI_RUNTIME_FAMILIES_H

#include "admit/admit.h"

/* NULL-terminated; the order in which admission tries them. */
extern const berthi_profile *const berthi_families[];

#endif
