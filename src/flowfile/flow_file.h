/* flowfile/flow_file.h - what a flow file says, and everything that is wrong with it.
 *
 * What this directory is: files that describe a flow (flow.toml, and the `Torvyn.toml` of another
 * system), read, checked, drawn, and made a flow that runs.  It uses flows, slots and bundles by
 * their functions, and is used by the program.  Read first: this file, then ff_schema.c.
 *
 *   ff_findings.c  what is wrong, and where          ff_values.c   ${VAR}, and keys set from outside
 *   ff_schema.c    tables by rule                    ff_flow.c     flow.toml
 *   ff_torvyn.c    Torvyn.toml                       ff_edges.c    edges, and whom they join
 *   ff_graph.c     the graph as a whole              ff_read.c     a file's life
 *
 * Every error of a file is found in one reading: what cannot be read is said and left out, and reading
 * goes on.  Layer: flowfile.
 */
#ifndef BERTHI_FLOWFILE_FLOW_FILE_H
#define BERTHI_FLOWFILE_FLOW_FILE_H

#include <berth/ends.h>
#include <berth/flow_file.h>

#include "base/diag.h"
#include "base/text_buf.h"
#include "base/toml_reader.h"

enum {
    FF_OVERRIDES_MAX = 256,
    FF_FINDINGS_MAX = 200, /* told; the rest is counted */
    FF_TEXT_BITS = 21,     /* of a place: what is below is the offset, what is above the text */
    BERTHI_FF_LEVEL_DEFAULT = 1 /* production */
};
#define FF_ARENA_BYTES_MAX ((size_t)64 << 20)
#define FF_NONE            UINT32_MAX

_Static_assert(BERTHI_TOML_BYTES_MAX < 1 << FF_TEXT_BITS, "an offset fits");

typedef struct ff_finding {
    struct ff_finding *next;
    uint32_t at; /* a place */
    bool is_warning;
    const char *text, *hint; /* hint: NULL for none */
} ff_finding;

/* One reading.  Memory that runs out sticks; functions then do nothing. */
typedef struct ff_reader {
    berthi_arena *arena;
    berthi_text texts[FF_OVERRIDES_MAX + 1]; /* the file, then keys set from outside */
    uint32_t texts_count;
    const char *const *environment; /* NAME=VALUE, ends with NULL; NULL: none */
    const char *folder;             /* that the file is in, for paths */
    ff_finding *first, *last;
    uint32_t count, errors;
    bool has_no_memory;
} ff_reader;

/* ---------------------------------------------------------------- the model */

typedef struct ff_list {
    const char **at;
    uint32_t count;
} ff_list;

typedef struct ff_limits { /* of a plugin's slot; 0: the default */
    uint64_t deadline_ns, probe_deadline_ns, memory_bytes, output_bytes;
    uint32_t calls_max, instances_max;
} ff_limits;

typedef struct ff_errors { /* what failed calls mean; as in berth_stage_options */
    uint32_t on_error, retries, circuit_failures;
    uint64_t retry_ns, retry_ns_max, circuit_ns;
} ff_errors;

typedef struct ff_stage {
    const berthi_toml *table; /* for places */
    const char *name;
    uint32_t role;               /* a berth_role; 0: its kind of end decides, or nobody knows */
    const char *end;             /* the kind of a built-in end; NULL: none */
    const char *plugin, *bundle; /* paths, from where the program runs; at most one */
    const char *hook, *contract; /* contract: an interface, as Torvyn names it */
    const char *takes, *gives;
    const char *config_text; /* of a plugin: for its init(); NULL: none */
    berth_setting *settings; /* of an end */
    uint32_t settings_count;
    ff_list grants;
    uint32_t policy; /* a berth_policy */
    ff_limits limits;
    ff_errors errors;
    uint32_t emits_max;
    uint64_t buffer_bytes, lifetime_ns;
} ff_stage;

typedef struct ff_queue { /* as in berth_edge_options; 0: the default */
    uint64_t bytes_max;
    uint32_t records_max, low_percent, full, rate, burst, weight;
} ff_queue;

typedef struct ff_edge {
    const berthi_toml *table;
    const char *from, *to, *port;  /* names; port NULL: "out" */
    uint32_t from_stage, to_stage; /* FF_NONE: no stage of that name */
    ff_queue queue;
} ff_edge;

typedef struct ff_model {
    const char *name, *description;
    bool is_torvyn;
    uint32_t weight, workers, level;
    uint64_t buffer_bytes, kept_bytes, deadline_ns, drain_ns;
    ff_stage *stages;
    ff_edge *edges;
    uint32_t stages_count, edges_count;
} ff_model;

struct berth_flow_file {
    berth_allocator allocator;
    berthi_arena arena; /* everything below, and the texts */
    ff_reader reader;
    ff_model model;
    const char *path;
};

/* ---------------------------------------------------------------- ff_findings.c */

/* Each adds a finding; `hint` may be NULL.  The second is about the key of a value, the third is no error. */
void berthi_ff_wrong(ff_reader *r, const berthi_toml *value, const char *hint,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));
void berthi_ff_wrong_key(ff_reader *r, const berthi_toml *value, const char *hint,
                         const char *format, ...) __attribute__((format(printf, 4, 5)));
