/* elf_test.c - what is found out about a shared object before it is mapped, and what is refused. */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guests.h"
#include "memory.h"
#include "native/native.h"

#include <cmocka.h>

typedef struct rig {
    bertht_memory memory;
    berth_allocator allocator;
    berthi_arena arena;
    berthi_native_info info;
    uint8_t *bytes;
    size_t size;
} rig;

static int setup(void **state)
{
    rig *r = calloc(1, sizeof *r);

    assert_non_null(r);
    memory_init(&r->memory);
    r->allocator = memory_allocator(&r->memory);
    berthi_arena_init(&r->arena, &r->allocator, SIZE_MAX);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    rig *r = *state;

    berthi_arena_fini(&r->arena);
    memory_assert_empty(&r->memory);
    free(r->bytes);
    free(r);
    return 0;
}

static void take(rig *r, const char *name)
{
    free(r->bytes);
    r->bytes = plugin_file_read(name, &r->size);
}

static void look(rig *r)
{
    berthi_arena_fini(&r->arena);
    assert_int_equal(berthi_native_read(r->bytes, r->size, &r->arena, &r->info, NULL),
                     BERTH_OK);
}

static void assert_refused(rig *r, const char *rule, const char *text)
{
    look(r);
    for (uint32_t i = 0; i < r->info.problems_count; i++)
        if (strcmp(r->info.problems[i].rule, rule) == 0 &&
            strstr(r->info.problems[i].text, text) != NULL)
            return;
    fail_msg("%s: not '%s' but %s: '%s'", rule, text,
             r->info.problems_count == 0 ? "nothing" : r->info.problems[0].rule,
             r->info.problems_count == 0 ? "" : r->info.problems[0].text);
}

/* ---------------------------------------------------------------- what is found */

static void a_plugin_says_what_it_is(void **state)
{
    rig *r = *state;

    take(r, "calc_v1");
    look(r);
    assert_int_equal(r->info.problems_count, 0);
    assert_string_equal(r->info.id, "test:calc");
    assert_int_equal(r->info.abi_major, 1);
    assert_int_equal(r->info.contracts_count, 1);
    assert_string_equal(r->info.contracts[0].name, "test:calc/math@1.2.0");
    assert_true(r->info.wit_size > 8 && memcmp(r->info.wit, "\0asm\x0d\0\1\0", 8) == 0);
    assert_true(r->info.wit >= r->bytes &&
                r->info.wit + r->info.wit_size <= r->bytes + r->size);
    assert_int_equal(r->info.exports_count, 1);
    assert_true(r->info.memory_bytes > 4096);
    assert_int_equal(r->info.unique_count, 0);
    assert_false(r->info.is_nodelete);
}

static bool is_needed(const rig *r, const char *start)
{
    for (uint32_t i = 0; i < r->info.needed_count; i++)
        if (strncmp(r->info.needed[i], start, strlen(start)) == 0)
            return true;
    return false;
}

static void libraries_and_the_soname_are_listed(void **state)
{
    rig *r = *state;

    take(r, "calc_stays_lazy");
    look(r);
    assert_int_equal(r->info.problems_count, 0);
    assert_string_equal(r->info.soname, "libcalc.so.1");
    assert_true(is_needed(r, "libc."));
}

static void what_keeps_a_mapping_is_named(void **state)
{
    rig *r = *state;

    take(r, "calc_unique");
    look(r);
    assert_int_equal(r->info.problems_count, 0);
    assert_int_equal(r->info.unique_count, 1);
    assert_string_equal(r->info.unique[0], "calc_unique");
    take(r, "calc_nodelete");
    look(r);
    assert_true(r->info.is_nodelete);
}

static void constructors_are_listed_by_name(void **state)
{
    rig *r = *state;
    bool is_found = false;

    take(r, "calc_constructor");
    look(r);
    assert_int_equal(r->info.problems_count, 0);
    for (uint32_t i = 0; i < r->info.constructors_count && i < BERTHI_ELF_LISTED_MAX; i++)
        is_found |= r->info.constructors[i].name != NULL &&
                    strcmp(r->info.constructors[i].name, "calc_starts_early") == 0;
    assert_true(is_found);
}

