/* observer_test.c - Preparing once, then Reloaded or Failed with the reason; callbacks run without
 * a lock and may use the runtime. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slot_rig.h"

typedef struct seen {
    slot_rig *rig;
    berth_slot *slot, *other;
    char log[2048];
    berth_status install_inside; /* of an install into the slot itself, from the callback */
    berth_status install_elsewhere;
    uint64_t stats_version;
    int depth;
    bool is_nosy;
} seen;

/* From the callback: everything but an install into the slot that is being prepared works. */
static void use_runtime(seen *s, const berth_event *event)
{
    berth_runtime_stats runtime_stats = BERTH_RUNTIME_STATS_INIT;
    berth_slot_stats stats = BERTH_SLOT_STATS_INIT;
    berth_version_stats versions[2];
    berth_lease lease = BERTH_LEASE_NONE;
    size_t size;
    uint8_t *bytes = plugin_answering(999, &size);
    berth_slot *found;

    s->install_inside = berth_slot_install(s->slot, bytes, size, NULL, NULL);
    s->install_elsewhere = berth_slot_install(s->other, bytes, size, NULL, NULL);
    free(bytes);
    if (berth_runtime_stats_read(s->rig->runtime, &runtime_stats, NULL) != BERTH_OK ||
        berth_slot_stats_read(s->slot, &stats, NULL) != BERTH_OK)
        abort();
    s->stats_version = stats.version;
    (void)berth_slot_versions(s->slot, versions, 2);
    if (berth_slot_find(s->rig->runtime, event->tenant, event->slot, &found) == BERTH_OK)
        berth_slot_release(found);
    if (berth_slot_lease(s->slot, &lease) == BERTH_OK)
        berth_lease_return(&lease);
    if (stats.version != 0 && slot_rig_answer(s->rig, s->slot) == UINT64_MAX)
        abort();
}

static void observe(void *ctx, const berth_event *event)
{
    static const char *const kinds[] = { "?", "preparing", "reloaded", "failed" };
    seen *s = ctx;
    size_t used = strlen(s->log);

    snprintf(s->log + used, sizeof s->log - used, "%s %s/%s %llu%s%s;", kinds[event->kind],
             event->tenant, event->slot, (unsigned long long)event->version,
             event->diag != NULL ? " " : "",
             event->diag != NULL ? berth_status_name((berth_status)event->diag->status) : "");
    if (event->size < sizeof *event || event->digest == NULL ||
        (event->diag != NULL) != (event->kind == BERTH_EVENT_FAILED) ||
        (event->diag != NULL && event->diag->text[0] == '\0'))
        abort();
    if (s->is_nosy && s->depth++ == 0) {
        use_runtime(s, event);
        s->depth--;
    }
}

static void open_observed(slot_rig *r, seen *s)
{
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;

    memset(s, 0, sizeof *s);
    opt.tenant = "t";
    opt.observer = observe;
    opt.observer_ctx = s;
    s->rig = r;
    s->slot = slot_rig_open(r, "a", &opt);
    s->other = slot_rig_open(r, "other", NULL);
}

static void check_log(seen *s, const char *log)
{
    if (strcmp(s->log, log) != 0)
        fail_msg("'%s' instead of '%s'", s->log, log);
    s->log[0] = '\0';
}

static void an_install_is_prepared_once_and_then_reloaded(void **state)
{
    seen s;

    open_observed(*state, &s);
    slot_rig_install_answering(s.rig, s.slot, 1);
    check_log(&s, "preparing t/a 0;reloaded t/a 1;");
    slot_rig_install_answering(s.rig, s.slot, 2);
    check_log(&s, "preparing t/a 1;reloaded t/a 2;");
    slot_rig_install_answering(s.rig, s.slot, 2); /* unchanged: nobody is told */
    check_log(&s, "");
    assert_int_equal(slot_rig_answer(s.rig, s.slot), 2);
    check_log(&s, "");
}

static void a_refusal_is_prepared_once_and_then_failed(void **state)
{
    const plugin_spec trap = { .hook = PLUGIN_CODE(PLUGIN_TRAP) };
    const plugin_spec reply = { .hook = PLUGIN_CODE(PLUGIN_I64(0x0a)) };
    size_t size;
    uint8_t *bytes;
    seen s;

    open_observed(*state, &s);
    slot_rig_try_spec(s.rig, s.slot, &trap);
    check_log(&s, "preparing t/a 0;failed t/a 0 trap;");
    slot_rig_install_answering(s.rig, s.slot, 1);
    check_log(&s, "preparing t/a 0;reloaded t/a 1;");
    slot_rig_try_spec(s.rig, s.slot, &reply);
    check_log(&s, "preparing t/a 1;failed t/a 1 abi;");
    bytes = plugin_answering(3, &size);
    slot_rig_try_install(s.rig, s.slot, bytes, size - 1);
    check_log(&s, "preparing t/a 1;failed t/a 1 rejected;");
    assert_int_equal(slot_rig_answer(s.rig, s.slot), 1);
}

static void two_halves_tell_as_one(void **state)
{
    size_t size;
    uint8_t *bytes = plugin_answering(3, &size);
    berth_version *version;
    seen s;

    open_observed(*state, &s);
    assert_int_equal(berth_slot_prepare(s.slot, bytes, size, &version, NULL), BERTH_OK);
    free(bytes);
    check_log(&s, "preparing t/a 0;");
    assert_int_equal(berth_slot_swap(s.slot, version, NULL), BERTH_OK);
    check_log(&s, "reloaded t/a 1;");
}

