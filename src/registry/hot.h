/* registry/hot.h - what every call runs through, to be laid out as one piece of code.
 *
 * Layer: registry.  Included by call.c, which is the call path, and by instance.c, for probes.
 * What is unusual is behind a call and in another file.
 */
#ifndef BERTHI_REGISTRY_HOT_H
#define BERTHI_REGISTRY_HOT_H

#include <string.h>

#include "base/diag.h"
#include "registry/registry.h"

#define BERTHI_HOT           static inline __attribute__((always_inline))
#define BERTHI_UNUSUAL(what) __builtin_expect((what), 0)

/* What a call does in the version that it got, once it may, and in the instance that it got. */
typedef berth_status (*berthi_body)(berth_version *v, berthi_record *mine,
                                    const berth_call *call, uint64_t ticks, void *more,
                                    berth_reply *reply, berth_diag *diag);
typedef berth_status (*berthi_run)(berth_version *v, berthi_instance *i, const berth_call *call,
                                   uint64_t ticks, void *more, berth_reply *reply,
                                   berth_diag *diag);

/* call.c: the path of berth_slot_call() for other bodies; and the part of a body that takes an
 * instance, runs in it and counts. */
berth_status berthi_slot_enter(berth_slot *slot, const berth_call *call, berthi_body body,
                               void *more, berth_reply *reply, berth_diag *diag);
/* The same in the version of a lease. */
berth_status berthi_lease_enter(const berth_lease *lease, const berth_call *call,
                                berthi_body body, void *more, berth_reply *reply,
                                berth_diag *diag);
/* Says why berth_slot_lease() gave none; returns `status`. */
berth_status berthi_lease_refused(const berth_slot *slot, berth_status status,
                                  berth_diag *diag);
berth_status berthi_call_pooled(berth_version *v, berthi_record *mine, const berth_call *call,
                                uint64_t ticks, berthi_run run, void *more, berth_reply *reply,
                                berth_diag *diag);

void berthi_count_failure(berthi_counts *counts, berth_status status);

/* instance.c: what is behind the calls. */
berth_status berthi_instance_input_place(berth_version *v, berthi_instance *i, size_t size,
                                         uint32_t *at_out, berth_diag *diag);
/* The reply at `at` does not fit into the memory as it was seen last; BERTH_OK when it fits into
 * the memory as it is. */
berth_status berthi_instance_look_again(berth_version *v, berthi_instance *i, uint32_t index,
                                        uint32_t at, uint32_t size, berth_diag *diag);
berth_status berthi_instance_fault(berth_version *v, uint32_t index, berth_status status,
                                   berth_diag *diag);

/* The guest's memory where it is now, and at least as far as it went when that was asked last
 * (I7): asked again each time where a guest that runs could move it. */
BERTHI_HOT berthi_memory_view berthi_instance_view(berthi_instance *i)
{
    if (i->view_is_old) {
        i->view = i->look(i->store, &i->memory);
        i->view_is_old = i->view_ages;
    }
    return i->view;
}

/* Whether a call that is not nested has to take a place; its record already names the version.
 * Nested ones always do. */
BERTHI_HOT bool berthi_must_count(const berthi_domain *d, const berth_slot *slot)
{
    /* acquire: who counts itself knows of the join that made it so (gate.c). */
    return atomic_load_explicit(&d->records_owned, d->is_asymmetric ? memory_order_acquire
                                                                    : memory_order_seq_cst) >
           atomic_load_explicit(&slot->uncounted_max,
                                d->is_asymmetric ? memory_order_relaxed : memory_order_seq_cst);
}

/* The guest may serve on: it answered, if only an error of its own.  A component that a function of the
 * host's, or of another plugin's, ended is gone whatever that had answered (I6). */
BERTHI_HOT bool berthi_may_serve_on(const berthi_instance *i, berth_status status)
{
    return status == BERTH_OK ||
           (status == BERTH_E_PLUGIN &&
            (i->component == NULL || !berthi_cm_instance_is_dead(i->component)));
}

/* A reply of the guest's choosing lies in `memory` and may be taken. */
BERTHI_HOT bool berthi_reply_fits(const berth_version *v, berthi_memory_view memory,
                                  uint32_t at, uint32_t size)
{
    return at != 0 && (size != 0 || v->may_drop) && at <= memory.size &&
           size <= memory.size - at && size <= v->output_bytes_max;
}

