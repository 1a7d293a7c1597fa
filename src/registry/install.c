/* install.c - from bytes to a version that is ready to be called.  Layer: registry.
 *
 *   digest  same as the current one: nothing to do
 *   admit   from the bytes alone; nothing of them runs
 *   compile through the shared cache
 *   probe   start function and each hook, in instances that nobody will see again
 *   warm    as many instances as the version before has, so that a swap is not felt
 *
 * Everything that can fail is here and happens before publishing (I4).  Installs into one slot
 * take turns by a ticket, not a lock, because plugin code and the observer run meanwhile (I9).
 */
#include "registry/registry.h"

#include <string.h>

#include "base/diag.h"
#include "base/digest.h"
#include "component/wrap/wrap.h"
#include "os/file.h"
#include "os/library.h"
#include "registry/links.h"

enum { PROBE_ARENA_SIZE = 4096, CONTENT_BYTES_MAX = 1 << 20 };

/* ---- taking turns ---- */

berth_status berthi_install_begin(berth_slot *slot, berth_diag *diag)
{
    uint64_t me = berthi_thread_self();
    berth_status status = BERTH_OK;

    berthi_lock_take(&slot->lock);
    if (slot->is_installing && slot->installing_thread == me) {
        status = berthi_fail(diag, BERTH_E_STATE,
                             "slot '%s' is being installed into by this thread", slot->name);
    } else {
        while (slot->is_installing)
            berthi_cond_wait(&slot->installed, &slot->lock.mutex);
        if (slot->is_evicted) {
            status = berthi_fail(diag, BERTH_E_STATE, "slot '%s' was evicted", slot->name);
        } else {
            slot->is_installing = true;
            slot->installing_thread = me;
        }
    }
    berthi_lock_drop(&slot->lock);
    return status;
}

void berthi_install_finish(berth_slot *slot)
{
    berthi_lock_take(&slot->lock);
    slot->is_installing = false;
    berthi_cond_wake_all(&slot->installed);
    berthi_lock_drop(&slot->lock);
}

static void tell(berth_slot *slot, berth_event_kind kind, uint64_t version,
                 const uint8_t *digest, const berth_diag *diag)
{
    berth_event event = { .size = (uint32_t)sizeof event,
                          .kind = (int32_t)kind,
                          .tenant = slot->tenant->name,
                          .slot = slot->name,
                          .version = version,
                          .digest = digest,
                          .diag = diag };

    BERTHI_ASSERT_UNLOCKED(); /* I9 */
    if (slot->options.observer != NULL)
        slot->options.observer(slot->options.observer_ctx, &event);
}

static uint64_t current_number(berth_slot *slot)
{
    berth_version *v;
    uint64_t number;

    berthi_lock_take(&slot->lock);
    v = atomic_load_explicit(&slot->current, memory_order_relaxed);
    number = v == NULL ? 0 : v->number;
    berthi_lock_drop(&slot->lock);
    return number;
}

/* ---- the content ---- */

/* A core module that was admitted as the component that it makes with its world. */
static berth_status load_wrapped(berth_runtime *rt, berthi_content *content,
                                 const uint8_t *bytes, size_t size, berth_diag *diag)
{
    berthi_text_buf made;
    berth_status status;

    berthi_text_buf_init(&made, &rt->allocator);
    status = berthi_component_wrap_own(bytes, size, &rt->allocator, &made, diag);
    if (status == BERTH_OK)
        status =
            berthi_component_load(rt, content, (const uint8_t *)made.data, made.size, diag);
    berthi_text_buf_fini(&made);
    return status;
}

static berth_status load(berth_runtime *rt, berthi_content *content, const uint8_t *bytes,
                         size_t size, berth_diag *diag)
{
    berth_status status;

    if (content->plugin.is_wrapped)
        return load_wrapped(rt, content, bytes, size, diag);
    if (content->plugin.is_component)
        return berthi_component_load(rt, content, bytes, size, diag);
    status = berthi_cache_use(rt, &content->arena, &content->compiled, bytes, size,
                              content->digest, &content->module, diag);
    return status == BERTH_OK ? berthi_module_link(rt, content, diag) : status;
}

