/* ends/row.h - the end of a row of comma-separated values.  Layer: ends. */
#ifndef BERTHI_ENDS_ROW_H
#define BERTHI_ENDS_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BERTHI_ROW_FIELD,  /* at the beginning of a field */
    BERTHI_ROW_PLAIN,  /* in one without quotes: a quote there stands for itself */
    BERTHI_ROW_QUOTED, /* within quotes */
    BERTHI_ROW_CLOSED  /* behind a quote that ends it, unless another one follows */
};

/* Looks on from `scanned`.  True: the row has *size_out bytes, and a newline behind them. */
static inline bool berthi_row_scan(const uint8_t *row, size_t size, size_t scanned,
                                   uint8_t *state_io, bool *is_bad_io, size_t *size_out)
{
    uint8_t state = *state_io;

    for (size_t i = scanned; i < size; i++) {
        uint8_t c = row[i];

        if (state == BERTHI_ROW_QUOTED) {
            if (c == '"')
                state = BERTHI_ROW_CLOSED;
        } else if (c == '\n') {
            *state_io = BERTHI_ROW_FIELD;
            *size_out = i;
            return true;
        } else if (c == ',') {
            state = BERTHI_ROW_FIELD;
        } else if (c == '"' && state != BERTHI_ROW_PLAIN) {
            state = BERTHI_ROW_QUOTED;
        } else {
            /* CR stands behind a row's last field. */
            *is_bad_io |= state == BERTHI_ROW_CLOSED && c != '\r';
            state = BERTHI_ROW_PLAIN;
        }
    }
    *state_io = state;
    return false;
}

#endif
