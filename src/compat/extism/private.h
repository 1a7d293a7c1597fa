/* private.h - what the files of this directory share.  Layer: compat. */
#ifndef BERTHI_COMPAT_EXTISM_PRIVATE_H
#define BERTHI_COMPAT_EXTISM_PRIVATE_H

#include "base/diag.h"
#include "base/json_reader.h"
#include "compat/extism/blocks.h"
#include "service/guest.h"

enum { EXTISM_VARIABLES_BYTES_MAX = 1 << 20 }; /* names, values, and 48 for each */

typedef struct extism_variable {
    struct extism_variable *next;
    size_t name_size, size;
    uint8_t bytes[]; /* the name, and the value behind it */
} extism_variable;

/* Of an instance.  All from `input` on is of one call. */
typedef struct extism_state {
    extism_blocks blocks;
    berthi_arena arena;        /* holds `config` */
    const berthi_json *config; /* an object of strings; NULL: none, or not read yet */
    extism_variable *variables;
    size_t variables_bytes;
    struct berthi_http_exchange *exchange; /* of the last request; NULL: there was none */
    uint64_t input, input_size, output, output_size;
    uint64_t error;
} extism_state;

/* Begins with the first function that the plugin calls, which may be before the family's begin(). */
void berthi_extism_state_begin(berthi_guest *g);

static inline extism_state *berthi_extism_state_of(berthi_guest *g)
{
    extism_state *s = g->state;

    if (__builtin_expect(s->blocks.services == NULL, 0))
        berthi_extism_state_begin(g);
    return s;
}

/* A function of the plugin's host: `cells` holds the arguments, then the result. */
#define EXTISM(name)                                                                           \
    berth_status berthi_extism_##name(void *ctx, berthi_wasm_store *store, berthi_val *cells,  \
                                      berth_diag *diag)

/* All of them: name, type. */
/* clang-format off */
#define EXTISM_FUNCTIONS(X)                                                                    \
    X(alloc, "I:I")            X(free, "I:")              X(length, "I:I")                     \
    X(length_unsafe, "I:I")    X(load_u8, "I:i")          X(load_u64, "I:I")                   \
    X(store_u8, "Ii:")         X(store_u64, "II:")        X(input_length, ":I")                \
    X(input_offset, ":I")      X(input_load_u8, "I:i")    X(input_load_u64, "I:I")             \
    X(input_set, "II:")        X(output_set, "II:")       X(output_length, ":I")               \
    X(output_offset, ":I")     X(error_set, "I:")         X(error_get, ":I")                   \
    X(memory_bytes, ":I")      X(reset, ":")                                                   \
    X(config_get, "I:I")       X(var_get, "I:I")          X(var_set, "II:")                    \
    X(http_request, "II:I")    X(http_status_code, ":i")  X(http_headers, ":I")                \
    X(get_log_level, ":i")     X(log_trace, "I:")         X(log_debug, "I:")                   \
    X(log_info, "I:")          X(log_warn, "I:")          X(log_error, "I:")
/* clang-format on */

#define X(name, type) EXTISM(name);
EXTISM_FUNCTIONS(X)
#undef X

/* The block that argument `n` names, for a function that cannot do without one: BERTH_E_ABI. */
berth_status berthi_extism_block_of(berthi_guest *g, const void *ctx, const berthi_val *cells,
                                    int n, berthi_name *block_out, berth_diag *diag)
    __attribute__((warn_unused_result));
/* Makes a block of these bytes the result; 0 where there are none.  BERTH_E_LIMIT. */
berth_status berthi_extism_give(extism_state *s, const void *data, size_t size,
                                berthi_val *cells, berth_diag *diag)
    __attribute__((warn_unused_result));

/* What the slot is configured with.  BERTH_E_INVALID, BERTH_E_NOMEM. */
berth_status berthi_extism_read_config(berthi_guest *g, berth_diag *diag)
    __attribute__((warn_unused_result));
void berthi_extism_end_values(berthi_guest *g);
void berthi_extism_end_http(extism_state *s);

#endif
