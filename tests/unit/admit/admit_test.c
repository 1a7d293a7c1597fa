/* admit_test.c - each rule of admission refuses what it is for, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <berth/admit.h>

#include "admit_test.h"

static const berthi_admit_limits limits = { .artifact_bytes_max = BERTHI_ARTIFACT_BYTES_MAX,
                                            .memory_bytes_max = 16 * 65536,
                                            .table_elements_max = 1000 };

berth_status admit_bytes(const uint8_t *bytes, size_t size, const char *profile,
                         const char *kind, berth_diag *diag)
{
    berthi_plugin plugin;
    berthi_arena arena;
    berth_status status;

    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    *diag = (berth_diag){ 0 };
    status = berthi_admit(bytes, size, profile, kind, &limits, &arena, &plugin, diag);
    berthi_arena_fini(&arena);
    return status;
}

/* The artifact of a row is refused for the row's reason and no other. */
static void check_row(const admit_row *row, const char *kind)
{
    uint8_t *bytes;
    berth_diag diag;
    size_t size;
    berth_status status;

    bytes = plugin_build(&row->recipe, &size);
    status = admit_bytes(bytes, size, row->recipe.profile->id,
                         row->kind == NULL ? kind : row->kind, &diag);
    free(bytes);
    if (row->why == NULL) {
        if (status != BERTH_OK)
            fail_msg("%s: refused: %s", row->what, diag.text);
        return;
    }
    if (status != BERTH_E_REJECTED)
        fail_msg("%s: status %s", row->what, berth_status_name(status));
    if (strstr(diag.text, row->why) == NULL)
        fail_msg("%s: \"%s\" is not in \"%s\"", row->what, row->why, diag.text);
    if (strstr(diag.text, "berth inspect FILE") != NULL)
        fail_msg("%s: there are other reasons: \"%s\"", row->what, diag.text);
    assert_int_equal(diag.status, BERTH_E_REJECTED);
}

static void every_rule_of_berth_hook_1_refuses_what_it_is_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < berth_rows_count; i++)
        check_row(&berth_rows[i], "hook");
}

static void every_rule_of_cc_lb_1_refuses_what_it_is_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < cclb_rows_count; i++)
        check_row(&cclb_rows[i], "filter");
}

/* Every "rule" of the verdict on a row stands in the document, in backquotes. */
static unsigned check_rules_of(const admit_row *row, const char *document)
{
    static const char key[] = "\"rule\": \"";
    unsigned rules = 0;
    berth_verdict *verdict;
    uint8_t *bytes;
    const char *at;
    char quoted[64];
    size_t size;

    bytes = plugin_build(&row->recipe, &size);
    assert_int_equal(berth_inspect(NULL, bytes, size, 0, &verdict, NULL), BERTH_OK);
    free(bytes);
    for (at = berth_verdict_json(verdict); (at = strstr(at, key)) != NULL; rules++) {
        at += sizeof key - 1;
        snprintf(quoted, sizeof quoted, "`%.*s`", (int)strcspn(at, "\""), at);
        if (strstr(document, quoted) == NULL)
            fail_msg("docs/inspect-json.md has no %s", quoted);
    }
    berth_verdict_destroy(verdict);
    return rules;
}

static void every_rule_is_documented(void **state)
{
    static char document[1 << 16];
    FILE *file = fopen(BERTH_TEST_SOURCE_DIR "/docs/inspect-json.md", "rb");
    unsigned rules = 0;

    (void)state;
    assert_non_null(file);
    document[fread(document, 1, sizeof document - 1, file)] = '\0';
    fclose(file);
    for (size_t i = 0; i < berth_rows_count; i++)
        rules += check_rules_of(&berth_rows[i], document);
    for (size_t i = 0; i < cclb_rows_count; i++)
        rules += check_rules_of(&cclb_rows[i], document);
    assert_true(rules > 200);
}

static void what_is_no_module_is_refused_by_its_kind(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *why;
    } rows[] = {
        { "", 0, "the artifact is empty" },
        { "\0asm\x0d\0\1\0", 8, "component exports no function" },
        { "\0asm\x0d\0\1\0\7", 9, "component: " },
        { "\0asm\2\0\0\0", 8, "of a version that is not known" },
        { "\0asm\1\0", 6, "ends inside its eight-byte head" },
        { "(module)", 8, "assemble it first" },
        { "name = \"x\"\n", 11, "this is text" },
        { "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\3\0", 18, "native shared object" },
        { "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0", 18, "not a shared object" },
        { "\177ELF\2\2\1\0\0\0\0\0\0\0\0\0\0\3", 18, "native shared object" },
        { "\xff\xfe\0\1", 4, "does not begin with \\0asm" },
    };
    berth_diag diag;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(
            admit_bytes((const uint8_t *)rows[i].bytes, rows[i].size, NULL, NULL, &diag),
            BERTH_E_REJECTED);
        if (strstr(diag.text, rows[i].why) == NULL)
            fail_msg("row %zu: %s", i, diag.text);
    }
}

