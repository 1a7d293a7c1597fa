/* call.c - `berth call`: one hook or one function, once.  Layer: cli. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <berth/value.h>

#include "cli.h"

enum { MEMORY_BYTES_DEFAULT = 64 * 1024 * 1024, STEP = 64 * 1024 };

/* Reads all of stdin.  What could not fit into the plugin's memory is refused here, before it
 * fills ours. */
static int read_stdin(uint64_t bytes_max, cli_bytes *input)
{
    size_t room = STEP;

    input->data = cli_alloc(room);
    input->size = 0;
    for (;;) {
        ssize_t n = read(STDIN_FILENO, input->data + input->size, room - input->size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return cli_fail_os("stdin", "check what it is connected to", errno);
        if (n == 0)
            return CLI_OK;
        input->size += (size_t)n;
        if (input->size > bytes_max)
            return cli_fail(
                CLI_FAILED, "stdin", "raise --memory, or send less",
                "input: has more than %llu bytes, which is all of a plugin's memory",
                (unsigned long long)bytes_max);
        if (input->size == room) {
            room *= 2;
            input->data = cli_realloc(input->data, room);
        }
    }
}

static int write_reply(const berth_reply *reply)
{
    const char *data = reply->data;
    size_t left = reply->size;

    while (left > 0) {
        ssize_t n = write(STDOUT_FILENO, data, left);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return cli_fail_os("stdout", "the reply was not written whole", errno);
        data += n;
        left -= (size_t)n;
    }
    return CLI_OK;
}

static int call_once(cli_host *host, const cli_options *options, const cli_bytes *input)
{
    berth_call call = BERTH_CALL_INIT;
    berth_diag diag = { 0 };
    berth_arena *arena;
    berth_reply reply;
    berth_status status;
    char what[160];
    int code;

    status = berth_arena_create(NULL, 0, &arena, &diag);
    if (status != BERTH_OK)
        return cli_fail_diag(CLI_FAILED, "memory", NULL, status, &diag);
    call.hook = host->hook;
    call.input = input->data;
    call.input_size = input->size;
    call.arena = arena;
    status = berth_slot_call(host->slot, &call, &reply, &diag);
    if (status != BERTH_OK) {
        snprintf(what, sizeof what, "hook '%s'", options->hook);
        code = cli_fail_diag(CLI_FAILED, what, NULL, status, &diag);
    } else {
        code = write_reply(&reply);
        if (reply.is_dropped != 0 && !options->quiet)
            cli_note("the plugin dropped its input; there is no reply");
    }
    berth_arena_destroy(arena);
    return code;
}

/* The function that the second operand names, with the members of --json-args. */
static berth_status call_by_value(cli_host *host, const cli_options *options,
                                  const berth_call *call, const char **text_out,
                                  berth_diag *diag)
{
    const char *name = options->operands[1];
    berth_value args = BERTH_VALUE_INIT, result = BERTH_VALUE_INIT;
    berth_type *func = NULL;
    berth_status status = berth_slot_func_type(host->slot, name, &func, diag);

    if (status == BERTH_OK)
        status = berth_value_read(berth_type_params(func), BERTH_TEXT_JSON, options->json_args,
                                  strlen(options->json_args), 0, call->arena, &args, diag);
    if (status == BERTH_OK)
        status = berth_slot_invoke_value(host->slot, name, func, args, call, &result, diag);
    *text_out = options->json ? "null" : "";
    if (status == BERTH_OK && result.type != NULL)
        status = berth_value_write(result, options->json ? BERTH_TEXT_JSON : BERTH_TEXT_WAVE,
                                   call->arena, text_out, diag);
    berth_type_destroy(func);
    return status;
}

/* A function of a component or native plugin, called by text. */
static int evaluate_once(cli_host *host, const cli_options *options)
{
    const char *result;
    berth_call call = BERTH_CALL_INIT;
    berth_diag diag = { 0 };
    berth_arena *arena;
    berth_status status = berth_arena_create(NULL, 0, &arena, &diag);
    int code;

    if (status != BERTH_OK)
        return cli_fail_diag(CLI_FAILED, "memory", NULL, status, &diag);
    call.arena = arena;
    if (options->json_args != NULL)
        status = call_by_value(host, options, &call, &result, &diag);
    else
        status = berth_slot_evaluate(host->slot, options->operands[1], &call,
                                     options->json ? BERTH_TEXT_JSON : BERTH_TEXT_WAVE, &result,
                                     &diag);
    if (status == BERTH_E_INVALID) {
        code = cli_fail_lines(CLI_USAGE, "call", "'berth inspect FILE' shows what it exports",
                              diag.text);
    } else if (status != BERTH_OK) {
        code = cli_fail_diag(CLI_FAILED, "call", NULL, status, &diag);
    } else {
        if (result[0] != '\0')
            puts(result);
        code = cli_stdout_end(CLI_OK);
    }
    berth_arena_destroy(arena);
    return code;
}

int cli_call(const cli_options *options)
{
    uint64_t memory = options->memory_bytes == 0 ? MEMORY_BYTES_DEFAULT : options->memory_bytes;
    berth_diag diag = { 0 };
    cli_bytes input = { NULL, 0 };
    cli_host host;
    berth_status status;
    int code = cli_host_open(&host, options, "call", 0);

    if (code != CLI_OK)
        return code;
    status = cli_host_install(&host, options, options->operands[0], NULL, &diag);
    if (status != BERTH_OK)
        code =
            cli_fail_diag(cli_install_exit(status), options->operands[0], NULL, status, &diag);
    if (code == CLI_OK && options->operands_count == 2)
        code = evaluate_once(&host, options);
    else if (code == CLI_OK && (code = read_stdin(memory, &input)) == CLI_OK)
        code = call_once(&host, options, &input);
    cli_free(input.data);
    cli_host_close(&host);
    return code;
}
