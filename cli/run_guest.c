/* run_guest.c - `berth run-guest`: a component of the world wasi:cli/command, or a core module built for WASI preview 1,
 * run as a program.  Layer: cli. */
#include <string.h>

#include <jansson.h>

#include <berth/invoke.h>

#include "cli.h"

enum { CALL_TEXT_MAX = 96 };

#define PROGRAM_DEADLINE_NS ((uint64_t)3600 * 1000000000)

/* The version of "wasi:cli/run" that a component exports, as the text of a call of it.  False: none. */
static bool find_run(const char *world, char *call, size_t size)
{
    static const char export[] = "export wasi:cli/run";
    const char *at = strstr(world, export), *end;

    if (at == NULL)
        return false;
    at += strlen("export ");
    end = strchr(at, ';');
    return end != NULL && snprintf(call, size, "%.*s#run()", (int)(end - at), at) < (int)size;
}

/* A core module that is a program fits its profile. */
static bool is_command(json_t *root)
{
    const json_t *fit;
    size_t i;

    json_array_foreach(json_object_get(root, "fits"), i,
                       fit) if (strcmp(json_string_value(json_object_get(fit, "profile")),
                                       "wasi-command/1") == 0) return true;
    return false;
}

/* An empty call: the hook of a core module. */
static int find_call(const cli_options *options, const cli_bytes *bytes, char *call,
                     size_t size)
{
    const char *path = options->operands[0], *world;
    berth_diag diag = { 0 };
    berth_verdict *verdict;
    berth_status status =
        berth_inspect(NULL, bytes->data, bytes->size, options->artifact_bytes, &verdict, &diag);
    json_t *root;
    bool is_there;

    if (status != BERTH_OK)
        return cli_fail_diag(CLI_FAILED, path, NULL, status, &diag);
    root = cli_verdict_read(verdict);
    world = json_string_value(json_object_get(json_object_get(root, "component"), "wit"));
    call[0] = '\0';
    is_there = world != NULL ? find_run(world, call, size) : is_command(root);
    json_decref(root);
    berth_verdict_destroy(verdict);
    return is_there ? CLI_OK
                    : cli_fail(CLI_REJECTED, path, "'berth call' calls other functions",
                               "is no component that exports wasi:cli/run, and no core module "
                               "that exports "
                               "_start and imports nothing but WASI preview 1");
}

static berth_status call_start(berth_slot *slot, berth_call *call, berth_diag *diag)
{
    berth_status status = berth_slot_hook(slot, "run", &call->hook, diag);
    berth_reply reply;

    return status == BERTH_OK ? berth_slot_call(slot, call, &reply, diag) : status;
}

/* The program's own exit code, where it came to one. */
static int run_once(const cli_host *host, const char *text)
{
    berth_call call = BERTH_CALL_INIT;
    berth_diag diag = { 0 };
    const char *result = "ok";
    berth_status status = berth_arena_create(NULL, 0, &call.arena, &diag);
    int code;

    if (status != BERTH_OK)
        return cli_fail_diag(CLI_FAILED, "memory", NULL, status, &diag);
    status = text[0] == '\0' ? call_start(host->slot, &call, &diag)
                             : berth_slot_evaluate(host->slot, text, &call, BERTH_TEXT_WAVE,
                                                   &result, &diag);
    if (status == BERTH_OK)
        code = strcmp(result, "ok") == 0 ? CLI_OK : CLI_FAILED;
    else if (diag.reason == BERTH_REASON_EXIT)
        code = diag.os_code;
    else
        code = cli_fail_diag(CLI_FAILED, "program", NULL, status, &diag);
    berth_arena_destroy(call.arena);
    return code;
}

static int install_and_run(cli_host *host, const cli_options *options, const cli_bytes *bytes)
{
    char call[CALL_TEXT_MAX];
    berth_diag diag = { 0 };
    berth_status status;
    int code = find_call(options, bytes, call, sizeof call);

    if (code != CLI_OK)
        return code;
    status = berth_slot_install(host->slot, bytes->data, bytes->size, NULL, &diag);
    if (status != BERTH_OK)
        return cli_fail_diag(cli_install_exit(status), options->operands[0], NULL, status,
                             &diag);
    return run_once(host, call);
}

int cli_run_guest(const cli_options *options)
{
    cli_options own = *options;
    berth_diag diag = { 0 };
    cli_bytes bytes;
    cli_host host;
    berth_status status =
        cli_artifact_read(options->operands[0], options->artifact_bytes, &bytes, &diag);
    int code;

    if (status != BERTH_OK)
        return cli_fail_diag(CLI_FAILED, options->operands[0], NULL, status, &diag);
    if (own.deadline_ns == 0)
        own.deadline_ns = PROGRAM_DEADLINE_NS;
    code = cli_host_open(&host, &own, "program", 0);
    if (code == CLI_OK) {
        code = install_and_run(&host, &own, &bytes);
        cli_host_close(&host);
    }
    cli_free(bytes.data);
    return code;
}
