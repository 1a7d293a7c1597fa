/* berth/flow_file.h - files that describe a flow: read, checked, drawn, run.
 *
 * A flow file is `flow.toml` (docs/flow-toml.md), or a `Torvyn.toml`.  Reading finds everything that is wrong
 * with it at once, each with its line.  Loading makes a slot for each plugin that it names and a flow of them
 * all (<berth/flow.h>), which is then started, drained and waited for as any other.
 *
 * Words: <berth/base.h>.  Stability: draft until 1.0.
 */
#ifndef BERTH_FLOW_FILE_H
#define BERTH_FLOW_FILE_H

#include <berth/arena.h>
#include <berth/flow.h>
#include <berth/slot.h>

BERTH_BEGIN

typedef struct berth_flow_file berth_flow_file; /* what one says; never changes */

typedef enum berth_flow_severity {
    BERTH_FLOW_ERROR = 1,
    BERTH_FLOW_WARNING = 2 /* it runs, but a key of it means nothing here */
} berth_flow_severity;

/* Something about a flow file.  Grows at the end only. */
typedef struct berth_flow_file_finding {
    uint32_t size;
    uint32_t severity; /* a berth_flow_severity */
    const char *
        where; /* the file, or where a key was set; lent until the callback returns, as is all below */
    uint32_t line, column; /* from 1; column counts characters */
    const char *text;      /* what is wrong */
    const char *hint;      /* what helps; NULL: nothing that is known */
} berth_flow_file_finding;

typedef void (*berth_flow_file_found)(void *ctx, const berth_flow_file_finding *finding);

/* Grows at the end only.  0 or NULL in a field means its default. */
typedef struct berth_flow_file_options {
    uint32_t size;                    /* sizeof(berth_flow_file_options), set by the _INIT */
    uint32_t settings_count;          /* at most 256 */
    const berth_allocator *allocator; /* copied; default: the C library's heap */
    const char *flow; /* of a Torvyn.toml, which one; default: "main", or the only one */
    /* "stage.redact.hook=other", in their order, after the file and after BERTH_FLOW_SET */
    const char *const *settings;
    /* "NAME=VALUE", ends with NULL: what ${NAME} stands for, and BERTH_FLOW_SET; default: none is set */
    const char *const *environment;
    berth_flow_file_found
        found; /* told of everything, in the order of the file; default: nobody */
    void *found_ctx;
} berth_flow_file_options;
#define BERTH_FLOW_FILE_OPTIONS_INIT                                                           \
    BERTH_INIT((uint32_t)sizeof(berth_flow_file_options), 0, NULL, NULL, NULL, NULL, NULL, NULL)

/* Reads a flow file.  One whose name ends in "Torvyn.toml", or that has a table `torvyn`, is read as that.
 * Paths in it are from its folder.  No other file is opened.  Gives *file_out; end it with
 * berth_flow_file_destroy().
 * Thread: any.  Blocks: until the file is read.
 * Fails: BERTH_E_REJECTED (the first finding in `diag`, and how many), BERTH_E_OS, BERTH_E_LIMIT, BERTH_E_INVALID,
 *        BERTH_E_VERSION, BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status
berth_flow_file_read(const char *path, const berth_flow_file_options *options,
                     berth_flow_file **file_out, berth_diag *diag);

/* The same of a text, which is lent for the call; `path` is what it is called in messages, and where its paths start.
 * Gives *file_out.  Thread: any.  Blocks: never.  Fails: as berth_flow_file_read(), but BERTH_E_OS. */
BERTH_API BERTH_CHECKED berth_status berth_flow_file_parse(
    const char *path, const char *text, size_t size, const berth_flow_file_options *options,
    berth_flow_file **file_out, berth_diag *diag);

/* Frees it.  NULL is left alone.  Thread: one.  Blocks: never. */
BERTH_API void berth_flow_file_destroy(berth_flow_file *file);

/* What it says, with every default and every setting, as JSON (docs/flow-toml.md has the schema).
 * Gives *text_out, which the arena lends.  Thread: any.  Blocks: never.  Fails: BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_flow_file_json(const berth_flow_file *file,
                                                          berth_arena *arena,
                                                          const char **text_out);

enum { BERTH_FLOW_DRAW_TEXT = 1, BERTH_FLOW_DRAW_SVG = 2 };

/* What goes over an edge, for a drawing. */
typedef struct berth_flow_live {
    uint64_t rate; /* records in a second */
    uint64_t queued, queued_max;
} berth_flow_live;

/* Draws its graph.  `form` is a BERTH_FLOW_DRAW_..., `live` has one for each edge, or is NULL.
 * Gives *text_out, which the arena lends.  Thread: any.  Blocks: never.  Fails: BERTH_E_INVALID, BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_flow_file_draw(const berth_flow_file *file,
                                                          uint32_t form,
                                                          const berth_flow_live *live,
                                                          berth_arena *arena,
                                                          const char **text_out);

/* How many stages it has; they are numbered in the order of the file, as are those of the flow that it is loaded to.
 * Thread: any.  Blocks: never. */
BERTH_API uint32_t berth_flow_file_stages(const berth_flow_file *file);

/* The same of its edges.  Thread: any.  Blocks: never. */
BERTH_API uint32_t berth_flow_file_edges(const berth_flow_file *file);

/* The name of a stage; NULL: there is none of that number.  Lends it as long as the file is there.
 * Thread: any.  Blocks: never. */
