/* polyplug_test_inside.c - plugins of polyplug: their instances, what they ask of each other and of the host, and
 * what is told of them.  Public headers only. */
#include "polyplug_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/invoke.h>

#include "guests.h"

/* ---------------------------------------------------------------- instances */

static berth_polyplug_instance make(polyplug_rig *t, const char *text)
{
    berth_polyplug_instance instance = pp_none();

    t->host->create_guest_instance(t->host, pp_resolve(t, PP_RELOAD), text, &instance);
    return instance;
}

static void check_text(polyplug_rig *t, berth_polyplug_instance instance, const char *text)
{
    const berth_polyplug_interface *c = pp_resolve(t, PP_RELOAD);
    berth_polyplug_error error = { 0 };
    berth_polyplug_text out = { 0 };

    c->dispatch.vm.call(c->dispatch.vm.loader_data, instance, PP_TEXT, NULL, &out, NULL,
                        &error);
    assert_int_equal(error.code, BERTH_POLYPLUG_OK);
    assert_int_equal(out.len, strlen(text));
    assert_memory_equal(out.ptr, text, out.len);
}

void an_instance_has_its_own_state(void **state)
{
    const berth_polyplug_interface *c;
    berth_polyplug_instance a, b, none;
    polyplug_rig t;

    pp_start(&t, *state, NULL);
    pp_put_reload(&t, "v1", "pp_v1");
    pp_must_load(&t, "v1");
    c = pp_resolve(&t, PP_RELOAD);
    a = make(&t, "first");
    b = make(&t, "second");
    none = make(&t, NULL); /* the plugin makes none of nothing */
    assert_non_null(a.data);
    assert_int_equal(a.contract_id, c->contract_id);
    assert_null(none.data);
    assert_int_equal(pp_call(c, a, PP_NEXT, NULL), 1);
    assert_int_equal(pp_call(c, a, PP_NEXT, NULL), 2);
    assert_int_equal(pp_call(c, b, PP_NEXT, NULL), 1);
    assert_int_equal(pp_call(c, none, PP_NEXT, NULL), PP_FAILED(300));
    check_text(&t, a, "first");
    check_text(&t, b, "second");
    t.host->destroy_guest_instance(t.host, c, a);
    assert_int_equal(pp_call(c, b, PP_NEXT, NULL), 2);
    pp_end(&t); /* ends the other one */
}

void an_instance_that_has_ended_is_known_for_it(void **state)
{
    const berth_polyplug_interface *c;
    berth_polyplug_instance gone, wild, next;
    polyplug_rig t;

    pp_start(&t, *state, NULL);
    pp_put_reload(&t, "v1", "pp_v1");
    pp_must_load(&t, "v1");
    c = pp_resolve(&t, PP_RELOAD);
    gone = make(&t, "x");
    t.host->destroy_guest_instance(t.host, c, gone);
    t.host->destroy_guest_instance(t.host, c, gone); /* twice is once */
    assert_int_equal(pp_call(c, gone, PP_NEXT, NULL),
                     PP_FAILED(BERTH_POLYPLUG_INVALID_POINTER));
    next = make(&t, "y"); /* in the same place */
    assert_int_equal(pp_call(c, gone, PP_NEXT, NULL),
                     PP_FAILED(BERTH_POLYPLUG_INVALID_POINTER));
    assert_int_equal(pp_call(c, next, PP_NEXT, NULL), 1);
    wild = (berth_polyplug_instance){ &wild, c->contract_id };
    assert_int_equal(pp_call(c, wild, PP_NEXT, NULL),
                     PP_FAILED(BERTH_POLYPLUG_INVALID_POINTER));
    t.host->destroy_guest_instance(t.host, c, wild);
    pp_end(&t);
}

