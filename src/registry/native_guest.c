/* native_guest.c - native plugins: mapped once per install, open as long as somebody may call them.
 *
 * Layer: registry.  A version and the twin that a rollback publishes share the instance, so that a
 * rollback opens nothing and can fail at nothing (I4).  It ends when both are reaped: then no record
 * names either (I2), and nobody is inside or will be. */
#include "registry/hot.h"

#include "base/diag.h"
#include "native/checked.h"
#include "os/environment.h"
#include "os/clock.h"
#include "os/trial.h"

berthi_native_guest *berthi_native_guest_make(berth_runtime *rt)
{
    berthi_native_guest *guest = berthi_zalloc(&rt->allocator, sizeof *guest);

    if (guest != NULL)
        berthi_arena_init(&guest->arena, &rt->allocator, SIZE_MAX);
    return guest;
}

void berthi_native_unload(berth_runtime *rt, berthi_native_guest *guest)
{
    if (guest->native != NULL)
        berthi_native_end(guest->native);
    if (guest->world != NULL)
        berthi_native_world_unref(rt, guest->world);
    berthi_arena_fini(&guest->arena);
    berthi_free(&rt->allocator, guest, sizeof *guest);
}

/* ---------------------------------------------------------------- admission */

typedef struct finder {
    berth_runtime *runtime;
    berthi_native_guest *guest;
} finder;

/* A world that is found takes the place of the empty one. */
static const berthi_native_plugin *find_world(void *ctx, const uint8_t *wit, size_t size)
{
    const finder *f = ctx;
    berthi_native_world *world =
        size == 0 ? NULL : berthi_native_world_find(f->runtime, wit, size);

    if (world == NULL)
        return NULL;
    berthi_native_world_unref(f->runtime, f->guest->world);
    f->guest->world = world;
    return berthi_native_world_plugin(world);
}

berth_status berthi_native_admit(berth_slot *slot, berthi_content *content,
                                 const uint8_t *bytes, size_t size, const char *profile,
                                 const char *kind, const berthi_admit_limits *limits,
                                 berth_diag *diag)
{
    finder f = { slot->runtime, content->native };
    berthi_native_worlds worlds = { .ctx = &f, .find = find_world };
    berth_status status;

    f.guest->world = berthi_native_world_make(slot->runtime);
    if (f.guest->world == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "a native plugin");
    worlds.arena = berthi_native_world_arena(f.guest->world);
    status = berthi_admit_native(bytes, size, profile, kind, limits, &worlds, &content->arena,
                                 &f.guest->arena, &content->plugin, &f.guest->plugin, diag);
    if (status == BERTH_OK)
        berthi_native_world_share(slot->runtime, f.guest->world, &f.guest->plugin);
    return status;
}

/* ---------------------------------------------------------------- loading */

static berth_status take_tables(berthi_native_guest *guest, berth_diag *diag)
{
    const berthi_native_plugin *p = &guest->plugin;
    berth_status status = BERTH_OK;

    guest->tables = berthi_arena_array(&guest->arena, p->exports_count, sizeof *guest->tables);
    guest->drops = berthi_arena_array(&guest->arena, p->exports_count, sizeof *guest->drops);
    if (guest->tables == NULL || guest->drops == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "the tables of a native plugin");
    for (uint32_t i = 0; status == BERTH_OK && i < p->exports_count; i++) {
        const berthi_contract *c = &p->exports[i].contract;

        status = berthi_native_functions(guest->native, c->key, c->digest, p->exports[i].names,
                                         c->funcs_count, &guest->tables[i], diag);
        if (status == BERTH_OK)
            status = berthi_native_drops(guest->native, p->exports[i].drop_key, c->digest,
                                         p->exports[i].resources, p->exports[i].resources_count,
                                         &guest->drops[i], diag);
    }
    return status;
}

/* Its bounds are those of the slot; memory is that of the process, to which its own segments and those
 * of what it needs belong. */
