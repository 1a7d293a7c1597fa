/* plan_transfer.c - values go from one guest to another, by way of no third place.  Layer: component.
 *
 * Either memory may have addresses of 32 or 64 bits: a part lies at its operation's `guest` in the
 * source and at `other` in the destination.  The specification lifts everything before it lowers
 * anything; here a part is lowered as soon as it is lifted.  The difference shows only after a trap,
 * when both are gone.
 *
 * The destination's realloc runs guest code: both memories are looked up again behind it (I7).  Nothing
 * without a meaning is copied: no padding, no payload of another case. */
#include "component/plan/error_context.h"
#include "component/plan/plan_ops.h"
#include "component/plan/transcode.h"

typedef struct passage {
    berthi_cm_guest *from, *to;
    berth_diag *diag; /* never NULL */
} passage;

static berth_status pass_memory(const passage *p, const berthi_cm_program *program,
                                uint64_t from_at, uint64_t to_at, size_t count);

/* ---------------------------------------------------------------- parts */

static berth_status pass_string(const passage *p, berthi_cm_range range, berthi_cm_range *out)
{
    const berthi_cm_guest_string string = { range.ptr, range.count };
    berthi_cm_guest_string to = { 0 };
    berth_status status = berthi_cm_string_transfer(p->from, string, p->to, &to, p->diag);

    *out = (berthi_cm_range){ to.ptr, to.units };
    return status;
}

static berth_status pass_elements(const passage *p, const berthi_cm_program *element,
                                  berthi_cm_range from, uint64_t to)
{
    size_t count = (size_t)from.count;
    size_t done = berthi_cm_move_columns(element, p->to->memory.base + to,
                                         p->from->memory.base + from.ptr, count);

    if (done == count)
        return BERTH_OK;
    return pass_memory(p, element, from.ptr + done * element->guest_size,
                       to + done * element->guest_size, count - done);
}

static berth_status pass_list(const passage *p, const berthi_cm_program *element,
                              berthi_cm_range range, berthi_cm_range *out)
{
    berth_status status = berthi_cm_check_list(p->from, element, range, p->diag);
    uint64_t bytes = range.count * element->other_size, ptr; /* of use once it is checked */

    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    status = berthi_cm_guest_spend(p->from, range.count * element->guest_size, p->diag);
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    status = p->to->realloc(p->to, 0, 0, element->other_align, bytes, &ptr, p->diag);
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    *out = (berthi_cm_range){ ptr, range.count };
    if (range.count == 0)
        return BERTH_OK;
    assert(ptr <= p->to->memory.size && bytes <= p->to->memory.size - ptr);
    if (!element->is_bits)
        return pass_elements(p, element, range, ptr);
    memcpy(p->to->memory.base + ptr, p->from->memory.base + range.ptr, bytes);
    return BERTH_OK;
}

static berth_status pass_range(const passage *p, const berthi_cm_op *op, berthi_cm_range range,
                               berthi_cm_range *out)
{
    return op->code == BERTHI_CM_OP_LIST ? pass_list(p, op->u.program, range, out)
                                         : pass_string(p, range, out);
}

/* As lift_handle() and lower_handle() one after the other. */
static berth_status pass_handle(const passage *p, const berthi_cm_op *op, uint32_t index,
                                uint32_t *index_out)
{
    bool is_done;
    uint32_t rep;

    if (op->code == BERTHI_CM_OP_ERROR_CONTEXT) {
        is_done = berthi_cm_error_context_pass(p->to->errors, p->from->handles, index,
                                               p->to->handles, index_out, p->diag);
        return is_done ? BERTH_OK : (berth_status)p->diag->status;
    }
    if (op->code == BERTHI_CM_OP_OWN) {
        /* Nothing is taken that has no place to go: a destructor of the host's may hang on it. */
        is_done = berthi_cm_handles_reserve(p->to->handles, p->diag) &&
                  berthi_cm_handle_take(p->from->handles, op->a, index, &rep, p->diag) &&
                  berthi_cm_handle_add_own(p->to->handles, op->a, rep, index_out, p->diag);
        return is_done ? BERTH_OK : (berth_status)p->diag->status;
    }
    if (!berthi_cm_handle_lend(p->from->handles, op->a, index, p->from->lends, &rep, p->diag))
        return (berth_status)p->diag->status;
    if (p->to->resources[op->a].instance == p->to->instance) {
        *index_out = rep;
        return BERTH_OK;
    }
    return berthi_cm_handle_add_borrow(p->to->handles, op->a, rep, p->to->task, index_out,
                                       p->diag)
               ? BERTH_OK
               : (berth_status)p->diag->status;
}

/* ---------------------------------------------------------------- memory to memory */

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic" /* computed goto */

