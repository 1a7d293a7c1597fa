/* plan.c - compiles function types to the programs of plan_ops.h.  Layer: component.
 *
 * A type is written out as long as it is small (INLINE_NODES); what is larger becomes a program that
 * all its users share.  So the operations of a plan are at most a constant times the distinct types
 * of a function, however large these would be written out, and never more than
 * BERTHI_CM_PLAN_OPS_MAX.  Recursion is as deep as types are (BERTHI_CM_TYPE_DEPTH_MAX). */
#include "component/plan/plan_ops.h"

enum { INLINE_NODES = 64, BUCKETS = 64 };
#define NO_JUMP UINT32_MAX

typedef enum layout { LAYOUT_32, LAYOUT_64, LAYOUT_HOST } layout;

typedef struct compiler {
    berthi_arena *arena;
    berth_diag *diag;
    berth_status status; /* the first failure sticks */
    bool is_64;
    layout other;        /* at the other end of the way */
    berthi_cm_form form; /* of the program that is being written */
    uint32_t fence;      /* operations below it are jumped to, or over: none grows any more */
    uint32_t count, room;
    uint32_t left; /* of BERTHI_CM_PLAN_OPS_MAX */
    berthi_cm_op *ops;
    berthi_cm_program *buckets[BUCKETS];
} compiler;

/* Where a part lies: in the guest, at the other end, in cells. */
typedef struct place {
    uint32_t guest, other, cell;
} place;

static void write_type(compiler *c, const berthi_cm_type *type, place at);
static berthi_cm_program *program_of(compiler *c, const berthi_cm_type *type, bool is_row,
                                     berthi_cm_form form);

/* ---------------------------------------------------------------- layouts */

static uint32_t round_up(uint32_t size, uint32_t align)
{
    return (size + align - 1) / align * align;
}

static uint8_t max_align(uint8_t a, uint8_t b)
{
    return a > b ? a : b;
}

static uint32_t size_in(layout l, const berthi_cm_type *type)
{
    if (l == LAYOUT_HOST)
        return type->host_size;
    return l == LAYOUT_64 ? (uint32_t)type->size_wide : type->size; /* both below 2^28 */
}

static uint8_t align_in(layout l, const berthi_cm_type *type)
{
    if (l == LAYOUT_HOST)
        return type->host_align;
    return l == LAYOUT_64 ? type->align_wide : type->align;
}

static layout guest_layout(const compiler *c)
{
    return c->is_64 ? LAYOUT_64 : LAYOUT_32;
}

/* Sizes and alignments in both layouts, and the number of cells, of items in a row. */
typedef struct extent {
    place size;
    uint8_t guest_align, other_align;
} extent;

static void add_item(const compiler *c, extent *e, const berthi_cm_type *type, place *at_out)
{
    uint8_t align = align_in(guest_layout(c), type), other_align = align_in(c->other, type);

    at_out->guest = round_up(e->size.guest, align);
    at_out->other = round_up(e->size.other, other_align);
    at_out->cell = e->size.cell;
    e->size.guest = at_out->guest + size_in(guest_layout(c), type);
    e->size.other = at_out->other + size_in(c->other, type);
    e->size.cell += type->flat_count;
    e->guest_align = max_align(e->guest_align, align);
    e->other_align = max_align(e->other_align, other_align);
}

/* How many of a type's items lie in a row in it. */
static uint32_t row_count(const berthi_cm_type *type)
{
    return berthi_cm_is_func(type) ? type->count - 1 : type->count; /* without the result */
}

static extent measure_row(const compiler *c, const berthi_cm_type *type)
{
    extent e = { .guest_align = 1, .other_align = 1 };
    place at;

    for (uint32_t i = 0; i < row_count(type); i++)
        add_item(c, &e, type->items[i].type, &at);
    e.size.guest = round_up(e.size.guest, e.guest_align);
    e.size.other = round_up(e.size.other, e.other_align);
    return e;
}

/* ---------------------------------------------------------------- operations */

