/* fluvio/codec.h - how a SmartModule and its host write what they give each other.
 *
 * Numbers are big-endian; lengths of records, keys and values are zigzag numbers of seven bits a byte, as in
 * zigzag.h.  What a SmartModule wrote is read without trusting it.  Layer: compat. */
#ifndef BERTHI_COMPAT_FLUVIO_CODEC_H
#define BERTHI_COMPAT_FLUVIO_CODEC_H

#include "base/alloc.h"
#include "base/json_reader.h"

/* The version that is spoken: the newest that modules of every release since 16 read alike. */
enum { FLUVIO_VERSION = 19 };

typedef struct fluvio_bytes {
    const uint8_t *data;
    size_t size;
} fluvio_bytes;

/* ---------------------------------------------------------------- to it */

/* How many bytes the input of a call has: one record with this value; of an aggregate with `accumulator`, which is NULL
 * for the others. */
size_t berthi_fluvio_input_size(size_t value_size, const fluvio_bytes *accumulator);
void berthi_fluvio_input_write(uint8_t *to, fluvio_bytes value,
                               const fluvio_bytes *accumulator);

/* Parameters: an object of strings, or NULL.  0: a name or a value is longer than 32 767 bytes. */
size_t berthi_fluvio_params_size(const berthi_json *object);
void berthi_fluvio_params_write(uint8_t *to, const berthi_json *object);

/* ---------------------------------------------------------------- from it */

typedef struct fluvio_output {
    uint32_t count;    /* of records */
    fluvio_bytes left; /* that berthi_fluvio_output_next() reads */
    bool has_error;
    fluvio_bytes error; /* what it says */
    fluvio_bytes accumulator;
} fluvio_output;

/* False: it is none.  What it found is lent from `bytes`. */
bool berthi_fluvio_output_read(fluvio_bytes bytes, bool is_aggregate,
                               fluvio_output *output_out);
/* The value of the next record; there is one. */
fluvio_bytes berthi_fluvio_output_next(fluvio_output *output);
/* What init() says went wrong; empty where it says nothing that can be read. */
fluvio_bytes berthi_fluvio_init_error_read(fluvio_bytes bytes);

#endif
