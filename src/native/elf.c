/* elf.c - the head, the segments and the sections of a file that may be anything.  Layer: native.
 *
 * What the dynamic linker goes by are the segments and the dynamic section, so all that matters is
 * read from there; sections are looked at for the note and the world only, which the linker does not
 * know.  gABI chapters 4 and 5; offsets are those of 64-bit files. */
#include "native/elf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/diag.h"
#include "base/utf8.h"

enum {
    HEAD_SIZE = 64,
    SEGMENT_SIZE = 56,
    SECTION_SIZE = 64,
    CLASS_64 = 2,
    LITTLE_ENDIAN_DATA = 1,
    TYPE_SHARED = 3,
    SEGMENT_LOAD = 1,
    SEGMENT_DYNAMIC = 2,
    SEGMENT_INTERPRETER = 3,
    SEGMENT_STACK = 0x6474e551,
    MAY_EXECUTE = 1,
    MAY_WRITE = 2,
    SECTION_WITHOUT_BYTES = 8,
    PAGE = 4096,
    TEXT_MAX = 512
};

#if defined(__x86_64__)
enum { OWN_MACHINE = 62 };
#elif defined(__aarch64__)
enum { OWN_MACHINE = 183 };
#else
enum { OWN_MACHINE = -1 };
#endif

/* ---------------------------------------------------------------- for all of src/native */

bool berthi_elf_problem(berthi_elf *e, const char *rule, uint64_t at, const char *format, ...)
{
    berthi_native_info *info = e->info;
    char text[TEXT_MAX];
    va_list args;
    char *copy;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (info->problems_count == BERTHI_ELF_PROBLEMS_MAX)
        return false;
    copy = berthi_arena_strndup(e->arena, text, strlen(text));
    if (copy == NULL) {
        e->out_of_memory = true;
        return false;
    }
    info->problems[info->problems_count++] =
        (berthi_native_problem){ .rule = rule, .text = copy, .offset = at };
    return false;
}

const char *berthi_elf_text(berthi_elf *e, uint64_t at, uint64_t end)
{
    char shown[BERTHI_ELF_NAME_MAX];
    const char *copy;
    const uint8_t *stop;

    if (at >= end || !berthi_elf_has(e, at, end - at))
        return NULL;
    stop = memchr(e->bytes + at, 0, end - at);
    if (stop == NULL)
        return NULL;
    berthi_utf8_show(shown, sizeof shown, (const char *)e->bytes + at,
                     (size_t)(stop - (e->bytes + at)));
    copy = berthi_arena_strndup(e->arena, shown, strlen(shown));
    if (copy == NULL)
        e->out_of_memory = true;
    return copy;
}

/* ---------------------------------------------------------------- the head */

static const char *machine_name(uint32_t machine)
{
    static const struct {
        uint32_t machine;
        const char *name;
    } known[] = { { 3, "i386" },       { 8, "MIPS" },    { 20, "PowerPC" },
                  { 21, "PowerPC64" }, { 22, "S/390" },  { 40, "ARM" },
                  { 43, "SPARC V9" },  { 62, "x86-64" }, { 183, "aarch64" },
                  { 243, "RISC-V" },   { 247, "BPF" },   { 258, "LoongArch" } };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].machine == machine)
            return known[i].name;
    return NULL;
}

/* Of whom files are taken here. */
static const char *own_machine(void)
{
    return OWN_MACHINE < 0 ? "no machine" : machine_name((uint32_t)OWN_MACHINE);
}

static bool read_class(berthi_elf *e)
{
    if (e->size < 16 || memcmp(e->bytes, "\177ELF", 4) != 0)
        return berthi_elf_problem(e, "elf", 0, "it does not begin with an ELF header");
    if (e->bytes[4] != CLASS_64)
        return berthi_elf_problem(
            e, "elf-class", 4, "it is not a 64-bit ELF file; compile it for %s", own_machine());
    if (e->bytes[5] != LITTLE_ENDIAN_DATA)
        return berthi_elf_problem(e, "elf-class", 5,
                                  "it is not a little-endian ELF file; compile it for %s",
                                  own_machine());
    if (e->bytes[6] != 1)
        return berthi_elf_problem(e, "elf", 6, "its ELF version is %u, and 1 is known",
                                  e->bytes[6]);
    if (e->size < HEAD_SIZE)
        return berthi_elf_problem(e, "elf", e->size,
                                  "it ends inside the ELF header; copy the whole file");
    return true;
}

