/* slot.c - opening, finding and evicting slots; publishing and rolling back.  Layer: registry.
 *
 * I1 holds by construction: only berthi_slot_publish() and empty_slot() store to `current`, under
 * the slot's lock; the one stores a version that was never current, both retire what they replace.
 * What a rollback publishes is a twin, made before the version that it would replace was
 * published (I4), which shares the old version's content and number.
 */
#include "registry/registry.h"

#include <string.h>

#include "base/bounds.h"
#include "base/diag.h"
#include "base/utf8.h"
#include "component/wit/contract_check.h"
#include "registry/session.h"
#include "service/grant/grants.h"

enum { CONFIG_BYTES_MAX = 1 << 20 };

/* ---- names and options ---- */

static berth_status check_name(const char *what, const char *name, size_t size_min,
                               berth_diag *diag)
{
    size_t size = strlen(name);
    char shown[4 * BERTH_NAME_SIZE_MAX + 4];

    if (size < size_min || size > BERTH_NAME_SIZE_MAX)
        return berthi_fail_because(diag, BERTH_E_INVALID, BERTH_REASON_NAME,
                                   "the name of a %s has %zu to %u bytes", what, size_min,
                                   BERTH_NAME_SIZE_MAX);
    if (!berthi_utf8_is_plain_text(name, size))
        return berthi_fail_because(diag, BERTH_E_INVALID, BERTH_REASON_NAME,
                                   "the name of a %s, \"%s\", is not printable UTF-8", what,
                                   berthi_utf8_show(shown, sizeof shown, name, size));
    return BERTH_OK;
}

static void use_defaults(const berth_runtime *rt, berth_slot_options *opt)
{
    if (opt->policy == 0)
        opt->policy = BERTH_POLICY_REUSE;
    if (opt->deadline_ns == 0)
        opt->deadline_ns = UINT64_C(100) * 1000000;
    if (opt->probe_deadline_ns == 0)
        opt->probe_deadline_ns = UINT64_C(1000) * 1000000;
    if (opt->memory_bytes_max == 0)
        opt->memory_bytes_max = rt->options.memory_bytes_max;
    if (opt->output_bytes_max == 0)
        opt->output_bytes_max = UINT64_C(16) << 20;
    if (opt->calls_max == 0)
        opt->calls_max = (opt->flags & BERTH_SLOT_STATE) != 0 ? 1 : 64;
    if (opt->instances_max == 0)
        opt->instances_max = (opt->flags & BERTH_SLOT_STATE) != 0 ? 1 : 64;
    if (opt->tenant == NULL)
        opt->tenant = "";
}

/* Of that profile, or of any. */
static bool is_kind(const berth_runtime *rt, const char *profile, const char *kind)
{
    for (size_t p = 0; rt->profiles[p] != NULL; p++)
        for (size_t k = 0; rt->profiles[p]->kinds[k] != NULL; k++)
            if ((profile == NULL || strcmp(profile, rt->profiles[p]->id) == 0) &&
                strcmp(kind, rt->profiles[p]->kinds[k]) == 0)
                return true;
    return false;
}

