/* polyplug_test.c - native bundles of polyplug: loaded, called, reloaded, unloaded.  Public headers only.
 *
 * What is shown of which of that system's own cases: docs/polyplug.md. */
#include "polyplug_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guests.h"

/* ---------------------------------------------------------------- one bundle */

static void a_bundle_is_loaded_and_called(void **state)
{
    const uint32_t numbers[] = { 20, 22 };
    const berth_polyplug_interface *c;
    berth_slot *slot;
    uint32_t sum = 0;
    polyplug_rig t;

    pp_start(&t, *state, NULL);
    pp_put_reload(&t, "v1", "pp_v1");
    pp_must_load(&t, "v1");
    c = pp_resolve(&t, PP_RELOAD);
    assert_non_null(c);
    assert_int_equal(c->contract_id, berth_polyplug_id(PP_RELOAD));
    assert_int_equal(c->contract_version.major, 1);
    assert_int_equal(pp_call(c, pp_none(), PP_VALUE, NULL), 100);
    assert_int_equal(pp_call(c, pp_none(), PP_ADD, numbers), 42);
    assert_int_equal(pp_call(c, pp_none(), PP_FUNCTIONS, NULL),
                     PP_FAILED(BERTH_POLYPLUG_NO_FUNCTION));
    /* The same by slot, as one finds any bundle. */
    assert_int_equal(berth_bundles_find(t.bundles, "reload.test@1", NULL, &slot, NULL),
                     BERTH_OK);
    assert_int_equal(berth_polyplug_call(slot, c->contract_id, PP_ADD, numbers, &sum, NULL),
                     BERTH_OK);
    assert_int_equal(sum, 42);
    assert_int_equal(slot_rig_stats(slot).calls, 4);
    assert_int_equal(slot_rig_stats(slot).answered, 3);
    berth_slot_release(slot);
    pp_end(&t);
}

static void what_a_call_answers_is_told(void **state)
{
    const uint64_t id = berth_polyplug_id(PP_RELOAD);
    const uint32_t code = 777;
    berth_slot *slot;
    char text[256];
    polyplug_rig t;

    pp_start(&t, *state, NULL);
    pp_put_reload(&t, "v1", "pp_v1");
    pp_must_load(&t, "v1");
    assert_int_equal(pp_call(pp_resolve(&t, PP_RELOAD), pp_none(), PP_FAIL, &code),
                     PP_FAILED(777));
    assert_true(t.host->get_error_len(t.host) > 0);
    text[t.host->get_last_error(t.host, text, sizeof text - 1)] = '\0';
    assert_non_null(strstr(text, "as it was asked to"));
    assert_int_equal(t.host->get_error_len(t.host), 0);
    assert_int_equal(t.host->get_last_error(t.host, text, sizeof text), 0);
    assert_int_equal(berth_slot_find(t.r->runtime, NULL, "reload_plugin_v1", &slot), BERTH_OK);
    pp_check(&t, berth_polyplug_call(slot, id, PP_FAIL, &code, NULL, &t.r->diag),
             BERTH_E_PLUGIN, "it answered 777: as it was asked to");
    pp_check(&t, berth_polyplug_call(slot, id, PP_NEXT, NULL, NULL, &t.r->diag), BERTH_E_PLUGIN,
             "it needs an instance");
    pp_check(&t, berth_polyplug_call(slot, id, 99, NULL, NULL, &t.r->diag), BERTH_E_ABSENT,
             "none of number 99");
    pp_check(&t, berth_polyplug_call(slot, 5, 0, NULL, NULL, &t.r->diag), BERTH_E_ABSENT,
             "has no contract of id 5");
    assert_int_equal(berth_polyplug_call(NULL, id, 0, NULL, NULL, NULL), BERTH_E_INVALID);
    berth_slot_release(slot);
    pp_end(&t);
}

static void a_plugin_with_one_entry_for_all_is_called_too(void **state)
{
    const uint32_t numbers[] = { 1, 2 };
    polyplug_rig t;

    pp_start(&t, *state, NULL);
    pp_put_reload(&t, "v", "pp_by_vm");
    pp_must_load(&t, "v");
    assert_int_equal(pp_call(pp_resolve(&t, PP_RELOAD), pp_none(), PP_ADD, numbers), 3);
    pp_end(&t);
}

/* ---------------------------------------------------------------- handles */

