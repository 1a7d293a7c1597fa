/* enframe.c - records to bytes.  Layer: ends. */
#include "ends/framing.h"
#include "ends/json_check.h"
#include "ends/row.h"

enum { ROOM_FIRST = 4096, FRAME_MAX = 11 };

void berthi_framed_init(berthi_framed *f, const berth_allocator *a)
{
    *f = (berthi_framed){ .allocator = a };
}

void berthi_framed_fini(berthi_framed *f)
{
    berthi_free(f->allocator, f->data, f->room);
    *f = (berthi_framed){ .allocator = f->allocator };
}

static bool make_room(berthi_framed *f, size_t size)
{
    size_t room = f->room == 0 ? ROOM_FIRST : f->room;
    uint8_t *data;

    if (f->room - f->size >= size)
        return true;
    while (room - f->size < size)
        room *= 2;
    data = berthi_alloc(f->allocator, room);
    if (data == NULL)
        return false;
    if (f->size != 0)
        memcpy(data, f->data, f->size);
    berthi_free(f->allocator, f->data, f->room);
    f->data = data;
    f->room = room;
    return true;
}

static berth_status check_row(const uint8_t *data, size_t size, berth_diag *diag)
{
    uint8_t state = BERTHI_ROW_FIELD;
    bool is_bad = false;
    size_t end;

    if (size == 0)
        return berthi_fail(diag, BERTH_E_INVALID, "an empty record is no row");
    if (berthi_row_scan(data, size, 0, &state, &is_bad, &end))
        return berthi_fail(diag, BERTH_E_INVALID,
                           "the record has a newline that is not within quotes");
    if (state == BERTHI_ROW_QUOTED || is_bad)
        return berthi_fail(diag, BERTH_E_INVALID, "the record is no row: its quotes");
    return BERTH_OK;
}

static berth_status check(const berthi_end_values *values, const uint8_t *data, size_t size,
                          berth_diag *diag)
{
    const char *why;
    size_t at;

    switch ((berthi_framing)values->framing) {
    case BERTHI_FRAMING_LINES:
        if (size != 0 && memchr(data, '\n', size) != NULL)
            return berthi_fail(diag, BERTH_E_INVALID,
                               "the record has a newline in it, and would be two lines");
        return BERTH_OK;
    case BERTHI_FRAMING_JSON_LINES:
        why = berthi_json_check((const char *)data, size, &at);
        return why == NULL ? BERTH_OK
                           : berthi_fail(diag, BERTH_E_INVALID,
                                         "the record is no JSON text: %s at byte %zu", why, at);
    case BERTHI_FRAMING_CSV:
        return check_row(data, size, diag);
    default:
        return BERTH_OK;
    }
}

static void put_header(berthi_framed *f, berthi_framing framing, uint64_t size)
{
    if (framing == BERTHI_FRAMING_VARINT) {
        for (; size >= 0x80; size >>= 7)
            f->data[f->size++] = (uint8_t)(size | 0x80);
        f->data[f->size++] = (uint8_t)size;
    } else if (framing == BERTHI_FRAMING_U32LE || framing == BERTHI_FRAMING_U32BE) {
        for (unsigned i = 0; i < 4; i++)
            f->data[f->size++] =
                (uint8_t)(size >> (framing == BERTHI_FRAMING_U32LE ? 8 * i : 8 * (3 - i)));
    }
}

berth_status berthi_framed_add(berthi_framed *f, const berthi_end_values *values,
                               berthi_end_counts *counts, const void *data, size_t size,
                               berth_diag *diag)
{
    berthi_framing framing = (berthi_framing)values->framing;
    berth_status status;
    uint8_t *to;

    if (size > values->record_max) {
        if (values->past != BERTHI_WRITE_PAST_TRUNCATE)
            return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_OUTPUT,
                                       "the record has %zu bytes and %llu are allowed", size,
                                       (unsigned long long)values->record_max);
        size = (size_t)values->record_max;
        berthi_count(&counts->truncated, 1);
    }
    status = check(values, data, size, diag);
    if (status != BERTH_OK)
        return status;
    if (!make_room(f, size + FRAME_MAX))
        return berthi_fail(diag, BERTH_E_NOMEM, "no memory for what is to be written");
    put_header(f, framing, size);
    to = f->data + f->size;
    if (size != 0)
        memcpy(to, data, size);
    f->size += size;
    if (framing == BERTHI_FRAMING_JSON_LINES) /* in a JSON text they are space, and only that */
        for (uint8_t *at = to; (at = memchr(at, '\n', (size_t)(to + size - at))) != NULL;)
            *at = ' ';
    if (framing == BERTHI_FRAMING_LINES || framing == BERTHI_FRAMING_JSON_LINES ||
        framing == BERTHI_FRAMING_CSV)
        f->data[f->size++] = '\n';
    f->records++;
    return BERTH_OK;
}
