/* component/value/value_reader.h - what readers of values share: where they are, what they may take, how
 * they fail.  Layer: component.  Read first: value.h. */
#ifndef BERTHI_COMPONENT_VALUE_READER_H
#define BERTHI_COMPONENT_VALUE_READER_H

#include "component/plan/plan.h"
#include "component/value/value.h"

typedef struct berthi_cm_reader {
    const char *text;
    size_t size, at;
    berth_arena *arena;
    size_t left;        /* bytes of the arena that may still be taken */
    berthi_name inside; /* the field, parameter or case that is being read; empty: none */
    berth_diag *diag;
    berth_status status; /* the first failure */
} berthi_cm_reader;

berthi_cm_reader berthi_cm_reader_of(const char *text, size_t size,
                                     const berthi_cm_value_room *room, berth_diag *diag);

/* Records what is wrong at that byte.  Always false. */
bool berthi_cm_reader_wrong(berthi_cm_reader *r, size_t at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "expected TYPE for `inside`, found FOUND". */
bool berthi_cm_reader_expected(berthi_cm_reader *r, size_t at, const berthi_cm_type *type,
                               const char *found);

/* Zeroed memory; NULL: failed. */
void *berthi_cm_reader_room(berthi_cm_reader *r, size_t size);

/* A list that grows while it is read. */
typedef struct berthi_cm_growing {
    unsigned char *items;
    size_t count, room;
} berthi_cm_growing;
/* Room for one more item, zeroed; NULL: failed.  The item does not move while it is read. */
unsigned char *berthi_cm_reader_grow(berthi_cm_reader *r, berthi_cm_growing *list, size_t size);

/* Puts the tag that selects case `index` of `cases`, or reads it. */
void berthi_cm_tag_put(unsigned char *to, uint32_t cases, uint32_t index);
uint32_t berthi_cm_tag_get(const unsigned char *from, uint32_t cases);

/* Items one after the other, as in a C struct. */
typedef struct berthi_cm_place {
    uint64_t size;
    uint32_t align;
} berthi_cm_place;
static inline uint64_t berthi_cm_place_add(berthi_cm_place *p, const berthi_cm_type *type)
{
    uint64_t at = (p->size + type->host_align - 1) / type->host_align * type->host_align;

    p->size = at + type->host_size;
    p->align = type->host_align > p->align ? type->host_align : p->align;
    return at;
}
/* The whole of `count` items, with what pads its end. */
berthi_cm_place berthi_cm_place_of(const berthi_cm_extern *items, uint32_t count);

/* An integer of that type: false when it does not fit, else it is put. */
bool berthi_cm_put_integer(unsigned char *to, const berthi_cm_type *type, bool is_negative,
                           uint64_t magnitude);
/* Its value, sign-extended for signed types. */
uint64_t berthi_cm_get_integer(const unsigned char *from, const berthi_cm_type *type);
bool berthi_cm_is_integer(const berthi_cm_type *type);
bool berthi_cm_is_signed(const berthi_cm_type *type);
/* "u8 (0 to 255)". */
const char *berthi_cm_integer_range(const berthi_cm_type *type);

/* A finite number, scanned before: false when it does not fit.  And nan, inf or -inf. */
bool berthi_cm_put_float(unsigned char *to, const berthi_cm_type *type, const char *text,
                         size_t size);
bool berthi_cm_put_special(unsigned char *to, const berthi_cm_type *type, const char *word,
                           size_t size);

/* A char that has no scalar value, tags beyond their cases and the like: what writers refuse. */
berth_status berthi_cm_no_value(berth_diag *diag, const berthi_cm_type *type, const char *why);

#endif
