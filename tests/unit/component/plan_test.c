/* plan_test.c - values between host and guest: cells, bytes, calls of realloc.
 *
 * What is expected is worked out by hand from CanonicalABI.md.  A fake's memory is full of 0xa5, so that
 * padding that was written would show, and moves with each realloc. */
#include "plan_test.h"

#include <inttypes.h>

/* ---------------------------------------------------------------- the rig */

int plan_rig_set_up(void **state)
{
    static plan_rig r;

    r = (plan_rig){ .plan = NULL };
    memory_init(&r.memory);
    r.allocator = memory_allocator(&r.memory);
    bertht_cm_types_init(&r.t, &r.allocator);
    if (berth_arena_create(&r.allocator, 0, &r.arena, NULL) != BERTH_OK)
        return -1;
    r.host.arena = r.arena;
    fake_guest_init(&r.guest, BERTHI_CM_UTF8, 0);
    fake_guest_init(&r.other, BERTHI_CM_UTF8, 0);
    *state = &r;
    return 0;
}

int plan_rig_tear_down(void **state)
{
    plan_rig *r = *state;

    fake_guest_fini(&r->guest);
    fake_guest_fini(&r->other);
    bertht_cm_types_fini(&r->t);
    berth_arena_destroy(r->arena);
    memory_assert_empty(&r->memory);
    return 0;
}

void plan_of(plan_rig *r, const char *func)
{
    r->func = bertht_cm_type(&r->t, func);
    if (r->func == NULL)
        fail_msg("%s: %s", func, r->t.diag.text);
    if (berthi_cm_plan_make(r->func, false, &r->t.arena, &r->plan, &r->diag) != BERTH_OK ||
        berthi_cm_plan_make_transfer(r->func, false, false, &r->t.arena, &r->transfer,
                                     &r->diag) != BERTH_OK)
        fail_msg("%s: %s", func, r->diag.text);
    r->facts = berthi_cm_plan_facts_of(r->plan);
}

static void fresh_guest(fake_guest *guest, enum berthi_cm_encoding encoding)
{
    fake_guest_fini(guest);
    fake_guest_init(guest, encoding, AT);
    guest->next = AT;
}

void plan_fresh(plan_rig *r, enum berthi_cm_encoding encoding)
{
    fresh_guest(&r->guest, encoding);
    fresh_guest(&r->other, encoding);
    for (size_t i = 0; i < CELLS; i++)
        r->cells[i].words[0] = r->other_cells[i].words[0] = JUNK;
}

void plan_put_hex(fake_guest *guest, uint64_t at, const char *hex)
{
    for (; *hex != '\0'; hex += strspn(hex, " ")) {
        unsigned value;
        uint8_t byte;

        assert_int_equal(sscanf(hex, "%2x", &value), 1);
        byte = (uint8_t)value;
        fake_guest_put(guest, at++, &byte, 1);
        hex += 2;
    }
}

const char *plan_cells_text(const berthi_val *cells, uint32_t count)
{
    static char text[CELLS * 20];
    size_t used = 0;

    text[0] = '\0';
    for (uint32_t i = 0; i < count; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%" PRIx64,
                                 i == 0 ? "" : " ", cells[i].words[0]);
    return text;
}

const char *plan_calls_text(const fake_guest *guest)
{
    static char text[1024];
    size_t used = 0;

    text[0] = '\0';
    for (uint32_t i = 0; i < guest->count && i < FAKE_CALLS_MAX; i++) {
        const fake_realloc *call = &guest->calls[i];

        assert_true(call->old_ptr == 0 && call->old_size == 0);
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%u:%u", i == 0 ? "" : " ",
                                 (unsigned)call->align, (unsigned)call->size);
    }
    return text;
}

const char *plan_memory_text(const fake_guest *guest)
{
    static char text[4096];
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = AT; i < guest->guest.memory.size && used + 3 < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%02x",
                                 guest->guest.memory.base[i]);
    return text;
}

