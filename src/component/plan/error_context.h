/* component/plan/error_context.h - error contexts: messages that components hand to one another.
 *
 * A root instance keeps its messages, as UTF-8 that never changes.  A component instance has a handle
 * in its one table (handles.h), of a resource number that no resource has, whose rep is the message's
 * number here; each handle is a reference, and with the last one the message goes.  What of a message
 * is kept is the host's choice (CanonicalABI.md, "error-context.new"): the first MESSAGE_MAX bytes, cut
 * at a character.
 *
 * Functions answer false with the reason in the diag: BERTH_E_TRAP (no handle of an error context),
 * BERTH_E_LIMIT, BERTH_E_NOMEM; then nothing has changed.
 *
 * Layer: component. */
#ifndef BERTHI_COMPONENT_ERROR_CONTEXT_H
#define BERTHI_COMPONENT_ERROR_CONTEXT_H

#include "component/plan/handles.h"
#include "component/plan/transcode.h"

enum {
    BERTHI_CM_ERROR_MESSAGE_MAX = 65536, /* bytes of one */
    BERTHI_CM_ERROR_CONTEXTS_MAX = 65536,
    BERTHI_CM_ERROR_BYTES_MAX = 16 << 20 /* of all messages */
};
#define BERTHI_CM_ERROR_CONTEXT_HANDLE (BERTHI_CM_NO_INDEX - 1) /* in place of a resource */

typedef struct berthi_cm_error_context {
    char *text; /* NULL: empty, or the entry is free */
    uint32_t size;
    uint32_t next_free;
    uint64_t references; /* handles; more than 32 bits count in a thousand tables */
} berthi_cm_error_context;

/* Those of one root instance. */
typedef struct berthi_cm_error_contexts {
    const berth_allocator *allocator;
    berthi_cm_error_context *entries;
    uint32_t count, room, free_head; /* entry 0 is never used */
    size_t bytes;                    /* of all messages */
} berthi_cm_error_contexts;

void berthi_cm_error_contexts_init(berthi_cm_error_contexts *t,
                                   const berth_allocator *allocator);
void berthi_cm_error_contexts_fini(
    berthi_cm_error_contexts *t); /* whatever handles there are */

/* A new message with one handle.  The text, of this allocator, is the table's from now on. */
bool berthi_cm_error_context_add(berthi_cm_error_contexts *t, berthi_cm_handles *handles,
                                 char *text, size_t size, uint32_t *index_out,
                                 berth_diag *diag);
/* Another handle, in another table, of the message that one has; that one stays. */
bool berthi_cm_error_context_pass(berthi_cm_error_contexts *t, const berthi_cm_handles *from,
                                  uint32_t index, berthi_cm_handles *to, uint32_t *index_out,
                                  berth_diag *diag);
/* Lent until its last handle goes. */
bool berthi_cm_error_context_text(const berthi_cm_error_contexts *t,
                                  const berthi_cm_handles *handles, uint32_t index,
                                  berthi_cm_host_string *text_out, berth_diag *diag);
bool berthi_cm_error_context_drop(berthi_cm_error_contexts *t, berthi_cm_handles *handles,
                                  uint32_t index, berth_diag *diag);

#endif