/* State is neither lost nor called with another version's code. */
void an_instance_stays_in_the_version_that_made_it(void **state)
{
    const berth_polyplug_interface *c;
    berth_polyplug_instance old, new;
    polyplug_rig t;

    pp_start(&t, *state, NULL);
    pp_put_reload(&t, "v1", "pp_v1");
    pp_put_reload(&t, "v2", "pp_v2");
    pp_must_load(&t, "v1");
    c = pp_resolve(&t, PP_RELOAD);
    old = make(&t, "old");
    assert_int_equal(pp_call(c, old, PP_NEXT, NULL), 1);
    pp_must_reload(&t, "v2");
    assert_non_null(strstr(t.warnings, "reload_plugin_v1: 1 instances are alive"));
    new = make(&t, "new");
    for (unsigned i = 0; i < 3; i++) /* what is kept for a rollback goes, and it does not */
        pp_must_reload(&t, "v2");
    assert_int_equal(pp_call(c, old, PP_NEXT, NULL), 2);
    assert_int_equal(pp_call(c, old, PP_VALUE, NULL), 100);
    assert_int_equal(pp_call(c, new, PP_VALUE, NULL), 200);
    assert_int_equal(pp_call(c, pp_none(), PP_VALUE, NULL), 200);
    check_text(&t, old, "old");
    assert_int_equal(berth_bundles_unload(t.bundles, "reload_plugin_v1", 0, NULL), BERTH_OK);
    assert_int_equal(pp_call(c, pp_none(), PP_VALUE, NULL), PP_NOT_FOUND);
    assert_int_equal(pp_call(c, old, PP_NEXT, NULL), 3);
    slot_rig_wait_until(slot_rig_runtime_stats(t.r).natives_open == 2);
    t.host->destroy_guest_instance(t.host, c, old);
    t.host->destroy_guest_instance(t.host, c, new);
    slot_rig_wait_until(pp_settle(&t).natives_open == 0); /* with its last one each is gone */
    assert_int_equal(pp_settle(&t).natives_kept, 0);
    pp_end(&t);
}

/* ---------------------------------------------------------------- plugins that need plugins */

#define NEEDS_PEER                                                                             \
    "[[dependency]]\nkind = \"contract\"\ncontract = \"peer.test\"\nmin_version = \"1.0\"\n"

void a_plugin_calls_what_it_declared(void **state)
{
    const uint64_t peer = berth_polyplug_id(PP_PEER), second = berth_polyplug_id(PP_SECOND);
    const berth_polyplug_interface *c;
    polyplug_rig t;

    pp_start(&t, *state, NULL);
    pp_put(&t, "all/a", "user", "pp_listens", "\"reload.test@1\"", NEEDS_PEER);
    pp_put(&t, "all/b", "giver", "pp_peer", "\"peer.test@1\"", "");
    pp_put(&t, "all/c", "another", "pp_second", "\"reload.test@1\", \"test.second@1\"", "");
    pp_must_load(&t, "all");
    for (const char *const *name = (const char *const[]){ "user", NULL }; *name != NULL;
         name++) {
        berth_slot *slot;
        uint32_t seen = 0, answer = 0;

        assert_int_equal(berth_slot_find(t.r->runtime, NULL, *name, &slot), BERTH_OK);
        assert_int_equal(
            berth_polyplug_call(slot, berth_polyplug_id(PP_RELOAD), PP_SEEN, NULL, &seen, NULL),
            BERTH_OK);
        /* In init: what it declared, not what it did not; it could call it; one dependency. */
        assert_int_equal(seen, 1 | 7 << 2 | 1 << 16);
        assert_int_equal(berth_polyplug_call(slot, berth_polyplug_id(PP_RELOAD), PP_CALL_PEER,
                                             &peer, &answer, &t.r->diag),
                         BERTH_OK);
        assert_int_equal(answer, 7);
        /* Afterwards it finds what there is. */
        assert_int_equal(berth_polyplug_call(slot, berth_polyplug_id(PP_RELOAD), PP_CALL_PEER,
                                             &second, &answer, &t.r->diag),
                         BERTH_OK);
        assert_int_equal(answer, 100);
        berth_slot_release(slot);
    }
    c = pp_resolve(&t, PP_PEER);
    assert_int_equal(pp_table_of(&t, PP_PEER)->get_dependencies(pp_table_of(&t, PP_PEER)).len,
                     0);
    assert_int_equal(pp_call(c, pp_none(), PP_CALL_PEER, &second), 100);
    pp_end(&t);
}

void what_others_need_is_not_unloaded(void **state)
{
    polyplug_rig t;

    pp_start(&t, *state, NULL);
    pp_put(&t, "all/a", "user_b", "pp_v1", "\"reload.test@1\"", NEEDS_PEER);
    pp_put(&t, "all/b", "user_a", "pp_v2", "\"reload.test@1\"", NEEDS_PEER);
    pp_put(&t, "all/c", "giver", "pp_peer", "\"peer.test@1\"", "");
    pp_must_load(&t, "all");
    pp_check(&t, berth_bundles_unload(t.bundles, "giver", 0, &t.r->diag), BERTH_E_STATE,
             "giver is required by user_a, user_b; unload those first");
    assert_int_equal(pp_value(&t, PP_PEER), 7);
    assert_int_equal(berth_bundles_unload(t.bundles, "giver", BERTH_UNLOAD_CASCADE, &t.r->diag),
                     BERTH_OK);
    assert_int_equal(t.host->list_bundles(t.host).len, 0);
    pp_end(&t);
}

