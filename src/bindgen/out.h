/* bindgen/out.h - source text that is written: lines, lists that are broken, comments.
 *
 * Writers need no checks: what found no memory, or would pass the bound, does nothing from then on,
 * and whoever takes the text learns it.  Layer: bindgen. */
#ifndef BERTHI_BINDGEN_OUT_H
#define BERTHI_BINDGEN_OUT_H

#include "base/text_buf.h"

enum {
    BERTHI_BG_COLUMNS = 96,
    BERTHI_BG_BYTES_MAX = 64 << 20 /* of one file */
};

typedef struct berthi_bg_out {
    berthi_text_buf text, item;
    unsigned indent;    /* of lines, in levels of four blanks */
    size_t line, align; /* where the line begins; the column that a list's lines begin at */
    bool is_first;      /* item of a list */
} berthi_bg_out;

void berthi_bg_out_init(berthi_bg_out *o, const berth_allocator *a);
void berthi_bg_out_fini(berthi_bg_out *o);
bool berthi_bg_out_is_full(const berthi_bg_out *o);

void berthi_bg_line(berthi_bg_out *o, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* At column 0, for the preprocessor. */
void berthi_bg_raw(berthi_bg_out *o, const char *text);
void berthi_bg_blank(berthi_bg_out *o); /* one empty line; none behind another or a "{" */

/* "head(" and items with commas between, broken where a line is full, and what ends it. */
void berthi_bg_open(berthi_bg_out *o, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void berthi_bg_item(berthi_bg_out *o, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void berthi_bg_close(berthi_bg_out *o, const char *tail);

/* A comment of WIT as one of C; NULL: none.  Nothing in it can end the comment or reorder it. */
void berthi_bg_docs(berthi_bg_out *o, const char *docs);
/* Ours, broken into lines. */
void berthi_bg_comment(berthi_bg_out *o, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
