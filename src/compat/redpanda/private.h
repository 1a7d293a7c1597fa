/* private.h - what the files of this directory share.  Layer: compat. */
#ifndef BERTHI_COMPAT_REDPANDA_PRIVATE_H
#define BERTHI_COMPAT_REDPANDA_PRIVATE_H

#include "base/diag.h"
#include "compat/redpanda/record.h"
#include "compat/redpanda/redpanda.h"
#include "compat/zigzag.h"
#include "service/guest.h"

/* Of an instance, which is one call: a batch goes in, and then the program is over. */
typedef struct redpanda_state {
    const uint8_t
        *input; /* records behind each other, each behind its size (u32, little-endian); lent */
    size_t input_left;
    uint32_t records, record_next;
    uint32_t record_bytes_max; /* of a record with its key and headers */
    bool is_value; /* `input` is the value of the one record there is, with nothing around it */
    bool is_begun, is_asked_again;
    /* What was written, in the frames of docs/redpanda.md. */
    uint8_t *output;
    size_t output_size, output_room;
    uint32_t written;
    size_t value_at, value_size; /* of the record written last, within `output` */
} redpanda_state;

#define REDPANDA(name)                                                                         \
    berth_status berthi_redpanda_##name(void *ctx, berthi_wasm_store *store,                   \
                                        berthi_val *cells, berth_diag *diag)

/* clang-format off */
#define REDPANDA_FUNCTIONS(X)                                                                  \
    X(check_abi_version_1, ":")                                                                \
    X(check_abi_version_2, ":")                                                                \
    X(read_batch_header, "iiiiiiiiii:i")                                                       \
    X(read_next_record, "iiiii:i")                                                             \
    X(write_record, "ii:i")                                                                    \
    X(write_record_with_options, "iiii:i")
/* clang-format on */

#define X(name, type) REDPANDA(name);
REDPANDA_FUNCTIONS(X)
#undef X

#endif