void what_a_bundle_needs_has_to_be_there_and_in_no_circle(void **state)
{
    polyplug_rig t;

    pp_start(&t, *state, NULL);
    pp_put(&t, "lone", "lone", "pp_v1", "\"reload.test@1\"", NEEDS_PEER);
    pp_check(&t, pp_load(&t, "lone"), BERTH_E_REJECTED, "lone 1.0.0 requires peer.test@1.0.0");
    pp_put(&t, "low/a", "low", "pp_v1", "\"reload.test@1\"",
           "[[dependency]]\nkind = \"contract\"\ncontract = \"peer.test\"\n"
           "min_version = \"1.1\"\n");
    pp_put(&t, "low/b", "giver", "pp_peer", "\"peer.test@1.0\"", "");
    pp_check(&t, pp_load(&t, "low"), BERTH_E_REJECTED, "requires peer.test@1.1.0");
    pp_put(&t, "ring/a", "one", "pp_v1", "\"reload.test@1\"", NEEDS_PEER);
    pp_put(&t, "ring/b", "two", "pp_peer", "\"peer.test@1\"",
           "[[dependency]]\nkind = \"contract\"\ncontract = \"reload.test\"\n"
           "min_version = \"1.0\"\n");
    pp_check(&t, pp_load(&t, "ring"), BERTH_E_REJECTED, "cycle");
    assert_int_equal(pp_settle(&t).natives_opened, 0);
    pp_end(&t);
}

void dependents_follow_a_reload_when_they_ask_for_it(void **state)
{
    polyplug_rig t;

    pp_start(&t, *state, NULL);
    pp_put(&t, "all/a", "follows", "pp_v1", "\"reload.test@1\"",
           "needs_reinit_on_dep_reload = true\n" NEEDS_PEER);
    pp_put(&t, "all/b", "stays", "pp_v1", "\"reload.test@1\"", NEEDS_PEER);
    pp_put(&t, "all/c", "giver", "pp_peer", "\"peer.test@1\"", "");
    pp_put(&t, "new", "giver", "pp_peer2", "\"peer.test@1\"", "");
    pp_must_load(&t, "all");
    atomic_store(&t.reloaded_count, 0);
    pp_must_reload(&t, "new");
    assert_int_equal(atomic_load(&t.reloaded_count), 2);
    assert_string_equal(t.reloaded, "follows"); /* behind what it needs */
    assert_int_equal(pp_value(&t, PP_PEER), 8);
    /* A follower that fails keeps all as it was. */
    pp_put(&t, "all/a", "follows", "pp_register_fails", "\"reload.test@1\"",
           "needs_reinit_on_dep_reload = true\n" NEEDS_PEER);
    pp_put(&t, "new", "giver", "pp_peer", "\"peer.test@1\"", "");
    pp_check(&t, pp_reload(&t, "new"), BERTH_E_PLUGIN, "it changed its mind");
    assert_int_equal(pp_value(&t, PP_PEER), 8);
    pp_end(&t);
}

void a_kept_stand_in_calls_whoever_serves_now(void **state)
{
    const uint64_t peer = berth_polyplug_id(PP_PEER);
    const berth_polyplug_interface *c;
    polyplug_rig t;

    pp_start(&t, *state, NULL);
    pp_put(&t, "all/a", "user", "pp_v1", "\"reload.test@1\"", NEEDS_PEER);
    pp_put(&t, "all/b", "giver", "pp_peer", "\"peer.test@1\"", "");
    pp_put(&t, "new", "giver", "pp_peer2", "\"peer.test@1\"", "");
    pp_must_load(&t, "all");
    c = pp_resolve(&t, PP_RELOAD);
    assert_int_equal(pp_call(c, pp_none(), PP_CALL_PEER, &peer), 7);
    pp_must_reload(&t, "new");
    assert_int_equal(pp_call(c, pp_none(), PP_CALL_PEER, &peer), 8);
    pp_end(&t);
}

/* ---------------------------------------------------------------- what a plugin may ask for */

static berth_polyplug_error error_of(void (*change)(const berth_polyplug_host *, const char *,
                                                    size_t, berth_polyplug_error *),
                                     const berth_polyplug_host *host, const char *path)
{
    berth_polyplug_error error = { 99, { NULL, 0 } };

    change(host, path, path == NULL ? 5 : strlen(path), &error);
    return error;
}