static void fail(compiler *c, berth_status status, const char *text)
{
    if (c->status == BERTH_OK)
        c->status = berthi_fail_because(
            c->diag, status,
            status == BERTH_E_LIMIT ? BERTH_REASON_ARTIFACT : BERTH_REASON_NONE, "%s", text);
}

static bool grow(compiler *c)
{
    const berth_allocator *a = c->arena->allocator;
    uint32_t room = c->room == 0 ? 64 : 2 * c->room;
    berthi_cm_op *ops = berthi_zalloc_array(a, room, sizeof *ops);

    if (ops == NULL) {
        fail(c, BERTH_E_NOMEM, "out of memory for the plan of a function");
        return false;
    }
    if (c->count != 0)
        memcpy(ops, c->ops, c->count * sizeof *ops);
    berthi_free_array(a, c->ops, c->room, sizeof *ops);
    c->ops = ops;
    c->room = room;
    return true;
}

static void write_op(compiler *c, berthi_cm_op op)
{
    if (c->status != BERTH_OK)
        return;
    if (c->left == 0) {
        fail(c, BERTH_E_LIMIT, "the plan of a function has too many operations");
        return;
    }
    if (c->count == c->room && !grow(c))
        return;
    c->left--;
    c->ops[c->count++] = op;
}

/* Numbers, bools and flags are not in what is being written: the host cannot get them wrong, nor do
 * they ask a guest for anything. */
static bool is_about_few(const compiler *c)
{
    return c->form == BERTHI_CM_FORM_CHECK || c->form == BERTHI_CM_FORM_PARTS;
}

static berthi_cm_op op_at(berthi_cm_opcode code, place at)
{
    return (berthi_cm_op){ .code = (uint8_t)code,
                           .cell = (uint16_t)(at.cell * sizeof(berthi_val)),
                           .guest = at.guest,
                           .other = at.other };
}

/* Bytes that mean nothing but themselves: one run with those in front, where both layouts agree. */
static void write_copy(compiler *c, place at, uint32_t size)
{
    berthi_cm_op op = op_at(BERTHI_CM_OP_COPY, at), *last;

    if (is_about_few(c))
        return;
    assert(c->form == BERTHI_CM_FORM_MEMORY);
    last = c->count > c->fence ? &c->ops[c->count - 1] : NULL;
    if (last != NULL && last->code == BERTHI_CM_OP_COPY && last->guest + last->a == at.guest &&
        last->other + last->a == at.other) {
        last->a += size;
        return;
    }
    op.a = size;
    write_op(c, op);
}

static void write_number(compiler *c, place at, uint32_t size, bool is_signed)
{
    berthi_cm_opcode code = size == 8   ? BERTHI_CM_OP_64
                            : size == 4 ? BERTHI_CM_OP_32
                            : size == 2 ? (is_signed ? BERTHI_CM_OP_S16 : BERTHI_CM_OP_U16)
                                        : (is_signed ? BERTHI_CM_OP_S8 : BERTHI_CM_OP_U8);

    berthi_cm_op op = op_at(code, at);

    op.a = UINT8_MAX;
    if (c->form == BERTHI_CM_FORM_FLAT)
        write_op(c, op);
    else
        write_copy(c, at, size);
}

static void write_flags(compiler *c, const berthi_cm_type *type, place at)
{
    berthi_cm_op op = op_at(BERTHI_CM_OP_FLAGS, at);

    op.width = type->count <= 8 ? 1 : type->count <= 16 ? 2 : 4;
    op.a = (uint32_t)(((uint64_t)1 << type->count) - 1);
    if (type->count == 8u * op.width)
        write_number(c, at, op.width, false);
    else if (!is_about_few(c))
        write_op(c, op);
}

