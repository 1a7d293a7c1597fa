/* session_test.c - objects of plugins are used in sessions, and objects of the host by plugins: one
 * source as a component, as a core module and as a shared object.  Public headers and written ones. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/value.h>
#include <notes_host.h>

#include "guests.h"
#include "slot_rig.h"

#define FINISH "demo:notes/desk@1.0.0#[static]draft.finish"

/* ---------------------------------------------------------------- the host's store */

struct notes_host_store_page {
    struct store *of;
    char title[32], text[256];
    uint32_t title_size, text_size, lines;
    atomic_bool is_there; /* destroyed at most once */
};

enum { PAGES_MAX = 4096 };

typedef struct store {
    notes_imports imports;
    notes_host_store_page pages[PAGES_MAX]; /* none is used again */
    atomic_uint made, destroyed;
    bool is_dead; /* `append` fails */
    bool is_slow; /* it takes longer to end a page than a plugin has to end */
    atomic_bool is_given_up;
} store;

static berth_string string_of(const char *text)
{
    return (berth_string){ text, strlen(text) };
}

static berth_status page_new(void *ctx, const notes_store_page_new_args *args,
                             notes_host_store_page **object_out, berth_host_call *call)
{
    store *s = ctx;
    notes_host_store_page *page;

    if (args->title.size == 0)
        return berth_host_fail(call, BERTH_E_INVALID, "a page without a title");
    page = &s->pages[atomic_fetch_add(&s->made, 1) % PAGES_MAX];
    page->of = s;
    page->title_size = (uint32_t)args->title.size;
    memcpy(page->title, args->title.text, args->title.size);
    atomic_store(&page->is_there, true);
    *object_out = page;
    return BERTH_OK;
}

static void page_destroy(void *object)
{
    notes_host_store_page *page = object;

    if (!atomic_exchange(&page->is_there, false))
        abort(); /* twice */
    while (page->of->is_slow && !atomic_load(&page->of->is_given_up))
        (void)sched_yield();
    for (int i = 0; page->of->is_slow && i < 1000; i++) /* for whoever does not wait */
        (void)sched_yield();
    atomic_fetch_add(&page->of->destroyed, 1);
}

static berth_status page_append(void *ctx, notes_host_store_page *self,
                                const notes_store_page_append_args *args, uint32_t *result,
                                berth_host_call *call)
{
    store *s = ctx;

    if (s->is_dead)
        return berth_host_fail(call, BERTH_E_OS, "the store is closed");
    if (self->text_size + args->line.size + 1 > sizeof self->text)
        return berth_host_fail(call, BERTH_E_LIMIT, "the page is full");
    memcpy(self->text + self->text_size, args->line.text, args->line.size);
    self->text_size += (uint32_t)args->line.size;
    self->text[self->text_size++] = '\n';
    *result = ++self->lines;
    return BERTH_OK;
}

static berth_status page_text(void *ctx, notes_host_store_page *self,
                              const notes_store_page_text_args *args, berth_string *result,
                              berth_host_call *call)
{
    char *text = berth_host_room(call, self->text_size + 1);

    (void)ctx, (void)args;
    if (text == NULL)
        return berth_host_fail(call, BERTH_E_NOMEM, "no room");
    memcpy(text, self->text, self->text_size);
    *result = (berth_string){ text, self->text_size };
    return BERTH_OK;
}

static berth_status fetch(void *ctx, const notes_store_fetch_args *args,
                          notes_option_store_page *result, berth_host_call *call)
{
    store *s = ctx;
    notes_store_page_new_args title = { args->title };
    notes_host_store_page *page;
    berth_status status;

    if (args->title.size != 3 || memcmp(args->title.text, "old", 3) != 0)
        return BERTH_OK; /* none */
    status = page_new(ctx, &title, &page, call);
    if (status != BERTH_OK)
        return status;
    memcpy(page->text, "first\n", page->text_size = 6);
    result->is_some = 1;
    return notes_host_store_page_add(&s->imports, call, page, &result->some);
}

