/* hostile_guest_test.c - plugins that loop, trap, lie and eat: each ends with its own status, its
 * instance gone, the thread usable at once and the version before still serving. */
#include <string.h>

#include "slot_rig.h"

/* What loops has so long. */
enum { LOOP_MS = 100 };

static berth_slot *open_strict(slot_rig *r, const char *name)
{
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;

    opt.memory_bytes_max = 16 << 16;
    return slot_rig_open(r, name, &opt);
}

/* The slot still answers with what was installed before, and the thread can call. */
static void check_still_serves(slot_rig *r, berth_slot *slot, uint32_t number)
{
    assert_int_equal(slot_rig_answer(r, slot), number);
}

/* ---- refused while it is being installed ---- */

typedef struct refusal {
    const char *what;
    plugin_spec spec;
    berth_status status;
    berth_reason reason;
    const char *text;
} refusal;

static const refusal refusals[] = {
    { "loops in its hook",
      { .hook = PLUGIN_CODE(PLUGIN_LOOP, PLUGIN_I64(0)) },
      BERTH_E_DEADLINE,
      BERTH_REASON_DEADLINE,
      "probe of hook 'do'" },
    { "loops in alloc",
      { .probe = "x", .alloc = PLUGIN_CODE(PLUGIN_LOOP, PLUGIN_I32(0)) },
      BERTH_E_DEADLINE,
      BERTH_REASON_DEADLINE,
      "berth_alloc" },
    { "loops in its start function",
      { .start = PLUGIN_CODE(PLUGIN_LOOP) },
      BERTH_E_DEADLINE,
      BERTH_REASON_DEADLINE,
      "instantiation" },
    { "traps in its hook",
      { .hook = PLUGIN_CODE(PLUGIN_TRAP) },
      BERTH_E_TRAP,
      BERTH_REASON_UNREACHABLE,
      "berth_hook_do" },
    { "traps in alloc",
      { .probe = "x", .alloc = PLUGIN_CODE(PLUGIN_TRAP) },
      BERTH_E_TRAP,
      BERTH_REASON_UNREACHABLE,
      "berth_alloc" },
    { "traps in its start function",
      { .start = PLUGIN_CODE(PLUGIN_TRAP) },
      BERTH_E_TRAP,
      BERTH_REASON_UNREACHABLE,
      "instantiation" },
    { "calls itself for ever", /* the hook is function 2 */
      { .hook = PLUGIN_CODE(0x20, 0x00, 0x20, 0x01, 0x10, 0x02) },
      BERTH_E_LIMIT,
      BERTH_REASON_STACK,
      "berth_hook_do" },
    { "starts with more memory than allowed",
      { .pages_min = 17 },
      BERTH_E_REJECTED,
      BERTH_REASON_NONE,
      "17 pages" },
    { "starts with more elements than allowed",
      { .table_min = 10001 },
      BERTH_E_REJECTED,
      BERTH_REASON_NONE,
      "10001" },
    { "allocates at 0",
      { .probe = "x", .alloc = PLUGIN_CODE(PLUGIN_I32(0)) },
      BERTH_E_ABI,
      BERTH_REASON_ALLOC,
      "out of memory" },
    { "allocates at an odd place",
      { .probe = "x", .alloc = PLUGIN_CODE(PLUGIN_I32(0x81, 0x08)) },
      BERTH_E_ABI,
      BERTH_REASON_ALLOC,
      "not aligned" },
    { "allocates outside its memory",
      { .probe = "x", .alloc = PLUGIN_CODE(PLUGIN_I32(0x80, 0x80, 0xc0, 0x00)) },
      BERTH_E_ABI,
      BERTH_REASON_ALLOC,
      "out of bounds" },
    { "allocates up to past the end", /* 4 pages - 16 */
      { .probe = "x", .alloc = PLUGIN_CODE(PLUGIN_I32(0xf0, 0xff, 0x0f)) },
      BERTH_E_ABI,
      BERTH_REASON_ALLOC,
      "out of bounds" },
    { "allocates at -16",
      { .probe = "x", .alloc = PLUGIN_CODE(PLUGIN_I32(0x70)) },
      BERTH_E_ABI,
      BERTH_REASON_ALLOC,
      "out of bounds" },
    { "replies (0, 10)",
      { .hook = PLUGIN_CODE(PLUGIN_I64(0x0a)) },
      BERTH_E_ABI,
      BERTH_REASON_REPLY_BOUNDS,
      "ptr=0, len=10" },
    { "replies a million bytes of a small memory", /* 1024 << 32 | 1000000 */
      { .hook = PLUGIN_CODE(PLUGIN_I64(0xc0, 0x84, 0xbd, 0x80, 0x80, 0x80, 0x01)) },
      BERTH_E_ABI,
      BERTH_REASON_REPLY_BOUNDS,
      "out of bounds (memory size 262144)" },
    { "replies -1",
      { .hook = PLUGIN_CODE(PLUGIN_I64(0x7f)) },
      BERTH_E_ABI,
      BERTH_REASON_REPLY_BOUNDS,
      "[4294967295..8589934590] out of bounds" },
};