void the_table_loads_reloads_and_unloads(void **state)
{
    const uint64_t id = UINT64_C(16808897324254478442);
    const berth_polyplug_host *h;
    berth_polyplug_error error;
    polyplug_rig t;
    char text[256];

    pp_start(&t, *state, NULL);
    pp_put_reload(&t, "v1", "pp_v1");
    pp_put_reload(&t, "v2", "pp_v2");
    h = t.host;
    assert_int_equal(error_of(h->load_bundle, h, bundle_folder_at(&t.folder, "v1")).code, 0);
    assert_int_equal(pp_value(&t, PP_RELOAD), 100);
    h = pp_table_of(&t, PP_RELOAD); /* a plugin may do so too */
    assert_int_equal(
        error_of(h->reload_bundle, h, bundle_folder_at(&t.folder, "v2/it.so")).code, 0);
    assert_int_equal(pp_value(&t, PP_RELOAD), 200);
    error = error_of(t.host->load_bundle, t.host, bundle_folder_at(&t.folder, "nowhere"));
    assert_int_not_equal(error.code, 0);
    assert_true(error.message.len > 0);
    text[t.host->get_last_error(t.host, text, sizeof text - 1)] = '\0';
    assert_non_null(strstr(text, "nowhere"));
    assert_int_equal(error_of(t.host->load_bundle, t.host, NULL).code,
                     BERTH_POLYPLUG_INVALID_POINTER);
    assert_int_equal(error_of(t.host->load_bundle, t.host, "\xff\xfe").code,
                     BERTH_POLYPLUG_INVALID_POINTER);
    assert_int_equal(error_of(t.host->reload_bundle, t.host, "").code,
                     BERTH_POLYPLUG_INVALID_POINTER);
    t.host->unload_bundle(t.host, 5, &error);
    assert_int_equal(error.code, BERTH_POLYPLUG_NOT_FOUND);
    t.host->unload_bundle(t.host, id, &error);
    assert_int_equal(error.code, BERTH_POLYPLUG_OK);
    assert_int_equal(pp_value(&t, PP_RELOAD), PP_NOT_FOUND);
    t.host->unload_bundle(t.host, id, &error);
    assert_int_equal(error.code, BERTH_POLYPLUG_NOT_FOUND);
    t.host->register_loader(t.host, text, &error);
    assert_int_equal(error.code, BERTH_POLYPLUG_GENERIC);
    t.host->register_guest_contract(t.host, NULL, NULL, &error);
    assert_int_equal(error.code, BERTH_POLYPLUG_INVALID_POINTER);
    pp_end(&t);
}

void memory_comes_as_it_is_asked_for(void **state)
{
    polyplug_rig t;

    pp_start(&t, *state, NULL);
    for (size_t align = 1; align <= 4096; align *= 2)
        for (size_t size = 1; size <= 5000; size = size * 3 + 1) {
            void *memory = t.host->alloc(t.host, size, align);

            assert_non_null(memory);
            assert_int_equal((uintptr_t)memory % align, 0);
            memset(memory, 7, size);
            t.host->free(t.host, memory, size, align);
        }
    assert_null(t.host->alloc(t.host, 0, 8));
    assert_null(t.host->alloc(t.host, 8, 0));
    assert_null(t.host->alloc(t.host, 8, 3));
    assert_null(t.host->alloc(t.host, SIZE_MAX, 8));
    t.host->free(t.host, NULL, 8, 8);
    t.host->free(t.host, &t, 0, 8);
    pp_end(&t);
}

