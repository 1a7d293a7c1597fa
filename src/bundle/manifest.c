/* manifest.c - berth.toml, field by field.  Layer: bundle. */
#include "bundle/manifest_schema.h"
#include "bundle/polyplug.h"

#include <stdio.h>

#include "base/bounds.h"
#include "base/utf8.h"
#include "contract/contract.h"
#include "contract/wit_words.h"

const char berthi_host_os[] = "linux";
#if defined(__x86_64__)
const char berthi_host_arch[] = "x86_64";
#elif defined(__aarch64__)
const char berthi_host_arch[] = "aarch64";
#else
const char berthi_host_arch[] = "unknown";
#endif

static const char *const kinds[] = { "component", "module", "native", NULL };
static const char *const systems[] = { "linux", "macos", "windows", NULL };
static const char *const processors[] = { "x86_64", "aarch64", NULL };

const char *berthi_bundle_kind_name(berthi_bundle_kind kind)
{
    return kinds[kind - 1];
}

berthi_bundle_kind berthi_bundle_kind_of(const uint8_t *bytes, size_t size)
{
    static const struct {
        uint8_t head[8];
        size_t size;
        berthi_bundle_kind kind;
    } heads[] = {
        { { 0, 'a', 's', 'm', 0x0d, 0, 1, 0 }, 8, BERTHI_BUNDLE_COMPONENT },
        { { 0, 'a', 's', 'm', 1, 0, 0, 0 }, 8, BERTHI_BUNDLE_MODULE },
        { { 0x7f, 'E', 'L', 'F' }, 4, BERTHI_BUNDLE_NATIVE },
    };

    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (size >= heads[i].size && memcmp(bytes, heads[i].head, heads[i].size) == 0)
            return heads[i].kind;
    return 0;
}

bool berthi_is_manifest_name(const char *name)
{
    return strcmp(name, BERTHI_MANIFEST_NAME) == 0 ||
           strcmp(name, BERTHI_POLYPLUG_MANIFEST_NAME) == 0;
}

/* ---------------------------------------------------------------- names and versions */

static bool is_name(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        bool is_plain = (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9');

        if (!is_plain && (c == text || c[1] == '\0' || strchr("-_.", *c) == NULL))
            return false;
    }
    return true;
}

/* Words of letters and digits with single hyphens between, each beginning with a letter. */
static size_t skip_label(const char *text, size_t size)
{
    size_t at = 0;
    bool starts = true;

    for (; at < size; at++) {
        char c = text[at];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (c == '-' && !starts)
            starts = true;
        else if (is_letter || (c >= '0' && c <= '9' && !starts))
            starts = false;
        else
            break;
    }
    return starts ? 0 : at;
}

bool berthi_bundle_contract_parse(const char *text, size_t size, berthi_arena *arena,
                                  berthi_bundle_contract *contract_out, bool *no_memory_out)
{
    static const char ends[] = ":/@";
    size_t at = 0, name = 0;
    char *copy;

    *no_memory_out = false;
    for (unsigned i = 0; i < 3; i++) {
        size_t step = skip_label(text + at, size - at);

        at += step;
        if (step == 0 || at == size || text[at] != ends[i])
            return false;
        name = at++;
    }
    if (size > BERTHI_CONTRACT_NAME_MAX || memchr(text, '\0', size) != NULL)
        return false;
    copy = berthi_arena_strndup(arena, text, size);
    *contract_out = (berthi_bundle_contract){ .text = copy };
    if (copy != NULL && berthi_wit_is_version(copy + at)) {
        contract_out->version = copy + at;
        contract_out->name = berthi_arena_strndup(arena, text, name);
    }
    *no_memory_out =
        copy == NULL || (contract_out->version != NULL && contract_out->name == NULL);
    return !*no_memory_out && contract_out->version != NULL;
}

static bool serves(const berthi_bundle_contract *offered, const berthi_bundle_contract *needed)
{
    size_t major = strcspn(needed->version, ".");

    if (offered->is_polyplug != needed->is_polyplug || strcmp(offered->name, needed->name) != 0)
        return false;
    if (!needed->is_polyplug)
        return berthi_version_serves(offered->version, needed->version);
    return strncmp(offered->version, needed->version, major + 1) == 0 &&
           berthi_wit_compare_versions(offered->version, needed->version) >= 0;
}

