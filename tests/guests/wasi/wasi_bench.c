/* wasi_bench.c - loops over what bench_wasi measures: one letter, and how often. */
#include "probe_plugin.h"

#include "berth_hook.h"

enum { CHUNK = 4096 };

static uint8_t chunk[CHUNK];

static uint64_t number(const uint8_t *text, size_t size)
{
    uint64_t value = 0;

    for (size_t i = 0; i < size; i++)
        value = value * 10 + text[i] - '0';
    return value;
}

static void write_chunks(berth_plugin_call *call, uint64_t times)
{
    probe_streams_output_stream out;
    probe_streams_output_stream_borrow lent;
    probe_result_u64_streams_stream_error permit = { 0 };
    probe_result_none_streams_stream_error result;

    (void)probe_stdout_get_stdout(call, &out);
    lent = (probe_streams_output_stream_borrow){ out.handle };
    for (uint64_t room = 0; times > 0; times--, room -= CHUNK) {
        if (room < CHUNK) {
            (void)probe_streams_output_stream_check_write(call, lent, &permit);
            room = permit.as.ok;
        }
        (void)probe_streams_output_stream_write(call, lent, (probe_list_u8){ chunk, CHUNK },
                                                &result);
    }
    probe_streams_output_stream_drop(out);
}

int32_t probe_plugin_process(void *self, const probe_process_args *args,
                             probe_result_list_u8_string *result, berth_plugin_call *call)
{
    uint64_t times = 0, value;

    (void)self;
    if (args->input.count > 1) /* not the probe */
        times = number(args->input.data + 1, args->input.count - 1);
    if (times == 0)
        result->as.ok = (probe_list_u8){ NULL, 0 };
    else if (args->input.data[0] == 'w')
        write_chunks(call, times);
    else if (args->input.data[0] == 'c')
        for (; times > 0; times--)
            (void)probe_monotonic_clock_now(call, &value);
    else
        for (; times > 0; times--)
            (void)probe_bench_host_nothing(call, &value);
    result->is_error = 0;
    result->as.ok = (probe_list_u8){ NULL, 0 };
    return 0;
}
