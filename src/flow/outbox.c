/* outbox.c - what a stage's call emits, kept until the call has succeeded and the edges take it.
 * Layer: flow.
 *
 * Entries from outbox_at to call_from are of calls that succeeded; those behind are of the call that runs, and
 * are taken back when it fails.  Each holds one reference of its buffer; the first one, while it is being
 * handed to the edges of a port with several, one for each edge that has not got it. */
#include "flow/flow.h"

#include "base/diag.h"

static berth_status fail_call(berth_stage *stage, berth_status status)
{
    if (stage->call_status == BERTH_OK)
        stage->call_status = status;
    return status;
}

/* ---------------------------------------------------------------- room */

static bool grow_outbox(berth_stage *stage)
{
    const berth_allocator *a = &stage->flow->flows->allocator;
    uint32_t room = stage->outbox_room != 0 ? stage->outbox_room * 2 : BERTHI_FLOW_BATCH;
    berth_record *records = berthi_zalloc_array(a, room, sizeof *records);
    uint16_t *ports = berthi_zalloc_array(a, room, sizeof *ports);

    if (records == NULL || ports == NULL) {
        if (records != NULL)
            berthi_free_array(a, records, room, sizeof *records);
        if (ports != NULL)
            berthi_free_array(a, ports, room, sizeof *ports);
        return false;
    }
    if (stage->outbox_room != 0) {
        memcpy(records, stage->outbox, stage->outbox_count * sizeof *records);
        memcpy(ports, stage->outbox_ports, stage->outbox_count * sizeof *ports);
        berthi_free_array(a, stage->outbox, stage->outbox_room, sizeof *records);
        berthi_free_array(a, stage->outbox_ports, stage->outbox_room, sizeof *ports);
    }
    stage->outbox = records;
    stage->outbox_ports = ports;
    stage->outbox_room = room;
    return true;
}

static berth_status check_emission(berth_stage *stage, uint32_t port)
{
    berth_diag *diag;

    if (!stage->may_emit)
        return BERTH_E_STATE;
    diag = &stage->worker->diag;
    if (stage->call_status != BERTH_OK)
        return stage->call_status;
    if (port >= stage->ports_count || port == stage->dead_port)
        return fail_call(stage, berthi_fail(diag, BERTH_E_INVALID,
                                            "it emitted into port %u, which it has not", port));
    if (stage->outbox_count - stage->call_from >=
        (uint64_t)stage->options.emits_max * stage->call_records)
        return fail_call(stage, berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_OUTPUT,
                                                    "it emitted more than %u records for one",
                                                    stage->options.emits_max));
    if (stage->outbox_count == stage->outbox_room && !grow_outbox(stage))
        return fail_call(stage,
                         berthi_fail(diag, BERTH_E_NOMEM, "no room for what it emitted"));
    return BERTH_OK;
}

/* Takes the reference. */
static void append(berth_stage *stage, uint32_t port, berth_buffer *buffer,
                   const berth_record *like)
{
    berth_record *to = &stage->outbox[stage->outbox_count];

    stage->outbox_ports[stage->outbox_count++] = (uint16_t)port;
    to->data = berthi_buffer_data(buffer);
    to->size = buffer->size;
    to->sequence = like->sequence;
    to->time_ns = like->time_ns;
    to->deadline_ns = like->deadline_ns;
    to->buffer = buffer;
    to->reserved = 0;
}

/* ---------------------------------------------------------------- what stages call */

berth_status berth_stage_port(const berth_stage *stage, const char *name, uint32_t *port_out)
{
    for (uint32_t i = 0; i < stage->ports_count; i++)
        if (i != stage->dead_port && strcmp(stage->ports[i].name, name) == 0) {
            *port_out = i;
            return BERTH_OK;
        }
    return BERTH_E_ABSENT;
}

bool berthi_stage_may_fit(const berth_stage *stage, uint64_t capacity)
{
    return berthi_buffer_may_fit(capacity, &stage->budget) &&
           berthi_buffer_may_fit(capacity, &stage->flow->budget);
}