/* The program that moves what a list or map holds, and knows the one that checks it. */
static const berthi_cm_program *element_of(compiler *c, const berthi_cm_type *type)
{
    bool is_row = type->kind == BERTHI_CM_MAP; /* its entries are pairs of its items */
    const berthi_cm_type *element = is_row ? type : type->items[0].type;
    berthi_cm_program *memory = program_of(c, element, is_row, BERTHI_CM_FORM_MEMORY);
    const berthi_cm_program *check;

    if (c->other != LAYOUT_HOST)
        return memory;
    check = program_of(c, element, is_row, BERTHI_CM_FORM_CHECK);
    if (check == NULL)
        return NULL;
    memory->check = check->ops->code == BERTHI_CM_OP_END ? NULL : check;
    return memory;
}

/* A pointer and a length, as wide as either end has them. */
static berthi_cm_op range_at(const compiler *c, berthi_cm_opcode code, place at)
{
    berthi_cm_op op = op_at(code, at);

    op.width = c->is_64 ? 8 : 4;
    op.a = c->other == LAYOUT_64 ? 8 : 4;
    return op;
}

static void write_list(compiler *c, const berthi_cm_type *type, place at)
{
    berthi_cm_op op = range_at(c, BERTHI_CM_OP_LIST, at);

    op.u.program = element_of(c, type);
    write_op(c, op);
}

static void write_row(compiler *c, const berthi_cm_type *type, place at)
{
    extent e = { .guest_align = 1, .other_align = 1 };
    place part;

    for (uint32_t i = 0; i < row_count(type); i++) {
        add_item(c, &e, type->items[i].type, &part);
        write_type(
            c, type->items[i].type,
            (place){ at.guest + part.guest, at.other + part.other, at.cell + part.cell });
    }
}

static void write_part(compiler *c, const berthi_cm_type *type, place at, uint32_t count)
{
    berthi_cm_op op = op_at(BERTHI_CM_OP_PART, at);
    const berthi_cm_program *program = program_of(c, type, false, c->form);

    if (program == NULL || program->ops->code == BERTHI_CM_OP_END) /* nothing to check */
        return;
    op.a = count;
    op.u.program = program;
    write_op(c, op);
}

static void write_fixed_list(compiler *c, const berthi_cm_type *type, place at)
{
    const berthi_cm_type *element = type->items[0].type;
    const berthi_cm_program *program;

    if (c->form == BERTHI_CM_FORM_FLAT || c->form == BERTHI_CM_FORM_PARTS) {
        /* at most 16 cells: as many elements */
        for (uint32_t i = 0; i < type->length; i++) {
            write_type(c, element, at);
            at.other += size_in(c->other, element);
            at.cell += element->flat_count;
        }
        return;
    }
    program = program_of(c, element, false, c->form);
    if (program != NULL && program->is_bits)
        write_copy(c, at, type->length * program->guest_size);
    else
        write_part(c, element, at, type->length);
}

/* ---------------------------------------------------------------- variants */

static uint32_t cases_count(const berthi_cm_type *type)
{
    return type->kind == BERTHI_CM_VARIANT || type->kind == BERTHI_CM_ENUM ? type->count : 2;
}

/* The payload of a case, or NULL. */
static const berthi_cm_type *payload_of(const berthi_cm_type *type, uint32_t number)
{
    if (type->kind == BERTHI_CM_OPTION)
        return number == 0 ? NULL : type->items[0].type;
    return type->kind == BERTHI_CM_ENUM ? NULL : type->items[number].type;
}

/* Where payloads begin. */
static place payload_place(const compiler *c, const berthi_cm_type *type, uint8_t tag, place at)
{
    uint8_t guest = 1, other = 1;

    for (uint32_t i = 0; i < cases_count(type); i++) {
        const berthi_cm_type *payload = payload_of(type, i);

        if (payload == NULL)
            continue;
        guest = max_align(guest, align_in(guest_layout(c), payload));
        other = max_align(other, align_in(c->other, payload));
    }
    return (place){ at.guest + round_up(tag, guest), at.other + round_up(tag, other),
                    at.cell + 1 };
}

/* One case behind another, each ending in a jump; `targets` counts from the operation behind the
 * tag's. */
