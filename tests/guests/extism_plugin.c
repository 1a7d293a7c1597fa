/* An Extism plugin that does everything, right and wrong. */
#include "extism.h"

/* Each answers where it found something else than it should. */
#define NEED(condition)                                                                        \
    if (!(condition))                                                                          \
    return __LINE__

static int initialised;

__attribute__((export_name("hs_init"))) void hs_init(int32_t a, int32_t b)
{
    initialised = a == 0 && b == 0;
}

PLUGIN(is_initialised)
{
    return initialised ? 0 : 1;
}

PLUGIN(echo)
{
    uint64_t size = x_input_length(), at = x_alloc(size), i = 0;

    for (; i + 8 <= size; i += 8)
        x_store_u64(at + i, x_input_load_u64(i));
    for (; i < size; i++)
        x_store_u8(at + i, x_input_load_u8(i));
    x_output_set(at, size);
    return 0;
}

/* The input, from where it lies. */
PLUGIN(same)
{
    x_output_set(x_input_offset(), x_input_length());
    return x_output_length() == x_input_length() && x_output_offset() == x_input_offset() ? 0
                                                                                          : 1;
}

/* Counts its calls in a variable of one byte. */
PLUGIN(count)
{
    uint64_t name = put("calls"), value = x_var_get(name), next = x_alloc(1);

    x_store_u8(next, value == 0 ? '1' : x_load_u8(value) + 1);
    x_var_set(name, next);
    answer(x_var_get(name));
    return 0;
}

PLUGIN(forget)
{
    uint64_t name = put("calls");

    x_var_set(name, 0);
    return x_var_get(name) == 0 ? 0 : 1;
}

/* The input names what it is configured with. */
PLUGIN(config)
{
    uint64_t at = x_config_get(x_input_offset());

    answer(at == 0 ? put("(none)") : at);
    return 0;
}

PLUGIN(fail)
{
    x_error_set(put("it is\nbroken"));
    return 7;
}

PLUGIN(fail_without_words)
{
    return -2;
}

PLUGIN(words_alone)
{
    x_error_set(put("an error counts, whatever is answered"));
    return 0;
}

PLUGIN(trap_with_words)
{
    x_error_set(put("the end is near"));
    __builtin_trap();
}

__attribute__((export_name("no_result"))) void no_result(void)
{
    answer(put("done"));
}

PLUGIN(spin)
{
    for (;;)
        (void)x_memory_bytes();
}

/* The input is the request; the output status, headers and body of the response, line by line. */
PLUGIN(ask)
{
    uint64_t body = put("what is sentEND"), got, headers, at, size = 4;

    NEED(x_http_status_code() == 0 && x_http_headers() == 0);
    got = x_http_request(x_input_offset(), body);
    headers = x_http_headers();
    at = x_alloc(size + x_length(headers) + 1 + x_length(got));
    for (uint32_t n = x_http_status_code(), i = 3; i-- > 0; n /= 10)
        x_store_u8(at + i, '0' + n % 10);
    x_store_u8(at + 3, '\n');
    for (uint64_t i = 0; i < x_length(headers); i++, size++)
        x_store_u8(at + size, x_load_u8(headers + i) == '\n' ? ' ' : x_load_u8(headers + i));
    x_store_u8(at + size++, '\n');
    for (uint64_t i = 0; i < x_length(got); i++, size++)
        x_store_u8(at + size, x_load_u8(got + i));
    x_output_set(at, size);
    return 0;
}

PLUGIN(logs)
{
    x_log_trace(put("trace"));
    x_log_debug(put("debug"));
    x_log_info(put("info"));
    x_log_warn(put("warn"));
    x_log_error(put("error"));
    return x_get_log_level() == 2 ? 0 : 1;
}

