/* component/types/type_text.h - types in the words of WIT, for messages.  Layer: component. */
#ifndef BERTHI_COMPONENT_TYPE_TEXT_H
#define BERTHI_COMPONENT_TYPE_TEXT_H

#include "component/types/types.h"

enum { BERTHI_CM_TYPE_TEXT_ROOM = 160 };

/* Text of a value or function type ("record { a: u32 }", "func(s: string) -> u32"), cut where it
 * becomes too long; each call has its own buffer.  NULL, a function without result, is "nothing". */
typedef struct berthi_cm_type_shown {
    char text[BERTHI_CM_TYPE_TEXT_ROOM];
} berthi_cm_type_shown;
berthi_cm_type_shown berthi_cm_type_show(const berthi_cm_type *type);

/* The same whole, with names of any length.  False: it does not fit into `room` bytes (at least
 * 8). */
bool berthi_cm_type_write(const berthi_cm_type *type, char *out, size_t room);

/* The word of WIT for a type's kind, such as BERTHI_CM_LIST; "type" for what is none. */
const char *berthi_cm_kind_word(uint32_t kind);

#endif