static berth_status check_options(const berth_runtime *rt, const berth_slot_options *opt,
                                  berth_diag *diag)
{
    berth_status status = check_name("tenant", opt->tenant, 0, diag);

    if (status == BERTH_OK)
        status = check_name("slot", opt->name, 1, diag);
    if (status != BERTH_OK)
        return status;
    if (opt->policy != BERTH_POLICY_REUSE && opt->policy != BERTH_POLICY_FRESH)
        return berthi_fail(diag, BERTH_E_INVALID, "policy %u is neither reuse nor fresh",
                           opt->policy);
    if ((opt->flags & ~(uint32_t)(BERTH_SLOT_TIMED | BERTH_SLOT_STATE | BERTH_SLOT_CHECKED |
                                  BERTH_SLOT_QUARANTINE | BERTH_SLOT_TRIAL)) != 0)
        return berthi_fail(diag, BERTH_E_INVALID, "flags 0x%x are not known here", opt->flags);
    if ((opt->flags & BERTH_SLOT_STATE) != 0 &&
        (opt->policy != BERTH_POLICY_REUSE || opt->instances_max != 1 || opt->calls_max != 1 ||
         opt->reuse_calls_max != 0 || opt->reuse_age_ns_max != 0 ||
         opt->reuse_memory_bytes_max != 0))
        return berthi_fail(diag, BERTH_E_INVALID,
                           "state is that of one instance: policy reuse, instances_max 1, "
                           "calls_max 1, and no bound past which it is replaced");
    if (opt->memory_bytes_max > rt->options.memory_bytes_max)
        return berthi_fail(diag, BERTH_E_INVALID,
                           "memory_bytes_max is %llu and the runtime's %llu",
                           (unsigned long long)opt->memory_bytes_max,
                           (unsigned long long)rt->options.memory_bytes_max);
    if (opt->calls_max > BERTHI_SLOT_CALLS_MOST ||
        opt->instances_max > BERTHI_SLOT_INSTANCES_MOST)
        return berthi_fail(diag, BERTH_E_INVALID,
                           "calls_max is at most %d and instances_max at most %d",
                           BERTHI_SLOT_CALLS_MOST, BERTHI_SLOT_INSTANCES_MOST);
    if (opt->plugin_config_size > CONFIG_BYTES_MAX ||
        (opt->plugin_config == NULL && opt->plugin_config_size != 0))
        return berthi_fail(diag, BERTH_E_INVALID, "plugin_config has at most %d bytes",
                           CONFIG_BYTES_MAX);
    if (opt->profile != NULL && berthi_profile_find(rt->profiles, opt->profile) == NULL)
        return berthi_fail(diag, BERTH_E_INVALID, "no profile is called '%s'", opt->profile);
    if (opt->kind != NULL && !is_kind(rt, opt->profile, opt->kind))
        return berthi_fail(diag, BERTH_E_INVALID, "profile '%s' has no slots of kind '%s'",
                           opt->profile == NULL ? "(any)" : opt->profile, opt->kind);
    return BERTH_OK;
}

/* ---- making and freeing ---- */

static char *copy_string(const berth_allocator *a, const char *s)
{
    return s == NULL ? NULL : berthi_strndup(a, s, strlen(s));
}

static void free_string(const berth_allocator *a, char *s)
{
    if (s != NULL)
        berthi_free(a, s, strlen(s) + 1);
}

static void free_slot(berth_slot *slot)
{
    const berth_allocator *a = &slot->runtime->allocator;

    for (uint32_t i = 0; i < slot->hooks_count; i++)
        free_string(a, slot->hook_names[i]);
    berthi_agreed_fini(&slot->agreed, a);
    berthi_adapters_free(slot);
    free_string(a, slot->name);
    free_string(a, slot->profile);
    free_string(a, slot->kind);
    berthi_free(a, slot->config, slot->options.plugin_config_size);
    berthi_contract_unref(slot->options.contract);
    berthi_grants_unref(slot->options.grants);
    berthi_free(a, slot->past_latency, sizeof *slot->past_latency);
    berthi_cond_fini(&slot->installed);
    berthi_lock_fini(&slot->lock);
    berthi_gate_fini(&slot->gate);
    berthi_free_aligned(a, slot->memory, sizeof *slot, _Alignof(berth_slot));
}