/* ---------------------------------------------------------------- what is refused */

static void the_symbol_has_to_be_there_and_be_data(void **state)
{
    rig *r = *state;

    take(r, "calc_hidden");
    assert_refused(r, "elf-symbol", "exports no symbol 'berth_plugin'");
    take(r, "calc_is_function");
    assert_refused(r, "elf-symbol", "is no data");
}

static void an_executable_stack_is_refused(void **state)
{
    rig *r = *state;

    take(r, "calc_exec_stack");
    assert_refused(r, "elf-stack", "link with -z noexecstack");
}

/* The nth program header of that type. */
static Elf64_Phdr *segment(const rig *r, uint32_t type)
{
    Elf64_Ehdr *head = (Elf64_Ehdr *)(void *)r->bytes;
    Elf64_Phdr *list = (Elf64_Phdr *)(void *)(r->bytes + head->e_phoff);

    for (unsigned i = 0; i < head->e_phnum; i++)
        if (list[i].p_type == type)
            return &list[i];
    fail_msg("no segment of type %u", type);
    return NULL;
}

static Elf64_Dyn *entry(const rig *r, int64_t tag)
{
    Elf64_Dyn *d = (Elf64_Dyn *)(void *)(r->bytes + segment(r, PT_DYNAMIC)->p_offset);

    while (d->d_tag != DT_NULL && d->d_tag != tag)
        d++;
    return d;
}

static Elf64_Shdr *section(const rig *r, const char *name)
{
    Elf64_Ehdr *head = (Elf64_Ehdr *)(void *)r->bytes;
    Elf64_Shdr *list = (Elf64_Shdr *)(void *)(r->bytes + head->e_shoff);
    const char *names = (const char *)r->bytes + list[head->e_shstrndx].sh_offset;

    for (unsigned i = 0; i < head->e_shnum; i++)
        if (strcmp(names + list[i].sh_name, name) == 0)
            return &list[i];
    fail_msg("no section '%s'", name);
    return NULL;
}

static Elf64_Ehdr *fresh(rig *r)
{
    take(r, "calc_v1");
    return (Elf64_Ehdr *)(void *)r->bytes;
}

static void other_machines_are_refused_by_name(void **state)
{
    static const struct {
        uint16_t machine;
        const char *text;
    } rows[] = { { EM_386, "for i386" },
                 { EM_ARM, "for ARM" },
                 { EM_RISCV, "for RISC-V" },
                 { 9999, "for machine 9999" } };
    rig *r = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fresh(r)->e_machine = rows[i].machine;
        assert_refused(r, "elf-machine", rows[i].text);
    }
}

static void other_kinds_of_files_are_refused(void **state)
{
    rig *r = *state;

    fresh(r)->e_ident[EI_CLASS] = ELFCLASS32;
    assert_refused(r, "elf-class", "not a 64-bit ELF file");
    fresh(r)->e_ident[EI_DATA] = ELFDATA2MSB;
    assert_refused(r, "elf-class", "not a little-endian");
    fresh(r)->e_type = ET_EXEC;
    assert_refused(r, "elf-type", "a program and no shared object");
    fresh(r)->e_type = ET_REL;
    assert_refused(r, "elf-type", "an object file and no shared object");
    (void)fresh(r);
    segment(r, PT_NOTE)->p_type = PT_INTERP;
    assert_refused(r, "elf-type", "it is a program");
    memset(r->bytes, 'x', 4);
    assert_refused(r, "elf", "does not begin with an ELF header");
}

static void text_relocations_and_writable_code_are_refused(void **state)
{
    rig *r = *state;

    (void)fresh(r);
    entry(r, DT_RELACOUNT)->d_tag = DT_TEXTREL;
    assert_refused(r, "elf-text-relocations", "compile all of it with -fPIC");
    (void)fresh(r);
    segment(r, PT_LOAD)->p_flags = PF_R | PF_W | PF_X;
    assert_refused(r, "elf-writable-code", "written and executed");
}