/* What loops is tried in a slot of its own, so that others have time on a busy machine. */
static void what_a_probe_meets_is_refused_and_nothing_changes(void **state)
{
    slot_rig *r = *state;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *patient = open_strict(r, "probed"), *hasty;
    berth_slot_stats stats;
    uint64_t loops = 0, missed;

    opt.probe_deadline_ns = LOOP_MS * MS;
    hasty = slot_rig_open(r, "hasty", &opt);
    assert_int_equal(slot_rig_install_answering(r, patient, 7), 1);
    assert_int_equal(slot_rig_install_at_last(r, hasty, 7), 1);
    missed = slot_rig_stats(hasty).refused;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const refusal *row = &refusals[i];
        berth_slot *slot = row->status == BERTH_E_DEADLINE ? hasty : patient;
        uint64_t began = slot_rig_now_ns();

        slot_rig_check(r, slot_rig_try_spec(r, slot, &row->spec), row->status, row->reason,
                       row->text);
        if (slot_rig_now_ns() - began > SLOT_RIG_PATIENCE_NS)
            fail_msg("%s: it took %llu ms", row->what,
                     (unsigned long long)((slot_rig_now_ns() - began) / MS));
        loops += slot == hasty;
        check_still_serves(r, slot, 7);
    }
    for (int i = 0; i < 2; i++) {
        stats = slot_rig_stats(i == 0 ? patient : hasty);
        assert_int_equal(stats.version, 1);
        assert_int_equal(stats.kept_version, 0);
        assert_int_equal(stats.installs, 1);
        assert_int_equal(stats.refused,
                         i == 0 ? sizeof refusals / sizeof *refusals - loops : missed + loops);
        assert_int_equal(stats.versions_retired, 0);
        assert_int_equal(stats.traps + stats.deadlines + stats.limits + stats.violations, 0);
    }
}

static void every_declared_hook_is_probed(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_strict(r, "second");
    plugin_spec bad = { .has_second = true, .hook = PLUGIN_CODE(PLUGIN_TRAP) };
    plugin_spec good = { .has_second = true };

    slot_rig_check(r, slot_rig_try_spec(r, slot, &bad), BERTH_E_TRAP, BERTH_REASON_UNREACHABLE,
                   "probe of hook 'do'");
    assert_int_equal(slot_rig_install_spec(r, slot, &good), 1);
}

/* ---- replies that are strange and allowed ---- */

static void a_reply_may_lie_in_memory_that_was_grown_for_it(void **state)
{
    slot_rig *r = *state;
    /* memory.grow 1, drop; reply 65536 << 32 | 4 */
    plugin_spec spec = { .pages_min = 1,
                         .hook = PLUGIN_CODE(
                             0x41, 0x01, 0x40, 0x00, 0x1a, 0x41, 0x80, 0x80, 0x04, 0x41, 0x2a,
                             0x3a, 0x00, 0x00, /* store8 42 */
                             PLUGIN_I64(0x84, 0x80, 0x80, 0x80, 0x80, 0x80, 0xc0, 0x00)) };
    berth_slot *slot = open_strict(r, "grown");
    berth_reply reply;

    assert_int_equal(slot_rig_install_spec(r, slot, &spec), 1);
    assert_int_equal(slot_rig_call(r, slot, NULL, 0, &reply), BERTH_OK);
    assert_int_equal(reply.size, 4);
    assert_memory_equal(reply.data, "\x2a\0\0\0", 4);
}

