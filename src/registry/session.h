/* registry/session.h - what layers above ask of a session, besides <berth/session.h>.
 *
 * Thread: as berth_session_invoke().  Layer: registry. */
#ifndef BERTHI_REGISTRY_SESSION_H
#define BERTHI_REGISTRY_SESSION_H

#include <stdbool.h>

#include <berth/grant.h>
#include <berth/host.h>
#include <berth/session.h>

/* As berth_session_invoke(); when the function has returned, `look` sees the result, whose strings and lists of numbers
 * are where the plugin put them, and nothing of it stays.  Fails: also with what `look` answers; then the
 * call was sound. */
berth_status berthi_session_invoke_and_look(berth_session *session, const void *args,
                                            void *result, const berth_call *call,
                                            berth_status (*look)(void *ctx, const void *result,
                                                                 berth_diag *diag),
                                            void *ctx, berth_diag *diag)
    __attribute__((warn_unused_result));

/* Its version is what its slot calls now. */
bool berthi_session_is_current(const berth_session *session);
/* It refuses every call. */
bool berthi_session_is_dead(const berth_session *session);

/* The leased version is made of the same bytes. */
bool berthi_session_has_content(const berth_session *session, const berth_lease *lease);

/* Its version has that function; `type` is without blanks.  Fails: BERTH_E_ABSENT (it has not, or, where
 * *has_other_out says so, one of another type), BERTH_E_LIMIT, BERTH_E_NOMEM. */
berth_status berthi_session_exports(const berth_session *session, const char *name,
                                    const char *type, bool *has_other_out)
    __attribute__((warn_unused_result));

/* What the slot's plugins may ask; NULL: nothing. */
const berth_grants *berthi_session_grants(const berth_session *session);
/* Of the host of the slot's runtime; NULL: it has no such thing. */
void *berthi_slot_attached(const berth_slot *slot, const char *what);
/* The leased version is what its slot calls now. */
bool berthi_lease_is_current(const berth_lease *lease);

/* Rolls the slot back if that version is the one that it calls still, or called until it was taken out of service.
 * Fails: as berth_slot_rollback(), BERTH_E_STATE also when another one came. */
berth_status berthi_slot_leave(berth_slot *slot, uint64_t version)
    __attribute__((warn_unused_result));

/* Objects of the host's that its instance has.  A component that imports nothing has none, as a native plugin. */
bool berthi_session_has_objects(const berth_session *session);
/* What berthi_host_call_owner() gives to functions of the host that its instance calls. */
void berthi_session_own(berth_session *session, void *owner);
/* A handle for an object, to be lent to the plugin or given to it.  Fails: BERTH_E_LIMIT, BERTH_E_NOMEM. */
berth_status berthi_session_give(berth_session *session, const berth_host_resource *resource,
                                 void *object, uint64_t *handle_out, berth_diag *diag)
    __attribute__((warn_unused_result));
/* Takes an object back, undestroyed; NULL: there is none. */
void *berthi_session_take(berth_session *session, const berth_host_resource *resource,
                          uint64_t handle);

#endif
