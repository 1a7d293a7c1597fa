/* test.c - `berth test`: cases that a file describes, run in their order.  Layer: cli. */
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <berth/value.h>

#include "test.h"

#define SECOND 1000000000u

typedef struct testing {
    const cli_options *options;
    const test_file *file;
    cli_host host;
    const test_settings *settings; /* of what is open; NULL: nothing is */
    berth_arena *arena;
    json_t *results;
    uint32_t failed;
} testing;

static bool is_same(const test_settings *a, const test_settings *b)
{
    if (a->grants_count != b->grants_count || a->memory_bytes != b->memory_bytes ||
        a->output_bytes != b->output_bytes || a->policy != b->policy)
        return false;
    for (uint32_t i = 0; i < a->grants_count; i++)
        if (strcmp(a->grants[i], b->grants[i]) != 0)
            return false;
    return true;
}

static void close_host(testing *run)
{
    if (run->settings != NULL)
        cli_host_close(&run->host);
    run->settings = NULL;
}

/* A slot as the case wants it; the one that is open, with what the plugin keeps in it, when that is
 * the same. */
static int open_host(testing *run, const test_case *t)
{
    cli_options options = *run->options;
    const test_settings *s = &t->settings;
    berth_diag diag = { 0 };
    berth_status status;
    int code;

    if (run->settings != NULL && !t->is_fresh && is_same(run->settings, s))
        return CLI_OK;
    close_host(run);
    for (uint32_t i = 0; i < s->grants_count && options.grants.count < CLI_TEXTS_MAX; i++)
        options.grants.at[options.grants.count++] = s->grants[i];
    options.memory_bytes = s->memory_bytes == 0 ? options.memory_bytes : s->memory_bytes;
    options.output_bytes = s->output_bytes == 0 ? options.output_bytes : s->output_bytes;
    options.policy = s->policy == 0 ? options.policy : s->policy;
    if (options.deadline_ns == 0)
        options.deadline_ns = 10ull * SECOND;
    if (options.probe_deadline_ns == 0)
        options.probe_deadline_ns = 60ull * SECOND;
    code = cli_host_open(&run->host, &options, "test", 0);
    if (code != CLI_OK)
        return code;
    run->settings = s;
    status = cli_host_install(&run->host, &options, options.operands[0], NULL, &diag);
    return status == BERTH_OK ? CLI_OK
                              : cli_fail_diag(cli_install_exit(status), options.operands[0],
                                              NULL, status, &diag);
}

static void call_hook(testing *run, const test_case *t, berth_call *call, test_result *result)
{
    berth_reply reply = { 0 };

    call->input = t->input.data;
    call->input_size = t->input.size;
    result->status = berth_slot_hook(run->host.slot, t->hook, &call->hook, &result->diag);
    if (result->status == BERTH_OK)
        result->status = berth_slot_call(run->host.slot, call, &reply, &result->diag);
    if (result->status != BERTH_OK)
        return;
    result->data = reply.data;
    result->size = reply.size;
    result->is_dropped = reply.is_dropped != 0;
}

static void call_function(testing *run, const test_case *t, berth_call *call,
                          test_result *result)
{
    const char *text = "";

    result->status = berth_slot_evaluate(run->host.slot, t->call, call,
                                         t->json == NULL ? BERTH_TEXT_WAVE : BERTH_TEXT_JSON,
                                         &text, &result->diag);
    if (result->status == BERTH_OK) {
        result->data = text;
        result->size = strlen(text);
    }
}

/* Each repetition has to give what is expected. */
static bool run_case(testing *run, const test_case *t, char *why)
{
    for (uint64_t i = 0; i < t->repeat; i++) {
        berth_call call = BERTH_CALL_INIT;
        test_result result = { .data = "" };

        berth_arena_reset(run->arena);
        call.arena = run->arena;
        call.deadline_ns = t->deadline_ns;
        if (t->call != NULL)
            call_function(run, t, &call, &result);
        else
            call_hook(run, t, &call, &result);
        if (result.data == NULL)
            result.data = "";
        if (!test_is_expected(t, &result, why)) {
            if (t->repeat > 1) {
                size_t used = strlen(why);

                snprintf(why + used, TEST_WHY_MAX - used, "in repetition %llu of %llu\n",
                         (unsigned long long)i + 1, (unsigned long long)t->repeat);
            }
            return false;
        }
    }
    return true;
}