static void write_cases(compiler *c, const berthi_cm_type *type, place payload,
                        uint32_t *targets)
{
    uint32_t first = c->count, last_jump = NO_JUMP, end;

    for (uint32_t i = 0; i < cases_count(type) && c->status == BERTH_OK; i++) {
        const berthi_cm_type *part = payload_of(type, i);
        uint32_t begin = c->count;

        targets[i] = NO_JUMP;
        if (part != NULL)
            write_type(c, part, payload);
        if (c->count == begin) /* nothing to do */
            continue;
        targets[i] = begin - first;
        write_op(c, (berthi_cm_op){ .code = BERTHI_CM_OP_JUMP, .a = last_jump });
        last_jump = c->count - 1;
    }
    if (c->status != BERTH_OK)
        return;
    end = c->count;
    if (last_jump == end - 1 && end != first) { /* the last case falls through */
        last_jump = c->ops[--c->count].a;
        end--;
    }
    while (last_jump != NO_JUMP) {
        uint32_t before = c->ops[last_jump].a;

        c->ops[last_jump].a = end - last_jump - 1;
        last_jump = before;
    }
    for (uint32_t i = 0; i < cases_count(type); i++)
        if (targets[i] == NO_JUMP)
            targets[i] = end - first;
    c->fence = end;
}

static void write_variant(compiler *c, const berthi_cm_type *type, place at)
{
    uint32_t cases = cases_count(type), first, *targets;
    berthi_cm_op op = op_at(BERTHI_CM_OP_ENUM, at);
    bool has_payload = false;

    for (uint32_t i = 0; i < cases && !has_payload; i++)
        has_payload = payload_of(type, i) != NULL;
    op.width = cases <= 256 ? 1 : cases <= 65536 ? 2 : 4;
    op.a = cases;
    if (!has_payload) {
        if (c->form != BERTHI_CM_FORM_PARTS)
            write_op(c, op);
        return;
    }
    targets = berthi_arena_array(c->arena, cases, sizeof *targets);
    if (targets == NULL) {
        fail(c, BERTH_E_NOMEM, "out of memory for the plan of a function");
        return;
    }
    op.code = BERTHI_CM_OP_VARIANT;
    op.u.targets = targets;
    if (c->form == BERTHI_CM_FORM_FLAT)
        op.guest = type->flat_count - 1;
    assert(type->flat_count > 1); /* no type is without cells */
    write_op(c, op);
    first = c->count;
    write_cases(c, type, payload_place(c, type, op.width, at), targets);
    if (c->form == BERTHI_CM_FORM_PARTS && c->status == BERTH_OK && c->count == first)
        c->fence = --c->count; /* whichever case it is */
}

/* ---------------------------------------------------------------- types */

static void write_handle(compiler *c, const berthi_cm_type *type, place at)
{
    berthi_cm_op op =
        op_at(type->kind == BERTHI_CM_OWN ? BERTHI_CM_OP_OWN : BERTHI_CM_OP_BORROW, at);

    op.a = type->items[0].type->canon->number;
    if (c->form != BERTHI_CM_FORM_CHECK)
        write_op(c, op);
}

