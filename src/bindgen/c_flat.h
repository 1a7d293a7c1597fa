/* bindgen/c_flat.h - values as the few numbers that core functions take, in C.  Layer: bindgen. */
#ifndef BERTHI_BINDGEN_C_FLAT_H
#define BERTHI_BINDGEN_C_FLAT_H

#include "bindgen/shape.h"

typedef enum berthi_bg_core {
    BERTHI_BG_I32,
    BERTHI_BG_I64,
    BERTHI_BG_F32,
    BERTHI_BG_F64
} berthi_bg_core;

typedef struct berthi_bg_flat {
    uint8_t cores[BERTHI_CM_FLAT_PARAMS_MAX]; /* of berthi_bg_core */
    uint32_t count;
} berthi_bg_flat;

const char *berthi_bg_core_type(uint8_t core); /* in C */

/* Appends a type's core values, which must fit. */
void berthi_bg_flatten(const berthi_bg *bg, uint32_t type, berthi_bg_flat *flat);

/* Statements that set `path`, of a type, from the variables NAME0, NAME1 ... of `flat`, from *at on, or
 * the other way round.  *at moves behind them. */
void berthi_bg_write_lift(berthi_bg *bg, berthi_bg_out *o, uint32_t type, const char *path,
                          const char *name, const berthi_bg_flat *flat, uint32_t *at);
void berthi_bg_write_lower(berthi_bg *bg, berthi_bg_out *o, uint32_t type, const char *path,
                           const char *name, const berthi_bg_flat *flat, uint32_t *at);

#endif
