/* plan_test_traps.c - one wrong value for each operation, from guests and from hosts; bounds. */
#include "plan_test.h"

#include <inttypes.h>

/* ---------------------------------------------------------------- guests */

static const char discriminant[] = "invalid variant discriminant";
static const char character[] = "invalid `char` bit pattern";
static const char unaligned[] = "unaligned pointer";
static const char outside[] = "list content out-of-bounds";
static const char text_outside[] = "string pointer/length out of bounds of memory";
static const char spilled[] = "pointer out of bounds of memory";

typedef struct wrong_value {
    const char *type, *cells, *memory, *why;
} wrong_value;

/* The guest's memory ends with the bytes of the row; they begin at 0x10. */
/* clang-format off */
static const wrong_value rows[] = {
    { "char", "110000", "", character },
    { "char", "d800", "", character },
    { "char", "dfff", "", character },
    { "char", "ffffffff", "", character },
    { "list<char>", "10 1", "00d80000", character },
    { "list<char>", "10 2", "00000000 00001100", character },
    { "enum { a, b }", "2", "", discriminant },
    { "enum { a, b }", "100", "", discriminant },
    { "enum { a, b }", "80000000", "", discriminant },
    { "list<enum { a, b }>", "10 3", "000102", discriminant },
    /* as many as go over column by column */
    { "list<char>", "10 5", "00000000 00000000 00000000 00000000 00d80000", character },
    { "list<char>", "10 4", "00001100 00000000 00000000 00000000", character },
    { "list<enum { a, b }>", "10 6", "000100010002", discriminant },
    { "list<record { a: u8, b: enum { a, b, c } }>", "10 5", "0700 0701 0702 0700 0703", discriminant },
    { "list<tuple<u32, char>>", "10 4",
      "ffffffff00000000 ffffffff00000000 ffffffff00000000 ffffffffffdf0000", character },
    { "option<u8>", "2 0", "", discriminant },
    { "option<u8>", "101 0", "", discriminant },
    { "list<option<u8>>", "10 1", "0200", discriminant },
    { "result", "2", "", discriminant },
    { "list<result>", "10 1", "ff", discriminant },
    { "variant { a(u8), b, c(char) }", "3 0", "", discriminant },
    { "variant { a(u8), b, c(char) }", "2 110000", "", character },
    { "list<variant { a(u8), b, c(char) }>", "10 1", "02000000 00d80000", character },
    { "list<list<u16, 2>>", "11 1", "0000000000", unaligned },
    { "list<u8>", "11 1", "00", outside },
    { "list<u8>", "12 0", "00", outside },
    { "list<u8>", "10 ffffffff", "00",
      "list content out-of-bounds: a list is longer than 2^28-1 bytes" },
    { "list<u8>", "ffffffff 1", "00", outside },
    { "list<u8>", "10 fffffff", "00", outside },
    { "list<u8>", "10 10000000", "00",
      "list content out-of-bounds: a list is longer than 2^28-1 bytes" },
    { "list<u16>", "11 0", "0000", unaligned },
    { "list<u16>", "10 2", "000000", outside },
    { "list<u64>", "14 0", "0000000000000000", unaligned },
    { "list<u64>", "10 20000001", "0000000000000000",
      "list content out-of-bounds: a list is longer than 2^28-1 bytes" },
    { "list<u64>", "10 1ffffff", "0000000000000000", outside },
    { "list<u64>", "10 2000000", "0000000000000000",
      "list content out-of-bounds: a list is longer than 2^28-1 bytes" },
    { "list<bool>", "10 2", "00", outside },
    { "list<string>", "10 1", "11000000 08000000", text_outside },
    { "list<string>", "12 1", "00000000 00000000 0000", unaligned },
    { "list<list<u8>>", "10 1", "18000000 01000000", outside },
    { "list<list<u32>>", "10 1", "11000000 00000000", unaligned },
    { "list<map<u8, u8>>", "10 1", "18000000 01000000", outside },
    { "string", "11 1", "00", text_outside },
    { "string", "12 0", "00", text_outside },
    { "string", "10 1", "80", "invalid utf-8" },
    { "string", "10 1", "c3", "incomplete utf-8 byte sequence" },
    { "list<u32, 17>", "12", "0000", unaligned },
    { "list<u32, 17>", "10", "0000", spilled },
    { "list<u32, 17>", "fffffffc", "0000", spilled },
    { "tuple<list<bool, 16>, char>", "10", "0101010101010101 0101010101010101 00d80000", character },
};