static void a_handle_outlives_a_reload_and_no_unload(void **state)
{
    const berth_polyplug_interface *c;
    berth_polyplug_handle handle, again;
    polyplug_rig t;

    pp_start(&t, *state, NULL);
    pp_put_reload(&t, "v1", "pp_v1");
    pp_put_reload(&t, "v2", "pp_v2");
    pp_must_load(&t, "v1");
    handle = pp_find(&t, PP_RELOAD);
    c = t.host->resolve_guest_contract(t.host, handle);
    assert_int_equal(pp_call(c, pp_none(), PP_VALUE, NULL), 100);
    pp_must_reload(&t, "v2");
    assert_ptr_equal(t.host->resolve_guest_contract(t.host, handle), c);
    assert_int_equal(pp_call(c, pp_none(), PP_VALUE, NULL), 200); /* what was kept is current */
    assert_int_equal(berth_bundles_unload(t.bundles, "reload_plugin_v1", 0, NULL), BERTH_OK);
    assert_null(t.host->resolve_guest_contract(t.host, handle));
    assert_int_equal(pp_find(&t, PP_RELOAD).index, UINT32_MAX);
    assert_int_equal(pp_call(c, pp_none(), PP_VALUE, NULL), PP_NOT_FOUND); /* and never wild */
    pp_must_load(&t, "v1");
    again = pp_find(&t, PP_RELOAD);
    assert_int_equal(again.index, handle.index); /* its place, of another generation */
    assert_int_not_equal(again.generation, handle.generation);
    assert_null(t.host->resolve_guest_contract(t.host, handle));
    assert_int_equal(pp_call(c, pp_none(), PP_VALUE, NULL), 100);
    assert_null(t.host->resolve_guest_contract(t.host, (berth_polyplug_handle){ 7, 0 }));
    assert_null(
        t.host->resolve_guest_contract(t.host, (berth_polyplug_handle){ UINT32_MAX, 0 }));
    pp_end(&t);
}

static void all_providers_are_found_in_the_order_of_loading(void **state)
{
    const uint64_t id = berth_polyplug_id(PP_PEER);
    berth_polyplug_array all;
    polyplug_rig t;

    pp_start(&t, *state, NULL);
    pp_put(&t, "a", "zz", "pp_peer", "\"peer.test@1\"", "");
    pp_put(&t, "b", "aa", "pp_peer2", "\"peer.test@1\"", "");
    pp_must_load(&t, "a");
    pp_must_load(&t, "b");
    assert_int_equal(pp_value(&t, PP_PEER), 7);
    all = t.host->find_all_guest_contracts(t.host, id, 0);
    assert_int_equal(all.len, 2);
    for (unsigned i = 0; i < 2; i++) {
        berth_polyplug_handle handle = ((berth_polyplug_handle *)all.items)[i];

        assert_int_equal(
            pp_call(t.host->resolve_guest_contract(t.host, handle), pp_none(), PP_VALUE, NULL),
            7 + i);
    }
    t.host->free(t.host, all.items, all.len * sizeof(berth_polyplug_handle), all.align);
    assert_int_equal(berth_bundles_unload(t.bundles, "zz", 0, NULL), BERTH_OK);
    all = t.host->find_all_guest_contracts(t.host, id, 1);
    assert_int_equal(all.len, 1);
    t.host->free(t.host, all.items, all.len * sizeof(berth_polyplug_handle), all.align);
    assert_int_equal(t.host->find_all_guest_contracts(t.host, id, 2).len, 0);
    assert_int_equal(pp_value(&t, PP_PEER), 8);
    pp_end(&t);
}

static void a_major_number_is_a_floor_and_a_contract_of_its_own(void **state)
{
    const uint64_t id = berth_polyplug_id("guest_contract:reload.test@2");
    polyplug_rig t;

    pp_start(&t, *state, NULL);
    pp_put(&t, "m", "major", "pp_major", "\"reload.test@2\"", "");
    pp_put_reload(&t, "v1", "pp_v1");
    pp_must_load(&t, "m");
    pp_must_load(&t, "v1");
    for (uint32_t floor = 0; floor <= 3; floor++)
        assert_int_equal(t.host->find_guest_contract(t.host, id, floor).index == UINT32_MAX,
                         floor == 3);
    assert_int_equal(pp_value(&t, "guest_contract:reload.test@2"), 400);
    assert_int_equal(pp_value(&t, PP_RELOAD), 100);
    pp_end(&t);
}

static void bundles_are_listed_by_their_ids(void **state)
{
    berth_polyplug_array all;
    polyplug_rig t;

    pp_start(&t, *state, NULL);
    assert_int_equal(t.host->list_bundles(t.host).len, 0);
    pp_put_reload(&t, "v1", "pp_v1");
    pp_must_load(&t, "v1");
    all = t.host->list_bundles(t.host);
    assert_int_equal(all.len, 1);
    assert_int_equal(*(uint64_t *)all.items, UINT64_C(16808897324254478442));
    t.host->free(t.host, all.items, all.len * sizeof(uint64_t), all.align);
    assert_int_equal(t.host->get_dependencies(t.host).len, 0);
    pp_end(&t);
}