static berth_host *offer(store *s)
{
    berth_host *host;
    berth_diag diag;

    memset(s, 0, sizeof *s);
    s->imports.ctx = s;
    s->imports.store_page.destroy = page_destroy;
    s->imports.store_page_new = page_new;
    s->imports.store_page_append = page_append;
    s->imports.store_page_text = page_text;
    s->imports.store_fetch = fetch;
    if (berth_host_create(NULL, &host, &diag) != BERTH_OK ||
        notes_offer(host, &s->imports, &diag) != BERTH_OK)
        fail_msg("%s", diag.text);
    return host;
}

static berth_status never_called(void *ctx, const void *args, void *result,
                                 berth_host_call *call)
{
    (void)ctx, (void)args, (void)result, (void)call;
    abort();
}

/* ---------------------------------------------------------------- rig */

static const char *const builds[] = { "notes.wasm", "notes.wasm.bindings/core.wasm",
                                      "notes.so" };
enum { BUILDS = sizeof builds / sizeof *builds };

typedef struct desk {
    slot_rig *r;
    store *store;
    berth_host *host;
    berth_slot *slot;
    notes_slot notes; /* as bound, in no session */
} desk;

static void hear(void *ctx, const berth_report *report)
{
    if (report->kind == BERTH_REPORT_ABANDONED)
        atomic_store(&((store *)ctx)->is_given_up, true);
}

static void open_desk(desk *d, slot_rig *r, const char *build,
                      const berth_slot_options *slot_options)
{
    static store the_store;
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    uint8_t *bytes;
    size_t size;

    *d = (desk){ .r = r, .store = &the_store, .host = offer(&the_store) };
    options.host = d->host;
    options.reporter = hear;
    options.reporter_ctx = d->store;
    slot_rig_restart(r, options);
    d->slot = slot_rig_open(r, "desk", slot_options);
    bytes = services_read(build, &size);
    (void)slot_rig_install(r, d->slot, bytes, size);
    if (notes_bind(d->slot, &d->notes, &r->diag) != BERTH_OK)
        fail_msg("%s: %s", build, r->diag.text);
}

/* The host outlives the runtime, and all its objects are gone. */
static void close_desk(desk *d)
{
    slot_rig_restart(d->r, (berth_runtime_options)BERTH_RUNTIME_OPTIONS_INIT);
    assert_int_equal(atomic_load(&d->store->made), atomic_load(&d->store->destroyed));
    berth_host_destroy(d->host);
}

static notes_slot enter(desk *d)
{
    notes_slot session;

    if (notes_enter(&d->notes, &session, &d->r->diag) != BERTH_OK)
        fail_msg("%s", d->r->diag.text);
    return session;
}

static notes_desk_draft draft_of(desk *d, const notes_slot *in, const char *title)
{
    notes_desk_draft draft;

    if (notes_desk_draft_new(in, d->r->arena, string_of(title), &draft, &d->r->diag) !=
        BERTH_OK)
        fail_msg("%s", d->r->diag.text);
    return draft;
}

static notes_desk_draft_borrow lend(notes_desk_draft draft)
{
    return (notes_desk_draft_borrow){ draft.handle };
}

static uint32_t write_line(desk *d, const notes_slot *in, notes_desk_draft draft,
                           const char *line)
{
    notes_result_u32_string result;

    if (notes_desk_draft_write(in, d->r->arena, lend(draft), string_of(line), &result,
                               &d->r->diag) != BERTH_OK)
        fail_msg("%s", d->r->diag.text);
    return result.is_error ? 0 : result.as.ok;
}

static uint32_t drafts(desk *d, const notes_slot *in)
{
    uint32_t count = UINT32_MAX;

    if (notes_desk_drafts(in, d->r->arena, &count, &d->r->diag) != BERTH_OK)
        fail_msg("%s", d->r->diag.text);
    return count;
}

static berth_status finish(desk *d, const notes_slot *in, notes_desk_draft draft,
                           berth_string *text)
{
    return notes_desk_draft_finish(in, d->r->arena, draft, text, &d->r->diag);
}

/* ---------------------------------------------------------------- tests */

