/* bundles_ready.c - from a bundle to a version that is ready to be published.  Layer: runtime. */
#include "runtime/bundles.h"

#include <berth/contract.h>

#include "base/diag.h"
#include "component/run/instance.h"
#include "contract/wit_words.h"

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
    return berthi_slot_open_hidden(b->rt, &options, slot_out, diag);
}

/* ---------------------------------------------------------------- what the manifest says it provides */

static bool is_same_name(berthi_name name, const char *text)
{
    return name.size == strlen(text) && memcmp(name.text, text, name.size) == 0;
}

static bool exports(const berthi_cm_steps *steps, const char *text)
{
    for (uint32_t i = 0; i < steps->exports_count; i++)
        if (steps->exports[i].sort == BERTHI_CM_INSTANCE &&
            is_same_name(steps->exports[i].name, text))
            return true;
    return false;
}

static bool provides(const berthi_manifest *m, berthi_name name)
{
    for (uint32_t i = 0; i < m->provides_count; i++)
        if (is_same_name(name, m->provides[i].text))
            return true;
    return false;
}

/* Missing and extra ones both: others choose by what the manifest says. */
static berth_status match_exports(const berthi_bundle *bundle, const berth_version *version,
                                  berth_diag *diag)
{
    const berthi_manifest *m = &bundle->manifest;
    const berthi_cm_steps *steps;

    if (version->content->component == NULL)
        return BERTH_OK;
    steps = berthi_cm_loaded_steps(version->content->component->loaded);
    for (uint32_t i = 0; i < m->provides_count; i++)
        if (!exports(steps, m->provides[i].text))
            return berthi_fail(diag, BERTH_E_REJECTED,
                               "it provides %s, which its component does not export",
                               m->provides[i].text);
    for (uint32_t i = 0; i < steps->exports_count; i++) {
        berthi_name name = steps->exports[i].name;

        if (steps->exports[i].sort == BERTHI_CM_INSTANCE &&
            memchr(name.text, '@', name.size) != NULL && !provides(m, name))
            return berthi_fail(diag, BERTH_E_REJECTED,
                               "its component exports %.*s, which it does not provide; add it "
                               "to `provides`",
                               (int)(name.size > 200 ? 200 : name.size), name.text);
    }
    return BERTH_OK;
}

static void end_bytes(berthi_bundle *bundle)
{
    if (bundle->bytes.data != NULL)
        berthi_file_free(bundle->allocator, &bundle->bytes);
}

berth_status berthi_bundles_prepare(berth_bundles *b, berthi_bundle *bundle, berth_slot *slot,
                                    berth_version **version_out, berth_diag *diag)
{
    berth_version *version = NULL;
    berth_status status = keep_contracts(b, bundle, slot, diag);

    if (status == BERTH_OK)
        status =
            berth_slot_prepare(slot, bundle->bytes.data, bundle->bytes.size, &version, diag);
    end_bytes(bundle);
    if (status == BERTH_OK) {
        status = match_exports(bundle, version, diag);
        if (status == BERTH_OK)
            *version_out = version;
        else
            berth_version_discard(version);
    }
    if (status != BERTH_OK)
        berthi_diag_prefix(diag, status, "bundle %s %s", bundle->manifest.name,
                           bundle->manifest.version);
    return status;
}
