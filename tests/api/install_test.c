/* install_test.c - from bytes to the current version: numbers, the short circuit, refusals that
 * change nothing (I4), files, rollback, prepare and swap, and what a slot is pinned to. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guests.h"
#include "slot_rig.h"

static void versions_count_from_one(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "a", NULL);

    slot_rig_check(r, slot_rig_call(r, slot, NULL, 0, NULL), BERTH_E_ABSENT, BERTH_REASON_NONE,
                   "has no plugin");
    for (uint32_t n = 1; n <= 20; n++) {
        assert_int_equal(slot_rig_install_answering(r, slot, 100 + n), n);
        assert_int_equal(slot_rig_answer(r, slot), 100 + n);
        assert_int_equal(slot_rig_stats(slot).version, n);
        assert_int_equal(slot_rig_stats(slot).kept_version, n - 1);
    }
    slot_rig_wait_reaped(r);
    assert_int_equal(slot_rig_stats(slot).installs, 20);
    assert_int_equal(slot_rig_stats(slot).answered, 20);
}

static void the_same_bytes_change_nothing(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "a", NULL);
    berth_installed one = { 0 }, two = { 0 };
    berth_slot_stats before, after;
    size_t size;
    uint8_t *bytes = plugin_answering(5, &size);

    assert_int_equal(berth_slot_install(slot, bytes, size, &one, &r->diag), BERTH_OK);
    assert_int_equal(one.is_unchanged, 0);
    before = slot_rig_stats(slot);
    assert_int_equal(berth_slot_install(slot, bytes, size, &two, &r->diag), BERTH_OK);
    assert_int_equal(two.is_unchanged, 1);
    assert_int_equal(two.version, 1);
    assert_memory_equal(two.digest, one.digest, BERTH_DIGEST_SIZE);
    after = slot_rig_stats(slot);
    assert_int_equal(after.unchanged, 1);
    assert_int_equal(after.installs, 1);
    assert_int_equal(after.instances_made, before.instances_made); /* no probe */
    assert_int_equal(slot_rig_runtime_stats(r).compiles, 1);
    assert_int_equal(berth_slot_install(slot, bytes, size, NULL, NULL), BERTH_OK);
    free(bytes);
    /* One byte more is another artifact, whatever it does. */
    assert_int_equal(slot_rig_install_spec(r, slot, &(plugin_spec){ .number = 6 }), 2);
}

/* What becomes of one with a changed byte: mutation_test.c. */
static void every_beginning_of_a_plugin_is_refused(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "a", NULL);
    size_t size;
    uint8_t *bytes = plugin_answering(5, &size);

    assert_int_equal(slot_rig_install_answering(r, slot, 1), 1);
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *copy = malloc(cut == 0 ? 1 : cut); /* sanitizers see where it ends */

        assert_non_null(copy);
        memcpy(copy, bytes, cut);
        memset(&r->diag, 0, sizeof r->diag);
        assert_int_not_equal(berth_slot_install(slot, copy, cut, NULL, &r->diag), BERTH_OK);
        assert_true(r->diag.status != BERTH_OK && r->diag.text[0] != '\0');
        free(copy);
    }
    assert_int_equal(slot_rig_stats(slot).version, 1);
    assert_int_equal(slot_rig_stats(slot).refused, size);
    free(bytes);
}

/* ---- files ---- */

static void write_file(const char *path, const uint8_t *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static void a_file_is_installed_as_its_bytes(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "a", NULL);
    berth_installed installed;
    char path[64];
    size_t size;
    uint8_t *bytes = plugin_answering(5, &size);

    snprintf(path, sizeof path, "install_test.%ld.wasm", (long)getpid());
    write_file(path, bytes, size);
    assert_int_equal(berth_slot_install_file(slot, path, &installed, &r->diag), BERTH_OK);
    assert_int_equal(installed.version, 1);
    assert_int_equal(slot_rig_answer(r, slot), 5);
    write_file(path, bytes, size); /* touched, same content */
    assert_int_equal(berth_slot_install_file(slot, path, &installed, &r->diag), BERTH_OK);
    assert_int_equal(installed.is_unchanged, 1);
    assert_int_equal(slot_rig_install(r, slot, bytes, size), 1); /* nor does the way matter */
    write_file(path, (const uint8_t *)"", 0);
    assert_int_equal(berth_slot_install_file(slot, path, &installed, &r->diag),
                     BERTH_E_REJECTED);
    remove(path);
    slot_rig_check(r, berth_slot_install_file(slot, path, &installed, &r->diag), BERTH_E_OS,
                   BERTH_REASON_NONE, path);
    assert_int_not_equal(r->diag.os_code, 0);
    assert_int_equal(berth_slot_install_file(slot, ".", &installed, &r->diag), BERTH_E_INVALID);
    assert_int_equal(berth_slot_install_file(slot, "/dev/zero", &installed, &r->diag),
                     BERTH_E_INVALID);
    assert_int_equal(slot_rig_answer(r, slot), 5);
}