/* The same of a memory with 64-bit addresses: nothing is cut to 32 bits, no sum or product wraps. */
static const wrong_value wide_rows[] = {
    { "list<u8>", "100000010 1", "00", outside },
    { "list<u8>", "8000000000000010 1", "00", outside },
    { "list<u8>", "ffffffffffffffff 1", "00", outside },
    { "list<u8>", "100000010 0", "00", outside },
    { "list<u8>", "10 fffffff", "00", outside },
    { "list<u8>", "10 100000001", "00",
      "list content out-of-bounds: a list is longer than 2^28-1 bytes" },
    { "list<u8>", "10 ffffffffffffffff", "00",
      "list content out-of-bounds: a list is longer than 2^28-1 bytes" },
    { "list<u64>", "10 2000000000000001", "0000000000000000",
      "list content out-of-bounds: a list is longer than 2^28-1 bytes" },
    { "list<u64>", "fffffffffffffff8 1", "0000000000000000", outside },
    { "list<u64>", "100000011 0", "0000000000000000", unaligned },
    { "list<string>", "10 1", "1800000001000000 0100000000000000", text_outside },
    { "list<string>", "10 1", "1800000000000000 0100000001000000",
      "string pointer/length out of bounds of memory: longer than 2^28-1 bytes" },
    { "list<string>", "14 1", "00000000 0000000000000000 0000000000000000", unaligned },
    { "list<list<u8>>", "10 1", "1000000001000000 0000000000000000", outside },
    { "list<map<u8, u8>>", "10 1", "1000000001000000 0000000000000000", outside },
    { "string", "100000010 1", "00", text_outside },
    { "string", "100000010 0", "00", text_outside },
    { "string", "10 8000000000000000", "00",
      "string pointer/length out of bounds of memory: longer than 2^28-1 bytes" },
    { "string", "ffffffffffffffff 1", "00", text_outside },
    { "string", "10 1", "80", "invalid utf-8" },
    { "list<u32, 17>", "100000010", "0000", spilled },
    { "list<u32, 17>", "fffffffffffffffc", "0000", spilled },
    { "list<u32, 17>", "100000012", "0000", unaligned },
    { "list<string, 9>", "14", "0000", unaligned },
    { "char", "110000", "", character },
    { "option<string>", "2 0 0", "", discriminant },
};
/* clang-format on */

/* The guest's addresses have 64 bits, those of the other 32. */
static void widen(plan_rig *r)
{
    assert_int_equal(berthi_cm_plan_make(r->func, true, &r->t.arena, &r->plan, &r->diag),
                     BERTH_OK);
    assert_int_equal(
        berthi_cm_plan_make_transfer(r->func, true, false, &r->t.arena, &r->transfer, &r->diag),
        BERTH_OK);
    r->guest.guest.is_64 = true;
}

static void run_row(plan_rig *r, const wrong_value *row)
{
    const char *at = row->cells;
    uint64_t value[64];
    char func[128];
    uint32_t k = 0;
    int size;

    snprintf(func, sizeof func, "func(a: %s)", row->type);
    plan_of(r, func);
    plan_fresh(r, BERTHI_CM_UTF8);
    for (const char *p = row->memory; *p != '\0'; p++)
        k += *p != ' ';
    fake_guest_fini(&r->guest);
    fake_guest_init(&r->guest, BERTHI_CM_UTF8, AT + k / 2);
    if (row >= wide_rows && row < wide_rows + sizeof wide_rows / sizeof *wide_rows)
        widen(r);
    plan_put_hex(&r->guest, AT, row->memory);
    for (k = 0; *at != '\0'; at += size + (int)strspn(at + size, " "))
        assert_int_equal(sscanf(at, "%" SCNx64 "%n", &r->cells[k++].words[0], &size), 1);
    for (int way = 0; way < 3; way++) {
        r->diag = (berth_diag){ .text = "" };
        r->host.views = way == 1;
        if ((way == 2 ? berthi_cm_transfer_params(r->transfer, &r->guest.guest, r->cells,
                                                  &r->other.guest, r->other_cells, &r->diag)
                      : berthi_cm_lift_params(r->plan, &r->guest.guest, r->cells, &r->host,
                                              value, &r->diag)) != BERTH_E_TRAP)
            fail_msg("%s of %s %s: no trap", row->type, row->cells, row->memory);
        plan_expect(func, r->diag.text, row->why);
        assert_int_equal(r->diag.reason, BERTH_REASON_CANONICAL);
        assert_int_equal(r->diag.status, BERTH_E_TRAP);
    }
    r->host.views = false;
}

