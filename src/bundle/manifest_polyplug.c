/* manifest_polyplug.c - polyplug's manifest.toml, field by field, as one of our manifests.
 * Layer: bundle.
 *
 * Its generator writes these files and newer ones may say more, so unknown keys are left alone; what is
 * read is held to the rules of its own loader, and to ours (names, paths, bounds). */
#include "bundle/polyplug.h"

#include <stdio.h>

#include "base/utf8.h"
#include "bundle/manifest_schema.h"

/* ---------------------------------------------------------------- ids */

#define FNV_START UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

static uint64_t go_on(uint64_t hash, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (uint8_t)text[i]) * FNV_PRIME;
    return hash;
}

uint64_t berthi_polyplug_id(const char *text, size_t size)
{
    return go_on(FNV_START, text, size);
}

uint64_t berthi_polyplug_contract_id(const char *sort, const char *name, size_t size,
                                     uint32_t major)
{
    char text[16];
    int digits = snprintf(text, sizeof text, "@%u", (unsigned)major);

    return go_on(go_on(go_on(FNV_START, sort, strlen(sort)), name, size), text, (size_t)digits);
}

/* ---------------------------------------------------------------- versions and names */

/* "1", "1.2", "1.2.3"; what follows a third dot counts for nothing.  How many numbers there are; 0: it
 * is none. */
static unsigned read_version(const char *text, size_t size, uint32_t version_out[3])
{
    unsigned count = 0;
    size_t at = 0;

    memset(version_out, 0, 3 * sizeof *version_out);
    for (;;) {
        uint64_t number = 0;
        size_t first = at;

        for (; at < size && text[at] >= '0' && text[at] <= '9'; at++) {
            number = number * 10 + (uint64_t)(text[at] - '0');
            if (number > UINT32_MAX)
                return 0;
        }
        if (at == first)
            return 0;
        version_out[count++] = (uint32_t)number;
        if (at == size)
            return count;
        if (text[at++] != '.')
            return 0;
        if (count == 3)
            return count;
    }
}

static const char *version_text(berthi_arena *arena, const uint32_t version[3])
{
    char text[40];
    int size = snprintf(text, sizeof text, "%u.%u.%u", (unsigned)version[0],
                        (unsigned)version[1], (unsigned)version[2]);

    return berthi_arena_strndup(arena, text, (size_t)size);
}

/* No name of it is one of WIT, which have a colon. */
static bool is_name(const char *text, size_t size, size_t size_max)
{
    for (size_t i = 0; i < size; i++) {
        char c = text[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) &&
            (i == 0 || (c != '.' && c != '_' && c != '-')))
            return false;
    }
    return size > 0 && size <= size_max;
}

static bool make_contract(const char *text, size_t size, size_t name, berthi_arena *arena,
                          const uint32_t version[3], berthi_bundle_contract *out)
{
    *out = (berthi_bundle_contract){ .text = berthi_arena_strndup(arena, text, size),
                                     .name = berthi_arena_strndup(arena, text, name),
                                     .version = version_text(arena, version),
                                     .is_polyplug = true };
    return out->text != NULL && out->name != NULL && out->version != NULL;
}

bool berthi_polyplug_contract_parse(const char *text, size_t size, berthi_arena *arena,
                                    berthi_bundle_contract *contract_out,
                                    uint32_t version_out[3], bool *no_memory_out)
{
    const char *mark = memchr(text, '@', size);
    size_t name = mark == NULL ? 0 : (size_t)(mark - text);

    *no_memory_out = false;
    if (!is_name(text, name, BERTHI_POLYPLUG_NAME_MAX) || size > BERTHI_CONTRACT_NAME_MAX ||
        read_version(mark + 1, size - name - 1, version_out) == 0)
        return false;
    *no_memory_out = !make_contract(text, size, name, arena, version_out, contract_out);
    return !*no_memory_out;
}

/* ---------------------------------------------------------------- the bundle itself */

