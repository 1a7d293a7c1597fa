/* flow.c - the life of flows, and of the object that runs them.  Layer: flow. */
#include "flow/flow.h"

#include "base/diag.h"

enum { WORKERS_DEFAULT = 2, WORKERS_MAX = 64, WEIGHT_MAX = 64 };
#define FLOW_BYTES_DEFAULT (UINT64_C(64) << 20)

/* ---------------------------------------------------------------- flows */

static berth_status read_flows_options(const berth_flows_options *options,
                                       berth_flows_options *out, berth_diag *diag)
{
    static const berth_flows_options none = BERTH_FLOWS_OPTIONS_INIT;
    berth_status status = berthi_options_copy(
        out, sizeof *out, options != NULL ? options : &none, "berth_flows_options", diag);

    if (status != BERTH_OK)
        return status;
    if (out->workers > WORKERS_MAX)
        return berthi_fail(diag, BERTH_E_INVALID, "workers are at most %d", WORKERS_MAX);
    if (out->workers == 0)
        out->workers = WORKERS_DEFAULT;
    if (out->allocator == NULL)
        out->allocator = &berthi_allocator_libc;
    BERTHI_REQUIRE(out->allocator->alloc != NULL && out->allocator->free != NULL, diag);
    return BERTH_OK;
}

static void free_flows(berth_flows *flows)
{
    berth_allocator a = flows->allocator;

    if (flows->workers != NULL)
        berthi_free_array(&a, flows->workers, flows->workers_count, sizeof *flows->workers);
    if (flows->heap != NULL)
        berthi_free_array(&a, flows->heap, flows->heap_room, sizeof *flows->heap);
    berthi_free(&a, flows, sizeof *flows);
}

static berth_status fill_flows(berth_flows *flows, const berth_flows_options *o,
                               berth_diag *diag)
{
    berth_status status;
    int code;

    flows->workers_count = o->workers;
    flows->workers = berthi_zalloc_array(&flows->allocator, o->workers, sizeof *flows->workers);
    if (flows->workers == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "the workers of flows");
    code = berthi_lock_init(&flows->lock, BERTHI_RANK_FLOWS);
    if (code != 0)
        return berthi_fail_os(diag, code, "the lock of flows");
    code = berthi_poller_init(&flows->poller);
    if (code != 0) {
        status = berthi_fail_os(diag, code, "the lock of what flows wait for");
        goto fail_poller;
    }
    code = berthi_buffers_init(&flows->buffers, &flows->allocator, o->kept_bytes_max);
    if (code != 0) {
        status = berthi_fail_os(diag, code, "the lock of buffers");
        goto fail_buffers;
    }
    status = berthi_workers_start(flows, diag);
    if (status != BERTH_OK)
        goto fail_workers;
    return BERTH_OK;
fail_workers:
    berthi_workers_stop(flows);
    berthi_buffers_fini(&flows->buffers);
fail_buffers:
    berthi_poller_fini(&flows->poller, &flows->allocator);
fail_poller:
    berthi_lock_fini(&flows->lock);
    return status;
}

berth_status berth_flows_create(const berth_flows_options *options, berth_flows **flows_out,
                                berth_diag *diag)
{
    berth_flows_options o;
    berth_flows *flows;
    berth_status status = read_flows_options(options, &o, diag);

    if (status != BERTH_OK)
        return status;
    flows = berthi_zalloc(o.allocator, sizeof *flows);
    if (flows == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "flows");
    flows->allocator = *o.allocator;
    status = fill_flows(flows, &o, diag);
    if (status != BERTH_OK) {
        free_flows(flows);
        return status;
    }
    *flows_out = flows;
    return BERTH_OK;
}

/* ---------------------------------------------------------------- one flow */

