/* batch_call.c - stages that export berth:flow: many records in one call.  Layer: flow.
 *
 * A batch lies in two pieces of memory, so it goes into a guest in two copies, whatever is in it.  What is behind a payload
 * in its buffer, its key and its headers, goes along with it.  What a guest gives is looked at before any of it is
 * believed: spans have to lie within its bytes, entries and ports have to be there. */
#include "flow/guest.h"

#include <berthi_batch_types.h>

#include "base/diag.h"
#include "base/utf8.h"

typedef berthi_batch_types_batch batch;
typedef berthi_batch_types_entry entry;
typedef berthi_batch_types_emission emission;
typedef berthi_batch_types_failure failure;
typedef berthi_batch_types_output output;
typedef berthi_batch_types_span span;

enum { BATCH_BYTES_MAX = 1 << 20 }; /* but for one record that is larger alone */

/* ---------------------------------------------------------------- failures */

static berth_status fail_as(berthi_guest *g, const failure *f, berth_diag *diag)
{
    static const char *const words[] = { "invalid", "unavailable", "internal error", "fatal" };
    char shown[sizeof diag->text];

    if (f->tag == BERTHI_BATCH_TYPES_FAILURE_INVALID)
        g->stage->verdict = BERTHI_VERDICT_USELESS;
    if (f->tag == BERTHI_BATCH_TYPES_FAILURE_FATAL)
        g->stage->verdict = BERTHI_VERDICT_FATAL;
    return berthi_fail(
        diag, BERTH_E_PLUGIN, "it says: %s: %s", words[f->tag],
        berthi_utf8_show(shown, sizeof shown, f->as.fatal.text, f->as.fatal.size));
}

/* ---------------------------------------------------------------- into a guest */

/* What lies at `data` in the room of the batch, which has place for it. */
static span put(berthi_guest *g, const void *data, uint64_t size)
{
    const span s = { (uint32_t)g->scratch_used, (uint32_t)size };

    if (size != 0)
        memcpy(g->scratch + g->scratch_used, data, size);
    g->scratch_used += size;
    return s;
}

static bool make_room(berthi_guest *g, uint64_t size)
{
    const berth_allocator *a = &g->flow->flows->allocator;
    uint64_t room = g->scratch_room == 0 ? 16384 : g->scratch_room;
    char *larger;

    if (size <= g->scratch_room)
        return true;
    while (room < size)
        room *= 2;
    larger = berthi_alloc(a, room);
    if (larger == NULL)
        return false;
    if (g->scratch != NULL)
        berthi_free(a, g->scratch, g->scratch_room);
    g->scratch = larger;
    g->scratch_room = room;
    return true;
}

static uint64_t size_of(const berthi_guest *g, const berth_record *record)
{
    return record->size + record->buffer->label_size +
           berthi_content_type_text(g->flow, record->buffer->content_type).size;
}

/* So many of the records, from the first one on, and what they take. */
static uint32_t measure(const berthi_guest *g, const berth_record *records, uint32_t count,
                        uint64_t *bytes_out)
{
    uint64_t bytes = size_of(g, &records[0]);
    uint32_t n = 1;

    while (n < count && bytes + size_of(g, &records[n]) <= BATCH_BYTES_MAX)
        bytes += size_of(g, &records[n++]);
    *bytes_out = bytes;
    return n;
}

static uint64_t left(const berth_record *record, uint64_t *now_ns)
{
    if (record->deadline_ns == 0)
        return 0;
    if (*now_ns == 0)
        *now_ns = berthi_clock_ns();
    return record->deadline_ns > *now_ns ? record->deadline_ns - *now_ns : 1;
}

/* `payload` is where the bytes of the buffer begin in the batch. */
static void describe(entry *e, const berth_record *record, uint32_t payload, uint64_t *now_ns)
{
    const berth_buffer *b = record->buffer;
    uint32_t key = payload + (uint32_t)record->size;

    *e = (entry){ .sequence = record->sequence,
                  .time_ns = record->time_ns,
                  .left_ns = left(record, now_ns),
                  .payload = { payload, (uint32_t)record->size },
                  .key = { key, b->key_size },
                  .headers = { key + b->key_size, b->label_size - b->key_size } };
}