/* What is to be made a version of. */
typedef struct artifact {
    const uint8_t *bytes;
    size_t size;
    const berthi_library_copy *copy; /* of a native plugin: where `bytes` are */
    const uint8_t *digest;
    const berthi_foreign *foreign; /* whose plugin it is; NULL: ours */
    berthi_links *links;           /* what it may call of other slots; NULL: nothing */
} artifact;

static berth_status make_native(berth_slot *slot, berthi_content *content, const artifact *a,
                                const char *profile, const char *kind,
                                const berthi_admit_limits *limits, berth_diag *diag)
{
    const berthi_foreign *f = a->foreign;
    berthi_native_guest *guest = berthi_native_guest_make(slot->runtime);
    berth_status status;

    content->native = guest;
    if (guest == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "a native plugin");
    status = f == NULL ? berthi_native_admit(slot, content, a->bytes, a->size, profile, kind,
                                             limits, diag)
                       : berthi_admit_foreign(a->bytes, a->size, f->abi->entry, f->name,
                                              f->version, &content->arena, &guest->arena,
                                              &content->plugin, &guest->plugin, diag);
    return status == BERTH_OK ? berthi_native_load(slot, content, a->copy, f, diag) : status;
}

/* For a plugin that keeps that contract; NULL: any. */
static berth_status make_content_of(berth_slot *slot, const artifact *a,
                                    const struct berth_contract *contract,
                                    berthi_content **content_out, berth_diag *diag)
{
    berth_runtime *rt = slot->runtime;
    berthi_admit_limits limits = { .artifact_bytes_max = rt->options.artifact_bytes_max,
                                   .memory_bytes_max = slot->options.memory_bytes_max,
                                   .table_elements_max = rt->options.table_elements_max,
                                   .instances_max = rt->options.instances_max,
                                   .host = rt->options.host,
                                   .contract = contract,
                                   .grants = slot->options.grants,
                                   .profiles = rt->profiles,
                                   .imports = a->links == NULL
                                                  ? NULL
                                                  : berthi_links_imports(a->links) };
    berthi_content *content = berthi_zalloc(&rt->allocator, sizeof *content);
    const char *profile, *kind;
    berth_status status;

    if (content == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "the description of a plugin");
    atomic_init(&content->refs, 1);
    if (a->links != NULL)
        content->links = berthi_links_ref(a->links);
    memcpy(content->digest, a->digest, sizeof content->digest);
    berthi_arena_init(&content->arena, &rt->allocator, CONTENT_BYTES_MAX);
    /* A swap may decide them at any time; once decided they stay as long as the slot. */
    berthi_lock_take(&slot->lock);
    profile = slot->profile;
    kind = slot->kind;
    berthi_lock_drop(&slot->lock);
    status = a->copy != NULL ? make_native(slot, content, a, profile, kind, &limits, diag)
                             : berthi_admit(a->bytes, a->size, profile, kind, &limits,
                                            &content->arena, &content->plugin, diag);
    if (status == BERTH_OK && content->native == NULL)
        status = load(rt, content, a->bytes, a->size, diag);
    if (status != BERTH_OK) {
        berthi_content_unref(rt, content);
        return status;
    }
    *content_out = content;
    return BERTH_OK;
}

/* What does not keep the slot's contract may keep one that is adapted to it. */
static berth_status make_content(berth_slot *slot, const artifact *a,
                                 berthi_content **content_out, berth_diag *diag)
{
    const berthi_adapter *adapter;
    berth_status status, other = BERTH_E_REJECTED;
    berth_diag own = { 0 };

    berthi_lock_take(&slot->lock);
    adapter = slot->adapters; /* none is ever taken out */
    berthi_lock_drop(&slot->lock);
    status = make_content_of(slot, a, slot->options.contract, content_out, diag);
    for (; status == BERTH_E_REJECTED && other == BERTH_E_REJECTED && adapter != NULL;
         adapter = adapter->next) {
        other = make_content_of(slot, a, adapter->contract, content_out, &own);
        if (other == BERTH_OK) {
            (*content_out)->adapter = adapter;
            return BERTH_OK;
        }
    }
    if (other != BERTH_E_REJECTED && diag != NULL)
        *diag = own;
    return other == BERTH_E_REJECTED ? status : other;
}

