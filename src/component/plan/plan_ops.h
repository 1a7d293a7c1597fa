/* component/plan/plan_ops.h - what plans are made of: small programs over two layouts.
 *
 * A program moves one value, or `count` of them that lie one after the other.  Its operations name
 * where a part lies: `guest` bytes from the start in a guest's memory, or `cell` bytes from the first
 * cell in flat form; and `other` bytes from the start at the other end of the way, which is the host, or
 * the guest that is given what this one has.  plan_lower.c and plan_lift.c run the same programs,
 * plan_transfer.c those of its own plans.  Types share
 * parts, so programs do: a part that is small when written out is written out, any other is a
 * program of its own (PART).
 *
 * Layer: component; private to plan*.c and trampoline_errors.c, which places a pair as they do. */
#ifndef BERTHI_COMPONENT_PLAN_OPS_H
#define BERTHI_COMPONENT_PLAN_OPS_H

#include "base/diag.h"
#include "component/plan/plan.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "numbers are copied as they lie, and cells read as narrow as a part is");

/* What pairs are made of: common, and short enough that the jump in between would be a third of it.
 * Their second may be a string or a list as well. */
enum { BERTHI_CM_SIMPLE = 7, BERTHI_CM_SECOND = 9 };
#define BERTHI_CM_EACH_SIMPLE(X, ...)                                                          \
    X(0, U8, __VA_ARGS__)                                                                      \
    X(1, 32, __VA_ARGS__)                                                                      \
    X(2, 64, __VA_ARGS__)                                                                      \
    X(3, BOOL, __VA_ARGS__)                                                                    \
    X(4, ENUM_8, __VA_ARGS__)                                                                  \
    X(5, CHAR, __VA_ARGS__)                                                                    \
    X(6, S16, __VA_ARGS__)
/* For use within it. */
#define BERTHI_CM_EACH_SECOND(X, ...)                                                          \
    X(0, U8, __VA_ARGS__)                                                                      \
    X(1, 32, __VA_ARGS__)                                                                      \
    X(2, 64, __VA_ARGS__)                                                                      \
    X(3, BOOL, __VA_ARGS__)                                                                    \
    X(4, ENUM_8, __VA_ARGS__)                                                                  \
    X(5, CHAR, __VA_ARGS__)                                                                    \
    X(6, S16, __VA_ARGS__)                                                                     \
    X(7, STRING, __VA_ARGS__)                                                                  \
    X(8, LIST, __VA_ARGS__)

typedef enum berthi_cm_opcode {
    BERTHI_CM_OP_END,
    BERTHI_CM_OP_JUMP, /* `a` operations on */
    /* in memory: `a` bytes that mean nothing but themselves */
    BERTHI_CM_OP_COPY,
    BERTHI_CM_OP_COPY_1,
    BERTHI_CM_OP_COPY_2,
    BERTHI_CM_OP_COPY_4,
    BERTHI_CM_OP_COPY_8,
    BERTHI_CM_OP_COPY_16,
    BERTHI_CM_OP_COPY_TO_16, /* 9 to 15 */
    BERTHI_CM_OP_COPY_TO_32, /* 17 to 31 */
    /* in a cell: numbers of so many bits; 32 and 64 also of floats */
    BERTHI_CM_OP_U8, /* under the mask `a`: flags as well */
    BERTHI_CM_OP_U16,
    BERTHI_CM_OP_S8,
    BERTHI_CM_OP_S16,
    BERTHI_CM_OP_32,
    BERTHI_CM_OP_64,
    /* in either */
    BERTHI_CM_OP_BOOL,
    BERTHI_CM_OP_CHAR,
    BERTHI_CM_OP_ENUM,  /* below `a`, in `width` bytes */
    BERTHI_CM_OP_FLAGS, /* under the mask `a`, in `width` bytes */
    BERTHI_CM_OP_STRING, /* pointer and length of `width` bytes each; of `a` in the other guest */
    BERTHI_CM_OP_LIST,   /* the same; elements are moved by `program` */
    BERTHI_CM_OP_OWN,    /* of resource `a` */
    BERTHI_CM_OP_BORROW,        /* of resource `a` */
    BERTHI_CM_OP_ERROR_CONTEXT, /* from guest to guest only */
    BERTHI_CM_OP_VARIANT, /* as ENUM; then targets[tag] operations on.  Flat: `guest` payload cells */
    /* in cells, the host's tag one byte */
    BERTHI_CM_OP_ENUM_8,
    BERTHI_CM_OP_VARIANT_8,
    BERTHI_CM_OP_PART, /* `a` values in a row, by `program` */
    /* in cells: this one and the one behind it, which is there as well, for those who jump to it */
    BERTHI_CM_OP_PAIRS,
    /* a VARIANT_8 of nothing or what the one behind it moves, which is there as well */
    BERTHI_CM_OP_OPTIONS = BERTHI_CM_OP_PAIRS + BERTHI_CM_SIMPLE * BERTHI_CM_SECOND,
    BERTHI_CM_OPS = BERTHI_CM_OP_OPTIONS + BERTHI_CM_SIMPLE
} berthi_cm_opcode;
_Static_assert((int)BERTHI_CM_OPS <= UINT8_MAX, "a code is a byte");

