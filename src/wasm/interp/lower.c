/* lower.c - appends the code that run.c executes.  Layer: wasm.
 *
 * Nothing is appended for code that cannot be reached.  Jumps forward leave a hole; the holes of
 * one block's end form a list through the words themselves until its end is known.
 *
 *   JUMP t | JUMP_IF t | JUMP_IF_NOT t          no operand has to move
 *   BRANCH t n slot | BRANCH_IF t n slot        n operands move down to slot (counted from fp)
 *   BRANCH_TABLE c, c+1 times: t n slot */
#include "wasm/interp/build.h"

bool berthi_build_is_live(build *b)
{
    const build_control *top;

    if (b->c.error != NULL || b->depth == 0)
        return false;
    top = build_top(b);
    return top->was_live && !top->unreachable;
}

static void append(build *b, uint32_t word)
{
    void *words = b->words;

    if (b->c.error != NULL || !berthi_build_reserve(b, &words, &b->words_capacity,
                                                    (size_t)b->words_count + 1, sizeof word))
        return;
    b->words = words;
    b->words[b->words_count++] = word;
}

void berthi_build_emit(build *b, uint32_t word)
{
    if (berthi_build_is_live(b))
        append(b, word);
}

void berthi_build_emit2(build *b, uint32_t op, uint32_t word)
{
    berthi_build_emit(b, op);
    berthi_build_emit(b, word);
}

/* Appends the target of a jump to a block: known for a loop, a hole in its list otherwise. */
static void append_target(build *b, build_control *to)
{
    uint32_t at = b->words_count;

    if (to->opcode == 0x03) {
        append(b, to->target);
        return;
    }
    append(b, to->patches);
    if (b->c.error == NULL)
        to->patches = at;
}

/* Where a block's operands start, counted from fp. */
static uint32_t slot_of(const build *b, const build_control *control)
{
    return b->locals_count + INTERP_FRAME_CELLS + control->height;
}

void berthi_build_branch(build *b, build_control *to, bool is_conditional)
{
    uint32_t count;

    if (to == NULL || !berthi_build_is_live(b))
        return;
    (void)berthi_build_label_types(to, &count);
    if (b->height == to->height + count) {
        append(b, is_conditional ? OP_JUMP_IF : OP_JUMP);
        append_target(b, to);
        return;
    }
    append(b, is_conditional ? OP_BRANCH_IF : OP_BRANCH);
    append_target(b, to);
    append(b, count);
    append(b, slot_of(b, to));
}

void berthi_build_branch_case(build *b, build_control *to)
{
    uint32_t count;

    if (to == NULL || !berthi_build_is_live(b))
        return;
    (void)berthi_build_label_types(to, &count);
    append_target(b, to);
    append(b, count);
    append(b, slot_of(b, to));
}

uint32_t berthi_build_emit_hole(build *b, enum interp_op op)
{
    if (!berthi_build_is_live(b))
        return 0;
    append(b, op);
    append(b, 0);
    return b->words_count - 1;
}

/* Leaves a jump to the end of `control`, which is still the innermost block. */
void berthi_build_jump_to_end(build *b, build_control *control)
{
    if (!berthi_build_is_live(b))
        return;
    append(b, OP_JUMP);
    append_target(b, control);
}

/* The function's end can always be jumped to, whatever came before it. */
void berthi_build_emit_return(build *b)
{
    append(b, OP_RETURN);
}

void berthi_build_fill_hole(build *b, uint32_t hole)
{
    if (b->c.error == NULL && hole != 0)
        b->words[hole] = b->words_count;
}

void berthi_build_patch_end(build *b, const build_control *control)
{
    uint32_t next;

    if (b->c.error != NULL)
        return;
    for (uint32_t hole = control->patches; hole != 0; hole = next) {
        next = b->words[hole];
        b->words[hole] = b->words_count;
    }
}
