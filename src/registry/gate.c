/* gate.c - how many calls may be inside a slot, and inside all slots of a tenant.
 *
 * Layer: registry.  A call that had to count itself would write a shared cache line.  But a
 * thread is in at most one outermost call at a time, so as long as no more threads call into the
 * runtime than a slot's bound (and its tenant's), the bound holds by itself and nobody counts.
 * Once there are more threads (and for nested calls) every new call takes a place here.
 *
 * The change between the two is exact.  A caller pins its version first and looks at the number
 * of threads afterwards; a thread that joins raises the number and then passes the domain's
 * barrier.  So each caller either sees the new number and counts itself, or its pin is seen by
 * those who count; its record does not say `counted`, and berthi_gate_uncounted() adds it.
 * Looking for uncounted calls is slow, and seldom needed:
 *   while there are no more threads than places, the bound holds whatever the sum is;
 *   while there are more, no uncounted call begins, so once the sum was seen to be zero it stays
 *   zero until the number of threads changes.  `clean_at` remembers at which change that was.
 * A nested call is not its thread's only one, so it looks each time.
 */
#include "registry/registry.h"

#include "base/diag.h"
#include "os/clock.h"

int berthi_gate_init(berthi_gate *gate, uint32_t max)
{
    int code = berthi_lock_init(&gate->lock, BERTHI_RANK_GATE);

    gate->max = max;
    gate->clean_at = UINT64_MAX;
    if (code == 0) {
        code = berthi_cond_init(&gate->cond);
        if (code != 0)
            berthi_lock_fini(&gate->lock);
    }
    return code;
}

void berthi_gate_fini(berthi_gate *gate)
{
    assert(gate->inside == 0 && gate->waiting == 0);
    berthi_cond_fini(&gate->cond);
    berthi_lock_fini(&gate->lock);
}

static bool names_version_of(const berth_slot *slot, const void *object)
{
    for (const berth_version *v = slot->versions; v != NULL; v = v->slot_next)
        if (v == object)
            return true;
    return false;
}

uint32_t berthi_gate_uncounted(berth_slot *slot)
{
    berthi_record *r =
        atomic_load_explicit(&slot->runtime->domain.records, memory_order_acquire);
    uint32_t n = 0;

    for (; r != NULL; r = r->next)
        for (unsigned i = 0; i < BERTHI_PINS_MAX; i++) {
            void *object = atomic_load_explicit(&r->entry[i].pin, memory_order_seq_cst);

            /* Compared, never followed: a pin may for a moment name what is already freed. */
            if (object != NULL &&
                atomic_load_explicit(&r->counted[i], memory_order_relaxed) == 0 &&
                names_version_of(slot, object))
                n++;
        }
    return n;
}

static uint32_t uncounted_of_slot(berth_slot *slot)
{
    uint32_t n;

    berthi_lock_take(&slot->lock);
    n = berthi_gate_uncounted(slot);
    berthi_lock_drop(&slot->lock);
    return n;
}

/* Calls in slots that were evicted since are calls of the tenant still. */
static uint32_t uncounted_of_tenant(berth_slot *slot)
{
    berth_runtime *rt = slot->runtime;
    uint32_t n = 0;

    berthi_lock_take(&rt->lock);
    for (berth_slot *s = slot->tenant->slots; s != NULL; s = s->tenant_next)
        n += uncounted_of_slot(s);
    berthi_lock_drop(&rt->lock);
    return n;
}

/* Whether the places taken in the gate are all there is to know; under its lock. */
static bool needs_no_look(const berthi_domain *d, const berthi_gate *gate, bool is_nested)
{
    if (is_nested)
        return false;
    return atomic_load_explicit(&d->records_owned, memory_order_seq_cst) <= gate->max ||
           gate->clean_at == atomic_load_explicit(&d->changes, memory_order_acquire);
}

/* Uncounted calls; false when the number of threads changed meanwhile, so that more may have
 * begun.  Takes note when there are none and none will begin. */
static bool look(berth_slot *slot, berthi_gate *gate, bool is_nested, uint32_t *uncounted_out)
{
    berthi_domain *d = &slot->runtime->domain;
    uint64_t changes = atomic_load_explicit(&d->changes, memory_order_acquire);
    uint32_t n = gate == &slot->gate ? uncounted_of_slot(slot) : uncounted_of_tenant(slot);

    *uncounted_out = n;
    if (changes % 2 != 0 || atomic_load_explicit(&d->changes, memory_order_acquire) != changes)
        return false;
    if (n == 0 && !is_nested) {
        berthi_lock_take(&gate->lock);
        gate->clean_at = changes; /* if there are few threads nobody asks */
        berthi_lock_drop(&gate->lock);
    }
    return true;
}

