/* fuzz_module.c - the reader of core modules over any bytes.
 *
 * What must hold beyond "no crash": what it took from the arena is bounded by the input's size
 * (I8), indices in the description are within its spaces, and lent names lie within the input. */
#include <stdint.h>
#include <stdlib.h>

#include "wasm/module.h"
#include "fuzz.h"

enum { BYTES_PER_BYTE_MAX = 64, BYTES_FIXED_MAX = 64 * 1024 };

static void must(int condition)
{
    if (!condition)
        abort();
}

static void check_name(const berthi_wasm_info *info, berthi_name name)
{
    const uint8_t *at = (const uint8_t *)name.text;

    must(at >= info->bytes && at <= info->bytes + info->size &&
         name.size <= (size_t)(info->bytes + info->size - at));
}

static void check_range(const berthi_wasm_info *info, berthi_wasm_range range)
{
    must(range.offset <= info->size && range.size <= info->size - range.offset);
}

static void check_spaces(const berthi_wasm_info *info)
{
    const uint32_t counts[] = { info->funcs_count, info->tables_count, info->memories_count,
                                info->globals_count };

    for (uint32_t i = 0; i < info->funcs_count; i++)
        must(info->funcs[i] < info->types_count);
    for (uint32_t i = 0; i < info->imports_count; i++) {
        check_name(info, info->imports[i].module);
        check_name(info, info->imports[i].name);
        must(info->imports[i].kind <= BERTHI_EXTERN_GLOBAL);
        must(info->imports[i].index < counts[info->imports[i].kind]);
    }
    for (uint32_t i = 0; i < info->exports_count; i++) {
        check_name(info, info->exports[i].name);
        must(info->exports[i].index < counts[info->exports[i].kind]);
        (void)berthi_wasm_func_is(info, &info->exports[i], "ii:I");
    }
}

static void check_ranges(const berthi_wasm_info *info)
{
    for (uint32_t i = 0; i < info->sections_count; i++)
        check_range(info, info->sections[i].body);
    for (uint32_t i = info->imported_funcs; i < info->funcs_count; i++)
        check_range(info, info->bodies[i - info->imported_funcs]);
    for (uint32_t i = info->imported_globals; i < info->globals_count; i++)
        check_range(info, info->inits[i - info->imported_globals]);
    for (uint32_t i = 0; i < info->elements_count; i++) {
        check_range(info, info->elements[i].offset);
        check_range(info, info->elements[i].items);
    }
    for (uint32_t i = 0; i < info->data_count; i++) {
        check_range(info, info->data[i].offset);
        check_range(info, info->data[i].bytes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    berthi_arena arena;
    berthi_wasm_info info;
    berth_diag diag = { 0 };
    berth_status status;

    berthi_arena_init(&arena, &berthi_allocator_libc,
                      size * BYTES_PER_BYTE_MAX + BYTES_FIXED_MAX);
    status = berthi_wasm_read(data, size, &arena, &info, &diag);
    must(status == BERTH_OK || status == BERTH_E_REJECTED || status == BERTH_E_LIMIT);
    must(status == BERTH_OK || (diag.status == (int32_t)status && diag.text[0] != '\0'));
    if (status == BERTH_OK) {
        check_spaces(&info);
        check_ranges(&info);
        (void)berthi_wasm_find_export(&info, "memory");
    }
    berthi_arena_fini(&arena);
    return 0;
}
