/* ctl.c - `berth ctl`: asks a running pipe.  Layer: cli. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cli.h"

enum { REQUEST_MAX = 8192 };

/* The request line for what is asked, into `dst`.  The server has another working folder than
 * we, so a path is made absolute here. */
static int form_request(const cli_options *options, char *dst, size_t size)
{
    const char *verb = options->operands[1], *file = options->operands[2];
    char *path;
    int length;

    if (options->operands_count < 2)
        return cli_fail(CLI_USAGE, "ctl", "see 'berth help ctl'", "needs a command");
    if (strcmp(verb, "rollback") != 0 && strcmp(verb, "stat") != 0 &&
        strcmp(verb, "evict") != 0 && strcmp(verb, "swap") != 0)
        return cli_fail(CLI_USAGE, verb, "see 'berth help ctl'", "is not a command of ctl");
    if ((options->operands_count == 3) != (strcmp(verb, "swap") == 0))
        return cli_fail(CLI_USAGE, verb, "see 'berth help ctl'",
                        options->operands_count == 3 ? "takes no FILE" : "needs a FILE");
    if (options->operands_count == 2) {
        snprintf(dst, size, "%s\n", verb);
        return CLI_OK;
    }
    path = realpath(file, NULL);
    if (path == NULL)
        return cli_fail_os(file, "check the path", errno);
    length = snprintf(dst, size, "%s %s\n", verb, path);
    free(path);
    if (length < 0 || (size_t)length >= size || strchr(dst, '\n') != dst + length - 1)
        return cli_fail(CLI_FAILED, file, "move the file to another path",
                        "its absolute path is too long or has a newline in it");
    return CLI_OK;
}

static const char *text_of(const json_t *answer, const char *key)
{
    const char *text = json_string_value(json_object_get(answer, key));

    return text == NULL ? "" : text;
}

static long long number_of(const json_t *answer, const char *key)
{
    return json_integer_value(json_object_get(answer, key));
}

enum { NAME_ROOM = 512 };

/* The same, made safe for a terminal: who answers at a socket need not be a pipe of ours. */
static const char *name_of(const json_t *answer, const char *key, char dst[NAME_ROOM])
{
    cli_clean(dst, NAME_ROOM, text_of(answer, key), false);
    return dst;
}

static void print_members(const json_t *object, const char *prefix)
{
    char name[NAME_ROOM];
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        cli_clean(name, sizeof name, key, false);
        if (json_is_integer(value))
            printf("%s%-22s %lld\n", prefix, name, (long long)json_integer_value(value));
    }
}

static void print_versions(const json_t *versions)
{
    char name[NAME_ROOM], label[NAME_ROOM];
    size_t index;
    json_t *v;

    json_array_foreach(versions, index, v)
    {
        printf("version %-4lld %s %s: %lld answered, %lld dropped, %lld failed\n",
               number_of(v, "version"), name_of(v, "name", name), name_of(v, "label", label),
               number_of(v, "answered"), number_of(v, "dropped"), number_of(v, "failed"));
    }
}

static void print_stat(const json_t *answer)
{
    static const char *const parts[] = { "records",    "failures", "swaps",
                                         "latency_ns", "slot",     "runtime" };
    char text[3][NAME_ROOM];

    printf("berth %s, engine %s, hook %s\n", name_of(answer, "berth", text[0]),
           name_of(answer, "engine", text[1]), name_of(answer, "hook", text[2]));
    print_members(answer, "");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        printf("%s:\n", parts[i]);
        print_members(json_object_get(answer, parts[i]), "  ");
    }
    print_versions(json_object_get(answer, "versions"));
}

static void print_done(const char *verb, const json_t *answer)
{
    long long version = number_of(answer, "version"), previous = number_of(answer, "previous");

    if (strcmp(verb, "stat") == 0)
        print_stat(answer);
    else if (strcmp(verb, "evict") == 0)
        printf("evicted; version %lld was the last\n", previous);
    else if (json_is_true(json_object_get(answer, "unchanged")))
        printf("version %lld serves; it has these very bytes\n", version);
    else
        printf("version %lld serves, after version %lld\n", version, previous);
}

static int conclude(const cli_options *options, const json_t *answer, const char *text)
{
    bool is_ok = strcmp(text_of(answer, "status"), "ok") == 0;
    int code = is_ok                                              ? CLI_OK
               : json_is_true(json_object_get(answer, "refused")) ? CLI_REJECTED
                                                                  : CLI_FAILED;

    if (options->json)
        fputs(text, stdout);
    else if (is_ok)
        print_done(options->operands[1], answer);
    if (!is_ok) {
        const char *what =
            options->operands_count == 3 ? options->operands[2] : options->operands[1];
        const char *word = text_of(answer, "word"), *advice = text_of(answer, "advice");
        char why[CLI_TEXT_MAX];

        snprintf(why, sizeof why, "%s: %s", word[0] == '\0' ? text_of(answer, "status") : word,
                 text_of(answer, "text"));
        cli_fail_lines(code, what, advice[0] == '\0' ? "look at the pipe" : advice, why);
    }
    return cli_stdout_end(code);
}

int cli_ctl(const cli_options *options)
{
    const char *socket_path = options->operands[0];
    char request[REQUEST_MAX], *text = NULL;
    json_t *answer;
    int code = form_request(options, request, sizeof request);

    if (code == CLI_OK)
        code = cli_ask("pipe", socket_path, options->timeout_ns, request, &text);
    if (code != CLI_OK)
        return code;
    answer = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    code = json_is_object(answer)
               ? conclude(options, answer, text)
               : cli_fail(CLI_FAILED, socket_path, "check that it is the socket of your pipe",
                          "the answer is not JSON");
    json_decref(answer);
    cli_free(text);
    return code;
}
