/* check.c - one module against one profile.  Layer: admit.
 *
 * The order is that of the questions an author would ask: does it want anything from the host,
 * what does it say about itself, what does it give.  Nothing here runs or compiles anything. */
#include "admit/check.h"

#include <inttypes.h>
#include <stdio.h>

#include "admit/describe.h"
#include "admit/family.h"
#include "service/grant/grants.h"
#include "service/offered.h"

enum {
    SECTION_IMPORT = 2,
    SECTION_TABLE = 4,
    SECTION_MEMORY = 5,
    SECTION_EXPORT = 7,
    SCHEMA_SECTIONS_MAX = 64, /* looked at; duplicates among them are searched pair by pair */
    PAGE_SIZE = 65536
};

typedef struct check {
    const berthi_profile *profile;
    const berthi_wasm_info *info;
    const berthi_admit_limits *limits;
    berthi_scope scope; /* of all kinds */
    const berthi_wasm_section *schemas[SCHEMA_SECTIONS_MAX];
    uint32_t schemas_count;
    berthi_profile_view *view;
} check;

static uint64_t offset_of(const check *c, uint8_t section_id)
{
    const berthi_wasm_section *section = berthi_section_find(c->info, section_id);

    return section == NULL ? BERTHI_NO_OFFSET : section->body.offset;
}

static void check_no_imports(const check *c)
{
    const berthi_wasm_info *info = c->info;
    const berthi_wasm_import *first = info->imports;

    if (info->imports_count == 0)
        return;
    berthi_find(c->scope, "import", offset_of(c, SECTION_IMPORT),
                "plugin module imports %" PRIu32 " item(s), and this profile allows none; the "
                "first is %s `%s` `%s`",
                info->imports_count, berthi_extern_kind_name(first->kind),
                BERTHI_SHOW_NAME(first->module), BERTHI_SHOW_NAME(first->name));
}

/* The first of the rights that would do, as it is granted. */
static const char *right_text(uint32_t rights)
{
    int right = 0;

    while ((rights >> right & 1) == 0)
        right++;
    return berthi_right_name((berthi_right)right);
}

static bool is_granted(const check *c, uint32_t rights)
{
    const berth_grants *grants = c->limits->grants;

    for (int right = 0; right < BERTHI_RIGHTS; right++)
        if ((rights >> right & 1) != 0 && (berthi_grants_has(grants, (berthi_right)right) ||
                                           berthi_grants_denies(grants, (berthi_right)right)))
            return true;
    return rights == 0 || c->limits->has_no_slot;
}

const berthi_host_import *berthi_offer_find(const berthi_profile *profile,
                                            const berthi_admit_limits *limits,
                                            const berthi_wasm_import *import)
{
    const berthi_host_import *own =
        berthi_host_import_find(profile->imports, import->module, import->name);

    return own != NULL || profile->imports == NULL
               ? own
               : berthi_offered_find(limits->host, import->module, import->name);
}

/* What is wrong with imports, each once: a module may have a great many. */
typedef struct import_faults {
    const berthi_wasm_import *unknown, *mistyped; /* the first */
    uint32_t unknown_count;
    uint32_t missing; /* rights, of which findings tell */
} import_faults;

static void find_missing(const check *c, const berthi_wasm_import *import, uint32_t rights,
                         import_faults *faults)
{
    const char *right = right_text(rights);

    if ((faults->missing & rights) == rights)
        return;
    faults->missing |= rights;
    berthi_find(
        c->scope, "grant", offset_of(c, SECTION_IMPORT),
        "import `%s` `%s`: the slot has no grant `%s` (`deny:%s` links it, and it refuses "
        "when it is called)",
        BERTHI_SHOW_NAME(import->module), BERTHI_SHOW_NAME(import->name), right, right);
}

