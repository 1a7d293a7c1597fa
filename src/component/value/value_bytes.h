/* component/value/value_bytes.h - how many bytes the strings and lists of a value have, for those who count.
 * Layer: component. */
#ifndef BERTHI_COMPONENT_VALUE_BYTES_H
#define BERTHI_COMPONENT_VALUE_BYTES_H

#include <string.h>

#include "component/types/types.h"

/* Of a value in host layout, of a function's arguments, and of its result, which it need not have. */
uint64_t berthi_cm_value_bytes(const berthi_cm_type *type, const void *value);
uint64_t berthi_cm_args_bytes(const berthi_cm_type *func, const void *args);
uint64_t berthi_cm_result_bytes(const berthi_cm_type *func, const void *result);

/* The same, made ready for one function: most have no string or list, or one, in a place of its own. */
typedef struct berthi_cm_measure {
    uint32_t at, each; /* `each` bytes for each of the count that lies there; 0: none at all */
    bool is_walk;      /* none of that: part by part */
    const berthi_cm_type *type;
} berthi_cm_measure;

berthi_cm_measure berthi_cm_measure_args(const berthi_cm_type *func);
berthi_cm_measure berthi_cm_measure_result(const berthi_cm_type *func);
uint64_t berthi_cm_measure_walk(const berthi_cm_type *type, const void *value);

/* There may be any. */
static inline bool berthi_cm_measures(const berthi_cm_measure *m)
{
    return m->each != 0 || m->is_walk;
}

static inline uint64_t berthi_cm_measured(const berthi_cm_measure *m, const void *value)
{
    size_t count;

    if (__builtin_expect(m->is_walk, 0))
        return berthi_cm_measure_walk(m->type, value);
    if (m->each == 0)
        return 0;
    memcpy(&count, (const char *)value + m->at, sizeof count);
    return (uint64_t)count * m->each;
}

#endif
