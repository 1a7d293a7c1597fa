/* call.c - the call path.  Layer: registry.
 *
 * One store into the caller's record, one look back at the slot, the plugin, one store.  No lock,
 * no allocation once warm, and no shared cache line is written: counters, instance and latency
 * belong to the thread's seat in the version.
 */
#include "registry/hot.h"

#include "base/diag.h"
#include "os/clock.h"

void berthi_count_failure(berthi_counts *c, berth_status status)
{
    switch (status) {
    case BERTH_E_TRAP:
        berthi_count(&c->traps, 1);
        break;
    case BERTH_E_DEADLINE:
        berthi_count(&c->deadlines, 1);
        break;
    case BERTH_E_LIMIT:
        berthi_count(&c->limits, 1);
        break;
    case BERTH_E_ABI:
        berthi_count(&c->violations, 1);
        break;
    default:
        berthi_count(&c->others, 1);
        break;
    }
}

void berthi_count_time(berthi_seat *seat, uint64_t began_ns)
{
    uint64_t ns = berthi_clock_ns() - began_ns;

    berthi_count(&seat->counts.time_ns, ns);
    berth_histogram_record(seat->latency, ns);
}

berthi_seat *berthi_seat_take(berth_version *v, const berthi_record *mine, berth_diag *diag)
{
    berthi_seat *seat = berthi_seat_find(v, mine->index);

    if (BERTHI_UNUSUAL(seat == NULL)) {
        seat = berthi_seat_make(v, mine->index);
        if (seat == NULL)
            (void)berthi_fail(diag, BERTH_E_NOMEM, "a seat in slot '%s'", v->slot->name);
    }
    return seat;
}

berth_status berthi_call_pooled(berth_version *v, berthi_record *mine, const berth_call *call,
                                uint64_t ticks, berthi_run run, void *more, berth_reply *reply,
                                berth_diag *diag)
{
    berthi_seat *seat = berthi_seat_take(v, mine, diag);
    uint64_t began_ns = 0;
    berthi_instance *i;
    berth_status status;

    reply->version = 0; /* until the call is counted in this one */
    if (BERTHI_UNUSUAL(seat == NULL))
        return BERTH_E_NOMEM;
    if (v->is_timed)
        began_ns = berthi_clock_ns();
    status = berthi_pool_take(v, seat, &ticks, &i, diag);
    if (BERTHI_UNUSUAL(status == BERTH_E_BUSY)) {
        atomic_fetch_add_explicit(&v->slot->busy, 1, memory_order_relaxed);
        return status;
    }
    berthi_count(&seat->counts.calls, 1);
    berthi_count(&seat->counts.bytes_in, call->input_size);
    if (status == BERTH_OK) { /* else none could be made: its start function, or memory */
        status = run(v, i, call, ticks, more, reply, diag);
        berthi_pool_give(v, seat, i, berthi_may_serve_on(i, status));
    }
    if (v->is_timed)
        berthi_count_time(seat, began_ns);
    if (BERTHI_UNUSUAL(status != BERTH_OK)) {
        berthi_count_failure(&seat->counts, status);
        reply->version = v->number;
        return status;
    }
    if (reply->is_dropped) {
        berthi_count(&seat->counts.dropped, 1);
    } else {
        berthi_count(&seat->counts.bytes_out, reply->size);
        berthi_count(&seat->counts.answered, 1);
    }
    return BERTH_OK;
}

static berth_status run_hook(berth_version *v, berthi_instance *i, const berth_call *call,
                             uint64_t ticks, void *more, berth_reply *reply, berth_diag *diag)
{
    const uint32_t *index = more;

    return berthi_instance_call(v, i, *index, call, ticks, reply, diag);
}

