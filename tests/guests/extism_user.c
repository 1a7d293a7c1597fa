/* An Extism plugin that calls functions of whoever embeds it. */
#include "extism.h"

#define USER(result, name, ...)                                                                \
    __attribute__((import_module("extism:host/user"), import_name(#name)))                     \
    result user_##name(__VA_ARGS__)

USER(uint64_t, upper, uint64_t);
USER(double, scale, int32_t, float);
USER(uint32_t, sum, const void *, uint32_t);
USER(void, fail, uint32_t);
USER(uint64_t, flood, void);

PLUGIN(upper)
{
    answer(user_upper(x_input_offset()));
    return 0;
}

/* What is no block has nothing to make big. */
PLUGIN(no_block)
{
    return user_upper(0) == 0 && user_upper(UINT64_MAX) == 0 &&
                   user_upper(x_input_offset() + 1) == 0
               ? 0
               : 1;
}

PLUGIN(scale)
{
    return user_scale(-6, 0.5f) == -3.0 ? 0 : 1;
}

/* Bytes of the plugin's own memory, and what is not its memory. */
PLUGIN(sum)
{
    static const uint8_t bytes[] = { 1, 2, 3, 250 };
    uint64_t size = __builtin_wasm_memory_size(0) * UINT64_C(65536);

    return user_sum(bytes, sizeof bytes) == 256 && user_sum(bytes, UINT32_MAX) == UINT32_MAX &&
                   user_sum((const void *)(uintptr_t)(size - 1), 2) == UINT32_MAX
               ? 0
               : 1;
}

PLUGIN(fail)
{
    x_error_set(put("not me"));
    user_fail(x_input_load_u8(0) - '0');
    return 0;
}

PLUGIN(flood)
{
    while (user_flood() != 0)
        ;
    return 0;
}
