/* berth/value.h - values whose type is known at run time only: for tools, tests and scripting hosts.
 *
 * A type says what a value is made of, and comes from a function that a slot has now, from a contract,
 * or from its text.  A value is a type and where the value lies, in the layout that typed calls take
 * (docs/host-layout.md): nothing is converted, so `data` is what berth_slot_invoke() is given, and
 * whatever lies in that layout is a value when it is put beside its type.  Strings and lists are in
 * the arena that is named when they are made, as the value itself is.
 *
 *     berth_type *func;                        // func(path: string, width: u32) -> result<...>
 *     berth_value args, result;
 *
 *     berth_slot_func_type(slot, "render", &func, &diag);
 *     berth_value_make(berth_type_params(func), arena, &args, &diag);
 *     berth_value_set_string(berth_value_field(args, "path"), "a.png", 5, arena, &diag);
 *     berth_value_set_u64(berth_value_field(args, "width"), 64, &diag);
 *     berth_slot_invoke_value(slot, "render", func, args, &call, &result, &diag);
 *
 * Where there is no such part, a value without a type is answered; nothing is set in that or read of it
 * (BERTH_E_INVALID), so that steps follow each other unasked.  Functions that take `arena` are not called
 * for one arena by two threads at a time; nor is a value set while others read it.
 * Words: <berth/base.h>.  Stability: draft until 1.0.
 */
#ifndef BERTH_VALUE_H
#define BERTH_VALUE_H

#include <berth/contract.h>
#include <berth/invoke.h>
#include <berth/layout.h>
#include <berth/session.h>

BERTH_BEGIN

typedef struct berth_type berth_type; /* never changes */

/* Append-only. */
typedef enum berth_kind {
    BERTH_KIND_BOOL = 1,
    BERTH_KIND_S8 = 2,
    BERTH_KIND_U8 = 3,
    BERTH_KIND_S16 = 4,
    BERTH_KIND_U16 = 5,
    BERTH_KIND_S32 = 6,
    BERTH_KIND_U32 = 7,
    BERTH_KIND_S64 = 8,
    BERTH_KIND_U64 = 9,
    BERTH_KIND_F32 = 10,
    BERTH_KIND_F64 = 11,
    BERTH_KIND_CHAR = 12,
    BERTH_KIND_STRING = 13,
    BERTH_KIND_LIST = 14,
    BERTH_KIND_FIXED_LIST = 15,
    BERTH_KIND_MAP = 16,
    BERTH_KIND_RECORD = 17,
    BERTH_KIND_TUPLE = 18,
    BERTH_KIND_VARIANT = 19,
    BERTH_KIND_ENUM = 20,
    BERTH_KIND_OPTION = 21,
    BERTH_KIND_RESULT = 22,
    BERTH_KIND_FLAGS = 23,
    BERTH_KIND_OWN = 24,
    BERTH_KIND_BORROW = 25,
    BERTH_KIND_FUNC = 26 /* of no value, but of what takes and gives some */
} berth_kind;

#define BERTH_TYPE_NONE UINT32_MAX

/* ---- where types come from ---- */

/* Reads a type: "list<u8>", "record { name: string, age: u8 }", "variant { days(u32), forever }",
 * "func(id: u32) -> result<string>", "own<resource>": the words of WIT, with every named type written
 * out.  `allocator` may be NULL for the C library's heap.
 * Gives *type_out; end it with berth_type_destroy().
 * Thread: any.  Blocks: never.
 * Fails: BERTH_E_INVALID (with the column), BERTH_E_LIMIT (64 KiB of text, 100 types within each
 *        other, 2^28 bytes of one value without what it points at), BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_type_parse(const berth_allocator *allocator,
                                                      const char *text, berth_type **type_out,
                                                      berth_diag *diag);

/* The type that a function has in the slot's current version; `name` is as in berth_slot_func().
 * Gives *type_out; end it with berth_type_destroy(), before the runtime.
 * Thread: any.  Blocks: briefly.  Fails: BERTH_E_ABSENT (nothing is installed, or it has no such
 *        function), BERTH_E_INVALID, BERTH_E_LIMIT, BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_slot_func_type(berth_slot *slot, const char *name,
                                                          berth_type **type_out,
                                                          berth_diag *diag);

/* The type of that name in the contract's interface, or the type of the function of that name.
 * Gives *type_out; end it with berth_type_destroy().
 * Thread: any.  Blocks: never.  Fails: BERTH_E_ABSENT (no such name), BERTH_E_INVALID (a resource: only
 *        handles of it are values; what is asynchronous), BERTH_E_LIMIT, BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_contract_type(const berth_contract *contract,
                                                         const char *name,
                                                         berth_type **type_out,
                                                         berth_diag *diag);

/* Ends what one of the three above gave, and all its parts with it.  NULL is left alone.
 * Thread: one.  Blocks: never. */