static void check_import(const check *c, const berthi_wasm_import *import,
                         import_faults *faults)
{
    const berthi_wasm_export as_export = { import->name, import->kind, import->index };
    const berthi_host_import *offer = import->kind == BERTHI_EXTERN_FUNC
                                          ? berthi_offer_find(c->profile, c->limits, import)
                                          : NULL;

    if (offer == NULL) {
        if (faults->unknown_count++ == 0)
            faults->unknown = import;
    } else if (!berthi_wasm_func_is(c->info, &as_export, offer->type)) {
        if (faults->mistyped == NULL)
            faults->mistyped = import;
    } else if (!is_granted(c, offer->rights)) {
        find_missing(c, import, offer->rights, faults);
    }
}

static void find_mistyped(const check *c, const berthi_wasm_import *import)
{
    char has[BERTHI_TYPE_TEXT_SIZE], needs[BERTHI_TYPE_TEXT_SIZE];

    berthi_extern_show(has, c->info, import->kind, import->index);
    berthi_signature_show(needs, berthi_offer_find(c->profile, c->limits, import)->type);
    berthi_find(c->scope, "import-type", offset_of(c, SECTION_IMPORT),
                "import `%s` `%s` has type %s; the host's is %s",
                BERTHI_SHOW_NAME(import->module), BERTHI_SHOW_NAME(import->name), has, needs);
}

static void check_imports(const check *c)
{
    import_faults faults = { .unknown = NULL };

    if (c->profile->imports == NULL) {
        check_no_imports(c);
        return;
    }
    for (uint32_t i = 0; i < c->info->imports_count; i++)
        check_import(c, &c->info->imports[i], &faults);
    if (faults.unknown != NULL)
        berthi_find(c->scope, "import", offset_of(c, SECTION_IMPORT),
                    "plugin module imports %" PRIu32 " item(s) that nobody offers to it; the "
                    "first is %s `%s` `%s`",
                    faults.unknown_count, berthi_extern_kind_name(faults.unknown->kind),
                    BERTHI_SHOW_NAME(faults.unknown->module),
                    BERTHI_SHOW_NAME(faults.unknown->name));
    if (faults.mistyped != NULL)
        find_mistyped(c, faults.mistyped);
}

/* Collects the schema sections and checks what can be said of each alone. */
static void collect_schemas(check *c)
{
    const char *prefix = c->profile->schema_prefix;
    uint32_t found = 0;

    for (uint32_t i = 0; prefix != NULL && i < c->info->sections_count; i++) {
        const berthi_wasm_section *s = &c->info->sections[i];

        if (s->id != 0 || !berthi_name_starts(s->name, prefix))
            continue;
        if (++found > SCHEMA_SECTIONS_MAX)
            continue;
        if (s->body.size != BERTHI_SCHEMA_SIZE)
            berthi_find(c->scope, "schema-size", s->body.offset,
                        "`%s` section is %" PRIu32 " bytes; expected %d",
                        BERTHI_SHOW_NAME(s->name), s->body.size, BERTHI_SCHEMA_SIZE);
        for (uint32_t j = 0; j < c->schemas_count; j++)
            if (c->schemas[j]->name.size == s->name.size &&
                memcmp(c->schemas[j]->name.text, s->name.text, s->name.size) == 0) {
                berthi_find(c->scope, "section-duplicate", s->body.offset,
                            "`%s` section is there twice", BERTHI_SHOW_NAME(s->name));
                break;
            }
        c->schemas[c->schemas_count++] = s;
    }
    if (found > SCHEMA_SECTIONS_MAX)
        berthi_find(c->scope, "schema-count", BERTHI_NO_OFFSET,
                    "%" PRIu32 " `%s*` sections; at most %d are allowed", found, prefix,
                    SCHEMA_SECTIONS_MAX);
}

/* False: out of memory. */
static bool check_metadata(const check *c)
{
    const berthi_wasm_section *first = NULL;
    uint32_t count = 0;

    for (uint32_t i = 0; i < c->info->sections_count; i++) {
        const berthi_wasm_section *s = &c->info->sections[i];

        if (s->id != 0 || !berthi_name_is(s->name, c->profile->metadata_section))
            continue;
        if (count++ == 0)
            first = s;
        else if (count == 2)
            berthi_find(c->scope, "section-duplicate", s->body.offset,
                        "`%s` section is there more than once", c->profile->metadata_section);
    }
    c->view->has_metadata = first != NULL;
    if (first != NULL)
        return berthi_metadata_read(c->profile, c->info->bytes, first->body, false, c->scope,
                                    &c->view->metadata);
    berthi_find(c->scope, "metadata-missing", BERTHI_NO_OFFSET,
                "missing required `%s` custom section", c->profile->metadata_section);
    return true;
}

