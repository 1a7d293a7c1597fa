/* inspect.c - `berth inspect`.  Layer: cli. */
#include <string.h>

#include <berth/contract.h>

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

/* Whether it keeps what --contract names; said on stderr when it does not. */
static int check_contract(const cli_options *options, const berth_contract *contract,
                          const cli_bytes *bytes)
{
    berth_diag diag = { 0 };
    berth_status status;

    if (contract == NULL)
        return CLI_OK;
    status = berth_contract_check(contract, bytes->data, bytes->size, &diag);
    return status == BERTH_OK ? CLI_OK
                              : cli_fail_diag(CLI_REJECTED, options->operands[0],
                                              "correct the plugin", status, &diag);
}

static int inspect(const cli_options *options, const berth_contract *contract)
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
    code = check_contract(options, contract, &bytes);
    status =
        berth_inspect(NULL, bytes.data, bytes.size, options->artifact_bytes, &verdict, &diag);
    cli_free(bytes.data);
    if (status != BERTH_OK)
        return cli_fail_diag(CLI_FAILED, path, NULL, status, &diag);
    if (options->json)
        print_json(berth_verdict_json(verdict));
    else
        print_clean(berth_verdict_text(verdict));
    if (berth_verdict_fits(verdict) == 0)
        code = CLI_REJECTED;
    berth_verdict_destroy(verdict);
    return cli_stdout_end(code);
}

int cli_inspect(const cli_options *options)
{
    berth_contract *contract;
    int code = cli_contract_read(options, &contract);

    if (code != CLI_OK)
        return code;
    code = inspect(options, contract);
    berth_contract_destroy(contract);
    return code;
}