/* ---------------------------------------------------------------- the revision */

static void every_change_is_another_revision_and_no_failed_one(void **state)
{
    const uint64_t *revision;
    uint64_t before;
    polyplug_rig t;

    pp_start(&t, *state, NULL);
    pp_put_reload(&t, "v1", "pp_v1");
    pp_put_reload(&t, "bad", "pp_register_fails");
    revision = t.host->revision_counter(t.host);
    before = *revision;
    pp_must_load(&t, "v1");
    assert_int_not_equal(*revision, before);
    before = *revision;
    pp_must_reload(&t, "v1");
    assert_int_not_equal(*revision, before);
    before = *revision;
    assert_int_not_equal(pp_reload(&t, "bad"), BERTH_OK);
    assert_int_equal(*revision, before);
    assert_int_equal(berth_bundles_unload(t.bundles, "reload_plugin_v1", 0, NULL), BERTH_OK);
    assert_int_not_equal(*revision, before);
    assert_null(t.host->revision_counter(NULL));
    pp_end(&t);
}

/* ---------------------------------------------------------------- what does not load */

static const struct {
    const char *plugin;
    berth_status status;
    const char *why;
} unsound[] = {
    { "pp_register_fails", BERTH_E_PLUGIN,
      "polyplug_init() answered 302: it changed its mind" },
    { "pp_old_abi", BERTH_E_VERSION, "says 0, and this is ABI 1; build it with newer crates" },
    { "pp_new_abi", BERTH_E_VERSION, "says 2, and this is ABI 1; build it with older crates" },
    { "pp_no_init", BERTH_E_REJECTED, "exports no function 'polyplug_init'" },
    { "calc_v1", BERTH_E_REJECTED, "exports no function 'polyplug_init'" },
    { "pp_hole", BERTH_E_PLUGIN, "one of its functions is missing" },
    { "pp_wrong_id", BERTH_E_PLUGIN, "id is not that of its name" },
    { "pp_wrong_dispatch", BERTH_E_PLUGIN, "neither 0 nor 1" },
    { "pp_no_create", BERTH_E_PLUGIN, "create_instance or destroy_instance is missing" },
    { "pp_unnamed", BERTH_E_PLUGIN, "name is empty" },
    { "pp_duplicate", BERTH_E_ABI, "duplicate provider" },
    { "pp_second", BERTH_E_REJECTED, "registered test.second@1, which its manifest does not" },
    { "pp_peer", BERTH_E_REJECTED, "provides reload.test@1, and polyplug_init() did not" },
    { "pp_major", BERTH_E_REJECTED, "provides reload.test@1, and polyplug_init() did not" },
};

static void what_is_unsound_leaves_nothing_behind(void **state)
{
    polyplug_rig t;

    pp_start(&t, *state, NULL);
    for (size_t i = 0; i < sizeof unsound / sizeof *unsound; i++) {
        pp_put_reload(&t, "bad", unsound[i].plugin);
        pp_check(&t, pp_load(&t, "bad"), unsound[i].status, unsound[i].why);
        assert_int_equal(pp_find(&t, PP_RELOAD).index, UINT32_MAX);
        assert_int_equal(pp_find(&t, PP_SECOND).index, UINT32_MAX);
        assert_int_equal(t.host->list_bundles(t.host).len, 0);
        assert_int_equal(pp_settle(&t).natives_open, 0);
    }
    assert_int_equal(pp_settle(&t).natives_abandoned, 0);
    assert_int_equal(pp_settle(&t).natives_kept, 0);
    pp_put_reload(&t, "good", "pp_v1"); /* and a good one of that name is in no way hurt */
    pp_must_load(&t, "good");
    assert_int_equal(pp_value(&t, PP_RELOAD), 100);
    pp_end(&t);
}

