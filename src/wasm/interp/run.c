/* run.c - the loop that executes lowered code, and the ways in and out of it.  Layer: wasm.
 *
 * Validation has proved what the loop relies on: operand heights, indices, targets, types.  What
 * depends on values is checked here: memory and table bounds, division, conversions, signatures
 * of indirect calls, the stack, the deadline (I5: at each function entry and each loop turn). */
#include "wasm/interp/dispatch.h"
#include "wasm/interp/interp.h"
#include "wasm/interp/numeric.h"
#include "wasm/interp/ops.h"

enum { HOST_CELLS = 16 }; /* arguments of a host function that need no allocation */

/* Makes room for `cells` cells in all; the stack may move. */
static berth_status reserve_stack(interp_store *s, size_t cells, berth_reason *reason_out)
{
    const berth_allocator *a = s->engine->allocator;
    size_t more = s->stack_cells * (size_t)2;
    uint64_t *stack;

    if (cells <= s->stack_cells)
        return BERTH_OK;
    *reason_out = BERTH_REASON_STACK;
    if (cells > s->stack_cells_max)
        return BERTH_E_LIMIT;
#ifdef BERTH_HOSTILE
    more = cells + 64; /* the stack moves often */
#else
    if (more < INTERP_STACK_CELLS_MIN)
        more = INTERP_STACK_CELLS_MIN;
#endif
    if (more < cells)
        more = cells;
    if (more > s->stack_cells_max)
        more = s->stack_cells_max;
    stack = berthi_alloc(a, more * sizeof *stack);
    *reason_out = BERTH_REASON_NONE;
    if (stack == NULL)
        return BERTH_E_NOMEM;
    if (s->stack_cells > 0)
        memcpy(stack, s->stack, s->stack_cells * sizeof *stack);
    berthi_free(a, s->stack, s->stack_cells * sizeof *stack);
    s->stack = stack;
    s->stack_cells = (uint32_t)more;
    return BERTH_OK;
}

static bool is_32_bits(uint8_t type)
{
    return type == BERTHI_I32 || type == BERTHI_F32;
}

static void cells_to_stack(const berthi_val *cells, const uint8_t *types, uint32_t count,
                           uint64_t *to)
{
    for (uint32_t i = 0; i < count; i++)
        to[i] = is_32_bits(types[i]) ? (uint32_t)cells[i].words[0] : cells[i].words[0];
}

static void stack_to_cells(const uint64_t *from, uint32_t count, berthi_val *cells)
{
    for (uint32_t i = 0; i < count; i++)
        cells[i] = (berthi_val){ .words = { from[i], 0 } };
}

/* Calls a host function; what it says when it fails is kept, and made up when it says nothing.
 * diag stays untouched by a call that returns. */
static berth_status enter_host(interp_store *s, const interp_func *func, berthi_val *cells,
                               berth_diag *diag)
{
    int32_t before = diag != NULL ? diag->status : 0;
    berth_status status;

    if (diag != NULL)
        diag->status = BERTH_OK;
    status = func->host(func->ctx, &s->head, cells, diag);
    if (diag == NULL)
        return status;
    if (status == BERTH_OK)
        diag->status = before;
    else if (diag->status != (int32_t)status)
        (void)berthi_fail_because(
            diag, status, status == BERTH_E_TRAP ? BERTH_REASON_HOST : BERTH_REASON_NONE,
            "host function failed: %s", berth_status_name(status));
    return status;
}