BERTH_API void berth_type_destroy(berth_type *type);

/* ---- looking into types ---- */

/* A berth_kind.  Thread: any.  Blocks: never. */
BERTH_API int32_t berth_type_kind(const berth_type *type);

/* How many parts it has: fields, items, parameters, flags; cases, which for an option are none and some,
 * for a result ok and err; 1 for a list, 2 for a map (key, value); else 0.  Thread: any.  Blocks: never. */
BERTH_API uint32_t berth_type_count(const berth_type *type);

/* The type of a part.  NULL: a flag, a case without payload, or past the end.  Lends it until the type
 * that it is a part of is destroyed.  Thread: any.  Blocks: never. */
BERTH_API const berth_type *berth_type_part(const berth_type *type, uint32_t index);

/* The name of a part, not terminated; empty where parts have none.
 * Lends it as berth_type_part() does.  Thread: any.  Blocks: never. */
BERTH_API berth_string berth_type_name(const berth_type *type, uint32_t index);

/* The part of that name, or BERTH_TYPE_NONE.  Thread: any.  Blocks: never. */
BERTH_API uint32_t berth_type_find(const berth_type *type, const char *name);

/* Of a function: a record with its parameters, and its result or NULL.  Of other types: NULL.
 * Lends them as berth_type_part() does.  Thread: any.  Blocks: never. */
BERTH_API const berth_type *berth_type_params(const berth_type *func);

/* See berth_type_params().  Thread: any.  Blocks: never. */
BERTH_API const berth_type *berth_type_result(const berth_type *func);

/* Bytes of a value, without what it points at, and its alignment; 0 of a function.
 * Thread: any.  Blocks: never. */
BERTH_API size_t berth_type_size(const berth_type *type);

/* See berth_type_size().  Thread: any.  Blocks: never. */
BERTH_API size_t berth_type_align(const berth_type *type);

/* Not 0: values of one are values of the other, part for part.  NULL is the type of nothing.
 * Thread: any.  Blocks: never. */
BERTH_API int32_t berth_type_is_same(const berth_type *a, const berth_type *b);

/* The text that berth_type_parse() reads.
 * Gives *text_out, terminated, which the arena lends.
 * Thread: one per arena.  Blocks: never.  Fails: BERTH_E_LIMIT (64 KiB), BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_type_write(const berth_type *type,
                                                      berth_arena *arena, const char **text_out,
                                                      berth_diag *diag);

/* ---- values ---- */

/* A plain value that lends both; whoever has the memory may make one. */
typedef struct berth_value {
    const berth_type *type; /* NULL: no value at all */
    void *data;             /* berth_type_size() bytes, aligned */
} berth_value;
#define BERTH_VALUE_INIT BERTH_INIT(NULL, NULL)

/* Makes the first value of a type: 0, false, "", no items, the first case (none, ok), no flags.
 * Gives *value_out, which the arena lends.
 * Thread: one per arena.  Blocks: never.  Fails: BERTH_E_INVALID (a function's type), BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_value_make(const berth_type *type,
                                                      berth_arena *arena,
                                                      berth_value *value_out, berth_diag *diag);

/* How many parts there are: fields, items of a list or tuple, keys and values of a map in turn; 1
 * for a case with a payload; else 0.  Thread: any.  Blocks: never. */