/* Each allocation of a load, and of a reload, fails once. */
static void without_memory_nothing_is_loaded_and_nothing_changes(void **state)
{
    slot_rig *r = *state;
    berth_status status = BERTH_E_NOMEM;
    unsigned failed[2] = { 0, 0 };
    polyplug_rig t;

    pp_start(&t, r, NULL);
    pp_put_reload(&t, "v1", "pp_v1");
    pp_put_reload(&t, "v2", "pp_v2");
    for (; status != BERTH_OK; failed[0]++) {
        memory_fail(&r->memory, failed[0], false);
        status = pp_load(&t, "v1");
        memory_fail(&r->memory, MEMORY_NEVER, false);
        pp_check(&t, status, status == BERTH_OK ? BERTH_OK : BERTH_E_NOMEM, "");
        assert_int_equal(pp_find(&t, PP_RELOAD).index == UINT32_MAX, status != BERTH_OK);
    }
    assert_int_equal(pp_value(&t, PP_RELOAD), 100);
    for (status = BERTH_E_NOMEM; status != BERTH_OK; failed[1]++) {
        memory_fail(&r->memory, failed[1], false);
        status = pp_reload(&t, "v2");
        memory_fail(&r->memory, MEMORY_NEVER, false);
        pp_check(&t, status, status == BERTH_OK ? BERTH_OK : BERTH_E_NOMEM, "");
        assert_int_equal(pp_value(&t, PP_RELOAD), status == BERTH_OK ? 200 : 100);
    }
    assert_true(failed[0] > 10 && failed[1] > 10);
    pp_end(&t);
}

static void files_that_are_no_plugin_are_refused(void **state)
{
    uint8_t zeros[512] = { 0x7f, 'E', 'L', 'F' };
    polyplug_rig t;

    pp_start(&t, *state, NULL);
    pp_put_reload(&t, "v", "pp_v1");
    bundle_folder_put(&t.folder, "v/it.so", zeros, sizeof zeros);
    pp_check(&t, pp_load(&t, "v"), BERTH_E_REJECTED, "");
    zeros[0] = 0;
    bundle_folder_put(&t.folder, "v/it.so", zeros, sizeof zeros);
    pp_check(&t, pp_load(&t, "v"), BERTH_E_REJECTED, "is no native");
    bundle_folder_put(&t.folder, "v/it.so", zeros, 0);
    pp_check(&t, pp_load(&t, "v"), BERTH_E_REJECTED, "is no native");
    bundle_folder_delete(&t.folder, "v/it.so");
    pp_check(&t, pp_load(&t, "v"), BERTH_E_ABSENT, "it.so");
    pp_put_reload(&t, "v", "pp_v1");
    bundle_folder_delete(&t.folder, "v/it.so");
    bundle_folder_link(&t.folder, "v/it.so", BERTH_TEST_PLUGINS_DIR "/pp_v1.so");
    pp_check(&t, pp_load(&t, "v"), BERTH_E_REJECTED, "link");
    pp_put_reload(&t, "w", NULL);
    pp_check(&t, pp_load(&t, "w"), BERTH_E_ABSENT, "it.so");
    assert_int_equal(pp_settle(&t).natives_opened, 0); /* nothing of any ran */
    pp_end(&t);
}

static void how_many_functions_there_are_is_held_against_the_manifest(void **state)
{
    polyplug_rig t;

    pp_start(&t, *state, NULL);
    pp_put(&t, "few", "few", "pp_v1", "\"reload.test@1\"",
           "function_count = { \"reload.test@1\" = 8 }\n");
    pp_check(&t, pp_load(&t, "few"), BERTH_E_REJECTED,
             "says that reload.test@1 has 8 functions, and it registered 9");
    pp_put(&t, "few", "few", "pp_v1", "\"reload.test@1\"",
           "function_count = { \"reload.test@1\" = 9 }\n");
    pp_must_load(&t, "few");
    pp_put(&t, "vm", "vm", "pp_by_vm", "\"reload.test@1\"",
           "function_count = { \"reload.test@1\" = 8 }\n"); /* has no number of its own */
    pp_must_load(&t, "vm");
    pp_put(&t, "old", "old", "pp_v1", "\"reload.test@1.1\"", "");
    pp_check(&t, pp_load(&t, "old"), BERTH_E_REJECTED, "registered version 1.0.0");
    pp_put(&t, "new", "new", "pp_minor", "\"reload.test@1.6\"", "");
    pp_must_load(&t, "new");
    pp_end(&t);
}

static void a_plugin_is_told_apart_from_one_of_ours(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "s", NULL);
    size_t size;
    uint8_t *bytes = plugin_file_read("pp_v1", &size);

    slot_rig_check(r, slot_rig_try_install(r, slot, bytes, size), BERTH_E_REJECTED, 0,
                   "is that of a plugin of polyplug, which is loaded as a bundle");
    slot_rig_install_answering(r, slot, 5);
    assert_int_equal(
        berth_polyplug_call(slot, berth_polyplug_id(PP_RELOAD), 0, NULL, NULL, &r->diag),
        BERTH_E_ABSENT);
    assert_non_null(strstr(r->diag.text, "no plugin of polyplug"));
}

