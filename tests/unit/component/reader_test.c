/* reader_test.c - components as bytes: sections, bounds, truncations and full memory.
 *
 * Most malformed binaries are the suite's (conformance/the conformance program (tests/conformance/component)); here are the bounds,
 * the words of errors, and what must hold for every byte of an input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/diag.h"
#include "component/component.h"
#include "memory.h"
#include "wasm_builder.h"

static const uint8_t preamble[] = { 0, 'a', 's', 'm', 0x0d, 0, 1, 0 };

static void start(bertht_buf *b)
{
    buf_bytes(b, preamble, sizeof preamble);
}

static void section(bertht_buf *b, uint8_t id, bertht_buf *body)
{
    buf_byte(b, id);
    buf_u32(b, (uint32_t)body->size);
    buf_bytes(b, body->data, body->size);
    buf_free(body);
}

/* Reads from a block of exactly that size. */
static berth_status read_bytes(const uint8_t *bytes, size_t size, berth_diag *diag)
{
    const berthi_cm_component *component;
    uint8_t *copy = malloc(size == 0 ? 1 : size);
    berthi_arena arena;
    berth_status status;

    assert_non_null(copy);
    memcpy(copy, bytes, size);
    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    status = berthi_component_read(copy, size, &arena, &component, diag);
    berthi_arena_fini(&arena);
    free(copy);
    return status;
}

static void expect(bertht_buf *b, berth_status wanted, const char *text)
{
    berth_diag diag = { .text = "" };
    berth_status status = read_bytes(b->data, b->size, &diag);

    if (status != wanted || (status != BERTH_OK && strstr(diag.text, text) == NULL))
        fail_msg("%s, not %s: %s", berth_status_name(status), text, diag.text);
    buf_free(b);
}

/* Something of everything that a section may hold. */
/* Bytes written as a text. */
#define TEXT(literal) literal, sizeof literal - 1

static void put(bertht_buf *b, const char *bytes, size_t size)
{
    buf_bytes(b, bytes, size);
}

static void everything(bertht_buf *b)
{
    static const uint8_t module[] = { 0, 'a', 's', 'm', 1, 0, 0, 0, 5, 3, 1, 0, 1 };
    bertht_buf inner = { 0 };

    start(b);
    buf_bytes(&inner, module, sizeof module);
    section(b, 1, &inner);
    put(&inner, TEXT("\x01\x60\x01\x7f\x00")); /* core type: a function */
    section(b, 3, &inner);
    put(&inner, TEXT("\x01\x50\x01\x00\x01"
                     "a\x01"
                     "m\x02\x00\x01")); /* a module type */
    section(b, 3, &inner);
    put(&inner, TEXT("\x01\x00\x00\x00")); /* a core instance */
    section(b, 2, &inner);
    put(&inner,
        TEXT(
            "\x04\x72\x01\x01x\x7d\x71\x01\x01y\x01\x73\x00\x70\x00\x40\x01\x01p\x01\x01\x00"));
    section(b, 7, &inner);
    put(&inner, TEXT("\x01\x02\x01i\x01\x02\x01z\x01\x03")); /* import with an attribute */
    section(b, 10, &inner);
    put(&inner, TEXT("\x01\x01\x00\x00\x02\x03\x00\x01")); /* lower, two options */
    section(b, 8, &inner);
    put(&inner, TEXT("\x01\x00\x02\x01\x00\x03mem")); /* alias of the memory */
    section(b, 6, &inner);
    start(&inner);
    section(b, 4, &inner);
    put(&inner, TEXT("\x01\x00\x00\x00")); /* an instance */
    section(b, 5, &inner);
    put(&inner, TEXT("\x01\x00\x01"
                     "e\x01\x00\x01\x01\x03")); /* export, ascribed */
    section(b, 11, &inner);
}

static void every_kind_of_section_is_read(void **state)
{
    bertht_buf b = { 0 };

    (void)state;
    everything(&b);
    expect(&b, BERTH_OK, "");
}

static void every_truncation_is_refused_or_whole(void **state)
{
    bertht_buf b = { 0 };
    size_t whole = 0;

    (void)state;
    everything(&b);
    for (size_t size = 0; size < b.size; size++) {
        berth_diag diag = { .text = "" };

        if (read_bytes(b.data, size, &diag) == BERTH_OK)
            whole++;
        else
            assert_int_not_equal(diag.text[0], '\0');
    }
    assert_int_equal(whole, 11); /* a cut between two sections leaves a component */
    buf_free(&b);
}

