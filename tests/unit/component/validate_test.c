/* validate_test.c - bounds of validation, rules that the suites leave out, hostile types, full memory.
 *
 * Components are written as bytes: SECTION(b, id, body) with the body as a text of \x escapes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/diag.h"
#include "component/component.h"
#include "component/types/names.h"
#include "component_bytes.h"
#include "memory.h"

static void start(bertht_buf *b)
{
    buf_bytes(b, "\0asm\x0d\0\x01\0", 8);
}

static void section(bertht_buf *b, uint8_t id, bertht_buf *body)
{
    buf_byte(b, id);
    buf_u32(b, (uint32_t)body->size);
    buf_bytes(b, body->data, body->size);
    buf_free(body);
}

static void section_of(bertht_buf *b, uint8_t id, const char *bytes, size_t size)
{
    bertht_buf body = { 0 };

    buf_bytes(&body, bytes, size);
    section(b, id, &body);
}

#define SECTION(b, id, bytes) section_of((b), (id), bytes, sizeof bytes - 1)

static berth_status check(const uint8_t *bytes, size_t size, berthi_arena *arena,
                          berth_diag *diag)
{
    const berthi_cm_component *component;
    berth_status status = berthi_component_read(bytes, size, arena, &component, diag);

    return status == BERTH_OK ? berthi_component_validate(component, arena, diag) : status;
}

static void expect(bertht_buf *b, berth_status wanted, const char *text)
{
    berth_diag diag = { .text = "" };
    berthi_arena arena;
    berth_status status;

    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    status = check(b->data, b->size, &arena, &diag);
    berthi_arena_fini(&arena);
    if (status != wanted || (status != BERTH_OK && strstr(diag.text, text) == NULL))
        fail_msg("%s, not %s: %s", berth_status_name(status), text, diag.text);
    buf_free(b);
}

/* ---------------------------------------------------------------- bounds */

static void add_thing(bertht_buf *b, uint8_t section_id)
{
    switch (section_id) {
    case 1:
        SECTION(b, 1, "\0asm\x01\0\0\0");
        break;
    case 4:
        SECTION(b, 4, "\0asm\x0d\0\x01\0");
        break;
    default: /* an instance, or a core instance, of no exports */
        section_of(b, section_id, "\x01\x01\x00", 3);
    }
}

static void each_space_of_modules_components_and_instances_is_bounded(void **state)
{
    static const uint8_t sections[] = { 1, 2, 4, 5 };

    (void)state;
    for (size_t i = 0; i < sizeof sections; i++)
        for (unsigned past = 0; past < 2; past++) {
            bertht_buf b = { 0 };

            start(&b);
            for (unsigned n = 0; n < BERTHI_CM_SPACE_MAX + past; n++)
                add_thing(&b, sections[i]);
            expect(&b, past == 0 ? BERTH_OK : BERTH_E_LIMIT, "more than 1000 of");
        }
}

static void lists_nest_to_a_bound(void **state)
{
    (void)state;
    for (unsigned past = 0; past < 2; past++) {
        bertht_buf b = { 0 }, body = { 0 };

        start(&b);
        buf_u32(&body, BERTHI_CM_TYPE_DEPTH_MAX + past);
        buf_bytes(&body, "\x70\x73", 2);
        for (uint32_t i = 1; i < BERTHI_CM_TYPE_DEPTH_MAX + past; i++) {
            buf_byte(&body, 0x70);
            buf_s64(&body, (int64_t)i - 1);
        }
        section(&b, 7, &body);
        expect(&b, past == 0 ? BERTH_OK : BERTH_E_LIMIT, "type nesting is too deep");
    }
}

static void put_tuple(bertht_buf *body, uint32_t parts)
{
    buf_byte(body, 0x6f);
    buf_u32(body, parts);
    for (uint32_t i = 0; i < parts; i++)
        buf_byte(body, 0x7d);
}

static void put_enum(bertht_buf *body, uint32_t cases)
{
    buf_byte(body, 0x6d);
    buf_u32(body, cases);
    for (uint32_t i = 0; i < cases; i++) {
        char name[16];

        snprintf(name, sizeof name, "c%u", (unsigned)i);
        buf_name(body, name);
    }
}