static void a_check_looks_into_the_file(void **state)
{
    berth_catalog_options options = BERTH_CATALOG_OPTIONS_INIT;
    const char *path;
    polyplug_rig t;

    options.with_artifacts = 1;
    pp_start(&t, *state, NULL);
    for (unsigned i = 0; i < 2; i++) {
        berth_catalog *catalog;

        pp_put_reload(&t, "all/v", i == 0 ? "pp_v1" : "pp_no_init");
        path = bundle_folder_at(&t.folder, "all");
        assert_int_equal(berth_catalog_read(NULL, &path, 1, &options, &catalog, &t.r->diag),
                         BERTH_OK);
        assert_int_equal(berth_catalog_problems(catalog), i);
        assert_int_equal(
            strstr(berth_catalog_text(catalog), "exports no function 'polyplug_init'") != NULL,
            i);
        assert_non_null(strstr(berth_catalog_text(catalog), "format    polyplug, ABI 1"));
        assert_non_null(strstr(berth_catalog_json(catalog), "\"format\": \"polyplug\""));
        berth_catalog_destroy(catalog);
    }
    pp_end(&t);
}

/* ---------------------------------------------------------------- reload */

static void a_failed_reload_changes_nothing_however_often(void **state)
{
    static const char *const bad[] = { "pp_register_fails", "pp_second", "pp_no_init" };
    berth_polyplug_handle handle;
    polyplug_rig t;

    pp_start(&t, *state, NULL);
    pp_put_reload(&t, "v1", "pp_v1");
    pp_put_reload(&t, "v2", "pp_v2");
    pp_must_load(&t, "v1");
    handle = pp_find(&t, PP_RELOAD);
    for (unsigned i = 0; i < 3; i++) {
        pp_put_reload(&t, "bad", bad[i]);
        assert_int_not_equal(pp_reload(&t, "bad"), BERTH_OK);
        assert_int_equal(atomic_load(&t.failed_count), i + 1);
        assert_string_equal(t.failed, "reload_plugin_v1");
        assert_int_equal(pp_find(&t, PP_RELOAD).index, handle.index);
        assert_int_equal(pp_find(&t, PP_RELOAD).generation, handle.generation);
        assert_int_equal(pp_find(&t, PP_SECOND).index, UINT32_MAX);
        assert_int_equal(pp_value(&t, PP_RELOAD), 100);
    }
    pp_must_reload(&t, "v2");
    assert_int_equal(pp_value(&t, PP_RELOAD), 200);
    assert_int_equal(atomic_load(&t.in_section), 0);
    pp_end(&t);
}

static void a_manifest_that_was_tampered_with_is_refused_on_reload(void **state)
{
    polyplug_rig t;

    pp_start(&t, *state, NULL);
    pp_put_reload(&t, "v1", "pp_v1");
    pp_must_load(&t, "v1");
    bundle_folder_text(&t.folder, "v1/manifest.toml",
                       "name = \"reload_plugin_v1\"\nid = 1\nloader = \"native\"\n"
                       "file = \"it.so\"\nprovides = [\"reload.test@1\"]\n");
    pp_check(&t, pp_reload(&t, "v1"), BERTH_E_REJECTED, "is not that of `reload_plugin_v1`");
    assert_int_equal(pp_value(&t, PP_RELOAD), 100);
    pp_end(&t);
}

static void contracts_come_and_go_with_a_reload(void **state)
{
    const berth_polyplug_interface *second;
    berth_polyplug_handle handle;
    polyplug_rig t;

    pp_start(&t, *state, NULL);
    pp_put_reload(&t, "one", "pp_v1");
    pp_put(&t, "two", "reload_plugin_v1", "pp_second", "\"reload.test@1\", \"test.second@1\"",
           "");
    pp_must_load(&t, "one");
    assert_int_equal(pp_value(&t, PP_SECOND), PP_NOT_FOUND);
    pp_must_reload(&t, "two");
    handle = pp_find(&t, PP_SECOND);
    second = pp_resolve(&t, PP_SECOND);
    assert_int_equal(pp_call(second, pp_none(), PP_VALUE, NULL), 100);
    pp_must_reload(&t, "one");
    assert_null(t.host->resolve_guest_contract(t.host, handle));
    assert_int_equal(pp_call(second, pp_none(), PP_VALUE, NULL), PP_NOT_FOUND);
    assert_int_equal(pp_value(&t, PP_RELOAD), 100);
    pp_end(&t);
}

