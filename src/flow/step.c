/* step.c - one stage's share of a turn.  Layer: flow.
 *
 * A stage with something in its outbox is not called; nor is one that waits, for its own sake, for a further try, or
 * because its circuit is open.  Everything else that a stage cannot do now is said to an edge, which tells
 * when it can (0014-flows.md, claim 2). */
#include "flow/flow.h"

#include "base/diag.h"

/* For a stage to write to, who may write a text alone; cheaper than to clear all of it for each record. */
static void clear(berth_diag *diag)
{
    diag->status = diag->reason = diag->os_code = 0;
    diag->reserved = 0;
    diag->text[0] = '\0';
}

static void wait_until(berthi_lane *lane, uint64_t due_ns)
{
    if (due_ns < lane->due_ns)
        lane->due_ns = due_ns;
}

static uint64_t later(uint64_t now_ns, uint64_t by_ns)
{
    return by_ns > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + by_ns;
}

/* Leaves the stage alone.  From now on, and not from when the walk began: calls may have taken longer than this. */
static void rest(uint64_t *until_ns, uint64_t for_ns)
{
    *until_ns = later(berthi_clock_ns(), for_ns);
}

static bool is_cut(const berth_stage *stage)
{
    /* What it was told before is not looked at: who told it took the flows' lock, and so did this turn. */
    return atomic_load_explicit(&stage->is_cut, memory_order_relaxed);
}

/* It stops between two records: the flow does, or it alone. */
static bool is_stopped(const berth_stage *stage)
{
    return berthi_flow_is_stopping(stage->flow) || is_cut(stage);
}

/* Told since the last look that it is ready. */
static bool hears_ready(berth_stage *stage)
{
    /* acquire: pairs with berth_stage_ready(); what its caller did before is seen by the call that follows. */
    return atomic_load_explicit(&stage->is_woken, memory_order_relaxed) &&
           atomic_exchange_explicit(&stage->is_woken, false, memory_order_acq_rel);
}

static bool must_wait(berth_stage *stage)
{
    uint64_t now_ns = stage->lane->now_ns;

    if (now_ns < stage->held_until_ns) {
        wait_until(stage->lane, stage->held_until_ns);
        return true;
    }
    stage->held_until_ns = 0;
    if (now_ns < stage->paused_until_ns && !hears_ready(stage)) {
        wait_until(stage->lane, stage->paused_until_ns);
        return true;
    }
    stage->paused_until_ns = 0;
    return false;
}

static void pause_stage(berth_stage *stage)
{
    if (!stage->has_paused)
        return;
    rest(&stage->paused_until_ns, stage->pause_ns);
    berthi_count(&stage->counts.pauses, 1);
}

/* ---------------------------------------------------------------- failures */

static void stop_flow(berth_stage *stage, berth_diag *diag, berth_status status)
{
    if (diag->text[0] == '\0')
        (void)berthi_fail(diag, status, "it failed (%s)", berth_status_name(status));
    (void)berthi_diag_prefix(diag, status, "stage '%s'", stage->options.name);
    diag->status = (int32_t)berthi_told_status(status);
    berthi_flow_stop(stage->flow, BERTHI_STOP_FAILED, diag);
}

static void back_off(berth_stage *stage)
{
    uint64_t wait = stage->options.retry_ns;

    for (uint32_t i = 1; i < stage->tries && wait < stage->options.retry_ns_max; i++)
        wait = later(wait, wait);
    if (wait > stage->options.retry_ns_max)
        wait = stage->options.retry_ns_max;
    rest(&stage->held_until_ns, wait);
}

typedef enum circuit {
    CIRCUIT_CLOSED,
    CIRCUIT_OPENED, /* what failed shall be tried again when it closes */
    CIRCUIT_STAYS   /* it was tried then, and failed again */
} circuit;