static void every_changed_byte_is_survived(void **state)
{
    bertht_buf b = { 0 };
    size_t refused = 0;

    (void)state;
    everything(&b);
    for (size_t at = 0; at < b.size; at++)
        for (unsigned value = 0; value < 256; value++) {
            berth_diag diag = { .text = "" };
            uint8_t kept = b.data[at];

            b.data[at] = (uint8_t)value;
            if (read_bytes(b.data, b.size, &diag) != BERTH_OK)
                refused++;
            b.data[at] = kept;
        }
    assert_true(refused > 0);
    buf_free(&b);
}

/* False: it failed, as it must, for want of memory and without a trace. */
static bool read_in(const bertht_buf *b, bertht_memory *memory, size_t arena_bytes_max)
{
    const berthi_cm_component *component;
    berth_allocator allocator = memory_allocator(memory);
    berthi_arena arena;
    berth_diag diag;
    berth_status status;

    berthi_arena_init(&arena, &allocator, arena_bytes_max);
    status = berthi_component_read(b->data, b->size, &arena, &component, &diag);
    berthi_arena_fini(&arena);
    memory_assert_empty(memory);
    assert_true(status == BERTH_OK || status == BERTH_E_NOMEM);
    return status == BERTH_OK;
}

static void every_failed_allocation_is_clean(void **state)
{
    bertht_memory memory;
    bertht_buf b = { 0 };
    size_t failures = 0;

    (void)state;
    everything(&b);
    memory_init(&memory);
    for (size_t bytes_max = 0; !read_in(&b, &memory, bytes_max); bytes_max += 16)
        failures++; /* every place that takes from the arena, which asks for memory in chunks */
    assert_true(failures > 50);
    for (size_t nth = 0; nth < 2; nth++) { /* of a small component: one chunk */
        memory_fail(&memory, nth, true);
        assert_int_equal(read_in(&b, &memory, SIZE_MAX), nth == 1);
    }
    buf_free(&b);
}

static void nest(bertht_buf *b, unsigned depth)
{
    bertht_buf inner = { 0 };

    start(b);
    if (depth == 0)
        return;
    nest(&inner, depth - 1);
    section(b, 4, &inner);
}

static void components_nest_to_a_bound(void **state)
{
    bertht_buf b = { 0 };

    (void)state;
    nest(&b, BERTHI_CM_NESTING_MAX);
    expect(&b, BERTH_OK, "");
    nest(&b, BERTHI_CM_NESTING_MAX + 1);
    expect(&b, BERTH_E_LIMIT, "components are nested too deep");
}

/* Instance types within instance types; each declares one type. */
static void nest_types(bertht_buf *b, unsigned depth)
{
    buf_bytes(b, "\x42", 1);
    if (depth == 0) {
        buf_byte(b, 0);
        return;
    }
    buf_bytes(b, "\x01\x01", 2);
    nest_types(b, depth - 1);
}

static void types_nest_to_a_bound(void **state)
{
    (void)state;
    for (unsigned past = 0; past < 2; past++) {
        bertht_buf b = { 0 }, body = { 0 };

        start(&b);
        buf_byte(&body, 1);
        nest_types(&body, BERTHI_CM_TYPE_DEPTH_MAX - 1 + past);
        section(&b, 7, &body);
        expect(&b, past == 0 ? BERTH_OK : BERTH_E_LIMIT, "type nesting is too deep");
    }
}

static void a_file_has_so_many_definitions(void **state)
{
    (void)state;
    for (uint32_t past = 0; past < 2; past++) {
        bertht_buf b = { 0 }, body = { 0 };

        start(&b);
        buf_u32(&body, BERTHI_CM_DEFINITIONS_MAX - 1 + past);
        for (uint32_t i = 0; i < BERTHI_CM_DEFINITIONS_MAX - 1 + past; i++)
            buf_byte(&body, 0x7f);
        section(&b, 7, &body);
        buf_bytes(&body, "\x01\x73", 2); /* one more in a section of its own */
        section(&b, 7, &body);
        expect(&b, past == 0 ? BERTH_OK : BERTH_E_LIMIT, "too many definitions");
    }
}

static void an_enum(bertht_buf *b, uint32_t cases)
{
    bertht_buf body = { 0 };

    start(b);
    buf_bytes(&body, "\x01\x6d", 2);
    buf_u32(&body, cases);
    for (uint32_t i = 0; i < cases; i++)
        buf_name(&body, "x");
    section(b, 7, &body);
}

