/* bundles.c - a set of bundles: made, looked into, taken apart.  Layer: runtime. */
#include "runtime/bundles.h"

#include <stdio.h>

#include "base/diag.h"
#include "base/json_writer.h"
#include "component/wit/contract_check.h"
#include "contract/wit_words.h"

enum { LIST_SHOWN = 320 };

/* ---------------------------------------------------------------- taking turns */

berth_status berthi_bundles_begin(berth_bundles *b, berth_diag *diag)
{
    uint64_t me = berthi_thread_self();
    berth_status status = BERTH_OK;

    berthi_lock_take(&b->lock);
    if (b->is_changing && b->changing_thread == me) {
        status =
            berthi_fail(diag, BERTH_E_STATE, "the bundles are being changed by this thread");
    } else {
        while (b->is_changing)
            berthi_cond_wait(&b->changed, &b->lock.mutex);
        b->is_changing = true;
        b->changing_thread = me;
    }
    berthi_lock_drop(&b->lock);
    return status;
}

void berthi_bundles_finish(berth_bundles *b)
{
    berthi_lock_take(&b->lock);
    b->is_changing = false;
    berthi_cond_wake_all(&b->changed);
    berthi_lock_drop(&b->lock);
}

/* ---------------------------------------------------------------- making */

static bool copy_text(berthi_arena *arena, const char **text)
{
    if (*text != NULL)
        *text = berthi_arena_strndup(arena, *text, strlen(*text));
    return *text != NULL;
}

static bool copy_slot(berth_bundles *b)
{
    berth_slot_options *s = &b->slot;
    bool done = true;

    s->name = NULL;
    s->contract = NULL;
    if (s->tenant != NULL)
        done &= copy_text(&b->arena, &s->tenant);
    if (s->profile != NULL)
        done &= copy_text(&b->arena, &s->profile);
    if (s->kind != NULL)
        done &= copy_text(&b->arena, &s->kind);
    return done;
}

static bool copy_options(berth_bundles *b)
{
    const berth_bundles_options given = b->options;
    uint8_t *keys = berthi_arena_array(&b->arena, given.keys_count, BERTH_KEY_SIZE);
    berth_bundle_pin *pins = berthi_arena_array(&b->arena, given.pins_count, sizeof *pins);
    const berth_contract **contracts =
        berthi_arena_array(&b->arena, given.contracts_count, sizeof(berth_contract *));

    if (keys == NULL || pins == NULL || contracts == NULL || !copy_slot(b))
        return false;
    if (given.keys_count != 0)
        memcpy(keys, given.keys, (size_t)given.keys_count * BERTH_KEY_SIZE);
    for (uint32_t i = 0; i < given.pins_count; i++) {
        pins[i] = given.pins[i];
        if (!copy_text(&b->arena, &pins[i].contract) || !copy_text(&b->arena, &pins[i].bundle))
            return false;
    }
    b->options.contracts_count = 0;
    for (uint32_t i = 0; i < given.contracts_count; i++) /* cannot fail from here on */
        contracts[b->options.contracts_count++] = berthi_contract_ref(given.contracts[i]);
    b->options.keys = keys;
    b->options.pins = pins;
    b->options.contracts = contracts;
    b->options.slot = NULL;
    b->trust = (berthi_trust){ given.policy, given.keys_count, keys };
    return true;
}

static berth_status check_options(const berth_bundles_options *opt, berth_diag *diag)
{
    BERTHI_REQUIRE(opt->policy <= BERTH_SIGNATURE_REQUIRE, diag);
    BERTHI_REQUIRE(opt->keys != NULL || opt->keys_count == 0, diag);
    BERTHI_REQUIRE(opt->pins != NULL || opt->pins_count == 0, diag);
    BERTHI_REQUIRE(opt->contracts != NULL || opt->contracts_count == 0, diag);
    for (uint32_t i = 0; i < opt->pins_count; i++)
        BERTHI_REQUIRE(opt->pins[i].contract != NULL && opt->pins[i].bundle != NULL, diag);
    for (uint32_t i = 0; i < opt->contracts_count; i++)
        BERTHI_REQUIRE(opt->contracts[i] != NULL, diag);
    if (opt->policy == BERTH_SIGNATURE_REQUIRE && opt->keys_count == 0)
        return berthi_fail(diag, BERTH_E_INVALID,
                           "signatures are required and no key is trusted; give one");
    return BERTH_OK;
}