static berth_status copy_strings(berth_slot *slot, const berth_slot_options *opt,
                                 berth_diag *diag)
{
    const berth_allocator *a = &slot->runtime->allocator;

    slot->name = copy_string(a, opt->name);
    slot->profile = copy_string(a, opt->profile);
    slot->kind = copy_string(a, opt->kind);
    slot->options.plugin_config_size = opt->plugin_config_size; /* what free_slot() frees */
    if (opt->plugin_config_size != 0)
        slot->config = berthi_alloc(a, opt->plugin_config_size);
    if ((opt->flags & BERTH_SLOT_TIMED) != 0)
        slot->past_latency = berthi_zalloc(a, sizeof *slot->past_latency);
    if (slot->name == NULL || (opt->profile != NULL && slot->profile == NULL) ||
        (opt->kind != NULL && slot->kind == NULL) ||
        (opt->plugin_config_size != 0 && slot->config == NULL) ||
        ((opt->flags & BERTH_SLOT_TIMED) != 0 && slot->past_latency == NULL))
        return berthi_fail(diag, BERTH_E_NOMEM, "slot '%s'", opt->name);
    slot->options = *opt;
    slot->options.name = slot->name;
    slot->options.tenant = slot->options.profile = slot->options.kind = NULL;
    slot->options.contract = berthi_contract_ref(opt->contract);
    slot->options.grants = berthi_grants_ref(opt->grants);
    if (opt->plugin_config_size != 0)
        memcpy(slot->config, opt->plugin_config, opt->plugin_config_size);
    slot->options.plugin_config = slot->config;
    return BERTH_OK;
}

static uint64_t take_key(void)
{
    uint64_t number = berthi_number_take();

    return number >= BERTHI_KEY_NONE >> 32 ? BERTHI_KEY_NONE : number << 32;
}

static berth_status make_slot(berth_runtime *rt, const berth_slot_options *opt,
                              berth_slot **slot_out, berth_diag *diag)
{
    berth_status status;
    berth_slot *slot;
    void *memory;
    int code;

    slot = berthi_zalloc_aligned(&rt->allocator, sizeof *slot, _Alignof(berth_slot), &memory);
    if (slot == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "slot '%s'", opt->name);
    slot->memory = memory;
    slot->runtime = rt;
    code = berthi_lock_init(&slot->lock, BERTHI_RANK_SLOT);
    if (code != 0)
        goto fail_lock;
    code = berthi_cond_init(&slot->installed);
    if (code != 0)
        goto fail_cond;
    code = berthi_gate_init(&slot->gate, opt->calls_max);
    if (code != 0)
        goto fail_gate;
    status = copy_strings(slot, opt, diag);
    if (status != BERTH_OK) {
        free_slot(slot);
        return status;
    }
    if (!berthi_slot_key_make(&slot->place, opt->tenant, opt->name))
        berthi_panic("a slot's names were checked and have no key");
    slot->key = take_key();
    atomic_init(&slot->uncounted_max, berthi_uncounted_max(slot));
    atomic_init(&slot->refs, 2); /* the registry's and the handle's */
    *slot_out = slot;
    return BERTH_OK;

fail_gate:
    berthi_cond_fini(&slot->installed);
fail_cond:
    berthi_lock_fini(&slot->lock);
fail_lock:
    berthi_free_aligned(&rt->allocator, memory, sizeof *slot, _Alignof(berth_slot));
    return berthi_fail_os(diag, code, "the locks of slot '%s'", opt->name);
}

void berthi_slot_unref(berth_slot *slot)
{
    berth_runtime *rt = slot->runtime;

    /* acq_rel: the last one sees what the others did. */
    if (atomic_fetch_sub_explicit(&slot->refs, 1, memory_order_acq_rel) != 1)
        return;
    assert(slot->versions == NULL && slot->kept == NULL);
    berthi_lock_take(&rt->lock);
    berthi_tenant_leave(rt, slot);
    berthi_lock_drop(&rt->lock);
    free_slot(slot);
}

static berth_status insert(berth_runtime *rt, berth_slot *slot, const char *tenant,
                           berth_diag *diag)
{
    berth_status status;

    if (berthi_map_find(rt, &slot->place) != NULL)
        return berthi_fail(diag, BERTH_E_STATE, "slot '%s' of tenant '%s' exists; find it",
                           slot->name, tenant);
    if (rt->slots_count >= rt->options.slots_max)
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_SLOTS,
                                   "%u slots exist; evict some or raise slots_max",
                                   rt->slots_count);
    status = berthi_tenant_join(rt, tenant, slot, diag);
    if (status != BERTH_OK)
        return status;
    slot->options.tenant = slot->tenant->name;
    berthi_map_insert(rt, slot);
    return BERTH_OK;
}