/* A function of five parameters: four tuples of 9999 and one of 9998, which is 100000 nodes. */
static void put_large_func(bertht_buf *body, uint32_t last)
{
    put_tuple(body, 9999);
    put_tuple(body, last);
    buf_bytes(body,
              "\x40\x05\x01"
              "a\x00\x01"
              "b\x00\x01"
              "c\x00\x01"
              "d\x00\x01"
              "e\x01\x01\x00",
              19);
}

static void functions_written_out_are_bounded(void **state)
{
    (void)state;
    for (uint32_t past = 0; past < 2; past++) {
        bertht_buf b = { 0 }, body = { 0 };

        start(&b);
        buf_byte(&body, 3);
        put_large_func(&body, 9998 + past);
        section(&b, 7, &body);
        expect(&b, past == 0 ? BERTH_OK : BERTH_E_LIMIT,
               "effective size of a type is too large");
    }
}

/* 49 tuples of 9999 parts and two enums, which are 1000000 nodes with the tuple around them. */
static void types_written_out_are_bounded(void **state)
{
    (void)state;
    for (uint32_t past = 0; past < 2; past++) {
        bertht_buf b = { 0 }, body = { 0 };

        start(&b);
        buf_byte(&body, 4);
        put_tuple(&body, 9999);
        put_enum(&body, 10000);
        put_enum(&body, 9995 + past);
        buf_bytes(&body, "\x6f\x33", 2);
        for (unsigned i = 0; i < 49; i++)
            buf_byte(&body, 0);
        buf_bytes(&body, "\x01\x02", 2);
        section(&b, 7, &body);
        expect(&b, past == 0 ? BERTH_OK : BERTH_E_LIMIT,
               "effective size of a type is too large");
    }
}

static void a_type_that_doubles_a_hundred_times_is_refused_at_once(void **state)
{
    bertht_buf b = { 0 }, body = { 0 };

    (void)state;
    start(&b);
    buf_byte(&body, 90);
    buf_bytes(&body, "\x6b\x73", 2);
    for (unsigned i = 1; i < 90; i++) { /* variants keep the size of values small */
        buf_bytes(&body, "\x6a\x01", 2);
        buf_s64(&body, (int64_t)i - 1);
        buf_byte(&body, 1);
        buf_s64(&body, (int64_t)i - 1);
    }
    section(&b, 7, &body);
    expect(&b, BERTH_E_LIMIT, "effective size of a type is too large");
}

/* Each lowering of a function walks its 100000 nodes. */
static void work_is_bounded(void **state)
{
    (void)state;
    for (unsigned past = 0; past < 2; past++) {
        bertht_buf b = { 0 }, body = { 0 };
        unsigned count = past == 0 ? 480 : 500;

        start(&b);
        SECTION(&b, 1, "\0asm\x01\0\0\0\x05\x03\x01\0\x01\x07\x05\x01\x01m\x02\0");
        SECTION(&b, 2, "\x01\x00\x00\x00");
        SECTION(&b, 6, "\x01\x00\x02\x01\x00\x01m");
        buf_byte(&body, 3);
        put_large_func(&body, 9998);
        section(&b, 7, &body);
        SECTION(&b, 10,
                "\x01\x00\x01"
                "f\x01\x02");
        buf_u32(&body, count);
        for (unsigned i = 0; i < count; i++)
            buf_bytes(&body, "\x01\x00\x00\x01\x03\x00", 6);
        section(&b, 8, &body);
        expect(&b, past == 0 ? BERTH_OK : BERTH_E_LIMIT, "too much work");
    }
}

/* ---------------------------------------------------------------- rules */

