/* fuzz_elf.c - any bytes are read as a native plugin: to their end, within their bounds, and what is
 * said of them holds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "native/native.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    berthi_native_info info;
    berthi_arena arena;
    size_t bytes = 0;

    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    CHECK(berthi_native_read(data, size, &arena, &info, NULL) == BERTH_OK);
    CHECK(info.problems_count <= BERTHI_ELF_PROBLEMS_MAX);
    for (uint32_t i = 0; i < info.problems_count; i++)
        CHECK(strlen(info.problems[i].text) > 0 && strlen(info.problems[i].rule) > 0);
    for (uint32_t i = 0; i < info.needed_count && info.problems_count == 0; i++)
        bytes += strlen(info.needed[i]);
    for (uint32_t i = 0; i < info.unique_count && i < BERTHI_ELF_LISTED_MAX; i++)
        bytes += strlen(info.unique[i]);
    for (uint32_t i = 0; i < info.constructors_count && i < BERTHI_ELF_LISTED_MAX; i++)
        bytes += info.constructors[i].name == NULL ? 0 : strlen(info.constructors[i].name);
    for (uint32_t i = 0; i < info.contracts_count; i++)
        bytes += strlen(info.contracts[i].name);
    CHECK(bytes <= (size_t)512 * 1024);
    if (info.wit != NULL)
        CHECK(info.wit >= data && info.wit_size <= size &&
              (size_t)(info.wit - data) <= size - info.wit_size);
    if (info.problems_count == 0)
        CHECK(info.id != NULL && info.wit != NULL && info.machine != NULL);
    berthi_arena_fini(&arena);
    return 0;
}
