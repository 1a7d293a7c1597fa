/* bundle_read_test.c - folders as bundles: what is confined, what is signed, what is found. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "bundle/bundle.h"
#include "bundle_folder.h"
#include "os_faults.h"
#include "process.h"

static const berthi_bundle_reading with_bytes = { .allocator = &berthi_allocator_libc,
                                                  .with_bytes = true };

static bundle_folder folder;

static int make(void **state)
{
    (void)state;
    bundle_folder_make(&folder);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    bundle_folder_remove(&folder);
    return 0;
}

static void assert_refused(const char *name, const berthi_bundle_reading *how,
                           berth_status wanted, const char *why)
{
    size_t descriptors = process_descriptors();
    berthi_bundle *bundle = NULL;
    berth_diag diag = { 0 };
    berth_status status =
        berthi_bundle_read(bundle_folder_at(&folder, name), how, &bundle, &diag);

    if (status != wanted || strstr(diag.text, why) == NULL)
        fail_msg("%s: %s: %s", name, berth_status_name(status), diag.text);
    assert_null(bundle);
    assert_int_equal(process_descriptors(), descriptors);
}

static void assert_read(const char *name, const berthi_bundle_reading *how)
{
    berthi_bundle *bundle = NULL;
    berth_diag diag = { 0 };

    if (berthi_bundle_read(bundle_folder_at(&folder, name), how, &bundle, &diag) != BERTH_OK)
        fail_msg("%s: %s", name, diag.text);
    berthi_bundle_free(bundle);
}

/* ---------------------------------------------------------------- reading */

static void a_bundle_is_read_with_its_artifact(void **state)
{
    size_t descriptors = process_descriptors();
    berthi_bundle *bundle;

    (void)state;
    bundle_folder_bundle(&folder, "b", "b", "1.2.3", "");
    assert_int_equal(
        berthi_bundle_read(bundle_folder_at(&folder, "b"), &with_bytes, &bundle, NULL),
        BERTH_OK);
    assert_string_equal(bundle->manifest.slot, "b@1");
    assert_int_equal(bundle->bytes.size, 8);
    assert_int_equal(bundle->signature.state, BERTH_SIGNATURE_UNCHECKED);
    assert_false(bundle->is_digested);
    berthi_bundle_free(bundle);
    assert_int_equal(process_descriptors(), descriptors);
}

static void what_is_no_bundle_is_said(void **state)
{
    (void)state;
    bundle_folder_text(&folder, "b/other", "x");
    assert_refused("absent", &with_bytes, BERTH_E_OS, "absent: cannot be opened");
    assert_refused("b", &with_bytes, BERTH_E_ABSENT, "b/berth.toml: is not there");
    assert_refused("b/other", &with_bytes, BERTH_E_OS, "cannot be opened");
    bundle_folder_text(&folder, "b/berth.toml", "[bundle]\nname = 1\n");
    assert_refused("b", &with_bytes, BERTH_E_REJECTED, "b/berth.toml:2:8: `bundle.name`");
}

static void an_artifact_has_to_be_there_and_of_its_kind(void **state)
{
    (void)state;
    bundle_folder_bundle(&folder, "b", "b", "1.0.0", "");
    bundle_folder_put(&folder, "b/it.wasm", "\0asm\1\0\0\0", 8);
    assert_refused("b", &with_bytes, BERTH_E_REJECTED, "it.wasm: is no component");
    bundle_folder_delete(&folder, "b/it.wasm");
    assert_refused("b", &with_bytes, BERTH_E_ABSENT, "b/it.wasm: is not there");
    assert_int_equal(mkdir(bundle_folder_at(&folder, "b/it.wasm"), 0700), 0);
    assert_refused("b", &with_bytes, BERTH_E_INVALID, "is not a regular file");
    bundle_folder_text(&folder, "c/berth.toml",
                       "[bundle]\nname = \"c\"\nversion = \"1.0.0\"\n"
                       "[[artifact]]\nkind = \"module\"\nfile = \"x\"\nos = \"windows\"\n");
    assert_refused("c", &with_bytes, BERTH_E_REJECTED, "it has no artifact for linux");
}