const char *plan_wave(plan_rig *r, const berthi_cm_type *type, const void *value)
{
    static char text[65536];
    berthi_text_buf out;

    berthi_text_buf_init(&out, &r->allocator);
    if (berthi_cm_wave_write(&out, type, value, &r->diag) != BERTH_OK)
        fail_msg("%s", r->diag.text);
    assert_true(out.size < sizeof text);
    memcpy(text, out.data, out.size + 1);
    berthi_text_buf_fini(&out);
    return text;
}

void plan_expect(const char *what, const char *actual, const char *expected)
{
    if (strcmp(actual, expected) != 0)
        fail_msg("%s:\n  is %s\n  not %s", what, actual, expected);
}

static const void *read_args(plan_rig *r, const char *call)
{
    const berthi_cm_value_room room = { .arena = r->arena };
    berthi_cm_wave_call parsed;
    const void *args = NULL;

    if (berthi_cm_wave_call_read(call, strlen(call), &parsed, &r->diag) != BERTH_OK ||
        berthi_cm_wave_arguments(call, strlen(call), &parsed, r->func, &room, &args,
                                 &r->diag) != BERTH_OK)
        fail_msg("%s: %s", call, r->diag.text);
    return args;
}

static const void *read_value(plan_rig *r, const char *text)
{
    const berthi_cm_value_room room = { .arena = r->arena };
    const void *value = NULL;

    if (berthi_cm_wave_read(text, strlen(text), berthi_cm_func_result(r->func), &room, &value,
                            &r->diag) != BERTH_OK)
        fail_msg("%s: %s", text, r->diag.text);
    return value;
}

/* ---------------------------------------------------------------- parameters */

