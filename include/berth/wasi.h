/* berth/wasi.h - WASI 0.2 for plugins.
 *
 * What of it a plugin may use is said by the grants of its slot (<berth/grant.h>, docs/grants.md).
 *
 * Words: <berth/base.h>.  Stability: draft until 1.0.
 */
#ifndef BERTH_WASI_H
#define BERTH_WASI_H

#include <berth/host.h>

BERTH_BEGIN

/* Offers the interfaces of WASI 0.2 to the components of runtimes that have this host, beside what else
 * the host offers.  A component that imports some 0.2.x gets them.  Once per host; after a failure
 * the host is to be destroyed.
 * Thread: any.  Blocks: briefly.  Fails: BERTH_E_STATE, BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_wasi_offer(berth_host *host, berth_diag *diag);

BERTH_END
#endif /* BERTH_WASI_H */
