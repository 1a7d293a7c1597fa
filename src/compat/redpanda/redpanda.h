/* redpanda/redpanda.h - data transforms that were built for Redpanda, unmodified.
 *
 * What this directory is: the host module `redpanda_transform` and the profile `redpanda/1`, as
 * docs/design/0015-module-imports.md has it.  record.h reads a record as it is written between them, transform.c has
 * the functions, plugin.c what a transform is and how it is called.  What users see: docs/redpanda.md.
 *
 * Layer: compat. */
#ifndef BERTHI_COMPAT_REDPANDA_H
#define BERTHI_COMPAT_REDPANDA_H

#include "admit/admit.h"

extern const berthi_profile berthi_profile_redpanda;

#endif
