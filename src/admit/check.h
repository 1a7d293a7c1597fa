/* admit/check.h - one module against one profile.  Private to src/admit. */
#ifndef BERTHI_ADMIT_CHECK_H
#define BERTHI_ADMIT_CHECK_H

#include "admit/admit.h"
#include "admit/findings.h"
#include "admit/metadata.h"
#include "component/elaborate/steps.h"

/* What the artifact is, at first sight. */
typedef enum berthi_artifact_kind {
    BERTHI_ARTIFACT_EMPTY,
    BERTHI_ARTIFACT_MODULE,
    BERTHI_ARTIFACT_COMPONENT,
    BERTHI_ARTIFACT_ELF_SHARED,
    BERTHI_ARTIFACT_ELF_OTHER,
    BERTHI_ARTIFACT_TEXT,
    BERTHI_ARTIFACT_OTHER
} berthi_artifact_kind;

typedef struct berthi_artifact {
    berthi_artifact_kind kind;
    const uint8_t *bytes;
    uint32_t size;
    bool is_readable; /* a module whose structure is sound: `info` is filled */
    berthi_wasm_info info;
    /* A core module that carries its world: `bytes` are the component that it makes with it, held by
     * the arena. */
    bool is_wrapped;
    const berthi_cm_component *component; /* what was read of a valid one */
    const berthi_cm_steps *steps;         /* a component that may be instantiated, else NULL */
} berthi_artifact;

berthi_artifact_kind berthi_artifact_kind_of(const uint8_t *bytes, size_t size);

/* The profile's view of an artifact. */
typedef struct berthi_profile_view {
    const berthi_profile *profile;
    bool has_metadata; /* it has the profile's metadata section: it means to be one */
    berthi_metadata metadata;
    bool metadata_is_implied; /* the section is not there; its exports describe a component, and
                               * whatever it likes a module of a family */
} berthi_profile_view;

/* Says what `bytes` are; findings that speak against every profile go to `findings`.
 * `info` and `steps` lend from bytes and are held by `arena`.  BERTH_OK or BERTH_E_NOMEM. */
berth_status berthi_artifact_read(const uint8_t *bytes, size_t size, berthi_arena *arena,
                                  berthi_findings *findings, berthi_artifact *artifact_out,
                                  berth_diag *diag);

/* What an import of a module is bound to: Berth's own, else the host's; NULL: nobody offers it. */
const berthi_host_import *berthi_offer_find(const berthi_profile *profile,
                                            const berthi_admit_limits *limits,
                                            const berthi_wasm_import *import);

/* Collects everything that keeps the module from being a plugin of `profile`, whatever the
 * kind, and of each of its kinds.  False: out of memory. */
bool berthi_check_profile(const berthi_profile *profile, const berthi_wasm_info *info,
                          const berthi_admit_limits *limits, berthi_findings *findings,
                          berthi_profile_view *view_out);

/* The package is one of those whose interfaces stages import and export. */
bool berthi_is_of_flows(berthi_name interface);

/* The same for a component that has steps. */
bool berthi_check_component(const berthi_profile *profile, const berthi_artifact *artifact,
                            const berthi_admit_limits *limits, berthi_findings *findings,
                            berthi_profile_view *view_out);

/* Whichever of the two it is; nothing when it is neither. */
bool berthi_check_artifact(const berthi_profile *profile, const berthi_artifact *artifact,
                           const berthi_admit_limits *limits, berthi_findings *findings,
                           berthi_profile_view *view_out);

/* It is no family's profile, or that of a family that knows the artifact as one of its own: others
 * need not be told that it is none. */
bool berthi_may_be(const berthi_profile *profile, const berthi_artifact *artifact);

/* No finding speaks against it. */
bool berthi_fits(const berthi_findings *findings, const char *profile, const char *kind);

#endif
