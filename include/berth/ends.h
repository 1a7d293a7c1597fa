/* berth/ends.h - sources and sinks that people have, as stages that are built in.
 *
 * An end is a kind (`file`, `tcp`, ...), a role, and settings, which are names and texts.  What each kind
 * takes, with units, defaults and bounds: docs/ends.md, which is held against the same table that reads them.
 * Words: <berth/base.h>.  Stages and flows: <berth/stage.h>, <berth/flow.h>.  Stability: draft until 1.0.
 */
#ifndef BERTH_ENDS_H
#define BERTH_ENDS_H

#include <berth/flow.h>

BERTH_BEGIN

/* One setting.  Numbers are whole (`1000`); bytes may end in KiB, MiB or GiB; times end in ns, us, ms, s, m or
 * h; yes and no are `true` and `false`. */
typedef struct berth_setting {
    const char *name, *value; /* terminated; lent for the call */
} berth_setting;

/* Whether that kind is there in that role (a berth_role) and takes these settings.  Opens nothing.
 * Thread: any.  Blocks: never.
 * Fails: BERTH_E_ABSENT (no such kind, or not in this role; `diag` says which there are), BERTH_E_INVALID (an
 *        unknown setting, one twice, one that is missing, or a value that does not fit), BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_end_check(const char *kind, uint32_t role,
                                                     const berth_setting *settings,
                                                     size_t count, berth_diag *diag);

/* Adds an end to a flow.  `options` are without `ops` and `self`.  Copies the settings; what they name is opened when the
 * flow starts.
 * Gives *stage_out unless NULL.  Thread: one.  Blocks: never.
 * Fails: as berth_end_check() and berth_flow_add(). */
BERTH_API BERTH_CHECKED berth_status berth_flow_add_end(
    berth_flow *flow, const berth_stage_options *options, const char *kind,
    const berth_setting *settings, size_t count, uint32_t *stage_out, berth_diag *diag);

/* A row of the table.  Grows at the end only; set `size`.  Its texts are lent for ever. */
typedef struct berth_end_row {
    uint32_t size;
    uint32_t role; /* a berth_role */
    const char *kind;
    const char *name; /* of the setting; NULL: the row is about the kind in that role itself */
    const char *type; /* "text", "number", "bytes", "time", or words with | between them */
    const char *initial;   /* its default, as it would be written; NULL: it has to be said */
    const char *min, *max; /* of numbers; else NULL */
    const char *text;      /* what it is for */
} berth_end_row;

/* Row by row: for each kind and role one about itself, then its settings.  Gives *row.
 * Thread: any.  Blocks: never.
 * Fails: BERTH_E_ABSENT (there are not so many), BERTH_E_INVALID (`size` was not set), BERTH_E_VERSION. */
BERTH_API BERTH_CHECKED berth_status berth_end_row_read(size_t index, berth_end_row *row);

/* What an end has met; each number is exact, but they are not of one moment.  Grows at the end only; set `size`. */
typedef struct berth_end_stats {
    uint32_t size;
    uint32_t peers;             /* connections now */
    uint64_t bytes;             /* that it read or wrote */
    uint64_t records;           /* that it found in them, or put into them */
    uint64_t skipped;           /* longer than record_max: left out */
    uint64_t truncated;         /* longer than record_max: cut */
    uint64_t malformed;         /* not of their framing: left out */
    uint64_t connections, lost; /* peers that came or were reached; that went or failed */
    uint64_t rotations;         /* another file was there under the name */
    uint64_t truncations;       /* the file had become shorter */
    uint64_t torn_bytes;        /* behind the last whole record, cut when it was opened */
    uint64_t refused;           /* HTTP requests that were not taken */
    uint64_t retries;           /* of connecting, or of a request */
} berth_end_stats;

/* Gives *stats.  Thread: any.  Blocks: never.
 * Fails: BERTH_E_ABSENT (the stage is no end), BERTH_E_INVALID (`size` was not set), BERTH_E_VERSION. */
BERTH_API BERTH_CHECKED berth_status berth_flow_end_stats(berth_flow *flow, uint32_t stage,
                                                          berth_end_stats *stats);

BERTH_END
#endif /* BERTH_ENDS_H */