static void a_discarded_version_failed(void **state)
{
    size_t size;
    uint8_t *bytes = plugin_answering(3, &size);
    berth_version *version;
    seen s;

    open_observed(*state, &s);
    slot_rig_install_answering(s.rig, s.slot, 1);
    s.log[0] = '\0';
    assert_int_equal(berth_slot_prepare(s.slot, bytes, size, &version, NULL), BERTH_OK);
    free(bytes);
    check_log(&s, "preparing t/a 1;");
    berth_version_discard(version);
    check_log(&s, "failed t/a 1 closed;");
    assert_int_equal(slot_rig_answer(s.rig, s.slot), 1);
}

/* I9 is asserted inside the library where it calls back; here the callback does it all. */
static void a_callback_may_use_the_runtime_and_not_install_into_its_slot(void **state)
{
    const plugin_spec trap = { .hook = PLUGIN_CODE(PLUGIN_TRAP) };
    seen s;

    open_observed(*state, &s);
    s.is_nosy = true;
    slot_rig_install_answering(s.rig, s.slot, 1);
    check_log(&s, "preparing t/a 0;reloaded t/a 1;");
    assert_int_equal(s.install_inside, BERTH_E_STATE);
    assert_int_equal(s.install_elsewhere, BERTH_OK);
    assert_int_equal(s.stats_version, 1); /* Reloaded comes after it is current */
    slot_rig_try_spec(s.rig, s.slot, &trap);
    check_log(&s, "preparing t/a 1;failed t/a 1 trap;");
    assert_int_equal(s.install_inside, BERTH_E_STATE);
    assert_int_equal(slot_rig_answer(s.rig, s.slot), 1);
}

static void evict_at_preparing(void *ctx, const berth_event *event)
{
    seen *s = ctx;

    observe(ctx, event);
    if (event->kind == BERTH_EVENT_PREPARING &&
        berth_slot_evict(s->rig->runtime, event->tenant, event->slot) != BERTH_OK)
        abort();
}

static void a_slot_that_is_evicted_meanwhile_refuses_what_was_prepared(void **state)
{
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    seen s = { .rig = *state };

    opt.observer = evict_at_preparing;
    opt.observer_ctx = &s;
    s.slot = slot_rig_open(s.rig, "gone", &opt);
    slot_rig_check(s.rig, slot_rig_try_spec(s.rig, s.slot, &(plugin_spec){ .number = 1 }),
                   BERTH_E_STATE, BERTH_REASON_NONE, "evicted");
    check_log(&s, "preparing /gone 0;failed /gone 0 state;");
}

/* ---- several installers ---- */

typedef struct tally {
    atomic_int open, preparing, reloaded, failed, overlaps;
    atomic_uint_fast64_t last;
} tally;

static void count_event(void *ctx, const berth_event *event)
{
    tally *t = ctx;

    if (event->kind == BERTH_EVENT_PREPARING) {
        atomic_fetch_add(&t->preparing, 1);
        atomic_fetch_add(&t->overlaps, atomic_fetch_add(&t->open, 1) != 0);
        return;
    }
    atomic_fetch_add(&t->overlaps, atomic_fetch_sub(&t->open, 1) != 1);
    if (event->kind == BERTH_EVENT_RELOADED) {
        atomic_fetch_add(&t->reloaded, 1);
        atomic_fetch_add(&t->overlaps, event->version <= atomic_load(&t->last));
        atomic_store(&t->last, event->version);
    } else {
        atomic_fetch_add(&t->failed, 1);
    }
}

typedef struct installer {
    pthread_t thread;
    berth_slot *slot;
    uint32_t base;
    int refused;
} installer;

enum { INSTALLS = 15 };

static void *run_installer(void *arg)
{
    installer *in = arg;

    for (uint32_t i = 0; i < INSTALLS; i++) {
        const plugin_spec trap = { .hook = PLUGIN_CODE(PLUGIN_TRAP) };
        plugin_spec spec = trap;
        size_t size;
        uint8_t *bytes;

        spec.number = in->base + i;
        bytes = i % 3 == 0 ? plugin_make(&spec, &size) : plugin_answering(in->base + i, &size);
        in->refused += berth_slot_install(in->slot, bytes, size, NULL, NULL) != BERTH_OK;
        free(bytes);
    }
    return NULL;
}

static void events_of_one_slot_never_overlap(void **state)
{
    slot_rig *r = *state;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    tally t = { 0 };
    installer in[3];

    opt.observer = count_event;
    opt.observer_ctx = &t;
    for (uint32_t i = 0; i < 3; i++)
        in[i] = (installer){ .base = 1000 * (i + 1) };
    in[0].slot = in[1].slot = in[2].slot = slot_rig_open(r, "busy", &opt);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&in[i].thread, NULL, run_installer, &in[i]), 0);
    for (int i = 0; i < 3; i++) {
        pthread_join(in[i].thread, NULL);
        assert_int_equal(in[i].refused, INSTALLS / 3);
    }
    assert_int_equal(atomic_load(&t.preparing), 3 * INSTALLS);
    assert_int_equal(atomic_load(&t.failed), INSTALLS);
    assert_int_equal(atomic_load(&t.reloaded), 2 * INSTALLS);
    assert_int_equal(atomic_load(&t.overlaps), 0);
    assert_int_equal(slot_rig_stats(in[0].slot).version, 2 * INSTALLS);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(an_install_is_prepared_once_and_then_reloaded),
        slot_test(a_refusal_is_prepared_once_and_then_failed),
        slot_test(two_halves_tell_as_one),
        slot_test(a_discarded_version_failed),
        slot_test(a_callback_may_use_the_runtime_and_not_install_into_its_slot),
        slot_test(a_slot_that_is_evicted_meanwhile_refuses_what_was_prepared),
        slot_test(events_of_one_slot_never_overlap),
    };

    return slot_rig_run("observers", tests, sizeof tests / sizeof *tests);
}
