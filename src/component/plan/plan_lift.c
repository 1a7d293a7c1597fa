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
    berth_diag *diag; /* never NULL */
} lifting;

static berth_status lift_memory(const lifting *l, const berthi_cm_program *program, uint64_t at,
                                uint8_t *host, size_t count);

/* ---------------------------------------------------------------- parts */

/* UTF-8 that is in order goes the short way; what is not, and other encodings, the one that knows
 * what to say. */
static inline bool lift_utf8(const lifting *l, berthi_cm_range range, uint8_t *host)
{
    berthi_cm_guest *from = l->from;
    const char *text;
    char *copy;

    if (from->encoding != BERTHI_CM_UTF8 || range.ptr > from->memory.size ||
        range.count > from->memory.size - range.ptr ||
        range.count > BERTHI_CM_VALUE_BYTES_MAX || range.count > *from->budget)
        return false;
    text = (const char *)from->memory.base + range.ptr;
    if (!berthi_utf8_is_valid(text, range.count))
        return false;
    if (!l->host->views) {
        copy = berthi_reply_arena_alloc(l->host->arena, range.count);
        if (copy == NULL)
            return false;
        text = memcpy(copy, text, range.count);
    }
    *from->budget -= range.count;
    memcpy(host, &text, sizeof text);
    memcpy(host + sizeof text, &range.count, sizeof range.count);
    return true;
}

static berth_status lift_string(const lifting *l, berthi_cm_range range, uint8_t *host)
{
    berthi_cm_host_string out = { 0 };
    berth_status status;

    if (__builtin_expect(range.count != 0 && lift_utf8(l, range, host), 1))
        return BERTH_OK;
    status = berthi_cm_string_lift(l->from, (berthi_cm_guest_string){ range.ptr, range.count },
                                   l->host, &out, l->diag);
    memcpy(host, &out, sizeof out);
    return status;
}

static berth_status lift_list(const lifting *l, const berthi_cm_program *element,
                              berthi_cm_range range, uint8_t *host)
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
    if (l->host->views && element->is_lifted_whole) {
        list.data = l->from->memory.base + range.ptr;
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
    if (element->is_lifted_whole) {
        memcpy(data, l->from->memory.base + range.ptr, bytes);
        return BERTH_OK;
    }
    done = berthi_cm_move_columns(element, data, l->from->memory.base + range.ptr, list.count);
    if (done == list.count)
        return BERTH_OK;
    return lift_memory(l, element, range.ptr + done * element->guest_size,
                       data + done * element->other_size, list.count - done);
}

static berth_status lift_handle(const lifting *l, const berthi_cm_op *op, uint32_t index,
                                uint8_t *host)
{
    bool is_borrow = op->code == BERTHI_CM_OP_BORROW, is_done;
    uint64_t handle;
    uint32_t rep;

    is_done = is_borrow ? berthi_cm_handle_lend(l->from->handles, op->a, index, l->from->lends,
                                                &rep, l->diag)
                        : berthi_cm_handle_take(l->from->handles, op->a, index, &rep, l->diag);
    if (!is_done || !l->host->to_host(l->host->ctx, op->a, rep, is_borrow, &handle, l->diag))
        return (berth_status)l->diag->status;
    memcpy(host, &handle, sizeof handle);
    return BERTH_OK;
}

/* ---------------------------------------------------------------- out of memory */

static berth_status lift_memory(const lifting *l, const berthi_cm_program *program, uint64_t at,
                                uint8_t *host, size_t count)
{
    const uint8_t *guest = l->from->memory.base + at;
    berth_status status;
    uint32_t value;

    for (const berthi_cm_op *op = program->ops;; op++) {
        switch ((berthi_cm_opcode)op->code) {
            BERTHI_CM_COPY_CASES(op, host + op->other, guest + op->guest);
        case BERTHI_CM_OP_END:
            if (--count == 0)
                return BERTH_OK;
            host += program->other_size;
            at += program->guest_size;
            guest += program->guest_size;
            op = program->ops - 1;
            break;
        case BERTHI_CM_OP_JUMP:
            op += op->a;
            break;
        case BERTHI_CM_OP_BOOL:
            host[op->other] = guest[op->guest] != 0;
            break;
        case BERTHI_CM_OP_CHAR:
            memcpy(&value, guest + op->guest, 4);
            if (__builtin_expect(!berthi_cm_is_scalar(value), 0))
                return berthi_cm_trap(l->diag, "invalid `char` bit pattern");
            memcpy(host + op->other, &value, 4);
            break;
        case BERTHI_CM_OP_FLAGS:
            value = berthi_cm_get(guest + op->guest, op->width) & op->a;
            berthi_cm_put(host + op->other, op->width, value);
            break;
        case BERTHI_CM_OP_ENUM:
        case BERTHI_CM_OP_VARIANT:
            value = berthi_cm_get(guest + op->guest, op->width);
            if (__builtin_expect(value >= op->a, 0))
                return berthi_cm_trap(l->diag, "invalid variant discriminant");
            berthi_cm_put(host + op->other, op->width, value);
            if (op->code == BERTHI_CM_OP_VARIANT)
                op += op->u.targets[value];
            break;
        case BERTHI_CM_OP_STRING:
        case BERTHI_CM_OP_LIST: {
            berthi_cm_range range = berthi_cm_get_range(guest + op->guest, op->width);

            status = op->code == BERTHI_CM_OP_LIST
                         ? lift_list(l, op->u.program, range, host + op->other)
                         : lift_string(l, range, host + op->other);
            if (__builtin_expect(status != BERTH_OK, 0))
                return status;
            break;
        }
        case BERTHI_CM_OP_OWN:
        case BERTHI_CM_OP_BORROW:
            memcpy(&value, guest + op->guest, 4);
            status = lift_handle(l, op, value, host + op->other);
            if (__builtin_expect(status != BERTH_OK, 0))
                return status;
            break;
        case BERTHI_CM_OP_PART:
            status = lift_memory(l, op->u.program, at + op->guest, host + op->other, op->a);
            if (__builtin_expect(status != BERTH_OK, 0))
                return status;
            break;
        default:
            berthi_cm_no_such_op();
        }
    }
}

