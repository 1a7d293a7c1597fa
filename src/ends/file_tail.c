/* file_tail.c - what a run that was killed left at the end of a file.  Layer: ends. */
#include "ends/file_tail.h"

#include "ends/row.h"
#include "os/stream.h"

enum { BLOCK = 64 << 10 };

typedef struct tail {
    int fd;
    uint64_t size;
    uint8_t *block;
    berth_diag *diag;
} tail;

/* As much of the file from `at` as a block holds.  The file may have become shorter. */
static berth_status read_block(const tail *t, uint64_t at, size_t want, size_t *done_out)
{
    int code = berthi_stream_read_at(t->fd, t->block, want, at, done_out);

    return code == 0 ? BERTH_OK
                     : berthi_fail_os(t->diag, code, "what is there already cannot be read");
}

static berth_status tail_of_lines(const tail *t, uint64_t *whole_out)
{
    uint64_t end = t->size;

    while (end != 0) {
        size_t want = end < BLOCK ? (size_t)end : BLOCK, done = 0;
        const uint8_t *newline;
        berth_status status = read_block(t, end - want, want, &done);

        if (status != BERTH_OK)
            return status;
        newline = memrchr(t->block, '\n', done);
        if (newline != NULL) {
            *whole_out = end - want + (uint64_t)(newline - t->block) + 1;
            return BERTH_OK;
        }
        end -= want;
    }
    *whole_out = 0;
    return BERTH_OK;
}

static berth_status tail_of_rows(const tail *t, uint64_t *whole_out)
{
    uint8_t state = BERTHI_ROW_FIELD;
    bool is_bad = false;
    uint64_t at = 0, whole = 0;

    while (at < t->size) {
        size_t done = 0, row, from = 0;
        size_t want = t->size - at < BLOCK ? (size_t)(t->size - at) : BLOCK;
        berth_status status = read_block(t, at, want, &done);

        if (status != BERTH_OK)
            return status;
        if (done == 0)
            break;
        while (berthi_row_scan(t->block + from, done - from, 0, &state, &is_bad, &row)) {
            from += row + 1;
            whole = at + from;
        }
        at += done;
    }
    *whole_out = whole;
    return BERTH_OK;
}

static berth_status tail_of_sized(const tail *t, berthi_framing framing, uint64_t *whole_out)
{
    uint64_t at = 0;

    for (;;) {
        size_t done = 0, from = 0;
        berth_status status = read_block(t, at, BLOCK, &done);

        if (status != BERTH_OK)
            return status;
        for (;;) {
            uint64_t size = 0;
            size_t header = berthi_framing_header(framing, t->block + from, done - from, &size);

            if (header == SIZE_MAX || (header == 0 && (from == 0 || at + done == t->size)) ||
                (header != 0 && (size > t->size || at + from + header > t->size - size))) {
                *whole_out = at + from;
                return BERTH_OK;
            }
            if (header == 0)
                break;
            if (size > BLOCK || from + header + size > done) { /* behind this block */
                at += header + size;
                break;
            }
            from += header + (size_t)size;
        }
        at += from;
    }
}

berth_status berthi_file_tail(int fd, berthi_framing framing, uint64_t size,
                              const berth_allocator *a, uint64_t *whole_out, berth_diag *diag)
{
    tail t = { .fd = fd, .size = size, .diag = diag };
    berth_status status;

    t.block = berthi_alloc(a, BLOCK);
    if (t.block == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "no memory to read what is there already");
    if (framing == BERTHI_FRAMING_CSV)
        status = tail_of_rows(&t, whole_out);
    else if (framing == BERTHI_FRAMING_LINES || framing == BERTHI_FRAMING_JSON_LINES)
        status = tail_of_lines(&t, whole_out);
    else
        status = tail_of_sized(&t, framing, whole_out);
    berthi_free(a, t.block, BLOCK);
    return status;
}