static void an_artifact_past_the_limit_is_not_read(void **state)
{
    berthi_bundle_reading how = with_bytes;

    (void)state;
    bundle_folder_bundle(&folder, "b", "b", "1.0.0", "");
    how.artifact_bytes_max = 8;
    assert_read("b", &how);
    how.artifact_bytes_max = 7;
    assert_refused("b", &how, BERTH_E_LIMIT, "has 8 bytes and 7 are allowed");
}

static void nothing_is_read_through_a_link(void **state)
{
    (void)state;
    bundle_folder_text(&folder, "outside", "x");
    bundle_folder_bundle(&folder, "b", "b", "1.0.0", "");
    bundle_folder_delete(&folder, "b/it.wasm");
    bundle_folder_link(&folder, "b/it.wasm", "../outside");
    assert_refused("b", &with_bytes, BERTH_E_REJECTED, "is or passes a symbolic link");
    bundle_folder_delete(&folder, "b/it.wasm");
    bundle_folder_link(&folder, "b/it.wasm", "berth.toml"); /* inside is no better */
    assert_refused("b", &with_bytes, BERTH_E_REJECTED, "is or passes a symbolic link");
    bundle_folder_text(&folder, "c/berth.toml",
                       "[bundle]\nname = \"c\"\nversion = \"1.0.0\"\n"
                       "[[artifact]]\nkind = \"component\"\nfile = \"d/it.wasm\"\n");
    bundle_folder_link(&folder, "c/d", "../b");
    assert_refused("c", &with_bytes, BERTH_E_REJECTED, "is or passes a symbolic link");
    bundle_folder_delete(&folder, "b/berth.toml");
    bundle_folder_link(&folder, "b/berth.toml", "../c/berth.toml");
    assert_refused("b", &with_bytes, BERTH_E_REJECTED, "is or passes a symbolic link");
}

#ifdef BERTH_FAULTS
static void links_are_refused_where_the_kernel_does_not_help(void **state)
{
    static const int codes[] = { ENOSYS, EPERM, EINVAL, EAGAIN };

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        os_faults_begin(0, true, codes[i]);
        os_faults_only("openat2");
        nothing_is_read_through_a_link(state);
        assert_true(os_faults_failed() >= 4);
        os_faults_end();
        clean(state);
        make(state);
    }
    bundle_folder_bundle(&folder, "b", "b", "1.0.0", "");
    bundle_folder_text(&folder, "b/x/y/z", "deep");
    os_faults_begin(0, true, ENOSYS);
    os_faults_only("openat2");
    assert_read("b", &(berthi_bundle_reading){ .allocator = &berthi_allocator_libc,
                                               .with_bytes = true,
                                               .with_digest = true });
    os_faults_end();
}
#endif

static void the_lexical_rule_alone_keeps_paths_below(void **state)
{
    static const char *const outside[] = { "",    "/",     "/a",   "a/",     "a//b", ".",  "..",
                                           "./a", "a/./b", "../a", "a/../b", "a/..", "a/." };

    (void)state;
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
        assert_false(berthi_path_stays_below(outside[i]));
    assert_true(berthi_path_stays_below("a"));
    assert_true(berthi_path_stays_below("a/b.c"));
    assert_true(berthi_path_stays_below("..a/.b/c.."));
}

/* ---------------------------------------------------------------- the digest */

static void digest_of(const char *name, uint8_t digest[BERTHI_SHA256_SIZE])
{
    const berthi_bundle_reading how = { .allocator = &berthi_allocator_libc,
                                        .with_digest = true };
    berthi_bundle *bundle;
    berth_diag diag = { 0 };

    if (berthi_bundle_read(bundle_folder_at(&folder, name), &how, &bundle, &diag) != BERTH_OK)
        fail_msg("%s", diag.text);
    assert_true(bundle->is_digested);
    memcpy(digest, bundle->digest, BERTHI_SHA256_SIZE);
    berthi_bundle_free(bundle);
}

