/* wasi_probe.c - does with WASI what its input says, and answers what came of it. */
#include <stdbool.h>

#include "probe_plugin.h"

#include "berth_hook.h"

enum { ANSWER_MAX = 65536 };

typedef struct answer {
    uint8_t bytes[ANSWER_MAX];
    size_t size;
} answer;

static answer a;
static berth_plugin_call *call;
static const char *rest; /* of the input, behind the command */
static size_t rest_size;

static void say_bytes(const void *bytes, size_t size)
{
    if (size > ANSWER_MAX - a.size)
        size = ANSWER_MAX - a.size;
    memcpy(a.bytes + a.size, bytes, size);
    a.size += size;
}

static size_t length(const char *text)
{
    size_t n = 0;

    while (((const volatile char *)text)[n] != '\0') /* no strlen of a compiler's making */
        n++;
    return n;
}

static void say(const char *text)
{
    say_bytes(text, length(text));
}

static void say_number(uint64_t value)
{
    char digits[20];
    size_t n = 0;

    do
        digits[n++] = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    while (n > 0)
        say_bytes(&digits[--n], 1);
}

static uint64_t number(void)
{
    uint64_t value = 0;

    for (size_t i = 0; i < rest_size && rest[i] >= '0' && rest[i] <= '9'; i++)
        value = value * 10 + (uint64_t)(rest[i] - '0');
    return value;
}

static probe_streams_output_stream_borrow lend_output(probe_streams_output_stream s)
{
    return (probe_streams_output_stream_borrow){ s.handle };
}

static probe_streams_input_stream_borrow lend_input(probe_streams_input_stream s)
{
    return (probe_streams_input_stream_borrow){ s.handle };
}

static probe_poll_pollable_borrow lend(probe_poll_pollable p)
{
    return (probe_poll_pollable_borrow){ p.handle };
}

static void say_error(const probe_streams_stream_error *error)
{
    berth_string text;

    if (error->tag == PROBE_STREAMS_STREAM_ERROR_CLOSED) {
        say("closed");
        return;
    }
    (void)probe_error_error_to_debug_string(
        call, (probe_error_error_borrow){ error->as.last_operation_failed.handle }, &text);
    say("failed ");
    say_bytes(text.text, text.size);
    probe_error_error_drop(error->as.last_operation_failed);
}

/* ---------------------------------------------------------------- clocks and random */

static void do_mono(void)
{
    uint64_t first = 0, second = 0;

    (void)probe_monotonic_clock_now(call, &first);
    (void)probe_monotonic_clock_now(call, &second);
    say(second >= first ? "forward " : "back ");
    say_number(second - first);
}

static void do_wall(void)
{
    probe_wall_clock_datetime now = { 0, 0 };

    (void)probe_wall_clock_now(call, &now);
    say_number(now.seconds);
    say(".");
    say_number(now.nanoseconds);
}

static void do_resolution(void)
{
    probe_wall_clock_datetime wall = { 0, 0 };
    uint64_t monotonic = 0;

    (void)probe_wall_clock_resolution(call, &wall);
    (void)probe_monotonic_clock_resolution(call, &monotonic);
    say_number(wall.nanoseconds);
    say(" ");
    say_number(monotonic);
}

static void do_random(void)
{
    probe_list_u8 bytes = { NULL, 0 };

    (void)probe_random_get_random_bytes(call, number(), &bytes);
    say_bytes(bytes.data, bytes.count);
}

static void do_insecure(void)
{
    probe_list_u8 bytes = { NULL, 0 };
    probe_tuple_u64_u64 seed;
    uint64_t word = 0;

    (void)probe_insecure_get_insecure_random_bytes(call, 8, &bytes);
    (void)probe_insecure_get_insecure_random_u64(call, &word);
    (void)probe_insecure_seed_insecure_seed(call, &seed);
    say_bytes(bytes.data, bytes.count);
    say_bytes(&word, sizeof word);
    (void)probe_random_get_random_u64(call, &word);
    say_bytes(&word, sizeof word);
    say_bytes(&seed, sizeof seed);
}

