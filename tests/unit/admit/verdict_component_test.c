/* verdict_component_test.c - a verdict says what a component is made of, whatever it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include <berth/admit.h>

#include "base/utf8.h"
#include "component_builder.h"
#include "component_bytes.h"
#include "guests.h"

typedef struct seen {
    berth_verdict *verdict;
    const char *text;
    json_t *root, *component;
} seen;

static void assert_moves_no_cursor(const char *text)
{
    for (const char *end; *text != '\0'; text = end + 1) {
        end = strchr(text, '\n');
        assert_non_null(end);
        assert_true(berthi_utf8_is_plain_text(text, (size_t)(end - text)));
    }
}

/* Of a malloc()ed component, which is freed. */
static seen look(uint8_t *bytes, size_t size)
{
    berth_diag diag = { 0 };
    json_error_t error;
    seen s = { 0 };

    if (berth_inspect(NULL, bytes, size, 0, &s.verdict, &diag) != BERTH_OK)
        fail_msg("inspect: %s", diag.text);
    free(bytes);
    s.text = berth_verdict_text(s.verdict);
    assert_moves_no_cursor(s.text);
    s.root = json_loads(berth_verdict_json(s.verdict), JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
                        &error);
    if (s.root == NULL)
        fail_msg("line %d: %s", error.line, error.text);
    s.component = json_object_get(s.root, "component");
    return s;
}

static void end(seen *s)
{
    json_decref(s->root);
    berth_verdict_destroy(s->verdict);
}

static long long number(const seen *s, const char *key)
{
    json_t *value = json_object_get(s->component, key);

    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static long long number_in(const seen *s, const char *key, const char *member)
{
    return json_integer_value(json_object_get(json_object_get(s->component, key), member));
}

static const char *wit(const seen *s)
{
    return json_string_value(json_object_get(s->component, "wit"));
}

static void a_component_is_described_by_what_it_is_made_of(void **state)
{
    size_t size;
    uint8_t *bytes = guest_read("cli_values.component", &size);
    seen s = look(bytes, size);
    json_t *module = json_array_get(
        json_object_get(json_object_get(s.component, "core_modules"), "items"), 0);

    (void)state;
    assert_int_equal(number_in(&s, "core_modules", "count"), 1);
    assert_true(json_is_false(json_object_get(module, "is_of_host")));
    assert_true(json_integer_value(json_object_get(module, "bytes")) > 500);
    assert_true(json_integer_value(json_object_get(module, "functions")) >= 11);
    assert_string_equal(
        json_string_value(json_array_get(json_object_get(module, "memories"), 0)), "2.. pages");
    assert_int_equal(number(&s, "core_instances"), 1);
    assert_int_equal(number(&s, "component_instances"), 2);
    assert_int_equal(number(&s, "functions_lifted"), 10);
    assert_int_equal(number(&s, "functions_of_host"), 0);
    assert_int_equal(number(&s, "resources"), 1);
    assert_int_equal(number_in(&s, "takes", "memories"), 1);
    assert_int_equal(number_in(&s, "takes", "memory_bytes"), 2 * 65536);
    assert_int_equal(number_in(&s, "limits", "core_instances"), 1000);
    assert_non_null(strstr(wit(&s), "  export sum: func(numbers: list<u32>) -> u64;\n"));
    assert_non_null(strstr(s.text, "\ninstances  1 of core modules, 2 of components\n"));
    assert_non_null(strstr(s.text, "\nlimits     an instance takes 131072 bytes of memory"));
    assert_non_null(strstr(s.text, "\n    export sum: func(numbers: list<u32>) -> u64;\n"));
    assert_non_null(strstr(s.text, "demo:values 1.0.0, as its exports say\n"));
    end(&s);
}

static void modules_that_only_pass_calls_on_are_not_counted(void **state)
{
    size_t size;
    uint8_t *bytes = guest_read("greet.component", &size);
    seen s = look(bytes, size);

    (void)state;
    assert_int_equal(number(&s, "core_instances"), 1);
    assert_int_equal(number(&s, "shims_removed"), 1);
    assert_int_equal(number(&s, "fixups_removed"), 1);
    assert_int_equal(number(&s, "functions_of_host"), 3);
    assert_non_null(strstr(s.text, "(2 that only passed calls on were taken out)"));
    end(&s);
}

/* An import of a function without parameters, of that name. */
static uint8_t *importing(const char *name, size_t *size_out)
{
    bertht_buf b = { 0 }, body = { 0 };

    component_start(&b);
    COMPONENT(&b, 7, "\x01\x40\x00\x01\x00");
    buf_bytes(&body, "\x01\x00", 2);
    buf_u32(&body, (uint32_t)strlen(name));
    buf_bytes(&body, name, strlen(name));
    buf_bytes(&body, "\x01\x00", 2);
    component_section_of(&b, 10, &body);
    buf_free(&body);
    *size_out = b.size;
    return b.data;
}

static void no_name_in_a_component_moves_a_cursor(void **state)
{
    static const char *const names[] = { "a\033[2J",
                                         "a\xe2\x80\xae",
                                         ("a\xc2\x9b"
                                          "1"),
                                         "a\nb",
                                         "a:b/c\033[2J",
                                         "a:b/c@1.0.0-\xe2\x80\xae",
                                         "url=<a\033>",
                                         "[method]a\033.b" };
    component_recipe recipe = { .functions = "do",
                                .name = "n\033[2J\xe2\x80\xae\nx",
                                .version = "1\033\n" };
    uint8_t *core, *bytes;
    size_t size;
    seen s;

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        bytes = importing(names[i], &size);
        s = look(bytes, size);
        assert_true(json_is_null(s.component)); /* it is no name */
        assert_int_equal(berth_verdict_fits(s.verdict), 0);
        end(&s);
    }
    bytes = importing("a-b", &size);
    s = look(bytes, size);
    assert_non_null(strstr(wit(&s), "import a-b: func();"));
    end(&s);
    core = component_core("do", 1, &recipe.core_size);
    recipe.core = core;
    bytes = component_build(&recipe, &size);
    free(core);
    s = look(bytes, size);
    assert_true(json_is_object(s.component));
    end(&s);
}

