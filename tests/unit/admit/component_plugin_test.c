/* component_plugin_test.c - which components are plugins, of what name, with which hooks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <berth/admit.h>

#include "admit/admit.h"
#include "component_builder.h"
#include "memory.h"

#define DECLARED(hooks)                                                                        \
    "{\"name\": \"redact\", \"version\": \"1.2.3\", \"description\": \"It redacts.\"" hooks "}"

typedef struct rig {
    bertht_memory memory;
    berth_allocator allocator;
    berthi_arena arena;
    berthi_plugin plugin;
    berth_diag diag;
} rig;

static int set_up(void **state)
{
    static rig r;

    memory_init(&r.memory);
    r.allocator = memory_allocator(&r.memory);
    berthi_arena_init(&r.arena, &r.allocator, SIZE_MAX);
    memset(&r.plugin, 0, sizeof r.plugin);
    *state = &r;
    return 0;
}

static int tear_down(void **state)
{
    rig *r = *state;

    berthi_arena_fini(&r->arena);
    memory_assert_empty(&r->memory);
    return 0;
}

static uint8_t *build(component_recipe recipe, uint32_t pages, size_t *size_out)
{
    uint8_t *core, *bytes;

    if (recipe.functions == NULL)
        recipe.functions = "process";
    core = component_core(recipe.functions, pages, &recipe.core_size);
    recipe.core = core;
    bytes = component_build(&recipe, size_out);
    free(core);
    return bytes;
}

static berth_status admit_pages(rig *r, component_recipe recipe, uint32_t pages,
                                const char *profile)
{
    const berthi_admit_limits limits = { .artifact_bytes_max = 1 << 20,
                                         .memory_bytes_max = 4 * 65536,
                                         .table_elements_max = 100 };
    size_t size;
    uint8_t *bytes = build(recipe, pages, &size);
    berth_status status =
        berthi_admit(bytes, size, profile, NULL, &limits, &r->arena, &r->plugin, &r->diag);

    free(bytes);
    return status;
}

static void admitted(rig *r, component_recipe recipe)
{
    if (admit_pages(r, recipe, 1, NULL) != BERTH_OK)
        fail_msg("%s", r->diag.text);
    assert_true(r->plugin.is_component);
    assert_string_equal(r->plugin.profile->id, "berth-hook/1");
    assert_string_equal(r->plugin.kind, "hook");
}

static void refused(rig *r, component_recipe recipe, const char *text)
{
    assert_int_equal(admit_pages(r, recipe, 1, NULL), BERTH_E_REJECTED);
    if (strstr(r->diag.text, text) == NULL)
        fail_msg("%s", r->diag.text);
}

static void exports_of_the_type_of_hooks_are_hooks(void **state)
{
    rig *r = *state;

    admitted(r, (component_recipe){ .functions = "process b-2 a" });
    assert_int_equal(r->plugin.hooks_count, 3);
    assert_string_equal(r->plugin.hooks[0].name, "a");
    assert_string_equal(r->plugin.hooks[1].export_name, "b-2");
    assert_string_equal(r->plugin.hooks[2].name, "process");
    for (uint32_t i = 0; i < 3; i++)
        assert_true(r->plugin.hooks[i].is_served && !r->plugin.hooks[i].is_noop &&
                    !r->plugin.hooks[i].must_answer && r->plugin.hooks[i].probe.size == 0);
}

static void functions_of_interfaces_are_named_after_both(void **state)
{
    rig *r = *state;

    admitted(r, (component_recipe){ .interface = "acme:redact/hooks@1.2.0" });
    assert_int_equal(r->plugin.hooks_count, 1);
    assert_string_equal(r->plugin.hooks[0].name, "acme:redact/hooks@1.2.0#process");
    assert_string_equal(r->plugin.name, "acme:redact");
    assert_string_equal(r->plugin.version, "1.2.0");
    /* A name that no slot would take is none of a hook's. */
    admitted(r,
             (component_recipe){
                 .interface = "acme:redact/a-rather-long-name-of-an-interface-that-goes-on" });
    assert_int_equal(r->plugin.hooks_count, 0);
}

