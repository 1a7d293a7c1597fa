/* note.c - what a plugin says about itself in its file.  Layer: native.
 *
 * The note: u16 version (1), u16 ABI major, u16 ABI minor, u16 count, the id, and `count` times a
 * contract's digest and its name; texts end in a zero byte, numbers are little-endian. */
#include "native/elf.h"

#include "base/utf8.h"

enum {
    NOTE_SECTION = 7,
    NOTE_VERSION = 1,
    NOTE_HEAD = 12, /* sizes of owner and description, type */
    DESCRIPTION_HEAD = 8,
    WORLD_SECTION = 1
};

static const char owner[8] = "Berth\0\0"; /* six bytes with its end, padded to eight */

typedef struct range {
    uint64_t at, end;
} range;

/* The description of the only note that is ours. */
static bool find_description(berthi_elf *e, const berthi_elf_section *s, range *out)
{
    uint64_t at = s->at, end = s->at + s->size;
    bool is_found = false;

    while (end - at >= NOTE_HEAD) {
        uint64_t name_size = berthi_elf_u32(e, at), size = berthi_elf_u32(e, at + 4);
        uint32_t type = berthi_elf_u32(e, at + 8);
        uint64_t name = at + NOTE_HEAD, body = name + ((name_size + 3) & ~UINT64_C(3));

        if (body > end || size > end - body)
            return berthi_elf_problem(e, "elf-note", at, "its note ends inside its section");
        if (name_size == 6 && type == BERTH_PLUGIN_NOTE &&
            memcmp(e->bytes + name, owner, sizeof "Berth") == 0) {
            if (is_found)
                return berthi_elf_problem(e, "elf-note", at,
                                          "it has two notes; link one plugin into it");
            *out = (range){ body, body + size };
            is_found = true;
        }
        at = body + ((size + 3) & ~UINT64_C(3));
        if (at > end)
            break;
    }
    return is_found ? true
                    : berthi_elf_problem(e, "elf-note", s->at,
                                         "its section '.note.berth' has no note of type 1 by "
                                         "'Berth'; let `berth bindgen native` write it");
}

/* A printable text of 1 to `max` bytes, and where it ends. */
static const char *read_text(berthi_elf *e, range *r, size_t max)
{
    const uint8_t *start = e->bytes + r->at;
    const uint8_t *stop = memchr(start, 0, (size_t)(r->end - r->at));
    const char *copy;
    size_t size;

    if (stop == NULL)
        return NULL;
    size = (size_t)(stop - start);
    if (size == 0 || size > max || !berthi_utf8_is_plain_text((const char *)start, size))
        return NULL;
    copy = berthi_arena_strndup(e->arena, (const char *)start, size);
    if (copy == NULL)
        e->out_of_memory = true;
    r->at += size + 1;
    return copy;
}

static bool read_contracts(berthi_elf *e, range *r, uint32_t count)
{
    berthi_native_contract *list = berthi_arena_array(e->arena, count, sizeof *list);

    if (list == NULL) {
        e->out_of_memory = true;
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (r->end - r->at < sizeof list[i].digest)
            return berthi_elf_problem(e, "elf-note", r->at,
                                      "its note ends before its %u contracts", count);
        memcpy(list[i].digest, e->bytes + r->at, sizeof list[i].digest);
        r->at += sizeof list[i].digest;
        list[i].name = read_text(e, r, BERTHI_ELF_NAME_MAX);
        if (list[i].name == NULL)
            return berthi_elf_problem(e, "elf-note", r->at,
                                      "the name of a contract in its note cannot be read");
    }
    e->info->contracts = list;
    e->info->contracts_count = count;
    return true;
}

static bool read_description(berthi_elf *e, range r)
{
    berthi_native_info *info = e->info;
    uint32_t version, count;

    if (r.end - r.at > BERTHI_NATIVE_NOTE_MAX)
        return berthi_elf_problem(e, "elf-limit", r.at, "its note has more than %d bytes",
                                  BERTHI_NATIVE_NOTE_MAX);
    if (r.end - r.at < DESCRIPTION_HEAD)
        return berthi_elf_problem(e, "elf-note", r.at, "its note is too short");
    version = berthi_elf_u16(e, r.at);
    info->abi_major = berthi_elf_u16(e, r.at + 2);
    info->abi_minor = berthi_elf_u16(e, r.at + 4);
    count = berthi_elf_u16(e, r.at + 6);
    if (version != NOTE_VERSION)
        return berthi_elf_problem(e, "elf-note", r.at,
                                  "its note has version %u, and 1 is known; build it with the "
                                  "headers of this berth",
                                  version);
    if (info->abi_major != BERTH_ABI_MAJOR)
        return berthi_elf_problem(
            e, "elf-abi", r.at + 2,
            "it speaks ABI %u.%u, and this is ABI %d.%d; build it with %s headers",
            info->abi_major, info->abi_minor, BERTH_ABI_MAJOR, BERTH_ABI_MINOR,
            info->abi_major < BERTH_ABI_MAJOR ? "newer" : "older");
    if (count > BERTHI_NATIVE_CONTRACTS_MAX)
        return berthi_elf_problem(e, "elf-limit", r.at + 6,
                                  "it keeps %u contracts; %d are allowed", count,
                                  BERTHI_NATIVE_CONTRACTS_MAX);
    r.at += DESCRIPTION_HEAD;
    info->id = read_text(e, &r, BERTHI_NATIVE_ID_MAX);
    if (info->id == NULL)
        return berthi_elf_problem(e, "elf-note", r.at,
                                  "its id has to be 1 to %d printable bytes",
                                  BERTHI_NATIVE_ID_MAX);
    return read_contracts(e, &r, count);
}

static void read_world(berthi_elf *e)
{
    berthi_elf_section s;

    if (!berthi_elf_section_find(e, ".berth.wit", &s)) {
        if (e->info->problems_count == 0)
            berthi_elf_problem(e, "elf-wit", UINT64_MAX,
                               "it carries no world in a section '.berth.wit'; let `berth "
                               "bindgen native` write it, and do not strip it");
        return;
    }
    if (s.type != WORLD_SECTION)
        berthi_elf_problem(e, "elf-wit", s.at, "its section '.berth.wit' holds no data");
    else if (s.size > BERTHI_NATIVE_WIT_MAX)
        berthi_elf_problem(e, "elf-limit", s.at, "its world has %llu bytes; %d are allowed",
                           (unsigned long long)s.size, BERTHI_NATIVE_WIT_MAX);
    else {
        e->info->wit = e->bytes + s.at;
        e->info->wit_size = (size_t)s.size;
    }
}

void berthi_elf_read_note(berthi_elf *e)
{
    uint32_t before = e->info->problems_count;
    berthi_elf_section s;
    range r;

    if (!berthi_elf_section_find(e, ".note.berth", &s)) {
        if (e->info->problems_count == before)
            berthi_elf_problem(
                e, "elf-note", UINT64_MAX,
                "it has no section '.note.berth', so it is no plugin of this "
                "system, or was stripped of it; let `berth bindgen native` write "
                "it");
        return;
    }
    if (s.type != NOTE_SECTION) {
        berthi_elf_problem(e, "elf-note", s.at, "its section '.note.berth' is no note");
        return;
    }
    if (find_description(e, &s, &r) && read_description(e, r))
        read_world(e);
}
