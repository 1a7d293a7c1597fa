/* bundles_test.c - threads that reload one bundle against each other while others find and call it, and
 * providers that are replaced under those that call them. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/bundle.h>
#include <berth/invoke.h>

#include "bundle_component.h"
#include "bundle_folder.h"
#include "links_bundle.h"
#include "slot_rig.h"

enum { RELOADERS = 2, RELOADS = 40, READERS = 2 };

typedef struct rig {
    slot_rig *r;
    bundle_folder folder;
    berth_bundles *bundles;
    char versions[2][128];
    atomic_uint calls[READERS];
    atomic_uint reloaded; /* events of the slot */
    atomic_uint inside;   /* reloads between their first event and their last */
    atomic_bool is_done;
} rig;

typedef struct worker {
    rig *t;
    unsigned number;
    pthread_t thread;
} worker;

static void note_event(void *ctx, const berth_event *event)
{
    rig *t = ctx;

    if (event->kind == BERTH_EVENT_PREPARING && atomic_fetch_add(&t->inside, 1) != 0)
        abort(); /* two at once */
    if (event->kind == BERTH_EVENT_RELOADED) {
        atomic_fetch_sub(&t->inside, 1);
        atomic_fetch_add(&t->reloaded, 1);
    }
    if (event->kind == BERTH_EVENT_FAILED)
        abort();
}

static void put_bundle(rig *t, unsigned number)
{
    char dir[16], path[32];

    snprintf(dir, sizeof dir, "v%u", number);
    snprintf(path, sizeof path, "v%u/it.wasm", number);
    bundle_folder_bundle(&t->folder, dir, "it", number == 1 ? "1.0.0" : "1.1.0",
                         "[[provides]]\ncontract = \"x:y/it@1.0.0\"\n");
    bundle_component_put(&t->folder, path, "it", "1.0.0", (uint8_t)number);
    snprintf(t->versions[number - 1], sizeof t->versions[0], "%s",
             bundle_folder_at(&t->folder, dir));
}

/* The contract is there at every instant, and it is one of the two that answers. */
static void read_once(rig *t, berth_arena *arena)
{
    berth_call call = BERTH_CALL_INIT;
    const char *text = NULL;
    berth_slot *slot;
    berth_diag diag = { 0 };

    if (berth_bundles_find(t->bundles, "x:y/it@1.0.0", NULL, &slot, &diag) != BERTH_OK)
        abort();
    call.arena = arena;
    call.deadline_ns = 60000 * MS;
    if (berth_slot_evaluate(slot, "x:y/it@1.0.0#get()", &call, BERTH_TEXT_WAVE, &text, &diag) !=
            BERTH_OK ||
        (strcmp(text, "1") != 0 && strcmp(text, "2") != 0)) {
        fprintf(stderr, "%s: %s\n", text == NULL ? "no answer" : text, diag.text);
        abort();
    }
    berth_arena_reset(arena);
    berth_slot_release(slot);
}

static void *read_without_pause(void *ctx)
{
    worker *w = ctx;
    berth_arena *arena;

    if (berth_arena_create(NULL, 0, &arena, NULL) != BERTH_OK)
        abort();
    while (!atomic_load(&w->t->is_done)) {
        read_once(w->t, arena);
        atomic_fetch_add(&w->t->calls[w->number], 1);
    }
    berth_arena_destroy(arena);
    return NULL;
}

static void *reload_without_pause(void *ctx)
{
    worker *w = ctx;
    berth_diag diag = { 0 };

    for (unsigned i = 0; i < RELOADS; i++)
        if (berth_bundles_reload(w->t->bundles, w->t->versions[(i + w->number) % 2], &diag) !=
            BERTH_OK) {
            fprintf(stderr, "%s\n", diag.text);
            abort();
        }
    return NULL;
}

static void start_thread(worker *w, rig *t, unsigned number, void *(*run)(void *))
{
    w->t = t;
    w->number = number;
    assert_int_equal(pthread_create(&w->thread, NULL, run, w), 0);
}