static berth_status pass_memory(const passage *p, const berthi_cm_program *program,
                                uint64_t from_at, uint64_t to_at, size_t count)
{
    static const void *const labels[BERTHI_CM_OPS] = {
        BERTHI_CM_COPY_LABELS,
        [BERTHI_CM_OP_END] = &&end,
        [BERTHI_CM_OP_JUMP] = &&jump,
        [BERTHI_CM_OP_BOOL] = &&boolean,
        [BERTHI_CM_OP_CHAR] = &&character,
        [BERTHI_CM_OP_FLAGS] = &&flags,
        [BERTHI_CM_OP_ENUM] = &&tag,
        [BERTHI_CM_OP_VARIANT] = &&variant,
        [BERTHI_CM_OP_STRING] = &&range,
        [BERTHI_CM_OP_LIST] = &&range,
        [BERTHI_CM_OP_OWN] = &&handle,
        [BERTHI_CM_OP_BORROW] = &&handle,
        [BERTHI_CM_OP_ERROR_CONTEXT] = &&handle,
        [BERTHI_CM_OP_PART] = &&part,
    };
    const berthi_cm_op *op = program->ops;
    const uint8_t *from = p->from->memory.base + from_at;
    uint8_t *to = p->to->memory.base + to_at;
    berthi_cm_range range;
    berth_status status;
    uint32_t value;

    BERTHI_CM_GO(labels, op);
    BERTHI_CM_COPY_OPS(labels, op, to + op->other, from + op->guest);
end:
    if (--count == 0)
        return BERTH_OK;
    from_at += program->guest_size;
    to_at += program->other_size;
    from += program->guest_size;
    to += program->other_size;
    op = program->ops;
    BERTHI_CM_GO(labels, op);
jump:
    op += op->a;
    BERTHI_CM_NEXT(labels, op);
boolean:
    to[op->other] = from[op->guest] != 0;
    BERTHI_CM_NEXT(labels, op);
character:
    memcpy(&value, from + op->guest, 4);
    if (__builtin_expect(!berthi_cm_is_scalar(value), 0))
        return berthi_cm_trap(p->diag, "invalid `char` bit pattern");
    memcpy(to + op->other, &value, 4);
    BERTHI_CM_NEXT(labels, op);
flags:
    value = berthi_cm_get(from + op->guest, op->width) & op->a;
    berthi_cm_put(to + op->other, op->width, value);
    BERTHI_CM_NEXT(labels, op);
tag:
variant:
    value = berthi_cm_get(from + op->guest, op->width);
    if (__builtin_expect(value >= op->a, 0))
        return berthi_cm_trap(p->diag, "invalid variant discriminant");
    berthi_cm_put(to + op->other, op->width, value);
    if (op->code == BERTHI_CM_OP_VARIANT)
        op += op->u.targets[value];
    BERTHI_CM_NEXT(labels, op);
range:
    range = berthi_cm_get_range(from + op->guest, op->width);
    status = pass_range(p, op, range, &range);
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    from = p->from->memory.base + from_at;
    to = p->to->memory.base + to_at;
    berthi_cm_put_range(to + op->other, (uint8_t)op->a, range.ptr, range.count);
    BERTHI_CM_NEXT(labels, op);
handle:
    memcpy(&value, from + op->guest, 4);
    status = pass_handle(p, op, value, &value);
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    memcpy(to + op->other, &value, 4);
    BERTHI_CM_NEXT(labels, op);
part:
    status = pass_memory(p, op->u.program, from_at + op->guest, to_at + op->other, op->a);
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    from = p->from->memory.base + from_at;
    to = p->to->memory.base + to_at;
    BERTHI_CM_NEXT(labels, op);
}

#pragma GCC diagnostic pop

/* ---------------------------------------------------------------- cells to cells */

/* Lifted from 32 bits to the number's own, and extended again as lower_number() does. */
static uint32_t pass_number(const berthi_cm_op *op, uint32_t value)
{
    switch ((berthi_cm_opcode)op->code) {
    case BERTHI_CM_OP_U8:
        return (uint8_t)value;
    case BERTHI_CM_OP_S8:
        return (uint32_t)(int8_t)value;
    case BERTHI_CM_OP_U16:
        return (uint16_t)value;
    case BERTHI_CM_OP_S16:
        return (uint32_t)(int16_t)value;
    case BERTHI_CM_OP_BOOL:
        return value != 0;
    case BERTHI_CM_OP_FLAGS:
        return value & op->a;
    default:
        assert(op->code == BERTHI_CM_OP_32);
        return value;
    }
}