/* ---- the probe ---- */

static berth_status probe_hook(berth_version *v, uint32_t index, berth_arena *arena,
                               berth_diag *diag)
{
    const berthi_hook *hook = &v->content->plugin.hooks[index];
    berth_call call = BERTH_CALL_INIT;
    berth_reply reply;
    berthi_instance *i;
    berth_status status = berthi_pool_make(v, &i, diag);

    if (status != BERTH_OK)
        return berthi_diag_prefix(diag, status, "instantiation");
    call.input = hook->probe.data;
    call.input_size = hook->probe.size;
    call.arena = arena;
    status = berthi_instance_call(
        v, i, index, &call, berthi_ticks(v->slot->options.probe_deadline_ns), &reply, diag);
    berthi_instance_destroy(v, NULL, i);
    berth_arena_reset(arena);
    /* A component that finds fault with an empty input, which nobody declared, is sound. */
    return status == BERTH_OK || (status == BERTH_E_PLUGIN && !hook->must_answer)
               ? BERTH_OK
               : berthi_diag_prefix(diag, status, "probe of hook '%s'", hook->name);
}

/* What has no hooks to be called now has to start, at least. */
static berth_status probe_start(berth_version *v, berth_diag *diag)
{
    berthi_instance *i;
    berth_status status = berthi_pool_make(v, &i, diag);

    if (status != BERTH_OK)
        return berthi_diag_prefix(diag, status, "instantiation");
    berthi_instance_destroy(v, NULL, i);
    return BERTH_OK;
}

static bool is_probed(const berthi_hook *hook)
{
    return !hook->is_noop && !hook->is_unprobed;
}

static berth_status probe(berth_version *v, berth_diag *diag)
{
    berth_arena *arena = NULL;
    bool has_started = false;
    berth_status status;

    status = berth_arena_create(&v->runtime->allocator, PROBE_ARENA_SIZE, &arena, diag);
    for (uint32_t h = 0; status == BERTH_OK && h < v->content->plugin.hooks_count; h++)
        if (is_probed(&v->content->plugin.hooks[h])) {
            has_started = true;
            status = probe_hook(v, h, arena, diag);
        }
    if (status == BERTH_OK && !has_started)
        status = probe_start(v, diag);
    berth_arena_destroy(arena);
    return status;
}

/* ---- ready ---- */

static berth_status number_hooks(berth_slot *slot, berth_version *v, berth_diag *diag)
{
    const berthi_plugin *plugin = &v->content->plugin;
    berth_status status = BERTH_OK;
    uint32_t number, before;

    berthi_lock_take(&slot->lock);
    before = slot->hooks_count;
    for (uint32_t h = 0; status == BERTH_OK && h < plugin->hooks_count; h++) {
        if (plugin->hooks[h].is_noop || !plugin->hooks[h].is_served)
            continue;
        status = berthi_slot_hook_locked(slot, plugin->hooks[h].name, &number, diag);
        if (status == BERTH_OK)
            v->hook_of[number] = (uint8_t)(h + 1);
    }
    if (status != BERTH_OK)
        berthi_slot_unhook_locked(slot, before); /* I4 */
    berthi_lock_drop(&slot->lock);
    return status;
}

static uint32_t instances_in_use(berth_slot *slot)
{
    berth_version *v;
    uint32_t n;

    berthi_lock_take(&slot->lock);
    v = atomic_load_explicit(&slot->current, memory_order_relaxed);
    n = v == NULL ? 1 : atomic_load_explicit(&v->instances_live, memory_order_relaxed);
    berthi_lock_drop(&slot->lock);
    return n == 0 ? 1 : n;
}

