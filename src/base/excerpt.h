/* base/excerpt.h - a place in a text that somebody wrote, shown with its line and a caret.
 * Layer: base. */
#ifndef BERTHI_BASE_EXCERPT_H
#define BERTHI_BASE_EXCERPT_H

#include "base/diag.h"

typedef struct berthi_text {
    const char *name; /* of the file, for messages */
    const char *text; /* any bytes */
    size_t size;
} berthi_text;

typedef struct berthi_place {
    unsigned line;
    size_t column; /* in characters; both count from 1 */
} berthi_place;

berthi_place berthi_place_of(const berthi_text *source, size_t at);

/* Fails with "NAME:LINE:COLUMN: WHAT" and, below it, the line with carets under the `size` bytes
 * from `at`; only the first where they reach into other lines.  A line that is not plain text is not
 * shown. */
berth_status berthi_fail_at(berth_diag *diag, berth_status status, const berthi_text *source,
                            size_t at, size_t size, const char *what);

#endif
