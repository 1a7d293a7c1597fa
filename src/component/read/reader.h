/* component/read/reader.h - what the two halves of the reader share.  Layer: component. */
#ifndef BERTHI_COMPONENT_READER_H
#define BERTHI_COMPONENT_READER_H

#include "component/component.h"
#include "wasm/cursor.h"

typedef struct berthi_cm_reader {
    berthi_cursor c;
    berthi_arena *arena;
    uint32_t definitions; /* so far, in the whole file */
    berth_diag *diag;
    bool is_reported; /* diag is filled already, by the reader of core modules */
} berthi_cm_reader;

/* An array in the arena, or the cursor fails. */
void *berthi_cm_array(berthi_cm_reader *r, size_t count, size_t size);
void berthi_cm_reject_at(berthi_cm_reader *r, uint32_t at, const char *text);

/* A count of definitions, charged to the bound of the whole file. */
uint32_t berthi_cm_read_definitions(berthi_cm_reader *r);

/* Parts of definitions that types have, too. */
void berthi_cm_read_extern_name(berthi_cm_reader *r, berthi_cm_def *def);
void berthi_cm_read_bound(berthi_cm_reader *r, berthi_cm_bound *bound);
void berthi_cm_read_alias(berthi_cm_reader *r, berthi_cm_def *def);

/* read_types.c */
berthi_cm_ref berthi_cm_read_ref(berthi_cm_reader *r);
berthi_cm_ref berthi_cm_read_result(berthi_cm_reader *r);
void berthi_cm_read_type(berthi_cm_reader *r, berthi_cm_def *def, uint32_t depth);
void berthi_cm_read_core_type(berthi_cm_reader *r, berthi_cm_def *def);

/* read_canon.c */
void berthi_cm_read_canon(berthi_cm_reader *r, berthi_cm_def *def);

#endif
