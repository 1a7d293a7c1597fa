/* bundle_sign_test.c - keys, signatures, and which bundle is taken under which policy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bundle/bundle.h"
#include "bundle_folder.h"

typedef struct rig {
    bundle_folder folder;
    berth_key_pair ours, other;
} rig;

static void sign(const rig *t, const char *name, const berth_key_pair *pair)
{
    char text[BERTH_SIGNATURE_TEXT_MAX], path[128];
    berth_diag diag = { 0 };

    if (berth_bundle_sign(NULL, bundle_folder_at(&t->folder, name), pair, text, NULL, &diag) !=
        BERTH_OK)
        fail_msg("%s", diag.text);
    snprintf(path, sizeof path, "%s/berth.sig", name);
    bundle_folder_put(&t->folder, path, text, strlen(text));
}

static int make(void **state)
{
    rig *t = calloc(1, sizeof *t);

    assert_non_null(t);
    bundle_folder_make(&t->folder);
    assert_int_equal(berth_key_generate(&t->ours, NULL), BERTH_OK);
    assert_int_equal(berth_key_generate(&t->other, NULL), BERTH_OK);
    bundle_folder_bundle(&t->folder, "b", "b", "1.0.0", "");
    bundle_folder_text(&t->folder, "b/data/x", "1");
    sign(t, "b", &t->ours);
    *state = t;
    return 0;
}

static int clean(void **state)
{
    rig *t = *state;

    bundle_folder_remove(&t->folder);
    free(t);
    return 0;
}

/* ---------------------------------------------------------------- keys */

static void keys_are_read_as_they_are_written(void **state)
{
    rig *t = *state;
    char text[BERTH_KEY_TEXT_MAX];
    berth_key_pair pair;
    size_t size;

    size = berth_key_write(&t->ours, 1, text);
    assert_int_equal(size, strlen(text));
    assert_int_equal(berth_key_read(text, size, &pair, NULL), BERTH_OK);
    assert_memory_equal(&pair, &t->ours, sizeof pair);
    size = berth_key_write(&t->ours, 0, text);
    assert_null(strstr(text, "secret"));
    assert_int_equal(berth_key_read(text, size, &pair, NULL), BERTH_OK);
    assert_int_equal(pair.has_secret, 0);
    assert_memory_equal(pair.public_key, t->ours.public_key, sizeof pair.public_key);
    assert_memory_not_equal(t->ours.secret_key, t->other.secret_key, sizeof pair.secret_key);
}

static void any_other_text_is_no_key(void **state)
{
    rig *t = *state;
    char text[BERTH_KEY_TEXT_MAX];
    berth_key_pair pair = { .has_secret = 7 };
    size_t size;

    for (uint32_t with_secret = 0; with_secret < 2; with_secret++) {
        size = berth_key_write(&t->ours, with_secret, text);
        for (size_t cut = 0; cut < size; cut++)
            assert_int_equal(berth_key_read(text, cut, &pair, NULL), BERTH_E_REJECTED);
        assert_int_equal(berth_key_read(text, size + 1, &pair, NULL), BERTH_E_REJECTED);
        for (size_t at = 0; at < size; at++) {
            char kept = text[at];

            text[at] = kept == 'A' ? 'B' : 'A'; /* upper case is another text */
            assert_int_equal(berth_key_read(text, size, &pair, NULL), BERTH_E_REJECTED);
            text[at] = kept;
        }
    }
    /* A secret key with the public one of another: nobody signs with what is half changed. */
    size = berth_key_write(&t->ours, 1, text);
    text[size - 2] = text[size - 2] == '0' ? '1' : '0';
    assert_int_equal(berth_key_read(text, size, &pair, NULL), BERTH_E_REJECTED);
    assert_int_equal(pair.has_secret, 7);
}