static berth_status make_locks(berth_bundles *b, berth_diag *diag)
{
    int code = berthi_lock_init(&b->lock, BERTHI_RANK_BUNDLES);

    if (code == 0) {
        code = berthi_cond_init(&b->changed);
        if (code != 0)
            berthi_lock_fini(&b->lock);
    }
    return code == 0 ? BERTH_OK : berthi_fail_os(diag, code, "the locks of a set of bundles");
}

static void end_locks(berth_bundles *b)
{
    berthi_cond_fini(&b->changed);
    berthi_lock_fini(&b->lock);
}

/* ---------------------------------------------------------------- what plugins of polyplug may ask for */

static berth_status load_for(void *ctx, const char *folder, berth_diag *diag)
{
    return berth_bundles_load(ctx, &folder, 1, NULL, 0, diag);
}

static berth_status reload_for(void *ctx, const char *folder, berth_diag *diag)
{
    return berth_bundles_reload(ctx, folder, diag);
}

static berth_status unload_for(void *ctx, const char *name, berth_diag *diag)
{
    return berth_bundles_unload(ctx, name, 0, diag);
}

static berth_status make_polyplug(berth_bundles *b, berth_diag *diag)
{
    const berthi_polyplug_set set = { b, load_for, reload_for, unload_for };

    return berthi_polyplug_make(b->rt, &set, &b->polyplug, diag);
}

const berth_polyplug_host *berth_bundles_polyplug(berth_bundles *bundles)
{
    return bundles == NULL ? NULL : berthi_polyplug_table(bundles->polyplug);
}

static berth_status fill(berth_bundles *b, const berth_bundles_options *opt, berth_diag *diag)
{
    berth_status status = BERTH_OK;

    b->options = *opt;
    b->slot = (berth_slot_options)BERTH_SLOT_OPTIONS_INIT;
    if (opt->slot != NULL)
        status = berthi_options_copy(&b->slot, sizeof b->slot, opt->slot, "berth_slot_options",
                                     diag);
    if (status != BERTH_OK)
        return status;
    b->slot.size = (uint32_t)sizeof b->slot;
    if (!copy_options(b))
        return berthi_fail(diag, BERTH_E_NOMEM, "a set of bundles");
    status = make_locks(b, diag);
    if (status == BERTH_OK) {
        status = make_polyplug(b, diag);
        if (status != BERTH_OK)
            end_locks(b);
    }
    for (uint32_t i = 0; status != BERTH_OK && i < b->options.contracts_count; i++)
        berthi_contract_unref(b->options.contracts[i]);
    return status;
}

berth_status berth_bundles_create(berth_runtime *runtime, const berth_bundles_options *options,
                                  berth_bundles **bundles_out, berth_diag *diag)
{
    berth_bundles_options opt = BERTH_BUNDLES_OPTIONS_INIT;
    berth_status status = BERTH_OK;
    berth_bundles *b;

    BERTHI_REQUIRE(runtime != NULL && bundles_out != NULL, diag);
    if (options != NULL)
        status = berthi_options_copy(&opt, sizeof opt, options, "berth_bundles_options", diag);
    if (status == BERTH_OK)
        status = check_options(&opt, diag);
    if (status != BERTH_OK)
        return status;
    b = berthi_zalloc(&runtime->allocator, sizeof *b);
    if (b == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "a set of bundles");
    b->rt = runtime;
    b->allocator = &runtime->allocator;
    berthi_arena_init(&b->arena, b->allocator, SIZE_MAX);
    status = fill(b, &opt, diag);
    if (status == BERTH_OK) {
        *bundles_out = b;
    } else {
        berthi_arena_fini(&b->arena);
        berthi_free(&runtime->allocator, b, sizeof *b);
    }
    return status;
}

/* ---------------------------------------------------------------- looking into it */

