/* grants.c - what --grant says.  Layer: cli. */
#include <berth/grant.h>

#include "cli.h"

int cli_grants_read(const cli_options *options, berth_grants **grants_out)
{
    berth_grants_options read = BERTH_GRANTS_OPTIONS_INIT;
    berth_diag diag = { 0 };
    berth_status status;

    *grants_out = NULL;
    read.grants = options->grants.at;
    read.grants_count = options->grants.count;
    status = berth_grants_create(NULL, &read, grants_out, &diag);
    return status == BERTH_OK
               ? CLI_OK
               : cli_fail_diag(CLI_USAGE, "--grant", "'man berth-grants' has all of them",
                               status, &diag);
}
