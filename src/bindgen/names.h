/* bindgen/names.h - names of WIT as names of C and C++.  Layer: bindgen. */
#ifndef BERTHI_BINDGEN_NAMES_H
#define BERTHI_BINDGEN_NAMES_H

#include "base/alloc.h"

typedef struct berthi_bg_name {
    const char *text;
    uint32_t hash, value;
} berthi_bg_name;

/* A set of names, each with a value.  The first lack of memory sticks. */
typedef struct berthi_bg_names {
    berthi_arena *arena;
    berthi_bg_name *table;
    uint32_t room, count;
    bool has_failed;
} berthi_bg_names;

/* The value of a name, 0 when it is new; NULL: failed.  `text` has to live as long as the set. */
uint32_t *berthi_bg_value(berthi_bg_names *n, const char *text);

/* The name, or where that is taken the name with _2, _3 ... behind.  Never NULL: "" when failed. */
const char *berthi_bg_claim(berthi_bg_names *n, const char *text);

/* The same for a name that others are made of with a suffix: these are free then, and claimed.  The
 * last suffix is followed by NULL. */
const char *berthi_bg_claim_family(berthi_bg_names *n, const char *text,
                                   const char *const *suffixes);

/* Text in the arena; "" when failed. */
const char *berthi_bg_format(berthi_bg_names *n, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* `get-URL` as `get_url`, versions as `1_2_0`. */
const char *berthi_bg_snake(berthi_bg_names *n, const char *name);
/* The same, with "_" behind what is a word of C or C++: for fields and parameters. */
const char *berthi_bg_word(berthi_bg_names *n, const char *name);
const char *berthi_bg_upper(berthi_bg_names *n, const char *name);
bool berthi_bg_is_reserved(const char *name);

#endif