/* A call in every form: the first on this thread, nested, fresh, timed, or refused. */
__attribute__((noinline, cold)) static berth_status call_slowly(
    berth_version *v, berthi_record *mine, const berth_call *call, uint64_t ticks,
    berth_reply *reply, berth_diag *diag)
{
    uint32_t hook = v->hook_of[call->hook % BERTHI_HOOKS_MAX], index = hook - 1;
    berthi_seat *seat;

    reply->version = 0; /* until the call is counted in this one */
    if (BERTHI_UNUSUAL(hook == 0 || call->hook >= BERTHI_HOOKS_MAX))
        return berthi_fail(diag, BERTH_E_ABSENT, "version %llu of slot '%s' has no such hook",
                           (unsigned long long)v->number, v->slot->name);
    seat = berthi_seat_take(v, mine, diag);
    if (BERTHI_UNUSUAL(seat == NULL))
        return BERTH_E_NOMEM;
    if (!v->is_special)
        mine->memo = (berthi_memo){ v->serial, call->hook, index, seat };
    if (v->is_fresh &&
        (atomic_load_explicit(&v->hooks_used, memory_order_relaxed) >> index & 1) == 0)
        atomic_fetch_or_explicit(&v->hooks_used, 1u << index, memory_order_relaxed);
    return berthi_call_pooled(v, mine, call, ticks, run_hook, &index, reply, diag);
}

/* I6: the instance goes, unless the guest answered with an error of its own. */
__attribute__((noinline, cold)) static berth_status end_badly(berth_version *v,
                                                              berthi_seat *seat,
                                                              berthi_instance *i,
                                                              berth_status status,
                                                              berth_reply *reply)
{
    berthi_pool_give(v, seat, i, berthi_may_serve_on(i, status));
    berthi_count_failure(&seat->counts, status);
    reply->version = v->number;
    return status;
}

/* The usual form: this thread called the same hook of the same version last, its own instance is
 * idle, and nobody waits for one. */
BERTHI_HOT berth_status call_version(const berthi_domain *d, berth_version *v,
                                     berthi_record *mine, const berth_call *call,
                                     uint64_t ticks, berth_reply *reply, berth_diag *diag)
{
    const berthi_memo *memo = &mine->memo;
    berthi_seat *seat = memo->place;
    berthi_instance *i;
    berth_status status;
    uint32_t is_dropped;
    size_t size;

    if (BERTHI_UNUSUAL(memo->key != v->serial || memo->what != call->hook ||
                       berthi_seats_closed(v) || (i = seat->idle) == NULL))
        return call_slowly(v, mine, call, ticks, reply, diag);
    BERTHI_ASSERT_UNLOCKED(); /* I9 */
    BERTHI_WINDOW();          /* for a thief that does not look */
    seat->idle = NULL;        /* a nested call takes another */
    berthi_count(&seat->counts.calls, 1);
    berthi_count(&seat->counts.bytes_in, call->input_size);
    status = berthi_instance_enter(d, v, i, memo->where, call, ticks, reply, diag);
    if (BERTHI_UNUSUAL(status != BERTH_OK))
        return end_badly(v, seat, i, status, reply);
    size = reply->size; /* now, while the compiler knows them */
    is_dropped = reply->is_dropped;
    if (BERTHI_UNUSUAL(atomic_load_explicit(&v->waiting, memory_order_relaxed) != 0))
        berthi_pool_give(v, seat, i, true);
    else
        seat->idle = i;
    berthi_count(&seat->counts.bytes_out, size);
    berthi_count(is_dropped ? &seat->counts.dropped : &seat->counts.answered, 1);
    return BERTH_OK;
}

static berth_status call_hook(berth_version *v, berthi_record *mine, const berth_call *call,
                              uint64_t ticks, void *more, berth_reply *reply, berth_diag *diag)
{
    (void)more;
    return call_version(&v->runtime->domain, v, mine, call, ticks, reply, diag);
}

static berth_status no_record(berth_reply *reply, berth_diag *diag)
{
    reply->version = 0;
    return berthi_fail(diag, BERTH_E_NOMEM,
                       "no call record: out of memory, or %d threads already call",
                       BERTHI_RECORDS_MAX);
}

static berth_status too_deep(berth_reply *reply, berth_diag *diag)
{
    reply->version = 0;
    return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_STACK,
                               "%d calls are nested on this thread already", BERTHI_PINS_MAX);
}

static berth_status nothing_there(const berth_slot *slot, berth_reply *reply, berth_diag *diag)
{
    reply->version = 0;
    return berthi_fail(diag, BERTH_E_ABSENT, "slot '%s' has no plugin; install one",
                       slot->name);
}

static uint64_t ticks_of(const berth_slot *slot, const berth_call *call)
{
    return berthi_ticks(call->deadline_ns != 0 ? call->deadline_ns : slot->options.deadline_ns);
}

/* The rarer form of a call: it takes a place first.  `lease` is NULL for the current version.  The
 * record's depth is `at`. */
