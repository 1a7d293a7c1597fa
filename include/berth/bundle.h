/* berth/bundle.h - bundles: folders with plugins, what they need of each other, and who signed them.
 *
 * A bundle is a folder with a `berth.toml`, which names its artifacts, the contracts that it provides
 * and those that it requires (docs/bundles.md).  A catalogue is what stands in folders; a set of
 * bundles is what a runtime has loaded from there, each in a slot of its own named "NAME@TRACK", such
 * as "thumbs@1": versions of one track replace each other, others live side by side.
 *
 * Words: <berth/base.h>.  Stability: draft until 1.0.
 */
#ifndef BERTH_BUNDLE_H
#define BERTH_BUNDLE_H

#include <berth/slot.h>

BERTH_BEGIN

/* ---------------------------------------------------------------- signatures */

#define BERTH_KEY_SIZE 32u /* bytes of a public key, and of a secret one */

enum { BERTH_KEY_TEXT_MAX = 192, BERTH_SIGNATURE_TEXT_MAX = 320 }; /* with the terminator */

typedef struct berth_key_pair {
    uint8_t public_key[BERTH_KEY_SIZE];
    uint8_t secret_key[BERTH_KEY_SIZE]; /* zero in one that was read from a public key's text */
    uint32_t has_secret;
} berth_key_pair;

typedef enum berth_signature_policy {
    BERTH_SIGNATURE_OFF = 0,    /* signatures are not looked at */
    BERTH_SIGNATURE_WARN = 1,   /* what is wrong with one is said, and the bundle is taken */
    BERTH_SIGNATURE_REQUIRE = 2 /* only bundles that one of the keys signed are taken */
} berth_signature_policy;

typedef enum berth_signature_state {
    BERTH_SIGNATURE_UNCHECKED = 0,
    BERTH_SIGNATURE_GOOD = 1,      /* by a key that is trusted */
    BERTH_SIGNATURE_UNSIGNED = 2,  /* there is none */
    BERTH_SIGNATURE_MALFORMED = 3, /* the file is no signature */
    BERTH_SIGNATURE_WRONG = 4,     /* the bundle is not what was signed */
    BERTH_SIGNATURE_UNTRUSTED = 5  /* good, by a key that is not among the trusted */
} berth_signature_state;

/* Makes a pair of Ed25519 keys from the system's random numbers.  Gives *pair_out.
 * Thread: any.  Blocks: never.  Fails: BERTH_E_OS. */
BERTH_API BERTH_CHECKED berth_status berth_key_generate(berth_key_pair *pair_out,
                                                        berth_diag *diag);

/* The text of a key file, terminated; returns its size.  A secret key's text holds both.
 * Thread: any.  Blocks: never. */
BERTH_API size_t berth_key_write(const berth_key_pair *pair, uint32_t with_secret,
                                 char text_out[BERTH_KEY_TEXT_MAX]);

/* Reads such a text, byte for byte as it was written.  Gives *pair_out.
 * Thread: any.  Blocks: never.  Fails: BERTH_E_REJECTED. */
BERTH_API BERTH_CHECKED berth_status berth_key_read(const char *text, size_t size,
                                                    berth_key_pair *pair_out, berth_diag *diag);

/* Signs the bundle in `folder`: its digest is over every file but `berth.sig`, the manifest included
 * (docs/bundle-signature.md).  `allocator` may be NULL for the C library's heap.
 * Gives what belongs into `folder`/berth.sig, terminated, and the digest unless NULL.
 * Thread: any.  Blocks: until the files are read.
 * Fails: BERTH_E_INVALID (no secret key), BERTH_E_REJECTED (the bundle is malformed), BERTH_E_OS,
 *        BERTH_E_STATE (a file changed meanwhile), BERTH_E_LIMIT, BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_bundle_sign(const berth_allocator *allocator,
                                                       const char *folder,
                                                       const berth_key_pair *pair,
                                                       char text_out[BERTH_SIGNATURE_TEXT_MAX],
                                                       uint8_t digest_out[BERTH_DIGEST_SIZE],
                                                       berth_diag *diag);

/* What a signature is worth.  Grows at the end only; set `size`. */
typedef struct berth_bundle_trust {
    uint32_t size;
    uint32_t state; /* a berth_signature_state */
    uint8_t digest[BERTH_DIGEST_SIZE];
    uint8_t key[BERTH_KEY_SIZE]; /* of the signature; zero when there is none */
    char why[128];               /* of what is not good */
} berth_bundle_trust;
#define BERTH_BUNDLE_TRUST_INIT                                                                \
    BERTH_INIT((uint32_t)sizeof(berth_bundle_trust), 0, { 0 }, { 0 }, { 0 })

