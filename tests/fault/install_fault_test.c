/* install_fault_test.c - installs, swaps, calls and rollbacks when something fails: the old
 * version serves on, nothing is left behind, and the next try works (I4). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "component_builder.h"
#include "fault_sweep.h"

typedef struct placing {
    slot_rig *rig;
    berth_slot *slot;
    uint8_t *bytes;
    size_t size;
    size_t live_bytes;
    uint64_t version;
    uint32_t serves, next;
    uint8_t *(*answering)(uint32_t number, size_t *size_out);
    char path[64];
} placing;

/* A slot whose cold contents are not kept, so that every byte of a failed install shows. */
static void set_up(placing *p, void **state, berth_policy policy)
{
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;

    memset(p, 0, sizeof *p);
    p->rig = *state;
    options.cache_bytes_max = 1;
    options.instances_max = 32;
    slot_rig_restart(p->rig, options);
    opt.policy = policy;
    opt.flags = BERTH_SLOT_TIMED;
    p->slot = slot_rig_open(p->rig, "slot", &opt);
    p->answering = plugin_answering;
    p->bytes = plugin_answering(2, &p->size);
    p->next = 2;
}

/* Components instead of modules from here on. */
static void use_components(placing *p)
{
    free(p->bytes);
    p->answering = component_answering;
    p->bytes = component_answering(p->next, &p->size);
}

static void serve_one(placing *p)
{
    slot_rig_install_answering(p->rig, p->slot, 1);
    assert_int_equal(slot_rig_answer(p->rig, p->slot), 1);
    p->serves = 1;
    p->version = 1;
    p->live_bytes = atomic_load(&p->rig->memory.live_bytes);
}

static void check_serves(placing *p)
{
    assert_int_equal(slot_rig_stats(p->slot).version, p->version);
    if (p->serves != 0) {
        if (slot_rig_answer(p->rig, p->slot) != p->serves)
            fail_msg("%s", p->rig->diag.text);
    } else {
        assert_int_equal(slot_rig_call(p->rig, p->slot, NULL, 0, NULL), BERTH_E_ABSENT);
    }
}

/* ---- install ---- */

static berth_status install_next(void *ctx, berth_diag *diag)
{
    placing *p = ctx;
    berth_installed installed = { .version = 77 };
    berth_status status = berth_slot_install(p->slot, p->bytes, p->size, &installed, diag);

    if (status != BERTH_OK)
        assert_int_equal(installed.version, 77);
    return status;
}

static void check_installed(void *ctx, berth_status status)
{
    placing *p = ctx;

    if (status == BERTH_OK) {
        p->version = slot_rig_stats(p->slot).version;
        p->serves = p->next++;
        free(p->bytes);
        p->bytes = p->answering(p->next, &p->size);
        check_serves(p);
        slot_rig_wait_reaped(p->rig);
        p->live_bytes = atomic_load(&p->rig->memory.live_bytes);
        return;
    }
    if (atomic_load(&p->rig->memory.live_bytes) != p->live_bytes)
        fail_msg("%zu bytes were alive and now %zu", p->live_bytes,
                 atomic_load(&p->rig->memory.live_bytes));
    check_serves(p);
}

static void an_install_leaves_the_old_version_serving(void **state)
{
    placing p;

    set_up(&p, state, BERTH_POLICY_REUSE);
    serve_one(&p);
    assert_true(fault_sweep(&p.rig->memory, install_next, check_installed, &p) > 10);
    assert_true(slot_rig_stats(p.slot).refused > 10);
    free(p.bytes);
}

static void so_it_is_with_components(void **state)
{
    placing p;

    set_up(&p, state, BERTH_POLICY_REUSE);
    use_components(&p);
    serve_one(&p);
    assert_true(fault_sweep(&p.rig->memory, install_next, check_installed, &p) > 40);
    free(p.bytes);
}

/* Profile and kind are decided by the install that succeeds, and by no other. */
static void check_first(placing *p, berth_status status)
{
    plugin_spec cclb = { .is_cclb = true };

    if (status != BERTH_OK) /* it may still become a slot of the other profile */
        slot_rig_install_spec(p->rig, p->slot, &cclb);
    assert_int_equal(berth_slot_evict(p->rig->runtime, NULL, "first"), BERTH_OK);
    berth_slot_release(p->slot);
}

static void a_failed_first_install_decides_nothing(void **state)
{
    slot_rig *r = *state;
    placing p = { .rig = r };
    berth_status status = BERTH_E_NOMEM;

    p.bytes = plugin_answering(2, &p.size);
    /* The slot is opened with nothing failing; allocations are counted from its install on. */
    for (size_t nth = 0; status != BERTH_OK; nth++) {
        berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;

        opt.name = "first";
        opt.deadline_ns = opt.probe_deadline_ns = SLOT_RIG_PATIENCE_NS;
        assert_int_equal(berth_slot_open(r->runtime, &opt, &p.slot, NULL), BERTH_OK);
        memory_fail(&r->memory, nth, false);
        status = berth_slot_install(p.slot, p.bytes, p.size, NULL, &r->diag);
        memory_fail(&r->memory, MEMORY_NEVER, false);
        check_first(&p, status);
    }
    free(p.bytes);
}

/* ---- from a file ---- */

static berth_status install_file(void *ctx, berth_diag *diag)
{
    placing *p = ctx;

    return berth_slot_install_file(p->slot, p->path, NULL, diag);
}

static void check_file(void *ctx, berth_status status)
{
    placing *p = ctx;
    FILE *file;

    check_installed(ctx, status);
    file = fopen(p->path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(p->bytes, 1, p->size, file), p->size);
    fclose(file);
}