/* One place in one gate, or false when none became free until `until_ns`. */
static bool take_place(berth_slot *slot, berthi_gate *gate, bool is_nested, uint64_t until_ns)
{
    const berthi_domain *d = &slot->runtime->domain;
    uint32_t uncounted = 0;
    bool has_looked = false, taken;
    uint64_t retry_ns;

    for (;;) {
        berthi_lock_take(&gate->lock);
        if (!has_looked && !needs_no_look(d, gate, is_nested)) {
            berthi_lock_drop(&gate->lock);
            has_looked = look(slot, gate, is_nested, &uncounted);
            continue;
        }
        taken = gate->inside + uncounted < gate->max;
        if (taken) {
            gate->inside++;
        } else {
            /* Uncounted calls end without a word, so look again soon while there are any. */
            retry_ns = uncounted == 0 ? until_ns : berthi_clock_ns() + BERTHI_TICK_NS;
            gate->waiting++;
            (void)berthi_cond_wait_until(&gate->cond, &gate->lock.mutex,
                                         retry_ns < until_ns ? retry_ns : until_ns);
            gate->waiting--;
        }
        berthi_lock_drop(&gate->lock);
        if (taken || berthi_clock_ns() >= until_ns)
            return taken;
        has_looked = false;
        uncounted = 0;
    }
}

static void give_place(berthi_gate *gate)
{
    berthi_lock_take(&gate->lock);
    assert(gate->inside > 0);
    gate->inside--;
    if (gate->waiting != 0)
        berthi_cond_wake_all(&gate->cond);
    berthi_lock_drop(&gate->lock);
}

berth_status berthi_gate_enter(berth_slot *slot, bool is_nested, uint64_t until_ns,
                               berth_diag *diag)
{
    if (!take_place(slot, &slot->gate, is_nested, until_ns)) {
        atomic_fetch_add_explicit(&slot->busy, 1, memory_order_relaxed);
        return berthi_fail_because(diag, BERTH_E_BUSY, BERTH_REASON_SLOT_CALLS,
                                   "slot '%s': %u calls were inside until the deadline",
                                   slot->name, slot->options.calls_max);
    }
    if (!take_place(slot, &slot->tenant->gate, is_nested, until_ns)) {
        give_place(&slot->gate);
        atomic_fetch_add_explicit(&slot->busy, 1, memory_order_relaxed);
        return berthi_fail_because(diag, BERTH_E_BUSY, BERTH_REASON_TENANT_CALLS,
                                   "tenant '%s': %u calls were inside until the deadline",
                                   slot->tenant->name, slot->tenant->gate.max);
    }
    return BERTH_OK;
}

void berthi_gate_leave(berth_slot *slot)
{
    give_place(&slot->tenant->gate);
    give_place(&slot->gate);
}

/* ---- nobody inside ----
 *
 * A bound of no calls at all: whoever looks at the bound behind his pin counts himself and waits,
 * and the pins of those who had looked before are seen behind the barrier. */

bool berthi_gate_hold(berth_slot *slot, uint64_t until_ns)
{
    berthi_gate *gate = &slot->gate;

    berthi_lock_take(&gate->lock);
    assert(gate->max != 0); /* one holder at a time */
    gate->max = 0;
    berthi_lock_drop(&gate->lock);
    atomic_store_explicit(&slot->uncounted_max, 0, memory_order_seq_cst);
    berthi_domain_tell(&slot->runtime->domain);
    berthi_domain_barrier(&slot->runtime->domain); /* pairs with berthi_must_count() */
    for (;;) {
        bool is_empty;

        berthi_lock_take(&gate->lock);
        is_empty = gate->inside == 0;
        berthi_lock_drop(&gate->lock);
        if (is_empty && uncounted_of_slot(slot) == 0)
            return true;
        if (berthi_clock_ns() >= until_ns) {
            berthi_gate_release(slot);
            return false;
        }
        berthi_lock_take(&gate->lock); /* those who are not counted end without a word */
        gate->waiting++;
        (void)berthi_cond_wait_until(&gate->cond, &gate->lock.mutex,
                                     berthi_clock_ns() + BERTHI_TICK_NS / 10);
        gate->waiting--;
        berthi_lock_drop(&gate->lock);
    }
}

void berthi_gate_release(berth_slot *slot)
{
    berthi_gate *gate = &slot->gate;

    atomic_store_explicit(&slot->uncounted_max, berthi_uncounted_max(slot),
                          memory_order_relaxed);
    berthi_lock_take(&gate->lock);
    gate->max = slot->options.calls_max;
    berthi_cond_wake_all(&gate->cond);
    berthi_lock_drop(&gate->lock);
}
