/* bundle/bundle.h - bundles: what a folder says about itself, whom it needs, and who signed it.
 *
 * What this directory is: everything about bundles that needs no runtime.  A bundle is a folder with a
 * berth.toml and the artifacts that it names (docs/bundles.md).
 *   manifest.c         berth.toml as a manifest       manifest_schema.c  the rules its fields share
 *   bundle_read.c      a folder, read once            bundle_discover.c  folders full of bundles
 *   bundle_graph.c     who needs whom, in which order bundle_digest.c    the digest of all of it
 *   bundle_sign.c      keys, signatures, trust        bundle_report.c    as text and as JSON
 *   manifest_polyplug.c  manifests of another system's bundles (polyplug.h)
 * Read first: this file, then docs/bundles.md.  Layer: bundle. */
#ifndef BERTHI_BUNDLE_BUNDLE_H
#define BERTHI_BUNDLE_BUNDLE_H

#include <berth/bundle.h>

#include "base/digest.h"
#include "base/text_buf.h"
#include "base/toml_reader.h"
#include "contract/contract.h"
#include "os/beneath.h"

#define BERTHI_MANIFEST_NAME  "berth.toml"
#define BERTHI_SIGNATURE_NAME "berth.sig"

enum { /* what is taken at most (I8) */
       BERTHI_MANIFEST_BYTES_MAX = 64 << 10,
       BERTHI_BUNDLE_NAME_MAX = 40,
       BERTHI_BUNDLE_VERSION_MAX = 23, /* name, '@' and this are the name of a slot */
       BERTHI_BUNDLE_FILES_MAX = 4096,
       BERTHI_BUNDLE_PATH_MAX = 1024,
       BERTHI_BUNDLE_ENTRIES_MAX = 64, /* artifacts, contracts provided, contracts required */
       BERTHI_CONTRACT_NAME_MAX = 200,
       BERTHI_BUNDLES_MAX = 1024 /* of one catalogue */
};

/* ---------------------------------------------------------------- manifest.c */

typedef enum berthi_bundle_kind {
    BERTHI_BUNDLE_COMPONENT = 1,
    BERTHI_BUNDLE_MODULE,
    BERTHI_BUNDLE_NATIVE
} berthi_bundle_kind;

typedef struct berthi_bundle_artifact {
    berthi_bundle_kind kind;
    const char *file;
    const char *os, *arch; /* NULL: any */
} berthi_bundle_artifact;

typedef struct berthi_bundle_contract {
    const char *text;    /* "image:codec/decode@1.2.0" */
    const char *name;    /* "image:codec/decode" */
    const char *version; /* "1.2.0" */
    const char *bundle;  /* required from this bundle; NULL: from any */
    bool is_optional;
    bool is_polyplug; /* of that system: served by any version of its major number not below */
} berthi_bundle_contract;

/* 0: not said. */
typedef struct berthi_bundle_limits {
    uint64_t deadline_ns, probe_deadline_ns, memory_bytes, output_bytes;
    uint32_t calls, instances;
    uint32_t policy; /* a berth_policy */
    bool is_tried;   /* in a process of its own first */
} berthi_bundle_limits;

typedef struct berthi_manifest {
    const char *name, *version, *description; /* description NULL: none */
    const char *slot; /* "NAME@TRACK": bundles of one slot replace each other */
    int32_t priority; /* among bundles that provide a contract, the highest is taken */
    bool follows;     /* reloaded when something that it requires was */
    uint32_t artifacts_count, provides_count, requires_count;
    const berthi_bundle_artifact *artifacts;
    const berthi_bundle_contract *provides, *needs;
    berthi_bundle_limits limits;
    const struct berthi_polyplug_manifest *polyplug; /* NULL: it is a berth.toml */
} berthi_manifest;

/* Everything is held by `arena`; nothing of the text is kept.
 * Fails: BERTH_E_REJECTED with field and line, BERTH_E_LIMIT, BERTH_E_NOMEM. */
berth_status berthi_manifest_read(const berthi_text *source, berthi_arena *arena,
                                  berthi_manifest *manifest_out, berth_diag *diag)
    __attribute__((warn_unused_result));

/* Whether a file of that name says what a bundle is. */
bool berthi_is_manifest_name(const char *name);

/* The artifact for that system, the one that names most of it first; NULL: none. */
const berthi_bundle_artifact *berthi_manifest_artifact(const berthi_manifest *manifest,
                                                       const char *os, const char *arch);

const char *berthi_bundle_kind_name(berthi_bundle_kind kind);
/* What such bytes are, by their first ones; 0: none of them. */
berthi_bundle_kind berthi_bundle_kind_of(const uint8_t *bytes, size_t size);

