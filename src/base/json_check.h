/* base/json_check.h - is this JSON?  Layer: base.
 *
 * A strict check of syntax, UTF-8 and nesting (RFC 8259; no NUL in strings) that never
 * allocates.  Run before a parser that reports a lack of memory as a syntax error, it makes the
 * two distinguishable, and it says at which byte the text goes wrong.
 */
#ifndef BERTHI_BASE_JSON_CHECK_H
#define BERTHI_BASE_JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>

enum { BERTHI_JSON_NESTING_MAX = 32 };

/* True: one JSON value, nested at most BERTHI_JSON_NESTING_MAX deep, with space around it.
 * False: *why_out is a static text and *offset_out the byte it is about. */
bool berthi_json_check(const char *text, size_t size, size_t *offset_out, const char **why_out);

#endif
