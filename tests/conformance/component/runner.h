/* runner.h - the program that runs the scripts of the component model's suites.
 *
 * main.c reads the command line and walks folders, script.c executes one script, host.c offers what
 * scripts import, values.c puts values of scripts into host layout and compares them. */
#ifndef BERTHT_RUNNER_H
#define BERTHT_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/utf8.h"
#include "component/run/running.h"

enum { RUNNER_NAMED = 64 };

/* ---------------------------------------------------------------- values.c */

/* `value` of a script as a `type` at `out`; what it points at is in the arena.  False: it is not
 * of that type. */
bool value_put(const berthi_cm_type *type, const json_t *value, unsigned char *out,
               berth_arena *arena);
/* What lies at `in` is `value`. */
bool value_is(const berthi_cm_type *type, const json_t *value, const unsigned char *in);
/* Writes some of it, for people. */
void value_show(const berthi_cm_type *type, const unsigned char *in, char *text, size_t room);

/* The parameters of a function as a struct. */
bool values_put_args(const berthi_cm_type *func, const json_t *args, unsigned char *out,
                     berth_arena *arena);

/* ---------------------------------------------------------------- host.c */

typedef struct runner_named { /* an instance that later components of the script may import */
    const char *name;
    berthi_cm_loaded *loaded;
} runner_named;

typedef struct runner_host {
    uint32_t drops, last_drop; /* of resource1 */
    berthi_wasm_module *module;
    berthi_wasm_info module_info;
    berthi_arena arena; /* of module_info */
    runner_named named[RUNNER_NAMED];
    uint32_t named_count;
    const berthi_cm_steps *steps; /* of the component that is being linked */
    const void *identities[16];   /* of its first resources, as far as they are known */
} runner_host;

bool host_init(runner_host *host, const berth_allocator *allocator, berthi_wasm_engine *engine,
               berth_diag *diag);
void host_fini(runner_host *host);
berth_status host_resolve(void *ctx, const berthi_cm_steps *steps, const berthi_cm_need *need,
                          berthi_cm_binding *binding_out, berth_diag *diag);

/* ---------------------------------------------------------------- script.c */

typedef struct runner_counts {
    unsigned passed, failed, skipped;
} runner_counts;

typedef struct runner_exception {
    char place[128]; /* FOLDER/NAME.wast:LINE */
    char reason[256];
} runner_exception;

typedef struct runner {
    berth_allocator allocator;
    berthi_wasm_engine *engine;
    bool keeps_shims, shows_words;
    runner_exception *exceptions;
    size_t exceptions_count;
    runner_counts total;
} runner;

/* Runs FOLDER/NAME.json; prints a line about it, and one for each command that failed. */
bool script_run(runner *r, const char *folder, const char *file);

#endif
