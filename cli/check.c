/* check.c - `berth check`: every check that production makes, one line each.  Layer: cli. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include <berth/contract.h>

#include "cli.h"

typedef struct checking {
    const cli_options *options;
    json_t *lines; /* of {result, check, text} */
    bool has_failed;
} checking;

typedef enum outcome { PASSED, FAILED, NOTE, SKIPPED } outcome;

static const char *const outcome_words[] = { "ok", "fail", "note", "skip" };

static void say(checking *c, outcome result, const char *check, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void say(checking *c, outcome result, const char *check, const char *format, ...)
{
    char text[CLI_TEXT_MAX], clean[CLI_TEXT_MAX];
    json_t *line = json_object();
    va_list args;

    va_start(args, format);
    if (vsnprintf(text, sizeof text, format, args) < 0)
        text[0] = '\0';
    va_end(args);
    for (char *p = text; *p != '\0'; p++)
        if (*p == '\n') /* a line each */
            *p = ' ';
    cli_clean(clean, sizeof clean, text, false);
    c->has_failed = c->has_failed || result == FAILED;
    json_object_set_new(line, "result", json_string(outcome_words[result]));
    json_object_set_new(line, "check", json_string(check));
    json_object_set_new(line, "text", json_string(clean));
    json_array_append_new(c->lines, line);
    if (!c->options->json)
        printf("%-5s %-12s %s\n", outcome_words[result], check, clean);
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

static bool is_wanted(const char *wanted, const char *is)
{
    return wanted == NULL || is[0] == '\0' || strcmp(wanted, is) == 0;
}

/* What speaks against the slots that were asked for, or against all when it fits none. */
static void check_fits(checking *c, const json_t *verdict)
{
    const cli_options *o = c->options;
    const json_t *item;
    size_t at;
    bool fits = false;

    json_array_foreach(json_object_get(verdict, "fits"), at, item)
    {
        if (!is_wanted(o->profile, text_of(item, "profile")) ||
            !is_wanted(o->kind, text_of(item, "kind")))
            continue;
        fits = true;
        say(c, PASSED, "admission", "fits a slot of profile %s, kind %s",
            text_of(item, "profile"), text_of(item, "kind"));
    }
    if (fits)
        return;
    say(c, FAILED, "admission", "no slot%s%s%s%s takes it", o->profile == NULL ? "" : " of ",
        o->profile == NULL ? "" : o->profile, o->kind == NULL ? "" : " of kind ",
        o->kind == NULL ? "" : o->kind);
    json_array_foreach(json_object_get(json_object_get(verdict, "findings"), "items"), at,
                       item) if (is_wanted(o->profile, text_of(item, "profile")) &&
                                 is_wanted(o->kind, text_of(item, "kind")))
        say(c, FAILED, "admission", "%s%s%s: %s", text_of(item, "profile"),
            text_of(item, "profile")[0] == '\0' ? "" : " ", text_of(item, "rule"),
            text_of(item, "text"));
}

static void say_ask(void *ctx, const char *text)
{
    say(ctx, NOTE, "asks", "%s", text);
}

static void check_contract(checking *c, const cli_bytes *bytes, const berth_contract *contract)
{
    berth_diag diag = { 0 };

    if (contract == NULL)
        say(c, SKIPPED, "contract", "none was named (--wit PATH)");
    else if (berth_contract_check(contract, bytes->data, bytes->size, &diag) == BERTH_OK)
        say(c, PASSED, "contract", "%s is kept", berth_contract_name(contract));
    else
        say(c, FAILED, "contract", "%s: %s", berth_contract_name(contract), diag.text);
}

/* What an install met: what failed before any of it ran has a status of its own. */
static void say_install(checking *c, const json_t *verdict, berth_status status,
                        const berth_diag *diag)
{
    bool is_native = json_object_get(verdict, "native") != NULL &&
                     !json_is_null(json_object_get(verdict, "native"));
    const char *first = is_native ? "open" : "compile";
    char word[64];

    cli_failure_word(word, sizeof word, status, (berth_reason)diag->reason);
    if (status == BERTH_OK) {
        say(c, PASSED, first, is_native ? "it is mapped and linked" : "all of its code");
        say(c, PASSED, "instantiate", "with what was granted, and no more");
        say(c, PASSED, "probe", "it started, and answered each probe");
    } else if (status == BERTH_E_REJECTED || status == BERTH_E_VERSION) {
        say(c, FAILED, first, "%s: %s", word, diag->text);
        say(c, SKIPPED, "probe", "nothing of it was run");
    } else {
        say(c, FAILED, "probe", "%s: %s", word, diag->text);
    }
}

static int check_install(checking *c, const cli_bytes *bytes, const json_t *verdict)
{
    cli_options options = *c->options;
    berth_diag diag = { 0 };
    berth_status status;
    cli_host host;
    int code;

    options.wit = options.contract = NULL; /* has a line of its own, and hides nothing here */
    code = cli_host_open(&host, &options, "check", 0);
    if (code != CLI_OK)
        return code;
    status = berth_slot_install(host.slot, bytes->data, bytes->size, NULL, &diag);
    if (status != BERTH_OK && cli_install_exit(status) == CLI_FAILED)
        code = cli_fail_diag(CLI_FAILED, options.operands[0], NULL, status, &diag);
    else
        say_install(c, verdict, status, &diag);
    cli_host_close(&host);
    return code;
}

static int check_all(checking *c, const cli_bytes *bytes, const berth_contract *contract)
{
    berth_verdict *verdict;
    berth_diag diag = { 0 };
    json_t *root;
    int code = CLI_OK;
    berth_status status = berth_inspect(NULL, bytes->data, bytes->size,
                                        c->options->artifact_bytes, &verdict, &diag);

    if (status != BERTH_OK)
        return cli_fail_diag(CLI_FAILED, c->options->operands[0], NULL, status, &diag);
    root = cli_verdict_read(verdict);
    say(c, PASSED, "file", "%s, %zu bytes, sha256 %s", text_of(root, "kind"), bytes->size,
        text_of(root, "sha256"));
    check_fits(c, root);
    check_contract(c, bytes, contract);
    /* An install without one that is needed says so itself. */
    (void)cli_asks_each(c->options, root, say_ask, c);
    if (berth_verdict_fits(verdict) == 0)
        say(c, SKIPPED, "install", "what no slot takes is not run");
    else
        code = check_install(c, bytes, root);
    json_decref(root);
    berth_verdict_destroy(verdict);
    return code;
}

static int end(checking *c, int code)
{
    json_t *root = json_object();
    char *text;

    json_object_set(root, "checks", c->lines);
    json_object_set_new(root, "would_serve", json_boolean(!c->has_failed));
    if (c->options->json && code == CLI_OK) {
        text = json_dumps(root, JSON_INDENT(2));
        if (text != NULL)
            puts(text);
        free(text);
    }
    json_decref(root);
    json_decref(c->lines);
    return cli_stdout_end(code == CLI_OK && c->has_failed ? CLI_REJECTED : code);
}

int cli_check(const cli_options *options)
{
    checking c = { options, NULL, false };
    berth_contract *contract;
    berth_diag diag = { 0 };
    cli_bytes bytes;
    berth_status status;
    int code = cli_contract_read(options, &contract);

    if (code != CLI_OK)
        return code;
    status = cli_artifact_read(options->operands[0], options->artifact_bytes, &bytes, &diag);
    if (status != BERTH_OK) {
        berth_contract_destroy(contract);
        return cli_fail_diag(CLI_FAILED, options->operands[0], NULL, status, &diag);
    }
    c.lines = json_array();
    code = end(&c, check_all(&c, &bytes, contract));
    cli_free(bytes.data);
    berth_contract_destroy(contract);
    return code;
}
