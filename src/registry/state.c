/* state.c - what a version leaves to the next: the contract berth:plugin/state.  Layer: registry.
 *
 * Nobody is inside while the state moves (gate.c), so that it is the state behind the last call of the
 * one version and in front of the first call of the other.  The next version is tried before it is
 * published; when it does not take the state, the current one serves on with it (I4). */
#include <berth/invoke.h>

#include "base/utf8.h"
#include "os/clock.h"
#include "registry/registry.h"

#include "base/diag.h"

#define SAVE         "berth:plugin/state@1.0.0#save"
#define RESTORE      "berth:plugin/state@1.0.0#restore"
#define SAVE_TYPE    "func() -> list<u8>"
#define RESTORE_TYPE "func(saved: list<u8>, version: u64) -> result<_, string>"

enum { STATE_ARENA_SIZE = 4096 };

typedef struct saved_state {
    const uint8_t *data;
    size_t size;
} saved_state;

typedef struct restore_args {
    saved_state saved;
    uint64_t version;
} restore_args;

typedef struct restore_result { /* result<_, string> */
    uint8_t is_error;
    saved_state error;
} restore_result;

uint64_t berthi_state_patience(const berth_slot *slot)
{
    return berthi_clock_ns() + slot->options.probe_deadline_ns;
}

/* Fails: BERTH_E_NOMEM; a version that was not looked at may keep state. */
static berth_status look_for(const berth_version *v, const char *name, bool *is_there_out,
                             berth_diag *diag)
{
    berthi_found found;
    berthi_func_type type;
    berth_status status = berthi_typed_find(v->content, name, &found, &type, NULL);

    *is_there_out = status == BERTH_OK;
    return status == BERTH_E_NOMEM ? berthi_fail(diag, status, "looking for %s", name)
                                   : BERTH_OK;
}

static berth_status call_state(berth_slot *slot, berth_version *v, const char *name,
                               const char *type, const void *args, void *result,
                               berth_arena *arena, berth_diag *diag)
{
    berth_call call = BERTH_CALL_INIT;
    berth_func func = BERTH_FUNC_INIT;
    berth_status status = berth_slot_func(slot, name, type, &func, diag);

    if (status != BERTH_OK)
        return status;
    call.hook = func.number;
    call.arena = arena;
    call.deadline_ns = slot->options.probe_deadline_ns; /* I5 */
    return berthi_typed_invoke(v, args, result, &call, diag);
}

static berth_status move_state(berth_slot *slot, berth_version *from, berth_version *to,
                               berth_arena *arena, berth_diag *diag)
{
    restore_args args = { .version = from->number };
    restore_result result = { 0 };
    char shown[sizeof diag->text];
    berth_status status =
        call_state(slot, from, SAVE, SAVE_TYPE, NULL, &args.saved, arena, diag);

    if (status == BERTH_OK)
        status = call_state(slot, to, RESTORE, RESTORE_TYPE, &args, &result, arena, diag);
    if (status == BERTH_OK && result.is_error)
        status =
            berthi_fail(diag, BERTH_E_PLUGIN, "it does not take the state of version %llu: %s",
                        (unsigned long long)from->number,
                        berthi_utf8_show(shown, sizeof shown, (const char *)result.error.data,
                                         result.error.size));
    return status;
}

berth_status berthi_state_carry(berth_slot *slot, berth_version *next, berth_diag *diag)
{
    berth_arena *arena = NULL;
    bool gives = false, takes = false;
    berth_status status;
    berth_version *last;

    berthi_lock_take(&slot->lock);
    last = atomic_load_explicit(&slot->current, memory_order_relaxed);
    if (last != NULL)
        berthi_version_ref(last);
    berthi_lock_drop(&slot->lock);
    if (last == NULL)
        return BERTH_OK;
    status = look_for(last, SAVE, &gives, diag);
    if (status == BERTH_OK && gives)
        status = look_for(next, RESTORE, &takes, diag);
    if (status == BERTH_OK && gives) {
        if (!takes)
            status =
                berthi_fail(diag, BERTH_E_REJECTED,
                            "slot '%s' keeps state, and it exports no " RESTORE, slot->name);
        if (status == BERTH_OK)
            status =
                berth_arena_create(&slot->runtime->allocator, STATE_ARENA_SIZE, &arena, diag);
        if (status == BERTH_OK)
            status = move_state(slot, last, next, arena, diag);
        berth_arena_destroy(arena);
    }
    /* release: the reaper sees what was done with it. */
    atomic_fetch_sub_explicit(&last->refs, 1, memory_order_release);
    berthi_event_set(&slot->runtime->event);
    return status;
}
