/* verdict_test.c - a verdict says what an artifact is, whatever it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <cmocka.h>
#include <jansson.h>

#include <berth/admit.h>

#include "base/digest.h"
#include "base/utf8.h"
#include "plugin_builder.h"

static berth_verdict *inspect(const void *bytes, size_t size)
{
    berth_verdict *verdict = NULL;
    berth_diag diag = { 0 };

    if (berth_inspect(NULL, bytes, size, 0, &verdict, &diag) != BERTH_OK)
        fail_msg("inspect: %s", diag.text);
    return verdict;
}

static json_t *parsed(const berth_verdict *verdict)
{
    json_error_t error;
    json_t *root = json_loads(berth_verdict_json(verdict),
                              JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);

    if (root == NULL)
        fail_msg("line %d: %s", error.line, error.text);
    return root;
}

static const char *text_at(json_t *root, const char *a, const char *b)
{
    json_t *value = json_object_get(root, a);

    return json_string_value(b == NULL ? value : json_object_get(value, b));
}

/* The list at root[a][b] or root[a]. */
static json_t *items(json_t *root, const char *a, const char *b, long count)
{
    json_t *list = json_object_get(root, a);

    if (b != NULL)
        list = json_object_get(list, b);
    assert_int_equal(json_integer_value(json_object_get(list, "count")), count);
    return json_object_get(list, "items");
}

static void assert_moves_no_cursor(const char *text)
{
    for (const char *end; *text != '\0'; text = end + 1) {
        end = strchr(text, '\n');
        assert_non_null(end);
        assert_true(berthi_utf8_is_plain_text(text, (size_t)(end - text)));
    }
}

static void a_sound_plugin_is_described_in_full(void **state)
{
    const plugin_recipe recipe = { .profile = &berthi_profile_berth };
    char hex[BERTHI_SHA256_HEX_SIZE];
    uint8_t digest[BERTHI_SHA256_SIZE];
    size_t size;
    uint8_t *bytes = plugin_build(&recipe, &size);
    berth_verdict *verdict = inspect(bytes, size);
    json_t *root = parsed(verdict), *fit, *plugin, *export;

    (void)state;
    assert_true(berthi_sha256(bytes, size, digest));
    berthi_sha256_hex(digest, hex);
    assert_int_equal(berth_verdict_fits(verdict), 1);
    assert_string_equal(text_at(root, "schema", NULL), "berth-verdict/1");
    assert_string_equal(text_at(root, "kind", NULL), "module");
    assert_string_equal(text_at(root, "sha256", NULL), hex);
    assert_int_equal(json_integer_value(json_object_get(root, "bytes")), size);
    fit = json_array_get(json_object_get(root, "fits"), 0);
    assert_string_equal(text_at(fit, "profile", NULL), "berth-hook/1");
    assert_string_equal(text_at(fit, "kind", NULL), "hook");
    plugin = json_array_get(json_object_get(root, "plugins"), 0);
    assert_string_equal(text_at(plugin, "name", NULL), "sound");
    export = json_array_get(items(root, "module", "exports", 4), 0);
    assert_string_equal(text_at(export, "name", NULL), "memory");
    assert_string_equal(text_at(export, "type", NULL), "1.. pages");
    export = json_array_get(items(root, "module", "exports", 4), 3);
    assert_string_equal(text_at(export, "name", NULL), "berth_hook_echo");
    assert_string_equal(text_at(export, "type", NULL), "(i32, i32) -> (i64)");
    assert_true(json_is_null(json_object_get(json_object_get(root, "module"), "start")));
    assert_non_null(strstr(berth_verdict_text(verdict), "fits       berth-hook/1 hook\n"));
    assert_non_null(strstr(berth_verdict_text(verdict), hex));
    json_decref(root);
    berth_verdict_destroy(verdict);
    free(bytes);
}