typedef struct berthi_cm_op {
    uint8_t code, width;
    uint16_t cell;
    uint32_t guest, other, a;
    union {
        const struct berthi_cm_program *program;
        const uint32_t *targets;
    } u;
} berthi_cm_op;
_Static_assert(sizeof(berthi_cm_op) == 24, "an operation is three words");

typedef enum berthi_cm_form {
    BERTHI_CM_FORM_MEMORY,
    BERTHI_CM_FORM_FLAT,
    BERTHI_CM_FORM_CHECK, /* only what the host may have got wrong, in host layout */
    BERTHI_CM_FORM_PARTS  /* flat, and only what asks the guest for something */
} berthi_cm_form;

/* plan_columns.c: `width` bytes of each element of a list. */
typedef enum berthi_cm_column_check {
    BERTHI_CM_COLUMN_BITS,  /* none of `bits` */
    BERTHI_CM_COLUMN_BELOW, /* below `bits` */
    BERTHI_CM_COLUMN_CHAR
} berthi_cm_column_check;

typedef struct berthi_cm_column {
    uint32_t at;
    uint8_t width, check;
    uint64_t bits;
} berthi_cm_column;

enum {
    BERTHI_CM_COLUMNS_MAX = 16,
    BERTHI_CM_COLUMNS_LEAST = 4 /* elements that it pays for */
};

typedef struct berthi_cm_program {
    const berthi_cm_op *ops;
    uint32_t guest_size, other_size;
    uint32_t count_max; /* of elements that a list in the guest may have */
    uint8_t guest_align, other_align;
    /* Bytes that mean nothing but themselves, without padding: copied whole either way. */
    bool is_bits;
    /* The same, with padding perhaps: copied whole to the host, which may see a guest's padding,
     * but no guest may see the host's or another's. */
    bool is_lifted_whole;
    uint8_t form; /* enum berthi_cm_form */
    bool is_row;  /* of the items of the type: parameters, or an entry of a map */
    const berthi_cm_type *type;
    /* Of an element's program: what to check of a host's elements first; NULL: nothing. */
    const struct berthi_cm_program *check;
    const berthi_cm_column *columns; /* NULL: there is more to an element than these */
    uint32_t columns_count;
    struct berthi_cm_program *next; /* of those that the compiler knows */
} berthi_cm_program;

typedef struct berthi_cm_programs {
    const berthi_cm_program *whole; /* flat, or of memory where the value is spilled */
    const berthi_cm_program *check; /* of a spilled value; NULL: there is nothing to check */
    const berthi_cm_program *parts; /* of a flat one that is lowered; NULL: there are none */
    bool is_flat;
} berthi_cm_programs;

struct berthi_cm_plan {
    berthi_cm_plan_facts facts;
    bool is_64, has_result;
    berthi_cm_programs params, result;
};

/* Where a list, a string or a spilled value lies in a guest. */
typedef struct berthi_cm_range {
    uint64_t ptr, count;
} berthi_cm_range;

/* An operation that the form of the program does not have: only the compiler writes programs. */
_Noreturn static inline void berthi_cm_no_such_op(void)
{
    assert(false);
    __builtin_unreachable();
}

/* How the interpreters go on: each operation jumps to the next one's label, from a table that the
 * function has.  A jump from one common place would be more instructions in each, and harder to
 * foresee. */
#define BERTHI_CM_GO(labels, op)                                                               \
    do {                                                                                       \
        assert((labels)[(op)->code] != NULL); /* only the compiler writes programs */          \
        goto *(labels)[(op)->code];                                                            \
    } while (0)
#define BERTHI_CM_NEXT(labels, op)                                                             \
    do {                                                                                       \
        (op)++;                                                                                \
        BERTHI_CM_GO(labels, op);                                                              \
    } while (0)

static inline berth_status berthi_cm_trap(berth_diag *diag, const char *text)
{
    return berthi_fail_because(diag, BERTH_E_TRAP, BERTH_REASON_CANONICAL, "%s", text);
}

static inline uint32_t berthi_cm_get(const uint8_t *p, uint8_t width)
{
    uint16_t half;
    uint32_t value;

    assert(width == 1 || width == 2 || width == 4);
    if (__builtin_expect(width == 1, 1))
        return *p;
    if (width == 2) {
        memcpy(&half, p, sizeof half);
        return half;
    }
    memcpy(&value, p, sizeof value);
    return value;
}

