/* make_glue.c - what a plugin in these tests carries in its file: the note and the world, as C.
 *
 *     make_glue PATH.wit ID OUT.h
 *
 * Written by hand and not with the program's own generator, so that one may be held against the other.
 * The sections are there as constants; GLUE_DIGEST_N and GLUE_KEY_N are of the Nth interface. */
#include <stdio.h>
#include <stdlib.h>

#include "component/wit/wit_decode.h"
#include "component/wrap/wrap.h"
#include "contract/contract.h"

enum { CONTRACTS_MAX = 16 };

static _Noreturn void die(const char *what, const berth_diag *diag)
{
    fprintf(stderr, "make_glue: %s: %s\n", what, diag == NULL ? "" : diag->text);
    exit(1);
}

static void put_bytes(FILE *out, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        fprintf(out, "%u,%s", ((const uint8_t *)bytes)[i], i % 24 == 23 ? "\n" : "");
}

static void put_text(FILE *out, const char *text)
{
    put_bytes(out, text, strlen(text) + 1);
}

static void put_u16(FILE *out, unsigned value)
{
    fprintf(out, "%u,%u,", value & 255, value >> 8);
}

static void put_u32(FILE *out, size_t value)
{
    put_u16(out, (unsigned)(value & 65535));
    put_u16(out, (unsigned)(value >> 16));
}

static void put_note(FILE *out, const char *id, const berthi_contract *contracts,
                     unsigned count)
{
    size_t size = 8 + strlen(id) + 1;

    for (unsigned i = 0; i < count; i++)
        size += 32 + strlen(contracts[i].id) + 1;
    fprintf(out, "__attribute__((section(\".note.berth\"), used, aligned(4)))\n"
                 "static const unsigned char glue_note[] = {\n");
    put_u32(out, 6);
    put_u32(out, size);
    put_u32(out, 1);
    put_bytes(out, "Berth\0\0", 8);
    put_u16(out, 1);
    put_u16(out, 1);
    put_u16(out, 0);
    put_u16(out, count);
    put_text(out, id);
    for (unsigned i = 0; i < count; i++) {
        put_bytes(out, contracts[i].digest, 32);
        put_text(out, contracts[i].id);
    }
    for (; size % 4 != 0; size++)
        fprintf(out, "0,");
    fprintf(out, "};\n");
}

int main(int argc, char **argv)
{
    const berthi_wit *model;
    const berthi_wit_world *world;
    berthi_contract contracts[CONTRACTS_MAX];
    berthi_contracts set;
    berthi_text_buf bytes;
    berthi_arena arena;
    berth_diag diag = { 0 };
    unsigned count = 0;
    FILE *out;

    if (argc != 4)
        die("usage: make_glue PATH.wit ID OUT.h", NULL);
    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    berthi_text_buf_init(&bytes, &berthi_allocator_libc);
    if (berthi_wit_read_paths((const char *const *)&argv[1], 1, NULL, &arena, &model, &diag) !=
            BERTH_OK ||
        berthi_wit_choose_world(model, NULL, &world, &diag) != BERTH_OK ||
        berthi_component_world(model, world, &berthi_allocator_libc, &bytes, &diag) !=
            BERTH_OK ||
        berthi_contracts_init(&set, model, model->root, &arena, &diag) != BERTH_OK)
        die(argv[1], &diag);
    for (uint32_t i = 0; i < world->exports_count && count < CONTRACTS_MAX; i++)
        if (world->exports[i].kind == BERTHI_WIT_EXTERN_INTERFACE &&
            berthi_contract_make(&set, world->exports[i].index, &contracts[count++]) !=
                BERTH_OK)
            die(argv[1], &diag);
    out = fopen(argv[3], "w");
    if (out == NULL)
        die(argv[3], NULL);
    fprintf(out, "#define GLUE_ID \"%s\"\n", argv[2]);
    put_note(out, argv[2], contracts, count);
    fprintf(out, "__attribute__((section(\".berth.wit\"), used, aligned(1)))\n"
                 "static const unsigned char glue_world[] = {\n");
    put_bytes(out, bytes.data, bytes.size);
    fprintf(out, "};\n");
    for (unsigned i = 0; i < count; i++) {
        fprintf(out, "#define GLUE_DIGEST_%u {", i);
        for (unsigned b = 0; b < 32; b++)
            fprintf(out, "%u,", contracts[i].digest[b]);
        fprintf(out, "}\n#define GLUE_KEY_%u \"%s\"\n", i, contracts[i].key);
    }
    berthi_text_buf_fini(&bytes);
    berthi_arena_fini(&arena);
    return fclose(out) == 0 ? 0 : 1;
}