/* clang-format off */
static const struct {
    const char *func, *call, *cells, *calls, *memory;
} params[] = {
    { "func()", "f()", "", "", "" },
    { "func(a: u8, b: s8, c: u16, d: s16)", "f(255, -1, 65535, -2)", "ff ffffffff ffff fffffffe", "", "" },
    { "func(a: u32, b: s32, c: u64, d: s64)", "f(4294967295, -1, 1, -1)",
      "ffffffff ffffffff 1 ffffffffffffffff", "", "" },
    { "func(a: f32, b: f64)", "f(1.0, -2.0)", "3f800000 c000000000000000", "", "" },
    { "func(a: bool, b: bool, c: char)", "f(true, false, 'x')", "1 0 78", "", "" },
    { "func(a: flags { x, y, z }, b: enum { p, q, r })", "f({x, z}, r)", "5 2", "", "" },
    { "func(a: string)", "f(\"h\xc3\xa9\")", "10 3", "1:3", "68c3a9" },
    { "func(a: string, b: string)", "f(\"\", \"b\")", "10 0 10 1", "1:0 1:1", "62" },
    { "func(a: list<u16>)", "f([1, 2])", "10 2", "2:4", "01000200" },
    { "func(a: list<u64>)", "f([])", "10 0", "8:0", "" },
    { "func(a: list<bool>)", "f([true, false])", "10 2", "1:2", "0100" },
    { "func(a: list<tuple<u8, u32>>)", "f([(1, 2), (3, 4)])", "10 2", "4:16",
      "01a5a5a502000000" "03a5a5a504000000" },
    { "func(a: list<tuple<u32, u8>>)", "f([(1, 2)])", "10 1", "4:8", "0100000002a5a5a5" },
    { "func(a: list<tuple<u32, u8>>)", "f([(1, 2), (3, 4), (5, 6), (7, 8), (9, 10)])", "10 5",
      "4:40", "0100000002a5a5a5" "0300000004a5a5a5" "0500000006a5a5a5" "0700000008a5a5a5"
      "090000000aa5a5a5" },
    { "func(a: list<tuple<u64, u32, u16, u8>>)", "f([(1, 2, 3, 4)])", "10 1", "8:16",
      "0100000000000000" "02000000" "0300" "04" "a5" },
    { "func(a: list<tuple<u64, u64, u32, u8>>)", "f([(1, 2, 3, 4)])", "10 1", "8:24",
      "0100000000000000" "0200000000000000" "03000000" "04" "a5a5a5" },
    { "func(a: list<string>)", "f([\"ab\", \"\", \"c\"])", "10 3", "4:24 1:2 1:0 1:1",
      "2800000002000000" "2a00000000000000" "2a00000001000000" "6162" "63" },
    { "func(a: list<list<u8>>)", "f([[1], [2, 3]])", "10 2", "4:16 1:1 1:2",
      "2000000001000000" "2100000002000000" "01" "0203" },
    { "func(a: list<flags { a, b, c, d, e, f, g, h, i }>)", "f([{a, i}])", "10 1", "2:2", "0101" },
    { "func(a: list<char>)", "f(['a', '\\u{10ffff}'])", "10 2", "4:8", "61000000ffff1000" },
    { "func(a: option<u8>, b: option<u8>)", "f(none, some(7))", "0 0 1 7", "", "" },
    { "func(a: option<option<u8>>)", "f(some(none))", "1 0 0", "", "" },
    { "func(a: variant { a(f32), b(u64), c(string), d })", "f(a(1.0))", "0 3f800000 0", "", "" },
    { "func(a: variant { a(f32), b(u64), c(string), d })", "f(b(18446744073709551615))",
      "1 ffffffffffffffff 0", "", "" },
    { "func(a: variant { a(f32), b(u64), c(string), d })", "f(c(\"x\"))", "2 10 1", "1:1", "78" },
    { "func(a: variant { a(f32), b(u64), c(string), d })", "f(d)", "3 0 0", "", "" },
    { "func(a: variant { a(s8), b(u64) }, b: u8)", "f(a(-1), 2)", "0 ffffffff 2", "", "" },
    { "func(a: result<string, u8>)", "f(ok(\"z\"))", "0 10 1", "1:1", "7a" },
    { "func(a: result<string, u8>)", "f(err(3))", "1 3 0", "", "" },
    { "func(a: result)", "f(err)", "1", "", "" },
    { "func(a: list<option<u32>>)", "f([none, some(5)])", "10 2", "4:16",
      "00a5a5a5a5a5a5a5" "01a5a5a505000000" },
    { "func(a: list<variant { a, b(u64), c(string) }>)", "f([a, b(1), c(\"s\")])", "10 3", "8:48 1:1",
      "00a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5" "01a5a5a5a5a5a5a50100000000000000"
      "02a5a5a5a5a5a5a54000000001000000" "73" },
    { "func(a: list<tuple<u32, string, u32, u32, u64>>)", "f([(1, \"\", 2, 3, 4)])", "10 1",
      "8:32 1:0", "01000000" "3000000000000000" "02000000" "03000000" "a5a5a5a5" "0400000000000000" },
    { "func(a: list<tuple<string, u32, u64>>)", "f([(\"\", 2, 4)])", "10 1", "8:24 1:0",
      "2800000000000000" "02000000" "a5a5a5a5" "0400000000000000" },
    { "func(a: map<string, u8>)", "f([(\"k\", 1), (\"\", 2)])", "10 2", "4:24 1:1 1:0",
      "2800000001000000" "01a5a5a5" "2900000000000000" "02a5a5a5" "6b" },
    { "func(a: list<u8, 3>)", "f([1, 2, 3])", "1 2 3", "", "" },
    { "func(a: list<list<u16, 3>>)", "f([[1, 2, 3]])", "10 1", "2:6", "010002000300" },
    { "func(a: list<list<string, 2>>)", "f([[\"a\", \"b\"]])", "10 1", "4:16 1:1 1:1",
      "2000000001000000" "2100000001000000" "61" "62" },
    { "func(a: list<u8, 17>)", "f([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17])",
      "10", "1:17", "0102030405060708090a0b0c0d0e0f1011" },
    { "func(a: u64, b: list<string, 8>)", "f(1, [\"\", \"\", \"\", \"\", \"\", \"\", \"\", \"!\"])",
      "10", "8:72 1:0 1:0 1:0 1:0 1:0 1:0 1:0 1:1",
      "0100000000000000" "5800000000000000" "5800000000000000" "5800000000000000"
      "5800000000000000" "5800000000000000" "5800000000000000" "5800000000000000"
      "5800000001000000" "21" },
};