void each_wrong_value_of_a_guest_traps(void **state)
{
    plan_rig *r = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        run_row(r, &rows[i]);
    for (size_t i = 0; i < sizeof wide_rows / sizeof *wide_rows; i++)
        run_row(r, &wide_rows[i]);
}

/* The out pointer of a result is the caller's own. */
void a_result_needs_room_where_it_was_said_to_be(void **state)
{
    static const struct {
        uint64_t ptr;
        const char *why;
    } places[] = { { AT + 1, unaligned }, { AT + 4, spilled }, { UINT32_MAX - 3, spilled } };
    const struct {
        uint32_t a, b;
    } value = { 1, 2 };
    plan_rig *r = *state;
    berthi_val cell = { .words = { AT } };

    plan_of(r, "func() -> tuple<u32, u32>");
    plan_fresh(r, BERTHI_CM_UTF8);
    for (int k = 0; k < 2; k++) {
        fake_guest *guest = k == 0 ? &r->guest : &r->other;

        fake_guest_fini(guest);
        fake_guest_init(guest, BERTHI_CM_UTF8, AT + 8);
    }
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        r->cells[0].words[0] = places[i].ptr;
        assert_int_equal(berthi_cm_lower_result(r->plan, &r->host, &value, &r->guest.guest,
                                                r->cells, NULL, &r->diag),
                         BERTH_E_TRAP);
        assert_string_equal(r->diag.text, places[i].why);
        assert_int_equal(berthi_cm_transfer_result(r->transfer, &r->other.guest, &cell,
                                                   &r->guest.guest, r->cells, NULL, &r->diag),
                         BERTH_E_TRAP);
        assert_string_equal(r->diag.text, places[i].why);
        assert_int_equal(berthi_cm_transfer_result(r->transfer, &r->guest.guest, r->cells,
                                                   &r->other.guest, &cell, NULL, &r->diag),
                         BERTH_E_TRAP);
        assert_string_equal(r->diag.text, places[i].why);
    }
}

/* ---------------------------------------------------------------- hosts */

typedef struct host_list {
    const void *data;
    size_t count;
} host_list;

static void expect_refused(plan_rig *r, const char *func, const void *args, berth_status status,
                           const char *why)
{
    plan_of(r, func);
    plan_fresh(r, BERTHI_CM_UTF8);
    if (berthi_cm_lower_params(r->plan, &r->host, args, &r->guest.guest, r->cells, &r->diag) !=
        status)
        fail_msg("%s: %s", func, r->diag.text);
    plan_expect(func, r->diag.text, why);
    assert_int_equal(r->guest.count, 0);
    assert_string_equal(plan_memory_text(&r->guest), "");
}

