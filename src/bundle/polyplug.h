/* bundle/polyplug.h - bundles of another system: polyplug's manifest.toml, read as one of ours.
 *
 * What it says is a berthi_manifest like any other, so that listing, ordering, signing and loading need
 * to know nothing of it; what only its own ABI needs is here (docs/polyplug.md).  Layer: bundle. */
#ifndef BERTHI_BUNDLE_POLYPLUG_H
#define BERTHI_BUNDLE_POLYPLUG_H

#include "bundle/bundle.h"

#define BERTHI_POLYPLUG_MANIFEST_NAME  "manifest.toml"
#define BERTHI_POLYPLUG_SIGNATURE_NAME "bundle.sig"

enum {                                       /* what is taken at most (I8) */
       BERTHI_POLYPLUG_NAME_MAX = 128,       /* bytes of a contract's name */
       BERTHI_POLYPLUG_FUNCTIONS_MAX = 10000 /* of one contract */
};

#define BERTHI_POLYPLUG_NOT_SAID UINT32_MAX

/* Of one contract, in the order of the manifest's list of what it provides, or needs. */
typedef struct berthi_polyplug_contract {
    uint64_t id; /* of the name and the major number */
    uint32_t version[3];
    uint32_t functions; /* provided; NOT_SAID */
    uint64_t bundle;    /* needed from that one; 0: from any */
} berthi_polyplug_contract;

struct berthi_polyplug_manifest {
    uint64_t id; /* of the bundle's name */
    const berthi_polyplug_contract *provides, *needs;
};

/* FNV-1a, 64 bits: what polyplug takes for identity.  It is no proof of anything. */
uint64_t berthi_polyplug_id(const char *text, size_t size);
/* "guest_contract:NAME@MAJOR" and "host_contract:NAME@MAJOR". */
uint64_t berthi_polyplug_contract_id(const char *sort, const char *name, size_t size,
                                     uint32_t major);

/* Splits "NAME@1", "NAME@1.2" or "NAME@1.2.3" and checks it.  False: it is none. */
bool berthi_polyplug_contract_parse(const char *text, size_t size, berthi_arena *arena,
                                    berthi_bundle_contract *contract_out,
                                    uint32_t version_out[3], bool *no_memory_out);

/* As berthi_manifest_read(), of a manifest.toml. */
berth_status berthi_polyplug_manifest_read(const berthi_text *source, berthi_arena *arena,
                                           berthi_manifest *manifest_out, berth_diag *diag)
    __attribute__((warn_unused_result));

#endif
