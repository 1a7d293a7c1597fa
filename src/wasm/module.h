/* wasm/module.h - reading a core module's binary form without trusting it.
 *
 * One pass over the bytes gives a description: types, imports, exports, limits, custom sections,
 * and where everything lies.  It checks structure (section order and sizes, LEBs, indices that
 * the description itself needs), not function bodies; those are the validator's.  Every count is
 * checked against the bytes that are left before anything is allocated for it (I8), so an
 * arena of a small multiple of the input is enough.
 *
 * Names and section contents are lent from `bytes`, which must outlive the description.
 */
#ifndef BERTHI_WASM_MODULE_H
#define BERTHI_WASM_MODULE_H

#include "base/alloc.h"
#include "wasm/engine.h"

typedef struct berthi_name { /* UTF-8, checked; not terminated */
    const char *text;
    uint32_t size;
} berthi_name;

static inline berthi_name berthi_name_of(const char *text)
{
    return (berthi_name){ text, (uint32_t)strlen(text) };
}

static inline bool berthi_name_is(berthi_name name, const char *text)
{
    return name.size == strlen(text) && memcmp(name.text, text, name.size) == 0;
}

typedef struct berthi_wasm_size { /* limits of a memory (pages) or table (elements) */
    uint64_t min, max;
    bool has_max, is_shared, is_64;
} berthi_wasm_size;

typedef struct berthi_wasm_table {
    berthi_wasm_size size;
    uint8_t element_type;
} berthi_wasm_table;

typedef struct berthi_wasm_global {
    uint8_t type;
    bool is_mutable;
} berthi_wasm_global;

typedef struct berthi_wasm_import {
    berthi_name module, name;
    uint8_t kind;   /* BERTHI_EXTERN_* */
    uint32_t index; /* in the index space of its kind */
} berthi_wasm_import;

typedef struct berthi_wasm_export {
    berthi_name name;
    uint8_t kind;
    uint32_t index;
} berthi_wasm_export;

typedef struct berthi_wasm_range { /* within the module's bytes */
    uint32_t offset, size;
} berthi_wasm_range;

typedef struct berthi_wasm_section {
    uint8_t id;             /* 0 custom */
    berthi_name name;       /* of a custom section */
    berthi_wasm_range body; /* behind the name for a custom section */
} berthi_wasm_section;

/* Where a constant expression lies, its `end` included; size 0: there is none. */
typedef struct berthi_wasm_element {
    bool is_active, is_declared; /* neither: passive */
    bool has_expressions;        /* items are constant expressions, else function indices */
    uint8_t type;
    uint32_t table;
    berthi_wasm_range offset; /* a constant expression, when active */
    berthi_wasm_range items;
    uint32_t count;
} berthi_wasm_element;

typedef struct berthi_wasm_data {
    bool is_active;
    uint32_t memory;
    berthi_wasm_range offset; /* a constant expression, when active */
    berthi_wasm_range bytes;
} berthi_wasm_data;

/* Index spaces put imports first, as the format does. */
typedef struct berthi_wasm_info {
    const uint8_t *bytes; /* lent */
    uint32_t size;
    uint32_t types_count, imports_count, funcs_count, tables_count, memories_count;
    uint32_t globals_count, exports_count, elements_count, data_count, sections_count;
    uint32_t imported_funcs, imported_tables, imported_memories, imported_globals;
    berthi_functype *types;
    berthi_wasm_import *imports;
    uint32_t *funcs; /* type index of each function */
    berthi_wasm_table *tables;
    berthi_wasm_size *memories;
    berthi_wasm_global *globals;
    berthi_wasm_export *exports;
    berthi_wasm_section *sections; /* in file order */
    berthi_wasm_range *bodies;     /* of defined functions: behind the size, locals included */
    berthi_wasm_range *inits;      /* constant expressions of defined globals */
    berthi_wasm_element *elements;
    berthi_wasm_data *data;
    bool has_start, has_data_count;
    uint32_t start;
} berthi_wasm_info;

enum berthi_wasm_form { BERTHI_FORM_OTHER, BERTHI_FORM_MODULE, BERTHI_FORM_COMPONENT };

/* What the first eight bytes say. */
enum berthi_wasm_form berthi_wasm_form(const uint8_t *bytes, size_t size);

/* Fills *info_out from `bytes`, allocating from `arena` alone.
 * Fails: BERTH_E_REJECTED (malformed: what, and "at byte N"), BERTH_E_LIMIT (a count past
 * the limits in module.c), BERTH_E_NOMEM.  Value types that need features nobody here provides
 * are rejected by name. */
berth_status berthi_wasm_read(const uint8_t *bytes, size_t size, berthi_arena *arena,
                              berthi_wasm_info *info_out, berth_diag *diag);

/* The export of that name, or NULL. */
const berthi_wasm_export *berthi_wasm_find_export(const berthi_wasm_info *info,
                                                  const char *name);

/* The value type that signatures write as i, I, f or F; 0 for any other letter. */
uint8_t berthi_wasm_type_of_letter(char letter);

/* The function behind an export is (params) -> (results) of exactly these types. */
bool berthi_wasm_func_is(const berthi_wasm_info *info, const berthi_wasm_export *e,
                         const char *signature /* such as "ii:I"; i I f F */);

#endif
