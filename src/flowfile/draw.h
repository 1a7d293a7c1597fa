/* flowfile/draw.h - where the stages of a flow stand on paper.  Layer: flowfile.
 *
 *   draw.c  layers, and places in them     draw_svg.c  as a picture     draw_text.c  as lines of text
 */
#ifndef BERTHI_FLOWFILE_DRAW_H
#define BERTHI_FLOWFILE_DRAW_H

#include "flowfile/flow_file.h"

enum { FF_SPOTS_MAX = 4096 };

/* A stage, or where an edge passes through a layer between its ends. */
typedef struct ff_spot {
    uint32_t stage; /* FF_NONE: an edge passes */
    uint32_t layer;
    double place; /* from the top of the layer; a stage takes 1, a passing edge PASSING */
} ff_spot;

typedef struct ff_drawing {
    const ff_model *model;
    const berth_flow_live *live; /* as many as edges; NULL: it does not run */
    ff_spot *spots;              /* stages first, in their order */
    uint32_t spots_count;
    uint32_t *first,
        *steps;      /* of each edge: its first passing spot, and how many follow each other */
    uint32_t *order; /* stages, in the direction of the edges */
    uint32_t layers;
    double height; /* of the fullest layer */
} ff_drawing;

/* False: no memory. */
bool berthi_ff_lay_out(ff_drawing *d, berthi_arena *arena);
/* "redact.wasm" of "plugins/redact.wasm", the kind of an end. */
const char *berthi_ff_what(const ff_stage *stage);
void berthi_ff_draw_text(const ff_drawing *d, berthi_text_buf *out);
void berthi_ff_draw_svg(const ff_drawing *d, berthi_text_buf *out);
/* "12.3k" */
void berthi_ff_put_short(berthi_text_buf *out, uint64_t number);

#endif
