/* plan_lift.c - values of a guest's come out to the host.  Layer: component.
 *
 * No guest code runs meanwhile, so its memory stays where it is.  Whatever it holds is taken for hostile:
 * a length is bounded before anything is allocated for it (I8), and every byte that is copied is
 * charged to the call's budget, because lists may overlap and so be larger than all of memory. */
#include "base/utf8.h"
#include "component/plan/plan_ops.h"
#include "component/plan/transcode.h"

typedef struct lifting {
    berthi_cm_guest *from;
    const berthi_cm_host_side *host;
    berth_diag *diag;
} lifting;

static berth_status lift_memory(const lifting *l, const berthi_cm_program *program, uint64_t at,
                                uint8_t *host, size_t count);

/* ---------------------------------------------------------------- parts */

/* UTF-8 that is in order goes the short way; what is not, and other encodings, the one that knows
 * what to say. */
static inline bool lift_utf8(const berthi_cm_host_side *side, berthi_cm_guest *from,
                             berthi_cm_range range, uint8_t *host)
{
    const char *text;
    char *copy;

    if (range.count == 0 || from->encoding != BERTHI_CM_UTF8 || range.ptr > from->memory.size ||
        range.count > from->memory.size - range.ptr ||
        range.count > BERTHI_CM_VALUE_BYTES_MAX || range.count > *from->budget)
        return false;
    text = (const char *)from->memory.base + range.ptr;
    if (!berthi_utf8_is_valid(text, range.count))
        return false;
    if (!side->views) {
        copy = berthi_reply_arena_alloc(side->arena, range.count);
        if (copy == NULL)
            return false;
        text = memcpy(copy, text, range.count);
    }
    *from->budget -= range.count;
    memcpy(host, &text, sizeof text);
    memcpy(host + sizeof text, &range.count, sizeof range.count);
    return true;
}

__attribute__((noinline)) static berth_status lift_any_string(const lifting *l,
                                                              berthi_cm_range range,
                                                              uint8_t *host)
{
    berthi_cm_host_string out = { 0 };
    berth_status status = berthi_cm_string_lift(
        l->from, (berthi_cm_guest_string){ range.ptr, range.count }, l->host, &out, l->diag);

    memcpy(host, &out, sizeof out);
    return status;
}

static inline berth_status lift_string(const lifting *l, berthi_cm_range range, uint8_t *host)
{
    return __builtin_expect(lift_utf8(l->host, l->from, range, host), 1)
               ? BERTH_OK
               : lift_any_string(l, range, host);
}

/* The same of lists: elements that mean nothing but themselves, within all bounds. */
static inline bool lift_bits(const berthi_cm_host_side *side, berthi_cm_guest *from,
                             const berthi_cm_program *element, berthi_cm_range range,
                             uint8_t *host)
{
    uint64_t bytes = range.count * element->guest_size; /* of use once the count is bounded */
    const uint8_t *data;
    uint8_t *copy;

    if (range.count == 0 || !element->is_lifted_whole || range.count > element->count_max ||
        (range.ptr & (element->guest_align - 1u)) != 0 || range.ptr > from->memory.size ||
        bytes > from->memory.size - range.ptr)
        return false;
    data = from->memory.base + range.ptr;
    if (!side->views) {
        if (bytes > *from->budget)
            return false;
        copy = berthi_reply_arena_alloc(side->arena, bytes);
        if (copy == NULL)
            return false;
        *from->budget -= bytes;
        data = memcpy(copy, data, bytes);
    }
    memcpy(host, &data, sizeof data);
    memcpy(host + sizeof data, &range.count, sizeof range.count);
    return true;
}

__attribute__((noinline)) static berth_status lift_any_list(const lifting *l,
                                                            const berthi_cm_program *element,
                                                            berthi_cm_range range,
                                                            uint8_t *host)
{
    static const _Alignas(16) uint8_t nothing[16];
    berthi_cm_host_list list = { nothing, (size_t)range.count };
    berth_status status = berthi_cm_check_list(l->from, element, range, l->diag);
    uint64_t bytes;
    uint8_t *data;
    size_t done;

    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    if (list.count == 0) { /* of a memory that may be none at all */
        memcpy(host, &list, sizeof list);
        return BERTH_OK;
    }
    bytes = range.count * element->other_size;
    status = berthi_cm_guest_spend(l->from, bytes, l->diag);
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    data = berthi_reply_arena_alloc(l->host->arena, bytes);
    if (__builtin_expect(data == NULL, 0))
        return berthi_fail(l->diag, BERTH_E_NOMEM, "a list of %zu elements", list.count);
    list.data = data;
    memcpy(host, &list, sizeof list);
    done = berthi_cm_move_columns(element, data, l->from->memory.base + range.ptr, list.count);
    if (done == list.count)
        return BERTH_OK;
    return lift_memory(l, element, range.ptr + done * element->guest_size,
                       data + done * element->other_size, list.count - done);
}

