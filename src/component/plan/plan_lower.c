/* plan_lower.c - values of the host's go into a guest.  Layer: component.
 *
 * First everything is checked that the host may have got wrong, so that nothing has happened to the
 * guest when it has: by a program of its own for what goes into memory, in passing for cells.  Then
 * parts are stored in their order, which is also the order of the calls of realloc that the
 * specification asks for; each such call may move the guest's memory, and the address of what is being
 * written is made anew (I7). */
#include "component/plan/plan_ops.h"
#include "component/plan/transcode.h"

typedef struct lowering {
    berthi_cm_guest *to;
    const berthi_cm_host_side *host;
    berth_diag *diag; /* never NULL */
} lowering;

/* ---------------------------------------------------------------- what the host gives */

static berth_status check(const lowering *l, const berthi_cm_program *program,
                          const uint8_t *host, size_t count);

/* Bytes of the guest's own would move and change while they are being copied. */
static bool is_view(const berthi_cm_guest *guest, const void *bytes)
{
    uintptr_t base = (uintptr_t)guest->memory.base, at = (uintptr_t)bytes;

    return at >= base && at - base < guest->memory.size;
}

static bool is_bytes(const berthi_cm_type *element)
{
    return element->kind == BERTHI_CM_U8 || element->kind == BERTHI_CM_S8;
}

