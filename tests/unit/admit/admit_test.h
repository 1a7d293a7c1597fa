/* admit_test.h - rows of admission: a plugin that is sound but for one thing. */
#ifndef BERTHT_ADMIT_TEST_H
#define BERTHT_ADMIT_TEST_H

#include "admit/admit.h"
#include "plugin_builder.h"

typedef struct admit_row {
    const char *what;
    plugin_recipe recipe;
    const char *why;  /* in the diag's text; NULL: it is admitted */
    const char *kind; /* NULL: "hook" or "filter" */
} admit_row;

extern const admit_row berth_rows[], cclb_rows[];
extern const size_t berth_rows_count, cclb_rows_count;

void put_start(bertht_wasm *m);

berth_status admit_bytes(const uint8_t *bytes, size_t size, const char *profile,
                         const char *kind, berth_diag *diag);

#endif
