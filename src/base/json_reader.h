/* base/json_reader.h - JSON that somebody else wrote, as values in an arena.  Layer: base.
 *
 * Strict (RFC 8259, well-formed UTF-8, no NUL in strings, no member twice) and bounded in nesting
 * and members, so that work and memory are a small multiple of the text.  Why there is a reader of
 * our own: docs/design/0003-json.md.
 */
#ifndef BERTHI_BASE_JSON_READER_H
#define BERTHI_BASE_JSON_READER_H

#include "base/alloc.h"

enum {
    BERTHI_JSON_NESTING_MAX = 32,
    BERTHI_JSON_MEMBERS_MAX = 1024, /* of one value */
    BERTHI_JSON_NESTING_TOP =
        208 /* the most that limits may ask for: maps of maps are two each */
};

/* What is taken at most. */
typedef struct berthi_json_limits {
    uint32_t nesting; /* at most BERTHI_JSON_NESTING_TOP */
    uint32_t members; /* of an object; each is compared with those before it */
    uint32_t items;   /* of an array */
    bool allows_nul;  /* in strings: their users look at sizes */
} berthi_json_limits;

typedef enum berthi_json_kind {
    BERTHI_JSON_NULL,
    BERTHI_JSON_FALSE,
    BERTHI_JSON_TRUE,
    BERTHI_JSON_NUMBER,
    BERTHI_JSON_STRING,
    BERTHI_JSON_ARRAY,
    BERTHI_JSON_OBJECT
} berthi_json_kind;

typedef struct berthi_json {
    berthi_json_kind kind;
    bool is_integer; /* a number without fraction and exponent that fits */
    int64_t integer;
    const char
        *text; /* of a string: decoded, terminated; of a number that `integer` does not say */
    size_t size;
    size_t at;        /* where it starts */
    const char *name; /* in an object: the same */
    size_t name_size;
    uint32_t name_hash;
    uint32_t count;                   /* of members or items */
    struct berthi_json *first, *next; /* in the order of the text */
} berthi_json;

typedef struct berthi_json_error {
    const char *why; /* a static text */
    size_t offset;   /* the byte that it is about */
} berthi_json_error;

/* Reads one value with space around it; `arena` holds it and keeps nothing of `text`.
 * BERTH_E_REJECTED with *error_out, or BERTH_E_NOMEM. */
berth_status berthi_json_read(const char *text, size_t size, berthi_arena *arena,
                              const berthi_json **value_out, berthi_json_error *error_out)
    __attribute__((warn_unused_result));

berth_status berthi_json_read_within(const char *text, size_t size,
                                     const berthi_json_limits *limits, berthi_arena *arena,
                                     const berthi_json **value_out,
                                     berthi_json_error *error_out)
    __attribute__((warn_unused_result));

/* The member of that name; NULL when there is none, or when it is no object. */
const berthi_json *berthi_json_member(const berthi_json *object, const char *name);

#endif