/* Whatever is NULL, and whoever's numbers they are. */
void nothing_is_taken_for_something(void **state)
{
    const berth_polyplug_interface own = { .dispatch_type = BERTH_POLYPLUG_VM };
    const berth_polyplug_handle handle = { 0, 0 };
    berth_polyplug_error error = { 0 };
    berth_polyplug_instance instance = { &error, 7 };
    polyplug_rig t;

    pp_start(&t, *state, NULL);
    assert_int_equal(t.host->find_guest_contract(NULL, 1, 0).index, UINT32_MAX);
    assert_int_equal(t.host->find_all_guest_contracts(NULL, 1, 0).len, 0);
    assert_null(t.host->resolve_guest_contract(NULL, handle));
    assert_null(t.host->get_host_contract(NULL, 1, 0));
    assert_null(t.host->resolve_host_contract_interface(NULL, 1, 0));
    assert_int_equal(t.host->list_bundles(NULL).len, 0);
    assert_int_equal(t.host->get_dependencies(NULL).len, 0);
    t.host->load_bundle(NULL, "x", 1, &error);
    assert_int_equal(error.code, BERTH_POLYPLUG_INVALID_POINTER);
    t.host->unload_bundle(NULL, 1, NULL);
    t.host->register_host_contract(NULL, NULL, NULL);
    t.host->register_guest_contract(NULL, NULL, NULL, NULL);
    t.host->register_loader(NULL, NULL, NULL);
    assert_int_equal(t.host->get_last_error(NULL, NULL, 0), 0);
    assert_int_equal(t.host->get_last_error(t.host, NULL, 5), 0);
    assert_int_equal(t.host->get_error_len(NULL), 0);
    t.host->log(NULL, 1, (berth_polyplug_text){ NULL, 0 }, (berth_polyplug_text){ NULL, 0 });
    t.host->log(t.host, 99, (berth_polyplug_text){ NULL, 5 }, (berth_polyplug_text){ NULL, 5 });
    t.host->create_guest_instance(t.host, NULL, NULL, &instance);
    assert_null(instance.data);
    t.host->create_guest_instance(t.host, &own, NULL, &instance);
    assert_null(instance.data);
    t.host->create_guest_instance(t.host, NULL, NULL, NULL);
    t.host->destroy_guest_instance(t.host, &own, instance);
    t.host->destroy_guest_instance(NULL, NULL, instance);
    assert_null(berth_bundles_polyplug(NULL));
    assert_int_equal(berth_polyplug_id(NULL), 0);
    pp_end(&t);
}

/* ---------------------------------------------------------------- services of the host */

typedef struct service {
    berth_polyplug_host_contract contract; /* first */
    const berth_polyplug_host *host;
    unsigned made, ended;
    bool gives_nothing;
    uint64_t asks_for; /* another one, while it makes one */
} service;

static void make_service(const berth_polyplug_host_contract *contract, const void *args,
                         void **instance_out)
{
    service *s = contract->user_data;

    (void)args;
    s->made++;
    if (s->asks_for != 0)
        (void)s->host->get_host_contract(s->host, s->asks_for, 0);
    *instance_out = s->gives_nothing ? NULL : s;
}

static void end_service(const berth_polyplug_host_contract *contract, void *instance)
{
    (void)instance;
    ((service *)contract->user_data)->ended++;
}

static void offer(polyplug_rig *t, service *s, uint64_t id, uint32_t major, uint32_t minor,
                  bool is_single, uint32_t expected)
{
    berth_polyplug_error error = { 0 };

    s->contract = (berth_polyplug_host_contract){ .contract_id = id,
                                                  .contract_version = { major, minor, 0 },
                                                  .singleton = is_single,
                                                  .user_data = s,
                                                  .create_instance = make_service,
                                                  .destroy_instance = end_service };
    s->host = t->host;
    t->host->register_host_contract(t->host, &s->contract, &error);
    assert_int_equal(error.code, expected);
}

void services_are_found_by_version(void **state)
{
    static const struct {
        uint32_t major, minor, asked;
        bool is_enough;
    } cases[] = {
        { 1, 5, 1 << 16 | 5, true },
        { 2, 10, 2 << 16 | 5, true },
        { 1, 3, 1 << 16 | 5, false },
        { 1, 0, 2 << 16 | 0, false },
        { 3, 7, 0, true },
        { 2, 0, 1 << 16, false },
    };
    service services[6] = { 0 };
    polyplug_rig t;

    pp_start(&t, *state, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        offer(&t, &services[i], 100 + i, cases[i].major, cases[i].minor, false, 0);
        assert_int_equal(t.host->get_host_contract(t.host, 100 + i, cases[i].asked) != NULL,
                         cases[i].is_enough);
        assert_int_equal(
            t.host->resolve_host_contract_interface(t.host, 100 + i, cases[i].asked) != NULL,
            cases[i].is_enough);
    }
    assert_null(t.host->get_host_contract(t.host, 5, 0));
    offer(&t, &services[0], 101, 1, 0, false, BERTH_POLYPLUG_DUPLICATE);
    pp_end(&t);
}

