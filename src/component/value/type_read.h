/* component/value/type_read.h - types from the text that type_text.h writes.  Layer: component. */
#ifndef BERTHI_COMPONENT_TYPE_READ_H
#define BERTHI_COMPONENT_TYPE_READ_H

#include "component/types/types.h"

/* Reads "record { a: u32 }" or, at the top alone, "func(a: u32) -> string", all of the text, which names
 * are lent from.  Each resource is one of its own kind.  There is one text for each type, but for blanks: what is
 * read here without them is what berthi_cm_type_write() writes without them.  Asynchronous types are not read.
 * Fails: BERTH_E_INVALID with the column, BERTH_E_LIMIT, BERTH_E_NOMEM, into `diag`. */
berth_status berthi_cm_type_read(berthi_cm_types *types, const char *text, size_t size,
                                 const berthi_cm_type **type_out, berth_diag *diag)
    __attribute__((warn_unused_result));

#endif