/* The names that this library was built for. */
extern const char berthi_host_os[], berthi_host_arch[];

const berthi_bundle_contract *berthi_manifest_provides(const berthi_manifest *manifest,
                                                       const berthi_bundle_contract *needed);
/* Splits "ns:pkg/name@1.2.0" and checks it.  False: it is none. */
bool berthi_bundle_contract_parse(const char *text, size_t size, berthi_arena *arena,
                                  berthi_bundle_contract *contract_out, bool *no_memory_out);

/* ---------------------------------------------------------------- bundle_sign.c */

typedef struct berthi_trust {
    uint32_t policy; /* a berth_signature_policy */
    uint32_t keys_count;
    const uint8_t *keys; /* of BERTH_KEY_SIZE bytes each */
} berthi_trust;

typedef struct berthi_signed {
    uint32_t state; /* a berth_signature_state */
    uint8_t key[BERTH_KEY_SIZE];
    const char *why; /* static; "" when it is good or was not looked at */
} berthi_signed;

/* What the signature in `text` says of a bundle of that digest. */
void berthi_signature_check(const char *text, size_t size,
                            const uint8_t digest[BERTHI_SHA256_SIZE], const berthi_trust *trust,
                            berthi_signed *signed_out);

/* The same of a polyplug bundle's bundle.sig, whose digest is the one below. */
void berthi_signature_check_polyplug(const void *bytes, size_t size,
                                     const uint8_t digest[BERTHI_SHA256_SIZE],
                                     const berthi_trust *trust, berthi_signed *signed_out);

/* ---------------------------------------------------------------- bundle_digest.c */

typedef struct berthi_bundle_file {
    const char *path;
    uint64_t size;
    uint8_t sha256[BERTHI_SHA256_SIZE];
} berthi_bundle_file;

/* Of files in the order of their paths (docs/bundle-signature.md).  False: no memory for it. */
bool berthi_bundle_digest(const berthi_bundle_file *files, uint32_t count,
                          const berth_allocator *a, uint8_t digest_out[BERTHI_SHA256_SIZE])
    __attribute__((warn_unused_result));
/* As polyplug digests a bundle: all but the bundle.sig at its top.  False: no memory for it. */
bool berthi_bundle_digest_polyplug(const berthi_bundle_file *files, uint32_t count,
                                   const berth_allocator *a,
                                   uint8_t digest_out[BERTHI_SHA256_SIZE])
    __attribute__((warn_unused_result));

/* ---------------------------------------------------------------- bundle_read.c */

/* One folder, read.  Everything but the bytes is held by its arena. */
typedef struct berthi_bundle {
    const berth_allocator *allocator; /* lent */
    berthi_arena arena;
    const char *folder;
    berthi_manifest manifest;
    const char *manifest_name;              /* of its file */
    const berthi_bundle_artifact *artifact; /* for this system; NULL: none */
    berthi_file_bytes
        bytes; /* of the artifact, the very ones that were digested; data NULL: not read */
    uint8_t manifest_digest[BERTHI_SHA256_SIZE];
    bool is_digested;
    uint8_t digest[BERTHI_SHA256_SIZE];
    berthi_signed signature;
} berthi_bundle;

/* What is wrong with its artifact comes as *why_out, held by the arena; NULL: nothing. */
typedef berth_status berthi_judge(const berthi_bundle *bundle, berthi_arena *arena,
                                  const char **why_out, berth_diag *diag);

typedef struct berthi_bundle_reading {
    const berth_allocator *allocator;
    const berthi_trust *trust; /* NULL: signatures are not looked at */
    uint64_t artifact_bytes_max;
    bool with_bytes;  /* also reads the artifact for this system */
    bool with_digest; /* also digests all of it, whatever the trust says */
    /* Of catalogues: the artifact is not kept, since many of them would be much memory; who uses it
     * reads the bundle again. */
    bool drops_bytes;
    berthi_judge *judge; /* is asked about each artifact; NULL: nobody is */
} berthi_bundle_reading;

/* Reads a bundle; each file once.  What its signature was worth is in `signature`, unless the policy
 * refuses it.  Gives *bundle_out.
 * Fails: BERTH_E_REJECTED (manifest, confinement, signature), BERTH_E_ABSENT (no manifest, or not the
 *        artifact), BERTH_E_OS, BERTH_E_LIMIT,
 *        BERTH_E_STATE (a file changed while it was read), BERTH_E_NOMEM. */
berth_status berthi_bundle_read(const char *folder, const berthi_bundle_reading *how,
                                berthi_bundle **bundle_out, berth_diag *diag)
    __attribute__((warn_unused_result));