typedef struct reader {
    berthi_schema s;
    const berthi_toml *root;
    berthi_manifest *m;
    struct berthi_polyplug_manifest *own;
    berthi_polyplug_contract *provides; /* own->provides */
} reader;

/* Takes a table whatever else it holds. */
static void enter(berthi_schema *s, const berthi_toml *table, const char *where)
{
    s->where = where;
    s->table = table;
}

static bool read_id(reader *r)
{
    berthi_schema *s = &r->s;
    const berthi_toml *value = berthi_schema_field(s, "id", BERTHI_TOML_INTEGER, true);
    uint64_t id, expected = berthi_polyplug_id(r->m->name, strlen(r->m->name));

    if (value == NULL)
        return false;
    if (!berthi_toml_unsigned(value, &id) || id != expected)
        return berthi_schema_wrong(s, value, "is not that of `%s`; expected %llu", r->m->name,
                                   (unsigned long long)expected);
    r->own->id = id;
    return true;
}

static bool read_loader(berthi_schema *s)
{
    static const char *const names[] = { "loader", "runtime" }; /* the older word */
    const char *loader = NULL;

    for (unsigned i = 0; loader == NULL && i < 2; i++)
        if (!berthi_schema_text(s, names[i], false, BERTHI_BUNDLE_NAME_MAX, &loader))
            return false;
    if (loader == NULL)
        return berthi_schema_field(s, "loader", BERTHI_TOML_STRING, true) != NULL;
    if (strcmp(loader, "native") == 0)
        return true;
    return berthi_schema_wrong(
        s,
        berthi_toml_member(s->table,
                           berthi_toml_member(s->table, "loader") ? "loader" : "runtime"),
        "`%s` is no loader here; expected native", loader);
}

static bool read_head(reader *r)
{
    berthi_schema *s = &r->s;
    const char *version = NULL;
    uint32_t numbers[3] = { 0, 0, 0 };

    enter(s, r->root, BERTHI_POLYPLUG_MANIFEST_NAME);
    if (!berthi_schema_text(s, "name", true, BERTHI_BUNDLE_NAME_MAX, &r->m->name))
        return false;
    if (!is_name(r->m->name, strlen(r->m->name), BERTHI_BUNDLE_NAME_MAX))
        return berthi_schema_wrong(s, berthi_toml_member(r->root, "name"),
                                   "`%s` is no name; expected letters, digits, and - _ . "
                                   "between them",
                                   r->m->name);
    if (!read_id(r) || !read_loader(s) ||
        !berthi_schema_text(s, "version", false, 64, &version) ||
        !berthi_schema_bool(s, "needs_reinit_on_dep_reload", &r->m->follows))
        return false;
    if (version != NULL && read_version(version, strlen(version), numbers) < 2)
        return berthi_schema_wrong(s, berthi_toml_member(r->root, "version"),
                                   "`%s` is no version; expected such as \"1.2\" or \"1.2.0\"",
                                   version);
    r->m->version = version_text(s->arena, numbers);
    r->m->slot = r->m->name; /* one version of a name, as that system has it */
    return r->m->version != NULL || berthi_schema_no_memory(s);
}

/* ---------------------------------------------------------------- file */

static const char *const systems[] = { "linux", "macos", "windows" };
static const char *const processors[] = { "x86_64", "aarch64" };

enum { SYSTEMS = 3, PROCESSORS = 2 };

static bool add_file(reader *r, const berthi_toml *value, const char *os, const char *arch,
                     berthi_bundle_artifact *all)
{
    berthi_schema *s = &r->s;
    const berthi_toml *file = value;
    const char *path;

    if (file->kind != BERTHI_TOML_STRING || file->as.string.length == 0 ||
        file->as.string.length > BERTHI_BUNDLE_PATH_MAX ||
        !berthi_utf8_is_plain_text(file->as.string.text, file->as.string.length))
        return berthi_schema_wrong(s, value, "is no path; expected a string");
    path = berthi_arena_strndup(s->arena, file->as.string.text, file->as.string.length);
    if (path == NULL)
        return berthi_schema_no_memory(s);
    if (!berthi_schema_file(s, value, path))
        return false;
    all[r->m->artifacts_count++] = (berthi_bundle_artifact){
        .kind = BERTHI_BUNDLE_NATIVE, .file = path, .os = os, .arch = arch
    };
    return true;
}