static void a_file_that_cannot_be_read_leaves_the_old_version_serving(void **state)
{
    placing p;

    set_up(&p, state, BERTH_POLICY_REUSE);
    serve_one(&p);
    snprintf(p.path, sizeof p.path, "install_fault.%ld.wasm", (long)getpid());
    p.version = slot_rig_stats(p.slot).version;
    check_file(&p, BERTH_E_NOMEM);
    assert_true(fault_sweep(&p.rig->memory, install_file, check_file, &p) > 10);
    remove(p.path);
    free(p.bytes);
}

/* ---- prepare and swap ---- */

static berth_status prepare_and_swap(void *ctx, berth_diag *diag)
{
    placing *p = ctx;
    berth_version *version = NULL;
    berth_status status = berth_slot_prepare(p->slot, p->bytes, p->size, &version, diag);

    if (status != BERTH_OK) {
        assert_null(version);
        return status;
    }
    status = berth_slot_swap(p->slot, version, diag);
    if (status != BERTH_OK)
        berth_version_discard(version);
    return status;
}

static void a_swap_in_two_halves_is_done_or_not(void **state)
{
    placing p;

    set_up(&p, state, BERTH_POLICY_REUSE);
    serve_one(&p);
    assert_true(fault_sweep(&p.rig->memory, prepare_and_swap, check_installed, &p) > 10);
    free(p.bytes);
}

/* ---- calls ---- */

typedef struct calling {
    placing *placing;
    berth_diag *diag;
    berth_status status;
} calling;

/* A thread that calls for the first time needs a record, a seat, an instance and room. */
static void *call_once(void *arg)
{
    calling *c = arg;
    placing *p = c->placing;
    berth_call call = BERTH_CALL_INIT;
    berth_arena *arena = NULL;
    berth_reply reply;

    c->status = berth_arena_create(&p->rig->allocator, 4096, &arena, c->diag);
    if (c->status != BERTH_OK)
        return NULL;
    call.arena = arena;
    c->status = berth_slot_call(p->slot, &call, &reply, c->diag);
    berth_arena_destroy(arena);
    return NULL;
}

static berth_status call_from_a_new_thread(void *ctx, berth_diag *diag)
{
    calling c = { .placing = ctx, .diag = diag };
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, call_once, &c), 0);
    pthread_join(thread, NULL);
    return c.status;
}

static void check_call(void *ctx, berth_status status)
{
    (void)status;
    check_serves(ctx); /* from this thread, with nothing failing */
}

static void check_calls(placing *p)
{
    assert_true(fault_sweep(&p->rig->memory, call_from_a_new_thread, check_call, p) >= 4);
    assert_int_equal(slot_rig_stats(p->slot).in_flight, 0);
    assert_int_equal(slot_rig_runtime_stats(p->rig).threads, 1); /* this one */
    free(p->bytes);
}

static void a_call_answers_or_says_what_was_missing(void **state)
{
    placing p;

    set_up(&p, state, BERTH_POLICY_REUSE);
    serve_one(&p);
    check_calls(&p);
}

static void a_fresh_call_answers_or_says_what_was_missing(void **state)
{
    placing p;

    set_up(&p, state, BERTH_POLICY_FRESH);
    serve_one(&p);
    check_calls(&p);
}

static void a_component_answers_or_says_what_was_missing(void **state)
{
    placing p;

    for (int policy = BERTH_POLICY_FRESH; policy <= BERTH_POLICY_REUSE; policy++) {
        set_up(&p, state, (berth_policy)policy);
        use_components(&p);
        p.version = slot_rig_install(p.rig, p.slot, p.bytes, p.size);
        p.bytes = NULL;
        p.serves = p.next;
        assert_int_equal(slot_rig_answer(p.rig, p.slot), p.serves);
        check_calls(&p);
    }
}

/* ---- rollback ---- */

static berth_status roll_back(void *ctx, berth_diag *diag)
{
    placing *p = ctx;
    berth_lease lease = BERTH_LEASE_NONE;

    assert_int_equal(berth_slot_lease(p->slot, &lease), BERTH_OK);
    berth_lease_return(&lease);
    return berth_slot_rollback(p->slot, NULL, diag);
}

static void check_rolled_back(void *ctx, berth_status status)
{
    placing *p = ctx;

    assert_int_equal(status, BERTH_OK);
    check_serves(p);
    slot_rig_install_answering(p->rig, p->slot, 2);
}

static void leases_and_rollbacks_need_nothing(void **state)
{
    placing p;

    set_up(&p, state, BERTH_POLICY_REUSE);
    serve_one(&p);
    slot_rig_install_answering(p.rig, p.slot, 2);
    assert_int_equal(fault_sweep(&p.rig->memory, roll_back, check_rolled_back, &p), 0);
    free(p.bytes);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(an_install_leaves_the_old_version_serving),
        slot_test(so_it_is_with_components),
        slot_test(a_failed_first_install_decides_nothing),
        slot_test(a_file_that_cannot_be_read_leaves_the_old_version_serving),
        slot_test(a_swap_in_two_halves_is_done_or_not),
        slot_test(a_call_answers_or_says_what_was_missing),
        slot_test(a_fresh_call_answers_or_says_what_was_missing),
        slot_test(a_component_answers_or_says_what_was_missing),
        slot_test(leases_and_rollbacks_need_nothing),
    };

    return slot_rig_run("faults of installs and calls", tests, sizeof tests / sizeof *tests);
}