/* ---------------------------------------------------------------- out of cells */

/* Cells are read as wide as the part is; what is above belongs to nobody. */
static berth_status lift_flat(const lifting *l, const berthi_cm_program *program,
                              const berthi_val *cells, uint8_t *host)
{
    berth_status status;
    uint32_t value;

    for (const berthi_cm_op *op = program->ops;; op++) {
        const berthi_val *cell = &cells[op->cell];
        uint8_t *part = host + op->other;

        value = (uint32_t)cell->words[0];
        switch ((berthi_cm_opcode)op->code) {
        case BERTHI_CM_OP_END:
            return BERTH_OK;
        case BERTHI_CM_OP_JUMP:
            op += op->a;
            continue;
        case BERTHI_CM_OP_U8:
        case BERTHI_CM_OP_S8:
            *part = (uint8_t)value;
            continue;
        case BERTHI_CM_OP_U16:
        case BERTHI_CM_OP_S16:
            memcpy(part, &value, 2);
            continue;
        case BERTHI_CM_OP_CHAR:
            if (__builtin_expect(!berthi_cm_is_scalar(value), 0))
                return berthi_cm_trap(l->diag, "invalid `char` bit pattern");
            memcpy(part, &value, 4);
            continue;
        case BERTHI_CM_OP_32:
            memcpy(part, &value, 4);
            continue;
        case BERTHI_CM_OP_64:
            memcpy(part, &cell->words[0], 8);
            continue;
        case BERTHI_CM_OP_BOOL:
            *part = value != 0;
            continue;
        case BERTHI_CM_OP_FLAGS:
            berthi_cm_put(part, op->width, value & op->a);
            continue;
        case BERTHI_CM_OP_ENUM:
        case BERTHI_CM_OP_VARIANT:
            if (__builtin_expect(value >= op->a, 0))
                return berthi_cm_trap(l->diag, "invalid variant discriminant");
            berthi_cm_put(part, op->width, value);
            if (op->code == BERTHI_CM_OP_VARIANT)
                op += op->u.targets[value];
            continue;
        case BERTHI_CM_OP_STRING:
            status = lift_string(l, berthi_cm_get_cells(cell, op->width), part);
            break;
        case BERTHI_CM_OP_LIST:
            status = lift_list(l, op->u.program, berthi_cm_get_cells(cell, op->width), part);
            break;
        case BERTHI_CM_OP_OWN:
        case BERTHI_CM_OP_BORROW:
            status = lift_handle(l, op, value, part);
            break;
        case BERTHI_CM_OP_PART:
            status = lift_flat(l, op->u.program, cell, part);
            break;
        default:
            berthi_cm_no_such_op();
        }
        if (__builtin_expect(status != BERTH_OK, 0))
            return status;
    }
}

/* ---------------------------------------------------------------- entries */

static berth_status lift(const berthi_cm_programs *programs, berthi_cm_guest *from,
                         const berthi_val *cells, const berthi_cm_host_side *host,
                         uint8_t *value, berth_diag *diag)
{
    const berthi_cm_program *memory = programs->whole;
    berth_diag spare;
    const lifting l = { from, host, diag == NULL ? &spare : diag };
    berth_status status;
    uint64_t ptr;

    if (programs->is_flat)
        return lift_flat(&l, programs->whole, cells, value);
    ptr = berthi_cm_get_pointer(cells, from->is_64);
    status = berthi_cm_check_range(from, ptr, memory->guest_size, memory->guest_align,
                                   "pointer out of bounds of memory", l.diag);
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    status = berthi_cm_guest_spend(from, memory->guest_size, l.diag);
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    return lift_memory(&l, memory, ptr, value, 1);
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
