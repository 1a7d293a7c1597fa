/* base/unicode.h - text that is known to be valid, between UTF-8, UTF-16 and Latin-1.
 *
 * UTF-16 is little-endian units as bytes, at any address.  Nothing here allocates; each function
 * says how much room its output needs at most, and writes no more whatever the input is.  Input and
 * output do not overlap unless it says so.  Sizes are small enough that four times one is no
 * overflow.  Layer: base. */
#ifndef BERTHI_BASE_UNICODE_H
#define BERTHI_BASE_UNICODE_H

#include "base/utf8.h"

/* Each surrogate has its other half. */
bool berthi_utf16_is_valid(const uint8_t *units, size_t count);
/* How many units, or bytes of Latin-1, come before the first that is `bound` (0x80 or 0x100) or
 * more. */
size_t berthi_utf16_run(const uint8_t *units, size_t count, uint32_t bound);

/* Bytes that the text takes in UTF-8. */
size_t berthi_utf16_size_in_utf8(const uint8_t *units, size_t count);
size_t berthi_latin1_size_in_utf8(const uint8_t *text, size_t size);

/* At most one unit a byte.  Returns how many units. */
size_t berthi_utf8_to_utf16(const uint8_t *text, size_t size, uint8_t *out);
/* Until the first character that Latin-1 has not, or the end; at most one byte a byte.  *taken_out
 * is how much of `text` it took.  Returns how many bytes. */
size_t berthi_utf8_to_latin1(const uint8_t *text, size_t size, uint8_t *out, size_t *taken_out);
/* At most three bytes a unit.  Returns how many bytes. */
size_t berthi_utf16_to_utf8(const uint8_t *units, size_t count, uint8_t *out);
/* At most two bytes a byte.  Returns how many bytes. */
size_t berthi_latin1_to_utf8(const uint8_t *text, size_t size, uint8_t *out);

/* A byte a unit, and a unit a byte.  `out` may be the input. */
void berthi_utf16_narrow(const uint8_t *units, size_t count, uint8_t *out);
void berthi_latin1_widen(const uint8_t *text, size_t size, uint8_t *out);

#endif
