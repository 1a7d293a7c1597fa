/* runtime/bundles.h - the bundles that a runtime has loaded.  Layer: runtime.
 *
 *   bundles.c         the set: made, looked into, taken apart   bundles_ready.c  one bundle, until its
 *   bundles_load.c    many at once, or none                                      version is ready
 *   bundles_reload.c  one in its place, and those that follow
 *   bundles_check.c   catalogues, whose artifacts are looked into
 *
 * Changes of a set take turns by a ticket, not a lock, because plugin code and callbacks run
 * meanwhile (I9).  Whoever holds the ticket reads the list without the lock and changes it under
 * the lock, at the end, when nothing can fail any more (I4). */
#ifndef BERTHI_RUNTIME_BUNDLES_H
#define BERTHI_RUNTIME_BUNDLES_H

#include "admit/outline.h"
#include "compat/polyplug/polyplug.h"

typedef struct berthi_loaded {
    struct berthi_loaded *next;       /* ascending by the names of their slots */
    berthi_bundle *bundle;            /* without the bytes of its artifact */
    berth_slot *slot;                 /* a handle */
    struct berthi_loaded **providers; /* as many as its manifest needs; NULL: nobody */
    uint32_t providers_count;
    uint32_t index; /* scratch of whoever holds the ticket, as is all below */
    bool is_marked;
    berth_version
        *ready; /* to be published with those that are linked to it; NULL: there is none */
} berthi_loaded;

struct berth_bundles {
    berth_runtime *rt;
    const berth_allocator *allocator; /* the runtime's */
    berthi_arena arena;               /* of the options */
    berth_bundles_options options;
    berthi_trust trust;
    berth_slot_options slot;   /* what each gets, before its own limits */
    berthi_polyplug *polyplug; /* what bundles of that system offer each other */
    berthi_lock lock;
    berthi_cond changed;
    bool is_changing; /* guarded by lock, as is all below */
    uint64_t changing_thread;
    berthi_loaded *first;
    uint32_t count;
};

/* bundles.c */
berth_status berthi_bundles_begin(berth_bundles *b, berth_diag *diag);
void berthi_bundles_finish(berth_bundles *b);
/* The manifests of all that is loaded, in their order, with room for `more`; their index is set.
 * NULL: no memory. */
const berthi_manifest **berthi_bundles_manifests(berth_bundles *b, uint32_t more,
                                                 berthi_arena *arena);
berthi_loaded *berthi_bundles_at(const berth_bundles *b, uint32_t index);
berthi_loaded *berthi_bundles_by_slot(const berth_bundles *b, const char *slot);
bool berthi_loaded_requires(const berthi_loaded *who, const berthi_loaded *whom);
void berthi_bundles_warn_signature(berth_bundles *b, const berthi_bundle *bundle);

/* bundles_ready.c */
berthi_bundle_reading berthi_bundles_reading(const berth_bundles *b);
berthi_loaded *berthi_loaded_make(berth_bundles *b, const berthi_bundle *bundle);
void berthi_loaded_free(berth_bundles *b, berthi_loaded *loaded); /* not its slot */
/* Opens a slot that nobody sees. */
berth_status berthi_bundles_open(berth_bundles *b, const berthi_bundle *bundle,
                                 berth_slot **slot_out, berth_diag *diag);
/* A version that is ready, and what is published with it; NULL: nothing. */
typedef struct berthi_prepared {
    berth_version *version;
    berthi_polyplug_staged *staged;
} berthi_prepared;
/* A version of the bundle's artifact, which is read again, for that slot, with the contracts that the
 * manifest says.  `providers` are as many as its manifest needs. */
berth_status berthi_bundles_prepare(berth_bundles *b, const berthi_bundle *bundle,
                                    berth_slot *slot, berthi_loaded *const *providers,
                                    berthi_prepared *prepared_out, berth_diag *diag);
/* All of these are about to be published, or to be discarded: what they call of each other is what is
 * current from here on.  Before the first of them is either. */
void berthi_bundles_settle(berthi_loaded *loaded, const berthi_prepared *prepared);
/* What was not published goes. */
void berthi_bundles_discard(berth_bundles *b, berthi_prepared *prepared);
/* The slot serves it. */
void berthi_bundles_published(berth_bundles *b, berthi_prepared *prepared, berth_slot *slot);
void berthi_bundles_warn_instances(berth_bundles *b, const berthi_loaded *loaded);

/* bundles_check.c */
/* What the manifest provides and what the artifact exports is the same, or BERTH_E_REJECTED. */
berth_status berthi_bundles_match(const berthi_manifest *manifest,
                                  const berthi_outline *outline, berth_diag *diag);

#endif