/* Puts records into `b`, whose entries are `entries`; how many those are. */
static uint32_t fill(berthi_guest *g, const berth_record *records, uint32_t count,
                     entry *entries, batch *b)
{
    berthi_stage_counts *counts = &g->stage->counts;
    uint64_t bytes, now_ns = 0;
    uint32_t type = 0, n = measure(g, records, count, &bytes);
    span type_span = { 0, 0 };

    *b = (batch){ { entries, n }, { records[0].data, bytes } };
    if (n == 1 && records[0].buffer->content_type == 0) { /* where it is */
        describe(&entries[0], &records[0], 0, &now_ns);
    } else {
        if (!make_room(g, bytes))
            return 0;
        g->scratch_used = 0;
        for (uint32_t i = 0; i < n; i++) {
            const berth_buffer *from = records[i].buffer;
            uint32_t at = put(g, records[i].data, records[i].size + from->label_size).at;

            describe(&entries[i], &records[i], at, &now_ns);
            if (from->content_type != 0 && from->content_type != type) {
                berth_string text = berthi_content_type_text(g->flow, from->content_type);

                type = from->content_type;
                type_span = put(g, text.text, text.size);
            }
            if (from->content_type != 0)
                entries[i].content_type = type_span;
        }
        b->bytes = (berthi_batch_list_u8){ (const uint8_t *)g->scratch, g->scratch_used };
        berthi_count(&counts->copies, n);
        berthi_count(&counts->copied_bytes, g->scratch_used);
    }
    berthi_count(&counts->copies_in, n);
    berthi_count(&counts->copied_in_bytes, bytes);
    return n;
}

/* ---------------------------------------------------------------- out of it */

typedef struct source_of { /* what emissions may refer to */
    const berth_record *records;
    uint32_t count;
    bool is_of_none; /* there are no entries, and all emissions say 0 */
} source_of;

static bool is_within(span s, size_t size)
{
    return s.size == 0 || (s.at <= size && s.size <= size - s.at);
}

static uint32_t read_u32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
           (uint32_t)at[3] << 24;
}

bool berthi_headers_are_sound(const void *headers, uint64_t size)
{
    const uint8_t *at = headers;

    while (size != 0) {
        uint64_t one;

        if (size < 8)
            return false;
        one = 8 + (uint64_t)read_u32(at) + read_u32(at + 4);
        if (one > size)
            return false;
        at += one;
        size -= one;
    }
    return true;
}

static berth_status check(const emission *e, const source_of *from, const output *o,
                          berth_diag *diag)
{
    size_t size = o->bytes.count;

    if (from->is_of_none ? e->of != 0 : e->of >= from->count)
        return berthi_fail(diag, BERTH_E_ABI,
                           "it emitted a record of entry %u, which there is not", e->of);
    if (e->payload.size == UINT32_MAX)
        return from->is_of_none
                   ? berthi_fail(diag, BERTH_E_ABI, "it passed an entry on, and there is none")
                   : BERTH_OK;
    if (!is_within(e->payload, size) || !is_within(e->key, size) ||
        !is_within(e->headers, size) || !is_within(e->content_type, size))
        return berthi_fail(diag, BERTH_E_ABI,
                           "what it emitted lies outside of the %zu bytes that it gave", size);
    if (!berthi_headers_are_sound(o->bytes.data + e->headers.at, e->headers.size))
        return berthi_fail(diag, BERTH_E_ABI, "the headers of what it emitted do not add up");
    return BERTH_OK;
}

/* A port by the number that the guest was told. */
static uint32_t port_of(const berth_stage *stage, uint32_t number)
{
    if (number >= stage->ports_count)
        return UINT32_MAX; /* which is refused by whoever emits */
    return number < stage->dead_port ? number : number + 1;
}

static berth_status emit_new(berthi_guest *g, const emission *e, const uint8_t *bytes,
                             berth_diag *diag)
{
    const berth_label label = { .key = bytes + e->key.at,
                                .key_size = e->key.size,
                                .headers = bytes + e->headers.at,
                                .headers_size = e->headers.size,
                                .content_type = (const char *)bytes + e->content_type.at,
                                .content_type_size = e->content_type.size };

    berthi_count(&g->stage->counts.copies_out, 1);
    berthi_count(&g->stage->counts.copied_out_bytes, e->payload.size);
    return berthi_stage_emit_labelled(g->stage, port_of(g->stage, e->port),
                                      bytes + e->payload.at, e->payload.size, &label, diag);
}

static uint64_t time_after(uint64_t by_ns)
{
    uint64_t now_ns = berthi_clock_ns();

    return by_ns > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + by_ns;
}

static berth_status emit_one(berthi_guest *g, const emission *e, const source_of *from,
                             const output *o, berth_diag *diag)
{
    berth_stage *stage = g->stage;
    const berth_record *record = from->is_of_none ? NULL : &from->records[e->of];
    uint64_t before = stage->stamp.deadline_ns;
    berth_status status;

    if (record != NULL)
        stage->stamp = *record;
    if (e->left_ns != 0)
        stage->stamp.deadline_ns = time_after(e->left_ns);
    if (e->payload.size == UINT32_MAX)
        status = berthi_stage_pass_stamped(stage, port_of(stage, e->port), record, diag);
    else
        status = emit_new(g, e, o->bytes.data, diag);
    if (record == NULL)
        stage->stamp.deadline_ns = before; /* the source's own, for the next */
    return status;
}