static void types_have_so_many_labels(void **state)
{
    bertht_buf b = { 0 };

    (void)state;
    an_enum(&b, BERTHI_CM_LABELS_MAX);
    expect(&b, BERTH_OK, "");
    an_enum(&b, BERTHI_CM_LABELS_MAX + 1);
    expect(&b, BERTH_E_LIMIT, "a count is past");
}

static void an_instance(bertht_buf *b, uint32_t items)
{
    bertht_buf body = { 0 };

    start(b);
    buf_bytes(&body, "\x01\x00\x00", 3);
    buf_u32(&body, items);
    for (uint32_t i = 0; i < items; i++)
        buf_bytes(&body, "\x00\x01\x00", 3);
    section(b, 5, &body);
}

static void instances_have_so_many_items(void **state)
{
    bertht_buf b = { 0 };

    (void)state;
    an_instance(&b, BERTHI_CM_ITEMS_MAX);
    expect(&b, BERTH_OK, "");
    an_instance(&b, BERTHI_CM_ITEMS_MAX + 1);
    expect(&b, BERTH_E_LIMIT, "a count is past");
}

static void canons_have_so_many_options(void **state)
{
    (void)state;
    for (unsigned past = 0; past < 2; past++) {
        bertht_buf b = { 0 }, body = { 0 };

        start(&b);
        buf_bytes(&body, "\x01\x01\x00\x00", 4);
        buf_u32(&body, BERTHI_CM_OPTIONS_MAX + past);
        for (unsigned i = 0; i < BERTHI_CM_OPTIONS_MAX + past; i++)
            buf_byte(&body, 0);
        section(&b, 8, &body);
        expect(&b, past == 0 ? BERTH_E_REJECTED : BERTH_E_LIMIT,
               past == 0 ? "conflicts with option `utf8`" : "a count is past");
    }
}

static void errors_name_section_entry_and_rule(void **state)
{
    bertht_buf b = { 0 }, body = { 0 }, inner = { 0 };

    (void)state;
    start(&inner);
    buf_bytes(&body, "\x02\x73\x44", 3);
    section(&inner, 7, &body);
    start(&b);
    section(&b, 4, &inner);
    expect(
        &b, BERTH_E_REJECTED,
        "component 0: type section, entry 1: invalid leading byte for component defined type "
        "at byte 22");
}

static void values_and_what_nobody_has_are_refused_by_name(void **state)
{
    bertht_buf b = { 0 }, body = { 0 };

    (void)state;
    start(&b);
    buf_bytes(&body, "\x00\x00\x00", 3);
    section(&b, 9, &body);
    expect(&b, BERTH_E_REJECTED, "component values are not supported");
    start(&b);
    buf_bytes(&body, "\x01\x01\x00\x00\x01\x09", 6);
    section(&b, 8, &body);
    expect(&b, BERTH_E_REJECTED, "garbage collected canonical options are not supported");
    start(&b);
    buf_bytes(&body, "\x01\x40\x00", 3);
    section(&b, 8, &body);
    expect(&b, BERTH_E_REJECTED, "threads that share everything are not supported");
    start(&b);
    buf_bytes(&body, "\x01\x3f\x7e\x00", 4);
    section(&b, 7, &body);
    expect(&b, BERTH_E_REJECTED, "resources represented by i64 are not supported");
    start(&b);
    buf_bytes(&body, "\x01\x00\x01v\x02\x00\x73", 7);
    section(&b, 10, &body);
    expect(&b, BERTH_E_REJECTED, "component values are not supported");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_section_is_read),
        cmocka_unit_test(every_truncation_is_refused_or_whole),
        cmocka_unit_test(every_changed_byte_is_survived),
        cmocka_unit_test(every_failed_allocation_is_clean),
        cmocka_unit_test(components_nest_to_a_bound),
        cmocka_unit_test(types_nest_to_a_bound),
        cmocka_unit_test(a_file_has_so_many_definitions),
        cmocka_unit_test(types_have_so_many_labels),
        cmocka_unit_test(instances_have_so_many_items),
        cmocka_unit_test(canons_have_so_many_options),
        cmocka_unit_test(errors_name_section_entry_and_rule),
        cmocka_unit_test(values_and_what_nobody_has_are_refused_by_name),
    };

    return cmocka_run_group_tests_name("component reader", tests, NULL, NULL);
}
