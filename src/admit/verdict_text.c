/* verdict_text.c - a report for people.  Layer: admit.
 *
 * Two columns: what, and what of it.  Whatever comes from the artifact goes through
 * berthi_utf8_show(), so that no name can move a terminal's cursor. */
#include <inttypes.h>
#include <stdio.h>

#include "admit/describe.h"
#include "admit/report.h"

enum { LABEL_WIDTH = 11, NAME_WIDTH_MAX = 40, PROSE_MAX = 512 };

typedef struct page {
    berthi_text_buf *out;
    const berthi_report *report;
} page;

/* Characters, as good as the columns that they take. */
static size_t width_of(const char *shown)
{
    size_t width = 0;

    for (; *shown != '\0'; shown++)
        width += ((unsigned char)*shown & 0xc0) != 0x80;
    return width;
}

/* A label at the head of a line, or its space. */
static void put_label(const page *p, const char *label)
{
    berthi_text_buf_puts(p->out, label);
    berthi_text_buf_fill(p->out, ' ', LABEL_WIDTH - strlen(label));
}

static void put_padded(const page *p, const char *shown, size_t width)
{
    size_t has = width_of(shown);

    berthi_text_buf_puts(p->out, shown);
    berthi_text_buf_fill(p->out, ' ', has < width ? width - has + 2 : 2);
}

static size_t wider(size_t width, berthi_name name)
{
    size_t this = width_of(BERTHI_SHOW_NAME(name));

    if (this > NAME_WIDTH_MAX)
        this = NAME_WIDTH_MAX;
    return this > width ? this : width;
}

static uint32_t listed(uint32_t count)
{
    return count < BERTHI_LIST_MAX ? count : BERTHI_LIST_MAX;
}

/* What a capped list leaves out, and what an empty one says. */
static void end_list(const page *p, const char *label, uint32_t count)
{
    if (count == 0) {
        put_label(p, label);
        berthi_text_buf_puts(p->out, "none\n");
    } else if (count > BERTHI_LIST_MAX) {
        put_label(p, "");
        berthi_text_buf_putf(p->out, "and %" PRIu32 " more\n", count - BERTHI_LIST_MAX);
    }
}

/* Each pair that takes it; whoever has no hooks is not told of hook profiles. */
static void put_fits(const page *p)
{
    const berthi_report *r = p->report;
    bool any = false, has_typed = berthi_report_has_typed(r) && berthi_report_fits(r) != 0;

    put_label(p, "fits");
    for (uint32_t i = 0; i < r->views_count; i++) {
        const berthi_profile *profile = r->views[i].profile;

        for (size_t k = 0; profile->kinds[k] != NULL; k++) {
            if (!berthi_fits(&r->findings, profile->id, profile->kinds[k]) ||
                !berthi_report_has_hooks(r, &r->views[i]))
                continue;
            berthi_text_buf_putf(p->out, "%s%s %s", any ? ", " : "", profile->id,
                                 profile->kinds[k]);
            any = true;
        }
    }
    if (has_typed)
        berthi_text_buf_putf(p->out, "%sslots for typed calls%s\n", any ? ", " : "",
                             berthi_report_is_stage(r) ? ", stages of flows" : "");
    else
        berthi_text_buf_puts(p->out, any ? "\n" : "no slot\n");
}

static void put_head(const page *p)
{
    static const char *const names[] = {
        [BERTHI_ARTIFACT_EMPTY] = "nothing",
        [BERTHI_ARTIFACT_MODULE] = "core WebAssembly module",
        [BERTHI_ARTIFACT_COMPONENT] = "WebAssembly component",
        [BERTHI_ARTIFACT_ELF_SHARED] = "ELF shared object",
        [BERTHI_ARTIFACT_ELF_OTHER] = "ELF file",
        [BERTHI_ARTIFACT_TEXT] = "text",
        [BERTHI_ARTIFACT_OTHER] = "data of an unknown kind",
    };
    const berthi_report *r = p->report;

    put_label(p, "artifact");
    berthi_text_buf_putf(
        p->out, "%s%s, %zu bytes\n", names[r->artifact.kind],
        r->artifact.is_wrapped ? " that carries its world (a component is made of it)" : "",
        r->size);
    put_label(p, "sha256");
    berthi_text_buf_putf(p->out, "%s\n", r->sha256);
    put_fits(p);
}

static const char *or_unknown(const char *text)
{
    return text == NULL ? "?" : text;
}

static void put_prose(const page *p, const char *text)
{
    char shown[PROSE_MAX];

    if (text == NULL)
        text = "?";
    berthi_text_buf_puts(p->out, berthi_utf8_show(shown, sizeof shown, text, strlen(text)));
    berthi_text_buf_puts(p->out, "\n");
}