void a_service_for_all_is_made_once_and_nothing_is_not_kept(void **state)
{
    service one = { 0 }, many = { 0 }, ring = { 0 };
    polyplug_rig t;

    pp_start(&t, *state, NULL);
    one.gives_nothing = true;
    offer(&t, &one, 1, 1, 0, true, 0);
    assert_null(t.host->get_host_contract(t.host, 1, 0));
    one.gives_nothing = false;
    assert_ptr_equal(t.host->get_host_contract(t.host, 1, 0), &one);
    assert_ptr_equal(t.host->get_host_contract(t.host, 1, 0), &one);
    assert_int_equal(one.made, 2);
    offer(&t, &many, 2, 1, 0, false, 0);
    for (unsigned i = 1; i <= 3; i++) {
        assert_non_null(t.host->get_host_contract(t.host, 2, 0));
        assert_int_equal(many.made, i);
    }
    ring.asks_for = 3; /* itself: no deadlock */
    offer(&t, &ring, 3, 1, 0, true, 0);
    assert_ptr_equal(t.host->get_host_contract(t.host, 3, 0), &ring);
    assert_int_equal(ring.made, 1);
    pp_put_reload(&t, "v1", "pp_v1");
    pp_must_load(&t, "v1");
    assert_ptr_equal(
        pp_table_of(&t, PP_RELOAD)->get_host_contract(pp_table_of(&t, PP_RELOAD), 1, 0), &one);
    pp_end(&t);
    assert_int_equal(one.ended, 1);
    assert_int_equal(ring.ended, 1);
}

/* ---------------------------------------------------------------- what is told */

typedef struct told {
    atomic_uint logs, abandoned, overdue, misnamed;
    const char *awaited; /* the function whose being overdue is counted */
    char text[512];
} told;

static void tell(void *ctx, const berth_report *report)
{
    told *all = ctx;

    if (report->kind == BERTH_REPORT_LOG)
        atomic_fetch_add(&all->logs, 1);
    if (report->kind != BERTH_REPORT_OVERDUE)
        snprintf(all->text, sizeof all->text, "%s: %s", report->plugin, report->text);
    if (report->kind == BERTH_REPORT_ABANDONED)
        atomic_fetch_add(&all->abandoned, 1);
    /* On a busy machine others may be overdue, too. */
    if (report->kind == BERTH_REPORT_OVERDUE && all->awaited != NULL)
        atomic_fetch_add(
            strcmp(report->function, all->awaited) == 0 ? &all->overdue : &all->misnamed, 1);
}

static void listen(slot_rig *r, told *all)
{
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;

    memset(all, 0, sizeof *all);
    options.reporter = tell;
    options.reporter_ctx = all;
    slot_rig_restart(r, options);
}

static void unlisten(slot_rig *r)
{
    slot_rig_restart(r, (berth_runtime_options)BERTH_RUNTIME_OPTIONS_INIT);
}

void what_a_plugin_says_is_handed_on_as_its_own(void **state)
{
    const berth_polyplug_text scope = { "guest.test", 10 }, message = { "it is\nhere", 10 };
    polyplug_rig t;
    told all;

    listen(*state, &all);
    pp_start(&t, *state, NULL);
    pp_put_reload(&t, "v1", "pp_v1");
    pp_must_load(&t, "v1");
    pp_table_of(&t, PP_RELOAD)->log(pp_table_of(&t, PP_RELOAD), 2, scope, message);
    assert_string_equal(all.text, "reload_plugin_v1: guest.test: it is\\x0ahere");
    t.host->destroy_guest_instance(t.host, pp_resolve(&t, PP_RELOAD), make(&t, "x"));
    assert_string_equal(all.text, "reload_plugin_v1: guest.test: an instance ends");
    assert_int_equal(atomic_load(&all.logs), 2);
    pp_end(&t);
    unlisten(*state);
}

/* I10: nobody knows when its threads are gone. */
void what_may_run_on_stays_mapped_and_is_counted(void **state)
{
    berth_runtime_stats stats;
    polyplug_rig t;
    told all;

    listen(*state, &all);
    pp_start(&t, *state, NULL);
    pp_put_reload(&t, "v", "pp_thread");
    pp_must_load(&t, "v");
    assert_int_equal(pp_value(&t, PP_RELOAD), 100);
    /* The same when it is refused after it ran. */
    pp_put(&t, "bad", "other", "pp_thread", "\"another.test@1\"", "");
    assert_int_equal(pp_load(&t, "bad"), BERTH_E_REJECTED);
    assert_int_equal(atomic_load(&all.abandoned), 1);
    assert_int_equal(berth_bundles_unload(t.bundles, "reload_plugin_v1", 0, NULL), BERTH_OK);
    stats = pp_settle(&t);
    assert_int_equal(stats.natives_abandoned, 2);
    assert_int_equal(stats.natives_unmapped, 0);
    slot_rig_wait_until(atomic_load(&all.abandoned) == 2);
    assert_non_null(strstr(all.text, "it asks for `pthread_create`"));
    pp_end(&t);
    unlisten(*state);
}

