/* framing.c - bytes to records.  Layer: ends. */
#include "ends/framing.h"

#include "ends/json_check.h"
#include "ends/row.h"

enum { BATCH = BERTHI_FLOW_BATCH, VARINT_MAX = 10 };

void berthi_deframer_init(berthi_deframer *d, const berth_allocator *a,
                          const berthi_end_values *values)
{
    memset(d, 0, sizeof *d);
    d->allocator = a;
    d->values = values;
}

void berthi_deframer_fini(berthi_deframer *d)
{
    if (d->room != 0)
        berthi_free(d->allocator, d->data, d->room);
    d->data = NULL;
    d->room = 0;
}

void berthi_deframer_restart(berthi_deframer *d)
{
    berthi_deframer_place *p = &d->place;

    p->at = p->scanned = d->end = 0;
    p->offset = p->discard = 0;
    p->discards = p->has_header = p->is_bad_row = false;
    p->row = BERTHI_ROW_FIELD;
    d->has_ended = false;
}

size_t berthi_deframer_left(const berthi_deframer *d)
{
    return d->end - d->place.at;
}

void berthi_deframer_rest(berthi_deframer *d)
{
    if (d->place.at != d->end)
        return;
    d->place.at = d->end = 0;
    berthi_deframer_fini(d);
}

/* ---------------------------------------------------------------- the window */

static bool grow(berthi_deframer *d, size_t want)
{
    size_t left = berthi_deframer_left(d), room = d->room;
    uint8_t *data;

    while (room - left < want || room == 0)
        room = room == 0 ? want : room * 2;
    data = berthi_alloc(d->allocator, room);
    if (data == NULL)
        return false;
    if (left != 0)
        memcpy(data, d->data + d->place.at, left);
    berthi_free(d->allocator, d->data, d->room);
    d->data = data;
    d->room = room;
    d->end = left;
    d->place.at = 0;
    return true;
}

uint8_t *berthi_deframer_room(berthi_deframer *d, size_t want, size_t *room_out)
{
    size_t left = berthi_deframer_left(d);

    if (left == 0)
        d->place.at = d->end = 0;
    if (d->room - d->end < want) {
        if (d->room - left < want) {
            if (!grow(d, want))
                return NULL;
        } else {
            memmove(d->data, d->data + d->place.at, left);
            d->end = left;
            d->place.at = 0;
        }
    }
    *room_out = d->room - d->end;
    return d->data + d->end;
}

void berthi_deframer_filled(berthi_deframer *d, size_t size)
{
    assert(size <= d->room - d->end);
    d->end += size;
}

void berthi_deframer_lend(berthi_deframer *d, const void *data, size_t size)
{
    assert(d->room == 0);
    berthi_deframer_restart(d);
    d->data = (uint8_t *)(uintptr_t)data; /* it is read only: there is no room in it */
    d->end = size;
    d->has_ended = true;
}

static void consume(berthi_deframer *d, size_t size)
{
    d->place.at += size;
    d->place.offset += size;
    d->place.scanned = 0;
}

/* ---------------------------------------------------------------- what is no record */

/* True: it is passed over; false: it is BAD. */
static bool passes_over(berthi_deframer *d, bool is_long, const char *why, uint64_t offset,
                        berth_diag *diag)
{
    uint64_t *counter = is_long ? &d->place.skipped : &d->place.malformed;
    bool skips =
        is_long ? d->values->past == BERTHI_PAST_SKIP : d->values->malformed == 1 /* skip */;

    ++*counter;
    if (skips)
        return true;
    if (is_long)
        (void)berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_INPUT,
                                  "the record at byte %llu is longer than %llu bytes",
                                  (unsigned long long)offset,
                                  (unsigned long long)d->values->record_max);
    else
        (void)berthi_fail(diag, BERTH_E_INVALID, "the record at byte %llu: %s",
                          (unsigned long long)offset, why);
    return false;
}

/* ---------------------------------------------------------------- records that something ends */

typedef enum judged { JUDGED_RECORD, JUDGED_NONE, JUDGED_BAD } judged;