/* ---------------------------------------------------------------- what is printed */

static void print_tap(const testing *run, const test_case *t, uint32_t number, bool passed,
                      const char *why)
{
    char name[CLI_TEXT_MAX];

    cli_clean(name, sizeof name, t->name, false);
    for (char *p = name; *p != '\0'; p++)
        if (*p == '#') /* would begin a directive */
            *p = '_';
    printf("%s %u - %s\n", passed ? "ok" : "not ok", number, name);
    if (passed)
        return;
    printf("  ---\n  at: %s:%u\n  why: |\n", run->options->operands[1], t->line);
    while (*why != '\0') {
        size_t size = strcspn(why, "\n");

        printf("    %.*s\n", (int)size, why);
        why += size + (why[size] == '\n');
    }
    puts("  ...");
}

static void note(testing *run, const test_case *t, uint32_t number, bool passed,
                 const char *why, uint64_t took_ns)
{
    json_t *result = json_object();
    size_t size = strlen(why);

    run->failed += passed ? 0 : 1;
    if (!run->options->json) {
        print_tap(run, t, number, passed, why);
        fflush(stdout);
    }
    json_object_set_new(result, "name", json_string(t->name));
    json_object_set_new(result, "line", json_integer(t->line));
    json_object_set_new(result, "passed", json_boolean(passed));
    json_object_set_new(result, "ns", json_integer((json_int_t)took_ns));
    json_object_set_new(result, "why",
                        passed ? json_null() : json_stringn(why, size > 0 ? size - 1 : 0));
    json_array_append_new(run->results, result);
}

static void print_json(const testing *run)
{
    json_t *root = json_object();
    char *text;

    json_object_set(root, "cases", run->results);
    json_object_set_new(root, "passed", json_integer(run->file->count - run->failed));
    json_object_set_new(root, "failed", json_integer(run->failed));
    text = json_dumps(root, JSON_INDENT(2));
    if (text != NULL)
        puts(text);
    free(text);
    json_decref(root);
}

static int run_all(testing *run)
{
    char why[TEST_WHY_MAX];
    int code = CLI_OK;

    for (uint32_t i = 0; i < run->file->count && code == CLI_OK; i++) {
        const test_case *t = &run->file->cases[i];
        uint64_t began;
        bool passed;

        code = open_host(run, t);
        if (code != CLI_OK)
            break;
        if (i == 0 && !run->options->json)
            printf("TAP version 14\n1..%u\n", run->file->count);
        why[0] = '\0';
        began = cli_now_ns();
        passed = run_case(run, t, why);
        note(run, t, i + 1, passed, why, cli_now_ns() - began);
    }
    close_host(run);
    if (code != CLI_OK)
        return code;
    if (run->options->json)
        print_json(run);
    else
        printf("# %u passed, %u failed\n", run->file->count - run->failed, run->failed);
    return cli_stdout_end(run->failed == 0 ? CLI_OK : CLI_FAILED);
}

static int test_with(const cli_options *options)
{
    testing run = { .options = options };
    berth_diag diag = { 0 };
    test_file file;
    berth_status status;
    int code = test_file_read(options->operands[1], &file);

    run.file = &file;
    if (code == CLI_OK) {
        status = berth_arena_create(NULL, 0, &run.arena, &diag);
        run.results = json_array();
        code = status == BERTH_OK ? run_all(&run)
                                  : cli_fail_diag(CLI_FAILED, "memory", NULL, status, &diag);
    }
    json_decref(run.results);
    berth_arena_destroy(run.arena);
    test_file_free(&file);
    return code;
}

int cli_test(const cli_options *options)
{
    cli_options with = *options;
    char copy[PATH_MAX], path[PATH_MAX + 16];

    if (options->operands_count == 1) {
        snprintf(copy, sizeof copy, "%s", options->operands[0]);
        snprintf(path, sizeof path, "%s/cases.toml", dirname(copy));
        with.operands[1] = path;
    }
    return test_with(&with);
}