static inline berth_status lift_list(const lifting *l, const berthi_cm_program *element,
                                     berthi_cm_range range, uint8_t *host)
{
    return __builtin_expect(lift_bits(l->host, l->from, element, range, host), 1)
               ? BERTH_OK
               : lift_any_list(l, element, range, host);
}

static berth_status lift_handle(const lifting *l, const berthi_cm_op *op, uint32_t index,
                                uint8_t *host)
{
    bool is_borrow = op->code == BERTHI_CM_OP_BORROW, is_done;
    berth_diag spare, *diag = l->diag == NULL ? &spare : l->diag;
    uint64_t handle;
    uint32_t rep;

    is_done = is_borrow ? berthi_cm_handle_lend(l->from->handles, op->a, index, l->from->lends,
                                                &rep, diag)
                        : berthi_cm_handle_take(l->from->handles, op->a, index, &rep, diag);
    if (!is_done || !l->host->to_host(l->host->ctx, op->a, rep, is_borrow, &handle, diag))
        return (berth_status)diag->status;
    memcpy(host, &handle, sizeof handle);
    return BERTH_OK;
}

__attribute__((noinline, cold)) static berth_status refuse_char(berth_diag *diag)
{
    return berthi_cm_trap(diag, "invalid `char` bit pattern");
}

__attribute__((noinline, cold)) static berth_status refuse_tag(berth_diag *diag)
{
    return berthi_cm_trap(diag, "invalid variant discriminant");
}

/* ---------------------------------------------------------------- out of memory */

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic" /* computed goto, to the end of the interpreters */

static berth_status lift_memory(const lifting *l, const berthi_cm_program *program, uint64_t at,
                                uint8_t *host, size_t count)
{
    static const void *const to[BERTHI_CM_OPS] = {
        BERTHI_CM_COPY_LABELS,
        [BERTHI_CM_OP_END] = &&end,
        [BERTHI_CM_OP_JUMP] = &&jump,
        [BERTHI_CM_OP_BOOL] = &&boolean,
        [BERTHI_CM_OP_CHAR] = &&character,
        [BERTHI_CM_OP_FLAGS] = &&flags,
        [BERTHI_CM_OP_ENUM] = &&tag,
        [BERTHI_CM_OP_VARIANT] = &&variant,
        [BERTHI_CM_OP_STRING] = &&string,
        [BERTHI_CM_OP_LIST] = &&list,
        [BERTHI_CM_OP_OWN] = &&handle,
        [BERTHI_CM_OP_BORROW] = &&handle,
        [BERTHI_CM_OP_PART] = &&part,
    };
    const berthi_cm_op *op = program->ops;
    const uint8_t *guest = l->from->memory.base + at;
    berth_status status;
    uint32_t value;

    BERTHI_CM_GO(to, op);
    BERTHI_CM_COPY_OPS(to, op, host + op->other, guest + op->guest);
end:
    if (--count == 0)
        return BERTH_OK;
    host += program->other_size;
    guest += program->guest_size;
    op = program->ops;
    BERTHI_CM_GO(to, op);
jump:
    op += op->a;
    BERTHI_CM_NEXT(to, op);
boolean:
    host[op->other] = guest[op->guest] != 0;
    BERTHI_CM_NEXT(to, op);
character:
    memcpy(&value, guest + op->guest, 4);
    if (__builtin_expect(!berthi_cm_is_scalar(value), 0))
        return refuse_char(l->diag);
    memcpy(host + op->other, &value, 4);
    BERTHI_CM_NEXT(to, op);
flags:
    value = berthi_cm_get(guest + op->guest, op->width) & op->a;
    berthi_cm_put(host + op->other, op->width, value);
    BERTHI_CM_NEXT(to, op);
tag:
    value = berthi_cm_get(guest + op->guest, op->width);
    if (__builtin_expect(value >= op->a, 0))
        return refuse_tag(l->diag);
    berthi_cm_put(host + op->other, op->width, value);
    BERTHI_CM_NEXT(to, op);
variant:
    value = berthi_cm_get(guest + op->guest, op->width);
    if (__builtin_expect(value >= op->a, 0))
        return refuse_tag(l->diag);
    berthi_cm_put(host + op->other, op->width, value);
    op += op->u.targets[value];
    BERTHI_CM_NEXT(to, op);
string:
    status =
        lift_string(l, berthi_cm_get_range(guest + op->guest, op->width), host + op->other);
    goto done;
list:
    status = lift_list(l, op->u.program, berthi_cm_get_range(guest + op->guest, op->width),
                       host + op->other);
    goto done;
handle:
    memcpy(&value, guest + op->guest, 4);
    status = lift_handle(l, op, value, host + op->other);
    goto done;
part:
    status = lift_memory(l, op->u.program, (uint64_t)(guest + op->guest - l->from->memory.base),
                         host + op->other, op->a);
done:
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    BERTHI_CM_NEXT(to, op);
}

