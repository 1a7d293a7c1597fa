/* native/elf.h - a file that is being read.  Private to src/native. */
#ifndef BERTHI_NATIVE_ELF_H
#define BERTHI_NATIVE_ELF_H

#include "native/native.h"

/* All offsets were checked to lie in the file before anything is read there. */
typedef struct berthi_elf {
    const uint8_t *bytes;
    size_t size;
    berthi_arena *arena;
    berthi_native_info *info;
    const char *entry; /* the function that another system's plugin exports; NULL: it is ours */
    bool out_of_memory;
    uint64_t segments_at, sections_at;
    uint32_t segments, sections, section_names;
} berthi_elf;

typedef struct berthi_elf_section {
    uint32_t name, type, link;
    uint64_t at, size;
} berthi_elf_section;

static inline bool berthi_elf_has(const berthi_elf *e, uint64_t at, uint64_t size)
{
    return at <= e->size && size <= e->size - at;
}

static inline uint16_t berthi_elf_u16(const berthi_elf *e, uint64_t at)
{
    return (uint16_t)(e->bytes[at] | e->bytes[at + 1] << 8);
}

static inline uint32_t berthi_elf_u32(const berthi_elf *e, uint64_t at)
{
    return berthi_elf_u16(e, at) | (uint32_t)berthi_elf_u16(e, at + 2) << 16;
}

static inline uint64_t berthi_elf_u64(const berthi_elf *e, uint64_t at)
{
    return berthi_elf_u32(e, at) | (uint64_t)berthi_elf_u32(e, at + 4) << 32;
}

/* Records a problem.  Always false. */
bool berthi_elf_problem(berthi_elf *e, const char *rule, uint64_t at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A copy of the text at `at`, which ends before `end`: cut when long, printable.  NULL: it is not
 * terminated, or there is no memory. */
const char *berthi_elf_text(berthi_elf *e, uint64_t at, uint64_t end);

/* The only section of that name; false: there is none, or a problem was recorded. */
bool berthi_elf_section_find(berthi_elf *e, const char *name, berthi_elf_section *out);
bool berthi_elf_section_at(const berthi_elf *e, uint32_t index, berthi_elf_section *out);

/* elf_dynamic.c: what the dynamic section says. */
void berthi_elf_read_dynamic(berthi_elf *e, uint64_t at, uint64_t size);
/* Where in the file `size` bytes of that address are; false: nowhere, as one piece. */
bool berthi_elf_place(const berthi_elf *e, uint64_t address, uint64_t size, uint64_t *at_out);

/* note.c */
void berthi_elf_read_note(berthi_elf *e);

#endif