static bool says_itself(const berthi_profile_view *view)
{
    return !view->metadata_is_implied && view->profile->metadata_section != NULL;
}

static void put_plugin(const page *p, const berthi_profile_view *view)
{
    const berthi_metadata *m = &view->metadata;
    size_t width = 0;

    berthi_text_buf_puts(p->out, "\n");
    put_label(p, "plugin");
    berthi_text_buf_putf(
        p->out, "%s %s, as %s%s\n", or_unknown(m->name), or_unknown(m->version),
        says_itself(view) ? view->profile->metadata_section : "its exports say",
        says_itself(view) ? " says" : "");
    put_label(p, "");
    put_prose(p, m->description);
    for (uint32_t i = 0; i < m->hooks_count; i++)
        width =
            wider(width, (berthi_name){ m->hooks[i].name, (uint32_t)strlen(m->hooks[i].name) });
    for (uint32_t i = 0; i < m->hooks_count; i++) {
        const berthi_meta_hook *hook = &m->hooks[i];

        put_label(p, i == 0 ? "hooks" : "");
        put_padded(p, hook->name, width);
        if (hook->has_wire_version)
            berthi_text_buf_putf(p->out, "wire %" PRIu32 "  %s  ", hook->wire_version,
                                 hook->is_noop ? "noop  " : "active");
        put_prose(p, hook->description);
    }
    if (m->hooks_count == 0)
        end_list(p, "hooks", 0);
}

static void put_imports(const page *p)
{
    const berthi_wasm_info *info = &p->report->artifact.info;
    uint32_t n = listed(info->imports_count);
    char type[BERTHI_TYPE_TEXT_SIZE];
    size_t module_width = 0, name_width = 0;

    for (uint32_t i = 0; i < n; i++) {
        module_width = wider(module_width, info->imports[i].module);
        name_width = wider(name_width, info->imports[i].name);
    }
    for (uint32_t i = 0; i < n; i++) {
        const berthi_wasm_import *import = &info->imports[i];

        berthi_extern_show(type, info, import->kind, import->index);
        put_label(p, i == 0 ? "imports" : "");
        put_padded(p, BERTHI_SHOW_NAME(import->module), module_width);
        put_padded(p, BERTHI_SHOW_NAME(import->name), name_width);
        put_padded(p, berthi_extern_kind_name(import->kind), 6);
        berthi_text_buf_putf(p->out, "%s\n", type);
    }
    end_list(p, "imports", info->imports_count);
}

static void put_asks(const page *p)
{
    const berthi_wasm_info *info = &p->report->artifact.info;
    uint32_t count = 0;

    for (uint32_t i = 0; i < info->imports_count && count < BERTHI_LIST_MAX; i++) {
        bool is_needed;
        const char *grants = berthi_import_asks(&info->imports[i], &is_needed);

        if (grants == NULL)
            continue;
        put_label(p, count++ == 0 ? "asks for" : "");
        berthi_text_buf_putf(p->out, "%s: %s%s\n", BERTHI_SHOW_NAME(info->imports[i].name),
                             grants, is_needed ? " (needed)" : "");
    }
}

static void put_exports(const page *p)
{
    const berthi_wasm_info *info = &p->report->artifact.info;
    uint32_t n = listed(info->exports_count);
    char type[BERTHI_TYPE_TEXT_SIZE];
    size_t width = 0;

    for (uint32_t i = 0; i < n; i++)
        width = wider(width, info->exports[i].name);
    for (uint32_t i = 0; i < n; i++) {
        const berthi_wasm_export *e = &info->exports[i];

        berthi_extern_show(type, info, e->kind, e->index);
        put_label(p, i == 0 ? "exports" : "");
        put_padded(p, BERTHI_SHOW_NAME(e->name), width);
        put_padded(p, berthi_extern_kind_name(e->kind), 6);
        berthi_text_buf_putf(p->out, "%s\n", type);
    }
    end_list(p, "exports", info->exports_count);
}

static void put_storage(const page *p, const char *label, uint8_t kind, uint32_t count,
                        uint32_t imported)
{
    const berthi_wasm_info *info = &p->report->artifact.info;
    char type[BERTHI_TYPE_TEXT_SIZE];

    for (uint32_t i = 0; i < listed(count); i++) {
        berthi_extern_show(type, info, kind, i);
        put_label(p, i == 0 ? label : "");
        berthi_text_buf_putf(p->out, "%s%s\n", type, i < imported ? ", imported" : "");
    }
    end_list(p, label, count);
}

