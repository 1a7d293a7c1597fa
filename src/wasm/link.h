/* wasm/link.h - what every provider checks before it binds a module's imports for good.
 *
 * Layer: wasm.  One home for it, so that providers refuse the same modules in the same words. */
#ifndef BERTHI_WASM_LINK_H
#define BERTHI_WASM_LINK_H

#include "base/alloc.h"
#include "wasm/module.h"

typedef struct berthi_link_import { /* in the order of the import section */
    berthi_name module, name;
    const berthi_functype *type; /* NULL: not a function */
} berthi_link_import;

/* The checks that module_link() promises in engine.h: BERTH_E_INVALID and BERTH_E_REJECTED for
 * what does not fit, BERTH_E_NOMEM. */
berth_status berthi_link_check(const berth_allocator *allocator,
                               const berthi_link_import *imports, uint32_t imports_count,
                               const berthi_wasm_binding *bindings, size_t bindings_count,
                               berth_diag *diag);

#endif
