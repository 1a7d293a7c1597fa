/* component/value/value_type.h - types as <berth/value.h> has them.  Layer: component.
 *
 * A berth_type is a berthi_cm_type by another name.  The one that a caller owns is a copy at the beginning of
 * what holds all its parts. */
#ifndef BERTHI_COMPONENT_VALUE_TYPE_H
#define BERTHI_COMPONENT_VALUE_TYPE_H

#include <berth/value.h>

#include "component/value/value_reader.h"

enum { BERTHI_CM_TYPE_BYTES_MAX = 64 << 10 }; /* of a type's text */

static inline const berthi_cm_type *berthi_cm_type_of(const berth_type *type)
{
    return (const berthi_cm_type *)(const void *)type;
}

static inline const berth_type *berthi_type_of(const berthi_cm_type *type)
{
    return (const berth_type *)(const void *)type;
}

/* Of what a caller owns and is a function: its text without blanks, as slots agree upon it. */
const char *berthi_value_func_text(const berth_type *func);

/* The type as text.  Fails: BERTH_E_LIMIT (64 KiB), BERTH_E_NOMEM. */
berth_status berthi_value_type_text(const berthi_cm_type *type, berthi_arena *arena,
                                    const char **text_out, berth_diag *diag)
    __attribute__((warn_unused_result));

/* Cases of a variant, enum, option or result; 0: of none of them. */
uint32_t berthi_value_cases(const berthi_cm_type *type);
/* What case `index` carries; NULL: nothing. */
const berthi_cm_type *berthi_value_payload(const berthi_cm_type *type, uint32_t index);

/* The parts of a value, which berth_value_at() gives one by one: `items` lie one after the other, `count`
 * of them in each of `rounds`, which are `size` bytes apart.  A tag beyond its cases, or a null pointer, has
 * none. */
typedef struct berthi_value_parts {
    const berthi_cm_extern *items;
    unsigned char *data;
    size_t rounds, size;
    uint32_t count;
} berthi_value_parts;
berthi_value_parts berthi_value_parts_of(const berthi_cm_type *type, void *data);

#endif