/* Results are written where the last argument points: AT, with room for 32 bytes. */
static const struct {
    const char *func, *value, *cells, *calls, *memory;
} results[] = {
    { "func() -> s16", "-3", "fffffffd", "", "" },
    { "func() -> f64", "2.0", "4000000000000000", "", "" },
    { "func() -> enum { a, b }", "b", "1", "", "" },
    { "func() -> record { a: record { b: u64 } }", "{a: {b: 9}}", "9", "", "" },
    { "func() -> string", "\"hi\"", "", "1:2", "3000000002000000" "6869" },
    { "func() -> map<u8, u16>", "[(1, 2)]", "", "2:4", "3000000001000000" "01a50200" },
    { "func() -> list<map<u8, u16>, 1>", "[[(1, 2)]]", "", "2:4", "3000000001000000" "01a50200" },
    { "func() -> tuple<u8, u64>", "(1, 2)", "", "", "01a5a5a5a5a5a5a5" "0200000000000000" "" },
    { "func(a: u8) -> option<u16>", "some(258)", "", "", "01a50201" },
    { "func(a: list<u8, 20>) -> option<u16>", "none", "", "", "00a5a5a5" },
    { "func() -> result<_, string>", "err(\"no\")", "", "1:2", "01a5a5a5" "3000000002000000" "6e6f" },
};
/* clang-format on */

static void parameters_are_lowered_as_the_standard_says(void **state)
{
    plan_rig *r = *state;

    for (size_t i = 0; i < sizeof params / sizeof *params; i++) {
        const void *args;

        plan_of(r, params[i].func);
        plan_fresh(r, BERTHI_CM_UTF8);
        args = read_args(r, params[i].call);
        if (berthi_cm_lower_params(r->plan, &r->host, args, &r->guest.guest, r->cells,
                                   &r->diag) != BERTH_OK)
            fail_msg("%s %s: %s", params[i].func, params[i].call, r->diag.text);
        plan_expect(params[i].call, plan_cells_text(r->cells, r->facts->params_cells),
                    params[i].cells);
        plan_expect(params[i].call, plan_calls_text(&r->guest), params[i].calls);
        plan_expect(params[i].call, plan_memory_text(&r->guest), params[i].memory);
        assert_true(r->cells[r->facts->params_cells].words[0] == JUNK);
    }
}

/* What has been lowered is transferred, and has the same bytes in another guest. */
static void parameters_look_the_same_in_the_next_guest(void **state)
{
    plan_rig *r = *state;

    for (size_t i = 0; i < sizeof params / sizeof *params; i++) {
        plan_of(r, params[i].func);
        plan_fresh(r, BERTHI_CM_UTF8);
        assert_int_equal(berthi_cm_lower_params(r->plan, &r->host, read_args(r, params[i].call),
                                                &r->guest.guest, r->cells, &r->diag),
                         BERTH_OK);
        for (uint32_t k = 0; k < r->facts->params_cells; k++) /* above 32 bits lies anything */
            r->cells[k].words[1] = JUNK;
        if (berthi_cm_transfer_params(r->transfer, &r->guest.guest, r->cells, &r->other.guest,
                                      r->other_cells, &r->diag) != BERTH_OK)
            fail_msg("%s %s: %s", params[i].func, params[i].call, r->diag.text);
        plan_expect(params[i].call, plan_cells_text(r->other_cells, r->facts->params_cells),
                    params[i].cells);
        plan_expect(params[i].call, plan_calls_text(&r->other), params[i].calls);
        plan_expect(params[i].call, plan_memory_text(&r->other), params[i].memory);
    }
}

/* The out pointer behind the parameters, with room for the result, before what it points at. */
static void place_result(plan_rig *r, fake_guest *guest, berthi_val *arguments)
{
    uint64_t ptr;

    guest->next = AT;
    assert_int_equal(guest->guest.realloc(&guest->guest, 0, 0, 16, 32, &ptr, &r->diag),
                     BERTH_OK);
    guest->count = 0;
    for (uint32_t i = 0; i < CELLS; i++)
        arguments[i].words[0] = JUNK;
    arguments[r->facts->params_cells].words[0] = 0xffffffff00000000u | ptr; /* of 32 bits */
}

