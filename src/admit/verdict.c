/* verdict.c - finding out what there is to know about an artifact.  Layer: admit. */
#include <berth/admit.h>

#include <inttypes.h>

#include "admit/describe.h"
#include "admit/native_plugin.h"
#include "admit/report.h"
#include "base/diag.h"
#include "component/wit/print_wit.h"
#include "component/wit/wit_decode.h"
#include "service/preview1/preview1.h"
#include "wasm/cursor.h"

struct berth_verdict {
    berth_allocator allocator;
    berthi_text_buf json, text;
    uint32_t fits;
};

uint32_t berthi_report_fits(const berthi_report *report)
{
    uint32_t fits = 0;

    for (uint32_t i = 0; i < report->views_count; i++) {
        const berthi_profile *p = report->views[i].profile;

        for (size_t k = 0; p->kinds[k] != NULL; k++)
            fits += berthi_fits(&report->findings, p->id, p->kinds[k]);
    }
    return fits + berthi_native_fits(report);
}

bool berthi_native_fits(const berthi_report *report)
{
    return report->native != NULL && report->findings.first == NULL;
}

bool berthi_report_has_typed(const berthi_report *report)
{
    return report->native != NULL || report->artifact.component != NULL ||
           report->artifact.is_wrapped;
}

bool berthi_report_has_hooks(const berthi_report *report, const berthi_profile_view *view)
{
    return !berthi_report_has_typed(report) || view->metadata.hooks_count != 0;
}

const char *berthi_import_asks(const berthi_wasm_import *import, bool *is_needed_out)
{
    *is_needed_out = false;
    if (berthi_name_is(import->module, berthi_preview1_module.name))
        return berthi_preview1_asks(import->name.text, import->name.size, is_needed_out);
    if (berthi_name_is(import->module, "extism:host/env") &&
        berthi_name_is(import->name, "http_request"))
        return "http";
    return NULL;
}

bool berthi_report_is_stage(const berthi_report *report)
{
    const berthi_cm_steps *steps = report->artifact.steps;

    for (uint32_t i = 0; steps != NULL && i < steps->exports_count; i++)
        if (berthi_is_of_flows(steps->exports[i].name))
            return true;
    return false;
}

const char *berthi_artifact_kind_name(berthi_artifact_kind kind)
{
    switch (kind) {
    case BERTHI_ARTIFACT_EMPTY:
        return "empty";
    case BERTHI_ARTIFACT_MODULE:
        return "module";
    case BERTHI_ARTIFACT_COMPONENT:
        return "component";
    case BERTHI_ARTIFACT_ELF_SHARED:
        return "shared-object";
    case BERTHI_ARTIFACT_ELF_OTHER:
        return "elf";
    case BERTHI_ARTIFACT_TEXT:
        return "text";
    case BERTHI_ARTIFACT_OTHER:
        break;
    }
    return "other";
}

/* The tools that made the module.  A section that cannot be read to its end says what it says
 * until there; nothing depends on it. */
static void read_producers(berthi_report *report)
{
    const berthi_wasm_info *info = &report->artifact.info;
    const berthi_wasm_section *section = NULL;
    berthi_cursor c;

    for (uint32_t i = 0; i < info->sections_count && section == NULL; i++)
        if (info->sections[i].id == 0 && berthi_name_is(info->sections[i].name, "producers"))
            section = &info->sections[i];
    if (section == NULL)
        return;
    c = berthi_cursor_over(info->bytes, section->body);
    for (uint32_t fields = berthi_read_count(&c, 2, UINT32_MAX); fields > 0; fields--) {
        berthi_name field = berthi_read_name(&c);
        uint32_t values = berthi_read_count(&c, 2, UINT32_MAX);

        for (; values > 0; values--) {
            berthi_producer p = { .field = field };

            p.name = berthi_read_name(&c);
            p.version = berthi_read_name(&c);
            if (c.error != NULL)
                return;
            if (report->producers_count < BERTHI_PRODUCERS_MAX)
                report->producers[report->producers_count] = p;
            report->producers_count++;
        }
        if (c.error != NULL)
            return;
    }
}

