/* flow_ask.c - `berth flow ps`, `swap`, `rollback` and `cancel`: asks a flow that runs.  Layer: cli. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow.h"

enum { REQUEST_MAX = 8192 };

static const char *text_of(const json_t *answer, const char *key)
{
    const char *text = json_string_value(json_object_get(answer, key));

    return text == NULL ? "" : text;
}

/* The server has another working folder than we, so a path is made absolute here. */
static int form_request(const cli_options *options, char dst[static REQUEST_MAX])
{
    const char *verb = options->operands[0], *stage = options->operands[2];
    const char *file = options->operands[3];
    char *path;
    int length;

    if (strcmp(verb, "ps") == 0) {
        snprintf(dst, REQUEST_MAX, "%s\n", options->prometheus ? "metrics" : "ps");
        return CLI_OK;
    }
    if (strpbrk(stage, " \n") != NULL)
        return cli_fail(CLI_USAGE, stage, "'berth flow ps SOCKET' lists the stages",
                        "is no name of a stage");
    if (strcmp(verb, "swap") != 0) {
        length = snprintf(dst, REQUEST_MAX, "%s %s\n", verb, stage);
    } else {
        path = realpath(file, NULL);
        if (path == NULL)
            return cli_fail_os(file, "check the path", errno);
        length = snprintf(dst, REQUEST_MAX, "swap %s %s\n", stage, path);
        free(path);
    }
    if (length < 0 || length >= REQUEST_MAX || strchr(dst, '\n') != dst + length - 1)
        return cli_fail(CLI_FAILED, stage, "move the file to another path",
                        "the request is too long, or has a newline in it");
    return CLI_OK;
}

static void print_answer(const cli_options *options, const json_t *answer)
{
    const char *verb = options->operands[0];
    char *table;

    if (options->prometheus) {
        fputs(text_of(answer, "text"), stdout);
    } else if (options->json) {
        (void)json_dumpf(answer, stdout, JSON_INDENT(2));
        putchar('\n');
    } else if (strcmp(verb, "ps") == 0) {
        table = flow_table(answer, NULL, 0, 0);
        puts(table);
        cli_free(table);
    } else if (strcmp(verb, "cancel") == 0) {
        printf("stage %s: takes nothing any more\n", options->operands[2]);
    } else {
        printf("stage %s: version %lld serves\n", options->operands[2],
               (long long)json_integer_value(json_object_get(answer, "version")));
    }
}

static int conclude(const cli_options *options, const json_t *answer)
{
    bool is_refused = json_is_true(json_object_get(answer, "refused"));
    const char *word = text_of(answer, "word"), *advice = text_of(answer, "advice");
    char why[CLI_TEXT_MAX];

    if (strcmp(text_of(answer, "status"), "ok") == 0) {
        print_answer(options, answer);
        return cli_stdout_end(CLI_OK);
    }
    snprintf(why, sizeof why, "%s: %s", word[0] == '\0' ? text_of(answer, "status") : word,
             text_of(answer, "text"));
    return cli_fail_lines(is_refused ? CLI_REJECTED : CLI_FAILED,
                          options->operands_count > 2 ? options->operands[2]
                                                      : options->operands[1],
                          advice[0] == '\0' ? "look at the flow" : advice, why);
}

int flow_ask(const cli_options *options)
{
    const char *path = options->operands[1];
    char request[REQUEST_MAX], *text = NULL;
    json_t *answer;
    int code = form_request(options, request);

    if (code == CLI_OK)
        code = cli_ask("flow", path, options->timeout_ns, request, &text);
    if (code != CLI_OK)
        return code;
    answer = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    code = json_is_object(answer)
               ? conclude(options, answer)
               : cli_fail(CLI_FAILED, path, "check that it is the socket of your flow",
                          "the answer is not JSON");
    json_decref(answer);
    cli_free(text);
    return code;
}
