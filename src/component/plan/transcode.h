/* component/plan/transcode.h - strings of the canonical ABI, between its encodings.
 *
 * What is called how often is normative: the sequence of reallocs of each pair of encodings is that
 * of CanonicalABI.md, "store_string" and what it calls.  Lengths and bounds are checked before
 * anything is read; pointers must be aligned; contents must decode.
 *
 * The host's strings are UTF-8 with a length in bytes.
 *
 * Layer: component. */
#ifndef BERTHI_COMPONENT_TRANSCODE_H
#define BERTHI_COMPONENT_TRANSCODE_H

#include "component/plan/guest.h"

/* A string in a guest, as its two core values say: `units` is tagged for latin1+utf16. */
typedef struct berthi_cm_guest_string {
    uint64_t ptr, units;
} berthi_cm_guest_string;

typedef struct berthi_cm_host_string { /* as in host layout */
    const char *text;
    size_t size;
} berthi_cm_host_string;

/* Out of a guest.  With `side->views` a valid UTF-8 string is lent from the guest's memory; else it
 * is copied, or decoded, into the arena. */
berth_status berthi_cm_string_lift(berthi_cm_guest *from, berthi_cm_guest_string string,
                                   const berthi_cm_host_side *side, berthi_cm_host_string *out,
                                   berth_diag *diag);
/* The same, in UTF-8 and as much of it as fits `max` bytes, into room of its own: of *size_out bytes
 * from the allocator; NULL when there are none.  All of the string is checked. */
berth_status berthi_cm_string_lift_cut(berthi_cm_guest *from, berthi_cm_guest_string string,
                                       size_t max, const berth_allocator *allocator,
                                       char **text_out, size_t *size_out, berth_diag *diag);
/* Into a guest.  A host string that is no UTF-8 is the host's fault: BERTH_E_INVALID. */
berth_status berthi_cm_string_lower(berthi_cm_guest *to, berthi_cm_host_string string,
                                    berthi_cm_guest_string *out, berth_diag *diag);
/* The same in two halves: what the host may have got wrong, and what is left once nothing is. */
berth_status berthi_cm_string_check(berthi_cm_guest *to, berthi_cm_host_string string,
                                    berth_diag *diag);
berth_status berthi_cm_string_lower_checked(berthi_cm_guest *to, berthi_cm_host_string string,
                                            berthi_cm_guest_string *out, berth_diag *diag);
/* From one guest to another, by way of no third place. */
berth_status berthi_cm_string_transfer(berthi_cm_guest *from, berthi_cm_guest_string string,
                                       berthi_cm_guest *to, berthi_cm_guest_string *out,
                                       berth_diag *diag);

#endif
