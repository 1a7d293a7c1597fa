/* flow_stats.c - what the operator reads.  Layer: flow. */
#include "flow/flow.h"

#include "base/diag.h"

static uint64_t read_counter(const _Atomic(uint64_t) *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* What there is, when somebody may be adding more. */
static void count_parts(berth_flow *flow, uint32_t *stages_out, uint32_t *edges_out)
{
    /* acquire: pairs with the release in lay(); from then on both stay. */
    bool is_laid = atomic_load_explicit(&flow->is_laid, memory_order_acquire);

    if (!is_laid)
        berthi_lock_take(&flow->flows->lock);
    *stages_out = flow->stages_count;
    *edges_out = flow->edges_count;
    if (!is_laid)
        berthi_lock_drop(&flow->flows->lock);
}

berth_status berth_flow_edge_stats(berth_flow *flow, uint32_t edge, berth_edge_stats *stats)
{
    berth_edge_stats now;
    uint32_t stages, edges;

    count_parts(flow, &stages, &edges);
    if (edge >= edges)
        return BERTH_E_ABSENT;
    memset(&now, 0, sizeof now);
    /* acquire: pairs with the release in lay(); who asks while the flow starts finds all of it or nothing. */
    if (atomic_load_explicit(&flow->is_laid, memory_order_acquire))
        berthi_edge_count(flow->edges[edge], berthi_clock_ns(), &now);
    return berthi_stats_give(stats, &now, sizeof now, "berth_edge_stats", NULL);
}

berth_status berth_flow_stage_stats(berth_flow *flow, uint32_t stage, berth_stage_stats *stats)
{
    berth_stage_stats now;
    const berth_stage *s;
    uint32_t stages, edges;

    count_parts(flow, &stages, &edges);
    if (stage >= stages)
        return BERTH_E_ABSENT;
    s = flow->stages[stage];
    memset(&now, 0, sizeof now);
    now.is_done = atomic_load_explicit(&s->counts.is_done, memory_order_relaxed);
    now.calls = read_counter(&s->counts.calls);
    now.failures = read_counter(&s->counts.failures);
    now.emitted = read_counter(&s->counts.emitted);
    now.retries = read_counter(&s->counts.retries);
    now.circuit_opened = read_counter(&s->counts.circuit_opened);
    now.pauses = read_counter(&s->counts.pauses);
    now.copies = read_counter(&s->counts.copies);
    now.copied_bytes = read_counter(&s->counts.copied_bytes);
    now.copies_in = read_counter(&s->counts.copies_in);
    now.copied_in_bytes = read_counter(&s->counts.copied_in_bytes);
    now.copies_out = read_counter(&s->counts.copies_out);
    now.copied_out_bytes = read_counter(&s->counts.copied_out_bytes);
    now.discarded = read_counter(&s->counts.discarded);
    now.swaps = read_counter(&s->counts.swaps);
    now.swaps_refused = read_counter(&s->counts.swaps_refused);
    now.buffer_bytes = read_counter(&s->budget.used);
    now.buffer_bytes_peak = read_counter(&s->budget.peak);
    return berthi_stats_give(stats, &now, sizeof now, "berth_stage_stats", NULL);
}

static uint64_t running_ns(const berth_flow *flow)
{
    uint64_t began = read_counter(&flow->began_ns), ended = read_counter(&flow->ended_ns);

    if (began == 0)
        return 0;
    return (ended != 0 ? ended : berthi_clock_ns()) - began;
}

berth_status berth_flow_read_stats(berth_flow *flow, berth_flow_stats *stats)
{
    berth_flow_stats now;

    memset(&now, 0, sizeof now);
    count_parts(flow, &now.stages, &now.edges);
    berthi_lock_take(&flow->flows->lock);
    if (atomic_load_explicit(&flow->is_laid, memory_order_acquire))
        now.lanes = flow->lanes_count;
    now.state = (uint32_t)flow->state;
    berthi_lock_drop(&flow->flows->lock);
    now.ingress = read_counter(&flow->sequence);
    now.turns = read_counter(&flow->turns);
    now.wakes = read_counter(&flow->wakes);
    now.buffer_bytes = read_counter(&flow->budget.used);
    now.buffer_bytes_peak = read_counter(&flow->budget.peak);
    now.running_ns = running_ns(flow);
    return berthi_stats_give(stats, &now, sizeof now, "berth_flow_stats", NULL);
}

berth_status berth_flows_read_stats(berth_flows *flows, berth_flows_stats *stats)
{
    berth_flows_stats now;
    berthi_buffer_counts buffers;
    uint64_t now_ns = berthi_clock_ns();

    memset(&now, 0, sizeof now);
    berthi_buffers_count(&flows->buffers, &buffers);
    now.buffers_made = buffers.made;
    now.buffers_freed = buffers.freed;
    now.buffers = buffers.live;
    now.buffer_bytes = buffers.live_bytes;
    now.buffer_bytes_kept = buffers.kept_bytes;
    for (uint32_t i = 0; i < flows->workers_count; i++)
        for (uint32_t k = 0; k < BERTH_BUFFER_CLASSES; k++)
            now.buffers_taken[k] += read_counter(&flows->workers[i].cache.taken[k]);
    now.workers = flows->workers_count;
    berthi_lock_take(&flows->lock);
    now.flows = flows->flows_open;
    now.lanes_ready = atomic_load_explicit(&flows->ready_lanes, memory_order_relaxed);
    now.wakes = flows->wakes;
    now.idle_ns = flows->idle_ns;
    for (const berthi_worker *w = flows->idle; w != NULL; w = w->next_idle) {
        now.workers_idle++;
        now.idle_ns += now_ns > w->idle_from_ns ? now_ns - w->idle_from_ns : 0;
    }
    berthi_lock_drop(&flows->lock);
    return berthi_stats_give(stats, &now, sizeof now, "berth_flows_stats", NULL);
}
