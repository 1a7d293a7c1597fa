/* inspect.c - `berth inspect`.  Layer: cli. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include <berth/contract.h>
#include <berth/grant.h>

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

/* Whether it keeps what --contract names, and what --grant says to what it asks for. */
typedef struct kept {
    const berth_contract *contract; /* NULL: nobody asked */
    berth_status status;
    berth_diag diag;
    json_t *asks; /* of lines; NULL: no grant was named */
    bool is_refused;
} kept;

static void keep_line(void *asks, const char *text)
{
    char clean[CLI_TEXT_MAX]; /* a line that was cut may end inside a character */

    cli_clean(clean, sizeof clean, text, false);
    json_array_append_new(asks, json_string(clean));
}

static json_t *json_of(const kept *k)
{
    json_t *root = json_object(), *contract;
    char why[CLI_TEXT_MAX];

    if (k->contract != NULL) {
        cli_clean(why, sizeof why, k->diag.text, true);
        contract = json_object();
        json_object_set_new(contract, "name", json_string(berth_contract_name(k->contract)));
        json_object_set_new(contract, "is_kept", json_boolean(k->status == BERTH_OK));
        json_object_set_new(contract, "text",
                            k->status == BERTH_OK ? json_null() : json_string(why));
        json_object_set_new(root, "contract", contract);
    }
    if (k->asks != NULL) {
        json_object_set(root, "grants", k->asks);
        json_object_set_new(root, "is_refused_for_grants", json_boolean(k->is_refused));
    }
    return root;
}

/* Members more, at the end. */
static void print_json(const char *json, const kept *k)
{
    size_t size = strlen(json);
    char *text;
    json_t *root;

    if (k->contract == NULL && k->asks == NULL) {
        puts(json);
        return;
    }
    /* Up to the newline before the brace that closes all of it. */
    while (size > 0 && json[size - 1] != '}')
        size--;
    size -= size >= 2 ? 2 : size;
    root = json_of(k);
    text = json_dumps(root, JSON_INDENT(2));
    if (text == NULL) {
        cli_fail(CLI_FAILED, "memory", "free some", "there is none left");
        _exit(CLI_FAILED);
    }
    printf("%.*s,%s\n", (int)size, json, text + 1); /* without its brace */
    free(text);
    json_decref(root);
}

/* The line about the contract stands with the others that say what it fits. */
static void print_text(const char *text, const kept *k)
{
    const char *fits = strstr(text, "\nfits ");
    size_t head = fits == NULL ? 0 : strcspn(fits + 1, "\n") + 2 + (size_t)(fits - text);
    char *first;

    if (k->contract == NULL || head == 0) {
        print_clean(text);
        return;
    }
    first = cli_alloc(head + 1);
    memcpy(first, text, head);
    first[head] = '\0';
    print_clean(first);
    cli_free(first);
    printf("contract   %s is %s\n", berth_contract_name(k->contract),
           k->status == BERTH_OK ? "kept" : "not kept");
    if (text[head] != '\0')
        print_clean(text + head);
}

static void print_asks(const kept *k)
{
    const json_t *line;
    size_t at;

    json_array_foreach(k->asks, at, line)
    {
        printf("%s%s\n", at == 0 ? "\ngrants     " : "           ", json_string_value(line));
    }
}

static void look_at_grants(const cli_options *options, const berth_verdict *verdict, kept *k)
{
    json_t *root;

    if (options->grants.count == 0)
        return;
    root = cli_verdict_read(verdict);
    k->asks = json_array();
    k->is_refused = cli_asks_each(options, root, keep_line, k->asks);
    json_decref(root);
}

static int inspect(const cli_options *options, const berth_contract *contract)
{
    const char *path = options->operands[0];
    kept k = { contract, BERTH_OK, { 0 }, NULL, false };
    berth_diag diag = { 0 };
    berth_verdict *verdict;
    cli_bytes bytes;
    berth_status status;
    int code;

    status = cli_artifact_read(path, options->artifact_bytes, &bytes, &diag);
    if (status != BERTH_OK)
        return cli_fail_diag(CLI_FAILED, path, NULL, status, &diag);
    if (contract != NULL)
        k.status = berth_contract_check(contract, bytes.data, bytes.size, &k.diag);
    status =
        berth_inspect(NULL, bytes.data, bytes.size, options->artifact_bytes, &verdict, &diag);
    cli_free(bytes.data);
    if (status != BERTH_OK)
        return cli_fail_diag(CLI_FAILED, path, NULL, status, &diag);
    look_at_grants(options, verdict, &k);
    if (options->json) {
        print_json(berth_verdict_json(verdict), &k);
    } else {
        print_text(berth_verdict_text(verdict), &k);
        print_asks(&k);
    }
    json_decref(k.asks);
    code = cli_stdout_end(berth_verdict_fits(verdict) == 0 || k.is_refused ? CLI_REJECTED
                                                                           : CLI_OK);
    berth_verdict_destroy(verdict);
    if (k.status != BERTH_OK && code != CLI_FAILED)
        code = cli_fail_diag(CLI_REJECTED, path, "correct the plugin", k.status, &k.diag);
    return code;
}

int cli_inspect(const cli_options *options)
{
    berth_contract *contract;
    berth_grants *grants;
    int code = cli_grants_read(options, &grants);

    berth_grants_destroy(grants); /* it was to see that they are grants */
    if (code == CLI_OK)
        code = cli_contract_read(options, &contract);
    if (code != CLI_OK)
        return code;
    code = inspect(options, contract);
    berth_contract_destroy(contract);
    return code;
}
