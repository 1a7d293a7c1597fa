/* berth/bindgen.h - source text for a WIT world: typed calls for hosts, glue for plugins.
 *
 * What is written and how it is used: docs/bindgen.md.
 * Words: <berth/base.h>.  Stability: draft until 1.0.
 */
#ifndef BERTH_BINDGEN_H
#define BERTH_BINDGEN_H

#include <berth/arena.h>
#include <berth/base.h>

BERTH_BEGIN

typedef enum berth_bindgen_side {
    BERTH_BINDGEN_HOST = 1,  /* WORLD_types.h, WORLD_host.h, WORLD_host.c, WORLD_host.hpp */
    BERTH_BINDGEN_GUEST = 2, /* WORLD_types.h, WORLD_plugin.h, WORLD_guest.c */
    BERTH_BINDGEN_NATIVE = 3 /* WORLD_types.h, WORLD_plugin.h, WORLD_native.c */
} berth_bindgen_side;

/* Grows at the end only. */
typedef struct berth_bindgen_options {
    uint32_t size;            /* sizeof(berth_bindgen_options), set by the _INIT */
    uint32_t side;            /* a berth_bindgen_side */
    uint32_t wit_paths_count; /* as berth_wit_read() takes them; the last one has the world */
    uint32_t features_count;
    const char *const *wit_paths;
    const char *const *features; /* `@unstable` items of these are there */
    uint32_t has_all_features;   /* not 0: no `@unstable` item is left out */
    uint32_t reserved;           /* 0 */
    const char *world;           /* NULL: the only one of its package */
    const char *prefix;          /* of all names; NULL: the world's name */
} berth_bindgen_options;
#define BERTH_BINDGEN_OPTIONS_INIT                                                             \
    BERTH_INIT((uint32_t)sizeof(berth_bindgen_options), BERTH_BINDGEN_HOST, 0, 0, NULL, NULL,  \
               0, 0, NULL, NULL)

typedef struct berth_bindgen_file {
    const char *name; /* without a folder */
    const char *text; /* terminated */
    size_t size;
} berth_bindgen_file;

/* Writes the source text for a world: the same for the same world, whatever else its package has.
 * Gives *files_out in memory that the arena lends until it is reset.
 * Thread: one per arena.  Blocks: until the WIT is read.
 * Fails: BERTH_E_REJECTED (the WIT; or the world has what there are no bindings for, such as
 *        streams), BERTH_E_ABSENT (no such world, or several to choose from), BERTH_E_LIMIT,
 *        BERTH_E_INVALID, BERTH_E_VERSION, BERTH_E_OS, BERTH_E_STATE (a file changed meanwhile),
 *        BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_bindgen(const berth_bindgen_options *options,
                                                   berth_arena *arena,
                                                   const berth_bindgen_file **files_out,
                                                   uint32_t *count_out, berth_diag *diag);

BERTH_END
#endif /* BERTH_BINDGEN_H */