static void free_flow(berth_flow *flow)
{
    const berth_allocator *a = &flow->flows->allocator;

    if (flow->stages != NULL && flow->edges != NULL)
        berthi_graph_free(flow);
    berthi_content_types_free(flow);
    for (uint32_t i = 0; i < flow->lanes_count; i++)
        if (flow->lanes[i].stages != NULL)
            berthi_free_array(a, flow->lanes[i].stages, flow->lanes[i].stages_count,
                              sizeof *flow->lanes[i].stages);
    if (flow->lanes != NULL)
        berthi_free_array(a, flow->lanes, flow->lanes_count, sizeof *flow->lanes);
    if (flow->stages != NULL)
        berthi_free_array(a, flow->stages, BERTH_FLOW_STAGES_MAX, sizeof *flow->stages);
    if (flow->edges != NULL)
        berthi_free_array(a, flow->edges, BERTH_FLOW_EDGES_MAX, sizeof *flow->edges);
    if (flow->name != NULL)
        berthi_free(a, flow->name, strlen(flow->name) + 1);
    berthi_free(a, flow, sizeof *flow);
}

static berth_status fill_flow(berth_flow *flow, berth_diag *diag)
{
    const berth_allocator *a = &flow->flows->allocator;
    int code;

    flow->name = berthi_strndup(a, flow->options.name, strlen(flow->options.name));
    flow->stages = berthi_zalloc_array(a, BERTH_FLOW_STAGES_MAX, sizeof *flow->stages);
    flow->edges = berthi_zalloc_array(a, BERTH_FLOW_EDGES_MAX, sizeof *flow->edges);
    if (flow->name == NULL || flow->stages == NULL || flow->edges == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "a flow");
    code = berthi_cond_init(&flow->ended);
    return code == 0 ? BERTH_OK : berthi_fail_os(diag, code, "a flow");
}

static berth_status check_flow_options(const berth_flow_options *o, berth_diag *diag)
{
    size_t length = o->name == NULL ? 0 : strlen(o->name);

    for (size_t i = 0; i < length; i++)
        if (o->name[i] < 0x21 || o->name[i] > 0x7e)
            length = 0;
    if (length < 1 || length > 64)
        return berthi_fail(diag, BERTH_E_INVALID,
                           "a flow's name is 1 to 64 printable characters without blanks");
    BERTHI_REQUIRE(o->priority <= BERTH_PRIORITY_LOW && o->reserved == 0, diag);
    if (o->weight > WEIGHT_MAX)
        return berthi_fail(diag, BERTH_E_INVALID, "a flow's weight is at most %d", WEIGHT_MAX);
    return BERTH_OK;
}

berth_status berth_flow_open(berth_flows *flows, const berth_flow_options *options,
                             berth_flow **flow_out, berth_diag *diag)
{
    berth_flow_options o;
    berth_flow *flow;
    berth_status status =
        berthi_options_copy(&o, sizeof o, options, "berth_flow_options", diag);

    if (status == BERTH_OK)
        status = check_flow_options(&o, diag);
    if (status == BERTH_OK)
        status = berthi_measures_check(&o, diag);
    if (status != BERTH_OK)
        return status;
    flow = berthi_zalloc(&flows->allocator, sizeof *flow);
    if (flow == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "a flow");
    flow->flows = flows;
    flow->options = o;
    if (o.weight == 0)
        flow->options.weight = 1;
    flow->budget.max = o.buffer_bytes_max != 0 ? o.buffer_bytes_max : FLOW_BYTES_DEFAULT;
    flow->state = BERTH_FLOW_MADE;
    flow->timer.flow = flow;
    status = fill_flow(flow, diag);
    if (status != BERTH_OK) {
        free_flow(flow);
        return status;
    }
    berthi_lock_take(&flows->lock);
    flows->flows_open++;
    berthi_lock_drop(&flows->lock);
    *flow_out = flow;
    return BERTH_OK;
}

/* ---------------------------------------------------------------- starting */

void berthi_stage_tear_down(berth_stage *stage, berthi_worker *worker)
{
    BERTHI_ASSERT_UNLOCKED();
    if (stage->is_initialised && stage->options.ops->teardown != NULL) {
        stage->worker = worker;
        stage->options.ops->teardown(stage->options.self, stage);
        stage->worker = NULL;
    }
    stage->is_initialised = false;
    berthi_stage_forget_fds(stage); /* also of one whose init() failed */
}

