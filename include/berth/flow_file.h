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

BERTH_END
#endif /* BERTH_FLOW_FILE_H */