/* A type, written out. */
static void write_whole(compiler *c, const berthi_cm_type *type, place at)
{
    switch (type->kind) {
    case BERTHI_CM_BOOL:
        if (!is_about_few(c))
            write_op(c, op_at(BERTHI_CM_OP_BOOL, at));
        break;
    case BERTHI_CM_S8:
    case BERTHI_CM_S16:
        write_number(c, at, type->size, true);
        break;
    case BERTHI_CM_U8:
    case BERTHI_CM_U16:
    case BERTHI_CM_S32:
    case BERTHI_CM_U32:
    case BERTHI_CM_S64:
    case BERTHI_CM_U64:
    case BERTHI_CM_F32:
    case BERTHI_CM_F64:
        write_number(c, at, type->size, false);
        break;
    case BERTHI_CM_CHAR:
        if (c->form != BERTHI_CM_FORM_PARTS)
            write_op(c, op_at(BERTHI_CM_OP_CHAR, at));
        break;
    case BERTHI_CM_STRING:
        write_op(c, range_at(c, BERTHI_CM_OP_STRING, at));
        break;
    case BERTHI_CM_LIST:
    case BERTHI_CM_MAP:
        write_list(c, type, at);
        break;
    case BERTHI_CM_FIXED_LIST:
        write_fixed_list(c, type, at);
        break;
    case BERTHI_CM_FLAGS:
        write_flags(c, type, at);
        break;
    case BERTHI_CM_RECORD:
    case BERTHI_CM_TUPLE:
        write_row(c, type, at);
        break;
    case BERTHI_CM_VARIANT:
    case BERTHI_CM_ENUM:
    case BERTHI_CM_OPTION:
    case BERTHI_CM_RESULT:
        write_variant(c, type, at);
        break;
    case BERTHI_CM_OWN:
    case BERTHI_CM_BORROW:
        write_handle(c, type, at);
        break;
    case BERTHI_CM_STREAM:
        fail(c, BERTH_E_REJECTED, "values of type stream are not supported");
        break;
    case BERTHI_CM_FUTURE:
        fail(c, BERTH_E_REJECTED, "values of type future are not supported");
        break;
    default:
        assert(type->kind == BERTHI_CM_ERROR_CONTEXT);
        if (c->other == LAYOUT_HOST)
            fail(c, BERTH_E_REJECTED, "values of type error-context are not supported");
        else
            write_op(c, op_at(BERTHI_CM_OP_ERROR_CONTEXT, at));
    }
}

static void write_type(compiler *c, const berthi_cm_type *type, place at)
{
    bool has_parts = type->kind == BERTHI_CM_RECORD || type->kind == BERTHI_CM_TUPLE ||
                     type->kind == BERTHI_CM_VARIANT || type->kind == BERTHI_CM_OPTION ||
                     type->kind == BERTHI_CM_RESULT;

    if (c->status != BERTH_OK)
        return;
    if (has_parts && type->nodes > INLINE_NODES)
        write_part(c, type, at, 1);
    else
        write_whole(c, type, at);
}

/* ---------------------------------------------------------------- programs */

static berthi_cm_opcode copy_of(uint32_t size)
{
    switch (size) {
    case 1:
        return BERTHI_CM_OP_COPY_1;
    case 2:
        return BERTHI_CM_OP_COPY_2;
    case 4:
        return BERTHI_CM_OP_COPY_4;
    case 8:
        return BERTHI_CM_OP_COPY_8;
    case 16:
        return BERTHI_CM_OP_COPY_16;
    default:
        return size > 8 && size < 16    ? BERTHI_CM_OP_COPY_TO_16
               : size > 16 && size < 32 ? BERTHI_CM_OP_COPY_TO_32
                                        : BERTHI_CM_OP_COPY;
    }
}

/* Into cells and out of them: the forms for what is common. */
static void make_narrow(berthi_cm_op *ops, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (ops[i].width != 1)
            continue;
        if (ops[i].code == BERTHI_CM_OP_FLAGS)
            ops[i].code = BERTHI_CM_OP_U8;
        else if (ops[i].code == BERTHI_CM_OP_ENUM)
            ops[i].code = BERTHI_CM_OP_ENUM_8;
        else if (ops[i].code == BERTHI_CM_OP_VARIANT)
            ops[i].code = BERTHI_CM_OP_VARIANT_8;
    }
}

/* Which one of a pair's second ones it is, of which the first are the simple ones; BERTHI_CM_SECOND:
 * none. */
static uint32_t second_of(const berthi_cm_op *op)
{
#define SECOND_OF(i, name, ...)                                                                \
    case BERTHI_CM_OP_##name:                                                                  \
        return i;

    switch ((berthi_cm_opcode)op->code) {
        BERTHI_CM_EACH_SECOND(SECOND_OF, )
    default:
        return BERTHI_CM_SECOND;
    }
#undef SECOND_OF
}