static berth_status pass_flat(const passage *p, const berthi_cm_program *program,
                              const berthi_val *from, berthi_val *to)
{
    berth_status status = BERTH_OK;
    berthi_cm_range range;

    for (const berthi_cm_op *op = program->ops;; op++) {
        const berthi_val *cell = berthi_cm_cell_of(from, op);
        berthi_val *out = berthi_cm_cell(to, op);
        uint32_t value = (uint32_t)cell->words[0];

        switch ((berthi_cm_opcode)op->code) {
        case BERTHI_CM_OP_END:
            return BERTH_OK;
        case BERTHI_CM_OP_JUMP:
            op += op->a;
            continue;
        case BERTHI_CM_OP_64:
            out->words[0] = cell->words[0];
            continue;
        case BERTHI_CM_OP_CHAR:
            if (__builtin_expect(!berthi_cm_is_scalar(value), 0))
                return berthi_cm_trap(p->diag, "invalid `char` bit pattern");
            break;
        case BERTHI_CM_OP_ENUM:
        case BERTHI_CM_OP_VARIANT:
            if (__builtin_expect(value >= op->a, 0))
                return berthi_cm_trap(p->diag, "invalid variant discriminant");
            if (op->code == BERTHI_CM_OP_ENUM)
                break;
            out->words[0] = value;
            for (uint32_t i = 1; i <= op->guest; i++)
                out[i].words[0] = 0;
            op += op->u.targets[value];
            continue;
        case BERTHI_CM_OP_STRING:
        case BERTHI_CM_OP_LIST:
            status = pass_range(p, op, berthi_cm_get_cells(cell, op->width), &range);
            if (__builtin_expect(status != BERTH_OK, 0))
                return status;
            berthi_cm_put_cells(out, range);
            continue;
        case BERTHI_CM_OP_OWN:
        case BERTHI_CM_OP_BORROW:
        case BERTHI_CM_OP_ERROR_CONTEXT:
            status = pass_handle(p, op, value, &value);
            if (__builtin_expect(status != BERTH_OK, 0))
                return status;
            break;
        case BERTHI_CM_OP_PART:
            status = pass_flat(p, op->u.program, cell, out);
            if (__builtin_expect(status != BERTH_OK, 0))
                return status;
            continue;
        default:
            value = pass_number(op, value);
        }
        out->words[0] = value;
    }
}

/* ---------------------------------------------------------------- entries */

/* A spilled value: `ptr` in the source, room in the destination at `*to_ptr` or, when that is NULL,
 * from its realloc, to *to_cells. */
static berth_status pass_spilled(const passage *p, const berthi_cm_program *memory,
                                 const berthi_val *from_cell, const berthi_val *out,
                                 berthi_val *to_cell)
{
    uint64_t from = berthi_cm_get_pointer(from_cell, p->from->is_64), to;
    berth_status status;

    status = berthi_cm_check_range(p->from, from, memory->guest_size, memory->guest_align,
                                   "pointer out of bounds of memory", p->diag);
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    status = berthi_cm_guest_spend(p->from, memory->guest_size, p->diag);
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    if (out == NULL) {
        status =
            p->to->realloc(p->to, 0, 0, memory->other_align, memory->other_size, &to, p->diag);
    } else {
        to = berthi_cm_get_pointer(out, p->to->is_64);
        status = berthi_cm_check_range(p->to, to, memory->other_size, memory->other_align,
                                       "pointer out of bounds of memory", p->diag);
    }
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    if (out == NULL)
        to_cell->words[0] = to;
    return pass_memory(p, memory, from, to, 1);
}

berth_status berthi_cm_transfer_params(const berthi_cm_plan *plan, berthi_cm_guest *from,
                                       const berthi_val *from_cells, berthi_cm_guest *to,
                                       berthi_val *to_cells, berth_diag *diag)
{
    berth_diag spare;
    const passage p = { from, to, diag == NULL ? &spare : diag };

    if (plan->params.is_flat)
        return pass_flat(&p, plan->params.whole, from_cells, to_cells);
    return pass_spilled(&p, plan->params.whole, from_cells, NULL, to_cells);
}

berth_status berthi_cm_transfer_result(const berthi_cm_plan *plan, berthi_cm_guest *from,
                                       const berthi_val *returned, berthi_cm_guest *to,
                                       const berthi_val *arguments, berthi_val *result_cells,
                                       berth_diag *diag)
{
    berth_diag spare;
    const passage p = { from, to, diag == NULL ? &spare : diag };

    if (!plan->has_result)
        return BERTH_OK;
    if (plan->result.is_flat)
        return pass_flat(&p, plan->result.whole, returned, result_cells);
    return pass_spilled(&p, plan->result.whole, returned, &arguments[plan->facts.params_cells],
                        NULL);
}
