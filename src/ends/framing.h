/* ends/framing.h - where records begin and end in bytes, both ways.  Layer: ends.
 *
 *   lines       a newline ends a record; everything else is a part of it
 *   u32le/u32be, varint   the size of a record stands in front of it (varint: 7 bits a byte, the low ones first)
 *   json-lines  lines that are checked to be one JSON text each; blank ones are passed over
 *   csv         a row: ended by a newline (or CR LF) that is not within quotes; empty ones are passed over
 *   whole       all of it is one record
 *
 * A reader holds at most one record that is not complete, and what was read with it.  What happened to bytes
 * that are no record is a part of its place, so that whoever could not use what it found goes back. */
#ifndef BERTHI_ENDS_FRAMING_H
#define BERTHI_ENDS_FRAMING_H

#include "ends/end.h"

typedef enum berthi_framing { /* in the order of BERTHI_END_FRAMINGS */
                              BERTHI_FRAMING_LINES,
                              BERTHI_FRAMING_U32LE,
                              BERTHI_FRAMING_U32BE,
                              BERTHI_FRAMING_VARINT,
                              BERTHI_FRAMING_JSON_LINES,
                              BERTHI_FRAMING_CSV,
                              BERTHI_FRAMING_WHOLE
} berthi_framing;

/* How many bytes the size in front of a record takes; 0: not all of it is there; SIZE_MAX: it is none. */
size_t berthi_framing_header(berthi_framing framing, const uint8_t *from, size_t left,
                             uint64_t *size_out);

/* ---------------------------------------------------------------- reading */

typedef struct berthi_deframer_place {
    size_t at;        /* in the window: the next byte */
    size_t scanned;   /* from there: holds no end of a record */
    uint64_t offset;  /* of `at` in the stream */
    uint64_t discard; /* bytes to pass over */
    bool discards;    /* up to the next end of a record */
    bool has_header;  /* csv: the first row was seen */
    uint8_t row;      /* csv: where in a row the scan is */
    bool is_bad_row;
    uint64_t records, skipped, truncated, malformed;
} berthi_deframer_place;

typedef struct berthi_deframer {
    const berthi_end_values *values; /* lent: the rules */
    const berth_allocator *allocator;
    berthi_deframer_place place, published;
    uint8_t *data;
    size_t end, room;
    bool has_ended;           /* nothing comes behind what is there */
    const berth_label *label; /* lent: of each record; NULL: none */
} berthi_deframer;

typedef enum berthi_deframed {
    BERTHI_DEFRAMED_RECORD,
    BERTHI_DEFRAMED_MORE, /* it needs more bytes */
    BERTHI_DEFRAMED_END,
    BERTHI_DEFRAMED_BAD /* `diag` says what; it was passed over */
} berthi_deframed;

void berthi_deframer_init(berthi_deframer *d, const berth_allocator *a,
                          const berthi_end_values *values);
void berthi_deframer_fini(berthi_deframer *d);
/* A new stream begins: what is left of the old one is forgotten. */
void berthi_deframer_restart(berthi_deframer *d);

/* Room for at least `want` bytes; NULL: no memory.  Then says how many came. */
uint8_t *berthi_deframer_room(berthi_deframer *d, size_t want, size_t *room_out);
void berthi_deframer_filled(berthi_deframer *d, size_t size);
/* All of a stream, which is lent until the next one or the end. */
void berthi_deframer_lend(berthi_deframer *d, const void *data, size_t size);
/* Nothing is left in it: gives its memory back. */
void berthi_deframer_rest(berthi_deframer *d);

/* Lends *data_out until the next call that makes room. */
berthi_deframed berthi_deframer_next(berthi_deframer *d, const void **data_out,
                                     size_t *size_out, berth_diag *diag);
/* Bytes that are no record yet. */
size_t berthi_deframer_left(const berthi_deframer *d);
/* Adds what is new since the last time. */
void berthi_deframer_publish(berthi_deframer *d, berthi_end_counts *counts);

/* Emits up to a batch of what it has, or to what one call may emit.  *what_out is what came last; BAD and what a failed
 * call took back is there for the next call again, unless the stage's policy is to skip.  Fails: as berth_stage_emit(),
 * and for what is bad; BERTH_E_BUSY (a budget is used up now: the stage pauses, and the pull has not failed). */
berth_status berthi_deframer_emit(berthi_deframer *d, berth_stage *stage,
                                  berthi_deframed *what_out, berth_diag *diag);

/* ---------------------------------------------------------------- writing */

typedef struct berthi_framed { /* bytes to be written */
    const berth_allocator *allocator;
    uint8_t *data;
    size_t size, room;
    uint64_t records; /* in them */
} berthi_framed;

void berthi_framed_init(berthi_framed *f, const berth_allocator *a);
void berthi_framed_fini(berthi_framed *f);
static inline void berthi_framed_clear(berthi_framed *f)
{
    f->size = 0;
    f->records = 0;
}
/* Appends a record in its frame, or nothing.
 * Fails: BERTH_E_INVALID (it does not fit into the framing), BERTH_E_LIMIT (record_max), BERTH_E_NOMEM. */
berth_status berthi_framed_add(berthi_framed *f, const berthi_end_values *values,
                               berthi_end_counts *counts, const void *data, size_t size,
                               berth_diag *diag);

#endif