static void expect_result(plan_rig *r, const fake_guest *guest, const berthi_val *cell,
                          size_t i)
{
    char expected[4096] = "", *at = expected;
    const char *memory = results[i].memory;
    size_t size = r->facts->result_spills ? berthi_cm_func_result(r->func)->size : 0;

    plan_expect(results[i].func, plan_calls_text(guest), results[i].calls);
    plan_expect(results[i].func, plan_cells_text(cell, r->facts->result_spills ? 0 : 1),
                results[i].cells);
    if (r->facts->result_spills)
        assert_true(cell->words[0] == JUNK);
    memcpy(expected, memory, 2 * size);
    at += 2 * size;
    for (size_t k = size; k < 32; k++, at += 2)
        memcpy(at, "a5", 2);
    snprintf(at, sizeof expected - (size_t)(at - expected), "%s", memory + 2 * size);
    plan_expect(results[i].func, plan_memory_text(guest), expected);
}

static void results_are_lowered_as_the_standard_says(void **state)
{
    plan_rig *r = *state;
    berthi_val cell;

    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        plan_of(r, results[i].func);
        plan_fresh(r, BERTHI_CM_UTF8);
        place_result(r, &r->guest, r->cells);
        cell.words[0] = JUNK;
        if (berthi_cm_lower_result(r->plan, &r->host, read_value(r, results[i].value),
                                   &r->guest.guest, r->cells, &cell, &r->diag) != BERTH_OK)
            fail_msg("%s: %s", results[i].func, r->diag.text);
        expect_result(r, &r->guest, &cell, i);
        /* what the guest could return, on to another */
        if (r->facts->result_spills)
            cell.words[0] = r->cells[r->facts->params_cells].words[0];
        place_result(r, &r->other, r->other_cells);
        r->cells[0].words[0] = JUNK;
        if (berthi_cm_transfer_result(r->transfer, &r->guest.guest, &cell, &r->other.guest,
                                      r->other_cells, &r->cells[0], &r->diag) != BERTH_OK)
            fail_msg("%s: %s", results[i].func, r->diag.text);
        expect_result(r, &r->other, &r->cells[0], i);
    }
}

/* ---------------------------------------------------------------- lifting */

/* clang-format off */
static const struct {
    const char *type, *cells, *memory, *value;
} lifts[] = {
    { "u8", "1ff", "", "255" },
    { "s8", "180", "", "-128" },
    { "u16", "deadbeef0001ffff", "", "65535" },
    { "s16", "fffe", "", "-2" },
    { "u32", "deadbeefffffffff", "", "4294967295" },
    { "s64", "ffffffffffffffff", "", "-1" },
    { "f32", "deadbeef3f800000", "", "1" },
    { "bool", "ffff0002", "", "true" },
    { "bool", "100", "", "true" },
    { "bool", "deadbeef00000000", "", "false" },
    { "char", "ffffffff0010ffff", "", "'\xf4\x8f\xbf\xbf'" },
    { "flags { a, b, c }", "fffffffd", "", "{a, c}" },
    { "enum { a, b }", "ffffffff00000001", "", "b" },
    { "string", "ffffffff00000010 ffffffff00000002", "6869", "\"hi\"" },
    { "list<bool>", "10 3", "00ff01", "[false, true, true]" },
    { "list<flags { a, b }>", "10 2", "fcff", "[{}, {a, b}]" },
    { "list<tuple<u8, u32>>", "10 1", "01ffffff02000000", "[(1, 2)]" },
    { "list<tuple<u32, bool>>", "10 1", "01000000ffffffff", "[(1, true)]" },
    { "list<option<u16>>", "10 2", "00ffffff01ff0200", "[none, some(2)]" },
    { "list<result<u8, s16>>", "10 2", "00ff07ff01ffffff", "[ok(7), err(-1)]" },
    { "list<list<u8, 2>>", "10 2", "01020304", "[[1, 2], [3, 4]]" },
    { "list<list<bool, 2>>", "10 2", "01000003", "[[true, false], [false, true]]" },
    { "variant { a(f32), b(u64), c(u8) }", "0 ffffffff3f800000", "", "a(1)" },
    { "variant { a(f32), b(u64), c(u8) }", "ffffffff00000002 ffffffffffffff03", "", "c(3)" },
    { "map<u8, string>", "10 1", "01ffffff" "1c000000" "01000000" "6d", "[(1, \"m\")]" },
};
/* clang-format on */

