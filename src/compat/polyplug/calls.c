/* calls.c - calls of functions and of instances, each behind the pin of the version that it runs in.
 * Layer: compat.
 *
 * An instance belongs to the version that made it: its lease keeps that version, and its code, until the
 * instance is ended.  What plugins hold is a number, so one that is used after its end is seen. */
#include "compat/polyplug/private.h"

#include <stdio.h>

#include "base/utf8.h"

/* What is called, and what came of it. */
typedef struct invocation {
    berthi_foreign_call base; /* first */
    uint64_t contract;
    uint32_t number;
    berth_polyplug_instance instance; /* the plugin's own */
    const void *args;
    void *out, *arena;
    uint32_t code; /* a BERTH_POLYPLUG_ code, or the plugin's */
} invocation;

/* ---------------------------------------------------------------- behind the pin */

static const polyplug_contract *find(const void *self, invocation *inv, berth_diag *diag)
{
    const polyplug_plugin *p = self;
    const polyplug_contract *c = berthi_polyplug_contract_of(p, inv->contract);

    if (c != NULL)
        return c;
    inv->code = BERTH_POLYPLUG_NOT_FOUND;
    (void)berthi_fail(diag, BERTH_E_ABSENT, "bundle %s has no contract of id %llu", p->name,
                      (unsigned long long)inv->contract);
    return NULL;
}

static berth_status refused(const polyplug_contract *c, const berth_polyplug_error *error,
                            invocation *inv, berth_diag *diag)
{
    char shown[300] = "it does not say why";

    if (error->message.ptr != NULL && error->message.len != 0)
        berthi_utf8_show(shown, sizeof shown, error->message.ptr, error->message.len);
    inv->code = error->code;
    return berthi_fail(diag, BERTH_E_PLUGIN, "%s@%u, function %u: it answered %u: %s", c->name,
                       c->version[0], inv->number, error->code, shown);
}

static berth_status run_function(void *self, berthi_foreign_call *call, berth_diag *diag)
{
    invocation *inv = (invocation *)call;
    const polyplug_contract *c = find(self, inv, diag);
    berth_polyplug_error error = { 0 };
    const berth_polyplug_dispatch *d;

    if (c == NULL)
        return BERTH_E_ABSENT;
    d = &c->own.dispatch;
    if (c->own.dispatch_type == BERTH_POLYPLUG_VM) {
        d->vm.call(d->vm.loader_data, inv->instance, inv->number, inv->args, inv->out,
                   inv->arena, &error);
    } else if (inv->number < d->native.function_count) {
        d->native.functions[inv->number](inv->instance, inv->args, inv->out, &error);
    } else {
        inv->code = BERTH_POLYPLUG_NO_FUNCTION;
        return berthi_fail(diag, BERTH_E_ABSENT,
                           "%s@%u has %u functions, and none of number %u", c->name,
                           c->version[0], d->native.function_count, inv->number);
    }
    return error.code == BERTH_POLYPLUG_OK ? BERTH_OK : refused(c, &error, inv, diag);
}

static void *loader_data_of(const polyplug_contract *c)
{
    return c->own.dispatch_type == BERTH_POLYPLUG_VM ? c->own.dispatch.vm.loader_data : NULL;
}

static berth_status run_create(void *self, berthi_foreign_call *call, berth_diag *diag)
{
    invocation *inv = (invocation *)call;
    const polyplug_contract *c = find(self, inv, diag);
    const polyplug_plugin *p = self;

    if (c == NULL)
        return BERTH_E_ABSENT;
    c->own.create_instance(loader_data_of(c), &p->caller.table, inv->args, &inv->instance);
    return BERTH_OK;
}

static berth_status run_destroy(void *self, berthi_foreign_call *call, berth_diag *diag)
{
    invocation *inv = (invocation *)call;
    const polyplug_contract *c = find(self, inv, diag);
    const polyplug_plugin *p = self;

    if (c == NULL)
        return BERTH_E_ABSENT;
    c->own.destroy_instance(loader_data_of(c), &p->caller.table, inv->instance);
    return BERTH_OK;
}