static void a_function_names_only_types_that_are_visible(void **state)
{
    bertht_buf b = { 0 };

    (void)state;
    start(&b); /* a record, a function of it, and the import of that alone */
    SECTION(&b, 7, "\x02\x72\x01\x01x\x7d\x40\x01\x01p\x00\x01\x00");
    SECTION(&b, 10,
            "\x01\x00\x01"
            "f\x01\x01");
    expect(&b, BERTH_E_REJECTED, "function not valid to be used as import");
    start(&b); /* the record under a name, and a function of what that introduced */
    SECTION(&b, 7, "\x01\x72\x01\x01x\x7d");
    SECTION(&b, 10, "\x01\x00\x01r\x03\x00\x00");
    SECTION(&b, 7, "\x01\x40\x01\x01p\x01\x01\x00");
    SECTION(&b, 10,
            "\x01\x00\x01"
            "f\x01\x02");
    expect(&b, BERTH_OK, "");
    start(&b); /* ... and of what stood there before */
    SECTION(&b, 7, "\x01\x72\x01\x01x\x7d");
    SECTION(&b, 10, "\x01\x00\x01r\x03\x00\x00");
    SECTION(&b, 7, "\x01\x40\x01\x01p\x00\x01\x00");
    SECTION(&b, 10,
            "\x01\x00\x01"
            "f\x01\x02");
    expect(&b, BERTH_E_REJECTED, "function not valid to be used as import");
    start(&b); /* a list is transparent */
    SECTION(&b, 7, "\x02\x70\x7d\x40\x01\x01p\x00\x01\x00");
    SECTION(&b, 10,
            "\x01\x00\x01"
            "f\x01\x01");
    expect(&b, BERTH_OK, "");
}

static void an_outer_alias_brings_no_resource_into_a_component(void **state)
{
    bertht_buf b = { 0 }, inner = { 0 };

    (void)state;
    start(&inner);
    SECTION(&inner, 6, "\x01\x03\x02\x01\x01");
    start(&b);
    SECTION(&b, 7, "\x02\x3f\x7f\x00\x69\x00"); /* a resource, own of it */
    section(&b, 4, &inner);
    expect(&b, BERTH_E_REJECTED,
           "component 0: alias section, entry 0: cannot alias outer type");
    start(&inner);
    SECTION(&inner, 6, "\x01\x03\x02\x01\x00");
    start(&b); /* an instance type that binds the resource that it speaks of */
    SECTION(&b, 7, "\x01\x42\x02\x04\x00\x01r\x03\x01\x01\x69\x00");
    section(&b, 4, &inner);
    expect(&b, BERTH_OK, "");
}

/* Directly, or among what an instance exports. */
static void nobody_is_asked_for_a_resource_that_the_component_defines(void **state)
{
    bertht_buf b = { 0 }, inner = { 0 };

    (void)state;
    start(&b);
    SECTION(&b, 7, "\x01\x3f\x7f\x00");
    SECTION(&b, 10, "\x01\x00\x01r\x03\x00\x00");
    expect(&b, BERTH_E_REJECTED, "import section, entry 0: local resource type");
    start(&b);
    SECTION(&b, 7, "\x02\x3f\x7f\x00\x42\x02\x02\x03\x02\x01\x00\x04\x00\x01r\x03\x00\x00");
    SECTION(&b, 10, "\x01\x00\x01i\x05\x01");
    expect(&b, BERTH_E_REJECTED, "import section, entry 0: local resource type");
    start(&b); /* made by an instance of another component */
    start(&inner);
    SECTION(&inner, 7, "\x01\x3f\x7f\x00");
    SECTION(&inner, 11, "\x01\x00\x01r\x03\x00\x00");
    section(&b, 4, &inner);
    SECTION(&b, 5, "\x01\x00\x00\x00");
    SECTION(&b, 6, "\x01\x03\x00\x00\x01r");
    SECTION(&b, 10, "\x01\x00\x01q\x03\x00\x00");
    expect(&b, BERTH_E_REJECTED, "import section, entry 0: local resource type");
    start(&b); /* exported by the component type that imports it */
    SECTION(&b, 7, "\x01\x41\x02\x04\x00\x01r\x03\x01\x03\x00\x01q\x03\x00\x00");
    expect(&b, BERTH_E_REJECTED, "declarator 1: local resource type");
    start(&b); /* one that has been imported is as good as its name */
    SECTION(&b, 10, "\x02\x00\x01r\x03\x01\x00\x01q\x03\x00\x00");
    expect(&b, BERTH_OK, "");
}