/* Nothing, or the one value that the next operation moves. */
static bool is_option(const berthi_cm_op *op)
{
    return op->code == BERTHI_CM_OP_VARIANT_8 && op->a == 2 && op->u.targets[0] == 1 &&
           op->u.targets[1] == 0;
}

/* The first of two takes the code of both.  The other stays what it is: it may be jumped to. */
static void make_pairs(berthi_cm_op *ops, uint32_t count)
{
    for (uint32_t i = 0; i + 1 < count; i++) {
        uint32_t first = second_of(&ops[i]), second = second_of(&ops[i + 1]);

        if (second == BERTHI_CM_SECOND)
            continue;
        /* cells: that of the second */
        assert(!is_option(&ops[i]) || second >= BERTHI_CM_SIMPLE || ops[i].guest == 1);
        if (is_option(&ops[i]) && second < BERTHI_CM_SIMPLE)
            ops[i++].code = (uint8_t)(BERTHI_CM_OP_OPTIONS + second);
        else if (first < BERTHI_CM_SIMPLE)
            ops[i++].code = (uint8_t)(BERTHI_CM_OP_PAIRS + first * BERTHI_CM_SECOND + second);
    }
}

/* What is written from `first` on becomes the program's. */
static void finish(compiler *c, berthi_cm_program *p, uint32_t first)
{
    uint32_t count = c->count - first;
    berthi_cm_op *ops = berthi_arena_array(c->arena, count, sizeof *ops);
    bool is_whole = p->form == BERTHI_CM_FORM_MEMORY && count > 1;

    if (ops == NULL) {
        fail(c, BERTH_E_NOMEM, "out of memory for the plan of a function");
        return;
    }
    memcpy(ops, c->ops + first, count * sizeof *ops);
    for (uint32_t i = 0; i + 1 < count; i++) {
        is_whole = is_whole && ops[i].code == BERTHI_CM_OP_COPY;
        if (ops[i].code == BERTHI_CM_OP_COPY)
            ops[i].code = (uint8_t)copy_of(ops[i].a);
    }
    if (p->form == BERTHI_CM_FORM_FLAT && c->other == LAYOUT_HOST) {
        make_narrow(ops, count);
        make_pairs(ops, count);
    }
    /* without pointers and handles, all layouts are the same */
    assert(!is_whole || p->guest_size == p->other_size);
    p->is_lifted_whole = is_whole;
    p->is_bits = is_whole && count == 2 && ops[0].a == p->guest_size;
    p->ops = ops;
    if (p->form == BERTHI_CM_FORM_MEMORY && !berthi_cm_columns_make(p, c->arena))
        fail(c, BERTH_E_NOMEM, "out of memory for the plan of a function");
}

static berthi_cm_program *make_program(compiler *c, const berthi_cm_type *type, bool is_row,
                                       berthi_cm_form form)
{
    berthi_cm_program *p = berthi_arena_alloc(c->arena, sizeof *p);
    layout guest = guest_layout(c);
    extent e = { { size_in(guest, type), size_in(c->other, type), 0 },
                 align_in(guest, type),
                 align_in(c->other, type) };
    berthi_cm_form form_before = c->form;
    uint32_t fence_before = c->fence, first = c->count;

    if (p == NULL) {
        fail(c, BERTH_E_NOMEM, "out of memory for the plan of a function");
        return NULL;
    }
    if (is_row)
        e = measure_row(c, type);
    *p = (berthi_cm_program){ .type = type,
                              .is_row = is_row,
                              .form = (uint8_t)form,
                              .guest_size = e.size.guest,
                              .other_size = e.size.other,
                              .count_max = e.size.guest == 0
                                               ? 0 /* of no parameters; no list has such */
                                               : BERTHI_CM_VALUE_BYTES_MAX / e.size.guest,
                              .guest_align = e.guest_align,
                              .other_align = e.other_align };
    c->form = form;
    c->fence = first;
    if (is_row)
        write_row(c, type, (place){ 0 });
    else
        write_whole(c, type, (place){ 0 });
    write_op(c, (berthi_cm_op){ .code = BERTHI_CM_OP_END });
    if (c->status == BERTH_OK)
        finish(c, p, first);
    c->form = form_before;
    c->fence = fence_before;
    c->count = first;
    return c->status == BERTH_OK ? p : NULL;
}

