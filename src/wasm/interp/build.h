/* interp/build.h - what compiling one function body needs.  Layer: wasm.
 *
 * One pass over the body type-checks each instruction (validate.c) and appends its lowered form
 * (lower.c).  Both see the same operand heights: in code that can be reached, the height of the
 * checker's stack is the height of the operand stack at run time. */
#ifndef BERTHI_INTERP_BUILD_H
#define BERTHI_INTERP_BUILD_H

#include "wasm/cursor.h"
#include "wasm/interp/interp.h"
#include "wasm/interp/ops.h"

enum { /* bounds on one function; past them a module is refused with BERTH_E_LIMIT */
       BUILD_LOCALS_MAX = 50000,
       BUILD_OPERANDS_MAX = 1000000,
       BUILD_NESTING_MAX = 100000,
       BUILD_WORK_MAX = 1000000000 /* types looked at in bulk, of all functions together */
};

enum { TYPE_UNKNOWN = 0 }; /* an operand of code that cannot be reached */

typedef struct build_type { /* of a block: params, then results */
    const uint8_t *params, *results;
    uint32_t params_count, results_count;
} build_type;

typedef struct build_control {
    uint8_t opcode;   /* of block, loop, if, else; 0: the function */
    bool unreachable; /* from here to the end of the block */
    bool was_live;    /* the block itself can be reached */
    build_type type;
    uint32_t height;  /* operands below the block's own */
    uint32_t target;  /* of branches to a loop */
    uint32_t patches; /* of branches to its end: a list through the words, 0 ends it */
    uint32_t else_patch;
} build_control;

typedef struct build {
    const berth_allocator *allocator;
    const berthi_wasm_info *info;
    const uint8_t *declared; /* bit set: functions that ref.func may name */
    berthi_cursor c;         /* over the body */
    uint32_t op_at;          /* where the instruction under way starts */
    uint8_t *locals;         /* types */
    size_t locals_capacity;
    uint32_t locals_count;
    uint8_t *operands; /* types */
    size_t operands_capacity;
    uint32_t height, height_max;
    build_control *controls;
    size_t controls_capacity;
    uint32_t depth;
    uint32_t *words;
    size_t words_capacity;
    uint32_t words_count;
    uint64_t work;
} build;

/* Makes room for `need` elements in a growing array of the builder's. */
bool berthi_build_reserve(build *b, void **array, size_t *capacity, size_t need, size_t size);
void berthi_build_fini(build *b);

/* Fails the function at the instruction under way. */
void berthi_build_reject(build *b, const char *text);

/* compile.c uses this: checks and lowers one body; words and heights are left in `b`. */
void berthi_build_function(build *b, uint32_t index, berthi_wasm_range body);

/* constant.c: checks a constant expression that gives `type` and may read the first
 * `globals_count` globals; its steps go to `arena`. */
void berthi_build_constant(berthi_cursor *c, const berthi_wasm_info *info,
                           uint32_t globals_count, uint8_t type, berthi_arena *arena,
                           interp_constant *constant_out);
void berthi_build_element_items(berthi_cursor *c, const berthi_wasm_info *info,
                                const berthi_wasm_element *element, interp_item *items);

/* validate.c: the operand and control stacks of the specification's algorithm. */
void berthi_build_push(build *b, uint8_t type);
void berthi_build_push_all(build *b, const uint8_t *types, uint32_t count);
uint8_t berthi_build_pop_any(build *b);
void berthi_build_pop(build *b, uint8_t type);
void berthi_build_pop_all(build *b, const uint8_t *types, uint32_t count);
/* Looks at the topmost operands without taking them. */
void berthi_build_check_all(build *b, const uint8_t *types, uint32_t count);
void berthi_build_unreachable(build *b);
void berthi_build_enter(build *b, uint8_t opcode, build_type type);
build_control berthi_build_leave(build *b);
/* The block that label `depth` names, or NULL and the function fails. */
build_control *berthi_build_label(build *b, uint32_t depth);
const uint8_t *berthi_build_label_types(const build_control *control, uint32_t *count_out);

static inline build_control *build_top(build *b)
{
    return &b->controls[b->depth - 1];
}

/* lower.c: appends to the code, when it can be reached. */
bool berthi_build_is_live(build *b);
void berthi_build_emit(build *b, uint32_t word);
void berthi_build_emit2(build *b, uint32_t op, uint32_t word);
void berthi_build_branch(build *b, build_control *to, bool is_conditional); /* br, br_if */
void berthi_build_branch_case(build *b, build_control *to);                 /* of br_table */
uint32_t berthi_build_emit_hole(build *b,
                                enum interp_op op); /* a jump whose target comes later */
void berthi_build_fill_hole(build *b, uint32_t hole);
void berthi_build_jump_to_end(build *b, build_control *control);
void berthi_build_emit_return(build *b);
void berthi_build_patch_end(build *b, const build_control *control);

#endif