static const berthi_meta_hook *declared(const check *c, const char *name)
{
    const berthi_metadata *m = &c->view->metadata;

    for (uint32_t i = 0; i < m->hooks_count; i++)
        if (strcmp(m->hooks[i].name, name) == 0)
            return &m->hooks[i];
    return NULL;
}

/* The profile's row for a hook, of that wire version unless it is NULL. */
static const berthi_profile_hook *known(const berthi_profile *p, const char *name,
                                        const uint32_t *wire_version)
{
    for (size_t i = 0; i < p->hooks_count; i++)
        if (strcmp(p->hooks[i].name, name) == 0 &&
            (wire_version == NULL || p->hooks[i].wire_version == *wire_version))
            return &p->hooks[i];
    return NULL;
}

/* Whether `hook` may say what it says about its mode. */
static void check_mode(const check *c, const berthi_meta_hook *hook)
{
    const berthi_profile_hook *row = known(c->profile, hook->name, NULL);

    if (row == NULL)
        return;
    if (hook->is_noop && !row->may_be_noop)
        berthi_find(c->scope, "hook-mode", c->view->metadata.offset,
                    "hook `%s` cannot declare mode `noop`; no-op is only valid for shape-owned "
                    "response hooks",
                    hook->name);
    if (!row->may_be_noop)
        return;
    if (declared(c, row->kind) == NULL)
        berthi_find(c->scope, "hook-kind", c->view->metadata.offset,
                    "%s-owned hook `%s` requires a declared `%s` hook", row->kind, hook->name,
                    row->kind);
    else if (!hook->has_mode)
        berthi_find(c->scope, "hook-mode", c->view->metadata.offset,
                    "%s plugin hook `%s` must explicitly declare mode `active` or `noop`",
                    row->kind, hook->name);
}

/* Each kind needs its main hook, which bears its name, and then all the hooks of that kind. */
static void check_kinds(const check *c)
{
    const berthi_profile *p = c->profile;

    for (size_t k = 0; p->kinds[k] != NULL; k++)
        if (known(p, p->kinds[k], NULL) != NULL && declared(c, p->kinds[k]) == NULL)
            berthi_find((berthi_scope){ c->scope.findings, p->id, p->kinds[k] }, "hook-kind",
                        c->view->metadata.offset,
                        "metadata does not declare required `%s` hook for this slot",
                        p->kinds[k]);
    for (size_t i = 0; i < p->hooks_count; i++) {
        const berthi_profile_hook *row = &p->hooks[i];

        if (row == known(p, row->name, NULL) && declared(c, row->kind) != NULL &&
            declared(c, row->name) == NULL)
            berthi_find(c->scope, "hook-kind", c->view->metadata.offset,
                        "metadata does not declare required `%s` hook for %s plugin", row->name,
                        row->kind);
    }
}

static void check_memory_type(const check *c, const berthi_wasm_size *memory)
{
    uint64_t offset = offset_of(c, SECTION_MEMORY);
    uint64_t limit = c->limits->memory_bytes_max;

    if (memory->is_64)
        berthi_find(c->scope, "memory-type", offset, "memory has 64-bit addresses");
    if (memory->is_shared)
        berthi_find(c->scope, "memory-type", offset, "memory is shared between threads");
    if (memory->min > limit / PAGE_SIZE)
        berthi_find(c->scope, "memory-size", offset,
                    "memory starts with %" PRIu64 " pages (64 KiB each); the limit is %" PRIu64,
                    memory->min, limit / PAGE_SIZE);
}

