/* workers.c - who runs which lane, when, and for how long.  Layer: flow.
 *
 * Everything here but the turns themselves happens under the lock of the flows object, a few dozen instructions a
 * turn.  The argument that no wake-up is lost, and that idle costs nothing: 0014-flows.md, claims 2 and 3. */
#include "flow/flow.h"

#include "base/diag.h"

/* ---------------------------------------------------------------- timers: a heap, due first on top */

static void place_timer(berth_flows *flows, uint32_t at, berthi_timer *timer)
{
    flows->heap[at - 1] = timer;
    timer->place = at;
}

static void sift_up(berth_flows *flows, berthi_timer *timer)
{
    uint32_t at = timer->place;

    while (at > 1 && flows->heap[at / 2 - 1]->due_ns > timer->due_ns) {
        place_timer(flows, at, flows->heap[at / 2 - 1]);
        at /= 2;
    }
    place_timer(flows, at, timer);
}

static void sift_down(berth_flows *flows, berthi_timer *timer)
{
    uint32_t at = timer->place;

    for (uint32_t child = 2 * at; child <= flows->heap_count; child = 2 * at) {
        if (child < flows->heap_count &&
            flows->heap[child]->due_ns < flows->heap[child - 1]->due_ns)
            child++;
        if (flows->heap[child - 1]->due_ns >= timer->due_ns)
            break;
        place_timer(flows, at, flows->heap[child - 1]);
        at = child;
    }
    place_timer(flows, at, timer);
}

void berthi_timer_clear(berth_flows *flows, berthi_timer *timer)
{
    uint32_t at = timer->place;
    berthi_timer *last;

    if (at == 0)
        return;
    last = flows->heap[--flows->heap_count];
    timer->place = 0;
    if (last == timer)
        return;
    place_timer(flows, at, last);
    sift_up(flows, last);
    sift_down(flows, last);
}

static void wake_worker(berthi_worker *w)
{
    berthi_worker **at = &w->flows->idle;

    while (*at != w)
        at = &(*at)->next_idle;
    *at = w->next_idle;
    w->is_idle = false;
    w->flows->wakes++;
    /* Now, and not when it runs: who reads the numbers meanwhile finds it idle no more. */
    w->flows->idle_ns += berthi_clock_ns() - w->idle_from_ns;
    berthi_cond_wake_all(&w->wake);
}

void berthi_timer_set(berth_flows *flows, berthi_timer *timer, uint64_t due_ns)
{
    timer->due_ns = due_ns;
    if (timer->place == 0) {
        assert(flows->heap_count < flows->heap_room);
        flows->heap_count++;
        timer->place = flows->heap_count;
        sift_up(flows, timer);
    } else {
        sift_up(flows, timer);
        sift_down(flows, timer);
    }
    if (timer->place != 1)
        return;
    /* Whoever keeps the time waits for too long now.  When nobody does, the worker whose turn has just ended, and who
     * sets this timer, is about to. */
    if (flows->timekeeper != NULL && flows->timekeeper->is_idle)
        wake_worker(flows->timekeeper);
}

void berthi_timer_set_from_outside(berth_flows *flows, berthi_timer *timer, uint64_t due_ns)
{
    berthi_timer_set(flows, timer, due_ns);
    /* Every lane may be in a call that takes longer than that. */
    if (flows->timekeeper == NULL && flows->idle != NULL)
        wake_worker(flows->idle);
}

bool berthi_timers_reserve(berth_flows *flows, uint32_t count)
{
    uint32_t wanted = flows->heap_wanted + count, room = flows->heap_room;
    berthi_timer **heap;

    if (wanted > room) {
        while (room < wanted)
            room = room == 0 ? 16 : room * 2;
        heap = berthi_zalloc_array(&flows->allocator, room, sizeof *heap);
        if (heap == NULL)
            return false;
        if (flows->heap_room != 0) {
            memcpy(heap, flows->heap, flows->heap_count * sizeof *heap);
            berthi_free_array(&flows->allocator, flows->heap, flows->heap_room, sizeof *heap);
        }
        flows->heap = heap;
        flows->heap_room = room;
    }
    flows->heap_wanted = wanted;
    return true;
}

static void fire_timers(berth_flows *flows, uint64_t now_ns)
{
    while (flows->heap_count != 0 && flows->heap[0]->due_ns <= now_ns) {
        berthi_timer *timer = flows->heap[0];

        berthi_timer_clear(flows, timer);
        if (timer->lane != NULL)
            berthi_lane_notify_locked(timer->lane);
        else
            berthi_flow_time_up_locked(timer->flow);
    }
}

/* ---------------------------------------------------------------- ready lanes */

