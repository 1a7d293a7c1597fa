/* edge.c - see edge.h.  Layer: flow. */
#include "flow/edge.h"

#include "base/diag.h"

berth_status berthi_edge_init(berthi_edge *edge, const berth_allocator *a, berth_diag *diag)
{
    int code;

    edge->ring = berthi_zalloc_array(a, edge->records_max, sizeof *edge->ring);
    if (edge->ring == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "the ring of an edge");
    code = berthi_lock_init(&edge->lock, BERTHI_RANK_EDGE);
    if (code == 0)
        return BERTH_OK;
    berthi_free_array(a, edge->ring, edge->records_max, sizeof *edge->ring);
    edge->ring = NULL;
    return berthi_fail_os(diag, code, "the lock of an edge");
}

void berthi_edge_fini(berthi_edge *edge, const berth_allocator *a)
{
    if (edge->ring == NULL)
        return;
    assert(edge->waiting == 0 && edge->taken == 0);
    berthi_free_array(a, edge->ring, edge->records_max, sizeof *edge->ring);
    berthi_lock_fini(&edge->lock);
    edge->ring = NULL;
}

/* Everything below but the functions in the header runs under the edge's lock. */

static uint32_t depth_of(const berthi_edge *edge)
{
    return edge->waiting + edge->taken;
}

static uint64_t dropped_of(const berthi_edge *edge)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < BERTH_DROPPED_REASONS; i++)
        sum += edge->counts.dropped[i];
    return sum;
}

/* I11, in debug builds after every change. */
static void check_account(const berthi_edge *edge)
{
    assert(edge->counts.in ==
           edge->counts.out + depth_of(edge) + dropped_of(edge) + edge->counts.dead_letters);
    assert(depth_of(edge) <= edge->records_max);
    assert(depth_of(edge) != 0 || edge->bytes == 0);
    assert(edge->taken != 0 || edge->bytes_taken == 0);
    (void)edge;
    (void)dropped_of;
}

static bool has_room(const berthi_edge *edge, uint64_t size)
{
    uint32_t depth = depth_of(edge);

    /* A record that is larger than the bound passes alone. */
    return depth == 0 || (depth < edge->records_max && edge->bytes + size <= edge->bytes_max);
}

static void press(berthi_edge *edge, uint64_t now_ns)
{
    if (edge->is_pressed)
        return;
    edge->is_pressed = true;
    edge->pressed_ns = now_ns;
    edge->counts.pressures++;
}

static void relieve(berthi_edge *edge, uint64_t now_ns)
{
    uint32_t depth = depth_of(edge);

    if (!edge->is_pressed || depth > edge->records_low ||
        (depth != 0 && edge->bytes > edge->bytes_low))
        return;
    edge->is_pressed = false;
    if (now_ns > edge->pressed_ns)
        edge->counts.pressure_ns += now_ns - edge->pressed_ns;
}

static void append(berthi_edge *edge, const berth_record *record, uint64_t now_ns)
{
    uint32_t at = edge->head + edge->waiting;
    uint32_t depth;

    at = at < edge->records_max ? at : at - edge->records_max;
    edge->ring[at] = *record;
    edge->ring[at].reserved = now_ns;
    edge->waiting++;
    edge->bytes += record->size;
    depth = depth_of(edge);
    if (depth > edge->counts.peak)
        edge->counts.peak = depth;
    if (edge->bytes > edge->counts.bytes_peak)
        edge->counts.bytes_peak = edge->bytes;
    if (depth == edge->records_max || edge->bytes >= edge->bytes_max)
        press(edge, now_ns);
}

static void drop_first(berthi_edge *edge, uint32_t reason, berthi_buffer_cache *cache)
{
    berth_record *first = &edge->ring[edge->head];

    edge->head = edge->head + 1 < edge->records_max ? edge->head + 1 : 0;
    edge->waiting--;
    edge->bytes -= first->size;
    edge->counts.dropped[reason]++;
    berthi_buffer_unref(cache, first->buffer);
}

