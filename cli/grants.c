/* grants.c - what --grant says.  Layer: cli. */
#include <string.h>

#include <berth/grant.h>

#include "cli.h"

int cli_grants_read(const cli_options *options, berth_grants **grants_out)
{
    berth_grants_options read = BERTH_GRANTS_OPTIONS_INIT;
    const char *lines[CLI_TEXTS_MAX + 1];
    berth_diag diag = { 0 };
    berth_status status;

    *grants_out = NULL;
    memcpy(lines, options->grants.at, sizeof options->grants.at);
    read.grants = lines;
    read.grants_count = options->grants.count;
    if (options->command == CLI_RUN_GUEST) { /* a program has its standard streams */
        lines[read.grants_count++] = "stdio";
        read.flags = BERTH_GRANTS_PROCESS_STDIO;
        read.output_bytes_max = options->output_bytes;
        read.arguments = options->operands;
        read.arguments_count = options->operands_count;
    }
    status = berth_grants_create(NULL, &read, grants_out, &diag);
    if (status == BERTH_OK)
        return CLI_OK;
    if (status == BERTH_E_OS || status == BERTH_E_NOMEM)
        return cli_fail_diag(CLI_FAILED, "grants", "nothing was run", status, &diag);
    return cli_fail_diag(CLI_USAGE, "--grant", "docs/grants.md has all of them", status, &diag);
}
