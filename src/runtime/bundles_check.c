/* bundles_check.c - what bundles are, with a look into their artifacts.  Layer: runtime, because that
 * look is admission's, which knows nothing of bundles, nor they of it. */
#include "runtime/bundles.h"

#include "base/diag.h"
#include "runtime/families.h"

/* ---------------------------------------------------------------- what is provided, and exported */

static bool is_same_name(berthi_name name, const char *text)
{
    return name.size == strlen(text) && memcmp(name.text, text, name.size) == 0;
}

static bool is_exported(const berthi_outline *o, const char *text)
{
    for (uint32_t i = 0; i < o->exports_count; i++)
        if (is_same_name(o->exports[i], text))
            return true;
    return false;
}

static bool is_provided(const berthi_manifest *m, berthi_name name)
{
    for (uint32_t i = 0; i < m->provides_count; i++)
        if (is_same_name(name, m->provides[i].text))
            return true;
    return false;
}

/* Missing and extra ones both: others choose by what the manifest says. */
berth_status berthi_bundles_match(const berthi_manifest *m, const berthi_outline *o,
                                  berth_diag *diag)
{
    for (uint32_t i = 0; i < m->provides_count; i++)
        if (!is_exported(o, m->provides[i].text))
            return berthi_fail(diag, BERTH_E_REJECTED,
                               o->has_world
                                   ? "it provides %s, which its artifact does not export"
                                   : "it provides %s, and its artifact is a core module, which "
                                     "says of no contract that it keeps it",
                               m->provides[i].text);
    for (uint32_t i = 0; i < o->exports_count; i++) {
        berthi_name name = o->exports[i];

        if (memchr(name.text, '@', name.size) != NULL && !is_provided(m, name))
            return berthi_fail(diag, BERTH_E_REJECTED,
                               "its artifact exports %.*s, which it does not provide; add it "
                               "to `provides`",
                               (int)(name.size > 200 ? 200 : name.size), name.text);
    }
    return BERTH_OK;
}

/* ---------------------------------------------------------------- the look */

/* It has neither note nor world: what it offers is seen when it registers. */
static berth_status judge_polyplug(const berthi_bundle *bundle, berthi_arena *arena,
                                   const char **why_out, berth_diag *diag)
{
    const berthi_manifest *m = &bundle->manifest;
    berthi_native_plugin native;
    berthi_plugin plugin;
    berth_diag why = { 0 };
    berth_status status =
        berthi_admit_foreign(bundle->bytes.data, bundle->bytes.size, "polyplug_init", m->name,
                             m->version, arena, arena, &plugin, &native, &why);

    if (status == BERTH_OK)
        return status;
    *why_out = berthi_arena_strndup(arena, why.text, strlen(why.text));
    return status != BERTH_E_NOMEM && *why_out != NULL
               ? BERTH_OK
               : berthi_fail(diag, BERTH_E_NOMEM, "%s", bundle->folder);
}

static berth_status judge(const berthi_bundle *bundle, berthi_arena *arena,
                          const char **why_out, berth_diag *diag)
{
    berthi_outline outline;
    berth_diag why = { 0 };
    berth_status status;

    if (bundle->manifest.polyplug != NULL)
        return judge_polyplug(bundle, arena, why_out, diag);
    status = berthi_admit_outline(bundle->bytes.data, bundle->bytes.size, berthi_families,
                                  arena, &outline, diag);
    *why_out = outline.why;
    if (status != BERTH_OK || outline.why != NULL ||
        berthi_bundles_match(&bundle->manifest, &outline, &why) == BERTH_OK)
        return status;
    *why_out = berthi_arena_strndup(arena, why.text, strlen(why.text));
    return *why_out != NULL ? BERTH_OK : berthi_fail(diag, BERTH_E_NOMEM, "%s", bundle->folder);
}

static berth_status check_options(const berth_catalog_options *opt, berth_diag *diag)
{
    BERTHI_REQUIRE(opt->policy <= BERTH_SIGNATURE_REQUIRE, diag);
    BERTHI_REQUIRE(opt->keys != NULL || opt->keys_count == 0, diag);
    BERTHI_REQUIRE(opt->pins != NULL || opt->pins_count == 0, diag);
    for (uint32_t i = 0; i < opt->pins_count; i++)
        BERTHI_REQUIRE(opt->pins[i].contract != NULL && opt->pins[i].bundle != NULL, diag);
    if (opt->policy == BERTH_SIGNATURE_REQUIRE && opt->keys_count == 0)
        return berthi_fail(diag, BERTH_E_INVALID,
                           "signatures are required and no key is trusted; give one");
    return BERTH_OK;
}

berth_status berth_catalog_read(const berth_allocator *allocator, const char *const *paths,
                                uint32_t count, const berth_catalog_options *options,
                                berth_catalog **catalog_out, berth_diag *diag)
{
    const berth_allocator *a = allocator == NULL ? &berthi_allocator_libc : allocator;
    berth_catalog_options opt = BERTH_CATALOG_OPTIONS_INIT;
    berth_status status = BERTH_OK;

    BERTHI_REQUIRE(paths != NULL && count != 0 && catalog_out != NULL, diag);
    for (uint32_t i = 0; i < count; i++)
        BERTHI_REQUIRE(paths[i] != NULL, diag);
    if (options != NULL)
        status = berthi_options_copy(&opt, sizeof opt, options, "berth_catalog_options", diag);
    if (status == BERTH_OK)
        status = check_options(&opt, diag);
    return status == BERTH_OK
               ? berthi_catalog_describe(a, paths, count, &opt, judge, catalog_out, diag)
               : status;
}
