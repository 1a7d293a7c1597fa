/* bundle.c - `berth bundle check|list|graph`.  Layer: cli. */
#include <string.h>

#include <berth/bundle.h>

#include "cli.h"

enum { PINS_MAX = 64 };

int cli_fail_bundle(const char *path, berth_status status, const berth_diag *diag)
{
    /* "FILE:LINE:COLUMN: ..." says where by itself. */
    if (status == BERTH_E_REJECTED && strstr(diag->text, "berth.toml:") != NULL)
        return cli_fail_wit(path, diag);
    if (status == BERTH_E_ABSENT)
        return cli_fail_diag(CLI_REJECTED, path,
                             "a bundle is a folder with a berth.toml; 'berth bundle list DIR' "
                             "shows those in a folder",
                             status, diag);
    if (status == BERTH_E_REJECTED)
        return cli_fail_diag(CLI_REJECTED, path, "correct the bundle", status, diag);
    return cli_fail_diag(CLI_FAILED, path, NULL, status, diag);
}

/* "CONTRACT=BUNDLE,..."; `copy` holds the texts. */
static int split_pins(char *copy, berth_bundle_pin *pins, uint32_t *count_out)
{
    for (char *at = copy; at != NULL; *count_out += 1) {
        char *comma = strchr(at, ','), *equals;

        if (comma != NULL)
            *comma = '\0';
        equals = strchr(at, '=');
        if (equals == NULL || equals == at || equals[1] == '\0' || *count_out == PINS_MAX)
            return cli_fail(CLI_USAGE, "--pins", "give up to 64 of CONTRACT=BUNDLE",
                            "'%s' is no pin", at);
        *equals = '\0';
        pins[*count_out] = (berth_bundle_pin){ at, equals + 1 };
        at = comma == NULL ? NULL : comma + 1;
    }
    return CLI_OK;
}

static int show(const cli_options *options, const char *command, const berth_catalog *catalog)
{
    uint32_t problems = berth_catalog_problems(catalog);
    int code;

    if (options->json)
        printf("%s\n", berth_catalog_json(catalog));
    else if (strcmp(command, "graph") == 0)
        fputs(berth_catalog_graph(catalog), stdout);
    else
        fputs(berth_catalog_text(catalog), stdout);
    code = cli_stdout_end(CLI_OK);
    if (code != CLI_OK || problems == 0 || strcmp(command, "list") == 0)
        return code;
    return cli_fail(CLI_REJECTED, command, "see the lines that begin with 'problem'",
                    problems == 1 ? "there is %u problem" : "there are %u problems",
                    (unsigned)problems);
}

static int run(const cli_options *options, const char *command, berth_catalog_options *how)
{
    berth_diag diag = { 0 };
    berth_catalog *catalog;
    berth_status status = berth_catalog_read(NULL, options->operands + 1,
                                             options->operands_count - 1, how, &catalog, &diag);
    int code;

    if (status == BERTH_E_INVALID && how->policy == BERTH_SIGNATURE_REQUIRE &&
        how->keys_count == 0)
        return cli_fail(CLI_USAGE, "--signatures", "give --keys as well",
                        "'require' needs a key that is trusted");
    if (status != BERTH_OK)
        return cli_fail_bundle(options->operands[1], status, &diag);
    code = show(options, command, catalog);
    berth_catalog_destroy(catalog);
    return code;
}

int cli_bundle(const cli_options *options)
{
    berth_catalog_options how = BERTH_CATALOG_OPTIONS_INIT;
    const char *command = options->operands[0];
    berth_bundle_pin pins[PINS_MAX];
    size_t size = options->pins == NULL ? 0 : strlen(options->pins) + 1;
    uint8_t *keys = NULL;
    char *copy;
    int code;

    code = cli_keys_read(options->keys, &keys, &how.keys_count);
    if (code != CLI_OK)
        return code;
    copy = cli_alloc(size + 1);
    if (size != 0) {
        memcpy(copy, options->pins, size);
        code = split_pins(copy, pins, &how.pins_count);
    }
    how.keys = keys;
    how.pins = pins;
    how.policy =
        options->signatures == 0 ? BERTH_SIGNATURE_OFF : (uint32_t)options->signatures - 1;
    how.artifact_bytes_max = options->artifact_bytes;
    how.with_artifacts = strcmp(command, "check") == 0;
    if (code == CLI_OK)
        code = run(options, command, &how);
    cli_free(copy);
    cli_free(keys);
    return code;
}
