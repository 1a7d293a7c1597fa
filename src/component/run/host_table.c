/* host_table.c - objects of a host that guests hold.  Layer: component.
 *
 * rep = generation << INDEX_BITS | index.  Generations run from 1 to GENERATIONS and around.  Free
 * places form a queue, so that one is left alone for as long as possible. */
#include "component/run/host_table.h"

#include "base/diag.h"

enum {
    INDEX_BITS = 20,
    GENERATIONS = (1 << (32 - INDEX_BITS)) - 1,
    FREE_MIN = 64, /* before one is used again */
    FIRST_ROOM = 16
};
_Static_assert(BERTHI_HOST_OBJECTS_MAX == (1 << INDEX_BITS) - 1, "indices from 1");

void berthi_host_table_init(berthi_host_table *t, const berth_allocator *allocator,
                            uint32_t max)
{
    if (max == 0 || max > BERTHI_HOST_OBJECTS_MAX)
        max = BERTHI_HOST_OBJECTS_MAX;
    *t = (berthi_host_table){ .allocator = allocator, .count = 1, .max = max };
}

static bool grow(berthi_host_table *t, berth_diag *diag)
{
    uint32_t room = t->room == 0 ? FIRST_ROOM : 2 * t->room;
    berthi_host_object *objects = berthi_zalloc_array(t->allocator, room, sizeof *objects);

    if (objects == NULL) {
        (void)berthi_fail(diag, BERTH_E_NOMEM, "a table of %u objects", room);
        return false;
    }
    if (t->room != 0)
        memcpy(objects, t->objects, t->count * sizeof *objects);
    berthi_free_array(t->allocator, t->objects, t->room, sizeof *objects);
    t->objects = objects;
    t->room = room;
    return true;
}

static uint32_t take_free(berthi_host_table *t)
{
    uint32_t index = t->free_first;

    t->free_first = t->objects[index].next_free;
    if (--t->free_count == 0)
        t->free_last = 0;
    return index;
}

berth_status berthi_host_table_add(berthi_host_table *t, const berthi_host_type *type,
                                   void *object, uint32_t *rep_out, berth_diag *diag)
{
    bool can_grow = t->count <= BERTHI_HOST_OBJECTS_MAX;
    uint32_t index;

    assert(type != NULL && object != NULL);
    if (t->is_closed)
        return berthi_fail(diag, BERTH_E_CLOSED, "a %s comes after the end", type->name);
    if (t->count - 1 - t->free_count >= t->max)
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_HANDLES,
                                   "a %s would be one of more than %u objects", type->name,
                                   t->max);
    if (t->free_count >= FREE_MIN || !can_grow) {
        index = take_free(t); /* all places are there, and not all hold an object */
    } else {
        if (t->count >= t->room && !grow(t, diag))
            return BERTH_E_NOMEM;
        index = t->count++;
        t->objects[index].generation = 1;
    }
    t->objects[index].type = type;
    t->objects[index].object = object;
    *rep_out = t->objects[index].generation << INDEX_BITS | index;
    return BERTH_OK;
}

static uint32_t index_of(const berthi_host_table *t, const berthi_host_type *type, uint32_t rep)
{
    uint32_t index = rep & BERTHI_HOST_OBJECTS_MAX;

    if (index == 0 || index >= t->count || t->objects[index].type != type ||
        t->objects[index].generation != rep >> INDEX_BITS)
        return 0;
    return index;
}

void *berthi_host_table_find(const berthi_host_table *t, const berthi_host_type *type,
                             uint32_t rep)
{
    uint32_t index = index_of(t, type, rep);

    assert(type != NULL);
    return index == 0 ? NULL : t->objects[index].object;
}

static void *release(berthi_host_table *t, uint32_t index)
{
    berthi_host_object *o = &t->objects[index];
    void *object = o->object;

    *o = (berthi_host_object){ .generation = o->generation % GENERATIONS + 1 };
    if (t->free_count++ == 0)
        t->free_first = index;
    else
        t->objects[t->free_last].next_free = index;
    t->free_last = index;
    return object;
}

void *berthi_host_table_take(berthi_host_table *t, const berthi_host_type *type, uint32_t rep)
{
    uint32_t index = index_of(t, type, rep);

    assert(type != NULL);
    return index == 0 ? NULL : release(t, index);
}

bool berthi_host_table_remove(berthi_host_table *t, const berthi_host_type *type, uint32_t rep)
{
    uint32_t index = index_of(t, type, rep);
    void *object;

    assert(type != NULL);
    if (index == 0)
        return false;
    object = release(t, index);
    if (type->destroy != NULL)
        type->destroy(object);
    return true;
}

void *berthi_host_table_take_any(berthi_host_table *t, const berthi_host_type **type_out)
{
    t->is_closed = true;
    for (uint32_t i = t->count; i-- > 1;)
        if (t->objects[i].type != NULL) { /* else free, or removed by another's destruction */
            *type_out = t->objects[i].type;
            return release(t, i);
        }
    return NULL;
}

void berthi_host_table_fini(berthi_host_table *t)
{
    const berthi_host_type *type;
    void *object;

    t->is_closed = true;
    for (uint32_t i = t->count; i-- > 1;) {
        type = t->objects[i].type;
        if (type == NULL) /* free, or removed by another's destruction */
            continue;
        object = release(t, i);
        if (type->destroy != NULL)
            type->destroy(object);
    }
    berthi_free_array(t->allocator, t->objects, t->room, sizeof *t->objects);
    t->objects = NULL;
    t->room = t->free_count = t->free_first = t->free_last = 0;
    t->count = 1;
}
