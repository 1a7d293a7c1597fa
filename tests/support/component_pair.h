/* component_pair.h - a component of two guests that may differ in everything a call goes through: the
 * width of their memories and the encoding of their strings.
 *
 * The root exports "run", which the caller lifts; the caller calls "f" of the callee, which gives back
 * what it was given.  Both have the type
 *     func(a: list<tuple<u8, string>>, s: string) -> tuple<list<tuple<u8, string>>, string>. */
#ifndef BERTHT_COMPONENT_PAIR_H
#define BERTHT_COMPONENT_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct component_pair_side {
    bool is_64;
    uint8_t encoding; /* 0 UTF-8, 1 UTF-16, 2 Latin-1 or UTF-16 */
    bool lies;        /* its realloc always answers `answer`; else it is a ring of 16 KiB */
    uint64_t answer;
    uint64_t pages_min; /* of its memory; 0: one */
} component_pair_side;

/* The component's bytes; end them with free(). */
uint8_t *component_pair(const component_pair_side *caller, const component_pair_side *callee,
                        size_t *size_out);

#endif