static inline void berthi_cm_put(uint8_t *p, uint8_t width, uint32_t value)
{
    const uint16_t half = (uint16_t)value;

    assert(width == 1 || width == 2 || width == 4);
    if (__builtin_expect(width == 1, 1))
        *p = (uint8_t)value;
    else if (width == 2)
        memcpy(p, &half, sizeof half);
    else
        memcpy(p, &value, sizeof value);
}

/* Reads and writes the pair of a string or list, in memory and in cells. */
static inline berthi_cm_range berthi_cm_get_range(const uint8_t *p, uint8_t width)
{
    berthi_cm_range range;
    uint32_t narrow[2];

    if (__builtin_expect(width == 4, 1)) {
        memcpy(narrow, p, sizeof narrow);
        return (berthi_cm_range){ narrow[0], narrow[1] };
    }
    memcpy(&range, p, sizeof range);
    return range;
}

static inline void berthi_cm_put_range(uint8_t *p, uint8_t width, uint64_t ptr, uint64_t count)
{
    uint32_t narrow;

    if (__builtin_expect(width == 4, 1)) {
        narrow = (uint32_t)ptr;
        memcpy(p, &narrow, 4);
        narrow = (uint32_t)count;
        memcpy(p + 4, &narrow, 4);
        return;
    }
    memcpy(p, &ptr, 8);
    memcpy(p + 8, &count, 8);
}

static inline berthi_val *berthi_cm_cell(berthi_val *cells, const berthi_cm_op *op)
{
    return (berthi_val *)(void *)((unsigned char *)cells + op->cell);
}

static inline const berthi_val *berthi_cm_cell_of(const berthi_val *cells,
                                                  const berthi_cm_op *op)
{
    return (const berthi_val *)(const void *)((const unsigned char *)cells + op->cell);
}

/* Cells that hold 32 bits may hold anything above them. */
static inline uint64_t berthi_cm_get_pointer(const berthi_val *cell, bool is_64)
{
    return is_64 ? cell->words[0] : (uint32_t)cell->words[0];
}

static inline berthi_cm_range berthi_cm_get_cells(const berthi_val *cells, uint8_t width)
{
    return (berthi_cm_range){ berthi_cm_get_pointer(&cells[0], width == 8),
                              berthi_cm_get_pointer(&cells[1], width == 8) };
}

static inline void berthi_cm_put_cells(berthi_val *cells, berthi_cm_range range)
{
    cells[0].words[0] = range.ptr;
    cells[1].words[0] = range.count;
}

static inline bool berthi_cm_is_scalar(uint32_t character)
{
    return character < 0xd800 || (character > 0xdfff && character < 0x110000);
}

/* `size` bytes at `ptr`, aligned, within the memory as it is now (I7). */
static inline berth_status berthi_cm_check_range(const berthi_cm_guest *guest, uint64_t ptr,
                                                 uint64_t size, uint8_t align, const char *text,
                                                 berth_diag *diag)
{
    if (__builtin_expect((ptr & (align - 1u)) != 0, 0))
        return berthi_cm_trap(diag, "unaligned pointer");
    if (__builtin_expect(ptr > guest->memory.size || size > guest->memory.size - ptr, 0))
        return berthi_cm_trap(diag, text);
    return BERTH_OK;
}

/* A list that a guest holds: its bytes. */
static inline berth_status berthi_cm_check_list(berthi_cm_guest *from,
                                                const berthi_cm_program *element,
                                                berthi_cm_range list, berth_diag *diag)
{
    if (__builtin_expect(list.count > element->count_max, 0))
        return berthi_cm_trap(diag,
                              "list content out-of-bounds: a list is longer than 2^28-1 bytes");
    return berthi_cm_check_range(from, list.ptr, list.count * element->guest_size,
                                 element->guest_align, "list content out-of-bounds", diag);
}

/* Labels and code of what is fused, of macros named `prefix`U8(op) and so on that move one. */
#define BERTHI_CM_PAIR_LABEL(j, b, i, a)                                                       \
    [BERTHI_CM_OP_PAIRS + (i)*BERTHI_CM_SECOND + (j)] = &&pair_##a##_##b,
#define BERTHI_CM_PAIR_LABELS_OF(i, a, ...)                                                    \
    BERTHI_CM_EACH_SECOND(BERTHI_CM_PAIR_LABEL, i, a)