void what_the_host_gets_wrong_reaches_no_guest(void **state)
{
    static const uint32_t characters[] = { 'a', 0xdfff };
    static const uint32_t more[18] = { [17] = 0xdfff };
    static const uint8_t tags[] = { 0, 1, 2 };
    static const uint8_t pairs[] = { 1, 9, 2, 9 };
    static const host_list strings[] = { { "ok", 2 }, { "\xff", 1 } };
    const struct {
        host_list first, second;
    } text = { { "first", 5 }, { "\xc3", 1 } };
    const struct {
        host_list first;
        uint8_t tag;
    } tagged = { { "first", 5 }, 3 };
    const host_list c = { characters, 2 }, t = { tags, 3 }, none = { NULL, 1 };
    const host_list p = { pairs, 2 }, s = { strings, 2 }, many = { tags, SIZE_MAX };
    const host_list limit = { tags, (BERTHI_CM_VALUE_BYTES_MAX / 8) + 1 };
    plan_rig *r = *state;
    char why[128];

    expect_refused(r, "func(a: list<char>)", &c, BERTH_E_INVALID,
                   "a char of the host's is 0xdfff, which is no character");
    expect_refused(r, "func(a: list<char, 2>)", characters, BERTH_E_INVALID,
                   "a char of the host's is 0xdfff, which is no character");
    expect_refused(r, "func(a: list<list<char, 2>, 9>)", more, BERTH_E_INVALID,
                   "a char of the host's is 0xdfff, which is no character");
    expect_refused(r, "func(a: list<enum { a, b }>)", &t, BERTH_E_INVALID,
                   "a tag of the host's is 2, and there are 2 cases");
    expect_refused(r, "func(a: list<option<u8>>)", &p, BERTH_E_INVALID,
                   "a tag of the host's is 2, and there are 2 cases");
    expect_refused(r, "func(a: string, b: variant { a, b(u8), c })", &tagged, BERTH_E_INVALID,
                   "a tag of the host's is 3, and there are 3 cases");
    expect_refused(r, "func(a: list<u8>)", &none, BERTH_E_INVALID,
                   "a list of the host's has 1 elements at NULL");
    expect_refused(r, "func(a: string)", &none, BERTH_E_INVALID,
                   "a string of the host's is NULL");
    expect_refused(r, "func(a: list<string>)", &s, BERTH_E_INVALID,
                   "a string of the host's is not UTF-8");
    expect_refused(r, "func(a: string, b: string)", &text, BERTH_E_INVALID,
                   "a string of the host's is not UTF-8");
    snprintf(why, sizeof why, "a list of the host's has %zu elements", SIZE_MAX);
    expect_refused(r, "func(a: list<u8>)", &many, BERTH_E_LIMIT, why);
    snprintf(why, sizeof why, "a list of the host's has %zu elements", limit.count);
    expect_refused(r, "func(a: list<u64>)", &limit, BERTH_E_LIMIT, why);
    snprintf(why, sizeof why, "a string of the host's has %zu bytes", SIZE_MAX);
    expect_refused(r, "func(a: string)", &many, BERTH_E_LIMIT, why);
}

/* ---------------------------------------------------------------- bounds */

void what_is_copied_is_within_the_budget(void **state)
{
    static const struct {
        const char *func;
        uint64_t host, guest; /* what it costs to lift, and to transfer */
    } costs[] = {
        { "func(a: list<u32>)", 16, 16 },
        { "func(a: list<bool>)", 4, 4 },
        { "func(a: list<tuple<string, u8>>)", 4 * 24, 4 * 12 },
        { "func(a: string)", 4, 4 },
        { "func(a: tuple<list<u8, 16>, list<u8>>)", 24, 24 },
    };
    plan_rig *r = *state;
    uint64_t value[16];

    for (size_t i = 0; i < sizeof costs / sizeof *costs; i++) {
        plan_of(r, costs[i].func);
        plan_fresh(r, BERTHI_CM_UTF8);
        fake_guest_fini(&r->guest);
        fake_guest_init(&r->guest, BERTHI_CM_UTF8, 128);
        memset(r->guest.guest.memory.base, 0, 128);
        r->cells[0].words[0] = r->facts->params_spill ? 64 : AT;
        r->cells[1].words[0] = 4;
        for (uint64_t less = 0; less < 2; less++) {
            r->guest.budget = costs[i].host - less;
            assert_int_equal(berthi_cm_lift_params(r->plan, &r->guest.guest, r->cells, &r->host,
                                                   value, &r->diag),
                             less == 0 ? BERTH_OK : BERTH_E_LIMIT);
            assert_true(less == 1 || r->guest.budget == 0);
            r->guest.budget = costs[i].guest - less;
            assert_int_equal(berthi_cm_transfer_params(r->transfer, &r->guest.guest, r->cells,
                                                       &r->other.guest, r->other_cells,
                                                       &r->diag),
                             less == 0 ? BERTH_OK : BERTH_E_LIMIT);
            assert_true(less == 1 || r->guest.budget == 0);
        }
    }
}

