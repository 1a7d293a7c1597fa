/* steps_check.h - what must hold of any list of steps that elaboration makes. */
#ifndef BERTHT_STEPS_CHECK_H
#define BERTHT_STEPS_CHECK_H

#include "component/elaborate/steps.h"

/* NULL, or what does not hold: an index out of range, an item that is used before its instance
 * exists or that its module does not export, a slot that is filled twice or never. */
const char *steps_check(const berthi_cm_steps *steps);

#endif