static void types_that_are_exported_speak_of_no_hidden_resource(void **state)
{
    bertht_buf b = { 0 };

    (void)state;
    for (unsigned exports = 0; exports < 2; exports++) {
        start(&b);
        SECTION(&b, 7, "\x02\x3f\x7f\x00\x42\x02\x02\x03\x02\x01\x00\x04\x00\x01r\x03\x00\x00");
        SECTION(&b, 11, "\x01\x00\x01i\x03\x01\x00");
        if (exports) /* behind it is early enough */
            SECTION(&b, 11, "\x01\x00\x01r\x03\x00\x00");
        expect(&b, exports ? BERTH_OK : BERTH_E_REJECTED,
               exports ? "" : "export `i`: local resource type found in export");
    }
}

static void an_instance_type_is_exported_with_all_that_it_names(void **state)
{
    bertht_buf b = { 0 };

    (void)state;
    start(&b); /* flags, a function that takes them, which nobody outside can name */
    SECTION(&b, 7,
            "\x02\x6e\x01\x01l\x42\x03\x02\x03\x02\x01\x00\x01\x40\x01\x01p\x00\x01\x00\x04\x00"
            "\x01"
            "f\x01\x01");
    SECTION(&b, 11, "\x01\x00\x01i\x03\x01\x00");
    expect(&b, BERTH_E_REJECTED, "type not valid to be used as export");
}

static void a_module_imports_nothing_twice(void **state)
{
    bertht_buf b = { 0 };

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        bertht_wasm m = { 0 };

        wasm_import_func(&m, "m", "f", ":");
        wasm_import_func(&m, "m", i == 0 ? "g" : "f", ":");
        start(&b);
        component_module(&b, &m);
        expect(&b, i == 0 ? BERTH_OK : BERTH_E_REJECTED,
               i == 0 ? ""
                      : "core module section, entry 0: module has a duplicate import name");
    }
    start(&b);
    SECTION(&b, 3,
            "\x01\x50\x03\x01\x60\x00\x00\x00\x01m\x01"
            "f\x00\x00\x00\x01m\x01"
            "f\x00\x00");
    expect(&b, BERTH_E_REJECTED, "core type section, entry 0: module has a duplicate import");
}

static void methods_belong_to_a_resource_of_their_scope(void **state)
{
    bertht_buf b = { 0 };

    (void)state;
    start(&b);
    SECTION(&b, 10, "\x01\x00\x01r\x03\x01");
    SECTION(&b, 7, "\x04\x68\x00\x40\x01\x04self\x01\x01\x00\x69\x00\x40\x00\x00\x03");
    SECTION(&b, 10, "\x02\x00\x0b[method]r.m\x01\x02\x00\x0e[constructor]r\x01\x04");
    expect(&b, BERTH_OK, "");
    start(&b);
    SECTION(&b, 7, "\x01\x40\x00\x01\x00");
    SECTION(&b, 10, "\x01\x00\x0b[static]r.m\x01\x00");
    expect(&b, BERTH_E_REJECTED, "refers to a resource `r`");
    start(&b);
    SECTION(&b, 10, "\x01\x00\x01r\x03\x01");
    SECTION(&b, 7, "\x01\x40\x00\x01\x00");
    SECTION(&b, 10, "\x01\x00\x0b[method]r.m\x01\x01");
    expect(&b, BERTH_E_REJECTED, "first argument `self`");
    start(&b);
    SECTION(&b, 10, "\x01\x00\x01r\x03\x01");
    SECTION(&b, 7, "\x01\x40\x00\x01\x00");
    SECTION(&b, 10, "\x01\x00\x0e[constructor]r\x01\x01");
    expect(&b, BERTH_E_REJECTED, "should return `own`");
}

static void a_shared_memory_is_no_canonical_memory(void **state)
{
    bertht_buf b = { 0 };

    (void)state;
    start(&b);
    SECTION(&b, 1, "\0asm\x01\0\0\0\x05\x04\x01\x03\x01\x01\x07\x05\x01\x01m\x02\0");
    SECTION(&b, 2, "\x01\x00\x00\x00");
    SECTION(&b, 6, "\x01\x00\x02\x01\x00\x01m");
    SECTION(&b, 7, "\x01\x40\x01\x01p\x73\x01\x00");
    SECTION(&b, 10,
            "\x01\x00\x01"
            "f\x01\x00");
    SECTION(&b, 8, "\x01\x01\x00\x00\x01\x03\x00");
    expect(&b, BERTH_E_REJECTED, "names a shared memory");
}