static berth_status make_ready(berth_slot *slot, const artifact *a, berth_version **version_out,
                               berth_diag *diag)
{
    berthi_content *content = NULL;
    berth_version *v;
    berth_status status;

    status = make_content(slot, a, &content, diag);
    if (status != BERTH_OK)
        return status;
    status = berthi_version_make(slot, &v, diag);
    if (status != BERTH_OK)
        goto fail_version;
    berthi_version_fill(v, content);
    status = berthi_version_make(slot, &v->shell, diag);
    if (status == BERTH_OK)
        status = berthi_links_keep(slot, v, diag);
    if (status == BERTH_OK && !v->is_native) /* open() has said whether it is sound */
        status = probe(v, diag);
    if (status == BERTH_OK && !v->is_native)
        status = berthi_pool_warm(v, instances_in_use(slot), diag);
    if (status == BERTH_OK)
        status = number_hooks(slot, v, diag);
    if (status != BERTH_OK)
        berthi_version_free(v);
    else
        *version_out = v;
fail_version:
    berthi_content_unref(slot->runtime, content);
    return status;
}

/* Under the slot's lock.  Decides both or neither. */
static berth_status decide_kind(berth_slot *slot, const berthi_plugin *plugin, berth_diag *diag)
{
    const berth_allocator *a = &slot->runtime->allocator;
    const char *id = plugin->profile->id;
    char *profile = NULL, *kind = NULL;

    if ((slot->profile != NULL && strcmp(slot->profile, id) != 0) ||
        (slot->kind != NULL && strcmp(slot->kind, plugin->kind) != 0))
        return berthi_fail(diag, BERTH_E_STATE,
                           "slot '%s' is registered as %s %s; it cannot be reused for %s %s",
                           slot->name, slot->profile == NULL ? "any" : slot->profile,
                           slot->kind == NULL ? "kind" : slot->kind, id, plugin->kind);
    if (slot->profile == NULL && (profile = berthi_strndup(a, id, strlen(id))) == NULL)
        goto fail_profile;
    if (slot->kind == NULL &&
        (kind = berthi_strndup(a, plugin->kind, strlen(plugin->kind))) == NULL)
        goto fail_kind;
    if (profile != NULL)
        slot->profile = profile;
    if (kind != NULL)
        slot->kind = kind;
    return BERTH_OK;

fail_kind:
    if (profile != NULL)
        berthi_free(a, profile, strlen(profile) + 1);
fail_profile:
    return berthi_fail(diag, BERTH_E_NOMEM, "the kind of slot '%s'", slot->name);
}

static berth_status publish(berth_slot *slot, berth_version *v, berth_installed *installed,
                            berth_diag *diag)
{
    berth_status status;

    berthi_lock_take(&slot->lock);
    status = slot->is_evicted
                 ? berthi_fail(diag, BERTH_E_STATE, "slot '%s' was evicted", slot->name)
                 : decide_kind(slot, &v->content->plugin, diag);
    if (status == BERTH_OK) {
        memcpy(installed->digest, v->content->digest, sizeof installed->digest);
        berthi_slot_publish(slot, v);
        installed->version = v->number; /* still ours to read: the slot's lock is held */
        slot->installs++;
    }
    berthi_lock_drop(&slot->lock);
    return status;
}

/* The same, handing on the state where the slot keeps it.  The caller has the ticket. */
static berth_status publish_with_state(berth_slot *slot, berth_version *v,
                                       berth_installed *installed, berth_diag *diag)
{
    berth_status status;

    if ((slot->options.flags & BERTH_SLOT_STATE) == 0)
        return publish(slot, v, installed, diag);
    if (!berthi_gate_hold(slot, berthi_state_patience(slot)))
        return berthi_fail_because(diag, BERTH_E_BUSY, BERTH_REASON_SLOT_CALLS,
                                   "slot '%s': the calls inside do not end, and its state can "
                                   "be handed on between calls only",
                                   slot->name);
    status = berthi_state_carry(slot, v, diag);
    if (status == BERTH_OK)
        status = publish(slot, v, installed, diag);
    berthi_gate_release(slot);
    return status;
}

