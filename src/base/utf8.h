/* base/utf8.h - text that others wrote, made safe to show.  Layer: base. */
#ifndef BERTHI_BASE_UTF8_H
#define BERTHI_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads the character at `text`; its size in bytes, or 0 when it is not well-formed UTF-8
 * (surrogates, overlong forms and values past U+10FFFF included) or when size is 0. */
size_t berthi_utf8_next(const char *text, size_t size, uint32_t *character_out);

/* Writes a character that the function above could have read; its size in bytes, at most 4. */
size_t berthi_utf8_put(char out[static 4], uint32_t character);

bool berthi_utf8_is_valid(const char *text, size_t size);
/* How much of it is well-formed: `size` when all is. */
size_t berthi_utf8_valid_size(const char *text, size_t size);
/* The start of a well-formed character, and not all of it. */
bool berthi_utf8_is_cut(const char *text, size_t size);

/* How many bytes come before the first that is not ASCII. */
size_t berthi_ascii_run(const char *text, size_t size);

/* Shows as itself and moves nothing: no control characters (C0, DEL, C1), nothing that turns the
 * direction of text, no invisible or line separators. */
bool berthi_utf8_is_plain(uint32_t character);

/* Every character is plain; an empty text is. */
bool berthi_utf8_is_plain_text(const char *text, size_t size);

/* Writes `text` for people: plain characters as they are, a backslash doubled, every other byte
 * as \xNN.  What does not fit in `room` bytes is cut and ends in "...".  `room` is at least 8.
 * Terminated.  Returns out. */
char *berthi_utf8_show(char *out, size_t room, const char *text, size_t size);

#endif