/* A module with a memory "m" of that width and functions "f" and "r" of those types, lifted as
 * func(p: string) -> string. */
static void lift_of(bertht_buf *b, bool is_64, const char *func, const char *realloc)
{
    bertht_wasm m = { .has_start = false };

    start(b);
    wasm_memory(&m, is_64 ? 4 : 0, 1, 0);
    wasm_export(&m, "m", 2, 0);
    wasm_export(&m, "f", 0, wasm_func(&m, func, "\0", 1)); /* unreachable */
    wasm_export(&m, "r", 0, wasm_func(&m, realloc, "\0", 1));
    component_module(b, &m);
    SECTION(b, 2, "\x01\x00\x00\x00");
    SECTION(b, 6,
            "\x03\x00\x02\x01\x00\x01m\x00\x00\x01\x00\x01"
            "f\x00\x00\x01\x00\x01r");
    SECTION(b, 7, "\x01\x40\x01\x01p\x73\x00\x73");
    SECTION(b, 8, "\x01\x00\x00\x00\x02\x03\x00\x04\x01\x00");
}

static void signatures_follow_the_width_of_the_memory(void **state)
{
    static const char *const narrow[] = { "ii:i", "iiii:i" }, *const wide[] = { "II:I",
                                                                                "IIII:I" };
    bertht_buf b = { 0 };

    (void)state;
    lift_of(&b, false, narrow[0], narrow[1]);
    expect(&b, BERTH_OK, "");
    lift_of(&b, true, wide[0], wide[1]);
    expect(&b, BERTH_OK, "");
    lift_of(&b, true, narrow[0], wide[1]);
    expect(&b, BERTH_E_REJECTED, "lowered parameter and result types do not match");
    lift_of(&b, false, wide[0], narrow[1]);
    expect(&b, BERTH_E_REJECTED, "lowered parameter and result types do not match");
    lift_of(&b, true, wide[0], narrow[1]);
    expect(&b, BERTH_E_REJECTED, "`realloc` uses a core function with an incorrect signature");
    lift_of(&b, false, narrow[0], wide[1]);
    expect(&b, BERTH_E_REJECTED, "`realloc` uses a core function with an incorrect signature");
    lift_of(&b, true, "II:i", wide[1]);
    expect(&b, BERTH_E_REJECTED, "lowered parameter and result types do not match");
}

/* list<u8, 2^28-1> is the largest; list<list<u8>, 2^24> has 2^28 bytes where addresses have 64 bits. */
static void a_value_has_fewer_than_2_28_bytes(void **state)
{
    bertht_buf b = { 0 };

    (void)state;
    start(&b);
    SECTION(&b, 7, "\x01\x67\x7d\xff\xff\xff\x7f");
    expect(&b, BERTH_OK, "");
    start(&b);
    SECTION(&b, 7, "\x01\x67\x7d\x80\x80\x80\x80\x01");
    expect(&b, BERTH_E_REJECTED, "size");
    start(&b);
    SECTION(&b, 7, "\x02\x70\x7d\x67\x00\xff\xff\xff\x07");
    expect(&b, BERTH_OK, "");
    start(&b);
    SECTION(&b, 7, "\x02\x70\x7d\x67\x00\x80\x80\x80\x08");
    expect(&b, BERTH_E_REJECTED, "size");
    start(&b);
    SECTION(&b, 7, "\x01\x67\x7d\xff\xff\xff\xff\x0f");
    expect(&b, BERTH_E_REJECTED, "size");
}

static void streams_carry_no_borrow_and_maps_have_plain_keys(void **state)
{
    bertht_buf b = { 0 };

    (void)state;
    start(&b);
    SECTION(&b, 7, "\x03\x3f\x7f\x00\x68\x00\x66\x01\x01");
    expect(&b, BERTH_E_REJECTED, "cannot contain a `borrow`");
    start(&b);
    SECTION(&b, 7, "\x01\x63\x76\x7d");
    expect(&b, BERTH_E_REJECTED, "cannot be the key of a map");
    start(&b);
    SECTION(&b, 7, "\x01\x67\x7d\x00");
    expect(&b, BERTH_E_REJECTED, "at least one element");
}

