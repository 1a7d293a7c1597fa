/* berth/admit.h - what an artifact is, and whether it may serve, as data.
 *
 * A verdict is what admission found out about some bytes without running any of them: what kind
 * of artifact they are, what they import and export, what they say about themselves, which hook
 * profiles and slot kinds they fit, and every reason why they do not fit the others.
 * Words: <berth/base.h>.  Stability: draft until 1.0.
 */
#ifndef BERTH_ADMIT_H
#define BERTH_ADMIT_H

#include <berth/base.h>

BERTH_BEGIN

typedef struct berth_verdict berth_verdict;

#define BERTH_DIGEST_SIZE 32u /* SHA-256 of the artifact's bytes */

/* Inspects `size` bytes.  Malformed and hostile bytes give a verdict that says so; only a lack
 * of memory, or a size past artifact_bytes_max (0: 32 MiB), is a failure.
 * `allocator` may be NULL for the C library's heap.  Keeps a copy of what it needs, not `bytes`.
 * Gives *verdict_out; end it with berth_verdict_destroy().
 * Thread: any.  Blocks: never.
 * Fails: BERTH_E_INVALID, BERTH_E_LIMIT (BERTH_REASON_ARTIFACT), BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_inspect(const berth_allocator *allocator,
                                                   const void *bytes, size_t size,
                                                   uint64_t artifact_bytes_max,
                                                   berth_verdict **verdict_out,
                                                   berth_diag *diag);

/* Frees a verdict.  NULL is left alone.  Thread: one.  Blocks: never. */
BERTH_API void berth_verdict_destroy(berth_verdict *verdict);

/* How many profile and slot kind pairs the artifact fits; 0 means that no slot will take it.
 * Thread: any.  Blocks: never. */
BERTH_API uint32_t berth_verdict_fits(const berth_verdict *verdict);

/* The verdict as JSON (one object, two-space indentation, keys in a fixed order; the schema is
 * docs/inspect-json.md).  Lends the text until the verdict is destroyed.
 * Thread: any.  Blocks: never. */
BERTH_API const char *berth_verdict_json(const berth_verdict *verdict);

/* The verdict for people.  Lends the text until the verdict is destroyed.
 * Thread: any.  Blocks: never. */
BERTH_API const char *berth_verdict_text(const berth_verdict *verdict);

BERTH_END
#endif /* BERTH_ADMIT_H */
