/* compat/proxywasm/proxywasm.h - HTTP filters of proxy-wasm: its ABI 0.1.0, 0.2.0 and 0.2.1, as plugins of slots.
 *
 * A filter is a core module that imports `env` `proxy_*` and is told of a request and of its response by calls of its
 * own exports.  It is driven by berth_slot_http_filter() (<berth/http.h>), through the family's `http`; hooks of
 * bytes it has none.  docs/proxy-wasm.md says what it gets.  Layer: compat. */
#ifndef BERTHI_COMPAT_PROXYWASM_H
#define BERTHI_COMPAT_PROXYWASM_H

#include "admit/admit.h"

extern const berthi_profile berthi_profile_proxywasm; /* proxy-wasm/0.2 */

#endif