static void reloads_take_turns_while_the_contract_is_served(void **state)
{
    static rig t;
    berth_bundles_options options = BERTH_BUNDLES_OPTIONS_INIT;
    berth_slot_options slot = BERTH_SLOT_OPTIONS_INIT;
    worker reloaders[RELOADERS], readers[READERS];
    const char *paths[1];

    memset(&t, 0, sizeof t);
    t.r = *state;
    bundle_folder_make(&t.folder);
    put_bundle(&t, 1);
    put_bundle(&t, 2);
    slot.observer = note_event;
    slot.observer_ctx = &t;
    slot.probe_deadline_ns = 60000 * MS;
    options.slot = &slot;
    assert_int_equal(berth_bundles_create(t.r->runtime, &options, &t.bundles, NULL), BERTH_OK);
    paths[0] = t.versions[0];
    assert_int_equal(berth_bundles_load(t.bundles, paths, 1, NULL, 0, NULL), BERTH_OK);
    for (unsigned i = 0; i < READERS; i++)
        start_thread(&readers[i], &t, i, read_without_pause);
    for (unsigned i = 0; i < READERS;
         i++) /* the window is open before anything happens in it */
        while (atomic_load(&t.calls[i]) == 0)
            sched_yield();
    for (unsigned i = 0; i < RELOADERS; i++)
        start_thread(&reloaders[i], &t, i, reload_without_pause);
    for (unsigned i = 0; i < RELOADERS; i++)
        pthread_join(reloaders[i].thread, NULL);
    atomic_store(&t.is_done, true);
    for (unsigned i = 0; i < READERS; i++)
        pthread_join(readers[i].thread, NULL);
    assert_int_equal(atomic_load(&t.reloaded), 1 + RELOADERS * RELOADS);
    assert_int_equal(atomic_load(&t.inside), 0);
    berth_bundles_destroy(t.bundles);
    bundle_folder_remove(&t.folder);
}

/* ---------------------------------------------------------------- providers under their dependents */

enum { CALLERS = 2, INNER = 50, PROVIDERS = 3, CHANGES = 60 };

typedef struct chain {
    slot_rig *r;
    bundle_folder folder;
    berth_bundles *bundles;
    berth_slot *taker;
    uint32_t number;
    atomic_uint calls[CALLERS];
    atomic_uint mixed; /* calls in which the provider was another one at the end */
    atomic_bool is_done;
} chain;

typedef struct chain_caller {
    chain *c;
    unsigned number;
    pthread_t thread;
} chain_caller;

/* Each of the inner calls is answered by one of the providers: with what it adds, or 1000 more. */
static void sum_once(chain *c, unsigned number, berth_arena *arena)
{
    const struct {
        uint32_t a, b, times;
    } args = { 1, 2, INNER };
    berth_call call = BERTH_CALL_INIT;
    berth_diag diag = { 0 };
    uint32_t sum = 0, biased;

    call.hook = c->number;
    call.arena = arena;
    call.deadline_ns = SLOT_RIG_PATIENCE_NS;
    if (berth_slot_invoke(c->taker, &args, &sum, &call, &diag) != BERTH_OK) {
        fprintf(stderr, "lost: %s\n", diag.text);
        abort();
    }
    biased = (sum - 1 - 2 * INNER) / 1000;
    if (sum != 1 + 2 * INNER + 1000 * biased || biased > INNER) {
        fprintf(stderr, "%u is no sum\n", sum);
        abort();
    }
    atomic_fetch_add(&c->mixed, biased != 0 && biased != INNER);
    atomic_fetch_add(&c->calls[number], 1);
    berth_arena_reset(arena);
}

static void *sum_without_pause(void *ctx)
{
    chain_caller *caller = ctx;
    berth_arena *arena;

    if (berth_arena_create(NULL, 0, &arena, NULL) != BERTH_OK)
        abort();
    while (!atomic_load(&caller->c->is_done))
        sum_once(caller->c, caller->number, arena);
    berth_arena_destroy(arena);
    return NULL;
}

