/* admit.c - the decision: does this artifact become a plugin?  Layer: admit. */
#include "admit/admit.h"

#include <inttypes.h>
#include <stdio.h>

#include "admit/check.h"
#include "admit/family.h"
#include "base/diag.h"
#include "component/wit/contract_check.h"

/* One attempt; its memory is gone when it ends, but for the plugin. */
typedef struct attempt {
    berthi_arena arena;
    berthi_findings findings;
    berthi_artifact artifact;
    berthi_arena *plugin_arena;
    const berthi_admit_limits *limits;
} attempt;

static bool make_hook(berthi_arena *arena, const berthi_profile *profile, const char *kind,
                      const berthi_meta_hook *from, berthi_hook *hook)
{
    char export_name[160];
    bool is_named = from->export_name != NULL;
    int size =
        snprintf(export_name, sizeof export_name, "%s%s", is_named ? "" : profile->hook_prefix,
                 is_named ? from->export_name : from->name);

    hook->name = berthi_arena_strndup(arena, from->name, strlen(from->name));
    hook->export_name = berthi_arena_strndup(arena, export_name, (size_t)size);
    hook->description =
        berthi_arena_strndup(arena, from->description, strlen(from->description));
    hook->probe = from->probe;
    hook->wire_version = from->wire_version;
    hook->is_noop = from->is_noop;
    hook->must_answer = from->has_probe;
    hook->is_unprobed = profile->family != NULL && !profile->family->is_probed;
    hook->is_served = profile->hooks == NULL;
    for (size_t i = 0; i < profile->hooks_count; i++) {
        const berthi_profile_hook *row = &profile->hooks[i];

        if (strcmp(row->name, from->name) == 0 && row->wire_version == from->wire_version) {
            hook->probe = row->probe;
            hook->is_served = strcmp(row->kind, kind) == 0;
        }
    }
    if (profile->hooks == NULL && from->probe.size > 0)
        hook->probe.data = berthi_arena_strndup(arena, from->probe.data, from->probe.size);
    return hook->name != NULL && hook->export_name != NULL && hook->description != NULL &&
           (hook->probe.size == 0 || hook->probe.data != NULL);
}

/* What its imports are to be bound to; admission found each of them. */
static bool take_imports(const attempt *a, berthi_plugin *plugin)
{
    const berthi_wasm_info *info = &a->artifact.info;
    const berthi_profile *p = plugin->profile;
    const berthi_wasm_export *e = NULL;
    const berthi_host_import **imports;

    if (plugin->is_component)
        return true;
    imports = berthi_arena_array(a->plugin_arena, info->imports_count, sizeof *imports);
    if (imports == NULL)
        return false;
    for (uint32_t i = 0; i < info->imports_count; i++)
        imports[i] = berthi_offer_find(p, a->limits, &info->imports[i]);
    plugin->imports = imports;
    plugin->imports_count = info->imports_count;
    if (p->calls_initialize)
        e = berthi_wasm_find_export(info, "_initialize");
    plugin->has_initialize =
        e != NULL && e->kind == BERTHI_EXTERN_FUNC && berthi_wasm_func_is(info, e, ":");
    return true;
}

static berth_status make_plugin(const attempt *a, const berthi_profile_view *view,
                                const char *kind, berthi_plugin *plugin_out, berth_diag *diag)
{
    const berthi_metadata *from = &view->metadata;
    berthi_arena *arena = a->plugin_arena;
    berthi_plugin plugin = { .profile = view->profile,
                             .kind = kind,
                             .hooks_count = from->hooks_count,
                             .has_start = a->artifact.info.has_start,
                             .is_component = a->artifact.steps != NULL,
                             .is_wrapped = a->artifact.is_wrapped };
    bool is_whole;

    plugin.name = berthi_arena_strndup(arena, from->name, strlen(from->name));
    plugin.version = berthi_arena_strndup(arena, from->version, strlen(from->version));
    plugin.description =
        berthi_arena_strndup(arena, from->description, strlen(from->description));
    plugin.hooks = berthi_arena_array(arena, from->hooks_count, sizeof *plugin.hooks);
    is_whole = plugin.name != NULL && plugin.version != NULL && plugin.description != NULL &&
               plugin.hooks != NULL && take_imports(a, &plugin);
    for (uint32_t i = 0; i < from->hooks_count && is_whole; i++)
        is_whole = make_hook(arena, view->profile, kind, &from->hooks[i], &plugin.hooks[i]);
    if (!is_whole)
        return berthi_fail(diag, BERTH_E_NOMEM, "describing plugin '%s'", from->name);
    *plugin_out = plugin;
    return BERTH_OK;
}

/* Says the first finding that concerns (profile, kind) and counts the others. */
static berth_status reject(const attempt *a, const char *profile, const char *kind,
                           berth_diag *diag)
{
    const berthi_finding *first = NULL;
    uint32_t count = 0;

    for (const berthi_finding *f = a->findings.first; f != NULL; f = f->next)
        if (berthi_finding_concerns(f, profile, kind) && count++ == 0)
            first = f;
    assert(first != NULL);
    (void)berthi_fail(diag, BERTH_E_REJECTED, "%s%s%s", first->profile == NULL ? "" : profile,
                      first->profile == NULL ? "" : ": ", first->text);
    if (count > 1)
        berthi_diag_append(diag, ", and %" PRIu32 " more; berth inspect FILE lists them",
                           count - 1);
    return BERTH_E_REJECTED;
}

static const char *find_kind(const berthi_profile *profile, const char *kind)
{
    for (size_t i = 0; profile->kinds[i] != NULL; i++)
        if (strcmp(profile->kinds[i], kind) == 0)
            return profile->kinds[i];
    return NULL;
}