/* ---- going back ---- */

static void a_rollback_publishes_the_version_before_once(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "a", NULL);
    berth_slot_stats stats;
    uint64_t version = 77;

    slot_rig_check(r, berth_slot_rollback(slot, &version, &r->diag), BERTH_E_ABSENT,
                   BERTH_REASON_NONE, "keeps no version");
    slot_rig_install_answering(r, slot, 1);
    assert_int_equal(berth_slot_rollback(slot, &version, &r->diag), BERTH_E_ABSENT);
    assert_int_equal(version, 77);
    slot_rig_install_answering(r, slot, 2);
    slot_rig_install_answering(r, slot, 3);
    assert_int_equal(berth_slot_rollback(slot, &version, &r->diag), BERTH_OK);
    assert_int_equal(version, 2);
    assert_int_equal(slot_rig_answer(r, slot), 2);
    assert_int_equal(berth_slot_rollback(slot, &version, &r->diag), BERTH_E_ABSENT);
    assert_int_equal(slot_rig_answer(r, slot), 2);
    stats = slot_rig_stats(slot);
    assert_int_equal(stats.version, 2);
    assert_int_equal(stats.kept_version, 0);
    assert_int_equal(stats.rollbacks, 1);
    /* On from there: a number is never given twice. */
    assert_int_equal(slot_rig_install_answering(r, slot, 4), 4);
    assert_int_equal(slot_rig_stats(slot).kept_version, 2);
    assert_int_equal(berth_slot_rollback(slot, NULL, NULL), BERTH_OK);
    assert_int_equal(slot_rig_answer(r, slot), 2);
    assert_int_equal(slot_rig_install_answering(r, slot, 3), 5); /* what was rolled back once */
    assert_int_equal(slot_rig_answer(r, slot), 3);
}

static void a_rollback_compiles_and_probes_nothing(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "a", NULL);
    berth_runtime_stats before;

    slot_rig_install_answering(r, slot, 1);
    slot_rig_install_answering(r, slot, 2);
    before = slot_rig_runtime_stats(r);
    assert_int_equal(berth_slot_rollback(slot, NULL, NULL), BERTH_OK);
    assert_int_equal(slot_rig_answer(r, slot), 1);
    assert_int_equal(slot_rig_runtime_stats(r).compiles, before.compiles);
    assert_int_equal(slot_rig_runtime_stats(r).cache_hits, before.cache_hits);
}

static void a_rollback_finds_instances_of_the_version_before(void **state)
{
    static const uint32_t policies[] = { BERTH_POLICY_REUSE, BERTH_POLICY_FRESH };
    slot_rig *r = *state;
    uint8_t input[] = { 'e', 'x' };

    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
        berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
        berth_slot *slot;
        uint64_t made;

        opt.policy = policies[i];
        slot = slot_rig_open(r, i == 0 ? "reuse" : "fresh", &opt);
        slot_rig_install_guest(r, slot, "tricks");
        assert_int_equal(slot_rig_call(r, slot, input, sizeof input, NULL), BERTH_OK);
        slot_rig_install_answering(r, slot, 2);
        slot_rig_wait_reaped(r);
        assert_int_equal(berth_slot_rollback(slot, NULL, NULL), BERTH_OK);
        assert_int_equal(slot_rig_stats(slot).version, 1);
        made = slot_rig_stats(slot).instances_made;
        assert_int_equal(slot_rig_call(r, slot, input, sizeof input, NULL), BERTH_OK);
        if (policies[i] == BERTH_POLICY_REUSE) /* of fresh ones the reaper makes more */
            assert_int_equal(slot_rig_stats(slot).instances_made, made);
    }
}