static void check_memories(const check *c)
{
    const berthi_wasm_info *info = c->info;
    const berthi_wasm_export *e = berthi_wasm_find_export(info, c->profile->memory);

    if (info->memories_count > 1)
        berthi_find(c->scope, "memory-count", offset_of(c, SECTION_MEMORY),
                    "module has %" PRIu32 " memories; exactly one is allowed",
                    info->memories_count);
    if (e == NULL || e->kind != BERTHI_EXTERN_MEMORY) {
        berthi_find(c->scope, "memory-export",
                    e == NULL ? BERTHI_NO_OFFSET : offset_of(c, SECTION_EXPORT),
                    "missing required export `%s` (Memory)%s%s", c->profile->memory,
                    e == NULL ? "" : "; that export is a ",
                    e == NULL ? "" : berthi_extern_kind_name(e->kind));
    }
    for (uint32_t i = 0; i < info->memories_count && i < 4; i++)
        check_memory_type(c, &info->memories[i]);
}

static void check_tables(const check *c)
{
    for (uint32_t i = 0; i < c->info->tables_count; i++) {
        const berthi_wasm_size *size = &c->info->tables[i].size;

        if (size->is_64)
            berthi_find(c->scope, "table-type", offset_of(c, SECTION_TABLE),
                        "table %" PRIu32 " has 64-bit indices", i);
        if (size->min > c->limits->table_elements_max)
            berthi_find(c->scope, "table-size", offset_of(c, SECTION_TABLE),
                        "table %" PRIu32 " starts with %" PRIu64
                        " elements; the limit is %" PRIu32,
                        i, size->min, c->limits->table_elements_max);
        if (size->is_64 || size->min > c->limits->table_elements_max)
            return; /* one such finding says it */
    }
}

/* `tail` is put behind the text about a missing export. */
static void check_function(const check *c, const char *name, const char *signature,
                           const char *rule, const char *tail)
{
    const berthi_wasm_export *e = berthi_wasm_find_export(c->info, name);
    char has[BERTHI_TYPE_TEXT_SIZE], needs[BERTHI_TYPE_TEXT_SIZE];

    if (e == NULL || e->kind != BERTHI_EXTERN_FUNC) {
        berthi_find(c->scope, rule, e == NULL ? BERTHI_NO_OFFSET : offset_of(c, SECTION_EXPORT),
                    "missing required function export `%s`%s%s%s", name, tail,
                    e == NULL ? "" : "; that export is a ",
                    e == NULL ? "" : berthi_extern_kind_name(e->kind));
        return;
    }
    if (berthi_wasm_func_is(c->info, e, signature))
        return;
    berthi_extern_show(has, c->info, e->kind, e->index);
    berthi_signature_show(needs, signature);
    berthi_find(c->scope, "function-type", offset_of(c, SECTION_EXPORT),
                "function export `%s` has type %s; it needs %s", name, has, needs);
}

static void to_hex(const uint8_t *bytes, char out[BERTHI_SCHEMA_SIZE * 2 + 1])
{
    for (size_t i = 0; i < BERTHI_SCHEMA_SIZE; i++)
        snprintf(out + 2 * i, 3, "%02x", (unsigned)bytes[i]);
}

static bool is_accepted(const check *c, const berthi_meta_hook *hook, const uint8_t *shipped)
{
    for (size_t i = 0; i < c->profile->hooks_count; i++) {
        const berthi_profile_hook *row = &c->profile->hooks[i];

        if (strcmp(row->name, hook->name) == 0 && row->wire_version == hook->wire_version &&
            memcmp(row->schema, shipped, BERTHI_SCHEMA_SIZE) == 0)
            return true;
    }
    return false;
}

static void check_schema(const check *c, const berthi_meta_hook *hook,
                         const berthi_profile_hook *row)
{
    char name[160], want[BERTHI_SCHEMA_SIZE * 2 + 1], has[BERTHI_SCHEMA_SIZE * 2 + 1];
    const berthi_wasm_section *section = NULL;

    snprintf(name, sizeof name, "%s%s.v%" PRIu32, c->profile->schema_prefix, hook->name,
             hook->wire_version);
    for (uint32_t i = 0; i < c->schemas_count && section == NULL; i++)
        if (berthi_name_is(c->schemas[i]->name, name))
            section = c->schemas[i];
    if (section == NULL) {
        berthi_find(c->scope, "schema-missing", BERTHI_NO_OFFSET,
                    "missing `%s` custom section for declared hook `%s`", name, hook->name);
        return;
    }
    if (section->body.size != BERTHI_SCHEMA_SIZE ||
        is_accepted(c, hook, c->info->bytes + section->body.offset))
        return;
    to_hex(row->schema, want);
    to_hex(c->info->bytes + section->body.offset, has);
    berthi_find(c->scope, "schema-hash", section->body.offset,
                "`%s` hash mismatch (host expects %s but plugin shipped %s)", name, want, has);
}