/* ---------------------------------------------------------------- names */

static berthi_name name_of(const char *text)
{
    return (berthi_name){ text, (uint32_t)strlen(text) };
}

static void names_follow_their_grammar(void **state)
{
    static const char *const good[] = {
        "a",
        "a1",
        "a-b",
        "A-b",
        "foo-BAR-b4z",
        "a-1",
        "[constructor]a",
        "[method]a.b",
        "[static]a-b.C",
        "a:b/c",
        "a:b/c@1.2.3",
        "a1-b:c-d/E-f@0.0.0-rc.1+x-y",
        "a:b/c@10.20.30",
    };
    static const char *const bad[] = {
        "",
        "-a",
        "a-",
        "a--b",
        "1a",
        "aB",
        "a_b",
        "a b",
        "[method]a",
        "[method]a.",
        "[other]a",
        "[constructor]a.b",
        "a:b",
        "a:b/",
        ":b/c",
        "A:b/c",
        "a:b/c@1.2",
        "a:b/c@01.2.3",
        "a:b/c@1.2.3-01",
        "a:b/c@1.2.3 ",
        "a:b/c/d",
        "a:b/c@",
        "\xc3\xa4",
    };
    berthi_cm_parsed_name parsed;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (berthi_cm_parse_name(name_of(good[i]), NULL, &parsed) != NULL)
            fail_msg("%s is a name", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (berthi_cm_parse_name(name_of(bad[i]), NULL, &parsed) == NULL)
            fail_msg("%s is no name", bad[i]);
}

static void a_version_suffix_completes_a_short_version(void **state)
{
    static const struct {
        const char *name, *suffix;
        bool is_good;
    } cases[] = {
        { "a:b/c@1", ".2.3", true },    { "a:b/c@0.2", ".6-rc.1", true },
        { "a:b/c@0.0.3", "", true },    { "a:b/c@1.2", ".3", false },
        { "a:b/c@0", ".1.2", false },   { "a:b/c", ".1.2", false },
        { "a", ".1.2", false },         { "a:b/c@1", ".2", false },
        { "a:b/c@0.2", ".6.7", false },
    };
    berthi_cm_parsed_name parsed;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        berthi_name suffix = name_of(cases[i].suffix);
        const char *why = berthi_cm_parse_name(name_of(cases[i].name), &suffix, &parsed);

        if ((why == NULL) != cases[i].is_good)
            fail_msg("%s with %s: %s", cases[i].name, cases[i].suffix,
                     why == NULL ? "good" : why);
    }
}

/* All but the last may stand together; the last may not come to them. */
static void names_are_strongly_unique(void **state)
{
    static const char *const sets[][4] = {
        { "foo", "foo" },
        { "foo", "FOO" },
        { "foo", "[constructor]foo", "[constructor]FOO" },
        { "foo-bar", "[constructor]foo-BAR" },
        { "[method]foo.bar", "[static]foo.BAR" },
        { "[method]foo.bar", "foo", "[method]foo.foo" },
        { "[static]foo.foo", "foo" },
        { "a:b/c", "a:b/c@1.0.0", "a:b/c" },
        { "[method]a.b", "[method]b.a", "[static]A.b" },
    };
    berthi_arena arena;
    berth_diag diag;

    (void)state;
    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        berthi_cm_types types = { .arena = &arena, .diag = &diag, .work = 1000 };
        const berthi_cm_parsed_name *other = NULL;
        berthi_cm_names names = { 0 };

        for (size_t k = 0; k < 4 && sets[i][k] != NULL; k++) {
            bool is_last = k == 3 || sets[i][k + 1] == NULL;
            berthi_cm_parsed_name parsed;

            assert_null(berthi_cm_parse_name(name_of(sets[i][k]), NULL, &parsed));
            if (berthi_cm_add_name(&types, &names, &parsed, &other) == is_last)
                fail_msg("%s %s", sets[i][k], is_last ? "came in" : "was refused");
            assert_int_equal(other != NULL, is_last);
        }
    }
    berthi_arena_fini(&arena);
}

