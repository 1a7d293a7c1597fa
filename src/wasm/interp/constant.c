/* constant.c - constant expressions: initial values, offsets, elements of tables.  Layer: wasm.
 *
 * The reader has seen that only instructions of constants occur; here their types are checked
 * and they become steps that link.c runs at instantiation. */
#include "wasm/interp/build.h"

typedef struct checker {
    berthi_cursor *c;
    const berthi_wasm_info *info;
    uint32_t globals_count;
    uint32_t op_at;
    uint8_t types[INTERP_CONSTANT_DEPTH_MAX];
    uint32_t height;
} checker;

static void reject(checker *k, const char *text)
{
    berthi_cursor_fail_at(k->c, BERTH_E_REJECTED, k->op_at, text);
}

static void push(checker *k, uint8_t type)
{
    if (k->height == INTERP_CONSTANT_DEPTH_MAX)
        berthi_cursor_fail_at(k->c, BERTH_E_LIMIT, k->op_at,
                              "a constant expression is too deep");
    else
        k->types[k->height++] = type;
}

static uint32_t read_global(checker *k)
{
    uint32_t index = berthi_read_u32(k->c);

    if (k->c->error == NULL && index >= k->globals_count)
        reject(k, "unknown global");
    if (k->c->error == NULL && k->info->globals[index].is_mutable)
        reject(k, "constant expression required: the global is mutable");
    if (k->c->error != NULL)
        return 0;
    push(k, k->info->globals[index].type);
    return index;
}

static void do_arithmetic(checker *k, uint8_t type)
{
    if (k->height < 2 || k->types[k->height - 1] != type || k->types[k->height - 2] != type)
        reject(k, "type mismatch in a constant expression");
    else
        k->height--;
}

static interp_step read_step(checker *k)
{
    interp_step step = { .op = 0x42 };
    uint8_t op;

    k->op_at = k->c->at;
    op = berthi_read_u8(k->c);
    switch (op) {
    case 0x41:
        step.value = (uint32_t)berthi_read_s32(k->c);
        push(k, BERTHI_I32);
        break;
    case 0x42:
        step.value = (uint64_t)berthi_read_s64(k->c);
        push(k, BERTHI_I64);
        break;
    case 0x43:
        step.value = berthi_read_f32(k->c);
        push(k, BERTHI_F32);
        break;
    case 0x44:
        step.value = berthi_read_f64(k->c);
        push(k, BERTHI_F64);
        break;
    case 0xd0:
        push(k, berthi_read_reference_type(k->c));
        break;
    case 0x23:
        step = (interp_step){ op, read_global(k) };
        break;
    case 0xd2:
        step = (interp_step){ op, berthi_read_u32(k->c) };
        if (k->c->error == NULL && step.value >= k->info->funcs_count)
            reject(k, "unknown function");
        push(k, BERTHI_FUNCREF);
        break;
    case 0xfd:
        reject(k, "SIMD is not supported");
        break;
    default:
        step.op = op;
        do_arithmetic(k, op < 0x7c ? BERTHI_I32 : BERTHI_I64);
    }
    return step;
}

/* Every step is at least one byte, so the bytes bound the steps. */
void berthi_build_constant(berthi_cursor *c, const berthi_wasm_info *info,
                           uint32_t globals_count, uint8_t type, berthi_arena *arena,
                           interp_constant *constant_out)
{
    checker k = { .c = c, .info = info, .globals_count = globals_count, .op_at = c->at };
    uint32_t count = 0, start = c->at;
    interp_step *steps;

    while (c->error == NULL && c->at < c->end && c->bytes[c->at] != 0x0b) {
        (void)read_step(&k);
        count++;
    }
    (void)berthi_read_u8(c);
    if (c->error == NULL && (k.height != 1 || k.types[0] != type))
        reject(&k, "type mismatch in a constant expression");
    if (c->error != NULL)
        return;
    steps = berthi_arena_array(arena, count, sizeof *steps);
    if (steps == NULL) {
        berthi_cursor_fail_at(c, BERTH_E_NOMEM, start,
                              "out of memory for a constant expression");
        return;
    }
    c->at = start;
    k.height = 0;
    for (uint32_t i = 0; i < count; i++)
        steps[i] = read_step(&k);
    (void)berthi_read_u8(c);
    assert(c->error == NULL);
    *constant_out = (interp_constant){ steps, count };
}

/* Expressions that give a reference have one step, because no arithmetic makes references. */
static interp_item read_item(checker *k, uint8_t type)
{
    interp_step step;

    k->height = 0;
    step = read_step(k);
    if (berthi_read_u8(k->c) != 0x0b || k->height != 1 || k->types[0] != type)
        reject(k, "type mismatch in an element segment");
    if (step.op == 0x42)
        return (interp_item){ false, INTERP_NULL_INDEX };
    return (interp_item){ step.op == 0x23, (uint32_t)step.value };
}

void berthi_build_element_items(berthi_cursor *c, const berthi_wasm_info *info,
                                const berthi_wasm_element *element, interp_item *items)
{
    checker k = { .c = c, .info = info, .globals_count = info->globals_count, .op_at = c->at };

    for (uint32_t i = 0; i < element->count && c->error == NULL; i++)
        items[i] = element->has_expressions ? read_item(&k, element->type)
                                            : (interp_item){ false, berthi_read_u32(c) };
}
