/* version.c - versions and what they share.  Layer: registry. */
#include "registry/registry.h"

#include <stddef.h>
#include <string.h>

#include "base/diag.h"
#include "registry/links.h"

berth_status berthi_version_make(berth_slot *slot, berth_version **version_out,
                                 berth_diag *diag)
{
    berth_runtime *rt = slot->runtime;
    const berth_slot_options *opt = &slot->options;
    berth_version *v;
    void *memory;
    int code;

    v = berthi_zalloc_aligned(&rt->allocator, sizeof *v, _Alignof(berth_version), &memory);
    if (v == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "a version of slot '%s'", slot->name);
    v->memory = memory;
    code = berthi_lock_init(&v->lock, BERTHI_RANK_VERSION);
    if (code != 0)
        goto fail_lock;
    code = berthi_cond_init(&v->cond);
    if (code != 0)
        goto fail_cond;
    v->runtime = rt;
    v->ops = rt->ops;
    v->slot = slot;
    atomic_fetch_add_explicit(&slot->refs, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&rt->versions_live, 1, memory_order_relaxed);
    v->serial = 1 + atomic_fetch_add_explicit(&rt->versions_made, 1, memory_order_relaxed);
    v->is_fresh = opt->policy == BERTH_POLICY_FRESH;
    v->is_timed = (opt->flags & BERTH_SLOT_TIMED) != 0;
    v->recycles = opt->reuse_calls_max != 0 || opt->reuse_age_ns_max != 0 ||
                  opt->reuse_memory_bytes_max != 0;
    v->is_special = v->is_fresh || v->is_timed || v->recycles;
    v->deadline_ticks = berthi_ticks(opt->deadline_ns);
    v->output_bytes_max = opt->output_bytes_max;
    v->input_bytes_max = opt->memory_bytes_max;
    atomic_init(&v->refs, 1);
    *version_out = v;
    return BERTH_OK;

fail_cond:
    berthi_lock_fini(&v->lock);
fail_lock:
    berthi_free_aligned(&rt->allocator, memory, sizeof *v, _Alignof(berth_version));
    return berthi_fail_os(diag, code, "a lock of a version of slot '%s'", slot->name);
}

void berthi_version_fill(berth_version *v, berthi_content *content)
{
    const berthi_profile *p = content->plugin.profile;

    assert(v->content == NULL);
    v->content = content;
    v->is_native = content->native != NULL;
    v->is_checked = v->is_native && content->native->is_checked;
    v->has_guest = content->module != NULL && berthi_module_has_guest(content);
    v->has_family = p->family != NULL;
    v->recycles |= v->has_family; /* what it did may have been its last */
    v->is_special |= v->is_checked || v->has_family;
    v->guest_owns_input = p->input_owner == BERTHI_INPUT_GUEST;
    v->allocs_empty = p->alloc_when_empty;
    v->may_drop = p->empty_reply_allowed;
    atomic_fetch_add_explicit(&content->refs, 1, memory_order_relaxed);
}

void berthi_content_unref(berth_runtime *rt, berthi_content *content)
{
    /* acq_rel: the last one sees what the others did. */
    if (atomic_fetch_sub_explicit(&content->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (content->component != NULL)
        berthi_component_drop(rt, content->component);
    if (content->native != NULL)
        berthi_native_unload(rt, content->native);
    if (content->linked != NULL)
        rt->ops->linked_destroy(content->linked);
    berthi_links_unref(content->links);
    berthi_cache_drop_all(rt, content->compiled);
    berthi_arena_fini(&content->arena);
    berthi_free(&rt->allocator, content, sizeof *content);
}

enum {
    COUNTERS = sizeof(berthi_counts) / sizeof(uint64_t),
    ENDS_FIRST = 1, /* the counters of how calls ended follow that of those that began */
    ENDS = offsetof(berthi_counts, bytes_in) / sizeof(uint64_t) - ENDS_FIRST,
    LOOKS_MAX = 10000
};

/* Backwards: what ended is read before what began, so that no reader sees more ends. */
static void read_counts(const berthi_counts *from, uint64_t out[COUNTERS])
{
    const _Atomic(uint64_t) *at = (const _Atomic(uint64_t) *)from;

    for (size_t i = COUNTERS; i-- > 0;)
        out[i] = atomic_load_explicit(&at[i], memory_order_acquire);
}

void berthi_counts_add(berthi_counts *into, const berthi_counts *from)
{
    _Atomic(uint64_t) *to = (_Atomic(uint64_t) *)into;
    uint64_t seen[COUNTERS], again[COUNTERS];

    _Static_assert(offsetof(berthi_counts, calls) == 0, "what began is read last");
    read_counts(from, again);
    /* When the ends did not change from one look to the next, they are those of the moment at
     * which the beginnings were read between them, and the difference is what was in flight.
     * Otherwise a reader that rested there would take all that began meanwhile for that.  Looking
     * takes less time than a call; the bound is for a reader that never gets to look in peace. */
    for (unsigned looks = 0; looks < LOOKS_MAX; looks++) {
        memcpy(seen, again, sizeof seen);
        read_counts(from, again);
        if (memcmp(seen + ENDS_FIRST, again + ENDS_FIRST, ENDS * sizeof *seen) == 0)
            break;
    }
    for (size_t i = 0; i < COUNTERS; i++)
        berthi_count(&to[i], seen[i]);
}

void berthi_version_counts(const berth_version *v, berthi_counts *into,
                           berth_histogram *latency)
{
    for (unsigned g = 0; g < BERTHI_SEAT_GROUPS; g++) {
        if (atomic_load_explicit(&v->groups[g], memory_order_acquire) == NULL)
            continue;
        for (unsigned s = 0; s < BERTHI_SEATS_PER_GROUP; s++) {
            const berthi_seat *seat = berthi_seat_find(v, g * BERTHI_SEATS_PER_GROUP + s);

            if (seat == NULL)
                continue;
            berthi_counts_add(into, &seat->counts);
            if (latency != NULL && seat->latency != NULL)
                berth_histogram_merge(latency, seat->latency);
        }
    }
}

void berthi_version_free(berth_version *v)
{
    berth_runtime *rt = v->runtime;
    berth_slot *slot = v->slot;

    berthi_pool_destroy(v);
    if (v->shell != NULL)
        berthi_version_free(v->shell);
    if (v->content != NULL)
        berthi_content_unref(rt, v->content);
    berthi_typed_free(v);
    berthi_cond_fini(&v->cond);
    berthi_lock_fini(&v->lock);
    berthi_free_aligned(&rt->allocator, v->memory, sizeof *v, _Alignof(berth_version));
    atomic_fetch_sub_explicit(&rt->versions_live, 1, memory_order_release);
    berthi_slot_unref(slot);
}
