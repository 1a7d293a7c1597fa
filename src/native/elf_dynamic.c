/* elf_dynamic.c - what the dynamic section says: libraries, symbols, what runs when it is mapped.
 *
 * Layer: native.  gABI chapter 5; GNU_HASH is the table that linkers write today. */
#include "native/elf.h"

enum {
    ENTRY_SIZE = 16,
    SYMBOL_SIZE = 24,
    RELOCATION_SIZE = 24,
    BIND_GLOBAL = 1,
    BIND_WEAK = 2,
    BIND_UNIQUE = 10,
    TYPE_OBJECT = 1,
    TYPE_FUNCTION = 2,
    FLAG_TEXT_RELOCATIONS = 4,
    FLAG_1_NODELETE = 8,
    FLAG_1_PIE = 0x08000000,
    SECTION_SYMBOLS = 2
};

/* Of those that are known, where each stands in `values`. */
enum {
    NEEDED = 1,
    HASH = 4,
    STRINGS = 5,
    SYMBOLS = 6,
    RELOCATIONS = 7,
    RELOCATIONS_SIZE = 8,
    STRINGS_SIZE = 10,
    SYMBOL_ENTRY = 11,
    INIT = 12,
    FINI = 13,
    SONAME = 14,
    RPATH = 15,
    TEXT_RELOCATIONS = 22,
    INIT_ARRAY = 25,
    FINI_ARRAY = 26,
    INIT_ARRAY_SIZE = 27,
    FINI_ARRAY_SIZE = 28,
    RUNPATH = 29,
    FLAGS = 30,
    LOW_MAX = 32,
    GNU_HASH = LOW_MAX,
    FLAGS_1,
    VALUES
};

#define TAG_GNU_HASH 0x6ffffef5u
#define TAG_FLAGS_1  0x6ffffffbu

typedef struct dynamic {
    uint64_t values[VALUES];
    bool is_there[VALUES];
    uint64_t needed[BERTHI_ELF_NEEDED_MAX];
    uint64_t strings_at, strings_end; /* in the file */
} dynamic;

static bool put(berthi_elf *e, dynamic *d, uint64_t tag, uint64_t value, uint64_t at)
{
    uint32_t slot = tag == TAG_GNU_HASH  ? GNU_HASH
                    : tag == TAG_FLAGS_1 ? FLAGS_1
                                         : (uint32_t)tag;

    if (tag >= LOW_MAX && slot == (uint32_t)tag)
        return true; /* of no interest */
    if (slot == NEEDED) {
        if (e->info->needed_count == BERTHI_ELF_NEEDED_MAX)
            return berthi_elf_problem(e, "elf-limit", at, "it needs more than %d libraries",
                                      BERTHI_ELF_NEEDED_MAX);
        d->needed[e->info->needed_count++] = value;
        return true;
    }
    /* Which of two would count is the linker's secret. */
    if (d->is_there[slot])
        return berthi_elf_problem(e, "elf", at, "its dynamic section has entry %u twice", slot);
    d->is_there[slot] = true;
    d->values[slot] = value;
    return true;
}

static bool read_entries(berthi_elf *e, dynamic *d, uint64_t at, uint64_t size)
{
    uint64_t count = size / ENTRY_SIZE;

    if (count > BERTHI_ELF_DYNAMIC_MAX)
        return berthi_elf_problem(e, "elf-limit", at,
                                  "its dynamic section has more than %d entries",
                                  BERTHI_ELF_DYNAMIC_MAX);
    for (uint64_t i = 0; i < count; i++, at += ENTRY_SIZE) {
        uint64_t tag = berthi_elf_u64(e, at);

        if (tag == 0)
            return true;
        if (!put(e, d, tag, berthi_elf_u64(e, at + 8), at))
            return false;
    }
    return berthi_elf_problem(e, "elf", at, "its dynamic section has no end");
}

/* ---------------------------------------------------------------- libraries and names */

static const char *string(berthi_elf *e, const dynamic *d, uint64_t offset)
{
    return offset >= d->strings_end - d->strings_at
               ? NULL
               : berthi_elf_text(e, d->strings_at + offset, d->strings_end);
}