/* ---------------------------------------------------------------- out of cells */

/* What goes no short way. */
__attribute__((noinline)) static berth_status lift_flat_part(
    const berthi_cm_op *op, const berthi_cm_host_side *side, uint8_t *host,
    berthi_cm_guest *from, const berthi_val *cell, berth_diag *diag)
{
    const lifting l = { from, side, diag };

    switch ((berthi_cm_opcode)op->code) {
    case BERTHI_CM_OP_STRING:
        return lift_any_string(&l, berthi_cm_get_cells(cell, op->width), host);
    case BERTHI_CM_OP_LIST:
        return lift_any_list(&l, op->u.program, berthi_cm_get_cells(cell, op->width), host);
    default:
        return lift_handle(&l, op, (uint32_t)cell->i32, host);
    }
}

/* One of the simple ones. */
#define LIFT_U8(op)                                                                            \
    host[(op)->other] = (uint8_t)(berthi_cm_cell_of(cells, op)->words[0] & (op)->a)
#define LIFT_32(op)   memcpy(host + (op)->other, &berthi_cm_cell_of(cells, op)->i32, 4)
#define LIFT_64(op)   memcpy(host + (op)->other, &berthi_cm_cell_of(cells, op)->words[0], 8)
#define LIFT_BOOL(op) host[(op)->other] = berthi_cm_cell_of(cells, op)->i32 != 0
#define LIFT_ENUM_8(op)                                                                        \
    value = (uint32_t)berthi_cm_cell_of(cells, op)->i32;                                       \
    if (__builtin_expect(value >= (op)->a, 0))                                                 \
        return refuse_tag(diag);                                                               \
    host[(op)->other] = (uint8_t)value
#define LIFT_TAG(op) LIFT_ENUM_8(op)
#define LIFT_CHAR(op)                                                                          \
    value = (uint32_t)berthi_cm_cell_of(cells, op)->i32;                                       \
    if (__builtin_expect(!berthi_cm_is_scalar(value), 0))                                      \
        return refuse_char(diag);                                                              \
    memcpy(host + (op)->other, &value, sizeof value)
#define LIFT_S16(op)                                                                           \
    half = (uint16_t)berthi_cm_cell_of(cells, op)->words[0];                                   \
    memcpy(host + (op)->other, &half, sizeof half)
#define LIFT_STRING(op) goto string
#define LIFT_LIST(op)   goto list

