/* component/plan/handles.h - handle tables of component instances, and who lends what to whom.
 *
 * One table per component instance, for all resource types.  Which index a new handle gets is
 * normative and observable: 0 is never used, a freed one is used again last in first out, else the
 * table grows by one (CanonicalABI.md, "Table State").
 *
 * Every function answers false with the reason recorded in the diag (BERTH_E_TRAP,
 * BERTH_REASON_CANONICAL; BERTH_E_LIMIT when the table is full; BERTH_E_NOMEM).
 *
 * Layer: component. */
#ifndef BERTHI_COMPONENT_HANDLES_H
#define BERTHI_COMPONENT_HANDLES_H

#include "base/alloc.h"
#include "component/elaborate/steps.h"

enum { BERTHI_CM_HANDLES_MAX = 1000000 }; /* in one table, by default */

/* A call of an export while it runs. */
typedef struct berthi_cm_task {
    uint32_t instance;
    uint32_t borrows;    /* handles of this call that it must drop before it returns */
    uint64_t context[2]; /* context.get and context.set */
} berthi_cm_task;

typedef struct berthi_cm_handle {
    uint32_t resource; /* number; BERTHI_CM_NO_INDEX: the entry is free */
    uint32_t rep;      /* or the next free index */
    uint32_t lends;    /* calls that it is lent to */
    bool is_own;
    berthi_cm_task *task; /* of a borrow: whose it is */
} berthi_cm_handle;

typedef struct berthi_cm_handles {
    const berth_allocator *allocator;
    berthi_cm_handle *entries;
    uint32_t count, room, free_head, max;
} berthi_cm_handles;

/* What one lowered call borrowed, to be given back when it ends. */
typedef struct berthi_cm_lends {
    uint32_t count, room;
    uint32_t *indices; /* `few`, or from the allocator */
    uint32_t few[8];
    berthi_cm_handles *table;
} berthi_cm_lends;

void berthi_cm_handles_init(berthi_cm_handles *t, const berth_allocator *allocator,
                            uint32_t max);
void berthi_cm_handles_fini(berthi_cm_handles *t);

/* A new handle.  `task` of a borrow counts it. */
bool berthi_cm_handle_add_own(berthi_cm_handles *t, uint32_t resource, uint32_t rep,
                              uint32_t *index_out, berth_diag *diag);
bool berthi_cm_handle_add_borrow(berthi_cm_handles *t, uint32_t resource, uint32_t rep,
                                 berthi_cm_task *task, uint32_t *index_out, berth_diag *diag);
/* The next handle will find a place. */
bool berthi_cm_handles_reserve(berthi_cm_handles *t, berth_diag *diag);
/* Lifting `own`: the entry goes. */
bool berthi_cm_handle_take(berthi_cm_handles *t, uint32_t resource, uint32_t index,
                           uint32_t *rep_out, berth_diag *diag);
/* Lifting `borrow`: the entry stays and is lent until berthi_cm_lends_return(). */
bool berthi_cm_handle_lend(berthi_cm_handles *t, uint32_t resource, uint32_t index,
                           berthi_cm_lends *lends, uint32_t *rep_out, berth_diag *diag);
/* resource.rep: of either kind. */
bool berthi_cm_handle_rep(const berthi_cm_handles *t, uint32_t resource, uint32_t index,
                          uint32_t *rep_out, berth_diag *diag);
/* resource.drop: the entry goes; *entry_out is what it was, so that the caller runs the destructor
 * of an own one.  A borrow's task has been told. */
bool berthi_cm_handle_drop(berthi_cm_handles *t, uint32_t resource, uint32_t index,
                           berthi_cm_handle *entry_out, berth_diag *diag);

void berthi_cm_lends_init(berthi_cm_lends *l, berthi_cm_handles *table);
void berthi_cm_lends_return(berthi_cm_lends *l); /* also frees; the lends may be used again */

#endif
