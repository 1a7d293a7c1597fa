/* test_read.c - a file of cases: what it may say (docs/testing.md).  Layer: cli. */
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <berth/toml.h>

#include "test.h"

enum { CASES_BYTES_MAX = 1 << 20, DATA_BYTES_MAX = 64 << 20, REPEAT_MAX = 1000000 };

typedef struct reading {
    const char *path;
    char folder[PATH_MAX];
    unsigned line; /* of the case, or of the file's head */
    test_case *t;
    bool has_settings_only; /* the head of the file */
    bool has_failed;
} reading;

static bool fail(reading *r, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool fail(reading *r, const char *key, const char *format, ...)
{
    char where[PATH_MAX + 32], why[512], text[640];
    va_list args;

    va_start(args, format);
    if (vsnprintf(why, sizeof why, format, args) < 0)
        why[0] = '\0';
    va_end(args);
    snprintf(where, sizeof where, "%s:%u", r->path, r->line);
    snprintf(text, sizeof text, "%s%s%s%s", key[0] == '\0' ? "" : "'", key,
             key[0] == '\0' ? "" : "' ", why);
    cli_fail(CLI_USAGE, where, "docs/testing.md says what a case may say", "%s", text);
    r->has_failed = true;
    return false;
}

/* ---------------------------------------------------------------- values */

static bool get_text(reading *r, const char *key, const json_t *value, const char **out)
{
    const char *text = json_string_value(value);

    if (text == NULL)
        return fail(r, key, "has to be a string");
    if (strlen(text) != json_string_length(value))
        return fail(r, key, "has a NUL in it");
    *out = text;
    return true;
}

static bool get_list(reading *r, const char *key, const json_t *value, const char **at,
                     uint32_t max, uint32_t *count_out)
{
    const json_t *item;
    size_t i;

    if (json_is_string(value)) {
        *count_out = 1;
        return get_text(r, key, value, &at[0]);
    }
    if (!json_is_array(value) || json_array_size(value) > max)
        return fail(r, key, "has to be a string, or an array of at most %u of them", max);
    json_array_foreach(value, i, item) if (!get_text(r, key, item, &at[i])) return false;
    *count_out = (uint32_t)json_array_size(value);
    return true;
}

static bool get_flag(reading *r, const char *key, const json_t *value, bool *out)
{
    *out = json_is_true(value);
    return json_is_boolean(value) || fail(r, key, "has to be true or false");
}

static bool get_measure(reading *r, const char *key, const json_t *value,
                        bool (*read)(const char *, uint64_t *), const char *such_as,
                        uint64_t *out)
{
    const char *text;

    if (!get_text(r, key, value, &text))
        return false;
    return (read(text, out) && *out != 0) ||
           fail(r, key, "has to be such as \"%s\", not \"%s\"", such_as, text);
}

static void copy_bytes(const void *data, size_t size, cli_bytes *out)
{
    cli_free(out->data);
    out->data = cli_alloc(size + 1);
    memcpy(out->data, data, size);
    out->size = size;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'                 ? c - '0'
           : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                : -1;
}

static bool get_hex(reading *r, const char *key, const json_t *value, cli_bytes *out)
{
    const char *text;
    size_t size = 0;

    if (!get_text(r, key, value, &text))
        return false;
    cli_free(out->data);
    out->data = cli_alloc(strlen(text) / 2 + 1);
    for (; *text != '\0'; text++) {
        if (*text == ' ' || *text == '\n' || *text == '\t')
            continue;
        if (hex_digit(text[0]) < 0 || hex_digit(text[1]) < 0)
            return fail(r, key, "has to be pairs of hexadecimal digits");
        out->data[size++] = (unsigned char)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
        text++;
    }
    out->size = size;
    return true;
}

/* Of a file whose path is from the folder of the cases. */
static bool get_file(reading *r, const char *key, const json_t *value, cli_bytes *out)
{
    char path[2 * PATH_MAX];
    berth_diag diag = { 0 };
    const char *name;

    if (!get_text(r, key, value, &name))
        return false;
    snprintf(path, sizeof path, "%s%s%s", name[0] == '/' ? "" : r->folder,
             name[0] == '/' ? "" : "/", name);
    cli_free(out->data);
    *out = (cli_bytes){ NULL, 0 };
    return cli_artifact_read(path, DATA_BYTES_MAX, out, &diag) == BERTH_OK ||
           fail(r, key, "%s: %s", name, diag.text);
}

/* KEY, KEY-hex or KEY-file. */
static bool get_bytes(reading *r, const char *key, const json_t *value, cli_bytes *out)
{
    const char *how = strchr(key, '-');

    if (out->data != NULL)
        return fail(r, key, "says the same thing a second time");
    if (how == NULL && !json_is_string(value))
        return fail(r, key, "has to be a string");
    if (how == NULL)
        copy_bytes(json_string_value(value), json_string_length(value), out);
    else if (strcmp(how, "-hex") == 0)
        return get_hex(r, key, value, out);
    else
        return get_file(r, key, value, out);
    return true;
}

static bool get_json(reading *r, const char *key, json_t *value, json_t **out)
{
    json_error_t error;

    if (!json_is_string(value))
        return fail(r, key, "has to be JSON in a string");
    *out = json_loadb(json_string_value(value), json_string_length(value),
                      JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
    return *out != NULL || fail(r, key, "is no JSON: %s", error.text);
}

static bool get_policy(reading *r, const char *key, const json_t *value, uint64_t *out)
{
    const char *text;

    if (!get_text(r, key, value, &text))
        return false;
    *out = strcmp(text, "fresh") == 0   ? BERTH_POLICY_FRESH
           : strcmp(text, "reuse") == 0 ? BERTH_POLICY_REUSE
                                        : 0;
    return *out != 0 || fail(r, key, "is \"reuse\" or \"fresh\"");
}

static bool get_repeat(reading *r, const char *key, const json_t *value, uint64_t *out)
{
    json_int_t number = json_integer_value(value);

    *out = (uint64_t)number;
    return (json_is_integer(value) && number >= 1 && number <= REPEAT_MAX) ||
           fail(r, key, "has to be a number from 1 to %d", REPEAT_MAX);
}

/* ---------------------------------------------------------------- keys */

static bool is_any(const char *key, const char *a, const char *b, const char *c)
{
    return strcmp(key, a) == 0 || strcmp(key, b) == 0 || strcmp(key, c) == 0;
}

/* What a file may say for all its cases.  1: done, 0: refused, -1: another key. */
static int read_setting(reading *r, const char *key, const json_t *value)
{
    test_case *t = r->t;
    test_settings *s = &t->settings;

    if (strcmp(key, "grants") == 0)
        return get_list(r, key, value, s->grants, CLI_TEXTS_MAX, &s->grants_count);
    if (strcmp(key, "memory") == 0)
        return get_measure(r, key, value, cli_size_read, "16MiB", &s->memory_bytes);
    if (strcmp(key, "output-max") == 0)
        return get_measure(r, key, value, cli_size_read, "64KiB", &s->output_bytes);
    if (strcmp(key, "policy") == 0)
        return get_policy(r, key, value, &s->policy);
    if (strcmp(key, "deadline") == 0)
        return get_measure(r, key, value, cli_time_read, "50ms", &t->deadline_ns);
    if (strcmp(key, "hook") == 0)
        return get_text(r, key, value, &t->hook);
    return -1;
}

static bool read_expected(reading *r, const char *key, json_t *value)
{
    test_case *t = r->t;

    if (is_any(key, "output", "output-hex", "output-file")) {
        t->has_output = true;
        return get_bytes(r, key, value, &t->output);
    }
    if (strcmp(key, "contains") == 0)
        return get_list(r, key, value, t->contains.at, TEST_LIST_MAX, &t->contains.count);
    if (strcmp(key, "one-of") == 0)
        return get_list(r, key, value, t->one_of.at, TEST_LIST_MAX, &t->one_of.count);
    if (strcmp(key, "starts-with") == 0)
        return get_text(r, key, value, &t->starts);
    if (strcmp(key, "ends-with") == 0)
        return get_text(r, key, value, &t->ends);
    if (strcmp(key, "json") == 0)
        return get_json(r, key, value, &t->json);
    if (strcmp(key, "error") == 0)
        return get_text(r, key, value, &t->error);
    if (strcmp(key, "dropped") == 0)
        return get_flag(r, key, value, &t->is_dropped);
    return fail(r, key, "is no key of a case");
}

static bool read_key(reading *r, const char *key, json_t *value)
{
    test_case *t = r->t;
    int set = read_setting(r, key, value);

    if (set >= 0)
        return set == 1;
    if (r->has_settings_only)
        return fail(r, key, "is no key of the file; a case begins with [[case]]");
    if (strcmp(key, "name") == 0)
        return get_text(r, key, value, &t->name);
    if (strcmp(key, "call") == 0)
        return get_text(r, key, value, &t->call);
    if (is_any(key, "input", "input-hex", "input-file"))
        return get_bytes(r, key, value, &t->input);
    if (strcmp(key, "repeat") == 0)
        return get_repeat(r, key, value, &t->repeat);
    if (strcmp(key, "fresh") == 0)
        return get_flag(r, key, value, &t->is_fresh);
    return read_expected(r, key, value);
}

static unsigned line_of(const json_t *table)
{
    return (unsigned)json_integer_value(json_object_get(table, ""));
}

/* What the keys of a case say together. */
static bool check_case(reading *r, const json_t *table)
{
    const test_case *t = r->t;
    bool says_reply = t->has_output || t->starts != NULL || t->ends != NULL ||
                      t->json != NULL || t->contains.count != 0 || t->one_of.count != 0;

    if (t->name == NULL)
        return fail(r, "", "a case needs a name");
    if (t->call != NULL && json_object_get(table, "hook") != NULL)
        return fail(r, "call", "and hook exclude each other");
    if (t->call == NULL && t->hook == NULL)
        return fail(r, "", "case '%s' needs a hook or a call", t->name);
    if (t->call != NULL && t->input.data != NULL)
        return fail(r, "input", "is for a hook; a call has its arguments in it");
    if ((int)says_reply + (t->error != NULL) + t->is_dropped != 1)
        return fail(r, "",
                    "case '%s' has to expect a reply (output, contains, one-of, starts-with, "
                    "ends-with, json), an error or dropped: one of the three",
                    t->name);
    return true;
}

static bool read_case(reading *r, json_t *table, const test_case *head, test_case *t)
{
    const char *key;
    json_t *value;

    *t = *head;
    t->line = r->line = line_of(table);
    r->t = t;
    if (!json_is_object(table))
        return fail(r, "case", "has to be a table: [[case]]");
    json_object_foreach(table, key,
                        value) if (key[0] != '\0' && !read_key(r, key, value)) return false;
    if (t->call != NULL && json_object_get(table, "hook") == NULL)
        t->hook = NULL; /* the head's */
    return check_case(r, table);
}

static bool read_head(reading *r, json_t *root, test_case *head)
{
    const char *key;
    json_t *value;

    r->t = head;
    r->line = 1;
    r->has_settings_only = true;
    json_object_foreach(root, key, value) if (key[0] != '\0' && strcmp(key, "case") != 0 &&
                                              !read_key(r, key, value)) return false;
    r->has_settings_only = false;
    return true;
}

static int read_all(reading *r, test_file *file)
{
    json_t *cases = json_object_get(file->root, "case");
    test_case head = { .repeat = 1 };
    size_t count = json_array_size(cases);

    if (!read_head(r, file->root, &head))
        return CLI_USAGE;
    if (count == 0 || count > TEST_CASES_MAX) {
        fail(r, "", "has %zu cases ([[case]]), not 1 to %d", count, TEST_CASES_MAX);
        return CLI_USAGE;
    }
    file->cases = cli_alloc(count * sizeof *file->cases);
    for (size_t i = 0; i < count && !r->has_failed; i++)
        (void)read_case(r, json_array_get(cases, i), &head, &file->cases[file->count++]);
    return r->has_failed ? CLI_USAGE : CLI_OK;
}

int test_file_read(const char *path, test_file *file)
{
    reading r = { .path = path };
    char copy[PATH_MAX];
    berth_diag diag = { 0 };
    berth_arena *arena = NULL;
    cli_bytes bytes = { NULL, 0 };
    const char *json;
    berth_status status = cli_artifact_read(path, CASES_BYTES_MAX, &bytes, &diag);

    memset(file, 0, sizeof *file);
    if (status != BERTH_OK)
        return cli_fail_diag(CLI_USAGE, path, "name a file of cases", status, &diag);
    snprintf(copy, sizeof copy, "%s", path);
    snprintf(r.folder, sizeof r.folder, "%s", dirname(copy));
    status = berth_arena_create(NULL, 0, &arena, &diag);
    if (status == BERTH_OK)
        status =
            berth_toml_json(path, (const char *)bytes.data, bytes.size, arena, &json, &diag);
    cli_free(bytes.data);
    if (status == BERTH_OK)
        file->root = json_loads(json, JSON_ALLOW_NUL, NULL);
    berth_arena_destroy(arena);
    if (status != BERTH_OK)
        return cli_fail_lines(CLI_USAGE, "cases", "docs/testing.md says what a case may say",
                              diag.text);
    return read_all(&r, file);
}

void test_file_free(test_file *file)
{
    for (uint32_t i = 0; i < file->count; i++) {
        cli_free(file->cases[i].input.data);
        cli_free(file->cases[i].output.data);
        json_decref(file->cases[i].json);
    }
    cli_free(file->cases);
    json_decref(file->root);
    memset(file, 0, sizeof *file);
}
