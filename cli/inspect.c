/* inspect.c - `berth inspect`.  Layer: cli. */
#include <string.h>

#include "cli.h"

/* The verdict's text has names in it that the artifact's maker chose; its lines are ours. */
static void print_clean(const char *text)
{
    size_t room = 4 * strlen(text) + 1;
    char *clean = cli_alloc(room);

    cli_clean(clean, room, text, true);
    fputs(clean, stdout);
    if (text[0] == '\0' || text[strlen(text) - 1] != '\n')
        putchar('\n');
    cli_free(clean);
}

static void print_json(const char *json)
{
    fputs(json, stdout);
    if (json[0] == '\0' || json[strlen(json) - 1] != '\n')
        putchar('\n');
}

int cli_inspect(const cli_options *options)
{
    const char *path = options->operands[0];
    berth_diag diag = { 0 };
    berth_verdict *verdict;
    cli_bytes bytes;
    berth_status status;
    int code;

    status = cli_artifact_read(path, options->artifact_bytes, &bytes, &diag);
    if (status != BERTH_OK)
        return cli_fail_diag(CLI_FAILED, path, NULL, status, &diag);
    status =
        berth_inspect(NULL, bytes.data, bytes.size, options->artifact_bytes, &verdict, &diag);
    cli_free(bytes.data);
    if (status != BERTH_OK)
        return cli_fail_diag(CLI_FAILED, path, NULL, status, &diag);
    if (options->json)
        print_json(berth_verdict_json(verdict));
    else
        print_clean(berth_verdict_text(verdict));
    code = berth_verdict_fits(verdict) == 0 ? CLI_REJECTED : CLI_OK;
    berth_verdict_destroy(verdict);
    return cli_stdout_end(code);
}
