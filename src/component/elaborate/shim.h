/* component/elaborate/shim.h - core modules that only pass calls on, recognized.  Layer: component.
 *
 * Toolchains that wrap a core module as a component cannot lower an import before the module's memory
 * exists, nor instantiate the module before its imports do.  They put a shim in between: a module of
 * functions that each call through one element of a table, which a fixup module fills afterwards.
 * Both can go when nothing but that is in them: conditions S1 to S4 and F1 to F4 are about one module
 * and are here, C1 to C6 are about how they are linked and are in shim.c.  When in doubt they stay.
 * Why nobody can tell: docs/design/0006-shims.md. */
#ifndef BERTHI_COMPONENT_SHIM_H
#define BERTHI_COMPONENT_SHIM_H

#include "component/elaborate/elaborate.h"

/* Each function passes its arguments on to the element of its number in `slots`. */
typedef struct berthi_cm_shim {
    const berthi_wasm_info *info;
    uint32_t count;        /* of functions and of elements */
    const uint32_t *slots; /* by function: a permutation */
} berthi_cm_shim;

/* Element k becomes the import number `imports[k]`; then the import `start` is called. */
typedef struct berthi_cm_fixup {
    const berthi_wasm_info *info;
    uint32_t count, table, start; /* start: BERTHI_CM_NO_INDEX: there is none */
    const uint32_t *imports, *funcs;
} berthi_cm_fixup;

/* False: it is no such module, or the failure has been recorded. */
bool berthi_cm_read_shim(berthi_cm_types *s, const berthi_wasm_info *info,
                         berthi_cm_shim *shim_out);
bool berthi_cm_read_fixup(berthi_cm_types *s, const berthi_wasm_info *info,
                          berthi_cm_fixup *fixup_out);
/* Imports one function and starts with it; nothing else. */
bool berthi_cm_is_starter(const berthi_wasm_info *info);

#endif