static void other_functions_can_serve_typed_calls_only(void **state)
{
    rig *r = *state;

    admitted(r, (component_recipe){ .is_other_type = true });
    assert_int_equal(r->plugin.hooks_count, 0);
}

static void metadata_names_describes_and_chooses(void **state)
{
    rig *r = *state;

    admitted(r, (component_recipe){ .functions = "process other",
                                    .metadata =
                                        DECLARED(", \"hooks\": {\"process\": {\"description\": "
                                                 "\"Works.\", \"probe\": \"x1\"}}"),
                                    .name = "not this",
                                    .version = "9" });
    assert_string_equal(r->plugin.name, "redact");
    assert_string_equal(r->plugin.version, "1.2.3");
    assert_string_equal(r->plugin.description, "It redacts.");
    assert_int_equal(r->plugin.hooks_count, 1);
    assert_string_equal(r->plugin.hooks[0].description, "Works.");
    assert_true(r->plugin.hooks[0].must_answer);
    assert_int_equal(r->plugin.hooks[0].probe.size, 2);
    assert_memory_equal(r->plugin.hooks[0].probe.data, "x1", 2);
    admitted(r, (component_recipe){ .functions = "process other", .metadata = DECLARED("") });
    assert_int_equal(r->plugin.hooks_count, 2);
}

static void without_metadata_tools_may_have_named_it(void **state)
{
    rig *r = *state;

    admitted(r, (component_recipe){ .name = "filter", .version = "0.4.1" });
    assert_string_equal(r->plugin.name, "filter");
    assert_string_equal(r->plugin.version, "0.4.1");
    admitted(r, (component_recipe){ .name = "bad\nname", .version = "" });
    assert_string_equal(r->plugin.name, "component");
    assert_string_equal(r->plugin.version, "0");
}

static void what_keeps_a_component_out_is_said(void **state)
{
    static const char many[] = "a b c d e f g h i j k l m n o p q r s t u v w x y z "
                               "a1 b1 c1 d1 e1 f1 g1";
    rig *r = *state;

    refused(r, (component_recipe){ .import = "acme:host/log@1.0.0" },
            "imports 1 item(s) and this host offers none; the first is function "
            "`acme:host/log@1.0.0` `f`");
    refused(r,
            (component_recipe){ .metadata = DECLARED(", \"hooks\": {\"gone\": "
                                                     "{\"description\": \"x\"}}") },
            "declared hook `gone` is not exported as func(list<u8>)");
    refused(r,
            (component_recipe){ .is_other_type = true,
                                .metadata = DECLARED(", \"hooks\": {\"process\": "
                                                     "{\"description\": \"x\"}}") },
            "declared hook `process` is not exported as func(list<u8>)");
    refused(r, (component_recipe){ .metadata = "{" }, "metadata JSON");
    refused(r, (component_recipe){ .functions = many }, "at most 32 can be hooks");
    assert_int_equal(admit_pages(r, (component_recipe){ .name = "x" }, 5, NULL),
                     BERTH_E_REJECTED);
    assert_non_null(strstr(r->diag.text, "core module 0: memory starts with 5 pages"));
    assert_int_equal(admit_pages(r, (component_recipe){ .name = "x" }, 1, "cc-lb/1"),
                     BERTH_E_REJECTED);
    assert_non_null(strstr(r->diag.text, "this profile takes core modules"));
}