/* Whether there is such a profile, and such a kind in it (or, without a profile, in any). */
static berth_status check_request(const berthi_profile *const *profiles, const char *profile_id,
                                  const char *kind, berth_diag *diag)
{
    const berthi_profile *profile =
        profile_id == NULL ? NULL : berthi_profile_find(profiles, profile_id);
    bool has_kind = kind == NULL;

    if (profile_id != NULL && profile == NULL)
        return berthi_fail(diag, BERTH_E_ABSENT, "there is no hook profile '%s'",
                           BERTHI_SHOW(profile_id, strlen(profile_id)));
    for (size_t i = 0; profiles[i] != NULL && !has_kind; i++) {
        const berthi_profile *p = profiles[i];

        if (profile != NULL && p != profile)
            continue;
        has_kind = find_kind(p, kind) != NULL;
        for (size_t h = 0; h < p->hooks_count && !has_kind; h++)
            if (strcmp(p->hooks[h].name, kind) == 0)
                return berthi_fail(diag, BERTH_E_REJECTED,
                                   "hook `%s` is %s-owned and cannot be admitted as a "
                                   "standalone slot",
                                   p->hooks[h].name, p->hooks[h].kind);
    }
    if (has_kind)
        return BERTH_OK;
    return berthi_fail(diag, BERTH_E_ABSENT, "there is no slot kind '%s'%s%s",
                       BERTHI_SHOW(kind, strlen(kind)), profile == NULL ? "" : " in ",
                       profile == NULL ? "" : profile->id);
}

/* Tries the profiles in their order, and in each the kinds in theirs. */
static berth_status decide(attempt *a, const char *profile_id, const char *kind,
                           const berthi_admit_limits *limits, berthi_plugin *plugin_out,
                           berth_diag *diag)
{
    const berthi_profile *blame = NULL;
    const char *blame_kind = NULL;
    const berthi_profile *const *profiles = limits->profiles;
    bool blame_means_it = false; /* the artifact has the metadata section of `blame` */

    for (size_t i = 0; profiles[i] != NULL; i++) {
        const berthi_profile *p = profiles[i];
        berthi_profile_view view = { .profile = p };

        if ((profile_id != NULL && strcmp(p->id, profile_id) != 0) ||
            (kind != NULL && find_kind(p, kind) == NULL) ||
            (profile_id == NULL && kind == NULL && !berthi_may_be(p, &a->artifact)))
            continue;
        if (!berthi_check_artifact(p, &a->artifact, limits, &a->findings, &view))
            return berthi_fail(diag, BERTH_E_NOMEM, "checking an artifact");
        for (size_t k = 0; p->kinds[k] != NULL; k++)
            if ((kind == NULL || strcmp(p->kinds[k], kind) == 0) &&
                berthi_fits(&a->findings, p->id, p->kinds[k]))
                return make_plugin(a, &view, p->kinds[k], plugin_out, diag);
        if (blame == NULL || (view.has_metadata && !blame_means_it)) {
            blame = p;
            blame_kind = kind == NULL ? p->kinds[0] : find_kind(p, kind);
            blame_means_it = view.has_metadata;
        }
    }
    assert(blame != NULL);
    return reject(a, blame->id, blame_kind, diag);
}

/* What the profile lets in has to keep the slot's contract too. */
static berth_status keep_contract(const attempt *a, const berth_contract *contract,
                                  berthi_plugin *plugin, berth_diag *diag)
{
    const char *id = contract->contract.id;
    berthi_name name = { NULL, 0 };
    berth_status status;

    if (a->artifact.steps == NULL)
        return berthi_fail(
            diag, BERTH_E_REJECTED,
            "it is a core module that carries no world; the slot needs contract `%.128s`",
            contract->contract.key);
    status = berthi_contract_fits(contract, a->artifact.steps, a->arena.allocator, &name, diag);
    if (status != BERTH_OK)
        return status;
    plugin->contract = berthi_arena_strndup(a->plugin_arena, id, strlen(id));
    plugin->contract_export = berthi_arena_strndup(a->plugin_arena, name.text, name.size);
    return plugin->contract != NULL && plugin->contract_export != NULL
               ? BERTH_OK
               : berthi_fail(diag, BERTH_E_NOMEM, "describing plugin '%s'", plugin->name);
}

berth_status berthi_admit(const uint8_t *bytes, size_t size, const char *profile_id,
                          const char *kind, const berthi_admit_limits *limits,
                          berthi_arena *arena, berthi_plugin *plugin_out, berth_diag *diag)
{
    attempt a = { .plugin_arena = arena, .limits = limits };
    berthi_admit_limits own = *limits;
    berthi_plugin plugin;
    berth_status status;

    if (own.profiles == NULL)
        own.profiles = berthi_profiles;
    status = check_request(own.profiles, profile_id, kind, diag);
    if (status != BERTH_OK)
        return status;
    if (size > limits->artifact_bytes_max)
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_ARTIFACT,
                                   "the artifact has %zu bytes; the limit is %" PRIu64, size,
                                   limits->artifact_bytes_max);
    berthi_arena_init(&a.arena, arena->allocator, SIZE_MAX);
    berthi_findings_init(&a.findings, &a.arena);
    status = berthi_artifact_read(bytes, size, &a.arena, &a.findings, &a.artifact, diag);
    if (status == BERTH_OK)
        status = decide(&a, profile_id, kind, &own, &plugin, diag);
    if (status == BERTH_OK && limits->contract != NULL)
        status = keep_contract(&a, limits->contract, &plugin, diag);
    if (status == BERTH_OK)
        *plugin_out = plugin;
    berthi_arena_fini(&a.arena);
    return status;
}