const berthi_manifest **berthi_bundles_manifests(berth_bundles *b, uint32_t more,
                                                 berthi_arena *arena)
{
    const berthi_manifest **all =
        berthi_arena_array(arena, b->count + more, sizeof(berthi_manifest *));
    uint32_t count = 0;

    for (berthi_loaded *l = b->first; all != NULL && l != NULL; l = l->next) {
        l->index = count;
        l->is_marked = false;
        all[count++] = &l->bundle->manifest;
    }
    return all;
}

berthi_loaded *berthi_bundles_at(const berth_bundles *b, uint32_t index)
{
    berthi_loaded *l = b->first;

    while (index-- > 0)
        l = l->next;
    return l;
}

berthi_loaded *berthi_bundles_by_slot(const berth_bundles *b, const char *slot)
{
    for (berthi_loaded *l = b->first; l != NULL; l = l->next)
        if (strcmp(l->bundle->manifest.slot, slot) == 0)
            return l;
    return NULL;
}

bool berthi_loaded_requires(const berthi_loaded *who, const berthi_loaded *whom)
{
    for (uint32_t i = 0; i < who->bundle->manifest.requires_count; i++)
        if (who->providers[i] == whom)
            return true;
    return false;
}

void berthi_bundles_warn_signature(berth_bundles *b, const berthi_bundle *bundle)
{
    char text[512];

    if (b->options.warn == NULL || *bundle->signature.why == '\0')
        return;
    snprintf(text, sizeof text, "%s: signature check failed: %s", bundle->folder,
             bundle->signature.why);
    b->options.warn(b->options.warn_ctx, text);
}

static berth_status choose(berth_bundles *b, const berthi_bundle_contract *needed,
                           berthi_arena *arena, berth_slot **slot_out, berth_diag *diag)
{
    const berthi_manifest **all =
        berthi_arena_array(arena, b->count, sizeof(berthi_manifest *));
    uint32_t best, tied, count = 0;

    if (all == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "%s", needed->text);
    for (const berthi_loaded *l = b->first; l != NULL; l = l->next)
        all[count++] = &l->bundle->manifest;
    best = berthi_graph_choose(all, b->count, needed, BERTHI_NODE_NONE, b->options.pins,
                               b->options.pins_count, &tied);
    if (best == BERTHI_NODE_NONE)
        return berthi_fail(diag, BERTH_E_ABSENT, "no loaded bundle provides %s", needed->text);
    if (tied != BERTHI_NODE_NONE)
        return berthi_fail(diag, BERTH_E_STATE,
                           "%s and %s both provide %s; pin one, or name it", all[best]->name,
                           all[tied]->name, needed->text);
    *slot_out = berthi_bundles_at(b, best)->slot;
    atomic_fetch_add_explicit(&(*slot_out)->refs, 1, memory_order_relaxed);
    return BERTH_OK;
}

berth_status berth_bundles_find(berth_bundles *b, const char *contract, const char *bundle,
                                berth_slot **slot_out, berth_diag *diag)
{
    berthi_bundle_contract needed;
    uint32_t numbers[3];
    berth_status status;
    berthi_arena arena;
    bool no_memory;

    BERTHI_REQUIRE(b != NULL && contract != NULL && slot_out != NULL, diag);
    berthi_arena_init(&arena, b->allocator, SIZE_MAX);
    if (berthi_bundle_contract_parse(contract, strlen(contract), &arena, &needed, &no_memory) ||
        (!no_memory && berthi_polyplug_contract_parse(contract, strlen(contract), &arena,
                                                      &needed, numbers, &no_memory))) {
        needed.bundle = bundle;
        berthi_lock_take(&b->lock);
        status = choose(b, &needed, &arena, slot_out, diag);
        berthi_lock_drop(&b->lock);
    } else if (no_memory) {
        status = berthi_fail(diag, BERTH_E_NOMEM, "%s", contract);
    } else {
        status = berthi_fail(diag, BERTH_E_INVALID,
                             "`%.80s` is no contract; expected such as "
                             "ns:package/interface@1.2.0",
                             contract);
    }
    berthi_arena_fini(&arena);
    return status;
}

