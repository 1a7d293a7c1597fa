/* plan_columns.c - many small records at once.  Layer: component.
 *
 * Records without pointers and handles lie alike in a guest and in host layout.  A list of such goes
 * over column by column, in blocks that stay in the first cache: an operation is looked at once for a
 * block of elements instead of once for each.  Bytes between the columns (padding) are neither
 * read nor written.
 *
 * What is unusual about a value (a bool of 2, flags without a name, a tag beyond the cases) is seen, not
 * treated: the interpreters do the block again, in their own words. */
#include "component/plan/plan_ops.h"

enum { BLOCK_BYTES = 8192, BYTES_MAX = 256 };

/* ---------------------------------------------------------------- compiling */

typedef struct layout { /* of an element's bytes */
    bool is_covered[BYTES_MAX];
    uint8_t forbidden[BYTES_MAX]; /* bits that only an unusual value has */
    berthi_cm_column columns[BERTHI_CM_COLUMNS_MAX];
    uint32_t count;
} layout;

static bool add_column(layout *l, berthi_cm_column column)
{
    if (l->count == BERTHI_CM_COLUMNS_MAX)
        return false;
    l->columns[l->count++] = column;
    return true;
}

static void cover(layout *l, uint32_t at, uint32_t size, uint32_t forbidden)
{
    for (uint32_t i = 0; i < size; i++) {
        l->is_covered[at + i] = true;
        l->forbidden[at + i] = (uint8_t)(i < 4 ? forbidden >> 8 * i : 0);
    }
}

/* False: it is none for columns. */
static bool add_op(layout *l, const berthi_cm_op *op)
{
    switch ((berthi_cm_opcode)op->code) {
    case BERTHI_CM_OP_COPY:
    case BERTHI_CM_OP_COPY_1:
    case BERTHI_CM_OP_COPY_2:
    case BERTHI_CM_OP_COPY_4:
    case BERTHI_CM_OP_COPY_8:
    case BERTHI_CM_OP_COPY_16:
    case BERTHI_CM_OP_COPY_TO_16:
    case BERTHI_CM_OP_COPY_TO_32:
        cover(l, op->guest, op->a, 0);
        return true;
    case BERTHI_CM_OP_BOOL:
        cover(l, op->guest, 1, 0xfe);
        return true;
    case BERTHI_CM_OP_FLAGS:
        cover(l, op->guest, op->width, ~op->a);
        return true;
    case BERTHI_CM_OP_ENUM:
        return add_column(l, (berthi_cm_column){ .at = op->guest,
                                                 .width = op->width,
                                                 .check = BERTHI_CM_COLUMN_BELOW,
                                                 .bits = op->a });
    case BERTHI_CM_OP_CHAR:
        return add_column(l, (berthi_cm_column){
                                 .at = op->guest, .width = 4, .check = BERTHI_CM_COLUMN_CHAR });
    default:
        return false;
    }
}