/* The highest priority is 0. */
static berthi_flow_queue *queue_of(berth_flows *flows, const berth_flow *flow)
{
    static const uint32_t ranks[BERTHI_FLOW_PRIORITIES] = {
        [BERTH_PRIORITY_HIGH] = 0, [BERTH_PRIORITY_NORMAL] = 1, [BERTH_PRIORITY_LOW] = 2
    };

    return &flows->queues[ranks[flow->options.priority]];
}

static void queue_flow(berth_flows *flows, berth_flow *flow)
{
    berthi_flow_queue *queue = queue_of(flows, flow);

    flow->is_queued = true;
    flow->next_queued = NULL;
    if (queue->last != NULL)
        queue->last->next_queued = flow;
    else
        queue->first = flow;
    queue->last = flow;
}

/* That of the highest priority, or one that was passed over for too long.  NULL: nobody is ready. */
static berthi_flow_queue *next_queue(berth_flows *flows)
{
    berthi_flow_queue *next = NULL;

    for (uint32_t i = 0; i < BERTHI_FLOW_PRIORITIES; i++) {
        berthi_flow_queue *queue = &flows->queues[i];

        if (queue->first != NULL && (next == NULL || ++queue->passed > BERTHI_FLOW_PASSED_MAX))
            next = queue;
    }
    if (next != NULL)
        next->passed = 0;
    return next;
}

/* A hint to turns that run: whether anybody waits for them to end. */
static void count_ready(berth_flows *flows, uint32_t change)
{
    uint32_t now = atomic_load_explicit(&flows->ready_lanes, memory_order_relaxed);

    atomic_store_explicit(&flows->ready_lanes, now + change, memory_order_relaxed);
}

static void queue_lane(berthi_lane *lane)
{
    berth_flow *flow = lane->flow;

    count_ready(flow->flows, 1);
    lane->state = BERTHI_LANE_READY;
    lane->next_ready = NULL;
    if (flow->ready_last != NULL)
        flow->ready_last->next_ready = lane;
    else
        flow->ready_first = lane;
    flow->ready_last = lane;
    if (!flow->is_queued)
        queue_flow(flow->flows, flow);
}

/* The first lane of the first flow; the flow goes to the end when it has more. */
static berthi_lane *unqueue_lane(berth_flows *flows)
{
    berthi_flow_queue *queue = next_queue(flows);
    berth_flow *flow;
    berthi_lane *lane;

    if (queue == NULL)
        return NULL;
    flow = queue->first;
    count_ready(flows, UINT32_MAX);
    queue->first = flow->next_queued;
    if (queue->first == NULL)
        queue->last = NULL;
    flow->is_queued = false;
    lane = flow->ready_first;
    flow->ready_first = lane->next_ready;
    if (flow->ready_first == NULL)
        flow->ready_last = NULL;
    else
        queue_flow(flows, flow);
    return lane;
}

void berthi_lane_notify_locked(berthi_lane *lane)
{
    berth_flows *flows = lane->flow->flows;

    if (lane->state == BERTHI_LANE_RUNNING) {
        lane->state = BERTHI_LANE_NOTIFIED;
    } else if (lane->state == BERTHI_LANE_IDLE) {
        berthi_timer_clear(flows, &lane->timer);
        berthi_count(&lane->flow->wakes, 1);
        queue_lane(lane);
        if (flows->idle != NULL)
            wake_worker(flows->idle);
    }
}

void berthi_lane_notify(berthi_lane *lane)
{
    berth_flows *flows = lane->flow->flows;

    BERTHI_WINDOW();
    berthi_lock_take(&flows->lock);
    berthi_lane_notify_locked(lane);
    berthi_lock_drop(&flows->lock);
}

/* ---------------------------------------------------------------- turns */

typedef enum outcome { TURN_IDLE, TURN_GOES_ON, TURN_ENDED } outcome;

static bool somebody_waits(const berthi_lane *lane)
{
    return atomic_load_explicit(&lane->flow->flows->ready_lanes, memory_order_relaxed) != 0;
}

static outcome run_turn(berthi_lane *lane, berthi_worker *worker)
{
    uint64_t records_max = (uint64_t)lane->flow->options.weight * BERTHI_FLOW_BATCH;
    uint64_t began_ns = 0;

    lane->entered = 0;
    for (;;) {
        bool did = false;

        lane->now_ns = berthi_clock_ns();
        if (began_ns == 0)
            began_ns = lane->now_ns;
        else if (lane->now_ns - began_ns > BERTHI_FLOW_TURN_NS ||
                 (lane->entered >= records_max && somebody_waits(lane)) ||
                 berthi_flow_is_due(lane->flow))
            return TURN_GOES_ON;
        lane->due_ns = UINT64_MAX;
        for (uint32_t i = 0; i < lane->stages_count; i++)
            did |= berthi_stage_step(lane->stages[i], worker);
        if (lane->stages_done == lane->stages_count || berthi_flow_is_stopping(lane->flow))
            return TURN_ENDED;
        if (!did)
            return TURN_IDLE;
    }
}

