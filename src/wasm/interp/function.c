/* function.c - one pass over a function body: check each instruction, append its code.
 *
 * Layer: wasm.  After a failure the cursor is at its end and every step below does nothing, so
 * that the loop stops by itself. */
#include <string.h>

#include "wasm/interp/build.h"

typedef struct numeric {
    uint16_t op;
    uint8_t ins[2], ins_count, out;
} numeric;

#define TYPE_OF(letter)                                                                        \
    ((letter) == 'i'   ? BERTHI_I32                                                            \
     : (letter) == 'I' ? BERTHI_I64                                                            \
     : (letter) == 'f' ? BERTHI_F32                                                            \
                       : BERTHI_F64)
#define ROW(opcode, name, types, result)                                                       \
    [opcode] = { OP_##name,                                                                    \
                 { TYPE_OF((types)[0]), TYPE_OF((types)[sizeof(types) - 2]) },                 \
                 sizeof(types) - 1,                                                            \
                 TYPE_OF(result) },
static const numeric numerics[0xc5] = { INTERP_NUMERIC(ROW) };
static const numeric saturating[8] = { INTERP_SATURATING(ROW) };
#undef ROW

typedef struct access {
    uint16_t op;
    uint8_t align_max, type;
} access;

#define ROW(opcode, name, log2_size, letter)                                                   \
    [(opcode)-0x28] = { OP_##name, log2_size, TYPE_OF(letter) },
static const access accesses[0x3f - 0x28] = { INTERP_LOADS(ROW) INTERP_STORES(ROW) };
#undef ROW

static const uint8_t single_types[] = { BERTHI_I32, BERTHI_I64,     BERTHI_F32,
                                        BERTHI_F64, BERTHI_FUNCREF, BERTHI_EXTERNREF };

static uint8_t read_type(build *b)
{
    uint8_t type = berthi_read_value_type(&b->c);

    if (type == BERTHI_V128)
        berthi_build_reject(b, "SIMD is not supported");
    return type;
}

static uint32_t read_index(build *b, uint32_t count, const char *unknown)
{
    uint32_t index = berthi_read_u32(&b->c);

    if (b->c.error == NULL && index >= count)
        berthi_build_reject(b, unknown);
    return b->c.error == NULL ? index : 0;
}

static build_type type_of_index(const build *b, uint32_t index)
{
    const berthi_functype *type = &b->info->types[index];

    return (build_type){ type->types, type->types + type->params_count, type->params_count,
                         type->results_count };
}

static build_type read_block_type(build *b)
{
    build_type none = { 0 };
    int64_t index;

    if (berthi_cursor_left(&b->c) > 0 && (b->c.bytes[b->c.at] & 0xc0) == 0x40) {
        uint8_t type = b->c.bytes[b->c.at] == 0x40 ? berthi_read_u8(&b->c) : read_type(b);

        for (size_t i = 0; i < sizeof single_types; i++)
            if (single_types[i] == type)
                return (build_type){ NULL, &single_types[i], 0, 1 };
        return none;
    }
    index = berthi_read_s33(&b->c);
    if (b->c.error == NULL && (index < 0 || index >= b->info->types_count))
        berthi_build_reject(b, "unknown type");
    return b->c.error == NULL ? type_of_index(b, (uint32_t)index) : none;
}

static void do_block(build *b, uint8_t opcode)
{
    build_type type = read_block_type(b);
    uint32_t hole = 0;

    if (opcode == 0x04) {
        berthi_build_pop(b, BERTHI_I32);
        hole = berthi_build_emit_hole(b, OP_JUMP_IF_NOT);
    }
    berthi_build_pop_all(b, type.params, type.params_count);
    berthi_build_enter(b, opcode, type);
    if (b->c.error != NULL)
        return;
    build_top(b)->else_patch = hole;
    if (opcode == 0x03) {
        build_top(b)->target = b->words_count;
        berthi_build_emit(b, OP_LOOP);
    }
}

static void do_else(build *b)
{
    build_control then;
    uint32_t hole;

    if (build_top(b)->opcode != 0x04) {
        berthi_build_reject(b, "else without if");
        return;
    }
    berthi_build_jump_to_end(b, build_top(b));
    then = berthi_build_leave(b);
    hole = then.else_patch;
    berthi_build_enter(b, 0x05, then.type);
    if (b->c.error != NULL)
        return;
    build_top(b)->patches = then.patches;
    berthi_build_fill_hole(b, hole);
}

static void do_end(build *b)
{
    build_control block = berthi_build_leave(b);

    if (b->c.error != NULL)
        return;
    if (block.opcode == 0x04) {
        if (block.type.params_count != block.type.results_count ||
            (block.type.params_count > 0 &&
             memcmp(block.type.params, block.type.results, block.type.params_count) != 0)) {
            berthi_build_reject(b, "type mismatch: an if without else gives what it takes");
            return;
        }
        berthi_build_fill_hole(b, block.else_patch);
    }
    berthi_build_patch_end(b, &block);
    if (b->depth > 0)
        berthi_build_push_all(b, block.type.results, block.type.results_count);
    else
        berthi_build_emit_return(b);
}

static void do_br_table(build *b)
{
    uint32_t count = berthi_read_count(&b->c, 1, UINT32_MAX - 1), arity = 0;

    berthi_build_pop(b, BERTHI_I32);
    berthi_build_emit2(b, OP_BRANCH_TABLE, count);
    for (uint32_t i = 0; i <= count && b->c.error == NULL; i++) {
        build_control *to = berthi_build_label(b, berthi_read_u32(&b->c));
        const uint8_t *types;
        uint32_t types_count;

        if (to == NULL)
            return;
        types = berthi_build_label_types(to, &types_count);
        if (i > 0 && types_count != arity)
            berthi_build_reject(b, "type mismatch: labels take different numbers of operands");
        arity = types_count;
        berthi_build_check_all(b, types, types_count);
        berthi_build_branch_case(b, to);
    }
    berthi_build_unreachable(b);
}

static void do_br(build *b, bool is_conditional)
{
    build_control *to = berthi_build_label(b, berthi_read_u32(&b->c));
    const uint8_t *types;
    uint32_t count;

    if (to == NULL)
        return;
    types = berthi_build_label_types(to, &count);
    if (is_conditional)
        berthi_build_pop(b, BERTHI_I32);
    berthi_build_check_all(b, types, count);
    berthi_build_branch(b, to, is_conditional);
    if (!is_conditional) {
        berthi_build_unreachable(b);
    } else {
        berthi_build_pop_all(b, types, count);
        berthi_build_push_all(b, types, count);
    }
}

/* A call in place of the function under way gives what that function gives. */
static void finish_call(build *b, build_type type, bool is_tail)
{
    const build_type *own = &b->controls[0].type;

    berthi_build_pop_all(b, type.params, type.params_count);
    if (!is_tail) {
        berthi_build_push_all(b, type.results, type.results_count);
        return;
    }
    if (type.results_count != own->results_count ||
        (type.results_count > 0 && memcmp(type.results, own->results, type.results_count) != 0))
        berthi_build_reject(b, "type mismatch: a tail call gives something else");
    berthi_build_unreachable(b);
}

static void do_call(build *b, bool is_indirect, bool is_tail)
{
    uint32_t index, table = 0;
    build_type type;

    if (is_indirect) {
        index = read_index(b, b->info->types_count, "unknown type");
        table = read_index(b, b->info->tables_count, "unknown table");
        if (b->c.error == NULL && b->info->tables[table].element_type != BERTHI_FUNCREF)
            berthi_build_reject(b, "type mismatch: call_indirect needs a table of functions");
        berthi_build_pop(b, BERTHI_I32);
        berthi_build_emit2(b, is_tail ? OP_RETURN_CALL_INDIRECT : OP_CALL_INDIRECT, index);
        berthi_build_emit(b, table);
    } else {
        index = read_index(b, b->info->funcs_count, "unknown function");
        berthi_build_emit2(b, is_tail ? OP_RETURN_CALL : OP_CALL, index);
    }
    if (b->c.error != NULL)
        return;
    type = type_of_index(b, is_indirect ? index : b->info->funcs[index]);
    finish_call(b, type, is_tail);
}

static void do_return(build *b)
{
    const build_type *type = &b->controls[0].type;

    berthi_build_check_all(b, type->results, type->results_count);
    berthi_build_emit(b, OP_RETURN);
    berthi_build_unreachable(b);
}

static void do_control(build *b, uint8_t opcode)
{
    switch (opcode) {
    case 0x00:
        berthi_build_emit(b, OP_UNREACHABLE);
        berthi_build_unreachable(b);
        break;
    case 0x01:
        break;
    case 0x02:
    case 0x03:
    case 0x04:
        do_block(b, opcode);
        break;
    case 0x05:
        do_else(b);
        break;
    case 0x0b:
        do_end(b);
        break;
    case 0x0c:
    case 0x0d:
        do_br(b, opcode == 0x0d);
        break;
    case 0x0e:
        do_br_table(b);
        break;
    case 0x0f:
        do_return(b);
        break;
    case 0x10:
    case 0x11:
    case 0x12:
    case 0x13:
        do_call(b, (opcode & 1) != 0, opcode >= 0x12);
        break;
    case 0x14:
    case 0x15:
        berthi_build_reject(b, "typed function references are not supported");
        break;
    case 0x06:
    case 0x07:
    case 0x08:
    case 0x09:
    case 0x0a:
    case 0x18:
    case 0x19:
    case 0x1f:
        berthi_build_reject(b, "exceptions are not supported");
        break;
    default:
        berthi_build_reject(b, "illegal opcode");
    }
}

static void do_select(build *b, bool is_typed)
{
    uint8_t type = TYPE_UNKNOWN;

    if (is_typed) {
        if (berthi_read_u32(&b->c) != 1)
            berthi_build_reject(b, "invalid result arity: select takes one type");
        type = read_type(b);
    }
    berthi_build_pop(b, BERTHI_I32);
    if (is_typed) {
        berthi_build_pop(b, type);
        berthi_build_pop(b, type);
    } else {
        uint8_t other = berthi_build_pop_any(b);

        type = berthi_build_pop_any(b);
        if (berthi_is_reference_type(type) || berthi_is_reference_type(other) ||
            (type != other && type != TYPE_UNKNOWN && other != TYPE_UNKNOWN))
            berthi_build_reject(b, "type mismatch: select needs two numbers of one type");
        if (type == TYPE_UNKNOWN)
            type = other;
    }
    berthi_build_push(b, type);
    berthi_build_emit(b, OP_SELECT);
}

static void do_local(build *b, uint8_t opcode)
{
    uint32_t index = read_index(b, b->locals_count, "unknown local");
    uint8_t type;

    if (b->c.error != NULL)
        return;
    type = b->locals[index];
    if (opcode != 0x20)
        berthi_build_pop(b, type);
    if (opcode != 0x21)
        berthi_build_push(b, type);
    berthi_build_emit2(b,
                       opcode == 0x20   ? OP_LOCAL_GET
                       : opcode == 0x21 ? OP_LOCAL_SET
                                        : OP_LOCAL_TEE,
                       index);
}

static void do_global(build *b, bool is_set)
{
    uint32_t index = read_index(b, b->info->globals_count, "unknown global");
    const berthi_wasm_global *global;

    if (b->c.error != NULL)
        return;
    global = &b->info->globals[index];
    if (is_set && !global->is_mutable)
        berthi_build_reject(b, "global is immutable");
    if (is_set)
        berthi_build_pop(b, global->type);
    else
        berthi_build_push(b, global->type);
    berthi_build_emit2(b, is_set ? OP_GLOBAL_SET : OP_GLOBAL_GET, index);
}

static void do_table(build *b, bool is_set)
{
    uint32_t index = read_index(b, b->info->tables_count, "unknown table");

    if (b->c.error != NULL)
        return;
    if (is_set)
        berthi_build_pop(b, b->info->tables[index].element_type);
    berthi_build_pop(b, BERTHI_I32);
    if (!is_set)
        berthi_build_push(b, b->info->tables[index].element_type);
    berthi_build_emit2(b, is_set ? OP_TABLE_SET : OP_TABLE_GET, index);
}

static void do_variable(build *b, uint8_t opcode)
{
    switch (opcode) {
    case 0x1a:
        (void)berthi_build_pop_any(b);
        berthi_build_emit(b, OP_DROP);
        break;
    case 0x1b:
    case 0x1c:
        do_select(b, opcode == 0x1c);
        break;
    case 0x20:
    case 0x21:
    case 0x22:
        do_local(b, opcode);
        break;
    case 0x23:
    case 0x24:
        do_global(b, opcode == 0x24);
        break;
    case 0x25:
    case 0x26:
        do_table(b, opcode == 0x26);
        break;
    default:
        berthi_build_reject(b, "illegal opcode");
    }
}

static uint32_t read_memory_index(build *b)
{
    return read_index(b, b->info->memories_count, "unknown memory");
}

static bool is_wide(const build *b, uint32_t memory)
{
    return b->c.error == NULL && b->info->memories[memory].is_64;
}

static uint8_t address_type(const build *b, uint32_t memory)
{
    return is_wide(b, memory) ? BERTHI_I64 : BERTHI_I32;
}

/* No memory of ours has more than 2^32 bytes, so that an address or a count past them is out of
 * bounds, and all that handlers have to look at is its lower half.  The operand is the nth from
 * the top. */
static void narrow(build *b, bool is_needed, uint32_t nth)
{
    if (is_needed)
        berthi_build_emit2(b, OP_NARROW, nth);
}

/* Accesses use the first memory; those of another are put between two changes of the view. */
static void do_access(build *b, uint8_t opcode)
{
    const access *a = &accesses[opcode - 0x28];
    uint32_t flags = berthi_read_u32(&b->c), memory = 0;
    bool is_store = opcode >= 0x36;
    uint64_t offset;

    if (b->c.error == NULL && flags >= 0x80)
        berthi_build_reject(b, "malformed memory access flags");
    else if (b->c.error == NULL && (flags & 0x3f) > a->align_max)
        berthi_build_reject(b, "alignment must not be larger than natural");
    if ((flags & 0x40) != 0)
        memory = read_memory_index(b);
    else if (b->c.error == NULL && b->info->memories_count == 0)
        berthi_build_reject(b, "unknown memory");
    offset = berthi_read_u64(&b->c); /* of any memory, Core 3.0 5.4.6 */
    if (offset > UINT32_MAX && !is_wide(b, memory))
        berthi_build_reject(b, "offset out of range");
    if (is_store)
        berthi_build_pop(b, a->type);
    berthi_build_pop(b, address_type(b, memory));
    if (!is_store)
        berthi_build_push(b, a->type);
    narrow(b, is_wide(b, memory), is_store ? 2 : 1);
    if (offset > UINT32_MAX)
        berthi_build_emit(b, OP_OUT_OF_BOUNDS);
    if (memory != 0)
        berthi_build_emit2(b, OP_USE_MEMORY, memory);
    berthi_build_emit2(b, a->op, (uint32_t)offset);
    if (memory != 0)
        berthi_build_emit2(b, OP_USE_MEMORY, 0);
}

static void do_constant(build *b, uint8_t opcode)
{
    uint64_t value;

    switch (opcode) {
    case 0x41:
        value = (uint32_t)berthi_read_s32(&b->c);
        break;
    case 0x42:
        value = (uint64_t)berthi_read_s64(&b->c);
        break;
    case 0x43:
        value = berthi_read_f32(&b->c);
        break;
    default:
        value = berthi_read_f64(&b->c);
        break;
    }
    berthi_build_push(b, opcode == 0x41   ? BERTHI_I32
                         : opcode == 0x42 ? BERTHI_I64
                         : opcode == 0x43 ? BERTHI_F32
                                          : BERTHI_F64);
    berthi_build_emit2(b, value <= UINT32_MAX ? OP_CONST32 : OP_CONST64, (uint32_t)value);
    if (value > UINT32_MAX)
        berthi_build_emit(b, (uint32_t)(value >> 32));
}

static void do_numeric(build *b, const numeric *n)
{
    for (uint8_t i = n->ins_count; i-- > 0;)
        berthi_build_pop(b, n->ins[i]);
    berthi_build_push(b, n->out);
    berthi_build_emit(b, n->op);
}

static void do_reference(build *b, uint8_t opcode)
{
    uint32_t index;
    uint8_t type;

    switch (opcode) {
    case 0xd0:
        berthi_build_push(b, berthi_read_reference_type(&b->c));
        berthi_build_emit2(b, OP_CONST32, 0);
        break;
    case 0xd1:
        type = berthi_build_pop_any(b);
        if (b->c.error == NULL && type != TYPE_UNKNOWN && !berthi_is_reference_type(type))
            berthi_build_reject(b, "type mismatch: ref.is_null needs a reference");
        berthi_build_push(b, BERTHI_I32);
        berthi_build_emit(b, OP_REF_IS_NULL);
        break;
    default:
        index = read_index(b, b->info->funcs_count, "unknown function");
        if (b->c.error == NULL && (b->declared[index / 8] >> index % 8 & 1) == 0)
            berthi_build_reject(b, "undeclared function reference");
        berthi_build_push(b, BERTHI_FUNCREF);
        berthi_build_emit2(b, OP_REF_FUNC, index);
    }
}

static void pop_i32s(build *b, unsigned count)
{
    for (; count > 0; count--)
        berthi_build_pop(b, BERTHI_I32);
}

static uint32_t read_data_index(build *b)
{
    if (b->c.error == NULL && !b->info->has_data_count)
        berthi_build_reject(b, "data count section required");
    return read_index(b, b->info->data_count, "unknown data segment");
}

/* The count is as wide as the narrower memory's addresses. */
static void do_copy_operands(build *b, uint32_t to, uint32_t from)
{
    bool is_wide_count = is_wide(b, to) && is_wide(b, from);

    berthi_build_pop(b, is_wide_count ? BERTHI_I64 : BERTHI_I32);
    berthi_build_pop(b, address_type(b, from));
    berthi_build_pop(b, address_type(b, to));
    narrow(b, is_wide(b, to), 3);
    narrow(b, is_wide(b, from), 2);
    narrow(b, is_wide_count, 1);
}

static void do_bulk_memory(build *b, uint32_t opcode)
{
    uint32_t first, second;

    switch (opcode) {
    case 8:
        first = read_data_index(b);
        second = read_memory_index(b);
        pop_i32s(b, 2);
        berthi_build_pop(b, address_type(b, second));
        narrow(b, is_wide(b, second), 3);
        berthi_build_emit2(b, OP_MEMORY_INIT, first);
        berthi_build_emit(b, second);
        break;
    case 9:
        berthi_build_emit2(b, OP_DATA_DROP, read_data_index(b));
        break;
    case 10:
        first = read_memory_index(b);
        second = read_memory_index(b);
        do_copy_operands(b, first, second);
        berthi_build_emit2(b, OP_MEMORY_COPY, first);
        berthi_build_emit(b, second);
        break;
    default:
        first = read_memory_index(b);
        berthi_build_pop(b, address_type(b, first));
        berthi_build_pop(b, BERTHI_I32);
        berthi_build_pop(b, address_type(b, first));
        narrow(b, is_wide(b, first), 3);
        narrow(b, is_wide(b, first), 1);
        berthi_build_emit2(b, OP_MEMORY_FILL, first);
    }
}

static void do_table_init(build *b)
{
    uint32_t element = read_index(b, b->info->elements_count, "unknown elem segment");
    uint32_t table = read_index(b, b->info->tables_count, "unknown table");

    if (b->c.error == NULL &&
        b->info->elements[element].type != b->info->tables[table].element_type)
        berthi_build_reject(b, "type mismatch: table.init");
    pop_i32s(b, 3);
    berthi_build_emit2(b, OP_TABLE_INIT, element);
    berthi_build_emit(b, table);
}

static void do_table_copy(build *b)
{
    uint32_t to = read_index(b, b->info->tables_count, "unknown table");
    uint32_t from = read_index(b, b->info->tables_count, "unknown table");

    if (b->c.error == NULL &&
        b->info->tables[to].element_type != b->info->tables[from].element_type)
        berthi_build_reject(b, "type mismatch: table.copy");
    pop_i32s(b, 3);
    berthi_build_emit2(b, OP_TABLE_COPY, to);
    berthi_build_emit(b, from);
}

static void do_bulk_table(build *b, uint32_t opcode)
{
    uint32_t table;
    uint8_t type;

    if (opcode == 12) {
        do_table_init(b);
        return;
    }
    if (opcode == 13) {
        berthi_build_emit2(b, OP_ELEM_DROP,
                           read_index(b, b->info->elements_count, "unknown elem segment"));
        return;
    }
    if (opcode == 14) {
        do_table_copy(b);
        return;
    }
    table = read_index(b, b->info->tables_count, "unknown table");
    if (b->c.error != NULL)
        return;
    type = b->info->tables[table].element_type;
    if (opcode == 15) { /* grow: value, count -> size before */
        berthi_build_pop(b, BERTHI_I32);
        berthi_build_pop(b, type);
        berthi_build_push(b, BERTHI_I32);
        berthi_build_emit2(b, OP_TABLE_GROW, table);
    } else if (opcode == 16) {
        berthi_build_push(b, BERTHI_I32);
        berthi_build_emit2(b, OP_TABLE_SIZE, table);
    } else { /* fill: at, value, count */
        berthi_build_pop(b, BERTHI_I32);
        berthi_build_pop(b, type);
        berthi_build_pop(b, BERTHI_I32);
        berthi_build_emit2(b, OP_TABLE_FILL, table);
    }
}

static void do_prefixed(build *b)
{
    uint32_t opcode = berthi_read_u32(&b->c);

    if (b->c.error != NULL)
        return;
    if (opcode < 8)
        do_numeric(b, &saturating[opcode]);
    else if (opcode < 12)
        do_bulk_memory(b, opcode);
    else if (opcode < 18)
        do_bulk_table(b, opcode);
    else
        berthi_build_reject(b, "illegal opcode behind 0xfc");
}

static void do_memory_size(build *b, bool is_grow)
{
    uint32_t memory = read_memory_index(b);

    if (is_grow)
        berthi_build_pop(b, address_type(b, memory));
    berthi_build_push(b, address_type(b, memory));
    berthi_build_emit2(b,
                       !is_grow             ? OP_MEMORY_SIZE
                       : is_wide(b, memory) ? OP_MEMORY_GROW64
                                            : OP_MEMORY_GROW,
                       memory);
}

static void do_rest(build *b, uint8_t opcode)
{
    switch (opcode) {
    case 0x3f:
    case 0x40:
        do_memory_size(b, opcode == 0x40);
        break;
    case 0xd0:
    case 0xd1:
    case 0xd2:
        do_reference(b, opcode);
        break;
    case 0xfc:
        do_prefixed(b);
        break;
    case 0xfb:
        berthi_build_reject(b, "garbage collection is not supported");
        break;
    case 0xfd:
        berthi_build_reject(b, "SIMD is not supported");
        break;
    case 0xfe:
        berthi_build_reject(b, "threads are not supported");
        break;
    default:
        berthi_build_reject(b, "illegal opcode");
    }
}

static void do_instruction(build *b)
{
    uint8_t opcode;

    b->op_at = b->c.at;
    opcode = berthi_read_u8(&b->c);
    if (b->c.error != NULL)
        return;
    if (opcode < 0x1a || opcode == 0x1f)
        do_control(b, opcode);
    else if (opcode < 0x28)
        do_variable(b, opcode);
    else if (opcode < 0x3f)
        do_access(b, opcode);
    else if (opcode >= 0x41 && opcode < 0x45)
        do_constant(b, opcode);
    else if (opcode >= 0x45 && opcode < 0xc5)
        do_numeric(b, &numerics[opcode]);
    else
        do_rest(b, opcode);
}

/* How many locals the body declares, before memory is made for them. */
static uint32_t count_locals(build *b, uint32_t params)
{
    berthi_cursor saved = b->c;
    uint32_t groups = berthi_read_count(&b->c, 2, UINT32_MAX);
    uint64_t total = params;

    for (uint32_t i = 0; i < groups && b->c.error == NULL; i++) {
        total += berthi_read_u32(&b->c);
        (void)read_type(b);
        if (total > UINT32_MAX)
            berthi_build_reject(b, "too many locals");
    }
    if (b->c.error == NULL && total > BUILD_LOCALS_MAX)
        berthi_cursor_fail_at(&b->c, BERTH_E_LIMIT, b->op_at, "a function has too many locals");
    if (b->c.error != NULL)
        return 0;
    b->c = saved;
    return (uint32_t)total;
}

static void read_locals(build *b, const berthi_functype *type)
{
    uint32_t total = count_locals(b, type->params_count), at = type->params_count, groups;
    void *locals = b->locals;

    if (b->c.error != NULL || !berthi_build_reserve(b, &locals, &b->locals_capacity, total, 1))
        return;
    b->locals = locals;
    b->locals_count = total;
    if (at > 0)
        memcpy(b->locals, type->types, at);
    groups = berthi_read_u32(&b->c);
    for (uint32_t i = 0; i < groups; i++) {
        uint32_t count = berthi_read_u32(&b->c);
        uint8_t local_type = berthi_read_value_type(&b->c);

        if (count > 0)
            memset(b->locals + at, local_type, count);
        at += count;
    }
    assert(at == total);
}

void berthi_build_function(build *b, uint32_t index, berthi_wasm_range body)
{
    uint32_t type_index = b->info->funcs[index];
    const berthi_functype *type = &b->info->types[type_index];
    build_type results = type_of_index(b, type_index);

    b->c = berthi_cursor_over(b->info->bytes, body);
    b->op_at = b->c.at;
    b->height = b->height_max = b->depth = b->words_count = 0;
    read_locals(b, type);
    results.params_count = 0; /* parameters are locals, not operands */
    berthi_build_enter(b, 0, results);
    while (b->c.error == NULL && b->depth > 0)
        do_instruction(b);
    if (b->c.error == NULL && b->c.at != b->c.end) {
        b->op_at = b->c.at;
        berthi_build_reject(b, "section size mismatch: bytes behind the end of a function");
    }
}