static bool read_kind(berthi_elf *e)
{
    uint32_t type = berthi_elf_u16(e, 16), machine = berthi_elf_u16(e, 18);

    e->info->machine = machine_name(machine);
    if (type != TYPE_SHARED)
        return berthi_elf_problem(e, "elf-type", 16,
                                  "it is %s and no shared object; link it with -shared",
                                  type == 1   ? "an object file"
                                  : type == 2 ? "a program"
                                  : type == 4 ? "a core dump"
                                              : "an ELF file of another type");
    if ((int64_t)machine != OWN_MACHINE) {
        if (e->info->machine == NULL)
            return berthi_elf_problem(
                e, "elf-machine", 18,
                "it is for machine %u, and this is %s; compile it for that", machine,
                own_machine());
        return berthi_elf_problem(e, "elf-machine", 18,
                                  "it is for %s, and this is %s; compile it for that",
                                  e->info->machine, own_machine());
    }
    return true;
}

static bool read_tables(berthi_elf *e)
{
    e->segments_at = berthi_elf_u64(e, 32);
    e->sections_at = berthi_elf_u64(e, 40);
    e->segments = berthi_elf_u16(e, 56);
    e->sections = berthi_elf_u16(e, 60);
    e->section_names = berthi_elf_u16(e, 62);
    if (berthi_elf_u16(e, 54) != SEGMENT_SIZE || e->segments == 0)
        return berthi_elf_problem(e, "elf", 54, "it has no program headers of the known form");
    if (e->segments > BERTHI_ELF_SEGMENTS_MAX)
        return berthi_elf_problem(e, "elf-limit", 56,
                                  "it has %u program headers; %d are allowed", e->segments,
                                  BERTHI_ELF_SEGMENTS_MAX);
    if (!berthi_elf_has(e, e->segments_at, (uint64_t)e->segments * SEGMENT_SIZE))
        return berthi_elf_problem(e, "elf", 32,
                                  "its program headers lie past its end; copy the whole file");
    if (e->sections == 0)
        return true;
    if (berthi_elf_u16(e, 58) != SECTION_SIZE)
        return berthi_elf_problem(e, "elf", 58, "it has no section headers of the known form");
    if (e->sections > BERTHI_ELF_SECTIONS_MAX)
        return berthi_elf_problem(e, "elf-limit", 60, "it has %u sections; %d are allowed",
                                  e->sections, BERTHI_ELF_SECTIONS_MAX);
    if (!berthi_elf_has(e, e->sections_at, (uint64_t)e->sections * SECTION_SIZE))
        return berthi_elf_problem(e, "elf", 40,
                                  "its section headers lie past its end; copy the whole file");
    return true;
}

/* ---------------------------------------------------------------- segments */

typedef struct segment {
    uint32_t type, flags;
    uint64_t header_at, at, address, file_size, memory_size, align;
} segment;

static segment segment_at(const berthi_elf *e, uint32_t i)
{
    uint64_t h = e->segments_at + (uint64_t)i * SEGMENT_SIZE;

    return (segment){ .type = berthi_elf_u32(e, h),
                      .flags = berthi_elf_u32(e, h + 4),
                      .header_at = h,
                      .at = berthi_elf_u64(e, h + 8),
                      .address = berthi_elf_u64(e, h + 16),
                      .file_size = berthi_elf_u64(e, h + 32),
                      .memory_size = berthi_elf_u64(e, h + 40),
                      .align = berthi_elf_u64(e, h + 48) };
}

bool berthi_elf_place(const berthi_elf *e, uint64_t address, uint64_t size, uint64_t *at_out)
{
    for (uint32_t i = 0; i < e->segments; i++) {
        segment s = segment_at(e, i);

        if (s.type != SEGMENT_LOAD || address < s.address ||
            address - s.address > s.file_size || size > s.file_size - (address - s.address))
            continue;
        *at_out = s.at + (address - s.address);
        return true;
    }
    return false;
}

static bool check_load(berthi_elf *e, const segment *s, uint64_t *end)
{
    if (!berthi_elf_has(e, s->at, s->file_size))
        return berthi_elf_problem(e, "elf", s->header_at,
                                  "a segment lies past its end; copy the whole file");
    if (s->file_size > s->memory_size)
        return berthi_elf_problem(e, "elf", s->header_at,
                                  "a segment has more bytes in the file than in memory");
    if (s->memory_size > BERTHI_ELF_MEMORY_MAX || s->address > BERTHI_ELF_MEMORY_MAX)
        return berthi_elf_problem(e, "elf-limit", s->header_at,
                                  "it takes more than %d bytes of memory",
                                  BERTHI_ELF_MEMORY_MAX);
    if (s->address < *end)
        return berthi_elf_problem(e, "elf", s->header_at,
                                  "its segments overlap, or are out of order");
    if (s->align > 1 &&
        ((s->align & (s->align - 1)) != 0 || s->address % s->align != s->at % s->align))
        return berthi_elf_problem(e, "elf", s->header_at,
                                  "a segment is not where its alignment wants it");
    if (s->align < PAGE || s->align > (UINT64_C(1) << 30))
        return berthi_elf_problem(
            e, "elf", s->header_at,
            "a segment is not aligned to pages; use the linker's default");
    if ((s->flags & (MAY_EXECUTE | MAY_WRITE)) == (MAY_EXECUTE | MAY_WRITE))
        return berthi_elf_problem(
            e, "elf-writable-code", s->header_at,
            "it has memory that may be written and executed; link without -N and -z rwx");
    *end = s->address + s->memory_size;
    return true;
}