static void ten_thousand_names_are_kept_apart(void **state)
{
    berthi_arena arena;
    berth_diag diag;
    berthi_cm_types types = { .arena = &arena, .diag = &diag, .work = 1000000 };
    const berthi_cm_parsed_name *other;
    berthi_cm_names names = { 0 };

    (void)state;
    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < 10000; i++) {
            char *text = berthi_arena_alloc(&arena, 16);
            berthi_cm_parsed_name parsed;

            snprintf(text, 16, "%c%u", round == 0 ? 'n' : 'N', i);
            parsed = (berthi_cm_parsed_name){ .plain = name_of(text) };
            assert_int_equal(berthi_cm_add_name(&types, &names, &parsed, &other), round == 0);
        }
    berthi_arena_fini(&arena);
}

/* ---------------------------------------------------------------- every byte, every allocation */

/* A component with a resource, a component within that re-types it, and lifts and lowers. */
static void rich(bertht_buf *b)
{
    bertht_buf inner = { 0 };

    start(&inner);
    SECTION(&inner, 10, "\x01\x00\x01t\x03\x01");
    SECTION(&inner, 7, "\x02\x69\x00\x40\x01\x01x\x01\x01\x00");
    SECTION(&inner, 10,
            "\x01\x00\x01"
            "f\x01\x02");
    SECTION(&inner, 11, "\x01\x00\x01r\x03\x00\x00");
    SECTION(&inner, 7, "\x02\x69\x03\x40\x01\x01x\x04\x01\x00");
    SECTION(&inner, 11, "\x01\x00\x01g\x01\x00\x01\x01\x05");
    start(b);
    SECTION(b, 1,
            "\0asm\x01\0\0\0\x01\x05\x01\x60\x01\x7f\x00\x03\x02\x01\0\x05\x03\x01\0\x01\x07"
            "\x09\x02"
            "\x01m\x02\0\x01"
            "d\0\0\x0a\x04\x01\x02\0\x0b");
    SECTION(b, 2, "\x01\x00\x00\x00");
    SECTION(b, 6,
            "\x02\x00\x00\x01\x00\x01"
            "d\x00\x02\x01\x00\x01m");
    SECTION(b, 7, "\x03\x3f\x7f\x01\x00\x69\x00\x40\x01\x01x\x01\x01\x00");
    SECTION(b, 8, "\x04\x02\x00\x03\x00\x04\x00\x00\x00\x00\x00\x02");
    section(b, 4, &inner);
    SECTION(b, 5,
            "\x01\x00\x00\x02\x01t\x03\x00\x01"
            "f\x01\x00");
    SECTION(b, 11,
            "\x01\x00\x05"
            "a:b/c\x05\x00\x00");
    SECTION(b, 7, "\x01\x42\x03\x04\x00\x01q\x03\x01\x01\x69\x00\x04\x00\x01z\x03\x00\x01");
    SECTION(b, 10, "\x01\x00\x01i\x05\x03");
}

static void a_component_that_types_again_is_sound(void **state)
{
    bertht_buf b = { 0 };

    (void)state;
    rich(&b);
    expect(&b, BERTH_OK, "");
}

static void every_changed_byte_is_survived(void **state)
{
    bertht_buf b = { 0 };
    size_t sound = 0, refused = 0;

    (void)state;
    rich(&b);
    for (size_t at = 8; at < b.size; at++)
        for (unsigned value = 0; value < 256; value++) {
            berth_diag diag = { .text = "" };
            uint8_t kept = b.data[at];
            berthi_arena arena;

            b.data[at] = (uint8_t)value;
            berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
            if (check(b.data, b.size, &arena, &diag) == BERTH_OK)
                sound++;
            else if (diag.text[0] != '\0')
                refused++;
            berthi_arena_fini(&arena);
            b.data[at] = kept;
        }
    assert_int_equal(sound + refused, (b.size - 8) * 256);
    assert_true(refused > sound);
    buf_free(&b);
}