/* Calls a host function whose arguments lie at cell `at`; its results replace them. */
static berth_status call_host(interp_store *s, const interp_func *func, uint32_t at,
                              berth_diag *diag)
{
    const berth_allocator *a = s->engine->allocator;
    const berthi_functype *type = func->type;
    uint32_t count =
        type->params_count > type->results_count ? type->params_count : type->results_count;
    berthi_val few[HOST_CELLS], *cells = few;
    berth_status status;

    if (count > HOST_CELLS)
        cells = berthi_zalloc_array(a, count, sizeof *cells);
    if (cells == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM,
                           "out of memory for a host function's arguments");
    stack_to_cells(s->stack + at, type->params_count, cells);
    s->top = at + type->params_count;
    status = enter_host(s, func, cells, diag);
    if (status == BERTH_OK)
        cells_to_stack(cells, type->types + type->params_count, type->results_count,
                       s->stack + at);
    if (cells != few)
        berthi_free_array(a, cells, count, sizeof *cells);
    return status;
}

/* The function that an indirect call finds at `index`; false: it traps for *reason_out. */
static bool pick_element(const interp_instance *inst, uint32_t table_index, uint32_t type_index,
                         uint32_t index, const interp_func **callee_out,
                         berth_reason *reason_out)
{
    const interp_table *table = inst->tables[table_index];
    const interp_func *callee;

    *reason_out = BERTH_REASON_TABLE_BOUNDS;
    if (index >= table->size)
        return false;
    callee = (const interp_func *)(uintptr_t)table->elements[index];
    *reason_out = BERTH_REASON_INDIRECT_NULL;
    if (callee == NULL)
        return false;
    *callee_out = callee;
    *reason_out = BERTH_REASON_SIGNATURE;
    return berthi_functype_equal(callee->type, &inst->module->info.types[type_index]);
}

static uint64_t grow_wide(interp_store *store, interp_memory *memory, uint64_t pages)
{
    uint32_t before = pages > UINT32_MAX
                          ? UINT32_MAX
                          : berthi_interp_memory_grow(store, memory, (uint32_t)pages);

    return before == UINT32_MAX ? UINT64_MAX : before;
}

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic" /* computed goto */
#endif

/* Runs `callee`, a guest's function whose arguments lie at cell `base`, until it returns; its
 * results replace them.  sp, fp and memory are good until something may move the stack or a
 * memory: a call, a return, memory.grow. */
