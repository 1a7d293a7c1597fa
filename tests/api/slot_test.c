/* slot_test.c - opening and finding slots: keys, names, options of today and of the future, and
 * runtimes beside each other. */
#include <pthread.h>
#include <string.h>

#include "slot_rig.h"

static berth_status open_named(slot_rig *r, const char *tenant, const char *name,
                               berth_slot **slot_out)
{
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;

    opt.tenant = tenant;
    opt.name = name;
    opt.deadline_ns = opt.probe_deadline_ns = SLOT_RIG_PATIENCE_NS;
    memset(&r->diag, 0, sizeof r->diag);
    return berth_slot_open(r->runtime, &opt, slot_out, &r->diag);
}

static void a_slot_is_found_by_tenant_and_name(void **state)
{
    slot_rig *r = *state;
    static const char *const keys[3][2] = { { "", "x" }, { "t", "x" }, { "t", "y" } };
    berth_slot *slots[4], *found;

    assert_int_equal(open_named(r, NULL, "x", &slots[0]), BERTH_OK);
    assert_int_equal(open_named(r, "t", "x", &slots[1]), BERTH_OK);
    assert_int_equal(open_named(r, "t", "y", &slots[2]), BERTH_OK);
    assert_int_equal(open_named(r, "tx", "", &slots[3]), BERTH_E_INVALID);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(berth_slot_find(r->runtime, keys[i][0], keys[i][1], &found), BERTH_OK);
        assert_ptr_equal(found, slots[i]);
        berth_slot_release(found);
        berth_slot_release(slots[i]);
    }
    assert_int_equal(berth_slot_find(r->runtime, NULL, "x", &found), BERTH_OK);
    assert_ptr_equal(found, slots[0]);
    berth_slot_release(found);
    found = slots[0];
    assert_int_equal(berth_slot_find(r->runtime, "", "tx", &found), BERTH_E_ABSENT);
    assert_int_equal(berth_slot_find(r->runtime, "x", "t", &found), BERTH_E_ABSENT);
    assert_ptr_equal(found, slots[0]);
    assert_int_equal(slot_rig_runtime_stats(r).slots, 3);
}

static void a_key_is_taken_once(void **state)
{
    slot_rig *r = *state;
    berth_slot *a, *b = NULL;

    assert_int_equal(open_named(r, "t", "x", &a), BERTH_OK);
    slot_rig_check(r, open_named(r, "t", "x", &b), BERTH_E_STATE, BERTH_REASON_NONE,
                   "slot 'x' of tenant 't' exists");
    assert_null(b);
    berth_slot_release(a);
}

static void a_slot_stays_without_any_handle(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot;

    assert_int_equal(open_named(r, NULL, "x", &slot), BERTH_OK);
    slot_rig_install_answering(r, slot, 4);
    berth_slot_release(slot);
    assert_int_equal(berth_slot_find(r->runtime, NULL, "x", &slot), BERTH_OK);
    assert_int_equal(slot_rig_answer(r, slot), 4);
    berth_slot_release(slot);
    berth_slot_release(NULL);
}

static void names_have_one_to_64_printable_bytes(void **state)
{
    static const char *const bad[] = {
        "",     "a\nb", "a\tb",         "\x7f",         "a\x1b[m",         "\xc2\x9b",
        "\xff", "\xc3", "\xed\xa0\x80", "\xe2\x80\xae", "\xf8\x88\x80\x80"
    };
    slot_rig *r = *state;
    berth_slot *slot = NULL;
    char name[66];

    memset(name, 'n', sizeof name);
    name[64] = '\0';
    assert_int_equal(open_named(r, name, name, &slot), BERTH_OK);
    berth_slot_release(slot);
    slot = NULL;
    name[64] = 'n';
    name[65] = '\0';
    slot_rig_check(r, open_named(r, NULL, name, &slot), BERTH_E_INVALID, BERTH_REASON_NAME,
                   "1 to 64");
    slot_rig_check(r, open_named(r, name, "x", &slot), BERTH_E_INVALID, BERTH_REASON_NAME,
                   "0 to 64");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(open_named(r, NULL, bad[i], &slot), BERTH_E_INVALID);
        assert_int_equal(r->diag.reason, BERTH_REASON_NAME);
        for (const char *c = r->diag.text; *c != '\0'; c++)
            assert_true(*c >= 0x20 && *c < 0x7f); /* safe to show on a terminal */
        if (i > 0)
            assert_int_equal(open_named(r, bad[i], "x", &slot), BERTH_E_INVALID);
    }
    assert_null(slot);
    assert_int_equal(open_named(r, "m\xc3\xbcnchen", "d\xc3\xbcse 1", &slot), BERTH_OK);
    berth_slot_release(slot);
    assert_int_equal(open_named(r, NULL, NULL, &slot), BERTH_E_INVALID);
}