/* Cells are read as wide as the part is; what is above belongs to nobody. */
static berth_status lift_flat(const berthi_cm_op *op, const berthi_cm_host_side *side,
                              uint8_t *host, berthi_cm_guest *from, const berthi_val *cells,
                              berth_diag *diag)
{
    static const void *const to[BERTHI_CM_OPS] = {
        BERTHI_CM_FUSED_LABELS,
        [BERTHI_CM_OP_JUMP] = &&jump,
        [BERTHI_CM_OP_U8] = &&byte,
        [BERTHI_CM_OP_S8] = &&s8,
        [BERTHI_CM_OP_U16] = &&half,
        [BERTHI_CM_OP_S16] = &&half,
        [BERTHI_CM_OP_32] = &&word,
        [BERTHI_CM_OP_64] = &&wide,
        [BERTHI_CM_OP_BOOL] = &&boolean,
        [BERTHI_CM_OP_FLAGS] = &&flags,
        [BERTHI_CM_OP_CHAR] = &&character,
        [BERTHI_CM_OP_ENUM] = &&tag,
        [BERTHI_CM_OP_VARIANT] = &&variant,
        [BERTHI_CM_OP_STRING] = &&string,
        [BERTHI_CM_OP_LIST] = &&list,
        [BERTHI_CM_OP_OWN] = &&any,
        [BERTHI_CM_OP_BORROW] = &&any,
        [BERTHI_CM_OP_PART] = &&part,
        [BERTHI_CM_OP_ENUM_8] = &&tag_8,
        [BERTHI_CM_OP_VARIANT_8] = &&variant_8,
    };
    berth_status status;
    uint32_t value;
    uint16_t half;

    BERTHI_CM_GO(to, op);
end:
    return BERTH_OK;
jump:
    op += op->a;
    BERTHI_CM_NEXT(to, op);
    BERTHI_CM_FUSED_OPS(to, op, LIFT_)
byte:
    LIFT_U8(op);
    BERTHI_CM_NEXT(to, op);
s8:
    host[op->other] = (uint8_t)berthi_cm_cell_of(cells, op)->words[0];
    BERTHI_CM_NEXT(to, op);
half:
    LIFT_S16(op);
    BERTHI_CM_NEXT(to, op);
word:
    LIFT_32(op);
    BERTHI_CM_NEXT(to, op);
wide:
    LIFT_64(op);
    BERTHI_CM_NEXT(to, op);
boolean:
    LIFT_BOOL(op);
    BERTHI_CM_NEXT(to, op);
character:
    LIFT_CHAR(op);
    BERTHI_CM_NEXT(to, op);
flags:
    value = (uint32_t)berthi_cm_cell_of(cells, op)->i32 & op->a;
    berthi_cm_put(host + op->other, op->width, value);
    BERTHI_CM_NEXT(to, op);
tag:
    value = (uint32_t)berthi_cm_cell_of(cells, op)->i32;
    if (__builtin_expect(value >= op->a, 0))
        return refuse_tag(diag);
    berthi_cm_put(host + op->other, op->width, value);
    BERTHI_CM_NEXT(to, op);
variant:
    value = (uint32_t)berthi_cm_cell_of(cells, op)->i32;
    if (__builtin_expect(value >= op->a, 0))
        return refuse_tag(diag);
    berthi_cm_put(host + op->other, op->width, value);
    op += op->u.targets[value];
    BERTHI_CM_NEXT(to, op);
tag_8:
    LIFT_ENUM_8(op);
    BERTHI_CM_NEXT(to, op);
variant_8:
    value = (uint32_t)berthi_cm_cell_of(cells, op)->i32;
    if (__builtin_expect(value >= op->a, 0))
        return refuse_tag(diag);
    host[op->other] = (uint8_t)value;
    op += op->u.targets[value];
    BERTHI_CM_NEXT(to, op);
string:
    if (__builtin_expect(lift_utf8(side, from,
                                   berthi_cm_get_cells(berthi_cm_cell_of(cells, op), op->width),
                                   host + op->other),
                         1))
        BERTHI_CM_NEXT(to, op);
    goto any;
list:
    if (lift_bits(side, from, op->u.program,
                  berthi_cm_get_cells(berthi_cm_cell_of(cells, op), op->width),
                  host + op->other))
        BERTHI_CM_NEXT(to, op);
any:
    status =
        lift_flat_part(op, side, host + op->other, from, berthi_cm_cell_of(cells, op), diag);
    goto done;
part:
    status = lift_flat(op->u.program->ops, side, host + op->other, from,
                       berthi_cm_cell_of(cells, op), diag);
done:
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    BERTHI_CM_NEXT(to, op);
}

#pragma GCC diagnostic pop

/* ---------------------------------------------------------------- entries */

__attribute__((noinline)) static berth_status lift_spilled(const berthi_cm_program *memory,
                                                           const berthi_cm_host_side *host,
                                                           void *value, berthi_cm_guest *from,
                                                           const berthi_val *cells,
                                                           berth_diag *diag)
{
    const lifting l = { from, host, diag };
    uint64_t ptr = berthi_cm_get_pointer(cells, from->is_64);
    berth_status status;

    status = berthi_cm_check_range(from, ptr, memory->guest_size, memory->guest_align,
                                   "pointer out of bounds of memory", diag);
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    status = berthi_cm_guest_spend(from, memory->guest_size, diag);
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    return lift_memory(&l, memory, ptr, value, 1);
}

static inline berth_status lift(const berthi_cm_programs *programs, berthi_cm_guest *from,
                                const berthi_val *cells, const berthi_cm_host_side *host,
                                void *value, berth_diag *diag)
{
    if (programs->is_flat)
        return lift_flat(programs->whole->ops, host, value, from, cells, diag);
    return lift_spilled(programs->whole, host, value, from, cells, diag);
}

berth_status berthi_cm_lift_params(const berthi_cm_plan *plan, berthi_cm_guest *from,
                                   const berthi_val *cells, const berthi_cm_host_side *host,
                                   void *args, berth_diag *diag)
{
    return lift(&plan->params, from, cells, host, args, diag);
}

berth_status berthi_cm_lift_result(const berthi_cm_plan *plan, berthi_cm_guest *from,
                                   const berthi_val *cells, const berthi_cm_host_side *host,
                                   void *result, berth_diag *diag)
{
    return plan->has_result ? lift(&plan->result, from, cells, host, result, diag) : BERTH_OK;
}
