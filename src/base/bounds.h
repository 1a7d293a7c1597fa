/* base/bounds.h - what may be asked for at most, whoever asks: options of slots and of runtimes, and
 * manifests of bundles, which are the plugin's word and not the host's.  docs/limits.md has them too.
 * Layer: base. */
#ifndef BERTHI_BASE_BOUNDS_H
#define BERTHI_BASE_BOUNDS_H

#include <stdint.h>

enum { BERTHI_SLOT_CALLS_MOST = 65536, BERTHI_SLOT_INSTANCES_MOST = 4096 };

#define BERTHI_LINEAR_MEMORY_MOST (UINT64_C(4) << 30) /* bytes of a 32-bit memory */

/* Of manifests alone: where the host says nothing, a plugin does not make it wait for ever. */
#define BERTHI_MANIFEST_TIME_NS_MOST (UINT64_C(3600) * 1000000000)
#define BERTHI_MANIFEST_OUTPUT_MOST  (UINT64_C(1) << 30)

#endif
