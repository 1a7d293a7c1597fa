/* base/toml_cursor.h - what the parts of the TOML reader share.  Layer: base. */
#ifndef BERTHI_BASE_TOML_CURSOR_H
#define BERTHI_BASE_TOML_CURSOR_H

#include "base/toml_reader.h"

/* The first failure sticks; functions then answer false and callers just return. */
typedef struct toml_cursor {
    const berthi_text *source;
    const char *text; /* never NULL */
    uint32_t size, at;
    berthi_toml_limits limits;
    uint32_t values_left;
    berthi_arena *arena;
    berth_diag *diag;
    berth_status status;
} toml_cursor;

/* Always false. */
bool berthi_toml_wrong(toml_cursor *c, uint32_t at, uint32_t size, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
bool berthi_toml_no_memory(toml_cursor *c);

/* The byte at the cursor, or -1 at the end. */
static inline int berthi_toml_peek(const toml_cursor *c)
{
    return c->at < c->size ? (unsigned char)c->text[c->at] : -1;
}

static inline bool berthi_toml_starts(const toml_cursor *c, uint32_t at, const char *what)
{
    size_t size = strlen(what);

    return c->size - at >= size && memcmp(c->text + at, what, size) == 0;
}

/* How many bytes the line break at `at` has: 0, 1 or 2. */
static inline uint32_t berthi_toml_newline(const toml_cursor *c, uint32_t at)
{
    if (at < c->size && c->text[at] == '\n')
        return 1;
    return c->size - at >= 2 && memcmp(c->text + at, "\r\n", 2) == 0 ? 2 : 0;
}

/* toml_string.c: at the opening quote; stops behind the closing one. */
bool berthi_toml_string(toml_cursor *c, bool may_be_long, const char **text_out,
                        size_t *length_out);
/* Steps over one character that text and comments may hold. */
bool berthi_toml_character(toml_cursor *c);

/* toml_scalar.c: anything that is not quoted, no table and no array. */
bool berthi_toml_scalar(toml_cursor *c, berthi_toml *value);

#endif