static invocation prepare(uint64_t contract, uint32_t watched,
                          berth_status (*run)(void *, berthi_foreign_call *, berth_diag *))
{
    return (invocation){ .base = { &berthi_polyplug_abi, watched, run },
                         .contract = contract,
                         .instance = { NULL, contract },
                         .code = BERTH_POLYPLUG_GENERIC };
}

berth_status berth_polyplug_call(berth_slot *slot, uint64_t contract_id, uint32_t function,
                                 const void *args, void *out, berth_diag *diag)
{
    invocation inv = prepare(contract_id, 0, run_function);

    BERTHI_REQUIRE(slot != NULL, diag);
    inv.number = function;
    inv.args = args;
    inv.out = out;
    return berthi_foreign_enter(slot, NULL, &inv.base, diag);
}

/* ---------------------------------------------------------------- calls of plugins and of the host */

/* Where a call goes: a slot, of which this is a handle, or a lease. */
typedef struct target {
    berth_slot *slot;
    berth_lease lease;
    polyplug_instance *instance; /* whose lease it is; NULL: none */
    uint32_t function;           /* that the watchdog shows */
} target;

/* Under the lock. */
static bool aim(polyplug_offer *o, target *t)
{
    if (o->is_there) {
        atomic_fetch_add_explicit(&o->slot->refs, 1, memory_order_relaxed);
        t->slot = o->slot;
        return true;
    }
    if (o->staged == NULL || o->staged_thread != berthi_thread_self())
        return false;
    berthi_version_ref(o->staged);
    t->lease.version = o->staged;
    return true;
}

static polyplug_instance *find_instance(berthi_polyplug *h, uint64_t number)
{
    uint32_t index = (uint32_t)number - 1;
    polyplug_instance *i = index < h->instances_count ? h->instances[index] : NULL;

    return i != NULL && i->is_taken && !i->is_dying && i->generation == (uint32_t)(number >> 32)
               ? i
               : NULL;
}

/* False, and *code_out says why; else lower() follows. */
static bool raise_call(polyplug_offer *o, berth_polyplug_instance instance, target *t,
                       uint32_t *code_out)
{
    berthi_polyplug *h = o->host;
    bool is_aimed = false;

    *t = (target){ .slot = NULL };
    berthi_lock_take(&h->lock);
    if (h->is_closed) {
        *code_out = BERTH_POLYPLUG_GENERIC;
    } else if (instance.data != NULL) {
        t->instance = find_instance(h, (uintptr_t)instance.data);
        is_aimed = t->instance != NULL && t->instance->offer == o;
        if (is_aimed)
            t->instance->uses++;
        else
            *code_out = BERTH_POLYPLUG_INVALID_POINTER;
    } else {
        is_aimed = aim(o, t);
        *code_out = BERTH_POLYPLUG_NOT_FOUND;
    }
    t->function = o->function;
    h->inside += is_aimed;
    berthi_lock_drop(&h->lock);
    return is_aimed;
}

/* Nobody else uses it, or will: it is not found any more. */
static void end_instance(berthi_polyplug *h, polyplug_instance *i)
{
    invocation inv = prepare(i->offer->stand_in.contract_id, i->function, run_destroy);

    inv.instance = i->own;
    if (berthi_foreign_insist(&i->lease, &inv.base, NULL) != BERTH_OK)
        berthi_polyplug_fail(&h->own.table, NULL, BERTH_POLYPLUG_GENERIC,
                             "an instance could not be told that it ends", "");
    berth_lease_return(&i->lease);
    berthi_lock_take(&h->lock);
    i->offer->instances--;
    i->generation++;
    i->is_taken = i->is_dying = false;
    berthi_lock_drop(&h->lock);
}

static void lower_call(berthi_polyplug *h, target *t)
{
    bool ends = false;

    if (t->slot != NULL)
        berth_slot_release(t->slot);
    if (t->lease.version != NULL)
        berth_lease_return(&t->lease);
    berthi_lock_take(&h->lock);
    if (t->instance != NULL)
        ends = --t->instance->uses == 0 && t->instance->is_dying;
    berthi_lock_drop(&h->lock);
    if (ends)
        end_instance(h, t->instance);
    berthi_polyplug_leave(h);
}

