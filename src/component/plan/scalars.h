/* component/plan/scalars.h - what is one core value each, between C structs and guests.
 *
 * The straight path of functions that take and return nothing else: numbers, bool, char, enums and
 * flags, also as fields of records and tuples, none of them behind a pointer.  Such a function is a
 * list of moves, worked out when it is loaded; a plan would do the same with a memory, a frame and
 * a program.  Nothing here runs guest code or allocates.
 *
 * Layer: component. */
#ifndef BERTHI_COMPONENT_SCALARS_H
#define BERTHI_COMPONENT_SCALARS_H

#include <string.h>

#include "base/diag.h"
#include "component/types/types.h"

typedef enum berthi_cm_scalar_check {
    BERTHI_CM_CHECK_NONE,
    BERTHI_CM_CHECK_BOOL,  /* whatever is not 0 is 1 */
    BERTHI_CM_CHECK_CHAR,  /* a Unicode scalar value */
    BERTHI_CM_CHECK_BELOW, /* a case */
    BERTHI_CM_CHECK_MASK   /* bits without a name are dropped */
} berthi_cm_scalar_check;

typedef struct berthi_cm_scalar {
    uint8_t code;   /* of the number that it is in host layout: BERTHI_CM_U8 and so on */
    uint8_t check;  /* enum berthi_cm_scalar_check */
    uint16_t place; /* in host layout */
    uint32_t bound; /* of BELOW and MASK */
} berthi_cm_scalar;

typedef struct berthi_cm_scalars { /* of one function */
    uint8_t count;                 /* of its core parameters */
    bool has_result;
    /* Words of 32 bits that mean nothing but themselves, one behind the other, and at most one
     * back: what most such functions take, moved without looking at each. */
    bool are_words;
    berthi_cm_scalar result;
    berthi_cm_scalar params[BERTHI_CM_FLAT_PARAMS_MAX];
} berthi_cm_scalars;

/* False: this function is none for here. */
bool berthi_cm_scalars_make(const berthi_cm_type *func, berthi_cm_scalars *out);

/* Never BERTH_OK: BERTH_E_TRAP for a guest's value, BERTH_E_INVALID for the host's. */
berth_status berthi_cm_scalar_refuse(berthi_cm_scalar s, bool is_host, berth_diag *diag);

static inline uint32_t berthi_cm_carry_sign(int32_t value)
{
    return (uint32_t)value;
}

/* Words first, by comparison: a jump table costs as much as the rest of the move. */
static inline uint64_t berthi_cm_scalar_read(berthi_cm_scalar s, const void *from)
{
    const unsigned char *at = (const unsigned char *)from + s.place;
    uint64_t wide;
    uint32_t word;
    uint16_t half;

    if (s.code == BERTHI_CM_U32) {
        memcpy(&word, at, sizeof word);
        return word;
    }
    if (s.code == BERTHI_CM_U64) {
        memcpy(&wide, at, sizeof wide);
        return wide;
    }
    if (s.code == BERTHI_CM_U8)
        return *at;
    if (s.code == BERTHI_CM_S8)
        return berthi_cm_carry_sign((int8_t)*at);
    memcpy(&half, at, sizeof half);
    return s.code == BERTHI_CM_U16 ? half : berthi_cm_carry_sign((int16_t)half);
}

static inline void berthi_cm_scalar_write(berthi_cm_scalar s, uint64_t value, void *to)
{
    unsigned char *at = (unsigned char *)to + s.place;
    uint32_t word = (uint32_t)value;
    uint16_t half = (uint16_t)value;

    if (s.code == BERTHI_CM_U32)
        memcpy(at, &word, sizeof word);
    else if (s.code == BERTHI_CM_U64)
        memcpy(at, &value, sizeof value);
    else if (s.code == BERTHI_CM_U8 || s.code == BERTHI_CM_S8)
        *at = (uint8_t)value;
    else
        memcpy(at, &half, sizeof half);
}

/* False: no such value. */
static inline bool berthi_cm_scalar_check_value(berthi_cm_scalar s, uint64_t *value)
{
    uint32_t v = (uint32_t)*value;

    switch ((berthi_cm_scalar_check)s.check) {
    case BERTHI_CM_CHECK_NONE:
        return true;
    case BERTHI_CM_CHECK_BOOL:
        *value = v != 0;
        return true;
    case BERTHI_CM_CHECK_CHAR:
        return v < 0xd800 || (v > 0xdfff && v < 0x110000);
    case BERTHI_CM_CHECK_BELOW:
        return v < s.bound;
    case BERTHI_CM_CHECK_MASK:
        *value = v & s.bound;
        return true;
    }
    return false;
}