static void a_stack_that_is_not_spoken_of_is_refused(void **state)
{
    rig *r = *state;

    (void)fresh(r);
    segment(r, PT_GNU_STACK)->p_type = PT_NULL;
    assert_refused(r, "elf-stack", "does not say that its stack is not executable");
}

static void note_and_world_have_to_be_there(void **state)
{
    rig *r = *state;
    Elf64_Shdr *note;

    (void)fresh(r);
    section(r, ".note.berth")->sh_name = 0;
    assert_refused(r, "elf-note", "no section '.note.berth'");
    (void)fresh(r);
    section(r, ".berth.wit")->sh_name = 0;
    assert_refused(r, "elf-wit", "carries no world");
    (void)fresh(r);
    note = section(r, ".note.berth");
    r->bytes[note->sh_offset + 8] = 7;
    assert_refused(r, "elf-note", "has no note of type 1");
    (void)fresh(r);
    note = section(r, ".note.berth");
    section(r, ".berth.wit")->sh_name = note->sh_name;
    assert_refused(r, "elf-note", "two sections");
}

static void a_note_of_another_abi_is_refused(void **state)
{
    rig *r = *state;

    (void)fresh(r);
    r->bytes[section(r, ".note.berth")->sh_offset + 20] = 2;
    assert_refused(r, "elf-note", "has version 2");
    (void)fresh(r);
    r->bytes[section(r, ".note.berth")->sh_offset + 22] = 2;
    assert_refused(r, "elf-abi", "speaks ABI 2.0, and this is ABI 1.0; build it with older");
    (void)fresh(r);
    r->bytes[section(r, ".note.berth")->sh_offset + 22] = 0;
    assert_refused(r, "elf-abi", "speaks ABI 0.0, and this is ABI 1.0; build it with newer");
}

static void an_id_has_plain_text_of_a_bounded_size(void **state)
{
    rig *r = *state;

    (void)fresh(r);
    r->bytes[section(r, ".note.berth")->sh_offset + 28] = '\n';
    assert_refused(r, "elf-note", "its id has to be 1 to 64 printable bytes");
    (void)fresh(r);
    r->bytes[section(r, ".note.berth")->sh_offset + 28] = '\0';
    assert_refused(r, "elf-note", "its id has to be 1 to 64 printable bytes");
}

/* At the bound it is something else that is wrong; past it, the bound. */
static void tables_are_bounded(void **state)
{
    rig *r = *state;
    Elf64_Shdr *note;

    fresh(r)->e_phnum = BERTHI_ELF_SEGMENTS_MAX + 1;
    assert_refused(r, "elf-limit", "65 program headers; 64 are allowed");
    fresh(r)->e_phnum = BERTHI_ELF_SEGMENTS_MAX;
    look(r);
    assert_true(r->info.problems_count == 0 ||
                strstr(r->info.problems[0].text, "program headers; ") == NULL);
    fresh(r)->e_shnum = BERTHI_ELF_SECTIONS_MAX + 1;
    assert_refused(r, "elf-limit", "4097 sections; 4096 are allowed");
    fresh(r)->e_shnum = BERTHI_ELF_SECTIONS_MAX;
    assert_refused(r, "elf", "section headers lie past its end");
    (void)fresh(r);
    note = section(r, ".note.berth");
    r->bytes[note->sh_offset + 26] = BERTHI_NATIVE_CONTRACTS_MAX + 1;
    assert_refused(r, "elf-limit", "it keeps 65 contracts; 64 are allowed");
    (void)fresh(r);
    r->bytes[section(r, ".note.berth")->sh_offset + 26] = BERTHI_NATIVE_CONTRACTS_MAX;
    assert_refused(r, "elf-note", "contract");
    (void)fresh(r);
    segment(r, PT_LOAD)->p_memsz = (uint64_t)BERTHI_ELF_MEMORY_MAX + 1;
    assert_refused(r, "elf-limit", "of memory");
}