/* `can_wait`: of a payload that will fit when others have gone, BERTH_E_BUSY. */
static berth_status take_buffer(berth_stage *stage, uint64_t size, bool can_wait,
                                berth_buffer **buffer_out, berth_diag *diag)
{
    berth_status status = berthi_buffer_take(&stage->worker->cache, size, &stage->budget,
                                             &stage->flow->budget, buffer_out, diag);

    if (status == BERTH_E_LIMIT && can_wait && berthi_stage_may_fit(stage, size))
        return BERTH_E_BUSY;
    return status;
}

/* Who can wait has not failed. */
static berth_status fail_or_wait(berth_stage *stage, berth_status status)
{
    return status == BERTH_E_BUSY ? status : fail_call(stage, status);
}

static berth_status emit(berth_stage *stage, uint32_t port, const void *data, uint64_t size,
                         bool can_wait)
{
    berth_buffer *buffer;
    berth_status status = check_emission(stage, port);

    if (status != BERTH_OK)
        return status;
    status = take_buffer(stage, size, can_wait, &buffer, &stage->worker->diag);
    if (status != BERTH_OK)
        return fail_or_wait(stage, status);
    if (size != 0)
        memcpy(berthi_buffer_open(buffer, (uint32_t)size), data, size);
    buffer->size = (uint32_t)size;
    berthi_count(&stage->counts.copies, 1);
    berthi_count(&stage->counts.copied_bytes, size);
    append(stage, port, buffer, &stage->stamp);
    return BERTH_OK;
}

berth_status berth_stage_emit(berth_stage *stage, uint32_t port, const void *data,
                              uint64_t size)
{
    return emit(stage, port, data, size, false);
}

berth_status berthi_stage_emit_or_wait(berth_stage *stage, uint32_t port, const void *data,
                                       uint64_t size)
{
    return emit(stage, port, data, size, true);
}

static void drop_reserved(berth_stage *stage)
{
    if (stage->reserved != NULL)
        berthi_buffer_unref(&stage->worker->cache, stage->reserved);
    stage->reserved = NULL;
}

static berth_status reserve(berth_stage *stage, uint64_t size, bool can_wait, void **data_out)
{
    berth_status status;

    if (!stage->may_emit)
        return BERTH_E_STATE;
    drop_reserved(stage);
    if (stage->call_status != BERTH_OK)
        return stage->call_status;
    status = take_buffer(stage, size, can_wait, &stage->reserved, &stage->worker->diag);
    if (status != BERTH_OK)
        return fail_or_wait(stage, status);
    *data_out = berthi_buffer_open(stage->reserved, (uint32_t)size);
    return BERTH_OK;
}

berth_status berth_stage_reserve(berth_stage *stage, uint64_t size, void **data_out)
{
    return reserve(stage, size, false, data_out);
}

berth_status berthi_stage_reserve_or_wait(berth_stage *stage, uint64_t size, void **data_out)
{
    return reserve(stage, size, true, data_out);
}

berth_status berth_stage_emit_reserved(berth_stage *stage, uint32_t port, uint64_t size)
{
    berth_status status = check_emission(stage, port);

    if (status != BERTH_OK)
        return status;
    if (stage->reserved == NULL || size > stage->reserved->opened)
        return fail_call(stage, berthi_fail(&stage->worker->diag, BERTH_E_INVALID,
                                            "it emitted more bytes than it had reserved"));
    stage->reserved->size = (uint32_t)size;
    append(stage, port, stage->reserved, &stage->stamp);
    stage->reserved = NULL;
    return BERTH_OK;
}

