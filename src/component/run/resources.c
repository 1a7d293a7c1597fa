/* resources.c - handles of resources as the host sees them.  Layer: component.
 *
 * Handle = generation << 32 | index.  An entry's generation moves on when its handle ends; one whose
 * generations are used up is left out of use.  Unlike a guest's table, nothing is normative here. */
#include "component/run/resources.h"

#include "base/diag.h"
#include "component/plan/handles.h"

enum { FIRST_ROOM = 16 };

/* Of an entry in `undo`: the borrow ends; else one lend does.  Indices stay below this. */
#define UNDO_BORROW 0x80000000u

void berthi_cm_host_handles_init(berthi_cm_host_handles *t, const berth_allocator *allocator,
                                 const berthi_cm_resource_use *resources, uint32_t max,
                                 uint32_t seed)
{
    if (max == 0)
        max = BERTHI_CM_HANDLES_MAX;
    *t = (berthi_cm_host_handles){ .allocator = allocator,
                                   .resources = resources,
                                   .count = 1, /* index 0 is the end of the free ones */
                                   .max = max < UNDO_BORROW / 4 ? max : UNDO_BORROW / 4,
                                   .seed = seed };
}

void berthi_cm_host_handles_fini(berthi_cm_host_handles *t)
{
    berthi_free_array(t->allocator, t->entries, t->room, sizeof *t->entries);
    berthi_free_array(t->allocator, t->undo, t->undo_room, sizeof *t->undo);
    berthi_cm_host_handles_init(t, t->allocator, t->resources, t->max, t->seed);
}

static bool is_hosts(const berthi_cm_host_handles *t, uint32_t resource)
{
    return t->resources[resource].instance == BERTHI_CM_NO_INDEX;
}

/* A larger copy of an array; NULL with the reason. */
static void *grown(const berth_allocator *a, void *old, uint32_t old_room, uint32_t room,
                   size_t size, berth_diag *diag)
{
    void *array = berthi_zalloc_array(a, room, size);

    if (array == NULL) {
        (void)berthi_fail(diag, BERTH_E_NOMEM, "a table of %u handles", room);
        return NULL;
    }
    if (old_room != 0)
        memcpy(array, old, old_room * size);
    berthi_free_array(a, old, old_room, size);
    return array;
}

static bool add(berthi_cm_host_handles *t, berthi_cm_held held, uint32_t *index_out,
                berth_diag *diag)
{
    uint32_t index = t->free_head, room = t->room == 0 ? FIRST_ROOM : 2 * t->room;
    berthi_cm_held *entries;

    if (index != 0) {
        t->free_head = t->entries[index].rep;
        held.generation = t->entries[index].generation;
    } else {
        if (t->count > t->max) {
            (void)berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_HANDLES,
                                      "the host holds %u handles, the limit is %u",
                                      t->count - 1, t->max);
            return false;
        }
        if (t->count >= t->room) {
            entries = grown(t->allocator, t->entries, t->room, room, sizeof *entries, diag);
            if (entries == NULL)
                return false;
            t->entries = entries;
            t->room = room;
        }
        index = t->count++;
        held.generation = t->seed;
    }
    t->entries[index] = held;
    *index_out = index;
    return true;
}

static void end(berthi_cm_host_handles *t, uint32_t index)
{
    berthi_cm_held *held = &t->entries[index];

    held->resource = BERTHI_CM_NO_INDEX;
    held->generation++;
    if (held->generation == t->seed) /* as the first was: better one entry less */
        return;
    held->rep = t->free_head;
    t->free_head = index;
}

static bool push_undo(berthi_cm_host_handles *t, uint32_t what, berth_diag *diag)
{
    uint32_t room = t->undo_room == 0 ? FIRST_ROOM : 2 * t->undo_room, *undo;

    if (t->undo_count == t->undo_room) {
        if (room < t->undo_room) {
            (void)berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_HANDLES,
                                      "the host lends too many handles");
            return false;
        }
        undo = grown(t->allocator, t->undo, t->undo_room, room, sizeof *undo, diag);
        if (undo == NULL)
            return false;
        t->undo = undo;
        t->undo_room = room;
    }
    t->undo[t->undo_count++] = what;
    return true;
}