static void parse_cells(const char *text, berthi_val *cells)
{
    for (; *text != '\0'; text += strspn(text, " ")) {
        int size = 0;

        assert_int_equal(sscanf(text, "%" SCNx64 "%n", &(cells++)->words[0], &size), 1);
        text += size;
    }
}

static void lift_row(plan_rig *r, size_t i, bool views)
{
    char func[256];
    uint64_t value[64];

    snprintf(func, sizeof func, "func(a: %s)", lifts[i].type);
    plan_of(r, func);
    plan_fresh(r, BERTHI_CM_UTF8);
    fake_guest_fini(&r->guest);
    fake_guest_init(&r->guest, BERTHI_CM_UTF8, AT + strlen(lifts[i].memory) / 2);
    plan_put_hex(&r->guest, AT, lifts[i].memory);
    parse_cells(lifts[i].cells, r->cells);
    r->host.views = views;
    memset(value, 0xee, sizeof value);
    if (berthi_cm_lift_params(r->plan, &r->guest.guest, r->cells, &r->host, value, &r->diag) !=
        BERTH_OK)
        fail_msg("%s: %s", lifts[i].type, r->diag.text);
    plan_expect(lifts[i].type, plan_wave(r, r->func->items[0].type, value), lifts[i].value);
    assert_int_equal(r->guest.count, 0);
    r->host.views = false;
}

static void what_guests_write_is_lifted_as_the_standard_says(void **state)
{
    plan_rig *r = *state;

    for (size_t i = 0; i < sizeof lifts / sizeof *lifts; i++)
        for (int views = 0; views < 2; views++)
            lift_row(r, i, views != 0);
}

/* What is lifted from one and lowered into the other is what a transfer brings there. */
static void a_transfer_is_a_lift_and_a_lower(void **state)
{
    plan_rig *r = *state;
    char cells[256], memory[4096];

    for (size_t i = 0; i < sizeof lifts / sizeof *lifts; i++) {
        uint64_t value[64];

        lift_row(r, i, false);
        assert_int_equal(berthi_cm_lift_params(r->plan, &r->guest.guest, r->cells, &r->host,
                                               value, &r->diag),
                         BERTH_OK);
        assert_int_equal(berthi_cm_lower_params(r->plan, &r->host, value, &r->other.guest,
                                                r->other_cells, &r->diag),
                         BERTH_OK);
        snprintf(cells, sizeof cells, "%s",
                 plan_cells_text(r->other_cells, r->facts->params_cells));
        snprintf(memory, sizeof memory, "%s", plan_memory_text(&r->other));
        fresh_guest(&r->other, BERTHI_CM_UTF8);
        assert_int_equal(berthi_cm_transfer_params(r->transfer, &r->guest.guest, r->cells,
                                                   &r->other.guest, r->other_cells, &r->diag),
                         BERTH_OK);
        assert_string_equal(plan_cells_text(r->other_cells, r->facts->params_cells), cells);
        assert_string_equal(plan_memory_text(&r->other), memory);
    }
}

