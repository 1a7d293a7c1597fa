/* verdict_json.c - a report for machines.  Layer: admit.
 *
 * docs/inspect-json.md is this file in words; a key is never renamed or taken away. */
#include <stdio.h>

#include "admit/describe.h"
#include "admit/report.h"

typedef berthi_json_writer writer;

/* A name from the artifact, cut when it is absurdly long. */
static void put_name(writer *w, const char *key, berthi_name name)
{
    enum { MAX = BERTHI_LISTED_NAME_MAX, DOTS = 3 };
    char cut[MAX + DOTS];
    size_t size = MAX;

    if (name.size <= MAX) {
        berthi_json_text(w, key, name.text, name.size);
        return;
    }
    while (size > 0 && ((unsigned char)name.text[size] & 0xc0) == 0x80)
        size--; /* do not cut inside a character */
    memcpy(cut, name.text, size);
    memcpy(cut + size, "...", DOTS);
    berthi_json_text(w, key, cut, size + DOTS);
}

/* {"count": all of them, "items": [ the first of them... */
static uint32_t begin_list(writer *w, const char *key, uint32_t count)
{
    berthi_json_object(w, key);
    berthi_json_uint(w, "count", count);
    berthi_json_array(w, "items");
    return count < BERTHI_LIST_MAX ? count : BERTHI_LIST_MAX;
}

static void end_list(writer *w)
{
    berthi_json_end(w);
    berthi_json_end(w);
}

static void put_fit(writer *w, const berthi_report *r, const char *profile, const char *kind,
                    bool has_hooks)
{
    berthi_json_object(w, NULL);
    berthi_json_string(w, "profile", profile);
    berthi_json_string(w, "kind", kind);
    berthi_json_array(w, "calls");
    if (has_hooks)
        berthi_json_string(w, NULL, "hooks");
    if (berthi_report_has_typed(r))
        berthi_json_string(w, NULL, "typed");
    if (berthi_report_is_stage(r))
        berthi_json_string(w, NULL, "stages");
    berthi_json_end(w);
    berthi_json_end(w);
}

static void put_fits(writer *w, const berthi_report *r)
{
    berthi_json_array(w, "fits");
    for (uint32_t i = 0; i < r->views_count; i++) {
        const berthi_profile *p = r->views[i].profile;

        for (size_t k = 0; p->kinds[k] != NULL; k++) {
            if (!berthi_fits(&r->findings, p->id, p->kinds[k]))
                continue;
            put_fit(w, r, p->id, p->kinds[k], berthi_report_has_hooks(r, &r->views[i]));
        }
    }
    if (berthi_native_fits(r))
        put_fit(w, r, berthi_profile_berth.id, berthi_profile_berth.kinds[0], false);
    berthi_json_end(w);
}

static void put_findings(writer *w, const berthi_report *r)
{
    const berthi_finding *f = r->findings.first;
    uint32_t count = 0;

    for (; f != NULL; f = f->next)
        count++;
    f = r->findings.first;
    for (uint32_t left = begin_list(w, "findings", count); left > 0; left--, f = f->next) {
        berthi_json_object(w, NULL);
        berthi_json_string(w, "profile", f->profile);
        berthi_json_string(w, "kind", f->kind);
        berthi_json_string(w, "rule", f->rule);
        berthi_json_string(w, "text", f->text);
        if (f->offset == BERTHI_NO_OFFSET)
            berthi_json_null(w, "offset");
        else
            berthi_json_uint(w, "offset", f->offset);
        berthi_json_end(w);
    }
    end_list(w);
}

static void put_hook(writer *w, const berthi_profile *p, const berthi_meta_hook *hook)
{
    char export_name[192];

    if (hook->export_name != NULL)
        snprintf(export_name, sizeof export_name, "%s", hook->export_name);
    else
        snprintf(export_name, sizeof export_name, "%s%s", p->hook_prefix, hook->name);
    berthi_json_object(w, NULL);
    berthi_json_string(w, "name", hook->name);
    berthi_json_string(w, "export", export_name);
    berthi_json_string(w, "description", hook->description);
    berthi_json_string(w, "mode", hook->is_noop ? "noop" : "active");
    if (hook->has_wire_version)
        berthi_json_uint(w, "wire_version", hook->wire_version);
    else
        berthi_json_null(w, "wire_version");
    berthi_json_uint(w, "probe_bytes", hook->probe.size);
    berthi_json_end(w);
}

/* What the artifact says about itself, once for each profile whose section it has. */
static void put_plugins(writer *w, const berthi_report *r)
{
    berthi_json_array(w, "plugins");
    for (uint32_t i = 0; i < r->views_count; i++) {
        const berthi_profile_view *view = &r->views[i];

        if (!view->has_metadata)
            continue;
        berthi_json_object(w, NULL);
        berthi_json_string(w, "profile", view->profile->id);
        berthi_json_string(w, "name", view->metadata.name);
        berthi_json_string(w, "version", view->metadata.version);
        berthi_json_string(w, "description", view->metadata.description);
        berthi_json_array(w, "hooks");
        for (uint32_t h = 0; h < view->metadata.hooks_count; h++)
            put_hook(w, view->profile, &view->metadata.hooks[h]);
        berthi_json_end(w);
        berthi_json_end(w);
    }
    berthi_json_end(w);
}

static void put_extern(writer *w, const berthi_wasm_info *info, uint8_t kind, uint32_t index)
{
    char type[BERTHI_TYPE_TEXT_SIZE];

    berthi_extern_show(type, info, kind, index);
    berthi_json_string(w, "kind", berthi_extern_kind_name(kind));
    berthi_json_string(w, "type", type);
    berthi_json_end(w);
}