static berth_status make_checked(berth_runtime *rt, const berth_slot_options *options,
                                 berth_slot_options *opt, berth_slot **slot_out,
                                 berth_diag *diag)
{
    berth_status status;

    BERTHI_REQUIRE(rt != NULL && slot_out != NULL, diag);
    status = berthi_options_copy(opt, sizeof *opt, options, "berth_slot_options", diag);
    if (status != BERTH_OK)
        return status;
    BERTHI_REQUIRE(opt->name != NULL, diag);
    use_defaults(rt, opt);
    status = check_options(rt, opt, diag);
    return status == BERTH_OK ? make_slot(rt, opt, slot_out, diag) : status;
}

berth_status berth_slot_open(berth_runtime *rt, const berth_slot_options *options,
                             berth_slot **slot_out, berth_diag *diag)
{
    berth_slot_options opt;
    berth_slot *slot = NULL;
    berth_status status;

    BERTHI_REQUIRE(slot_out != NULL, diag);
    status = make_checked(rt, options, &opt, &slot, diag);
    if (status != BERTH_OK)
        return status;
    berthi_lock_take(&rt->lock);
    status = insert(rt, slot, opt.tenant, diag);
    berthi_lock_drop(&rt->lock);
    if (status != BERTH_OK) {
        free_slot(slot);
        return status;
    }
    *slot_out = slot;
    return BERTH_OK;
}

/* ---- slots that nobody sees yet ---- */

berth_status berthi_slot_open_hidden(berth_runtime *rt, const berth_slot_options *options,
                                     berth_slot **slot_out, berth_diag *diag)
{
    berth_slot_options opt;
    berth_slot *slot = NULL;
    berth_status status = make_checked(rt, options, &opt, &slot, diag);

    if (status != BERTH_OK)
        return status;
    berthi_lock_take(&rt->lock);
    status = berthi_tenant_join(rt, opt.tenant, slot, diag);
    berthi_lock_drop(&rt->lock);
    if (status != BERTH_OK) {
        free_slot(slot);
        return status;
    }
    slot->options.tenant = slot->tenant->name;
    *slot_out = slot;
    return BERTH_OK;
}

static berth_status check_all(berth_runtime *rt, berth_slot *const *slots, size_t count,
                              berth_diag *diag)
{
    for (size_t i = 0; i < count; i++)
        if (berthi_map_find(rt, &slots[i]->place) != NULL)
            return berthi_fail(diag, BERTH_E_STATE, "slot '%s' of tenant '%s' exists already",
                               slots[i]->name, slots[i]->tenant->name);
    if (count > rt->options.slots_max - rt->slots_count)
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_SLOTS,
                                   "%u slots exist, and %zu more are past slots_max",
                                   rt->slots_count, count);
    return BERTH_OK;
}

berth_status berthi_slots_reveal(berth_runtime *rt, berth_slot *const *slots, size_t count,
                                 bool only_checks, berth_diag *diag)
{
    berth_status status;

    berthi_lock_take(&rt->lock);
    status = check_all(rt, slots, count, diag);
    for (size_t i = 0; status == BERTH_OK && !only_checks && i < count; i++)
        berthi_map_insert(rt, slots[i]);
    berthi_lock_drop(&rt->lock);
    return status;
}

/* Without the lock.  NULL: it has to be taken. */
static berth_slot *find_quickly(berth_runtime *rt, const berthi_slot_key *key)
{
    berthi_record *mine = berthi_record_mine.record;
    berth_slot *slot;

    berthi_look_begin(mine);
    slot = berthi_map_find(rt, key);
    BERTHI_WINDOW();
    if (slot != NULL) /* the registry's reference is there as long as somebody looks */
        atomic_fetch_add_explicit(&slot->refs, 1, memory_order_relaxed);
    berthi_look_end(mine);
    return slot;
}