/* ---------------------------------------------------------------- reporting */

static void report_needs(berthi_json_writer *w, const berthi_loaded *l)
{
    const berthi_manifest *m = &l->bundle->manifest;

    berthi_json_array(w, "requires");
    for (uint32_t i = 0; i < m->requires_count; i++) {
        berthi_json_object(w, NULL);
        berthi_json_string(w, "contract", m->needs[i].text);
        berthi_json_string(
            w, "slot", l->providers[i] == NULL ? NULL : l->providers[i]->bundle->manifest.slot);
        berthi_json_end(w);
    }
    berthi_json_end(w);
}

static void report_one(berthi_json_writer *w, const berth_bundles *b, const berthi_loaded *l)
{
    const berthi_manifest *m = &l->bundle->manifest;

    berthi_json_object(w, NULL);
    berthi_json_string(w, "slot", m->slot);
    berthi_json_string(w, "name", m->name);
    berthi_json_string(w, "version", m->version);
    berthi_json_string(w, "folder", l->bundle->folder);
    berthi_json_array(w, "provides");
    for (uint32_t i = 0; i < m->provides_count; i++)
        berthi_json_string(w, NULL, m->provides[i].text);
    berthi_json_end(w);
    report_needs(w, l);
    berthi_json_array(w, "dependents");
    for (const berthi_loaded *d = b->first; d != NULL; d = d->next)
        if (berthi_loaded_requires(d, l))
            berthi_json_string(w, NULL, d->bundle->manifest.slot);
    berthi_json_end(w);
    berthi_json_end(w);
}

berth_status berth_bundles_report(berth_bundles *b, berth_arena *arena, const char **text_out,
                                  berth_diag *diag)
{
    berthi_json_writer w;
    berthi_text_buf out;
    char *text = NULL;

    BERTHI_REQUIRE(b != NULL && arena != NULL && text_out != NULL, diag);
    berthi_text_buf_init(&out, b->allocator);
    berthi_json_init(&w, &out);
    berthi_json_object(&w, NULL);
    berthi_json_array(&w, "bundles");
    berthi_lock_take(&b->lock);
    for (const berthi_loaded *l = b->first; l != NULL; l = l->next)
        report_one(&w, b, l);
    berthi_lock_drop(&b->lock);
    berthi_json_end(&w);
    berthi_json_end(&w);
    if (!out.has_failed)
        text = berthi_reply_arena_alloc(arena, out.size + 1);
    if (text != NULL)
        memcpy(text, out.data, out.size + 1);
    berthi_text_buf_fini(&out);
    if (text == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "a report of bundles");
    *text_out = text;
    return BERTH_OK;
}

/* ---------------------------------------------------------------- unloading */

/* Out of the list, which the ticket's holder changes. */
static void unlink_loaded(berth_bundles *b, berthi_loaded *gone)
{
    berthi_loaded **at = &b->first;

    berthi_lock_take(&b->lock);
    while (*at != gone)
        at = &(*at)->next;
    *at = gone->next;
    b->count--;
    for (berthi_loaded *l = b->first; l != NULL; l = l->next)
        for (uint32_t i = 0; i < l->bundle->manifest.requires_count; i++)
            if (l->providers[i] == gone) /* an optional one, or the set is ending */
                l->providers[i] = NULL;
    berthi_lock_drop(&b->lock);
}

static void unload(berth_bundles *b, berthi_loaded *gone)
{
    const berthi_manifest *m = &gone->bundle->manifest;

    berthi_bundles_warn_instances(b, gone);
    if (m->polyplug != NULL)
        berthi_polyplug_forget(b->polyplug, m->polyplug->id);
    unlink_loaded(b, gone);
    berthi_slot_conceal(gone->slot);
    berth_slot_release(gone->slot);
    berthi_loaded_free(b, gone);
}

