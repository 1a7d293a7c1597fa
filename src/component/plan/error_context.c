/* error_context.c - error contexts: messages that components hand to one another.  Layer: component.
 *
 * Free entries are chained through `next_free`, as those of handles.c are; entry 0 ends the chain. */
#include "component/plan/error_context.h"

enum { FIRST_ROOM = 16 };

void berthi_cm_error_contexts_init(berthi_cm_error_contexts *t,
                                   const berth_allocator *allocator)
{
    *t = (berthi_cm_error_contexts){ .allocator = allocator, .count = 1 };
}

void berthi_cm_error_contexts_fini(berthi_cm_error_contexts *t)
{
    for (uint32_t n = 1; n < t->count; n++)
        berthi_free(t->allocator, t->entries[n].text, t->entries[n].size);
    berthi_free_array(t->allocator, t->entries, t->room, sizeof *t->entries);
    berthi_cm_error_contexts_init(t, t->allocator);
}

static bool grow(berthi_cm_error_contexts *t, berth_diag *diag)
{
    uint32_t room = t->room == 0 ? FIRST_ROOM : 2 * t->room;
    berthi_cm_error_context *entries = berthi_zalloc_array(t->allocator, room, sizeof *entries);

    if (entries == NULL) {
        (void)berthi_fail(diag, BERTH_E_NOMEM, "a table of %u error contexts", (unsigned)room);
        return false;
    }
    if (t->room != 0)
        memcpy(entries, t->entries, t->count * sizeof *entries);
    berthi_free_array(t->allocator, t->entries, t->room, sizeof *entries);
    t->entries = entries;
    t->room = room;
    return true;
}

/* The next message will find a place, of so many bytes. */
static bool reserve(berthi_cm_error_contexts *t, size_t size, berth_diag *diag)
{
    if (size > BERTHI_CM_ERROR_BYTES_MAX - t->bytes) {
        (void)berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_HANDLES,
                                  "messages of error contexts take more than %d bytes",
                                  BERTHI_CM_ERROR_BYTES_MAX);
        return false;
    }
    if (t->free_head != 0)
        return true;
    if (t->count > BERTHI_CM_ERROR_CONTEXTS_MAX) {
        (void)berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_HANDLES,
                                  "more than %d error contexts", BERTHI_CM_ERROR_CONTEXTS_MAX);
        return false;
    }
    return t->count < t->room || grow(t, diag);
}

bool berthi_cm_error_context_add(berthi_cm_error_contexts *t, berthi_cm_handles *handles,
                                 char *text, size_t size, uint32_t *index_out, berth_diag *diag)
{
    uint32_t number;

    assert(size <= BERTHI_CM_ERROR_MESSAGE_MAX);
    if (!reserve(t, size, diag)) {
        berthi_free(t->allocator, text, size);
        return false;
    }
    number = t->free_head != 0 ? t->free_head : t->count;
    if (!berthi_cm_handle_add_own(handles, BERTHI_CM_ERROR_CONTEXT_HANDLE, number, index_out,
                                  diag)) {
        berthi_free(t->allocator, text, size);
        return false;
    }
    if (number == t->count)
        t->count++;
    else
        t->free_head = t->entries[number].next_free;
    t->entries[number] =
        (berthi_cm_error_context){ .text = text, .size = (uint32_t)size, .references = 1 };
    t->bytes += size;
    return true;
}

bool berthi_cm_error_context_pass(berthi_cm_error_contexts *t, const berthi_cm_handles *from,
                                  uint32_t index, berthi_cm_handles *to, uint32_t *index_out,
                                  berth_diag *diag)
{
    uint32_t number;

    if (!berthi_cm_handle_rep(from, BERTHI_CM_ERROR_CONTEXT_HANDLE, index, &number, diag) ||
        !berthi_cm_handle_add_own(to, BERTHI_CM_ERROR_CONTEXT_HANDLE, number, index_out, diag))
        return false;
    t->entries[number].references++;
    return true;
}

bool berthi_cm_error_context_text(const berthi_cm_error_contexts *t,
                                  const berthi_cm_handles *handles, uint32_t index,
                                  berthi_cm_host_string *text_out, berth_diag *diag)
{
    uint32_t number;

    if (!berthi_cm_handle_rep(handles, BERTHI_CM_ERROR_CONTEXT_HANDLE, index, &number, diag))
        return false;
    *text_out = (berthi_cm_host_string){ t->entries[number].text, t->entries[number].size };
    return true;
}

bool berthi_cm_error_context_drop(berthi_cm_error_contexts *t, berthi_cm_handles *handles,
                                  uint32_t index, berth_diag *diag)
{
    berthi_cm_error_context *entry;
    uint32_t number;

    if (!berthi_cm_handle_take(handles, BERTHI_CM_ERROR_CONTEXT_HANDLE, index, &number, diag))
        return false;
    entry = &t->entries[number];
    assert(entry->references > 0);
    if (--entry->references != 0)
        return true;
    berthi_free(t->allocator, entry->text, entry->size);
    t->bytes -= entry->size;
    *entry = (berthi_cm_error_context){ .next_free = t->free_head };
    t->free_head = number;
    return true;
}