__attribute__((noinline, cold)) static berth_status call_counted(
    berth_slot *slot, berthi_record *mine, unsigned at, berth_version *lease,
    const berth_call *call, berthi_body body, void *more, berth_reply *reply, berth_diag *diag)
{
    berthi_domain *d = &slot->runtime->domain;
    uint64_t ticks = ticks_of(slot, call), now = berthi_clock_ns();
    uint64_t until_ns = ticks < UINT32_MAX ? now + ticks * BERTHI_TICK_NS : UINT64_MAX / 2;
    _Atomic(uint8_t) *counted = &mine->counted[at];
    berth_version *v = lease;
    berth_status status;

    reply->version = 0;
    status = berthi_gate_enter(slot, at > 0, until_ns, diag);
    if (status != BERTH_OK)
        return status;
    atomic_store_explicit(counted, 1, memory_order_relaxed);
    if (lease == NULL)
        v = berthi_pin(d, mine, at, &slot->current);
    else
        berthi_pin_held(d, mine, at, lease);
    now = berthi_clock_ns();
    if (v == NULL)
        status = nothing_there(slot, reply, diag);
    else
        status = body(v, mine, call, now >= until_ns ? 1 : berthi_ticks(until_ns - now), more,
                      reply, diag);
    berthi_unpin(mine, at);
    atomic_store_explicit(counted, 0, memory_order_relaxed);
    berthi_gate_leave(slot);
    return status;
}

/* A plugin's call of a plugin. */
__attribute__((noinline, cold)) static berth_status call_nested(
    berth_slot *slot, berthi_record *mine, berth_version *lease, const berth_call *call,
    berthi_body body, void *more, berth_reply *reply, berth_diag *diag)
{
    unsigned at = berthi_record_depth(mine);

    if (at == BERTHI_PINS_MAX)
        return too_deep(reply, diag);
    return call_counted(slot, mine, at, lease, call, body, more, reply, diag);
}

BERTHI_HOT berth_status call_current(berthi_domain *d, berth_slot *slot, berthi_record *mine,
                                     bool is_quick, const berth_call *call, berth_reply *reply,
                                     berth_diag *diag)
{
    berth_version *v;
    berth_status status;

    if (BERTHI_UNUSUAL(!berthi_record_is_idle(mine)))
        return call_nested(slot, mine, NULL, call, call_hook, NULL, reply, diag);
    v = is_quick ? berthi_pin_quickly(d, mine, &slot->current)
                 : berthi_pin(d, mine, 0, &slot->current);
    if (BERTHI_UNUSUAL(berthi_must_count(d, slot))) {
        berthi_unpin(mine, 0);
        return call_counted(slot, mine, 0, NULL, call, call_hook, NULL, reply, diag);
    }
    if (BERTHI_UNUSUAL(v == NULL))
        status = nothing_there(slot, reply, diag);
    else
        status = call_version(d, v, mine, call,
                              __builtin_expect(call->deadline_ns == 0, 1)
                                  ? v->deadline_ticks
                                  : berthi_ticks(call->deadline_ns),
                              reply, diag);
    berthi_unpin(mine, 0);
    return status;
}

/* The thread's first call, or that of a thread which called into another runtime last; and every
 * call where pins need a fence. */
__attribute__((noinline)) static berth_status call_with_any_record(berth_slot *slot,
                                                                   const berth_call *call,
                                                                   berth_reply *reply,
                                                                   berth_diag *diag)
{
    berthi_domain *d = &slot->runtime->domain;
    berthi_record *mine = berthi_domain_record(d);

    return mine == NULL ? no_record(reply, diag)
                        : call_current(d, slot, mine, false, call, reply, diag);
}

BERTHI_UNGUARDED berth_status berth_slot_call(berth_slot *slot, const berth_call *call,
                                              berth_reply *reply, berth_diag *diag)
{
    berthi_domain *d = &slot->runtime->domain;

    assert(call != NULL && reply != NULL && call->arena != NULL);
    if (BERTHI_UNUSUAL(!berthi_domain_is_quick(d)))
        return call_with_any_record(slot, call, reply, diag);
    return call_current(d, slot, berthi_record_mine.record, true, call, reply, diag);
}

