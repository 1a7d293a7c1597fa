/* handles.c - handle tables of component instances, and who lends what to whom.  Layer: component.
 *
 * Free entries are chained through `rep`, the last freed first: that order is the specification's,
 * and guests see it.  Entry 0 is there and never handed out; as the end of the chain it says that
 * none is free. */
#include "component/plan/handles.h"

#include "base/diag.h"

enum { FIRST_ROOM = 16, INDEX_MAX = (1 << 28) - 1 /* of the specification */ };

void berthi_cm_handles_init(berthi_cm_handles *t, const berth_allocator *allocator,
                            uint32_t max)
{
    if (max == 0)
        max = BERTHI_CM_HANDLES_MAX;
    *t = (berthi_cm_handles){ .allocator = allocator,
                              .count = 1,
                              .max = max < INDEX_MAX ? max : INDEX_MAX };
}

void berthi_cm_handles_fini(berthi_cm_handles *t)
{
    berthi_free_array(t->allocator, t->entries, t->room, sizeof *t->entries);
    berthi_cm_handles_init(t, t->allocator, t->max);
}

static bool trap(berth_diag *diag, const char *text)
{
    (void)berthi_fail_because(diag, BERTH_E_TRAP, BERTH_REASON_CANONICAL, "%s", text);
    return false;
}

/* The entry of that handle, or NULL with the reason. */
static berthi_cm_handle *find(const berthi_cm_handles *t, uint32_t resource, uint32_t index,
                              berth_diag *diag)
{
    berthi_cm_handle *entry = NULL;

    if (index != 0 && index < t->count)
        entry = &t->entries[index];
    if (entry == NULL || entry->resource == BERTHI_CM_NO_INDEX) {
        (void)berthi_fail_because(diag, BERTH_E_TRAP, BERTH_REASON_CANONICAL,
                                  "unknown handle index %u", index);
        return NULL;
    }
    if (entry->resource != resource) {
        (void)berthi_fail_because(diag, BERTH_E_TRAP, BERTH_REASON_CANONICAL,
                                  "handle index %u used with the wrong type", index);
        return NULL;
    }
    return entry;
}

static bool grow(berthi_cm_handles *t, berth_diag *diag)
{
    uint32_t room = t->room == 0 ? FIRST_ROOM : 2 * t->room; /* at most twice INDEX_MAX */
    berthi_cm_handle *entries = berthi_zalloc_array(t->allocator, room, sizeof *entries);

    if (entries == NULL) {
        (void)berthi_fail(diag, BERTH_E_NOMEM, "a table of %u handles", room);
        return false;
    }
    if (t->room == 0)
        entries[0].resource = BERTHI_CM_NO_INDEX;
    else
        memcpy(entries, t->entries, t->count * sizeof *entries);
    berthi_free_array(t->allocator, t->entries, t->room, sizeof *entries);
    t->entries = entries;
    t->room = room;
    return true;
}

bool berthi_cm_handles_reserve(berthi_cm_handles *t, berth_diag *diag)
{
    if (t->free_head != 0)
        return true;
    if (t->count > t->max) {
        (void)berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_HANDLES,
                                  "a component instance holds %u handles, the limit is %u",
                                  t->count - 1, t->max);
        return false;
    }
    return t->count < t->room || grow(t, diag);
}

static bool add(berthi_cm_handles *t, berthi_cm_handle entry, uint32_t *index_out,
                berth_diag *diag)
{
    uint32_t index = t->free_head;

    assert(entry.resource != BERTHI_CM_NO_INDEX);
    if (index != 0) {
        assert(t->entries[index].resource == BERTHI_CM_NO_INDEX);
        t->free_head = t->entries[index].rep;
    } else {
        if (!berthi_cm_handles_reserve(t, diag))
            return false;
        index = t->count++;
    }
    t->entries[index] = entry;
    *index_out = index;
    return true;
}

static void remove_entry(berthi_cm_handles *t, berthi_cm_handle *entry)
{
    *entry = (berthi_cm_handle){ .resource = BERTHI_CM_NO_INDEX, .rep = t->free_head };
    t->free_head = (uint32_t)(entry - t->entries);
}

