/* asks.c - what a plugin's imports ask for, against what --grant says.  Layer: cli. */
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "cli.h"

static const char deny[] = "deny:";

typedef enum answer { GIVEN, REFUSES, MISSING } answer;

/* Whether a line such as "clock" or "fs:read:/data" is about what is asked for as "clock:wall" or "fs:read":
 * one of the two goes on where the other ends. */
static bool is_about(const char *line, const char *asked)
{
    size_t length = strlen(line), size = strlen(asked);
    char next = length < size ? asked[length] : line[size];

    return strncmp(line, asked, length < size ? length : size) == 0 &&
           (length == size || next == ':');
}

/* A denial of a part, such as one folder, leaves the rest as it is granted; of what is not granted at all, it is
 * the answer, for any denial links what is needed. */
static answer answer_of(const cli_options *options, const char *asked, bool is_needed,
                        const char **line_out)
{
    const char *line, *denies_part = NULL;

    *line_out = NULL;
    for (uint32_t i = 0; i < options->grants.count; i++) {
        line = options->grants.at[i];
        if (strncmp(line, deny, strlen(deny)) != 0) {
            if (is_about(line, asked) && *line_out == NULL)
                *line_out = line;
        } else if (is_about(line + strlen(deny), asked)) {
            denies_part = line;
            if (strlen(line + strlen(deny)) > strlen(asked))
                continue;
            *line_out = line;
            return REFUSES;
        }
    }
    if (*line_out != NULL)
        return GIVEN;
    *line_out = denies_part;
    return is_needed && denies_part == NULL ? MISSING : REFUSES;
}

static bool put_answer(const cli_options *options, const char *asked, bool is_needed, char *out,
                       size_t size)
{
    const char *line;
    answer a = answer_of(options, asked, is_needed, &line);

    if (a == GIVEN)
        snprintf(out, size, "%s is given by %s", asked, line);
    else if (a == MISSING)
        snprintf(out, size, "%s is missing: the plugin is refused", asked);
    else
        snprintf(out, size, "%s is %s%s, and calls are refused", asked,
                 line == NULL ? "not given" : "denied by ", line == NULL ? "" : line);
    return a == MISSING;
}

/* What one interface asks for, such as "fs:read, fs:write". */
static bool put_ask(const cli_options *options, const json_t *ask, char *out, size_t size)
{
    const char *grants = json_string_value(json_object_get(ask, "grants"));
    bool is_needed = json_is_true(json_object_get(ask, "is_needed")), misses = false;
    char list[256], *next = list, *asked;
    size_t used;

    snprintf(out, size, "%s: ", json_string_value(json_object_get(ask, "interface")));
    snprintf(list, sizeof list, "%s", grants);
    while ((asked = strsep(&next, ",")) != NULL) {
        used = strlen(out);
        misses |=
            put_answer(options, asked + strspn(asked, " "), is_needed, out + used, size - used);
        used = strlen(out);
        snprintf(out + used, size - used, "%s", next == NULL ? "" : "; ");
    }
    return misses;
}

bool cli_asks_each(const cli_options *options, const json_t *verdict, cli_asks_line *line,
                   void *ctx)
{
    static const char *const forms[] = { "component", "module" };
    char text[CLI_TEXT_MAX];
    bool misses = false;
    const json_t *ask;
    size_t at;

    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        json_array_foreach(json_object_get(json_object_get(verdict, forms[i]), "asks"), at, ask)
        {
            if (json_string_length(json_object_get(ask, "grants")) == 0)
                continue;
            misses |= put_ask(options, ask, text, sizeof text);
            line(ctx, text);
        }
    return misses;
}