berthi_cm_host_scope berthi_cm_host_scope_enter(const berthi_cm_host_handles *t)
{
    return t->undo_count;
}

void berthi_cm_host_scope_leave(berthi_cm_host_handles *t, berthi_cm_host_scope scope)
{
    uint32_t index;

    assert(scope <= t->undo_count);
    while (t->undo_count > scope) {
        index = t->undo[--t->undo_count] & ~UNDO_BORROW;
        if ((t->undo[t->undo_count] & UNDO_BORROW) != 0) {
            end(t, index);
        } else {
            assert(t->entries[index].lends > 0);
            t->entries[index].lends--;
        }
    }
}

bool berthi_cm_to_host(void *ctx, uint32_t resource, uint32_t rep, bool is_borrow,
                       uint64_t *handle_out, berth_diag *diag)
{
    const berthi_cm_held held = { .resource = resource, .rep = rep, .is_own = !is_borrow };
    berthi_cm_host_handles *t = ctx;
    uint32_t index;

    if (is_hosts(t, resource)) {
        *handle_out = rep;
        return true;
    }
    if (!add(t, held, &index, diag))
        return false;
    if (is_borrow && !push_undo(t, index | UNDO_BORROW, diag)) {
        end(t, index);
        return false;
    }
    *handle_out = (uint64_t)t->entries[index].generation << 32 | index;
    return true;
}

/* The entry of a handle of the host's, or NULL with the reason. */
static berthi_cm_held *find(berthi_cm_host_handles *t, uint64_t handle, berth_diag *diag)
{
    uint32_t index = (uint32_t)handle;
    berthi_cm_held *held = NULL;

    if (index != 0 && index < t->count)
        held = &t->entries[index];
    if (held == NULL || held->resource == BERTHI_CM_NO_INDEX ||
        held->generation != handle >> 32) {
        (void)berthi_fail(diag, BERTH_E_INVALID,
                          "handle 0x%llx of the host's is not one, or not any more",
                          (unsigned long long)handle);
        return NULL;
    }
    return held;
}

/* ... that is an own one, and lent to nobody. */
static bool may_go(const berthi_cm_held *held, berth_diag *diag)
{
    if (!held->is_own)
        (void)berthi_fail(diag, BERTH_E_INVALID, "a borrowed handle is not the host's to give");
    else if (held->lends != 0)
        (void)berthi_fail(diag, BERTH_E_STATE,
                          "cannot remove owned resource while borrowed: the host lends it");
    else
        return true;
    return false;
}

bool berthi_cm_to_guest(void *ctx, uint32_t resource, uint64_t handle, bool is_borrow,
                        uint32_t *rep_out, berth_diag *diag)
{
    berthi_cm_host_handles *t = ctx;
    berthi_cm_held *held;

    if (is_hosts(t, resource)) {
        if (handle > UINT32_MAX) {
            (void)berthi_fail(diag, BERTH_E_INVALID,
                              "a resource of the host's is known by 32 bits");
            return false;
        }
        *rep_out = (uint32_t)handle;
        return true;
    }
    held = find(t, handle, diag);
    if (held == NULL)
        return false;
    if (held->resource != resource) {
        (void)berthi_fail(diag, BERTH_E_INVALID, "a handle of the host's is of another type");
        return false;
    }
    if (!is_borrow) {
        if (!may_go(held, diag))
            return false;
        *rep_out = held->rep;
        end(t, (uint32_t)handle);
        return true;
    }
    if (!push_undo(t, (uint32_t)handle, diag))
        return false;
    held->lends++; /* no more often than `undo` has entries */
    *rep_out = held->rep;
    return true;
}

bool berthi_cm_host_handle_drop(berthi_cm_host_handles *t, uint64_t handle,
                                uint32_t *resource_out, uint32_t *rep_out, berth_diag *diag)
{
    berthi_cm_held *held = find(t, handle, diag);

    if (held == NULL || !may_go(held, diag))
        return false;
    *resource_out = held->resource;
    *rep_out = held->rep;
    end(t, (uint32_t)handle);
    return true;
}