/* I7: what the host knew of the memory before the hook ran does not count. */
static void memory_that_grew_during_the_call_is_seen_again(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_strict(r, "grown again");
    berth_reply reply;

    slot_rig_install_guest(r, slot, "tricks");
    for (int i = 0; i < 5; i++) {
        assert_int_equal(slot_rig_call(r, slot, "e1234", 5, &reply), BERTH_OK);
        assert_int_equal(slot_rig_call(r, slot, "n", 1, &reply), BERTH_OK);
        assert_int_equal(reply.size, 9);
        assert_memory_equal(reply.data, "new page", 9);
    }
    assert_int_equal(slot_rig_stats(slot).instances_live, 1);
}

static void a_reply_may_end_where_memory_ends_and_not_one_byte_later(void **state)
{
    slot_rig *r = *state;
    /* 262140 << 32 | 4 and | 5, of 4 pages */
    plugin_spec fits = { .hook = PLUGIN_CODE(
                             PLUGIN_I64(0x84, 0x80, 0x80, 0x80, 0xc0, 0xff, 0xff, 0x01)) };
    plugin_spec past = { .hook = PLUGIN_CODE(
                             PLUGIN_I64(0x85, 0x80, 0x80, 0x80, 0xc0, 0xff, 0xff, 0x01)) };
    berth_slot *slot = open_strict(r, "edge");
    berth_reply reply;

    assert_int_equal(slot_rig_install_spec(r, slot, &fits), 1);
    assert_int_equal(slot_rig_call(r, slot, NULL, 0, &reply), BERTH_OK);
    assert_memory_equal(reply.data, "\0\0\0\0", 4);
    slot_rig_check(r, slot_rig_try_spec(r, slot, &past), BERTH_E_ABI, BERTH_REASON_REPLY_BOUNDS,
                   "[262140..262145] out of bounds (memory size 262144)");
}

static void a_reply_may_start_anywhere(void **state)
{
    slot_rig *r = *state;
    /* 1025 << 32 | 5 */
    plugin_spec spec = { .data = "xmisaligned",
                         .hook = PLUGIN_CODE(
                             PLUGIN_I64(0x85, 0x80, 0x80, 0x80, 0x90, 0x80, 0x01)) };
    berth_slot *slot = open_strict(r, "odd");
    berth_reply reply;

    assert_int_equal(slot_rig_install_spec(r, slot, &spec), 1);
    assert_int_equal(slot_rig_call(r, slot, NULL, 0, &reply), BERTH_OK);
    assert_int_equal(reply.size, 5);
    assert_memory_equal(reply.data, "misal", 5);
}

static void a_reply_may_be_a_part_of_the_input(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_strict(r, "part");
    berth_reply reply;

    slot_rig_install_guest(r, slot, "tricks");
    assert_int_equal(slot_rig_call(r, slot, "ehello", 6, &reply), BERTH_OK);
    assert_int_equal(reply.size, 5);
    assert_memory_equal(reply.data, "hello", 5);
    assert_int_equal(reply.is_dropped, 0);
    assert_int_equal(slot_rig_call(r, slot, NULL, 0, &reply), BERTH_OK);
    assert_int_equal(reply.is_dropped, 1);
    assert_int_equal(reply.size, 0);
}

static void a_reply_of_no_bytes_at_a_place_is_an_empty_reply(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_strict(r, "empty");
    berth_reply reply;
    uint8_t input[9] = { 'r', 0, 0, 0, 0, 0, 4, 0, 0 }; /* 1024 << 32 */

    slot_rig_install_guest(r, slot, "tricks");
    assert_int_equal(slot_rig_call(r, slot, input, sizeof input, &reply), BERTH_OK);
    assert_int_equal(reply.size, 0);
    assert_int_equal(reply.is_dropped, 0);
}

/* ---- at a call ---- */

typedef struct misdeed {
    const char *set_up; /* called before, must succeed; NULL: nothing */
    const char *input;
    size_t size;
    berth_status status;
    berth_reason reason;
    const char *text;
} misdeed;