/* The whole document, so that a key that moves, goes or is renamed shows. */
static void the_json_has_its_documented_shape(void **state)
{
    static const char expected[] =
        "{\n"
        "  \"schema\": \"berth-verdict/1\",\n"
        "  \"kind\": \"module\",\n"
        "  \"bytes\": 8,\n"
        "  \"sha256\": \"93a44bbb96c751218e4c00d479e4c14358122a389acca"
        "16205b1e4d0dc5f9476\",\n"
        "  \"fits\": [],\n"
        "  \"findings\": {\n"
        "    \"count\": 8,\n"
        "    \"items\": [\n"
        "      {\n"
        "        \"profile\": \"berth-hook/1\",\n"
        "        \"kind\": null,\n"
        "        \"rule\": \"metadata-missing\",\n"
        "        \"text\": \"missing required `berth.plugin.v1` custom "
        "section\",\n"
        "        \"offset\": null\n"
        "      },\n";
    static const char module[] =
        "  \"plugins\": [],\n"
        "  \"module\": {\n"
        "    \"imports\": {\n      \"count\": 0,\n      \"items\": []\n    },\n"
        "    \"asks\": [],\n"
        "    \"exports\": {\n      \"count\": 0,\n      \"items\": []\n    },\n"
        "    \"memories\": {\n      \"count\": 0,\n      \"items\": []\n    },\n"
        "    \"tables\": {\n      \"count\": 0,\n      \"items\": []\n    },\n"
        "    \"functions\": 0,\n"
        "    \"globals\": 0,\n"
        "    \"start\": null,\n"
        "    \"sections\": {\n      \"count\": 0,\n      \"items\": []\n    },\n"
        "    \"producers\": {\n      \"count\": 0,\n      \"items\": []\n    }\n"
        "  },\n"
        "  \"component\": null,\n"
        "  \"native\": null\n"
        "}\n";
    berth_verdict *verdict = inspect("\0asm\1\0\0\0", 8);
    const char *json = berth_verdict_json(verdict);

    (void)state;
    assert_memory_equal(json, expected, sizeof expected - 1);
    assert_non_null(strstr(json, module));
    assert_string_equal(strstr(json, module), module);
    berth_verdict_destroy(verdict);
}

static void what_is_no_module_has_a_kind_and_a_reason(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *kind, *text;
        const char *rule;
        unsigned offset;
    } rows[] = {
        { "", 0, "empty", "artifact   nothing, 0 bytes\n", "form", 0 },
        { "hello\n", 6, "text", "artifact   text, 6 bytes\n", "form", 0 },
        { "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\3\0", 18, "shared-object", "ELF shared object",
          "elf", 18 },
        { "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0", 18, "elf", "ELF file", "elf", 18 },
        { "\0\1\2\3", 4, "other", "data of an unknown kind", "form", 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        berth_verdict *verdict = inspect(rows[i].bytes, rows[i].size);
        json_t *root = parsed(verdict), *finding;

        assert_int_equal(berth_verdict_fits(verdict), 0);
        assert_string_equal(text_at(root, "kind", NULL), rows[i].kind);
        assert_true(json_is_null(json_object_get(root, "module")));
        assert_true(json_is_null(json_object_get(root, "native"))); /* heads alone */
        finding = json_array_get(items(root, "findings", NULL, 1), 0);
        assert_true(json_is_null(json_object_get(finding, "profile")));
        assert_string_equal(text_at(finding, "rule", NULL), rows[i].rule);
        assert_int_equal(json_integer_value(json_object_get(finding, "offset")),
                         rows[i].offset);
        assert_non_null(strstr(berth_verdict_text(verdict), rows[i].text));
        assert_non_null(strstr(berth_verdict_text(verdict), "fits       no slot\n"));
        json_decref(root);
        berth_verdict_destroy(verdict);
    }
}

