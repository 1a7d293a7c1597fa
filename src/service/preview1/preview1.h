/* service/preview1/preview1.h - WASI preview 1 for core modules, over the services of service/.
 *
 * The host module `wasi_snapshot_preview1`, with all of its 45 functions.
 * Layer: service.  Read first: service/guest.h. */
#ifndef BERTHI_SERVICE_PREVIEW1_H
#define BERTHI_SERVICE_PREVIEW1_H

#include "service/guest.h"

extern const berthi_host_module berthi_preview1_module;

/* What a function asks for: grants as text, NULL when it asks for none, and whether it is linked without. */
const char *berthi_preview1_asks(const char *function, size_t size, bool *is_needed_out);

/* Closes all that the instance had; its services are there yet. */
void berthi_preview1_end(berthi_guest *g);

#endif