/* Each element of the outer list is the same inner list, so that 64 KiB hold 2^26 numbers, and with one
 * level more 2^39. */
void a_list_in_a_list_in_a_list_ends_with_the_budget(void **state)
{
    enum { COUNT = 8192 };
    plan_rig *r = *state;
    uint32_t pair[2] = { 0, COUNT };
    uint64_t value[2];

    plan_of(r, "func(a: list<list<list<list<u16>>>>)");
    plan_fresh(r, BERTHI_CM_UTF8);
    fake_guest_fini(&r->guest);
    fake_guest_init(&r->guest, BERTHI_CM_UTF8, 8 * COUNT);
    for (uint64_t i = 0; i < COUNT; i++)
        fake_guest_put(&r->guest, 8 * i, pair, sizeof pair);
    r->cells[0].words[0] = 0;
    r->cells[1].words[0] = COUNT;
    r->guest.budget = 1 << 20;
    assert_int_equal(
        berthi_cm_lift_params(r->plan, &r->guest.guest, r->cells, &r->host, value, &r->diag),
        BERTH_E_LIMIT);
    assert_int_equal(r->diag.reason, BERTH_REASON_OUTPUT);
    r->guest.budget = 1 << 20;
    assert_int_equal(berthi_cm_transfer_params(r->transfer, &r->guest.guest, r->cells,
                                               &r->other.guest, r->other_cells, &r->diag),
                     BERTH_E_LIMIT);
    assert_true(atomic_load(&r->memory.live_bytes) < 8 << 20);
}

void a_realloc_that_fails_ends_the_call_at_once(void **state)
{
    static const host_list inner[] = { { "a", 1 }, { "b", 1 } };
    const struct {
        host_list list;
        uint64_t more[16];
    } args = { { inner, 2 }, { 0 } };
    plan_rig *r = *state;

    plan_of(r, "func(a: list<string>, b: list<u64, 15>)"); /* spilled: 4 calls */
    for (uint32_t n = 0; n < 4; n++) {
        plan_fresh(r, BERTHI_CM_UTF8);
        assert_int_equal(berthi_cm_lower_params(r->plan, &r->host, &args, &r->guest.guest,
                                                r->cells, &r->diag),
                         BERTH_OK);
        r->other.fail_at = n;
        assert_int_equal(berthi_cm_transfer_params(r->transfer, &r->guest.guest, r->cells,
                                                   &r->other.guest, r->other_cells, &r->diag),
                         BERTH_E_TRAP);
        assert_string_equal(r->diag.text, "realloc");
        assert_int_equal(r->other.count, n + 1);
        plan_fresh(r, BERTHI_CM_UTF8);
        r->guest.fail_at = n;
        assert_int_equal(berthi_cm_lower_params(r->plan, &r->host, &args, &r->guest.guest,
                                                r->cells, &r->diag),
                         BERTH_E_TRAP);
        assert_string_equal(r->diag.text, "realloc");
        assert_int_equal(r->guest.count, n + 1);
    }
}