static const char *text_of(uint32_t code)
{
    switch (code) {
    case BERTH_POLYPLUG_NOT_FOUND:
        return "the contract is not there any more";
    case BERTH_POLYPLUG_NO_FUNCTION:
        return "the contract has no such function";
    case BERTH_POLYPLUG_INVALID_POINTER:
        return "the instance is not one of the contract's, or has ended";
    default:
        return "the call failed; get_last_error() of the host has more";
    }
}

/* What stands in for the functions of a contract, whoever keeps it now. */
static void call_stand_in(void *loader_data, berth_polyplug_instance instance,
                          uint32_t function, const void *args, void *out, void *arena,
                          berth_polyplug_error *error_out)
{
    polyplug_offer *o = loader_data;
    invocation inv = prepare(o->stand_in.contract_id, 0, run_function);
    const berth_lease *lease;
    berth_status status;
    berth_diag diag;
    target t;

    inv.number = function;
    inv.args = args;
    inv.out = out;
    inv.arena = arena;
    if (!raise_call(o, instance, &t, &inv.code)) {
        berthi_polyplug_fail(&o->host->own.table, error_out, inv.code, text_of(inv.code), "");
        return;
    }
    if (t.instance != NULL)
        inv.instance = t.instance->own;
    lease = t.instance != NULL ? &t.instance->lease : t.lease.version != NULL ? &t.lease : NULL;
    inv.base.function = t.function;
    status = berthi_foreign_enter(t.slot, lease, &inv.base, &diag);
    if (status == BERTH_E_ABSENT && inv.code == BERTH_POLYPLUG_GENERIC)
        inv.code =
            BERTH_POLYPLUG_NOT_FOUND; /* it was unloaded while this call was on its way */
    if (status == BERTH_OK)
        berthi_polyplug_fail(NULL, error_out, BERTH_POLYPLUG_OK, NULL, "");
    else
        berthi_polyplug_fail(&o->host->own.table, error_out, inv.code, text_of(inv.code),
                             diag.text);
    lower_call(o->host, &t);
}

/* ---------------------------------------------------------------- instances */

/* Under the lock: a place for one more; NULL: no memory, or too many. */
static polyplug_instance *take_place(berthi_polyplug *h)
{
    polyplug_instance **grown;
    uint32_t at = 0;

    while (at < h->instances_count && h->instances[at]->is_taken)
        at++;
    if (at == POLYPLUG_INSTANCES_MAX)
        return NULL;
    if (at == h->instances_count) {
        grown = berthi_polyplug_grow(h->instances, &h->instances_room, at, sizeof *grown);
        if (grown == NULL)
            return NULL;
        h->instances = grown;
        grown[at] = berthi_zalloc(&berthi_allocator_libc, sizeof **grown);
        if (grown[at] == NULL)
            return NULL;
        grown[at]->index = at;
        h->instances_count++;
    }
    h->instances[at]->is_taken = h->instances[at]->is_dying = true; /* until it is made */
    return h->instances[at];
}

static void give_place_back(berthi_polyplug *h, polyplug_instance *i)
{
    berthi_lock_take(&h->lock);
    i->is_taken = i->is_dying = false;
    berthi_lock_drop(&h->lock);
}

/* The instance keeps the version that it is made in. */
static berth_status lease_target(target *t, berth_lease *lease)
{
    if (t->slot != NULL)
        return berth_slot_lease(t->slot, lease);
    lease->version = t->lease.version; /* with its reference */
    t->lease.version = NULL;
    return BERTH_OK;
}

static berth_status make_in(polyplug_offer *o, target *t, const polyplug_caller *caller,
                            const void *args, polyplug_instance *i,
                            berth_polyplug_instance *out, berth_diag *diag)
{
    invocation inv = prepare(o->stand_in.contract_id, t->function, run_create);
    berth_status status;

    inv.args = args;
    i->lease = (berth_lease)BERTH_LEASE_NONE;
    status = lease_target(t, &i->lease);
    if (status == BERTH_OK)
        status = berthi_foreign_enter(NULL, &i->lease, &inv.base, diag);
    if (status != BERTH_OK ||
        inv.instance.data == NULL) { /* one without state needs no place */
        berth_lease_return(&i->lease);
        give_place_back(o->host, i);
        return status;
    }
    i->offer = o;
    i->own = inv.instance;
    i->owner = caller;
    i->function = t->function;
    berthi_lock_take(&o->host->lock);
    i->is_dying = false;
    o->instances++;
    out->data = (void *)(uintptr_t)((uint64_t)i->generation << 32 | (i->index + 1));
    berthi_lock_drop(&o->host->lock);
    return BERTH_OK;
}