berth_status berthi_slot_enter(berth_slot *slot, const berth_call *call, berthi_body body,
                               void *more, berth_reply *reply, berth_diag *diag)
{
    berthi_domain *d = &slot->runtime->domain;
    berthi_record *mine = berthi_domain_record(d);
    berth_version *v;
    berth_status status;

    if (mine == NULL)
        return no_record(reply, diag);
    if (!berthi_record_is_idle(mine))
        return call_nested(slot, mine, NULL, call, body, more, reply, diag);
    v = berthi_pin(d, mine, 0, &slot->current);
    if (berthi_must_count(d, slot)) {
        berthi_unpin(mine, 0);
        return call_counted(slot, mine, 0, NULL, call, body, more, reply, diag);
    }
    if (v == NULL)
        status = nothing_there(slot, reply, diag);
    else
        status = body(v, mine, call, ticks_of(slot, call), more, reply, diag);
    berthi_unpin(mine, 0);
    return status;
}

/* A NULL body is a hook's, in its short form where that is possible. */
BERTHI_HOT berth_status enter_held(const berth_lease *lease, const berth_call *call,
                                   berthi_body body, void *more, berth_reply *reply,
                                   berth_diag *diag)
{
    berthi_body full = body == NULL ? call_hook : body;
    berth_version *v = lease->version;
    berthi_domain *d;
    berthi_record *mine;
    berth_status status;

    BERTHI_REQUIRE(v != NULL, diag);
    d = &v->runtime->domain;
    mine = berthi_domain_record(d);
    if (mine == NULL)
        return no_record(reply, diag);
    if (!berthi_record_is_idle(mine))
        return call_nested(v->slot, mine, v, call, full, more, reply, diag);
    berthi_pin_held(d, mine, 0, v);
    if (berthi_must_count(d, v->slot)) {
        berthi_unpin(mine, 0);
        return call_counted(v->slot, mine, 0, v, call, full, more, reply, diag);
    }
    if (body == NULL)
        status = call_version(d, v, mine, call, ticks_of(v->slot, call), reply, diag);
    else
        status = body(v, mine, call, ticks_of(v->slot, call), more, reply, diag);
    berthi_unpin(mine, 0);
    return status;
}

berth_status berth_lease_call(const berth_lease *lease, const berth_call *call,
                              berth_reply *reply, berth_diag *diag)
{
    return enter_held(lease, call, NULL, NULL, reply, diag);
}

berth_status berthi_lease_enter(const berth_lease *lease, const berth_call *call,
                                berthi_body body, void *more, berth_reply *reply,
                                berth_diag *diag)
{
    return enter_held(lease, call, body, more, reply, diag);
}

berth_status berth_slot_lease(berth_slot *slot, berth_lease *lease)
{
    berthi_domain *d = &slot->runtime->domain;
    berthi_record *mine = berthi_domain_record(d);
    unsigned at = mine == NULL ? 0 : berthi_record_depth(mine);
    berth_version *v;

    assert(lease->version == NULL);
    if (mine == NULL || at == BERTHI_PINS_MAX)
        return mine == NULL ? BERTH_E_NOMEM : BERTH_E_LIMIT;
    v = berthi_pin(d, mine, at, &slot->current);
    if (v != NULL)
        berthi_version_ref(v); /* alive: the record names it */
    berthi_unpin(mine, at);
    lease->version = v;
    return v == NULL ? BERTH_E_ABSENT : BERTH_OK;
}

berth_status berthi_lease_refused(const berth_slot *slot, berth_status status, berth_diag *diag)
{
    berth_reply ignored;

    return status == BERTH_E_NOMEM   ? no_record(&ignored, diag)
           : status == BERTH_E_LIMIT ? too_deep(&ignored, diag)
                                     : nothing_there(slot, &ignored, diag);
}

uint64_t berth_lease_version(const berth_lease *lease)
{
    return lease->version == NULL ? 0 : lease->version->number;
}

void berth_lease_return(berth_lease *lease)
{
    berth_version *v = lease->version;
    berth_runtime *rt;

    lease->version = NULL;
    if (v == NULL)
        return;
    rt = v->runtime; /* `v` may be freed by the reaper right after the next line */
    /* release: the reaper, which acquires, sees all that was done under the lease. */
    atomic_fetch_sub_explicit(&v->refs, 1, memory_order_release);
    berthi_event_set(&rt->event);
}
