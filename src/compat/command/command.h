/* compat/command/command.h - programs of WASI preview 1, as plugins of one hook.
 *
 * A core module that exports `_start` and imports nothing but preview 1: what C, Rust, Go and others make of a
 * program.  It runs when its hook `run` is called, to its end, and its instance is gone then.  Its exit
 * code is the answer: 0 is an empty reply, any other BERTH_REASON_EXIT with the code.
 * Layer: compat. */
#ifndef BERTHI_COMPAT_COMMAND_COMMAND_H
#define BERTHI_COMPAT_COMMAND_COMMAND_H

#include "admit/family.h"

extern const berthi_profile berthi_profile_command; /* wasi-command/1 */

#endif
