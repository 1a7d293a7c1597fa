/* session.c - one instance of a version, held for the objects in it.  Layer: registry.
 *
 * A session is a lease and an instance that no seat has, so no other call finds it.  Its calls are pinned,
 * gated and counted as those of the lease.  What a call broke stays with the session: a dead
 * instance refuses every later call, and goes when the session is closed (I6). */
#include <berth/session.h>

#include "component/run/host_call.h"
#include "registry/hot.h"
#include "registry/session.h"

struct berth_session {
    berth_runtime *runtime;
    berth_lease lease;
    berthi_instance *instance; /* NULL: of a native plugin, which has one for all */
    atomic_bool is_inside;
};

berth_status berth_session_open(berth_slot *slot, berth_session **session_out, berth_diag *diag)
{
    berth_session *s;
    berth_status status;
    berth_version *v;

    BERTHI_REQUIRE(slot != NULL && session_out != NULL, diag);
    s = berthi_zalloc(&slot->runtime->allocator, sizeof *s);
    if (s == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "a session of slot '%s'", slot->name);
    s->runtime = slot->runtime;
    status = berth_slot_lease(slot, &s->lease);
    if (status != BERTH_OK) {
        (void)berthi_lease_refused(slot, status, diag);
        goto fail_lease;
    }
    v = s->lease.version;
    if (!v->is_native && v->content->component == NULL)
        status = berthi_fail(diag, BERTH_E_ABSENT,
                             "slot '%s' has a core module, which has hooks and no objects",
                             slot->name);
    else if (!v->is_native)
        status = berthi_pool_take_new(v, &s->instance, diag);
    if (status != BERTH_OK)
        goto fail_instance;
    *session_out = s;
    return BERTH_OK;

fail_instance:
    berth_lease_return(&s->lease);
fail_lease:
    berthi_free(&slot->runtime->allocator, s, sizeof *s);
    return status;
}

typedef struct session_values {
    berth_session *session;
    const void *args;
    void *result;
    const berthi_look *look;
} session_values;

static berth_status run(berth_version *v, berthi_record *mine, const berth_call *call,
                        uint64_t ticks, void *more, berth_reply *reply, berth_diag *diag)
{
    const session_values *values = more;

    *reply = (berth_reply){ .version = v->number };
    return berthi_typed_run_in(v, mine, call, ticks, values->session->instance, values->args,
                               values->result, values->look, diag);
}

static berth_status invoke(berth_session *session, const void *args, void *result,
                           const berth_call *call, const berthi_look *look, berth_diag *diag)
{
    session_values values = { session, args, result, look };
    berth_status status;
    berth_reply reply;

    assert(session != NULL && call != NULL && call->arena != NULL);
    if (call->input_size != 0)
        return berthi_fail(diag, BERTH_E_INVALID, "a typed call has no input but its args");
    /* acquire: pairs with the release below, where the call before came from another thread. */
    if (atomic_exchange_explicit(&session->is_inside, true, memory_order_acquire))
        return berthi_fail(diag, BERTH_E_STATE,
                           "another call is in this session; it takes one at a time");
    status = berthi_lease_enter(&session->lease, call, run, &values, &reply, diag);
    atomic_store_explicit(&session->is_inside, false, memory_order_release);
    return status;
}

berth_slot *berthi_session_slot(const berth_session *session)
{
    return session->lease.version->slot;
}

berth_status berth_session_invoke(berth_session *session, const void *args, void *result,
                                  const berth_call *call, berth_diag *diag)
{
    return invoke(session, args, result, call, NULL, diag);
}

uint64_t berth_session_version(const berth_session *session)
{
    return berth_lease_version(&session->lease);
}

void berth_session_close(berth_session *session)
{
    berth_runtime *rt;

    if (session == NULL)
        return;
    assert(!atomic_load_explicit(&session->is_inside, memory_order_acquire));
    rt = session->runtime;
    if (session->instance != NULL)
        berthi_pool_discard(session->lease.version, session->instance);
    berth_lease_return(&session->lease);
    berthi_free(&rt->allocator, session, sizeof *session);
}

/* ---------------------------------------------------------------- for layers above */

berth_status berthi_session_invoke_and_look(berth_session *session, const void *args,
                                            void *result, const berth_call *call,
                                            berth_status (*look)(void *ctx, const void *result,
                                                                 berth_diag *diag),
                                            void *ctx, berth_diag *diag)
{
    const berthi_look how = { look, ctx };

    return invoke(session, args, result, call, &how, diag);
}

bool berthi_lease_is_current(const berth_lease *lease)
{
    berth_slot *slot = lease->version->slot;

    /* acquire: who finds another one sees it as it was published.  The lease keeps ours, so that no other one has
     * its address. */
    return atomic_load_explicit(&slot->current, memory_order_acquire) == lease->version;
}

bool berthi_session_is_current(const berth_session *session)
{
    return berthi_lease_is_current(&session->lease);
}

bool berthi_session_has_content(const berth_session *session, const berth_lease *lease)
{
    return session->lease.version->content == lease->version->content;
}

const berth_grants *berthi_session_grants(const berth_session *session)
{
    return session->lease.version->slot->options.grants;
}

void *berthi_slot_attached(const berth_slot *slot, const char *what)
{
    return berthi_host_attached_of(slot->runtime->options.host, what);
}

bool berthi_session_is_dead(const berth_session *session)
{
    return session->instance != NULL &&
           berthi_cm_instance_is_dead(session->instance->component);
}

berth_status berthi_session_exports(const berth_session *session, const char *name,
                                    const char *type, bool *has_other_out)
{
    berthi_found found;
    berthi_func_type has;
    berth_status status =
        berthi_typed_find(session->lease.version->content, name, &found, &has, NULL);

    *has_other_out = false;
    if (status == BERTH_OK && strcmp(has.text, type) != 0) {
        *has_other_out = true;
        status = BERTH_E_ABSENT;
    }
    return status;
}

bool berthi_session_has_objects(const berth_session *session)
{
    return session->instance != NULL && session->instance->host != NULL;
}

void berthi_session_own(berth_session *session, void *owner)
{
    if (berthi_session_has_objects(session))
        session->instance->host->owner = owner;
}

berth_status berthi_session_give(berth_session *session, const berth_host_resource *resource,
                                 void *object, uint64_t *handle_out, berth_diag *diag)
{
    uint32_t rep;
    berth_status status;

    assert(berthi_session_has_objects(session));
    status = berthi_host_table_add(&session->instance->host->objects, &resource->type, object,
                                   &rep, diag);
    if (status == BERTH_OK)
        *handle_out = rep;
    return status;
}

void *berthi_session_take(berth_session *session, const berth_host_resource *resource,
                          uint64_t handle)
{
    if (handle > UINT32_MAX || !berthi_session_has_objects(session))
        return NULL;
    return berthi_host_table_take(&session->instance->host->objects, &resource->type,
                                  (uint32_t)handle);
}