BERTH_API size_t berth_value_count(berth_value value);

/* A part; its data lie within the value, or are what it points at.  Without a type: there is no such.
 * Thread: any.  Blocks: never. */
BERTH_API berth_value berth_value_at(berth_value value, size_t index);

/* The field of that name, or the payload of that case when it is the one that is chosen.
 * Without a type: there is no such.  Thread: any.  Blocks: never. */
BERTH_API berth_value berth_value_field(berth_value value, const char *name);

/* Integers, bool (0, 1), char (its code), flags (bit k for flag k), handles.
 * Gives *number_out.  Thread: any.  Blocks: never.
 * Fails: BERTH_E_INVALID (another kind, or less than 0). */
BERTH_API BERTH_CHECKED berth_status berth_value_get_u64(berth_value value,
                                                         uint64_t *number_out,
                                                         berth_diag *diag);

/* The same with a sign.  Gives *number_out.  Thread: any.  Blocks: never.
 * Fails: BERTH_E_INVALID (another kind, or more than INT64_MAX). */
BERTH_API BERTH_CHECKED berth_status berth_value_get_s64(berth_value value, int64_t *number_out,
                                                         berth_diag *diag);

/* f32 and f64.  Gives *number_out.  Thread: any.  Blocks: never.  Fails: BERTH_E_INVALID (another
 * kind). */
BERTH_API BERTH_CHECKED berth_status berth_value_get_f64(berth_value value, double *number_out,
                                                         berth_diag *diag);

/* Gives *text_out, which is what the value points at.  Thread: any.  Blocks: never.
 * Fails: BERTH_E_INVALID (no string, or a null pointer with a size). */
BERTH_API BERTH_CHECKED berth_status berth_value_get_string(berth_value value,
                                                            berth_string *text_out,
                                                            berth_diag *diag);

/* The case that is chosen, as a part of the type: of a variant, enum, option or result.
 * Gives *index_out.  Thread: any.  Blocks: never.
 * Fails: BERTH_E_INVALID (another kind, or a tag beyond the cases). */
BERTH_API BERTH_CHECKED berth_status berth_value_get_case(berth_value value,
                                                          uint32_t *index_out,
                                                          berth_diag *diag);

/* What berth_value_get_u64() reads.  Thread: one.  Blocks: never.
 * Fails: BERTH_E_INVALID (another kind, or it does not fit: a bit without a flag, no character, a
 *        bool above 1), and the value is as before. */
BERTH_API BERTH_CHECKED berth_status berth_value_set_u64(berth_value value, uint64_t number,
                                                         berth_diag *diag);

/* The same with a sign.  Thread: one.  Blocks: never.  Fails: as berth_value_set_u64(). */
BERTH_API BERTH_CHECKED berth_status berth_value_set_s64(berth_value value, int64_t number,
                                                         berth_diag *diag);

/* f32 and f64, rounded.  Thread: one.  Blocks: never.
 * Fails: BERTH_E_INVALID (another kind, or it would round to infinity). */
BERTH_API BERTH_CHECKED berth_status berth_value_set_f64(berth_value value, double number,
                                                         berth_diag *diag);

/* A copy of `size` bytes of UTF-8 in the arena.  Thread: one per arena.  Blocks: never.
 * Fails: BERTH_E_INVALID (no string, or no UTF-8), BERTH_E_LIMIT (2^28 bytes), BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_value_set_string(berth_value value, const char *text,
                                                            size_t size, berth_arena *arena,
                                                            berth_diag *diag);

/* Chooses a case; its payload is the first value of its type.  Thread: one.  Blocks: never.
 * Fails: BERTH_E_INVALID (another kind, or no such case). */
BERTH_API BERTH_CHECKED berth_status berth_value_set_case(berth_value value, uint32_t index,
                                                          berth_diag *diag);