static void every_failed_allocation_is_clean(void **state)
{
    bertht_memory memory;
    berth_allocator allocator;
    bertht_buf b = { 0 };
    size_t failures = 0;
    berth_status status;

    (void)state;
    rich(&b);
    memory_init(&memory);
    allocator = memory_allocator(&memory);
    do { /* the arena's bound makes each place that takes from it fail in turn */
        berth_diag diag = { .text = "" };
        berthi_arena arena;

        berthi_arena_init(&arena, &allocator, 16 * failures);
        status = check(b.data, b.size, &arena, &diag);
        berthi_arena_fini(&arena);
        memory_assert_empty(&memory);
        assert_true(status == BERTH_OK || status == BERTH_E_NOMEM);
        failures++;
    } while (status != BERTH_OK);
    assert_true(failures > 500);
    buf_free(&b);
}

/* P asks for a component of type `c`, A for one of type P, E offers one of type A: while A is compared
 * with E, A is compared with P.  All three bind a resource that a function speaks of. */
static void a_component_type_is_compared_within_its_own_comparison(void **state)
{
#define TAKES(c)                                                                               \
    "\x41\x06\x03\x00\x01r\x03\x01\x02\x03\x02\x01" c "\x03\x00\x01"                           \
    "c\x04\x01\x01\x69\x00\x01\x40\x01\x01x\x02\x01\x00\x03\x00\x01"                           \
    "f\x01\x03"
    static const char taker[] = "\0asm\x0d\0\x01\0\x06\x05\x01\x03\x02\x01\x03"
                                "\x0a\x06\x01\x00\x01\x65\x04\x00";
    bertht_buf b = { 0 }, inner = { 0 }; /* a root may not import a component */

    (void)state;
    start(&inner);
    SECTION(&inner, 7, "\x04\x41\x00" TAKES("\x00") TAKES("\x01") TAKES("\x02"));
    SECTION(&inner, 10, "\x01\x00\x01\x61\x04\x02");
    SECTION(&inner, 4, taker);
    SECTION(&inner, 5, "\x01\x00\x01\x01\x01\x65\x04\x00");
    start(&b);
    section(&b, 4, &inner);
    expect(&b, BERTH_OK, "");
#undef TAKES
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_space_of_modules_components_and_instances_is_bounded),
        cmocka_unit_test(lists_nest_to_a_bound),
        cmocka_unit_test(functions_written_out_are_bounded),
        cmocka_unit_test(types_written_out_are_bounded),
        cmocka_unit_test(a_type_that_doubles_a_hundred_times_is_refused_at_once),
        cmocka_unit_test(work_is_bounded),
        cmocka_unit_test(a_function_names_only_types_that_are_visible),
        cmocka_unit_test(an_outer_alias_brings_no_resource_into_a_component),
        cmocka_unit_test(nobody_is_asked_for_a_resource_that_the_component_defines),
        cmocka_unit_test(types_that_are_exported_speak_of_no_hidden_resource),
        cmocka_unit_test(an_instance_type_is_exported_with_all_that_it_names),
        cmocka_unit_test(a_module_imports_nothing_twice),
        cmocka_unit_test(methods_belong_to_a_resource_of_their_scope),
        cmocka_unit_test(a_shared_memory_is_no_canonical_memory),
        cmocka_unit_test(signatures_follow_the_width_of_the_memory),
        cmocka_unit_test(a_value_has_fewer_than_2_28_bytes),
        cmocka_unit_test(streams_carry_no_borrow_and_maps_have_plain_keys),
        cmocka_unit_test(names_follow_their_grammar),
        cmocka_unit_test(a_version_suffix_completes_a_short_version),
        cmocka_unit_test(names_are_strongly_unique),
        cmocka_unit_test(ten_thousand_names_are_kept_apart),
        cmocka_unit_test(a_component_that_types_again_is_sound),
        cmocka_unit_test(a_component_type_is_compared_within_its_own_comparison),
        cmocka_unit_test(every_changed_byte_is_survived),
        cmocka_unit_test(every_failed_allocation_is_clean),
    };

    return cmocka_run_group_tests_name("component validation", tests, NULL, NULL);
}
