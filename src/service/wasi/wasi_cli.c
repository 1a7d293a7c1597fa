/* wasi_cli.c - wasi:cli: environment, exit, stdin, stdout, stderr, terminal-*.  Layer: service. */
#include "service/wasi/wasi.h"

#include "base/diag.h"
#include "component/run/host_call.h"
#include "os/stdio.h"

/* ---------------------------------------------------------------- environment */

static berth_status get_environment(void *ctx, const void *args,
                                    berthi_wasi_list_tuple_string_string *result,
                                    berth_host_call *call)
{
    uint32_t count;
    const berthi_grant_variable *from =
        berthi_grants_environment(berthi_wasi_services(call)->grants, &count);
    berthi_wasi_tuple_string_string *to = berth_host_room(call, count * sizeof *to);

    if (to == NULL && count != 0)
        return BERTH_E_NOMEM;
    for (uint32_t i = 0; i < count; i++) {
        to[i].f0 = (berth_string){ from[i].name, strlen(from[i].name) };
        to[i].f1 = (berth_string){ from[i].value, strlen(from[i].value) };
    }
    *result = (berthi_wasi_list_tuple_string_string){ to, count };
    return BERTH_OK;
}

static berth_status get_arguments(void *ctx, const void *args, berthi_wasi_list_string *result,
                                  berth_host_call *call)
{
    const berth_grants_options *opt = berthi_grants_options(berthi_wasi_services(call)->grants);
    uint32_t count = opt->arguments_count;
    berth_string *to = berth_host_room(call, count * sizeof *to);

    if (to == NULL && count != 0)
        return BERTH_E_NOMEM;
    for (uint32_t i = 0; i < count; i++)
        to[i] = (berth_string){ opt->arguments[i], strlen(opt->arguments[i]) };
    *result = (berthi_wasi_list_string){ to, count };
    return BERTH_OK;
}

static berth_status initial_cwd(void *ctx, const void *args, berthi_wasi_option_string *result,
                                berth_host_call *call)
{
    result->is_some = 0; /* folders have absolute names */
    return BERTH_OK;
}

/* ---------------------------------------------------------------- exit */

/* The instance ends where it is. */
static berth_status exit_with(berth_host_call *call, uint8_t code)
{
    berth_diag *diag = berthi_host_call_diag(call);

    (void)berthi_fail_because(diag, BERTH_E_TRAP, BERTH_REASON_EXIT, "it exited with %u", code);
    diag->os_code = code;
    return BERTH_E_TRAP;
}

static berth_status cli_exit(void *ctx, const berthi_wasi_exit_exit_args *args, void *result,
                             berth_host_call *call)
{
    return exit_with(call, args->status.is_error);
}

static berth_status cli_exit_with_code(void *ctx,
                                       const berthi_wasi_exit_exit_with_code_args *args,
                                       void *result, berth_host_call *call)
{
    return exit_with(call, args->status_code);
}

/* ---------------------------------------------------------------- streams */

static berth_status get_stdin(void *ctx, const void *args,
                              berthi_wasi_streams_input_stream *result, berth_host_call *call)
{
    return berthi_wasi_give(call, ((berthi_wasi *)ctx)->imports.streams_input_stream.kind,
                            berthi_services_input(berthi_wasi_services(call)), &result->handle);
}

static berth_status give_output(void *ctx, int32_t stream,
                                berthi_wasi_streams_output_stream *result,
                                berth_host_call *call)
{
    return berthi_wasi_give(call, ((berthi_wasi *)ctx)->imports.streams_output_stream.kind,
                            berthi_services_output(berthi_wasi_services(call), stream),
                            &result->handle);
}

static berth_status get_stdout(void *ctx, const void *args,
                               berthi_wasi_streams_output_stream *result, berth_host_call *call)
{
    return give_output(ctx, BERTH_OUTPUT_STDOUT, result, call);
}

static berth_status get_stderr(void *ctx, const void *args,
                               berthi_wasi_streams_output_stream *result, berth_host_call *call)
{
    return give_output(ctx, BERTH_OUTPUT_STDERR, result, call);
}

/* ---------------------------------------------------------------- terminals */

static const berthi_object_class terminal_class = { "terminal", sizeof(berthi_object), NULL,
                                                    NULL };

static bool is_terminal(berth_host_call *call, int fd, berthi_right right)
{
    const berthi_services *s = berthi_wasi_services(call);

    return berthi_services_has_process_stdio(s) && berthi_grants_has(s->grants, right) &&
           berthi_stdio_is_terminal(fd);
}

static berth_status give_terminal(berth_host_call *call, const berth_host_resource *kind,
                                  uint8_t *is_some, berth_handle *handle_out)
{
    *is_some = 1;
    return berthi_wasi_give(call, kind,
                            berthi_object_make(berthi_wasi_services(call), &terminal_class),
                            handle_out);
}

static berth_status get_terminal_stdin(void *ctx, const void *args,
                                       berthi_wasi_option_terminal_input_terminal_input *result,
                                       berth_host_call *call)
{
    if (!is_terminal(call, 0, BERTHI_RIGHT_STDIN))
        return BERTH_OK;
    return give_terminal(call, ((berthi_wasi *)ctx)->imports.terminal_input_terminal_input.kind,
                         &result->is_some, &result->some.handle);
}

static berth_status get_terminal_stdout(
    void *ctx, const void *args, berthi_wasi_option_terminal_output_terminal_output *result,
    berth_host_call *call)
{
    if (!is_terminal(call, 1, BERTHI_RIGHT_STDOUT))
        return BERTH_OK;
    return give_terminal(call,
                         ((berthi_wasi *)ctx)->imports.terminal_output_terminal_output.kind,
                         &result->is_some, &result->some.handle);
}

static berth_status get_terminal_stderr(
    void *ctx, const void *args, berthi_wasi_option_terminal_output_terminal_output *result,
    berth_host_call *call)
{
    if (!is_terminal(call, 2, BERTHI_RIGHT_STDERR))
        return BERTH_OK;
    return give_terminal(call,
                         ((berthi_wasi *)ctx)->imports.terminal_output_terminal_output.kind,
                         &result->is_some, &result->some.handle);
}

void berthi_wasi_fill_cli(berthi_wasi_imports *imports)
{
    imports->terminal_input_terminal_input.destroy = berthi_object_unref;
    imports->terminal_output_terminal_output.destroy = berthi_object_unref;
    imports->environment_get_environment = get_environment;
    imports->environment_get_arguments = get_arguments;
    imports->environment_initial_cwd = initial_cwd;
    imports->exit_exit = cli_exit;
    imports->exit_exit_with_code = cli_exit_with_code;
    imports->stdin_get_stdin = get_stdin;
    imports->stdout_get_stdout = get_stdout;
    imports->stderr_get_stderr = get_stderr;
    imports->terminal_stdin_get_terminal_stdin = get_terminal_stdin;
    imports->terminal_stdout_get_terminal_stdout = get_terminal_stdout;
    imports->terminal_stderr_get_terminal_stderr = get_terminal_stderr;
}