static const misdeed misdeeds[] = {
    { NULL, "t", 1, BERTH_E_TRAP, BERTH_REASON_UNREACHABLE, "berth_hook_do" },
    { NULL, "l", 1, BERTH_E_DEADLINE, BERTH_REASON_DEADLINE, "berth_hook_do" },
    { NULL, "s", 1, BERTH_E_LIMIT, BERTH_REASON_STACK, "berth_hook_do" },
    { NULL, "r\x0a\0\0\0\0\0\0\0", 9, BERTH_E_ABI, BERTH_REASON_REPLY_BOUNDS, "ptr=0, len=10" },
    { NULL, "r\xff\xff\xff\xff\xff\xff\xff\xff", 9, BERTH_E_ABI, BERTH_REASON_REPLY_BOUNDS,
      "out of bounds" },
    { NULL, "r\x01\0\0\0\xff\xff\xff\x7f", 9, BERTH_E_ABI, BERTH_REASON_REPLY_BOUNDS,
      "out of bounds" },
    { NULL, "r\xff\xff\xff\x7f\x01\0\0\0", 9, BERTH_E_ABI, BERTH_REASON_REPLY_BOUNDS,
      "out of bounds" },
    { "a0", NULL, 5000, BERTH_E_ABI, BERTH_REASON_ALLOC, "out of memory" },
    { "au", NULL, 5000, BERTH_E_ABI, BERTH_REASON_ALLOC, "not aligned" },
    { "ab", NULL, 5000, BERTH_E_ABI, BERTH_REASON_ALLOC, "out of bounds" },
    { "aB", NULL, 5000, BERTH_E_ABI, BERTH_REASON_ALLOC, "out of bounds" },
    { "ao", NULL, 5000, BERTH_E_ABI, BERTH_REASON_ALLOC, "overlaps" },
    { "al", NULL, 5000, BERTH_E_DEADLINE, BERTH_REASON_DEADLINE, "berth_alloc" },
    { "at", NULL, 5000, BERTH_E_TRAP, BERTH_REASON_UNREACHABLE, "berth_alloc" },
    { "xt", NULL, 5000, BERTH_E_TRAP, BERTH_REASON_UNREACHABLE, "berth_free" },
    { "xl", NULL, 5000, BERTH_E_DEADLINE, BERTH_REASON_DEADLINE, "berth_free" },
};

static uint32_t count_of(slot_rig *r, berth_slot *slot)
{
    berth_reply reply;
    uint32_t n = 0;

    assert_int_equal(slot_rig_call(r, slot, "c", 1, &reply), BERTH_OK);
    memcpy(&n, reply.data, sizeof n);
    return n;
}

static void what_a_call_meets_ends_the_instance_and_nothing_else(void **state)
{
    static char big[5000] = { 'e' };
    slot_rig *r = *state;
    berth_slot *slot = open_strict(r, "called");
    berth_slot_stats stats;

    slot_rig_install_guest(r, slot, "tricks");
    for (size_t i = 0; i < sizeof misdeeds / sizeof *misdeeds; i++) {
        const misdeed *row = &misdeeds[i];
        uint64_t began, deadline_ns = row->status == BERTH_E_DEADLINE ? LOOP_MS * MS : 0;
        berth_status got;

        if (row->set_up != NULL)
            assert_int_equal(slot_rig_call(r, slot, row->set_up, 2, NULL), BERTH_OK);
        began = slot_rig_now_ns();
        got = slot_rig_call_within(r, slot, deadline_ns, row->input != NULL ? row->input : big,
                                   row->size, NULL);
        slot_rig_check(r, got, row->status, row->reason, row->text);
        if (got == BERTH_E_DEADLINE)
            assert_true(slot_rig_now_ns() - began >= (LOOP_MS - 2) * MS);
        assert_int_equal(count_of(r, slot), 1); /* a new instance, at once */
    }
    stats = slot_rig_stats(slot);
    assert_int_equal(stats.traps, 3);
    assert_int_equal(stats.deadlines, 3);
    assert_int_equal(stats.limits, 1);
    assert_int_equal(stats.violations, 9);
    assert_int_equal(stats.other_failures, 0);
    assert_int_equal(stats.in_flight, 0);
    assert_int_equal(stats.calls, stats.answered + stats.dropped + 16);
    assert_int_equal(stats.instances_live, 1);
}

