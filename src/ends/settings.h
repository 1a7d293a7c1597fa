/* ends/settings.h - the table of kinds and their settings, and values read by it.  Layer: ends.
 *
 * One table says what there is, what it defaults to and where its bounds are: reading, docs/ends.md and the
 * program's help are made of it or held against it. */
#ifndef BERTHI_ENDS_SETTINGS_H
#define BERTHI_ENDS_SETTINGS_H

#include <stdbool.h>

#include <berth/ends.h>

#include "base/alloc.h"

enum { BERTHI_END_TEXTS = 5 };

/* What the settings of any kind come to; those that a kind has not are 0. */
typedef struct berthi_end_values {
    char *path, *address, *url, *content_type, *headers; /* its own */
    uint64_t rate, count, record_bytes, seed;
    uint64_t framing, record_max, past, malformed, header;
    uint64_t from, follows, recheck_ns, read_bytes;
    uint64_t mode, sync, torn, write_bytes, permissions;
    uint64_t listens, reconnects, peers_max, retry_ns, retry_ns_max, retries, slow_ns;
    uint64_t body_max, queue_bytes, header_bytes, timeout_ns, idle_ns, wait_ns, retry_after_ns,
        key, batch_records, in_flight, method, idempotent;
} berthi_end_values;

typedef enum berthi_end_type {
    BERTHI_END_TEXT,
    BERTHI_END_NUMBER,
    BERTHI_END_BYTES,
    BERTHI_END_TIME,
    BERTHI_END_WORDS /* its value is the place of the word */
} berthi_end_type;

typedef struct berthi_end_setting {
    const char *name;
    berthi_end_type type;
    const char *words;     /* of WORDS */
    const char *initial;   /* NULL: it has to be said */
    const char *min, *max; /* of numbers, as they would be written */
    size_t at;             /* in berthi_end_values */
    const char *text;
} berthi_end_setting;

typedef struct berthi_end_kind berthi_end_kind;
struct berthi_end_kind {
    const char *name;
    uint32_t role;
    const char *text;
    const berthi_end_setting *settings;
    size_t settings_count;
    const berth_stage_ops *ops;
    size_t size; /* of its struct, which begins with a berthi_end */
    /* What no single setting says; may be NULL. */
    berth_status (*check)(const berthi_end_kind *kind, const berthi_end_values *values,
                          berth_diag *diag);
};

extern const berthi_end_kind *const berthi_end_kinds[];
extern const size_t berthi_end_kinds_count;

/* Fails: as berth_end_check(). */
berth_status berthi_end_find(const char *name, uint32_t role, const berthi_end_kind **kind_out,
                             berth_diag *diag);
/* Gives *values; end them with berthi_end_values_free(). */
berth_status berthi_end_read(const berthi_end_kind *kind, const berth_setting *settings,
                             size_t count, const berth_allocator *a, berthi_end_values *values,
                             berth_diag *diag);
void berthi_end_values_free(const berth_allocator *a, berthi_end_values *values);
const char *berthi_end_role_name(uint32_t role);

#endif
