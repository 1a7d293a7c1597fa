/* bundle_fault_test.c - bundles read, loaded, reloaded and unloaded, with each allocation and each
 * system call failing in turn.  What fails leaves no slot, no descriptor and no memory behind. */
#include <stdio.h>
#include <string.h>

#include <berth/bundle.h>

#include "bundle_component.h"
#include "bundle_folder.h"
#include "fault_sweep.h"
#include "process.h"

typedef struct rig {
    slot_rig *r;
    bundle_folder folder;
    berth_key_pair key;
    size_t descriptors;
    const char *loads[1], *reloads;
} rig;

static void sign(rig *t, const char *dir)
{
    char path[128], text[BERTH_SIGNATURE_TEXT_MAX];

    assert_int_equal(
        berth_bundle_sign(NULL, bundle_folder_at(&t->folder, dir), &t->key, text, NULL, NULL),
        BERTH_OK);
    snprintf(path, sizeof path, "%s/berth.sig", dir);
    bundle_folder_put(&t->folder, path, text, strlen(text));
}

static void put_base(rig *t, const char *dir, const char *version)
{
    char path[128];

    bundle_folder_bundle(&t->folder, dir, "base", version,
                         "[[provides]]\ncontract = \"x:y/base@1.0.0\"\n");
    snprintf(path, sizeof path, "%s/it.wasm", dir);
    bundle_component_put(&t->folder, path, "base", "1.0.0", 7);
    sign(t, dir);
}

/* It calls the other one. */
static void put_user(rig *t)
{
    const bundle_caller caller = { .exports = "user", .imports = "base" };

    bundle_folder_bundle(&t->folder, "all/user", "user", "1.0.0",
                         "[[provides]]\ncontract = \"x:u/user@1.0.0\"\n"
                         "[[requires]]\ncontract = \"x:y/base@1.0.0\"\n");
    bundle_component_put_caller(&t->folder, "all/user/it.wasm", &caller);
    sign(t, "all/user");
}

static void start(rig *t, slot_rig *r)
{
    static char all[128], again[128];

    t->r = r;
    bundle_folder_make(&t->folder);
    assert_int_equal(berth_key_generate(&t->key, NULL), BERTH_OK);
    put_base(t, "all/base", "1.0.0");
    put_user(t);
    put_base(t, "new", "1.1.0");
    snprintf(all, sizeof all, "%s", bundle_folder_at(&t->folder, "all"));
    snprintf(again, sizeof again, "%s", bundle_folder_at(&t->folder, "new"));
    t->loads[0] = all;
    t->reloads = again;
}

/* ---------------------------------------------------------------- catalogues */

static berth_status read_catalog(void *ctx, berth_diag *diag)
{
    rig *t = ctx;
    berth_catalog_options options = BERTH_CATALOG_OPTIONS_INIT;
    berth_catalog *catalog = NULL;
    berth_status status;

    options.policy = BERTH_SIGNATURE_REQUIRE;
    options.keys = t->key.public_key;
    options.keys_count = 1;
    options.with_artifacts = 1;
    status = berth_catalog_read(&t->r->allocator, t->loads, 1, &options, &catalog, diag);
    assert_true((status == BERTH_OK) == (catalog != NULL));
    if (catalog != NULL) {
        assert_int_equal(berth_catalog_bundles(catalog), 2);
        assert_int_equal(berth_catalog_problems(catalog), 0);
    }
    berth_catalog_destroy(catalog);
    return status;
}

static void check_folder(void *ctx, berth_status status)
{
    rig *t = ctx;

    (void)status;
    assert_int_equal(process_descriptors(), t->descriptors);
}

static void a_catalogue_is_read_whole_or_not_at_all(void **state)
{
    rig t = { .r = *state };

    start(&t, *state);
    t.descriptors = process_descriptors();
    assert_true(fault_sweep(&t.r->memory, read_catalog, check_folder, &t) >= 30);
    bundle_folder_remove(&t.folder);
}

/* ---------------------------------------------------------------- sets of bundles */

static berth_status load_and_reload(void *ctx, berth_diag *diag)
{
    rig *t = ctx;
    berth_bundles_options options = BERTH_BUNDLES_OPTIONS_INIT;
    berth_slot_options slot = BERTH_SLOT_OPTIONS_INIT;
    berth_bundles *bundles = NULL;
    berth_status status;

    slot.tenant = "them";
    slot.probe_deadline_ns = 20000 * MS;
    options.slot = &slot;
    options.policy = BERTH_SIGNATURE_REQUIRE;
    options.keys = t->key.public_key;
    options.keys_count = 1;
    status = berth_bundles_create(t->r->runtime, &options, &bundles, diag);
    if (status != BERTH_OK)
        return status;
    status = berth_bundles_load(bundles, t->loads, 1, NULL, 0, diag);
    assert_int_equal(slot_rig_runtime_stats(t->r).slots, status == BERTH_OK ? 2 : 0);
    if (status == BERTH_OK) {
        status = berth_bundles_reload(bundles, t->reloads, diag);
        assert_int_equal(slot_rig_runtime_stats(t->r).slots, 2);
    }
    berth_bundles_destroy(bundles);
    return status;
}

static void check_empty(void *ctx, berth_status status)
{
    rig *t = ctx;

    (void)status;
    assert_int_equal(slot_rig_runtime_stats(t->r).slots, 0);
    slot_rig_wait_reaped(t->r);
    assert_int_equal(process_descriptors(), t->descriptors);
}

static void bundles_are_loaded_and_reloaded_whole_or_not_at_all(void **state)
{
    rig t = { .r = *state };
    berth_diag diag;

    start(&t, *state);
    assert_int_equal(load_and_reload(&t, &diag), BERTH_OK); /* what is cached is */
    slot_rig_wait_reaped(t.r);
    t.descriptors = process_descriptors();
    assert_true(fault_sweep(&t.r->memory, load_and_reload, check_empty, &t) >= 60);
    bundle_folder_remove(&t.folder);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(a_catalogue_is_read_whole_or_not_at_all),
        slot_test(bundles_are_loaded_and_reloaded_whole_or_not_at_all),
    };

    return slot_rig_run("faults of bundles", tests, sizeof tests / sizeof *tests);
}
