/* host_contracts.c - services of the host for polyplug's plugins.  Layer: compat.
 *
 * The host's code runs under no lock (I9).  Of a service with one instance for all, the thread that asks
 * first makes it and others wait; what it asks for meanwhile is no deadlock, and a NULL is not kept. */
#include "compat/polyplug/private.h"

static polyplug_service *find(berthi_polyplug *h, uint64_t id)
{
    polyplug_service *s = h->services;

    while (s != NULL && s->contract->contract_id != id)
        s = s->next;
    return s;
}

static const char *find_fault(const berth_polyplug_host_contract *c)
{
    if (c == NULL)
        return "the contract is NULL";
    if (c->dispatch_type != BERTH_POLYPLUG_NATIVE && c->dispatch_type != BERTH_POLYPLUG_VM)
        return "its dispatch_type is neither 0 nor 1";
    if (c->create_instance == NULL || c->destroy_instance == NULL)
        return "create_instance or destroy_instance is missing";
    return NULL;
}

/* Under the lock. */
static const char *put(berthi_polyplug *h, const berth_polyplug_host_contract *c,
                       uint32_t *code_out)
{
    polyplug_service *s;

    *code_out = BERTH_POLYPLUG_DUPLICATE;
    if (find(h, c->contract_id) != NULL)
        return "duplicate provider: the host has registered it already";
    *code_out = BERTH_POLYPLUG_GENERIC;
    if (h->services_count == POLYPLUG_HOST_CONTRACTS_MAX)
        return "the host registers too many contracts";
    s = berthi_zalloc(&berthi_allocator_libc, sizeof *s);
    if (s == NULL)
        return "no memory";
    s->contract = c;
    s->next = h->services;
    h->services = s;
    h->services_count++;
    *code_out = BERTH_POLYPLUG_OK;
    return NULL;
}

void berthi_polyplug_offer_service(const berth_polyplug_host *table,
                                   const berth_polyplug_host_contract *contract,
                                   berth_polyplug_error *error_out)
{
    const polyplug_caller *caller = polyplug_caller_of(table);
    const char *why = find_fault(contract);
    uint32_t code = BERTH_POLYPLUG_INVALID_POINTER;

    if (caller != NULL && caller->plugin != NULL) { /* it would outlive the plugin's code */
        why = "a plugin offers no services of the host";
        code = BERTH_POLYPLUG_GENERIC;
    } else if (caller == NULL) {
        why = "the host's table is NULL";
    } else if (why == NULL) {
        berthi_lock_take(&caller->host->lock);
        why = put(caller->host, contract, &code);
        berthi_lock_drop(&caller->host->lock);
    }
    berthi_polyplug_fail(table, error_out, code, why, "");
}

/* (major << 16) | minor; 0: any. */
static bool is_enough(const berth_polyplug_host_contract *c, uint32_t min)
{
    return min == 0 || (c->contract_version.major == min >> 16 &&
                        c->contract_version.minor >= (min & 0xffff));
}

const berth_polyplug_host_contract *berthi_polyplug_find_service(
    const berth_polyplug_host *table, uint64_t id, uint32_t min)
{
    const polyplug_caller *caller = polyplug_caller_of(table);
    const berth_polyplug_host_contract *c = NULL;
    const polyplug_service *s;

    if (caller == NULL || !berthi_polyplug_enter(caller->host))
        return NULL;
    berthi_lock_take(&caller->host->lock);
    s = find(caller->host, id);
    if (s != NULL) /* which is the set's, and may go with it once this call has left */
        c = s->contract;
    berthi_lock_drop(&caller->host->lock);
    berthi_polyplug_leave(caller->host);
    if (c == NULL || !is_enough(c, min)) {
        berthi_polyplug_fail(table, NULL,
                             c == NULL ? BERTH_POLYPLUG_HOST_NOT_FOUND
                                       : BERTH_POLYPLUG_HOST_VERSION,
                             c == NULL ? "the host has no such contract"
                                       : "the host's contract is of another version",
                             "");
        return NULL;
    }
    return c;
}

static void *make_one(const berth_polyplug_host_contract *c)
{
    void *instance = NULL;

    BERTHI_ASSERT_UNLOCKED(); /* I9 */
    c->create_instance(c, NULL, &instance);
    return instance;
}

static void *take_single(berthi_polyplug *h, polyplug_service *s)
{
    uint64_t me = berthi_thread_self();
    void *instance;

    berthi_lock_take(&h->lock);
    while (s->single == NULL && s->maker != 0 && s->maker != me)
        berthi_cond_wait(&h->changed, &h->lock.mutex);
    instance = s->single;
    if (instance != NULL || s->maker == me) { /* it asks for itself while it is made */
        berthi_lock_drop(&h->lock);
        return instance;
    }
    s->maker = me;
    berthi_lock_drop(&h->lock);
    instance = make_one(s->contract);
    berthi_lock_take(&h->lock);
    s->single = instance;
    s->maker = 0;
    berthi_cond_wake_all(&h->changed);
    berthi_lock_drop(&h->lock);
    return instance;
}

void *berthi_polyplug_take_service(const berth_polyplug_host *table, uint64_t id, uint32_t min)
{
    const berth_polyplug_host_contract *c = berthi_polyplug_find_service(table, id, min);
    const polyplug_caller *caller = polyplug_caller_of(table);
    polyplug_service *s;
    void *instance;

    if (c == NULL || !berthi_polyplug_enter(caller->host))
        return NULL;
    berthi_lock_take(&caller->host->lock);
    s = find(caller->host, id); /* none is ever taken out before the end */
    berthi_lock_drop(&caller->host->lock);
    instance = c->singleton ? take_single(caller->host, s) : make_one(c);
    berthi_polyplug_leave(caller->host);
    return instance;
}

void berthi_polyplug_services_end(berthi_polyplug *h)
{
    polyplug_service *s, *next;

    for (s = h->services; s != NULL; s = next) { /* nobody is there to take one any more */
        next = s->next;
        if (s->single != NULL)
            s->contract->destroy_instance(s->contract, s->single);
        berthi_free(&berthi_allocator_libc, s, sizeof *s);
    }
    h->services = NULL;
}