static void a_broken_module_says_at_which_byte(void **state)
{
    const plugin_recipe recipe = { .profile = &berthi_profile_berth };
    size_t size;
    uint8_t *bytes = plugin_build(&recipe, &size);
    berth_verdict *verdict;
    json_t *root, *finding;

    (void)state;
    bytes[8] = 77; /* the first section's id */
    verdict = inspect(bytes, size);
    root = parsed(verdict);
    finding = json_array_get(items(root, "findings", NULL, 1), 0);
    assert_string_equal(text_at(finding, "rule", NULL), "parse");
    assert_int_equal(json_integer_value(json_object_get(finding, "offset")), 8);
    assert_string_equal(text_at(root, "kind", NULL), "module");
    assert_true(json_is_null(json_object_get(root, "module")));
    json_decref(root);
    berth_verdict_destroy(verdict);
    free(bytes);
}

static void findings_point_into_the_artifact(void **state)
{
    const plugin_recipe recipe = { .profile = &berthi_profile_berth,
                                   .metadata = "{\"name\": ?}" };
    size_t size;
    uint8_t *bytes = plugin_build(&recipe, &size);
    berth_verdict *verdict = inspect(bytes, size);
    json_t *root = parsed(verdict), *finding;
    json_int_t offset;

    (void)state;
    finding = json_array_get(json_object_get(json_object_get(root, "findings"), "items"), 0);
    assert_string_equal(text_at(finding, "rule", NULL), "metadata-json");
    offset = json_integer_value(json_object_get(finding, "offset"));
    assert_in_range(offset, 1, size - 1);
    assert_int_equal(bytes[offset], '?');
    json_decref(root);
    berth_verdict_destroy(verdict);
    free(bytes);
}

static void a_member_that_is_there_twice_is_pointed_at(void **state)
{
    const plugin_recipe recipe = { .profile = &berthi_profile_berth,
                                   .metadata = "{\"name\": 1, \"hooks\": 2, \"name\": 3}" };
    size_t size;
    uint8_t *bytes = plugin_build(&recipe, &size);
    berth_verdict *verdict = inspect(bytes, size);
    json_t *root = parsed(verdict), *finding;
    json_int_t offset;

    (void)state;
    finding = json_array_get(json_object_get(json_object_get(root, "findings"), "items"), 0);
    assert_string_equal(text_at(finding, "rule", NULL), "metadata-json");
    offset = json_integer_value(json_object_get(finding, "offset"));
    assert_in_range(offset, 1, size - 9);
    assert_memory_equal(bytes + offset, "\"name\": 3", 9);
    json_decref(root);
    berth_verdict_destroy(verdict);
    free(bytes);
}

static void put_hostile_names(bertht_wasm *m)
{
    char name[4000];

    memset(name, '\a', sizeof name);
    wasm_export_bytes(m, name, sizeof name, 0, 0);
    wasm_export_bytes(m, "\0", 1, 0, 0);
    wasm_export(m, "\033]0;title\a", 0, 0);
    wasm_export(m, "\r\n\t", 0, 0);
    wasm_export(m,
                "a\xe2\x80\xae"
                "b",
                0, 0); /* turns the text around */
    wasm_export(m,
                "\xc2\x9b"
                "2J",
                0, 0); /* an escape sequence in one character */
    wasm_custom(m, "\033[31m", "x", 1);
    wasm_custom(m, "producers",
                "\1\x08language\1\5\033[31m\3"
                "1.0",
                1 + 9 + 1 + 6 + 4);
}

static void put_hostile_import(bertht_wasm *m)
{
    wasm_import_func(m, "\033c", "\b\b\b", "ii:i");
}

