/* plan_lower.c - values of the host's go into a guest.  Layer: component.
 *
 * First everything is checked that the host may have got wrong, so that nothing has happened to the
 * guest when it has: by a program of its own for what goes into memory, in passing for cells.  Then
 * parts are stored in their order, which is also the order of the calls of realloc that the
 * specification asks for; each such call may move the guest's memory, and the address of what is being
 * written is made anew (I7). */
#include "base/utf8.h"
#include "component/plan/plan_ops.h"
#include "component/plan/transcode.h"

typedef struct lowering {
    berthi_cm_guest *to;
    const berthi_cm_host_side *host;
    berth_diag *diag;
} lowering;

/* ---------------------------------------------------------------- what the host gives */

static berth_status check(const lowering *l, const berthi_cm_program *program,
                          const uint8_t *host, size_t count);

/* Bytes of the guest's own would move and change while they are being copied. */
static inline bool is_view(const berthi_cm_guest *guest, const void *bytes)
{
    return (uintptr_t)bytes - (uintptr_t)guest->memory.base < guest->memory.size;
}

static bool is_bytes(const berthi_cm_type *element)
{
    return element->kind == BERTHI_CM_U8 || element->kind == BERTHI_CM_S8;
}

__attribute__((noinline)) static berth_status check_any_list(const lowering *l,
                                                             const berthi_cm_program *element,
                                                             const uint8_t *host)
{
    berthi_cm_host_list list;

    memcpy(&list, host, sizeof list);
    if (list.count > element->count_max)
        return berthi_fail_because(l->diag, BERTH_E_LIMIT, BERTH_REASON_INPUT,
                                   "a list of the host's has %zu elements", list.count);
    if (list.data == NULL)
        return berthi_fail(l->diag, BERTH_E_INVALID,
                           "a list of the host's has %zu elements at NULL", list.count);
    if (is_view(l->to, list.data) &&
        !(is_bytes(element->type) && berthi_cm_reserved_claim(l->to, list.data, list.count)))
        return berthi_fail(l->diag, BERTH_E_INVALID,
                           "a list of the host's is a view of the guest that it goes to");
    return element->check == NULL ? BERTH_OK : check(l, element->check, list.data, list.count);
}

__attribute__((noinline)) static berth_status check_any_string(const lowering *l,
                                                               const uint8_t *host)
{
    berthi_cm_host_string string;

    memcpy(&string, host, sizeof string);
    return berthi_cm_string_check(l->to, string, l->diag);
}

/* Most are in order, and nothing is left to be looked at.  False: the two above know more. */
static inline bool is_good_list(const berthi_cm_guest *to, const berthi_cm_program *element,
                                const uint8_t *host)
{
    berthi_cm_host_list list;

    memcpy(&list, host, sizeof list);
    return list.count == 0 || (element->check == NULL && list.count <= element->count_max &&
                               list.data != NULL && !is_view(to, list.data));
}

static inline bool is_good_string(const berthi_cm_guest *to, const uint8_t *host)
{
    berthi_cm_host_string string;

    memcpy(&string, host, sizeof string);
    return string.size == 0 ||
           (string.size <= BERTHI_CM_VALUE_BYTES_MAX && string.text != NULL &&
            !is_view(to, string.text) && berthi_utf8_is_valid(string.text, string.size));
}

__attribute__((noinline, cold)) static berth_status refuse_char(berth_diag *diag,
                                                                uint32_t character)
{
    return berthi_fail(diag, BERTH_E_INVALID,
                       "a char of the host's is 0x%x, which is no character",
                       (unsigned)character);
}