static circuit try_circuit(berth_stage *stage, berthi_worker *worker)
{
    bool is_trial = stage->is_trial;

    if (stage->options.circuit_failures == 0 ||
        (!is_trial && ++stage->failures_in_row < stage->options.circuit_failures))
        return CIRCUIT_CLOSED;
    stage->failures_in_row = 0;
    stage->is_trial = true;
    stage->tries = 0;
    berthi_count(&stage->counts.circuit_opened, 1);
    if (stage->options.ops->roll_back != NULL && !is_trial) {
        stage->worker = worker;
        stage->options.ops->roll_back(stage->options.self, stage);
        stage->worker = NULL;
    }
    rest(&stage->held_until_ns, stage->options.circuit_ns);
    return is_trial ? CIRCUIT_STAYS : CIRCUIT_OPENED;
}

/* A further try comes later. */
static bool tries_again(berth_stage *stage, circuit state)
{
    if (state == CIRCUIT_OPENED)
        return true;
    if (state == CIRCUIT_STAYS || stage->tries >= stage->options.retries) {
        stage->tries = 0;
        return false;
    }
    stage->tries++;
    berthi_count(&stage->counts.retries, 1);
    back_off(stage);
    return true;
}

/* What the stage itself has to do between two calls. */
static berth_status prepare(berth_stage *stage, berthi_worker *worker, berth_diag *diag)
{
    berth_status status;

    if (stage->more == NULL || !stage->more->is_due(stage->options.self))
        return BERTH_OK;
    berthi_call_begin(stage, worker, NULL);
    status = stage->more->prepare(stage->options.self, stage, diag);
    return berthi_call_end(stage, status, diag);
}

static void succeed(berth_stage *stage)
{
    stage->tries = stage->failures_in_row = 0;
    stage->is_trial = false;
}

/* ---------------------------------------------------------------- sources */

static void fail_pull(berth_stage *stage, berthi_worker *worker, berth_status status,
                      berth_diag *diag)
{
    uint32_t tries = stage->tries;
    circuit state = try_circuit(stage, worker);

    if (stage->verdict != BERTHI_VERDICT_FATAL && tries_again(stage, state))
        return;
    if (stage->verdict == BERTHI_VERDICT_FATAL ||
        stage->options.on_error == BERTH_ON_ERROR_FAIL) {
        stop_flow(stage, diag, status);
        return;
    }
    if (state == CIRCUIT_STAYS)
        return;
    /* Skipped: the next pull is another attempt, and comes no sooner than a further try would. */
    stage->tries = tries + 1;
    back_off(stage);
    stage->tries = 0;
}

static void tell_source(berth_stage *stage, berthi_worker *worker, uint32_t signal)
{
    bool pauses = signal == BERTH_SIGNAL_PAUSE;

    if (stage->is_told_to_pause == pauses)
        return;
    stage->is_told_to_pause = pauses;
    if (stage->options.ops->signal == NULL)
        return;
    BERTHI_ASSERT_UNLOCKED();
    stage->worker = worker;
    stage->options.ops->signal(stage->options.self, stage, signal);
    stage->worker = NULL;
}

static uint64_t wall_ns(void)
{
    uint64_t seconds;
    uint32_t ns;

    berthi_clock_wall(&seconds, &ns);
    return seconds * 1000000000u + ns;
}

/* What it emits now comes in now, however long the pulls before it took. */
static void stamp(berth_stage *stage)
{
    memset(&stage->stamp, 0, sizeof stage->stamp);
    stage->stamp.time_ns = wall_ns();
    if (stage->options.lifetime_ns != 0)
        stage->stamp.deadline_ns = later(berthi_clock_ns(), stage->options.lifetime_ns);
}