/* A moment in front of a stream: whatever is ready first. */
static void do_sleep(void)
{
    probe_poll_pollable p[2];
    probe_poll_pollable_borrow lent[2];
    probe_list_u32 ready = { NULL, 0 };
    uint64_t now = 0, later = 0;
    uint8_t is_ready = 0;

    (void)probe_monotonic_clock_subscribe_duration(call, UINT64_MAX, &p[0]);
    (void)probe_monotonic_clock_now(call, &now);
    (void)probe_monotonic_clock_subscribe_instant(call, now + number(), &p[1]);
    lent[0] = lend(p[0]);
    lent[1] = lend(p[1]);
    (void)probe_poll_pollable_ready(call, lent[0], &is_ready); /* looking takes no time */
    (void)probe_monotonic_clock_now(call, &later);
    if (is_ready || later < now)
        say("odd ");
    (void)probe_poll_poll(call, (probe_list_poll_pollable_borrow){ lent, 2 }, &ready);
    say("ready");
    for (size_t i = 0; i < ready.count; i++) {
        say(" ");
        say_number(ready.data[i]);
    }
    probe_poll_pollable_drop(p[0]);
    (void)probe_poll_pollable_block(call, lend(p[1]));
    probe_poll_pollable_drop(p[1]);
}

static void do_poll_nothing(void)
{
    probe_list_u32 ready;

    (void)probe_poll_poll(call, (probe_list_poll_pollable_borrow){ NULL, 0 }, &ready);
}

/* ---------------------------------------------------------------- cli */

static void do_env(void)
{
    probe_list_tuple_string_string all = { NULL, 0 };
    probe_list_string words = { NULL, 0 };
    probe_option_string cwd;

    (void)probe_environment_get_environment(call, &all);
    for (size_t i = 0; i < all.count; i++) {
        say_bytes(all.data[i].f0.text, all.data[i].f0.size);
        say("=");
        say_bytes(all.data[i].f1.text, all.data[i].f1.size);
        say(";");
    }
    (void)probe_environment_get_arguments(call, &words);
    for (size_t i = 0; i < words.count; i++) {
        say_bytes(words.data[i].text, words.data[i].size);
        say(",");
    }
    (void)probe_environment_initial_cwd(call, &cwd);
    say(cwd.is_some ? "cwd" : "");
}

static void do_exit(void)
{
    (void)probe_exit_exit_with_code(call, (uint8_t)number());
}

static void do_exit_result(void)
{
    probe_result_none_none status = { (uint8_t)number() };

    (void)probe_exit_exit(call, &status);
}

static void do_terminals(void)
{
    probe_option_terminal_input_terminal_input in;
    probe_option_terminal_output_terminal_output out, err;

    (void)probe_terminal_stdin_get_terminal_stdin(call, &in);
    (void)probe_terminal_stdout_get_terminal_stdout(call, &out);
    (void)probe_terminal_stderr_get_terminal_stderr(call, &err);
    say_number((uint64_t)in.is_some + out.is_some + err.is_some);
}

/* ---------------------------------------------------------------- streams */

static void write_to(probe_streams_output_stream s)
{
    probe_list_u8 text = { (const uint8_t *)rest, rest_size };
    probe_result_none_streams_stream_error result;

    (void)probe_streams_output_stream_blocking_write_and_flush(call, lend_output(s), text,
                                                               &result);
    if (result.is_error)
        say_error(&result.as.error);
    else
        say("written");
    probe_streams_output_stream_drop(s);
}

static void do_out(void)
{
    probe_streams_output_stream s;

    (void)probe_stdout_get_stdout(call, &s);
    write_to(s);
}

static void do_err(void)
{
    probe_streams_output_stream s;

    (void)probe_stderr_get_stderr(call, &s);
    write_to(s);
}

/* check-write, write, flush, zeroes, blocking ones; what the stream is given says so in its order. */
static void do_ways(void)
{
    probe_result_u64_streams_stream_error permit;
    probe_result_none_streams_stream_error result;
    probe_poll_pollable ready;
    probe_streams_output_stream s;
    uint8_t is_ready = 0;

    (void)probe_stdout_get_stdout(call, &s);
    (void)probe_streams_output_stream_subscribe(call, lend_output(s), &ready);
    (void)probe_poll_pollable_ready(call, lend(ready), &is_ready);
    (void)probe_poll_pollable_block(call, lend(ready));
    (void)probe_streams_output_stream_check_write(call, lend_output(s), &permit);
    say(is_ready && !permit.is_error && permit.as.ok > 0 ? "open" : "shut");
    (void)probe_streams_output_stream_write(
        call, lend_output(s), (probe_list_u8){ (const uint8_t *)"w", 1 }, &result);
    (void)probe_streams_output_stream_write_zeroes(call, lend_output(s), 2, &result);
    (void)probe_streams_output_stream_flush(call, lend_output(s), &result);
    (void)probe_streams_output_stream_blocking_write_zeroes_and_flush(call, lend_output(s), 1,
                                                                      &result);
    (void)probe_streams_output_stream_blocking_flush(call, lend_output(s), &result);
    say(result.is_error ? " bad" : " good");
    probe_streams_output_stream_drop(s); /* before what was made of it */
    (void)probe_poll_pollable_ready(call, lend(ready), &is_ready);
    probe_poll_pollable_drop(ready);
}