static berth_status find_by_name(berth_bundles *b, const char *name, berthi_loaded **out,
                                 berth_diag *diag)
{
    berthi_loaded *found = berthi_bundles_by_slot(b, name);

    for (berthi_loaded *l = b->first; found == NULL && l != NULL; l = l->next) {
        if (strcmp(l->bundle->manifest.name, name) != 0)
            continue;
        for (berthi_loaded *other = l->next; other != NULL; other = other->next)
            if (strcmp(other->bundle->manifest.name, name) == 0)
                return berthi_fail(diag, BERTH_E_STATE, "%s and %s are loaded; name one",
                                   l->bundle->manifest.slot, other->bundle->manifest.slot);
        found = l;
    }
    if (found == NULL)
        return berthi_fail(diag, BERTH_E_ABSENT, "no bundle '%s' is loaded", name);
    *out = found;
    return BERTH_OK;
}

/* Marks it and all that require it, and that require those. */
static void mark_dependents(berth_bundles *b, berthi_loaded *gone)
{
    bool has_grown = true;

    for (berthi_loaded *l = b->first; l != NULL; l = l->next)
        l->is_marked = l == gone;
    while (has_grown) {
        has_grown = false;
        for (berthi_loaded *l = b->first; l != NULL; l = l->next)
            for (uint32_t i = 0; !l->is_marked && i < l->bundle->manifest.requires_count; i++)
                if (l->providers[i] != NULL && l->providers[i]->is_marked)
                    l->is_marked = has_grown = true;
    }
}

static berth_status refuse_in_use(berth_bundles *b, const berthi_loaded *wanted,
                                  berth_diag *diag)
{
    char list[LIST_SHOWN] = "";
    size_t used = 0;

    for (const berthi_loaded *l = b->first; l != NULL && used < sizeof list; l = l->next)
        if (berthi_loaded_requires(l, wanted))
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s",
                                     used == 0 ? "" : ", ", l->bundle->manifest.slot);
    if (used == 0)
        return BERTH_OK;
    return berthi_fail(diag, BERTH_E_STATE, "%s is required by %s; unload those first",
                       wanted->bundle->manifest.slot, list);
}

/* One that is marked and that nothing requires any more; there is one while there are no circles,
 * and no load lets one in. */
static berthi_loaded *next_to_go(berth_bundles *b)
{
    berthi_loaded *any = NULL;

    for (berthi_loaded *l = b->first; l != NULL; l = l->next) {
        bool is_free = l->is_marked;

        for (const berthi_loaded *d = b->first; is_free && d != NULL; d = d->next)
            is_free = !berthi_loaded_requires(d, l);
        if (is_free)
            return l;
        if (l->is_marked)
            any = l;
    }
    assert(any == NULL);
    return any;
}

static void unload_marked(berth_bundles *b)
{
    berthi_loaded *gone;

    while ((gone = next_to_go(b)) != NULL)
        unload(b, gone);
}

berth_status berth_bundles_unload(berth_bundles *b, const char *name, uint32_t flags,
                                  berth_diag *diag)
{
    berthi_loaded *wanted = NULL;
    berth_status status;

    BERTHI_REQUIRE(b != NULL && name != NULL, diag);
    BERTHI_REQUIRE((flags & ~(uint32_t)BERTH_UNLOAD_CASCADE) == 0, diag);
    status = berthi_bundles_begin(b, diag);
    if (status != BERTH_OK)
        return status;
    status = find_by_name(b, name, &wanted, diag);
    if (status == BERTH_OK && (flags & BERTH_UNLOAD_CASCADE) == 0)
        status = refuse_in_use(b, wanted, diag);
    if (status == BERTH_OK) {
        mark_dependents(b, wanted);
        unload_marked(b);
    }
    berthi_bundles_finish(b);
    return status;
}

void berth_bundles_destroy(berth_bundles *b)
{
    if (b == NULL)
        return;
    berthi_polyplug_end_all(b->polyplug);
    for (berthi_loaded *l = b->first; l != NULL; l = l->next)
        l->is_marked = true;
    unload_marked(b);
    berthi_polyplug_close(b->polyplug);
    for (uint32_t i = 0; i < b->options.contracts_count; i++)
        berthi_contract_unref(b->options.contracts[i]);
    end_locks(b);
    berthi_arena_fini(&b->arena);
    berthi_free(b->allocator, b, sizeof *b);
}