#define BERTHI_CM_OPTION_LABEL(i, a, ...) [BERTHI_CM_OP_OPTIONS + (i)] = &&option_##a,
#define BERTHI_CM_FUSED_LABELS                                                                 \
    BERTHI_CM_EACH_SIMPLE(BERTHI_CM_PAIR_LABELS_OF, )                                          \
    BERTHI_CM_EACH_SIMPLE(BERTHI_CM_OPTION_LABEL, )                                            \
    [BERTHI_CM_OP_END] = &&end
#define BERTHI_CM_PAIR_OP(j, b, a, labels, op, prefix)                                         \
    pair_##a##_##b : prefix##a(op);                                                            \
    (op)++;                                                                                    \
    prefix##b(op);                                                                             \
    BERTHI_CM_NEXT(labels, op);
#define BERTHI_CM_PAIR_OPS_OF(i, a, ...) BERTHI_CM_EACH_SECOND(BERTHI_CM_PAIR_OP, a, __VA_ARGS__)
/* `prefix`TAG(op) moves the tag to `value`, and ends the function where there is no such. */
#define BERTHI_CM_OPTION_OP(i, a, labels, op, prefix)                                          \
    option_##a : prefix##TAG(op);                                                              \
    (op)++;                                                                                    \
    if (value != 0) {                                                                          \
        prefix##a(op);                                                                         \
    }                                                                                          \
    BERTHI_CM_NEXT(labels, op);
#define BERTHI_CM_FUSED_OPS(labels, op, prefix)                                                \
    BERTHI_CM_EACH_SIMPLE(BERTHI_CM_PAIR_OPS_OF, labels, op, prefix)                           \
    BERTHI_CM_EACH_SIMPLE(BERTHI_CM_OPTION_OP, labels, op, prefix)

/* Runs of bytes. */
static inline void berthi_cm_copy_to_16(uint8_t *to, const uint8_t *from, uint32_t size)
{
    uint64_t first, last;

    memcpy(&first, from, 8);
    memcpy(&last, from + size - 8, 8);
    memcpy(to, &first, 8);
    memcpy(to + size - 8, &last, 8);
}

static inline void berthi_cm_copy_to_32(uint8_t *to, const uint8_t *from, uint32_t size)
{
    uint64_t first[2], last[2];

    memcpy(first, from, 16);
    memcpy(last, from + size - 16, 16);
    memcpy(to, first, 16);
    memcpy(to + size - 16, last, 16);
}

/* Gives a program in memory its columns, when it can be moved by these.  False: no memory. */
bool berthi_cm_columns_make(berthi_cm_program *p, berthi_arena *arena);
/* Moves elements between places that lie alike, from the first on.  How many are done: what is left is
 * for an interpreter, which knows what to do about it. */
size_t berthi_cm_columns_move(const berthi_cm_program *p, uint8_t *to, const uint8_t *from,
                              size_t count);

static inline size_t berthi_cm_move_columns(const berthi_cm_program *p, uint8_t *to,
                                            const uint8_t *from, size_t count)
{
    if (p->columns == NULL || count < BERTHI_CM_COLUMNS_LEAST)
        return 0;
    return berthi_cm_columns_move(p, to, from, count);
}

/* The operations that every interpreter over memory has; `to` and `from` are where the part lies. */
/* clang-format off */
#define BERTHI_CM_COPY_LABELS                                                                  \
    [BERTHI_CM_OP_COPY] = &&copy, [BERTHI_CM_OP_COPY_1] = &&copy_1,                            \
    [BERTHI_CM_OP_COPY_2] = &&copy_2, [BERTHI_CM_OP_COPY_4] = &&copy_4,                        \
    [BERTHI_CM_OP_COPY_8] = &&copy_8, [BERTHI_CM_OP_COPY_16] = &&copy_16,                      \
    [BERTHI_CM_OP_COPY_TO_16] = &&copy_to_16, [BERTHI_CM_OP_COPY_TO_32] = &&copy_to_32
#define BERTHI_CM_COPY_OPS(labels, op, to, from)                                               \
    copy_1: *(to) = *(from); BERTHI_CM_NEXT(labels, op);                                       \
    copy_2: memcpy((to), (from), 2); BERTHI_CM_NEXT(labels, op);                               \
    copy_4: memcpy((to), (from), 4); BERTHI_CM_NEXT(labels, op);                               \
    copy_8: memcpy((to), (from), 8); BERTHI_CM_NEXT(labels, op);                               \
    copy_16: memcpy((to), (from), 16); BERTHI_CM_NEXT(labels, op);                             \
    copy_to_16: berthi_cm_copy_to_16((to), (from), (op)->a); BERTHI_CM_NEXT(labels, op);       \
    copy_to_32: berthi_cm_copy_to_32((to), (from), (op)->a); BERTHI_CM_NEXT(labels, op);       \
    copy: memcpy((to), (from), (op)->a); BERTHI_CM_NEXT(labels, op)
/* clang-format on */

#endif