static void lists_of_bits_and_text_may_stay_where_they_are(void **state)
{
    plan_rig *r = *state;
    struct {
        berthi_cm_host_list numbers, padded, bools, text;
    } value;

    plan_of(r, "func(a: list<u16>, b: list<tuple<u16, u8>>, c: list<bool>, d: string)");
    plan_fresh(r, BERTHI_CM_UTF8);
    fake_guest_fini(&r->guest);
    fake_guest_init(&r->guest, BERTHI_CM_UTF8, 64);
    plan_put_hex(&r->guest, AT, "0100020061");
    parse_cells("10 2 10 1 12 1 14 1", r->cells);
    r->host.views = true;
    assert_int_equal(
        berthi_cm_lift_params(r->plan, &r->guest.guest, r->cells, &r->host, &value, &r->diag),
        BERTH_OK);
    assert_ptr_equal(value.numbers.data, r->guest.guest.memory.base + AT);
    assert_ptr_equal(value.padded.data, r->guest.guest.memory.base + AT);
    assert_ptr_not_equal(value.bools.data, r->guest.guest.memory.base + AT + 2);
    assert_int_equal(*(const uint8_t *)value.bools.data, 1); /* was 2 */
    assert_ptr_equal(value.text.data, r->guest.guest.memory.base + AT + 4);
    /* such a value goes to another guest, and not to the one that it is a part of */
    assert_int_equal(berthi_cm_lower_params(r->plan, &r->host, &value, &r->other.guest,
                                            r->other_cells, &r->diag),
                     BERTH_OK);
    assert_int_equal(berthi_cm_lower_params(r->plan, &r->host, &value, &r->guest.guest,
                                            r->other_cells, &r->diag),
                     BERTH_E_INVALID);
    assert_string_equal(r->diag.text,
                        "a list of the host's is a view of the guest that it goes to");
    value.numbers.count = value.padded.count = 0; /* of nothing there is no view */
    assert_int_equal(berthi_cm_lower_params(r->plan, &r->host, &value, &r->guest.guest,
                                            r->other_cells, &r->diag),
                     BERTH_E_INVALID);
    assert_string_equal(r->diag.text,
                        "a string of the host's is a view of the guest that it goes to");
    assert_int_equal(r->guest.count, 0);
}

static void a_guest_without_memory_has_empty_lists(void **state)
{
    plan_rig *r = *state;
    berthi_cm_host_list value[2];

    plan_of(r, "func(a: list<u64>, b: string)");
    for (int views = 0; views < 2; views++) {
        plan_fresh(r, BERTHI_CM_UTF8);
        for (uint32_t i = 0; i < 4; i++)
            r->cells[i].words[0] = 0;
        fake_guest_fini(&r->guest); /* leaves no memory */
        r->host.views = views != 0;
        assert_int_equal(berthi_cm_lift_params(r->plan, &r->guest.guest, r->cells, &r->host,
                                               value, &r->diag),
                         BERTH_OK);
        for (uint32_t i = 0; i < 2; i++) {
            assert_non_null(value[i].data);
            assert_int_equal(value[i].count, 0);
        }
    }
}

static void any_bool_that_is_not_0_is_true_and_flags_have_names(void **state)
{
    static const uint8_t bytes[] = { 0, 1, 2, 255 };
    static const struct {
        uint8_t flag, flags;
        berthi_cm_host_list list, more;
    } args = { 2, 0xff, { bytes, 4 }, { bytes, 4 } };
    plan_rig *r = *state;

    plan_of(r, "func(a: bool, b: flags { x, y }, c: list<bool>, d: list<flags { x, y }>)");
    plan_fresh(r, BERTHI_CM_UTF8);
    assert_int_equal(
        berthi_cm_lower_params(r->plan, &r->host, &args, &r->guest.guest, r->cells, &r->diag),
        BERTH_OK);
    assert_string_equal(plan_cells_text(r->cells, 6), "1 3 10 4 14 4");
    assert_string_equal(plan_memory_text(&r->guest), "0001010100010203");
}

