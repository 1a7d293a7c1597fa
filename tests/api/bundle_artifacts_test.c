/* bundle_artifacts_test.c - what the artifacts of bundles have to be, and how many are in memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/invoke.h>

#include "bundle_component.h"
#include "bundle_rig.h"
#include "guests.h"

static void what_is_provided_is_what_is_exported(void **state)
{
    bundle_rig t;

    bundle_rig_start(&t, *state, NULL);
    bundle_rig_put(&t, "a", "a", "1.0.0", "a b", "1.0.0", 1, "", "");
    bundle_component_put(&t.folder, "a/it.wasm", "a", "1.0.0", 1); /* missing */
    assert_int_equal(bundle_rig_load(&t, "a", NULL), BERTH_E_REJECTED);
    bundle_rig_assert_said(&t, "it provides x:y/b@1.0.0, which its artifact does not export");
    bundle_component_put(&t.folder, "a/it.wasm", "a b c", "1.0.0", 1); /* extra */
    assert_int_equal(bundle_rig_load(&t, "a", NULL), BERTH_E_REJECTED);
    bundle_rig_assert_said(&t, "exports x:y/c@1.0.0, which it does not provide");
    bundle_component_put(&t.folder, "a/it.wasm", "a b", "1.1.0", 1); /* another version */
    assert_int_equal(bundle_rig_load(&t, "a", NULL), BERTH_E_REJECTED);
    bundle_rig_assert_loaded(&t, "");
    bundle_component_put(&t.folder, "a/it.wasm", "a b", "1.0.0", 1);
    bundle_rig_must_load(&t, "a", NULL);
    bundle_rig_end(&t);
}

static void a_core_module_provides_nothing(void **state)
{
    static const char manifest[] = "[bundle]\nname = \"m\"\nversion = \"1.0.0\"\n[[artifact]]\n"
                                   "kind = \"module\"\nfile = \"it.wasm\"\n%s";
    size_t size;
    uint8_t *bytes = guest_read("cli_v1", &size);
    bundle_rig t;

    bundle_rig_start(&t, *state, NULL);
    bundle_folder_put(&t.folder, "m/it.wasm", bytes, size);
    free(bytes);
    bundle_folder_text(&t.folder, "m/berth.toml", manifest,
                       "[[provides]]\ncontract = \"x:y/a@1.0.0\"\n");
    assert_int_equal(bundle_rig_load(&t, "m", NULL), BERTH_E_REJECTED);
    bundle_rig_assert_said(&t, "it provides x:y/a@1.0.0, and its artifact is a core module");
    bundle_folder_text(&t.folder, "m/berth.toml", manifest, "");
    bundle_rig_must_load(&t, "m", NULL);
    bundle_rig_assert_loaded(&t, "m@1");
    bundle_rig_end(&t);
}

/* ---------------------------------------------------------------- read twice */

enum { BIG = 3 << 20, BIG_COUNT = 12 };

static void artifacts_of_many_bundles_are_not_in_memory_at_once(void **state)
{
    slot_rig *r = *state;
    uint8_t *bytes = calloc(1, BIG);
    char path[64];
    bundle_rig t;

    assert_non_null(bytes);
    memcpy(bytes, "\0asm\x0d\0\1\0", 8);
    bundle_rig_start(&t, r, NULL);
    bundle_rig_put(&t, "all/a", "a", "1.0.0", "a", "1.0.0", 1, "", "");
    for (int i = 0; i < BIG_COUNT; i++) {
        snprintf(path, sizeof path, "all/big%d/berth.toml", i);
        bundle_folder_text(&t.folder, path,
                           "[bundle]\nname = \"big%d\"\nversion = \"1.0.0\"\n[[artifact]]\n"
                           "kind = \"component\"\nfile = \"it.wasm\"\n",
                           i);
        snprintf(path, sizeof path, "all/big%d/it.wasm", i);
        bundle_folder_put(&t.folder, path, bytes, BIG);
    }
    free(bytes);
    r->memory.bytes_max = atomic_load(&r->memory.live_bytes) + 4 * BIG;
    bundle_rig_must_load(&t, "all", "a");
    r->memory.bytes_max = 0;
    assert_int_equal(bundle_rig_ask(&t, "a@1", "a@1.0.0"), 1);
    bundle_rig_end(&t);
}

