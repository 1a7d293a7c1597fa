/* outline.c - whether some host could take a plugin, and which interfaces it exports.  Layer: admit. */
#include "admit/outline.h"

#include "admit/check.h"
#include "admit/native_plugin.h"
#include "base/diag.h"

typedef struct sketch {
    const berthi_profile *const *profiles;
    berthi_arena *arena;
    berthi_outline *outline;
    berth_diag *diag;
} sketch;

static berth_status no_memory(const sketch *s)
{
    return berthi_fail(s->diag, BERTH_E_NOMEM, "looking into an artifact");
}

static berth_status say_why(const sketch *s, const char *why)
{
    s->outline->why = berthi_arena_strndup(s->arena, why, strlen(why));
    return s->outline->why == NULL ? no_memory(s) : BERTH_OK;
}

/* ---------------------------------------------------------------- shared objects */

static berth_status list_native(const sketch *s, const berthi_native_plugin *p)
{
    berthi_name *list = berthi_arena_array(s->arena, p->exports_count, sizeof *list);

    if (list == NULL)
        return no_memory(s);
    s->outline->has_world = true;
    s->outline->exports = list;
    for (uint32_t i = 0; i < p->exports_count; i++)
        if (p->exports[i].name != NULL)
            list[s->outline->exports_count++] = berthi_name_of(p->exports[i].name);
    return BERTH_OK;
}

static berth_status outline_native(const sketch *s, const uint8_t *bytes, size_t size)
{
    berthi_native_plugin *plugin = berthi_arena_alloc(s->arena, sizeof *plugin);
    berthi_native_info info;
    berth_diag why = { 0 };
    berth_status status;

    if (plugin == NULL)
        return no_memory(s);
    status = berthi_native_read(bytes, size, s->arena, &info, s->diag);
    if (status != BERTH_OK)
        return status;
    if (info.problems_count != 0)
        return say_why(s, info.problems[0].text);
    status = berthi_native_world_read(&info, s->arena, plugin, &why);
    if (status == BERTH_E_NOMEM)
        return no_memory(s);
    return status == BERTH_OK ? list_native(s, plugin) : say_why(s, why.text);
}

/* ---------------------------------------------------------------- WebAssembly */

/* What a host could not mend by giving something.  A core module's imports are given by nobody. */
static bool is_final(const berthi_finding *f, const berthi_artifact *artifact)
{
    return artifact->steps == NULL || strcmp(f->rule, "import") != 0;
}

/* The first final finding against that place; NULL: none, so that it is taken there. */
static const berthi_finding *against(const berthi_findings *findings, const char *profile,
                                     const char *kind, const berthi_artifact *artifact)
{
    for (const berthi_finding *f = findings->first; f != NULL; f = f->next)
        if (berthi_finding_concerns(f, profile, kind) && is_final(f, artifact))
            return f;
    return NULL;
}

/* The profile that it means to fit tells why it does not, as in berthi_admit(). */
static berth_status judge(const sketch *s, const berthi_artifact *artifact,
                          berthi_findings *findings)
{
    static const berthi_admit_limits limits = { .artifact_bytes_max = UINT64_MAX,
                                                .memory_bytes_max = BERTHI_MEMORY_BYTES_MAX,
                                                .table_elements_max = BERTHI_TABLE_ELEMENTS_MAX,
                                                .has_no_slot = true };
    const berthi_finding *first = NULL;
    bool is_meant = false;

    for (size_t i = 0; s->profiles[i] != NULL; i++) {
        const berthi_profile *p = s->profiles[i];
        berthi_profile_view view = { .profile = p };

        if (!berthi_may_be(p, artifact))
            continue;
        if (!berthi_check_artifact(p, artifact, &limits, findings, &view))
            return no_memory(s);
        for (size_t k = 0; p->kinds[k] != NULL; k++) {
            const berthi_finding *f = against(findings, p->id, p->kinds[k], artifact);

            if (f == NULL)
                return BERTH_OK;
            if (first == NULL || (view.has_metadata && !is_meant)) {
                first = f;
                is_meant = view.has_metadata;
            }
        }
    }
    return say_why(s, first->text);
}

static berth_status list_component(const sketch *s, const berthi_cm_steps *steps)
{
    berthi_name *list = berthi_arena_array(s->arena, steps->exports_count, sizeof *list);

    if (list == NULL)
        return no_memory(s);
    s->outline->has_world = true;
    s->outline->exports = list;
    for (uint32_t i = 0; i < steps->exports_count; i++)
        if (steps->exports[i].sort == BERTHI_CM_INSTANCE)
            list[s->outline->exports_count++] = steps->exports[i].name;
    return BERTH_OK;
}

static berth_status outline_wasm(const sketch *s, const uint8_t *bytes, size_t size)
{
    berthi_findings findings;
    berthi_artifact artifact;
    berth_status status;

    berthi_findings_init(&findings, s->arena);
    status = berthi_artifact_read(bytes, size, s->arena, &findings, &artifact, s->diag);
    if (status == BERTH_OK)
        status = judge(s, &artifact, &findings);
    if (status == BERTH_OK && findings.out_of_memory)
        return no_memory(s);
    return status == BERTH_OK && artifact.steps != NULL ? list_component(s, artifact.steps)
                                                        : status;
}

berth_status berthi_admit_outline(const uint8_t *bytes, size_t size,
                                  const berthi_profile *const *profiles, berthi_arena *arena,
                                  berthi_outline *outline_out, berth_diag *diag)
{
    sketch s = { profiles, arena, outline_out, diag };

    *outline_out = (berthi_outline){ .why = NULL };
    return berthi_is_elf(bytes, size) ? outline_native(&s, bytes, size)
                                      : outline_wasm(&s, bytes, size);
}