/* Checks the signature of a bundle.  `keys` are those that are trusted, of
 * BERTH_KEY_SIZE bytes each without gaps; with none, any key's good
 * signature is BERTH_SIGNATURE_UNTRUSTED.  Gives *trust_out, whose `size` has to be set before.
 * Thread: any.  Blocks: until the files are read.
 * Fails: as berth_bundle_sign(); what is wrong with the signature is no failure. */
BERTH_API BERTH_CHECKED berth_status
berth_bundle_verify(const berth_allocator *allocator, const char *folder, const uint8_t *keys,
                    uint32_t keys_count, berth_bundle_trust *trust_out, berth_diag *diag);

/* ---------------------------------------------------------------- catalogues */

typedef struct berth_catalog berth_catalog; /* never changes */

/* A contract comes from that bundle, where the manifests leave it open. */
typedef struct berth_bundle_pin {
    const char *contract; /* "image:codec/decode", with or without a version */
    const char *bundle;   /* its name */
} berth_bundle_pin;

/* Grows at the end only.  0 or NULL in a field means its default. */
typedef struct berth_catalog_options {
    uint32_t size;
    uint32_t policy;     /* a berth_signature_policy; default off */
    const uint8_t *keys; /* that are trusted: BERTH_KEY_SIZE bytes each, without gaps */
    uint32_t keys_count, pins_count;
    const berth_bundle_pin *pins;
    uint64_t artifact_bytes_max; /* default 32 MiB */
    uint32_t with_artifacts;     /* also reads the artifact for this system */
    uint32_t reserved;           /* 0 */
} berth_catalog_options;
#define BERTH_CATALOG_OPTIONS_INIT                                                             \
    BERTH_INIT((uint32_t)sizeof(berth_catalog_options), 0, NULL, 0, 0, NULL, 0, 0, 0)

/* Reads what stands in folders: each path is a bundle, or a folder of bundles.  Malformed bundles in
 * a folder of bundles, and what bundles miss of each other, are problems of the catalogue and no
 * failure.  `options` may be NULL; `allocator` may be NULL for the C library's heap.
 * Gives *catalog_out; end it with berth_catalog_destroy().
 * Thread: any.  Blocks: until the files are read.
 * Fails: BERTH_E_REJECTED (a path that is a bundle and malformed, or refused by the policy),
 *        BERTH_E_ABSENT (a path is no bundle and holds none), BERTH_E_OS, BERTH_E_LIMIT,
 *        BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_catalog_read(
    const berth_allocator *allocator, const char *const *paths, uint32_t count,
    const berth_catalog_options *options, berth_catalog **catalog_out, berth_diag *diag);

/* Ends what was given.  NULL is left alone.  Thread: one.  Blocks: never. */
BERTH_API void berth_catalog_destroy(berth_catalog *catalog);

/* How many bundles it has.  Thread: any.  Blocks: never. */
BERTH_API uint32_t berth_catalog_bundles(const berth_catalog *catalog);

/* How many problems it has.  Thread: any.  Blocks: never. */
BERTH_API uint32_t berth_catalog_problems(const berth_catalog *catalog);

/* Bundles with what they provide and require, and problems, for people.  Lends the text until the
 * catalogue is destroyed.  Thread: any.  Blocks: never. */
BERTH_API const char *berth_catalog_text(const berth_catalog *catalog);

/* Who needs whom, in the order of loading.  Lends the text until the catalogue is destroyed.
 * Thread: any.  Blocks: never. */
BERTH_API const char *berth_catalog_graph(const berth_catalog *catalog);

/* All of it as JSON (docs/bundles.md has the schema).  Lends the text until the catalogue is destroyed.
 * Thread: any.  Blocks: never. */
BERTH_API const char *berth_catalog_json(const berth_catalog *catalog);

BERTH_END
#endif /* BERTH_BUNDLE_H */
