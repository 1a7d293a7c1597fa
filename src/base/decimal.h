/* base/decimal.h - floating point numbers as decimal text, exact both ways.  Layer: base.
 *
 * The C library converts correctly but writes and reads the decimal point of the process's locale,
 * which is the host's to choose.  So nothing with a point goes through it: what is read is moved
 * behind an exponent first, what is written is put together from its digits. */
#ifndef BERTHI_BASE_DECIMAL_H
#define BERTHI_BASE_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>

enum {
    BERTHI_DECIMAL_READ_MAX = 1200, /* characters of a number; 770 digits decide any rounding */
    BERTHI_DECIMAL_ROOM = 40        /* what a number needs, with its terminator */
};

/* The size of the number that `text` starts with, as JSON has it (-0.5e+3), or 0. */
size_t berthi_decimal_scan(const char *text, size_t size, bool *is_integer_out);

/* The nearest value of such a number.  False: too long, or beyond the largest finite one. */
bool berthi_decimal_read_f64(const char *text, size_t size, double *value_out);
bool berthi_decimal_read_f32(const char *text, size_t size, float *value_out);

/* The fewest digits that read as the same value again; a finite one is a JSON number, others are
 * "nan", "inf" and "-inf".  Returns the size; terminated. */
size_t berthi_decimal_write_f64(char out[static BERTHI_DECIMAL_ROOM], double value);
size_t berthi_decimal_write_f32(char out[static BERTHI_DECIMAL_ROOM], float value);

#endif