/* One pull.  True: another one may follow at once. */
static bool pull(berth_stage *stage, berthi_worker *worker)
{
    uint32_t before = stage->outbox_count;
    berth_diag diag;
    berth_status status;

    clear(&diag);
    (void)hears_ready(stage);
    status = prepare(stage, worker, &diag);
    if (status == BERTH_OK) {
        stamp(stage);
        berthi_call_begin(stage, worker, NULL);
        status = stage->options.ops->pull(stage->options.self, stage, &diag);
        status = berthi_call_end(stage, status, &diag);
    }
    if (status != BERTH_OK) {
        fail_pull(stage, worker, status, &diag);
        return false;
    }
    succeed(stage);
    stage->lane->entered += stage->outbox_count - before;
    if (stage->has_ended) {
        stage->phase = BERTHI_PHASE_ENDS;
        return false;
    }
    if (!stage->has_paused && stage->outbox_count == before) {
        stage->has_paused = true;
        stage->pause_ns = BERTHI_FLOW_ASK_AGAIN_NS;
    }
    pause_stage(stage);
    return !stage->has_paused && stage->outbox_count < BERTHI_FLOW_BATCH &&
           !is_stopped(stage) && !berthi_flow_is_due(stage->flow);
}

static bool step_source(berth_stage *stage, berthi_worker *worker)
{
    if (atomic_load_explicit(&stage->flow->is_draining, memory_order_acquire)) {
        stage->phase = BERTHI_PHASE_ENDS;
        return true;
    }
    if (must_wait(stage))
        return false;
    tell_source(stage, worker, BERTH_SIGNAL_READY);
    while (pull(stage, worker))
        continue;
    (void)berthi_outbox_deliver(stage, worker);
    return true;
}

/* ---------------------------------------------------------------- the others */

/* The record has been dealt with. */
static void settle_one(berth_stage *stage, berthi_worker *worker, berth_record *record,
                       bool has_moved)
{
    stage->settled.count++;
    stage->settled.bytes += record->size;
    if (!has_moved)
        berthi_buffer_unref(&worker->cache, record->buffer);
    record->buffer = NULL; /* if those around it are given again, it is not */
}

/* The same, of the record at hand. */
static void settle_record(berth_stage *stage, berthi_worker *worker, bool has_moved)
{
    settle_one(stage, worker, &stage->inbox[stage->inbox_at++], has_moved);
}

static void drop_record(berth_stage *stage, berthi_worker *worker, uint32_t reason)
{
    stage->settled.dropped[reason]++;
    settle_record(stage, worker, false);
}

/* True: go on with the next record. */
static bool fail_record(berth_stage *stage, berthi_worker *worker, berth_status status,
                        berth_diag *diag)
{
    const berth_record *record = &stage->inbox[stage->inbox_at];

    if (stage->verdict == BERTHI_VERDICT_FATAL) {
        drop_record(stage, worker, BERTH_DROPPED_FAILED);
        stop_flow(stage, diag, status);
        return false;
    }
    if (stage->verdict == BERTHI_VERDICT_USELESS)
        stage->tries = stage->options.retries;
    if (tries_again(stage, try_circuit(stage, worker)))
        return false;
    if (stage->options.on_error == BERTH_ON_ERROR_DEAD_LETTER) {
        if (berthi_outbox_dead(stage, record) == BERTH_OK) {
            stage->settled.dead_letters++;
            settle_record(stage, worker, true);
            return stage->held_until_ns == 0;
        }
        (void)berthi_fail(diag, BERTH_E_NOMEM, "no room for a dead letter");
        status = BERTH_E_NOMEM;
    }
    drop_record(stage, worker, BERTH_DROPPED_FAILED);
    if (stage->options.on_error == BERTH_ON_ERROR_SKIP)
        return stage->held_until_ns == 0;
    stop_flow(stage, diag, status);
    return false;
}

static bool is_expired(const berth_stage *stage, const berth_record *record)
{
    /* The records before it in this batch may have taken any time. */
    return record->deadline_ns != 0 && (record->deadline_ns <= stage->lane->now_ns ||
                                        record->deadline_ns <= berthi_clock_ns());
}