static void start_chain(chain *c, slot_rig *r, const char *taker)
{
    berth_bundles_options options = BERTH_BUNDLES_OPTIONS_INIT;
    berth_slot_options slot = BERTH_SLOT_OPTIONS_INIT;
    berth_func func = BERTH_FUNC_INIT;
    const char *paths[1];

    memset(c, 0, sizeof *c);
    c->r = r;
    bundle_folder_make(&c->folder);
    links_put(&c->folder, "v0", "1.0.0", "component", "giver", "");
    links_put(&c->folder, "v1", "1.0.1", "native", "giver_biased", "");
    links_put(&c->folder, "v2", "1.0.2", "native", "giver", "");
    links_put(&c->folder, "taker", "1.0.0", taker, "taker", "");
    slot.deadline_ns = slot.probe_deadline_ns = SLOT_RIG_PATIENCE_NS;
    options.slot = &slot;
    assert_int_equal(berth_bundles_create(r->runtime, &options, &c->bundles, NULL), BERTH_OK);
    for (int i = 0; i < 2; i++) {
        paths[0] = bundle_folder_at(&c->folder, i == 0 ? "v0" : "taker");
        assert_int_equal(berth_bundles_load(c->bundles, paths, 1, NULL, 0, NULL), BERTH_OK);
    }
    assert_int_equal(berth_slot_find(r->runtime, NULL, "taker@1", &c->taker), BERTH_OK);
    assert_int_equal(berth_slot_func(c->taker, "test:links/user@1.0.0#sum", NULL, &func, NULL),
                     BERTH_OK);
    c->number = func.number;
}

/* So many at least, and until some call has met two of them. */
static unsigned change_providers(chain *c)
{
    char version[8];
    unsigned changes = 0;
    berth_diag diag = { 0 };

    for (; changes < CHANGES || atomic_load(&c->mixed) == 0; changes++) {
        snprintf(version, sizeof version, "v%u", (changes + 1) % PROVIDERS);
        if (berth_bundles_reload(c->bundles, bundle_folder_at(&c->folder, version), &diag) !=
            BERTH_OK)
            fail_msg("%s", diag.text);
    }
    return changes;
}

static void assert_exact(chain *c, const char *name, uint64_t calls)
{
    berth_slot_stats stats = BERTH_SLOT_STATS_INIT;
    berth_slot *slot;

    assert_int_equal(berth_slot_find(c->r->runtime, NULL, name, &slot), BERTH_OK);
    assert_int_equal(berth_slot_stats_read(slot, &stats, NULL), BERTH_OK);
    assert_int_equal(stats.calls, calls);
    assert_int_equal(stats.answered, calls);
    assert_int_equal(stats.in_flight, 0);
    assert_int_equal(stats.busy, 0);
    berth_slot_release(slot);
}

static void swap_providers_under(slot_rig *r, const char *taker)
{
    static chain c;
    chain_caller callers[CALLERS];
    uint64_t calls = 0;

    start_chain(&c, r, taker);
    for (unsigned i = 0; i < CALLERS; i++) {
        callers[i] = (chain_caller){ .c = &c, .number = i };
        assert_int_equal(
            pthread_create(&callers[i].thread, NULL, sum_without_pause, &callers[i]), 0);
    }
    for (unsigned i = 0; i < CALLERS; i++)
        while (atomic_load(&c.calls[i]) == 0)
            sched_yield();
    assert_true(change_providers(&c) >= CHANGES);
    atomic_store(&c.is_done, true);
    for (unsigned i = 0; i < CALLERS; i++) {
        pthread_join(callers[i].thread, NULL);
        calls += atomic_load(&c.calls[i]);
    }
    assert_true(atomic_load(&c.mixed) > 0);
    assert_exact(&c, "taker@1", calls);
    assert_exact(&c, "giver@1", INNER * calls);
    berth_slot_release(c.taker);
    berth_bundles_destroy(c.bundles);
    bundle_folder_remove(&c.folder);
}

static void providers_are_replaced_under_a_component_and_no_call_is_lost(void **state)
{
    swap_providers_under(*state, "component");
}

static void providers_are_replaced_under_a_shared_object_and_no_call_is_lost(void **state)
{
    swap_providers_under(*state, "native");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(reloads_take_turns_while_the_contract_is_served),
        slot_test(providers_are_replaced_under_a_component_and_no_call_is_lost),
        slot_test(providers_are_replaced_under_a_shared_object_and_no_call_is_lost),
    };

    return slot_rig_run("reloads against each other", tests, sizeof tests / sizeof *tests);
}
