/* admit/metadata.h - what a plugin says about itself.  Private to src/admit. */
#ifndef BERTHI_ADMIT_METADATA_H
#define BERTHI_ADMIT_METADATA_H

#include "admit/admit.h"
#include "admit/findings.h"

typedef struct berthi_meta_hook {
    const char *name, *description;
    const char *export_name; /* NULL: the profile's prefix and `name` */
    berthi_bytes probe;      /* berth-hook/1 */
    uint32_t wire_version;
    bool has_wire_version, has_mode, is_noop;
    bool has_probe;
} berthi_meta_hook;

typedef struct berthi_metadata {
    const char *name, *version, *description; /* NULL: there is a finding about it */
    berthi_meta_hook *hooks;                  /* sorted by name; usable as export names */
    uint32_t hooks_count;
    uint64_t offset; /* of the section's contents in the artifact */
} berthi_metadata;

/* Reads the metadata section's contents `range` of `bytes` as `profile` has it; that of a component
 * may leave its hooks out, which bear the names of its exports.  What is wrong
 * becomes findings.  Everything in *metadata_out is held by the findings' arena.
 * False: out of memory. */
bool berthi_metadata_read(const berthi_profile *profile, const uint8_t *bytes,
                          berthi_wasm_range range, bool is_component, berthi_scope scope,
                          berthi_metadata *metadata_out);

#endif