static bool read_names(berthi_elf *e, dynamic *d)
{
    berthi_native_info *info = e->info;
    uint64_t size = d->values[STRINGS_SIZE];
    const char **needed;

    if (!d->is_there[STRINGS] || size == 0 ||
        !berthi_elf_place(e, d->values[STRINGS], size, &d->strings_at))
        return berthi_elf_problem(e, "elf", UINT64_MAX, "its dynamic strings are nowhere");
    d->strings_end = d->strings_at + size;
    needed = berthi_arena_array(e->arena, info->needed_count, sizeof *needed);
    if (needed == NULL) {
        e->out_of_memory = true;
        return false;
    }
    info->needed = needed;
    for (uint32_t i = 0; i < info->needed_count; i++) {
        needed[i] = string(e, d, d->needed[i]);
        if (needed[i] == NULL) {
            info->needed_count = i; /* those that have names */
            return berthi_elf_problem(e, "elf", UINT64_MAX,
                                      "the name of a library that it needs is nowhere");
        }
    }
    if (d->is_there[SONAME])
        info->soname = string(e, d, d->values[SONAME]);
    if (d->is_there[RUNPATH] || d->is_there[RPATH])
        info->runpath = string(e, d, d->values[d->is_there[RUNPATH] ? RUNPATH : RPATH]);
    return !e->out_of_memory;
}

/* ---------------------------------------------------------------- how many symbols there are */

static bool count_by_hash(const berthi_elf *e, const dynamic *d, uint64_t *count_out)
{
    uint64_t at;

    if (!d->is_there[HASH] || !berthi_elf_place(e, d->values[HASH], 8, &at))
        return false;
    *count_out = berthi_elf_u32(e, at + 4);
    return true;
}

/* The last symbol is at the end of the chain of the highest bucket. */
static bool count_by_gnu_hash(const berthi_elf *e, const dynamic *d, uint64_t *count_out)
{
    uint64_t table = d->values[GNU_HASH], at, buckets, chains, highest = 0, first, bloom;

    if (!d->is_there[GNU_HASH] || !berthi_elf_place(e, table, 16, &at))
        return false;
    buckets = berthi_elf_u32(e, at);
    first = berthi_elf_u32(e, at + 4);
    bloom = berthi_elf_u32(e, at + 8);
    if (buckets > BERTHI_ELF_SYMBOLS_MAX || bloom > BERTHI_ELF_SYMBOLS_MAX)
        return false;
    chains = table + 16 + bloom * 8 + buckets * 4;
    if (!berthi_elf_place(e, table + 16 + bloom * 8, buckets * 4, &at))
        return false;
    for (uint64_t b = 0; b < buckets; b++) {
        uint64_t bucket = berthi_elf_u32(e, at + b * 4);

        highest = bucket > highest ? bucket : highest;
    }
    if (highest < first) { /* it defines nothing */
        *count_out = first;
        return true;
    }
    for (; highest < BERTHI_ELF_SYMBOLS_MAX; highest++) {
        if (!berthi_elf_place(e, chains + (highest - first) * 4, 4, &at))
            return false;
        if ((berthi_elf_u32(e, at) & 1) != 0) {
            *count_out = highest + 1;
            return true;
        }
    }
    return false;
}

/* ---------------------------------------------------------------- symbols */

typedef struct symbol {
    uint32_t name;
    uint8_t bind, type;
    uint16_t section; /* 0: defined elsewhere */
    uint64_t address, size;
} symbol;

static symbol symbol_at(const berthi_elf *e, uint64_t at)
{
    uint8_t both = e->bytes[at + 4];

    return (symbol){ .name = berthi_elf_u32(e, at),
                     .bind = both >> 4,
                     .type = both & 15,
                     .section = berthi_elf_u16(e, at + 6),
                     .address = berthi_elf_u64(e, at + 8),
                     .size = berthi_elf_u64(e, at + 16) };
}

static bool is_named(const berthi_elf *e, const dynamic *d, uint32_t offset, const char *name)
{
    size_t size = strlen(name) + 1;
    uint64_t room = d->strings_end - d->strings_at;

    return offset < room && size <= room - offset &&
           memcmp(e->bytes + d->strings_at + offset, name, size) == 0;
}