/* Without the header the C library takes the stack to be executable, and makes that of every thread so. */
static void check_stack(berthi_elf *e, const segment *stack)
{
    if (stack->type == 0)
        berthi_elf_problem(e, "elf-stack", UINT64_MAX,
                           "it does not say that its stack is not executable; assembly needs a "
                           ".note.GNU-stack section, or link with -z noexecstack");
    else if ((stack->flags & MAY_EXECUTE) != 0)
        berthi_elf_problem(e, "elf-stack", stack->header_at,
                           "it asks for an executable stack; link with -z noexecstack, and do "
                           "not take the address of nested functions");
}

static bool read_segments(berthi_elf *e, segment *dynamic)
{
    segment stack = { 0 };
    uint64_t end = 0;
    bool any = false;

    for (uint32_t i = 0; i < e->segments; i++) {
        segment s = segment_at(e, i);

        if (s.type == SEGMENT_LOAD) {
            if (!check_load(e, &s, &end))
                return false;
            any = true;
        } else if (s.type == SEGMENT_DYNAMIC && dynamic->type != 0) {
            return berthi_elf_problem(e, "elf", s.header_at, "it has two dynamic sections");
        } else if (s.type == SEGMENT_DYNAMIC) {
            *dynamic = s;
        } else if (s.type == SEGMENT_STACK) {
            stack = s;
        } else if (s.type == SEGMENT_INTERPRETER) {
            return berthi_elf_problem(e, "elf-type", s.header_at,
                                      "it is a program, which names its own loader; link it "
                                      "with -shared and without -pie");
        }
    }
    if (!any || dynamic->type == 0)
        return berthi_elf_problem(e, "elf", e->segments_at, "it has %s; link it with -shared",
                                  any ? "no dynamic section" : "nothing to map");
    e->info->memory_bytes = end;
    check_stack(e, &stack);
    return true;
}

/* ---------------------------------------------------------------- sections */

bool berthi_elf_section_at(const berthi_elf *e, uint32_t index, berthi_elf_section *out)
{
    uint64_t h = e->sections_at + (uint64_t)index * SECTION_SIZE;
    berthi_elf_section s;

    if (index >= e->sections)
        return false;
    s = (berthi_elf_section){ .name = berthi_elf_u32(e, h),
                              .type = berthi_elf_u32(e, h + 4),
                              .link = berthi_elf_u32(e, h + 40),
                              .at = berthi_elf_u64(e, h + 24),
                              .size = berthi_elf_u64(e, h + 32) };
    if (s.type == SECTION_WITHOUT_BYTES || !berthi_elf_has(e, s.at, s.size))
        return false;
    *out = s;
    return true;
}

bool berthi_elf_section_find(berthi_elf *e, const char *name, berthi_elf_section *out)
{
    size_t size = strlen(name) + 1;
    berthi_elf_section names, s;
    bool is_found = false;

    if (!berthi_elf_section_at(e, e->section_names, &names))
        return false;
    for (uint32_t i = 0; i < e->sections; i++) {
        if (!berthi_elf_section_at(e, i, &s) || s.name > names.size ||
            size > names.size - s.name || memcmp(e->bytes + names.at + s.name, name, size) != 0)
            continue;
        if (is_found)
            return berthi_elf_problem(
                e, "elf-note", s.at, "it has two sections '%s'; link one plugin into it", name);
        *out = s;
        is_found = true;
    }
    return is_found;
}

/* ---------------------------------------------------------------- all of it */

berth_status berthi_native_read_foreign(const uint8_t *bytes, size_t size, const char *entry,
                                        berthi_arena *arena, berthi_native_info *info_out,
                                        berth_diag *diag)
{
    berthi_elf e = {
        .bytes = bytes, .size = size, .arena = arena, .info = info_out, .entry = entry
    };
    segment dynamic = { 0 };

    *info_out = (berthi_native_info){ 0 };
    if (read_class(&e) && read_kind(&e) && read_tables(&e) && read_segments(&e, &dynamic)) {
        berthi_elf_read_dynamic(&e, dynamic.address, dynamic.file_size);
        if (entry == NULL)
            berthi_elf_read_note(&e);
    }
    return e.out_of_memory ? berthi_fail(diag, BERTH_E_NOMEM, "reading a shared object")
                           : BERTH_OK;
}

berth_status berthi_native_read(const uint8_t *bytes, size_t size, berthi_arena *arena,
                                berthi_native_info *info_out, berth_diag *diag)
{
    return berthi_native_read_foreign(bytes, size, NULL, arena, info_out, diag);
}