static void an_admitted_plugin_is_described(void **state)
{
    const plugin_recipe recipe = { .profile = &berthi_profile_berth };
    berthi_plugin plugin;
    berthi_arena arena;
    size_t size;
    uint8_t *bytes = plugin_build(&recipe, &size);

    (void)state;
    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    assert_int_equal(berthi_admit(bytes, size, NULL, NULL, &limits, &arena, &plugin, NULL),
                     BERTH_OK);
    memset(bytes, 0xaa, size); /* nothing of it is kept */
    free(bytes);
    assert_ptr_equal(plugin.profile, &berthi_profile_berth);
    assert_string_equal(plugin.kind, "hook");
    /* strcmp() and memcmp() here: cmocka's own comparisons are hidden from sanitizers. */
    assert_int_equal(strcmp(plugin.name, "sound"), 0);
    assert_int_equal(strcmp(plugin.version, "1.2.3"), 0);
    assert_int_equal(strcmp(plugin.description, "For tests."), 0);
    assert_false(plugin.has_start);
    assert_int_equal(plugin.hooks_count, 1);
    assert_int_equal(strcmp(plugin.hooks[0].name, "echo"), 0);
    assert_int_equal(strcmp(plugin.hooks[0].export_name, "berth_hook_echo"), 0);
    assert_int_equal(strcmp(plugin.hooks[0].description, "Says it again."), 0);
    assert_int_equal(plugin.hooks[0].probe.size, 6);
    assert_int_equal(memcmp(plugin.hooks[0].probe.data, "a line", 6), 0);
    assert_true(plugin.hooks[0].is_served);
    assert_false(plugin.hooks[0].is_noop);
    berthi_arena_fini(&arena);
}

static void check_cclb_all(const char *kind, const char *served)
{
    static const char *const names[] = { "filter", "shape", "transform_response",
                                         "transform_sse_event" };
    const plugin_recipe recipe = { .profile = &berthi_profile_cclb,
                                   .metadata = sound_cclb_all_metadata,
                                   .hooks = SOUND_CCLB_ALL_HOOKS };
    berthi_plugin plugin;
    berthi_arena arena;
    size_t size;
    uint8_t *bytes = plugin_build(&recipe, &size);

    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    assert_int_equal(berthi_admit(bytes, size, NULL, kind, &limits, &arena, &plugin, NULL),
                     BERTH_OK);
    free(bytes);
    assert_string_equal(plugin.kind, kind);
    assert_int_equal(plugin.hooks_count, 4);
    for (size_t i = 0; i < 4; i++) {
        const berthi_hook *hook = &plugin.hooks[i];

        assert_string_equal(hook->name, names[i]); /* sorted; the metadata is not */
        assert_int_equal(hook->is_noop, i >= 2);
        assert_int_equal(hook->is_served, served[i] == '1');
        assert_int_equal(hook->wire_version, 1);
        assert_ptr_equal(hook->probe.data, berthi_profile_cclb.hooks[i].probe.data);
        assert_true(hook->probe.size >= 248);
    }
    berthi_arena_fini(&arena);
}

static void a_plugin_with_all_hooks_serves_either_kind(void **state)
{
    (void)state;
    check_cclb_all("filter", "1000");
    check_cclb_all("shape", "0111");
}

static void a_start_function_is_allowed_and_reported(void **state)
{
    plugin_recipe recipe = { .profile = &berthi_profile_berth, .after = put_start };
    berthi_plugin plugin;
    berthi_arena arena;
    size_t size;
    uint8_t *bytes = plugin_build(&recipe, &size);

    (void)state;
    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    assert_int_equal(berthi_admit(bytes, size, NULL, NULL, &limits, &arena, &plugin, NULL),
                     BERTH_OK);
    assert_true(plugin.has_start);
    berthi_arena_fini(&arena);
    free(bytes);
}

static void unknown_profiles_and_kinds_are_absent(void **state)
{
    berth_diag diag;
    const uint8_t *none = (const uint8_t *)"";

    (void)state;
    assert_int_equal(admit_bytes(none, 0, "berth-hook/2", NULL, &diag), BERTH_E_ABSENT);
    assert_non_null(strstr(diag.text, "no hook profile 'berth-hook/2'"));
    assert_int_equal(admit_bytes(none, 0, "berth-hook/1", "filter", &diag), BERTH_E_ABSENT);
    assert_non_null(strstr(diag.text, "no slot kind 'filter' in berth-hook/1"));
    assert_int_equal(admit_bytes(none, 0, NULL, "a\033b", &diag), BERTH_E_ABSENT);
    assert_non_null(strstr(diag.text, "'a\\x1bb'"));
    assert_int_equal(admit_bytes(none, 0, NULL, "transform_response", &diag), BERTH_E_REJECTED);
    assert_non_null(strstr(diag.text, "hook `transform_response` is shape-owned and cannot be "
                                      "admitted as a standalone slot"));
}

