/* native_plugin_test.c - what a native plugin has to keep. */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <berth/contract.h>

#include "admit/native_plugin.h"
#include "component/wrap/wrap.h"
#include "contract/wit.h"
#include "guests.h"
#include "memory.h"

#include <cmocka.h>

#define ADD "add: func(a: s32, b: s32) -> s32; "

static Elf64_Shdr *section(uint8_t *bytes, const char *name)
{
    Elf64_Ehdr *head = (Elf64_Ehdr *)(void *)bytes;
    Elf64_Shdr *list = (Elf64_Shdr *)(void *)(bytes + head->e_shoff);
    const char *names = (const char *)bytes + list[head->e_shstrndx].sh_offset;

    for (unsigned i = 0; i < head->e_shnum; i++)
        if (strcmp(names + list[i].sh_name, name) == 0)
            return &list[i];
    fail_msg("no section '%s'", name);
    return NULL;
}

static const berthi_wit_world *read_world(const char *text, berthi_arena *arena,
                                          const berthi_wit **model)
{
    const berthi_wit_options options = { .has_all_features = true };
    const berthi_wit_world *world;

    assert_int_equal(
        berthi_wit_read_text("test", text, strlen(text), &options, arena, model, NULL),
        BERTH_OK);
    assert_int_equal(berthi_wit_choose_world(*model, NULL, &world, NULL), BERTH_OK);
    return world;
}

/* The plugin `name` with another world, which it carries behind its end, and another digest. */
static uint8_t *with_world(const char *name, const char *text, const uint8_t *digest,
                           const berth_allocator *a, berthi_arena *arena, size_t *size_out)
{
    static const char id[] = "test:calc/math@1.2.0";
    const berthi_wit *model;
    const berthi_wit_world *world = read_world(text, arena, &model);
    uint8_t *bytes = plugin_file_read(name, size_out), *at;
    berthi_text_buf wit;
    Elf64_Shdr *s;

    berthi_text_buf_init(&wit, a);
    assert_int_equal(berthi_component_world(model, world, a, &wit, NULL), BERTH_OK);
    bytes = realloc(bytes, *size_out + wit.size);
    assert_non_null(bytes);
    memcpy(bytes + *size_out, wit.data, wit.size);
    s = section(bytes, ".berth.wit");
    s->sh_offset = *size_out;
    s->sh_size = wit.size;
    *size_out += wit.size;
    s = section(bytes, ".note.berth");
    at = bytes + s->sh_offset;
    while (memcmp(at, id, sizeof id) != 0)
        at++;
    memcpy(at - BERTHI_SHA256_SIZE, digest, BERTHI_SHA256_SIZE);
    berthi_text_buf_fini(&wit);
    return bytes;
}

static void functions_of_a_world_are_no_interface_of_its_name(void **state)
{
    static const char interface[] = "package test:calc@1.2.0; interface math { " ADD "}";
    static const char world[] = "package test:calc@1.2.0; world math { export " ADD "}";
    berthi_admit_limits limits = { .artifact_bytes_max = 1 << 20 };
    berth_contract *contract;
    berthi_native_plugin native;
    berthi_plugin plugin;
    berthi_arena arena;
    berth_allocator a;
    berth_diag diag = { 0 };
    bertht_memory counted;
    uint8_t *bytes;
    size_t size;

    (void)state;
    memory_init(&counted);
    a = memory_allocator(&counted);
    berthi_arena_init(&arena, &a, SIZE_MAX);
    assert_int_equal(
        berth_contract_parse(&a, interface, sizeof interface - 1, NULL, &contract, &diag),
        BERTH_OK);
    limits.contract = contract;
    bytes = with_world("calc_v1", world, berth_contract_digest(contract), &a, &arena, &size);
    assert_int_equal(berthi_admit_native(bytes, size, NULL, NULL, &limits, NULL, &arena, &arena,
                                         &plugin, &native, &diag),
                     BERTH_E_REJECTED);
    assert_non_null(strstr(diag.text, "exports no interface of contract `test:calc/math@1`"));
    limits.contract = NULL; /* with nothing to keep it is a plugin like others */
    assert_int_equal(berthi_admit_native(bytes, size, NULL, NULL, &limits, NULL, &arena, &arena,
                                         &plugin, &native, &diag),
                     BERTH_OK);
    free(bytes);
    berth_contract_destroy(contract);
    berthi_arena_fini(&arena);
    memory_assert_empty(&counted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_of_a_world_are_no_interface_of_its_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