/* Whether there was room if nothing waited. */
static bool would_have_room(const berthi_edge *edge, uint64_t size)
{
    return edge->taken == 0 ||
           (edge->taken < edge->records_max && edge->bytes_taken + size <= edge->bytes_max);
}

/* The edge is full.  True: the record is dealt with. */
static bool put_into_full(berthi_edge *edge, const berth_record *record, uint64_t now_ns,
                          berthi_buffer_cache *cache, berthi_put *put)
{
    uint32_t reason = BERTH_DROPPED_NEWEST;

    press(edge, now_ns);
    if (edge->full == BERTH_FULL_BLOCK) {
        edge->producer_waits = true;
        return false;
    }
    edge->counts.in++;
    if (edge->full == BERTH_FULL_DROP_OLDEST) {
        if (would_have_room(edge, record->size)) {
            while (!has_room(edge, record->size))
                drop_first(edge, BERTH_DROPPED_OLDEST, cache);
            append(edge, record, now_ns);
            return true;
        }
        reason = BERTH_DROPPED_OLDEST; /* to drop others instead would not help */
    } else if (edge->full == BERTH_FULL_ERROR) {
        reason = BERTH_DROPPED_FULL;
        put->is_overflow = true;
    }
    edge->counts.dropped[reason]++;
    berthi_buffer_unref(cache, record->buffer);
    return true;
}

static void drop_behind_close(berthi_edge *edge, const berth_record *record,
                              berthi_buffer_cache *cache)
{
    edge->counts.in++;
    edge->counts.dropped[BERTH_DROPPED_STOPPED]++;
    berthi_buffer_unref(cache, record->buffer);
}

berthi_put berthi_edge_put(berthi_edge *edge, const berth_record *records, uint32_t count,
                           uint64_t now_ns, berthi_buffer_cache *cache)
{
    berthi_put put = { 0, false, false };

    berthi_lock_take(&edge->lock);
    assert(!edge->has_ended);
    for (; put.placed < count && !put.is_overflow; put.placed++) {
        const berth_record *record = &records[put.placed];
        bool is_open = edge->full != BERTH_FULL_BLOCK || !edge->is_pressed;

        if (edge->is_closed) {
            drop_behind_close(edge, record, cache);
        } else if (is_open && has_room(edge, record->size)) {
            edge->counts.in++;
            append(edge, record, now_ns);
        } else if (!put_into_full(edge, record, now_ns, cache, &put)) {
            break;
        }
    }
    if (edge->consumer_waits && edge->waiting != 0) {
        edge->consumer_waits = false;
        put.wakes_consumer = true;
    }
    check_account(edge);
    berthi_lock_drop(&edge->lock);
    return put;
}

bool berthi_edge_end(berthi_edge *edge)
{
    bool wakes;

    berthi_lock_take(&edge->lock);
    edge->has_ended = true;
    wakes = edge->consumer_waits;
    edge->consumer_waits = false;
    berthi_lock_drop(&edge->lock);
    return wakes;
}

/* How many of `max` its rate allows now; with none, when it allows the next. */
static uint32_t allowed(const berthi_edge *edge, uint32_t max, uint64_t now_ns,
                        uint64_t *due_out)
{
    uint64_t from = edge->next_ns > now_ns ? edge->next_ns : now_ns, ahead, n;

    if (edge->interval_ns == 0)
        return max;
    /* The n-th record from now takes place at from + n intervals, and may do so burst_ns ahead. */
    ahead = from - now_ns;
    if (ahead > edge->burst_ns) {
        *due_out = from - edge->burst_ns;
        return 0;
    }
    n = (edge->burst_ns - ahead) / edge->interval_ns + 1;
    return n < max ? (uint32_t)n : max;
}