/* What a payload of that label is put into: its content, and behind it the label. */
static berth_status fill_labelled(berth_stage *stage, const void *data, uint64_t size,
                                  const berth_label *label, bool can_wait,
                                  berth_buffer **buffer_out, berth_diag *diag)
{
    uint64_t label_size = label->key_size + label->headers_size, all = size + label_size;
    berth_buffer *buffer;
    uint32_t type;
    char *to;
    berth_status status = berthi_content_type_number(
        stage->flow, label->content_type, (size_t)label->content_type_size, &type, diag);

    if (status == BERTH_OK &&
        (size > BERTH_RECORD_BYTES_MAX || label->key_size > BERTH_RECORD_BYTES_MAX ||
         label->headers_size > BERTH_RECORD_BYTES_MAX))
        status = berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_OUTPUT,
                                     "a payload, a key and headers have at most 16 MiB each");
    if (status == BERTH_OK)
        status = take_buffer(stage, all, can_wait, &buffer, diag);
    if (status != BERTH_OK)
        return status;
    to = berthi_buffer_open(buffer, (uint32_t)all);
    if (size != 0)
        memcpy(to, data, size);
    if (label->key_size != 0)
        memcpy(to + size, label->key, label->key_size);
    if (label->headers_size != 0)
        memcpy(to + size + label->key_size, label->headers, label->headers_size);
    buffer->size = (uint32_t)size;
    buffer->content_type = type;
    buffer->label_size = (uint32_t)label_size;
    buffer->key_size = (uint32_t)label->key_size;
    *buffer_out = buffer;
    return BERTH_OK;
}

static berth_status emit_labelled(berth_stage *stage, uint32_t port, const void *data,
                                  uint64_t size, const berth_label *label, bool can_wait,
                                  berth_diag *diag)
{
    berth_buffer *buffer;
    berth_status status = check_emission(stage, port);

    if (status != BERTH_OK) {
        if (status != BERTH_E_STATE && diag != NULL)
            *diag = stage->worker->diag;
        return status;
    }
    status = fill_labelled(stage, data, size, label, can_wait, &buffer, diag);
    if (status != BERTH_OK)
        return fail_or_wait(stage, status);
    append(stage, port, buffer, &stage->stamp);
    return BERTH_OK;
}

berth_status berthi_stage_emit_labelled(berth_stage *stage, uint32_t port, const void *data,
                                        uint64_t size, const berth_label *label,
                                        berth_diag *diag)
{
    return emit_labelled(stage, port, data, size, label, false, diag);
}

/* What the host's own stages emit is looked at and counted. */
static berth_status emit_own(berth_stage *stage, uint32_t port, const void *data, uint64_t size,
                             const berth_label *label, bool can_wait)
{
    berth_status status;

    if (!stage->may_emit)
        return BERTH_E_STATE;
    if (!berthi_headers_are_sound(label->headers, label->headers_size))
        return fail_call(stage, berthi_fail(&stage->worker->diag, BERTH_E_INVALID,
                                            "the headers of a record do not add up"));
    status = emit_labelled(stage, port, data, size, label, can_wait, &stage->worker->diag);
    if (status == BERTH_OK) {
        berthi_count(&stage->counts.copies, 1);
        berthi_count(&stage->counts.copied_bytes, size);
    }
    return status;
}

berth_status berth_stage_emit_labelled(berth_stage *stage, uint32_t port, const void *data,
                                       uint64_t size, const berth_label *label)
{
    return emit_own(stage, port, data, size, label, false);
}

berth_status berthi_stage_emit_labelled_or_wait(berth_stage *stage, uint32_t port,
                                                const void *data, uint64_t size,
                                                const berth_label *label)
{
    return emit_own(stage, port, data, size, label, true);
}

void berth_stage_label(const berth_stage *stage, const berth_record *record,
                       berth_label *label_out)
{
    const berth_buffer *buffer = record->buffer;
    const char *behind = (const char *)record->data + record->size;
    berth_string type = berthi_content_type_text(stage->flow, buffer->content_type);

    *label_out = (berth_label){ .key = behind,
                                .key_size = buffer->key_size,
                                .headers = behind + buffer->key_size,
                                .headers_size = buffer->label_size - buffer->key_size,
                                .content_type = type.text,
                                .content_type_size = type.size };
}