/* The plugin is given up meanwhile; the host may take itself down as soon as the runtime is gone. */
static void no_object_ends_behind_the_runtime(void **state)
{
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    notes_slot in;
    desk d;

    options.probe_deadline_ns = 1000 * 1000;
    open_desk(&d, *state, "late_page.so", &options);
    in = enter(&d);
    (void)draft_of(&d, &in, "late");
    notes_leave(&in);
    d.store->is_slow = true;
    close_desk(&d);
}

/* At once, and not with the next plugin or the runtime; page_destroy() aborts at the second time. */
static void what_a_plugin_holds_at_its_end_is_destroyed_once(void **state)
{
    static const char *const ends[] = { "left_page.so", "held_page.so" };
    berth_runtime_stats stats;
    notes_slot in;
    desk d;

    for (unsigned e = 0; e < sizeof ends / sizeof *ends; e++) {
        open_desk(&d, *state, ends[e], NULL);
        in = enter(&d);
        (void)draft_of(&d, &in, "kept");
        notes_leave(&in);
        assert_int_equal(atomic_load(&d.store->destroyed), 0);
        assert_int_equal(berth_slot_evict(d.r->runtime, NULL, "desk"), BERTH_OK);
        do {
            (void)sched_yield();
            stats = slot_rig_runtime_stats(d.r);
        } while (stats.versions_retired != 0 || stats.natives_ending != 0 ||
                 atomic_load(&d.store->destroyed) == 0);
        assert_int_equal(stats.natives_abandoned, e); /* the second one is */
        close_desk(&d);
        assert_int_equal(atomic_load(&d.store->destroyed), 1);
    }
}

static void objects_of_a_plugin_live_in_a_session(void **state)
{
    desk d;

    for (unsigned b = 0; b < BUILDS; b++) {
        notes_desk_draft a, c;
        notes_desk_draft_borrow both[2];
        notes_slot in;
        berth_string text = { 0 };
        uint32_t lines = 0;

        open_desk(&d, *state, builds[b], NULL);
        in = enter(&d);
        a = draft_of(&d, &in, "new");
        c = draft_of(&d, &in, "old");
        assert_int_equal(write_line(&d, &in, a, "one"), 1);
        assert_int_equal(write_line(&d, &in, a, "two"), 2);
        assert_int_equal(write_line(&d, &in, c, "second"), 1);
        both[0] = lend(a);
        both[1] = lend(c);
        assert_int_equal(notes_desk_lines(&in, d.r->arena,
                                          (notes_list_desk_draft_borrow){ both, 2 }, &lines,
                                          &d.r->diag),
                         BERTH_OK);
        assert_int_equal(lines, 3);
        assert_int_equal(finish(&d, &in, c, &text), BERTH_OK);
        assert_int_equal(text.size, 13);
        assert_memory_equal(text.text, "first\nsecond\n", 13);
        assert_int_equal(drafts(&d, &in), 1);
        assert_int_equal(notes_desk_draft_drop(&in, d.r->arena, a, &d.r->diag), BERTH_OK);
        assert_int_equal(drafts(&d, &in), 0);
        notes_leave(&in);
        assert_int_equal(atomic_load(&d.store->made), 1);
        close_desk(&d);
    }
}

#define DESK "demo:notes/desk@1.0.0#"

/* One step of a host that knows no type: text in, value out. */
static berth_value by_value(desk *d, berth_session *session, berth_type **func,
                            const char *name, const char *json, uint64_t handle)
{
    berth_call call = BERTH_CALL_INIT;
    berth_value args = BERTH_VALUE_INIT, result = BERTH_VALUE_INIT;
    berth_diag *diag = &d->r->diag;
    berth_status status = berth_slot_func_type(d->slot, name, func, diag);

    call.arena = d->r->arena;
    if (status == BERTH_OK && json != NULL)
        status = berth_value_read(berth_type_params(*func), BERTH_TEXT_JSON, json, strlen(json),
                                  0, d->r->arena, &args, diag);
    else if (status == BERTH_OK)
        status = berth_value_make(berth_type_params(*func), d->r->arena, &args, diag);
    if (status == BERTH_OK && handle != 0)
        status = berth_value_set_u64(berth_value_field(args, "self"), handle, diag);
    if (status == BERTH_OK)
        status = berth_session_invoke_value(session, name, *func, args, &call, &result, diag);
    if (status != BERTH_OK)
        fail_msg("%s: %s", name, diag->text);
    return result;
}

