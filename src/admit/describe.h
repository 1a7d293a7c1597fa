/* admit/describe.h - types and sections of a module in words.  Private to src/admit. */
#ifndef BERTHI_ADMIT_DESCRIBE_H
#define BERTHI_ADMIT_DESCRIBE_H

#include "wasm/module.h"

enum { BERTHI_TYPE_TEXT_SIZE = 160 }; /* longer ones are cut and end in "..." */

/* "func", "table", "memory", "global". */
const char *berthi_extern_kind_name(uint8_t kind);

/* "type", "import", ...; "custom" for 0. */
const char *berthi_section_id_name(uint8_t id);

/* "(i32, i32) -> (i64)" for a function type, and for a signature such as "ii:I". */
void berthi_functype_show(char out[BERTHI_TYPE_TEXT_SIZE], const berthi_functype *type);
void berthi_signature_show(char out[BERTHI_TYPE_TEXT_SIZE], const char *signature);

/* The type of what an import or export names: a function type, "1..16 pages",
 * "10.. funcref", "mut i32".  */
void berthi_extern_show(char out[BERTHI_TYPE_TEXT_SIZE], const berthi_wasm_info *info,
                        uint8_t kind, uint32_t index);

/* The section of that id (not custom), or NULL. */
const berthi_wasm_section *berthi_section_find(const berthi_wasm_info *info, uint8_t id);

bool berthi_name_starts(berthi_name name, const char *prefix);

#endif
