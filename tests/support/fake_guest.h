/* fake_guest.h - one side of a component call without an engine: memory that moves with each
 * realloc, and a realloc that writes down how it was called. */
#ifndef BERTHT_FAKE_GUEST_H
#define BERTHT_FAKE_GUEST_H

#include "component/plan/guest.h"

enum { FAKE_CALLS_MAX = 256 };

typedef struct fake_realloc {
    uint64_t old_ptr, old_size, align, size;
    uint64_t given;
} fake_realloc;

typedef struct fake_guest {
    berthi_cm_guest guest; /* guest.owner is the fake */
    uint64_t next;         /* where the next block goes, at the least */
    uint64_t budget;
    fake_realloc calls[FAKE_CALLS_MAX]; /* the first of them */
    uint32_t count;
    uint32_t fail_at; /* this call fails with BERTH_E_TRAP; UINT32_MAX: none */
    bool forgets;     /* blocks do not keep what the old one held: filled with 0xA5 */
} fake_guest;

/* A memory of `size` bytes, filled with 0xA5; it grows when a block does not fit.  No bound on the
 * budget. */
void fake_guest_init(fake_guest *f, enum berthi_cm_encoding encoding, size_t size);
void fake_guest_fini(fake_guest *f);
/* Puts bytes into its memory, as if the guest had. */
void fake_guest_put(fake_guest *f, uint64_t ptr, const void *bytes, size_t size);

#endif