/* The end of the record that begins at `at`, where one is. */
static bool find_end(berthi_deframer *d, size_t *size_out)
{
    const uint8_t *from = d->data + d->place.at;
    size_t left = berthi_deframer_left(d);
    const uint8_t *found;

    if (left == 0 || d->values->framing == BERTHI_FRAMING_WHOLE)
        return false;
    if (d->values->framing == BERTHI_FRAMING_CSV)
        return berthi_row_scan(from, left, d->place.scanned, &d->place.row,
                               &d->place.is_bad_row, size_out);
    found = memchr(from + d->place.scanned, '\n', left - d->place.scanned);
    if (found != NULL)
        *size_out = (size_t)(found - from);
    return found != NULL;
}

static judged judge_json(berthi_deframer *d, const char *text, size_t size, uint64_t offset,
                         berth_diag *diag)
{
    size_t at;
    const char *why;

    if (berthi_json_is_blank(text, size))
        return JUDGED_NONE;
    why = berthi_json_check(text, size, &at);
    if (why == NULL)
        return JUDGED_RECORD;
    return passes_over(d, false, why, offset + at, diag) ? JUDGED_NONE : JUDGED_BAD;
}

static judged judge_row(berthi_deframer *d, size_t size, bool is_cut, uint64_t offset,
                        berth_diag *diag)
{
    bool is_bad = d->place.is_bad_row || is_cut;

    d->place.row = BERTHI_ROW_FIELD;
    d->place.is_bad_row = false;
    if (is_bad)
        return passes_over(d, false,
                           is_cut ? "its quotes are not closed"
                                  : "something stands behind the quotes of a field",
                           offset, diag)
                   ? JUDGED_NONE
                   : JUDGED_BAD;
    if (size == 0)
        return JUDGED_NONE;
    if (!d->place.has_header) {
        d->place.has_header = true;
        return d->values->header == 1 /* skip */ ? JUDGED_NONE : JUDGED_RECORD;
    }
    return JUDGED_RECORD;
}

/* A record of `size` bytes and its end were found, and passed. */
static judged judge(berthi_deframer *d, const uint8_t *data, size_t *size_io, bool is_cut,
                    uint64_t offset, berth_diag *diag)
{
    if (d->values->framing == BERTHI_FRAMING_CSV) {
        judged row;

        if (*size_io != 0 && data[*size_io - 1] == '\r')
            --*size_io;
        row = judge_row(d, *size_io, is_cut, offset, diag);
        if (row != JUDGED_RECORD)
            return row;
    }
    if (*size_io > d->values->record_max) {
        if (d->values->past != BERTHI_PAST_TRUNCATE)
            return passes_over(d, true, NULL, offset, diag) ? JUDGED_NONE : JUDGED_BAD;
        *size_io = (size_t)d->values->record_max;
        d->place.truncated++;
    }
    if (d->values->framing == BERTHI_FRAMING_JSON_LINES)
        return judge_json(d, (const char *)data, *size_io, offset, diag);
    return JUDGED_RECORD;
}

static berthi_deframed told(berthi_deframer *d, judged what, const uint8_t *data, size_t size,
                            const void **data_out, size_t *size_out)
{
    if (what == JUDGED_BAD)
        return BERTHI_DEFRAMED_BAD;
    *data_out = data;
    *size_out = size;
    d->place.records++;
    return BERTHI_DEFRAMED_RECORD;
}

/* There is no end in what is left, and it is longer than a record may be. */
static berthi_deframed cut_long(berthi_deframer *d, const void **data_out, size_t *size_out,
                                berth_diag *diag)
{
    const uint8_t *data = d->data + d->place.at;
    uint64_t offset = d->place.offset;

    d->place.discards = true;
    consume(d, berthi_deframer_left(d));
    if (d->values->past == BERTHI_PAST_TRUNCATE) {
        d->place.truncated++;
        return told(d, JUDGED_RECORD, data, (size_t)d->values->record_max, data_out, size_out);
    }
    return passes_over(d, true, NULL, offset, diag) ? BERTHI_DEFRAMED_MORE
                                                    : BERTHI_DEFRAMED_BAD;
}

