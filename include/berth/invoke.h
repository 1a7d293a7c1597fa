/* berth/invoke.h - typed calls: any function that a component in a slot exports.
 *
 * A hook takes bytes and gives bytes; a typed call takes the parameters of a WIT function as a C
 * struct and leaves its result as one (docs/host-layout.md).  What a function is called and what its
 * type is are agreed upon once, so that a call never meets a version that means something else by
 * the name.  Words: <berth/base.h>.  Stability: draft until 1.0.
 */
#ifndef BERTH_INVOKE_H
#define BERTH_INVOKE_H

#include <berth/slot.h>

BERTH_BEGIN

/* Grows at the end only; set `size`.  What does not fit the caller's structs is a misunderstanding
 * that should end the program: compare them once. */
typedef struct berth_func {
    uint32_t size;
    uint32_t number; /* for berth_call.hook of berth_slot_invoke(), and of nothing else */
    uint32_t args_size, args_align;     /* of the struct of all parameters */
    uint32_t result_size, result_align; /* 0: there is no result */
} berth_func;
#define BERTH_FUNC_INIT BERTH_INIT((uint32_t)sizeof(berth_func), 0, 0, 0, 0, 0)

/* The number by which typed calls name a function; the same for all versions of the slot.
 * `name` is that of an export, or "ns:pkg/interface@1.0.0#function".  `type` is its type in the words
 * of WIT with every named type written out, such as "func(id: u32) -> result<string>"; blanks do not
 * matter.  NULL takes the type that it has in the current version; else the version may come
 * later, and sizes that nobody can know yet are 0.
 * Gives *func_out, whose `size` has to be set before.  Thread: any.  Blocks: briefly.
 * Fails: BERTH_E_INVALID (name, size), BERTH_E_ABSENT (no type was given, and the current version has
 *        no such function), BERTH_E_STATE (it is agreed upon with another type), BERTH_E_LIMIT
 *        (10 000 functions per slot; the type is too long), BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_slot_func(berth_slot *slot, const char *name,
                                                     const char *type, berth_func *func_out,
                                                     berth_diag *diag);

/* Calls a function of the current version.  `args` points at the parameters, `result` at room for
 * the result (either may be NULL where the function has none); `call` names the function, the arena
 * that receives strings and lists of the result, and the deadline; it has no input.  *result is
 * written only on success.
 * Thread: any.  Blocks: as berth_slot_call().
 * Fails: as berth_slot_call(); BERTH_E_ABSENT also when this version exports no such function, or one
 *        of another type; BERTH_E_INVALID when `args` hold what the type does not allow;
 *        BERTH_E_REJECTED when its values hold handles, which a session is for (<berth/session.h>).
 * `call` is not checked for NULL in release builds, `args` and `result` never are. */
BERTH_API BERTH_CHECKED berth_status berth_slot_invoke(berth_slot *slot, const void *args,
                                                       void *result, const berth_call *call,
                                                       berth_diag *diag);

/* As berth_slot_invoke(), in the leased version.  The number is one that berth_slot_func() gave for the
 * slot.  Thread: any.  Blocks: as berth_slot_call().  Fails: as berth_slot_invoke(); BERTH_E_INVALID
 * also for BERTH_LEASE_NONE. */
BERTH_API BERTH_CHECKED berth_status berth_lease_invoke(const berth_lease *lease,
                                                        const void *args, void *result,
                                                        const berth_call *call,
                                                        berth_diag *diag);

enum { BERTH_TEXT_WAVE = 0, BERTH_TEXT_JSON = 1 };

/* Calls what `text` says, in WAVE, the value encoding of the component model: `f("a", [1, 2])`, or
 * `ns:pkg/interface@1.0.0#f({x: 1})` (docs/values.md).  `call` gives the arena and the deadline.  For
 * tools and people: it reads and writes text, allocates, and agrees upon the function.
 * Gives *text_out, the result as WAVE or as JSON on one line; where there is none, "" or "null".  The
 * arena lends it.  Thread: any.  Blocks: as berth_slot_call().
 * Fails: as berth_slot_func() and berth_slot_invoke(); BERTH_E_INVALID with the column, what was
 *        expected there, and the line with a caret below; BERTH_E_ABSENT also when a swap came
 *        between reading the text and the call, and brought a function of another type. */
BERTH_API BERTH_CHECKED berth_status berth_slot_evaluate(berth_slot *slot, const char *text,
                                                         const berth_call *call,
                                                         uint32_t format, const char **text_out,
                                                         berth_diag *diag);

BERTH_END
#endif /* BERTH_INVOKE_H */
