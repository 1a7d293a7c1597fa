/* berth/component.h - components made of core modules.
 *
 * Words: <berth/base.h>.  What the core module has to import and export: docs/wrap.md.
 * Stability: draft until 1.0.
 */
#ifndef BERTH_COMPONENT_H
#define BERTH_COMPONENT_H

#include <berth/arena.h>
#include <berth/base.h>

BERTH_BEGIN

/* Grows at the end only. */
typedef struct berth_wrap_options {
    uint32_t size;            /* sizeof(berth_wrap_options), set by the _INIT */
    uint32_t wit_paths_count; /* as berth_wit_read() takes them; the last one has the world; 0:
                               * the module carries its world itself, in "component-type" */
    const char *const *wit_paths;
    const char *world; /* NULL: the only one of its package */
} berth_wrap_options;
#define BERTH_WRAP_OPTIONS_INIT BERTH_INIT((uint32_t)sizeof(berth_wrap_options), 0, NULL, NULL)

/* Makes a component of the core module and the world that it was written for.  Whether the
 * functions' core types are those of the world is found out when it is inspected or installed.
 * Gives *bytes_out in memory that the arena lends until it is reset.
 * Thread: one per arena.  Blocks: until the WIT is read.
 * Fails: BERTH_E_REJECTED (the WIT, the module, or that they do not fit together), BERTH_E_ABSENT
 *        (no such world, or several to choose from), BERTH_E_LIMIT, BERTH_E_INVALID,
 *        BERTH_E_VERSION, BERTH_E_OS, BERTH_E_STATE (a file changed meanwhile), BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_component_wrap(const void *core, size_t core_size,
                                                          const berth_wrap_options *options,
                                                          berth_arena *arena,
                                                          const void **bytes_out,
                                                          size_t *size_out, berth_diag *diag);

BERTH_END
#endif /* BERTH_COMPONENT_H */