BERTH_API const char *berth_flow_file_stage_name(const berth_flow_file *file, uint32_t stage);

/* For how long its records may pass when it is ended, in nanoseconds.  Thread: any.  Blocks: never. */
BERTH_API uint64_t berth_flow_file_drain_ns(const berth_flow_file *file);

/* Sets `workers` and `kept_bytes_max` as the file says them.  Thread: any.  Blocks: never. */
BERTH_API void berth_flow_file_flows_options(const berth_flow_file *file,
                                             berth_flows_options *options);

/* ---------------------------------------------------------------- loaded */

typedef struct berth_loaded_flow berth_loaded_flow; /* its plugins in slots, and its flow */

/* Plugins that are granted standard streams have those of this process. */
enum { BERTH_FLOW_PROCESS_STDIO = 1 };

/* Grows at the end only.  0 or NULL in a field means its default. */
typedef struct berth_flow_load_options {
    uint32_t size;  /* sizeof(berth_flow_load_options), set by the _INIT */
    uint32_t flags; /* BERTH_FLOW_PROCESS_STDIO */
    berth_flow_file_found
        found; /* told of everything that is wrong with its plugins and ends */
    void *found_ctx;
    uint32_t traces;   /* so many records are traced, from the first; at most 65 536 */
    uint32_t reserved; /* 0 */
} berth_flow_load_options;
#define BERTH_FLOW_LOAD_OPTIONS_INIT                                                           \
    BERTH_INIT((uint32_t)sizeof(berth_flow_load_options), 0, NULL, NULL, 0, 0)

/* Puts each plugin of the file into a slot of its own, whose tenant is the flow's name and whose name the stage's (a bundle's:
 * the other way round), and makes the flow, which is not started.  All plugins are read, admitted, compiled and probed, and
 * all that is wrong with them is told.  Lends `file`, `runtime` and `flows` until it is closed.
 * Gives *loaded_out; end it with berth_loaded_flow_close().
 * Thread: any.  Blocks: until all plugins are ready or refused.
 * Fails: BERTH_E_REJECTED (the first finding in `diag`, and how many), BERTH_E_STATE (a slot of that name is somebody
 *        else's), BERTH_E_LIMIT, BERTH_E_INVALID, BERTH_E_VERSION, BERTH_E_NOMEM, BERTH_E_OS. */
BERTH_API BERTH_CHECKED berth_status berth_flow_load(const berth_flow_file *file,
                                                     berth_runtime *runtime, berth_flows *flows,
                                                     const berth_flow_load_options *options,
                                                     berth_loaded_flow **loaded_out,
                                                     berth_diag *diag);

/* Its flow, to be started, drained, waited for.  Lends it until it is closed.  Thread: any.  Blocks: never. */
BERTH_API berth_flow *berth_loaded_flow_flow(const berth_loaded_flow *loaded);

/* Puts the artifact in `path` (of a bundle: the folder) into the place of a stage's plugin, between two records.
 * Gives *version_out, the number of what serves then, unless NULL.
 * Thread: any.  Blocks: until it is ready or refused.
 * Fails: BERTH_E_ABSENT (no such stage), BERTH_E_INVALID (it has no plugin), as berth_slot_install_file(), as
 *        berth_bundles_reload().  The plugin before serves on. */
BERTH_API BERTH_CHECKED berth_status berth_loaded_flow_swap(berth_loaded_flow *loaded,
                                                            const char *stage, const char *path,
                                                            uint64_t *version_out,
                                                            berth_diag *diag);

/* Makes the plugin before the current one of a stage serve again.  Gives *version_out unless NULL.
 * Thread: any.  Blocks: briefly.  Fails: BERTH_E_ABSENT (no such stage, or none is kept), BERTH_E_INVALID. */
BERTH_API BERTH_CHECKED berth_status berth_loaded_flow_roll_back(berth_loaded_flow *loaded,
                                                                 const char *stage,
                                                                 uint64_t *version_out,
                                                                 berth_diag *diag);

/* berth_flow_cancel_branch() by name.
 * Thread: any.  Blocks: briefly.  Fails: BERTH_E_ABSENT (no such stage), BERTH_E_STATE (the flow does not run). */
BERTH_API BERTH_CHECKED berth_status berth_loaded_flow_cancel_branch(berth_loaded_flow *loaded,
                                                                     const char *stage,
                                                                     berth_diag *diag);

typedef enum berth_flow_report {
    BERTH_FLOW_REPORT_JSON = 1,
    BERTH_FLOW_REPORT_PROMETHEUS = 2 /* text in the exposition format, version 0.0.4 */
} berth_flow_report;

/* All that is counted of the flow, its stages, edges, slots, buffers and its runtime (docs/metrics.md).
 * `form` is a berth_flow_report.  Gives *text_out, which the arena lends.
 * Thread: any.  Blocks: briefly.  Fails: BERTH_E_INVALID, BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_loaded_flow_report(berth_loaded_flow *loaded,
                                                              uint32_t form, berth_arena *arena,
                                                              const char **text_out);

/* Cancels the flow when it runs, closes it, and takes its slots out of service.  NULL is left alone.
 * Thread: one.  Blocks: until the flow has ended. */
BERTH_API void berth_loaded_flow_close(berth_loaded_flow *loaded);

BERTH_END
#endif /* BERTH_FLOW_FILE_H */