static berth_slot *find_slowly(berth_runtime *rt, const berthi_slot_key *key)
{
    berth_slot *slot;

    berthi_lock_take(&rt->lock);
    slot = berthi_map_find(rt, key);
    if (slot != NULL)
        atomic_fetch_add_explicit(&slot->refs, 1, memory_order_relaxed);
    berthi_lock_drop(&rt->lock);
    return slot;
}

berth_status berth_slot_find(berth_runtime *rt, const char *tenant, const char *name,
                             berth_slot **slot_out)
{
    berthi_slot_key key;
    berth_slot *slot;

    if (rt == NULL || name == NULL || slot_out == NULL)
        return BERTH_E_INVALID;
    if (!berthi_slot_key_make(&key, tenant == NULL ? "" : tenant, name))
        return BERTH_E_ABSENT;
    slot = berthi_domain_is_quick(&rt->domain) ? find_quickly(rt, &key) : NULL;
    if (slot == NULL)
        slot = find_slowly(rt, &key);
    if (slot == NULL)
        return BERTH_E_ABSENT;
    *slot_out = slot;
    return BERTH_OK;
}

void berth_slot_release(berth_slot *slot)
{
    if (slot != NULL)
        berthi_slot_unref(slot);
}

/* ---- publishing ---- */

static void link_version(berth_slot *slot, berth_version *v)
{
    v->slot_next = slot->versions;
    slot->versions = v;
}

/* The one place where `current` changes to a version. */
static void exchange_current(berth_slot *slot, berth_version *next)
{
    berth_version *last = berthi_publish(&slot->runtime->domain, &slot->current, next);

    BERTHI_WINDOW();
    assert(last != next || next == NULL);
    if (last != NULL)
        berthi_retire(last);
}

bool berthi_slot_quarantine_locked(berth_slot *slot, const berth_version *v)
{
    if (atomic_load_explicit(&slot->current, memory_order_relaxed) != v)
        return false;
    exchange_current(slot, NULL);
    return true;
}

void berthi_slot_publish(berth_slot *slot, berth_version *next)
{
    berth_version *last = atomic_load_explicit(&slot->current, memory_order_relaxed);
    berth_version *twin = next->shell, *outdated = slot->kept;

    next->number = ++slot->numbers;
    if (next->is_native)
        berthi_native_set_version(next->content->native->native, next->number);
    link_version(slot, next);
    if (last != NULL) {
        next->shell = NULL;
        berthi_version_fill(twin, last->content);
        memcpy(twin->hook_of, last->hook_of, sizeof twin->hook_of);
        twin->number = last->number;
        link_version(slot, twin);
        slot->kept = twin;
        if (outdated != NULL)
            berthi_retire(outdated);
    }
    exchange_current(slot, next);
}

berth_version *berthi_slot_kept_take(berth_slot *slot)
{
    berth_version *kept;

    berthi_lock_take(&slot->lock);
    kept = slot->kept;
    slot->kept = NULL;
    berthi_lock_drop(&slot->lock);
    return kept;
}

void berthi_slot_kept_give(berth_slot *slot, berth_version *kept, bool is_outdated)
{
    if (kept == NULL)
        return;
    berthi_lock_take(&slot->lock);
    if (is_outdated || slot->is_evicted || slot->kept != NULL)
        berthi_retire(kept);
    else
        slot->kept = kept;
    berthi_lock_drop(&slot->lock);
}

/* A rollback from that version would not leave it: another one came meanwhile.  Nothing is there when a watchdog took
 * it out of service, and then only what it would go back to is another.  `from`: its number; 0: of whichever it is.
 * Under the lock. */
static bool has_left(const berth_slot *slot, uint64_t from)
{
    const berth_version *last = atomic_load_explicit(&slot->current, memory_order_relaxed);

    if (last != NULL)
        return from != 0 && last->number != from;
    return from != 0 && slot->kept != NULL && slot->kept->number == from;
}