void berthi_polyplug_instance_make(const polyplug_caller *caller, polyplug_offer *o,
                                   const void *args, berth_polyplug_instance *out)
{
    berthi_polyplug *h = o->host;
    uint32_t code = BERTH_POLYPLUG_GENERIC;
    berth_diag diag = { 0 };
    polyplug_instance *i;
    target t;

    *out = (berth_polyplug_instance){ NULL, o->stand_in.contract_id };
    if (!raise_call(o, *out, &t, &code)) {
        berthi_polyplug_fail(&caller->table, NULL, code, text_of(code), "");
        return;
    }
    berthi_lock_take(&h->lock);
    i = take_place(h);
    berthi_lock_drop(&h->lock);
    if (i == NULL)
        berthi_polyplug_fail(&caller->table, NULL, code, "too many instances, or no memory",
                             "");
    else if (make_in(o, &t, caller, args, i, out, &diag) != BERTH_OK)
        berthi_polyplug_fail(&caller->table, NULL, code, "no instance was made", diag.text);
    lower_call(h, &t);
}

void berthi_polyplug_instance_end(berthi_polyplug *h, berth_polyplug_instance instance)
{
    polyplug_instance *i;
    bool ends = false;

    berthi_lock_take(&h->lock);
    i = find_instance(h, (uintptr_t)instance.data);
    if (i != NULL) {
        i->is_dying = true;
        ends = i->uses == 0; /* else whoever uses it last ends it */
    }
    berthi_lock_drop(&h->lock);
    if (ends)
        end_instance(h, i);
}

void berthi_polyplug_instances_end(berthi_polyplug *h, const polyplug_caller *owner)
{
    uint32_t count;

    berthi_lock_take(&h->lock);
    count = h->instances_count;
    berthi_lock_drop(&h->lock);
    for (uint32_t at = 0; at < count; at++) {
        polyplug_instance *i;
        bool ends;

        berthi_lock_take(&h->lock);
        i = h->instances[at];
        ends = i->is_taken && !i->is_dying && (owner == NULL || i->owner == owner);
        if (ends) {
            i->is_dying = true;
            ends = i->uses == 0;
        }
        berthi_lock_drop(&h->lock);
        if (ends)
            end_instance(h, i);
    }
}

/* ---------------------------------------------------------------- stand-ins */

static void create_stand_in(void *loader_data, const berth_polyplug_host *table,
                            const void *args, berth_polyplug_instance *out)
{
    polyplug_offer *o = loader_data;
    const polyplug_caller *caller = polyplug_caller_of(table);

    if (out != NULL)
        berthi_polyplug_instance_make(caller == NULL ? &o->host->own : caller, o, args, out);
}

static void destroy_stand_in(void *loader_data, const berth_polyplug_host *table,
                             berth_polyplug_instance instance)
{
    polyplug_offer *o = loader_data;

    (void)table;
    if (instance.data == NULL || !berthi_polyplug_enter(o->host))
        return;
    berthi_polyplug_instance_end(o->host, instance);
    berthi_polyplug_leave(o->host);
}

void berthi_polyplug_stand_in(polyplug_offer *o, uint64_t contract, const uint32_t version[3])
{
    o->stand_in = (berth_polyplug_interface){
        .contract_id = contract,
        .contract_version = { version[0], version[1], version[2] },
        .dispatch_type = BERTH_POLYPLUG_VM,
        .create_instance = create_stand_in,
        .destroy_instance = destroy_stand_in,
        .dispatch = { .vm = { call_stand_in, o } },
    };
}

bool berthi_polyplug_is_stand_in(const berth_polyplug_interface *contract)
{
    return contract != NULL && contract->dispatch_type == BERTH_POLYPLUG_VM &&
           contract->dispatch.vm.call == call_stand_in;
}