PLUGIN(blocks)
{
    uint64_t a = x_alloc(5), b = x_alloc(300), before = x_memory_bytes(), c;

    NEED(a != 0 && b != 0 && a != b && x_alloc(0) == 0);
    NEED(x_length(a) == 5 && x_length_unsafe(b) == 300 && x_length(a + 1) == 0);
    NEED(x_length(0) == 0 && x_length(UINT64_MAX) == 0);
    NEED(x_load_u64(b + 292) == 0);
    x_store_u64(b + 292, 0x0102030405060708);
    NEED(x_load_u8(b + 299) == 1 && x_load_u64(b + 292) == 0x0102030405060708);
    x_free(b);
    NEED(x_length(b) == 0);
    x_free(b);
    x_free(b + 1);
    c = x_alloc(299);
    NEED(c != 0 && x_length(c) == 299 && x_length(a) == 5);
    for (int i = 0; i < 100000; i++) {
        uint64_t at = x_alloc(1000);

        NEED(at != 0 && at != a && at != c);
        x_free(at);
    }
    NEED(before <= 65536 && x_memory_bytes() <= before + 65536);
    return 0;
}

PLUGIN(bounds)
{
    uint64_t a = x_alloc(16), end;

    for (end = a; end < a + (1 << 20); end += 16) /* what was given ends somewhere */
        x_store_u64(end, UINT64_MAX);
    NEED(x_load_u64(a + (1 << 20)) == 0 && x_load_u8(UINT64_MAX) == 0);
    NEED(x_load_u64(UINT64_MAX - 3) == 0 && x_load_u64(0) == 0);
    x_store_u64(UINT64_MAX - 3, 1);
    x_store_u8(UINT64_MAX, 1);
    x_store_u64(0, 1);
    NEED(x_length(a) == 16 && x_load_u64(a) == UINT64_MAX);
    NEED(x_input_length() == 4 && x_input_load_u8(3) == 'd' && x_input_load_u8(4) == 0);
    NEED(x_input_load_u64(0) == 0 && x_input_load_u64(UINT64_MAX) == 0);
    NEED(x_input_load_u8(UINT64_MAX - x_input_offset()) == 0);
    x_output_set(a, 1 << 20);
    NEED(x_output_length() == 0);
    x_output_set(UINT64_MAX, 2);
    NEED(x_output_length() == 0 && x_output_offset() == 0);
    x_input_set(a, 1 << 20);
    NEED(x_input_length() == 4);
    x_input_set(a, 16);
    NEED(x_input_load_u8(0) == 255);
    x_free(x_input_offset());
    NEED(x_input_length() == 0);
    x_error_set(UINT64_MAX);
    NEED(x_error_get() == 0);
    x_error_set(a);
    NEED(x_error_get() == a);
    x_reset();
    NEED(x_error_get() == 0 && x_length(a) == 0 && x_load_u64(a) == 0);
    return 0;
}

/* Before there is any block: an empty input is none. */
PLUGIN(no_blocks_yet)
{
    for (uint64_t at = 0; at < 64; at++) {
        x_store_u8(at, 1);
        x_store_u64(at, UINT64_MAX);
        NEED(x_load_u8(at) == 0 && x_load_u64(at) == 0);
        x_output_set(at, 1);
        x_error_set(at);
        NEED(x_output_length() == 0 && x_error_get() == 0);
    }
    return 0;
}

/* Blocks of 64 KiB until there is no room; then all of them again. */
PLUGIN(greedy)
{
    uint64_t count = 0, first = 0, at;

    NEED(x_alloc(UINT64_C(1) << 32) == 0 && x_alloc(UINT64_MAX) == 0);
    for (; (at = x_alloc(65536)) != 0; count++)
        first = first == 0 ? at : first;
    NEED(count >= 100 && count <= 1024);
    x_free(first);
    NEED(x_alloc(65000) == first);
    return 0;
}

PLUGIN(no_block)
{
    (void)x_config_get(12345);
    return 0;
}

PLUGIN(full_of_variables)
{
    uint64_t name = x_alloc(4), value = x_alloc(65536);

    for (uint32_t i = 0;; i++) {
        x_store_u8(name, i & 255);
        x_var_set(name, value);
    }
}