/* The program of a type, or of its items in a row: the parameters of a function, an entry of a map.
 * NULL: failed. */
static berthi_cm_program *program_of(compiler *c, const berthi_cm_type *type, bool is_row,
                                     berthi_cm_form form)
{
    uintptr_t key = (uintptr_t)type->canon;
    berthi_cm_program **bucket = &c->buckets[(key >> 4 ^ key >> 10) % BUCKETS], *p;

    if (c->status != BERTH_OK)
        return NULL;
    for (p = *bucket; p != NULL; p = p->next)
        if (p->type == type->canon && p->is_row == is_row && p->form == (uint8_t)form)
            return p;
    p = make_program(c, type->canon, is_row, form);
    if (p == NULL)
        return NULL;
    p->next = *bucket;
    *bucket = p;
    return p;
}

/* ---------------------------------------------------------------- plans */

static bool is_number(const berthi_cm_type *type)
{
    return type->kind >= BERTHI_CM_F64 && type->kind <= BERTHI_CM_S8;
}

static bool is_bytes(const berthi_cm_type *type)
{
    return type != NULL && (type->kind == BERTHI_CM_STRING ||
                            (type->kind == BERTHI_CM_LIST && type->items[0].type->size == 1 &&
                             is_number(type->items[0].type)));
}

static berthi_cm_shape shape_of(const berthi_cm_type *func, bool params_spill)
{
    const berthi_cm_type *result = berthi_cm_func_result(func);
    bool numbers = !params_spill && (result == NULL || is_number(result));

    for (uint32_t i = 0; i + 1 < func->count && numbers; i++)
        numbers = is_number(func->items[i].type);
    if (numbers)
        return BERTHI_CM_SHAPE_SCALARS;
    if (func->count != 2 || !is_bytes(func->items[0].type))
        return BERTHI_CM_SHAPE_ANY;
    if (result == NULL)
        return BERTHI_CM_SHAPE_BYTES_IN;
    if (is_bytes(result))
        return BERTHI_CM_SHAPE_BYTES;
    return result->kind == BERTHI_CM_RESULT && is_bytes(result->items[0].type) &&
                   is_bytes(result->items[1].type)
               ? BERTHI_CM_SHAPE_BYTES_RESULT
               : BERTHI_CM_SHAPE_ANY;
}

static void make_programs(compiler *c, const berthi_cm_type *type, bool is_row, bool spills,
                          berthi_cm_programs *out)
{
    const berthi_cm_program *more;

    out->whole =
        program_of(c, type, is_row, spills ? BERTHI_CM_FORM_MEMORY : BERTHI_CM_FORM_FLAT);
    out->is_flat = !spills;
    if (c->other != LAYOUT_HOST)
        return;
    more = program_of(c, type, is_row, spills ? BERTHI_CM_FORM_CHECK : BERTHI_CM_FORM_PARTS);
    if (more == NULL || more->ops->code == BERTHI_CM_OP_END)
        return;
    if (spills)
        out->check = more;
    else
        out->parts = more;
}

