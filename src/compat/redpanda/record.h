/* redpanda/record.h - a record as a transform and its host write it.
 *
 * Key, value and headers; sizes and counts are numbers of compat/zigzag.h, and a size of -1 is that of nothing at
 * all.
 *
 * Layer: compat. */
#ifndef BERTHI_COMPAT_REDPANDA_RECORD_H
#define BERTHI_COMPAT_REDPANDA_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The value within a record of `size` bytes, which is lent; NULL and 0 where it has none.  False: it is no
 * record, or something is behind it. */
bool berthi_redpanda_record_read(const uint8_t *record, size_t size, const uint8_t **value_out,
                                 size_t *value_size_out);

#endif