/* A declared hook: known, of a version spoken here, exported, and of the right layout. */
static void check_hook(const check *c, const berthi_meta_hook *hook)
{
    const berthi_profile *p = c->profile;
    const berthi_profile_hook *row = NULL;
    char export_name[160], tail[128];

    if (p->hooks != NULL && known(p, hook->name, NULL) == NULL) {
        berthi_find(c->scope, "hook-unknown", c->view->metadata.offset,
                    "unknown hook `%s` in metadata", hook->name);
        return;
    }
    if (hook->has_wire_version) {
        row = known(p, hook->name, &hook->wire_version);
        if (row == NULL)
            berthi_find(c->scope, "wire-version", c->view->metadata.offset,
                        "hook `%s` declares unsupported wire version %" PRIu32, hook->name,
                        hook->wire_version);
    }
    snprintf(export_name, sizeof export_name, "%s%s", p->hook_prefix, hook->name);
    snprintf(tail, sizeof tail, " for declared hook `%s`", hook->name);
    check_function(c, export_name, p->hook_type, "hook-export", tail);
    if (row != NULL && p->schema_prefix != NULL)
        check_schema(c, hook, row);
}

/* What a family's module has to have besides what the family itself asks for. */
static bool check_family(check *c)
{
    const berthi_family *family = c->profile->family;

    c->view->has_metadata = family->recognises(c->info);
    if (!c->view->has_metadata) {
        berthi_find(c->scope, "family", BERTHI_NO_OFFSET, "it is none of these: %s",
                    family->says);
        return !c->scope.findings->out_of_memory;
    }
    /* First, because a version that is not spoken explains imports that nobody offers. */
    if (!family->describe(c->info, c->scope, &c->view->metadata))
        return false;
    check_imports(c);
    check_memories(c);
    check_tables(c);
    return !c->scope.findings->out_of_memory;
}

bool berthi_check_profile(const berthi_profile *profile, const berthi_wasm_info *info,
                          const berthi_admit_limits *limits, berthi_findings *findings,
                          berthi_profile_view *view_out)
{
    check c = { .profile = profile,
                .info = info,
                .limits = limits,
                .scope = { .findings = findings, .profile = profile->id },
                .view = view_out };
    const berthi_metadata *metadata = &view_out->metadata;

    *view_out = (berthi_profile_view){ .profile = profile };
    if (profile->family != NULL)
        return check_family(&c);
    check_imports(&c);
    collect_schemas(&c);
    if (!check_metadata(&c))
        return false;
    for (uint32_t i = 0; i < metadata->hooks_count; i++)
        check_mode(&c, &metadata->hooks[i]);
    if (metadata->hooks_count > 0)
        check_kinds(&c);
    check_memories(&c);
    check_tables(&c);
    check_function(&c, profile->alloc, profile->alloc_type, "function-export", "");
    check_function(&c, profile->free, profile->free_type, "function-export", "");
    for (uint32_t i = 0; i < metadata->hooks_count; i++)
        check_hook(&c, &metadata->hooks[i]);
    return !findings->out_of_memory;
}

bool berthi_may_be(const berthi_profile *profile, const berthi_artifact *artifact)
{
    return profile->family == NULL ||
           (artifact->is_readable && profile->family->recognises(&artifact->info));
}

bool berthi_fits(const berthi_findings *findings, const char *profile, const char *kind)
{
    for (const berthi_finding *f = findings->first; f != NULL; f = f->next)
        if (berthi_finding_concerns(f, profile, kind))
            return false;
    return true;
}