/* Facts and limits of a function; what of it goes into a plan is made from them. */
static berth_status begin_plan(const berthi_cm_type *func, berthi_arena *arena,
                               berthi_cm_plan **plan_out, berth_diag *diag)
{
    const berthi_cm_type *result = berthi_cm_func_result(func);
    uint64_t bytes = 0;
    uint32_t cells = 0;
    berthi_cm_plan *plan;
    berthi_cm_plan_facts *f;

    assert(berthi_cm_is_func(func));
    if (func->kind == BERTHI_CM_ASYNC_FUNC_TYPE)
        return berthi_fail(diag, BERTH_E_REJECTED, "asynchronous functions are not supported");
    plan = berthi_arena_alloc(arena, sizeof *plan);
    if (plan == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "out of memory for the plan of a function");
    for (uint32_t i = 0; i + 1 < func->count; i++) {
        cells += func->items[i].type->flat_count;
        bytes += func->items[i].type->size_wide + 8; /* with padding */
    }
    if (bytes > BERTHI_CM_VALUE_BYTES_MAX)
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_ARTIFACT,
                                   "the parameters of a function are too large");
    *plan = (berthi_cm_plan){ .has_result = result != NULL };
    f = &plan->facts;
    f->params_spill = cells > BERTHI_CM_FLAT_PARAMS_MAX;
    f->params_cells = f->params_spill ? 1 : cells;
    f->result_spills = result != NULL && result->flat_count > BERTHI_CM_FLAT_RESULTS_MAX;
    f->result_cells = result != NULL ? 1 : 0; /* a value has a cell at least */
    f->shape = (uint8_t)shape_of(func, f->params_spill);
    f->has_handles = func->has_resource;
    *plan_out = plan;
    return BERTH_OK;
}

berth_status berthi_cm_plan_make(const berthi_cm_type *func, bool is_64, berthi_arena *arena,
                                 const berthi_cm_plan **plan_out, berth_diag *diag)
{
    compiler c = { .arena = arena,
                   .diag = diag,
                   .is_64 = is_64,
                   .other = LAYOUT_HOST,
                   .left = BERTHI_CM_PLAN_OPS_MAX };
    const berthi_cm_type *result;
    berthi_cm_plan *plan;
    berth_status status = begin_plan(func, arena, &plan, diag);

    if (status != BERTH_OK)
        return status;
    result = berthi_cm_func_result(func);
    plan->is_64 = is_64;
    make_programs(&c, func, true, plan->facts.params_spill, &plan->params);
    if (result != NULL)
        make_programs(&c, result, false, plan->facts.result_spills, &plan->result);
    berthi_free_array(arena->allocator, c.ops, c.room, sizeof *c.ops);
    if (c.status != BERTH_OK)
        return c.status;
    plan->facts.args_size = plan->params.whole->other_size;
    plan->facts.args_align = plan->params.whole->other_align;
    if (result != NULL) {
        plan->facts.result_size = plan->result.whole->other_size;
        plan->facts.result_align = plan->result.whole->other_align;
    }
    *plan_out = plan;
    return BERTH_OK;
}

berth_status berthi_cm_plan_make_transfer(const berthi_cm_type *func, bool caller_is_64,
                                          bool callee_is_64, berthi_arena *arena,
                                          const berthi_cm_plan **plan_out, berth_diag *diag)
{
    compiler c = { .arena = arena,
                   .diag = diag,
                   .is_64 = caller_is_64,
                   .other = callee_is_64 ? LAYOUT_64 : LAYOUT_32,
                   .left = BERTHI_CM_PLAN_OPS_MAX };
    const berthi_cm_type *result;
    berthi_cm_plan *plan;
    berth_status status = begin_plan(func, arena, &plan, diag);

    if (status != BERTH_OK)
        return status;
    result = berthi_cm_func_result(func);
    plan->is_64 = caller_is_64;
    make_programs(&c, func, true, plan->facts.params_spill, &plan->params);
    if (caller_is_64 != callee_is_64) /* results go the other way: no program serves both */
        memset(c.buckets, 0, sizeof c.buckets);
    c.is_64 = callee_is_64;
    c.other = caller_is_64 ? LAYOUT_64 : LAYOUT_32;
    if (result != NULL)
        make_programs(&c, result, false, plan->facts.result_spills, &plan->result);
    berthi_free_array(arena->allocator, c.ops, c.room, sizeof *c.ops);
    if (c.status == BERTH_OK)
        *plan_out = plan;
    return c.status;
}

const berthi_cm_plan_facts *berthi_cm_plan_facts_of(const berthi_cm_plan *plan)
{
    return &plan->facts;
}
