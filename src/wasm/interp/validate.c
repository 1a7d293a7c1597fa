/* validate.c - the operand and control stacks that type-check a function body.  Layer: wasm.
 *
 * The algorithm of the specification's appendix.  Code behind an unconditional branch is checked
 * too: there, operands that nothing pushed have the type TYPE_UNKNOWN, which fits any other. */
#include <string.h>

#include "wasm/interp/build.h"

bool berthi_build_reserve(build *b, void **array, size_t *capacity, size_t need, size_t size)
{
    size_t more = *capacity < 32 ? 64 : *capacity * 2;
    void *p;

    if (need <= *capacity)
        return true;
    if (more < need)
        more = need;
    p = berthi_alloc(b->allocator, more * size);
    if (p == NULL) {
        berthi_cursor_fail_at(&b->c, BERTH_E_NOMEM, b->op_at, "out of memory for a function");
        return false;
    }
    if (*capacity > 0)
        memcpy(p, *array, *capacity * size);
    berthi_free(b->allocator, *array, *capacity * size);
    *array = p;
    *capacity = more;
    return true;
}

void berthi_build_fini(build *b)
{
    berthi_free(b->allocator, b->locals, b->locals_capacity * sizeof *b->locals);
    berthi_free(b->allocator, b->operands, b->operands_capacity * sizeof *b->operands);
    berthi_free(b->allocator, b->controls, b->controls_capacity * sizeof *b->controls);
    berthi_free(b->allocator, b->words, b->words_capacity * sizeof *b->words);
}

void berthi_build_reject(build *b, const char *text)
{
    berthi_cursor_fail_at(&b->c, BERTH_E_REJECTED, b->op_at, text);
}

void berthi_build_push(build *b, uint8_t type)
{
    void *operands = b->operands;

    if (b->c.error != NULL)
        return;
    if (b->height == BUILD_OPERANDS_MAX) {
        berthi_cursor_fail_at(&b->c, BERTH_E_LIMIT, b->op_at,
                              "a function has too many operands");
        return;
    }
    if (!berthi_build_reserve(b, &operands, &b->operands_capacity, (size_t)b->height + 1, 1))
        return;
    b->operands = operands;
    b->operands[b->height++] = type;
    if (b->height > b->height_max)
        b->height_max = b->height;
}

uint8_t berthi_build_pop_any(build *b)
{
    const build_control *top;

    if (b->c.error != NULL)
        return TYPE_UNKNOWN;
    top = build_top(b);
    if (b->height > top->height)
        return b->operands[--b->height];
    if (!top->unreachable)
        berthi_build_reject(b, "type mismatch: an operand is missing");
    return TYPE_UNKNOWN;
}

void berthi_build_pop(build *b, uint8_t type)
{
    uint8_t got = berthi_build_pop_any(b);

    if (got != type && got != TYPE_UNKNOWN && type != TYPE_UNKNOWN)
        berthi_build_reject(b, "type mismatch");
}

/* Checking `count` types at once is charged, because a few bytes can ask for it again and again. */
static bool charge(build *b, uint32_t count)
{
    b->work += count;
    if (b->c.error == NULL && b->work > BUILD_WORK_MAX)
        berthi_cursor_fail_at(&b->c, BERTH_E_LIMIT, b->op_at,
                              "too much work to check the types");
    return b->c.error == NULL;
}

void berthi_build_push_all(build *b, const uint8_t *types, uint32_t count)
{
    if (!charge(b, count))
        return;
    for (uint32_t i = 0; i < count && b->c.error == NULL; i++)
        berthi_build_push(b, types[i]);
}

void berthi_build_check_all(build *b, const uint8_t *types, uint32_t count)
{
    const build_control *top;

    if (!charge(b, count))
        return;
    top = build_top(b);
    for (uint32_t i = 0; i < count; i++) {
        if (b->height - top->height <= i) {
            if (!top->unreachable)
                berthi_build_reject(b, "type mismatch: an operand is missing");
            return;
        }
        if (b->operands[b->height - 1 - i] != types[count - 1 - i] &&
            b->operands[b->height - 1 - i] != TYPE_UNKNOWN) {
            berthi_build_reject(b, "type mismatch");
            return;
        }
    }
}

void berthi_build_pop_all(build *b, const uint8_t *types, uint32_t count)
{
    if (!charge(b, count))
        return;
    while (count > 0 && b->c.error == NULL)
        berthi_build_pop(b, types[--count]);
}

void berthi_build_unreachable(build *b)
{
    build_control *top;

    if (b->c.error != NULL)
        return;
    top = build_top(b);
    b->height = top->height;
    top->unreachable = true;
}

/* The caller has popped the parameters of `type`; they are pushed again inside the block. */
void berthi_build_enter(build *b, uint8_t opcode, build_type type)
{
    bool live = b->depth == 0 || berthi_build_is_live(b);
    void *controls = b->controls;

    if (b->c.error != NULL)
        return;
    if (b->depth == BUILD_NESTING_MAX) {
        berthi_cursor_fail_at(&b->c, BERTH_E_LIMIT, b->op_at,
                              "a function has too many nested blocks");
        return;
    }
    if (!berthi_build_reserve(b, &controls, &b->controls_capacity, (size_t)b->depth + 1,
                              sizeof *b->controls))
        return;
    b->controls = controls;
    b->controls[b->depth++] = (build_control){
        .opcode = opcode, .was_live = live, .type = type, .height = b->height
    };
    berthi_build_push_all(b, type.params, type.params_count);
}

/* Checks that the block's results and nothing else are there, and leaves it. */
build_control berthi_build_leave(build *b)
{
    build_control none = { 0 };
    const build_control *top;

    if (b->c.error != NULL)
        return none;
    top = build_top(b);
    berthi_build_pop_all(b, top->type.results, top->type.results_count);
    if (b->c.error == NULL && b->height != top->height)
        berthi_build_reject(b, "type mismatch: operands are left at the end of a block");
    if (b->c.error != NULL)
        return none;
    return b->controls[--b->depth];
}

build_control *berthi_build_label(build *b, uint32_t depth)
{
    if (b->c.error == NULL && depth >= b->depth)
        berthi_build_reject(b, "unknown label");
    return b->c.error != NULL ? NULL : &b->controls[b->depth - 1 - depth];
}

const uint8_t *berthi_build_label_types(const build_control *control, uint32_t *count_out)
{
    bool is_loop = control->opcode == 0x03;

    *count_out = is_loop ? control->type.params_count : control->type.results_count;
    return is_loop ? control->type.params : control->type.results;
}