void memory_that_runs_out_is_said_so(void **state)
{
    plan_rig *r = *state;
    const berthi_cm_type *func = bertht_cm_type(
        &r->t, "func(a: list<variant { a(string), b(list<u8>), c }>, b: map<string, u8>) -> "
               "list<list<tuple<char, u64>>>");
    static uint8_t bytes[65536];
    size_t failures = 0;
    berth_status status;
    uint64_t value[4];

    for (size_t n = 0;; n++, failures++) { /* making the plan */
        berthi_arena arena;

        berthi_arena_init(&arena, &r->allocator, SIZE_MAX);
        memory_fail(&r->memory, n, n % 2 == 0);
        status = berthi_cm_plan_make(func, false, &arena, &r->plan, &r->diag);
        memory_fail(&r->memory, MEMORY_NEVER, false);
        berthi_arena_fini(&arena);
        if (status == BERTH_OK)
            break;
        assert_int_equal(status, BERTH_E_NOMEM);
        assert_int_equal(r->diag.status, BERTH_E_NOMEM);
    }
    assert_true(failures >= 2);
    for (size_t bound = 1;; bound += 64) { /* an arena that ends */
        berthi_arena arena;

        berthi_arena_init(&arena, &r->allocator, bound);
        status = berthi_cm_plan_make(func, false, &arena, &r->plan, &r->diag);
        berthi_arena_fini(&arena);
        if (status == BERTH_OK)
            break;
        assert_int_equal(status, BERTH_E_NOMEM);
    }
    plan_of(r, "func(a: list<u8>, b: list<bool>)"); /* lifting */
    plan_fresh(r, BERTHI_CM_UTF8);
    fake_guest_fini(&r->guest);
    fake_guest_init(&r->guest, BERTHI_CM_UTF8, sizeof bytes);
    fake_guest_put(&r->guest, 0, bytes, sizeof bytes);
    for (uint32_t i = 0; i < 4; i++)
        r->cells[i].words[0] = i % 2 == 0 ? 0 : sizeof bytes;
    for (size_t n = 0; n < 2; n++) {
        memory_fail(&r->memory, n, true);
        status = berthi_cm_lift_params(r->plan, &r->guest.guest, r->cells, &r->host, value,
                                       &r->diag);
        memory_fail(&r->memory, MEMORY_NEVER, false);
        assert_int_equal(status, BERTH_E_NOMEM);
        berth_arena_reset(r->arena);
    }
}

/* ---------------------------------------------------------------- types */

void what_is_not_provided_is_refused_by_name(void **state)
{
    static const struct {
        const char *func;
        const char *why;
    } refused[] = {
        { "func(a: error-context)", "values of type error-context are not supported" },
        { "func() -> list<error-context>", "values of type error-context are not supported" },
    };
    static const struct {
        uint8_t kind;
        const char *why;
    } kinds[] = { { BERTHI_CM_STREAM, "values of type stream are not supported" },
                  { BERTHI_CM_FUTURE, "values of type future are not supported" } };
    plan_rig *r = *state;
    berthi_cm_extern items[2] = { { .type = NULL } };
    berthi_cm_type func = { .kind = BERTHI_CM_FUNC_TYPE, .count = 2, .items = items };
    const berthi_cm_type *type;

    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        type = bertht_cm_type(&r->t, refused[i].func);
        assert_int_equal(berthi_cm_plan_make(type, false, &r->t.arena, &r->plan, &r->diag),
                         BERTH_E_REJECTED);
        assert_string_equal(r->diag.text, refused[i].why);
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const berthi_cm_extern part = { .type =
                                            berthi_cm_primitive(&r->t.types, BERTHI_CM_U8) };

        items[0].type = berthi_cm_intern(
            &r->t.types,
            &(berthi_cm_type){ .kind = kinds[i].kind, .count = 1, .items = &part });
        type = berthi_cm_intern(&r->t.types, &func);
        assert_int_equal(berthi_cm_plan_make(type, false, &r->t.arena, &r->plan, &r->diag),
                         BERTH_E_REJECTED);
        assert_string_equal(r->diag.text, kinds[i].why);
    }
    items[0].type = berthi_cm_primitive(&r->t.types, BERTHI_CM_U8);
    func.kind = BERTHI_CM_ASYNC_FUNC_TYPE;
    type = berthi_cm_intern(&r->t.types, &func);
    assert_int_equal(berthi_cm_plan_make(type, false, &r->t.arena, &r->plan, &r->diag),
                     BERTH_E_REJECTED);
    assert_string_equal(r->diag.text, "asynchronous functions are not supported");
}

/* A type of two parts that are the same, again and again: `depth` levels.  It would have 2^depth leaves
 * if it were written out, and the validation refuses it for that; plans do not rely on it. */
static const berthi_cm_type *double_up(plan_rig *r, uint8_t kind, int depth)
{
    const berthi_cm_type *type = berthi_cm_primitive(&r->t.types, BERTHI_CM_STRING);

    for (int i = 0; i < depth; i++) {
        const berthi_cm_extern list_item = { .type = type };
        berthi_cm_extern items[2] = { { .type = type }, { .type = type } };

        if (kind == BERTHI_CM_TUPLE) /* a list keeps the size small */
            items[0].type = items[1].type = berthi_cm_intern(
                &r->t.types,
                &(berthi_cm_type){ .kind = BERTHI_CM_LIST, .count = 1, .items = &list_item });
        type = berthi_cm_intern(&r->t.types,
                                &(berthi_cm_type){ .kind = kind, .count = 2, .items = items });
        if (type == NULL)
            fail_msg("%d: %s", i, r->t.diag.text);
        ((berthi_cm_type *)(uintptr_t)type)->nodes = 1000; /* too large to be written out */
    }
    return type;
}