static berth_status roll_back(berth_slot *slot, uint64_t from, uint64_t *version_out,
                              berth_diag *diag)
{
    berth_status status = BERTH_OK;
    berth_version *next;

    berthi_lock_take(&slot->lock);
    next = slot->kept;
    if (slot->is_evicted) {
        status = berthi_fail(diag, BERTH_E_STATE, "slot '%s' was evicted", slot->name);
    } else if (has_left(slot, from)) {
        status = berthi_fail(diag, BERTH_E_STATE, "slot '%s' does not call version %llu",
                             slot->name, (unsigned long long)from);
    } else if (next == NULL) {
        status =
            berthi_fail(diag, BERTH_E_ABSENT,
                        "slot '%s' keeps no version to go back to; install one", slot->name);
    } else {
        slot->kept = NULL;
        slot->rollbacks++;
        if (version_out != NULL)
            *version_out = next->number;
        exchange_current(slot, next);
    }
    berthi_lock_drop(&slot->lock);
    return status;
}

/* The version that is gone back to gets the state as it is now, when it can be had; a plugin that
 * cannot give its state is what rollbacks are for. */
static berth_status roll_back_with_state(berth_slot *slot, uint64_t from, uint64_t *version_out,
                                         berth_diag *diag)
{
    berth_status status = berthi_install_begin(slot, diag);
    berth_version *next;
    bool is_held;

    if (status != BERTH_OK)
        return status;
    is_held = berthi_gate_hold(slot, berthi_state_patience(slot));
    berthi_lock_take(&slot->lock);
    /* The ticket keeps it there, but for an eviction. */
    next = has_left(slot, from) ? NULL : slot->kept;
    if (next != NULL)
        berthi_version_ref(next);
    berthi_lock_drop(&slot->lock);
    if (next != NULL) {
        if (is_held)
            (void)berthi_state_carry(slot, next, NULL);
        atomic_fetch_sub_explicit(&next->refs, 1, memory_order_release);
    }
    status = roll_back(slot, from, version_out, diag);
    if (is_held)
        berthi_gate_release(slot);
    berthi_install_finish(slot);
    berthi_event_set(&slot->runtime->event); /* for the reference */
    return status;
}

static berth_status roll_back_as_asked(berth_slot *slot, uint64_t from, uint64_t *version_out,
                                       berth_diag *diag)
{
    return (slot->options.flags & BERTH_SLOT_STATE) != 0
               ? roll_back_with_state(slot, from, version_out, diag)
               : roll_back(slot, from, version_out, diag);
}

berth_status berth_slot_rollback(berth_slot *slot, uint64_t *version_out, berth_diag *diag)
{
    BERTHI_REQUIRE(slot != NULL, diag);
    return roll_back_as_asked(slot, 0, version_out, diag);
}

berth_status berthi_slot_leave(berth_slot *slot, uint64_t version)
{
    assert(version != 0);
    return roll_back_as_asked(slot, version, NULL, NULL);
}

/* ---- evicting ---- */

/* It is in the map no more, and nobody who found it there is still looking. */
static void empty_slot(berth_slot *slot)
{
    berthi_lock_take(&slot->lock);
    slot->is_evicted = true;
    exchange_current(slot, NULL);
    if (slot->kept != NULL)
        berthi_retire(slot->kept);
    slot->kept = NULL;
    berthi_lock_drop(&slot->lock);
    berthi_slot_unref(slot); /* the registry's */
}

void berthi_slot_abandon(berth_slot *slot)
{
    empty_slot(slot);
    berth_slot_release(slot);
}

void berthi_slot_conceal(berth_slot *slot)
{
    berth_runtime *rt = slot->runtime;
    bool is_there;

    berthi_lock_take(&rt->lock);
    is_there = berthi_map_find(rt, &slot->place) == slot;
    if (is_there)
        berthi_map_remove(rt, slot);
    berthi_lock_drop(&rt->lock);
    if (!is_there)
        return;
    berthi_domain_await_looks(&rt->domain);
    empty_slot(slot);
}