/* The seed's counts: 100 reloads, each told once, the version after each. */
static void a_hundred_reloads_alternate(void **state)
{
    polyplug_rig t;

    pp_start(&t, *state, NULL);
    pp_put_reload(&t, "v1", "pp_v1");
    pp_put_reload(&t, "v2", "pp_v2");
    pp_must_load(&t, "v1");
    atomic_store(&t.reloaded_count, 0);
    for (unsigned cycle = 0; cycle < 100; cycle++) {
        t.reloaded[0] = '\0';
        pp_must_reload(&t, cycle % 2 == 0 ? "v2" : "v1");
        assert_int_equal(pp_value(&t, PP_RELOAD), cycle % 2 == 0 ? 200 : 100);
        assert_string_equal(t.reloaded, "reload_plugin_v1");
        assert_int_equal(atomic_load(&t.reloaded_count), cycle + 1);
    }
    assert_int_equal(pp_value(&t, PP_RELOAD), 100);
    assert_int_equal(atomic_load(&t.failed_count), 0);
    pp_end(&t);
}

static void a_rollback_is_the_version_before(void **state)
{
    berth_slot *slot;
    polyplug_rig t;

    pp_start(&t, *state, NULL);
    pp_put_reload(&t, "v1", "pp_v1");
    pp_put_reload(&t, "v2", "pp_v2");
    pp_must_load(&t, "v1");
    pp_must_reload(&t, "v2");
    assert_int_equal(berth_slot_find(t.r->runtime, NULL, "reload_plugin_v1", &slot), BERTH_OK);
    assert_int_equal(berth_slot_rollback(slot, NULL, NULL), BERTH_OK);
    assert_int_equal(pp_value(&t, PP_RELOAD), 100);
    berth_slot_release(slot);
    pp_end(&t);
}

/* An overwritten file is another mapping, and what runs does not change under anybody's feet. */
static void a_file_may_be_overwritten_where_it_lies(void **state)
{
    uint8_t nothing[16] = { 0 };
    polyplug_rig t;

    pp_start(&t, *state, NULL);
    pp_put_reload(&t, "v", "pp_v1");
    pp_must_load(&t, "v");
    bundle_folder_put(&t.folder, "v/it.so", nothing, sizeof nothing);
    assert_int_equal(pp_value(&t, PP_RELOAD), 100);
    pp_put_reload(&t, "v", "pp_v2");
    assert_int_equal(pp_value(&t, PP_RELOAD), 100);
    pp_must_reload(&t, "v");
    assert_int_equal(pp_value(&t, PP_RELOAD), 200);
    pp_end(&t);
}

/* ---------------------------------------------------------------- several hosts, signatures, much of it */

static void two_sets_know_nothing_of_each_other(void **state)
{
    slot_rig *r = *state;
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    berth_runtime *other;
    berth_bundles *bundles;
    const berth_polyplug_host *host;
    const char *path;
    polyplug_rig t;

    assert_int_equal(berth_runtime_create(&options, &other, NULL), BERTH_OK);
    pp_start(&t, r, NULL);
    pp_put_reload(&t, "v1", "pp_v1");
    pp_put_reload(&t, "v2", "pp_v2");
    pp_must_load(&t, "v1");
    assert_int_equal(berth_bundles_create(other, NULL, &bundles, NULL), BERTH_OK);
    host = berth_bundles_polyplug(bundles);
    assert_int_equal(host->find_guest_contract(host, berth_polyplug_id(PP_RELOAD), 0).index,
                     UINT32_MAX);
    path = bundle_folder_at(&t.folder, "v2");
    assert_int_equal(berth_bundles_load(bundles, &path, 1, NULL, 0, NULL), BERTH_OK);
    assert_int_equal(pp_value(&t, PP_RELOAD), 100);
    assert_ptr_equal(pp_table_of(&t, PP_RELOAD)->revision_counter(pp_table_of(&t, PP_RELOAD)),
                     t.host->revision_counter(t.host));
    assert_int_not_equal(host->revision_counter(host), t.host->revision_counter(t.host));
    berth_bundles_destroy(bundles);
    assert_int_equal(pp_value(&t, PP_RELOAD), 100);
    berth_runtime_destroy(other);
    pp_end(&t);
}

static void sign(polyplug_rig *t, const char *dir, const berth_key_pair *pair)
{
    char text[BERTH_SIGNATURE_TEXT_MAX], path[64];

    assert_int_equal(berth_bundle_sign(NULL, bundle_folder_at(&t->folder, dir), pair, text,
                                       NULL, &t->r->diag),
                     BERTH_OK);
    snprintf(path, sizeof path, "%s/berth.sig", dir);
    bundle_folder_put(&t->folder, path, text, strlen(text));
}