static berth_status emit_all(berthi_guest *g, const output *o, const source_of *from,
                             berth_diag *diag)
{
    berth_status status = BERTH_OK;

    for (size_t i = 0; i < o->emissions.count && status == BERTH_OK; i++) {
        const emission *e = &o->emissions.data[i];

        status = check(e, from, o, diag);
        if (status == BERTH_OK)
            status = emit_one(g, e, from, o, diag);
    }
    return status;
}

/* ---------------------------------------------------------------- records */

static berth_status settle(berthi_guest *g, uint32_t given, uint32_t done,
                           const berthi_batch_list_u32 *dead,
                           const berthi_batch_option_types_failure *why,
                           berthi_batch_done *done_out, berth_diag *diag)
{
    if (done > given || (why->is_some && done == given))
        return berthi_fail(diag, BERTH_E_ABI, "it dealt with %u of %u entries", done, given);
    if (!why->is_some && done == 0)
        return berthi_fail(diag, BERTH_E_ABI, "it dealt with no entry, and does not say why");
    done_out->count = done;
    done_out->dead = 0;
    for (size_t i = 0; i < dead->count; i++) {
        if (dead->data[i] >= done)
            return berthi_fail(diag, BERTH_E_ABI,
                               "entry %u is a dead letter, and it dealt with %u", dead->data[i],
                               done);
        done_out->dead |= UINT64_C(1) << dead->data[i];
    }
    done_out->failure = why->is_some ? fail_as(g, &why->some, diag) : BERTH_OK;
    return BERTH_OK;
}

typedef struct processing {
    berthi_guest *guest;
    source_of from;
    berthi_batch_done *done;
} processing;

/* While what it gave lies in the guest. */
static berth_status take_outcome(void *ctx, const void *result, berth_diag *diag)
{
    const berthi_batch_types_outcome *outcome = result;
    processing *p = ctx;
    berth_status status = emit_all(p->guest, &outcome->output, &p->from, diag);

    return status != BERTH_OK ? status
                              : settle(p->guest, p->from.count, outcome->done, &outcome->dead,
                                       &outcome->failure, p->done, diag);
}

static berth_status process(berthi_guest *g, const berth_record *records, uint32_t count,
                            berthi_batch_done *done_out, berth_diag *diag)
{
    entry entries[BERTHI_FLOW_BATCH];
    berthi_batch_types_outcome result;
    processing p = { .guest = g, .from = { .records = records }, .done = done_out };
    batch args;

    p.from.count = fill(g, records, count, entries, &args);
    if (p.from.count == 0)
        return berthi_fail(diag, BERTH_E_NOMEM, "a batch");
    return berthi_guest_call_and_look(g, g->live.contract->main, &args, &result, take_outcome,
                                      &p, diag);
}

static berth_status push(berthi_guest *g, const berth_record *records, uint32_t count,
                         berthi_batch_done *done_out, berth_diag *diag)
{
    entry entries[BERTHI_FLOW_BATCH];
    berthi_batch_sink_taken result;
    batch args;
    uint32_t given = fill(g, records, count, entries, &args);
    berth_status status;

    if (given == 0)
        return berthi_fail(diag, BERTH_E_NOMEM, "a batch");
    status = berthi_guest_call(g, g->live.contract->main, &args, &result, diag);
    if (status == BERTH_OK)
        status = settle(g, given, result.done, &result.dead, &result.failure, done_out, diag);
    if (status == BERTH_OK && result.pause_ns != 0)
        berth_stage_pause(g->stage, result.pause_ns);
    return status;
}

/* ---------------------------------------------------------------- the others */

static const source_of nothing = { .is_of_none = true };

static berth_status take_pulled(void *ctx, const void *answer, berth_diag *diag)
{
    const berthi_batch_result_source_pulled_types_failure *result = answer;
    berthi_guest *g = ctx;
    berth_status status;

    if (result->is_error)
        return fail_as(g, &result->as.error, diag);
    status = emit_all(g, &result->as.ok.output, &nothing, diag);
    if (status != BERTH_OK)
        return status;
    if (result->as.ok.next.tag == BERTHI_BATCH_SOURCE_NEXT_ENDED)
        berth_stage_end(g->stage);
    if (result->as.ok.next.tag == BERTHI_BATCH_SOURCE_NEXT_PENDING)
        berth_stage_pause(g->stage, result->as.ok.next.as.pending);
    return BERTH_OK;
}