static void hook_names_are_numbered_once_and_bounded(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "hooks", NULL);
    char name[66] = "a";
    uint32_t hook;

    for (uint32_t i = 0; i < 32; i++) {
        name[1] = (char)('a' + i / 2);
        name[2] = i % 2 == 0 ? '\0' : 'z';
        assert_int_equal(slot_rig_hook(r, slot, name), i);
        assert_int_equal(slot_rig_hook(r, slot, name), i);
    }
    slot_rig_check(r, berth_slot_hook(slot, "other", &hook, &r->diag), BERTH_E_LIMIT,
                   BERTH_REASON_NAME, "32 hook names");
    assert_int_equal(slot_rig_hook(r, slot, "aa"), 0);
    assert_int_equal(berth_slot_hook(slot, "", &hook, &r->diag), BERTH_E_INVALID);
    assert_int_equal(berth_slot_hook(slot, "a\n", &hook, &r->diag), BERTH_E_INVALID);
    /* A plugin whose hook has no number left is refused; nothing of it stays. */
    assert_int_not_equal(slot_rig_try_spec(r, slot, &(plugin_spec){ .number = 1 }), BERTH_OK);
    assert_int_equal(slot_rig_stats(slot).instances_live, 0);
}

static void options_out_of_range_are_refused(void **state)
{
    slot_rig *r = *state;
    berth_slot_options opts[8];
    berth_slot *slot = NULL;

    for (size_t i = 0; i < 8; i++) {
        opts[i] = (berth_slot_options)BERTH_SLOT_OPTIONS_INIT;
        opts[i].name = "x";
    }
    opts[0].policy = 3;
    opts[1].flags = 1u << 31;
    opts[2].memory_bytes_max = (UINT64_C(64) << 20) + 65536; /* more than the runtime's */
    opts[3].calls_max = 65537;
    opts[4].instances_max = 4097;
    opts[5].profile = "berth-hook/2";
    opts[6].kind = "nonsense";
    opts[7].profile = "berth-hook/1";
    opts[7].kind = "filter"; /* another profile's */
    for (size_t i = 0; i < 8; i++) {
        memset(&r->diag, 0, sizeof r->diag);
        if (berth_slot_open(r->runtime, &opts[i], &slot, &r->diag) != BERTH_E_INVALID)
            fail_msg("row %zu", i);
        assert_int_equal(r->diag.status, BERTH_E_INVALID);
        assert_true(r->diag.text[0] != '\0');
    }
    assert_null(slot);
    assert_int_equal(slot_rig_runtime_stats(r).slots, 0);
}

typedef struct options_of_the_future {
    berth_slot_options known;
    uint64_t unknown;
} options_of_the_future;

static void options_of_the_future_are_refused_only_if_they_say_something(void **state)
{
    slot_rig *r = *state;
    options_of_the_future future = { BERTH_SLOT_OPTIONS_INIT, 0 };
    berth_slot_options past = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *slot = NULL;

    future.known.size = sizeof future;
    future.known.name = "future";
    future.unknown = 1;
    assert_int_equal(berth_slot_open(r->runtime, &future.known, &slot, &r->diag),
                     BERTH_E_VERSION);
    assert_int_equal(r->diag.status, BERTH_E_VERSION);
    future.unknown = 0;
    assert_int_equal(berth_slot_open(r->runtime, &future.known, &slot, &r->diag), BERTH_OK);
    berth_slot_release(slot);
    past.size = offsetof(berth_slot_options, profile); /* when there was nothing behind it */
    past.name = "past";
    past.profile = "no such profile";
    assert_int_equal(berth_slot_open(r->runtime, &past, &slot, &r->diag), BERTH_OK);
    berth_slot_release(slot);
    past.size = 0;
    assert_int_equal(berth_slot_open(r->runtime, &past, &slot, &r->diag), BERTH_E_INVALID);
}