/* Under the lock.  After it the flow may be gone when this was its last lane. */
static void end_lane(berthi_lane *lane, berthi_worker *worker)
{
    berth_flow *flow = lane->flow;
    berth_flows *flows = flow->flows;

    lane->state = BERTHI_LANE_ENDED;
    if (--flow->lanes_living != 0)
        return;
    berthi_timer_clear(flows, &flow->timer);
    berthi_lock_drop(&flows->lock);
    berthi_flow_finish(flow, worker);
    berthi_lock_take(&flows->lock);
    atomic_store_explicit(&flow->ended_ns, berthi_clock_ns(), memory_order_relaxed);
    flow->has_ended = true;
    berthi_cond_wake_all(&flow->ended);
}

static void end_turn(berthi_lane *lane, berthi_worker *worker, outcome what)
{
    if (what == TURN_ENDED) {
        end_lane(lane, worker);
    } else if (what == TURN_GOES_ON || lane->state == BERTHI_LANE_NOTIFIED) {
        queue_lane(lane);
    } else {
        lane->state = BERTHI_LANE_IDLE;
        if (lane->due_ns != UINT64_MAX)
            berthi_timer_set(lane->flow->flows, &lane->timer, lane->due_ns);
    }
}

/* ---------------------------------------------------------------- workers */

/* Under the lock: until something is ready, or the first timer is due and nobody else waits for it. */
static void wait_for_work(berthi_worker *w)
{
    berth_flows *flows = w->flows;

    w->is_idle = true;
    w->idle_from_ns = berthi_clock_ns();
    w->next_idle = flows->idle;
    flows->idle = w;
    if (flows->timekeeper == NULL && flows->heap_count != 0)
        flows->timekeeper = w;
    while (w->is_idle) {
        if (flows->timekeeper != w || flows->heap_count == 0)
            berthi_cond_wait(&w->wake, &flows->lock.mutex);
        else if (!berthi_cond_wait_until(&w->wake, &flows->lock.mutex,
                                         flows->heap[0]->due_ns) &&
                 w->is_idle)
            wake_worker(w);
    }
    if (flows->timekeeper == w)
        flows->timekeeper = NULL;
}

static void *work(void *arg)
{
    berthi_worker *w = arg;
    berth_flows *flows = w->flows;

    berthi_lock_take(&flows->lock);
    while (!flows->is_stopping) {
        berthi_lane *lane;
        outcome what;

        fire_timers(flows, berthi_clock_ns());
        lane = unqueue_lane(flows);
        if (lane == NULL) {
            wait_for_work(w);
            continue;
        }
        lane->state = BERTHI_LANE_RUNNING;
        berthi_count(&lane->flow->turns, 1);
        /* While this one is away, somebody else keeps the time. */
        if (flows->timekeeper == NULL && flows->heap_count != 0 && flows->idle != NULL)
            wake_worker(flows->idle);
        berthi_lock_drop(&flows->lock);
        what = run_turn(lane, w);
        berthi_buffer_cache_settle(&w->cache);
        BERTHI_WINDOW();
        berthi_lock_take(&flows->lock);
        end_turn(lane, w, what);
    }
    berthi_lock_drop(&flows->lock);
    berthi_buffer_cache_empty(&w->cache);
    return NULL;
}

berth_status berthi_workers_start(berth_flows *flows, berth_diag *diag)
{
    int code = 0;

    for (uint32_t i = 0; i < flows->workers_count && code == 0; i++) {
        berthi_worker *w = &flows->workers[i];

        w->flows = flows;
        berthi_buffer_cache_init(&w->cache, &flows->buffers);
        code = berthi_cond_init(&w->wake);
        if (code != 0)
            break;
        code = berthi_thread_start(&w->thread, "berth-flow", 0, work, w);
        if (code != 0)
            berthi_cond_fini(&w->wake);
        else
            flows->workers_started++;
    }
    return code == 0 ? BERTH_OK : berthi_fail_os(diag, code, "the workers of flows");
}

void berthi_workers_stop(berth_flows *flows)
{
    berthi_lock_take(&flows->lock);
    flows->is_stopping = true;
    while (flows->idle != NULL)
        wake_worker(flows->idle);
    berthi_lock_drop(&flows->lock);
    for (uint32_t i = 0; i < flows->workers_started; i++) {
        berthi_thread_join(&flows->workers[i].thread);
        berthi_cond_fini(&flows->workers[i].wake);
    }
}
