/* measure.c - how long calls take, how old records are when they leave, and the way of the first ones.  Layer: flow.
 *
 * Only the stage's lane writes; histograms may be read at any time, spans as far as their count says.  A call that is
 * sampled costs two readings of the clock; of the others it costs a decrement. */
#include "flow/flow.h"

#include "base/diag.h"

enum {
    SAMPLED_EACH = 32, /* of calls, when not all are measured; the first is */
    SPANS_EACH = 4,    /* calls for one traced record, in the mean: retries, several for one */
    TRACES_MAX = 65536
};

berth_status berthi_measures_check(const berth_flow_options *o, berth_diag *diag)
{
    BERTHI_REQUIRE(o->measures <= BERTH_FLOW_MEASURE_ALL, diag);
    BERTHI_REQUIRE(o->traces <= TRACES_MAX, diag);
    return BERTH_OK;
}

static berth_status add_meter(berth_flow *flow, berth_stage *stage)
{
    const berth_allocator *a = &flow->flows->allocator;
    berthi_meter *m = berthi_zalloc(a, sizeof *m);
    berth_status status;

    if (m == NULL)
        return BERTH_E_NOMEM;
    stage->meter = m;
    m->is_all = flow->options.measures == BERTH_FLOW_MEASURE_ALL;
    m->traces = flow->options.traces;
    m->room = flow->options.traces * SPANS_EACH;
    m->left = 1;
    status = berth_histogram_create(a, &m->calls, NULL);
    if (status == BERTH_OK && stage->options.role == BERTH_ROLE_SINK)
        status = berth_histogram_create(a, &m->ages, NULL);
    if (status == BERTH_OK && m->room != 0) {
        m->spans = berthi_zalloc_array(a, m->room, sizeof *m->spans);
        status = m->spans == NULL ? BERTH_E_NOMEM : BERTH_OK;
    }
    return status;
}

berth_status berthi_measures_make(berth_flow *flow, berth_diag *diag)
{
    if (flow->options.measures == 0 && flow->options.traces == 0)
        return BERTH_OK;
    for (uint32_t i = 0; i < flow->stages_count; i++)
        if (add_meter(flow, flow->stages[i]) != BERTH_OK)
            return berthi_fail(diag, BERTH_E_NOMEM, "the measures of flow '%s'", flow->name);
    for (uint32_t i = 0; i < flow->edges_count && flow->options.measures != 0; i++) {
        berthi_edge *edge = flow->edges[i];

        edge->is_each_measured = flow->options.measures == BERTH_FLOW_MEASURE_ALL;
        if (berth_histogram_create(&flow->flows->allocator, &edge->waits, NULL) != BERTH_OK)
            return berthi_fail(diag, BERTH_E_NOMEM, "the measures of flow '%s'", flow->name);
    }
    return BERTH_OK;
}

void berthi_meter_free(berth_flow *flow, berthi_meter *m)
{
    const berth_allocator *a = &flow->flows->allocator;

    if (m == NULL)
        return;
    berth_histogram_destroy(m->calls);
    berth_histogram_destroy(m->ages);
    if (m->spans != NULL)
        berthi_free_array(a, m->spans, m->room, sizeof *m->spans);
    berthi_free(a, m, sizeof *m);
}

static uint64_t copies_of(const berth_stage *stage)
{
    const berthi_stage_counts *c = &stage->counts;

    return atomic_load_explicit(&c->copies, memory_order_relaxed) +
           atomic_load_explicit(&c->copies_in, memory_order_relaxed) +
           atomic_load_explicit(&c->copies_out, memory_order_relaxed);
}

void berthi_meter_begin(berth_stage *stage, const berth_record *record)
{
    berthi_meter *m = stage->meter;

    m->has_record = record != NULL;
    m->batch = 0;
    m->is_traced = m->traces != 0 && (record == NULL || record->sequence < m->traces) &&
                   atomic_load_explicit(&m->count, memory_order_relaxed) < m->room;
    m->begun_ns = 0;
    if (!m->is_all && !m->is_traced && --m->left != 0)
        return;
    m->left = SAMPLED_EACH;
    m->copies = m->is_traced ? copies_of(stage) : 0;
    if (record != NULL) {
        m->sequence = record->sequence;
        m->time_ns = record->time_ns;
    }
    m->begun_ns = berthi_clock_ns();
}