/* A core value as the type has it: what is wider is cut, signs are carried. */
static inline uint64_t berthi_cm_scalar_cut(berthi_cm_scalar s, uint64_t value)
{
    switch (s.code) {
    case BERTHI_CM_U8:
        return (uint8_t)value;
    case BERTHI_CM_S8:
        return berthi_cm_carry_sign((int8_t)value);
    case BERTHI_CM_U16:
        return (uint16_t)value;
    case BERTHI_CM_S16:
        return berthi_cm_carry_sign((int16_t)value);
    case BERTHI_CM_U64:
        return value;
    default:
        return (uint32_t)value;
    }
}

/* As wide as the guest wrote it: to read more than a fresh store wrote is slow, and what lies behind
 * it means nothing. */
static inline uint64_t berthi_cm_scalar_of_cell(berthi_cm_scalar s, const berthi_val *cell)
{
    return s.code == BERTHI_CM_U64 ? cell->words[0] : (uint32_t)cell->i32;
}

/* Host to guest: into `cells`, each written as a whole 64 bits. */
static inline berth_status berthi_cm_scalars_lower(const berthi_cm_scalar *s, uint32_t count,
                                                   const void *from, berthi_val *cells,
                                                   berth_diag *diag)
{
    for (uint32_t n = 0; n < count; n++) {
        uint64_t value = berthi_cm_scalar_read(s[n], from);

        if (__builtin_expect(s[n].check != 0 && !berthi_cm_scalar_check_value(s[n], &value), 0))
            return berthi_cm_scalar_refuse(s[n], true, diag);
        cells[n].words[0] = value;
    }
    return BERTH_OK;
}

/* Guest to host. */
static inline berth_status berthi_cm_scalars_lift(const berthi_cm_scalar *s, uint32_t count,
                                                  const berthi_val *cells, void *to,
                                                  berth_diag *diag)
{
    for (uint32_t n = 0; n < count; n++) {
        uint64_t value = berthi_cm_scalar_of_cell(s[n], &cells[n]);

        if (__builtin_expect(s[n].check != 0 && !berthi_cm_scalar_check_value(s[n], &value), 0))
            return berthi_cm_scalar_refuse(s[n], false, diag);
        berthi_cm_scalar_write(s[n], value, to);
    }
    return BERTH_OK;
}

/* The same of a whole function's parameters and of its result. */
static inline berth_status berthi_cm_scalars_lower_params(const berthi_cm_scalars *s,
                                                          const void *from, berthi_val *cells,
                                                          berth_diag *diag)
{
    uint32_t word;

    if (!s->are_words)
        return berthi_cm_scalars_lower(s->params, s->count, from, cells, diag);
    for (uint32_t n = 0; n < s->count; n++) {
        memcpy(&word, (const unsigned char *)from + sizeof word * n, sizeof word);
        cells[n].words[0] = word;
    }
    return BERTH_OK;
}

static inline berth_status berthi_cm_scalars_lift_params(const berthi_cm_scalars *s,
                                                         const berthi_val *cells, void *to,
                                                         berth_diag *diag)
{
    if (!s->are_words)
        return berthi_cm_scalars_lift(s->params, s->count, cells, to, diag);
    for (uint32_t n = 0; n < s->count; n++)
        memcpy((unsigned char *)to + sizeof(int32_t) * n, &cells[n].i32, sizeof(int32_t));
    return BERTH_OK;
}

static inline berth_status berthi_cm_scalars_lower_result(const berthi_cm_scalars *s,
                                                          const void *from, berthi_val *cells,
                                                          berth_diag *diag)
{
    uint32_t word;

    if (!s->has_result)
        return BERTH_OK;
    if (!s->are_words)
        return berthi_cm_scalars_lower(&s->result, 1, from, cells, diag);
    memcpy(&word, from, sizeof word);
    cells[0].words[0] = word;
    return BERTH_OK;
}

static inline berth_status berthi_cm_scalars_lift_result(const berthi_cm_scalars *s,
                                                         const berthi_val *cells, void *to,
                                                         berth_diag *diag)
{
    if (!s->has_result)
        return BERTH_OK;
    if (!s->are_words)
        return berthi_cm_scalars_lift(&s->result, 1, cells, to, diag);
    memcpy(to, &cells[0].i32, sizeof(int32_t));
    return BERTH_OK;
}

/* Guest to guest; `from` may be `to`. */
static inline berth_status berthi_cm_scalars_transfer(const berthi_cm_scalar *s, uint32_t count,
                                                      const berthi_val *from, berthi_val *to,
                                                      berth_diag *diag)
{
    for (uint32_t n = 0; n < count; n++) {
        uint64_t value = berthi_cm_scalar_of_cell(s[n], &from[n]);

        if (__builtin_expect(s[n].check != 0 && !berthi_cm_scalar_check_value(s[n], &value), 0))
            return berthi_cm_scalar_refuse(s[n], false, diag);
        to[n].words[0] = berthi_cm_scalar_cut(s[n], value);
    }
    return BERTH_OK;
}

#endif