static void runtime_options_out_of_range_are_refused(void **state)
{
    berth_runtime_options opts[8];
    berth_runtime *runtime = NULL;
    slot_rig *r = *state;
    berth_allocator half = { NULL, r->allocator.alloc, NULL };

    for (size_t i = 0; i < 8; i++) {
        opts[i] = (berth_runtime_options)BERTH_RUNTIME_OPTIONS_INIT;
        opts[i].engine = r->engine;
    }
    opts[0].instances_max = 4097;
    opts[1].stack_bytes_max = 1000;
    opts[2].stack_bytes_max = 3 << 20;
    opts[3].memory_bytes_max = 65537;
    opts[4].memory_bytes_max = (UINT64_C(4) << 30) + 65536;
    opts[5].artifact_bytes_max = (UINT64_C(1) << 30) + 1;
    opts[6].allocator = &half;
    opts[7].size = 2;
    for (size_t i = 0; i < 8; i++)
        if (berth_runtime_create(&opts[i], &runtime, &r->diag) != BERTH_E_INVALID)
            fail_msg("row %zu", i);
    opts[0] = (berth_runtime_options)BERTH_RUNTIME_OPTIONS_INIT;
    opts[0].engine = "steam";
    assert_int_equal(berth_runtime_create(&opts[0], &runtime, &r->diag), BERTH_E_ABSENT);
    assert_non_null(strstr(r->diag.text, "steam"));
    assert_null(runtime);
    assert_string_equal(berth_runtime_engine(r->runtime), r->engine);
}

/* ---- runtimes and threads ---- */

typedef struct two {
    berth_slot *slots[2];
    uint64_t wrong;
} two;

static void *call_both(void *arg)
{
    two *t = arg;
    berth_arena *arena;
    berth_reply reply;

    if (berth_arena_create(NULL, 0, &arena, NULL) != BERTH_OK)
        return NULL;
    for (unsigned i = 0; i < 2000; i++) {
        berth_call call = BERTH_CALL_INIT;
        uint64_t number = 0;

        call.arena = arena; /* the only hook is number 0 */
        if (berth_slot_call(t->slots[i % 2], &call, &reply, NULL) == BERTH_OK)
            memcpy(&number, reply.data, sizeof number);
        t->wrong += number != 10 + i % 2;
        berth_arena_reset(arena);
    }
    berth_arena_destroy(arena);
    return NULL;
}

static void runtimes_share_nothing_and_threads_use_both(void **state)
{
    slot_rig *r = *state;
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    bertht_memory memory;
    berth_allocator allocator;
    berth_runtime *first = r->runtime, *second;
    two t[2] = { { .wrong = 0 } }, mine;
    pthread_t threads[2];
    berth_slot *other;

    memory_init(&memory);
    allocator = memory_allocator(&memory);
    options.engine = r->engine;
    options.allocator = &allocator;
    options.instances_max = 16;
    assert_int_equal(berth_runtime_create(&options, &second, &r->diag), BERTH_OK);
    t[0].slots[0] = slot_rig_open(r, "same", NULL);
    slot_rig_install_answering(r, t[0].slots[0], 10);
    r->runtime = second;
    assert_int_equal(open_named(r, NULL, "same", &other), BERTH_OK);
    slot_rig_install_answering(r, other, 11);
    r->runtime = first;
    t[0].slots[1] = other;
    mine = t[1] = t[0];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_both, &t[i]), 0);
    assert_null(call_both(&mine)); /* this thread too */
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(t[0].wrong + t[1].wrong + mine.wrong, 0);
    assert_int_equal(slot_rig_answer(r, other), 11);
    berth_slot_release(other);
    berth_runtime_destroy(second);
    memory_assert_empty(&memory);
    assert_int_equal(slot_rig_answer(r, t[0].slots[0]), 10);
}

static void threads_that_end_leave_their_places_to_others(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "threads", NULL);
    size_t bytes = 0;

    slot_rig_install_answering(r, slot, 1);
    for (int i = 0; i < 1300; i++) { /* more than there are records */
        slot_rig_caller c = { .slot = slot, .times = 1 };

        slot_rig_caller_start(&c);
        slot_rig_caller_join(&c);
        assert_int_equal(c.by_status[BERTH_OK], 1);
        if (i == 10)
            bytes = atomic_load(&r->memory.live_bytes);
    }
    assert_int_equal(atomic_load(&r->memory.live_bytes), bytes);
    assert_int_equal(slot_rig_runtime_stats(r).threads, 0);
    assert_int_equal(slot_rig_stats(slot).answered, 1300);
    assert_int_equal(slot_rig_stats(slot).instances_live, 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(a_slot_is_found_by_tenant_and_name),
        slot_test(a_key_is_taken_once),
        slot_test(a_slot_stays_without_any_handle),
        slot_test(names_have_one_to_64_printable_bytes),
        slot_test(hook_names_are_numbered_once_and_bounded),
        slot_test(options_out_of_range_are_refused),
        slot_test(options_of_the_future_are_refused_only_if_they_say_something),
        slot_test(runtime_options_out_of_range_are_refused),
        slot_test(runtimes_share_nothing_and_threads_use_both),
        slot_test(threads_that_end_leave_their_places_to_others),
    };

    return slot_rig_run("slots", tests, sizeof tests / sizeof *tests);
}