static void add_span(berthi_meter *m, uint64_t sequence, uint64_t end_ns, uint64_t copies,
                     bool has_failed)
{
    uint32_t count = atomic_load_explicit(&m->count, memory_order_relaxed);

    if (count == m->room || sequence >= m->traces)
        return;
    m->spans[count] =
        (berth_span){ sequence, m->begun_ns, end_ns, (uint32_t)copies, has_failed };
    /* release: pairs with berth_flow_spans(). */
    atomic_store_explicit(&m->count, count + 1, memory_order_release);
}

/* Of a pull, one for each record that it made; of a batch, one for each record in it. */
static void add_spans(berth_stage *stage, uint64_t end_ns, bool has_failed)
{
    berthi_meter *m = stage->meter;
    uint64_t copies = copies_of(stage) - m->copies;
    uint32_t made = stage->outbox_count - stage->call_from;

    if (m->has_record)
        add_span(m, m->sequence, end_ns, copies, has_failed);
    else if (m->batch != 0)
        for (uint32_t i = 0; i < m->batch; i++)
            add_span(m, stage->inbox[stage->inbox_at + i].sequence, end_ns, copies / m->batch,
                     has_failed);
    else if (stage->options.role == BERTH_ROLE_SOURCE)
        for (uint32_t i = 0; i < made; i++)
            add_span(m, stage->outbox[stage->call_from + i].sequence, end_ns, copies / made,
                     has_failed);
}

void berthi_meter_end(berth_stage *stage, bool has_failed)
{
    berthi_meter *m = stage->meter;
    uint64_t end_ns, seconds, now_ns;
    uint32_t ns;

    if (m->begun_ns == 0)
        return;
    end_ns = berthi_clock_ns();
    berth_histogram_record(m->calls, end_ns - m->begun_ns);
    if (m->is_traced)
        add_spans(stage, end_ns, has_failed);
    if (m->batch != 0) { /* a batch: its first, which is its oldest */
        m->has_record = true;
        m->time_ns = stage->inbox[stage->inbox_at].time_ns;
    }
    if (m->ages == NULL || !m->has_record || has_failed)
        return;
    berthi_clock_wall(&seconds, &ns);
    now_ns = seconds * 1000000000u + ns;
    berth_histogram_record(m->ages, now_ns > m->time_ns ? now_ns - m->time_ns : 0);
}

/* ---------------------------------------------------------------- for readers */

/* NULL: not measured. */
static const berthi_meter *meter_of(berth_flow *flow, uint32_t stage)
{
    /* acquire: pairs with the release in lay(). */
    return atomic_load_explicit(&flow->is_laid, memory_order_acquire) &&
                   stage < flow->stages_count
               ? flow->stages[stage]->meter
               : NULL;
}

berth_status berth_flow_measured(berth_flow *flow, uint32_t stage, uint32_t what,
                                 berth_histogram *into)
{
    const berthi_meter *m = meter_of(flow, stage);
    const berth_histogram *h = m == NULL                      ? NULL
                               : what == BERTH_MEASURED_CALLS ? m->calls
                               : what == BERTH_MEASURED_AGES  ? m->ages
                                                              : NULL;

    if (what != BERTH_MEASURED_CALLS && what != BERTH_MEASURED_AGES)
        return BERTH_E_INVALID;
    if (h == NULL)
        return BERTH_E_ABSENT;
    berth_histogram_merge(into, h);
    return BERTH_OK;
}

berth_status berth_flow_waited(berth_flow *flow, uint32_t edge, berth_histogram *into)
{
    /* acquire: pairs with the release in lay(). */
    if (!atomic_load_explicit(&flow->is_laid, memory_order_acquire) ||
        edge >= flow->edges_count || flow->edges[edge]->waits == NULL)
        return BERTH_E_ABSENT;
    berth_histogram_merge(into, flow->edges[edge]->waits);
    return BERTH_OK;
}

uint32_t berth_flow_spans(berth_flow *flow, uint32_t stage, berth_span *spans, uint32_t max)
{
    const berthi_meter *m = meter_of(flow, stage);
    /* acquire: pairs with add_span(); what is below the count stays as it is. */
    uint32_t count = m == NULL ? 0 : atomic_load_explicit(&m->count, memory_order_acquire);

    if (max > count)
        max = count;
    if (max != 0)
        memcpy(spans, m->spans, max * sizeof *spans);
    return count;
}
