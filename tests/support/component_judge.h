/* component_judge.h - the verdict of all that looks at a component before it is instantiated. */
#ifndef BERTHT_COMPONENT_JUDGE_H
#define BERTHT_COMPONENT_JUDGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

/* Reads, validates and elaborates.  What is valid but not elaborated for another reason than that
 * something is not supported, or has steps that cannot be, ends the process with a line on stderr. */
berth_status component_judge(const uint8_t *bytes, size_t size, berth_diag *diag);

#endif