static berthi_trial trial_of(const berth_slot *slot, const berthi_native_info *info)
{
    enum { LIBRARIES = 64 << 20 };
    const berth_slot_options *opt = &slot->options;
    const char *program = slot->runtime->options.trial_program;

    return (berthi_trial){ .program = program != NULL ? program : BERTH_TRIAL_PROGRAM,
                           .deadline_ns = opt->probe_deadline_ns,
                           .memory_bytes =
                               opt->memory_bytes_max + info->memory_bytes + LIBRARIES };
}

berth_status berthi_native_load(berth_slot *slot, berthi_content *content,
                                const struct berthi_library_copy *copy,
                                const berthi_foreign *foreign, berth_diag *diag)
{
    const berth_slot_options *opt = &slot->options;
    bool is_checked =
        (opt->flags & BERTH_SLOT_CHECKED) != 0 || berthi_environment_says_checked();
    berthi_native_options options = { .copy = copy,
                                      .info = &content->native->plugin.info,
                                      .tenant = slot->tenant->name,
                                      .slot = slot->name,
                                      .drain_ns = opt->probe_deadline_ns,
                                      .is_checked = is_checked,
                                      .abi = foreign == NULL ? NULL : foreign->abi,
                                      .abi_ctx = foreign == NULL ? NULL : foreign->ctx };
    const berthi_trial trial = trial_of(slot, &content->native->plugin.info);
    berth_status status;

    if ((opt->flags & BERTH_SLOT_TRIAL) != 0)
        options.trial = &trial;
    if (opt->policy == BERTH_POLICY_FRESH || opt->reuse_calls_max != 0 ||
        opt->reuse_age_ns_max != 0 || opt->reuse_memory_bytes_max != 0)
        return berthi_fail(diag, BERTH_E_REJECTED,
                           "slot '%s' replaces instances, and a native plugin has one for all "
                           "calls; open the slot with policy reuse and without reuse bounds",
                           slot->name);
    status = berthi_watchdog_start(slot->runtime, diag);
    if (status != BERTH_OK)
        return status;
    content->native->is_checked = is_checked;
    status = berthi_native_imports_make(slot, &content->native->plugin, content->links,
                                        is_checked, &options.imports, diag);
    if (status != BERTH_OK)
        return status;
    status =
        berthi_native_open(slot->runtime->natives, &options, &content->native->native, diag);
    return status == BERTH_OK ? take_tables(content->native, diag) : status;
}

/* ---------------------------------------------------------------- finding */

static const berthi_native_export *find_export(const berthi_content *content, const char *name,
                                               size_t size)
{
    const berthi_native_plugin *p = &content->native->plugin;
    const char *contract = content->plugin.contract;

    /* A contract's own name finds the export that keeps it, in whichever version that is. */
    if (contract != NULL && name != NULL && strlen(contract) == size &&
        memcmp(contract, name, size) == 0)
        return p->kept;
    for (uint32_t i = 0; i < p->exports_count; i++) {
        const char *own = p->exports[i].name;

        if (name == NULL ? own == NULL
                         : own != NULL && strlen(own) == size && memcmp(own, name, size) == 0)
            return &p->exports[i];
    }
    return NULL;
}

const berthi_cm_type *berthi_native_find(const berthi_content *content, const char *name,
                                         berth_plugin_fn **call_out)
{
    const char *mark = strchr(name, '#');
    const berthi_native_export *e = mark == NULL
                                        ? find_export(content, NULL, 0)
                                        : find_export(content, name, (size_t)(mark - name));
    const char *function = mark == NULL ? name : mark + 1;

    for (uint32_t i = 0; e != NULL && i < e->contract.funcs_count; i++)
        if (strcmp(e->names[i], function) == 0) {
            *call_out = content->native->tables[e - content->native->plugin.exports]->calls[i];
            return e->types[i];
        }
    return NULL;
}