/* Its loader leaves alone what is no system: keys that were written behind `[file]` by mistake. */
static bool read_files(reader *r)
{
    const berthi_toml *file = berthi_toml_member(r->root, "file");
    berthi_bundle_artifact *all =
        berthi_arena_array(r->s.arena, SYSTEMS * PROCESSORS, sizeof *all);

    if (all == NULL)
        return berthi_schema_no_memory(&r->s);
    r->m->artifacts = all;
    if (file != NULL && file->kind != BERTHI_TOML_TABLE)
        return add_file(r, file, NULL, NULL, all);
    for (unsigned o = 0; file != NULL && o < SYSTEMS; o++) {
        const berthi_toml *system = berthi_toml_member(file, systems[o]);

        for (unsigned p = 0; system != NULL && p < PROCESSORS; p++) {
            const berthi_toml *value = berthi_toml_member(system, processors[p]);

            if (value != NULL && !add_file(r, value, systems[o], processors[p], all))
                return false;
        }
    }
    if (r->m->artifacts_count != 0)
        return true;
    r->s.status = berthi_toml_fail(r->s.diag, r->s.source, r->root,
                                   "the bundle names no `file` for any system; expected "
                                   "`file.linux.x86_64 = ...`");
    return false;
}

/* ---------------------------------------------------------------- provides */

static const berthi_toml *list(reader *r, const char *name, uint32_t *count_out)
{
    const berthi_toml *value;

    enter(&r->s, r->root, BERTHI_POLYPLUG_MANIFEST_NAME);
    *count_out = 0;
    value = berthi_schema_field(&r->s, name, BERTHI_TOML_ARRAY, false);
    if (value == NULL)
        return NULL;
    if (value->count > BERTHI_BUNDLE_ENTRIES_MAX) {
        r->s.status = berthi_fail_at(r->s.diag, BERTH_E_LIMIT, r->s.source, value->key_at,
                                     value->key_size, "more than 64 entries; expected fewer");
        return NULL;
    }
    *count_out = value->count;
    return value->as.in.first;
}

static bool read_provided(reader *r, const berthi_toml *value, berthi_bundle_contract *c,
                          berthi_polyplug_contract *own)
{
    char shown[100];
    bool no_memory = false;

    if (value->kind != BERTHI_TOML_STRING ||
        !berthi_polyplug_contract_parse(value->as.string.text, value->as.string.length,
                                        r->s.arena, c, own->version, &no_memory)) {
        if (no_memory)
            return berthi_schema_no_memory(&r->s);
        return berthi_schema_wrong(
            &r->s, value, "`%s` is no contract; expected such as \"a.B@1\"",
            value->kind != BERTHI_TOML_STRING
                ? berthi_toml_kind_name(value->kind)
                : berthi_utf8_show(shown, sizeof shown, value->as.string.text,
                                   value->as.string.length));
    }
    own->functions = BERTHI_POLYPLUG_NOT_SAID;
    own->id = berthi_polyplug_contract_id("guest_contract:", c->name, strlen(c->name),
                                          own->version[0]);
    return true;
}