const berthi_bundle_contract *berthi_manifest_provides(const berthi_manifest *manifest,
                                                       const berthi_bundle_contract *needed)
{
    for (uint32_t i = 0; i < manifest->provides_count; i++)
        if (serves(&manifest->provides[i], needed))
            return &manifest->provides[i];
    return NULL;
}

/* ---------------------------------------------------------------- [bundle] */

static bool make_slot_name(berthi_schema *s, berthi_manifest *m)
{
    size_t name = strlen(m->name), track = berthi_contract_track(m->version);
    char *slot = berthi_arena_alloc(s->arena, name + track + 2);

    if (slot == NULL)
        return berthi_schema_no_memory(s);
    memcpy(slot, m->name, name);
    slot[name] = '@';
    memcpy(slot + name + 1, m->version, track);
    m->slot = slot;
    return true;
}

static bool read_bundle(berthi_schema *s, const berthi_toml *table, berthi_manifest *m)
{
    static const char *const known[] = { "name",   "version",  "description",
                                         "reload", "priority", NULL };
    static const char *const reloads[] = { "alone", "with-dependencies", NULL };
    uint32_t reload = 0;
    int64_t priority = 0;

    if (!berthi_schema_enter(s, table, "bundle", known) ||
        !berthi_schema_text(s, "name", true, BERTHI_BUNDLE_NAME_MAX, &m->name))
        return false;
    if (!is_name(m->name))
        return berthi_schema_wrong(s, berthi_toml_member(table, "name"),
                                   "`%s` is no name; expected a-z 0-9, and - _ . between them",
                                   m->name);
    if (!berthi_schema_text(s, "version", true, BERTHI_BUNDLE_VERSION_MAX, &m->version))
        return false;
    if (!berthi_wit_is_version(m->version))
        return berthi_schema_wrong(s, berthi_toml_member(table, "version"),
                                   "`%s` is no version; expected such as \"1.2.0\"",
                                   m->version);
    if (!berthi_schema_text(s, "description", false, 1024, &m->description) ||
        !berthi_schema_choice(s, "reload", false, reloads, &reload) ||
        !berthi_schema_integer(s, "priority", -1000, 1000, &priority))
        return false;
    m->follows = reload == 1;
    m->priority = (int32_t)priority;
    return make_slot_name(s, m);
}

/* ---------------------------------------------------------------- lists of tables */

