/* bundles_ready.c - from a bundle to a version that is ready to be published.  Layer: runtime. */
#include "runtime/bundles.h"

#include <berth/contract.h>

#include <stdio.h>

#include "base/diag.h"
#include "component/run/instance.h"
#include "contract/wit_words.h"
#include "registry/links.h"

berthi_bundle_reading berthi_bundles_reading(const berth_bundles *b)
{
    return (berthi_bundle_reading){ .allocator = b->allocator,
                                    .trust = &b->trust,
                                    .artifact_bytes_max = b->rt->options.artifact_bytes_max,
                                    .with_bytes = true };
}

berthi_loaded *berthi_loaded_make(berth_bundles *b, const berthi_bundle *bundle)
{
    uint32_t count = bundle->manifest.requires_count;
    berthi_loaded *loaded = berthi_zalloc(b->allocator, sizeof *loaded);

    if (loaded == NULL)
        return NULL;
    loaded->providers = berthi_zalloc_array(b->allocator, count, sizeof(berthi_loaded *));
    loaded->providers_count = count;
    if (loaded->providers != NULL)
        return loaded;
    berthi_free(b->allocator, loaded, sizeof *loaded);
    return NULL;
}

void berthi_loaded_free(berth_bundles *b, berthi_loaded *loaded)
{
    berthi_free_array(b->allocator, loaded->providers, loaded->providers_count,
                      sizeof(berthi_loaded *));
    berthi_bundle_free(loaded->bundle);
    berthi_free(b->allocator, loaded, sizeof *loaded);
}

/* ---------------------------------------------------------------- contracts that the host knows */

static bool is_of(const berth_contract *known, const berthi_bundle_contract *provided)
{
    const char *name = berth_contract_name(known);
    size_t size = strlen(provided->name);

    return strncmp(name, provided->name, size) == 0 && name[size] == '@' &&
           berthi_version_serves(provided->version, name + size + 1);
}

/* The next contract from *at on that the bundle provides and the host knows; NULL: no more. */
static const berth_contract *next_known(const berth_bundles *b, const berthi_bundle *bundle,
                                        uint32_t *at)
{
    for (; *at < b->options.contracts_count; ++*at)
        for (uint32_t p = 0; p < bundle->manifest.provides_count; p++)
            if (is_of(b->options.contracts[*at], &bundle->manifest.provides[p]))
                return b->options.contracts[(*at)++];
    return NULL;
}

/* The slot holds the plugin to its own one, which is that of the first load: what a reload provides
 * may be others. */
static berth_status keep_contracts(const berth_bundles *b, const berthi_bundle *bundle,
                                   const berth_slot *slot, berth_diag *diag)
{
    const berth_contract *known;
    berth_status status = BERTH_OK;
    uint32_t at = 0;

    while (status == BERTH_OK && (known = next_known(b, bundle, &at)) != NULL)
        if (known != slot->options.contract)
            status = berth_contract_check(known, bundle->bytes.data, bundle->bytes.size, diag);
    return status;
}

/* ---------------------------------------------------------------- slots */

static uint64_t less(uint64_t host, uint64_t manifest)
{
    return host == 0 || (manifest != 0 && manifest < host) ? manifest : host;
}

berth_status berthi_bundles_open(berth_bundles *b, const berthi_bundle *bundle,
                                 berth_slot **slot_out, berth_diag *diag)
{
    const berthi_bundle_limits *limits = &bundle->manifest.limits;
    berth_slot_options options = b->slot;
    uint32_t at = 0;

    options.name = bundle->manifest.slot;
    options.contract = next_known(b, bundle, &at);
    options.deadline_ns = less(options.deadline_ns, limits->deadline_ns);
    options.probe_deadline_ns = less(options.probe_deadline_ns, limits->probe_deadline_ns);
    if (options.memory_bytes_max == 0) /* the runtime's is the host's word, too */
        options.memory_bytes_max = b->rt->options.memory_bytes_max;
    options.memory_bytes_max = less(options.memory_bytes_max, limits->memory_bytes);
    options.output_bytes_max = less(options.output_bytes_max, limits->output_bytes);
    options.calls_max = (uint32_t)less(options.calls_max, limits->calls);
    options.instances_max = (uint32_t)less(options.instances_max, limits->instances);
    if (options.policy == 0)
        options.policy = limits->policy;
    if (limits->is_tried)
        options.flags |= BERTH_SLOT_TRIAL;
    return berthi_slot_open_hidden(b->rt, &options, slot_out, diag);
}