berth_status berth_slot_evict(berth_runtime *rt, const char *tenant, const char *name)
{
    berthi_slot_key key;
    berth_slot *slot;

    if (rt == NULL || name == NULL)
        return BERTH_E_INVALID;
    if (!berthi_slot_key_make(&key, tenant == NULL ? "" : tenant, name))
        return BERTH_E_ABSENT;
    berthi_lock_take(&rt->lock);
    slot = berthi_map_find(rt, &key);
    if (slot != NULL)
        berthi_map_remove(rt, slot);
    berthi_lock_drop(&rt->lock);
    if (slot == NULL)
        return BERTH_E_ABSENT;
    berthi_domain_await_looks(&rt->domain);
    empty_slot(slot);
    return BERTH_OK;
}

static bool is_kept(const berth_slot *slot, const berth_key *keep, size_t keep_count)
{
    for (size_t i = 0; i < keep_count; i++)
        if (keep[i].name != NULL && strcmp(slot->name, keep[i].name) == 0 &&
            strcmp(slot->tenant->name, keep[i].tenant == NULL ? "" : keep[i].tenant) == 0)
            return true;
    return false;
}

size_t berth_runtime_retain(berth_runtime *rt, const berth_key *keep, size_t keep_count)
{
    berth_slot *evicted = NULL, *slot, *next;
    size_t count = 0;

    berthi_lock_take(&rt->lock);
    for (size_t i = 0; i < berthi_map_chains(rt); i++)
        for (slot = berthi_map_first(rt, i); slot != NULL; slot = next) {
            next = berthi_map_next(slot);
            if (is_kept(slot, keep, keep_count))
                continue;
            berthi_map_remove(rt, slot);
            /* release: who looks may come along here, to slots that are in no chain either. */
            atomic_store_explicit(&slot->map_next, evicted, memory_order_release);
            evicted = slot;
            count++;
        }
    berthi_lock_drop(&rt->lock);
    berthi_domain_await_looks(&rt->domain);
    for (; evicted != NULL; evicted = next) {
        next = berthi_map_next(evicted);
        empty_slot(evicted);
    }
    return count;
}

/* ---- hooks ---- */

berth_status berthi_slot_hook_locked(berth_slot *slot, const char *name, uint32_t *hook_out,
                                     berth_diag *diag)
{
    uint32_t i = 0;

    while (i < slot->hooks_count && strcmp(slot->hook_names[i], name) != 0)
        i++;
    if (i == BERTHI_HOOKS_MAX)
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_NAME,
                                   "slot '%s' knows %d hook names already", slot->name,
                                   BERTHI_HOOKS_MAX);
    if (i == slot->hooks_count) {
        slot->hook_names[i] = copy_string(&slot->runtime->allocator, name);
        if (slot->hook_names[i] == NULL)
            return berthi_fail(diag, BERTH_E_NOMEM, "hook '%s'", name);
        slot->hooks_count++;
    }
    *hook_out = i;
    return BERTH_OK;
}

void berthi_slot_unhook_locked(berth_slot *slot, uint32_t count)
{
    while (slot->hooks_count > count)
        free_string(&slot->runtime->allocator, slot->hook_names[--slot->hooks_count]);
}

berth_status berth_slot_hook(berth_slot *slot, const char *name, uint32_t *hook_out,
                             berth_diag *diag)
{
    berth_status status;

    BERTHI_REQUIRE(slot != NULL && name != NULL && hook_out != NULL, diag);
    status = check_name("hook", name, 1, diag);
    if (status != BERTH_OK)
        return status;
    berthi_lock_take(&slot->lock);
    status = berthi_slot_hook_locked(slot, name, hook_out, diag);
    berthi_lock_drop(&slot->lock);
    return status;
}