void berthi_bundle_free(berthi_bundle *bundle); /* NULL is left alone */
void berthi_bundle_end_bytes(berthi_bundle *bundle);

/* ---------------------------------------------------------------- bundle_graph.c */

typedef enum berthi_problem_kind {
    BERTHI_PROBLEM_MALFORMED = 1, /* a folder that looked like a bundle */
    BERTHI_PROBLEM_DUPLICATE,     /* two of one name and version */
    BERTHI_PROBLEM_MISSING,
    BERTHI_PROBLEM_AMBIGUOUS,
    BERTHI_PROBLEM_CYCLE,
    BERTHI_PROBLEM_PIN,     /* of a catalogue: one that chooses nothing */
    BERTHI_PROBLEM_ARTIFACT /* of a catalogue: one that no slot takes, or is not as was said */
} berthi_problem_kind;

typedef struct berthi_problem {
    berthi_problem_kind kind;
    uint32_t node; /* NONE: it is about no bundle that was read */
    const char *text;
    struct berthi_problem *next;
} berthi_problem;

typedef struct berthi_problems {
    berthi_problem *first, **tail;
    uint32_t count;
} berthi_problems;

#define BERTHI_NODE_NONE UINT32_MAX

/* Whom each need was given to: one per entry of manifest->needs; NONE: nobody. */
typedef struct berthi_node {
    const berthi_manifest *manifest; /* lent */
    uint32_t *providers;
    bool is_stuck; /* something that it needs, or needs in turn, has a problem */
} berthi_node;

typedef struct berthi_graph {
    berthi_node *nodes;
    uint32_t count;
    uint32_t *order; /* those that can be loaded, each behind all that it needs */
    uint32_t order_count;
    berthi_problems problems; /* all of them */
} berthi_graph;

void berthi_problems_init(berthi_problems *problems);
/* False: no memory. */
bool berthi_problems_add(berthi_problems *problems, berthi_arena *arena,
                         berthi_problem_kind kind, uint32_t node, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
const char *berthi_problem_kind_name(berthi_problem_kind kind);

/* Resolves every need among `count` manifests.  `pins` say which bundle serves a contract where the
 * manifests leave it open.  The graph is held by `arena` and lends the manifests.
 * The first `settled` of them have what they need already: nothing is asked about them.
 * Fails: BERTH_E_NOMEM.  What is wrong with the bundles is in its problems. */
berth_status berthi_graph_make(const berthi_manifest *const *manifests, uint32_t count,
                               uint32_t settled, const berth_bundle_pin *pins,
                               uint32_t pins_count, berthi_arena *arena,
                               berthi_graph *graph_out, berth_diag *diag)
    __attribute__((warn_unused_result));

/* Whether the pin says who serves that need, where the need itself does not. */
bool berthi_pin_applies(const berth_bundle_pin *pin, const berthi_bundle_contract *needed);

/* The best provider of a contract among the manifests that are not `but`; NONE: none.  *is_tied_out:
 * another one is just as good. */
uint32_t berthi_graph_choose(const berthi_manifest *const *manifests, uint32_t count,
                             const berthi_bundle_contract *needed, uint32_t but,
                             const berth_bundle_pin *pins, uint32_t pins_count,
                             uint32_t *tied_out);

/* ---------------------------------------------------------------- bundle_discover.c */

typedef struct berthi_catalog {
    berthi_arena arena;
    const berth_allocator *allocator;
    berthi_bundle *
        *bundles; /* by the path of their folders, in the order the paths were given */
    uint32_t count, room;
    berthi_problems problems; /* folders that hold no sound bundle */
} berthi_catalog;

/* Each path is a bundle, or a folder of bundles: then those folders in it that hold a manifest, in
 * the order of their names.  A malformed one is a problem there and a failure when it was named
 * itself.  Fails: as berthi_bundle_read(), BERTH_E_LIMIT. */
berth_status berthi_catalog_read(berthi_catalog *catalog, const char *const *paths,
                                 uint32_t count, const berthi_bundle_reading *how,
                                 berth_diag *diag) __attribute__((warn_unused_result));
void berthi_catalog_init(berthi_catalog *catalog, const berth_allocator *a);
void berthi_catalog_fini(berthi_catalog *catalog);

/* ---------------------------------------------------------------- bundle_report.c */

/* As berth_catalog_read(), of options that were checked. */
berth_status berthi_catalog_describe(const berth_allocator *a, const char *const *paths,
                                     uint32_t count, const berth_catalog_options *options,
                                     berthi_judge *judge, berth_catalog **catalog_out,
                                     berth_diag *diag) __attribute__((warn_unused_result));

#endif
