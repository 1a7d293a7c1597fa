/* service/wasi/wasi_link.h - which interfaces of WASI a slot's grants link.  Layer: service. */
#ifndef BERTHI_SERVICE_WASI_LINK_H
#define BERTHI_SERVICE_WASI_LINK_H

#include <berth/host.h>

#include "service/grant/grants.h"

/* It begins with "wasi:". */
bool berthi_is_wasi(const char *interface, size_t size);
/* What an interface of WASI asks for: grants as text, NULL when it asks for none, and whether it is linked without.
 * False: it is none that Berth has. */
bool berthi_wasi_asks(const char *interface, size_t size, const char **grants_out,
                      bool *is_needed_out);
/* The grant without which an import of that interface is not linked; NULL: it is, or it is none of those
 * that berth_wasi_offer() gave this host. */
const char *berthi_wasi_missing(struct berth_host *host, const char *interface, size_t size,
                                const berth_grants *grants);

#endif