static void every_file_is_in_the_digest_but_the_signature(void **state)
{
    uint8_t first[BERTHI_SHA256_SIZE], now[BERTHI_SHA256_SIZE];

    (void)state;
    bundle_folder_bundle(&folder, "b", "b", "1.0.0", "");
    bundle_folder_text(&folder, "b/data/x", "1");
    digest_of("b", first);
    bundle_folder_text(&folder, "b/berth.sig", "anything");
    digest_of("b", now);
    assert_memory_equal(first, now, sizeof first);
    bundle_folder_text(&folder, "b/data/x", "2"); /* changed */
    digest_of("b", now);
    assert_memory_not_equal(first, now, sizeof first);
    bundle_folder_text(&folder, "b/data/x", "1");
    bundle_folder_text(&folder, "b/.hidden", "%s", ""); /* added */
    digest_of("b", now);
    assert_memory_not_equal(first, now, sizeof first);
    bundle_folder_delete(&folder, "b/.hidden");
    digest_of("b", now);
    assert_memory_equal(first, now, sizeof first);
    assert_int_equal(
        rename(bundle_folder_at(&folder, "b/data/x"), bundle_folder_at(&folder, "b/data/y")),
        0); /* renamed */
    digest_of("b", now);
    assert_memory_not_equal(first, now, sizeof first);
    bundle_folder_delete(&folder, "b/data/y"); /* removed */
    digest_of("b", now);
    assert_memory_not_equal(first, now, sizeof first);
}

/* The bytes of docs/bundle-signature.md, put together here by hand. */
static void the_digest_is_what_its_document_says(void **state)
{
    static const char manifest[] = "[bundle]\nname = \"b\"\nversion = \"1.0.0\"\n"
                                   "[[artifact]]\nkind = \"component\"\nfile = \"it.wasm\"\n";
    uint8_t bytes[512], digest[BERTHI_SHA256_SIZE], wanted[BERTHI_SHA256_SIZE];
    size_t used = 0;

    (void)state;
    bundle_folder_bundle(&folder, "b", "b", "1.0.0", "");
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, "berth bundle 1", 14);
    used = 15;
    bytes[used] = 2; /* files */
    used += 8;
    bytes[used] = 10;
    used += 8;
    memcpy(bytes + used, "berth.toml", 10);
    used += 10;
    bytes[used] = sizeof manifest - 1;
    used += 8;
    assert_true(berthi_sha256(manifest, sizeof manifest - 1, bytes + used));
    used += 32;
    bytes[used] = 7;
    used += 8;
    memcpy(bytes + used, "it.wasm", 7);
    used += 7;
    bytes[used] = 8;
    used += 8;
    assert_true(berthi_sha256("\0asm\x0d\0\1\0", 8, bytes + used));
    used += 32;
    assert_true(berthi_sha256(bytes, used, wanted));
    digest_of("b", digest);
    assert_memory_equal(digest, wanted, sizeof wanted);
}

static void what_cannot_be_signed_is_refused(void **state)
{
    const berthi_bundle_reading how = { .allocator = &berthi_allocator_libc,
                                        .with_digest = true };

    (void)state;
    bundle_folder_bundle(&folder, "b", "b", "1.0.0", "");
    bundle_folder_link(&folder, "b/data/link", "../it.wasm");
    assert_refused("b", &how, BERTH_E_REJECTED, "data/link: is a symbolic link");
    bundle_folder_delete(&folder, "b/data/link");
    assert_int_equal(mkfifo(bundle_folder_at(&folder, "b/pipe"), 0600), 0);
    assert_refused("b", &how, BERTH_E_REJECTED, "pipe: is a device, a pipe or a socket");
    bundle_folder_delete(&folder, "b/pipe");
    bundle_folder_text(&folder, "b/caf\xe9", "x");
    assert_refused("b", &how, BERTH_E_REJECTED, "`caf\\xe9` is not plain UTF-8");
    bundle_folder_delete(&folder, "b/caf\xe9");
    bundle_folder_text(&folder, "b/a\nb", "x");
    assert_refused("b", &how, BERTH_E_REJECTED, "is not plain UTF-8");
    bundle_folder_delete(&folder, "b/a\nb");
    assert_read("b", &how);
}