static bool read_provides(reader *r)
{
    uint32_t count;
    const berthi_toml *value = list(r, "provides", &count);
    berthi_bundle_contract *all = berthi_arena_array(r->s.arena, count, sizeof *all);
    berthi_polyplug_contract *own = berthi_arena_array(r->s.arena, count, sizeof *own);

    if (r->s.status != BERTH_OK)
        return false;
    if (all == NULL || own == NULL)
        return berthi_schema_no_memory(&r->s);
    for (uint32_t i = 0; i < count; i++, value = value->next) {
        if (!read_provided(r, value, &all[i], &own[i]))
            return false;
        for (uint32_t j = 0; j < i; j++)
            if (own[i].id == own[j].id)
                return berthi_schema_wrong(
                    &r->s, value, "is there already as %.80s; expected it once", all[j].text);
    }
    r->m->provides = all;
    r->m->provides_count = count;
    r->own->provides = r->provides = own;
    return true;
}

/* Each is of a contract that the bundle provides, whatever way its version is written. */
static bool read_function_count(reader *r)
{
    berthi_polyplug_contract *own = r->provides;
    const berthi_toml *table;

    enter(&r->s, r->root, BERTHI_POLYPLUG_MANIFEST_NAME);
    table = berthi_schema_field(&r->s, "function_count", BERTHI_TOML_TABLE, false);
    if (table == NULL)
        return r->s.status == BERTH_OK;
    enter(&r->s, table, "function_count");
    for (const berthi_toml *v = table->as.in.first; v != NULL; v = v->next) {
        const char *mark = memchr(v->name, '@', v->name_length);
        size_t name = mark == NULL ? 0 : (size_t)(mark - v->name);
        uint32_t version[3], at = 0;
        uint64_t count = 0;

        if (mark == NULL || read_version(mark + 1, v->name_length - name - 1, version) == 0)
            return berthi_schema_wrong(&r->s, v,
                                       "is of no contract; expected such as \"a.B@1\"");
        while (at < r->m->provides_count &&
               own[at].id !=
                   berthi_polyplug_contract_id("guest_contract:", v->name, name, version[0]))
            at++;
        if (at == r->m->provides_count)
            return berthi_schema_wrong(&r->s, v, "is of a contract that it does not provide");
        if (!berthi_toml_unsigned(v, &count) || count > BERTHI_POLYPLUG_FUNCTIONS_MAX)
            return berthi_schema_wrong(&r->s, v, "is no number of functions; expected 0 to %d",
                                       BERTHI_POLYPLUG_FUNCTIONS_MAX);
        own[at].functions = (uint32_t)count;
    }
    return true;
}

/* ---------------------------------------------------------------- dependency */

/* 0 and no id at all are the same. */
static bool check_id(berthi_schema *s, const char *name, uint64_t expected)
{
    const berthi_toml *value = berthi_schema_field(s, name, BERTHI_TOML_INTEGER, false);
    uint64_t id = 0;

    if (value == NULL)
        return s->status == BERTH_OK;
    if (!berthi_toml_unsigned(value, &id) || (id != 0 && id != expected))
        return berthi_schema_wrong(s, value, "is another one's; expected %llu, or none",
                                   (unsigned long long)expected);
    return true;
}

static bool read_needed(reader *r, const berthi_toml *table, berthi_bundle_contract *c,
                        berthi_polyplug_contract *own)
{
    static const char *const kinds[] = { "contract", "bundle", NULL };
    const char *contract = NULL, *version = NULL;
    berthi_schema *s = &r->s;
    uint32_t kind = 0;
    size_t name;

    enter(s, table, "dependency");
    if (table->kind != BERTHI_TOML_TABLE)
        return berthi_schema_wrong(s, table, "is %s; expected a table",
                                   berthi_toml_kind_name(table->kind));
    if (!berthi_schema_choice(s, "kind", true, kinds, &kind) ||
        !berthi_schema_text(s, "contract", true, BERTHI_CONTRACT_NAME_MAX, &contract) ||
        !berthi_schema_text(s, "min_version", true, 64, &version) ||
        !berthi_schema_text(s, "bundle", kind == 1, BERTHI_BUNDLE_NAME_MAX, &c->bundle))
        return false;
    name = strcspn(contract, "@"); /* the number that counts is the other one */
    if (!is_name(contract, name, BERTHI_POLYPLUG_NAME_MAX))
        return berthi_schema_wrong(s, berthi_toml_member(table, "contract"),
                                   "`%.80s` is no contract; expected such as \"a.B\"",
                                   contract);
    if (read_version(version, strlen(version), own->version) == 0)
        return berthi_schema_wrong(s, berthi_toml_member(table, "min_version"),
                                   "`%s` is no version; expected such as \"1.2\"", version);
    own->functions = BERTHI_POLYPLUG_NOT_SAID;
    own->id = berthi_polyplug_contract_id("guest_contract:", contract, name, own->version[0]);
    own->bundle = c->bundle == NULL ? 0 : berthi_polyplug_id(c->bundle, strlen(c->bundle));
    if (!check_id(s, "contract_id", own->id) || !check_id(s, "bundle_id", own->bundle))
        return false;
    c->is_polyplug = true;
    c->name = berthi_arena_strndup(s->arena, contract, name);
    c->version = version_text(s->arena, own->version);
    return (c->name != NULL && c->version != NULL) || berthi_schema_no_memory(s);
}

