/* cm_types.h - component types made in one line, for tests. */
#ifndef BERTHT_CM_TYPES_H
#define BERTHT_CM_TYPES_H

#include "component/types/types.h"

typedef struct bertht_cm_types {
    berthi_arena arena;
    berth_diag diag;
    berthi_cm_types types;
} bertht_cm_types;

void bertht_cm_types_init(bertht_cm_types *t, const berth_allocator *allocator);
void bertht_cm_types_fini(bertht_cm_types *t);

/* The type that `text` says in the words of berthi_cm_type_show(): "record { a: u32, b: list<u8> }",
 * "variant { a(u32), b }", "flags { r, w }", "result<_, string>", "list<u8, 4>", "map<string, u8>",
 * "own", "func(a: u32) -> string".  NULL: it says none, or failed. */
const berthi_cm_type *bertht_cm_type(bertht_cm_types *t, const char *text);

/* A random value type without handles, of at most so many levels. */
const berthi_cm_type *bertht_cm_random_type(bertht_cm_types *t, uint64_t *seed, int levels);
uint64_t bertht_random(uint64_t *seed);

#endif