static void symbols_that_cannot_be_counted_are_refused(void **state)
{
    rig *r = *state;

    (void)fresh(r);
    entry(r, DT_GNU_HASH)->d_tag = DT_DEBUG;
    assert_refused(r, "elf", "its symbols cannot be found");
    (void)fresh(r);
    entry(r, DT_SYMENT)->d_un.d_val = 16;
    assert_refused(r, "elf", "its symbols cannot be found");
}

static void a_dynamic_entry_that_stands_twice_is_refused(void **state)
{
    rig *r = *state;

    (void)fresh(r);
    entry(r, DT_RELACOUNT)->d_tag = DT_STRTAB;
    assert_refused(r, "elf", "entry 5 twice");
}

/* ---------------------------------------------------------------- any bytes */

static void every_truncation_is_refused(void **state)
{
    rig *r = *state;
    size_t whole;
    uint8_t *bytes;

    take(r, "calc_v1");
    bytes = r->bytes;
    whole = r->size;
    for (r->size = 0; r->size < whole; r->size++) {
        r->bytes = malloc(r->size == 0 ? 1 : r->size);
        assert_non_null(r->bytes);
        memcpy(r->bytes, bytes, r->size);
        look(r);
        if (r->info.problems_count == 0)
            fail_msg("the first %zu of %zu bytes are a plugin", r->size, whole);
        free(r->bytes);
    }
    r->bytes = bytes;
}

/* Whatever a byte says, reading ends, stays inside, and keeps its promises. */
static void every_mutation_of_a_byte_is_read_to_its_end(void **state)
{
    static const uint8_t flips[] = { 0x01, 0x80, 0xff };
    rig *r = *state;
    size_t refused = 0;

    take(r, "calc_v1");
    for (size_t at = 0; at < r->size; at++) {
        uint8_t flip = flips[at % sizeof flips];

        r->bytes[at] ^= flip;
        look(r);
        refused += r->info.problems_count != 0;
        for (uint32_t p = 0; p < r->info.problems_count; p++)
            assert_true(strlen(r->info.problems[p].text) > 10);
        if (r->info.problems_count == 0)
            assert_true(r->info.id != NULL && r->info.wit != NULL);
        r->bytes[at] ^= flip;
    }
    assert_true(refused > 100); /* heads, tables, the note */
}

static void every_allocation_may_fail(void **state)
{
    rig *r = *state;
    berth_status status = BERTH_E_NOMEM;
    size_t n = 0;

    take(r, "calc_constructor");
    for (; status == BERTH_E_NOMEM; n++) {
        berth_diag diag = { 0 };

        berthi_arena_fini(&r->arena);
        memory_fail(&r->memory, n, false);
        status = berthi_native_read(r->bytes, r->size, &r->arena, &r->info, &diag);
        if (status != BERTH_OK)
            assert_int_equal(diag.status, BERTH_E_NOMEM);
    }
    memory_fail(&r->memory, MEMORY_NEVER, false);
    assert_int_equal(status, BERTH_OK);
    assert_true(n > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_plugin_says_what_it_is, setup, teardown),
        cmocka_unit_test_setup_teardown(libraries_and_the_soname_are_listed, setup, teardown),
        cmocka_unit_test_setup_teardown(what_keeps_a_mapping_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(constructors_are_listed_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(the_symbol_has_to_be_there_and_be_data, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_executable_stack_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(other_machines_are_refused_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(other_kinds_of_files_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(text_relocations_and_writable_code_are_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_stack_that_is_not_spoken_of_is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(note_and_world_have_to_be_there, setup, teardown),
        cmocka_unit_test_setup_teardown(a_note_of_another_abi_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(an_id_has_plain_text_of_a_bounded_size, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(tables_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(symbols_that_cannot_be_counted_are_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_dynamic_entry_that_stands_twice_is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(every_truncation_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(every_mutation_of_a_byte_is_read_to_its_end, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(every_allocation_may_fail, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
