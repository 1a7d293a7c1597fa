/* extism/extism.h - plugins that were built for Extism, unmodified.
 *
 * What this directory is: the host module `extism:host/env` and the profile `extism/1`, as
 * docs/design/0015-module-imports.md has it.  blocks.h is the memory that a plugin and its host share, env.c the
 * functions over it, values.c configuration and variables, http.c requests, log.c lines of a log, plugin.c what a plugin is and how it is
 * called.  What users see: docs/extism.md.  Layer: compat. */
#ifndef BERTHI_COMPAT_EXTISM_H
#define BERTHI_COMPAT_EXTISM_H

#include "admit/admit.h"

extern const berthi_profile berthi_profile_extism;

#endif