static void change_a(bundle_rig *t)
{
    bundle_rig_put(t, "all/a", "a", "1.0.1", "a", "1.0.0", 2, "", "");
}

static void what_changes_between_the_decision_and_the_load_is_refused(void **state)
{
    bundle_rig t;

    bundle_rig_start(&t, *state, NULL);
    bundle_rig_put(&t, "all/a", "a", "1.0.0", "a", "1.0.0", 1, "", "");
    bundle_folder_text(&t.folder, "all/bad/berth.toml", "[bundle]\nname = 7\n");
    t.on_warning = change_a; /* that comes when it is decided what to load */
    assert_int_equal(bundle_rig_load(&t, "all", NULL), BERTH_E_STATE);
    bundle_rig_assert_said(&t, "bundle a 1.0.0: berth.toml changed while it was being loaded");
    bundle_rig_assert_loaded(&t, "");
    t.on_warning = NULL;
    bundle_rig_must_load(&t, "all", NULL);
    assert_int_equal(bundle_rig_ask(&t, "a@1", "a@1.0.0"), 2);
    bundle_rig_end(&t);
}

/* ---------------------------------------------------------------- native */

#if defined(__aarch64__)
#define ARCH "aarch64"
#else
#define ARCH "x86_64"
#endif

static void native_code_is_an_artifact_as_well(void **state)
{
    static const char manifest[] = "[bundle]\nname = \"calc\"\nversion = \"1.0.0\"\n"
                                   "[[artifact]]\nkind = \"native\"\nfile = \"lib/calc.so\"\n"
                                   "os = \"linux\"\narch = \"" ARCH "\"\n"
                                   "[[provides]]\ncontract = \"test:calc/math@%s\"\n";
    struct {
        int32_t a, b;
    } args = { 40, 2 };
    berth_call call = BERTH_CALL_INIT;
    berth_func func = BERTH_FUNC_INIT;
    int32_t sum = 0;
    berth_slot *slot;
    size_t size;
    uint8_t *bytes = plugin_file_read("calc_v1", &size);
    bundle_rig t;

    bundle_rig_start(&t, *state, NULL);
    bundle_folder_put(&t.folder, "calc/lib/calc.so", bytes, size);
    free(bytes);
    bundle_folder_text(&t.folder, "calc/berth.toml", manifest, "1.3.0");
    assert_int_equal(bundle_rig_load(&t, "calc", NULL), BERTH_E_REJECTED);
    bundle_rig_assert_said(&t, "it provides test:calc/math@1.3.0, which its artifact does not");
    bundle_folder_text(&t.folder, "calc/berth.toml", manifest, "1.2.0");
    bundle_rig_must_load(&t, "calc", NULL);
    bundle_rig_must_reload(&t, "calc");
    assert_int_equal(berth_bundles_find(t.bundles, "test:calc/math@1.0.0", NULL, &slot, NULL),
                     BERTH_OK);
    assert_int_equal(berth_slot_func(slot, "test:calc/math@1.2.0#add", NULL, &func, NULL),
                     BERTH_OK);
    call.hook = func.number;
    call.arena = t.r->arena;
    call.deadline_ns = 20000 * MS;
    assert_int_equal(berth_slot_invoke(slot, &args, &sum, &call, NULL), BERTH_OK);
    assert_int_equal(sum, 42);
    berth_slot_release(slot);
    bundle_folder_put(&t.folder, "calc/lib/calc.so", "\177ELF", 4); /* cut off */
    assert_int_equal(bundle_rig_reload(&t, "calc"), BERTH_E_REJECTED);
    bundle_rig_assert_loaded(&t, "calc@1");
    bundle_rig_end(&t);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(what_is_provided_is_what_is_exported),
        slot_test(a_core_module_provides_nothing),
        slot_test(artifacts_of_many_bundles_are_not_in_memory_at_once),
        slot_test(what_changes_between_the_decision_and_the_load_is_refused),
        slot_test(native_code_is_an_artifact_as_well),
    };

    return slot_rig_run("artifacts of bundles", tests, sizeof tests / sizeof *tests);
}