static void tear_down(berth_flow *flow, berthi_worker *worker)
{
    for (uint32_t i = flow->stages_count; i-- != 0;)
        berthi_stage_tear_down(flow->stages[i], worker);
}

static berth_status initialise(berth_flow *flow, berthi_worker *worker, berth_diag *diag)
{
    for (uint32_t i = 0; i < flow->stages_count; i++) {
        berth_stage *stage = flow->stages[i];
        berth_status status = BERTH_OK;

        if (stage->options.ops->init != NULL) {
            BERTHI_ASSERT_UNLOCKED();
            stage->worker = worker;
            worker->diag.text[0] = '\0';
            status = stage->options.ops->init(stage->options.self, stage, &worker->diag);
            stage->worker = NULL;
        }
        if (status != BERTH_OK) {
            if (diag != NULL)
                *diag = worker->diag;
            return berthi_diag_prefix(diag, status, "stage '%s' cannot start",
                                      stage->options.name);
        }
        stage->is_initialised = true;
    }
    return BERTH_OK;
}

/* From here on others may stop it, drain it and wait for it, while its stages are still being initialised; its
 * lanes sleep until set_going(). */
static berth_status lay(berth_flow *flow, berth_diag *diag)
{
    berth_flows *flows = flow->flows;
    berth_status status = berthi_flow_lay(flow, diag);

    berthi_lock_take(&flows->lock);
    if (status == BERTH_OK && !berthi_timers_reserve(flows, flow->lanes_count + 1))
        status = berthi_fail(diag, BERTH_E_NOMEM, "the timers of flow '%s'", flow->name);
    if (status == BERTH_OK) {
        flow->has_timers = true;
        flow->state = BERTH_FLOW_RUNNING;
        atomic_store_explicit(&flow->began_ns, berthi_clock_ns(), memory_order_relaxed);
        /* release: pairs with those who read numbers without the lock. */
        atomic_store_explicit(&flow->is_laid, true, memory_order_release);
    }
    berthi_lock_drop(&flows->lock);
    return status;
}

/* The time `by_ns` from now; UINT64_MAX: never. */
static uint64_t time_after(uint64_t by_ns)
{
    uint64_t now_ns = berthi_clock_ns();

    return by_ns > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + by_ns;
}

/* Under the lock: its time is up then, or before. */
static void end_by(berth_flow *flow, uint64_t due_ns)
{
    if (due_ns == UINT64_MAX || (flow->timer.place != 0 && flow->timer.due_ns <= due_ns))
        return;
    atomic_store_explicit(&flow->due_ns, due_ns, memory_order_relaxed);
    berthi_timer_set_from_outside(flow->flows, &flow->timer, due_ns);
}

static void set_going(berth_flow *flow)
{
    berth_flows *flows = flow->flows;

    berthi_lock_take(&flows->lock);
    flow->lanes_living = flow->lanes_count;
    if (flow->options.deadline_ns != 0)
        end_by(flow, time_after(flow->options.deadline_ns));
    for (uint32_t i = 0; i < flow->lanes_count; i++) {
        flow->lanes[i].state = BERTHI_LANE_IDLE;
        berthi_lane_notify_locked(&flow->lanes[i]);
    }
    berthi_lock_drop(&flows->lock);
}

static void give_up_start(berth_flow *flow, berthi_worker *worker, berth_status status)
{
    berth_flows *flows = flow->flows;

    berthi_lock_take(&flows->lock);
    flow->state = BERTH_FLOW_FAILED;
    berthi_timer_clear(flows, &flow->timer); /* of who drained it meanwhile */
    berthi_lock_drop(&flows->lock);
    tear_down(flow, worker);
    berthi_buffer_cache_empty(&worker->cache);
    berthi_lock_take(&flows->lock);
    (void)berthi_fail(&flow->failure, berthi_told_status(status), "it was not started");
    atomic_store_explicit(&flow->ended_ns, berthi_clock_ns(), memory_order_relaxed);
    flow->has_ended = true;
    berthi_cond_wake_all(&flow->ended);
    berthi_lock_drop(&flows->lock);
}