/* The tables of an array of that name; *count_out 0: it is not there.  False: failed. */
static bool open_list(berthi_schema *s, const berthi_toml *root, const char *name,
                      const berthi_toml **first_out, uint32_t *count_out)
{
    const berthi_toml *list = berthi_toml_member(root, name);

    *first_out = NULL;
    *count_out = 0;
    if (list == NULL)
        return true;
    if (list->kind != BERTHI_TOML_ARRAY) {
        s->status =
            berthi_toml_fail_key(s->diag, s->source, list, "`%s` is %s; expected `[[%s]]`",
                                 name, berthi_toml_kind_name(list->kind), name);
        return false;
    }
    if (list->count > BERTHI_BUNDLE_ENTRIES_MAX) {
        s->status = berthi_fail_at(s->diag, BERTH_E_LIMIT, s->source, list->key_at,
                                   list->key_size, "more than 64 entries; expected fewer");
        return false;
    }
    *first_out = list->as.in.first;
    *count_out = list->count;
    return true;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool read_artifact(berthi_schema *s, const berthi_toml *table, berthi_bundle_artifact *a)
{
    static const char *const known[] = { "kind", "file", "os", "arch", NULL };
    uint32_t kind = 0, os = UINT32_MAX, arch = UINT32_MAX;

    if (!berthi_schema_enter(s, table, "artifact", known) ||
        !berthi_schema_choice(s, "kind", true, kinds, &kind) ||
        !berthi_schema_text(s, "file", true, BERTHI_BUNDLE_PATH_MAX, &a->file) ||
        !berthi_schema_file(s, berthi_toml_member(table, "file"), a->file) ||
        !berthi_schema_choice(s, "os", false, systems, &os) ||
        !berthi_schema_choice(s, "arch", false, processors, &arch))
        return false;
    a->kind = (berthi_bundle_kind)(kind + 1);
    a->os = os == UINT32_MAX ? NULL : systems[os];
    a->arch = arch == UINT32_MAX ? NULL : processors[arch];
    if (a->kind == BERTHI_BUNDLE_NATIVE && (a->os == NULL || a->arch == NULL))
        return berthi_schema_wrong(s, berthi_toml_member(table, "kind"),
                                   "native code is for one system; expected `os` and `arch`");
    if (a->os == NULL && a->arch != NULL)
        return berthi_schema_wrong(s, berthi_toml_member(table, "arch"),
                                   "a processor without a system; expected `os` as well");
    return true;
}

static bool read_artifacts(berthi_schema *s, const berthi_toml *root, berthi_manifest *m)
{
    const berthi_toml *table;
    berthi_bundle_artifact *all;
    uint32_t count;

    if (!open_list(s, root, "artifact", &table, &count))
        return false;
    if (count == 0) {
        s->status = berthi_toml_fail(s->diag, s->source, root,
                                     "the bundle has no artifact; expected `[[artifact]]`");
        return false;
    }
    all = berthi_arena_array(s->arena, count, sizeof *all);
    if (all == NULL)
        return berthi_schema_no_memory(s);
    for (uint32_t i = 0; i < count; i++, table = table->next) {
        if (!read_artifact(s, table, &all[i]))
            return false;
        for (uint32_t j = 0; j < i; j++)
            if (same_text(all[i].os, all[j].os) && same_text(all[i].arch, all[j].arch))
                return berthi_schema_wrong(
                    s, table, "another one is for %s %s already; expected one for each system",
                    all[i].os == NULL ? "any system and" : all[i].os,
                    all[i].arch == NULL ? "any processor" : all[i].arch);
    }
    m->artifacts = all;
    m->artifacts_count = count;
    return true;
}

static bool read_contract(berthi_schema *s, const berthi_toml *table, bool is_needed,
                          berthi_bundle_contract *c)
{
    static const char *const provided[] = { "contract", NULL };
    static const char *const needed[] = { "contract", "bundle", "optional", NULL };
    const char *text = NULL, *bundle = NULL;
    bool no_memory, is_optional = false;

    if (!berthi_schema_enter(s, table, is_needed ? "requires" : "provides",
                             is_needed ? needed : provided) ||
        !berthi_schema_text(s, "contract", true, BERTHI_CONTRACT_NAME_MAX, &text) ||
        !berthi_schema_text(s, "bundle", false, BERTHI_BUNDLE_NAME_MAX, &bundle) ||
        !berthi_schema_bool(s, "optional", &is_optional))
        return false;
    if (!berthi_bundle_contract_parse(text, strlen(text), s->arena, c, &no_memory))
        return no_memory ? berthi_schema_no_memory(s)
                         : berthi_schema_wrong(s, berthi_toml_member(table, "contract"),
                                               "`%.80s` is no contract; expected such as "
                                               "\"ns:package/interface@1.2.0\"",
                                               text);
    if (bundle != NULL && !is_name(bundle))
        return berthi_schema_wrong(s, berthi_toml_member(table, "bundle"),
                                   "`%s` is no name of a bundle; expected a-z 0-9, and - _ . "
                                   "between them",
                                   bundle);
    c->bundle = bundle;
    c->is_optional = is_optional;
    return true;
}

/* Of one contract, versions of one track. */
static bool clash(const berthi_bundle_contract *a, const berthi_bundle_contract *b)
{
    size_t track = berthi_contract_track(a->version);

    return strcmp(a->name, b->name) == 0 && track == berthi_contract_track(b->version) &&
           memcmp(a->version, b->version, track) == 0;
}

static bool read_contracts(berthi_schema *s, const berthi_toml *root, bool is_needed,
                           const berthi_bundle_contract **out, uint32_t *count_out)
{
    const berthi_toml *table;
    berthi_bundle_contract *all;
    uint32_t count;

    if (!open_list(s, root, is_needed ? "requires" : "provides", &table, &count))
        return false;
    all = berthi_arena_array(s->arena, count, sizeof *all);
    if (all == NULL)
        return berthi_schema_no_memory(s);
    for (uint32_t i = 0; i < count; i++, table = table->next) {
        if (!read_contract(s, table, is_needed, &all[i]))
            return false;
        for (uint32_t j = 0; j < i; j++)
            if (clash(&all[i], &all[j]))
                return berthi_schema_wrong(s, berthi_toml_member(table, "contract"),
                                           "is there already as %.80s; expected it once",
                                           all[j].text);
    }
    *out = all;
    *count_out = count;
    return true;
}

/* ---------------------------------------------------------------- [limits] */

static bool read_limits(berthi_schema *s, const berthi_toml *root, berthi_bundle_limits *limits)
{
    static const char *const known[] = { "deadline", "probe-deadline", "memory",
                                         "output",   "calls",          "instances",
                                         "policy",   "trial",          NULL };
    static const char *const policies[] = { "reuse", "fresh", NULL };
    const berthi_toml *table = berthi_toml_member(root, "limits");
    uint32_t policy = UINT32_MAX;
    int64_t calls = 0, instances = 0;

    if (table == NULL)
        return true;
    if (!berthi_schema_enter(s, table, "limits", known) ||
        !berthi_schema_time(s, "deadline", BERTHI_MANIFEST_TIME_NS_MOST,
                            &limits->deadline_ns) ||
        !berthi_schema_time(s, "probe-deadline", BERTHI_MANIFEST_TIME_NS_MOST,
                            &limits->probe_deadline_ns) ||
        !berthi_schema_size(s, "memory", BERTHI_LINEAR_MEMORY_MOST, &limits->memory_bytes) ||
        !berthi_schema_size(s, "output", BERTHI_MANIFEST_OUTPUT_MOST, &limits->output_bytes) ||
        !berthi_schema_integer(s, "calls", 1, BERTHI_SLOT_CALLS_MOST, &calls) ||
        !berthi_schema_integer(s, "instances", 1, BERTHI_SLOT_INSTANCES_MOST, &instances) ||
        !berthi_schema_choice(s, "policy", false, policies, &policy) ||
        !berthi_schema_bool(s, "trial", &limits->is_tried))
        return false;
    limits->calls = (uint32_t)calls;
    limits->instances = (uint32_t)instances;
    limits->policy = policy == UINT32_MAX ? 0 : policy + 1;
    return true;
}

/* ---------------------------------------------------------------- all of it */

static bool read_root(berthi_schema *s, const berthi_toml *root, berthi_manifest *m)
{
    static const char *const known[] = { "bundle",   "artifact", "provides",
                                         "requires", "limits",   NULL };
    const berthi_toml *bundle;

    if (!berthi_schema_enter(s, root, BERTHI_MANIFEST_NAME, known))
        return false;
    bundle = berthi_schema_field(s, "bundle", BERTHI_TOML_TABLE, true);
    return bundle != NULL && read_bundle(s, bundle, m) && read_artifacts(s, root, m) &&
           read_contracts(s, root, false, &m->provides, &m->provides_count) &&
           read_contracts(s, root, true, &m->needs, &m->requires_count) &&
           read_limits(s, root, &m->limits);
}

berth_status berthi_manifest_read(const berthi_text *source, berthi_arena *arena,
                                  berthi_manifest *manifest_out, berth_diag *diag)
{
    static const berthi_toml_limits limits = {
        .bytes = BERTHI_MANIFEST_BYTES_MAX, .nesting = 8, .members = 256, .values = 4096
    };
    berthi_schema s = { .source = source, .arena = arena, .diag = diag };
    berthi_manifest manifest = { 0 };
    const berthi_toml *root;
    berthi_arena scratch;

    berthi_arena_init(&scratch, arena->allocator, SIZE_MAX);
    s.status = berthi_toml_read(source, &limits, &scratch, &root, diag);
    if (s.status == BERTH_OK && read_root(&s, root, &manifest))
        *manifest_out = manifest;
    berthi_arena_fini(&scratch);
    return s.status;
}

const berthi_bundle_artifact *berthi_manifest_artifact(const berthi_manifest *manifest,
                                                       const char *os, const char *arch)
{
    const berthi_bundle_artifact *best = NULL;
    int best_said = -1;

    for (uint32_t i = 0; i < manifest->artifacts_count; i++) {
        const berthi_bundle_artifact *a = &manifest->artifacts[i];
        int said = (a->os != NULL) + (a->arch != NULL);

        if ((a->os == NULL || strcmp(a->os, os) == 0) &&
            (a->arch == NULL || strcmp(a->arch, arch) == 0) && said > best_said) {
            best = a;
            best_said = said;
        }
    }
    return best;
}