static void handles_are_values_in_a_session(void **state)
{
    desk d;

    for (unsigned b = 0; b < BUILDS; b++) {
        berth_session *session = NULL;
        berth_type *made = NULL, *wrote = NULL, *dropped = NULL, *counted = NULL;
        berth_value value, none = BERTH_VALUE_INIT;
        berth_call call = BERTH_CALL_INIT;
        const char *text = NULL;
        uint64_t draft = 0;

        open_desk(&d, *state, builds[b], NULL);
        if (berth_session_open(d.slot, &session, &d.r->diag) != BERTH_OK)
            fail_msg("%s", d.r->diag.text);
        value =
            by_value(&d, session, &made, DESK "[constructor]draft", "{\"title\": \"t\"}", 0);
        assert_int_equal(berth_type_kind(value.type), BERTH_KIND_OWN);
        assert_int_equal(berth_value_get_u64(value, &draft, NULL), BERTH_OK);
        value = by_value(&d, session, &wrote, DESK "[method]draft.write", NULL, draft);
        assert_int_equal(berth_value_write(value, BERTH_TEXT_WAVE, d.r->arena, &text, NULL),
                         BERTH_OK);
        assert_string_equal(text, "ok(1)");
        value = by_value(&d, session, &dropped, DESK "[resource-drop]draft", NULL, draft);
        assert_null(value.type);
        value = by_value(&d, session, &counted, DESK "drafts", NULL, 0);
        assert_int_equal(berth_value_get_u64(value, &draft, NULL), BERTH_OK);
        assert_int_equal(draft, 0);
        call.arena = d.r->arena;
        if (berth_value_make(berth_type_params(dropped), d.r->arena, &none, NULL) != BERTH_OK)
            fail();
        slot_rig_check(d.r,
                       berth_slot_invoke_value(d.slot, DESK "[resource-drop]draft", dropped,
                                               none, &call, &value, &d.r->diag),
                       BERTH_E_REJECTED, BERTH_REASON_NONE, "call it in a session");
        berth_type_destroy(made);
        berth_type_destroy(wrote);
        berth_type_destroy(dropped);
        berth_type_destroy(counted);
        berth_session_close(session);
        close_desk(&d);
    }
}

static void handles_are_refused_outside_of_a_session(void **state)
{
    desk d;
    notes_desk_draft draft;
    const char *text;
    berth_call call = BERTH_CALL_INIT;

    open_desk(&d, *state, builds[0], NULL);
    slot_rig_check(
        d.r, notes_desk_draft_new(&d.notes, d.r->arena, string_of("a"), &draft, &d.r->diag),
        BERTH_E_REJECTED, BERTH_REASON_NONE, "call it in a session");
    slot_rig_check(
        d.r, notes_desk_draft_drop(&d.notes, d.r->arena, (notes_desk_draft){ 1 }, &d.r->diag),
        BERTH_E_REJECTED, BERTH_REASON_NONE, "call it in a session");
    assert_int_equal(drafts(&d, &d.notes), 0); /* of whichever instance */
    call.arena = d.r->arena;
    slot_rig_check(d.r,
                   berth_slot_evaluate(d.slot,
                                       "demo:notes/desk@1.0.0#[constructor]draft(\"a\")", &call,
                                       BERTH_TEXT_WAVE, &text, &d.r->diag),
                   BERTH_E_REJECTED, BERTH_REASON_NONE, "resources");
    close_desk(&d);
}