/* Records that were given together and dealt with.  False: one of them failed the flow. */
static bool settle_batch(berth_stage *stage, berthi_worker *worker,
                         const berthi_batch_done *done)
{
    for (uint32_t i = 0; i < done->count; i++) {
        berth_diag diag;

        if ((done->dead >> i & 1) == 0) {
            settle_record(stage, worker, false);
        } else if (stage->dead_port != BERTHI_FLOW_NONE &&
                   berthi_outbox_dead(stage, &stage->inbox[stage->inbox_at]) == BERTH_OK) {
            stage->settled.dead_letters++;
            settle_record(stage, worker, true);
        } else {
            drop_record(stage, worker, BERTH_DROPPED_FAILED);
            if (stage->options.on_error != BERTH_ON_ERROR_FAIL)
                continue;
            stop_flow(stage, &diag,
                      berthi_fail(&diag, BERTH_E_PLUGIN,
                                  "a dead letter, and no edge leaves its port 'dead'"));
            return false;
        }
    }
    return true;
}

/* How many records may be given together. */
static uint32_t batch_at_hand(berth_stage *stage)
{
    const berth_record *records = &stage->inbox[stage->inbox_at];
    uint32_t n = 1, max = stage->inbox_count - stage->inbox_at;

    if (stage->alone != 0 || stage->tries != 0 || stage->is_trial)
        max = 1;
    while (n < max && !is_expired(stage, &records[n]))
        n++;
    return n;
}

/* Some records.  True: go on with the next. */
static bool process_batch(berth_stage *stage, berthi_worker *worker)
{
    uint32_t count = batch_at_hand(stage);
    berthi_batch_done done = { 0 };
    berth_diag diag;
    berth_status status;

    clear(&diag);
    berthi_call_begin(stage, worker, NULL);
    stage->call_records = count;
    if (stage->meter != NULL)
        stage->meter->batch = count;
    status = stage->more->process_batch(stage->options.self, stage,
                                        &stage->inbox[stage->inbox_at], count, &done, &diag);
    status = berthi_call_end(stage, status, &diag);
    if (status != BERTH_OK && count != 1 && stage->verdict != BERTHI_VERDICT_FATAL) {
        stage->alone = count; /* to see whose fault it is */
        return true;
    }
    stage->alone -= stage->alone != 0;
    if (status != BERTH_OK)
        return fail_record(stage, worker, status, &diag);
    if (done.count != 0)
        succeed(stage);
    if (!settle_batch(stage, worker, &done))
        return false;
    pause_stage(stage);
    if (done.failure != BERTH_OK && !fail_record(stage, worker, done.failure, &diag))
        return false;
    return !stage->has_paused;
}

/* One record.  True: go on with the next. */
static bool process(berth_stage *stage, berthi_worker *worker)
{
    const berth_record *record = &stage->inbox[stage->inbox_at];
    berth_diag diag;
    berth_status status;

    if (is_expired(stage, record)) {
        stage->tries = 0;
        drop_record(stage, worker, BERTH_DROPPED_EXPIRED);
        return true;
    }
    clear(&diag);
    (void)hears_ready(stage);
    status = prepare(stage, worker, &diag);
    if (status == BERTH_OK && stage->more != NULL &&
        stage->more->takes_batches(stage->options.self))
        return process_batch(stage, worker);
    if (status == BERTH_OK) {
        berthi_call_begin(stage, worker, record);
        status = stage->options.ops->process(stage->options.self, stage, record, &diag);
        status = berthi_call_end(stage, status, &diag);
    }
    if (status != BERTH_OK)
        return fail_record(stage, worker, status, &diag);
    if (!stage->is_flush_failing)
        succeed(stage);
    if (stage->holds)
        stage->inbox_at++;
    else
        settle_record(stage, worker, false);
    pause_stage(stage);
    return !stage->has_paused;
}

/* ---------------------------------------------------------------- flushing */

static void settle_held(berth_stage *stage, berthi_worker *worker)
{
    for (; stage->held_from < stage->inbox_at; stage->held_from++)
        if (stage->inbox[stage->held_from].buffer != NULL)
            settle_one(stage, worker, &stage->inbox[stage->held_from], false);
}

