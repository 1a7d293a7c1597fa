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

/* Reads such a text, byte for byte as it was written; or a verifying key of polyplug, 39 bytes.
 * Gives *pair_out.
 * Thread: any.  Blocks: never.  Fails: BERTH_E_REJECTED. */
BERTH_API BERTH_CHECKED berth_status berth_key_read(const char *text, size_t size,
                                                    berth_key_pair *pair_out, berth_diag *diag);

/* Signs the bundle in `folder`: its digest is over every file but `berth.sig`, the manifest included
 * (docs/bundle-signature.md).  `allocator` may be NULL for the C library's heap.
 * Gives what belongs into `folder`/berth.sig, terminated, and the digest unless NULL.
 * Thread: any.  Blocks: until the files are read.
 * Fails: BERTH_E_INVALID (no secret key), BERTH_E_REJECTED (the bundle is malformed), BERTH_E_ABSENT
 *        (it has no berth.toml), BERTH_E_OS,
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
    uint32_t with_artifacts; /* also looks into the artifact for this system: what no slot would
                                take, and what is not as the manifest says, are problems */
    uint32_t reserved;       /* 0 */
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

/* ---------------------------------------------------------------- bundles of a runtime */

typedef struct berth_bundles berth_bundles;

/* Told what is taken in spite of something: a malformed folder among others, a signature that is not
 * good under BERTH_SIGNATURE_WARN.  Called on the loading thread, with no lock held. */
typedef void (*berth_bundle_warning)(void *ctx, const char *text);

/* Grows at the end only.  0 or NULL in a field means its default. */
typedef struct berth_bundles_options {
    uint32_t size;
    uint32_t policy;     /* a berth_signature_policy; default off */
    const uint8_t *keys; /* that are trusted: BERTH_KEY_SIZE bytes each, without gaps; copied */
    uint32_t keys_count, pins_count;
    const berth_bundle_pin *pins; /* copied */
    /* What every slot gets; its name and its contract are not used, its texts are copied.  Where it
     * says a limit, a manifest may ask for less, and not for more. */
    const berth_slot_options *slot;
    /* Contracts that the host knows: a bundle that provides one of them has to keep it.  Copied as
     * slots copy theirs. */
    const struct berth_contract *const *contracts;
    uint32_t contracts_count;
    uint32_t reserved; /* 0 */
    berth_bundle_warning warn;
    void *warn_ctx; /* lent until the set is destroyed */
} berth_bundles_options;
#define BERTH_BUNDLES_OPTIONS_INIT                                                             \
    BERTH_INIT((uint32_t)sizeof(berth_bundles_options), 0, NULL, 0, 0, NULL, NULL, NULL, 0, 0, \
               NULL, NULL)

/* Makes an empty set of bundles of that runtime.  Gives *bundles_out; end it with
 * berth_bundles_destroy(), before the runtime.
 * Thread: any.  Blocks: never.  Fails: BERTH_E_INVALID, BERTH_E_VERSION, BERTH_E_NOMEM, BERTH_E_OS. */
BERTH_API BERTH_CHECKED berth_status berth_bundles_create(berth_runtime *runtime,
                                                          const berth_bundles_options *options,
                                                          berth_bundles **bundles_out,
                                                          berth_diag *diag);

/* Takes all of its bundles out of service and ends the set.  NULL is left alone.
 * Thread: one.  Blocks: briefly. */
BERTH_API void berth_bundles_destroy(berth_bundles *bundles);

/* Loads bundles from folders, which are as for berth_catalog_read(), and what they need, from there
 * or from what is loaded.  With `names`, only bundles of those names and what they need.  Each one is
 * read, checked, admitted and made ready in a slot that nobody sees; then all slots appear at once,
 * or nothing does.  A bundle whose slot is loaded already is left as it is; of several versions of
 * one track the highest is taken.
 * Thread: any.  Blocks: until all are ready or one is refused; others who change the set wait.
 * Fails: BERTH_E_REJECTED (what is wrong with the bundles, all of it; a signature), BERTH_E_ABSENT (a
 *        name, or a path without bundles), BERTH_E_STATE (a slot of that name is somebody else's;
 *        called from a callback of a change of this set), as berth_slot_install(), BERTH_E_OS. */
BERTH_API BERTH_CHECKED berth_status berth_bundles_load(berth_bundles *bundles,
                                                        const char *const *paths,
                                                        uint32_t count,
                                                        const char *const *names,
                                                        uint32_t names_count, berth_diag *diag);

/* Puts the bundle in `folder` into the place of the loaded one of its slot; bundles that require
 * something of it and have `reload = "with-dependencies"`, and those that require something of them
 * in turn, are read again from their own folders.  All of them are ready before the first is
 * exchanged; what fails changes nothing.  Limits stay those of the first load.
 * Thread: any.  Blocks: as berth_bundles_load().
 * Fails: as berth_bundles_load(); BERTH_E_ABSENT (none of its slot is loaded), BERTH_E_REJECTED (it
 *        does not provide any more what others require, who are named). */
BERTH_API BERTH_CHECKED berth_status berth_bundles_reload(berth_bundles *bundles,
                                                          const char *folder, berth_diag *diag);

enum { BERTH_UNLOAD_CASCADE = 1 };

/* Takes a bundle out of service.  `name` is that of a slot ("thumbs@1"), or of a bundle of which one
 * version is loaded.  What others require is refused, and they are named in the order of their slots;
 * with BERTH_UNLOAD_CASCADE they go first.
 * Thread: any.  Blocks: briefly, and until others who change the set are done.
 * Fails: BERTH_E_ABSENT, BERTH_E_STATE (others require it; several versions of it are loaded). */
BERTH_API BERTH_CHECKED berth_status berth_bundles_unload(berth_bundles *bundles,
                                                          const char *name, uint32_t flags,
                                                          berth_diag *diag);

/* The slot of the bundle that serves a contract, such as "image:codec/decode@1.2.0", chosen as for a
 * bundle that requires it; `bundle` is its name, NULL: any.
 * Gives *slot_out; release it with berth_slot_release().  Thread: any.  Blocks: briefly.
 * Fails: BERTH_E_INVALID (no contract), BERTH_E_ABSENT, BERTH_E_STATE (two are just as good). */
BERTH_API BERTH_CHECKED berth_status berth_bundles_find(berth_bundles *bundles,
                                                        const char *contract,
                                                        const char *bundle,
                                                        berth_slot **slot_out,
                                                        berth_diag *diag);

/* What is loaded, as JSON (docs/bundles.md has the schema).  Gives *text_out, which the arena lends.
 * Thread: any.  Blocks: briefly.  Fails: BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_bundles_report(berth_bundles *bundles,
                                                          berth_arena *arena,
                                                          const char **text_out,
                                                          berth_diag *diag);

BERTH_END
#endif /* BERTH_BUNDLE_H */
