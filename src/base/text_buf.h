/* base/text_buf.h - text that grows.  Layer: base.
 *
 * Failing is sticky: after the first append that found no memory (or would pass size_max) the
 * rest does nothing, and whoever takes the text learns it then.  So writers need no checks.
 */
#ifndef BERTHI_BASE_TEXT_BUF_H
#define BERTHI_BASE_TEXT_BUF_H

#include <stdbool.h>

#include "base/alloc.h"

typedef struct berthi_text_buf {
    const berth_allocator *allocator; /* lent */
    char *data;                       /* terminated when not NULL */
    size_t size, room;                /* room: bytes behind data, the terminator's included */
    bool has_failed;
} berthi_text_buf;

void berthi_text_buf_init(berthi_text_buf *b, const berth_allocator *a);
void berthi_text_buf_fini(berthi_text_buf *b);

void berthi_text_buf_put(berthi_text_buf *b, const char *text, size_t size);
void berthi_text_buf_puts(berthi_text_buf *b, const char *text);
void berthi_text_buf_fill(berthi_text_buf *b, char c, size_t count);
void berthi_text_buf_putf(berthi_text_buf *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