/* The sink has forgotten what it held: the first of these records failed, and the others follow it again. */
static void fail_flush(berth_stage *stage, berthi_worker *worker, berth_status status,
                       berth_diag *diag)
{
    berthi_count(&stage->counts.failures, 1);
    if (!stage->holds) {
        stop_flow(stage, diag, status);
        return;
    }
    stage->is_flush_failing = true;
    while (stage->held_from < stage->inbox_at && stage->inbox[stage->held_from].buffer == NULL)
        stage->held_from++;
    if (stage->held_from == stage->inbox_at) { /* there is none: it has to do with no record */
        stage->flushes_again = true;
        fail_pull(stage, worker, status, diag);
        return;
    }
    stage->inbox_at = stage->held_from;
    (void)fail_record(stage, worker, status, diag);
}

static void flush(berth_stage *stage, berthi_worker *worker)
{
    berth_diag diag;
    berth_status status;

    stage->flushes_again = false;
    if (stage->options.ops->flush == NULL)
        return;
    clear(&diag);
    BERTHI_ASSERT_UNLOCKED();
    stage->worker = worker;
    stage->has_paused = false;
    status = stage->options.ops->flush(stage->options.self, stage, &diag);
    stage->worker = NULL;
    if (status != BERTH_OK) {
        fail_flush(stage, worker, status, &diag);
        return;
    }
    if (stage->has_paused) {
        stage->flushes_again = true;
        pause_stage(stage);
        return;
    }
    if (stage->is_flush_failing) {
        stage->is_flush_failing = false;
        succeed(stage);
    }
    settle_held(stage, worker);
}

static void settle_inbox(berth_stage *stage, berthi_worker *worker)
{
    berthi_edge *edge = stage->flow->edges[stage->inbox_edge];

    if (stage->settled.count == 0)
        return;
    /* A producer elsewhere that finds room finds the bytes too, however long this turn lasts. */
    if (edge->is_crossing)
        berthi_buffer_cache_settle(&worker->cache);
    if (berthi_edge_settle(edge, &stage->settled, stage->lane->now_ns) && edge->is_crossing)
        berthi_lane_notify(stage->flow->stages[edge->from]->lane);
    memset(&stage->settled, 0, sizeof stage->settled);
}

static void process_inbox(berth_stage *stage, berthi_worker *worker)
{
    while (stage->inbox_at < stage->inbox_count && !is_stopped(stage) &&
           !berthi_flow_is_due(stage->flow)) {
        if (stage->inbox[stage->inbox_at].buffer == NULL)
            stage->inbox_at++; /* settled before its flush failed */
        else if (!process(stage, worker))
            break;
        if (stage->outbox_count >= BERTHI_FLOW_BATCH && !berthi_outbox_deliver(stage, worker))
            break;
    }
    flush(stage, worker);
    settle_inbox(stage, worker);
    (void)berthi_outbox_deliver(stage, worker);
}

static void next_input(berth_stage *stage)
{
    stage->input_at = stage->input_at + 1 < stage->inputs_count ? stage->input_at + 1 : 0;
    stage->input_left =
        stage->flow->edges[stage->inputs[stage->input_at]]->weight * BERTHI_FLOW_BATCH;
}

/* Takes from the inputs in turn, from each for as many records as its weight allows it. */
static bool fill_inbox(berth_stage *stage)
{
    uint32_t ended = 0;

    for (uint32_t i = 0; i < stage->inputs_count; i++) {
        berthi_edge *edge = stage->flow->edges[stage->inputs[stage->input_at]];
        uint32_t max =
            stage->input_left < BERTHI_FLOW_BATCH ? stage->input_left : BERTHI_FLOW_BATCH;
        berthi_taken taken = berthi_edge_take(edge, stage->inbox, max, stage->lane->now_ns);

        if (taken.count != 0) {
            stage->inbox_edge = stage->inputs[stage->input_at];
            stage->inbox_at = stage->held_from = 0;
            stage->inbox_count = taken.count;
            stage->input_left -= taken.count;
            if (edge->is_crossing)
                stage->lane->entered += taken.count;
            if (stage->input_left == 0)
                next_input(stage);
            return true;
        }
        if (taken.due_ns != 0)
            wait_until(stage->lane, taken.due_ns);
        ended += taken.has_ended;
        next_input(stage);
    }
    stage->inputs_ended = ended;
    return false;
}