static void no_name_moves_a_cursor(void **state)
{
    const plugin_recipe recipe = {
        .profile = &berthi_profile_cclb,
        .metadata = "{\"name\": \"\\u001b[2J\", \"version\": \"\\r\", \"description\": "
                    "\"\\u009b2J\", \"usage\": \"\\u0007\", \"hooks\": {\"\\u001bc\": {}, "
                    "\"filter\": {\"description\": \"\\u202e\\n\"}}}",
        .before = put_hostile_import,
        .after = put_hostile_names
    };
    size_t size;
    uint8_t *bytes = plugin_build(&recipe, &size);
    berth_verdict *verdict = inspect(bytes, size);
    json_t *root = parsed(verdict);

    (void)state;
    assert_moves_no_cursor(berth_verdict_text(verdict));
    assert_moves_no_cursor(berth_verdict_json(verdict));
    assert_non_null(strstr(berth_verdict_text(verdict), "\\x1b]0;title\\x07"));
    assert_non_null(strstr(berth_verdict_text(verdict), "made by    \\x1b[31m 1.0 (language)"));
    assert_non_null(strstr(berth_verdict_json(verdict), "\"\\u001b]0;title\\u0007\""));
    assert_int_equal(berth_verdict_fits(verdict), 0);
    json_decref(root);
    berth_verdict_destroy(verdict);
    free(bytes);
}

static void put_many(bertht_wasm *m)
{
    char name[32];

    for (unsigned i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "export%u", i);
        wasm_export(m, name, 0, 0);
        wasm_custom(m, name, "", 0);
    }
}

static void long_lists_are_cut_and_counted(void **state)
{
    const plugin_recipe recipe = { .profile = &berthi_profile_berth, .after = put_many };
    size_t size;
    uint8_t *bytes = plugin_build(&recipe, &size);
    berth_verdict *verdict = inspect(bytes, size);
    json_t *root = parsed(verdict);

    (void)state;
    assert_int_equal(json_array_size(items(root, "module", "exports", 5004)), 1000);
    assert_int_equal(json_array_size(items(root, "module", "sections", 5006)), 1000);
    assert_non_null(strstr(berth_verdict_text(verdict), "\n           and 4004 more\n"));
    assert_int_equal(berth_verdict_fits(verdict), 1);
    json_decref(root);
    berth_verdict_destroy(verdict);
    free(bytes);
}

static void put_long_name(bertht_wasm *m)
{
    char name[1000];

    memset(name, 'n', sizeof name);
    memcpy(name + 255, "\xe2\x82\xac", 3); /* what would be cut in its middle */
    wasm_export_bytes(m, name, sizeof name, 0, 0);
}

static void long_names_are_cut_between_characters(void **state)
{
    const plugin_recipe recipe = { .profile = &berthi_profile_berth, .after = put_long_name };
    size_t size;
    uint8_t *bytes = plugin_build(&recipe, &size);
    berth_verdict *verdict = inspect(bytes, size);
    json_t *root = parsed(verdict), *export;

    (void)state;
    export = json_array_get(items(root, "module", "exports", 5), 4);
    assert_int_equal(strlen(text_at(export, "name", NULL)), 255 + 3);
    assert_string_equal(text_at(export, "name", NULL) + 254, "n...");
    json_decref(root);
    berth_verdict_destroy(verdict);
    free(bytes);
}

static void the_size_limit_is_exact(void **state)
{
    berth_verdict *verdict = NULL;
    berth_diag diag;

    (void)state;
    assert_int_equal(berth_inspect(NULL, "\0asm\1\0\0\0", 8, 8, &verdict, &diag), BERTH_OK);
    berth_verdict_destroy(verdict);
    verdict = NULL;
    assert_int_equal(berth_inspect(NULL, "\0asm\1\0\0\0", 8, 7, &verdict, &diag),
                     BERTH_E_LIMIT);
    assert_int_equal(diag.reason, BERTH_REASON_ARTIFACT);
    assert_null(verdict);
    assert_int_equal(berth_inspect(NULL, NULL, 1, 0, &verdict, &diag), BERTH_E_INVALID);
    assert_int_equal(berth_inspect(NULL, "", 0, 0, NULL, &diag), BERTH_E_INVALID);
    berth_verdict_destroy(NULL);
}