static void a_version_that_came_back_keeps_what_it_had_counted(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "a", NULL);
    berth_version_stats versions[4];

    slot_rig_install_answering(r, slot, 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(slot_rig_answer(r, slot), 1);
    slot_rig_install_answering(r, slot, 2);
    for (int i = 0; i < 5; i++)
        assert_int_equal(slot_rig_answer(r, slot), 2);
    slot_rig_wait_reaped(r);
    assert_int_equal(berth_slot_versions(slot, versions, 4), 2);
    assert_int_equal(versions[0].version, 2);
    assert_int_equal(versions[0].answered, 5);
    assert_int_equal(versions[1].version, 1);
    assert_int_equal(versions[1].answered, 3);
    assert_string_equal(versions[1].plugin_name, "made");
    assert_string_equal(versions[1].plugin_version, "1");
    assert_int_equal(berth_slot_rollback(slot, NULL, NULL), BERTH_OK);
    assert_int_equal(slot_rig_answer(r, slot), 1);
    slot_rig_wait_reaped(r);
    assert_int_equal(berth_slot_versions(slot, versions, 4), 1);
    assert_int_equal(versions[0].version, 1);
    assert_int_equal(versions[0].answered, 4);
    assert_int_equal(versions[0].calls, 4);
    assert_int_equal(versions[0].failed, 0);
    assert_int_equal(slot_rig_stats(slot).answered, 9);
}

/* ---- in two halves ---- */

static berth_version *prepare(slot_rig *r, berth_slot *slot, uint32_t number)
{
    berth_version *version = NULL;
    size_t size;
    uint8_t *bytes = plugin_answering(number, &size);

    if (berth_slot_prepare(slot, bytes, size, &version, &r->diag) != BERTH_OK)
        fail_msg("%s", r->diag.text);
    free(bytes);
    return version;
}

static void what_is_prepared_is_seen_after_the_swap(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "a", NULL), *other = slot_rig_open(r, "b", NULL);
    berth_version *two, *three, *four;

    slot_rig_install_answering(r, slot, 1);
    two = prepare(r, slot, 2);
    three = prepare(r, slot, 3);
    assert_int_equal(slot_rig_answer(r, slot), 1);
    assert_int_equal(slot_rig_stats(slot).version, 1);
    assert_int_equal(berth_slot_swap(other, two, &r->diag), BERTH_E_INVALID);
    assert_int_equal(berth_slot_swap(slot, three, &r->diag), BERTH_OK);
    assert_int_equal(slot_rig_answer(r, slot), 3);
    assert_int_equal(slot_rig_stats(slot).version, 2); /* numbered as they are published */
    assert_int_equal(berth_slot_swap(slot, two, &r->diag), BERTH_OK);
    assert_int_equal(slot_rig_answer(r, slot), 2);
    assert_int_equal(slot_rig_stats(slot).version, 3);
    assert_int_equal(berth_slot_rollback(slot, NULL, NULL), BERTH_OK);
    assert_int_equal(slot_rig_answer(r, slot), 3);
    four = prepare(r, slot, 4);
    berth_version_discard(four);
    berth_version_discard(NULL);
    assert_int_equal(slot_rig_answer(r, slot), 3);
}

static void a_swap_into_an_evicted_slot_is_refused(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "a", NULL);
    berth_version *version = prepare(r, slot, 1);

    assert_int_equal(berth_slot_evict(r->runtime, NULL, "a"), BERTH_OK);
    slot_rig_check(r, berth_slot_swap(slot, version, &r->diag), BERTH_E_STATE,
                   BERTH_REASON_NONE, "evicted");
    berth_version_discard(version);
    assert_int_equal(slot_rig_try_spec(r, slot, &(plugin_spec){ .number = 1 }), BERTH_E_STATE);
    assert_int_equal(berth_slot_rollback(slot, NULL, &r->diag), BERTH_E_STATE);
}

/* ---- kinds ---- */