static berth_status pull(berthi_guest *g, berth_diag *diag)
{
    const uint32_t max = BERTHI_FLOW_BATCH;
    berthi_batch_result_source_pulled_types_failure result;

    return berthi_guest_call_and_look(g, g->live.contract->main, &max, &result, take_pulled, g,
                                      diag);
}

static berth_status notify(berthi_guest *g, bool pauses, berth_diag *diag)
{
    berthi_batch_types_signal word =
        pauses ? BERTHI_BATCH_TYPES_SIGNAL_PAUSE : BERTHI_BATCH_TYPES_SIGNAL_READY;

    return berthi_guest_call(g, g->live.contract->second, &word, NULL, diag);
}

static berth_status flush(berthi_guest *g, berth_diag *diag)
{
    berthi_batch_result_types_output_types_failure result;
    berth_status status = berthi_guest_call(g, g->live.contract->second, NULL, &result, diag);

    if (status != BERTH_OK)
        return status;
    return result.is_error ? fail_as(g, &result.as.error, diag)
                           : emit_all(g, &result.as.ok, &nothing, diag);
}

static berth_status complete(berthi_guest *g, berth_diag *diag)
{
    berthi_batch_result_none_types_failure result;
    berth_status status = berthi_guest_call(g, g->live.contract->second, NULL, &result, diag);

    if (status != BERTH_OK)
        return status;
    return result.is_error ? fail_as(g, &result.as.error, diag) : BERTH_OK;
}

static berth_status init(berthi_guest *g, berth_diag *diag)
{
    berth_string names[BERTHI_FLOW_PORTS_MAX];
    berthi_batch_lifecycle_init_args args = { { g->config, strlen(g->config) }, { names, 0 } };
    berthi_batch_result_none_types_failure result;
    bool has_init = false;
    berth_status status =
        berthi_guest_has(g->live.session, BERTHI_GUEST_BATCH_INIT, &has_init, diag);

    if (status == BERTH_OK && has_init)
        status =
            berthi_guest_has(g->live.session, BERTHI_GUEST_BATCH_TEARDOWN, &has_init, diag);
    if (status != BERTH_OK || !has_init)
        return status;
    for (uint32_t i = 0; i < g->stage->ports_count; i++)
        if (i != g->stage->dead_port)
            names[args.ports.count++] =
                (berth_string){ g->stage->ports[i].name, strlen(g->stage->ports[i].name) };
    status = berthi_guest_call(g, BERTHI_GUEST_BATCH_INIT, &args, &result, diag);
    if (status == BERTH_OK && result.is_error)
        status = fail_as(g, &result.as.error, diag);
    g->live.has_init = status == BERTH_OK;
    return status;
}

static void teardown(berthi_guest *g)
{
    (void)!berthi_guest_call(g, BERTHI_GUEST_BATCH_TEARDOWN, NULL, NULL, NULL);
}

const berthi_guest_contract berthi_batch_contracts[BERTHI_BATCH_CONTRACTS] = {
    { "berth:flow/source@0.1.0", BERTH_ROLE_SOURCE, BERTHI_GUEST_BATCH_PULL,
      BERTHI_GUEST_BATCH_NOTIFY, .init = init, .teardown = teardown, .pull = pull,
      .signal = notify },
    { "berth:flow/processor@0.1.0", BERTH_ROLE_PROCESSOR, BERTHI_GUEST_BATCH_PROCESS,
      BERTHI_GUEST_BATCH_PROCESS, .init = init, .teardown = teardown, .batch = process },
    { "berth:flow/processor@0.1.0", BERTH_ROLE_FILTER, BERTHI_GUEST_BATCH_PROCESS,
      BERTHI_GUEST_BATCH_PROCESS, .init = init, .teardown = teardown, .batch = process },
    { "berth:flow/processor@0.1.0", BERTH_ROLE_ROUTER, BERTHI_GUEST_BATCH_PROCESS,
      BERTHI_GUEST_BATCH_PROCESS, .init = init, .teardown = teardown, .batch = process },
    { "berth:flow/aggregator@0.1.0", BERTH_ROLE_AGGREGATOR, BERTHI_GUEST_BATCH_INGEST,
      BERTHI_GUEST_BATCH_FLUSH, .init = init, .teardown = teardown, .batch = process,
      .complete = flush },
    { "berth:flow/sink@0.1.0", BERTH_ROLE_SINK, BERTHI_GUEST_BATCH_PUSH,
      BERTHI_GUEST_BATCH_COMPLETE, .init = init, .teardown = teardown, .batch = push,
      .complete = complete },
};