berth_plugin_fn *berthi_native_find_drop(const berthi_content *content, const char *name)
{
    const char *mark = strstr(name, BERTHI_DROP_MARK);
    const char *resource = mark == NULL ? NULL : mark + strlen(BERTHI_DROP_MARK);
    const berthi_native_export *e =
        mark == NULL ? NULL : find_export(content, name, (size_t)(mark - name));
    const berth_functions_v1 *drops =
        e == NULL ? NULL : content->native->drops[e - content->native->plugin.exports];

    for (uint32_t i = 0; drops != NULL && i < e->resources_count; i++)
        if (strcmp(e->resources[i], resource) == 0)
            return drops->calls[i];
    return NULL;
}

/* ---------------------------------------------------------------- calling */

/* What a function of the host answered is handed through when the plugin answers the same. */
__attribute__((noinline, cold)) berth_status berthi_native_refused(berthi_record *mine,
                                                                   berthi_seat *seat,
                                                                   const berthi_typed *typed,
                                                                   int32_t code,
                                                                   berth_diag *diag)
{
    const berthi_failure *failure = &mine->failure;
    bool is_hosts =
        failure->where == seat &&
        failure->call == atomic_load_explicit(&seat->counts.calls, memory_order_relaxed);
    berth_status status;

    if (is_hosts && failure->diag.status == code)
        status = berthi_fail_because(diag, (berth_status)code, BERTH_REASON_HOST, "%s: %.400s",
                                     typed->name, failure->diag.text);
    else if (is_hosts)
        status = berthi_fail(diag, BERTH_E_PLUGIN, "%s: it answered %d, after %.400s",
                             typed->name, (int)code, failure->diag.text);
    else
        status =
            berthi_fail(diag, BERTH_E_PLUGIN, "%s: it answered %d", typed->name, (int)code);
    mine->failure.where = NULL;
    berthi_count_failure(&seat->counts, status);
    return status;
}

/* Where nothing is in doubt, the function itself. */
static berth_status call_it(const berth_version *v, const berth_call *call,
                            const berthi_typed *typed, const void *args, void *result,
                            int32_t *code_out, berth_diag *diag)
{
    berth_call *given = (berth_call *)(uintptr_t)call;
    const berthi_checked_values values = { typed->name, args, result, typed->args_size,
                                           typed->result_size };

    if (v->is_checked)
        return berthi_native_call_checked(v->content->native->native, typed->call, &values,
                                          given, code_out, diag);
    *code_out = typed->call(typed->self, args, result, given);
    return BERTH_OK;
}

berth_status berthi_native_invoke(berth_version *v, berthi_record *mine, const berth_call *call,
                                  const berthi_typed *typed, const void *args, void *result,
                                  berth_reply *reply, berth_diag *diag)
{
    berthi_seat *seat = berthi_seat_take(v, mine, diag);
    berth_status status;
    uint64_t began_ns;
    int32_t code = 0;

    reply->version = 0; /* until the call is counted in this one */
    if (seat == NULL)
        return BERTH_E_NOMEM;
    BERTHI_ASSERT_UNLOCKED(); /* I9 */
    atomic_store_explicit(&mine->function[berthi_record_depth(mine) - 1], call->hook,
                          memory_order_relaxed);
    began_ns = v->is_timed ? berthi_clock_ns() : 0;
    berthi_count(&seat->counts.calls, 1);
    berthi_count(&seat->counts.bytes_in, berthi_cm_measured(&typed->args, args));
    status = call_it(v, call, typed, args, result, &code, diag);
    if (v->is_timed)
        berthi_count_time(seat, began_ns);
    reply->version = v->number;
    if (status != BERTH_OK) {
        berthi_count_failure(&seat->counts, status);
        return status;
    }
    if (code != 0)
        return berthi_native_refused(mine, seat, typed, code, diag);
    reply->size = berthi_cm_measured(&typed->result, result);
    berthi_count(&seat->counts.bytes_out, reply->size);
    berthi_count(&seat->counts.answered, 1);
    return BERTH_OK;
}