static void the_first_install_decides_profile_and_kind(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "a", NULL), *pinned;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    plugin_spec cclb = { .is_cclb = true };
    berth_version *filter;
    uint8_t *bytes;
    size_t size;

    slot_rig_install_answering(r, slot, 1);
    assert_int_equal(slot_rig_try_spec(r, slot, &cclb), BERTH_E_REJECTED);
    assert_int_equal(slot_rig_answer(r, slot), 1);
    opt.profile = "cc-lb/1";
    pinned = slot_rig_open(r, "b", &opt);
    assert_int_equal(slot_rig_try_spec(r, pinned, &(plugin_spec){ .number = 1 }),
                     BERTH_E_REJECTED);
    assert_int_equal(slot_rig_install_spec(r, pinned, &cclb), 1);
    /* Prepared for a slot that was decided otherwise meanwhile. */
    slot = slot_rig_open(r, "c", NULL);
    bytes = plugin_make(&cclb, &size);
    assert_int_equal(berth_slot_prepare(slot, bytes, size, &filter, &r->diag), BERTH_OK);
    free(bytes);
    slot_rig_install_answering(r, slot, 1);
    slot_rig_check(r, berth_slot_swap(slot, filter, &r->diag), BERTH_E_STATE, BERTH_REASON_NONE,
                   "slot 'c' is registered as berth-hook/1 hook; it cannot be reused for "
                   "cc-lb/1 filter");
    berth_version_discard(filter);
    assert_int_equal(slot_rig_answer(r, slot), 1);
}

static void a_refused_install_decides_nothing(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "a", NULL);
    plugin_spec bad = { .is_cclb = true, .hook = PLUGIN_CODE(PLUGIN_TRAP) };

    assert_int_equal(slot_rig_try_spec(r, slot, &bad), BERTH_E_TRAP);
    assert_int_equal(slot_rig_install_answering(r, slot, 1), 1);
}

/* I4: of hooks that do not all fit, none takes a place. */
static void a_refused_install_uses_up_no_hook_names(void **state)
{
    slot_rig *r = *state;
    plugin_spec two = { .has_second = true }, one = { 0 };
    berth_slot *slot = slot_rig_open(r, "a", NULL);
    uint32_t hook;
    char name[16];

    for (unsigned i = 0; i < 31; i++) {
        snprintf(name, sizeof name, "asked%u", i);
        assert_int_equal(slot_rig_hook(r, slot, name), i);
    }
    slot_rig_check(r, slot_rig_try_spec(r, slot, &two), BERTH_E_LIMIT, BERTH_REASON_NAME,
                   "knows 32 hook names already");
    assert_int_equal(berth_slot_hook(slot, "asked31", &hook, &r->diag), BERTH_OK);
    assert_int_equal(hook, 31);
    slot_rig_check(r, slot_rig_try_spec(r, slot, &one), BERTH_E_LIMIT, BERTH_REASON_NAME,
                   "knows 32 hook names already");
}

static void wrong_arguments_are_told(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "a", NULL);
    berth_version *version;

    assert_int_equal(berth_slot_install(NULL, "x", 1, NULL, &r->diag), BERTH_E_INVALID);
    assert_int_equal(berth_slot_install(slot, NULL, 1, NULL, &r->diag), BERTH_E_INVALID);
    assert_int_equal(berth_slot_install(slot, NULL, 0, NULL, &r->diag), BERTH_E_REJECTED);
    assert_int_equal(berth_slot_install_file(slot, NULL, NULL, &r->diag), BERTH_E_INVALID);
    assert_int_equal(berth_slot_prepare(slot, NULL, 1, &version, &r->diag), BERTH_E_INVALID);
    assert_int_equal(berth_slot_swap(slot, NULL, &r->diag), BERTH_E_INVALID);
    assert_int_equal(berth_slot_rollback(NULL, NULL, &r->diag), BERTH_E_INVALID);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(versions_count_from_one),
        slot_test(the_same_bytes_change_nothing),
        slot_test(every_beginning_of_a_plugin_is_refused),
        slot_test(a_file_is_installed_as_its_bytes),
        slot_test(a_rollback_publishes_the_version_before_once),
        slot_test(a_rollback_compiles_and_probes_nothing),
        slot_test(a_rollback_finds_instances_of_the_version_before),
        slot_test(a_version_that_came_back_keeps_what_it_had_counted),
        slot_test(what_is_prepared_is_seen_after_the_swap),
        slot_test(a_swap_into_an_evicted_slot_is_refused),
        slot_test(the_first_install_decides_profile_and_kind),
        slot_test(a_refused_install_decides_nothing),
        slot_test(a_refused_install_uses_up_no_hook_names),
        slot_test(wrong_arguments_are_told),
    };

    return slot_rig_run("installs", tests, sizeof tests / sizeof *tests);
}