/* True, and *installed says so, when the current version has this digest. */
static bool is_current(berth_slot *slot, const uint8_t *digest, berth_installed *installed)
{
    berth_version *v;
    bool same;

    berthi_lock_take(&slot->lock);
    v = atomic_load_explicit(&slot->current, memory_order_relaxed);
    same = v != NULL && memcmp(v->content->digest, digest, BERTH_DIGEST_SIZE) == 0;
    if (same) {
        installed->version = v->number;
        installed->is_unchanged = 1;
        memcpy(installed->digest, digest, BERTH_DIGEST_SIZE);
        slot->unchanged++;
    }
    berthi_lock_drop(&slot->lock);
    return same;
}

static void count_refusal(berth_slot *slot)
{
    berthi_lock_take(&slot->lock);
    slot->refused++;
    berthi_lock_drop(&slot->lock);
}

/* Of a native plugin the very bytes that will be mapped, which nobody can change from here on; then
 * the digest, so that it, admission and the dynamic linker see the same. */
static berth_status hold_bytes(artifact *a, berthi_library_copy *copy, uint8_t *digest,
                               berth_diag *diag)
{
    berth_status status;

    if (a->size != 0 && (a->foreign != NULL || berthi_is_elf(a->bytes, a->size))) {
        status = berthi_library_copy_make(a->bytes, a->size, copy, diag);
        if (status != BERTH_OK)
            return status;
        a->copy = copy;
        a->bytes = copy->bytes;
    }
    a->digest = digest;
    return berthi_sha256(a->bytes, a->size, digest)
               ? BERTH_OK
               : berthi_fail(diag, BERTH_E_NOMEM, "a digest");
}

/* Until a version is ready; with `installed`, until it is published. */
static berth_status prepare(berth_slot *slot, const artifact *what, berth_version **version_out,
                            berth_installed *installed, berth_diag *diag)
{
    uint8_t digest[BERTH_DIGEST_SIZE] = { 0 };
    artifact given = *what;
    berthi_library_copy copy;
    size_t size = what->size;
    berth_diag own = { 0 };
    berth_version *v = NULL;
    berth_status status;

    if (size > slot->runtime->options.artifact_bytes_max) {
        count_refusal(slot);
        return berthi_fail_because(
            diag, BERTH_E_LIMIT, BERTH_REASON_ARTIFACT,
            "the artifact has %zu bytes and %llu are allowed; raise artifact_bytes_max", size,
            (unsigned long long)slot->runtime->options.artifact_bytes_max);
    }
    status = berthi_install_begin(slot, diag);
    if (status != BERTH_OK)
        return status;
    status = hold_bytes(&given, &copy, digest, &own);
    if (status == BERTH_OK && installed != NULL && is_current(slot, digest, installed)) {
        berthi_library_copy_end(given.copy);
        berthi_install_finish(slot);
        return BERTH_OK;
    }
    tell(slot, BERTH_EVENT_PREPARING, current_number(slot), digest, NULL);
    if (status == BERTH_OK)
        status = make_ready(slot, &given, &v, &own);
    berthi_library_copy_end(given.copy);
    if (status == BERTH_OK && installed != NULL) {
        status = publish_with_state(slot, v, installed, &own);
        if (status != BERTH_OK)
            berthi_version_free(v);
    } else if (status == BERTH_OK) {
        *version_out = v;
    }
    /* The ticket is still out, so that the events of one install stay together. */
    if (status != BERTH_OK) {
        count_refusal(slot);
        tell(slot, BERTH_EVENT_FAILED, current_number(slot), digest, &own);
        if (diag != NULL)
            *diag = own;
    } else if (installed != NULL) {
        tell(slot, BERTH_EVENT_RELOADED, installed->version, digest, NULL);
    }
    berthi_install_finish(slot);
    return status;
}