berth_status berthi_stage_pass_stamped(berth_stage *stage, uint32_t port,
                                       const berth_record *record, berth_diag *diag)
{
    berth_status status = check_emission(stage, port);

    if (status != BERTH_OK) {
        *diag = stage->worker->diag;
        return status;
    }
    berthi_buffer_ref(record->buffer, 1);
    append(stage, port, record->buffer, &stage->stamp);
    return BERTH_OK;
}

berth_status berthi_stage_emit_buffer(berth_stage *stage, uint32_t port, berth_buffer *buffer,
                                      berth_diag *diag)
{
    berth_status status = check_emission(stage, port);

    if (status == BERTH_OK) {
        append(stage, port, buffer, &stage->stamp);
        return BERTH_OK;
    }
    berthi_buffer_unref(&stage->worker->cache, buffer);
    if (diag != NULL)
        *diag = stage->worker->diag;
    return status;
}

berth_status berth_stage_pass(berth_stage *stage, uint32_t port, const berth_record *record)
{
    berth_status status = check_emission(stage, port);

    if (status != BERTH_OK)
        return status;
    if (record->buffer == NULL)
        return fail_call(stage, berthi_fail(&stage->worker->diag, BERTH_E_INVALID,
                                            "it passed on a record that it had dropped"));
    berthi_buffer_ref(record->buffer, 1);
    append(stage, port, record->buffer, record);
    return BERTH_OK;
}

void berth_stage_keep(berth_stage *stage, const berth_record *record, berth_record *kept)
{
    (void)stage;
    if (record->buffer != NULL)
        berthi_buffer_ref(record->buffer, 1);
    *kept = *record;
}

void berth_stage_drop(berth_stage *stage, berth_record *kept)
{
    assert(stage->worker != NULL);
    if (kept->buffer != NULL)
        berthi_buffer_unref(&stage->worker->cache, kept->buffer);
    memset(kept, 0, sizeof *kept);
}

void berth_stage_end(berth_stage *stage)
{
    stage->has_ended = true;
}

void berth_stage_pause(berth_stage *stage, uint64_t for_ns)
{
    stage->has_paused = true;
    stage->pause_ns = for_ns;
}

void berth_stage_ready(berth_stage *stage)
{
    /* Before the notification: the lane that it wakes looks for it. */
    atomic_store_explicit(&stage->is_woken, true, memory_order_release);
    berthi_lane_notify(stage->lane);
}

/* ---------------------------------------------------------------- calls */

void berthi_call_begin(berth_stage *stage, berthi_worker *worker, const berth_record *record)
{
    BERTHI_ASSERT_UNLOCKED();
    stage->worker = worker;
    stage->may_emit = true;
    stage->call_from = stage->outbox_count;
    stage->call_status = BERTH_OK;
    stage->verdict = BERTHI_VERDICT_NONE;
    stage->call_records = 1;
    stage->has_ended = stage->has_paused = false;
    if (record != NULL) { /* what is made of it is of its time */
        stage->stamp.sequence = record->sequence;
        stage->stamp.time_ns = record->time_ns;
        stage->stamp.deadline_ns = record->deadline_ns;
    }
    if (stage->meter != NULL)
        berthi_meter_begin(stage, record);
}

static void take_back(berth_stage *stage)
{
    while (stage->outbox_count > stage->call_from)
        berthi_buffer_unref(&stage->worker->cache, stage->outbox[--stage->outbox_count].buffer);
}

/* Records of a source get their numbers when they are certain to come in. */
static void number_records(berth_stage *stage)
{
    uint32_t count = stage->outbox_count - stage->call_from;
    uint64_t first;

    if (count == 0)
        return;
    first = atomic_fetch_add_explicit(&stage->flow->sequence, count, memory_order_relaxed);
    for (uint32_t i = 0; i < count; i++)
        stage->outbox[stage->call_from + i].sequence = first + i;
}