static void a_handle_that_is_none_is_refused_and_harms_nobody(void **state)
{
    desk d;
    notes_slot in, other;
    notes_desk_draft draft, theirs;
    notes_result_u32_string result;
    berth_string text;

    open_desk(&d, *state, builds[0], NULL);
    in = enter(&d);
    other = enter(&d);
    draft = draft_of(&d, &in, "new");
    theirs = draft_of(&d, &other, "new");
    slot_rig_check(d.r,
                   notes_desk_draft_write(&in, d.r->arena, lend(theirs), string_of("x"),
                                          &result, &d.r->diag),
                   BERTH_E_INVALID, BERTH_REASON_NONE, "is not one, or not any more");
    slot_rig_check(d.r, notes_desk_draft_drop(&in, d.r->arena, theirs, &d.r->diag),
                   BERTH_E_INVALID, BERTH_REASON_NONE, "is not one");
    assert_int_equal(notes_desk_draft_drop(&in, d.r->arena, draft, &d.r->diag), BERTH_OK);
    slot_rig_check(d.r, notes_desk_draft_drop(&in, d.r->arena, draft, &d.r->diag),
                   BERTH_E_INVALID, BERTH_REASON_NONE, "is not one");
    slot_rig_check(d.r, finish(&d, &in, draft, &text), BERTH_E_INVALID, BERTH_REASON_NONE,
                   "is not one");
    assert_int_equal(drafts(&d, &in), 0);
    assert_int_equal(drafts(&d, &other), 1);
    notes_leave(&in);
    assert_int_equal(write_line(&d, &other, theirs, "x"), 1);
    notes_leave(&other);
    close_desk(&d);
}

static void a_session_outlives_the_swap_of_its_version(void **state)
{
    desk d;
    notes_slot in;
    notes_desk_draft draft;
    berth_string text;
    uint8_t *bytes;
    size_t size;

    open_desk(&d, *state, builds[0], NULL);
    in = enter(&d);
    draft = draft_of(&d, &in, "new");
    assert_int_equal(berth_session_version(in.session), 1);
    bytes = services_read(builds[1], &size);
    assert_int_equal(slot_rig_install(d.r, d.slot, bytes, size), 2);
    assert_int_equal(write_line(&d, &in, draft, "one"), 1);
    assert_int_equal(finish(&d, &in, draft, &text), BERTH_OK);
    assert_int_equal(berth_session_version(in.session), 1);
    notes_leave(&in);
    in = enter(&d);
    assert_int_equal(berth_session_version(in.session), 2);
    notes_leave(&in);
    close_desk(&d);
}

static void a_broken_instance_is_the_sessions_and_no_other(void **state)
{
    desk d;
    notes_slot in, other;
    notes_desk_draft draft, theirs;
    berth_string text = { 0 };

    open_desk(&d, *state, builds[0], NULL);
    in = enter(&d);
    other = enter(&d);
    draft = draft_of(&d, &in, "new");
    theirs = draft_of(&d, &other, "new");
    assert_int_equal(write_line(&d, &in, draft, "one"), 1);
    assert_int_equal(write_line(&d, &other, theirs, "one"), 1);
    d.store->is_dead = true;
    slot_rig_check(d.r, finish(&d, &in, draft, &text), BERTH_E_OS, BERTH_REASON_HOST,
                   "the store is closed");
    d.store->is_dead = false;
    slot_rig_check(d.r, notes_desk_draft_drop(&in, d.r->arena, draft, &d.r->diag), BERTH_E_TRAP,
                   BERTH_REASON_CANONICAL, "");
    notes_leave(&in);
    assert_int_equal(finish(&d, &other, theirs, &text), BERTH_OK);
    notes_leave(&other);
    close_desk(&d);
}

static void sessions_are_bounded_by_the_instances_of_a_version(void **state)
{
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    notes_slot in, more;
    desk d;

    options.instances_max = 1;
    options.policy = BERTH_POLICY_FRESH;
    open_desk(&d, *state, builds[0], &options);
    in = enter(&d);
    slot_rig_check(d.r, notes_enter(&d.notes, &more, &d.r->diag), BERTH_E_BUSY,
                   BERTH_REASON_INSTANCES, "raise the slot's instances_max");
    notes_leave(&in);
    in = enter(&d);
    notes_leave(&in);
    close_desk(&d);
    options.policy = BERTH_POLICY_REUSE;
    open_desk(&d, *state, builds[0], &options);
    assert_int_equal(drafts(&d, &d.notes), 0); /* this thread keeps that instance */
    in = enter(&d);                            /* and gives it up */
    assert_int_equal(drafts(&d, &in), 0);
    notes_leave(&in);
    assert_int_equal(drafts(&d, &d.notes), 0);
    close_desk(&d);
}