/* Every truncation is refused, and every byte may be any other without harm. */
static void broken_components_are_refused_in_words(void **state)
{
    const berthi_admit_limits limits = { .artifact_bytes_max = 1 << 20,
                                         .memory_bytes_max = 1 << 20,
                                         .table_elements_max = 100 };
    rig *r = *state;
    size_t size;
    uint8_t *bytes =
        build((component_recipe){ .interface = "a:b/c@1.0.0", .name = "n" }, 1, &size);

    for (size_t n = 8; n < size; n++) {
        berth_status status =
            berthi_admit(bytes, n, NULL, NULL, &limits, &r->arena, &r->plugin, &r->diag);

        assert_true(status == BERTH_E_REJECTED || status == BERTH_OK);
        if (status == BERTH_E_REJECTED)
            assert_true(r->diag.text[0] != '\0');
    }
    for (size_t at = 8; at < size; at++) {
        uint8_t kept = bytes[at];

        bytes[at] = (uint8_t)~kept;
        (void)berthi_admit(bytes, size, NULL, NULL, &limits, &r->arena, &r->plugin, &r->diag);
        bytes[at] = kept;
    }
    free(bytes);
}

static void a_verdict_tells_of_components(void **state)
{
    berth_verdict *verdict = NULL;
    size_t size;
    uint8_t *bytes = build((component_recipe){ .name = "filter", .version = "2" }, 1, &size);
    const char *json;

    (void)state;
    assert_int_equal(berth_inspect(NULL, bytes, size, 0, &verdict, NULL), BERTH_OK);
    assert_int_equal(berth_verdict_fits(verdict), 1);
    json = berth_verdict_json(verdict);
    assert_non_null(strstr(json, "\"kind\": \"component\""));
    assert_non_null(strstr(json, "\"export\": \"process\""));
    assert_non_null(strstr(berth_verdict_text(verdict), "berth-hook/1 hook"));
    assert_non_null(strstr(berth_verdict_text(verdict), "filter"));
    berth_verdict_destroy(verdict);
    free(bytes);
}

static void stages_of_flows_are_told_apart(void **state)
{
    static const component_recipe recipes[] = {
        { .functions = "pull", .interface = "torvyn:streaming/source@0.1.0" },
        { .functions = "push",
          .interface = "berth:flow/sink@0.1.0",
          .import = "torvyn:streaming/types@0.1.0" },
        { .functions = "pull", .interface = "berth:flowers/source@0.1.0" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof recipes / sizeof recipes[0]; i++) {
        berth_verdict *verdict = NULL;
        size_t size;
        uint8_t *bytes = build(recipes[i], 1, &size);

        assert_int_equal(berth_inspect(NULL, bytes, size, 0, &verdict, NULL), BERTH_OK);
        assert_int_equal(berth_verdict_fits(verdict), 1);
        assert_int_equal(strstr(berth_verdict_text(verdict), ", stages of flows\n") != NULL,
                         i < 2);
        assert_int_equal(strstr(berth_verdict_json(verdict), "\"stages\"") != NULL, i < 2);
        berth_verdict_destroy(verdict);
        free(bytes);
    }
}

static void without_memory_nothing_is_left(void **state)
{
    const berthi_admit_limits limits = { .artifact_bytes_max = 1 << 20,
                                         .memory_bytes_max = 1 << 20,
                                         .table_elements_max = 100 };
    rig *r = *state;
    size_t size, nth = 0;
    uint8_t *bytes =
        build((component_recipe){ .metadata = DECLARED(""), .name = "n" }, 1, &size);
    berth_status status;

    do {
        berthi_arena_fini(&r->arena);
        memory_fail(&r->memory, nth++, true);
        status =
            berthi_admit(bytes, size, NULL, NULL, &limits, &r->arena, &r->plugin, &r->diag);
        assert_true(status == BERTH_OK || status == BERTH_E_NOMEM);
    } while (status != BERTH_OK);
    memory_fail(&r->memory, MEMORY_NEVER, false);
    assert_true(nth > 5);
    free(bytes);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(exports_of_the_type_of_hooks_are_hooks),
        TEST(functions_of_interfaces_are_named_after_both),
        TEST(other_functions_can_serve_typed_calls_only),
        TEST(metadata_names_describes_and_chooses),
        TEST(without_metadata_tools_may_have_named_it),
        TEST(what_keeps_a_component_out_is_said),
        TEST(broken_components_are_refused_in_words),
        TEST(a_verdict_tells_of_components),
        TEST(stages_of_flows_are_told_apart),
        TEST(without_memory_nothing_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