static void an_artifact_is_taken_at_its_size_limit_and_not_past_it(void **state)
{
    const plugin_recipe recipe = { .profile = &berthi_profile_berth };
    berthi_admit_limits tight = limits;
    berthi_plugin plugin;
    berthi_arena arena;
    berth_diag diag = { 0 };
    size_t size;
    uint8_t *bytes = plugin_build(&recipe, &size);

    (void)state;
    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    tight.artifact_bytes_max = size;
    assert_int_equal(berthi_admit(bytes, size, NULL, NULL, &tight, &arena, &plugin, &diag),
                     BERTH_OK);
    tight.artifact_bytes_max = size - 1;
    assert_int_equal(berthi_admit(bytes, size, NULL, NULL, &tight, &arena, &plugin, &diag),
                     BERTH_E_LIMIT);
    assert_int_equal(diag.reason, BERTH_REASON_ARTIFACT);
    berthi_arena_fini(&arena);
    free(bytes);
}

static void further_reasons_are_counted(void **state)
{
    const plugin_recipe recipe = {
        .profile = &berthi_profile_berth, .alloc_type = "", .free_type = "", .hooks = ""
    };
    berth_diag diag;
    size_t size;
    uint8_t *bytes = plugin_build(&recipe, &size);

    (void)state;
    assert_int_equal(admit_bytes(bytes, size, NULL, NULL, &diag), BERTH_E_REJECTED);
    assert_non_null(strstr(diag.text, "berth-hook/1: missing required function export "
                                      "`berth_alloc`, and 2 more; berth inspect FILE lists"));
    free(bytes);
}

static void the_reason_is_about_the_profile_that_the_metadata_names(void **state)
{
    const plugin_recipe recipe = { .profile = &berthi_profile_cclb, .no_memory = true };
    berth_diag diag;
    size_t size;
    uint8_t *bytes = plugin_build(&recipe, &size);

    (void)state;
    assert_int_equal(admit_bytes(bytes, size, NULL, NULL, &diag), BERTH_E_REJECTED);
    assert_non_null(strstr(diag.text, "cc-lb/1: missing required export `memory` (Memory)"));
    free(bytes);
}

static void no_truncation_of_a_plugin_is_admitted(void **state)
{
    const plugin_recipe recipes[] = { { .profile = &berthi_profile_berth },
                                      { .profile = &berthi_profile_cclb } };
    berth_diag diag;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        size_t size;
        uint8_t *bytes = plugin_build(&recipes[i], &size);

        for (size_t n = 0; n < size; n++) {
            uint8_t *part =
                malloc(n == 0 ? 1 : n); /* so that a sanitizer sees a byte too far */

            assert_non_null(part);
            memcpy(part, bytes, n);
            assert_int_equal(admit_bytes(part, n, NULL, NULL, &diag), BERTH_E_REJECTED);
            free(part);
        }
        assert_int_equal(admit_bytes(bytes, size, NULL, NULL, &diag), BERTH_OK);
        free(bytes);
    }
}

static void every_mutation_of_a_plugin_gets_an_answer(void **state)
{
    const plugin_recipe recipe = { .profile = &berthi_profile_berth };
    unsigned long refused = 0, admitted = 0;
    berth_diag diag;
    size_t size;
    uint8_t *bytes = plugin_build(&recipe, &size);

    (void)state;
    for (size_t i = 0; i < size; i++) {
        uint8_t kept = bytes[i];

        for (unsigned value = 0; value < 256; value++) {
            berth_status status;

            bytes[i] = (uint8_t)value;
            status = admit_bytes(bytes, size, NULL, NULL, &diag);
            assert_true(status == BERTH_OK || status == BERTH_E_REJECTED);
            refused += status == BERTH_E_REJECTED;
            admitted += status == BERTH_OK;
        }
        bytes[i] = kept;
    }
    /* It mutated something that mattered, and something that did not. */
    assert_true(refused > 1000 && admitted > 1000);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rule_of_berth_hook_1_refuses_what_it_is_for),
        cmocka_unit_test(every_rule_of_cc_lb_1_refuses_what_it_is_for),
        cmocka_unit_test(every_rule_is_documented),
        cmocka_unit_test(what_is_no_module_is_refused_by_its_kind),
        cmocka_unit_test(an_admitted_plugin_is_described),
        cmocka_unit_test(a_plugin_with_all_hooks_serves_either_kind),
        cmocka_unit_test(a_start_function_is_allowed_and_reported),
        cmocka_unit_test(unknown_profiles_and_kinds_are_absent),
        cmocka_unit_test(an_artifact_is_taken_at_its_size_limit_and_not_past_it),
        cmocka_unit_test(further_reasons_are_counted),
        cmocka_unit_test(the_reason_is_about_the_profile_that_the_metadata_names),
        cmocka_unit_test(no_truncation_of_a_plugin_is_admitted),
        cmocka_unit_test(every_mutation_of_a_plugin_gets_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