static void complete(berth_stage *stage, berthi_worker *worker)
{
    berth_diag diag;
    berth_status status;

    stage->phase = BERTHI_PHASE_ENDS;
    if (stage->options.ops->complete == NULL)
        return;
    clear(&diag);
    berthi_call_begin(stage, worker, NULL);
    status = stage->options.ops->complete(stage->options.self, stage, &diag);
    status = berthi_call_end(stage, status, &diag);
    if (status != BERTH_OK)
        stop_flow(stage, &diag, status);
}

static bool step_inputs(berth_stage *stage, berthi_worker *worker)
{
    if (must_wait(stage))
        return false;
    if (stage->flushes_again) {
        flush(stage, worker);
        settle_inbox(stage, worker);
        return true;
    }
    if (stage->inbox_at == stage->inbox_count && !fill_inbox(stage)) {
        if (stage->inputs_ended < stage->inputs_count)
            return false;
        complete(stage, worker);
        (void)berthi_outbox_deliver(stage, worker);
        return true;
    }
    process_inbox(stage, worker);
    return true;
}

/* ---------------------------------------------------------------- the step */

static void end_outputs(berth_stage *stage)
{
    for (uint32_t i = 0; i < stage->ports_count; i++)
        for (uint32_t k = 0; k < stage->ports[i].edges_count; k++) {
            berthi_edge *edge = stage->flow->edges[stage->ports[i].edges[k]];

            if (berthi_edge_end(edge) && edge->is_crossing)
                berthi_lane_notify(stage->flow->stages[edge->to]->lane);
        }
    stage->phase = BERTHI_PHASE_DONE;
    stage->lane->stages_done++;
    atomic_store_explicit(&stage->counts.is_done, 1, memory_order_relaxed);
}

/* It was cancelled: nothing that it has goes anywhere, and what is behind it sees an end (0014-flows.md, claim 5). */
static void cut(berth_stage *stage, berthi_worker *worker)
{
    berthi_stage_discard(stage, worker);
    for (uint32_t i = 0; i < stage->inputs_count; i++) {
        berthi_edge *edge = stage->flow->edges[stage->inputs[i]];

        if (berthi_edge_close(edge, stage->lane->now_ns, &worker->cache) && edge->is_crossing)
            berthi_lane_notify(stage->flow->stages[edge->from]->lane);
    }
    berthi_stage_tear_down(stage, worker);
    end_outputs(stage);
}

bool berthi_stage_step(berth_stage *stage, berthi_worker *worker)
{
    uint32_t at = stage->outbox_at, edge = stage->outbox_edge;
    bool did = false;

    if (stage->phase == BERTHI_PHASE_DONE || berthi_flow_is_stopping(stage->flow))
        return false;
    if (is_cut(stage)) {
        cut(stage, worker);
        return true;
    }
    if (at < stage->outbox_count) {
        if (!berthi_outbox_deliver(stage, worker)) {
            if (stage->options.role == BERTH_ROLE_SOURCE)
                tell_source(stage, worker, BERTH_SIGNAL_PAUSE);
            return at != stage->outbox_at || edge != stage->outbox_edge;
        }
        did = true;
    }
    if (stage->phase == BERTHI_PHASE_ENDS) {
        end_outputs(stage);
        return true;
    }
    if (stage->options.role == BERTH_ROLE_SOURCE)
        return step_source(stage, worker) || did;
    return step_inputs(stage, worker) || did;
}

void berthi_stage_discard(berth_stage *stage, berthi_worker *worker)
{
    if (stage->holds)
        stage->inbox_at = stage->held_from;
    while (stage->inbox_at < stage->inbox_count)
        if (stage->inbox[stage->inbox_at].buffer == NULL)
            stage->inbox_at++;
        else
            drop_record(stage, worker, BERTH_DROPPED_STOPPED);
    if (stage->inputs_count != 0)
        settle_inbox(stage, worker);
    berthi_outbox_discard(stage, worker);
}
