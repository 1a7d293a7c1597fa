/* transform.c - the functions of `redpanda_transform`.  Layer: compat.
 *
 * A transform is a loop: the header of a batch, its records one by one, the next header.  Upstream's host
 * does not return from the question for a header while there is no batch; here a batch is a call, so that
 * question after the first ends the program, and the call has its answer. */
#include "compat/redpanda/private.h"

/* What upstream's host answers. */
enum { NO_ACTIVE_TRANSFORM = -1, INVALID_BUFFER = -3 };
enum { ROOM_FIRST = 4096, TOPIC_MAX = 249, OPTION_TOPIC = 1 };

static uint32_t argument(const berthi_val *cells, int n)
{
    return (uint32_t)cells[n].i32;
}

static berth_status answer(berthi_val *cells, int64_t value)
{
    cells[0] = (berthi_val){ .i32 = (int32_t)value };
    return BERTH_OK;
}

/* WebAssembly is little-endian, and so is each machine that Berth is built for (os/). */
static bool put(berthi_guest *g, uint32_t at, const void *from, size_t size)
{
    void *to = berthi_guest_span(g, at, size);

    if (to == NULL)
        return false;
    memcpy(to, from, size);
    return true;
}

REDPANDA(check_abi_version_1)
{
    (void)ctx;
    (void)store;
    (void)cells;
    (void)diag;
    return BERTH_OK;
}

REDPANDA(check_abi_version_2)
{
    return berthi_redpanda_check_abi_version_1(ctx, store, cells, diag);
}

/* 0 for who may not know it. */
static int64_t now_ms(berthi_services *s)
{
    uint64_t seconds;
    uint32_t ns;

    if (!berthi_grants_has(s->grants, BERTHI_RIGHT_CLOCK_WALL))
        return 0;
    berthi_services_wall(s, &seconds, &ns);
    return (int64_t)(seconds * 1000 + ns / 1000000);
}

/* Base offset, count, epoch of the leader, attributes, last offset, base and last time, producer, its epoch, and
 * sequence. */
REDPANDA(read_batch_header)
{
    berthi_guest *g = berthi_guest_of(store);
    redpanda_state *s = g->state;
    const int64_t now = now_ms(g->services), none = -1, zero = 0;
    const int64_t count = s->records, last = count - 1;
    const struct {
        const int64_t *value;
        size_t size;
    } fields[] = { { &zero, 8 }, { &count, 4 }, { &none, 4 }, { &zero, 2 }, { &last, 4 },
                   { &now, 8 },  { &now, 8 },   { &none, 8 }, { &none, 2 }, { &none, 4 } };

    (void)ctx;
    if (s->is_begun) {
        s->is_asked_again = true;
        return berthi_fail(diag, BERTH_E_CLOSED, "there is no other batch");
    }
    s->is_begun = true;
    for (int i = 0; i < 10; i++)
        if (!put(g, argument(cells, i), fields[i].value, fields[i].size))
            return answer(cells, INVALID_BUFFER);
    return answer(cells, s->record_bytes_max);
}

/* ---------------------------------------------------------------- in */

/* The value alone, as a record without key and headers. */
static size_t give_value(berthi_guest *g, uint32_t at, uint64_t room)
{
    redpanda_state *s = g->state;
    uint8_t head[2 * BERTHI_ZIGZAG_MAX], *to;
    size_t size = berthi_zigzag_write(head, -1);

    size += berthi_zigzag_write(head + size, (int64_t)s->input_left);
    to = berthi_guest_span(g, at, room);
    if (to == NULL || room < size + s->input_left + 1)
        return 0;
    memcpy(to, head, size);
    if (s->input_left != 0)
        memcpy(to + size, s->input, s->input_left);
    to[size + s->input_left] = 0; /* no headers */
    return size + s->input_left + 1;
}

/* The frames were checked when the call began. */
static size_t give_frame(berthi_guest *g, uint32_t at, uint64_t room)
{
    redpanda_state *s = g->state;
    uint32_t size;
    void *to = berthi_guest_span(g, at, room);

    memcpy(&size, s->input, sizeof size);
    if (to == NULL || room < size)
        return 0;
    memcpy(to, s->input + sizeof size, size);
    s->input += sizeof size + size;
    s->input_left -= sizeof size + size;
    return size;
}