static uint8_t *read_file(const char *path, size_t *size_out)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = NULL;
    long size;

    if (file == NULL)
        return NULL;
    if (fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0 &&
        fseek(file, 0, SEEK_SET) == 0) {
        bytes = malloc((size_t)size + 1);
        if (bytes != NULL && fread(bytes, 1, (size_t)size, file) != (size_t)size) {
            free(bytes);
            bytes = NULL;
        }
        *size_out = (size_t)size;
    }
    fclose(file);
    return bytes;
}

/* The slot kind that a guest is made for, by how its name begins, the first that does; NULL: none. */
static const char *kind_of_guest(const char *name)
{
    static const char *const
        kinds[]
             [2] = {
                 { "cclb-shape-", "shape" },
                 { "cclb-", "filter" }, /* the hostile ones are sound to look at; their probe tells */
                 { "extism-", "hook" },
                 { "fluvio-", "hook" },
                 { "redpanda-", "hook" },
                 { "proxywasm-", "http-filter" },
                 { "torvyn-", "hook" }, /* as stages of flows */
             };

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strncmp(name, kinds[i][0], strlen(kinds[i][0])) == 0)
            return kinds[i][1];
    return NULL;
}

/* The corpus is beside a checkout of the project, not in it. */
static const char guests[] = BERTH_TEST_SOURCE_DIR "/../shared/corpus/guests";

static void every_guest_of_the_corpus_is_recognised(void **state)
{
    DIR *dir = opendir(guests);
    unsigned files = 0, fitting = 0;

    (void)state;
    if (dir == NULL) {
        print_message("skipped: %s is not there\n", guests);
        skip();
    }
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        const char *dot = strrchr(entry->d_name, '.');
        char path[1024];
        const char *kind;
        berth_verdict *verdict;
        json_t *root;
        uint8_t *bytes;
        size_t size = 0;

        if (dot == NULL || (strcmp(dot, ".wasm") != 0 && strcmp(dot, ".so") != 0))
            continue;
        snprintf(path, sizeof path, "%s/%s", guests, entry->d_name);
        bytes = read_file(path, &size);
        assert_non_null(bytes);
        verdict = inspect(bytes, size);
        root = parsed(verdict);
        assert_moves_no_cursor(berth_verdict_text(verdict));
        kind = kind_of_guest(entry->d_name);
        assert_int_equal(berth_verdict_fits(verdict), kind != NULL);
        if (berth_verdict_fits(verdict) > 0)
            assert_string_equal(
                text_at(json_array_get(json_object_get(root, "fits"), 0), "kind", NULL), kind);
        assert_string_equal(text_at(root, "kind", NULL),
                            strcmp(dot, ".so") == 0                        ? "shared-object"
                            : strstr(entry->d_name, ".component.") != NULL ? "component"
                                                                           : "module");
        files++;
        fitting += berth_verdict_fits(verdict) > 0;
        json_decref(root);
        berth_verdict_destroy(verdict);
        free(bytes);
    }
    closedir(dir);
    assert_true(files > 0 && fitting > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_plugin_is_described_in_full),
        cmocka_unit_test(the_json_has_its_documented_shape),
        cmocka_unit_test(what_is_no_module_has_a_kind_and_a_reason),
        cmocka_unit_test(a_broken_module_says_at_which_byte),
        cmocka_unit_test(findings_point_into_the_artifact),
        cmocka_unit_test(a_member_that_is_there_twice_is_pointed_at),
        cmocka_unit_test(no_name_moves_a_cursor),
        cmocka_unit_test(long_lists_are_cut_and_counted),
        cmocka_unit_test(long_names_are_cut_between_characters),
        cmocka_unit_test(the_size_limit_is_exact),
        cmocka_unit_test(every_guest_of_the_corpus_is_recognised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