/* What is left when the stream has ended. */
static berthi_deframed take_last(berthi_deframer *d, const void **data_out, size_t *size_out,
                                 berth_diag *diag)
{
    const uint8_t *data = d->data + d->place.at;
    uint64_t offset = d->place.offset;
    size_t size = berthi_deframer_left(d);
    bool discards = d->place.discards;
    judged what;

    consume(d, size);
    if (size == 0 || discards)
        return BERTHI_DEFRAMED_END;
    what = judge(d, data, &size, d->place.row == BERTHI_ROW_QUOTED, offset, diag);
    return what == JUDGED_NONE ? BERTHI_DEFRAMED_END
                               : told(d, what, data, size, data_out, size_out);
}

static berthi_deframed next_ended(berthi_deframer *d, const void **data_out, size_t *size_out,
                                  berth_diag *diag)
{
    size_t size;

    while (find_end(d, &size)) {
        const uint8_t *data = d->data + d->place.at;
        uint64_t offset = d->place.offset;
        judged what;

        consume(d, size + 1);
        if (d->place.discards) {
            d->place.discards = d->place.is_bad_row = false;
            d->place.row = BERTHI_ROW_FIELD;
            d->place.has_header = true;
            continue;
        }
        what = judge(d, data, &size, false, offset, diag);
        if (what != JUDGED_NONE)
            return told(d, what, data, size, data_out, size_out);
    }
    if (d->has_ended)
        return take_last(d, data_out, size_out, diag);
    d->place.scanned = berthi_deframer_left(d);
    if (d->place.discards) {
        consume(d, d->place.scanned);
        return BERTHI_DEFRAMED_MORE;
    }
    /* One byte more may be the CR of a row's end. */
    if (d->place.scanned > d->values->record_max + 1)
        return cut_long(d, data_out, size_out, diag);
    return BERTHI_DEFRAMED_MORE;
}

/* ---------------------------------------------------------------- records with their size in front */

size_t berthi_framing_header(berthi_framing framing, const uint8_t *from, size_t left,
                             uint64_t *size_out)
{
    uint64_t size = 0;

    if (framing != BERTHI_FRAMING_VARINT) {
        for (size_t i = 0; i < 4 && i < left; i++)
            size |= (uint64_t)from[i]
                    << (framing == BERTHI_FRAMING_U32LE ? 8 * i : 8 * (3 - i));
        *size_out = size;
        return left < 4 ? 0 : 4;
    }
    for (size_t i = 0; i < left && i < VARINT_MAX; i++) {
        if (i == VARINT_MAX - 1 && from[i] > 1)
            return SIZE_MAX;
        size |= (uint64_t)(from[i] & 0x7f) << (7 * i);
        if (from[i] < 0x80) {
            *size_out = size;
            return i + 1;
        }
    }
    return left < VARINT_MAX ? 0 : SIZE_MAX;
}

static berthi_deframed end_torn(berthi_deframer *d, berth_diag *diag)
{
    uint64_t offset = d->place.offset;

    if (berthi_deframer_left(d) == 0)
        return BERTHI_DEFRAMED_END;
    consume(d, berthi_deframer_left(d));
    return passes_over(d, false, "the stream ends in it", offset, diag) ? BERTHI_DEFRAMED_END
                                                                        : BERTHI_DEFRAMED_BAD;
}

static berthi_deframed wait_for_more(berthi_deframer *d, berth_diag *diag)
{
    return d->has_ended ? end_torn(d, diag) : BERTHI_DEFRAMED_MORE;
}

static void pass_over_discarded(berthi_deframer *d)
{
    uint64_t left = berthi_deframer_left(d);
    uint64_t size = d->place.discard < left ? d->place.discard : left;

    consume(d, (size_t)size);
    if (d->place.discard != UINT64_MAX)
        d->place.discard -= size;
}

