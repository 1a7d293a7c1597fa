/* tests/support/wasm_builder.h - core modules made byte by byte, also wrong ones.
 *
 * Sections are kept apart and written in the order that the format asks for; custom sections go
 * to the end (or to the front with wasm_custom_first).  Anything stranger is made by putting
 * bytes into a section's body, or by changing the bytes that wasm_finish() gives.
 * Runs out of memory: aborts.  It is for tests only.
 */
#ifndef BERTHT_WASM_BUILDER_H
#define BERTHT_WASM_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct bertht_buf {
    uint8_t *data;
    size_t size, room;
} bertht_buf;

void buf_byte(bertht_buf *b, unsigned byte);
void buf_bytes(bertht_buf *b, const void *bytes, size_t size);
void buf_u32(bertht_buf *b, uint32_t value); /* LEB128 */
void buf_u64(bertht_buf *b, uint64_t value); /* LEB128 */
void buf_s64(bertht_buf *b, int64_t value);  /* signed LEB128; for i32 constants too */
void buf_name(bertht_buf *b, const char *name);
void buf_free(bertht_buf *b); /* empty again */

enum { WASM_SECTIONS = 14 /* ids 1 to 12; 13 is the tag section */ };

typedef struct bertht_wasm {
    bertht_buf section[WASM_SECTIONS]; /* entries without their count; by id */
    uint32_t count[WASM_SECTIONS];
    bool keep_empty[WASM_SECTIONS];       /* written even when there is nothing in it */
    bertht_buf custom_first, custom_last; /* whole sections */
    uint32_t imported_funcs, funcs;       /* funcs: imported ones too */
    bool has_start;
    uint32_t start;
} bertht_wasm;

/* A zeroed struct is an empty module. */
void wasm_free(bertht_wasm *m);

/* Signatures read "params:results" in the letters i (i32), I (i64), f (f32), F (f64),
 * r (funcref), x (externref), v (v128), as in "ii:I".  Each call adds a type of its own. */
uint32_t wasm_type(bertht_wasm *m, const char *signature);

/* Imports come before everything of their kind.  Each gives the index of what it made. */
uint32_t wasm_import_func(bertht_wasm *m, const char *module, const char *name,
                          const char *signature);
void wasm_import_memory(bertht_wasm *m, const char *module, const char *name, uint32_t min);
void wasm_import_table(bertht_wasm *m, const char *module, const char *name, uint32_t min);
void wasm_import_global(bertht_wasm *m, const char *module, const char *name, uint8_t type,
                        bool is_mutable);

/* A function with `code` as its instructions, without locals and without the final `end`. */
uint32_t wasm_func(bertht_wasm *m, const char *signature, const void *code, size_t size);
/* The same with `locals` more locals of type i32. */
uint32_t wasm_func_locals(bertht_wasm *m, const char *signature, uint32_t locals,
                          const void *code, size_t size);

/* flags as in the format: 1 has a maximum, 2 shared, 4 is 64-bit. */
void wasm_memory(bertht_wasm *m, uint8_t flags, uint64_t min, uint64_t max);
void wasm_table(bertht_wasm *m, uint8_t element_type, uint8_t flags, uint64_t min,
                uint64_t max);
void wasm_global_i32(bertht_wasm *m, bool is_mutable, int32_t value);
void wasm_export(bertht_wasm *m, const char *name, uint8_t kind, uint32_t index);
void wasm_export_bytes(bertht_wasm *m, const void *name, size_t name_size, uint8_t kind,
                       uint32_t index);
void wasm_start(bertht_wasm *m, uint32_t func);
void wasm_elements(bertht_wasm *m, uint32_t offset, const uint32_t *funcs, uint32_t count);
void wasm_data(bertht_wasm *m, uint32_t offset, const void *bytes, size_t size);
void wasm_custom(bertht_wasm *m, const char *name, const void *body, size_t size);
void wasm_custom_first(bertht_wasm *m, const char *name, const void *body, size_t size);

/* The module's bytes; end them with free().  Does not end `m`. */
uint8_t *wasm_finish(const bertht_wasm *m, size_t *size_out);

#endif