/* ---------------------------------------------------------------- what the manifest says it provides */

static berth_status list_exports(const berthi_content *content, berthi_arena *arena,
                                 berthi_outline *o)
{
    const berthi_cm_steps *steps =
        content->component == NULL ? NULL : berthi_cm_loaded_steps(content->component->loaded);
    const berthi_native_plugin *native =
        content->native == NULL ? NULL : &content->native->plugin;
    uint32_t room = steps != NULL    ? steps->exports_count
                    : native != NULL ? native->exports_count
                                     : 0;
    berthi_name *list = berthi_arena_array(arena, room, sizeof *list);

    *o = (berthi_outline){ .has_world = steps != NULL || native != NULL, .exports = list };
    if (list == NULL)
        return BERTH_E_NOMEM;
    for (uint32_t i = 0; i < room; i++) {
        if (native != NULL && native->exports[i].name != NULL)
            list[o->exports_count++] = berthi_name_of(native->exports[i].name);
        if (steps != NULL && steps->exports[i].sort == BERTHI_CM_INSTANCE)
            list[o->exports_count++] = steps->exports[i].name;
    }
    return BERTH_OK;
}

static berth_status match_exports(const berth_bundles *b, const berthi_bundle *bundle,
                                  const berth_version *version, berth_diag *diag)
{
    berthi_outline outline;
    berthi_arena arena;
    berth_status status;

    berthi_arena_init(&arena, b->allocator, SIZE_MAX);
    status = list_exports(version->content, &arena, &outline);
    status = status == BERTH_OK ? berthi_bundles_match(&bundle->manifest, &outline, diag)
                                : berthi_fail(diag, status, "looking into an artifact");
    berthi_arena_fini(&arena);
    return status;
}

/* ---------------------------------------------------------------- ready */

/* The artifacts of many bundles at once would be much memory: what is loaded is read again here, and
 * judged again, and has to be what was decided about. */
static berth_status read_again(const berth_bundles *b, const berthi_bundle *bundle,
                               berthi_bundle **again_out, berth_diag *diag)
{
    berthi_bundle_reading how = berthi_bundles_reading(b);
    berthi_bundle *again;
    berth_status status = berthi_bundle_read(bundle->folder, &how, &again, diag);

    if (status != BERTH_OK)
        return status;
    if (memcmp(again->manifest_digest, bundle->manifest_digest,
               sizeof again->manifest_digest) == 0) {
        *again_out = again;
        return BERTH_OK;
    }
    berthi_bundle_free(again);
    return berthi_fail(diag, BERTH_E_STATE, "%s changed while it was being loaded",
                       bundle->manifest_name);
}

static berth_status prepare_polyplug(berth_bundles *b, const berthi_bundle *bundle,
                                     berth_slot *slot, berthi_loaded *const *providers,
                                     berthi_prepared *prepared, berth_diag *diag)
{
    uint64_t ids[BERTHI_BUNDLE_ENTRIES_MAX] = { 0 };
    const berthi_polyplug_bundle given = { &bundle->manifest, bundle->folder, ids };

    for (uint32_t i = 0; i < bundle->manifest.requires_count; i++)
        if (providers[i] != NULL) /* its needs are met by bundles of its own system only */
            ids[i] = providers[i]->bundle->manifest.polyplug->id;
    return berthi_polyplug_prepare(b->polyplug, &given, bundle->bytes.data, bundle->bytes.size,
                                   slot, &prepared->version, &prepared->staged, diag);
}