void shared_types_make_small_plans(void **state)
{
    static const uint8_t kinds[] = { BERTHI_CM_TUPLE, BERTHI_CM_RESULT };
    plan_rig *r = *state;

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const berthi_cm_type *type =
            double_up(r, kinds[i], kinds[i] == BERTHI_CM_TUPLE ? 49 : 98);
        const berthi_cm_extern items[] = { { .type = type }, { .type = type } };
        const berthi_cm_type *func = berthi_cm_intern(
            &r->t.types,
            &(berthi_cm_type){ .kind = BERTHI_CM_FUNC_TYPE, .count = 2, .items = items });
        berthi_arena arena;

        assert_non_null(func);
        berthi_arena_init(&arena, &r->allocator, 128 << 10);
        if (berthi_cm_plan_make(func, false, &arena, &r->plan, &r->diag) != BERTH_OK)
            fail_msg("%s", r->diag.text);
        berthi_arena_fini(&arena);
    }
}

void a_plan_has_only_so_many_operations(void **state)
{
    plan_rig *r = *state;
    berthi_cm_extern *items = berthi_arena_array(&r->t.arena, 5000, sizeof *items);
    berthi_cm_extern pair[] = { { .type = berthi_cm_primitive(&r->t.types, BERTHI_CM_BOOL) },
                                { .type = berthi_cm_primitive(&r->t.types, BERTHI_CM_CHAR) } };
    berthi_cm_extern params[6] = { { .type = NULL } };
    berthi_cm_type draft = { .kind = BERTHI_CM_TUPLE, .count = 2, .items = pair };

    items[0].type = berthi_cm_intern(&r->t.types, &draft);
    for (uint32_t i = 1; i < 5000; i++)
        items[i].type = items[0].type;
    for (uint32_t count = 1; count <= 5; count++) { /* 15000 operations more each time */
        const berthi_cm_type *func;

        draft = (berthi_cm_type){ BERTHI_CM_TUPLE, .count = 5001 - count, .items = items };
        params[count - 1].type = berthi_cm_intern(&r->t.types, &draft);
        assert_non_null(params[count - 1].type);
        ((berthi_cm_type *)(uintptr_t)params[count - 1].type)->nodes = 1000;
        draft = (berthi_cm_type){ BERTHI_CM_FUNC_TYPE, .count = count + 1, .items = params };
        func = berthi_cm_intern(&r->t.types, &draft);
        assert_non_null(func);
        assert_int_equal(berthi_cm_plan_make(func, false, &r->t.arena, &r->plan, &r->diag),
                         count < 5 ? BERTH_OK : BERTH_E_LIMIT);
    }
    assert_string_equal(r->diag.text, "the plan of a function has too many operations");
    assert_int_equal(r->diag.reason, BERTH_REASON_ARTIFACT);
}

void parameters_are_only_so_large(void **state)
{
    plan_rig *r = *state;
    berthi_cm_extern byte = { .type = berthi_cm_primitive(&r->t.types, BERTHI_CM_U8) };
    berthi_cm_type draft = { BERTHI_CM_FIXED_LIST, .length = 1 << 27, .count = 1,
                             .items = &byte };
    berthi_cm_extern params[4] = { { .type = berthi_cm_intern(&r->t.types, &draft) } };

    for (uint32_t count = 1; count <= 2; count++) {
        params[1] = count == 2 ? params[0] : (berthi_cm_extern){ .type = NULL };
        draft = (berthi_cm_type){ BERTHI_CM_FUNC_TYPE, .count = count + 1, .items = params };
        assert_int_equal(berthi_cm_plan_make(berthi_cm_intern(&r->t.types, &draft), false,
                                             &r->t.arena, &r->plan, &r->diag),
                         count == 1 ? BERTH_OK : BERTH_E_LIMIT);
    }
}
