/* berth/session.h - one instance of a plugin, for as long as its objects are needed.
 *
 * A slot gives each call whichever instance is idle.  A resource that a plugin exports is an object
 * within one instance, so functions that take or give handles of it are called in a session: a lease
 * of the current version with an instance that nobody else calls.  A native plugin has one instance
 * for all, which the session shares.
 *
 * Functions are numbered by berth_slot_func().  "ns:pkg/interface@1.0.0#[resource-drop]conn", of the
 * type "func(self: own<resource>)", drops an object of `conn`: its parameters are the handle.
 * Handles mean nothing outside of their session.  A slot that needs a contract takes care that a
 * plugin's resources are what the caller takes them for (docs/contracts.md).
 *
 * Words: <berth/base.h>.  Stability: draft until 1.0.
 */
#ifndef BERTH_SESSION_H
#define BERTH_SESSION_H

#include <berth/invoke.h>

BERTH_BEGIN

typedef struct berth_session berth_session;

/* Makes a new instance of the slot's current version, which stays that version's whatever is installed
 * meanwhile.  Gives *session_out; end it with berth_session_close(), before the runtime.
 * Thread: any.  Blocks: until the instance is made, within probe_deadline_ns.
 * Fails: BERTH_E_ABSENT (nothing is installed, or it is a core module with hooks), BERTH_E_BUSY
 *        (instances_max), BERTH_E_LIMIT, BERTH_E_TRAP, BERTH_E_DEADLINE, BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_session_open(berth_slot *slot,
                                                        berth_session **session_out,
                                                        berth_diag *diag);

/* As berth_slot_invoke(), in the session; any function may be called, also one without handles.
 * A handle that is given as `own` is gone when the call succeeds.  After a failure of a component all
 * later calls fail with BERTH_E_TRAP, but for BERTH_E_INVALID, which refuses what `args` hold.
 * Thread: one at a time.  Blocks: as berth_slot_call().
 * Fails: as berth_slot_invoke(); BERTH_E_STATE while another call is in the session. */
BERTH_API BERTH_CHECKED berth_status berth_session_invoke(berth_session *session,
                                                          const void *args, void *result,
                                                          const berth_call *call,
                                                          berth_diag *diag);

/* The number of the session's version.  Thread: any.  Blocks: never. */
BERTH_API uint64_t berth_session_version(const berth_session *session);

/* Ends the instance, and with it all objects that it has; those of a native plugin, whose instance
 * goes on, have to be dropped before.  NULL is left alone.  No call is in the session.
 * Thread: one.  Blocks: briefly. */
BERTH_API void berth_session_close(berth_session *session);

BERTH_END
#endif /* BERTH_SESSION_H */
