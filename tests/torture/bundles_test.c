/* bundles_test.c - threads that reload one bundle against each other while others find and call it. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/bundle.h>
#include <berth/invoke.h>

#include "bundle_component.h"
#include "bundle_folder.h"
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

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(reloads_take_turns_while_the_contract_is_served),
    };

    return slot_rig_run("reloads against each other", tests, sizeof tests / sizeof *tests);
}
