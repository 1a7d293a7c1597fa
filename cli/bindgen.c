/* bindgen.c - `berth bindgen`.  Layer: cli. */
#include <string.h>

#include <berth/bindgen.h>

#include "cli.h"

static int fail(const cli_options *options, berth_status status, const berth_diag *diag)
{
    const char *path = options->operands[options->operands_count - 1];

    if (status == BERTH_E_REJECTED)
        return cli_fail_wit(path, diag);
    return cli_fail_diag(CLI_FAILED, path,
                         status == BERTH_E_ABSENT ? "give --world another name" : NULL, status,
                         diag);
}

static int write_files(const cli_options *options, const berth_bindgen_file *files,
                       uint32_t count)
{
    cli_file *all = cli_alloc(count * sizeof *all);
    int code;

    for (uint32_t i = 0; i < count; i++)
        all[i] = (cli_file){ files[i].name, files[i].text, files[i].size };
    code = cli_folder_write(options->out, "--out", all, count);
    cli_free(all);
    return code;
}

static int generate(const cli_options *options, berth_bindgen_options *how)
{
    const berth_bindgen_file *files;
    berth_diag diag = { 0 };
    berth_arena *arena;
    uint32_t count;
    berth_status status = berth_arena_create(NULL, 0, &arena, &diag);
    int code;

    if (status != BERTH_OK)
        return fail(options, status, &diag);
    how->wit_paths = options->operands + 1;
    how->wit_paths_count = options->operands_count - 1;
    how->has_all_features = options->all_features;
    how->world = options->world;
    how->prefix = options->prefix;
    status = berth_bindgen(how, arena, &files, &count, &diag);
    code =
        status == BERTH_OK ? write_files(options, files, count) : fail(options, status, &diag);
    berth_arena_destroy(arena);
    return code;
}

int cli_bindgen(const cli_options *options)
{
    berth_bindgen_options how = BERTH_BINDGEN_OPTIONS_INIT;
    const char *names[CLI_FEATURES_MAX];
    char *copy = NULL;
    int code = CLI_USAGE;

    if (strcmp(options->operands[0], "guest") == 0)
        how.side = BERTH_BINDGEN_GUEST;
    else if (strcmp(options->operands[0], "native") == 0)
        how.side = BERTH_BINDGEN_NATIVE;
    if (options->features != NULL) {
        size_t size = strlen(options->features) + 1;

        copy = cli_alloc(size);
        memcpy(copy, options->features, size);
    }
    if (cli_features_split(copy, names, &how.features_count)) {
        how.features = names;
        code = generate(options, &how);
    }
    cli_free(copy);
    return code;
}