static void facts_tell_what_a_caller_has_to_know(void **state)
{
    static const struct {
        const char *func;
        berthi_cm_shape shape;
        uint32_t params_cells, result_cells, args_size, result_size;
        bool params_spill, result_spills, has_handles;
    } rows[] = {
        { "func()", BERTHI_CM_SHAPE_SCALARS, 0, 0, 0, 0, false, false, false },
        { "func(a: u8, b: f64) -> s32", BERTHI_CM_SHAPE_SCALARS, 2, 1, 16, 4, false, false,
          false },
        { "func(a: bool)", BERTHI_CM_SHAPE_ANY, 1, 0, 1, 0, false, false, false },
        { "func(a: u8) -> char", BERTHI_CM_SHAPE_ANY, 1, 1, 1, 4, false, false, false },
        { "func(a: string) -> list<u8>", BERTHI_CM_SHAPE_BYTES, 2, 1, 16, 16, false, true,
          false },
        { "func(a: list<s8>) -> string", BERTHI_CM_SHAPE_BYTES, 2, 1, 16, 16, false, true,
          false },
        { "func(a: list<bool>) -> string", BERTHI_CM_SHAPE_ANY, 2, 1, 16, 16, false, true,
          false },
        { "func(a: list<u8>)", BERTHI_CM_SHAPE_BYTES_IN, 2, 0, 16, 0, false, false, false },
        { "func(a: list<u8>, b: u8)", BERTHI_CM_SHAPE_ANY, 3, 0, 24, 0, false, false, false },
        { "func(a: string) -> result<string, list<u8>>", BERTHI_CM_SHAPE_BYTES_RESULT, 2, 1, 16,
          24, false, true, false },
        { "func(a: string) -> result<_, string>", BERTHI_CM_SHAPE_ANY, 2, 1, 16, 24, false,
          true, false },
        { "func() -> string", BERTHI_CM_SHAPE_ANY, 0, 1, 0, 16, false, true, false },
        { "func(a: list<u8, 17>)", BERTHI_CM_SHAPE_ANY, 1, 0, 17, 0, true, false, false },
        { "func(a: own) -> u8", BERTHI_CM_SHAPE_ANY, 1, 1, 8, 1, false, false, true },
    };
    plan_rig *r = *state;
    char text[128], expected[128];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        plan_of(r, rows[i].func);
        snprintf(text, sizeof text, "%d %u %u %u %u %d %d %d", r->facts->shape,
                 r->facts->params_cells, r->facts->result_cells, r->facts->args_size,
                 r->facts->result_size, r->facts->params_spill, r->facts->result_spills,
                 r->facts->has_handles);
        snprintf(expected, sizeof expected, "%d %u %u %u %u %d %d %d", (int)rows[i].shape,
                 rows[i].params_cells, rows[i].result_cells, rows[i].args_size,
                 rows[i].result_size, rows[i].params_spill, rows[i].result_spills,
                 rows[i].has_handles);
        plan_expect(rows[i].func, text, expected);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        PLAN_TEST(parameters_are_lowered_as_the_standard_says),
        PLAN_TEST(parameters_look_the_same_in_the_next_guest),
        PLAN_TEST(results_are_lowered_as_the_standard_says),
        PLAN_TEST(what_guests_write_is_lifted_as_the_standard_says),
        PLAN_TEST(a_transfer_is_a_lift_and_a_lower),
        PLAN_TEST(lists_of_bits_and_text_may_stay_where_they_are),
        PLAN_TEST(a_guest_without_memory_has_empty_lists),
        PLAN_TEST(any_bool_that_is_not_0_is_true_and_flags_have_names),
        PLAN_TEST(facts_tell_what_a_caller_has_to_know),
        PLAN_TEST(random_values_come_back_as_they_went),
        PLAN_TEST(each_wrong_value_of_a_guest_traps),
        PLAN_TEST(a_result_needs_room_where_it_was_said_to_be),
        PLAN_TEST(what_the_host_gets_wrong_reaches_no_guest),
        PLAN_TEST(what_is_copied_is_within_the_budget),
        PLAN_TEST(a_list_in_a_list_in_a_list_ends_with_the_budget),
        PLAN_TEST(a_realloc_that_fails_ends_the_call_at_once),
        PLAN_TEST(memory_that_runs_out_is_said_so),
        PLAN_TEST(what_is_not_provided_is_refused_by_name),
        PLAN_TEST(shared_types_make_small_plans),
        PLAN_TEST(a_plan_has_only_so_many_operations),
        PLAN_TEST(parameters_are_only_so_large),
        PLAN_TEST(handles_go_in_and_out),
        PLAN_TEST(handles_go_from_guest_to_guest),
        PLAN_TEST(handles_that_fail_end_the_call),
        PLAN_TEST(handles_that_the_host_does_not_hold_are_its_fault),
    };

    return cmocka_run_group_tests_name("plans", tests, NULL, NULL);
}