static void a_thousand_traps_leak_nothing(void **state)
{
    slot_rig *r = *state;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *slots[2];

    opt.calls_max = opt.instances_max = 1;
    slots[0] = slot_rig_open(r, "reuse", &opt);
    opt.policy = BERTH_POLICY_FRESH;
    slots[1] = slot_rig_open(r, "fresh", &opt);
    for (int s = 0; s < 2; s++) {
        unsigned traps = 1000 / slot_rig_slowness(r) + 10;

        slot_rig_install_guest(r, slots[s], "tricks");
        for (unsigned i = 0; i < traps; i++)
            assert_int_equal(slot_rig_call(r, slots[s], "t", 1, NULL), BERTH_E_TRAP);
        assert_int_equal(slot_rig_call(r, slots[s], "e!", 2, NULL), BERTH_OK);
        assert_int_equal(slot_rig_stats(slots[s]).traps, traps);
        assert_int_equal(slot_rig_stats(slots[s]).busy, 0);
    }
}

static void memory_grows_to_the_limit_and_not_past_it(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_strict(r, "growing");
    uint8_t grow[5] = { 'g' };
    berth_reply reply;
    uint32_t pages, more;

    slot_rig_install_guest(r, slot, "tricks");
    assert_int_equal(slot_rig_call(r, slot, grow, 5, &reply), BERTH_OK);
    memcpy(&pages, reply.data, 4);
    more = 16 - pages + 1;
    memcpy(grow + 1, &more, 4); /* one past it: -1 in the guest, nothing grows */
    assert_int_equal(slot_rig_call(r, slot, grow, 5, &reply), BERTH_OK);
    assert_memory_equal(reply.data, &pages, 4);
    more--;
    memcpy(grow + 1, &more, 4);
    assert_int_equal(slot_rig_call(r, slot, grow, 5, &reply), BERTH_OK);
    memcpy(&pages, reply.data, 4);
    assert_int_equal(pages, 16);
}

static void tables_grow_to_the_limit_and_not_past_it(void **state)
{
    slot_rig *r = *state;
    /* reply is the byte at 2048: 1 when growing to 10 000 worked and growing on did not */
    plugin_spec spec = { .table_min = 1,
                         .hook = PLUGIN_CODE(
                             0x41, 0x80, 0x10,                         /* address */
                             0xd0, 0x70, 0x41, 0x8f, 0xce, 0x00,       /* null, 9999 */
                             0xfc, 0x0f, 0x00, 0x41, 0x01, 0x46,       /* grow; == 1 */
                             0xd0, 0x70, 0x41, 0x01, 0xfc, 0x0f, 0x00, /* null, 1; grow */
                             0x41, 0x7f, 0x46, 0x71,                   /* == -1; and */
                             0x3a, 0x00, 0x00,                         /* store8 */
                             PLUGIN_I64(0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02)) };
    berth_slot *slot = open_strict(r, "tables");
    berth_reply reply;

    assert_int_equal(slot_rig_install_spec(r, slot, &spec), 1);
    assert_int_equal(slot_rig_call(r, slot, NULL, 0, &reply), BERTH_OK);
    assert_int_equal(reply.size, 1);
    assert_int_equal(*(const uint8_t *)reply.data, 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(what_a_probe_meets_is_refused_and_nothing_changes),
        slot_test(every_declared_hook_is_probed),
        slot_test(a_reply_may_lie_in_memory_that_was_grown_for_it),
        slot_test(memory_that_grew_during_the_call_is_seen_again),
        slot_test(a_reply_may_end_where_memory_ends_and_not_one_byte_later),
        slot_test(a_reply_may_start_anywhere),
        slot_test(a_reply_may_be_a_part_of_the_input),
        slot_test(a_reply_of_no_bytes_at_a_place_is_an_empty_reply),
        slot_test(what_a_call_meets_ends_the_instance_and_nothing_else),
        slot_test(a_thousand_traps_leak_nothing),
        slot_test(memory_grows_to_the_limit_and_not_past_it),
        slot_test(tables_grow_to_the_limit_and_not_past_it),
    };

    return slot_rig_run("hostile guests", tests, sizeof tests / sizeof *tests);
}