static void calls_of_sessions_are_counted_like_others(void **state)
{
    desk d;
    notes_slot in;
    notes_desk_draft draft;
    berth_slot_stats stats;

    open_desk(&d, *state, builds[0], NULL);
    in = enter(&d);
    draft = draft_of(&d, &in, "four");
    assert_int_equal(write_line(&d, &in, draft, "five"), 1);
    assert_int_equal(notes_desk_draft_drop(&in, d.r->arena, draft, &d.r->diag), BERTH_OK);
    slot_rig_check(d.r, notes_desk_draft_drop(&in, d.r->arena, draft, &d.r->diag),
                   BERTH_E_INVALID, BERTH_REASON_NONE, "");
    stats = slot_rig_stats(d.slot);
    assert_int_equal(stats.calls, 4);
    assert_int_equal(stats.answered, 3);
    assert_int_equal(stats.other_failures, 1);
    assert_int_equal(stats.bytes_in, 8);
    assert_int_equal(stats.in_flight, 0);
    assert_true(stats.instances_live >= 1);
    notes_leave(&in);
    close_desk(&d);
}

static void what_the_host_says_reaches_the_caller_of_a_native_plugin(void **state)
{
    berth_slot_stats stats;
    notes_desk_draft draft;
    berth_string text = { 0 };
    notes_slot in;
    desk d;

    open_desk(&d, *state, "notes.so", NULL);
    in = enter(&d);
    draft = draft_of(&d, &in, "new");
    assert_int_equal(write_line(&d, &in, draft, "one"), 1);
    d.store->is_dead = true;
    slot_rig_check(d.r, finish(&d, &in, draft, &text), BERTH_E_OS, BERTH_REASON_HOST,
                   FINISH ": host function `demo:notes/store@1.0.0#[method]page.append`: the "
                          "store is closed");
    d.store->is_dead = false;
    draft = draft_of(&d, &in, "");
    slot_rig_check(d.r, finish(&d, &in, draft, &text), BERTH_E_INVALID, BERTH_REASON_HOST,
                   "a page without a title");
    draft = draft_of(&d, &in, "new"); /* the instance goes on, and what was said is forgotten */
    assert_int_equal(write_line(&d, &in, draft, "one"), 1);
    assert_int_equal(finish(&d, &in, draft, &text), BERTH_OK);
    assert_int_equal(drafts(&d, &d.notes), 0); /* of the same instance */
    slot_rig_check(d.r,
                   notes_desk_draft_new(&in, d.r->arena,
                                        string_of("a title that has more bytes than there is "
                                                  "room for"),
                                        &draft, &d.r->diag),
                   BERTH_E_PLUGIN, BERTH_REASON_NONE, "it answered 1");
    stats = slot_rig_stats(d.slot);
    assert_int_equal(stats.calls, stats.answered + 3);
    notes_leave(&in);
    close_desk(&d);
}

static void a_native_plugin_whose_import_is_missing_is_not_opened(void **state)
{
    static const char other[] =
        "package demo:notes@1.0.0; interface store { resource page { constructor(title: "
        "string); "
        "append: func(line: string) -> u64; text: func() -> string; } fetch: func(title: "
        "string) -> option<page>; } world w { import store; }";
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    const berth_host_resource *page;
    slot_rig *r = *state;
    uint8_t *bytes;
    berth_slot *slot = slot_rig_open(r, "desk", NULL);
    size_t size;

    bytes = services_read("notes.so", &size);
    slot_rig_check(r, slot_rig_try_install(r, slot, bytes, size), BERTH_E_REJECTED,
                   BERTH_REASON_NONE,
                   "import `demo:notes/store@1.0.0`: the runtime has no host");
    assert_int_equal(berth_host_create(NULL, &options.host, &r->diag), BERTH_OK);
    slot_rig_restart(r, options);
    slot = slot_rig_open(r, "desk", NULL);
    bytes = services_read("notes.so", &size);
    slot_rig_check(r, slot_rig_try_install(r, slot, bytes, size), BERTH_E_REJECTED,
                   BERTH_REASON_NONE, "the host offers no such interface");
    assert_int_equal(berth_host_declare(options.host, other, sizeof other - 1, &r->diag),
                     BERTH_OK);
    bytes = services_read("notes.so", &size);
    slot_rig_check(r, slot_rig_try_install(r, slot, bytes, size), BERTH_E_REJECTED,
                   BERTH_REASON_NONE, "has bound no function to it");
    assert_int_equal(berth_host_bind_resource(options.host, "demo:notes/store@1.0.0", "page",
                                              NULL, &page, &r->diag),
                     BERTH_OK);
    assert_int_equal(berth_host_bind(options.host, "demo:notes/store@1.0.0",
                                     "[constructor]page", 16, 8, never_called, NULL, &r->diag),
                     BERTH_OK);
    assert_int_equal(berth_host_bind(options.host, "demo:notes/store@1.0.0",
                                     "[method]page.append", 24, 8, never_called, NULL,
                                     &r->diag),
                     BERTH_OK);
    bytes = services_read("notes.so", &size);
    slot_rig_check(r, slot_rig_try_install(r, slot, bytes, size), BERTH_E_REJECTED,
                   BERTH_REASON_NONE,
                   "#[method]page.append`: the plugin expects another type; the host offers");
    slot_rig_restart(r, (berth_runtime_options)BERTH_RUNTIME_OPTIONS_INIT);
    berth_host_destroy(options.host);
}