static bool name_needed(reader *r, berthi_bundle_contract *c)
{
    size_t room = strlen(c->name) + strlen(c->version) + 2;
    char *text = berthi_arena_alloc(r->s.arena, room);

    if (text == NULL)
        return berthi_schema_no_memory(&r->s);
    snprintf(text, room, "%s@%s", c->name, c->version);
    c->text = text;
    return true;
}

static bool read_needs(reader *r)
{
    uint32_t count;
    const berthi_toml *table = list(r, "dependency", &count);
    berthi_bundle_contract *all = berthi_arena_array(r->s.arena, count, sizeof *all);
    berthi_polyplug_contract *own = berthi_arena_array(r->s.arena, count, sizeof *own);

    if (r->s.status != BERTH_OK)
        return false;
    if (all == NULL || own == NULL)
        return berthi_schema_no_memory(&r->s);
    for (uint32_t i = 0; i < count; i++, table = table->next)
        if (!read_needed(r, table, &all[i], &own[i]) || !name_needed(r, &all[i]))
            return false;
    r->m->needs = all;
    r->m->requires_count = count;
    r->own->needs = own;
    return true;
}

/* What it names there is for people alone. */
static bool read_bundle_dependencies(reader *r)
{
    uint32_t count;
    const berthi_toml *value = list(r, "bundle_dependencies", &count);

    for (uint32_t i = 0; i < count; i++, value = value->next)
        if (value->kind != BERTHI_TOML_STRING || value->as.string.length == 0)
            return berthi_schema_wrong(&r->s, value,
                                       "is no name of a bundle; expected a string");
    return r->s.status == BERTH_OK;
}

/* ---------------------------------------------------------------- all of it */

berth_status berthi_polyplug_manifest_read(const berthi_text *source, berthi_arena *arena,
                                           berthi_manifest *manifest_out, berth_diag *diag)
{
    static const berthi_toml_limits limits = { .bytes = BERTHI_MANIFEST_BYTES_MAX,
                                               .nesting = 8,
                                               .members = 256,
                                               .values = 4096,
                                               .allows_unsigned = true };
    berthi_manifest manifest = { 0 };
    reader r = { .s = { .source = source, .arena = arena, .diag = diag }, .m = &manifest };
    berthi_arena scratch;

    r.own = berthi_arena_alloc(arena, sizeof *r.own);
    if (r.own == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "no memory to read a manifest");
    berthi_arena_init(&scratch, arena->allocator, SIZE_MAX);
    r.s.status = berthi_toml_read(source, &limits, &scratch, &r.root, diag);
    if (r.s.status == BERTH_OK && read_head(&r) && read_files(&r) && read_provides(&r) &&
        read_function_count(&r) && read_needs(&r) && read_bundle_dependencies(&r)) {
        manifest.polyplug = r.own;
        *manifest_out = manifest;
    }
    berthi_arena_fini(&scratch);
    return r.s.status;
}