berth_status berthi_call_end(berth_stage *stage, berth_status answered, berth_diag *diag)
{
    berth_status status = answered != BERTH_OK ? answered : stage->call_status;

    if (answered == BERTH_OK && status != BERTH_OK)
        *diag = stage->worker->diag;
    drop_reserved(stage);
    berthi_count(&stage->counts.calls, 1);
    if (status != BERTH_OK) {
        take_back(stage);
        berthi_count(&stage->counts.failures, 1);
    } else {
        if (stage->options.role == BERTH_ROLE_SOURCE)
            number_records(stage);
        berthi_count(&stage->counts.emitted, stage->outbox_count - stage->call_from);
    }
    if (stage->meter != NULL)
        berthi_meter_end(stage, status != BERTH_OK);
    stage->worker = NULL;
    stage->may_emit = false;
    return status;
}

berth_status berthi_outbox_dead(berth_stage *stage, const berth_record *record)
{
    assert(stage->dead_port != BERTHI_FLOW_NONE);
    if (stage->outbox_count == stage->outbox_room && !grow_outbox(stage))
        return BERTH_E_NOMEM;
    append(stage, stage->dead_port, record->buffer, record);
    return BERTH_OK;
}

/* ---------------------------------------------------------------- to the edges */

static uint32_t run_length(const berth_stage *stage)
{
    uint32_t at = stage->outbox_at, end = at + 1;

    while (end < stage->outbox_count && stage->outbox_ports[end] == stage->outbox_ports[at])
        end++;
    return end - at;
}

static void stop_for_overflow(berth_stage *stage, const berthi_edge *edge)
{
    berth_diag diag;

    memset(&diag, 0, sizeof diag);
    (void)berthi_fail_because(&diag, BERTH_E_LIMIT, BERTH_REASON_OUTPUT,
                              "the edge from '%s' to '%s' is full, which is an error there",
                              stage->options.name, stage->flow->stages[edge->to]->options.name);
    berthi_flow_stop(stage->flow, BERTHI_STOP_FAILED, &diag);
}

/* The first entries to the next edge of their port.  False: it takes no more. */
static bool deliver_some(berth_stage *stage, berthi_worker *worker)
{
    const berthi_port *port = &stage->ports[stage->outbox_ports[stage->outbox_at]];
    berthi_edge *edge = stage->flow->edges[port->edges[stage->outbox_edge]];
    bool is_alone = port->edges_count == 1;
    uint32_t count = is_alone ? run_length(stage) : 1;
    berthi_put put;

    if (!is_alone && stage->outbox_edge == 0 && !stage->is_shared) {
        berthi_buffer_ref(stage->outbox[stage->outbox_at].buffer, port->edges_count - 1);
        stage->is_shared = true;
    }
    put = berthi_edge_put(edge, &stage->outbox[stage->outbox_at], count, stage->lane->now_ns,
                          &worker->cache);
    if (put.wakes_consumer && edge->is_crossing)
        berthi_lane_notify(stage->flow->stages[edge->to]->lane);
    if (put.is_overflow)
        stop_for_overflow(stage, edge);
    if (is_alone) {
        stage->outbox_at += put.placed;
    } else if (put.placed != 0 && ++stage->outbox_edge == port->edges_count) {
        stage->outbox_edge = 0;
        stage->is_shared = false;
        stage->outbox_at++;
    }
    return put.placed == count && !put.is_overflow;
}

bool berthi_outbox_deliver(berth_stage *stage, berthi_worker *worker)
{
    while (stage->outbox_at < stage->outbox_count)
        if (!deliver_some(stage, worker))
            return false;
    stage->outbox_at = stage->outbox_count = 0;
    return true;
}

void berthi_outbox_discard(berth_stage *stage, berthi_worker *worker)
{
    for (; stage->outbox_at < stage->outbox_count; stage->outbox_at++) {
        berth_record *record = &stage->outbox[stage->outbox_at];
        uint32_t references = 1;

        if (stage->is_shared)
            references = stage->ports[stage->outbox_ports[stage->outbox_at]].edges_count -
                         stage->outbox_edge;
        berthi_count(&stage->counts.discarded, references);
        stage->is_shared = false;
        stage->outbox_edge = 0;
        while (references-- != 0)
            berthi_buffer_unref(&worker->cache, record->buffer);
    }
    stage->outbox_at = stage->outbox_count = 0;
}
