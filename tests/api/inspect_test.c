/* inspect_test.c - what an application learns about artifacts, and which slots take them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include <berth/admit.h>
#include <berth/slot.h>

#include "guests.h"

static berth_verdict *inspect(const char *guest)
{
    size_t size;
    uint8_t *bytes = guest_read(guest, &size);
    berth_verdict *verdict = NULL;
    berth_diag diag;

    assert_int_equal(berth_inspect(NULL, bytes, size, 0, &verdict, &diag), BERTH_OK);
    free(bytes);
    return verdict;
}

static json_t *member(json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);

    assert_non_null(value);
    return value;
}

static void assert_finding(json_t *root, size_t index, const char *rule, const char *text)
{
    json_t *finding = json_array_get(member(member(root, "findings"), "items"), index);

    assert_string_equal(json_string_value(member(finding, "rule")), rule);
    assert_string_equal(json_string_value(member(finding, "text")), text);
}

static void a_plugin_with_all_hooks_fits_both_kinds(void **state)
{
    berth_verdict *verdict = inspect("adm_cclb_all");
    json_t *root = json_loads(berth_verdict_json(verdict), 0, NULL), *hooks;

    (void)state;
    assert_int_equal(berth_verdict_fits(verdict), 2);
    assert_non_null(root);
    hooks = member(json_array_get(member(root, "plugins"), 0), "hooks");
    assert_int_equal(json_array_size(hooks), 4);
    assert_string_equal(json_string_value(member(json_array_get(hooks, 3), "mode")), "noop");
    assert_non_null(
        strstr(berth_verdict_text(verdict), "fits       cc-lb/1 filter, cc-lb/1 shape\n"));
    json_decref(root);
    berth_verdict_destroy(verdict);
}

static void every_reason_is_listed(void **state)
{
    berth_verdict *verdict = inspect("adm_wrong_type");
    json_t *root = json_loads(berth_verdict_json(verdict), 0, NULL);

    (void)state;
    assert_non_null(root);
    assert_int_equal(berth_verdict_fits(verdict), 0);
    assert_finding(root, 0, "function-export", "missing required function export `berth_free`");
    assert_finding(root, 1, "function-type",
                   "function export `berth_hook_echo` has type (i32, i32) -> (i32); it needs "
                   "(i32, i32) -> (i64)");
    assert_non_null(
        strstr(berth_verdict_text(verdict),
               "  missing required function export `berth_free` [function-export]\n"));
    json_decref(root);
    berth_verdict_destroy(verdict);
}

static void names_do_not_reach_the_terminal_raw(void **state)
{
    berth_verdict *verdict = inspect("adm_names");
    const char *texts[] = { berth_verdict_text(verdict), berth_verdict_json(verdict) };

    (void)state;
    for (size_t t = 0; t < 2; t++)
        for (const char *at = texts[t]; *at != '\0'; at++)
            assert_true(*at == '\n' || (*at >= ' ' && *at <= '~'));
    assert_non_null(strstr(texts[0], "\\x1b]0;title\\x07  memory  1..2 pages\n"));
    assert_non_null(strstr(texts[0], "table   3..7 externref\n"));
    assert_non_null(strstr(texts[1], "\"\\u202etfel\""));
    berth_verdict_destroy(verdict);
}

static void a_refused_artifact_leaves_the_slot_as_it_was(void **state)
{
    static const char *const guests[] = { "adm_imports", "adm_wrong_type", "adm_names",
                                          "adm_cclb_all" };
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    berth_slot_stats stats = BERTH_SLOT_STATS_INIT;
    berth_runtime *runtime;
    berth_slot *slot;
    berth_diag diag;

    (void)state;
    options.name = "echo";
    options.profile = "berth-hook/1";
    options.deadline_ns = options.probe_deadline_ns =
        UINT64_C(120000000000); /* a busy machine */
    assert_int_equal(berth_runtime_create(NULL, &runtime, &diag), BERTH_OK);
    assert_int_equal(berth_slot_open(runtime, &options, &slot, &diag), BERTH_OK);
    for (size_t i = 0; i < sizeof guests / sizeof *guests; i++) {
        size_t size;
        uint8_t *bytes = guest_read(guests[i], &size);

        assert_int_equal(berth_slot_install(slot, bytes, size, NULL, &diag), BERTH_E_REJECTED);
        assert_non_null(strstr(diag.text, "berth-hook/1: "));
        free(bytes);
    }
    assert_int_equal(berth_slot_stats_read(slot, &stats, &diag), BERTH_OK);
    assert_int_equal(stats.version, 0);
    assert_int_equal(stats.refused, 4);
    berth_slot_release(slot);
    berth_runtime_destroy(runtime);
}

static berth_status call(berth_slot *slot, const char *hook, const char *expected)
{
    berth_call call = BERTH_CALL_INIT;
    berth_arena *arena;
    berth_reply reply;
    berth_diag diag;
    berth_status status;

    assert_int_equal(berth_arena_create(NULL, 0, &arena, &diag), BERTH_OK);
    call.arena = arena;
    call.input = "x";
    call.input_size = 1;
    assert_int_equal(berth_slot_hook(slot, hook, &call.hook, &diag), BERTH_OK);
    status = berth_slot_call(slot, &call, &reply, &diag);
    if (status == BERTH_OK) {
        assert_int_equal(reply.size, strlen(expected));
        assert_memory_equal(reply.data, expected, reply.size);
    }
    berth_arena_destroy(arena);
    return status;
}

/* The slot's kind says which of a plugin's hooks it serves. */
static void a_slot_serves_the_hooks_of_its_kind(void **state)
{
    static const struct {
        const char *hook, *reply, *kind;
    } rows[] = {
        { "filter", "filter", "filter" },
        { "shape", "shape", "shape" },
        { "transform_response", "response", "shape" },
        { "transform_sse_event", "", "" }, /* a no-op: never called */
    };
    static const char *const kinds[] = { "filter", "shape" };
    berth_runtime *runtime;
    berth_diag diag;
    size_t size;
    uint8_t *bytes = guest_read("adm_cclb_all", &size);

    (void)state;
    assert_int_equal(berth_runtime_create(NULL, &runtime, &diag), BERTH_OK);
    for (size_t k = 0; k < 2; k++) {
        berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
        berth_slot *slot;

        options.name = options.kind = kinds[k];
        options.deadline_ns = options.probe_deadline_ns = UINT64_C(120000000000);
        options.profile = "cc-lb/1";
        assert_int_equal(berth_slot_open(runtime, &options, &slot, &diag), BERTH_OK);
        if (berth_slot_install(slot, bytes, size, NULL, &diag) != BERTH_OK)
            fail_msg("%s", diag.text);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            assert_int_equal(call(slot, rows[i].hook, rows[i].reply),
                             strcmp(rows[i].kind, kinds[k]) == 0 ? BERTH_OK : BERTH_E_ABSENT);
        berth_slot_release(slot);
    }
    berth_runtime_destroy(runtime);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plugin_with_all_hooks_fits_both_kinds),
        cmocka_unit_test(every_reason_is_listed),
        cmocka_unit_test(names_do_not_reach_the_terminal_raw),
        cmocka_unit_test(a_refused_artifact_leaves_the_slot_as_it_was),
        cmocka_unit_test(a_slot_serves_the_hooks_of_its_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
