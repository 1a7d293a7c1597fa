/* component/plan/guest.h - one guest's side of a call, as values go into it and out of it.
 *
 * A call has one such side (host and guest) or two (guest and guest).  It says what the values of
 * the canonical ABI need of an instance: its memory as it is now, room in it, its handles.
 *
 * Layer: component. */
#ifndef BERTHI_COMPONENT_GUEST_H
#define BERTHI_COMPONENT_GUEST_H

#include "base/diag.h"
#include "base/reply_arena.h"
#include "component/plan/handles.h"

typedef struct berthi_cm_guest berthi_cm_guest;

/* The guest's realloc.  Returns with *ptr_out checked against alignment and memory, also for 0
 * bytes, and `memory` read again (I7), its own and that of its peer, whatever the guest did meanwhile. */
typedef berth_status (*berthi_cm_realloc)(berthi_cm_guest *guest, uint64_t old_ptr,
                                          uint64_t old_size, uint32_t align, uint64_t size,
                                          uint64_t *ptr_out, berth_diag *diag);

struct berthi_cm_guest {
    berthi_memory_view memory; /* as it is now; empty when there is none */
    berthi_cm_realloc realloc;
    void *owner;           /* of whoever made this side */
    berthi_cm_guest *peer; /* the other guest of this call; NULL: the host */
    uint8_t encoding;      /* enum berthi_cm_encoding */
    bool is_64;            /* its memory */
    uint32_t instance;     /* component instance */
    const berthi_cm_resource_use *resources;
    berthi_cm_handles *handles;
    struct berthi_cm_error_contexts
        *errors;            /* of the root instance; both guests have the same */
    berthi_cm_task *task;   /* lowering into a call of this guest: whose borrows they are */
    berthi_cm_lends *lends; /* lifting from a call that this guest makes */
    uint64_t *budget;       /* bytes that may still be copied out of guests in this call */
    /* Room in this memory that a function of the host's got for its result, NULL: none.  The first
     * string in UTF-8, or list of single bytes, that begins there is where it belongs already. */
    const void *reserved;
    uint64_t reserved_ptr;
    size_t reserved_size;
    bool reserved_is_used;
};

/* Before so many bytes of a guest's are looked at, copied or not: no deadline interrupts the host. */
static inline berth_status berthi_cm_guest_spend(berthi_cm_guest *from, uint64_t bytes,
                                                 berth_diag *diag)
{
    if (bytes > *from->budget)
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_OUTPUT,
                                   "the call moves more bytes out of guests than it may");
    *from->budget -= bytes;
    return BERTH_OK;
}

/* Takes the room for what begins at `bytes`.  False: it is somewhere else, or was taken. */
bool berthi_cm_reserved_claim(berthi_cm_guest *guest, const void *bytes, size_t size);
static inline bool berthi_cm_is_reserved(const berthi_cm_guest *guest, const void *bytes)
{
    return bytes == guest->reserved && guest->reserved_is_used;
}
/* Where it is in the guest, once what is not used of it was given back. */
berth_status berthi_cm_reserved_keep(berthi_cm_guest *guest, size_t size, uint64_t *ptr_out,
                                     berth_diag *diag);

/* The host's side. */
typedef struct berthi_cm_host_side {
    berth_arena *arena; /* where lifted lists and strings go */
    bool views; /* UTF-8 strings and lists of bits stay where they are, in guest memory */
    /* Handles of resources that the host holds; NULL where the type has none.  A host handle is 64
     * bits: what makes one of (resource, rep) and back is the instance's (resources.h).  `is_borrow`
     * handles are good for the call alone. */
    void *ctx;
    bool (*to_host)(void *ctx, uint32_t resource, uint32_t rep, bool is_borrow,
                    uint64_t *handle_out, berth_diag *diag);
    bool (*to_guest)(void *ctx, uint32_t resource, uint64_t handle, bool is_borrow,
                     uint32_t *rep_out, berth_diag *diag);
} berthi_cm_host_side;

#endif