/* ---------------------------------------------------------------- discovery */

static void bundles_are_found_in_the_order_of_their_folders(void **state)
{
    const char *paths[1] = { folder.path };
    berthi_catalog catalog;

    (void)state;
    bundle_folder_bundle(&folder, "c", "z", "1.0.0", "");
    bundle_folder_bundle(&folder, "a", "y", "1.0.0", "");
    bundle_folder_bundle(&folder, "b/deeper", "x", "1.0.0", ""); /* is not looked for */
    bundle_folder_text(&folder, "readme", "x");
    bundle_folder_text(&folder, "d/other", "no bundle");
    bundle_folder_text(&folder, "e/berth.toml", "[bundle\n");
    bundle_folder_bundle(&folder, ".hidden", "h", "1.0.0", "");
    berthi_catalog_init(&catalog, &berthi_allocator_libc);
    assert_int_equal(berthi_catalog_read(&catalog, paths, 1, &with_bytes, NULL), BERTH_OK);
    assert_int_equal(catalog.count, 2);
    assert_string_equal(catalog.bundles[0]->manifest.name, "y");
    assert_string_equal(catalog.bundles[1]->manifest.name, "z");
    assert_int_equal(catalog.problems.count, 1); /* a warning, and the others are there */
    assert_int_equal(catalog.problems.first->kind, BERTHI_PROBLEM_MALFORMED);
    assert_non_null(strstr(catalog.problems.first->text, "e/berth.toml:1:8: the header"));
    berthi_catalog_fini(&catalog);
}

static void a_named_path_has_to_be_a_bundle_or_hold_one(void **state)
{
    const char *paths[1];
    berthi_catalog catalog;
    berth_diag diag = { 0 };

    (void)state;
    bundle_folder_text(&folder, "empty/x", "x");
    paths[0] = bundle_folder_at(&folder, "empty");
    berthi_catalog_init(&catalog, &berthi_allocator_libc);
    assert_int_equal(berthi_catalog_read(&catalog, paths, 1, &with_bytes, &diag),
                     BERTH_E_ABSENT);
    paths[0] = "";
    assert_int_equal(berthi_catalog_read(&catalog, paths, 1, &with_bytes, &diag),
                     BERTH_E_ABSENT);
    bundle_folder_text(&folder, "bad/berth.toml", "x");
    paths[0] = bundle_folder_at(&folder, "bad");
    assert_int_equal(berthi_catalog_read(&catalog, paths, 1, &with_bytes, &diag),
                     BERTH_E_REJECTED);
    assert_int_equal(catalog.count, 0);
    berthi_catalog_fini(&catalog);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make, clean)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_bundle_is_read_with_its_artifact),
        IN_FOLDER(what_is_no_bundle_is_said),
        IN_FOLDER(an_artifact_has_to_be_there_and_of_its_kind),
        IN_FOLDER(an_artifact_past_the_limit_is_not_read),
        IN_FOLDER(nothing_is_read_through_a_link),
#ifdef BERTH_FAULTS
        IN_FOLDER(links_are_refused_where_the_kernel_does_not_help),
#endif
        cmocka_unit_test(the_lexical_rule_alone_keeps_paths_below),
        IN_FOLDER(every_file_is_in_the_digest_but_the_signature),
        IN_FOLDER(the_digest_is_what_its_document_says),
        IN_FOLDER(what_cannot_be_signed_is_refused),
        IN_FOLDER(bundles_are_found_in_the_order_of_their_folders),
        IN_FOLDER(a_named_path_has_to_be_a_bundle_or_hold_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