static void a_public_key_signs_nothing(void **state)
{
    rig *t = *state;
    char text[BERTH_SIGNATURE_TEXT_MAX];
    berth_key_pair pair = t->ours;

    pair.has_secret = 0;
    assert_int_equal(
        berth_bundle_sign(NULL, bundle_folder_at(&t->folder, "b"), &pair, text, NULL, NULL),
        BERTH_E_INVALID);
}

/* RFC 8032, 7.1, test 1: the keys of that seed.  So they are Ed25519 keys and no others. */
static void a_seed_gives_the_public_key_that_rfc_8032_says(void **state)
{
    static const char text[] =
        "berth-secret-key 1\n"
        "public d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a\n"
        "secret 9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60\n";
    berth_key_pair pair;

    (void)state;
    assert_int_equal(berth_key_read(text, sizeof text - 1, &pair, NULL), BERTH_OK);
}

/* ---------------------------------------------------------------- the matrix */

typedef struct outcome {
    berth_status off, warn, require; /* with our key trusted */
    uint32_t state;                  /* what warn says */
} outcome;

static berth_status read_under(const rig *t, uint32_t policy, uint32_t *state_out,
                               berth_diag *diag)
{
    berthi_trust trust = { policy, 1, t->ours.public_key };
    berthi_bundle_reading how = { .allocator = &berthi_allocator_libc,
                                  .trust = &trust,
                                  .with_bytes = true };
    berthi_bundle *bundle;
    berth_status status =
        berthi_bundle_read(bundle_folder_at(&t->folder, "b"), &how, &bundle, diag);

    if (status == BERTH_OK) {
        *state_out = bundle->signature.state;
        berthi_bundle_free(bundle);
    }
    return status;
}

static void assert_outcome(const rig *t, const char *what, outcome wanted)
{
    berth_diag diag = { 0 };
    uint32_t state = 99;

    if (read_under(t, BERTH_SIGNATURE_OFF, &state, &diag) != wanted.off)
        fail_msg("%s, off: %s", what, diag.text);
    assert_true(wanted.off != BERTH_OK || state == BERTH_SIGNATURE_UNCHECKED);
    if (read_under(t, BERTH_SIGNATURE_WARN, &state, &diag) != wanted.warn)
        fail_msg("%s, warn: %s", what, diag.text);
    if (wanted.warn == BERTH_OK && state != wanted.state)
        fail_msg("%s: state %u", what, state);
    if (read_under(t, BERTH_SIGNATURE_REQUIRE, &state, &diag) != wanted.require)
        fail_msg("%s, require: %s", what, diag.text);
    assert_true(wanted.require != BERTH_OK || state == BERTH_SIGNATURE_GOOD);
}

static const outcome taken = { BERTH_OK, BERTH_OK, BERTH_OK, BERTH_SIGNATURE_GOOD };

static outcome refused(uint32_t state)
{
    return (outcome){ BERTH_OK, BERTH_OK, BERTH_E_REJECTED, state };
}

static void what_was_signed_by_a_trusted_key_is_taken(void **state)
{
    assert_outcome(*state, "signed", taken);
}

static void what_is_not_signed_is_refused_when_it_has_to_be(void **state)
{
    rig *t = *state;

    bundle_folder_delete(&t->folder, "b/berth.sig");
    assert_outcome(t, "unsigned", refused(BERTH_SIGNATURE_UNSIGNED));
}

static void what_was_changed_is_refused(void **state)
{
    rig *t = *state;

    bundle_folder_text(&t->folder, "b/data/x", "2");
    assert_outcome(t, "changed", refused(BERTH_SIGNATURE_WRONG));
    bundle_folder_text(&t->folder, "b/data/x", "1");
    assert_outcome(t, "as it was", taken);
    bundle_folder_text(&t->folder, "b/data/new", "1");
    assert_outcome(t, "added", refused(BERTH_SIGNATURE_WRONG));
    bundle_folder_delete(&t->folder, "b/data/new");
    bundle_folder_delete(&t->folder, "b/data/x");
    assert_outcome(t, "removed", refused(BERTH_SIGNATURE_WRONG));
}