/* ---------------------------------------------------------------- of another system */

void *berthi_foreign_self(const berth_version *v, const berthi_native_abi *abi)
{
    const berthi_native_guest *guest = v->content->native;

    return guest != NULL && berthi_native_abi_of(guest->native) == abi
               ? berthi_native_self(guest->native)
               : NULL;
}

berth_status berthi_foreign_name(berth_slot *slot, const char *name, uint32_t *function_out,
                                 berth_diag *diag)
{
    berth_status status = BERTH_OK;
    uint32_t number;

    berthi_lock_take(&slot->lock);
    number = berthi_agreed_find(&slot->agreed, name);
    if (number == BERTHI_FUNCS_MAX) {
        number = slot->agreed.count;
        status = berthi_agreed_add(&slot->agreed, name, "", &slot->runtime->allocator);
    }
    berthi_lock_drop(&slot->lock);
    if (status != BERTH_OK)
        return berthi_fail(diag, status, "naming `%s` in slot '%s'", name, slot->name);
    *function_out = BERTHI_HOOKS_MAX + number;
    return BERTH_OK;
}

static berth_status call_foreign(berth_version *v, berthi_record *mine, const berth_call *call,
                                 uint64_t ticks, void *more, berth_reply *reply,
                                 berth_diag *diag)
{
    berthi_foreign_call *what = more;
    void *self = berthi_foreign_self(v, what->abi);
    berthi_seat *seat;
    berth_status status;
    uint64_t began_ns;

    (void)ticks; /* nothing ends native code; the watchdog tells */
    reply->version = 0;
    if (self == NULL)
        return berthi_fail(diag, BERTH_E_ABSENT, "slot '%s' has no plugin of %s", v->slot->name,
                           what->abi->name);
    seat = berthi_seat_take(v, mine, diag);
    if (seat == NULL)
        return BERTH_E_NOMEM;
    BERTHI_ASSERT_UNLOCKED(); /* I9 */
    berthi_known_forget();    /* the record says another function from here on */
    atomic_store_explicit(&mine->function[berthi_record_depth(mine) - 1], call->hook,
                          memory_order_relaxed);
    berthi_record_mine.known = berthi_record_mine.known_measured = 0; /* as in typed.c */
    began_ns = v->is_timed ? berthi_clock_ns() : 0;
    berthi_count(&seat->counts.calls, 1);
    status = what->run(self, what, diag);
    if (v->is_timed)
        berthi_count_time(seat, began_ns);
    if (status == BERTH_OK)
        berthi_count(&seat->counts.answered, 1);
    else
        berthi_count_failure(&seat->counts, status);
    return status;
}

berth_status berthi_foreign_enter(berth_slot *slot, const berth_lease *lease,
                                  berthi_foreign_call *what, berth_diag *diag)
{
    berth_call call = BERTH_CALL_INIT;
    berth_reply reply;

    call.hook = what->function;
    return lease != NULL ? berthi_lease_enter(lease, &call, call_foreign, what, &reply, diag)
                         : berthi_slot_enter(slot, &call, call_foreign, what, &reply, diag);
}

berth_status berthi_foreign_insist(const berth_lease *lease, berthi_foreign_call *what,
                                   berth_diag *diag)
{
    berth_call call = BERTH_CALL_INIT;
    berth_version *v = lease->version;
    berthi_domain *d = &v->runtime->domain;
    berth_status status = berthi_foreign_enter(NULL, lease, what, diag);
    berthi_record *mine;
    berth_reply reply;
    unsigned at;

    if (status != BERTH_E_BUSY)
        return status;
    mine = berthi_domain_record(d);
    at = berthi_record_depth(
        mine); /* of which there is a next one: the gate was asked after that */
    call.hook = what->function;
    berthi_pin_held(d, mine, at, v);
    status = call_foreign(v, mine, &call, 0, what, &reply, diag);
    berthi_unpin(mine, at);
    return status;
}
