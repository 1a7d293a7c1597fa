/* host.c - a runtime with one slot: what `call` and `pipe` have in common.  Layer: cli. */
#include <string.h>
#include <unistd.h>

#include <berth/contract.h>
#include <berth/flow.h>
#include <berth/grant.h>
#include <berth/wasi.h>

#include "cli.h"

/* A program that was moved, or not installed yet, has it where it lies itself; else the library knows. */
static const char *find_trial(cli_host *host)
{
    static const char beside[] = "/../libexec/berth-trial";
    ssize_t size = readlink("/proc/self/exe", host->trial, sizeof host->trial - sizeof beside);
    char *name;

    if (size <= 0)
        return NULL;
    host->trial[size] = '\0';
    name = strrchr(host->trial, '/');
    if (name == NULL)
        return NULL;
    memcpy(name, beside, sizeof beside);
    return access(host->trial, X_OK) == 0 ? host->trial : NULL;
}

static berth_status open_runtime(cli_host *host, const cli_options *options, berth_diag *diag)
{
    berth_runtime_options runtime = BERTH_RUNTIME_OPTIONS_INIT;
    berth_status status;

    runtime.engine = options->engine;
    runtime.memory_bytes_max = options->memory_bytes;
    runtime.stack_bytes_max = (uint32_t)options->stack_bytes;
    runtime.artifact_bytes_max = options->artifact_bytes;
    runtime.trial_program = find_trial(host);
    cli_report_begin(options, &runtime);
    status = berth_host_create(NULL, &host->offers, diag);
    if (status == BERTH_OK)
        status = berth_wasi_offer(host->offers, diag);
    if (status == BERTH_OK && (options->command & (CLI_FLOW | CLI_CHECK)) != 0)
        status = berth_flow_offer(host->offers, diag);
    if (status == BERTH_OK)
        status = berth_crash_notes_enable(diag);
    runtime.host = host->offers;
    return status == BERTH_OK ? berth_runtime_create(&runtime, &host->runtime, diag) : status;
}

static berth_status open_slot(cli_host *host, const cli_options *options, uint32_t flags,
                              const berth_contract *contract, const berth_grants *grants,
                              berth_diag *diag)
{
    berth_slot_options slot = BERTH_SLOT_OPTIONS_INIT;
    berth_status status;

    slot.tenant = host->tenant;
    slot.name = host->name;
    slot.policy = (uint32_t)options->policy;
    slot.profile = options->profile;
    slot.kind = options->kind;
    slot.deadline_ns = options->deadline_ns;
    slot.probe_deadline_ns = options->probe_deadline_ns;
    slot.memory_bytes_max = options->memory_bytes;
    slot.output_bytes_max = options->output_bytes;
    slot.flags = flags | (options->tries ? BERTH_SLOT_TRIAL : 0);
    slot.contract = contract;
    slot.grants = grants;
    status = berth_slot_open(host->runtime, &slot, &host->slot, diag);
    if (status != BERTH_OK || options->hook == NULL)
        return status;
    return berth_slot_hook(host->slot, options->hook, &host->hook, diag);
}

/* What the runtime and the slot cannot be is what the options asked for. */
static int fail_open(const cli_options *options, const char *what, berth_status status,
                     const berth_diag *diag)
{
    if (status == BERTH_E_INVALID || status == BERTH_E_ABSENT)
        return cli_fail_diag(CLI_USAGE, what, cli_help_hint(options->command), status, diag);
    return cli_fail_diag(CLI_FAILED, what, NULL, status, diag);
}

int cli_host_open(cli_host *host, const cli_options *options, const char *slot_name,
                  uint32_t flags)
{
    berth_diag diag = { 0 };
    berth_contract *contract = NULL;
    berth_grants *grants;
    berth_status status;
    const char *what;
    int code = cli_grants_read(options, &grants);

    memset(host, 0, sizeof *host);
    if (code == CLI_OK)
        code = cli_contract_read(options, &contract);
    if (code != CLI_OK) {
        berth_grants_destroy(grants);
        return code;
    }
    host->tenant = options->tenant;
    host->name = slot_name;
    status = open_runtime(host, options, &diag);
    if (status == BERTH_OK)
        status = open_slot(host, options, flags, contract, grants, &diag);
    berth_contract_destroy(contract);
    berth_grants_destroy(grants);
    if (status != BERTH_OK) {
        what = host->runtime == NULL ? "runtime" : "slot";
        cli_host_close(host);
        return fail_open(options, what, status, &diag);
    }
    return CLI_OK;
}

int cli_host_open_runtime(cli_host *host, const cli_options *options)
{
    berth_diag diag = { 0 };
    berth_status status;

    memset(host, 0, sizeof *host);
    status = open_runtime(host, options, &diag);
    if (status == BERTH_OK)
        return CLI_OK;
    cli_host_close(host);
    return fail_open(options, "runtime", status, &diag);
}

berth_status cli_host_install(cli_host *host, const cli_options *options, const char *path,
                              berth_installed *installed_out, berth_diag *diag)
{
    cli_bytes bytes;
    berth_status status = cli_artifact_read(path, options->artifact_bytes, &bytes, diag);

    if (status != BERTH_OK)
        return status;
    if (options->hook != NULL)
        status = cli_artifact_has_hook(&bytes, options, diag);
    if (status == BERTH_OK)
        status = berth_slot_install(host->slot, bytes.data, bytes.size, installed_out, diag);
    cli_free(bytes.data);
    return status;
}

int cli_install_exit(berth_status status)
{
    switch (status) {
    case BERTH_E_REJECTED:
    case BERTH_E_TRAP:
    case BERTH_E_DEADLINE:
    case BERTH_E_LIMIT:
    case BERTH_E_ABI:
    case BERTH_E_VERSION:
    case BERTH_E_PLUGIN:
        return CLI_REJECTED; /* the artifact's own doing */
    default:
        break;
    }
    return CLI_FAILED;
}

void cli_host_close(cli_host *host)
{
    berth_slot_release(host->slot);
    berth_runtime_destroy(host->runtime);
    berth_host_destroy(host->offers);
    cli_report_end();
    memset(host, 0, sizeof *host);
}