static berthi_deframed next_sized(berthi_deframer *d, const void **data_out, size_t *size_out,
                                  berth_diag *diag)
{
    for (;;) {
        uint64_t offset, size = 0, wanted;
        size_t header;

        pass_over_discarded(d);
        if (d->place.discard != 0)
            return d->has_ended ? BERTHI_DEFRAMED_END : BERTHI_DEFRAMED_MORE;
        offset = d->place.offset;
        header = berthi_framing_header((berthi_framing)d->values->framing,
                                       d->data + d->place.at, berthi_deframer_left(d), &size);
        if (header == 0)
            return wait_for_more(d, diag);
        if (header == SIZE_MAX) { /* nobody knows where the next one begins */
            d->place.discard = UINT64_MAX;
            if (!passes_over(d, false, "its size is none", offset, diag))
                return BERTHI_DEFRAMED_BAD;
            continue;
        }
        wanted = size > d->values->record_max ? d->values->record_max : size;
        if (wanted < size && d->values->past != BERTHI_PAST_TRUNCATE) {
            consume(d, header);
            d->place.discard = size;
            if (!passes_over(d, true, NULL, offset, diag))
                return BERTHI_DEFRAMED_BAD;
            continue;
        }
        if (berthi_deframer_left(d) - header < wanted)
            return wait_for_more(d, diag);
        consume(d, header + (size_t)wanted);
        d->place.discard = size - wanted;
        d->place.truncated += wanted < size;
        return told(d, JUDGED_RECORD, d->data + d->place.at - wanted, (size_t)wanted, data_out,
                    size_out);
    }
}

/* ---------------------------------------------------------------- for sources */

berthi_deframed berthi_deframer_next(berthi_deframer *d, const void **data_out,
                                     size_t *size_out, berth_diag *diag)
{
    switch ((berthi_framing)d->values->framing) {
    case BERTHI_FRAMING_U32LE:
    case BERTHI_FRAMING_U32BE:
    case BERTHI_FRAMING_VARINT:
        return next_sized(d, data_out, size_out, diag);
    default:
        return next_ended(d, data_out, size_out, diag);
    }
}

void berthi_deframer_publish(berthi_deframer *d, berthi_end_counts *counts)
{
    const berthi_deframer_place *now = &d->place, *before = &d->published;

    berthi_count(&counts->records, now->records - before->records);
    berthi_count(&counts->skipped, now->skipped - before->skipped);
    berthi_count(&counts->truncated, now->truncated - before->truncated);
    berthi_count(&counts->malformed, now->malformed - before->malformed);
    d->published = *now;
}

berth_status berthi_deframer_emit(berthi_deframer *d, berth_stage *stage,
                                  berthi_deframed *what_out, berth_diag *diag)
{
    berthi_deframer_place first = d->place;
    uint32_t max = BATCH;
    const void *data = NULL;
    size_t size = 0;

    *what_out = BERTHI_DEFRAMED_RECORD;
    if (max > stage->options.emits_max)
        max = stage->options.emits_max;
    for (uint32_t i = 0; i < max && *what_out == BERTHI_DEFRAMED_RECORD; i++) {
        berthi_deframer_place before = d->place;
        berth_status status;

        *what_out = berthi_deframer_next(d, &data, &size, diag);
        if (*what_out == BERTHI_DEFRAMED_BAD) {
            if (i != 0 || stage->options.on_error != BERTH_ON_ERROR_SKIP)
                d->place = before;
            return i != 0 ? BERTH_OK : (berth_status)diag->status;
        }
        if (*what_out != BERTHI_DEFRAMED_RECORD)
            return BERTH_OK;
        status = d->label == NULL
                     ? berthi_stage_emit_or_wait(stage, 0, data, size)
                     : berthi_stage_emit_labelled_or_wait(stage, 0, data, size, d->label);
        if (status == BERTH_E_BUSY) { /* it comes when others of its kind have gone */
            d->place = before;
            if (i != 0)
                return BERTH_OK;
            berth_stage_pause(stage, BERTHI_FLOW_ASK_AGAIN_NS);
            return BERTH_E_BUSY;
        }
        if (status != BERTH_OK) { /* the call has failed, and nothing of it comes in */
            d->place = first;
            return status;
        }
    }
    return BERTH_OK;
}
