/* berth/toml.h - TOML that somebody wrote, as JSON, for programs that have a reader of JSON.
 * Words: <berth/base.h>.  Stability: draft until 1.0.
 */
#ifndef BERTH_TOML_H
#define BERTH_TOML_H

#include <berth/arena.h>

BERTH_BEGIN

/* Reads TOML 1.0 and writes the same as JSON.  `name` is what the text is called in messages.  The first
 * member of each object is "", the line on which the table was first named, so that who gives the keys
 * a meaning can say where one is wrong.  At most 1 MiB; tables and arrays nest 12 deep at most.  Dates,
 * NaN, infinities and empty keys are refused.
 * Gives *json_out, which the arena lends.  Thread: any.  Blocks: never.
 * Fails: BERTH_E_REJECTED (with the line, and the place in it), BERTH_E_LIMIT, BERTH_E_INVALID,
 *        BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_toml_json(const char *name, const char *text,
                                                     size_t size, berth_arena *arena,
                                                     const char **json_out, berth_diag *diag);

BERTH_END

#endif /* BERTH_TOML_H */