static void a_changed_manifest_is_refused(void **state)
{
    rig *t = *state;

    bundle_folder_bundle(&t->folder, "b", "b", "1.0.0", "[limits]\nmemory = \"1GiB\"\n");
    assert_outcome(t, "manifest", refused(BERTH_SIGNATURE_WRONG));
}

static void a_changed_artifact_is_refused(void **state)
{
    rig *t = *state;

    bundle_folder_put(&t->folder, "b/it.wasm", "\0asm\x0d\0\1\0\0\1\0", 11);
    assert_outcome(t, "artifact", refused(BERTH_SIGNATURE_WRONG));
}

static void another_key_is_not_trusted(void **state)
{
    rig *t = *state;

    sign(t, "b", &t->other);
    assert_outcome(t, "other key", refused(BERTH_SIGNATURE_UNTRUSTED));
}

static void a_signature_of_another_bundle_is_refused(void **state)
{
    rig *t = *state;
    char text[BERTH_SIGNATURE_TEXT_MAX];

    bundle_folder_bundle(&t->folder, "c", "c", "1.0.0", "");
    assert_int_equal(
        berth_bundle_sign(NULL, bundle_folder_at(&t->folder, "c"), &t->ours, text, NULL, NULL),
        BERTH_OK);
    bundle_folder_put(&t->folder, "b/berth.sig", text, strlen(text));
    assert_outcome(t, "of another", refused(BERTH_SIGNATURE_WRONG));
}

static void links_and_names_that_are_no_text_are_refused_when_looked_at(void **state)
{
    const outcome unreadable = { BERTH_OK, BERTH_E_REJECTED, BERTH_E_REJECTED, 0 };
    rig *t = *state;

    bundle_folder_link(&t->folder, "b/data/link", "x");
    assert_outcome(t, "link", unreadable);
    bundle_folder_delete(&t->folder, "b/data/link");
    bundle_folder_text(&t->folder, "b/\xff", "x");
    assert_outcome(t, "name", unreadable);
    bundle_folder_delete(&t->folder, "b/\xff");
    bundle_folder_delete(&t->folder, "b/berth.sig");
    bundle_folder_link(&t->folder, "b/berth.sig", "data/x");
    assert_outcome(t, "signature", unreadable);
}