static void do_past_permit(void)
{
    probe_result_none_streams_stream_error result;
    probe_streams_output_stream s;

    (void)probe_stdout_get_stdout(call, &s);
    (void)probe_streams_output_stream_write(
        call, lend_output(s), (probe_list_u8){ (const uint8_t *)"w", 1 }, &result);
}

/* Skips one byte, reads three, splices the rest to stdout. */
static void do_in(void)
{
    probe_result_list_u8_streams_stream_error bytes;
    probe_result_u64_streams_stream_error moved;
    probe_streams_output_stream out;
    probe_streams_input_stream in;
    probe_poll_pollable ready;

    (void)probe_stdin_get_stdin(call, &in);
    (void)probe_stdout_get_stdout(call, &out);
    (void)probe_streams_input_stream_subscribe(call, lend_input(in), &ready);
    (void)probe_poll_pollable_block(call, lend(ready));
    (void)probe_streams_input_stream_skip(call, lend_input(in), 1, &moved);
    (void)probe_streams_input_stream_read(call, lend_input(in), 0, &bytes);
    (void)probe_streams_input_stream_blocking_read(call, lend_input(in), 3, &bytes);
    if (bytes.is_error)
        say_error(&bytes.as.error);
    else
        say_bytes(bytes.as.ok.data, bytes.as.ok.count);
    (void)probe_streams_output_stream_splice(call, lend_output(out), lend_input(in), 1, &moved);
    (void)probe_streams_output_stream_blocking_splice(call, lend_output(out), lend_input(in),
                                                      100, &moved);
    say(" ");
    if (moved.is_error)
        say_error(&moved.as.error);
    else
        say_number(moved.as.ok);
    (void)probe_streams_input_stream_blocking_skip(call, lend_input(in), 1, &moved);
    say(" ");
    if (moved.is_error)
        say_error(&moved.as.error);
    else
        say_number(moved.as.ok);
    probe_streams_input_stream_drop(in);
    probe_streams_output_stream_drop(out);
    probe_poll_pollable_drop(ready);
}

/* Opens and closes, the child first and the parent first. */
static void do_cycles(void)
{
    for (uint64_t left = number(); left > 0; left--) {
        probe_streams_output_stream s;
        probe_poll_pollable p;

        (void)probe_stdout_get_stdout(call, &s);
        (void)probe_streams_output_stream_subscribe(call, lend_output(s), &p);
        if (left % 2 == 0)
            probe_streams_output_stream_drop(s);
        probe_poll_pollable_drop(p);
        if (left % 2 != 0)
            probe_streams_output_stream_drop(s);
    }
    say("done");
}

/* Keeps what it opens. */
static void do_hoard(void)
{
    for (uint64_t left = number(); left > 0; left--) {
        probe_streams_output_stream s;

        (void)probe_stdout_get_stdout(call, &s);
    }
    say("kept");
}

static const struct {
    const char *name;
    void (*run)(void);
} commands[] = {
    { "mono", do_mono },
    { "wall", do_wall },
    { "resolution", do_resolution },
    { "random", do_random },
    { "insecure", do_insecure },
    { "sleep", do_sleep },
    { "poll-nothing", do_poll_nothing },
    { "env", do_env },
    { "exit", do_exit },
    { "exit-result", do_exit_result },
    { "terminals", do_terminals },
    { "out", do_out },
    { "err", do_err },
    { "ways", do_ways },
    { "past-permit", do_past_permit },
    { "in", do_in },
    { "cycles", do_cycles },
    { "hoard", do_hoard },
};

static bool is_command(const char *name, const uint8_t *input, size_t size)
{
    size_t n = length(name);

    if (size < n || memcmp(input, name, n) != 0 || (size > n && input[n] != ' '))
        return false;
    rest = (const char *)input + n + (size > n);
    rest_size = size - n - (size > n);
    return true;
}

int32_t probe_plugin_process(void *self, const probe_process_args *args,
                             probe_result_list_u8_string *result, berth_plugin_call *of)
{
    (void)self;
    call = of;
    a.size = 0;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (is_command(commands[i].name, args->input.data, args->input.count)) {
            commands[i].run();
            result->is_error = 0;
            result->as.ok = (probe_list_u8){ a.bytes, a.size };
            return 0;
        }
    result->is_error = 1;
    result->as.error = (berth_string){ "no such command", 15 };
    return 0;
}