/* ThreadSanitizer does not see the exchanges of a plugin that is built without it, and takes what they
 * order for a race: there threads take turns. */
#ifdef __SANITIZE_THREAD__
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
#define TAKE_TURN() pthread_mutex_lock(&turn)
#define GIVE_TURN() pthread_mutex_unlock(&turn)
#else
#define TAKE_TURN() ((void)0)
#define GIVE_TURN() ((void)0)
#endif

typedef struct worker {
    pthread_t thread;
    desk *d;
    atomic_uint *going;
    unsigned done;
} worker;

static void *work(void *arg)
{
    worker *w = arg;
    berth_arena *arena;
    berth_diag diag;
    notes_slot in;

    if (berth_arena_create(NULL, 0, &arena, &diag) != BERTH_OK ||
        notes_enter(&w->d->notes, &in, &diag) != BERTH_OK)
        abort();
    atomic_fetch_sub(w->going, 1);
    while (atomic_load(w->going) != 0)
        sched_yield();
    for (unsigned i = 0; i < 50; i++) {
        notes_result_u32_string result;
        notes_desk_draft draft;
        berth_string text;

        TAKE_TURN();
        if (notes_desk_draft_new(&in, arena, string_of("new"), &draft, &diag) != BERTH_OK ||
            notes_desk_draft_write(&in, arena, lend(draft), string_of("line"), &result,
                                   &diag) != BERTH_OK ||
            notes_desk_draft_finish(&in, arena, draft, &text, &diag) != BERTH_OK)
            abort();
        GIVE_TURN();
        w->done += text.size == 5;
        berth_arena_reset(arena);
    }
    notes_leave(&in);
    berth_arena_destroy(arena);
    return NULL;
}

static void threads_share_the_instance_of_a_native_plugin_and_its_objects(void **state)
{
    enum { THREADS = 3 };
    worker workers[THREADS];
    atomic_uint going = THREADS;
    desk d;

    for (unsigned b = 0; b < BUILDS; b += 2) {
        atomic_store(&going, THREADS);
        open_desk(&d, *state, builds[b], NULL);
        for (unsigned i = 0; i < THREADS; i++) {
            workers[i] = (worker){ .d = &d, .going = &going };
            assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
        }
        for (unsigned i = 0; i < THREADS; i++) {
            pthread_join(workers[i].thread, NULL);
            assert_int_equal(workers[i].done, 50);
        }
        assert_int_equal(atomic_load(&d.store->made), THREADS * 50);
        assert_int_equal(atomic_load(&d.store->destroyed), THREADS * 50);
        close_desk(&d);
    }
}