static berth_status run(interp_store *store, const interp_func *callee, uint32_t base,
                        berth_diag *diag)
{
#define X4(opcode, name, ins, out) &&L_##name,
#define X1(name)                   &&L_##name,
    static const void *const labels[OPS_COUNT] = { INTERP_NUMERIC(X4) INTERP_SATURATING(
        X4) INTERP_LOADS(X4) INTERP_STORES(X4) INTERP_OTHER(X1) };
#undef X4
#undef X1
    uint64_t *sp = store->stack + base + callee->code->params, *fp = store->stack;
    const uint32_t *pc = NULL, *words = NULL;
    const interp_func *func = NULL;
    interp_instance *inst = NULL;
    uint8_t *memory = NULL;
    uint64_t memory_size = 0;
    berth_status status;
    berth_reason reason;

enter : {
    const interp_code *code = callee->code;
    uint64_t *link, *frame = sp - code->params;

    if (interp_is_over(store))
        goto out_of_time;
    if ((size_t)(store->stack + store->stack_cells - frame) < code->cells) {
        size_t frame_at = (size_t)(frame - store->stack), fp_at = (size_t)(fp - store->stack);

        status = reserve_stack(store, frame_at + code->cells, &reason);
        frame = store->stack + frame_at;
        fp = store->stack + fp_at;
        if (status != BERTH_OK)
            goto no_stack;
    }
    for (uint32_t i = code->params; i < code->locals; i++)
        frame[i] = 0;
    link = frame + code->locals;
    link[0] = (uint64_t)(uintptr_t)pc;
    link[1] = (uint64_t)(fp - store->stack);
    link[2] = (uint64_t)(uintptr_t)func;
    func = callee;
    fp = frame;
    sp = link + INTERP_FRAME_CELLS;
    pc = words = code->words;
    inst = func->instance;
    VIEW_MEMORY();
    NEXT;
}

L_RETURN : {
    const uint64_t *link = fp + func->code->locals;
    uint32_t count = func->code->results;
    const uint64_t *from = sp - count;
    uint64_t caller_fp = link[1];

    pc = (const uint32_t *)(uintptr_t)link[0];
    func = (const interp_func *)(uintptr_t)link[2];
    for (uint32_t i = 0; i < count; i++)
        fp[i] = from[i];
    if (func == NULL)
        return BERTH_OK;
    sp = fp + count;
    fp = store->stack + caller_fp;
    words = func->code->words;
    inst = func->instance;
    VIEW_MEMORY();
    NEXT;
}

L_CALL:
    callee = inst->funcs[*pc++];
    if (callee->instance != NULL)
        goto enter;
    goto enter_host;

L_CALL_INDIRECT:
    if (!pick_element(inst, pc[1], pc[0], (uint32_t) * --sp, &callee, &reason))
        goto trap;
    pc += 2;
    if (callee->instance != NULL)
        goto enter;
    goto enter_host;

L_RETURN_CALL:
    callee = inst->funcs[*pc++];
    goto replace;

L_RETURN_CALL_INDIRECT:
    if (!pick_element(inst, pc[1], pc[0], (uint32_t) * --sp, &callee, &reason))
        goto trap;

/* `callee` takes the place of the function under way: it gets its arguments where that one had
 * its parameters, and returns to that one's caller. */
replace : {
    const uint64_t *link = fp + func->code->locals, *from = sp - callee->type->params_count;
    uint64_t caller_fp = link[1];

    pc = (const uint32_t *)(uintptr_t)link[0];
    func = (const interp_func *)(uintptr_t)link[2];
    for (uint32_t i = 0; i < callee->type->params_count; i++)
        fp[i] = from[i]; /* downwards, over the link too */
    if (func == NULL && callee->instance == NULL)
        return call_host(store, callee, (uint32_t)(fp - store->stack), diag);
    sp = fp + callee->type->params_count;
    fp = store->stack + caller_fp;
    if (callee->instance != NULL)
        goto enter;
    words = func->code->words;
    inst = func->instance;
    goto enter_host;
}

enter_host : {
    uint64_t fp_at = (uint64_t)(fp - store->stack);
    uint32_t at = (uint32_t)(sp - store->stack) - callee->type->params_count;

    status = call_host(store, callee, at, diag);
    if (status != BERTH_OK)
        return status;
    fp = store->stack + fp_at;
    sp = store->stack + at + callee->type->results_count;
    VIEW_MEMORY();
    NEXT;
}

L_LOOP:
    if (interp_is_over(store))
        goto out_of_time;
    NEXT;
L_JUMP:
    pc = words + *pc;
    NEXT;
L_JUMP_IF:
    pc = (uint32_t) * --sp != 0 ? words + *pc : pc + 1;
    NEXT;
L_JUMP_IF_NOT:
    pc = (uint32_t) * --sp == 0 ? words + *pc : pc + 1;
    NEXT;
L_BRANCH_TABLE : {
    uint32_t index = (uint32_t) * --sp, count = *pc;

    pc += 1 + 3 * (size_t)(index < count ? index : count);
    goto L_BRANCH;
}
L_BRANCH_IF:
    if ((uint32_t) * --sp == 0) {
        pc += 3;
        NEXT;
    }
L_BRANCH : {
    uint32_t count = pc[1];
    uint64_t *to = fp + pc[2];
    const uint64_t *from = sp - count;

    pc = words + pc[0];
    for (uint32_t i = 0; i < count; i++)
        to[i] = from[i];
    sp = to + count;
    NEXT;
}
L_UNREACHABLE:
    TRAP(BERTH_REASON_UNREACHABLE);
L_DROP:
    sp--;
    NEXT;
L_SELECT:
    sp -= 2;
    if ((uint32_t)sp[1] == 0)
        sp[-1] = sp[0];
    NEXT;
L_LOCAL_GET:
    *sp++ = fp[*pc++];
    NEXT;
L_LOCAL_SET:
    fp[*pc++] = *--sp;
    NEXT;
L_LOCAL_TEE:
    fp[*pc++] = sp[-1];
    NEXT;
L_GLOBAL_GET:
    *sp++ = inst->globals[*pc++]->value;
    NEXT;
L_GLOBAL_SET:
    inst->globals[*pc++]->value = *--sp;
    NEXT;
L_CONST32:
    *sp++ = *pc++;
    NEXT;
L_CONST64:
    *sp++ = pc[0] | (uint64_t)pc[1] << 32;
    pc += 2;
    NEXT;
L_REF_IS_NULL:
    sp[-1] = sp[-1] == 0;
    NEXT;
L_REF_FUNC:
    *sp++ = (uint64_t)(uintptr_t)inst->funcs[*pc++];
    NEXT;
L_TABLE_GET : {
    const interp_table *table = inst->tables[*pc++];
    uint32_t index = (uint32_t)sp[-1];

    if (index >= table->size)
        TRAP(BERTH_REASON_TABLE_BOUNDS);
    sp[-1] = table->elements[index];
    NEXT;
}
L_TABLE_SET : {
    interp_table *table = inst->tables[*pc++];
    uint32_t index = (uint32_t)sp[-2];

    if (index >= table->size)
        TRAP(BERTH_REASON_TABLE_BOUNDS);
    table->elements[index] = sp[-1];
    sp -= 2;
    NEXT;
}
L_TABLE_SIZE:
    *sp++ = inst->tables[*pc++]->size;
    NEXT;
L_TABLE_GROW:
    sp--;
    sp[-1] = berthi_interp_table_grow(store, inst->tables[*pc++], sp[-1], (uint32_t)sp[0]);
    NEXT;
L_TABLE_FILL:
    sp -= 3;
    if (!berthi_interp_table_fill(inst->tables[*pc++], (uint32_t)sp[0], sp[1], (uint32_t)sp[2]))
        TRAP(BERTH_REASON_TABLE_BOUNDS);
    NEXT;
L_TABLE_COPY:
    sp -= 3;
    if (!berthi_interp_table_copy(inst->tables[pc[0]], inst->tables[pc[1]], (uint32_t)sp[0],
                                  (uint32_t)sp[1], (uint32_t)sp[2]))
        TRAP(BERTH_REASON_TABLE_BOUNDS);
    pc += 2;
    NEXT;
L_TABLE_INIT:
    sp -= 3;
    if (!berthi_interp_table_init(inst, pc[1], pc[0], (uint32_t)sp[0], (uint32_t)sp[1],
                                  (uint32_t)sp[2]))
        TRAP(BERTH_REASON_TABLE_BOUNDS);
    pc += 2;
    NEXT;
L_ELEM_DROP:
    inst->elements_dropped[*pc++] = true;
    NEXT;
L_USE_MEMORY:
    memory = inst->memories[*pc]->base;
    memory_size = inst->memories[*pc++]->size;
    NEXT;
L_MEMORY_SIZE:
    *sp++ = interp_memory_pages(inst->memories[*pc++]);
    NEXT;
L_MEMORY_GROW:
    sp[-1] = berthi_interp_memory_grow(store, inst->memories[*pc++], (uint32_t)sp[-1]);
    VIEW_MEMORY();
    NEXT;
L_MEMORY_GROW64:
    sp[-1] = grow_wide(store, inst->memories[*pc++], sp[-1]);
    VIEW_MEMORY();
    NEXT;
L_NARROW:
    if (sp[-(int32_t)*pc++] > UINT32_MAX)
        TRAP(BERTH_REASON_MEMORY_BOUNDS);
    NEXT;
L_OUT_OF_BOUNDS:
    TRAP(BERTH_REASON_MEMORY_BOUNDS);
L_MEMORY_FILL:
    sp -= 3;
    if (!berthi_interp_memory_fill(inst->memories[*pc++], (uint32_t)sp[0], (uint32_t)sp[1],
                                   (uint32_t)sp[2]))
        TRAP(BERTH_REASON_MEMORY_BOUNDS);
    NEXT;
L_MEMORY_COPY:
    sp -= 3;
    if (!berthi_interp_memory_copy(inst->memories[pc[0]], inst->memories[pc[1]],
                                   (uint32_t)sp[0], (uint32_t)sp[1], (uint32_t)sp[2]))
        TRAP(BERTH_REASON_MEMORY_BOUNDS);
    pc += 2;
    NEXT;
L_MEMORY_INIT:
    sp -= 3;
    if (!berthi_interp_memory_init(inst, pc[1], pc[0], (uint32_t)sp[0], (uint32_t)sp[1],
                                   (uint32_t)sp[2]))
        TRAP(BERTH_REASON_MEMORY_BOUNDS);
    pc += 2;
    NEXT;
L_DATA_DROP:
    inst->data_dropped[*pc++] = true;
    NEXT;

    NUMERIC_I32_BINARY(DO_I32_BINARY)
    NUMERIC_I32_UNARY(DO_I32_UNARY)
    NUMERIC_I64_COMPARE(DO_I64_BINARY)
    NUMERIC_I64_BINARY(DO_I64_BINARY)
    NUMERIC_CELL_UNARY(DO_CELL_UNARY)
    NUMERIC_F32_COMPARE(DO_F32_COMPARE)
    NUMERIC_F64_COMPARE(DO_F64_COMPARE)
    NUMERIC_F32_BINARY(DO_F32_BINARY)
    NUMERIC_F64_BINARY(DO_F64_BINARY)
    NUMERIC_DIVIDE(DO_DIVIDE)
    NUMERIC_TRUNCATE(DO_TRUNCATE)
    NUMERIC_LOAD(DO_LOAD)
    NUMERIC_STORE(DO_STORE)

trap:
    status = BERTH_E_TRAP;
    goto stop;
out_of_time:
    status = BERTH_E_DEADLINE;
    reason = BERTH_REASON_DEADLINE;
    goto stop;
no_stack:
    if (status == BERTH_E_NOMEM)
        return berthi_fail(diag, status, "out of memory for the guest's stack");
stop:
    return berthi_interp_stop(store, func, (uint32_t)(fp - store->stack), status, reason, diag);
}

