/* main.c - which command it is.  Layer: cli. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "cli.h"

/* A program started with descriptors 0 to 2 closed would get them for its own files, and write
 * records into its control socket.  The stand-ins are of the wrong direction, so that using them
 * fails as using the closed descriptor would have. */
static bool hold_standard_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        int opened;

        if (fcntl(fd, F_GETFD) != -1)
            continue;
        opened = open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
        if (opened != fd) {
            if (opened >= 0)
                close(opened);
            return false;
        }
    }
    return true;
}

static int print_version(void)
{
    printf("berth %s\n", berth_version_text());
    return cli_stdout_end(CLI_OK);
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int print_help(int argc, char **argv)
{
    cli_command command = 0;

    if (argc > 0 && asks_for_help(argv[argc - 1])) /* "berth help call --help" */
        argc--;
    if (argc > 1)
        return cli_fail(CLI_USAGE, "help", "run 'berth help COMMAND'", "takes one command");
    if (argc == 1 && strcmp(argv[0], "help") != 0) {
        command = cli_command_find(argv[0]);
        if (command == 0)
            return cli_fail(CLI_USAGE, argv[0], "run 'berth help' for the list",
                            "is not a command");
    }
    cli_help_print(stdout, command);
    return cli_stdout_end(CLI_OK);
}

typedef struct job {
    cli_command command;
    const cli_options *options;
    int code;
} job;

static void *run_job(void *context)
{
    job *j = context;

    switch (j->command) {
    case CLI_INSPECT:
        j->code = cli_inspect(j->options);
        break;
    case CLI_CALL:
        j->code = cli_call(j->options);
        break;
    case CLI_PIPE:
        j->code = cli_pipe(j->options);
        break;
    case CLI_CTL:
        j->code = cli_ctl(j->options);
        break;
    case CLI_WIT:
        j->code = cli_wit(j->options);
        break;
    case CLI_WRAP:
    case CLI_COMPONENTIZE:
        j->code = cli_wrap(j->options);
        break;
    case CLI_BINDGEN:
        j->code = cli_bindgen(j->options);
        break;
    case CLI_BUNDLE:
        j->code = cli_bundle(j->options);
        break;
    case CLI_KEYGEN:
        j->code = cli_keygen(j->options);
        break;
    case CLI_SIGN:
        j->code = cli_sign(j->options);
        break;
    case CLI_VERIFY:
        j->code = cli_verify(j->options);
        break;
    case CLI_FLOW:
        j->code = cli_flow(j->options);
        break;
    case CLI_TEST:
        j->code = cli_test(j->options);
        break;
    case CLI_NEW:
        j->code = cli_new(j->options);
        break;
    case CLI_CHECK:
        j->code = cli_check(j->options);
        break;
    case CLI_RUN_GUEST:
        j->code = cli_run_guest(j->options);
        break;
    }
    return NULL;
}

/* Not on the main thread, whose stack is of the size that the user's limits say. */
static int run(cli_command command, const cli_options *options)
{
    job j = { command, options, CLI_FAILED };
    pthread_t thread;
    int code = cli_thread_start(&thread, run_job, &j);

    if (code != 0)
        return cli_fail_os("threads", "allow more of them", code);
    pthread_join(thread, NULL);
    return j.code;
}

int main(int argc, char **argv)
{
    cli_options options;
    cli_command command;

    if (!hold_standard_descriptors())
        return CLI_FAILED;
    json_set_alloc_funcs(cli_alloc, cli_free); /* jansson does not survive a NULL everywhere */
    if (argc < 2) {
        cli_help_print(stderr, 0);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0)
        return print_version();
    if (asks_for_help(argv[1]))
        return print_help(0, NULL);
    if (strcmp(argv[1], "help") == 0)
        return print_help(argc - 2, argv + 2);
    command = cli_command_find(argv[1]);
    if (command == 0)
        return cli_fail(CLI_USAGE, argv[1], "run 'berth help' for the list",
                        argv[1][0] == '-' ? "is not an option" : "is not a command");
    if (!cli_options_read(&options, command, argc - 2, argv + 2))
        return CLI_USAGE;
    if (options.help) {
        cli_help_print(stdout, command);
        return cli_stdout_end(CLI_OK);
    }
    return run(command, &options);
}