static void a_session_without_memory_leaves_nothing_behind(void **state)
{
    desk d;
    notes_slot in;
    unsigned failed = 0;

    open_desk(&d, *state, builds[0], NULL);
    for (unsigned n = 0; n < 200; n++) {
        berth_status status;

        memory_fail(&d.r->memory, n, false);
        status = notes_enter(&d.notes, &in, &d.r->diag);
        memory_fail(&d.r->memory, MEMORY_NEVER, false);
        if (status == BERTH_OK) {
            notes_leave(&in);
            break;
        }
        assert_int_equal(status, BERTH_E_NOMEM);
        failed++;
    }
    assert_true(failed >= 2 && failed < 200);
    in = enter(&d);
    assert_int_equal(drafts(&d, &in), 0);
    notes_leave(&in);
    close_desk(&d);
}

typedef struct newcomer {
    slot_rig *r;
    berth_slot *slot;
    berth_status opened, evaluated;
    berth_diag why_not_opened, why_not_evaluated;
} newcomer;

/* Of a thread that has no call record yet, and gets none. */
static void *come(void *arg)
{
    newcomer *n = arg;
    berth_session *session;
    berth_arena *arena;
    berth_call call = BERTH_CALL_INIT;
    const char *text;

    if (berth_arena_create(NULL, 0, &arena, NULL) != BERTH_OK)
        abort();
    call.arena = arena;
    memory_fail(&n->r->memory, 1, false); /* the first is the session's own */
    n->opened = berth_session_open(n->slot, &session, &n->why_not_opened);
    memory_fail(&n->r->memory, 0, false);
    n->evaluated = berth_slot_evaluate(n->slot, "f()", &call, BERTH_TEXT_WAVE, &text,
                                       &n->why_not_evaluated);
    memory_fail(&n->r->memory, MEMORY_NEVER, false);
    berth_arena_destroy(arena);
    return NULL;
}

static void who_gets_no_call_record_is_not_told_that_there_is_no_plugin(void **state)
{
    newcomer n = { .r = *state, .slot = slot_rig_open(*state, "there", NULL) };
    pthread_t thread;

    (void)slot_rig_install_answering(n.r, n.slot, 7);
    assert_int_equal(pthread_create(&thread, NULL, come, &n), 0);
    pthread_join(thread, NULL);
    assert_int_equal(n.opened, BERTH_E_NOMEM);
    assert_int_equal(n.evaluated, BERTH_E_NOMEM);
    assert_non_null(strstr(n.why_not_opened.text, "no call record"));
    assert_non_null(strstr(n.why_not_evaluated.text, "no call record"));
}

static void misuse_of_a_session_is_refused(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "empty", NULL);
    berth_session *session = NULL;

    slot_rig_check(r, berth_session_open(slot, &session, &r->diag), BERTH_E_ABSENT,
                   BERTH_REASON_NONE, "has no plugin");
    slot_rig_check(r, berth_session_open(slot, NULL, &r->diag), BERTH_E_INVALID,
                   BERTH_REASON_NONE, "");
    (void)slot_rig_install_answering(r, slot, 7);
    slot_rig_check(r, berth_session_open(slot, &session, &r->diag), BERTH_E_ABSENT,
                   BERTH_REASON_NONE, "has hooks and no objects");
    berth_session_close(NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(objects_of_a_plugin_live_in_a_session),
        slot_test(no_object_ends_behind_the_runtime),
        slot_test(what_a_plugin_holds_at_its_end_is_destroyed_once),
        slot_test(handles_are_values_in_a_session),
        slot_test(handles_are_refused_outside_of_a_session),
        slot_test(a_handle_that_is_none_is_refused_and_harms_nobody),
        slot_test(a_session_outlives_the_swap_of_its_version),
        slot_test(a_broken_instance_is_the_sessions_and_no_other),
        slot_test(sessions_are_bounded_by_the_instances_of_a_version),
        slot_test(calls_of_sessions_are_counted_like_others),
        slot_test(what_the_host_says_reaches_the_caller_of_a_native_plugin),
        slot_test(a_native_plugin_whose_import_is_missing_is_not_opened),
        slot_test(threads_share_the_instance_of_a_native_plugin_and_its_objects),
        slot_test(a_session_without_memory_leaves_nothing_behind),
        slot_test(who_gets_no_call_record_is_not_told_that_there_is_no_plugin),
        slot_test(misuse_of_a_session_is_refused),
    };

    return slot_rig_run("sessions", tests, sizeof tests / sizeof *tests);
}