#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

static berth_status call_guest(interp_store *s, const interp_func *func, berthi_val *cells,
                               berth_diag *diag)
{
    const berthi_functype *type = func->type;
    uint32_t base = s->top;
    berth_reason reason;
    berth_status status = reserve_stack(s, (size_t)base + type->params_count + 1u, &reason);

    if (status == BERTH_E_LIMIT)
        return berthi_fail_because(diag, status, reason, "call stack exhausted");
    if (status != BERTH_OK)
        return berthi_fail(diag, status, "out of memory for the guest's stack");
    cells_to_stack(cells, type->types, type->params_count, s->stack + base);
    status = run(s, func, base, diag);
    s->top = base;
    if (status == BERTH_OK)
        stack_to_cells(s->stack + base, type->results_count, cells);
    return status;
}

berth_status berthi_interp_call(interp_store *s, const interp_func *func, berthi_val *cells,
                                berth_diag *diag)
{
    berthi_val none = { 0 };
    berth_status status;

    if (s->nesting == INTERP_NESTING_MAX)
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_STACK,
                                   "guest and host call each other more than %d deep",
                                   INTERP_NESTING_MAX);
    if (cells == NULL)
        cells = &none;
#ifdef BERTH_HOSTILE
    if (!interp_move_memories(s))
        return berthi_fail(diag, BERTH_E_NOMEM, "out of memory for moving memories");
#endif
    s->nesting++;
    status = func->instance != NULL ? call_guest(s, func, cells, diag)
                                    : enter_host(s, func, cells, diag);
    s->nesting--;
    return status;
}
