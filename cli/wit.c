/* wit.c - `berth wit` and `berth wit diff`.  Layer: cli. */
#include <string.h>

#include <berth/contract.h>
#include <berth/wit.h>

#include "cli.h"

/* "a,b" as names. */
bool cli_features_split(char *copy, const char **names, uint32_t *count_out)
{
    for (char *at = copy; at != NULL; *count_out += 1) {
        char *comma = strchr(at, ',');

        if (comma != NULL)
            *comma = '\0';
        if (*at == '\0' || *count_out == CLI_FEATURES_MAX) {
            cli_fail(CLI_USAGE, "--features", "give up to 64 names with commas between",
                     *at == '\0' ? "a name is empty" : "there are too many");
            return false;
        }
        names[*count_out] = at;
        at = comma == NULL ? NULL : comma + 1;
    }
    return true;
}

/* "PLACE: WHY; ADVICE" and the line shown below, as our errors are. */
int cli_fail_wit(const char *path, const berth_diag *diag)
{
    char text[sizeof diag->text], why[sizeof diag->text];
    size_t first = strcspn(diag->text, "\n");
    char *colon, *advice;

    memcpy(text, diag->text, sizeof text);
    text[first] = '\0';
    colon = strstr(text, ": ");
    if (colon == NULL)
        return cli_fail_diag(CLI_REJECTED, path, "correct the text", BERTH_E_REJECTED, diag);
    *colon = '\0';
    advice = strstr(colon + 2, "; ");
    if (advice != NULL)
        *advice = '\0';
    snprintf(why, sizeof why, "%s%s", colon + 2, diag->text + first);
    return cli_fail_lines(CLI_REJECTED, text, advice == NULL ? "correct it" : advice + 2, why);
}

static int print(const cli_options *options, const berth_wit_options *wit_options)
{
    const char *path = options->operands[options->operands_count - 1];
    berth_diag diag = { 0 };
    berth_wit *wit;
    berth_status status = berth_wit_read(NULL, options->operands, options->operands_count,
                                         wit_options, &wit, &diag);

    if (status == BERTH_E_REJECTED)
        return cli_fail_wit(path, &diag);
    if (status != BERTH_OK)
        return cli_fail_diag(CLI_FAILED, path, NULL, status, &diag);
    fputs(options->json ? berth_wit_json(wit) : berth_wit_text(wit), stdout);
    if (options->json)
        putchar('\n');
    berth_wit_destroy(wit);
    return cli_stdout_end(CLI_OK);
}

static bool is_diff(const cli_options *options)
{
    return strcmp(options->operands[0], "diff") == 0;
}

/* `berth wit diff OLD NEW` */
static int print_diff(const cli_options *options, const berth_wit_options *wit_options)
{
    static const int codes[] = { [BERTH_RELATION_EQUAL] = CLI_OK,
                                 [BERTH_RELATION_EXTENDED] = CLI_EXTENDED,
                                 [BERTH_RELATION_BREAKING] = CLI_BREAKING };
    const char *const *paths = options->operands + 1;
    berth_diag diag = { 0 };
    berth_contract_diff *diff;
    berth_status status;
    int code;

    if (options->operands_count != 3)
        return cli_fail(CLI_USAGE, "wit diff", "see 'berth help wit'",
                        "takes two paths, OLD and NEW; a file of that name is ./diff");
    status = berth_contract_diff_read(NULL, paths, 1, paths + 1, 1, wit_options, &diff, &diag);
    if (status == BERTH_E_REJECTED)
        return cli_fail_wit(paths[1], &diag);
    if (status != BERTH_OK)
        return cli_fail_diag(CLI_FAILED, "wit diff", NULL, status, &diag);
    fputs(options->json ? berth_contract_diff_json(diff) : berth_contract_diff_text(diff),
          stdout);
    if (options->json)
        putchar('\n');
    code = codes[berth_contract_diff_relation(diff)];
    berth_contract_diff_destroy(diff);
    return cli_stdout_end(code);
}

int cli_wit(const cli_options *options)
{
    berth_wit_options wit_options = BERTH_WIT_OPTIONS_INIT;
    const char *names[CLI_FEATURES_MAX];
    char *copy = NULL;
    int code = CLI_USAGE;

    if (options->features != NULL) {
        size_t size = strlen(options->features) + 1;

        copy = cli_alloc(size);
        memcpy(copy, options->features, size);
    }
    if (cli_features_split(copy, names, &wit_options.features_count)) {
        wit_options.features = names;
        wit_options.has_all_features = options->all_features;
        code =
            is_diff(options) ? print_diff(options, &wit_options) : print(options, &wit_options);
    }
    cli_free(copy);
    return code;
}
