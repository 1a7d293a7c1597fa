/* component/value/value.h - values whose type is known at run time only, as text.
 *
 * In memory a value has host layout (plan.h), so what is read here can be given to a call, and what a
 * call gave can be written.  Text is WAVE, the component model's value encoding
 * (`{name: "a", tags: [1, 2]}`), or JSON; docs/values.md says how either writes which type.  A type
 * directs the reading of its values: depth is bounded by the type's, memory by what the caller allows.
 *
 * Handles have no text that could be read: a number that anybody can write is no right to a resource.
 * They are written as own(17); what is asynchronous is neither read nor written.
 *
 * Errors name the column, what was expected of which type and what is there, and show the line with
 * a caret below:
 *
 *     column 15: expected u32 for `age`, found a string
 *       {name: "a", age: "x"}
 *                        ^
 *
 * Layer: component.  Read first: types.h, the layout in plan.h. */
#ifndef BERTHI_COMPONENT_VALUE_H
#define BERTHI_COMPONENT_VALUE_H

#include "base/reply_arena.h"
#include "base/text_buf.h"
#include "component/types/types.h"

enum { BERTHI_CM_VALUE_MEMORY_MAX = 64 << 20 }; /* of one value, by default */

/* Where read values go. */
typedef struct berthi_cm_value_room {
    berth_arena *arena;
    size_t bytes_max; /* that one reading may take of it; 0: BERTHI_CM_VALUE_MEMORY_MAX */
} berthi_cm_value_room;

/* How many bytes the tag of so many cases has, in either layout. */
static inline uint32_t berthi_cm_tag_size(uint32_t cases)
{
    return cases <= 256 ? 1 : cases <= 65536 ? 2 : 4;
}

/* ---------------------------------------------------------------- WAVE */

/* Reads one value of `type`, all of the text.
 * Fails: BERTH_E_INVALID with where and why, BERTH_E_LIMIT, BERTH_E_NOMEM. */
berth_status berthi_cm_wave_read(const char *text, size_t size, const berthi_cm_type *type,
                                 const berthi_cm_value_room *room, const void **value_out,
                                 berth_diag *diag) __attribute__((warn_unused_result));

/* Appends the value to `out`, whose failure is the caller's to notice.
 * Fails: BERTH_E_INVALID when it is no value of that type (a tag beyond the cases, text that is not
 * UTF-8, a null pointer). */
berth_status berthi_cm_wave_write(berthi_text_buf *out, const berthi_cm_type *type,
                                  const void *value, berth_diag *diag)
    __attribute__((warn_unused_result));

/* What `ns:pkg/iface@1.2.0#f("text", [1, 2])` or `f(...)` calls; names are lent from the text. */
typedef struct berthi_cm_wave_call {
    berthi_name instance; /* empty: a function of the root */
    berthi_name function;
    size_t arguments_at; /* its opening parenthesis */
} berthi_cm_wave_call;

berth_status berthi_cm_wave_call_read(const char *text, size_t size,
                                      berthi_cm_wave_call *call_out, berth_diag *diag)
    __attribute__((warn_unused_result));

/* The arguments of that call as a struct in host layout; options at the end may be left out. */
berth_status berthi_cm_wave_arguments(const char *text, size_t size,
                                      const berthi_cm_wave_call *call,
                                      const berthi_cm_type *func,
                                      const berthi_cm_value_room *room, const void **args_out,
                                      berth_diag *diag) __attribute__((warn_unused_result));

/* ---------------------------------------------------------------- JSON */

/* The same as JSON (docs/values.md): read with limits of its own, written on one line. */
berth_status berthi_cm_json_read(const char *text, size_t size, const berthi_cm_type *type,
                                 const berthi_cm_value_room *room, const void **value_out,
                                 berth_diag *diag) __attribute__((warn_unused_result));
berth_status berthi_cm_json_write(berthi_text_buf *out, const berthi_cm_type *type,
                                  const void *value, berth_diag *diag)
    __attribute__((warn_unused_result));

#endif
