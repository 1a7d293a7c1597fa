/* service/offered.h - what a host offers to core modules (<berth/core_host.h>).
 *
 * Each function is a row as those of Berth's own host modules, which lives as long as the host, so that
 * admission and binding know no difference.  Thread: any; the host's lock.  Layer: service. */
#ifndef BERTHI_SERVICE_OFFERED_H
#define BERTHI_SERVICE_OFFERED_H

#include "service/guest.h"

/* NULL: this host does not offer it.  `host` may be NULL. */
const berthi_host_import *berthi_offered_find(struct berth_host *host, berthi_name module,
                                              berthi_name name);

#endif