static void put_imports(writer *w, const berthi_wasm_info *info)
{
    uint32_t n = begin_list(w, "imports", info->imports_count);

    for (uint32_t i = 0; i < n; i++) {
        berthi_json_object(w, NULL);
        put_name(w, "module", info->imports[i].module);
        put_name(w, "name", info->imports[i].name);
        put_extern(w, info, info->imports[i].kind, info->imports[i].index);
    }
    end_list(w);
}

static void put_exports(writer *w, const berthi_wasm_info *info)
{
    uint32_t n = begin_list(w, "exports", info->exports_count);

    for (uint32_t i = 0; i < n; i++) {
        berthi_json_object(w, NULL);
        put_name(w, "name", info->exports[i].name);
        put_extern(w, info, info->exports[i].kind, info->exports[i].index);
    }
    end_list(w);
}

static void put_size(writer *w, const berthi_wasm_size *size, const char *min, const char *max)
{
    berthi_json_uint(w, min, size->min);
    if (size->has_max)
        berthi_json_uint(w, max, size->max);
    else
        berthi_json_null(w, max);
    berthi_json_bool(w, "is_64", size->is_64);
}

static void put_memories(writer *w, const berthi_wasm_info *info)
{
    uint32_t n = begin_list(w, "memories", info->memories_count);

    for (uint32_t i = 0; i < n; i++) {
        berthi_json_object(w, NULL);
        put_size(w, &info->memories[i], "pages_min", "pages_max");
        berthi_json_bool(w, "is_shared", info->memories[i].is_shared);
        berthi_json_bool(w, "is_imported", i < info->imported_memories);
        berthi_json_end(w);
    }
    end_list(w);
}

static void put_tables(writer *w, const berthi_wasm_info *info)
{
    uint32_t n = begin_list(w, "tables", info->tables_count);

    for (uint32_t i = 0; i < n; i++) {
        berthi_json_object(w, NULL);
        put_size(w, &info->tables[i].size, "elements_min", "elements_max");
        berthi_json_bool(w, "is_imported", i < info->imported_tables);
        berthi_json_end(w);
    }
    end_list(w);
}

static void put_sections(writer *w, const berthi_wasm_info *info)
{
    uint32_t n = begin_list(w, "sections", info->sections_count);

    for (uint32_t i = 0; i < n; i++) {
        const berthi_wasm_section *s = &info->sections[i];

        berthi_json_object(w, NULL);
        berthi_json_string(w, "section", berthi_section_id_name(s->id));
        if (s->id == 0)
            put_name(w, "name", s->name);
        else
            berthi_json_null(w, "name");
        berthi_json_uint(w, "offset", s->body.offset);
        berthi_json_uint(w, "bytes", s->body.size);
        berthi_json_end(w);
    }
    end_list(w);
}

static void put_producers(writer *w, const berthi_report *r)
{
    (void)begin_list(w, "producers", r->producers_count);
    for (uint32_t i = 0; i < r->producers_count && i < BERTHI_PRODUCERS_MAX; i++) {
        berthi_json_object(w, NULL);
        put_name(w, "field", r->producers[i].field);
        put_name(w, "name", r->producers[i].name);
        put_name(w, "version", r->producers[i].version);
        berthi_json_end(w);
    }
    end_list(w);
}

static void put_asks(writer *w, const berthi_wasm_info *info)
{
    uint32_t count = 0;

    berthi_json_array(w, "asks");
    for (uint32_t i = 0; i < info->imports_count && count < BERTHI_LIST_MAX; i++) {
        bool is_needed;
        const char *grants = berthi_import_asks(&info->imports[i], &is_needed);

        if (grants == NULL)
            continue;
        count++;
        berthi_json_object(w, NULL);
        put_name(w, "interface", info->imports[i].name);
        berthi_json_string(w, "grants", grants);
        berthi_json_bool(w, "is_needed", is_needed);
        berthi_json_end(w);
    }
    berthi_json_end(w);
}

static void put_module(writer *w, const berthi_report *r)
{
    const berthi_wasm_info *info = &r->artifact.info;

    if (!r->artifact.is_readable) {
        berthi_json_null(w, "module");
        return;
    }
    berthi_json_object(w, "module");
    put_imports(w, info);
    put_asks(w, info);
    put_exports(w, info);
    put_memories(w, info);
    put_tables(w, info);
    berthi_json_uint(w, "functions", info->funcs_count - info->imported_funcs);
    berthi_json_uint(w, "globals", info->globals_count - info->imported_globals);
    if (info->has_start)
        berthi_json_uint(w, "start", info->start);
    else
        berthi_json_null(w, "start");
    put_sections(w, info);
    put_producers(w, r);
    berthi_json_end(w);
}

void berthi_report_json(const berthi_report *report, berthi_text_buf *out)
{
    writer w;

    berthi_json_init(&w, out);
    berthi_json_object(&w, NULL);
    berthi_json_string(&w, "schema", "berth-verdict/1");
    berthi_json_string(&w, "kind", berthi_artifact_kind_name(report->artifact.kind));
    berthi_json_uint(&w, "bytes", report->size);
    berthi_json_string(&w, "sha256", report->sha256);
    put_fits(&w, report);
    put_findings(&w, report);
    put_plugins(&w, report);
    put_module(&w, report);
    berthi_component_json(report, &w);
    berthi_native_json(report, &w);
    berthi_json_end(&w);
}