/* A world whose text has no bound is no reason to say nothing about the rest. */
static berth_status write_world(berthi_report *report, berthi_arena *arena, berth_diag *diag)
{
    berth_diag why = { 0 };
    berth_status status =
        berthi_component_print_wit(report->artifact.component, arena, &report->wit, &why);

    report->wit_is_missing = status != BERTH_OK;
    if (status == BERTH_E_NOMEM)
        return berthi_fail(diag, status, "writing the world of a component");
    return BERTH_OK;
}

/* The world is sound: the plugin was made of it. */
static berth_status write_native_world(const berthi_native_info *info, berthi_report *report,
                                       berth_diag *diag)
{
    berth_diag why = { 0 };
    berth_status status = berthi_component_wit(info->wit, info->wit_size, report->wit.allocator,
                                               &report->wit, &why);

    report->wit_is_missing = status != BERTH_OK;
    return status == BERTH_E_NOMEM
               ? berthi_fail(diag, status, "writing the world of a native plugin")
               : BERTH_OK;
}

/* What the file says, and the world that it carries; nothing of it is mapped. */
static berth_status examine_native(const uint8_t *bytes, size_t size, berthi_arena *arena,
                                   berthi_report *report, berth_diag *diag)
{
    berthi_scope scope = { .findings = &report->findings };
    berthi_native_plugin *native = berthi_arena_alloc(arena, sizeof *native);
    berth_diag why = { 0 };
    berth_status status;

    if (native == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "a verdict");
    report->artifact.kind = berthi_artifact_kind_of(bytes, size);
    report->native = native;
    status = berthi_native_read(bytes, size, arena, &native->info, diag);
    if (status != BERTH_OK)
        return status;
    for (uint32_t i = 0; i < native->info.problems_count; i++)
        berthi_find(scope, native->info.problems[i].rule, native->info.problems[i].offset, "%s",
                    native->info.problems[i].text);
    if (native->info.problems_count == 0) {
        berthi_native_info info = native->info;

        status = berthi_native_world_read(&info, arena, native, &why);
        if (status == BERTH_E_NOMEM)
            return berthi_fail(diag, status, "reading the world of a native plugin");
        if (status != BERTH_OK)
            berthi_find(scope, "elf-wit", BERTHI_NO_OFFSET, "%s", why.text);
        else
            status = write_native_world(&info, report, diag);
        if (status == BERTH_E_NOMEM)
            return status;
    }
    return report->findings.out_of_memory ? berthi_fail(diag, BERTH_E_NOMEM, "a verdict")
                                          : BERTH_OK;
}

static berth_status examine(const uint8_t *bytes, size_t size,
                            const berthi_profile *const *profiles, berthi_arena *arena,
                            berthi_report *report, berth_diag *diag)
{
    const berthi_admit_limits limits = { .artifact_bytes_max = BERTHI_ARTIFACT_BYTES_MAX,
                                         .memory_bytes_max = BERTHI_MEMORY_BYTES_MAX,
                                         .table_elements_max = BERTHI_TABLE_ELEMENTS_MAX,
                                         .has_no_slot = true };
    uint8_t digest[BERTHI_SHA256_SIZE];
    berth_status status;

    report->size = size;
    if (!berthi_sha256(bytes, size, digest))
        return berthi_fail(diag, BERTH_E_NOMEM, "digesting an artifact of %zu bytes", size);
    berthi_sha256_hex(digest, report->sha256);
    berthi_findings_init(&report->findings, arena);
    if (berthi_is_elf(bytes, size))
        return examine_native(bytes, size, arena, report, diag);
    status =
        berthi_artifact_read(bytes, size, arena, &report->findings, &report->artifact, diag);
    if (status == BERTH_OK && report->artifact.component != NULL)
        status = write_world(report, arena, diag);
    if (status != BERTH_OK || (!report->artifact.is_readable && report->artifact.steps == NULL))
        return status;
    for (; *profiles != NULL; profiles++) {
        if (!berthi_may_be(*profiles, &report->artifact))
            continue;
        assert(report->views_count < BERTHI_PROFILES_MAX);
        if (!berthi_check_artifact(*profiles, &report->artifact, &limits, &report->findings,
                                   &report->views[report->views_count]))
            return berthi_fail(diag, BERTH_E_NOMEM, "checking an artifact of %zu bytes", size);
        report->views_count++;
    }
    read_producers(report);
    return BERTH_OK;
}