static void check_entry(berthi_elf *e, const symbol *s, bool is_found)
{
    uint64_t at;

    if (e->entry != NULL) {
        if (!is_found || s->type != TYPE_FUNCTION)
            berthi_elf_problem(e, "elf-symbol", UINT64_MAX,
                               "it exports no function '%s', which its manifest's system calls "
                               "first",
                               e->entry);
        return;
    }
    if (!is_found && e->info->foreign != NULL)
        berthi_elf_problem(e, "elf-symbol", UINT64_MAX,
                           "it exports no symbol 'berth_plugin'; its '%s' is that of a plugin "
                           "of polyplug, which "
                           "is loaded as a bundle, in a folder with its manifest.toml",
                           e->info->foreign);
    else if (!is_found)
        berthi_elf_problem(
            e, "elf-symbol", UINT64_MAX,
            "it exports no symbol 'berth_plugin'; define it as <berth/plugin.h> declares it, "
            "with `berth bindgen native`, and do not hide it");
    else if (s->type != TYPE_OBJECT)
        berthi_elf_problem(e, "elf-symbol", UINT64_MAX,
                           "its symbol 'berth_plugin' is no data; define the struct that "
                           "<berth/plugin.h> declares");
    else if (s->size < sizeof(berth_plugin_v1) ||
             !berthi_elf_place(e, s->address, s->size, &at))
        berthi_elf_problem(e, "elf-symbol", UINT64_MAX,
                           "its symbol 'berth_plugin' has %llu bytes of data, and "
                           "berth_plugin_v1 has %zu",
                           (unsigned long long)s->size, sizeof(berth_plugin_v1));
}

/* What can be asked for elsewhere is not known: that it is not asked for here is no promise. */
static void note_lingering(berthi_elf *e, const dynamic *d, const symbol *s)
{
    static const char *const known[] = {
        "pthread_create", "thrd_create", "clone",     "timer_create", "pthread_key_create",
        "tss_create",     "signal",      "sigaction", "dlopen",       "dlmopen",
    };

    for (size_t i = 0; e->info->lingers == NULL && i < sizeof known / sizeof *known; i++)
        if (is_named(e, d, s->name, known[i]))
            e->info->lingers = known[i];
}

static void note_symbol(berthi_elf *e, const dynamic *d, const symbol *s, const char **unique)
{
    berthi_native_info *info = e->info;

    if (s->section == 0) {
        note_lingering(e, d, s);
        info->has_tls_ends |= is_named(e, d, s->name, "__cxa_thread_atexit_impl") ||
                              is_named(e, d, s->name, "__cxa_thread_atexit");
        return;
    }
    if (s->bind != BIND_GLOBAL && s->bind != BIND_WEAK && s->bind != BIND_UNIQUE)
        return;
    info->exports_count++;
    if (s->bind == BIND_UNIQUE && info->unique_count++ < BERTHI_ELF_LISTED_MAX) {
        const char *name = string(e, d, s->name);

        unique[info->unique_count - 1] = name == NULL ? "?" : name;
    }
}

static void read_symbols(berthi_elf *e, const dynamic *d)
{
    const char **unique = berthi_arena_array(e->arena, BERTHI_ELF_LISTED_MAX, sizeof *unique);
    const char *wanted = e->entry == NULL ? "berth_plugin" : e->entry;
    symbol entry = { 0 };
    uint64_t count, at;
    bool is_found = false;

    if (unique == NULL) {
        e->out_of_memory = true;
        return;
    }
    e->info->unique = unique;
    if ((!count_by_gnu_hash(e, d, &count) && !count_by_hash(e, d, &count)) ||
        count > BERTHI_ELF_SYMBOLS_MAX || d->values[SYMBOL_ENTRY] != SYMBOL_SIZE ||
        !berthi_elf_place(e, d->values[SYMBOLS], count * SYMBOL_SIZE, &at)) {
        berthi_elf_problem(
            e, "elf", UINT64_MAX,
            "its symbols cannot be found; link it with --hash-style=gnu or both");
        return;
    }
    for (uint64_t i = 1; i < count; i++) {
        symbol s = symbol_at(e, at + i * SYMBOL_SIZE);

        note_symbol(e, d, &s, unique);
        if (s.section != 0 && (s.bind == BIND_GLOBAL || s.bind == BIND_WEAK) &&
            is_named(e, d, s.name, wanted)) {
            entry = s;
            is_found = true;
        }
        if (s.section != 0 && is_named(e, d, s.name, "polyplug_init"))
            e->info->foreign = "polyplug_init";
    }
    check_entry(e, &entry, is_found);
}

/* ---------------------------------------------------------------- constructors */

