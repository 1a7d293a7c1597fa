/* component/wit/wit_types.h - types of a WIT text as types of components.  Layer: component.
 *
 * Each is interned in the store that is given, so that it is the very type that a component in that
 * store has when both say the same.  Resources are leaves, and whoever asks says which stands for
 * which. */
#ifndef BERTHI_COMPONENT_WIT_TYPES_H
#define BERTHI_COMPONENT_WIT_TYPES_H

#include "component/types/types.h"
#include "contract/wit.h"

typedef struct berthi_cm_wit {
    berthi_cm_types *types;
    const berthi_wit *model; /* names are lent from it */
    /* The resource of that index, which is no alias; NULL: failed. */
    const berthi_cm_type *(*resource)(void *ctx, uint32_t index);
    void *ctx;
    const berthi_cm_type **made; /* per type of the model; zeroed, types_count of them */
} berthi_cm_wit;

/* NULL: failed, as `types` says. */
const berthi_cm_type *berthi_cm_wit_type(berthi_cm_wit *w, uint32_t index);
const berthi_cm_type *berthi_cm_wit_func(berthi_cm_wit *w, const berthi_wit_func *func);

#endif
