/* base/toml_reader.h - TOML 1.0 that somebody else wrote, as values in an arena.  Layer: base.
 *
 * Strict (well-formed UTF-8, nothing defined twice) and bounded in size, nesting and members, so that
 * work and memory are a small multiple of the text.  One thing more than TOML 1.0 promises: integers
 * up to 2^64 - 1, when the limits ask for them.  Every value and every key knows where it stands, so
 * that whoever gives them a meaning can say what is wrong with it, and where, as the reader does.
 *
 *   toml_reader.c  tables, keys, arrays    toml_scalar.c  numbers, dates
 *   toml_string.c  strings                 toml_get.c     what a schema needs
 */
#ifndef BERTHI_BASE_TOML_READER_H
#define BERTHI_BASE_TOML_READER_H

#include "base/alloc.h"
#include "base/excerpt.h"

enum {
    BERTHI_TOML_BYTES_MAX = 1 << 20,
    BERTHI_TOML_NESTING_MAX = 32,
    BERTHI_TOML_NESTING_TOP = 128, /* the most that limits may ask for */
    BERTHI_TOML_MEMBERS_MAX = 1024,
    BERTHI_TOML_VALUES_MAX = 65536
};

/* What is taken at most.  0: the default above. */
typedef struct berthi_toml_limits {
    uint32_t bytes;
    uint32_t nesting;     /* of tables and arrays in each other; keys a.b.c nest as well */
    uint32_t members;     /* of one table or array; each key is compared with those before it */
    uint32_t values;      /* of all */
    bool allows_unsigned; /* integers from 2^63 to 2^64 - 1 */
} berthi_toml_limits;

typedef enum berthi_toml_kind {
    BERTHI_TOML_TABLE,
    BERTHI_TOML_ARRAY,
    BERTHI_TOML_STRING,
    BERTHI_TOML_INTEGER,
    BERTHI_TOML_FLOAT,
    BERTHI_TOML_BOOL,
    BERTHI_TOML_DATE_TIME,       /* with its distance from UTC */
    BERTHI_TOML_LOCAL_DATE_TIME, /* without */
    BERTHI_TOML_LOCAL_DATE,
    BERTHI_TOML_LOCAL_TIME
} berthi_toml_kind;

typedef struct berthi_toml_time {
    uint16_t year;
    uint8_t month, day, hour, minute, second; /* second 60 is a leap second */
    uint32_t nanosecond;                      /* further digits are cut off */
    int16_t offset;                           /* in minutes */
} berthi_toml_time;

typedef struct berthi_toml {
    uint8_t kind;   /* a berthi_toml_kind */
    uint8_t origin; /* the reader's: which later lines may add to it */
    bool is_wide;   /* an integer from 2^63, to be read as unsigned */
    uint32_t at;    /* where it starts, in bytes; a table's: where it was first named */
    uint32_t size;  /* bytes of the text, of a value on one line; of others, of what opens it */
    uint32_t key_at; /* in a table: where its key starts, and the key's bytes in the text */
    uint32_t key_size, key_hash;
    uint32_t count; /* of members or items */
    uint32_t name_length;
    const char *name; /* in a table: the key, decoded, terminated */
    union {
        struct {
            const char *text; /* of a string: decoded, terminated; may hold NUL */
            size_t length;
        } string;
        int64_t integer; /* is_wide: as (uint64_t)integer */
        double number;
        bool boolean;
        berthi_toml_time time;
        struct {
            struct berthi_toml *first, *last; /* in the order of the text */
        } in;
    } as;
    struct berthi_toml *next;
} berthi_toml;

/* Reads a document; `arena` holds it and keeps nothing of the text.  `limits` may be NULL.
 * Fails: BERTH_E_REJECTED and BERTH_E_LIMIT, with the place and the line; BERTH_E_NOMEM. */
berth_status berthi_toml_read(const berthi_text *source, const berthi_toml_limits *limits,
                              berthi_arena *arena, const berthi_toml **root_out,
                              berth_diag *diag) __attribute__((warn_unused_result));

/* ---------------------------------------------------------------- toml_get.c */

/* The member of that name; NULL when there is none, or when it is no table. */
const berthi_toml *berthi_toml_member(const berthi_toml *table, const char *name);

/* "a string", "an array" and so on. */
const char *berthi_toml_kind_name(berthi_toml_kind kind);

/* False: no integer, or it does not fit. */
bool berthi_toml_signed(const berthi_toml *value, int64_t *out);
bool berthi_toml_unsigned(const berthi_toml *value, uint64_t *out);

/* Fails about a value, or about its key, as the reader does about the text. */
berth_status berthi_toml_fail(berth_diag *diag, const berthi_text *source,
                              const berthi_toml *value, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
berth_status berthi_toml_fail_key(berth_diag *diag, const berthi_text *source,
                                  const berthi_toml *value, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