void berthi_ff_warn(ff_reader *r, const berthi_toml *value, const char *hint,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));
void berthi_ff_wrong_at(ff_reader *r, uint32_t at, const char *hint, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* "did you mean `x`?" in the arena, or NULL. */
const char *berthi_ff_did_you_mean(ff_reader *r, const char *wrong,
                                   const char *const *candidates);
/* Tells all in the order of the texts, and forgets them.  Answers how the reading ended. */
berth_status berthi_ff_tell(ff_reader *r, berth_flow_file_found found, void *ctx,
                            berth_diag *diag);
/* A copy in the arena; NULL when there is no memory, which sticks. */
const char *berthi_ff_copy(ff_reader *r, const char *text, size_t size);
const char *berthi_ff_print(ff_reader *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void *berthi_ff_array(ff_reader *r, size_t count, size_t size);

/* ---------------------------------------------------------------- ff_values.c */

/* Sets "a.b.c=value" in the tree; `what` is where it comes from. */
void berthi_ff_override(ff_reader *r, berthi_toml *root, const char *what, const char *line);
/* Puts values into all strings of the tree. */
void berthi_ff_expand(ff_reader *r, berthi_toml *root);
/* The text of a value that was set from outside, as it was said; NULL: it comes from the file. */
const char *berthi_ff_said(const ff_reader *r, const berthi_toml *value);

/* ---------------------------------------------------------------- ff_schema.c */

typedef enum ff_kind {
    FF_TEXT,    /* const char *: plain, max bytes */
    FF_NAME,    /* const char *: letters, digits, - and _ */
    FF_PATH,    /* const char *: joined to the file's folder */
    FF_TEXTS,   /* ff_list */
    FF_TIME,    /* uint64_t, ns: "100ms" */
    FF_MILLIS,  /* uint64_t, ns: a number of milliseconds, or as above */
    FF_SIZE,    /* uint64_t: "64MiB", or a number of bytes */
    FF_COUNT,   /* uint32_t */
    FF_RATIO,   /* uint32_t, percent: 0.0 to 1.0 */
    FF_BOOL,    /* uint32_t */
    FF_CHOICE,  /* uint32_t: the index */
    FF_VERSION, /* const char *: three numbers */
    FF_OTHER    /* looked at elsewhere */
} ff_kind;

typedef struct ff_field {
    const char *name;
    ff_kind kind;
    bool is_required;
    size_t offset; /* in the struct */
    uint64_t min, max;
    const char *const *choices; /* ends with NULL */
} ff_field;

/* Reads a table by its fields; what it does not say stays as it is in `into`.  Keys that are no field are
 * wrong, or told as a warning.  `where` is its name in messages. */
enum { FF_STRICT, FF_LENIENT };
void berthi_ff_table(ff_reader *r, const berthi_toml *table, const char *where, int strictness,
                     const ff_field *fields, size_t count, void *into);
#define FF_FIELDS(array) (array), sizeof(array) / sizeof *(array)

/* The member when it is a table; NULL: it is not there, or is none, which is wrong. */
const berthi_toml *berthi_ff_sub(ff_reader *r, const berthi_toml *table, const char *name);
/* The member, or the table itself: where to point at. */
const berthi_toml *berthi_ff_at(const berthi_toml *table, const char *name);
bool berthi_ff_is_name(const char *text, size_t size);
bool berthi_ff_time(const char *text, size_t size, uint64_t *ns_out);
bool berthi_ff_size(const char *text, size_t size, uint64_t *bytes_out);
const char *berthi_ff_path(ff_reader *r, const char *path, size_t size);

extern const char *const berthi_ff_roles[];     /* "", "source", ... by berth_role */
extern const char *const berthi_ff_fulls[];     /* by berth_full */
extern const char *const berthi_ff_on_errors[]; /* by berth_on_error */
extern const char *const berthi_ff_levels[];

/* ---------------------------------------------------------------- ff_flow.c, ff_torvyn.c, ff_edges.c */

void berthi_ff_flow(ff_reader *r, const berthi_toml *root, ff_model *model);
/* `flow`: which one; NULL: "main", or the only one. */
void berthi_ff_torvyn(ff_reader *r, const berthi_toml *root, const char *flow, ff_model *model);
/* Numbers, booleans and texts as settings; an array is its items, each with that name. */
void berthi_ff_settings(ff_reader *r, const berthi_toml *table, ff_stage *stage);
/* A table as JSON, in the arena. */
const char *berthi_ff_json_of(ff_reader *r, const berthi_toml *table);

/* "stage:port", or { node = , port = }.  False: wrong, and said. */
bool berthi_ff_endpoint(ff_reader *r, const berthi_toml *table, const char *key,
                        const char **stage_out, const char **port_out);
/* Finds the stages that edges name. */
void berthi_ff_join(ff_reader *r, ff_model *model);

/* Whether ends take their settings. */
void berthi_ff_check_ends(ff_reader *r, const ff_model *model);

/* ---------------------------------------------------------------- ff_graph.c */

/* What berth_flow_check() finds, with places. */
void berthi_ff_graph(ff_reader *r, const ff_model *model, const berth_allocator *allocator);

#endif
