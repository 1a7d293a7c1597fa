/* compat/zigzag.h - numbers as Kafka and its kin write them: zigzag, seven bits a byte, lowest first.
 * Layer: compat. */
#ifndef BERTHI_COMPAT_ZIGZAG_H
#define BERTHI_COMPAT_ZIGZAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BERTHI_ZIGZAG_MAX = 10 }; /* bytes of a number */

/* The number there, *size_io bytes at most; how many it has is there afterwards.  False: none is. */
bool berthi_zigzag_read(const uint8_t *at, size_t *size_io, int64_t *value_out);
/* Returns how many bytes it has. */
size_t berthi_zigzag_write(uint8_t to[BERTHI_ZIGZAG_MAX], int64_t value);

#endif