__attribute__((noinline, cold)) static berth_status refuse_tag(berth_diag *diag,
                                                               const berthi_cm_op *op,
                                                               uint32_t tag)
{
    return berthi_fail(diag, BERTH_E_INVALID,
                       "a tag of the host's is %u, and there are %u cases", (unsigned)tag,
                       (unsigned)op->a);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic" /* computed goto, to the end of the interpreters */

static berth_status check(const lowering *l, const berthi_cm_program *program,
                          const uint8_t *host, size_t count)
{
    static const void *const to[BERTHI_CM_OPS] = {
        [BERTHI_CM_OP_END] = &&end,         [BERTHI_CM_OP_JUMP] = &&jump,
        [BERTHI_CM_OP_CHAR] = &&character,  [BERTHI_CM_OP_ENUM] = &&tag,
        [BERTHI_CM_OP_VARIANT] = &&variant, [BERTHI_CM_OP_STRING] = &&string,
        [BERTHI_CM_OP_LIST] = &&list,       [BERTHI_CM_OP_PART] = &&part,
    };
    const berthi_cm_op *op = program->ops;
    berth_status status;
    uint32_t value;

    BERTHI_CM_GO(to, op);
end:
    if (--count == 0)
        return BERTH_OK;
    host += program->other_size;
    op = program->ops;
    BERTHI_CM_GO(to, op);
jump:
    op += op->a;
    BERTHI_CM_NEXT(to, op);
character:
    memcpy(&value, host + op->other, sizeof value);
    if (__builtin_expect(!berthi_cm_is_scalar(value), 0))
        return refuse_char(l->diag, value);
    BERTHI_CM_NEXT(to, op);
tag:
    value = berthi_cm_get(host + op->other, op->width);
    if (__builtin_expect(value >= op->a, 0))
        return refuse_tag(l->diag, op, value);
    BERTHI_CM_NEXT(to, op);
variant:
    value = berthi_cm_get(host + op->other, op->width);
    if (__builtin_expect(value >= op->a, 0))
        return refuse_tag(l->diag, op, value);
    op += op->u.targets[value];
    BERTHI_CM_NEXT(to, op);
string:
    if (__builtin_expect(is_good_string(l->to, host + op->other), 1))
        BERTHI_CM_NEXT(to, op);
    status = check_any_string(l, host + op->other);
    goto done;
list:
    if (__builtin_expect(is_good_list(l->to, op->u.program, host + op->other), 1))
        BERTHI_CM_NEXT(to, op);
    status = check_any_list(l, op->u.program, host + op->other);
    goto done;
part:
    status = check(l, op->u.program, host + op->other, op->a);
done:
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    BERTHI_CM_NEXT(to, op);
}

/* ---------------------------------------------------------------- parts */

static berth_status lower_memory(const lowering *l, const berthi_cm_program *program,
                                 const uint8_t *host, uint64_t at, size_t count);

/* What lies behind a pointer and goes as it is: UTF-8 to UTF-8, elements that are bits. */
typedef struct block {
    const void *data;
    uint64_t size, units;
    uint32_t align;
} block;

/* False: it goes another way. */
static inline bool is_block_string(const berthi_cm_guest *to, const uint8_t *host, block *out)
{
    berthi_cm_host_string from;

    memcpy(&from, host, sizeof from);
    *out = (block){ from.text, from.size, from.size, 1 };
    return to->encoding == BERTHI_CM_UTF8 && !berthi_cm_is_reserved(to, from.text);
}

static inline bool is_block_list(const berthi_cm_guest *to, const berthi_cm_program *element,
                                 const uint8_t *host, block *out)
{
    berthi_cm_host_list list;

    memcpy(&list, host, sizeof list);
    /* that it was checked bounds the product */
    *out = (block){ list.data, list.count * element->guest_size, list.count,
                    element->guest_align };
    return element->is_bits && !berthi_cm_is_reserved(to, list.data);
}

static inline berth_status lower_block(berthi_cm_guest *to, const block *b, uint64_t *ptr_out,
                                       berth_diag *diag)
{
    berth_status status = to->realloc(to, 0, 0, b->align, b->size, ptr_out, diag);

    if (__builtin_expect(status == BERTH_OK && b->size != 0, 1)) {
        assert(*ptr_out <= to->memory.size && b->size <= to->memory.size - *ptr_out);
        memcpy(to->memory.base + *ptr_out, b->data, b->size);
    }
    return status;
}

__attribute__((noinline)) static berth_status lower_other_string(const lowering *l,
                                                                 const uint8_t *host,
                                                                 berthi_cm_range *out)
{
    berthi_cm_guest_string string = { 0 };
    berthi_cm_host_string from;
    berth_status status;

    memcpy(&from, host, sizeof from);
    status = berthi_cm_string_lower_checked(l->to, from, &string, l->diag);
    *out = (berthi_cm_range){ string.ptr, string.units };
    return status;
}

__attribute__((noinline)) static berth_status lower_other_list(const lowering *l,
                                                               const berthi_cm_program *element,
                                                               const uint8_t *host,
                                                               berthi_cm_range *out)
{
    berthi_cm_host_list list;
    berth_status status;
    uint64_t bytes;
    size_t done;

    memcpy(&list, host, sizeof list);
    out->count = list.count;
    if (list.count != 0 && berthi_cm_is_reserved(l->to, list.data))
        return berthi_cm_reserved_keep(l->to, list.count, &out->ptr, l->diag);
    bytes = (uint64_t)list.count * element->guest_size;
    status = l->to->realloc(l->to, 0, 0, element->guest_align, bytes, &out->ptr, l->diag);
    if (__builtin_expect(status != BERTH_OK || list.count == 0, 0))
        return status;
    assert(out->ptr <= l->to->memory.size && bytes <= l->to->memory.size - out->ptr);
    done =
        berthi_cm_move_columns(element, l->to->memory.base + out->ptr, list.data, list.count);
    if (done == list.count)
        return BERTH_OK;
    return lower_memory(l, element, (const uint8_t *)list.data + done * element->other_size,
                        out->ptr + done * element->guest_size, list.count - done);
}

static inline berth_status lower_range(const lowering *l, const berthi_cm_op *op,
                                       const uint8_t *host, bool is_list, berthi_cm_range *out)
{
    block b;

    if (__builtin_expect(is_list ? is_block_list(l->to, op->u.program, host, &b)
                                 : is_block_string(l->to, host, &b),
                         1)) {
        out->count = b.units;
        return lower_block(l->to, &b, &out->ptr, l->diag);
    }
    return is_list ? lower_other_list(l, op->u.program, host, out)
                   : lower_other_string(l, host, out);
}

/* A borrow that goes to the instance which defined the resource is its representation, no handle. */
static berth_status lower_handle(const lowering *l, const berthi_cm_op *op, const uint8_t *host,
                                 uint32_t *index_out)
{
    bool is_borrow = op->code == BERTHI_CM_OP_BORROW, is_done;
    berth_diag spare, *diag = l->diag == NULL ? &spare : l->diag;
    uint64_t handle;
    uint32_t rep;

    memcpy(&handle, host, sizeof handle);
    if (!l->host->to_guest(l->host->ctx, op->a, handle, is_borrow, &rep, diag))
        return (berth_status)diag->status;
    if (is_borrow && l->to->resources[op->a].instance == l->to->instance) {
        *index_out = rep;
        return BERTH_OK;
    }
    is_done = is_borrow ? berthi_cm_handle_add_borrow(l->to->handles, op->a, rep, l->to->task,
                                                      index_out, diag)
                        : berthi_cm_handle_add_own(l->to->handles, op->a, rep, index_out, diag);
    return is_done ? BERTH_OK : (berth_status)diag->status;
}

/* ---------------------------------------------------------------- into memory */

static berth_status lower_memory(const lowering *l, const berthi_cm_program *program,
                                 const uint8_t *host, uint64_t at, size_t count)
{
    static const void *const to[BERTHI_CM_OPS] = {
        BERTHI_CM_COPY_LABELS,
        [BERTHI_CM_OP_END] = &&end,
        [BERTHI_CM_OP_JUMP] = &&jump,
        [BERTHI_CM_OP_BOOL] = &&boolean,
        [BERTHI_CM_OP_CHAR] = &&copy_4,
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
    uint8_t *guest = l->to->memory.base + at;
    berthi_cm_range range;
    berth_status status;
    uint32_t value;

    BERTHI_CM_GO(to, op);
    BERTHI_CM_COPY_OPS(to, op, guest + op->guest, host + op->other);
end:
    if (--count == 0)
        return BERTH_OK;
    host += program->other_size;
    at += program->guest_size;
    guest += program->guest_size;
    op = program->ops;
    BERTHI_CM_GO(to, op);
jump:
    op += op->a;
    BERTHI_CM_NEXT(to, op);
boolean:
    guest[op->guest] = host[op->other] != 0;
    BERTHI_CM_NEXT(to, op);
flags:
    value = berthi_cm_get(host + op->other, op->width) & op->a;
    berthi_cm_put(guest + op->guest, op->width, value);
    BERTHI_CM_NEXT(to, op);
tag:
    value = berthi_cm_get(host + op->other, op->width);
    berthi_cm_put(guest + op->guest, op->width, value);
    BERTHI_CM_NEXT(to, op);
variant:
    value = berthi_cm_get(host + op->other, op->width);
    berthi_cm_put(guest + op->guest, op->width, value);
    assert(value < op->a);
    op += op->u.targets[value];
    BERTHI_CM_NEXT(to, op);
string:
    status = lower_range(l, op, host + op->other, false, &range);
    goto range;
list:
    status = lower_range(l, op, host + op->other, true, &range);
range:
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    guest = l->to->memory.base + at;
    berthi_cm_put_range(guest + op->guest, op->width, range.ptr, range.count);
    BERTHI_CM_NEXT(to, op);
handle:
    status = lower_handle(l, op, host + op->other, &value);
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    memcpy(guest + op->guest, &value, 4);
    BERTHI_CM_NEXT(to, op);
part:
    status = lower_memory(l, op->u.program, host + op->other, at + op->guest, op->a);
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    guest = l->to->memory.base + at;
    BERTHI_CM_NEXT(to, op);
}

/* ---------------------------------------------------------------- into cells */

/* Cells are not the guest's yet, so numbers and tags are checked as they are written; what asks the
 * guest for something is only checked, and is written once all is known to be right: by `parts`,
 * which finds the tags in the cells.
 *
 * Its arguments are those of the entries, in registers as they come; what is unusual is put together
 * in functions of its own. */
static berth_status lower_flat(const berthi_cm_programs *programs,
                               const berthi_cm_host_side *side, const uint8_t *host,
                               berthi_cm_guest *to, berthi_val *cells, berth_diag *diag);

/* What is in no order yet, or has elements to check. */
__attribute__((noinline)) static berth_status check_flat_part(const berthi_cm_op *op,
                                                              const uint8_t *host,
                                                              berthi_cm_guest *to,
                                                              berth_diag *diag)
{
    const lowering l = { to, NULL, diag };

    return op->code == BERTHI_CM_OP_LIST ? check_any_list(&l, op->u.program, host)
                                         : check_any_string(&l, host);
}

/* A part that is a program of its own: its numbers. */
__attribute__((noinline)) static berth_status lower_flat_numbers(const berthi_cm_op *op,
                                                                 const uint8_t *host,
                                                                 berthi_cm_guest *to,
                                                                 berthi_val *cells,
                                                                 berth_diag *diag)
{
    const berthi_cm_programs numbers = { .whole = op->u.program };

    return lower_flat(&numbers, NULL, host, to, cells, diag);
}

/* Parts that go no short way. */
__attribute__((noinline)) static berth_status lower_flat_part(
    const berthi_cm_op *op, const berthi_cm_host_side *side, const uint8_t *host,
    berthi_cm_guest *to, berthi_val *cells, berth_diag *diag)
{
    static const berthi_cm_op end = { .code = BERTHI_CM_OP_END };
    static const berthi_cm_program nothing = { .ops = &end };
    const berthi_cm_programs parts = { .whole = &nothing, .parts = op->u.program };
    const lowering l = { to, side, diag };
    berthi_cm_range range;
    berth_status status;
    uint32_t index;

    switch ((berthi_cm_opcode)op->code) {
    case BERTHI_CM_OP_PART:
        return lower_flat(&parts, side, host, to, cells, diag);
    case BERTHI_CM_OP_OWN:
    case BERTHI_CM_OP_BORROW:
        status = lower_handle(&l, op, host, &index);
        if (status == BERTH_OK)
            cells->words[0] = index;
        return status;
    case BERTHI_CM_OP_LIST:
        status = lower_other_list(&l, op->u.program, host, &range);
        break;
    default:
        status = lower_other_string(&l, host, &range);
    }
    if (status == BERTH_OK)
        berthi_cm_put_cells(cells, range);
    return status;
}

/* One of the simple ones. */
#define LOWER_U8(op) berthi_cm_cell(cells, op)->words[0] = host[(op)->other] & (op)->a
#define LOWER_32(op)                                                                           \
    memcpy(&value, host + (op)->other, sizeof value);                                          \
    berthi_cm_cell(cells, op)->words[0] = value
#define LOWER_64(op)                                                                           \
    memcpy(&wide, host + (op)->other, sizeof wide);                                            \
    berthi_cm_cell(cells, op)->words[0] = wide
#define LOWER_BOOL(op) berthi_cm_cell(cells, op)->words[0] = host[(op)->other] != 0
#define LOWER_ENUM_8(op)                                                                       \
    value = host[(op)->other];                                                                 \
    if (__builtin_expect(value >= (op)->a, 0))                                                 \
        return refuse_tag(diag, op, value);                                                    \
    berthi_cm_cell(cells, op)->words[0] = value
#define LOWER_TAG(op) /* of one payload cell */                                                \
    LOWER_ENUM_8(op);                                                                          \
    berthi_cm_cell(cells, op)[1].words[0] = 0
#define LOWER_CHAR(op)                                                                         \
    memcpy(&value, host + (op)->other, sizeof value);                                          \
    if (__builtin_expect(!berthi_cm_is_scalar(value), 0))                                      \
        return refuse_char(diag, value);                                                       \
    berthi_cm_cell(cells, op)->words[0] = value
#define LOWER_S16(op) /* extended to 32 bits as the sign asks, to the cell with zeros */       \
    memcpy(&half, host + (op)->other, sizeof half);                                            \
    berthi_cm_cell(cells, op)->words[0] = (uint64_t)(uint32_t)half
#define LOWER_STRING(op)                                                                       \
    if (__builtin_expect(!is_good_string(to, host + (op)->other), 0))                          \
    goto unusual
#define LOWER_LIST(op)                                                                         \
    if (__builtin_expect(!is_good_list(to, (op)->u.program, host + (op)->other), 0))           \
    goto unusual

static berth_status lower_flat(const berthi_cm_programs *programs,
                               const berthi_cm_host_side *side, const uint8_t *host,
                               berthi_cm_guest *to, berthi_val *cells, berth_diag *diag)
{
    static const void *const numbers[BERTHI_CM_OPS] = {
        BERTHI_CM_FUSED_LABELS,
        [BERTHI_CM_OP_JUMP] = &&jump,
        [BERTHI_CM_OP_U8] = &&u8,
        [BERTHI_CM_OP_S8] = &&s8,
        [BERTHI_CM_OP_U16] = &&u16,
        [BERTHI_CM_OP_S16] = &&s16,
        [BERTHI_CM_OP_32] = &&word,
        [BERTHI_CM_OP_64] = &&wide,
        [BERTHI_CM_OP_BOOL] = &&boolean,
        [BERTHI_CM_OP_FLAGS] = &&flags,
        [BERTHI_CM_OP_CHAR] = &&character,
        [BERTHI_CM_OP_ENUM] = &&tag,
        [BERTHI_CM_OP_VARIANT] = &&variant,
        [BERTHI_CM_OP_STRING] = &&string,
        [BERTHI_CM_OP_LIST] = &&list,
        [BERTHI_CM_OP_OWN] = &&later,
        [BERTHI_CM_OP_BORROW] = &&later,
        [BERTHI_CM_OP_PART] = &&part,
        [BERTHI_CM_OP_ENUM_8] = &&tag_8,
        [BERTHI_CM_OP_VARIANT_8] = &&variant_8,
    };
    static const void *const parts[BERTHI_CM_OPS] = {
        [BERTHI_CM_OP_END] = &&parts_end,         [BERTHI_CM_OP_JUMP] = &&parts_jump,
        [BERTHI_CM_OP_VARIANT] = &&parts_variant, [BERTHI_CM_OP_STRING] = &&parts_string,
        [BERTHI_CM_OP_LIST] = &&parts_list,       [BERTHI_CM_OP_OWN] = &&parts_other,
        [BERTHI_CM_OP_BORROW] = &&parts_other,    [BERTHI_CM_OP_PART] = &&parts_other,
    };
    const berthi_cm_op *op = programs->whole->ops;
    berthi_val *cell;
    berth_status status;
    uint32_t value;
    uint64_t wide;
    int16_t half;
    block b;

    BERTHI_CM_GO(numbers, op);
end:
    if (programs->parts == NULL)
        return BERTH_OK;
    op = programs->parts->ops;
    BERTHI_CM_GO(parts, op);
jump:
    op += op->a;
later:
    BERTHI_CM_NEXT(numbers, op);
    BERTHI_CM_FUSED_OPS(numbers, op, LOWER_)
u8:
    LOWER_U8(op);
    BERTHI_CM_NEXT(numbers, op);
s8: /* as LOWER_S16 */
    berthi_cm_cell(cells, op)->words[0] = (uint64_t)(uint32_t)(int8_t)host[op->other];
    BERTHI_CM_NEXT(numbers, op);
u16:
    memcpy(&half, host + op->other, sizeof half);
    berthi_cm_cell(cells, op)->words[0] = (uint16_t)half;
    BERTHI_CM_NEXT(numbers, op);
s16:
    LOWER_S16(op);
    BERTHI_CM_NEXT(numbers, op);
word:
    LOWER_32(op);
    BERTHI_CM_NEXT(numbers, op);
wide:
    LOWER_64(op);
    BERTHI_CM_NEXT(numbers, op);
boolean:
    LOWER_BOOL(op);
    BERTHI_CM_NEXT(numbers, op);
flags:
    value = berthi_cm_get(host + op->other, op->width) & op->a;
    berthi_cm_cell(cells, op)->words[0] = value;
    BERTHI_CM_NEXT(numbers, op);
character:
    LOWER_CHAR(op);
    BERTHI_CM_NEXT(numbers, op);
tag:
    value = berthi_cm_get(host + op->other, op->width);
    if (__builtin_expect(value >= op->a, 0))
        return refuse_tag(diag, op, value);
    berthi_cm_cell(cells, op)->words[0] = value;
    BERTHI_CM_NEXT(numbers, op);
tag_8:
    LOWER_ENUM_8(op);
    BERTHI_CM_NEXT(numbers, op);
variant:
    value = berthi_cm_get(host + op->other, op->width);
    goto a_case;
variant_8:
    value = host[op->other];
a_case:
    if (__builtin_expect(value >= op->a, 0))
        return refuse_tag(diag, op, value);
    cell = berthi_cm_cell(cells, op);
    cell[0].words[0] = value;
    cell[1].words[0] = 0; /* most have one */
    for (uint32_t left = op->guest; __builtin_expect(left > 1, 0); left--)
        cell[left].words[0] = 0;
    op += op->u.targets[value];
    BERTHI_CM_NEXT(numbers, op);
string:
    LOWER_STRING(op);
    BERTHI_CM_NEXT(numbers, op);
list:
    LOWER_LIST(op);
    BERTHI_CM_NEXT(numbers, op);
unusual:
    status = check_flat_part(op, host + op->other, to, diag);
    goto done;
part:
    status = lower_flat_numbers(op, host + op->other, to, berthi_cm_cell(cells, op), diag);
done:
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    BERTHI_CM_NEXT(numbers, op);

parts_end:
    return BERTH_OK;
parts_variant:
    op += op->u.targets[berthi_cm_cell(cells, op)->words[0]];
    BERTHI_CM_NEXT(parts, op);
parts_jump:
    op += op->a;
    BERTHI_CM_NEXT(parts, op);
parts_string:
    if (__builtin_expect(!is_block_string(to, host + op->other, &b), 0))
        goto parts_other;
    goto parts_block;
parts_list:
    if (!is_block_list(to, op->u.program, host + op->other, &b))
        goto parts_other;
parts_block:
    status = lower_block(to, &b, &berthi_cm_cell(cells, op)->words[0], diag);
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    berthi_cm_cell(cells, op)[1].words[0] = b.units;
    BERTHI_CM_NEXT(parts, op);
parts_other:
    status = lower_flat_part(op, side, host + op->other, to, berthi_cm_cell(cells, op), diag);
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    BERTHI_CM_NEXT(parts, op);
}

#pragma GCC diagnostic pop

/* ---------------------------------------------------------------- entries */

__attribute__((noinline)) static berth_status lower_spilled_params(
    const berthi_cm_programs *params, const berthi_cm_host_side *host, const void *args,
    berthi_cm_guest *to, berthi_val *cells, berth_diag *diag)
{
    const berthi_cm_program *whole = params->whole;
    const lowering l = { to, host, diag };
    berth_status status;
    uint64_t ptr;

    status = params->check == NULL ? BERTH_OK : check(&l, params->check, args, 1);
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    status = to->realloc(to, 0, 0, whole->guest_align, whole->guest_size, &ptr, diag);
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    assert(ptr <= to->memory.size && whole->guest_size <= to->memory.size - ptr);
    cells[0].words[0] = ptr;
    return lower_memory(&l, whole, args, ptr, 1);
}

berth_status berthi_cm_lower_params(const berthi_cm_plan *plan, const berthi_cm_host_side *host,
                                    const void *args, berthi_cm_guest *to, berthi_val *cells,
                                    berth_diag *diag)
{
    if (plan->params.is_flat)
        return lower_flat(&plan->params, host, args, to, cells, diag);
    return lower_spilled_params(&plan->params, host, args, to, cells, diag);
}

/* `at`: where the caller wants it. */
__attribute__((noinline)) static berth_status lower_spilled_result(
    const berthi_cm_programs *programs, const berthi_cm_host_side *host, const void *result,
    berthi_cm_guest *to, uint64_t at, berth_diag *diag)
{
    const berthi_cm_program *whole = programs->whole;
    const lowering l = { to, host, diag };
    berth_status status;

    status = programs->check == NULL ? BERTH_OK : check(&l, programs->check, result, 1);
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    status = berthi_cm_check_range(to, at, whole->guest_size, whole->guest_align,
                                   "pointer out of bounds of memory", diag);
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    return lower_memory(&l, whole, result, at, 1);
}

berth_status berthi_cm_lower_result(const berthi_cm_plan *plan, const berthi_cm_host_side *host,
                                    const void *result, berthi_cm_guest *to,
                                    const berthi_val *arguments, berthi_val *result_cells,
                                    berth_diag *diag)
{
    const berthi_val *last = &arguments[plan->facts.params_cells];

    if (!plan->has_result)
        return BERTH_OK;
    if (plan->result.is_flat)
        return lower_flat(&plan->result, host, result, to, result_cells, diag);
    return lower_spilled_result(&plan->result, host, result, to,
                                berthi_cm_get_pointer(last, plan->is_64), diag);
}