typedef struct holding {
    const berth_polyplug_interface *c;
    berth_polyplug_instance instance;
    atomic_int flags[2]; /* it is inside; it may go */
    bool is_late;
    uint32_t answer;
} holding;

static _Thread_local bool is_late; /* late_alloc() takes its time on this thread */

static void *hold(void *arg)
{
    holding *h = arg;
    atomic_int *flags = h->flags;

    is_late = h->is_late;
    h->answer = pp_call(h->c, h->instance, PP_HOLD, &flags);
    return NULL;
}

void a_call_that_takes_too_long_is_told_by_its_contract(void **state)
{
    berth_bundles_options options = BERTH_BUNDLES_OPTIONS_INIT;
    berth_slot_options slot = BERTH_SLOT_OPTIONS_INIT;
    holding h = { .flags = { 0 } };
    polyplug_rig t;
    pthread_t thread;
    told all;

    listen(*state, &all);
    all.awaited = "reload.test@1";
    slot.deadline_ns = 10 * MS;
    options.slot = &slot;
    pp_start(&t, *state, &options);
    pp_put_reload(&t, "v1", "pp_v1");
    pp_put_reload(&t, "v2", "pp_v2");
    pp_must_load(&t, "v1");
    h.c = pp_resolve(&t, PP_RELOAD);
    assert_int_equal(pthread_create(&thread, NULL, hold, &h), 0);
    slot_rig_wait_until(atomic_load(&all.overdue) != 0);
    /* It holds back its own version and nothing else. */
    pp_must_reload(&t, "v2");
    pp_must_reload(&t, "v2");
    assert_int_equal(slot_rig_runtime_stats(t.r).natives_unmapped, 0);
    atomic_store(&h.flags[1], 1);
    pthread_join(thread, NULL);
    assert_int_equal(h.answer & ~0xffu, 0);
    slot_rig_wait_until(slot_rig_runtime_stats(t.r).natives_unmapped >= 1);
    pp_end(&t);
    unlisten(*state);
}

typedef struct late {
    berth_allocator own;
    told *all;
} late;

static void *late_alloc(void *ctx, size_t size)
{
    late *l = ctx;

    for (unsigned ms = 0; is_late && ms < 60 && atomic_load(&l->all->misnamed) == 0; ms++)
        slot_rig_sleep_ms(1);
    return l->own.alloc(l->own.ctx, size);
}

static void late_free(void *ctx, void *memory, size_t size)
{
    late *l = ctx;

    l->own.free(l->own.ctx, memory, size);
}

/* As on a busy machine: the thread has its pin, waits for memory, and has not yet said what it calls. */
void a_call_that_is_told_before_it_has_a_name_is_told_again(void **state)
{
    berth_bundles_options options = BERTH_BUNDLES_OPTIONS_INIT;
    berth_slot_options slot = BERTH_SLOT_OPTIONS_INIT;
    slot_rig *r = *state;
    holding h = { .flags = { 0 }, .is_late = true };
    polyplug_rig t;
    pthread_t thread;
    told all;
    late l = { r->allocator, &all };

    r->allocator = (berth_allocator){ &l, late_alloc, late_free };
    listen(r, &all);
    all.awaited = "reload.test@1";
    slot.deadline_ns = 10 * MS;
    options.slot = &slot;
    pp_start(&t, r, &options);
    pp_put_reload(&t, "v1", "pp_v1");
    pp_must_load(&t, "v1");
    h.c = pp_resolve(&t, PP_RELOAD);
    assert_int_equal(pthread_create(&thread, NULL, hold, &h), 0);
    slot_rig_wait_until(atomic_load(&all.overdue) != 0);
    atomic_store(&h.flags[1], 1);
    pthread_join(thread, NULL);
    pp_end(&t);
    r->allocator = l.own;
    unlisten(r);
}

/* What a thread called last is known to it, and found without looking: between the two calls of one function
 * it calls another plugin. */
typedef struct between {
    berth_slot *slot;
    berth_call call;
    const berth_polyplug_interface *c;
    atomic_int gate[2]; /* how many are inside; whether they may go */
    berth_status status;
} between;

static void *call_between(void *arg)
{
    between *b = arg;
    const uint64_t none = 0, address = (uint64_t)(uintptr_t)b->gate;
    uint32_t result;

    if (berth_arena_create(NULL, 0, &b->call.arena, NULL) != BERTH_OK)
        abort();
    for (int i = 0; i < 2; i++)
        if (berth_slot_invoke(b->slot, &none, &result, &b->call, NULL) != BERTH_OK ||
            pp_call(b->c, pp_none(), PP_VALUE, NULL) != 100)
            abort();
    b->status = berth_slot_invoke(b->slot, &address, &result, &b->call, NULL);
    berth_arena_destroy(b->call.arena);
    return NULL;
}