static bool was_started(berth_flow *flow)
{
    bool was;

    berthi_lock_take(&flow->flows->lock);
    was = flow->state != BERTH_FLOW_MADE;
    berthi_lock_drop(&flow->flows->lock);
    return was;
}

berth_status berth_flow_start(berth_flow *flow, berth_diag *diag)
{
    berthi_worker here; /* for what init() and teardown() of stages release */
    berth_status status;

    if (was_started(flow))
        return berthi_fail(diag, BERTH_E_STATE, "flow '%s' was started before", flow->name);
    status = berth_flow_check(flow, NULL, NULL, diag);
    if (status != BERTH_OK)
        return status;
    memset(&here, 0, sizeof here);
    berthi_buffer_cache_init(&here.cache, &flow->flows->buffers);
    status = lay(flow, diag);
    if (status == BERTH_OK)
        status = initialise(flow, &here, diag);
    if (status != BERTH_OK) {
        give_up_start(flow, &here, status);
        return status;
    }
    berthi_buffer_cache_empty(&here.cache);
    set_going(flow);
    return BERTH_OK;
}

/* ---------------------------------------------------------------- ending */

static bool is_over(const berth_flow *flow)
{
    return flow->state == BERTH_FLOW_MADE || flow->state >= BERTH_FLOW_STOPPING;
}

void berthi_flow_stop_locked(berth_flow *flow, int stop, const berth_diag *why)
{
    if (is_over(flow))
        return;
    flow->state = BERTH_FLOW_STOPPING;
    if (why != NULL)
        flow->failure = *why;
    atomic_store_explicit(&flow->stop, stop, memory_order_relaxed);
    for (uint32_t i = 0; i < flow->lanes_count; i++)
        berthi_lane_notify_locked(&flow->lanes[i]);
}

void berthi_flow_stop(berth_flow *flow, int stop, const berth_diag *why)
{
    berthi_lock_take(&flow->flows->lock);
    berthi_flow_stop_locked(flow, stop, why);
    berthi_lock_drop(&flow->flows->lock);
}

void berthi_flow_time_up_locked(berth_flow *flow)
{
    berth_diag why;

    memset(&why, 0, sizeof why);
    (void)berthi_fail_because(&why, BERTH_E_DEADLINE, BERTH_REASON_DEADLINE,
                              flow->state == BERTH_FLOW_DRAINING
                                  ? "flow '%s' was not drained in time"
                                  : "flow '%s' has run for as long as it may",
                              flow->name);
    berthi_flow_stop_locked(flow, BERTHI_STOP_TIMED_OUT, &why);
}

void berth_flow_drain(berth_flow *flow, uint64_t within_ns)
{
    berth_flows *flows = flow->flows;
    uint64_t due_ns = time_after(within_ns);

    berthi_lock_take(&flows->lock);
    if (flow->state == BERTH_FLOW_DRAINING) {
        end_by(flow, due_ns);
    } else if (flow->state == BERTH_FLOW_RUNNING) {
        flow->state = BERTH_FLOW_DRAINING;
        /* release: pairs with step_source(); the lanes are told after it. */
        atomic_store_explicit(&flow->is_draining, true, memory_order_release);
        end_by(flow, due_ns);
        for (uint32_t i = 0; i < flow->lanes_count; i++)
            berthi_lane_notify_locked(&flow->lanes[i]);
    }
    berthi_lock_drop(&flows->lock);
}

void berth_flow_cancel(berth_flow *flow)
{
    berth_diag why;

    memset(&why, 0, sizeof why);
    (void)berthi_fail(&why, BERTH_E_CLOSED, "flow '%s' was cancelled", flow->name);
    berthi_flow_stop(flow, BERTHI_STOP_CANCELLED, &why);
}