/* Makes a list, or a map, one of so many parts: those that are there stay, the others are the first value of
 * their type.  What berth_value_at() gave of it before is no part of it any more.
 * Thread: one per arena.  Blocks: never.
 * Fails: BERTH_E_INVALID (another kind; a map with a key too many), BERTH_E_LIMIT (2^28 bytes),
 *        BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_value_resize(berth_value value, size_t count,
                                                        berth_arena *arena, berth_diag *diag);

/* Whether it is a value of its type, all of it: tags below the cases, text that is UTF-8, characters that
 * are some, no null pointer with a count, no bit without a flag.  What is made and set here is, what a
 * component gave is; what a native plugin gave is as good as the plugin.
 * Thread: any.  Blocks: never.  Fails: BERTH_E_INVALID. */
BERTH_API BERTH_CHECKED berth_status berth_value_check(berth_value value, berth_diag *diag);

/* Copies a value with all that it points at, `bytes_max` at most (0: 64 MiB).
 * Gives *copy_out, which the arena lends.  Thread: one per arena.  Blocks: never.
 * Fails: as berth_value_check(); BERTH_E_LIMIT, BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_value_copy(berth_value value, size_t bytes_max,
                                                      berth_arena *arena, berth_value *copy_out,
                                                      berth_diag *diag);

/* The order of two values of the same type.  Numbers, characters and handles go by size, -0.0 before 0.0
 * and any NaN behind all and like any other; text by its bytes; cases by their place and then by what
 * they carry; flags as one number; all else part by part, what ends first coming first.
 * Gives *order_out: less than 0, 0, or more.  Thread: any.  Blocks: never.
 * Fails: as berth_value_check(), for either; BERTH_E_INVALID (types that are not the same). */
BERTH_API BERTH_CHECKED berth_status berth_value_compare(berth_value a, berth_value b,
                                                         int32_t *order_out, berth_diag *diag);

/* ---- values as text, docs/values.md ---- */

/* Reads `size` bytes of text, all of it, in a format of <berth/invoke.h>; the value takes at most
 * `bytes_max` (0: 64 MiB).  Gives *value_out, which the arena lends.
 * Thread: one per arena.  Blocks: never.
 * Fails: BERTH_E_INVALID with the column, what was expected there, and the line with a caret below;
 *        handles are never read; BERTH_E_LIMIT, BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_value_read(const berth_type *type, uint32_t format,
                                                      const char *text, size_t size,
                                                      size_t bytes_max, berth_arena *arena,
                                                      berth_value *value_out, berth_diag *diag);

/* Writes a value as text on one line that reads as the same value again.
 * Gives *text_out, terminated, which the arena lends.
 * Thread: one per arena.  Blocks: never.  Fails: as berth_value_check(); BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_value_write(berth_value value, uint32_t format,
                                                       berth_arena *arena,
                                                       const char **text_out, berth_diag *diag);

/* ---- calls ---- */

/* Calls a function by its name.  `func` is its type, and `args` a value of berth_type_params(func), or none
 * where there are no parameters.  A version in which the name means something else is not called.
 * Gives *result_out, which lies in the call's arena; one without a type for a function without result.
 * Thread: any.  Blocks: as berth_slot_call().
 * Fails: as berth_value_check() for `args`; as berth_slot_func() and berth_slot_invoke();
 *        BERTH_E_INVALID (`func` is no function's type, or `args` are of another type). */
BERTH_API BERTH_CHECKED berth_status berth_slot_invoke_value(
    berth_slot *slot, const char *name, const berth_type *func, berth_value args,
    const berth_call *call, berth_value *result_out, berth_diag *diag);

/* The same in a session, where handles mean something.
 * Gives *result_out as berth_slot_invoke_value() does.
 * Thread: one at a time.  Blocks: as berth_slot_call().
 * Fails: as berth_slot_invoke_value(); as berth_session_invoke(). */
BERTH_API BERTH_CHECKED berth_status berth_session_invoke_value(
    berth_session *session, const char *name, const berth_type *func, berth_value args,
    const berth_call *call, berth_value *result_out, berth_diag *diag);

BERTH_END
#endif /* BERTH_VALUE_H */