static void a_signature_is_asked_for_at_each_load_and_reload(void **state)
{
    berth_bundles_options options = BERTH_BUNDLES_OPTIONS_INIT;
    berth_key_pair own, another;
    polyplug_rig t;

    assert_int_equal(berth_key_generate(&own, NULL), BERTH_OK);
    assert_int_equal(berth_key_generate(&another, NULL), BERTH_OK);
    options.policy = BERTH_SIGNATURE_REQUIRE;
    options.keys = own.public_key;
    options.keys_count = 1;
    pp_start(&t, *state, &options);
    pp_put_reload(&t, "v", "pp_v1");
    pp_check(&t, pp_load(&t, "v"), BERTH_E_REJECTED, "it is not signed");
    sign(&t, "v", &another);
    pp_check(&t, pp_load(&t, "v"), BERTH_E_REJECTED, "signatures are required");
    sign(&t, "v", &own);
    pp_must_load(&t, "v");
    pp_put_reload(&t, "v", "pp_v2"); /* what is signed is no more what is there */
    pp_check(&t, pp_reload(&t, "v"), BERTH_E_REJECTED, "signatures are required");
    assert_int_equal(pp_value(&t, PP_RELOAD), 100);
    sign(&t, "v", &own);
    pp_must_reload(&t, "v");
    assert_int_equal(pp_value(&t, PP_RELOAD), 200);
    pp_end(&t);
}

/* Create, load, four calls, unload, destroy: each mapping is seen to go, and memory is as before. */
static void many_rounds_leave_nothing_behind(void **state)
{
    slot_rig *r = *state;
    unsigned rounds = 200 / slot_rig_slowness(r) + 20;
    uint64_t opened = slot_rig_runtime_stats(r).natives_opened;
    size_t bytes = SIZE_MAX;

    for (unsigned i = 0; i < rounds; i++) {
        polyplug_rig t;

        pp_start(&t, r, NULL);
        pp_put_reload(&t, "v1", "pp_v1");
        pp_must_load(&t, "v1");
        for (unsigned call = 0; call < 4; call++)
            assert_int_equal(pp_value(&t, PP_RELOAD), 100);
        assert_int_equal(berth_bundles_unload(t.bundles, "reload_plugin_v1", 0, NULL),
                         BERTH_OK);
        pp_end(&t);
        (void)pp_settle(&t);
        if (i == rounds / 4)
            bytes = atomic_load(&r->memory.live_bytes);
    }
    assert_int_equal(slot_rig_runtime_stats(r).natives_opened - opened, rounds);
    assert_int_equal(slot_rig_runtime_stats(r).natives_unmapped, rounds);
    slot_rig_wait_until(atomic_load(&r->memory.live_bytes) <= bytes);
}

/* ---------------------------------------------------------------- what the system's own tools built */

static const char *const corpus = BERTH_TEST_SOURCE_DIR "/../shared/corpus/guests";

static void copy_corpus(polyplug_rig *t, const char *name, const char *file, const char *dir)
{
    char path[1024];
    uint8_t *bytes = malloc(1 << 20);
    FILE *from;
    size_t size;

    snprintf(path, sizeof path, "%s/%s", corpus, name);
    from = fopen(path, "rb");
    if (from == NULL) {
        free(bytes);
        print_message("skipped: no %s in ../shared/corpus/guests\n", name);
        pp_end(t);
        skip();
    }
    size = fread(bytes, 1, 1 << 20, from);
    fclose(from);
    snprintf(path, sizeof path, "%s/%s", dir, file);
    bundle_folder_put(&t->folder, path, bytes, size);
    free(bytes);
}