berth_status berth_flow_cancel_branch(berth_flow *flow, uint32_t stage, berth_diag *diag)
{
    berth_flows *flows = flow->flows;
    berth_status status = BERTH_OK;

    berthi_lock_take(&flows->lock);
    if (is_over(flow)) {
        status = berthi_fail(diag, BERTH_E_STATE, "flow '%s' is not running", flow->name);
    } else if (stage >= flow->stages_count) {
        status = berthi_fail(diag, BERTH_E_ABSENT, "flow '%s' has no stage %u", flow->name,
                             (unsigned)stage);
    } else {
        /* Before the notification: the lane that it wakes looks for it. */
        atomic_store_explicit(&flow->stages[stage]->is_cut, true, memory_order_relaxed);
        berthi_lane_notify_locked(flow->stages[stage]->lane);
    }
    berthi_lock_drop(&flows->lock);
    return status;
}

void berthi_flow_finish(berth_flow *flow, berthi_worker *worker)
{
    berth_flows *flows = flow->flows;
    uint64_t now_ns = berthi_clock_ns();
    int stop = atomic_load_explicit(&flow->stop, memory_order_relaxed);

    for (uint32_t i = 0; i < flow->stages_count; i++)
        berthi_stage_discard(flow->stages[i], worker);
    for (uint32_t i = 0; i < flow->edges_count; i++)
        berthi_edge_discard(flow->edges[i], now_ns, &worker->cache);
    tear_down(flow, worker);
    berthi_buffer_cache_settle(&worker->cache);
    berthi_lock_take(&flows->lock);
    berthi_timer_clear(flows, &flow->timer); /* somebody drained it meanwhile */
    for (uint32_t i = 0; i < flow->lanes_count; i++)
        berthi_timer_clear(flows, &flow->lanes[i].timer);
    flow->state = stop == BERTHI_STOP_NONE     ? BERTH_FLOW_COMPLETED
                  : stop == BERTHI_STOP_FAILED ? BERTH_FLOW_FAILED
                                               : BERTH_FLOW_CANCELLED;
    berthi_lock_drop(&flows->lock);
}

berth_status berth_flow_wait(berth_flow *flow, uint64_t timeout_ns, berth_diag *diag)
{
    berth_flows *flows = flow->flows;
    uint64_t due_ns = time_after(timeout_ns);
    bool is_late = false;
    berth_status status;

    berthi_lock_take(&flows->lock);
    if (flow->state == BERTH_FLOW_MADE) {
        berthi_lock_drop(&flows->lock);
        return berthi_fail(diag, BERTH_E_STATE, "flow '%s' was not started", flow->name);
    }
    while (!flow->has_ended && !is_late) {
        if (due_ns == UINT64_MAX)
            berthi_cond_wait(&flow->ended, &flows->lock.mutex);
        else
            is_late = !berthi_cond_wait_until(&flow->ended, &flows->lock.mutex, due_ns);
    }
    if (!flow->has_ended)
        status = berthi_fail(diag, BERTH_E_BUSY, "flow '%s' is running", flow->name);
    else if (flow->state == BERTH_FLOW_COMPLETED)
        status = BERTH_OK;
    else {
        status = (berth_status)flow->failure.status;
        if (diag != NULL)
            *diag = flow->failure;
    }
    berthi_lock_drop(&flows->lock);
    return status;
}

void berth_flow_close(berth_flow *flow)
{
    berth_flows *flows;

    if (flow == NULL)
        return;
    flows = flow->flows;
    berth_flow_cancel(flow);
    berthi_lock_take(&flows->lock);
    while (flow->state != BERTH_FLOW_MADE && !flow->has_ended)
        berthi_cond_wait(&flow->ended, &flows->lock.mutex);
    flows->flows_open--;
    if (flow->has_timers)
        flows->heap_wanted -= flow->lanes_count + 1;
    berthi_lock_drop(&flows->lock);
    berthi_cond_fini(&flow->ended);
    free_flow(flow);
}

void berth_flows_destroy(berth_flows *flows)
{
    if (flows == NULL)
        return;
    assert(flows->flows_open == 0);
    berthi_workers_stop(flows);
    berthi_poller_fini(&flows->poller, &flows->allocator);
    berthi_buffers_fini(&flows->buffers);
    berthi_lock_fini(&flows->lock);
    free_flows(flows);
}
