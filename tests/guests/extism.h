/* What Extism's host offers to a plugin, as its ABI has it. */
#include <stdint.h>

#define HOST(result, name, ...)                                                                \
    __attribute__((import_module("extism:host/env"), import_name(#name)))                      \
    result x_##name(__VA_ARGS__)
#define PLUGIN(name) __attribute__((export_name(#name))) int32_t name(void)

HOST(uint64_t, alloc, uint64_t);
HOST(void, free, uint64_t);
HOST(uint64_t, length, uint64_t);
HOST(uint64_t, length_unsafe, uint64_t);
HOST(uint32_t, load_u8, uint64_t);
HOST(uint64_t, load_u64, uint64_t);
HOST(void, store_u8, uint64_t, uint32_t);
HOST(void, store_u64, uint64_t, uint64_t);
HOST(uint64_t, input_length, void);
HOST(uint64_t, input_offset, void);
HOST(uint32_t, input_load_u8, uint64_t);
HOST(uint64_t, input_load_u64, uint64_t);
HOST(void, input_set, uint64_t, uint64_t);
HOST(void, output_set, uint64_t, uint64_t);
HOST(uint64_t, output_length, void);
HOST(uint64_t, output_offset, void);
HOST(void, error_set, uint64_t);
HOST(uint64_t, error_get, void);
HOST(uint64_t, memory_bytes, void);
HOST(void, reset, void);
HOST(uint64_t, config_get, uint64_t);
HOST(uint64_t, var_get, uint64_t);
HOST(void, var_set, uint64_t, uint64_t);
HOST(uint64_t, http_request, uint64_t, uint64_t);
HOST(uint32_t, http_status_code, void);
HOST(uint64_t, http_headers, void);
HOST(uint32_t, get_log_level, void);
HOST(void, log_trace, uint64_t);
HOST(void, log_debug, uint64_t);
HOST(void, log_info, uint64_t);
HOST(void, log_warn, uint64_t);
HOST(void, log_error, uint64_t);

static inline uint64_t put(const char *text)
{
    uint64_t size = 0, at;

    while (text[size] != '\0')
        size++;
    at = x_alloc(size);
    for (uint64_t i = 0; i < size; i++)
        x_store_u8(at + i, (uint8_t)text[i]);
    return at;
}

static inline void answer(uint64_t at)
{
    x_output_set(at, x_length(at));
}