/* What it requires is given by whoever was chosen for that. */
static berth_status make_links(const berthi_bundle *bundle, berth_slot *slot,
                               berthi_loaded *const *providers, berthi_links **links_out,
                               berth_diag *diag)
{
    const berthi_manifest *m = &bundle->manifest;
    berthi_link_offer offers[BERTHI_BUNDLE_ENTRIES_MAX];

    assert(m->requires_count <= BERTHI_BUNDLE_ENTRIES_MAX);
    for (uint32_t i = 0; i < m->requires_count; i++)
        offers[i] = (berthi_link_offer){
            .contract = m->needs[i].text,
            .slot = providers[i] == NULL ? NULL : providers[i]->slot,
            .ready = providers[i] == NULL ? NULL : providers[i]->ready,
        };
    return berthi_links_make(slot, offers, m->requires_count, links_out, diag);
}

static berth_status prepare_own(const berth_bundles *b, const berthi_bundle *bundle,
                                berth_slot *slot, berthi_loaded *const *providers,
                                berthi_prepared *prepared, berth_diag *diag)
{
    berth_version *version = NULL;
    berthi_links *links = NULL;
    berth_status status = keep_contracts(b, bundle, slot, diag);

    if (status == BERTH_OK)
        status = make_links(bundle, slot, providers, &links, diag);
    if (status == BERTH_OK)
        status = berthi_slot_prepare_linked(slot, bundle->bytes.data, bundle->bytes.size, links,
                                            &version, diag);
    berthi_links_unref(links);
    if (status != BERTH_OK)
        return status;
    status = match_exports(b, bundle, version, diag);
    if (status == BERTH_OK)
        prepared->version = version;
    else
        berth_version_discard(version);
    return status;
}

static berth_status prepare(berth_bundles *b, const berthi_bundle *bundle, berth_slot *slot,
                            berthi_loaded *const *providers, berthi_prepared *prepared,
                            berth_diag *diag)
{
    berthi_bundle *again = NULL;
    berth_status status = read_again(b, bundle, &again, diag);

    if (status != BERTH_OK)
        return status;
    status = again->manifest.polyplug == NULL
                 ? prepare_own(b, again, slot, providers, prepared, diag)
                 : prepare_polyplug(b, again, slot, providers, prepared, diag);
    berthi_bundle_free(again);
    return status;
}

berth_status berthi_bundles_prepare(berth_bundles *b, const berthi_bundle *bundle,
                                    berth_slot *slot, berthi_loaded *const *providers,
                                    berthi_prepared *prepared_out, berth_diag *diag)
{
    berth_status status = prepare(b, bundle, slot, providers, prepared_out, diag);

    return status == BERTH_OK
               ? status
               : berthi_diag_prefix(diag, status, "bundle %s %s", bundle->manifest.name,
                                    bundle->manifest.version);
}

/* ---------------------------------------------------------------- published, or not */

void berthi_bundles_settle(berthi_loaded *loaded, const berthi_prepared *prepared)
{
    loaded->ready = NULL;
    if (prepared->version != NULL)
        berthi_links_settle(prepared->version->content->links);
}

void berthi_bundles_discard(berth_bundles *b, berthi_prepared *prepared)
{
    berthi_polyplug_discard(b->polyplug, prepared->staged);
    berth_version_discard(prepared->version);
    *prepared = (berthi_prepared){ NULL, NULL };
}

void berthi_bundles_published(berth_bundles *b, berthi_prepared *prepared, berth_slot *slot)
{
    if (prepared->staged != NULL)
        berthi_polyplug_commit(b->polyplug, prepared->staged, slot);
    *prepared = (berthi_prepared){ NULL, NULL };
}

void berthi_bundles_warn_instances(berth_bundles *b, const berthi_loaded *loaded)
{
    const berthi_manifest *m = &loaded->bundle->manifest;
    uint32_t count =
        m->polyplug == NULL ? 0 : berthi_polyplug_instances(b->polyplug, m->polyplug->id);
    char text[256];

    if (count == 0 || b->options.warn == NULL)
        return;
    snprintf(text, sizeof text,
             "%s: %u instances are alive; they stay in the version that made them until they "
             "are destroyed",
             m->name, count);
    b->options.warn(b->options.warn_ctx, text);
}
