/* wasi_command.c - a program: says its arguments on stderr, copies stdin to stdout, ends as its last argument
 * says. */
#include <stdbool.h>

#include "probe_plugin.h"

#include "berth_hook.h"

static bool write_all(berth_plugin_call *call, probe_streams_output_stream to,
                      const uint8_t *data, size_t size)
{
    probe_result_none_streams_stream_error result;

    while (size > 0) {
        size_t part = size < 4096 ? size : 4096;

        (void)probe_streams_output_stream_blocking_write_and_flush(
            call, (probe_streams_output_stream_borrow){ to.handle },
            (probe_list_u8){ data, part }, &result);
        if (result.is_error)
            return false;
        data += part;
        size -= part;
    }
    return true;
}

static bool copy(berth_plugin_call *call)
{
    probe_result_list_u8_streams_stream_error bytes;
    probe_streams_input_stream in;
    probe_streams_output_stream out;

    (void)probe_stdin_get_stdin(call, &in);
    (void)probe_stdout_get_stdout(call, &out);
    for (;;) {
        (void)probe_streams_input_stream_blocking_read(
            call, (probe_streams_input_stream_borrow){ in.handle }, 10000, &bytes);
        if (bytes.is_error)
            break;
        if (!write_all(call, out, bytes.as.ok.data, bytes.as.ok.count))
            return false;
    }
    probe_streams_input_stream_drop(in);
    probe_streams_output_stream_drop(out);
    return bytes.as.error.tag == PROBE_STREAMS_STREAM_ERROR_CLOSED;
}

int32_t probe_plugin_run_run(void *self, const void *args, probe_result_none_none *result,
                             berth_plugin_call *call)
{
    probe_list_string words = { NULL, 0 };
    probe_streams_output_stream err;
    bool is_good;

    (void)self;
    (void)args;
    (void)probe_environment_get_arguments(call, &words);
    (void)probe_stderr_get_stderr(call, &err);
    for (size_t i = 1; i < words.count; i++) {
        (void)write_all(call, err, (const uint8_t *)words.data[i].text, words.data[i].size);
        (void)write_all(call, err, (const uint8_t *)"\n", 1);
    }
    is_good = copy(call);
    if (words.count > 1 && words.data[words.count - 1].text[0] == 'e')
        (void)probe_exit_exit_with_code(call, 42);
    result->is_error =
        !is_good || (words.count > 1 && words.data[words.count - 1].text[0] == 'f');
    return 0;
}
