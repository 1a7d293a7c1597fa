/* component/run/host_table.h - objects of a host that guests hold: what a plugin is given is a number.
 *
 * A rep is 32 bits: an index and a generation.  It is never 0, never a pointer, and stays unknown
 * once its object is gone: the place is not used again before 63 others are free, and only after
 * 262 080 objects at the least does a rep come back.  Types are told apart by the address of their
 * description, so that the rep of one cannot be used as the other's.
 *
 * Thread: one; who shares a table brings a lock, and does not hold it while an object is destroyed.
 * Layer: component. */
#ifndef BERTHI_COMPONENT_HOST_TABLE_H
#define BERTHI_COMPONENT_HOST_TABLE_H

#include "base/alloc.h"

enum { BERTHI_HOST_OBJECTS_MAX = (1 << 20) - 1 };

typedef struct berthi_host_type {
    const char *name; /* for messages */
    /* Called exactly once for each object that the table owns; may be NULL.  The object is out of
     * the table then; the function may use the table. */
    void (*destroy)(void *object);
} berthi_host_type;

typedef struct berthi_host_object {
    const berthi_host_type *type; /* NULL: free */
    void *object;
    uint32_t generation, next_free;
} berthi_host_object;

typedef struct berthi_host_table {
    const berth_allocator *allocator;
    berthi_host_object *objects;
    uint32_t count, room, max;
    uint32_t free_first, free_last, free_count; /* oldest first; 0: none */
    bool is_closed;
} berthi_host_table;

/* `max` objects at most (0: all that fit). */
void berthi_host_table_init(berthi_host_table *t, const berth_allocator *allocator,
                            uint32_t max);
/* Destroys what is left, the newest places first.  Nothing can be added from then on. */
void berthi_host_table_fini(berthi_host_table *t);

/* Takes `object`.  Fails: BERTH_E_LIMIT, BERTH_E_NOMEM, BERTH_E_CLOSED. */
berth_status berthi_host_table_add(berthi_host_table *t, const berthi_host_type *type,
                                   void *object, uint32_t *rep_out, berth_diag *diag)
    __attribute__((warn_unused_result));
/* The object, lent until it is removed; NULL: there is none, or it is of another type. */
void *berthi_host_table_find(const berthi_host_table *t, const berthi_host_type *type,
                             uint32_t rep);
/* Gives the object back undestroyed; NULL as above. */
void *berthi_host_table_take(berthi_host_table *t, const berthi_host_type *type, uint32_t rep);
/* Gives any one back undestroyed, the newest places first, with what it is; nothing can be added from
 * then on.  NULL: there are none left. */
void *berthi_host_table_take_any(berthi_host_table *t, const berthi_host_type **type_out);
/* Takes it and destroys it.  False: there is none. */
bool berthi_host_table_remove(berthi_host_table *t, const berthi_host_type *type, uint32_t rep);

#endif