enum { LONG = 50000, PARAMS = 10 };

static void put_name(bertht_buf *b, const char *name, size_t size)
{
    buf_u32(b, (uint32_t)size);
    buf_bytes(b, name, size);
}

/* An interface whose functions speak of a type with a long name, ten times each. */
static uint8_t *wordy(uint32_t functions, size_t *size_out)
{
    bertht_buf b = { 0 }, body = { 0 };
    static char label[LONG];
    char name[16];

    memset(label, 'a', sizeof label);
    component_start(&b);
    buf_bytes(&body, "\x01\x42", 2); /* one type, that of an instance */
    buf_u32(&body, functions + 3);
    buf_bytes(&body, "\x01\x6d\x01\x01x\x04\x00", 7); /* enum { x }, exported */
    put_name(&body, label, sizeof label);
    buf_bytes(&body, "\x03\x00\x00\x01\x40", 5);
    buf_u32(&body, PARAMS);
    for (int i = 0; i < PARAMS; i++) {
        snprintf(name, sizeof name, "p%d", i);
        put_name(&body, name, strlen(name));
        buf_bytes(&body, "\x01", 1);
    }
    buf_bytes(&body, "\x01\x00", 2);
    for (uint32_t i = 0; i < functions; i++) {
        snprintf(name, sizeof name, "f%u", (unsigned)i);
        buf_bytes(&body, "\x04\x00", 2);
        put_name(&body, name, strlen(name));
        buf_bytes(&body, "\x01\x02", 2);
    }
    component_section_of(&b, 7, &body);
    COMPONENT(&b, 10,
              "\x01\x00\x05"
              "a:b/c"
              "\x05\x00");
    buf_free(&body);
    *size_out = b.size;
    return b.data;
}

static void a_world_without_bound_is_left_out_and_all_else_is_said(void **state)
{
    const uint32_t most = (16 << 20) / (LONG * PARAMS); /* of such functions */

    (void)state;
    for (uint32_t functions = most; functions <= most + 1; functions++) {
        size_t size;
        uint8_t *bytes = wordy(functions, &size);
        seen s = look(bytes, size);

        if (!json_is_object(s.component))
            fail_msg("%s", s.text);
        assert_int_equal(number(&s, "core_instances"), 0);
        if (functions == most) {
            assert_true(strlen(wit(&s)) <= 16 << 20);
            assert_non_null(strstr(wit(&s), "f0: func(p0: aaaa"));
        } else {
            assert_non_null(strstr(s.text, "\nworld      too long to be written\n"));
            assert_true(json_is_null(json_object_get(s.component, "wit")));
        }
        end(&s);
    }
}

static void what_cannot_be_instantiated_has_a_world_and_a_finding(void **state)
{
    enum { INSTANCES = 40, TIMES = 26 }; /* 1040, and 1000 are allowed */
    bertht_buf b = { 0 }, inner = { 0 }, body = { 0 };
    bertht_wasm m = { 0 };
    size_t size;
    seen s;

    (void)state;
    component_start(&inner);
    component_module(&inner, &m);
    buf_u32(&body, INSTANCES);
    for (int i = 0; i < INSTANCES; i++)
        buf_bytes(&body, "\x00\x00\x00", 3);
    component_section_of(&inner, 2, &body);
    component_start(&b);
    component_nested(&b, &inner);
    buf_u32(&body, TIMES);
    for (int i = 0; i < TIMES; i++)
        buf_bytes(&body, "\x00\x00\x00", 3);
    component_section_of(&b, 5, &body);
    size = b.size;
    s = look(b.data, size);
    assert_null(json_object_get(s.component, "core_instances"));
    assert_string_equal(wit(&s), "package root:component;\n\nworld root {\n}\n");
    assert_int_equal(berth_verdict_fits(s.verdict), 0);
    assert_non_null(strstr(berth_verdict_json(s.verdict), "\"component-limit\""));
    end(&s);
    wasm_free(&m);
    buf_free(&inner);
    buf_free(&body);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_component_is_described_by_what_it_is_made_of),
        cmocka_unit_test(modules_that_only_pass_calls_on_are_not_counted),
        cmocka_unit_test(no_name_in_a_component_moves_a_cursor),
        cmocka_unit_test(a_world_without_bound_is_left_out_and_all_else_is_said),
        cmocka_unit_test(what_cannot_be_instantiated_has_a_world_and_a_finding),
    };

    return cmocka_run_group_tests_name("verdicts on components", tests, NULL, NULL);
}