static void no_byte_of_a_signature_can_be_changed(void **state)
{
    rig *t = *state;
    berthi_trust trust = { BERTH_SIGNATURE_WARN, 1, t->ours.public_key };
    uint8_t digest[BERTHI_SHA256_SIZE];
    char text[BERTH_SIGNATURE_TEXT_MAX];
    berthi_signed is_signed;
    size_t size;

    assert_int_equal(berth_bundle_sign(NULL, bundle_folder_at(&t->folder, "b"), &t->ours, text,
                                       digest, NULL),
                     BERTH_OK);
    size = strlen(text);
    berthi_signature_check(text, size, digest, &trust, &is_signed);
    assert_int_equal(is_signed.state, BERTH_SIGNATURE_GOOD);
    assert_memory_equal(is_signed.key, t->ours.public_key, sizeof is_signed.key);
    for (size_t cut = 0; cut < size; cut++) {
        berthi_signature_check(text, cut, digest, &trust, &is_signed);
        assert_int_equal(is_signed.state, BERTH_SIGNATURE_MALFORMED);
    }
    for (size_t at = 0; at < size; at++) {
        char kept = text[at];

        text[at] = kept == '0' ? '1' : '0';
        berthi_signature_check(text, size, digest, &trust, &is_signed);
        assert_int_not_equal(is_signed.state, BERTH_SIGNATURE_GOOD);
        text[at] = kept;
    }
    for (unsigned bit = 0; bit < 8 * sizeof digest; bit++) {
        digest[bit / 8] ^= (uint8_t)(1u << bit % 8);
        berthi_signature_check(text, size, digest, &trust, &is_signed);
        assert_int_equal(is_signed.state, BERTH_SIGNATURE_WRONG);
        digest[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void a_key_of_small_order_signs_for_nobody(void **state)
{
    /* The neutral element as key, and R = neutral, S = 0: good by the equation alone, for any text. */
    static const char text[] =
        "berth-signature 1\n"
        "public 0100000000000000000000000000000000000000000000000000000000000000\n"
        "signature 0100000000000000000000000000000000000000000000000000000000000000"
        "0000000000000000000000000000000000000000000000000000000000000000\n";
    static const uint8_t key[BERTH_KEY_SIZE] = { 1 };
    static const uint8_t digest[BERTHI_SHA256_SIZE] = { 5 };
    berthi_trust trust = { BERTH_SIGNATURE_WARN, 1, key };
    berthi_signed is_signed;

    (void)state;
    berthi_signature_check(text, sizeof text - 1, digest, &trust, &is_signed);
    assert_int_equal(is_signed.state, BERTH_SIGNATURE_WRONG);
}

static void verifying_says_what_a_signature_is_worth(void **state)
{
    rig *t = *state;
    const char *b = bundle_folder_at(&t->folder, "b");
    berth_bundle_trust trust = BERTH_BUNDLE_TRUST_INIT;
    uint8_t keys[2][BERTH_KEY_SIZE];

    memcpy(keys[0], t->other.public_key, BERTH_KEY_SIZE);
    memcpy(keys[1], t->ours.public_key, BERTH_KEY_SIZE);
    assert_int_equal(berth_bundle_verify(NULL, b, keys[0], 2, &trust, NULL), BERTH_OK);
    assert_int_equal(trust.state, BERTH_SIGNATURE_GOOD);
    assert_string_equal(trust.why, "");
    assert_memory_equal(trust.key, t->ours.public_key, sizeof trust.key);
    assert_int_equal(berth_bundle_verify(NULL, b, NULL, 0, &trust, NULL), BERTH_OK);
    assert_int_equal(trust.state, BERTH_SIGNATURE_UNTRUSTED);
    bundle_folder_text(&t->folder, "b/berth.sig", "x");
    assert_int_equal(berth_bundle_verify(NULL, b, NULL, 0, &trust, NULL), BERTH_OK);
    assert_int_equal(trust.state, BERTH_SIGNATURE_MALFORMED);
    assert_string_equal(trust.why, "its berth.sig is no signature");
    trust.size = 0;
    assert_int_equal(berth_bundle_verify(NULL, b, NULL, 0, &trust, NULL), BERTH_E_INVALID);
}

static void signatures_that_are_required_need_a_key(void **state)
{
    rig *t = *state;
    const char *paths[1] = { bundle_folder_at(&t->folder, "b") };
    berth_catalog_options options = BERTH_CATALOG_OPTIONS_INIT;
    berth_catalog *catalog;

    options.policy = BERTH_SIGNATURE_REQUIRE;
    assert_int_equal(berth_catalog_read(NULL, paths, 1, &options, &catalog, NULL),
                     BERTH_E_INVALID);
    options.keys = t->ours.public_key;
    options.keys_count = 1;
    assert_int_equal(berth_catalog_read(NULL, paths, 1, &options, &catalog, NULL), BERTH_OK);
    assert_non_null(strstr(berth_catalog_json(catalog), "\"signature\": \"good\""));
    berth_catalog_destroy(catalog);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, make, clean)

/* ---------------------------------------------------------------- of another system */

#define POLYPLUG                                                                               \
    "name = \"test_plugin\"\nid = 11175554700064995833\nversion = \"1.0.0\"\nloader = "        \
    "\"native\"\nfile = \"libx.so\"\n"

/* Made by another program, of the key whose seed is 0, 1, ... 31, for the files below. */
static const uint8_t polyplug_signature[103] = {
    0x50, 0x50, 0x53, 0x49, 0x47, 0x00, 0x01, 0x03, 0xa1, 0x07, 0xbf, 0xf3, 0xce, 0x10, 0xbe,
    0x1d, 0x70, 0xdd, 0x18, 0xe7, 0x4b, 0xc0, 0x99, 0x67, 0xe4, 0xd6, 0x30, 0x9b, 0xa5, 0x0d,
    0x5f, 0x1d, 0xdc, 0x86, 0x64, 0x12, 0x55, 0x31, 0xb8, 0x65, 0x5b, 0x10, 0x8a, 0x74, 0x00,
    0x5b, 0xce, 0x73, 0xd3, 0xac, 0xc8, 0x4e, 0x09, 0xb4, 0x0a, 0x5a, 0x1b, 0x44, 0xaa, 0x77,
    0x29, 0x4e, 0xa2, 0xf6, 0xa7, 0xb9, 0xce, 0xe6, 0x51, 0xef, 0xbc, 0x64, 0xa9, 0xca, 0xa4,
    0xb8, 0x37, 0x74, 0x1c, 0xd1, 0xf8, 0xfd, 0x76, 0xf9, 0xcf, 0xf9, 0x43, 0x61, 0xf4, 0x1a,
    0x52, 0x42, 0x24, 0xb4, 0xe7, 0xfb, 0x87, 0xe7, 0x30, 0xb8, 0x67, 0xb2, 0x00,
};
static const uint8_t polyplug_key[BERTH_KEY_SIZE] = {
    0x03, 0xa1, 0x07, 0xbf, 0xf3, 0xce, 0x10, 0xbe, 0x1d, 0x70, 0xdd,
    0x18, 0xe7, 0x4b, 0xc0, 0x99, 0x67, 0xe4, 0xd6, 0x30, 0x9b, 0xa5,
    0x0d, 0x5f, 0x1d, 0xdc, 0x86, 0x64, 0x12, 0x55, 0x31, 0xb8,
};

static uint32_t state_of(const rig *t, const char *name, const uint8_t *key)
{
    berth_bundle_trust trust = BERTH_BUNDLE_TRUST_INIT;
    berth_diag diag = { 0 };

    if (berth_bundle_verify(NULL, bundle_folder_at(&t->folder, name), key, 1, &trust, &diag) !=
        BERTH_OK)
        fail_msg("%s", diag.text);
    return trust.state;
}

static void put_polyplug_bundle(const rig *t)
{
    bundle_folder_put(&t->folder, "p/manifest.toml", POLYPLUG, strlen(POLYPLUG));
    bundle_folder_put(&t->folder, "p/libx.so", "no ELF", 6);
    bundle_folder_put(&t->folder, "p/data/a", "1", 1);
}

static void a_bundle_of_polyplug_keeps_its_signature(void **state)
{
    rig *t = *state;
    uint8_t changed[sizeof polyplug_signature + 1] = { 0 };
    char key_file[39] = "PPKEY\0\2";
    berth_key_pair pair;

    memcpy(key_file + 7, polyplug_key, sizeof polyplug_key);
    assert_int_equal(berth_key_read(key_file, sizeof key_file, &pair, NULL), BERTH_OK);
    assert_int_equal(pair.has_secret, 0);
    assert_memory_equal(pair.public_key, polyplug_key, sizeof polyplug_key);
    key_file[6] = 1; /* a signing key is none of ours */
    assert_int_equal(berth_key_read(key_file, sizeof key_file, &pair, NULL), BERTH_E_REJECTED);

    put_polyplug_bundle(t);
    assert_int_equal(state_of(t, "p", polyplug_key), BERTH_SIGNATURE_UNSIGNED);
    bundle_folder_put(&t->folder, "p/bundle.sig", polyplug_signature,
                      sizeof polyplug_signature);
    assert_int_equal(state_of(t, "p", polyplug_key), BERTH_SIGNATURE_GOOD);
    assert_int_equal(state_of(t, "p", t->ours.public_key), BERTH_SIGNATURE_UNTRUSTED);
    for (size_t at = 0; at < sizeof polyplug_signature; at++) {
        uint32_t found;

        memcpy(changed, polyplug_signature, sizeof polyplug_signature);
        changed[at] ^= 1;
        bundle_folder_put(&t->folder, "p/bundle.sig", changed, sizeof polyplug_signature);
        found = state_of(t, "p", polyplug_key);
        assert_int_equal(found, at < 7 ? BERTH_SIGNATURE_MALFORMED : BERTH_SIGNATURE_WRONG);
    }
    bundle_folder_put(&t->folder, "p/bundle.sig", changed, sizeof changed);
    assert_int_equal(state_of(t, "p", polyplug_key), BERTH_SIGNATURE_MALFORMED);
    bundle_folder_put(&t->folder, "p/bundle.sig", "", 0);
    assert_int_equal(state_of(t, "p", polyplug_key), BERTH_SIGNATURE_MALFORMED);
}

static void what_polyplug_did_not_sign_is_seen(void **state)
{
    rig *t = *state;

    put_polyplug_bundle(t);
    bundle_folder_put(&t->folder, "p/bundle.sig", polyplug_signature,
                      sizeof polyplug_signature);
    bundle_folder_put(&t->folder, "p/data/a", "2", 1);
    assert_int_equal(state_of(t, "p", polyplug_key), BERTH_SIGNATURE_WRONG);
    bundle_folder_put(&t->folder, "p/data/a", "1", 1);
    bundle_folder_put(&t->folder, "p/data/bundle.sig", "x",
                      1); /* at the top alone it is left out */
    assert_int_equal(state_of(t, "p", polyplug_key), BERTH_SIGNATURE_WRONG);
    /* One of ours covers all of it, and is what counts where it is there. */
    sign(t, "p", &t->ours);
    assert_int_equal(state_of(t, "p", t->ours.public_key), BERTH_SIGNATURE_GOOD);
    bundle_folder_put(&t->folder, "p/bundle.sig", "", 0);
    assert_int_equal(state_of(t, "p", t->ours.public_key), BERTH_SIGNATURE_WRONG);
    /* In a bundle of ours it is a file like others. */
    bundle_folder_bundle(&t->folder, "q", "q", "1.0.0", "");
    bundle_folder_put(&t->folder, "q/bundle.sig", polyplug_signature,
                      sizeof polyplug_signature);
    assert_int_equal(state_of(t, "q", polyplug_key), BERTH_SIGNATURE_UNSIGNED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(keys_are_read_as_they_are_written),
        WITH_RIG(any_other_text_is_no_key),
        WITH_RIG(a_public_key_signs_nothing),
        cmocka_unit_test(a_seed_gives_the_public_key_that_rfc_8032_says),
        WITH_RIG(what_was_signed_by_a_trusted_key_is_taken),
        WITH_RIG(what_is_not_signed_is_refused_when_it_has_to_be),
        WITH_RIG(what_was_changed_is_refused),
        WITH_RIG(a_changed_manifest_is_refused),
        WITH_RIG(a_changed_artifact_is_refused),
        WITH_RIG(another_key_is_not_trusted),
        WITH_RIG(a_signature_of_another_bundle_is_refused),
        WITH_RIG(links_and_names_that_are_no_text_are_refused_when_looked_at),
        WITH_RIG(no_byte_of_a_signature_can_be_changed),
        cmocka_unit_test(a_key_of_small_order_signs_for_nobody),
        WITH_RIG(verifying_says_what_a_signature_is_worth),
        WITH_RIG(signatures_that_are_required_need_a_key),
        WITH_RIG(a_bundle_of_polyplug_keeps_its_signature),
        WITH_RIG(what_polyplug_did_not_sign_is_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