berth_status berth_slot_install(berth_slot *slot, const void *bytes, size_t size,
                                berth_installed *installed_out, berth_diag *diag)
{
    const artifact what = { .bytes = bytes, .size = size };
    berth_installed installed = { 0 };
    berth_status status;

    BERTHI_REQUIRE(slot != NULL && (bytes != NULL || size == 0), diag);
    status = prepare(slot, &what, NULL, &installed, diag);
    if (status == BERTH_OK && installed_out != NULL)
        *installed_out = installed;
    return status;
}

berth_status berth_slot_install_file(berth_slot *slot, const char *path,
                                     berth_installed *installed_out, berth_diag *diag)
{
    berthi_file_bytes file;
    berth_status status;

    BERTHI_REQUIRE(slot != NULL && path != NULL, diag);
    status = berthi_file_read(&slot->runtime->allocator, path,
                              slot->runtime->options.artifact_bytes_max, &file, diag);
    if (status != BERTH_OK)
        return status;
    status = berth_slot_install(slot, file.data, file.size, installed_out, diag);
    berthi_file_free(&slot->runtime->allocator, &file);
    return status;
}

berth_status berth_slot_prepare(berth_slot *slot, const void *bytes, size_t size,
                                berth_version **version_out, berth_diag *diag)
{
    const artifact what = { .bytes = bytes, .size = size };

    BERTHI_REQUIRE(slot != NULL && (bytes != NULL || size == 0) && version_out != NULL, diag);
    return prepare(slot, &what, version_out, NULL, diag);
}

berth_status berthi_slot_prepare_linked(berth_slot *slot, const void *bytes, size_t size,
                                        berthi_links *links, berth_version **version_out,
                                        berth_diag *diag)
{
    const artifact what = { .bytes = bytes, .size = size, .links = links };

    return prepare(slot, &what, version_out, NULL, diag);
}

berth_status berthi_slot_prepare_foreign(berth_slot *slot, const void *bytes, size_t size,
                                         const berthi_foreign *foreign,
                                         berth_version **version_out, berth_diag *diag)
{
    const artifact what = { .bytes = bytes, .size = size, .foreign = foreign };

    return prepare(slot, &what, version_out, NULL, diag);
}

berth_status berth_slot_swap(berth_slot *slot, berth_version *version, berth_diag *diag)
{
    berth_installed installed = { 0 };
    berth_status status;

    BERTHI_REQUIRE(slot != NULL && version != NULL && version->slot == slot, diag);
    status = berthi_links_keep(slot, version, diag); /* others may be linked to it since */
    if (status != BERTH_OK)
        return status;
    if ((slot->options.flags & BERTH_SLOT_STATE) != 0) {
        status = berthi_install_begin(slot, diag);
        if (status != BERTH_OK)
            return status;
        status = publish_with_state(slot, version, &installed, diag);
        berthi_install_finish(slot);
    } else {
        status = publish(slot, version, &installed, diag);
    }
    if (status == BERTH_OK)
        tell(slot, BERTH_EVENT_RELOADED, installed.version, installed.digest, NULL);
    return status;
}

void berth_version_discard(berth_version *version)
{
    uint8_t digest[BERTH_DIGEST_SIZE];
    berth_diag diag = { 0 };
    berth_slot *slot;

    if (version == NULL)
        return;
    slot = version->slot;
    memcpy(digest, version->content->digest, sizeof digest);
    atomic_fetch_add_explicit(&slot->refs, 1, memory_order_relaxed); /* the version's goes */
    berthi_version_free(version);
    (void)berthi_fail(&diag, BERTH_E_CLOSED, "the prepared version was discarded");
    tell(slot, BERTH_EVENT_FAILED, current_number(slot), digest, &diag);
    berthi_slot_unref(slot);
}
