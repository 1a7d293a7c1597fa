/* contract.c - --wit and --contract: what a plugin has to keep.  Layer: cli. */
#include <berth/contract.h>

#include "cli.h"

int cli_contract_read(const cli_options *options, berth_contract **contract_out)
{
    berth_diag diag = { 0 };
    berth_status status;

    *contract_out = NULL;
    if (options->wit == NULL)
        return CLI_OK;
    status = berth_contract_read(NULL, &options->wit, 1, NULL, options->contract, contract_out,
                                 &diag);
    if (status == BERTH_E_REJECTED)
        return cli_fail_wit(options->wit, &diag);
    if (status == BERTH_E_ABSENT)
        return cli_fail_diag(CLI_USAGE, "--contract", "name an interface of that package",
                             status, &diag);
    return status == BERTH_OK ? CLI_OK
                              : cli_fail_diag(CLI_FAILED, options->wit, NULL, status, &diag);
}
