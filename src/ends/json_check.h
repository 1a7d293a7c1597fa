/* ends/json_check.h - whether bytes are one JSON text, without keeping any of it.  Layer: ends. */
#ifndef BERTHI_ENDS_JSON_CHECK_H
#define BERTHI_ENDS_JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>

enum { BERTHI_JSON_CHECK_NESTING = 512 };

/* One value of RFC 8259 in well-formed UTF-8, with space around it, nested no deeper than BERTHI_JSON_CHECK_NESTING.
 * NULL: it is; else why not, and where.  Work is linear, memory fixed. */
const char *berthi_json_check(const char *text, size_t size, size_t *at_out);
/* Nothing but space. */
bool berthi_json_is_blank(const char *text, size_t size);

#endif