REDPANDA(read_next_record)
{
    berthi_guest *g = berthi_guest_of(store);
    redpanda_state *s = g->state;
    const int64_t now = now_ms(g->services), offset = s->record_next;
    const uint8_t attributes = 0;
    size_t given;

    (void)ctx;
    (void)diag;
    if (!s->is_begun || s->record_next == s->records)
        return answer(cells, NO_ACTIVE_TRANSFORM);
    if (!put(g, argument(cells, 0), &attributes, sizeof attributes) ||
        !put(g, argument(cells, 1), &now, sizeof now) ||
        !put(g, argument(cells, 2), &offset, sizeof offset))
        return answer(cells, INVALID_BUFFER);
    given = (s->is_value ? give_value : give_frame)(g, argument(cells, 3), argument(cells, 4));
    if (given == 0)
        return answer(cells, INVALID_BUFFER);
    s->record_next++;
    return answer(cells, (int64_t)given);
}

/* ---------------------------------------------------------------- out */

static berth_status make_room(berthi_guest *g, size_t more, berth_diag *diag)
{
    redpanda_state *s = g->state;
    size_t need = s->output_size + more,
           room = s->output_room == 0 ? ROOM_FIRST : s->output_room;
    uint8_t *output;

    if (need > g->output_bytes_max)
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_OUTPUT,
                                   "what it wrote has %zu bytes and %llu are allowed", need,
                                   (unsigned long long)g->output_bytes_max);
    while (room < need)
        room *= 2;
    if (room == s->output_room)
        return BERTH_OK;
    output = berthi_alloc(g->allocator, room);
    if (output == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "the records that it wrote");
    if (s->output_size != 0)
        memcpy(output, s->output, s->output_size);
    berthi_free(g->allocator, s->output, s->output_room);
    s->output = output;
    s->output_room = room;
    return BERTH_OK;
}

static void append(redpanda_state *s, const void *from, size_t size)
{
    if (size != 0)
        memcpy(s->output + s->output_size, from, size);
    s->output_size += size;
}

static berth_status write_record(berthi_guest *g, berthi_val *cells, const void *topic,
                                 uint32_t topic_size, berth_diag *diag)
{
    redpanda_state *s = g->state;
    uint32_t size = argument(cells, 1);
    const uint8_t *record = berthi_guest_span(g, argument(cells, 0), size), *value;
    size_t value_size;
    berth_status status;

    if (!s->is_begun)
        return answer(cells, NO_ACTIVE_TRANSFORM);
    if (record == NULL || !berthi_redpanda_record_read(record, size, &value, &value_size))
        return answer(cells, INVALID_BUFFER);
    status = make_room(g, 2 * sizeof size + (size_t)topic_size + size, diag);
    if (status != BERTH_OK)
        return status;
    append(s, &size, sizeof size);
    append(s, &topic_size, sizeof topic_size);
    append(s, topic, topic_size);
    s->value_at = value == NULL ? 0 : s->output_size + (size_t)(value - record);
    s->value_size = value_size;
    append(s, record, size);
    s->written++;
    return answer(cells, size);
}

REDPANDA(write_record)
{
    (void)ctx;
    return write_record(berthi_guest_of(store), cells, NULL, 0, diag);
}

/* Options: pairs of a byte that names one and what belongs to it; the one there is says the topic. */
REDPANDA(write_record_with_options)
{
    berthi_guest *g = berthi_guest_of(store);
    uint32_t left = argument(cells, 3);
    const uint8_t *at = berthi_guest_span(g, argument(cells, 2), left), *topic = NULL;
    uint32_t topic_size = 0;

    (void)ctx;
    if (at == NULL)
        return answer(cells, INVALID_BUFFER);
    while (left > 0) {
        size_t number = left - 1;
        int64_t size;

        if (at[0] != OPTION_TOPIC || !berthi_zigzag_read(at + 1, &number, &size) || size < 0 ||
            size > TOPIC_MAX || (uint64_t)size > left - 1 - number)
            return answer(cells, INVALID_BUFFER);
        topic = at + 1 + number;
        topic_size = (uint32_t)size;
        at = topic + size;
        left -= (uint32_t)(1 + number) + topic_size;
    }
    return write_record(g, cells, topic, topic_size, diag);
}