static void put_sections(const page *p)
{
    const berthi_wasm_info *info = &p->report->artifact.info;
    uint32_t n = listed(info->sections_count);
    size_t width = 10;

    for (uint32_t i = 0; i < n; i++)
        width = wider(width, info->sections[i].name);
    for (uint32_t i = 0; i < n; i++) {
        const berthi_wasm_section *s = &info->sections[i];

        put_label(p, i == 0 ? "sections" : "");
        put_padded(p, berthi_section_id_name(s->id), 10);
        put_padded(p, BERTHI_SHOW_NAME(s->name), width);
        berthi_text_buf_putf(p->out, "%" PRIu32 " bytes at %" PRIu32 "\n", s->body.size,
                             s->body.offset);
    }
    end_list(p, "sections", info->sections_count);
}

static void put_producers(const page *p)
{
    const berthi_report *r = p->report;

    for (uint32_t i = 0; i < r->producers_count && i < BERTHI_PRODUCERS_MAX; i++) {
        const berthi_producer *made = &r->producers[i];

        put_label(p, i == 0 ? "made by" : "");
        berthi_text_buf_putf(p->out, "%s %s (%s)\n", BERTHI_SHOW_NAME(made->name),
                             BERTHI_SHOW_NAME(made->version), BERTHI_SHOW_NAME(made->field));
    }
}

static void put_module(const page *p)
{
    const berthi_wasm_info *info = &p->report->artifact.info;

    berthi_text_buf_puts(p->out, "\n");
    put_imports(p);
    put_asks(p);
    put_exports(p);
    put_storage(p, "memory", BERTHI_EXTERN_MEMORY, info->memories_count,
                info->imported_memories);
    put_storage(p, "tables", BERTHI_EXTERN_TABLE, info->tables_count, info->imported_tables);
    put_label(p, "functions");
    berthi_text_buf_putf(p->out, "%" PRIu32 "\n", info->funcs_count - info->imported_funcs);
    put_label(p, "start");
    if (info->has_start)
        berthi_text_buf_putf(p->out, "function %" PRIu32 " runs when an instance is made\n",
                             info->start);
    else
        berthi_text_buf_puts(p->out, "none\n");
    put_sections(p);
    put_producers(p);
}

static void put_finding(const page *p, const berthi_finding *f)
{
    berthi_text_buf_puts(p->out, "  ");
    if (f->kind != NULL)
        berthi_text_buf_putf(p->out, "%s: ", f->kind);
    berthi_text_buf_puts(p->out, f->text);
    if (f->offset != BERTHI_NO_OFFSET)
        berthi_text_buf_putf(p->out, " [%s, byte %" PRIu64 "]\n", f->rule, f->offset);
    else
        berthi_text_buf_putf(p->out, " [%s]\n", f->rule);
}

/* Those that belong to `profile` (NULL: to all profiles), under a head line. */
static void put_findings_of(const page *p, const char *profile, const char *head)
{
    uint32_t count = 0;

    for (const berthi_finding *f = p->report->findings.first; f != NULL; f = f->next) {
        if (f->profile != profile)
            continue;
        if (count++ == 0)
            berthi_text_buf_putf(p->out, "\n%s\n", head);
        if (count <= BERTHI_LIST_MAX)
            put_finding(p, f);
    }
    if (count > BERTHI_LIST_MAX)
        berthi_text_buf_putf(p->out, "  and %" PRIu32 " more\n", count - BERTHI_LIST_MAX);
}

/* All reasons for profiles that the artifact means to fit, and for all when it fits nothing and
 * names none; otherwise one line says that it is no such plugin. */
static void put_findings(const page *p)
{
    const berthi_report *r = p->report;
    bool names_any = false;
    char head[96];

    put_findings_of(p, NULL, "why no slot takes it");
    for (uint32_t i = 0; i < r->views_count; i++)
        names_any = names_any || r->views[i].has_metadata;
    for (uint32_t i = 0; i < r->views_count; i++) {
        const berthi_profile_view *view = &r->views[i];

        snprintf(head, sizeof head, "against %s", view->profile->id);
        if (view->has_metadata || !names_any)
            put_findings_of(p, view->profile->id, head);
        else
            berthi_text_buf_putf(p->out, "\n%s\n  no such plugin: it has no `%s` section\n",
                                 head, view->profile->metadata_section);
    }
}

void berthi_report_text(const berthi_report *report, berthi_text_buf *out)
{
    page p = { out, report };

    put_head(&p);
    for (uint32_t i = 0; i < report->views_count; i++)
        if (report->views[i].has_metadata)
            put_plugin(&p, &report->views[i]);
    if (report->artifact.is_readable)
        put_module(&p);
    berthi_component_text(report, out);
    berthi_native_text(report, out);
    put_findings(&p);
}
