/* compat/polyplug/polyplug.h - native bundles of polyplug, run as versions of slots.
 *
 * What this directory is: polyplug's ABI 1 on one side (<berth/polyplug.h>), slots on the other.
 *   plugin.c          one plugin: opened, what it registers checked, ended
 *   offers.c          which contracts there are; handles; what is published and taken back
 *   calls.c           calls and instances, all behind the pin of a version
 *   callbacks.c       the 21 functions that a plugin is given
 *   host_contracts.c  services of the host
 * A plugin gets stand-ins for others' contracts and never their own functions: so no call of one plugin
 * into another goes past its record, outlives code, or has to be made again after a swap.
 *
 * Read first: docs/polyplug.md, then private.h.  Layer: compat. */
#ifndef BERTHI_COMPAT_POLYPLUG_POLYPLUG_H
#define BERTHI_COMPAT_POLYPLUG_POLYPLUG_H

#include <berth/polyplug.h>

#include "bundle/polyplug.h"
#include "registry/registry.h"

typedef struct berthi_polyplug berthi_polyplug;

/* What the bundles that are loaded together are changed by: a plugin may ask for it. */
typedef struct berthi_polyplug_set {
    void *ctx;
    berth_status (*load)(void *ctx, const char *folder, berth_diag *diag);
    berth_status (*reload)(void *ctx, const char *folder, berth_diag *diag);
    berth_status (*unload)(void *ctx, const char *name, berth_diag *diag);
} berthi_polyplug_set;

berth_status berthi_polyplug_make(berth_runtime *rt, const berthi_polyplug_set *set,
                                  berthi_polyplug **host_out, berth_diag *diag)
    __attribute__((warn_unused_result));
/* Nothing is loaded, reloaded or unloaded any more.  Waits for plugins' calls of the host that are under
 * way, and ends all instances; plugins that live on are told that nobody is there. */
void berthi_polyplug_end_all(berthi_polyplug *host);
/* Then all bundles are gone, and it is taken. */
void berthi_polyplug_close(berthi_polyplug *host);
const berth_polyplug_host *berthi_polyplug_table(berthi_polyplug *host);

/* A bundle that is to be made ready. */
typedef struct berthi_polyplug_bundle {
    const berthi_manifest *manifest;
    const char *folder;
    const uint64_t *providers; /* ids of bundles: who serves each of its needs; 0: nobody */
} berthi_polyplug_bundle;

/* What a ready version offers, to be published with it. */
typedef struct berthi_polyplug_staged berthi_polyplug_staged;

/* As berth_slot_prepare(); what it registered is what its manifest says, each and no other. */
berth_status berthi_polyplug_prepare(berthi_polyplug *host,
                                     const berthi_polyplug_bundle *bundle, const uint8_t *bytes,
                                     size_t size, berth_slot *slot, berth_version **version_out,
                                     berthi_polyplug_staged **staged_out, berth_diag *diag)
    __attribute__((warn_unused_result));
/* The slot serves it.  Takes `staged`; cannot fail (I4). */
void berthi_polyplug_commit(berthi_polyplug *host, berthi_polyplug_staged *staged,
                            berth_slot *slot);
/* Takes `staged`, whose version is not published; NULL is left alone. */
void berthi_polyplug_discard(berthi_polyplug *host, berthi_polyplug_staged *staged);
/* The bundle goes: its handles are stale, nobody finds its contracts. */
void berthi_polyplug_forget(berthi_polyplug *host, uint64_t bundle);
/* How many instances of its contracts there are. */
uint32_t berthi_polyplug_instances(berthi_polyplug *host, uint64_t bundle);

#endif