bool berthi_cm_handle_add_own(berthi_cm_handles *t, uint32_t resource, uint32_t rep,
                              uint32_t *index_out, berth_diag *diag)
{
    return add(t, (berthi_cm_handle){ .resource = resource, .rep = rep, .is_own = true },
               index_out, diag);
}

bool berthi_cm_handle_add_borrow(berthi_cm_handles *t, uint32_t resource, uint32_t rep,
                                 berthi_cm_task *task, uint32_t *index_out, berth_diag *diag)
{
    if (!add(t, (berthi_cm_handle){ .resource = resource, .rep = rep, .task = task }, index_out,
             diag))
        return false;
    task->borrows++; /* there are fewer than 2^28 entries to count */
    return true;
}

bool berthi_cm_handle_take(berthi_cm_handles *t, uint32_t resource, uint32_t index,
                           uint32_t *rep_out, berth_diag *diag)
{
    berthi_cm_handle *entry = find(t, resource, index, diag);

    if (entry == NULL)
        return false;
    if (entry->lends != 0)
        return trap(diag, "cannot remove owned resource while borrowed");
    if (!entry->is_own)
        return trap(diag, "cannot lift own resource from a borrow");
    *rep_out = entry->rep;
    remove_entry(t, entry);
    return true;
}

bool berthi_cm_handle_rep(const berthi_cm_handles *t, uint32_t resource, uint32_t index,
                          uint32_t *rep_out, berth_diag *diag)
{
    const berthi_cm_handle *entry = find(t, resource, index, diag);

    if (entry == NULL)
        return false;
    *rep_out = entry->rep;
    return true;
}

bool berthi_cm_handle_drop(berthi_cm_handles *t, uint32_t resource, uint32_t index,
                           berthi_cm_handle *entry_out, berth_diag *diag)
{
    berthi_cm_handle *entry = find(t, resource, index, diag);

    if (entry == NULL)
        return false;
    if (entry->lends != 0)
        return trap(diag, "cannot remove owned resource while borrowed");
    if (!entry->is_own) {
        assert(entry->task->borrows > 0);
        entry->task->borrows--;
    }
    *entry_out = *entry;
    remove_entry(t, entry);
    return true;
}

/* ---------------------------------------------------------------- lends */

void berthi_cm_lends_init(berthi_cm_lends *l, berthi_cm_handles *table)
{
    l->count = 0;
    l->room = sizeof l->few / sizeof l->few[0];
    l->indices = l->few;
    l->table = table;
}

static void free_indices(berthi_cm_lends *l)
{
    if (l->indices != l->few)
        berthi_free_array(l->table->allocator, l->indices, l->room, sizeof *l->indices);
}

static bool grow_lends(berthi_cm_lends *l, berth_diag *diag)
{
    uint32_t *indices = NULL;

    if (l->room <= UINT32_MAX / 2)
        indices =
            berthi_zalloc_array(l->table->allocator, 2 * (size_t)l->room, sizeof *indices);
    if (indices == NULL) {
        (void)berthi_fail(diag, BERTH_E_NOMEM, "a list of %u lent handles", l->count);
        return false;
    }
    memcpy(indices, l->indices, l->count * sizeof *indices);
    free_indices(l);
    l->indices = indices;
    l->room *= 2;
    return true;
}

bool berthi_cm_handle_lend(berthi_cm_handles *t, uint32_t resource, uint32_t index,
                           berthi_cm_lends *lends, uint32_t *rep_out, berth_diag *diag)
{
    berthi_cm_handle *entry = find(t, resource, index, diag);

    assert(lends->table == t);
    if (entry == NULL)
        return false;
    if (lends->count == lends->room && !grow_lends(lends, diag))
        return false;
    if (entry->lends == UINT32_MAX) {
        (void)berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_HANDLES,
                                  "handle index %u is lent too often", index);
        return false;
    }
    entry->lends++;
    lends->indices[lends->count++] = index;
    *rep_out = entry->rep;
    return true;
}

void berthi_cm_lends_return(berthi_cm_lends *l)
{
    for (uint32_t i = 0; i < l->count; i++) {
        berthi_cm_handle *entry = &l->table->entries[l->indices[i]];

        assert(entry->lends > 0); /* what is lent cannot go */
        entry->lends--;
    }
    free_indices(l);
    berthi_cm_lends_init(l, l->table);
}
