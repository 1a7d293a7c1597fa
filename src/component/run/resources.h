/* component/run/resources.h - handles of resources as the host sees them, for one root instance.
 *
 * A resource that a guest defines is held by the host under a handle of 64 bits: an index with a
 * generation, so that a handle that is gone stays unknown, and never 0.  Handles of resources that
 * the host defines are their reps, widened: the host chose them (host_table.h makes such reps).
 *
 * The host owns what a guest's result gave it as `own` until it passes that back as `own`, or drops
 * it.  What it passes as `borrow` is lent while the call lasts, and cannot go meanwhile.  What a guest
 * passes to a function of the host's as `borrow` has a handle until that function returns.
 *
 * Functions answer false with the reason in the diag: BERTH_E_INVALID when the host's handle is unknown
 * or of another resource, BERTH_E_STATE when it is lent, BERTH_E_LIMIT, BERTH_E_NOMEM.
 * Thread: one, that of the instance.  Layer: component. */
#ifndef BERTHI_COMPONENT_RESOURCES_H
#define BERTHI_COMPONENT_RESOURCES_H

#include "base/alloc.h"
#include "component/elaborate/steps.h"

typedef struct berthi_cm_held { /* one handle */
    uint32_t generation;
    uint32_t resource; /* its number; BERTHI_CM_NO_INDEX: the entry is free */
    uint32_t rep;      /* or the next free index */
    uint32_t lends;
    bool is_own;
} berthi_cm_held;

typedef struct berthi_cm_host_handles {
    const berth_allocator *allocator;
    const berthi_cm_resource_use *resources;
    berthi_cm_held *entries;
    uint32_t count, room, free_head, max, seed;
    uint32_t *undo; /* what the calls that run will take back: lends, and borrows to end */
    uint32_t undo_count, undo_room;
} berthi_cm_host_handles;

/* `resources` are those of the steps.  `max` handles at most (0: BERTHI_CM_HANDLES_MAX).  A `seed` of
 * its own makes handles of one instance unknown to another, nearly always. */
void berthi_cm_host_handles_init(berthi_cm_host_handles *t, const berth_allocator *allocator,
                                 const berthi_cm_resource_use *resources, uint32_t max,
                                 uint32_t seed);
void berthi_cm_host_handles_fini(berthi_cm_host_handles *t); /* nothing is destroyed */

/* For berthi_cm_host_side, whose ctx is the table.  `own` to a guest removes the handle. */
bool berthi_cm_to_host(void *ctx, uint32_t resource, uint32_t rep, bool is_borrow,
                       uint64_t *handle_out, berth_diag *diag);
bool berthi_cm_to_guest(void *ctx, uint32_t resource, uint64_t handle, bool is_borrow,
                        uint32_t *rep_out, berth_diag *diag);

/* Around each call between host and guest, in either direction, whatever becomes of it: what is
 * lent after enter, and borrows that the host got after it, end with leave.  Calls nest. */
typedef uint32_t berthi_cm_host_scope;
berthi_cm_host_scope berthi_cm_host_scope_enter(const berthi_cm_host_handles *t);
void berthi_cm_host_scope_leave(berthi_cm_host_handles *t, berthi_cm_host_scope scope);

/* The host drops an own handle of a guest's resource: it is gone, and the caller destroys *rep_out
 * of *resource_out. */
bool berthi_cm_host_handle_drop(berthi_cm_host_handles *t, uint64_t handle,
                                uint32_t *resource_out, uint32_t *rep_out, berth_diag *diag);

#endif