/* I5.  Setting a deadline is a call into the engine; within one tick the same one is in force
 * already, and a call that begins in the tick still gets `ticks` whole ones: the engine's tick
 * that is going on is never counted. */
BERTHI_HOT void berthi_instance_deadline(const berthi_domain *d, berthi_instance *i,
                                         uint64_t ticks)
{
    uint64_t now = atomic_load_explicit(&d->tick, memory_order_relaxed);

    if (BERTHI_UNUSUAL(i->deadline_tick != now || i->deadline_ticks != ticks)) {
        i->ops->store_deadline(i->store, ticks);
        i->deadline_tick = now;
        i->deadline_ticks = ticks;
        if (i->guest != NULL)
            berthi_module_deadline(i, now, ticks);
    }
}

/* Puts the input into the guest. */
BERTHI_HOT berth_status berthi_instance_put(berth_version *v, berthi_instance *i,
                                            const berth_call *call, uint32_t *at_out,
                                            berth_diag *diag)
{
    size_t size = call->input_size;
    berth_status status;
    uint32_t at;

    if (size == 0 && !v->allocs_empty) {
        *at_out = 0;
        return BERTH_OK;
    }
    if (BERTHI_UNUSUAL(size > i->input_capacity || v->guest_owns_input)) {
        at = 0;
        status = berthi_instance_input_place(v, i, size, &at, diag);
        *at_out = at;
        if (status != BERTH_OK ||
            size == 0) /* an empty input may be NULL, which memcpy may not */
            return status;
    } else {
        at = i->input_at;
    }
    /* In bounds: the block was checked when it was made, and memory never shrinks. */
    memcpy(berthi_instance_view(i).base + at, call->input, size);
    *at_out = at;
    return BERTH_OK;
}

/* Takes the reply out of the guest: ptr << 32 | len. */
BERTHI_HOT berth_status berthi_instance_take(berth_version *v, berthi_instance *i,
                                             uint32_t index, uint64_t packed,
                                             const berth_call *call, berth_reply *reply,
                                             berth_diag *diag)
{
    uint32_t at = (uint32_t)(packed >> 32), size = (uint32_t)packed;
    berthi_memory_view memory;
    void *data;

    if (packed == 0 && v->may_drop) {
        *reply = (berth_reply){ .version = v->number, .is_dropped = 1 };
        return BERTH_OK;
    }
    memory = berthi_instance_view(i);
    if (BERTHI_UNUSUAL(!berthi_reply_fits(v, memory, at, size))) {
        berth_status status = berthi_instance_look_again(v, i, index, at, size, diag);

        if (status != BERTH_OK)
            return status;
        memory = i->view;
    }
    data = berthi_reply_arena_alloc(call->arena, size);
    if (BERTHI_UNUSUAL(data == NULL))
        return berthi_fail(diag, BERTH_E_NOMEM, "a reply of %u bytes", size);
    memcpy(data, memory.base + at, size);
    *reply = (berth_reply){ .data = data, .size = size, .version = v->number };
    return BERTH_OK;
}

/* Calls plugin hook `index`.  After any failure the instance must go (I6). */
BERTHI_HOT berth_status berthi_instance_enter(const berthi_domain *d, berth_version *v,
                                              berthi_instance *i, uint32_t index,
                                              const berth_call *call, uint64_t ticks,
                                              berth_reply *reply, berth_diag *diag)
{
    berthi_val cells[2];
    berth_status status;
    uint32_t at;

    if (BERTHI_UNUSUAL((i->resolved >> index & 1) == 0)) {
        if (i->component != NULL) /* asked here, so that modules do not pay for the question */
            return berthi_component_enter(v, i, index, call, ticks, reply, diag);
        if (v->has_family)
            return berthi_module_enter(d, v, i, index, call, ticks, reply, diag);
        berthi_instance_resolve(v, i, 1u << index);
    }
    berthi_instance_deadline(d, i, ticks); /* alloc and hook share it */
    status = berthi_instance_put(v, i, call, &at, diag);
    if (BERTHI_UNUSUAL(status != BERTH_OK))
        return status;
    cells[0].i32 = (int32_t)at;
    cells[1].i32 = (int32_t)(uint32_t)call->input_size;
    status = i->call(i->store, &i->hooks[index], cells, 2, diag);
    if (BERTHI_UNUSUAL(status != BERTH_OK))
        return berthi_instance_fault(v, index, status, diag);
    return berthi_instance_take(v, i, index, (uint64_t)cells[0].i64, call, reply, diag);
}

#endif
