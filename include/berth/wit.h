/* berth/wit.h - WIT, read and resolved, as text and as JSON.
 *
 * A file is a package; a folder is a package of all its files whose names end in .wit, and each
 * file and folder in its folder `deps` is a package that others may refer to.  A file in .wasm is a
 * package in binary form, or a core module that carries one.  Nothing else is looked for.  Words: <berth/base.h>.  Stability: draft until 1.0.
 */
#ifndef BERTH_WIT_H
#define BERTH_WIT_H

#include <berth/base.h>

BERTH_BEGIN

typedef struct berth_wit berth_wit;

typedef struct berth_wit_options {
    uint32_t size;
    uint32_t features_count;
    const char *const *features; /* `@unstable` items of these are there, others are left out */
    uint32_t has_all_features;   /* not 0: no `@unstable` item is left out */
    uint32_t reserved;           /* 0 */
} berth_wit_options;
#define BERTH_WIT_OPTIONS_INIT BERTH_INIT(sizeof(berth_wit_options), 0, NULL, 0, 0)

/* Reads files and folders.  The last of the `count` paths is the package that is asked for, the
 * others give packages that it may refer to.  `allocator` may be NULL for the C library's heap,
 * `options` for none.  The diag of refused text has the place in its first line, and the line with
 * a caret below.
 * Gives *wit_out; end it with berth_wit_destroy().
 * Thread: any.  Blocks: until the files are read.
 * Fails: BERTH_E_REJECTED (the text is no WIT or does not resolve), BERTH_E_LIMIT, BERTH_E_INVALID,
 *        BERTH_E_VERSION, BERTH_E_OS, BERTH_E_STATE (a file changed meanwhile), BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_wit_read(const berth_allocator *allocator,
                                                    const char *const *paths, uint32_t count,
                                                    const berth_wit_options *options,
                                                    berth_wit **wit_out, berth_diag *diag);

/* Ends what berth_wit_read() gave.  NULL is left alone.  Thread: one.  Blocks: never. */
BERTH_API void berth_wit_destroy(berth_wit *wit);

/* WIT text that means the same: the package, and below it those that it rests on.  Worlds are
 * written out, `include` and implied imports expanded.
 * Lends the text until the object is destroyed.  Thread: any.  Blocks: never. */
BERTH_API const char *berth_wit_text(const berth_wit *wit);

/* The same as JSON (one object, two-space indentation, keys in a fixed order; the schema is
 * docs/wit-json.md).
 * Lends the text until the object is destroyed.  Thread: any.  Blocks: never. */
BERTH_API const char *berth_wit_json(const berth_wit *wit);

BERTH_END
#endif /* BERTH_WIT_H */