static void guests_built_by_their_own_tools_run_unmodified(void **state)
{
#if defined(__x86_64__)
    const uint32_t numbers[] = { 20, 22 };
    const char line[] = "name,value,42";
    const berth_polyplug_text input = { line, sizeof line - 1 };
    const berth_polyplug_interface *c;
    berth_polyplug_instance instance = pp_none();
    berth_polyplug_text text = { 0 };
    berth_polyplug_error error = { 0 };
    polyplug_rig t;

    pp_start(&t, *state, NULL);
    copy_corpus(&t, "polyplug-add.manifest.toml", "manifest.toml", "add");
    copy_corpus(&t, "polyplug-add.so", "libadd_plugin.so", "add");
    copy_corpus(&t, "polyplug-decoder.manifest.toml", "manifest.toml", "decoder");
    copy_corpus(&t, "polyplug-decoder.so", "libdecoder_plugin.so", "decoder");
    pp_must_load(&t, "");
    assert_int_equal(
        t.host->find_guest_contract(t.host, UINT64_C(4621904834932239542), 1).index ==
            UINT32_MAX,
        false);
    c = pp_resolve(&t, "guest_contract:test.add@1");
    t.host->create_guest_instance(t.host, c, NULL, &instance);
    assert_int_equal(pp_call(c, instance, 0, numbers), 42);
    assert_int_equal(pp_call(c, instance, 1, numbers), 42);
    c->dispatch.vm.call(c->dispatch.vm.loader_data, instance, 2, NULL, &text, NULL, &error);
    assert_int_equal(error.code, 0);
    print_message("             version(): %.*s\n", (int)text.len, text.ptr);
    assert_true(text.len > 0);
    c->dispatch.vm.call(c->dispatch.vm.loader_data, instance, 3, NULL, NULL, NULL, &error);
    assert_int_equal(error.code, 0);
    assert_int_equal(pp_call(c, instance, 4, NULL), PP_FAILED(BERTH_POLYPLUG_NO_FUNCTION));
    t.host->destroy_guest_instance(t.host, c, instance);
    c = pp_resolve(&t, "guest_contract:pipeline.decoder@1");
    instance = pp_none();
    t.host->create_guest_instance(t.host, c, NULL, &instance);
    c->dispatch.vm.call(c->dispatch.vm.loader_data, instance, 0, &input, &text, NULL, &error);
    assert_int_equal(error.code, 0);
    print_message("             decode(%s): %.*s\n", line, (int)text.len, text.ptr);
    assert_true(text.len > 0);
    t.host->free(t.host, (void *)(uintptr_t)text.ptr, text.len,
                 1); /* by its generator's rule */
    t.host->destroy_guest_instance(t.host, c, instance);
    pp_must_reload(&t, "add");
    assert_int_equal(berth_bundles_unload(t.bundles, "decoder", 0, NULL), BERTH_OK);
    pp_end(&t);
#else
    (void)state;
    print_message("skipped: the corpus has plugins for x86-64\n");
    skip();
#endif
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(a_bundle_is_loaded_and_called),
        slot_test(what_a_call_answers_is_told),
        slot_test(a_plugin_with_one_entry_for_all_is_called_too),
        slot_test(a_handle_outlives_a_reload_and_no_unload),
        slot_test(all_providers_are_found_in_the_order_of_loading),
        slot_test(a_major_number_is_a_floor_and_a_contract_of_its_own),
        slot_test(bundles_are_listed_by_their_ids),
        slot_test(every_change_is_another_revision_and_no_failed_one),
        slot_test(what_is_unsound_leaves_nothing_behind),
        slot_test(without_memory_nothing_is_loaded_and_nothing_changes),
        slot_test(files_that_are_no_plugin_are_refused),
        slot_test(how_many_functions_there_are_is_held_against_the_manifest),
        slot_test(a_plugin_is_told_apart_from_one_of_ours),
        slot_test(a_check_looks_into_the_file),
        slot_test(a_failed_reload_changes_nothing_however_often),
        slot_test(a_manifest_that_was_tampered_with_is_refused_on_reload),
        slot_test(contracts_come_and_go_with_a_reload),
        slot_test(a_hundred_reloads_alternate),
        slot_test(a_rollback_is_the_version_before),
        slot_test(a_file_may_be_overwritten_where_it_lies),
        slot_test(an_instance_has_its_own_state),
        slot_test(an_instance_that_has_ended_is_known_for_it),
        slot_test(an_instance_stays_in_the_version_that_made_it),
        slot_test(a_plugin_calls_what_it_declared),
        slot_test(what_others_need_is_not_unloaded),
        slot_test(what_a_bundle_needs_has_to_be_there_and_in_no_circle),
        slot_test(dependents_follow_a_reload_when_they_ask_for_it),
        slot_test(a_kept_stand_in_calls_whoever_serves_now),
        slot_test(the_table_loads_reloads_and_unloads),
        slot_test(memory_comes_as_it_is_asked_for),
        slot_test(nothing_is_taken_for_something),
        slot_test(services_are_found_by_version),
        slot_test(a_service_for_all_is_made_once_and_nothing_is_not_kept),
        slot_test(what_a_plugin_says_is_handed_on_as_its_own),
        slot_test(what_may_run_on_stays_mapped_and_is_counted),
        slot_test(a_call_that_takes_too_long_is_told_by_its_contract),
        slot_test(a_call_that_is_told_before_it_has_a_name_is_told_again),
        slot_test(what_a_thread_called_in_between_is_not_told_for_it),
        slot_test(an_instance_that_is_used_ends_behind_its_last_call),
        slot_test(an_instance_ends_though_there_is_no_place_for_a_call),
        slot_test(two_sets_know_nothing_of_each_other),
        slot_test(a_signature_is_asked_for_at_each_load_and_reload),
        slot_test(many_rounds_leave_nothing_behind),
        slot_test(guests_built_by_their_own_tools_run_unmodified),
    };

    return slot_rig_run("bundles of polyplug", tests, sizeof tests / sizeof *tests);
}
