/* bundle/manifest_schema.h - rules that fields share: there or not, of which kind, in which form.
 * Layer: bundle. */
#ifndef BERTHI_BUNDLE_MANIFEST_SCHEMA_H
#define BERTHI_BUNDLE_MANIFEST_SCHEMA_H

#include "bundle/bundle.h"

/* The first failure sticks; functions then answer false and callers just return. */
typedef struct berthi_schema {
    const berthi_text *source;
    berthi_arena *arena;
    berth_diag *diag;
    berth_status status;
    const char *where; /* the table in work: "bundle", "artifact" */
    const berthi_toml *table;
} berthi_schema;

/* Always false.  About a value, with "`where.name`: " in front. */
bool berthi_schema_wrong(berthi_schema *s, const berthi_toml *value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool berthi_schema_no_memory(berthi_schema *s);

/* Takes a table in work: every key of it is among `known`, which ends with NULL. */
bool berthi_schema_enter(berthi_schema *s, const berthi_toml *table, const char *where,
                         const char *const *known);

/* The field; NULL with s->status unchanged: it is not there and need not be. */
const berthi_toml *berthi_schema_field(berthi_schema *s, const char *name,
                                       berthi_toml_kind kind, bool is_required);

/* Texts are plain, and have 1 to `size_max` bytes.  *out stays NULL when it is not there. */
bool berthi_schema_text(berthi_schema *s, const char *name, bool is_required, size_t size_max,
                        const char **out);
/* The index in `choices`, which ends with NULL. */
bool berthi_schema_choice(berthi_schema *s, const char *name, bool is_required,
                          const char *const *choices, uint32_t *out);
bool berthi_schema_integer(berthi_schema *s, const char *name, int64_t min, int64_t max,
                           int64_t *out);
bool berthi_schema_bool(berthi_schema *s, const char *name, bool *out);
/* The path of an artifact, which `value` said. */
bool berthi_schema_file(berthi_schema *s, const berthi_toml *value, const char *file);
/* "100ms", "64MiB": a whole number and its unit. */
/* Not 0, and at most `most`. */
bool berthi_schema_time(berthi_schema *s, const char *name, uint64_t most, uint64_t *ns_out);
bool berthi_schema_size(berthi_schema *s, const char *name, uint64_t most, uint64_t *bytes_out);

#endif