/* The whole verdict, from a report that lives as long as this call. */
static berth_status conclude(const uint8_t *bytes, size_t size,
                             const berthi_profile *const *profiles, berthi_report *report,
                             berth_verdict *verdict, berth_diag *diag)
{
    berthi_arena arena;
    berth_status status;

    berthi_arena_init(&arena, &verdict->allocator, SIZE_MAX);
    berthi_text_buf_init(&report->wit, &verdict->allocator);
    status = examine(bytes, size, profiles, &arena, report, diag);
    if (status == BERTH_OK) {
        verdict->fits = berthi_report_fits(report);
        berthi_report_json(report, &verdict->json);
        berthi_report_text(report, &verdict->text);
        if (verdict->json.has_failed || verdict->text.has_failed || report->wit.has_failed)
            status = berthi_fail(diag, BERTH_E_NOMEM, "writing a verdict");
    }
    berthi_text_buf_fini(&report->wit);
    berthi_arena_fini(&arena);
    return status;
}

berth_status berthi_inspect(const berth_allocator *allocator, const void *bytes, size_t size,
                            uint64_t artifact_bytes_max, const berthi_profile *const *profiles,
                            berth_verdict **verdict_out, berth_diag *diag)
{
    const berth_allocator *a = allocator == NULL ? &berthi_allocator_libc : allocator;
    uint64_t max = artifact_bytes_max == 0 ? BERTHI_ARTIFACT_BYTES_MAX : artifact_bytes_max;
    berth_verdict *verdict;
    berthi_report *report;
    berth_status status;

    BERTHI_REQUIRE(verdict_out != NULL && (bytes != NULL || size == 0), diag);
    if (size > max)
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_ARTIFACT,
                                   "the artifact has %zu bytes; the limit is %" PRIu64, size,
                                   max);
    verdict = berthi_zalloc(a, sizeof *verdict);
    report = berthi_zalloc(a, sizeof *report); /* too big for a small stack */
    if (verdict == NULL || report == NULL) {
        status = berthi_fail(diag, BERTH_E_NOMEM, "a verdict");
        goto fail_allocate;
    }
    verdict->allocator = *a;
    berthi_text_buf_init(&verdict->json, &verdict->allocator);
    berthi_text_buf_init(&verdict->text, &verdict->allocator);
    status = conclude(bytes, size, profiles, report, verdict, diag);
    if (status != BERTH_OK)
        goto fail_conclude;
    berthi_free(a, report, sizeof *report);
    *verdict_out = verdict;
    return BERTH_OK;

fail_conclude:
    berthi_text_buf_fini(&verdict->json);
    berthi_text_buf_fini(&verdict->text);
fail_allocate:
    berthi_free(a, report, sizeof *report);
    berthi_free(a, verdict, sizeof *verdict);
    return status;
}

void berth_verdict_destroy(berth_verdict *verdict)
{
    berth_allocator a;

    if (verdict == NULL)
        return;
    a = verdict->allocator;
    berthi_text_buf_fini(&verdict->json);
    berthi_text_buf_fini(&verdict->text);
    berthi_free(&a, verdict, sizeof *verdict);
}

uint32_t berth_verdict_fits(const berth_verdict *verdict)
{
    return verdict->fits;
}

const char *berth_verdict_json(const berth_verdict *verdict)
{
    return verdict->json.data;
}

const char *berth_verdict_text(const berth_verdict *verdict)
{
    return verdict->text.data;
}