static berth_status check_list(const lowering *l, const berthi_cm_program *element,
                               const uint8_t *host)
{
    berthi_cm_host_list list;

    memcpy(&list, host, sizeof list);
    if (list.count == 0)
        return BERTH_OK;
    if (list.count > BERTHI_CM_VALUE_BYTES_MAX / element->guest_size)
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

static berth_status check_string(const lowering *l, const uint8_t *host)
{
    berthi_cm_host_string string;

    memcpy(&string, host, sizeof string);
    return berthi_cm_string_check(l->to, string, l->diag);
}

static berth_status check_char(const lowering *l, uint32_t character)
{
    if (__builtin_expect(berthi_cm_is_scalar(character), 1))
        return BERTH_OK;
    return berthi_fail(l->diag, BERTH_E_INVALID,
                       "a char of the host's is 0x%x, which is no character",
                       (unsigned)character);
}

static berth_status check_tag(const lowering *l, const berthi_cm_op *op, uint32_t tag)
{
    if (__builtin_expect(tag < op->a, 1))
        return BERTH_OK;
    return berthi_fail(l->diag, BERTH_E_INVALID,
                       "a tag of the host's is %u, and there are %u cases", (unsigned)tag,
                       (unsigned)op->a);
}

static berth_status check(const lowering *l, const berthi_cm_program *program,
                          const uint8_t *host, size_t count)
{
    berth_status status = BERTH_OK;
    uint32_t value;

    for (const berthi_cm_op *op = program->ops;; op++) {
        switch ((berthi_cm_opcode)op->code) {
        case BERTHI_CM_OP_END:
            if (--count == 0)
                return BERTH_OK;
            host += program->other_size;
            op = program->ops - 1;
            continue;
        case BERTHI_CM_OP_JUMP:
            op += op->a;
            continue;
        case BERTHI_CM_OP_CHAR:
            memcpy(&value, host + op->other, sizeof value);
            status = check_char(l, value);
            break;
        case BERTHI_CM_OP_ENUM:
            status = check_tag(l, op, berthi_cm_get(host + op->other, op->width));
            break;
        case BERTHI_CM_OP_VARIANT:
            value = berthi_cm_get(host + op->other, op->width);
            status = check_tag(l, op, value);
            if (status == BERTH_OK)
                op += op->u.targets[value];
            break;
        case BERTHI_CM_OP_STRING:
            status = check_string(l, host + op->other);
            break;
        case BERTHI_CM_OP_LIST:
            status = check_list(l, op->u.program, host + op->other);
            break;
        case BERTHI_CM_OP_PART:
            status = check(l, op->u.program, host + op->other, op->a);
            break;
        default:
            berthi_cm_no_such_op();
        }
        if (__builtin_expect(status != BERTH_OK, 0))
            return status;
    }
}

/* ---------------------------------------------------------------- parts */

static berth_status lower_memory(const lowering *l, const berthi_cm_program *program,
                                 const uint8_t *host, uint64_t at, size_t count);

/* Bytes that are copied as they are. */
static inline berth_status lower_bytes(const lowering *l, const void *bytes, uint64_t size,
                                       uint32_t align, uint64_t *ptr_out)
{
    berth_status status = l->to->realloc(l->to, 0, 0, align, size, ptr_out, l->diag);

    if (__builtin_expect(status == BERTH_OK && size != 0, 1)) {
        assert(*ptr_out <= l->to->memory.size && size <= l->to->memory.size - *ptr_out);
        memcpy(l->to->memory.base + *ptr_out, bytes, size);
    }
    return status;
}

static berth_status lower_string(const lowering *l, const uint8_t *host, uint64_t *ptr_out,
                                 uint64_t *units_out)
{
    berthi_cm_guest_string string = { 0 };
    berthi_cm_host_string from;
    berth_status status;

    memcpy(&from, host, sizeof from);
    if (__builtin_expect(l->to->encoding == BERTHI_CM_UTF8, 1) &&
        !berthi_cm_is_reserved(l->to, from.text)) {
        *units_out = from.size;
        return lower_bytes(l, from.text, from.size, 1, ptr_out);
    }
    status = berthi_cm_string_lower_checked(l->to, from, &string, l->diag);
    *ptr_out = string.ptr;
    *units_out = string.units;
    return status;
}

static berth_status lower_list(const lowering *l, const berthi_cm_program *element,
                               const uint8_t *host, uint64_t *ptr_out, uint64_t *count_out)
{
    berthi_cm_host_list list;
    berth_status status;
    uint64_t bytes;
    size_t done;

    memcpy(&list, host, sizeof list);
    bytes = (uint64_t)list.count * element->guest_size; /* check_list() bounds it */
    *count_out = list.count;
    if (list.count != 0 && berthi_cm_is_reserved(l->to, list.data))
        return berthi_cm_reserved_keep(l->to, list.count, ptr_out, l->diag);
    if (element->is_bits)
        return lower_bytes(l, list.data, bytes, element->guest_align, ptr_out);
    status = l->to->realloc(l->to, 0, 0, element->guest_align, bytes, ptr_out, l->diag);
    if (__builtin_expect(status != BERTH_OK || list.count == 0, 0))
        return status;
    assert(*ptr_out <= l->to->memory.size && bytes <= l->to->memory.size - *ptr_out);
    done =
        berthi_cm_move_columns(element, l->to->memory.base + *ptr_out, list.data, list.count);
    if (done == list.count)
        return BERTH_OK;
    return lower_memory(l, element, (const uint8_t *)list.data + done * element->other_size,
                        *ptr_out + done * element->guest_size, list.count - done);
}

/* A borrow that goes to the instance which defined the resource is its representation, no handle. */
static berth_status lower_handle(const lowering *l, const berthi_cm_op *op, const uint8_t *host,
                                 uint32_t *index_out)
{
    bool is_borrow = op->code == BERTHI_CM_OP_BORROW, is_done;
    uint64_t handle;
    uint32_t rep;

    memcpy(&handle, host, sizeof handle);
    if (!l->host->to_guest(l->host->ctx, op->a, handle, is_borrow, &rep, l->diag))
        return (berth_status)l->diag->status;
    if (is_borrow && l->to->resources[op->a].instance == l->to->instance) {
        *index_out = rep;
        return BERTH_OK;
    }
    is_done = is_borrow
                  ? berthi_cm_handle_add_borrow(l->to->handles, op->a, rep, l->to->task,
                                                index_out, l->diag)
                  : berthi_cm_handle_add_own(l->to->handles, op->a, rep, index_out, l->diag);
    return is_done ? BERTH_OK : (berth_status)l->diag->status;
}

/* ---------------------------------------------------------------- into memory */

static berth_status lower_memory(const lowering *l, const berthi_cm_program *program,
                                 const uint8_t *host, uint64_t at, size_t count)
{
    uint8_t *guest = l->to->memory.base + at;
    uint64_t ptr, units;
    berth_status status;
    uint32_t value;

    for (const berthi_cm_op *op = program->ops;; op++) {
        switch ((berthi_cm_opcode)op->code) {
            BERTHI_CM_COPY_CASES(op, guest + op->guest, host + op->other);
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
            guest[op->guest] = host[op->other] != 0;
            break;
        case BERTHI_CM_OP_CHAR:
            memcpy(guest + op->guest, host + op->other, 4);
            break;
        case BERTHI_CM_OP_FLAGS:
            value = berthi_cm_get(host + op->other, op->width) & op->a;
            berthi_cm_put(guest + op->guest, op->width, value);
            break;
        case BERTHI_CM_OP_ENUM:
            value = berthi_cm_get(host + op->other, op->width);
            berthi_cm_put(guest + op->guest, op->width, value);
            break;
        case BERTHI_CM_OP_VARIANT:
            value = berthi_cm_get(host + op->other, op->width);
            berthi_cm_put(guest + op->guest, op->width, value);
            assert(value < op->a);
            op += op->u.targets[value];
            break;
        case BERTHI_CM_OP_STRING:
            status = lower_string(l, host + op->other, &ptr, &units);
            if (__builtin_expect(status != BERTH_OK, 0))
                return status;
            guest = l->to->memory.base + at;
            berthi_cm_put_range(guest + op->guest, op->width, ptr, units);
            break;
        case BERTHI_CM_OP_LIST:
            status = lower_list(l, op->u.program, host + op->other, &ptr, &units);
            if (__builtin_expect(status != BERTH_OK, 0))
                return status;
            guest = l->to->memory.base + at;
            berthi_cm_put_range(guest + op->guest, op->width, ptr, units);
            break;
        case BERTHI_CM_OP_OWN:
        case BERTHI_CM_OP_BORROW:
            status = lower_handle(l, op, host + op->other, &value);
            if (__builtin_expect(status != BERTH_OK, 0))
                return status;
            memcpy(guest + op->guest, &value, 4);
            break;
        case BERTHI_CM_OP_PART:
            status = lower_memory(l, op->u.program, host + op->other, at + op->guest, op->a);
            if (__builtin_expect(status != BERTH_OK, 0))
                return status;
            guest = l->to->memory.base + at;
            break;
        default:
            berthi_cm_no_such_op();
        }
    }
}

/* ---------------------------------------------------------------- into cells */

/* Cells are not the guest's yet, so numbers and tags are checked as they are written; what asks the
 * guest for something is put off until all is known to be right. */
typedef struct put_off {
    const berthi_cm_op *op;
    const uint8_t *host;
    berthi_val *cell;
} put_off;

/* `*next` is where to put off the next part: there is room for as many as there are cells. */
static berth_status write_cells(const lowering *l, const berthi_cm_program *program,
                                const uint8_t *host, berthi_val *cells, put_off **next)
{
    berth_status status;
    uint32_t value;
    uint64_t wide;
    int16_t half;

    for (const berthi_cm_op *op = program->ops;; op++) {
        berthi_val *cell = cells + op->cell;
        const uint8_t *part = host + op->other;

        switch ((berthi_cm_opcode)op->code) {
        case BERTHI_CM_OP_END:
            return BERTH_OK;
        case BERTHI_CM_OP_JUMP:
            op += op->a;
            continue;
        case BERTHI_CM_OP_U8:
            cell->words[0] = *part;
            continue;
        case BERTHI_CM_OP_S8: /* extended to 32 bits as the sign asks, to the cell with zeros */
            cell->words[0] = (uint64_t)(uint32_t)(int8_t)*part;
            continue;
        case BERTHI_CM_OP_U16:
            memcpy(&half, part, 2);
            cell->words[0] = (uint16_t)half;
            continue;
        case BERTHI_CM_OP_S16:
            memcpy(&half, part, 2);
            cell->words[0] = (uint64_t)(uint32_t)half;
            continue;
        case BERTHI_CM_OP_32:
            memcpy(&value, part, 4);
            cell->words[0] = value;
            continue;
        case BERTHI_CM_OP_64:
            memcpy(&wide, part, 8);
            cell->words[0] = wide;
            continue;
        case BERTHI_CM_OP_BOOL:
            cell->words[0] = *part != 0;
            continue;
        case BERTHI_CM_OP_FLAGS:
            cell->words[0] = berthi_cm_get(part, op->width) & op->a;
            continue;
        case BERTHI_CM_OP_CHAR:
            memcpy(&value, part, 4);
            cell->words[0] = value;
            status = check_char(l, value);
            break;
        case BERTHI_CM_OP_ENUM:
            value = berthi_cm_get(part, op->width);
            cell->words[0] = value;
            status = check_tag(l, op, value);
            break;
        case BERTHI_CM_OP_VARIANT:
            value = berthi_cm_get(part, op->width);
            status = check_tag(l, op, value);
            if (__builtin_expect(status != BERTH_OK, 0))
                return status;
            cell->words[0] = value;
            for (uint32_t i = 1; i <= op->guest; i++)
                cell[i].words[0] = 0;
            op += op->u.targets[value];
            continue;
        case BERTHI_CM_OP_STRING:
            status = check_string(l, part);
            *(*next)++ = (put_off){ op, part, cell };
            break;
        case BERTHI_CM_OP_LIST:
            status = check_list(l, op->u.program, part);
            *(*next)++ = (put_off){ op, part, cell };
            break;
        case BERTHI_CM_OP_OWN:
        case BERTHI_CM_OP_BORROW:
            *(*next)++ = (put_off){ op, part, cell };
            continue;
        case BERTHI_CM_OP_PART:
            status = write_cells(l, op->u.program, part, cell, next);
            break;
        default:
            berthi_cm_no_such_op();
        }
        if (__builtin_expect(status != BERTH_OK, 0))
            return status;
    }
}

static berth_status lower_flat(const lowering *l, const berthi_cm_program *program,
                               const uint8_t *host, berthi_val *cells)
{
    put_off parts[BERTHI_CM_FLAT_PARAMS_MAX], *end = parts;
    berth_status status = write_cells(l, program, host, cells, &end);
    uint64_t ptr, count;
    uint32_t index;

    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    assert(end <= parts + BERTHI_CM_FLAT_PARAMS_MAX);
    for (const put_off *p = parts; p != end; p++) {
        switch ((berthi_cm_opcode)p->op->code) {
        case BERTHI_CM_OP_STRING:
            status = lower_string(l, p->host, &ptr, &count);
            break;
        case BERTHI_CM_OP_LIST:
            status = lower_list(l, p->op->u.program, p->host, &ptr, &count);
            break;
        default:
            status = lower_handle(l, p->op, p->host, &index);
        }
        if (__builtin_expect(status != BERTH_OK, 0))
            return status;
        if (p->op->code == BERTHI_CM_OP_OWN || p->op->code == BERTHI_CM_OP_BORROW) {
            p->cell->words[0] = index;
            continue;
        }
        p->cell[0].words[0] = ptr;
        p->cell[1].words[0] = count;
    }
    return BERTH_OK;
}

/* ---------------------------------------------------------------- entries */

berth_status berthi_cm_lower_params(const berthi_cm_plan *plan, const berthi_cm_host_side *host,
                                    const void *args, berthi_cm_guest *to, berthi_val *cells,
                                    berth_diag *diag)
{
    const berthi_cm_programs *params = &plan->params;
    const berthi_cm_program *whole = params->whole;
    berth_diag spare;
    const lowering l = { to, host, diag == NULL ? &spare : diag };
    berth_status status;
    uint64_t ptr;

    if (params->is_flat)
        return lower_flat(&l, whole, args, cells);
    status = params->check == NULL ? BERTH_OK : check(&l, params->check, args, 1);
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    status = to->realloc(to, 0, 0, whole->guest_align, whole->guest_size, &ptr, l.diag);
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    assert(ptr <= to->memory.size && whole->guest_size <= to->memory.size - ptr);
    cells[0].words[0] = ptr;
    return lower_memory(&l, whole, args, ptr, 1);
}

berth_status berthi_cm_lower_result(const berthi_cm_plan *plan, const berthi_cm_host_side *host,
                                    const void *result, berthi_cm_guest *to,
                                    const berthi_val *arguments, berthi_val *result_cells,
                                    berth_diag *diag)
{
    const berthi_cm_programs *programs = &plan->result;
    const berthi_cm_program *whole = programs->whole;
    berth_diag spare;
    const lowering l = { to, host, diag == NULL ? &spare : diag };
    berth_status status;
    uint64_t ptr;

    if (!plan->has_result)
        return BERTH_OK;
    if (programs->is_flat)
        return lower_flat(&l, whole, result, result_cells);
    status = programs->check == NULL ? BERTH_OK : check(&l, programs->check, result, 1);
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    ptr = berthi_cm_get_pointer(&arguments[plan->facts.params_cells], plan->is_64);
    status = berthi_cm_check_range(to, ptr, whole->guest_size, whole->guest_align,
                                   "pointer out of bounds of memory", l.diag);
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    return lower_memory(&l, whole, result, ptr, 1);
}