static void move_out(berthi_edge *edge, berth_record *to, uint32_t count, uint64_t now_ns)
{
    for (uint32_t i = 0; i < count; i++) {
        to[i] = edge->ring[edge->head];
        edge->bytes_taken += to[i].size;
        if (edge->waits != NULL && (i == 0 || edge->is_each_measured))
            berth_histogram_record(edge->waits,
                                   now_ns > to[i].reserved ? now_ns - to[i].reserved : 0);
        edge->head = edge->head + 1 < edge->records_max ? edge->head + 1 : 0;
    }
    edge->waiting -= count;
    edge->taken += count;
    if (edge->interval_ns != 0)
        edge->next_ns = (edge->next_ns > now_ns ? edge->next_ns : now_ns) +
                        (uint64_t)count * edge->interval_ns;
}

berthi_taken berthi_edge_take(berthi_edge *edge, berth_record *to, uint32_t max,
                              uint64_t now_ns)
{
    berthi_taken taken = { 0, false, 0, false };
    uint32_t half = edge->records_max / 2;

    if (edge->is_crossing && max > half)
        max = half != 0 ? half : 1;
    berthi_lock_take(&edge->lock);
    assert(edge->taken == 0);
    if (max > edge->waiting)
        max = edge->waiting;
    if (max == 0) {
        taken.has_ended = edge->has_ended;
        edge->consumer_waits = !edge->has_ended;
    } else {
        taken.count = allowed(edge, max, now_ns, &taken.due_ns);
        move_out(edge, to, taken.count, now_ns);
    }
    check_account(edge);
    berthi_lock_drop(&edge->lock);
    return taken;
}

bool berthi_edge_settle(berthi_edge *edge, const berthi_settled *settled, uint64_t now_ns)
{
    uint64_t gone = settled->dead_letters;
    bool wakes = false;

    berthi_lock_take(&edge->lock);
    assert(settled->count <= edge->taken && settled->bytes <= edge->bytes);
    for (uint32_t i = 0; i < BERTH_DROPPED_REASONS; i++) {
        edge->counts.dropped[i] += settled->dropped[i];
        gone += settled->dropped[i];
    }
    assert(gone <= settled->count);
    edge->counts.dead_letters += settled->dead_letters;
    edge->counts.out += settled->count - gone;
    edge->taken -= (uint32_t)settled->count;
    edge->bytes -= settled->bytes;
    edge->bytes_taken -= settled->bytes;
    relieve(edge, now_ns);
    if (edge->producer_waits && !edge->is_pressed) {
        edge->producer_waits = false;
        wakes = true;
    }
    check_account(edge);
    berthi_lock_drop(&edge->lock);
    return wakes;
}

static void drop_waiting(berthi_edge *edge, uint64_t now_ns, berthi_buffer_cache *cache)
{
    while (edge->waiting != 0)
        drop_first(edge, BERTH_DROPPED_STOPPED, cache);
    assert(edge->taken == 0);
    relieve(edge, now_ns);
    check_account(edge);
}

bool berthi_edge_close(berthi_edge *edge, uint64_t now_ns, berthi_buffer_cache *cache)
{
    bool wakes;

    berthi_lock_take(&edge->lock);
    drop_waiting(edge, now_ns, cache);
    edge->is_closed = true;
    wakes = edge->producer_waits;
    edge->producer_waits = false;
    berthi_lock_drop(&edge->lock);
    return wakes;
}

void berthi_edge_discard(berthi_edge *edge, uint64_t now_ns, berthi_buffer_cache *cache)
{
    berthi_lock_take(&edge->lock);
    drop_waiting(edge, now_ns, cache);
    berthi_lock_drop(&edge->lock);
}

void berthi_edge_count(berthi_edge *edge, uint64_t now_ns, berth_edge_stats *stats_out)
{
    berthi_lock_take(&edge->lock);
    *stats_out = edge->counts;
    stats_out->lane_crossing = edge->is_crossing;
    stats_out->queued = depth_of(edge);
    stats_out->bytes_queued = edge->bytes;
    if (edge->is_pressed && now_ns > edge->pressed_ns)
        stats_out->pressure_ns += now_ns - edge->pressed_ns;
    berthi_lock_drop(&edge->lock);
}
