/* wrap.c - `berth wrap`, and `berth componentize`, which has no WIT but the module's own.
 * Layer: cli. */
#include <string.h>

#include <berth/component.h>

#include "cli.h"

static int fail(const cli_options *options, berth_status status, const berth_diag *diag)
{
    const char *advice = status == BERTH_E_ABSENT     ? "give --world another name"
                         : status == BERTH_E_REJECTED ? "correct the module or the WIT"
                                                      : NULL;

    return cli_fail_diag(status == BERTH_E_REJECTED ? CLI_REJECTED : CLI_FAILED,
                         options->operands[0], advice, status, diag);
}

static int wrap(const cli_options *options, const cli_bytes *core, berth_arena *arena)
{
    berth_wrap_options how = BERTH_WRAP_OPTIONS_INIT;
    berth_diag diag = { 0 };
    const void *bytes;
    size_t size;
    berth_status status;

    how.wit_paths = &options->wit;
    how.wit_paths_count = options->wit != NULL;
    how.world = options->world;
    status = berth_component_wrap(core->data, core->size, &how, arena, &bytes, &size, &diag);
    if (status != BERTH_OK)
        return fail(options, status, &diag);
    return cli_file_write(options->output, "--output", bytes, size);
}

int cli_wrap(const cli_options *options)
{
    const char *path = options->operands[0];
    berth_diag diag = { 0 };
    berth_arena *arena;
    cli_bytes core;
    berth_status status;
    int code = cli_file_check(options->output, "--output");

    if (code != CLI_OK)
        return code;
    status = cli_artifact_read(path, options->artifact_bytes, &core, &diag);
    if (status != BERTH_OK)
        return cli_fail_diag(CLI_FAILED, path, NULL, status, &diag);
    status = berth_arena_create(NULL, 0, &arena, &diag);
    if (status == BERTH_OK) {
        code = wrap(options, &core, arena);
        berth_arena_destroy(arena);
    } else {
        code = cli_fail_diag(CLI_FAILED, path, NULL, status, &diag);
    }
    cli_free(core.data);
    return code;
}
