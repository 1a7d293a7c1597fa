/* admit/outline.h - whether some host could take a plugin, and which interfaces it exports.
 *
 * For who has the file and not the host that it is for: imports speak against nothing here, since a
 * host may give them.  Layer: admit. */
#ifndef BERTHI_ADMIT_OUTLINE_H
#define BERTHI_ADMIT_OUTLINE_H

#include "admit/admit.h"

typedef struct berthi_outline {
    const char *why; /* it may serve nowhere; NULL: it may */
    bool has_world;  /* it says what it exports: all but core modules of the byte ABI do */
    uint32_t exports_count;
    const berthi_name *exports; /* interfaces */
} berthi_outline;

/* Everything is held by `arena`, which also holds what was looked at; `bytes` are lent meanwhile.
 * BERTH_OK or BERTH_E_NOMEM. */
berth_status berthi_admit_outline(const uint8_t *bytes, size_t size,
                                  const berthi_profile *const *profiles, berthi_arena *arena,
                                  berthi_outline *outline_out, berth_diag *diag)
    __attribute__((warn_unused_result));

#endif
