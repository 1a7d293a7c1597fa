/* fault_sweep.h - runs one step again and again, failing its 1st, 2nd, ... allocation or system
 * call, once or from then on, until the step meets no failure any more. */
#ifndef BERTHT_FAULT_SWEEP_H
#define BERTHT_FAULT_SWEEP_H

#include "slot_rig.h"

/* What is tried; what it made it takes apart again. */
typedef berth_status (*fault_step)(void *ctx, berth_diag *diag);
/* After each step, when nothing fails any more: everything is as it was before. */
typedef void (*fault_check)(void *ctx, berth_status status);

/* Each way of failing, each number.  A step that fails answers BERTH_E_NOMEM for an allocation,
 * BERTH_E_OS or BERTH_E_NOMEM for a system call, with a diag that says the same; it may also
 * succeed without what failed.  The number of failures that it has met. */
size_t fault_sweep(bertht_memory *memory, fault_step step, fault_check check, void *ctx);

/* System calls are part of it (the build has BERTH_FAULTS). */
bool fault_sweep_has_os(void);

#endif