/* The first table of static symbols, which is the only one that linkers write. */
static bool find_static_symbols(const berthi_elf *e, berthi_elf_section *symbols,
                                berthi_elf_section *names)
{
    for (uint32_t i = 0; i < e->sections; i++)
        if (berthi_elf_section_at(e, i, symbols) && symbols->type == SECTION_SYMBOLS)
            return berthi_elf_section_at(e, symbols->link, names);
    return false;
}

/* What the static symbols call that address. */
static const char *name_of(berthi_elf *e, uint64_t address)
{
    berthi_elf_section symbols, names;

    if (!find_static_symbols(e, &symbols, &names))
        return NULL;
    for (uint64_t at = 0; symbols.size - at >= SYMBOL_SIZE; at += SYMBOL_SIZE) {
        symbol s = symbol_at(e, symbols.at + at);

        if (s.type == TYPE_FUNCTION && s.section != 0 && s.address == address &&
            s.name < names.size)
            return berthi_elf_text(e, names.at + s.name, names.at + names.size);
    }
    return NULL;
}

/* What a relocation will write at `place`; else what the file has there. */
static uint64_t value_at(const berthi_elf *e, const dynamic *d, uint64_t place)
{
    uint64_t size = d->values[RELOCATIONS_SIZE], at;

    if (d->is_there[RELOCATIONS] && berthi_elf_place(e, d->values[RELOCATIONS], size, &at))
        for (uint64_t i = 0; size - i >= RELOCATION_SIZE; i += RELOCATION_SIZE)
            if (berthi_elf_u64(e, at + i) == place && berthi_elf_u32(e, at + i + 12) == 0)
                return berthi_elf_u64(e, at + i + 16);
    return berthi_elf_place(e, place, 8, &at) ? berthi_elf_u64(e, at) : 0;
}

static void read_constructors(berthi_elf *e, const dynamic *d)
{
    berthi_native_info *info = e->info;
    uint64_t count = d->values[INIT_ARRAY_SIZE] / 8, listed = 0;
    berthi_native_constructor *list =
        berthi_arena_array(e->arena, BERTHI_ELF_LISTED_MAX, sizeof *list);

    if (list == NULL) {
        e->out_of_memory = true;
        return;
    }
    if (count > BERTHI_ELF_SYMBOLS_MAX) {
        berthi_elf_problem(e, "elf-limit", UINT64_MAX, "it has more than %d constructors",
                           BERTHI_ELF_SYMBOLS_MAX);
        return;
    }
    if (d->is_there[INIT] && d->values[INIT] != 0)
        list[listed++].address = d->values[INIT];
    info->constructors_count = (uint32_t)(listed + count);
    for (uint64_t i = 0; i < count && listed < BERTHI_ELF_LISTED_MAX; i++)
        list[listed++].address = value_at(e, d, d->values[INIT_ARRAY] + i * 8);
    for (uint64_t i = 0; i < listed; i++)
        list[i].name = list[i].address == 0 ? NULL : name_of(e, list[i].address);
    info->constructors = list;
    count = d->values[FINI_ARRAY_SIZE] / 8;
    info->destructors_count =
        (uint32_t)(count > UINT32_MAX / 2 ? UINT32_MAX / 2 : count) + d->is_there[FINI];
}

/* ---------------------------------------------------------------- all of it */

static void check_flags(berthi_elf *e, const dynamic *d)
{
    if (d->is_there[TEXT_RELOCATIONS] || (d->values[FLAGS] & FLAG_TEXT_RELOCATIONS) != 0)
        berthi_elf_problem(e, "elf-text-relocations", UINT64_MAX,
                           "its code has to be written to when it is mapped; compile all of it "
                           "with -fPIC and link with -z text");
    if ((d->values[FLAGS_1] & FLAG_1_PIE) != 0)
        berthi_elf_problem(e, "elf-type", UINT64_MAX,
                           "it is a program; link it with -shared and without -pie");
    e->info->is_nodelete = (d->values[FLAGS_1] & FLAG_1_NODELETE) != 0;
}

void berthi_elf_read_dynamic(berthi_elf *e, uint64_t address, uint64_t size)
{
    dynamic d = { .strings_at = 0 };
    uint64_t at;

    if (!berthi_elf_place(e, address, size, &at)) {
        berthi_elf_problem(e, "elf", UINT64_MAX, "its dynamic section is not in a segment");
        return;
    }
    if (!read_entries(e, &d, at, size) || !read_names(e, &d))
        return;
    check_flags(e, &d);
    read_symbols(e, &d);
    read_constructors(e, &d);
}