/* The widest column that begins `left` bytes before the end of a run. */
static uint8_t width_of(uint32_t left)
{
    return left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

/* Runs of bytes without padding become columns as wide as they can be. */
static bool add_runs(layout *l, uint32_t size)
{
    for (uint32_t at = 0, end = 0; at < size;) {
        berthi_cm_column column = { .at = at, .check = BERTHI_CM_COLUMN_BITS };

        if (!l->is_covered[at]) {
            at++;
            continue;
        }
        for (end = at; end < size && l->is_covered[end];)
            end++;
        column.width = width_of(end - at);
        for (uint32_t i = 0; i < column.width; i++)
            column.bits |= (uint64_t)l->forbidden[at + i] << 8 * i;
        if (!add_column(l, column))
            return false;
        at += column.width;
    }
    return true;
}

/* Whether all operations are for columns; `l` is what they are. */
static bool lay_out(layout *l, const berthi_cm_program *p)
{
    if (p->guest_size != p->other_size || p->guest_size > BYTES_MAX)
        return false;
    for (const berthi_cm_op *op = p->ops; op->code != BERTHI_CM_OP_END; op++)
        if (op->guest != op->other || !add_op(l, op))
            return false;
    return add_runs(l, p->guest_size);
}

bool berthi_cm_columns_make(berthi_cm_program *p, berthi_arena *arena)
{
    layout l = { .count = 0 };
    berthi_cm_column *columns;

    if (p->is_bits || !lay_out(&l, p))
        return true;
    columns = berthi_arena_array(arena, l.count, sizeof *columns);
    if (columns == NULL)
        return false;
    memcpy(columns, l.columns, l.count * sizeof *columns);
    p->columns = columns;
    p->columns_count = l.count;
    return true;
}

/* ---------------------------------------------------------------- moving */

/* Moves a column of `count` elements; the bits that any of them has.  Four at a time: as fast as
 * what a compiler makes of the record itself; two at a time take 1.6 times as long. */
#define MOVE(type)                                                                             \
    static uint64_t move_##type(uint8_t *to, const uint8_t *from, size_t step, size_t count)   \
    {                                                                                          \
        type one, two, three, four, seen = 0;                                                  \
                                                                                               \
        for (; count >= 4; count -= 4, to += 4 * step, from += 4 * step) {                     \
            memcpy(&one, from, sizeof one);                                                    \
            memcpy(&two, from + step, sizeof two);                                             \
            memcpy(&three, from + 2 * step, sizeof three);                                     \
            memcpy(&four, from + 3 * step, sizeof four);                                       \
            memcpy(to, &one, sizeof one);                                                      \
            memcpy(to + step, &two, sizeof two);                                               \
            memcpy(to + 2 * step, &three, sizeof three);                                       \
            memcpy(to + 3 * step, &four, sizeof four);                                         \
            seen |= (one | two) | (three | four);                                              \
        }                                                                                      \
        for (; count != 0; count--, to += step, from += step) {                                \
            memcpy(&one, from, sizeof one);                                                    \
            memcpy(to, &one, sizeof one);                                                      \
            seen |= one;                                                                       \
        }                                                                                      \
        return seen;                                                                           \
    }

MOVE(uint8_t)
MOVE(uint16_t)
MOVE(uint32_t)
MOVE(uint64_t)

static bool move_bits(const berthi_cm_column *c, uint8_t *to, const uint8_t *from, size_t step,
                      size_t count)
{
    uint64_t seen = c->width == 8   ? move_uint64_t(to, from, step, count)
                    : c->width == 4 ? move_uint32_t(to, from, step, count)
                    : c->width == 2 ? move_uint16_t(to, from, step, count)
                                    : move_uint8_t(to, from, step, count);

    return (seen & c->bits) == 0;
}

static bool move_checked(const berthi_cm_column *c, uint8_t *to, const uint8_t *from,
                         size_t step, size_t count)
{
    bool is_char = c->check == BERTHI_CM_COLUMN_CHAR, are_good = true;

    for (; count != 0; count--, to += step, from += step) {
        uint32_t value = berthi_cm_get(from, c->width);

        are_good &= is_char ? berthi_cm_is_scalar(value) : value < c->bits;
        berthi_cm_put(to, c->width, value);
    }
    return are_good;
}

static bool move_block(const berthi_cm_program *p, uint8_t *to, const uint8_t *from,
                       size_t count)
{
    bool are_good = true;

    for (uint32_t n = 0; n < p->columns_count; n++) {
        const berthi_cm_column *c = &p->columns[n];

        are_good &= c->check == BERTHI_CM_COLUMN_BITS
                        ? move_bits(c, to + c->at, from + c->at, p->guest_size, count)
                        : move_checked(c, to + c->at, from + c->at, p->guest_size, count);
    }
    return are_good;
}

size_t berthi_cm_columns_move(const berthi_cm_program *p, uint8_t *to, const uint8_t *from,
                              size_t count)
{
    size_t most = BLOCK_BYTES / p->guest_size, done = 0;

    while (done < count) {
        size_t block = count - done < most ? count - done : most;
        size_t at = done * p->guest_size;

        if (__builtin_expect(!move_block(p, to + at, from + at, block), 0))
            break;
        done += block;
    }
    return done;
}
