/* admit/native_plugin.h - what a native plugin promises, by its own world.
 *
 * The world that it carries is read, its contracts are made again from that, and have to be those of
 * its note; so a note cannot promise what the world does not say.  Layer: admit. */
#ifndef BERTHI_ADMIT_NATIVE_PLUGIN_H
#define BERTHI_ADMIT_NATIVE_PLUGIN_H

#include "admit/admit.h"
#include "contract/contract.h"
#include "native/native.h"

/* An interface that it exports, or the functions of the world itself. */
typedef struct berthi_native_export {
    const char *name; /* that of the export; of the world's functions NULL */
    berthi_contract contract;
    const char **names; /* of its functions, as the plugin's table has them */
    const berthi_cm_type **types;
    uint32_t resources_count; /* that the interface defines itself */
    const char **resources;
    const char *drop_key; /* the contract's key with "#drop" behind */
} berthi_native_export;

typedef struct berthi_native_plugin {
    berthi_native_info info; /* `wit` is not to be used: the bytes are gone */
    uint32_t exports_count;
    const berthi_native_export *exports;
    const berthi_native_export *kept; /* what keeps the slot's contract; NULL: it has none */
    const berthi_wit *model;
    const berthi_wit_world *world;
    bool is_shared; /* its exports and its model are others' too, and only to be looked at */
} berthi_native_plugin;

/* Worlds that are in use, so that a plugin which carries the same bytes need not read them again. */
typedef struct berthi_native_worlds {
    void *ctx;
    /* What was read of these very bytes, to live as long as the plugin; NULL: it is new. */
    const berthi_native_plugin *(*find)(void *ctx, const uint8_t *wit, size_t size);
    berthi_arena *arena; /* for a new one */
} berthi_native_worlds;

bool berthi_is_elf(const uint8_t *bytes, size_t size);

/* Everything is held by the arena.  `info` has no problems.
 * Fails: BERTH_E_REJECTED, BERTH_E_LIMIT, BERTH_E_NOMEM. */
berth_status berthi_native_world_read(const berthi_native_info *info, berthi_arena *arena,
                                      berthi_native_plugin *plugin_out, berth_diag *diag)
    __attribute__((warn_unused_result));

/* May these bytes serve as a native plugin?  *native_out is held by `native_arena`, but for its world where
 * there are `worlds`, *plugin_out by `arena`.  `worlds`, `profile_id` and `kind` may be NULL.
 * Fails: BERTH_E_REJECTED with the first problem, BERTH_E_LIMIT, BERTH_E_NOMEM. */
berth_status berthi_admit_native(const uint8_t *bytes, size_t size, const char *profile_id,
                                 const char *kind, const berthi_admit_limits *limits,
                                 const berthi_native_worlds *worlds, berthi_arena *arena,
                                 berthi_arena *native_arena, berthi_plugin *plugin_out,
                                 berthi_native_plugin *native_out, berth_diag *diag)
    __attribute__((warn_unused_result));

/* The same for the plugin of another system, whose entry point is `entry`: what it offers is said by
 * whoever loads it, under that name and version. */
berth_status berthi_admit_foreign(const uint8_t *bytes, size_t size, const char *entry,
                                  const char *name, const char *version, berthi_arena *arena,
                                  berthi_arena *native_arena, berthi_plugin *plugin_out,
                                  berthi_native_plugin *native_out, berth_diag *diag)
    __attribute__((warn_unused_result));

#endif