void what_a_thread_called_in_between_is_not_told_for_it(void **state)
{
    static const char *const names[] = { "test:calc/math@1.2.0#add",
                                         "test:calc/math@1.2.0#hold" };
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    between b = { .call = BERTH_CALL_INIT, .status = BERTH_E_ABSENT };
    berth_func func = BERTH_FUNC_INIT;
    polyplug_rig t;
    pthread_t thread;
    uint8_t *bytes;
    size_t size;
    told all;

    listen(*state, &all);
    all.awaited = names[1];
    pp_start(&t, *state, NULL);
    pp_put_reload(&t, "v1", "pp_v1");
    pp_must_load(&t, "v1");
    b.c = pp_resolve(&t, PP_RELOAD);
    options.deadline_ns = 10 * MS;
    b.slot = slot_rig_open(t.r, "calc", &options);
    bytes = plugin_file_read("calc_v1", &size);
    assert_int_equal(slot_rig_try_install(t.r, b.slot, bytes, size), BERTH_OK);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(berth_slot_func(b.slot, names[i], NULL, &func, &t.r->diag), BERTH_OK);
    b.call.hook = func.number;
    assert_int_equal(pthread_create(&thread, NULL, call_between, &b), 0);
    slot_rig_wait_until(atomic_load(&all.overdue) != 0 && atomic_load(&b.gate[0]) == 1);
    atomic_store(&b.gate[1], 1);
    pthread_join(thread, NULL);
    assert_int_equal(b.status, BERTH_OK);
    pp_end(&t);
    unlisten(*state);
}

void an_instance_that_is_used_ends_behind_its_last_call(void **state)
{
    holding h = { .flags = { 0 } };
    polyplug_rig t;
    pthread_t thread;
    told all;

    listen(*state, &all);
    pp_start(&t, *state, NULL);
    pp_put_reload(&t, "v1", "pp_v1");
    pp_must_load(&t, "v1");
    h.c = pp_resolve(&t, PP_RELOAD);
    h.instance = make(&t, "x");
    assert_int_equal(pthread_create(&thread, NULL, hold, &h), 0);
    slot_rig_wait_until(atomic_load(&h.flags[0]) == 1);
    t.host->destroy_guest_instance(t.host, h.c, h.instance);
    assert_int_equal(atomic_load(&all.logs), 0); /* the plugin is told when nobody is in it */
    assert_int_equal(pp_call(h.c, h.instance, PP_NEXT, NULL),
                     PP_FAILED(BERTH_POLYPLUG_INVALID_POINTER));
    atomic_store(&h.flags[1], 1);
    pthread_join(thread, NULL);
    assert_string_equal(all.text, "reload_plugin_v1: guest.test: an instance ends");
    assert_int_equal(atomic_load(&all.logs), 1);
    pp_end(&t);
    unlisten(*state);
}

/* The slot's only place is taken by a call of another instance, and stays so. */
void an_instance_ends_though_there_is_no_place_for_a_call(void **state)
{
    berth_bundles_options options = BERTH_BUNDLES_OPTIONS_INIT;
    berth_slot_options slot = BERTH_SLOT_OPTIONS_INIT;
    holding h = { .instance = pp_none() };
    berth_polyplug_instance instance;
    polyplug_rig t;
    pthread_t thread;
    unsigned logs;
    told all;

    slot.calls_max = 1;
    slot.deadline_ns = 50 * MS; /* to wait for a place */
    slot.probe_deadline_ns = SLOT_RIG_PATIENCE_NS;
    options.slot = &slot;
    listen(*state, &all);
    pp_start(&t, *state, &options);
    pp_put_reload(&t, "v1", "pp_v1");
    pp_must_load(&t, "v1");
    h.c = pp_resolve(&t, PP_RELOAD);
    instance = make(&t, "x");
    assert_int_equal(pthread_create(&thread, NULL, hold, &h), 0);
    slot_rig_wait_until(atomic_load(&h.flags[0]) == 1);
    t.host->destroy_guest_instance(t.host, h.c, instance);
    logs = atomic_load(&all.logs);
    atomic_store(&h.flags[1], 1);
    pthread_join(thread, NULL);
    assert_int_equal(logs, 1);
    assert_string_equal(all.text, "reload_plugin_v1: guest.test: an instance ends");
    pp_end(&t);
    unlisten(*state);
}
