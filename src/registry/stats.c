/* stats.c - what the operator reads: exact sums over seats that their owners alone write (I11).
 *
 * Layer: registry.  A counter is never reset; a version's counts move into its slot, under the
 * slot's lock, when it is freed.
 */
#include "registry/registry.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/diag.h"

static uint64_t get(const _Atomic(uint64_t) *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static uint64_t ended(const berthi_counts *c)
{
    return get(&c->answered) + get(&c->dropped) + get(&c->traps) + get(&c->deadlines) +
           get(&c->limits) + get(&c->violations) + get(&c->others);
}

/* Age of the longest call inside, from the records; under the slot's lock. */
static uint64_t oldest_call(berth_slot *slot)
{
    berthi_domain *d = &slot->runtime->domain;
    berthi_record *r = atomic_load_explicit(&d->records, memory_order_acquire);
    uint64_t now = atomic_load_explicit(&d->tick, memory_order_relaxed), oldest = 0;

    for (; r != NULL; r = r->next)
        for (unsigned i = 0; i < BERTHI_PINS_MAX; i++) {
            void *object = atomic_load_explicit(&r->entry[i].pin, memory_order_acquire);
            uint64_t since = atomic_load_explicit(&r->entry[i].since, memory_order_relaxed);

            for (berth_version *v = slot->versions; object != NULL && v != NULL;
                 v = v->slot_next)
                if (v == object && since < now && now - since > oldest)
                    oldest = now - since;
        }
    return oldest * BERTHI_TICK_NS;
}

static void fill_counts(berth_slot_stats *s, const berthi_counts *c)
{
    s->answered = get(&c->answered);
    s->dropped = get(&c->dropped);
    s->traps = get(&c->traps);
    s->deadlines = get(&c->deadlines);
    s->limits = get(&c->limits);
    s->violations = get(&c->violations);
    s->other_failures = get(&c->others);
    s->calls = get(&c->calls);
    s->in_flight = (uint32_t)(s->calls - ended(c));
    s->bytes_in = get(&c->bytes_in);
    s->bytes_out = get(&c->bytes_out);
    s->time_ns = get(&c->time_ns);
}

static void fill_slot(berth_slot *slot, berth_slot_stats *s, berthi_counts *counts,
                      berth_histogram *latency)
{
    berth_version *current;

    /* An instance may be made in a call and ended elsewhere, or the other way round: those that
     * ended are read before those that were made. */
    s->instances_discarded =
        atomic_load_explicit(&slot->instances_discarded, memory_order_acquire);
    berthi_lock_take(&slot->lock);
    current = atomic_load_explicit(&slot->current, memory_order_relaxed);
    s->version = current == NULL ? 0 : current->number;
    s->kept_version = slot->kept == NULL ? 0 : slot->kept->number;
    berthi_counts_add(counts, &slot->past);
    if (latency != NULL && slot->past_latency != NULL)
        berth_histogram_merge(latency, slot->past_latency);
    for (berth_version *v = slot->versions; v != NULL; v = v->slot_next) {
        berthi_version_counts(v, counts, latency);
        s->instances_live += atomic_load_explicit(&v->instances_live, memory_order_relaxed);
        s->versions_retired += v != current && v != slot->kept;
    }
    s->oldest_call_ns = oldest_call(slot);
    s->installs = slot->installs;
    s->unchanged = slot->unchanged;
    s->refused = slot->refused;
    s->rollbacks = slot->rollbacks;
    berthi_lock_drop(&slot->lock);
    s->busy = get(&slot->busy);
    s->instances_made = get(&slot->instances_made) + get(&counts->instances_made);
    s->instances_discarded += get(&counts->instances_discarded);
}

berth_status berth_slot_stats_read(berth_slot *slot, berth_slot_stats *stats, berth_diag *diag)
{
    berth_slot_stats s = BERTH_SLOT_STATS_INIT;
    berthi_counts counts = { 0 };
    berth_histogram *latency = NULL;
    berth_status status;

    BERTHI_REQUIRE(slot != NULL && stats != NULL, diag);
    if (slot->past_latency != NULL) {
        status = berth_histogram_create(&slot->runtime->allocator, &latency, diag);
        if (status != BERTH_OK)
            return status;
    }
    fill_slot(slot, &s, &counts, latency);
    fill_counts(&s, &counts);
    if (latency != NULL) {
        s.time_max_ns = berth_histogram_max(latency);
        s.time_p50_ns = berth_histogram_quantile(latency, 0.5);
        s.time_p99_ns = berth_histogram_quantile(latency, 0.99);
        s.time_p999_ns = berth_histogram_quantile(latency, 0.999);
    }
    berth_histogram_destroy(latency);
    return berthi_stats_give(stats, &s, (uint32_t)sizeof s, "berth_slot_stats", diag);
}

static void fill_version(berth_slot *slot, const berthi_content *content, uint64_t number,
                         berth_version_stats *out)
{
    berthi_counts counts = { 0 };

    berthi_counts_add(&counts, &content->past);
    for (berth_version *v = slot->versions; v != NULL; v = v->slot_next)
        if (v->content == content)
            berthi_version_counts(v, &counts, NULL);
    memset(out, 0, sizeof *out);
    out->version = number;
    memcpy(out->digest, content->digest, sizeof out->digest);
    snprintf(out->plugin_name, sizeof out->plugin_name, "%s", content->plugin.name);
    snprintf(out->plugin_version, sizeof out->plugin_version, "%s", content->plugin.version);
    out->calls = get(&counts.calls);
    out->answered = get(&counts.answered);
    out->dropped = get(&counts.dropped);
    out->failed = ended(&counts) - out->answered - out->dropped;
}

/* A version and its twin are one to the operator. */
static bool was_listed(const berth_slot *slot, const berth_version *v)
{
    for (const berth_version *other = slot->versions; other != v; other = other->slot_next)
        if (other->content == v->content)
            return true;
    return false;
}

size_t berth_slot_versions(berth_slot *slot, berth_version_stats *stats, size_t max)
{
    uint64_t below = UINT64_MAX;
    size_t count = 0;

    if (slot == NULL)
        return 0;
    berthi_lock_take(&slot->lock);
    for (;;) { /* newest number first; the list is short */
        berth_version *newest = NULL;

        for (berth_version *v = slot->versions; v != NULL; v = v->slot_next)
            if (v->number < below && !was_listed(slot, v) &&
                (newest == NULL || v->number > newest->number))
                newest = v;
        if (newest == NULL)
            break;
        below = newest->number;
        if (count < max)
            fill_version(slot, newest->content, newest->number, &stats[count]);
        count++;
    }
    berthi_lock_drop(&slot->lock);
    return count;
}

berth_status berth_runtime_stats_read(berth_runtime *rt, berth_runtime_stats *stats,
                                      berth_diag *diag)
{
    berth_runtime_stats s = BERTH_RUNTIME_STATS_INIT;
    berthi_native_stats natives;

    BERTHI_REQUIRE(rt != NULL && stats != NULL, diag);
    berthi_lock_take(&rt->lock);
    s.slots = rt->slots_count;
    berthi_lock_drop(&rt->lock);
    s.threads = atomic_load_explicit(&rt->domain.records_owned, memory_order_relaxed);
    s.instances_live = atomic_load_explicit(&rt->instances_live, memory_order_relaxed);
    berthi_lock_take(&rt->retired_lock);
    s.versions_retired = rt->retired_count;
    s.versions_reaped = rt->reaped;
    berthi_lock_drop(&rt->retired_lock);
    berthi_lock_take(&rt->cache.lock);
    s.cache_entries = rt->cache.entries;
    s.cache_bytes = rt->cache.bytes;
    s.compiles = rt->cache.compiles;
    s.compile_failures = rt->cache.failures;
    s.cache_hits = rt->cache.hits;
    s.cache_evictions = rt->cache.evictions;
    s.components = rt->cache.components_count;
    s.component_loads = rt->cache.component_loads;
    s.code_loads = rt->cache.code_loads;
    berthi_lock_drop(&rt->cache.lock);
    berthi_native_group_stats(rt->natives, &natives);
    s.natives_open = natives.open;
    s.natives_ending = natives.ending;
    s.natives_abandoned = natives.abandoned;
    s.natives_kept = natives.kept;
    s.natives_opened = natives.opened;
    s.natives_unmapped = natives.unmapped;
    return berthi_stats_give(stats, &s, (uint32_t)sizeof s, "berth_runtime_stats", diag);
}
