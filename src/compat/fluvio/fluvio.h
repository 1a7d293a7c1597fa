/* fluvio/fluvio.h - SmartModules that were built for Fluvio, unmodified.
 *
 * What this directory is: the host module `env` with its one function and the profile `fluvio/1`, as
 * docs/design/0015-module-imports.md has it.  codec.h is how a SmartModule and its host write records, plugin.c what a
 * SmartModule is and how it is called.  What users see: docs/fluvio.md.  Layer: compat. */
#ifndef BERTHI_COMPAT_FLUVIO_H
#define BERTHI_COMPAT_FLUVIO_H

#include "admit/admit.h"

extern const berthi_profile berthi_profile_fluvio;

#endif
